//! Sinks of simulated jobs: a topic of the simulated cluster, or a simulated folder whose files appear when a checkpoint is published.

use std::collections::BTreeMap;
use std::marker::PhantomData;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use async_trait::async_trait;
use purlin_model::bundle::Bundle;
use purlin_model::coder::{Coder, Postcard};
use purlin_model::sink::{Io, Publishing, Sink, SinkRun, Visibility, Writer};
use purlin_model::transaction::{LogCluster, RecordBatch, TransactionWriter};
use purlin_model::{BoxError, Element};

use super::cluster::SimulatedCluster;
use super::faults::{Fate, Network};

/// A sink of a simulated job, or of the plain run that it is compared with.
pub(super) struct SimulatedSink<T> {
    name: String,
    place: Place,
    /// The start of the job that this instance belongs to.
    incarnation: AtomicU64,
    of: PhantomData<fn(T)>,
}

impl<T> SimulatedSink<T> {
    pub(super) fn new(name: &str, place: Place) -> Self {
        SimulatedSink { name: name.into(), place, incarnation: AtomicU64::new(0), of: PhantomData }
    }
}

/// Where a sink's output goes.
#[derive(Clone)]
pub(super) enum Place {
    Topic(SimulatedCluster),
    Folder {
        network: Network,
        folder: Arc<Mutex<Folder>>,
    },
    /// Elements as they come.
    Plain(Arc<Mutex<Vec<Vec<u8>>>>),
}

/// Files by name, each a list of encoded elements.
#[derive(Default)]
pub(super) struct Folder {
    /// With the start of the job that has staged them.
    temporary: BTreeMap<String, (u64, Vec<Vec<u8>>)>,
    published: BTreeMap<String, Vec<Vec<u8>>>,
    next_file: u64,
}

impl Place {
    /// The encoded elements that a reader of committed output sees, in the order in which they became visible.
    pub(super) fn written(&self, name: &str) -> Vec<Vec<u8>> {
        match self {
            Place::Topic(cluster) => cluster.committed(name),
            Place::Folder { folder, .. } => lock(folder).published.values().flatten().cloned().collect(),
            Place::Plain(elements) => elements.lock().unwrap_or_else(PoisonError::into_inner).clone(),
        }
    }
}

fn lock(folder: &Mutex<Folder>) -> MutexGuard<'_, Folder> {
    folder.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Files that a writer has staged.
type Staged = Vec<String>;

#[async_trait]
impl<T: Element> Sink for SimulatedSink<T> {
    type Item = T;
    type Staged = Staged;

    fn describe(&self) -> String {
        format!("simulated {}", self.name)
    }

    fn io(&self) -> Io {
        Io::Remote
    }

    fn visibility(&self) -> Visibility {
        match &self.place {
            Place::Topic(_) | Place::Plain(_) => Visibility::Immediately,
            Place::Folder { .. } => Visibility::OnPublish,
        }
    }

    fn transactions(&self) -> Option<Arc<dyn LogCluster>> {
        match &self.place {
            Place::Topic(cluster) => Some(Arc::new(cluster.clone())),
            Place::Folder { .. } | Place::Plain(_) => None,
        }
    }

    async fn begin(&self, run: &SinkRun) -> Result<(), BoxError> {
        if let Publishing::PerCheckpoint { incarnation, .. } = run.publishing {
            self.incarnation.store(incarnation, Ordering::Relaxed);
        }
        Ok(())
    }

    /// Removes what earlier starts have staged.
    async fn discard(&self) -> Result<(), BoxError> {
        if let Place::Folder { network, folder } = &self.place {
            network.travel().await;
            let own = self.incarnation.load(Ordering::Relaxed);
            lock(folder).temporary.retain(|_, (incarnation, _)| *incarnation >= own);
        }
        Ok(())
    }

