//! A bucket of S3, Google Cloud Storage or Azure, or of what speaks their protocols.
//!
//! A file is one object, put on condition that there is none (`If-None-Match: *`); stores that ignore the condition cannot be used. An
//! answer may get lost behind a put that succeeded: then the next try says `Exists`, and whoever asked compares.
//!
//! No message holds a secret: of a URL they show the scheme, the bucket and the path.

use std::fmt;
use std::ops::Range;
use std::sync::Arc;

use async_trait::async_trait;
use futures::TryStreamExt;
use object_store::path::Path;
use object_store::{Error, ObjectStore, ObjectStoreExt, PutMode, PutOptions, parse_url_opts};
use url::Url;

use super::{Storage, StorageError, checked};

/// The variables of the environment that say how to reach object stores begin like this.
const VARIABLES: [&str; 3] = ["AWS_", "GOOGLE_", "AZURE_"];

/// Files in an object store, under a prefix.
///
/// S3 takes objects of up to 5 GiB in one put, and no segment can be larger there.
#[derive(Clone)]
pub struct ObjectStorage {
    store: Arc<dyn ObjectStore>,
    prefix: Path,
    shown: String,
}

/// Stores show their configuration, which may hold secrets.
impl fmt::Debug for ObjectStorage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("ObjectStorage").field(&self.shown).finish()
    }
}

impl ObjectStorage {
    /// Storage at a URL: `s3://bucket/prefix`, `gs://bucket/prefix`, `az://container/prefix`, each with its feature.
    pub fn open(url: &str) -> Result<Self, StorageError> {
        let scheme = url.split("://").next().unwrap_or_default();
        let unusable = |cause: &str| StorageError::other(format!("a place at {scheme}://"), "used", cause);
        let parsed = Url::parse(url).map_err(|error| unusable(&format!("that is no URL: {error}")))?;
        if matches!(scheme, "http" | "memory") {
            return Err(unusable("checkpoints are kept in a folder, or at s3://, gs:// or az://"));
        }
        if !parsed.username().is_empty() || parsed.password().is_some() {
            return Err(unusable(
                "credentials do not belong in a URL, which others see: put them into the environment",
            ));
        }
        let variables = std::env::vars_os().filter_map(|(name, value)| {
            Some((name.into_string().ok()?, value.into_string().ok()?))
                .filter(|(name, _)| VARIABLES.iter().any(|prefix| name.starts_with(prefix)))
        });
        let shown = format!("{scheme}://{}{}", parsed.host_str().unwrap_or_default(), parsed.path());
        let (store, prefix) = parse_url_opts(&parsed, variables)
            .map_err(|error| StorageError::other(shown.trim_end_matches('/'), "used", without_queries(&error)))?;
        Ok(ObjectStorage::new(store.into(), prefix, &shown))
    }

    /// Storage in a store of the program's own making; `shown` names it in messages.
    pub fn new(store: Arc<dyn ObjectStore>, prefix: Path, shown: &str) -> Self {
        ObjectStorage { store, prefix, shown: shown.trim_end_matches('/').to_string() }
    }

    fn path(&self, name: &str) -> Path {
        name.split('/').fold(self.prefix.clone(), |path, part| path.join(part))
    }

    fn in_words(&self, name: &str, doing: &'static str, error: Error) -> StorageError {
        let path = format!("{}/{name}", self.shown);
        match error {
            Error::AlreadyExists { .. } => StorageError::Exists { path },
            Error::NotFound { .. } if doing != "written" => StorageError::NotFound { path },
            error => StorageError::other(path, doing, without_queries(&error)),
        }
    }
}

#[async_trait]
impl Storage for ObjectStorage {
    fn describe(&self) -> String {
        self.shown.clone()
    }

    async fn put_new(&self, name: &str, contents: Vec<u8>) -> Result<(), StorageError> {
        checked(name, "written")?;
        let options = PutOptions { mode: PutMode::Create, ..PutOptions::default() };
        let put = self.store.put_opts(&self.path(name), contents.into(), options).await;
        put.map(drop).map_err(|error| self.in_words(name, "written", error))
    }

    async fn get(&self, name: &str) -> Result<Vec<u8>, StorageError> {
        checked(name, "read")?;
        let contents = async { self.store.get(&self.path(name)).await?.bytes().await }.await;
        contents.map(Into::into).map_err(|error| self.in_words(name, "read", error))
    }

