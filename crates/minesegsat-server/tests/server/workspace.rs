//! A small workspace, as `monitor run` and `predict` write it.

use std::path::{Path, PathBuf};

use geo::{MultiPolygon, Rect, coord};
use minesegsat_core::{Crs, GeoTransform, Grid};
use minesegsat_io::cog::{CogOptions, CogWriter};
use minesegsat_io::{DataType, InputIdentity, Location, Pixels, identity};
use minesegsat_vector::vector::{
    ColumnType, FeatureLayer, MinePolygon, PolygonMetadata, ShapeType, Value, VectorFormat, write_layer, write_polygons,
};
use minesegsat_watch::register::{
    Area, AreaParts, Observation, ObservationFile, Permit, Register, SeenChange, Site, SiteId, SiteStatus, Verdict,
};
use serde_json::json;
use tempfile::TempDir;

/// A site with two observations.
pub(crate) const SITE: &str = "wolverine";
/// UTM zone 10 north, where it lies.
const EPSG: u16 = 32610;
/// Upper left corner and side of its maps, in metres.
const CORNER: [f64; 2] = [615_000.0, 6_106_000.0];
const SIDE: f64 = 2560.0;

/// A folder that goes away at the end.
pub(crate) struct Workspace {
    folder: TempDir,
}

pub(crate) fn square(west: f64, south: f64, east: f64, north: f64) -> MultiPolygon<f64> {
    Rect::new(coord! {x: west, y: south}, coord! {x: east, y: north}).to_polygon().into()
}

pub(crate) fn site(id: &str, boundary: MultiPolygon<f64>) -> Site {
    Site {
        id: id.parse().unwrap(),
        name: format!("Mine <{id}> & \"sons\""),
        operator: Some("Operator".to_owned()),
        commodity: Some("coal".to_owned()),
        status: SiteStatus::Active,
        boundary,
    }
}

impl Workspace {
    /// Nothing but the folder.
    pub(crate) fn empty() -> Self {
        Self { folder: tempfile::tempdir().unwrap() }
    }

    /// Three sites, of which one was observed twice, and a prediction.
    pub(crate) fn filled() -> Self {
        let workspace = Self::empty();
        let register = Register::create(&workspace.register()).unwrap();
        register.add_site(&site(SITE, square(-121.2, 55.05, -121.15, 55.1))).unwrap();
        register.add_site(&site("antimeridian", square(179.95, -16.1, 180.05, -16.0))).unwrap();
        register.add_site(&site("quiet", square(10.0, 45.0, 10.1, 45.1))).unwrap();
        for (number, from, to, limit, polygon) in [
            ("P-1", "2021-01-01", Some("2022-12-31"), Some(120.0), None),
            ("P-2", "2023-01-01", None, Some(150.0), Some(square(-121.2, 55.05, -121.17, 55.1))),
        ] {
            let permit = Permit {
                site: SITE.parse().unwrap(),
                number: number.to_owned(),
                valid_from: from.parse().unwrap(),
                valid_to: to.map(|day: &str| day.parse().unwrap()),
                polygon,
                limit_ha: limit,
                document: Some("permit.pdf".to_owned()),
                document_sha256: None,
            };
            register.add_permit(&permit).unwrap();
        }
        for (date, verdict, ha) in [("2022-07-12", Verdict::Within, 100.0), ("2023-07-17", Verdict::Exceeded, 170.0)] {
            let mut observation = observation(date, verdict, ha);
            workspace.write_files(&mut observation, date != "2022-07-12");
            assert!(register.store_observation(&observation, |_| Ok(())).unwrap());
        }
        workspace.write_prediction("box-1");
        workspace
    }

    pub(crate) fn path(&self) -> &Path {
        self.folder.path()
    }

    pub(crate) fn register(&self) -> PathBuf {
        self.path().join("sites.gpkg")
    }

    /// Takes the folder away.
    pub(crate) fn vanish(&self) {
        std::fs::remove_dir_all(self.path()).unwrap();
    }

    /// Name of the observation of a day.
    pub(crate) fn observation(&self, date: &str) -> String {
        let register = Register::open_read_only(&self.register()).unwrap();
        let id: SiteId = SITE.parse().unwrap();
        let found = register.observations(&id).unwrap();
        found.iter().find(|one| one.date.to_string() == date).unwrap().name()
    }

    /// Folder of the observation of a day.
    pub(crate) fn files(&self, date: &str) -> PathBuf {
        self.path().join("sites.files").join(SITE).join(self.observation(date))
    }

