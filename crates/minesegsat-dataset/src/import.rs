//! Describes existing data in place: [`import_paper`], [`import_chips`]. Nothing is copied: the description records
//! paths. All files are checked, and all missing files are reported at once.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use rayon::prelude::*;
use serde_json::{Value, json};

use super::sample::{check_mask_size, class};
use super::{
    Class, DatasetCard, FORMAT_VERSION, MASK_FILE, Origin, SPLITS_FILE, SampleRecord, Split, SplitRow, is_image,
    read_csv, remove_stats, software, write_csv, write_index,
};
use minesegsat_core::output::FolderLock;
use minesegsat_core::pixel_class::MASK_NODATA;
use minesegsat_core::{Band, Crs, Error, Result, Transformer};
use minesegsat_io::raster::open_image;
use minesegsat_io::{Location, RasterInfo, read_json};

/// Maximum number of missing files that a message lists by name.
const LISTED: usize = 1000;

/// Properties of the data that the files do not state.
#[derive(Debug, Clone)]
pub struct ImportOptions {
    /// Bands of the images in the order of the file. For the paper's layout: the bands to look for.
    pub bands: Option<Vec<Band>>,
    /// Reflectance per digital number.
    pub scale: f64,
    /// Offset added to digital numbers before scaling.
    pub offset_dn: f64,
    /// Title for people.
    pub title: Option<String>,
    /// Replace an existing description.
    pub overwrite: bool,
}

impl Default for ImportOptions {
    fn default() -> Self {
        Self { bands: None, scale: 1e-4, offset_dn: 0.0, title: None, overwrite: false }
    }
}

/// Layout of a set of chips: a folder of images and a folder of masks.
#[derive(Debug, Clone, Default)]
pub struct ChipLayout {
    /// Folder of multi-band images.
    pub images: PathBuf,
    /// Folder of masks with the same names as the images.
    pub masks: PathBuf,
    /// A CSV file with a column of image names (`chip`, `image`, `file`, `name` or `id`). Optional columns are `mask`,
    /// `split`, a group (`group` or `site_group`), `date` and `commodity`. Default: every image that has a mask is a
    /// sample.
    pub index: Option<PathBuf>,
}

/// One sample of an index.
struct Listed {
    id: String,
    data_path: String,
    mask_path: String,
    split: Option<String>,
    group: Option<String>,
    date: Option<String>,
    commodity: Option<String>,
}

/// Describes a data set in the paper's published layout: `source/dataset_splits.csv` with the columns
/// `split,data_path,mask_path` and optionally `resource`; per patch a folder with `B04.tif` and so on, and a folder
/// with `mask.tif`; and `metadata/B04_metadata.json`.
pub fn import_paper(source: &Path, folder: &Path, options: &ImportOptions) -> Result<Vec<String>> {
    let index = source.join(SPLITS_FILE);
    if !index.is_file() {
        return Err(Error::input(
            source.display().to_string(),
            format!("it has no {SPLITS_FILE}, which the paper's layout requires"),
        ));
    }
    let rows: Vec<SplitRow> = read_csv(&index)?;
    let listed = rows.into_iter().map(|row| Listed {
        id: row.id.unwrap_or_else(|| row.data_path.clone()),
        data_path: row.data_path,
        mask_path: row.mask_path,
        split: Some(row.split),
        group: row.group,
        date: None,
        commodity: row.resource,
    });
    let bands = options.bands.clone().unwrap_or_else(|| Band::PAPER.to_vec());
    let metadata = paper_metadata(source, &bands)?;
    let parameters = json!({ "index": SPLITS_FILE, "metadata": metadata });
    import(source, folder, &index, listed.collect(), (Origin::Paper, bands), parameters, options)
}

