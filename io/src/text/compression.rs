//! Compressed files.

use std::fs::File;
use std::io::{self, BufReader, BufWriter, Read, Write};
use std::path::Path;

use crate::files::PartFile;

/// How a file is compressed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Compression {
    /// Not at all.
    #[default]
    None,
    /// gzip: files end in `.gz`. Every tool reads it.
    Gzip,
    /// Zstandard: files end in `.zst`. Smaller and several times faster.
    Zstd,
}

impl Compression {
    /// What a file's name says.
    pub(super) fn of(path: &Path) -> Self {
        match path.extension().and_then(|extension| extension.to_str()) {
            Some(extension) if extension.eq_ignore_ascii_case("gz") => Compression::Gzip,
            Some(extension) if extension.eq_ignore_ascii_case("zst") => Compression::Zstd,
            _ => Compression::None,
        }
    }

    /// What the names of files of this kind of content end in.
    pub(super) fn extension(self, content: &str) -> String {
        match self {
            Compression::None => content.to_owned(),
            Compression::Gzip => format!("{content}.gz"),
            Compression::Zstd => format!("{content}.zst"),
        }
    }

    /// The content of `file`, which stands at its start.
    pub(super) fn decoder(self, file: File) -> io::Result<Box<dyn Read + Send>> {
        Ok(match self {
            Compression::None => Box::new(file),
            Compression::Gzip => Box::new(flate2::bufread::MultiGzDecoder::new(BufReader::new(file))),
            Compression::Zstd => Box::new(zstd::Decoder::new(file)?),
        })
    }
}

/// Compresses into a part file.
pub(super) enum Encoder {
    Plain(BufWriter<PartFile>),
    Gzip(flate2::write::GzEncoder<BufWriter<PartFile>>),
    Zstd(zstd::Encoder<'static, BufWriter<PartFile>>),
}

impl Encoder {
    pub(super) fn new(compression: Compression, file: PartFile) -> io::Result<Self> {
        let file = BufWriter::new(file);
        Ok(match compression {
            Compression::None => Encoder::Plain(file),
            Compression::Gzip => Encoder::Gzip(flate2::write::GzEncoder::new(file, flate2::Compression::default())),
            Compression::Zstd => Encoder::Zstd(zstd::Encoder::new(file, zstd::DEFAULT_COMPRESSION_LEVEL)?),
        })
    }

    pub(super) fn path(&self) -> &Path {
        let file = match self {
            Encoder::Plain(file) => file,
            Encoder::Gzip(encoder) => encoder.get_ref(),
            Encoder::Zstd(encoder) => encoder.get_ref(),
        };
        file.get_ref().path()
    }

    pub(super) fn write_all(&mut self, bytes: &[u8]) -> io::Result<()> {
        match self {
            Encoder::Plain(file) => file.write_all(bytes),
            Encoder::Gzip(encoder) => encoder.write_all(bytes),
            Encoder::Zstd(encoder) => encoder.write_all(bytes),
        }
    }

    /// The file, complete.
    pub(super) fn finish(self) -> io::Result<PartFile> {
        let file = match self {
            Encoder::Plain(file) => file,
            Encoder::Gzip(encoder) => encoder.finish()?,
            Encoder::Zstd(encoder) => encoder.finish()?,
        };
        file.into_inner().map_err(|error| error.into_error())
    }
}
