//! All shards of one transform, that can be replaced by others which take over their state.

use std::collections::HashMap;

use purlin_model::bundle::AnyBundle;
use purlin_model::coder::{Coder, Postcard};
use purlin_model::graph::NodeId;
use purlin_model::snapshot::{StateLog, StateTable};
use purlin_model::window::Windowing;
use purlin_model::{BoxError, Timestamp};

use crate::core::{KeyedMachine, Now, ShardSnapshot, ViewState};
use crate::plan::KeyedWork;

/// The shards, evened out as in a run that follows a script (SEMANTICS §11).
pub(super) struct Fleet {
    work: KeyedWork,
    windowing: Windowing,
    views: HashMap<NodeId, ViewState>,
    outs: Vec<Box<dyn AnyBundle>>,
    machines: Vec<KeyedMachine>,
    now: Now,
    /// What the snapshots have made of the state.
    table: StateTable,
    /// How long the last snapshot's logs were.
    pub(super) logged: usize,
}

impl Fleet {
    /// One shard, of which no snapshots are taken. `outs`: an empty bundle for each output.
    pub(super) fn new(
        work: KeyedWork,
        windowing: &Windowing,
        views: HashMap<NodeId, ViewState>,
        outs: Vec<Box<dyn AnyBundle>>,
    ) -> Self {
        let windowing = windowing.clone();
        let now = Now::local(0);
        let (machines, table) = (Vec::new(), StateTable::default());
        let mut fleet = Fleet { work, windowing, views, outs, machines, now, table, logged: 0 };
        fleet.machines = fleet.shards(1);
        fleet
    }

    /// As many shards, of which snapshots are taken.
    pub(super) fn tracked(mut self, shards: usize) -> Self {
        self.machines = self.shards(shards);
        self.machines.iter_mut().for_each(KeyedMachine::track_changes);
        self
    }

    fn shards(&self, shards: usize) -> Vec<KeyedMachine> {
        let new = |shard| KeyedMachine::new(&self.work, &self.windowing, self.views.clone(), (shard, shards));
        (0..shards).map(|shard| new(shard).expect("it is set up")).collect()
    }

    /// Hands each shard its elements; what comes out.
    pub(super) fn process(&mut self, mut bundle: Box<dyn AnyBundle>) -> Vec<Box<dyn AnyBundle>> {
        let mut dealt: Vec<_> = self.machines.iter().map(|_| bundle.new_empty()).collect();
        self.work.partition(&mut *bundle, &mut dealt).expect("its keys can be written");
        let mut dealt = dealt.into_iter();
        self.each(|machine, now, outs| {
            let mut bundle = dealt.next().expect("one for each");
            machine.process(&mut *bundle, now, outs).expect("it is taken in");
        })
    }

    pub(super) fn advance(&mut self, watermark: Timestamp) -> Vec<Box<dyn AnyBundle>> {
        self.each(|machine, now, outs| while !machine.advance(watermark, now, 3, outs).expect("it goes on") {})
    }

    pub(super) fn pass(&mut self, now: Now) -> Vec<Box<dyn AnyBundle>> {
        self.now = now;
        self.each(|machine, now, outs| while !machine.advance_processing_time(now, 3, outs).expect("it goes on") {})
    }

    pub(super) fn update_view(&mut self, view: NodeId, change: impl Fn(&mut ViewState)) -> Vec<Box<dyn AnyBundle>> {
        self.each(|machine, now, outs| machine.update_view(view, &change, now, outs).expect("it goes on"))
    }

    fn each(
        &mut self,
        mut work: impl FnMut(&mut KeyedMachine, Now, &mut [Box<dyn AnyBundle>]),
    ) -> Vec<Box<dyn AnyBundle>> {
        let mut outs: Vec<_> = self.outs.iter().map(|out| out.new_empty()).collect();
        self.machines.iter_mut().for_each(|machine| work(machine, self.now, &mut outs));
        let own = self.machines.iter_mut().map(KeyedMachine::own_output_watermark);
        let reached = own.min().expect("there is a shard");
        self.machines.iter_mut().for_each(|machine| machine.hold_output_back(reached));
        outs
    }

    pub(super) fn output_watermark(&self) -> Timestamp {
        self.machines.iter().map(KeyedMachine::output_watermark).min().expect("there is a shard")
    }

    pub(super) fn is_empty(&self) -> bool {
        self.machines.iter().all(KeyedMachine::is_empty)
    }

    /// How many entries the snapshots have.
    pub(super) fn entries(&self) -> usize {
        self.table.len()
    }

    /// Takes a snapshot; what is not by key goes through bytes.
    pub(super) fn snapshot(&mut self) -> Vec<ShardSnapshot> {
        let shards = self.machines.len();
        self.logged = 0;
        let one = |(shard, machine): (usize, &mut KeyedMachine)| {
            let mut log = StateLog::default();
            let snapshot = machine.snapshot(&mut log).expect("it can be written");
            self.logged += log.bytes().len();
            self.table.apply(log.bytes(), shard, shards).expect("it is a log");
            let mut bytes = Vec::new();
            Postcard.encode(&snapshot, &mut bytes).expect("it can be written");
            Postcard.decode(&mut bytes.as_slice()).expect("it can be read")
        };
        self.machines.iter_mut().enumerate().map(one).collect()
    }

    /// Replaces all shards by others that know only what a snapshot has.
    pub(super) fn replace(&mut self, shards: usize) {
        let same = (self.work.clone(), self.windowing.clone());
        self.succeed(same, shards).expect("it can be taken over");
    }

    /// Replaces all shards by those of another version of the transform.
    pub(super) fn succeed(&mut self, (work, windowing): (KeyedWork, Windowing), shards: usize) -> Result<(), BoxError> {
        let old = self.snapshot();
        let types = self.work.state_types(&self.windowing);
        (self.work, self.windowing) = (work, windowing);
        self.machines = self.shards(shards);
        let entries = self.table.clone().into_shards(shards);
        for (machine, entries) in self.machines.iter_mut().zip(entries) {
            machine.track_changes();
            machine.restore(entries, &old, &types)?;
        }
        Ok(())
    }
}
