//! parquet
