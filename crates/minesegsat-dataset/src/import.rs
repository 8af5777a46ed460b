//! Describes existing data in place: [`import_paper`], [`import_chips`]. Nothing is copied: the description records
//! paths. All files are checked, and all missing files are reported at once.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use serde_json::{Value, json};

use super::mask::{Mask, MaskValues};
use super::{
    Class, DatasetCard, FORMAT_VERSION, MASK_FILE, Origin, SPLITS_FILE, SampleRecord, Split, SplitRow, is_image,
    read_csv, remove_stats, software, write_csv, write_index,
};
use minesegsat_core::output::FolderLock;
use minesegsat_core::pixel_class::MASK_NODATA;
use minesegsat_core::{Band, Crs, Error, Result, Setting, Transformer, parallel};
use minesegsat_io::raster::{Georeference, open_image};
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
    /// Meaning of the masks' values. Default: 0 (other), 1 (mining), 255 (ignore).
    pub mask_values: Option<MaskValues>,
    /// Title for people.
    pub title: Option<String>,
    /// Replace an existing description.
    pub overwrite: bool,
}

impl Default for ImportOptions {
    fn default() -> Self {
        Self { bands: None, scale: 1e-4, offset_dn: 0.0, mask_values: None, title: None, overwrite: false }
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
    /// Line in the index, from 1; 0 without an index.
    line: u64,
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
    let rows: Vec<(u64, SplitRow)> = read_csv(&index)?;
    let mut renamed = Renamed::default();
    let listed: Vec<Listed> = rows
        .into_iter()
        .map(|(line, row)| {
            let data_path = renamed.find(source, &row.data_path);
            Listed {
                line,
                id: row.id.unwrap_or_else(|| data_path.clone()),
                mask_path: renamed.find(source, &row.mask_path),
                data_path,
                split: Some(row.split).filter(|split| !split.is_empty()),
                group: row.group,
                date: None,
                commodity: row.resource,
            }
        })
        .collect();
    let bands = options.bands.clone().unwrap_or_else(|| Band::PAPER.to_vec());
    let metadata = paper_metadata(source, &bands)?;
    let parameters = json!({ "index": SPLITS_FILE, "metadata": metadata });
    import(source, folder, &index, listed, (Origin::Paper, bands), parameters, options, renamed)
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
    let mut renamed = Renamed::default();
    let stem = |name: &str| name.rsplit_once('.').map_or(name, |(stem, _)| stem).to_owned();
    let (listed, index) = if let Some(index) = &layout.index {
        let rows: Vec<(u64, BTreeMap<String, String>)> = read_csv(index)?;
        let column = |row: &BTreeMap<String, String>, names: &[&str]| {
            names.iter().find_map(|name| row.get(*name)).filter(|text| !text.is_empty()).cloned()
        };
        let mut listed = Vec::new();
        for (line, row) in &rows {
            let Some(image) = column(row, &["chip", "image", "file", "filename", "name", "id"]) else {
                let names: Vec<&str> = row.keys().map(String::as_str).collect();
                return Err(Error::input(
                    index.display().to_string(),
                    format!(
                        "line {line} names no image: expected a column chip, image, file, name or id; it has {}",
                        names.join(", ")
                    ),
                ));
            };
            let image = renamed.find(&images, &image);
            let mask = column(row, &["mask"]).map_or_else(|| image.clone(), |mask| renamed.find(&masks, &mask));
            listed.push(Listed {
                line: *line,
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
                line: 0,
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
    import(&root, folder, &index, listed, (Origin::Chips, bands), parameters, options, renamed)
}

/// Finds the files that an index names, and counts those that it names by a path of another place.
#[derive(Default)]
struct Renamed {
    count: usize,
    /// The first of them, with the path that was found.
    example: Option<(String, String)>,
}

impl Renamed {
    /// The path of a file or folder below `folder`, with `/` between its parts. Names may lack the extension `.tif` or
    /// `.tiff`. If a path does not exist, such as `D:\\chips\\image\\a.tif`, its longest end that does is taken. A path that
    /// is not found stays as it is.
    fn find(&mut self, folder: &Path, name: &str) -> String {
        let existing = |path: &str| {
            let paths = ["", ".tif", ".tiff"].map(|extension| format!("{path}{extension}"));
            paths.into_iter().find(|path| folder.join(path).exists())
        };
        if let Some(path) = existing(name) {
            return path;
        }
        let parts: Vec<&str> = name.split(['/', '\\']).filter(|part| !part.is_empty() && *part != ".").collect();
        let ends = (0..parts.len()).filter(|first| !parts[*first..].contains(&".."));
        let found = ends.into_iter().find_map(|first| Some((first, existing(&parts[first..].join("/"))?)));
        let Some((first, path)) = found else {
            return if is_image(name) { name.to_owned() } else { format!("{name}.tif") };
        };
        let is_own_folder = first == 1 && folder.file_name().is_some_and(|own| *own == *parts[0]);
        if first > 0 && !is_own_folder {
            self.count += 1;
            self.example.get_or_insert_with(|| (name.to_owned(), path.clone()));
        }
        path
    }

    fn warning(&self, folder: &Path) -> Option<String> {
        let (name, path) = self.example.as_ref()?;
        Some(format!(
            "{} of the paths in {} do not exist and were read by their ends, such as `{name}` as `{path}`",
            self.count,
            folder.display()
        ))
    }
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
    .avoided_by(Setting::Bands))
}

fn common_folder(a: &Path, b: &Path) -> PathBuf {
    a.components().zip(b.components()).take_while(|(a, b)| a == b).map(|(a, _)| a).collect()
}

#[expect(clippy::too_many_arguments, reason = "the two layouts differ in all of them")]
fn import(
    root: &Path,
    folder: &Path,
    index: &Path,
    listed: Vec<Listed>,
    (origin, bands): (Origin, Vec<Band>),
    parameters: Value,
    options: &ImportOptions,
    renamed: Renamed,
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
    let inspected: Vec<Inspected> = parallel::map(&listed, |one| inspect(one, &root, &bands, options))?;
    let size = |info: &RasterInfo| info.grid.width.max(info.grid.height);
    let first = inspected.first().map_or(0, |one| size(&one.image));
    let patch_size = inspected.iter().all(|one| size(&one.image) == first).then_some(first);

    let mut warnings: Vec<String> = renamed.warning(&root).into_iter().collect();
    let unplaced = inspected.iter().filter(|one| one.sample.west.is_nan()).count();
    if unplaced > 0 {
        warnings.push(format!(
            "{unplaced} samples have no georeference, so neighbours cannot be found: split them by groups"
        ));
    }
    check_masks(&inspected, options, &mut warnings)?;
    let rows =
        split_rows(&listed, &mut warnings).map_err(|reason| Error::input(index.display().to_string(), reason))?;
    let mut samples: Vec<SampleRecord> = inspected.into_iter().map(|one| one.sample).collect();
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
        classes: classes(),
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

/// Rows of the splits; `None` if no sample has one. A sample without a split among others with one is left out.
fn split_rows(listed: &[Listed], warnings: &mut Vec<String>) -> Result<Option<Vec<SplitRow>>, String> {
    if listed.iter().all(|one| one.split.is_none()) {
        return Ok(None);
    }
    let without: Vec<&Listed> = listed.iter().filter(|one| one.split.is_none()).collect();
    if let Some(first) = without.first() {
        warnings.push(format!(
            "{} of the {} rows have no split and are left out of training, validation and test; the first is `{}` in line {}",
            without.len(),
            listed.len(),
            first.id,
            first.line
        ));
    }
    let row = |one: &Listed| {
        let text = one.split.as_deref().unwrap_or_default();
        let split: Split = text
            .parse()
            .map_err(|_| format!("unknown split `{text}` in line {}; expected train, val or test", one.line))?;
        Ok(SplitRow {
            split: split.to_string(),
            data_path: one.data_path.clone(),
            mask_path: one.mask_path.clone(),
            id: Some(one.id.clone()),
            group: one.group.clone(),
            resource: one.commodity.clone(),
        })
    };
    Ok(Some(listed.iter().map(row).collect::<Result<_, String>>()?))
}

/// Checks that the values of all masks together make sense, and notes what could not be compared.
fn check_masks(inspected: &[Inspected], options: &ImportOptions, warnings: &mut Vec<String>) -> Result<()> {
    let count = |is: &dyn Fn(&Inspected) -> bool| inspected.iter().filter(|one| is(one)).count();
    let mined = count(&|one| one.has_mining);
    if options.mask_values.is_none() {
        let doubtful = |one: &Inspected| one.has_ignored && one.has_other && !one.has_mining;
        let ignored = count(&doubtful);
        if let Some(first) = inspected.iter().find(|one| doubtful(one)) {
            if mined == 0 {
                return Err(Error::raster(
                    first.mask.clone(),
                    format!(
                        "the mask holds {MASK_NODATA} but no mask of the set holds 1: {MASK_NODATA} is read as `ignore`, and \
                         no pixel would be mining"
                    ),
                )
                .avoided_by(Setting::MaskValues));
            }
            warnings.push(format!(
                "{ignored} masks hold 0 and {MASK_NODATA} but no 1, such as {}: {MASK_NODATA} is read as `ignore`, not as \
                 mining",
                first.mask
            ));
        }
    }
    if mined > 0 && count(&|one| one.has_other) == 0 {
        warnings.push("no mask has a pixel that is not mining".to_owned());
    }
    let half_placed = count(&|one| one.is_half_placed);
    if half_placed > 0 {
        warnings.push(format!(
            "{half_placed} masks or their images have no georeference: they are paired by their pixels, and only their sizes \
             were compared"
        ));
    }
    Ok(())
}

/// What the files of a sample say.
struct Inspected {
    sample: SampleRecord,
    /// The finest band.
    image: RasterInfo,
    /// File of the mask.
    mask: String,
    has_other: bool,
    has_mining: bool,
    has_ignored: bool,
    /// Whether exactly one of image and mask states its place.
    is_half_placed: bool,
}

/// Reads sizes, location and mining share from the files of a sample.
fn inspect(one: &Listed, root: &Path, bands: &[Band], options: &ImportOptions) -> Result<Inspected> {
    let files = files_of(one, bands);
    let mask_path = root.join(files.last().expect("a sample has a mask"));
    let mask = Mask::open(&mask_path, options.mask_values.as_ref(), &classes(), MASK_NODATA)?;
    let mut images: Vec<(RasterInfo, Georeference)> = Vec::new();
    for path in &files[..files.len() - 1] {
        let (source, georeference) = open_image(&Location::from(root.join(path)))?;
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
        images.push((info.clone(), georeference));
    }
    let is_placed = images.iter().all(|(_, georeference)| georeference.is_placed());
    let finest = images.iter().reduce(|a, b| if b.0.grid.width > a.0.grid.width { b } else { a });
    let (image, georeference) = finest.cloned().unwrap_or_else(|| (mask.info().clone(), mask.georeference().clone()));
    if is_placed {
        check_bands_cover_the_same_ground(&images, &image)?;
    }
    mask.check_bands()?;
    mask.check_grid(&image, &georeference)?;
    let pixels = mask.classes(mask.info().grid.full_window())?;
    let mining = pixels.iter().filter(|class| !matches!(**class, 0 | MASK_NODATA)).count();
    let [west, south, east, north] = if is_placed {
        Transformer::new(&image.grid.crs, &Crs::WGS84)?.transform_bounds(image.grid.bounds())?
    } else {
        [f64::NAN; 4]
    };
    let sample = SampleRecord {
        id: one.id.clone(),
        data_path: one.data_path.clone(),
        mask_path: one.mask_path.clone(),
        epsg: is_placed.then(|| image.grid.crs.epsg()),
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
        mask_values: options.mask_values.clone(),
        bands: None,
        domain: None,
    };
    Ok(Inspected {
        sample,
        image,
        mask: mask.info().location.clone(),
        has_other: pixels.contains(&0),
        has_mining: mining > 0,
        has_ignored: pixels.contains(&MASK_NODATA),
        is_half_placed: (georeference == Georeference::Absent) != (*mask.georeference() == Georeference::Absent),
    })
}

/// Returns an error if a band of a sample has another CRS than the finest band, or edges more than one of its own pixels away.
fn check_bands_cover_the_same_ground(images: &[(RasterInfo, Georeference)], finest: &RasterInfo) -> Result<()> {
    for (info, _) in images {
        let size = info.grid.transform.pixel_width.abs().max(info.grid.transform.pixel_height.abs());
        let (a, b) = (info.grid.bounds(), finest.grid.bounds());
        let is_close = a.iter().zip(b).all(|(a, b)| (a - b).abs() <= size);
        if info.grid.crs.epsg() != finest.grid.crs.epsg() || !is_close {
            return Err(Error::raster(
                info.location.clone(),
                format!(
                    "it covers {} {a:?}, but the band {} of the same sample covers {} {b:?}",
                    info.grid.crs, finest.location, finest.grid.crs
                ),
            ));
        }
    }
    Ok(())
}

/// Classes of imported masks.
fn classes() -> Vec<Class> {
    [(0, "background"), (1, "mining")].map(|(value, name)| Class { value, name: name.to_owned() }).to_vec()
}