    fn write_files(&self, observation: &mut Observation, has_change: bool) {
        let folder = self.path().join("sites.files").join(SITE).join(observation.name());
        write_map(&folder.join("map"), &observation.scenes[0], &observation.date.to_string());
        let indices = json!({"inside": {"ndvi": 0.2, "bsi": 0.1, "ndwi": null}, "around": {"ndvi": 0.6, "bsi": -0.1, "ndwi": -0.5}});
        std::fs::write(folder.join("indices.json"), indices.to_string()).unwrap();
        if has_change {
            write_change(&folder.join("change"));
        }
        let mut names = vec!["indices.json".to_owned()];
        names.extend(
            ["manifest.json", "mask.tif", "probability.tif", "polygons.gpkg"].map(|name| format!("map/{name}")),
        );
        for name in names {
            let path = folder.join(&name);
            let InputIdentity { size, sha256, .. } = identity(&Location::Path(path)).unwrap();
            observation.files.push(ObservationFile {
                path: format!("sites.files/{SITE}/{}/{name}", observation.name()),
                size: size.unwrap(),
                sha256: sha256.unwrap(),
            });
        }
    }

    pub(crate) fn write_prediction(&self, name: &str) {
        write_map(&self.path().join("predictions").join(name), "S2A_T10UFG_20220712", "2022-07-12");
    }
}

pub(crate) fn observation(date: &str, verdict: Verdict, ha: f64) -> Observation {
    Observation {
        site: SITE.parse().unwrap(),
        date: date.parse().unwrap(),
        scenes: vec![format!("S2A_T10UFG_{}", date.replace('-', ""))],
        model_sha256: "ab".repeat(32),
        is_provisional: None,
        new_land: None,
        share_assessed: 0.98,
        share_beyond_map: None,
        share_in_other_sites: None,
        share_disagreeing: None,
        boundary_sha256: None,
        permit_sha256: None,
        area: Some(Area { ha, lower_ha: ha - 5.0, upper_ha: ha + 5.0 }),
        parts: Some(AreaParts {
            mapped_ha: ha - 2.0,
            estimated: Area { ha: ha - 1.5, lower_ha: ha - 5.5, upper_ha: ha + 2.5 },
            assumed_ha: 1.5,
            inside_permit_ha: Some(ha - 3.5),
            outside_site_ha: 0.7,
        }),
        details: None,
        seen_change: Some(SeenChange { gain_ha: 12.5, loss_ha: 4.2, noise_floor_ha: 9.0 }),
        confidence_level_percent: 95.0,
        compared_with: (date != "2022-07-12").then(|| "2022-07-12".parse().unwrap()),
        gain_ha: Some(12.5),
        loss_ha: Some(0.0),
        outside_permit_ha: Some(1.5),
        permit: Some(if date < "2023" { "P-1" } else { "P-2" }.to_owned()),
        limit_ha: Some(if date < "2023" { 120.0 } else { 150.0 }),
        verdict,
        statement: format!("{ha} ha on {date}."),
        warnings: vec!["another season".to_owned()],
        files: Vec::new(),
        created: "2023-08-01T00:00:00Z".parse().unwrap(),
    }
}

fn grid() -> Grid {
    Grid {
        crs: Crs::from_epsg(EPSG).unwrap(),
        transform: GeoTransform::north_up(CORNER[0], CORNER[1], 10.0),
        width: (SIDE / 10.0) as usize,
        height: (SIDE / 10.0) as usize,
    }
}

/// A square of the map in metres from its upper left corner.
fn part(x: f64, y: f64, side: f64) -> MultiPolygon<f64> {
    let (west, north) = (CORNER[0] + x, CORNER[1] - y);
    square(west, north - side, west + side, north)
}

