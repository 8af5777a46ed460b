//! The static STAC catalogue of simulated scenes: catalogue, collection and items, with the extensions eo, projection, raster,
//! view and file.

use serde_json::{Map, Value, json};

use super::season::Season;
use super::{Region, SimulateOptions};
use minesegsat_core::{Band, Crs, Grid, Result, Transformer};
use minesegsat_scene::manifest::OutputRecord;
use minesegsat_scene::{SclClass, stac_writer};

/// Id of the collection.
pub(super) const COLLECTION: &str = "simulated-sentinel-2-l2a";
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

/// Content of a STAC item.
pub(super) struct Item<'a> {
    pub(super) id: &'a str,
    pub(super) options: &'a SimulateOptions,
    /// Name of the files of its truth.
    pub(super) truth: &'a str,
    pub(super) season: &'a Season,
    pub(super) place: &'a str,
    /// Grid of the 10 m bands.
    pub(super) grid: &'a Grid,
    pub(super) cloud_cover_percent: f64,
    /// Number of pixels of each class of the scene classification.
    pub(super) classes: [u64; 12],
    pub(super) files: Vec<(Layer, Grid, OutputRecord)>,
}

/// Content of an item's file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Layer {
    Band(Band),
    Classification,
}

impl Item<'_> {
    /// The item as JSON. It is stored beside its files, two levels below the catalogue.
    pub(super) fn json(&self) -> Result<Value> {
        let (geometry, bbox) = footprint(self.grid)?;
        let total: u64 = self.classes.iter().sum();
        let percent = |class: SclClass| {
            let share = self.classes[usize::from(class.value())] as f64 / total.max(1) as f64;
            (share * 1e6).round() / 1e4
        };
        let cloud_cover = (self.cloud_cover_percent * 1e4).round() / 1e4;
        let mut assets = Map::new();
        for (layer, grid, record) in &self.files {
            let (key, asset) = self.asset(*layer, grid, record);
            assets.insert(key.to_owned(), asset);
        }
        let truth = |name: &str, title: &str, kind: &str| {
            let href = format!("../../truth/{}{name}", self.truth);
            stac_writer::asset(&href, kind, &format!("Simulated truth: {title}"), &["labels"])
        };
        assets.insert("truth-polygons".to_owned(), truth(".gpkg", "mine parts", "application/geopackage+sqlite3"));
        assets.insert("truth-mask".to_owned(), truth("_mask.tif", "mining 1, other 0", COG));
        assets.insert("truth-parts".to_owned(), truth("_parts.tif", "mine part", COG));
        let link = |rel: &str, href: &str| stac_writer::link(rel, href, stac_writer::JSON);
        Ok(stac_writer::item(json!({
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
                "proj:code": stac_writer::projection_code(&self.grid.crs),
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
                link("root", "../../catalog.json"),
                link("parent", "../../collection.json"),
                link("collection", "../../collection.json"),
            ],
            "assets": assets,
        })))
    }

    fn asset(&self, layer: Layer, grid: &Grid, record: &OutputRecord) -> (&'static str, Value) {
        let raster = |title: &str, roles: &[&str]| {
            let href = format!("./{}", record.name);
            stac_writer::raster_asset(&href, COG, title, roles, grid, Some(record.size), Some(&record.sha256))
        };
        let spacing = grid.transform.pixel_width;
        match layer {
            Layer::Band(band) => {
                let (centre, width) = wavelengths(band);
                let mut asset = raster(&format!("{band}, simulated"), &["data", "reflectance"]);
                let offset = -f64::from(self.season.offset_dn()) / 1e4;
                asset["bands"] = json!([{
                    "name": band.id(),
                    "data_type": "uint16",
                    "nodata": 0,
                    "eo:common_name": stac_writer::common_name(band),
                    "eo:center_wavelength": centre,
                    "eo:full_width_half_max": width,
                    "raster:spatial_resolution": spacing,
                    "raster:scale": 1e-4,
                    "raster:offset": if offset == 0.0 { 0.0 } else { offset },
                }]);
                (band.id(), asset)
            }
            Layer::Classification => {
                let mut asset = raster("Scene classification, simulated", &["data"]);
                asset["bands"] =
                    json!([{ "name": "SCL", "data_type": "uint8", "nodata": 0, "raster:spatial_resolution": spacing }]);
                ("SCL", asset)
            }
        }
    }
}

fn round3(value: f32) -> f64 {
    (f64::from(value) * 1e3).round() / 1e3
}

/// Outline and bounds in longitude and latitude, rounded to about a centimetre.
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

/// The root catalogue of the collection.
pub(super) fn catalog(options: &SimulateOptions) -> Value {
    stac_writer::catalog(json!({
        "id": format!("simulated-{}-{}", options.region, options.seed),
        "title": format!("Simulated Sentinel-2 scenes, {} region, seed {}", options.region, options.seed),
        "description": "Simulated scenes with mines whose truth is known to the pixel. Nothing in them was measured.",
        "minesegsat:simulated": true,
        "links": [
            stac_writer::link("root", "./catalog.json", stac_writer::JSON),
            stac_writer::link("child", "./collection.json", stac_writer::JSON),
        ],
    }))
}

/// The collection of the items (year and id of each).
pub(super) fn collection(
    options: &SimulateOptions,
    items: &[(i16, String)],
    bbox: [f64; 4],
    interval: [jiff::Timestamp; 2],
) -> Value {
    let mut links = ["root", "parent"].map(|rel| stac_writer::link(rel, "./catalog.json", stac_writer::JSON)).to_vec();
    let href = |(year, id): &(i16, String)| format!("./{year}/{id}/item.json");
    links.extend(items.iter().map(|item| stac_writer::link("item", &href(item), stac_writer::GEO_JSON)));
    stac_writer::collection(json!({
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
    }))
}

/// Id of an item: `SIM_boreal_S42_20210712`.
pub(super) fn item_id(region: Region, seed: u64, season: &Season) -> String {
    format!("SIM_{region}_S{seed}_{}", season.date.strftime("%Y%m%d"))
}
