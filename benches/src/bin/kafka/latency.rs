//! From the moment when the broker appends a record to the moment when a reader of committed records has its result.
//!
//! The load is open-loop: it comes whether or not results do. Load, job and reader share the
//! machine with the broker. *Stateless* changes each record; *keyed* counts the records of each key in a state cell.

use std::sync::Arc;
use std::time::Duration;

use purlin::BoxError;
use purlin::io::kafka::{Encoder, KafkaSink, KafkaSource, Payload, Record};
use purlin::prelude::*;
use purlin::runners::checkpoint::LocalStorage;
use purlin::runners::{CheckpointSettings, Guarantee, StopMode};
use purlin::state::Value;

use crate::load::{Load, Ping, now_micros};
use crate::percentiles::Percentiles;
use crate::topics::Topic;

const WARM_UP: Duration = Duration::from_secs(3);
/// At least once, checkpoints are no part of the way of a record.
const AT_LEAST_ONCE_INTERVAL: Duration = Duration::from_secs(1);

/// Prints a line for each path and guarantee.
pub(crate) fn table(servers: &str, rate: u64, seconds: u64, interval_ms: u64) -> Result<(), BoxError> {
    let load = Load { rate, warm_up: WARM_UP, lasts: Duration::from_secs(seconds) };
    println!(
        "| {rate} records/s | results | p50 ms | p90 | p99 | p99.9 | greatest |\n|---|---:|---:|---:|---:|---:|---:|"
    );
    for (guarantee, called, interval) in [
        (Guarantee::AtLeastOnce, "at least once", AT_LEAST_ONCE_INTERVAL),
        (Guarantee::ExactlyOnce, "exactly once", Duration::from_millis(interval_ms)),
    ] {
        for (path, keyed) in [("stateless", false), ("keyed", true)] {
            let latencies = measure(servers, load, keyed, guarantee, interval)?;
            println!("| {path}, {called} | {} | {latencies} |", latencies.count());
        }
    }
    Ok(())
}

/// Runs the job under its load.
fn measure(
    servers: &str,
    load: Load,
    keyed: bool,
    guarantee: Guarantee,
    interval: Duration,
) -> Result<Percentiles, BoxError> {
    let (input, output) = (
        Topic::with(servers, "pings", &[("message.timestamp.type", "LogAppendTime")])?,
        Topic::make(servers, "results")?,
    );
    let folder = tempfile::tempdir()?;
    let mut settings = CheckpointSettings::new(&output.name, Arc::new(LocalStorage::open(folder.path())?));
    (settings.interval, settings.guarantee) = (interval, guarantee);
    let pipeline = Pipeline::new();
    let pings =
        pipeline.read("pings", KafkaSource::new(servers, [&input.name]).decode(|record: &Record<'_>| Ping::of(record)));
    let results = match keyed {
        false => pings.map("plus one", |ping| (ping, 1)),
        true => pings.map("by key", |ping| (ping.key, ping)).par_do_stateful("count", Counted),
    };
    results.write("results", KafkaSink::new(servers, &output.name).encode(Bytes));
    let graph = pipeline.graph()?;
    let runner = StreamRunner::new().checkpoints(settings);
    let stop = runner.stop_handle();
    let (from, to) = (input.name.as_str(), output.name.as_str());
    std::thread::scope(|scope| {
        let job = scope.spawn(|| runner.run(&graph));
        let start_micros = now_micros() + 500_000;
        let sending = scope.spawn(move || load.send(servers, from, start_micros).map_err(|error| error.to_string()));
        let received = load.receive(servers, to, start_micros);
        stop.stop(StopMode::Stop);
        let sent = sending.join().map_err(|_| "the load panicked")?;
        job.join().map_err(|_| "the job panicked")??;
        sent?;
        received
    })
}

/// Counts the records of a key.
#[derive(Clone)]
struct Counted;

impl StatefulDoFn<u64, Ping> for Counted {
    type State = Value<u64>;
    type Out = Output<(Ping, u64)>;

    fn process(
        &mut self,
        _: &u64,
        ping: Ping,
        count: &mut Value<u64>,
        _: &StateContext,
        out: &mut Output<(Ping, u64)>,
    ) -> Result<(), BoxError> {
        let next = count.get().copied().unwrap_or_default() + 1;
        count.set(next);
        out.emit((ping, next));
        Ok(())
    }
}

/// A result is its record with a number behind.
struct Bytes;

impl Encoder for Bytes {
    type Item = (Ping, u64);

    fn encode(&self, (ping, number): &(Ping, u64), into: &mut Vec<u8>) -> Result<Payload, BoxError> {
        ping.append_to(into);
        into.extend_from_slice(&number.to_le_bytes());
        Ok(Payload::Value)
    }
}
