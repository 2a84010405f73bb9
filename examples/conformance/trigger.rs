//! Triggers in the notation of the scenarios, which is that of their `Display`.

use purlin::{TimeTransform, Trigger};

use super::parse::number;

/// Deeper ones would be a mistake, and not let the stack overflow.
const DEPTH_MAX: usize = 32;

/// Reads a trigger that is all of `text`.
pub(super) fn trigger(text: &str) -> Result<Trigger, String> {
    let mut left = text;
    let trigger = read(&mut left, DEPTH_MAX)?;
    if left.is_empty() { Ok(trigger) } else { Err(format!("`{left}` is left after the trigger `{trigger}`")) }
}

/// Reads a trigger from the front of `text`.
fn read(text: &mut &str, depth_left: usize) -> Result<Trigger, String> {
    let depth_left = depth_left.checked_sub(1).ok_or_else(|| format!("triggers are nested deeper than {DEPTH_MAX}"))?;
    let name = word(text);
    let (mut parts, mut numbers) = (Vec::new(), Vec::new());
    let (mut early, mut late) = (None, None);
    if eat(text, "(") && !eat(text, ")") {
        loop {
            if eat(text, "early=") {
                early = Some(Box::new(read(text, depth_left)?));
            } else if eat(text, "late=") {
                late = Some(Box::new(read(text, depth_left)?));
            } else if text.starts_with(|c: char| c.is_ascii_digit()) {
                numbers.push(number::<i64>(word(text))?);
            } else {
                parts.push(read(text, depth_left)?);
            }
            if eat(text, ")") {
                break;
            }
            if !eat(text, ",") {
                return Err(format!("expected `,` or `)` in `{name}(..)`, found `{text}`"));
            }
        }
    }
    made(name, parts, &numbers, early, late).ok_or_else(|| format!("`{name}` with these arguments is no trigger"))
}

fn made(
    name: &str,
    mut parts: Vec<Trigger>,
    numbers: &[i64],
    early: Option<Box<Trigger>>,
    late: Option<Box<Trigger>>,
) -> Option<Trigger> {
    if (early.is_some() || late.is_some()) && name != "watermark" {
        return None;
    }
    let after = |transform| Trigger::AfterProcessingTime { transforms: vec![transform] };
    Some(match (name, parts.len(), numbers) {
        ("default", 0, []) => Trigger::Default,
        ("never", 0, []) => Trigger::Never,
        ("count", 0, [count]) if *count > 0 => Trigger::AfterCount(count.unsigned_abs()),
        ("pt", 0, [delay_ms]) => after(TimeTransform::Delay(*delay_ms)),
        ("ptalign", 0, [period_ms, offset_ms]) if *period_ms > 0 => {
            after(TimeTransform::Align { period_ms: *period_ms, offset_ms: *offset_ms })
        }
        ("watermark", 0, []) => Trigger::AfterWatermark { early, late },
        ("each", 1.., []) => Trigger::AfterEach(parts),
        ("first", 1.., []) => Trigger::AfterFirst(parts),
        ("all", 1.., []) => Trigger::AfterAll(parts),
        ("repeatedly", 1, []) => parts.pop()?.repeatedly(),
        ("orFinally", 2, []) => {
            let until = parts.pop()?;
            parts.pop()?.or_finally(until)
        }
        _ => return None,
    })
}

fn eat(text: &mut &str, prefix: &str) -> bool {
    let rest = text.trim_start().strip_prefix(prefix);
    *text = rest.map_or(*text, str::trim_start);
    rest.is_some()
}

fn word<'a>(text: &mut &'a str) -> &'a str {
    let (word, rest) = text.split_at(text.find(|c: char| !c.is_alphanumeric()).unwrap_or(text.len()));
    *text = rest;
    word
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_trigger_is_read_as_it_is_displayed() {
        for text in [
            "default",
            "watermark()",
            "watermark(late=count(1))",
            "each(count(2),ptalign(5,1),first(pt(3),never))",
            "repeatedly(orFinally(all(count(1),count(2)),watermark(early=pt(3),late=default)))",
        ] {
            assert_eq!(trigger(text).map(|trigger| trigger.to_string()), Ok(text.to_string()));
        }
        assert_eq!(
            trigger("each(count(2), never)").map(|trigger| trigger.to_string()),
            Ok("each(count(2),never)".into())
        );
    }

    #[test]
    fn what_is_no_trigger_is_refused() {
        let deep = "repeatedly(".repeat(100_000);
        for text in [
            "",
            "often",
            "count(0)",
            "count(2",
            "count(2))",
            "count(a)",
            "each()",
            "orFinally(never)",
            "each(early=never)",
            &deep,
        ] {
            assert!(trigger(text).is_err(), "{text}");
        }
    }
}
