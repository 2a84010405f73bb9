//! The topic of a job's progress: one partition, compacted, so that the last record of each key is always there.

use std::time::Duration;

use purlin_model::Timestamp;
use purlin_model::bundle::Bundle;
use purlin_model::source::Progress;
use purlin_model::transaction::{LogError, LogErrorKind};

use super::super::client::Client;
use super::super::cluster::{Position, ask};
use super::super::decode::{Decode, Decoded};
use super::super::settings::Settings;
use super::super::source::PartitionReader;
use super::super::{KafkaError, Record, admin};

/// How long reading may make no progress: as long as a transaction that is open there may take to be decided.
const PATIENCE: Duration = Duration::from_secs(60);

/// Makes the topic, or checks what is there.
pub(super) async fn ensure(settings: &Settings, topic: &str) -> Result<(), LogError> {
    let partitions = {
        let (settings, topic) = (settings.clone(), topic.to_string());
        ask(move || Client::new(&settings, &[])?.partitions_if_known(&topic)).await
    };
    let partitions = match partitions {
        Err(KafkaError::UnknownTopic { .. }) => match admin::create_compacted(settings, topic).await {
            // Someone else was quicker, or the broker that was asked has not heard of it yet.
            Err(KafkaError::TopicExists { .. }) => {
                let (settings, topic) = (settings.clone(), topic.to_string());
                ask(move || Client::new(&settings, &[])?.partitions(&topic)).await?
            }
            made => return Ok(made?),
        },
        found => found?,
    };
    let unfit = |what: String| {
        let servers = settings.servers();
        let message = format!("the topic `{topic}` on {servers}, which is to keep the job's progress, {what}");
        Err(LogError::new(LogErrorKind::Fatal, message))
    };
    if partitions.len() != 1 {
        return unfit(format!(
            "has {} partitions and must have one: if nothing else uses it, delete it, and it is made anew",
            partitions.len()
        ));
    }
    let policy = admin::cleanup_policy(settings, topic).await?;
    if policy != "compact" {
        return unfit(format!(
            "has `cleanup.policy={policy}` and would forget it: set it to `compact` (`kafka-configs.sh --alter --entity-type topics \
             --entity-name {topic} --add-config cleanup.policy=compact`)"
        ));
    }
    Ok(())
}

/// The committed records, up to the end of the log as it is now.
pub(super) async fn read(settings: &Settings, topic: &str) -> Result<Vec<(Vec<u8>, Vec<u8>)>, LogError> {
    let (first, end) = {
        let (settings, topic) = (settings.clone(), topic.to_string());
        // The end of the log and not that of what is decided: a transaction that is open now is waited for.
        ask(move || {
            let client = Client::uncommitted(&settings)?;
            let offset = |position| Ok(client.offsets(&[(&topic, 0, position)])?[0].unwrap_or(0));
            let end = offset(Position::End)?;
            Ok((offset(Position::First)?, end))
        })
        .await?
    };
    let mut reader = PartitionReader::over(settings, topic, first, end, std::sync::Arc::new(KeyValue))?;
    let mut bundle = Bundle::new();
    loop {
        let before = reader.position();
        let read = tokio::time::timeout(PATIENCE, async {
            loop {
                match reader.next(&mut bundle).await {
                    Ok(Progress::More) if reader.position() == before => {}
                    read => return read,
                }
            }
        });
        match read.await {
            Ok(Ok(Progress::More)) => {}
            Ok(Ok(Progress::End)) => return Ok(latest(bundle)),
            Ok(Err(error)) => return Err(error.into()),
            Err(_) => return Err(stuck(settings, topic, before, end)),
        }
    }
}

fn stuck(settings: &Settings, topic: &str, at: i64, end: i64) -> LogError {
    let (servers, patience) = (settings.servers(), PATIENCE.as_secs());
    let message = format!(
        "reading `{topic}` on {servers} came to offset {at} of {end} and no further in {patience} s: the broker is out of reach, or a transaction \
         that is open there is never decided. `kafka-transactions.sh --bootstrap-server {servers} find-hanging --topic {topic}` tells, and its \
         `abort` ends it"
    );
    LogError::new(LogErrorKind::Retriable, message)
}

/// The records in order; a tombstone takes away what was there under its key.
fn latest(mut bundle: Bundle<(Vec<u8>, Option<Vec<u8>>)>) -> Vec<(Vec<u8>, Vec<u8>)> {
    let mut records = Vec::with_capacity(bundle.len());
    for ((key, value), _) in bundle.drain() {
        match value {
            Some(value) => records.push((key, value)),
            None => records.retain(|(other, _)| *other != key),
        }
    }
    records
}

/// Keys and values as they are.
struct KeyValue;

impl Decode<(Vec<u8>, Option<Vec<u8>>)> for KeyValue {
    fn decode(&self, record: &Record<'_>) -> Result<Decoded<(Vec<u8>, Option<Vec<u8>>)>, purlin_model::BoxError> {
        let value = (record.key.unwrap_or_default().to_vec(), record.payload.map(<[u8]>::to_vec));
        Ok(Decoded { value, timestamp: Some(Timestamp::MIN), advances: false })
    }
}
