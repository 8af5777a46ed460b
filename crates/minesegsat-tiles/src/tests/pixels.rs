//! Tiles beside what the exact transform says of each of their pixels.

use super::super::colour::{BETWEEN_STRIPES, DISTURBED, GAIN, LOSS, STABLE, STRIPE};
use super::*;
use minesegsat_io::cog::OverviewResampling;

#[test]
fn values_are_those_of_the_exact_transform() {
    for (grid, zooms) in [
        (north(), [11, 13, 14, 18]),
        (grid(32733, 480_000.0, 7_070_000.0, 10.0, 500), [11, 13, 14, 18]),
        // Zone 60 beyond 180 degrees.
        (grid(32760, 815_000.0, 7_850_000.0, 10.0, 500), [11, 13, 14, 18]),
        (grid(4326, 10.2, 51.6, 0.0001, 500), [12, 13, 15, 19]),
        (grid(3413, -300_000.0, -2_340_000.0, 20.0, 500), [10, 11, 13, 17]),
    ] {
        let (_folder, map) = folder();
        // A plane: 400 pixels are its whole range, so that a tenth of a pixel is a sixteenth of a step.
        let plane = |col: f64, row: f64| ((col + row) / 1000.0) as f32;
        write(&map.join("probability.tif"), &grid, CogOptions::default(), |c, r| plane(c as f64 + 0.5, r as f64 + 0.5));
        let layers = LayerSet::open_map(&map).unwrap();
        assert_eq!(layers.layers(), [Layer::Probability]);
        for z in zooms {
            for size in [256, 512] {
                let tile = middle(layers.bounds_wgs84(), z);
                let found = picture(&layers, Layer::Probability, tile, size, &greys([0.0, 1.0]));
                let places = exact(&grid, tile, size as usize);
                assert!(places.iter().flatten().count() > 100, "{} at {tile}", grid.crs);
                // Overviews have the means of the plane, but half of one of their pixels at the edge is its mean.
                let edge = if z < zooms[2] { 8.0 } else { 1.0 };
                for (i, (pixel, place)) in found.iter().zip(&places).enumerate() {
                    let Some((col, row)) = *place else {
                        // Positions near the edge may be off by an eighth of a pixel.
                        continue;
                    };
                    let inside = |at: f64| at > edge && at < 500.0 - edge;
                    if inside(col) && inside(row) {
                        let expected = plane(col, row) * 255.0;
                        let off = (f32::from(pixel[0]) - expected).abs();
                        assert!(
                            off < 1.1,
                            "{} at {tile}, {size}: pixel {i}: {pixel:?} instead of {expected}",
                            grid.crs
                        );
                        assert_eq!(pixel[3], 255);
                    }
                }
                let far = |i: usize| {
                    let (x, y) = (i % size as usize, i / size as usize);
                    let near = |x: usize, y: usize| places.get(y * size as usize + x).is_some_and(Option::is_some);
                    !(near(x, y)
                        || near(x + 1, y)
                        || near(x, y + 1)
                        || (x > 0 && near(x - 1, y))
                        || (y > 0 && near(x, y - 1)))
                };
                assert!(
                    (0..found.len()).filter(|&i| far(i)).all(|i| found[i][3] == 0),
                    "{} at {tile}: drawn outside",
                    grid.crs
                );
            }
        }
    }
}

#[test]
fn rasters_across_the_antimeridian_are_drawn_on_both_sides() {
    let (_folder, map) = folder();
    let grid = grid(32760, 812_500.0, 7_850_000.0, 10.0, 500);
    write(&map.join("probability.tif"), &grid, CogOptions::default(), |_, _| 0.5);
    let layers = LayerSet::open_map(&map).unwrap();
    let [west, south, east, north] = layers.bounds_wgs84();
    assert!(west > 179.9 && east < -179.9, "{west} to {east}");
    let lat = f64::midpoint(south, north);
    let shown = |lon: f64, z: u8| {
        layers.render(Layer::Probability, Tile::containing(lon, lat, z).unwrap(), 256, &Style::default())
    };
    for z in [0, 5, 9] {
        assert!(shown(179.99, z).is_ok() && shown(-179.99, z).is_ok());
    }
    assert!(
        shown(179.99, 9).unwrap().is_some() && shown(-179.99, 9).unwrap().is_some() && shown(0.0, 9).unwrap().is_none()
    );
}

