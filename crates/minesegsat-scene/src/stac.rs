//! STAC items of Sentinel-2: Earth Search (v0 and v1, both collections), Planetary Computer, and others that name
//! their assets by band.

use std::collections::BTreeMap;

use serde_json::Value;

use super::catalog;
use super::names::{Layer, ProcessingBaseline, ProductLevel, ProductName, layer_of, mgrs_tile};
use super::radiometry::{OffsetRule, RadiometryClaim, Reliability};
use super::stated::{StatedGrid, epsg};
use super::tree::{has_extension, is_raster};
use super::{LocatedRaster, OpenOptions, SceneKind, SceneMetadata, UnopenedScene};
use minesegsat_core::{Band, Error, GeoTransform, Grid, Result, Setting};
use minesegsat_io::raster::{StatedChecksum, follow, in_region};
use minesegsat_io::{Location, http};

pub(super) fn find(location: &Location, _options: &OpenOptions) -> Result<UnopenedScene> {
    let draft = draft(&single_item(location)?, location)?;
    Ok(UnopenedScene { inputs: vec![location.clone()], ..draft })
}

/// Reads the rasters and metadata of an item that came from `location`.
pub(super) fn draft(item: &Value, location: &Location) -> Result<UnopenedScene> {
    let scene = location.to_string();
    let properties = &item["properties"];
    let metadata = metadata(item);
    let text = |key: &str| properties[key].as_str();

    if let Some(other) =
        ["platform", "constellation"].iter().filter_map(|key| text(key)).find(|name| is_other_sensor(name))
    {
        let reason =
            format!("it is a scene of `{other}`, and its bands differ from those of Sentinel-2, which is needed");
        return Err(Error::scene(scene, reason));
    }
    let assets = choose_assets(&scene, item, location)?;
    let claim = claim(item, &assets, metadata.processing_baseline);
    let mut warnings = metadata_contradictions(item);
    let mut bands = BTreeMap::new();
    let mut classification = None;
    let mut checksums = BTreeMap::new();
    for (layer, asset) in assets {
        let stated = asset.value["file:checksum"].as_str().and_then(|hash| StatedChecksum::multihash(hash, "the item"));
        checksums.extend(stated.map(|stated| (asset.location.to_string(), stated)));
        warnings.extend(other_band(&scene, layer, &asset)?);
        let pays = [&asset.value["storage:requester_pays"], &properties["storage:requester_pays"]];
        if pays.into_iter().find_map(Value::as_bool) == Some(true) && is_on_s3(&asset.location) {
            let reason =
                format!("its {layer} is in a requester-pays bucket: agree to pay, and download the scene first");
            return Err(Error::scene(scene, reason).avoided_by(Setting::RequesterPays));
        }
        let stated = Some(stated_grid(asset.value, properties));
        let found = LocatedRaster { stated, ..LocatedRaster::new(asset.location) };
        match layer {
            Layer::Band(band) => {
                bands.insert(band, found);
            }
            Layer::Classification => classification = Some(found),
        }
    }
    if text("constellation").is_some_and(|c| !c.to_ascii_lowercase().replace([' ', '_'], "-").contains("sentinel-2")) {
        warnings
            .push(format!("the item's constellation is {}, not Sentinel-2", text("constellation").unwrap_or_default()));
    }
    let footprint = catalog::polygons_of(&item["geometry"]);
    Ok(UnopenedScene { bands, classification, warnings, footprint, checksums, ..UnopenedScene::new(metadata, claim) })
}

/// Whether a file is on Amazon S3.
fn is_on_s3(location: &Location) -> bool {
    let Location::Url(url) = location else { return false };
    let host = url.split_once("://").map(|(_, rest)| rest.split(['/', '?', '#']).next().unwrap_or_default());
    http::s3::Object::parse(url).is_ok() || host.is_some_and(|host| host.ends_with(".amazonaws.com"))
}

