//! A broker that goes away and comes back: nothing is lost, nothing repeated.

use std::collections::HashSet;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::time::Duration;

use purlin_io::kafka::mock::MockBroker;
use purlin_io::kafka::{KafkaCluster, KafkaSink, KafkaSource};
use purlin_model::bundle::Bundle;
use purlin_model::sink::Sink;
use purlin_model::source::Source;
use purlin_model::transaction::{LogCluster, LogError, LogErrorKind, RecordBatch};
use purlin_model::{BoxError, minutes, seconds};

use super::own_broker::{OwnBroker, with_own_broker};
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

#[test]
fn a_broker_that_is_killed_and_started_again_loses_and_repeats_nothing() {
    with_own_broker(|broker| async move {
        let topic = topic(broker.servers(), 3).await?;
        let outage = async {
            for _ in 0..2 {
                tokio::time::sleep(Duration::from_millis(1500)).await;
                broker.tell("kill").await?;
                tokio::time::sleep(Duration::from_millis(1500)).await;
                broker.tell("start --keep").await?;
            }
            Ok::<_, BoxError>(())
        };
        write_and_read(broker.servers(), &topic, RECORDS, outage).await
    });
}

/// A short outage is waited out. So is a clean restart, which moves the coordinator out of the broker and in again.
#[test]
fn a_broker_that_is_killed_inside_transactions_loses_and_repeats_nothing() {
    with_own_broker(|broker| async move {
        let failures = transactions_while_the_broker_comes_and_goes(&broker, minutes(2), seconds(0)).await?;
        println!("{failures:#?}");
        Ok(())
    });
}

#[test]
fn a_broker_that_is_away_for_longer_than_a_transaction_may_be_open_loses_and_repeats_nothing() {
    with_own_broker(|broker| async move {
        let failures = transactions_while_the_broker_comes_and_goes(&broker, seconds(5), seconds(6)).await?;
        println!("{failures:#?}");
        assert!(!failures.is_empty());
        Ok(())
    });
}

async fn transactions_while_the_broker_comes_and_goes(
    broker: &OwnBroker,
    timeout: Duration,
    away: Duration,
) -> Result<Vec<LogError>, BoxError> {
    let servers = broker.servers();
    let output = topic(servers, 2).await?;
    let progress = format!("progress-{output}");
    let cluster = KafkaCluster::new(servers);
    cluster.ensure_progress_topic(&progress).await?;
    let (committed, over) = (AtomicU32::new(0), AtomicBool::new(false));
    let going_on = async || {
        let before = committed.load(Ordering::Relaxed);
        while committed.load(Ordering::Relaxed) < before + 3 {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    };
    let outage = async {
        // In the middle of a transaction, however long one takes.
        going_on().await;
        broker.tell("kill").await?;
        tokio::time::sleep(away).await;
        broker.tell("start --keep").await?;
        going_on().await;
        tokio::time::sleep(Duration::from_millis(11)).await;
        broker.tell("restart").await?;
        going_on().await;
        over.store(true, Ordering::Relaxed);
        Ok::<_, BoxError>(())
    };
    let mut job =
        Job { cluster, output: output.clone(), progress, committed: &committed, timeout, failures: Vec::new() };
    let (done, ()) = tokio::try_join!(job.run(|| over.load(Ordering::Relaxed)), outage)?;
    all_decided(servers, &output).await?;
    let source = KafkaSource::new(servers, [&output]).json::<u32>();
    let mut seen = values(read_all(&source).await?);
    seen.sort_unstable();
    assert_eq!(seen, (0..done * PER_TRANSACTION).collect::<Vec<_>>());
    Ok(job.failures)
}

const PER_TRANSACTION: u32 = 100;

/// What a runner does with transactions, as short as can be: numbers go out, `PER_TRANSACTION` at a time, with how many transactions that makes.
struct Job<'a> {
    cluster: KafkaCluster,
    output: String,
    progress: String,
    committed: &'a AtomicU32,
    timeout: Duration,
    failures: Vec<LogError>,
}

impl Job<'_> {
    /// Writes until told that it is enough; gives the number of transactions.
    async fn run(&mut self, enough: impl Fn() -> bool) -> Result<u32, BoxError> {
        let mut done = None;
        while done.is_none() {
            match self.go_on(&enough).await {
                Ok(all) => done = Some(all),
                Err(error) => {
                    if error.kind == LogErrorKind::Fatal {
                        return Err(error.into());
                    }
                    self.failures.push(error);
                }
            }
        }
        Ok(done.unwrap_or_default())
    }

    async fn go_on(&mut self, enough: impl Fn() -> bool) -> Result<u32, LogError> {
        let producer = self.cluster.producer(&self.output, self.timeout).await?;
        let committed = self.cluster.read_committed(&self.progress).await?;
        let number = |bytes: &[u8]| u32::from_be_bytes(bytes.try_into().unwrap());
        let mut next = committed.last().map_or(0, |(_, value)| number(value));
        while !enough() {
            producer.begin().await?;
            for n in next * PER_TRANSACTION..(next + 1) * PER_TRANSACTION {
                producer.send(&self.output, &mut batch(n.to_string().as_bytes(), n.to_string().as_bytes())).await?;
            }
            next += 1;
            producer.send(&self.progress, &mut batch(b"done", &next.to_be_bytes())).await?;
            // A call that may succeed later is made again.
            while let Err(error) = producer.commit().await {
                let LogErrorKind::Retriable = error.kind else { return Err(error) };
                self.failures.push(error);
            }
            self.committed.store(next, Ordering::Relaxed);
        }
        Ok(next)
    }
}

fn batch(key: &[u8], value: &[u8]) -> RecordBatch {
    let mut batch = RecordBatch::default();
    let put = |from: &[u8], to: &mut Vec<u8>| {
        to.extend(from);
        true
    };
    batch.push_with(|bytes| put(key, bytes), |bytes| put(value, bytes), Vec::new(), None);
    batch
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
    let problems = [("writing", written), ("reading", read), ("the outage", outage)];
    let problems: Vec<String> =
        problems.into_iter().filter_map(|(what, result)| Some(format!("{what}: {}", result.err()?))).collect();
    if problems.is_empty() { Ok(()) } else { Err(problems.join("; ").into()) }
}
