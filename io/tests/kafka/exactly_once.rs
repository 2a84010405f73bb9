//! The cluster's side of exactly-once: transactions that commit, abort, are fenced or time out, and the topic of a job's progress.

use std::time::Duration;

use purlin_io::kafka::mock::MockBroker;
use purlin_io::kafka::{KafkaCluster, KafkaSink, KafkaSource, Record, admin};
use purlin_model::bundle::Bundle;
use purlin_model::sink::Sink;
use purlin_model::source::Source;
use purlin_model::transaction::{
    LogCluster, LogErrorKind, LogPosition, RecordBatch, TransactionWriter, TransactionalProducer,
};
use purlin_model::{BoxError, Timestamp, minutes, seconds};

use super::support::*;

/// One record, with a key.
fn record(key: &str, value: &str) -> RecordBatch {
    let mut batch = RecordBatch::default();
    append(&mut batch, key, Some(value));
    batch
}

fn append(batch: &mut RecordBatch, key: &str, value: Option<&str>) {
    let put = |text: Option<&str>, bytes: &mut Vec<u8>| {
        bytes.extend(text.unwrap_or_default().as_bytes());
        text.is_some()
    };
    batch.push_with(|bytes| put(Some(key), bytes), |bytes| put(value, bytes), Vec::new(), None);
}

/// What readers of committed records see once all is decided, in order.
async fn visible(servers: &str, topic: &str) -> Result<Vec<String>, BoxError> {
    all_decided(servers, topic).await?;
    Ok(values(read_all(&KafkaSource::new(servers, [topic]).decode(text)).await?))
}

fn text(record: &Record<'_>) -> Result<String, BoxError> {
    Ok(String::from_utf8(record.payload.unwrap_or_default().to_vec())?)
}

#[test]
fn what_is_committed_is_visible_at_once_and_what_is_aborted_never() {
    with_broker(|servers| async move {
        let (a, b) = (topic(&servers, 1).await?, topic(&servers, 1).await?);
        let producer = KafkaCluster::new(&servers).producer(&a, minutes(1)).await?;
        for (n, commits) in [("1", true), ("2", false), ("3", true)] {
            producer.begin().await?;
            let mut batch = record("k", n);
            producer.send(&a, &mut batch).await?;
            assert!(batch.is_empty());
            producer.send(&b, &mut record("k", n)).await?;
            if commits { producer.commit().await? } else { producer.abort().await? }
        }
        assert_eq!(visible(&servers, &a).await?, ["1", "3"]);
        assert_eq!(visible(&servers, &b).await?, ["1", "3"]);
        producer.begin().await?;
        producer.send(&a, &mut record("k", "open")).await?;
        let source = KafkaSource::new(&servers, [&a]).decode(text);
        assert_eq!(values(read_all(&source).await?), ["1", "3"], "what is not decided is not seen");
        Ok(())
    });
}

#[test]
fn a_newer_producer_fences_the_older_and_ends_its_transaction() {
    with_broker(|servers| async move {
        let topic = topic(&servers, 1).await?;
        let cluster = KafkaCluster::new(&servers);
        for at_commit in [true, false] {
            let zombie = cluster.producer(&topic, minutes(1)).await?;
            zombie.begin().await?;
            zombie.send(&topic, &mut record("k", "zombie")).await?;
            let next = cluster.producer(&topic, minutes(1)).await?;
            let error = if at_commit {
                zombie.commit().await.unwrap_err()
            } else {
                // The first records may go out before the cluster's answer is there.
                tokio::time::timeout(seconds(20), async {
                    loop {
                        if let Err(error) = zombie.send(&topic, &mut record("k", "zombie")).await {
                            return error;
                        }
                        tokio::time::sleep(Duration::from_millis(20)).await;
                    }
                })
                .await?
            };
            assert_eq!(error.kind, LogErrorKind::Fenced, "{error}");
            assert!(error.message.contains(&topic), "{error}");
            next.begin().await?;
            next.send(&topic, &mut record("k", "next")).await?;
            next.commit().await?;
        }
        assert_eq!(visible(&servers, &topic).await?, ["next", "next"]);
        Ok(())
    });
}

#[test]
fn a_transaction_that_is_open_for_too_long_is_aborted_by_the_cluster() {
    with_broker(|servers| async move {
        let topic = topic(&servers, 1).await?;
        let cluster = KafkaCluster::new(&servers);
        let slow = cluster.producer(&topic, seconds(1)).await?;
        slow.begin().await?;
        slow.send(&topic, &mut record("k", "slow")).await?;
        write_bytes(&servers, &topic, [b"behind".as_slice()]).await?;
        // What comes behind can be read once the transaction is given up.
        let source = KafkaSource::new(&servers, [&topic]).decode(text);
        let mut reader = source.open(source.splits(UNBOUNDED).await?.remove(0)).await?;
        assert_eq!(values(read_some(&mut reader, 1).await?), ["behind"]);
        let error = slow.commit().await.unwrap_err();
        assert_eq!(error.kind, LogErrorKind::Fenced, "{error}");
        let next = cluster.producer(&topic, seconds(30)).await?;
        next.begin().await?;
        next.send(&topic, &mut record("k", "next")).await?;
        next.commit().await?;
        assert_eq!(visible(&servers, &topic).await?, ["behind", "next"]);
        Ok(())
    });
}

