//! Numbers for windows: tables are found by number, numbers by hash, for tens of thousands of windows may be open at once.

use foldhash::fast::FixedState;
use hashbrown::HashMap;

use crate::window::Window;

/// Numbers from 0 on; those given back are used again.
#[derive(Default)]
pub(super) struct WindowNumbers {
    numbers: HashMap<Window, u32, FixedState>,
    free: Vec<u32>,
}

impl WindowNumbers {
    /// The window's number, and whether it is new.
    #[inline]
    pub(super) fn of(&mut self, window: Window) -> (u32, bool) {
        let unused = self.numbers.len() as u32;
        let mut is_new = false;
        let number = *self.numbers.entry(window).or_insert_with(|| {
            is_new = true;
            // Held numbers and free ones together are 0, 1, 2, …
            self.free.pop().unwrap_or(unused)
        });
        (number, is_new)
    }

    /// Gives the window's number back.
    pub(super) fn remove(&mut self, window: Window) -> Option<u32> {
        let number = self.numbers.remove(&window)?;
        self.free.push(number);
        Some(number)
    }

    /// Every window and its number.
    pub(super) fn iter(&self) -> impl Iterator<Item = (Window, u32)> {
        self.numbers.iter().map(|(window, number)| (*window, *number))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Timestamp;

    #[test]
    fn numbers_are_dense_and_used_again() {
        let window = |n| Window::new(Timestamp::from_millis(n), Timestamp::from_millis(n + 1));
        let mut numbers = WindowNumbers::default();
        assert_eq!([0, 1, 0, 2].map(|n| numbers.of(window(n))), [(0, true), (1, true), (0, false), (2, true)]);
        assert_eq!(numbers.remove(window(1)), Some(1));
        assert_eq!(numbers.remove(window(1)), None);
        assert_eq!([7, 8].map(|n| numbers.of(window(n))), [(1, true), (3, true)]);
    }
}
