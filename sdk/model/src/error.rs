//! Failures: what a pipeline reports when it cannot be built, launched or finished.
//!
//! Every message says what happened, where (the transform, split or file by name), and where
//! there is one, what to do.

use std::fmt;

/// Any error of a user's closure, `DoFn`, source or sink.
pub type BoxError = Box<dyn std::error::Error + Send + Sync>;

/// Why a pipeline did not finish.
#[non_exhaustive]
#[derive(Debug, thiserror::Error)]
pub enum Failure {
    /// The graph breaks rules; all the problems found, reported together.
    #[error("the pipeline cannot be built: {}", Listed(.0))]
    Construction(Vec<Problem>),

    /// The options given at launch make no sense together.
    #[error("{0}")]
    Options(String),

    /// User code of a transform returned an error.
    #[error("transform `{transform}` failed{}: {cause}", At(.origin))]
    Transform {
        /// The transform's full name.
        transform: String,
        /// Where the elements at hand came from, where known.
        origin: Option<String>,
        /// The user's error.
        #[source]
        cause: BoxError,
    },

    /// User code of a transform panicked.
    #[error("transform `{transform}` panicked{}: {message}", At(.origin))]
    Panic {
        /// The transform's full name.
        transform: String,
        /// Where the elements at hand came from, where known.
        origin: Option<String>,
        /// The panic's message.
        message: String,
    },

    /// A source could not be read.
    #[error("reading `{transform}` failed{}: {cause}", At(.origin))]
    Source {
        /// The read's full name.
        transform: String,
        /// The split that was read, where one was.
        origin: Option<String>,
        /// The source's error.
        #[source]
        cause: BoxError,
    },

    /// A sink could not be written or published.
    #[error("writing `{transform}` failed: {cause}")]
    Sink {
        /// The write's full name.
        transform: String,
        /// The sink's error.
        #[source]
        cause: BoxError,
    },

    /// An element did not survive its coder.
    #[error(
        "the coder of `{transform}` cannot take back what it wrote of type `{element_type}`: {cause}. \
         The default coder (postcard) does not know serde's `flatten`, `untagged`, `skip_serializing_if` and \
         self-describing types such as `serde_json::Value`: change the type, or give the collection another coder \
         with `.with_coder(..)`, for example `Json`"
    )]
    Coder {
        /// The transform that made the element.
        transform: String,
        /// The element's Rust type.
        element_type: &'static str,
        /// The coder's error.
        #[source]
        cause: BoxError,
    },

    /// Another instance of the same job has taken over.
    #[error("job `{job}` was started again elsewhere (incarnation {by}) and goes on there: this instance has stopped")]
    Superseded {
        /// The job's name.
        job: String,
        /// The incarnation that has taken over.
        by: u64,
    },

    /// Anything else, with its own words.
    #[error("{0}")]
    Other(BoxError),
}

impl Failure {
    /// A failure of the user's own `build`, for an error of any type.
    pub fn other(cause: impl Into<BoxError>) -> Self {
        Failure::Other(cause.into())
    }

    /// Whether the program was asked for something that cannot work, rather than failing at work: exit code 2, not 1.
    pub fn is_misuse(&self) -> bool {
        matches!(self, Failure::Construction(_) | Failure::Options(_))
    }
}

impl From<BoxError> for Failure {
    fn from(cause: BoxError) -> Self {
        Failure::Other(cause)
    }
}

/// One broken rule of a graph: where, what, and what to do.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Problem {
    /// The transform's full name.
    pub transform: String,
    /// What is wrong with it and what to do.
    pub message: String,
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "transform `{}`: {}", self.transform, self.message)
    }
}

struct Listed<'a>(&'a [Problem]);

impl fmt::Display for Listed<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            [one] => write!(f, "{one}"),
            many => many.iter().try_for_each(|problem| write!(f, "\n  - {problem}")),
        }
    }
}

struct At<'a>(&'a Option<String>);

impl fmt::Display for At<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            Some(origin) => write!(f, " at {origin}"),
            None => Ok(()),
        }
    }
}
