//! From what a user writes behind `--checkpoint-dir` to storage.

use std::sync::Arc;

use super::{LocalStorage, Storage, StorageError};

/// Storage at a place: a folder, or with the features of object stores a URL such as `s3://bucket/prefix`. A folder is created if need be.
///
/// Credentials and regions of object stores come from the variables of the environment that their own tools know (`AWS_…`, `GOOGLE_…`,
/// `AZURE_…`).
pub fn open_storage(place: &str) -> Result<Arc<dyn Storage>, StorageError> {
    opened(place, |folder| LocalStorage::open(folder))
}

/// [`open_storage`], for those who only read: a folder has to be there.
pub fn existing_storage(place: &str) -> Result<Arc<dyn Storage>, StorageError> {
    opened(place, |folder| LocalStorage::existing(folder))
}

fn opened(
    place: &str,
    local: impl FnOnce(&str) -> Result<LocalStorage, StorageError>,
) -> Result<Arc<dyn Storage>, StorageError> {
    match place.split_once("://") {
        None => Ok(Arc::new(local(place)?)),
        Some(("file", path)) if path.starts_with('/') => Ok(Arc::new(local(path)?)),
        Some(("file", _)) => Err(StorageError::other(place, "used", "a file URL has three slashes: file:///path")),
        Some(_) => remote(place),
    }
}

#[cfg(feature = "object-store")]
fn remote(url: &str) -> Result<Arc<dyn Storage>, StorageError> {
    Ok(Arc::new(super::ObjectStorage::open(url)?))
}

#[cfg(not(feature = "object-store"))]
fn remote(url: &str) -> Result<Arc<dyn Storage>, StorageError> {
    let scheme = url.split("://").next().unwrap_or_default();
    let cause = "this program was built without object stores; the features `s3`, `gcs` and `azure` bring them";
    Err(StorageError::other(format!("a place at {scheme}://"), "used", cause))
}
