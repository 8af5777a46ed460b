//! The examples, run on small scenes: what a Rust user writes, and what it gives.
#![allow(clippy::unwrap_used, reason = "a test that cannot go on panics")]
#![allow(dead_code, clippy::print_stdout, reason = "the examples' own `main` is not called")]

use std::path::Path;

use minesegsat::{Engine, Model, ModelOptions, OpenModelError, Precision};
use minesegsat_testing::scenes::{self, SceneSpec};

#[path = "../examples/compare_dates.rs"]
mod compare_dates;
#[path = "../examples/custom_segmenter.rs"]
mod custom_segmenter;
#[path = "../examples/map_scene.rs"]
mod map_scene;

fn shipped_model() -> String {
    concat!(env!("CARGO_MANIFEST_DIR"), "/../../models/b0").to_owned()
}

#[test]
fn a_scene_is_mapped_and_two_dates_are_compared() {
    let folder = tempfile::tempdir().unwrap();
    let at = |name: &str| folder.path().join(name).to_str().unwrap().to_owned();
    let scene = scenes::write_safe(folder.path(), &SceneSpec::new("2A", "05.09"));
    let first = map_scene::map_scene(scene.to_str().unwrap(), &shipped_model(), &at("first")).unwrap();
    let second = map_scene::map_scene(scene.to_str().unwrap(), &shipped_model(), &at("second")).unwrap();
    assert_eq!(first, second);
    assert!(Path::new(&at("first")).join("polygons.gpkg").is_file());
    let change =
        compare_dates::compare_dates(at("first").as_ref(), at("second").as_ref(), at("change").as_ref()).unwrap();
    assert_eq!((change.total.gain_ha, change.total.loss_ha), (0.0, 0.0), "{}", change.total.statement);
    let error = map_scene::map_scene(scene.to_str().unwrap(), &shipped_model(), &at("first")).unwrap_err();
    assert!(error.to_string().contains("exists already"), "{error}");
}

#[test]
fn a_custom_segmenter_maps_the_bare_ground() {
    let folder = tempfile::tempdir().unwrap();
    // From west to east water, forest and bare ground; some rows are hidden.
    let scene = scenes::write_safe(folder.path(), &SceneSpec::new("2A", "05.09"));
    let map = folder.path().join("map");
    let area_ha = custom_segmenter::map_bare_soil(scene.to_str().unwrap(), &map).unwrap();
    let third = 120.0 * 120.0 * 0.01 / 3.0;
    assert!((third * 0.4..=third).contains(&area_ha), "{area_ha} ha of at most {third}");
}

#[test]
fn options_that_an_engine_does_not_have_are_refused() {
    let error = |options: ModelOptions| Model::open(shipped_model(), &options).unwrap_err();
    let refused = error(ModelOptions { engine: Engine::OpenVino, profile: true, ..ModelOptions::default() });
    assert!(matches!(refused, OpenModelError::Unsupported { engine: "openvino", .. }), "{refused}");
    let refused =
        error(ModelOptions { engine: Engine::OnnxRuntime, device: Some("cuda:0".into()), ..ModelOptions::default() });
    assert!(refused.to_string().contains("cuda:0"), "{refused}");
    let refused = error(ModelOptions { engine: Engine::Burn, precision: Precision::Bf16, ..ModelOptions::default() });
    assert!(refused.to_string().contains("bf16"), "{refused}");
    let model = Model::open(shipped_model(), &ModelOptions { views: Some(2), ..ModelOptions::default() }).unwrap();
    assert_eq!((model.card().views, model.predict_options().patch_size), (2, model.card().patch_size));
}
