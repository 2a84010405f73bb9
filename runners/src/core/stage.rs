//! One running instance of a stage: fused steps over bundles, for one worker.
//!
//! A bundle that enters is routed to the first step's inbox; steps run in order, each moving what it makes to the inboxes of
//! those that read it, or to an exit. Everything happens once per bundle; buffers are kept and reused. An error or a panic comes
//! back with the transform's name, and the instance must then be dropped.

use std::collections::{BTreeSet, HashMap};
use std::sync::Arc;

use purlin_model::bundle::{AnyBundle, Bundle, ElementSides};
use purlin_model::graph::NodeId;
use purlin_model::kernel::{Operator, SideInputs};
use purlin_model::window::{Window, Windowing};
use purlin_model::{BoxError, Failure, Timestamp};

use super::assign::assign_windows;
use super::lookups::unready;
use super::snapshot::{ElementsSnapshot, FORMAT, StageSnapshot, check_format};
use super::views::ViewState;
use crate::plan::{ExitKind, Stage, Target, Work};
use crate::user_code::guarded;

/// Where a runner takes a stage's output.
pub trait Exits {
    /// Takes all elements out of `bundle`, which left by `exit`.
    fn emit(&mut self, exit: usize, bundle: &mut dyn AnyBundle) -> Result<(), Failure>;
}

/// One worker's instance of a stage.
pub struct StageRun {
    stage: Arc<Stage>,
    steps: Vec<RunningStep>,
    views: HashMap<NodeId, ViewState>,
    exit_checked: Vec<bool>,
    origin: Option<String>,
    /// Views have forgotten what windows before this one look up.
    views_passed: Timestamp,
    late: u64,
}

struct RunningStep {
    work: RunningWork,
    inbox: Box<dyn AnyBundle>,
    outputs: Vec<Box<dyn AnyBundle>>,
    sides: SideInputs,
    /// Elements whose side input is not ready.
    waiting: Box<dyn AnyBundle>,
    torn_down: bool,
}

/// After a failure, its own or another's, an instance is still torn down: what it holds open is to be closed. Nobody is told
/// if that fails too, for the first failure is the news.
impl Drop for RunningStep {
    fn drop(&mut self) {
        if let RunningWork::Operator(operator) = &mut self.work
            && !self.torn_down
        {
            let _ = guarded("a transform", None, || operator.teardown());
        }
    }
}

enum RunningWork {
    Operator(Box<dyn Operator>),
    Assign(Windowing),
}

impl StageRun {
    /// A new instance that looks up `views`; each operator is set up.
    pub fn new(stage: Arc<Stage>, views: HashMap<NodeId, ViewState>) -> Result<Self, Failure> {
        let mut steps = Vec::with_capacity(stage.steps.len());
        for step in &stage.steps {
            let work = match &step.work {
                Work::Assign(windowing) => RunningWork::Assign(windowing.clone()),
                Work::ParDo(factory) => RunningWork::Operator(guarded(&step.name, None, || factory.create())?),
                Work::Lift(kernel) => RunningWork::Operator(kernel.lifter()),
            };
            let mut running = RunningStep {
                work,
                inbox: step.input.new_bundle(),
                outputs: step.outputs.iter().map(|output| output.coder.new_bundle()).collect(),
                sides: SideInputs::default(),
                waiting: step.input.new_bundle(),
                torn_down: false,
            };
            running.call(&step.name, None, |operator, _| operator.setup())?;
            steps.push(running);
        }
        let exit_checked = vec![false; stage.exits.len()];
        let mut run =
            StageRun { stage, steps, views, exit_checked, origin: None, views_passed: Timestamp::MIN, late: 0 };
        run.refresh_sides();
        Ok(run)
    }

    /// The stage.
    pub fn stage(&self) -> &Arc<Stage> {
        &self.stage
    }

    /// Says where the elements to come are from, for messages.
    pub fn set_origin(&mut self, origin: Option<String>) {
        self.origin = origin;
    }

    /// Begins a bundle of work.
    pub fn start_bundle(&mut self) -> Result<(), Failure> {
        let stage = self.stage.clone();
        for (running, step) in self.steps.iter_mut().zip(&stage.steps) {
            running.call(&step.name, self.origin.as_deref(), |operator, _| operator.start_bundle())?;
        }
        Ok(())
    }

