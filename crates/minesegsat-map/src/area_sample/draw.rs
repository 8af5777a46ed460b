//! Random draw of pixels: sets of numbers without repetition, from a seeded generator.

use std::collections::BTreeSet;

use minesegsat_core::noise::Dice;

/// A uniform random number from 0 to below `bound`. Values that would cause a bias are drawn again (Lemire 2019,
/// <https://doi.org/10.1145/3230636>).
pub(super) fn below(dice: &mut Dice, bound: u64) -> u64 {
    assert!(bound > 0, "nothing to draw from");
    let unfair = bound.wrapping_neg() % bound;
    loop {
        let product = u128::from(dice.bits()) * u128::from(bound);
        if product as u64 >= unfair {
            return (product >> 64) as u64;
        }
    }
}

/// `count` different numbers from 0 to below `from`, in ascending order. Every set has the same probability. Memory
/// depends only on `count` (R. Floyd, in Bentley, Floyd 1987, <https://doi.org/10.1145/30401.315746>).
pub(super) fn subset(dice: &mut Dice, count: u64, from: u64) -> Vec<u64> {
    assert!(count <= from, "{count} of {from} cannot be drawn");
    let mut drawn = BTreeSet::new();
    for last in from - count..from {
        let one = below(dice, last + 1);
        if !drawn.insert(one) {
            drawn.insert(last);
        }
    }
    drawn.into_iter().collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn subsets_are_different_numbers_and_every_number_is_as_likely() {
        let mut dice = Dice::new(7, "test");
        let mut counts = [0u32; 20];
        for _ in 0..10_000 {
            let drawn = subset(&mut dice, 5, 20);
            assert!(drawn.len() == 5 && drawn.windows(2).all(|pair| pair[0] < pair[1]));
            for one in drawn {
                counts[one as usize] += 1;
            }
        }
        // Binomial, 10000 draws at 1/4: mean 2500, deviation 43.
        assert!(counts.iter().all(|&count| (2300..2700).contains(&count)), "{counts:?}");
        assert_eq!(subset(&mut dice, 6, 6), [0, 1, 2, 3, 4, 5]);
        assert!(subset(&mut dice, 0, 6).is_empty());
    }

    /// A remainder of the full range would favour the lower two thirds of this one by a half.
    #[test]
    fn large_bounds_are_fair() {
        let mut dice = Dice::new(1, "large");
        let bound = u64::MAX / 3 * 2;
        let low = (0..4000).filter(|_| below(&mut dice, bound) < bound / 2).count();
        assert!((1870..2130).contains(&low), "{low} of 4000");
    }
}
