//! Opening a text file where a split's position stands.

use std::fs::File;
use std::io::{self, Read, Seek, SeekFrom};
use std::path::Path;

use super::{Compression, TextError};

/// The content of `path` from byte `offset` on, counted after decompression. Compressed content is read from the start to get there.
pub(super) fn open_at(path: &Path, offset: u64) -> Result<Box<dyn Read + Send>, TextError> {
    let failed = || TextError::read(path);
    let truncated = || TextError::Truncated { path: path.to_owned(), offset };
    let compression = Compression::of(path);
    let mut file = File::open(path).map_err(failed())?;
    if compression == Compression::None {
        if file.metadata().map_err(failed())?.len() < offset {
            return Err(truncated());
        }
        file.seek(SeekFrom::Start(offset)).map_err(failed())?;
        return Ok(Box::new(file));
    }
    let mut content = compression.decoder(file).map_err(failed())?;
    let skipped = io::copy(&mut content.by_ref().take(offset), &mut io::sink()).map_err(failed())?;
    if skipped < offset { Err(truncated()) } else { Ok(content) }
}
