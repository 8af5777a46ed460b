use super::spectral::{Reflectance, evidence};
use super::*;
use minesegsat_core::{Crs, GeoTransform};

/// Bits of one spectrum: B02, B03, B04, B08, B11, B12.
fn bits(spectrum: [f32; 6]) -> u8 {
    let bands = [Band::B02, Band::B03, Band::B04, Band::B08, Band::B11, Band::B12];
    let bands: Vec<(Band, Vec<f32>)> = bands.into_iter().zip(spectrum.map(|v| vec![v])).collect();
    Reflectance::new(&bands).bits(0)
}

/// Medians of real pixels, or spectra of the literature where the place says so.
#[test]
fn known_spectra_get_their_class() {
    for (place, spectrum, expected) in [
        // ../shared/data/real_no_mine/csmask, medians of its classes.
        ("thick cloud, csmask", [0.522, 0.505, 0.536, 0.670, 0.532, 0.411], STRICT | WEAK),
        ("land, csmask", [0.117, 0.118, 0.092, 0.435, 0.273, 0.137], 0),
        ("cloud shadow, csmask", [0.092, 0.069, 0.046, 0.118, 0.055, 0.028], 0),
        // ../shared/data/real_mines/lommel_l1c, which has no B12: B11 in its place.
        ("cumulus, Lommel", [0.271, 0.265, 0.272, 0.393, 0.397, 0.397], STRICT | WEAK),
        ("white pit of sand, Lommel", [0.213, 0.27, 0.319, 0.419, 0.535, 0.535], 0),
        ("lake, Lommel", [0.093, 0.065, 0.043, 0.033, 0.013, 0.013], WATER),
        ("forest, Lommel", [0.096, 0.075, 0.058, 0.189, 0.127, 0.127], 0),
        // ../shared/data/sentinel2_l1c_18SVG_20160112: the beach.
        ("beach, 18SVG", [0.184, 0.183, 0.183, 0.210, 0.213, 0.171], WEAK),
        // ../shared/data/real_series/liri_l1c, 2017-07-10: fields after harvest.
        ("bare fields, Liri", [0.114, 0.112, 0.120, 0.258, 0.283, 0.176], 0),
        // ../shared/data/real_mines/amazon_pairs_48px, t0: mined sand, wet and nearly white.
        ("mined sand, Amazon", [0.28, 0.31, 0.36, 0.41, 0.46, 0.40], 0),
        // Wiscombe & Warren (1980): fresh snow is dark beyond 1.4 um.
        ("fresh snow", [0.92, 0.92, 0.91, 0.88, 0.10, 0.06], SNOW),
        // Sand of the spectral library in ../shared/data/spectra: red, and brightest in the shortwave.
        ("dune sand", [0.15, 0.21, 0.28, 0.38, 0.48, 0.45], 0),
    ] {
        assert_eq!(bits(spectrum), expected, "{place}");
    }
}

#[test]
fn cirrus_needs_b10_and_missing_bands_are_unknown() {
    let spectrum: [(Band, f32); 6] = [
        (Band::B02, 0.12),
        (Band::B03, 0.11),
        (Band::B04, 0.1),
        (Band::B8A, 0.3),
        (Band::B11, 0.2),
        (Band::B10, 0.012),
    ];
    let with = |change: &dyn Fn(Band, f32) -> f32| {
        let bands: Vec<(Band, Vec<f32>)> = spectrum.iter().map(|&(b, v)| (b, vec![change(b, v)])).collect();
        Reflectance::new(&bands).bits(0)
    };
    assert_eq!(with(&|_, v| v), CIRRUS);
    assert_eq!(with(&|b, v| if b == Band::B10 { 0.002 } else { v }), 0);
    assert_eq!(with(&|b, v| if b == Band::B11 { f32::NAN } else { v }), UNKNOWN);
    assert_eq!(with(&|b, v| if b == Band::B10 { v } else { f32::NAN }), EMPTY);
}

