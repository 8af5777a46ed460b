//! Shapefiles (ESRI 1998): `.shp`, `.shx`, `.dbf`, `.prj` and `.cpg` beside one another, on disk or in a zip archive.

use std::io::{BufReader, Cursor, Read, Seek};
use std::path::{Path, PathBuf};

use ::shapefile::record::traits::HasXY;
use ::shapefile::{PolygonRing, Shape, ShapeReader};
use geo::coordinate_position::{CoordPos, coord_pos_relative_to_ring};
use geo::{Area, Coord, LineString, Polygon};

use rstar::primitives::{GeomWithData, Rectangle};
use rstar::{AABB, RTree};

use super::Attributes;
use super::archive::{Archive, stem_of};
use super::dbf::Dbf;
use super::raw::{Layer, RawFeature, RawGeometry, Ring, refusal};
use super::wkt;
use minesegsat_core::{Error, Result};
use minesegsat_io::{Location, read_bytes};

trait Source: Read + Seek {}
impl<T: Read + Seek> Source for T {}

/// The files of a shapefile.
#[derive(Debug)]
pub(super) struct Parts {
    /// Path from the user, for messages.
    path: PathBuf,
    /// The `.shp`.
    shp: Location,
    shx: Option<Location>,
    dbf: Option<Location>,
    prj: Option<Location>,
    cpg: Option<Location>,
}

impl Parts {
    /// The files beside a `.shp`. Extensions may be in upper case.
    pub(super) fn beside(shp: &Path) -> Self {
        let part = |extension: &str| {
            let names = [extension.to_owned(), extension.to_uppercase()];
            let found = names.iter().map(|extension| shp.with_extension(extension)).find(|path| path.is_file());
            found.map(Location::Path)
        };
        Self {
            path: shp.to_owned(),
            shp: Location::Path(shp.to_owned()),
            shx: part("shx"),
            dbf: part("dbf"),
            prj: part("prj"),
            cpg: part("cpg"),
        }
    }

    /// The shapefile in a zip archive whose `.shp` has this name.
    pub(super) fn in_zip(path: &Path, archive: &Archive, shp: &str) -> Self {
        let location = |name: &str| Location::ZipEntry { archive: path.to_owned(), entry: name.to_owned() };
        let part = |extension: &str| {
            let is_it = |name: &&String| name.eq_ignore_ascii_case(&format!("{}.{extension}", stem_of(shp)));
            archive.names().iter().find(is_it).map(|name| location(name))
        };
        Self {
            path: path.to_owned(),
            shp: location(shp),
            shx: part("shx"),
            dbf: part("dbf"),
            prj: part("prj"),
            cpg: part("cpg"),
        }
    }

    /// The files that exist.
    pub(super) fn files(&self) -> impl Iterator<Item = &Location> {
        [Some(&self.shp), self.shx.as_ref(), self.dbf.as_ref(), self.prj.as_ref(), self.cpg.as_ref()]
            .into_iter()
            .flatten()
    }

    fn error(&self, file: &Location, reason: impl std::fmt::Display) -> Error {
        Error::vector(&self.path, format!("{}: {reason}", file.file_name()))
    }
}

