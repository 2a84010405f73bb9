//! Query 0, pass-through: every event as it is. What reading and writing cost.

use purlin::prelude::*;

use super::Event;

/// The same events.
pub fn pass_through(events: PCollection<Event>) -> PCollection<Event> {
    events
}
