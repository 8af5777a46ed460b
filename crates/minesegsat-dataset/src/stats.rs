//! Statistics of the bands and classes of a data set: [`stats()`].

use minesegsat_core::job::Job;
use std::collections::BTreeMap;
use std::path::Path;
use std::sync::atomic::{AtomicUsize, Ordering};

use serde::{Deserialize, Serialize};
use serde_json::json;

use super::{Dataset, STATS_FILE, SampleRecord, Split, write_json};
use minesegsat_core::{Band, Error, Grid, Result, parallel};
use minesegsat_io::Location;
use minesegsat_io::raster::open_image;

/// Recorded percentiles.
const PERCENTILES: [f64; 9] = [1.0, 2.0, 5.0, 25.0, 50.0, 75.0, 95.0, 98.0, 99.0];
/// Width of a fine bin in reflectance: one digital number of Sentinel-2.
const BIN: f64 = 1e-4;
/// Number of fine bins, up to a reflectance of 6.6. Larger values, which 16 bits cannot hold, go to the last bin.
const BINS: usize = 1 << 16;
/// Fine bins per written bin: written bins are 50 digital numbers wide, up to a reflectance of 1.2.
const COARSE: usize = 50;
const HISTOGRAM_BINS: usize = 240;

/// Options of [`stats()`].
#[derive(Debug, Clone, Default)]
pub struct StatsOptions {
    /// Measure all samples; for data sets without a split.
    pub all: bool,
}

/// Statistics of one band over the measured samples, in reflectance. Nodata pixels are excluded.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct BandStats {
    /// Number of measured pixels.
    pub count: u64,
    /// Minimum.
    pub min: f64,
    /// Maximum.
    pub max: f64,
    /// Mean.
    pub mean: f64,
    /// Population standard deviation.
    pub std: f64,
    /// Percentiles by percentage, accurate to 0.0001.
    pub percentiles: BTreeMap<String, f64>,
    /// Histogram of the reflectance.
    pub histogram: Histogram,
}

/// Pixel counts by value.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Histogram {
    /// Width of a bin. The first bin starts at 0.
    pub bin_width: f64,
    /// Pixels in each bin. The last bin also counts all larger values.
    pub counts: Vec<u64>,
}

/// Statistics of the bands and classes of a data set: the content of `stats.json`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct DatasetStats {
    /// Measured samples: `train` or `all`.
    pub split: String,
    /// Number of samples.
    pub samples: usize,
    /// Statistics by band.
    pub bands: BTreeMap<Band, BandStats>,
    /// Statistics by class name.
    pub classes: BTreeMap<String, ClassStats>,
}

impl DatasetStats {
    /// Maximum reflectance of each of `bands`, in their order.
    pub fn max(&self, bands: &[Band]) -> Result<Vec<f32>> {
        Ok(self.band_stats(bands)?.iter().map(|band| band.max as f32).collect())
    }

    /// Mean and standard deviation of the reflectance of each of `bands`, in their order.
    pub fn mean_std(&self, bands: &[Band]) -> Result<(Vec<f32>, Vec<f32>)> {
        Ok(self.band_stats(bands)?.iter().map(|band| (band.mean as f32, band.std as f32)).unzip())
    }

    /// The `percent` percentile of the reflectance of each of `bands`, in their order.
    pub fn percentile(&self, bands: &[Band], percent: f64) -> Result<Vec<f32>> {
        let name = percent.to_string();
        let found = self.band_stats(bands)?.into_iter().map(|band| {
            band.percentiles.get(&name).map(|value| *value as f32).ok_or_else(|| {
                let mut known: Vec<f64> = band.percentiles.keys().filter_map(|key| key.parse().ok()).collect();
                known.sort_by(f64::total_cmp);
                let known: Vec<String> = known.iter().map(f64::to_string).collect();
                let accepted = format!("a percentile that {STATS_FILE} has: {}", known.join(", "));
                Error::Argument { name: "percentile", value: name.clone(), accepted }
            })
        });
        found.collect()
    }

    fn band_stats(&self, bands: &[Band]) -> Result<Vec<&BandStats>> {
        let missing: Vec<Band> = bands.iter().copied().filter(|band| !self.bands.contains_key(band)).collect();
        if missing.is_empty() {
            return Ok(bands.iter().map(|band| &self.bands[band]).collect());
        }
        let found = self.bands.keys().copied().collect();
        Err(Error::MissingBands { scene: STATS_FILE.to_owned(), missing, found })
    }
}

/// Statistics of one class over the measured samples.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ClassStats {
    /// Value of the class in masks.
    pub value: u8,
    /// Number of pixels.
    pub pixels: u64,
    /// Share of all pixels with a class, 0 to 1.
    pub share: f64,
    /// Area in hectares, if the pixel size in metres is known.
    pub area_ha: Option<f64>,
    /// Number of samples with the class.
    pub samples: usize,
}

