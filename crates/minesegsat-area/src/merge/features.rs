//! Pieces of land of each CRS become features: joined across zones and across the antimeridian, with ids that last over periods.

use std::collections::{BTreeMap, BTreeSet};

use geo::{Area as _, BooleanOps, BoundingRect, Centroid, Distance, Euclidean, MultiPolygon, Rect};
use minesegsat_core::{Crs, Result, Transformer};
use rstar::primitives::{GeomWithData, Rectangle};
use rstar::{AABB, RTree};

use super::Feature;

/// A region of the mask of one CRS.
#[derive(Debug, Clone)]
pub(super) struct Piece {
    pub(super) epsg: u16,
    /// Outline in the CRS.
    pub(super) geometry: MultiPolygon<f64>,
    pub(super) lon_lat: MultiPolygon<f64>,
    pub(super) area_m2: f64,
    pub(super) pixels: u64,
    /// Side of a pixel in units of the CRS.
    pub(super) pixel_size: f64,
    pub(super) mean_probability: f64,
    pub(super) max_probability: f64,
    pub(super) touches_unseen: bool,
}

/// A longitude beside the antimeridian may be written as -180 or 180.
const TURNS: [f64; 3] = [-360.0, 0.0, 360.0];

/// The land of an id when it was last seen.
#[derive(Debug)]
pub(super) struct Known {
    id: String,
    /// Period that showed it last.
    period: usize,
    pieces: Vec<Piece>,
}

type Boxed = GeomWithData<Rectangle<[f64; 2]>, (usize, usize)>;

fn rectangle(rect: Rect<f64>) -> Rectangle<[f64; 2]> {
    Rectangle::from_corners([rect.min().x, rect.min().y], [rect.max().x, rect.max().y])
}

/// Places of the pieces whose boxes are within a distance in degrees of latitude from a piece, also beyond the antimeridian.
fn near(tree: &RTree<Boxed>, piece: &Piece, degrees: f64) -> Vec<At> {
    let mut found = Vec::new();
    for rect in piece.lon_lat.iter().filter_map(BoundingRect::bounding_rect) {
        let wide = degrees / rect.max().y.abs().max(rect.min().y.abs()).to_radians().cos().max(0.01);
        for turn in TURNS {
            let (west, east) = (rect.min().x + turn - wide, rect.max().x + turn + wide);
            if west <= 180.0 && east >= -180.0 {
                let envelope = AABB::from_corners([west, rect.min().y - degrees], [east, rect.max().y + degrees]);
                found.extend(tree.locate_in_envelope_intersecting(&envelope).map(|candidate| candidate.data));
            }
        }
    }
    found.sort_unstable();
    found.dedup();
    found
}

/// Place of a piece: that of its CRS, and its own.
type At = (usize, usize);

/// The smallest piece of a group.
fn root(parent: &BTreeMap<At, At>, mut at: At) -> At {
    while let Some(&up) = parent.get(&at) {
        at = up;
    }
    at
}

/// Groups of pieces, as (CRS, piece): pieces of two CRSs that touch are one group. Along the border between zones their pixels leave
/// gaps of less than a pixel's diagonal, so pieces as near as that touch. Groups are in the order of their first pieces.
pub(super) fn join(pieces: &[Vec<Piece>]) -> Result<Vec<Vec<(usize, usize)>>> {
    let mut parent: BTreeMap<At, At> = BTreeMap::new();
    for one in 0..pieces.len() {
        // A piece across the antimeridian is cut there, so each polygon has a box.
        let boxes = pieces[one].iter().enumerate().flat_map(|(at, piece)| {
            let rects = piece.lon_lat.iter().filter_map(BoundingRect::bounding_rect);
            rects.map(move |rect| GeomWithData::new(rectangle(rect), (one, at)))
        });
        let tree: RTree<Boxed> = RTree::bulk_load(boxes.collect());
        for other in one + 1..pieces.len() {
            let (Some(first), Some(second)) = (pieces[one].first(), pieces[other].first()) else { continue };
            let (from, to) = (Crs::from_epsg(second.epsg)?, Crs::from_epsg(first.epsg)?);
            let between = Transformer::new(&from, &to)?;
            let reach = first.pixel_size * std::f64::consts::SQRT_2;
            let degrees = reach * to.metres_per_unit().unwrap_or(1.0) / 111_320.0;
            for (at, piece) in pieces[other].iter().enumerate() {
                let mut here = None;
                for candidate in near(&tree, piece, degrees) {
                    if here.is_none() {
                        here = Some(between.transform_polygons(&piece.geometry)?);
                    }
                    let Some(here) = &here else { continue };
                    if Euclidean.distance(&pieces[one][candidate.1].geometry, here) > reach {
                        continue;
                    }
                    let (a, b) = (root(&parent, candidate), root(&parent, (other, at)));
                    if a != b {
                        parent.insert(a.max(b), a.min(b));
                    }
                }
            }
        }
    }
    let mut groups: BTreeMap<(usize, usize), Vec<(usize, usize)>> = BTreeMap::new();
    for (crs, of_crs) in pieces.iter().enumerate() {
        for at in 0..of_crs.len() {
            groups.entry(root(&parent, (crs, at))).or_default().push((crs, at));
        }
    }
    Ok(groups.into_values().collect())
}

