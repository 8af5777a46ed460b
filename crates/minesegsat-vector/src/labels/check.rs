//! From the raw features of a file to labels: filter, repair, classes.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use geo::{Coord, MultiPolygon, Polygon, Winding};
use rayon::prelude::*;

use super::classes::ClassMap;
use super::filter::{Filter, find_name};
use super::raw::{Layer, RawFeature, RawGeometry};
use super::repair::repair;
use super::{
    Dropped, DroppedKind, LabelFeature, LabelFile, LabelOptions, LabelReport, LabelSource, Labels, Repair, Repaired,
    index, listed, lon_lat_box, place,
};
use minesegsat_core::{Crs, Error, Result, Setting, Transformer};

/// Metres per degree of a great circle of the mean radius of the Earth, 6 371 008.8 m.
const METRES_PER_DEGREE: f64 = 111_195.08;

/// Longitudes may be counted past 180 degrees, but not beyond a full turn.
const MAX_LONGITUDE: f64 = 360.0;

pub(super) fn check(path: &Path, options: &LabelOptions, layer: Layer, files: Vec<LabelFile>) -> Result<Labels> {
    let fail = |reason: String| Error::vector(path, reason);
    let mut report = LabelReport { read: layer.features.len(), warnings: layer.warnings, ..LabelReport::default() };
    if let Some(reason) = &layer.incomplete {
        if !options.allow_incomplete {
            return Err(fail(format!("it is incomplete: {reason}; get the rest, or accept what is there"))
                .avoided_by(Setting::AllowIncomplete));
        }
        report.warnings.push(format!("the file is incomplete: {reason}"));
    }
    let crs = choose_crs(path, options, layer.crs, &mut report.warnings)?;
    let names = layer.attributes;
    let unknown = |name: &str| {
        let all: Vec<String> = names.iter().map(|name| format!("`{name}`")).collect();
        fail(format!("has no attribute `{name}`, or several that differ in capitals; it has {}", all.join(", ")))
    };
    let filter =
        options.filter.as_ref().map(|filter| filter.resolve(&names)).transpose().map_err(|name| unknown(&name))?;
    let class_attribute = options
        .class_attribute
        .as_ref()
        .map(|name| find_name(&names, name).ok_or_else(|| unknown(name)))
        .transpose()?;

    let mut features = layer.features;
    // Positions in the file of the features that are left. Ids may be missing or repeated.
    let mut places: Vec<usize> = (0..features.len()).collect();
    if let Some(filter) = &filter {
        places.retain(|&place| filter.matches(&features[place].attributes));
        features.retain(|feature| filter.matches(&feature.attributes));
        report.filtered_out = report.read - features.len();
        if features.is_empty() && report.read > 0 {
            return Err(fail(no_match(options.filter.as_ref(), report.read)));
        }
    }
    for feature in &features {
        let kind = match &feature.geometry {
            Ok(Some(geometry)) => geometry.kind,
            Ok(None) => "none",
            Err(_) => "unreadable",
        };
        *report.geometry_types.entry(kind.to_owned()).or_default() += 1;
    }
    if options.swap_axes {
        features.par_iter_mut().for_each(|feature| for_each_vertex(feature, |c| std::mem::swap(&mut c.x, &mut c.y)));
    }
    check_positions(path, &crs, &mut features)?;
    // Points and lines do not need a class.
    let has_polygons = |feature: &RawFeature| matches!(&feature.geometry, Ok(Some(g)) if !g.polygons.is_empty());
    let (polygon_places, other_places): (Vec<usize>, Vec<usize>) = {
        let (polygons, others): (Vec<_>, Vec<_>) = places.iter().zip(&features).partition(|(_, f)| has_polygons(f));
        (polygons.into_iter().map(|(place, _)| *place).collect(), others.into_iter().map(|(place, _)| *place).collect())
    };
    let (polygons, others): (Vec<RawFeature>, Vec<RawFeature>) = features.into_iter().partition(has_polygons);
    let classes = ClassMap::new(path, options, class_attribute, &polygons)?;

    let metres_per_unit = crs.metres_per_unit();
    let checked: Vec<Checked> = polygons
        .into_par_iter()
        .map(|feature| {
            let mut repairs = BTreeSet::new();
            let RawFeature { id, attributes, geometry } = feature;
            let geometry =
                geometry.and_then(|geometry| outline(geometry.unwrap_or_default(), metres_per_unit, &mut repairs));
            Checked { id, attributes, geometry, repairs }
        })
        .collect();
    let mut kept = Vec::with_capacity(checked.len());
    for (place, Checked { id, attributes, geometry, repairs }) in polygon_places.into_iter().zip(checked) {
        match geometry {
            Ok(geometry) => {
                if !repairs.is_empty() {
                    report.repaired.push(Repaired { id: id.clone(), place, repairs: repairs.into_iter().collect() });
                }
                kept.push(LabelFeature { class: classes.class_of(&attributes), id, place, attributes, geometry });
            }
            Err(reason) => report.dropped.push(Dropped { id, place, kind: DroppedKind::Unusable, reason }),
        }
    }
    let mut counts: BTreeMap<&'static str, usize> = BTreeMap::new();
    for (place, feature) in other_places.into_iter().zip(others) {
        let (kind, reason) = match feature.geometry {
            Ok(Some(geometry)) if geometry.others > 0 => {
                *counts.entry(geometry.kind).or_default() += 1;
                (DroppedKind::PointsOrLines, format!("it is a {} without polygons", geometry.kind))
            }
            Ok(_) => (DroppedKind::NoGeometry, "it has no geometry".to_owned()),
            Err(reason) => (DroppedKind::Unusable, reason),
        };
        report.dropped.push(Dropped { id: feature.id, place, kind, reason });
    }
    if !counts.is_empty() {
        let counts: Vec<String> = counts.iter().map(|(kind, count)| format!("{count} {kind}")).collect();
        report.warnings.push(format!("features without polygons are not used: {}", counts.join(", ")));
    }
    report.kept = kept.len();
    if kept.is_empty() {
        return Err(fail(nothing_left(&report)));
    }
    let boxes = kept
        .par_iter()
        .map(|feature| lon_lat_box(&crs, index::bounds(&feature.geometry)))
        .collect::<Result<Vec<_>>>()?;
    let source = LabelSource {
        files,
        format: layer.format.to_owned(),
        layer: layer.name,
        crs: crs.to_string(),
        swap_axes: options.swap_axes,
        filter: options.filter.as_ref().map(ToString::to_string),
        features: kept.len(),
        incomplete: layer.incomplete,
        classes: classes.clone(),
        ignore_buffer_m: options.ignore_buffer_m,
        source: options.source.clone(),
        licence: options.licence.clone(),
    };
    Ok(Labels {
        path: path.to_owned(),
        features: kept,
        boxes,
        crs,
        attribute_names: names,
        classes,
        ignore_buffer_m: options.ignore_buffer_m,
        source,
        report,
    })
}

