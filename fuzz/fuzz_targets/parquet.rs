//! Parquet files: anything, read as rows, with a filter and without, is rows or an error.
#![no_main]

use std::cell::LazyCell;

use libfuzzer_sys::fuzz_target;
use purlin_fuzz::block_on;
use purlin_fuzz::files::Folder;
use purlin_fuzz::rows::Order;
use purlin_io::parquet::{ParquetSource, col};
use purlin_model::BoxError;
use purlin_model::bundle::Bundle;
use purlin_model::source::{Progress, Source, SplitRequest};

/// What a file of a few kilobytes can claim to hold is more than anyone can read in the time.
const BUNDLES_MAX: usize = 50;

thread_local! {
    static FOLDER: LazyCell<Folder> = LazyCell::new(Folder::default);
}

// Panics of the Parquet crate are caught and become errors; one that is not still ends the run, by its own stack.
fuzz_target!(init: std::panic::set_hook(Box::new(|_| {})), |file: &[u8]| {
    let path = FOLDER.with(|folder| folder.write("input.parquet", file)).display().to_string();
    let _ = block_on(read(ParquetSource::<Order>::new(&path)));
    let filter = col("amount").gt(3).and(col("customer").ne("c"));
    let _ = block_on(read(ParquetSource::<Order>::new(&path).filter(filter)));
});

async fn read(source: ParquetSource<Order>) -> Result<(), BoxError> {
    for split in source.splits(SplitRequest { desired: 2, bounded: true }).await? {
        let mut reader = source.open(split).await?;
        let mut bundle = Bundle::new();
        for _ in 0..BUNDLES_MAX {
            if reader.read(&mut bundle).await? == Progress::End {
                break;
            }
            bundle.drain().for_each(drop);
        }
    }
    Ok(())
}
