//! Report on read, repaired and dropped features ([`LabelReport`]), and provenance of labels ([`LabelSource`]).

use std::collections::BTreeMap;
use std::fmt;

use serde::Serialize;

use super::ClassMap;

/// Report on the features of a file.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize)]
pub struct LabelReport {
    /// Features in the layer.
    pub read: usize,
    /// Features that the filter excluded.
    pub filtered_out: usize,
    /// Features that are used: `read` minus `filtered_out` minus the number of `dropped`.
    pub kept: usize,
    /// Features by geometry type, after filtering; `none` counts features without geometry.
    pub geometry_types: BTreeMap<String, usize>,
    /// Features that were repaired and are used.
    pub repaired: Vec<Repaired>,
    /// Features that are not used.
    pub dropped: Vec<Dropped>,
    /// Warnings for the user, as sentences.
    pub warnings: Vec<String>,
}

/// A feature that was repaired.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Repaired {
    /// Id of the feature.
    pub id: String,
    /// Its position in the file, from 0.
    #[serde(skip)]
    pub place: usize,
    /// Repairs that were made.
    pub repairs: Vec<Repair>,
}

/// A feature that cannot be used.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Dropped {
    /// Id of the feature.
    pub id: String,
    /// Its position in the file, from 0. Ids may be repeated.
    #[serde(skip)]
    pub place: usize,
    /// Kind of the reason.
    #[serde(skip)]
    pub kind: DroppedKind,
    /// Why it cannot be used.
    pub reason: String,
}

/// Kind of the reason why a feature cannot be used.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum DroppedKind {
    /// It has points or lines, and no polygons.
    PointsOrLines,
    /// It has no geometry.
    NoGeometry,
    /// Its geometry cannot be used.
    Unusable,
}

/// A repair. No repair changes the labelled area, except by up to a quarter of a pixel if a ring crosses itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "kebab-case")]
#[non_exhaustive]
pub enum Repair {
    /// A ring was closed.
    Closed,
    /// Repeated positions were removed.
    RepeatedPositions,
    /// Spikes, where a ring runs out and back along one line, were removed.
    Spikes,
    /// Rings without area were left out.
    EmptyRings,
    /// A hole had the same direction as its shell and was reversed.
    Winding,
    /// A ring that crosses or touches itself was redrawn. Both readings give the same area.
    SelfIntersection,
    /// Holes that touch or cross their shell or one another were redrawn. Both readings give the same area.
    Holes,
    /// Parts that overlap or share edges were united.
    Parts,
    /// Longitudes across the antimeridian were made continuous, or parts that were cut along it were joined.
    Antimeridian,
}

impl fmt::Display for Repair {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Closed => "open ring",
            Self::RepeatedPositions => "repeated positions",
            Self::Spikes => "spikes",
            Self::EmptyRings => "rings without area",
            Self::Winding => "winding",
            Self::SelfIntersection => "self-intersection",
            Self::Holes => "holes that touch or cross",
            Self::Parts => "parts that overlap",
            Self::Antimeridian => "antimeridian",
        })
    }
}

/// Provenance of labels.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct LabelSource {
    /// The file, or the parts of a shapefile.
    pub files: Vec<LabelFile>,
    /// Format, such as `GeoPackage`.
    pub format: String,
    /// Layer, for files with layers.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub layer: Option<String>,
    /// The CRS, as `EPSG:4326`.
    pub crs: String,
    /// Whether x and y were exchanged.
    pub swap_axes: bool,
    /// The filter, as the user gave it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub filter: Option<String>,
    /// Features that are used.
    pub features: usize,
    /// Why the file is not the whole of its source, by its own words, if the user accepted that.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub incomplete: Option<String>,
    /// The classes of mask values.
    pub classes: ClassMap,
    /// Ignore distance from edges, in metres.
    pub ignore_buffer_m: f64,
    /// Author and version of the labels, as the user states them.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub source: Option<String>,
    /// Licence, as the user states it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub licence: Option<String>,
}

/// A file of labels.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct LabelFile {
    /// Name without its folder.
    pub name: String,
    /// Size in bytes.
    pub size: u64,
    /// SHA-256 of its content, hexadecimal.
    pub sha256: String,
}
