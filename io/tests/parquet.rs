//! Parquet through the public contracts: what is written is read, in pieces, in part, and when something is wrong.

use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use arrow_array::{ArrayRef, Int32Array, Int64Array, RecordBatch, StringArray, TimestampSecondArray};
use futures::executor::block_on;
use parquet::arrow::ArrowWriter;
use parquet::basic::Encoding;
use parquet::file::properties::WriterProperties;
use purlin_derive::Row;
use purlin_io::parquet::{Compression, ParquetSink, ParquetSource, Predicate, col};
use purlin_model::bundle::Bundle;
use purlin_model::row::Row;
use purlin_model::sink::{Sink, SinkRun};
use purlin_model::source::{Progress, Source, SplitRequest};
use purlin_model::{BoxError, Element, Timestamp};
use serde::{Deserialize, Serialize};
use tempfile::TempDir;

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, Row)]
#[row(crate = "purlin_model")]
struct Order {
    customer: i64,
    amount: i64,
    at: Timestamp,
}

fn orders(numbers: std::ops::Range<i64>) -> Vec<Order> {
    numbers.map(|n| Order { customer: n % 7, amount: n, at: Timestamp::from_millis(n * 1_000) }).collect()
}

fn dir() -> TempDir {
    tempfile::tempdir().unwrap()
}

fn text(path: &Path) -> String {
    path.to_str().unwrap().to_owned()
}

/// Writes with one worker per slice and publishes.
fn write<T: Row + Element>(sink: &ParquetSink<T>, workers: &[&[T]]) {
    block_on(async {
        sink.begin(&SinkRun::once("test")).await.unwrap();
        let mut staged = Vec::new();
        for (worker, rows) in workers.iter().enumerate() {
            let mut writer = sink.open(worker).await.unwrap();
            let mut bundle = Bundle::new();
            for chunk in rows.chunks(1_000) {
                bundle.fill(chunk.iter().cloned());
                writer.write(&mut bundle).await.unwrap();
                assert!(bundle.is_empty());
            }
            staged.extend(writer.stage().await.unwrap());
            assert!(writer.stage().await.unwrap().is_none(), "nothing new to stage");
        }
        sink.publish(staged).await.unwrap();
    });
}

/// A published folder of one file in row groups of `group` rows.
fn written(dir: &TempDir, rows: &[Order], group: usize) -> String {
    let path = text(&dir.path().join("orders.parquet"));
    write(&ParquetSink::new(&path).row_group_rows(group), &[rows]);
    path
}

fn splits<T: Row + Element>(
    source: &ParquetSource<T>,
    desired: usize,
) -> Result<Vec<<ParquetSource<T> as Source>::Split>, BoxError> {
    block_on(source.splits(SplitRequest { desired, bounded: true }))
}

fn read<T: Row + Element>(source: ParquetSource<T>, desired: usize) -> Result<Vec<T>, BoxError> {
    let mut rows = Vec::new();
    for split in splits(&source, desired)? {
        let mut reader = block_on(source.open(split))?;
        let mut bundle = Bundle::new();
        loop {
            let progress = block_on(reader.read(&mut bundle))?;
            rows.extend(bundle.drain().map(|(row, _)| row));
            if progress == Progress::End {
                break;
            }
        }
    }
    Ok(rows)
}

fn error<T: Row + Element>(path: impl Into<String>) -> String {
    read(ParquetSource::<T>::new(path), 4).err().expect("an error").to_string()
}

/// One file written by the arrow crate: what another program might have made.
fn foreign(dir: &TempDir, name: &str, columns: Vec<(&str, ArrayRef)>) -> PathBuf {
    let path = dir.path().join(name);
    let batch = RecordBatch::try_from_iter(columns).unwrap();
    let mut writer = ArrowWriter::try_new(File::create(&path).unwrap(), batch.schema(), None).unwrap();
    writer.write(&batch).unwrap();
    writer.close().unwrap();
    path
}

fn part_in(folder: &str) -> PathBuf {
    fs::read_dir(folder).unwrap().next().unwrap().unwrap().path()
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, Row)]
#[row(crate = "purlin_model")]
struct Everything {
    i8: i8,
    i16: i16,
    i32: i32,
    i64: i64,
    u8: u8,
    u16: u16,
    u32: u32,
    u64: u64,
    f32: f32,
    f64: f64,
    bool: bool,
    at: Timestamp,
    string: String,
    shared: Arc<str>,
    bytes: Vec<u8>,
    maybe_u64: Option<u64>,
    maybe_at: Option<Timestamp>,
    maybe_text: Option<String>,
    maybe_bool: Option<bool>,
}

