//! The direction to the sun, in pixels of a grid.

use jiff::{Timestamp, civil::Date};

use minesegsat_core::{Crs, Grid, Result, Transformer};

/// Metres per degree of latitude: the mean of the WGS 84 ellipsoid.
const METRES_PER_DEGREE: f64 = 111_195.0;

/// The direction to the sun over a scene.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct SunDirection {
    /// Degrees above the horizon.
    elevation: f64,
    /// Degrees clockwise from north.
    azimuth: f64,
    /// Pixels (columns, rows) per metre eastwards.
    east: (f64, f64),
    /// Pixels (columns, rows) per metre northwards.
    north: (f64, f64),
}

impl SunDirection {
    /// The sun over the middle of a scene whose pixels are half as large as those of the mask. Uses the time if it is
    /// known, else the usual time of Sentinel-2. `None` below five degrees, where shadows have no end.
    pub(crate) fn new(reference: &Grid, time: Option<Timestamp>, date: Date) -> Result<Option<Self>> {
        let to_degrees = Transformer::new(&reference.crs, &Crs::WGS84)?;
        let (col, row) = (reference.width as f64 / 2.0, reference.height as f64 / 2.0);
        let position = |col: f64, row: f64| {
            let (x, y) = reference.transform.to_map(col, row);
            to_degrees.transform(x, y)
        };
        let (longitude, latitude) = position(col, row)?;
        // Metres eastwards and northwards for one pixel of the mask, which is two pixels of the scene.
        let metres = |(x, y): (f64, f64)| {
            let east = (x - longitude) * METRES_PER_DEGREE * latitude.to_radians().cos();
            (east, (y - latitude) * METRES_PER_DEGREE)
        };
        let right = metres(position(col + 2.0, row)?);
        let down = metres(position(col, row + 2.0)?);
        let determinant = right.0 * down.1 - right.1 * down.0;
        let hours = match time {
            Some(time) => {
                time.as_second().rem_euclid(86_400) as f64 / 3600.0 + longitude / 15.0 + equation_of_time(date)
            }
            None => local_time(latitude),
        };
        let (elevation, azimuth) = position_of_sun(date, hours, latitude);
        let usable = elevation > 5.0 && determinant.abs() > 1e-9;
        Ok(usable.then_some(Self {
            elevation,
            azimuth,
            east: (down.1 / determinant, -right.1 / determinant),
            north: (-down.0 / determinant, right.0 / determinant),
        }))
    }

    /// Step of one mean pixel towards the sun, as columns and rows, turned clockwise by some degrees.
    pub(super) fn toward(&self, turn: f64) -> (f64, f64) {
        let pixel = self.pixel_m();
        let (sin, cos) = (self.azimuth + turn).to_radians().sin_cos();
        (pixel * (self.east.0 * sin + self.north.0 * cos), pixel * (self.east.1 * sin + self.north.1 * cos))
    }

    /// Distances from a shadow to its cloud for two heights in metres, in mean pixels.
    pub(super) fn distances(&self, heights_m: (f64, f64)) -> (f64, f64) {
        let per_metre = 1.0 / self.elevation.to_radians().tan() / self.pixel_m();
        ((heights_m.0 * per_metre).max(1.0), heights_m.1 * per_metre)
    }

    /// Side length of a square with the area of a pixel, in metres.
    fn pixel_m(&self) -> f64 {
        (self.east.0 * self.north.1 - self.east.1 * self.north.0).abs().sqrt().recip()
    }
}

/// Local solar time in hours at which Sentinel-2 passes over a latitude: 10:30 at the equator, southwards, in an orbit
/// with an inclination of 98.62 degrees (Drusch et al. 2012, Remote Sensing of Environment 120).
fn local_time(latitude: f64) -> f64 {
    const INCLINATION: f64 = 98.62;
    let ratio = (latitude.to_radians().tan() / INCLINATION.to_radians().tan()).clamp(-1.0, 1.0);
    10.5 - ratio.asin().to_degrees() / 15.0
}

