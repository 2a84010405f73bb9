use purlin_model::sink::{Sink, SinkRun};
use serde::{Deserialize, Serialize};

use super::*;
use crate::text::{Compression, CsvSink, CsvSource, JsonLinesSink, JsonLinesSource, TextSink, TextSource};

/// Writes a bundle per worker and publishes.
fn run<S: Sink>(sink: &S, bundles: Vec<Vec<S::Item>>) -> Result<(), BoxError> {
    block_on(async {
        sink.begin(&SinkRun::once("test")).await?;
        let mut staged = Vec::new();
        for (worker, values) in bundles.into_iter().enumerate() {
            let mut writer = sink.open(worker).await?;
            let mut bundle = Bundle::of(values);
            writer.write(&mut bundle).await?;
            assert!(bundle.is_empty());
            staged.extend(writer.stage().await?);
        }
        sink.publish(staged).await
    })
}

fn files(dir: &Path) -> Vec<String> {
    let mut files: Vec<_> =
        fs::read_dir(dir).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
    files.sort();
    files
}

fn strings<const N: usize>(values: [&str; N]) -> Vec<String> {
    values.map(String::from).to_vec()
}

#[test]
fn lines_come_back() {
    let dir = tempfile::tempdir().unwrap();
    let cases = [
        ("out", None, "part-00000-00000.txt"),
        ("out.gz", None, "part-00000-00000.txt.gz"),
        ("out.zst", Some(Compression::None), "part-00000-00000.txt"),
        ("zipped/", Some(Compression::Gzip), "part-00000-00000.txt.gz"),
        ("zstd/", Some(Compression::Zstd), "part-00000-00000.txt.zst"),
    ];
    for (name, compression, first) in cases {
        let path = dir.path().join(name);
        let mut sink = TextSink::lines(&path);
        if let Some(compression) = compression {
            sink = sink.compression(compression);
        }
        run(&sink, vec![strings(["a", ""]), strings([]), strings(["ä"])]).unwrap();
        assert_eq!(files(&path), [first, &first.replacen("part-00000", "part-00002", 1)]);
        assert_eq!(read(&TextSource::lines(&path), 3).unwrap(), ["a", "", "ä"]);
    }
}

#[test]
fn a_writer_goes_on_after_it_has_staged() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("out");
    let sink = JsonLinesSink::new(&path);
    block_on(async {
        sink.begin(&SinkRun::once("test")).await.unwrap();
        let mut writer = sink.open(3).await.unwrap();
        let mut staged = Vec::new();
        assert_eq!(writer.stage().await.unwrap(), None);
        for i in 0..2 {
            writer.write(&mut Bundle::of(vec![(i, "x".to_string())])).await.unwrap();
            writer.write(&mut Bundle::of(vec![(i, "y".to_string())])).await.unwrap();
            staged.extend(writer.stage().await.unwrap());
        }
        writer.write(&mut Bundle::of(vec![(9, "lost".to_string())])).await.unwrap();
        sink.publish(staged).await.unwrap();
    });
    assert_eq!(files(&path), ["part-00003-00000.jsonl", "part-00003-00001.jsonl"]);
    let found = read(&JsonLinesSource::<(i32, String)>::new(&path), 1).unwrap();
    assert_eq!(found.iter().map(|(i, s)| format!("{i}{s}")).collect::<Vec<_>>(), ["0x", "0y", "1x", "1y"]);
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
struct Total {
    customer: i64,
    name: String,
    amount: Option<f64>,
}

fn total(customer: i64) -> Total {
    Total { customer, name: format!("a;b,\"{customer}\"\n"), amount: (customer % 2 == 0).then_some(0.5) }
}

#[test]
fn csv_comes_back_with_one_header_per_file() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("totals.csv");
    let sink = CsvSink::new(&path).delimiter(b';');
    block_on(async {
        sink.begin(&SinkRun::once("test")).await.unwrap();
        let mut writer = sink.open(0).await.unwrap();
        writer.write(&mut Bundle::of(vec![total(1)])).await.unwrap();
        writer.write(&mut Bundle::of(vec![total(2)])).await.unwrap();
        let staged = writer.stage().await.unwrap();
        sink.publish(staged.into_iter().collect()).await.unwrap();
    });
    let text = fs::read_to_string(path.join("part-00000-00000.csv")).unwrap();
    assert_eq!(text, "customer;name;amount\n1;\"a;b,\"\"1\"\"\n\";\n2;\"a;b,\"\"2\"\"\n\";0.5\n");
    assert_eq!(read(&CsvSource::<Total>::new(&path).delimiter(b';'), 1).unwrap(), [total(1), total(2)]);

    let headless = dir.path().join("headless");
    run(&CsvSink::new(&headless).without_header(), vec![vec![(1, 2)]]).unwrap();
    assert_eq!(fs::read_to_string(headless.join("part-00000-00000.csv")).unwrap(), "1,2\n");
}

#[test]
fn no_elements_are_an_empty_folder_and_that_an_empty_collection() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("none");
    run(&TextSink::lines(&path), vec![vec![], vec![]]).unwrap();
    assert!(files(&path).is_empty());
    assert!(read(&TextSource::lines(&path), 3).unwrap().is_empty());
}

#[test]
fn existing_output_is_refused_or_replaced() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("out");
    run(&TextSink::lines(&path), vec![strings(["old"])]).unwrap();
    let message = run(&TextSink::lines(&path), vec![strings(["new"])]).unwrap_err().to_string();
    assert!(message.contains("exists already"), "{message}");
    run(&TextSink::lines(&path).overwrite(), vec![strings(["new"])]).unwrap();
    assert_eq!(read(&TextSource::lines(&path), 1).unwrap(), ["new"]);
}

#[test]
fn an_aborted_run_leaves_nothing() {
    let dir = tempfile::tempdir().unwrap();
    let sink = TextSink::lines(dir.path().join("out"));
    block_on(async {
        sink.begin(&SinkRun::once("test")).await.unwrap();
        let mut writer = sink.open(0).await.unwrap();
        writer.write(&mut Bundle::of(strings(["a"]))).await.unwrap();
        writer.stage().await.unwrap();
        writer.write(&mut Bundle::of(strings(["b"]))).await.unwrap();
        sink.discard().await.unwrap();
    });
    assert!(files(dir.path()).is_empty());
}

#[test]
fn a_single_file_comes_back() {
    let dir = tempfile::tempdir().unwrap();
    for name in ["out.txt", "out.gz", "out.zst"] {
        let path = dir.path().join(name);
        run(&TextSink::lines(&path).single_file(), vec![strings(["a", ""]), strings([]), strings(["ä"])]).unwrap();
        assert!(path.is_file());
        assert_eq!(read(&TextSource::lines(&path), 3).unwrap(), ["a", "", "ä"]);

        run(&TextSink::lines(&path).single_file().overwrite(), vec![vec![], vec![]]).unwrap();
        assert!(path.is_file());
        assert!(read(&TextSource::lines(&path), 3).unwrap().is_empty(), "{name}");
    }
    assert_eq!(files(dir.path()), ["out.gz", "out.txt", "out.zst"]);
}
