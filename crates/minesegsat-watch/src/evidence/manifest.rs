//! `manifest.json` of a pack: the basis of a verdict, and the hash of every file.

use jiff::civil::Date;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::{FORMAT, FORMAT_VERSION, MANIFEST, PERMIT, SIGNATURE, SITE, path_problem};
use crate::register::{Observation, Permit, Site, SiteId, SiteStatus, geometry_json};
use minesegsat_scene::manifest::Software;

/// A file of a pack.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) struct FileRecord {
    /// Path in the pack.
    pub(super) path: String,
    /// Size in bytes.
    pub(super) size: u64,
    /// SHA-256, lower-case hexadecimal.
    pub(super) sha256: String,
}

#[derive(Debug, Serialize)]
pub(super) struct Manifest<'a> {
    pub(super) format: &'static str,
    pub(super) format_version: u32,
    pub(super) software: Software,
    pub(super) site: SiteRecord<'a>,
    /// The permit version that the verdict refers to.
    pub(super) permit: Option<PermitRecord<'a>>,
    pub(super) scenes: &'a [String],
    pub(super) model_sha256: &'a str,
    /// The observation as stored in the register.
    pub(super) observation: &'a Observation,
    pub(super) parameters: &'a Value,
    /// All files of the pack except the manifest and its signature, sorted by path.
    pub(super) files: Vec<FileRecord>,
}

#[derive(Debug, Serialize)]
pub(super) struct SiteRecord<'a> {
    id: &'a SiteId,
    name: &'a str,
    operator: Option<&'a str>,
    commodity: Option<&'a str>,
    status: SiteStatus,
    boundary: &'static str,
}

impl<'a> From<&'a Site> for SiteRecord<'a> {
    fn from(site: &'a Site) -> Self {
        Self {
            id: &site.id,
            name: &site.name,
            operator: site.operator.as_deref(),
            commodity: site.commodity.as_deref(),
            status: site.status,
            boundary: SITE,
        }
    }
}

#[derive(Debug, Serialize)]
pub(super) struct PermitRecord<'a> {
    number: &'a str,
    valid_from: Date,
    valid_to: Option<Date>,
    limit_ha: Option<f64>,
    document: Option<&'a str>,
    document_sha256: Option<&'a str>,
    polygon: &'static str,
}

impl<'a> From<&'a Permit> for PermitRecord<'a> {
    fn from(permit: &'a Permit) -> Self {
        Self {
            number: &permit.number,
            valid_from: permit.valid_from,
            valid_to: permit.valid_to,
            limit_ha: permit.limit_ha,
            document: permit.document.as_deref(),
            document_sha256: permit.document_sha256.as_deref(),
            polygon: PERMIT,
        }
    }
}

/// The boundary of a site as a GeoJSON document.
pub(super) fn site_geojson(site: &Site) -> Value {
    feature(&site.boundary, &json!({ "id": site.id, "name": site.name, "operator": site.operator }))
}

/// The permitted polygon as a GeoJSON document.
pub(super) fn permit_geojson(permit: &Permit, site: &Site) -> Value {
    let properties = json!({
        "number": permit.number,
        "valid_from": permit.valid_from,
        "valid_to": permit.valid_to,
        "limit_ha": permit.limit_ha,
        // A permit without a polygon covers the site's boundary.
        "polygon": if permit.polygon.is_some() { "the permit's" } else { "the boundary of the site" },
    });
    feature(permit.polygon.as_ref().unwrap_or(&site.boundary), &properties)
}

fn feature(polygon: &geo::MultiPolygon<f64>, properties: &Value) -> Value {
    let geometry = geometry_json(polygon);
    json!({
        "type": "FeatureCollection",
        "features": [{ "type": "Feature", "properties": properties, "geometry": geometry }],
    })
}

/// The parts of a manifest needed to verify a pack. It does not use the register's types, because their later versions may
/// require more members.
#[derive(Debug)]
pub(super) struct Listing {
    pub(super) files: Vec<FileRecord>,
    /// The whole manifest.
    pub(super) document: Value,
}

/// Why a manifest cannot be used.
#[derive(Debug)]
pub(super) enum Unusable {
    Newer(u64),
    Other(String),
}

impl Listing {
    pub(super) fn parse(bytes: &[u8]) -> Result<Self, Unusable> {
        #[derive(Deserialize)]
        struct Head {
            format: String,
            format_version: u64,
        }
        #[derive(Deserialize)]
        struct Files {
            files: Vec<FileRecord>,
        }
        let other = |error: serde_json::Error| Unusable::Other(error.to_string());
        let head: Head = serde_json::from_slice(bytes).map_err(other)?;
        if head.format != FORMAT {
            return Err(Unusable::Other(format!("its format is `{}`, and a pack's is `{FORMAT}`", head.format)));
        }
        match head.format_version {
            0 => return Err(Unusable::Other("format version 0".to_owned())),
            version if version > u64::from(FORMAT_VERSION) => return Err(Unusable::Newer(version)),
            _ => {}
        }
        let Files { files } = serde_json::from_slice(bytes).map_err(other)?;
        let document = serde_json::from_slice(bytes).map_err(other)?;
        for pair in files.windows(2) {
            if pair[0].path >= pair[1].path {
                return Err(Unusable::Other(format!("`{}` and `{}` are not in order", pair[0].path, pair[1].path)));
            }
        }
        for file in &files {
            if let Some(problem) = path_problem(&file.path) {
                return Err(Unusable::Other(format!("it lists `{}`: {problem}", file.path)));
            }
            if [MANIFEST, SIGNATURE].contains(&file.path.as_str()) {
                return Err(Unusable::Other(format!("it lists `{}`", file.path)));
            }
        }
        Ok(Self { files, document })
    }
}
