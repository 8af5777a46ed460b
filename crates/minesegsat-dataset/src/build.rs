//! Cuts patches and masks from scenes and labels: [`build()`].

use minesegsat_core::job::Job;
use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use geo::{CoordsIter, MultiPolygon};
use serde::Serialize;
use serde_json::{Value, json};
use sha2::{Digest, Sha256};

use super::cache::Cache;
use super::item::{self, Contribution, PatchFacts};
use super::mosaic::{Layer, Merged, Mosaic, PatchCell};
use super::{
    Class, DatasetCard, FORMAT_VERSION, MASK_FILE, Origin, PATCHES_FOLDER, SampleRecord, SceneList, remove_stats,
    software, write_index, write_json,
};
use minesegsat_core::output::{FolderLock, OutputTree};
use minesegsat_core::patch_grid::LARGEST_PATCH_PX;
use minesegsat_core::pixel_class::MASK_NODATA;
use minesegsat_core::{Band, Error, Grid, Result, Transformer, parallel};
use minesegsat_io::cog::{BandMeta, CogOptions, CogWriter};
use minesegsat_io::{DataType, Pixels};
use minesegsat_scene::{BandRadiometry, MaskOptions, is_assessable};
use minesegsat_vector::labels::{LabelFeature, LabelIndex, Labels};

/// Options of [`build()`].
#[derive(Debug, Clone)]
pub struct BuildOptions {
    /// Bands of the patches. Default: all bands that every scene has, except B10.
    pub bands: Option<Vec<Band>>,
    /// Width and height of a patch in pixels of the finest band.
    pub patch_size: usize,
    /// Fraction of unlabelled (negative) patches in the finished set, in [0, 1).
    pub negatives: f64,
    /// Minimum share of a patch that has data, 0 to 1.
    pub min_data: f64,
    /// Use cloudy pixels only where no scene is clear.
    pub fill_clouds: bool,
    /// Seed of the choice among patches without labels.
    pub seed: u64,
    /// Attribute of the labels that names the commodity.
    pub commodity_attribute: Option<String>,
    /// Title for people.
    pub title: String,
}

impl Default for BuildOptions {
    fn default() -> Self {
        Self {
            bands: None,
            patch_size: 768,
            negatives: 0.0,
            min_data: 0.5,
            fill_clouds: false,
            seed: 0,
            commodity_attribute: None,
            title: "Mining-disturbed land".to_owned(),
        }
    }
}

/// Result of a build.
#[derive(Debug, Clone, Default, Serialize)]
pub struct BuildReport {
    /// Number of patches in the set.
    pub patches: usize,
    /// Number of these that have labels.
    pub with_labels: usize,
    /// Number of these that this run made. The others were already complete.
    pub made: usize,
    /// Patches that labels touch but that have too little data.
    pub without_data: usize,
    /// Patches of an earlier run that no longer belong to the set and were removed.
    pub removed: usize,
    /// Pixels of the patches made by this run, summed over all bands on their native grids.
    pub pixels: u64,
    /// Number of scenes that gave pixels.
    pub scenes: usize,
    /// Warnings for the user.
    pub warnings: Vec<String>,
}

/// Attribute names that mine data sets use for the commodity.
const COMMODITY_ATTRIBUTES: [&str; 6] =
    ["commodity", "Commodity", "COMMODITY", "resource", "primary_commodity", "PRIMARY_COM"];

/// A cell that may become a patch.
struct Candidate {
    mosaic: usize,
    cell: PatchCell,
    scenes: Vec<usize>,
    fingerprint: String,
}

/// Result of [`Builder::make`].
enum PatchOutcome {
    /// The patch exists; `true` if this run wrote it.
    Patch(Box<SampleRecord>, bool),
    TooLittleData,
}

