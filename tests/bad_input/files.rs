//! Files that are not there, not readable, not what they seem; outputs that cannot be made.

use std::fs::{self, File};
use std::sync::Arc;

use arrow_array::{ArrayRef, Int64Array, RecordBatch, StringArray, TimestampMillisecondArray};
use parquet::arrow::ArrowWriter;
use purlin_tests::Place;

use crate::refused::check_runners;

fn numbers(values: impl IntoIterator<Item = Option<i64>>) -> ArrayRef {
    Arc::new(Int64Array::from_iter(values))
}

fn times(values: Vec<i64>) -> ArrayRef {
    Arc::new(TimestampMillisecondArray::from(values).with_timezone("UTC"))
}

/// Writes a Parquet file of these columns.
fn parquet(place: &Place, name: &str, columns: Vec<(&str, ArrayRef)>) {
    let batch = RecordBatch::try_from_iter_with_nullable(
        columns.into_iter().map(|(name, column)| (name, column.clone(), column.null_count() > 0)),
    );
    let batch = batch.expect("columns of one length");
    let file = File::create(place.path(name)).expect("a file");
    let mut writer = ArrowWriter::try_new(file, batch.schema(), None).expect("a writer");
    writer.write(&batch).expect("rows are written");
    writer.close().expect("a footer is written");
}

#[test]
fn no_such_input() {
    let place = Place::new();
    check_runners(&place, "totals --input orders.parquet --output out", &["`orders`", "no file", "`orders.parquet`"]);
    check_runners(&place, "totals --input o*.parquet --output out", &["no file matches", "`o*.parquet`"]);
    fs::create_dir(place.path("empty")).expect("a folder");
    check_runners(&place, "totals --input empty --output out", &["no Parquet file", "`empty`"]);
}

#[test]
fn columns_that_do_not_fit() {
    let place = Place::new();
    let (ones, at) = (|| numbers([Some(1), Some(2)]), || times(vec![1, 2]));
    let words: ArrayRef = Arc::new(StringArray::from(vec!["one", "two"]));
    parquet(&place, "wrong-type", vec![("customer", ones()), ("amount", words), ("at", at())]);
    parquet(&place, "missing", vec![("customer", ones()), ("at", at())]);
    parquet(&place, "null", vec![("customer", ones()), ("amount", numbers([Some(1), None])), ("at", at())]);
    parquet(&place, "fits", vec![("customer", ones()), ("amount", ones()), ("at", at())]);
    let check = |input: &str, facts: &[&str]| {
        check_runners(&place, &format!("totals --input {input} --output out"), &[&[input], facts].concat());
    };
    check("wrong-type", &["`amount`", "Utf8", "Int64"]);
    check("missing", &["`amount`"]);
    check("null", &["`amount`", "row 1", "null"]);
    place.ok("totals --input fits --output out");
}

#[test]
fn no_timestamp_that_an_element_may_have() {
    let place = Place::new();
    let far = times(vec![0, i64::MAX]);
    let ones = || numbers([Some(1), Some(2)]);
    parquet(&place, "orders", vec![("customer", ones()), ("amount", ones()), ("at", far)]);
    let facts = ["`orders`", "9223372036854775807", "milliseconds"];
    check_runners(&place, "totals --input orders --output out", &facts);
}

#[test]
fn files_that_are_damaged() {
    let place = Place::new();
    place.ok("totals --generate 50000 --output whole --parallelism 1");
    let whole = fs::read(place.path("whole").join("part-00000-00000.parquet")).expect("a part");
    place.write("cut", &whole[..whole.len() / 2]);
    place.write("short", b"PAR1");
    place.write("text.parquet", "customer,amount,at\n1,2,3\n");
    place.write("nothing.parquet", "");
    let mut hurt = whole.clone();
    let middle = hurt.len() / 2;
    hurt[middle - 2000..middle + 2000].fill(0xAA);
    place.write("hurt", &hurt);
    for input in ["cut", "short", "text.parquet", "nothing.parquet", "hurt"] {
        let quoted = format!("`{input}`");
        let line = format!("totals --input {input} --output out");
        check_runners(&place, &line, &[&quoted, "cannot be read as Parquet", "write it again"]);
    }
}

#[test]
fn outputs_that_cannot_be_made() {
    let place = Place::new();
    place.ok("totals --generate 10 --output orders");
    check_runners(
        &place,
        "totals --input orders --output no/such/out",
        &["`no/such/out`", "no folder `no/such`", "create it"],
    );
    check_runners(
        &place,
        "totals --input orders --output orders",
        &["`orders`", "exists already", "choose another path"],
    );
    place.write("file", "mine");
    check_runners(&place, "totals --input orders --output file", &["`file`", "exists already"]);
    check_runners(&place, "totals --input orders --output file/out", &["`file/out`"]);
    assert_eq!(fs::read_to_string(place.path("file")).ok().as_deref(), Some("mine"));
}

#[test]
fn text_that_is_not_what_it_seems() {
    let place = Place::new();
    place.write("latin", b"caf\xe9\n");
    check_runners(&place, "wordcount --input latin --output out", &["latin line 1", "utf-8"]);
    place.write("broken.gz", b"\x1f\x8b\x08\x00 but no more");
    check_runners(&place, "wordcount --input broken.gz --output out", &["`broken.gz`"]);
    place.write("customers.csv", "id,name\n1,Ann\n");
    place.write("orders.csv", "customer,amount,currency\n1,5,EUR\n");
    let line = "enrich --orders orders.csv --customers customers.csv --rates rates.csv --output out";
    place.write("rates.csv", "currency,euros\nEUR,one\n");
    check_runners(&place, line, &["`rates", "euros"]);
}

/// Integer columns of a folder of Parquet files as rows, sorted.
pub(crate) fn rows<const N: usize>(place: &Place, folder: &str, columns: &[&str; N]) -> Vec<[i64; N]> {
    use arrow_array::{cast::AsArray, types::Int64Type};
    use parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;
    let mut rows = Vec::new();
    for entry in fs::read_dir(place.path(folder)).expect("a folder") {
        let file = File::open(entry.expect("an entry").path()).expect("a file");
        for batch in ParquetRecordBatchReaderBuilder::try_new(file).expect("Parquet").build().expect("a reader") {
            let batch = batch.expect("rows");
            let columns = columns.map(|name| batch[name].as_primitive::<Int64Type>().clone());
            rows.extend((0..batch.num_rows()).map(|row| columns.each_ref().map(|column| column.value(row))));
        }
    }
    rows.sort();
    rows
}
