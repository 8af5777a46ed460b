//! How much a map moves if its input changes: [`Stability`].

use serde::Serialize;

use super::bootstrap::Bootstrap;
use super::evaluation::Estimate;
use super::sums::Merge;
use crate::SamplePatch;
use crate::familiarity::PRODUCT_BANDS;
use minesegsat_core::metrics::ConfusionMatrix;
use minesegsat_core::model_description::{BandNormalisation, ModelDescription};
use minesegsat_core::resample::Resampler;
use minesegsat_core::{Band, GeoTransform, Result, Window};

const SHIFTS_PX: [usize; 3] = [1, 2, 4];
const LIGHT: [f64; 2] = [0.9, 1.1];
const SCALES: [f64; 2] = [0.9, 1.1];
/// The offset of 1000 since processing baseline 04.00, and small differences between processors.
const OFFSETS: [f64; 6] = [-0.1, -0.01, -0.005, 0.005, 0.01, 0.1];
/// Pixels whose bands are all below this reflectance are missing.
const MISSING: f32 = 1e-6;

/// Options of [`Stability`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct StabilityOptions {
    /// Number of patches, drawn with the seed of the bootstrap; `None` for all.
    pub patches: Option<usize>,
    /// Maximum number of the model's bands that a scene may lack: `band_dropout_max` of the model card.
    pub most_absent: usize,
}

/// A change of the input.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(tag = "kind", rename_all = "kebab-case")]
pub enum Change {
    /// The patch begins later, by this many pixels, in rows and in columns. Both maps are compared where they overlap.
    Shift {
        /// Pixels.
        pixels: usize,
    },
    /// Reflectance is multiplied by this factor.
    Light {
        /// Factor.
        factor: f64,
    },
    /// The patch is resampled to this many pixels per pixel, and its map back.
    Scale {
        /// Factor.
        factor: f64,
    },
    /// This number is added to reflectance, which stays at least 0.
    Offset {
        /// Reflectance.
        reflectance: f64,
    },
    /// Only these bands of the model are there.
    Bands {
        /// Bands, in the order of the model.
        kept: Vec<Band>,
    },
}

/// Effect of a change of the input. Each value has an interval by a bootstrap over sites.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct ChangeResult {
    /// The change.
    pub change: Change,
    /// The change in words.
    pub label: String,
    /// Number of patches that the change applies to.
    pub patches: u64,
    /// Share of pixels whose class changes, 0 to 1.
    pub changed_share: Estimate,
    /// Change of the mapped area, relative to the area before the change: 0.1 is 10 % more. Undefined if nothing was mapped.
    pub area_change: Estimate,
    /// F1 after the change. Undefined without mines.
    pub f1: Estimate,
    /// F1 after the change minus F1 before it, of the same pixels.
    pub f1_change: Estimate,
}

/// How much a map moves if its input changes.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Stability {
    /// Number of patches.
    pub patches: usize,
    /// Number of sites, which the bootstrap draws.
    pub sites: usize,
    /// F1 of these patches without a change.
    pub f1: Estimate,
    /// Effects of the changes.
    pub changes: Vec<ChangeResult>,
}

impl ChangeResult {
    /// Names of the numbers of [`ChangeResult::columns`].
    pub const COLUMNS: [&str; 4] = ["Changed pixels (%)", "Mapped area (%)", "F1", "F1, difference"];

    /// The numbers for tables: estimate and decimal places. The first two are percentages.
    pub fn columns(&self) -> [(Estimate, usize); 4] {
        [(self.changed_share.times(100.0), 2), (self.area_change.times(100.0), 1), (self.f1, 3), (self.f1_change, 3)]
    }
}

/// The changes that are measured for a model. Sets of bands that the model or the data set lacks are left out.
pub(super) fn changes(model: &ModelDescription, most_absent: usize) -> Vec<Change> {
    let mut changes: Vec<Change> = SHIFTS_PX.map(|pixels| Change::Shift { pixels }).into();
    changes.extend(LIGHT.map(|factor| Change::Light { factor }));
    changes.extend(SCALES.map(|factor| Change::Scale { factor }));
    changes.extend(OFFSETS.map(|reflectance| Change::Offset { reflectance }));
    let present: Vec<Band> = model.bands.iter().copied().filter(|band| !model.absent.contains(band)).collect();
    for product in PRODUCT_BANDS {
        let kept: Vec<Band> = present.iter().copied().filter(|band| product.contains(band)).collect();
        let is_change = !kept.is_empty() && kept.len() < present.len();
        let is_allowed = model.bands.len() - kept.len() <= most_absent;
        let change = Change::Bands { kept };
        if is_change && is_allowed && !changes.contains(&change) {
            changes.push(change);
        }
    }
    changes
}

