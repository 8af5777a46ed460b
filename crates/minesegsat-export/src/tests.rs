use std::path::PathBuf;

use geo::{Rect, coord};
use minesegsat_core::{GeoTransform, Grid};
use minesegsat_io::Pixels;
use minesegsat_io::cog::{CogOptions, CogWriter};
use minesegsat_vector::labels::{LabelOptions, read_with_attributes};
use rusqlite::Connection;

use super::*;
use minesegsat_watch::register::{SiteStatus, Verdict};

/// Side of the maps in pixels.
const SIDE: usize = 64;
/// Hectares of a pixel of 10 m here, nearly.
const PIXEL_HA: f64 = 0.01;
/// A name of more bytes than a field of a Shapefile holds, with everything that must be escaped.
const NAME: &str = "منجم <\"النحاس\" & أولاده>/../x";

fn grid() -> Grid {
    Grid {
        crs: Crs::from_epsg(32610).unwrap(),
        transform: GeoTransform::north_up(615_000.0, 6_106_000.0, 10.0),
        width: SIDE,
        height: SIDE,
    }
}

/// A register with the site `quarry`, whose outline lies around the maps.
struct Place {
    folder: tempfile::TempDir,
    register: Register,
    id: SiteId,
}

impl Place {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let register = Register::create(&folder.path().join("sites.gpkg")).unwrap();
        let id: SiteId = "quarry".parse().unwrap();
        let boundary = Rect::new(coord! {x: -121.25, y: 55.05}, coord! {x: -121.1, y: 55.1}).to_polygon().into();
        let site = Site {
            id: id.clone(),
            name: NAME.repeat(11),
            operator: None,
            commodity: None,
            status: SiteStatus::Active,
            boundary,
        };
        register.add_site(&site).unwrap();
        let permit = Permit {
            site: id.clone(),
            number: "P-1".to_owned(),
            valid_from: "2020-01-01".parse().unwrap(),
            valid_to: None,
            polygon: None,
            limit_ha: Some(12.5),
            document: None,
            document_sha256: None,
        };
        register.add_permit(&permit).unwrap();
        Self { folder, register, id }
    }

    /// Two observations, the second with a comparison.
    fn observed() -> Self {
        let place = Self::new();
        place.observe("2022-07-12", 10);
        let second = place.observe("2023-07-17", 12);
        let change = place.files(&second).join("change");
        let value = |col: usize, row: usize| match (col, row) {
            (10..12, 0..10) => 2,
            (40..41, 40..41) => 3,
            (0..10, 0..10) => 1,
            _ => 0,
        };
        write_raster(&change.join("change.tif"), value);
        let record = json!({
            "dates": [{"date": "2022-07-12"}, {"date": "2023-07-17"}],
            "rules": {"threshold": 0.4},
            "sites": [{"id": "quarry", "gain": {"ha": 0.2, "lower_ha": 0.1, "upper_ha": 0.3}, "loss": null}],
        });
        fs_err::write(change.join("manifest.json"), record.to_string()).unwrap();
        place
    }

    /// Stores an observation whose map shows a square of pixels, and returns its name.
    fn observe(&self, day: &str, side: usize) -> String {
        let date: Date = day.parse().unwrap();
        let observation = Observation {
            site: self.id.clone(),
            date,
            scenes: vec![format!("S2A_{day}"), "S2B_X".to_owned()],
            model_sha256: "0123456789abcdef".repeat(4),
            is_provisional: None,
            new_land: None,
            share_assessed: 0.98,
            share_beyond_map: None,
            share_in_other_sites: None,
            share_disagreeing: None,
            boundary_sha256: None,
            permit_sha256: None,
            area: None,
            parts: None,
            details: None,
            seen_change: None,
            confidence_level_percent: 90.0,
            compared_with: (day > "2023").then(|| "2022-07-12".parse().unwrap()),
            gain_ha: None,
            loss_ha: None,
            outside_permit_ha: None,
            permit: Some("P-1".to_owned()),
            limit_ha: Some(12.5),
            verdict: Verdict::Within,
            statement: "=1+1 is a statement.".to_owned(),
            warnings: Vec::new(),
            files: Vec::new(),
            created: "2023-08-01T00:00:00Z".parse().unwrap(),
        };
        assert!(self.register.store_observation(&observation, |_| Ok(())).unwrap());
        let map = self.files(&observation.name()).join("map");
        write_raster(&map.join("mask.tif"), |col, row| u8::from(col < side && row < side));
        let mut probability = CogWriter::create(&map.join("probability.tif"), &grid(), CogOptions::default()).unwrap();
        probability.write_rows(&[Pixels::F32(vec![0.5; SIDE * SIDE])]).unwrap();
        probability.finish().unwrap();
        let record = json!({
            "scene": {"name": "scene", "date": day, "level": "L2A"},
            "radiometry": {"decision": {"removes_offset": false, "statement": "none"}},
            "model": {"title": "b0 & more", "weights_sha256": "0123456789abcdef"},
            "parameters": {"threshold": 0.4},
        });
        fs_err::write(map.join("manifest.json"), record.to_string()).unwrap();
        observation.name()
    }

    fn files(&self, observation: &str) -> PathBuf {
        self.folder.path().join("sites.files/quarry").join(observation)
    }

    fn land(&self) -> SiteLand {
        SiteLand::read(&self.register, &self.id).unwrap()
    }

    fn write(&self, format: LandFormat) -> PathBuf {
        let path = self.folder.path().join(format!("land.{}", format.extension()));
        self.land().write(&path, format).unwrap();
        path
    }
}