/// Builds a data set in `folder`. Patches are cells of a fixed grid per CRS: all cells that touch a label, and a share
/// of the others.
///
/// The same scenes, labels and options give the same bytes. The build keeps valid patches of an earlier run, makes the
/// rest and removes patches that no longer belong. It continues a run that was killed. Only one run at a time may write
/// to the folder.
pub fn build(
    scenes: &SceneList,
    labels: &Labels,
    folder: &Path,
    options: &BuildOptions,
    job: Job<'_>,
) -> Result<BuildReport> {
    check(options)?;
    let _lock = FolderLock::acquire(folder)?;
    let builder = Builder::new(scenes, labels, folder, options, job)?;
    builder.run()
}

fn check(options: &BuildOptions) -> Result<()> {
    let refuse =
        |name, value: String, accepted: &str| Err(Error::Argument { name, value, accepted: accepted.to_owned() });
    if !(1..=LARGEST_PATCH_PX).contains(&options.patch_size) {
        return refuse("patch size", options.patch_size.to_string(), &format!("1 to {LARGEST_PATCH_PX} pixels"));
    }
    if !(0.0..1.0).contains(&options.negatives) {
        return refuse("share of patches without labels", options.negatives.to_string(), "0 or more, below 1");
    }
    if !(0.0..=1.0).contains(&options.min_data) {
        return refuse("minimum share with data", options.min_data.to_string(), "0 to 1");
    }
    Ok(())
}

struct Builder<'a> {
    folder: &'a Path,
    options: &'a BuildOptions,
    labels: &'a Labels,
    job: Job<'a>,
    cache: Cache,
    mosaics: Vec<Mosaic>,
    indices: Vec<LabelIndex>,
    commodity: Option<String>,
    /// Recorded identities of the scenes' files, by mosaic and scene.
    inputs: Vec<Vec<Value>>,
    pixels: AtomicUsize,
    clamped: AtomicUsize,
}

impl<'a> Builder<'a> {
    fn new(
        scenes: &SceneList,
        labels: &'a Labels,
        folder: &'a Path,
        options: &'a BuildOptions,
        job: Job<'a>,
    ) -> Result<Self> {
        let bands = match &options.bands {
            Some(bands) => bands.clone(),
            None => scenes.common_bands(),
        };
        for scene in scenes.scenes() {
            let missing: Vec<Band> = bands.iter().copied().filter(|band| !scene.bands.contains_key(band)).collect();
            if !missing.is_empty() || bands.is_empty() {
                let found = scene.bands.keys().copied().collect();
                return Err(Error::MissingBands { scene: scene.location.clone(), missing, found });
            }
        }
        // Groups scenes by CRS, in the order of the list.
        let mut by_crs: BTreeMap<u16, Vec<Arc<_>>> = BTreeMap::new();
        for scene in scenes.scenes() {
            by_crs.entry(scene.crs.epsg()).or_default().push(Arc::clone(scene));
        }
        let mosaics = by_crs
            .into_values()
            .map(|scenes| Mosaic::new(scenes, &bands, options.patch_size, options.fill_clouds))
            .collect::<Result<Vec<_>>>()?;
        let mut indices = Vec::new();
        for mosaic in &mosaics {
            let bounds = mosaic
                .scenes
                .iter()
                .map(|scene| scene.bounds)
                .reduce(|a, b| [a[0].min(b[0]), a[1].min(b[1]), a[2].max(b[2]), a[3].max(b[3])]);
            let [left, bottom, right, top] = bounds.expect("a mosaic has scenes");
            let margin = mosaic.patch_m();
            indices.push(labels.index(&mosaic.crs, [left - margin, bottom - margin, right + margin, top + margin])?);
        }
        let commodity = options.commodity_attribute.clone().or_else(|| {
            let known = |name: &&&str| labels.features().iter().any(|f| f.attributes.contains_key(**name));
            COMMODITY_ATTRIBUTES.iter().find(known).map(|name| (*name).to_owned())
        });
        Ok(Self {
            folder,
            options,
            labels,
            job,
            cache: Cache::open(folder),
            mosaics,
            indices,
            commodity,
            inputs: Vec::new(),
            pixels: AtomicUsize::new(0),
            clamped: AtomicUsize::new(0),
        })
    }

