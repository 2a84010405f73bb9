//! A set of small numbers, a bit for each.

/// Numbers; of those up to the greatest that it ever had each takes a bit.
#[derive(Default)]
pub(super) struct Bits(Vec<u64>);

impl Bits {
    #[inline]
    pub(super) fn insert(&mut self, number: u32) {
        let (word, bit) = place(number);
        if word >= self.0.len() {
            self.0.resize(word + 1, 0);
        }
        self.0[word] |= bit;
    }

    #[inline]
    pub(super) fn remove(&mut self, number: u32) {
        let (word, bit) = place(number);
        if let Some(word) = self.0.get_mut(word) {
            *word &= !bit;
        }
    }

    /// Takes all out, in ascending order.
    pub(super) fn drain(&mut self) -> impl Iterator<Item = u32> {
        (0..).zip(&mut self.0).flat_map(|(word, bits)| {
            let mut left = std::mem::take(bits);
            std::iter::from_fn(move || {
                let bit = (left != 0).then(|| left.trailing_zeros())?;
                left &= left - 1;
                Some(word * u64::BITS + bit)
            })
        })
    }
}

#[inline]
fn place(number: u32) -> (usize, u64) {
    ((number / u64::BITS) as usize, 1 << (number % u64::BITS))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_put_in_comes_out_once_in_order() {
        let mut bits = Bits::default();
        [700, 3, 63, 64, 3, 65].into_iter().for_each(|number| bits.insert(number));
        [64, 9_999].into_iter().for_each(|number| bits.remove(number));
        assert!(bits.drain().eq([3, 63, 65, 700]));
        assert_eq!(bits.drain().count(), 0);
        bits.insert(u32::from(u16::MAX));
        assert!(bits.drain().eq([u32::from(u16::MAX)]));
    }
}
