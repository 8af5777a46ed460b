//! A scene and a network in, a map out: probability and mask rasters, polygons, a picture and a manifest.
//!
//! ```text
//! scene -> PatchReader -> Segmenter -> Canvas (blend) -> probability.tif
//!                                                    \-> Polygonizer -> polygons.*, mask.tif
//! ```
//! Rows flow through from top to bottom: memory depends on the width of the scene and the size of a patch, not on the
//! height.

mod canvas;
mod pipeline;
pub(crate) mod place;

use std::{
    path::{Path, PathBuf},
    sync::atomic::{AtomicBool, Ordering},
    time::{Duration, Instant},
};

use geo::MultiPolygon;
use serde::Serialize;

use self::{
    canvas::{Canvas, Rows},
    pipeline::{Busy, Pipeline},
};
use crate::{
    Band, Crs, Error, Grid, Pixels, Result, Scene, Segmenter, Window,
    area::GeodesicMeter,
    cog::{BandMeta, CogOptions, CogWriter, MASK_NODATA},
    manifest::{Assessed, GridRecord, Manifest, OutputRecord, Timings, Totals, counted, location_from},
    output::OutputFolder,
    patch::{BandNormalisation, PatchReader, Validity},
    patch_grid::PatchGrid,
    polygonize::{Connectivity, Polygonizer, Regions},
    quicklook::{Quicklook, QuicklookOptions},
    raster::{InputIdentity, checked_identity},
    rasterize::Rasterizer,
    scene::{MaskOptions, SceneInput},
    vector::{MinePolygon, PolygonMetadata, VectorFormat, write_polygons},
};

/// How many times larger or smaller the scene's pixels may be than those that the network was made for. Angular grids have
/// pixels of another size in x than in y, so it is not 1; the next native size of Sentinel-2 is twice as large.
const GSD_TOLERANCE: f64 = 1.25;

/// What the pipeline must know of a model. The network itself is a [`Segmenter`].
#[derive(Debug, Clone)]
pub struct ModelDescription {
    /// Name for people.
    pub title: String,
    /// Bands in the order of the input channels.
    pub bands: Vec<Band>,
    /// One per band.
    pub normalisation: Vec<BandNormalisation>,
    /// Bands that the scene need not have, since the model was trained with bands left out.
    pub absent: Vec<Band>,
    /// Ground sampling distance the network was made for, in metres.
    pub gsd_m: f64,
    /// What the manifest says of the model: title, licence, hash of the weights and so on.
    pub record: serde_json::Value,
}

impl ModelDescription {
    /// The same for a scene that lacks bands, where the model can do without so many; else all bands are asked for.
    pub fn without_absent(&self, most: usize, has: impl Fn(Band) -> bool) -> Self {
        let absent: Vec<Band> = self.bands.iter().copied().filter(|&band| !has(band)).collect();
        Self { absent: if absent.len() <= most { absent } else { Vec::new() }, ..self.clone() }
    }
}

/// The part of the scene to look at.
#[derive(Debug, Clone, Default)]
pub enum AreaOfInterest {
    /// All of it.
    #[default]
    Scene,
    /// West, south, east, north in degrees (WGS 84): the smallest window that holds it.
    Bbox([f64; 4]),
    /// The window around polygons; pixels whose centres lie outside of them are not assessed.
    Polygons(MultiPolygon<f64>, Crs),
}

/// How to run.
#[derive(Debug, Clone)]
pub struct PredictOptions {
    /// Width and height of a patch, in pixels.
    pub patch_size: usize,
    /// Smallest overlap of neighbouring patches, in pixels.
    pub overlap_px: usize,
    /// Patches given to the network at once.
    pub batch_size: usize,
    /// Threads that call the network.
    pub workers: usize,
    /// Pixels of at least this probability are mining-disturbed, 0 to 1.
    pub threshold: f32,
    /// Polygons of a smaller geodesic area are left out, in square metres.
    pub min_area_m2: f64,
    /// Whether pixels that touch at a corner belong together.
    pub connectivity: Connectivity,
    /// Vector formats to write.
    pub formats: Vec<VectorFormat>,
    /// Part of the scene to look at.
    pub area: AreaOfInterest,
    /// Whether existing outputs may be replaced.
    pub overwrite: bool,
    /// Name of the device, for the manifest.
    pub device: String,
}