/// Reads a shapefile. If the options give a CRS, the `.prj` may be missing. Without a `.dbf` the features have no attributes.
pub(super) fn read(parts: &Parts) -> Result<Layer> {
    let mut warnings = Vec::new();
    let bytes_of = |location: &Location| -> Result<Vec<u8>> {
        match location {
            Location::ZipEntry { archive, entry } => Archive::open(archive)?.read(entry),
            other => read_bytes(other, None).map(Vec::from),
        }
    };
    let table = if let Some(dbf) = &parts.dbf {
        let label = parts.cpg.as_ref().map(bytes_of).transpose()?;
        let label = label.map(|bytes| String::from_utf8_lossy(&bytes).trim().trim_start_matches('\u{feff}').to_owned());
        let table = Dbf::parse(&bytes_of(dbf)?, label.as_deref()).map_err(|reason| parts.error(dbf, reason))?;
        warnings.extend(table.warnings.iter().map(|warning| format!("{}: {warning}", dbf.file_name())));
        Some((dbf, table))
    } else {
        warnings.push("its .dbf is missing; the features have no attributes".to_owned());
        None
    };

    let open = |location: &Location| -> Result<Box<dyn Source>> {
        Ok(match location {
            Location::Path(path) => Box::new(BufReader::new(fs_err::File::open(path)?)),
            other => Box::new(Cursor::new(bytes_of(other)?)),
        })
    };
    let shp = open(&parts.shp)?;
    let opened = if let Some(shx) = &parts.shx {
        ShapeReader::with_shx(shp, open(shx)?)
    } else {
        warnings.push("its .shx is missing; the shapes were read in the order of the .shp".to_owned());
        ShapeReader::new(shp)
    };
    let mut reader = opened.map_err(|error| parts.error(&parts.shp, error))?;
    let shapes = read_shapes(&mut reader, parts)?;
    let count = shapes.len();
    let (names, records) = match table {
        Some((dbf, table)) if table.rows != count => {
            return Err(parts.error(
                dbf,
                format!("it has {} records and the .shp {count} shapes; they do not belong together", table.rows),
            ));
        }
        Some((_, table)) => (table.names, table.records),
        None => (Vec::new(), vec![Some(Attributes::new()); count]),
    };
    // The shape of a deleted record is left out too.
    let features = shapes.into_iter().zip(records).enumerate().filter_map(|(place, (geometry, attributes))| {
        Some(RawFeature { id: place.to_string(), attributes: attributes?, geometry })
    });
    let features = features.collect();
    let crs = match &parts.prj {
        Some(prj) => wkt::crs(&String::from_utf8_lossy(&bytes_of(prj)?)),
        None => Err("its .prj, which states the CRS, is missing".to_owned()),
    };
    let name = stem_of(parts.shp.file_name()).to_owned();
    Ok(Layer { format: "Shapefile", name: Some(name), crs, attributes: names, features, warnings, incomplete: None })
}

/// Reads all shapes. With an index, a shape that cannot be read is one damaged feature; without one, or if the file ends, the
/// following shapes cannot be found.
fn read_shapes(
    reader: &mut ShapeReader<Box<dyn Source>>,
    parts: &Parts,
) -> Result<Vec<Result<Option<RawGeometry>, String>>> {
    let fail = |place: usize, error: ::shapefile::Error| {
        parts.error(&parts.shp, format!("shape {place} cannot be read: {error}; the file is damaged or cut off"))
    };
    let Ok(count) = reader.shape_count() else {
        let shapes = reader.iter_shapes().enumerate();
        return shapes.map(|(place, shape)| shape.map(raw_geometry).map_err(|error| fail(place, error))).collect();
    };
    let mut shapes = Vec::new();
    for place in 0..count {
        shapes.push(match reader.read_nth_shape(place) {
            Some(Ok(shape)) => raw_geometry(shape),
            None => break,
            Some(Err(error @ ::shapefile::Error::IoError(_))) => return Err(fail(place, error)),
            Some(Err(error)) => Err(format!("its shape cannot be read: {error}")),
        });
    }
    Ok(shapes)
}

fn raw_geometry(shape: Shape) -> Result<Option<RawGeometry>, String> {
    fn rings<P: HasXY>(rings: &[PolygonRing<P>]) -> Vec<Ring> {
        rings.iter().map(|ring| ring.points().iter().map(|p| Coord { x: p.x(), y: p.y() }).collect()).collect()
    }
    let other = |kind: &'static str| Ok(Some(RawGeometry { others: 1, ..RawGeometry::new(kind) }));
    let rings = match &shape {
        Shape::Polygon(polygon) => rings(polygon.rings()),
        Shape::PolygonM(polygon) => rings(polygon.rings()),
        Shape::PolygonZ(polygon) => rings(polygon.rings()),
        Shape::NullShape => return Ok(None),
        Shape::Point(_) | Shape::PointM(_) | Shape::PointZ(_) => return other("Point"),
        Shape::Multipoint(_) | Shape::MultipointM(_) | Shape::MultipointZ(_) => return other("MultiPoint"),
        Shape::Polyline(_) | Shape::PolylineM(_) | Shape::PolylineZ(_) => return other("MultiLineString"),
        Shape::Multipatch(_) => return Err(refusal("MultiPatch")),
    };
    let polygons = nest(rings);
    let kind = if polygons.len() == 1 { "Polygon" } else { "MultiPolygon" };
    Ok(Some(RawGeometry { polygons, ..RawGeometry::new(kind) }))
}

