//! Making and deleting topics, for tests and demos.

use std::time::Duration;

use rdkafka::admin::{AdminClient, AdminOptions, NewTopic, ResourceSpecifier, TopicReplication, TopicResult};
use rdkafka::error::{KafkaError as Native, RDKafkaErrorCode as Code};

use super::KafkaError;
use super::client::Client;
use super::cluster::ask;
use super::health::{Health, is_transient};
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
    let what = format!("deleting topic `{topic}`");
    let done = call(&settings, &what, async |client| client.delete_topics(&[topic], &options()).await).await?;
    outcome(&settings, &what, topic, done)
}

/// Makes a compacted topic of one partition.
pub(super) async fn create_compacted(settings: &Settings, topic: &str) -> Result<(), KafkaError> {
    let new = NewTopic::new(topic, 1, TopicReplication::Fixed(-1)).set("cleanup.policy", "compact");
    create(settings.clone(), new).await
}

/// How a topic forgets records.
pub(super) async fn cleanup_policy(settings: &Settings, topic: &str) -> Result<String, KafkaError> {
    let what = format!("asking for the settings of topic `{topic}`");
    let asked = [ResourceSpecifier::Topic(topic)];
    let answer = call(settings, &what, async |client| client.describe_configs(&asked, &options()).await).await?;
    match answer.into_iter().next() {
        Some(Ok(described)) => {
            let policy = described.get("cleanup.policy").and_then(|entry| entry.value.clone());
            policy.ok_or_else(|| failed(settings, &what, "the broker names no `cleanup.policy`"))
        }
        Some(Err(code)) => Err(failed(settings, &what, &code.to_string())),
        None => Err(failed(settings, &what, "no answer")),
    }
}

async fn create(settings: Settings, new: NewTopic<'_>) -> Result<(), KafkaError> {
    let what = format!("creating topic `{}`", new.name);
    let done = call(&settings, &what, async |client| client.create_topics([&new], &options()).await).await?;
    outcome(&settings, &what, new.name, done)?;
    // The controller has made it; the brokers that clients ask hear of it a little later.
    let topic = new.name.to_string();
    ask(move || Client::new(&settings, &[])?.partitions(&topic).map(drop)).await
}

/// Makes a call with a client of its own. Closing that waits for its thread, so it is left to a thread that may wait.
async fn call<T>(
    settings: &Settings,
    what: &str,
    call: impl AsyncFnOnce(&AdminClient<Health>) -> Result<T, Native>,
) -> Result<T, KafkaError> {
    let config = settings.config(&[("client.id", "purlin")], &[])?;
    let client: AdminClient<Health> =
        config.create_with_context(Health::new(settings)).map_err(|error| settings.explain(&error))?;
    let answer = call(&client).await;
    drop(tokio::task::spawn_blocking(move || drop(client)));
    answer.map_err(|error| match error {
        Native::AdminOp(code) if is_transient(code) => {
            let (servers, reason) = (settings.servers(), code.to_string());
            KafkaError::unreachable(servers, PATIENCE, reason)
        }
        error => failed(settings, what, &error.to_string()),
    })
}

fn failed(settings: &Settings, what: &str, reason: &str) -> KafkaError {
    let reason = settings.scrubber().clean(reason).into_owned();
    KafkaError::Other { what: format!("{what} on {}", settings.servers()), reason }
}

fn options() -> AdminOptions {
    AdminOptions::new().request_timeout(Some(PATIENCE)).operation_timeout(Some(PATIENCE))
}

fn outcome(settings: &Settings, what: &str, topic: &str, done: Vec<TopicResult>) -> Result<(), KafkaError> {
    for result in done {
        match result {
            Ok(_) => {}
            Err((_, Code::TopicAlreadyExists)) => return Err(KafkaError::TopicExists { topic: topic.into() }),
            Err((_, code)) => return Err(failed(settings, what, &code.to_string())),
        }
    }
    Ok(())
}
