//! Coordinate reference systems in well-known text of the OGC (versions 1 and 2) and ESRI. The result is the EPSG code that
//! the text states, or the code whose definition has the same datum, projection, parameters and unit.

use std::collections::BTreeMap;
use std::sync::LazyLock;

use rayon::prelude::*;

use minesegsat_core::Crs;

/// Relative tolerance for equal angles and scales. Shifts of origins are compared in metres.
const TOLERANCE: f64 = 1e-7;

/// Web Mercator, which differs from the Mercator projection on the ellipsoid by up to 40 km.
const PSEUDO_MERCATOR: &str = "pseudo_mercator";

/// `KEYWORD["text", 1.5, OTHER[...]]`.
#[derive(Debug, Default)]
struct Node {
    keyword: String,
    values: Vec<Item>,
}

#[derive(Debug)]
enum Item {
    Text(String),
    /// A number, or a word without quotes.
    Word(String),
    Node(Node),
}

/// The CRS of a definition, or the reason why it is unknown or refused.
pub(super) fn crs(text: &str) -> Result<Crs, String> {
    let text = text.trim_start_matches('\u{feff}').trim();
    let root = parse(text).ok_or_else(|| {
        let start: String = text.chars().take(40).collect();
        format!("its CRS is not well-known text: it begins with `{start}`")
    })?;
    let horizontal = horizontal(&root);
    if let Some((authority, code)) = horizontal.authority() {
        if authority.eq_ignore_ascii_case("EPSG")
            && let Ok(code) = code.parse()
        {
            return Crs::from_epsg(code).map_err(|error| error.to_string());
        }
        if authority.eq_ignore_ascii_case("ESRI")
            && let Some(crs) = code.parse().ok().and_then(|code| Crs::from_esri(code).ok())
        {
            return Ok(crs);
        }
        if authority == "OGC" && code.starts_with("CRS84") {
            return Ok(Crs::WGS84);
        }
    }
    let name = horizontal.name();
    let wanted = Definition::from_node(horizontal).map_err(|reason| format!("its CRS `{name}` {reason}"))?;
    find(&wanted, name).ok_or_else(|| {
        format!(
            "its CRS `{name}` matches no EPSG code that this program transforms exactly; reproject the \
             file, with `ogr2ogr -t_srs EPSG:4326` for example"
        )
    })
}

/// The horizontal part of a compound or bound system.
fn horizontal(node: &Node) -> &Node {
    match node.keyword.as_str() {
        "COMPD_CS" | "COMPOUNDCRS" => node.nodes().next().map_or(node, horizontal),
        "BOUNDCRS" => node.child("SOURCECRS").and_then(|source| source.nodes().next()).map_or(node, horizontal),
        _ => node,
    }
}

impl Node {
    fn nodes(&self) -> impl Iterator<Item = &Self> {
        self.values.iter().filter_map(|value| if let Item::Node(node) = value { Some(node) } else { None })
    }

    fn child(&self, keyword: &str) -> Option<&Self> {
        self.nodes().find(|node| node.keyword == keyword)
    }

    fn any_child(&self, keywords: &[&str]) -> Option<&Self> {
        self.nodes().find(|node| keywords.contains(&node.keyword.as_str()))
    }

    fn name(&self) -> &str {
        self.text(0).unwrap_or_default()
    }

    fn text(&self, place: usize) -> Option<&str> {
        match self.values.get(place)? {
            Item::Text(text) | Item::Word(text) => Some(text),
            Item::Node(_) => None,
        }
    }

    fn number(&self, place: usize) -> Option<f64> {
        self.text(place)?.parse().ok()
    }

    /// `AUTHORITY["EPSG","32611"]` or `ID["EPSG",32611]`.
    fn authority(&self) -> Option<(&str, &str)> {
        let node = self.any_child(&["AUTHORITY", "ID"])?;
        Some((node.text(0)?, node.text(1)?))
    }
}

/// Maximum nesting of nodes. Text with deeper nesting is not a definition.
const MAX_DEPTH: usize = 16;