/// Groups the rings of a shape into polygons. A ring inside an odd number of other rings is a hole of the smallest of them;
/// any other ring is a shell. GDAL and QGIS do the same. The winding should distinguish holes from shells, but is often wrong.
pub(super) fn nest(rings: Vec<Ring>) -> Vec<Vec<Ring>> {
    if rings.len() < 2 {
        return rings.into_iter().map(|ring| vec![ring]).collect();
    }
    let mut rings: Vec<Nested> = rings.into_iter().map(Nested::new).collect();
    // Largest first, so that a containing ring comes before its contents. The sort is stable: equal rings stay in order.
    rings.sort_by(|a, b| b.area.total_cmp(&a.area));
    let entries = rings.iter().enumerate().filter(|(_, ring)| ring.bounds.iter().all(|bound| bound.is_finite()));
    let tree = RTree::bulk_load(entries.map(|(place, ring)| ring.entry(place)).collect());
    let mut depths: Vec<usize> = Vec::with_capacity(rings.len());
    let mut polygons: Vec<Vec<Ring>> = Vec::new();
    // For each ring, the polygon of which it is the shell.
    let mut shells: Vec<Option<usize>> = Vec::with_capacity(rings.len());
    for place in 0..rings.len() {
        let mut holders: Vec<usize> = match rings[place].closed.0.first() {
            Some(first) if first.x.is_finite() && first.y.is_finite() => tree
                .locate_in_envelope_intersecting(&AABB::from_point([first.x, first.y]))
                .map(|entry| entry.data)
                .filter(|&outer| outer < place && rings[place].is_within(&rings[outer]))
                .collect(),
            _ => Vec::new(),
        };
        holders.sort_unstable();
        let depth = holders.len();
        // The smallest ring one level up that contains it.
        let parent = holders.iter().rev().find(|&&outer| depths[outer] + 1 == depth).and_then(|&outer| shells[outer]);
        match parent {
            Some(polygon) if depth % 2 == 1 => {
                polygons[polygon].push(std::mem::take(&mut rings[place].ring));
                shells.push(None);
            }
            _ => {
                shells.push(Some(polygons.len()));
                polygons.push(vec![std::mem::take(&mut rings[place].ring)]);
            }
        }
        depths.push(depth);
    }
    polygons
}

/// A ring with its nesting depth.
struct Nested {
    /// The ring as in the file.
    ring: Ring,
    closed: LineString<f64>,
    area: f64,
    bounds: [f64; 4],
}

impl Nested {
    fn new(ring: Ring) -> Self {
        let mut closed = LineString(ring.clone());
        closed.close();
        let area = Polygon::new(closed.clone(), Vec::new()).unsigned_area();
        let bounds = super::bounds_of(&ring);
        Self { ring, closed, area, bounds }
    }

    fn entry(&self, place: usize) -> GeomWithData<Rectangle<[f64; 2]>, usize> {
        let [x0, y0, x1, y1] = self.bounds;
        GeomWithData::new(Rectangle::from_corners([x0, y0], [x1, y1]), place)
    }

    /// Whether it lies in another ring. The first vertex that is not on the other ring's boundary decides.
    fn is_within(&self, outer: &Self) -> bool {
        let ([x0, y0, x1, y1], [west, south, east, north]) = (self.bounds, outer.bounds);
        let positions = || self.closed.0.iter().map(|&vertex| coord_pos_relative_to_ring(vertex, &outer.closed));
        west <= x0
            && south <= y0
            && x1 <= east
            && y1 <= north
            && positions().find(|&position| position != CoordPos::OnBoundary) == Some(CoordPos::Inside)
    }
}
