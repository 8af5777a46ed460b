//! Prediction: maps a scene with a network. Outputs are probability and mask rasters, polygons, a picture and a
//! manifest.
//!
//! ```text
//! scene -> PatchReader -> Segmenter -> Canvas (blend) -> probability.tif
//!                                                    \-> Polygonizer -> polygons.*, mask.tif
//! ```
//! Rows are processed from top to bottom. Memory depends on the width of the scene and the size of a patch, not on
//! the height.

mod canvas;
mod pipeline;
mod pixel_size;
mod rows;
mod unlike;

use minesegsat_core::Grouped;
use minesegsat_core::job::Job;
use std::{
    path::{Path, PathBuf},
    sync::atomic::{AtomicBool, Ordering},
    time::{Duration, Instant},
};

use geo::MultiPolygon;
use serde::Serialize;

use self::{
    canvas::Canvas,
    pipeline::{Busy, Pipeline},
    pixel_size::check_pixel_size,
    rows::{QuicklookSource, RowSink},
    unlike::UnlikeCells,
};
use crate::quicklook::{Quicklook, QuicklookOptions};
use crate::site::SitePixels;
use minesegsat_core::area_of_interest::{self, AreaOfInterest};
use minesegsat_core::familiarity::Familiarity;
use minesegsat_core::model_description::ModelDescription;
use minesegsat_core::{
    Band, Error, Grid, Result, Segmenter, Window,
    area::GeodesicMeter,
    output::OutputFolder,
    patch_grid::{LARGEST_PATCH_PX, PatchGrid},
    pixel_class::{CLASSES_ITEM, MASK_CLASSES, MASK_LABELS, MASK_PALETTE, classes_text},
    polygonize::{Connectivity, Polygonizer, Regions},
    rasterize::Rasterizer,
    uncertainty::{Area, AreaErrorModel, DEFAULT_LEVEL_PERCENT, MomentRows},
};
use minesegsat_io::{
    Pixels,
    class_file::write_class_file,
    cog::{BandMeta, CogOptions, CogWriter},
    raster::{InputIdentity, checked_identity},
};
use minesegsat_scene::{
    CloudMask, MaskOptions, Scene, SceneInput,
    manifest::{Assessed, GridRecord, Manifest, OutputRecord, Timings, Totals, counted, location_from},
    patch::{PatchReader, Validity},
};
use minesegsat_vector::vector::{MinePolygon, PolygonMetadata, VectorFormat, write_polygons};

/// Settings of a prediction.
#[derive(Debug, Clone)]
pub struct PredictOptions {
    /// Width and height of a patch, in pixels.
    pub patch_size: usize,
    /// Minimum overlap of neighbouring patches, in pixels.
    pub overlap_px: usize,
    /// Patches per batch.
    pub batch_size: usize,
    /// Threads that call the network.
    pub workers: usize,
    /// Probability threshold, 0 to 1. Pixels at or above it are mining-disturbed.
    pub threshold: f32,
    /// Minimum geodesic area of a polygon, in square metres.
    pub min_area_m2: f64,
    /// Whether pixels that touch only at a corner are connected.
    pub connectivity: Connectivity,
    /// Course of the polygons' outlines.
    pub outlines: Outlines,
    /// Vector formats to write.
    pub formats: Vec<VectorFormat>,
    /// Part of the scene to map.
    pub area: AreaOfInterest,
    /// Why the file of the polygons of `area` is not the whole of its source, by its own words, if the user accepted that. The manifest
    /// records it.
    pub area_incomplete: Option<String>,
    /// Whether existing outputs may be replaced.
    pub overwrite: bool,
    /// Name of the device, for the manifest.
    pub device: String,
}

/// Course of the outlines of polygons.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Outlines {
    /// Along the edges of the mask's pixels.
    #[default]
    Pixels,
    /// Along the contour of the probability at the threshold, between the pixel centres.
    Contour,
}

impl Default for PredictOptions {
    /// Patches of 512 pixels that overlap by one eighth, threshold 0.5, the whole scene, no polygon files.
    fn default() -> Self {
        Self {
            patch_size: 512,
            overlap_px: 64,
            batch_size: 1,
            workers: 1,
            threshold: 0.5,
            min_area_m2: 0.0,
            connectivity: Connectivity::Four,
            outlines: Outlines::Pixels,
            formats: Vec::new(),
            area: AreaOfInterest::Scene,
            area_incomplete: None,
            overwrite: false,
            device: "cpu".to_owned(),
        }
    }
}