#[test]
fn composites_have_the_reflectance_that_the_record_says() {
    let (folder, map) = folder();
    let bands = ["B02", "B03", "B04", "B08", "B8A", "B11", "B12"];
    let reflectance = |name: &str| match name {
        "B02" => 0.06,
        "B03" => 0.12,
        "B04" => 0.18,
        "B08" => 0.3,
        "B8A" => 0.32,
        "B11" => 0.35,
        _ => 0.2,
    };
    write_scene(folder.path(), &map, &north(), &bands, |name, _, _| reflectance(name) * 10_000.0 + 1000.0);
    write(&map.join("mask.tif"), &north(), CogOptions::mask("mining"), |_, _| 0.0);
    let layers = LayerSet::open_map(&map).unwrap();
    let expected =
        [Layer::TrueColour, Layer::FalseColour, Layer::Swir, Layer::Ndvi, Layer::Bsi, Layer::Ndwi, Layer::Mask];
    assert_eq!(layers.layers(), expected);
    let tile = middle(layers.bounds_wgs84(), 15);
    let centre = |layer: Layer, style: Style| picture(&layers, layer, tile, 256, &style)[128 * 256 + 128];
    // Black to white over 0 to 0.3 with a gamma of 1.3.
    let tone = |value: f32, high: f32| ((value / high).powf(1.0 / 1.3) * 255.0).round() as i32;
    let close = |found: Rgba, expected: [i32; 3]| {
        assert!(
            found[3] == 255 && (0..3).all(|i| (i32::from(found[i]) - expected[i]).abs() <= 1),
            "{found:?}, {expected:?}"
        );
    };
    close(centre(Layer::TrueColour, Style::default()), [tone(0.18, 0.3), tone(0.12, 0.3), tone(0.06, 0.3)]);
    close(centre(Layer::FalseColour, Style::default()), [tone(0.3, 0.5), tone(0.18, 0.3), tone(0.12, 0.3)]);
    close(centre(Layer::Swir, Style::default()), [tone(0.2, 0.45), tone(0.32, 0.5), tone(0.18, 0.3)]);
    let narrow = Style { rescale: Some([0.06, 0.18]), colour_map: None };
    close(centre(Layer::TrueColour, narrow), [255, tone(0.06, 0.12), 0]);
    // (0.3 - 0.18) / 0.48 = 0.25; ((0.35 + 0.18) - (0.3 + 0.06)) / 0.89 = 0.191; (0.12 - 0.3) / 0.42 = -0.4286.
    for (layer, index) in [(Layer::Ndvi, 0.25_f32), (Layer::Bsi, 0.191), (Layer::Ndwi, -0.4286)] {
        let grey = (f32::midpoint(index, 1.0) * 255.0).round() as i32;
        close(centre(layer, greys([-1.0, 1.0])), [grey; 3]);
    }
    assert_eq!(layers.render(Layer::Mask, tile, 256, &Style::default()).unwrap(), None, "no mine, nothing to see");
}

