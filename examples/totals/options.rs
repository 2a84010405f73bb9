//! The command line: where orders come from and where totals go.

use std::path::PathBuf;
use std::time::Duration;

use purlin::io::kafka::{KafkaSink, KafkaSource, MissingOffsets, Start};
use purlin::io::parquet::{ParquetSink, ParquetSource};
use purlin::prelude::*;

use crate::orders::{Order, Total};

/// Total orders per customer and window; without any argument, a demonstration.
#[derive(clap::Args)]
pub(crate) struct Options {
    /// Orders as Parquet: a file, a folder, or a glob pattern.
    #[arg(long, value_name = "PATH", conflicts_with = "input_topic")]
    input: Option<String>,

    /// Orders as JSON from these Kafka topics, separated by commas.
    #[arg(long, value_name = "TOPIC", value_delimiter = ',', requires = "bootstrap_servers")]
    input_topic: Vec<String>,

    /// Totals as Parquet: a folder that appears when the run has succeeded.
    #[arg(long, value_name = "PATH", conflicts_with = "output_topic")]
    output: Option<PathBuf>,

    /// Totals as JSON to this Kafka topic, keyed by customer.
    #[arg(long, value_name = "TOPIC", requires = "bootstrap_servers")]
    output_topic: Option<String>,

    /// Kafka brokers: HOST:PORT, separated by commas.
    #[arg(long, value_name = "HOST:PORT")]
    bootstrap_servers: Option<String>,

    /// The size of the windows.
    #[arg(long, value_name = "SPAN", default_value = "1m", value_parser = window)]
    pub(crate) window: Duration,

    /// How far out of order an order may come within its partition without being late (stream runner).
    #[arg(long, value_name = "SPAN", default_value = "10s", value_parser = humantime::parse_duration)]
    out_of_orderness: Duration,

    /// A partition without data for this long no longer holds the watermark (stream runner).
    #[arg(long, value_name = "SPAN", default_value = "10s", value_parser = humantime::parse_duration)]
    idle_timeout: Duration,

    /// End where the topics end at launch.
    #[arg(long)]
    until_end: bool,

    /// Where in the topics to start: earliest, latest, or a time such as 2023-11-14T22:13:20Z.
    #[arg(long, value_name = "WHERE", default_value = "earliest")]
    start: Start,

    /// What to do if the topics no longer have what a checkpoint goes on from: refuse, earliest, or latest.
    #[arg(long, value_name = "WHAT", default_value = "refuse")]
    on_missing_offsets: MissingOffsets,

    /// A setting for the Kafka client, for example fetch.min.bytes=1024. May be repeated.
    #[arg(long, value_name = "NAME=VALUE", value_parser = setting)]
    kafka_set: Vec<(String, String)>,

    /// Malformed messages go to JSON lines in this new folder instead of failing the run.
    #[arg(long, value_name = "PATH", requires = "input_topic")]
    pub(crate) dead_letters: Option<PathBuf>,

    /// Write this many sample orders to --output or --output-topic instead.
    #[arg(long, value_name = "N", conflicts_with_all = ["input", "input_topic"])]
    pub(crate) generate: Option<u64>,

    /// How many customers the sample orders come from.
    #[arg(long, value_name = "C", default_value_t = 1000, value_parser = clap::value_parser!(u64).range(1..))]
    pub(crate) customers: u64,

    /// Another seed gives other sample orders.
    #[arg(long, value_name = "S", default_value_t = 1)]
    pub(crate) seed: u64,
}

impl Options {
    /// Where orders come from.
    pub(crate) fn source(&self) -> Result<BoxSource<Order>, Failure> {
        match &self.input {
            Some(path) => {
                let orders = BoxSource::new(ParquetSource::<Order>::new(path));
                Ok(BoxSource::new(orders.event_time(|order| order.at)))
            }
            None => Ok(BoxSource::new(self.topics()?)),
        }
    }

    /// The same from topics, with what is malformed.
    pub(crate) fn source_with_dead_letters(&self) -> Result<BoxSource<Result<Order, DeadLetter>>, Failure> {
        Ok(BoxSource::new(self.topics()?.or_dead_letter()))
    }

    /// Where totals go.
    pub(crate) fn total_sink(&self) -> Result<BoxSink<Total>, Failure> {
        match (&self.output, &self.output_topic) {
            (Some(path), _) => Ok(BoxSink::new(ParquetSink::<Total>::new(path))),
            (None, Some(topic)) => {
                let sink = self.with_settings_sink(KafkaSink::new(self.servers()?, topic).json::<Total>());
                Ok(BoxSink::new(sink.key(|total| total.customer.to_string().into_bytes())))
            }
            (None, None) => Err(no_output()),
        }
    }

    /// Where sample orders go.
    pub(crate) fn order_sink(&self) -> Result<BoxSink<Order>, Failure> {
        match (&self.output, &self.output_topic) {
            (Some(path), _) => Ok(BoxSink::new(ParquetSink::<Order>::new(path))),
            (None, Some(topic)) => {
                let sink = self.with_settings_sink(KafkaSink::new(self.servers()?, topic).json::<Order>());
                Ok(BoxSink::new(sink.key(|order| order.customer.to_string().into_bytes())))
            }
            (None, None) => Err(no_output()),
        }
    }

    fn topics(&self) -> Result<KafkaSource<Order>, Failure> {
        if self.input_topic.is_empty() {
            let message =
                "say where the orders are: --input PATH, or --bootstrap-servers HOST:PORT --input-topic TOPIC";
            return Err(Failure::Options(message.into()));
        }
        let mut source = KafkaSource::new(self.servers()?, self.input_topic.iter().cloned())
            .json::<Order>()
            .event_time(|order| order.at)
            .out_of_orderness(self.out_of_orderness)
            .idle_timeout(Some(self.idle_timeout))
            .start(self.start)
            .on_missing_offsets(self.on_missing_offsets);
        for (name, value) in &self.kafka_set {
            source = source.set(name, value);
        }
        Ok(if self.until_end { source.until_end() } else { source })
    }

    fn with_settings_sink<T: Element>(&self, sink: KafkaSink<T>) -> KafkaSink<T> {
        self.kafka_set.iter().fold(sink, |sink, (name, value)| sink.set(name, value))
    }

    fn servers(&self) -> Result<String, Failure> {
        let missing = || Failure::Options("say where the brokers are: --bootstrap-servers HOST:PORT".into());
        self.bootstrap_servers.clone().ok_or_else(missing)
    }
}

fn no_output() -> Failure {
    Failure::Options(
        "say where the results go: --output PATH, or --bootstrap-servers HOST:PORT --output-topic TOPIC".into(),
    )
}

fn window(text: &str) -> Result<Duration, String> {
    let span =
        humantime::parse_duration(text).map_err(|error| format!("{error}; a span is, for example, 90s or 5m"))?;
    if span.as_millis() == 0 { Err("a window is at least 1ms long".into()) } else { Ok(span) }
}

fn setting(text: &str) -> Result<(String, String), String> {
    let (name, value) = text.split_once('=').ok_or("expected NAME=VALUE")?;
    Ok((name.to_string(), value.to_string()))
}
