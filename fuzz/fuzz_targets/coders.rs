//! Elements as bytes, by each coder: what is taken is written and taken again, and no more is read than that.
#![no_main]

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Debug;
use std::time::Duration;

use libfuzzer_sys::fuzz_target;
use purlin_fuzz::parts::next_byte;
use purlin_model::bundle::{ElementSides, decode_bundle};
use purlin_model::coder::{Coder, Json, Postcard, TypedCoder};
use purlin_model::{Element, Timestamp};
use serde::{Deserialize, Serialize};

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
struct Order {
    customer: i64,
    items: Vec<(String, u32)>,
    paid: Option<Payment>,
    at: Timestamp,
    notes: BTreeMap<String, Vec<Option<char>>>,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
enum Payment {
    Cash,
    Card { number: String, valid: Duration },
    Parts(Vec<Payment>),
}

fuzz_target!(|input: &[u8]| {
    let mut bytes = input;
    match next_byte(&mut bytes) % 8 {
        0 => check::<Order>(Postcard, bytes),
        1 => check::<Vec<Result<(u8, i128), BTreeSet<Option<Box<str>>>>>>(Postcard, bytes),
        2 => check::<ElementSides>(Postcard, bytes),
        3 => check::<Order>(Json, bytes),
        4 => check::<serde_json::Value>(Json, bytes),
        5 => bundle::<Order>(bytes),
        6 => bundle::<(u8, i64)>(bytes),
        _ => bundle::<String>(bytes),
    }
});

fn check<T: Element + PartialEq + Debug>(coder: impl Coder<T>, bytes: &[u8]) {
    let mut rest = bytes;
    let Ok(value) = coder.decode(&mut rest) else { return };
    assert!(bytes.ends_with(rest), "it is moved past the value");
    let mut written = Vec::new();
    coder.encode(&value, &mut written).expect("what was read can be written");
    written.push(0xff);
    let mut rest = written.as_slice();
    assert_eq!(coder.decode(&mut rest).expect("what was written can be read"), value);
    assert_eq!(rest, [0xff]);
}

fn bundle<T: Element>(bytes: &[u8]) {
    let coder = TypedCoder::<T>::standard();
    let mut into = coder.new_bundle();
    if decode_bundle(&*coder, bytes, &mut *into).is_ok() {
        for (_, sides) in into.downcast::<T>().drain() {
            // No window function gives more; a few tell as much as all.
            sides.windows.iter().take(100).for_each(drop);
        }
    }
}
