//! Generated scenes of every kind, opened again.

use std::fs;
use std::path::Path;

use minesegsat_core::{Band, Error, Setting, Window};
use minesegsat_scene::{
    Confidence, OffsetRule, PixelVerdict, ProductLevel, RadiometryOverride, ScaleRule, SceneKind, summarize,
};
use minesegsat_scene::{OpenOptions, Scene};
use minesegsat_testing::scenes::{self, GeoTiff, Provider, SceneSpec};

fn open(path: &Path) -> Scene {
    open_with(path, &OpenOptions::default()).unwrap_or_else(|error| panic!("{error}"))
}

fn open_with(path: &Path, options: &OpenOptions) -> minesegsat_core::Result<Scene> {
    Scene::open(path.to_str().expect("test folders have UTF-8 names"), options)
}

fn refusal(path: &Path) -> String {
    refused(path).to_string()
}

fn refused(path: &Path) -> Error {
    open_with(path, &OpenOptions::default()).expect_err("the scene is refused")
}

/// Reflectance of the bare ground in the east, a little north of the middle, where the texture adds nothing or little.
fn bare_ground(scene: &Scene, band: Band) -> f32 {
    let found = scene.band(band).expect("the band is there");
    let (col, row) = (found.grid.width - 2, found.grid.height / 2);
    let pixel = found.source.read(found.index, Window::new(col, row, 1, 1)).expect("the pixel can be read");
    scene.radiometry().reflectance(band, pixel.get(0) as f32)
}

#[test]
fn safe_products_of_all_levels_and_baselines_mean_the_same_reflectance() {
    let folder = tempfile::tempdir().unwrap();
    for (level, baseline) in [("1C", "02.09"), ("1C", "04.00"), ("2A", "02.12"), ("2A", "04.00"), ("2A", "05.10")] {
        let spec = SceneSpec::new(level, baseline);
        let here = folder.path().join(format!("{level}{baseline}"));
        fs::create_dir(&here).unwrap();
        for (path, kind) in [
            (scenes::write_safe(&here, &spec), SceneKind::Safe),
            (scenes::write_safe_zip(&here, &spec), SceneKind::SafeZip),
        ] {
            let scene = open(&path);
            let info = scene.info();
            assert_eq!((info.kind, info.name.as_str()), (kind, spec.product_id().as_str()));
            assert_eq!(info.level, Some(if level == "1C" { ProductLevel::L1C } else { ProductLevel::L2A }));
            assert_eq!(info.processing_baseline.unwrap().to_string(), baseline);
            assert_eq!(info.platform.as_deref(), Some("sentinel-2b"));
            assert_eq!(info.datetime.unwrap().to_string(), "2021-07-10T19:09:19.024Z");
            assert_eq!((info.mgrs_tile.as_deref(), info.relative_orbit), (Some("10UFV"), Some(56)));
            assert_eq!(info.cloud_cover_percent, Some(12.5));
            assert_eq!(scene.bands().len(), if level == "1C" { 13 } else { 12 });
            assert_eq!((scene.grid().width, scene.grid().transform.pixel_width), (120, 10.0));
            let b01 = &scene.band(Band::B01).unwrap().grid;
            assert_eq!((b01.width, b01.transform.pixel_width), (20, 60.0));
            assert_eq!(scene.classification().is_some(), level == "2A");

            let decision = &scene.radiometry().decision;
            assert_eq!(decision.rule, OffsetRule::ProductMetadata);
            assert_eq!(decision.removes_offset, spec.dn_offset > 0, "{}", decision.statement);
            assert_eq!(decision.confidence, Confidence::High);
            assert_eq!(scene.warnings(), Vec::<String>::new());
            // 0.19 and 0.26 of the landscape, and the texture's at most 9 % more.
            for (band, base) in [(Band::B04, 0.19), (Band::B12, 0.26)] {
                let value = bare_ground(&scene, band);
                assert!((base..base * 1.1).contains(&value), "{level} {baseline} {band}: {value}");
            }
            // Two metadata files and the bands.
            let inputs = scene.inputs();
            assert_eq!(inputs.len(), 2 + scene.bands().len() + usize::from(level == "2A"));
            assert!(inputs[0].location.to_string().ends_with(&format!("MTD_MSIL{level}.xml")));
        }
    }
}