struct Checked {
    id: String,
    attributes: super::Attributes,
    geometry: std::result::Result<MultiPolygon<f64>, String>,
    repairs: BTreeSet<Repair>,
}

fn choose_crs(
    path: &Path,
    options: &LabelOptions,
    stated: std::result::Result<Crs, String>,
    warnings: &mut Vec<String>,
) -> Result<Crs> {
    match (&options.crs, stated) {
        (Some(given), Ok(stated)) => {
            if *given != stated {
                warnings.push(format!("the requested CRS {given} is used, although the file states {stated}"));
            }
            Ok(given.clone())
        }
        (Some(given), Err(_)) => Ok(given.clone()),
        (None, Ok(stated)) => Ok(stated),
        (None, Err(reason)) => {
            Err(Error::vector(path, format!("{reason}; if you know the CRS of its coordinates, name it"))
                .avoided_by(Setting::LabelsCrs))
        }
    }
}

fn for_each_vertex(feature: &mut RawFeature, mut f: impl FnMut(&mut Coord<f64>)) {
    if let Ok(Some(geometry)) = &mut feature.geometry {
        geometry.polygons.iter_mut().flatten().flatten().for_each(&mut f);
    }
}

/// Checks that the CRS can hold the positions. See [`check_degrees`] and [`check_plane`].
pub(super) fn check_positions(path: &Path, crs: &Crs, features: &mut [RawFeature]) -> Result<()> {
    if crs.is_geographic() { check_degrees(path, crs, features) } else { check_plane(path, crs, features) }
}

