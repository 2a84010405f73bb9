//! What one pane holds the output watermark back with, and the pane's timestamp that follows from it (SEMANTICS §5).

use purlin_model::Timestamp;
use purlin_model::window::{TimestampCombiner, Window};

use super::clock::Clock;

/// The hold of the pane that is being collected in one window.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Hold {
    elements: Option<Timestamp>,
    gc: Option<Timestamp>,
}

/// Where and when something is to hold.
#[derive(Clone, Copy)]
pub(super) struct Place<'a> {
    pub(super) combiner: TimestampCombiner,
    pub(super) window: Window,
    pub(super) gc: Timestamp,
    pub(super) clock: &'a Clock,
}

impl Hold {
    /// An element at `at` joins at combiner(at), if something can still be held back there, or else at gc.
    pub(super) fn add(&mut self, at: Timestamp, place: Place<'_>) {
        let at = match place.combiner {
            TimestampCombiner::EndOfWindow => place.window.max_timestamp(),
            TimestampCombiner::Earliest | TimestampCombiner::Latest => at,
        };
        if at >= place.clock.output && place.window.max_timestamp() >= place.clock.input {
            self.elements = combined(place.combiner, self.elements, Some(at));
        } else {
            self.gc = Some(place.gc);
        }
    }

    /// The hold of the window that `parts` have become. The end of that window joins as an element's would, whether or not
    /// a part held at its own end.
    pub(super) fn merged(parts: &[Hold], place: Place<'_>) -> Hold {
        let mut hold = Hold::default();
        match place.combiner {
            TimestampCombiner::EndOfWindow if parts.is_empty() => {}
            TimestampCombiner::EndOfWindow => hold.add(place.window.max_timestamp(), place),
            TimestampCombiner::Earliest | TimestampCombiner::Latest => {
                hold.elements = parts.iter().fold(None, |all, part| combined(place.combiner, all, part.elements));
            }
        }
        hold.gc = Some(place.gc);
        hold
    }

    /// Holds at gc for a closing pane that is emitted even if it is empty.
    pub(super) fn await_closing(&mut self, place: Place<'_>) {
        self.gc = Some(place.gc);
    }

    /// Gives the hold up and says what timestamp the pane has.
    pub(super) fn release(&mut self, window: Window) -> Timestamp {
        let held = self.at().unwrap_or(Timestamp::MAX);
        *self = Hold::default();
        held.min(window.max_timestamp())
    }

    /// Where the output watermark has to stop.
    pub(super) fn at(&self) -> Option<Timestamp> {
        self.elements.into_iter().chain(self.gc).min()
    }
}

fn combined(combiner: TimestampCombiner, a: Option<Timestamp>, b: Option<Timestamp>) -> Option<Timestamp> {
    let both = a.into_iter().chain(b);
    match combiner {
        TimestampCombiner::Latest => both.max(),
        TimestampCombiner::Earliest | TimestampCombiner::EndOfWindow => both.min(),
    }
}
