//! Location and date of a scene: [`SceneLocation`] by region, [`Season`] by year, with sun, phenology and air. The module
//! `phenology` has the seasons of any date.

use jiff::civil::Date;

use super::Region;
use super::spectra::Spectrum;
use minesegsat_core::noise::Dice;

/// Location of a scene.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct SceneLocation {
    /// Name of the area.
    pub(super) name: &'static str,
    /// EPSG code of its UTM zone.
    pub(super) epsg: u16,
    /// Longitude in degrees east.
    pub(super) longitude: f64,
    /// Latitude in degrees north.
    pub(super) latitude: f64,
}

/// Mining areas: name, EPSG code, longitude, latitude.
const BOREAL: [(&str, u16, f64, f64); 5] = [
    ("Peace River foothills, British Columbia", 32610, -121.2, 55.0),
    ("Cariboo, British Columbia", 32610, -121.6, 52.6),
    ("Highland Valley, British Columbia", 32610, -121.1, 50.6),
    ("Elk Valley, British Columbia", 32611, -114.9, 49.9),
    ("Rocky Mountain foothills, Alberta", 32611, -117.4, 53.2),
];
const ARID: [(&str, u16, f64, f64); 5] = [
    ("Carlin Trend, Nevada", 32611, -116.3, 40.9),
    ("Battle Mountain, Nevada", 32611, -117.1, 40.5),
    ("Atacama, Chile", 32719, -68.9, -22.4),
    ("Pilbara, Western Australia", 32750, 119.4, -23.2),
    ("Goldfields, Western Australia", 32751, 121.6, -30.8),
];
const TROPICAL: [(&str, u16, f64, f64); 5] = [
    ("Carajas, Brazil", 32722, -50.1, -6.1),
    ("Iron Quadrangle, Brazil", 32723, -43.8, -20.2),
    ("Trombetas, Brazil", 32721, -56.4, -1.6),
    ("East Kalimantan, Indonesia", 32650, 117.3, 0.5),
    ("Sulawesi, Indonesia", 32751, 121.5, -2.5),
];

impl SceneLocation {
    /// The location of a seed: up to a quarter of a degree from one of the region's mining areas.
    pub(super) fn new(seed: u64, region: Region) -> Self {
        let mut dice = Dice::new(seed, "place");
        let places = match region {
            Region::Boreal => &BOREAL,
            Region::Arid => &ARID,
            Region::Tropical => &TROPICAL,
        };
        let &(name, epsg, longitude, latitude) = dice.pick(places);
        let mut near = |degrees: f64| degrees + f64::from(dice.range(-0.25, 0.25));
        Self { name, epsg, longitude: near(longitude), latitude: near(latitude) }
    }

    pub(super) const fn is_southern(&self) -> bool {
        self.epsg >= 32701
    }
}

/// Properties of a scene that depend on its date.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Season {
    /// Date.
    pub(super) date: Date,
    /// UTC time of day in hours. Depending on the longitude it may be below 0 or above 24.
    pub(super) utc_hours: f64,
    /// Sun elevation in degrees.
    pub(super) sun_elevation: f32,
    /// Sun azimuth in degrees, clockwise from north.
    pub(super) sun_azimuth: f32,
    /// Leaf cover of deciduous trees, 0 to 1.
    pub(super) leaves: f32,
    /// Greenness of unirrigated grass, 0 to 1.
    pub(super) green: f32,
    /// Growth stage of annual crops: 0 sowing, 1 harvest.
    pub(super) crops: f32,
    /// Relative height (0 lowest, 1 highest ground) above which old snow lies. Above 1: no snow.
    pub(super) snow_line: f32,
    /// Water level of rivers and lakes relative to the mean, -1 to 1.
    pub(super) water_level: f32,
    /// Mean reflectance at 0.49 um of the haze that remains after atmospheric correction.
    pub(super) haze: f32,
    /// Brightness factor of each band, an error of the atmospheric correction: 1 is exact.
    pub(super) gains: Spectrum,
    /// Whether snow also lies on lakes and rivers, and trees and mine traffic break it up.
    pub(super) is_winter_drawn: bool,
    /// Share of lakes and rivers under ice, 0 to 1.
    pub(super) ice: f32,
}

