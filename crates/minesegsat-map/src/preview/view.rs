//! A reduced copy of a place: [`View`], read from its [`Layers`].

use minesegsat_core::job::Job;
use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use geo::{Intersects, MapCoords, MultiPolygon, Rect};
use rayon::prelude::*;

use super::decimate::{average, nearest};
use super::panel::Panel;
use minesegsat_core::area_of_interest::{self, AreaOfInterest};
use minesegsat_core::pixel_class::MASK_NODATA;
use minesegsat_core::polygonize::{Connectivity, Polygonizer};
use minesegsat_core::rasterize::Rasterizer;
use minesegsat_core::{Band, Crs, GeoTransform, Grid, Result, Transformer, Window};
use minesegsat_io::RasterSource;
use minesegsat_scene::Scene;
use minesegsat_scene::{BandRadiometry, MaskOptions, is_assessable};

/// Subpixels along each side of a view pixel, used to measure its share inside the outlines.
const MOST_SUBPIXELS: usize = 8;

/// One band of a raster.
#[derive(Debug, Clone)]
pub struct Layer {
    /// The raster.
    pub source: Arc<dyn RasterSource>,
    /// Its band, from 0.
    pub index: usize,
}

/// The rasters of a place, each on its own grid, all in one CRS.
#[derive(Debug, Clone, Default)]
pub struct Layers {
    /// Bands, and the conversion of their digital numbers to reflectance.
    pub bands: BTreeMap<Band, (Layer, BandRadiometry)>,
    /// Scene classification.
    pub classification: Option<Layer>,
    /// Mask of mining land: 0 outside, 255 unknown, anything else (1, or classes) inside.
    pub mask: Option<Layer>,
    /// Which optional classes count as not assessable.
    pub mask_options: MaskOptions,
}

impl Layers {
    /// The layers of a scene. They have no mask.
    pub fn of_scene(scene: &Scene) -> Self {
        let layer = |band: &minesegsat_scene::SceneBand| Layer { source: Arc::clone(&band.source), index: band.index };
        let radiometry = &scene.radiometry().bands;
        let bands = scene.bands().into_iter().filter_map(|band| {
            let found = scene.band(band)?;
            Some((band, (layer(found), *radiometry.get(&band)?)))
        });
        Self {
            bands: bands.collect(),
            classification: scene.classification().map(layer),
            mask: None,
            mask_options: scene.mask_options(),
        }
    }
}

/// State of a pixel.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum State {
    NoData,
    NotAssessable,
    Valid,
}

/// A reduced copy of a place, with all layers on one grid. Arrays are row-major `[H, W]` of the grid.
#[derive(Debug, Clone)]
pub struct View {
    /// Grid of its pixels.
    pub grid: Grid,
    /// Reflectance; NaN where a band has no data.
    pub reflectance: BTreeMap<Band, Vec<f32>>,
    /// Classes of the scene classification.
    pub classes: Option<Vec<u8>>,
    /// Share of mining land in each pixel, 0 to 1; NaN if unknown.
    pub mask: Option<Vec<f32>>,
    /// Outlines of mining land in pixels of the view: x = column, y = row, (0, 0) at the upper left corner.
    pub outlines: MultiPolygon<f64>,
    /// Which optional classes count as not assessable.
    pub mask_options: MaskOptions,
}

impl View {
    /// Creates a view with bands only.
    pub fn new(grid: Grid, reflectance: BTreeMap<Band, Vec<f32>>) -> Self {
        let pixels = grid.width * grid.height;
        assert!(
            reflectance.values().all(|band| band.len() == pixels),
            "every band has the {pixels} pixels of the grid"
        );
        let mask_options = MaskOptions::default();
        Self { grid, reflectance, classes: None, mask: None, outlines: MultiPolygon(Vec::new()), mask_options }
    }