fn parse(text: &str) -> Option<Node> {
    let mut rest = text;
    let node = parse_node(&mut rest, 0)?;
    rest.trim().is_empty().then_some(node)
}

fn parse_node(rest: &mut &str, depth: usize) -> Option<Node> {
    let end = rest.find(['[', '('])?;
    let keyword = rest[..end].trim().to_ascii_uppercase();
    if depth > MAX_DEPTH || keyword.is_empty() || !keyword.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_') {
        return None;
    }
    *rest = &rest[end + 1..];
    let mut node = Node { keyword, values: Vec::new() };
    loop {
        *rest = rest.trim_start();
        if let Some(quoted) = rest.strip_prefix('"') {
            let mut text = String::new();
            let mut tail = quoted;
            loop {
                let end = tail.find('"')?;
                text.push_str(&tail[..end]);
                tail = &tail[end + 1..];
                // A quotation mark within a text is written twice.
                match tail.strip_prefix('"') {
                    Some(more) => {
                        text.push('"');
                        tail = more;
                    }
                    None => break,
                }
            }
            *rest = tail;
            node.values.push(Item::Text(text));
        } else {
            let end = rest.find([',', ']', ')', '[', '('])?;
            if matches!(rest.as_bytes()[end], b'[' | b'(') {
                node.values.push(Item::Node(parse_node(rest, depth + 1)?));
            } else {
                let word = rest[..end].trim();
                if !word.is_empty() {
                    node.values.push(Item::Word(word.to_owned()));
                }
                *rest = &rest[end..];
            }
        }
        *rest = rest.trim_start();
        let separator = rest.chars().next()?;
        *rest = &rest[separator.len_utf8()..];
        match separator {
            ',' => {}
            ']' | ')' => return Some(node),
            _ => return None,
        }
    }
}

/// Defining elements of a system, with normalised names.
#[derive(Debug, Clone, PartialEq)]
struct Definition {
    datum: String,
    /// Name of the projection and its parameters; `None` for longitude and latitude.
    projection: Option<(String, BTreeMap<String, f64>)>,
    /// Metres, or radians, per unit.
    unit: f64,
}