/// Running sums of one band.
#[derive(Clone)]
struct Sums {
    count: u64,
    sum: f64,
    squares: f64,
    min: f64,
    max: f64,
    bins: Vec<u32>,
}

impl Sums {
    fn new() -> Self {
        Self { count: 0, sum: 0.0, squares: 0.0, min: f64::INFINITY, max: f64::NEG_INFINITY, bins: vec![0; BINS] }
    }

    fn add(&mut self, value: f64) {
        self.count += 1;
        self.sum += value;
        self.squares += value * value;
        self.min = self.min.min(value);
        self.max = self.max.max(value);
        self.bins[((value / BIN).round().max(0.0) as usize).min(BINS - 1)] += 1;
    }

    fn finish(&self, bins: &[u64]) -> BandStats {
        let n = self.count.max(1) as f64;
        let mean = self.sum / n;
        let percentile = |p: f64| {
            let wanted = (p / 100.0 * self.count as f64).ceil().max(1.0) as u64;
            let mut seen = 0;
            let at = bins.iter().position(|&count| {
                seen += count;
                seen >= wanted
            });
            at.map_or(self.max, |bin| bin as f64 * BIN)
        };
        let tidy = |v: f64| (v * 1e8).round() / 1e8;
        let mut counts = vec![0; HISTOGRAM_BINS];
        for (bin, count) in bins.iter().enumerate() {
            counts[(bin / COARSE).min(HISTOGRAM_BINS - 1)] += count;
        }
        BandStats {
            count: self.count,
            min: tidy(self.min),
            max: tidy(self.max),
            mean: tidy(mean),
            std: tidy((self.squares / n - mean * mean).max(0.0).sqrt()),
            percentiles: PERCENTILES.iter().map(|&p| (format!("{p}"), tidy(percentile(p)))).collect(),
            histogram: Histogram { bin_width: BIN * COARSE as f64, counts },
        }
    }
}

/// Measurements of one sample.
struct Measured {
    bands: Vec<Sums>,
    classes: [u64; 256],
    pixel_ha: Option<f64>,
}

/// Measures the bands and classes of the training split and writes `stats.json` and the paper's `metadata/`.
pub fn stats(dataset: &Dataset, options: &StatsOptions, job: Job<'_>) -> Result<DatasetStats> {
    let samples: Vec<&SampleRecord> =
        if options.all { dataset.samples().iter().collect() } else { dataset.split(Split::Train)? };
    let bands = dataset.card().bands.clone();
    let mut totals: Vec<(Sums, Vec<u64>)> = bands.iter().map(|_| (Sums::new(), vec![0; BINS])).collect();
    let (mut classes, mut in_samples, mut areas) = ([0_u64; 256], [0_usize; 256], [0.0_f64; 256]);
    let mut metric = true;
    let done = AtomicUsize::new(0);
    // A few samples at a time are added in order, so that sums do not depend on the number of threads.
    for chunk in samples.chunks(rayon::current_num_threads().max(1) * 2) {
        let measured = parallel::map(chunk, |sample| {
            job.check()?;
            let measured = measure(dataset, sample, &bands)?;
            job.progress.advance(done.fetch_add(1, Ordering::Relaxed) + 1, samples.len());
            Ok(measured)
        })?;
        for one in measured {
            for ((sums, bins), more) in totals.iter_mut().zip(&one.bands) {
                sums.count += more.count;
                sums.sum += more.sum;
                sums.squares += more.squares;
                sums.min = sums.min.min(more.min);
                sums.max = sums.max.max(more.max);
                for (bin, count) in bins.iter_mut().zip(&more.bins) {
                    *bin += u64::from(*count);
                }
            }
            metric &= one.pixel_ha.is_some();
            for value in 0..256 {
                classes[value] += one.classes[value];
                in_samples[value] += usize::from(one.classes[value] > 0);
                areas[value] += one.classes[value] as f64 * one.pixel_ha.unwrap_or(0.0);
            }
        }
    }
    let card = dataset.card();
    let known: u64 = card.classes.iter().map(|class| classes[usize::from(class.value)]).sum();
    let classes = card
        .classes
        .iter()
        .map(|class| {
            let value = usize::from(class.value);
            let stats = ClassStats {
                value: class.value,
                pixels: classes[value],
                share: classes[value] as f64 / known.max(1) as f64,
                area_ha: metric.then_some((areas[value] * 1e4).round() / 1e4),
                samples: in_samples[value],
            };
            (class.name.clone(), stats)
        })
        .collect();
    if let Some((band, _)) = bands.iter().zip(&totals).find(|(_, (sums, _))| sums.count == 0) {
        return Err(Error::input(
            dataset.folder().display().to_string(),
            format!("{band} has no data in any of the {} measured samples", samples.len()),
        ));
    }
    let stats = DatasetStats {
        split: if options.all { "all".to_owned() } else { Split::Train.to_string() },
        samples: samples.len(),
        bands: bands.iter().zip(&totals).map(|(&band, (sums, bins))| (band, sums.finish(bins))).collect(),
        classes,
    };
    write(dataset.folder(), &stats)?;
    Ok(stats)
}

