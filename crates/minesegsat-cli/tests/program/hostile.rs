//! Input that states absurd sizes, leads in circles or makes readers fail: the run ends soon, in bounded memory, with a message
//! that names the file. `scripts/fuzz.py` finds such input; what it found is made here from small files.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::support::scenes::{self, GeoTiff, SceneSpec};
use crate::support::{Done, clean, folder_scene, program_path, run};
use minesegsat_testing::reference;

const RASTERS: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../minesegsat-testing/fixtures/rasters");

/// The program with at most 4 GiB of addresses. It ends in a signal beyond, which no test here expects.
fn limited(arguments: &[&str]) -> Done {
    let mut command = if cfg!(target_os = "linux") {
        let mut shell = Command::new("sh");
        shell.args(["-c", "ulimit -v 4194304; exec \"$0\" \"$@\""]).arg(program_path());
        shell
    } else {
        Command::new(program_path())
    };
    clean(&mut command);
    // A thread's stack takes addresses too.
    command.env("RAYON_NUM_THREADS", "2");
    Done::of(command.args(arguments))
}

/// `scene info` of a band of reflectances.
fn scene_info(path: &Path) -> Done {
    limited(&["scene", "info", path.to_str().unwrap(), "--bands", "B04", "--offset", "0", "--scale", "0.0001"])
}

fn written(folder: &Path, name: &str, bytes: &[u8]) -> PathBuf {
    let path = folder.join(name);
    fs::write(&path, bytes).unwrap();
    path
}

/// Sets tags of a little-endian TIFF whose values are in the directory itself.
fn with_tags(mut tiff: Vec<u8>, tags: &[(u16, u32)]) -> Vec<u8> {
    let at = u32::from_le_bytes(tiff[4..8].try_into().unwrap()) as usize;
    let count = usize::from(u16::from_le_bytes(tiff[at..at + 2].try_into().unwrap()));
    for &(tag, value) in tags {
        let entry = (0..count).map(|i| at + 2 + 12 * i).find(|&e| tiff[e..e + 2] == tag.to_le_bytes()).unwrap();
        tiff[entry + 8..entry + 12].copy_from_slice(&value.to_le_bytes());
    }
    tiff
}

/// A band of 64 x 64 pixels in one strip, of 10 m from (600000, 5500020) in EPSG:32610.
fn band() -> GeoTiff {
    GeoTiff::new(32610, (600_000.0, 5_500_020.0), 10.0, 64, 64, vec![(0..4096).map(|i| 300 + i % 700).collect()])
}

#[test]
fn a_header_alone_takes_no_memory() {
    if let Some(case) = reference::case("hostile/strip_sparse.tif") {
        scene_info(&case).failed(1, &["strip_sparse.tif", "it states 1048577x4294967295 pixels"]);
    }
    let folder = tempfile::tempdir().unwrap();
    let (width, height, strip_rows, counts) = (256, 257, 278, 279);
    // A strip that the file leaves out, with as many rows as a header can state.
    let sparse = with_tags(band().encode(), &[(height, u32::MAX), (strip_rows, u32::MAX), (counts, 0)]);
    let sparse = written(folder.path(), "sparse.tif", &sparse);
    scene_info(&sparse).failed(1, &["sparse.tif", "it states 64x4294967295 pixels"]);
    // A strip that states to be there.
    let strip = with_tags(band().encode(), &[(height, 1 << 18), (strip_rows, 1 << 18), (counts, u32::MAX)]);
    scene_info(&written(folder.path(), "strip.tif", &strip)).failed(1, &["strip.tif", "(truncated or damaged?)"]);
    let wide = with_tags(band().encode(), &[(width, u32::MAX), (height, u32::MAX)]);
    scene_info(&written(folder.path(), "wide.tif", &wide)).failed(1, &["wide.tif", "its size needs 67108864 blocks"]);
    // JPEG 2000: 65,535 tiles of which each is as large as a block may be. SIZ has width and height at byte 8.
    let mut jp2 = fs::read(Path::new(RASTERS).join("u16_geojp2.jp2")).unwrap();
    let siz = jp2.windows(4).position(|bytes| bytes == [0xff, 0x4f, 0xff, 0x51]).unwrap() + 2;
    for at in [8, 12, 24, 28] {
        jp2[siz + at - 2..siz + at + 2].copy_from_slice(&[0x7f, 0xff, 0xff, 0xff]);
    }
    scene_info(&written(folder.path(), "a.jp2", &jp2)).failed(1, &["a.jp2"]);
}

#[test]
fn blocks_that_a_file_leaves_out_are_missing_pixels_and_take_no_time() {
    let folder = tempfile::tempdir().unwrap();
    let mut tiff = band();
    tiff.nodata = Some(0.0);
    let path = written(folder.path(), "whole.tif", &tiff.encode());
    let said = scene_info(&path).succeeded().stdout;
    assert!(said.contains("nodata        0.0 %"), "{said}");
    let sides = [(64, 64), (64, 1 << 18), (1 << 12, 1 << 12), (1 << 18, 64)];
    for (width, height) in sides {
        let tags = [(256, width), (257, height), (278, height), (279, 0)];
        let path = written(folder.path(), "none.tif", &with_tags(tiff.encode(), &tags));
        let said = scene_info(&path).succeeded().stdout;
        assert!(said.contains(&format!("{width} x {height} pixels")), "{said}");
        assert!(said.contains("nodata        100.0 %"), "{width} x {height}: {said}");
    }
    // More than a file of this size can hold.
    let path = written(
        folder.path(),
        "more.tif",
        &with_tags(tiff.encode(), &[(256, 1 << 12), (257, 1 << 21), (278, 1 << 21), (279, 0)]),
    );
    let len = fs::metadata(&path).unwrap().len();
    scene_info(&path)
        .failed(1, &["more.tif", "4096x2097152 pixels, more than a file of", &format!("{len} bytes can hold")]);
}

