//! Areas and accuracies, from a design and its answers: [`estimate`].

use std::path::{Path, PathBuf};

use serde::Serialize;

use super::answers;
use super::design::{Design, Extent, SampleRecord, StratumRecord};
use super::estimator::{Estimate, Estimator, Observation, StratumSize, normal_quantile};
use minesegsat_core::Grouped;
use minesegsat_core::{Error, Result};
use minesegsat_io::{InputIdentity, Location, identity};

/// Version of the report's schema.
const REPORT_VERSION: u32 = 1;

/// A point that represents at least this share of an area causes a warning.
const HEAVY_POINT: f64 = 0.1;

/// Settings of an estimate.
#[derive(Debug, Clone)]
pub struct EstimateOptions {
    /// CSV, GeoJSON, GeoPackage or another vector file with `id` and `reference_class`. Default: the filled file of
    /// the design.
    pub reference: Option<PathBuf>,
    /// Layer of the file. Needed if there are several layers and none is called `samples`.
    pub layer: Option<String>,
    /// Confidence level of the intervals, in percent.
    pub confidence_level_percent: f64,
    /// Ignore unfilled points instead of failing.
    pub allow_missing: bool,
}

impl Default for EstimateOptions {
    fn default() -> Self {
        Self { reference: None, layer: None, confidence_level_percent: 95.0, allow_missing: false }
    }
}

/// An estimate with its interval.
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize)]
pub struct Quantity {
    /// The value.
    pub value: f64,
    /// Its standard error.
    pub standard_error: f64,
    /// Half the width of its interval: the number after "±".
    pub half_width: f64,
    /// Lower end of its interval, at least 0.
    pub lower: f64,
    /// Upper end of its interval, at most the whole.
    pub upper: f64,
}

impl Quantity {
    /// Converts a share or an accuracy, times `whole`.
    fn new(estimate: Estimate, z: f64, whole: f64) -> Self {
        let (value, half_width) = (estimate.value * whole, z * estimate.standard_error * whole);
        Self {
            value,
            standard_error: estimate.standard_error * whole,
            half_width,
            lower: (value - half_width).max(0.0),
            upper: (value + half_width).min(whole),
        }
    }
}

/// A stratum and its points.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct StratumAnswers {
    /// Name.
    pub name: String,
    /// Its map class.
    pub map_class: String,
    /// Pixels and area.
    #[serde(flatten)]
    pub extent: Extent,
    /// Share of the area of all strata.
    pub share: f64,
    /// Number of points drawn.
    pub samples: u64,
    /// Number of points filled.
    pub used: u64,
    /// Points by reference class, in the order of the classes.
    pub reference: Vec<u64>,
}

/// The results for a class.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct ClassEstimate {
    /// Name.
    pub name: String,
    /// Value in the map.
    pub value: u8,
    /// Mapped pixels and area, by pixel count.
    pub mapped: Extent,
    /// Estimated true area in hectares ("error-adjusted area").
    pub area_ha: Quantity,
    /// The same as a share of the area of all strata.
    pub share: Quantity,
    /// User's accuracy: share of the mapped class that is correct. Absent if the map does not have the class.
    pub users_accuracy: Option<Quantity>,
    /// Producer's accuracy: share of the true class that the map has. Absent if no point has the class.
    pub producers_accuracy: Option<Quantity>,
}

/// The results of an accuracy assessment.
#[derive(Debug, Clone, Serialize)]
pub struct Report {
    /// Version of the schema.
    pub report_version: u32,
    /// Name and version of the program.
    pub software: String,
    /// The map.
    pub map: InputIdentity,
    /// The file with the answers.
    pub reference: InputIdentity,
    /// See [`EstimateOptions::confidence_level_percent`].
    pub confidence_level_percent: f64,
    /// Half width of an interval in standard errors.
    pub z: f64,
    /// Number of points drawn.
    pub samples: u64,
    /// Number of points filled.
    pub used: u64,
    /// Area of all strata in hectares, the base of every share.
    pub area_ha: f64,
    /// Pixels and area that the results do not cover.
    pub outside: Extent,
    /// Names of the classes, in the order of all tables.
    pub class_names: Vec<String>,
    /// Strata.
    pub strata: Vec<StratumAnswers>,
    /// Points by class of the map (rows) and of the reference (columns).
    pub error_matrix: Vec<Vec<u64>>,
    /// Estimated shares of the area, likewise.
    pub area_proportions: Vec<Vec<f64>>,
    /// Overall accuracy: share of the area with a correct map.
    pub overall_accuracy: Quantity,
    /// Results per class.
    pub classes: Vec<ClassEstimate>,
    /// Warnings for the user.
    pub warnings: Vec<String>,
}

