//! The sampling design and its record: [`design`].

use minesegsat_core::job::Job;
use std::collections::BTreeMap;
use std::path::Path;

use serde::{Deserialize, Serialize};

use super::allocation::{Allocation, Prior, allocate, expected_error, sample_size};
use super::draw::subset;
use super::files;
use super::pixel_area::PixelAreas;
use super::strata::{BACKGROUND, CODES, Code, NEAR, OUTSIDE, StrataMap};
use minesegsat_core::noise::Dice;
use minesegsat_core::output::OutputTree;
use minesegsat_core::{Crs, Error, Result, Transformer};
use minesegsat_io::{InputIdentity, Location, identity, read_json};
use minesegsat_scene::manifest::GridRecord;

/// Name of the record in a design's folder. It identifies the folder.
pub const DESIGN_FILE: &str = "design.json";

/// Version of the record's schema.
const DESIGN_VERSION: u32 = 1;

/// Default expected user's accuracy of a stratum.
const EXPECTED_ACCURACY: f64 = 0.8;

/// Maximum relative difference of pixel areas in a stratum that still counts as equal, so that counts alone give the
/// estimate. UTM changes by 0.2 % across a Sentinel-2 tile at most.
const EQUAL_PIXELS: f64 = 0.01;

/// The sample size.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum SampleSize {
    /// A number of points.
    Samples(u64),
    /// The number for this standard error of overall accuracy, with the optimal allocation.
    TargetError(f64),
}

/// Settings of a design.
#[derive(Debug, Clone)]
pub struct DesignOptions {
    /// Names of the classes by value. Default: `0=other, 1=mining`.
    pub classes: Vec<(u8, String)>,
    /// Map values to leave out, in addition to 255 and the nodata value.
    pub exclude: Vec<u8>,
    /// Width of the buffer in pixels. Pixels of class 0 within it of another class are a stratum of their own. 0: no
    /// buffer.
    pub buffer_px: usize,
    /// The sample size.
    pub size: SampleSize,
    /// Expected user's accuracies by the name or value of a class, or by the name of a stratum. Default: 0.8.
    pub expected_accuracy: Vec<(String, f64)>,
    /// Allocation of the points.
    pub allocation: Allocation,
    /// Minimum number of points per stratum, 2 or more. Olofsson et al. 2014 recommend 50 to 100 for rare classes.
    pub min_per_stratum: u64,
    /// Seed of the random draw.
    pub seed: u64,
    /// Leave strata and map classes out of the files to fill, so that they cannot bias the interpreter.
    pub blind: bool,
    /// Replace an earlier design in the same folder.
    pub overwrite: bool,
}

impl Default for DesignOptions {
    fn default() -> Self {
        Self {
            classes: Vec::new(),
            exclude: Vec::new(),
            buffer_px: 0,
            size: SampleSize::TargetError(0.01),
            expected_accuracy: Vec::new(),
            allocation: Allocation::Proportional,
            min_per_stratum: 50,
            seed: 0,
            blind: false,
            overwrite: false,
        }
    }
}

/// Number of pixels and their area on the ellipsoid.
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize, Deserialize)]
pub struct Extent {
    /// Number of pixels.
    pub pixels: u64,
    /// Area in hectares.
    pub area_ha: f64,
}

/// The source map of a sample.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct MapRecord {
    /// The file.
    #[serde(flatten)]
    pub identity: InputIdentity,
    /// Grid of its pixels.
    pub grid: GridRecord,
}

/// A class of the map. Interpreters may answer with it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ClassRecord {
    /// Value in the map.
    pub value: u8,
    /// Name.
    pub name: String,
    /// Pixels and area of the class in the map.
    #[serde(flatten)]
    pub extent: Extent,
}

/// A stratum: a part of the map whose pixels all have the same probability to be drawn.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct StratumRecord {
    /// Name of its class, or of the buffer.
    pub name: String,
    /// Value of its pixels in the map.
    pub class: u8,
    /// Whether it is the buffer around the other classes.
    pub is_buffer: bool,
    /// Pixels and area.
    #[serde(flatten)]
    pub extent: Extent,
    /// Expected user's accuracy.
    pub expected_accuracy: f64,
    /// Number of points drawn.
    pub samples: u64,
}

