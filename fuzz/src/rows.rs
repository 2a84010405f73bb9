//! Rows with every kind of column, and files of them.

use std::fs;

use purlin_derive::Row;
use purlin_io::parquet::{Compression, ParquetSink};
use purlin_model::bundle::Bundle;
use purlin_model::sink::{Sink, SinkRun};
use purlin_model::{BoxError, Timestamp};
use serde::{Deserialize, Serialize};

/// A row.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, Row)]
#[row(crate = "purlin_model")]
pub struct Order {
    pub customer: String,
    pub amount: i64,
    pub small: Option<u8>,
    pub price: f64,
    pub paid: bool,
    pub bytes: Option<Vec<u8>>,
    pub at: Timestamp,
}

/// Small files by each compression, as the sink writes them.
pub async fn files() -> Result<Vec<Vec<u8>>, BoxError> {
    let mut files = Vec::new();
    for compression in [Compression::None, Compression::Snappy, Compression::Zstd(1)] {
        let folder = tempfile::tempdir()?;
        let sink = ParquetSink::new(folder.path().join("out")).compression(compression).row_group_rows(20);
        sink.begin(&SinkRun::once("seed")).await?;
        let mut writer = sink.open(0).await?;
        let mut bundle = Bundle::of((0..30).map(order).collect());
        writer.write(&mut bundle).await?;
        sink.publish(writer.stage().await?.into_iter().collect()).await?;
        for part in fs::read_dir(folder.path().join("out"))? {
            files.push(fs::read(part?.path())?);
        }
    }
    Ok(files)
}

fn order(number: i64) -> Order {
    Order {
        customer: ["a", "bb", "c"][number as usize % 3].into(),
        amount: number,
        small: (number % 4 > 0).then_some(number as u8),
        price: number as f64 / 3.0,
        paid: number % 2 == 0,
        bytes: (number % 5 > 0).then(|| vec![number as u8; 3]),
        at: Timestamp::from_millis(number * 1_000),
    }
}
