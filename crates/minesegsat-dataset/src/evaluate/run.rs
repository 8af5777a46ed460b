//! Evaluation of a model on a split of a data set: [`evaluate`].

mod stability;
mod summary;
mod tune;

use minesegsat_core::job::{Job, Progress};
use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;

use self::stability::StabilityPlan;
use super::baseline::Baseline;
use super::bootstrap::Bootstrap;
use super::cover::CoverMap;
use super::evaluation::{Evaluation, PatchResult, ThresholdUsed};
use super::negatives::{FalsePatch, Negatives, NegativesOptions, NegativesPass};
use super::picture::{self, PatchPicture};
use super::segment::{for_each_sample, segment_sample};
use super::stability::{Stability, StabilityOptions};
use super::sums::{Hectares, Merge, Sums};
use super::validate::Validation;
use super::{report, tables};
use crate::{Dataset, SamplePatch, SampleReader, SampleRecord, Split};
use minesegsat_core::metrics::{BoundaryCounts, Calibration, ConfusionMatrix};
use minesegsat_core::model_description::BandNormalisation;
use minesegsat_core::model_description::ModelDescription;
use minesegsat_core::output::OutputTree;
use minesegsat_core::{Band, Error, Result, Segmenter, Window};
use minesegsat_io::Pixels;
use minesegsat_io::cog::{BandMeta, CogOptions, CogWriter};
use minesegsat_map::preview::file_names;

/// File of the metrics by name. Its presence shows that the folder is a complete evaluation.
pub const METRICS_FILE: &str = "metrics.json";
/// File with one line per patch.
pub const PATCHES_FILE: &str = "per_patch.csv";
/// File with one line per site.
pub const SITES_FILE: &str = "per_site.csv";
/// File of the HTML report.
pub const REPORT_FILE: &str = "report.html";
/// Folder of the probability maps, if requested.
pub const PROBABILITIES_FOLDER: &str = "probabilities";

/// Width and height of the paper's crop in pixels.
const PAPER_CROP: usize = 512;
/// The paper's threshold.
pub const PAPER_THRESHOLD: f32 = 0.5;

/// Evaluation protocol: the evaluated pixels and how they are averaged.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Protocol {
    /// Whole patches in overlapping windows. All pixels have equal weight.
    Full,
    /// The paper's protocol: the central 512 x 512 pixels of each patch at once, a threshold of 0.5, and the mean over
    /// patches of each ratio. Smaller patches are evaluated whole. An undefined ratio of a patch (no mine in it and
    /// none found) counts as 1. This matches `segmentation_models_pytorch` 0.3.3, which the paper used, with
    /// `reduction="micro-imagewise"` and `zero_division=1.0`.
    Paper,
}

/// Choice of the threshold.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum ThresholdChoice {
    /// The model's threshold.
    Model(f32),
    /// This threshold.
    Given(f32),
    /// The threshold with the highest F1 on the validation split.
    Auto,
}

/// Options of [`evaluate`].
#[derive(Debug, Clone)]
pub struct EvaluateOptions {
    /// The split to evaluate.
    pub split: Split,
    /// Evaluation protocol: the evaluated pixels and how they are averaged.
    pub protocol: Protocol,
    /// Probability threshold: pixels at or above it are mines.
    pub threshold: ThresholdChoice,
    /// Width and height of the windows in pixels, for [`Protocol::Full`].
    pub window: usize,
    /// Overlap of neighbouring windows in pixels, for [`Protocol::Full`].
    pub overlap: usize,
    /// Number of bootstrap draws.
    pub resamples: usize,
    /// Seed of the bootstrap.
    pub seed: u64,
    /// Number of pictures of each of the best, median and worst patches.
    pub pictures: usize,
    /// Write the probability map of every patch as a GeoTIFF.
    pub probabilities: bool,
    /// Measure how much the map moves if its input changes.
    pub stability: Option<StabilityOptions>,
    /// Measure false land on patches without mines.
    pub negatives: Option<NegativesOptions>,
    /// Replace an existing evaluation.
    pub overwrite: bool,
}

