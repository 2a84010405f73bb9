//! What is told when something is wrong: where, why, and what to do. And what is never told.

use std::time::{Duration, Instant};

use purlin_io::DeadLetter;
use purlin_io::kafka::mock::MockBroker;
use purlin_io::kafka::{KafkaError, KafkaSink, KafkaSource, Record, admin};
use purlin_model::sink::{Sink, SinkRun};
use purlin_model::source::Source;
use purlin_model::{BoxError, Timestamp};

use super::support::*;

fn kafka_error(error: BoxError) -> KafkaError {
    *error.downcast::<KafkaError>().expect("a KafkaError")
}

#[test]
fn a_malformed_record_fails_the_read_or_becomes_a_dead_letter() {
    run(async {
        let broker = MockBroker::start(&[("orders", 1)])?;
        let servers = broker.bootstrap_servers();
        let good = serde_json::to_vec(&order(7))?;
        write_bytes(servers, "orders", [&good, b"{\"customer\":".as_slice(), &good]).await?;
        let source = || KafkaSource::new(servers, ["orders"]).json::<Order>().event_time(|order| order.at).until_end();

        let strict = source();
        let split = strict.splits(UNBOUNDED).await?.remove(0);
        let mut reader = strict.open(split).await?;
        for _ in 0..2 {
            let mut bundle = purlin_model::bundle::Bundle::new();
            let error = reader.read(&mut bundle).await.unwrap_err().to_string();
            assert!(error.contains("orders/0 offset 1") && error.contains("EOF while parsing"), "{error}");
        }
        assert_eq!(reader.remaining().next, 1);

        let lenient = source().or_dead_letter();
        let read = read_all(&lenient).await?;
        let letter = read[1].0.clone().unwrap_err();
        assert_eq!(letter.origin, "orders/0 offset 1");
        assert_eq!(letter.payload, b"{\"customer\":");
        assert!(letter.error.contains("EOF while parsing"));
        assert_eq!((&read[0].0, &read[2].0), (&Ok(order(7)), &Ok(order(7))));
        Ok(())
    });
}

#[test]
fn a_dead_letter_does_not_move_event_time() {
    run(async {
        let broker = MockBroker::start(&[("orders", 1)])?;
        let servers = broker.bootstrap_servers();
        // The records' own timestamps are those of today.
        let bytes = KafkaSink::new(servers, "orders").bytes().timestamp_from_clock();
        let payloads = [serde_json::to_vec(&order(7))?, b"junk".to_vec()];
        write(&bytes, payloads.map(|payload| (payload, Timestamp::MIN))).await?;
        let source =
            KafkaSource::new(servers, ["orders"]).json::<Order>().event_time(|order| order.at).or_dead_letter();
        let mut reader = source.open(source.splits(UNBOUNDED).await?.remove(0)).await?;
        assert!(read_some(&mut reader, 2).await?[1].0.is_err());
        assert_eq!(reader.watermark(), order(7).at);
        Ok(())
    });
}

#[test]
fn impossible_timestamps_and_tombstones_are_malformed() {
    let source = |servers: &str| KafkaSource::new(servers, ["orders"]).json::<Order>().until_end();
    run(async move {
        let broker = MockBroker::start(&[("orders", 1)])?;
        let servers = broker.bootstrap_servers();
        write(&KafkaSink::new(servers, "orders").json(), [(order(1), Timestamp::MIN)]).await?;
        let source = source(servers).event_time(|_| Timestamp::from_millis(i64::MAX));
        let error = read_all(&source).await.unwrap_err().to_string();
        assert!(error.contains("offset 0") && error.contains("9223372036854775807 ms"), "{error}");
        let letters: Vec<Result<Order, DeadLetter>> = values(read_all(&source.or_dead_letter()).await?);
        assert!(letters[0].as_ref().unwrap_err().error.contains("is it in milliseconds?"));
        Ok(())
    });
}

#[test]
fn unknown_topics_are_named_with_similar_ones() {
    with_broker(|servers| async move {
        let topic = topic(&servers, 1).await?;
        let misspelt = topic.replace("test", "tset");
        let source = KafkaSource::new(&servers, [&misspelt]).bytes();
        let sink = KafkaSink::new(&servers, &misspelt).bytes();
        let errors = [
            source.splits(UNBOUNDED).await.map(drop).unwrap_err(),
            sink.begin(&SinkRun::once("test")).await.unwrap_err(),
        ];
        for error in errors.map(kafka_error) {
            let KafkaError::UnknownTopic { topic: named, hint, .. } = &error else { panic!("{error}") };
            assert_eq!(*named, misspelt);
            assert!(hint.contains(&format!("`{topic}`")), "{hint}");
        }
        // Neither asking nor trying has made it.
        assert!(matches!(admin::create_topic(&servers, &topic, 1).await, Err(KafkaError::TopicExists { .. })));
        admin::delete_topic(&servers, &topic).await?;
        Ok(())
    });
}

