//! A broker that goes away while a streaming pipeline reads from it and writes to it, and comes back.

use std::time::Duration;

use purlin::io::kafka::mock::MockBroker;
use purlin::io::kafka::{KafkaSink, KafkaSource};
use purlin::prelude::*;
use purlin::runners::StopMode;
use purlin_tests::{Broker, PATIENCE, eventually};

const RECORDS: i64 = 2_000;
const OUTAGE: Duration = Duration::from_millis(1500);

#[test]
fn a_pipeline_waits_an_outage_out() {
    let mock = MockBroker::start(&[("in", 2), ("out", 2)]).expect("a mock broker");
    let servers = mock.bootstrap_servers().to_string();
    let broker = Broker::at(&servers);
    let send = |partition: i32, numbers: std::ops::Range<i64>| {
        let payloads: Vec<String> = numbers.map(|n| n.to_string()).collect();
        broker.send("in", partition, payloads.iter().map(String::as_bytes));
    };
    let pipeline = Pipeline::new();
    pipeline
        .read("in", KafkaSource::new(&servers, ["in"]).json::<i64>())
        .map("double", |n| n * 2)
        .reshuffle()
        .write("out", KafkaSink::new(&servers, "out").json::<i64>());
    let graph = pipeline.graph().expect("a sound graph");
    let runner = StreamRunner::new().parallelism(2);
    let stop = runner.stop_handle();
    let run = std::thread::spawn(move || runner.run(&graph));

    send(0, 0..RECORDS / 4);
    let done = |count: i64| (broker.count("out") >= count as u64).then_some(());
    eventually("records before the outage", PATIENCE, || done(RECORDS / 4));
    for round in 1..3 {
        let (first, half) = (RECORDS / 4 * round, RECORDS / 8);
        send(1, first..first + half);
        mock.suspend().expect("a broker to suspend");
        std::thread::sleep(OUTAGE);
        mock.resume().expect("a broker to resume");
        send(0, first + half..first + 2 * half);
        eventually("records after the outage", PATIENCE, || done(RECORDS / 4 * (round + 1)));
    }
    send(1, RECORDS / 4 * 3..RECORDS);
    eventually("all records", PATIENCE, || done(RECORDS));
    stop.stop(StopMode::Drain);
    run.join().expect("no panic").expect("no failure");

    let number = |payload: Vec<u8>| String::from_utf8_lossy(&payload).parse::<i64>().expect("a number");
    let mut numbers: Vec<i64> = broker.payloads("out").into_iter().map(number).collect();
    numbers.sort();
    assert_eq!(numbers, (0..RECORDS).map(|n| n * 2).collect::<Vec<_>>(), "nothing is lost and nothing comes twice");
}
