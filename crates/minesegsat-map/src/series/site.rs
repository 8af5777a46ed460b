//! A site over many dates: [`SiteSeries`].

use std::collections::BTreeMap;

use jiff::civil::Date;
use serde::Serialize;

use super::chain::Chain;
use super::history::History;
use super::{Series, SeriesRules};
use crate::site::{SiteArea, SiteExtent, SitePixels};
use minesegsat_core::pixel_class::LandHistory;
use minesegsat_core::uncertainty::{Area, AreaErrorModel, AreaMoments};
use minesegsat_core::{Result, Window};

/// Longest side of a part of a site that is measured at once, in pixels. Sites within it have exact intervals: errors of
/// different parts count as independent.
const PART: usize = 1024;

/// A site on a date of a series. Areas are in hectares on the ellipsoid.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct SeriesPoint {
    /// Day.
    pub date: Date,
    /// Share of the site's whole outline that this date shows, 0 to 1.
    pub share_assessed: f64,
    /// Disturbed land from the smoothed probabilities, with its interval. Land that this date does not show has the value of the
    /// dates around it. `None` if no date shows enough of the site.
    pub area: Option<Area>,
    /// Disturbed land of the smoothed series on this date, in whole pixels.
    pub disturbed_ha: f64,
    /// Land that became disturbed since the first date and is on this one.
    pub gain_ha: f64,
    /// Land that was disturbed on the first date and is not on this one.
    pub loss_ha: f64,
    /// Share of the site's pixels that this date shows on which its own map and the sequence over all dates disagree: one says
    /// disturbed, the other does not. 0 to 1; `None` if the date shows no pixel of the site.
    pub share_disagreeing: Option<f64>,
}

/// New land by the dates between which it became disturbed, in hectares.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct OnsetArea {
    /// Last assessable date that shows the land undisturbed.
    pub after: Date,
    /// First date that shows it disturbed.
    pub until: Date,
    /// New land that is confirmed.
    pub confirmed_ha: f64,
    /// New land that is provisional.
    pub provisional_ha: f64,
}

/// A site over all dates of a series.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct SiteSeries {
    /// Its dates, in order.
    pub points: Vec<SeriesPoint>,
    /// Land that became disturbed from one date to a later one, in hectares: `gains_ha[a][b - a - 1]` from date `a` to date `b`.
    /// It is confirmed or provisional.
    pub gains_ha: Vec<Vec<f64>>,
    /// New land on the last date by the time of its onset, in order; without times of no land.
    pub onsets: Vec<OnsetArea>,
    /// New land on the last date that is confirmed.
    pub new_ha: f64,
    /// New land on the last date that is provisional.
    pub new_provisional_ha: f64,
    /// Land that has regrown, confirmed.
    pub regrown_ha: f64,
    /// Land that has regrown, provisional.
    pub regrown_provisional_ha: f64,
    /// Share of the site's whole outline that at least one date shows, 0 to 1.
    pub share_seen: f64,
}

impl SiteSeries {
    /// Gain from one date to a later one, in hectares.
    pub fn gain_ha(&self, from: usize, to: usize) -> f64 {
        self.gains_ha.get(from).and_then(|gains| gains.get(to.checked_sub(from + 1)?)).copied().unwrap_or(0.0)
    }
}

/// Sums over the parts of a site.
struct Sums {
    /// By date.
    moments: Vec<AreaMoments>,
    seen: Vec<usize>,
    disturbed: Vec<u64>,
    losses: Vec<u64>,
    /// By date: pixels that it shows otherwise than the sequence.
    disagreeing: Vec<u64>,
    /// Confirmed and provisional new pixels by the dates around their onset: first with it, last without it.
    onsets: BTreeMap<(usize, usize), [u64; 2]>,
    /// Numbers of pixels that became disturbed from a date to another, `[from][to]`.
    gains: Vec<Vec<u64>>,
    by_class: [u64; 256],
    /// Sum of the smoothed probabilities by date, and the number of pixels in it.
    smooth: Vec<f64>,
    known: usize,
    unknown: usize,
}

