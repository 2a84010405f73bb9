//! Windows that become one because they overlap.

use super::{Merged, Window};

impl Merged {
    /// Runs of `windows`, sorted by start, in which each overlaps those before it: what [`merge`](super::WindowFn::merge) of a window function
    /// like sessions gives. Windows that only touch stay apart, and so do those of different tags (SEMANTICS §2).
    ///
    /// ```
    /// use purlin_model::Timestamp;
    /// use purlin_model::window::{Merged, Window};
    ///
    /// let window = |start, end| Window::new(Timestamp::from_millis(start), Timestamp::from_millis(end));
    /// let merged = Merged::overlapping(&[window(0, 10), window(5, 20), window(20, 30)]);
    /// assert_eq!(merged, [Merged { result: window(0, 20), parts: vec![window(0, 10), window(5, 20)] }]);
    /// ```
    pub fn overlapping(windows: &[Window]) -> Vec<Merged> {
        let mut merged: Vec<Merged> = Vec::new();
        for window in windows {
            match merged.iter_mut().rfind(|run| run.result.tag == window.tag) {
                Some(run) if run.result.end > window.start => {
                    run.result.end = run.result.end.max(window.end);
                    run.parts.push(*window);
                }
                _ => merged.push(Merged { result: *window, parts: vec![*window] }),
            }
        }
        merged.retain(|run| run.parts.len() > 1);
        merged
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Timestamp;

    #[test]
    fn overlaps_merge_within_a_tag() {
        let window = |start: i64, end: i64, tag: u64| {
            let [start, end] = [start, end].map(Timestamp::from_millis);
            Window { tag, ..Window::new(start, end) }
        };
        let windows = [window(0, 10, 0), window(1, 20, 7), window(5, 12, 0), window(12, 13, 0), window(15, 16, 7)];
        let merged = Merged::overlapping(&windows);
        let expected = [
            Merged { result: window(0, 12, 0), parts: vec![windows[0], windows[2]] },
            Merged { result: window(1, 20, 7), parts: vec![windows[1], windows[4]] },
        ];
        assert_eq!(merged, expected);
    }
}
