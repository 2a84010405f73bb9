//! Stateful transforms that look up side inputs: elements wait, per window, until these are ready (SEMANTICS §9), and timers see them too.

use purlin::prelude::*;
use purlin::source::TestStream;
use purlin::state::{EventTimer, Value};
use purlin::view::View;

use crate::job::{RUNNERS, at};

/// Multiplies each amount by the window's rate, and sums up; the sum comes out with the window's timer, by the rate then.
#[derive(Clone)]
struct ByRate {
    rate: View<i64>,
}

impl StatefulDoFn<u8, i64> for ByRate {
    type State = (Value<i64>, EventTimer);
    type Out = Output<(u8, String)>;

    fn process(
        &mut self,
        key: &u8,
        amount: i64,
        (sum, end): &mut Self::State,
        cx: &StateContext,
        out: &mut Self::Out,
    ) -> Result<(), BoxError> {
        let worth = amount * cx.side(&self.rate)?;
        sum.set(sum.get().unwrap_or(&0) + worth);
        end.set(cx.window().max_timestamp());
        out.emit((*key, format!("{amount} is {worth}")));
        Ok(())
    }

    fn on_timer(
        &mut self,
        key: &u8,
        (sum, _): &mut Self::State,
        cx: &TimerContext,
        out: &mut Self::Out,
    ) -> Result<(), BoxError> {
        out.emit((*key, format!("{} by {}", sum.take().unwrap_or(0), cx.side(&self.rate)?)));
        Ok(())
    }
}

/// Amounts are told by a key, rates by key 0.
type Told = (u8, i64);

#[test]
fn elements_wait_until_the_window_has_its_value_and_timers_see_it() {
    let script = TestStream::new()
        .elements([((1, 2), at(1)), ((2, 3), at(2)), ((1, 4), at(12))])
        .elements([((0, 10), at(3))])
        .advance_watermark(at(10))
        .advance_watermark(at(20));
    let expected = [
        (2, (1, "2 is 20"), 1, 0),
        (2, (2, "3 is 30"), 2, 0),
        (2, (1, "20 by 10"), 9, 0),
        (2, (2, "30 by 10"), 9, 0),
        // The second window has no rate, and the watermark says that none comes.
        (3, (1, "4 is 4"), 12, 10),
        (3, (1, "4 by 1"), 19, 10),
    ];
    for runner in RUNNERS {
        let (pipeline, results) = (Pipeline::new(), MemorySink::new());
        let under_way = script.under_way();
        let told: PCollection<Told> =
            pipeline.test_stream("script", script.clone()).window(Fixed::of(milliseconds(10)));
        let rates = told.filter("rates", |(key, _)| *key == 0).map("rate", |(_, rate)| rate);
        let rate = rates.combine_globally("latest", Max).map("known", |rate| rate.unwrap_or(1)).as_optional(1);
        told.filter("amounts", |(key, _)| *key > 0)
            .par_do_stateful_with("by rate", &rate, ByRate { rate: rate.clone() })
            .map_in("seen", move |value, at| {
                (under_way.number(), value, at.timestamp.millis(), at.window.start.millis())
            })
            .write("results", results.sink());
        let graph = pipeline.graph().expect("it is sound");
        runner.run(&graph).unwrap_or_else(|failure| panic!("{runner:?}: {failure}"));
        let mut seen = results.take();
        seen.sort_by_key(|(event, (key, _), ms, _)| (*event, *ms, *key));
        let expected = expected.map(|(event, (key, text), ms, start)| (event, (key, text.to_string()), ms, start));
        assert_eq!(seen, expected, "{runner:?}");
    }
}

#[test]
fn bounded_input_finds_all_that_its_side_input_has() {
    for runner in RUNNERS {
        let (pipeline, results) = (Pipeline::new(), MemorySink::new());
        let rate = pipeline.create_at("rate", [(7_i64, at(1))]).as_singleton();
        pipeline
            .create_at("amounts", (0..50_i64).map(|n| (((n % 3) as u8, n), at(n))))
            .par_do_stateful_with("by rate", &rate, ByRate { rate: rate.clone() })
            .filter("sums", |(_, text)| text.contains("by"))
            .write("results", results.sink());
        runner.run(&pipeline.graph().expect("it is sound")).unwrap_or_else(|failure| panic!("{runner:?}: {failure}"));
        let mut seen = results.take();
        seen.sort();
        let sum = |key: i64| (0..50).filter(|n| n % 3 == key).sum::<i64>() * 7;
        let expected: Vec<(u8, String)> = (0..3).map(|key| (key as u8, format!("{} by 7", sum(key)))).collect();
        assert_eq!(seen, expected, "{runner:?}");
    }
}