/// Estimates areas and accuracies from the design in a folder and its answers.
pub fn estimate(folder: &Path, options: &EstimateOptions) -> Result<Report> {
    let percent = options.confidence_level_percent;
    if !(percent > 0.0 && percent < 100.0) {
        return Err(Error::Argument {
            name: "confidence level",
            value: percent.to_string(),
            accepted: "percent, above 0 and below 100, usually 95".to_owned(),
        });
    }
    let design = Design::open(folder)?;
    let answers = answers::read(folder, &design, options.reference.as_deref(), options.layer.as_deref())?;
    let fail = |reason: String| Error::vector(answers.path.clone(), reason);
    let mut warnings = Vec::new();
    let missing: Vec<String> = design
        .samples
        .iter()
        .zip(&answers.classes)
        .filter(|(_, class)| class.is_none())
        .map(|(sample, _)| sample.id.to_string())
        .collect();
    if !missing.is_empty() {
        let of = format!("{} of {} points are not filled", missing.len(), design.samples.len());
        if !options.allow_missing {
            const SHOWN: usize = 8;
            let shown = missing.iter().take(SHOWN).cloned().collect::<Vec<_>>().join(", ");
            let more = if missing.len() > SHOWN { ", ..." } else { "" };
            return Err(fail(format!("{of}: id {shown}{more}")).avoided_by(minesegsat_core::Setting::AllowMissing));
        }
        warnings
            .push(format!("{of} and left out: the estimates are unbiased only if these points are missing at random"));
    }
    let observations = observations(&design, &answers.classes);
    for (place, stratum) in design.strata.iter().enumerate() {
        let used = observations.iter().filter(|point| point.stratum == place).count() as u64;
        if used < 2.min(stratum.extent.pixels) {
            return Err(fail(format!(
                "stratum `{}` has {used} filled points of {}; an error estimate needs at least two",
                stratum.name, stratum.samples
            )));
        }
    }
    let z = normal_quantile(percent / 100.0);
    let mut report = tabulate(&design, &observations, z);
    report.reference = identity(&Location::Path(answers.path.clone()))?;
    report.confidence_level_percent = percent;
    warnings.append(&mut report.warnings);
    report.warnings = warnings;
    Ok(report)
}

/// The filled points.
fn observations(design: &Design, answers: &[Option<usize>]) -> Vec<Observation> {
    let strata = |sample: &SampleRecord| design.strata.iter().position(|stratum| stratum.name == sample.stratum);
    let class_of = |stratum: &StratumRecord| design.classes.iter().position(|class| class.value == stratum.class);
    design
        .samples
        .iter()
        .zip(answers)
        .filter_map(|(sample, &reference)| {
            // An opened design has a stratum for each point and a class for each stratum.
            let stratum = strata(sample)?;
            let map = class_of(&design.strata[stratum])?;
            Some(Observation { stratum, map, reference: reference?, weight: sample.weight })
        })
        .collect()
}

