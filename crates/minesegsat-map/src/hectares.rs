//! Hectares of a place on one date: [`Hectares`] and [`MappedParts`].
//!
//! All commands and pages take the hectares of a date from here. `docs/hectares.md` defines each in a sentence and a formula.
//!
//! ```text
//! site_ha  =  seen + hidden by cloud or without data + beyond_map_ha
//! disturbed  =  estimated in the seen part + assumed_ha in the rest
//! mapped_ha  =  inside the permit + outside the permit            (whole pixels of mask.tif)
//! ```

use serde::{Deserialize, Serialize};

use crate::dated::{DatedMap, shift};
use crate::site::{SiteArea, SiteExtent, SitePixels};
use minesegsat_core::uncertainty::{Area, MomentRows};
use minesegsat_core::{Grid, Result, Window};

/// Hectares of a place on one date, on the ellipsoid.
#[derive(Debug, Clone, Copy, PartialEq, Default, Serialize, Deserialize)]
pub struct Hectares {
    /// The whole outline, on the map and beyond it.
    pub site_ha: f64,
    /// The part that was seen.
    pub seen_ha: f64,
    /// The part beyond the map.
    pub beyond_map_ha: f64,
    /// Mapped: pixels of `mask.tif` whose centre lies inside the outline. `None` if nothing was seen.
    pub mapped_ha: Option<f64>,
    /// Estimated in the seen part: the sum of the probabilities, with its interval. `None` if nothing was seen.
    pub estimated: Option<Area>,
    /// Assumed in the part that was not seen: each pixel has the value of another date, else the mean of the seen part.
    pub assumed_ha: Option<f64>,
    /// Estimated and assumed land together, with the interval of both. This is the area that verdicts use.
    pub disturbed: Option<Area>,
}

impl Hectares {
    /// Share of the outline that was seen, 0 to 1.
    pub fn share_seen(&self) -> f64 {
        if self.site_ha > 0.0 { self.seen_ha / self.site_ha } else { 0.0 }
    }

    /// The same place without areas of disturbed land, because too little of it was seen.
    #[must_use]
    pub fn without_areas(self) -> Self {
        Self { mapped_ha: None, estimated: None, assumed_ha: None, disturbed: None, ..self }
    }
}

/// Mapped land of a site and around it, by where it lies, in hectares. Pixels are counted, so there are no intervals.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct MappedParts {
    /// Inside the site and the permitted area. `None` without a permit.
    pub inside_permit_ha: Option<f64>,
    /// Inside the site, outside the permitted area. `None` without a permit.
    pub outside_permit_ha: Option<f64>,
    /// Outside the site and the permitted area, in one piece with mapped land inside the site.
    pub outside_site_ha: f64,
}

/// Where land may be disturbed.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Permitted<'a> {
    /// There is no permit.
    Nowhere,
    /// The permit names no area: it holds for the whole site.
    Site,
    /// Inside an outline.
    Inside(&'a SiteArea),
}

/// A site on the map of one date.
#[derive(Debug, Clone)]
pub struct SiteOnMap<'a> {
    map: &'a DatedMap,
    /// Pixels of the site.
    pub pixels: SitePixels,
    /// The part of the site on the map and beyond it.
    pub extent: SiteExtent,
}

impl<'a> SiteOnMap<'a> {
    /// Finds a site on a map. `None` if it does not overlap the map.
    pub fn new(site: &SiteArea, map: &'a DatedMap) -> Result<Option<Self>> {
        let Some(pixels) = SitePixels::rasterize(site, &map.grid)? else { return Ok(None) };
        let extent = SiteExtent::measure(site, &pixels, &map.grid)?;
        Ok(Some(Self { map, pixels, extent }))
    }

    /// All pixels of a window of a map.
    pub(crate) fn window(map: &'a DatedMap, window: Window, pixel_m2: f64) -> Self {
        let pixels = SitePixels { window, inside: vec![true; window.len()] };
        let extent = SiteExtent::of_grid(&pixels, pixel_m2);
        Self { map, pixels, extent }
    }

