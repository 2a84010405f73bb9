//! What a source reads, from where, and what it says of it.

use std::time::Duration;

use futures::FutureExt;
use purlin_io::kafka::mock::MockBroker;
use purlin_io::kafka::{KafkaSink, KafkaSource, Record, Start};
use purlin_model::bundle::Bundle;
use purlin_model::sink::Sink;
use purlin_model::source::{Boundedness, Progress, Source, SplitRequest};
use purlin_model::{Timestamp, seconds};

use super::support::*;

#[test]
fn all_partitions_keys_headers_and_timestamps_come_back() {
    with_broker(|servers| async move {
        let topic = topic(&servers, 3).await?;
        let sink = KafkaSink::new(&servers, &topic)
            .timestamp_from_event_time()
            .json::<Order>()
            .key(|order| order.customer.to_string().into_bytes())
            .headers(|order| vec![("kind".into(), b"order".to_vec()), ("n".into(), vec![order.customer as u8])]);
        write(&sink, (0..100).map(|n| (order(n), Timestamp::from_millis(5_000 + n)))).await?;

        type Seen = (i32, String, Vec<(String, Vec<u8>)>, i64);
        let see = |record: &Record<'_>| {
            let headers = record.headers().map(|(name, value)| (name.to_string(), value.unwrap_or_default().to_vec()));
            let key = String::from_utf8(record.key.unwrap_or_default().to_vec())?;
            let order: Order = serde_json::from_slice(record.payload.unwrap_or_default())?;
            Ok::<Seen, _>((record.partition, key, headers.collect(), order.customer))
        };
        let source = KafkaSource::new(&servers, [&topic]).decode(see).until_end();
        assert_eq!(source.boundedness(), Boundedness::Bounded);
        let mut seen = read_all(&source).await?;
        seen.sort_by_key(|(seen, _)| seen.3);
        assert_eq!(seen.len(), 100);
        let mut partitions = [0; 3];
        for (n, ((partition, key, headers, customer), at)) in (0..).zip(seen) {
            assert_eq!((customer, key, at.millis()), (n, n.to_string(), 5_000 + n));
            assert_eq!(headers, [("kind".to_string(), b"order".to_vec()), ("n".to_string(), vec![n as u8])]);
            partitions[partition as usize] += 1;
        }
        assert!(partitions.iter().all(|count| *count > 10), "keys are spread: {partitions:?}");
        Ok(())
    });
}

#[test]
fn reading_goes_on_from_what_remained() {
    run(async {
        let broker = MockBroker::start(&[("numbers", 1)])?;
        let servers = broker.bootstrap_servers();
        let payloads: Vec<Vec<u8>> = (0..5_000_u32).map(|n| n.to_be_bytes().to_vec()).collect();
        write_bytes(servers, "numbers", payloads.iter().map(Vec::as_slice)).await?;

        let source = KafkaSource::new(servers, ["numbers"]).bytes();
        let [split] = source.splits(UNBOUNDED).await?.try_into().unwrap();
        assert_eq!((split.to_string().as_str(), split.next, split.end), ("numbers/0", 0, None));
        let mut read = Vec::new();
        let mut remaining = split;
        while read.len() < payloads.len() {
            // Every reader is given up after one read, as after a crash; what it has fetched ahead is fetched again.
            let mut reader = source.open(remaining).await?;
            read.extend(values(read_some(&mut reader, 1).await?));
            remaining = reader.remaining();
            assert_eq!(remaining.next, i64::try_from(read.len())?);
        }
        assert_eq!(read, payloads);
        Ok(())
    });
}

#[test]
fn two_readers_of_one_partition_do_not_disturb_each_other() {
    run(async {
        let broker = MockBroker::start(&[("numbers", 1)])?;
        let servers = broker.bootstrap_servers();
        write_bytes(servers, "numbers", [b"a".as_slice(), b"b"]).await?;
        let source = KafkaSource::new(servers, ["numbers"]).bytes();
        let [split] = source.splits(UNBOUNDED).await?.try_into().unwrap();
        let mut first = source.open(split.clone()).await?;
        let mut second = source.open(split).await?;
        assert_eq!(values(read_some(&mut first, 2).await?), [b"a", b"b"]);
        assert_eq!(values(read_some(&mut second, 2).await?), [b"a", b"b"]);
        Ok(())
    });
}

#[test]
fn a_read_that_is_dropped_loses_nothing() {
    run(async {
        let broker = MockBroker::start(&[("numbers", 1)])?;
        let servers = broker.bootstrap_servers();
        let source = KafkaSource::new(servers, ["numbers"]).bytes();
        let [split] = source.splits(UNBOUNDED).await?.try_into().unwrap();
        let mut reader = source.open(split).await?;
        let mut bundle = Bundle::new();
        let mut writer = KafkaSink::new(servers, "numbers").bytes().open(0).await?;
        let writing = async {
            for n in 0..50_u8 {
                writer.write(&mut Bundle::of(vec![vec![n]])).await?;
                writer.stage().await?;
            }
            Ok::<_, purlin_model::BoxError>(())
        };
        let reading = async {
            let mut dropped = 0;
            while bundle.len() < 50 {
                // Polled once and dropped, or dropped while it waits.
                let before = bundle.len();
                let _ = reader.read(&mut bundle).now_or_never();
                let _ = tokio::time::timeout(Duration::from_millis(1), reader.read(&mut bundle)).await;
                dropped += usize::from(bundle.len() == before);
            }
            dropped
        };
        let (written, dropped) = tokio::join!(writing, reading);
        written?;
        assert!(dropped > 0);
        assert_eq!(bundle.values(), (0..50).map(|n| vec![n]).collect::<Vec<_>>());
        Ok(())
    });
}

