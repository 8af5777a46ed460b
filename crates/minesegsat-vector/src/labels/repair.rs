//! Repair of outlines to valid geometries (OGC 06-103r4, 6.1.11), if the result is unambiguous.
//!
//! These repairs are always made, because they do not change the area: remove repeated positions and spikes, close open
//! rings, leave out rings without area, wind shells counterclockwise and holes clockwise.
//!
//! Rings that cross or touch themselves or one another in more than single points have two readings:
//! - **by parity**: a point is inside if an odd number of rings enclose it. GDAL burns and QGIS fills polygons in this way.
//! - **by role**: a point is inside if the shell encloses it, once or more often, and no hole does.
//!
//! If the areas of both readings differ by at most [`TOLERANCE_M2`], the outline is unambiguous and is redrawn by parity. A
//! bow tie becomes two triangles, a ring that touches itself a polygon with a hole, and a hole slightly beyond its shell a
//! bay. If the areas differ more, for example because a ring repeats itself or holes overlap, the intended shape is unknown,
//! and the feature is dropped.
//!
//! Parts of one feature that overlap or share edges are united, because every part is labelled.

use minesegsat_core::guard;
use std::collections::BTreeSet;

use geo::bool_ops::FillRule;
use geo::coordinate_position::{CoordPos, coord_pos_relative_to_ring};
use geo::kernels::{Kernel, Orientation, RobustKernel};
use geo::{Area, BooleanOps, Coord, LineString, MultiPolygon, OpType, Polygon, Validation, unary_union};
use rstar::primitives::{GeomWithData, Rectangle};
use rstar::{AABB, RTree};

use super::Repair;
use super::raw::Ring;

/// Maximum area difference of the two readings of an outline, in m2: a quarter of a 10 m pixel. An area of 25 m2 contains a
/// pixel centre with probability 1/4.
pub(super) const TOLERANCE_M2: f64 = 25.0;

const UNREPAIRABLE: &str = "its outline crosses itself in a way that cannot be repaired";

/// A valid outline, or the reason why there is none.
///
/// `m2_per_unit2`: square metres per square unit of the coordinates at this location.
pub(super) fn repair(
    polygons: Vec<Vec<Ring>>,
    m2_per_unit2: f64,
    repairs: &mut BTreeSet<Repair>,
) -> Result<MultiPolygon<f64>, String> {
    let mut parts = Vec::with_capacity(polygons.len());
    for rings in polygons {
        let mut kept = Vec::with_capacity(rings.len());
        for (place, ring) in rings.into_iter().enumerate() {
            match clean(ring, repairs)? {
                Some(ring) => kept.push(ring),
                // A hole needs a shell.
                None if place == 0 => break,
                None => {}
            }
        }
        if !kept.is_empty() {
            parts.push(wind(kept, repairs));
        }
    }
    if parts.is_empty() {
        return Err("its outline encloses no area".to_owned());
    }
    let contacts = Contacts::find(&parts);
    if contacts.is_clean() && is_nested(&parts) {
        return Ok(MultiPolygon(parts));
    }
    // Rings and parts may touch at single points. Only then is the slow exact check needed.
    if !contacts.within_rings && !contacts.crossing && contacts.are_valid(&parts) {
        return Ok(MultiPolygon(parts));
    }
    let shape = MultiPolygon(parts);
    // i_overlay panics on one in tens of thousands of outlines that cross themselves often. It keeps no state after a panic.
    let redrawn = guard(|| redraw(&shape, m2_per_unit2), |_| UNREPAIRABLE.to_owned())?;
    let is_multi = shape.0.len() > 1;
    let before: Vec<bool> = shape.0.iter().map(is_valid_alone).collect();
    if contacts.within_rings {
        repairs.insert(Repair::SelfIntersection);
    } else if before.contains(&false) {
        repairs.insert(Repair::Holes);
    }
    if is_multi && (!contacts.touching.is_empty() || !is_nested(&shape.0)) {
        repairs.insert(Repair::Parts);
    }
    Ok(redrawn)
}