    fn run(mut self) -> Result<BuildReport> {
        self.job.progress.stage("hashing the scenes");
        self.identify()?;
        let (positives, negatives) = self.candidates();
        if positives.is_empty() {
            let areas: Vec<Grid> = self
                .mosaics
                .iter()
                .flat_map(|mosaic| {
                    mosaic.scenes.iter().filter_map(|s| s.bands.values().next()).map(|band| band.grid.clone())
                })
                .collect();
            return Err(self.labels.touch_nothing(&areas));
        }
        fs_err::create_dir_all(self.folder.join(PATCHES_FOLDER))?;

        let wanted = |with_labels: usize| {
            (with_labels as f64 * self.options.negatives / (1.0 - self.options.negatives)).round() as usize
        };
        let total = positives.len() + wanted(positives.len()).min(negatives.len());
        let done = AtomicUsize::new(0);
        self.job.progress.advance(0, total);
        let mut report = BuildReport::default();
        let mut samples: Vec<SampleRecord> = Vec::new();
        let mut take = |made: Vec<PatchOutcome>, report: &mut BuildReport| {
            let before = samples.len();
            for made in made {
                if let PatchOutcome::Patch(record, now) = made {
                    report.made += usize::from(now);
                    samples.push(*record);
                }
            }
            samples.len() - before
        };
        let made = self.make_all(&positives, &done, total)?;
        report.without_data = made.iter().filter(|m| matches!(m, PatchOutcome::TooLittleData)).count();
        report.with_labels = take(made, &mut report);
        if report.with_labels == 0 {
            return Err(Error::input(
                self.folder.display().to_string(),
                format!(
                    "labels touch {} patches, but none of them has data in {} % of its pixels: lower that share, or add scenes",
                    positives.len(),
                    self.options.min_data * 100.0
                ),
            )
            .avoided_by(minesegsat_core::Setting::MinData));
        }
        // Cells without data do not count, so further cells are tried until there are enough.
        let wanted = wanted(report.with_labels);
        let (mut found, mut next) = (0, 0);
        while found < wanted && next < negatives.len() {
            let batch = &negatives[next..(next + wanted - found).min(negatives.len())];
            next += batch.len();
            found += take(self.make_all(batch, &done, total)?, &mut report);
        }
        if found < wanted {
            report.warnings.push(format!(
                "{wanted} patches without labels were requested, but the scenes have data for only {found}"
            ));
        }
        samples.sort_by(|a, b| a.id.cmp(&b.id));
        report.patches = samples.len();
        report.scenes = samples.iter().flat_map(|s| s.scenes.split(' ')).collect::<BTreeSet<_>>().len();
        report.pixels = self.pixels.load(Ordering::Relaxed) as u64;
        let clamped = self.clamped.load(Ordering::Relaxed);
        if clamped > 0 {
            report.warnings.push(format!(
                "{clamped} digital numbers were clamped to 1 when scenes with different offsets were merged"
            ));
        }
        self.job.progress.stage("writing the manifest");
        report.removed = self.finish(&samples)?;
        if report.made + report.removed > 0 {
            remove_stats(self.folder)?;
        }
        Ok(report)
    }

    /// Records sizes and hashes of all files of all scenes.
    fn identify(&mut self) -> Result<()> {
        for mosaic in &self.mosaics {
            let of_scene = |scene: &Arc<super::source::SourceScene>| -> Result<Value> {
                let identities = parallel::map(&scene.inputs, |(location, stated)| {
                    self.job.check()?;
                    self.cache.identity(location, stated.as_ref())
                })?;
                Ok(serde_json::to_value(identities).map_err(std::io::Error::from)?)
            };
            let inputs = mosaic.scenes.iter().map(of_scene).collect::<Result<Vec<_>>>()?;
            self.inputs.push(inputs);
        }
        self.cache.save()
    }

