//! `Pipeline`: where a graph is built.

use std::any::{Any, TypeId};
use std::collections::{HashMap, HashSet};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use crate::Failure;
use crate::coder::AnyCoder;
use crate::error::Problem;
use crate::graph::{Collection, CollectionId, Graph, Join, Node, NodeId, Op};
use crate::kernel::JoinKernel;
use crate::metrics::{Counter, Distribution, Gauge, Metrics};
use crate::window::{Window, Windowing};

/// A pipeline under construction: a cheap handle, cloned into every collection made from it.
///
/// Construction is deterministic and does no I/O. What is wrong is collected and reported by [`graph`](Self::graph), all at once.
///
/// ```
/// use purlin_model::Pipeline;
/// let pipeline = Pipeline::new();
/// let words = pipeline.create("words", ["to", "be", "or", "not", "to", "be"].map(String::from));
/// let lengths = words.map("length", |word| word.len());
/// let graph = pipeline.graph().unwrap();
/// assert_eq!(graph.nodes[1].name, "length");
/// # let _ = lengths;
/// ```
#[derive(Clone)]
pub struct Pipeline {
    builder: Arc<Mutex<Builder>>,
}

struct Builder {
    graph: Graph,
    scope: Vec<String>,
    names: HashSet<String>,
    problems: Vec<Problem>,
    extensions: HashMap<TypeId, Arc<dyn Any + Send + Sync>>,
}

/// A collection that a new node makes.
pub(crate) struct NewCollection {
    pub(crate) coder: Arc<dyn AnyCoder>,
    pub(crate) windowing: Windowing,
    pub(crate) bounded: bool,
}

