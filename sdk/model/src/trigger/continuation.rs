//! What a trigger becomes downstream of a grouping (SEMANTICS §7).

use super::Trigger;

impl Trigger {
    /// The trigger of what a grouping by this one emits: as eager as what arrives allows.
    pub fn continuation(&self) -> Trigger {
        let boxed = |trigger: &Trigger| Box::new(trigger.continuation());
        let all = |triggers: &[Trigger]| triggers.iter().map(Trigger::continuation).collect();
        match self {
            Trigger::Default | Trigger::Never | Trigger::AfterSynchronizedProcessingTime => self.clone(),
            Trigger::AfterCount(_) => Trigger::AfterCount(1),
            Trigger::AfterProcessingTime { .. } => Trigger::AfterSynchronizedProcessingTime,
            Trigger::AfterWatermark { early, late } => {
                Trigger::AfterWatermark { early: early.as_deref().map(boxed), late: late.as_deref().map(boxed) }
            }
            Trigger::AfterFirst(parts) => Trigger::AfterFirst(all(parts)),
            Trigger::AfterAll(parts) => Trigger::AfterAll(all(parts)),
            Trigger::AfterEach(parts) => Trigger::AfterFirst(all(parts)).repeatedly(),
            Trigger::OrFinally(main, until) => Trigger::OrFinally(boxed(main), boxed(until)).repeatedly(),
            Trigger::Repeatedly(inner) => Trigger::Repeatedly(boxed(inner)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn continues_as_semantics_says() {
        let check = |trigger: Trigger, text: &str| assert_eq!(trigger.continuation().to_string(), text);
        check(Trigger::Default, "default");
        check(Trigger::after_count(5), "count(1)");
        check(Trigger::after_processing_time(crate::seconds(1)), "synchronized");
        check(Trigger::after_watermark().early(Trigger::after_count(9)), "watermark(early=count(1))");
        check(Trigger::AfterEach(vec![Trigger::Never, Trigger::after_count(3)]), "repeatedly(first(never,count(1)))");
        check(
            Trigger::after_count(3).or_finally(Trigger::after_watermark()),
            "repeatedly(orFinally(count(1),watermark()))",
        );
    }
}
