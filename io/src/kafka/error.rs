//! What can go wrong with Kafka, and what to do about it.

use std::time::Duration;

use purlin_model::transaction::{LogError, LogErrorKind, PositionError};

/// A failure of a Kafka source, sink or admin call. Messages never hold a secret.
#[non_exhaustive]
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum KafkaError {
    /// No broker answered in time.
    #[error(
        "no Kafka broker answered at {servers} within {} s ({reason}): check that it runs and that the address \
         (`--bootstrap-servers`) and the security settings are right",
        .waited.as_secs()
    )]
    Unreachable {
        /// The bootstrap addresses.
        servers: String,
        /// How long we tried.
        waited: Duration,
        /// The client's last word. It says that later all may be well, so a job with checkpoints tries again.
        #[source]
        reason: LogError,
    },

    /// The topic does not exist. Purlin never creates one by reading or writing it.
    #[error("there is no topic `{topic}` on {servers}; {hint}")]
    UnknownTopic {
        /// The topic asked for.
        topic: String,
        /// The bootstrap addresses.
        servers: String,
        /// Similar or existing topics.
        hint: String,
    },

    /// A partition that was there is gone.
    #[error("partition {topic}/{partition} does not exist (any more): was the topic deleted or made anew?")]
    UnknownPartition {
        /// Its topic.
        topic: String,
        /// Its number.
        partition: i32,
    },

    /// The position to read from is not in the log.
    #[error(
        "offset {offset} of {topic}/{partition} is not in the log ({there}): its records were deleted by retention, or the topic \
         was made anew. What is missing cannot be read any more; to go on with what is there, say so with \
         `.on_missing_offsets(MissingOffsets::Earliest)` or `::Latest`, and raise the topic's retention if pipelines stop for longer than it"
    )]
    OffsetOutOfRange {
        /// Its topic.
        topic: String,
        /// Its partition.
        partition: i32,
        /// The offset that was asked for.
        offset: i64,
        /// What the log has instead, or the client's words.
        there: String,
    },

    /// A position belongs to another cluster.
    #[error(
        "the position of {topic}/{partition} was taken on the Kafka cluster `{position}`, and offsets mean nothing on `{cluster}`, which is \
         the one at the address given: give that of the first, or start the job without its checkpoints"
    )]
    OtherCluster {
        /// The topic.
        topic: String,
        /// The partition.
        partition: i32,
        /// The id of the position's cluster.
        position: String,
        /// The id of the cluster that was reached.
        cluster: String,
    },

    /// A position belongs to a topic that was deleted; there is another of its name.
    #[error(
        "offset {offset} of {topic}/{partition} was that of a topic which has been deleted and made anew since: what has not been read \
         of the old one cannot be read any more. To go on with the new one, say so with \
         `.on_missing_offsets(MissingOffsets::Earliest)` or `::Latest`"
    )]
    OtherTopicId {
        /// The topic.
        topic: String,
        /// The partition.
        partition: i32,
        /// The offset.
        offset: i64,
    },

    /// A position belongs to a topic that the source does not read.
    #[error(
        "there is a position of topic `{topic}`, which this source does not read (any more): add the topic to it again, \
         or start the job without its checkpoints"
    )]
    OtherTopic {
        /// The topic.
        topic: String,
    },

    /// A record could not be decoded, or carries a timestamp that no element may have.
    #[error(
        "the record at {topic}/{partition} offset {offset} is malformed: {reason}. To go on without such records, take them as \
         elements with `.or_dead_letter()`"
    )]
    Malformed {
        /// Its topic.
        topic: String,
        /// Its partition.
        partition: i32,
        /// Its offset.
        offset: i64,
        /// The decoder's reason.
        reason: String,
    },

    /// The broker refuses us: authentication, authorisation or a fatal client state.
    #[error("Kafka at {servers} refuses {what}: {reason}")]
    Refused {
        /// The bootstrap addresses.
        servers: String,
        /// What was tried.
        what: String,
        /// The client's words.
        reason: String,
    },

    /// Records could not be delivered.
    #[error("{failed} of the records written to topic `{topic}` were not acknowledged: {reason}")]
    Delivery {
        /// The topic.
        topic: String,
        /// How many had failed when this was noticed.
        failed: u64,
        /// The first failure's words.
        reason: String,
    },

    /// A record could not be encoded or handed to the producer.
    #[error("an element for topic `{topic}` could not be written: {reason}")]
    Unwritable {
        /// The topic.
        topic: String,
        /// The reason.
        reason: String,
    },

    /// A setting that librdkafka or Purlin does not take.
    #[error("the Kafka setting `{name}` cannot be used: {reason}")]
    Setting {
        /// The setting's name.
        name: String,
        /// Why not.
        reason: String,
    },

    /// TLS or SASL is asked for in a program built without it.
    #[error(
        "`security.protocol={protocol}` needs TLS and SASL, which this program was built without: \
         build it with the cargo feature `kafka-tls` (it needs OpenSSL's headers)"
    )]
    NeedsTls {
        /// The protocol asked for.
        protocol: String,
    },

    /// The topic to create exists.
    #[error("topic `{topic}` exists already")]
    TopicExists {
        /// The topic.
        topic: String,
    },

    /// Anything else that the client reports.
    #[error("{what} failed: {reason}")]
    Other {
        /// What was tried.
        what: String,
        /// The client's words.
        reason: String,
    },
}

impl KafkaError {
    /// No broker answered.
    pub(super) fn unreachable(servers: String, waited: Duration, reason: String) -> Self {
        KafkaError::Unreachable { servers, waited, reason: LogError::new(LogErrorKind::Retriable, reason) }
    }

    /// A position is not one of its log.
    pub(super) fn not_a_position(error: PositionError) -> Self {
        match error {
            PositionError::OtherCluster { topic, partition, position, cluster } => {
                KafkaError::OtherCluster { topic, partition, position, cluster }
            }
            PositionError::OutOfRange { topic, partition, offset, there } => {
                KafkaError::OffsetOutOfRange { topic, partition, offset, there }
            }
        }
    }
}