impl Definition {
    fn from_node(node: &Node) -> Result<Self, String> {
        let is_projected = match node.keyword.as_str() {
            "PROJCS" | "PROJCRS" | "PROJECTEDCRS" => true,
            "GEOGCS" | "GEOGCRS" | "GEOGRAPHICCRS" | "GEODCRS" | "GEODETICCRS" => false,
            other => return Err(format!("is a {other}, neither geographic nor projected")),
        };
        let base = if is_projected {
            node.any_child(&["GEOGCS", "BASEGEOGCRS", "BASEGEODCRS", "GEOGCRS"])
                .ok_or("has no geographic system below it")?
        } else {
            node
        };
        let datum = base.any_child(&["DATUM", "GEODETICDATUM", "TRF", "ENSEMBLE"]).ok_or("states no datum")?;
        if let Some(shift) = datum.child("TOWGS84")
            && (0..shift.values.len()).any(|place| shift.number(place) != Some(0.0))
        {
            return Err("has a datum that is shifted against WGS 84".to_owned());
        }
        if let Some(meridian) = base.any_child(&["PRIMEM", "PRIMEMERIDIAN"])
            && meridian.number(1).is_some_and(|longitude| longitude != 0.0)
        {
            return Err(format!("counts longitudes from {}", meridian.name()));
        }
        let datum = datum_name(datum.name());
        if !is_projected {
            let unit = unit_of(base, &["UNIT", "ANGLEUNIT"]).unwrap_or(1f64.to_radians());
            return Ok(Self { datum, projection: None, unit });
        }
        let unit = unit_of(node, &["UNIT", "LENGTHUNIT"]).unwrap_or(1.0);
        let conversion = node.any_child(&["CONVERSION", "DERIVINGCONVERSION"]).unwrap_or(node);
        let method = conversion.any_child(&["PROJECTION", "METHOD"]).ok_or("states no projection")?;
        // Ellipsoidal longitudes and latitudes used on a sphere; the table states this as a PROJ string in version 1.
        let is_pseudo = node
            .child("EXTENSION")
            .and_then(|extension| extension.text(1))
            .is_some_and(|proj| proj.contains("+proj=merc") && proj.contains("+nadgrids=@null"));
        let method = if is_pseudo { PSEUDO_MERCATOR.to_owned() } else { method_name(method.name()) };
        let mut parameters = BTreeMap::new();
        for parameter in conversion.nodes().filter(|node| node.keyword == "PARAMETER") {
            let value = parameter.number(1).ok_or_else(|| format!("has no number in `{}`", parameter.name()))?;
            let name = parameter_name(parameter.name());
            // Lengths in metres, so that systems in feet are comparable. In version 2 the unit is beside the value.
            let own = parameter.any_child(&["LENGTHUNIT", "UNIT"]).and_then(|unit| unit.number(1));
            let value = if name.starts_with("false_") { value * own.unwrap_or(unit) } else { value };
            // ESRI's auxiliary sphere, and its scale of 1 for conic projections, add nothing to EPSG's names.
            let is_default = match name.as_str() {
                "auxiliary_sphere_type" => true,
                "scale_factor" => value == 1.0,
                "azimuth" | "rectified_grid_angle" => false,
                _ => value == 0.0,
            };
            if !is_default {
                parameters.insert(name, value);
            }
        }
        let mut method = method;
        let origin = parameters.get("latitude_of_origin").copied().unwrap_or_default();
        match (parameters.get("standard_parallel_1").copied(), parameters.get("standard_parallel_2").copied()) {
            // The order of the two parallels makes no difference.
            (Some(one), Some(two)) if two < one => {
                parameters.insert("standard_parallel_1".to_owned(), two);
                parameters.insert("standard_parallel_2".to_owned(), one);
            }
            // ESRI writes a cone that touches the ellipsoid in one parallel as a cone with one parallel, its origin.
            (Some(one), None) if method == "lambert_conformal_conic_2sp" && one == origin => {
                parameters.remove("standard_parallel_1");
                "lambert_conformal_conic_1sp".clone_into(&mut method);
            }
            // ESRI has one name for both variants.
            (Some(_), None) if method == "mercator_1sp" => "mercator_2sp".clone_into(&mut method),
            _ => {}
        }
        // An angle that equals the azimuth may be left out.
        if let (Some(angle), Some(azimuth)) = (parameters.get("rectified_grid_angle"), parameters.get("azimuth"))
            && (angle - azimuth).abs() < 1e-9
        {
            parameters.remove("rectified_grid_angle");
        }
        // The parallel of true scale, which the OGC writes as the latitude of origin.
        if method == "polar_stereographic"
            && let Some(latitude) = parameters.remove("standard_parallel_1")
        {
            parameters.insert("latitude_of_origin".to_owned(), latitude);
        }
        Ok(Self { datum, projection: Some((method, parameters)), unit })
    }

    /// Whether two definitions give the same coordinates for the same positions.
    fn equals(&self, other: &Self) -> bool {
        let close = |a: f64, b: f64| (a - b).abs() <= TOLERANCE * a.abs().max(b.abs()).max(1.0);
        if self.datum != other.datum || !close(self.unit, other.unit) {
            return false;
        }
        match (&self.projection, &other.projection) {
            (None, None) => true,
            (Some((method, mine)), Some((name, theirs))) => {
                method == name
                    && mine.len() == theirs.len()
                    && mine.iter().all(|(name, a)| {
                        theirs.get(name).is_some_and(|b| {
                            if name.starts_with("false_") { (a - b).abs() < 1e-3 } else { close(*a, *b) }
                        })
                    })
            }
            _ => false,
        }
    }
}

