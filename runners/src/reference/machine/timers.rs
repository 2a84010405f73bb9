//! When a window is woken to ask its trigger (SEMANTICS §4, §7).
//!
//! Only a trigger that has seen an element, or a merge, asks to be woken: a part of a trigger whose turn has not come yet
//! has set nothing. The window's own expiry needs no entry here.

/// What the trigger of one window waits for.
#[derive(Clone, Debug, Default)]
pub(super) struct Timers {
    /// The input watermark passing the end of the window.
    pub(super) end_of_window: bool,
    /// Processing times.
    pub(super) processing_ms: Vec<i64>,
    /// Synchronized processing times.
    pub(super) synchronized_ms: Vec<i64>,
}

impl Timers {
    /// The earliest of both kinds of processing time.
    pub(super) fn earliest_processing(&self) -> Option<i64> {
        self.processing_ms.iter().chain(&self.synchronized_ms).min().copied()
    }

    /// Whether some timer lies strictly before the time it waits for; those are removed.
    pub(super) fn take_due_processing(&mut self, processing_ms: i64, synchronized_ms: i64) -> bool {
        let before = self.processing_ms.len() + self.synchronized_ms.len();
        self.processing_ms.retain(|timer| *timer >= processing_ms);
        self.synchronized_ms.retain(|timer| *timer >= synchronized_ms);
        self.processing_ms.len() + self.synchronized_ms.len() < before
    }
}
