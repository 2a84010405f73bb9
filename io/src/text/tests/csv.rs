use proptest::prelude::*;
use serde::{Deserialize, Serialize};

use super::*;
use crate::DeadLetter;
use crate::text::csv::positions;
use crate::text::{CsvSource, TextError};

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
struct Order {
    customer: i64,
    note: Option<String>,
}

fn order(customer: i64, note: &str) -> Order {
    Order { customer, note: Some(note.to_owned()) }
}

#[test]
fn columns_are_matched_by_name() {
    let (_dir, path) = file("a.csv", "\u{feff}note,other,customer\r\n\"two\nlines, one \"\"field\"\"\",x,1\r\n,,2\r\n");
    let found = read(&CsvSource::<Order>::new(&path), 9).unwrap();
    assert_eq!(found, [order(1, "two\nlines, one \"field\""), Order { customer: 2, note: None }]);
}

#[test]
fn without_a_header_fields_are_matched_by_order() {
    let (_dir, path) = file("a.csv.zst", "1;a\n2;b");
    let found = read(&CsvSource::<Order>::new(&path).without_header().delimiter(b';'), 9).unwrap();
    assert_eq!(found, [order(1, "a"), order(2, "b")]);
}

#[test]
fn a_header_alone_or_nothing_has_no_rows() {
    for content in ["customer,note", "customer,note\n", "\n\n", ""] {
        let (_dir, path) = file("a.csv", content);
        assert_eq!(read(&CsvSource::<Order>::new(&path), 1).unwrap(), []);
    }
}

#[test]
fn every_file_has_its_own_header() {
    let (dir, _) = file("a.csv", "customer,note\n1,a\n");
    write(&dir.path().join("b.csv"), b"note,customer\nb,2\n");
    assert_eq!(read(&CsvSource::<Order>::new(dir.path()), 1).unwrap(), [order(1, "a"), order(2, "b")]);
}

const FAULTY: &str = "customer,note\r\n1,a\r\nx,\"b\r\nc\"\r\n\r\n3,c\r\n4,d,e\r\n5,e";

#[test]
fn malformed_rows_say_where_and_why() {
    let (_dir, path) = file("a.csv", FAULTY);
    let message = failure(&CsvSource::<Order>::new(&path));
    assert!(
        message.contains("a.csv line 3: column `customer`: invalid digit found in string; with `.or_dead"),
        "{message}"
    );

    let found = read(&CsvSource::<Order>::new(&path).or_dead_letter(), 1).unwrap();
    let letter = |line: u64, payload: &str, error: &str| DeadLetter {
        origin: format!("{} line {line}", path.display()),
        payload: payload.into(),
        error: error.into(),
    };
    assert_eq!(
        found,
        [
            Ok(order(1, "a")),
            Err(letter(3, "x,\"b\r\nc\"", "column `customer`: invalid digit found in string")),
            Ok(order(3, "c")),
            Err(letter(7, "4,d,e", "the row has 3 fields, but the header has 2")),
            Ok(order(5, "e")),
        ]
    );
}

#[test]
fn a_column_that_is_missing_is_named() {
    let (_dir, path) = file("a.csv", "client,note\n1,a\n");
    assert!(failure(&CsvSource::<Order>::new(&path)).contains("line 2: missing field `customer`"));
}

#[test]
fn a_quote_that_is_never_closed_does_not_take_all_memory() {
    let (_dir, path) = file("a.csv", format!("customer,note\n1,a\n2,\"{}", "b\n".repeat(100_000)));
    let error = read(&CsvSource::<Order>::new(&path).max_record_bytes(1_000), 1).unwrap_err();
    assert!(matches!(error.downcast_ref(), Some(TextError::TooLong { .. })), "{error}");
    assert!(error.to_string().contains("a.csv line 3: the record is longer than 1000 bytes"), "{error}");
}

/// Opens the position behind every row again, with readers that give one row at a time.
fn check_resuming(content: &str, name: &str) {
    let (_dir, path) = file(name, content);
    let source = CsvSource::<Order>::new(&path).or_dead_letter();
    let all = read(&source, 1).unwrap();
    let positions = positions(path, &source);
    assert_eq!(positions.len(), all.len());
    for (i, position) in positions.into_iter().enumerate() {
        assert_eq!(read_split(&source, position).unwrap(), all[i + 1..], "after row {i} of {content:?}");
    }
}

#[test]
fn faulty_rows_have_the_same_origin_after_resuming() {
    for name in ["a.csv", "a.csv.gz"] {
        check_resuming(FAULTY, name);
    }
}

proptest! {
    #[test]
    fn every_position_resumes(rows in prop::collection::vec((any::<i8>(), "[a\",\n\rä]{0,5}"), 0..12), crlf: bool) {
        let terminator = if crlf { ::csv::Terminator::CRLF } else { ::csv::Terminator::Any(b'\n') };
        let mut writer = ::csv::WriterBuilder::new().terminator(terminator).from_writer(Vec::new());
        for (customer, note) in &rows {
            writer.serialize(order(i64::from(*customer), note)).unwrap();
        }
        check_resuming(&String::from_utf8(writer.into_inner().unwrap()).unwrap(), "a.csv");
    }
}
