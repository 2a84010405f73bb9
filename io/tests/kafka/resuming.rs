//! Positions opened again: on what is still there reading goes on, anything else is told. And partitions that come up.

use std::time::Duration;

use purlin_io::kafka::mock::MockBroker;
use purlin_io::kafka::{KafkaError, KafkaSink, KafkaSource, KafkaSplit, MissingOffsets, admin};
use purlin_model::source::Source;
use purlin_model::transaction::LogPosition;
use purlin_model::{BoxError, Timestamp};
use rdkafka::ClientConfig;
use rdkafka::admin::{AdminClient, AdminOptions, NewPartitions};
use rdkafka::client::DefaultClientContext;
use rdkafka::{Offset, TopicPartitionList};

use super::support::*;

fn administrator(servers: &str) -> Result<AdminClient<DefaultClientContext>, BoxError> {
    Ok(ClientConfig::new().set("bootstrap.servers", servers).create()?)
}

/// Deletes the records before an offset, as retention does.
async fn forget(servers: &str, topic: &str, before: i64) -> Result<(), BoxError> {
    let mut upto = TopicPartitionList::new();
    upto.add_partition_offset(topic, 0, Offset::Offset(before))?;
    administrator(servers)?.delete_records(&upto, &AdminOptions::new()).await?;
    Ok(())
}