fn unit_of(node: &Node, keywords: &[&str]) -> Option<f64> {
    // In version 1 the unit of a projected system is its own child, after its geographic base. In version 2 the axes may have
    // it.
    let own = node.any_child(keywords).and_then(|unit| unit.number(1));
    own.or_else(|| node.child("AXIS").and_then(|axis| axis.any_child(keywords)).and_then(|unit| unit.number(1)))
}

/// Lower case, words joined by `_`.
fn plain(name: &str) -> String {
    let mut out = String::with_capacity(name.len());
    for c in name.chars() {
        if c.is_alphanumeric() {
            out.extend(c.to_lowercase());
        } else if !out.ends_with('_') {
            out.push('_');
        }
    }
    out.trim_matches('_').to_owned()
}

/// Normalised name of a datum. ESRI, the OGC and EPSG use different names.
fn datum_name(name: &str) -> String {
    let plain = plain(name);
    let bare = plain.strip_prefix("d_").unwrap_or(&plain);
    let bare = bare.strip_suffix("_ensemble").unwrap_or(bare);
    match bare {
        "world_geodetic_system_1984" | "wgs_84" | "wgs84" => "wgs_1984",
        "north_american_1983" | "nad_1983" | "nad83" => "north_american_datum_1983",
        "north_american_1983_csrs" | "nad83_csrs" | "north_american_datum_of_1983_csrs_version_2" => {
            "nad83_canadian_spatial_reference_system"
        }
        "etrs_1989" | "etrf2000_poland" => "european_terrestrial_reference_system_1989",
        "gda_1994" => "geocentric_datum_of_australia_1994",
        "gda2020" | "gda_2020" => "geocentric_datum_of_australia_2020",
        "sirgas_2000" => "sistema_de_referencia_geocentrico_para_las_americas_2000",
        "nzgd_2000" => "new_zealand_geodetic_datum_2000",
        "jgd_2000" => "japanese_geodetic_datum_2000",
        "jgd_2011" => "japanese_geodetic_datum_2011",
        "cgcs2000" => "china_2000",
        // Made from pyproj 3.7.2 (PROJ 9.5.1): the datums in `CRS(code).to_wkt("WKT1_ESRI")`, `"WKT1_GDAL"` and `"WKT2_2019"`
        // of each accepted code, beside those of the table.
        "australian_antarctic_1998" => "australian_antarctic_datum_1998",
        "ptra08" => "autonomous_regions_of_portugal_2008",
        "etrf_1989" => "european_terrestrial_reference_frame_1989",
        "gdbd2009" => "geocentric_datum_brunei_darussalam_2009",
        "korea_geodetic_datum_2002" | "korean_geodetic_datum_2002" => "geocentric_datum_of_korea",
        "gdm_2000" => "geodetic_datum_of_malaysia_2000",
        "hartebeesthoek_1994" => "hartebeesthoek94",
        "itrf_1988" => "international_terrestrial_reference_frame_1988",
        "itrf_1989" => "international_terrestrial_reference_frame_1989",
        "itrf_1990" => "international_terrestrial_reference_frame_1990",
        "itrf_1991" => "international_terrestrial_reference_frame_1991",
        "itrf_1992" => "international_terrestrial_reference_frame_1992",
        "itrf_1993" => "international_terrestrial_reference_frame_1993",
        "itrf_1994" => "international_terrestrial_reference_frame_1994",
        "itrf_1996" => "international_terrestrial_reference_frame_1996",
        "itrf_1997" => "international_terrestrial_reference_frame_1997",
        "itrf_2000" => "international_terrestrial_reference_frame_2000",
        "itrf_2005" => "international_terrestrial_reference_frame_2005",
        "itrf_2008" => "international_terrestrial_reference_frame_2008",
        "iraq_kuwait_boundary_1992" => "iraq_kuwait_boundary_datum_1992",
        "islands_network_1993" => "islands_net_1993",
        "islands_network_2004" => "islands_net_2004",
        "israel_geodetic_datum_2005" => "israeli_geodetic_datum_2005",
        "igm_1995" => "istituto_geografico_militaire_1995",
        "kyrgyz_republic_2006" => "kyrgyzstan_geodetic_datum_2006",
        "latvian_geodetic_coordinate_system_1992" => "latvia_1992",
        "lithuania_1994" => "lithuania_1994_etrs89",
        "macao_2008" => "macao_geodetic_datum_2008",
        "magna" => "marco_geocentrico_nacional_de_referencia",
        "marco_geodesico_nacional" => "marco_geodesico_nacional_de_bolivia",
        "mexican_datum_of_1993" => "mexico_itrf92",
        "moznet" => "moznet_itrf94",
        "nad_1983_cors96" => "nad83_continuously_operating_reference_station_1996",
        "nad_1983_federal_base_network" => "nad83_federal_base_network",
        "north_american_1983_harn" => "nad83_high_accuracy_reference_network",
        "nad_1983_high_accuracy_reference_network_corrected" => "nad83_high_accuracy_reference_network_corrected",
        "nad_1983_nsrs2007" => "nad83_national_spatial_reference_system_2007",
        "nad_1983_2011" => "nad83_national_spatial_reference_system_2011",
        "nad_1983_ma11" => "nad83_national_spatial_reference_system_ma11",
        "nad_1983_pa11" => "nad83_national_spatial_reference_system_pa11",
        "posgar" => "posiciones_geodesicas_argentinas",
        "posgar_1994" => "posiciones_geodesicas_argentinas_1994",
        "posgar_1998" => "posiciones_geodesicas_argentinas_1998",
        "posgar_2007" => "posiciones_geodesicas_argentinas_2007",
        "regven" => "red_geodesica_venezolana",
        "rraf_1991" => "reseau_de_reference_des_antilles_francaises_1991",
        "rgr_1992" => "reseau_geodesique_de_la_reunion_1992",
        "reseau_geodesique_de_nouvelle_caledonie_1991_93" => "reseau_geodesique_de_nouvelle_caledonie_91_93",
        "reseau_geodesique_de_st_pierre_et_miquelon_2006" => "reseau_geodesique_de_saint_pierre_et_miquelon_2006",
        "reseau_geodesique_francais_1993_v1" | "rgf_1993" => "reseau_geodesique_francais_1993",
        "rgfg_1995" => "reseau_geodesique_francais_guyane_1995",
        "sirgas_chile_realization_1_epoch_2002" => "sirgas_chile",
        "sirgas" => "sistema_de_referencia_geocentrico_para_america_del_sur_1995",
        "sgnp_marcario_solis" => "sistema_geodesico_nacional_de_panama_macario_solis",
        "swiss_terrestrial_reference_system_1995" | "swiss_trf_1995" => "swiss_terrestrial_reference_frame_1995",
        "twd_1997" => "taiwan_datum_1997",
        "yemen_ngn_1996" => "yemen_national_geodetic_network_1996",
        other => other,
    }
    .to_owned()
}

