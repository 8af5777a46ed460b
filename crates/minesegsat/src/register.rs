//! The register of sites: who may disturb how much land where, and what was seen there. One GeoPackage that opens in QGIS.

mod observation;
mod permit;
mod site;
mod verdict;

pub use self::observation::{Area, Observation, ObservationFile};
pub use self::permit::Permit;
pub use self::site::{Site, SiteId, SiteStatus};
pub use self::verdict::Verdict;
