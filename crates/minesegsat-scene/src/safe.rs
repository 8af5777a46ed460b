//! SAFE products as distributed by ESA, of all processing baselines: levels 1C and 2A, in a folder or a zip archive.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use super::names::{Layer, ProcessingBaseline, ProductLevel, ProductName, layer_of, mgrs_tile, resolution_of};
use super::radiometry::{OffsetRule, RadiometryClaim, Reliability};
use super::stated::StatedGrid;
use super::tree::{FileTree, file_of, folder_of, has_extension, is_raster};
use super::xml::{Document, Element};
use super::{LocatedRaster, OpenOptions, SceneKind, SceneMetadata, UnopenedScene};
use minesegsat_core::{Band, Crs, Error, GeoTransform, Grid, Result};
use minesegsat_io::raster::StatedChecksum;

/// Lists the files of a product.
const MANIFEST: &str = "manifest.safe";

/// Finds the product in a tree of files; `None` if there is none.
pub(super) fn find(
    tree: &FileTree,
    path: &Path,
    kind: SceneKind,
    options: &OpenOptions,
) -> Result<Option<UnopenedScene>> {
    let scene = path.display().to_string();
    let products: Vec<&str> = tree.files().filter(|name| is_product_metadata(file_of(name))).collect();
    // A folder of several products is not a product.
    let product = match products[..] {
        [] => return Ok(None),
        [product] => product,
        _ => {
            let names: Vec<&str> = products.iter().map(|name| file_of(folder_of(name))).collect();
            return Err(Error::scene(
                scene,
                format!("it holds {} products: {}; open one", names.len(), names.join(", ")),
            ));
        }
    };
    let root = folder_of(product);
    let granule = choose_granule(tree, root, &scene, options.tile.as_deref())?;
    let product_at = tree.location(product);
    let document = Document::read(&product_at)?;
    let granule_at = tree.location(granule);
    let tile = Document::read(&granule_at)?;

    let root_name =
        if root.is_empty() { path.file_name().and_then(|n| n.to_str()).unwrap_or_default() } else { file_of(root) };
    let names_of_product =
        document.text(&["PRODUCT_URI", "PRODUCT_URI_2A", "PRODUCT_URI_1C"]).map(ProductName::parse).unwrap_or_default();
    let names =
        names_of_product.clone().or(ProductName::parse(root_name)).or(ProductName::parse(file_of(folder_of(granule))));
    let mut metadata = SceneMetadata::new(root_name.trim_end_matches(".SAFE"), kind, names);
    read_product(&document, file_of(product), &mut metadata);
    let tile_name = tile.text(&["TILE_ID", "TILE_ID_2A"]).map(ProductName::parse).unwrap_or_default();
    metadata.mgrs_tile = tile_name.mgrs_tile.clone().or(metadata.mgrs_tile);
    let stated = ProductName { level: metadata.level, baseline: metadata.processing_baseline, ..names_of_product };
    let warnings = [
        stated.contradictions(file_of(product), &ProductName::parse(root_name), "the name of the product"),
        stated.contradictions(file_of(product), &tile_name, file_of(granule)),
    ];

    let grids = grids(&tile, file_of(granule)).map_err(|reason| Error::scene(granule_at.to_string(), reason))?;
    let claim = claim(&document, file_of(product), metadata.processing_baseline);
    let mut draft = UnopenedScene {
        inputs: vec![product_at, granule_at],
        checksums: checksums(tree, root)?,
        warnings: warnings.concat(),
        ..UnopenedScene::new(metadata, claim)
    };
    let folder = format!("{}/IMG_DATA", folder_of(granule));
    find_images(tree, tree.below(&folder), &grids, &scene, &mut draft)?;
    if draft.bands.is_empty() {
        return Err(Error::scene(
            scene,
            format!("no band images in {folder}; expected names such as T32TQM_20210710T101559_B04.jp2"),
        ));
    }
    Ok(Some(draft))
}