/// A sample as the network takes it.
pub(super) struct Ground<'a> {
    /// `[C, H, W]`, normalised, one channel for each band of the model. Absent bands are 0. The mask is not used.
    pub input: &'a SamplePatch,
    /// Bands of the channels.
    pub bands: &'a [Band],
    /// Normalisation of the channels.
    pub normalisation: &'a [BandNormalisation],
    /// Channels of the bands that the sample has.
    pub seen: &'a [usize],
}

impl Ground<'_> {
    fn plane(&self) -> usize {
        self.input.size.0 * self.input.size.1
    }

    /// The sample without its first rows and columns.
    fn cropped(&self, pixels: usize) -> SamplePatch {
        let (height, width) = self.input.size;
        let lines = self.input.data.chunks_exact(width).enumerate().filter(|(row, _)| row % height >= pixels);
        let data = lines.flat_map(|(_, line)| &line[pixels..]).copied().collect();
        SamplePatch { data, mask: Vec::new(), size: (height - pixels, width - pixels) }
    }

    /// The sample with another reflectance. Missing pixels stay missing.
    fn relit(&self, change: impl Fn(f32) -> f32) -> SamplePatch {
        let plane = self.plane();
        let mut data = self.input.data.clone();
        for pixel in 0..plane {
            let reflectance = |channel: usize| {
                let how = self.normalisation[channel];
                self.input.data[channel * plane + pixel] * how.divisor + how.offset
            };
            if self.seen.iter().all(|&channel| reflectance(channel) < MISSING) {
                continue;
            }
            for &channel in self.seen {
                let how = self.normalisation[channel];
                data[channel * plane + pixel] = (change(reflectance(channel)).max(0.0) - how.offset) / how.divisor;
            }
        }
        SamplePatch { data, mask: Vec::new(), size: self.input.size }
    }

    /// The sample with another number of pixels.
    fn resampled(&self, factor: f64) -> Result<SamplePatch> {
        let side = |pixels: usize| ((pixels as f64 * factor).round() as usize).max(1);
        let size = (side(self.input.size.0), side(self.input.size.1));
        let (from, to) = (self.plane(), size.0 * size.1);
        let mut data = vec![0.0; self.bands.len() * to];
        for &channel in self.seen {
            let source = &self.input.data[channel * from..][..from];
            resize(source, self.input.size, size, &mut data[channel * to..][..to])?;
        }
        Ok(SamplePatch { data, mask: Vec::new(), size })
    }

    /// The sample with `kept` bands only. `None` if it loses no band, or all.
    fn reduced(&self, kept: &[Band]) -> Option<SamplePatch> {
        let lost: Vec<usize> =
            self.seen.iter().copied().filter(|&channel| !kept.contains(&self.bands[channel])).collect();
        if lost.is_empty() || lost.len() == self.seen.len() {
            return None;
        }
        let plane = self.plane();
        let mut data = self.input.data.clone();
        for channel in lost {
            data[channel * plane..][..plane].fill(0.0);
        }
        Some(SamplePatch { data, mask: Vec::new(), size: self.input.size })
    }
}

/// Resamples an image to another size (height, width) of the same ground.
///
/// # Shapes
/// - `source`: `[H, W]` of `from`
/// - `out`: `[H, W]` of `to`, overwritten
fn resize(source: &[f32], from: (usize, usize), to: (usize, usize), out: &mut [f32]) -> Result<()> {
    let transform = |(height, width): (usize, usize)| GeoTransform {
        origin_x: 0.0,
        origin_y: 0.0,
        pixel_width: 1.0 / width as f64,
        pixel_height: -1.0 / height as f64,
    };
    let resampler = Resampler::new(&transform(from), (from.1, from.0), &transform(to), (to.1, to.0))?;
    resampler.cubic(source, Window::new(0, 0, to.1, to.0).into(), out);
    Ok(())
}

