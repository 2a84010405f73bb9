//! What the tests share: brokers, an element, and readers and writers driven by hand.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use purlin_io::kafka::{KafkaSink, KafkaSource, KafkaSplit, admin};
use purlin_model::bundle::{Bundle, ElementSides};
use purlin_model::sink::{Sink, SinkRun};
use purlin_model::source::{Progress, Reader, Source, SplitRequest};
use purlin_model::{BoxError, Element, Timestamp};
use serde::{Deserialize, Serialize};

/// Longer than anything that works takes.
const PATIENCE: Duration = Duration::from_secs(60);

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Order {
    pub(crate) customer: i64,
    pub(crate) at: Timestamp,
}

pub(crate) fn order(n: i64) -> Order {
    Order { customer: n, at: Timestamp::from_millis(1_000 * n) }
}

/// Runs a test that needs no external service.
pub(crate) fn run(test: impl Future<Output = Result<(), BoxError>>) {
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
    runtime.block_on(async { tokio::time::timeout(2 * PATIENCE, test).await.expect("the test hangs") }).unwrap();
}

/// Runs a test against the real broker, where there is one.
pub(crate) fn with_broker<F: Future<Output = Result<(), BoxError>>>(test: impl FnOnce(String) -> F) {
    match std::env::var("PURLIN_KAFKA") {
        Ok(servers) => run(test(servers)),
        Err(_) if std::env::var("CI").is_ok_and(|ci| ci == "true") => {
            panic!("PURLIN_KAFKA is not set: CI must run this against a broker, `export \"$(ci/kafka start)\"`")
        }
        Err(_) => println!("NOT RUN: PURLIN_KAFKA is not set"),
    }
}

/// A new topic of its own for a test.
pub(crate) async fn topic(servers: &str, partitions: usize) -> Result<String, BoxError> {
    static COUNT: AtomicU64 = AtomicU64::new(0);
    let name = format!("test-{}-{}", std::process::id(), COUNT.fetch_add(1, Ordering::Relaxed));
    admin::create_topic(servers, &name, partitions).await?;
    Ok(name)
}

pub(crate) const UNBOUNDED: SplitRequest = SplitRequest { desired: 2, bounded: false };

/// Writes elements, each at its timestamp, and waits for their receipts.
pub(crate) async fn write<T: Element>(
    sink: &KafkaSink<T>,
    values: impl IntoIterator<Item = (T, Timestamp)>,
) -> Result<(), BoxError> {
    sink.begin(&SinkRun::once("test")).await?;
    let mut writer = sink.open(0).await?;
    let mut bundle = Bundle::new();
    values.into_iter().for_each(|(value, at)| bundle.push(value, ElementSides::at(at)));
    writer.write(&mut bundle).await?;
    writer.stage().await?;
    Ok(())
}

/// Writes payloads, in order, to a topic.
pub(crate) async fn write_bytes(
    servers: &str,
    topic: &str,
    payloads: impl IntoIterator<Item = &[u8]>,
) -> Result<(), BoxError> {
    let values = payloads.into_iter().map(|payload| (payload.to_vec(), Timestamp::from_millis(1)));
    write(&KafkaSink::new(servers, topic).bytes(), values).await
}

/// Waits until every transaction in a topic is decided: a commit returns a moment before its markers are in the logs.
pub(crate) async fn all_decided(servers: &str, topic: &str) -> Result<(), BoxError> {
    let source = |isolation| KafkaSource::new(servers, [topic]).bytes().set("isolation.level", isolation).until_end();
    let (committed, written) = (source("read_committed"), source("read_uncommitted"));
    while committed.splits(UNBOUNDED).await? != written.splits(UNBOUNDED).await? {
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    Ok(())
}

/// Reads a bounded source to its end.
pub(crate) async fn read_all<T: Element>(source: &KafkaSource<T>) -> Result<Vec<(T, Timestamp)>, BoxError> {
    let mut all = Vec::new();
    for split in source.splits(SplitRequest { desired: 2, bounded: true }).await? {
        all.extend(read_split(source, split).await?);
    }
    Ok(all)
}

/// Reads a split to its end.
pub(crate) async fn read_split<T: Element>(
    source: &KafkaSource<T>,
    split: KafkaSplit,
) -> Result<Vec<(T, Timestamp)>, BoxError> {
    let mut reader = source.open(split).await?;
    let mut bundle = Bundle::new();
    while tokio::time::timeout(PATIENCE, reader.read(&mut bundle)).await?? == Progress::More {}
    Ok(drain(&mut bundle))
}

/// Reads until there are `count` elements.
pub(crate) async fn read_some<T: Element>(
    reader: &mut Box<dyn Reader<KafkaSource<T>>>,
    count: usize,
) -> Result<Vec<(T, Timestamp)>, BoxError> {
    let mut bundle = Bundle::new();
    while bundle.len() < count {
        let progress = tokio::time::timeout(PATIENCE, reader.read(&mut bundle)).await??;
        assert_eq!(progress, Progress::More);
    }
    Ok(drain(&mut bundle))
}

fn drain<T>(bundle: &mut Bundle<T>) -> Vec<(T, Timestamp)> {
    bundle.drain().map(|(value, sides)| (value, sides.timestamp)).collect()
}

/// The values alone.
pub(crate) fn values<T>(elements: Vec<(T, Timestamp)>) -> Vec<T> {
    elements.into_iter().map(|(value, _)| value).collect()
}