impl Series {
    /// Measures a site on all dates. Each date has the error model of its map. `None` if the site lies beyond the maps.
    pub fn measure(
        &self,
        site: &SiteArea,
        rules: &SeriesRules,
        level_percent: f64,
        min_assessed: f64,
    ) -> Result<Option<SiteSeries>> {
        rules.check()?;
        let Some(pixels) = SitePixels::rasterize(site, &self.grid)? else { return Ok(None) };
        let extent = SiteExtent::measure(site, &pixels, &self.grid)?;
        let days = self.days();
        let chain = Chain::new(rules.persistence, &days)?;
        let dates = days.len();
        let models: Vec<AreaErrorModel> = (0..dates).map(|date| self.first_map(date).area_error).collect();
        let mut sums = Sums {
            moments: vec![AreaMoments::default(); dates],
            seen: vec![0; dates],
            disturbed: vec![0; dates],
            losses: vec![0; dates],
            disagreeing: vec![0; dates],
            onsets: BTreeMap::new(),
            gains: vec![vec![0; dates]; dates],
            by_class: [0; 256],
            smooth: vec![0.0; dates],
            known: 0,
            unknown: 0,
        };
        let window = pixels.window;
        for row in (window.row..window.row_end()).step_by(PART) {
            for col in (window.col..window.col_end()).step_by(PART) {
                let part = Window::new(col, row, PART.min(window.col_end() - col), PART.min(window.row_end() - row));
                self.add_part(&part, &pixels, &chain, rules, &models, extent.pixel_m2, &mut sums)?;
            }
        }
        let ha = |pixels: u64| pixels as f64 * extent.pixel_m2 / 1e4;
        let beyond = extent.beyond_pixels();
        let all = (sums.known + sums.unknown + beyond) as f64;
        let share_seen = extent.share(sums.known);
        let points = (0..dates)
            .map(|date| {
                let area = (sums.known > 0 && share_seen >= min_assessed).then(|| {
                    let mean = (sums.smooth[date] / sums.known as f64) as f32;
                    let mut moments = sums.moments[date];
                    moments.add_beyond(std::iter::repeat_n(mean, sums.unknown + beyond), extent.pixel_m2);
                    models[date].area(&moments, level_percent, all * extent.pixel_m2)
                });
                SeriesPoint {
                    date: self.dates[date],
                    share_assessed: extent.share(sums.seen[date]),
                    area,
                    disturbed_ha: ha(sums.disturbed[date]),
                    gain_ha: ha(sums.gains[0][date]),
                    loss_ha: ha(sums.losses[date]),
                    share_disagreeing: (sums.seen[date] > 0)
                        .then(|| sums.disagreeing[date] as f64 / sums.seen[date] as f64),
                }
            })
            .collect();
        let of_class = |class: LandHistory| ha(sums.by_class[usize::from(class as u8)]);
        let gains = sums.gains.iter().enumerate();
        let onsets = sums.onsets.iter().map(|(&(until, after), &[confirmed, provisional])| OnsetArea {
            after: self.dates[after],
            until: self.dates[until],
            confirmed_ha: ha(confirmed),
            provisional_ha: ha(provisional),
        });
        Ok(Some(SiteSeries {
            points,
            gains_ha: gains.map(|(from, to)| to[from + 1..].iter().map(|&pixels| ha(pixels)).collect()).collect(),
            onsets: onsets.collect(),
            new_ha: of_class(LandHistory::New),
            new_provisional_ha: of_class(LandHistory::NewProvisional),
            regrown_ha: of_class(LandHistory::Regrown),
            regrown_provisional_ha: of_class(LandHistory::RegrownProvisional),
            share_seen,
        }))
    }

    #[expect(clippy::too_many_arguments, reason = "what is known of the site, and the sums")]
    fn add_part(
        &self,
        part: &Window,
        site: &SitePixels,
        chain: &Chain,
        rules: &SeriesRules,
        models: &[AreaErrorModel],
        pixel_m2: f64,
        sums: &mut Sums,
    ) -> Result<()> {
        let dates = chain.days().len();
        let inside = |i: usize| {
            let (row, col) = (part.row + i / part.width - site.window.row, part.col + i % part.width - site.window.col);
            site.inside[row * site.window.width + col]
        };
        let mut maps = (0..dates).map(|date| self.read(date, part)).collect::<Result<Vec<_>>>()?;
        // Smoothed probabilities of land that a date does not show.
        let mut hidden: Vec<Vec<f32>> = vec![vec![f32::NAN; part.len()]; dates];
        let mut history = History::new(chain, &self.thresholds, rules.confirmation);
        let (mut pixel, mut smooth, mut states) = (vec![0.0; dates], vec![0.0; dates], vec![false; dates]);
        let mut means = Vec::new();
        for i in 0..part.len() {
            if !inside(i) {
                for map in &mut maps {
                    map[i] = f32::NAN;
                }
                continue;
            }
            pixel.iter_mut().zip(&maps).for_each(|(p, map)| *p = map[i]);
            let found = history.follow(&pixel);
            sums.by_class[usize::from(found.class as u8)] += 1;
            if found.class == LandHistory::NotAssessable {
                sums.unknown += 1;
                continue;
            }
            sums.known += 1;
            if let (LandHistory::New | LandHistory::NewProvisional, Some(onset)) = (found.class, found.onset) {
                let counts = sums.onsets.entry((onset.until, onset.after)).or_default();
                counts[usize::from(found.class == LandHistory::NewProvisional)] += 1;
            }
            history.states(&mut states);
            history.smoothed(&pixel, &mut means, &mut smooth);
            for date in 0..dates {
                let is_seen = !pixel[date].is_nan();
                sums.seen[date] += usize::from(is_seen);
                // As the map of the date counts it.
                let is_mapped = pixel[date] >= self.thresholds[date];
                sums.disagreeing[date] += u64::from(is_seen && is_mapped != states[date]);
                sums.smooth[date] += f64::from(smooth[date]);
                sums.disturbed[date] += u64::from(states[date]);
                sums.losses[date] += u64::from(states[0] && !states[date]);
                if is_seen {
                    maps[date][i] = smooth[date];
                } else {
                    hidden[date][i] = smooth[date];
                }
            }
            if states.iter().any(|&state| state != states[0]) {
                for from in (0..dates).filter(|&from| !states[from]) {
                    sums.gains[from].iter_mut().zip(&states).for_each(|(gain, &is)| *gain += u64::from(is));
                }
            }
        }
        let pixel_m = pixel_m2.sqrt();
        for date in 0..dates {
            let mut moments = AreaMoments::for_model(&models[date], &maps[date], part.width, pixel_m, pixel_m2);
            moments.add_hidden(&hidden[date], part.width, pixel_m, pixel_m2);
            sums.moments[date] = sums.moments[date].plus(&moments);
        }
        Ok(())
    }
}