    async fn get_range(&self, name: &str, range: Range<u64>) -> Result<Vec<u8>, StorageError> {
        checked(name, "read")?;
        let path = self.path(name);
        match self.store.get_range(&path, range.clone()).await {
            Ok(bytes) => Ok(bytes.into()),
            // That a range begins behind the end is an error here.
            Err(error) => match self.store.head(&path).await {
                Ok(there) if there.size <= range.start => Ok(Vec::new()),
                _ => Err(self.in_words(name, "read", error)),
            },
        }
    }

    async fn list(&self, prefix: &str) -> Result<Vec<String>, StorageError> {
        // Stores list whole parts of a path; the rest of the prefix is looked at here.
        let folder = prefix.rsplit_once('/').map_or(self.prefix.clone(), |(folder, _)| self.path(folder));
        let listed = self.store.list(Some(&folder)).try_collect::<Vec<_>>().await;
        let listed = listed.map_err(|error| self.in_words(prefix, "listed", error))?;
        let mut names: Vec<String> = listed
            .into_iter()
            .filter_map(|object| {
                let parts: Vec<_> =
                    object.location.prefix_match(&self.prefix)?.map(|part| part.as_ref().to_string()).collect();
                Some(parts.join("/"))
            })
            .filter(|name| name.starts_with(prefix) && checked(name, "listed").is_ok())
            .collect();
        names.sort_unstable();
        Ok(names)
    }

    async fn delete(&self, name: &str) -> Result<(), StorageError> {
        checked(name, "deleted")?;
        match self.store.delete(&self.path(name)).await {
            Err(Error::NotFound { .. }) => Ok(()),
            deleted => deleted.map_err(|error| self.in_words(name, "deleted", error)),
        }
    }
}

/// An error's words without the queries of URLs, where signatures and tokens stand.
fn without_queries(error: &Error) -> String {
    let text = error.to_string();
    let ends = |c: char| c.is_whitespace() || matches!(c, '"' | '\'' | ')' | '>' | '`');
    let mut kept = String::with_capacity(text.len());
    let mut rest = text.as_str();
    while let Some(query) = rest.find('?') {
        let (before, from) = rest.split_at(query);
        kept.push_str(before);
        rest = &from[from.find(ends).unwrap_or(from.len())..];
    }
    kept + rest
}

#[cfg(test)]
mod tests {
    use super::super::tests::keeps_the_contract;
    use super::*;

    fn block_on<T>(work: impl Future<Output = T>) -> T {
        tokio::runtime::Builder::new_current_thread().build().expect("a runtime").block_on(work)
    }

    #[test]
    fn an_object_store_keeps_the_contract() {
        let store: Arc<dyn ObjectStore> = Arc::new(object_store::memory::InMemory::new());
        block_on(keeps_the_contract(&ObjectStorage::new(store.clone(), Path::from("a/b"), "mem://a/b/")));
        let whole: Arc<dyn ObjectStore> = Arc::new(object_store::memory::InMemory::new());
        block_on(keeps_the_contract(&ObjectStorage::new(whole, Path::default(), "mem://")));
        let listed = block_on(store.list(None).try_collect::<Vec<_>>()).expect("listed");
        assert!(listed.iter().any(|object| object.location.as_ref().starts_with("a/b/folder/")));
    }

    #[test]
    fn secrets_are_kept() {
        for url in
            ["s3://key:hunter2@bucket/prefix", "az://container/x?sig=hunter2", "https://hunter2.invalid:99999/?hunter2"]
        {
            match ObjectStorage::open(url) {
                Ok(storage) => assert!(!format!("{storage:?} {}", storage.describe()).contains("sig")),
                Err(error) => assert!(!format!("{error} {error:?}").contains("hunter2"), "{error}"),
            }
        }
        let source = "GET https://host/a?sig=hunter2&x=1 failed (see \"http://b?hunter2\")".into();
        let words = without_queries(&Error::Generic { store: "Azure", source });
        assert!(words.ends_with("GET https://host/a failed (see \"http://b\")"), "{words}");
    }
}

#[cfg(all(test, feature = "s3"))]
mod s3;
