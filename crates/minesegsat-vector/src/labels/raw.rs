//! Unchecked features of a file. Rings may be open, have any winding, or cross.

use geo::{Coord, LineString, MultiPolygon, Polygon};
use geozero::GeomProcessor;
use geozero::error::{GeozeroError, Result as GeozeroResult};
use geozero::wkb::{process_ewkb_geom, process_wkb_geom};

use super::Attributes;
use minesegsat_core::Crs;

/// Vertices of a ring, in map coordinates.
pub(super) type Ring = Vec<Coord<f64>>;

/// Unchecked contents of a layer.
#[derive(Debug)]
pub(super) struct Layer {
    /// Name of the format.
    pub(super) format: &'static str,
    /// Name of the layer, in formats that have layers.
    pub(super) name: Option<String>,
    /// The CRS, or the reason why it is unknown.
    pub(super) crs: Result<Crs, String>,
    /// Names of all attributes of the layer, including those without values.
    pub(super) attributes: Vec<String>,
    pub(super) features: Vec<RawFeature>,
    /// Warnings for the user, as sentences.
    pub(super) warnings: Vec<String>,
    /// Why the file is not the whole of its source, by its own words.
    pub(super) incomplete: Option<String>,
}

/// An unchecked feature.
#[derive(Debug)]
pub(super) struct RawFeature {
    pub(super) id: String,
    pub(super) attributes: Attributes,
    /// The geometry if there is one, or the reason why it cannot be read.
    pub(super) geometry: Result<Option<RawGeometry>, String>,
}

/// Polygons, and the number of other parts.
#[derive(Debug, Default)]
pub(super) struct RawGeometry {
    /// Type of the geometry, such as `MultiPolygon`.
    pub(super) kind: &'static str,
    /// Rings of each polygon, the shell first.
    pub(super) polygons: Vec<Vec<Ring>>,
    /// Number of points and lines, including those in collections.
    pub(super) others: usize,
}

impl RawGeometry {
    pub(super) fn new(kind: &'static str) -> Self {
        Self { kind, ..Self::default() }
    }

    /// From well-known binary: OGC (ISO), or with the flags of PostGIS and older programs.
    pub(super) fn from_wkb(mut bytes: &[u8]) -> Result<Self, String> {
        let flags = match bytes {
            [0, high, ..] | [1, _, _, _, high, ..] => *high,
            _ => return Err("its geometry is not well-known binary".to_owned()),
        };
        let mut collector = Collector::default();
        let read = if flags & 0xE0 == 0 {
            process_wkb_geom(&mut bytes, &mut collector)
        } else {
            process_ewkb_geom(&mut bytes, &mut collector)
        };
        collector.finish(read)
    }

    /// From GeoPackage binary (OGC 12-128r18, 2.1.3), which holds well-known binary of the OGC, or of PostGIS if a program wrote
    /// that. `None` if its header marks the geometry as empty.
    pub(super) fn from_gpkg(bytes: &[u8]) -> Result<Option<Self>, String> {
        let [b'G', b'P', _, flags, ..] = *bytes else { return Self::from_wkb(bytes).map(Some) };
        // Flags: X, Y (empty), E E E (envelope), B.
        if flags & 0b0001_0000 != 0 {
            return Ok(None);
        }
        let numbers = match (flags >> 1) & 0b111 {
            0 => 0,
            1 => 4,
            2 | 3 => 6,
            4 => 8,
            _ => return Err("its GeoPackage header is damaged".to_owned()),
        };
        let body = bytes.get(8 + 8 * numbers..).ok_or("its geometry is cut off")?;
        Self::from_wkb(body).map(Some)
    }
}

/// Polygons of a geometry in GeoPackage binary, unchecked; or the reason why it has none. Memory follows the bytes that are
/// there, not the counts that they state.
pub fn polygons_of_gpkg(blob: &[u8]) -> Result<MultiPolygon<f64>, String> {
    let geometry = RawGeometry::from_gpkg(blob)?.unwrap_or_default();
    if geometry.polygons.is_empty() {
        return Err(match geometry.others {
            0 => "the geometry is empty".to_owned(),
            _ => format!("it is a {}, not a polygon", geometry.kind),
        });
    }
    let polygon = |mut rings: Vec<Ring>| {
        let holes = rings.split_off(1);
        let shell = rings.swap_remove(0);
        Polygon::new(shell.into(), holes.into_iter().map(LineString).collect())
    };
    Ok(geometry.polygons.into_iter().map(polygon).collect())
}

/// Maximum nesting of geometry collections. A file with deeper nesting counts as damaged.
const MAX_DEPTH: usize = 32;

