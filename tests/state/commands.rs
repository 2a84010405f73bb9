//! A `DoFn` that does what its elements say, and tells what its timers do.

use purlin::prelude::*;
use purlin::source::TestStream;
use purlin::state::{EventTimer, EventTimerFamily, OutputTime, ProcessingTimer, ProcessingTimerFamily};
use serde::{Deserialize, Serialize};

use crate::job::at;

/// What is to be done with a timer.
#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
pub(crate) enum Do {
    At(i64),
    In(u64),
    /// At the first, with the second as output time.
    AtHolding(i64, i64),
    AtNotHeld(i64),
    Clear,
}

/// Which timer: `flush` and the members of `by_tag` go by event time, `wake` and those of `calls` by processing time.
#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
pub(crate) enum Command {
    Flush(Do),
    Wake(Do),
    Tag(u8, Do),
    Call(u8, Do),
    /// Emits at this time.
    Emit(i64),
    Nothing,
}

#[derive(State)]
pub(crate) struct Timers {
    flush: EventTimer,
    wake: ProcessingTimer,
    by_tag: EventTimerFamily<u8>,
    calls: ProcessingTimerFamily<u8>,
}

/// Does what its elements say; when a timer has fired whose report is that of an entry of `then`, what stands there.
#[derive(Clone, Default)]
pub(crate) struct Obedient {
    pub(crate) then: Vec<(&'static str, Command)>,
}

impl Obedient {
    fn obey(state: &mut Timers, command: Command, out: &mut Output<String>) {
        macro_rules! each {
            ($timer:expr, $what:expr $(, $tag:expr)?) => {
                match $what {
                    Do::At(ms) => $timer.set($($tag,)? at(ms)),
                    Do::In(ms) => $timer.set_relative($($tag,)? milliseconds(ms)),
                    Do::AtHolding(ms, hold) => $timer.set_with_output($($tag,)? at(ms), OutputTime::At(at(hold))),
                    Do::AtNotHeld(ms) => $timer.set_with_output($($tag,)? at(ms), OutputTime::NotHeld),
                    Do::Clear => $timer.clear($($tag)?),
                }
            };
        }
        match command {
            Command::Flush(what) => each!(state.flush, what),
            Command::Wake(what) => each!(state.wake, what),
            Command::Tag(tag, what) => each!(state.by_tag, what, tag),
            Command::Call(tag, what) => each!(state.calls, what, tag),
            Command::Emit(ms) => out.emit_at("emitted".into(), at(ms)),
            Command::Nothing => {}
        }
    }
}

impl StatefulDoFn<u8, Vec<Command>> for Obedient {
    type State = Timers;
    type Out = Output<String>;

    fn process(
        &mut self,
        _: &u8,
        commands: Vec<Command>,
        state: &mut Timers,
        _: &StateContext,
        out: &mut Output<String>,
    ) -> Result<(), BoxError> {
        commands.into_iter().for_each(|command| Self::obey(state, command, out));
        Ok(())
    }

    fn on_timer(
        &mut self,
        key: &u8,
        state: &mut Timers,
        cx: &TimerContext,
        out: &mut Output<String>,
    ) -> Result<(), BoxError> {
        let mut fired = Vec::new();
        fired.extend(state.flush.fired().then(|| "flush".to_string()));
        fired.extend(state.wake.fired().then(|| "wake".to_string()));
        fired.extend(state.by_tag.fired().map(|tag| format!("tag {tag}")));
        fired.extend(state.calls.fired().map(|tag| format!("call {tag}")));
        let [name] = fired.as_slice() else { return Err(format!("these fired at once: {fired:?}").into()) };
        let report = format!("{name} {}", cx.firing_time().millis());
        for (_, command) in self.then.iter().filter(|(of, _)| *of == report) {
            Self::obey(state, *command, out);
        }
        out.emit(format!("{key}: {report}"));
        Ok(())
    }
}

/// Adds commands to a script: for key, time, commands.
pub(crate) fn tell(
    script: TestStream<(u8, Vec<Command>)>,
    commands: &[(u8, i64, &[Command])],
) -> TestStream<(u8, Vec<Command>)> {
    script.elements(commands.iter().map(|(key, ms, commands)| ((*key, commands.to_vec()), at(*ms))))
}
