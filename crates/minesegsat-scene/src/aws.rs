//! Tile folders of the Sentinel-2 buckets on AWS (`tiles/10/U/FV/2019/7/12/0`), in a folder or in a zip archive.
//!
//! | file | content |
//! |---|---|
//! | `metadata.xml` | `MTD_TL.xml` of the product: grids, tile, baseline in the `TILE_ID` |
//! | `productInfo.json` | `name`: the product id |
//! | `tileInfo.json` | time, `utmZone`, `latitudeBand`, `gridSquare`, `productName`, `cloudyPixelPercentage` |
//! | `R10m/B02.jp2`, ... | images of level 2A |
//! | `B02.jp2`, ... | images of level 1C |
//!
//! Layout: <https://roda.sentinel-hub.com/sentinel-s2-l1c/readme.html>. Programs that download tiles also store the
//! product's metadata as `metadata.xml`; then its offsets are read.

use std::collections::BTreeSet;
use std::path::Path;

use serde_json::Value;

use super::names::{ProductName, mgrs_tile};
use super::radiometry::RadiometryClaim;
use super::tree::{FileTree, file_of, folder_of, is_raster};
use super::xml::Document;
use super::{SceneKind, SceneMetadata, UnopenedScene, safe};
use minesegsat_core::{Error, Result};
use minesegsat_io::read_json;

const METADATA: &str = "metadata.xml";
const PRODUCT: &str = "productInfo.json";
const TILE: &str = "tileInfo.json";
/// Subfolders with images, in lower case.
const IMAGE_FOLDERS: [&str; 3] = ["r10m", "r20m", "r60m"];

/// Whether a file belongs to a tile folder and nowhere else.
pub(super) fn is_tile_file(name: &str) -> bool {
    matches!(name, PRODUCT | TILE)
}

/// Whether a path is a folder of images in a tile folder: `.../0/R10m`.
pub(super) fn is_image_folder(path: &Path) -> bool {
    let is_named = path
        .file_name()
        .and_then(|n| n.to_str())
        .is_some_and(|n| IMAGE_FOLDERS.contains(&n.to_ascii_lowercase().as_str()));
    is_named
        && path.parent().is_some_and(|above| [PRODUCT, TILE, METADATA].iter().any(|name| above.join(name).is_file()))
}

/// Finds the tile in a tree of files; `None` if there is none.
pub(super) fn find(tree: &FileTree, path: &Path) -> Result<Option<UnopenedScene>> {
    let scene = path.display().to_string();
    let is_image = |root: &str, name: &str| {
        let inside = folder_of(name[root.len()..].trim_start_matches('/')).to_ascii_lowercase();
        is_raster(name) && (inside.is_empty() || IMAGE_FOLDERS.contains(&inside.as_str()))
    };
    let roots: BTreeSet<&str> = tree
        .files()
        .filter(|name| is_tile_file(file_of(name)) || file_of(name) == METADATA)
        .map(folder_of)
        .filter(|root| tree.below(root).any(|name| is_image(root, name)))
        .collect();
    let root = match roots.iter().collect::<Vec<_>>()[..] {
        [] => return Ok(None),
        [root] => *root,
        ref several => {
            let names: Vec<&str> = several.iter().map(|root| **root).collect();
            return Err(Error::scene(scene, format!("it holds {} tiles: {}; open one", names.len(), names.join(", "))));
        }
    };
    let in_root = |name: &str| if root.is_empty() { name.to_owned() } else { format!("{root}/{name}") };
    let there = |name: &str| Some(in_root(name)).filter(|full| tree.files().any(|file| file == full));
    let json = |name: &str| there(name).map(|full| read_json::<Value>(&tree.location(&full))).transpose();
    let (product, tile) = (json(PRODUCT)?, json(TILE)?);
    let is_tile = product.is_some() || tile.is_some();
    let document = match there(METADATA).map(|full| Document::read(&tree.location(&full))) {
        // The metadata of something else.
        Some(Err(_)) if !is_tile => None,
        other => other.transpose()?.filter(|document| is_tile || document.root().contains("Level-")),
    };
    if !is_tile && document.is_none() {
        return Ok(None);
    }

    let mut sources = Vec::new();
    if let Some(id) = document.as_ref().and_then(|d| d.text(&["PRODUCT_URI", "TILE_ID", "TILE_ID_2A"])) {
        sources.push((METADATA, ProductName::parse(id)));
    }
    if let Some(id) = product.as_ref().and_then(|product| product["name"].as_str()) {
        sources.push((PRODUCT, ProductName::parse(id)));
    }
    sources.extend(tile.as_ref().map(|tile| (TILE, of_tile(tile))));
    sources.push(("the path", of_path(path)));
    let mut warnings = Vec::new();
    let mut names = ProductName::default();
    let mut by = Vec::new();
    for (source, found) in sources {
        warnings.extend(names.contradictions(&by.join(" or "), &found, source));
        by.push(source);
        names = names.or(found);
    }
    let baseline = names.baseline;
    let folder = path.file_name().and_then(|name| name.to_str()).unwrap_or("scene");
    let mut metadata = SceneMetadata::new(folder, SceneKind::AwsTile, names);
    metadata.cloud_cover_percent = tile.as_ref().and_then(|tile| tile["cloudyPixelPercentage"].as_f64());
    let mut claim = baseline.map_or_else(RadiometryClaim::silent, |baseline| {
        RadiometryClaim::baseline(baseline, &format!("in {METADATA} or {PRODUCT}"))
    });
    let mut grids = std::collections::BTreeMap::new();
    if let Some(document) = &document {
        if document.root().contains("User_Product") {
            safe::read_product(document, METADATA, &mut metadata);
            claim = safe::claim(document, METADATA, metadata.processing_baseline);
        }
        if document.all("Geoposition").next().is_some() {
            grids = safe::grids(document, METADATA)
                .map_err(|reason| Error::scene(tree.location(&in_root(METADATA)).to_string(), reason))?;
        }
    }
    let inputs = [METADATA, PRODUCT, TILE].iter().filter_map(|name| there(name)).map(|name| tree.location(&name));
    let mut draft = UnopenedScene { inputs: inputs.collect(), warnings, ..UnopenedScene::new(metadata, claim) };
    safe::find_images(tree, tree.below(root).filter(|name| is_image(root, name)), &grids, &scene, &mut draft)?;
    Ok((!draft.bands.is_empty()).then_some(draft))
}