impl Change {
    /// The change in words, for a model of these bands.
    fn label(&self, bands: &[Band]) -> String {
        match self {
            Self::Shift { pixels } => format!("shift by {pixels} px"),
            Self::Light { factor } => format!("light {:+.0} %", (factor - 1.0) * 100.0),
            Self::Scale { factor } => format!("scale {factor}"),
            Self::Offset { reflectance } => {
                // Products since baseline 04.00 store reflectance + 0.1.
                let meaning = match *reflectance {
                    0.1 => ": offset not subtracted",
                    -0.1 => ": offset subtracted twice",
                    _ => "",
                };
                format!("reflectance {reflectance:+}{meaning}")
            }
            Self::Bands { kept } => {
                let lost: Vec<Band> = bands.iter().copied().filter(|band| !kept.contains(band)).collect();
                if lost.len() < kept.len() {
                    format!("without {}", Band::list(&lost))
                } else {
                    format!("only {}", Band::list(kept))
                }
            }
        }
    }

    /// The changed sample. `None` if the sample is too small for the change, or has none of the bands that it takes away.
    pub(super) fn apply(&self, ground: &Ground<'_>) -> Result<Option<SamplePatch>> {
        let (height, width) = ground.input.size;
        Ok(match self {
            Self::Shift { pixels } => (height.min(width) > *pixels).then(|| ground.cropped(*pixels)),
            Self::Light { factor } => Some(ground.relit(|reflectance| reflectance * *factor as f32)),
            Self::Scale { factor } => Some(ground.resampled(*factor)?),
            Self::Offset { reflectance: add } => Some(ground.relit(|reflectance| reflectance + *add as f32)),
            Self::Bands { kept } => ground.reduced(kept),
        })
    }

    /// The probabilities of a changed sample at the pixels of the sample itself, `[H, W]` of `size`. NaN where the changed
    /// sample has no pixel.
    pub(super) fn undo(&self, found: Vec<f32>, found_size: (usize, usize), size: (usize, usize)) -> Result<Vec<f32>> {
        let (height, width) = size;
        match self {
            Self::Shift { pixels } => {
                let mut out = vec![f32::NAN; height * width];
                let lines = out.chunks_exact_mut(width).skip(*pixels);
                for (line, found) in lines.zip(found.chunks_exact(found_size.1)) {
                    line[*pixels..].copy_from_slice(found);
                }
                Ok(out)
            }
            Self::Scale { .. } => {
                let mut out = vec![0.0; height * width];
                resize(&found, found_size, size, &mut out)?;
                // The cubic kernel overshoots.
                for p in &mut out {
                    *p = p.clamp(0.0, 1.0);
                }
                Ok(out)
            }
            Self::Light { .. } | Self::Offset { .. } | Self::Bands { .. } => Ok(found),
        }
    }
}

/// Sums over patches before and after a change.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub(super) struct ChangeSums {
    patches: u64,
    /// Pixels whose class changes.
    differing: u64,
    before: ConfusionMatrix,
    after: ConfusionMatrix,
}

impl Merge for ChangeSums {
    fn merge(&mut self, other: &Self) {
        self.patches += other.patches;
        self.differing += other.differing;
        self.before += other.before;
        self.after += other.after;
    }
}

impl ChangeSums {
    /// Compares the probabilities of a patch before and after a change. Pixels that are NaN after it are left out.
    ///
    /// # Shapes
    /// - `before`, `after`, `mask`: `[H, W]`; see [`ConfusionMatrix::count`]
    pub(super) fn compare(before: &[f32], after: &[f32], mask: &[u8], threshold: f32, ignore: u8) -> Self {
        let common: Vec<f32> = before.iter().zip(after).map(|(p, new)| if new.is_nan() { *new } else { *p }).collect();
        // NaN is below every threshold, on both sides.
        let pixels = common.iter().zip(after).zip(mask);
        let differing =
            pixels.filter(|((p, new), class)| **class != ignore && (**p >= threshold) != (**new >= threshold));
        Self {
            patches: 1,
            differing: differing.count() as u64,
            before: ConfusionMatrix::count(&common, mask, threshold, ignore),
            after: ConfusionMatrix::count(after, mask, threshold, ignore),
        }
    }

