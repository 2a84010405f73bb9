use super::*;
use crate::DeadLetter;
use crate::text::JsonLinesSource;

type Pair = (String, i64);

#[test]
fn a_value_per_line_and_nothing_for_blank_ones() {
    let (_dir, path) = file("a.jsonl", "[\"a\", 1]\r\n\n   \n[\"b\\n\", -2]");
    let found = read(&JsonLinesSource::<Pair>::new(&path), 1).unwrap();
    assert_eq!(found, [("a".to_string(), 1), ("b\n".to_string(), -2)]);
}

#[test]
fn malformed_lines_say_where_and_why() {
    let (_dir, path) = file("a.jsonl.gz", "[\"a\", 1]\n\n[\"b\"]\n[\"c\", 3]\n");
    let message = failure(&JsonLinesSource::<Pair>::new(&path));
    assert!(
        message.contains("a.jsonl.gz line 3: invalid length 1, expected a tuple of size 2 (column 5); with"),
        "{message}"
    );

    let found = read(&JsonLinesSource::<Pair>::new(&path).or_dead_letter(), 1).unwrap();
    let letter = DeadLetter {
        origin: format!("{} line 3", path.display()),
        payload: b"[\"b\"]".to_vec(),
        error: "invalid length 1, expected a tuple of size 2 (column 5)".into(),
    };
    assert_eq!(found, [Ok(("a".to_string(), 1)), Err(letter), Ok(("c".to_string(), 3))]);
}
