//! Maps of many dates on one grid: [`Series`].

use std::path::Path;

use jiff::civil::Date;

use crate::change::align::interpolate;
use crate::dated::{DatedMap, MapRasters, shift};
use minesegsat_core::{Error, GeoTransform, Grid, Result, Transformer, Window};

/// Longest side of the grid of a series, in pixels: four MGRS tiles.
const LONGEST_SIDE: f64 = 4.0 * 10_980.0;
/// Longest time between two dates that is not mentioned, in days.
const LONG_GAP_DAYS: i32 = 550;
/// Slack for corners of pixels, in pixels.
const SLACK: f64 = 0.01;

/// The map of a date whose pixels are read window by window.
#[derive(Debug, Clone)]
pub struct SeriesMap {
    /// Everything but the pixels: `probability` is empty if they are read from the file.
    pub record: DatedMap,
    rasters: Option<MapRasters>,
}

impl From<DatedMap> for SeriesMap {
    /// A map whose pixels are in memory.
    fn from(record: DatedMap) -> Self {
        Self { record, rasters: None }
    }
}

impl SeriesMap {
    /// Opens an output folder of `predict`.
    pub fn open(folder: &Path) -> Result<Self> {
        let (record, rasters) = DatedMap::describe(folder)?;
        Ok(Self { record, rasters: Some(rasters) })
    }

    /// Probabilities of a window of the map, `[H, W]`, NaN where not assessable.
    pub fn read(&self, window: Window) -> Result<Vec<f32>> {
        match &self.rasters {
            Some(rasters) => rasters.probability(window),
            None => Ok(cut(&self.record.probability, self.record.grid.width, window)),
        }
    }

    /// The map of a window, with its pixels in memory.
    pub fn crop(&self, window: Window) -> Result<DatedMap> {
        let mapped = match &self.rasters {
            Some(rasters) => rasters.mapped(window)?,
            None => cut(&self.record.mapped, self.record.grid.width, window),
        };
        let (probability, grid) = (self.read(window)?, self.record.grid.window(&window));
        Ok(DatedMap { grid, probability, mapped, ..self.record.clone() })
    }

    /// Probabilities on the pixels of another grid, `[H, W]`: those of the same pixels, else interpolated. NaN beyond the map.
    pub fn read_on(&self, grid: &Grid) -> Result<Vec<f32>> {
        let own = &self.record.grid;
        let mut out = vec![f32::NAN; grid.width * grid.height];
        let Some((col, row)) = shift(own, grid) else {
            let to_own = Transformer::new(&grid.crs, &own.crs)?;
            let Some(window) = to_own.transform_bounds(grid.bounds()).ok().and_then(|b| own.window_of_bounds(b)) else {
                return Ok(out);
            };
            // The neighbours that interpolation takes.
            let window = grown(window, 2, own);
            return Ok(interpolate(grid, &own.window(&window), &self.read(window)?, &to_own));
        };
        let span = |offset: i64, wanted: usize, full: usize| {
            let (from, to) = (offset.max(0), (offset + wanted as i64).min(full as i64));
            (from < to).then(|| (from as usize, (to - from) as usize, (from - offset) as usize))
        };
        let found = span(col, grid.width, own.width).zip(span(row, grid.height, own.height));
        let Some(((own_col, width, col), (own_row, height, row))) = found else { return Ok(out) };
        let values = self.read(Window::new(own_col, own_row, width, height))?;
        for (line, values) in values.chunks_exact(width).enumerate() {
            out[(row + line) * grid.width + col..][..width].copy_from_slice(values);
        }
        Ok(out)
    }
}

/// The part of a map in a window, `[H, W]`.
fn cut<T: Copy>(map: &[T], width: usize, window: Window) -> Vec<T> {
    (window.row..window.row_end()).flat_map(|row| &map[row * width + window.col..][..window.width]).copied().collect()
}

