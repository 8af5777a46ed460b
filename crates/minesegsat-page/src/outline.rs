use std::fmt::Write;

use geo::MultiPolygon;

/// Converts rings to an SVG path in tenths of pixels. Uses relative and axis-parallel commands where possible.
pub fn svg_path(polygons: &MultiPolygon<f64>, scale_x: f64, scale_y: f64) -> String {
    let mut path = String::new();
    for ring in polygons.iter().flat_map(|p| std::iter::once(p.exterior()).chain(p.interiors())) {
        let tenths =
            |c: &geo::Coord<f64>| ((c.x * scale_x * 10.0).round() as i64, (c.y * scale_y * 10.0).round() as i64);
        let mut points = ring.0.iter().map(tenths);
        let Some(mut last) = points.next() else { continue };
        let number = |tenths: i64| (tenths as f64 / 10.0).to_string();
        let _ = write!(path, "M{} {}", number(last.0), number(last.1));
        for point in points {
            let (dx, dy) = (point.0 - last.0, point.1 - last.1);
            let _ = match (dx, dy) {
                (0, 0) => Ok(()),
                (dx, 0) => write!(path, "h{}", number(dx)),
                (0, dy) => write!(path, "v{}", number(dy)),
                (dx, dy) => write!(path, "l{} {}", number(dx), number(dy)),
            };
            last = point;
        }
        path.push('z');
    }
    path
}

#[cfg(test)]
mod tests {
    use geo::polygon;

    use super::*;

    #[test]
    fn paths_keep_holes_and_slanted_edges() {
        let shape = polygon!(
            exterior: [(x: 0.0, y: 0.0), (x: 4.0, y: 0.0), (x: 4.0, y: 4.0), (x: 0.0, y: 0.0)],
            interiors: [[(x: 2.0, y: 1.0), (x: 3.0, y: 1.0), (x: 3.0, y: 2.0), (x: 2.0, y: 1.0)]]
        );
        assert_eq!(svg_path(&MultiPolygon(vec![shape]), 0.5, 1.0), "M0 0h2v4l-2 -4zM1 1h0.5v1l-0.5 -1z");
    }
}
