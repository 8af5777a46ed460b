//! Seasons of any date of the year ([`Season::on`]): leaves, grass, crops, water, snow, ice and air.

use jiff::civil::Date;

use super::Region;
use super::season::{SceneLocation, Season, sun};
use minesegsat_core::noise::{Dice, smoothstep};

/// Relative height above which snow lies in the boreal region, by day of the year: all ground in winter, none in August.
const BOREAL_SNOW: [(f32, f32); 10] = [
    (0.0, -0.35),
    (75.0, -0.35),
    (120.0, 0.15),
    (160.0, 0.71),
    (205.0, 1.08),
    (250.0, 1.08),
    (277.0, 0.75),
    (310.0, 0.1),
    (335.0, -0.35),
    (367.0, -0.35),
];
/// Greenness of grass in the boreal region by day of the year.
const BOREAL_GREEN: [(f32, f32); 6] =
    [(0.0, 0.08), (112.0, 0.1), (160.0, 1.0), (185.0, 1.0), (275.0, 0.25), (367.0, 0.08)];
/// Stage of annual crops by day of the northern year: stubble until the sowing, green in summer, stubble after the harvest.
const CROPS: [(f32, f32); 6] = [(0.0, 1.0), (125.0, 1.0), (175.0, 0.1), (215.0, 0.3), (265.0, 1.0), (367.0, 1.0)];
/// Crops under irrigation stay green for longer.
const IRRIGATED_CROPS: [(f32, f32); 6] =
    [(0.0, 0.9), (70.0, 0.8), (120.0, 0.1), (240.0, 0.3), (300.0, 0.9), (367.0, 0.9)];

/// Linear interpolation in a table that is sorted by its first column.
fn interpolate(table: &[(f32, f32)], at: f32) -> f32 {
    let after = table.partition_point(|point| point.0 <= at).clamp(1, table.len() - 1);
    let ((x0, y0), (x1, y1)) = (table[after - 1], table[after]);
    y0 + (y1 - y0) * ((at - x0) / (x1 - x0)).clamp(0.0, 1.0)
}

/// 1 on the day of the year `peak`, 0 half a year away from it.
fn cycle(day: f32, peak: f32) -> f32 {
    0.5 + 0.5 * ((day - peak) / 365.25 * std::f32::consts::TAU).cos()
}

