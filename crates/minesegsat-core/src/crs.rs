//! Coordinate reference systems: [`Crs`], an EPSG code that this program transforms exactly, and [`Transformer`] between two
//! of them.

mod esri;

use std::f64::consts::FRAC_PI_2;
use std::fmt;

use geo::{Coord, LineString, MultiPolygon, Polygon};
use proj4rs::Proj;

use crate::{Error, Result};

/// Accepted systems, and how to reproject to one of them. Every refusal ends with this text.
const ACCEPTED: &str = "accepted are EPSG codes on WGS 84 and on the datums that equal it within about two metres \
                        (ETRS89, NAD83, GDA94/2020, SIRGAS 2000, JGD2000/2011, NZGD2000, Hartebeesthoek94 and the \
                        like); reproject to the scene's UTM zone on WGS 84, EPSG:32601 to 32660 north and EPSG:32701 \
                        to 32760 south of the equator, for example with `gdalwarp -t_srs` or `ogr2ogr -t_srs`";

/// A coordinate reference system, named by its EPSG code, or by its code of ESRI if it is one of the continental systems
/// that have no EPSG code.
///
/// The datum must equal WGS 84 within about two metres by definition: WGS 84, ETRS89, NAD83, GDA, SIRGAS 2000 and others
/// without a datum shift in their definition. Legacy datums (ED50, NAD27, Cape, SAD69, ...) need shift grids. Without a grid
/// their positions are off by up to 100 m without any error, so they are refused.
///
/// Axes are always x = east or longitude, y = north or latitude, regardless of the axis order in the EPSG registry.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Crs {
    /// An EPSG code up to 65535, a code of ESRI above.
    code: u32,
}

impl Crs {
    /// WGS 84 longitude and latitude (EPSG:4326), in degrees, x = longitude.
    pub const WGS84: Self = Self { code: 4326 };

    /// The CRS of an EPSG code, or an error with the reason for its refusal.
    pub fn from_epsg(epsg: u16) -> Result<Self> {
        let refuse = |reason: String| Error::crs(format!("EPSG:{epsg}"), reason);
        let Some(definition) = crs_definitions::from_code(epsg) else {
            return Err(refuse(format!("not a known EPSG code; {ACCEPTED}")));
        };
        check_definition(&definition).map_err(|why| refuse(format!("{} {why}; {ACCEPTED}", name_of(&definition))))?;
        build_proj(&definition).map_err(|error| {
            refuse(format!("{} uses a projection that is not supported ({error}); {ACCEPTED}", name_of(&definition)))
        })?;
        Ok(Self { code: u32::from(epsg) })
    }

    /// The CRS of a code of ESRI, such as 102001 (Canada Albers) or 102100 (EPSG:3857).
    pub fn from_esri(code: u32) -> Result<Self> {
        if let Ok(epsg) = u16::try_from(code) {
            // ESRI uses EPSG's numbers below 65536.
            return Self::from_epsg(epsg);
        }
        if let Some((_, epsg)) = esri::EQUAL.iter().find(|(esri, _)| *esri == code) {
            return Self::from_epsg(*epsg);
        }
        if esri::DEFINITIONS.iter().any(|(esri, _)| *esri == code) {
            return Ok(Self { code });
        }
        Err(Error::crs(format!("ESRI:{code}"), format!("not a code of ESRI that is known; {ACCEPTED}")))
    }

    /// The CRS of a name: `EPSG:3005`, `ESRI:102001`, `urn:ogc:def:crs:EPSG::3005`,
    /// `http://www.opengis.net/def/crs/EPSG/0/3005`, `http://www.opengis.net/gml/srs/epsg.xml#3005`, or one of these forms with
    /// `CRS84`.
    pub fn from_name(name: &str) -> Result<Self> {
        let name = name.trim();
        if name.ends_with("CRS84") {
            return Ok(Self::WGS84);
        }
        let unknown = || Error::crs(name, format!("not the name of a system, such as `EPSG:3005`; {ACCEPTED}"));
        let (authority, code) = name.rsplit_once([':', '/', '#']).ok_or_else(unknown)?;
        let code: u32 = code.trim().parse().map_err(|_| unknown())?;
        let authority = authority.to_ascii_uppercase();
        match u16::try_from(code) {
            _ if authority.contains("ESRI") => Self::from_esri(code),
            Ok(epsg) if authority.contains("EPSG") => Self::from_epsg(epsg),
            // Codes of ESRI are often given as EPSG's, for example `EPSG:102100`.
            Err(_) if authority.contains("EPSG") => match code {
                900_913 => Self::from_epsg(3857),
                _ => Self::from_esri(code),
            },
            _ => Err(unknown()),
        }
    }