    /// Reads the available `bands`, the classification and the mask of a window of `grid`. A longer side above
    /// `max_side` pixels is reduced to it. See the [module](super) for the method.
    ///
    /// The progress counts the layers read.
    pub fn read(
        layers: &Layers,
        bands: &[Band],
        grid: &Grid,
        window: Window,
        max_side: usize,
        job: Job<'_>,
    ) -> Result<Self> {
        let grid = decimated(&grid.window(&window), max_side);
        let wanted: Vec<_> = layers.bands.iter().filter(|(band, _)| bands.contains(band)).collect();
        let others = usize::from(layers.classification.is_some()) + usize::from(layers.mask.is_some());
        let (done, total) = (AtomicUsize::new(0), wanted.len() + others);
        job.progress.advance(0, total);
        let finished = || job.progress.advance(done.fetch_add(1, Ordering::Relaxed) + 1, total);
        let read = |&(&band, found): &(&Band, &(Layer, BandRadiometry))| {
            let (layer, radiometry) = found;
            let known = |dn: f32| if radiometry.is_nodata(dn) { f32::NAN } else { dn };
            let mut values = average(&*layer.source, layer.index, &grid, true, known, job)?;
            for value in &mut values {
                *value = radiometry.reflectance(*value);
            }
            finished();
            Ok((band, values))
        };
        let reflectance = wanted.par_iter().map(read).collect::<Result<BTreeMap<_, _>>>()?;
        let mut view = Self { mask_options: layers.mask_options, ..Self::new(grid, reflectance) };
        if let Some(layer) = &layers.classification {
            view.classes = Some(nearest(&*layer.source, layer.index, &view.grid, job)?);
            finished();
        }
        if let Some(layer) = &layers.mask {
            let part = |value: f32| {
                let is_unknown = value.is_nan() || value == f32::from(MASK_NODATA);
                if is_unknown { f32::NAN } else { f32::from(value != 0.0) }
            };
            // The mask's overviews have no shares of pixels, so they are not used.
            let mask = average(&*layer.source, layer.index, &view.grid, false, part, job)?;
            finished();
            view.set_mask(mask);
        }
        Ok(view)
    }

    /// Sets the mask, `[H, W]`: the share of mining land in each pixel. Outlines follow the pixels with a share above
    /// one half.
    pub fn set_mask(&mut self, mask: Vec<f32>) {
        let (width, height) = (self.grid.width, self.grid.height);
        assert_eq!(mask.len(), width * height, "the mask has the pixels of the view");
        let mut polygonizer = Polygonizer::new(width, Connectivity::Four);
        for line in mask.chunks_exact(width) {
            let inside: Vec<u8> = line.iter().map(|&part| u8::from(part >= 0.5)).collect();
            polygonizer.push_row(&inside, line);
        }
        let regions = polygonizer.finish();
        self.outlines = MultiPolygon(regions.iter().flat_map(|region| region.geometry.0.clone()).collect());
        self.mask = Some(mask);
    }

    /// Sets mask and outlines from polygons in the CRS of the view.
    pub fn set_polygons(&mut self, polygons: &MultiPolygon<f64>, window_width: usize) {
        let (grid, t) = (&self.grid, &self.grid.transform);
        // As fine as the window that the view was read from, up to a limit.
        let parts = window_width.div_ceil(grid.width).clamp(1, MOST_SUBPIXELS);
        let transform = GeoTransform {
            pixel_width: t.pixel_width / parts as f64,
            pixel_height: t.pixel_height / parts as f64,
            ..*t
        };
        let fine = Grid { crs: grid.crs.clone(), transform, width: grid.width * parts, height: grid.height * parts };
        let mut mask = vec![0.0; grid.width * grid.height];
        let share = 1.0 / (parts * parts) as f32;
        let rasterizer = Rasterizer::new(&fine, [polygons]);
        let mut rows = vec![0; fine.width * parts];
        for (row, line) in mask.chunks_exact_mut(grid.width).enumerate() {
            rows.fill(0);
            rasterizer.burn_rows(row * parts, 1, &mut rows);
            for (i, _) in rows.iter().enumerate().filter(|(_, inside)| **inside != 0) {
                line[i % fine.width / parts] += share;
            }
        }
        self.outlines = polygons.map_coords(|c| t.to_pixel(c.x, c.y).into());
        self.mask = Some(mask);
    }