/// Told how far the run is.
pub trait Progress: Sync {
    /// `done` of `total` patches are blended.
    fn patches(&self, done: usize, total: usize);
    /// Patches are done; what follows takes seconds.
    fn finishing(&self, what: &str);
}

/// Says nothing.
#[derive(Debug, Clone, Copy, Default)]
pub struct Silent;

impl Progress for Silent {
    fn patches(&self, _done: usize, _total: usize) {}
    fn finishing(&self, _what: &str) {}
}

/// Names of the files that a run writes, besides `polygons.*`.
const PROBABILITY: &str = "probability.tif";
const MASK: &str = "mask.tif";
const QUICKLOOK: &str = "quicklook.png";
const MANIFEST: &str = "manifest.json";

/// A checked run: everything that can be known before the first pixel is read.
struct Plan {
    /// The window that is written, on the scene's grid.
    window: Window,
    /// Its grid.
    grid: Grid,
    /// The window that is covered by patches: a little more, so that the edge of `window` has context.
    covered: Window,
    patches: PatchGrid,
    /// The polygons of interest, on `grid`.
    inside: Option<Rasterizer>,
}

impl Plan {
    fn new(
        scene: &Scene,
        segmenter: &dyn Segmenter,
        model: &ModelDescription,
        options: &PredictOptions,
    ) -> Result<Self> {
        if options.patch_size == 0 {
            let unit = segmenter.size_divisor();
            return Err(Error::Argument {
                name: "patch size",
                value: options.patch_size.to_string(),
                accepted: format!("1 or more, best a multiple of {unit} pixels, since others are padded"),
            });
        }
        if !(0.0..=1.0).contains(&options.threshold) {
            return Err(Error::Argument {
                name: "threshold",
                value: options.threshold.to_string(),
                accepted: "0 to 1".to_owned(),
            });
        }
        if let Some(found) = scene.grid().crs.metres_per_unit().map(|unit| unit * scene.grid().transform.pixel_width)
            && !(model.gsd_m / GSD_TOLERANCE..=model.gsd_m * GSD_TOLERANCE).contains(&found)
        {
            return Err(Error::scene(
                scene.location(),
                format!(
                    "its finest band has pixels of {found} m, but the model was made for {} m: shapes would have another size \
                     than those it learned",
                    model.gsd_m
                ),
            ));
        }
        if segmenter.in_channels() != model.bands.len() {
            return Err(Error::Segmenter(format!(
                "it takes {} channels, but its card lists {} bands",
                segmenter.in_channels(),
                model.bands.len()
            )));
        }
        let full = scene.grid();
        let (window, polygons) = place::find(full, &options.area)?;
        let grid = full.window(&window);
        let inside = polygons.map(|polygons| Rasterizer::new(&grid, [&polygons]));
        let covered = place::with_context(full, window, options.patch_size, options.overlap_px);
        let patches = PatchGrid::new(covered.width, covered.height, options.patch_size, options.overlap_px)?;
        Ok(Self { window, grid, covered, patches, inside })
    }
}

