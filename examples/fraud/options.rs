//! The command line: where transactions come from and where alerts go.

use std::path::PathBuf;
use std::time::Duration;

use purlin::io::kafka::{KafkaSink, KafkaSource, MissingOffsets, Start};
use purlin::io::parquet::{ParquetSink, ParquetSource};
use purlin::io::text::{CsvSink, CsvSource, JsonLinesSink, JsonLinesSource};
use purlin::prelude::*;

use crate::transactions::{Alert, Transaction};

/// Alert on transactions of more than ten times the amount before of their account.
#[derive(clap::Args)]
pub(crate) struct Options {
    /// Transactions with columns account, amount, at: a file, a folder, or a glob pattern.
    #[arg(long, value_name = "PATH", conflicts_with = "input_topic")]
    input: Option<String>,

    /// What the files of --input are, and those of --output.
    #[arg(long, value_enum, default_value_t = Format::Parquet)]
    format: Format,

    /// Transactions as JSON from these Kafka topics, separated by commas.
    #[arg(long, value_name = "TOPIC", value_delimiter = ',', requires = "bootstrap_servers")]
    input_topic: Vec<String>,

    /// Alerts as files in this new folder, which appears when the run has succeeded.
    #[arg(long, value_name = "PATH", conflicts_with = "output_topic")]
    output: Option<PathBuf>,

    /// Alerts as JSON to this Kafka topic, keyed by account.
    #[arg(long, value_name = "TOPIC", requires = "bootstrap_servers")]
    output_topic: Option<String>,

    /// Kafka brokers: HOST:PORT, separated by commas.
    #[arg(long, value_name = "HOST:PORT")]
    bootstrap_servers: Option<String>,

    /// How many times the amount before is still no alert.
    #[arg(long, value_name = "N", default_value_t = 10, value_parser = clap::value_parser!(i64).range(1..))]
    pub(crate) factor: i64,

    /// How far out of order a transaction may come within its partition (stream runner).
    #[arg(long, value_name = "SPAN", default_value = "10s", value_parser = humantime::parse_duration)]
    out_of_orderness: Duration,

    /// A partition without data for this long no longer holds the others up (stream runner).
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
}

/// What files are.
#[derive(Clone, Copy, Debug, PartialEq, clap::ValueEnum)]
enum Format {
    Parquet,
    Csv,
    /// Lines of JSON.
    Json,
}

impl Options {
    /// Where transactions come from.
    pub(crate) fn source(&self) -> Result<BoxSource<Transaction>, Failure> {
        let Some(path) = &self.input else { return self.topics() };
        let rows = match self.format {
            Format::Parquet => BoxSource::new(ParquetSource::<Transaction>::new(path)),
            Format::Csv => BoxSource::new(CsvSource::<Transaction>::new(path)),
            Format::Json => BoxSource::new(JsonLinesSource::<Transaction>::new(path)),
        };
        Ok(BoxSource::new(rows.event_time(|transaction| transaction.at)))
    }

    /// Where alerts go.
    pub(crate) fn sink(&self) -> Result<BoxSink<Alert>, Failure> {
        match (&self.output, &self.output_topic) {
            (Some(path), _) => Ok(match self.format {
                Format::Parquet => BoxSink::new(ParquetSink::<Alert>::new(path)),
                Format::Csv => BoxSink::new(CsvSink::<Alert>::new(path)),
                Format::Json => BoxSink::new(JsonLinesSink::<Alert>::new(path)),
            }),
            (None, Some(topic)) => {
                let sink = KafkaSink::new(self.servers()?, topic).json::<Alert>();
                Ok(BoxSink::new(sink.key(|alert| alert.account.to_string().into_bytes())))
            }
            (None, None) => Err(Failure::Options(
                "say where the alerts go: --output PATH, or --bootstrap-servers HOST:PORT --output-topic TOPIC".into(),
            )),
        }
    }

    fn topics(&self) -> Result<BoxSource<Transaction>, Failure> {
        if self.input_topic.is_empty() {
            return Err(Failure::Options(
                "say where the transactions are: --input PATH, or --bootstrap-servers HOST:PORT --input-topic TOPIC"
                    .into(),
            ));
        }
        let source = KafkaSource::new(self.servers()?, self.input_topic.iter().cloned())
            .json::<Transaction>()
            .event_time(|transaction| transaction.at)
            .out_of_orderness(self.out_of_orderness)
            .idle_timeout(Some(self.idle_timeout))
            .start(self.start)
            .on_missing_offsets(self.on_missing_offsets);
        Ok(BoxSource::new(if self.until_end { source.until_end() } else { source }))
    }

    fn servers(&self) -> Result<String, Failure> {
        let missing = || Failure::Options("say where the brokers are: --bootstrap-servers HOST:PORT".into());
        self.bootstrap_servers.clone().ok_or_else(missing)
    }
}