/// Whether a platform or constellation is known not to be Sentinel-2.
fn is_other_sensor(name: &str) -> bool {
    const OTHERS: [&str; 7] = ["landsat", "lc0", "sentinel-1", "sentinel-3", "modis", "viirs", "planetscope"];
    let name = name.to_ascii_lowercase().replace([' ', '_'], "-");
    OTHERS.iter().any(|other| name.starts_with(other)) || matches!(&*name, "terra" | "aqua")
}

/// The item, or the only item of an item collection.
fn single_item(location: &Location) -> Result<Value> {
    const SHOWN: usize = 20;
    let fail = |reason: String| Error::scene(location.to_string(), reason);
    let mut first = Value::Null;
    let mut ids = Vec::new();
    let (members, features) = catalog::read_features(location, |item| {
        if ids.len() < SHOWN {
            ids.extend(item["id"].as_str().map(str::to_owned));
        }
        if first.is_null() {
            first = item;
        }
    })?;
    match (members.get("type").and_then(Value::as_str), features) {
        (Some("Feature"), _) if members.get("assets").is_some_and(Value::is_object) => Ok(Value::Object(members)),
        (Some("FeatureCollection"), None | Some(0)) => Err(fail("the search found no items".to_owned())),
        (Some("FeatureCollection"), Some(1)) if first["assets"].is_object() => Ok(first),
        (Some("FeatureCollection"), Some(1)) => {
            Err(fail("its only feature has no assets, so it is not a STAC item".to_owned()))
        }
        (Some("FeatureCollection"), Some(count)) => {
            let more = if count > SHOWN { ", ..." } else { "" };
            Err(fail(format!("it holds {count} items: {}{more}; a scene is one item", ids.join(", "))))
        }
        (Some(kind @ ("Collection" | "Catalog")), _) => {
            Err(fail(format!("it is a STAC {kind}; a scene is one of its items")))
        }
        _ => Err(fail("it is not a STAC item (a GeoJSON Feature with assets)".to_owned())),
    }
}

pub(crate) fn metadata(item: &Value) -> SceneMetadata {
    let properties = &item["properties"];
    let text = |key: &str| properties[key].as_str();
    let id = item["id"].as_str().unwrap_or("item");
    let names = product_ids(properties).chain([ProductName::parse(id)]).fold(ProductName::default(), ProductName::or);
    let mut metadata = SceneMetadata::new(id, SceneKind::StacItem, names);
    id.clone_into(&mut metadata.name);
    if let Some(platform) = text("platform") {
        metadata.platform = Some(platform.to_ascii_lowercase());
    }
    if let Some(at) =
        text("datetime").or_else(|| text("start_datetime")).and_then(|t| t.parse::<jiff::Timestamp>().ok())
    {
        metadata.datetime = Some(at);
        metadata.date = Some(at.to_zoned(jiff::tz::TimeZone::UTC).date());
    }
    let baseline = ["s2:processing_baseline", "processing:version", "sentinel:processing_baseline"]
        .iter()
        .find_map(|key| text(key))
        .and_then(ProcessingBaseline::parse);
    metadata.processing_baseline = baseline.or(metadata.processing_baseline);
    if let Some(kind) = text("s2:product_type").or_else(|| text("product:type")) {
        metadata.level = match kind {
            "S2MSI1C" => Some(ProductLevel::L1C),
            "S2MSI2A" | "S2MSI2Ap" => Some(ProductLevel::L2A),
            _ => metadata.level,
        };
    }
    let collection = item["collection"].as_str();
    metadata.level = metadata.level.or(match collection {
        Some(name) if name.contains("l2a") => Some(ProductLevel::L2A),
        Some(name) if name.contains("l1c") => Some(ProductLevel::L1C),
        _ => None,
    });
    metadata.collection = collection.map(str::to_owned);
    metadata.relative_orbit =
        properties["sat:relative_orbit"].as_u64().and_then(|n| n.try_into().ok()).or(metadata.relative_orbit);
    metadata.mgrs_tile = text("grid:code")
        .and_then(|code| code.strip_prefix("MGRS-"))
        .or_else(|| text("s2:mgrs_tile"))
        .and_then(mgrs_tile)
        .or(metadata.mgrs_tile);
    metadata.cloud_cover_percent = properties["eo:cloud_cover"].as_f64();
    metadata
}

