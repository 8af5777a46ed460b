//! Downloads: the disturbed land of a site in every format, and the rasters of an observation.

use std::path::PathBuf;

use minesegsat_export::LandFormat;
use minesegsat_io::{Location, open_raster};
use minesegsat_vector::labels::{LabelOptions, read_with_attributes};

use crate::Served;
use crate::client::Request;
use crate::workspace::{SITE, Workspace, write_change_raster, write_series};

fn export(format: LandFormat) -> String {
    format!("/api/sites/{SITE}/export?what=land&format={format}")
}

fn raster(workspace: &Workspace, date: &str, file: &str) -> String {
    format!("/api/sites/{SITE}/observations/{}/files/{file}", workspace.observation(date))
}

/// Saves a body as a file of a name.
fn saved(folder: &tempfile::TempDir, name: &str, body: &[u8]) -> PathBuf {
    let path = folder.path().join(name);
    std::fs::write(&path, body).unwrap();
    path
}

#[test]
fn land_is_downloaded_in_every_format() {
    let workspace = Workspace::filled();
    write_change_raster(&workspace.files("2023-07-17").join("change"));
    let server = Served::plain(&workspace);
    let folder = tempfile::tempdir().unwrap();
    for format in LandFormat::ALL {
        let path = export(format);
        let answer = server.get(&path);
        assert_eq!(answer.status, 200, "{format}: {}", answer.text());
        assert_eq!(answer.media_type(), format.media_type());
        assert_eq!(answer.header("content-length"), Some(answer.body.len().to_string().as_str()), "{format}");
        let name = format!("wolverine_land.{}", format.extension());
        let disposition = format!("attachment; filename=\"{name}\"");
        assert_eq!(answer.header("content-disposition"), Some(disposition.as_str()));
        let file = saved(&folder, &name, &answer.body);
        match format {
            LandFormat::Csv => assert_eq!(answer.text().lines().count(), 3, "a header and two observations"),
            LandFormat::Xlsx => assert!(answer.body.starts_with(b"PK")),
            _ => {
                let (labels, rows) = read_with_attributes(&file, &LabelOptions::default()).unwrap();
                let kinds: Vec<_> = rows.iter().map(|(_, values)| values["kind"].as_str().unwrap()).collect();
                assert_eq!(kinds, ["disturbed", "disturbed", "gain", "loss"], "{format}");
                assert_eq!(labels.features().len(), 4, "{format}");
            }
        }
        // The same again is not sent again, and HEAD has the head.
        let tag = answer.header("etag").unwrap().to_owned();
        let again = Request::get(&path).header("if-none-match", &tag).send(server.address);
        assert_eq!((again.status, again.body.len()), (304, 0), "{format}");
        let head = Request::new("HEAD", &path).send(server.address);
        assert_eq!((head.status, head.body.len()), (200, 0), "{format}");
        assert_eq!(head.header("etag"), Some(tag.as_str()), "{format}");
        let packed = Request::get(&path).header("accept-encoding", "gzip").send(server.address);
        let is_text = matches!(format, LandFormat::GeoJson | LandFormat::Csv | LandFormat::Kml);
        assert_eq!(packed.header("content-encoding").is_some(), is_text, "{format}");
    }
}

#[test]
fn exports_that_cannot_be_made_are_told() {
    let workspace = Workspace::filled();
    let server = Served::plain(&workspace);
    for format in LandFormat::ALL {
        let none = server.problem(&format!("/api/sites/quiet/export?what=land&format={format}"), 404);
        assert!(none.contains("has no observations"), "{none}");
    }
    assert!(server.problem("/api/sites/nowhere/export?what=land", 404).contains("/api/sites"));
    let unknown = server.problem("/api/sites/wolverine/export?what=land&format=dwg", 400);
    assert!(unknown.contains("`dwg`") && unknown.contains("kml, csv, xlsx"), "{unknown}");
    assert!(server.problem("/api/sites/wolverine/export?what=all", 400).contains("`site` or `land`"));
    assert!(server.problem("/api/sites/wolverine/export?format=xlsx", 400).contains("what=land"));
    assert!(server.problem("/api/sites/wolverine/export?what=land&since=2020", 400).contains("`since`"));

    std::fs::remove_dir_all(workspace.files("2023-07-17")).unwrap();
    let left = server.json(&export(LandFormat::GeoJson));
    assert_eq!(left["features"].as_array().unwrap().len(), 1);
    let left_out = left["metadata"]["left_out"][0].as_str().unwrap();
    assert!(left_out.contains("2023-07-17"), "{left_out}");
    std::fs::remove_dir_all(workspace.files("2022-07-12")).unwrap();
    assert!(server.problem(&export(LandFormat::Kml), 404).contains("are missing"));
    assert_eq!(server.get(&export(LandFormat::Csv)).status, 200, "the register has the table");
}