    /// The systems of ESRI without an EPSG code, with their definitions in well-known text.
    pub fn of_esri() -> impl Iterator<Item = (Self, &'static str)> {
        esri::DEFINITIONS.iter().map(|(code, definition)| (Self { code: *code }, definition.wkt))
    }

    /// EPSG code. Systems of ESRI have none, which is 0 here. Only vector files have such systems; rasters never do.
    pub const fn epsg(&self) -> u16 {
        if self.code <= u16::MAX as u32 { self.code as u16 } else { 0 }
    }

    /// Name in the EPSG registry, such as `WGS 84 / UTM zone 11N`.
    pub fn name(&self) -> &'static str {
        name_of(&self.definition())
    }

    /// Definition as OGC well-known text, version 1, with its EPSG authority codes.
    pub fn wkt(&self) -> &'static str {
        self.definition().wkt
    }

    /// Whether coordinates are longitude and latitude in degrees.
    pub fn is_geographic(&self) -> bool {
        self.definition().wkt.starts_with("GEOGCS")
    }

    /// Length of one coordinate unit in metres: 1 for most projected systems, about 0.3048 for those in feet; `None`
    /// for geographic ones.
    pub fn metres_per_unit(&self) -> Option<f64> {
        // The last UNIT of a PROJCS is the linear one, the first that of its geographic base.
        let wkt = self.definition().wkt;
        if self.is_geographic() {
            return None;
        }
        let unit = &wkt[wkt.rfind("UNIT[\"")?..];
        unit.split(',').nth(1)?.trim_end_matches(']').parse().ok()
    }

    /// An error unless coordinates are in metres. Rasters with pixel sizes in metres need this.
    pub fn require_metres(&self) -> Result<()> {
        match self.metres_per_unit() {
            Some(1.0) => Ok(()),
            unit => {
                let unit = unit.map_or_else(|| "degrees".to_owned(), |m| format!("units of {m} m"));
                Err(Error::crs(
                    self.to_string(),
                    format!("{} is in {unit}, and metres are needed; {ACCEPTED}", self.name()),
                ))
            }
        }
    }

    fn definition(&self) -> crs_definitions::Def {
        // The constructors have found the code, and WGS84 is in the table.
        let own = || esri::DEFINITIONS.iter().find(|(code, _)| *code == self.code).map(|(_, definition)| *definition);
        let epsg = u16::try_from(self.code).ok().and_then(crs_definitions::from_code);
        epsg.or_else(own).unwrap_or(crs_definitions::EPSG_4326)
    }
}

impl fmt::Display for Crs {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let authority = if self.epsg() == 0 { "ESRI" } else { "EPSG" };
        write!(f, "{authority}:{}", self.code)
    }
}

/// Name of a definition: the first quoted text of its WKT.
fn name_of(definition: &crs_definitions::Def) -> &'static str {
    definition.wkt.split('"').nth(1).unwrap_or("unnamed")
}

/// Value of `+key=value` in a PROJ string.
fn parameter<'a>(proj4: &'a str, key: &str) -> Option<&'a str> {
    proj4.split_whitespace().find_map(|token| token.strip_prefix('+')?.strip_prefix(key)?.strip_prefix('='))
}

