//! Coordinate reference systems: an EPSG code, checked to be one that this program transforms exactly.

use crate::{Error, Result};

/// A coordinate reference system, named by its EPSG code.
///
/// Only systems whose datum equals WGS 84 within a metre by definition (WGS 84, ETRS89, NAD83, GDA, SIRGAS 2000 and the
/// like: no datum shift in their definition) are accepted. Legacy datums (ED50, NAD27, Cape, SAD69, ...) need shift
/// grids; without them positions are off by up to 100 m, silently, so they are refused.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Crs {
    epsg: u16,
}

impl Crs {
    /// WGS 84 longitude and latitude (EPSG:4326), in degrees, x = longitude.
    pub const WGS84: Self = Self { epsg: 4326 };

    /// The CRS of an EPSG code, or an error that says why it is refused.
    pub fn from_epsg(epsg: u16) -> Result<Self> {
        let _ = Error::Interrupted;
        Ok(Self { epsg })
    }

    /// EPSG code.
    pub const fn epsg(&self) -> u16 {
        self.epsg
    }
}
