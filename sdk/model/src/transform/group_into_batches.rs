//! `group_into_batches`: the values of a key in batches of bounded size, for what is cheaper done to many at once.

use std::time::Duration;

use crate::coder::{Coder, Postcard};
use crate::state::{Bag, EventTimer, OutputTime, ProcessingTimer, State, Value};
use crate::{BoxError, Context, DoFn, Element, Key, Output, PCollection, StateContext, StatefulDoFn, TimerContext};

/// When a batch is full.
///
/// ```
/// use purlin_model::{Batches, seconds};
/// let batches = Batches::of(500).max_bytes(1 << 20).max_buffering(seconds(10));
/// # let _ = batches;
/// ```
#[derive(Clone, Copy, Debug)]
pub struct Batches {
    max_values: usize,
    max_bytes: usize,
    max_buffering: Option<Duration>,
}

impl Batches {
    /// Batches of so many values; the last of a key in a window may be smaller.
    pub fn of(values: usize) -> Self {
        Batches { max_values: values, max_bytes: usize::MAX, max_buffering: None }
    }

    /// Batches of as many values as have this size when they are encoded. A larger value is a batch by itself.
    pub fn of_bytes(bytes: usize) -> Self {
        Batches { max_values: usize::MAX, max_bytes: bytes, max_buffering: None }
    }

    /// Batches are no larger than this when their values are encoded, except of a single value that is.
    pub fn max_bytes(self, bytes: usize) -> Self {
        Batches { max_bytes: bytes, ..self }
    }

    /// No value waits longer than this for others, by the clock on the wall.
    pub fn max_buffering(self, span: Duration) -> Self {
        Batches { max_buffering: Some(span), ..self }
    }

    fn problem(&self) -> Option<&'static str> {
        match self {
            Batches { max_values: 0, .. } => {
                Some("batches of no values cannot be made: let `Batches::of` be at least 1")
            }
            Batches { max_bytes: 0, .. } => Some("batches of no bytes cannot be made: let `max_bytes` be at least 1"),
            _ => None,
        }
    }
}

impl<K: Key, V: Element> PCollection<(K, V)> {
    /// The values of each key, window by window, in batches. Which values come together is not specified.
    ///
    /// A batch stands at the time of the element that filled it; at that of its first element if it was not filled in time, and the output
    /// watermark is held there while it waits for that; at the window's last timestamp if the window's end came first.
    ///
    /// ```
    /// # use purlin_model::{Batches, Pipeline, seconds};
    /// # let pipeline = Pipeline::new();
    /// # let requests = pipeline.create("requests", [("eu".to_string(), 1_u64)]);
    /// let batches = requests.group_into_batches("batches", Batches::of(100).max_buffering(seconds(5)));
    /// let answers = batches.flat_map("ask", |(region, ids)| ids.into_iter().map(move |id| (region.clone(), id)));
    /// # let _ = answers;
    /// ```
    pub fn group_into_batches(&self, name: &str, batches: Batches) -> PCollection<(K, Vec<V>)> {
        if let Some(problem) = batches.problem() {
            self.pipeline.problem(name, problem);
        }
        self.par_do_stateful(name, Batching { batches, encoded: Vec::new() })
    }

    /// The same where some keys have too many values for one worker: each key is spread over so many shards, which make batches of their own.
    pub fn group_into_batches_by_shard(
        &self,
        name: &str,
        batches: Batches,
        shards: u32,
    ) -> PCollection<((K, u32), Vec<V>)> {
        if shards == 0 {
            self.pipeline.problem(name, "values cannot be spread over no shards: let there be at least 1");
        }
        let spread = Spread { shards: shards.max(1), turn: 0 };
        self.pipeline.clone().scoped(name, || self.par_do("spread", spread).group_into_batches("batches", batches))
    }
}

/// What is buffered. While nothing is, nothing is stored: its timers are set by the first value.
#[derive(State)]
#[state(crate = "crate")]
struct Buffer<V: Element> {
    values: Bag<V>,
    bytes: Value<usize>,
    patience: ProcessingTimer,
    end: EventTimer,
}

impl<V: Element> Buffer<V> {
    fn take(&mut self) -> Vec<V> {
        self.bytes.clear();
        self.patience.clear();
        self.end.clear();
        self.values.take()
    }
}

#[derive(Clone)]
struct Batching {
    batches: Batches,
    /// The value at hand as bytes.
    encoded: Vec<u8>,
}

impl<K: Key, V: Element> StatefulDoFn<K, V> for Batching {
    type State = Buffer<V>;
    type Out = Output<(K, Vec<V>)>;

    fn process(
        &mut self,
        key: &K,
        value: V,
        buffer: &mut Buffer<V>,
        cx: &StateContext,
        out: &mut Output<(K, Vec<V>)>,
    ) -> Result<(), BoxError> {
        let Batches { max_values, max_bytes, max_buffering } = self.batches;
        if max_bytes < usize::MAX {
            self.encoded.clear();
            Postcard.encode(&value, &mut self.encoded)?;
            let before = buffer.bytes.get().copied().unwrap_or(0);
            let mut bytes = before + self.encoded.len();
            if bytes > max_bytes && before > 0 {
                out.emit((key.clone(), buffer.take()));
                bytes = self.encoded.len();
            }
            buffer.bytes.set(bytes);
        }
        if buffer.values.is_empty() {
            buffer.end.set_relative_with_output(Duration::MAX, OutputTime::At(cx.window().max_timestamp()));
            max_buffering.into_iter().for_each(|span| buffer.patience.set_relative(span));
        }
        buffer.values.add(value);
        if buffer.values.len() >= max_values || buffer.bytes.get().is_some_and(|bytes| *bytes >= max_bytes) {
            out.emit((key.clone(), buffer.take()));
        }
        Ok(())
    }

    fn on_timer(
        &mut self,
        key: &K,
        buffer: &mut Buffer<V>,
        _: &TimerContext,
        out: &mut Output<(K, Vec<V>)>,
    ) -> Result<(), BoxError> {
        out.emit((key.clone(), buffer.take()));
        Ok(())
    }
}

/// Gives the values of each key to its shards in turn.
#[derive(Clone)]
struct Spread {
    shards: u32,
    turn: u32,
}

impl<K: Key, V: Element> DoFn<(K, V)> for Spread {
    type Out = Output<((K, u32), V)>;

    fn process(
        &mut self,
        (key, value): (K, V),
        _: &Context<'_>,
        out: &mut Output<((K, u32), V)>,
    ) -> Result<(), BoxError> {
        self.turn = (self.turn + 1) % self.shards;
        out.emit(((key, self.turn), value));
        Ok(())
    }
}