/// A ring without repeated positions, spikes and gaps; `None` if nothing is left of it.
fn clean(mut ring: Ring, repairs: &mut BTreeSet<Repair>) -> Result<Option<Ring>, String> {
    if let Some(c) = ring.iter().find(|c| !c.x.is_finite() || !c.y.is_finite()) {
        return Err(format!("position ({}, {}) is not finite", c.x, c.y));
    }
    if ring.len() > 1 && ring.first() == ring.last() {
        ring.pop();
    } else if ring.len() > 2 {
        repairs.insert(Repair::Closed);
    }
    // From here on the ring is open: its last vertex connects to its first.
    let before = ring.len();
    ring.dedup();
    while ring.len() > 1 && ring.first() == ring.last() {
        ring.pop();
    }
    if ring.len() < before {
        repairs.insert(Repair::RepeatedPositions);
    }
    let before = ring.len();
    let ring = without_spikes(ring);
    if ring.len() < 3 || is_flat(&ring) {
        repairs.insert(Repair::EmptyRings);
        return Ok(None);
    }
    if ring.len() < before {
        repairs.insert(Repair::Spikes);
    }
    let mut ring = ring;
    ring.push(ring[0]);
    Ok(Some(ring))
}

/// Removes vertices at which a ring exactly reverses its direction.
fn without_spikes(ring: Ring) -> Ring {
    let is_spike = |a: Coord<f64>, b: Coord<f64>, c: Coord<f64>| {
        let turns_back = (a.x - b.x) * (c.x - b.x) + (a.y - b.y) * (c.y - b.y) > 0.0;
        a == c || (turns_back && RobustKernel::orient2d(a, b, c) == Orientation::Collinear)
    };
    let mut out: Ring = Vec::with_capacity(ring.len());
    for vertex in ring {
        out.push(vertex);
        loop {
            match out[..] {
                [.., b, c] if b == c => _ = out.pop(),
                [.., a, b, c] if is_spike(a, b, c) => _ = out.remove(out.len() - 2),
                _ => break,
            }
        }
    }
    // Also across the start of the ring.
    loop {
        let [first, second, .., before, last] = out[..] else { return out };
        if first == last || is_spike(before, last, first) {
            out.pop();
        } else if is_spike(last, first, second) {
            out.remove(0);
        } else {
            return out;
        }
    }
}

/// Whether all vertices lie on one line.
fn is_flat(ring: &[Coord<f64>]) -> bool {
    ring.iter().skip(2).all(|&c| RobustKernel::orient2d(ring[0], ring[1], c) == Orientation::Collinear)
}

/// A polygon with its shell counterclockwise and its holes clockwise. If all rings run the other way, the file uses another
/// convention. A shell and a hole with the same direction are an error, which counts as a repair.
fn wind(rings: Vec<Ring>, repairs: &mut BTreeSet<Repair>) -> Polygon<f64> {
    let mut rings = rings.into_iter().map(LineString);
    let area = |ring: &LineString<f64>| Polygon::new(ring.clone(), Vec::new()).signed_area();
    let turn = |ring: &mut LineString<f64>, ccw: bool| {
        let turned = (area(ring) > 0.0) != ccw;
        if turned {
            ring.0.reverse();
        }
        turned
    };
    let mut shell = rings.next().unwrap_or_else(|| LineString(Vec::new()));
    let turned_shell = turn(&mut shell, true);
    let mut holes: Vec<LineString<f64>> = rings.collect();
    for hole in &mut holes {
        if turn(hole, false) != turned_shell {
            repairs.insert(Repair::Winding);
        }
    }
    Polygon::new(shell, holes)
}

/// Contacts between the rings of a feature.
#[derive(Debug, Default)]
struct Contacts {
    /// Edges of any rings cross or overlap.
    crossing: bool,
    /// A ring meets itself, except at the ends of neighbouring edges.
    within_rings: bool,
    /// Parts whose rings meet one another.
    between_rings: BTreeSet<u32>,
    /// Pairs of parts that meet.
    touching: BTreeSet<(u32, u32)>,
}

/// Number of edges from which a tree of their boxes is faster than a sweep.
const MANY_EDGES: usize = 2000;

type BoxedEdge = GeomWithData<Rectangle<[f64; 2]>, usize>;

#[derive(Debug, Clone, Copy)]
struct Edge {
    a: Coord<f64>,
    b: Coord<f64>,
    part: u32,
    ring: u32,
    place: u32,
    /// Number of edges of the ring.
    len: u32,
}

impl Edge {
    fn x(&self) -> (f64, f64) {
        (self.a.x.min(self.b.x), self.a.x.max(self.b.x))
    }

    fn y(&self) -> (f64, f64) {
        (self.a.y.min(self.b.y), self.a.y.max(self.b.y))
    }

    fn follows(&self, other: &Self) -> bool {
        self.part == other.part && self.ring == other.ring && (other.place + 1) % self.len == self.place
    }
}

/// Contact of two edges.
enum Meeting {
    Nowhere,
    /// At one point that is an end of one of them.
    End,
    /// At an inner point of both, or along a line.
    Crossing,
}

