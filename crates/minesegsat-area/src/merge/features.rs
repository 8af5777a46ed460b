//! Pieces of land of each CRS become features: joined across zones, with ids that last over periods.

use std::collections::{BTreeMap, BTreeSet};

use geo::{Area as _, BooleanOps, BoundingRect, Centroid, Distance, Euclidean, MultiPolygon};
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

type Boxed = GeomWithData<Rectangle<[f64; 2]>, (usize, usize)>;

fn bounds(geometry: &MultiPolygon<f64>) -> Option<Rectangle<[f64; 2]>> {
    let rect = geometry.bounding_rect()?;
    Some(Rectangle::from_corners([rect.min().x, rect.min().y], [rect.max().x, rect.max().y]))
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
        let tree: RTree<Boxed> = RTree::bulk_load(
            pieces[one]
                .iter()
                .enumerate()
                .filter_map(|(at, piece)| Some(GeomWithData::new(bounds(&piece.lon_lat)?, (one, at))))
                .collect(),
        );
        for other in one + 1..pieces.len() {
            let (Some(first), Some(second)) = (pieces[one].first(), pieces[other].first()) else { continue };
            let (from, to) = (Crs::from_epsg(second.epsg)?, Crs::from_epsg(first.epsg)?);
            let between = Transformer::new(&from, &to)?;
            let reach = first.pixel_size * std::f64::consts::SQRT_2;
            let degrees = reach * to.metres_per_unit().unwrap_or(1.0) / 111_320.0;
            for (at, piece) in pieces[other].iter().enumerate() {
                let Some(rect) = piece.lon_lat.bounding_rect() else { continue };
                let wide = degrees / rect.max().y.abs().max(rect.min().y.abs()).to_radians().cos().max(0.01);
                let near = AABB::from_corners(
                    [rect.min().x - wide, rect.min().y - degrees],
                    [rect.max().x + wide, rect.max().y + degrees],
                );
                let mut here = None;
                for candidate in tree.locate_in_envelope_intersecting(&near) {
                    if here.is_none() {
                        here = Some(between.transform_polygons(&piece.geometry)?);
                    }
                    let Some(here) = &here else { continue };
                    if Euclidean.distance(&pieces[one][candidate.data.1].geometry, here) > reach {
                        continue;
                    }
                    let (a, b) = (root(&parent, candidate.data), root(&parent, (other, at)));
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

/// Gives features the ids of those of the period before that they overlap, and names all of these as parents.
///
/// A feature has the id of the parent with which it shares most land, if it also is the feature that shares most with that parent. So
/// when a mine splits, its largest part keeps the id; when mines merge, the land has the id of the one it shares most with. `used` has
/// the ids of all periods before; no other feature gets one of these.
pub(super) fn lineage(
    features: &mut [Feature],
    pieces: &[Vec<Piece>],
    before: &[Feature],
    before_pieces: &[Vec<Piece>],
    used: &mut BTreeSet<String>,
) {
    let tree: RTree<Boxed> = RTree::bulk_load(
        before_pieces
            .iter()
            .enumerate()
            .flat_map(|(feature, pieces)| pieces.iter().enumerate().map(move |(at, piece)| (feature, at, piece)))
            .filter_map(|(feature, at, piece)| Some(GeomWithData::new(bounds(&piece.lon_lat)?, (feature, at))))
            .collect(),
    );
    // Shared land in square metres of (feature, parent).
    let mut shared: BTreeMap<(usize, usize), f64> = BTreeMap::new();
    for (at, own) in pieces.iter().enumerate() {
        for piece in own {
            let Some(rect) = bounds(&piece.lon_lat) else { continue };
            let near = AABB::from_corners(rect.lower(), rect.upper());
            let mut candidates: Vec<(usize, usize)> =
                tree.locate_in_envelope_intersecting(&near).map(|candidate| candidate.data).collect();
            candidates.sort_unstable();
            for (parent, part) in candidates {
                let other = &before_pieces[parent][part];
                // A place has one owner, so pieces of two CRSs share no land.
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
    order.sort_by(|a, b| b.1.total_cmp(&a.1).then_with(|| before[a.0.1].id.cmp(&before[b.0.1].id)).then(a.0.cmp(&b.0)));
    // The first row of a feature, and of a parent, is the one with most land.
    let (mut met, mut has_id) = (BTreeSet::new(), BTreeSet::new());
    for ((feature, parent), _) in order {
        let id = &before[parent].id;
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
