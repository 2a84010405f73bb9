//! A sink that shows a listener what a run wrote: what checks and collected results hang on a collection.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use async_trait::async_trait;

use crate::bundle::Bundle;
use crate::sink::{Io, Sink, SinkRun, Visibility, Writer};
use crate::{At, BoxError, Element, PCollection};

/// Is told of every run.
pub(super) trait Listener<T>: Send + Sync + 'static {
    /// A run begins.
    fn begins(&self);
    /// A run has succeeded so far, and this is what it wrote, each element in one window. An error fails it.
    fn wrote(&self, elements: Vec<(T, At)>) -> Result<(), BoxError>;
}

/// Lets `listener` hear what `collection` holds.
pub(super) fn record<T: Element>(collection: &PCollection<T>, what: &str, listener: Arc<impl Listener<T>>) {
    let own_name = collection.name().rsplit('/').next().unwrap_or_default().to_string();
    let name = collection.pipeline().free_name(&format!("{what} {own_name}"));
    collection.write(&name, Recorder { listener, written: Arc::default() });
}

struct Recorder<T, L> {
    listener: Arc<L>,
    written: Arc<Mutex<Vec<(T, At)>>>,
}

impl<T, L> Recorder<T, L> {
    fn written(&self) -> MutexGuard<'_, Vec<(T, At)>> {
        self.written.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl<T, L> Clone for Recorder<T, L> {
    fn clone(&self) -> Self {
        Recorder { listener: self.listener.clone(), written: self.written.clone() }
    }
}

#[async_trait]
impl<T: Element, L: Listener<T>> Sink for Recorder<T, L> {
    type Item = T;
    type Staged = ();

    fn describe(&self) -> String {
        "a test".into()
    }

    fn io(&self) -> Io {
        Io::Local
    }

    fn visibility(&self) -> Visibility {
        Visibility::OnPublish
    }

    async fn begin(&self, _: &SinkRun) -> Result<(), BoxError> {
        self.written().clear();
        self.listener.begins();
        Ok(())
    }

    async fn open(&self, _worker: usize) -> Result<Box<dyn Writer<Self>>, BoxError> {
        Ok(Box::new(RecordWriter { recorder: self.clone(), own: Bundle::new() }))
    }

    async fn publish(&self, _staged: Vec<()>) -> Result<(), BoxError> {
        let written = std::mem::take(&mut *self.written());
        self.listener.wrote(written)
    }
}

struct RecordWriter<T, L> {
    recorder: Recorder<T, L>,
    own: Bundle<T>,
}

#[async_trait]
impl<T: Element, L: Listener<T>> Writer<Recorder<T, L>> for RecordWriter<T, L> {
    async fn write(&mut self, bundle: &mut Bundle<T>) -> Result<(), BoxError> {
        self.own.append(bundle);
        Ok(())
    }

    async fn stage(&mut self) -> Result<Option<()>, BoxError> {
        self.own.explode_windows();
        let elements = self.own.drain().map(|(value, sides)| {
            (value, At { timestamp: sides.timestamp, window: sides.windows.first(), pane: sides.pane })
        });
        self.recorder.written().extend(elements);
        Ok(Some(()))
    }
}
