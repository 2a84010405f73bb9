//! A combiner of one's own: the values with the greatest measure, all of them where several are equal.

use purlin::prelude::*;

/// Keeps the values for which a measure is greatest.
///
/// ```
/// use purlin::combine::CombineFn;
/// use purlin_examples::nexmark::Greatest;
///
/// let longest = Greatest::by(|word: &String| word.len());
/// let mut kept = longest.create();
/// for word in ["to", "be", "or", "not", "all"] {
///     longest.add_owned(&mut kept, word.to_string());
/// }
/// assert_eq!(longest.extract(kept), ["not", "all"]);
/// ```
pub struct Greatest<F> {
    measure: F,
}

impl<F> Greatest<F> {
    /// By what `measure` gives.
    pub fn by<T, M>(measure: F) -> Self
    where
        F: Fn(&T) -> M,
    {
        Greatest { measure }
    }
}

impl<T, M, F> CombineFn<T> for Greatest<F>
where
    T: Element,
    M: Ord,
    F: Fn(&T) -> M + Send + Sync + 'static,
{
    /// All of one measure.
    type Accumulator = Vec<T>;
    type Output = Vec<T>;

    fn create(&self) -> Vec<T> {
        Vec::new()
    }

    fn add(&self, kept: &mut Vec<T>, value: &T) {
        if kept.first().is_none_or(|best| (self.measure)(value) >= (self.measure)(best)) {
            self.add_owned(kept, value.clone());
        }
    }

    fn add_owned(&self, kept: &mut Vec<T>, value: T) {
        match kept.first().map(|best| (self.measure)(&value).cmp(&(self.measure)(best))) {
            Some(std::cmp::Ordering::Less) => return,
            Some(std::cmp::Ordering::Greater) => kept.clear(),
            _ => {}
        }
        kept.push(value);
    }

    fn merge(&self, kept: &mut Vec<T>, other: Vec<T>) {
        other.into_iter().for_each(|value| self.add_owned(kept, value));
    }

    fn extract(&self, kept: Vec<T>) -> Vec<T> {
        kept
    }
}