/// Length of the equator of WGS 84 in metres, by which eastings of cylindrical projections may differ.
const EQUATOR_M: f64 = 40_075_016.685_578_49;

/// Greatest difference, in metres, of a position that is transformed to degrees and back.
const MAX_RETURN_ERROR_M: f64 = 1.0;

/// Checks that the outermost positions of each feature lie where the CRS is defined: on the way to degrees and back they must
/// not move. The file is refused if most of its features lie elsewhere. Otherwise those features are dropped.
fn check_plane(path: &Path, crs: &Crs, features: &mut [RawFeature]) -> Result<()> {
    let to_degrees = Transformer::new(crs, &Crs::WGS84)?;
    let from_degrees = Transformer::new(&Crs::WGS84, crs)?;
    let metres = crs.metres_per_unit().unwrap_or(1.0);
    let returns = |c: &Coord<f64>| {
        let back = to_degrees.transform(c.x, c.y).and_then(|(lon, lat)| from_degrees.transform(lon, lat));
        back.is_ok_and(|(x, y)| {
            let east = (x - c.x) * metres;
            let turns = (east / EQUATOR_M).round().clamp(-1.0, 1.0);
            (east - turns * EQUATOR_M).abs() <= MAX_RETURN_ERROR_M && ((y - c.y) * metres).abs() <= MAX_RETURN_ERROR_M
        })
    };
    let outside = |feature: &RawFeature| -> Option<Coord<f64>> {
        let Ok(Some(geometry)) = &feature.geometry else { return None };
        let mut outermost: [Option<Coord<f64>>; 4] = [None; 4];
        for c in geometry.polygons.iter().flatten().flatten().filter(|c| c.x.is_finite() && c.y.is_finite()) {
            let is_further = [
                outermost[0].is_none_or(|o| c.x < o.x),
                outermost[1].is_none_or(|o| c.x > o.x),
                outermost[2].is_none_or(|o| c.y < o.y),
                outermost[3].is_none_or(|o| c.y > o.y),
            ];
            for (place, _) in is_further.into_iter().enumerate().filter(|(_, is_further)| *is_further) {
                outermost[place] = Some(*c);
            }
        }
        outermost.into_iter().flatten().find(|c| !returns(c))
    };
    let wrong: Vec<(usize, Coord<f64>)> =
        features.par_iter().enumerate().filter_map(|(place, feature)| Some((place, outside(feature)?))).collect();
    let Some(&(_, first)) = wrong.first() else { return Ok(()) };
    if wrong.len() * 2 > features.len() {
        let reason = format!(
            "position ({}, {}) lies outside the area of {crs}, {}; if its coordinates are in another CRS, name that",
            first.x,
            first.y,
            crs.name()
        );
        return Err(Error::vector(path, reason).avoided_by(Setting::LabelsCrs));
    }
    for (place, c) in wrong {
        features[place].geometry = Err(format!("position ({}, {}) lies outside the area of {crs}", c.x, c.y));
    }
    Ok(())
}

/// Checks that coordinates are degrees. The file is refused if an exchange of x and y would make all of them valid, or if most
/// features have invalid ones. Otherwise the features with invalid coordinates are dropped.
fn check_degrees(path: &Path, crs: &Crs, features: &mut [RawFeature]) -> Result<()> {
    let is_wrong = |c: &Coord<f64>| c.y.abs() > 90.0 || c.x.abs() > MAX_LONGITUDE;
    let vertices = |feature: &RawFeature| -> Vec<Coord<f64>> {
        match &feature.geometry {
            Ok(Some(geometry)) => geometry.polygons.iter().flatten().flatten().copied().collect(),
            _ => Vec::new(),
        }
    };
    let wrong: Vec<(usize, Coord<f64>)> = features
        .par_iter()
        .enumerate()
        .filter_map(|(place, feature)| Some((place, vertices(feature).into_iter().find(is_wrong)?)))
        .collect();
    let Some(&(_, first)) = wrong.first() else { return Ok(()) };
    let fits_swapped =
        features.par_iter().all(|feature| vertices(feature).iter().all(|c| !is_wrong(&Coord { x: c.y, y: c.x })));
    let fail = |what: &str, option: Setting| {
        let (x, y) = (first.x, first.y);
        let reason =
            format!("position ({x}, {y}) is not a longitude and a latitude in degrees, which {crs} takes; {what}");
        Err(Error::vector(path, reason).avoided_by(option))
    };
    if fits_swapped {
        return fail("the file seems to have latitudes before longitudes: exchange its axes", Setting::SwapAxes);
    }
    if wrong.len() * 2 > features.len() {
        return fail("if its coordinates are in another CRS, name that", Setting::LabelsCrs);
    }
    for (place, c) in wrong {
        features[place].geometry = Err(format!("position ({}, {}) is not a longitude and a latitude", c.x, c.y));
    }
    Ok(())
}

