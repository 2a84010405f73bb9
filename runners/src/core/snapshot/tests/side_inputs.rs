//! Elements that wait for a side input, in steps and in stateful transforms, and the views that they wait for (SEMANTICS §9).

use std::any::Any;
use std::collections::HashMap;
use std::sync::Arc;

use proptest::prelude::*;
use purlin_model::bundle::{AnyBundle, Bundle, ElementSides};
use purlin_model::coder::{Coder, Postcard};
use purlin_model::graph::{NodeId, Op};
use purlin_model::state::Value;
use purlin_model::view::View;
use purlin_model::window::{Fixed, Window, WindowFn, Windowing};
use purlin_model::{BoxError, Failure, Output, Pipeline, StateContext, StatefulDoFn, Timestamp, milliseconds};

use super::fleet::Fleet;
use super::{Cut, cuts, place};
use crate::core::{Exits, StageRun, StageSnapshot, ViewState};
use crate::plan::{HeadKind, KeyedWork, Plan, PlanOptions, Stage};

const SIZE_MS: i64 = 10;

fn fixed() -> Fixed {
    Fixed::of(milliseconds(SIZE_MS as u64))
}

/// What happens.
#[derive(Clone, Debug)]
enum Step {
    /// Key, and how far after the watermark.
    Input(Vec<(u8, i64)>),
    /// A value of the view for the window that lies so far after the watermark.
    Value(i64, i64),
    /// The view is so far ahead of the watermark.
    ViewWatermark(i64),
    Watermark(i64),
}

fn script() -> impl Strategy<Value = Vec<Step>> {
    let step = prop_oneof![
        4 => prop::collection::vec((0..5_u8, 0..30_i64), 1..6).prop_map(Step::Input),
        2 => (0..30_i64, 1..100_i64).prop_map(|(after, value)| Step::Value(after, value)),
        1 => (-20..30_i64).prop_map(Step::ViewWatermark),
        1 => (0..12_i64).prop_map(Step::Watermark),
    ];
    prop::collection::vec(step, 1..30)
}

/// What a step does to a view, the watermark being there.
fn change(step: &Step, watermark: i64) -> impl Fn(&mut ViewState) {
    let (value, ahead) = match step {
        Step::Value(after, value) => (Some((*after, *value)), None),
        Step::ViewWatermark(ahead) => (None, Some(*ahead)),
        Step::Input(_) | Step::Watermark(_) => (None, None),
    };
    move |view| {
        if let Some((after, value)) = value {
            let window = fixed().assign(Timestamp::from_millis(watermark + after)).first();
            view.update(vec![(window, Arc::new(value) as Arc<dyn Any + Send + Sync>)]);
        }
        if let Some(ahead) = ahead {
            view.advance(Timestamp::from_millis(watermark + ahead));
        }
    }
}

/// Rates that are looked up; -1 where there is none.
fn rates(pipeline: &Pipeline) -> View<i64> {
    pipeline.create("rates", [1_i64]).window(fixed()).as_optional(-1)
}

fn view_of(plan: &Plan) -> (NodeId, ViewState) {
    let mut views = plan.graph.node_ids().filter_map(|id| Some((id, ViewState::new(&plan.graph, id)?)));
    views.next().expect("there is a view")
}

/// A plan whose step of this name looks the rates up.
fn plan(step: &str) -> Plan {
    let pipeline = Pipeline::new();
    let rates = rates(&pipeline);
    let numbers = pipeline.create("numbers", [0_i64]).window(fixed()).map("the same", |n| n);
    numbers.map_with(step, &rates, |n, rate| n * rate).reshuffle();
    Plan::new(pipeline.graph().expect("a sound graph"), PlanOptions::default())
}

fn converting(plan: &Plan) -> &Arc<Stage> {
    plan.stages.iter().find(|stage| !stage.views().is_empty()).expect("a stage looks them up")
}

/// The workers of a stage.
struct Workers {
    plan: Plan,
    workers: Vec<StageRun>,
    turn: usize,
}

#[derive(Default)]
struct Left(Vec<String>);

impl Exits for Left {
    fn emit(&mut self, _: usize, bundle: &mut dyn AnyBundle) -> Result<(), Failure> {
        self.0.extend(bundle.downcast::<i64>().drain().map(|(value, sides)| format!("{value} {}", place(sides))));
        Ok(())
    }
}

impl Workers {
    fn new(workers: usize) -> Self {
        let plan = plan("convert");
        let workers = (0..workers).map(|_| run(&plan)).collect();
        Workers { plan, workers, turn: 0 }
    }

