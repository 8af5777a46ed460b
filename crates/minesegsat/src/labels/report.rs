//! What was read, repaired and dropped ([`LabelReport`]), and where it comes from ([`LabelSource`]).

use std::collections::BTreeMap;
use std::fmt;

use serde::Serialize;

use super::ClassMap;

/// What became of the features of a file.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize)]
pub struct LabelReport {
    /// Features in the layer.
    pub read: usize,
    /// Features that the filter left out.
    pub filtered_out: usize,
    /// Features that are used: `read` less `filtered_out` less the number of `dropped`.
    pub kept: usize,
    /// Features by type of geometry, after filtering; `none` counts those without.
    pub geometry_types: BTreeMap<String, usize>,
    /// Features that were repaired and are used.
    pub repaired: Vec<Repaired>,
    /// Features that are not used.
    pub dropped: Vec<Dropped>,
    /// What else people should know, in sentences.
    pub warnings: Vec<String>,
}

/// A feature that was repaired.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Repaired {
    /// Id of the feature.
    pub id: String,
    /// What was done.
    pub repairs: Vec<Repair>,
}

/// A feature that cannot be used.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Dropped {
    /// Id of the feature.
    pub id: String,
    /// Why not.
    pub reason: String,
}

/// A repair. None of them changes the labelled area, but for a quarter of a pixel where a ring crosses itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "kebab-case")]
#[non_exhaustive]
pub enum Repair {
    /// A ring was closed.
    Closed,
    /// Positions that repeat the one before were taken out.
    RepeatedPositions,
    /// Spikes, where a ring goes out and back along one line, were taken out.
    Spikes,
    /// Rings without area were left out.
    EmptyRings,
    /// A hole ran the same way as its shell and was turned.
    Winding,
    /// A ring that crosses or touches itself was redrawn. Both ways to read it give the same area.
    SelfIntersection,
    /// Holes that touch or cross their shell or one another were redrawn. Both ways to read them give the same area.
    Holes,
    /// Parts that overlap or share edges were united.
    Parts,
    /// Longitudes across the antimeridian were made continuous, parts that were cut along it joined.
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

/// Where labels come from.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct LabelSource {
    /// The files: one, or the parts of a shapefile.
    pub files: Vec<LabelFile>,
    /// Format, such as `GeoPackage`.
    pub format: String,
    /// Layer of a file that has layers.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub layer: Option<String>,
    /// The CRS, as `EPSG:4326`.
    pub crs: String,
    /// Whether x and y were exchanged.
    pub swap_axes: bool,
    /// The filter, as it was given.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub filter: Option<String>,
    /// Features that are used.
    pub features: usize,
    /// What the values of masks mean.
    pub classes: ClassMap,
    /// Distance from edges in metres within which pixels are ignored.
    pub ignore_buffer_m: f64,
    /// Who made the labels, in which version, as the user says.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub source: Option<String>,
    /// Licence, as the user says.
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
