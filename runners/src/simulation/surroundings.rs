//! What a pipeline reads and writes in a simulated world, or in the plain run that it is compared with.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use purlin_model::Element;
use purlin_model::sink::BoxSink;
use purlin_model::source::{Boundedness, BoxSource, Source};

use super::cluster::SimulatedCluster;
use super::faults::Network;
use super::sinks::{Place, SimulatedSink};
use super::source::RemoteSource;
use super::topic::SimulatedTopic;
use super::topic_source::TopicSource;

/// Asked for sources and sinks while the pipeline is built, and for what was written afterwards. The output of each name is one place,
/// however often the pipeline is built.
pub struct Surroundings {
    /// `None`: nothing is simulated.
    world: Option<Network>,
    clusters: Mutex<BTreeMap<String, SimulatedCluster>>,
    places: Mutex<BTreeMap<String, Place>>,
    sources: Mutex<Sources>,
}

/// The sources that a pipeline asks for, always in the same order.
#[derive(Default)]
struct Sources {
    /// By that order; `None`: it is only far away.
    topics: Vec<Option<SimulatedTopic>>,
    /// How many the build that is under way has asked for.
    asked: usize,
}

/// Where sinks are, and the topics of sources.
const CLUSTER: &str = "simulated";

impl Surroundings {
    /// Nothing is simulated: output is kept as it comes.
    pub(super) fn plain() -> Self {
        Self::around(None)
    }

    /// In a simulated world.
    pub(super) fn simulated(network: Network) -> Self {
        Self::around(Some(network))
    }

    fn around(world: Option<Network>) -> Self {
        Surroundings { world, clusters: Mutex::default(), places: Mutex::default(), sources: Mutex::default() }
    }

    /// The pipeline is going to be built once more.
    pub(super) fn build_anew(&self) {
        lock(&self.sources).asked = 0;
    }

    /// The same source, far away: it is slow, and sometimes it fails. Whether it is read as it is or as a topic, each split a partition and its
    /// positions offsets, is up to the seed. It has to be able to go on from any [position](purlin_model::source::Reader::remaining), and its
    /// splits to be read once more from their start, as one is that holds what it gives.
    pub fn source<S: Source>(&self, source: S) -> BoxSource<S::Item> {
        self.remote(source, false)
    }

    /// The same source as a topic to which partitions are added while it is read. So it is unbounded, as a topic is, though it ends when all
    /// partitions are there and have been read.
    pub fn growing<S: Source>(&self, source: S) -> BoxSource<S::Item> {
        self.remote(source, true)
    }

    fn remote<S: Source>(&self, source: S, grows: bool) -> BoxSource<S::Item> {
        let boundedness = if grows { Boundedness::Unbounded } else { source.boundedness() };
        let mut inner = BoxSource::new(source);
        if let Some(network) = &self.world {
            let mut sources = lock(&self.sources);
            if sources.asked == sources.topics.len() {
                let is_topic = grows || network.world().random(|random| random.bool());
                let name = format!("source-{}", sources.asked);
                let topic = is_topic.then(|| SimulatedTopic::new(network.world().clone(), CLUSTER, &name, grows));
                sources.topics.push(topic);
            }
            if let Some(topic) = &sources.topics[sources.asked] {
                inner = BoxSource::new(TopicSource::new(topic.clone(), inner, boundedness));
            }
            sources.asked += 1;
        }
        BoxSource::new(RemoteSource { inner, network: self.world.clone(), boundedness })
    }

    /// The sink of this name. Whether it is a topic with transactions or a folder is up to the seed.
    pub fn sink<T: Element>(&self, name: &str) -> BoxSink<T> {
        self.sink_at(name, |network| {
            if network.world().random(|random| random.bool()) {
                Place::Topic(self.cluster(CLUSTER, network))
            } else {
                Place::Folder { network: network.clone(), folder: Arc::default() }
            }
        })
    }

    /// The sink of this name, a topic with transactions on the cluster of that name. All such sinks of a job have to be on one: a job that writes
    /// to two must be refused.
    pub fn sink_on<T: Element>(&self, cluster: &str, name: &str) -> BoxSink<T> {
        self.sink_at(name, |network| Place::Topic(self.cluster(cluster, network)))
    }

    fn sink_at<T: Element>(&self, name: &str, place: impl FnOnce(&Network) -> Place) -> BoxSink<T> {
        let new = || self.world.as_ref().map_or_else(|| Place::Plain(Arc::default()), place);
        let place = lock(&self.places).entry(name.to_string()).or_insert_with(new).clone();
        BoxSink::new(SimulatedSink::new(name, place))
    }

    fn cluster(&self, name: &str, network: &Network) -> SimulatedCluster {
        let new = || SimulatedCluster::new(name, network.clone());
        lock(&self.clusters).entry(name.to_string()).or_insert_with(new).clone()
    }

    /// The clusters that sinks are on.
    pub(super) fn clusters(&self) -> Vec<SimulatedCluster> {
        lock(&self.clusters).values().cloned().collect()
    }

    /// The topic of this name that a source reads.
    pub(super) fn topic(&self, name: &str) -> Option<SimulatedTopic> {
        lock(&self.sources).topics.iter().flatten().find(|topic| topic.name() == name).cloned()
    }

    /// The encoded elements that a reader of committed output sees, by sink.
    pub(super) fn written(&self) -> BTreeMap<String, Vec<Vec<u8>>> {
        lock(&self.places).iter().map(|(name, place)| (name.clone(), place.written(name))).collect()
    }
}

fn lock<T>(of: &Mutex<T>) -> MutexGuard<'_, T> {
    of.lock().unwrap_or_else(PoisonError::into_inner)
}
