//! Areas of several sizes with known truth, for estimating area errors: [`KnownPlaces`].

use std::collections::BTreeMap;

use crate::{SamplePatch, SampleRecord};
use minesegsat_core::uncertainty::{AreaMoments, KnownPlace};

/// Collects places at three levels: quarters of samples, whole samples, and all samples of a scene together.
#[derive(Debug, Clone)]
pub struct KnownPlaces {
    pixel_m: f64,
    ignore: u8,
    places: Vec<KnownPlace>,
    scenes: BTreeMap<String, (AreaMoments, f64)>,
}

impl KnownPlaces {
    /// Creates an empty collection. Mask pixels with the value `ignore` are excluded.
    pub fn new(pixel_m: f64, ignore: u8) -> Self {
        Self { pixel_m, ignore, places: Vec::new(), scenes: BTreeMap::new() }
    }

    /// Adds a sample with its probabilities, `[H, W]`.
    pub fn add(&mut self, record: &SampleRecord, sample: &SamplePatch, probability: &[f32]) {
        let (height, width) = sample.size;
        let (half_width, half_height) = (width / 2, height / 2);
        for (row, rows) in [(0, half_height), (half_height, height - half_height)] {
            for (col, columns) in [(0, half_width), (half_width, width - half_width)] {
                let part = self.part(sample, probability, (row, rows), (col, columns));
                self.places.push(KnownPlace { level: 0, ..part });
            }
        }
        let whole = self.part(sample, probability, (0, height), (0, width));
        self.places.push(whole);
        let scene = self.scenes.entry(record.scenes.clone()).or_default();
        scene.0 = scene.0.plus(&whole.moments);
        scene.1 += whole.true_m2;
    }

    fn part(
        &self,
        sample: &SamplePatch,
        probability: &[f32],
        (row, rows): (usize, usize),
        (col, columns): (usize, usize),
    ) -> KnownPlace {
        let width = sample.size.1;
        let indices = (row..row + rows).flat_map(|r| (col..col + columns).map(move |c| r * width + c));
        let (mut values, mut mines) = (Vec::with_capacity(rows * columns), 0_u64);
        for i in indices {
            let is_known = sample.mask[i] != self.ignore;
            values.push(if is_known { probability[i] } else { f32::NAN });
            mines += u64::from(is_known && sample.mask[i] != 0);
        }
        let pixel_m2 = self.pixel_m * self.pixel_m;
        let moments = AreaMoments::from_pixels(&values, columns, self.pixel_m, pixel_m2);
        KnownPlace { level: 1, moments, true_m2: mines as f64 * pixel_m2 }
    }

    /// Returns all places.
    pub fn finish(mut self) -> Vec<KnownPlace> {
        let scenes = self.scenes.into_values().map(|(moments, true_m2)| KnownPlace { level: 2, moments, true_m2 });
        self.places.extend(scenes);
        self.places
    }
}
