//! The progress record: which checkpoint is committed, and which snapshot belongs to it.

use purlin_model::BoxError;
use serde::{Deserialize, Serialize};

use crate::checkpoint::ManifestRef;

/// The version of the record's bytes.
const VERSION: u8 = 1;

/// What is committed together with a job's output.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(in crate::stream) struct Progress {
    /// The checkpoint.
    pub(in crate::stream) checkpoint: u64,
    /// Its snapshot.
    pub(in crate::stream) manifest: ManifestRef,
    /// Who committed it.
    pub(in crate::stream) incarnation: u64,
}

impl Progress {
    pub(in crate::stream) fn encode(&self) -> Vec<u8> {
        postcard::to_extend(self, vec![VERSION]).expect("numbers and names encode")
    }

    pub(in crate::stream) fn decode(bytes: &[u8]) -> Result<Self, BoxError> {
        match bytes.split_first() {
            Some((&VERSION, rest)) => Ok(postcard::from_bytes(rest)?),
            Some((version, _)) => Err(format!("its format is {version}, and this program knows {VERSION}").into()),
            None => Err("it is empty".into()),
        }
    }
}
