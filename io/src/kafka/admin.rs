//! Making and deleting topics, for tests and demos.

use std::time::Duration;

use rdkafka::admin::{AdminClient, AdminOptions, NewTopic, ResourceSpecifier, TopicReplication, TopicResult};
use rdkafka::error::{KafkaError as Native, RDKafkaErrorCode as Code};

use super::KafkaError;
use super::client::Client;
use super::cluster::ask;
use super::health::Health;
use super::settings::Settings;

/// How long the cluster may take.
const PATIENCE: Duration = Duration::from_secs(15);

/// Makes a topic, with as many replicas as the cluster makes by default, and waits until it can be used.
///
/// [`KafkaError::TopicExists`] if there is one of that name.
///
/// ```no_run
/// # async fn demo() -> Result<(), purlin_io::kafka::KafkaError> {
/// purlin_io::kafka::admin::create_topic("localhost:9092", "orders", 4).await
/// # }
/// ```
pub async fn create_topic(servers: &str, topic: &str, partitions: usize) -> Result<(), KafkaError> {
    let count = i32::try_from(partitions).unwrap_or(i32::MAX);
    create(Settings::new(servers.into()), NewTopic::new(topic, count, TopicReplication::Fixed(-1))).await
}

/// Makes a topic with settings of its own (`cleanup.policy`, `retention.ms`, …), else as [`create_topic`] does.
pub async fn create_topic_with(
    servers: &str,
    topic: &str,
    partitions: usize,
    settings: &[(&str, &str)],
) -> Result<(), KafkaError> {
    let count = i32::try_from(partitions).unwrap_or(i32::MAX);
    let new = NewTopic::new(topic, count, TopicReplication::Fixed(-1));
    create(Settings::new(servers.into()), settings.iter().fold(new, |new, (name, value)| new.set(name, value))).await
}

/// Deletes a topic with all its records.
pub async fn delete_topic(servers: &str, topic: &str) -> Result<(), KafkaError> {
    let settings = Settings::new(servers.into());
    let done = client(&settings)?.delete_topics(&[topic], &options()).await;
    outcome(&settings, &format!("deleting topic `{topic}`"), topic, done)
}

/// Makes a compacted topic of one partition.
pub(super) async fn create_compacted(settings: &Settings, topic: &str) -> Result<(), KafkaError> {
    let new = NewTopic::new(topic, 1, TopicReplication::Fixed(-1)).set("cleanup.policy", "compact");
    create(settings.clone(), new).await
}

/// How a topic forgets records.
pub(super) async fn cleanup_policy(settings: &Settings, topic: &str) -> Result<String, KafkaError> {
    let what = format!("asking for the settings of topic `{topic}` on {}", settings.servers());
    let failed = |reason: String| KafkaError::Other { what, reason: settings.scrubber().clean(&reason).into_owned() };
    let asked = client(settings)?.describe_configs([&ResourceSpecifier::Topic(topic)], &options()).await;
    let described = asked.map_err(|error| error.to_string()).and_then(|mut described| match described.pop() {
        Some(Ok(described)) => Ok(described),
        Some(Err(code)) => Err(code.to_string()),
        None => Err("no answer".to_string()),
    });
    match described {
        Ok(described) => {
            let policy = described.get("cleanup.policy").and_then(|entry| entry.value.clone());
            policy.ok_or_else(|| failed("the broker names no `cleanup.policy`".into()))
        }
        Err(reason) => Err(failed(reason)),
    }
}

async fn create(settings: Settings, new: NewTopic<'_>) -> Result<(), KafkaError> {
    let done = client(&settings)?.create_topics([&new], &options()).await;
    outcome(&settings, &format!("creating topic `{}`", new.name), new.name, done)?;
    // The controller has made it; the brokers that clients ask hear of it a little later.
    let topic = new.name.to_string();
    ask(move || Client::new(&settings, &[])?.partitions(&topic).map(drop)).await
}

fn client(settings: &Settings) -> Result<AdminClient<Health>, KafkaError> {
    settings.config(&[], &[])?.create_with_context(Health::new(settings)).map_err(|error| settings.explain(&error))
}

fn options() -> AdminOptions {
    AdminOptions::new().request_timeout(Some(PATIENCE)).operation_timeout(Some(PATIENCE))
}

fn outcome(
    settings: &Settings,
    what: &str,
    topic: &str,
    done: Result<Vec<TopicResult>, Native>,
) -> Result<(), KafkaError> {
    let failed = |reason: String| KafkaError::Other { what: format!("{what} on {}", settings.servers()), reason };
    for result in done.map_err(|error| failed(error.to_string()))? {
        match result {
            Ok(_) => {}
            Err((_, Code::TopicAlreadyExists)) => return Err(KafkaError::TopicExists { topic: topic.into() }),
            Err((_, code)) => return Err(failed(code.to_string())),
        }
    }
    Ok(())
}