/// Stated checksums of the product's files, from `manifest.safe`, by location. Partly unpacked products may lack that
/// file.
fn checksums(tree: &FileTree, root: &str) -> Result<BTreeMap<String, StatedChecksum>> {
    let in_root = |name: &str| if root.is_empty() { name.to_owned() } else { format!("{root}/{name}") };
    let manifest = in_root(MANIFEST);
    if !tree.files().any(|name| name == manifest) {
        return Ok(BTreeMap::new());
    }
    let document = Document::read(&tree.location(&manifest))?;
    let stated = document.all("byteStream").filter_map(|stream| {
        let href = document.child(stream, "fileLocation")?.attribute("href")?;
        let checksum = document.child(stream, "checksum")?;
        let stated = StatedChecksum::safe(checksum.attribute("checksumName")?, &checksum.text, MANIFEST)?;
        Some((tree.location(&in_root(href.trim_start_matches("./"))).to_string(), stated))
    });
    Ok(stated.collect())
}

/// The product's folder and the tile, for a path at or inside a granule: `X.SAFE/GRANULE/<granule>/IMG_DATA`.
pub(super) fn product_of_granule(path: &Path) -> Option<(PathBuf, Option<String>)> {
    let mut granule = None;
    for folder in path.ancestors().take(4) {
        if folder.file_name()?.eq_ignore_ascii_case("GRANULE") {
            let tile = granule.and_then(|name: &str| ProductName::parse(name).mgrs_tile);
            return Some((folder.parent()?.to_path_buf(), tile));
        }
        granule = folder.file_name().and_then(|name| name.to_str());
    }
    None
}

/// `MTD_MSIL1C.xml`, and `S2A_OPER_MTD_SAFL1C_PDMC_....xml` until late 2016.
fn is_product_metadata(name: &str) -> bool {
    let name = name.to_ascii_uppercase();
    has_extension(&name, &["xml"])
        && (name.starts_with("MTD_MSIL1C") || name.starts_with("MTD_MSIL2A") || name.contains("_MTD_SAFL"))
}

/// `MTD_TL.xml`, and `S2A_OPER_MTD_L1C_TL_....xml` until late 2016.
fn is_granule_metadata(name: &str) -> bool {
    let name = name.to_ascii_uppercase();
    has_extension(&name, &["xml"]) && (name == "MTD_TL.XML" || (name.contains("_MTD_L") && name.contains("_TL_")))
}

/// The metadata file of the granule to open. Until 2016 a product could hold many tiles.
fn choose_granule<'a>(tree: &'a FileTree, root: &str, scene: &str, tile: Option<&str>) -> Result<&'a str> {
    let prefix = if root.is_empty() { "GRANULE".to_owned() } else { format!("{root}/GRANULE") };
    let granules: Vec<(&str, String)> = tree
        .files()
        .filter(|name| name.starts_with(&prefix) && is_granule_metadata(file_of(name)))
        .map(|name| {
            let folder = file_of(folder_of(name));
            (name, ProductName::parse(folder).mgrs_tile.unwrap_or_else(|| folder.to_owned()))
        })
        .collect();
    let tiles = || granules.iter().map(|(_, tile)| tile.as_str()).collect::<Vec<_>>().join(", ");
    if let Some(wanted) = tile {
        let wanted = mgrs_tile(&wanted.to_ascii_uppercase()).unwrap_or_else(|| wanted.to_owned());
        return granules
            .iter()
            .find(|(_, tile)| *tile == wanted)
            .map(|(name, _)| *name)
            .ok_or_else(|| Error::scene(scene, format!("it has no tile {wanted}; it has {}", tiles())));
    }
    match granules[..] {
        [] => Err(Error::scene(scene, "the product has no GRANULE folder with MTD_TL.xml; it may be incomplete")),
        [(name, _)] => Ok(name),
        _ => Err(Error::scene(scene, format!("the product holds {} tiles ({}); choose one", granules.len(), tiles()))
            .avoided_by(minesegsat_core::Setting::Tile)),
    }
}

