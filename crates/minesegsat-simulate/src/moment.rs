//! The time that a scene shows: [`Moment`], and the dates of a year on which a satellite passes.

use jiff::civil::Date;

use super::season::{SceneLocation, sun};
use minesegsat_core::noise::Dice;

/// Days between two passes of the pair of satellites (Drusch et al. 2012).
const REVISIT_DAYS: i32 = 5;
/// Scenes with a lower sun are not simulated. Its elevation is in degrees.
const LOWEST_SUN: f32 = 15.0;
/// Largest number of dates in a year. All locations have more passes with a sun above [`LOWEST_SUN`].
pub(super) const MAX_DATES: usize = 48;

/// The time that a scene shows.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Moment {
    /// Name of the scene in its random numbers and in the files of the truth: `2021` or `2021-07-12`.
    pub(super) name: String,
    /// Year, for crops and pastures.
    pub(super) year: i16,
    /// Time in years, for the age of clear-cuts.
    pub(super) years: f32,
    /// Number of the leach cycle.
    pub(super) leach: u32,
}

impl Moment {
    /// The only scene of a year.
    pub(super) fn of_year(year: i16) -> Self {
        Self { name: year.to_string(), year, years: f32::from(year) + 0.6, leach: year as u32 }
    }

    /// One of several scenes of a year.
    pub(super) fn on(date: Date) -> Self {
        let year = date.year();
        let of_year = (f32::from(date.day_of_year()) - 1.0) / 365.25;
        let quarter = (date.month() - 1) / 3;
        Self { name: date.to_string(), year, years: f32::from(year) + of_year, leach: year as u32 * 4 + quarter as u32 }
    }
}

/// Days since 1970-01-01.
pub(super) fn day_number(date: Date) -> i32 {
    (date.duration_since(Date::constant(1970, 1, 1)).as_hours() / 24) as i32
}

/// The date of a day since 1970-01-01.
pub(super) fn date_of(day: i32) -> Date {
    Date::constant(1970, 1, 1).saturating_add(jiff::Span::new().days(day))
}

/// `count` dates of a year: satellite passes, spread at random over the time in which the sun is high enough.
pub(super) fn dates_of_year(seed: u64, place: &SceneLocation, year: i16, count: usize) -> Vec<Date> {
    let phase = (Dice::new(seed, "orbit").bits() % REVISIT_DAYS as u64) as i32;
    let passes: Vec<Date> = (day_number(Date::constant(year, 1, 1))..day_number(Date::constant(year + 1, 1, 1)))
        .filter(|day| day.rem_euclid(REVISIT_DAYS) == phase)
        .map(date_of)
        .filter(|date| sun(f64::from(date.day_of_year()), 10.5, place.latitude).0 >= LOWEST_SUN)
        .collect();
    let mut dice = Dice::new(seed, &format!("dates {year}"));
    let mut next = 0;
    (0..count)
        .map(|k| {
            let at = (k as f32 + dice.unit()) / count as f32 * passes.len() as f32;
            // Every pass is taken at most once, and enough of them stay for the dates to come.
            let pass = (at as usize).max(next).min(passes.len() - (count - k));
            next = pass + 1;
            passes[pass]
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::super::Region;
    use super::*;

    #[test]
    fn days_count_from_1970() {
        // `date -u -d 2016-01-01 +%s` gives 1451606400, which is 16801 days.
        assert_eq!(day_number(Date::constant(2016, 1, 1)), 16_801);
        assert_eq!(date_of(16_801), Date::constant(2016, 1, 1));
        assert_eq!(day_number(Date::constant(1970, 1, 1)), 0);
    }

    #[test]
    fn every_place_has_all_dates_in_order_and_with_enough_sun() {
        for region in Region::ALL {
            for seed in 0..12 {
                let place = SceneLocation::new(seed, region);
                for count in [1, 5, 24, MAX_DATES] {
                    let dates = dates_of_year(seed, &place, 2024, count);
                    assert_eq!(dates.len(), count);
                    assert!(dates.windows(2).all(|pair| pair[0] < pair[1]), "{dates:?}");
                    for date in &dates {
                        assert_eq!(date.year(), 2024);
                        assert!(sun(f64::from(date.day_of_year()), 10.5, place.latitude).0 >= LOWEST_SUN);
                        assert_eq!((day_number(*date) - day_number(dates[0])) % REVISIT_DAYS, 0);
                    }
                }
            }
        }
    }
}
