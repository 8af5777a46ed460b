//! The static STAC catalogue of simulated scenes: catalogue, collection and items (STAC 1.0.0 with the extensions eo,
//! projection, raster, view and file).

use serde_json::{Value, json};

use super::season::Season;
use super::{Region, SimulateOptions};
use crate::manifest::OutputRecord;
use crate::scene::SclClass;
use crate::{Band, Crs, Grid, Result, Transformer};

/// Id of the collection.
pub(super) const COLLECTION: &str = "simulated-sentinel-2-l2a";
const VERSION: &str = "1.0.0";
const EXTENSIONS: [&str; 5] = [
    "https://stac-extensions.github.io/eo/v1.1.0/schema.json",
    "https://stac-extensions.github.io/projection/v1.1.0/schema.json",
    "https://stac-extensions.github.io/raster/v1.1.0/schema.json",
    "https://stac-extensions.github.io/view/v1.0.0/schema.json",
    "https://stac-extensions.github.io/file/v2.1.0/schema.json",
];
const COG: &str = "image/tiff; application=geotiff; profile=cloud-optimized";

/// Centre and width of a band in micrometres, of Sentinel-2A (ESA, Sentinel-2 Spectral Response Functions).
const fn wavelengths(band: Band) -> (f64, f64) {
    match band {
        Band::B01 => (0.443, 0.021),
        Band::B02 => (0.492, 0.066),
        Band::B03 => (0.560, 0.036),
        Band::B04 => (0.665, 0.031),
        Band::B05 => (0.704, 0.015),
        Band::B06 => (0.741, 0.015),
        Band::B07 => (0.783, 0.020),
        Band::B08 => (0.833, 0.106),
        Band::B8A => (0.865, 0.021),
        Band::B09 => (0.945, 0.020),
        Band::B10 => (1.374, 0.031),
        Band::B11 => (1.614, 0.091),
        Band::B12 => (2.202, 0.175),
    }
}

/// Common name of the electro-optical extension, which is not unique.
const fn common_name(band: Band) -> &'static str {
    match band {
        Band::B05 | Band::B06 | Band::B07 => "rededge",
        _ => band.common_name(),
    }
}

/// What an item says.
pub(super) struct Item<'a> {
    pub(super) id: &'a str,
    pub(super) options: &'a SimulateOptions,
    pub(super) year: i16,
    pub(super) season: &'a Season,
    pub(super) place: &'a str,
    /// Grid of the 10 m bands.
    pub(super) grid: &'a Grid,
    pub(super) cloud_cover_percent: f64,
    /// Pixels of each class of the scene classification.
    pub(super) classes: [u64; 12],
    pub(super) files: Vec<(Layer, Grid, OutputRecord)>,
}

/// What a file of an item holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Layer {
    Band(Band),
    Classification,
}

impl Item<'_> {
    /// The item as JSON, in the folder of its files two levels below the catalogue.
    pub(super) fn json(&self) -> Result<Value> {
        let (geometry, bbox) = footprint(self.grid)?;
        let total: u64 = self.classes.iter().sum();
        let percent = |class: SclClass| {
            let share = self.classes[usize::from(class.value())] as f64 / total.max(1) as f64;
            (share * 1e6).round() / 1e4
        };
        let cloud_cover = (self.cloud_cover_percent * 1e4).round() / 1e4;
        let mut assets = serde_json::Map::new();
        for (layer, grid, record) in &self.files {
            let (key, asset) = self.asset(*layer, grid, record);
            assets.insert(key.to_owned(), asset);
        }
        let truth = |name: &str, title: &str, kind: &str| {
            json!({ "href": format!("../../truth/{}{name}", self.year), "title": format!("Simulated truth: {title}"),
                    "type": kind, "roles": ["labels"] })
        };
        assets.insert("truth-polygons".to_owned(), truth(".gpkg", "mine parts", "application/geopackage+sqlite3"));
        assets.insert("truth-mask".to_owned(), truth("_mask.tif", "mining 1, other 0", COG));
        assets.insert("truth-parts".to_owned(), truth("_parts.tif", "mine part", COG));
        Ok(json!({
            "type": "Feature",
            "stac_version": VERSION,
            "stac_extensions": EXTENSIONS,
            "id": self.id,
            "collection": COLLECTION,
            "geometry": geometry,
            "bbox": bbox,
            "properties": {
                "title": format!("Simulated Sentinel-2 L2A scene, {} region, {}, seed {}",
                                 self.options.region, self.season.date, self.options.seed),
                "description": format!("Simulated by minesegsat {}; nothing in it was measured. The landscape is invented; \
                                        it is placed in {}.", env!("CARGO_PKG_VERSION"), self.place),
                "datetime": self.season.datetime(),
                "platform": "simulated-sentinel-2",
                "instruments": ["msi"],
                "gsd": 10,
                "eo:cloud_cover": cloud_cover,
                "proj:epsg": self.grid.crs.epsg(),
                "view:off_nadir": 0,
                "view:sun_azimuth": round3(self.season.sun_azimuth),
                "view:sun_elevation": round3(self.season.sun_elevation),
                "s2:processing_baseline": self.season.processing_baseline(),
                "s2:product_type": "S2MSI2A",
                "s2:nodata_pixel_percentage": 0.0,
                "s2:dark_features_percentage": percent(SclClass::DarkArea),
                "s2:cloud_shadow_percentage": percent(SclClass::CloudShadow),
                "s2:vegetation_percentage": percent(SclClass::Vegetation),
                "s2:not_vegetated_percentage": percent(SclClass::NotVegetated),
                "s2:water_percentage": percent(SclClass::Water),
                "s2:unclassified_percentage": percent(SclClass::Unclassified),
                "s2:medium_proba_clouds_percentage": percent(SclClass::CloudMediumProbability),
                "s2:high_proba_clouds_percentage": percent(SclClass::CloudHighProbability),
                "s2:thin_cirrus_percentage": percent(SclClass::ThinCirrus),
                "s2:snow_ice_percentage": percent(SclClass::SnowOrIce),
                "minesegsat:simulated": true,
                "minesegsat:seed": self.options.seed,
                "minesegsat:region": self.options.region,
            },
            "links": [
                { "rel": "root", "href": "../../catalog.json", "type": "application/json" },
                { "rel": "parent", "href": "../../collection.json", "type": "application/json" },
                { "rel": "collection", "href": "../../collection.json", "type": "application/json" },
            ],
            "assets": assets,
        }))
    }

    fn asset(&self, layer: Layer, grid: &Grid, record: &OutputRecord) -> (&'static str, Value) {
        let t = &grid.transform;
        let mut asset = json!({
            "href": format!("./{}", record.name),
            "type": COG,
            "gsd": t.pixel_width,
            "proj:shape": [grid.height, grid.width],
            "proj:transform": [t.pixel_width, 0.0, t.origin_x, 0.0, t.pixel_height, t.origin_y],
            // A multihash: SHA-256 (0x12) of 32 bytes (0x20).
            "file:checksum": format!("1220{}", record.sha256),
            "file:size": record.size,
        });
        match layer {
            Layer::Band(band) => {
                let (centre, width) = wavelengths(band);
                asset["title"] = json!(format!("{band}, simulated"));
                asset["roles"] = json!(["data", "reflectance"]);
                asset["eo:bands"] = json!([{ "name": band.id(), "common_name": common_name(band),
                                             "center_wavelength": centre, "full_width_half_max": width }]);
                let offset = -f64::from(self.season.offset_dn()) / 1e4;
                asset["raster:bands"] = json!([{ "nodata": 0, "data_type": "uint16", "spatial_resolution": t.pixel_width,
                                                 "scale": 1e-4, "offset": if offset == 0.0 { 0.0 } else { offset } }]);
                (band.id(), asset)
            }
            Layer::Classification => {
                asset["title"] = json!("Scene classification, simulated");
                asset["roles"] = json!(["data"]);
                asset["raster:bands"] =
                    json!([{ "nodata": 0, "data_type": "uint8", "spatial_resolution": t.pixel_width }]);
                ("SCL", asset)
            }
        }
    }
}