#[test]
fn a_record_that_is_too_large_fails_the_transaction_for_good() {
    with_broker(|servers| async move {
        let topic = topic(&servers, 1).await?;
        let large = "x".repeat(2_000_000);
        for (settings, fails_at_once) in [(vec![], true), (vec![("message.max.bytes", "9000000")], false)] {
            let cluster =
                settings.iter().fold(KafkaCluster::new(&servers), |cluster, (name, value)| cluster.set(*name, *value));
            let producer = cluster.set("compression.type", "none").producer(&topic, minutes(1)).await?;
            producer.begin().await?;
            let sent = producer.send(&topic, &mut record("k", &large)).await;
            assert_eq!(sent.is_err(), fails_at_once);
            let error = match sent {
                Err(error) => error,
                Ok(()) => producer.commit().await.unwrap_err(),
            };
            assert_eq!(error.kind, LogErrorKind::Fatal, "{error}");
            assert!(error.message.contains("max.message.bytes") && error.message.contains("2000000"), "{error}");
            producer.abort().await?;
            // The producer itself goes on.
            producer.begin().await?;
            producer.commit().await?;
        }
        assert!(visible(&servers, &topic).await?.is_empty());
        Ok(())
    });
}

#[test]
fn offsets_ride_along_with_the_transaction() {
    with_broker(|servers| async move {
        let topic = topic(&servers, 2).await?;
        let cluster = KafkaCluster::new(&servers);
        let id = cluster.id().await?;
        let at = |partition, next| LogPosition { cluster: id.clone(), topic: topic.clone(), partition, next };
        let both = [(topic.clone(), 0), (topic.clone(), 1)];
        let producer = cluster.producer(&topic, minutes(1)).await?;
        assert_eq!(cluster.committed_offsets(&topic, &both).await?, []);
        for (next, commits) in [(7, true), (9, false)] {
            producer.begin().await?;
            producer.send_offsets(&topic, &[]).await?;
            producer.send_offsets(&topic, &[at(1, next)]).await?;
            if commits { producer.commit().await? } else { producer.abort().await? }
        }
        assert_eq!(cluster.committed_offsets(&topic, &both).await?, [at(1, 7)]);
        Ok(())
    });
}

#[test]
fn progress_is_read_to_its_end_and_waits_for_what_is_undecided() {
    with_broker(|servers| async move {
        let topic = format!("progress-{}", topic(&servers, 1).await?);
        let cluster = KafkaCluster::new(&servers);
        for _ in 0..2 {
            cluster.ensure_progress_topic(&topic).await?;
        }
        assert_eq!(cluster.read_committed(&topic).await?, []);
        let producer = cluster.producer(&topic, minutes(1)).await?;
        for (key, value, commits) in [
            ("a", Some("1"), true),
            ("b", Some("2"), true),
            ("a", Some("lost"), false),
            ("b", None, true),
            ("c", Some("3"), false),
        ] {
            producer.begin().await?;
            let mut batch = RecordBatch::default();
            append(&mut batch, key, value);
            producer.send(&topic, &mut batch).await?;
            if commits { producer.commit().await? } else { producer.abort().await? }
        }
        let pair = |key: &str, value: &str| (key.as_bytes().to_vec(), value.as_bytes().to_vec());
        assert_eq!(cluster.read_committed(&topic).await?, [pair("a", "1")]);

        producer.begin().await?;
        producer.send(&topic, &mut record("a", "4")).await?;
        let deciding = async {
            tokio::time::sleep(Duration::from_millis(800)).await;
            producer.commit().await
        };
        // It may have reached the log, or not, when reading begins; the commit flushes it for the second time of asking.
        let (read, committed) = tokio::join!(cluster.read_committed(&topic), deciding);
        committed?;
        assert!(!read?.is_empty());
        assert_eq!(cluster.read_committed(&topic).await?, [pair("a", "1"), pair("a", "4")]);
        Ok(())
    });
}

/// Transactions end in a marker behind their records; the mock broker has none, so here nothing stands behind the last record.
#[test]
fn progress_is_read_up_to_its_very_last_record() {
    run(async {
        let broker = MockBroker::start(&[("progress", 1)])?;
        let cluster = KafkaCluster::new(broker.bootstrap_servers());
        assert_eq!(cluster.read_committed("progress").await?, []);
        let sink = KafkaSink::new(broker.bootstrap_servers(), "progress").bytes().key(|_| b"job".to_vec());
        let pair = |n: u8| (b"job".to_vec(), vec![n]);
        for n in 0..3 {
            write(&sink, [(vec![n], Timestamp::MIN)]).await?;
            assert_eq!(cluster.read_committed("progress").await?, (0..=n).map(pair).collect::<Vec<_>>());
        }
        Ok(())
    });
}

