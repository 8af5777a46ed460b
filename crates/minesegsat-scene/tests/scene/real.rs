//! Real scenes from the reference data.

use std::path::Path;

use minesegsat_core::{Band, Window};
use minesegsat_scene::{OffsetRule, PixelVerdict, ProductLevel, summarize};
use minesegsat_scene::{OpenOptions, Scene};
use minesegsat_testing::reference::real_data;

fn open(path: &Path, options: &OpenOptions) -> Scene {
    Scene::open(path.to_str().expect("UTF-8"), options).unwrap_or_else(|error| panic!("{error}"))
}

#[test]
fn a_real_folder_with_three_grids_opens_and_has_no_offset() {
    let Some(path) = real_data("sentinel2_l1c_18SVG_20160112") else { return };
    let scene = open(&path, &OpenOptions::default());
    assert_eq!(scene.bands(), Band::ALL);
    assert_eq!(scene.info().level, Some(ProductLevel::L1C), "it has B10");
    assert_eq!(scene.info().mgrs_tile.as_deref(), Some("18SVG"), "by the folder's name");
    assert_eq!(scene.info().date.unwrap().to_string(), "2016-01-12");
    let grid = scene.grid();
    assert_eq!((grid.width, grid.height, grid.crs.epsg()), (1933, 1947, 32618));
    assert_eq!((grid.transform.origin_x, grid.transform.origin_y), (435_730.0, 4_179_460.0));
    let b01 = &scene.band(Band::B01).unwrap().grid;
    assert_eq!((b01.transform.origin_x, b01.transform.origin_y), (435_720.0, 4_179_480.0));
    let decision = &scene.radiometry().decision;
    assert_eq!((decision.pixels, decision.rule), (PixelVerdict::Absent, OffsetRule::Pixels));
    assert!(!decision.removes_offset);
    let summary = summarize(&scene).unwrap();
    println!("{summary}");
    assert_eq!(summary.cloud_percent, None);
}

#[test]
fn real_sen2r_stacks_open_with_their_classification() {
    let Some(folder) = real_data("sentinel2_l2a_barbellino") else { return };
    for date in ["20170703", "20190723"] {
        let surface = open(
            &folder.join(format!("S2A2A_{date}_022_Barbellino_BOA_10.tif")),
            &OpenOptions { substitute: vec![(Band::B8A, Band::B08)], ..OpenOptions::default() },
        );
        surface.require(&Band::PAPER).unwrap();
        assert_eq!(surface.info().level, Some(ProductLevel::L2A));
        assert_eq!(surface.info().relative_orbit, Some(22));
        assert_eq!(surface.info().date.unwrap().strftime("%Y%m%d").to_string(), date);
        assert_eq!(surface.radiometry().decision.pixels, PixelVerdict::Absent);
        assert!(surface.radiometry().is_nodata(Band::B04, 65535.0));
        assert_eq!(surface.classification().unwrap().grid.transform.pixel_width, 20.0);
        let summary = summarize(&surface).unwrap();
        println!("{summary}");
        assert!(summary.cloud_percent.is_some());

        let top = open(&folder.join(format!("S2A1C_{date}_022_Barbellino_TOA_10.tif")), &OpenOptions::default());
        assert_eq!(top.info().level, Some(ProductLevel::L1C));
        assert_eq!(top.bands().len(), 12);
        assert!(!top.radiometry().decision.removes_offset);
        assert!(top.classification().is_some(), "that of level 2A, of the same date");
    }
}

// Expected: rasterio.open("S2A2A_20170703_022_Barbellino_BOA_10.tif").read()[:, 10, 5] / 1e4
#[test]
fn real_pixels_become_the_reflectance_that_rasterio_reads() {
    let Some(folder) = real_data("sentinel2_l2a_barbellino") else { return };
    let scene = open(&folder.join("S2A2A_20170703_022_Barbellino_BOA_10.tif"), &OpenOptions::default());
    let pixel = |band: Band| {
        let b = scene.band(band).unwrap();
        let dn = b.source.read(b.index, Window::new(5, 10, 1, 1)).unwrap().get(0) as f32;
        scene.radiometry().reflectance(band, dn)
    };
    let expected =
        [(Band::B02, 0.0962), (Band::B04, 0.1245), (Band::B08, 0.2022), (Band::B11, 0.1754), (Band::B12, 0.1308)];
    for (band, value) in expected {
        assert!((pixel(band) - value).abs() < 1e-6, "{band}: {} is not {value}", pixel(band));
    }
}

#[test]
fn real_mining_chips_have_no_offset_and_nearly_all_prove_it() {
    let Some(folder) = real_data("brazil_mining_rgb_2021/image") else { return };
    let mut verdicts = Vec::new();
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.extension().is_some_and(|e| e == "tif") {
            let scene = open(&path, &OpenOptions::default());
            let radiometry = scene.radiometry();
            assert_eq!(scene.bands(), [Band::B02, Band::B03, Band::B04]);
            assert_eq!((radiometry.bands[&Band::B04].scale, radiometry.decision.removes_offset), (1e-4, false));
            verdicts.push(radiometry.decision.pixels);
        }
    }
    // The same rule on numpy's percentiles of B03 and B04 proves it for 62 of the 64.
    let count = |verdict| verdicts.iter().filter(|&&v| v == verdict).count();
    assert_eq!((count(PixelVerdict::Absent), count(PixelVerdict::Unclear)), (62, 2));
}
