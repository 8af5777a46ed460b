//! Maps a scene with a trained model: probability, mask, polygons, quicklook and manifest in a folder.
//!
//! ```sh
//! cargo run --release -p minesegsat --example map_scene -- SCENE models/b0 out
//! ```
#![allow(clippy::print_stdout, reason = "an example")]

use minesegsat::{Job, Model, ModelOptions, OpenOptions, Scene, vector::VectorFormat};

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [scene, model, output] = arguments.as_slice() else {
        return Err("usage: map_scene SCENE MODEL OUTPUT".into());
    };
    let area_ha = map_scene(scene, model, output)?;
    println!("{area_ha:.1} ha of mining-disturbed land in {output}");
    Ok(())
}

/// Maps a scene, and returns the mapped area in hectares.
pub(crate) fn map_scene(scene: &str, model: &str, output: &str) -> Result<f64, Box<dyn std::error::Error>> {
    let scene = Scene::open(scene, &OpenOptions::default())?;
    let model = Model::open(model, &ModelOptions::default())?;
    let mut options = model.predict_options();
    options.formats = vec![VectorFormat::GeoPackage];
    let map = model.predict(&scene, output, &options, Job::silent())?;
    Ok(map.totals.area_ha)
}
