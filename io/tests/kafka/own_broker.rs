//! A real broker that a test has for itself, to kill and to start again: from the jars of the shared one, with data and a port of its own.

use std::env;
use std::ffi::OsString;
use std::path::PathBuf;
use std::process::{Command, Output};

use purlin_model::BoxError;
use tempfile::TempDir;

use super::support::{run, with_broker};

const ROOT: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/..");

/// Runs a test with a broker of its own, where there is a shared one: by that is known that brokers are wanted.
pub(crate) fn with_own_broker<F: Future<Output = Result<(), BoxError>>>(test: impl FnOnce(OwnBroker) -> F) {
    let mut is_wanted = false;
    with_broker(|_| {
        is_wanted = true;
        async { Ok(()) }
    });
    if is_wanted {
        run(async { test(OwnBroker::start().await?).await });
    }
}

/// A broker; clones are the same one, which ends with the last of them.
#[derive(Clone)]
pub(crate) struct OwnBroker(std::sync::Arc<Inner>);

struct Inner {
    home: TempDir,
    servers: String,
}

impl OwnBroker {
    async fn start() -> Result<Self, BoxError> {
        let mut broker = Inner { home: tempfile::tempdir()?, servers: String::new() };
        let (broker, started) = tokio::task::spawn_blocking(move || {
            let started = broker.tell("start");
            if let Some(servers) = started.as_deref().ok().and_then(|said| said.trim().strip_prefix("PURLIN_KAFKA=")) {
                broker.servers = servers.to_string();
            }
            (broker, started)
        })
        .await?;
        started?;
        Ok(OwnBroker(std::sync::Arc::new(broker)))
    }

    /// Where clients reach it, also after it was started again.
    pub(crate) fn servers(&self) -> &str {
        &self.0.servers
    }

    /// Runs `ci/kafka` with these words on it.
    pub(crate) async fn tell(&self, words: &'static str) -> Result<(), BoxError> {
        let broker = self.0.clone();
        tokio::task::spawn_blocking(move || broker.tell(words)).await?.map(drop)
    }
}

impl Inner {
    fn tell(&self, words: &str) -> Result<String, BoxError> {
        let mut command = Command::new(format!("{ROOT}/ci/kafka"));
        command.args(words.split(' ')).env("PURLIN_KAFKA_HOME", self.home.path()).env("PURLIN_KAFKA_JARS", jars());
        let Output { status, stdout, stderr } = command.env_remove("PURLIN_KAFKA_PORT").output()?;
        if status.success() {
            return Ok(String::from_utf8(stdout)?);
        }
        Err(format!("ci/kafka {words} failed: {}", String::from_utf8_lossy(&stderr)).into())
    }
}

impl Drop for Inner {
    fn drop(&mut self) {
        if let Err(error) = self.tell("stop") {
            println!("{error}");
        }
    }
}

/// Where the shared broker has its jars.
fn jars() -> OsString {
    let said = env::var_os("PURLIN_KAFKA_JARS").or_else(|| env::var_os("PURLIN_KAFKA_HOME"));
    said.unwrap_or_else(|| PathBuf::from(ROOT).join(".kafka").into())
}