#[test]
fn reading_starts_where_it_is_told() {
    with_broker(|servers| async move {
        let topic = topic(&servers, 1).await?;
        let sink = KafkaSink::new(&servers, &topic).json::<Order>().timestamp_from_event_time();
        write(&sink, (1..=3).map(|n| (order(n), order(n).at))).await?;
        let from = |start| KafkaSource::new(&servers, [&topic]).json::<Order>().start(start);
        for (start, expected) in [
            (Start::Earliest, 0),
            (Start::At(Timestamp::from_millis(-7)), 0),
            (Start::At(Timestamp::from_millis(1_001)), 1),
            (Start::At(Timestamp::from_millis(3_000)), 2),
            (Start::At(Timestamp::from_millis(3_001)), 3),
            (Start::Latest, 3),
        ] {
            let splits = from(start).splits(UNBOUNDED).await?;
            assert_eq!(splits[0].next, expected, "{start}");
        }
        let latest = from(Start::Latest);
        let mut reader = latest.open(latest.splits(UNBOUNDED).await?.remove(0)).await?;
        write(&sink, [(order(4), order(4).at)]).await?;
        assert_eq!(values(read_some(&mut reader, 1).await?), [order(4)]);
        Ok(())
    });
}

#[test]
fn watermark_and_lag_follow_the_records() {
    run(async {
        let broker = MockBroker::start(&[("orders", 1)])?;
        let servers = broker.bootstrap_servers();
        let sink = KafkaSink::new(servers, "orders").json::<Order>();
        write(&sink, [20, 30, 25].map(|n| (order(n), Timestamp::from_millis(0)))).await?;
        let source = || {
            KafkaSource::new(servers, ["orders"])
                .json::<Order>()
                .event_time(|order| order.at)
                .out_of_orderness(seconds(10))
        };
        let unbounded = source().idle_timeout(Some(seconds(3)));
        assert_eq!(Source::idle_timeout(&unbounded), Some(seconds(3)));
        let mut reader = unbounded.open(unbounded.splits(UNBOUNDED).await?.remove(0)).await?;
        assert_eq!(reader.watermark(), Timestamp::MIN);
        let read = read_some(&mut reader, 3).await?;
        assert!(read.iter().all(|(order, at)| order.at == *at));
        assert_eq!(reader.watermark(), Timestamp::from_millis(20_000));
        assert_eq!(reader.lag(), Some(0));
        // An element far behind moves nothing back.
        write(&sink, [(order(1), Timestamp::from_millis(0))]).await?;
        read_some(&mut reader, 1).await?;
        assert_eq!(reader.watermark(), Timestamp::from_millis(20_000));

        let bounded = source().until_end();
        let mut reader = bounded.open(bounded.splits(UNBOUNDED).await?.remove(0)).await?;
        let mut bundle = Bundle::new();
        while reader.read(&mut bundle).await? == Progress::More {
            assert_eq!(reader.watermark(), Timestamp::MIN);
        }
        assert_eq!(reader.watermark(), Timestamp::MIN);
        Ok(())
    });
}

#[test]
fn bounded_reading_ends_where_the_log_ended_at_launch() {
    run(async {
        let broker = MockBroker::start(&[("numbers", 2), ("empty", 2)])?;
        let servers = broker.bootstrap_servers();
        write_bytes(servers, "numbers", [[1].as_slice(), &[2], &[3]]).await?;
        let source = KafkaSource::new(servers, ["numbers", "empty", "numbers"]).bytes();
        let splits = source.splits(SplitRequest { desired: 1, bounded: true }).await?;
        assert_eq!(splits.len(), 4);
        write_bytes(servers, "numbers", [[4].as_slice(), &[5], &[6], &[7]]).await?;
        let mut read = Vec::new();
        for split in splits {
            read.extend(values(read_split(&source, split).await?));
        }
        read.sort();
        assert_eq!(read, [[1], [2], [3]]);
        // The same client reads the same partitions again.
        assert_eq!(read_all(&source).await?.len(), 7);
        Ok(())
    });
}

#[test]
fn whatever_a_producer_compressed_with_can_be_read() {
    with_broker(|servers| async move {
        let topic = topic(&servers, 1).await?;
        // Much larger than what the broker takes uncompressed, or in one fetch.
        let large = vec![7_u8; 4_000_000];
        let codecs = ["gzip", "snappy", "lz4", "zstd"];
        for codec in codecs {
            let sink = KafkaSink::new(&servers, &topic).bytes();
            let sink = sink.set("compression.type", codec).set("message.max.bytes", "9000000");
            write(&sink, [(large.clone(), Timestamp::MIN), (codec.as_bytes().to_vec(), Timestamp::MIN)]).await?;
        }
        let read = values(read_all(&KafkaSource::new(&servers, [&topic]).bytes()).await?);
        for (pair, codec) in read.chunks(2).zip(codecs) {
            assert!(pair[0] == large && pair[1] == codec.as_bytes(), "{codec}");
        }
        assert_eq!(read.len(), 2 * codecs.len());
        Ok(())
    });
}
