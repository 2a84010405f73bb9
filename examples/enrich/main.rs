//! Enrich: CSV in, a join and a side input, Parquet out.
//!
//! Orders in several currencies are converted by a table of rates (a side input), joined with customers' names, and written as Parquet;
//! orders of unknown customers keep an empty name.

use std::path::PathBuf;
use std::process::ExitCode;

use purlin::io::parquet::ParquetSink;
use purlin::io::text::CsvSource;
use purlin::prelude::*;
use serde::{Deserialize, Serialize};

/// Convert orders to euros and add customers' names.
#[derive(clap::Args)]
struct Options {
    /// Orders as CSV with columns customer, amount, currency.
    #[arg(long, value_name = "PATH")]
    orders: String,

    /// Customers as CSV with columns id, name.
    #[arg(long, value_name = "PATH")]
    customers: String,

    /// Exchange rates as CSV with columns currency, euros.
    #[arg(long, value_name = "PATH")]
    rates: String,

    /// A folder of Parquet files that appears when the run has succeeded.
    #[arg(long, value_name = "PATH")]
    output: PathBuf,
}

#[derive(Clone, Serialize, Deserialize)]
struct Order {
    customer: i64,
    amount: f64,
    currency: String,
}

#[derive(Clone, Serialize, Deserialize)]
struct Customer {
    id: i64,
    name: String,
}

#[derive(Clone, Serialize, Deserialize)]
struct Rate {
    currency: String,
    euros: f64,
}

#[derive(Clone, Serialize, Deserialize, Row)]
struct Enriched {
    customer: i64,
    name: Option<String>,
    euros: f64,
}

fn build(options: &Options, pipeline: &Pipeline) -> Result<(), Failure> {
    let rates = pipeline
        .read("rates", CsvSource::<Rate>::new(&options.rates))
        .map("rate", |rate| (rate.currency, rate.euros))
        .as_map();
    let names = pipeline
        .read("customers", CsvSource::<Customer>::new(&options.customers))
        .map("name", |customer| (customer.id, customer.name));
    let unknown_currencies = pipeline.counter("orders in an unknown currency");

    pipeline
        .read("orders", CsvSource::<Order>::new(&options.orders))
        .flat_map_with("to euros", &rates, move |order, rates| {
            let rate = rates.get(&order.currency);
            if rate.is_none() {
                unknown_currencies.increment();
            }
            rate.map(|rate| (order.customer, order.amount * rate))
        })
        .left_join("with name", &names)
        .map("row", |(customer, (euros, name))| Enriched { customer, name, euros })
        .write("enriched", ParquetSink::<Enriched>::new(&options.output));
    Ok(())
}

fn main() -> ExitCode {
    purlin::main(build)
}
