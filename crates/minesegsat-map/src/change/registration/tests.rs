use super::*;
use minesegsat_core::noise::{Noise, pixel_normal};

/// Fields of several pixels, as fields and forests have.
fn texture(seed: u64) -> impl Fn(f64, f64) -> f32 {
    let noise = Noise::new(seed, "registration");
    move |x, y| noise.fbm((x / 11.0) as f32, (y / 11.0) as f32, 3, 0.6)
}

/// Reads windows of two functions of the position, all of them seen.
fn images(
    before: impl Fn(f64, f64) -> f32,
    after: impl Fn(f64, f64) -> f32,
) -> impl Fn(bool, i64, i64) -> Result<Image> {
    move |is_later, col, row| {
        let at = |i: usize| ((col + (i % SIDE) as i64) as f64, (row + (i / SIDE) as i64) as f64);
        let value = |(x, y)| if is_later { after(x, y) } else { before(x, y) };
        Ok(Image { values: (0..SIDE * SIDE).map(at).map(value).collect(), seen: vec![true; SIDE * SIDE] })
    }
}

fn measured(size: (usize, usize), read: impl Fn(bool, i64, i64) -> Result<Image>) -> Option<Measured> {
    match measure(size, read, Job::silent()).unwrap() {
        Outcome::Measured(found) => Some(found),
        Outcome::Unknown(_) => None,
    }
}

fn assert_near(found: [f64; 2], expected: [f64; 2], bound: f64) {
    for axis in [0, 1] {
        assert!((found[axis] - expected[axis]).abs() < bound, "{found:?} for {expected:?}");
    }
}

const SIZE: (usize, usize) = (112, 96);

#[test]
fn shifts_of_clean_images_are_found_to_a_tenth_of_a_pixel() {
    for (seed, [dx, dy]) in (1..).zip([[0.0, 0.0], [0.5, -0.25], [0.34, 0.1], [1.4, 0.3], [-3.3, 2.75], [9.2, -7.6]]) {
        let ground = texture(seed);
        let found = measured(SIZE, images(&ground, |x, y| ground(x - dx, y - dy))).unwrap();
        assert_near(found.shift, [dx, dy], 0.1);
        assert!(found.spread < 0.1, "{found:?}");
    }
}

#[test]
fn noise_haze_and_clouds_do_not_move_the_shift() {
    let ground = texture(11);
    let shift = [0.6, -0.45];
    let clouds = [Noise::new(1, "cloud"), Noise::new(2, "cloud")];
    let read = |is_later: bool, col: i64, row: i64| {
        let mut image = images(&ground, |x, y| 0.7 * ground(x - shift[0], y - shift[1]) + 0.4)(is_later, col, row)?;
        let cloud = clouds[usize::from(is_later)];
        for i in 0..SIDE * SIDE {
            let (x, y) = (col + (i % SIDE) as i64, row + (i / SIDE) as i64);
            let place = ((x + 1000) * 5000 + y + 1000) as u64;
            // A fifth of the ground's contrast, other on each date.
            image.values[i] += 0.1 * pixel_normal(u64::from(is_later) << 40, place);
            if cloud.fbm(x as f32 / 20.0, y as f32 / 20.0, 2, 0.5) > 0.15 {
                image.seen[i] = false;
                image.values[i] = 5.0;
            }
        }
        Ok(image)
    };
    let hidden = read(true, 0, 0).unwrap().seen.iter().filter(|seen| !**seen).count();
    assert!(hidden > 500, "{hidden}");
    assert_near(measured(SIZE, read).unwrap().shift, shift, 0.15);
}

#[test]
fn ground_that_changed_does_not_count() {
    let (ground, other) = (texture(21), texture(22));
    let shift = [-0.7, 0.4];
    // A third of the map is another place on the later date.
    let later = |x: f64, y: f64| if x > 75.0 { other(x, y) } else { ground(x - shift[0], y - shift[1]) };
    assert_near(measured(SIZE, images(&ground, later)).unwrap().shift, shift, 0.1);
}

#[test]
fn nothing_is_measured_where_nothing_is_alike() {
    assert!(measured(SIZE, images(texture(31), texture(32))).is_none(), "two places");
    assert!(measured(SIZE, images(|_, _| 0.3, |_, _| 0.3)).is_none(), "flat");
    assert!(measured((100, 60), images(texture(33), texture(33))).is_none(), "a small map");
    let hidden = |is_later: bool, col: i64, row: i64| {
        let image = images(texture(34), texture(34))(is_later, col, row)?;
        Ok(Image { seen: vec![false; SIDE * SIDE], ..image })
    };
    assert!(measured(SIZE, hidden).is_none(), "under cloud");
}

#[test]
fn a_parabola_through_logarithms_finds_the_vertex_of_a_gaussian() {
    for place in [-0.5, -0.2, 0.0, 0.37] {
        let value = |x: f64| (3.0 * (-0.5 * ((x - place) / 1.06).powi(2)).exp()) as f32;
        assert!((vertex([value(-1.0), value(0.0), value(1.0)]) - place).abs() < 1e-5);
    }
    assert_eq!(vertex([1.0, 1.0, 1.0]), 0.0);
}

#[test]
fn values_are_moved_back_by_interpolation() {
    // Bilinear interpolation is exact on a plane.
    let width = 12;
    let plane = |col: f64, row: f64| (0.3 * col - 0.2 * row) as f32;
    let values: Vec<f32> = (0..width * 9).map(|i| plane((i % width) as f64, (i / width) as f64)).collect();
    let moved = moved_back(&values, width, [1.25, -0.5]);
    for row in 1..9 {
        for col in 0..width - 2 {
            let expected = plane(col as f64 + 1.25, row as f64 - 0.5);
            assert!((moved[row * width + col] - expected).abs() < 1e-5);
        }
    }
    // Ground that came from beyond the edge is not assessable.
    assert!(moved[5 * width + width - 1].is_nan());
    // Beside a pixel that is not assessable the nearest value is taken, and nothing is invented.
    let mut holed = values.clone();
    holed[4 * width + 4] = f32::NAN;
    let moved = moved_back(&holed, width, [0.25, 0.0]);
    assert!(moved[4 * width + 4].is_nan());
    assert_eq!(moved[4 * width + 3], values[4 * width + 3]);
}
