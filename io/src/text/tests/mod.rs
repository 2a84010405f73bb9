//! Helpers: write a file, read splits, run a sink.

mod csv;
mod json_lines;
mod lines;
mod sinks;

use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};

use futures::executor::block_on;
use purlin_model::BoxError;
use purlin_model::bundle::Bundle;
use purlin_model::source::{Progress, Source, SplitRequest};
use tempfile::TempDir;

/// A folder with one file, compressed as its name says.
fn file(name: &str, content: impl AsRef<[u8]>) -> (TempDir, PathBuf) {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join(name);
    write(&path, content.as_ref());
    (dir, path)
}

fn write(path: &Path, content: &[u8]) {
    let bytes = match path.extension().unwrap().to_str() {
        Some("gz") => {
            let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
            encoder.write_all(content).unwrap();
            encoder.finish().unwrap()
        }
        Some("zst") => zstd::encode_all(content, 1).unwrap(),
        _ => content.to_vec(),
    };
    fs::write(path, bytes).unwrap();
}

/// Reads what the splits of `source` give, split by split.
fn read<S: Source>(source: &S, desired: usize) -> Result<Vec<S::Item>, BoxError> {
    let mut all = Vec::new();
    for split in block_on(source.splits(SplitRequest { desired, bounded: true }))? {
        all.extend(read_split(source, split)?);
    }
    Ok(all)
}

fn read_split<S: Source>(source: &S, split: S::Split) -> Result<Vec<S::Item>, BoxError> {
    let mut reader = block_on(source.open(split))?;
    let mut bundle = Bundle::new();
    while block_on(reader.read(&mut bundle))? == Progress::More {}
    Ok(bundle.drain().map(|(value, _)| value).collect())
}

fn failure<S: Source>(source: &S) -> String {
    read(source, 1).err().expect("an error").to_string()
}
