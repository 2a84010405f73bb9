//! Random scripts that seek out the edges of windows.

use proptest::prelude::*;
use purlin_model::Timestamp;
use purlin_model::window::{Window, Windowing};

/// What is drawn: times are said by what lies nearby.
#[derive(Clone, Debug)]
pub(crate) enum Draw {
    /// Elements: a key, and how far after the watermark.
    Input(Vec<(u8, i64)>),
    /// The same elements as some time before.
    Again(usize),
    /// To an edge of a window of an earlier element, and a little further.
    ToEdge { of: usize, is_gc: bool, by: i64 },
    /// The watermark goes on.
    Watermark(i64),
    /// Processing time goes on by so much; something upstream waits for a time that lies so far back.
    Time { by: i64, upstream: Option<i64> },
    /// The input has ended.
    End,
}

impl Draw {
    pub(crate) fn any() -> impl Strategy<Value = Draw> {
        let element = (0u8..2, -12i64..15);
        prop_oneof![
            8 => prop::collection::vec(element, 1..5).prop_map(Draw::Input),
            2 => (0usize..20).prop_map(Draw::Again),
            5 => (0usize..20, any::<bool>(), -1i64..3).prop_map(|(of, is_gc, by)| Draw::ToEdge { of, is_gc, by }),
            1 => (0i64..12).prop_map(Draw::Watermark),
            4 => (1i64..9, prop::option::weighted(0.2, 0i64..5)).prop_map(|(by, upstream)| Draw::Time { by, upstream }),
            1 => Just(Draw::End),
        ]
    }
}

/// One event for both machines.
#[derive(Clone, Debug)]
pub(crate) enum Step {
    /// Elements that come together: key and timestamp.
    Input(Vec<(u8, i64)>),
    Watermark(Timestamp),
    Time {
        now_ms: i64,
        synchronized_ms: i64,
    },
}

/// A script, with the windowing that it is for.
#[derive(Clone, Debug)]
pub(crate) struct Script {
    #[expect(dead_code, reason = "it is shown where a test fails")]
    windowing: Windowing,
    pub(crate) steps: Vec<Step>,
}

impl Script {
    /// Puts times to what was drawn; at the end the input has ended.
    pub(crate) fn of(windowing: &Windowing, draws: Vec<Draw>) -> Self {
        let (mut now_ms, mut watermark, mut inputs) = (0, 0, Vec::new());
        let mut steps = Vec::new();
        for draw in draws.into_iter().chain([Draw::End]) {
            steps.push(match draw {
                Draw::Input(drawn) => {
                    let elements: Vec<_> = drawn.into_iter().map(|(key, after)| (key, watermark + after)).collect();
                    inputs.push(elements.clone());
                    Step::Input(elements)
                }
                Draw::Again(number) => match inputs.get(number % inputs.len().max(1)) {
                    Some(elements) => Step::Input(elements.clone()),
                    None => continue,
                },
                Draw::ToEdge { of, is_gc, by } => {
                    let Some(window) = window_of(windowing, inputs.concat(), of) else { continue };
                    let edge = if is_gc { window.gc(windowing.lateness_ms()) } else { window.max_timestamp() };
                    let to = edge.millis() + by;
                    // The last window of all may be reached, but elements go on coming near the others.
                    watermark = if window.is_global() { watermark } else { to.max(watermark) };
                    Step::Watermark(Timestamp::from_millis(to))
                }
                Draw::Watermark(by) => {
                    watermark += by;
                    Step::Watermark(Timestamp::from_millis(watermark))
                }
                Draw::Time { by, upstream } => {
                    now_ms += by;
                    Step::Time { now_ms, synchronized_ms: now_ms - upstream.unwrap_or(0) }
                }
                Draw::End => Step::Watermark(Timestamp::MAX),
            });
        }
        Script { windowing: windowing.clone(), steps }
    }
}

fn window_of(windowing: &Windowing, elements: Vec<(u8, i64)>, of: usize) -> Option<Window> {
    let (_, at) = elements.get(of % elements.len().max(1))?;
    let windows = windowing.function.assign(Timestamp::from_millis(*at));
    let number = of % windows.len().max(1);
    windows.iter().nth(number)
}