#[test]
fn missing_pixels_are_clear() {
    let (folder, map) = folder();
    // The western half of one band is missing.
    let dn = |name: &str, col: usize, _| if name == "B03" && col < 250 { 0.0 } else { 2000.0 };
    write_scene(folder.path(), &map, &north(), &["B02", "B03", "B04"], dn);
    let layers = LayerSet::open_map(&map).unwrap_err();
    assert!(layers.to_string().contains("no files to draw"), "without a grid: {layers}");
    write(
        &map.join("probability.tif"),
        &north(),
        CogOptions::default(),
        |col, _| if col < 250 { f32::NAN } else { 0.7 },
    );
    let layers = LayerSet::open_map(&map).unwrap();
    assert_eq!(layers.layers(), [Layer::TrueColour, Layer::Probability]);
    let tile = middle(layers.bounds_wgs84(), 13);
    for layer in [Layer::TrueColour, Layer::Probability] {
        let found = picture(&layers, layer, tile, 256, &Style::default());
        for (pixel, place) in found.iter().zip(exact(&north(), tile, 256)) {
            let Some((col, row)) = place.filter(|(c, r)| (2.0..498.0).contains(c) && (2.0..498.0).contains(r)) else {
                continue;
            };
            if (col - 250.0).abs() > 1.0 {
                assert_eq!(pixel[3], if col < 250.0 { 0 } else { 255 }, "{layer} at {col}, {row}");
            }
        }
    }
    let west = Tile::containing(
        layers.bounds_wgs84()[0] + 0.001,
        f64::midpoint(tile.bounds_wgs84()[1], tile.bounds_wgs84()[3]),
        17,
    )
    .unwrap();
    assert_eq!(layers.render(Layer::TrueColour, west, 256, &Style::default()).unwrap(), None);
    assert_eq!(layers.render(Layer::Probability, west, 256, &Style::default()).unwrap(), None);
}

#[test]
fn classes_have_their_colours_and_nothing_between() {
    let (folder, map) = folder();
    write(&map.join("mask.tif"), &north(), CogOptions::mask("mining"), |col, row| match (col / 10 + row / 10) % 3 {
        0 => 0.0,
        1 => 1.0,
        _ => 255.0,
    });
    let change = folder.path().join("change");
    std::fs::create_dir(&change).unwrap();
    let classes = [0.0, 1.0, 2.0, 3.0, 255.0];
    write(&change.join("change.tif"), &north(), CogOptions::mask("change"), |col, row| {
        classes[(col / 10 + row / 10) % 5]
    });
    let layers = LayerSet::open_observation(folder.path()).unwrap();
    assert_eq!(layers.layers(), [Layer::Mask, Layer::Change]);
    for (layer, colours) in [
        (Layer::Mask, vec![[0; 4], DISTURBED, BETWEEN_STRIPES]),
        (Layer::Change, vec![[0; 4], STABLE, GAIN, LOSS, BETWEEN_STRIPES]),
    ] {
        for (size, z) in [(256, 15), (512, 14), (256, 12)] {
            let tile = middle(layers.bounds_wgs84(), z);
            let found = picture(&layers, layer, tile, size, &Style::default());
            let mut striped = 0;
            for (i, (pixel, place)) in found.iter().zip(exact(&north(), tile, size as usize)).enumerate() {
                let Some((col, row)) = place else { continue };
                // Not within a pixel of what is read from a border between classes.
                let margin = if z == 12 { 0.3 } else { 0.013 };
                let near = |at: f64| (at / 10.0 - (at / 10.0).round()).abs() < margin;
                if near(col) || near(row) {
                    assert!(colours.contains(pixel) || *pixel == STRIPE);
                    continue;
                }
                let class = (col as usize / 10 + row as usize / 10) % colours.len();
                let expected = colours[class];
                if expected == BETWEEN_STRIPES {
                    striped += usize::from(*pixel == STRIPE);
                    assert!(*pixel == expected || *pixel == STRIPE, "{layer}, {size} at {tile}: pixel {i}: {pixel:?}");
                } else {
                    assert_eq!(*pixel, expected, "{layer}, {size} at {tile}: pixel {i}");
                }
            }
            assert!(striped > 100);
        }
    }
    // Change since the first date is a layer of its own, with its own pixels.
    let since_first = folder.path().join("change-since-baseline");
    std::fs::create_dir_all(&since_first).unwrap();
    write(&since_first.join("change.tif"), &north(), CogOptions::mask("change"), |_, _| 2.0);
    let both = LayerSet::open_observation(folder.path()).unwrap();
    assert_eq!(both.layers(), [Layer::Mask, Layer::Change, Layer::ChangeSinceFirst]);
    let tile = middle(both.bounds_wgs84(), 15);
    let of = |layer| both.render(layer, tile, 256, &Style::default()).unwrap();
    assert_ne!(of(Layer::Change), of(Layer::ChangeSinceFirst));
    std::fs::remove_dir_all(&change).unwrap();
    let first_only = LayerSet::open_observation(folder.path()).unwrap();
    assert_eq!(first_only.layers(), [Layer::Mask, Layer::ChangeSinceFirst], "no layer stands for another");
}