/// Collects rings from geozero's readers. Never allocates memory by a count that the file states. Z and M are left out.
#[derive(Debug, Default)]
struct Collector {
    geometry: RawGeometry,
    /// Rings of the current polygon.
    polygon: Option<Vec<Ring>>,
    depth: usize,
}

impl Collector {
    fn finish(self, read: GeozeroResult<()>) -> Result<RawGeometry, String> {
        match read {
            Ok(()) => Ok(self.geometry),
            Err(GeozeroError::Geometry(reason)) => Err(reason),
            Err(error) => Err(format!("its geometry cannot be read: {error}")),
        }
    }

    fn begin(&mut self, kind: &'static str) {
        if self.geometry.kind.is_empty() {
            self.geometry.kind = kind;
        }
    }

    fn other(&mut self, kind: &'static str) {
        self.begin(kind);
        self.geometry.others += 1;
    }

    fn refuse(&mut self, kind: &'static str) -> GeozeroResult<()> {
        self.begin(kind);
        Err(GeozeroError::Geometry(refusal(kind)))
    }
}

/// Reason for the refusal of a geometry type.
pub(super) fn refusal(kind: &str) -> String {
    format!("it is a {kind}; convert curves and surfaces to polygons first, with `ogr2ogr -nlt CONVERT_TO_LINEAR`")
}

impl GeomProcessor for Collector {
    fn xy(&mut self, x: f64, y: f64, _: usize) -> GeozeroResult<()> {
        if let Some(ring) = self.polygon.as_mut().and_then(|rings| rings.last_mut()) {
            ring.push(Coord { x, y });
        }
        Ok(())
    }

    fn empty_point(&mut self, _: usize) -> GeozeroResult<()> {
        self.other("Point");
        Ok(())
    }

    fn point_begin(&mut self, _: usize) -> GeozeroResult<()> {
        self.other("Point");
        Ok(())
    }

    fn multipoint_begin(&mut self, _: usize, _: usize) -> GeozeroResult<()> {
        self.other("MultiPoint");
        Ok(())
    }

    fn linestring_begin(&mut self, tagged: bool, _: usize, _: usize) -> GeozeroResult<()> {
        match &mut self.polygon {
            Some(rings) => rings.push(Ring::new()),
            None if tagged => self.other("LineString"),
            None => {}
        }
        Ok(())
    }

    fn multilinestring_begin(&mut self, _: usize, _: usize) -> GeozeroResult<()> {
        self.other("MultiLineString");
        Ok(())
    }

    fn polygon_begin(&mut self, tagged: bool, _: usize, _: usize) -> GeozeroResult<()> {
        if tagged {
            self.begin("Polygon");
        }
        self.polygon = Some(Vec::new());
        Ok(())
    }

    fn polygon_end(&mut self, _: bool, _: usize) -> GeozeroResult<()> {
        let rings = self.polygon.take().unwrap_or_default();
        if !rings.is_empty() {
            self.geometry.polygons.push(rings);
        }
        Ok(())
    }

    fn multipolygon_begin(&mut self, _: usize, _: usize) -> GeozeroResult<()> {
        self.begin("MultiPolygon");
        Ok(())
    }

    fn geometrycollection_begin(&mut self, _: usize, _: usize) -> GeozeroResult<()> {
        self.begin("GeometryCollection");
        self.depth += 1;
        if self.depth > MAX_DEPTH {
            return Err(GeozeroError::Geometry(format!("its collections are nested more than {MAX_DEPTH} deep")));
        }
        Ok(())
    }

    fn geometrycollection_end(&mut self, _: usize) -> GeozeroResult<()> {
        self.depth -= 1;
        Ok(())
    }

    fn circularstring_begin(&mut self, _: usize, _: usize) -> GeozeroResult<()> {
        self.refuse("CircularString")
    }

    fn compoundcurve_begin(&mut self, _: usize, _: usize) -> GeozeroResult<()> {
        self.refuse("CompoundCurve")
    }

    fn curvepolygon_begin(&mut self, _: usize, _: usize) -> GeozeroResult<()> {
        self.refuse("CurvePolygon")
    }

    fn multicurve_begin(&mut self, _: usize, _: usize) -> GeozeroResult<()> {
        self.refuse("MultiCurve")
    }

    fn multisurface_begin(&mut self, _: usize, _: usize) -> GeozeroResult<()> {
        self.refuse("MultiSurface")
    }

    fn triangle_begin(&mut self, _: bool, _: usize, _: usize) -> GeozeroResult<()> {
        self.refuse("Triangle")
    }

    fn polyhedralsurface_begin(&mut self, _: usize, _: usize) -> GeozeroResult<()> {
        self.refuse("PolyhedralSurface")
    }

    fn tin_begin(&mut self, _: usize, _: usize) -> GeozeroResult<()> {
        self.refuse("TIN")
    }
}