/// Evaluates a model and writes `metrics.json`, `per_patch.csv`, `per_site.csv` and `report.html` into a folder. The
/// folder appears only when it is complete. The same model, data and options give the same numbers.
pub fn evaluate(
    model: &ModelDescription,
    segmenter: &dyn Segmenter,
    dataset: &Arc<Dataset>,
    output: &Path,
    options: &EvaluateOptions,
    job: Job<'_>,
) -> Result<Evaluation> {
    check_bands(model, dataset)?;
    let samples = dataset.split(options.split)?;
    let negatives = options.negatives.as_ref();
    let negatives = negatives.map(|options| NegativesPass::new(options, dataset, &samples)).transpose()?;
    let tree = OutputTree::create(output, METRICS_FILE, options.overwrite)?;
    let run = Run { model, segmenter, dataset, options, job };
    let evaluation = run.measure(&samples, negatives, &tree)?;
    job.progress.stage(&format!("writing {REPORT_FILE}"));
    let pictures = run.pictures(&samples, &evaluation)?;
    let write = |name: &str, bytes: &[u8]| -> Result<()> { Ok(fs_err::write(tree.path(name)?, bytes)?) };
    write(METRICS_FILE, evaluation.to_json()?.as_bytes())?;
    write(PATCHES_FILE, &tables::per_patch(&evaluation)?)?;
    write(SITES_FILE, &tables::per_site(&evaluation)?)?;
    write(REPORT_FILE, report::page(&evaluation, &pictures).as_bytes())?;
    job.check()?;
    tree.commit()?;
    Ok(evaluation)
}

/// Returns an error that names the bands of both, unless the set has all bands that the model needs
/// ([`ModelDescription::absent`]).
pub fn check_bands(model: &ModelDescription, dataset: &Dataset) -> Result<()> {
    let found = &dataset.card().bands;
    let is_missing = |band: &Band| !found.contains(band) && !model.absent.contains(band);
    let missing: Vec<Band> = model.bands.iter().copied().filter(is_missing).collect();
    if missing.is_empty() {
        return Ok(());
    }
    Err(Error::input(
        dataset.folder().display().to_string(),
        format!(
            "the model takes {}, but the data set has {}; {} missing",
            Band::list(&model.bands),
            Band::list(found),
            Band::list(&missing) + if missing.len() == 1 { " is" } else { " are" }
        ),
    ))
}

struct Run<'a> {
    model: &'a ModelDescription,
    segmenter: &'a dyn Segmenter,
    dataset: &'a Arc<Dataset>,
    options: &'a EvaluateOptions,
    job: Job<'a>,
}

/// Reader of the samples, and the baselines that it serves.
struct Reading {
    reader: SampleReader,
    /// Normalisation of each band.
    normalisation: Vec<BandNormalisation>,
    features: Vec<Feature>,
}

/// A baseline's feature and the channels that it is computed from.
struct Feature {
    baseline: Baseline,
    /// Channel and its normalisation.
    channels: Vec<(usize, BandNormalisation)>,
    threshold: f32,
    tuned_f1: Option<f64>,
}

impl Feature {
    /// The baseline's prediction as probabilities of 0 or 1.
    fn decide(&self, sample: &SamplePatch) -> Vec<f32> {
        let pixels = sample.mask.len();
        let mut reflectance = vec![0.0; self.channels.len()];
        (0..pixels)
            .map(|i| {
                for (value, (channel, how)) in reflectance.iter_mut().zip(&self.channels) {
                    *value = sample.data[channel * pixels + i] * how.divisor + how.offset;
                }
                f32::from(u8::from(self.baseline.feature(&reflectance) >= self.threshold))
            })
            .collect()
    }
}

/// Reports the progress of several passes over samples as one.
struct Passes<'a> {
    inner: &'a dyn Progress,
    before: usize,
    total: usize,
}

impl Progress for Passes<'_> {
    fn advance(&self, done: usize, _total: usize) {
        self.inner.advance(self.before + done, self.total);
    }
}