    /// Runs a bundle of the only collection of `head` through all steps, to the exits.
    pub fn enter(
        &mut self,
        head: usize,
        bundle: &mut Box<dyn AnyBundle>,
        exits: &mut dyn Exits,
    ) -> Result<(), Failure> {
        self.enter_all(head, std::slice::from_mut(bundle), exits)
    }

    /// Runs a bundle for each collection of `head` through all steps, to the exits.
    pub fn enter_all(
        &mut self,
        head: usize,
        bundles: &mut [Box<dyn AnyBundle>],
        exits: &mut dyn Exits,
    ) -> Result<(), Failure> {
        let stage = self.stage.clone();
        for (bundle, output) in bundles.iter_mut().zip(&stage.heads[head].outputs) {
            if !bundle.is_empty() {
                self.route(0, bundle, &output.targets, exits)?;
                bundle.clear();
            }
        }
        self.run_steps(exits)
    }

    /// Ends a bundle of work: buffered results leave.
    pub fn finish_bundle(&mut self, exits: &mut dyn Exits) -> Result<(), Failure> {
        let stage = self.stage.clone();
        for (index, step) in stage.steps.iter().enumerate() {
            self.run_step(index, exits)?;
            self.steps[index]
                .call(&step.name, self.origin.as_deref(), |operator, outputs| operator.finish_bundle(outputs))?;
            self.route_outputs(index, exits)?;
        }
        Ok(())
    }

    /// Ends the instance's life.
    pub fn teardown(mut self) -> Result<(), Failure> {
        let stage = self.stage.clone();
        for (running, step) in self.steps.iter_mut().zip(&stage.steps) {
            running.torn_down = true;
            running.call(&step.name, None, |operator, _| operator.teardown())?;
        }
        Ok(())
    }

    /// Changes a view, then processes the elements that waited for it, within the bundle of work at hand.
    pub fn update_view(
        &mut self,
        view: NodeId,
        change: impl FnOnce(&mut ViewState),
        exits: &mut dyn Exits,
    ) -> Result<(), Failure> {
        let Some(state) = self.views.get_mut(&view) else { return Ok(()) };
        change(state);
        self.refresh_sides();
        for running in &mut self.steps {
            running.inbox.append(&mut *running.waiting);
        }
        self.run_steps(exits)
    }

    /// These views as they stand.
    pub fn views(&self, views: &[NodeId]) -> HashMap<NodeId, ViewState> {
        views.iter().filter_map(|view| Some((*view, self.views.get(view)?.clone()))).collect()
    }

    /// Forgets view values that no element to come can look up, the main input having reached `watermark`: neither a late one nor one
    /// that waits for another view.
    pub fn forget_views_before(&mut self, watermark: Timestamp, lateness_ms: i64) {
        let waiting = self.steps.iter().filter_map(|running| earliest(&*running.waiting)).min();
        let passed = watermark.min(waiting.unwrap_or(Timestamp::MAX)).saturating_add_millis(-lateness_ms);
        self.views_passed = self.views_passed.max(passed);
        self.views.values_mut().for_each(|view| view.forget_before(passed));
        self.refresh_sides();
    }

    /// What waits in the steps, and the views that they look up. Between bundles of work.
    pub fn snapshot(&self) -> Result<StageSnapshot, BoxError> {
        let mut waiting = Vec::new();
        for (running, step) in self.steps.iter().zip(&self.stage.steps) {
            debug_assert!(running.inbox.is_empty(), "what has come is worked on before a snapshot");
            if !running.waiting.is_empty() {
                let elements = ElementsSnapshot::of(&*step.input, [&*running.waiting]);
                let elements = elements.map_err(|cause| format!("what waits in `{}`: {cause}", step.name))?;
                waiting.push((step.name.clone(), elements));
            }
        }
        let views = self.step_views().into_iter().filter_map(|view| self.views.get(&view));
        let views = views.map(ViewState::snapshot).collect::<Result<_, _>>()?;
        Ok(StageSnapshot { format: FORMAT, waiting, views, views_passed: self.views_passed })
    }

