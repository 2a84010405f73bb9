//! What a pipeline wrote, in memory.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use async_trait::async_trait;
use purlin_model::bundle::{Bundle, ElementSides};
use purlin_model::sink::{Io, Publishing, Sink, SinkRun, Visibility, Writer};
use purlin_model::{BoxError, Element};
use serde::{Deserialize, Serialize};

/// Keeps what is written, and gives it out once the pipeline has succeeded, or with each checkpoint. A job may start again with
/// it within this process, not in another.
///
/// Clones share what they keep. Elements of one writer keep their order; between writers there is none.
///
/// ```
/// use purlin_io::memory::MemorySink;
/// use purlin_model::Pipeline;
/// let pipeline = Pipeline::new();
/// let results = MemorySink::new();
/// pipeline.create("numbers", 1..=3).map("square", |n| n * n).write("results", results.sink());
/// // After a run that succeeded, `results.take()` gives the elements.
/// assert!(results.take().is_empty());
/// ```
pub struct MemorySink<T> {
    store: Arc<Mutex<Store<T>>>,
}

struct Store<T> {
    published: Bundle<T>,
    staged: HashMap<u64, Staged<T>>,
    next_id: u64,
    /// The start of the job that is going on; 0 if its output is published once.
    incarnation: u64,
}

struct Staged<T> {
    values: Bundle<T>,
    incarnation: u64,
}

/// Names what a writer has staged in a [`MemorySink`]: valid in this process only.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct StagedValues(u64);

impl<T: Element> MemorySink<T> {
    /// An empty one.
    pub fn new() -> Self {
        let store = Store { published: Bundle::new(), staged: HashMap::new(), next_id: 0, incarnation: 0 };
        MemorySink { store: Arc::new(Mutex::new(store)) }
    }

    /// The sink to hand to `write`; the results stay here.
    pub fn sink(&self) -> Self {
        self.clone()
    }

    /// Takes out what runs have published so far.
    pub fn take(&self) -> Vec<T> {
        self.take_with().into_iter().map(|(value, _)| value).collect()
    }

    /// As [`take`](Self::take), each element with its timestamp, windows and pane.
    pub fn take_with(&self) -> Vec<(T, ElementSides)> {
        self.store().published.drain().collect()
    }

    fn store(&self) -> MutexGuard<'_, Store<T>> {
        self.store.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl<T: Element> Default for MemorySink<T> {
    fn default() -> Self {
        MemorySink::new()
    }
}

impl<T> Clone for MemorySink<T> {
    fn clone(&self) -> Self {
        MemorySink { store: self.store.clone() }
    }
}

#[async_trait]
impl<T: Element> Sink for MemorySink<T> {
    type Item = T;
    type Staged = StagedValues;

    fn describe(&self) -> String {
        "memory".into()
    }

    fn io(&self) -> Io {
        Io::Local
    }

    fn visibility(&self) -> Visibility {
        Visibility::OnPublish
    }

    async fn begin(&self, run: &SinkRun) -> Result<(), BoxError> {
        self.store().incarnation = match run.publishing {
            Publishing::AtEnd => 0,
            Publishing::PerCheckpoint { incarnation, .. } => incarnation,
        };
        Ok(())
    }

    async fn open(&self, _worker: usize) -> Result<Box<dyn Writer<Self>>, BoxError> {
        let incarnation = self.store().incarnation;
        Ok(Box::new(MemoryWriter { sink: self.clone(), incarnation, written: Bundle::new() }))
    }

    async fn publish(&self, staged: Vec<StagedValues>) -> Result<(), BoxError> {
        let mut store = self.store();
        let store = &mut *store;
        for StagedValues(id) in staged {
            if let Some(mut staged) = store.staged.remove(&id) {
                store.published.append(&mut staged.values);
            } else if id >= store.next_id {
                return Err("what was staged in memory is gone with the process that staged it".into());
            }
        }
        Ok(())
    }