fn write_map(folder: &Path, scene: &str, date: &str) {
    std::fs::create_dir_all(folder).unwrap();
    let grid = grid();
    let pixels = grid.width * grid.height;
    let inside = |at: usize| (at % grid.width) / 64 == 1 && (at / grid.width) / 64 == 1;
    let mut mask = CogWriter::create(&folder.join("mask.tif"), &grid, CogOptions::mask("mining")).unwrap();
    mask.write_rows(&[Pixels::U8((0..pixels).map(|at| u8::from(inside(at))).collect())]).unwrap();
    mask.finish().unwrap();
    let mut probability = CogWriter::create(&folder.join("probability.tif"), &grid, CogOptions::default()).unwrap();
    probability.write_rows(&[Pixels::F32((0..pixels).map(|at| if inside(at) { 0.9 } else { 0.1 }).collect())]).unwrap();
    probability.finish().unwrap();
    let polygons: Vec<MinePolygon> = (1..=3)
        .map(|id| MinePolygon {
            id,
            geometry: part(300.0 * id as f64, 300.0, 200.0),
            area_ha: 4.0,
            perimeter_m: 800.0,
            mean_probability: 0.9,
            max_probability: 0.95,
            touches_edge: false,
            touches_nodata: false,
        })
        .collect();
    let path = folder.join("polygons.gpkg");
    write_polygons(&path, VectorFormat::GeoPackage, &grid.crs, &polygons, &PolygonMetadata::default()).unwrap();
    let manifest = json!({
        "software": {"name": "minesegsat", "version": "0.1.0"},
        "created": "2023-08-01T00:00:00Z",
        "status": "assessed",
        "scene": {"name": scene, "date": date, "datetime": format!("{date}T19:09:19Z"), "cloud_cover_percent": 3.5, "processing_baseline": "05.00"},
        "scene_location": "nowhere",
        "radiometry": {"decision": {"removes_offset": true, "statement": "baseline 05.00"}},
        "model": {"title": "model"},
        "parameters": {"threshold": 0.5},
        "grid": {"epsg": EPSG, "transform": [CORNER[0], 10.0, 0.0, CORNER[1], 0.0, -10.0], "width": grid.width, "height": grid.height},
        "totals": {"polygons": 3, "area_ha": 12.0, "largest_ha": 4.0},
    });
    std::fs::write(folder.join("manifest.json"), manifest.to_string()).unwrap();
}

fn write_change(folder: &Path) {
    std::fs::create_dir_all(folder).unwrap();
    let feature = |change: &str, x: f64| {
        (part(x, 900.0, 100.0).into(), vec![Value::Text(change.to_owned()), Value::Real(1.0), Value::Boolean(true)])
    };
    let layer = FeatureLayer {
        name: "mining_change",
        title: "Change".to_owned(),
        description: "Change".to_owned(),
        datetime: None,
        metadata: "{}".to_owned(),
        shape: ShapeType::MultiPolygon,
        columns: vec![
            ("change", ColumnType::Text),
            ("area_ha", ColumnType::Real),
            ("above_noise", ColumnType::Boolean),
        ],
        choices: Vec::new(),
        style: None,
        features: vec![feature("gain", 100.0), feature("loss", 300.0), feature("stable", 500.0)],
    };
    write_layer(&folder.join("change.gpkg"), &grid().crs, &layer).unwrap();
    let manifest = json!({"dates": [{"date": "2022-07-12"}, {"date": "2023-07-17"}]});
    std::fs::write(folder.join("manifest.json"), manifest.to_string()).unwrap();
}

/// Writes the raster of a comparison: gain in the first ten rows of the mapped block, and a pixel of loss.
pub(crate) fn write_change_raster(folder: &Path) {
    let grid = grid();
    let class = |at: usize| match (at % grid.width, at / grid.width) {
        (64..128, 64..74) => 2,
        (150, 150) => 3,
        _ => 0,
    };
    let mut change = CogWriter::create(&folder.join("change.tif"), &grid, CogOptions::mask("change")).unwrap();
    change.write_rows(&[Pixels::U8((0..grid.width * grid.height).map(class).collect())]).unwrap();
    change.finish().unwrap();
}

/// Writes the series of an observation: the mapped block became disturbed between its two dates.
pub(crate) fn write_series(folder: &Path) {
    std::fs::create_dir_all(folder).unwrap();
    let grid = grid();
    // 2023-01-13, the middle of 2022-07-12 and 2023-07-17: `numpy.datetime64('2023-01-13').astype(int)`.
    let day = |at: usize| if matches!((at % grid.width, at / grid.width), (64..128, 64..128)) { 19_370 } else { 0 };
    let options = CogOptions { data_type: DataType::U16, nodata: Some(0.0), ..CogOptions::default() };
    let mut onset = CogWriter::create(&folder.join("onset.tif"), &grid, options).unwrap();
    onset.write_rows(&[Pixels::U16((0..grid.width * grid.height).map(day).collect())]).unwrap();
    onset.finish().unwrap();
    let mut state = CogWriter::create(&folder.join("state.tif"), &grid, CogOptions::mask("land_history")).unwrap();
    let class = |at: usize| if day(at) > 0 { 2 } else { 0 };
    state.write_rows(&[Pixels::U8((0..grid.width * grid.height).map(class).collect())]).unwrap();
    state.finish().unwrap();
    std::fs::write(folder.join("manifest.json"), json!({"dates": ["2022-07-12", "2023-07-17"]}).to_string()).unwrap();
}
