//! A user's own sources and sinks that panic or fail in any of their methods: the failure names the read or the write.

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use async_trait::async_trait;
use purlin::Failure;
use purlin::bundle::Bundle;
use purlin::prelude::*;
use purlin::sink::{SinkRun, Visibility, Writer};
use purlin::source::{Boundedness, Io, Progress, Reader, SplitRequest};
use purlin_tests::Runner;
use serde::{Deserialize, Serialize};

use crate::user_code::{REASON, quiet};

#[derive(Clone, Copy, Debug, PartialEq)]
enum Method {
    Splits,
    OpenSource,
    Read,
    Begin,
    OpenSink,
    Write,
    Stage,
    Publish,
}

/// Which method goes wrong, and how.
#[derive(Clone, Copy, Debug)]
struct Trouble {
    method: Method,
    panics: bool,
    io: Io,
}

impl Trouble {
    fn reach(self, method: Method) -> Result<(), BoxError> {
        match self.method == method {
            true if self.panics => panic!("this goes wrong on purpose"),
            true => Err(REASON.into()),
            false => Ok(()),
        }
    }
}

struct BadSource(Trouble);

#[derive(Clone, Serialize, Deserialize)]
struct Next(i64);

impl fmt::Display for Next {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "numbers from {}", self.0)
    }
}

#[async_trait]
impl Source for BadSource {
    type Item = i64;
    type Split = Next;

    fn describe(&self) -> String {
        "a bad source".into()
    }

    fn boundedness(&self) -> Boundedness {
        Boundedness::Bounded
    }

    fn io(&self) -> Io {
        self.0.io
    }

    async fn splits(&self, _: SplitRequest) -> Result<Vec<Next>, BoxError> {
        self.0.reach(Method::Splits)?;
        Ok(vec![Next(0), Next(0)])
    }

    async fn open(&self, next: Next) -> Result<Box<dyn Reader<Self>>, BoxError> {
        self.0.reach(Method::OpenSource)?;
        Ok(Box::new(BadReader(self.0, next)))
    }
}

struct BadReader(Trouble, Next);

#[async_trait]
impl Reader<BadSource> for BadReader {
    async fn read(&mut self, into: &mut Bundle<i64>) -> Result<Progress, BoxError> {
        // The first bundles are good.
        if self.1.0 == 3 {
            self.0.reach(Method::Read)?;
        }
        into.fill([self.1.0]);
        self.1.0 += 1;
        Ok(if self.1.0 == 50 { Progress::End } else { Progress::More })
    }

    fn remaining(&self) -> Next {
        self.1.clone()
    }
}

/// Says whether it was told to publish and to abort.
#[derive(Clone)]
struct BadSink {
    trouble: Trouble,
    published: Arc<AtomicBool>,
    aborted: Arc<AtomicBool>,
}

#[async_trait]
impl Sink for BadSink {
    type Item = i64;
    type Staged = ();

    fn describe(&self) -> String {
        "a bad sink".into()
    }

    fn io(&self) -> Io {
        self.trouble.io
    }

    fn visibility(&self) -> Visibility {
        Visibility::OnPublish
    }

    async fn begin(&self, _: &SinkRun) -> Result<(), BoxError> {
        self.trouble.reach(Method::Begin)
    }

    async fn open(&self, _: usize) -> Result<Box<dyn Writer<Self>>, BoxError> {
        self.trouble.reach(Method::OpenSink)?;
        Ok(Box::new(BadWriter(self.trouble)))
    }

    async fn publish(&self, _: Vec<()>) -> Result<(), BoxError> {
        self.trouble.reach(Method::Publish)?;
        self.published.store(true, Ordering::Relaxed);
        Ok(())
    }

    async fn discard(&self) -> Result<(), BoxError> {
        self.aborted.store(true, Ordering::Relaxed);
        Ok(())
    }
}

struct BadWriter(Trouble);

#[async_trait]
impl Writer<BadSink> for BadWriter {
    async fn write(&mut self, bundle: &mut Bundle<i64>) -> Result<(), BoxError> {
        bundle.drain().for_each(drop);
        self.0.reach(Method::Write)
    }

    async fn stage(&mut self) -> Result<Option<()>, BoxError> {
        self.0.reach(Method::Stage)?;
        Ok(Some(()))
    }
}

/// Every runner fails with the transform's name and the reason; nothing is published, what was begun is aborted.
fn check(transform: &str, trouble: Trouble) {
    quiet();
    for runner in Runner::ALL {
        let what = format!("{runner:?}, {trouble:?}");
        let (published, aborted) = (Arc::new(AtomicBool::new(false)), Arc::new(AtomicBool::new(false)));
        let sink = BadSink { trouble, published: published.clone(), aborted: aborted.clone() };
        let pipeline = Pipeline::new();
        pipeline.read("bad source", BadSource(trouble)).map("as it is", |n| n).write("bad sink", sink);
        let Err(failure) = runner.run(&pipeline.graph().expect("a sound graph")) else { panic!("{what} succeeds") };
        let told = failure.to_string();
        assert!(told.contains(REASON) && told.contains(transform), "{what}: {told}");
        let is_kind = match failure {
            Failure::Panic { .. } => trouble.panics,
            Failure::Source { .. } => !trouble.panics && transform == "bad source",
            Failure::Sink { .. } => !trouble.panics && transform == "bad sink",
            _ => false,
        };
        assert!(is_kind, "{what}: {told}");
        assert!(!published.load(Ordering::Relaxed), "{what}");
        assert!(aborted.load(Ordering::Relaxed) || trouble.method == Method::Begin, "{what}");
    }
}

fn check_all(transform: &str, methods: &[Method]) {
    for &method in methods {
        for io in [Io::Local, Io::Remote] {
            for panics in [true, false] {
                check(transform, Trouble { method, panics, io });
            }
        }
    }
}

#[test]
fn sources_that_panic_or_fail() {
    check_all("bad source", &[Method::Splits, Method::OpenSource, Method::Read]);
}

#[test]
fn sinks_that_panic_or_fail() {
    check_all("bad sink", &[Method::Begin, Method::OpenSink, Method::Write, Method::Stage, Method::Publish]);
}
