//! A combiner in two steps: values into accumulators here, accumulators into a result there.

use std::marker::PhantomData;
use std::sync::Arc;

use super::CombineFn;

/// The first step of `C`: gives the accumulator itself.
pub(crate) struct Accumulating<C>(pub(crate) Arc<C>);

/// The second step of `C`, a combiner of `In`: takes accumulators in.
pub(crate) struct Merging<C, In> {
    combiner: Arc<C>,
    of: PhantomData<fn(In)>,
}

impl<C, In> Merging<C, In> {
    pub(crate) fn of(combiner: Arc<C>) -> Self {
        Merging { combiner, of: PhantomData }
    }
}

impl<In, C: CombineFn<In>> CombineFn<In> for Accumulating<C> {
    type Accumulator = C::Accumulator;
    type Output = C::Accumulator;

    fn create(&self) -> C::Accumulator {
        self.0.create()
    }

    #[inline]
    fn add(&self, accumulator: &mut C::Accumulator, value: &In) {
        self.0.add(accumulator, value);
    }

    #[inline]
    fn add_owned(&self, accumulator: &mut C::Accumulator, value: In) {
        self.0.add_owned(accumulator, value);
    }

    fn merge(&self, accumulator: &mut C::Accumulator, other: C::Accumulator) {
        self.0.merge(accumulator, other);
    }

    fn extract(&self, accumulator: C::Accumulator) -> C::Accumulator {
        accumulator
    }
}

impl<In: 'static, C: CombineFn<In>> CombineFn<C::Accumulator> for Merging<C, In> {
    type Accumulator = C::Accumulator;
    type Output = C::Output;

    fn create(&self) -> C::Accumulator {
        self.combiner.create()
    }

    fn add(&self, accumulator: &mut C::Accumulator, value: &C::Accumulator) {
        self.combiner.merge(accumulator, value.clone());
    }

    fn add_owned(&self, accumulator: &mut C::Accumulator, value: C::Accumulator) {
        self.combiner.merge(accumulator, value);
    }

    fn merge(&self, accumulator: &mut C::Accumulator, other: C::Accumulator) {
        self.combiner.merge(accumulator, other);
    }

    fn extract(&self, accumulator: C::Accumulator) -> C::Output {
        self.combiner.extract(accumulator)
    }
}