#[test]
fn bands_that_decide_are_named() {
    let has = |bands: &'static [Band]| move |band: Band| bands.contains(&band);
    assert_eq!(bands_of_mask(has(&[Band::B02, Band::B03, Band::B04])), Err(vec![Band::B08, Band::B11]));
    let all = [Band::B02, Band::B03, Band::B04, Band::B8A, Band::B10, Band::B11];
    assert_eq!(
        bands_of_mask(|band| all.contains(&band)),
        Ok(vec![Band::B02, Band::B03, Band::B04, Band::B8A, Band::B11, Band::B10])
    );
}

#[test]
fn dark_land_is_relative_to_the_land_around() {
    let make = |nir: &dyn Fn(usize) -> f32| -> Vec<(Band, Vec<f32>)> {
        let values = |f: &dyn Fn(usize) -> f32| (0..100).map(f).collect::<Vec<f32>>();
        vec![
            (Band::B02, values(&|_| 0.09)),
            (Band::B03, values(&|_| 0.08)),
            (Band::B04, values(&|_| 0.05)),
            (Band::B08, values(nir)),
            (Band::B11, values(&|i| 0.5 * nir(i))),
        ]
    };
    let bands = make(&|i| if i < 10 { 0.15 } else { 0.3 });
    let bits = evidence(&Reflectance::new(&bands), 100);
    assert!((0..100).all(|i| (bits[i] & DARK != 0) == (i < 10)), "{bits:?}");
    let bands = make(&|_| 0.15);
    assert!(evidence(&Reflectance::new(&bands), 100).iter().all(|bits| bits & DARK == 0), "dark forest everywhere");
}

/// A raster that is computed from the position, in reflectance.
#[derive(Debug)]
struct Painted {
    info: RasterInfo,
    paint: fn(usize, usize) -> f32,
}

impl RasterSource for Painted {
    fn info(&self) -> &RasterInfo {
        &self.info
    }

    fn read(&self, _band: usize, window: Window) -> Result<Pixels> {
        let place = |i: usize| (window.row + i / window.width, window.col + i % window.width);
        Ok(Pixels::F32((0..window.len()).map(place).map(|(row, col)| (self.paint)(row, col)).collect()))
    }
}

/// Size of the painted scene in pixels of 10 m.
const SIZE: usize = 900;

fn in_cloud(row: usize, col: usize) -> bool {
    (500..600).contains(&row) && (500..620).contains(&col)
}

/// The shadow of that cloud, 160 pixels of 10 m to the north-west.
fn in_shadow(row: usize, col: usize) -> bool {
    in_cloud(row + 113, col + 113)
}

/// A pit of bright sand, and a lake between cloud and shadow.
fn in_pit(row: usize, col: usize) -> bool {
    (100..160).contains(&row) && (700..780).contains(&col)
}

fn in_lake(row: usize, col: usize) -> bool {
    (440..480).contains(&row) && (440..480).contains(&col)
}

fn painted(band: Band, paint: fn(usize, usize) -> f32, gsd: f64) -> MaskBand {
    let size = (SIZE as f64 * 10.0 / gsd) as usize;
    let info = RasterInfo {
        location: band.to_string(),
        grid: Grid {
            crs: Crs::from_epsg(32631).unwrap(),
            transform: GeoTransform::north_up(600_000.0, 5_700_000.0, gsd),
            width: size,
            height: size,
        },
        data_type: DataType::F32,
        nodata: None,
        band_names: vec![None],
        scale_offset: vec![None],
        block_size: (size, size),
        mask: None,
    };
    let radiometry = BandRadiometry { scale: 1.0, offset_dn: 0.0, nodata: None, zero_is_nodata: true };
    MaskBand { band, source: Arc::new(Painted { info, paint }), index: 0, radiometry }
}

/// Forest with a cloud, its shadow, a pit and a lake.
macro_rules! paint {
    ($cloud:expr, $pit:expr, $water:expr, $forest:expr) => {
        |row, col| match () {
            () if in_cloud(row, col) => $cloud,
            () if in_lake(row, col) => $water,
            () if in_pit(row, col) => $pit,
            () if in_shadow(row, col) => 0.45 * $forest,
            () => $forest,
        }
    };
}