struct Asset<'a> {
    key: &'a str,
    location: Location,
    value: &'a Value,
    /// GeoTIFF before JPEG 2000, finest first.
    rank: (bool, u64),
}

/// Chooses one asset per layer. Skips previews, pictures and metadata. Of duplicates it takes the GeoTIFF, then the
/// finest.
fn choose_assets<'a>(scene: &str, item: &'a Value, item_at: &Location) -> Result<BTreeMap<Layer, Asset<'a>>> {
    let mut chosen: BTreeMap<Layer, Asset<'_>> = BTreeMap::new();
    let mut unresolved = BTreeMap::new();
    // An item at the root of a server has no folder: relative addresses start at the item.
    let base = item_at.parent().unwrap_or_else(|| item_at.clone());
    for (key, value) in item["assets"].as_object().into_iter().flatten() {
        let Some(href) = value["href"].as_str() else { continue };
        let Some(layer) = layer_of_asset(key, value) else { continue };
        let media = value["type"].as_str().unwrap_or_default();
        let name = href.split(['?', '#']).next().unwrap_or_default();
        let is_image = if media.is_empty() {
            is_raster(name)
        } else {
            media.starts_with("image/tiff")
                || media.starts_with("image/jp2")
                || media.starts_with("image/vnd.stac.geotiff")
        };
        let roles = value["roles"].as_array().map_or(&[][..], Vec::as_slice);
        let is_picture =
            roles.iter().any(|role| matches!(role.as_str(), Some("thumbnail" | "overview" | "visual" | "metadata")));
        if !is_image || is_picture {
            continue;
        }
        let gsd = value["gsd"].as_f64().or_else(|| band_object(value)["gsd"].as_f64());
        let metres = gsd.map(|g| g as u64).or_else(|| super::names::resolution_of(key).map(u64::from));
        let rank = (media.starts_with("image/jp2") || has_extension(name, &["jp2"]), metres.unwrap_or(0));
        if chosen.get(&layer).is_some_and(|other| other.rank <= rank) {
            continue;
        }
        let region = [&value["storage:region"], &item["properties"]["storage:region"]];
        let region = region.into_iter().find_map(Value::as_str);
        let location = match follow(item_at, &base, href).and_then(|location| in_region(location, region)) {
            Ok(location) => location,
            Err(error) => {
                // Another asset may hold the layer.
                unresolved.insert(layer, error);
                continue;
            }
        };
        chosen.insert(layer, Asset { key, location, value, rank });
    }
    if let Some((_, error)) = unresolved.into_iter().find(|(layer, _)| !chosen.contains_key(layer)) {
        return Err(error);
    }
    if !chosen.keys().any(|layer| matches!(layer, Layer::Band(_))) {
        let keys: Vec<&str> = item["assets"].as_object().into_iter().flatten().map(|(key, _)| key.as_str()).collect();
        return Err(Error::scene(scene, format!("none of the item's assets is a band (it has {})", keys.join(", "))));
    }
    Ok(chosen)
}

/// A band or the classification among the assets of an item.
#[derive(Debug, Clone)]
pub(crate) struct ItemLayer {
    pub(crate) layer: Layer,
    /// Key of the asset.
    pub(crate) key: String,
    /// Whether it is a JPEG 2000 image. If not, it is a GeoTIFF.
    pub(crate) is_jp2: bool,
    /// The grid in the item, for images that do not store their own.
    pub(crate) grid: Option<Grid>,
}