    fn step(&mut self, step: &Step, watermark: i64, next: &mut i64) -> (Vec<String>, Option<Timestamp>) {
        let mut left = Left::default();
        match step {
            Step::Input(elements) => {
                for (_, after) in elements {
                    let at = Timestamp::from_millis(watermark + after);
                    let mut bundle = Bundle::new();
                    bundle.push(*next, ElementSides { windows: fixed().assign(at), ..ElementSides::at(at) });
                    *next += 1;
                    self.turn = (self.turn + 1) % self.workers.len();
                    let worker = &mut self.workers[self.turn];
                    worker.start_bundle().expect("it begins");
                    worker.enter(0, &mut (Box::new(bundle) as Box<dyn AnyBundle>), &mut left).expect("it is taken in");
                    worker.finish_bundle(&mut left).expect("it ends");
                }
            }
            Step::Watermark(_) => {
                let reached = Timestamp::from_millis(watermark);
                self.workers.iter_mut().for_each(|worker| worker.forget_views_before(reached, 0));
            }
            Step::Value(..) | Step::ViewWatermark(_) => {
                let (view, _) = view_of(&self.plan);
                for worker in &mut self.workers {
                    worker.update_view(view, change(step, watermark), &mut left).expect("it goes on");
                }
            }
        }
        left.0.sort_unstable();
        (left.0, self.workers.iter().filter_map(|worker| worker.hold(0)).min())
    }

    fn snapshot(&self) -> Vec<StageSnapshot> {
        let one = |worker: &StageRun| {
            let mut bytes = Vec::new();
            Postcard.encode(&worker.snapshot().expect("it can be written"), &mut bytes).expect("it can be written");
            Postcard.decode(&mut bytes.as_slice()).expect("it can be read")
        };
        self.workers.iter().map(one).collect()
    }

    fn replace(&mut self, workers: usize) {
        let old = self.snapshot();
        StageSnapshot::check(&old, &self.plan).expect("every step is there");
        self.workers = (0..workers).map(|_| run(&self.plan)).collect();
        for (number, worker) in self.workers.iter_mut().enumerate() {
            worker.restore(&old, number, workers).expect("it can be taken over");
        }
    }
}

fn run(plan: &Plan) -> StageRun {
    StageRun::new(converting(plan).clone(), HashMap::from([view_of(plan)])).expect("it is set up")
}

/// Tells what each element finds, and which of its key and window it is.
#[derive(Clone)]
struct Convert(View<i64>);

impl StatefulDoFn<u8, i64> for Convert {
    type State = Value<u32>;
    type Out = Output<String>;

    fn process(
        &mut self,
        key: &u8,
        value: i64,
        count: &mut Value<u32>,
        cx: &StateContext,
        out: &mut Output<String>,
    ) -> Result<(), BoxError> {
        *count.get_or_insert_with(|| 0) += 1;
        out.emit(format!("{key}: {:?} {value} at {}", count.get(), cx.side(&self.0)?));
        Ok(())
    }
}