fn painted_mask(sun: Option<SunDirection>) -> PixelMask {
    let bands = vec![
        painted(Band::B02, paint!(0.52, 0.2, 0.09, 0.09), 10.0),
        painted(Band::B03, paint!(0.51, 0.26, 0.065, 0.08), 10.0),
        painted(Band::B04, paint!(0.53, 0.32, 0.043, 0.06), 10.0),
        painted(Band::B08, paint!(0.67, 0.42, 0.03, 0.3), 10.0),
        // The same places on the grid of 20 m.
        painted(
            Band::B11,
            |row, col| {
                let paint: fn(usize, usize) -> f32 = paint!(0.53, 0.53, 0.01, 0.16);
                paint(2 * row, 2 * col)
            },
            20.0,
        ),
    ];
    let reference = bands[0].source.info().grid.clone();
    PixelMask::new("painted", &reference, bands, sun)
}

fn class_at(mask: &PixelMask, row: usize, col: usize) -> SclClass {
    let pixels = mask.read(0, Window::new(col / 2, row / 2, 1, 1)).unwrap();
    SclClass::from_value(pixels.get(0) as u8).unwrap()
}

fn sun_of(mask: &PixelMask) -> SunDirection {
    let mut reference = mask.info().grid.clone();
    reference.transform.pixel_width /= 2.0;
    reference.transform.pixel_height /= 2.0;
    (reference.width, reference.height) = (SIZE, SIZE);
    // Solar azimuth 135 degrees: the middle of the morning.
    let time = "2021-06-10T09:58:00Z".parse().unwrap();
    SunDirection::new(&reference, Some(time), jiff::civil::date(2021, 6, 10)).unwrap().unwrap()
}

#[test]
fn cloud_shadow_water_and_a_bright_pit() {
    for sun in [true, false] {
        let sun = sun.then(|| sun_of(&painted_mask(None)));
        let mask = painted_mask(sun);
        assert_eq!((mask.info().grid.width, mask.info().grid.transform.pixel_width), (450, 20.0));
        assert_eq!(class_at(&mask, 550, 560), SclClass::CloudHighProbability);
        assert_eq!(class_at(&mask, 498, 560), SclClass::CloudMediumProbability, "a margin of one pixel");
        assert_eq!(class_at(&mask, 440, 430), SclClass::CloudShadow, "sun: {sun:?}");
        assert_eq!(class_at(&mask, 460, 460), SclClass::Water, "water is no shadow");
        assert_eq!(class_at(&mask, 130, 740), SclClass::Unclassified, "bright sand is ground");
        assert_eq!(class_at(&mask, 800, 800), SclClass::Unclassified);
        // Any window gives the classes of the whole.
        let whole = mask.read(0, mask.info().grid.full_window()).unwrap();
        let window = Window::new(190, 100, 33, 180);
        let fresh = painted_mask(sun).read(0, window).unwrap();
        for i in 0..window.len() {
            let (row, col) = (window.row + i / window.width, window.col + i % window.width);
            assert_eq!(fresh.get(i), whole.get(row * 450 + col), "{row} {col}");
        }
        let share = |class: SclClass| {
            (0..whole.len()).filter(|&i| whole.get(i) == f64::from(class.value())).count() as f64 / whole.len() as f64
        };
        let shadow = share(SclClass::CloudShadow);
        // 12,000 pixels of 810,000, less those under the lake, more those of the margin.
        assert!((0.012..0.018).contains(&shadow), "{shadow}");
        assert_eq!(share(SclClass::NoData), 0.0);
    }
}

#[test]
fn sums_over_squares() {
    let values: Vec<u8> = (0..35).map(|i| u8::from(i % 3 == 0)).collect();
    for reach in [0, 1, 2, 6, 9] {
        let sums = box_sums(&values, 7, reach);
        for row in 0..5_usize {
            for col in 0..7_usize {
                let near = |a: usize, b: usize| a.abs_diff(b) <= reach;
                let expected = (0..35).filter(|i| near(i / 7, row) && near(i % 7, col)).map(|i| u32::from(values[i]));
                assert_eq!(sums[row * 7 + col], expected.sum::<u32>(), "{reach} {row} {col}");
            }
        }
    }
}