/// Reason for the refusal of a definition, as the end of a sentence that starts with its name.
///
/// The rules were checked against PROJ 9 with `scripts/compare_crs.py`, which transforms the middle of the area of use
/// of every accepted code.
fn check_definition(definition: &crs_definitions::Def) -> std::result::Result<(), String> {
    let (proj4, wkt) = (definition.proj4, definition.wkt);
    if !(wkt.starts_with("PROJCS") || wkt.starts_with("GEOGCS")) {
        return Err("is not a two-dimensional geographic or projected system".to_owned());
    }
    if let Some(meridian) = parameter(proj4, "pm") {
        return Err(format!("counts longitudes from {meridian} instead of Greenwich"));
    }
    if let Some(axes) = parameter(proj4, "axis") {
        return Err(format!("has axes that do not point east and north (`{axes}`)"));
    }
    match definition.code {
        // The table of definitions is older than the registry for these codes, and wrong by kilometres.
        3973 | 3974 | 6996 | 6997 => return Err("was redefined since the table that this program has".to_owned()),
        // "Intermediate" grids of Israel: PROJ knows shifts of up to 80 m for them.
        _ if wkt.contains("DATUM[\"IG05") => return Err("is on a datum that is shifted against WGS 84".to_owned()),
        // proj4rs 0.1.10 mirrors latitudes to the other pole in these systems.
        _ if proj4.starts_with("+proj=laea +lat_0=-90 ") => {
            return Err("is an equal-area system about the South Pole, which is not supported".to_owned());
        }
        _ => {}
    }
    // By definition EPSG:3857 uses WGS 84 longitudes and latitudes as if they were on a sphere.
    if definition.code == 3857 {
        return Ok(());
    }
    if parameter(proj4, "nadgrids").is_some() {
        return Err("needs a datum shift grid".to_owned());
    }
    if let Some(shift) = parameter(proj4, "towgs84")
        && shift.split(',').any(|value| value.parse() != Ok(0.0))
    {
        return Err(format!("has a datum that is shifted against WGS 84 (`towgs84={shift}`)"));
    }
    match parameter(proj4, "datum") {
        Some("WGS84" | "NAD83") => return Ok(()),
        Some(other) => return Err(format!("has a datum that is shifted against WGS 84 (`{other}`)")),
        None => {}
    }
    // Without a shift in the definition, the ellipsoid decides. All datums of the registry on GRS 80 and WGS 84 are
    // realisations of the international terrestrial frame. Older ellipsoids imply an unstated shift.
    if wkt.contains("DATUM[\"Not_specified") {
        return Err("does not state its datum".to_owned());
    }
    match parameter(proj4, "ellps") {
        Some("GRS80" | "WGS84") => Ok(()),
        ellipsoid => Err(format!(
            "is on the ellipsoid {}, so its datum differs from WGS 84 by an unknown shift",
            ellipsoid.unwrap_or("of its own")
        )),
    }
}

/// The projection alone, without a datum. Equal datums need no transformation, as in PROJ; proj4rs would go through
/// geocentric coordinates of two ellipsoids that differ by 0.1 mm.
fn build_proj(definition: &crs_definitions::Def) -> std::result::Result<Proj, proj4rs::errors::Error> {
    let tokens: Vec<&str> = definition
        .proj4
        .split_whitespace()
        .filter(|token| !token.starts_with("+towgs84="))
        .map(|token| match token {
            "+datum=WGS84" => "+ellps=WGS84",
            "+datum=NAD83" => "+ellps=GRS80",
            other => other,
        })
        .collect();
    // PROJ names the scale factor k_0 or k, proj4rs k0 or k.
    Proj::from_proj_string(&tokens.join(" ").replace("+k_0=", "+k="))
}

/// Number of parts beyond which an edge is no edge on Earth. An edge of 100,000 km has this many parts of 1 km.
const MAX_PARTS: f64 = 1e5;

/// Number of parts that [`Transformer::transform_bounds`] cuts each edge into, as PROJ and rasterio do.
const BOUNDS_PARTS: usize = 21;

/// Largest coordinate of a projected system that is transformed, in units of the system.
const FARTHEST: f64 = 2e8;
/// Maximum number of parts of an edge in [`Transformer::transform_densified`]: pieces of 1 km of an edge of 4,096 km.
const MOST_PARTS: usize = 4096;
/// Number of vertices of a densified geometry beyond which edges get fewer parts.
const MOST_VERTICES: usize = 1 << 22;

/// Transforms coordinates from one CRS to another.
#[derive(Debug, Clone)]
pub struct Transformer {
    from: Crs,
    to: Crs,
    source: Proj,
    target: Proj,
}

impl Transformer {
    /// A transformer between two systems.
    pub fn new(from: &Crs, to: &Crs) -> Result<Self> {
        let build = |crs: &Crs| {
            build_proj(&crs.definition()).map_err(|error| Error::crs(crs.to_string(), format!("{error}; {ACCEPTED}")))
        };
        Ok(Self { from: from.clone(), to: to.clone(), source: build(from)?, target: build(to)? })
    }

    /// The CRS of the results.
    pub fn target(&self) -> &Crs {
        &self.to
    }

    /// Transforms a position. Units are those of the systems: degrees for geographic ones, x is east or longitude.
    pub fn transform(&self, x: f64, y: f64) -> Result<(f64, f64)> {
        if self.from == self.to {
            return Ok((x, y));
        }
        Self::run(&self.source, &self.target, x, y).ok_or_else(|| {
            Error::crs(
                self.from.to_string(),
                format!("position ({x}, {y}) lies outside the area where {} can show it", self.to),
            )
        })
    }

