//! A site on a grid: its outline, its pixels, and what lies beyond the grid.

use std::collections::HashMap;

use geo::algorithm::bool_ops::unary_union;
use geo::{BooleanOps, BoundingRect, Intersects, MultiPolygon, Polygon, Rect, coord};

use minesegsat_core::area::GeodesicMeter;
use minesegsat_core::area_of_interest::polygons_on_scene;
use minesegsat_core::rasterize::Rasterizer;
use minesegsat_core::{Crs, Error, Grid, Result, Window};
use minesegsat_vector::labels::Labels;

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
    /// Number of features of the file that are parts of it.
    pub features: usize,
}

impl SiteArea {
    /// Smallest share of an outline that counts as shared with others.
    const SMALLEST_SHARED: f64 = 1e-3;

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
        let mut places: HashMap<String, usize> = HashMap::new();
        let mut parts = Vec::new();
        for feature in labels.features() {
            let attribute = |names: &[&str]| {
                names.iter().find_map(|name| text(feature.attributes.get(*name))).filter(|text| !text.is_empty())
            };
            let id = match id_field {
                Some(field) => attribute(&[field]),
                None => attribute(&["id", "site", "site_id"]),
            };
            let id = id.unwrap_or_else(|| feature.id.clone());
            if let Some(&same) = places.get(&id) {
                sites[same].boundary.0.extend(feature.geometry.0.clone());
                sites[same].features += 1;
                parts.push(same);
                continue;
            }
            places.insert(id.clone(), sites.len());
            let name = attribute(&["name", "Name", "NAME"]).unwrap_or_else(|| id.clone());
            sites.push(Self { id, name, boundary: feature.geometry.clone(), crs: labels.crs().clone(), features: 1 });
        }
        // Land that two parts share counts once.
        parts.sort_unstable();
        parts.dedup();
        for site in parts {
            sites[site].boundary = unary_union(&sites[site].boundary.0);
        }
        Ok(sites)
    }

    /// Share of the outline that other outlines in the same CRS also cover, 0 to 1. Land that several of them cover counts once.
    pub fn share_covered<'a>(&self, others: impl IntoIterator<Item = &'a MultiPolygon<f64>>) -> Result<f64> {
        let Some(bounds) = self.boundary.bounding_rect() else { return Ok(0.0) };
        let is_near = |other: &&MultiPolygon<f64>| other.bounding_rect().is_some_and(|rect| rect.intersects(&bounds));
        let near: Vec<&Polygon<f64>> = others.into_iter().filter(is_near).flat_map(|other| &other.0).collect();
        if near.is_empty() {
            return Ok(0.0);
        }
        let shared = self.boundary.intersection(&unary_union(near));
        let meter = GeodesicMeter::new(&self.crs)?;
        let (shared_m2, site_m2) = (meter.measure(&shared)?.area_m2, meter.measure(&self.boundary)?.area_m2);
        // Neighbours that were drawn along one edge share slivers of it.
        let share = if site_m2 > 0.0 { (shared_m2 / site_m2).clamp(0.0, 1.0) } else { 0.0 };
        Ok(if share < Self::SMALLEST_SHARED { 0.0 } else { share })
    }

    /// All sites as one, named `id`: land that several of them cover counts once. `None` without sites, or if they are in several
    /// CRS.
    pub fn together(id: &str, name: &str, sites: &[Self]) -> Option<Self> {
        let crs = sites.first()?.crs.clone();
        if sites.iter().any(|site| site.crs != crs) {
            return None;
        }
        Some(Self {
            id: id.to_owned(),
            name: name.to_owned(),
            boundary: unary_union(sites.iter().flat_map(|site| &site.boundary.0)),
            crs,
            features: sites.iter().map(|site| site.features).sum(),
        })
    }
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

    /// Area of the pixel at the middle of a grid, on the ellipsoid, in square metres.
    pub fn all_area_m2(grid: &Grid, meter: &GeodesicMeter) -> Result<f64> {
        Self { window: grid.full_window(), inside: Vec::new() }.pixel_area_m2(grid, meter)
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

/// How much of a site's outline lies on a grid.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct SiteExtent {
    /// Area of the whole outline on the ellipsoid, in square metres.
    pub site_m2: f64,
    /// Area of the part of it beyond the grid, in square metres.
    pub beyond_m2: f64,
    /// Area of a pixel at the middle of the site, in square metres.
    pub pixel_m2: f64,
    /// Number of pixels inside the outline.
    inside: usize,
}

impl SiteExtent {
    /// Smallest share of an outline that counts as beyond the grid: transformed edges are off by less.
    const SMALLEST_BEYOND: f64 = 1e-3;