impl Season {
    /// The conditions of a date: the seasons of the region, the weather of the year, and the light and air of the day.
    pub(super) fn on(seed: u64, region: Region, place: &SceneLocation, date: Date) -> Self {
        let mut dice = Dice::new(seed, &format!("season {date}"));
        let mut weather = Dice::new(seed, &format!("weather {}", date.year()));
        let (early, wet) = (weather.range(-12.0, 12.0), weather.range(-0.1, 0.1));
        let day = f32::from(date.day_of_year());
        let local = 10.5 + f64::from(dice.range(-0.2, 0.3));
        let (sun_elevation, sun_azimuth) = sun(f64::from(day), local, place.latitude);
        // Day of the year by its season: half a year later in the south, earlier or later with the weather of the year.
        let half = if place.is_southern() { 182.6 } else { 0.0 };
        let seasonal = (day + half + early).rem_euclid(365.25);

        let (leaves, green, snow_line, ice, crops) = match region {
            Region::Boreal => (
                smoothstep(126.0, 150.0, seasonal) * (1.0 - (seasonal - 258.0) / 22.0).clamp(0.0, 1.0),
                interpolate(&BOREAL_GREEN, seasonal) + dice.range(-0.06, 0.06),
                interpolate(&BOREAL_SNOW, seasonal) + dice.range(-0.05, 0.05),
                smoothstep(125.0, 105.0, seasonal) + smoothstep(315.0, 335.0, seasonal),
                interpolate(&CROPS, seasonal),
            ),
            Region::Arid => {
                let is_northern = !place.is_southern();
                // Winter rain in Nevada and in the south-west of Australia, summer rain elsewhere.
                let peak = if is_northern {
                    125.0
                } else if place.latitude < -28.0 {
                    230.0
                } else {
                    75.0
                };
                let winter = cycle(seasonal, 15.0);
                let snow = if is_northern { 1.3 - winter.powi(2) * dice.range(0.1, 1.35) } else { 9.0 };
                (
                    0.8,
                    0.03 + 0.28 * cycle(day + early, peak).powi(2),
                    snow,
                    0.0,
                    interpolate(&IRRIGATED_CROPS, seasonal),
                )
            }
            Region::Tropical => {
                // The dry season ends in August or September at all locations.
                let dry = smoothstep(0.35, 0.9, cycle(day + early, 232.0));
                let crops = 0.85 * dry + dice.range(0.0, 0.15);
                (1.0, 0.9 - 0.55 * dry + dice.range(-0.05, 0.05), 9.0, 0.0, crops)
            }
        };
        let water = match region {
            // Water is high when snow melts, and after the rains.
            Region::Boreal => cycle(seasonal, 165.0),
            Region::Arid => cycle(seasonal, 120.0),
            Region::Tropical => cycle(day, 75.0),
        };
        // Smoke of forest fires and of burning pastures, dust of dry lakes.
        let smoke = if dice.chance(0.12) { dice.range(0.0, 0.022) } else { 0.0 };
        let gain = dice.range(0.97, 1.04);
        // Errors of the atmospheric correction differ between bands, mostly at short wavelengths.
        let slope = 0.012 * dice.normal().clamp(-2.0, 2.0);
        let gains = std::array::from_fn(|band| {
            let blue = 1.0 - band as f32 / 6.0;
            gain * (1.0 + slope * blue + 0.006 * dice.normal().clamp(-2.5, 2.5))
        });
        Self {
            date,
            utc_hours: local - place.longitude / 15.0,
            sun_elevation,
            sun_azimuth,
            leaves,
            green: (green + wet).clamp(0.0, 1.0),
            crops: crops.clamp(0.0, 1.0),
            snow_line,
            water_level: (1.5 * water - 0.75 + wet + dice.range(-0.2, 0.2)).clamp(-1.0, 1.0),
            haze: dice.range(0.001, 0.012) + smoke,
            gains,
            is_winter_drawn: true,
            ice: ice.clamp(0.0, 1.0),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn on(region: Region, seed: u64, month: i8) -> Season {
        Season::on(seed, region, &SceneLocation::new(seed, region), Date::constant(2023, month, 15))
    }

    #[test]
    fn seasons_follow_the_hemisphere_and_the_region() {
        for seed in 0..20 {
            let (winter, summer) = (on(Region::Boreal, seed, 2), on(Region::Boreal, seed, 7));
            assert!(winter.snow_line < 0.0 && winter.ice == 1.0 && winter.leaves == 0.0, "{winter:?}");
            assert!(summer.snow_line > 0.8 && summer.ice == 0.0 && summer.leaves == 1.0, "{summer:?}");
            assert!(summer.sun_elevation > winter.sun_elevation + 20.0);
            let (wet, dry) = (on(Region::Tropical, seed, 2), on(Region::Tropical, seed, 8));
            assert!(wet.green > dry.green + 0.25 && wet.snow_line > 1.5, "{wet:?} {dry:?}");
            assert!(wet.water_level > dry.water_level);
        }
        let arid: Vec<Season> = (0..40).map(|seed| on(Region::Arid, seed, 1)).collect();
        let has_snow = |season: &Season| season.snow_line < 1.0;
        let is_northern = |seed: u64| !SceneLocation::new(seed, Region::Arid).is_southern();
        assert!(arid.iter().zip(0..).all(|(season, seed)| !has_snow(season) || is_northern(seed)));
        assert!(arid.iter().any(has_snow));
    }

    #[test]
    fn tables_are_interpolated_and_held_at_their_ends() {
        let table = [(0.0, 1.0), (10.0, 3.0), (20.0, 2.0)];
        let got = [-5.0, 0.0, 5.0, 10.0, 15.0, 20.0, 30.0].map(|at| interpolate(&table, at));
        assert_eq!(got, [1.0, 1.0, 2.0, 3.0, 2.5, 2.0, 2.0]);
    }
}
