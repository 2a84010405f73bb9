//! A family of timers: any number of them, told apart by tags.

use std::any::type_name;
use std::marker::PhantomData;
use std::time::Duration;

use super::settle::{Request, When};
use super::{Cell, Clock, EventTime, MapCell, OutputTime, ProcessingTime, Setting, Settling};
use crate::kernel::{StatefulSpec, TimerSpec};
use crate::time::millis;
use crate::{BoxError, Key, Timestamp};

/// Timers by event time, told apart by tags.
pub type EventTimerFamily<Tag> = TimerFamily<EventTime, Tag>;

/// Timers by processing time, told apart by tags.
pub type ProcessingTimerFamily<Tag> = TimerFamily<ProcessingTime, Tag>;

/// Any number of timers for each (key, window), each with its own tag. Each is set and cleared by itself, as a
/// [`Timer`](super::Timer) is.
///
/// ```
/// use purlin_model::state::{EventTimerFamily, State};
/// use purlin_model::{BoxError, Output, StateContext, StatefulDoFn, TimerContext, minutes};
///
/// #[derive(State)]
/// # #[state(crate = "purlin_model")]
/// struct Reminders {
///     due: EventTimerFamily<String>,
/// }
///
/// #[derive(Clone)]
/// struct Remind;
///
/// impl StatefulDoFn<u64, String> for Remind {
///     type State = Reminders;
///     type Out = Output<String>;
///
///     fn process(
///         &mut self, _: &u64, task: String, state: &mut Reminders, _: &StateContext, _: &mut Output<String>,
///     ) -> Result<(), BoxError> {
///         state.due.set_relative(task, minutes(5));
///         Ok(())
///     }
///
///     fn on_timer(
///         &mut self, _: &u64, state: &mut Reminders, _: &TimerContext, out: &mut Output<String>,
///     ) -> Result<(), BoxError> {
///         if let Some(task) = state.due.fired() {
///             out.emit(task.clone());
///         }
///         Ok(())
///     }
/// }
/// ```
pub struct TimerFamily<C: Clock, Tag: Key> {
    /// The number of each timer that is set, by which the runner names it, and what it is set to.
    settings: MapCell<Tag, (u32, Setting)>,
    book: Option<Box<Book<Tag>>>,
    clock: PhantomData<C>,
}

struct Book<Tag> {
    /// The tags of timers that are set, by number.
    tags: Vec<Option<Tag>>,
    free: Vec<u32>,
    requests: Vec<(Tag, Request)>,
    fired: Option<Tag>,
}

impl<C: Clock, Tag: Key> TimerFamily<C, Tag> {
    /// The timer of this tag fires at this time.
    pub fn set(&mut self, tag: Tag, at: Timestamp) {
        self.set_with_output(tag, at, OutputTime::Usual);
    }

    /// The same, saying at what timestamp it emits.
    pub fn set_with_output(&mut self, tag: Tag, at: Timestamp, output: OutputTime) {
        self.ask(tag, Request::Set { when: When::At(at.millis()), output });
    }

    /// The timer of this tag fires so much later: see [`Timer::set_relative`](super::Timer::set_relative).
    pub fn set_relative(&mut self, tag: Tag, after: Duration) {
        self.set_relative_with_output(tag, after, OutputTime::Usual);
    }

    /// The same, saying at what timestamp it emits.
    pub fn set_relative_with_output(&mut self, tag: Tag, after: Duration, output: OutputTime) {
        self.ask(tag, Request::Set { when: When::After(millis(after)), output });
    }

    /// The timer of this tag does not fire any more.
    pub fn clear(&mut self, tag: Tag) {
        self.ask(tag, Request::Clear);
    }

    /// Whether the timer of this tag is to fire. One that has fired is no longer set.
    pub fn is_set(&self, tag: &Tag) -> bool {
        let book = self.book.as_ref();
        let asked = book.and_then(|book| book.requests.iter().rev().find(|(of, _)| of == tag));
        match asked {
            Some((_, request)) => matches!(request, Request::Set { .. }),
            None => self.settings.contains_key(tag) && self.fired() != Some(tag),
        }
    }

    /// In `on_timer`: the tag of the timer that fires, if it is of this family.
    pub fn fired(&self) -> Option<&Tag> {
        self.book.as_ref()?.fired.as_ref()
    }

    fn ask(&mut self, tag: Tag, request: Request) {
        self.book.get_or_insert_with(Book::new).requests.push((tag, request));
    }

