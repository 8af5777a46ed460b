//! Ways into a scene: items against their files, areas of interest, tile folders, archives, addresses, pixel sizes.

use std::fs;
use std::path::{Path, PathBuf};

use minesegsat::cog::{BandMeta, CogOptions, CogWriter};
use minesegsat::{Band, Crs, DataType, GeoTransform, Grid, Pixels};
use minesegsat_testing::reference::case;
use serde_json::{Value, json};

use crate::support::scenes::{self, GeoTiff, Provider, SceneSpec};
use crate::support::{Done, assert_same, json_file, manifest, names, predict, probability, program, run, spec};

fn info(scene: impl AsRef<std::ffi::OsStr>, more: &[&str]) -> Value {
    Done::of(program().args(["scene", "info", "--json"]).arg(scene).args(more)).succeeded().json()
}

fn warnings(record: &Value) -> String {
    record["warnings"].as_array().unwrap().iter().map(|w| w.as_str().unwrap()).collect::<Vec<_>>().join("\n")
}

/// A JPEG 2000 file without a georeference gets one: a GMLJP2 box before its codestream, as in products of ESA.
fn placed(jp2: &[u8], epsg: u16, origin: (f64, f64), pixel: f64) -> Vec<u8> {
    let (x, y) = (origin.0 + pixel / 2.0, origin.1 - pixel / 2.0);
    let gml = format!(
        "<gml:RectifiedGrid xmlns:gml='http://www.opengis.net/gml' dimension='2'><gml:origin><gml:Point \
         srsName='urn:ogc:def:crs:EPSG::{epsg}'><gml:pos>{x} {y}</gml:pos></gml:Point></gml:origin>\
         <gml:offsetVector>{pixel} 0</gml:offsetVector><gml:offsetVector>0 -{pixel}</gml:offsetVector></gml:RectifiedGrid>"
    );
    let at = jp2.windows(4).position(|name| name == b"jp2c").unwrap() - 4;
    let length = (gml.len() as u32 + 8).to_be_bytes();
    [&jp2[..at], &length, b"xml ", gml.as_bytes(), &jp2[at..]].concat()
}

/// The images of the generated scenes, at (600000, 5500020) in EPSG:32610 by their own boxes.
fn placed_jp2(width: usize, height: usize, pixels: &[u16]) -> Vec<u8> {
    let pixel = 1200.0 / width as f64;
    placed(&scenes::recorded_jp2(width, height, pixels), 32610, spec().origin, pixel)
}

/// A stack of the paper's twelve bands with values from a hash, anywhere.
fn stack(path: &Path, epsg: u16, origin: (f64, f64), pixel: f64, side: usize) {
    let value =
        |band: usize, i: usize| 300 + (((i * 12 + band) as u64).wrapping_mul(0x9E37_79B9_7F4A_7C15) >> 53) as u16;
    let pixels = (0..12).map(|band| (0..side * side).map(|i| value(band, i)).collect()).collect();
    let mut tiff = GeoTiff::new(epsg, origin, pixel, side, side, pixels);
    tiff.names = Band::PAPER.iter().map(ToString::to_string).collect();
    fs::write(path, tiff.encode()).unwrap();
}

#[test]
fn the_files_own_place_wins_over_an_item_and_both_are_named() {
    for (item, stated) in [("item_shifted.json", "(605000, 6100000)"), ("item_zone.json", "EPSG:32611")] {
        let Some(folder) = case("scenes/07_item_grid_overrides_jp2") else { return };
        let found = info(folder.join(item), &[]);
        assert_eq!(
            (&found["epsg"], &found["bounds"][0], &found["bounds"][3]),
            (&json!(32610), &json!(6e5), &json!(6.1e6))
        );
        let said = warnings(&found);
        assert!(said.contains("the item states for B02, B04") && said.contains(stated), "{said}");
        assert!(said.contains(if item == "item_zone.json" { "EPSG:32610" } else { "(600000, 6100000)" }), "{said}");
    }
}