#[test]
fn a_safe_product_opens_from_its_granule_its_metadata_and_the_folder_around_it() {
    let folder = tempfile::tempdir().unwrap();
    let spec = SceneSpec::new("2A", "05.10");
    let safe = scenes::write_safe(folder.path(), &spec);
    let granule = fs::read_dir(safe.join("GRANULE")).unwrap().next().unwrap().unwrap().path();
    let images = granule.join("IMG_DATA");
    for path in [folder.path().to_path_buf(), safe.join("MTD_MSIL2A.xml"), granule, images] {
        assert_eq!(open(&path).info().name, spec.product_id(), "{}", path.display());
    }
    let other = SceneSpec { sensing: "20210715T190919", ..spec };
    scenes::write_safe(folder.path(), &other);
    let message = refusal(folder.path());
    assert!(message.contains("2 products") && message.contains(&other.product_id()), "{message}");
}

#[test]
fn jpeg_2000_images_take_their_place_from_the_metadata_of_the_tile() {
    let folder = tempfile::tempdir().unwrap();
    for level in ["1C", "2A"] {
        let spec = SceneSpec { jp2: Some(scenes::recorded_jp2), ..SceneSpec::new(level, "02.12") };
        for path in [scenes::write_safe(folder.path(), &spec), scenes::write_safe_zip(folder.path(), &spec)] {
            let scene = open(&path);
            assert_eq!((scene.grid().width, scene.grid().crs.epsg()), (120, 32610));
            for (band, width, pixel) in [(Band::B04, 120, 10.0), (Band::B11, 60, 20.0), (Band::B09, 20, 60.0)] {
                let grid = &scene.band(band).unwrap().grid;
                assert_eq!((grid.width, grid.transform.pixel_width), (width, pixel));
                assert_eq!((grid.transform.origin_x, grid.transform.origin_y), spec.origin);
                assert!((0.19..0.21).contains(&bare_ground(&scene, band)), "{band}");
            }
            assert_eq!(scene.radiometry().decision.pixels, PixelVerdict::Absent);
        }
    }
}

#[test]
fn an_old_product_with_many_tiles_asks_for_one() {
    let folder = tempfile::tempdir().unwrap();
    let spec = SceneSpec::new("1C", "02.04");
    let safe = scenes::write_old_safe(folder.path(), &spec, &["53HLA", "53HMA"]);
    let message = refusal(&safe);
    assert!(message.contains("53HLA, 53HMA"), "{message}");
    let scene = open_with(&safe, &OpenOptions { tile: Some("T53HMA".into()), ..OpenOptions::default() }).unwrap();
    assert_eq!(scene.info().mgrs_tile.as_deref(), Some("53HMA"));
    assert!(scene.inputs().iter().all(|input| !input.location.to_string().contains("53HLA")));
    assert!(!scene.radiometry().decision.removes_offset);
}

#[test]
fn harmonised_images_in_a_product_that_states_an_offset_are_refused() {
    let folder = tempfile::tempdir().unwrap();
    let spec = SceneSpec { dn_offset: 0, ..SceneSpec::new("2A", "05.10") };
    let safe = scenes::write_safe(folder.path(), &spec);
    let message = refusal(&safe);
    assert!(message.contains("an offset of 0") && message.contains("states offset -1000"), "{message}");
    let user = RadiometryOverride { offset_dn: Some(0.0), scale: None };
    let scene = open_with(&safe, &OpenOptions { radiometry: Some(user), ..OpenOptions::default() }).unwrap();
    assert_eq!(scene.radiometry().decision.rule, OffsetRule::User);
    assert!((0.19..0.21).contains(&bare_ground(&scene, Band::B04)));
}

