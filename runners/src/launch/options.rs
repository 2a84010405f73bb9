//! The launcher's own options.

use std::net::SocketAddr;
use std::time::Duration;

use clap::ValueEnum;
use purlin_model::Failure;

use crate::checkpoint::open_storage;
use crate::plan::Promise;
use crate::stream::{CheckpointSettings, Guarantee};

/// How to run the pipeline.
#[derive(Clone, Debug, clap::Args)]
pub struct LaunchOptions {
    /// Which runner runs the pipeline.
    #[arg(long, value_enum, default_value_t = RunnerKind::Batch)]
    pub runner: RunnerKind,

    /// The job's name in logs and metrics [default: the program's name].
    #[arg(long, value_name = "NAME")]
    pub job_name: Option<String>,

    /// How many workers run [default: one per core].
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u16).range(1..=1024))]
    pub parallelism: Option<u16>,

    /// How much grouped data the batch runner holds before it spills to temporary files, for example 512MB or 2GiB.
    #[arg(long, value_name = "SIZE", value_parser = bytes)]
    pub memory_limit: Option<usize>,

    /// Print what would be run, and end.
    #[arg(long)]
    pub explain: bool,

    /// On SIGINT or SIGTERM, emit every open window before ending (stream runner).
    #[arg(long)]
    pub drain: bool,

    /// What is promised of the output after failures and restarts [default: exactly-once with --checkpoint-dir] (stream runner).
    #[arg(long, value_enum)]
    pub guarantee: Option<GuaranteeKind>,

    /// Where the job's checkpoints are kept: it goes on from the last one when it is started again. A folder of its own for each job (stream
    /// runner).
    #[arg(long, value_name = "DIR")]
    pub checkpoint_dir: Option<String>,

    /// How long after one checkpoint the next begins, for example 500ms, 10s or 1m [default: 10s]. Exactly-once output to Kafka appears with each.
    #[arg(long, value_name = "SPAN", value_parser = humantime::parse_duration)]
    pub checkpoint_interval: Option<Duration>,

    /// What is logged on standard error: error, warn, info, debug, trace, or a filter such as `purlin=debug`.
    #[arg(long, value_name = "FILTER", env = "PURLIN_LOG", default_value = "warn")]
    pub log: String,

    /// Serve metrics for Prometheus on this port of the loopback interface, or on HOST:PORT.
    #[arg(long, value_name = "PORT", value_parser = listen_address)]
    pub metrics_listen: Option<SocketAddr>,

    /// No progress bar or status line, even on a terminal.
    #[arg(long)]
    pub quiet: bool,
}

/// The runners to choose from.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum RunnerKind {
    /// Bounded input on all cores; output appears at the end.
    Batch,
    /// Continuous, with watermarks; ends when its sources do.
    Stream,
    /// The slow, plain one that the others are tested against.
    Reference,
}

/// What is promised of a job's output.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum GuaranteeKind {
    /// Every element counts once in every sink, as if nothing had failed; needs --checkpoint-dir and sinks that can keep it.
    ExactlyOnce,
    /// Nothing is lost; after a failure, output since the last checkpoint may be there twice.
    AtLeastOnce,
}

impl LaunchOptions {
    /// Refuses combinations that make no sense.
    pub fn check(&self) -> Result<(), Failure> {
        let refuse = |message: &str| Err(Failure::Options(message.to_string()));
        match self.runner {
            RunnerKind::Stream if self.memory_limit.is_some() => {
                refuse("--memory-limit is for the batch runner: with --runner stream, leave it out")
            }
            RunnerKind::Batch | RunnerKind::Reference if self.drain => {
                refuse("--drain is for the stream runner: a batch run always emits every window")
            }
            RunnerKind::Reference if self.parallelism.is_some_and(|workers| workers > 1) => {
                refuse("the reference runner has one worker: leave out --parallelism")
            }
            RunnerKind::Batch | RunnerKind::Reference if self.names_checkpoints() => refuse(
                "--guarantee, --checkpoint-dir and --checkpoint-interval are for the stream runner: a batch run publishes its output once, when it \
                 has succeeded",
            ),
            RunnerKind::Stream if self.checkpoint_dir.is_none() && self.names_checkpoints() => refuse(
                "--guarantee and --checkpoint-interval go with --checkpoint-dir: say where checkpoints are to be kept",
            ),
            _ => Ok(()),
        }
    }

