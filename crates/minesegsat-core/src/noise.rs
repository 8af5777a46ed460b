//! Reproducible random numbers: [`Noise`] depends on a seed and a position, [`Dice`] gives a sequence for a seed.
//!
//! Threads share no state, so the order of work does not change the result. This is our own code because scenes, splits and
//! batches must stay the same when dependencies are updated. `rand` guarantees this for its generators, but not for the
//! numbers and orders that it draws with them.

use std::f32::consts::TAU;

/// Mixes a seed with the name of its purpose (FNV-1a, then the finaliser of SplitMix64).
fn mix_name(seed: u64, name: &str) -> u64 {
    let named = name.bytes().fold(0xCBF2_9CE4_8422_2325_u64, |h, b| (h ^ u64::from(b)).wrapping_mul(0x0100_0000_01B3));
    finalise(seed.wrapping_mul(0x9E37_79B9_7F4A_7C15) ^ named)
}

/// The finaliser of SplitMix64 (Steele, Lea, Flood 2014).
fn finalise(mut z: u64) -> u64 {
    z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
    z ^ (z >> 31)
}

/// Hash of 32 bits to 32 bits (C. Wellons' `lowbias32`).
#[inline]
pub const fn hash(mut h: u32) -> u32 {
    h = (h ^ (h >> 16)).wrapping_mul(0x7FEB_352D);
    h = (h ^ (h >> 15)).wrapping_mul(0x846C_A68B);
    h ^ (h >> 16)
}

/// A hash as a number in [0, 1).
#[inline]
pub fn unit(h: u32) -> f32 {
    (h >> 8) as f32 / (1 << 24) as f32
}

/// A number in [0, 1) from a hash and an index.
#[inline]
pub fn unit_of(h: u32, index: u32) -> f32 {
    unit(hash(h ^ index.wrapping_mul(0x9E37_79B9)))
}

/// Smooth step: 0 up to `from`, 1 from `to` on, smooth between them.
#[inline]
pub fn smoothstep(from: f32, to: f32, x: f32) -> f32 {
    let t = ((x - from) / (to - from)).clamp(0.0, 1.0);
    t * t * (3.0 - 2.0 * t)
}

/// An approximately normal number with standard deviation 1, from a hash and an index: the sum of four uniform numbers.
#[inline]
pub fn pixel_normal(start: u64, index: u64) -> f32 {
    let h = finalise(start.wrapping_add(index.wrapping_mul(0x9E37_79B9_7F4A_7C15)));
    let sum = (h & 0xFFFF) + ((h >> 16) & 0xFFFF) + ((h >> 32) & 0xFFFF) + (h >> 48);
    // The variance of four uniform numbers is a third.
    (sum as f32 / 65536.0 - 2.0) * 1.732_050_8
}

/// Gradient noise over the plane (Perlin 2002), in lattice units.
#[derive(Debug, Clone, Copy)]
pub struct Noise {
    seed: u32,
}

impl Noise {
    /// Noise for one purpose.
    pub fn new(seed: u64, name: &str) -> Self {
        Self { seed: (mix_name(seed, name) >> 32) as u32 }
    }

    /// Hash of a lattice point.
    #[inline]
    pub fn cell(self, x: i32, y: i32) -> u32 {
        hash(self.seed ^ (x as u32).wrapping_mul(0x9E37_79B1) ^ hash((y as u32).wrapping_mul(0x85EB_CA77)))
    }

    /// An approximately normal number with standard deviation 1 at a lattice point: the sum of four uniform numbers.
    #[inline]
    pub fn normal(self, x: i32, y: i32) -> f32 {
        let (a, b) = (self.cell(x, y), self.cell(x ^ 0x5555_5555, y));
        let sum = (a & 0xFFFF) + (a >> 16) + (b & 0xFFFF) + (b >> 16);
        // The variance of four uniform numbers is a third.
        (sum as f32 / 65536.0 - 2.0) * 1.732_050_8
    }

