//! The loop by hand: a thread for each partition reads, decodes and sums; each then takes one half of the customers, merges what all
//! threads have of them, and writes their totals.
//!
//! rdkafka's settings are those of Purlin's source and sink, so that both fetch and write in the same batches and with the same promise.

use std::ffi::CString;
use std::sync::Barrier;
use std::time::Duration;

use hashbrown::HashMap;
use purlin::BoxError;
use purlin::bundle::BUNDLE_TARGET;
use purlin::prelude::Timestamp;
use rdkafka::ClientConfig;
use rdkafka::bindings as native;
use rdkafka::consumer::{BaseConsumer, Consumer};
use rdkafka::error::{KafkaError, RDKafkaErrorCode};
use rdkafka::producer::{BaseProducer, BaseRecord, Producer};

use super::WINDOW_MS;
use crate::orders::{Order, Total};
use crate::topics::PARTITIONS;

const PATIENCE: Duration = Duration::from_secs(30);

/// Sums and counts by customer and window.
type Sums = HashMap<(i64, i64), (i64, i64)>;

/// Reads `from` up to what is there, and writes its totals to `to`.
pub(super) fn run(servers: &str, from: &str, to: &str) -> Result<(), BoxError> {
    let (read, parts) = (Barrier::new(PARTITIONS as usize), std::sync::Mutex::new(Vec::new()));
    let one = |partition: i32| -> Result<(), BoxError> {
        let producer = producer(servers, to);
        let summed = sum(servers, from, partition);
        // Whoever failed comes to the barrier, too.
        let failed = summed.map(|halves| parts.lock().expect("no thread panics").push(halves)).err();
        read.wait();
        if let Some(failed) = failed {
            return Err(failed);
        }
        let mut parts: Vec<Sums> = (parts.lock().expect("no thread panics").iter_mut())
            .map(|halves| std::mem::take(&mut halves[partition as usize]))
            .collect();
        let mut all = parts.pop().unwrap_or_default();
        for (key, (total, orders)) in parts.into_iter().flatten() {
            let sums = all.entry(key).or_default();
            *sums = (sums.0 + total, sums.1 + orders);
        }
        write(&producer?, to, &all)
    };
    std::thread::scope(|scope| {
        let threads: Vec<_> = (0..PARTITIONS).map(|partition| scope.spawn(move || one(partition))).collect();
        threads.into_iter().try_for_each(|thread| thread.join().map_err(|_| "a thread panicked")?)
    })
}

/// The sums of one partition, by halves of the customers. librdkafka's call for batches, which rdkafka has no safe name for, costs half of what asking
/// record by record does.
fn sum(servers: &str, topic: &str, partition: i32) -> Result<[Sums; PARTITIONS as usize], BoxError> {
    let consumer: BaseConsumer = ClientConfig::new()
        .set("bootstrap.servers", servers)
        .set("enable.auto.commit", "false")
        .set("queued.min.messages", "100000")
        .set("queued.max.messages.kbytes", "32768")
        .set("fetch.queue.backoff.ms", "10")
        .create()?;
    let (first, end) = consumer.fetch_watermarks(topic, partition, PATIENCE)?;
    let name = CString::new(topic)?;
    let mut halves: [Sums; PARTITIONS as usize] = Default::default();
    let (mut next, mut batch) = (first, Vec::with_capacity(BUNDLE_TARGET));
    // SAFETY: the handle lives until the end; topic and queue are made and destroyed here; each message is destroyed once, when its bytes have been
    // decoded.
    unsafe {
        let handle = consumer.client().native_ptr();
        let topic = native::rd_kafka_topic_new(handle, name.as_ptr(), std::ptr::null_mut());
        let queue = native::rd_kafka_queue_new(handle);
        let mut ended = native::rd_kafka_consume_start_queue(topic, partition, first, queue) != 0;
        while next < end && !ended {
            // It waits until it has as many as were asked for.
            let wanted = BUNDLE_TARGET.min(usize::try_from(end - next)?);
            let patience = PATIENCE.as_millis() as i32;
            let taken = native::rd_kafka_consume_batch_queue(queue, patience, batch.as_mut_ptr(), wanted);
            batch.set_len(usize::try_from(taken)?);
            ended = batch.is_empty();
            for message in batch.drain(..) {
                let record = &*message;
                let payload = std::slice::from_raw_parts(record.payload.cast::<u8>(), record.len);
                let order: Result<Order, _> = serde_json::from_slice(payload);
                next = record.offset + 1;
                native::rd_kafka_message_destroy(message);
                let Ok(order) = order else {
                    ended = true;
                    continue;
                };
                let window = order.at.millis().div_euclid(WINDOW_MS) * WINDOW_MS;
                let half = order.customer.rem_euclid(i64::from(PARTITIONS)) as usize;
                let sums = halves[half].entry((order.customer, window)).or_default();
                *sums = (sums.0 + order.amount, sums.1 + 1);
            }
        }
        native::rd_kafka_consume_stop(topic, partition);
        native::rd_kafka_queue_destroy(queue);
        native::rd_kafka_topic_destroy(topic);
    }
    if next < end { Err(format!("offset {next} of {topic}/{partition} could not be read").into()) } else { Ok(halves) }
}

/// A producer that connects while its thread still reads.
fn producer(servers: &str, topic: &str) -> Result<BaseProducer, BoxError> {
    let producer: BaseProducer = ClientConfig::new()
        .set("bootstrap.servers", servers)
        .set("enable.idempotence", "true")
        .set("linger.ms", "5")
        .set("compression.type", "lz4")
        .set("partitioner", "murmur2_random")
        .set("queue.buffering.max.kbytes", "131072")
        .create()?;
    producer.client().fetch_metadata(Some(topic), PATIENCE)?;
    Ok(producer)
}

/// Writes what was summed, and waits until the broker has it.
fn write(producer: &BaseProducer, topic: &str, sums: &Sums) -> Result<(), BoxError> {
    let (mut key, mut value) = (Vec::new(), Vec::new());
    for (number, (&(customer, window), &(total, orders))) in sums.iter().enumerate() {
        let total = Total { customer, window_start: Timestamp::from_millis(window), total, orders };
        key.clear();
        value.clear();
        std::io::Write::write_fmt(&mut key, format_args!("{customer}"))?;
        serde_json::to_writer(&mut value, &total)?;
        let mut record = BaseRecord::to(topic).key(&key).payload(&value);
        while let Err((error, refused)) = producer.send(record) {
            if error != KafkaError::MessageProduction(RDKafkaErrorCode::QueueFull) {
                return Err(error.into());
            }
            producer.poll(Duration::from_millis(10));
            record = refused;
        }
        if number % 1024 == 0 {
            producer.poll(Duration::ZERO);
        }
    }
    Ok(producer.flush(PATIENCE)?)
}
