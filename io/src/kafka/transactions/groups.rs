//! Offsets of consumer groups, which monitoring tools look at. They decide nothing: positions are the pipeline's own.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use purlin_model::transaction::LogPosition;
use rdkafka::TopicPartitionList;
use rdkafka::consumer::{BaseConsumer, Consumer, ConsumerGroupMetadata};
use rdkafka::error::{KafkaError as Native, RDKafkaErrorCode as Code};

use super::super::KafkaError;
use super::super::health::{Health, is_transient};
use super::super::settings::Settings;

/// How long to wait for the group's coordinator before giving up.
const PATIENCE: Duration = Duration::from_secs(10);
const ATTEMPT: Duration = Duration::from_secs(3);
const PAUSE: Duration = Duration::from_millis(200);

/// What was committed for a group, of these partitions; blocks.
pub(super) fn committed(
    settings: &Settings,
    group: &str,
    partitions: &[(String, i32)],
) -> Result<Vec<LogPosition>, KafkaError> {
    let consumer = consumer(settings, group)?;
    let cluster = super::Client::new(settings, &[])?.cluster_id()?;
    let mut asked = TopicPartitionList::with_capacity(partitions.len());
    for (topic, partition) in partitions {
        asked.add_partition(topic, *partition);
    }
    let started = Instant::now();
    let answer = loop {
        let error = match consumer.committed_offsets(asked.clone(), ATTEMPT) {
            Ok(answer) => break answer,
            Err(error) => error,
        };
        consumer.context().check()?;
        let passes = error.rdkafka_error_code().is_some_and(|code| is_transient(code) || concerns_coordinator(code));
        if !passes || started.elapsed() > PATIENCE {
            return Err(refused(settings, group, &error, passes.then(|| started.elapsed())));
        }
        std::thread::sleep(PAUSE);
    };
    let mut positions = Vec::with_capacity(partitions.len());
    for element in answer.elements() {
        element.error().map_err(|error| refused(settings, group, &error, None))?;
        if let Some(next) = element.offset().to_raw().filter(|next| *next >= 0) {
            let (topic, partition) = (element.topic().to_string(), element.partition());
            positions.push(LogPosition { cluster: cluster.clone(), topic, partition, next });
        }
    }
    Ok(positions)
}

/// Names of groups in the form that a transaction wants. A client has to be made for each, which takes a tenth of a second: so they are kept.
pub(super) struct Groups {
    settings: Settings,
    known: Mutex<HashMap<String, Arc<ConsumerGroupMetadata>>>,
}

impl Groups {
    pub(super) fn new(settings: Settings) -> Self {
        Groups { settings, known: Mutex::default() }
    }

    /// The name of a group; asks no broker.
    pub(super) fn metadata(&self, group: &str) -> Result<Arc<ConsumerGroupMetadata>, KafkaError> {
        let mut known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(metadata) = known.get(group) {
            return Ok(metadata.clone());
        }
        let metadata = consumer(&self.settings, group)?.group_metadata().ok_or_else(|| KafkaError::Other {
            what: format!("naming the consumer group `{group}`"),
            reason: "librdkafka gives no metadata".into(),
        })?;
        Ok(known.entry(group.to_string()).or_insert(Arc::new(metadata)).clone())
    }
}

/// Positions in the form that librdkafka takes.
pub(super) fn list(positions: &[LogPosition]) -> Result<TopicPartitionList, Native> {
    let mut list = TopicPartitionList::with_capacity(positions.len());
    for position in positions {
        list.add_partition_offset(&position.topic, position.partition, rdkafka::Offset::Offset(position.next))?;
    }
    Ok(list)
}

/// Whether the group's coordinator is being found, or moves.
fn concerns_coordinator(code: Code) -> bool {
    matches!(
        code,
        Code::NotCoordinator
            | Code::CoordinatorNotAvailable
            | Code::CoordinatorLoadInProgress
            | Code::UnstableOffsetCommit
    )
}

/// A consumer that names the group and never joins it.
fn consumer(settings: &Settings, group: &str) -> Result<BaseConsumer<Health>, KafkaError> {
    let fixed = [
        ("group.id", group),
        ("enable.auto.commit", "false"),
        // Offsets of a transaction that is not decided yet are waited for.
        ("isolation.level", "read_committed"),
        ("allow.auto.create.topics", "false"),
    ];
    let config = settings.config(&[("client.id", "purlin")], &fixed)?;
    config.create_with_context(Health::new(settings)).map_err(|error| settings.explain(&error))
}

fn refused(settings: &Settings, group: &str, error: &Native, waited: Option<Duration>) -> KafkaError {
    let reason = settings.scrubber().clean(&error.to_string()).into_owned();
    match waited {
        Some(waited) => KafkaError::unreachable(settings.servers(), waited, reason),
        None => KafkaError::Other { what: format!("asking for the offsets of the consumer group `{group}`"), reason },
    }
}