fn method_name(name: &str) -> String {
    match plain(name).as_str() {
        "lambert_conformal_conic" | "lambert_conformal_conic_2sp" | "lambert_conic_conformal_2sp" => {
            "lambert_conformal_conic_2sp"
        }
        "lambert_conformal_conic_1sp" | "lambert_conic_conformal_1sp" => "lambert_conformal_conic_1sp",
        "gauss_kruger" => "transverse_mercator",
        "double_stereographic" => "oblique_stereographic",
        "cassini" => "cassini_soldner",
        "hotine_oblique_mercator_azimuth_natural_origin"
        | "hotine_oblique_mercator_variant_a"
        | "rectified_skew_orthomorphic_natural_origin" => "hotine_oblique_mercator",
        "hotine_oblique_mercator_variant_b" => "hotine_oblique_mercator_azimuth_center",
        "american_polyconic" => "polyconic",
        "lambert_cylindrical_equal_area" | "behrmann" => "cylindrical_equal_area",
        "mercator_variant_b" => "mercator_2sp",
        "albers" | "albers_equal_area" | "albers_conic_equal_area" => "albers_conic_equal_area",
        "mercator_auxiliary_sphere" | "popular_visualisation_pseudo_mercator" => PSEUDO_MERCATOR,
        "mercator" | "mercator_variant_a" => "mercator_1sp",
        "stereographic_north_pole" | "stereographic_south_pole" | "polar_stereographic_variant_b" => {
            "polar_stereographic"
        }
        other => return other.to_owned(),
    }
    .to_owned()
}

