//! With sorted input the outcome is that of a plain loop over each key's elements, however they are split, bundled and spread over
//! workers, and whether or not the watermark moves meanwhile (SEMANTICS §12).

use std::collections::BTreeMap;

use proptest::prelude::*;
use purlin::prelude::*;
use purlin::state::{Combining, EventTimer, MapCell, Value, WindowExpiration};
use purlin_tests::{Runner, ScriptedSource, random_cases};

use crate::job::at;

/// Windows of so many milliseconds; a key without elements for so long is told to be idle.
const WINDOW_MS: i64 = 64;
const IDLE_MS: u64 = 9;

/// What happened: to which key, what, and the numbers that were known.
type Told = (u8, String, i64, i64);

#[derive(State)]
struct Cells {
    count: Value<i64>,
    sum: Combining<Sum, i64>,
    by_rest: MapCell<i64, i64>,
    idle: EventTimer,
    end: WindowExpiration,
}

#[derive(Clone)]
struct Tell;

impl StatefulDoFn<u8, i64> for Tell {
    type State = Cells;
    type Out = Output<Told>;
    const TIME_SORTED_INPUT: bool = true;

    fn process(
        &mut self,
        key: &u8,
        n: i64,
        cells: &mut Cells,
        _: &StateContext,
        out: &mut Output<Told>,
    ) -> Result<(), BoxError> {
        *cells.count.get_or_insert_with(|| 0) += 1;
        cells.sum.add(n);
        let of_rest = cells.by_rest.get_or_insert_with(n % 4, || 0);
        *of_rest += 1;
        out.emit((*key, "element".into(), n, *of_rest));
        if n % 5 == 0 {
            cells.idle.clear()
        } else {
            cells.idle.set_relative(milliseconds(IDLE_MS))
        }
        Ok(())
    }

    fn on_timer(
        &mut self,
        key: &u8,
        cells: &mut Cells,
        cx: &TimerContext,
        out: &mut Output<Told>,
    ) -> Result<(), BoxError> {
        out.emit((*key, "idle".into(), cx.firing_time().millis(), cells.sum.take()));
        Ok(())
    }

    fn on_window_expiration(
        &mut self,
        key: &u8,
        cells: &mut Cells,
        cx: &TimerContext,
        out: &mut Output<Told>,
    ) -> Result<(), BoxError> {
        let (count, sum) = (cells.count.get().copied().unwrap_or(0), cells.sum.get());
        let told = (*key, format!("end of {}", cx.window().start.millis()), count, sum);
        out.emit(told);
        Ok(())
    }
}

/// The same by hand, with the timestamps.
fn by_hand(elements: &[((u8, i64), i64)]) -> Vec<(Told, i64)> {
    let mut of_key: BTreeMap<(u8, i64), Vec<(i64, i64)>> = BTreeMap::new();
    for ((key, n), ms) in elements {
        of_key.entry((*key, ms.div_euclid(WINDOW_MS))).or_default().push((*ms, *n));
    }
    let mut all = Vec::new();
    for ((key, window), mut of_key) in of_key {
        let last_ms = (window + 1) * WINDOW_MS - 1;
        of_key.sort();
        let (mut count, mut sum, mut by_rest, mut idle) = (0, 0, BTreeMap::new(), None);
        let mut fire = |at_ms: i64, sum: &mut i64| all.push(((key, "idle".into(), at_ms, std::mem::take(sum)), at_ms));
        let mut elements = Vec::new();
        for (ms, n) in of_key {
            if let Some(due) = idle.take_if(|due| *due < ms) {
                fire(due, &mut sum);
            }
            count += 1;
            sum += n;
            let of_rest = by_rest.entry(n % 4).or_insert(0);
            *of_rest += 1;
            elements.push(((key, "element".to_string(), n, *of_rest), ms));
            idle = (n % 5 != 0).then_some((ms + IDLE_MS as i64).min(last_ms));
        }
        if let Some(due) = idle {
            fire(due, &mut sum);
        }
        all.extend(elements);
        all.push(((key, format!("end of {}", window * WINDOW_MS), count, sum), last_ms));
    }
    all.sort();
    all
}

const RUNNERS: [Runner; 6] =
    [Runner::Reference, Runner::Batch(1), Runner::Batch(4), Runner::Spilling(2), Runner::Stream(1), Runner::Stream(4)];

proptest! {
    #![proptest_config(random_cases(40))]

    #[test]
    fn the_outcome_is_that_of_a_plain_loop(
        // Each time comes once, so that the order of time is one order.
        times in proptest::collection::btree_set(0..300_i64, 0..80),
        keys in proptest::collection::vec(0..4_u8, 80),
        values in proptest::collection::vec(0..30_i64, 80),
        shuffled in Just(()).prop_perturb(|(), mut random| std::iter::repeat_with(|| random.next_u64()).take(80).collect::<Vec<_>>()),
        splits in 1..4_usize,
        bundle in 1..20_usize,
        moving_watermark: bool,
    ) {
        let mut elements: Vec<((u8, i64), i64)> =
            times.into_iter().zip(keys.into_iter().zip(values)).map(|(ms, element)| (element, ms)).collect();
        let expected = by_hand(&elements);
        let order: BTreeMap<i64, u64> = elements.iter().map(|(_, ms)| *ms).zip(shuffled).collect();
        elements.sort_by_key(|(_, ms)| order[ms]);
        let mut of_splits = vec![Vec::new(); splits];
        for (number, (element, ms)) in elements.into_iter().enumerate() {
            of_splits[number % splits].push((element, at(ms)));
        }
        let script = ScriptedSource::new(of_splits).bundles_of(bundle).moving_watermark(moving_watermark);
        for runner in RUNNERS {
            let (pipeline, results) = (Pipeline::new(), MemorySink::new());
            pipeline
                .read("script", script.clone())
                .window(Fixed::of(milliseconds(WINDOW_MS as u64)))
                .par_do_stateful("tell", Tell)
                .map_in("with time", |told, at| (told, at.timestamp.millis()))
                .write("results", results.sink());
            runner.run(&pipeline.graph().expect("a sound graph")).expect("it runs");
            let mut seen = results.take();
            seen.sort();
            prop_assert_eq!(&seen, &expected, "{:?}", runner);
        }
    }
}