/// A drawn pixel.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct SampleRecord {
    /// Number in random order, from 1.
    pub id: u64,
    /// Name of the stratum.
    pub stratum: String,
    /// Row in the map, from 0.
    pub row: usize,
    /// Column in the map, from 0.
    pub col: usize,
    /// Longitude of the centre in degrees.
    pub longitude: f64,
    /// Latitude of the centre in degrees.
    pub latitude: f64,
    /// Map x of the centre.
    pub x: f64,
    /// Map y of the centre.
    pub y: f64,
    /// Area of the pixel relative to the mean pixel of its stratum. 1 if pixel areas of the map are equal within 1 %.
    #[serde(default = "mean_weight", skip_serializing_if = "is_one")]
    pub weight: f64,
}

const fn mean_weight() -> f64 {
    1.0
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde passes references")]
fn is_one(weight: &f64) -> bool {
    *weight == 1.0
}

/// The record of a sample: all inputs of [`estimate`](super::estimate) except the answers.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Design {
    /// Version of the schema.
    pub design_version: u32,
    /// Name and version of the program.
    pub software: String,
    /// The map.
    pub map: MapRecord,
    /// Classes by value.
    pub classes: Vec<ClassRecord>,
    /// Strata: classes by value, the buffer last.
    pub strata: Vec<StratumRecord>,
    /// Pixels that were not sampled: not assessable or left out.
    pub outside: Extent,
    /// Areas of the smallest and the largest pixel, in square metres.
    pub pixel_area_m2: [f64; 2],
    /// The requested sample size.
    pub size: SampleSize,
    /// Allocation of the points.
    pub allocation: Allocation,
    /// Minimum number of points per stratum.
    pub min_per_stratum: u64,
    /// Width of the buffer in pixels, 0 for none.
    pub buffer_px: usize,
    /// Map values left out on request.
    pub exclude: Vec<u8>,
    /// Seed of the random draw.
    pub seed: u64,
    /// Whether strata and classes are left out of the files to fill.
    pub blind: bool,
    /// Expected standard error of overall accuracy, if the expected accuracies hold.
    pub expected_standard_error: f64,
    /// Warnings for the user.
    pub warnings: Vec<String>,
    /// The points, by id.
    pub samples: Vec<SampleRecord>,
}

impl Design {
    /// Reads the record in a folder, and checks that it is consistent.
    pub fn open(folder: &Path) -> Result<Self> {
        let location = Location::from(&*folder.join(DESIGN_FILE));
        let fail = |reason: String| Error::input(location.to_string(), reason);
        let design: Self = read_json(&location)?;
        if design.design_version != DESIGN_VERSION {
            let version = design.design_version;
            return Err(fail(format!("its version is {version}, and this program reads version {DESIGN_VERSION}")));
        }
        for stratum in &design.strata {
            let drawn = design.samples.iter().filter(|sample| sample.stratum == stratum.name).count() as u64;
            let has_class = design.classes.iter().any(|class| class.value == stratum.class);
            if drawn != stratum.samples || !has_class || stratum.extent.pixels < drawn {
                return Err(fail(format!(
                    "its stratum `{}` of {} pixels announces {} points, but {drawn} are listed",
                    stratum.name, stratum.extent.pixels, stratum.samples
                )));
            }
        }
        let all: u64 = design.strata.iter().map(|stratum| stratum.samples).sum();
        let is_numbered = (1..).zip(&design.samples).all(|(id, sample)| sample.id == id);
        let is_sane = |sample: &SampleRecord| sample.weight.is_finite() && sample.weight > 0.0;
        if all != design.samples.len() as u64 || !is_numbered || !design.samples.iter().all(is_sane) {
            return Err(fail("its points are not those of its strata, numbered from 1 on".to_owned()));
        }
        Ok(design)
    }