    fn run(source: &Proj, target: &Proj, x: f64, y: f64) -> Option<(f64, f64)> {
        let mut point = if source.is_latlong() {
            // proj4rs projects latitudes past the poles without complaint.
            (y.abs() <= 90.0 && x.abs() <= 540.0).then(|| (x.to_radians(), y.to_radians(), 0.0))?
        } else {
            // Series and iterations of projections do not end far away from Earth.
            (x.abs() <= FARTHEST && y.abs() <= FARTHEST).then_some((x, y, 0.0))?
        };
        proj4rs::transform::transform(source, target, &mut point).ok()?;
        let (x, y) =
            if target.is_latlong() { (point.0.to_degrees(), point.1.to_degrees()) } else { (point.0, point.1) };
        (x.is_finite() && y.is_finite()).then_some((x, y))
    }

    /// Whether projected positions become longitudes and latitudes.
    fn unprojects(&self) -> bool {
        self.to.is_geographic() && !self.from.is_geographic()
    }

    /// Transforms bounds (min x, min y, max x, max y). The result contains the whole transformed area: edges are divided into
    /// 21 parts because straight edges become curves.
    ///
    /// If the target is geographic and the area crosses the antimeridian, the result has min x > max x, like bounding boxes in
    /// RFC 7946 and STAC.
    pub fn transform_bounds(&self, bounds: [f64; 4]) -> Result<[f64; 4]> {
        let [min_x, min_y, max_x, max_y] = bounds;
        let corners = [(min_x, min_y), (max_x, min_y), (max_x, max_y), (min_x, max_y), (min_x, min_y)];
        let mut out = [f64::INFINITY, f64::INFINITY, f64::NEG_INFINITY, f64::NEG_INFINITY];
        let is_unprojected = self.unprojects();
        let mut last_longitude = None;
        for pair in corners.windows(2) {
            for part in 0..BOUNDS_PARTS {
                let t = part as f64 / BOUNDS_PARTS as f64;
                let (mut x, y) = self.transform(lerp(pair[0].0, pair[1].0, t), lerp(pair[0].1, pair[1].1, t))?;
                if is_unprojected {
                    x = last_longitude.map_or(x, |last| unwrap_longitude(x, last));
                    last_longitude = Some(x);
                }
                out = [out[0].min(x), out[1].min(y), out[2].max(x), out[3].max(y)];
            }
        }
        if is_unprojected {
            for pole in [-FRAC_PI_2, FRAC_PI_2] {
                let Some((x, y)) = Self::run(&self.target, &self.source, 0.0, pole.to_degrees()) else { continue };
                // All longitudes meet at a pole inside the area. Only azimuthal systems map poles to points.
                if self.source.projname() != "utm" && min_x < x && x < max_x && min_y < y && y < max_y {
                    out = [-180.0, out[1].min(pole.to_degrees()), 180.0, out[3].max(pole.to_degrees())];
                }
            }
            if out[2] - out[0] >= 360.0 {
                (out[0], out[2]) = (-180.0, 180.0);
            }
            out[0] = wrap_longitude(out[0]);
            out[2] = wrap_longitude(out[2]);
        }
        Ok(out)
    }

    /// Transforms every vertex of a geometry. Edges stay straight between vertices: use
    /// [`transform_densified`](Self::transform_densified) for long edges.
    ///
    /// From a projected to a geographic system the longitudes of a ring are continuous: rings across the antimeridian continue
    /// past 180 degrees.
    pub fn transform_polygons(&self, geometry: &MultiPolygon<f64>) -> Result<MultiPolygon<f64>> {
        self.transform_densified(geometry, f64::INFINITY)
    }

    /// Like [`transform_polygons`](Self::transform_polygons), with vertices added so that no edge is longer than
    /// `max_edge` units of the source system. The work is bounded: an edge is cut into 4,096 parts at most, and into fewer if
    /// the geometry would get more than 4 million vertices.
    pub fn transform_densified(&self, geometry: &MultiPolygon<f64>, max_edge: f64) -> Result<MultiPolygon<f64>> {
        let continuous = self.unprojects();
        let edges = Edges::new(geometry, max_edge);
        geometry
            .iter()
            .map(|polygon| {
                let exterior = self.transform_ring(polygon.exterior(), edges, None)?;
                // Holes use the same longitude range as their shell.
                let near = exterior.0.first().filter(|_| continuous).map(|c| c.x);
                let holes = polygon
                    .interiors()
                    .iter()
                    .map(|ring| self.transform_ring(ring, edges, near))
                    .collect::<Result<Vec<_>>>()?;
                Ok(Polygon::new(exterior, holes))
            })
            .collect::<Result<Vec<_>>>()
            .map(MultiPolygon)
    }