/// Reads the minimum, maximum, mean and standard deviation of each band in digital numbers from the paper's metadata.
fn paper_metadata(source: &Path, bands: &[Band]) -> Result<BTreeMap<Band, Value>> {
    let mut found = BTreeMap::new();
    for &band in bands {
        let path = source.join("metadata").join(format!("{band}_metadata.json"));
        if path.is_file() {
            found.insert(band, read_json(&Location::from(path))?);
        }
    }
    Ok(found)
}

/// Describes a folder of images and a folder of masks.
pub fn import_chips(layout: &ChipLayout, folder: &Path, options: &ImportOptions) -> Result<Vec<String>> {
    for place in [&layout.images, &layout.masks] {
        if !place.is_dir() {
            return Err(Error::input(place.display().to_string(), "it is not a folder".to_owned()));
        }
    }
    let images = fs_err::canonicalize(&layout.images)?;
    let masks = fs_err::canonicalize(&layout.masks)?;
    let root = common_folder(&images, &masks);
    let below = |folder: &Path, name: &str| -> String {
        folder.join(name).strip_prefix(&root).unwrap_or(&folder.join(name)).to_string_lossy().replace('\\', "/")
    };
    let stem = |name: &str| name.rsplit_once('.').map_or(name, |(stem, _)| stem).to_owned();
    let (listed, index) = if let Some(index) = &layout.index {
        let rows: Vec<BTreeMap<String, String>> = read_csv(index)?;
        let column = |row: &BTreeMap<String, String>, names: &[&str]| {
            names.iter().find_map(|name| row.get(*name)).filter(|text| !text.is_empty()).cloned()
        };
        let mut listed = Vec::new();
        for (line, row) in rows.iter().enumerate() {
            let Some(image) = column(row, &["chip", "image", "file", "filename", "name", "id"]) else {
                let names: Vec<&str> = row.keys().map(String::as_str).collect();
                return Err(Error::input(
                    index.display().to_string(),
                    format!(
                        "line {} names no image: expected a column chip, image, file, name or id; it has {}",
                        line + 2,
                        names.join(", ")
                    ),
                ));
            };
            let image = with_extension(&images, image);
            let mask = column(row, &["mask"]).map_or_else(|| image.clone(), |mask| with_extension(&masks, mask));
            listed.push(Listed {
                id: stem(&image),
                data_path: below(&images, &image),
                mask_path: below(&masks, &mask),
                split: column(row, &["split"]),
                group: column(row, &["group", "site_group", "site"]),
                date: column(row, &["date", "datetime"]),
                commodity: column(row, &["commodity", "resource"]),
            });
        }
        (listed, index.clone())
    } else {
        let mut names = Vec::new();
        for entry in fs_err::read_dir(&images)? {
            names.push(entry?.file_name().to_string_lossy().into_owned());
        }
        names.retain(|name| is_image(name));
        names.sort();
        let listed = names
            .into_iter()
            .map(|name| Listed {
                id: stem(&name),
                data_path: below(&images, &name),
                mask_path: below(&masks, &name),
                split: None,
                group: None,
                date: None,
                commodity: None,
            })
            .collect();
        (listed, images.clone())
    };
    let bands = match (&options.bands, listed.first()) {
        (Some(bands), _) => bands.clone(),
        (None, Some(first)) => described_bands(&root.join(&first.data_path))?,
        (None, None) => Vec::new(),
    };
    let parameters = json!({ "images": images, "masks": masks });
    import(&root, folder, &index, listed, (Origin::Chips, bands), parameters, options)
}

/// Appends the extension of the existing file to a name without one; default: `.tif`.
fn with_extension(folder: &Path, name: String) -> String {
    if is_image(&name) {
        return name;
    }
    let found =
        ["tif", "tiff"].iter().map(|extension| format!("{name}.{extension}")).find(|n| folder.join(n).is_file());
    found.unwrap_or_else(|| format!("{name}.tif"))
}