    /// Cells that touch labels, sorted by id, and the other cells in a random order set by the seed.
    fn candidates(&self) -> (Vec<Candidate>, Vec<Candidate>) {
        let (mut positives, mut negatives) = (Vec::new(), Vec::new());
        for (m, mosaic) in self.mosaics.iter().enumerate() {
            let mut seen = BTreeSet::new();
            for scene in &mosaic.scenes {
                for cell in mosaic.cells(scene.bounds) {
                    if !seen.insert(cell.id.clone()) {
                        continue;
                    }
                    let touched = self.indices[m].touches(&mosaic.finest_grid(&cell));
                    if !touched && self.options.negatives == 0.0 {
                        continue;
                    }
                    let scenes = mosaic.scenes_of(&cell);
                    let fingerprint = self.fingerprint(m, &cell, &scenes);
                    let candidate = Candidate { mosaic: m, cell, scenes, fingerprint };
                    if touched { &mut positives } else { &mut negatives }.push(candidate);
                }
            }
        }
        positives.sort_by(|a: &Candidate, b| a.cell.id.cmp(&b.cell.id));
        negatives.sort_by_cached_key(|candidate: &Candidate| {
            Sha256::digest(format!("{} {}", self.options.seed, candidate.cell.id)).to_vec()
        });
        (positives, negatives)
    }

    /// Hash of everything that determines the bytes of a patch.
    fn fingerprint(&self, m: usize, cell: &PatchCell, scenes: &[usize]) -> String {
        let mosaic = &self.mosaics[m];
        let mut hash = Sha256::new();
        let layers: Vec<String> = mosaic.layers().map(|layer| format!("{layer:?}")).collect();
        let head = json!({
            "layout": FORMAT_VERSION,
            "software": software(),
            "label_source": self.labels.source().source,
            "patch_size": self.options.patch_size,
            "fill_clouds": self.options.fill_clouds,
            "min_data": self.options.min_data,
            "cell": cell.id,
            "layers": layers,
            "classes": self.labels.classes(),
            "ignore_buffer_m": self.labels.source().ignore_buffer_m,
            "commodity": self.commodity,
        });
        hash.update(head.to_string());
        for &index in scenes {
            let digests: Vec<&Value> = self.inputs[m][index]
                .as_array()
                .into_iter()
                .flatten()
                .flat_map(|input| [&input["size"], &input["sha256"], &input["etag"]])
                .collect();
            let scene = &mosaic.scenes[index];
            let place = item::absolute(&scene.location);
            hash.update(json!([scene.name, place, scene.metadata, digests, scene.radiometry["bands"]]).to_string());
        }
        let grid = mosaic.finest_grid(cell);
        for feature in self.features(m, &grid) {
            hash.update([feature.class]);
            hash.update(self.commodity_of(feature).unwrap_or_default());
            for c in feature.geometry.coords_iter() {
                hash.update(c.x.to_le_bytes());
                hash.update(c.y.to_le_bytes());
            }
        }
        minesegsat_core::hex::encode(&hash.finalize()[..16])
    }

    /// The features that may touch the mask of a grid, including the buffer around their edges.
    fn features(&self, m: usize, grid: &Grid) -> Vec<&LabelFeature> {
        let [left, bottom, right, top] = grid.bounds();
        let buffer = self.labels.source().ignore_buffer_m;
        self.indices[m].features_in([left - buffer, bottom - buffer, right + buffer, top + buffer])
    }

    fn commodity_of(&self, feature: &LabelFeature) -> Option<String> {
        match feature.attributes.get(self.commodity.as_deref()?)? {
            Value::String(text) if !text.trim().is_empty() => Some(text.trim().to_owned()),
            Value::Number(number) => Some(number.to_string()),
            _ => None,
        }
    }

    fn make_all(&self, candidates: &[Candidate], done: &AtomicUsize, total: usize) -> Result<Vec<PatchOutcome>> {
        parallel::map(candidates, |candidate| {
            self.job.check()?;
            let made = self.make(candidate)?;
            if !matches!(made, PatchOutcome::TooLittleData) {
                self.job.progress.advance((done.fetch_add(1, Ordering::Relaxed) + 1).min(total), total);
            }
            Ok(made)
        })
    }

