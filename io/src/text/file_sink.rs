//! Sinks that write records into text files.

use std::path::PathBuf;
use std::sync::Arc;

use async_trait::async_trait;
use purlin_model::bundle::Bundle;
use purlin_model::sink::{Io, Sink, SinkRun, Visibility, Writer};
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

/// Formats whose files, one after the other, are again a file: those without headers.
pub trait Append: Encode {}

/// Writes text files into a new folder: [`TextSink`](super::TextSink), [`CsvSink`](super::CsvSink) or
/// [`JsonLinesSink`](super::JsonLinesSink).
///
/// The folder appears when the pipeline has succeeded, complete or not at all. Each worker writes files of its own in it. Lines and JSON
/// lines can be one file instead: [`single_file`](Self::single_file).
///
/// Of a job with checkpoints the folder is there from the start, and each checkpoint adds files with what was written since the one before,
/// each element once, whatever fails in between. Names of files follow time. A consumer may take files away; they do not come back.
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

    /// Lets the output take the place of an earlier one: when it appears, or, of a job with checkpoints, when the job starts afresh. A
    /// folder that holds anything but part files is still refused, as is a file in a folder's place.
    pub fn overwrite(mut self) -> Self {
        self.folder = self.folder.overwrite();
        self
    }
}

impl<F: Append> FileSink<F> {
    /// One file at the path instead of a folder. It, too, appears when the pipeline has succeeded, complete or not at all.
    ///
    /// Workers still write files of their own, which are appended to one another in the end: what one worker wrote keeps its order. With
    /// [`overwrite`](Self::overwrite) the file takes the place of whatever regular file is there. A job with checkpoints is refused, for a
    /// file cannot grow and be complete at each moment.
    ///
    /// ```
    /// use purlin_io::text::JsonLinesSink;
    /// use purlin_model::Pipeline;
    /// let pairs = Pipeline::new().create("pairs", [("a".to_string(), 1), ("b".to_string(), 2)]);
    /// pairs.write("out", JsonLinesSink::new("pairs.jsonl").single_file());
    /// ```
    pub fn single_file(mut self) -> Self {
        self.folder = self.folder.single_file();
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

    async fn begin(&self, run: &SinkRun) -> Result<(), BoxError> {
        Ok(self.folder.begin(run)?)
    }

    async fn open(&self, worker: usize) -> Result<Box<dyn Writer<Self>>, BoxError> {
        let parts = self.folder.parts(worker, &self.compression.extension(F::EXTENSION))?;
        let (format, compression) = (self.format.clone(), self.compression);
        let mut writer = FileWriter { format, compression, parts, open: None, encoded: Vec::new() };
        // So that a single file of no elements is one that its compression can read: nothing at all is no gzip file.
        if self.folder.is_single_file() && worker == 0 {
            writer.file()?;
        }
        Ok(Box::new(writer))
    }

    async fn publish(&self, staged: Vec<StagedFiles>) -> Result<(), BoxError> {
        Ok(self.folder.publish(&staged)?)
    }

    async fn discard(&self) -> Result<(), BoxError> {
        Ok(self.folder.discard()?)
    }
}

struct FileWriter<F> {
    format: Arc<F>,
    compression: Compression,
    parts: Parts,
    /// The file being written: finished by `stage`.
    open: Option<Encoder>,
    encoded: Vec<u8>,
}

impl<F: Encode> FileWriter<F> {
    /// The open file, a new one if there is none.
    fn file(&mut self) -> Result<&mut Encoder, BoxError> {
        match &mut self.open {
            Some(file) => Ok(file),
            open => {
                let part = self.parts.create()?;
                let path = part.path().to_owned();
                Ok(open.insert(Encoder::new(self.compression, part).map_err(FileError::io("write", &path))?))
            }
        }
    }

    fn append(&mut self, records: &[F::Record]) -> Result<(), BoxError> {
        if records.is_empty() {
            return Ok(());
        }
        self.encoded.clear();
        self.format.encode(records, self.open.is_none(), &mut self.encoded)?;
        let encoded = std::mem::take(&mut self.encoded);
        let file = self.file()?;
        if let Err(cause) = file.write_all(&encoded) {
            return Err(FileError::io("write", file.path())(cause).into());
        }
        self.encoded = encoded;
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
        Ok(self.parts.stage()?)
    }
}
