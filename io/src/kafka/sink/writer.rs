//! One worker's writers: into the shared producer, or into the transaction of a checkpoint.

use std::sync::Arc;

use async_trait::async_trait;
use purlin_model::bundle::Bundle;
use purlin_model::sink::Writer;
use purlin_model::transaction::{RecordBatch, TransactionWriter};
use purlin_model::{BoxError, Element};
use rdkafka::error::KafkaError as Native;

use super::KafkaSink;
use super::form::Form;
use super::producer::{Producer, too_large};
use super::receipts::Receipts;
use crate::kafka::KafkaError;

/// Hands records to the shared producer, and keeps their receipts.
pub(super) struct KafkaWriter<T> {
    producer: Arc<Producer>,
    form: Form<T>,
    receipts: Arc<Receipts>,
    /// Reused from bundle to bundle.
    batch: RecordBatch,
}

impl<T: Element> KafkaWriter<T> {
    pub(super) fn new(producer: Arc<Producer>, form: Form<T>) -> Self {
        KafkaWriter { producer, form, receipts: Arc::default(), batch: RecordBatch::default() }
    }

    fn check(&self) -> Result<(), KafkaError> {
        self.receipts.check(&self.form.topic)?;
        self.producer.health().check()
    }

    #[cold]
    fn refused(&self, error: &Native, len: usize) -> KafkaError {
        let reason = too_large(error.rdkafka_error_code(), len);
        self.form.unwritable(reason.unwrap_or_else(|| self.producer.health().clean(&error.to_string())))
    }
}

#[async_trait]
impl<T: Element> Writer<KafkaSink<T>> for KafkaWriter<T> {
    async fn write(&mut self, bundle: &mut Bundle<T>) -> Result<(), BoxError> {
        self.check()?;
        self.form.encode(bundle, &mut self.batch)?;
        for record in self.batch.iter() {
            let refused = |error| self.refused(&error, record.payload.map_or(0, <[u8]>::len));
            while !self.producer.offer(&self.form.topic, &record, &self.receipts).map_err(refused)? {
                self.producer.room().await;
                self.check()?;
            }
        }
        self.batch.clear();
        Ok(())
    }

    async fn stage(&mut self) -> Result<Option<()>, BoxError> {
        self.receipts.all_settled().await;
        self.check()?;
        Ok(None)
    }
}

/// Puts records into the transaction of their checkpoint. Whether they arrive is for the commit to say.
pub(super) struct TransactionalKafkaWriter<T> {
    form: Form<T>,
    batch: RecordBatch,
    transaction: Box<dyn TransactionWriter>,
}

impl<T: Element> TransactionalKafkaWriter<T> {
    pub(super) fn new(form: Form<T>, transaction: Box<dyn TransactionWriter>) -> Self {
        TransactionalKafkaWriter { form, batch: RecordBatch::default(), transaction }
    }
}

#[async_trait]
impl<T: Element> Writer<KafkaSink<T>> for TransactionalKafkaWriter<T> {
    async fn write(&mut self, bundle: &mut Bundle<T>) -> Result<(), BoxError> {
        self.form.encode(bundle, &mut self.batch)?;
        self.transaction.write(&self.form.topic, &mut self.batch).await
    }

    async fn stage(&mut self) -> Result<Option<()>, BoxError> {
        Ok(None)
    }
}
