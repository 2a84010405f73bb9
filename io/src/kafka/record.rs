//! A record as the broker keeps it, borrowed while it is decoded.

use std::ffi::{CStr, c_char, c_void};
use std::ptr;

use purlin_model::Timestamp;
use rdkafka::bindings;
use rdkafka::types::RDKafkaMessage;

/// One record of a topic.
#[non_exhaustive]
#[derive(Clone, Copy, Debug)]
pub struct Record<'a> {
    /// Its topic.
    pub topic: &'a str,
    /// Its partition.
    pub partition: i32,
    /// Its place in the partition.
    pub offset: i64,
    /// When it was made, by its producer's clock or the broker's as the topic is configured; `None` in very old logs.
    pub timestamp: Option<Timestamp>,
    /// Its key.
    pub key: Option<&'a [u8]>,
    /// Its value; `None` is a tombstone, which deletes its key from a compacted topic.
    pub payload: Option<&'a [u8]>,
    headers: Headers<'a>,
}

impl<'a> Record<'a> {
    /// A record with this payload and nothing else, to test decoders with.
    ///
    /// ```
    /// # use purlin_io::kafka::Record;
    /// let mut record = Record::of("orders", b"{}");
    /// record.key = Some(b"7");
    /// assert_eq!((record.partition, record.offset), (0, 0));
    /// ```
    pub fn of(topic: &'a str, payload: &'a [u8]) -> Self {
        let headers = Headers { of: ptr::null(), next: 0, record: std::marker::PhantomData };
        Record { topic, partition: 0, offset: 0, timestamp: None, key: None, payload: Some(payload), headers }
    }

    /// Its headers, in order; a name may occur more than once.
    pub fn headers(&self) -> Headers<'a> {
        self.headers
    }

    /// Reads librdkafka's message.
    ///
    /// # Safety
    /// `message` is a record (no error) of `topic` and lives, untouched, as long as `'a`.
    #[inline]
    pub(super) unsafe fn from_native(topic: &'a str, message: *const RDKafkaMessage) -> Self {
        // SAFETY: the caller promises a live message. Payload and key point into it (or are null) with the lengths it gives.
        unsafe {
            let native = &*message;
            let millis = bindings::rd_kafka_message_timestamp(message, ptr::null_mut());
            Record {
                topic,
                partition: native.partition,
                offset: native.offset,
                timestamp: (millis >= 0).then(|| Timestamp::from_millis(millis)),
                key: bytes(native.key, native.key_len),
                payload: bytes(native.payload, native.len),
                headers: Headers { of: message, next: 0, record: std::marker::PhantomData },
            }
        }
    }
}

/// # Safety
/// `start` is null or points to `len` bytes that live and stay as they are for `'a`.
unsafe fn bytes<'a>(start: *const c_void, len: usize) -> Option<&'a [u8]> {
    // SAFETY: as the caller promises.
    (!start.is_null()).then(|| unsafe { std::slice::from_raw_parts(start.cast::<u8>(), len) })
}

/// The headers of a record: names with values, where a value may be missing. Parsed only if asked for.
#[derive(Clone, Copy, Debug)]
pub struct Headers<'a> {
    /// Null for a record without a message behind it.
    of: *const RDKafkaMessage,
    next: usize,
    record: std::marker::PhantomData<&'a [u8]>,
}

impl<'a> Iterator for Headers<'a> {
    type Item = (&'a str, Option<&'a [u8]>);

    fn next(&mut self) -> Option<Self::Item> {
        if self.of.is_null() {
            return None;
        }
        let mut all = ptr::null_mut();
        let (mut name, mut value, mut len) = (ptr::null::<c_char>(), ptr::null::<c_void>(), 0);
        // SAFETY: the message lives for `'a`. The first call parses its headers and keeps them in it; a raw pointer makes this
        // type neither `Send` nor `Sync`, so no other thread does the same. Names end in a zero byte and, like values, live in the message.
        unsafe {
            use bindings::rd_kafka_resp_err_t::RD_KAFKA_RESP_ERR_NO_ERROR as FOUND;
            if bindings::rd_kafka_message_headers(self.of, &mut all) != FOUND
                || bindings::rd_kafka_header_get_all(all, self.next, &mut name, &mut value, &mut len) != FOUND
            {
                return None;
            }
            self.next += 1;
            // A name that is no UTF-8 is none that anyone looks for.
            Some((CStr::from_ptr(name).to_str().unwrap_or_default(), bytes(value, len)))
        }
    }
}
