//! The greatest values by something that is taken from each.

use std::cmp::Reverse;
use std::marker::PhantomData;

use super::encoding::by_encoding;
use super::{CombineFn, Top};
use crate::Element;

/// The values for which a function gives the most, greatest first; made by [`Top::by`].
pub struct TopBy<F, T, R> {
    n: usize,
    rank: F,
    of: PhantomData<fn(&T) -> R>,
}

impl Top {
    /// The `n` values for which `rank` gives the most, greatest first; for the least, rank by [`Reverse`]. Of equal rank, those
    /// count whose encodings are less, so that the order of arrival does not.
    ///
    /// ```
    /// # let pipeline = purlin_model::Pipeline::new();
    /// # let orders = pipeline.create("orders", [("tea".to_string(), 3.5)]).map("cents", |(name, price)| (name, (price * 100.0) as i64));
    /// use std::cmp::Reverse;
    /// use purlin_model::combine::Top;
    /// let dearest = orders.combine_globally("dearest", Top::n(3).by(|(_, cents): &(String, i64)| *cents));
    /// let cheapest = orders.combine_globally("cheapest", Top::n(3).by(|(_, cents): &(String, i64)| Reverse(*cents)));
    /// ```
    pub fn by<T, R, F>(self, rank: F) -> TopBy<F, T, R>
    where
        F: Fn(&T) -> R + Send + Sync + 'static,
        R: Ord,
    {
        TopBy { n: self.count(), rank, of: PhantomData }
    }
}

impl<F, T, R> TopBy<F, T, R>
where
    T: Element,
    R: Ord,
    F: Fn(&T) -> R,
{
    fn trim(&self, best: &mut Vec<T>) {
        best.sort_by(|a, b| Reverse((self.rank)(a)).cmp(&Reverse((self.rank)(b))).then_with(|| by_encoding(a, b)));
        best.truncate(self.n);
    }
}

impl<F, T, R> CombineFn<T> for TopBy<F, T, R>
where
    T: Element,
    R: Ord + 'static,
    F: Fn(&T) -> R + Send + Sync + 'static,
{
    /// Unordered, at most about twice `n`: trimmed only now and then.
    type Accumulator = Vec<T>;
    type Output = Vec<T>;

    fn create(&self) -> Vec<T> {
        Vec::new()
    }

    fn add(&self, best: &mut Vec<T>, value: &T) {
        self.add_owned(best, value.clone());
    }

    fn add_owned(&self, best: &mut Vec<T>, value: T) {
        best.push(value);
        if best.len() > 2 * self.n + 8 {
            self.trim(best);
        }
    }

    fn merge(&self, best: &mut Vec<T>, other: Vec<T>) {
        best.extend(other);
        self.trim(best);
    }

    fn extract(&self, mut best: Vec<T>) -> Vec<T> {
        self.trim(&mut best);
        best
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ties_do_not_depend_on_the_order_of_arrival() {
        let top = |values: &[(&str, i64)]| {
            let top = Top::n(2).by(|(_, n): &(String, i64)| *n);
            let mut best = CombineFn::<(String, i64)>::create(&top);
            values.iter().for_each(|(name, n)| top.add(&mut best, &(name.to_string(), *n)));
            let names: Vec<String> = top.extract(best).into_iter().map(|(name, _)| name).collect();
            names.join(" ")
        };
        assert_eq!(top(&[("a", 1), ("b", 3), ("c", 2)]), "b c");
        assert_eq!(top(&[("x", 1), ("b", 1), ("c", 1)]), "b c");
        assert_eq!(top(&[("c", 1), ("x", 1), ("b", 1)]), "b c");
    }
}