    async fn open(&self, _worker: usize) -> Result<Box<dyn Writer<Self>>, BoxError> {
        match &self.place {
            Place::Topic(_) => Err("a simulated topic takes transactions only".into()),
            Place::Folder { network, folder } => {
                let incarnation = self.incarnation.load(Ordering::Relaxed);
                let (network, folder) = (network.clone(), folder.clone());
                Ok(Box::new(FolderWriter { network, folder, incarnation, written: Vec::new() }))
            }
            Place::Plain(elements) => Ok(Box::new(PlainWriter(elements.clone()))),
        }
    }

    async fn open_transactional(
        &self,
        _worker: usize,
        transaction: Box<dyn TransactionWriter>,
    ) -> Result<Box<dyn Writer<Self>>, BoxError> {
        Ok(Box::new(TopicWriter { topic: self.name.clone(), transaction }))
    }

    async fn publish(&self, staged: Vec<Staged>) -> Result<(), BoxError> {
        let Place::Folder { network, folder } = &self.place else { return Ok(()) };
        for file in staged.into_iter().flatten() {
            network.travel().await;
            let fate = network.fate();
            if fate == Fate::Lost {
                return Err("the simulated folder did not answer".into());
            }
            let mut folder = lock(folder);
            // A file that is not there was published before: a rename takes it away.
            if let Some((_, elements)) = folder.temporary.remove(&file) {
                folder.published.insert(file, elements);
            }
            if fate == Fate::Unanswered {
                return Err("the simulated folder did not answer".into());
            }
        }
        Ok(())
    }
}

struct FolderWriter {
    network: Network,
    folder: Arc<Mutex<Folder>>,
    incarnation: u64,
    written: Vec<Vec<u8>>,
}

#[async_trait]
impl<T: Element> Writer<SimulatedSink<T>> for FolderWriter {
    async fn write(&mut self, bundle: &mut Bundle<T>) -> Result<(), BoxError> {
        self.written.extend(encoded(bundle)?);
        Ok(())
    }

    async fn stage(&mut self) -> Result<Option<Staged>, BoxError> {
        if self.written.is_empty() {
            return Ok(None);
        }
        self.network.travel().await;
        if self.network.fate() == Fate::Lost {
            return Err("the simulated folder is full".into());
        }
        let mut folder = lock(&self.folder);
        let name = format!("{:08}", folder.next_file);
        folder.next_file += 1;
        folder.temporary.insert(name.clone(), (self.incarnation, std::mem::take(&mut self.written)));
        Ok(Some(vec![name]))
    }
}

struct TopicWriter {
    topic: String,
    transaction: Box<dyn TransactionWriter>,
}

#[async_trait]
impl<T: Element> Writer<SimulatedSink<T>> for TopicWriter {
    async fn write(&mut self, bundle: &mut Bundle<T>) -> Result<(), BoxError> {
        let mut records = RecordBatch::default();
        for bytes in encoded(bundle)? {
            let payload = |into: &mut Vec<u8>| {
                into.extend_from_slice(&bytes);
                true
            };
            records.push_with(|_| false, payload, Vec::new(), None);
        }
        self.transaction.write(&self.topic, &mut records).await
    }

    async fn stage(&mut self) -> Result<Option<Staged>, BoxError> {
        Ok(None)
    }
}

struct PlainWriter(Arc<Mutex<Vec<Vec<u8>>>>);

#[async_trait]
impl<T: Element> Writer<SimulatedSink<T>> for PlainWriter {
    async fn write(&mut self, bundle: &mut Bundle<T>) -> Result<(), BoxError> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).extend(encoded(bundle)?);
        Ok(())
    }

    async fn stage(&mut self) -> Result<Option<Staged>, BoxError> {
        Ok(None)
    }
}

fn encoded<T: Element>(bundle: &mut Bundle<T>) -> Result<Vec<Vec<u8>>, BoxError> {
    let encode = |value: T| {
        let mut bytes = Vec::new();
        Postcard.encode(&value, &mut bytes).map(|()| bytes)
    };
    bundle.drain().map(|(value, _)| encode(value)).collect()
}