/// Writes a raster of classes by column and row.
fn write_raster(path: &Path, value: impl Fn(usize, usize) -> u8) {
    fs_err::create_dir_all(path.parent().unwrap()).unwrap();
    let mut raster = CogWriter::create(path, &grid(), CogOptions::mask("classes")).unwrap();
    raster.write_rows(&[Pixels::U8((0..SIDE * SIDE).map(|i| value(i % SIDE, i / SIDE)).collect())]).unwrap();
    raster.finish().unwrap();
}

#[test]
fn polygons_are_read_back_from_every_format() {
    let place = Place::observed();
    assert!(place.land().left_out().is_empty(), "{:?}", place.land().left_out());
    for format in [LandFormat::GeoPackage, LandFormat::GeoJson, LandFormat::Shapefile, LandFormat::Kml] {
        let path = place.write(format);
        let (labels, rows) = read_with_attributes(&path, &LabelOptions::default()).unwrap();
        assert_eq!(labels.features().len(), 4, "{format}: {:?}", labels.report());
        let text = |row: usize, name: &str| {
            let value = rows[row].1.get(name).cloned().unwrap_or_default();
            value.as_str().map_or_else(|| value.to_string(), str::to_owned)
        };
        let kinds: Vec<String> = (0..4).map(|row| text(row, "kind")).collect();
        assert_eq!(kinds, ["disturbed", "disturbed", "gain", "loss"], "{format}");
        assert_eq!(text(0, "date"), "2022-07-12", "{format}");
        assert_eq!(text(2, "since"), "2022-07-12", "{format}");
        assert_eq!(text(1, "verdict"), "within", "{format}");
        assert_eq!(text(1, "model_sha"), "0123456789ab", "{format}");
        assert_eq!(text(1, "model"), "b0 & more", "{format}");
        assert_eq!(text(1, "scenes"), "S2A_2023-07-17 S2B_X", "{format}");
        assert_eq!(text(1, "threshold").parse::<f64>().unwrap(), 0.4, "{format}");
        let (observation, noise) =
            if format == LandFormat::Shapefile { ("observatio", "above_nois") } else { ("observation", "above_noise") };
        assert!(text(1, observation).starts_with("2023-07-17-"), "{format}");
        assert!(["true", "1"].contains(&text(2, noise).as_str()), "{format}: {}", text(2, noise));
        assert!(["false", "0"].contains(&text(3, noise).as_str()), "{format}: {}", text(3, noise));
        let (name, whole) = (text(0, "site_name"), NAME.repeat(11));
        if format == LandFormat::Shapefile {
            assert!(name.len() > 250 && whole.starts_with(&name), "{name}");
        } else {
            assert_eq!(name, whole, "{format}");
        }
        // The hectares of the attributes are those of the pixels, and nearly those of the outlines.
        for (row, pixels) in [(0, 100.0), (1, 144.0), (2, 20.0), (3, 1.0)] {
            let area_ha: f64 = text(row, "area_ha").parse().unwrap();
            let expected = pixels * PIXEL_HA;
            assert!((area_ha - expected).abs() < 2e-3 * expected, "{format} {row}: {area_ha}");
            let outline_ha = labels.areas_ha().unwrap()[row];
            assert!((outline_ha - area_ha).abs() < 1e-3 * area_ha, "{format} {row}: {outline_ha} {area_ha}");
        }
        // The same land gives the same bytes.
        let first = fs_err::read(&path).unwrap();
        place.write(format);
        assert!(fs_err::read(&path).unwrap() == first, "{format}");
    }
}

