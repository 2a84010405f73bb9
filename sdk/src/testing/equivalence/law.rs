//! Which law of SEMANTICS §12 a pipeline's output is under, told from its graph.

use std::collections::HashSet;

use crate::Trigger;
use crate::graph::{CollectionId, Graph, Node, Op};
use crate::window::{ClosingBehavior, Windowing};

/// What has to be the same in every run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Law {
    /// Law 1: every element, with its timestamp, window and pane.
    Elements {
        /// Some window is kept after its end: then whether a pane is the last is left open.
        lateness: bool,
        /// Then, closing panes without new elements are, too.
        closing_panes: bool,
    },
    /// Law 2: the values of the last pane of every key and window.
    LastPanes {
        /// Windows merge: what counts is the window that a key's windows have become.
        merging: bool,
    },
    /// Law 3: the values of all panes of every key and window, combined.
    CombinedPanes {
        /// Likewise.
        merging: bool,
    },
}

impl Law {
    /// The law for what `output` holds; why there is none, where there is none.
    pub(super) fn of(graph: &Graph, output: CollectionId) -> Result<Law, String> {
        let mut search = Search { graph, seen: HashSet::new(), law: Law::ELEMENTS, firing: None };
        search.upstream(output, None)?;
        Ok(search.law)
    }

    const ELEMENTS: Law = Law::Elements { lateness: false, closing_panes: false };

    /// The law in words.
    pub(super) fn in_words(self) -> &'static str {
        match self {
            Law::Elements { .. } => {
                "every element, with its timestamp, window and pane, must be the same in every run (SEMANTICS §12, law 1)"
            }
            Law::LastPanes { .. } => {
                "panes accumulate, so the last pane of every key and window must be the same in every run (SEMANTICS §12, law 2)"
            }
            Law::CombinedPanes { .. } => {
                "panes discard, so the panes of every key and window, combined, must be the same in every run (SEMANTICS §12, law 3)"
            }
        }
    }
}

struct Search<'a> {
    graph: &'a Graph,
    seen: HashSet<(CollectionId, bool)>,
    law: Law,
    /// The grouping that fires more than once.
    firing: Option<&'a str>,
}

impl<'a> Search<'a> {
    /// Looks at everything that makes `collection`; `behind` is a transform downstream of it that keeps or groups what it gets.
    fn upstream(&mut self, collection: CollectionId, behind: Option<&'a str>) -> Result<(), String> {
        if !self.seen.insert((collection, behind.is_some())) {
            return Ok(());
        }
        let node = self.graph.node(self.graph.collection(collection).producer);
        for view in &node.views {
            let view = self.graph.node(*view);
            self.upstream(view.inputs[0], Some(&view.name))?;
        }
        let keeps = matches!(node.op, Op::Group(_) | Op::Stateful(_));
        if let Op::Group(_) = node.op {
            self.grouping(node, &self.graph.collection(node.inputs[0]).windowing, behind)?;
        }
        let behind = if keeps { Some(node.name.as_str()) } else { behind };
        node.inputs.iter().try_for_each(|input| self.upstream(*input, behind))
    }

    fn grouping(&mut self, node: &'a Node, windowing: &Windowing, behind: Option<&'a str>) -> Result<(), String> {
        let (name, trigger, lateness_ms) = (node.name.as_str(), &windowing.trigger, windowing.lateness_ms());
        if trigger.may_lose_data(lateness_ms) {
            return Err(format!(
                "`{name}` groups under trigger {trigger}, which finishes and drops what comes after: what that is depends on the run, \
                 so nothing is the same in every run. Test it with a `TestStream`"
            ));
        }
        if *trigger == Trigger::Default || !trigger.may_fire_more_than_once(lateness_ms) {
            if let Law::Elements { lateness, closing_panes } = &mut self.law {
                *lateness |= lateness_ms > 0;
                *closing_panes |= lateness_ms > 0 && windowing.closing == ClosingBehavior::Always;
            }
            return Ok(());
        }
        if let Some(behind) = behind {
            return Err(format!(
                "`{name}` fires more than once (trigger {trigger}), and `{behind}` takes in its panes: how many there are depends on the \
                 run, so no law says what `{behind}` makes of them. Test the part up to `{name}`, or everything with a `TestStream`"
            ));
        }
        let merging = windowing.is_merging();
        let law = if windowing.is_accumulating() { Law::LastPanes { merging } } else { Law::CombinedPanes { merging } };
        if let Some(other) = self.firing.replace(name).filter(|other| *other != name && self.law != law) {
            return Err(format!("`{name}` and `{other}` fire more than once, and not alike: test them one by one"));
        }
        self.law = law;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::prelude::*;

    /// The law for sums of pairs under `spec`, then whatever `rest` does with them.
    fn law(
        spec: impl Into<WindowSpec>,
        rest: impl Fn(PCollection<(i32, i32)>) -> PCollection<(i32, i32)>,
    ) -> Result<Law, String> {
        let pipeline = Pipeline::new();
        let pairs = pipeline.create("pairs", [(1, 2)]);
        rest(pairs.window(spec).combine_per_key("sum", Sum)).map("output", |pair| pair);
        let graph = pipeline.graph().unwrap();
        let output = graph.nodes.last().unwrap().outputs[0];
        Law::of(&graph, output)
    }

    fn early() -> WindowSpec {
        let trigger = Trigger::after_watermark().early(Trigger::after_count(1));
        Fixed::of(milliseconds(10)).with().trigger(trigger).allowed_lateness(milliseconds(0))
    }

    #[test]
    fn the_windowing_tells_the_law() {
        let as_is = |sums| sums;
        assert_eq!(law(Fixed::of(milliseconds(1)), as_is), Ok(Law::ELEMENTS));
        let kept = Fixed::of(milliseconds(1)).with().allowed_lateness(milliseconds(1)).discarding();
        assert_eq!(law(kept.clone(), as_is), Ok(Law::Elements { lateness: true, closing_panes: false }));
        let closing = kept.closing(ClosingBehavior::Always);
        assert_eq!(law(closing, as_is), Ok(Law::Elements { lateness: true, closing_panes: true }));
        assert_eq!(law(early().accumulating(), as_is), Ok(Law::LastPanes { merging: false }));
        assert_eq!(law(early().discarding(), as_is), Ok(Law::CombinedPanes { merging: false }));
        let often = Trigger::after_count(2).repeatedly();
        let sessions =
            Sessions::of(milliseconds(3)).with().trigger(often).allowed_lateness(milliseconds(0)).discarding();
        assert_eq!(law(sessions, as_is), Ok(Law::CombinedPanes { merging: true }));
    }

    #[test]
    fn where_there_is_no_law_the_reason_is_given() {
        let text = law(early().discarding(), |sums| sums.combine_per_key("again", Sum)).unwrap_err();
        assert!(text.contains("`sum` fires more than once") && text.contains("`again` takes in its panes"), "{text}");
        let text = law(early().accumulating(), |sums| {
            let total = sums.map("value", |(_, n)| n).as_list();
            sums.map_with("add", &total, |(key, n), total| (key, n + total.len() as i32))
        });
        assert!(text.unwrap_err().contains("takes in its panes"));
        let finishing =
            Fixed::of(milliseconds(9)).with().trigger(Trigger::after_count(1)).allowed_lateness(milliseconds(0));
        let text = law(finishing.allow_data_loss(), |sums| sums).unwrap_err();
        assert!(text.contains("finishes and drops what comes after"), "{text}");
    }
}
