//! Positions of pixels: [`Window`], [`GeoTransform`] and [`Grid`].

use serde::{Deserialize, Serialize};

use crate::Crs;

/// A rectangle of pixels of a raster. Rows grow downwards.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Window {
    /// First column.
    pub col: usize,
    /// First row.
    pub row: usize,
    /// Columns.
    pub width: usize,
    /// Rows.
    pub height: usize,
}

impl Window {
    /// A window from its first column and row and its size.
    pub const fn new(col: usize, row: usize, width: usize, height: usize) -> Self {
        Self { col, row, width, height }
    }

    /// Number of pixels.
    pub const fn len(&self) -> usize {
        self.width * self.height
    }

    /// Whether the window has no pixels.
    pub const fn is_empty(&self) -> bool {
        self.width == 0 || self.height == 0
    }

    /// First column after the window.
    pub const fn col_end(&self) -> usize {
        self.col + self.width
    }

    /// First row after the window.
    pub const fn row_end(&self) -> usize {
        self.row + self.height
    }

    /// The common part of two windows, or `None` if they do not overlap.
    pub fn intersection(&self, other: &Self) -> Option<Self> {
        let col = self.col.max(other.col);
        let row = self.row.max(other.row);
        let col_end = self.col_end().min(other.col_end());
        let row_end = self.row_end().min(other.row_end());
        (col < col_end && row < row_end).then(|| Self::new(col, row, col_end - col, row_end - row))
    }
}

/// Affine map from pixel corners to map coordinates of a north-up raster, in the units of the CRS.
///
/// `x = origin_x + col * pixel_width`, `y = origin_y + row * pixel_height`; `pixel_height` is negative. File readers
/// refuse rotated rasters.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct GeoTransform {
    /// x of the left edge of the first column.
    pub origin_x: f64,
    /// y of the upper edge of the first row.
    pub origin_y: f64,
    /// Width of a pixel, positive.
    pub pixel_width: f64,
    /// Height of a pixel, negative.
    pub pixel_height: f64,
}

impl GeoTransform {
    /// A transform with square pixels of `size` units whose upper left corner lies at (x, y).
    pub const fn north_up(origin_x: f64, origin_y: f64, size: f64) -> Self {
        Self { origin_x, origin_y, pixel_width: size, pixel_height: -size }
    }

    /// Map position (x, y) of a pixel corner (col, row); add 0.5 to both for a centre.
    pub fn to_map(&self, col: f64, row: f64) -> (f64, f64) {
        (self.origin_x + col * self.pixel_width, self.origin_y + row * self.pixel_height)
    }

    /// Fractional pixel position (col, row) of a map position.
    pub fn to_pixel(&self, x: f64, y: f64) -> (f64, f64) {
        ((x - self.origin_x) / self.pixel_width, (y - self.origin_y) / self.pixel_height)
    }

    /// The transform of a window of the raster.
    pub fn window(&self, window: &Window) -> Self {
        let (origin_x, origin_y) = self.to_map(window.col as f64, window.row as f64);
        Self { origin_x, origin_y, ..*self }
    }
}

/// Georeference of a raster: CRS, transform and size.
#[derive(Debug, Clone, PartialEq)]
pub struct Grid {
    /// Coordinate reference system.
    pub crs: Crs,
    /// Pixel corners to map coordinates.
    pub transform: GeoTransform,
    /// Columns.
    pub width: usize,
    /// Rows.
    pub height: usize,
}

impl Grid {
    /// The whole raster as a window.
    pub const fn full_window(&self) -> Window {
        Window::new(0, 0, self.width, self.height)
    }

    /// Bounds in the units of the CRS: min x, min y, max x, max y.
    pub fn bounds(&self) -> [f64; 4] {
        let t = &self.transform;
        let (max_x, min_y) = t.to_map(self.width as f64, self.height as f64);
        [t.origin_x, min_y, max_x, t.origin_y]
    }

    /// The grid of a window of this one.
    pub fn window(&self, window: &Window) -> Self {
        Self {
            crs: self.crs.clone(),
            transform: self.transform.window(window),
            width: window.width,
            height: window.height,
        }
    }

    /// The smallest window that contains the bounds (min x, min y, max x, max y, in this grid's CRS), clipped to the raster.
    /// `None` if they do not overlap.
    pub fn window_of_bounds(&self, bounds: [f64; 4]) -> Option<Window> {
        // A hundredth of a pixel of slack keeps bounds that lie on pixel edges from growing by a pixel through rounding.
        const SLACK: f64 = 0.01;
        let (c0, r0) = self.transform.to_pixel(bounds[0], bounds[3]);
        let (c1, r1) = self.transform.to_pixel(bounds[2], bounds[1]);
        let clamp = |v: f64, max: usize| v.clamp(0.0, max as f64) as usize;
        let col = clamp((c0 + SLACK).floor(), self.width);
        let row = clamp((r0 + SLACK).floor(), self.height);
        let col_end = clamp((c1 - SLACK).ceil(), self.width);
        let row_end = clamp((r1 - SLACK).ceil(), self.height);
        (col < col_end && row < row_end).then(|| Window::new(col, row, col_end - col, row_end - row))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn windows_intersect_only_where_they_overlap() {
        let a = Window::new(2, 3, 4, 5);
        assert_eq!(a.intersection(&Window::new(5, 0, 9, 4)), Some(Window::new(5, 3, 1, 1)));
        assert_eq!(a.intersection(&Window::new(6, 3, 4, 5)), None);
    }

    #[test]
    fn window_transform_keeps_the_place_of_its_pixels() {
        let t = GeoTransform::north_up(435_730.0, 4_179_460.0, 10.0);
        let w = t.window(&Window::new(7, 9, 3, 3));
        assert_eq!(w.to_map(1.5, 1.5), t.to_map(8.5, 10.5));
        assert_eq!(w.to_pixel(435_800.0, 4_179_370.0), (0.0, 0.0));
    }
}