/// Solar time minus clock time in hours (Spencer 1971, "Fourier series representation of the position of the sun").
fn equation_of_time(date: Date) -> f64 {
    let b = (f64::from(date.day_of_year()) - 1.0) / 365.0 * std::f64::consts::TAU;
    let minutes = 229.18
        * (0.000_075 + 0.001_868 * b.cos()
            - 0.032_077 * b.sin()
            - 0.014_615 * (2.0 * b).cos()
            - 0.040_849 * (2.0 * b).sin());
    minutes / 60.0
}

/// Elevation and azimuth of the sun in degrees, from date, local solar time in hours and latitude.
///
/// Declination after Cooper (1969), "The absorption of radiation in solar stills", Solar Energy 12(3).
fn position_of_sun(date: Date, hours: f64, latitude: f64) -> (f64, f64) {
    let day = f64::from(date.day_of_year());
    let declination = 23.45_f64.to_radians() * ((284.0 + day) / 365.0 * std::f64::consts::TAU).sin();
    let hour = ((hours - 12.0) * 15.0).to_radians();
    let latitude = latitude.to_radians();
    let east = -declination.cos() * hour.sin();
    let north = declination.sin() * latitude.cos() - declination.cos() * hour.cos() * latitude.sin();
    let up = declination.sin() * latitude.sin() + declination.cos() * hour.cos() * latitude.cos();
    (up.asin().to_degrees(), east.atan2(north).to_degrees().rem_euclid(360.0))
}

#[cfg(test)]
mod tests {
    use super::*;
    use jiff::civil::date;
    use minesegsat_core::GeoTransform;

    /// Angles in the metadata of a real scene, `metadata.json` of
    /// `../shared/data/real_no_mine/SSL4EO/s2c/0000200/20200823T054639_20200823T055618_T43RCP`: zenith 24.65,
    /// azimuth 136.67 degrees.
    #[test]
    fn the_sun_stands_where_the_metadata_of_a_real_scene_says() {
        let grid = Grid {
            crs: Crs::from_epsg(32643).unwrap(),
            transform: GeoTransform::north_up(336_400.0, 3_372_000.0, 10.0),
            width: 264,
            height: 264,
        };
        let time: Timestamp = "2020-08-23T05:56:18Z".parse().unwrap();
        for time in [Some(time), None] {
            let sun = SunDirection::new(&grid, time, date(2020, 8, 23)).unwrap().unwrap();
            assert!((sun.elevation - 65.35).abs() < 2.0, "{sun:?}");
            assert!((sun.azimuth - 136.7).abs() < 5.0, "{sun:?}");
            let (col, row) = sun.toward(0.0);
            assert!(col > 0.5 && row > 0.5, "south-east: {col} {row}");
            assert!((col.hypot(row) - 1.0).abs() < 0.01);
            let (low, high) = sun.distances((200.0, 2000.0));
            assert!((high / low - 10.0).abs() < 1e-6 && (low - 10.0 / sun.elevation.to_radians().tan()).abs() < 0.1);
        }
    }

    /// In degrees, pixels are not square: the step keeps the direction on the ground.
    #[test]
    fn steps_hold_in_degrees_too() {
        let grid = Grid {
            crs: Crs::WGS84,
            transform: GeoTransform { origin_x: 5.0, origin_y: 60.0, pixel_width: 2e-4, pixel_height: -1e-4 },
            width: 100,
            height: 100,
        };
        let sun = SunDirection::new(&grid, None, date(2020, 6, 21)).unwrap().unwrap();
        let (col, row) = sun.toward(0.0);
        let (east, north) = (col * 2e-4 * 60.0_f64.to_radians().cos(), -row * 1e-4);
        assert!((east.atan2(north).to_degrees().rem_euclid(360.0) - sun.azimuth).abs() < 0.1, "{sun:?}");
    }

    #[test]
    fn sentinel_2_comes_later_in_the_north() {
        assert!((local_time(0.0) - 10.5).abs() < 1e-9);
        assert!((11.0..11.4).contains(&local_time(51.0)), "{}", local_time(51.0));
        assert!(local_time(-30.0) < 10.5);
    }
}