/// Bands named in the band descriptions of an image.
fn described_bands(path: &Path) -> Result<Vec<Band>> {
    let (source, _) = open_image(&Location::from(path))?;
    let names = &source.info().band_names;
    let bands: Vec<Band> = names.iter().filter_map(|name| name.as_deref()?.parse().ok()).collect();
    if bands.len() == names.len() {
        return Ok(bands);
    }
    Err(Error::raster(
        path.display().to_string(),
        format!("its {} bands have no descriptions such as B04 or red; name the bands in their order", names.len()),
    )
    .avoided_by(minesegsat_core::Setting::Bands))
}

fn common_folder(a: &Path, b: &Path) -> PathBuf {
    a.components().zip(b.components()).take_while(|(a, b)| a == b).map(|(a, _)| a).collect()
}

fn import(
    root: &Path,
    folder: &Path,
    index: &Path,
    listed: Vec<Listed>,
    (origin, bands): (Origin, Vec<Band>),
    parameters: Value,
    options: &ImportOptions,
) -> Result<Vec<String>> {
    let root = fs_err::canonicalize(root)?;
    if folder.canonicalize().is_ok_and(|folder| folder == root) {
        return Err(Error::Argument {
            name: "output folder",
            value: folder.display().to_string(),
            accepted: "a folder other than the data's own".to_owned(),
        });
    }
    let _lock = FolderLock::acquire(folder)?;
    if folder.join(super::CARD_FILE).exists() && !options.overwrite {
        return Err(Error::OutputExists { path: folder.join(super::CARD_FILE) });
    }
    let refuse = |reason: String| Err(Error::input(index.display().to_string(), reason));
    if listed.is_empty() {
        return refuse("it lists no samples".to_owned());
    }
    let mut ids: Vec<&str> = listed.iter().map(|one| one.id.as_str()).collect();
    ids.sort_unstable();
    if let Some([id, _]) = ids.array_windows().find(|[a, b]| a == b) {
        return refuse(format!("it lists {id} twice"));
    }
    let missing: Vec<String> =
        listed.iter().flat_map(|one| files_of(one, &bands)).filter(|path| !root.join(path).is_file()).collect();
    if !missing.is_empty() {
        let shown = missing.iter().take(LISTED).map(|path| format!("\n  {path}")).collect::<String>();
        let more =
            if missing.len() > LISTED { format!("\n  and {} more", missing.len() - LISTED) } else { String::new() };
        return refuse(format!(
            "{} of the files that it names do not exist in {}:{shown}{more}",
            missing.len(),
            root.display()
        ));
    }
    let inspected: Vec<(SampleRecord, RasterInfo)> =
        listed.par_iter().map(|one| inspect(one, &root, &bands)).collect::<Result<_>>()?;
    let size = |info: &RasterInfo| info.grid.width.max(info.grid.height);
    let first = inspected.first().map_or(0, |(_, info)| size(info));
    let patch_size = inspected.iter().all(|(_, info)| size(info) == first).then_some(first);

    let mut warnings = Vec::new();
    let unplaced = inspected.iter().filter(|(sample, _)| sample.west.is_nan()).count();
    if unplaced > 0 {
        warnings.push(format!(
            "{unplaced} samples have no georeference, so neighbours cannot be found: split them by groups"
        ));
    }
    let mut samples: Vec<SampleRecord> = inspected.into_iter().map(|(sample, _)| sample).collect();
    let rows: Option<Vec<SplitRow>> = listed
        .iter()
        .map(|one| {
            let split: Split = one.split.as_deref()?.parse().ok()?;
            Some(SplitRow {
                split: split.to_string(),
                data_path: one.data_path.clone(),
                mask_path: one.mask_path.clone(),
                id: Some(one.id.clone()),
                group: one.group.clone(),
                resource: one.commodity.clone(),
            })
        })
        .collect();
    if let Some(bad) = listed.iter().filter_map(|one| one.split.as_deref()).find(|text| text.parse::<Split>().is_err())
    {
        return refuse(format!("unknown split `{bad}`; expected train, val or test"));
    }
    samples.sort_by(|a, b| a.id.cmp(&b.id));
    let card = DatasetCard {
        format_version: FORMAT_VERSION,
        software: software(),
        origin,
        title: options.title.clone().unwrap_or_else(|| {
            root.file_name().map_or_else(|| "data set".to_owned(), |name| name.to_string_lossy().into_owned())
        }),
        root,
        bands,
        patch_size,
        scale: options.scale,
        offset_dn: options.offset_dn,
        classes: [(0, "background"), (1, "mining")]
            .map(|(value, name)| Class { value, name: name.to_owned() })
            .to_vec(),
        ignore: MASK_NODATA,
        labels: Value::Null,
        scenes: Vec::new(),
        parameters,
    };
    // Statistics of an earlier description are invalid.
    remove_stats(folder)?;
    match rows {
        Some(rows) => write_csv(&folder.join(SPLITS_FILE), rows)?,
        None if folder.join(SPLITS_FILE).is_file() => fs_err::remove_file(folder.join(SPLITS_FILE))?,
        None => {}
    }
    write_index(folder, &card, &samples)?;
    Ok(warnings)
}

