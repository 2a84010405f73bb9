//! Records of a log, as anybody may have written them: with dead letters each is an element, without them the same one or an error; and the record
//! of a job's progress.
#![no_main]

use std::cell::LazyCell;
use std::fmt::Debug;

use libfuzzer_sys::fuzz_target;
use purlin_fuzz::parts::{next, next_byte};
use purlin_io::DeadLetter;
use purlin_io::kafka::{KafkaSource, Record};
use purlin_model::{BoxError, Element, Timestamp};
use purlin_runners::checkpoint::Commit;
use serde::{Deserialize, Serialize};

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
struct Order {
    customer: i64,
    amount: Option<f64>,
    note: String,
    #[serde(default)]
    at: Timestamp,
}

type Json = serde_json::Value;

/// One source as it is, and one that gives dead letters.
struct Sources<T>(KafkaSource<T>, KafkaSource<Result<T, DeadLetter>>);

impl<T: Element + Debug> Sources<T> {
    fn new(source: impl Fn(KafkaSource) -> KafkaSource<T>) -> Self {
        let new = || source(KafkaSource::new("localhost:1", ["fuzzed"]));
        Sources(new(), new().or_dead_letter())
    }

    fn check(&self, record: &Record<'_>) {
        let (lenient, at) = self.1.element_of(record).expect("with dead letters nothing fails");
        assert!(at.is_valid_for_element(), "{at:?}");
        match (self.0.element_of(record), lenient) {
            (Ok((one, its)), Ok(other)) => assert_eq!((format!("{one:?}"), its), (format!("{other:?}"), at)),
            (Err(error), Err(letter)) => {
                assert_eq!(letter.payload, record.payload.unwrap_or_default());
                assert_eq!(letter.error, error.to_string());
            }
            (one, other) => panic!("{one:?} without dead letters, {other:?} with them"),
        }
    }
}

/// A user's format, from all that a record has.
fn pair(record: &Record<'_>) -> Result<(String, Option<i32>), BoxError> {
    let name = std::str::from_utf8(record.key.ok_or("it has no key")?)?;
    let number = record.payload.map(|payload| postcard::from_bytes(payload)).transpose()?;
    Ok((format!("{name} {}", record.headers().count()), number))
}

struct All {
    bytes: Sources<Vec<u8>>,
    json: Sources<Json>,
    orders: Sources<Order>,
    timed: Sources<Order>,
    pairs: Sources<(String, Option<i32>)>,
}

thread_local! {
    static ALL: LazyCell<All> = LazyCell::new(|| All {
        bytes: Sources::new(|source| source.bytes()),
        json: Sources::new(|source| source.json()),
        orders: Sources::new(|source| source.json()),
        timed: Sources::new(|source| source.json::<Order>().event_time(|order| order.at)),
        pairs: Sources::new(|source| source.decode(pair)),
    });
}

fuzz_target!(|input: &[u8]| {
    let mut rest = input;
    let how = next_byte(&mut rest);
    if how % 8 == 7 {
        return progress(rest);
    }
    let mut numbers = [0; 8];
    let given = next(&mut rest);
    numbers[..given.len().min(8)].copy_from_slice(&given[..given.len().min(8)]);
    let number = i64::from_le_bytes(numbers);
    let key = next(&mut rest);
    let mut record = Record::of("fuzzed", rest);
    (record.partition, record.offset) = (number as i32, number.rotate_left(7));
    record.timestamp = (how & 0x80 == 0).then(|| Timestamp::from_millis(number));
    record.key = (how & 0x40 == 0).then_some(key);
    record.payload = record.payload.filter(|_| how & 0x30 != 0x30);
    ALL.with(|all| match how % 8 {
        0 => all.bytes.check(&record),
        1 => all.json.check(&record),
        2 | 3 => all.orders.check(&record),
        4 | 5 => all.timed.check(&record),
        _ => all.pairs.check(&record),
    });
});

fn progress(bytes: &[u8]) {
    if let Ok(commit) = Commit::from_record(bytes) {
        assert_eq!(Commit::from_record(&commit.to_record()).expect("what was written can be read"), commit);
    }
}