/// How a node gets its name.
pub(crate) enum Name<'a> {
    /// The user chose it: it must be unique in its scope.
    Given(&'a str),
    /// The transform's kind, numbered where it comes again in its scope.
    Derived(&'a str),
}

impl Pipeline {
    /// An empty pipeline.
    pub fn new() -> Self {
        let graph =
            Graph { nodes: Vec::new(), collections: Vec::new(), joins: Vec::new(), metrics: Metrics::default() };
        let builder = Builder {
            graph,
            scope: Vec::new(),
            names: HashSet::new(),
            problems: Vec::new(),
            extensions: HashMap::new(),
        };
        Pipeline { builder: Arc::new(Mutex::new(builder)) }
    }

    /// The finished graph, or every problem that construction found.
    pub fn graph(&self) -> Result<Graph, Failure> {
        let builder = self.lock();
        if !builder.problems.is_empty() {
            return Err(Failure::Construction(builder.problems.clone()));
        }
        if builder.graph.nodes.is_empty() {
            let message = "it has no transforms; read something with `pipeline.read(..)`".to_string();
            return Err(Failure::Construction(vec![Problem { transform: "(none)".into(), message }]));
        }
        Ok(builder.graph.clone())
    }

    /// The counter of this name, to be captured by closures.
    pub fn counter(&self, name: &str) -> Counter {
        self.lock().graph.metrics.counter(name)
    }

    /// The gauge of this name, to be captured by closures.
    pub fn gauge(&self, name: &str) -> Gauge {
        self.lock().graph.metrics.gauge(name)
    }

    /// The distribution of this name, to be captured by closures.
    pub fn distribution(&self, name: &str) -> Distribution {
        self.lock().graph.metrics.distribution(name)
    }

    /// `kind`, numbered where a transform of the scope at hand has that name already: for libraries that name what they apply.
    ///
    /// ```
    /// # use purlin_model::Pipeline;
    /// let pipeline = Pipeline::new();
    /// let numbers = pipeline.create("numbers", [1, 2]);
    /// numbers.inspect(&pipeline.free_name("log"), |n| println!("{n}"));
    /// assert_eq!(pipeline.free_name("log"), "log 2");
    /// ```
    pub fn free_name(&self, kind: &str) -> String {
        let builder = self.lock();
        let is_free = |name: &String| !builder.names.contains(&builder.full_name(name));
        let numbered = (2..).map(|number| format!("{kind} {number}"));
        std::iter::once(kind.to_string()).chain(numbered).find(is_free).unwrap_or_default()
    }

    /// The `E` that is kept with this pipeline, made when it is first asked for: for libraries that remember what they added to it.
    ///
    /// ```
    /// # use purlin_model::Pipeline;
    /// # use std::sync::Mutex;
    /// #[derive(Default)]
    /// struct Audited(Mutex<Vec<String>>);
    ///
    /// let pipeline = Pipeline::new();
    /// pipeline.extension::<Audited>().0.lock().unwrap().push("orders".into());
    /// assert_eq!(pipeline.clone().extension::<Audited>().0.lock().unwrap().len(), 1);
    /// ```
    pub fn extension<E: Default + Send + Sync + 'static>(&self) -> Arc<E> {
        let mut builder = self.lock();
        let kept = builder.extensions.entry(TypeId::of::<E>()).or_insert_with(|| Arc::new(E::default())).clone();
        kept.downcast().expect("it is kept under its own type")
    }

    /// Runs `build` with `name` added to the scope that transforms are named in.
    pub(crate) fn scoped<R>(&self, name: &str, build: impl FnOnce() -> R) -> R {
        {
            let mut builder = self.lock();
            let full = builder.full_name(name);
            if !builder.names.insert(full.clone()) {
                builder.problem(full, "there is a transform of this name already; give each its own name");
            }
            builder.scope.push(name.to_string());
        }
        let built = build();
        self.lock().scope.pop();
        built
    }

    /// The same under a name made from `kind`, numbered where it comes again.
    pub(crate) fn scoped_derived<R>(&self, kind: &str, build: impl FnOnce() -> R) -> R {
        {
            let mut builder = self.lock();
            let full = builder.derived_name(kind);
            let own = full.rsplit('/').next().unwrap_or(kind).to_string();
            builder.scope.push(own);
        }
        let built = build();
        self.lock().scope.pop();
        built
    }

    /// Adds a node and the collections that it makes.
    pub(crate) fn add(
        &self,
        name: Name<'_>,
        op: Op,
        inputs: &[CollectionId],
        views: &[NodeId],
        makes: Vec<NewCollection>,
    ) -> (NodeId, Vec<CollectionId>) {
        let mut builder = self.lock();
        let name = match name {
            Name::Given(name) => builder.unique_name(name),
            Name::Derived(kind) => builder.derived_name(kind),
        };
        if let Some(message) = builder.refused_view(inputs, views) {
            builder.problem(name.clone(), message);
        }
        let id = NodeId(builder.graph.nodes.len());
        let mut outputs = Vec::with_capacity(makes.len());
        for NewCollection { coder, windowing, bounded } in makes {
            outputs.push(CollectionId(builder.graph.collections.len()));
            builder.graph.collections.push(Collection { producer: id, coder, windowing, bounded });
        }
        builder.graph.nodes.push(Node {
            name,
            op,
            inputs: inputs.to_vec(),
            outputs: outputs.clone(),
            views: views.to_vec(),
        });
        (id, outputs)
    }

    /// Runs `build`, which spells a join out under `name`, and notes that `kernel` can do the same.
    pub(crate) fn joined<R>(
        &self,
        name: &str,
        sides: (CollectionId, CollectionId),
        kernel: Arc<dyn JoinKernel>,
        build: impl FnOnce() -> R,
    ) -> R {
        let (full, first) = {
            let builder = self.lock();
            (builder.full_name(name), builder.graph.nodes.len())
        };
        let built = self.scoped(name, build);
        let graph = &mut self.lock().graph;
        let nodes = first..graph.nodes.len();
        graph.joins.push(Join { name: full, left: sides.0, right: sides.1, nodes, kernel });
        built
    }

    /// Notes a broken rule.
    pub(crate) fn problem(&self, transform: &str, message: impl Into<String>) {
        let mut builder = self.lock();
        let full = builder.full_name(transform);
        builder.problem(full, message);
    }

    /// A copy of what is known of a collection.
    pub(crate) fn collection(&self, id: CollectionId) -> Collection {
        self.lock().graph.collections[id.0].clone()
    }

    /// The name of the node that makes a collection.
    pub(crate) fn producer_name(&self, id: CollectionId) -> String {
        let builder = self.lock();
        let producer = builder.graph.collections[id.0].producer;
        builder.graph.nodes[producer.0].name.clone()
    }

    pub(crate) fn set_coder(&self, id: CollectionId, coder: Arc<dyn AnyCoder>) {
        self.lock().graph.collections[id.0].coder = coder;
    }

    pub(crate) fn set_windowing(&self, id: CollectionId, windowing: Windowing) {
        self.lock().graph.collections[id.0].windowing = windowing;
    }

    /// Whether the pipeline reads a script.
    pub(crate) fn has_script(&self) -> bool {
        self.lock().graph.script().is_some()
    }

    /// Whether two handles build the same graph.
    pub(crate) fn is_same(&self, other: &Pipeline) -> bool {
        Arc::ptr_eq(&self.builder, &other.builder)
    }

    fn lock(&self) -> MutexGuard<'_, Builder> {
        self.builder.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Default for Pipeline {
    fn default() -> Self {
        Pipeline::new()
    }
}

impl Builder {
    /// Why a look-up of views is refused, if it is (SEMANTICS §3).
    fn refused_view(&self, inputs: &[CollectionId], views: &[NodeId]) -> Option<String> {
        let is_global = |collection: &CollectionId| {
            self.graph.collections[collection.0].windowing.function.name() == Window::GLOBAL_NAME
        };
        let windowed = views.iter().find(|view| !self.graph.nodes[view.0].inputs.iter().all(is_global))?;
        inputs.iter().any(is_global).then(|| {
            format!(
                "its input is in the global window and its side input `{}` is not, so there is no telling which window to look up: \
                 window the input too, or take the side input from the global window",
                self.graph.nodes[windowed.0].name
            )
        })
    }

    fn full_name(&self, name: &str) -> String {
        self.scope.iter().map(String::as_str).chain([name]).collect::<Vec<_>>().join("/")
    }

    fn unique_name(&mut self, name: &str) -> String {
        let full = self.full_name(name);
        if name.is_empty() {
            self.problem(full.clone(), "a transform needs a name");
        } else if !self.names.insert(full.clone()) {
            self.problem(full.clone(), "there is a transform of this name already; give each its own name");
        }
        full
    }

    fn derived_name(&mut self, kind: &str) -> String {
        let first = self.full_name(kind);
        let mut name = first.clone();
        for number in 2.. {
            if self.names.insert(name.clone()) {
                break;
            }
            name = format!("{first} {number}");
        }
        name
    }

    fn problem(&mut self, transform: String, message: impl Into<String>) {
        self.problems.push(Problem { transform, message: message.into() });
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        PCollection, Trigger, minutes,
        window::{Fixed, Sessions, WindowFn, WindowSpec},
    };

    fn problems(build: impl Fn(&Pipeline)) -> String {
        let pipeline = Pipeline::new();
        build(&pipeline);
        pipeline.graph().err().map(|failure| failure.to_string()).unwrap_or_default()
    }

    #[test]
    fn all_problems_are_reported_together_with_full_names() {
        let twice = |numbers: PCollection<i64>| {
            numbers.map("double", |n| n * 2);
            numbers.map("double", |n| n * 2)
        };
        let text = problems(|p| {
            let numbers = p.create("numbers", [1_i64]);
            numbers.clone().apply("composite", twice);
            numbers.map("", |n| n);
        });
        assert!(text.contains("transform `composite/double`: there is a transform of this name already"), "{text}");
        assert!(text.contains("a transform needs a name"), "{text}");
    }

    #[test]
    fn windowings_that_lose_data_are_refused_unless_meant() {
        let refused = |spec: WindowSpec| problems(|p| drop(p.create("numbers", [1_i64]).window(spec.clone())));
        let fixed = || Fixed::of(minutes(1)).with();
        assert!(refused(fixed().trigger(Trigger::after_count(3))).contains("needs `.allowed_lateness(..)`"));
        let early = Trigger::after_watermark().early(Trigger::after_count(1));
        assert!(
            refused(fixed().trigger(early).allowed_lateness(minutes(0)))
                .contains("`.accumulating()` or `.discarding()`")
        );
        assert!(refused(fixed().allowed_lateness(minutes(1))).contains("`.accumulating()` or `.discarding()`"));
        let finishing = fixed().trigger(Trigger::after_count(3)).allowed_lateness(minutes(0)).discarding();
        assert!(refused(finishing.clone()).contains("for ever"));
        assert_eq!(refused(finishing.allow_data_loss()), "");
        assert_eq!(refused(fixed()), "");
    }

    #[test]
    fn side_inputs_whose_window_cannot_be_told_are_refused() {
        let text = problems(|p| {
            let sums = p.create("rates", [1_i64]).window(Fixed::of(minutes(1))).as_list();
            drop(p.create("orders", [1_i64]).map_with("convert", &sums, |n, _| n));
        });
        assert!(text.contains("transform `convert`: its input is in the global window"), "{text}");
        let text = problems(|p| {
            p.create("rates", [1_i64]).window(Sessions::of(minutes(1))).as_list();
        });
        assert!(text.contains("session windows cannot be looked up"), "{text}");
    }

    #[test]
    fn views_of_collections_with_one_name_do_not_collide() {
        let text = problems(|p| {
            for name in ["a", "b"] {
                let pairs = p.create(name, [(1_i64, 2_i64)]);
                pairs.inner_join(&format!("join {name}"), &pairs).as_map();
            }
        });
        assert_eq!(text, "");
    }

    #[test]
    fn collections_windowed_otherwise_are_not_flattened() {
        let text = problems(|p| {
            let fresh = p.create("numbers", [(1_i64, 2_i64)]).window(Sessions::of(minutes(1)));
            let grouped = fresh.combine_per_key("sum", crate::combine::Sum);
            drop(p.flatten("all", [grouped, fresh]));
        });
        assert!(text.contains("transform `all`"), "{text}");
    }
}