#[test]
fn tables_have_numbers_and_dates() {
    use std::io::Read;
    let place = Place::observed();
    let csv = fs_err::read_to_string(place.write(LandFormat::Csv)).unwrap();
    let lines: Vec<&str> = csv.lines().collect();
    assert_eq!(lines.len(), 3);
    assert!(lines[0].starts_with("site,date,verdict,"), "{}", lines[0]);
    assert!(lines[1].starts_with("quarry,2022-07-12,within,0.98,"), "{}", lines[1]);

    let path = place.write(LandFormat::Xlsx);
    let mut archive = zip::ZipArchive::new(fs_err::File::open(&path).unwrap()).unwrap();
    let mut part = |name: &str| {
        let mut text = String::new();
        archive.by_name(name).unwrap().read_to_string(&mut text).unwrap();
        text
    };
    let workbook = part("xl/workbook.xml");
    for sheet in ["observations", "permits", "land"] {
        assert!(workbook.contains(&format!("name=\"{sheet}\"")), "{workbook}");
    }
    let observations = part("xl/worksheets/sheet1.xml");
    // 2022-07-12 is day 44754 of Excel; a number has no type, a text has `t="s"`.
    assert!(observations.contains("<v>44754</v>") && observations.contains("<v>0.98</v>"), "{observations}");
    assert!(!observations.contains("<f>"), "a text is no formula: {observations}");
    assert!(part("xl/worksheets/sheet2.xml").contains("<v>12.5</v>"));
    let land = part("xl/worksheets/sheet3.xml");
    // A header, two maps, gain and loss.
    assert_eq!(land.matches("<row ").count(), 5, "{land}");
    let first = fs_err::read(&path).unwrap();
    place.write(LandFormat::Xlsx);
    assert!(fs_err::read(&path).unwrap() == first);
}

#[test]
fn a_geopackage_has_a_style_for_its_layer() {
    let place = Place::observed();
    let database = Connection::open(place.write(LandFormat::GeoPackage)).unwrap();
    let (table, column, style, is_default): (String, String, String, bool) = database
        .query_row("SELECT f_table_name, f_geometry_column, styleQML, useAsDefault FROM layer_styles", [], |row| {
            Ok((row.get(0)?, row.get(1)?, row.get(2)?, row.get(3)?))
        })
        .unwrap();
    assert_eq!((table.as_str(), column.as_str(), is_default), ("disturbed_land", "geom", true));
    for class in ["value=\"disturbed\"", "value=\"gain\"", "value=\"loss\"", "attr=\"kind\""] {
        assert!(style.contains(class), "{style}");
    }
    let [red, green, blue] = minesegsat_core::pixel_class::GAIN_COLOUR;
    assert!(style.contains(&format!("{red},{green},{blue},255")), "{style}");
    let sld: String = database.query_row("SELECT styleSLD FROM layer_styles", [], |row| row.get(0)).unwrap();
    let gain = "<ogc:PropertyName>kind</ogc:PropertyName><ogc:Literal>gain</ogc:Literal>";
    assert!(sld.contains(gain) && sld.contains(&format!("#{red:02x}{green:02x}{blue:02x}")), "{sld}");
    let dates: String =
        database.query_row("SELECT typeof(date) || date FROM disturbed_land", [], |row| row.get(0)).unwrap();
    assert_eq!(dates, "text2022-07-12");
}