    /// Hectares of the site. Land that was not seen takes the probability of `elsewhere`, the map of another date, if that has the
    /// same pixels and shows the land; else the mean of the seen pixels.
    pub fn hectares(&self, elsewhere: Option<&DatedMap>, level_percent: f64) -> Hectares {
        let (window, extent) = (self.pixels.window, &self.extent);
        let (pixel_m2, beyond) = (extent.pixel_m2, extent.beyond_pixels());
        let (mut seen, mut sum, mut mapped) = (0_usize, 0.0, 0_u64);
        self.rows().for_each(|(inside, at)| {
            for (_, i) in inside.iter().zip(at).filter(|(inside, _)| **inside) {
                let p = self.map.probability[i];
                if !p.is_nan() {
                    seen += 1;
                    sum += f64::from(p);
                }
                mapped += u64::from(self.map.mapped[i]);
            }
        });
        let found = Hectares {
            site_ha: extent.site_m2 / 1e4,
            seen_ha: extent.share(seen) * extent.site_m2 / 1e4,
            beyond_map_ha: extent.beyond_m2 / 1e4,
            ..Hectares::default()
        };
        if seen == 0 {
            return found;
        }
        let mean = (sum / seen as f64) as f32;
        let elsewhere = elsewhere.and_then(|other| Some((other, shift(&self.map.grid, &other.grid)?)));
        let model = &self.map.area_error;
        let mut moments = MomentRows::new(model, window.width, pixel_m2.sqrt(), pixel_m2);
        let (mut shown, mut hidden) = (Vec::new(), Vec::new());
        let mut unseen = 0;
        for (row, (inside, at)) in self.rows().enumerate() {
            shown.clear();
            hidden.clear();
            for (col, (&inside, i)) in inside.iter().zip(at).enumerate() {
                let p = if inside { self.map.probability[i] } else { f32::NAN };
                shown.push(p);
                hidden.push(if inside && p.is_nan() {
                    unseen += 1;
                    let other = elsewhere
                        .map_or(f32::NAN, |(map, shift)| value_at(map, shift, window.col + col, window.row + row));
                    if other.is_nan() { mean } else { other }
                } else {
                    f32::NAN
                });
            }
            moments.push_seen(&shown);
            moments.push_hidden(&hidden);
        }
        let seen_moments = moments.seen();
        let mut all = moments.all();
        all.add_beyond(std::iter::repeat_n(mean, beyond), pixel_m2);
        let largest_m2 = |pixels: usize| pixels as f64 * pixel_m2;
        let estimated = model.area(&seen_moments, level_percent, largest_m2(seen));
        let disturbed = model.area(&all, level_percent, largest_m2(seen + unseen + beyond));
        Hectares {
            mapped_ha: Some(mapped as f64 * pixel_m2 / 1e4),
            estimated: Some(estimated),
            assumed_ha: Some(disturbed.ha - estimated.ha),
            disturbed: Some(disturbed),
            ..found
        }
    }

    /// Rows of the site's window: whether each pixel lies inside, and its place in the map.
    fn rows(&self) -> impl Iterator<Item = (&[bool], std::ops::Range<usize>)> {
        let (window, width) = (self.pixels.window, self.map.grid.width);
        self.pixels.inside.chunks_exact(window.width).zip(window.row..).map(move |(inside, row)| {
            let first = row * width + window.col;
            (inside, first..first + window.width)
        })
    }

    /// Mapped land of the site, and what lies in one piece with it outside the site.
    pub fn mapped_parts(&self, permitted: Permitted<'_>) -> Result<MappedParts> {
        let (grid, width) = (&self.map.grid, self.map.grid.width);
        let mut inside = vec![false; self.map.mapped.len()];
        for (is_inside, at) in self.rows() {
            inside[at].copy_from_slice(is_inside);
        }
        let may_be = match permitted {
            Permitted::Inside(outline) => SitePixels::rasterize(outline, grid)?.map_or_else(
                || vec![false; inside.len()],
                |pixels| {
                    let mut may_be = vec![false; inside.len()];
                    for (i, &is) in pixels.indices(width).zip(&pixels.inside) {
                        may_be[i] = is;
                    }
                    may_be
                },
            ),
            Permitted::Site => inside.clone(),
            Permitted::Nowhere => vec![false; inside.len()],
        };
        let mut waiting = self.map.mapped.clone();
        let mut stack = Vec::new();
        let [mut permitted_px, mut unpermitted_px, mut beyond_px] = [0_u64; 3];
        for start in (0..inside.len()).filter(|&i| inside[i]) {
            if std::mem::take(&mut waiting[start]) {
                stack.push(start);
            }
            while let Some(i) = stack.pop() {
                match (inside[i], may_be[i]) {
                    (true, true) => permitted_px += 1,
                    (true, false) => unpermitted_px += 1,
                    (false, true) => {}
                    (false, false) => beyond_px += 1,
                }
                for j in neighbours(i, grid) {
                    if std::mem::take(&mut waiting[j]) {
                        stack.push(j);
                    }
                }
            }
        }
        let ha = |pixels: u64| pixels as f64 * self.extent.pixel_m2 / 1e4;
        let has_permit = permitted != Permitted::Nowhere;
        Ok(MappedParts {
            inside_permit_ha: has_permit.then(|| ha(permitted_px)),
            outside_permit_ha: has_permit.then(|| ha(unpermitted_px)),
            outside_site_ha: ha(beyond_px),
        })
    }
}