    /// Share of changed pixels, change of the mapped area, F1 after the change, and its difference to F1 before the change.
    fn values(&self) -> [Option<f64>; 4] {
        let mapped = |counts: &ConfusionMatrix| (counts.tp + counts.fp) as f64;
        let (pixels, area) = (self.before.total(), mapped(&self.before));
        let has_mines = self.before.tp + self.before.fn_ > 0;
        let f1 = |counts: &ConfusionMatrix| counts.f1().filter(|_| has_mines);
        let (before, after) = (f1(&self.before), f1(&self.after));
        [
            (pixels > 0).then(|| self.differing as f64 / pixels as f64),
            (area > 0.0).then(|| (mapped(&self.after) - area) / area),
            after,
            after.zip(before).map(|(after, before)| after - before),
        ]
    }
}

impl Stability {
    /// Adds up the sums of sites. Each site has the sums without a change and the sums of each change.
    pub(super) fn new(
        changes: Vec<Change>,
        sites: &[Vec<ChangeSums>],
        patches: usize,
        bands: &[Band],
        bootstrap: Bootstrap,
    ) -> Self {
        let rows: Vec<Vec<ChangeSums>> =
            (0..=changes.len()).map(|row| sites.iter().map(|site| site[row]).collect()).collect();
        let by_row: Vec<&[ChangeSums]> = rows.iter().map(Vec::as_slice).collect();
        let mut estimates = bootstrap.estimates(&by_row, ChangeSums::values).into_iter();
        let f1 = estimates.next().map_or(Estimate::UNDEFINED, |[_, _, f1, _]| f1);
        let result = |((change, values), sums): ((Change, [Estimate; 4]), &Vec<ChangeSums>)| {
            let [changed_share, area_change, f1, f1_change] = values;
            let patches = sums.iter().map(|site| site.patches).sum();
            ChangeResult { label: change.label(bands), change, patches, changed_share, area_change, f1, f1_change }
        };
        let changes = changes.into_iter().zip(estimates).zip(&rows[1..]).map(result).collect();
        Self { patches, sites: sites.len(), f1, changes }
    }
}

#[cfg(test)]
mod tests {
    use minesegsat_core::Segmenter;

    use super::*;
    use crate::evaluate::segment_sample;

    const HOW: BandNormalisation = BandNormalisation { offset: 0.2, divisor: 0.5 };
    /// Normalised value of the reflectance 0.5.
    const HALF: f32 = 0.6;

    /// Maps pixels whose first channel has at least the reflectance 0.5.
    struct Bright(usize);

    impl Segmenter for Bright {
        fn in_channels(&self) -> usize {
            self.0
        }

        fn size_divisor(&self) -> usize {
            1
        }

        fn segment(&self, patches: &[f32], [_, c, h, w]: [usize; 4], probabilities: &mut [f32]) -> Result<()> {
            for (patch, out) in patches.chunks_exact(c * h * w).zip(probabilities.chunks_exact_mut(h * w)) {
                for (out, value) in out.iter_mut().zip(patch) {
                    *out = f32::from(u8::from(*value >= HALF));
                }
            }
            Ok(())
        }
    }

    /// A sample of some channels with this reflectance.
    fn sample(channels: &[&dyn Fn(usize) -> f32], size: (usize, usize)) -> SamplePatch {
        let pixels = size.0 * size.1;
        let normalised = |value: f32| (value - HOW.offset) / HOW.divisor;
        let data = channels.iter().flat_map(|value| (0..pixels).map(move |i| normalised(value(i)))).collect();
        SamplePatch { data, mask: Vec::new(), size }
    }