    /// Name of a class of the map.
    pub fn class_name(&self, value: u8) -> &str {
        self.classes.iter().find(|class| class.value == value).map_or("", |class| &class.name)
    }
}

/// Pixel counts of a map by code.
#[derive(Debug)]
struct Counts {
    pixels: Vec<u64>,
    area_m2: Vec<f64>,
    /// Pixels by code of each strip.
    strips: Vec<Vec<u64>>,
}

impl Counts {
    fn extent(&self, code: Code) -> Extent {
        let code = usize::from(code);
        Extent { pixels: self.pixels[code], area_ha: self.area_m2[code] / 10_000.0 }
    }
}

/// Draws a stratified random sample of a map's pixels. Writes the files for the interpreter and [`DESIGN_FILE`] into
/// a folder that appears when it is complete.
///
/// The map is read twice by strips of rows, and nothing is kept per pixel. The same map, options and seed give the
/// same bytes with any number of threads. The progress counts the strips read.
pub fn design(map: &Location, folder: &Path, options: &DesignOptions, job: Job<'_>) -> Result<Design> {
    let grid = check(options).and_then(|()| StrataMap::open(map, &options.exclude, options.buffer_px))?.grid().clone();
    let tree = OutputTree::create(folder, DESIGN_FILE, options.overwrite)?;
    let design = draw(map, options, job)?;
    files::write(&tree, &grid, &design)?;
    job.check()?;
    tree.commit()?;
    Ok(design)
}

/// Like [`design`], without output files.
pub(super) fn draw(map: &Location, options: &DesignOptions, job: Job<'_>) -> Result<Design> {
    let names = class_names(options)?;
    check(options)?;
    let strata_map = StrataMap::open(map, &options.exclude, options.buffer_px)?;
    let areas = PixelAreas::new(strata_map.grid())?;

    let strips = strata_map.strips().count();
    let step = |done: usize| {
        job.progress.advance(done, 2 * strips);
        job.check()
    };
    let counts = count(&strata_map, &areas, step)?;
    let (classes, mut strata, codes, mut warnings) = divide(map, &names, &counts, options)?;
    let priors = priors(&strata);
    let total = match options.size {
        SampleSize::Samples(count) => count,
        SampleSize::TargetError(target) => {
            let pixels = strata.iter().map(|stratum| stratum.extent.pixels);
            let least: u64 = pixels.clone().map(|pixels| pixels.min(options.min_per_stratum)).sum();
            sample_size(&priors, target).max(least).min(pixels.sum())
        }
    };
    let allocated = allocate(&priors, total, options.min_per_stratum, options.allocation)?;
    for (stratum, samples) in strata.iter_mut().zip(&allocated) {
        stratum.samples = *samples;
    }

    let [smallest, largest] = areas.range();
    let are_equal = largest / smallest - 1.0 < EQUAL_PIXELS;
    let places = pick(&strata_map, &counts, &strata, &codes, options.seed, |done| step(strips + done))?;
    let grid = strata_map.grid();
    let to_wgs84 = Transformer::new(&grid.crs, &Crs::WGS84)?;
    let samples = (1..)
        .zip(places)
        .map(|(id, (stratum, row, col))| {
            let stratum = &strata[stratum];
            let (x, y) = grid.transform.to_map(col as f64 + 0.5, row as f64 + 0.5);
            let (longitude, latitude) = to_wgs84.transform(x, y)?;
            let mean_m2 = stratum.extent.area_ha * 10_000.0 / stratum.extent.pixels as f64;
            let weight = if are_equal { 1.0 } else { areas.pixel_m2(row, col) / mean_m2 };
            let round = |degrees: f64| (degrees * 1e8).round() / 1e8;
            let (longitude, latitude) = (round(minesegsat_core::crs::wrap_longitude(longitude)), round(latitude));
            Ok(SampleRecord { id, stratum: stratum.name.clone(), row, col, longitude, latitude, x, y, weight })
        })
        .collect::<Result<Vec<_>>>()?;
    if strata.len() == 1 {
        warnings.push(format!(
            "all assessable pixels of the map are of the class `{}`: this is a simple random sample with few points of rare \
             classes",
            strata[0].name
        ));
    }
    let expected_standard_error = expected_error(&priors, &allocated);
    if let SampleSize::TargetError(target) = options.size
        && expected_standard_error > 1.1 * target
    {
        warnings.push(format!(
            "the standard error of overall accuracy is expected to be {expected_standard_error:.4} instead of {target}: {total} \
             points reach it only with Neyman allocation and a small minimum per stratum"
        ));
    }
    Ok(Design {
        design_version: DESIGN_VERSION,
        software: concat!("minesegsat ", env!("CARGO_PKG_VERSION")).to_owned(),
        map: MapRecord { identity: identity(map)?, grid: grid.into() },
        classes,
        outside: counts.extent(OUTSIDE),
        pixel_area_m2: [smallest, largest],
        size: options.size,
        allocation: options.allocation,
        min_per_stratum: options.min_per_stratum,
        buffer_px: options.buffer_px,
        exclude: options.exclude.clone(),
        seed: options.seed,
        blind: options.blind,
        expected_standard_error,
        warnings,
        strata,
        samples,
    })
}

