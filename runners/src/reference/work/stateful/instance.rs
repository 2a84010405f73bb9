//! One key's instance in one window: its cells, the timers that are set, and the elements that have to be sorted first.

use purlin_model::Timestamp;
use purlin_model::kernel::{StatefulRun, StatefulSpec, TimeDomain, TimerChange, TimerId, TimerSetting};

use crate::reference::element::Element;

/// An instance.
pub(super) struct Instance {
    pub(super) run: Box<dyn StatefulRun>,
    pub(super) timers: Vec<SetTimer>,
    /// Those that came and were not given out yet, as they came.
    pub(super) unsorted: Vec<Element>,
}

/// A timer that is set. Timers fire in the order of their times, those of one time in the order in which they were set.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct SetTimer {
    pub(super) at_ms: i64,
    pub(super) version: u64,
    pub(super) id: TimerId,
    domain: TimeDomain,
    hold: Option<Timestamp>,
}

/// What is due next.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Due {
    /// The earliest elements, of this time.
    Elements(Timestamp),
    /// A timer.
    Timer(SetTimer),
}

impl Instance {
    pub(super) fn new(run: Box<dyn StatefulRun>) -> Self {
        Instance { run, timers: Vec::new(), unsorted: Vec::new() }
    }

    /// The input watermark as this instance sees it: not beyond elements that wait, nor beyond work on elements that is not done.
    pub(super) fn watermark(&self, input: Timestamp, spec: &StatefulSpec) -> Timestamp {
        let undone = self.timers.iter().filter_map(|timer| timer.hold).filter(|_| spec.holds_input);
        self.unsorted.iter().map(|element| element.timestamp).chain(undone).fold(input, Timestamp::min)
    }

    /// What is due first by event time, the input watermark being at `input`. An element is given out once none before it can come any more.
    pub(super) fn due(&self, input: Timestamp, spec: &StatefulSpec) -> Option<Due> {
        let watermark = self.watermark(input, spec);
        let timers = self.timers_of(TimeDomain::EventTime).filter(|timer| timer.at_ms < watermark.millis());
        let earliest = self.unsorted.iter().map(|element| element.timestamp).min();
        let elements = earliest.filter(|at| *at <= input);
        timers.min().map(Due::Timer).or(elements.map(Due::Elements))
    }

    /// Takes out the elements that wait at this time, as they came.
    pub(super) fn take_elements(&mut self, at: Timestamp) -> Vec<Element> {
        self.unsorted.extract_if(.., |element| element.timestamp == at).collect()
    }

    /// Those timers that go by this clock.
    pub(super) fn timers_of(&self, domain: TimeDomain) -> impl Iterator<Item = SetTimer> + '_ {
        self.timers.iter().copied().filter(move |timer| timer.domain == domain)
    }

    /// Notes that a timer was set, overwritten, cleared or has fired.
    pub(super) fn note(&mut self, change: TimerChange, spec: &StatefulSpec) {
        let TimerChange { id, after, .. } = change;
        self.timers.retain(|timer| timer.id != id);
        let domain = spec.timers[usize::from(id.timer)].domain;
        self.timers.extend(after.map(|TimerSetting { at_ms, version, hold }| SetTimer {
            at_ms,
            version,
            id,
            domain,
            hold,
        }));
    }

    /// What the output watermark has to wait for.
    pub(super) fn holds(&self) -> impl Iterator<Item = Timestamp> + '_ {
        let timers = self.timers.iter().filter_map(|timer| timer.hold);
        timers.chain(self.unsorted.iter().map(|element| element.timestamp))
    }
}

impl Due {
    /// Its time, and within that its turn.
    fn order(&self) -> (i64, Option<SetTimer>) {
        match self {
            Due::Elements(at) => (at.millis(), None),
            Due::Timer(timer) => (timer.at_ms, Some(*timer)),
        }
    }
}

impl Ord for Due {
    fn cmp(&self, other: &Self) -> std::cmp::Ordering {
        self.order().cmp(&other.order())
    }
}

impl PartialOrd for Due {
    fn partial_cmp(&self, other: &Self) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}
