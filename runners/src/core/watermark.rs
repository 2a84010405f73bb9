//! The watermark of a source, from those of its splits (SEMANTICS §5).
//!
//! Each split is ACTIVE, IDLE or FINISHED, and only active ones hold the least watermark back. A split is idle when it
//! has been asked and had nothing for its time-out; one that is not asked, because of back pressure, is not idle.

use purlin_model::Timestamp;

/// Whether a split takes part in the watermark.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SplitStatus {
    /// It gives data, and holds the watermark.
    Active,
    /// It has had nothing for its time-out.
    Idle {
        /// Since when, in milliseconds of a steady clock.
        since_ms: i64,
    },
    /// It has ended.
    Finished,
}

/// The splits of one reader.
#[derive(Clone, Debug)]
pub struct SplitWatermarks {
    splits: Vec<SplitState>,
    idle_timeout_ms: Option<i64>,
    watermark: Timestamp,
}

#[derive(Clone, Debug)]
struct SplitState {
    name: String,
    status: SplitStatus,
    watermark: Timestamp,
    /// When it last had data, or was first asked after a pause.
    asked_since_ms: i64,
    asked: bool,
}

impl SplitWatermarks {
    /// No splits yet; one that is silent for the time-out turns idle, if there is one.
    pub fn new(idle_timeout_ms: Option<i64>) -> Self {
        SplitWatermarks { splits: Vec::new(), idle_timeout_ms, watermark: Timestamp::MIN }
    }

    /// Adds a split, active, whose elements to come are no earlier than `watermark`; gives its number. It does not take back what
    /// the others' watermark was.
    pub fn add(&mut self, name: String, watermark: Timestamp, now_ms: i64) -> usize {
        let status = SplitStatus::Active;
        self.splits.push(SplitState { name, status, watermark, asked_since_ms: now_ms, asked: false });
        self.splits.len() - 1
    }

    /// Adds a split that had ended before; gives its number. Others may still be added.
    pub fn add_finished(&mut self, name: String) -> usize {
        let number = self.add(name, Timestamp::MAX, 0);
        self.splits[number].status = SplitStatus::Finished;
        number
    }

    /// The split is asked for data from now on.
    pub fn asked(&mut self, split: usize, now_ms: i64) {
        let state = &mut self.splits[split];
        if !state.asked {
            state.asked = true;
            state.asked_since_ms = now_ms;
        }
    }

    /// The split gave data and has this watermark; it is not asked until [`asked`](Self::asked) says so.
    pub fn gave(&mut self, split: usize, watermark: Timestamp) {
        let state = &mut self.splits[split];
        state.asked = false;
        state.watermark = state.watermark.max(watermark);
        if state.status != SplitStatus::Finished {
            state.status = SplitStatus::Active;
        }
        self.update();
    }

    /// The split was read and gave nothing. Unless it is caught up that is no silence: elements wait, or it is out of reach.
    pub fn gave_nothing(&mut self, split: usize, caught_up: bool, now_ms: i64) {
        let state = &mut self.splits[split];
        if !caught_up && state.status != SplitStatus::Finished {
            state.asked_since_ms = now_ms;
            state.status = SplitStatus::Active;
            self.update();
        }
    }

    /// The watermark of one split.
    pub fn split_watermark(&self, split: usize) -> Timestamp {
        self.splits[split].watermark
    }

    /// Nothing could be taken for so long, because of back pressure: that was no silence of the splits.
    pub fn blocked(&mut self, for_ms: i64) {
        self.splits.iter_mut().for_each(|state| state.asked_since_ms += for_ms);
    }

    /// The split has ended.
    pub fn finished(&mut self, split: usize) {
        self.splits[split].status = SplitStatus::Finished;
        self.update();
    }

    /// Time has passed: splits that were asked and gave nothing for the time-out turn idle.
    pub fn tick(&mut self, now_ms: i64) {
        let Some(timeout) = self.idle_timeout_ms else { return };
        for state in &mut self.splits {
            let waited = now_ms - state.asked_since_ms;
            if state.asked && state.status == SplitStatus::Active && waited >= timeout {
                state.status = SplitStatus::Idle { since_ms: state.asked_since_ms };
            }
        }
        self.update();
    }

    /// No later element has an earlier timestamp. MAX once every split has finished. While all that have not are idle, the
    /// greatest of theirs: nothing holds it back.
    pub fn watermark(&self) -> Timestamp {
        if self.splits.is_empty() { Timestamp::MAX } else { self.watermark }
    }

    /// The active split that holds the watermark, if one does.
    pub fn held_by(&self) -> Option<(&str, Timestamp)> {
        let active = self.splits.iter().filter(|state| state.status == SplitStatus::Active);
        active.min_by_key(|state| state.watermark).map(|state| (state.name.as_str(), state.watermark))
    }

    /// Since when an active split that is asked has given nothing, in milliseconds of a steady clock.
    pub fn silent_since(&self, split: usize) -> Option<i64> {
        let state = &self.splits[split];
        (state.asked && state.status == SplitStatus::Active).then_some(state.asked_since_ms)
    }

