//! What metadata beside an image state about its grid, held against the image itself.

use std::collections::BTreeMap;

use minesegsat_core::{Crs, GeoTransform, Grid};
use serde_json::Value;

/// A part of a pixel by which two georeferences may differ. Some catalogues round coordinates.
const TOLERANCE_PX: f64 = 0.1;

/// Statements of an item or of product metadata about the grid of an image. Missing members are not stated.
#[derive(Debug, Clone, Default)]
pub(crate) struct StatedGrid {
    /// The source, for messages: `the item`, `MTD_TL.xml`.
    pub(crate) by: String,
    /// EPSG code.
    pub(crate) epsg: Option<u16>,
    /// Pixel corners to map coordinates.
    pub(crate) transform: Option<GeoTransform>,
    /// Upper left corner, if the transform is not stated.
    pub(crate) corner: Option<(f64, f64)>,
    /// Columns and rows.
    pub(crate) size: Option<(usize, usize)>,
    /// Bounds in the CRS: min x, min y, max x, max y. The image may cover a part of them.
    pub(crate) bounds: Option<[f64; 4]>,
}

impl StatedGrid {
    /// A complete statement.
    pub(crate) fn new(by: &str, grid: &Grid) -> Self {
        Self {
            by: by.to_owned(),
            epsg: Some(grid.crs.epsg()),
            transform: Some(grid.transform),
            corner: None,
            size: Some((grid.width, grid.height)),
            bounds: None,
        }
    }

    /// The grid, if the statement is sufficient. It serves images without a georeference of their own.
    pub(crate) fn grid(&self) -> Option<Grid> {
        let (width, height) = self.size?;
        Some(Grid { crs: Crs::from_epsg(self.epsg?).ok()?, transform: self.transform?, width, height })
    }

    /// The first statement that contradicts the image's own grid, and the image's value, in words.
    fn contradiction(&self, own: &Grid) -> Option<String> {
        if let Some(epsg) = self.epsg.filter(|epsg| *epsg != own.crs.epsg()) {
            return Some(format!("EPSG:{epsg}, but the files are in {}", own.crs));
        }
        let t = &own.transform;
        let (width, height) = (t.pixel_width, -t.pixel_height);
        let same = |a: f64, b: f64, pixel: f64, count: usize| (a - b).abs() * count as f64 <= pixel * TOLERANCE_PX;
        if let Some(stated) = &self.transform
            && !(same(stated.pixel_width, t.pixel_width, width, own.width)
                && same(stated.pixel_height, t.pixel_height, height, own.height))
        {
            return Some(format!("pixels of {}, but the pixels of the files are {width}", stated.pixel_width));
        }
        if let Some((x, y)) = self.transform.map(|stated| (stated.origin_x, stated.origin_y)).or(self.corner)
            && !(same(x, t.origin_x, width, 1) && same(y, t.origin_y, height, 1))
        {
            return Some(format!(
                "the upper left corner ({x}, {y}), but that of the files is ({}, {})",
                t.origin_x, t.origin_y
            ));
        }
        if let Some((columns, rows)) = self.size.filter(|size| *size != (own.width, own.height)) {
            return Some(format!("{columns} x {rows} pixels, but the files have {} x {}", own.width, own.height));
        }
        let [west, south, east, north] = self.bounds?;
        let [min_x, min_y, max_x, max_y] = own.bounds();
        let inside =
            west - width <= min_x && max_x <= east + width && south - height <= min_y && max_y <= north + height;
        (!inside).then(|| {
            format!(
                "the bounds {west} {south} {east} {north}, but those of the files are {min_x} {min_y} {max_x} {max_y}"
            )
        })
    }
}

/// The EPSG code, from either version of the Projection extension.
pub(crate) fn epsg(value: &Value) -> Option<u16> {
    let code =
        value["proj:code"].as_str().and_then(|code| code.strip_prefix("EPSG:")).and_then(|code| code.parse().ok());
    code.or_else(|| value["proj:epsg"].as_u64().and_then(|code| code.try_into().ok()))
}

/// Collects the contradictions of the images of a scene, and says each one once.
#[derive(Debug, Default)]
pub(crate) struct Contradictions {
    /// Names of the images by source and contradiction.
    found: BTreeMap<(String, String), Vec<String>>,
}

impl Contradictions {
    /// Compares the statement about an image with its own grid.
    pub(crate) fn compare(&mut self, name: String, stated: &StatedGrid, own: &Grid) {
        if let Some(text) = stated.contradiction(own) {
            self.found.entry((stated.by.clone(), text)).or_default().push(name);
        }
    }

    /// One warning per contradiction.
    pub(crate) fn warnings(self) -> impl Iterator<Item = String> {
        self.found.into_iter().map(|((by, text), names)| {
            format!("{by} states for {} {text}: the georeference of the files was used", names.join(", "))
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn own() -> Grid {
        let transform = GeoTransform::north_up(600_000.0, 6_100_000.0, 10.0);
        Grid { crs: Crs::from_epsg(32610).unwrap(), transform, width: 240, height: 240 }
    }

    #[test]
    fn statements_that_differ_are_named_with_both_values() {
        let stated = StatedGrid::new("the item", &own());
        assert_eq!(stated.contradiction(&own()), None);
        assert_eq!(stated.grid().unwrap(), own());
        let said = |change: &dyn Fn(&mut StatedGrid)| {
            let mut stated = StatedGrid::new("the item", &own());
            change(&mut stated);
            stated.contradiction(&own()).unwrap_or_default()
        };
        assert_eq!(said(&|s| s.epsg = Some(32611)), "EPSG:32611, but the files are in EPSG:32610");
        let text = said(&|s| s.transform = Some(GeoTransform::north_up(605_000.0, 6_100_000.0, 10.0)));
        assert!(text.contains("(605000, 6100000)") && text.contains("(600000, 6100000)"), "{text}");
        assert!(said(&|s| s.transform = Some(GeoTransform::north_up(600_000.0, 6_100_000.0, 20.0))).contains("of 20,"));
        assert!(said(&|s| (s.transform, s.corner) = (None, Some((6e5, 6.2e6)))).contains("(600000, 6200000)"));
        assert!(said(&|s| s.size = Some((240, 120))).contains("240 x 120 pixels"));
        assert!(said(&|s| s.bounds = Some([6e5, 6.09e6, 6.01e5, 6.1e6])).contains("600000 6090000 601000 6100000"));
        // A clip lies in the bounds of its item, and rounded coordinates are no contradiction.
        assert_eq!(said(&|s| s.bounds = Some([5e5, 6e6, 7e5, 6.2e6])), "");
        assert_eq!(said(&|s| s.transform = Some(GeoTransform::north_up(600_000.4, 6_100_000.0, 10.0))), "");
    }

    #[test]
    fn a_contradiction_of_many_images_is_said_once() {
        let stated = StatedGrid { by: "the item".to_owned(), epsg: Some(32611), ..StatedGrid::default() };
        assert_eq!(stated.grid(), None);
        let mut found = Contradictions::default();
        for band in ["B02", "B04"] {
            found.compare(band.to_owned(), &stated, &own());
        }
        let warnings: Vec<String> = found.warnings().collect();
        assert_eq!(warnings.len(), 1);
        assert!(warnings[0].starts_with("the item states for B02, B04 EPSG:32611, but"), "{warnings:?}");
    }
}
