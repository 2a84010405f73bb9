//! Dropped elements: counted by cause, and kept where a late-data output takes them (SEMANTICS §4).

use purlin_model::DropCause;
use purlin_model::bundle::AnyBundle;

/// How many (element, window) pairs were dropped, and which.
#[derive(Default)]
pub struct Drops {
    /// Too late.
    pub late: u64,
    /// Into windows whose trigger had finished.
    pub closed: u64,
    /// Those since they were last taken; `None` where nobody takes them.
    pub(super) kept: Option<Box<dyn AnyBundle>>,
}

impl Drops {
    pub(super) fn count(&mut self, cause: DropCause) {
        match cause {
            DropCause::Late => self.late += 1,
            DropCause::Closed => self.closed += 1,
        }
    }

    pub(super) fn take(&mut self, into: &mut dyn AnyBundle) {
        if let Some(kept) = &mut self.kept {
            into.append(&mut **kept);
        }
    }
}
