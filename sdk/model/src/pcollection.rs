//! `PCollection`: a handle on a collection in the graph, and how transforms are applied to it.

use std::marker::PhantomData;
use std::sync::Arc;

use crate::Element;
use crate::coder::{AnyCoder, Coder, TypedCoder};
use crate::graph::{CollectionId, NodeId, Op};
use crate::kernel::OperatorFactory;
use crate::pipeline::{Name, NewCollection, Pipeline};
use crate::window::Windowing;

/// A collection of `T`, bounded or not: a cheap handle without a lifetime.
///
/// Transforms are its methods. Each takes a name, unique within its composite, by which state, metrics and messages find it.
pub struct PCollection<T> {
    pub(crate) pipeline: Pipeline,
    pub(crate) id: CollectionId,
    of: PhantomData<fn() -> T>,
}

impl<T> Clone for PCollection<T> {
    fn clone(&self) -> Self {
        PCollection { pipeline: self.pipeline.clone(), id: self.id, of: PhantomData }
    }
}

impl<T: Element> PCollection<T> {
    /// The pipeline that it belongs to.
    pub fn pipeline(&self) -> Pipeline {
        self.pipeline.clone()
    }

    /// The full name of the transform that makes it.
    pub fn name(&self) -> String {
        self.pipeline.producer_name(self.id)
    }

    pub(crate) fn new(pipeline: &Pipeline, id: CollectionId) -> Self {
        PCollection { pipeline: pipeline.clone(), id, of: PhantomData }
    }

    /// The same collection, its elements written by `coder` wherever they have to be bytes.
    pub fn with_coder(self, coder: impl Coder<T>) -> Self {
        self.pipeline.set_coder(self.id, TypedCoder::erased(coder));
        self
    }

    /// Applies a composite under `name`: the transforms that it applies are named within.
    ///
    /// ```
    /// use purlin_model::{PCollection, Pipeline};
    /// fn shout(words: PCollection<String>) -> PCollection<String> {
    ///     words.map("upper case", |word| word.to_uppercase()).map("exclaim", |word| word + "!")
    /// }
    /// let pipeline = Pipeline::new();
    /// pipeline.create("words", ["hey".to_string()]).apply("shout", shout);
    /// assert_eq!(pipeline.graph().unwrap().nodes[1].name, "shout/upper case");
    /// ```
    pub fn apply<P: PTransform<PCollection<T>>>(self, name: &str, transform: P) -> P::Out {
        let pipeline = self.pipeline.clone();
        pipeline.scoped(name, || transform.expand(self))
    }

    pub(crate) fn windowing(&self) -> Windowing {
        self.pipeline.collection(self.id).windowing
    }

    /// What a new collection of `U` is like that comes from this one element by element.
    pub(crate) fn derived<U: Element>(&self) -> NewCollection {
        let this = self.pipeline.collection(self.id);
        let coder: Arc<dyn AnyCoder> = TypedCoder::<U>::standard();
        NewCollection { coder, windowing: this.windowing, bounded: this.bounded }
    }

    /// Adds an element-wise transform with one output.
    pub(crate) fn element_wise<U: Element>(
        &self,
        name: Name<'_>,
        views: &[NodeId],
        factory: Arc<dyn OperatorFactory>,
    ) -> PCollection<U> {
        let (_, outputs) = self.pipeline.add(name, Op::ParDo(factory), &[self.id], views, vec![self.derived::<U>()]);
        PCollection::new(&self.pipeline, outputs[0])
    }

    /// The same with the same element type, whose coder is kept.
    pub(crate) fn element_wise_same(
        &self,
        name: Name<'_>,
        views: &[NodeId],
        factory: Arc<dyn OperatorFactory>,
    ) -> PCollection<T> {
        let coder = self.pipeline.collection(self.id).coder;
        let made = NewCollection { coder, ..self.derived::<T>() };
        let (_, outputs) = self.pipeline.add(name, Op::ParDo(factory), &[self.id], views, vec![made]);
        PCollection::new(&self.pipeline, outputs[0])
    }
}

/// A transform made of transforms: `In` and `Out` are collections or tuples of them.
///
/// A plain function from collections to collections is one too. Implement the trait where a composite has settings:
///
/// ```
/// use purlin_model::{PCollection, PTransform};
/// struct LongerThan { length: usize }
///
/// impl PTransform<PCollection<String>> for LongerThan {
///     type Out = PCollection<String>;
///     fn expand(self, words: PCollection<String>) -> PCollection<String> {
///         words.filter("long enough", move |word| word.len() > self.length)
///     }
/// }
/// ```
pub trait PTransform<In> {
    /// What it makes.
    type Out;
    /// Applies its parts.
    fn expand(self, input: In) -> Self::Out;
}

impl<In, Out, F: FnOnce(In) -> Out> PTransform<In> for F {
    type Out = Out;
    fn expand(self, input: In) -> Out {
        self(input)
    }
}

/// Several collections as the input of one composite: `(orders, rates).apply("convert", ..)`.
pub trait Collections: Sized {
    /// The pipeline that they belong to.
    fn pipeline(&self) -> Pipeline;

    /// Applies a composite under `name`.
    fn apply<P: PTransform<Self>>(self, name: &str, transform: P) -> P::Out {
        let pipeline = self.pipeline();
        pipeline.scoped(name, || transform.expand(self))
    }
}

macro_rules! tuple_of_collections {
    ($first:ident $(, $rest:ident)*) => {
        impl<$first: Element $(, $rest: Element)*> Collections for (PCollection<$first>, $(PCollection<$rest>,)*) {
            fn pipeline(&self) -> Pipeline {
                self.0.pipeline.clone()
            }
        }
    };
}

tuple_of_collections!(A, B);
tuple_of_collections!(A, B, C);
tuple_of_collections!(A, B, C, D);
