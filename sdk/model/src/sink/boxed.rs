//! A sink whose kind is chosen at launch.

use std::marker::PhantomData;
use std::sync::Arc;

use async_trait::async_trait;

use super::erased::erase;
use super::{AnySink, AnyWriter, Io, Sink, SinkRun, Visibility, Writer};
use crate::bundle::Bundle;
use crate::transaction::{LogCluster, TransactionWriter};
use crate::{BoxError, Element};

/// Any sink of `T`: what a program's options return when they choose between files and topics.
pub struct BoxSink<T> {
    inner: Arc<dyn AnySink>,
    of: PhantomData<fn(T)>,
}

impl<T: Element> BoxSink<T> {
    /// Boxes `sink`.
    pub fn new(sink: impl Sink<Item = T>) -> Self {
        BoxSink { inner: erase(sink), of: PhantomData }
    }
}

impl<T> Clone for BoxSink<T> {
    fn clone(&self) -> Self {
        BoxSink { inner: self.inner.clone(), of: PhantomData }
    }
}

#[async_trait]
impl<T: Element> Sink for BoxSink<T> {
    type Item = T;
    type Staged = Vec<u8>;

    fn describe(&self) -> String {
        self.inner.describe()
    }

    fn io(&self) -> Io {
        self.inner.io()
    }

    fn visibility(&self) -> Visibility {
        self.inner.visibility()
    }

    fn transactions(&self) -> Option<Arc<dyn LogCluster>> {
        self.inner.transactions()
    }

    async fn begin(&self, run: &SinkRun) -> Result<(), BoxError> {
        self.inner.begin(run).await
    }

    async fn open(&self, worker: usize) -> Result<Box<dyn Writer<Self>>, BoxError> {
        Ok(Box::new(BoxWriter(self.inner.open(worker).await?)))
    }

    async fn open_transactional(
        &self,
        worker: usize,
        transaction: Box<dyn TransactionWriter>,
    ) -> Result<Box<dyn Writer<Self>>, BoxError> {
        Ok(Box::new(BoxWriter(self.inner.open_transactional(worker, transaction).await?)))
    }

    async fn publish(&self, staged: Vec<Vec<u8>>) -> Result<(), BoxError> {
        self.inner.publish(staged).await
    }

    async fn discard(&self) -> Result<(), BoxError> {
        self.inner.discard().await
    }
}

struct BoxWriter(Box<dyn AnyWriter>);

#[async_trait]
impl<T: Element> Writer<BoxSink<T>> for BoxWriter {
    async fn write(&mut self, bundle: &mut Bundle<T>) -> Result<(), BoxError> {
        self.0.write(bundle).await
    }

    async fn stage(&mut self) -> Result<Option<Vec<u8>>, BoxError> {
        self.0.stage().await
    }
}
