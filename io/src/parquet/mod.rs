//! Parquet files, both ways: a [`Row`](purlin_model::row::Row) type names the columns.
//!
//! Reading goes from the footer inwards. Launch reads each file's footer once, checks its columns against the row type,
//! drops the row groups that a [filter](ParquetSource::filter) cannot match, and cuts the rest into splits. A reader then
//! decodes only the columns that are needed, a batch at a time, and turns each batch into structs.
//!
//! ```no_run
//! use purlin_derive::Row;
//! use purlin_io::parquet::{ParquetSink, ParquetSource, col};
//! use purlin_model::{Pipeline, Timestamp};
//! use serde::{Deserialize, Serialize};
//!
//! #[derive(Clone, Serialize, Deserialize, Row)]
//! # #[row(crate = "purlin_model")]
//! struct Order {
//!     customer: i64,
//!     amount: i64,
//!     at: Timestamp,
//! }
//!
//! let pipeline = Pipeline::new();
//! pipeline
//!     .read("orders", ParquetSource::<Order>::new("orders/*.parquet").filter(col("amount").gt(0)).event_time(|o| o.at))
//!     .write("paid", ParquetSink::new("paid.parquet"));
//! ```
//!
//! A file that is damaged, cut short or no Parquet file at all is one error that names it, [`ParquetError`]. The decoder
//! underneath panics on some damage; that is caught and becomes the same error.
//!
//! # Reading the output elsewhere
//!
//! The sink's output is a folder of `part-….parquet` files, as every engine that writes in parallel makes it, whatever its name:
//!
//! | tool | `paid.parquet` written by a pipeline |
//! |---|---|
//! | DuckDB | `select * from 'paid.parquet/*.parquet'` |
//! | Polars | `pl.scan_parquet("paid.parquet/")` |
//! | pyarrow, pandas | `pyarrow.parquet.read_table("paid.parquet")`, `pandas.read_parquet("paid.parquet")` |
//! | Spark | `spark.read.parquet("paid.parquet")` |
//! | Purlin | `ParquetSource::new("paid.parquet")` |

mod dictionary;
mod error;
mod file;
mod footer;
mod predicate;
mod reader;
mod sink;
mod source;
mod split;
mod writer;

pub use crate::files::{FileError, StagedFiles};
pub use error::ParquetError;
pub use predicate::{Column, Literal, Predicate, col};
pub use sink::{Compression, ParquetSink};
pub use source::ParquetSource;
pub use split::ParquetSplit;
