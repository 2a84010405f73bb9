//! Work by key of every kind, planned from a pipeline as a runner gets it, and what drives it.

use std::any::type_name;
use std::collections::HashMap;
use std::sync::LazyLock;
use std::time::Duration;

use purlin_model::bundle::{AnyBundle, Bundle, ElementSides};
use purlin_model::combine::{Mean, Sum, Top};
use purlin_model::graph::NodeId;
use purlin_model::kernel::Form;
use purlin_model::state::{
    Bag, Combining, EventTime, EventTimer, EventTimerFamily, Expires, MapCell, MultimapCell, OrderedList,
    ProcessingTimer, SetCell, State, Value,
};
use purlin_model::view::View;
use purlin_model::window::{Fixed, Sessions, Sliding, WindowFn, Windowing};
use purlin_model::{
    Batches, BoxError, Output, PCollection, Pipeline, StateContext, StatefulDoFn, TimerContext, Timestamp, Trigger,
    milliseconds,
};
use purlin_runners::core::{KeyedMachine, Now, ShardSnapshot, StateType, ViewState};
use purlin_runners::plan::{HeadKind, KeyedWork, Plan, PlanOptions};

/// Work by key of `(u8, i64)`s.
pub struct Work {
    /// The transform.
    pub name: String,
    work: KeyedWork,
    windowing: Windowing,
    views: HashMap<NodeId, ViewState>,
    new_outs: Box<dyn Fn() -> Vec<Box<dyn AnyBundle>> + Send + Sync>,
}

/// One of each kind.
pub static ALL: LazyLock<Vec<Work>> = LazyLock::new(all);

/// How often a machine is asked to go on: what garbage makes due has no end, but each step has.
const STEPS_MAX: usize = 20;

impl Work {
    /// One of `shards` shards that keeps book of its changes.
    pub fn shard(&self, shard: usize, shards: usize) -> KeyedMachine {
        let made = KeyedMachine::new(&self.work, &self.windowing, self.views.clone(), (shard, shards));
        let mut machine = made.expect("it is set up");
        machine.track_changes();
        machine
    }

    /// What it keeps.
    pub fn state_types(&self) -> Vec<StateType> {
        self.work.state_types(&self.windowing)
    }

    /// Some take something else that the planner has made of the pairs.
    fn takes_pairs(&self) -> bool {
        match &self.work {
            KeyedWork::Group { form, kernel, .. } => *form == Form::Raw && kernel.key_type() == type_name::<u8>(),
            KeyedWork::Stateful { input, .. } => input.element_type() == type_name::<(u8, i64)>(),
        }
    }

    /// Takes elements in at these times, and goes on to `watermark`.
    pub fn drive(&self, machine: &mut KeyedMachine, times: &[i64], watermark: Timestamp) -> Result<(), BoxError> {
        let mut outs = (self.new_outs)();
        if self.takes_pairs() {
            let mut bundle = Bundle::new();
            for (value, at) in times.iter().enumerate() {
                let at = Timestamp::from_millis(*at);
                for window in self.windowing.function.assign(at).iter() {
                    let sides = ElementSides { windows: window.into(), ..ElementSides::at(at) };
                    bundle.push((value as u8 % 3, value as i64), sides);
                }
            }
            machine.process(&mut bundle, Now::local(50), &mut outs)?;
        }
        for _ in 0..STEPS_MAX {
            outs.iter_mut().for_each(|out| out.clear());
            if machine.advance(watermark, Now::local(50), 50, &mut outs)? {
                break;
            }
        }
        for _ in 0..STEPS_MAX {
            outs.iter_mut().for_each(|out| out.clear());
            if machine.advance_processing_time(Now::local(90), 50, &mut outs)? {
                break;
            }
        }
        Ok(())
    }
}

/// A pipeline with all of them, and a step that looks up a view.
pub fn plan() -> Plan {
    let pipeline = Pipeline::new();
    let pairs = pipeline.create("pairs", [(0_u8, 0_i64)]);
    let fixed = || Fixed::of(milliseconds(10));
    let rates = pipeline.create("rates", [1_i64]).window(fixed()).as_optional(-1);

    pairs.window(fixed()).group_by_key("whole windows");
    pairs.window(Sessions::of(milliseconds(5))).combine_per_key("sessions", Sum);
    pairs.window(Sliding::of(milliseconds(9)).every(milliseconds(4))).combine_per_key("sliding", Mean);
    let early = Trigger::after_watermark().early(Trigger::after_count(2)).late(Trigger::after_count(1));
    let late = |window: purlin_model::window::WindowSpec| window.allowed_lateness(milliseconds(20)).discarding();
    pairs.window(late(fixed().with()).trigger(early.clone()).accumulating()).group_by_key("accumulating");
    let sessions = late(Sessions::of(milliseconds(5)).with()).trigger(early).discarding();
    pairs.window(sessions).group_by_key("triggered sessions");
    let often = Trigger::after_processing_time(milliseconds(3)).repeatedly();
    pairs.window(late(fixed().with()).trigger(often).discarding()).combine_per_key("often", Top::n(2));
    pairs.window(fixed()).distinct("distinct");
    pairs.window(fixed()).deduplicate_per_key("deduplicated", EventTime, milliseconds(20));
    let batches = Batches::of(3).max_buffering(milliseconds(20));
    pairs.window(late(fixed().with())).group_into_batches("batches", batches);
    drop(pairs.window(late(fixed().with())).par_do_stateful("cells", Cells));
    drop(pairs.window(late(fixed().with())).par_do_stateful("sorted", Sorted));
    drop(pairs.window(fixed()).par_do_stateful_with("converted", &rates, Converted(rates.clone())));
    let numbers = pairs.map("number", |(_, number)| number);
    convert(numbers.window(fixed()), &rates);
    Plan::new(pipeline.graph().expect("a sound graph"), PlanOptions::default())
}