    /// Makes one patch unless it is already complete.
    fn make(&self, candidate: &Candidate) -> Result<PatchOutcome> {
        let Candidate { cell, fingerprint, .. } = candidate;
        let folder = self.folder.join(PATCHES_FOLDER).join(&cell.id);
        if let Some(record) = item::read_finished(&folder, &cell.id, fingerprint) {
            return Ok(PatchOutcome::Patch(Box::new(record), false));
        }
        if self.cache.is_rejected(&cell.id, fingerprint) {
            return Ok(PatchOutcome::TooLittleData);
        }
        let Some((layers, contributions, radiometry)) = self.read(candidate)? else {
            self.cache.reject(&cell.id, fingerprint);
            return Ok(PatchOutcome::TooLittleData);
        };

        let mosaic = &self.mosaics[candidate.mosaic];
        let grid = mosaic.finest_grid(cell);
        let mask = self.indices[candidate.mosaic].mask(&grid)?.to_vec();
        let item_name = format!("{}.json", cell.id);
        if folder.exists() && !folder.join(&item_name).is_file() {
            // A patch without its STAC item is incomplete, and its folder is needed.
            fs_err::remove_dir_all(&folder)?;
        }
        let patch = OutputTree::create(&folder, &item_name, true)?;
        for (layer, merged) in &layers {
            let name = item::file_name(*layer);
            let options = image_options(*layer, merged.pixels.data_type(), radiometry.get(layer));
            write(&patch.path(&name)?, &merged.grid, options, &merged.pixels)?;
        }
        let is_binary = self.labels.classes().attribute.is_none();
        let mask_options = CogOptions {
            palette: if is_binary { CogOptions::mask("mining").palette } else { None },
            overviews: false,
            ..CogOptions::mask("mining")
        };
        write(&patch.path(MASK_FILE)?, &grid, mask_options, &Pixels::U8(mask.clone()))?;

        let facts = self.facts(candidate, &grid, &layers, &mask, contributions, radiometry)?;
        let item_path = patch.path(&item_name)?;
        let (record, document) = item::describe(&facts, item_path.parent().unwrap_or(&folder))?;
        write_json(&item_path, &document)?;
        patch.commit()?;
        Ok(PatchOutcome::Patch(Box::new(record), true))
    }

    /// Reads and merges all layers of a patch; `None` if it has too little data.
    #[expect(clippy::type_complexity, reason = "the three maps belong to one patch and are taken apart at once")]
    fn read(
        &self,
        candidate: &Candidate,
    ) -> Result<Option<(BTreeMap<Layer, Merged>, BTreeMap<usize, usize>, BTreeMap<Layer, BandRadiometry>)>> {
        let mosaic = &self.mosaics[candidate.mosaic];
        let bands: Vec<Layer> = mosaic.layers().filter(|layer| matches!(layer, Layer::Band(_))).collect();
        let mut layers = BTreeMap::new();
        let mut radiometry = BTreeMap::new();
        // The finest band is read first: it shows which scene gives most pixels and whether there is enough data.
        let mut finest: Vec<(f64, Layer)> = bands
            .iter()
            .filter_map(|layer| Some((mosaic.grid(&candidate.cell, *layer)?.transform.pixel_width, *layer)))
            .collect();
        finest.sort_by(|a, b| a.0.total_cmp(&b.0).then(a.1.cmp(&b.1)));
        let mut contributions: BTreeMap<usize, usize> = BTreeMap::new();
        let mut classes = None;
        for (_, layer) in finest {
            let of_scene = |index: usize| mosaic.scenes[index].layer(layer).and_then(|band| band.radiometry);
            // All pixels of a patch get the radiometry of the most preferred scene that covers it.
            let target = candidate.scenes.first().copied().and_then(of_scene);
            let Some(merged) = mosaic.read(&candidate.cell, layer, &candidate.scenes, target)? else { continue };
            if merged.data_share() < self.options.min_data {
                return Ok(None);
            }
            if contributions.is_empty() {
                contributions.clone_from(&merged.from);
                classes = mosaic.read_classes(&candidate.cell, &merged)?;
            }
            self.pixels.fetch_add(merged.pixels.len(), Ordering::Relaxed);
            self.clamped.fetch_add(merged.clamped, Ordering::Relaxed);
            radiometry.extend(target.map(|target| (layer, target)));
            layers.insert(layer, merged);
        }
        layers.extend(classes.map(|merged| (Layer::Classification, merged)));
        Ok(Some((layers, contributions, radiometry)))
    }

