//! Several combiners over the same values in one pass.

use super::CombineFn;

macro_rules! tuple_of_combiners {
    ($($name:ident $index:tt),+) => {
        impl<In, $($name: CombineFn<In>),+> CombineFn<In> for ($($name,)+) {
            type Accumulator = ($($name::Accumulator,)+);
            type Output = ($($name::Output,)+);

            #[inline]
            fn create(&self) -> Self::Accumulator {
                ($(self.$index.create(),)+)
            }

            #[inline]
            fn add(&self, accumulator: &mut Self::Accumulator, value: &In) {
                $(self.$index.add(&mut accumulator.$index, value);)+
            }

            fn merge(&self, accumulator: &mut Self::Accumulator, other: Self::Accumulator) {
                $(self.$index.merge(&mut accumulator.$index, other.$index);)+
            }

            fn extract(&self, accumulator: Self::Accumulator) -> Self::Output {
                ($(self.$index.extract(accumulator.$index),)+)
            }
        }
    };
}

tuple_of_combiners!(A 0, B 1);
tuple_of_combiners!(A 0, B 1, C 2);
tuple_of_combiners!(A 0, B 1, C 2, D 3);
tuple_of_combiners!(A 0, B 1, C 2, D 3, E 4);
tuple_of_combiners!(A 0, B 1, C 2, D 3, E 4, F 5);
