//! A broker that goes away and comes back: nothing is lost, nothing repeated.

use std::collections::HashSet;
use std::process::Command;
use std::time::Duration;

use purlin_io::kafka::mock::MockBroker;
use purlin_io::kafka::{KafkaSink, KafkaSource};
use purlin_model::BoxError;
use purlin_model::bundle::Bundle;
use purlin_model::sink::Sink;
use purlin_model::source::Source;

use super::support::*;

const RECORDS: u32 = 60_000;

#[test]
fn a_short_outage_is_waited_out() {
    run(async {
        let broker = MockBroker::start(&[("numbers", 1)])?;
        let outage = async {
            tokio::time::sleep(Duration::from_millis(100)).await;
            broker.suspend()?;
            tokio::time::sleep(Duration::from_millis(1500)).await;
            Ok::<_, BoxError>(broker.resume()?)
        };
        write_and_read(broker.bootstrap_servers(), "numbers", 300, outage).await
    });
}

/// Kills the real broker, which other tests may be using: only when asked for.
#[test]
fn fault_of_a_broker_that_is_killed_and_restarted() {
    if std::env::var("PURLIN_KAFKA_FAULTS").is_err() {
        return println!("NOT RUN: PURLIN_KAFKA_FAULTS is not set");
    }
    with_broker(|servers| async move {
        let topic = topic(&servers, 3).await?;
        let outage = async {
            for _ in 0..2 {
                tokio::time::sleep(Duration::from_millis(1500)).await;
                ci_kafka(&["kill"]).await?;
                tokio::time::sleep(Duration::from_millis(1500)).await;
                ci_kafka(&["start", "--keep"]).await?;
            }
            Ok::<_, BoxError>(())
        };
        write_and_read(&servers, &topic, RECORDS, outage).await
    });
}

async fn ci_kafka(args: &'static [&'static str]) -> Result<(), BoxError> {
    let script = concat!(env!("CARGO_MANIFEST_DIR"), "/../ci/kafka");
    let status = tokio::task::spawn_blocking(move || Command::new(script).args(args).status()).await??;
    if status.success() { Ok(()) } else { Err(format!("ci/kafka {args:?} failed").into()) }
}

/// Writes and reads numbers while `outage` happens; each must come exactly once, in order within its partition.
async fn write_and_read(
    servers: &str,
    topic: &str,
    count: u32,
    outage: impl Future<Output = Result<(), BoxError>>,
) -> Result<(), BoxError> {
    let sink = KafkaSink::new(servers, topic).json::<u32>();
    let source = KafkaSource::new(servers, [topic]).json::<u32>();
    let mut readers = Vec::new();
    for split in source.splits(UNBOUNDED).await? {
        readers.push(source.open(split).await?);
    }
    let mut writer = sink.open(0).await?;
    let writing = async move {
        for first in (0..count).step_by(100) {
            writer.write(&mut Bundle::of((first..first + 100).collect())).await?;
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        writer.stage().await.map(drop)
    };
    let reading = async move {
        let mut seen = HashSet::new();
        let mut last = vec![None; readers.len()];
        while seen.len() < count as usize {
            for (reader, last) in readers.iter_mut().zip(&mut last) {
                let mut bundle = Bundle::new();
                // Most waits are cut short: a read may be dropped at any time.
                if let Ok(read) = tokio::time::timeout(Duration::from_millis(20), reader.read(&mut bundle)).await {
                    read?;
                }
                for n in bundle.values() {
                    assert!(seen.insert(*n), "{n} came twice");
                    assert!(last.replace(*n) < Some(*n), "{n} came out of order");
                }
            }
        }
        Ok::<_, BoxError>(())
    };
    let (written, read, outage) = tokio::join!(writing, reading, outage);
    written.and(read).and(outage)
}
