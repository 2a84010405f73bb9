//! A file of a checkpoint, of every kind: as it is, and with a right frame around an arbitrary body.
#![no_main]

use std::fmt::Debug;

use libfuzzer_sys::fuzz_target;
use purlin_fuzz::files::framed;
use purlin_fuzz::parts::next_byte;
use purlin_runners::checkpoint::format::{FileKind, decode, encode};
use purlin_runners::checkpoint::{Commit, Manifest};
use serde::Serialize;
use serde::de::DeserializeOwned;

/// The directory of a segment: operator, worker, workers, stored bytes, bytes, checksum.
type Directory = Vec<(String, u32, u32, u64, u64, u64)>;

fuzz_target!(|input: &[u8]| {
    let mut bytes = input;
    match next_byte(&mut bytes) % 5 {
        0 => check::<String>(FileKind::Job, bytes),
        1 => check::<u64>(FileKind::Incarnation, bytes),
        2 => check::<Directory>(FileKind::Segment, bytes),
        3 => check::<Manifest>(FileKind::Manifest, bytes),
        _ => check::<Commit>(FileKind::Commit, bytes),
    }
});

fn check<T: Serialize + DeserializeOwned + PartialEq + Debug>(kind: FileKind, bytes: &[u8]) {
    for file in [bytes, &framed(kind, bytes)] {
        if let Ok(body) = decode::<T>(kind, file) {
            let written = encode(kind, &body).expect("what was read can be written");
            assert_eq!(decode::<T>(kind, &written).as_ref(), Ok(&body));
        }
    }
}
