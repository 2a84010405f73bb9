//! Small numbers for windows: what is kept per entry names its window in four bytes.

use foldhash::fast::FixedState;
use hashbrown::HashMap;

use crate::window::Window;

/// Windows, numbered from 0 as they come.
#[derive(Default)]
pub(super) struct WindowNumbers {
    windows: Vec<Window>,
    numbers: HashMap<Window, u32, FixedState>,
}

impl WindowNumbers {
    /// The window's number; the next one if it is new.
    pub(super) fn number(&mut self, window: Window) -> u32 {
        let next = self.windows.len() as u32;
        let number = *self.numbers.entry(window).or_insert(next);
        if number == next {
            self.windows.push(window);
        }
        number
    }

    /// The windows in the order of their numbers.
    pub(super) fn into_windows(self) -> Vec<Window> {
        self.windows
    }
}