/// The assets of a scene: one per layer, by wavelength, the classification last.
pub(crate) fn layers_of_item(item: &Value) -> Result<Vec<ItemLayer>> {
    let id = item["id"].as_str().unwrap_or("item");
    let here = Location::Path("item.json".into());
    let layers = choose_assets(id, item, &here)?.into_iter().map(|(layer, asset)| {
        let (is_jp2, _) = asset.rank;
        let grid = stated_grid(asset.value, &item["properties"]).grid().filter(|_| is_jp2);
        ItemLayer { layer, key: asset.key.to_owned(), is_jp2, grid }
    });
    Ok(layers.collect())
}

/// The description of an asset's only band: an object with `name`, `scale` and the like. `Null` if there are several
/// or none.
fn band_object(asset: &Value) -> &Value {
    ["eo:bands", "bands"]
        .iter()
        .find_map(|key| match asset[key].as_array().map(Vec::as_slice) {
            Some([band]) => Some(band),
            _ => None,
        })
        .unwrap_or(&Value::Null)
}

fn layer_of_asset(key: &str, asset: &Value) -> Option<Layer> {
    let several = ["eo:bands", "bands"].iter().any(|k| asset[k].as_array().is_some_and(|bands| bands.len() > 1));
    if several {
        return None;
    }
    // The band's `name` in the asset is an id. Its common name is not unique: four bands are `rededge`.
    band_object(asset)["name"].as_str().and_then(layer_of).or_else(|| layer_of(key))
}

/// Scale and offset of an asset. STAC 1.0 stores them in `raster:bands`, STAC 1.1 in `bands` or in the asset itself.
fn scale_offset(asset: &Value) -> Option<(f64, f64)> {
    let places = [&asset["raster:bands"][0], &asset["bands"][0], asset];
    places.into_iter().find_map(|place| {
        let number = |key: &str| place[key].as_f64().or_else(|| place[format!("raster:{key}")].as_f64());
        let scale = number("scale")?;
        (scale > 0.0).then(|| (scale, number("offset").unwrap_or(0.0)))
    })
}

/// Whether the images are Earth Search's COGs of the first collection. Their stated offsets are unreliable.
fn is_earth_search_cogs(item: &Value) -> bool {
    let ours = matches!(
        item["collection"].as_str(),
        Some("sentinel-2-l2a" | "sentinel-s2-l2a-cogs" | "sentinel-2-pre-c1-l2a")
    );
    let properties = item["properties"].as_object();
    let marked = properties
        .into_iter()
        .flatten()
        .any(|(key, _)| key.starts_with("earthsearch:") || key.ends_with(":boa_offset_applied"));
    // A downloaded item stores the source address beside its own.
    let is_stored = |href: &Value| href.as_str().is_some_and(|href| href.contains("sentinel-cogs"));
    let stored = item["assets"]
        .as_object()
        .into_iter()
        .flatten()
        .any(|(_, asset)| is_stored(&asset["href"]) || is_stored(&asset["alternate"]["source"]["href"]));
    (ours && marked) || stored
}

fn claim(item: &Value, assets: &BTreeMap<Layer, Asset<'_>>, baseline: Option<ProcessingBaseline>) -> RadiometryClaim {
    if is_earth_search_cogs(item) {
        let properties = &item["properties"];
        let applied = ["earthsearch:boa_offset_applied", "sentinel:boa_offset_applied"]
            .iter()
            .find_map(|key| properties[key].as_bool());
        return RadiometryClaim::earth_search(baseline, applied);
    }
    let mut bands: BTreeMap<Band, (f64, f64)> = BTreeMap::new();
    let mut all = true;
    for (layer, asset) in assets {
        if let Layer::Band(band) = layer {
            match scale_offset(asset.value) {
                Some((scale, offset)) => {
                    bands.insert(*band, (scale, offset / scale));
                }
                None => all = false,
            }
        }
    }
    if all && let Some((scale, offset)) = bands.values().next().copied() {
        return RadiometryClaim {
            rule: OffsetRule::AssetMetadata,
            reliability: Reliability::Stated,
            statement: format!("the item's assets state scale {scale} and offset {:.4}", offset * scale),
            bands,
            ..RadiometryClaim::silent()
        };
    }
    baseline.map_or_else(RadiometryClaim::silent, |baseline| RadiometryClaim::baseline(baseline, "of the item"))
}