/// Area of a pixel of a sample in hectares; `None` if it cannot be derived from the grid.
pub(super) fn pixel_area_ha(grid: &Grid, sample: &SampleRecord) -> Option<f64> {
    let t = &grid.transform;
    if !grid.crs.is_geographic() {
        // Mercator does not keep areas.
        return grid.ground_pixel_m().map(|(width, height)| width * height / 10_000.0);
    }
    // For grids in degrees: the area of a pixel at the centre of the patch, on a sphere of the mean radius.
    let middle = f64::midpoint(sample.south, sample.north).to_radians();
    let degree = 6_371_008.8_f64.to_radians();
    grid.crs.is_geographic().then(|| (t.pixel_width * t.pixel_height).abs() * degree * degree * middle.cos() / 10_000.0)
}

fn measure(dataset: &Dataset, sample: &SampleRecord, bands: &[Band]) -> Result<Measured> {
    let mut all = Vec::with_capacity(bands.len());
    for &band in bands {
        let mut sums = Sums::new();
        if !dataset.bands_of(sample).contains(&band) {
            all.push(sums);
            continue;
        }
        let (path, index) = dataset.band_file(sample, band)?;
        let (source, _) = open_image(&Location::from(path))?;
        let info = source.info();
        let radiometry = dataset.radiometry(sample, info);
        let pixels = source.read(index, info.grid.full_window())?;
        for i in 0..pixels.len() {
            let dn = pixels.get(i) as f32;
            if !radiometry.is_nodata(dn) {
                sums.add(f64::from(radiometry.reflectance(dn)));
            }
        }
        all.push(sums);
    }
    let mask = dataset.mask(sample)?;
    let grid = &mask.info().grid;
    let mut classes = [0; 256];
    for class in mask.classes(grid.full_window())? {
        classes[usize::from(class)] += 1;
    }
    let pixel_ha = mask.georeference().is_placed().then(|| pixel_area_ha(grid, sample)).flatten();
    Ok(Measured { bands: all, classes, pixel_ha })
}

fn write(folder: &Path, stats: &DatasetStats) -> Result<()> {
    let metadata = folder.join("metadata");
    fs_err::create_dir_all(&metadata)?;
    for (band, of) in &stats.bands {
        // Digital numbers of 1 / 10,000 without offset: the values by which the paper's loader divides.
        let dn = |v: f64| (v * 1e4 * 1e4).round() / 1e4;
        let value = json!({ "min": dn(of.min), "max": dn(of.max), "mean": dn(of.mean), "std": dn(of.std) });
        write_json(&metadata.join(format!("{band}_metadata.json")), &value)?;
    }
    write_json(&folder.join(STATS_FILE), stats)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_measured_comes_in_the_order_of_the_bands() {
        let mut sums = Sums::new();
        let mut bands = BTreeMap::new();
        for (band, scale) in [(Band::B02, 0.001), (Band::B11, 0.002)] {
            (1..=100).for_each(|i| sums.add(f64::from(i) * scale));
            let bins: Vec<u64> = sums.bins.iter().map(|count| u64::from(*count)).collect();
            bands.insert(band, std::mem::replace(&mut sums, Sums::new()).finish(&bins));
        }
        let stats = DatasetStats { split: "train".to_owned(), samples: 1, bands, classes: BTreeMap::new() };
        let wanted = [Band::B11, Band::B02];
        assert_eq!(stats.max(&wanted).unwrap(), [0.2, 0.1]);
        let (mean, std) = stats.mean_std(&wanted).unwrap();
        assert_eq!(mean, [0.101, 0.0505]);
        // numpy.arange(1, 101).std() is 28.866070047722118
        assert!((std[1] - 0.028_866_07).abs() < 1e-7 && (std[0] - 0.057_732_14).abs() < 1e-7, "{std:?}");
        assert_eq!(stats.percentile(&wanted, 2.0).unwrap(), [0.004, 0.002]);
        assert_eq!(stats.percentile(&wanted, 98.0).unwrap(), [0.196, 0.098]);
        let message = stats.percentile(&wanted, 3.0).unwrap_err().to_string();
        assert!(message.contains("percentile `3` is not accepted"), "{message}");
        assert!(message.ends_with("has: 1, 2, 5, 25, 50, 75, 95, 98, 99"), "{message}");
        let message = stats.max(&[Band::B04, Band::B02, Band::B08]).unwrap_err().to_string();
        assert_eq!(message, "stats.json lacks bands B04, B08; it has B02, B11");
    }
}
