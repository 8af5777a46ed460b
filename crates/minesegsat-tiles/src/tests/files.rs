//! Files that are missing, damaged, or read by many at once.

use super::*;

#[test]
fn damage_costs_the_tiles_where_it_is() {
    let (_folder, map) = folder();
    let grid = grid(32611, 560_000.0, 6_240_000.0, 10.0, 1500);
    let path = map.join("probability.tif");
    let value = |col: usize, row: usize| ((col * 31 + row * 17) % 97) as f32 / 97.0;
    write(&path, &grid, CogOptions::default(), value);
    let mut bytes = std::fs::read(&path).unwrap();
    // The blocks of the full resolution come last, from north to south.
    let end = bytes.len();
    for byte in &mut bytes[end - 3000..] {
        *byte ^= 0x5a;
    }
    std::fs::write(&path, &bytes).unwrap();
    let layers = LayerSet::open_map(&map).unwrap();
    let [west, south, east, north] = layers.bounds_wgs84();
    let draw = |lon: f64, lat: f64| {
        layers.render(Layer::Probability, Tile::containing(lon, lat, 15).unwrap(), 256, &Style::default())
    };
    assert!(draw(west + 0.01, north - 0.01).unwrap().is_some());
    let error = draw(east - 0.005, south + 0.005).unwrap_err().to_string();
    assert!(error.contains("probability.tif") && error.contains("block"), "{error}");
    assert!(draw(west + 0.01, north - 0.01).unwrap().is_some(), "and nothing else");

    std::fs::write(&path, &bytes[..100]).unwrap();
    assert!(LayerSet::open_map(&map).is_err(), "there is nothing else to tell the place from");
}

#[test]
fn what_cannot_be_drawn_is_refused_with_what_can() {
    let (_folder, map) = folder();
    write(&map.join("mask.tif"), &north(), CogOptions::mask("mining"), |_, _| 1.0);
    let layers = LayerSet::open_map(&map).unwrap();
    let tile = middle(layers.bounds_wgs84(), 13);
    let error = layers.render(Layer::Ndvi, tile, 256, &Style::default()).unwrap_err();
    assert_eq!(error.to_string(), "layer `ndvi` is not accepted: layers of this map are mask");
    let error = layers.render(Layer::Mask, tile, 1024, &Style::default()).unwrap_err();
    assert_eq!(error.to_string(), "tile size `1024` is not accepted: 256 or 512 pixels");
    assert!(layers.render(Layer::Mask, tile, 256, &greys([0.0, 1.0])).is_err());
    assert_eq!(
        layers.render(Layer::Mask, Tile::containing(0.0, 0.0, 13).unwrap(), 256, &Style::default()).unwrap(),
        None
    );
    assert_eq!(layers.zooms(), (12, 15));
    let error = LayerSet::open_map(&map.join("nowhere")).unwrap_err().to_string();
    assert!(error.contains("no files to draw"), "{error}");
}

#[test]
fn many_threads_draw_what_one_draws() {
    let (folder, map) = folder();
    let dn = |_: &str, col: usize, row: usize| 1000.0 + (col * 3 + row * 2) as f32;
    write_scene(folder.path(), &map, &north(), &["B02", "B03", "B04"], dn);
    write(&map.join("probability.tif"), &north(), CogOptions::default(), |col, row| (col * row) as f32 / 250_000.0);
    let draw = |layers: &LayerSet, i: usize| {
        let tile = middle(layers.bounds_wgs84(), 12 + (i % 4) as u8);
        let layer = [Layer::TrueColour, Layer::Probability][i / 4 % 2];
        layers.render(layer, tile, 256, &Style::default()).unwrap()
    };
    let alone = LayerSet::open_map(&map).unwrap();
    let expected: Vec<_> = (0..8).map(|i| draw(&alone, i)).collect();
    let shared = LayerSet::open_map(&map).unwrap();
    std::thread::scope(|scope| {
        let threads: Vec<_> = (0..16)
            .map(|i| {
                (
                    i,
                    scope.spawn({
                        let shared = &shared;
                        move || draw(shared, i % 8)
                    }),
                )
            })
            .collect();
        for (i, thread) in threads {
            assert!(thread.join().unwrap() == expected[i % 8], "tile {i}");
        }
    });
    assert_eq!(alone.fingerprint(), shared.fingerprint());
}
