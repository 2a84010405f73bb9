//! The views that one transform looks up, and its elements that wait until these are ready (SEMANTICS §9).

use std::collections::HashMap;

use purlin_model::bundle::AnyBundle;
use purlin_model::coder::AnyCoder;
use purlin_model::graph::NodeId;
use purlin_model::kernel::SideInputs;
use purlin_model::{BoxError, Timestamp};

use super::snapshot::{ElementsSnapshot, ShardSnapshot, ViewSnapshot};
use super::views::ViewState;

/// Views and who waits for them.
pub(super) struct LookUps {
    states: HashMap<NodeId, ViewState>,
    sides: SideInputs,
    waiting: Option<Box<dyn AnyBundle>>,
    /// Values of windows that end before this are forgotten.
    passed: Timestamp,
}

impl LookUps {
    pub(super) fn new(states: HashMap<NodeId, ViewState>) -> Self {
        let mut look_ups = LookUps { states, sides: SideInputs::default(), waiting: None, passed: Timestamp::MIN };
        look_ups.refresh();
        look_ups
    }

    /// The values as they stand.
    pub(super) fn sides(&self) -> &SideInputs {
        &self.sides
    }

    /// Keeps the elements of `bundle`, each in one window, whose side inputs are not ready.
    pub(super) fn set_unready_aside(&mut self, bundle: &mut dyn AnyBundle) {
        if self.states.is_empty() {
            return;
        }
        if let Some(mut unready) = unready(self.states.values(), bundle) {
            match &mut self.waiting {
                Some(waiting) => waiting.append(&mut *unready),
                None => self.waiting = Some(unready),
            }
        }
    }

    /// Changes a view, and gives the elements that waited, if it is one of these.
    pub(super) fn update(&mut self, view: NodeId, change: impl FnOnce(&mut ViewState)) -> Option<Box<dyn AnyBundle>> {
        change(self.states.get_mut(&view)?);
        self.refresh();
        self.waiting.take()
    }

    /// The elements that wait, and the views.
    pub(super) fn snapshot(&self, coder: &dyn AnyCoder) -> Result<(ElementsSnapshot, Vec<ViewSnapshot>), BoxError> {
        let views = self.states.values().map(ViewState::snapshot).collect::<Result<_, _>>()?;
        Ok((ElementsSnapshot::of(coder, self.waiting.as_deref())?, views))
    }

    /// Takes over elements that waited and views of the shards before.
    pub(super) fn restore(&mut self, waiting: Box<dyn AnyBundle>, old: &[ShardSnapshot]) -> Result<(), BoxError> {
        self.waiting = (!waiting.is_empty()).then_some(waiting);
        let views = old.iter().flat_map(|old| &old.views);
        self.states.values_mut().try_for_each(|view| view.restore(views.clone()))?;
        self.refresh();
        Ok(())
    }

    /// The earliest element that waits.
    pub(super) fn earliest(&self) -> Option<Timestamp> {
        self.waiting.as_ref()?.sides().timestamps().as_slice().iter().min().copied()
    }

    /// Forgets values that no window which ends at or after `passed` looks up.
    pub(super) fn forget_before(&mut self, passed: Timestamp) {
        if !self.states.is_empty() && passed > self.passed {
            self.passed = passed;
            self.states.values_mut().for_each(|view| view.forget_before(passed));
            self.refresh();
        }
    }

    fn refresh(&mut self) {
        self.sides = SideInputs::new(self.states.iter().map(|(view, state)| (*view, state.table())).collect());
    }
}

/// Splits off the elements of `bundle` for whose window one of `views` is not ready.
pub(super) fn unready<'a>(
    views: impl Iterator<Item = &'a ViewState> + Clone,
    bundle: &mut dyn AnyBundle,
) -> Option<Box<dyn AnyBundle>> {
    let is_ready = |window| views.clone().all(|view| view.is_ready(window));
    bundle.explode_windows();
    let windows = bundle.sides().windows();
    let ready: Vec<bool> = match windows.constant() {
        Some(set) => vec![is_ready(set.first()); bundle.len()],
        None => windows.as_slice().iter().map(|set| is_ready(set.first())).collect(),
    };
    if ready.iter().all(|ready| *ready) {
        return None;
    }
    let mut unready = bundle.duplicate();
    unready.retain_mask(&ready.iter().map(|ready| !ready).collect::<Vec<_>>());
    bundle.retain_mask(&ready);
    Some(unready)
}
