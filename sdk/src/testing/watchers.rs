//! What hangs on a pipeline in a test: kept with the pipeline, so that `TestPipeline` knows whom to ask after a run.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use super::Runner;

/// A check, or a collected result.
pub(super) trait Watcher: Send + Sync {
    /// A run was tried, whatever came of it.
    fn tried(&self);
    /// What is wrong after a run that has ended well, in words.
    fn verdict(&self, runner: Runner) -> Result<(), String>;
}

/// All watchers of a pipeline.
#[derive(Default)]
pub(super) struct Watchers {
    all: Mutex<Vec<Arc<dyn Watcher>>>,
    asked: AtomicBool,
}

impl Watchers {
    pub(super) fn add(&self, watcher: Arc<dyn Watcher>) {
        self.all.lock().unwrap_or_else(PoisonError::into_inner).push(watcher);
    }

    /// Runs `work`, during which somebody asks for verdicts after each run, so that none has to fail it.
    pub(super) fn while_asked<R>(&self, work: impl FnOnce() -> R) -> R {
        self.asked.store(true, Ordering::Release);
        let result = work();
        self.asked.store(false, Ordering::Release);
        result
    }

    pub(super) fn are_asked(&self) -> bool {
        self.asked.load(Ordering::Acquire)
    }

    pub(super) fn tried(&self) {
        self.all().iter().for_each(|watcher| watcher.tried());
    }

    /// Everything that is wrong after a run.
    pub(super) fn verdicts(&self, runner: Runner) -> Vec<String> {
        self.all().iter().filter_map(|watcher| watcher.verdict(runner).err()).collect()
    }

    fn all(&self) -> Vec<Arc<dyn Watcher>> {
        self.all.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}
