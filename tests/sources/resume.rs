//! A position, stored and opened again, goes on behind the last element read: nothing is lost, nothing comes twice.

use std::time::Duration;

use purlin::bundle::Bundle;
use purlin::io::kafka::KafkaSource;
use purlin::io::kafka::mock::MockBroker;
use purlin::io::memory;
use purlin::io::parquet::{ParquetSink, ParquetSource};
use purlin::io::text::{TextSink, TextSource};
use purlin::prelude::*;
use purlin::source::{Progress, SplitRequest};
use purlin_tests::{Broker, PATIENCE, Place, ScriptedSource, within};
use serde::{Deserialize, Serialize};

use crate::own::Numbers;

const REQUEST: SplitRequest = SplitRequest { desired: 3, bounded: true };

/// Whatever is read of a source in pieces, each in a source made anew from the bytes of the position, is what it has.
fn check<S: Source>(make: impl Fn() -> S + Send + 'static, mut expected: Vec<S::Item>)
where
    S::Item: Ord + std::fmt::Debug,
{
    let read = within("reading in pieces", PATIENCE, move || {
        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build();
        runtime.expect("a runtime").block_on(in_pieces(make)).expect("it can be read")
    });
    let mut read = read;
    read.sort();
    expected.sort();
    assert_eq!(read, expected);
}

async fn in_pieces<S: Source>(make: impl Fn() -> S) -> Result<Vec<S::Item>, BoxError> {
    let mut all = Vec::new();
    let splits = make().splits(REQUEST).await?;
    assert!(!splits.is_empty());
    for split in splits {
        let mut position = postcard::to_stdvec(&split)?;
        loop {
            let mut reader = make().open(postcard::from_bytes(&position)?).await?;
            // One read, two, three, …: positions of any kind.
            let mut progress = Progress::More;
            for _ in 0..1 + all.len() % 3 {
                let mut bundle = Bundle::new();
                progress = tokio::time::timeout(Duration::from_secs(20), reader.read(&mut bundle)).await??;
                all.extend(bundle.drain().map(|(value, _)| value));
                if progress == Progress::End {
                    break;
                }
            }
            if progress == Progress::End {
                break;
            }
            position = postcard::to_stdvec(&reader.remaining())?;
        }
    }
    Ok(all)
}

fn run(build: impl FnOnce(&Pipeline)) {
    let pipeline = Pipeline::new();
    build(&pipeline);
    BatchRunner::new().run(&pipeline.graph().expect("a sound graph")).expect("it runs");
}

#[test]
fn own_source() {
    check(|| Numbers { below: 1000 }, (0..1000).collect());
}

#[test]
fn memory_sources() {
    check(|| MemorySource::new(0..1000_i64).bundles_of(7), (0..1000).collect());
    let splits = vec![(0..50_i64).map(|n| (n, Timestamp::from_millis(n))).collect::<Vec<_>>(); 3];
    let expected = (0..50).flat_map(|n| [n; 3]).collect();
    check(move || ScriptedSource::new(splits.clone()).bundles_of(4).moving_watermark(true), expected);
    // The log of a channel outlives the source that reads it only within one source.
    let (sender, stream) = memory::channel();
    sender.send_all((0..5000_i64).map(|n| (n, Timestamp::from_millis(n))));
    let stream = BoxSource::new(stream);
    check(move || stream.clone(), (0..5000).collect());
    drop(sender);
}

#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, Row)]
#[row(crate = "purlin")]
struct Item {
    number: i64,
    name: String,
}

#[test]
fn files() {
    let place = Place::new();
    let items: Vec<Item> = (0..30_000).map(|number| Item { number, name: format!("item {number}") }).collect();
    let (parquet, text) = (place.path("items.parquet"), place.path("items.txt"));
    run(|pipeline| {
        let all = pipeline.create("items", items.clone());
        all.write("parquet", ParquetSink::new(&parquet).row_group_rows(7_000));
        all.map("name", |item| item.name).write("text", TextSink::lines(&text));
    });
    let name = |path: std::path::PathBuf| path.to_string_lossy().into_owned();
    let (parquet, text) = (name(parquet), name(text));
    check(move || ParquetSource::<Item>::new(&parquet), items.clone());
    check(move || TextSource::lines(&text), items.into_iter().map(|item| item.name).collect());
}

#[test]
fn topics() {
    let mock = MockBroker::start(&[("numbers", 3)]).expect("a mock broker");
    let broker = Broker::at(mock.bootstrap_servers());
    let numbers: Vec<String> = (0..6000).map(|n| n.to_string()).collect();
    for (partition, numbers) in (0..).zip(numbers.chunks(2000)) {
        broker.send("numbers", partition, numbers.iter().map(String::as_bytes));
    }
    let servers = mock.bootstrap_servers().to_string();
    check(move || KafkaSource::new(&servers, ["numbers"]).json::<i64>().until_end(), (0..6000).collect());
}
