//! Positions of pixels: [`Window`], [`GeoTransform`] and [`Grid`].

use geo::{Distance, Geodesic, Point};
use serde::{Deserialize, Serialize};

use crate::{Crs, Transformer};

/// Largest relative difference between map units and metres on the ground that is neglected. UTM has at most 0.1 % inside
/// its zone, and 0.2 % one tile beyond.
const NEGLECTED_SCALE: f64 = 0.01;

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

/// Largest coordinate of a projected grid, in units of its CRS. Earth is 4e7 m around, which are 1.3e8 feet.
const FARTHEST: f64 = 2e8;
/// Largest longitude of a geographic grid in degrees: one and a half turns, for grids that begin at the antimeridian.
const FARTHEST_DEGREES: f64 = 540.0;

/// Smallest pixel as a part of its coordinates. Coordinates have 53 bits, so positions within such a pixel still differ.
const FINEST: f64 = 1e-12;

impl Grid {
    /// Checks that the grid lies on Earth and that its pixels can be told apart. The error states the corners and what is
    /// accepted. Work that divides long edges is bounded only on such grids.
    pub fn check(&self) -> Result<(), String> {
        let t = &self.transform;
        if !(t.pixel_width > 0.0 && t.pixel_height < 0.0) {
            return Err(format!("its pixels are {} wide and {} high", t.pixel_width, -t.pixel_height));
        }
        let [min_x, min_y, max_x, max_y] = self.bounds();
        let (far_x, far_y) = (min_x.abs().max(max_x.abs()), min_y.abs().max(max_y.abs()));
        // The pixels of some grids have their centres at the poles.
        let geographic = (FARTHEST_DEGREES, 90.0 - t.pixel_height);
        let (most_x, most_y) = if self.crs.is_geographic() { geographic } else { (FARTHEST, FARTHEST) };
        let unit = if self.crs.is_geographic() { "degrees" } else { "units of its system" };
        // Also false for NaN.
        if !(far_x <= most_x && far_y <= most_y) {
            return Err(format!(
                "it states a grid from ({min_x}, {min_y}) to ({max_x}, {max_y}) in {}, which is not on Earth: at most \
                 {most_x} and {most_y} {unit} are accepted",
                self.crs
            ));
        }
        if t.pixel_width < far_x * FINEST || -t.pixel_height < far_y * FINEST {
            return Err(format!(
                "its pixels of {} x {} {unit} are too small to be told apart at ({min_x}, {max_y})",
                t.pixel_width, -t.pixel_height
            ));
        }
        Ok(())
    }

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

    /// Width and height, in metres on the ground, of the pixel at the centre of the grid.
    ///
    /// Projections that keep lengths within one percent, such as UTM, give their nominal size. In degrees and in Web
    /// Mercator (twice the ground at 60 degrees north) the size is measured on the ellipsoid. `None` if the centre has
    /// no longitude and latitude.
    pub fn ground_pixel_m(&self) -> Option<(f64, f64)> {
        let t = &self.transform;
        let to_lon_lat = Transformer::new(&self.crs, &Crs::WGS84).ok()?;
        let (col, row) = (self.width as f64 / 2.0, self.height as f64 / 2.0);
        let point = |col: f64, row: f64| {
            let (x, y) = t.to_map(col, row);
            to_lon_lat.transform(x, y).ok().map(|(x, y)| Point::new(x, y))
        };
        let length = |a: Option<Point<f64>>, b: Option<Point<f64>>| Some(Geodesic.distance(a?, b?));
        let width = length(point(col - 0.5, row), point(col + 0.5, row))?;
        let height = length(point(col, row - 0.5), point(col, row + 0.5))?;
        let nominal = self.crs.metres_per_unit().map(|unit| (t.pixel_width * unit, -t.pixel_height * unit));
        let close = |a: f64, b: f64| (a / b - 1.0).abs() <= NEGLECTED_SCALE;
        Some(nominal.filter(|&(w, h)| close(w, width) && close(h, height)).unwrap_or((width, height)))
    }

    /// Units of the CRS per metre on the ground, at the centre of the grid: 1 in UTM, 1.74 in Web Mercator at 55 degrees.
    /// `None` if the centre has no longitude and latitude.
    pub fn units_per_metre(&self) -> Option<f64> {
        self.ground_pixel_m().map(|(width, _)| self.transform.pixel_width / width)
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
    fn pixels_are_measured_on_the_ground() {
        let at = |epsg: u16, x: f64, y: f64, size: f64| {
            let transform = GeoTransform::north_up(x, y, size);
            Grid { crs: Crs::from_epsg(epsg).unwrap(), transform, width: 100, height: 100 }.ground_pixel_m().unwrap()
        };
        assert_eq!(at(32610, 600_000.0, 6_100_000.0, 10.0), (10.0, 10.0), "nominal in UTM");
        // pyproj 3.7: g = Geod(ellps="WGS84"); t = Transformer.from_crs(3857, 4326, always_xy=True)
        // Mercator of the sphere, at 55 N: about cos(55 degrees) = 0.574, and 0.3 % of flattening in y.
        let (width, height) = at(3857, -13_524_000.0, 7_361_866.0, 10.0);
        assert!((width - 5.749).abs() < 0.005 && (height - 5.736).abs() < 0.01, "{width} {height}");
        let (width, height) = at(4326, -121.4, 55.0, 0.0001);
        // One degree at 55 N: 63,996 m of longitude and 111,327 m of latitude (WGS 84).
        assert!((width - 6.40).abs() < 0.005 && (height - 11.133).abs() < 0.001, "{width} {height}");
        // Feet (EPSG:2227), nominal.
        let (width, _) = at(2227, 6_329_285.0, 1_969_108.0, 32.8084);
        assert!((width - 10.0).abs() < 1e-3, "{width}");
    }

    #[test]
    fn window_transform_keeps_the_place_of_its_pixels() {
        let t = GeoTransform::north_up(435_730.0, 4_179_460.0, 10.0);
        let w = t.window(&Window::new(7, 9, 3, 3));
        assert_eq!(w.to_map(1.5, 1.5), t.to_map(8.5, 10.5));
        assert_eq!(w.to_pixel(435_800.0, 4_179_370.0), (0.0, 0.0));
    }

    #[test]
    fn grids_that_are_not_on_earth_are_refused() {
        let grid = |epsg, transform| Grid { crs: Crs::from_epsg(epsg).unwrap(), transform, width: 64, height: 64 };
        let utm = GeoTransform::north_up(600_000.0, 5_500_020.0, 10.0);
        assert_eq!(grid(32610, utm).check(), Ok(()));
        // One flipped bit of the pixel height.
        let text = grid(32610, GeoTransform { pixel_height: -42_949_672_960.0, ..utm }).check().unwrap_err();
        assert!(text.contains("not on Earth") && text.contains("EPSG:32610"), "{text}");
        assert!(grid(32610, GeoTransform { origin_x: f64::NAN, ..utm }).check().is_err());
        assert!(grid(32610, GeoTransform { pixel_width: 1e-300, ..utm }).check().unwrap_err().contains("too small"));
        assert!(grid(32610, GeoTransform { pixel_width: -10.0, ..utm }).check().unwrap_err().contains("-10 wide"));
        // Pixel centres at the poles and from 0 to 360 degrees.
        let world = Grid { width: 360, height: 181, ..grid(4326, GeoTransform::north_up(-0.5, 90.5, 1.0)) };
        assert_eq!(world.check(), Ok(()));
        assert!(grid(4326, GeoTransform::north_up(0.0, 2.0, 2.0)).check().unwrap_err().contains("degrees"));
    }
}