    /// Numbers the timers as they are set.
    fn rebook(&mut self) {
        let mut book = Book::new();
        for (tag, (number, _)) in self.settings.iter() {
            let number = *number as usize;
            if number >= book.tags.len() {
                book.tags.resize(number + 1, None);
            }
            book.tags[number] = Some(tag.clone());
        }
        book.free = (0..book.tags.len()).filter(|number| book.tags[*number].is_none()).map(|n| n as u32).collect();
        self.book = (!book.tags.is_empty()).then_some(book);
    }
}

impl<Tag: Key> Book<Tag> {
    fn new() -> Box<Self> {
        Box::new(Book { tags: Vec::new(), free: Vec::new(), requests: Vec::new(), fired: None })
    }

    /// A number for a timer that was not set.
    fn number(&mut self, tag: Tag) -> u32 {
        match self.free.pop() {
            Some(number) => {
                self.tags[number as usize] = Some(tag);
                number
            }
            None => {
                self.tags.push(Some(tag));
                self.tags.len() as u32 - 1
            }
        }
    }
}

impl<C: Clock, Tag: Key> Default for TimerFamily<C, Tag> {
    fn default() -> Self {
        TimerFamily { settings: MapCell::default(), book: None, clock: PhantomData }
    }
}

impl<C: Clock, Tag: Key> Cell for TimerFamily<C, Tag> {
    const IS_TIMER: bool = true;

    fn declare(name: &'static str, into: &mut StatefulSpec) {
        into.timers.push(TimerSpec { name, domain: C::DOMAIN, tags: Some(type_name::<Tag>()) });
    }

    #[inline]
    fn is_empty(&self) -> bool {
        Cell::is_empty(&self.settings)
    }

    fn encode(&self, into: &mut Vec<u8>) -> Result<(), BoxError> {
        self.settings.encode(into)
    }

    fn decode(&mut self, from: &mut &[u8]) -> Result<(), BoxError> {
        self.settings.decode(from)?;
        self.rebook();
        Ok(())
    }

    fn take_delta(&mut self, into: &mut Vec<u8>) -> Result<bool, BoxError> {
        self.settings.take_delta(into)
    }

    fn mark_saved(&mut self) {
        self.settings.mark_saved();
    }

    fn apply_delta(&mut self, from: &mut &[u8]) -> Result<(), BoxError> {
        self.settings.apply_delta(from)?;
        self.rebook();
        Ok(())
    }

    fn settings(&self, each: &mut dyn FnMut(u32, Setting)) {
        self.settings.values().for_each(|(number, setting)| each(*number, *setting));
    }

    fn fire(&mut self, member: u32, version: u64) -> Option<Setting> {
        let book = self.book.as_mut()?;
        let tag = book.tags.get(member as usize)?.as_ref()?;
        let (_, setting) = self.settings.get(tag).filter(|(_, setting)| setting.version == version)?;
        book.fired = Some(tag.clone());
        Some(*setting)
    }

    #[inline]
    fn settle(&mut self, settling: &mut Settling<'_>) -> Result<(), BoxError> {
        let timer = settling.next_timer();
        let Some(book) = &mut self.book else { return Ok(()) };
        let mut requests = std::mem::take(&mut book.requests);
        // A timer that has fired and is not set again is cleared; at the end, every one.
        let fired = book.fired.take();
        let over = if settling.is_expired() { self.settings.keys().cloned().collect() } else { Vec::from_iter(fired) };
        for tag in over {
            if settling.is_expired() || requests.iter().all(|(of, _)| *of != tag) {
                requests.push((tag, Request::Clear));
            }
        }
        for (tag, request) in requests.drain(..) {
            let before = self.settings.get(&tag).copied();
            let after = match request {
                Request::Set { when, output } => settling.setting(timer, C::DOMAIN, when, output)?,
                Request::Clear | Request::None => None,
            };
            let number = match (before, after) {
                (None, None) => continue,
                (Some((number, _)), _) => number,
                (None, Some(_)) => book.number(tag.clone()),
            };
            settling.change(timer, number, before.map(|(_, setting)| setting), after);
            match after {
                Some(setting) => {
                    self.settings.insert(tag, (number, setting));
                }
                None => {
                    self.settings.remove(&tag);
                    book.tags[number as usize] = None;
                    book.free.push(number);
                }
            }
        }
        // The memory is used anew, unless no timer is set.
        book.requests = requests;
        if Cell::is_empty(&self.settings) {
            self.book = None;
        }
        Ok(())
    }
}