#[test]
fn a_clip_lies_where_its_image_lies() {
    let Some(folder) = case("scenes/07_item_grid_overrides_jp2") else { return };
    let out = tempfile::tempdir().unwrap();
    let wanted = "-121.43,55.025,-121.42,55.03";
    let mut command = program();
    command
        .arg("download")
        .arg(folder.join("item_zone.json"))
        .arg("-o")
        .arg(out.path())
        .args(["--clip", "--bbox", wanted]);
    Done::of(&mut command).succeeded();
    let scene = out.path().join(names(out.path()).into_iter().find(|name| name.starts_with("S2A")).unwrap());
    let item = names(&scene).into_iter().find(|name| name.ends_with(".json") && !name.starts_with('.')).unwrap();
    let (item, found) = (json_file(&scene.join(&item)), info(scene.join(&item), &[]));
    let transform = &item["assets"]["B02_10m"]["proj:transform"];
    let said = warnings(&found);
    assert_eq!(found["epsg"], 32610);
    assert!(!said.contains("the item states") && said.starts_with("nothing was masked"), "{said}");
    assert_eq!((&transform[2], &transform[5]), (&found["bounds"][0], &found["bounds"][3]));
    // pyproj: Transformer.from_crs(4326, 32610, always_xy=True).transform(-121.43, 55.03) is (600333, 6099332)
    let west = found["bounds"][0].as_f64().unwrap();
    assert!((600_240.0..=600_360.0).contains(&west), "{west}");
}

#[test]
fn metadata_of_a_product_do_not_move_its_images() {
    let folder = tempfile::tempdir().unwrap();
    let place = |name: &str, old: &str, new: &str| {
        let here = folder.path().join(name);
        fs::create_dir(&here).unwrap();
        let product = scenes::write_safe(&here, &SceneSpec { jp2: Some(placed_jp2), ..spec() });
        let granule = fs::read_dir(product.join("GRANULE")).unwrap().next().unwrap().unwrap().path();
        let metadata = granule.join("MTD_TL.xml");
        let text = fs::read_to_string(&metadata).unwrap();
        assert!(text.contains(old));
        fs::write(&metadata, text.replace(old, new)).unwrap();
        product
    };
    let right = place("right", "EPSG:32610", "EPSG:32610");
    assert_eq!(warnings(&info(&right, &["--offset", "0"])), "");
    for (name, old, new, said) in [
        ("zone", "EPSG:32610", "EPSG:32611", "EPSG:32611, but the files are in EPSG:32610"),
        (
            "shifted",
            "<ULX>600000</ULX>",
            "<ULX>609780</ULX>",
            "(609780, 5500020), but that of the files is (600000, 5500020)",
        ),
    ] {
        let product = place(name, old, new);
        let found = info(&product, &["--offset", "0"]);
        assert_eq!((&found["epsg"], &found["bounds"][0]), (&json!(32610), &json!(6e5)), "{name}");
        assert!(
            warnings(&found).contains("MTD_TL.xml states for B01, B02") && warnings(&found).contains(said),
            "{found}"
        );
        let out = folder.path().join(format!("{name}-out"));
        let done = predict(&product, &out, &["--offset", "0"]).succeeded();
        assert!(done.stderr.contains(said), "{}", done.stderr);
        let record = manifest(&out);
        assert_eq!((&record["grid"]["epsg"], &record["grid"]["transform"][0]), (&json!(32610), &json!(6e5)));
        assert!(warnings(&record).contains(said), "{record}");
    }
}