impl Season {
    /// The date of a year's scene, in the season with the clearest skies.
    pub(super) fn new(seed: u64, region: Region, place: &SceneLocation, year: i16) -> Self {
        let mut dice = Dice::new(seed, &format!("season {year}"));
        // Day of the year: summer in the boreal region, the dry season elsewhere.
        let day = match (region, place.is_southern()) {
            (Region::Boreal, _) => dice.range(165.0, 275.0),
            (Region::Arid, _) => dice.range(75.0, 320.0),
            (Region::Tropical, true) => dice.range(150.0, 270.0),
            (Region::Tropical, false) => dice.range(30.0, 270.0),
        } as i16;
        let date = Date::constant(year, 1, 1).saturating_add(jiff::Span::new().days(i64::from(day) - 1));
        // Sentinel-2 crosses the equator at 10:30 local time (Drusch et al. 2012).
        let local = 10.5 + f64::from(dice.range(-0.2, 0.3));
        let (sun_elevation, sun_azimuth) = sun(f64::from(day), local, place.latitude);
        // 0 in the middle of winter, 1 in the middle of summer.
        let half = if place.is_southern() { 182.0 } else { 0.0 };
        let summer = 0.5 - 0.5 * ((f32::from(day) - half - 15.0) / 365.25 * std::f32::consts::TAU).cos();
        let (leaves, green, snow_line) = match region {
            // Leaves turn in September (day 255 to 275).
            Region::Boreal => (
                (1.0 - (f32::from(day) - 258.0) / 22.0).clamp(0.0, 1.0),
                (1.15 - (f32::from(day) - 175.0).max(0.0) / 110.0 + dice.range(-0.15, 0.1)).clamp(0.15, 1.0),
                1.03 - 0.32 * (1.0 - (f32::from(day) - 160.0) / 45.0).clamp(0.0, 1.0)
                    - 0.28 * ((f32::from(day) - 255.0) / 22.0).clamp(0.0, 1.0)
                    + dice.range(-0.05, 0.05),
            ),
            Region::Arid => (0.8, dice.range(0.02, 0.3), 1.25 - 0.55 * (1.0 - summer) * dice.range(0.0, 1.0)),
            Region::Tropical => (1.0, dice.range(0.3, 0.85), 9.0),
        };
        Self {
            date,
            utc_hours: local - place.longitude / 15.0,
            sun_elevation,
            sun_azimuth,
            leaves,
            green,
            crops: dice.range(0.0, 1.0) * 0.4 + summer * 0.6,
            snow_line,
            water_level: dice.range(-1.0, 1.0),
            haze: dice.range(0.001, 0.011),
            gains: [dice.range(0.97, 1.04); 12],
            is_winter_drawn: false,
            ice: 0.0,
        }
    }

    /// Acquisition time of the scene.
    pub(super) fn datetime(&self) -> jiff::Timestamp {
        let seconds = (self.utc_hours * 3600.0) as i64;
        let midnight =
            self.date.to_zoned(jiff::tz::TimeZone::UTC).map_or(jiff::Timestamp::UNIX_EPOCH, |z| z.timestamp());
        midnight.saturating_add(jiff::SignedDuration::from_secs(seconds)).unwrap_or(midnight)
    }

    /// Processing baseline in use on that date (ESA, Sentinel-2 Products Specification and announcements).
    pub(super) fn processing_baseline(&self) -> &'static str {
        match self.date {
            d if d < Date::constant(2022, 1, 25) => "03.01",
            d if d < Date::constant(2022, 12, 6) => "04.00",
            d if d < Date::constant(2023, 12, 13) => "05.09",
            d if d < Date::constant(2024, 7, 23) => "05.10",
            _ => "05.11",
        }
    }

    /// Offset that the processing baseline adds to every digital number: 1000 from 04.00 on.
    pub(super) fn offset_dn(&self) -> u16 {
        if self.processing_baseline() < "04.00" { 0 } else { 1000 }
    }
}

/// Sun elevation and azimuth in degrees, from the day of the year, local solar time in hours, and latitude.
///
/// Declination after Cooper (1969), "The absorption of radiation in solar stills", Solar Energy 12(3).
pub(super) fn sun(day: f64, local_hours: f64, latitude: f64) -> (f32, f32) {
    let declination = (23.45_f64.to_radians()) * ((284.0 + day) / 365.0 * std::f64::consts::TAU).sin();
    let hour = ((local_hours - 12.0) * 15.0).to_radians();
    let latitude = latitude.to_radians();
    let (east, north, up) = (
        -declination.cos() * hour.sin(),
        declination.sin() * latitude.cos() - declination.cos() * hour.cos() * latitude.sin(),
        declination.sin() * latitude.sin() + declination.cos() * hour.cos() * latitude.cos(),
    );
    (up.asin().to_degrees() as f32, east.atan2(north).to_degrees().rem_euclid(360.0) as f32)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// NOAA solar calculator, 21 June 2021, 49.9 N 114.9 W, 17:41 UTC (10:01 local solar time): elevation 55.3, azimuth
    /// 119.8 degrees; Sentinel-2 scenes of that time and location have similar values (elevation 60, azimuth 145, 1.5 h
    /// before noon).
    #[test]
    fn the_sun_stands_in_the_south_east_in_canada_and_north_east_in_chile() {
        let (elevation, azimuth) = sun(172.0, 10.5, 49.9);
        assert!((57.0..61.0).contains(&elevation), "{elevation}");
        assert!((130.0..142.0).contains(&azimuth), "{azimuth}");
        let (elevation, azimuth) = sun(172.0, 10.5, -22.4);
        assert!((35.0..42.0).contains(&elevation), "{elevation}");
        assert!((25.0..40.0).contains(&azimuth), "{azimuth}");
    }

    #[test]
    fn the_offset_came_with_baseline_4() {
        for region in Region::ALL {
            for seed in 0..20 {
                let place = SceneLocation::new(seed, region);
                let before = Season::new(seed, region, &place, 2021);
                assert_eq!((before.processing_baseline(), before.offset_dn()), ("03.01", 0));
                let after = Season::new(seed, region, &place, 2022);
                assert_eq!((after.processing_baseline(), after.offset_dn()), ("04.00", 1000));
                assert!(after.sun_elevation > 20.0, "{after:?}");
                assert_eq!(after.date.year(), 2022);
                assert!(minesegsat_core::Crs::from_epsg(place.epsg).is_ok());
            }
        }
    }
}