fn round3(value: f32) -> f64 {
    (f64::from(value) * 1e3).round() / 1e3
}

/// Outline and bounds in longitude and latitude, to about a centimetre.
pub(super) fn footprint(grid: &Grid) -> Result<(Value, [f64; 4])> {
    let to_lon_lat = Transformer::new(&grid.crs, &Crs::WGS84)?;
    let round = |v: f64| (v * 1e7).round() / 1e7;
    let [west, south, east, north] = grid.bounds();
    let ring = [(west, south), (east, south), (east, north), (west, north), (west, south)];
    let ring = ring
        .into_iter()
        .map(|(x, y)| to_lon_lat.transform(x, y).map(|(x, y)| [round(x), round(y)]))
        .collect::<Result<Vec<_>>>()?;
    let bbox = to_lon_lat.transform_bounds(grid.bounds())?.map(round);
    Ok((json!({ "type": "Polygon", "coordinates": [ring] }), bbox))
}

/// The catalogue above the collection.
pub(super) fn catalog(options: &SimulateOptions) -> Value {
    json!({
        "type": "Catalog",
        "stac_version": VERSION,
        "id": format!("simulated-{}-{}", options.region, options.seed),
        "title": format!("Simulated Sentinel-2 scenes, {} region, seed {}", options.region, options.seed),
        "description": "Simulated scenes with mines whose truth is known to the pixel. Nothing in them was measured.",
        "minesegsat:simulated": true,
        "links": [
            { "rel": "root", "href": "./catalog.json", "type": "application/json" },
            { "rel": "child", "href": "./collection.json", "type": "application/json" },
        ],
    })
}

/// The collection of the items (year and id of each).
pub(super) fn collection(
    options: &SimulateOptions,
    items: &[(i16, String)],
    bbox: [f64; 4],
    interval: [jiff::Timestamp; 2],
) -> Value {
    let mut links = vec![
        json!({ "rel": "root", "href": "./catalog.json", "type": "application/json" }),
        json!({ "rel": "parent", "href": "./catalog.json", "type": "application/json" }),
    ];
    let href = |(year, id): &(i16, String)| format!("./{year}/{id}/item.json");
    links.extend(items.iter().map(|item| json!({ "rel": "item", "href": href(item), "type": "application/geo+json" })));
    json!({
        "type": "Collection",
        "stac_version": VERSION,
        "stac_extensions": [],
        "id": COLLECTION,
        "title": format!("Simulated Sentinel-2 L2A, {} region", options.region),
        "description": "Simulated surface reflectance in twelve bands on their native grids, with scene classification. \
                        Nothing was measured; the truth lies in `truth`.",
        "license": "CC0-1.0",
        "keywords": ["simulated", "sentinel-2", "mining"],
        "extent": { "spatial": { "bbox": [bbox] }, "temporal": { "interval": [interval] } },
        "summaries": { "platform": ["simulated-sentinel-2"], "instruments": ["msi"], "gsd": [10, 20, 60] },
        "minesegsat:simulated": true,
        "links": links,
    })
}

/// Id of an item: `SIM_boreal_S42_20210712`.
pub(super) fn item_id(region: Region, seed: u64, season: &Season) -> String {
    format!("SIM_{region}_S{seed}_{}", season.date.strftime("%Y%m%d"))
}
