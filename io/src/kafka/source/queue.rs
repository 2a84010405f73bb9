//! One partition's queue of fetched records, filled by librdkafka's threads and emptied in batches.
//!
//! librdkafka fetches ahead into the queue until it is full, whoever empties it or not: that is the back pressure. A batch
//! costs one call and no allocation, where one event per record would cost both per record. When the queue is no longer empty, a callback on
//! librdkafka's thread rings a bell that [`filled`](PartitionQueue::filled) awaits.
//!
//! The consumer API without groups (`rd_kafka_consume_start_queue`) is the one used: partitions start and stop one by one, and
//! nothing but their leaders is contacted.

use std::ffi::{CString, c_void};
use std::marker::PhantomData;
use std::sync::Arc;
use std::time::Duration;

use rdkafka::bindings;
use rdkafka::error::RDKafkaErrorCode;
use rdkafka::types::{RDKafka, RDKafkaMessage, RDKafkaQueue, RDKafkaTopic};
use tokio::sync::Notify;

use super::super::KafkaError;
use super::connections::Lease;

/// How long to rely on the bell alone: errors of the whole client ring none.
const LOOK_AGAIN: Duration = Duration::from_secs(1);

/// How many records one batch holds at most: as a bundle.
pub(super) const BATCH: usize = purlin_model::bundle::BUNDLE_TARGET;

/// A partition that is being fetched.
pub(super) struct PartitionQueue {
    topic: *mut RDKafkaTopic,
    queue: *mut RDKafkaQueue,
    partition: i32,
    bell: Arc<Notify>,
    batch: Vec<*mut RDKafkaMessage>,
    /// Declared last: the client must outlive its queue and topic.
    lease: Lease,
}

// SAFETY: librdkafka's topics and queues may be used from any thread, one after the other or at once. The messages in `batch` are
// owned by this value alone, and only between `take` and the drop of the batch it gives, which borrows this value mutably.
unsafe impl Send for PartitionQueue {}
// SAFETY: a shared reference leads to `lease` and `bell`, which are `Sync`, and to calls that librdkafka locks.
unsafe impl Sync for PartitionQueue {}

impl PartitionQueue {
    /// Begins to fetch the leased partition from `offset` on.
    pub(super) fn start(lease: Lease, offset: i64) -> Result<Self, KafkaError> {
        let failed = |reason: String| KafkaError::Other { what: format!("reading {}", lease.name()), reason };
        let name = CString::new(lease.topic()).map_err(|error| failed(error.to_string()))?;
        let native = lease.client().native();
        // SAFETY: `native` lives as long as `lease`; the name is a C string that is copied; null means no settings of its own.
        let topic = unsafe { bindings::rd_kafka_topic_new(native, name.as_ptr(), std::ptr::null_mut()) };
        if topic.is_null() {
            return Err(failed(last_error().to_string()));
        }
        // SAFETY: as above.
        let queue = unsafe { bindings::rd_kafka_queue_new(native) };
        let bell = Arc::new(Notify::new());
        let partition = lease.partition();
        let this = PartitionQueue { topic, queue, partition, bell, batch: Vec::with_capacity(BATCH), lease };
        // SAFETY: topic and queue were made above and live until the drop of `this`. The callback gets a pointer to the `Notify` that
        // `this.bell` keeps alive; librdkafka calls it under the queue's lock, and `drop` takes it away, under the same lock, before `bell` goes.
        let refused = unsafe {
            bindings::rd_kafka_queue_cb_event_enable(queue, Some(ring), Arc::as_ptr(&this.bell).cast_mut().cast());
            bindings::rd_kafka_consume_start_queue(topic, partition, offset, queue)
        };
        if refused != 0 {
            return Err(KafkaError::Other {
                what: format!("reading {}", this.lease.name()),
                reason: last_error().to_string(),
            });
        }
        Ok(this)
    }

    pub(super) fn lease(&self) -> &Lease {
        &self.lease
    }