/// All files of a sample, relative to the root.
fn files_of(one: &Listed, bands: &[Band]) -> Vec<String> {
    let mut files = if is_image(&one.data_path) {
        vec![one.data_path.clone()]
    } else {
        bands.iter().map(|band| format!("{}/{band}.tif", one.data_path)).collect()
    };
    files.push(if is_image(&one.mask_path) { one.mask_path.clone() } else { format!("{}/{MASK_FILE}", one.mask_path) });
    files
}

/// Reads sizes, location and mining share from the files of a sample.
fn inspect(one: &Listed, root: &Path, bands: &[Band]) -> Result<(SampleRecord, RasterInfo)> {
    let files = files_of(one, bands);
    let open = |path: &String| open_image(&Location::from(root.join(path)));
    let mask_path = files.last().expect("a sample has a mask");
    let (mask, _) = open(mask_path)?;
    let mut finest: Option<RasterInfo> = None;
    let mut is_placed = true;
    for path in &files[..files.len() - 1] {
        let (source, placed) = open(path)?;
        is_placed &= placed;
        let info = source.info();
        if is_image(&one.data_path) && info.band_names.len() != bands.len() {
            return Err(Error::raster(
                info.location.clone(),
                format!(
                    "it has {} bands, but {} are expected: {}",
                    info.band_names.len(),
                    bands.len(),
                    Band::list(bands)
                ),
            ));
        }
        if finest.as_ref().is_none_or(|other| info.grid.width > other.grid.width) {
            finest = Some(info.clone());
        }
    }
    let finest = finest.unwrap_or_else(|| mask.info().clone());
    let (image, labels) = (&finest.grid, &mask.info().grid);
    check_mask_size(image, mask.info())?;
    let pixels = mask.read(0, labels.full_window())?;
    let mining = (0..pixels.len()).filter(|&i| !matches!(class(&pixels, i), 0 | MASK_NODATA)).count();
    let [west, south, east, north] = if is_placed {
        Transformer::new(&image.crs, &Crs::WGS84)?.transform_bounds(image.bounds())?
    } else {
        [f64::NAN; 4]
    };
    let record = SampleRecord {
        id: one.id.clone(),
        data_path: one.data_path.clone(),
        mask_path: one.mask_path.clone(),
        epsg: is_placed.then(|| image.crs.epsg()),
        west,
        south,
        east,
        north,
        date: one.date.clone(),
        scenes: String::new(),
        scale: None,
        offset_dn: None,
        data_share: None,
        clear_share: None,
        mining_share: mining as f64 / pixels.len().max(1) as f64,
        mining_ha: None,
        commodity: one.commodity.clone(),
        group: one.group.clone(),
    };
    Ok((record, finest))
}