    /// Every split's name, status and watermark.
    pub fn splits(&self) -> impl Iterator<Item = (&str, SplitStatus, Timestamp)> {
        self.splits.iter().map(|state| (state.name.as_str(), state.status, state.watermark))
    }

    /// Whether every split has ended.
    pub fn all_finished(&self) -> bool {
        self.splits.iter().all(|state| state.status == SplitStatus::Finished)
    }

    /// Whether no split is active, though some may come back.
    pub fn all_idle(&self) -> bool {
        !self.all_finished() && self.splits.iter().all(|state| state.status != SplitStatus::Active)
    }

    fn update(&mut self) {
        // A split that is at MAX gives nothing more, and counts as one that has ended.
        let of = |wanted: fn(&SplitStatus) -> bool| {
            let wanted = move |state: &&SplitState| wanted(&state.status) && state.watermark < Timestamp::MAX;
            self.splits.iter().filter(wanted).map(|state| state.watermark)
        };
        let least = of(|status| *status == SplitStatus::Active).min();
        let greatest_idle = of(|status| matches!(status, SplitStatus::Idle { .. })).max();
        let now = least.or(greatest_idle).unwrap_or(Timestamp::MAX);
        self.watermark = self.watermark.max(now);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(ms: i64) -> Timestamp {
        Timestamp::from_millis(ms)
    }

    fn two(timeout: i64) -> SplitWatermarks {
        let mut splits = SplitWatermarks::new(Some(timeout));
        for name in ["a", "b"] {
            splits.add(name.into(), Timestamp::MIN, 0);
        }
        splits
    }

    #[test]
    fn the_least_active_split_holds_it() {
        let mut splits = two(100);
        splits.gave(0, at(50));
        assert_eq!(splits.watermark(), Timestamp::MIN);
        splits.gave(1, at(20));
        assert_eq!((splits.watermark(), splits.held_by()), (at(20), Some(("b", at(20)))));
    }

    #[test]
    fn the_last_that_a_split_gives_does_not_end_those_that_are_idle() {
        let mut splits = two(100);
        splits.gave(1, at(30));
        splits.asked(1, 0);
        splits.tick(100);
        splits.gave(0, Timestamp::MAX);
        assert_eq!(splits.watermark(), at(30));
        splits.finished(0);
        assert_eq!(splits.watermark(), at(30));
        splits.gave(1, Timestamp::MAX);
        assert_eq!(splits.watermark(), Timestamp::MAX);
    }

    #[test]
    fn a_split_that_is_asked_in_vain_turns_idle_and_comes_back() {
        let mut splits = two(100);
        splits.gave(0, at(50));
        splits.asked(1, 0);
        splits.tick(99);
        assert_eq!(splits.watermark(), Timestamp::MIN);
        splits.tick(100);
        assert_eq!(splits.watermark(), at(50));
        splits.gave(1, at(10));
        assert_eq!(splits.watermark(), at(50), "it never goes back");
        assert_eq!(splits.held_by(), Some(("b", at(10))));
    }

    #[test]
    fn a_split_that_is_not_asked_never_turns_idle() {
        let mut splits = two(100);
        splits.gave(0, at(50));
        splits.tick(1_000_000);
        assert_eq!(splits.watermark(), Timestamp::MIN);
    }

    #[test]
    fn a_split_out_of_reach_is_not_silent() {
        let mut splits = two(100);
        splits.gave(0, at(50));
        splits.asked(1, 0);
        splits.gave_nothing(1, false, 90);
        splits.tick(189);
        assert_eq!(splits.watermark(), Timestamp::MIN);
        splits.gave_nothing(1, true, 189);
        splits.tick(190);
        assert_eq!(splits.watermark(), at(50));
    }

    #[test]
    fn back_pressure_is_no_silence() {
        let mut splits = two(100);
        splits.gave(0, at(50));
        splits.asked(1, 0);
        splits.blocked(500);
        splits.tick(599);
        assert_eq!(splits.watermark(), Timestamp::MIN);
        splits.tick(600);
        assert_eq!(splits.watermark(), at(50));
    }

    #[test]
    fn a_split_that_is_added_later_holds_it_where_it_is() {
        let mut splits = two(100);
        splits.gave(0, at(50));
        splits.gave(1, at(60));
        let third = splits.add("c".into(), Timestamp::MIN, 0);
        splits.gave(0, at(70));
        assert_eq!((splits.watermark(), splits.held_by()), (at(50), Some(("c", Timestamp::MIN))));
        splits.gave(third, at(65));
        assert_eq!(splits.watermark(), at(60));
    }

    #[test]
    fn a_split_that_had_ended_before_the_others_were_added_does_not_end_them() {
        let mut splits = SplitWatermarks::new(None);
        splits.add_finished("a".into());
        let second = splits.add("b".into(), at(3), 0);
        assert_eq!(splits.watermark(), Timestamp::MIN);
        splits.gave(second, at(5));
        assert_eq!(splits.watermark(), at(5));
    }

    #[test]
    fn finished_splits_do_not_hold_and_all_finished_is_the_end() {
        let mut splits = two(100);
        splits.gave(0, at(50));
        splits.finished(1);
        assert_eq!(splits.watermark(), at(50));
        splits.finished(0);
        assert_eq!(splits.watermark(), Timestamp::MAX);
    }
}
