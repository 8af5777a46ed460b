//! Several dates a year from one ground truth in continuous time: [`simulate_dates`].
//!
//! The mines are drawn at every date, and at steps of at most a month between dates. A pixel's day of onset lies between the
//! last step without and the first step with a mine. It is interpolated by the distance from the outline.

use std::collections::BTreeSet;

use jiff::civil::Date;
use serde::Serialize;

use super::canvas::Canvas;
use super::history::{BEGINS, ENDS, Fate};
use super::mines::Site;
use super::moment::{Moment, date_of, dates_of_year, day_number};
use super::scene::{SceneWriter, View};
use super::season::Season;
use super::shapes::{self, Drawn, MineLayer};
use super::stage::Stage;
use super::truth::{self, SceneSummary, Truth};
use super::workings::Workings;
use super::{World, catalogue, sites};
use minesegsat_core::Result;
use minesegsat_core::noise::Dice;
use rayon::prelude::*;

/// Days between steps at which the mines are drawn.
const STEP_DAYS: i32 = 30;

/// Conditions of a date.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Conditions {
    /// Day of the scene and of its truth.
    pub date: Date,
    /// The same as days since 1970-01-01, as in `onset.tif`.
    pub day: i32,
    /// Shift of the picture in 10 m pixels, eastwards and southwards: the ground at `(x, y)` is seen at `(x + east, y + south)`.
    pub shift_px: [f32; 2],
    /// Processing baseline.
    pub processing_baseline: &'static str,
    /// Offset of the digital numbers.
    pub offset_dn: u16,
    /// Elevation of the sun in degrees.
    pub sun_elevation: f32,
    /// Mean reflectance of the haze at 0.49 um.
    pub haze: f32,
    /// Brightness factor of each band: errors of the atmospheric correction.
    pub gains: [f32; 12],
}

/// What happens to a mine.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct SiteHistory {
    /// Number of the mine.
    pub mine_id: u16,
    /// Kind of change from 2016 to 2035.
    pub fate: Fate,
    /// Day on which work at a new mine begins.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub opens: Option<Date>,
    /// First day and day after the last of each time in which the mine grows.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub grows: Vec<[Date; 2]>,
    /// Day on which its dumps begin to be reclaimed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reclaims: Option<Date>,
    /// Days on which satellite pits open.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub satellites: Vec<Date>,
}

/// The dates of a simulation with several dates a year.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct SeriesSummary {
    /// Summaries of the scenes, sorted by date.
    pub dates: Vec<SceneSummary>,
    /// First day of the history. Land that a mine disturbed before has this day in `onset.tif`.
    pub history_begins: Date,
    /// Largest length of a shift in 10 m pixels.
    pub max_shift_px: f64,
    /// Pixels that were disturbed, regrew, and were disturbed again: they have their first onset and no day of regrowth.
    pub disturbed_again_pixels: u64,
    /// History of each mine.
    pub sites: Vec<SiteHistory>,
}

impl SiteHistory {
    fn new(site: &Site) -> Option<Self> {
        let history = site.history.as_ref()?;
        let mut satellites: Vec<Date> = history.satellites.iter().map(|s| date_of(s.opens)).collect();
        satellites.sort();
        Some(Self {
            mine_id: site.id,
            fate: history.fate,
            opens: history.opens.map(date_of),
            grows: history.campaigns.iter().map(|c| [c.days.0, c.days.1].map(date_of)).collect(),
            reclaims: history.reclaims.map(|(day, _)| date_of(day)),
            satellites,
        })
    }
}

/// The mines of a world, drawn day after day. A mine that has not changed is not drawn again.
struct Mines<'a> {
    world: &'a World,
    sites: Vec<DrawnSite<'a>>,
}

/// A mine as it was drawn last.
struct DrawnSite<'a> {
    site: &'a Site,
    canvas: Option<Canvas<'a>>,
    drawn: Option<(Stage, Drawn)>,
}

impl<'a> DrawnSite<'a> {
    fn advance(&mut self, world: &'a World, day: i32) {
        let site = self.site;
        let stage = Stage::on_day(site, day);
        if stage.as_ref() == self.drawn.as_ref().map(|drawn| &drawn.0) {
            return;
        }
        self.drawn = stage.zip(Stage::on_day(site, ENDS)).map(|(stage, last)| {
            let canvas = self.canvas.get_or_insert_with(|| Canvas::new(site, &world.terrain, &last, true));
            let drawn = shapes::draw(canvas, &stage);
            if stage == last {
                // The mine does not change any more.
                self.canvas = None;
            }
            (stage, drawn)
        });
    }
}

