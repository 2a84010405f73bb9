//! Totals: orders → per customer and fixed window → total and count.
//!
//! Without arguments it is a demonstration: sample orders, totalled by the batch runner from Parquet and by the stream runner from an
//! in-process broker, compared. With arguments it is a job; the same pipeline for files and topics, batch and stream.

mod demo;
mod generate;
mod options;
mod orders;

use std::process::ExitCode;

use purlin::io::text::JsonLinesSink;
use purlin::prelude::*;

use options::Options;
use orders::{Order, Total};

/// The heart of it: one composite for both runners.
fn customer_totals(orders: PCollection<Order>) -> PCollection<Total> {
    orders
        .key_by("customer", |order| order.customer)
        .combine_per_key("total", (Sum.of(|order: &Order| order.amount), Count))
        .map_in("row", |(customer, (total, orders)), at| Total {
            customer,
            window_start: at.window.start,
            total,
            orders: orders as i64,
        })
}

fn build(options: &Options, pipeline: &Pipeline) -> Result<(), Failure> {
    if let Some(count) = options.generate {
        let orders = generate::SampleOrders { count, customers: options.customers, seed: options.seed };
        pipeline.read("sample orders", orders).write("orders", options.order_sink()?);
        return Ok(());
    }
    let orders = match &options.dead_letters {
        None => pipeline.read("orders", options.source()?),
        Some(path) => {
            let (orders, refused) =
                pipeline.read("orders", options.source_with_dead_letters()?).split_results("well-formed");
            refused.write("dead letters", JsonLinesSink::new(path));
            orders
        }
    };
    orders
        .window(Fixed::of(options.window))
        .apply("customer totals", customer_totals)
        .write("totals", options.total_sink()?);
    Ok(())
}

fn main() -> ExitCode {
    if std::env::args_os().len() == 1 { demo::run() } else { purlin::main(build) }
}