#[test]
fn a_broker_that_is_not_there_is_one_error_in_bounded_time() {
    run(async {
        // Bound and closed again: nobody listens there.
        let address = std::net::TcpListener::bind("127.0.0.1:0")?.local_addr()?.to_string();
        let source = KafkaSource::new(&address, ["orders"]).bytes();
        let sink = KafkaSink::new(&address, "orders").bytes();
        let started = Instant::now();
        let run = SinkRun::once("test");
        let (read, written) = tokio::join!(source.splits(UNBOUNDED), sink.begin(&run));
        assert!(started.elapsed() < Duration::from_secs(20), "{:?}", started.elapsed());
        for error in [read.map(drop).unwrap_err(), written.unwrap_err()] {
            let error = error.to_string();
            assert!(error.contains(&address) && error.contains("--bootstrap-servers"), "{error}");
            assert!(error.contains("refused"), "the cause is told: {error}");
        }
        Ok(())
    });
}

#[test]
fn a_partition_that_vanishes_is_an_error() {
    with_broker(|servers| async move {
        let topic = topic(&servers, 1).await?;
        let source = KafkaSource::new(&servers, [&topic]).bytes();
        let mut reader = source.open(source.splits(UNBOUNDED).await?.remove(0)).await?;
        write_bytes(&servers, &topic, [b"a".as_slice()]).await?;
        read_some(&mut reader, 1).await?;
        admin::delete_topic(&servers, &topic).await?;
        let error = read_some(&mut reader, 1).await.unwrap_err();
        assert!(matches!(kafka_error(error), KafkaError::UnknownPartition { .. }));
        Ok(())
    });
}

#[test]
fn settings_that_break_promises_or_need_tls_are_refused() {
    run(async {
        let with = |name: &str, value: &str| KafkaSource::new("localhost:1", ["orders"]).bytes().set(name, value);
        for (name, value) in [("group.id", "g"), ("enable.auto.commit", "true"), ("auto.offset.reset", "latest")] {
            let error = with(name, value).splits(UNBOUNDED).await.unwrap_err().to_string();
            assert!(error.contains(name), "{error}");
        }
        let error = with("no.such.setting", "1").splits(UNBOUNDED).await.unwrap_err().to_string();
        assert!(error.contains("no.such.setting"), "{error}");
        if cfg!(not(feature = "kafka-tls")) {
            let error = with("security.protocol", "SASL_SSL").splits(UNBOUNDED).await.unwrap_err().to_string();
            assert!(error.contains("kafka-tls"), "{error}");
        }
        Ok(())
    });
}

#[test]
fn secrets_are_never_shown() {
    run(async {
        let secret = "hunter2-hunter2";
        let source = KafkaSource::new(format!("me:{secret}@localhost:1"), ["orders"])
            .decode(|_: &Record<'_>| Ok(1_i64))
            .set("sasl.password", secret)
            .set("sasl.mechanism", secret)
            .set("ssl.key.pem", secret)
            .set("fetch.min.bytes", "1");
        let sink =
            KafkaSink::new("localhost:1", "orders").bytes().set("sasl.password", secret).set("linger.ms", secret);
        let shown = [
            source.describe(),
            format!("{source:?}"),
            sink.describe(),
            format!("{sink:?}").replace(&format!("\"linger.ms\": \"{secret}\""), ""),
            source.splits(UNBOUNDED).await.map(drop).unwrap_err().to_string(),
            format!("{:?}", source.splits(UNBOUNDED).await.map(drop).unwrap_err()),
            sink.begin(&SinkRun::once("test")).await.unwrap_err().to_string(),
            format!("{:?}", sink.begin(&SinkRun::once("test")).await.unwrap_err()),
        ];
        for text in &shown {
            assert!(!text.contains("hunter2"), "{text}");
        }
        assert!(shown[1].contains("\"fetch.min.bytes\": \"1\"") && shown[1].contains("[redacted]"), "{}", shown[1]);
        Ok(())
    });
}

#[test]
fn nesting_and_size_of_json_are_bounded() {
    run(async {
        let broker = MockBroker::start(&[("orders", 1)])?;
        let servers = broker.bootstrap_servers();
        let deep = |depth: usize| [b"[".repeat(depth), b"]".repeat(depth)].concat();
        // Fields that nobody asked for are skipped without recursion.
        let aside = [b"{\"aside\":".as_slice(), &deep(100_000), b",\"customer\":7,\"at\":7000}"].concat();
        write_bytes(servers, "orders", [deep(100).as_slice(), &deep(100_000)]).await?;
        let source = KafkaSource::new(servers, ["orders"]).json::<serde_json::Value>().or_dead_letter();
        let read = values(read_all(&source).await?);
        assert!(read[0].is_ok());
        let letter = read[1].clone().unwrap_err();
        assert!(letter.error.contains("recursion limit"), "{letter}");
        assert_eq!((letter.origin.as_str(), letter.payload.len()), ("orders/0 offset 1", 200_000));

        write_bytes(servers, "orders", [aside.as_slice()]).await?;
        let orders = values(read_all(&KafkaSource::new(servers, ["orders"]).json::<Order>().or_dead_letter()).await?);
        assert!(orders[..2].iter().all(Result::is_err));
        assert_eq!(orders[2].as_ref().map(|order| order.customer), Ok(7));
        Ok(())
    });
}
