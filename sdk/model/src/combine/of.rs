//! A combiner behind a projection.

use std::marker::PhantomData;

use super::CombineFn;

/// Combines what a function takes from each value; made by `Sum.of(..)` and its kin, or `Of::new` for any combiner.
pub struct Of<C, F, In, P> {
    combiner: C,
    project: F,
    of: PhantomData<fn(&In) -> P>,
}

impl<C, F, In, P> Of<C, F, In, P>
where
    C: CombineFn<P>,
    F: Fn(&In) -> P + Send + Sync + 'static,
{
    /// `combiner` over what `project` takes from each value.
    pub fn new(combiner: C, project: F) -> Self {
        Of { combiner, project, of: PhantomData }
    }
}

impl<C, F, In, P> CombineFn<In> for Of<C, F, In, P>
where
    C: CombineFn<P>,
    F: Fn(&In) -> P + Send + Sync + 'static,
    In: 'static,
    P: 'static,
{
    type Accumulator = C::Accumulator;
    type Output = C::Output;

    fn create(&self) -> C::Accumulator {
        self.combiner.create()
    }

    #[inline]
    fn add(&self, accumulator: &mut C::Accumulator, value: &In) {
        self.combiner.add_owned(accumulator, (self.project)(value));
    }

    fn merge(&self, accumulator: &mut C::Accumulator, other: C::Accumulator) {
        self.combiner.merge(accumulator, other);
    }

    fn extract(&self, accumulator: C::Accumulator) -> C::Output {
        self.combiner.extract(accumulator)
    }
}

/// Gives a combiner `.of(projection)`.
macro_rules! projecting {
    ($($combiner:ty),+) => {$(
        impl $combiner {
            /// The same over what `project` takes from each value.
            pub fn of<In, P, F>(self, project: F) -> $crate::combine::Of<Self, F, In, P>
            where
                Self: $crate::combine::CombineFn<P>,
                F: Fn(&In) -> P + Send + Sync + 'static,
            {
                $crate::combine::Of::new(self, project)
            }
        }
    )+};
}
pub(super) use projecting;