/// The grid of an asset, from the Projection extension. CRS and bounds may be those of the item.
fn stated_grid(asset: &Value, properties: &Value) -> StatedGrid {
    let numbers = |from: &Value, key: &str| -> Vec<f64> {
        from[key].as_array().into_iter().flatten().filter_map(Value::as_f64).collect()
    };
    let transform = match numbers(asset, "proj:transform")[..] {
        [a, 0.0, c, 0.0, e, f, ..] if a > 0.0 && e < 0.0 => {
            Some(GeoTransform { origin_x: c, origin_y: f, pixel_width: a, pixel_height: e })
        }
        _ => None,
    };
    let size = match numbers(asset, "proj:shape")[..] {
        [height, width] => Some((width as usize, height as usize)),
        _ => None,
    };
    let own = epsg(asset);
    // The item's bounds are in the item's CRS.
    let bounds_of_item = own.is_none() || own == epsg(properties);
    let bounds_of = if asset["proj:bbox"].is_array() || !bounds_of_item { asset } else { properties };
    let bounds = <[f64; 4]>::try_from(numbers(bounds_of, "proj:bbox")).ok();
    // The item's own transform is that of its finest images. All images begin at its corner.
    let corner = match numbers(properties, "proj:transform")[..] {
        [_, _, x, _, _, y, ..] if bounds_of_item && transform.is_none() => Some((x, y)),
        _ => None,
    };
    StatedGrid { by: "the item".to_owned(), epsg: own.or_else(|| epsg(properties)), transform, corner, size, bounds }
}

/// A warning if the file of a band is named by another layer than its asset, such as `B03.tif` of the asset `B04`.
///
/// Refused if both are band ids: one of them is wrong, and the program cannot know which.
fn other_band(scene: &str, layer: Layer, asset: &Asset<'_>) -> Result<Option<String>> {
    let file = asset.location.file_name();
    let Some(named) = layer_of(file).filter(|named| *named != layer) else { return Ok(None) };
    let text = format!("its asset `{}` is {layer}, but the file of the asset is named {named}: {file}", asset.key);
    // Common names are words: `nir` is B08 of one program and B8A of another.
    let is_id = |text: &str| text.to_ascii_lowercase().contains(&named.to_string().to_ascii_lowercase());
    if is_id(file) { Err(Error::scene(scene, text)) } else { Ok(Some(text)) }
}

/// Contradictions between the members of an item, its id and its product id, in words.
fn metadata_contradictions(item: &Value) -> Vec<String> {
    let properties = &item["properties"];
    let used = metadata(item);
    let stated = ProductName {
        platform: used.platform,
        level: used.level,
        baseline: used.processing_baseline,
        mgrs_tile: used.mgrs_tile,
        date: used.date,
        ..ProductName::default()
    };
    let product = product_ids(properties).find(|name| name.product_id.is_some());
    let id = ProductName::parse(item["id"].as_str().unwrap_or_default());
    let mut found = Vec::new();
    for (name, source) in [(product, "its product id"), (Some(id), "its id")] {
        for text in name.iter().flat_map(|name| stated.contradictions("the item", name, source)) {
            if !found.contains(&text) {
                found.push(text);
            }
        }
    }
    found
}