    /// Takes over, before the first bundle, this worker's share of what waited in the steps of the old run, and their views. `old` may be
    /// the snapshots of all its stages: steps and views are found by name. That no step is missing says
    /// [`StageSnapshot::check`], for the whole plan.
    pub fn restore(&mut self, old: &[StageSnapshot], worker: usize, workers: usize) -> Result<(), Failure> {
        check_format(old.iter().map(|old| old.format))?;
        for (running, step) in self.steps.iter_mut().zip(&self.stage.steps) {
            let all = old.iter().flat_map(|old| &old.waiting).filter(|(name, _)| *name == step.name);
            for (_, elements) in all {
                elements.read(&*step.input, &mut *running.waiting).map_err(|cause| failure(&step.name, None, cause))?;
            }
            let own: Vec<bool> = (0..running.waiting.len()).map(|element| element % workers == worker).collect();
            running.waiting.retain_mask(&own);
        }
        let of_views = old.iter().flat_map(|old| &old.views);
        for view in self.step_views() {
            if let Some(state) = self.views.get_mut(&view) {
                state.restore(of_views.clone())?;
            }
        }
        // Of a stage without views nothing has passed.
        let passed = old.iter().filter(|old| !old.views.is_empty()).map(|old| old.views_passed).min();
        self.views_passed = passed.unwrap_or(self.views_passed);
        self.refresh_sides();
        Ok(())
    }

    /// The views that steps look up; what heads look up is theirs.
    fn step_views(&self) -> BTreeSet<NodeId> {
        self.stage.steps.iter().flat_map(|step| step.views.iter().copied()).collect()
    }

    /// How many elements came for a window whose side inputs are forgotten: they are dropped, as at a grouping (SEMANTICS §4).
    pub fn late(&self) -> u64 {
        self.late
    }

    /// The earliest timestamp among elements on the way to `exit` that wait for a side input: it holds the watermark there.
    pub fn hold(&self, exit: usize) -> Option<Timestamp> {
        self.stage.exits[exit].steps.iter().filter_map(|step| earliest(&*self.steps[*step].waiting)).min()
    }

    /// Whether elements wait for a side input.
    pub fn is_waiting(&self) -> bool {
        self.steps.iter().any(|running| !running.waiting.is_empty())
    }

    fn refresh_sides(&mut self) {
        for (running, step) in self.steps.iter_mut().zip(&self.stage.steps) {
            let tables = step.views.iter().filter_map(|view| Some((*view, self.views.get(view)?.table())));
            running.sides = SideInputs::new(tables.collect());
        }
    }

    fn run_steps(&mut self, exits: &mut dyn Exits) -> Result<(), Failure> {
        (0..self.steps.len()).try_for_each(|index| self.run_step(index, exits))
    }

    fn run_step(&mut self, index: usize, exits: &mut dyn Exits) -> Result<(), Failure> {
        let stage = self.stage.clone();
        let step = &stage.steps[index];
        let running = &mut self.steps[index];
        if running.inbox.is_empty() {
            return Ok(());
        }
        if !step.views.is_empty() {
            self.late += drop_late(self.views_passed, running);
            let views = step.views.iter().filter_map(|view| self.views.get(view));
            if let Some(mut unready) = unready(views, &mut *running.inbox) {
                running.waiting.append(&mut *unready);
            }
        }
        match &mut running.work {
            RunningWork::Assign(windowing) => {
                let bundle = &mut *running.inbox;
                guarded(&step.name, self.origin.as_deref(), || assign_windows(&*windowing.function, bundle))?;
                running.outputs[0].append(bundle);
            }
            RunningWork::Operator(operator) => {
                let (inbox, outputs) = (&mut *running.inbox, &mut running.outputs[..]);
                let done =
                    guarded(&step.name, self.origin.as_deref(), || operator.process(inbox, &running.sides, outputs))?;
                done.map_err(|cause| failure(&step.name, self.origin.as_deref(), cause))?;
            }
        }
        self.route_outputs(index, exits)
    }

    fn route_outputs(&mut self, index: usize, exits: &mut dyn Exits) -> Result<(), Failure> {
        let stage = self.stage.clone();
        let mut outputs = std::mem::take(&mut self.steps[index].outputs);
        for (bundle, output) in outputs.iter_mut().zip(&stage.steps[index].outputs) {
            if !bundle.is_empty() {
                self.route(index + 1, bundle, &output.targets, exits)?;
                bundle.clear();
            }
        }
        self.steps[index].outputs = outputs;
        Ok(())
    }

