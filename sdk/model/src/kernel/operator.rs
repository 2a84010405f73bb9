//! Operators: element-wise work on one bundle at a time.

use std::any::Any;
use std::collections::HashMap;
use std::sync::Arc;

use crate::bundle::{AnyBundle, Bundle};
use crate::graph::NodeId;
use crate::window::{Window, WindowFn};
use crate::{BoxError, Element};

/// One running instance of an element-wise transform, used by one thread at a time.
///
/// The lifecycle is Beam's (SEMANTICS §10): `setup`, then bundles (`start_bundle`, `process` …, `finish_bundle`), then
/// `teardown`. After an error the instance is torn down and discarded.
pub trait Operator: Send {
    /// Before the first bundle.
    fn setup(&mut self) -> Result<(), BoxError> {
        Ok(())
    }

    /// Before the elements of a bundle.
    fn start_bundle(&mut self) -> Result<(), BoxError> {
        Ok(())
    }

    /// Takes the elements out of `input` and appends what they give to `outputs`, one bundle per output collection.
    fn process(
        &mut self,
        input: &mut dyn AnyBundle,
        sides: &SideInputs,
        outputs: &mut [Box<dyn AnyBundle>],
    ) -> Result<(), BoxError>;

    /// After the elements of a bundle; may emit.
    fn finish_bundle(&mut self, outputs: &mut [Box<dyn AnyBundle>]) -> Result<(), BoxError> {
        let _ = outputs;
        Ok(())
    }

    /// After the last bundle.
    fn teardown(&mut self) -> Result<(), BoxError> {
        Ok(())
    }
}

/// Makes the instances of an element-wise transform.
pub trait OperatorFactory: Send + Sync {
    /// A new instance.
    fn create(&self) -> Box<dyn Operator>;
}

/// The views that an operator may look up, as they stand while it processes a bundle.
#[derive(Clone, Default)]
pub struct SideInputs {
    tables: Arc<[(NodeId, Arc<ViewTable>)]>,
}

impl SideInputs {
    /// The look-up tables of the views with these nodes.
    pub fn new(tables: Vec<(NodeId, Arc<ViewTable>)>) -> Self {
        SideInputs { tables: tables.into() }
    }

    /// The value of `view` for elements in `main`.
    pub(crate) fn get<V: 'static>(&self, view: NodeId, main: Window) -> Result<&V, BoxError> {
        let (_, table) =
            self.tables.iter().find(|(id, _)| *id == view).ok_or("this view was not given to the transform")?;
        let value = table.get(main).ok_or_else(|| {
            format!(
                "the singleton side input has no element in window {}; use `as_optional` where that may be",
                table.side_window(main)
            )
        })?;
        value.downcast_ref().ok_or_else(|| "this view holds another type".into())
    }

    /// The value of `view` in exactly this window.
    pub(crate) fn of_window<V: 'static>(&self, view: NodeId, window: Window) -> Option<&V> {
        let (_, table) = self.tables.iter().find(|(id, _)| *id == view)?;
        table.values.get(&window).or(table.default.as_ref())?.downcast_ref()
    }
}

/// The latest value of a view per side window.
#[derive(Clone)]
pub struct ViewTable {
    /// Maps main windows to side windows.
    pub function: Arc<dyn WindowFn>,
    /// The values so far.
    pub values: HashMap<Window, Arc<dyn Any + Send + Sync>>,
    /// What a window without a value looks up.
    pub default: Option<Arc<dyn Any + Send + Sync>>,
}

impl ViewTable {
    /// The side window for elements in `main` (SEMANTICS §9).
    pub fn side_window(&self, main: Window) -> Window {
        self.function.side_window(main.max_timestamp())
    }

    /// The value for elements in `main`.
    pub fn get(&self, main: Window) -> Option<&Arc<dyn Any + Send + Sync>> {
        self.values.get(&self.side_window(main)).or(self.default.as_ref())
    }
}

/// A factory for work that keeps no state between bundles: `work(input, sides, output)`.
pub(crate) fn per_bundle<T, U, F>(work: F) -> Arc<dyn OperatorFactory>
where
    T: Element,
    U: Element,
    F: Fn(&mut Bundle<T>, &SideInputs, &mut Bundle<U>) -> Result<(), BoxError> + Send + Sync + 'static,
{
    Arc::new(PerBundle { work: Arc::new(work), types: std::marker::PhantomData::<fn(T) -> U> })
}

struct PerBundle<T, U, F> {
    work: Arc<F>,
    types: std::marker::PhantomData<fn(T) -> U>,
}

impl<T, U, F> OperatorFactory for PerBundle<T, U, F>
where
    T: Element,
    U: Element,
    F: Fn(&mut Bundle<T>, &SideInputs, &mut Bundle<U>) -> Result<(), BoxError> + Send + Sync + 'static,
{
    fn create(&self) -> Box<dyn Operator> {
        Box::new(PerBundle { work: self.work.clone(), types: self.types })
    }
}

impl<T, U, F> Operator for PerBundle<T, U, F>
where
    T: Element,
    U: Element,
    F: Fn(&mut Bundle<T>, &SideInputs, &mut Bundle<U>) -> Result<(), BoxError> + Send + Sync,
{
    fn process(
        &mut self,
        input: &mut dyn AnyBundle,
        sides: &SideInputs,
        outputs: &mut [Box<dyn AnyBundle>],
    ) -> Result<(), BoxError> {
        (self.work)(input.downcast(), sides, outputs[0].downcast())
    }
}