/// The feature of a group. Its id is the place of the first pixel.
pub(super) fn feature(period: usize, group: &[(usize, usize)], pieces: &[Vec<Piece>]) -> Feature {
    let parts: Vec<&Piece> = group.iter().map(|&(crs, at)| &pieces[crs][at]).collect();
    let pixels: u64 = parts.iter().map(|piece| piece.pixels).sum();
    let mean = parts.iter().map(|piece| piece.mean_probability * piece.pixels as f64).sum::<f64>() / pixels as f64;
    Feature {
        id: first_place(parts[0]),
        period,
        geometry: parts.iter().flat_map(|piece| piece.lon_lat.0.iter().cloned()).collect(),
        area_ha: parts.iter().map(|piece| piece.area_m2).sum::<f64>() / 1e4,
        mean_probability: mean,
        max_probability: parts.iter().map(|piece| piece.max_probability).fold(0.0, f64::max),
        touches_unseen: parts.iter().any(|piece| piece.touches_unseen),
        parents: Vec::new(),
    }
}

/// EPSG code, easting and northing of the upper left corner of the first pixel of a piece: the highest corner, and the first of them.
fn first_place(piece: &Piece) -> String {
    let corners = piece.geometry.iter().flat_map(|polygon| polygon.exterior().0.iter());
    let first = corners.copied().min_by(|a, b| b.y.total_cmp(&a.y).then(a.x.total_cmp(&b.x)));
    let first = first.unwrap_or_default();
    format!("{}E{}N{}", piece.epsg, first.x, first.y)
}

/// Gives features the ids of the known land that they overlap, and names all of these as parents. `known` then has the land of these
/// features, and that of earlier ones that no feature overlaps.
///
/// A feature has the id of the parent with which it shares most land, if it also is the feature that shares most with that parent. So
/// when a mine splits, its largest part keeps the id; when mines merge, the land has the id of the one it shares most with. Land of
/// the period before goes first. A mine that some periods do not show, for example because of clouds, keeps its id when it returns.
/// `used` has the ids of all periods before; no other feature gets one of these.
pub(super) fn lineage(
    period: usize,
    features: &mut [Feature],
    pieces: Vec<Vec<Piece>>,
    known: &mut Vec<Known>,
    used: &mut BTreeSet<String>,
) {
    // In the CRS of each piece: a place has one owner, so pieces of two CRSs share no land.
    let bounds = |piece: &Piece| piece.geometry.bounding_rect().map(rectangle);
    let boxes = known.iter().enumerate().flat_map(|(parent, known)| {
        let pieces = known.pieces.iter().enumerate();
        pieces.filter_map(move |(at, piece)| Some(GeomWithData::new(bounds(piece)?, (parent, at))))
    });
    let tree: RTree<Boxed> = RTree::bulk_load(boxes.collect());
    // Shared land in square metres of (feature, parent).
    let mut shared: BTreeMap<(usize, usize), f64> = BTreeMap::new();
    for (at, own) in pieces.iter().enumerate() {
        for piece in own {
            let Some(rect) = bounds(piece) else { continue };
            let near = AABB::from_corners(rect.lower(), rect.upper());
            let mut candidates: Vec<(usize, usize)> =
                tree.locate_in_envelope_intersecting(&near).map(|candidate| candidate.data).collect();
            candidates.sort_unstable();
            for (parent, part) in candidates {
                let other = &known[parent].pieces[part];
                if other.epsg != piece.epsg {
                    continue;
                }
                let area = piece.geometry.intersection(&other.geometry).unsigned_area();
                if area > 0.0 {
                    *shared.entry((at, parent)).or_default() += area;
                }
            }
        }
    }
    let mut order: Vec<((usize, usize), f64)> = shared.into_iter().collect();
    order.sort_by(|a, b| {
        let (first, second) = (&known[a.0.1], &known[b.0.1]);
        let by_period = second.period.cmp(&first.period);
        by_period.then(b.1.total_cmp(&a.1)).then_with(|| first.id.cmp(&second.id)).then(a.0.cmp(&b.0))
    });
    // The first row of a feature, and of a parent, is the one with most land.
    let (mut met, mut has_id) = (BTreeSet::new(), BTreeSet::new());
    for ((feature, parent), _) in order {
        let id = &known[parent].id;
        let is_first = met.insert(parent) && features[feature].parents.is_empty();
        features[feature].parents.push(id.clone());
        if is_first {
            has_id.insert(feature);
            features[feature].id.clone_from(id);
        }
    }
    for (_, feature) in features.iter_mut().enumerate().filter(|(at, _)| !has_id.contains(at)) {
        let base = feature.id.clone();
        let mut number = 2;
        // Another feature began at the same pixel.
        while !used.insert(feature.id.clone()) {
            feature.id = format!("{base}-{number}");
            number += 1;
        }
    }
    let mut parent = 0..;
    known.retain(|_| !parent.next().is_some_and(|at| met.contains(&at)));
    let ids = features.iter().map(|feature| feature.id.clone());
    known.extend(ids.zip(pieces).map(|(id, pieces)| Known { id, period, pieces }));
}

/// Features by period, and by place along a Hilbert curve.
pub(super) fn in_order(mut features: Vec<Feature>) -> Vec<Feature> {
    let place = |feature: &Feature| {
        let centre = feature.geometry.centroid().map_or((0.0, 0.0), |point| (point.x(), point.y()));
        let unit = |value: f64, span: f64| ((value / span + 0.5).clamp(0.0, 1.0) * f64::from(u32::MAX)) as u32;
        fast_hilbert::xy2h(unit(centre.0, 360.0), unit(centre.1, 180.0), 32)
    };
    features.sort_by_cached_key(|feature| (feature.period, place(feature), feature.id.clone()));
    features
}