    fn facts(
        &self,
        candidate: &Candidate,
        grid: &Grid,
        layers: &BTreeMap<Layer, Merged>,
        mask: &[u8],
        contributions: BTreeMap<usize, usize>,
        radiometry: BTreeMap<Layer, BandRadiometry>,
    ) -> Result<PatchFacts> {
        let mosaic = &self.mosaics[candidate.mosaic];
        let data_share = layers
            .iter()
            .filter(|(layer, _)| matches!(layer, Layer::Band(_)))
            .map(|(_, merged)| merged.data_share())
            .fold(1.0, f64::min);
        let clear_share = layers.get(&Layer::Classification).map(|merged| {
            let classes = (0..merged.pixels.len()).map(|i| merged.pixels.get(i) as u8).filter(|&class| class != 0);
            let (clear, all) = classes.fold((0_usize, 0_usize), |(clear, all), class| {
                (clear + usize::from(is_assessable(class, MaskOptions::default())), all + 1)
            });
            clear as f64 / all.max(1) as f64
        });
        let mut counts: BTreeMap<u8, usize> = BTreeMap::new();
        for &value in mask {
            *counts.entry(value).or_insert(0) += 1;
        }
        let commodities: BTreeSet<String> =
            self.features(candidate.mosaic, grid).into_iter().filter_map(|f| self.commodity_of(f)).collect();
        let mut contributions: Vec<Contribution> = contributions
            .into_iter()
            .map(|(index, pixels)| Contribution {
                scene: Arc::clone(&mosaic.scenes[index]),
                share: pixels as f64 / (grid.width * grid.height) as f64,
            })
            .collect();
        // Most pixels first. Ties keep the order of preference.
        contributions.sort_by(|a, b| b.share.total_cmp(&a.share));
        Ok(PatchFacts {
            id: candidate.cell.id.clone(),
            grid: grid.clone(),
            bbox: Transformer::new(&grid.crs, &minesegsat_core::Crs::WGS84)?.transform_bounds(grid.bounds())?,
            layers: layers
                .iter()
                .map(|(layer, merged)| (*layer, (merged.grid.clone(), merged.pixels.data_type())))
                .collect(),
            radiometry,
            contributions,
            data_share,
            clear_share,
            counts,
            classes: classes(self.labels),
            commodity: (!commodities.is_empty()).then(|| commodities.into_iter().collect::<Vec<_>>().join(";")),
            fingerprint: candidate.fingerprint.clone(),
            label_source: self.labels.source().source.clone(),
        })
    }

