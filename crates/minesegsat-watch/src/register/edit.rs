//! Changes of a site that name the revision which the editor has read. A change by another editor meanwhile is not overwritten.

use geo::MultiPolygon;
use jiff::civil::Date;
use sha2::{Digest, Sha256};

use super::sites::refuse;
use super::{Permit, Register, Removed, Site, SiteId, SiteStatus, StoredSite};
use minesegsat_core::{Error, Result};
use minesegsat_vector::labels::Repair;

/// Length of a revision in hexadecimal digits.
const REVISION_DIGITS: usize = 16;
/// Largest number that is appended to an id that is taken.
const MAX_NUMBER: usize = 100_000;

/// New values of a site. `None` keeps a value.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct SiteEdit {
    /// Display name.
    pub name: Option<String>,
    /// Operator. An empty text removes it.
    pub operator: Option<String>,
    /// Commodity. An empty text removes it.
    pub commodity: Option<String>,
    /// Status.
    pub status: Option<SiteStatus>,
    /// Boundary, in longitude and latitude (WGS 84).
    pub boundary: Option<MultiPolygon<f64>>,
}

impl SiteEdit {
    /// Puts the new values in place of the stored ones, which may be damaged.
    pub fn apply(self, stored: &mut StoredSite) {
        let given = |text: String| Ok(Some(text).filter(|text| !text.trim().is_empty()));
        if let Some(name) = self.name {
            stored.name = Ok(name);
        }
        if let Some(operator) = self.operator {
            stored.operator = given(operator);
        }
        if let Some(commodity) = self.commodity {
            stored.commodity = given(commodity);
        }
        if let Some(status) = self.status {
            stored.status = Ok(status);
        }
        if let Some(boundary) = self.boundary {
            stored.boundary = Ok(boundary);
        }
    }
}

/// Revision of a site: 16 hexadecimal digits that change with its values, its boundary and its permits. Observations do not change
/// it.
pub fn revision(site: &Site, permits: &[Permit]) -> String {
    let mut parts = vec![
        site.name.clone(),
        site.operator.clone().unwrap_or_default(),
        site.commodity.clone().unwrap_or_default(),
        site.status.name().to_owned(),
        site.boundary_sha256(),
    ];
    for permit in permits {
        parts.push(permit.sha256());
        parts.push(permit.valid_to.map(|day| day.to_string()).unwrap_or_default());
        parts.push(permit.document.clone().unwrap_or_default());
    }
    let mut digest = Sha256::new();
    for part in &parts {
        digest.update((part.len() as u64).to_le_bytes());
        digest.update(part.as_bytes());
    }
    let mut text = minesegsat_core::hex::encode(&digest.finalize());
    text.truncate(REVISION_DIGITS);
    text
}

/// Methods that change a site only if it still has the revision that the editor has read. Otherwise they store nothing and return
/// `None`.
impl Register {
    /// Changes values of a site. Returns the repairs made to its boundary.
    pub fn edit_site(&self, id: &SiteId, seen: &str, edit: SiteEdit) -> Result<Option<Vec<Repair>>> {
        self.if_unchanged(id, seen, || {
            let mut stored = self.stored_site(id)?;
            edit.apply(&mut stored);
            let site = stored.into_site().map_err(|reason| refuse(id, reason))?;
            self.replace_site(&site)
        })
    }

    /// Adds a permit version as [`add_permit`](Self::add_permit) does.
    pub fn add_permit_to(&self, seen: &str, permit: &Permit) -> Result<Option<Vec<Repair>>> {
        self.if_unchanged(&permit.site, seen, || self.append_permit(permit))
    }

    /// Adds a permit version as [`add_permit_superseding`](Self::add_permit_superseding) does. Also returns the version that was
    /// ended.
    pub fn supersede_permit_of(&self, seen: &str, permit: &Permit) -> Result<Option<(Vec<Repair>, Option<Permit>)>> {
        self.if_unchanged(&permit.site, seen, || self.supersede_permit(permit))
    }

    /// Removes versions of a permit as [`remove_permit`](Self::remove_permit) does. Returns the removed versions.
    pub fn remove_permit_of(
        &self,
        site: &SiteId,
        seen: &str,
        number: &str,
        valid_from: Option<Date>,
    ) -> Result<Option<Vec<Permit>>> {
        self.if_unchanged(site, seen, || self.delete_permit(site, number, valid_from))
    }

    /// Removes a site as [`remove_site`](Self::remove_site) does.
    pub fn remove_site_of(&self, id: &SiteId, seen: &str, forced: bool) -> Result<Option<Removed>> {
        self.if_unchanged(id, seen, || self.delete_site(id, forced))
    }

    fn if_unchanged<T>(&self, id: &SiteId, seen: &str, change: impl FnOnce() -> Result<T>) -> Result<Option<T>> {
        self.in_transaction(|_| {
            let now = revision(&self.known_site(id)?, &self.read_permits(id)?.rows);
            if now == seen { change().map(Some) } else { Ok(None) }
        })
    }

    /// An id that no site has yet, made from a name. Fails if the name has no letter and no digit.
    pub fn free_id(&self, name: &str) -> Result<SiteId> {
        let refuse = || Error::Argument {
            name: "name",
            value: name.to_owned(),
            accepted: "a name with a letter or a digit, or an id beside it".to_owned(),
        };
        let first = SiteId::from_text(name).ok_or_else(refuse)?;
        let numbered = (2..=MAX_NUMBER).filter_map(|number| first.numbered(number));
        for id in std::iter::once(first.clone()).chain(numbered) {
            if !self.has_site(&id)? {
                return Ok(id);
            }
        }
        Err(refuse())
    }
}
