//! Triggers as text, in the notation of the conformance scenarios.

use std::fmt;

use super::{TimeTransform, Trigger};

impl fmt::Display for Trigger {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Trigger::Default => f.write_str("default"),
            Trigger::Never => f.write_str("never"),
            Trigger::AfterWatermark { early, late } => {
                let parts: Vec<String> = [("early", early), ("late", late)]
                    .iter()
                    .filter_map(|(name, trigger)| trigger.as_ref().map(|t| format!("{name}={t}")))
                    .collect();
                write!(f, "watermark({})", parts.join(","))
            }
            Trigger::AfterProcessingTime { transforms } => {
                for (i, transform) in transforms.iter().enumerate() {
                    let separator = if i == 0 { "" } else { "+" };
                    match transform {
                        TimeTransform::Delay(ms) => write!(f, "{separator}pt({ms})")?,
                        TimeTransform::Align { period_ms, offset_ms } => {
                            write!(f, "{separator}ptalign({period_ms},{offset_ms})")?;
                        }
                    }
                }
                Ok(())
            }
            Trigger::AfterSynchronizedProcessingTime => f.write_str("synchronized"),
            Trigger::AfterCount(count) => write!(f, "count({count})"),
            Trigger::AfterEach(parts) => write!(f, "each({})", Joined(parts)),
            Trigger::AfterFirst(parts) => write!(f, "first({})", Joined(parts)),
            Trigger::AfterAll(parts) => write!(f, "all({})", Joined(parts)),
            Trigger::OrFinally(main, until) => write!(f, "orFinally({main},{until})"),
            Trigger::Repeatedly(inner) => write!(f, "repeatedly({inner})"),
        }
    }
}

struct Joined<'a>(&'a [Trigger]);

impl fmt::Display for Joined<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (i, trigger) in self.0.iter().enumerate() {
            write!(f, "{}{trigger}", if i == 0 { "" } else { "," })?;
        }
        Ok(())
    }
}
