//! A job that is started twice: the older instance ends and says so, whatever it stumbles over first, and does not take over again.

use std::sync::Arc;
use std::thread::JoinHandle;
use std::time::Duration;

use purlin::Failure;
use purlin::io::memory::{self, MemoryStream};
use purlin::prelude::*;
use purlin::runners::checkpoint::{Checkpoints, MemoryStorage};
use purlin::runners::{CheckpointSettings, Observer, StopHandle, StopMode};
use purlin_tests::{PATIENCE, eventually, within};

use crate::small_disk::{Disk, Output};

struct Instance {
    observer: Arc<Observer>,
    stop: StopHandle,
    run: JoinHandle<Result<(), Failure>>,
}

impl Instance {
    fn start(input: &MemoryStream<i64>, output: &MemorySink<i64>, storage: &MemoryStorage, disk: Disk) -> Instance {
        let pipeline = Pipeline::new();
        pipeline.read("numbers", input.clone()).write("out", Output(output.sink(), disk));
        let graph = pipeline.graph().expect("a sound graph");
        let mut settings = CheckpointSettings::new("twice", Arc::new(storage.clone()));
        settings.interval = Duration::from_millis(10);
        let observer = Arc::new(Observer::default());
        let runner = StreamRunner::new().parallelism(2).observer(observer.clone()).checkpoints(settings);
        let stop = runner.stop_handle();
        Instance { observer, stop, run: std::thread::spawn(move || runner.run(&graph)) }
    }

    fn wait_for_a_checkpoint(&self) {
        eventually("a checkpoint", PATIENCE, || self.observer.checkpoint().map(drop));
    }

    fn end(self) -> Result<(), Failure> {
        within("an instance's end", PATIENCE, || self.run.join()).expect("no panic")
    }
}

#[test]
fn the_older_instance_ends_even_if_something_else_fails_it_first() {
    let (sender, input) = memory::channel();
    let (output, storage) = (MemorySink::new(), MemoryStorage::default());
    let disk = Disk::full(1, 1);
    sender.send(1, Timestamp::MIN);
    let older = Instance::start(&input, &output, &storage, disk.clone());
    older.wait_for_a_checkpoint();
    disk.hold(true);
    // In the middle of writing this it is left alone, as one that was cut off; when it goes on, the disk is full.
    sender.send(2, Timestamp::MIN);
    eventually("the older instance to have read it", PATIENCE, || (older.observer.elements_read() >= 2).then_some(()));
    std::thread::sleep(Duration::from_millis(50));
    let newer = Instance::start(&input, &output, &storage, Disk::full(u32::MAX, 0));
    let runtime = tokio::runtime::Builder::new_current_thread().build().expect("a runtime");
    let checkpoints = Checkpoints::new(Arc::new(storage.clone()), "twice");
    let registered = || runtime.block_on(checkpoints.newest_incarnation());
    eventually("the newer instance to register", PATIENCE, || {
        (registered().expect("readable") == Some(2)).then_some(())
    });
    disk.hold(false);
    let superseded = older.end().expect_err("the newer one has taken over");
    assert!(matches!(superseded, Failure::Superseded { by: 2, .. }), "{superseded}");
    newer.wait_for_a_checkpoint();
    newer.stop.stop(StopMode::Stop);
    newer.end().expect("nobody has disturbed it");
    let mut written = output.take();
    written.sort_unstable();
    assert_eq!(written, [1, 2]);
}
