//! Tuples of cells as a state: cells are named by their places.

use super::{Cell, State, Visit};
use crate::BoxError;
use crate::kernel::StatefulSpec;

macro_rules! tuple_of_cells {
    ($($name:ident $index:tt),+) => {
        impl<$($name: Cell),+> State for ($($name,)+) {
            fn declare(into: &mut StatefulSpec) {
                $($name::declare(stringify!($index), into);)+
            }

            fn empty() -> Self {
                ($($name::default(),)+)
            }

            #[inline]
            fn visit<Each: Visit>(&mut self, visit: &mut Each) -> Result<(), BoxError> {
                $(visit.cell(&mut self.$index)?;)+
                Ok(())
            }
        }
    };
}

tuple_of_cells!(A 0, B 1);
tuple_of_cells!(A 0, B 1, C 2);
tuple_of_cells!(A 0, B 1, C 2, D 3);
tuple_of_cells!(A 0, B 1, C 2, D 3, E 4);
tuple_of_cells!(A 0, B 1, C 2, D 3, E 4, F 5);
