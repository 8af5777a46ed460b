//! Change at a site between two dates.

use geo::MultiPolygon;
use serde::Serialize;

use super::ChangeMap;
use minesegsat_core::area::GeodesicMeter;
use minesegsat_core::area_of_interest::polygons_on_scene;
use minesegsat_core::noise_floor::NoiseFloor;
use minesegsat_core::pixel_class::Change;
use minesegsat_core::rasterize::Rasterizer;
use minesegsat_core::uncertainty::Area;
use minesegsat_core::uncertainty::{AreaErrorModel, AreaMoments};
use minesegsat_core::{Crs, Error, Grid, Result, Window};
use minesegsat_io::labels::Labels;

/// A site with its outline.
#[derive(Debug, Clone, PartialEq)]
pub struct SiteArea {
    /// Id.
    pub id: String,
    /// Name for people.
    pub name: String,
    /// The outline.
    pub boundary: MultiPolygon<f64>,
    /// CRS of the outline.
    pub crs: Crs,
}

impl SiteArea {
    /// Sites from a file of polygons. Features with one id are parts of one site. `id_field` names the attribute that holds the id; without
    /// it `id`, `site` or `site_id` is taken, else the id of the feature.
    ///
    /// # Errors
    /// No feature has the attribute `id_field`.
    pub fn from_labels(labels: &Labels, id_field: Option<&str>) -> Result<Vec<Self>> {
        if let Some(field) = id_field
            && !labels.attribute_names().iter().any(|name| name == field)
        {
            let accepted = format!("an attribute of the file: {}", labels.attribute_names().join(", "));
            return Err(Error::Argument { name: "id field", value: field.to_owned(), accepted });
        }
        let text = |value: Option<&serde_json::Value>| {
            value
                .filter(|value| !value.is_null())
                .map(|value| value.as_str().map_or_else(|| value.to_string(), str::to_owned))
        };
        let mut sites: Vec<Self> = Vec::new();
        for feature in labels.features() {
            let attribute = |names: &[&str]| {
                names.iter().find_map(|name| text(feature.attributes.get(*name))).filter(|text| !text.is_empty())
            };
            let id = match id_field {
                Some(field) => attribute(&[field]),
                None => attribute(&["id", "site", "site_id"]),
            };
            let id = id.unwrap_or_else(|| feature.id.clone());
            if let Some(same) = sites.iter_mut().find(|site| site.id == id) {
                same.boundary.0.extend(feature.geometry.0.clone());
                continue;
            }
            let name = attribute(&["name", "Name", "NAME"]).unwrap_or_else(|| id.clone());
            sites.push(Self { id, name, boundary: feature.geometry.clone(), crs: labels.crs().clone() });
        }
        Ok(sites)
    }
}

/// Change at a site between two dates. Areas are in hectares on the ellipsoid.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct SiteChange {
    /// Id of the site; `all` for the whole map.
    pub id: String,
    /// Name for people.
    pub name: String,
    /// Area of the site's pixels on the maps.
    pub site_ha: f64,
    /// Share of them that was assessed on both dates, 0 to 1.
    pub share_assessed: f64,
    /// Disturbed land on the earlier date; `None` if no pixel was assessed.
    pub before: Option<Area>,
    /// Disturbed land on the later date.
    pub after: Option<Area>,
    /// Disturbed on both dates.
    pub stable_ha: f64,
    /// Mapped as newly disturbed.
    pub gain_ha: f64,
    /// Mapped as no longer disturbed.
    pub loss_ha: f64,
    /// Noise floor for stable sites of this size.
    pub floor_ha: f64,
    /// Gain with an interval of one noise floor to each side. `None` below the noise floor: no change.
    pub gain: Option<Area>,
    /// Loss with its interval.
    pub loss: Option<Area>,
    /// The result in one sentence.
    pub statement: String,
}

