//! Runs: whose temporary output a hidden folder holds.

use std::collections::BTreeSet;
use std::hash::{BuildHasher, Hasher, RandomState};
use std::sync::atomic::AtomicU64;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// The runs of this process whose output grows: two sinks of one pipeline may have been given the same folder.
static LIVE: Mutex<BTreeSet<String>> = Mutex::new(BTreeSet::new());

fn live() -> MutexGuard<'static, BTreeSet<String>> {
    LIVE.lock().unwrap_or_else(PoisonError::into_inner)
}

/// The run that is going on in this process.
#[derive(Debug)]
pub(super) struct Run {
    /// Names its hidden folder: `HASH`, or `INCARNATION-HASH` if its output grows.
    pub(super) id: String,
    /// Only of a run that publishes with every checkpoint.
    pub(super) growing: Option<Growing>,
}

/// An incarnation of a job whose output grows.
#[derive(Debug)]
pub(super) struct Growing {
    pub(super) job: String,
    pub(super) incarnation: u64,
    /// Whether an earlier incarnation has been here: else what it has staged is not here, either.
    pub(super) has_predecessor: bool,
    /// Numbers the files of all its workers, whichever writer asks: no two have one name.
    pub(super) files: Arc<AtomicU64>,
}

impl Run {
    /// A run that publishes once.
    pub(super) fn once() -> Self {
        Run { id: format!("{:016x}", random()), growing: None }
    }

    /// An incarnation that begins.
    pub(super) fn growing(job: &str, incarnation: u64, has_predecessor: bool) -> Self {
        let id = format!("{incarnation:05}-{:08x}", random() as u32);
        let growing = Growing { job: job.to_owned(), incarnation, has_predecessor, files: Arc::default() };
        live().insert(id.clone());
        Run { id, growing: Some(growing) }
    }
}

impl Drop for Run {
    fn drop(&mut self) {
        live().remove(&self.id);
    }
}

/// Whether a run of this process, which is not over, goes by `id`.
pub(super) fn is_live(id: &str) -> bool {
    live().contains(id)
}

/// Whether `id` may name a hidden folder: in particular, it is no path.
pub(super) fn is_run(id: &str) -> bool {
    is_hex(id, 16) || incarnation_of(id).is_some()
}

/// The incarnation in the name of a run whose output grows.
pub(super) fn incarnation_of(id: &str) -> Option<u64> {
    let (incarnation, hash) = id.split_once('-')?;
    let digits = incarnation.bytes().all(|byte| byte.is_ascii_digit());
    if digits && is_hex(hash, 8) { incarnation.parse().ok() } else { None }
}

fn is_hex(text: &str, length: usize) -> bool {
    text.len() == length && text.bytes().all(|byte| byte.is_ascii_hexdigit())
}

/// Tells runs apart that know nothing of one another.
fn random() -> u64 {
    RandomState::new().build_hasher().finish()
}
