//! The global window.

use super::{Window, WindowFn, WindowSet};
use crate::Timestamp;

/// One window for all of event time: what every collection starts with.
///
/// ```
/// use purlin_model::{Timestamp, window::{Global, Window, WindowFn}};
/// assert_eq!(Global.assign(Timestamp::MIN).first(), Window::GLOBAL);
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Global;

impl WindowFn for Global {
    fn name(&self) -> String {
        Window::GLOBAL_NAME.into()
    }

    #[inline]
    fn assign(&self, _at: Timestamp) -> WindowSet {
        WindowSet::GLOBAL
    }
}
