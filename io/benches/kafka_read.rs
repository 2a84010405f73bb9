//! How fast a source reads a topic, against a bare loop over librdkafka's batch call.
//!
//! `PURLIN_KAFKA=host:port cargo bench -p purlin-io --features kafka --bench kafka_read [-- RECORDS PARTITIONS ROUNDS]`
//!
//! Rounds alternate; each side's best round counts, since the broker's and the machine's moods only ever add.

use std::ffi::CString;
use std::time::{Duration, Instant};

use purlin_io::kafka::{KafkaSink, KafkaSource, Record, admin};
use purlin_model::bundle::{BUNDLE_TARGET, Bundle, ElementSides};
use purlin_model::sink::Sink;
use purlin_model::source::{Progress, Source, SplitRequest};
use purlin_model::{BoxError, Timestamp};
use rdkafka::ClientConfig;
use rdkafka::bindings as native;
use rdkafka::consumer::{BaseConsumer, Consumer};

fn main() -> Result<(), BoxError> {
    let Ok(servers) = std::env::var("PURLIN_KAFKA") else {
        println!("NOT RUN: PURLIN_KAFKA is not set");
        return Ok(());
    };
    let numbers: Vec<u64> = std::env::args().filter_map(|arg| arg.parse().ok()).collect();
    let [records, partitions, rounds] = [(0, 2_000_000), (1, 1), (2, 5)].map(|(i, or)| *numbers.get(i).unwrap_or(&or));
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build()?;
    let topic = format!("bench-{}", std::process::id());
    runtime.block_on(admin::create_topic(&servers, &topic, partitions as usize))?;
    let wrote = runtime.block_on(fill(&servers, &topic, records))?;
    report("sink", records, wrote);

    let (mut bare, mut source) = (Duration::MAX, Duration::MAX);
    for _ in 0..rounds {
        bare = bare.min(read_bare(&servers, &topic, partitions as i32, records)?);
        source = source.min(runtime.block_on(read_source(&servers, &topic, records))?);
    }
    report("bare batch loop", records, bare);
    report("KafkaSource", records, source);
    println!("{:<16} {:>11.2}", "ratio", source.as_secs_f64() / bare.as_secs_f64());
    runtime.block_on(admin::delete_topic(&servers, &topic))?;
    Ok(())
}

fn report(what: &str, records: u64, took: Duration) {
    let seconds = took.as_secs_f64();
    println!(
        "{what:<16} {:>11.0} records/s {:>7.1} ns/record",
        records as f64 / seconds,
        seconds * 1e9 / records as f64
    );
}

/// Writes small records: eight bytes each.
async fn fill(servers: &str, topic: &str, records: u64) -> Result<Duration, BoxError> {
    let sink = KafkaSink::new(servers, topic).bytes().set("batch.size", "1000000");
    let mut writer = sink.open(0).await?;
    let started = Instant::now();
    let mut bundle = Bundle::new();
    for n in 0..records {
        bundle.push(n.to_be_bytes().to_vec(), ElementSides::at(Timestamp::from_millis(1_700_000_000_000 + n as i64)));
        if bundle.len() == BUNDLE_TARGET {
            writer.write(&mut bundle).await?;
        }
    }
    writer.write(&mut bundle).await?;
    writer.stage().await?;
    Ok(started.elapsed())
}

/// Adds the payloads up, one task per partition.
async fn read_source(servers: &str, topic: &str, records: u64) -> Result<Duration, BoxError> {
    let number = |record: &Record<'_>| Ok(u64::from_be_bytes(record.payload.unwrap_or_default().try_into()?));
    let source = KafkaSource::new(servers, [topic]).decode(number).until_end();
    let splits = source.splits(SplitRequest { desired: 2, bounded: true }).await?;
    let started = Instant::now();
    let mut tasks = Vec::new();
    for split in splits {
        let mut reader = source.open(split).await?;
        tasks.push(tokio::spawn(async move {
            let (mut sum, mut bundle) = (0, Bundle::new());
            loop {
                let progress = reader.read(&mut bundle).await?;
                sum += bundle.values().iter().sum::<u64>();
                bundle.clear();
                if progress == Progress::End {
                    return Ok::<u64, BoxError>(sum);
                }
            }
        }));
    }
    let mut sum = 0;
    for task in tasks {
        sum += task.await??;
    }
    let took = started.elapsed();
    assert_eq!(sum, records * (records - 1) / 2);
    Ok(took)
}

/// The same with nothing around librdkafka: all partitions in one queue, emptied by one thread.
fn read_bare(servers: &str, topic: &str, partitions: i32, records: u64) -> Result<Duration, BoxError> {
    let consumer: BaseConsumer = ClientConfig::new()
        .set("bootstrap.servers", servers)
        .set("queued.min.messages", "200000")
        .set("fetch.queue.backoff.ms", "10")
        .create()?;
    consumer.fetch_metadata(Some(topic), Duration::from_secs(10))?;
    let name = CString::new(topic)?;
    let (mut sum, mut left) = (0, records);
    // SAFETY: the handle lives until the end; topic and queue are made and destroyed here; each message is destroyed once.
    unsafe {
        let handle = consumer.client().native_ptr();
        let (topic, queue) = (
            native::rd_kafka_topic_new(handle, name.as_ptr(), std::ptr::null_mut()),
            native::rd_kafka_queue_new(handle),
        );
        let started = Instant::now();
        for partition in 0..partitions {
            assert_eq!(native::rd_kafka_consume_start_queue(topic, partition, 0, queue), 0);
        }
        let mut batch = Vec::with_capacity(BUNDLE_TARGET);
        while left > 0 {
            let taken = native::rd_kafka_consume_batch_queue(queue, 100, batch.as_mut_ptr(), BUNDLE_TARGET);
            batch.set_len(usize::try_from(taken)?);
            for message in batch.drain(..) {
                let payload = std::slice::from_raw_parts((*message).payload.cast::<u8>(), (*message).len);
                sum += u64::from_be_bytes(payload.try_into()?);
                native::rd_kafka_message_destroy(message);
                left -= 1;
            }
        }
        let took = started.elapsed();
        for partition in 0..partitions {
            native::rd_kafka_consume_stop(topic, partition);
        }
        native::rd_kafka_queue_destroy(queue);
        native::rd_kafka_topic_destroy(topic);
        assert_eq!(sum, records * (records - 1) / 2);
        Ok(took)
    }
}
