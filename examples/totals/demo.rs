//! The demonstration: the same orders through both runners, and whether they agree.

use std::process::ExitCode;
use std::time::{Duration, Instant};

use purlin::graph::Graph;
use purlin::io::kafka::mock::MockBroker;
use purlin::io::kafka::{KafkaSink, KafkaSource};
use purlin::io::parquet::{ParquetSink, ParquetSource};
use purlin::launch::exit_code;
use purlin::prelude::*;

use crate::customer_totals;
use crate::generate::SampleOrders;
use crate::orders::{Order, Total};

/// Small enough for the in-process broker, whose partitions keep 5 MiB each.
const ORDERS: u64 = 50_000;
const CUSTOMERS: u64 = 500;
const PARTITIONS: usize = 4;
const WINDOW: Duration = minutes(5);
const ROWS_SHOWN: usize = 6;

/// Runs it; exit code 1 unless both runners agree.
pub(crate) fn run() -> ExitCode {
    match demonstrate() {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(failure) => exit_code(Err(failure)),
    }
}

fn demonstrate() -> Result<bool, Failure> {
    let folder = tempfile::tempdir().map_err(Failure::other)?;
    let parquet = |name: &str| folder.path().join(name).to_string_lossy().into_owned();
    let broker = MockBroker::start(&[("orders", PARTITIONS), ("totals", PARTITIONS)]).map_err(Failure::other)?;
    let servers = broker.bootstrap_servers();
    println!(
        "{ORDERS} orders of {CUSTOMERS} customers over one hour, total per customer and {} minutes\n",
        WINDOW.as_secs() / 60
    );

    let sample = || SampleOrders { count: ORDERS, customers: CUSTOMERS, seed: 7 };
    let to_files =
        |p: &Pipeline| p.read("sample", sample()).write("orders", ParquetSink::<Order>::new(parquet("orders.parquet")));
    let key = |order: &Order| order.customer.to_string().into_bytes();
    let to_topic =
        |p: &Pipeline| p.read("sample", sample()).write("orders", KafkaSink::new(servers, "orders").json().key(key));
    timed(to_files, |graph| BatchRunner::new().run(graph))?;
    timed(to_topic, |graph| BatchRunner::new().run(graph))?;

    let batch_time = timed(
        |p| {
            let orders = BoxSource::new(ParquetSource::<Order>::new(parquet("orders.parquet")));
            totals(p, orders.event_time(|order| order.at)).write("totals", ParquetSink::new(parquet("totals.parquet")));
        },
        |graph| BatchRunner::new().run(graph),
    )?;
    let stream_time = timed(
        |p| {
            let orders = KafkaSource::new(servers, ["orders"]).json::<Order>().event_time(|order| order.at).until_end();
            let key = |total: &Total| total.customer.to_string().into_bytes();
            totals(p, orders).write("totals", KafkaSink::new(servers, "totals").json().key(key));
        },
        |graph| StreamRunner::new().run(graph),
    )?;

    let batch = collected(ParquetSource::<Total>::new(parquet("totals.parquet")))?;
    let stream = collected(KafkaSource::new(servers, ["totals"]).json::<Total>().until_end())?;
    show(&batch, &stream);
    println!("batch   Parquet → Parquet  {:>7} totals  {:>6.0} ms", batch.len(), millis(batch_time));
    println!("stream  broker → broker    {:>7} totals  {:>6.0} ms", stream.len(), millis(stream_time));
    let agree = !batch.is_empty() && batch == stream;
    println!("\n{}", if agree { "Both runners agree." } else { "The runners DISAGREE." });
    Ok(agree)
}

fn totals(pipeline: &Pipeline, orders: impl Source<Item = Order>) -> PCollection<Total> {
    pipeline.read("orders", orders).window(Fixed::of(WINDOW)).apply("customer totals", customer_totals)
}

fn timed(build: impl FnOnce(&Pipeline), run: impl FnOnce(&Graph) -> Result<(), Failure>) -> Result<Duration, Failure> {
    let pipeline = Pipeline::new();
    build(&pipeline);
    let graph = pipeline.graph()?;
    let started = Instant::now();
    run(&graph)?;
    Ok(started.elapsed())
}

/// All totals of a source, in order.
fn collected(source: impl Source<Item = Total>) -> Result<Vec<Total>, Failure> {
    let (pipeline, results) = (Pipeline::new(), MemorySink::new());
    pipeline.read("totals", source).write("results", results.sink());
    BatchRunner::new().run(&pipeline.graph()?)?;
    let mut totals = results.take();
    totals.sort();
    Ok(totals)
}

fn show(batch: &[Total], stream: &[Total]) {
    println!("customer  window start            batch         stream");
    for (batch, stream) in batch.iter().zip(stream).take(ROWS_SHOWN) {
        let cell = |total: &Total| format!("{} in {}", total.total, total.orders);
        println!("{:>8}  {}  {:>12}  {:>12}", batch.customer, batch.window_start, cell(batch), cell(stream));
    }
    println!("       …\n");
}

fn millis(span: Duration) -> f64 {
    span.as_secs_f64() * 1000.0
}