fn everything(n: i64) -> Everything {
    let ends = [n, i64::MIN + n, i64::MAX - n][n as usize % 3];
    Everything {
        i8: ends as i8,
        i16: ends as i16,
        i32: ends as i32,
        i64: ends,
        u8: ends as u8,
        u16: ends as u16,
        u32: ends as u32,
        u64: ends as u64,
        f32: n as f32 / 3.0,
        f64: -n as f64 / 7.0,
        bool: n % 2 == 0,
        at: Timestamp::from_millis(n - 10_000),
        string: format!("größe {}", n % 100),
        shared: format!("unique {n}").into(),
        bytes: vec![n as u8; n as usize % 5],
        maybe_u64: (n % 3 != 0).then_some(ends as u64),
        maybe_at: (n % 5 != 0).then(|| Timestamp::from_millis(n)),
        maybe_text: (n % 7 != 0).then(|| n.to_string()),
        maybe_bool: (n % 11 != 0).then_some(n % 2 == 0),
    }
}

#[test]
fn every_type_survives_under_every_compression() {
    let rows: Vec<_> = (0..20_000).map(everything).collect();
    for compression in [Compression::Zstd(1), Compression::Zstd(9), Compression::Snappy, Compression::None] {
        let dir = dir();
        let path = text(&dir.path().join("out.parquet"));
        let sink = ParquetSink::new(&path).compression(compression).row_group_rows(7_000);
        write(&sink, &[&rows[..12_345], &[], &rows[12_345..]]);
        assert_eq!(fs::read_dir(&path).unwrap().count(), 2, "a worker without rows leaves no file");
        assert_eq!(read(ParquetSource::<Everything>::new(&path), 4).unwrap(), rows, "{compression:?}");
        assert_eq!(read(ParquetSource::<Everything>::new(format!("{path}/part-*.parquet")), 4).unwrap(), rows);
    }
}

#[test]
fn columns_beyond_the_row_and_their_order_do_not_matter() {
    let dir = dir();
    let path = foreign(
        &dir,
        "wide.parquet",
        vec![
            ("at", Arc::new(TimestampSecondArray::from(vec![1, 2]))),
            ("note", Arc::new(StringArray::from(vec!["a", "b"]))),
            ("amount", Arc::new(Int32Array::from(vec![10, 20]))),
            ("customer", Arc::new(Int64Array::from(vec![Some(1), Some(2)]))),
        ],
    );
    let expected: Vec<_> =
        [1, 2].map(|n| Order { customer: n, amount: n * 10, at: Timestamp::from_millis(n * 1_000) }).into();
    assert_eq!(read(ParquetSource::<Order>::new(text(&path)), 1).unwrap(), expected);
    let filtered = ParquetSource::<Order>::new(text(&path)).filter(col("note").eq("b"));
    assert_eq!(read(filtered, 1).unwrap(), expected[1..], "a column that the row has not may be compared");
}

#[test]
fn columns_that_do_not_fit_are_named_with_their_file() {
    let dir = dir();
    let numbers = || Arc::new(Int64Array::from(vec![1, 2])) as ArrayRef;
    let at = || Arc::new(TimestampSecondArray::from(vec![1, 2])) as ArrayRef;

    let missing = foreign(&dir, "missing.parquet", vec![("customer", numbers()), ("at", at())]);
    let message = error::<Order>(text(&missing));
    assert!(message.contains("missing.parquet` does not fit the row type: there is no column `amount`"), "{message}");

    let words = Arc::new(StringArray::from(vec!["1", "2"]));
    let wrong = foreign(&dir, "wrong.parquet", vec![("customer", numbers()), ("amount", words), ("at", at())]);
    let message = error::<Order>(text(&wrong));
    assert!(message.contains("wrong.parquet` does not fit the row type: column `amount` is Utf8"), "{message}");

    let message = error::<Order>(format!("{}/*.parquet", dir.path().display()));
    assert!(message.contains("missing.parquet`"), "{message}");
}

