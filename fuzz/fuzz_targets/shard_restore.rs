//! A shard of work by key takes over anything: what it takes, it can go on with and write.
//!
//! The input: which work; how many shards, and which of them; in which order the snapshot names what is kept; then parts: the snapshots of two old shards, and a log of their entries.
#![no_main]

use libfuzzer_sys::fuzz_target;
use purlin_fuzz::machines::ALL;
use purlin_fuzz::parts::{next, next_byte};
use purlin_model::Timestamp;
use purlin_model::coder::{Coder, Postcard};
use purlin_model::snapshot::{StateLog, StateTable};

fuzz_target!(|input: &[u8]| {
    let mut rest = input;
    let work = &ALL[usize::from(next_byte(&mut rest)) % ALL.len()];
    let shards = usize::from(next_byte(&mut rest) % 3) + 1;
    let shard = usize::from(next_byte(&mut rest)) % shards;
    let mut types = work.state_types();
    let first = usize::from(next_byte(&mut rest)) % types.len();
    types.rotate_left(first);
    let snapshots = [next(&mut rest), next(&mut rest)];
    let snapshots: Vec<_> = snapshots.into_iter().filter_map(|mut bytes| Postcard.decode(&mut bytes).ok()).collect();
    let mut table = StateTable::default();
    if table.apply(rest, 0, 1).is_err() {
        return;
    }
    let entries = table.into_shards(shards).swap_remove(shard);
    let mut machine = work.shard(shard, shards);
    if machine.restore(entries, &snapshots, &types).is_err() {
        return;
    }
    let mut log = StateLog::default();
    machine.snapshot(&mut log).expect("what was taken over can be written");
    if work.drive(&mut machine, &[15], Timestamp::from_millis(20)).is_ok() {
        let _ = work.drive(&mut machine, &[], Timestamp::MAX);
    }
    let _ = machine.snapshot(&mut log);
});