/// The names of classes by value.
fn class_names(options: &DesignOptions) -> Result<BTreeMap<u8, String>> {
    let refuse =
        |value: String, accepted: &str| Error::Argument { name: "class", value, accepted: accepted.to_owned() };
    if options.classes.is_empty() {
        return Ok([(0, "other".to_owned()), (1, "mining".to_owned())].into());
    }
    let mut names = BTreeMap::new();
    for (value, name) in &options.classes {
        let name = name.trim();
        if name.is_empty() || name.parse::<f64>().is_ok() {
            return Err(refuse(
                format!("{value}={name}"),
                "a value, and a name that is not a number, such as 1=mining",
            ));
        }
        if *value == 255 || options.exclude.contains(value) {
            return Err(refuse(format!("{value}={name}"), "a value that is not left out"));
        }
        if names.values().any(|other: &String| other.eq_ignore_ascii_case(name)) || names.contains_key(value) {
            return Err(refuse(format!("{value}={name}"), "every value and every name once"));
        }
        names.insert(*value, name.to_owned());
    }
    Ok(names)
}

/// Rejects options that are invalid for every map.
fn check(options: &DesignOptions) -> Result<()> {
    let refuse =
        |name, value: String, accepted: &str| Err(Error::Argument { name, value, accepted: accepted.to_owned() });
    if options.min_per_stratum < 2 {
        return refuse(
            "fewest points of a stratum",
            options.min_per_stratum.to_string(),
            "2 or more; 50 to 100 are usual",
        );
    }
    if let SampleSize::TargetError(target) = options.size
        && !(target > 0.0 && target < 0.5)
    {
        return refuse("target error", target.to_string(), "a standard error of overall accuracy, such as 0.01");
    }
    for (name, accuracy) in &options.expected_accuracy {
        if !(0.0..=1.0).contains(accuracy) {
            return refuse("expected accuracy", format!("{name}={accuracy}"), "0 to 1");
        }
    }
    Ok(())
}

/// Reads the map once and counts its pixels.
fn count(map: &StrataMap, areas: &PixelAreas, step: impl Fn(usize) -> Result<()>) -> Result<Counts> {
    let width = map.grid().width;
    let mut counts = Counts { pixels: vec![0; CODES], area_m2: vec![0.0; CODES], strips: Vec::new() };
    // Pixels by code in each cell of a row of cells. They are converted to areas when the next row of cells begins.
    let cell_columns = areas.cell_columns();
    let mut cells = vec![0u64; width.div_ceil(cell_columns) * CODES];
    let flush = |cells: &mut [u64], row: usize, area_m2: &mut [f64]| {
        for (cell, &pixel_m2) in cells.chunks_exact_mut(CODES).zip(areas.of_row(row)) {
            for (area, count) in area_m2.iter_mut().zip(cell) {
                *area += *count as f64 * pixel_m2;
                *count = 0;
            }
        }
    };
    for (place, (first, rows)) in map.strips().enumerate() {
        step(place)?;
        let codes = map.codes(first, rows)?;
        let mut strip = vec![0u64; CODES];
        for (row, line) in (first..).zip(codes.chunks_exact(width)) {
            if row > 0 && row % areas.cell_rows() == 0 {
                flush(&mut cells, row - 1, &mut counts.area_m2);
            }
            for (cell, pixels) in cells.chunks_exact_mut(CODES).zip(line.chunks(cell_columns)) {
                for &code in pixels {
                    cell[usize::from(code)] += 1;
                }
            }
            for &code in line {
                strip[usize::from(code)] += 1;
            }
        }
        counts.pixels.iter_mut().zip(&strip).for_each(|(all, own)| *all += own);
        counts.strips.push(strip);
    }
    flush(&mut cells, map.grid().height - 1, &mut counts.area_m2);
    Ok(counts)
}

