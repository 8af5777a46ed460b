//! Change at a site between two dates.

use serde::Serialize;

use super::{ChangeMap, DatedMap, shift};
use crate::hectares::{Hectares, SiteOnMap};
use crate::site::{SiteArea, SiteExtent, SitePixels, percent_text, whole_percent};
use minesegsat_core::Grouped;
use minesegsat_core::area::GeodesicMeter;
use minesegsat_core::noise_floor::NoiseFloor;
use minesegsat_core::pixel_class::Change;
use minesegsat_core::uncertainty::Area;
use minesegsat_core::{Grid, Result, Window};

/// Change at a site between two dates. Areas are in hectares on the ellipsoid.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct SiteChange {
    /// Id of the site; `all` for the whole map.
    pub id: String,
    /// Name for people.
    pub name: String,
    /// Area of the whole outline, on the map and beyond it.
    pub site_ha: f64,
    /// Share of it that was assessed on both dates, 0 to 1. Land beyond the map was not assessed.
    pub share_assessed: f64,
    /// Area of the part of the outline that lies beyond the map.
    pub beyond_map_ha: f64,
    /// The earlier date, on its own map. Without areas if no pixel was assessed, or if too little of a site beyond the map was.
    pub before: Hectares,
    /// The later date.
    pub after: Hectares,
    /// Disturbed on both dates.
    pub stable_ha: f64,
    /// Seen as newly disturbed, also below the noise floor.
    pub gain_ha: f64,
    /// Seen as no longer disturbed, also below the noise floor.
    pub loss_ha: f64,
    /// Noise floor for stable sites of this size.
    pub floor_ha: f64,
    /// Gain with its interval: the noise floor and the error of change to each side. `None` below the noise floor.
    pub gain: Option<Area>,
    /// Loss with its interval.
    pub loss: Option<Area>,
    /// The result in one sentence.
    pub statement: String,
}

/// Rules for the evaluation of sites.
#[derive(Debug, Clone, Copy)]
pub(crate) struct SiteRules {
    pub(crate) floor: NoiseFloor,
    pub(crate) level_percent: f64,
    /// Minimum assessed share. Sites below it are not assessable.
    pub(crate) min_assessed: f64,
}

impl SiteChange {
    pub(crate) fn evaluate(
        (id, name): (&str, &str),
        site: Option<&SiteArea>,
        pixels: &SitePixels,
        map: &ChangeMap,
        dates: [&DatedMap; 2],
        meter: &GeodesicMeter,
        rules: &SiteRules,
    ) -> Result<Self> {
        let width = map.grid.width;
        let extent = match site {
            Some(site) => SiteExtent::measure(site, pixels, &map.grid)?,
            None => SiteExtent::of_grid(pixels, pixels.pixel_area_m2(&map.grid, meter)?),
        };
        let (pixel_area_m2, beyond) = (extent.pixel_m2, extent.beyond_pixels());
        let mut counts = [0_u64; 4];
        let (mut inside, mut hidden) = (0_u64, 0_u64);
        for (i, _) in pixels.indices(width).zip(&pixels.inside).filter(|(_, inside)| **inside) {
            inside += 1;
            match map.classes[i] {
                class if class == Change::NotAssessable as u8 => hidden += 1,
                class => counts[usize::from(class)] += 1,
            }
        }
        let ha = |pixels: u64| pixels as f64 * pixel_area_m2 / 1e4;
        let [_, stable_ha, gain_ha, loss_ha] = counts.map(ha);
        let share_assessed = extent.share((inside - hidden) as usize);
        let is_assessable = share_assessed >= rules.min_assessed && inside > hidden;
        // A few pixels at the edge of a map say little about a site that lies mostly beyond it.
        let is_measured = is_assessable || beyond == 0;
        let on_date = |date: usize| -> Result<Hectares> {
            let (this, other) = (dates[date], dates[1 - date]);
            let found = match site {
                Some(site) => SiteOnMap::new(site, this)?,
                None => whole(this, &map.grid, pixel_area_m2),
            };
            let found = found.map(|site| site.hectares(Some(other), rules.level_percent)).unwrap_or_default();
            Ok(if is_measured { found } else { found.without_areas() })
        };
        let (on_first, on_second) = (on_date(0)?, on_date(1)?);
        let floor_ha = rules.floor.ha(stable_ha + gain_ha.max(loss_ha));
        let reported = |ha: f64| {
            let half = rules.floor.half_width_ha(stable_ha + gain_ha.max(loss_ha), ha);
            let area = Area { ha, lower_ha: (ha - half).max(0.0), upper_ha: ha + half };
            (is_assessable && ha > floor_ha).then_some(area)
        };
        let (gain, loss) = (reported(gain_ha), reported(loss_ha));
        let said = |area: Area| {
            format!("{:.1} ha ({:.1} to {:.1})", Grouped(area.ha), Grouped(area.lower_ha), Grouped(area.upper_ha))
        };
        let (gained, lost, floor) = (Grouped(gain_ha), Grouped(loss_ha), Grouped(floor_ha));
        let is_none = |date: Hectares| date.disturbed.is_some_and(|area| area.lower_ha == 0.0);
        // What was seen is said, also if it may be noise.
        let seen = match (gain_ha > 0.0, loss_ha > 0.0) {
            (true, true) => format!("{gained:.1} ha of gain and {lost:.1} ha of loss seen, "),
            (true, false) => format!("{gained:.1} ha of gain seen, "),
            (false, true) => format!("{lost:.1} ha of loss seen, "),
            (false, false) => String::new(),
        };
        let statement = match (is_assessable, gain, loss) {
            (false, ..) => {
                format!("not assessable: only {:.0} % of it was assessed on both dates", whole_percent(share_assessed))
            }
            // Nothing stayed disturbed, and a mine is not certain on either date.
            (true, None, None) if stable_ha == 0.0 && is_none(on_first) && is_none(on_second) => {
                "no mine, no change".to_owned()
            }
            (true, None, None) if seen.is_empty() => format!("no change above the noise floor of {floor:.1} ha"),
            (true, None, None) => format!("no change above the noise floor: {seen}below the floor of {floor:.1} ha"),
            (true, Some(gain), None) => format!("{} newly disturbed", said(gain)),
            (true, None, Some(loss)) => format!("{} no longer disturbed", said(loss)),
            (true, Some(gain), Some(loss)) => {
                format!("{} newly disturbed, {} no longer disturbed", said(gain), said(loss))
            }
        };
        let beyond = extent.share_beyond();
        let statement = if beyond > 0.0 {
            format!("{statement}; {} of it lies beyond the map", percent_text(beyond))
        } else {
            statement
        };
        Ok(Self {
            id: id.to_owned(),
            name: name.to_owned(),
            site_ha: extent.site_m2 / 1e4,
            share_assessed,
            beyond_map_ha: extent.beyond_m2 / 1e4,
            before: on_first,
            after: on_second,
            stable_ha,
            gain_ha,
            loss_ha,
            floor_ha,
            gain,
            loss,
            statement,
        })
    }
}

/// The part of a map that lies on a grid with the same pixels.
fn whole<'a>(map: &'a DatedMap, grid: &Grid, pixel_m2: f64) -> Option<SiteOnMap<'a>> {
    let (col, row) = shift(&map.grid, grid)?;
    let window = Window::new(col.try_into().ok()?, row.try_into().ok()?, grid.width, grid.height);
    Some(SiteOnMap::window(map, window, pixel_m2))
}