impl<'a> Mines<'a> {
    fn new(world: &'a World) -> Self {
        let sites = world.sites.iter().map(|site| DrawnSite { site, canvas: None, drawn: None }).collect();
        Self { world, sites }
    }

    /// The mines of a day: their outlines, and the layer from which they are rendered.
    fn on_day(&mut self, day: i32) -> (Vec<(&'a Site, &Drawn)>, MineLayer) {
        let world = self.world;
        self.sites.par_iter_mut().for_each(|site| site.advance(world, day));
        let mut layer = MineLayer::new(world.terrain.size);
        let mut kept = Vec::new();
        for (index, DrawnSite { site, drawn, .. }) in self.sites.iter().enumerate() {
            if let Some((_, drawn)) = drawn {
                layer.lay(&world.terrain, site, index as u8, drawn);
                kept.push((*site, drawn));
            }
        }
        (kept, layer)
    }
}

/// Days of change of every pixel, from the drawn steps.
pub(super) struct Timeline {
    day: i32,
    /// Distance inside the nearest part at the last step.
    inset: Vec<f32>,
    is_mine: Vec<bool>,
    /// Day of onset as days since 1970-01-01; 0 never.
    pub(super) onset: Vec<u16>,
    /// Day from which a pixel is no longer disturbed; 0 never.
    pub(super) regrown: Vec<u16>,
    /// Number of the mine that disturbed a pixel last; 0 none.
    pub(super) owner: Vec<u16>,
    disturbed_again: u64,
}

impl Timeline {
    fn new(pixels: usize) -> Self {
        Self {
            day: BEGINS,
            inset: vec![0.0; pixels],
            is_mine: vec![false; pixels],
            onset: vec![0; pixels],
            regrown: vec![0; pixels],
            owner: vec![0; pixels],
            disturbed_again: 0,
        }
    }