#[test]
fn stac_items_are_read_by_what_is_known_of_each_provider() {
    let folder = tempfile::tempdir().unwrap();
    let large = SceneSpec { size: 480, ..SceneSpec::new("2A", "05.10") };
    let removed = SceneSpec { dn_offset: 0, ..large.clone() };
    let cases = [
        ("c1", &large, Provider::EarthSearchC1, OffsetRule::AssetMetadata, true, 0),
        ("removed", &removed, Provider::EarthSearch { applied: true }, OffsetRule::Pixels, false, 0),
        ("flag is wrong", &removed, Provider::EarthSearch { applied: false }, OffsetRule::Pixels, false, 0),
        ("still in", &large, Provider::EarthSearch { applied: false }, OffsetRule::Pixels, true, 1),
        ("planetary", &large, Provider::PlanetaryComputer, OffsetRule::ProcessingBaseline, true, 0),
        ("copied and harmonised", &removed, Provider::PlanetaryComputer, OffsetRule::Pixels, false, 1),
    ];
    for (name, spec, provider, rule, removes, warnings) in cases {
        let here = folder.path().join(name);
        fs::create_dir(&here).unwrap();
        let scene = open(&scenes::write_stac_item(&here, spec, provider));
        assert_eq!(scene.info().kind, SceneKind::StacItem);
        assert_eq!(scene.info().product_id.as_deref(), Some(spec.product_id().as_str()));
        scene.require(&Band::PAPER).unwrap();
        assert!(scene.classification().is_some());
        let decision = &scene.radiometry().decision;
        assert_eq!((decision.rule, decision.removes_offset), (rule, removes), "{name}: {decision:?}");
        assert_eq!(scene.warnings().len(), warnings, "{name}: {:?}", scene.warnings());
        assert!((0.19..0.21).contains(&bare_ground(&scene, Band::B04)), "{name}");
    }
}

#[test]
fn a_folder_without_any_metadata_is_decided_by_its_pixels() {
    let folder = tempfile::tempdir().unwrap();
    let spec = SceneSpec { size: 480, ..SceneSpec::new("2A", "05.10") };
    let with = open(&scenes::write_folder(&folder.path().join("with"), &spec));
    assert_eq!(with.radiometry().decision.pixels, PixelVerdict::Present);
    assert!((0.19..0.21).contains(&bare_ground(&with, Band::B04)));
    assert_eq!(with.warnings().len(), 1, "{:?}", with.warnings());

    let without = SceneSpec { dn_offset: 0, ..spec.clone() };
    let without = open(&scenes::write_folder(&folder.path().join("without"), &without));
    assert_eq!(without.radiometry().decision.pixels, PixelVerdict::Absent);
    assert!((0.19..0.21).contains(&bare_ground(&without, Band::B04)));

    // Too small for evidence from missing dark pixels. The folder's name can decide.
    let small = SceneSpec { size: 120, ..spec };
    let error = refused(&scenes::write_folder(&folder.path().join("small"), &small));
    assert_eq!(error.setting(), Some(Setting::Offset), "{error}");
    let named = open(&scenes::write_folder(&folder.path().join(small.product_id()), &small));
    assert_eq!(named.radiometry().decision.rule, OffsetRule::ProcessingBaseline);
    assert!(named.radiometry().decision.removes_offset);
}

#[test]
fn float_reflectance_is_taken_as_it_is_and_pictures_are_refused() {
    let folder = tempfile::tempdir().unwrap();
    let spec = SceneSpec::new("2A", "02.12");
    let pixels: Vec<Vec<u16>> = spec.bands().iter().map(|band| spec.pixels(band, 10).1).collect();
    let mut tiff = GeoTiff::new(spec.epsg, spec.origin, 10.0, spec.size, spec.size, pixels);
    tiff.names = spec.bands().iter().map(|&band| band.to_owned()).collect();
    tiff.as_float = Some(1e-4);
    let path = folder.path().join("reflectance.tif");
    fs::write(&path, tiff.encode()).unwrap();
    let scene = open(&path);
    assert_eq!(scene.radiometry().decision.rule, OffsetRule::FloatReflectance);
    assert!((0.19..0.21).contains(&bare_ground(&scene, Band::B04)));

    tiff.as_float = Some(0.01);
    fs::write(&path, tiff.encode()).unwrap();
    let percent = open(&path);
    assert_eq!((percent.radiometry().level.scale, percent.warnings().len()), (ScaleRule::Pixels, 1));
    assert!((0.19..0.21).contains(&bare_ground(&percent, Band::B04)));

    tiff.as_float = Some(50.0);
    fs::write(&path, tiff.encode()).unwrap();
    assert_eq!(refused(&path).setting(), Some(Setting::Scale));
}

