//! What is kept by key, by name and type: so that what has another type now is refused and not misread.

use purlin_model::kernel::{CellSpec, StatefulSpec, TimeDomain, TimerSpec};
use purlin_model::window::Windowing;
use purlin_model::{BoxError, Trigger};
use serde::{Deserialize, Serialize};

use crate::plan::KeyedWork;

/// One thing that is kept.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct StateType {
    /// Its name, unique within the transform.
    pub name: String,
    /// What it is, as text that is equal for equal types.
    pub of: String,
}

impl StateType {
    fn new(name: &str, of: impl Into<String>) -> Self {
        StateType { name: name.to_string(), of: of.into() }
    }
}

/// No field can be called so.
const KEY: &str = "(key)";

impl KeyedWork {
    /// What is kept of an input with this windowing: the key first. A checkpoint names these, and a [restore](crate::core::KeyedMachine::restore)
    /// compares.
    pub fn state_types(&self, windowing: &Windowing) -> Vec<StateType> {
        match self {
            KeyedWork::Group { kernel, .. } => vec![
                StateType::new(KEY, kernel.key_type()),
                StateType::new("(values)", kernel.accumulator()),
                StateType::new("(windows)", kept_of_windows(windowing)),
            ],
            KeyedWork::Stateful { kernel, .. } => {
                let StatefulSpec { cells, timers, .. } = kernel.spec();
                let key = StateType::new(KEY, kernel.key_type());
                let cells = cells.iter().map(|CellSpec { name, descriptor, .. }| StateType::new(name, descriptor));
                let timers = timers.iter().map(|timer| StateType::new(timer.name, kind_of_timer(timer)));
                [key].into_iter().chain(cells).chain(timers).collect()
            }
        }
    }
}

/// What a grouping keeps of a window beside the values goes by its trigger.
fn kept_of_windows(windowing: &Windowing) -> String {
    let merging = if windowing.is_merging() { ", merging" } else { "" };
    match &windowing.trigger {
        _ if windowing.fires_once_at_the_end() => "emitted once, whole".to_string(),
        Trigger::Default => format!("default trigger, with lateness or timestamps of their own{merging}"),
        trigger => format!("trigger {trigger}{merging}"),
    }
}

fn kind_of_timer(TimerSpec { domain, tags, .. }: &TimerSpec) -> String {
    let timer = match domain {
        TimeDomain::EventTime => "EventTimer",
        TimeDomain::ProcessingTime => "ProcessingTimer",
    };
    tags.map_or_else(|| timer.to_string(), |tags| format!("{timer}Family<{tags}>"))
}

/// The places among `now` of what stood in `old`. What is new is new; what is not there any more, or has another type, is refused.
pub(in crate::core) fn renumbered(old: &[StateType], now: &[StateType]) -> Result<Vec<usize>, BoxError> {
    let place = |old: &StateType| match now.iter().position(|now| now.name == old.name) {
        Some(place) if now[place].of == old.of => Ok(place),
        Some(place) => Err(format!(
            "state `{}` is `{}` in the snapshot and `{}` now: keep the type, or start without the snapshot",
            old.name, old.of, now[place].of
        )),
        None => Err(format!(
            "state `{}`, `{}` in the snapshot, is not declared any more: keep it, or start without the snapshot",
            old.name, old.of
        )),
    };
    Ok(old.iter().map(place).collect::<Result<_, String>>()?)
}
