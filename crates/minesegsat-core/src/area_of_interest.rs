//! The area of interest of a run, and the window of a grid that contains it.

use geo::{BooleanOps, BoundingRect, Intersects, MultiPolygon, Rect, Translate};

use crate::{Crs, Error, Grid, Result, Window, crs::Transformer};

/// The part of the scene to map.
#[derive(Debug, Clone, Default)]
pub enum AreaOfInterest {
    /// The whole scene.
    #[default]
    Scene,
    /// West, south, east, north in degrees (WGS 84): the smallest window that contains this box.
    Bbox([f64; 4]),
    /// The window around polygons. Pixels whose centres lie outside the polygons are not assessed.
    Polygons(MultiPolygon<f64>, Crs),
}

/// The window of the area of interest, and its polygons, if any, in the CRS of the scene. The error states the location of
/// the scene.
pub fn locate(full: &Grid, area: &AreaOfInterest) -> Result<(Window, Option<MultiPolygon<f64>>)> {
    let (bounds, polygons) = match area {
        AreaOfInterest::Scene => return Ok((full.full_window(), None)),
        AreaOfInterest::Bbox(bbox) => (bbox_on_scene(full, *bbox)?, None),
        AreaOfInterest::Polygons(polygons, crs) => {
            let polygons = polygons_on_scene(full, polygons, crs)?;
            (polygons.bounding_rect().map(corners), Some(polygons))
        }
    };
    match bounds.and_then(|bounds| full.window_of_bounds(bounds)) {
        Some(window) => Ok((window, polygons)),
        None => Err(elsewhere(full, area)),
    }
}

/// Bounds, in the scene's CRS, of the part of a bounding box in degrees that lies on the scene.
///
/// The box is clipped before it is transformed, because the projection of a scene is valid near the scene only. Far away
/// it may fold.
fn bbox_on_scene(full: &Grid, bbox: [f64; 4]) -> Result<Option<[f64; 4]>> {
    let [west, south, east, north] = bbox;
    if !(-180.0 <= west && west < east && east <= 180.0 && -90.0 <= south && south < north && north <= 90.0) {
        return Err(Error::Argument {
            name: "bbox",
            value: format!("{west},{south},{east},{north}"),
            accepted: "west,south,east,north in degrees, with west < east and south < north".to_owned(),
        });
    }
    let [w, s, e, n] = Transformer::new(&full.crs, &Crs::WGS84)?.transform_bounds(full.bounds())?;
    // A scene across the antimeridian has a western bound greater than its eastern bound.
    let spans = if w <= e { vec![(w, e)] } else { vec![(w, 180.0), (-180.0, e)] };
    let to_scene = Transformer::new(&Crs::WGS84, &full.crs)?;
    let mut found: Option<[f64; 4]> = None;
    for (w, e) in spans {
        let cut = [west.max(w), south.max(s), east.min(e), north.min(n)];
        if cut[0] < cut[2] && cut[1] < cut[3] {
            let b = to_scene.transform_bounds(cut)?;
            found = Some(found.map_or(b, |a| [a[0].min(b[0]), a[1].min(b[1]), a[2].max(b[2]), a[3].max(b[3])]));
        }
    }
    Ok(found)
}

/// The parts of polygons on the scene and in a margin around it, in the scene's CRS.
///
/// Edges are straight in the CRS of the input, so long edges get more vertices.
pub fn polygons_on_scene(full: &Grid, polygons: &MultiPolygon<f64>, crs: &Crs) -> Result<MultiPolygon<f64>> {
    if *crs == full.crs {
        return Ok(polygons.clone());
    }
    let mut around = Transformer::new(&full.crs, crs)?.transform_bounds(full.bounds())?;
    if around[2] < around[0] {
        around[2] += 360.0;
    }
    let (width, height) = (around[2] - around[0], around[3] - around[1]);
    let frame = Rect::new(
        (around[0] - width / 2.0, around[1] - height / 2.0),
        (around[2] + width / 2.0, around[3] + height / 2.0),
    );
    // The same longitude may be written as -179 or 181.
    let shifts: &[f64] = if crs.is_geographic() { &[-360.0, 0.0, 360.0] } else { &[0.0] };
    let mut near = Vec::new();
    for polygon in polygons {
        for &shift in shifts {
            let polygon = polygon.translate(shift, 0.0);
            match polygon.bounding_rect() {
                Some(rect) if !rect.intersects(&frame) => {}
                Some(rect)
                    if frame.min().x <= rect.min().x
                        && rect.max().x <= frame.max().x
                        && frame.min().y <= rect.min().y
                        && rect.max().y <= frame.max().y =>
                {
                    near.push(polygon);
                }
                Some(_) => near.extend(polygon.intersection(&frame.to_polygon())),
                None => {}
            }
        }
    }
    Transformer::new(crs, &full.crs)?.transform_densified(&MultiPolygon(near), width.max(height) / 100.0)
}

fn corners(rect: Rect<f64>) -> [f64; 4] {
    [rect.min().x, rect.min().y, rect.max().x, rect.max().y]
}

