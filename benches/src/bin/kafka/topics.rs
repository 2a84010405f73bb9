//! Topics that live as long as a run.

use std::sync::atomic::{AtomicU32, Ordering};

use purlin::BoxError;
use purlin::io::kafka::admin;

/// Deleted when it is dropped.
pub(crate) struct Topic {
    servers: String,
    pub(crate) name: String,
}

/// One for each core of the machine that the figures are of.
pub(crate) const PARTITIONS: i32 = 2;

impl Topic {
    /// A new topic of two partitions.
    pub(crate) fn make(servers: &str, what: &str) -> Result<Self, BoxError> {
        Topic::with(servers, what, &[])
    }

    /// The same with settings of its own.
    pub(crate) fn with(servers: &str, what: &str, settings: &[(&str, &str)]) -> Result<Self, BoxError> {
        static MADE: AtomicU32 = AtomicU32::new(0);
        let number = MADE.fetch_add(1, Ordering::Relaxed);
        let name = format!("bench-{}-{number}-{what}", std::process::id());
        wait(admin::create_topic_with(servers, &name, PARTITIONS as usize, settings))??;
        Ok(Topic { servers: servers.into(), name })
    }
}

impl Drop for Topic {
    fn drop(&mut self) {
        // What is left in a broker made for measuring harms nobody.
        let _ = wait(admin::delete_topic(&self.servers, &self.name));
    }
}

fn wait<T>(work: impl Future<Output = T>) -> Result<T, BoxError> {
    Ok(tokio::runtime::Builder::new_current_thread().enable_all().build()?.block_on(work))
}
