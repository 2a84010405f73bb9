//! What transactions and compaction leave in a log: markers, aborted records, gaps. Only a real broker keeps them apart.

use std::time::Duration;

use purlin_io::kafka::{KafkaSource, Start, admin};
use purlin_model::BoxError;
use purlin_model::source::{Source, SplitRequest};
use rdkafka::ClientConfig;
use rdkafka::producer::{BaseProducer, BaseRecord, Producer};

use super::support::*;

const WAIT: Duration = Duration::from_secs(20);

fn producer(servers: &str, id: &str) -> Result<BaseProducer, BoxError> {
    let producer: BaseProducer =
        ClientConfig::new().set("bootstrap.servers", servers).set("transactional.id", id).create()?;
    producer.init_transactions(WAIT)?;
    Ok(producer)
}

fn send(producer: &BaseProducer, topic: &str, payload: &str) -> Result<(), BoxError> {
    producer.send(BaseRecord::<(), str>::to(topic).payload(payload)).map_err(|(error, _)| error)?;
    producer.flush(WAIT)?;
    Ok(())
}

#[test]
fn bounded_reading_ends_behind_markers_and_aborted_records() {
    with_broker(|servers| async move {
        let topic = topic(&servers, 1).await?;
        let producer = producer(&servers, &topic)?;
        for (payload, commits) in [("a", true), ("b", false), ("c", true), ("d", false), ("e", false)] {
            producer.begin_transaction()?;
            send(&producer, &topic, payload)?;
            if commits { producer.commit_transaction(WAIT)? } else { producer.abort_transaction(WAIT)? }
        }
        all_decided(&servers, &topic).await?;
        let source = KafkaSource::new(&servers, [&topic]).decode(text).until_end();
        let splits = source.splits(UNBOUNDED).await?;
        // A record and a marker for each; the log ends with two aborted transactions.
        assert_eq!((splits[0].next, splits[0].end), (0, Some(10)));
        assert_eq!(values(read_all(&source).await?), ["a", "c"]);

        // What remains after the last record, resumed, ends as well.
        let mut reader = source.open(splits[0].clone()).await?;
        assert_eq!(values(read_some(&mut reader, 2).await?), ["a", "c"]);
        let remaining = reader.remaining();
        drop(reader);
        assert_eq!(read_split(&source, remaining).await?, []);
        Ok(())
    });
}

#[test]
fn an_open_transaction_ends_bounded_reading_and_is_read_when_committed() {
    with_broker(|servers| async move {
        let topic = topic(&servers, 1).await?;
        let producer = producer(&servers, &topic)?;
        write_bytes(&servers, &topic, [b"before".as_slice()]).await?;
        producer.begin_transaction()?;
        send(&producer, &topic, "inside")?;
        write_bytes(&servers, &topic, [b"behind".as_slice()]).await?;

        let source = KafkaSource::new(&servers, [&topic]).decode(text);
        let latest = KafkaSource::new(&servers, [&topic]).decode(text).start(Start::Latest);
        let from_end = latest.splits(UNBOUNDED).await?.remove(0);
        let bounded = source.splits(SplitRequest { desired: 1, bounded: true }).await?.remove(0);
        assert_eq!((from_end.next, bounded.end), (1, Some(1)), "the end is that of what can be seen");
        assert_eq!(values(read_split(&source, bounded).await?), ["before"]);

        let mut reader = latest.open(from_end).await?;
        producer.commit_transaction(WAIT)?;
        assert_eq!(values(read_some(&mut reader, 2).await?), ["inside", "behind"]);
        Ok(())
    });
}

#[test]
fn compaction_leaves_gaps_that_bounded_reading_passes() {
    with_broker(|servers| async move {
        let topic = format!("compacted-{}", std::process::id());
        let eager = [
            ("cleanup.policy", "compact"),
            ("min.cleanable.dirty.ratio", "0.0"),
            ("segment.ms", "100"),
            ("max.compaction.lag.ms", "100"),
        ];
        admin::create_topic_with(&servers, &topic, 1, &eager).await?;
        let producer: BaseProducer = ClientConfig::new().set("bootstrap.servers", &servers).create()?;
        for payload in ["1", "2", "3", "4"] {
            producer.send(BaseRecord::to(&topic).key("same").payload(payload)).map_err(|(error, _)| error)?;
            producer.flush(WAIT)?;
            tokio::time::sleep(Duration::from_millis(150)).await;
        }
        // Whatever the broker's cleaner has done by now, reading ends and ends with the last value.
        let source = KafkaSource::new(&servers, [&topic]).decode(text).until_end();
        assert_eq!(values(read_all(&source).await?).last().map(String::as_str), Some("4"));
        admin::delete_topic(&servers, &topic).await?;
        Ok(())
    });
}

fn text(record: &purlin_io::kafka::Record<'_>) -> Result<String, BoxError> {
    Ok(String::from_utf8(record.payload.unwrap_or_default().to_vec())?)
}