/// The error for an area outside the scene. It states both locations in degrees, so that they can be compared.
fn elsewhere(full: &Grid, area: &AreaOfInterest) -> Error {
    let in_degrees = |bounds: [f64; 4], crs: &Crs| {
        let found = Transformer::new(crs, &Crs::WGS84).and_then(|to| to.transform_bounds(bounds));
        found.map_or_else(|_| format!("unknown in {crs}"), |b| b.map(|v| format!("{v:.4}")).join(","))
    };
    let value = match area {
        AreaOfInterest::Scene => "scene".to_owned(),
        AreaOfInterest::Bbox(bbox) => bbox.map(|v| v.to_string()).join(","),
        AreaOfInterest::Polygons(polygons, crs) => {
            polygons.bounding_rect().map_or_else(|| "no polygon".to_owned(), |rect| in_degrees(corners(rect), crs))
        }
    };
    let scene = in_degrees(full.bounds(), &full.crs);
    Error::Argument {
        name: "area",
        value,
        accepted: format!("it does not touch the scene, which covers {scene} (west,south,east,north in degrees)"),
    }
}

/// Grows a window by `margin` pixels on each side, and at least to the patch size if the scene is large enough.
pub fn with_context(full: &Grid, window: Window, patch_size: usize, margin: usize) -> Window {
    let grow = |start: usize, len: usize, full: usize| {
        let from = start.saturating_sub(margin);
        let end = (start + len + margin).min(full);
        let lacking = patch_size.min(full).saturating_sub(end - from);
        let end_grown = (end + lacking.div_ceil(2)).min(full);
        let from = from.saturating_sub(lacking - (end_grown - end));
        (from, (from + patch_size.min(full)).max(end_grown).min(full))
    };
    let (col, col_end) = grow(window.col, window.width, full.width);
    let (row, row_end) = grow(window.row, window.height, full.height);
    Window::new(col, row, col_end - col, row_end - row)
}

#[cfg(test)]
mod tests {
    use geo::polygon;

    use super::*;
    use crate::GeoTransform;

    /// 1200 m x 1200 m at 49.64 N, 121.61 W.
    fn grid() -> Grid {
        let transform = GeoTransform::north_up(600_000.0, 5_500_020.0, 10.0);
        Grid { crs: Crs::from_epsg(32610).unwrap(), transform, width: 120, height: 120 }
    }

    fn window(area: &AreaOfInterest) -> Result<Window> {
        locate(&grid(), area).map(|(window, _)| window)
    }

    #[test]
    fn boxes_of_any_size_hold_the_scene_inside_them() {
        for bbox in [[-180.0, -90.0, 180.0, 90.0], [-130.0, 20.0, -60.0, 60.0], [-122.0, 49.0, -121.0, 50.0]] {
            assert_eq!(window(&AreaOfInterest::Bbox(bbox)).unwrap(), grid().full_window(), "{bbox:?}");
        }
    }

    #[test]
    fn places_elsewhere_are_refused_in_degrees() {
        // The other side of the Earth, where the projection folds, and a box beside the scene.
        for bbox in [[57.0, -50.0, 59.0, -49.0], [58.0, 49.0, 59.0, 50.0], [-121.5, 49.6, -121.4, 49.7]] {
            let message = window(&AreaOfInterest::Bbox(bbox)).unwrap_err().to_string();
            // pyproj 3.7: Transformer.from_crs(32610, 4326, always_xy=True).transform_bounds(600000, 5498820, 601200, 5500020)
            assert!(message.contains("covers -121.6151,49.6334,-121.5982,49.6444"), "{message}");
        }
    }

    #[test]
    fn edges_of_polygons_are_straight_in_their_own_system() {
        // A box of one degree: its northern edge runs along a parallel, which the scene's projection bends by 100 m.
        let (south, north) = (49.0, 49.64);
        let ring = polygon![
            (x: -122.0, y: south), (x: -121.0, y: south), (x: -121.0, y: north), (x: -122.0, y: north)
        ];
        let polygons = locate(&grid(), &AreaOfInterest::Polygons(MultiPolygon(vec![ring]), Crs::WGS84)).unwrap();
        let bbox = window(&AreaOfInterest::Bbox([-122.0, south, -121.0, north])).unwrap();
        // The polygon is kept a little beyond the scene, where the parallel lies further north on the map.
        assert!(polygons.0.row <= bbox.row && bbox.row - polygons.0.row <= 3, "{:?} {bbox:?}", polygons.0);
        assert_eq!((polygons.0.row_end(), polygons.0.col, polygons.0.width), (bbox.row_end(), bbox.col, bbox.width));
        // The world as a polygon, and the same longitudes plus 360 degrees.
        for west in [-180.0, 180.0] {
            let east = west + 360.0;
            let world = polygon![(x: west, y: -80.0), (x: east, y: -80.0), (x: east, y: 80.0), (x: west, y: 80.0)];
            let area = AreaOfInterest::Polygons(MultiPolygon(vec![world]), Crs::WGS84);
            assert_eq!(window(&area).unwrap(), grid().full_window());
        }
    }
}