#[test]
fn items_are_held_against_their_files() {
    let folder = tempfile::tempdir().unwrap();
    let item = scenes::write_stac_item(folder.path(), &spec(), Provider::EarthSearchC1);
    assert_eq!(warnings(&info(&item, &[])), "");
    let text = fs::read_to_string(&item).unwrap();
    let changed = |old: &str, new: &str| {
        assert!(text.contains(old), "{old}");
        fs::write(&item, text.replace(old, new)).unwrap();
    };
    // The zone of GeoTIFFs, the tile, the baseline, the satellite.
    for (old, new, said) in [
        (r#""proj:epsg": 32610"#, r#""proj:epsg": 32710"#, "EPSG:32710, but the files are in EPSG:32610"),
        ("MGRS-10UFV", "MGRS-32TQM", "tile 32TQM lies in EPSG:32632, but the pixels lie at -121.60"),
        (
            r#""s2:processing_baseline": "05.10""#,
            r#""s2:processing_baseline": "02.14""#,
            "the item states the processing baseline 02.14, its product id states 05.10",
        ),
        (
            r#""platform": "sentinel-2b""#,
            r#""platform": "sentinel-2a""#,
            "the platform sentinel-2a, its product id states sentinel-2b",
        ),
    ] {
        changed(old, new);
        let found = info(&item, &["--offset", "-1000"]);
        assert!(warnings(&found).contains(said), "{said}: {found}");
        assert_eq!(found["epsg"], json!(32610));
    }
    // Two ids for one band, and another sensor.
    changed("./images/B04.tif", "./images/B03.tif");
    run([std::ffi::OsStr::new("scene"), "info".as_ref(), item.as_ref()])
        .failed(1, &["asset `red` is B04", "named B03: B03.tif"]);
    changed(r#""platform": "sentinel-2b""#, r#""platform": "landsat-8""#);
    run([std::ffi::OsStr::new("scene"), "info".as_ref(), item.as_ref()]).failed(1, &["landsat-8", "Sentinel-2"]);
}

#[test]
fn bands_coarser_than_their_native_resolution_are_named() {
    let folder = tempfile::tempdir().unwrap();
    let product = scenes::write_safe(folder.path(), &spec());
    let granule = fs::read_dir(product.join("GRANULE")).unwrap().next().unwrap().unwrap().path();
    let fine = granule.join("IMG_DATA/R10m");
    assert_eq!(warnings(&info(&product, &[])), "");
    for band in ["B02", "B03"] {
        let file = names(&fine).into_iter().find(|name| name.contains(band)).unwrap();
        fs::remove_file(fine.join(file)).unwrap();
    }
    let said = "B02, B03 with pixels of 20 m instead of 10 m";
    assert!(warnings(&info(&product, &[])).contains(said));
    let out = folder.path().join("out");
    let done = predict(&product, &out, &[]).succeeded();
    assert!(done.stderr.contains(said), "{}", done.stderr);
    assert!(warnings(&manifest(&out)).contains(said));

    // A folder of band files.
    let files = scenes::write_folder(&folder.path().join("files"), &spec());
    let (side, pixels) = spec().pixels("B11", 60);
    fs::write(files.join("B11.tif"), GeoTiff::new(32610, spec().origin, 60.0, side, side, vec![pixels]).encode())
        .unwrap();
    let said = "B11 with pixels of 60 m instead of 20 m";
    assert!(warnings(&info(&files, &["--offset", "-1000"])).contains(said));
}

#[test]
fn areas_across_the_antimeridian_are_mapped_as_they_are_searched() {
    let Some(folder) = case("scenes/05_intersects_antimeridian") else { return };
    let out = tempfile::tempdir().unwrap();
    let scene = folder.join("T01KAB_stack.tif");
    let inside = |name: &str, more: &[&str]| {
        let out = out.path().join(name);
        predict(&scene, &out, more).succeeded();
        let assessed = &manifest(&out)["assessed"];
        let of = |key: &str| assessed[key].as_u64().unwrap();
        (of("pixels") - of("outside_pixels"), probability(&out))
    };
    let path = |name: &str| folder.join(name).to_str().unwrap().to_owned();
    let (split, expected) = inside("split", &["--intersects", &path("am_split.geojson")]);
    let (jump, found) = inside("jump", &["--intersects", &path("am_jump.geojson")]);
    assert_eq!((split, jump), (2819, 2819));
    assert_same(&expected, &found, 0.0);
    // The box around the same area: 60 or 61 rows of about 42 to 46 columns, turned against the grid.
    let (bbox, _) = inside("bbox", &["--bbox", "179.998,-17.529,-179.998,-17.523"]);
    assert!((2819..2819 * 5 / 4).contains(&bbox), "{bbox}");
    inside("wide", &["--bbox", "179.99,-17.53,-179.99,-17.52"]);
    predict(&scene, &out.path().join("swapped"), &["--bbox", "10,-17.53,9,-17.52"])
        .failed(2, &["'10,-17.53,9,-17.52'", "west and east exchanged"]);

    // The same boxes in other commands.
    let png = out.path().join("sheet.png");
    let preview = ["--bbox", "179.998,-17.529,-179.998,-17.523", "--output", png.to_str().unwrap()];
    Done::of(program().args(["scene", "preview"]).arg(&scene).args(preview)).succeeded();
    let register = out.path().join("sites.gpkg");
    let area = |id: &str, more: &[&str]| {
        let register = register.to_str().unwrap();
        run([&["sites", "add", id, "--register", register], more].concat()).succeeded();
        let shown = run(["sites", "show", id, "--register", register, "--json"]).succeeded().json();
        shown["area_ha"].as_f64().unwrap()
    };
    let (file, bbox) = (
        area("file", &["--boundary", &path("am_split.geojson")]),
        area("box", &["--bbox", "179.998,-17.529,-179.998,-17.523"]),
    );
    assert!((file - 28.2).abs() < 0.1 && (bbox - file).abs() < 0.01, "{file} {bbox}");
}

#[test]
fn areas_that_are_read_rightly_stay_so() {
    let Some(folder) = case("scenes/pass/aoi") else { return };
    // 4.8 km x 4.5 km around the areas.
    let out = tempfile::tempdir().unwrap();
    let scene = out.path().join("stack.tif");
    stack(&scene, 32610, (586_000.0, 5_825_000.0), 10.0, 500);
    let inside = |name: &str| {
        let (area, out) = (folder.join(name), out.path().join(name));
        predict(&scene, &out, &["--offset", "0", "--intersects", area.to_str().unwrap()]).succeeded();
        probability(&out).iter().filter(|p| !p.is_nan()).count()
    };
    let whole = inside("bare_geom.geojson");
    for same in ["bare_gc.geojson", "bom.geojson", "crs84.geojson", "gc.geojson", "polyz.geojson", "unclosed.geojson"] {
        assert_eq!(inside(same), whole, "{same}");
    }
    let hole = inside("hole.geojson");
    assert!(hole < whole && inside("hole_cw.geojson") == hole, "{hole} of {whole}");
    for (name, said) in [
        ("latlon.geojson", "longitude"),
        ("line.geojson", "LineString"),
        ("null.geojson", "nothing"),
        ("utm_nocrs.geojson", "(586000, 5820000)"),
    ] {
        let area = folder.join(name);
        let options = ["--offset", "0", "--intersects", area.to_str().unwrap()];
        predict(&scene, &out.path().join("refused"), &options).failed(1, &[name, said]);
    }
}

#[test]
fn tile_folders_of_aws_tell_their_baseline() {
    let Some(tile) = case("scenes/16_zip_aws_layouts/aws_tiles/10/U/FV/2019/7/12/0") else { return };
    let check = |found: &Value| {
        assert_eq!(found["kind"], "aws-tile");
        assert_eq!((&found["processing_baseline"], &found["mgrs_tile"]), (&json!("05.10"), &json!("10UFV")));
        assert_eq!(
            (&found["date"], &found["level"], &found["platform"]),
            (&json!("2019-07-12"), &json!("L2A"), &json!("sentinel-2a"))
        );
        assert_eq!(found["product_id"], "S2A_MSIL2A_20190712T190921_N0510_R056_T10UFV_20240101T010101");
        let decision = &found["radiometry"]["decision"];
        assert_eq!((&decision["removes_offset"], &decision["rule"]), (&json!(true), &json!("processing-baseline")));
        assert_eq!((found["bands"].as_array().unwrap().len(), &found["epsg"]), (12, &json!(32610)));
        // The images are a half of what their metadata state.
        assert_eq!(found["bounds"], json!([6e5, 6_098_800.0, 601_200.0, 6.1e6]));
        let said = "metadata.xml states for B02, B03, B04, B08 240 x 240 pixels, but the files have 120 x 120";
        assert!(warnings(found).contains(said), "{found}");
        assert!(!found["classification"].is_null());
    };
    for path in [tile.clone(), tile.join("R10m"), tile.join("metadata.xml"), tile.join("tileInfo.json")] {
        check(&info(&path, &[]));
    }
    // In an archive, with its folders and the separators of Windows.
    let folder = tempfile::tempdir().unwrap();
    let mut files = Vec::new();
    collect(&tile, "tiles\\10\\U\\FV\\2019\\7\\12\\0", &mut files);
    let archive = folder.path().join("tile.zip");
    fs::write(&archive, scenes::zip(&files)).unwrap();
    check(&info(&archive, &[]));
}

/// All files below a folder, with names for an archive.
fn collect(folder: &Path, prefix: &str, files: &mut Vec<(String, Vec<u8>)>) {
    for name in names(folder) {
        let (path, name_in_archive) = (folder.join(&name), format!("{prefix}\\{name}"));
        if path.is_dir() {
            collect(&path, &name_in_archive, files);
        } else {
            files.push((name_in_archive, fs::read(path).unwrap()));
        }
    }
}

#[test]
fn a_flat_tile_folder_of_level_1c_takes_its_place_from_its_metadata() {
    let folder = tempfile::tempdir().unwrap();
    let spec = SceneSpec { jp2: Some(scenes::recorded_jp2), ..SceneSpec::new("1C", "02.07") };
    let product = scenes::write_safe(folder.path(), &spec);
    let granule = fs::read_dir(product.join("GRANULE")).unwrap().next().unwrap().unwrap().path();
    let tile = folder.path().join("tiles/10/U/FV/2021/7/10/0");
    fs::create_dir_all(tile.join("preview")).unwrap();
    for name in names(&granule.join("IMG_DATA")) {
        if let Some(band) = name.split(['_', '.']).find(|part| scenes::BANDS.contains(part)) {
            fs::copy(granule.join("IMG_DATA").join(&name), tile.join(format!("{band}.jp2"))).unwrap();
            fs::copy(granule.join("IMG_DATA").join(&name), tile.join(format!("preview/{band}.jp2"))).unwrap();
        }
    }
    fs::copy(granule.join("MTD_TL.xml"), tile.join("metadata.xml")).unwrap();
    let found = info(&tile, &[]);
    assert_eq!((&found["kind"], &found["level"], &found["epsg"]), (&json!("aws-tile"), &json!("L1C"), &json!(32610)));
    assert_eq!((&found["date"], &found["processing_baseline"]), (&json!("2021-07-10"), &json!("02.07")));
    assert_eq!((found["bands"].as_array().unwrap().len(), &found["bounds"][0]), (13, &json!(6e5)));
    assert_eq!(found["radiometry"]["decision"]["removes_offset"], json!(false));
    // Its path says another tile.
    let moved = folder.path().join("tiles/11/U/FV/2021/7/10/0");
    fs::create_dir_all(moved.parent().unwrap()).unwrap();
    fs::rename(&tile, &moved).unwrap();
    let said = "metadata.xml states the tile 10UFV, the path states 11UFV: 10UFV was used";
    assert!(warnings(&info(&moved, &[])).contains(said));
    fs::write(moved.join("tileInfo.json"), "{").unwrap();
    run([std::ffi::OsStr::new("scene"), "info".as_ref(), moved.as_ref()]).failed(1, &["tileInfo.json", "JSON"]);
}

#[test]
fn odd_archives_of_products_open() {
    let (Some(backslash), Some(nested)) =
        (case("scenes/16_zip_aws_layouts/backslash.zip"), case("scenes/pass/nested1_deflated.zip"))
    else {
        return;
    };
    for path in [backslash, nested] {
        let found = info(&path, &[]);
        assert_eq!(
            (&found["kind"], &found["processing_baseline"]),
            (&json!("safe-zip"), &json!("05.10")),
            "{}",
            path.display()
        );
        assert_eq!((found["bands"].as_array().unwrap().len(), &found["epsg"]), (12, &json!(32610)));
        assert_eq!(found["radiometry"]["decision"]["removes_offset"], json!(true));
    }
    // Without a top folder, two folders down, with the copies of macOS, links out of the archive, and two products.
    let folder = tempfile::tempdir().unwrap();
    let product = scenes::write_safe(folder.path(), &spec());
    let mut files = Vec::new();
    collect(&product, "", &mut files);
    let expected = info(&product, &[]);
    let archive = |name: &str, prefixes: &[&str], more: &[(&str, &[u8])]| -> PathBuf {
        let mut entries: Vec<(String, Vec<u8>)> = Vec::new();
        for prefix in prefixes {
            let named = files.iter().map(|(file, bytes)| {
                let file = file.trim_start_matches('\\').replace('\\', "/");
                (if prefix.is_empty() { file } else { format!("{prefix}/{file}") }, bytes.clone())
            });
            entries.extend(named);
        }
        entries.extend(more.iter().map(|(file, bytes)| ((*file).to_owned(), bytes.to_vec())));
        let path = folder.path().join(name);
        fs::write(&path, scenes::zip(&entries)).unwrap();
        path
    };
    let safe = product.file_name().unwrap().to_str().unwrap();
    let deep = format!("a/b/c/{safe}");
    let mac = format!("__MACOSX/{safe}/._MTD_MSIL2A.xml");
    let resource = format!("{safe}/._MTD_MSIL2A.xml");
    for path in [
        archive("top.zip", &[""], &[]),
        archive("deep.zip", &[&deep], &[("a/", b"")]),
        archive("mac.zip", &[safe], &[(&mac, b"x"), (&resource, b"x"), ("__MACOSX/MTD_MSIL2A.xml", b"x")]),
        archive("out.zip", &[safe], &[("../MTD_MSIL2A.xml", b"x"), ("/etc/MTD_MSIL2A.xml", b"x")]),
    ] {
        let found = info(&path, &[]);
        for key in ["product_id", "bounds", "assessable_percent"] {
            assert_eq!(found[key], expected[key], "{key} of {}", path.display());
        }
        assert_eq!(found["bands"].as_array().unwrap().len(), 12, "{}", path.display());
    }
    let two = archive("two.zip", &["one", "other"], &[]);
    run([std::ffi::OsStr::new("scene"), "info".as_ref(), two.as_ref()]).failed(1, &["2 products: one, other"]);
    assert_eq!(info(two.join("other"), &[])["bounds"], expected["bounds"]);
    // Band files, and nothing of use.
    let bands = scenes::write_folder(&folder.path().join("bands"), &spec());
    let mut files = Vec::new();
    collect(&bands, "some\\folder", &mut files);
    let path = folder.path().join("bands.zip");
    fs::write(&path, scenes::zip(&files)).unwrap();
    assert_eq!(info(&path, &["--offset", "-1000"])["bands"].as_array().unwrap().len(), 12);
    fs::write(&path, scenes::zip(&[("read.me".to_owned(), b"x".to_vec())])).unwrap();
    run([std::ffi::OsStr::new("scene"), "info".as_ref(), path.as_ref()])
        .failed(1, &["no SAFE product", "no band files"]);
}

#[test]
fn an_entry_must_agree_with_the_directory_of_its_archive() {
    let folder = tempfile::tempdir().unwrap();
    let path = scenes::write_safe_zip(folder.path(), &spec());
    let mut bytes = fs::read(&path).unwrap();
    // The name in the entry's own header, which comes before that in the directory.
    let name = b"B04_10m.tif";
    let at = bytes.windows(name.len()).position(|part| part == name).unwrap();
    bytes[at..at + 3].copy_from_slice(b"B03");
    fs::write(&path, bytes).unwrap();
    run([std::ffi::OsStr::new("scene"), "info".as_ref(), path.as_ref()]).failed(1, &["B04_10m.tif", "header"]);
}

#[test]
fn addresses_of_assets_are_uris() {
    let folder = tempfile::tempdir().unwrap();
    let place = folder.path().join("S2 scene+1");
    scenes::write_folder(&place, &spec());
    let check = |item: &Path, more: &[&str]| {
        assert_eq!(info(item, more)["bands"].as_array().unwrap().len(), 12, "{}", item.display());
    };
    let offset = ["--offset", "-1000"];
    if let Some(cases) = case("scenes/13_file_urls") {
        for name in ["file_pct.json", "file_localhost.json", "rel_pct.json"] {
            let text = fs::read_to_string(cases.join(name)).unwrap();
            // As on the server that the item was made on.
            let here = folder.path().to_str().unwrap();
            fs::write(folder.path().join(name), text.replace("/data/www", here)).unwrap();
            check(&folder.path().join(name), &offset);
            // Downloads take the same addresses.
            let out = folder.path().join(format!("{name}-dl"));
            let done =
                Done::of(program().arg("download").arg(folder.path().join(name)).arg("-o").arg(&out)).succeeded();
            assert!(done.stdout.contains("1 scene"), "{}", done.stdout);
        }
        let address = "gcp-public-data-sentinel-2/tiles/10/U/FV/x.SAFE/B01.tif";
        let said = [&*format!("gs://{address}"), &format!("https://storage.googleapis.com/{address}")];
        Done::of(program().args(["scene", "info"]).arg(cases.join("gs.json"))).failed(1, &said);
    }
    // Other spellings: one slash, GDAL's, and a file whose name has a percent sign.
    let item = |name: &str, address: &dyn Fn(&str) -> String| {
        let assets: serde_json::Map<String, Value> = spec()
            .bands()
            .into_iter()
            .map(|band| (band.to_owned(), json!({"href": address(band), "type": "image/tiff; application=geotiff"})))
            .collect();
        let item = json!({"type": "Feature", "stac_version": "1.0.0", "id": name, "geometry": null, "links": [],
            "properties": {"datetime": "2021-07-10T19:09:19Z"}, "assets": assets});
        let path = folder.path().join(format!("{name}.json"));
        fs::write(&path, item.to_string()).unwrap();
        path
    };
    let here = folder.path().to_str().unwrap().to_owned();
    check(&item("one_slash", &|band| format!("file:{here}/S2%20scene%2B1/{band}.tif")), &offset);
    check(&item("windows", &|band| format!("S2 scene+1\\{band}.tif")), &offset);
    let mut files = Vec::new();
    collect(&place, "b", &mut files);
    fs::write(folder.path().join("bands.zip"), scenes::zip(&files)).unwrap();
    check(&item("vsizip", &|band| format!("/vsizip/{here}/bands.zip/b/{band}.tif")), &offset);
    for (name, address, said) in [
        ("azure", "abfs://x/B02.tif", "the schemes are http, https, s3 (public buckets)"),
        ("other_host", "file://elsewhere/B02.tif", "file://localhost"),
        ("tar", "/vsitar/x.tar/B02.tif", "download it first"),
    ] {
        let item = item(name, &|_| address.to_owned());
        run([std::ffi::OsStr::new("scene"), "info".as_ref(), item.as_ref()]).failed(1, &[address, said]);
    }
}

#[test]
fn pixels_are_measured_on_the_ground() {
    let folder = tempfile::tempdir().unwrap();
    // Web Mercator at 55 N stretches lengths by 1.74.
    for (pixel, ground) in [(17.4, None), (10.0, Some("pixels of 5.7"))] {
        let scene = folder.path().join(format!("mercator{pixel}.tif"));
        stack(&scene, 3857, (-13_524_000.0, 7_361_866.0), pixel, 120);
        let out = folder.path().join(format!("out{pixel}"));
        let done = predict(&scene, &out, &["--offset", "0"]);
        match ground {
            None => {
                done.succeeded();
            }
            Some(said) => {
                done.failed(1, &[said, "on the ground (in EPSG:3857)", "gdalwarp -t_srs EPSG:32610 -tr 10 10"]);
            }
        }
        let summary = info(&scene, &["--offset", "0"]);
        let found = summary["bands"][0]["ground_pixel_m"].as_f64().unwrap();
        assert!((found / pixel - 0.574).abs() < 0.002, "{found}");
    }
}

/// A stack like that of [`stack`], in degrees.
fn stack_in_degrees(path: &Path, west: f64, north: f64, pixel: f64, side: usize) {
    let grid =
        Grid { crs: Crs::WGS84, transform: GeoTransform::north_up(west, north, pixel), width: side, height: side };
    let options = CogOptions {
        data_type: DataType::U16,
        nodata: None,
        bands: Band::PAPER.iter().map(|band| BandMeta::named(band.to_string())).collect(),
        ..CogOptions::default()
    };
    let mut cog = CogWriter::create(path, &grid, options).unwrap();
    let value =
        |band: usize, i: usize| 300 + (((i * 12 + band) as u64).wrapping_mul(0x9E37_79B9_7F4A_7C15) >> 53) as u16;
    let rows: Vec<Pixels> =
        (0..12).map(|band| Pixels::U16((0..side * side).map(|i| value(band, i)).collect())).collect();
    cog.write_rows(&rows).unwrap();
    cog.finish().unwrap();
}

#[test]
fn grids_in_degrees_are_measured_and_cross_the_antimeridian() {
    let folder = tempfile::tempdir().unwrap();
    let at = |name: &str| folder.path().join(name);
    // 5.7 x 10 m at 55 N: mapped with a warning. Narrower than half their height at 65 N: refused.
    stack_in_degrees(&at("north.tif"), -121.4, 55.0, 0.00009, 64);
    let done = predict(at("north.tif"), &at("north"), &["--offset", "0"]).succeeded();
    let said = "its pixels are 5.76 x 10.02 m on the ground (in EPSG:4326), so shapes are stretched";
    assert!(done.stderr.contains(said), "{}", done.stderr);
    assert!(warnings(&json_file(&at("north").join("manifest.json"))).contains(said));
    stack_in_degrees(&at("arctic.tif"), -121.4, 65.0, 0.00009, 64);
    predict(at("arctic.tif"), &at("arctic"), &["--offset", "0"])
        .failed(1, &["on the ground (in EPSG:4326)", "gdalwarp -t_srs EPSG:32610"]);
    // 9.6 x 10 m at 17.5 S, in both ranges of longitudes.
    let ring = |west: f64, east: f64| {
        json!([[west, -17.525], [east, -17.525], [east, -17.523], [west, -17.523], [west, -17.525]])
    };
    let areas = [
        ("jump", json!({"type": "Polygon", "coordinates": [ring(179.999, -179.999)]})),
        ("split", json!({"type": "MultiPolygon", "coordinates": [[ring(179.999, 180.0)], [ring(-180.0, -179.999)]]})),
        ("beyond", json!({"type": "Polygon", "coordinates": [ring(179.999, 180.001)]})),
    ];
    for (name, west) in [("east", 179.9964), ("west", -180.0036)] {
        let scene = at(&format!("{name}.tif"));
        stack_in_degrees(&scene, west, -17.521, 0.00009, 80);
        let mut found = Vec::new();
        for (area, polygon) in &areas {
            let file = at("area.geojson");
            fs::write(&file, polygon.to_string()).unwrap();
            let out = at(&format!("{name}-{area}"));
            predict(&scene, &out, &["--offset", "0", "--intersects", file.to_str().unwrap()]).succeeded();
            found.push(probability(&out).iter().filter(|p| !p.is_nan()).count());
        }
        // 0.002 degrees in both directions: 22.2 pixels.
        assert!(
            found.iter().all(|count| (22 * 22..=23 * 23).contains(count) && *count == found[0]),
            "{name}: {found:?}"
        );
        let out = at(&format!("{name}-box"));
        predict(&scene, &out, &["--offset", "0", "--bbox", "179.999,-17.525,-179.999,-17.523"]).succeeded();
        let window = &manifest(&out)["grid"];
        assert_eq!((window["width"].as_u64(), window["height"].as_u64()), (Some(24), Some(23)), "{window}");
    }
}

#[cfg(target_os = "linux")]
#[test]
fn scenes_whose_paths_are_not_utf_8_are_mapped() {
    use std::ffi::OsStr;
    use std::os::unix::ffi::OsStrExt;

    let folder = tempfile::tempdir().unwrap();
    let named = |name: &[u8]| folder.path().join(OsStr::from_bytes(name));
    let scene = scenes::write_folder(&named(b"scene_\xff"), &spec());
    fs::rename(scene.join("B04.tif"), scene.join(OsStr::from_bytes(b"B04_\xfe.tif"))).unwrap();
    assert_eq!(info(&scene, &["--offset", "-1000"])["bands"].as_array().unwrap().len(), 12);
    let out = folder.path().join("out");
    predict(&scene, &out, &["--offset", "-1000"]).succeeded();
    let plain = scenes::write_folder(&folder.path().join("plain"), &spec());
    let expected = folder.path().join("expected");
    predict(&plain, &expected, &["--offset", "-1000"]).succeeded();
    assert_same(&probability(&expected), &probability(&out), 0.0);

    let stacked = named(b"stack_\xff.tif");
    scenes::write_stack(&stacked, &spec(), true);
    info(&stacked, &["--offset", "-1000"]);
    let png = folder.path().join("sheet.png");
    Done::of(program().args(["scene", "preview"]).arg(&stacked).args(["--offset", "-1000", "-o"]).arg(&png))
        .succeeded();
    fs::create_dir(named(b"zip\xff")).unwrap();
    let archive = scenes::write_safe_zip(&named(b"zip\xff"), &spec());
    assert_eq!(info(&archive, &[])["bands"].as_array().unwrap().len(), 12);
    let product = scenes::write_safe(&named(b"zip\xff"), &spec());
    assert_eq!(info(&product, &[])["kind"], "safe");
}
