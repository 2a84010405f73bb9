//! `--explain` prints the plan and runs nothing.

use purlin_tests::Place;

/// The plan, without its fingerprint, is this text.
fn check(options: &str, plan: &str) {
    let place = Place::new();
    place.ok("totals --generate 10 --output orders");
    let explained = place.ok(&format!("totals --explain {options}"));
    let (first, rest) = explained.split_once('\n').expect("several lines");
    assert!(first.starts_with("2 stages, fingerprint "), "{first}");
    assert_eq!(rest.trim_end(), plan.trim());
    assert_eq!(place.names(), ["orders"], "nothing is made");
}

#[test]
fn batch() {
    check(
        "--input orders --output out",
        r"
stage 0
  reads    orders: Parquet `orders` (bounded)
  fused    window: fixed(60000 ms)
  fused    customer totals/customer
  shuffles elements by key to customer totals/total
stage 1
  groups   customer totals/total: fixed(60000 ms); state: one table per window, dropped when the watermark passes its end
  fused    customer totals/row
  writes   totals: Parquet `out` (visible all at once when the run succeeds)",
    );
}

#[test]
fn stream() {
    check(
        "--runner stream --bootstrap-servers 127.0.0.1:1 --input-topic orders,more --output-topic out --window 5m",
        r"
stage 0
  reads    orders: Kafka topics orders, more on 127.0.0.1:1, from earliest (unbounded)
  fused    window: fixed(300000 ms)
  fused    customer totals/customer
  fused    customer totals/total (lifted): combined before the shuffle
  shuffles accumulators by key to customer totals/total
stage 1
  groups   customer totals/total: fixed(300000 ms); state: one table per window, dropped when the watermark passes its end
  fused    customer totals/row
  writes   totals: Kafka topic out on 127.0.0.1:1 (visible as it is written; a run that is repeated after a failure writes it again)",
    );
}

#[test]
fn one_pipeline_has_one_fingerprint_on_every_runner() {
    let place = Place::new();
    place.ok("totals --generate 10 --output orders");
    let first = |runner: &str| {
        let line = format!("totals --input orders --output out --explain --runner {runner}");
        place.ok(&line).lines().next().map(String::from)
    };
    assert_eq!(first("batch"), first("stream"));
    assert_eq!(first("batch"), first("reference"));
}

#[test]
fn no_password_is_told() {
    let line = "totals --explain --runner stream --bootstrap-servers me:hunter2@127.0.0.1:1 --kafka-set sasl.password=hunter2 \
                --input-topic orders --output-topic out";
    let explained = Place::new().ok(line);
    assert!(explained.contains("Kafka topic orders on [redacted]@127.0.0.1:1"), "{explained}");
    assert!(!explained.contains("hunter2"), "{explained}");
}
