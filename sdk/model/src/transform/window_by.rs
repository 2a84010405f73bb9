//! `window_by`: windows that the elements themselves decide.
//!
//! Which windows an element lies in is asked of a closure, once, here. All that comes later, merging at a grouping and what may be
//! flattened together, goes by the window function as ever.

use crate::bundle::{Bundle, ElementSides};
use crate::graph::Op;
use crate::kernel::per_bundle;
use crate::pipeline::{Name, NewCollection};
use crate::transform::At;
use crate::transform::window::refusal;
use crate::window::{Window, WindowSet, WindowSpec, Windowing};
use crate::{Element, PCollection};

impl<T: Element> PCollection<T> {
    /// Puts each element into the windows that `assign` gives for it: an array, a `Vec`, an `Option`; none drops it. An element
    /// of several windows is asked about in each.
    ///
    /// The function in `spec` is not asked for windows, but says by its name what these may be flattened and joined with, and whether
    /// they merge: [`ByElement`](crate::window::ByElement), which is made for that, or any other. Sessions whose gap depends on the element:
    ///
    /// ```
    /// # use purlin_model::{Pipeline, minutes, window::{Sessions, Window}};
    /// # let pipeline = Pipeline::new();
    /// # let visits = pipeline.create("visits", [("page".to_string(), 5_u64)]);
    /// let sessions = visits.window_by("visit", Sessions::of(minutes(30)), |(_, stays), at| {
    ///     [Window::new(at.timestamp, at.timestamp + minutes(*stays))]
    /// });
    /// ```
    pub fn window_by<I: IntoIterator<Item = Window>>(
        &self,
        name: &str,
        spec: impl Into<WindowSpec>,
        assign: impl Fn(&T, At) -> I + Send + Sync + 'static,
    ) -> PCollection<T> {
        let before = self.pipeline.collection(self.id);
        let (windowing, has_function) = spec.into().applied_to(&before.windowing);
        if !has_function {
            self.pipeline.problem(
                name,
                "it gives elements windows without saying by which function they go: name one, such as `ByElement`",
            );
        }
        if let Some(message) = refusal(&windowing) {
            self.pipeline.problem(name, message);
        }
        let windowed = self.rewindowed(Name::Given(name), windowing, assign);
        self.pipeline.set_coder(windowed.id, before.coder);
        windowed
    }

    /// The elements in the windows that `assign` gives, from now on windowed by `windowing`.
    pub(crate) fn rewindowed<I: IntoIterator<Item = Window>>(
        &self,
        name: Name<'_>,
        windowing: Windowing,
        assign: impl Fn(&T, At) -> I + Send + Sync + 'static,
    ) -> PCollection<T> {
        let factory = per_bundle(move |input: &mut Bundle<T>, _, out: &mut Bundle<T>| {
            input.explode_windows();
            for (value, sides) in input.drain() {
                let mut windows = assign(&value, At::of(sides)).into_iter().map(WindowSet::one);
                let Some(mut last) = windows.next() else { continue };
                for next in windows {
                    out.push(value.clone(), ElementSides { windows: last, ..sides });
                    last = next;
                }
                out.push(value, ElementSides { windows: last, ..sides });
            }
            Ok(())
        });
        let made = NewCollection { windowing, ..self.derived::<T>() };
        let (_, outputs) = self.pipeline.add(name, Op::ParDo(factory), &[self.id], &[], vec![made]);
        PCollection::new(&self.pipeline, outputs[0])
    }
}
