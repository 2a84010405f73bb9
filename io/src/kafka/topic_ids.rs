//! The ids of topics. A topic that is deleted and made anew has its old name and another id.

use std::ffi::{CStr, CString};
use std::time::{Duration, Instant};

use rdkafka::bindings::{self, rd_kafka_admin_op_t, rd_kafka_event_t, rd_kafka_resp_err_t};
use rdkafka::consumer::Consumer;
use rdkafka::error::{KafkaError as Native, RDKafkaErrorCode as Code};
use rdkafka::types::RDKafka;

use super::KafkaError;
use super::client::Client;

/// What stands for the id of a topic of a broker that has none yet (before 2.8).
const NO_ID: &str = "AAAAAAAAAAAAAAAAAAAAAA";
/// librdkafka keeps to the time limit that it is given; this is what its answer may take to come through.
const GRACE: Duration = Duration::from_secs(1);

impl Client {
    /// The ids of topics that exist, in their order; `None` where the broker is too old to have any. Blocks.
    pub(crate) fn topic_ids(&self, topics: &[&str]) -> Result<Vec<Option<String>>, KafkaError> {
        if topics.is_empty() {
            return Ok(Vec::new());
        }
        self.patiently(Instant::now(), |limit| {
            // Whoever answers this can answer that: left to itself librdkafka would ask the controller.
            let metadata = self.consumer().fetch_metadata(Some(topics[0]), limit)?;
            let answering = Some(metadata.orig_broker_id()).filter(|id| *id >= 0);
            let broker = answering.or_else(|| metadata.brokers().first().map(|broker| broker.id()));
            match describe(self.native(), broker.unwrap_or(-1), topics, limit) {
                Err(Native::MetadataFetch(Code::UnsupportedFeature)) => Ok(vec![None; topics.len()]),
                answer => answer,
            }
        })
    }
}

fn describe(
    client: *mut RDKafka,
    broker: i32,
    topics: &[&str],
    limit: Duration,
) -> Result<Vec<Option<String>>, Native> {
    let names = topics.iter().map(|topic| CString::new(*topic)).collect::<Result<Vec<_>, _>>()?;
    let mut names: Vec<_> = names.iter().map(|name| name.as_ptr()).collect();
    let millis = |span: Duration| i32::try_from(span.as_millis()).unwrap_or(i32::MAX);
    // SAFETY: the client lives as long as the caller's reference to it. The names are C strings that live until they have been copied. All that is
    // made here is destroyed here, once; librdkafka lets go of the queue by itself if the answer comes after that.
    unsafe {
        let wanted = bindings::rd_kafka_TopicCollection_of_topic_names(names.as_mut_ptr(), names.len());
        let options =
            bindings::rd_kafka_AdminOptions_new(client, rd_kafka_admin_op_t::RD_KAFKA_ADMIN_OP_DESCRIBETOPICS);
        bindings::rd_kafka_AdminOptions_set_request_timeout(options, millis(limit), std::ptr::null_mut(), 0);
        bindings::rd_kafka_AdminOptions_set_broker(options, broker, std::ptr::null_mut(), 0);
        let queue = bindings::rd_kafka_queue_new(client);
        bindings::rd_kafka_DescribeTopics(client, wanted, options, queue);
        bindings::rd_kafka_AdminOptions_destroy(options);
        bindings::rd_kafka_TopicCollection_destroy(wanted);
        let event = bindings::rd_kafka_queue_poll(queue, millis(limit + GRACE));
        let answer = if event.is_null() { Err(Native::MetadataFetch(Code::OperationTimedOut)) } else { ids(event) };
        if !event.is_null() {
            bindings::rd_kafka_event_destroy(event);
        }
        bindings::rd_kafka_queue_destroy(queue);
        answer
    }
}

/// # Safety
/// The event is an answer to a question about topics, and lives while this runs.
unsafe fn ids(event: *mut rd_kafka_event_t) -> Result<Vec<Option<String>>, Native> {
    let check = |code: rd_kafka_resp_err_t| match code {
        rd_kafka_resp_err_t::RD_KAFKA_RESP_ERR_NO_ERROR => Ok(()),
        code => Err(Native::MetadataFetch(code.into())),
    };
    // SAFETY: the event lives, as promised; the result, its descriptions and their ids belong to it. A missing error is null, whose code is "none".
    unsafe {
        check(bindings::rd_kafka_event_error(event))?;
        let mut count = 0;
        let result = bindings::rd_kafka_event_DescribeTopics_result(event);
        let topics = bindings::rd_kafka_DescribeTopics_result_topics(result, &mut count);
        let mut ids = Vec::with_capacity(count);
        for n in 0..count {
            let topic = *topics.add(n);
            check(bindings::rd_kafka_error_code(bindings::rd_kafka_TopicDescription_error(topic)))?;
            let id = bindings::rd_kafka_Uuid_base64str(bindings::rd_kafka_TopicDescription_topic_id(topic));
            let id = (!id.is_null()).then(|| CStr::from_ptr(id).to_string_lossy().into_owned());
            ids.push(id.filter(|id| id != NO_ID));
        }
        Ok(ids)
    }
}
