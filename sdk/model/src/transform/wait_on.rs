//! `wait_on`: elements that wait, window by window, until another collection is done.
//!
//! A side input of the signal: a window of it has a value, or is known to have none, only once its last element has come. To
//! that end the signal's windows are taken to end where they close, allowed lateness included, and fire once, there.

use std::sync::Arc;

use crate::combine::Count;
use crate::pipeline::Name;
use crate::window::{Window, WindowFn, WindowSet, Windowing};
use crate::{Element, PCollection, Timestamp};

impl<T: Element> PCollection<T> {
    /// The same elements, each as soon as no element of `signal` can come any more into the signal's window that belongs to its
    /// own (SEMANTICS §9): the signal's watermark has passed the end of that window and the lateness allowed to it.
    ///
    /// For "do this after that": `signal` is what a transform with an effect gives, and these go to one that relies on it. A signal in
    /// the global window is done when its input ends, so it must be bounded.
    ///
    /// ```
    /// # let pipeline = purlin_model::Pipeline::new();
    /// # let orders = pipeline.create("orders", [1, 2]);
    /// # fn insert(order: u32) -> u32 { order }
    /// # fn notify(order: u32) {}
    /// let inserted = orders.map("insert", insert);
    /// orders.wait_on("all inserted", &inserted).map("notify", notify);
    /// ```
    pub fn wait_on<S: Element>(&self, name: &str, signal: &PCollection<S>) -> PCollection<T> {
        let pipeline = self.pipeline.clone();
        let windowing = signal.windowing();
        pipeline.scoped(name, || {
            if windowing.function.is_merging() || windowing.function.needs_element() {
                let message = format!(
                    "the signal's windows {} are not known beforehand, so nothing can wait for one to end: give the signal other windows",
                    windowing.function.name()
                );
                pipeline.problem("signal", message);
                return self.clone();
            }
            let lateness_ms = windowing.lateness_ms();
            let is_global = windowing.function.name() == Window::GLOBAL_NAME;
            if is_global && !pipeline.collection(signal.id).bounded {
                let message = "the signal is unbounded and in the global window, which never ends: give it windows with `.window(..)`";
                pipeline.problem("signal", message);
                return self.clone();
            }
            let function: Arc<dyn WindowFn> = match is_global {
                true => windowing.function,
                false => Arc::new(Closing { windows: windowing.function, lateness_ms }),
            };
            let closing = Windowing { function, ..Windowing::default() };
            let done = signal
                .map("signal", |_| ())
                .rewindowed(Name::Given("until closed"), closing, move |(), at| [closed(at.window, lateness_ms)])
                .combine_globally("done", Count)
                .as_optional(0);
            let waited = self.map_with("wait", &done, |value, _| value);
            pipeline.set_coder(waited.id, pipeline.collection(self.id).coder);
            waited
        })
    }
}

/// The windows of a function, each prolonged to its close.
#[derive(Debug)]
struct Closing {
    windows: Arc<dyn WindowFn>,
    lateness_ms: i64,
}

impl WindowFn for Closing {
    fn name(&self) -> String {
        format!("{}, closed {} ms after", self.windows.name(), self.lateness_ms)
    }

    fn assign(&self, at: Timestamp) -> WindowSet {
        let windows = self.windows.assign(at);
        WindowSet::one(closed(windows.first(), self.lateness_ms))
    }

    fn side_window(&self, main_max: Timestamp) -> Window {
        closed(self.windows.side_window(main_max), self.lateness_ms)
    }
}

/// The window with its end where it closes (SEMANTICS §4).
fn closed(window: Window, lateness_ms: i64) -> Window {
    Window { end: window.gc(lateness_ms).saturating_add_millis(1), ..window }
}
