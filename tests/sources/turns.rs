//! How many splits the stream runner reads at a time.

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use async_trait::async_trait;
use purlin::bundle::Bundle;
use purlin::prelude::*;
use purlin::source::{Boundedness, Io, Progress, Reader, SplitRequest};
use serde::{Deserialize, Serialize};

const SPLITS: usize = 3;

/// A finite local source that notes how many of its splits are open.
struct Noting {
    tells_time: bool,
    open: Arc<Open>,
}

#[derive(Default)]
struct Open {
    now: AtomicUsize,
    most: AtomicUsize,
}

/// A split with how many numbers it has left.
#[derive(Clone, Serialize, Deserialize)]
struct Left(usize, u64);

impl fmt::Display for Left {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "split {}", self.0)
    }
}

#[async_trait]
impl Source for Noting {
    type Item = u64;
    type Split = Left;

    fn describe(&self) -> String {
        "numbers".into()
    }

    fn boundedness(&self) -> Boundedness {
        Boundedness::Bounded
    }

    fn io(&self) -> Io {
        Io::Local
    }

    async fn splits(&self, _request: SplitRequest) -> Result<Vec<Left>, BoxError> {
        Ok((0..SPLITS).map(|split| Left(split, 20)).collect())
    }

    async fn open(&self, left: Left) -> Result<Box<dyn Reader<Self>>, BoxError> {
        let now = self.open.now.fetch_add(1, Ordering::SeqCst) + 1;
        self.open.most.fetch_max(now, Ordering::SeqCst);
        Ok(Box::new(NotingReader { left, tells_time: self.tells_time, open: self.open.clone() }))
    }
}

struct NotingReader {
    left: Left,
    tells_time: bool,
    open: Arc<Open>,
}

#[async_trait]
impl Reader<Noting> for NotingReader {
    async fn read(&mut self, into: &mut Bundle<u64>) -> Result<Progress, BoxError> {
        self.left.1 -= 1;
        into.fill([self.left.1]);
        into.set_timestamps(|_| Timestamp::from_millis(0)).map_err(|at| at.to_string())?;
        Ok(if self.left.1 == 0 { Progress::End } else { Progress::More })
    }

    fn remaining(&self) -> Left {
        self.left.clone()
    }

    fn watermark(&self) -> Timestamp {
        if self.tells_time { Timestamp::from_millis(0) } else { Timestamp::MIN }
    }
}

impl Drop for NotingReader {
    fn drop(&mut self) {
        self.open.now.fetch_sub(1, Ordering::SeqCst);
    }
}

/// How many splits one reader had open at most.
fn most_open(tells_time: bool) -> usize {
    let (pipeline, sink, open) = (Pipeline::new(), MemorySink::new(), Arc::new(Open::default()));
    pipeline.read("numbers", Noting { tells_time, open: open.clone() }).write("sink", sink.sink());
    StreamRunner::new().parallelism(1).run(&pipeline.graph().expect("a sound graph")).expect("a sound run");
    assert_eq!(sink.take().len(), SPLITS * 20);
    assert_eq!(open.now.load(Ordering::SeqCst), 0);
    open.most.load(Ordering::SeqCst)
}

/// Read together, they would be no faster, and mix what lies far apart.
#[test]
fn finite_local_splits_are_read_one_after_the_other() {
    assert_eq!(most_open(false), 1);
}

/// The least of their watermarks counts: if the last of them waited for its turn, all windows would.
#[test]
fn splits_that_tell_of_time_are_read_together() {
    assert_eq!(most_open(true), SPLITS);
}