impl Contacts {
    /// Tests all pairs of edges whose bounding boxes intersect: by a sweep along x, or through a tree if there are many.
    fn find(parts: &[Polygon<f64>]) -> Self {
        let mut edges = Vec::new();
        for (part, polygon) in parts.iter().enumerate() {
            for (ring, line) in std::iter::once(polygon.exterior()).chain(polygon.interiors()).enumerate() {
                let len = line.0.len().saturating_sub(1) as u32;
                edges.extend(line.0.windows(2).enumerate().map(|(place, pair)| Edge {
                    a: pair[0],
                    b: pair[1],
                    part: part as u32,
                    ring: ring as u32,
                    place: place as u32,
                    len,
                }));
            }
        }
        let mut contacts = Self::default();
        if edges.len() > MANY_EDGES {
            let boxed = |(place, edge): (usize, &Edge)| {
                let ((x0, x1), (y0, y1)) = (edge.x(), edge.y());
                BoxedEdge::new(Rectangle::from_corners([x0, y0], [x1, y1]), place)
            };
            let tree = RTree::bulk_load(edges.iter().enumerate().map(boxed).collect());
            for (one, two) in tree.intersection_candidates_with_other_tree(&tree) {
                if one.data < two.data {
                    contacts.add(&edges[one.data], &edges[two.data]);
                }
            }
            return contacts;
        }
        edges.sort_by(|a, b| a.x().0.total_cmp(&b.x().0));
        for (place, edge) in edges.iter().enumerate() {
            let ((_, east), (south, north)) = (edge.x(), edge.y());
            for other in edges[place + 1..].iter().take_while(|other| other.x().0 <= east) {
                let (low, high) = other.y();
                if low <= north && south <= high {
                    contacts.add(edge, other);
                }
            }
        }
        contacts
    }

    fn add(&mut self, one: &Edge, two: &Edge) {
        let meeting = meet(one, two);
        let same_ring = one.part == two.part && one.ring == two.ring;
        match meeting {
            Meeting::Nowhere => return,
            // Neighbours share an end; spikes were removed before.
            Meeting::End if same_ring && (one.follows(two) || two.follows(one)) => return,
            Meeting::End => {}
            Meeting::Crossing => self.crossing = true,
        }
        if same_ring {
            self.within_rings = true;
        } else if one.part == two.part {
            self.between_rings.insert(one.part);
        } else {
            self.touching.insert((one.part.min(two.part), one.part.max(two.part)));
        }
    }

    fn is_clean(&self) -> bool {
        !(self.crossing || self.within_rings) && self.between_rings.is_empty() && self.touching.is_empty()
    }

    /// Whether parts are valid that meet themselves and one another in single points at most.
    fn are_valid(&self, parts: &[Polygon<f64>]) -> bool {
        let touch = |one: usize, two: usize| self.touching.contains(&(one.min(two) as u32, one.max(two) as u32));
        let is_right = |(place, part): (usize, &Polygon<f64>)| {
            if self.between_rings.contains(&(place as u32)) { part.is_valid() } else { has_right_holes(part) }
        };
        parts.iter().enumerate().all(is_right)
            && are_apart(parts, touch)
            && self.touching.iter().all(|&(one, two)| {
                MultiPolygon(vec![parts[one as usize].clone(), parts[two as usize].clone()]).is_valid()
            })
    }
}

fn meet(one: &Edge, two: &Edge) -> Meeting {
    use Orientation::Collinear;
    let side = |edge: &Edge, c: Coord<f64>| RobustKernel::orient2d(edge.a, edge.b, c);
    let (a, b) = (side(one, two.a), side(one, two.b));
    let (c, d) = (side(two, one.a), side(two, one.b));
    if a == Collinear && b == Collinear {
        // The edges are collinear: compare them along the axis on which they are longer.
        let ((from, to), (start, end)) =
            if one.x().1 - one.x().0 >= one.y().1 - one.y().0 { (one.x(), two.x()) } else { (one.y(), two.y()) };
        let (low, high) = (from.max(start), to.min(end));
        return if low > high {
            Meeting::Nowhere
        } else if low == high {
            Meeting::End
        } else {
            Meeting::Crossing
        };
    }
    if (a == b && a != Collinear) || (c == d && c != Collinear) {
        return Meeting::Nowhere;
    }
    if [a, b, c, d].contains(&Collinear) { Meeting::End } else { Meeting::Crossing }
}

