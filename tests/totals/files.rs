//! Parquet to Parquet.

use purlin_tests::Place;

use crate::expected::{assert_same, totals};
use crate::{size, total};

/// Generates orders, totals them with `options`, and compares with a plain loop over windows of `window_ms`.
fn check(place: &Place, orders: u64, window_ms: i64, options: &str) {
    place.ok(&format!("totals --generate {orders} --output orders"));
    let started = std::time::Instant::now();
    place.ok(&format!("totals --input orders --output totals {options}"));
    println!("{orders} orders with `{options}`: {:.3} s", started.elapsed().as_secs_f64());
    let (actual, expected) = (total::in_folder(&place.path("totals")), totals(&place.path("orders"), window_ms));
    assert_same(options, &actual, &expected);
    assert_eq!(expected.iter().map(|total| total.orders).sum::<i64>(), orders as i64);
    assert_eq!(place.names(), ["orders", "totals"], "no temporary files are left");
}

#[test]
fn batch() {
    check(&size::place(), size::orders(), 60_000, "");
}

#[test]
fn stream() {
    check(&size::place(), size::orders(), 60_000, "--runner stream");
}

#[test]
fn any_window_workers_and_runner() {
    for (window, window_ms) in [("7m", 420_000), ("250ms", 250), ("1h 30m", 5_400_000), ("1ms", 1)] {
        let window = window.replace(' ', "");
        for runner in ["batch --parallelism 1", "batch --memory-limit 64KiB", "stream --parallelism 2", "reference"] {
            check(&Place::new(), 3_000, window_ms, &format!("--window {window} --runner {runner}"));
        }
    }
    for runner in ["batch", "stream"] {
        for workers in [1, 2, 8] {
            check(&Place::new(), 20_000, 60_000, &format!("--runner {runner} --parallelism {workers}"));
        }
    }
}

#[test]
fn input_by_folder_and_pattern() {
    let place = Place::new();
    place.ok("totals --generate 5000 --output orders");
    let expected = totals(&place.path("orders"), 60_000);
    let inputs = ["orders", "orders/*.parquet", "ord*/part-*", "orders/part-0*-00000.parquet"];
    for (number, input) in inputs.iter().enumerate() {
        place.ok(&format!("totals --input {input} --output totals-{number}"));
        assert_same(input, &total::in_folder(&place.path(&format!("totals-{number}"))), &expected);
    }
}
