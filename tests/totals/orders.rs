//! The input, read by the bare Parquet reader: nothing of Purlin's stands between the file and the expectation.

use std::fs::File;
use std::path::{Path, PathBuf};

use arrow_array::cast::AsArray;
use arrow_array::types::{Int64Type, TimestampMillisecondType};
use arrow_array::{Array, PrimitiveArray, RecordBatch, types::ArrowPrimitiveType};
use parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;

/// One order: customer, amount, milliseconds of event time.
pub(crate) struct Order {
    pub(crate) customer: i64,
    pub(crate) amount: i64,
    pub(crate) at: i64,
}

/// Shows every order of a folder of Parquet files to `each`.
pub(crate) fn each_order(folder: &Path, mut each: impl FnMut(Order)) {
    for batch in batches(folder) {
        let (customers, amounts) = (column::<Int64Type>(&batch, "customer"), column::<Int64Type>(&batch, "amount"));
        let times = column::<TimestampMillisecondType>(&batch, "at");
        for row in 0..batch.num_rows() {
            let (customer, amount) = (customers.value(row), amounts.value(row));
            each(Order { customer, amount, at: times.value(row) });
        }
    }
}

/// All record batches of a folder of Parquet files.
pub(crate) fn batches(folder: &Path) -> impl Iterator<Item = RecordBatch> {
    let entries = std::fs::read_dir(folder).unwrap_or_else(|error| panic!("{}: {error}", folder.display()));
    let files: Vec<PathBuf> = entries.map(|entry| entry.expect("an entry").path()).collect();
    files.into_iter().flat_map(|path| {
        let file = File::open(&path).expect("a file");
        let reader = ParquetRecordBatchReaderBuilder::try_new(file).expect("a Parquet file").build().expect("a reader");
        reader.map(|batch| batch.expect("rows"))
    })
}

/// A column without nulls.
pub(crate) fn column<T: ArrowPrimitiveType>(batch: &RecordBatch, name: &str) -> PrimitiveArray<T> {
    let column = batch.column_by_name(name).unwrap_or_else(|| panic!("no column {name}"));
    let column = column.as_primitive::<T>();
    assert_eq!(column.null_count(), 0, "nulls in column {name}");
    column.clone()
}
