//! Which elements an expectation is about.

use std::fmt;

use crate::testing::difference::named;
use crate::window::Window;
use crate::{At, Timing};

/// All elements, or those of a window, of some panes, or both.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Selection {
    pub(super) window: Option<Window>,
    pub(super) panes: Option<Panes>,
}

/// Some panes of each key and window.
#[derive(Clone, Copy, Debug)]
pub(super) enum Panes {
    Early,
    OnTime,
    Late,
    Final,
    Index(u64),
}

impl Selection {
    pub(super) fn takes(&self, at: &At) -> bool {
        let takes_pane = self.panes.is_none_or(|panes| match panes {
            Panes::Early => at.pane.timing == Timing::Early,
            Panes::OnTime => at.pane.timing == Timing::OnTime,
            Panes::Late => at.pane.timing == Timing::Late,
            Panes::Final => at.pane.last,
            Panes::Index(index) => at.pane.index == index,
        });
        takes_pane && self.window.is_none_or(|window| window == at.window)
    }

    pub(super) fn is_everything(&self) -> bool {
        self.window.is_none() && self.panes.is_none()
    }
}

impl fmt::Display for Selection {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let window = self.window.map(|window| format!("in window {}", named(&window)));
        let panes = self.panes.map(|panes| match panes {
            Panes::Early => "in early panes".to_string(),
            Panes::OnTime => "in the on-time pane".to_string(),
            Panes::Late => "in late panes".to_string(),
            Panes::Final => "in the final pane".to_string(),
            Panes::Index(index) => format!("in pane {index}"),
        });
        f.write_str(&window.into_iter().chain(panes).collect::<Vec<_>>().join(", "))
    }
}
