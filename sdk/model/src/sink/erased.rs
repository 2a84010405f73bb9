//! A sink with its types erased: what runners write.

use std::sync::Arc;

use async_trait::async_trait;

use super::{Io, Sink, SinkRun, Visibility, Writer};
use crate::BoxError;
use crate::bundle::AnyBundle;
use crate::transaction::{LogCluster, TransactionWriter};

/// [`Sink`], erased; what is staged travels as bytes.
#[async_trait]
pub trait AnySink: Send + Sync {
    /// See [`Sink::describe`].
    fn describe(&self) -> String;
    /// See [`Sink::io`].
    fn io(&self) -> Io;
    /// See [`Sink::visibility`].
    fn visibility(&self) -> Visibility;
    /// See [`Sink::transactions`].
    fn transactions(&self) -> Option<Arc<dyn LogCluster>>;
    /// See [`Sink::begin`].
    async fn begin(&self, run: &SinkRun) -> Result<(), BoxError>;
    /// See [`Sink::open`].
    async fn open(&self, worker: usize) -> Result<Box<dyn AnyWriter>, BoxError>;
    /// See [`Sink::open_transactional`].
    async fn open_transactional(
        &self,
        worker: usize,
        transaction: Box<dyn TransactionWriter>,
    ) -> Result<Box<dyn AnyWriter>, BoxError>;
    /// See [`Sink::publish`].
    async fn publish(&self, staged: Vec<Vec<u8>>) -> Result<(), BoxError>;
    /// See [`Sink::discard`].
    async fn discard(&self) -> Result<(), BoxError>;
}

/// [`Writer`], erased.
#[async_trait]
pub trait AnyWriter: Send {
    /// See [`Writer::write`].
    async fn write(&mut self, bundle: &mut dyn AnyBundle) -> Result<(), BoxError>;
    /// See [`Writer::stage`].
    async fn stage(&mut self) -> Result<Option<Vec<u8>>, BoxError>;
}

struct Erased<S>(S);

pub(crate) fn erase<S: Sink>(sink: S) -> Arc<dyn AnySink> {
    Arc::new(Erased(sink))
}

#[async_trait]
impl<S: Sink> AnySink for Erased<S> {
    fn describe(&self) -> String {
        self.0.describe()
    }

    fn io(&self) -> Io {
        self.0.io()
    }

    fn visibility(&self) -> Visibility {
        self.0.visibility()
    }

    fn transactions(&self) -> Option<Arc<dyn LogCluster>> {
        self.0.transactions()
    }

    async fn begin(&self, run: &SinkRun) -> Result<(), BoxError> {
        self.0.begin(run).await
    }

    async fn open(&self, worker: usize) -> Result<Box<dyn AnyWriter>, BoxError> {
        Ok(Box::new(ErasedWriter::<S>(self.0.open(worker).await?)))
    }

    async fn open_transactional(
        &self,
        worker: usize,
        transaction: Box<dyn TransactionWriter>,
    ) -> Result<Box<dyn AnyWriter>, BoxError> {
        Ok(Box::new(ErasedWriter::<S>(self.0.open_transactional(worker, transaction).await?)))
    }

    async fn publish(&self, staged: Vec<Vec<u8>>) -> Result<(), BoxError> {
        let staged = staged.iter().map(|bytes| postcard::from_bytes(bytes)).collect::<Result<_, _>>()?;
        self.0.publish(staged).await
    }

    async fn discard(&self) -> Result<(), BoxError> {
        self.0.discard().await
    }
}

struct ErasedWriter<S: Sink>(Box<dyn Writer<S>>);

#[async_trait]
impl<S: Sink> AnyWriter for ErasedWriter<S> {
    async fn write(&mut self, bundle: &mut dyn AnyBundle) -> Result<(), BoxError> {
        self.0.write(bundle.downcast()).await
    }

    async fn stage(&mut self) -> Result<Option<Vec<u8>>, BoxError> {
        let staged = self.0.stage().await?;
        Ok(staged.as_ref().map(postcard::to_stdvec).transpose()?)
    }
}