    /// Takes what is there, up to [`BATCH`] records; never waits.
    pub(super) fn take(&mut self) -> Batch<'_> {
        self.batch.clear();
        // SAFETY: the queue lives; the vector has room for `BATCH` pointers, of which the call fills the first `taken`, handing over
        // each message to us.
        unsafe {
            let taken = bindings::rd_kafka_consume_batch_queue(self.queue, 0, self.batch.as_mut_ptr(), BATCH);
            self.batch.set_len(usize::try_from(taken).unwrap_or(0));
        }
        Batch { messages: &self.batch, next: 0, taken: PhantomData }
    }

    /// Waits until there may be something to take. Dropping the wait loses nothing: the bell keeps one ring.
    pub(super) async fn filled(&self) {
        let _ = tokio::time::timeout(LOOK_AGAIN, self.bell.notified()).await;
    }

    /// The end of the partition as last heard from the broker.
    pub(super) fn known_end(&self) -> Option<i64> {
        let (mut low, mut high) = (0, 0);
        // SAFETY: client and topic live; the name belongs to the topic; the call copies two numbers out.
        let error = unsafe {
            let name = bindings::rd_kafka_topic_name(self.topic);
            let native = self.lease.client().native();
            bindings::rd_kafka_get_watermark_offsets(native, name, self.partition, &mut low, &mut high)
        };
        (error == bindings::rd_kafka_resp_err_t::RD_KAFKA_RESP_ERR_NO_ERROR && high >= 0).then_some(high)
    }
}

impl Drop for PartitionQueue {
    fn drop(&mut self) {
        // SAFETY: made in `start`, used by nobody else, and the client still lives. Stopping waits for librdkafka's own thread
        // (which is quick, also while the broker is away), so nothing is put into the queue afterwards.
        unsafe {
            bindings::rd_kafka_queue_cb_event_enable(self.queue, None, std::ptr::null_mut());
            bindings::rd_kafka_consume_stop(self.topic, self.partition);
            bindings::rd_kafka_queue_destroy(self.queue);
            bindings::rd_kafka_topic_destroy(self.topic);
        }
    }
}

/// Called by librdkafka, under the queue's lock, when the queue is no longer empty.
unsafe extern "C" fn ring(_: *mut RDKafka, bell: *mut c_void) {
    // SAFETY: the pointer given in `start`, alive as said there.
    unsafe { &*bell.cast::<Notify>() }.notify_one();
}

fn last_error() -> RDKafkaErrorCode {
    // SAFETY: reads this thread's error code.
    unsafe { bindings::rd_kafka_last_error() }.into()
}

/// Records and events taken out of a queue. What is not looked at is dropped with it.
pub(super) struct Batch<'q> {
    messages: &'q [*mut RDKafkaMessage],
    next: usize,
    taken: PhantomData<&'q mut PartitionQueue>,
}

impl Batch<'_> {
    pub(super) fn is_empty(&self) -> bool {
        self.messages.is_empty()
    }

    /// The next message; destroyed when the guard is dropped.
    #[inline]
    pub(super) fn next(&mut self) -> Option<Message> {
        let message = *self.messages.get(self.next)?;
        self.next += 1;
        Some(Message(message))
    }
}

impl Drop for Batch<'_> {
    fn drop(&mut self) {
        while self.next().is_some() {}
    }
}

/// A message that we own.
pub(super) struct Message(*mut RDKafkaMessage);

impl Message {
    #[inline]
    pub(super) fn native(&self) -> &RDKafkaMessage {
        // SAFETY: owned and alive until the drop.
        unsafe { &*self.0 }
    }

    /// The words that come with an error.
    pub(super) fn error_text(&self) -> String {
        // SAFETY: the message lives, and the string belongs to it or is static.
        unsafe {
            let text = bindings::rd_kafka_message_errstr(self.0);
            if text.is_null() { String::new() } else { std::ffi::CStr::from_ptr(text).to_string_lossy().into_owned() }
        }
    }
}

impl Drop for Message {
    #[inline]
    fn drop(&mut self) {
        // SAFETY: handed over to us by the batch call, destroyed once, here.
        unsafe { bindings::rd_kafka_message_destroy(self.0) }
    }
}