/// Runs the network over a scene and writes everything into `folder`.
///
/// All files appear under their names when the last one is complete; an error or a cancelled run leaves nothing.
pub fn predict(
    scene: &Scene,
    model: &ModelDescription,
    segmenter: &dyn Segmenter,
    folder: &Path,
    options: &PredictOptions,
    progress: &dyn Progress,
    cancel: &AtomicBool,
) -> Result<Manifest> {
    let started = Instant::now();
    let plan = Plan::new(scene, segmenter, model, options)?;
    let reader = PatchReader::with_absent(scene, &model.bands, &model.normalisation, &model.absent)?;

    let vectors: Vec<(VectorFormat, String)> = VectorFormat::ALL
        .into_iter()
        // Each once, however often it was asked for.
        .filter(|format| options.formats.contains(format))
        .map(|format| (format, format!("polygons.{}", format.extension())))
        .collect();
    let mut names = vec![PROBABILITY, MASK, QUICKLOOK];
    names.extend(vectors.iter().map(|(_, name)| name.as_str()));
    names.push(MANIFEST);
    let output = OutputFolder::create(folder, &names, options.overwrite)?;

    let inputs = scene.inputs();
    let failed = AtomicBool::new(false);
    let hash = |input: &SceneInput| {
        if failed.load(Ordering::Relaxed) {
            return Err(Error::Interrupted);
        }
        checked_identity(&input.location, input.checksum.as_ref())
    };
    let (rows, busy, inputs) = std::thread::scope(|scope| {
        // Hashing reads every input file once more; it runs beside the network.
        let hashing = scope.spawn(|| inputs.iter().map(hash).collect::<Result<Vec<InputIdentity>>>());
        let busy = Busy::default();
        let rows = run_patches(scene, &reader, segmenter, &plan, options, &output, &busy, progress, cancel)
            .inspect_err(|_| failed.store(true, Ordering::Relaxed))?;
        let inputs = hashing.join().map_err(|_| Error::scene(&scene.info().name, "hashing its files panicked"))??;
        Ok::<_, Error>((rows, busy, inputs))
    })?;
    let patches_done = started.elapsed();

    progress.finishing("polygons");
    let RowsDone { regions, counts, quicklook, write_time } = rows;
    let finishing = Instant::now();
    let (regions, polygons) = measure(regions, &plan.grid, options.min_area_m2)?;
    write_mask(&output.path(MASK), &plan.grid, &regions)?;
    let metadata = PolygonMetadata {
        scene: scene.info().name.clone(),
        datetime: scene.info().datetime,
        model: model.title.clone(),
        extra: [("threshold", options.threshold.into()), ("min_area_m2", options.min_area_m2.into())]
            .map(|(name, value): (&str, serde_json::Value)| (name.to_owned(), value))
            .into_iter()
            .collect(),
    };
    for (format, name) in &vectors {
        write_polygons(&output.path(name), *format, &plan.grid.crs, &polygons, &metadata)?;
    }
    let totals = Totals {
        polygons: polygons.len(),
        area_ha: polygons.iter().map(|p| p.area_ha).fold(0.0, |sum, area| sum + area),
        largest_ha: polygons.iter().map(|p| p.area_ha).fold(0.0, f64::max),
    };
    let [assessed, nodata, masked, outside] = counts;
    let assessed = Assessed::new(assessed, nodata, masked, outside);
    let outlines: Vec<MultiPolygon<f64>> = regions.iter().map(|region| region.geometry.clone()).collect();
    let caption = caption(scene, &totals, &assessed);
    quicklook.render(&outlines, &caption).write_png(&output.path(QUICKLOOK))?;
    if cancel.load(Ordering::Relaxed) {
        return Err(Error::Interrupted);
    }

    let mut outputs = Vec::new();
    for name in names.iter().filter(|name| **name != MANIFEST) {
        outputs.push(OutputRecord::of(name, &output.path(name))?);
    }
    let wall = started.elapsed();
    let manifest = Manifest {
        model: model.record.clone(),
        scene_location: location_from(folder, scene.location()),

        totals,
        outputs,
        timings: Timings {
            wall_s: wall.as_secs_f64(),
            patches_s: patches_done.as_secs_f64(),
            read_s: busy.read().as_secs_f64(),
            infer_s: busy.infer().as_secs_f64(),
            write_s: (write_time + finishing.elapsed()).as_secs_f64(),
            patches: plan.patches.len(),
        },
        ..Manifest::new(
            scene,
            inputs,
            GridRecord::from(&plan.grid),
            parameters(scene.mask_options(), model, options),
            assessed,
        )
    };
    let json = serde_json::to_string_pretty(&manifest).map_err(std::io::Error::from)?;
    fs_err::write(output.path(MANIFEST), json + "\n")?;
    output.commit()?;
    if options.overwrite {
        // Polygons that an earlier run left in another format would contradict these.
        for format in VectorFormat::ALL.iter().filter(|format| !options.formats.contains(format)) {
            let stale = folder.join(format!("polygons.{}", format.extension()));
            if stale.is_file() {
                fs_err::remove_file(stale)?;
            }
        }
    }
    Ok(manifest)
}