/// Classes, strata with their codes, and warnings.
type Division = (Vec<ClassRecord>, Vec<StratumRecord>, Vec<Code>, Vec<String>);

fn divide(map: &Location, names: &BTreeMap<u8, String>, counts: &Counts, options: &DesignOptions) -> Result<Division> {
    let fail = |reason: String| Error::raster(map.to_string(), reason);
    let found: Vec<u8> = (0..=254u8).filter(|&value| counts.pixels[usize::from(value)] > 0).collect();
    let near = counts.extent(NEAR);
    if found.is_empty() && near.pixels == 0 {
        return Err(fail("no pixel can be drawn: all are 255, nodata or left out".to_owned()));
    }
    let unnamed: Vec<String> =
        found.iter().filter(|value| !names.contains_key(value)).map(ToString::to_string).collect();
    if !unnamed.is_empty() {
        let named: Vec<String> = names.iter().map(|(value, name)| format!("{value}={name}")).collect();
        return Err(fail(format!(
            "it has pixels of the values {}, which have no names: classes are {}; name all, or leave values out",
            unnamed.join(", "),
            named.join(", ")
        ))
        .avoided_by(minesegsat_core::Setting::Classes));
    }
    if options.buffer_px > 0 && !names.contains_key(&BACKGROUND) {
        return Err(Error::Argument {
            name: "buffer",
            value: options.buffer_px.to_string(),
            accepted: "a class of the value 0, from which the buffer is cut".to_owned(),
        });
    }
    let mut warnings = Vec::new();
    let mut classes = Vec::new();
    for (&value, name) in names {
        let mut extent = counts.extent(Code::from(value));
        if value == BACKGROUND {
            extent = Extent { pixels: extent.pixels + near.pixels, area_ha: extent.area_ha + near.area_ha };
        }
        if extent.pixels == 0 {
            warnings.push(format!(
                "no pixel of the map is of the class `{name}`: it is a possible answer, but not a stratum"
            ));
        }
        classes.push(ClassRecord { value, name: name.clone(), extent });
    }
    let mut strata = Vec::new();
    let mut codes = Vec::new();
    let mut push = |name: String, class: u8, code: Code| {
        let extent = counts.extent(code);
        if extent.pixels > 0 {
            let is_buffer = code == NEAR;
            let record =
                StratumRecord { name, class, is_buffer, extent, expected_accuracy: EXPECTED_ACCURACY, samples: 0 };
            strata.push(record);
            codes.push(code);
        }
    };
    for (&value, name) in names {
        push(name.clone(), value, Code::from(value));
    }
    if let Some(background) = names.get(&BACKGROUND) {
        let others: Vec<&String> =
            names.iter().filter(|(value, _)| **value != BACKGROUND).map(|(_, name)| name).collect();
        let name = match others[..] {
            [only] => format!("{background} near {only}"),
            _ => format!("{background} nearby"),
        };
        if options.buffer_px > 0 && names.values().any(|other| other.eq_ignore_ascii_case(&name)) {
            return Err(Error::Argument {
                name: "class",
                value: name,
                accepted: "a name that differs from the buffer's".to_owned(),
            });
        }
        push(name, BACKGROUND, NEAR);
    }
    if options.buffer_px > 0 && near.pixels == 0 {
        warnings.push("no pixel lies within the buffer: it has no stratum".to_owned());
    }
    expect(&mut strata, &classes, options)?;
    Ok((classes, strata, codes, warnings))
}

