//! The small examples: exact results on every runner.

use std::collections::HashMap;
use std::fs::{self, File};
use std::io::Write;

use arrow_array::Array;
use arrow_array::cast::AsArray;
use arrow_array::types::{Float64Type, Int64Type};
use flate2::Compression;
use flate2::write::GzEncoder;
use parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;
use purlin_tests::Place;

const RUNNERS: [&str; 4] = ["batch", "stream", "stream --parallelism 3", "reference"];

fn gz(text: &str) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::fast());
    encoder.write_all(text.as_bytes()).expect("memory to write to");
    encoder.finish().expect("memory to write to")
}

#[test]
fn wordcount() {
    let place = Place::new();
    place.write("a.txt", "To be, or not to be:\nthat is the question.\n");
    place.write("b.txt.gz", gz("Whether 'tis nobler\r\nto be\r\n"));
    // The last line without an end; an empty file; a line of no words.
    place.write("c.txt", "ÄRGER is\n--\nnot NOT");
    place.write("d.txt", "");
    let expected = [
        "'tis: 1",
        "be: 3",
        "is: 2",
        "nobler: 1",
        "not: 3",
        "or: 1",
        "question: 1",
        "that: 1",
        "the: 1",
        "to: 3",
        "whether: 1",
        "ärger: 1",
    ];
    for (number, runner) in RUNNERS.iter().enumerate() {
        place.ok(&format!("wordcount --input *.txt* --output counts-{number} --runner {runner}"));
        assert_eq!(place.lines(&format!("counts-{number}")), expected, "{runner}");
    }
}

#[test]
fn wordcount_of_a_large_compressed_file() {
    let place = Place::new();
    let text: String = (0..50_000).map(|n| format!("word{} all\n", n % 100)).collect();
    place.write("large.txt.gz", gz(&text));
    place.write("large.txt", &text);
    let mut expected: Vec<String> = (0..100).map(|n| format!("word{n}: 1000")).collect();
    expected.push("all: 100000".into());
    expected.sort();
    for (number, runner) in ["batch", "batch --memory-limit 1KB", "stream"].iter().enumerate() {
        place.ok(&format!("wordcount --input large.* --output counts-{number} --runner {runner}"));
        assert_eq!(place.lines(&format!("counts-{number}")), expected, "{runner}");
    }
}

#[test]
fn wordcount_of_nothing() {
    let place = Place::new();
    place.write("empty.txt", "");
    for (number, runner) in RUNNERS.iter().enumerate() {
        place.ok(&format!("wordcount --input empty.txt --output counts-{number} --runner {runner}"));
        assert!(place.lines(&format!("counts-{number}")).is_empty(), "{runner}");
    }
}

/// Customer, name if known, euros in cents.
type Row = (i64, Option<String>, i64);

fn enriched(place: &Place, folder: &str) -> Vec<Row> {
    let mut rows = Vec::new();
    for entry in fs::read_dir(place.path(folder)).expect("a folder") {
        let file = File::open(entry.expect("an entry").path()).expect("a file");
        for batch in ParquetRecordBatchReaderBuilder::try_new(file).expect("Parquet").build().expect("a reader") {
            let batch = batch.expect("rows");
            let customers = batch["customer"].as_primitive::<Int64Type>();
            let (names, euros) = (batch["name"].as_string::<i32>(), batch["euros"].as_primitive::<Float64Type>());
            rows.extend((0..batch.num_rows()).map(|row| {
                let name = names.is_valid(row).then(|| names.value(row).to_string());
                (customers.value(row), name, (euros.value(row) * 100.0).round() as i64)
            }));
        }
    }
    rows.sort();
    rows
}

#[test]
fn enrich() {
    let place = Place::new();
    place.write("customers.csv", "id,name\n1,Ann\n2,\"Bo \"\"the\"\" Great, Jr.\"\n9,Nobody\n");
    place.write("rates.csv.gz", gz("currency,euros\nEUR,1\nCHF,1.05\n"));
    place.write("orders.csv", "customer,amount,currency\n1,10,EUR\n1,20,CHF\n2,1.5,EUR\n3,7,EUR\n2,100,ZZZ\n");
    let (ann, bo) = (Some("Ann".to_string()), Some("Bo \"the\" Great, Jr.".to_string()));
    let expected = [(1, ann.clone(), 1000), (1, ann, 2100), (2, bo, 150), (3, None, 700)];
    for (number, runner) in RUNNERS.iter().enumerate() {
        place.ok(&format!(
            "enrich --orders orders.csv --customers customers.csv --rates rates.csv.gz --output out-{number} --runner {runner}"
        ));
        assert_eq!(enriched(&place, &format!("out-{number}")), expected, "{runner}");
    }
}

