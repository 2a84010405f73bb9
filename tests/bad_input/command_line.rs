//! Options that make no sense: exit code 2, before anything is read or made.

use purlin_tests::Place;

use crate::refused::check;

#[test]
fn options_are_checked_first() {
    let place = Place::new();
    place.ok("totals --generate 10 --output orders");
    let refused = |options: &str, facts: &[&str]| check(&place, &format!("totals {options}"), 2, facts);
    refused("--input orders --output out --parallelism 0", &["--parallelism", "1..=1024"]);
    refused("--input orders --output out --parallelism many", &["--parallelism", "many"]);
    refused("--input orders --output out --runner stream --memory-limit 1GB", &["--memory-limit", "leave it out"]);
    refused("--input orders --output out --memory-limit 0", &["--memory-limit", "above zero"]);
    refused("--input orders --output out --memory-limit 3parsec", &["--memory-limit", "parsec", "MiB"]);
    refused("--input orders --output out --drain", &["--drain", "stream runner"]);
    refused("--input orders --output out --runner reference --drain", &["--drain", "stream runner"]);
    refused("--input orders --output out --runner reference --parallelism 2", &["--parallelism", "one worker"]);
    refused("--input orders --output out --runner teleport", &["teleport", "batch", "stream", "reference"]);
    refused("--input orders --output out --window 0", &["--window", "at least 1ms"]);
    refused("--input orders --output out --window 0s", &["--window", "at least 1ms"]);
    refused("--input orders --output out --window soon", &["--window", "soon", "5m"]);
    refused("--input orders --output out --metrics-listen nowhere", &["--metrics-listen", "nowhere", "port"]);
    refused("--input orders --output out --frobnicate", &["--frobnicate"]);
    refused("--output out", &["--input PATH", "--input-topic TOPIC"]);
    refused("--input orders", &["--output PATH", "--output-topic TOPIC"]);
    refused("--generate 10", &["--output PATH", "--output-topic TOPIC"]);
    refused("--generate 10 --output out --customers 0", &["--customers"]);
    refused("--generate 10 --output out --input orders", &["--generate", "--input"]);
    refused("--input orders --output out --dead-letters dead", &["--input-topic"]);
    refused("--input-topic orders --output out", &["--bootstrap-servers"]);
    let broker = "--bootstrap-servers 127.0.0.1:1";
    refused(
        &format!("--input orders --input-topic orders {broker} --output out"),
        &["--input <PATH>", "--input-topic"],
    );
    refused(
        &format!("--input orders --output-topic out {broker} --output out"),
        &["--output <PATH>", "--output-topic"],
    );
    refused(
        &format!("--input-topic orders {broker} --output out --start yesterday"),
        &["--start", "earliest", "latest"],
    );
    refused(&format!("--input-topic orders {broker} --output out --kafka-set acks"), &["--kafka-set", "NAME=VALUE"]);
}

#[test]
fn a_port_that_is_taken_is_named() {
    let place = Place::new();
    let taken = std::net::TcpListener::bind("127.0.0.1:0").expect("a port");
    let port = taken.local_addr().expect("its address").port();
    let line = format!("totals --generate 10 --output out --metrics-listen {port}");
    check(&place, &line, 2, &["--metrics-listen", &port.to_string(), "choose another port"]);
}
