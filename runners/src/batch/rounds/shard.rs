//! One shard of work by key, round after round.

use std::any::Any;
use std::collections::BTreeMap;
use std::sync::Arc;

use purlin_model::bundle::AnyBundle;
use purlin_model::graph::NodeId;
use purlin_model::window::Window;
use purlin_model::{BoxError, Timestamp};

use crate::core::{KeyedMachine, Now, ViewState};

/// A shard, and what has come for it.
pub(super) struct Shard {
    pub(super) machine: KeyedMachine,
    arrived: Option<Box<dyn AnyBundle>>,
    pub(super) input_watermark: Timestamp,
    pub(super) outs: Vec<Box<dyn AnyBundle>>,
}

/// What has come for a view.
#[derive(Clone)]
pub(super) struct ViewChange {
    pub(super) values: Vec<(Window, Arc<dyn Any + Send + Sync>)>,
    pub(super) watermark: Timestamp,
}

impl ViewChange {
    pub(super) const NOTHING: ViewChange = ViewChange { values: Vec::new(), watermark: Timestamp::MIN };

    pub(super) fn apply(&self, view: &mut ViewState) {
        view.update(self.values.clone());
        view.advance(self.watermark);
    }
}

impl Shard {
    pub(super) fn new(machine: KeyedMachine, outs: Vec<Box<dyn AnyBundle>>) -> Self {
        Shard { machine, arrived: None, input_watermark: Timestamp::MIN, outs }
    }

    pub(super) fn show(&mut self, views: &BTreeMap<NodeId, ViewChange>, now: Now) -> Result<(), BoxError> {
        let Shard { machine, outs, .. } = self;
        views.iter().try_for_each(|(node, change)| machine.update_view(*node, |view| change.apply(view), now, outs))
    }

    pub(super) fn process(&mut self, now: Now) -> Result<(), BoxError> {
        match self.arrived.take() {
            Some(mut bundle) => self.machine.process(&mut *bundle, now, &mut self.outs),
            None => Ok(()),
        }
    }

    pub(super) fn advance(&mut self, now: Now) -> Result<(), BoxError> {
        while !self.machine.advance(self.input_watermark, now, usize::MAX, &mut self.outs)? {}
        Ok(())
    }

    pub(super) fn advance_processing_time(&mut self, now: Now) -> Result<(), BoxError> {
        while !self.machine.advance_processing_time(now, usize::MAX, &mut self.outs)? {}
        Ok(())
    }

    /// What comes in one round comes as one bundle.
    pub(super) fn take_in(&mut self, mut bundle: Box<dyn AnyBundle>) {
        match &mut self.arrived {
            Some(arrived) => arrived.append(&mut *bundle),
            None => self.arrived = Some(bundle),
        }
    }
}