/// Value of another map at a pixel, if it has it.
fn value_at(map: &DatedMap, (right, down): (i64, i64), col: usize, row: usize) -> f32 {
    let (col, row) = (col as i64 - right, row as i64 - down);
    let inside = (0..map.grid.width as i64).contains(&col) && (0..map.grid.height as i64).contains(&row);
    if inside { map.probability[row as usize * map.grid.width + col as usize] } else { f32::NAN }
}

/// The pixels beside a pixel.
fn neighbours(i: usize, grid: &Grid) -> impl Iterator<Item = usize> {
    let (width, row, col) = (grid.width, i / grid.width, i % grid.width);
    [
        (col > 0).then(|| i - 1),
        (col + 1 < width).then_some(i + 1),
        (row > 0).then(|| i - width),
        (row + 1 < grid.height).then_some(i + width),
    ]
    .into_iter()
    .flatten()
}

#[cfg(test)]
mod tests {
    use super::*;
    use geo::{BooleanOps, MultiPolygon, Rect, coord};
    use minesegsat_core::{Crs, GeoTransform};

    const SIDE: usize = 40;
    const ORIGIN: (f64, f64) = (600_000.0, 5_500_000.0);

    fn grid() -> Grid {
        Grid {
            crs: Crs::from_epsg(32610).unwrap(),
            transform: GeoTransform::north_up(ORIGIN.0, ORIGIN.1, 10.0),
            width: SIDE,
            height: SIDE,
        }
    }

    /// A map with 0.9 in a block of columns and rows, and 0.1 elsewhere.
    fn map(cols: std::ops::Range<usize>, rows: std::ops::Range<usize>) -> DatedMap {
        let value = |i: usize| {
            let (row, col) = (i / SIDE, i % SIDE);
            if cols.contains(&col) && rows.contains(&row) { 0.9 } else { 0.1 }
        };
        DatedMap::of_day("2024-07-01", grid(), (0..SIDE * SIDE).map(value).collect(), 20.0)
    }

    /// Columns and rows `[west, north, east, south]` as an outline.
    fn block([west, north, east, south]: [f64; 4]) -> MultiPolygon<f64> {
        let at = |col: f64, row: f64| coord! { x: ORIGIN.0 + 10.0 * col, y: ORIGIN.1 - 10.0 * row };
        Rect::new(at(west, south), at(east, north)).to_polygon().into()
    }

    fn site(boundary: MultiPolygon<f64>) -> SiteArea {
        SiteArea { id: "a".to_owned(), name: "A".to_owned(), boundary, crs: grid().crs, features: 1 }
    }

    fn of(map: &DatedMap, outline: [f64; 4]) -> Hectares {
        SiteOnMap::new(&site(block(outline)), map).unwrap().unwrap().hectares(None, 90.0)
    }

    /// Equal in hectares of this part of the world, where a pixel has 0.03 % more than 100 m2.
    fn near(found: f64, expected: f64) {
        assert!((found - expected).abs() < 1e-3 * expected.abs().max(1.0), "{found} {expected}");
    }

    #[test]
    fn a_place_that_was_seen_has_nothing_assumed() {
        let found = of(&map(10..20, 10..20), [0.0, 0.0, 40.0, 40.0]);
        near(found.site_ha, 16.0);
        near(found.seen_ha, 16.0);
        near(found.mapped_ha.unwrap(), 1.0);
        // 100 pixels of 0.9 and 1500 of 0.1.
        near(found.estimated.unwrap().ha, 2.4);
        assert_eq!((found.assumed_ha, found.beyond_map_ha), (Some(0.0), 0.0));
        assert_eq!(found.disturbed, found.estimated);
    }