    /// Width and height.
    pub fn size(&self) -> (usize, usize) {
        (self.grid.width, self.grid.height)
    }

    /// State of a pixel in some bands.
    pub(super) fn state(&self, pixel: usize, bands: &[&[f32]]) -> State {
        let class = self.classes.as_ref().map(|classes| classes[pixel]);
        if class == Some(0) || bands.iter().any(|band| band[pixel].is_nan()) {
            State::NoData
        } else if class.is_some_and(|class| !is_assessable(class, self.mask_options)) {
            State::NotAssessable
        } else {
            State::Valid
        }
    }

    /// Share of the pixels without data in a band, 0 to 1.
    pub fn nodata_share(&self) -> f64 {
        let bands: Vec<&[f32]> = self.reflectance.values().map(Vec::as_slice).collect();
        let pixels = self.grid.width * self.grid.height;
        let missing = (0..pixels).filter(|&pixel| self.state(pixel, &bands) == State::NoData).count();
        missing as f64 / pixels.max(1) as f64
    }

    /// Share of mining land in the known mask, 0 to 1. Pixels without data in a band count as unknown.
    pub fn mining_share(&self) -> Option<f64> {
        let bands: Vec<&[f32]> = self.reflectance.values().map(Vec::as_slice).collect();
        let known = self.mask.as_ref()?.iter().enumerate();
        let known = known.filter(|(pixel, part)| !part.is_nan() && self.state(*pixel, &bands) != State::NoData);
        let (sum, count) = known.fold((0.0, 0_u64), |(sum, count), (_, &part)| (sum + f64::from(part), count + 1));
        (count > 0).then(|| sum / count as f64)
    }

    /// Longitude and latitude of the centre, in degrees.
    pub fn centre(&self) -> Option<(f64, f64)> {
        let (x, y) = self.grid.transform.to_map(self.grid.width as f64 / 2.0, self.grid.height as f64 / 2.0);
        Transformer::new(&self.grid.crs, &Crs::WGS84).ok()?.transform(x, y).ok()
    }

    /// Width of a pixel on the ground in metres, at the centre.
    pub fn pixel_size_m(&self) -> Option<f64> {
        self.grid.ground_pixel_m().map(|(width, _)| width)
    }
}

/// Reads the layers for `panels` (default: all) from an area of a scene. Polygons (in their CRS) give outlines and
/// mask. The longer side of the view has at most `max_side` pixels.
pub fn read_scene(
    scene: &Scene,
    panels: Option<&[Panel]>,
    area: &AreaOfInterest,
    outlines: Option<&(MultiPolygon<f64>, Crs)>,
    max_side: usize,
    job: Job<'_>,
) -> Result<View> {
    let (window, _) = area_of_interest::locate(scene.grid(), area)?;
    let has = |band: Band| scene.band(band).is_some();
    let panels = panels.unwrap_or(&Panel::ALL);
    let bands: Vec<Band> = panels.iter().filter_map(|panel| panel.bands(has)).flatten().collect();
    // The mask panel needs a dim picture below.
    let ground = if panels.contains(&Panel::Mask) { Panel::TrueColour.bands(has) } else { None };
    let bands = [bands, ground.unwrap_or_default()].concat();
    let mut view = View::read(&Layers::of_scene(scene), &bands, scene.grid(), window, max_side, job)?;
    if let Some((polygons, crs)) = outlines {
        let near = area_of_interest::polygons_on_scene(scene.grid(), polygons, crs)?;
        let [west, south, east, north] = view.grid.bounds();
        let frame = Rect::new((west, south), (east, north));
        view.set_polygons(&near.into_iter().filter(|polygon| polygon.intersects(&frame)).collect(), window.width);
    }
    Ok(view)
}

