//! Sinks: where collections go.
//!
//! A [`Sink`] is a description; at launch it [begins](Sink::begin), each worker [opens](Sink::open) a writer, and
//! each writer [hands over](Writer::stage) what it wrote, at the end or with every checkpoint. Only [`publish`](Sink::publish) makes
//! output visible, all at once where the target can do that, so a pipeline that fails leaves nothing half-written.

mod boxed;
mod erased;
mod run;

pub use boxed::BoxSink;
pub(crate) use erased::erase;
pub use erased::{AnySink, AnyWriter};
pub use run::{Publishing, SinkRun};

use std::sync::Arc;

use async_trait::async_trait;
use serde::Serialize;
use serde::de::DeserializeOwned;

pub use crate::source::Io;

use crate::bundle::Bundle;
use crate::transaction::{LogCluster, TransactionWriter};
use crate::{BoxError, Element};

/// What a sink promises about its output after failures and restarts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Visibility {
    /// Nothing is visible before the pipeline has succeeded, or the checkpoint is committed that holds it: each element once.
    OnPublish,
    /// Each element is visible as soon as it is written.
    Immediately,
}

/// Where elements go.
///
/// A user's own sink, lines on standard output:
///
/// ```
/// use purlin_model::sink::*;
/// use purlin_model::{BoxError, bundle::Bundle};
///
/// struct Print;
///
/// #[async_trait::async_trait]
/// impl Sink for Print {
///     type Item = String;
///     type Staged = ();
///     fn describe(&self) -> String { "standard output".into() }
///     fn io(&self) -> Io { Io::Local }
///     fn visibility(&self) -> Visibility { Visibility::Immediately }
///     async fn open(&self, _worker: usize) -> Result<Box<dyn Writer<Self>>, BoxError> { Ok(Box::new(Printer)) }
/// }
///
/// struct Printer;
///
/// #[async_trait::async_trait]
/// impl Writer<Print> for Printer {
///     async fn write(&mut self, bundle: &mut Bundle<String>) -> Result<(), BoxError> {
///         for (line, _) in bundle.drain() { println!("{line}") }
///         Ok(())
///     }
///     async fn stage(&mut self) -> Result<Option<()>, BoxError> { Ok(None) }
/// }
/// ```
#[async_trait]
pub trait Sink: Send + Sync + 'static {
    /// What it takes.
    type Item: Element;
    /// What a writer leaves behind to be published: a list of temporary files, say.
    type Staged: Serialize + DeserializeOwned + Send + Sync + 'static;

    /// The sink in a few words, for `--explain` and messages. Never a secret.
    fn describe(&self) -> String;
    /// What its writers wait for.
    fn io(&self) -> Io;
    /// When its output can be seen.
    fn visibility(&self) -> Visibility;
    /// The cluster whose transactions can make its output exactly-once, if there is one.
    fn transactions(&self) -> Option<Arc<dyn LogCluster>> {
        None
    }
    /// Called once at launch, before anything is read: checks the target and makes room for temporary output. A job that resumes goes on
    /// with the output that is there; the runner then [publishes](Self::publish) what the last committed checkpoint had staged, and
    /// [discards](Self::discard) the rest once no earlier incarnation can commit it any more. Within a process a sink may be begun again for a later incarnation.
    async fn begin(&self, run: &SinkRun) -> Result<(), BoxError> {
        let _ = run;
        Ok(())
    }
    /// A writer for one worker; `worker` tells the writers of a run apart.
    async fn open(&self, worker: usize) -> Result<Box<dyn Writer<Self>>, BoxError>;
    /// A writer for one worker that puts its records into `transaction`. Asked only where there are [`transactions`](Self::transactions).
    async fn open_transactional(
        &self,
        worker: usize,
        transaction: Box<dyn TransactionWriter>,
    ) -> Result<Box<dyn Writer<Self>>, BoxError> {
        let _ = (worker, transaction);
        Err("this sink has no transactions".into())
    }
    /// Makes what the writers have staged visible: at the end of a run that succeeded, or once a checkpoint is committed, then with what was
    /// staged since the one before, which has been published by then. Again with the same arguments it changes nothing, in another process, too, and even
    /// where a consumer has taken away what it had made visible.
    async fn publish(&self, staged: Vec<Self::Staged>) -> Result<(), BoxError> {
        drop(staged);
        Ok(())
    }
    /// Removes temporary output that nothing will publish any more: of a run that failed without checkpoints, or of earlier incarnations,
    /// after what their last checkpoint had staged has been published, and, where no transaction fences them, after a commit of the present one. It never touches what the present incarnation writes.
    async fn discard(&self) -> Result<(), BoxError> {
        Ok(())
    }
}

/// Writes for one worker.
#[async_trait]
pub trait Writer<S: Sink + ?Sized>: Send {
    /// Takes all elements out of `bundle`. Waits while the target is slow: that is the back pressure.
    async fn write(&mut self, bundle: &mut Bundle<S::Item>) -> Result<(), BoxError>;
    /// Makes everything written since the last call durable and hands it over for publication, if there is anything. The writer may be
    /// used again afterwards.
    async fn stage(&mut self) -> Result<Option<S::Staged>, BoxError>;
}
