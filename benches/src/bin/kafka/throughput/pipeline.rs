//! Purlin's side: the pipeline of `examples/totals`, from topic to topic.

use std::sync::Arc;
use std::time::Duration;

use purlin::BoxError;
use purlin::io::kafka::{KafkaSink, KafkaSource};
use purlin::prelude::*;
use purlin::runners::checkpoint::LocalStorage;
use purlin::runners::{CheckpointSettings, Guarantee};
use purlin_benches::digest::{Digest, DigestSink, mixed};
use purlin_benches::numbers::Numbers;

use super::WINDOW_MS;
use super::generate::SampleOrders;
use crate::orders::{Order, Total};

/// How often the job with checkpoints makes them.
const INTERVAL: Duration = Duration::from_secs(1);

/// Writes the orders, in no order of customers, to both partitions.
pub(super) fn fill(servers: &str, topic: &str, orders: SampleOrders) -> Result<(), BoxError> {
    let pipeline = Pipeline::new();
    let key = |order: &Order| order.customer.to_string().into_bytes();
    pipeline
        .read("numbers", Numbers { below: orders.count })
        .map("order", move |n| orders.order(n))
        .write("orders", KafkaSink::new(servers, topic).json().key(key));
    Ok(BatchRunner::new().run(&pipeline.graph()?)?)
}

fn totals(servers: &str, from: &str, to: &str) -> Pipeline {
    let pipeline = Pipeline::new();
    let orders = KafkaSource::new(servers, [from]).json::<Order>().event_time(|order| order.at).until_end();
    let key = |total: &Total| total.customer.to_string().into_bytes();
    pipeline
        .read("orders", orders)
        .window(Fixed::of(Duration::from_millis(WINDOW_MS as u64)))
        .key_by("customer", |order| order.customer)
        .combine_per_key("total", (Sum.of(|order: &Order| order.amount), Count))
        .map_in("row", |(customer, (total, orders)), at| Total {
            customer,
            window_start: at.window.start,
            total,
            orders: orders as i64,
        })
        .write("totals", KafkaSink::new(servers, to).json().key(key));
    pipeline
}

/// Totals without checkpoints.
pub(super) fn run(servers: &str, from: &str, to: &str) -> Result<(), BoxError> {
    Ok(StreamRunner::new().run(&totals(servers, from, to).graph()?)?)
}

/// Totals of a job that has no checkpoint yet.
pub(super) fn run_with_checkpoints(servers: &str, from: &str, to: &str, guarantee: Guarantee) -> Result<(), BoxError> {
    let folder = tempfile::tempdir()?;
    let mut settings = CheckpointSettings::new(to, Arc::new(LocalStorage::open(folder.path())?));
    (settings.interval, settings.guarantee) = (INTERVAL, guarantee);
    Ok(StreamRunner::new().checkpoints(settings).run(&totals(servers, from, to).graph()?)?)
}

/// All totals of a topic.
pub(super) fn digest(servers: &str, topic: &str) -> Result<Digest, BoxError> {
    let pipeline = Pipeline::new();
    let digest = DigestSink::new(|row: &Total| {
        mixed([row.customer, row.window_start.millis(), row.total, row.orders].map(|field| field as u64))
    });
    pipeline
        .read("totals", KafkaSource::new(servers, [topic]).json::<Total>().until_end())
        .write("digest", digest.sink());
    BatchRunner::new().run(&pipeline.graph()?)?;
    Ok(digest.take())
}
