//! Draws web tiles of a map into files.
//!
//! ```sh
//! cargo run -p minesegsat-tiles --example draw_tiles -- MAP [CHANGE [SINCE_FIRST]] < wanted
//! ```
//! `MAP` is a folder that `minesegsat predict` wrote, `CHANGE` and `SINCE_FIRST` of `minesegsat change`. Each line of the input is a tile:
//! `LAYER Z X Y SIZE FILE [RESCALE] [COLORMAP]`, with `-` for what is as usual. Each line of the output says the bytes of a tile, `empty`,
//! or what went wrong. Without input it says what there is to draw. `scripts/compare_tiles.py` uses it.

use std::io::BufRead;
use std::path::{Path, PathBuf};

use minesegsat_core::Result;
use minesegsat_tiles::{Layer, LayerSet, Style, Tile};

fn main() -> std::result::Result<(), Box<dyn std::error::Error>> {
    let mut folders = std::env::args_os().skip(1).map(PathBuf::from);
    let map = folders.next().ok_or("a folder that `minesegsat predict` wrote is needed")?;
    let layers = LayerSet::open(&map, [folders.next(), folders.next()])?;
    let names: Vec<&str> = layers.layers().iter().map(|layer| layer.name()).collect();
    eprintln!("{} within {:?}, zooms {:?}", names.join(", "), layers.bounds_wgs84(), layers.zooms());
    for line in std::io::stdin().lock().lines() {
        match draw(&layers, &line?) {
            Ok(Some(bytes)) => println!("{bytes}"),
            Ok(None) => println!("empty"),
            Err(error) => println!("{error}"),
        }
    }
    Ok(())
}

/// Draws what a line asks for and says how many bytes it has.
fn draw(layers: &LayerSet, line: &str) -> Result<Option<usize>> {
    let words: Vec<&str> = line.split_whitespace().collect();
    let word = |i: usize| words.get(i).copied().filter(|word| *word != "-");
    let number = |i: usize| word(i).and_then(|text| text.parse().ok()).unwrap_or(u32::MAX);
    let layer: Layer = word(0).unwrap_or_default().parse()?;
    let tile = Tile::new(u8::try_from(number(1)).unwrap_or(u8::MAX), number(2), number(3))?;
    let style = Style::parse(layer, word(6), word(7))?;
    let Some(png) = layers.render(layer, tile, number(4), &style)? else { return Ok(None) };
    std::fs::write(Path::new(word(5).unwrap_or("tile.png")), &png)?;
    Ok(Some(png.len()))
}
