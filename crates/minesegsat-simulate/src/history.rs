//! How mines change from day to day: [`History`], planned once per seed for the years 2016 to 2035.
//!
//! Land that a mine has disturbed stays disturbed, except for dumps that are reclaimed after the mine has stopped to grow.
//! All sizes of a [`Stage`] therefore grow with time, and the parts keep clear of the largest extent of each other.

use std::f32::consts::TAU;

use serde::Serialize;

use super::mines::{Blob, Planner, Site, winding};
use super::stage::{DumpStage, SatelliteStage, Stage};
use minesegsat_core::noise::{Dice, Noise, unit_of};

/// First day of the history, as days since 1970-01-01: 2016-01-01.
pub(super) const BEGINS: i32 = 16_801;
/// Day after the last: 2036-01-01.
pub(super) const ENDS: i32 = 24_106;
/// Days in a year.
const YEAR: f32 = 365.25;
/// Days of a step of growth.
const MONTH: f32 = 30.4375;
/// Days in which a haul road is built.
const ROAD_DAYS: f32 = 60.0;
/// Share at which the front of reclaimed land reaches the foot of a dump.
const FIRST_SHARE: f32 = 0.18;
/// Largest growth of lengths over all years.
const MOST_GROWTH: f32 = 0.55;

/// What happens to a mine from 2016 to 2035.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Fate {
    /// Nothing changes.
    Stable,
    /// The mine exists before 2016 and grows in campaigns, with satellite pits.
    Growing,
    /// The mine opens, haul roads first, and grows to its full size.
    New,
    /// The mine has stopped to grow. Its dumps are reclaimed.
    Regrowing,
}

/// A time in which a mine grows.
#[derive(Debug, Clone, Copy)]
pub(super) struct Campaign {
    /// First day and day after the last, as days since 1970-01-01.
    pub(super) days: (i32, i32),
    /// Growth of lengths per year.
    per_year: f32,
}

/// A small pit beside a mine, with its haul road.
#[derive(Debug, Clone)]
pub(super) struct Satellite {
    pub(super) blob: Blob,
    pub(super) road: Vec<(f32, f32)>,
    /// Day on which digging begins. The haul road is built in the [`ROAD_DAYS`] before it.
    pub(super) opens: i32,
    /// Days until the full size.
    days: f32,
}

/// Half the width in metres of roads to satellite pits.
pub(super) const SATELLITE_ROAD_HALF_M: f32 = 8.0;

/// How a mine changes from day to day.
#[derive(Debug, Clone)]
pub(super) struct History {
    pub(super) fate: Fate,
    /// Speed of work by month.
    pace: Noise,
    /// Factor on lengths at the beginning.
    start: f32,
    pub(super) campaigns: Vec<Campaign>,
    /// Day on which work at a new mine begins.
    pub(super) opens: Option<i32>,
    /// Day on which reclamation begins, and the share of a dump that it gains in a year.
    pub(super) reclaims: Option<(i32, f32)>,
    pub(super) satellites: Vec<Satellite>,
}

impl History {
    /// Days of work between two days. The pace changes by month; its mean is 1.
    fn worked(&self, from: f32, to: f32) -> f32 {
        let pace = |month: f32| 0.25 + 1.5 * unit_of(self.pace.cell(month as i32, 0), 1);
        let (mut at, mut sum) = (from, 0.0);
        while at < to {
            let month = (at / MONTH).floor();
            let end = ((month + 1.0) * MONTH).min(to);
            sum += pace(month) * (end - at);
            // Rounding may leave `end` at `at`.
            at = if end > at { end } else { at + 1.0 };
        }
        sum
    }

    /// Growth of lengths by campaigns up to a day.
    fn growth(&self, day: i32) -> f32 {
        let grown = self.campaigns.iter().map(|campaign| {
            let (from, to) = (campaign.days.0.max(BEGINS), campaign.days.1.min(day));
            campaign.per_year / YEAR * self.worked(from as f32, to as f32)
        });
        grown.sum::<f32>().min(MOST_GROWTH)
    }
}

/// 0 at the beginning, 1 after `days`: the size of a part whose area grows evenly.
fn even_area(age: f32, days: f32) -> f32 {
    (age / days).clamp(0.0, 1.0).sqrt()
}