/// All estimates, without information about files.
pub(super) fn tabulate(design: &Design, observations: &[Observation], z: f64) -> Report {
    let sizes: Vec<StratumSize> = design
        .strata
        .iter()
        .map(|stratum| StratumSize { area: stratum.extent.area_ha, pixels: stratum.extent.pixels })
        .collect();
    let estimator = Estimator::new(&sizes, observations);
    let area = estimator.area();
    let count = design.classes.len();
    let strata: Vec<StratumAnswers> = design
        .strata
        .iter()
        .enumerate()
        .map(|(place, stratum)| {
            let mut reference = vec![0; count];
            for point in observations.iter().filter(|point| point.stratum == place) {
                reference[point.reference] += 1;
            }
            StratumAnswers {
                name: stratum.name.clone(),
                map_class: design.class_name(stratum.class).to_owned(),
                extent: stratum.extent,
                share: stratum.extent.area_ha / area,
                samples: stratum.samples,
                used: reference.iter().sum(),
                reference,
            }
        })
        .collect();
    let mut error_matrix = vec![vec![0; count]; count];
    for point in observations {
        error_matrix[point.map][point.reference] += 1;
    }
    let cell = |i: usize, j: usize| estimator.share(|point| point.map == i && point.reference == j).value;
    let classes = design
        .classes
        .iter()
        .enumerate()
        .map(|(place, class)| {
            let share = estimator.share(|point| point.reference == place);
            let accuracy = |estimate: Option<Estimate>| estimate.map(|estimate| Quantity::new(estimate, z, 1.0));
            ClassEstimate {
                name: class.name.clone(),
                value: class.value,
                mapped: class.extent,
                area_ha: Quantity::new(share, z, area),
                share: Quantity::new(share, z, 1.0),
                users_accuracy: accuracy(estimator.users_accuracy(place)),
                producers_accuracy: accuracy(estimator.producers_accuracy(place)),
            }
        })
        .collect();
    let mut report = Report {
        report_version: REPORT_VERSION,
        software: concat!("minesegsat ", env!("CARGO_PKG_VERSION")).to_owned(),
        map: design.map.identity.clone(),
        reference: design.map.identity.clone(),
        confidence_level_percent: 0.0,
        z,
        samples: design.samples.len() as u64,
        used: observations.len() as u64,
        area_ha: area,
        outside: design.outside,
        class_names: design.classes.iter().map(|class| class.name.clone()).collect(),
        error_matrix,
        area_proportions: (0..count).map(|i| (0..count).map(|j| cell(i, j)).collect()).collect(),
        overall_accuracy: Quantity::new(estimator.overall_accuracy(), z, 1.0),
        strata,
        classes,
        warnings: Vec::new(),
    };
    report.warnings = doubts(&report);
    report
}

/// Warnings about intervals that are less reliable than they seem.
fn doubts(report: &Report) -> Vec<String> {
    let mut warnings = Vec::new();
    for (place, class) in report.classes.iter().enumerate() {
        let elsewhere = || report.strata.iter().filter(|stratum| stratum.map_class != class.name && stratum.used > 0);
        // One missed mine in a large stratum determines the area.
        let each = |stratum: &&StratumAnswers| stratum.extent.area_ha / stratum.used as f64;
        let heaviest = elsewhere()
            .filter(|stratum| stratum.reference[place] > 0 && stratum.used < stratum.extent.pixels)
            .max_by(|a, b| each(a).total_cmp(&each(b)));
        if let Some(stratum) = heaviest
            && each(&stratum) > HEAVY_POINT * class.area_ha.value
        {
            warnings.push(format!(
                "each `{1}` point of the stratum `{0}` represents {2:.1} ha, {3:.0} % of the area of that class: its interval \
                 depends on {4} of them; more points there, or a buffer around the mapped areas, make it narrower",
                stratum.name,
                class.name,
                Grouped(each(&stratum)),
                each(&stratum) / class.area_ha.value * 100.0,
                stratum.reference[place]
            ));
        }
        // If none of n points has a class, its share of the stratum is below 1 - 0.05^(1/n) with 95 % confidence
        // (Hanley, Lippman-Hand 1983, the "rule of three"). The standard error of 0 does not show this.
        let bound =
            |stratum: &&StratumAnswers| (1.0 - 0.05f64.powf(1.0 / stratum.used as f64)) * stratum.extent.area_ha;
        let unseen = elsewhere()
            .filter(|stratum| stratum.reference[place] == 0 && stratum.used < stratum.extent.pixels)
            .max_by(|a, b| bound(a).total_cmp(&bound(b)));
        if let Some(stratum) = unseen
            && bound(&stratum) > class.area_ha.half_width
        {
            warnings.push(format!(
                "none of the {} points of the stratum `{}` is `{}`: up to {:.1} ha may still be there (95 % confidence), \
                 which the interval does not show",
                stratum.used,
                stratum.name,
                class.name,
                Grouped(bound(&stratum))
            ));
        }
    }
    warnings
}
