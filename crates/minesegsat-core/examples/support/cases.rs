// Rasterization cases as text: the output of `scripts/compare_rasterize.py`, and the golden file of the unit test.
//
//     case NAME
//     grid WIDTH HEIGHT ORIGIN_X ORIGIN_Y PIXEL_WIDTH PIXEL_HEIGHT
//     polygon                     (starts a polygon of the case)
//     ring X Y X Y ...            (the first ring of a polygon is its exterior)
//     mask                        (then one line of `.` and `#` per row)

use geo::{Coord, LineString, MultiPolygon, Polygon};

/// One set of polygons on one grid.
#[derive(Debug)]
pub(crate) struct Case {
    pub name: String,
    pub width: usize,
    pub height: usize,
    /// Origin x and y, pixel width and height.
    pub transform: [f64; 4],
    pub polygons: MultiPolygon<f64>,
    /// Expected rows, if any.
    pub mask: Vec<String>,
}

/// Reads cases. Panics on malformed text, because only our own scripts write it.
pub(crate) fn parse(text: &str) -> Vec<Case> {
    let mut cases: Vec<Case> = Vec::new();
    for line in text.lines().filter(|line| !line.starts_with('%') && !line.is_empty()) {
        let (word, rest) = line.split_once(' ').unwrap_or((line, ""));
        if word == "case" {
            let polygons = MultiPolygon(Vec::new());
            let name = rest.to_owned();
            cases.push(Case { name, width: 0, height: 0, transform: [0.0; 4], polygons, mask: Vec::new() });
            continue;
        }
        let case = cases.last_mut().expect("a case comes first");
        let numbers = || rest.split(' ').map(|v| v.parse::<f64>().expect("a number")).collect::<Vec<_>>();
        match word {
            "grid" => {
                let grid = numbers();
                (case.width, case.height) = (grid[0] as usize, grid[1] as usize);
                case.transform = [grid[2], grid[3], grid[4], grid[5]];
            }
            "polygon" => case.polygons.0.push(Polygon::new(LineString(Vec::new()), Vec::new())),
            "ring" => {
                let ring = LineString(numbers().chunks(2).map(|c| Coord { x: c[0], y: c[1] }).collect());
                let polygon = case.polygons.0.last_mut().expect("a polygon comes first");
                if polygon.exterior().0.is_empty() {
                    *polygon = Polygon::new(ring, Vec::new());
                } else {
                    polygon.interiors_push(ring);
                }
            }
            "mask" => {}
            _ => case.mask.push(line.to_owned()),
        }
    }
    cases
}