#[test]
fn a_null_is_named_with_its_column_and_its_row_in_the_file() {
    let dir = dir();
    let rows = 20_000;
    let path = dir.path().join("null.parquet");
    let amounts: Int64Array = (0..rows).map(|n| (n != 15_002).then_some(n)).collect();
    let batch = RecordBatch::try_from_iter(vec![
        ("customer", Arc::new(Int64Array::from_iter_values(0..rows)) as ArrayRef),
        ("amount", Arc::new(amounts) as ArrayRef),
        ("at", Arc::new(TimestampSecondArray::from_iter_values(0..rows)) as ArrayRef),
    ])
    .unwrap();
    let groups = WriterProperties::builder().set_max_row_group_row_count(Some(6_000)).build();
    let mut writer = ArrowWriter::try_new(File::create(&path).unwrap(), batch.schema(), Some(groups)).unwrap();
    writer.write(&batch).unwrap();
    writer.close().unwrap();

    for filter in [None, Some(col("customer").ge(3).and(col("customer").ne(15_001)))] {
        let mut source = ParquetSource::<Order>::new(text(&path));
        if let Some(filter) = filter {
            source = source.filter(filter);
        }
        let message = read(source, 1).unwrap_err().to_string();
        assert!(message.contains("null.parquet`, row 15002 of the file"), "{message}");
        assert!(message.contains("column `amount` is null"), "{message}");
    }
    let without = ParquetSource::<Order>::new(text(&path)).filter(col("amount").is_not_null());
    assert_eq!(read(without, 1).unwrap().len(), rows as usize - 1);
}

#[test]
fn what_is_no_whole_parquet_file_is_one_error_with_its_name() {
    let dir = dir();
    let whole = fs::read(part_in(&written(&dir, &orders(0..1_000), 100))).unwrap();
    let path = dir.path().join("bad.parquet");
    for content in [&b""[..], b"PAR1", b"customer,amount\n1,2\n", &whole[..whole.len() / 2], &whole[..whole.len() - 1]]
    {
        fs::write(&path, content).unwrap();
        let message = error::<Order>(text(&path));
        assert!(message.contains("bad.parquet` cannot be read as Parquet"), "{message}");
    }
    let message = error::<Order>(text(&dir.path().join("none.parquet")));
    assert!(message.contains("there is no file or folder") && message.contains("none.parquet"), "{message}");
    let message = error::<Order>(text(&dir.path().join("none-*.parquet")));
    assert!(message.contains("no file matches") && message.contains("none-*.parquet"), "{message}");
    fs::create_dir(dir.path().join("empty")).unwrap();
    let message = error::<Order>(text(&dir.path().join("empty")));
    assert!(message.contains("there is no Parquet file in `") && message.contains("empty`"), "{message}");
}

#[test]
fn splits_cover_every_row_once_however_many_are_desired() {
    let dir = dir();
    let rows = orders(0..300_000);
    for group in [20_000, 130_000, 1_000_000] {
        let path = text(&dir.path().join(format!("by-{group}.parquet")));
        write(&ParquetSink::new(&path).row_group_rows(group), &[&rows[..250_000], &rows[250_000..]]);
        for desired in 1..=16 {
            let source = ParquetSource::<Order>::new(&path);
            let count = splits(&source, desired).unwrap().len();
            assert!(count >= desired.min(4), "{count} of {desired} with groups of {group}");
            assert!(read(source, desired).unwrap() == rows, "{desired} desired, groups of {group}");
        }
    }
}

#[test]
fn a_read_is_resumed_behind_the_last_bundle() {
    let dir = dir();
    let rows = orders(0..200_000);
    let path = written(&dir, &rows, 150_000);
    for filter in [None, Some(col("amount").ge(9_000).and(col("customer").ne(3)))] {
        let source = |_| {
            let source = ParquetSource::<Order>::new(&path);
            filter.iter().cloned().fold(source, ParquetSource::filter)
        };
        let mut found = Vec::new();
        for mut split in splits(&source(()), 3).unwrap() {
            loop {
                // Opened by a source that was never launched, as after a restart.
                let source = source(());
                let mut reader = block_on(source.open(split)).unwrap();
                let mut bundle = Bundle::new();
                let progress = block_on(reader.read(&mut bundle)).unwrap();
                found.extend(bundle.drain().map(|(row, _)| row));
                split = reader.remaining();
                if progress == Progress::End {
                    let mut reader = block_on(source.open(split)).unwrap();
                    assert_eq!(block_on(reader.read(&mut bundle)).unwrap(), Progress::End);
                    assert!(bundle.is_empty());
                    break;
                }
            }
        }
        let wanted = |row: &&Order| filter.is_none() || row.amount >= 9_000 && row.customer != 3;
        assert!(found == rows.iter().filter(wanted).cloned().collect::<Vec<_>>());
    }
}

