//! Through a real broker: each way from files and topics to files and topics gives what a plain loop gives.

use std::time::Duration;

use purlin_tests::metrics::{self, free_port};
use purlin_tests::{Broker, Place, eventually, with_broker};

use crate::expected::{assert_same, totals};
use crate::size;
use crate::total::{self, Total};

const PARTITIONS: usize = 4;
const WINDOW_MS: i64 = 60_000;
/// Results stand still for so long before the endless job is told to drain.
const STILL: Duration = Duration::from_millis(1500);

/// The same orders in a folder and in a topic, and what must come out.
struct Scene<'a> {
    broker: &'a Broker,
    place: Place,
    orders: String,
    expected: Vec<Total>,
}

impl<'a> Scene<'a> {
    fn new(broker: &'a Broker) -> Self {
        let (place, count, servers) = (size::place(), size::orders(), broker.servers());
        let orders = broker.topic("orders", PARTITIONS);
        place.ok(&format!("totals --generate {count} --output orders"));
        place.ok(&format!("totals --generate {count} --bootstrap-servers {servers} --output-topic {orders}"));
        assert_eq!(broker.count(&orders), count);
        let expected = totals(&place.path("orders"), WINDOW_MS);
        Scene { broker, place, orders, expected }
    }

    /// Replaces `orders@` by the options that read the topic of orders.
    fn line(&self, line: &str) -> String {
        let servers = format!("--bootstrap-servers {}", self.broker.servers());
        line.replace("orders@", &format!("{servers} --input-topic {}", self.orders))
    }

    fn to_topic(&self, line: &str) {
        let totals = self.broker.topic("totals", PARTITIONS);
        let servers = if line.contains("orders@") {
            String::new()
        } else {
            format!("--bootstrap-servers {}", self.broker.servers())
        };
        self.place.ok(&self.line(&format!("{line} {servers} --output-topic {totals}")));
        assert_same(line, &total::in_topic(self.broker, &totals), &self.expected);
        self.broker.delete(&[totals]);
    }

    fn to_folder(&self, line: &str) {
        let folder = line.replace(|c: char| !c.is_alphanumeric(), "");
        self.place.ok(&self.line(&format!("{line} --output {folder}")));
        assert_same(line, &total::in_folder(&self.place.path(&folder)), &self.expected);
    }

    /// Unbounded: windows come while it runs, the rest when it is told to drain.
    fn endless(&self) {
        let totals = self.broker.topic("totals", PARTITIONS);
        let port = free_port();
        let line = format!("totals --runner stream orders@ --output-topic {totals} --drain --metrics-listen {port}");
        let job = self.place.start(&self.line(&line));
        let all = size::orders() as f64;
        eventually("every order to be read", size::patience(), || {
            (metrics::value(port, "purlin_elements_read_total")? == all).then_some(())
        });
        let before = self.still(&totals);
        assert!(0 < before && before < self.expected.len() as u64, "{before} totals before the drain");
        job.interrupt();
        let outcome = job.wait(size::patience());
        assert_eq!(outcome.code, Some(0), "{}", outcome.stderr);
        assert_same("endless", &total::in_topic(self.broker, &totals), &self.expected);
        self.broker.delete(&[totals]);
    }

    /// How many results there are once they have stopped growing.
    fn still(&self, topic: &str) -> u64 {
        let mut last = (0, std::time::Instant::now());
        eventually("results to stop growing", size::patience(), || {
            let count = self.broker.count(topic);
            if count != last.0 {
                last = (count, std::time::Instant::now());
            }
            (count > 0 && last.1.elapsed() > STILL).then_some(count)
        })
    }
}

#[test]
fn every_way() {
    with_broker(|broker| {
        let scene = Scene::new(broker);
        scene.to_topic("totals --runner stream --until-end orders@");
        scene.to_topic("totals --runner batch orders@");
        scene.to_topic("totals --runner batch --input orders");
        scene.to_topic("totals --runner stream --input orders");
        scene.to_folder("totals --runner stream --until-end orders@ --parallelism 3");
        scene.to_folder("totals --runner batch orders@ --parallelism 2");
        scene.endless();
        broker.delete(&[scene.orders]);
    });
}