#[test]
fn a_progress_topic_that_would_forget_is_refused() {
    with_broker(|servers| async move {
        let cluster = KafkaCluster::new(&servers);
        let deleting = topic(&servers, 1).await?;
        let error = cluster.ensure_progress_topic(&deleting).await.unwrap_err();
        assert_eq!(error.kind, LogErrorKind::Fatal);
        assert!(error.message.contains(&deleting) && error.message.contains("cleanup.policy=compact"), "{error}");
        let wide = format!("wide-{deleting}");
        admin::create_topic_with(&servers, &wide, 3, &[("cleanup.policy", "compact")]).await?;
        let error = cluster.ensure_progress_topic(&wide).await.unwrap_err();
        assert!(error.message.contains(&wide) && error.message.contains("3 partitions"), "{error}");
        Ok(())
    });
}

#[test]
fn a_time_out_that_the_broker_does_not_allow_is_refused() {
    with_broker(|servers| async move {
        let topic = topic(&servers, 1).await?;
        let refused = KafkaCluster::new(&servers).producer(&topic, minutes(600)).await.map(drop).unwrap_err();
        assert_eq!(refused.kind, LogErrorKind::Fatal, "{refused}");
        assert!(refused.message.contains("transaction.max.timeout.ms"), "{refused}");
        Ok(())
    });
}

#[test]
fn transactions_that_the_user_names_are_refused() {
    run(async {
        for name in ["transactional.id", "transaction.timeout.ms"] {
            let cluster = KafkaCluster::new("localhost:1").set(name, "7");
            let error = cluster.producer("job", seconds(10)).await.map(drop).unwrap_err();
            assert_eq!(error.kind, LogErrorKind::Fatal);
            assert!(error.message.contains(name) && error.message.contains("checkpoints"), "{error}");
        }
        Ok(())
    });
}

/// A transaction's writer as a runner has it, made simple.
struct Straight(std::sync::Arc<dyn TransactionalProducer>);

#[async_trait::async_trait]
impl TransactionWriter for Straight {
    async fn write(&mut self, topic: &str, records: &mut RecordBatch) -> Result<(), BoxError> {
        Ok(self.0.send(topic, records).await?)
    }
}

#[test]
fn a_sink_writes_into_the_transaction_that_it_is_given() {
    with_broker(|servers| async move {
        let topic = topic(&servers, 4).await?;
        let sink = KafkaSink::new(&servers, &topic)
            .bytes()
            .key(|value| value[..1].to_vec())
            .headers(|value| vec![("len".into(), vec![value.len() as u8])]);
        let cluster = sink.transactions().expect("it has transactions");
        assert!(cluster.describe().contains(&servers));
        let producer: std::sync::Arc<dyn TransactionalProducer> = cluster.producer(&topic, minutes(1)).await?.into();
        let mut writer = sink.open_transactional(0, Box::new(Straight(producer.clone()))).await?;
        producer.begin().await?;
        let many: Vec<Vec<u8>> = (0..20_000_u32).map(|n| n.to_le_bytes().to_vec()).collect();
        for values in many.chunks(1_000) {
            writer.write(&mut Bundle::of(values.to_vec())).await?;
        }
        assert_eq!(writer.stage().await?, None);
        let source = KafkaSource::new(&servers, [&topic]).bytes();
        assert_eq!(read_all(&source).await?.len(), 0, "nothing is visible before the commit");
        producer.commit().await?;
        all_decided(&servers, &topic).await?;

        let see = |record: &Record<'_>| {
            let header = record.headers().next().map(|(name, value)| (name.to_string(), value.map(<[u8]>::to_vec)));
            Ok((record.partition, record.key.map(<[u8]>::to_vec), record.payload.map(<[u8]>::to_vec), header))
        };
        let read = values(read_all(&KafkaSource::new(&servers, [&topic]).decode(see)).await?);
        assert_eq!(read.len(), many.len());
        let mut partitions = std::collections::HashMap::new();
        let mut payloads = Vec::new();
        for (partition, key, payload, header) in read {
            let payload = payload.unwrap();
            assert_eq!(key.as_deref(), Some(&payload[..1]));
            assert_eq!(header, Some(("len".into(), Some(vec![4]))));
            assert_eq!(*partitions.entry(key).or_insert(partition), partition, "one key, one partition");
            payloads.push(payload);
        }
        payloads.sort();
        let mut expected = many;
        expected.sort();
        assert_eq!(payloads, expected);
        Ok(())
    });
}

#[test]
fn dropping_a_producer_blocks_nobody() {
    with_broker(|servers| async move {
        let topic = topic(&servers, 1).await?;
        let producer = KafkaCluster::new(&servers).producer(&topic, minutes(1)).await?;
        producer.begin().await?;
        producer.send(&topic, &mut record("k", "v")).await?;
        let started = std::time::Instant::now();
        drop(producer);
        assert!(started.elapsed() < Duration::from_millis(20), "{:?}", started.elapsed());
        // Its transaction is left to the next of its id.
        let next = KafkaCluster::new(&servers).producer(&topic, minutes(1)).await?;
        drop(next);
        assert_eq!(values(read_all(&KafkaSource::new(&servers, [&topic]).bytes()).await?), Vec::<Vec<u8>>::new());
        Ok(())
    });
}
