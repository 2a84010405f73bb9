//! What is never told: a password that stands in every setting that may hold one is looked for in all that people read.

use std::fmt::{Debug, Write};
use std::sync::{Mutex, PoisonError};

use purlin_io::kafka::{KafkaCluster, KafkaSink, KafkaSource, Record};
use purlin_model::sink::{Sink, SinkRun};
use purlin_model::source::Source;
use purlin_model::transaction::LogCluster;
use purlin_model::{BoxError, seconds};
use tracing::field::{Field, Visit};
use tracing::{Event, Metadata, Subscriber, span};

use super::support::*;

const SECRET: &str = "hunter2-hunter2";

/// Settings that hold a secret, and one that shows that others are shown.
const LOGIN: [(&str, &str); 3] = [("sasl.password", SECRET), ("sasl.username", SECRET), ("client.id", "visible")];
/// Without TLS these are refused.
const MORE: [(&str, &str); 3] =
    [("sasl.oauthbearer.client.secret", SECRET), ("ssl.key.password", SECRET), ("ssl.key.pem", SECRET)];
/// What librdkafka says of itself, its settings among it.
const TALKATIVE: [(&str, &str); 1] = [("debug", "all")];
/// No value for this setting, which the message about it shows.
const WRONG: [(&str, &str); 1] = [("sasl.mechanism", SECRET)];

/// Everything that is logged in this process, at every level.
struct Log;

static LINES: Mutex<String> = Mutex::new(String::new());

impl Subscriber for Log {
    fn enabled(&self, _: &Metadata<'_>) -> bool {
        true
    }
    fn new_span(&self, _: &span::Attributes<'_>) -> span::Id {
        span::Id::from_u64(1)
    }
    fn record(&self, _: &span::Id, _: &span::Record<'_>) {}
    fn record_follows_from(&self, _: &span::Id, _: &span::Id) {}
    fn event(&self, event: &Event<'_>) {
        struct Text(String);
        impl Visit for Text {
            fn record_debug(&mut self, field: &Field, value: &dyn Debug) {
                let _ = writeln!(self.0, "{field}={value:?}");
            }
        }
        let mut text = Text(String::new());
        event.record(&mut text);
        LINES.lock().unwrap_or_else(PoisonError::into_inner).push_str(&text.0);
    }
    fn enter(&self, _: &span::Id) {}
    fn exit(&self, _: &span::Id) {}
}

/// All that can be seen of something that failed or did not.
fn seen<T, E: Debug + ToString>(result: Result<T, E>) -> String {
    result.map_or_else(|error| format!("{} {error:?}", error.to_string()), |_| String::new())
}

/// Whatever is said while everything is tried at `servers`, which is none that lets us in.
async fn said(servers: &str, more: &[(&'static str, &'static str)]) -> Vec<String> {
    let settings = LOGIN.iter().chain(more);
    let mut source = KafkaSource::new(servers, ["orders"]).decode(|_: &Record<'_>| Ok(1_i64));
    let mut sink = KafkaSink::new(servers, "orders").bytes();
    let mut cluster = KafkaCluster::new(servers);
    for (name, value) in settings {
        source = source.set(*name, *value);
        sink = sink.set(*name, *value);
        cluster = cluster.set(*name, *value);
    }
    let partitions = [("orders".to_string(), 0)];
    let run = SinkRun::once("test");
    let (splits, discovered, begun, id, topic, offsets, producer) = tokio::join!(
        source.splits(UNBOUNDED),
        source.discover(Vec::new()),
        sink.begin(&run),
        cluster.id(),
        cluster.ensure_progress_topic("progress"),
        cluster.committed_offsets("group", &partitions),
        tokio::time::timeout(seconds(3), cluster.producer("job", seconds(10))),
    );
    vec![
        source.describe(),
        format!("{source:?}"),
        sink.describe(),
        format!("{sink:?}"),
        sink.transactions().unwrap().describe(),
        cluster.describe(),
        format!("{cluster:?}"),
        seen(splits),
        seen(discovered),
        seen(begun),
        seen(id),
        seen(topic),
        seen(offsets),
        seen(producer.map(|made| made.map(drop).map_err(|error| error.message))),
    ]
}

#[test]
fn a_password_is_in_no_message_no_description_and_no_log_line() {
    let _ = tracing::subscriber::set_global_default(Log);
    run(async {
        // Nobody listens at the one; the other has a user and a password in its address.
        let free = std::net::TcpListener::bind("127.0.0.1:0")?.local_addr()?.to_string();
        let in_address = format!("me:{SECRET}@{free}");
        let said =
            tokio::join!(said(&free, &TALKATIVE), said(&in_address, &[]), said(&free, &MORE), said(&free, &WRONG));
        let all = [said.0, said.1, said.2, said.3].concat();
        assert!(all.iter().any(|text| text.contains("visible") && text.contains("[redacted]")), "{all:#?}");
        assert!(all.iter().any(|text| text.contains("--bootstrap-servers")), "{all:#?}");
        for text in &all {
            assert!(!text.contains("hunter2"), "{text}");
        }
        let log = LINES.lock().unwrap_or_else(PoisonError::into_inner);
        assert!(log.contains("refused"), "the log is heard: {log}");
        let told = log.lines().find(|line| line.contains("hunter2"));
        assert_eq!(told, None);
        Ok::<_, BoxError>(())
    });
}
