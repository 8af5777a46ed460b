//! Chance that a seed decides: the same on every machine, in every version.

use std::collections::BTreeSet;

/// A stream of random numbers: SplitMix64 (Steele, Lea, Flood 2014, <https://doi.org/10.1145/2660193.2660195>).
#[derive(Debug, Clone)]
pub(super) struct Random(u64);

impl Random {
    /// The stream of a seed for one purpose, which its name tells from others (FNV-1a).
    pub(super) fn new(seed: u64, name: &str) -> Self {
        let named =
            name.bytes().fold(0xCBF2_9CE4_8422_2325_u64, |h, b| (h ^ u64::from(b)).wrapping_mul(0x0100_0000_01B3));
        let mut mixed = Self(seed);
        Self(mixed.bits() ^ named)
    }

    fn bits(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        z ^ (z >> 31)
    }

    /// A number from 0 to below `bound`, each as likely as any other: what would favour some is drawn again (Lemire 2019,
    /// <https://doi.org/10.1145/3230636>).
    pub(super) fn below(&mut self, bound: u64) -> u64 {
        assert!(bound > 0, "nothing to draw from");
        let unfair = bound.wrapping_neg() % bound;
        loop {
            let product = u128::from(self.bits()) * u128::from(bound);
            if product as u64 >= unfair {
                return (product >> 64) as u64;
            }
        }
    }

    /// `count` different numbers from 0 to below `from`, in ascending order; every set of them is as likely as any other.
    /// Takes memory for `count`, however many there are to draw from (R. Floyd, in Bentley, Floyd 1987,
    /// <https://doi.org/10.1145/30401.315746>).
    pub(super) fn subset(&mut self, count: u64, from: u64) -> Vec<u64> {
        assert!(count <= from, "{count} of {from} cannot be drawn");
        let mut drawn = BTreeSet::new();
        for last in from - count..from {
            let one = self.below(last + 1);
            if !drawn.insert(one) {
                drawn.insert(last);
            }
        }
        drawn.into_iter().collect()
    }

    /// Brings a list into random order (Fisher, Yates).
    pub(super) fn shuffle<T>(&mut self, list: &mut [T]) {
        for last in (1..list.len()).rev() {
            list.swap(last, self.below(last as u64 + 1) as usize);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The first outputs of SplitMix64 for the seed 1234567, as in the test of the Rosetta Code task "Pseudo-random
    /// numbers/Splitmix64".
    #[test]
    fn bits_are_those_of_splitmix64() {
        let mut random = Random(1_234_567);
        let bits = [6_457_827_717_110_365_317, 3_203_168_211_198_807_973, 9_817_491_932_198_370_423];
        assert_eq!([random.bits(), random.bits(), random.bits()], bits);
    }

    #[test]
    fn subsets_are_different_numbers_and_every_number_is_as_likely() {
        let mut random = Random::new(7, "test");
        let mut counts = [0u32; 20];
        for _ in 0..10_000 {
            let drawn = random.subset(5, 20);
            assert!(drawn.len() == 5 && drawn.windows(2).all(|pair| pair[0] < pair[1]));
            drawn.iter().for_each(|&one| counts[one as usize] += 1);
        }
        // Binomial, 10000 draws at 1/4: mean 2500, deviation 43.
        assert!(counts.iter().all(|&count| (2300..2700).contains(&count)), "{counts:?}");
        assert_eq!(random.subset(6, 6), [0, 1, 2, 3, 4, 5]);
        assert!(random.subset(0, 6).is_empty());
    }

    #[test]
    fn every_order_is_as_likely() {
        let mut random = Random::new(0, "order");
        let mut first = [0u32; 4];
        for _ in 0..8000 {
            let mut list = [0, 1, 2, 3];
            random.shuffle(&mut list);
            first[list[0]] += 1;
        }
        assert!(first.iter().all(|&count| (1850..2150).contains(&count)), "{first:?}");
        assert_ne!(Random::new(0, "a").bits(), Random::new(0, "b").bits());
        assert_ne!(Random::new(0, "a").bits(), Random::new(1, "a").bits());
    }
}
