//! A version of a permit: where and how much land may be disturbed, from when to when.

use geo::MultiPolygon;
use jiff::civil::Date;

use super::SiteId;

/// A version of a permit. Versions of one site do not overlap in time.
#[derive(Debug, Clone, PartialEq)]
pub struct Permit {
    /// The site.
    pub site: SiteId,
    /// Number or name of the permit.
    pub number: String,
    /// First day on which it holds.
    pub valid_from: Date,
    /// Last day on which it holds; open-ended where it is not given.
    pub valid_to: Option<Date>,
    /// Where land may be disturbed, in longitude and latitude; the site's boundary where it is not given.
    pub polygon: Option<MultiPolygon<f64>>,
    /// How much land may be disturbed, in hectares; no verdict on the area where it is not given.
    pub limit_ha: Option<f64>,
    /// The document that says so: a file or an address.
    pub document: Option<String>,
    /// SHA-256 of that document, lower-case hexadecimal.
    pub document_sha256: Option<String>,
}

impl Permit {
    /// Whether it holds on a day.
    pub fn holds_on(&self, day: Date) -> bool {
        self.valid_from <= day && self.valid_to.is_none_or(|last| day <= last)
    }

    /// For programs, with the polygon as a GeoJSON geometry (RFC 7946).
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
