//! `ParquetSource`: rows from Parquet files.

use std::collections::HashMap;
use std::fmt;
use std::marker::PhantomData;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use async_trait::async_trait;
use purlin_model::row::Row;
use purlin_model::source::{Boundedness, BoxSource, EventTime, Io, Reader, Source, SplitRequest};
use purlin_model::{BoxError, Element, Timestamp};

use super::file::InputMeta;
use super::reader::SplitReader;
use super::split::cut;
use super::{ParquetError, ParquetSplit, Predicate};
use crate::files::expand;

/// Rows of type `T` from Parquet files.
///
/// Only the columns that `T` names are read; others do not matter, nor does the order. All files are checked at launch,
/// before anything is read: see [`Row`] for the types that a field accepts.
///
/// A split is a row group, or a range of rows of a large one, so that a single file keeps all workers busy.
pub struct ParquetSource<T> {
    path: String,
    filter: Option<Predicate>,
    /// Footers that were parsed at launch, for the splits that are opened later.
    files: Mutex<HashMap<PathBuf, Arc<InputMeta>>>,
    of: PhantomData<fn() -> T>,
}

impl<T: Row + Element> ParquetSource<T> {
    /// The rows of a file, of all files in a folder and its subfolders, or of all files that match a pattern like `orders/2024-*/*.parquet`.
    ///
    /// In folders and patterns, names that begin with `.` or `_` are passed over.
    pub fn new(path: impl Into<String>) -> Self {
        ParquetSource { path: path.into(), filter: None, files: Mutex::default(), of: PhantomData }
    }

    /// Gives only the rows that match: exactly those, whether or not `T` has the compared columns.
    ///
    /// Row groups whose statistics say that no row matches are not read at all, so a filter on a column by which the file is
    /// sorted costs next to nothing for the rest. A second filter is joined by "and".
    ///
    /// A column that is not there, or that has another type than the value it is compared with, is an error at launch.
    pub fn filter(mut self, predicate: Predicate) -> Self {
        self.filter = Some(match self.filter {
            Some(first) => first.and(predicate),
            None => predicate,
        });
        self
    }

    /// With each row's timestamp taken from its value.
    pub fn event_time(self, of: impl Fn(&T) -> Timestamp + Send + Sync + 'static) -> EventTime<T> {
        BoxSource::new(self).event_time(of)
    }

    fn load(&self, path: &Path) -> Result<Arc<InputMeta>, ParquetError> {
        let input = Arc::new(InputMeta::load::<T>(path, self.filter.as_ref())?);
        self.files.lock().unwrap_or_else(PoisonError::into_inner).insert(path.to_owned(), input.clone());
        Ok(input)
    }

    fn loaded(&self, path: &Path) -> Option<Arc<InputMeta>> {
        self.files.lock().unwrap_or_else(PoisonError::into_inner).get(path).cloned()
    }
}

#[async_trait]
impl<T: Row + Element> Source for ParquetSource<T> {
    type Item = T;
    type Split = ParquetSplit;

    fn describe(&self) -> String {
        match &self.filter {
            Some(filter) => format!("Parquet `{}` where {filter}", self.path),
            None => format!("Parquet `{}`", self.path),
        }
    }

    fn boundedness(&self) -> Boundedness {
        Boundedness::Bounded
    }

    fn io(&self) -> Io {
        Io::Local
    }

    async fn splits(&self, request: SplitRequest) -> Result<Vec<ParquetSplit>, BoxError> {
        let found = expand(Path::new(&self.path))?;
        if found.is_empty() {
            return Err(ParquetError::Empty { path: self.path.clone() }.into());
        }
        let files: Vec<_> = found.iter().map(|file| self.load(&file.path)).collect::<Result<_, _>>()?;
        Ok(cut(&files, request.desired))
    }

    async fn open(&self, split: ParquetSplit) -> Result<Box<dyn Reader<Self>>, BoxError> {
        // A split that another process has stored comes without a launch here.
        let input = self.loaded(&split.path).map_or_else(|| self.load(&split.path), Ok)?;
        Ok(Box::new(SplitReader::new(input, split)?))
    }
}

impl<T> fmt::Debug for ParquetSource<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ParquetSource").field("path", &self.path).field("filter", &self.filter).finish_non_exhaustive()
    }
}
