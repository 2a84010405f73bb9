//! A snapshot is as large as what has changed.

use std::collections::HashMap;
use std::sync::Arc;

use purlin_model::bundle::{AnyBundle, Bundle, ElementSides};
use purlin_model::combine::{Sum, ToVec};
use purlin_model::graph::Op;
use purlin_model::kernel::{Form, Grouping, GroupingKernel};
use purlin_model::state::{Bag, MapCell, State, Value};
use purlin_model::window::{Fixed, Global, WindowFn, Windowing};
use purlin_model::{
    BoxError, Output, PCollection, Pipeline, StateContext, StatefulDoFn, Timestamp, Trigger, milliseconds,
};

use super::fleet::Fleet;
use crate::plan::KeyedWork;

const KEYS: u64 = 10_000;

fn fixed() -> Windowing {
    Windowing { function: Arc::new(Fixed::of(milliseconds(100))), ..Windowing::default() }
}

fn triggered() -> Windowing {
    let (trigger, mode) =
        (Trigger::after_count(1_000_000).repeatedly(), purlin_model::window::Accumulation::Accumulating);
    Windowing { trigger, mode: Some(mode), ..fixed() }
}

fn grouping(kernel: impl Grouping + 'static, windowing: &Windowing, panes: Box<dyn AnyBundle>) -> Fleet {
    let work = KeyedWork::Group { form: Form::Raw, kernel: Arc::new(kernel), late_output: false };
    Fleet::new(work, windowing, HashMap::new(), vec![panes]).tracked(2)
}

fn summing(windowing: &Windowing) -> Fleet {
    grouping(GroupingKernel::<u64, u64, Sum>::combining(Sum), windowing, Box::new(Bundle::<(u64, u64)>::new()))
}

fn collecting(windowing: &Windowing) -> Fleet {
    let panes = Box::new(Bundle::<(u64, Vec<u64>)>::new());
    grouping(GroupingKernel::<u64, u64, ToVec>::collecting(ToVec), windowing, panes)
}

#[derive(State)]
#[state(crate = "purlin_model")]
struct Cells {
    last: Value<u64>,
    all: Bag<u64>,
    map: MapCell<u64, u64>,
}

#[derive(Clone)]
struct Remember;

impl StatefulDoFn<u64, u64> for Remember {
    type State = Cells;
    type Out = Output<u64>;

    fn process(
        &mut self,
        _: &u64,
        value: u64,
        cells: &mut Cells,
        _: &StateContext,
        _: &mut Output<u64>,
    ) -> Result<(), BoxError> {
        cells.last.set(value);
        cells.all.add(value);
        cells.map.insert(value, value);
        Ok(())
    }
}

fn remembering() -> Fleet {
    let pipeline = Pipeline::new();
    let pairs: PCollection<(u64, u64)> = pipeline.create("pairs", []);
    drop(pairs.par_do_stateful("remember", Remember));
    let graph = pipeline.graph().expect("a sound graph");
    let Op::Stateful(kernel) = &graph.nodes[1].op else { panic!("it has state") };
    let work = KeyedWork::Stateful { kernel: kernel.clone(), input: graph.collections[0].coder.clone() };
    Fleet::new(work, &fixed(), HashMap::new(), vec![Box::new(Bundle::<u64>::new())]).tracked(2)
}

/// One element for each of these keys.
fn bundle(keys: impl Iterator<Item = u64>, value: u64) -> Box<dyn AnyBundle> {
    let at = Timestamp::from_millis(0);
    let sides = ElementSides { windows: Fixed::of(milliseconds(100)).assign(at), ..ElementSides::at(at) };
    let mut bundle = Bundle::new();
    bundle.extend_with(keys.map(|key| (key, value)), sides);
    Box::new(bundle)
}

/// How long a snapshot's logs are after each of these keys got an element.
fn logged(fleet: &mut Fleet, keys: impl Iterator<Item = u64>, value: u64) -> usize {
    fleet.process(bundle(keys, value));
    fleet.snapshot();
    fleet.logged
}

#[test]
fn what_has_not_changed_is_not_written() {
    for (name, mut fleet) in [
        ("sums of whole windows", summing(&fixed())),
        ("sums under a trigger", summing(&triggered())),
        ("lists of whole windows", collecting(&fixed())),
        ("lists under a trigger", collecting(&triggered())),
        ("states", remembering()),
    ] {
        let all = logged(&mut fleet, 0..KEYS, 1000);
        assert_eq!(logged(&mut fleet, 0..0, 1000), 0, "{name}: nothing has changed");
        let some = logged(&mut fleet, (0..KEYS).step_by(100), 1001);
        let share = some as f64 / all as f64;
        assert!((0.005..0.02).contains(&share), "{name}: a hundredth has changed, {share:.4} of the bytes are written");

        // Once restored it goes on from there.
        fleet.replace(3);
        assert_eq!(logged(&mut fleet, 0..0, 1000), 0, "{name}: taking over changes nothing");
        let some = logged(&mut fleet, (7..KEYS).step_by(100), 1002);
        let share = some as f64 / all as f64;
        assert!((0.005..0.02).contains(&share), "{name}: restored, {share:.4} of the bytes are written");
        assert_eq!(fleet.entries(), KEYS as usize);

        fleet.advance(Timestamp::from_millis(1000));
        fleet.snapshot();
        assert!(fleet.logged < 40, "{name}: a window that is over is dropped whole: {} bytes", fleet.logged);
        assert_eq!(fleet.entries(), 0);
    }
}

#[test]
fn what_grows_is_written_as_it_grows() {
    for (name, mut fleet) in [
        ("lists of whole windows", collecting(&fixed())),
        ("lists under a trigger", collecting(&triggered())),
        ("states", remembering()),
    ] {
        for value in 0..1000 {
            fleet.process(bundle(0..10, value));
        }
        fleet.snapshot();
        let long = fleet.logged;
        assert!(long > 10 * 1000, "{name}: {long} bytes of ten keys with a thousand values each");
        let mut written = 0;
        for value in 1000..1100 {
            written += logged(&mut fleet, 0..10, value);
        }
        let one = written / 100;
        assert!(one < long / 50, "{name}: {one} bytes for one value more of each key, {long} for all");
        fleet.replace(3);
        let restored = logged(&mut fleet, 0..10, 1100);
        assert!(restored < long / 50, "{name}: restored, {restored} bytes for one value more of each key");
        // Now and then all is written anew, and ever more seldom.
        for value in 1101..5000 {
            written += logged(&mut fleet, 0..10, value);
        }
        assert!(written < 4000 * 10 * 50, "{name}: {written} bytes in all");
    }
}

#[test]
fn windows_that_come_and_go_between_snapshots_leave_nothing() {
    for (name, mut fleet) in
        [("whole windows", summing(&fixed())), ("triggers", summing(&triggered())), ("states", remembering())]
    {
        fleet.process(bundle(0..100, 1));
        fleet.advance(Timestamp::from_millis(1000));
        fleet.snapshot();
        assert_eq!(fleet.logged, 0, "{name}");
    }
}

#[test]
fn the_global_window_is_never_dropped() {
    let windowing = Windowing { function: Arc::new(Global), ..triggered() };
    let mut fleet = summing(&windowing);
    fleet.process(Box::new(Bundle::of(vec![(1_u64, 1_u64)])));
    fleet.advance(Timestamp::from_millis(1000));
    fleet.snapshot();
    assert_eq!(fleet.entries(), 1);
}