/// Accounts of many transactions in no order, in several files; what is an alert is told by a plain loop.
#[test]
fn fraud() {
    let place = Place::new();
    let mut transactions: Vec<(i64, i64, i64)> = Vec::new();
    for n in 0..3000_i64 {
        // Amounts of 1 to 10,000 cents, most of them small; the times of an account are all different.
        let mixed = n.wrapping_mul(2_654_435_761).rem_euclid(1_000_003);
        transactions.push((mixed % 40, 1 + 10_i64.pow((mixed / 40 % 5) as u32) * (mixed % 7 + 3) / 10, n * 50));
    }
    let mut expected = Vec::new();
    let mut last = HashMap::new();
    for (account, amount, at) in &transactions {
        if let Some(before) = last.insert(account, amount).filter(|before| *amount > *before * 10) {
            expected.push(format!("{{\"account\":{account},\"at\":{at},\"amount\":{amount},\"before\":{before}}}"));
        }
    }
    expected.sort();
    assert!(expected.len() > 100, "{}", expected.len());
    // Within a file the times are in no order.
    transactions.sort_by_key(|(_, _, at)| at.wrapping_mul(40_503).rem_euclid(65_537));
    std::fs::create_dir(place.path("in")).expect("a folder");
    for (number, some) in transactions.chunks(700).enumerate() {
        let lines = some
            .iter()
            .map(|(account, amount, at)| format!("{{\"account\":{account},\"amount\":{amount},\"at\":{at}}}\n"));
        place.write(&format!("in/{number}.json"), lines.collect::<String>());
    }
    for (number, runner) in ["batch", "batch --parallelism 4", "stream", "stream --parallelism 4"].iter().enumerate() {
        place.ok(&format!("fraud --input in --format json --output out-{number} --runner {runner}"));
        assert_eq!(place.lines(&format!("out-{number}")), expected, "{runner}");
    }
    // The same from CSV, with alerts as CSV.
    let rows = transactions.iter().map(|(account, amount, at)| format!("{account},{amount},{at}\n"));
    place.write("all.csv", format!("account,amount,at\n{}", rows.collect::<String>()));
    place.ok("fraud --input all.csv --format csv --output alerts --runner stream");
    let alerts = place.lines("alerts").iter().filter(|line| !line.starts_with("account")).count();
    assert_eq!(alerts, expected.len());
    let refused = place.run("fraud --input all.csv");
    assert_eq!(refused.code, Some(2));
    assert!(refused.stderr.contains("--output PATH"), "{}", refused.stderr);
}

#[test]
fn totals_without_arguments_is_a_demonstration() {
    let told = Place::new().ok("totals");
    assert!(told.contains("Both runners agree."), "{told}");
}

#[test]
fn help_begins_with_what_the_program_does() {
    let place = Place::new();
    assert!(place.ok("wordcount --help").starts_with("Count the words in text files\n"));
    assert!(place.ok("nexmark -h").starts_with("Run a Nexmark query"));
}

#[test]
fn resolve() {
    let place = Place::new();
    // `.invalid` is promised never to be a name (RFC 6761).
    place.write("hosts", "localhost\n 127.0.0.1\n\nlocalhost\nnobody.invalid\n");
    for (number, runner) in RUNNERS.iter().enumerate() {
        let (output, failed) = (format!("addresses-{number}"), format!("failed-{number}"));
        place.ok(&format!("resolve --hosts hosts --output {output} --failed {failed} --attempts 2 --runner {runner}"));
        let found = place.lines(&output);
        assert_eq!(found.len(), 2, "{runner}: {found:?}");
        assert_eq!(found[0], r#"{"host":"127.0.0.1","addresses":["127.0.0.1"]}"#, "{runner}");
        assert!(found[1].starts_with(r#"{"host":"localhost","addresses":[""#), "{runner}: {found:?}");
        let failed = place.lines(&failed);
        assert_eq!(failed.len(), 1, "{runner}: {failed:?}");
        assert!(failed[0].starts_with(r#"{"element":"nobody.invalid","error":""#), "{runner}: {failed:?}");
        assert!(failed[0].ends_with(r#", at attempt 2 of 2"}"#), "{runner}: {failed:?}");
    }
}