    /// Measures the outline of a site on a grid, and beyond it.
    pub fn measure(site: &SiteArea, pixels: &SitePixels, grid: &Grid) -> Result<Self> {
        let meter = GeodesicMeter::new(&grid.crs)?;
        let pixel_m2 = pixels.pixel_area_m2(grid, &meter)?;
        let site_m2 = GeodesicMeter::new(&site.crs)?.measure(&site.boundary)?.area_m2;
        let outline = polygons_on_scene(grid, &site.boundary, &site.crs)?;
        let [west, south, east, north] = grid.bounds();
        let frame = Rect::new(coord! {x: west, y: south}, coord! {x: east, y: north});
        let is_inside = outline.bounding_rect().is_some_and(|rect| {
            west <= rect.min().x && rect.max().x <= east && south <= rect.min().y && rect.max().y <= north
        });
        let on_grid = if is_inside { outline } else { outline.intersection(&frame.to_polygon()) };
        let beyond_m2 = site_m2 - meter.measure(&on_grid)?.area_m2;
        Ok(Self {
            site_m2,
            beyond_m2: if beyond_m2 > site_m2 * Self::SMALLEST_BEYOND { beyond_m2 } else { 0.0 },
            pixel_m2,
            inside: pixels.inside.iter().filter(|&&inside| inside).count(),
        })
    }

    /// Share of the outline beyond the grid, 0 to 1.
    pub fn share_beyond(&self) -> f64 {
        if self.site_m2 > 0.0 { (self.beyond_m2 / self.site_m2).min(1.0) } else { 0.0 }
    }

    /// Share of the whole outline that a number of its pixels makes up, 0 to 1.
    pub fn share(&self, pixels: usize) -> f64 {
        if self.inside == 0 {
            return 0.0;
        }
        (pixels as f64 / self.inside as f64).min(1.0) * (1.0 - self.share_beyond())
    }

    /// Number of pixels that the part beyond the grid would have.
    pub fn beyond_pixels(&self) -> usize {
        (self.beyond_m2 / self.pixel_m2).round() as usize
    }

    /// All pixels of a grid.
    pub(crate) fn of_grid(pixels: &SitePixels, pixel_m2: f64) -> Self {
        let inside = pixels.inside.len();
        Self { site_m2: inside as f64 * pixel_m2, beyond_m2: 0.0, pixel_m2, inside }
    }
}

/// A share as a whole percentage that never claims more than there is: 99.6 % is `99`.
pub fn whole_percent(share: f64) -> f64 {
    // A share such as 0.29 times 100 lies a little below 29.
    (share * 100.0 + 1e-9).floor()
}

/// A share above 0 in words: `87 %`, `less than 1 %`.
pub fn percent_text(share: f64) -> String {
    let percent = share * 100.0;
    if percent < 1.0 { "less than 1 %".to_owned() } else { format!("{percent:.0} %") }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn site(west: f64, width: f64) -> SiteArea {
        let outline = Rect::new(coord! {x: west, y: 5_490_000.0}, coord! {x: west + width, y: 5_491_000.0});
        SiteArea {
            id: west.to_string(),
            name: west.to_string(),
            boundary: outline.to_polygon().into(),
            crs: Crs::from_epsg(32610).unwrap(),
            features: 1,
        }
    }

    #[test]
    fn shared_land_counts_once() {
        let sites =
            [site(600_000.0, 1000.0), site(600_600.0, 1000.0), site(600_800.0, 1000.0), site(700_000.0, 1000.0)];
        let of_others = |site: usize| {
            let others = sites.iter().enumerate().filter(|(i, _)| *i != site).map(|(_, other)| &other.boundary);
            sites[site].share_covered(others).unwrap()
        };
        // The first three lie in a row: the second and third cover 200 m of the first both.
        for (i, expected) in [0.4, 1.0, 0.8, 0.0].into_iter().enumerate() {
            assert!((of_others(i) - expected).abs() < 1e-3, "{i}: {}", of_others(i));
        }
        // A common edge is no common land.
        assert_eq!(site(600_000.0, 500.0).share_covered([&site(600_500.0, 500.0).boundary]).unwrap(), 0.0);

        let all = SiteArea::together("all", "All sites", &sites).unwrap();
        let m2 = GeodesicMeter::new(&all.crs).unwrap().measure(&all.boundary).unwrap().area_m2;
        // 1800 m and 1000 m of 1000 m; distances of the grid are up to 0.1 % off at the middle of its zone.
        assert!((m2 / 2.8e6 - 1.0).abs() < 2e-3, "{m2}");
        assert_eq!(all.features, 4);
        assert_eq!(SiteArea::together("none", "none", &[]), None);
        let degrees = SiteArea { crs: Crs::WGS84, ..site(0.0, 1.0) };
        assert_eq!(SiteArea::together("both", "both", &[sites[0].clone(), degrees]), None);
    }
}