    fn transform_ring(&self, ring: &LineString<f64>, edges: Edges, near: Option<f64>) -> Result<LineString<f64>> {
        let continuous = self.unprojects();
        let mut out: Vec<Coord<f64>> = Vec::with_capacity(ring.0.len());
        let mut push = |x: f64, y: f64| -> Result<()> {
            let (mut x, y) = self.transform(x, y)?;
            if continuous && let Some(last) = out.last().map(|c| c.x).or(near) {
                x = unwrap_longitude(x, last);
            }
            out.push(Coord { x, y });
            Ok(())
        };
        for pair in ring.0.windows(2) {
            let (a, b) = (pair[0], pair[1]);
            let length = (b.x - a.x).hypot(b.y - a.y);
            let parts = length / edges.longest;
            if parts.is_nan() || parts > MAX_PARTS {
                return Err(Error::crs(
                    self.from.to_string(),
                    format!("an edge from ({}, {}) to ({}, {}) is longer than the Earth", a.x, a.y, b.x, b.y),
                ));
            }
            let parts = (parts.ceil() as usize).clamp(1, edges.most_parts);
            push(a.x, a.y)?;
            for part in 1..parts {
                let t = part as f64 / parts as f64;
                push(lerp(a.x, b.x, t), lerp(a.y, b.y, t))?;
            }
        }
        // The last vertex repeats the first exactly, independent of rounding in the projection.
        if let Some(&first) = out.first() {
            out.push(first);
        }
        Ok(LineString(out))
    }
}

/// Division of edges.
#[derive(Debug, Clone, Copy)]
struct Edges {
    /// Longest edge that is not divided.
    longest: f64,
    most_parts: usize,
}

impl Edges {
    /// Full division, unless a geometry with many long edges would get more than [`MOST_VERTICES`].
    fn new(geometry: &MultiPolygon<f64>, longest: f64) -> Self {
        let rings = geometry.iter().flat_map(|polygon| std::iter::once(polygon.exterior()).chain(polygon.interiors()));
        let (mut count, mut parts) = (0_usize, 0.0_f64);
        for pair in rings.flat_map(|ring| ring.0.windows(2)) {
            count += 1;
            parts += ((pair[1].x - pair[0].x).hypot(pair[1].y - pair[0].y) / longest).min(MOST_PARTS as f64);
        }
        let most_parts = if parts <= MOST_VERTICES as f64 { MOST_PARTS } else { MOST_VERTICES / count.max(1) };
        Self { longest, most_parts: most_parts.clamp(1, MOST_PARTS) }
    }
}

fn lerp(a: f64, b: f64, t: f64) -> f64 {
    (b - a).mul_add(t, a)
}

/// The longitude equivalent to `x` that is nearest to `last`.
fn unwrap_longitude(x: f64, last: f64) -> f64 {
    x - ((x - last) / 360.0).round() * 360.0
}

