//! A thread for calls that block.
//!
//! Calls are made one after the other. Whoever gives up waiting for one leaves it to end on its own; the thread ends when nobody can call any more.

use std::sync::{Arc, mpsc};

use purlin_model::transaction::{LogError, LogErrorKind};
use tokio::sync::oneshot;

use super::super::KafkaError;
use super::super::sink::producer::NativeProducer;

type Call = Box<dyn FnOnce(&NativeProducer) + Send>;

/// Says whether anyone still waits for a call.
pub(super) type Wanted<'a> = &'a dyn Fn() -> bool;

/// Where calls to one producer go.
pub(super) struct Calls {
    queue: mpsc::Sender<Call>,
}

impl Calls {
    pub(super) fn new(producer: Arc<NativeProducer>) -> Result<Self, KafkaError> {
        let (queue, calls) = mpsc::channel::<Call>();
        let serve = move || calls.into_iter().for_each(|call| call(&producer));
        let spawned = std::thread::Builder::new().name("purlin-kafka-txn".into()).spawn(serve);
        spawned.map_err(|error| KafkaError::Other {
            what: "starting a thread for Kafka's transactions".into(),
            reason: error.to_string(),
        })?;
        Ok(Calls { queue })
    }

    /// Makes a call, when those before it are done.
    pub(super) async fn call<T: Send + 'static>(
        &self,
        call: impl FnOnce(&NativeProducer, Wanted<'_>) -> Result<T, LogError> + Send + 'static,
    ) -> Result<T, LogError> {
        let (answer, answered) = oneshot::channel();
        let call = move |producer: &NativeProducer| {
            let result = call(producer, &|| !answer.is_closed());
            let _ = answer.send(result);
        };
        let gone = || LogError::new(LogErrorKind::Abortable, "the thread of Kafka's transactions is gone");
        self.queue.send(Box::new(call)).map_err(|_| gone())?;
        answered.await.map_err(|_| gone())?
    }
}