/// A valid outline. `metres_per_unit` is `None` for degrees.
fn outline(
    mut geometry: RawGeometry,
    metres_per_unit: Option<f64>,
    repairs: &mut BTreeSet<Repair>,
) -> std::result::Result<MultiPolygon<f64>, String> {
    let m2_per_unit2 = if let Some(metres) = metres_per_unit {
        metres * metres
    } else {
        for rings in &mut geometry.polygons {
            if place::unwrap_rings(rings)? {
                repairs.insert(Repair::Antimeridian);
            }
        }
        let latitudes = super::bounds_of(geometry.polygons.iter().flatten().flatten());
        let latitude = f64::midpoint(latitudes[1], latitudes[3]);
        METRES_PER_DEGREE * METRES_PER_DEGREE * latitude.to_radians().cos()
    };
    let outline = repair(geometry.polygons, m2_per_unit2, repairs)?;
    if metres_per_unit.is_none()
        && let Some(mut joined) = place::join_at_antimeridian(&outline)
    {
        repairs.insert(Repair::Antimeridian);
        for part in &mut joined {
            part.exterior_mut(Winding::make_ccw_winding);
            part.interiors_mut(|holes| holes.iter_mut().for_each(Winding::make_cw_winding));
        }
        return Ok(joined);
    }
    Ok(outline)
}

/// Repairs an outline in longitude and latitude like the outlines of files, or returns the reason why it cannot.
pub fn valid_outline(geometry: &MultiPolygon<f64>) -> std::result::Result<(MultiPolygon<f64>, Vec<Repair>), String> {
    let rings = |polygon: &Polygon<f64>| {
        let rings = std::iter::once(polygon.exterior()).chain(polygon.interiors());
        rings.map(|ring| ring.0.clone()).collect::<Vec<_>>()
    };
    let mut raw = RawGeometry::new("MultiPolygon");
    raw.polygons = geometry.iter().map(rings).collect();
    let wrong = raw.polygons.iter().flatten().flatten().find(|c| !(c.y.abs() <= 90.0 && c.x.abs() <= MAX_LONGITUDE));
    if let Some(c) = wrong {
        return Err(format!("position ({}, {}) is not a longitude and a latitude", c.x, c.y));
    }
    let mut repairs = BTreeSet::new();
    let geometry = outline(raw, None, &mut repairs)?;
    Ok((geometry, repairs.into_iter().collect()))
}

fn no_match(filter: Option<&Filter>, read: usize) -> String {
    let filter = filter.map(ToString::to_string).unwrap_or_default();
    format!("none of its {read} features matches the filter `{filter}`")
}

/// The message if no feature is left, with the most frequent reasons.
fn nothing_left(report: &LabelReport) -> String {
    if report.read == 0 {
        return "has no features; polygons are needed".to_owned();
    }
    let mut reasons: BTreeMap<&str, (usize, &str)> = BTreeMap::new();
    for dropped in &report.dropped {
        reasons.entry(&dropped.reason).or_insert((0, &dropped.id)).0 += 1;
    }
    let mut reasons: Vec<(usize, &str, &str)> =
        reasons.into_iter().map(|(why, (count, id))| (count, why, id)).collect();
    reasons.sort_by(|a, b| b.0.cmp(&a.0).then(a.1.cmp(b.1)));
    let reasons: Vec<String> =
        reasons.into_iter().map(|(count, why, id)| format!("{count} because {why} (such as {id})")).collect();
    format!("no feature can be used, and polygons are needed: {}", listed(&reasons))
}
