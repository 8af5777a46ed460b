//! Polygons without their attributes: areas of interest ([`read_area`]), and outlines in well-known text
//! ([`outline_of_wkt`]).

use std::path::Path;
use std::str::FromStr;

use geo::{Geometry, LineString, MultiPolygon, Polygon};

use super::open::{self, Wanted};
use super::raw::RawFeature;
use super::{check, listed};
use minesegsat_core::{Crs, Error, Result, Setting};

/// Reads the polygons of a file as one geometry, and their CRS. Formats are those of [`Labels::read`](super::Labels::read); of
/// several layers the first is read. Parts may overlap.
///
/// Fails if the file states that it is incomplete, or if one of its polygons cannot be read.
pub fn read_area(path: &Path) -> Result<(MultiPolygon<f64>, Crs)> {
    let (polygons, crs, incomplete) = read_incomplete_area(path)?;
    incomplete.map_or(Ok((polygons, crs)), |reason| {
        let reason = format!("it is incomplete: {reason}; get the rest, or accept what is there");
        Err(Error::vector(path, reason).avoided_by(Setting::AllowIncomplete))
    })
}

/// Like [`read_area`], but also reads a file that states that it is incomplete. The third value is this statement.
pub fn read_incomplete_area(path: &Path) -> Result<(MultiPolygon<f64>, Crs, Option<String>)> {
    let fail = |reason: String| Error::vector(path, reason);
    let (layer, _) = open::read(path, Wanted::First)?;
    let incomplete = layer.incomplete;
    let crs = layer.crs.map_err(fail)?;
    let mut features = layer.features;
    check::check_positions(path, &crs, &mut features)?;
    let mut polygons = Vec::new();
    let mut others: Vec<String> = Vec::new();
    for RawFeature { id, geometry, .. } in features {
        let unusable = |reason: String| fail(format!("feature {id} cannot be used: {reason}"));
        let Some(geometry) = geometry.map_err(unusable)? else { continue };
        if geometry.others > 0 && !others.iter().any(|kind| kind == geometry.kind) {
            others.push(geometry.kind.to_owned());
        }
        for rings in geometry.polygons {
            if let Some(c) = rings.iter().flatten().find(|c| !(c.x.is_finite() && c.y.is_finite())) {
                return Err(unusable(format!("position ({}, {}) is not finite", c.x, c.y)));
            }
            let mut rings = rings.into_iter().filter(|ring| !ring.is_empty()).map(LineString);
            if let Some(shell) = rings.next() {
                polygons.push(Polygon::new(shell, rings.collect()));
            }
        }
    }
    if polygons.is_empty() {
        let found = if others.is_empty() { "nothing".to_owned() } else { format!("only {}", listed(&others)) };
        return Err(fail(format!("has {found}; a Polygon or MultiPolygon is needed")));
    }
    Ok((MultiPolygon(polygons), crs, incomplete))
}

/// Maximum nesting of collections in well-known text. Their parser recurses, and ends the program on deep ones.
const MAX_DEPTH: usize = 32;

/// Polygons in well-known text (OGC 06-103r4): a polygon, a multipolygon, or a collection of them. The error is a reason.
pub fn outline_of_wkt(text: &str) -> std::result::Result<MultiPolygon<f64>, String> {
    let text = text.trim();
    let start: String = text.chars().take(30).collect();
    let mut depth = 0_usize;
    for byte in text.bytes() {
        match byte {
            b'(' => depth += 1,
            b')' => depth = depth.saturating_sub(1),
            _ => {}
        }
        if depth > MAX_DEPTH {
            return Err(format!("its outline `{start}...` is nested more than {MAX_DEPTH} deep"));
        }
    }
    let parsed = ::wkt::Wkt::<f64>::from_str(text)
        .map_err(|error| format!("its outline `{start}...` is not well-known text: {error}"))?;
    let geometry = Geometry::<f64>::try_from(parsed).map_err(|error| format!("its outline cannot be used: {error}"))?;
    let mut parts = Vec::new();
    let mut left = vec![geometry];
    while let Some(geometry) = left.pop() {
        match geometry {
            Geometry::Polygon(polygon) => parts.push(polygon),
            Geometry::MultiPolygon(polygons) => parts.extend(polygons),
            Geometry::GeometryCollection(members) => left.extend(members.0.into_iter().rev()),
            _ => return Err(format!("its outline `{start}...` is not a polygon")),
        }
    }
    Ok(MultiPolygon(parts))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn well_known_text_is_read_to_a_limited_depth() {
        let nested = |depth: usize| {
            format!("{}POLYGON((0 0,1 0,1 1,0 0)){}", "GEOMETRYCOLLECTION(".repeat(depth), ")".repeat(depth))
        };
        assert_eq!(outline_of_wkt(&nested(0)).unwrap().0.len(), 1);
        assert_eq!(outline_of_wkt(&nested(20)).unwrap().0.len(), 1);
        for depth in [31, 1000, 1_000_000] {
            let said = outline_of_wkt(&nested(depth)).unwrap_err();
            assert_eq!(said, "its outline `GEOMETRYCOLLECTION(GEOMETRYCOL...` is nested more than 32 deep");
        }
        assert!(outline_of_wkt("POINT (1 2)").unwrap_err().ends_with("is not a polygon"));
        assert!(outline_of_wkt("POLYGON((").unwrap_err().contains("is not well-known text"));
    }
}