impl Stage {
    /// A mine on a day since 1970-01-01; `None` before it opens.
    pub(super) fn on_day(site: &Site, day: i32) -> Option<Self> {
        let history = site.history.as_ref()?;
        let size = history.start + history.growth(day);
        let reclaimed = |before: f32| {
            let years = |from: i32| (day - from) as f32 / YEAR;
            let reclaims = history.reclaims.filter(|(from, _)| *from <= day);
            let share = |(from, per_year): (i32, f32)| before.max(FIRST_SHARE) + per_year * years(from);
            reclaims.map_or(before, share).clamp(0.0, 0.95)
        };
        let dumps = site.dumps.iter().map(|dump| {
            // Growing dumps are not reclaimed yet when the history begins.
            let before = if dump.is_active || dump.reclaimed.1 == 0.0 { 0.0 } else { dump.reclaimed.0 };
            DumpStage { size: if dump.is_active { size } else { history.start }, reclaimed: reclaimed(before) }
        });
        let satellites = history.satellites.iter().map(|satellite| {
            let age = (day - satellite.opens) as f32;
            SatelliteStage {
                size: even_area(age, satellite.days),
                road: ((age + ROAD_DAYS) / ROAD_DAYS).clamp(0.0, 1.0),
            }
        });
        let mut stage = Self {
            pit: size,
            pond: size,
            pad: size,
            mill: 1.0,
            dumps: dumps.collect(),
            roads: vec![1.0; site.roads.len()],
            satellites: satellites.collect(),
        };
        if let Some(opens) = history.opens {
            if day < opens {
                return None;
            }
            // Haul roads first, then the pit and its dump, then the mill, the leach pad and the pond.
            let age = history.worked(opens as f32, day as f32);
            for (k, road) in stage.roads.iter_mut().enumerate() {
                *road = ((age - 12.0 * k as f32) / ROAD_DAYS).clamp(0.0, 1.0);
            }
            stage.pit *= even_area(age - 70.0, 900.0);
            for (k, dump) in stage.dumps.iter_mut().enumerate() {
                dump.size *= even_area(age - 100.0 - 120.0 * k as f32, 900.0);
            }
            stage.mill *= even_area(age - 130.0, 150.0);
            stage.pad *= even_area(age - 260.0, 700.0);
            stage.pond *= even_area(age - 220.0, 900.0);
        }
        Some(stage)
    }
}

impl Planner<'_> {
    /// Plans the history of all mines.
    pub(super) fn add_histories(&mut self, sites: &mut [Site]) {
        for site in &mut *sites {
            site.history = Some(self.history(site));
        }
    }

    fn history(&mut self, site: &mut Site) -> History {
        let mut dice = Dice::new(site.seed, "history");
        let fate = dice.unit();
        let mut history = History {
            fate: Fate::Stable,
            pace: Noise::new(site.seed, "pace"),
            start: dice.range(0.9, 1.0),
            campaigns: Vec::new(),
            opens: None,
            reclaims: None,
            satellites: Vec::new(),
        };
        let opens = BEGINS + (dice.range(0.3, 16.0) * YEAR) as i32;
        let reclaims = BEGINS + (dice.range(-2.0, 11.0) * YEAR) as i32;
        let per_year = dice.range(0.05, 0.14);
        if fate < 0.32 {
            return history;
        }
        if fate < 0.48 && !site.dumps.is_empty() {
            history.fate = Fate::Regrowing;
            history.reclaims = Some((reclaims, per_year));
            return history;
        }
        lean(site, &mut dice);
        // A new mine must not disturb land of a neighbour again.
        let is_apart = site.roads.iter().all(|(road, _)| !self.touches_another(site, road));
        if fate < 0.62 && is_apart {
            history.fate = Fate::New;
            history.opens = Some(opens);
        } else {
            history.fate = Fate::Growing;
        }
        let mut year = dice.range(-4.0, 2.5);
        while year < 20.0 {
            let years = dice.range(2.0, 6.0);
            let day = |year: f32| BEGINS + (year * YEAR) as i32;
            let per_year = dice.range(0.02, 0.09);
            // A new mine first grows to its planned size.
            if history.opens.is_none_or(|opens| day(year) > opens + 1200) {
                history.campaigns.push(Campaign { days: (day(year), day(year + years)), per_year });
                for _ in 0..(years / 1.7 + dice.unit()) as usize {
                    let opens = day(dice.range(year, year + years));
                    history.satellites.extend(self.satellite(site, opens, &mut dice));
                }
            }
            year += years + dice.range(1.5, 5.0);
        }
        history
    }

    /// Plans a satellite pit of 1 to 12 ha beside a mine; `None` if there is no room.
    fn satellite(&mut self, site: &mut Site, opens: i32, dice: &mut Dice) -> Option<Satellite> {
        let area_m2 = (3.5e4 * (0.6 * dice.normal()).exp()).clamp(1.0e4, 1.2e5);
        let days = (area_m2 / 1e4 * dice.range(25.0, 60.0)).clamp(45.0, 400.0);
        let radius = (area_m2 / std::f32::consts::PI).sqrt();
        let pit = site.pit.iter().map(|blob| blob.radius + (blob.x - site.x).hypot(blob.y - site.y));
        let centre = (site.x, site.y, 1.3 * pit.fold(0.0, f32::max));
        let (x, y) = self.beside(dice, &[centre], radius, 0.0)?;
        let road = winding(dice, (site.x, site.y), (x, y));
        if self.touches_another(site, &road) {
            return None;
        }
        let blob = Blob { x, y, radius, stretch: dice.range(1.0, 1.9), angle: dice.range(0.0, TAU), lean: (0.0, 0.0) };
        site.reach = site.reach.max((x - site.x).hypot(y - site.y) + 1.9 * radius + 150.0);
        self.taken.push((x, y, 1.25 * radius));
        self.owners.push(site.id);
        Some(Satellite { blob, road, opens, days })
    }

    /// Whether a road runs through land of another mine.
    fn touches_another(&self, site: &Site, road: &[(f32, f32)]) -> bool {
        let others = self.taken.iter().zip(&self.owners).filter(|(_, owner)| **owner != site.id && **owner != 0);
        others.into_iter().any(|(&(a, b, r), _)| road.iter().any(|&(x, y)| (x - a).hypot(y - b) < 1.3 * r + 30.0))
    }
}

