//! One view as a stage sees it: the values so far, and for which windows they can be relied on (SEMANTICS §9).

use std::any::Any;
use std::collections::HashMap;
use std::sync::Arc;

use purlin_model::bundle::AnyBundle;
use purlin_model::coder::AnyCoder;
use purlin_model::graph::{Collection, Graph, NodeId, Op, ViewKernel};
use purlin_model::kernel::ViewTable;
use purlin_model::window::Window;
use purlin_model::{BoxError, Timestamp};

use super::snapshot::{ElementsSnapshot, ViewSnapshot};

/// The values of a view and its watermark.
#[derive(Clone)]
pub struct ViewState {
    of: Arc<Of>,
    table: Arc<ViewTable>,
    watermark: Timestamp,
}

/// What a view is called, and how its values are written.
struct Of {
    name: String,
    kernel: Arc<dyn ViewKernel>,
    coder: Arc<dyn AnyCoder>,
}

impl ViewState {
    /// No value yet. `None` if this node of the graph is no view.
    pub fn new(graph: &Graph, view: NodeId) -> Option<Self> {
        let node = graph.node(view);
        let Op::View(kernel) = &node.op else { return None };
        let Collection { coder, windowing, .. } = graph.collection(node.inputs[0]);
        let function = windowing.function.clone();
        let table = ViewTable { function, values: HashMap::new(), default: kernel.default_value() };
        let of = Of { name: node.name.clone(), kernel: kernel.clone(), coder: coder.clone() };
        Some(ViewState { of: Arc::new(of), table: Arc::new(table), watermark: Timestamp::MIN })
    }

    /// Takes values in; a later one replaces an earlier one of its window.
    pub fn update(&mut self, values: Vec<(Window, Arc<dyn Any + Send + Sync>)>) {
        if values.is_empty() {
            return;
        }
        Arc::make_mut(&mut self.table).values.extend(values);
    }

    /// Takes in all that there will ever be.
    pub fn gather(&mut self, values: Vec<(Window, Arc<dyn Any + Send + Sync>)>) {
        let of = self.of.clone();
        self.update(of.kernel.gather(values));
    }

    /// Takes the view's elements in.
    pub fn absorb(&mut self, kernel: &dyn ViewKernel, bundle: &mut dyn AnyBundle) {
        self.update(kernel.values(bundle));
    }

    /// No value will come any more for windows that end before `watermark`.
    pub fn advance(&mut self, watermark: Timestamp) {
        self.watermark = self.watermark.max(watermark);
    }

    /// Forgets side windows that main windows ending at or after `passed` cannot look up. Relies on the mapping of windows being
    /// monotone; it may look back.
    pub fn forget_before(&mut self, passed: Timestamp) {
        if passed == Timestamp::MIN {
            return;
        }
        let earliest = passed.min(self.table.function.side_window(passed.min(Timestamp::GLOBAL_MAX)).start);
        let is_past = |window: &Window| !window.is_global() && window.max_timestamp() < earliest;
        if self.table.values.keys().any(is_past) {
            Arc::make_mut(&mut self.table).values.retain(|window, _| !is_past(window));
        }
    }

    /// Whether elements in `main` can be processed: a value has come, or none will.
    pub fn is_ready(&self, main: Window) -> bool {
        let side = self.table.side_window(main);
        self.table.values.contains_key(&side) || self.watermark > side.max_timestamp()
    }

    /// The values and the watermark; the default of windows without a value is not kept.
    pub(super) fn snapshot(&self) -> Result<ViewSnapshot, BoxError> {
        let Of { name, kernel, coder } = &*self.of;
        let values = ElementsSnapshot::of(&**coder, [&*kernel.to_bundle(&self.table.values)])
            .map_err(|cause| format!("view `{name}` cannot be written: {cause}"))?;
        Ok(ViewSnapshot { name: name.clone(), watermark: self.watermark, values })
    }

    /// Takes over what the old run's shards knew of this view: each may have forgotten values that others still need.
    pub(super) fn restore<'a>(&mut self, old: impl Iterator<Item = &'a ViewSnapshot> + Clone) -> Result<(), BoxError> {
        let Of { name, kernel, coder } = &*self.of.clone();
        let old = old.filter(|view| view.name == *name);
        for view in old.clone() {
            let mut values = coder.new_bundle();
            let read = view.values.read(&**coder, &mut *values);
            read.map_err(|cause| format!("view `{name}` cannot be taken over from the snapshot: {cause}"))?;
            self.update(kernel.values(&mut *values));
        }
        self.watermark = old.map(|view| view.watermark).min().unwrap_or(self.watermark);
        Ok(())
    }

    /// The look-up table as it stands.
    pub fn table(&self) -> Arc<ViewTable> {
        self.table.clone()
    }
}
