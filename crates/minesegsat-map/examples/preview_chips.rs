//! Makes the page (and, with a third argument, the sheets) of a folder of labelled chips: `index.csv` with the columns
//! `chip,split,site_group,west,south,east,north,mining_fraction`, and the folders `image` and `mask`.
//!
//! ```sh
//! cargo run --example preview_chips -- CHIPS chips.html sheets
//! ```

use std::path::{Path, PathBuf};
use std::sync::Arc;

use minesegsat_core::job::Job;
use minesegsat_io::{Location, open_raster};
use minesegsat_map::preview::{DatasetPreviewOptions, Entry, Layer, Layers, Panel, View, preview_dataset};
use minesegsat_scene::{OpenOptions, Scene};

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [folder, output, sheets @ ..] = &arguments[..] else { return Err("expected CHIPS PAGE.html [SHEETS]".into()) };
    let folder = Path::new(folder);
    let index = std::fs::read_to_string(folder.join("index.csv"))?;
    let rows: Vec<Vec<&str>> = index.lines().skip(1).map(|line| line.split(',').collect()).collect();
    let ids: Vec<String> = rows.iter().map(|row| row[0].trim_end_matches(".tif").to_owned()).collect();
    let options = DatasetPreviewOptions {
        output: PathBuf::from(output),
        title: format!("Mining chips of {}", folder.file_name().and_then(|name| name.to_str()).unwrap_or_default()),
        sheets: sheets.first().map(PathBuf::from),
        panels: None,
        panel_side: 448,
        overwrite: true,
    };
    let load = |i: usize| {
        let image = folder.join("image").join(rows[i][0]);
        let scene = Scene::open(&image.to_string_lossy(), &OpenOptions::default())?;
        let mask = open_raster(&Location::from(folder.join("mask").join(rows[i][0])))?;
        let layers = Layers { mask: Some(Layer { source: Arc::clone(&mask), index: 0 }), ..Layers::of_scene(&scene) };
        let grid = scene.grid();
        let view = View::read(&layers, &Panel::BANDS, grid, grid.full_window(), options.panel_side, Job::silent())?;
        let mut entry = Entry::new(&ids[i], view);
        entry.split = Some(rows[i][1].to_owned());
        entry.mining_share = rows[i][7].parse().ok();
        entry.details = vec![("Site group".to_owned(), rows[i][2].to_owned())];
        entry.link = Some(format!("image/{}", rows[i][0]));
        Ok(entry)
    };
    let done = preview_dataset(&ids, &load, &options, Job::silent())?;
    println!("{} ({:.1} MB), {} sheets", done.page.display(), done.page_bytes as f64 / 1e6, done.sheets.len());
    Ok(())
}