/// The product ids in the properties of an item. Earth Search v0 stores them without `.SAFE`.
fn product_ids(properties: &Value) -> impl Iterator<Item = ProductName> {
    ["s2:product_uri", "sentinel:product_id", "sentinel2:product_id"]
        .iter()
        .filter_map(|key| properties[key].as_str())
        .map(ProductName::parse)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn item(text: &str) -> Value {
        serde_json::from_str(text).unwrap()
    }

    #[test]
    fn assets_are_bands_by_key_or_by_their_band_object() {
        let item = item(
            r#"{"id": "x", "collection": "c", "properties": {}, "assets": {
              "red-jp2": {"href": "R10m/B04.jp2", "type": "image/jp2", "eo:bands": [{"name": "red"}]},
              "red": {"href": "./B04.tif", "type": "image/tiff; application=geotiff", "eo:bands": [{"name": "B04"}]},
              "rededge2": {"href": "https://host/B06.tif?sig=1", "eo:bands": [{"name": "B06", "common_name": "rededge"}]},
              "B02_20m": {"href": "B02_20m.jp2", "type": "image/jp2"},
              "B02_10m": {"href": "B02_10m.jp2", "type": "image/jp2"},
              "visual": {"href": "TCI.tif", "eo:bands": [{"name": "B04"}, {"name": "B03"}, {"name": "B02"}]},
              "preview": {"href": "red.tif", "roles": ["overview"], "eo:bands": [{"name": "B03"}]},
              "aot": {"href": "AOT.tif", "type": "image/tiff"},
              "scl": {"href": "../SCL.tif", "type": "image/tiff"}}}"#,
        );
        let at = Location::Url("https://host/a/b/item.json".to_owned());
        let chosen = choose_assets("x", &item, &at).unwrap();
        let shown: Vec<String> = chosen.iter().map(|(layer, asset)| format!("{layer} {}", asset.location)).collect();
        assert_eq!(
            shown,
            [
                "B02 https://host/a/b/B02_10m.jp2",
                "B04 https://host/a/b/B04.tif",
                "B06 https://host/B06.tif",
                "SCL https://host/a/SCL.tif"
            ]
        );
        assert_eq!(chosen[&Layer::Band(Band::B06)].location, Location::Url("https://host/B06.tif?sig=1".to_owned()));
    }

    #[test]
    fn scale_and_offset_are_found_where_each_version_has_them() {
        let c1 = item(r#"{"raster:bands": [{"scale": 0.0001, "offset": -0.1}]}"#);
        let stac11 = item(r#"{"bands": [{"name": "B04", "raster:scale": 0.0001, "raster:offset": -0.1}]}"#);
        let asset = item(r#"{"raster:scale": 0.0001, "raster:offset": -0.1}"#);
        for asset in [c1, stac11, asset] {
            assert_eq!(scale_offset(&asset), Some((0.0001, -0.1)));
        }
        assert_eq!(scale_offset(&item(r#"{"raster:bands": [{"nodata": 0}]}"#)), None);
    }

    #[test]
    fn collections_and_plain_features_are_refused_with_what_they_are() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("scene.json");
        for (text, said) in [
            (r#"{"features": [{"id": "a"}, {"id": "b"}], "type": "FeatureCollection"}"#, "2 items: a, b"),
            (r#"{"type": "FeatureCollection", "features": [{"id": "a"}]}"#, "its only feature has no assets"),
            (r#"{"type": "FeatureCollection", "features": []}"#, "found no items"),
            (r#"{"type": "Collection", "id": "sentinel-2-l2a"}"#, "STAC Collection"),
            (r#"{"type": "Feature", "geometry": null}"#, "not a STAC item"),
        ] {
            fs_err::write(&path, text).unwrap();
            let error = single_item(&Location::from(path.as_path())).unwrap_err().to_string();
            assert!(error.contains(said), "{error}");
        }
    }

    /// A recorded response of a real STAC API; `None` if the reference data are absent.
    fn shared(name: &str) -> Option<Location> {
        minesegsat_testing::reference::real_data(&format!("stac_responses/{name}")).map(Location::from)
    }

    fn bands(draft: &UnopenedScene) -> Vec<Band> {
        draft.bands.keys().copied().collect()
    }

    #[test]
    fn real_items_of_planetary_computer_are_read() {
        let Some(at) = shared("planetary_computer_S2B_T06VVN_20190629.json") else { return };
        let draft = find(&at, &OpenOptions::default()).unwrap();
        let m = &draft.metadata;
        assert_eq!(bands(&draft).len(), 12);
        assert!(draft.bands[&Band::B8A].location.to_string().ends_with("R20m/T06VVN_20190629T212529_B8A_20m.tif"));
        assert!(draft.classification.is_some());
        assert_eq!((m.platform.as_deref(), m.relative_orbit), (Some("sentinel-2b"), Some(43)));
        assert_eq!((m.mgrs_tile.as_deref(), m.level), (Some("06VVN"), Some(ProductLevel::L2A)));
        assert_eq!(m.processing_baseline.unwrap().to_string(), "02.12");
        assert_eq!((draft.claim.reliability, draft.claim.offset_dn), (Reliability::Inferred, Some(0.0)));

        let Some(at) = shared("planetary_computer_two_items.json") else { return };
        let message = find(&at, &OpenOptions::default()).unwrap_err().to_string();
        assert!(message.contains("2 items: S2B_MSIL2A_20240825T173909_R098_T13TDE"), "{message}");
        let two: Value = minesegsat_io::read_json(&at).unwrap();
        let item = &two["features"][0];
        assert_eq!(metadata(item).processing_baseline.unwrap().to_string(), "05.11");
        let chosen = choose_assets("x", item, &at).unwrap();
        assert_eq!(claim(item, &chosen, metadata(item).processing_baseline).offset_dn, Some(-1000.0));
    }

    #[test]
    fn real_items_of_earth_search_are_read() {
        let Some(at) = shared("earthsearch_v0_S2A_28QCH_20200714.json") else { return };
        let draft = find(&at, &OpenOptions::default()).unwrap();
        assert_eq!(bands(&draft).len(), 12);
        assert!(draft.bands[&Band::B04].location.to_string().ends_with("S2A_28QCH_20200714_0_L2A/B04.tif"));
        assert_eq!(draft.metadata.mgrs_tile.as_deref(), Some("28QCH"));
        assert_eq!(draft.metadata.processing_baseline.unwrap().to_string(), "02.14");
        assert_eq!((draft.claim.reliability, draft.claim.offset_dn), (Reliability::Inferred, Some(0.0)));

        let Some(at) = shared("earthsearch_v1_sentinel-2-c1-l2a_10_items.json") else { return };
        let ten: Value = minesegsat_io::read_json(&at).unwrap();
        for item in ten["features"].as_array().unwrap() {
            let chosen = choose_assets("x", item, &at).unwrap();
            assert_eq!(chosen.len(), 13, "twelve bands and the classification");
            let claim = claim(item, &chosen, metadata(item).processing_baseline);
            assert_eq!((claim.rule, claim.reliability), (OffsetRule::AssetMetadata, Reliability::Stated));
            assert!(claim.bands.values().all(|&(scale, offset)| scale == 1e-4 && (offset + 1000.0).abs() < 1e-9));
            let m = metadata(item);
            assert_eq!((m.mgrs_tile.as_deref(), m.relative_orbit.is_some()), (Some("13TDE"), true));
            let shape = stated_grid(chosen[&Layer::Band(Band::B01)].value, &item["properties"]).grid().unwrap();
            assert_eq!((shape.width, shape.crs.epsg(), shape.transform.pixel_width), (1830, 32613, 60.0));
        }
        let Some(at) = shared("earthsearch_v1_sentinel-2-c1-l2a_collection.json") else { return };
        assert!(find(&at, &OpenOptions::default()).unwrap_err().to_string().contains("STAC Collection"));
    }
}