#[test]
fn a_stack_needs_names_for_its_bands() {
    let folder = tempfile::tempdir().unwrap();
    let spec = SceneSpec::new("2A", "02.12");
    let described = open(&scenes::write_stack(&folder.path().join("described.tif"), &spec, true));
    assert_eq!(described.bands().len(), 12);
    let plain = scenes::write_stack(&folder.path().join("plain.tif"), &spec, false);
    assert_eq!(refused(&plain).setting(), Some(Setting::Bands));
    let bands = spec.bands().iter().map(|band| band.parse().unwrap()).collect();
    let scene = open_with(&plain, &OpenOptions { bands: Some(bands), ..OpenOptions::default() }).unwrap();
    assert_eq!(scene.band(Band::B12).unwrap().index, 11);
    assert_eq!(bare_ground(&scene, Band::B12), bare_ground(&described, Band::B12));
}

#[test]
fn scale_and_offset_in_the_files_are_believed_unless_the_pixels_disprove_them() {
    let folder = tempfile::tempdir().unwrap();
    let spec = SceneSpec::new("2A", "05.10");
    let write = |name: &str, dn_offset: u16| {
        let spec = SceneSpec { dn_offset, ..spec.clone() };
        let pixels = spec.bands().iter().map(|band| spec.pixels(band, 10).1).collect();
        let mut tiff = GeoTiff::new(spec.epsg, spec.origin, 10.0, spec.size, spec.size, pixels);
        tiff.names = spec.bands().iter().map(|&band| band.to_owned()).collect();
        tiff.scale_offset = Some((1e-4, -0.1));
        let path = folder.path().join(name);
        fs::write(&path, tiff.encode()).expect("the image can be written");
        path
    };
    let scene = open(&write("true.tif", 1000));
    let decision = &scene.radiometry().decision;
    assert_eq!((decision.rule, decision.removes_offset), (OffsetRule::FileMetadata, true));
    assert!((0.19..0.21).contains(&bare_ground(&scene, Band::B04)));
    assert!(refusal(&write("false.tif", 0)).contains("offset -0.1"));
}

#[test]
fn a_missing_band_is_named_and_may_be_stood_in_for() {
    let folder = tempfile::tempdir().unwrap();
    let spec = SceneSpec { without: &["B8A"], ..SceneSpec::new("2A", "02.12") };
    let path = scenes::write_folder(folder.path(), &spec);
    let message = open(&path).require(&Band::PAPER).unwrap_err().to_string();
    assert!(message.contains("lacks band B8A"), "{message}");
    let options = OpenOptions { substitute: vec![(Band::B8A, Band::B08)], ..OpenOptions::default() };
    let scene = open_with(&path, &options).unwrap();
    scene.require(&Band::PAPER).unwrap();
    assert_eq!(scene.band(Band::B8A).unwrap().stand_in, Some(Band::B08));
    assert!(scene.warnings()[0].contains("B08 replaces it"), "{:?}", scene.warnings());
    assert_eq!(bare_ground(&scene, Band::B8A), bare_ground(&scene, Band::B08));
}

#[test]
fn bands_that_do_not_fit_together_are_refused() {
    let folder = tempfile::tempdir().unwrap();
    let spec = SceneSpec::new("2A", "02.12");
    let path = scenes::write_folder(&folder.path().join("a"), &spec);
    let (side, pixels) = spec.pixels("B11", 20);
    let write = |tiff: GeoTiff| fs::write(path.join("B11.tif"), tiff.encode()).expect("the image can be written");

    // The real crops' 20 m grids start up to a pixel west and north: normal.
    let (x, y) = spec.origin;
    write(GeoTiff::new(spec.epsg, (x - 10.0, y + 20.0), 20.0, side, side, vec![pixels.clone()]));
    open(&path);
    write(GeoTiff::new(spec.epsg, (x + 40.0, y), 20.0, side, side, vec![pixels.clone()]));
    let message = refusal(&path);
    assert!(message.contains("different places") && message.contains("B11.tif"), "{message}");
    write(GeoTiff::new(32611, spec.origin, 20.0, side, side, vec![pixels]));
    let message = refusal(&path);
    assert!(message.contains("EPSG:32610") && message.contains("EPSG:32611"), "{message}");
}