    /// Moves a bundle to its targets; all but the last get a copy.
    fn route(
        &mut self,
        from: usize,
        bundle: &mut Box<dyn AnyBundle>,
        targets: &[Target],
        exits: &mut dyn Exits,
    ) -> Result<(), Failure> {
        let Some((last, others)) = targets.split_last() else {
            bundle.clear();
            return Ok(());
        };
        for target in others {
            match *target {
                Target::Step(step) => self.steps[step].inbox.extend_from(&**bundle),
                Target::Exit(exit) => self.leave(exit, &mut *bundle.duplicate(), exits)?,
            }
        }
        match *last {
            Target::Step(step) => {
                debug_assert!(step >= from, "steps are ordered by what they read");
                let inbox = &mut self.steps[step].inbox;
                if inbox.is_empty() {
                    std::mem::swap(inbox, bundle)
                } else {
                    inbox.append(&mut **bundle)
                }
                Ok(())
            }
            Target::Exit(exit) => self.leave(exit, &mut **bundle, exits),
        }
    }

    fn leave(&mut self, exit: usize, bundle: &mut dyn AnyBundle, exits: &mut dyn Exits) -> Result<(), Failure> {
        if !self.exit_checked[exit] && !bundle.is_empty() {
            self.exit_checked[exit] = true;
            self.check_coder(exit, bundle)?;
        }
        exits.emit(exit, bundle)
    }

    /// An element type that its coder cannot take back is found at the first element that crosses a stage, not when a spill or a restore needs it.
    fn check_coder(&self, exit: usize, bundle: &dyn AnyBundle) -> Result<(), Failure> {
        let number = exit;
        let exit = &self.stage.exits[number];
        let coder = &exit.coder;
        if matches!(exit.kind, ExitKind::Write(_)) {
            return Ok(());
        }
        let mut bytes = Vec::new();
        let round_trip = coder.encode(bundle, 0, &mut bytes).and_then(|()| {
            let sides: ElementSides = bundle.sides().get(0);
            coder.decode(&mut bytes.as_slice(), sides, &mut *coder.new_bundle())
        });
        round_trip.map_err(|cause| {
            let leads_here = |target: &Target| *target == Target::Exit(number);
            let mut makers = self.stage.steps.iter().rev();
            let maker = makers.find(|step| step.outputs.iter().any(|output| output.targets.iter().any(leads_here)));
            let head = exit.heads.first().map(|head| self.stage.heads[*head].name.clone()).unwrap_or_default();
            let transform = maker.map_or(head, |step| step.name.clone());
            Failure::Coder { transform, element_type: coder.element_type(), cause }
        })
    }
}

impl RunningStep {
    /// Calls a method of the step's operator, if it has one.
    fn call(
        &mut self,
        name: &str,
        origin: Option<&str>,
        method: impl FnOnce(&mut dyn Operator, &mut [Box<dyn AnyBundle>]) -> Result<(), BoxError>,
    ) -> Result<(), Failure> {
        let RunningWork::Operator(operator) = &mut self.work else { return Ok(()) };
        let outputs = &mut self.outputs[..];
        guarded(name, origin, || method(&mut **operator, outputs))?.map_err(|cause| failure(name, origin, cause))
    }
}

/// The earliest timestamp in a bundle.
fn earliest(bundle: &dyn AnyBundle) -> Option<Timestamp> {
    if bundle.is_empty() { None } else { bundle.sides().timestamps().as_slice().iter().min().copied() }
}

fn failure(transform: &str, origin: Option<&str>, cause: BoxError) -> Failure {
    Failure::Transform { transform: transform.to_string(), origin: origin.map(String::from), cause }
}

/// Drops elements, window by window, whose side inputs are forgotten; says how many.
fn drop_late(passed: Timestamp, running: &mut RunningStep) -> u64 {
    let inbox = &mut *running.inbox;
    let is_late = |window: Window| !window.is_global() && window.max_timestamp() < passed;
    if passed == Timestamp::MIN || !inbox.sides().windows().as_slice().iter().any(|set| is_late(set.first())) {
        return 0;
    }
    inbox.explode_windows();
    let windows = inbox.sides().windows();
    let kept: Vec<bool> = (0..inbox.len()).map(|i| !is_late(windows.get(i).first())).collect();
    inbox.retain_mask(&kept);
    kept.iter().filter(|kept| !**kept).count() as u64
}

const _: fn() = || {
    // A stage instance moves between worker threads.
    fn assert_send<T: Send>() {}
    assert_send::<StageRun>();
    assert_send::<Bundle<u8>>();
};