    /// What the run promises of its output.
    pub fn promise(&self) -> Promise {
        match (&self.checkpoint_dir, self.guarantee) {
            (None, _) => Promise::NoCheckpoints,
            (Some(_), Some(GuaranteeKind::AtLeastOnce)) => Promise::AtLeastOnce,
            (Some(_), _) => Promise::ExactlyOnce,
        }
    }

    fn names_checkpoints(&self) -> bool {
        self.guarantee.is_some() || self.checkpoint_dir.is_some() || self.checkpoint_interval.is_some()
    }

    /// The checkpoints that are asked for, if any are.
    pub fn checkpoints(&self) -> Result<Option<CheckpointSettings>, Failure> {
        let Some(place) = &self.checkpoint_dir else { return Ok(None) };
        let storage =
            open_storage(place).map_err(|error| Failure::Options(format!("--checkpoint-dir {place}: {error}")))?;
        let mut settings = CheckpointSettings::new(self.job_name(), storage);
        settings.guarantee = match self.guarantee {
            Some(GuaranteeKind::AtLeastOnce) => Guarantee::AtLeastOnce,
            Some(GuaranteeKind::ExactlyOnce) | None => Guarantee::ExactlyOnce,
        };
        settings.interval = self.checkpoint_interval.unwrap_or(settings.interval);
        Ok(Some(settings))
    }

    /// How many workers to run.
    pub fn workers(&self) -> usize {
        let cores = || std::thread::available_parallelism().map_or(1, usize::from);
        self.parallelism.map_or_else(cores, usize::from)
    }

    /// The job's name.
    pub fn job_name(&self) -> String {
        let program = || {
            let path = std::env::args_os().next()?;
            Some(std::path::Path::new(&path).file_stem()?.to_string_lossy().into_owned())
        };
        self.job_name.clone().or_else(program).unwrap_or_else(|| "purlin".into())
    }
}

fn bytes(text: &str) -> Result<usize, String> {
    let digits = text.find(|c: char| !c.is_ascii_digit()).unwrap_or(text.len());
    let (number, unit) = text.split_at(digits);
    let unit = match unit.trim().to_ascii_lowercase().as_str() {
        "" | "b" => 1,
        "k" | "kb" => 1_000,
        "kib" => 1 << 10,
        "m" | "mb" => 1_000_000,
        "mib" => 1 << 20,
        "g" | "gb" => 1_000_000_000,
        "gib" => 1 << 30,
        other => return Err(format!("`{other}` is no unit of size; use B, KB, KiB, MB, MiB, GB or GiB")),
    };
    let number: usize = number.parse().map_err(|_| "a size is a number with a unit, for example 512MB".to_string())?;
    number
        .checked_mul(unit)
        .filter(|bytes| *bytes > 0)
        .ok_or_else(|| "the size must be above zero and fit memory".into())
}

fn listen_address(text: &str) -> Result<SocketAddr, String> {
    if let Ok(port) = text.parse::<u16>() {
        return Ok(SocketAddr::from(([127, 0, 0, 1], port)));
    }
    text.parse().map_err(|_| "expected a port, for example 9090, or an address such as 0.0.0.0:9090".into())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_have_units() {
        assert_eq!(bytes("512MB"), Ok(512_000_000));
        assert_eq!(bytes("2 GiB"), Ok(2 << 30));
        assert!(bytes("0").is_err());
        assert!(bytes("many").is_err());
        assert!(bytes("5 parsecs").is_err());
    }

    #[test]
    fn a_port_alone_means_loopback() {
        assert_eq!(listen_address("9090").map(|a| a.to_string()), Ok("127.0.0.1:9090".to_string()));
        assert_eq!(listen_address("0.0.0.0:1").map(|a| a.to_string()), Ok("0.0.0.0:1".to_string()));
        assert!(listen_address("somewhere").is_err());
    }
}