/// Names of the output files, besides `polygons.*`.
pub(crate) const PROBABILITY: &str = "probability.tif";
pub(crate) const MASK: &str = "mask.tif";
/// Names and colours of the classes of the mask.
const MASK_CLASS_FILE: &str = "mask.tif.aux.xml";
/// File of the distances of cells from what the model has learned from, see [`minesegsat_core::familiarity`].
pub const UNLIKE: &str = "unlike.tif";
const QUICKLOOK: &str = "quicklook.png";
const MANIFEST: &str = "manifest.json";

/// A checked run. It holds everything that is known before the first pixel is read.
struct Plan {
    /// The output window, on the scene's grid.
    window: Window,
    /// Grid of the output window.
    grid: Grid,
    /// The window covered by patches. It extends beyond `window`, to give context at the edge.
    covered: Window,
    patches: PatchGrid,
    /// The polygons of the area of interest, on `grid`.
    inside: Option<Rasterizer>,
}

impl Plan {
    fn new(
        scene: &Scene,
        segmenter: &dyn Segmenter,
        model: &ModelDescription,
        options: &PredictOptions,
    ) -> Result<Self> {
        if !(1..=LARGEST_PATCH_PX).contains(&options.patch_size) {
            let unit = segmenter.size_divisor();
            return Err(Error::Argument {
                name: "patch size",
                value: options.patch_size.to_string(),
                accepted: format!("1 to {LARGEST_PATCH_PX}, best a multiple of {unit} pixels; other sizes are padded"),
            });
        }
        if !(0.0..=1.0).contains(&options.threshold) {
            return Err(Error::Argument {
                name: "threshold",
                value: options.threshold.to_string(),
                accepted: "0 to 1".to_owned(),
            });
        }
        check_pixel_size(scene, model.gsd_m)?;
        if segmenter.in_channels() != model.bands.len() {
            return Err(Error::segmenter(format!(
                "it takes {} channels, but its card lists {} bands",
                segmenter.in_channels(),
                model.bands.len()
            )));
        }
        let full = scene.grid();
        let (window, polygons) = area_of_interest::locate(full, &options.area)?;
        let grid = full.window(&window);
        let inside = polygons.map(|polygons| Rasterizer::new(&grid, [&polygons]));
        let covered = area_of_interest::with_context(full, window, options.patch_size, options.overlap_px);
        let patches = PatchGrid::new(covered.width, covered.height, options.patch_size, options.overlap_px)?;
        Ok(Self { window, grid, covered, patches, inside })
    }
}

