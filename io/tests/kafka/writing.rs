//! What a sink writes, and how it fails.

use std::collections::HashMap;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use purlin_io::kafka::mock::MockBroker;
use purlin_io::kafka::{Encoder, KafkaSink, KafkaSource, Payload, Record};
use purlin_model::bundle::Bundle;
use purlin_model::sink::{Sink, Visibility};
use purlin_model::{BoxError, Timestamp, hours};

use super::support::*;

#[test]
fn the_partition_of_a_key_is_javas() {
    run(async {
        let broker = MockBroker::start(&[("keyed", 4)])?;
        let servers = broker.bootstrap_servers();
        // `Utils.toPositive(Utils.murmur2(key)) % 4` of Java's client.
        let java = HashMap::from([("21", 1), ("foobar", 3)].map(|(key, _)| (key, murmur2(key.as_bytes()) % 4)));
        let sink = KafkaSink::new(servers, "keyed").bytes().key(Vec::clone);
        write(&sink, java.keys().map(|key| (key.as_bytes().to_vec(), Timestamp::MIN))).await?;
        let source = KafkaSource::new(servers, ["keyed"])
            .decode(|record: &Record<'_>| Ok((String::from_utf8(record.key.unwrap().to_vec())?, record.partition)));
        for (key, partition) in values(read_all(&source).await?) {
            assert_eq!(partition, java[key.as_str()], "{key}");
        }
        Ok(())
    });
}

/// Kafka's murmur2, made positive as Java's partitioner does; checked against the values in Kafka's own `UtilsTest`.
fn murmur2(key: &[u8]) -> i32 {
    const M: u32 = 0x5bd1_e995;
    let mut hash = 0x9747_b28c ^ key.len() as u32;
    let mut chunks = key.chunks_exact(4);
    for chunk in &mut chunks {
        let mut k = u32::from_le_bytes(chunk.try_into().unwrap()).wrapping_mul(M);
        k = (k ^ (k >> 24)).wrapping_mul(M);
        hash = hash.wrapping_mul(M) ^ k;
    }
    let rest = chunks.remainder();
    if !rest.is_empty() {
        let tail = rest.iter().rev().fold(0, |tail, byte| tail << 8 | u32::from(*byte));
        hash = (hash ^ tail).wrapping_mul(M);
    }
    hash = (hash ^ (hash >> 13)).wrapping_mul(M);
    ((hash ^ (hash >> 15)) & 0x7fff_ffff) as i32
}

#[test]
fn murmur2_is_kafkas() {
    assert_eq!(murmur2(b"21"), -973_932_308_i32 & i32::MAX);
    assert_eq!(murmur2(b"foobar"), -790_332_482_i32 & i32::MAX);
    assert_eq!(murmur2(b"a-little-bit-long-string"), -985_981_536_i32 & i32::MAX);
}

#[test]
fn timestamps_are_event_times_where_a_broker_takes_them() {
    with_broker(|servers| async move {
        let topic = topic(&servers, 1).await?;
        let now = || {
            SystemTime::now().duration_since(UNIX_EPOCH).map(|since| Timestamp::from_millis(since.as_millis() as i64))
        };
        let before = now()?;
        let sink = KafkaSink::new(&servers, &topic).bytes().timestamp_from_event_time();
        assert_eq!(sink.visibility(), Visibility::Immediately);
        let event_times = [Timestamp::from_millis(7), Timestamp::MIN, Timestamp::GLOBAL_MAX, before + hours(24)];
        write(&sink, event_times.map(|at| (vec![1], at))).await?;
        let written = read_all(&KafkaSource::new(&servers, [&topic]).bytes()).await?;
        assert_eq!(written[0].1, event_times[0]);
        for (_, at) in &written[1..] {
            assert!((before..=now()?).contains(at), "{at}");
        }
        Ok(())
    });
}

#[test]
fn a_writer_waits_for_room_and_goes_on_after_a_stage() {
    run(async {
        let broker = MockBroker::start(&[("numbers", 1)])?;
        let servers = broker.bootstrap_servers();
        // Room for ten records makes every bundle wait many times.
        let sink = KafkaSink::new(servers, "numbers")
            .json::<u32>()
            .set("queue.buffering.max.messages", "10")
            .set("linger.ms", "0");
        let mut writers = [sink.open(0).await?, sink.open(1).await?];
        for round in 0..3 {
            for (n, writer) in (0..).zip(&mut writers) {
                let first = round * 200 + n * 100;
                writer.write(&mut Bundle::of((first..first + 100).collect())).await?;
            }
            for writer in &mut writers {
                assert_eq!(writer.stage().await?, None);
            }
            // What is staged can be seen.
            let read = values(read_all(&KafkaSource::new(servers, ["numbers"]).json::<u32>()).await?);
            assert_eq!(read, (0..(round + 1) * 200).collect::<Vec<_>>());
        }
        Ok(())
    });
}

struct Upsert;

impl Encoder for Upsert {
    type Item = Option<u32>;
    fn encode(&self, item: &Option<u32>, into: &mut Vec<u8>) -> Result<Payload, BoxError> {
        let Some(n) = item else { return Ok(Payload::Tombstone) };
        if *n == 13 {
            return Err("thirteen is not written".into());
        }
        into.extend(n.to_be_bytes());
        Ok(Payload::Value)
    }
}

#[test]
fn encoders_may_delete_and_refuse() {
    run(async {
        let broker = MockBroker::start(&[("numbers", 1)])?;
        let servers = broker.bootstrap_servers();
        let sink = KafkaSink::new(servers, "numbers").encode(Upsert).key(|_| b"k".to_vec());
        write(&sink, [Some(1), None].map(|n| (n, Timestamp::MIN))).await?;
        let payloads =
            KafkaSource::new(servers, ["numbers"]).decode(|record: &Record<'_>| Ok(record.payload.map(<[u8]>::to_vec)));
        assert_eq!(values(read_all(&payloads).await?), [Some(vec![0, 0, 0, 1]), None]);
        let error = write(&sink, [(Some(13), Timestamp::MIN)]).await.unwrap_err().to_string();
        assert!(error.contains("`numbers`") && error.contains("thirteen"), "{error}");
        let error = read_all(&KafkaSource::new(servers, ["numbers"]).bytes()).await.unwrap_err().to_string();
        assert!(error.contains("tombstone"), "{error}");
        Ok(())
    });
}

#[test]
fn what_is_not_delivered_fails_the_stage_and_what_follows() {
    with_broker(|servers| async move {
        let topic = topic(&servers, 1).await?;
        let sink = KafkaSink::new(&servers, &topic)
            .bytes()
            .set("message.max.bytes", "9000000")
            .set("compression.type", "none");
        let mut writer = sink.open(0).await?;
        // The broker takes 1 MiB.
        writer.write(&mut Bundle::of(vec![vec![7; 2_000_000]])).await?;
        let error = writer.stage().await.unwrap_err().to_string();
        assert!(error.contains(&topic) && error.contains("max.message.bytes"), "{error}");
        assert!(writer.write(&mut Bundle::of(vec![vec![7]])).await.is_err());
        Ok(())
    });
}

#[test]
fn an_outage_longer_than_the_delivery_timeout_fails_the_stage() {
    run(async {
        let broker = MockBroker::start(&[("numbers", 1)])?;
        let sink = KafkaSink::new(broker.bootstrap_servers(), "numbers").bytes().set("delivery.timeout.ms", "1500");
        write(&sink, [(vec![1], Timestamp::MIN)]).await?;
        broker.suspend()?;
        let mut writer = sink.open(0).await?;
        writer.write(&mut Bundle::of(vec![vec![2]])).await?;
        let error = writer.stage().await.unwrap_err().to_string();
        assert!(error.contains("delivery.timeout.ms"), "{error}");
        broker.resume()?;
        tokio::time::sleep(Duration::from_millis(10)).await;
        Ok(())
    });
}

#[test]
fn a_record_larger_than_the_queue_is_an_error_and_no_wait_without_end() {
    run(async {
        let broker = MockBroker::start(&[("numbers", 1)])?;
        let sink =
            KafkaSink::new(broker.bootstrap_servers(), "numbers").bytes().set("queue.buffering.max.kbytes", "100");
        let mut writer = sink.open(0).await?;
        // Many that fit wait for each other.
        writer.write(&mut Bundle::of(vec![vec![1; 40_000]; 20])).await?;
        let error = writer.write(&mut Bundle::of(vec![vec![2; 200_000]])).await.unwrap_err().to_string();
        assert!(error.contains("200000 bytes") && error.contains("queue.buffering.max.kbytes"), "{error}");
        writer.stage().await?;
        Ok(())
    });
}