/// Adds the values of the product's metadata. They override values from names.
pub(super) fn read_product(document: &Document, file: &str, metadata: &mut SceneMetadata) {
    if let Some(name) = document.text(&["SPACECRAFT_NAME"]) {
        metadata.platform = Some(name.to_ascii_lowercase());
    }
    let level = document.text(&["PROCESSING_LEVEL"]).unwrap_or(file).to_ascii_uppercase();
    // `Level-1C`, `Level-2A`, `Level-2Ap`.
    if level.contains("1C") {
        metadata.level = Some(ProductLevel::L1C);
    } else if level.contains("2A") {
        metadata.level = Some(ProductLevel::L2A);
    }
    if let Some(at) = document.text(&["DATATAKE_SENSING_START", "PRODUCT_START_TIME"])
        && let Ok(at) = at.parse::<jiff::Timestamp>()
    {
        metadata.datetime = Some(at);
        metadata.date = Some(at.to_zoned(jiff::tz::TimeZone::UTC).date());
    }
    if let Some(orbit) = document.text(&["SENSING_ORBIT_NUMBER"]).and_then(|t| t.parse().ok()) {
        metadata.relative_orbit = Some(orbit);
    }
    if let Some(baseline) = document.text(&["PROCESSING_BASELINE"]).and_then(ProcessingBaseline::parse) {
        metadata.processing_baseline = Some(baseline);
    }
    metadata.cloud_cover_percent =
        document.text(&["Cloud_Coverage_Assessment", "CLOUD_COVERAGE_ASSESSMENT"]).and_then(|t| t.parse().ok());
}

/// Scale and offsets from the product's metadata. A missing offset is not trusted if the baseline adds one.
pub(super) fn claim(document: &Document, file: &str, baseline: Option<ProcessingBaseline>) -> RadiometryClaim {
    let quantification: Option<f64> = document
        .text(&["BOA_QUANTIFICATION_VALUE", "L2A_BOA_QUANTIFICATION_VALUE", "QUANTIFICATION_VALUE"])
        .and_then(|t| t.parse().ok())
        .filter(|q| *q > 0.0);
    let listed: Vec<&Element> = document.all("BOA_ADD_OFFSET").chain(document.all("RADIO_ADD_OFFSET")).collect();
    let scale = 1.0 / quantification.unwrap_or(10_000.0);
    let mut bands = BTreeMap::new();
    for element in &listed {
        let band = element.attribute("band_id").and_then(|id| id.parse::<usize>().ok()).and_then(|i| Band::ALL.get(i));
        if let (Some(&band), Ok(offset)) = (band, element.text.parse::<f64>()) {
            bands.insert(band, (scale, offset));
        }
    }
    let of = baseline.map_or_else(|| "unknown".to_owned(), |b| b.to_string());
    if bands.is_empty() && baseline.is_some_and(ProcessingBaseline::adds_offset) {
        return RadiometryClaim {
            scale: Some(scale),
            statement: format!("{file} lists no offset, though baseline {of} adds one"),
            reliability: Reliability::Unreliable,
            ..RadiometryClaim::silent()
        };
    }
    let offset = bands.values().next().map_or(0.0, |b| b.1);
    let differ = bands.values().any(|b| b.1 != offset);
    RadiometryClaim {
        rule: OffsetRule::ProductMetadata,
        reliability: Reliability::Stated,
        // A band missing from the list has the offset of the other bands.
        offset_dn: Some(offset),
        scale: Some(scale),
        statement: format!(
            "{file} (baseline {of}) states {}, quantification {}",
            match (bands.is_empty(), differ) {
                (true, _) => "no offset".to_owned(),
                (false, false) => format!("offset {offset}"),
                (false, true) => "offsets per band".to_owned(),
            },
            1.0 / scale
        ),
        bands,
    }
}