    /// Adds a later step. The first step is the beginning of the history.
    fn advance(&mut self, day: i32, truth: &Truth, layer: &MineLayer) {
        let gap = day - self.day;
        for i in 0..self.is_mine.len() {
            let is_mine = truth.raster[i] != 0;
            if is_mine != self.is_mine[i] {
                let (before, now) = (self.inset[i].abs(), layer.inset[i].abs());
                let days = (before / (before + now).max(1e-3) * gap as f32).ceil() as i32;
                let change = (self.day + days.clamp(gap.min(1), gap)) as u16;
                if !is_mine {
                    self.regrown[i] = change;
                } else if self.onset[i] == 0 {
                    self.onset[i] = change;
                } else {
                    self.regrown[i] = 0;
                    self.disturbed_again += 1;
                }
                self.is_mine[i] = is_mine;
            }
            if is_mine {
                self.owner[i] = truth.mines[i];
            }
        }
        self.inset.copy_from_slice(&layer.inset);
        self.day = day;
    }
}

/// Steps between the beginning of the history and the last date: one per year before the first date, and then no more than
/// [`STEP_DAYS`] apart.
fn steps(dates: &[i32]) -> BTreeSet<i32> {
    let mut steps: BTreeSet<i32> = dates.iter().copied().chain([BEGINS]).collect();
    let Some(&first) = dates.first() else { return steps };
    steps.extend((BEGINS..first).step_by(365));
    steps.extend([first - 60, first - STEP_DAYS].into_iter().filter(|day| *day > BEGINS));
    for pair in dates.windows(2) {
        let parts = (pair[1] - pair[0] + STEP_DAYS - 1) / STEP_DAYS;
        steps.extend((1..parts).map(|k| pair[0] + (pair[1] - pair[0]) * k / parts));
    }
    steps
}

/// Cloud cover in percent of a date, and the shift of its picture.
fn cover_and_shift(seed: u64, moment: &Moment, mean_percent: f64, max_shift_px: f64) -> (f64, (f32, f32)) {
    let mut dice = Dice::new(seed, &format!("view {}", moment.name));
    let cover = cover_share(&mut dice, mean_percent / 100.0) * 100.0;
    // A normal distribution in both directions that ends at the bound.
    let bound = max_shift_px as f32;
    let shift = (0..100)
        .map(|_| (0.5 * bound * dice.normal(), 0.5 * bound * dice.normal()))
        .find(|(east, south)| east.hypot(*south) <= bound)
        .unwrap_or_default();
    (cover, shift)
}

/// A random share with this mean: often near 0 or 1, as cloud cover is. A beta distribution (Johnk 1964: two powers of uniform
/// numbers, drawn until their sum is at most 1).
fn cover_share(dice: &mut Dice, mean: f64) -> f64 {
    const CONCENTRATION: f64 = 1.2;
    if mean <= 0.0 || mean >= 1.0 {
        return mean.clamp(0.0, 1.0);
    }
    for _ in 0..1000 {
        let mut power = |mean: f64| f64::from(1.0 - dice.unit()).powf(1.0 / (CONCENTRATION * mean));
        let (x, y) = (power(mean), power(1.0 - mean));
        if x + y <= 1.0 && x + y > 0.0 {
            return x / (x + y);
        }
    }
    mean
}

/// Writes the scenes of all dates, their truth, and the truth over time.
pub(super) fn simulate_dates(
    writer: &SceneWriter<'_>,
    (years, per_year): (&[i16], usize),
    metadata: &serde_json::Value,
    mut report: impl FnMut(f64, &str) -> Result<()>,
) -> Result<SeriesSummary> {
    let SceneWriter { tree, options, world, place, grid } = *writer;
    let seed = options.world_seed();
    let dates: Vec<Date> = years.iter().flat_map(|&year| dates_of_year(seed, place, year, per_year)).collect();
    let days: Vec<i32> = dates.iter().map(|&date| day_number(date)).collect();
    let frozen = options.mines_of.map(|year| day_number(Date::constant(year, 7, 1)));

    let mut mines = Mines::new(world);
    let mut timeline = Timeline::new(grid.width * grid.height);
    let mut summaries: Vec<SceneSummary> = Vec::new();
    for day in steps(&days) {
        let scene = days.binary_search(&day).ok();
        let share = |part: f64| (summaries.len() as f64 + part) / dates.len() as f64;
        if frozen.is_some() && scene.is_none() && day != BEGINS {
            continue;
        }
        report(share(0.0), "drawing mines")?;
        let (drawn, layer) = mines.on_day(frozen.unwrap_or(day));
        let mut truth = Truth::new(grid, &drawn);
        timeline.advance(day, &truth, &layer);
        let Some(index) = scene else { continue };
        truth.measure(grid)?;

        let (date, moment) = (dates[index], Moment::on(dates[index]));
        let season = Season::on(seed, options.region, place, date);
        let (cloud_cover_percent, shift_px) =
            cover_and_shift(seed, &moment, options.cloud_cover_percent, options.max_shift_px);
        let id = catalogue::item_id(options.region, options.seed, &season);
        let view = View { id: &id, moment: &moment, season: &season, cloud_cover_percent, shift_px };
        let workings = world.sites.iter().map(|site| Workings::new(site, moment.leach)).collect();
        let stage = format!("drawing {date}");
        let cloud =
            writer.write(&view, &layer, workings, |row| report(share(row as f64 / options.size as f64), &stage))?;
        let in_truth = |name: &str| tree.path(&format!("truth/{date}{name}"));
        let when = (moment.year, &*moment.name);
        truth.write_polygons(&in_truth(".gpkg")?, grid, when, season.datetime(), metadata)?;
        truth.write_rasters(&in_truth("_parts.tif")?, &in_truth("_mask.tif")?, grid)?;
        let conditions = Conditions {
            date,
            day,
            shift_px: [shift_px.0, shift_px.1],
            processing_baseline: season.processing_baseline(),
            offset_dn: season.offset_dn(),
            sun_elevation: season.sun_elevation,
            haze: season.haze,
            gains: season.gains,
        };
        summaries.push(truth::summary(&truth, grid, id, &season, cloud, Some(conditions)));
    }
    sites::write(tree, grid, world, &timeline, &summaries, metadata)?;
    Ok(SeriesSummary {
        dates: summaries,
        history_begins: date_of(BEGINS),
        max_shift_px: options.max_shift_px,
        disturbed_again_pixels: timeline.disturbed_again,
        sites: world.sites.iter().filter_map(SiteHistory::new).collect(),
    })
}
