//! A plan in words: what `--explain` prints.

use std::fmt::Write;

use purlin_model::graph::{NodeId, Op};
use purlin_model::kernel::Form;
use purlin_model::sink::{AnySink, Visibility};
use purlin_model::source::Boundedness;

use super::{ExitKind, HeadKind, KeyedWork, Plan, Stage, Step, Work};

/// What a run promises of its output after failures and restarts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Promise {
    /// It begins anew.
    NoCheckpoints,
    /// It goes on from its last checkpoint, as if nothing had happened.
    ExactlyOnce,
    /// It goes on from its last checkpoint; what it wrote since then it may write again.
    AtLeastOnce,
}

impl Promise {
    /// What it means for one sink.
    fn of(self, sink: &dyn AnySink) -> &'static str {
        match (self, sink.visibility(), sink.transactions().is_some()) {
            (Promise::NoCheckpoints, Visibility::OnPublish, _) => "visible all at once when the run succeeds",
            (Promise::NoCheckpoints, Visibility::Immediately, _) => {
                "visible as it is written; a run that is repeated after a failure writes it again"
            }
            (_, Visibility::OnPublish, _) => "exactly-once: visible when its checkpoint is committed",
            (Promise::ExactlyOnce, Visibility::Immediately, true) => {
                "exactly-once: one transaction per checkpoint; readers need isolation.level=read_committed"
            }
            (Promise::ExactlyOnce, Visibility::Immediately, false) => {
                "cannot be exactly-once, and is refused: visible as it is written"
            }
            (Promise::AtLeastOnce, Visibility::Immediately, _) => {
                "at-least-once: visible as it is written; after a failure, output since the last checkpoint is there twice"
            }
        }
    }
}

impl Plan {
    /// Stages with what is read, fused, shuffled, kept and written, for a run without checkpoints.
    pub fn explain(&self) -> String {
        self.explain_with(Promise::NoCheckpoints)
    }

    /// The same, for a run that promises something.
    pub fn explain_with(&self, promise: Promise) -> String {
        let mut text = format!("{} stages, fingerprint {:016x}\n", self.stages.len(), self.graph.fingerprint());
        for stage in &self.stages {
            let _ = writeln!(text, "stage {}", stage.id.0);
            self.explain_heads(stage, &mut text);
            for step in &stage.steps {
                let _ = match (&step.work, self.calls_of(step)) {
                    (_, Some(calls)) => writeln!(text, "  calls    {}: {calls}, per worker", step.name),
                    (Work::ParDo(_), _) => writeln!(text, "  fused    {}{}", step.name, self.looks_up(&step.views)),
                    (Work::Assign(windowing), _) => writeln!(text, "  fused    {}: {windowing}", step.name),
                    (Work::Lift(_), _) => {
                        writeln!(text, "  fused    {} (lifted): combined before the shuffle", step.name)
                    }
                };
            }
            self.explain_exits(stage, promise, &mut text);
        }
        text
    }

    fn explain_heads(&self, stage: &Stage, text: &mut String) {
        for head in &stage.heads {
            let _ = match &head.kind {
                HeadKind::Read(node) => {
                    let Op::Read(source) = &self.graph.node(*node).op else { continue };
                    let kind = match source.boundedness() {
                        Boundedness::Bounded => "bounded",
                        Boundedness::Unbounded => "unbounded",
                    };
                    writeln!(text, "  reads    {}: {} ({kind})", head.name, source.describe())
                }
                HeadKind::Keyed { work: KeyedWork::Stateful { kernel, .. }, windowing, .. } => {
                    let spec = kernel.spec();
                    let cells = spec.cells.iter().map(|cell| format!("{}: {}", cell.name, cell.descriptor));
                    let timers = spec.timers.iter().map(|timer| format!("{}: {:?} timer", timer.name, timer.domain));
                    let declared = cells.chain(timers).collect::<Vec<_>>().join(", ");
                    writeln!(
                        text,
                        "  keeps    {}{}: {windowing}; per key and window, until the watermark passes its end and lateness: {declared}",
                        head.name,
                        self.looks_up(head.views())
                    )
                }
                HeadKind::Keyed { windowing, .. } => {
                    let state = if windowing.fires_once_at_the_end() {
                        "one table per window, dropped when the watermark passes its end"
                    } else {
                        "cells per key and window, freed when the watermark passes its end and lateness"
                    };
                    writeln!(text, "  groups   {}: {windowing}; state: {state}", head.name)
                }
                HeadKind::Calls { kernel, .. } => {
                    writeln!(text, "  calls    {}: {}, per worker", head.name, kernel.describe())
                }
                HeadKind::Handed { .. } => writeln!(text, "  takes    what {} gives", head.name),
            };
        }
    }

    fn explain_exits(&self, stage: &Stage, promise: Promise, text: &mut String) {
        for exit in &stage.exits {
            let to = |node: NodeId| &self.graph.node(node).name;
            let _ = match &exit.kind {
                ExitKind::Shuffle { node, work } => {
                    let what = if work.form() == Form::Lifted { "accumulators" } else { "elements" };
                    writeln!(text, "  shuffles {what} by key to {}", to(*node))
                }
                ExitKind::Spread(collection) => {
                    writeln!(text, "  spreads  evenly to {}", to(self.graph.collection(*collection).producer))
                }
                ExitKind::Calls(node) => writeln!(text, "  asks     in {}", to(*node)),
                ExitKind::Hand { to, .. } => writeln!(text, "  hands    to stage {}", to.0),
                ExitKind::View(node) => writeln!(text, "  shows    {} to every worker", to(*node)),
                ExitKind::Write(node) => {
                    let Op::Write(sink) = &self.graph.node(*node).op else { continue };
                    let guarantee = promise.of(&**sink);
                    writeln!(text, "  writes   {}: {} ({guarantee})", to(*node), sink.describe())
                }
            };
        }
    }

    /// How the calls of a step are made, if it makes any.
    fn calls_of(&self, step: &Step) -> Option<String> {
        let node = self.graph.nodes.iter().find(|node| node.name == step.name)?;
        let Op::Async(kernel) = &node.op else { return None };
        Some(kernel.describe())
    }

    fn looks_up(&self, views: &[NodeId]) -> String {
        let names: Vec<&str> = views.iter().map(|view| self.graph.node(*view).name.as_str()).collect();
        if names.is_empty() { String::new() } else { format!(" (looks up {})", names.join(", ")) }
    }
}
