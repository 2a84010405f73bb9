//! What random scripts have found, with what both machines have to give.

use purlin_model::window::{Accumulation, ClosingBehavior, Sessions, Windowing};
use purlin_model::{Timestamp, Trigger, milliseconds};

use super::machines::Both;
use super::script::Step;
use super::windowing::{Echoes, arc};

fn check(windowing: Windowing, script: &[(Step, &[&str])]) {
    let mut both = Both::new(&windowing);
    for (step, expected) in script {
        let (core, reference) = both.step(step);
        assert_eq!(core.lines, *expected, "core at {step:?}");
        assert_eq!(reference.lines, *expected, "reference at {step:?}");
    }
}

fn watermark(millis: i64) -> Step {
    Step::Watermark(Timestamp::from_millis(millis))
}

fn sessions(gap: u64, trigger: Trigger) -> Windowing {
    let function = arc(Sessions::of(milliseconds(gap)));
    Windowing { function, trigger, allowed_lateness_ms: Some(8), ..Windowing::default() }
}

/// As in Beam's core: "finished in all merged windows" holds where none of them was open, and the end of the new one is over.
#[test]
fn late_elements_that_only_have_each_other_find_their_session_closed() {
    check(
        sessions(5, Trigger::after_watermark()),
        &[
            (watermark(4), &[]),
            (
                Step::Input(vec![(1, -1), (1, -2)]),
                &["drop 1 [-2, 4) 0 at -1: Closed", "drop 1 [-2, 4) 1 at -2: Closed"],
            ),
            (Step::Input(vec![(1, -3)]), &["pane 1 [-3, 2) [2] at 1: Late 0, 0 only"]),
        ],
    );
}

#[test]
fn processing_time_and_synchronized_processing_time_wake_a_window_once_between_them() {
    let first = |trigger| Trigger::AfterFirst(vec![trigger, Trigger::Default]);
    let parts =
        [Trigger::after_processing_time(milliseconds(0)), Trigger::Default, Trigger::AfterSynchronizedProcessingTime];
    let trigger = Trigger::AfterEach(parts.map(first).to_vec());
    let windowing = Windowing { closing: ClosingBehavior::Always, ..sessions(3, trigger) };
    check(
        Windowing { mode: Some(Accumulation::Accumulating), ..windowing },
        &[
            (watermark(2), &[]),
            (Step::Input(vec![(0, -3)]), &["pane 0 [-3, 0) [0] at -1: Late 0, 0 first"]),
            (Step::Time { now_ms: 1, synchronized_ms: 1 }, &[]),
            (Step::Watermark(Timestamp::MAX), &["pane 0 [-3, 0) [0] at -1: Late 1, 1 last"]),
        ],
    );
}

/// Each of its windows would have brought it there, had it come before they became one.
#[test]
fn an_element_is_twice_in_what_two_of_its_windows_have_become() {
    let function = arc(Echoes { sessions: Sessions::of(milliseconds(5)), after_ms: 3 });
    check(
        Windowing { function, ..Windowing::default() },
        &[
            (Step::Input(vec![(0, 0)]), &[]),
            (Step::Watermark(Timestamp::MAX), &["pane 0 [0, 8) [0, 0] at 7: OnTime 0, 0 only"]),
        ],
    );
}

#[test]
fn sessions_that_an_element_joins_wait_for_the_earlier_of_their_targets() {
    check(
        sessions(10, Trigger::after_processing_time(milliseconds(5))),
        &[
            (Step::Input(vec![(0, 0)]), &[]),
            (Step::Time { now_ms: 3, synchronized_ms: 3 }, &[]),
            (Step::Input(vec![(0, 15)]), &[]),
            (Step::Input(vec![(0, 8)]), &[]),
            (Step::Time { now_ms: 5, synchronized_ms: 5 }, &[]),
            (Step::Time { now_ms: 6, synchronized_ms: 6 }, &["pane 0 [0, 25) [0, 1, 2] at 24: Early 0, -1 only"]),
        ],
    );
}