async fn make_anew(servers: &str, topic: &str) -> Result<(), BoxError> {
    admin::delete_topic(servers, topic).await?;
    // The name is free a moment later.
    while let Err(error) = admin::create_topic(servers, topic, 1).await {
        let KafkaError::TopicExists { .. } = error else { return Err(error.into()) };
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    Ok(())
}

fn kind(error: BoxError) -> KafkaError {
    *error.downcast::<KafkaError>().expect("a KafkaError")
}

#[test]
fn a_position_that_retention_has_passed_is_refused_or_moved_as_asked_for() {
    with_broker(|servers| async move {
        let topic = topic(&servers, 1).await?;
        write_bytes(&servers, &topic, [b"0".as_slice(), b"1", b"2", b"3"]).await?;
        let source = |then| KafkaSource::new(&servers, [&topic]).bytes().on_missing_offsets(then);
        let split = source(MissingOffsets::Refuse).splits(UNBOUNDED).await?.remove(0);
        assert_eq!(split.next, 0);
        forget(&servers, &topic, 2).await?;

        for beyond in [split.clone(), KafkaSplit { next: 4_711, ..split.clone() }] {
            let error = source(MissingOffsets::Refuse).open(beyond.clone()).await.map(drop).unwrap_err().to_string();
            let told =
                [&format!("offset {} of {topic}/0", beyond.next), "begins at 2", "ends at 4", "on_missing_offsets"];
            assert!(told.iter().all(|part| error.contains(*part)), "{error}");

            let mut reader = source(MissingOffsets::Earliest).open(beyond.clone()).await?;
            assert_eq!(values(read_some(&mut reader, 2).await?), [b"2", b"3"]);
            let reader = source(MissingOffsets::Latest).open(beyond).await?;
            assert_eq!(reader.remaining().next, 4);
        }
        // What is still there is read on from, whatever the policy.
        let there = KafkaSplit { next: 3, ..split };
        let mut reader = source(MissingOffsets::Latest).open(there).await?;
        assert_eq!(values(read_some(&mut reader, 1).await?), [b"3"]);
        Ok(())
    });
}

#[test]
fn retention_that_overtakes_a_reader_is_an_error() {
    with_broker(|servers| async move {
        let topic = topic(&servers, 1).await?;
        write_bytes(&servers, &topic, [b"0".as_slice(), b"1", b"2"]).await?;
        let source = KafkaSource::new(&servers, [&topic]).bytes();
        let split = source.splits(UNBOUNDED).await?.remove(0);
        // Between the look at the log and the first fetch.
        forget(&servers, &topic, 2).await?;
        let mut reader = source.open(split).await?;
        let error = kind(read_some(&mut reader, 1).await.unwrap_err());
        assert!(matches!(error, KafkaError::OffsetOutOfRange { offset: 0, .. }), "{error}");
        Ok(())
    });
}

#[test]
fn a_topic_made_anew_is_another_topic() {
    with_broker(|servers| async move {
        let topic = topic(&servers, 1).await?;
        let source = |then| KafkaSource::new(&servers, [&topic]).bytes().on_missing_offsets(then);
        write_bytes(&servers, &topic, [b"old".as_slice()]).await?;
        let split = KafkaSplit { next: 1, ..source(MissingOffsets::Refuse).splits(UNBOUNDED).await?.remove(0) };
        make_anew(&servers, &topic).await?;
        // The new log has a record at the position, which would be read as if nothing had happened.
        write_bytes(&servers, &topic, [b"new".as_slice(), b"newer"]).await?;

        let strict = source(MissingOffsets::Refuse);
        for error in [
            strict.open(split.clone()).await.map(drop).unwrap_err(),
            strict.discover(vec![split.clone()]).await.map(drop).unwrap_err(),
        ] {
            let error = kind(error);
            assert!(matches!(&error, KafkaError::OtherTopicId { offset: 1, .. }), "{error}");
        }
        let lenient = source(MissingOffsets::Earliest);
        assert_eq!(lenient.discover(vec![split.clone()]).await?, []);
        let mut reader = lenient.open(split).await?;
        assert_eq!(values(read_some(&mut reader, 2).await?), [b"new".as_slice(), b"newer"]);
        Ok(())
    });
}

#[test]
fn partitions_that_are_added_are_discovered_and_read_from_their_start() {
    with_broker(|servers| async move {
        let topic = topic(&servers, 1).await?;
        let source = KafkaSource::new(&servers, [&topic]).bytes().start(purlin_io::kafka::Start::Latest);
        let known = source.splits(UNBOUNDED).await?;
        assert_eq!(source.discover(known.clone()).await?, []);

        let more = NewPartitions::new(&topic, 3);
        administrator(&servers)?.create_partitions([&more], &AdminOptions::new()).await?;
        let new = loop {
            let new = source.discover(known.clone()).await?;
            if !new.is_empty() {
                break new;
            }
        };
        assert_eq!(
            new.iter().map(|split| (split.partition, split.next, split.end)).collect::<Vec<_>>(),
            [(1, 0, None), (2, 0, None)]
        );
        let keyed = KafkaSink::new(&servers, &topic).bytes().key(Vec::clone);
        write(&keyed, (0..40).map(|n| (vec![n], Timestamp::MIN))).await?;
        let all: Vec<_> = known.iter().chain(&new).cloned().collect();
        assert_eq!(source.discover(all.clone()).await?, []);
        let mut read = Vec::new();
        for split in all {
            let mut reader = source.open(split).await?;
            let before = read.len();
            while reader.lag() != Some(0) {
                read.extend(values(read_some(&mut reader, 1).await?));
            }
            assert!(read.len() > before, "keys lie in all partitions");
        }
        read.sort();
        assert_eq!(read, (0..40).map(|n| vec![n]).collect::<Vec<_>>());

        // A source that ends was cut when it was launched.
        let bounded = KafkaSource::new(&servers, [&topic]).bytes().until_end();
        assert_eq!(bounded.discover(known).await?, []);
        Ok(())
    });
}

#[test]
fn positions_name_their_cluster_and_topic() {
    run(async {
        let (one, two) = (MockBroker::start(&[("orders", 2), ("more", 1)])?, MockBroker::start(&[("orders", 2)])?);
        let source = |broker: &MockBroker| KafkaSource::new(broker.bootstrap_servers(), ["orders"]).bytes();
        let known = source(&one).splits(UNBOUNDED).await?;
        let KafkaSplit { cluster, topic, partition, next, .. } = known[1].clone();
        assert!(!cluster.is_empty());
        let position = LogPosition { cluster, topic, partition, next };
        assert_eq!(source(&one).log_position(&known[1]), Some(position));

        assert_eq!(source(&one).discover(known.clone()).await?, []);
        let other =
            known.iter().map(|split| KafkaSplit { cluster: "another".into(), ..split.clone() }).collect::<Vec<_>>();
        for error in [
            source(&two).open(other[0].clone()).await.map(drop).unwrap_err(),
            source(&two).discover(other).await.map(drop).unwrap_err(),
        ] {
            let error = kind(error);
            assert!(matches!(&error, KafkaError::OtherCluster { position, .. } if position == "another"), "{error}");
        }
        let fewer = KafkaSource::new(one.bootstrap_servers(), ["more"]).bytes();
        let error = kind(fewer.discover(known.clone()).await.unwrap_err());
        assert!(matches!(&error, KafkaError::OtherTopic { topic } if topic == "orders"), "{error}");
        let gone = KafkaSplit { partition: 7, ..known[0].clone() };
        let error = kind(source(&one).discover(vec![gone]).await.unwrap_err());
        assert!(matches!(error, KafkaError::UnknownPartition { partition: 7, .. }), "{error}");
        Ok(())
    });
}

#[test]
fn a_partition_that_no_position_names_is_read_from_its_start() {
    run(async {
        let broker = MockBroker::start(&[("orders", 2)])?;
        let servers = broker.bootstrap_servers();
        let keyed = KafkaSink::new(servers, "orders").bytes().key(Vec::clone);
        write(&keyed, (0..40).map(|n| (vec![n], Timestamp::MIN))).await?;
        let source = KafkaSource::new(servers, ["orders"]).bytes().start(purlin_io::kafka::Start::Latest);
        let known = source.splits(UNBOUNDED).await?;
        assert!(known.iter().all(|split| split.next > 0), "keys lie in both partitions: {known:?}");
        let new = source.discover(known[..1].to_vec()).await?;
        assert_eq!(new, [KafkaSplit { next: 0, ..known[1].clone() }]);
        Ok(())
    });
}