/// Packed differences of a writer whose block size is not known: the decoder may not be able to begin in their middle.
#[test]
fn packed_columns_of_unknown_writers_are_read_from_their_beginning() {
    let dir = dir();
    let rows = orders(0..300_000);
    let path = dir.path().join("unknown.parquet");
    let properties = WriterProperties::builder()
        .set_created_by("somebody".to_owned())
        .set_dictionary_enabled(false)
        .set_encoding(Encoding::DELTA_BINARY_PACKED)
        .build();
    let mut writer = ArrowWriter::try_new(File::create(&path).unwrap(), Order::schema(), Some(properties)).unwrap();
    writer.write(&Order::write_batch(&rows).unwrap()).unwrap();
    writer.close().unwrap();
    let source = ParquetSource::<Order>::new(text(&path));
    let [split] = splits(&source, 8).unwrap().try_into().unwrap();
    let mut reader = block_on(source.open(split)).unwrap();
    let mut bundle = Bundle::new();
    block_on(reader.read(&mut bundle)).unwrap();
    let mut reader = block_on(source.open(reader.remaining())).unwrap();
    while block_on(reader.read(&mut bundle)).unwrap() == Progress::More {}
    assert!(bundle.values() == rows);
}

#[test]
fn a_position_in_another_file_is_refused() {
    let dir = dir();
    let path = written(&dir, &orders(0..1_000), 1_000);
    let split = splits(&ParquetSource::<Order>::new(&path), 1).unwrap().remove(0);
    assert_eq!(split.to_string(), format!("{path}/part-00000-00000.parquet#0"));
    write(&ParquetSink::new(&path).overwrite(), &[&orders(0..999)]);
    let message = block_on(ParquetSource::<Order>::new(&path).open(split)).err().unwrap().to_string();
    assert!(message.contains("is not the file that this run was planned on"), "{message}");
}

#[test]
fn a_filter_skips_row_groups_and_gives_exactly_the_rows_that_match() {
    let dir = dir();
    let rows = orders(0..10_000);
    let path = written(&dir, &rows, 1_000);
    let at = |seconds: i64| Timestamp::from_millis(seconds * 1_000);
    let check = |filter: Predicate, groups: usize, matches: fn(&Order) -> bool| {
        let source = ParquetSource::<Order>::new(&path).filter(filter.clone());
        assert_eq!(splits(&source, 1).unwrap().len(), groups, "{filter}");
        let expected: Vec<_> = rows.iter().filter(|row| matches(row)).cloned().collect();
        assert_eq!(read(source, 1).unwrap(), expected, "{filter}");
    };
    check(col("amount").ge(8_500), 2, |row| row.amount >= 8_500);
    check(col("amount").gt(7_999).and(col("customer").eq(3)), 2, |row| row.amount > 7_999 && row.customer == 3);
    check(col("at").lt(at(1_000)).or(col("at").ge(at(9_999))), 2, |row| row.amount < 1_000 || row.amount == 9_999);
    check(col("amount").eq(5_000), 1, |row| row.amount == 5_000);
    check(col("amount").ne(5_000), 10, |row| row.amount != 5_000);
    check(col("amount").lt(0), 0, |_| false);
    check(col("customer").gt(6), 0, |_| false);
    check(col("customer").is_null(), 0, |_| false);
    check(col("customer").is_not_null(), 10, |_| true);
}

