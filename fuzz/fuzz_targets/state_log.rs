//! A log of changes of state, read and applied: what it makes is what the logs of the table make again.
#![no_main]

use std::collections::BTreeMap;

use libfuzzer_sys::fuzz_target;
use purlin_model::snapshot::{StateRecords, StateTable};

fuzz_target!(|log: &[u8]| {
    assert!(StateRecords::new(log).count() <= log.len() + 1, "it ends");
    let mut table = StateTable::default();
    if table.apply(log, 1, 3).is_err() {
        return;
    }
    let contents = |table: StateTable| -> BTreeMap<_, _> {
        let entries = table.into_shards(3).into_iter().flatten();
        entries.map(|entry| ((entry.window, entry.key), (entry.value, entry.deltas))).collect()
    };
    let (mut whole, mut pieces) = (StateTable::default(), StateTable::default());
    whole.apply(table.log().bytes(), 0, 1).expect("it is a log");
    for log in table.clone().into_logs(64) {
        pieces.apply(log.bytes(), 0, 1).expect("it is a log");
    }
    let there = contents(table);
    assert_eq!(contents(whole), there);
    assert_eq!(contents(pieces), there);
});