/// Sets the expected accuracies. Those of strata override those of classes.
fn expect(strata: &mut [StratumRecord], classes: &[ClassRecord], options: &DesignOptions) -> Result<()> {
    for (key, accuracy) in &options.expected_accuracy {
        let key = key.trim();
        let class = classes.iter().find(|class| class.name.eq_ignore_ascii_case(key) || class.value.to_string() == key);
        let stratum = strata.iter().any(|stratum| stratum.name.eq_ignore_ascii_case(key));
        if class.is_none() && !stratum {
            let names =
                classes.iter().map(|class| &class.name).chain(strata.iter().filter(|s| s.is_buffer).map(|s| &s.name));
            return Err(Error::Argument {
                name: "expected accuracy of",
                value: key.to_owned(),
                accepted: names.cloned().collect::<Vec<_>>().join(", "),
            });
        }
        for stratum in strata.iter_mut().filter(|stratum| class.is_some_and(|class| class.value == stratum.class)) {
            stratum.expected_accuracy = *accuracy;
        }
    }
    for (key, accuracy) in &options.expected_accuracy {
        let is_meant = |stratum: &&mut StratumRecord| stratum.name.eq_ignore_ascii_case(key.trim());
        for stratum in strata.iter_mut().filter(is_meant) {
            stratum.expected_accuracy = *accuracy;
        }
    }
    Ok(())
}

fn priors(strata: &[StratumRecord]) -> Vec<Prior> {
    let total: f64 = strata.iter().map(|stratum| stratum.extent.area_ha).sum();
    let prior = |stratum: &StratumRecord| Prior {
        pixels: stratum.extent.pixels,
        weight: stratum.extent.area_ha / total,
        accuracy: stratum.expected_accuracy,
    };
    strata.iter().map(prior).collect()
}

/// Draws pixels by their number within the stratum, reads the map again to locate them, and shuffles them: stratum,
/// row, column.
fn pick(
    map: &StrataMap,
    counts: &Counts,
    strata: &[StratumRecord],
    codes: &[Code],
    seed: u64,
    step: impl Fn(usize) -> Result<()>,
) -> Result<Vec<(usize, usize, usize)>> {
    let draw = |stratum: &StratumRecord| {
        subset(&mut Dice::new(seed, &stratum.name), stratum.samples, stratum.extent.pixels).into_iter().peekable()
    };
    let mut drawn: Vec<_> = strata.iter().map(draw).collect();
    let mut stratum_of = vec![None; CODES];
    for (stratum, &code) in codes.iter().enumerate() {
        stratum_of[usize::from(code)] = Some(stratum);
    }
    let mut seen = vec![0u64; strata.len()];
    let mut places = Vec::new();
    let width = map.grid().width;
    for (place, (first, rows)) in map.strips().enumerate() {
        step(place)?;
        let ends: Vec<u64> =
            seen.iter().zip(codes).map(|(seen, &code)| seen + counts.strips[place][usize::from(code)]).collect();
        let is_wanted = drawn.iter_mut().zip(&ends).any(|(drawn, end)| drawn.peek().is_some_and(|next| next < end));
        if is_wanted {
            let codes = map.codes(first, rows)?;
            for (pixel, &code) in codes.iter().enumerate() {
                let Some(stratum) = stratum_of[usize::from(code)] else { continue };
                if drawn[stratum].next_if_eq(&seen[stratum]).is_some() {
                    places.push((stratum, first + pixel / width, pixel % width));
                }
                seen[stratum] += 1;
            }
        }
        seen = ends;
    }
    let announced: u64 = strata.iter().map(|stratum| stratum.samples).sum();
    if places.len() as u64 != announced {
        return Err(Error::raster(map.name(), "it was changed while it was read"));
    }
    Dice::new(seed, "order of all points").shuffle(&mut places);
    Ok(places)
}
