//! Axes of the charts: round numbers and round dates.

use jiff::civil::Date;

/// A linear scale from values to positions.
#[derive(Debug, Clone, Copy)]
pub struct Scale {
    /// Minimum value.
    pub low: f64,
    /// Maximum value.
    pub high: f64,
    /// Position of `low`.
    pub start: f64,
    /// Position of `high`.
    pub end: f64,
}

impl Scale {
    /// Position of a value.
    pub fn at(&self, value: f64) -> f64 {
        self.start + (value - self.low) / (self.high - self.low) * (self.end - self.start)
    }

    /// Position of a value, clamped to both ends.
    pub fn held(&self, value: f64) -> f64 {
        self.at(value.clamp(self.low, self.high))
    }
}

/// Distance of round values: 1, 2 or 5 times a power of ten, so that at most `most` of them fit between two values.
pub fn step(low: f64, high: f64, most: usize) -> f64 {
    let rough = ((high - low) / most.max(1) as f64).max(1e-9);
    let power = 10.0_f64.powf(rough.log10().floor());
    [1.0, 2.0, 5.0].into_iter().map(|factor| factor * power).find(|step| *step >= rough).unwrap_or(10.0 * power)
}

/// The round values between two values, and their number of decimals.
pub fn ticks(low: f64, high: f64, most: usize) -> (Vec<f64>, usize) {
    let step = step(low, high, most);
    let first = (low / step - 1e-9).ceil() as i64;
    let last = (high / step + 1e-9).floor() as i64;
    let digits = (-step.log10().floor()).max(0.0) as usize;
    ((first..=last).map(|i| i as f64 * step).collect(), digits)
}

/// A time scale with a margin on both sides.
#[derive(Debug, Clone, Copy)]
pub struct Days(Scale);

impl Days {
    /// Creates an axis for dates between two positions. `None` without dates.
    pub fn over(dates: impl Iterator<Item = Date>, start: f64, end: f64) -> Option<Self> {
        let days: Vec<f64> = dates.map(day_number).collect();
        let low = days.iter().copied().reduce(f64::min)?;
        let high = days.iter().copied().reduce(f64::max)?;
        let room = ((high - low) * 0.04).max(12.0).round();
        Some(Self(Scale { low: low - room, high: high + room, start, end }))
    }

    /// The scale of day numbers.
    pub fn scale(&self) -> Scale {
        self.0
    }

    /// Position of a day.
    pub fn at(&self, date: Date) -> f64 {
        self.0.at(day_number(date))
    }

    /// Position of a day, clamped to the plot, and whether it was clamped.
    pub fn held(&self, date: Date) -> (f64, bool) {
        let (at, Scale { start, end, .. }) = (self.at(date), self.0);
        (at.clamp(start, end), !(start..=end).contains(&at))
    }

    /// Round dates with their labels.
    pub fn ticks(&self) -> Vec<(f64, String)> {
        let Scale { low, high, .. } = self.0;
        if high - low < 75.0 {
            let step = [1.0, 2.0, 5.0, 10.0].into_iter().find(|step| (high - low) / step <= 7.0).unwrap_or(15.0);
            let first = (low / step).ceil() as i64;
            let last = (high / step).floor() as i64;
            let day = |i: i64| {
                let number = i as f64 * step;
                let date = EPOCH.checked_add(jiff::Span::new().try_days(number as i64).ok()?).ok()?;
                Some((self.0.at(number), date.to_string()))
            };
            return (first..=last).filter_map(day).collect();
        }
        // Months since the year 0.
        let months = |number: f64| {
            let date = EPOCH.checked_add(jiff::Span::new().days(number as i64)).unwrap_or(EPOCH);
            i64::from(date.year()) * 12 + i64::from(date.month()) - 1
        };
        let (first, last) = (months(low), months(high) + 1);
        let step =
            [1, 2, 3, 6, 12, 24, 60, 120, 240].into_iter().find(|step| (last - first) / step <= 9).unwrap_or(600);
        let month = |i: i64| {
            let date = Date::new(i16::try_from(i.div_euclid(12)).ok()?, i.rem_euclid(12) as i8 + 1, 1).ok()?;
            let words = date.strftime(if step < 12 { "%Y-%m" } else { "%Y" }).to_string();
            let (at, is_outside) = self.held(date);
            (!is_outside).then_some((at, words))
        };
        (first..=last).filter(|i| i % step == 0).filter_map(month).collect()
    }
}

const EPOCH: Date = jiff::civil::date(1970, 1, 1);

fn day_number(date: Date) -> f64 {
    (date.duration_since(EPOCH).as_hours() / 24) as f64
}

#[cfg(test)]
mod tests {
    use jiff::civil::date;

    use super::*;

    #[test]
    fn ticks_are_round_and_few() {
        assert_eq!(ticks(0.0, 230.0, 5), (vec![0.0, 50.0, 100.0, 150.0, 200.0], 0));
        assert_eq!(ticks(-3.0, 4.5, 4).0, vec![-2.0, 0.0, 2.0, 4.0]);
        assert_eq!(ticks(0.1, 0.34, 3), (vec![0.1, 0.2, 0.300_000_000_000_000_04], 1));
        assert!(ticks(5.0, 5.0, 5).0.len() <= 6);
    }

    #[test]
    fn dates_are_round_and_few_over_days_months_and_decades() {
        let words = |from: Date, to: Date| -> Vec<String> {
            let days = Days::over([from, to].into_iter(), 62.0, 842.0).unwrap();
            let ticks = days.ticks();
            assert!(ticks.iter().all(|(at, _)| (62.0..=842.0).contains(at)), "{ticks:?}");
            ticks.into_iter().map(|(_, words)| words).collect()
        };
        let day = words(date(2021, 7, 10), date(2021, 7, 10));
        assert!((3..=8).contains(&day.len()) && day.iter().all(|words| words.starts_with("2021-07-")), "{day:?}");
        let years = words(date(2019, 5, 2), date(2024, 8, 30));
        assert_eq!(years, ["2020", "2021", "2022", "2023", "2024"]);
        let months = words(date(2021, 2, 1), date(2022, 8, 1));
        assert_eq!(months[0], "2021-04", "a quarter");
        assert!((4..=10).contains(&months.len()), "{months:?}");
        assert!((3..=10).contains(&words(date(1850, 1, 1), date(2024, 1, 1)).len()));
    }
}
