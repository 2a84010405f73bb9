//! Text files through the erased interfaces that runners use: splits and staged files travel as bytes.

use futures::executor::block_on;
use purlin_io::memory::{MemorySink, MemorySource};
use purlin_io::text::{Compression, CsvSink, CsvSource, JsonLinesSink, JsonLinesSource, TextSink, TextSource};
use purlin_model::bundle::Bundle;
use purlin_model::sink::{BoxSink, Sink, SinkRun};
use purlin_model::source::{BoxSource, Progress, Source, SplitRequest};
use purlin_model::{Element, Failure};

/// A runner in a few lines: every bundle is read from the position behind the one before it, and a worker per split writes.
fn copy<T: Element>(from: impl Source<Item = T>, to: impl Sink<Item = T>) -> Result<(), Failure> {
    let (from, to) = (BoxSource::new(from), BoxSink::new(to));
    block_on(async {
        to.begin(&SinkRun::once("test")).await?;
        let mut staged = Vec::new();
        for (worker, mut split) in
            from.splits(SplitRequest { desired: 4, bounded: true }).await?.into_iter().enumerate()
        {
            let mut writer = to.open(worker).await?;
            let mut progress = Progress::More;
            while progress == Progress::More {
                let mut reader = from.open(split).await?;
                let mut bundle = Bundle::new();
                progress = reader.read(&mut bundle).await?;
                writer.write(&mut bundle).await?;
                split = reader.remaining();
            }
            staged.extend(writer.stage().await?);
        }
        to.publish(staged.clone()).await?;
        to.publish(staged).await?;
        Ok(())
    })
}

fn values() -> Vec<(u32, String)> {
    (0..5_000).map(|i| (i, format!("value, \"{i}\"\nand more"))).collect()
}

fn check_round_trip<T: Element + std::fmt::Debug + PartialEq>(
    values: Vec<T>,
    sink: impl Sink<Item = T>,
    source: impl Source<Item = T>,
) {
    copy(MemorySource::new(values.clone()), sink).unwrap();
    let results = MemorySink::new();
    copy(source, results.sink()).unwrap();
    assert!(results.take() == values);
}

#[test]
fn what_is_written_is_read_in_every_format() {
    let dir = tempfile::tempdir().unwrap();
    for (i, compression) in [Compression::None, Compression::Gzip, Compression::Zstd].into_iter().enumerate() {
        let path = |name: &str| dir.path().join(format!("{name}-{i}"));
        let lines = values().into_iter().map(|(i, _)| format!("line {i}")).collect();
        let (csv, json, text) = (path("csv"), path("jsonl"), path("txt"));
        check_round_trip(lines, TextSink::lines(&text).compression(compression), TextSource::lines(&text));
        check_round_trip(values(), JsonLinesSink::new(&json).compression(compression), JsonLinesSource::new(&json));
        let read_csv = CsvSource::new(&csv).without_header();
        check_round_trip(values(), CsvSink::new(&csv).compression(compression), read_csv);
    }
}

#[test]
fn several_folders_are_read_by_one_pattern() {
    let dir = tempfile::tempdir().unwrap();
    for day in ["monday", "tuesday"] {
        copy(MemorySource::new([day.to_string()]), TextSink::lines(dir.path().join(day))).unwrap();
    }
    let results = MemorySink::new();
    copy(TextSource::lines(dir.path().join("*day")), results.sink()).unwrap();
    assert_eq!(results.take(), ["monday", "tuesday"]);
}
