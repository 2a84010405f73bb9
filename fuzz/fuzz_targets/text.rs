//! Files of text, CSV and JSON lines, plain and compressed: with dead letters nothing fails but what cannot be unpacked or is too long, and
//! a reader that is replaced at every bundle gives what one reader gives.
#![no_main]

use std::cell::LazyCell;
use std::fmt::Debug;

use libfuzzer_sys::fuzz_target;
use purlin_fuzz::block_on;
use purlin_fuzz::files::Folder;
use purlin_fuzz::parts::next_byte;
use purlin_io::DeadLetter;
use purlin_io::text::{CsvSource, JsonLinesSource, TextSource};
use purlin_model::bundle::Bundle;
use purlin_model::source::{Progress, Source, SplitRequest};
use purlin_model::{BoxError, Element, Timestamp};
use serde::{Deserialize, Serialize};

/// So that long records are reached.
const RECORD_BYTES_MAX: usize = 600;

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
struct Order {
    customer: i64,
    amount: Option<f64>,
    note: String,
    #[serde(default)]
    at: Timestamp,
}

type Row = (String, Option<u32>, char);

thread_local! {
    static FOLDER: LazyCell<Folder> = LazyCell::new(Folder::default);
}

fuzz_target!(|input: &[u8]| {
    let mut contents = input;
    let how = next_byte(&mut contents);
    let name = ["input", "input.gz", "input.zst", "input"][usize::from(how >> 6)];
    let path = FOLDER.with(|folder| folder.write(name, contents));
    let is_plain = name == "input";
    match how % 6 {
        0 => check(TextSource::lines(path).max_line_bytes(RECORD_BYTES_MAX).or_dead_letter(), is_plain),
        1 => check(JsonLinesSource::<Order>::new(path).max_line_bytes(RECORD_BYTES_MAX).or_dead_letter(), is_plain),
        2 => check(
            JsonLinesSource::<serde_json::Value>::new(path).max_line_bytes(RECORD_BYTES_MAX).or_dead_letter(),
            is_plain,
        ),
        3 => check(CsvSource::<Order>::new(path).max_record_bytes(RECORD_BYTES_MAX).or_dead_letter(), is_plain),
        4 => check(
            CsvSource::<Row>::new(path)
                .without_header()
                .delimiter(b';')
                .max_record_bytes(RECORD_BYTES_MAX)
                .or_dead_letter(),
            is_plain,
        ),
        _ => check(CsvSource::<Vec<String>>::new(path).max_record_bytes(RECORD_BYTES_MAX).or_dead_letter(), is_plain),
    }
});

fn check<T: Element + Debug>(source: impl Source<Item = Result<T, DeadLetter>>, is_plain: bool) {
    let (one, error) = read(&source, false);
    if let Some(error) = error {
        let is_too_long = error.to_string().contains(&RECORD_BYTES_MAX.to_string());
        assert!(is_too_long || !is_plain, "{error}");
        return;
    }
    let (again, error) = read(&source, true);
    assert!(error.is_none(), "{error:?}");
    assert_eq!(format!("{again:?}"), format!("{one:?}"), "a reader that is replaced goes on where it was");
}

/// What is read, until something fails. `replaced`: by a reader that is opened anew for each bundle.
fn read<S: Source>(source: &S, replaced: bool) -> (Vec<S::Item>, Option<BoxError>) {
    let mut read = Vec::new();
    let mut all = async || -> Result<(), BoxError> {
        for split in source.splits(SplitRequest { desired: 1, bounded: true }).await? {
            let mut reader = source.open(split).await?;
            loop {
                let mut bundle = Bundle::new();
                let progress = reader.read(&mut bundle).await;
                read.extend(bundle.drain().map(|(value, _)| value));
                if progress? == Progress::End {
                    break;
                }
                if replaced {
                    reader = source.open(reader.remaining()).await?;
                }
            }
        }
        Ok(())
    };
    let error = block_on(all()).err();
    (read, error)
}