#[test]
fn rasters_without_overviews_are_averaged_as_those_with_them() {
    // Noise of 2 pixels, which strides would show.
    let value = |col: usize, row: usize| ((col * 7 + row * 13) % 10) as f32 / 10.0;
    let grid = grid(32611, 560_000.0, 6_240_000.0, 10.0, 2000);
    let mut found = Vec::new();
    for overviews in [true, false] {
        let (_folder, map) = folder();
        write(&map.join("probability.tif"), &grid, CogOptions { overviews, ..CogOptions::default() }, value);
        let layers = LayerSet::open_map(&map).unwrap();
        found.push(
            [6, 8, 10].map(|z| {
                picture(&layers, Layer::Probability, middle(layers.bounds_wgs84(), z), 256, &greys([0.0, 1.0]))
            }),
        );
    }
    let [with, without] = &found[..] else { unreachable!() };
    for (a, b) in with.iter().zip(without) {
        let mut both = 0;
        for (a, b) in a.iter().zip(b).filter(|(a, b)| a[3] > 0 && b[3] > 0) {
            both += 1;
            // The mean of the values is 0.45.
            for pixel in [a, b] {
                assert!((f32::from(pixel[0]) - 0.45 * 255.0).abs() < 10.0, "{pixel:?}");
            }
        }
        assert!(both > 20, "{both}");
    }
}

#[test]
fn onsets_have_the_colours_of_their_dates_and_are_never_mixed() {
    let (folder, map) = folder();
    write(&map.join("mask.tif"), &north(), CogOptions::mask("mining"), |_, _| 0.0);
    let series = folder.path().join("series");
    std::fs::create_dir(&series).unwrap();
    // Day 17897 is 2019-01-01, day 18262 a year later: `numpy.datetime64('2019-01-01').astype(int)`.
    let days = [0.0, 17_897.0, 18_262.0];
    let options = CogOptions {
        data_type: DataType::U16,
        nodata: Some(0.0),
        overview_resampling: OverviewResampling::Mode,
        ..CogOptions::default()
    };
    write(&series.join("onset.tif"), &north(), options, |col, row| days[(col / 10 + row / 10) % 3]);
    let without = LayerSet::open_observation(folder.path()).unwrap();
    assert_eq!(without.layers(), [Layer::Mask], "onsets without a record have no range");
    assert_eq!(without.legend(Layer::Onset, &Style::default()), None);

    std::fs::write(series.join("manifest.json"), r#"{"dates": ["2019-01-01", "2019-05-03", "2020-01-01"]}"#).unwrap();
    let layers = LayerSet::open_observation(folder.path()).unwrap();
    assert_eq!(layers.layers(), [Layer::Mask, Layer::Onset]);
    assert_ne!(layers.fingerprint(), without.fingerprint());
    let Some(Legend::Dates { range, .. }) = layers.legend(Layer::Onset, &Style::default()) else { panic!("no dates") };
    assert_eq!(range.map(|date| date.to_string()), ["2019-01-01", "2020-01-01"]);
    let colours = [[0; 4], [98, 25, 128, 255], [252, 253, 191, 255]];
    for z in [15, 12] {
        let tile = middle(layers.bounds_wgs84(), z);
        let found = picture(&layers, Layer::Onset, tile, 256, &Style::default());
        let mut seen = 0;
        for (i, (pixel, place)) in found.iter().zip(exact(&north(), tile, 256)).enumerate() {
            assert!(colours.contains(pixel), "{pixel:?} at {tile}: a date that no pixel has");
            let Some((col, row)) = place else { continue };
            let margin = if z == 12 { 0.3 } else { 0.013 };
            let near = |at: f64| (at / 10.0 - (at / 10.0).round()).abs() < margin;
            if !(near(col) || near(row)) {
                seen += 1;
                let expected = colours[(col as usize / 10 + row as usize / 10) % 3];
                assert_eq!(*pixel, expected, "{tile}: pixel {i}");
            }
        }
        assert!(seen > 100, "{seen}");
    }
}
