//! Window assignment (SEMANTICS §2), on a bundle whose element type is not known.

use purlin_model::bundle::AnyBundle;
use purlin_model::window::{Window, WindowFn, WindowSet};

/// Gives every element the windows of its timestamp; elements that lie in none are removed.
pub(super) fn assign_windows(function: &dyn WindowFn, bundle: &mut dyn AnyBundle) {
    if bundle.is_empty() {
        return;
    }
    // An element of several windows is one in each, and is windowed anew as often.
    bundle.explode_windows();
    let mut many = Vec::new();
    if bundle.sides().timestamps().as_slice().iter().any(|at| function.assign_many(*at, &mut many)) {
        return assign_lists(function, bundle);
    }
    let (timestamps, windows) = bundle.sides_mut().timestamps_and_windows_mut();
    function.assign_all(timestamps.as_slice(), windows);
    let some_nowhere = windows.as_slice().iter().any(WindowSet::is_empty);
    if some_nowhere {
        let len = bundle.len();
        let windows = bundle.sides().windows();
        let kept: Vec<bool> = (0..len).map(|i| !windows.get(i).is_empty()).collect();
        bundle.retain_mask(&kept);
    }
}

/// For functions that give lists of windows: an element stands once in each.
fn assign_lists(function: &dyn WindowFn, bundle: &mut dyn AnyBundle) {
    let mut all: Vec<Window> = Vec::new();
    let mut times = Vec::with_capacity(bundle.len());
    for i in 0..bundle.len() {
        let at = bundle.sides().timestamps().get(i);
        let before = all.len();
        if !function.assign_many(at, &mut all) {
            all.extend(function.assign(at).iter());
        }
        times.push(all.len() - before);
    }
    bundle.repeat_each(&times);
    bundle.sides_mut().windows_mut().refill(all.into_iter().map(WindowSet::one));
}

#[cfg(test)]
mod tests {
    use purlin_model::bundle::Bundle;
    use purlin_model::window::{Fixed, Sliding};
    use purlin_model::{Timestamp, milliseconds};

    use super::*;

    fn assigned(function: &dyn WindowFn, times: &[i64]) -> Vec<(i64, Vec<i64>)> {
        let mut bundle: Bundle<i64> = times.iter().map(|t| (*t, Timestamp::from_millis(*t))).collect();
        assign_windows(function, &mut bundle);
        bundle.iter().map(|(v, s)| (*v, s.windows.iter().map(|w| w.start.millis()).collect())).collect()
    }

    #[test]
    fn fixed_windows_hold_for_negative_times() {
        let expected = [(-1, vec![-10]), (0, vec![0]), (9, vec![0]), (10, vec![10])];
        assert_eq!(assigned(&Fixed::of(milliseconds(10)), &[-1, 0, 9, 10]), expected);
    }

    #[test]
    fn a_period_longer_than_the_size_drops_what_lies_between() {
        let function = Sliding::of(milliseconds(2)).every(milliseconds(5));
        assert_eq!(assigned(&function, &[0, 1, 2, 3, 4, 5]), [(0, vec![0]), (1, vec![0]), (5, vec![5])]);
    }

    #[test]
    fn an_element_of_several_windows_is_windowed_anew_once_for_each() {
        let mut bundle: Bundle<i64> = [(7, Timestamp::from_millis(7))].into_iter().collect();
        assign_windows(&Sliding::of(milliseconds(10)).every(milliseconds(5)), &mut bundle);
        assign_windows(&Fixed::of(milliseconds(10)), &mut bundle);
        let windows: Vec<WindowSet> = bundle.iter().map(|(_, sides)| sides.windows).collect();
        assert_eq!(windows, [WindowSet::one(Window::new(Timestamp::from_millis(0), Timestamp::from_millis(10))); 2]);
    }

    #[derive(Debug)]
    struct OwnAndNext;

    impl WindowFn for OwnAndNext {
        fn name(&self) -> String {
            "own and next".into()
        }
        fn assign(&self, at: Timestamp) -> WindowSet {
            Fixed::of(milliseconds(1)).assign(at)
        }
        fn assign_many(&self, at: Timestamp, into: &mut Vec<Window>) -> bool {
            let ends = [1, 5].map(|size| at.saturating_add_millis(size));
            into.extend(ends.map(|end| Window::new(at, end)).iter().take((at.millis() % 3) as usize));
            true
        }
    }

    #[test]
    fn a_custom_function_may_give_any_list() {
        assert_eq!(assigned(&OwnAndNext, &[0, 1, 2]), [(1, vec![1]), (2, vec![2]), (2, vec![2])]);
    }
}