/// Rules for the evaluation of sites.
#[derive(Debug, Clone, Copy)]
pub(crate) struct SiteRules {
    pub(crate) area_error: [AreaErrorModel; 2],
    pub(crate) floor: NoiseFloor,
    pub(crate) level_percent: f64,
    /// Minimum assessed share. Sites below it are not assessable.
    pub(crate) min_assessed: f64,
}

/// Pixels of a site on a grid: a window and a mask of it.
#[derive(Debug, Clone)]
pub struct SitePixels {
    /// Window of the grid that holds the site.
    pub window: Window,
    /// Whether the centre of a pixel lies in the site, `[H, W]` of the window.
    pub inside: Vec<bool>,
}

impl SitePixels {
    /// The pixels of a site. `None` if it does not overlap the grid.
    pub fn rasterize(site: &SiteArea, grid: &Grid) -> Result<Option<Self>> {
        let outline = polygons_on_scene(grid, &site.boundary, &site.crs)?;
        let Some(bounds) = geo::BoundingRect::bounding_rect(&outline) else { return Ok(None) };
        let corners = [bounds.min().x, bounds.min().y, bounds.max().x, bounds.max().y];
        let Some(window) = grid.window_of_bounds(corners) else { return Ok(None) };
        // Rows of the whole grid, so that pixels match those of the whole map.
        let rasterizer = Rasterizer::new(grid, [&outline]);
        let mut inside = Vec::with_capacity(window.len());
        let mut line = vec![0; grid.width];
        for row in window.row..window.row_end() {
            line.fill(0);
            rasterizer.burn_rows(row, 1, &mut line);
            inside.extend(line[window.col..window.col_end()].iter().map(|&v| v == 1));
        }
        Ok(inside.contains(&true).then_some(Self { window, inside }))
    }

    /// All pixels of the grid.
    pub(crate) fn all(grid: &Grid) -> Self {
        Self { window: grid.full_window(), inside: vec![true; grid.width * grid.height] }
    }

    /// Values of a map inside the site, `[H, W]` of the window; NaN outside.
    pub fn values(&self, map: &[f32], width: usize) -> Vec<f32> {
        let pixels = self.indices(width).zip(&self.inside);
        pixels.map(|(i, &inside)| if inside { map[i] } else { f32::NAN }).collect()
    }

    /// Indices of the site's pixels in a map of the grid, in the order of the window.
    pub fn indices(&self, width: usize) -> impl Iterator<Item = usize> + use<> {
        let window = self.window;
        (window.row..window.row_end()).flat_map(move |r| (window.col..window.col_end()).map(move |c| r * width + c))
    }

    /// Area of a pixel at the middle of the site, on the ellipsoid, in square metres.
    pub fn pixel_area_m2(&self, grid: &Grid, meter: &GeodesicMeter) -> Result<f64> {
        let col = (self.window.col + self.window.width / 2) as f64;
        let row = (self.window.row + self.window.height / 2) as f64;
        let corner = |c: f64, r: f64| grid.transform.to_map(col + c, row + r);
        let ring = vec![corner(0.0, 0.0), corner(0.0, 1.0), corner(1.0, 1.0), corner(1.0, 0.0), corner(0.0, 0.0)];
        let pixel = MultiPolygon(vec![geo::Polygon::new(ring.into(), Vec::new())]);
        Ok(meter.measure(&pixel)?.area_m2)
    }
}