fn stateful() -> (Plan, KeyedWork, Windowing) {
    let pipeline = Pipeline::new();
    let rates = rates(&pipeline);
    let pairs = pipeline.create("pairs", [(0_u8, 0_i64)]).window(fixed());
    drop(pairs.par_do_stateful_with("convert", &rates, Convert(rates.clone())));
    let plan = Plan::new(pipeline.graph().expect("a sound graph"), PlanOptions::default());
    let mut heads = plan.stages.iter().flat_map(|stage| &stage.heads);
    let keyed = heads.find_map(|head| match &head.kind {
        HeadKind::Keyed { work: work @ KeyedWork::Stateful { .. }, windowing, .. } => {
            Some((work.clone(), windowing.clone()))
        }
        _ => None,
    });
    let (work, windowing) = keyed.expect("it has state");
    (plan, work, windowing)
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn in_steps(script in script(), cuts in cuts()) {
        let (mut whole, mut cut) = (Workers::new(1), Workers::new(2));
        let (mut watermark, mut next, mut next_cut) = (0, 0, 0);
        for (number, step) in script.iter().enumerate() {
            if let Step::Watermark(by) = step {
                watermark += by;
            }
            let expected = whole.step(step, watermark, &mut next);
            prop_assert_eq!(cut.step(step, watermark, &mut next_cut), expected, "step {} {:?}", number, step);
            match cuts[number % cuts.len()] {
                Cut::Nothing => {}
                Cut::Snapshot => drop(cut.snapshot()),
                Cut::Replace(workers) => cut.replace(workers),
            }
        }
    }

    #[test]
    fn in_stateful_transforms(script in script(), cuts in cuts()) {
        let (plan, work, windowing) = stateful();
        let (view, state) = view_of(&plan);
        let fleet = || {
            let outs: Vec<Box<dyn AnyBundle>> = vec![Box::new(Bundle::<String>::new())];
            Fleet::new(work.clone(), &windowing, HashMap::from([(view, state.clone())]), outs)
        };
        let (mut whole, mut cut) = (fleet(), fleet().tracked(1));
        let mut watermark = 0;
        for (number, step) in script.iter().enumerate() {
            if let Step::Watermark(by) = step {
                watermark += by;
            }
            let play = |fleet: &mut Fleet| {
                let mut outs = match step {
                    Step::Input(elements) => {
                        let mut bundle = Bundle::new();
                        for (value, (key, after)) in elements.iter().enumerate() {
                            let at = Timestamp::from_millis(watermark + after);
                            let sides = ElementSides { windows: fixed().assign(at), ..ElementSides::at(at) };
                            bundle.push((*key, value as i64), sides);
                        }
                        fleet.process(Box::new(bundle))
                    }
                    Step::Watermark(_) => fleet.advance(Timestamp::from_millis(watermark)),
                    Step::Value(..) | Step::ViewWatermark(_) => fleet.update_view(view, change(step, watermark)),
                };
                let told = outs[0].downcast::<String>().drain();
                let mut lines: Vec<String> = told.map(|(line, sides)| format!("{line} {}", place(sides))).collect();
                lines.sort_unstable();
                (lines, fleet.output_watermark())
            };
            let (expected, given) = (play(&mut whole), play(&mut cut));
            prop_assert_eq!(given, expected, "interrupted on the left: step {} {:?}", number, step);
            match cuts[number % cuts.len()] {
                Cut::Nothing => {}
                Cut::Snapshot => drop(cut.snapshot()),
                Cut::Replace(shards) => cut.replace(shards),
            }
        }
    }
}

/// A worker in which an element waits.
fn waiting() -> Workers {
    let mut workers = Workers::new(1);
    workers.step(&Step::Input(vec![(0, 3)]), 0, &mut 7);
    assert!(workers.workers[0].is_waiting());
    workers
}

#[test]
fn a_step_that_is_gone_while_elements_wait_in_it_is_named() {
    let old = waiting().snapshot();
    let refusal = StageSnapshot::check(&old, &plan("exchange")).expect_err("it is refused").to_string();
    assert!(refusal.contains("1 elements wait for a side input of `convert`"), "{refusal}");
}

#[test]
fn elements_of_another_type_are_refused_by_name() {
    let old = waiting().snapshot();
    let pipeline = Pipeline::new();
    let rates = rates(&pipeline);
    let texts = pipeline.create("numbers", ["a".to_string()]).window(fixed());
    texts.map_with("convert", &rates, |n, rate| format!("{n} {rate}")).reshuffle();
    let plan = Plan::new(pipeline.graph().expect("a sound graph"), PlanOptions::default());
    let refusal = run(&plan).restore(&old, 0, 1).expect_err("it is refused").to_string();
    assert!(refusal.contains("`convert`") && refusal.contains("`i64`") && refusal.contains("String"), "{refusal}");
}

/// Each may have forgotten what others still need.
#[test]
fn of_views_each_worker_gives_what_it_has() {
    let mut workers = Workers::new(2);
    workers.step(&Step::Value(3, 5), 0, &mut 0);
    workers.workers[0].forget_views_before(Timestamp::from_millis(50), 0);
    workers.replace(1);
    let (left, _) = workers.step(&Step::Input(vec![(0, 4)]), 0, &mut 7);
    let window = Window::new(Timestamp::from_millis(0), Timestamp::from_millis(SIZE_MS));
    assert_eq!(left.len(), 1);
    assert!(left[0].starts_with(&format!("35 in {window}")), "{left:?}");
}

#[test]
fn only_views_can_be_looked_up() {
    let (plan, ..) = stateful();
    let others = plan.graph.node_ids().filter(|id| !matches!(plan.graph.node(*id).op, Op::View(_)));
    assert!(others.into_iter().all(|id| ViewState::new(&plan.graph, id).is_none()));
}
