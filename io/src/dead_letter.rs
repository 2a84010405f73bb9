//! What a source could not decode, as an element.

use serde::{Deserialize, Serialize};

/// A record that its decoder refused. A source told to `or_dead_letter` gives `Result<T, DeadLetter>`; the pipeline sends the bad ones
/// wherever they belong. Otherwise the first bad record fails the pipeline.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct DeadLetter {
    /// Where it came from: topic, partition and offset, or file and line.
    pub origin: String,
    /// The bytes as they came.
    pub payload: Vec<u8>,
    /// Why the decoder refused them.
    pub error: String,
}

impl std::fmt::Display for DeadLetter {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}: {}", self.origin, self.error)
    }
}
