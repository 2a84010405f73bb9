//! Panes and drops in the notation of the expected outcome: a word, then JSON.

use purlin::Timing;
use purlin::prelude::*;
use purlin::window::Window;

/// A pane with these values.
pub(super) fn pane_line(mut values: Vec<i64>, at: At) -> String {
    values.sort_unstable();
    let values: Vec<String> = values.iter().map(i64::to_string).collect();
    let timing = match at.pane.timing {
        Timing::Unknown => "UNKNOWN",
        Timing::Early => "EARLY",
        Timing::OnTime => "ON_TIME",
        Timing::Late => "LATE",
    };
    let timestamp = match at.timestamp {
        Timestamp::GLOBAL_MAX => r#""GLOBAL_MAX""#.to_string(),
        other => other.millis().to_string(),
    };
    let (window, values, pane) = (shown(at.window), values.join(","), at.pane);
    let (index, nonspeculative, first, last) = (pane.index, pane.nonspeculative_index, pane.first, pane.last);
    format!(
        r#"pane {{"window":{window},"values":[{values}],"timestamp":{timestamp},"timing":"{timing}","index":{index},"nonspeculative_index":{nonspeculative},"first":{first},"last":{last}}}"#
    )
}

/// An element that was dropped because its window had expired.
pub(super) fn drop_line(at: At) -> String {
    format!(r#"drop {{"reason":"lateness","ts":{},"window":{}}}"#, at.timestamp.millis(), shown(at.window))
}

fn shown(window: Window) -> String {
    if window.is_global() {
        r#""GLOBAL""#.to_string()
    } else {
        format!("[{},{}]", window.start.millis(), window.end.millis())
    }
}
