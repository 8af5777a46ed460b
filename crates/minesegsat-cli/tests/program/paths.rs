//! Paths that are not UTF-8, in every command that takes one.
#![cfg(target_os = "linux")]

use std::ffi::OsStr;
use std::fs;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};

use crate::support::scenes::{self, Provider};
use crate::support::{Done, json_file, model, names, predict, program, spec};
use serde_json::json;

/// A polygon on the generated scene, in its CRS.
fn labels(path: &Path) {
    let (x, y) = (600_100.0, 5_499_400.0);
    let ring = [[x, y], [x + 400.0, y], [x + 400.0, y + 400.0], [x, y + 400.0], [x, y]];
    let feature = json!({"type": "Feature", "properties": {"id": "a"},
        "geometry": {"type": "Polygon", "coordinates": [ring]}});
    let crs = json!({"type": "name", "properties": {"name": "EPSG:32610"}});
    fs::write(path, json!({"type": "FeatureCollection", "crs": crs, "features": [feature]}).to_string()).unwrap();
}

fn done(arguments: &[&OsStr]) -> Done {
    Done::of(program().args(arguments))
}

fn text(text: &str) -> &OsStr {
    OsStr::new(text)
}

#[test]
fn maps_labels_and_data_sets_are_made_in_folders_that_are_not_utf_8() {
    let folder = tempfile::tempdir().unwrap();
    let named = |name: &[u8]| folder.path().join(OsStr::from_bytes(name));
    let place = named(b"mine\xff ?#%");
    fs::create_dir(&place).unwrap();
    let at = |name: &[u8]| -> PathBuf { place.join(OsStr::from_bytes(name)) };
    let item = scenes::write_stac_item(&at(b"scene"), &spec(), Provider::EarthSearchC1);
    let stack = scenes::write_stack(&at(b"stack_\xfe.tif"), &spec(), true);
    let mines = at(b"mines_\xfe.geojson");
    labels(&mines);

    let mask = at(b"mask.tif");
    for like in [&stack, &item] {
        let arguments: [&OsStr; 7] = [
            text("labels"),
            text("rasterize"),
            mines.as_ref(),
            text("--like"),
            like.as_ref(),
            text("-o"),
            mask.as_ref(),
        ];
        done(&[&arguments[..], &[text("--overwrite")]].concat()).succeeded();
    }
    done(&[text("labels"), text("info"), mines.as_ref()]).succeeded();

    let map = at(b"map_\xfe");
    predict(&item, &map, &[]).succeeded();
    let (model, change) = (model().as_os_str(), at(b"change_\xfe"));
    // One date as a map, the other as a scene.
    let arguments: [&OsStr; 9] = [
        text("change"),
        map.as_ref(),
        item.as_ref(),
        text("--model"),
        model,
        text("--sites"),
        mines.as_ref(),
        text("-o"),
        change.as_ref(),
    ];
    done(&arguments).succeeded();
    assert_eq!(json_file(&change.join("manifest.json"))["sites"][0]["id"], "a");
    let series = at(b"series_\xfe");
    let of_series =
        done(&[text("timeline"), map.as_ref(), item.as_ref(), text("--model"), model, text("-o"), series.as_ref()]);
    assert_ne!(of_series.code, Some(2), "{}", of_series.stderr);
    let sample = at(b"sample_\xfe");
    let map_of_classes = map.join("mask.tif");
    let design = [text("area-sample"), text("design"), map_of_classes.as_ref(), text("-o"), sample.as_ref()];
    let designed = done(&[&design[..], &[text("--samples"), text("10")]].concat());
    assert!(!designed.stderr.contains("UTF-8"), "{}", designed.stderr);

    let set = at(b"set_\xfe");
    let build = [text("dataset"), text("build"), text("--patch-size"), text("12"), text("--scenes"), item.as_ref()];
    done(&[&build[..], &[text("--labels"), mines.as_ref(), text("-o"), set.as_ref()]].concat()).succeeded();
    assert!(!names(&set.join("patches")).is_empty());

    let png = at(b"sheet_\xfe.png");
    // The name of an output must be UTF-8, since manifests name it; its folder need not be.
    let preview = [text("scene"), text("preview"), item.as_ref(), text("-o")];
    done(&[&preview[..], &[png.as_ref()]].concat()).failed(1, &["is not UTF-8"]);
    let png = at(b"sheet.png");
    done(&[&preview[..], &[png.as_ref()]].concat()).succeeded();
}

/// What a training is made from stands in its configuration, which is UTF-8 text.
#[test]
fn trainings_and_demos_refuse_paths_that_are_not_utf_8_before_they_begin() {
    let folder = tempfile::tempdir().unwrap();
    let set = folder.path().join(OsStr::from_bytes(b"set_\xff"));
    let run = folder.path().join("run");
    let train = [text("train"), text("-o"), run.as_ref(), text("--dataset"), set.as_ref()];
    done(&train).failed(1, &["set_", "is not UTF-8 text, which the configuration of a training needs"]);
    done(&[text("demo"), text("-o"), set.as_ref()]).failed(1, &["set_", "is not UTF-8 text"]);
    assert!(names(folder.path()).is_empty(), "{:?}", names(folder.path()));
}

#[test]
fn catalogues_and_registers_lie_in_folders_that_are_not_utf_8() {
    let folder = tempfile::tempdir().unwrap();
    let place = folder.path().join(OsStr::from_bytes(b"mine\xff"));
    let item = scenes::write_stac_item(&place, &spec(), Provider::EarthSearchC1);
    let items = place.join(OsStr::from_bytes(b"items_\xfe.json"));
    fs::copy(&item, &items).unwrap();
    let found = place.join(OsStr::from_bytes(b"found_\xfe.json"));
    done(&[text("search"), text("--api"), items.as_ref(), text("-o"), found.as_ref()]).succeeded();
    assert_eq!(json_file(&found)["features"].as_array().unwrap().len(), 1);
    let register = place.join("sites.gpkg");
    let mines = place.join(OsStr::from_bytes(b"mines_\xfe.geojson"));
    labels(&mines);
    let add = [text("sites"), text("add"), text("a"), text("--boundary"), mines.as_ref(), text("--register")];
    done(&[&add[..], &[register.as_ref()]].concat()).succeeded();
    let copy = place.join("copy.gpkg");
    let export = [text("sites"), text("export"), text("-o"), copy.as_ref(), text("--register"), register.as_ref()];
    done(&export).succeeded();
    done(&[text("labels"), text("info"), copy.as_ref(), text("--layer"), text("sites")]).succeeded();
}