    /// Writes the manifest and removes patches that no longer belong to the set.
    fn finish(&self, samples: &[SampleRecord]) -> Result<usize> {
        self.cache.save()?;
        let used: BTreeSet<&str> = samples.iter().flat_map(|sample| sample.scenes.split(' ')).collect();
        let scenes: Vec<Value> = self
            .mosaics
            .iter()
            .zip(&self.inputs)
            .flat_map(|(mosaic, inputs)| mosaic.scenes.iter().zip(inputs))
            .filter(|(scene, _)| used.contains(scene.name.as_str()))
            .map(|(scene, inputs)| scene.record(inputs))
            .collect();
        let first = samples.first().expect("a set has samples");
        let bands: Vec<Band> = self.mosaics[0]
            .layers()
            .filter_map(|layer| match layer {
                Layer::Band(band) => Some(band),
                Layer::Classification => None,
            })
            .collect();
        let card = DatasetCard {
            format_version: FORMAT_VERSION,
            software: software(),
            origin: Origin::Built,
            title: self.options.title.clone(),
            root: ".".into(),
            bands,
            patch_size: Some(self.options.patch_size),
            scale: first.scale.unwrap_or(1e-4),
            offset_dn: first.offset_dn.unwrap_or(0.0),
            classes: classes(self.labels),
            ignore: MASK_NODATA,
            labels: json!({ "source": self.labels.source(), "report": self.labels.report() }),
            scenes,
            parameters: json!({
                "patch_size": self.options.patch_size,
                "negatives": self.options.negatives,
                "min_data": self.options.min_data,
                "fill_clouds": self.options.fill_clouds,
                "seed": self.options.seed,
                "commodity_attribute": self.commodity,
            }),
        };
        item::write_collection(self.folder, &card, samples)?;
        write_index(self.folder, &card, samples)?;
        let ids: BTreeSet<&str> = samples.iter().map(|sample| sample.id.as_str()).collect();
        let mut removed = 0;
        for entry in fs_err::read_dir(self.folder.join(PATCHES_FOLDER))? {
            let entry = entry?;
            let name = entry.file_name().to_string_lossy().into_owned();
            // Removes only folders that this program made: those with an item of the same name.
            if !ids.contains(name.as_str()) && entry.path().join(format!("{name}.json")).is_file() {
                fs_err::remove_dir_all(entry.path())?;
                removed += 1;
            }
        }
        Ok(removed)
    }
}

/// Background and the classes of the labels. A value with several names gets all of them.
fn classes(labels: &Labels) -> Vec<Class> {
    let mut by_value: BTreeMap<u8, Vec<&str>> = BTreeMap::new();
    for (name, value) in &labels.classes().classes {
        by_value.entry(*value).or_default().push(name);
    }
    let background = Class { value: 0, name: "background".to_owned() };
    let named = by_value.into_iter().map(|(value, names)| Class { value, name: names.join(" or ") });
    std::iter::once(background).chain(named).collect()
}

/// Write options of a patch's image, chosen for small files and fast writing.
fn image_options(layer: Layer, data_type: DataType, radiometry: Option<&BandRadiometry>) -> CogOptions {
    let (scale, offset) = radiometry.map_or((1.0, 0.0), |r| (r.scale, r.offset_dn * r.scale));
    // -1000 * 1e-4 is not quite -0.1.
    let offset = (offset * 1e9).round() / 1e9;
    CogOptions {
        data_type,
        nodata: Some(if data_type == DataType::F32 { f64::NAN } else { 0.0 }),
        bands: vec![BandMeta { scale, offset, ..BandMeta::named(layer.name()) }],
        block_size: 256,
        compression_level: 1,
        overviews: false,
        ..CogOptions::default()
    }
}

fn write(path: &Path, grid: &Grid, options: CogOptions, pixels: &Pixels) -> Result<()> {
    let mut writer = CogWriter::create(path, grid, options)?;
    writer.write_rows(std::slice::from_ref(pixels))?;
    writer.finish()
}

/// Area in hectares, on the ground, of `pixels` pixels of a grid in metres.
pub(super) fn hectares(grid: &Grid, pixels: usize) -> f64 {
    let t = &grid.transform;
    let (width, height) = grid.ground_pixel_m().unwrap_or((t.pixel_width, -t.pixel_height));
    pixels as f64 * width * height / 10_000.0
}

/// Outline of a grid in degrees, counterclockwise.
pub(super) fn outline(grid: &Grid) -> Result<MultiPolygon<f64>> {
    let [left, bottom, right, top] = grid.bounds();
    let ring = vec![(left, bottom), (right, bottom), (right, top), (left, top), (left, bottom)];
    let polygon = geo::Polygon::new(ring.into(), Vec::new());
    Transformer::new(&grid.crs, &minesegsat_core::Crs::WGS84)?.transform_polygons(&MultiPolygon(vec![polygon]))
}