fn parameter_name(name: &str) -> String {
    let plain = plain(name);
    match plain.as_str() {
        "latitude_of_center"
        | "latitude_of_false_origin"
        | "latitude_of_natural_origin"
        | "latitude_of_projection_centre"
        | "latitude_of_origin" => "latitude_of_origin",
        "longitude_of_center"
        | "longitude_of_false_origin"
        | "longitude_of_natural_origin"
        | "longitude_of_projection_centre"
        | "longitude_of_origin"
        | "central_meridian" => "central_meridian",
        "latitude_of_1st_standard_parallel" | "latitude_of_standard_parallel" | "standard_parallel_1" => {
            "standard_parallel_1"
        }
        "latitude_of_2nd_standard_parallel" | "standard_parallel_2" => "standard_parallel_2",
        "scale_factor_at_natural_origin"
        | "scale_factor_at_projection_centre"
        | "scale_factor_on_initial_line"
        | "scale_factor_at_the_projection_centre"
        | "scale_factor" => "scale_factor",
        "azimuth_of_initial_line" | "azimuth_at_projection_centre" | "azimuth" => "azimuth",
        "angle_from_rectified_to_skew_grid" | "xy_plane_rotation" | "rectified_grid_angle" => "rectified_grid_angle",
        "easting_at_projection_centre" | "easting_at_false_origin" => "false_easting",
        "northing_at_projection_centre" | "northing_at_false_origin" => "false_northing",
        other => other,
    }
    .to_owned()
}

/// The definitions of all EPSG codes that have one.
static TABLE: LazyLock<Vec<(u16, Definition)>> = LazyLock::new(|| {
    (1024..=u16::MAX)
        .into_par_iter()
        .filter_map(|code| Some((code, Definition::from_node(&parse(crs_definitions::from_code(code)?.wkt)?).ok()?)))
        .collect()
});

/// The definitions of the systems of ESRI without an EPSG code.
static TABLE_OF_ESRI: LazyLock<Vec<(Crs, Definition)>> = LazyLock::new(|| {
    let definition = |(crs, wkt): (Crs, &str)| Some((crs, Definition::from_node(&parse(wkt)?).ok()?));
    Crs::of_esri().filter_map(definition).collect()
});

/// Preferred codes among the many for longitudes and latitudes on one datum.
const COMMON: [u16; 6] = [4326, 4269, 4258, 4283, 4674, 4617];

/// The EPSG code with this definition. Among several: a preferred one, the one with this name, or the lowest that is not
/// deprecated.
fn find(wanted: &Definition, name: &str) -> Option<Crs> {
    let codes = TABLE.iter().filter(|(_, definition)| definition.equals(wanted)).map(|(code, _)| *code);
    let mut found: Vec<Crs> = codes.filter_map(|code| Crs::from_epsg(code).ok()).collect();
    if found.is_empty() {
        let is_it = |(_, definition): &&(Crs, Definition)| definition.equals(wanted);
        return TABLE_OF_ESRI.iter().find(is_it).map(|(crs, _)| crs.clone());
    }
    // ESRI writes `NAD_1983` and `ETRS_1989`, EPSG `NAD83` and `ETRS89`.
    let short = |name: &str| plain(name).replace("_1983", "83").replace("_1984", "_84").replace("_1989", "89");
    let common = found.iter().position(|crs| COMMON.contains(&crs.epsg()));
    let named = || found.iter().position(|crs| short(crs.name()) == short(name));
    let current = || found.iter().position(|crs| !crs.name().ends_with("(deprecated)"));
    let place = common.or_else(named).or_else(current).unwrap_or(0);
    Some(found.swap_remove(place))
}

#[cfg(test)]
mod tests;