    /// Smooth noise, approximately -1 to 1 with mean 0.
    #[inline]
    pub fn at(self, x: f32, y: f32) -> f32 {
        let (fx, fy) = (x.floor(), y.floor());
        let (ix, iy) = (fx as i32, fy as i32);
        let (tx, ty) = (x - fx, y - fy);
        let corner = |dx: i32, dy: i32| {
            let h = self.cell(ix.wrapping_add(dx), iy.wrapping_add(dy));
            // Gradients are drawn from a square, so the lattice directions are not preferred.
            let gx = (h & 0xFFFF) as f32 / 32768.0 - 1.0;
            let gy = (h >> 16) as f32 / 32768.0 - 1.0;
            gx * (tx - dx as f32) + gy * (ty - dy as f32)
        };
        let fade = |t: f32| t * t * t * (t * (t * 6.0 - 15.0) + 10.0);
        let (u, v) = (fade(tx), fade(ty));
        let (a, b) = (corner(0, 0), corner(0, 1));
        let (a, b) = (a + u * (corner(1, 0) - a), b + u * (corner(1, 1) - b));
        (a + v * (b - a)) * 1.7
    }

    /// Sum of octaves of [`Noise::at`], approximately -1 to 1. Each octave is rotated, twice as fine and `gain` times as strong.
    #[inline]
    pub fn fbm(self, mut x: f32, mut y: f32, octaves: u32, gain: f32) -> f32 {
        let (mut sum, mut weight, mut total) = (0.0, 1.0_f32, 0.0_f32);
        for octave in 0..octaves {
            let layer = Self { seed: self.seed.wrapping_add(octave.wrapping_mul(0x6C07_8965)) };
            sum += weight * layer.at(x, y);
            total += weight * weight;
            weight *= gain;
            (x, y) = (1.62 * x - 1.19 * y + 17.3, 1.19 * x + 1.62 * y - 9.1);
        }
        sum / total.sqrt()
    }

    /// Ridged noise: 1 on the crests, 0 far from them.
    #[inline]
    pub fn ridged(self, x: f32, y: f32, octaves: u32) -> f32 {
        (1.0 - 1.6 * self.fbm(x, y, octaves, 0.5).abs()).clamp(0.0, 1.0)
    }

    /// Billowed noise: 0 in the creases, approximately 1 on the largest heaps.
    #[inline]
    pub fn billow(self, mut x: f32, mut y: f32, octaves: u32) -> f32 {
        let (mut sum, mut weight, mut total) = (0.0, 1.0_f32, 0.0_f32);
        for octave in 0..octaves {
            let layer = Self { seed: self.seed.wrapping_add(octave.wrapping_mul(0x27D4_EB2F)) };
            sum += weight * layer.at(x, y).abs();
            total += weight;
            weight *= 0.55;
            (x, y) = (1.7 * x - 1.3 * y + 3.3, 1.3 * x + 1.7 * y - 5.1);
        }
        2.0 * sum / total
    }

    /// Two independent noise values, for displacements.
    #[inline]
    pub fn vector(self, x: f32, y: f32, octaves: u32) -> (f32, f32) {
        let other = Self { seed: self.seed ^ 0xA511_E9B3 };
        (self.fbm(x, y, octaves, 0.5), other.fbm(x + 31.7, y - 12.9, octaves, 0.5))
    }

    /// Hash of the nearest feature point, with one random point per lattice cell (Worley 1996).
    #[inline]
    pub fn patch(self, x: f32, y: f32) -> u32 {
        let (ix, iy) = (x.floor() as i32, y.floor() as i32);
        let (mut nearest, mut best) = (f32::INFINITY, 0);
        for dy in -1..=1 {
            for dx in -1..=1 {
                let h = self.cell(ix + dx, iy + dy);
                let px = (ix + dx) as f32 + unit_of(h, 1);
                let py = (iy + dy) as f32 + unit_of(h, 2);
                let distance = (px - x) * (px - x) + (py - y) * (py - y);
                if distance < nearest {
                    (nearest, best) = (distance, h);
                }
            }
        }
        best
    }
}