/// Everything that the rows of the map left behind.
struct RowsDone {
    regions: Regions,
    /// Pixels by [`Validity`].
    counts: [u64; 4],
    quicklook: Quicklook,
    write_time: Duration,
}

/// Streams all patches through the network and all rows into `probability.tif`.
fn run_patches(
    scene: &Scene,
    reader: &PatchReader,
    segmenter: &dyn Segmenter,
    plan: &Plan,
    options: &PredictOptions,
    output: &OutputFolder,
    busy: &Busy,
    progress: &dyn Progress,
    cancel: &AtomicBool,
) -> Result<RowsDone> {
    let (width, height) = (plan.window.width, plan.window.height);
    let picture = Picture::new(scene, reader)?;
    let mut sink = RowSink {
        plan,
        threshold: options.threshold,
        cog: CogWriter::create(
            &output.path(PROBABILITY),
            &plan.grid,
            CogOptions {
                bands: vec![BandMeta::named("mining_probability")],
                metadata: raster_metadata(scene),
                ..CogOptions::default()
            },
        )?,
        polygonizer: Polygonizer::new(width, options.connectivity),
        counts: [0; 4],
        quicklook: Quicklook::new(
            width,
            height,
            QuicklookOptions {
                pixel_size_m: plan.grid.crs.metres_per_unit().map(|m| m * plan.grid.transform.pixel_width),
                ..QuicklookOptions::default()
            },
        ),
        picture,
    };
    let mut canvas = Canvas::new(plan.covered.width, plan.covered.height, plan.patches.patch_size);
    let total = plan.patches.len();
    let mut done = 0;
    let mut write_time = Duration::ZERO;
    let pipeline = Pipeline {
        reader,
        segmenter,
        grid: &plan.patches,
        corner: (plan.covered.col, plan.covered.row),
        batch_size: options.batch_size.max(1),
        workers: options.workers.max(1),
        cancel,
    };
    progress.patches(0, total);
    pipeline.run(busy, |answer| {
        let started = Instant::now();
        let (row, col) = (answer.row, answer.col);
        canvas.add(
            plan.patches.window(row, col),
            plan.patches.weights(row, col),
            answer.probability.as_deref(),
            &answer.validity,
        );
        if col + 1 == plan.patches.cols() {
            sink.push(&canvas.take_complete(&plan.patches, row + 1))?;
        }
        write_time += started.elapsed();
        done += 1;
        progress.patches(done, total);
        Ok(())
    })?;
    let started = Instant::now();
    sink.cog.finish()?;
    let regions = sink.polygonizer.finish();
    write_time += started.elapsed();
    Ok(RowsDone { regions, counts: sink.counts, quicklook: sink.quicklook, write_time })
}

/// Takes complete rows of the covered window and hands the part that is asked for to everything that is written.
struct RowSink<'a> {
    plan: &'a Plan,
    threshold: f32,
    cog: CogWriter,
    polygonizer: Polygonizer,
    counts: [u64; 4],
    quicklook: Quicklook,
    picture: Picture<'a>,
}