/// The longitude in -180 to 180 that is equivalent to `x`.
pub fn wrap_longitude(x: f64) -> f64 {
    if x.abs() <= 180.0 { x } else { x - (x / 360.0).round() * 360.0 }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Made with pyproj 3.7.2 (PROJ 9.5.1):
    /// ```python
    /// from pyproj import Transformer
    /// for e, lon, lat in [...]:
    ///     t = Transformer.from_crs(4326, e, always_xy=True)
    ///     print(e, lon, lat, *map(repr, t.transform(lon, lat)))
    /// ```
    const PYPROJ: &[(u16, f64, f64, f64, f64)] = &[
        (32611, -115.4853, 37.7125, 633_508.065_479_571_8, 4_174_996.714_070_644),
        (32611, -119.9, 55.25, 315_674.015_707_612_8, 6_126_445.909_270_762_5),
        (32733, 15.03, -26.5, 502_989.506_594_496_6, 7_068_942.050_355_056),
        (32733, 12.4, -8.9, 214_051.499_938_825_67, 9_015_199.241_854_107),
        (32718, -70.1, -15.2, 1_026_851.616_632_393_8, 8_313_635.724_453_353),
        (3857, 121.456, -31.25, 13_520_420.073_787_836, -3_665_259.140_713_074_7),
        (3035, 18.7, 54.3, 4_885_951.410_544_53, 3_499_986.809_856_09),
        (3005, -122.45, 53.9, 1_232_625.185_078_001_6, 994_283.991_175_977_4),
        (3978, -110.123, 61.77, -767_428.725_012_537_3, 1_487_482.645_165_178_2),
        (3413, -52.3, 68.4, -300_744.409_888_718_45, -2_347_677.390_991_998),
        (28350, 117.6, -22.3, 561_802.208_635_509_4, 7_533_843.845_612_926),
        (2193, 171.5, -42.1, 1_475_966.796_902_622_6, 5_338_032.162_762_623),
        (3347, -80.2, 48.5, 7_059_043.746_293_243, 1_452_335.877_402_485_3),
        (5070, -110.5, 33.1, -1_339_686.129_161_899_2, 1_216_857.263_173_599_7),
        (4258, 10.25, 51.5, 10.25, 51.5),
        (2227, -121.3, 37.4, 6_329_285.150_500_236, 1_969_108.290_243_422_6),
        (31983, -44.1, -20.1, 594_088.086_034_341_6, 7_777_198.661_803_585),
    ];

    #[test]
    fn positions_equal_those_of_proj_within_a_micrometre() {
        for &(epsg, lon, lat, x, y) in PYPROJ {
            let crs = Crs::from_epsg(epsg).unwrap();
            let (px, py) = Transformer::new(&Crs::WGS84, &crs).unwrap().transform(lon, lat).unwrap();
            assert!((px - x).abs() < 1e-6 && (py - y).abs() < 1e-6, "{crs}: ({px}, {py}) instead of ({x}, {y})");
            let (plon, plat) = Transformer::new(&crs, &Crs::WGS84).unwrap().transform(x, y).unwrap();
            // Equal-area systems are inverted, as in PROJ before 9.6, by a series that is good to 0.3 mm (3e-9 degrees).
            assert!((plon - lon).abs() < 1e-11 && (plat - lat).abs() < 4e-9, "{crs} back: ({plon}, {plat})");
        }
    }

    const ESRI_PYPROJ: [(&str, f64, f64, f64, f64); 12] = [
        ("ESRI:102001", -110.5, 58.2, -834_506.431_947_733, 2_106_224.126_429_706),
        ("ESRI:102002", -110.5, 58.2, -833_466.097_588_311_6, 2_128_648.907_284_923_4),
        ("ESRI:102003", -110.5, 40.1, -1_220_569.875_700_891, 384_692.965_174_645_65),
        ("ESRI:102004", -98.5, 38.25, -217_634.285_690_034, -79_811.090_686_075_5),
        ("ESRI:102008", -110.5, 50.0, -981_164.483_475_782_9, 1_255_272.380_045_186_7),
        ("ESRI:102009", -98.5, 48.25, -175_791.668_530_558_8, 865_586.546_040_880_1),
        ("ESRI:102022", 27.5, -11.25, 257_735.945_171_190_05, -1_331_298.579_137_421_2),
        ("ESRI:102024", 27.5, -11.25, 257_780.917_005_094_47, -1_163_036.536_646_312_8),
        ("ESRI:102025", 88.1, 49.3, -455_886.268_772_257_43, 2_360_886.168_396_696),
        ("ESRI:102027", 88.1, 49.3, -457_802.912_889_496_66, 1_967_956.297_757_012_3),
        ("ESRI:102028", 117.2, -1.3, -835_708.750_241_170_4, 1_585_435.982_160_716_6),
        ("ESRI:102030", 117.2, -1.3, -834_712.996_739_662_3, 1_424_201.143_396_130_5),
    ];
    /// Codes of ESRI for systems with an EPSG code: longitude, latitude, and the position by ESRI's definition. Made with
    /// pyproj 3.7.2 (PROJ 9.5.1): `esri = CRS.from_authority("ESRI", code)`,
    /// `Transformer.from_crs(esri.geodetic_crs, esri, always_xy=True).transform(lon, lat)`
    const ESRI_EQUAL_PYPROJ: [(u32, u16, f64, f64, f64, f64); 12] = [
        (102_100, 3857, 10.25, 47.5, 1_141_024.780_631_054_2, 6_024_072.119_373_784),
        (102_113, 3857, 10.25, 47.5, 1_141_024.780_631_054_2, 6_024_072.119_373_784),
        (102_006, 3338, -150.5, 64.25, 169_445.356_528_130_68, 1_591_852.941_848_781_2),
        (102_110, 2154, 2.5, 46.25, 661_479.580_146_717_6, 6_572_358.559_521_058),
        (102_139, 3067, 25.5, 62.25, 422_083.639_987_738_45, 6_902_933.597_199_563),
        (102_171, 3111, 145.5, -37.25, 2_544_353.184_619_986, 2_472_142.651_656_414_4),
        (102_184, 3400, -114.5, 55.25, 531_772.230_378_897_7, 6_120_275.629_214_947),
        (102_185, 3401, -114.5, 55.25, 31_772.230_378_897_715, 6_120_275.629_214_947),
        (102_190, 3005, -122.5, 54.25, 1_227_420.924_780_611_4, 1_033_136.546_762_337_4),
        (102_382, 6342, -106.5, 35.25, 363_534.883_408_717_4, 3_901_798.793_707_124_4),
        (102_039, 5070, -96.5, 38.25, -43_343.027_115_876_605, 1_690_959.877_717_005_8),
        (104_199, 4326, 10.25, 47.5, 10.25, 47.5),
    ];

    /// Made with pyproj 3.7.2 (PROJ 9.5.1): `Transformer.from_crs(4326, "ESRI:...", always_xy=True).transform(lon, lat)`
    #[test]
    fn systems_of_esri_equal_those_of_proj() {
        for (name, lon, lat, x, y) in ESRI_PYPROJ {
            let crs = Crs::from_name(name).unwrap();
            let (px, py) = Transformer::new(&Crs::WGS84, &crs).unwrap().transform(lon, lat).unwrap();
            assert!((px - x).abs() < 1e-5 && (py - y).abs() < 1e-5, "{crs}: ({px}, {py}) instead of ({x}, {y})");
            assert_eq!((crs.to_string().as_str(), crs.metres_per_unit(), crs.epsg()), (name, Some(1.0), 0));
        }
    }

    #[test]
    fn codes_of_esri_with_an_epsg_code_are_that_system() {
        assert!(esri::EQUAL.iter().all(|(code, _)| ESRI_EQUAL_PYPROJ.iter().any(|(known, ..)| known == code)));
        for (code, epsg, lon, lat, x, y) in ESRI_EQUAL_PYPROJ {
            let crs = Crs::from_esri(code).unwrap();
            assert_eq!(crs.epsg(), epsg);
            let (px, py) = Transformer::new(&Crs::WGS84, &crs).unwrap().transform(lon, lat).unwrap();
            assert!((px - x).abs() < 1e-5 && (py - y).abs() < 1e-5, "{code}: ({px}, {py}) instead of ({x}, {y})");
        }
        let is_compared = |code: &u32| ESRI_PYPROJ.iter().any(|known| known.0 == format!("ESRI:{code}"));
        assert!(esri::DEFINITIONS.iter().all(|(code, _)| is_compared(code)));
    }

    #[test]
    fn names_in_all_forms_are_the_same_system() {
        for name in [
            "EPSG:3005",
            "epsg:3005",
            "urn:ogc:def:crs:EPSG::3005",
            "urn:x-ogc:def:crs:EPSG:6.9:3005",
            "http://www.opengis.net/def/crs/EPSG/0/3005",
            "https://www.opengis.net/def/crs/EPSG/9.9.1/3005",
            "http://www.opengis.net/gml/srs/epsg.xml#3005",
            "ESRI:102190",
            "EPSG:102190",
        ] {
            assert_eq!(Crs::from_name(name).unwrap().epsg(), 3005, "{name}");
        }
        for name in ["urn:ogc:def:crs:OGC:1.3:CRS84", "http://www.opengis.net/def/crs/OGC/1.3/CRS84", "EPSG:4326"] {
            assert_eq!(Crs::from_name(name).unwrap(), Crs::WGS84, "{name}");
        }
        for name in ["", "3005", "EPSG:", "EPSG:x", "IGNF:3005", "EPSG:27700", "ESRI:102999"] {
            assert!(Crs::from_name(name).is_err(), "{name}");
        }
    }

    #[test]
    fn edges_longer_than_the_earth_are_refused_at_once() {
        let corners = [(5e5, 5.5e6), (1e12, 5.5e6), (1e12, 1e11)];
        let far = Polygon::new(LineString::from(corners.to_vec()), vec![]);
        let transformer = Transformer::new(&Crs::from_epsg(3857).unwrap(), &Crs::WGS84).unwrap();
        let error = transformer.transform_densified(&MultiPolygon(vec![far]), 1000.0).unwrap_err().to_string();
        assert!(error.contains("is longer than the Earth"), "{error}");
    }

    #[test]
    fn legacy_datums_are_refused_with_the_way_out() {
        // ED50, NAD27, Cape / Lo29, SAD69 / UTM 23S, Pulkovo 1942 GK zone 8, NZGD49, Tokyo, OSGB36, a sphere, the unknown
        // datum on GRS 80, geocentric WGS 84, RGNC91 (zero shift on the Hayford ellipsoid, wrong in the registry), the Israeli
        // Grid 05/12, EASE-Grid North and EASE-Grid 2.0 South.
        for epsg in [6991, 3973, 6932, 23032, 26711, 22289, 29193, 28408, 27200, 4301, 27700, 4047, 4019, 4978, 2984] {
            let error = Crs::from_epsg(epsg).unwrap_err().to_string();
            assert!(error.starts_with(&format!("coordinate reference system EPSG:{epsg}: ")), "{error}");
            assert!(error.contains("EPSG:32601"), "{error}");
        }
        assert!(Crs::from_epsg(1).unwrap_err().to_string().contains("not a known EPSG code"));
    }

    #[test]
    fn modern_datums_are_accepted() {
        // GDA94, GDA2020, ETRS89, NAD83, NAD83(CSRS), SIRGAS 2000, JGD2011, NZGD2000, CGCS2000, Malaysia 2000, ...
        for epsg in [28350, 7850, 25832, 26911, 2955, 31983, 6677, 2193, 4490, 4742, 4258, 4283, 4269] {
            Crs::from_epsg(epsg).unwrap();
        }
        for zone in 1..=60 {
            for epsg in [32600 + zone, 32700 + zone] {
                assert_eq!(Crs::from_epsg(epsg).unwrap().metres_per_unit(), Some(1.0));
            }
        }
    }

    #[test]
    fn names_and_units_are_those_of_the_registry() {
        let utm = Crs::from_epsg(32611).unwrap();
        assert_eq!(utm.name(), "WGS 84 / UTM zone 11N");
        assert!(!utm.is_geographic());
        assert!(Crs::WGS84.is_geographic());
        assert_eq!(Crs::WGS84.metres_per_unit(), None);
        assert!(Crs::WGS84.require_metres().unwrap_err().to_string().contains("degrees"));
        // NAD83 / California zone 3 in US survey feet
        let feet = Crs::from_epsg(2227).unwrap();
        assert!((feet.metres_per_unit().unwrap() - 1200.0 / 3937.0).abs() < 1e-9);
        assert!(feet.require_metres().is_err());
    }

    #[test]
    fn bounds_hold_curved_edges_and_cross_the_antimeridian() {
        let utm = Crs::from_epsg(32601).unwrap();
        let to_wgs84 = Transformer::new(&utm, &Crs::WGS84).unwrap();
        let [west, south, east, north] =
            to_wgs84.transform_bounds([300_000.0, 7_190_220.0, 409_800.0, 7_300_020.0]).unwrap();
        assert!(west > east && west > 178.0 && east < -178.0, "{west} {east}");
        // Symmetric about the central meridian, the northern edge reaches furthest north in its middle, 500 m beyond its
        // corners.
        let [_, _, _, top] = to_wgs84.transform_bounds([445_000.0, 7_190_220.0, 555_000.0, 7_300_020.0]).unwrap();
        let corner = to_wgs84.transform(445_000.0, 7_300_020.0).unwrap().1;
        assert!(top - corner > 0.004 && south < north, "{top} {corner}");

        let polar = Transformer::new(&Crs::from_epsg(3413).unwrap(), &Crs::WGS84).unwrap();
        let [west, _, east, north] = polar.transform_bounds([-1e5, -1e5, 1e5, 1e5]).unwrap();
        assert_eq!([west, east, north], [-180.0, 180.0, 90.0]);
    }

    #[test]
    fn positions_that_cannot_be_shown_are_errors() {
        let to_utm = Transformer::new(&Crs::WGS84, &Crs::from_epsg(32611).unwrap()).unwrap();
        assert!(to_utm.transform(-117.0, 91.0).is_err());
        assert!(to_utm.transform(f64::NAN, 40.0).is_err());
    }

    #[test]
    fn the_division_of_edges_is_bounded() {
        let mercator = Transformer::new(&Crs::from_epsg(3857).unwrap(), &Crs::WGS84).unwrap();
        let zigzag = |vertices: usize, width: f64| {
            let ring: Vec<_> =
                (0..vertices).map(|i| (if i % 2 == 0 { -width } else { width }, i as f64 * 1e-3)).collect();
            MultiPolygon(vec![Polygon::new(LineString::from(ring), Vec::new())])
        };
        let vertices = |geometry: &MultiPolygon<f64>, edge| {
            mercator.transform_densified(geometry, edge).unwrap().0[0].exterior().0.len()
        };
        // Two edges of 400 km in pieces of 1 km, a short one, and the end; 20,000 km in 4,096 pieces; 20,000 such edges in 209.
        assert_eq!(vertices(&zigzag(3, 2e5), 1000.0), 2 * 400 + 1 + 1);
        assert_eq!(vertices(&zigzag(3, 1e7), 1000.0), 2 * 4096 + 1 + 1);
        assert_eq!(vertices(&zigzag(20_001, 1e7), 1000.0), 20_000 * 209 + 1 + 1);
        assert!(mercator.transform(6e15, 0.0).is_err());
    }
}