#[test]
fn rasters_are_sent_as_they_are() {
    let workspace = Workspace::filled();
    write_change_raster(&workspace.files("2023-07-17").join("change"));
    write_series(&workspace.files("2023-07-17").join("series"));
    let server = Served::plain(&workspace);
    let folder = tempfile::tempdir().unwrap();
    let observation = workspace.observation("2023-07-17");
    for (file, inner) in [
        ("mask.tif", "map/mask.tif"),
        ("probability.tif", "map/probability.tif"),
        ("change.tif", "change/change.tif"),
        ("onset.tif", "series/onset.tif"),
        ("state.tif", "series/state.tif"),
    ] {
        let path = raster(&workspace, "2023-07-17", file);
        let answer = server.get(&path);
        assert_eq!(answer.status, 200, "{file}: {}", answer.text());
        assert!(answer.media_type().starts_with("image/tiff"), "{}", answer.media_type());
        let disposition = format!("attachment; filename=\"wolverine_{observation}_{file}\"");
        assert_eq!(answer.header("content-disposition"), Some(disposition.as_str()));
        let original = std::fs::read(workspace.files("2023-07-17").join(inner)).unwrap();
        assert!(answer.body == original, "{file}");
        assert_eq!(answer.header("content-length"), Some(original.len().to_string().as_str()));
        let opened = open_raster(&Location::from(saved(&folder, file, &answer.body).as_path())).unwrap();
        assert_eq!(opened.info().grid.width, 256);
        let tag = answer.header("etag").unwrap().to_owned();
        let again = Request::get(&path).header("if-none-match", &tag).send(server.address);
        assert_eq!((again.status, again.body.len()), (304, 0));
        let head = Request::new("HEAD", &path).send(server.address);
        assert_eq!((head.status, head.body.len()), (200, 0));
        assert_eq!(head.header("content-length"), answer.header("content-length"));
    }
    // A file that was replaced is another one.
    let path = raster(&workspace, "2023-07-17", "mask.tif");
    let tag = server.get(&path).header("etag").unwrap().to_owned();
    let file = workspace.files("2023-07-17").join("map/mask.tif");
    let other = saved(&folder, "other.tif", b"another file");
    std::fs::rename(other, file).unwrap();
    let changed = Request::get(&path).header("if-none-match", &tag).send(server.address);
    assert_eq!((changed.status, changed.body.as_slice()), (200, &b"another file"[..]));
}

#[test]
fn only_rasters_of_observations_are_sent() {
    let workspace = Workspace::filled();
    let server = Served::plain(&workspace);
    let none = server.problem(&raster(&workspace, "2022-07-12", "change.tif"), 404);
    assert!(none.contains("compared with no other day"), "{none}");
    let none = server.problem(&raster(&workspace, "2022-07-12", "onset.tif"), 404);
    assert!(none.contains("not followed over several dates"), "{none}");
    for bad in ["manifest.json", "..%2Fmap%2Fmask.tif", "mask.tif%00", "MASK.TIF", "%2E%2E"] {
        let refused = server.problem(&raster(&workspace, "2022-07-12", bad), 400);
        assert!(refused.contains("`mask.tif`"), "{bad}: {refused}");
    }
    server.problem("/api/sites/wolverine/observations/2022-07-12-00000000/files/mask.tif", 404);
    server.problem("/api/sites/wolverine/observations/x/files/mask.tif", 400);
    server.problem("/api/sites/..%2F/observations/2022-07-12-00000000/files/mask.tif", 400);
    std::fs::remove_file(workspace.files("2022-07-12").join("map/mask.tif")).unwrap();
    assert!(server.problem(&raster(&workspace, "2022-07-12", "mask.tif"), 404).contains("are missing"));
}

#[cfg(unix)]
#[test]
fn links_that_lead_out_are_not_followed() {
    let workspace = Workspace::filled();
    let server = Served::plain(&workspace);
    let outside = tempfile::tempdir().unwrap();
    let secret = saved(&outside, "secret.tif", b"secret");
    let file = workspace.files("2022-07-12").join("map/mask.tif");
    std::fs::remove_file(&file).unwrap();
    std::os::unix::fs::symlink(secret, &file).unwrap();
    let refused = server.problem(&raster(&workspace, "2022-07-12", "mask.tif"), 404);
    assert!(refused.contains("outside of the workspace"), "{refused}");
    server.problem(&export(LandFormat::GeoPackage), 404);
}