impl RowSink<'_> {
    fn push(&mut self, rows: &Rows) -> Result<()> {
        let (window, covered) = (self.plan.window, self.plan.covered);
        let left = window.col - covered.col;
        let count = rows.probability.len() / covered.width;
        let mut probability = Vec::new();
        let mut validity = Vec::new();
        let mut first = None;
        for r in 0..count {
            let row = covered.row + rows.first + r;
            if row < window.row || row >= window.row_end() {
                continue;
            }
            first.get_or_insert(row);
            let at = r * covered.width + left;
            probability.extend_from_slice(&rows.probability[at..at + window.width]);
            validity.extend_from_slice(&rows.validity[at..at + window.width]);
        }
        let Some(first) = first else { return Ok(()) };
        if let Some(inside) = &self.plan.inside {
            let mut burnt = vec![0; validity.len()];
            inside.burn_rows(first - window.row, 1, &mut burnt);
            for (state, burnt) in validity.iter_mut().zip(burnt) {
                if burnt == 0 {
                    *state = Validity::Outside as u8;
                }
            }
        }
        for (p, state) in probability.iter_mut().zip(&validity) {
            if *state != Validity::Assessable as u8 {
                *p = f32::NAN;
            }
        }
        for (p, state) in probability.chunks_exact(window.width).zip(validity.chunks_exact(window.width)) {
            let mask: Vec<u8> =
                p.iter()
                    .zip(state)
                    .map(|(p, state)| {
                        if *state == Validity::Assessable as u8 { u8::from(*p >= self.threshold) } else { MASK_NODATA }
                    })
                    .collect();
            self.polygonizer.push_row(&mask, p);
        }
        for &state in &validity {
            self.counts[usize::from(state)] += 1;
        }
        let rows = Window::new(window.col, first, window.width, validity.len() / window.width);
        self.picture.push(&mut self.quicklook, rows, &validity)?;
        self.cog.write_rows(&[Pixels::F32(probability)])
    }
}

/// Where the colours of the quicklook come from: true colour, or the first bands there are.
struct Picture<'a> {
    reader: std::borrow::Cow<'a, PatchReader>,
    bands: [Band; 3],
}

impl<'a> Picture<'a> {
    fn new(scene: &Scene, reader: &'a PatchReader) -> Result<Self> {
        let found = scene.bands();
        let true_colour = [Band::B04, Band::B03, Band::B02];
        let bands = if true_colour.iter().all(|band| found.contains(band)) {
            true_colour
        } else {
            let first = found.first().copied().unwrap_or(Band::B04);
            [first, *found.get(1).unwrap_or(&first), *found.get(2).unwrap_or(&first)]
        };
        let reader = if bands.iter().all(|band| reader.has(*band)) {
            std::borrow::Cow::Borrowed(reader)
        } else {
            let identity = [BandNormalisation::IDENTITY; 3];
            std::borrow::Cow::Owned(PatchReader::new(scene, &bands, &identity)?)
        };
        Ok(Self { reader, bands })
    }

    /// In slices, so that a patch row of three bands is never held as floats at once.
    fn push(&self, quicklook: &mut Quicklook, rows: Window, validity: &[u8]) -> Result<()> {
        const SLICE: usize = 64;
        for start in (0..rows.height).step_by(SLICE) {
            let slice = Window { row: rows.row + start, height: SLICE.min(rows.height - start), ..rows };
            let [red, green, blue] = self.bands.map(|band| self.reader.reflectance(band, slice));
            let valid: Vec<u8> = validity[start * rows.width..][..slice.len()]
                .iter()
                .map(|&state| u8::from(state == Validity::Assessable as u8))
                .collect();
            quicklook.push_rows([&red?, &green?, &blue?], &valid, slice.height)?;
        }
        Ok(())
    }
}

/// Turns regions in pixel corners into polygons on the map, without those that are too small.
fn measure(mut regions: Regions, grid: &Grid, min_area_m2: f64) -> Result<(Regions, Vec<MinePolygon>)> {
    use rayon::prelude::*;

    let meter = GeodesicMeter::new(&grid.crs)?;
    let measured = regions
        .iter()
        .collect::<Vec<_>>()
        .into_par_iter()
        .map(|region| {
            let geometry = region.to_map(&grid.transform);
            let size = meter.measure(&geometry)?;
            Ok(MinePolygon {
                id: 0,
                geometry,
                area_ha: size.area_m2 / 10_000.0,
                perimeter_m: size.perimeter_m,
                mean_probability: region.mean_probability,
                max_probability: f64::from(region.max_probability),
                touches_edge: region.touches_edge,
                touches_nodata: region.touches_nodata,
            })
        })
        .collect::<Result<Vec<_>>>()?;
    let keep: Vec<bool> = measured.iter().map(|polygon| polygon.area_ha * 10_000.0 >= min_area_m2).collect();
    let mut kept = keep.iter().copied();
    regions.retain(|_| kept.next().unwrap_or(false));
    let mut polygons: Vec<MinePolygon> =
        measured.into_iter().zip(keep).filter_map(|(polygon, keep)| keep.then_some(polygon)).collect();
    for (id, polygon) in (1..).zip(&mut polygons) {
        polygon.id = id;
    }
    Ok((regions, polygons))
}

