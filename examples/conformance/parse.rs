//! Scenario files, read line by line; what is wrong is told with its line's number.

use std::str::FromStr;

use purlin::prelude::*;
use purlin::window::{ClosingBehavior, OnTimeBehavior, TimestampCombiner};

use super::trigger::trigger;
use super::{Scenario, Step};

/// Why a file holds no scenarios.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Malformed {
    /// The line, from 1.
    pub line: usize,
    /// What is wrong with it.
    pub message: String,
}

impl std::fmt::Display for Malformed {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "line {}: {}", self.line, self.message)
    }
}

impl std::error::Error for Malformed {}

/// Reads all scenarios of a file.
pub fn parse(text: &str) -> Result<Vec<Scenario>, Malformed> {
    let mut lines = text.lines().enumerate().map(|(i, line)| (i + 1, line)).filter(|(_, line)| !line.trim().is_empty());
    let mut scenarios = Vec::new();
    while let Some((number, line)) = lines.next() {
        let name = line
            .trim()
            .strip_prefix("scenario ")
            .map(str::trim)
            .ok_or_else(|| Malformed { line: number, message: format!("expected `scenario NAME`, found `{line}`") })?;
        let mut of_it = Vec::new();
        loop {
            match lines.next() {
                Some((_, line)) if line.trim() == "end" => break,
                Some(line) => of_it.push(line),
                None => {
                    let message = format!("scenario `{name}` has no `end`");
                    return Err(Malformed { line: number, message });
                }
            }
        }
        scenarios.push(scenario(name, number, &of_it)?);
    }
    Ok(scenarios)
}

fn scenario(name: &str, begin: usize, lines: &[(usize, &str)]) -> Result<Scenario, Malformed> {
    let malformed = |line: usize, message: String| Malformed { line, message };
    let (at, window) = lines
        .iter()
        .find_map(|(number, line)| Some((*number, line.trim().strip_prefix("window ")?)))
        .ok_or_else(|| malformed(begin, format!("scenario `{name}` has no `window` before its `end`")))?;
    // The scenarios try out settings that lose data: they mean it.
    let windowing = windows(window).map_err(|message| malformed(at, message))?.allow_data_loss();
    let mut scenario = Scenario { name: name.to_string(), windowing, steps: Vec::new() };
    for (number, line) in lines {
        let (word, rest) = line.trim().split_once(' ').unwrap_or((line.trim(), ""));
        match step(word, rest.trim()).map_err(|message| malformed(*number, message))? {
            Some(step) => scenario.steps.push((line.to_string(), step)),
            None => {
                let changed = setting(scenario.windowing, word, rest.trim());
                scenario.windowing = changed.map_err(|message| malformed(*number, message))?;
            }
        }
    }
    Ok(scenario)
}

fn step(word: &str, rest: &str) -> Result<Option<Step>, String> {
    Ok(Some(match word {
        "input" => {
            let times = rest.split_whitespace().map(number).collect::<Result<Vec<i64>, _>>()?;
            if let Some(invalid) = times.iter().find(|at| !Timestamp::from_millis(**at).is_valid_for_element()) {
                return Err(format!("no element may have the timestamp {invalid}"));
            }
            Step::Input(times)
        }
        "watermark" if rest == "inf" => Step::Watermark(Timestamp::MAX),
        "watermark" => {
            let to = Timestamp::from_millis(number(rest)?);
            Step::Watermark(to.clamp(Timestamp::MIN, Timestamp::MAX))
        }
        "time" => Step::Time(number(rest.strip_prefix('+').ok_or("time goes on by `+MILLISECONDS`")?)?),
        _ => return Ok(None),
    }))
}

fn setting(spec: WindowSpec, word: &str, rest: &str) -> Result<WindowSpec, String> {
    Ok(match (word, rest) {
        ("window", _) => spec,
        ("trigger", _) => spec.trigger(trigger(rest)?),
        ("mode", "accumulating") => spec.accumulating(),
        ("mode", "discarding") => spec.discarding(),
        ("combiner", "eow") => spec.timestamp_combiner(TimestampCombiner::EndOfWindow),
        ("combiner", "earliest") => spec.timestamp_combiner(TimestampCombiner::Earliest),
        ("combiner", "latest") => spec.timestamp_combiner(TimestampCombiner::Latest),
        ("lateness", _) => spec.allowed_lateness(milliseconds(number(rest)?)),
        ("closing", "always") => spec.closing(ClosingBehavior::Always),
        ("closing", "nonempty") => spec.closing(ClosingBehavior::IfNonEmpty),
        ("ontime", "always") => spec.on_time(OnTimeBehavior::Always),
        ("ontime", "nonempty") => spec.on_time(OnTimeBehavior::IfNonEmpty),
        ("scenario", _) => return Err("a scenario begins before the one above it has its `end`".into()),
        _ => return Err(format!("`{word} {rest}` is neither a setting nor a step")),
    })
}

fn windows(text: &str) -> Result<WindowSpec, String> {
    let words: Vec<&str> = text.split_whitespace().collect();
    let span = |text: &str| match number(text)? {
        0 => Err("a span of time is at least 1".to_string()),
        span => Ok(milliseconds(span)),
    };
    Ok(match words[..] {
        ["global"] => Global.with(),
        ["fixed", size] => Fixed::of(span(size)?).with(),
        ["fixed", size, offset] => Fixed::of(span(size)?).offset(milliseconds(number(offset)?)).with(),
        ["sliding", size, period] => Sliding::of(span(size)?).every(span(period)?).with(),
        ["sessions", gap] => Sessions::of(span(gap)?).with(),
        _ => {
            return Err(format!(
                "`{text}` names no windows: fixed SIZE [OFFSET], sliding SIZE PERIOD, sessions GAP, global"
            ));
        }
    })
}

pub(super) fn number<N: FromStr>(text: &str) -> Result<N, String> {
    text.parse().map_err(|_| format!("`{text}` is no number that may stand here"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_wrong_is_told_with_its_line() {
        let check = |file: &str, expected: &str| {
            let told = parse(file).map(|_| ()).expect_err(file).to_string();
            assert!(told.starts_with(expected), "{told}");
        };
        let scenario = |line: &str| format!("\nscenario a\nwindow global\n{line}\nend\n");
        check("window global\n", "line 1: expected `scenario NAME`");
        check("scenario a\ntrigger default\nend\n", "line 1: scenario `a` has no `window`");
        check("scenario a\nwindow fixed 0\nend\n", "line 2: a span of time is at least 1");
        check("scenario a\nwindow fixed 1 2 3\nend\n", "line 2: `fixed 1 2 3` names no windows");
        check(&scenario("input 1 x"), "line 4: `x` is no number");
        check(&scenario("input 9223372036854775"), "line 4: no element may have the timestamp");
        check(&scenario("time 3"), "line 4: time goes on by");
        check(&scenario("lateness -3"), "line 4: `-3` is no number");
        check(&scenario("mode both"), "line 4: `mode both` is neither");
        check(&scenario("trigger count(2"), "line 4: ");
        check("scenario a\nwindow global\n", "line 1: scenario `a` has no `end`");
        check("scenario a\nwindow global\nscenario b\nwindow global\nend\n", "line 3: a scenario begins");
        assert_eq!(parse("").map(|scenarios| scenarios.len()), Ok(0));
    }
}