#[test]
fn what_is_missing_is_said() {
    let place = Place::new();
    let land = place.land();
    for format in LandFormat::ALL {
        assert!(land.nothing(format).unwrap().contains("has no observations"), "{format}");
        assert!(land.write(&place.folder.path().join("x"), format).is_err());
    }
    assert!(!place.folder.path().join("x").exists());

    let place = Place::observed();
    let second = place.land().observations[1].name();
    fs_err::remove_file(place.files(&second).join("change/change.tif")).unwrap();
    let land = place.land();
    assert_eq!((land.left_out().len(), land.polygons()), (1, 2));
    assert!(land.left_out()[0].starts_with("the change of observation"), "{:?}", land.left_out());
    fs_err::remove_dir_all(place.files(&second)).unwrap();
    let land = place.land();
    assert_eq!((land.left_out().len(), land.polygons()), (1, 1));
    assert!(land.left_out()[0].contains(&second), "{:?}", land.left_out());
    let json: serde_json::Value =
        serde_json::from_slice(&fs_err::read(place.write(LandFormat::GeoJson)).unwrap()).unwrap();
    let left_out = json["metadata"]["left_out"][0].as_str().unwrap();
    assert!(left_out.contains(&second), "the file says it too");
    assert!(!left_out.contains(place.folder.path().to_str().unwrap()), "no folder of this machine: {left_out}");
    let kml = fs_err::read_to_string(place.write(LandFormat::Kml)).unwrap();
    assert!(kml.contains(&second) && kml.contains("is left out"), "{kml}");
    for (format, member) in [(LandFormat::Shapefile, "disturbed_land.txt"), (LandFormat::Xlsx, "xl/sharedStrings.xml")]
    {
        let mut archive = zip::ZipArchive::new(fs_err::File::open(place.write(format)).unwrap()).unwrap();
        let text = std::io::read_to_string(archive.by_name(member).unwrap()).unwrap();
        assert!(text.contains(&second) && text.contains("is left out"), "{format}: {text}");
    }
    fs_err::remove_dir_all(place.folder.path().join("sites.files")).unwrap();
    let land = place.land();
    assert!(land.nothing(LandFormat::Kml).unwrap().contains("are missing or cannot be read"));
    assert_eq!(land.nothing(LandFormat::Csv), None, "the register has the table");
    let nowhere = SiteLand::read(&place.register, &"nowhere".parse().unwrap());
    assert!(nowhere.unwrap_err().to_string().contains("nowhere"));
}

#[test]
fn a_map_without_disturbed_land_is_an_empty_layer() {
    let place = Place::new();
    place.observe("2022-07-12", 0);
    for format in LandFormat::ALL {
        let path = place.write(format);
        assert!(path.metadata().unwrap().len() > 0, "{format}");
    }
    let archive = zip::ZipArchive::new(fs_err::File::open(place.write(LandFormat::Shapefile)).unwrap()).unwrap();
    let mut names: Vec<String> = archive.file_names().map(|name| name.unwrap().into_owned()).collect();
    names.sort_unstable();
    assert_eq!(names, ["cpg", "dbf", "prj", "shp", "shx", "txt"].map(|end| format!("disturbed_land.{end}")));
}

#[test]
fn formats_are_known_by_name_and_by_extension() {
    for format in LandFormat::ALL {
        assert_eq!(format.name().parse::<LandFormat>().unwrap(), format);
        let path = PathBuf::from(format!("a.b.{}", format.extension().to_uppercase()));
        assert_eq!(LandFormat::of_path(&path).unwrap(), format);
    }
    for bad in ["land", "land.shp", "land.txt", ".gpkg", ""] {
        let error = LandFormat::of_path(Path::new(bad)).unwrap_err().to_string();
        assert!(error.contains(".xlsx") && error.contains(".zip is a Shapefile"), "{bad}: {error}");
    }
    assert!("zip".parse::<LandFormat>().unwrap_err().to_string().contains("shp"));
}