/// Against the same conditions in Rust, on every comparable type, with nulls, NaN and the ends of each type's range.
#[test]
fn filters_agree_with_rust_on_every_type() {
    let dir = dir();
    let path = text(&dir.path().join("out.parquet"));
    let mut rows: Vec<_> = (0..300).map(everything).collect();
    rows[7].f64 = f64::NAN;
    write(&ParquetSink::new(&path).row_group_rows(13), &[&rows]);

    macro_rules! check {
        ($column:ident, $literal:expr, $of:expr) => {
            check!(@ $column, $literal, $of, eq ==, ne !=, lt <, le <=, gt >, ge >=)
        };
        (@ $column:ident, $literal:expr, $of:expr, $($method:ident $op:tt),*) => {$({
            let filter = col(stringify!($column)).$method($literal.clone());
            let expected: Vec<_> =
                rows.iter().filter(|row| $of(row).is_some_and(|value| value $op $literal)).map(|row| &row.shared).collect();
            let found = read(ParquetSource::<Everything>::new(&path).filter(filter.clone()), 1).unwrap();
            assert_eq!(found.iter().map(|row| &row.shared).collect::<Vec<_>>(), expected, "{filter}");
        })*};
    }
    for probe in [&rows[1], &rows[140], &rows[299]].map(Everything::clone) {
        check!(i8, probe.i8, |row: &Everything| Some(row.i8));
        check!(i16, probe.i16, |row: &Everything| Some(row.i16));
        check!(i32, probe.i32, |row: &Everything| Some(row.i32));
        check!(i64, probe.i64, |row: &Everything| Some(row.i64));
        check!(u8, probe.u8, |row: &Everything| Some(row.u8));
        check!(u16, probe.u16, |row: &Everything| Some(row.u16));
        check!(u32, probe.u32, |row: &Everything| Some(row.u32));
        check!(u64, probe.u64, |row: &Everything| Some(row.u64));
        check!(i8, probe.i64, |row: &Everything| Some(i64::from(row.i8)));
        check!(f32, probe.f32, |row: &Everything| Some(row.f32));
        check!(f64, probe.f64, |row: &Everything| Some(row.f64));
        check!(bool, probe.bool, |row: &Everything| Some(row.bool));
        check!(at, probe.at, |row: &Everything| Some(row.at));
        check!(string, probe.string, |row: &Everything| Some(row.string.clone()));
        check!(maybe_u64, probe.u64, |row: &Everything| row.maybe_u64);
        check!(maybe_at, probe.at, |row: &Everything| row.maybe_at);
        check!(maybe_bool, probe.bool, |row: &Everything| row.maybe_bool);
        check!(maybe_text, probe.i64.to_string(), |row: &Everything| row.maybe_text.clone());
    }
}

#[test]
fn a_filter_that_makes_no_sense_is_an_error_at_launch() {
    let dir = dir();
    let path = written(&dir, &orders(0..10), 10);
    let message = |filter| splits(&ParquetSource::<Order>::new(&path).filter(filter), 1).unwrap_err().to_string();
    let missing = message(col("price").gt(1));
    assert!(missing.contains("there is no column `price`; the columns are customer, amount, at"), "{missing}");
    for (filter, kind) in [
        (col("amount").gt(1.5), "column `amount` is Int64, which is not compared with the float 1.5"),
        (col("amount").eq("1"), "column `amount` is Int64, which is not compared with the text \"1\""),
        (col("at").ge(5), "which is not compared with the integer 5"),
        (col("customer").eq(1).or(col("customer").eq(true)), "which is not compared with the bool true"),
    ] {
        let message = message(filter);
        assert!(message.contains(kind) && message.contains("part-00000-00000.parquet"), "{message}");
    }
}

#[test]
fn output_without_rows_still_says_what_its_columns_are() {
    let dir = dir();
    let path = written(&dir, &[], 10);
    assert_eq!(fs::read_dir(&path).unwrap().count(), 1);
    assert_eq!(read(ParquetSource::<Order>::new(&path), 4).unwrap(), []);
    assert!(error::<Everything>(path).contains("there is no column"));
}