/// The grids of 10, 20 and 60 m, from the geocoding in a tile's metadata `file`.
pub(super) fn grids(tile: &Document, file: &str) -> Result<BTreeMap<u32, StatedGrid>, String> {
    let code = tile.text(&["HORIZONTAL_CS_CODE"]).ok_or("it has no HORIZONTAL_CS_CODE")?;
    let epsg: u16 = code
        .to_ascii_uppercase()
        .trim_start_matches("EPSG:")
        .parse()
        .map_err(|_| format!("HORIZONTAL_CS_CODE `{code}` is not an EPSG code"))?;
    let crs = Crs::from_epsg(epsg).map_err(|e| e.to_string())?;
    let mut grids = BTreeMap::new();
    for position in tile.all("Geoposition") {
        let Some(resolution) = position.attribute("resolution") else { continue };
        let size = tile.all("Size").find(|size| size.attribute("resolution") == Some(resolution));
        let number = |element: Option<&Element>, name: &str| {
            element
                .and_then(|e| tile.child_text(e, name))
                .and_then(|t| t.parse::<f64>().ok())
                .ok_or_else(|| format!("the geocoding at {resolution} m has no valid {name}"))
        };
        let transform = GeoTransform {
            origin_x: number(Some(position), "ULX")?,
            origin_y: number(Some(position), "ULY")?,
            pixel_width: number(Some(position), "XDIM")?,
            pixel_height: number(Some(position), "YDIM")?,
        };
        if transform.pixel_width <= 0.0 || transform.pixel_height >= 0.0 {
            return Err(format!("the geocoding at {resolution} m is not north-up"));
        }
        let (width, height) = (number(size, "NCOLS")? as usize, number(size, "NROWS")? as usize);
        let metres = resolution.parse().map_err(|_| format!("resolution `{resolution}` is not a number of metres"))?;
        grids.insert(metres, StatedGrid::new(file, &Grid { crs: crs.clone(), transform, width, height }));
    }
    if grids.is_empty() {
        return Err("it has no Geoposition".to_owned());
    }
    Ok(grids)
}

/// Finds the images among `names`: the finest of each band, and the 60 m images for sampling.
pub(super) fn find_images<'a>(
    tree: &FileTree,
    names: impl Iterator<Item = &'a str>,
    grids: &BTreeMap<u32, StatedGrid>,
    scene: &str,
    draft: &mut UnopenedScene,
) -> Result<()> {
    let mut images: BTreeMap<Layer, BTreeMap<u32, &str>> = BTreeMap::new();
    for name in names.filter(|name| is_raster(name)) {
        let Some(layer) = layer_of(name) else { continue };
        let resolution = resolution_of(name).unwrap_or(match layer {
            Layer::Band(band) => band.gsd_m(),
            Layer::Classification => 20,
        });
        if let Some(other) = images.entry(layer).or_default().insert(resolution, name) {
            return Err(Error::scene(scene, format!("two files hold {layer} at {resolution} m: {other} and {name}")));
        }
    }
    for (layer, files) in images {
        let found = |m: u32, name: &str| LocatedRaster {
            stated: grids.get(&m).cloned(),
            ..LocatedRaster::new(tree.location(name))
        };
        let Some(finest) = files.first_key_value().map(|(&m, name)| found(m, name)) else { continue };
        match layer {
            Layer::Band(band) => {
                if let Some(name) = files.get(&60) {
                    draft.coarse.insert(band, found(60, name));
                }
                draft.bands.insert(band, finest);
            }
            Layer::Classification => draft.classification = Some(finest),
        }
    }
    // B01 and B09 alone are not sufficient at the surface, so the finer bands are sampled.
    if !draft.coarse.keys().any(|band| matches!(band, Band::B10 | Band::B12 | Band::B04)) {
        draft.coarse.clear();
    }
    Ok(())
}