/// Maps a scene with a network and writes all outputs into `folder`.
///
/// All files appear under their names when the last one is complete. An error or a cancelled run leaves nothing
/// behind.
pub fn predict(
    scene: &Scene,
    model: &ModelDescription,
    segmenter: &dyn Segmenter,
    folder: &Path,
    options: &PredictOptions,
    job: Job<'_>,
) -> Result<Manifest> {
    let started = Instant::now();
    let plan = Plan::new(scene, segmenter, model, options)?;
    let reader = PatchReader::with_absent(scene, &model.bands, &model.normalisation, &model.absent)?;
    let absent: Vec<usize> = (0..model.bands.len()).filter(|&at| model.absent.contains(&model.bands[at])).collect();
    let familiarity = model.familiarity.as_deref().map(|familiarity| (familiarity, absent.as_slice()));

    let vectors: Vec<(VectorFormat, String)> = VectorFormat::ALL
        .into_iter()
        // Each format once, even if it is listed twice.
        .filter(|format| options.formats.contains(format))
        .map(|format| (format, format!("polygons.{}", format.extension())))
        .collect();
    let mut names = vec![PROBABILITY, MASK, MASK_CLASS_FILE, QUICKLOOK];
    names.extend(vectors.iter().map(|(_, name)| name.as_str()));
    if familiarity.is_some() {
        names.push(UNLIKE);
    }
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
        // Hashing reads every input file again, so it runs beside the network.
        let hashing = scope.spawn(|| inputs.iter().map(hash).collect::<Result<Vec<InputIdentity>>>());
        let busy = Busy::default();
        let rows = run_patches((scene, model), (&reader, familiarity), segmenter, &plan, options, &output, &busy, job)
            .inspect_err(|_| failed.store(true, Ordering::Relaxed))?;
        let inputs = hashing.join().map_err(|_| Error::scene(&scene.info().name, "hashing its files panicked"))??;
        Ok::<_, Error>((rows, busy, inputs))
    })?;
    let patches_done = started.elapsed();

    job.progress.stage("writing polygons");
    let RowsDone { regions, counts, estimated, quicklook, write_time, unlike } = rows;
    let finishing = Instant::now();
    let (regions, polygons) = measure(regions, &plan.grid, options.min_area_m2)?;
    write_mask(&output.path(MASK), &plan.grid, &regions)?;
    write_class_file(&output.path(MASK_CLASS_FILE), &MASK_LABELS, &MASK_PALETTE)?;
    if familiarity.is_some() {
        unlike.write(&output.path(UNLIKE), scene.grid().window(&plan.covered), raster_metadata(scene))?;
    }
    let metadata = PolygonMetadata {
        scene: scene.info().name.clone(),
        datetime: scene.info().datetime,
        model: model.title.clone(),
        extra: [
            ("threshold", options.threshold.into()),
            ("min_area_m2", options.min_area_m2.into()),
            ("outlines", serde_json::json!(options.outlines)),
        ]
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
        estimated,
    };
    let [assessed, nodata, masked, outside] = counts;
    let assessed = Assessed::new(assessed, nodata, masked, outside);
    let outlines: Vec<MultiPolygon<f64>> = regions.iter().map(|region| region.geometry.clone()).collect();
    let caption = caption(scene, &totals, &assessed);
    quicklook.render(&outlines, &caption).write_png(&output.path(QUICKLOOK))?;
    job.check()?;

    let mut outputs = Vec::new();
    // Programs that open the raster may change its class file.
    for name in names.iter().filter(|name| ![MANIFEST, MASK_CLASS_FILE].contains(*name)) {
        outputs.push(OutputRecord::from_file(name, &output.path(name))?);
    }
    let wall = started.elapsed();
    let mut manifest = Manifest {
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
    let level = scene.info().level.map(|level| level.to_string());
    manifest.warnings.extend(model.level_warning(level.as_deref()));
    if familiarity.is_some() {
        let found = unlike.record(plan.covered, plan.window);
        manifest.warnings.extend(found.warning());
        manifest.familiarity = Some(found);
    }
    let json = serde_json::to_string_pretty(&manifest).map_err(std::io::Error::from)?;
    fs_err::write(output.path(MANIFEST), json + "\n")?;
    output.commit()?;
    if options.overwrite {
        // Files of an earlier run that this one does not write would contradict it.
        let others = VectorFormat::ALL.iter().filter(|format| !options.formats.contains(format));
        let polygons = others.map(|format| format!("polygons.{}", format.extension()));
        for stale in polygons.chain(familiarity.is_none().then(|| UNLIKE.to_owned())) {
            let stale = folder.join(stale);
            if stale.is_file() {
                fs_err::remove_file(stale)?;
            }
        }
    }
    Ok(manifest)
}

/// Results collected from the rows of the map.
struct RowsDone {
    regions: Regions,
    /// Pixel counts by [`Validity`](minesegsat_scene::patch::Validity).
    counts: [u64; 4],
    estimated: Option<Area>,
    quicklook: Quicklook,
    write_time: Duration,
    unlike: UnlikeCells,
}