impl Run<'_> {
    /// The model's bands that the set has, with their channels in the network.
    fn present(&self) -> Vec<(usize, Band)> {
        let bands = self.model.bands.iter().copied().enumerate();
        bands.filter(|(_, band)| !self.model.absent.contains(band)).collect()
    }

    /// Creates a reader of the model's bands, followed by the bands that only baselines need, in reflectance.
    fn reading(&self) -> Result<Reading> {
        let of_set = &self.dataset.card().bands;
        let (mut bands, mut normalisation): (Vec<Band>, Vec<BandNormalisation>) =
            self.present().into_iter().map(|(channel, band)| (band, self.model.normalisation[channel])).unzip();
        let mut features = Vec::new();
        for baseline in [Baseline::AllBackground, Baseline::AllMine, Baseline::Brightness, Baseline::BareSoil] {
            let Some(needed) = baseline.bands(of_set) else { continue };
            let mut channels = Vec::new();
            for band in needed {
                let at = bands.iter().position(|b| *b == band).unwrap_or_else(|| {
                    bands.push(band);
                    normalisation.push(BandNormalisation::IDENTITY);
                    bands.len() - 1
                });
                channels.push((at, normalisation[at]));
            }
            features.push(Feature { baseline, channels, threshold: 0.5, tuned_f1: None });
        }
        let reader = SampleReader::new(Arc::clone(self.dataset), &bands, &normalisation)?;
        Ok(Reading { reader, normalisation, features })
    }

    /// Reads the window of a sample that the protocol evaluates.
    fn read(&self, reader: &SampleReader, sample: &SampleRecord) -> Result<SamplePatch> {
        let open = reader.open(sample)?;
        open.read(self.window_of(open.grid().width, open.grid().height).into())
    }

    fn window_of(&self, width: usize, height: usize) -> Window {
        let side = |len: usize| if self.options.protocol == Protocol::Paper { len.min(PAPER_CROP) } else { len };
        let (w, h) = (side(width), side(height));
        Window::new((width - w) / 2, (height - h) / 2, w, h)
    }

    /// The bootstrap over a number of sites. One site gives no intervals.
    fn bootstrap(&self, sites: usize) -> Bootstrap {
        let resamples = if sites > 1 { self.options.resamples } else { 0 };
        Bootstrap { sites, resamples, seed: self.options.seed }
    }

    fn segment(&self, sample: &SamplePatch) -> Result<Vec<f32>> {
        self.segment_input(&self.input(sample))
    }

    /// The channels of a sample that the network takes, without its mask.
    fn input(&self, sample: &SamplePatch) -> SamplePatch {
        let pixels = sample.mask.len();
        let channels = self.model.bands.len();
        // Absent bands are 0, as in `predict` and after band dropout in training.
        let mut data = vec![0.0; channels * pixels];
        for (read, (channel, _)) in self.present().into_iter().enumerate() {
            data[channel * pixels..][..pixels].copy_from_slice(&sample.data[read * pixels..][..pixels]);
        }
        SamplePatch { data, mask: Vec::new(), size: sample.size }
    }

    fn segment_input(&self, input: &SamplePatch) -> Result<Vec<f32>> {
        let (window, overlap) = match self.options.protocol {
            Protocol::Full => (self.options.window, self.options.overlap),
            Protocol::Paper => {
                let side = input.size.0.max(input.size.1);
                (side.next_multiple_of(self.segmenter.size_divisor()), 0)
            }
        };
        segment_sample(self.segmenter, input, self.model.bands.len(), window, overlap)
    }

    fn measure(
        &self,
        samples: &[&SampleRecord],
        mut negatives: Option<NegativesPass<'_>>,
        tree: &OutputTree,
    ) -> Result<Evaluation> {
        let options = self.options;
        let mut notes = Vec::new();
        let training = self.dataset.split(Split::Train).unwrap_or_default();
        let validation =
            if options.threshold == ThresholdChoice::Auto { self.dataset.split(Split::Val)? } else { Vec::new() };
        let stability = self.stability_plan(samples);
        let before_stability = training.len() + validation.len() + samples.len();
        let total = before_stability + stability.as_ref().map_or(0, StabilityPlan::maps);
        let pass = |before: usize| Passes { inner: self.job.progress, before, total };
        let threshold = self.threshold(&validation, self.job.with_progress(&pass(0)))?;
        let Reading { reader, mut features, .. } = self.reading()?;
        self.tune(&mut features, &training, &mut notes, self.job.with_progress(&pass(validation.len())))?;

        let ignore = self.dataset.card().ignore;
        let files = file_names(&samples.iter().map(|s| s.id.clone()).collect::<Vec<_>>(), "tif");
        let mut pooled = Validation::new(threshold.value);
        let mut patches: Vec<PatchResult> = Vec::with_capacity(samples.len());
        let mut sites: BTreeMap<String, SiteSums> = BTreeMap::new();
        let mut area_known = true;
        let progress = pass(validation.len() + training.len());
        let read = |reader: &SampleReader, sample: &SampleRecord| self.read(reader, sample);
        for_each_sample(&reader, samples, read, self.job.with_progress(&progress), |i, patch| {
            let sample = samples[i];
            let p = self.segment(&patch)?;
            pooled.add(&sample.id, &p, &patch.mask, ignore);
            let pixel_ha = self.dataset.pixel_area_ha(sample)?;
            area_known &= pixel_ha.is_some();
            let truth =
                PatchTruth { mask: &patch.mask, width: patch.size.1, ignore, pixel_ha: pixel_ha.unwrap_or(0.0) };
            let site = sites.entry(self.dataset.site_of(sample).to_owned()).or_insert_with(|| SiteSums {
                patches: 0,
                rows: vec![(Sums::default(), Hectares::default()); 1 + features.len()],
            });
            site.patches += 1;
            let (sums, area) = truth.measure(&p, threshold.value);
            if let Some(negatives) = &mut negatives
                && negatives.takes(sample, sums.images_without_mines == 0)?
            {
                let classes = negatives.cover().map(|cover| self.cover_classes(cover, sample)).transpose()?;
                let patch = FalsePatch {
                    p: &p,
                    mask: &patch.mask,
                    width: patch.size.1,
                    ignore,
                    threshold: threshold.value,
                    pixel_ha: pixel_ha.unwrap_or_else(|| self.model.gsd_m.powi(2) / 10_000.0),
                };
                negatives.add(self.dataset.site_of(sample), &patch, classes.as_deref());
            }
            patches.push(PatchResult {
                id: sample.id.clone(),
                site: self.dataset.site_of(sample).to_owned(),
                size: patch.size,
                counts: sums.counts,
                boundary: sums.boundary,
                bce: sums.calibration.log_loss(),
                brier: sums.calibration.brier(),
                area: pixel_ha.map(|_| [area.truth, area.counted, area.expected]),
            });
            site.add(0, &sums, area);
            for (row, feature) in features.iter().enumerate() {
                let (sums, area) = truth.measure(&feature.decide(&patch), 0.5);
                site.add(row + 1, &sums, area);
            }
            if options.probabilities {
                let name = format!("{PROBABILITIES_FOLDER}/{}", files[i]);
                self.write_probabilities(&reader, sample, &p, &patch.mask, &tree.path(&name)?)?;
            }
            Ok(())
        })?;
        let negatives = negatives.map(|pass| pass.finish(|sites| self.bootstrap(sites)));
        let stability = stability
            .map(|plan| self.stability(plan, threshold.value, self.job.with_progress(&pass(before_stability))))
            .transpose()?;
        let results =
            PassResults { threshold, features, pooled, patches, sites, area_known, stability, negatives, notes };
        Ok(self.sum_up(samples, results))
    }

    /// The classes of land cover of the evaluated pixels of a sample, `[H, W]`.
    fn cover_classes(&self, cover: &CoverMap, sample: &SampleRecord) -> Result<Vec<Option<i32>>> {
        // The grid of the mask: the reader has no positions in sets of the paper's layout.
        let mask = self.dataset.mask(sample)?;
        if !mask.georeference().is_placed() {
            let reason = "it has no position on the ground, so a map of land cover cannot be used";
            return Err(Error::input(mask.info().location.clone(), reason));
        }
        let grid = &mask.info().grid;
        cover.classes(&grid.window(&self.window_of(grid.width, grid.height)))
    }

    fn write_probabilities(
        &self,
        reader: &SampleReader,
        sample: &SampleRecord,
        p: &[f32],
        mask: &[u8],
        path: &Path,
    ) -> Result<()> {
        let grid = reader.open(sample)?.grid().clone();
        let window = self.window_of(grid.width, grid.height);
        let ignore = self.dataset.card().ignore;
        let options = CogOptions {
            bands: vec![BandMeta::named("mining_probability")],
            overviews: false,
            ..CogOptions::default()
        };
        let mut cog = CogWriter::create(path, &grid.window(&window), options)?;
        let known = p.iter().zip(mask).map(|(p, class)| if *class == ignore { f32::NAN } else { *p });
        cog.write_rows(&[Pixels::F32(known.collect())])?;
        cog.finish()
    }

    /// Draws the best, median and worst patches among those with mines.
    fn pictures(&self, samples: &[&SampleRecord], evaluation: &Evaluation) -> Result<Vec<PatchPicture>> {
        let mut order: Vec<usize> = (0..samples.len())
            .filter(|i| evaluation.patches[*i].counts.tp + evaluation.patches[*i].counts.fn_ > 0)
            .collect();
        let f1 = |i: usize| evaluation.patches[i].counts.f1().unwrap_or(0.0);
        order.sort_by(|a, b| f1(*b).total_cmp(&f1(*a)).then(a.cmp(b)));
        let Reading { reader, normalisation, .. } = self.reading()?;
        let mut pictures = Vec::new();
        for (rank, i) in picture::choose(&order, self.options.pictures) {
            self.job.check()?;
            let patch = self.read(&reader, samples[i])?;
            let p = self.segment(&patch)?;
            let scene = picture::Scene {
                patch: &patch,
                bands: reader.bands(),
                normalisation: &normalisation,
                ignore: self.dataset.card().ignore,
            };
            pictures.push(scene.draw(rank, &evaluation.patches[i], &p, evaluation.threshold.value)?);
        }
        Ok(pictures)
    }
}

