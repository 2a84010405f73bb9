//! Sinks that write records into text files.

use std::path::PathBuf;
use std::sync::Arc;

use async_trait::async_trait;
use purlin_model::bundle::Bundle;
use purlin_model::sink::{Io, Sink, Visibility, Writer};
use purlin_model::{BoxError, Element};

use super::Compression;
use super::compression::Encoder;
use crate::files::{FileError, OutputFolder, Parts, StagedFiles};

/// How records are written.
pub trait Encode: Send + Sync + 'static {
    /// What is written.
    type Record: Element;
    /// The format in a word or two.
    const NAME: &'static str;
    /// What names of files end in.
    const EXTENSION: &'static str;
    /// Appends `records` as bytes; at the beginning of a file with what belongs there.
    fn encode(&self, records: &[Self::Record], begins_file: bool, into: &mut Vec<u8>) -> Result<(), BoxError>;
}

/// Writes text files into a new folder: [`TextSink`](super::TextSink), [`CsvSink`](super::CsvSink) or
/// [`JsonLinesSink`](super::JsonLinesSink).
///
/// The folder appears when the pipeline has succeeded, complete or not at all. Each worker writes files of its own in it.
pub struct FileSink<F> {
    folder: OutputFolder,
    compression: Compression,
    pub(super) format: Arc<F>,
}

impl<F: Encode> FileSink<F> {
    pub(super) fn of(path: PathBuf, format: F) -> Self {
        let compression = Compression::of(&path);
        FileSink { folder: OutputFolder::new(path), compression, format: Arc::new(format) }
    }

    /// Compresses the files. Unless said, as the folder's name ends: `.gz`, `.zst` or neither.
    pub fn compression(mut self, compression: Compression) -> Self {
        self.compression = compression;
        self
    }

    /// Lets the output take the place of an earlier one. A folder that holds anything but part files is still refused.
    pub fn overwrite(mut self) -> Self {
        self.folder = self.folder.overwrite();
        self
    }
}

#[async_trait]
impl<F: Encode> Sink for FileSink<F> {
    type Item = F::Record;
    type Staged = StagedFiles;

    fn describe(&self) -> String {
        format!("{} into {}", F::NAME, self.folder.target().display())
    }

    fn io(&self) -> Io {
        Io::Local
    }

    fn visibility(&self) -> Visibility {
        Visibility::OnPublish
    }

    async fn begin(&self) -> Result<(), BoxError> {
        Ok(self.folder.begin()?)
    }

    async fn open(&self, worker: usize) -> Result<Box<dyn Writer<Self>>, BoxError> {
        let parts = self.folder.parts(worker, &self.compression.extension(F::EXTENSION))?;
        let (format, compression) = (self.format.clone(), self.compression);
        Ok(Box::new(FileWriter { format, compression, parts, open: None, encoded: Vec::new() }))
    }

    async fn publish(&self, staged: Vec<StagedFiles>) -> Result<(), BoxError> {
        Ok(self.folder.publish(&staged)?)
    }

    async fn abort(&self) -> Result<(), BoxError> {
        Ok(self.folder.abort()?)
    }
}

struct FileWriter<F> {
    format: Arc<F>,
    compression: Compression,
    parts: Parts,
    /// The file being written: made with the first element, finished by `stage`.
    open: Option<Encoder>,
    encoded: Vec<u8>,
}

impl<F: Encode> FileWriter<F> {
    fn append(&mut self, records: &[F::Record]) -> Result<(), BoxError> {
        if records.is_empty() {
            return Ok(());
        }
        self.encoded.clear();
        self.format.encode(records, self.open.is_none(), &mut self.encoded)?;
        let file = match &mut self.open {
            Some(file) => file,
            None => {
                let part = self.parts.create()?;
                let path = part.path().to_owned();
                self.open.insert(Encoder::new(self.compression, part).map_err(FileError::io("write", &path))?)
            }
        };
        if let Err(cause) = file.write_all(&self.encoded) {
            return Err(FileError::io("write", file.path())(cause).into());
        }
        Ok(())
    }
}

#[async_trait]
impl<F: Encode> Writer<FileSink<F>> for FileWriter<F> {
    async fn write(&mut self, bundle: &mut Bundle<F::Record>) -> Result<(), BoxError> {
        self.append(bundle.values())?;
        bundle.clear();
        Ok(())
    }

    async fn stage(&mut self) -> Result<Option<StagedFiles>, BoxError> {
        if let Some(file) = self.open.take() {
            let path = file.path().to_owned();
            let part = file.finish().map_err(FileError::io("write", &path))?;
            self.parts.finish(part)?;
        }
        Ok(self.parts.take_staged())
    }
}
