//! `totals` as a job without an end, between the topics of a broker in this process.

use purlin::io::kafka::mock::MockBroker;
use purlin_tests::metrics::{free_port, value};
use purlin_tests::{Broker, PATIENCE, Place, Running, eventually};

/// Orders of one customer, one per second from second 0 on; even ones in one partition, odd ones in another.
const ORDERS: i64 = 100;

pub(crate) struct StreamingJob {
    pub(crate) mock: MockBroker,
    pub(crate) port: u16,
    _place: Place,
}

impl StreamingJob {
    /// Starts a broker with orders, and the job; returns once it has read them all.
    pub(crate) fn start(options: &str) -> (StreamingJob, Running) {
        Self::start_over(2, options)
    }

    /// The same, with orders in so many of the two partitions.
    pub(crate) fn start_over(partitions: i32, options: &str) -> (StreamingJob, Running) {
        let mock = MockBroker::start(&[("orders", 2), ("totals", 1)]).expect("a mock broker");
        let (place, port, servers) = (Place::new(), free_port(), mock.bootstrap_servers().to_string());
        let orders: Vec<String> =
            (0..ORDERS).map(|n| format!(r#"{{"customer":1,"amount":{n},"at":{}}}"#, n * 1000)).collect();
        for partition in 0..partitions {
            let own = orders.iter().skip(partition as usize).step_by(partitions as usize);
            Broker::at(&servers).send("orders", partition, own.map(String::as_bytes));
        }
        let running = place.start(&format!(
            "totals --runner stream --bootstrap-servers {servers} --input-topic orders --output-topic totals --window 10s \
             --out-of-orderness 0s --metrics-listen {port} {options}"
        ));
        let all_read = || (value(port, "purlin_elements_read_total")? == ORDERS as f64).then_some(());
        eventually("all orders to be read", PATIENCE, all_read);
        (StreamingJob { mock, port, _place: place }, running)
    }

    /// How many totals there are.
    pub(crate) fn totals(&self) -> u64 {
        Broker::at(self.mock.bootstrap_servers()).count("totals")
    }

    /// Waits for this many totals.
    pub(crate) fn wait_for_totals(&self, count: u64) {
        eventually("totals", PATIENCE, || (self.totals() >= count).then_some(()));
        assert_eq!(self.totals(), count);
    }
}

/// Windows that the watermark, at the last order, has passed.
pub(crate) const CLOSED: u64 = 9;
/// All windows.
pub(crate) const ALL: u64 = 10;
