//! Views: the latest value per window, and for which windows it can be relied on (SEMANTICS §9).

use std::collections::HashMap;
use std::sync::Arc;

use purlin_model::graph::{Collection, Graph, Node, ViewKernel};
use purlin_model::kernel::ViewTable;
use purlin_model::window::Window;
use purlin_model::{Failure, Timestamp};

use super::element::{self, Element};

/// One view.
pub(super) struct View<'a> {
    kernel: &'a dyn ViewKernel,
    from: &'a Collection,
    table: Arc<ViewTable>,
    watermark: Timestamp,
}

impl<'a> View<'a> {
    /// No value yet.
    pub(super) fn new(graph: &'a Graph, node: &Node, kernel: &'a dyn ViewKernel) -> Self {
        let from = graph.collection(node.inputs[0]);
        let function = from.windowing.function.clone();
        let table = ViewTable { function, values: HashMap::new(), default: kernel.default_value() };
        View { kernel, from, table: Arc::new(table), watermark: Timestamp::MIN }
    }

    /// Takes panes, each in place of the one before in its window, and how far they have come.
    pub(super) fn take(&mut self, node: &Node, panes: &[Element], watermark: Timestamp) -> Result<(), Failure> {
        let mut bundle = element::decode(&node.name, self.from, panes)?;
        let mut table = ViewTable::clone(&self.table);
        table.values.extend(self.kernel.values(&mut *bundle));
        self.table = Arc::new(table);
        self.watermark = watermark;
        Ok(())
    }

    /// Whether a value has come for elements in `main`, or none will.
    pub(super) fn is_ready(&self, main: Window) -> bool {
        let side = self.table.side_window(main);
        self.table.values.contains_key(&side) || self.watermark > side.max_timestamp()
    }

    /// The values as they stand.
    pub(super) fn table(&self) -> Arc<ViewTable> {
        self.table.clone()
    }
}
