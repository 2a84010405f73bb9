//! "Did you mean": the names nearest to a misspelt one.

/// How many names a message lists.
const LISTED: usize = 10;

/// What to tell someone who asked for a topic `wanted` that is not among `there`.
pub(crate) fn hint(wanted: &str, there: &[String]) -> String {
    let there: Vec<&str> = there.iter().map(String::as_str).filter(|name| !name.starts_with("__")).collect();
    if there.is_empty() {
        return "there are no topics at all: create it first".into();
    }
    let allowed = (wanted.len() / 3).max(1);
    let similar = |name: &&&str| distance(wanted, name) <= allowed || name.contains(wanted) || wanted.contains(**name);
    let mut near: Vec<&str> = there.iter().filter(similar).copied().collect();
    near.sort_by_key(|name| distance(wanted, name));
    near.truncate(LISTED);
    if !near.is_empty() {
        return format!("did you mean `{}`? Otherwise create it first", near.join("`, `"));
    }
    let more = there.len().saturating_sub(LISTED);
    let listed = there[..there.len() - more].join("`, `");
    let more = if more > 0 { format!(" and {more} more") } else { String::new() };
    format!("there are `{listed}`{more}; create it first")
}

/// How many letters differ (Levenshtein).
fn distance(a: &str, b: &str) -> usize {
    let b: Vec<char> = b.chars().collect();
    let mut row: Vec<usize> = (0..=b.len()).collect();
    for (i, letter) in a.chars().enumerate() {
        let mut diagonal = row[0];
        row[0] = i + 1;
        for (j, other) in b.iter().enumerate() {
            let replaced = diagonal + usize::from(letter != *other);
            diagonal = row[j + 1];
            row[j + 1] = replaced.min(row[j] + 1).min(diagonal + 1);
        }
    }
    row[b.len()]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hints_name_what_is_near_or_there() {
        let there = ["__consumer_offsets", "orders", "totals"].map(String::from);
        let check = |wanted, expected: &str| assert_eq!(hint(wanted, &there), expected);
        check("order", "did you mean `orders`? Otherwise create it first");
        check("odrers", "did you mean `orders`? Otherwise create it first");
        check("clicks", "there are `orders`, `totals`; create it first");
        let many: Vec<String> = (0..100).map(|n| format!("orders-of-the-year-{n}")).collect();
        assert!(
            hint("odrers-of-the-year-77", &many).starts_with("did you mean `orders-of-the-year-77`, "),
            "the nearest first"
        );
        assert_eq!(hint("orders", &there[..1]), "there are no topics at all: create it first");
    }
}