#[test]
fn grids_lie_on_earth() {
    let folder = tempfile::tempdir().unwrap();
    let out = folder.path().join("sample");
    let out = out.to_str().unwrap();
    let design = |map: &Path| limited(&["area-sample", "design", map.to_str().unwrap(), "-o", out, "--samples", "100"]);
    if let Some(case) = reference::case("hostile/asamp-hang-76da45d1.tif") {
        design(&case).failed(1, &["asamp-hang-76da45d1.tif", "EPSG:32610, which is not on Earth"]);
        scene_info(&case).failed(1, &["asamp-hang-76da45d1.tif", "EPSG:32610, which is not on Earth"]);
    }
    for (name, epsg, origin, pixel, said) in [
        ("far.tif", 32610, (6e15, 5_500_020.0), 10.0, "which is not on Earth: at most 200000000"),
        ("large.tif", 3857, (0.0, 0.0), 1e8, "which is not on Earth"),
        ("pole.tif", 4326, (10.0, 95.0), 0.01, "which is not on Earth: at most 540 and 90.01 degrees"),
        ("small.tif", 32610, (600_000.0, 5_500_020.0), 1e-9, "too small to be told apart"),
        ("nan.tif", 32610, (f64::NAN, 5_500_020.0), 10.0, "which is not on Earth"),
    ] {
        let mut tiff = band();
        (tiff.epsg, tiff.origin, tiff.pixel) = (epsg, origin, pixel);
        scene_info(&written(folder.path(), name, &tiff.encode())).failed(1, &[name, said]);
    }
    // The same in the metadata of a SAFE product, which places its JPEG 2000 files.
    let spec = SceneSpec { jp2: Some(scenes::recorded_jp2), ..SceneSpec::new("1C", "02.09") };
    let product = scenes::write_safe(folder.path(), &spec);
    let metadata = fs_walk(&product).into_iter().find(|path| path.ends_with("MTD_TL.xml")).unwrap();
    let text = fs::read_to_string(&metadata).unwrap();
    let far = text.replace("<ULX>", "<ULX>9999999999");
    assert_ne!(far, text);
    fs::write(&metadata, far).unwrap();
    run(["scene", "info", product.to_str().unwrap()]).failed(1, &["which is not on Earth"]);
}

/// All files below a folder.
fn fs_walk(folder: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    entries.flat_map(|path| if path.is_dir() { fs_walk(&path) } else { vec![path] }).collect()
}

#[test]
#[cfg(unix)]
fn links_in_a_circle_and_pipes_end() {
    let folder = tempfile::tempdir().unwrap();
    let scene = folder_scene(folder.path());
    let before = run(["scene", "info", scene.to_str().unwrap(), "--offset", "-1000", "--json"]).succeeded().json();
    for name in ["GRANULE", "IMG_DATA", "R10m", "R20m", "R60m"] {
        std::os::unix::fs::symlink(".", scene.join(name)).unwrap();
    }
    let after = run(["scene", "info", scene.to_str().unwrap(), "--offset", "-1000", "--json"]).succeeded().json();
    assert_eq!(before, after);
    // A pipe without a writer.
    fs::remove_file(scene.join("B04.tif")).unwrap();
    assert!(Command::new("mkfifo").arg(scene.join("B04.tif")).status().unwrap().success());
    run(["scene", "info", scene.to_str().unwrap(), "--offset", "-1000"])
        .failed(1, &["B04.tif: it is a pipe or a device; a file is needed"]);
}

#[test]
fn catalogues_may_link_in_circles_and_deep() {
    let folder = tempfile::tempdir().unwrap();
    let child = |i: usize| format!("{{\"rel\": \"child\", \"href\": \"{i}.json\"}}");
    for i in 0..20_000 {
        let links = [child(i + 1), child(0), child(i)].join(",");
        let catalog = format!("{{\"type\": \"Catalog\", \"id\": \"{i}\", \"links\": [{links}]}}");
        fs::write(folder.path().join(format!("{i}.json")), catalog).unwrap();
    }
    fs::write(folder.path().join("20000.json"), "{\"type\": \"Catalog\", \"id\": \"end\", \"links\": []}").unwrap();
    let labels = written(folder.path(), "labels.geojson", br#"{"type": "FeatureCollection", "features": []}"#);
    let (first, out) = (folder.path().join("0.json"), folder.path().join("set"));
    let arguments =
        ["dataset", "build", "--scenes", first.to_str().unwrap(), "--labels", labels.to_str().unwrap(), "-o"];
    let done = limited(&[&arguments[..], &[out.to_str().unwrap()]].concat());
    assert_eq!(done.code, Some(1), "{}", done.stderr);
    assert!(!done.stderr.contains("overflow"), "{}", done.stderr);
}

#[test]
fn positions_of_one_number_are_refused() {
    // The conversion of the crate `geojson` panics.
    let folder = tempfile::tempdir().unwrap();
    let area = br#"{"type": "Polygon", "coordinates": [[[1], [2, 2], [3, 1], [1]]]}"#;
    let area = written(folder.path(), "area.geojson", area);
    let items = written(folder.path(), "items.json", br#"{"type": "FeatureCollection", "features": []}"#);
    run(["search", "--api", items.to_str().unwrap(), "--intersects", area.to_str().unwrap()])
        .failed(1, &["area.geojson", "a position has fewer than two numbers"]);
}