#[test]
fn of_several_files_for_a_band_the_finest_is_taken_and_equals_are_refused() {
    let folder = tempfile::tempdir().unwrap();
    let spec = SceneSpec::new("2A", "02.12");
    let path = scenes::write_folder(folder.path(), &spec);
    let coarse = |name: &str, resolution: usize| {
        let (side, pixels) = spec.pixels("B04", resolution);
        let tiff = GeoTiff::new(spec.epsg, spec.origin, resolution as f64, side, side, vec![pixels]);
        fs::write(path.join(name), tiff.encode()).expect("the image can be written");
    };
    coarse("T10UFV_B04_60m.tif", 60);
    assert_eq!(open(&path).band(Band::B04).unwrap().grid.transform.pixel_width, 10.0);
    coarse("red.tif", 10);
    let message = refusal(&path);
    assert!(message.contains("B04.tif") && message.contains("red.tif"), "{message}");
}

#[test]
fn what_is_no_scene_is_refused_with_what_is_accepted() {
    let folder = tempfile::tempdir().unwrap();
    assert!(refusal(&folder.path().join("none")).contains("no such file or folder"));
    assert!(refusal(folder.path()).contains("expected names such as B04.tif"));
    let text = folder.path().join("notes.txt");
    fs::write(&text, "no scene").unwrap();
    assert!(refusal(&text).contains("accepted are"));
    let archive = folder.path().join("other.zip");
    fs::write(&archive, scenes::zip(&[("a.txt".into(), b"a".to_vec())])).unwrap();
    assert!(refusal(&archive).contains("no SAFE product"));
    let item = folder.path().join("item.json");
    fs::write(&item, r#"{"type": "Feature", "assets": {"x": {"href": "x.png"}}}"#).unwrap();
    assert!(refusal(&item).contains("it has x"));
}

#[test]
fn the_summary_counts_classes_and_prints_the_decision() {
    let folder = tempfile::tempdir().unwrap();
    let spec = SceneSpec::new("2A", "05.10");
    let safe = scenes::write_safe(folder.path(), &spec);
    let summary = summarize(&open(&safe)).unwrap();
    // By rows of the classification: 5 of 60 no data, 10 cloud, 5 shadow, 5 snow.
    assert_eq!(summary.nodata_percent, Some(8.3333));
    assert_eq!(summary.cloud_percent, Some(18.1818));
    assert_eq!(summary.cloud_shadow_percent, Some(9.0909));
    assert_eq!(summary.snow_percent, Some(9.0909));
    assert_eq!(summary.assessable_percent, Some(66.6667));
    let text = summary.to_string();
    for line in [
        "sensor        sentinel-2b, L2A",
        "bounds        600000 5498820 601200 5500020",
        "reflectance   (DN - 1000) x 0.0001",
        "cloud         18.2 % (tile metadata: 12.5 %)",
    ] {
        assert!(text.lines().any(|l| l.trim_end() == line), "no line `{line}` in\n{text}");
    }
    assert!(text.contains(" 60 m  20 x 20 from 600000, 5500020  B01 B09"), "{text}");
    let json = serde_json::to_value(&summary).unwrap();
    assert_eq!(json["processing_baseline"], "05.10");
    assert_eq!(json["radiometry"]["decision"]["rule"], "product-metadata");
    assert_eq!(json["radiometry"]["bands"]["B04"]["offset_dn"], -1000.0);

    let masked = OpenOptions { mask_snow: true, ..OpenOptions::default() };
    let masked = summarize(&open_with(&safe, &masked).unwrap()).unwrap();
    assert_eq!(masked.assessable_percent, Some(58.3333));
    let top = SceneSpec::new("1C", "04.00");
    let top = summarize(&open(&scenes::write_safe(folder.path().join("top").as_path(), &top))).unwrap();
    assert_eq!((top.nodata_percent, top.cloud_percent), (Some(5.0), None), "1 of 20 rows of the 60 m bands");
}