fn write_mask(path: &Path, grid: &Grid, regions: &Regions) -> Result<()> {
    const ROWS: usize = 256;
    let mut cog = CogWriter::create(path, grid, CogOptions::mask("mining"))?;
    for first in (0..grid.height).step_by(ROWS) {
        let mut rows = vec![0; ROWS.min(grid.height - first) * grid.width];
        regions.mask_rows(first, &mut rows);
        cog.write_rows(&[Pixels::U8(rows)])?;
    }
    cog.finish()
}

fn raster_metadata(scene: &Scene) -> Vec<(String, String)> {
    let mut items = vec![("SCENE".to_owned(), scene.info().name.clone())];
    if let Some(datetime) = scene.info().datetime {
        items.push(("ACQUISITION_DATETIME".to_owned(), datetime.to_string()));
    }
    items.push(("SOFTWARE".to_owned(), concat!("minesegsat ", env!("CARGO_PKG_VERSION")).to_owned()));
    items
}

/// Everything that decides the result, as the manifest records it.
#[derive(Debug, Serialize)]
struct Parameters<'a> {
    patch_size: usize,
    overlap_px: usize,
    batch_size: usize,
    threshold: f32,
    min_area_m2: f64,
    connectivity: u8,
    mask: MaskOptions,
    area: serde_json::Value,
    formats: Vec<&'static str>,
    device: &'a str,
    bands: &'a [Band],
    #[serde(skip_serializing_if = "<[Band]>::is_empty")]
    absent_bands: &'a [Band],
}

fn parameters(mask: MaskOptions, model: &ModelDescription, options: &PredictOptions) -> serde_json::Value {
    let parameters = Parameters {
        patch_size: options.patch_size,
        overlap_px: options.overlap_px,
        batch_size: options.batch_size,
        threshold: options.threshold,
        min_area_m2: options.min_area_m2,
        connectivity: match options.connectivity {
            Connectivity::Four => 4,
            Connectivity::Eight => 8,
        },
        mask,
        area: match &options.area {
            AreaOfInterest::Scene => serde_json::json!("scene"),
            AreaOfInterest::Bbox(bbox) => serde_json::json!({ "bbox": bbox }),
            AreaOfInterest::Polygons(polygons, crs) => serde_json::json!({
                "polygons": polygons.0.len(),
                "bounds": geo::BoundingRect::bounding_rect(polygons)
                    .map(|r| [r.min().x, r.min().y, r.max().x, r.max().y]),
                "epsg": crs.epsg(),
            }),
        },
        formats: options.formats.iter().map(|format| format.extension()).collect(),
        device: &options.device,
        bands: &model.bands,
        absent_bands: &model.absent,
    };
    serde_json::to_value(parameters).unwrap_or_default()
}

fn caption(scene: &Scene, totals: &Totals, assessed: &Assessed) -> String {
    let info = scene.info();
    let mut parts = Vec::new();
    parts.push(info.mgrs_tile.as_ref().map_or_else(|| info.name.clone(), |tile| format!("T{tile}")));
    if let Some(date) = info.date {
        parts.push(date.to_string());
    }
    if assessed.is_assessable() {
        parts.push(format!("{:.1} ha in {}", totals.area_ha, counted(totals.polygons, "polygon")));
        parts.push(format!("{:.0} % assessed", assessed.share_assessed * 100.0));
    } else {
        parts.push("not assessable".to_owned());
    }
    parts.join("  |  ")
}

/// Path of the manifest in an output folder.
pub fn manifest_path(folder: &Path) -> PathBuf {
    folder.join(MANIFEST)
}
