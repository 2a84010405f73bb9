//! A scenario as a pipeline.

use purlin::DropCause;
use purlin::graph::Graph;
use purlin::prelude::*;
use purlin::source::TestStream;

use super::outcome::{drop_line, pane_line};
use super::{Scenario, Step};

impl Scenario {
    /// Builds the pipeline, has it run by `run`, and gives the outcome: the scenario's name, each step's line, and what the step led to.
    pub fn play(&self, run: impl FnOnce(&Graph) -> Result<(), Failure>) -> Result<String, Failure> {
        let (pipeline, panes, drops) = (Pipeline::new(), MemorySink::new(), MemorySink::new());
        let script = self.steps.iter().fold(TestStream::new(), |script, (_, step)| match step {
            Step::Input(times) => script.elements(times.iter().map(|at| (*at, Timestamp::from_millis(*at)))),
            Step::Watermark(to) => script.advance_watermark(*to),
            Step::Time(by) => script.advance_processing_time(milliseconds(*by)),
        });
        let (now, then) = (script.under_way(), script.under_way());
        let numbers = pipeline.test_stream("script", script).key_by("one key", |_| 0_u8).window(self.windowing.clone());
        let (groups, dropped) = numbers.group_by_key_with_dropped("group");
        groups
            .map_in("pane", move |(_, values), at| (now.number(), pane_line(values, at)))
            .write("panes", panes.sink());
        dropped
            .map_in("drop", move |dropped, at| {
                let line = (dropped.cause == DropCause::Late).then(|| drop_line(at));
                (then.number(), line)
            })
            .write("drops", drops.sink());
        run(&pipeline.graph()?)?;
        Ok(self.outcome(panes.take(), drops.take()))
    }

    /// Everything by its step. What comes when the script has ended belongs to none.
    fn outcome(&self, panes: Vec<(usize, String)>, drops: Vec<(usize, Option<String>)>) -> String {
        let mut lines = vec![format!("## {}", self.name)];
        for (number, (step, _)) in self.steps.iter().enumerate() {
            lines.push(format!("> {step}"));
            let panes = panes.iter().filter(|(of, _)| *of == number).map(|(_, line)| line.clone());
            let late = drops.iter().filter(|(of, _)| *of == number).filter_map(|(_, line)| line.clone());
            let mut of_step: Vec<String> = panes.chain(late).collect();
            of_step.sort();
            lines.extend(of_step);
            let closed = drops.iter().filter(|(of, line)| *of == number && line.is_none()).count();
            lines.extend((closed > 0).then(|| format!(r#"drop {{"reason":"closed_window","n":{closed}}}"#)));
        }
        lines.push(String::new());
        lines.join("\n")
    }
}