/// Passes all patches through the network and writes all rows to `probability.tif`.
fn run_patches(
    (scene, model): (&Scene, &ModelDescription),
    (reader, familiarity): (&PatchReader, Option<(&Familiarity, &[usize])>),
    segmenter: &dyn Segmenter,
    plan: &Plan,
    options: &PredictOptions,
    output: &OutputFolder,
    busy: &Busy,
    job: Job<'_>,
) -> Result<RowsDone> {
    let (width, height) = (plan.window.width, plan.window.height);
    let picture = QuicklookSource::new(scene, reader)?;
    let area_error = AreaErrorModel::of_record(&model.record);
    let pixel_m2 = SitePixels::all_area_m2(&plan.grid, &GeodesicMeter::new(&plan.grid.crs)?)?;
    let mut sink = RowSink {
        plan,
        moments: MomentRows::new(&area_error, width, pixel_m2.sqrt(), pixel_m2),
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
        polygonizer: match options.outlines {
            Outlines::Pixels => Polygonizer::new(width, options.connectivity),
            Outlines::Contour => Polygonizer::along_contour(width, options.connectivity, options.threshold),
        },
        counts: [0; 4],
        quicklook: Quicklook::new(
            width,
            height,
            QuicklookOptions {
                pixel_size_m: plan.grid.ground_pixel_m().map(|(width, _)| width),
                ..QuicklookOptions::default()
            },
        ),
        picture,
    };
    let mut canvas = Canvas::new(plan.covered.width, plan.covered.height, plan.patches.patch_size);
    let total = plan.patches.len();
    let mut unlike = UnlikeCells::new(plan.covered);
    let mut done = 0;
    let mut write_time = Duration::ZERO;
    let pipeline = Pipeline {
        reader,
        segmenter,
        grid: &plan.patches,
        familiarity,
        corner: (plan.covered.col, plan.covered.row),
        batch_size: options.batch_size.max(1),
        workers: options.workers.max(1),
        cancel: job.cancel,
    };
    job.progress.advance(0, total);
    pipeline.run(busy, |answer| {
        let started = Instant::now();
        let (row, col) = (answer.row, answer.col);
        unlike.add(plan.patches.window(row, col), &answer.unlike);
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
        job.progress.advance(done, total);
        Ok(())
    })?;
    let started = Instant::now();
    sink.cog.finish()?;
    let regions = sink.polygonizer.finish();
    write_time += started.elapsed();
    let seen = sink.counts[usize::from(Validity::Assessable as u8)];
    let largest_m2 = seen as f64 * pixel_m2;
    let estimated = (seen > 0).then(|| area_error.area(&sink.moments.seen(), DEFAULT_LEVEL_PERCENT, largest_m2));
    Ok(RowsDone { regions, counts: sink.counts, estimated, quicklook: sink.quicklook, write_time, unlike })
}

/// Converts regions in pixels to map polygons, without those below the minimum area.
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
    let classes = (CLASSES_ITEM.to_owned(), classes_text(MASK_CLASSES));
    let options = CogOptions { metadata: vec![classes], ..CogOptions::mask("mining") };
    let mut cog = CogWriter::create(path, grid, options)?;
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

/// All settings that affect the result, as recorded in the manifest.
#[derive(Debug, Serialize)]
struct Parameters<'a> {
    patch_size: usize,
    overlap_px: usize,
    batch_size: usize,
    threshold: f32,
    min_area_m2: f64,
    connectivity: u8,
    outlines: Outlines,
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
        outlines: options.outlines,
        mask,
        area: match &options.area {
            AreaOfInterest::Scene => serde_json::json!("scene"),
            AreaOfInterest::Bbox(bbox) => serde_json::json!({ "bbox": bbox }),
            AreaOfInterest::Polygons(polygons, crs) => {
                let mut area = serde_json::json!({
                    "polygons": polygons.0.len(),
                    "bounds": geo::BoundingRect::bounding_rect(polygons)
                        .map(|r| [r.min().x, r.min().y, r.max().x, r.max().y]),
                    "epsg": crs.epsg(),
                });
                if let Some(reason) = &options.area_incomplete {
                    area["incomplete"] = reason.as_str().into();
                }
                area
            }
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
        parts.push(format!("{:.1} ha in {}", Grouped(totals.area_ha), counted(totals.polygons, "polygon")));
        parts.push(if scene.cloud_mask() == CloudMask::None {
            format!("{:.0} % seen, clouds not masked", assessed.share_assessed * 100.0)
        } else {
            format!("{:.0} % assessed", assessed.share_assessed * 100.0)
        });
    } else {
        parts.push("not assessable".to_owned());
    }
    parts.join("  |  ")
}

/// Path of the manifest in an output folder.
pub fn manifest_path(folder: &Path) -> PathBuf {
    folder.join(MANIFEST)
}
