//! One view as a stage sees it: the values so far, and for which windows they can be relied on (SEMANTICS §9).

use std::any::Any;
use std::collections::HashMap;
use std::sync::Arc;

use purlin_model::Timestamp;
use purlin_model::bundle::AnyBundle;
use purlin_model::graph::ViewKernel;
use purlin_model::kernel::ViewTable;
use purlin_model::window::{Window, Windowing};

/// The values of a view and its watermark.
#[derive(Clone)]
pub struct ViewState {
    table: Arc<ViewTable>,
    watermark: Timestamp,
}

impl ViewState {
    /// No value yet.
    pub fn new(kernel: &dyn ViewKernel, windowing: &Windowing) -> Self {
        let table =
            ViewTable { function: windowing.function.clone(), values: HashMap::new(), default: kernel.default_value() };
        ViewState { table: Arc::new(table), watermark: Timestamp::MIN }
    }

    /// Takes values in; a later one replaces an earlier one of its window.
    pub fn update(&mut self, values: Vec<(Window, Arc<dyn Any + Send + Sync>)>) {
        if values.is_empty() {
            return;
        }
        Arc::make_mut(&mut self.table).values.extend(values);
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

    /// The look-up table as it stands.
    pub fn table(&self) -> Arc<ViewTable> {
        self.table.clone()
    }
}