/// Disturbed land of a site on one date. Hidden pixels take the value of the other date, if it was assessed there,
/// otherwise the mean of the assessed pixels. The same mean applies to the site's pixels beyond the map. `None` if no
/// pixel was assessed.
///
/// # Shapes
/// - `values`, `elsewhere`: `[H, W]` of the site's window, NaN where not seen
pub fn area_of_date(
    pixels: &SitePixels,
    values: &[f32],
    elsewhere: Option<&[f32]>,
    beyond: usize,
    pixel: (f64, f64),
    model: &AreaErrorModel,
    level_percent: f64,
) -> Option<Area> {
    let (pixel_m, pixel_area_m2) = pixel;
    let seen = values.iter().filter(|p| !p.is_nan());
    let (sum, count) = seen.fold((0.0, 0_usize), |(sum, n), &p| (sum + f64::from(p), n + 1));
    if count == 0 {
        return None;
    }
    let mean = (sum / count as f64) as f32;
    let mut moments = AreaMoments::for_model(model, values, pixels.window.width, pixel_m, pixel_area_m2);
    let hidden: Vec<f32> = (0..values.len())
        .map(|i| {
            if !pixels.inside[i] || !values[i].is_nan() {
                return f32::NAN;
            }
            let other = elsewhere.map_or(f32::NAN, |other| other[i]);
            if other.is_nan() { mean } else { other }
        })
        .collect();
    moments.add_hidden(&hidden, pixels.window.width, pixel_m, pixel_area_m2);
    moments.add_beyond(std::iter::repeat_n(mean, beyond), pixel_area_m2);
    let inside = (pixels.inside.iter().filter(|&&inside| inside).count() + beyond) as f64;
    Some(model.area(&moments, level_percent, inside * pixel_area_m2))
}

impl SiteChange {
    pub(crate) fn evaluate(
        (id, name): (&str, &str),
        pixels: &SitePixels,
        map: &ChangeMap,
        meter: &GeodesicMeter,
        rules: &SiteRules,
    ) -> Result<Self> {
        let width = map.grid.width;
        let pixel_area_m2 = pixels.pixel_area_m2(&map.grid, meter)?;
        let pixel_m = pixel_area_m2.sqrt();
        let (before, after) = (pixels.values(&map.before, width), pixels.values(&map.after, width));
        let area = |values: &[f32], other: &[f32], model: &AreaErrorModel| {
            area_of_date(pixels, values, Some(other), 0, (pixel_m, pixel_area_m2), model, rules.level_percent)
        };
        let area_before = area(&before, &after, &rules.area_error[0]);
        let area_after = area(&after, &before, &rules.area_error[1]);
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
        let share_assessed = if inside == 0 { 0.0 } else { (inside - hidden) as f64 / inside as f64 };
        let is_assessable = share_assessed >= rules.min_assessed && inside > hidden;
        let floor_ha = rules.floor.ha(stable_ha + gain_ha.max(loss_ha));
        let reported = |ha: f64| {
            let area = Area { ha, lower_ha: (ha - floor_ha).max(0.0), upper_ha: ha + floor_ha };
            (is_assessable && ha > floor_ha).then_some(area)
        };
        let (gain, loss) = (reported(gain_ha), reported(loss_ha));
        let said = |area: Area| format!("{:.1} ha ({:.1} to {:.1})", area.ha, area.lower_ha, area.upper_ha);
        let is_none = |area: Option<Area>| area.is_some_and(|area| area.lower_ha == 0.0);
        let statement = match (is_assessable, gain, loss) {
            (false, ..) => {
                format!("not assessable: only {:.0} % of it was assessed on both dates", share_assessed * 100.0)
            }
            // Nothing stayed disturbed, and a mine is not certain on either date.
            (true, None, None) if stable_ha == 0.0 && is_none(area_before) && is_none(area_after) => {
                "no mine, no change".to_owned()
            }
            (true, None, None) => format!("no change above the noise floor of {floor_ha:.1} ha"),
            (true, Some(gain), None) => format!("{} newly disturbed", said(gain)),
            (true, None, Some(loss)) => format!("{} no longer disturbed", said(loss)),
            (true, Some(gain), Some(loss)) => {
                format!("{} newly disturbed, {} no longer disturbed", said(gain), said(loss))
            }
        };
        Ok(Self {
            id: id.to_owned(),
            name: name.to_owned(),
            site_ha: ha(inside),
            share_assessed,
            before: area_before,
            after: area_after,
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