/// Lets the pit and the dumps of a mine grow to one side.
fn lean(site: &mut Site, dice: &mut Dice) {
    let mut lean = |blobs: &mut [Blob], towards: f32| {
        let length = dice.range(0.35, 0.85);
        for blob in blobs {
            let angle = towards - blob.angle;
            blob.lean = (length * angle.cos(), length * angle.sin());
        }
    };
    let towards = unit_of(Noise::new(site.seed, "lean").cell(0, 0), 1) * TAU;
    lean(&mut site.pit, towards);
    let (x, y) = (site.x, site.y);
    for dump in &mut site.dumps {
        let away = (dump.lobes[0].y - y).atan2(dump.lobes[0].x - x);
        lean(&mut dump.lobes, away);
    }
}

#[cfg(test)]
mod tests {
    use super::super::{Region, SimulateOptions, World};
    use super::*;

    fn sites(seed: u64, region: Region) -> Vec<Site> {
        let options =
            SimulateOptions { seed, region, size: 768, dates_per_year: Some(4), ..SimulateOptions::default() };
        World::new(&options).sites
    }

    #[test]
    fn sizes_only_grow_and_roads_come_first() {
        let mut fates = Vec::new();
        for region in Region::ALL {
            for site in (0..6).flat_map(|seed| sites(seed, region)) {
                let history = site.history.as_ref().unwrap();
                fates.push(history.fate);
                let stages: Vec<Option<Stage>> =
                    (BEGINS..ENDS).step_by(17).map(|day| Stage::on_day(&site, day)).collect();
                for pair in stages.windows(2) {
                    let (Some(a), Some(b)) = (&pair[0], &pair[1]) else {
                        assert!(pair[0].is_none(), "a mine does not vanish");
                        continue;
                    };
                    assert!(a.pit <= b.pit && a.pond <= b.pond && a.pad <= b.pad && a.mill <= b.mill);
                    assert!(a.dumps.iter().zip(&b.dumps).all(|(a, b)| a.size <= b.size && a.reclaimed <= b.reclaimed));
                    assert!(a.roads.iter().zip(&b.roads).all(|(a, b)| a <= b));
                    let satellites = || a.satellites.iter().zip(&b.satellites);
                    assert!(satellites().all(|(a, b)| a.size <= b.size && a.road <= b.road));
                    assert!(satellites().all(|(a, _)| a.size == 0.0 || a.road == 1.0), "the road comes first");
                    if history.fate == Fate::Stable {
                        assert_eq!(a, b);
                    }
                }
                if let Some(opens) = history.opens {
                    let young = Stage::on_day(&site, opens + 25).unwrap();
                    assert!(young.pit == 0.0 && young.mill == 0.0 && young.roads[0] > 0.0, "{young:?}");
                }
            }
        }
        for fate in [Fate::Stable, Fate::Growing, Fate::New, Fate::Regrowing] {
            assert!(fates.contains(&fate), "{fate:?} does not occur");
        }
    }
}