/// Tile, time and product of a `tileInfo.json`.
fn of_tile(tile: &Value) -> ProductName {
    let mut names = tile["productName"].as_str().map(ProductName::parse).unwrap_or_default();
    let text = |key: &str| tile[key].as_str().unwrap_or_default();
    if let Some(zone) = tile["utmZone"].as_u64() {
        names.mgrs_tile = mgrs_tile(&format!("{zone:02}{}{}", text("latitudeBand"), text("gridSquare")));
    }
    // The tile's own time is up to minutes after the start of sensing, which the product id states.
    if names.datetime.is_none()
        && let Ok(at) = text("timestamp").parse::<jiff::Timestamp>()
    {
        names.datetime = Some(at);
        names.date = Some(at.to_zoned(jiff::tz::TimeZone::UTC).date());
    }
    names
}

/// Tile and day of a path such as `tiles/10/U/FV/2019/7/12/0`.
fn of_path(path: &Path) -> ProductName {
    let parts: Vec<&str> = path.components().filter_map(|part| part.as_os_str().to_str()).collect();
    let Some(at) = parts.iter().rposition(|part| *part == "tiles") else { return ProductName::default() };
    let [zone, band, square, year, month, day, ..] = parts[at + 1..] else { return ProductName::default() };
    let number = |text: &str| text.parse::<i16>().ok();
    let date =
        || jiff::civil::Date::new(number(year)?, number(month)?.try_into().ok()?, number(day)?.try_into().ok()?).ok();
    ProductName { mgrs_tile: mgrs_tile(&format!("{zone:0>2}{band}{square}")), date: date(), ..ProductName::default() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tiles_are_named_by_their_files_and_by_their_path() {
        let tile = serde_json::json!({"utmZone": 4, "latitudeBand": "V", "gridSquare": "EK",
            "timestamp": "2019-07-12T19:19:19.000Z"});
        let names = of_tile(&tile);
        assert_eq!(names.mgrs_tile.as_deref(), Some("04VEK"));
        assert_eq!(names.date.unwrap().to_string(), "2019-07-12");
        let names = of_path(Path::new("/data/tiles/4/V/EK/2019/7/12/0"));
        assert_eq!(
            (names.mgrs_tile.as_deref(), names.date.unwrap().to_string().as_str()),
            (Some("04VEK"), "2019-07-12")
        );
        assert_eq!(of_path(Path::new("/data/tiles/x")), ProductName::default());
    }
}