/// Results of a pass over the samples.
struct PassResults {
    threshold: ThresholdUsed,
    features: Vec<Feature>,
    pooled: Validation,
    patches: Vec<PatchResult>,
    sites: BTreeMap<String, SiteSums>,
    area_known: bool,
    stability: Option<Stability>,
    negatives: Option<Negatives>,
    notes: Vec<String>,
}

/// Sums of one site, for the model and each baseline.
struct SiteSums {
    patches: usize,
    rows: Vec<(Sums, Hectares)>,
}

impl SiteSums {
    fn add(&mut self, row: usize, sums: &Sums, area: Hectares) {
        self.rows[row].0.merge(sums);
        self.rows[row].1 += area;
    }

    fn finished(&self, row: usize, area_known: bool) -> Sums {
        let (sums, area) = &self.rows[row];
        let mut sums = sums.clone();
        if area_known {
            sums.add_site(*area);
        }
        sums
    }
}

/// The true mask of a patch.
struct PatchTruth<'a> {
    mask: &'a [u8],
    width: usize,
    ignore: u8,
    pixel_ha: f64,
}

impl PatchTruth<'_> {
    fn measure(&self, p: &[f32], threshold: f32) -> (Sums, Hectares) {
        let counts = ConfusionMatrix::count(p, self.mask, threshold, self.ignore);
        let boundary = BoundaryCounts::count(p, self.mask, self.width, threshold, self.ignore);
        let mut calibration = Calibration::default();
        calibration.add(p, self.mask, self.ignore);
        let known = p.iter().zip(self.mask).filter(|(_, class)| **class != self.ignore);
        let expected: f64 = known.map(|(p, _)| f64::from(*p)).sum();
        let area = Hectares {
            truth: (counts.tp + counts.fn_) as f64 * self.pixel_ha,
            counted: (counts.tp + counts.fp) as f64 * self.pixel_ha,
            expected: expected * self.pixel_ha,
        };
        (Sums::of_image(counts, boundary, calibration), area)
    }
}