/// Extends a window by `by` pixels on each side, clipped to the grid.
fn grown(window: Window, by: usize, grid: &Grid) -> Window {
    let (col, row) = (window.col.saturating_sub(by), window.row.saturating_sub(by));
    let (col_end, row_end) = ((window.col_end() + by).min(grid.width), (window.row_end() + by).min(grid.height));
    Window::new(col, row, col_end - col, row_end - row)
}

/// Maps of many dates, in the order of time, on one grid.
#[derive(Debug, Clone)]
pub struct Series {
    /// The maps, by date and name.
    maps: Vec<SeriesMap>,
    /// For each date, the range of its maps.
    ranges: Vec<std::ops::Range<usize>>,
    /// The dates, increasing.
    pub dates: Vec<Date>,
    /// Probability threshold of each date.
    pub thresholds: Vec<f32>,
    /// The pixels of the earliest map, continued over the land of all maps.
    pub grid: Grid,
    /// Warnings for the reader.
    pub warnings: Vec<String>,
}

impl Series {
    /// Sorts and checks maps of one place. Maps of one day become one date: where two of them show a pixel, it has the mean of
    /// their probabilities.
    ///
    /// # Errors
    /// - fewer than two dates, a map without a date, or one scene twice
    /// - scenes of several processing levels, or offsets that differ and are in doubt
    /// - maps that do not overlap the earliest one
    pub fn new(mut maps: Vec<SeriesMap>) -> Result<Self> {
        let refuse = |value: String, accepted: String| Err(Error::Argument { name: "dates", value, accepted });
        if let Some(map) = maps.iter().find(|map| map.record.date.is_none()) {
            return refuse(map.record.name.clone(), "scenes with an acquisition date".to_owned());
        }
        maps.sort_by(|a, b| (a.record.date, &a.record.name).cmp(&(b.record.date, &b.record.name)));
        let mut warnings = Vec::new();
        for pair in maps.windows(2) {
            let (before, after) = (&pair[0].record, &pair[1].record);
            if before.date == after.date && before.name == after.name && before.model_sha256 == after.model_sha256 {
                return refuse(before.name.clone(), "each scene once; two of the maps are of this one".to_owned());
            }
        }
        let mut ranges: Vec<std::ops::Range<usize>> = Vec::new();
        let mut dates: Vec<Date> = Vec::new();
        for (i, map) in maps.iter().enumerate() {
            let Some(date) = map.record.date else { continue };
            match ranges.last_mut() {
                Some(range) if dates.last() == Some(&date) => range.end = i + 1,
                _ => {
                    ranges.push(i..i + 1);
                    dates.push(date);
                }
            }
        }
        if dates.len() < 2 {
            let all: Vec<String> = dates.iter().map(ToString::to_string).collect();
            return refuse(all.join(", "), "maps of at least two dates".to_owned());
        }
        for map in &maps[1..] {
            maps[0].record.check_comparable(&map.record)?;
        }
        warnings.extend(maps.iter().filter_map(|map| map.record.cloud_warning()));
        let mut models: Vec<&str> = maps.iter().map(|map| map.record.model_sha256.as_str()).collect();
        models.sort_unstable();
        models.dedup();
        if models.len() > 1 {
            warnings.push(
                "the maps come from several models: changes over time may be differences between models".to_owned(),
            );
        }
        for pair in dates.windows(2) {
            let days = days_between(pair[0], pair[1]);
            if days > LONG_GAP_DAYS {
                warnings.push(format!(
                    "there is no date between {} and {} ({:.1} years): what changed in between has no closer date",
                    pair[0],
                    pair[1],
                    f64::from(days) / 365.25
                ));
            }
        }
        let grid = common_grid(&maps, &mut warnings)?;
        let thresholds = ranges.iter().map(|range| maps[range.start].record.threshold).collect();
        Ok(Self { maps, ranges, dates, thresholds, grid, warnings })
    }

    /// The maps, by date and name.
    pub fn maps(&self) -> &[SeriesMap] {
        &self.maps
    }