    #[test]
    fn hidden_land_takes_the_value_of_another_date_or_the_mean_and_is_told_apart() {
        let mut clouded = map(10..20, 10..20);
        clouded.probability[..SIDE * 20].fill(f32::NAN);
        clouded.mapped[..SIDE * 20].fill(false);
        let whole = [0.0, 0.0, 40.0, 40.0];
        // The seen half has no mine: 800 pixels of 0.1.
        let found = of(&clouded, whole);
        near(found.seen_ha, 8.0);
        near(found.share_seen(), 0.5);
        near(found.mapped_ha.unwrap(), 0.0);
        near(found.estimated.unwrap().ha, 0.8);
        near(found.assumed_ha.unwrap(), 0.8);
        let (estimated, disturbed) = (found.estimated.unwrap(), found.disturbed.unwrap());
        near(disturbed.ha, 1.6);
        assert!(disturbed.upper_ha - disturbed.ha > estimated.upper_ha - estimated.ha);
        // Another date shows the mine under the cloud, also on a map with another corner.
        let clear = map(10..20, 10..20);
        let mut cut = clear.clone();
        let window = Window::new(5, 5, 30, 30);
        cut.grid = clear.grid.window(&window);
        cut.probability = (5..35).flat_map(|row| &clear.probability[row * SIDE + 5..][..30]).copied().collect();
        for (other, assumed) in [(&clear, 1.6), (&cut, 0.01 * (100.0 * 0.9 + 350.0 * 0.1 + 350.0 * 0.1))] {
            let place = site(block(whole));
            let found = SiteOnMap::new(&place, &clouded).unwrap().unwrap().hectares(Some(other), 90.0);
            near(found.assumed_ha.unwrap(), assumed);
            near(found.disturbed.unwrap().ha, 0.8 + assumed);
        }
        // Maps with other pixels are no help.
        let mut turned = clear;
        turned.grid.transform = GeoTransform::north_up(ORIGIN.0 + 3.0, ORIGIN.1, 10.0);
        let place = site(block(whole));
        let found = SiteOnMap::new(&place, &clouded).unwrap().unwrap().hectares(Some(&turned), 90.0);
        near(found.assumed_ha.unwrap(), 0.8);
    }

    #[test]
    fn a_site_half_off_the_map_a_hole_and_a_place_without_a_view() {
        let mine = map(0..10, 10..20);
        let found = of(&mine, [-10.0, 10.0, 10.0, 20.0]);
        near(found.site_ha, 2.0);
        near(found.beyond_map_ha, 1.0);
        near(found.share_seen(), 0.5);
        near(found.mapped_ha.unwrap(), 1.0);
        near(found.assumed_ha.unwrap(), 0.9);
        near(found.disturbed.unwrap().ha, 1.8);
        let ring = block([0.0, 10.0, 10.0, 20.0]).difference(&block([2.0, 12.0, 8.0, 18.0]));
        let holed = SiteOnMap::new(&site(ring), &mine).unwrap().unwrap().hectares(None, 90.0);
        near(holed.site_ha, 0.64);
        near(holed.mapped_ha.unwrap(), 0.64);
        let mut hidden = mine;
        hidden.probability.fill(f32::NAN);
        hidden.mapped.fill(false);
        let found = of(&hidden, [0.0, 0.0, 10.0, 10.0]);
        assert_eq!((found.seen_ha, found.mapped_ha, found.disturbed), (0.0, None, None));
        assert_eq!(SiteOnMap::new(&site(block([50.0, 0.0, 60.0, 9.0])), &hidden).unwrap().map(|_| ()), None);
    }

    #[test]
    fn mapped_land_is_split_by_permit_and_site_without_loss() {
        // A mine from column 5 to 25 crosses the permit line at 12 and the site line at 20; one outside touches nothing.
        let mut map = map(5..25, 10..20);
        for row in 30..35 {
            map.mapped[row * SIDE + 30..row * SIDE + 35].fill(true);
        }
        let place = site(block([0.0, 0.0, 20.0, 40.0]));
        let on_map = SiteOnMap::new(&place, &map).unwrap().unwrap();
        let permit = site(block([0.0, 0.0, 12.0, 40.0]));
        let parts = on_map.mapped_parts(Permitted::Inside(&permit)).unwrap();
        near(parts.inside_permit_ha.unwrap(), 0.7);
        near(parts.outside_permit_ha.unwrap(), 0.8);
        near(parts.outside_site_ha, 0.5);
        let all = on_map.hectares(None, 90.0).mapped_ha.unwrap();
        near(parts.inside_permit_ha.unwrap() + parts.outside_permit_ha.unwrap(), all);
        // A permit without an area holds for the site. Without a permit nothing is inside or outside one.
        let parts = on_map.mapped_parts(Permitted::Site).unwrap();
        near(parts.inside_permit_ha.unwrap(), 1.5);
        assert_eq!(parts.outside_permit_ha, Some(0.0));
        near(parts.outside_site_ha, 0.5);
        let parts = on_map.mapped_parts(Permitted::Nowhere).unwrap();
        assert_eq!((parts.inside_permit_ha, parts.outside_permit_ha), (None, None));
        near(parts.outside_site_ha, 0.5);
        // Permitted land outside the site is no finding.
        let wide = site(block([0.0, 0.0, 23.0, 40.0]));
        let parts = on_map.mapped_parts(Permitted::Inside(&wide)).unwrap();
        near(parts.outside_site_ha, 0.2);
    }
}
