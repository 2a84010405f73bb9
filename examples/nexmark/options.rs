//! The command line: which query, where events come from and where results go.

use std::path::PathBuf;

use purlin::io::text::{JsonLinesSink, JsonLinesSource};
use purlin::prelude::*;
use purlin_examples::nexmark::{Bid, Event, GeneratedEvents, q10};

use crate::counted::Counted;

/// Run a Nexmark query, in Beam's numbering, over events of an auction site.
#[derive(clap::Args)]
pub(crate) struct Options {
    /// Which query to run: 0 pass-through, 1 currency conversion, 2 selection, 3 local items, 4 average price per category, 5 hot
    /// items, 6 average price per seller, 7 highest bid, 8 new users, 9 winning bids, 10 log to sharded files, 11 user sessions, 12
    /// processing-time windows, 13 side input, 14 side input over sessions.
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u8).range(0..=14))]
    pub(crate) query: u8,

    /// The events: lines of JSON in order of time, `{"ts": MS, "person" | "auction" | "bid": {...}}`. A file, a folder, or a glob pattern.
    #[arg(long, value_name = "FILE", required_unless_present = "generate", conflicts_with = "generate")]
    events: Option<PathBuf>,

    /// Make this many events instead of reading any.
    #[arg(long, value_name = "COUNT")]
    generate: Option<u64>,

    /// How many generated events there are to a second of event time.
    #[arg(long, value_name = "COUNT", default_value_t = 10_000, conflicts_with = "events", value_parser = clap::value_parser!(u32).range(1..))]
    rate: u32,

    /// The results: one file of JSON lines, which appears, or takes an earlier one's place, when the run has succeeded. For query 10, a
    /// folder of such files.
    #[arg(long, value_name = "OUT", required_unless_present = "count", conflicts_with = "count")]
    output: Option<PathBuf>,

    /// Print how many results there are instead of writing them.
    #[arg(long)]
    count: bool,
}

impl Options {
    /// Refuses to replace the events by the results.
    pub(crate) fn check(&self) -> Result<(), Failure> {
        let events = self.events.as_ref().and_then(|path| path.canonicalize().ok());
        match &self.output {
            Some(output) if events.is_some() && events == output.canonicalize().ok() => {
                let path = output.display();
                Err(Failure::Options(format!("--output `{path}` is the file of --events: choose another one")))
            }
            _ => Ok(()),
        }
    }

    /// Where events come from.
    pub(crate) fn events(&self) -> BoxSource<Event> {
        match (&self.events, self.generate) {
            (Some(path), _) => {
                let lines = BoxSource::new(JsonLinesSource::<Event>::new(path));
                BoxSource::new(lines.event_time(|event| event.ts))
            }
            (None, count) => BoxSource::new(GeneratedEvents { count: count.unwrap_or_default(), rate: self.rate }),
        }
    }

    /// Where results go.
    pub(crate) fn results<T: Element>(&self) -> BoxSink<T> {
        match &self.output {
            Some(path) => BoxSink::new(JsonLinesSink::new(path).single_file().overwrite()),
            None => BoxSink::new(Counted::new()),
        }
    }

    /// Where the results of query 10 go.
    pub(crate) fn shards(&self) -> BoxSink<Bid> {
        match &self.output {
            Some(folder) => BoxSink::new(q10::shards(folder)),
            None => BoxSink::new(Counted::new()),
        }
    }
}
