//! Keeps some elements of a vector, in order, without a branch for each: which ones stay is often as good as random, and a branch that is
//! guessed wrong costs more than moving an element.

/// Elements larger than this cost more to move than to guess.
const SMALL: usize = 64;

/// Keeps the elements for which `keep` holds.
pub(super) fn compact<T>(values: &mut Vec<T>, mut keep: impl FnMut(&T) -> bool) {
    if size_of::<T>() > SMALL {
        return values.retain(keep);
    }
    let mut kept = 0;
    for at in 0..values.len() {
        let stays = keep(&values[at]);
        // What does not stay changes places with what does, and is dropped at the end.
        values.swap(kept, at);
        kept += usize::from(stays);
    }
    values.truncate(kept);
}

/// Keeps the elements whose place in `mask` is true.
pub(super) fn compact_by<T>(values: &mut Vec<T>, mask: &[bool]) {
    let mut flags = mask.iter();
    compact(values, |_| flags.next() == Some(&true));
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_stays_stays_in_order_and_the_rest_is_dropped_whatever_the_size() {
        for len in [0, 1, 2, 7, 100] {
            for keep in [|n: &u64| n % 3 == 1, |_: &u64| true, |_: &u64| false] {
                let numbers: Vec<u64> = (0..len).map(|n| n * n + 1).collect();
                let expected: Vec<u64> = numbers.iter().copied().filter(keep).collect();
                let mut small: Vec<Box<u64>> = numbers.iter().copied().map(Box::new).collect();
                compact(&mut small, |n| keep(n));
                assert_eq!(small.into_iter().map(|n| *n).collect::<Vec<_>>(), expected);
                let mut large: Vec<[u64; 9]> = numbers.iter().map(|n| [*n; 9]).collect();
                let mask: Vec<bool> = numbers.iter().map(keep).collect();
                compact_by(&mut large, &mask);
                assert_eq!(large.iter().map(|n| n[8]).collect::<Vec<_>>(), expected);
            }
        }
    }
}