    async fn discard(&self) -> Result<(), BoxError> {
        let mut store = self.store();
        let incarnation = store.incarnation;
        store.staged.retain(|_, staged| incarnation > 0 && staged.incarnation >= incarnation);
        Ok(())
    }
}

struct MemoryWriter<T> {
    sink: MemorySink<T>,
    incarnation: u64,
    written: Bundle<T>,
}

#[async_trait]
impl<T: Element> Writer<MemorySink<T>> for MemoryWriter<T> {
    async fn write(&mut self, bundle: &mut Bundle<T>) -> Result<(), BoxError> {
        self.written.append(bundle);
        Ok(())
    }

    async fn stage(&mut self) -> Result<Option<StagedValues>, BoxError> {
        if self.written.is_empty() {
            return Ok(None);
        }
        let mut store = self.sink.store();
        let id = store.next_id;
        store.next_id += 1;
        let values = std::mem::take(&mut self.written);
        store.staged.insert(id, Staged { values, incarnation: self.incarnation });
        Ok(Some(StagedValues(id)))
    }
}

#[cfg(test)]
mod tests {
    use futures::executor::block_on;
    use purlin_model::Timestamp;

    use super::*;

    fn write(sink: &MemorySink<i32>, values: &[i32]) -> Option<StagedValues> {
        let mut writer = block_on(sink.open(0)).unwrap();
        let mut bundle = Bundle::of(values.to_vec());
        block_on(writer.write(&mut bundle)).unwrap();
        assert!(bundle.is_empty());
        block_on(writer.stage()).unwrap()
    }

    #[test]
    fn values_are_visible_once_they_are_published() {
        let results = MemorySink::new();
        let sink = results.sink();
        let staged: Vec<_> =
            [write(&sink, &[1, 2]), write(&sink, &[]), write(&sink, &[3])].into_iter().flatten().collect();
        assert_eq!(staged.len(), 2);
        assert!(results.take().is_empty());
        block_on(sink.publish(staged.clone())).unwrap();
        block_on(sink.publish(staged.clone())).unwrap();
        assert_eq!(results.take(), [1, 2, 3]);
        block_on(sink.publish(staged)).unwrap();
        assert!(results.take().is_empty());
    }

    #[test]
    fn an_aborted_run_leaves_nothing() {
        let results = MemorySink::new();
        write(&results, &[1]);
        block_on(results.discard()).unwrap();
        assert!(results.store().staged.is_empty());
        let later = write(&results, &[2]).unwrap();
        block_on(results.publish(vec![later])).unwrap();
        assert_eq!(results.take(), [2]);
        assert!(block_on(results.publish(vec![StagedValues(9)])).is_err());
    }

    #[test]
    fn each_checkpoint_is_published_once_and_what_none_holds_never() {
        let results = MemorySink::new();
        let begin = |incarnation, resumes| {
            let publishing = Publishing::PerCheckpoint { incarnation, resumes };
            block_on(results.begin(&SinkRun { job: "test".into(), publishing })).unwrap();
        };
        let publish = |staged: &[Option<StagedValues>]| {
            block_on(results.publish(staged.iter().copied().flatten().collect())).unwrap();
        };
        begin(1, false);
        let (first, second) = (write(&results, &[1]), write(&results, &[2]));
        let mut zombie = block_on(results.open(0)).unwrap();
        publish(&[first]);
        publish(&[first]);
        assert_eq!(results.take(), [1]);

        begin(2, true);
        let third = write(&results, &[3]);
        publish(&[first, second]);
        block_on(zombie.write(&mut Bundle::of(vec![9]))).unwrap();
        let uncommitted = block_on(zombie.stage()).unwrap();
        block_on(results.discard()).unwrap();
        publish(&[first, second, uncommitted]);
        assert_eq!(results.take(), [2]);
        publish(&[third]);
        publish(&[third]);
        assert_eq!(results.take(), [3]);
    }

    #[test]
    fn side_values_are_kept() {
        let results = MemorySink::new();
        let at = ElementSides::at(Timestamp::from_millis(7));
        let mut bundle = Bundle::new();
        bundle.push("a".to_string(), at);
        let mut writer = block_on(results.open(0)).unwrap();
        block_on(writer.write(&mut bundle)).unwrap();
        let staged = block_on(writer.stage()).unwrap().unwrap();
        block_on(results.publish(vec![staged])).unwrap();
        assert_eq!(results.take_with(), [("a".to_string(), at)]);
    }
}