    /// The first map of a date.
    pub fn first_map(&self, date: usize) -> &DatedMap {
        &self.maps[self.ranges[date].start].record
    }

    /// Days of the dates since 1970-01-01.
    pub fn days(&self) -> Vec<i32> {
        self.dates.iter().map(|&date| days_between(super::EPOCH, date)).collect()
    }

    /// Probabilities of a window of the common grid on a date, `[H, W]`.
    pub fn read(&self, date: usize, window: &Window) -> Result<Vec<f32>> {
        let grid = self.grid.window(window);
        let maps = &self.maps[self.ranges[date].clone()];
        let mut sum = maps[0].read_on(&grid)?;
        if maps.len() == 1 {
            return Ok(sum);
        }
        let mut counts: Vec<f32> = sum.iter().map(|p| f32::from(u8::from(!p.is_nan()))).collect();
        for map in &maps[1..] {
            for ((sum, count), p) in sum.iter_mut().zip(&mut counts).zip(map.read_on(&grid)?) {
                if !p.is_nan() {
                    *sum = if *count == 0.0 { p } else { *sum + p };
                    *count += 1.0;
                }
            }
        }
        Ok(sum.into_iter().zip(counts).map(|(sum, count)| sum / count.max(1.0)).collect())
    }
}

/// Days from one date to another.
fn days_between(from: Date, to: Date) -> i32 {
    (to - from).get_days()
}

/// The pixels of the first map, continued over the land of all maps.
fn common_grid(maps: &[SeriesMap], warnings: &mut Vec<String>) -> Result<Grid> {
    let first = &maps[0].record;
    let mut reach = [0.0, 0.0, first.grid.width as f64, first.grid.height as f64];
    for SeriesMap { record: map, .. } in &maps[1..] {
        let apart = || Error::Argument {
            name: "maps",
            value: format!("{} and {}", first.name, map.name),
            accepted: format!(
                "maps of one place; these do not overlap: the first covers {}, the second {} (west,south,east,north)",
                first.bounds_text(),
                map.bounds_text()
            ),
        };
        let bounds = Transformer::new(&map.grid.crs, &first.grid.crs)
            .and_then(|to_first| to_first.transform_bounds(map.grid.bounds()))
            .map_err(|_| apart())?;
        first.grid.window_of_bounds(bounds).ok_or_else(apart)?;
        let (col, row) = first.grid.transform.to_pixel(bounds[0], bounds[3]);
        let (col_end, row_end) = first.grid.transform.to_pixel(bounds[2], bounds[1]);
        reach = [
            f64::min(reach[0], (col + SLACK).floor()),
            f64::min(reach[1], (row + SLACK).floor()),
            f64::max(reach[2], (col_end - SLACK).ceil()),
            f64::max(reach[3], (row_end - SLACK).ceil()),
        ];
        if shift(&first.grid, &map.grid).is_none() {
            let how = if first.grid.crs == map.grid.crs {
                format!("lies on other pixels of {}", map.grid.crs)
            } else {
                format!("is in {} and {} in {}", map.grid.crs, first.name, first.grid.crs)
            };
            warnings.push(format!(
                "{} {how}: its probabilities are interpolated to the pixels of {}",
                map.name, first.name
            ));
        }
    }
    let (width, height) = (reach[2] - reach[0], reach[3] - reach[1]);
    if !(width <= LONGEST_SIDE && height <= LONGEST_SIDE) {
        return Err(Error::Argument {
            name: "maps",
            value: format!("{width} x {height} pixels together"),
            accepted: format!("maps of one place, at most {LONGEST_SIDE} pixels wide and high together"),
        });
    }
    let (origin_x, origin_y) = first.grid.transform.to_map(reach[0], reach[1]);
    Ok(Grid {
        crs: first.grid.crs.clone(),
        transform: GeoTransform { origin_x, origin_y, ..first.grid.transform },
        width: width as usize,
        height: height as usize,
    })
}
