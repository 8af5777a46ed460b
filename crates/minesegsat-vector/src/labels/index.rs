//! Spatial index of labels in the CRS of a raster: [`LabelIndex`].

use geo::{Intersects, MultiPolygon, Rect};
use rstar::primitives::{GeomWithData, Rectangle};
use rstar::{AABB, RTree};

use super::{LabelFeature, LabelMask};
use minesegsat_core::{Crs, Error, Grid, Result};

type Entry = GeomWithData<Rectangle<[f64; 2]>, usize>;

/// Spatial index of labels in the CRS of a raster.
#[derive(Debug)]
pub struct LabelIndex {
    crs: Crs,
    features: Vec<LabelFeature>,
    tree: RTree<Entry>,
    ignore_buffer_m: f64,
}

impl LabelIndex {
    pub(super) fn new(crs: Crs, features: Vec<LabelFeature>, ignore_buffer_m: f64) -> Self {
        let entries = features.iter().enumerate().map(|(place, feature)| {
            let [x0, y0, x1, y1] = bounds(&feature.geometry);
            Entry::new(Rectangle::from_corners([x0, y0], [x1, y1]), place)
        });
        let tree = RTree::bulk_load(entries.collect());
        Self { crs, features, tree, ignore_buffer_m }
    }

    /// The CRS of the outlines.
    pub fn crs(&self) -> &Crs {
        &self.crs
    }

    /// All features of the indexed area, in the order of the file.
    pub fn features(&self) -> &[LabelFeature] {
        &self.features
    }

    /// The features whose bounding box intersects the bounds (min x, min y, max x, max y, in this CRS), in the order of the file.
    pub fn features_in(&self, bounds: [f64; 4]) -> Vec<&LabelFeature> {
        let [x0, y0, x1, y1] = bounds;
        let found = self.tree.locate_in_envelope_intersecting(&AABB::from_corners([x0, y0], [x1, y1]));
        let mut places: Vec<usize> = found.map(|entry| entry.data).collect();
        places.sort_unstable();
        places.into_iter().map(|place| &self.features[place]).collect()
    }

    /// The features that share a point with the rectangle of the grid, including its border, in the order of the file. Exact.
    pub fn features_on(&self, grid: &Grid) -> Vec<&LabelFeature> {
        let [x0, y0, x1, y1] = grid.bounds();
        let rectangle = Rect::new((x0, y0), (x1, y1));
        let mut found = self.features_in(grid.bounds());
        found.retain(|feature| feature.geometry.iter().any(|part| part.intersects(&rectangle)));
        found
    }

    /// Whether a feature shares a point with the rectangle of the grid, including its border. Exact.
    pub fn touches(&self, grid: &Grid) -> bool {
        let [x0, y0, x1, y1] = grid.bounds();
        let rectangle = Rect::new((x0, y0), (x1, y1));
        self.features_in(grid.bounds())
            .iter()
            .any(|feature| feature.geometry.iter().any(|part| part.intersects(&rectangle)))
    }

    /// The mask on a grid in this CRS, to burn as a whole or in strips of rows.
    ///
    /// Fails if the grid has another CRS, or if an ignore distance is set and the CRS is not in metres.
    pub fn mask(&self, grid: &Grid) -> Result<LabelMask> {
        if grid.crs != self.crs {
            return Err(Error::crs(
                grid.crs.to_string(),
                format!("the labels were projected to {}; the raster must have the same CRS", self.crs),
            ));
        }
        if self.ignore_buffer_m > 0.0 {
            grid.crs.require_metres()?;
        }
        let [x0, y0, x1, y1] = grid.bounds();
        // Mercator stretches the distance.
        let d = self.ignore_buffer_m * grid.units_per_metre().unwrap_or(1.0);
        Ok(LabelMask::new(grid, &self.features_in([x0 - d, y0 - d, x1 + d, y1 + d]), d))
    }
}

/// Bounds of an outline. The bounds of an empty outline contain no point.
pub(super) fn bounds(geometry: &MultiPolygon<f64>) -> [f64; 4] {
    super::bounds_of(geometry.iter().flat_map(|part| &part.exterior().0))
}