#[test]
fn output_appears_when_published_and_not_when_aborted() {
    let dir = dir();
    let path = dir.path().join("out.parquet");
    let sink = ParquetSink::<Order>::new(text(&path));
    block_on(async {
        sink.begin(&SinkRun::once("test")).await.unwrap();
        let mut writer = sink.open(0).await.unwrap();
        writer.write(&mut Bundle::of(orders(0..10_000))).await.unwrap();
        writer.stage().await.unwrap();
        writer.write(&mut Bundle::of(orders(0..10_000))).await.unwrap();
        assert!(!path.exists());
        sink.discard().await.unwrap();
        assert_eq!(fs::read_dir(dir.path()).unwrap().count(), 0, "nothing is left");

        for staged in [Vec::new(), vec![orders(5..6)]] {
            sink.begin(&SinkRun::once("test")).await.unwrap();
            let mut files = Vec::new();
            for rows in staged {
                let mut writer = sink.open(0).await.unwrap();
                writer.write(&mut Bundle::of(rows)).await.unwrap();
                files.extend(writer.stage().await.unwrap());
            }
            let again = files.clone();
            sink.publish(files).await.unwrap();
            let before = fs::read(part_in(path.to_str().unwrap())).unwrap();
            sink.publish(again).await.unwrap();
            assert_eq!(fs::read(part_in(path.to_str().unwrap())).unwrap(), before, "publishing again changes nothing");
            assert!(sink.begin(&SinkRun::once("test")).await.unwrap_err().to_string().contains("exists already"));
            fs::remove_dir_all(&path).unwrap();
        }
    });
}

#[test]
fn a_writer_goes_on_after_staging() {
    let dir = dir();
    let path = text(&dir.path().join("out.parquet"));
    let sink = ParquetSink::<Order>::new(&path);
    block_on(async {
        sink.begin(&SinkRun::once("test")).await.unwrap();
        let mut writer = sink.open(0).await.unwrap();
        let mut staged = Vec::new();
        for start in [0, 10_000, 20_000] {
            writer.write(&mut Bundle::of(orders(start..start + 10_000))).await.unwrap();
            staged.extend(writer.stage().await.unwrap());
        }
        sink.publish(staged).await.unwrap();
    });
    assert!(read(ParquetSource::<Order>::new(&path), 1).unwrap() == orders(0..30_000));
}

#[test]
fn options_out_of_range_are_refused_before_anything_is_made() {
    let dir = dir();
    let sink = || ParquetSink::<Order>::new(text(&dir.path().join("out.parquet")));
    let message = |sink: ParquetSink<Order>| block_on(sink.begin(&SinkRun::once("test"))).unwrap_err().to_string();
    assert!(message(sink().compression(Compression::Zstd(99))).contains("levels 1 to 22, not 99"));
    assert!(message(sink().row_group_rows(0)).contains("at least one row"));
    assert_eq!(fs::read_dir(dir.path()).unwrap().count(), 0);
}

/// Damage is an error or goes unnoticed (pages have no checksum); it is never a panic, and never more rows than the footer says.
#[test]
fn damaged_files_never_panic() {
    let dir = dir();
    let rows: Vec<_> = (0..60).map(everything).collect();
    let mut random = 0x2545_F491_4F6C_DD1D_u64;
    let mut next = move |below: usize| {
        random ^= random << 13;
        random ^= random >> 7;
        random ^= random << 17;
        random as usize % below
    };
    for compression in [Compression::None, Compression::Zstd(1)] {
        let path = text(&dir.path().join(format!("{compression:?}.parquet")));
        write(&ParquetSink::new(&path).compression(compression).row_group_rows(25), &[&rows]);
        let whole = fs::read(part_in(&path)).unwrap();
        let damaged = dir.path().join("damaged.parquet");
        let read = |content: &[u8]| {
            fs::write(&damaged, content).unwrap();
            let filter = col("string").ge("größe").or(col("at").ge(Timestamp::from_millis(0)));
            let filtered = read(ParquetSource::<Everything>::new(text(&damaged)).filter(filter), 4);
            let plain = read(ParquetSource::<Everything>::new(text(&damaged)), 4);
            for error in [filtered.as_ref().err(), plain.as_ref().err()].into_iter().flatten() {
                assert!(error.to_string().contains("damaged.parquet"), "{error}");
            }
            plain
        };
        assert_eq!(read(&whole).unwrap(), rows);
        for length in (0..whole.len()).step_by(41) {
            assert!(read(&whole[..length]).is_err(), "cut to {length} of {} bytes", whole.len());
        }
        for _ in 0..1_500 {
            let mut content = whole.clone();
            for _ in 0..=next(4) {
                // Half of the damage goes to the footer's end of the file.
                let place = if next(2) == 0 { next(whole.len()) } else { whole.len() - 1 - next(whole.len() / 3) };
                content[place] = if next(2) == 0 { next(256) as u8 } else { content[place] ^ (1 << next(8)) };
            }
            let _ = read(&content);
        }
    }
}
