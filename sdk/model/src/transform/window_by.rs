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

#[cfg(test)]
mod tests {
    use crate::window::{ByElement, Fixed, Window, WindowFn, WindowSpec};
    use crate::{PCollection, Pipeline, Trigger, minutes};

    fn problems(build: impl FnOnce(PCollection<i64>)) -> String {
        let pipeline = Pipeline::new();
        build(pipeline.create("numbers", [1_i64]));
        pipeline.graph().err().map(|failure| failure.to_string()).unwrap_or_default()
    }

    fn windowed(numbers: &PCollection<i64>, name: &str, spec: impl Into<WindowSpec>) -> PCollection<i64> {
        numbers.window_by(name, spec, |n, at| [Window::new(at.timestamp, at.timestamp + minutes(*n as u64))])
    }

    #[test]
    fn the_functions_name_says_what_goes_together() {
        let flattened = |one: &'static str, other: &'static str| {
            problems(|numbers| {
                let [one, other] =
                    [("a", one), ("b", other)].map(|(name, of)| windowed(&numbers, name, ByElement::named(of)));
                numbers.pipeline().flatten("both", [one, other]);
            })
        };
        assert_eq!(flattened("lengths", "lengths"), "");
        assert!(flattened("lengths", "others").contains("`a` is windowed by element(lengths)"));
    }

    #[test]
    fn what_timestamps_do_not_tell_is_refused() {
        let text = problems(|numbers| drop(numbers.window(ByElement::named("lengths"))));
        assert!(text.contains("windows element(lengths) are told by the elements: use `window_by`"), "{text}");
        let text = problems(|numbers| {
            windowed(&numbers, "by", ByElement::named("lengths")).as_list();
        });
        assert!(text.contains("windows element(lengths) cannot be looked up"), "{text}");
        let text = problems(|numbers| drop(windowed(&numbers, "by", WindowSpec::unchanged())));
        assert!(text.contains("transform `by`: it gives elements windows without saying by which function"), "{text}");
    }

    #[test]
    fn the_rules_of_windowings_hold() {
        let early = Fixed::of(minutes(1)).with().trigger(Trigger::after_watermark().early(Trigger::after_count(1)));
        let text = problems(|numbers| drop(windowed(&numbers, "by", early)));
        assert!(
            text.contains("transform `by`: trigger watermark(early=count(1)) on windows fixed(60000 ms) needs"),
            "{text}"
        );
    }
}
