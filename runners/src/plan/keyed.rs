//! What is done by key behind a shuffle: a grouping, or a stateful transform.

use std::sync::Arc;

use purlin_model::BoxError;
use purlin_model::bundle::AnyBundle;
use purlin_model::coder::AnyCoder;
use purlin_model::kernel::{Form, Grouping, StatefulKernel};

/// The work of a keyed head, and the typed side of the shuffle to it.
#[derive(Clone)]
pub enum KeyedWork {
    /// What has one key comes together.
    Group {
        /// What is shuffled.
        form: Form,
        /// Its typed side.
        kernel: Arc<dyn Grouping>,
        /// The head's second output takes what is dropped.
        late_output: bool,
    },
    /// A `DoFn` with state and timers.
    Stateful {
        /// Its typed side.
        kernel: Arc<dyn StatefulKernel>,
        /// The coder of its input.
        input: Arc<dyn AnyCoder>,
    },
}

impl KeyedWork {
    /// Moves each element to the shard that owns its key.
    pub fn partition(&self, bundle: &mut dyn AnyBundle, shards: &mut [Box<dyn AnyBundle>]) -> Result<(), BoxError> {
        match self {
            KeyedWork::Group { form, kernel, .. } => kernel.partition(*form, bundle, shards),
            KeyedWork::Stateful { kernel, .. } => kernel.partition(bundle, shards),
        }
    }

    /// What is shuffled.
    pub fn form(&self) -> Form {
        match self {
            KeyedWork::Group { form, .. } => *form,
            KeyedWork::Stateful { .. } => Form::Raw,
        }
    }
}