/// Whether holes lie in their shells and not in each other, and parts do not contain each other. No rings may meet.
fn is_nested(parts: &[Polygon<f64>]) -> bool {
    parts.iter().all(has_right_holes) && are_apart(parts, |_, _| false)
}

/// Whether the first vertex of a ring lies in another ring.
fn is_within(inner: &LineString<f64>, outer: &LineString<f64>) -> bool {
    coord_pos_relative_to_ring(inner.0[0], outer) == CoordPos::Inside
}

/// Pairs of rings (inner, outer) where the box of the outer one contains the first vertex of the inner one.
fn near_pairs<'a>(rings: &[&'a LineString<f64>]) -> impl Iterator<Item = (usize, usize)> + use<'a> {
    let boxed = |(place, ring): (usize, &&LineString<f64>)| {
        let [x0, y0, x1, y1] = super::bounds_of(&ring.0);
        BoxedEdge::new(Rectangle::from_corners([x0, y0], [x1, y1]), place)
    };
    let tree = RTree::bulk_load(rings.iter().enumerate().map(boxed).collect());
    let near = move |(place, first): (usize, Coord<f64>)| -> Vec<(usize, usize)> {
        let found = tree.locate_in_envelope_intersecting(&AABB::from_point([first.x, first.y]));
        found.map(|entry| (place, entry.data)).filter(|(inner, outer)| inner != outer).collect()
    };
    let firsts: Vec<Coord<f64>> = rings.iter().map(|ring| ring.0[0]).collect();
    firsts.into_iter().enumerate().flat_map(near)
}

/// Whether the holes of a part lie in its shell and not in each other.
fn has_right_holes(part: &Polygon<f64>) -> bool {
    let holes: Vec<&LineString<f64>> = part.interiors().iter().collect();
    holes.iter().all(|hole| is_within(hole, part.exterior()))
        && (holes.len() < 2 || near_pairs(&holes).all(|(inner, outer)| !is_within(holes[inner], holes[outer])))
}

/// Whether no part lies in another one, except in its holes. Pairs for which `skip` is true are not tested.
fn are_apart(parts: &[Polygon<f64>], skip: impl Fn(usize, usize) -> bool) -> bool {
    let shells: Vec<&LineString<f64>> = parts.iter().map(Polygon::exterior).collect();
    parts.len() < 2
        || near_pairs(&shells).all(|(inner, outer)| {
            skip(inner, outer)
                || !is_within(shells[inner], shells[outer])
                || parts[outer].interiors().iter().any(|hole| is_within(shells[inner], hole))
        })
}

fn is_valid_alone(part: &Polygon<f64>) -> bool {
    let parts = std::slice::from_ref(part);
    let contacts = Contacts::find(parts);
    (contacts.is_clean() && is_nested(parts)) || (!contacts.within_rings && !contacts.crossing && part.is_valid())
}

/// The outline by parity, part by part, with parts united. An error if the two readings differ.
fn redraw(shape: &MultiPolygon<f64>, m2_per_unit2: f64) -> Result<MultiPolygon<f64>, String> {
    let mut parts = Vec::with_capacity(shape.0.len());
    for part in shape {
        if is_valid_alone(part) {
            parts.push(MultiPolygon(vec![part.clone()]));
            continue;
        }
        let nothing = MultiPolygon(Vec::new());
        let by_parity = part.boolean_op_with_fill_rule(&nothing, OpType::Union, FillRule::EvenOdd);
        let shell = Polygon::new(part.exterior().clone(), Vec::new());
        let mut by_role = shell.boolean_op_with_fill_rule(&nothing, OpType::Union, FillRule::NonZero);
        for hole in part.interiors() {
            let hole = Polygon::new(hole.clone(), Vec::new());
            let hole = hole.boolean_op_with_fill_rule(&nothing, OpType::Union, FillRule::NonZero);
            by_role = by_role.difference(&hole);
        }
        let difference_m2 = by_parity.xor(&by_role).unsigned_area() * m2_per_unit2;
        if difference_m2 > TOLERANCE_M2 {
            return Err(format!(
                "its outline crosses itself and is ambiguous: two readings differ by {difference_m2:.0} m2"
            ));
        }
        parts.push(by_parity);
    }
    let united = if let [_] = parts[..] { parts.swap_remove(0) } else { unary_union(&parts) };
    if united.unsigned_area() <= 0.0 {
        return Err("its outline encloses no area".to_owned());
    }
    // Crossings were rounded to a grid, so close edges may meet again.
    for part in &united {
        if !is_valid_alone(part) {
            return Err(UNREPAIRABLE.to_owned());
        }
    }
    Ok(united)
}