/// A grid of the same extent with at most `max_side` pixels on the longer side.
fn decimated(grid: &Grid, max_side: usize) -> Grid {
    let scale = (max_side as f64 / grid.width.max(grid.height).max(1) as f64).min(1.0);
    let side = |pixels: usize| ((pixels as f64 * scale).round() as usize).max(1);
    let (width, height) = (side(grid.width), side(grid.height));
    let transform = GeoTransform {
        pixel_width: grid.transform.pixel_width * grid.width as f64 / width as f64,
        pixel_height: grid.transform.pixel_height * grid.height as f64 / height as f64,
        ..grid.transform
    };
    Grid { crs: grid.crs.clone(), transform, width, height }
}

#[cfg(test)]
mod tests {
    use geo::polygon;

    use super::*;

    fn grid(width: usize, height: usize) -> Grid {
        let transform = GeoTransform::north_up(600_000.0, 5_500_020.0, 10.0);
        Grid { crs: Crs::from_epsg(32610).unwrap(), transform, width, height }
    }

    #[test]
    fn a_decimated_grid_covers_the_same_place() {
        let full = grid(1000, 333);
        let small = decimated(&full, 100);
        assert_eq!((small.width, small.height), (100, 33));
        assert!(small.bounds().iter().zip(full.bounds()).all(|(a, b)| (a - b).abs() < 1e-6));
        assert_eq!(decimated(&full, 5000), full);
        assert_eq!(decimated(&grid(10_980, 1), 512).height, 1);
    }

    #[test]
    fn masks_of_polygons_hold_the_part_of_each_pixel() {
        let mut view = View::new(decimated(&grid(80, 80), 10), BTreeMap::new());
        // 200 m x 100 m from the upper left corner: 2.5 x 1.25 pixels of 80 m.
        let (x, y) = (600_000.0, 5_500_020.0);
        let shape = polygon![(x: x, y: y), (x: x + 200.0, y: y), (x: x + 200.0, y: y - 100.0), (x: x, y: y - 100.0)];
        view.set_polygons(&MultiPolygon(vec![shape]), 80);
        let mask = view.mask.clone().unwrap();
        let close = |found: f32, expected: f32| (found - expected).abs() < 1e-6;
        assert!(close(mask[0], 1.0) && close(mask[2], 0.5) && close(mask[3], 0.0), "{:?}", &mask[..4]);
        assert!(close(mask[10], 0.25) && close(mask[12], 0.125), "{:?}", &mask[10..13]);
        assert!((view.mining_share().unwrap() - 2.0 / 64.0).abs() < 1e-6);
        let corner = view.outlines.0[0].exterior().0[2];
        assert!((corner.x - 2.5).abs() < 1e-9 && (corner.y - 1.25).abs() < 1e-9, "{corner:?}");
    }

    #[test]
    fn missing_pixels_are_counted_and_left_out_of_the_mining_share() {
        let nan = f32::NAN;
        let bands = BTreeMap::from([(Band::B04, vec![0.1, nan, 0.1, 0.1]), (Band::B08, vec![0.2, 0.2, 0.2, 0.2])]);
        let mut view = View::new(grid(2, 2), bands);
        view.set_mask(vec![1.0, 1.0, 0.0, nan]);
        assert_eq!(view.nodata_share(), 0.25);
        assert_eq!(view.mining_share(), Some(0.5));
        view.classes = Some(vec![4, 4, 9, 0]);
        assert_eq!(view.nodata_share(), 0.5);
        let states: Vec<State> = (0..4).map(|pixel| view.state(pixel, &[])).collect();
        assert_eq!(states, [State::Valid, State::Valid, State::NotAssessable, State::NoData]);
    }

    #[test]
    fn sizes_on_the_ground_are_known_in_metres_and_in_degrees() {
        assert_eq!(View::new(grid(2, 2), BTreeMap::new()).pixel_size_m(), Some(10.0));
        let transform = GeoTransform::north_up(-44.0, 60.0, 0.001);
        let view = View::new(Grid { crs: Crs::WGS84, transform, width: 1, height: 1 }, BTreeMap::new());
        // pyproj 3.7: Geod(ellps="WGS84").inv(-44, 59.9995, -43.999, 59.9995)[2] is 55.8009
        assert!((view.pixel_size_m().unwrap() - 55.8009).abs() < 0.01, "{:?}", view.pixel_size_m());
    }
}
