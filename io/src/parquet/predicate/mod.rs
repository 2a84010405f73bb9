//! Conditions on columns: which rows a [`ParquetSource`](super::ParquetSource) gives.
//!
//! A [`Predicate`] is data, not a closure, so it can be asked two questions: "may any row of this row group match?",
//! answered from the statistics in the file's footer without reading the group, and "which rows of this batch match?",
//! answered column by column before any struct is made. Both answers mean the same condition: what comes
//! out is exactly the rows that match, wherever they lie.
//!
//! As in SQL, a comparison with null is not true, so a row whose column is null matches no comparison.

mod bound;
mod mask;
mod prune;

pub(super) use bound::Bound;

use std::fmt;

use purlin_model::Timestamp;

/// A column by name, to be compared.
///
/// ```
/// use purlin_io::parquet::col;
/// use purlin_model::Timestamp;
///
/// let since = Timestamp::from_millis(1_700_000_000_000);
/// let wanted = col("at").ge(since).and(col("country").eq("DE").or(col("amount").gt(1_000)));
/// assert_eq!(wanted.to_string(), "at >= 2023-11-14T22:13:20Z and (country = \"DE\" or amount > 1000)");
/// ```
pub fn col(name: impl Into<String>) -> Column {
    Column(name.into())
}

/// A column by name: see [`col`].
#[derive(Clone, Debug)]
pub struct Column(String);

/// A condition on the columns of a row: see [`col`].
#[derive(Clone, Debug)]
pub struct Predicate(Node);

/// The tree of a condition. There is no negation, so "unknown" (a null was compared) can be taken for false throughout.
#[derive(Clone, Debug)]
enum Node {
    Compare { column: String, op: Op, literal: Literal },
    Null { column: String, wanted: bool },
    All(Vec<Predicate>),
    Any(Vec<Predicate>),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Op {
    Eq,
    Ne,
    Lt,
    Le,
    Gt,
    Ge,
}

/// What a column is compared with: an integer, a float, a bool, text or a [`Timestamp`], by `into()`.
#[derive(Clone, Debug)]
pub struct Literal(Value);

#[derive(Clone, Debug)]
enum Value {
    Whole(i128),
    Float(f64),
    Bool(bool),
    Text(String),
    Time(Timestamp),
}

impl Column {
    fn compare(self, op: Op, literal: Literal) -> Predicate {
        Predicate(Node::Compare { column: self.0, op, literal })
    }

    /// The value is `literal`.
    pub fn eq(self, literal: impl Into<Literal>) -> Predicate {
        self.compare(Op::Eq, literal.into())
    }

    /// The value is there and is not `literal`.
    pub fn ne(self, literal: impl Into<Literal>) -> Predicate {
        self.compare(Op::Ne, literal.into())
    }

    /// The value is less than `literal`; text is compared by its bytes.
    pub fn lt(self, literal: impl Into<Literal>) -> Predicate {
        self.compare(Op::Lt, literal.into())
    }

    /// The value is `literal` or less.
    pub fn le(self, literal: impl Into<Literal>) -> Predicate {
        self.compare(Op::Le, literal.into())
    }

    /// The value is greater than `literal`.
    pub fn gt(self, literal: impl Into<Literal>) -> Predicate {
        self.compare(Op::Gt, literal.into())
    }

    /// The value is `literal` or greater.
    pub fn ge(self, literal: impl Into<Literal>) -> Predicate {
        self.compare(Op::Ge, literal.into())
    }

    /// There is no value.
    pub fn is_null(self) -> Predicate {
        Predicate(Node::Null { column: self.0, wanted: true })
    }

    /// There is a value.
    pub fn is_not_null(self) -> Predicate {
        Predicate(Node::Null { column: self.0, wanted: false })
    }
}

impl Predicate {
    /// Both hold.
    pub fn and(self, other: Predicate) -> Predicate {
        Predicate(match self.0 {
            Node::All(mut parts) => {
                parts.push(other);
                Node::All(parts)
            }
            one => Node::All(vec![Predicate(one), other]),
        })
    }

    /// One of them holds, or both.
    pub fn or(self, other: Predicate) -> Predicate {
        Predicate(match self.0 {
            Node::Any(mut parts) => {
                parts.push(other);
                Node::Any(parts)
            }
            one => Node::Any(vec![Predicate(one), other]),
        })
    }
}

macro_rules! literals {
    ($($from:ty => $value:ident ($convert:expr)),* $(,)?) => {
        $(impl From<$from> for Literal {
            fn from(value: $from) -> Literal {
                Literal(Value::$value($convert(value)))
            }
        })*
    };
}

literals! {
    i8 => Whole(i128::from), i16 => Whole(i128::from), i32 => Whole(i128::from), i64 => Whole(i128::from),
    u8 => Whole(i128::from), u16 => Whole(i128::from), u32 => Whole(i128::from), u64 => Whole(i128::from),
    f32 => Float(f64::from), f64 => Float(f64::from), bool => Bool(bool::from),
    &str => Text(str::to_owned), String => Text(String::from), Timestamp => Time(Timestamp::from),
}

impl fmt::Display for Predicate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.0 {
            Node::Compare { column, op, literal } => write!(f, "{column} {op} {literal}"),
            Node::Null { column, wanted: true } => write!(f, "{column} is null"),
            Node::Null { column, wanted: false } => write!(f, "{column} is not null"),
            Node::All(parts) => joined(f, parts, " and "),
            Node::Any(parts) => joined(f, parts, " or "),
        }
    }
}

fn joined(f: &mut fmt::Formatter<'_>, parts: &[Predicate], by: &str) -> fmt::Result {
    for (place, part) in parts.iter().enumerate() {
        f.write_str(if place == 0 { "" } else { by })?;
        match &part.0 {
            Node::All(_) | Node::Any(_) => write!(f, "({part})")?,
            _ => write!(f, "{part}")?,
        }
    }
    Ok(())
}

impl fmt::Display for Op {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Op::Eq => "=",
            Op::Ne => "<>",
            Op::Lt => "<",
            Op::Le => "<=",
            Op::Gt => ">",
            Op::Ge => ">=",
        })
    }
}

impl fmt::Display for Literal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.0 {
            Value::Whole(whole) => write!(f, "{whole}"),
            Value::Float(float) => write!(f, "{float:?}"),
            Value::Bool(bool) => write!(f, "{bool}"),
            Value::Text(text) => write!(f, "{text:?}"),
            Value::Time(at) => write!(f, "{at}"),
        }
    }
}