/// A sequence of random numbers (SplitMix64).
#[derive(Debug, Clone)]
pub struct Dice {
    state: u64,
}

impl Dice {
    /// A sequence for one purpose.
    pub fn new(seed: u64, name: &str) -> Self {
        Self { state: mix_name(seed, name) }
    }

    /// The next 64 bits.
    pub fn bits(&mut self) -> u64 {
        self.state = self.state.wrapping_add(0x9E37_79B9_7F4A_7C15);
        finalise(self.state)
    }

    /// Uniform in [0, 1).
    pub fn unit(&mut self) -> f32 {
        (self.bits() >> 40) as f32 / (1_u32 << 24) as f32
    }

    /// Uniform in [`low`, `high`).
    pub fn range(&mut self, low: f32, high: f32) -> f32 {
        low + (high - low) * self.unit()
    }

    /// Normal with mean 0 and standard deviation 1 (Box, Muller 1958).
    pub fn normal(&mut self) -> f32 {
        let (u, v) = (1.0 - self.unit(), self.unit());
        (-2.0 * u.ln()).sqrt() * (TAU * v).cos()
    }

    /// True with this probability.
    pub fn chance(&mut self, share: f32) -> bool {
        self.unit() < share
    }

    /// Shuffles a slice; all orders are equally likely (Fisher, Yates 1938).
    pub fn shuffle<T>(&mut self, things: &mut [T]) {
        for last in (1..things.len()).rev() {
            things.swap(last, (self.bits() % (last as u64 + 1)) as usize);
        }
    }

    /// A random element; `choices` must not be empty.
    pub fn pick<'a, T>(&mut self, choices: &'a [T]) -> &'a T {
        &choices[(self.bits() % choices.len() as u64) as usize]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn noise_is_centred_bounded_and_smooth() {
        let noise = Noise::new(7, "test");
        let values: Vec<f32> =
            (0..40_000).map(|i| noise.at((i % 200) as f32 * 0.37, (i / 200) as f32 * 0.41)).collect();
        let mean = values.iter().sum::<f32>() / values.len() as f32;
        assert!(mean.abs() < 0.03, "{mean}");
        assert!(values.iter().all(|v| v.abs() < 1.8));
        assert!(values.iter().any(|v| *v > 0.7) && values.iter().any(|v| *v < -0.7));
        // Continuous across lattice lines.
        for x in [-3.0_f32, 0.0, 5.0] {
            assert!((noise.at(x - 1e-4, 0.3) - noise.at(x + 1e-4, 0.3)).abs() < 0.01);
        }
    }

    #[test]
    fn noise_of_pixels_is_about_normal() {
        let values: Vec<f64> = (0..40_000).map(|i| f64::from(pixel_normal(11, i))).collect();
        let moment = |power: i32| values.iter().map(|v| v.powi(power)).sum::<f64>() / values.len() as f64;
        // The fourth moment of four uniform numbers is 2.7; that of the normal distribution is 3.
        assert!(moment(1).abs() < 0.02 && (moment(2) - 1.0).abs() < 0.02 && (moment(4) - 2.7).abs() < 0.1);
        let lagged = values.windows(2).map(|pair| pair[0] * pair[1]).sum::<f64>() / values.len() as f64;
        assert!(lagged.abs() < 0.02, "{lagged}");
    }

    #[test]
    fn dice_follow_their_seed_and_name() {
        let row = |seed, name| {
            let mut dice = Dice::new(seed, name);
            (0..4).map(|_| dice.bits()).collect::<Vec<_>>()
        };
        assert_eq!(row(1, "a"), row(1, "a"));
        assert_ne!(row(1, "a"), row(2, "a"));
        assert_ne!(row(1, "a"), row(1, "b"));
        let mut dice = Dice::new(3, "normal");
        let values: Vec<f32> = (0..20_000).map(|_| dice.normal()).collect();
        let variance = values.iter().map(|v| v * v).sum::<f32>() / values.len() as f32;
        assert!((variance - 1.0).abs() < 0.05, "{variance}");
    }
}