    fn ground<'a>(input: &'a SamplePatch, bands: &'a [Band], seen: &'a [usize]) -> Ground<'a> {
        Ground { input, bands, normalisation: &[HOW; 3], seen }
    }

    /// The effect of a change on a sample whose bands are all there.
    fn effect(change: &Change, input: &SamplePatch, mask: &[u8]) -> ChangeSums {
        let bands = &[Band::B04, Band::B08, Band::B11][..input.data.len() / mask.len()];
        let seen: Vec<usize> = (0..bands.len()).collect();
        let map = |input: &SamplePatch| segment_sample(&Bright(bands.len()), input, bands.len(), 8, 2).unwrap();
        let changed = change.apply(&ground(input, bands, &seen)).unwrap().unwrap();
        let after = change.undo(map(&changed), changed.size, input.size).unwrap();
        ChangeSums::compare(&map(input), &after, mask, 0.5, 255)
    }

    fn ramp(i: usize) -> f32 {
        (i as f32 + 0.5) / 100.0
    }

    #[test]
    fn a_shift_changes_no_pixel_if_each_is_mapped_alone() {
        let texture = |i: usize| (i * 37 % 101) as f32 / 100.0;
        let input = sample(&[&texture, &ramp], (12, 17));
        let mask: Vec<u8> = (0..12 * 17).map(|i| if i % 17 == 16 { 255 } else { u8::from(i % 3 == 0) }).collect();
        for pixels in SHIFTS_PX {
            let found = effect(&Change::Shift { pixels }, &input, &mask);
            assert_eq!((found.differing, found.before), (0, found.after), "{pixels}");
            assert_eq!(found.before.total() as usize, (12 - pixels) * (16 - pixels));
        }
        let tiny = sample(&[&ramp], (4, 30));
        let change = Change::Shift { pixels: 4 };
        assert_eq!(change.apply(&ground(&tiny, &[Band::B04], &[0])).unwrap(), None, "nothing is left");
    }

    #[test]
    fn light_and_offsets_change_the_pixels_done_by_hand() {
        // Reflectance 0.005, 0.015 ... 0.995: half of the pixels are mapped, and all of them are mines.
        let input = sample(&[&ramp], (10, 10));
        let mask: Vec<u8> = (0..100).map(|i| u8::from(i >= 50)).collect();
        let cases = [
            // 0.455 * 1.1 is the first above 0.5; 0.565 * 0.9 is.
            (Change::Light { factor: 1.1 }, 55),
            (Change::Light { factor: 0.9 }, 44),
            (Change::Offset { reflectance: 0.1 }, 60),
            (Change::Offset { reflectance: -0.1 }, 40),
            (Change::Offset { reflectance: 0.01 }, 51),
            (Change::Offset { reflectance: -0.01 }, 49),
        ];
        for (change, mapped) in cases {
            let found = effect(&change, &input, &mask);
            let mapped = f64::from(mapped);
            let f1 = 2.0 * mapped.min(50.0) / (mapped + 50.0);
            let expected = [(mapped - 50.0).abs() / 100.0, mapped / 50.0 - 1.0, f1, f1 - 1.0];
            for (found, expected) in found.values().into_iter().zip(expected) {
                assert!((found.unwrap() - expected).abs() < 1e-12, "{change:?}: {found:?} {expected}");
            }
        }
    }

    #[test]
    fn reflectance_stays_positive_and_missing_pixels_stay_missing() {
        // The first pixel is missing; the second is dark in one band.
        let input = sample(&[&|i| [0.0, 0.0, 0.3][i], &|i| [0.0, 0.4, 0.05][i]], (1, 3));
        let bands = [Band::B04, Band::B08];
        let reflectance = |change: Change, seen: &[usize]| -> Vec<f32> {
            let changed = change.apply(&ground(&input, &bands, seen)).unwrap().unwrap();
            changed.data.iter().map(|value| ((value * HOW.divisor + HOW.offset) * 1e4).round() / 1e4).collect()
        };
        let add = |reflectance| Change::Offset { reflectance };
        assert_eq!(reflectance(add(0.1), &[0, 1]), [0.0, 0.1, 0.4, 0.0, 0.5, 0.15]);
        assert_eq!(reflectance(add(-0.1), &[0, 1]), [0.0, 0.0, 0.2, 0.0, 0.3, 0.0]);
        // A band that the sample lacks keeps its value.
        assert_eq!(reflectance(add(0.1), &[1]), [0.0, 0.0, 0.3, 0.0, 0.5, 0.15]);
    }

    #[test]
    fn another_scale_keeps_an_edge_in_the_middle() {
        // The left half is dark. The middle stays on a border of pixels with 18 and with 22 columns.
        let input = sample(&[&|i| if i % 20 < 10 { 0.2 } else { 0.8 }], (10, 20));
        let mask = [1; 200];
        for (factor, size) in [(0.9, (9, 18)), (1.1, (11, 22))] {
            let change = Change::Scale { factor };
            let changed = change.apply(&ground(&input, &[Band::B04], &[0])).unwrap().unwrap();
            assert_eq!((changed.size, changed.data.len()), (size, size.0 * size.1));
            let found = effect(&change, &input, &mask);
            assert_eq!((found.differing, found.after.tp, found.after.fn_), (0, 100, 100), "{factor}");
        }
    }

    #[test]
    fn bands_are_taken_away_only_from_samples_that_have_them() {
        let input = sample(&[&ramp, &ramp, &ramp], (10, 10));
        let mask = [0; 100];
        let kept = vec![Band::B08, Band::B11];
        let found = effect(&Change::Bands { kept: kept.clone() }, &input, &mask);
        // An absent band is 0 after normalisation, which is below the threshold here. Without mines there is no F1.
        assert_eq!(found.values(), [Some(0.5), Some(-1.0), None, None]);
        let bands = [Band::B04, Band::B08, Band::B11];
        let change = Change::Bands { kept };
        for seen in [&[1, 2][..], &[0][..]] {
            assert_eq!(change.apply(&ground(&input, &bands, seen)).unwrap(), None, "nothing is lost, or everything");
        }
    }

    fn model(bands: &[Band], absent: &[Band]) -> ModelDescription {
        ModelDescription {
            title: "test".to_owned(),
            bands: bands.to_vec(),
            normalisation: vec![HOW; bands.len()],
            absent: absent.to_vec(),
            gsd_m: 10.0,
            familiarity: None,
            record: serde_json::Value::Null,
        }
    }

    #[test]
    fn bands_are_taken_away_as_far_as_the_model_accepts_it() {
        let labels = |model: &ModelDescription, most: usize| -> Vec<String> {
            let changes = changes(model, most);
            changes.iter().map(|change| change.label(&model.bands)).collect()
        };
        let paper = model(&Band::PAPER, &[]);
        let others = [
            "shift by 1 px",
            "shift by 2 px",
            "shift by 4 px",
            "light -10 %",
            "light +10 %",
            "scale 0.9",
            "scale 1.1",
            "reflectance -0.1: offset subtracted twice",
            "reflectance -0.01",
            "reflectance -0.005",
            "reflectance +0.005",
            "reflectance +0.01",
            "reflectance +0.1: offset not subtracted",
        ];
        assert_eq!(labels(&paper, 0), others);
        let of_bands = |model: &ModelDescription, most| labels(model, most).split_off(others.len());
        let with_nine =
            ["without B01, B09", "only B04, B03, B02, B08, B11, B12", "only B04, B03, B02, B08", "only B04, B03, B02"];
        assert_eq!(of_bands(&paper, 9), with_nine);
        assert_eq!(of_bands(&paper, 6), with_nine[..2]);
        // A data set without the bands of 60 m has nothing to lose in the first set of bands.
        assert_eq!(of_bands(&model(&Band::PAPER, &[Band::B01, Band::B09]), 8), with_nine[1..3]);
        assert_eq!(of_bands(&model(&[Band::B04, Band::B03, Band::B02], &[]), 3), [""; 0]);
    }

    #[test]
    fn effects_are_pooled_over_sites() {
        let sums = |differing, tp: u64, fp: u64| {
            let before = ConfusionMatrix { tp: 10, fp: 0, fn_: 0, tn: 90 };
            let after = ConfusionMatrix { tp, fp, fn_: 10 - tp, tn: 90 - fp };
            ChangeSums { patches: 1, differing, before, after }
        };
        let sites = vec![vec![sums(0, 10, 0), sums(20, 10, 20)], vec![sums(0, 10, 0), ChangeSums::default()]];
        let bootstrap = Bootstrap { sites: 2, resamples: 100, seed: 0 };
        let found = Stability::new(vec![Change::Light { factor: 1.1 }], &sites, 2, &[Band::B04], bootstrap);
        let exactly = |value| Estimate { value: Some(value), low: Some(value), high: Some(value) };
        assert_eq!((found.patches, found.sites, found.f1), (2, 2, exactly(1.0)));
        let change = &found.changes[0];
        // Draws without the first site have no pixels, and are skipped.
        assert_eq!((change.patches, change.changed_share, change.area_change), (1, exactly(0.2), exactly(2.0)));
        assert_eq!((change.f1, change.f1_change), (exactly(0.5), exactly(-0.5)));
        assert_eq!(change.columns()[0], (exactly(20.0), 2));
    }
}
