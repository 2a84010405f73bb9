//! A sink that shows what it was handed as soon as it was, and that can be held up.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use async_trait::async_trait;
use purlin::bundle::{Bundle, ElementSides};
use purlin::sink::{Io, Sink, Visibility, Writer};
use purlin::{BoxError, Element};
use tokio::sync::watch;

/// What a pipeline has written so far. Clones share it.
pub struct Live<T> {
    seen: Arc<Mutex<Vec<(T, ElementSides)>>>,
    open: Arc<watch::Sender<bool>>,
}

impl<T: Element> Live<T> {
    /// One that takes everything at once.
    pub fn new() -> Self {
        Live { seen: Arc::default(), open: Arc::new(watch::Sender::new(true)) }
    }

    /// One that takes nothing until it is [opened](Self::open).
    pub fn closed() -> Self {
        Live { seen: Arc::default(), open: Arc::new(watch::Sender::new(false)) }
    }

    /// Lets writes through.
    pub fn open(&self) {
        self.open.send_replace(true);
    }

    /// The sink to hand to `write`.
    pub fn sink(&self) -> Self {
        self.clone()
    }

    /// What has been written so far, each element with its timestamp, window and pane.
    pub fn seen(&self) -> Vec<(T, ElementSides)> {
        self.lock().clone()
    }

    /// The values written so far, in order of value.
    pub fn values(&self) -> Vec<T>
    where
        T: Ord,
    {
        let mut values: Vec<T> = self.lock().iter().map(|(value, _)| value.clone()).collect();
        values.sort();
        values
    }

    fn lock(&self) -> MutexGuard<'_, Vec<(T, ElementSides)>> {
        self.seen.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl<T: Element> Default for Live<T> {
    fn default() -> Self {
        Live::new()
    }
}

impl<T> Clone for Live<T> {
    fn clone(&self) -> Self {
        Live { seen: self.seen.clone(), open: self.open.clone() }
    }
}

#[async_trait]
impl<T: Element> Sink for Live<T> {
    type Item = T;
    type Staged = ();

    fn describe(&self) -> String {
        "a test's eyes".into()
    }

    fn io(&self) -> Io {
        Io::Remote
    }

    fn visibility(&self) -> Visibility {
        Visibility::Immediately
    }

    async fn open(&self, _worker: usize) -> Result<Box<dyn Writer<Self>>, BoxError> {
        Ok(Box::new(LiveWriter { to: self.clone(), gate: self.open.subscribe() }))
    }
}

struct LiveWriter<T> {
    to: Live<T>,
    gate: watch::Receiver<bool>,
}

#[async_trait]
impl<T: Element> Writer<Live<T>> for LiveWriter<T> {
    async fn write(&mut self, bundle: &mut Bundle<T>) -> Result<(), BoxError> {
        self.gate.wait_for(|open| *open).await?;
        self.to.lock().extend(bundle.drain());
        Ok(())
    }

    async fn stage(&mut self) -> Result<Option<()>, BoxError> {
        Ok(None)
    }
}