fn convert(numbers: PCollection<i64>, rates: &View<i64>) {
    numbers.map_with("convert", rates, |number, rate| number.wrapping_mul(*rate)).reshuffle();
}

/// The views of a plan.
pub fn views(plan: &Plan) -> HashMap<NodeId, ViewState> {
    plan.graph.node_ids().filter_map(|id| Some((id, ViewState::new(&plan.graph, id)?))).collect()
}

fn all() -> Vec<Work> {
    let plan = plan();
    let views = views(&plan);
    let mut all = Vec::new();
    for stage in plan.stages {
        for number in 0..stage.heads.len() {
            let head = &stage.heads[number];
            let HeadKind::Keyed { work, windowing, views: looked_up, .. } = &head.kind else { continue };
            let stage = stage.clone();
            all.push(Work {
                name: head.name.clone(),
                work: work.clone(),
                windowing: windowing.clone(),
                views: views
                    .iter()
                    .filter(|(view, _)| looked_up.contains(view))
                    .map(|(id, view)| (*id, view.clone()))
                    .collect(),
                new_outs: Box::new(move || stage.heads[number].new_bundles()),
            });
        }
    }
    assert_eq!(all.len(), 12, "{:?}", all.iter().map(|work| &work.name).collect::<Vec<_>>());
    all
}

/// What a shard that has done something keeps: its snapshot, and the log of its entries.
pub fn snapshot(work: &Work) -> (ShardSnapshot, Vec<u8>) {
    let mut machine = work.shard(0, 1);
    work.drive(&mut machine, &[0, 3, 12, 13, 14, 25], Timestamp::from_millis(8)).expect("it goes on");
    let mut log = purlin_model::snapshot::StateLog::default();
    machine.snapshot(&mut log).expect("it can be written");
    work.drive(&mut machine, &[15, 17, 31], Timestamp::from_millis(9)).expect("it goes on");
    let shard = machine.snapshot(&mut log).expect("it can be written");
    (shard, log.into_bytes())
}

/// Fills every cell.
#[derive(Clone)]
struct Cells;

#[derive(State)]
#[state(crate = "purlin_model")]
struct AllCells {
    value: Value<(String, Option<i64>)>,
    bag: Bag<u8>,
    map: MapCell<u8, i64>,
    set: SetCell<i64>,
    multimap: MultimapCell<u8, u8>,
    list: OrderedList<i64>,
    sum: Combining<Sum, i64>,
    brief: Value<u8, Expires<EventTime, 12>>,
    timer: EventTimer,
    members: EventTimerFamily<u8>,
    wake: ProcessingTimer,
}

impl StatefulDoFn<u8, i64> for Cells {
    type State = AllCells;
    type Out = Output<i64>;

    fn process(
        &mut self,
        key: &u8,
        number: i64,
        cells: &mut AllCells,
        cx: &StateContext,
        out: &mut Output<i64>,
    ) -> Result<(), BoxError> {
        cells.value.set((format!("{number}"), Some(number)));
        cells.bag.add(*key);
        cells.map.insert(*key, number);
        cells.set.insert(number);
        cells.multimap.add(*key, 1);
        cells.list.add(cx.timestamp(), number);
        cells.sum.add(number);
        cells.brief.set(*key);
        cells.timer.set_relative(milliseconds(2));
        cells.members.set_relative(*key, milliseconds(7));
        cells.wake.set_relative(Duration::from_millis(3));
        out.emit(number);
        Ok(())
    }

    fn on_timer(
        &mut self,
        _: &u8,
        cells: &mut AllCells,
        _: &TimerContext,
        out: &mut Output<i64>,
    ) -> Result<(), BoxError> {
        cells.list.clear();
        out.emit(cells.bag.iter().count() as i64);
        Ok(())
    }
}

/// Sees its input by time.
#[derive(Clone)]
struct Sorted;

impl StatefulDoFn<u8, i64> for Sorted {
    type State = Value<i64>;
    type Out = Output<i64>;
    const TIME_SORTED_INPUT: bool = true;

    fn process(
        &mut self,
        _: &u8,
        number: i64,
        last: &mut Value<i64>,
        _: &StateContext,
        out: &mut Output<i64>,
    ) -> Result<(), BoxError> {
        last.set(number);
        out.emit(number);
        Ok(())
    }
}

/// Looks up a view.
#[derive(Clone)]
struct Converted(View<i64>);

impl StatefulDoFn<u8, i64> for Converted {
    type State = Value<u32>;
    type Out = Output<i64>;

    fn process(
        &mut self,
        _: &u8,
        number: i64,
        count: &mut Value<u32>,
        cx: &StateContext,
        out: &mut Output<i64>,
    ) -> Result<(), BoxError> {
        count.set(1);
        out.emit(number.wrapping_mul(*cx.side(&self.0)?));
        Ok(())
    }
}
