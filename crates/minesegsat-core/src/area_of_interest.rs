//! The area of interest of a run, and the window of a grid that contains it.

use geo::{BooleanOps, BoundingRect, Intersects, MapCoords, MultiPolygon, Polygon, Rect, Translate};

use crate::{Crs, Error, Grid, Result, Window, crs::Transformer};

/// The part of the scene to map.
#[derive(Debug, Clone, Default)]
pub enum AreaOfInterest {
    /// The whole scene.
    #[default]
    Scene,
    /// West, south, east, north in degrees (WGS 84): the smallest window that contains this box. West > east crosses the
    /// antimeridian.
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

/// Checks a box in degrees: west, south, east, north. West > east crosses the antimeridian, as in STAC; then the box spans
/// at most 180 degrees, because a wider one is a mistake. Every command takes its boxes through this function.
pub fn check_bbox(bbox: [f64; 4]) -> Result<[f64; 4]> {
    let [west, south, east, north] = bbox;
    let longitude = |v: f64| (-180.0..=180.0).contains(&v);
    let latitude = |v: f64| (-90.0..=90.0).contains(&v);
    let in_range = longitude(west) && latitude(south) && longitude(east) && latitude(north);
    if in_range && south < north && (west < east || (west > east && east + 360.0 - west <= 180.0)) {
        return Ok(bbox);
    }
    let may_be_swapped = latitude(west) && latitude(east) && longitude(south) && longitude(north) && west < east;
    let hint = if in_range && south < north && west > east {
        "; are west and east exchanged?"
    } else if may_be_swapped && !(latitude(south) && latitude(north)) {
        "; are latitude and longitude swapped?"
    } else {
        ""
    };
    Err(Error::Argument {
        name: "bbox",
        value: format!("{west},{south},{east},{north}"),
        accepted: format!(
            "west,south,east,north in degrees, with west < east (west > east only across the antimeridian) and \
             south < north{hint}"
        ),
    })
}

/// A box in degrees as one polygon, or as two if it crosses the antimeridian (west > east).
pub fn rectangles([west, south, east, north]: [f64; 4]) -> MultiPolygon<f64> {
    let rect = |west, east| Rect::new((west, south), (east, north)).to_polygon();
    MultiPolygon(if west <= east { vec![rect(west, east)] } else { vec![rect(west, 180.0), rect(-180.0, east)] })
}

/// Unwraps a polygon in degrees whose longitudes jump from one side of the antimeridian to the other: its western part
/// continues past 180 degrees.
///
/// Only if all of it lies nearer to the antimeridian than to Greenwich. Other such polygons are wide ones.
pub fn unwrapped(polygon: &Polygon<f64>) -> Polygon<f64> {
    let ring = &polygon.exterior().0;
    let jumps = ring.windows(2).any(|pair| (pair[1].x - pair[0].x).abs() > 180.0);
    let is_far = ring.iter().all(|c| c.x.abs() >= 90.0);
    let is_whole_globe = ring.iter().any(|c| c.x <= -180.0) && ring.iter().any(|c| c.x >= 180.0);
    if !(jumps && is_far) || is_whole_globe {
        return polygon.clone();
    }
    polygon.map_coords(|c| geo::coord! { x: if c.x < 0.0 { c.x + 360.0 } else { c.x }, y: c.y })
}

/// Cuts polygons in degrees, within -180 to 180, that are wider than half the Earth: at Greenwich. Then [`unwrapped`] takes none of
/// their edges for one across the antimeridian.
pub fn cut_wide(polygons: MultiPolygon<f64>) -> MultiPolygon<f64> {
    let is_wide = |polygon: &Polygon<f64>| polygon.bounding_rect().is_some_and(|rect| rect.width() > 180.0);
    if !polygons.iter().any(is_wide) {
        return polygons;
    }
    let halves = [-180.0, 0.0].map(|west| Rect::new((west, -90.0), (west + 180.0, 90.0)).to_polygon());
    let mut parts = Vec::with_capacity(polygons.0.len() + 1);
    for polygon in polygons {
        if is_wide(&polygon) {
            parts.extend(halves.iter().flat_map(|half| polygon.intersection(half)));
        } else {
            parts.push(polygon);
        }
    }
    MultiPolygon(parts)
}

/// The same longitude may be written as -179 or 181.
const TURNS: [f64; 3] = [-360.0, 0.0, 360.0];

/// Bounds, in the scene's CRS, of the part of a bounding box in degrees that lies on the scene.
///
/// The box is clipped before it is transformed, because the projection of a scene is valid near the scene only. Far away
/// it may fold.
fn bbox_on_scene(full: &Grid, bbox: [f64; 4]) -> Result<Option<[f64; 4]>> {
    let [w, s, mut e, n] = Transformer::new(&full.crs, &Crs::WGS84)?.transform_bounds(full.bounds())?;
    if e < w {
        // A scene across the antimeridian.
        e += 360.0;
    }
    let to_scene = Transformer::new(&Crs::WGS84, &full.crs)?;
    let mut found: Option<[f64; 4]> = None;
    for part in rectangles(check_bbox(bbox)?).iter().filter_map(BoundingRect::bounding_rect) {
        for turn in TURNS {
            let [west, south, east, north] = corners(part.translate(turn, 0.0));
            let cut = [west.max(w), south.max(s), east.min(e), north.min(n)];
            if cut[0] < cut[2] && cut[1] < cut[3] {
                // Grids in degrees have their own range of longitudes.
                let back = if full.crs.is_geographic() { 0.0 } else { turn };
                let b = to_scene.transform_bounds([cut[0] - back, cut[1], cut[2] - back, cut[3]])?;
                found = Some(found.map_or(b, |a| [a[0].min(b[0]), a[1].min(b[1]), a[2].max(b[2]), a[3].max(b[3])]));
            }
        }
    }
    Ok(found)
}

/// The parts of polygons on the scene and in a margin around it, in the scene's CRS.
///
/// Edges are straight in the CRS of the input, so long edges get more vertices. Rings in degrees may jump across the
/// antimeridian.
pub fn polygons_on_scene(full: &Grid, polygons: &MultiPolygon<f64>, crs: &Crs) -> Result<MultiPolygon<f64>> {
    let in_degrees = crs.is_geographic();
    if *crs == full.crs && !in_degrees {
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
    let turns: &[f64] = if in_degrees { &TURNS } else { &[0.0] };
    let mut near = Vec::new();
    for polygon in polygons {
        let polygon = if in_degrees { &unwrapped(polygon) } else { polygon };
        for &turn in turns {
            let polygon = polygon.translate(turn, 0.0);
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
    fn areas_across_the_antimeridian_are_one_place() {
        // 1200 m x 1200 m in zone 1, across the antimeridian at 17.5 S (pyproj: -180 is x = 181_561.7 at this latitude),
        // and the same place in degrees, in both ranges of longitudes.
        let utm = Grid {
            crs: Crs::from_epsg(32701).unwrap(),
            transform: GeoTransform::north_up(181_000.0, 8_060_500.0, 10.0),
            width: 120,
            height: 120,
        };
        let degrees = |west: f64| Grid {
            crs: Crs::WGS84,
            transform: GeoTransform::north_up(west, -17.52, 0.0001),
            width: 120,
            height: 120,
        };
        let (south, north) = (-17.5290, -17.5230);
        let ring = |west: f64, east: f64| polygon![(x: west, y: south), (x: east, y: south), (x: east, y: north), (x: west, y: north)];
        for full in [utm, degrees(179.994), degrees(-180.006)] {
            let mut windows = Vec::new();
            for parts in [
                vec![ring(179.998, -179.998)],
                vec![ring(179.998, 180.002)],
                vec![ring(-180.002, -179.998)],
                vec![ring(179.998, 180.0), ring(-180.0, -179.998)],
            ] {
                windows.push(locate(&full, &AreaOfInterest::Polygons(MultiPolygon(parts), Crs::WGS84)).unwrap().0);
            }
            let bbox = locate(&full, &AreaOfInterest::Bbox([179.998, south, -179.998, north])).unwrap().0;
            assert!(windows.iter().all(|window| *window == windows[0]), "{}: {windows:?}", full.crs);
            assert_eq!(bbox, windows[0], "{}", full.crs);
            // 0.004 degrees are 424 m at this latitude, and 3 m more where the box is turned against the grid.
            assert!((40..=46).contains(&bbox.width), "{}: {bbox:?}", full.crs);
        }
    }

    #[test]
    fn boxes_that_are_none_are_refused() {
        for bad in [
            [1.0, 4.0, 3.0, 2.0],
            [f64::NAN, 1.0, 2.0, 3.0],
            [1.0, 2.0, 3.0, 91.0],
            [170.0, 0.0, 190.0, 1.0],
            [3.0, 2.0, 1.0, 4.0],
        ] {
            assert!(check_bbox(bad).unwrap_err().to_string().contains("west,south,east,north"), "{bad:?}");
        }
        assert!(check_bbox([179.99, -17.53, -179.99, -17.52]).is_ok());
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
