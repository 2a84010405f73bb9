//! Brokers that do not answer, topics that are not there, records that are not what they should be.

use std::time::{Duration, Instant};

use purlin::io::kafka::mock::MockBroker;
use purlin_tests::metrics::free_port;
use purlin_tests::{Broker, Place, with_broker};
use serde_json::Value;

use crate::refused::{assert_told, check, check_runners};

/// A broker that is not there is given up within this time, by reader and writer alike.
const GIVE_UP: Duration = Duration::from_secs(30);

const GOOD: [&[u8]; 3] = [
    br#"{"customer":1,"amount":10,"at":1700000000000}"#,
    br#"{"customer":2,"amount":20,"at":1700000000001}"#,
    br#"{"customer":1,"amount":30,"at":1700000000002}"#,
];

/// Records that are no orders, and what is said of them.
const BAD: [(&[u8], &str); 4] = [
    (br#"{"customer":1,"#, "EOF"),
    (br#"{"customer":"Ann","amount":1,"at":0}"#, "invalid type"),
    (br#"{"customer":1,"amount":1}"#, "`at`"),
    (br#"{"customer":1,"amount":1,"at":9223372036854775807}"#, "is it in milliseconds?"),
];

/// A broker in this process whose topic `orders` has a bad record at offset 1 of partition 2.
fn mock(bad: &[u8]) -> MockBroker {
    let mock = MockBroker::start(&[("orders", 4), ("totals", 1)]).expect("a mock broker");
    let broker = Broker::at(mock.bootstrap_servers());
    broker.send("orders", 0, [GOOD[0]]);
    broker.send("orders", 2, [GOOD[1], bad, GOOD[2]]);
    mock
}

#[test]
fn a_malformed_record_fails_the_run() {
    for (bad, reason) in BAD {
        let (place, mock) = (Place::new(), mock(bad));
        let servers = mock.bootstrap_servers();
        let line = format!("totals --bootstrap-servers {servers} --input-topic orders --output out");
        let facts = ["`orders`", "orders/2 offset 1", "malformed", reason];
        check_runners(&place, &format!("{line} --until-end"), &facts);
        // An endless run ends, too.
        check(&place, &format!("{line} --runner stream"), 1, &facts);
    }
}

#[test]
fn a_malformed_record_becomes_a_dead_letter() {
    for (bad, reason) in BAD {
        let mock = mock(bad);
        for runner in ["batch", "stream", "reference"] {
            let (place, servers) = (Place::new(), mock.bootstrap_servers());
            place.ok(&format!(
                "totals --bootstrap-servers {servers} --input-topic orders --until-end --output out --dead-letters dead \
                 --runner {runner}"
            ));
            let letters: Vec<Value> =
                place.lines("dead").iter().map(|line| serde_json::from_str(line).expect("JSON")).collect();
            assert_eq!(letters.len(), 1, "{letters:?}");
            assert_eq!(letters[0]["origin"], "orders/2 offset 1");
            assert!(letters[0]["error"].as_str().is_some_and(|error| error.contains(reason)), "{letters:?}");
            // The others are totalled: told by what the same program makes of the result.
            let totals = crate::files::rows(&place, "out", &["customer", "total", "orders"]);
            assert_eq!(totals, [[1, 40, 2], [2, 20, 1]], "{runner}");
        }
    }
}

#[test]
fn a_broker_that_is_down() {
    let place = Place::new();
    place.ok("totals --generate 10 --output orders");
    let address = format!("127.0.0.1:{}", free_port());
    let facts = [address.as_str(), "no Kafka broker answered", "--bootstrap-servers"];
    let lines = [
        "totals --runner stream --input-topic orders --output out",
        "totals --runner batch --input-topic orders --output out",
        "totals --runner batch --input orders --output-topic totals",
    ];
    // Side by side, for each takes its time.
    let started = Instant::now();
    std::thread::scope(|scope| {
        for line in lines {
            let (place, facts, address) = (&place, &facts, &address);
            scope.spawn(move || {
                let line = format!("{line} --bootstrap-servers {address}");
                assert_told(&line, &place.run(&line), 1, facts);
            });
        }
    });
    assert!(started.elapsed() < GIVE_UP, "{:?}", started.elapsed());
    assert_eq!(place.names(), ["orders"]);
}

#[test]
fn a_topic_that_is_not_there() {
    with_broker(|broker| {
        let place = Place::new();
        place.ok("totals --generate 10 --output orders");
        let topic = broker.topic("known", 1);
        let (misspelt, servers) = (topic.replace("known", "knwon"), broker.servers());
        let facts = ["no topic", &misspelt, &topic];
        for runner in ["batch", "stream", "reference"] {
            let line = format!("--bootstrap-servers {servers} --runner {runner}");
            check(&place, &format!("totals --input-topic {misspelt} --output out {line}"), 1, &facts);
            check(&place, &format!("totals --input orders --output-topic {misspelt} {line}"), 1, &facts);
        }
        broker.delete(&[topic]);
    });
}

#[test]
fn settings_that_cannot_be() {
    let (place, mock) = (Place::new(), mock(GOOD[0]));
    let line = format!("totals --bootstrap-servers {} --input-topic orders --output out", mock.bootstrap_servers());
    check_runners(&place, &format!("{line} --kafka-set no.such.setting=1"), &["no.such.setting"]);
    check_runners(&place, &format!("{line} --kafka-set fetch.min.bytes=lots"), &["fetch.min.bytes"]);
}
