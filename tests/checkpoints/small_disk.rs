//! A disk that is full at times, or does not answer: checkpoints and output on it.

use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

use async_trait::async_trait;
use purlin::BoxError;
use purlin::bundle::Bundle;
use purlin::io::memory::StagedValues;
use purlin::prelude::*;
use purlin::runners::checkpoint::{MemoryStorage, Storage, StorageError};
use purlin::sink::{Io, SinkRun, Visibility, Writer};
use tokio::sync::watch;

/// Has room, then for some writes none, then room again.
#[derive(Clone)]
pub(crate) struct Disk {
    writes: Arc<AtomicU32>,
    full_from: u32,
    full_until: u32,
    /// Whether whoever writes has to wait.
    held: Arc<watch::Sender<bool>>,
}

impl Disk {
    pub(crate) fn full(full_from: u32, writes: u32) -> Self {
        let held = Arc::new(watch::Sender::new(false));
        Disk { writes: Arc::default(), full_from, full_until: full_from.saturating_add(writes), held }
    }

    /// Lets whoever writes wait, or go on.
    pub(crate) fn hold(&self, held: bool) {
        self.held.send_replace(held);
    }

    async fn is_full(&self) -> bool {
        self.held.subscribe().wait_for(|held| !held).await.expect("the disk outlives who writes");
        (self.full_from..self.full_until).contains(&self.writes.fetch_add(1, Ordering::Relaxed))
    }

    pub(crate) fn was_full(&self) -> bool {
        self.writes.load(Ordering::Relaxed) > self.full_from
    }
}

/// Checkpoints on such a disk.
pub(crate) struct Checkpoints(pub(crate) MemoryStorage, pub(crate) Disk);

#[async_trait]
impl Storage for Checkpoints {
    fn describe(&self) -> String {
        "the small disk".into()
    }

    async fn put_new(&self, name: &str, contents: Vec<u8>) -> Result<(), StorageError> {
        match self.1.is_full().await {
            true => Err(StorageError::NoSpace { path: format!("the small disk/{name}") }),
            false => self.0.put_new(name, contents).await,
        }
    }

    async fn get(&self, name: &str) -> Result<Vec<u8>, StorageError> {
        self.0.get(name).await
    }

    async fn list(&self, prefix: &str) -> Result<Vec<String>, StorageError> {
        self.0.list(prefix).await
    }

    async fn delete(&self, name: &str) -> Result<(), StorageError> {
        self.0.delete(name).await
    }
}

/// Output on such a disk.
pub(crate) struct Output(pub(crate) MemorySink<i64>, pub(crate) Disk);

#[async_trait]
impl Sink for Output {
    type Item = i64;
    type Staged = StagedValues;

    fn describe(&self) -> String {
        "files on the small disk".into()
    }

    fn io(&self) -> Io {
        Io::Local
    }

    fn visibility(&self) -> Visibility {
        Visibility::OnPublish
    }

    async fn begin(&self, run: &SinkRun) -> Result<(), BoxError> {
        self.0.begin(run).await
    }

    async fn open(&self, worker: usize) -> Result<Box<dyn Writer<Self>>, BoxError> {
        Ok(Box::new(OutputWriter(self.0.open(worker).await?, self.1.clone())))
    }

    async fn publish(&self, staged: Vec<StagedValues>) -> Result<(), BoxError> {
        self.0.publish(staged).await
    }

    async fn discard(&self) -> Result<(), BoxError> {
        self.0.discard().await
    }
}

struct OutputWriter(Box<dyn Writer<MemorySink<i64>>>, Disk);

#[async_trait]
impl Writer<Output> for OutputWriter {
    async fn write(&mut self, bundle: &mut Bundle<i64>) -> Result<(), BoxError> {
        self.0.write(bundle).await
    }

    async fn stage(&mut self) -> Result<Option<StagedValues>, BoxError> {
        let staged = self.0.stage().await?;
        match staged.is_some() && self.1.is_full().await {
            true => Err(Box::new(io::Error::from(io::ErrorKind::StorageFull))),
            false => Ok(staged),
        }
    }
}
