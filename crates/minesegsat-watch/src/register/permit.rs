//! A version of a permit: where, when and how much land may be disturbed.

use geo::MultiPolygon;
use jiff::civil::Date;
use sha2::{Digest, Sha256};

use super::SiteId;
use super::site::outline_sha256;

/// A version of a permit. Versions of one site do not overlap in time.
#[derive(Debug, Clone, PartialEq)]
pub struct Permit {
    /// The site.
    pub site: SiteId,
    /// Number or name of the permit.
    pub number: String,
    /// First day of validity.
    pub valid_from: Date,
    /// Last day of validity; `None` for open-ended.
    pub valid_to: Option<Date>,
    /// Where land may be disturbed, in longitude and latitude. `None`: the site's boundary.
    pub polygon: Option<MultiPolygon<f64>>,
    /// Maximum area that may be disturbed, in hectares. `None`: no verdict on the area.
    pub limit_ha: Option<f64>,
    /// The permit document: a file or a URL.
    pub document: Option<String>,
    /// SHA-256 of that document, lower-case hexadecimal.
    pub document_sha256: Option<String>,
}

impl Permit {
    /// Whether it is valid on a day.
    pub fn holds_on(&self, day: Date) -> bool {
        self.valid_from <= day && self.valid_to.is_none_or(|last| day <= last)
    }

    /// Identity of this version: SHA-256 of its number, first day, limit and polygon. Its last day may be set later.
    pub fn sha256(&self) -> String {
        let polygon = self.polygon.as_ref().map(outline_sha256).unwrap_or_default();
        let limit = self.limit_ha.map(|limit| limit.to_string()).unwrap_or_default();
        let parts = [self.number.clone(), self.valid_from.to_string(), limit, polygon];
        minesegsat_core::hex::encode(&Sha256::digest(parts.join("\0").as_bytes()))
    }

    /// JSON for programs, with the polygon as a GeoJSON geometry (RFC 7946).
    pub fn to_json(&self) -> serde_json::Value {
        serde_json::json!({
            "number": self.number,
            "valid_from": self.valid_from,
            "valid_to": self.valid_to,
            "limit_ha": self.limit_ha,
            "document": self.document,
            "document_sha256": self.document_sha256,
            "polygon": self.polygon.as_ref().map(super::export::geometry_json),
        })
    }
}
