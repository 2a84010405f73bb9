//! What holds the watermark back, in words: the answer to "why does nothing come out?".

use std::fmt;

use purlin_model::Timestamp;

use crate::observe::{Observer, SplitReport};

/// The split that holds the watermark of the sources.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Held {
    /// Its name.
    pub by: String,
    /// Where it holds it.
    pub at: Timestamp,
    /// Since when it has given nothing though it was asked; `None` while it gives.
    pub silent_since: Option<Timestamp>,
    /// Since when it is not asked because there is no room downstream; `None` while there is.
    pub blocked_since: Option<Timestamp>,
}

impl Observer {
    /// Who holds the watermark; `None` if nobody does: no split is there, or all are idle or have ended.
    pub fn held(&self) -> Option<Held> {
        let splits = self.splits();
        let active = splits.into_iter().filter(|(_, report)| report.status == "active");
        let (by, report) = active.min_by_key(|(_, report)| report.watermark)?;
        let SplitReport { watermark, silent_since, blocked_since, .. } = report;
        Some(Held { by, at: watermark, silent_since, blocked_since })
    }
}

impl fmt::Display for Held {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.at {
            Timestamp::MIN => f.write_str("no watermark yet, held by ")?,
            at => write!(f, "watermark {at}, held by ")?,
        }
        f.write_str(&self.by)?;
        match (self.blocked_since, self.silent_since) {
            (Some(since), _) => write!(f, ", not asked since {since} because what is downstream takes its time"),
            (None, Some(since)) => write!(f, ", silent since {since}"),
            (None, None) => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_furthest_behind_of_those_that_count_holds_it() {
        let at = Timestamp::from_millis;
        let observer = Observer::default();
        assert_eq!(observer.held(), None);
        let report = |status: &str, watermark, silent_since| SplitReport {
            status: status.into(),
            watermark: at(watermark),
            silent_since,
            blocked_since: None,
            lag: None,
        };
        observer.split("orders/0", report("active", 90, None));
        observer.split("orders/1", report("idle since then", 10, None));
        observer.split("orders/2", report("finished", 5, None));
        observer.split("orders/3", report("active", 50, Some(at(1_000))));
        let held = observer.held().expect("somebody holds it");
        assert_eq!(
            held,
            Held { by: "orders/3".into(), at: at(50), silent_since: Some(at(1_000)), blocked_since: None }
        );
        let words = "watermark 1970-01-01T00:00:00.050Z, held by orders/3, silent since 1970-01-01T00:00:01Z";
        assert!(
            held.to_string().starts_with(&words[..30]) && held.to_string().contains("orders/3, silent since"),
            "{held}"
        );
        observer.blocked("orders/3", Some(at(2_000)));
        let words = observer.held().expect("somebody holds it").to_string();
        assert!(words.contains("orders/3, not asked since 1970-01-01T00:00:02"), "{words}");
        observer.blocked("orders/3", None);
        assert_eq!(observer.held(), Some(held));
    }
}
