//! `minesegsat scene preview`: the picture that it writes, what it leaves out, and what it refuses.

use std::fs;
use std::path::Path;
#[cfg(unix)]
use std::process::Stdio;

use crate::support::scenes::{self, GeoTiff, SceneSpec};
use crate::support::{Done, folder_scene, names, program, run, spec};
#[cfg(unix)]
use crate::support::{
    http::{Fault, Server},
    scenes::Provider,
    wait_until,
};
use minesegsat::{Crs, Transformer};

fn preview(scene: &Path, output: &Path, more: &[&str]) -> Done {
    Done::of(program().args(["scene", "preview"]).arg(scene).arg("-o").arg(output).args(more))
}

/// Width and height that a PNG file states.
fn png_size(path: &Path) -> (u32, u32) {
    let bytes = fs::read(path).unwrap();
    assert_eq!(&bytes[..8], b"\x89PNG\r\n\x1a\n");
    let number = |at: usize| u32::from_be_bytes(bytes[at..at + 4].try_into().unwrap());
    (number(16), number(20))
}

/// A square of 40 x 40 pixels in the middle of the test scenes, as GeoJSON in degrees.
fn square(path: &Path) {
    let to_wgs84 = Transformer::new(&Crs::from_epsg(32610).unwrap(), &Crs::WGS84).unwrap();
    let corner = |x: f64, y: f64| {
        let (lon, lat) = to_wgs84.transform(600_000.0 + x, 5_500_020.0 - y).unwrap();
        format!("[{lon},{lat}]")
    };
    let corners = [(400.0, 400.0), (400.0, 800.0), (800.0, 800.0), (800.0, 400.0), (400.0, 400.0)];
    let ring = corners.map(|(x, y)| corner(x, y)).join(",");
    fs::write(path, format!(r#"{{"type":"Polygon","coordinates":[[{ring}]]}}"#)).unwrap();
}

#[test]
fn a_sheet_of_all_panels_is_written_and_kept_unless_it_may_be_replaced() {
    let folder = tempfile::tempdir().unwrap();
    let scene = scenes::write_safe(folder.path(), &spec());
    let out = folder.path().join("deep/sheet.png");
    let outlines = folder.path().join("square.geojson");
    square(&outlines);
    let asked = ["--outlines", outlines.to_str().unwrap(), "--size", "240"];
    let done = preview(&scene, &out, &asked).succeeded_quietly();
    let panels = "true-colour, swir, false-colour, ndvi, ndbi, ndwi, bsi, mask, classification";
    assert!(done.stdout.trim_end().ends_with(panels), "{}", done.stdout);
    assert_eq!(names(&folder.path().join("deep")), ["sheet.png"]);
    let (width, height) = png_size(&out);
    // Three columns and three rows of 240 pixels, titles, legends and margins.
    assert!(
        (3 * 240..3 * 240 + 120).contains(&width) && (3 * 240..3 * 240 + 600).contains(&height),
        "{width} {height}"
    );

    let before = fs::read(&out).unwrap();
    preview(&scene, &out, &["--size", "64"]).failed(1, &["exists already", "hint: use `--overwrite`"]);
    assert!(fs::read(&out).unwrap() == before);
    preview(&scene, &out, &["--size", "64", "--sheet", "ndvi", "--overwrite", "-q"]).succeeded_quietly();
    assert!(png_size(&out).0 < width);
}

#[test]
fn panels_without_their_bands_are_left_out_and_an_empty_sheet_is_an_error() {
    let folder = tempfile::tempdir().unwrap();
    let scene = folder.path().join("rgb.tif");
    let pixels = |seed: usize| (0..900).map(|i| (600 + (i * seed) % 900) as u16).collect::<Vec<_>>();
    let mut tiff = GeoTiff::new(32610, (600_000.0, 5_500_020.0), 10.0, 30, 30, vec![pixels(7), pixels(11), pixels(13)]);
    tiff.names = ["B02", "B03", "B04"].map(str::to_owned).to_vec();
    fs::write(&scene, tiff.encode()).unwrap();
    let out = folder.path().join("sheet.png");
    let done = preview(&scene, &out, &["--offset", "0", "--sheet", "true-color,bsi,mask"]).succeeded();
    assert!(done.stdout.contains("px): true-colour\n"), "{}", done.stdout);
    for note in
        ["the panel bsi is left out: it needs B11, B08", "the panel mask is left out: it needs a mask or outlines"]
    {
        assert!(done.stderr.contains(note), "{}", done.stderr);
    }
    let other = folder.path().join("other.png");
    let said = ["none of its panels can be drawn", "swir needs B12 or B11, B8A or B08", "ndvi needs B08"];
    preview(&scene, &other, &["--offset", "0", "--sheet", "swir,ndvi"]).failed(1, &said);
    assert!(!other.exists());
    assert_eq!(names(folder.path()), ["rgb.tif", "sheet.png"]);
}

#[test]
fn bad_arguments_say_what_is_accepted() {
    let folder = tempfile::tempdir().unwrap();
    let scene = folder_scene(folder.path());
    let out = folder.path().join("sheet.png");
    let all = "true-colour, swir, false-colour, ndvi, ndbi, ndwi, bsi, mask, classification";
    preview(&scene, &out, &["--sheet", "ndvi,nvdi"]).failed(2, &["panel `nvdi` is not accepted", all]);
    preview(&scene, &folder.path().join("sheet.jpg"), &[]).failed(2, &["sheet.jpg", "a file name ending in .png"]);
    preview(&scene, &out, &["--size", "12"]).failed(2, &["64..=4096"]);
    let elsewhere = ["--offset", "-1000", "--bbox", "10,10,11,11"];
    preview(&scene, &out, &elsewhere).failed(1, &["does not touch the scene", "-121.6"]);
    preview(&scene, &out, &["--offset", "-1000", "--outlines", "none.gpkg"]).failed(1, &["none.gpkg"]);
    run(["scene", "preview", "nowhere", "-o", "x.png"]).failed(1, &["nowhere", "no such file"]);
    assert_eq!(names(folder.path()), ["scene"]);
}

#[test]
fn a_part_of_a_scene_is_drawn_and_outlines_elsewhere_are_said_to_be() {
    let folder = tempfile::tempdir().unwrap();
    let scene = folder_scene(folder.path());
    let (out, part) = (folder.path().join("sheet.png"), folder.path().join("square.geojson"));
    square(&part);
    let asked =
        ["--offset", "-1000", "--sheet", "true-colour", "--size", "400", "--intersects", part.to_str().unwrap()];
    preview(&scene, &out, &asked).succeeded_quietly();
    // 40 x 40 pixels, ten times enlarged; the whole scene would be 120 pixels, three times enlarged.
    let (width, _) = png_size(&out);
    assert!((400..=460).contains(&width), "{width}");

    let elsewhere = folder.path().join("elsewhere.geojson");
    fs::write(&elsewhere, r#"{"type":"Polygon","coordinates":[[[5,5],[6,5],[6,6],[5,5]]]}"#).unwrap();
    let asked = ["--offset", "-1000", "--overwrite", "--outlines", elsewhere.to_str().unwrap()];
    let done = preview(&scene, &out, &asked).succeeded();
    assert!(done.stderr.contains("elsewhere.geojson lies in this part of the scene"), "{}", done.stderr);
}

#[test]
fn a_zipped_product_with_jpeg_2000_images_is_drawn() {
    let folder = tempfile::tempdir().unwrap();
    let scene = scenes::write_safe_zip(
        folder.path(),
        &SceneSpec { jp2: Some(scenes::recorded_jp2), ..SceneSpec::new("1C", "02.09") },
    );
    let out = folder.path().join("sheet.png");
    let done = preview(&scene, &out, &["--size", "64"]).succeeded();
    assert!(done.stdout.contains("bsi") && !done.stdout.contains("classification"), "level 1C has no classes");
}

#[test]
fn a_real_scene_with_three_grids_has_its_sheet() {
    let Some(scene) = crate::support::real_data("sentinel2_l1c_18SVG_20160112") else { return };
    let folder = tempfile::tempdir().unwrap();
    let out = folder.path().join("sheet.png");
    let done = preview(&scene, &out, &[]).succeeded();
    assert!(done.stdout.contains("true-colour, swir, false-colour, ndvi, ndbi, ndwi, bsi\n"), "{}", done.stdout);
    assert!(png_size(&out).0 > 1000);
}

#[cfg(unix)]
#[test]
fn ctrl_c_leaves_no_picture_behind_and_does_not_wait_for_a_server() {
    let folder = tempfile::tempdir().unwrap();
    let server = Server::start();
    let item = scenes::write_stac_item(folder.path(), &spec(), Provider::PlanetaryComputer);
    for name in names(&folder.path().join("images")) {
        // Every band can be opened; what is read of this one later never comes.
        let fault = if name == "B02.tif" { Fault::Stall { times: usize::MAX } } else { Fault::None };
        server.serve(&format!("/images/{name}"), fs::read(folder.path().join("images").join(&name)).unwrap(), fault);
    }
    let url = server.serve("/item.json", fs::read(&item).unwrap(), Fault::None);
    let out = folder.path().join("new/sheet.png");
    let mut command = program();
    command.args(["scene", "preview", &url, "-o"]).arg(&out).env("MINESEGSAT_HTTP_TIMEOUT_S", "3600");
    let child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    wait_until("a request that is not answered", || !server.requests("/images/B02.tif").is_empty());
    // SAFETY: plain system call; the child has not been waited for, so its id is still its own.
    #[expect(unsafe_code, reason = "the standard library sends no signals but SIGKILL")]
    let sent = unsafe { libc::kill(child.id() as i32, libc::SIGINT) };
    assert_eq!(sent, 0);
    Done::from(child.wait_with_output().unwrap()).failed(130, &["interrupted; no output was left behind"]);
    assert!(!folder.path().join("new").exists());
}
