//! Corrections: verdicts of stored observations are judged again when the permits of their site change.
//!
//! A permit that is added, revised, superseded or withdrawn changes the verdicts of the days on which it holds. [`rejudge`] compares each
//! observation with the permit that the register now has for its day. The replaced verdict is kept as a [`Correction`]: what was
//! said, until when, and why it changed. The hectares of an observation stay as they were measured; only what depends on the permit is
//! measured again, on the stored map.

use std::fmt;
use std::path::PathBuf;

use jiff::Timestamp;
use jiff::civil::Date;
use serde::Serialize;

use super::judge::{Shares, judge};
use super::observe::{area_of, permitted};
use crate::alerts::{self, Standing};
use crate::register::{Correction, Observation, Permit, Register, Site, SiteId, Verdict};
use minesegsat_core::{Grouped, Result, without_marks};
use minesegsat_map::change::DatedMap;
use minesegsat_map::hectares::{Hectares, MappedParts, SiteOnMap};
use minesegsat_map::series::Confirmation;

/// End of the path of the record of an observation's map.
const MAP_MANIFEST: &str = "map/manifest.json";

/// Judges all observations of a site again whose permit is another one now. Returns the replaced verdicts, in the order of the
/// observations. Nothing changes if a permit of the site cannot be read. `editor` names the user who changed the permits, if known.
pub fn rejudge(
    register: &Register,
    site: &SiteId,
    rule: Confirmation,
    now: Timestamp,
    editor: Option<&str>,
) -> Result<Vec<Correction>> {
    // Mostly nothing has changed, and the register needs no lock.
    if !is_outdated(register, site)? {
        return Ok(Vec::new());
    }
    register.in_transaction(|_| {
        let site = register.known_site(site)?;
        let mut corrections = Vec::new();
        for Rejudged { before, mut after, permit, reason } in outdated(register, &site.id, rule)? {
            let correction = Correction {
                site: site.id.clone(),
                observation: before.name(),
                date: before.date,
                replaced: now,
                reason,
                editor: editor.map(str::to_owned),
                verdict: before.verdict,
                is_provisional: before.is_provisional,
                statement: before.statement.clone(),
                permit: before.permit.clone(),
                limit_ha: before.limit_ha,
                outside_permit_ha: before.outside_permit_ha,
            };
            register.insert_correction(&before, &correction)?;
            corrections.push(correction);
            if !has_terms(&before, permit.as_ref()) {
                measure_again(&mut after, &site, permit.as_ref(), register);
            }
            register.replace_verdict(&after)?;
        }
        Ok(corrections)
    })
}

/// An observation before and after it is judged again. Land inside and outside the permit is not measured again yet.
struct Rejudged {
    before: Observation,
    after: Observation,
    permit: Option<Permit>,
    reason: String,
}

/// Observations of a site whose verdict must be replaced, in their order. None if a permit of the site cannot be read.
fn outdated(register: &Register, site: &SiteId, rule: Confirmation) -> Result<Vec<Rejudged>> {
    let permits = register.read_permits(site)?;
    if !permits.damaged.is_empty() {
        return Ok(Vec::new());
    }
    let mut found = Vec::new();
    let mut judged: Vec<Observation> = Vec::new();
    for before in register.read_observations(site)?.rows {
        let mut after = before.clone();
        let permit = permits.rows.iter().find(|permit| permit.holds_on(before.date));
        let is_same = has_terms(&before, permit);
        // Whether enough dates agree depends on the verdicts before.
        let is_touched = !found.is_empty()
            && before.is_provisional.is_some()
            && standing(&before, &judged, rule) != before.is_provisional;
        if before.area.is_some() && (!is_same || is_touched) {
            let reason = if is_same {
                "the verdict of an earlier day was corrected".to_owned()
            } else {
                reason(&before, permit)
            };
            after.details.get_or_insert_with(|| details_of(&before));
            after.permit = permit.map(|permit| permit.number.clone());
            after.limit_ha = permit.and_then(|permit| permit.limit_ha);
            after.permit_sha256 = if is_same { before.permit_sha256.clone() } else { permit.map(Permit::sha256) };
            let sentence = sentence(&after, permit);
            state(&mut after, &sentence, &judged, rule);
            found.push(Rejudged { before, after: after.clone(), permit: permit.cloned(), reason });
        }
        judged.push(after);
    }
    Ok(found)
}

/// A change of the permits of a site.
#[derive(Debug, Clone, Copy)]
pub enum PermitChange<'a> {
    /// As [`Register::add_permit`].
    Add(&'a Permit),
    /// As [`Register::add_permit_superseding`].
    Supersede(&'a Permit),
    /// As [`Register::remove_permit`].
    Withdraw {
        /// The site.
        site: &'a SiteId,
        /// Number of the permit.
        number: &'a str,
        /// First day of the only version that is withdrawn; all versions if `None`.
        valid_from: Option<Date>,
    },
}

/// A verdict that a change of permits would replace.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct ReplacedVerdict {
    /// The site.
    pub site: SiteId,
    /// Day of the observation.
    pub date: Date,
    /// The verdict in words, as it is now.
    pub now: String,
    /// The verdict in words, as it would be.
    pub then: String,
    /// Why it would be another one.
    pub reason: String,
}

impl fmt::Display for ReplacedVerdict {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { site, date, now, then, reason } = self;
        if now == then {
            write!(f, "site `{site}` on {date}: still {now} ({reason})")
        } else {
            write!(f, "site `{site}` on {date}: {now} -> {then} ({reason})")
        }
    }
}

/// The verdicts that a change of permits would replace. Nothing is stored. Fails as the change itself would.
pub fn verdicts_after(register: &Register, change: PermitChange<'_>) -> Result<Vec<ReplacedVerdict>> {
    register.taken_back(|| {
        let site = match change {
            PermitChange::Add(permit) => register.append_permit(permit).map(|_| &permit.site),
            PermitChange::Supersede(permit) => register.supersede_permit(permit).map(|_| &permit.site),
            PermitChange::Withdraw { site, number, valid_from } => {
                register.delete_permit(site, number, valid_from).map(|_| site)
            }
        }?;
        verdicts_to_replace(register, [site])
    })
}

/// The verdicts of sites that the permits of the register, as they are now, replace. Nothing is stored.
pub fn verdicts_to_replace<'a>(
    register: &Register,
    sites: impl IntoIterator<Item = &'a SiteId>,
) -> Result<Vec<ReplacedVerdict>> {
    let mut replaced = Vec::new();
    for site in sites {
        for Rejudged { before, after, reason, .. } in outdated(register, site, Confirmation::default())? {
            let (now, then) = (before.verdict_text(), after.verdict_text());
            replaced.push(ReplacedVerdict { site: site.clone(), date: before.date, now, then, reason });
        }
    }
    Ok(replaced)
}

/// Judges the observations of sites again after their permits were changed. The permits are stored already, so a failure is a
/// warning. `editor` names the user who changed them, if known.
pub fn judge_again<'a>(
    register: &Register,
    sites: impl IntoIterator<Item = &'a SiteId>,
    editor: Option<&str>,
) -> Vec<Correction> {
    let mut corrections = Vec::new();
    for site in sites {
        match rejudge(register, site, Confirmation::default(), Timestamp::now(), editor) {
            Ok(found) => corrections.extend(found),
            Err(error) => tracing::warn!(
                "the observations of site `{site}` were not judged again: {error}; the next `monitor run` does it"
            ),
        }
    }
    corrections
}

/// Whether an observation of a site was judged by another permit than the register has for its day now.
fn is_outdated(register: &Register, site: &SiteId) -> Result<bool> {
    let permits = register.read_permits(site)?;
    let observations = register.read_observations(site)?.rows;
    let is_other = |one: &Observation| {
        one.area.is_some() && !has_terms(one, permits.rows.iter().find(|permit| permit.holds_on(one.date)))
    };
    Ok(permits.damaged.is_empty() && observations.iter().any(is_other))
}

/// What the statement of an older observation says after its verdict.
fn details_of(observation: &Observation) -> String {
    let number = observation.permit.clone();
    let permit = number.map(|number| Permit {
        site: observation.site.clone(),
        number,
        valid_from: observation.date,
        valid_to: None,
        polygon: None,
        limit_ha: observation.limit_ha,
        document: None,
        document_sha256: None,
    });
    let (_, verdict) = sentence(observation, permit.as_ref());
    // Those versions wrote 12345.6 where this one writes 12,345.6.
    let plain = without_marks(&verdict);
    let statement = &observation.statement;
    let rest = statement.strip_prefix(&verdict).or_else(|| statement.strip_prefix(&plain)).unwrap_or_default();
    let end = rest.find(" The verdict is ").unwrap_or(rest.len());
    rest[..end].trim().to_owned()
}

/// Whether an observation was judged by this permit.
fn has_terms(observation: &Observation, permit: Option<&Permit>) -> bool {
    match (permit, &observation.permit_sha256) {
        (None, _) => observation.permit.is_none(),
        (Some(permit), Some(known)) => *known == permit.sha256(),
        // Earlier versions stored number and limit only.
        (Some(permit), None) => {
            observation.permit.as_ref() == Some(&permit.number) && observation.limit_ha == permit.limit_ha
        }
    }
}

/// Why a verdict changes.
fn reason(before: &Observation, permit: Option<&Permit>) -> String {
    let limit =
        |ha: Option<f64>| ha.map_or_else(|| "no limit".to_owned(), |ha| format!("a limit of {:.1} ha", Grouped(ha)));
    match (&before.permit, permit) {
        (None, Some(permit)) => format!("permit {} with {} was added", permit.number, limit(permit.limit_ha)),
        (Some(number), None) => format!("permit {number} no longer holds on that day"),
        (Some(number), Some(permit)) if *number != permit.number => {
            format!("permit {} with {} holds instead of permit {number}", permit.number, limit(permit.limit_ha))
        }
        (Some(number), Some(permit)) if before.limit_ha != permit.limit_ha => {
            format!("permit {number} now has {} instead of {}", limit(permit.limit_ha), limit(before.limit_ha))
        }
        (Some(number), Some(_)) => format!("permit {number} has another area or first day"),
        (None, None) => "the permits of the site were changed".to_owned(),
    }
}

/// Measures land inside and outside the permit of an observation again.
fn measure_again(observation: &mut Observation, site: &Site, permit: Option<&Permit>, register: &Register) {
    let measured = parts_of(observation, site, permit, register);
    observation.outside_permit_ha = measured.and_then(|parts| parts.outside_permit_ha);
    if observation.parts.is_none() {
        // Earlier versions counted both as one.
        observation.outside_permit_ha =
            measured.map(|parts| parts.outside_permit_ha.unwrap_or(0.0) + parts.outside_site_ha);
    }
    if let Some(parts) = &mut observation.parts {
        parts.inside_permit_ha = measured.and_then(|found| found.inside_permit_ha);
        if let Some(found) = measured {
            parts.outside_site_ha = found.outside_site_ha;
        }
    }
    if measured.is_none() {
        let warning = "land inside and outside the permit was not measured again: the map of that day is missing, or is of another \
                       boundary";
        if !observation.warnings.iter().any(|known| known == warning) {
            observation.warnings.push(warning.to_owned());
        }
    }
}

/// Mapped land by permit, on the stored map. `None` if the map is missing or was made for another boundary.
fn parts_of(
    observation: &Observation,
    site: &Site,
    permit: Option<&Permit>,
    register: &Register,
) -> Option<MappedParts> {
    if observation.boundary_sha256.as_ref().is_some_and(|known| *known != site.boundary_sha256()) {
        return None;
    }
    let map = DatedMap::open(&map_folder(observation, register)?).ok()?;
    let place = area_of(site);
    let outline = permit.and_then(|permit| permit.polygon.clone());
    let outline = outline.map(|boundary| minesegsat_map::site::SiteArea { boundary, ..place.clone() });
    SiteOnMap::new(&place, &map).ok()??.mapped_parts(permitted(permit, outline.as_ref())).ok()
}

/// Folder of the map of an observation. `None` if it has no map.
pub fn map_folder(observation: &Observation, register: &Register) -> Option<PathBuf> {
    let file = observation.files.iter().find(|file| file.path.ends_with(MAP_MANIFEST))?;
    Some(register.folder().join(&file.path).parent()?.to_owned())
}

/// Verdict of an observation under a permit, and its sentence.
fn sentence(observation: &Observation, permit: Option<&Permit>) -> (Verdict, String) {
    let hectares = Hectares {
        estimated: observation.parts.map(|parts| parts.estimated),
        assumed_ha: observation.parts.map(|parts| parts.assumed_ha),
        disturbed: observation.area,
        ..Hectares::default()
    };
    let beyond = observation.share_beyond_map.unwrap_or(0.0);
    let shares = Shares { assessed: observation.share_assessed, beyond, unlike: 0.0 };
    // It was assessable, whatever share was asked for then.
    judge(observation.date, &hectares, shares, 0.0, observation.confidence_level_percent, permit, &[])
}

/// Whether too few dates show the exceedance of an observation. `None` if it states none.
fn standing(observation: &Observation, earlier: &[Observation], rule: Confirmation) -> Option<bool> {
    let rules = alerts::Rules { confirmation: rule, ..alerts::Rules::above(0.0) };
    alerts::standing_of(observation, earlier, &rules).map(|standing| standing == Standing::Provisional)
}

/// Sets verdict and statement of an observation: the verdict in words, its details, and whether enough dates agree.
pub(super) fn state(
    observation: &mut Observation,
    (verdict, sentence): &(Verdict, String),
    earlier: &[Observation],
    rule: Confirmation,
) {
    observation.verdict = *verdict;
    observation.is_provisional = standing(observation, earlier, rule);
    let mut statement = sentence.clone();
    if let Some(details) = observation.details.as_ref().filter(|details| !details.is_empty()) {
        statement = format!("{statement} {details}");
    }
    if let Some(is_provisional) = observation.is_provisional {
        let words = if is_provisional { "provisional: fewer than" } else { "confirmed:" };
        let (needed, of) = (rule.needed, rule.of);
        statement = format!("{statement} The verdict is {words} {needed} of {of} successive assessable dates show it.");
    }
    observation.statement = statement;
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::register::{Area, SiteStatus};
    use geo::{Rect, coord};
    use jiff::civil::{Date, date};

    fn register(folder: &tempfile::TempDir) -> Register {
        let register = Register::create(&folder.path().join("sites.gpkg")).unwrap();
        let boundary = Rect::new(coord! {x: -121.2, y: 55.0}, coord! {x: -121.1, y: 55.1}).to_polygon().into();
        let (id, name) = ("alpha".parse().unwrap(), "Alpha".to_owned());
        let site = Site { id, name, operator: None, commodity: None, status: SiteStatus::Active, boundary };
        register.add_site(&site).unwrap();
        register
    }

    fn permit(number: &str, from: Date, limit_ha: f64) -> Permit {
        Permit {
            site: "alpha".parse().unwrap(),
            number: number.to_owned(),
            valid_from: from,
            valid_to: None,
            polygon: None,
            limit_ha: Some(limit_ha),
            document: None,
            document_sha256: None,
        }
    }

    /// Observed with 100 ha (90 to 110), and judged by a permit.
    fn observe(register: &Register, day: Date, by: Option<&Permit>) {
        let mut observation = Observation {
            site: "alpha".parse().unwrap(),
            date: day,
            scenes: vec![format!("scene of {day}")],
            model_sha256: "ab".repeat(32),
            share_assessed: 1.0,
            share_beyond_map: Some(0.0),
            share_in_other_sites: None,
            share_disagreeing: None,
            boundary_sha256: None,
            permit_sha256: by.map(Permit::sha256),
            area: Some(Area { ha: 100.0, lower_ha: 90.0, upper_ha: 110.0 }),
            parts: None,
            confidence_level_percent: 90.0,
            compared_with: None,
            gain_ha: None,
            loss_ha: None,
            seen_change: None,
            new_land: None,
            outside_permit_ha: None,
            permit: by.map(|permit| permit.number.clone()),
            limit_ha: by.and_then(|permit| permit.limit_ha),
            verdict: Verdict::NoLimit,
            is_provisional: None,
            statement: String::new(),
            details: Some("Since last year: no change.".to_owned()),
            warnings: Vec::new(),
            files: Vec::new(),
            created: "2024-08-01T00:00:00Z".parse().unwrap(),
        };
        let earlier = register.observations(&observation.site).unwrap();
        let sentence = sentence(&observation, by);
        state(&mut observation, &sentence, &earlier, Confirmation::default());
        assert!(register.store_observation(&observation, |_| Ok(())).unwrap());
    }

    #[test]
    fn what_a_change_of_permits_would_replace_is_known_before_it_is_stored() {
        let folder = tempfile::tempdir().unwrap();
        let register = register(&folder);
        let strict = permit("C-3", date(2020, 1, 1), 80.0);
        register.add_permit(&strict).unwrap();
        let days = [date(2023, 7, 1), date(2024, 5, 1)];
        for day in days {
            observe(&register, day, Some(&strict));
        }
        let id: SiteId = "alpha".parse().unwrap();
        let (told, before) = (verdicts(&register), register.permits(&id).unwrap());
        let late = permit("C-3", date(2024, 1, 1), 120.0);
        let replaced = verdicts_after(&register, PermitChange::Supersede(&late)).unwrap();
        assert_eq!(replaced.len(), 1);
        let reason = "permit C-3 now has a limit of 120.0 ha instead of a limit of 80.0 ha";
        let one = &replaced[0];
        assert_eq!((one.date, one.reason.as_str()), (days[1], reason));
        assert_eq!((one.now.as_str(), one.then.as_str()), ("exceeded", "within the limit"));
        let all = PermitChange::Withdraw { site: &id, number: "C-3", valid_from: None };
        let replaced = verdicts_after(&register, all).unwrap();
        assert_eq!(replaced.iter().map(|one| one.date).collect::<Vec<_>>(), days);
        assert!(replaced.iter().all(|one| one.then == "no limit known"), "{replaced:?}");
        let later = permit("C-3", date(2025, 1, 1), 120.0);
        assert_eq!(verdicts_after(&register, PermitChange::Supersede(&later)).unwrap(), [], "no observation since");
        // What the change itself refuses is refused.
        let error = verdicts_after(&register, PermitChange::Add(&late)).unwrap_err().to_string();
        assert!(error.contains("overlap in time"), "{error}");
        // Nothing was stored, and the same change gives what was foretold.
        assert_eq!((verdicts(&register), register.permits(&id).unwrap()), (told, before));
        assert_eq!(register.corrections(&id, false).unwrap(), []);
        register.add_permit_superseding(&late).unwrap();
        assert_eq!(again(&register).len(), 1);
        assert_eq!(verdicts(&register), ["exceeded (provisional)", "within the limit"]);
    }

    fn again(register: &Register) -> Vec<Correction> {
        let now = "2024-09-01T12:00:00Z".parse().unwrap();
        rejudge(register, &"alpha".parse().unwrap(), Confirmation::default(), now, Some("ana")).unwrap()
    }

    fn verdicts(register: &Register) -> Vec<String> {
        let observations = register.observations(&"alpha".parse().unwrap()).unwrap();
        observations.iter().map(Observation::verdict_text).collect()
    }

    #[test]
    fn a_corrected_permit_corrects_its_verdicts_and_what_was_said_is_kept() {
        let folder = tempfile::tempdir().unwrap();
        let register = register(&folder);
        let strict = permit("C-3", date(2020, 1, 1), 80.0);
        register.add_permit(&strict).unwrap();
        let days = [date(2023, 7, 1), date(2024, 5, 1), date(2024, 7, 1)];
        for day in days {
            observe(&register, day, Some(&strict));
        }
        let told = ["exceeded (provisional)", "exceeded", "exceeded"];
        assert_eq!(verdicts(&register), told);
        assert_eq!(again(&register), [], "the permit is the same");

        // A revision of 2024 that arrived late.
        register.add_permit_superseding(&permit("C-3", date(2024, 1, 1), 120.0)).unwrap();
        let corrections = again(&register);
        assert_eq!(corrections.iter().map(|one| one.date).collect::<Vec<_>>(), days[1..]);
        assert_eq!(corrections[0].reason, "permit C-3 now has a limit of 120.0 ha instead of a limit of 80.0 ha");
        assert_eq!((corrections[0].verdict, corrections[0].is_provisional), (Verdict::Exceeded, Some(false)));
        assert_eq!(corrections[0].editor.as_deref(), Some("ana"), "the history names the editor");
        assert_eq!(verdicts(&register), ["exceeded (provisional)", "within the limit", "within the limit"]);
        let id = "alpha".parse().unwrap();
        let now = register.last_observation(&id).unwrap().unwrap();
        let statement = "Within the limit on 2024-07-01: 100.0 ha are disturbed (90.0 to 110.0 ha with 90 % confidence), and permit C-3 \
                         allows 120.0 ha. Since last year: no change.";
        assert_eq!((now.statement.as_str(), now.limit_ha), (statement, Some(120.0)));
        assert_eq!(register.summaries().unwrap()[0].last.as_ref().unwrap().verdict, Verdict::Within);
        assert_eq!(register.corrections(&id, false).unwrap(), corrections);
        assert_eq!(register.corrections(&id, true).unwrap().len(), 2);
        assert_eq!(again(&register), []);

        // Withdrawn: no limit on those days. The first verdict is not touched.
        register.remove_permit(&id, "C-3", Some(date(2024, 1, 1))).unwrap();
        let withdrawn = again(&register);
        assert_eq!(withdrawn[0].reason, "permit C-3 no longer holds on that day");
        assert_eq!(verdicts(&register), ["exceeded (provisional)", "no limit known", "no limit known"]);
        assert_eq!(register.corrections(&id, false).unwrap().len(), 4, "the whole history");
        register.integrity_check().unwrap();
    }

    #[test]
    fn an_observation_of_an_old_version_keeps_what_it_said_besides_its_verdict() {
        let folder = tempfile::tempdir().unwrap();
        let register = register(&folder);
        let strict = permit("C-3", date(2020, 1, 1), 80.0);
        register.add_permit(&strict).unwrap();
        observe(&register, date(2024, 5, 1), Some(&strict));
        let connection = register.connection();
        connection.execute("UPDATE observations SET details = NULL, outside_permit_ha = 3.5", []).unwrap();
        let id: SiteId = "alpha".parse().unwrap();
        let before = register.last_observation(&id).unwrap().unwrap();
        assert!(
            before.statement.contains("Since last year: no change. The verdict is provisional"),
            "{}",
            before.statement
        );
        register.add_permit_superseding(&permit("C-3", date(2024, 1, 1), 120.0)).unwrap();
        assert_eq!(again(&register)[0].outside_permit_ha, Some(3.5), "kept, although it cannot be measured again");
        let after = register.last_observation(&id).unwrap().unwrap();
        assert!(
            after.statement.ends_with("permit C-3 allows 120.0 ha. Since last year: no change."),
            "{}",
            after.statement
        );
        assert!(after.warnings[0].contains("was not measured again"), "{:?}", after.warnings);
    }

    #[test]
    fn a_permit_that_cannot_be_read_changes_nothing() {
        let folder = tempfile::tempdir().unwrap();
        let register = register(&folder);
        let strict = permit("C-3", date(2020, 1, 1), 80.0);
        register.add_permit(&strict).unwrap();
        observe(&register, date(2024, 5, 1), Some(&strict));
        register.connection().execute("UPDATE permits SET valid_from = 'soon'", []).unwrap();
        assert_eq!(again(&register), []);
        assert_eq!(verdicts(&register), ["exceeded (provisional)"]);
    }

    #[test]
    fn a_corrected_verdict_makes_the_dates_after_it_provisional_and_that_is_kept_too() {
        let folder = tempfile::tempdir().unwrap();
        let register = register(&folder);
        let spring = |limit_ha| Permit { valid_to: Some(date(2024, 5, 31)), ..permit("B", date(2024, 1, 1), limit_ha) };
        let summer = permit("B", date(2024, 6, 1), 80.0);
        register.add_permit(&spring(80.0)).unwrap();
        register.add_permit(&summer).unwrap();
        observe(&register, date(2024, 5, 1), Some(&spring(80.0)));
        observe(&register, date(2024, 7, 1), Some(&summer));
        assert_eq!(verdicts(&register), ["exceeded (provisional)", "exceeded"]);
        // In spring the limit was another one.
        let id: SiteId = "alpha".parse().unwrap();
        register.remove_permit(&id, "B", Some(date(2024, 1, 1))).unwrap();
        register.add_permit(&spring(120.0)).unwrap();
        let corrections = again(&register);
        assert_eq!(verdicts(&register), ["within the limit", "exceeded (provisional)"]);
        assert_eq!(corrections[0].reason, "permit B now has a limit of 120.0 ha instead of a limit of 80.0 ha");
        assert_eq!(corrections[1].reason, "the verdict of an earlier day was corrected");
        assert_eq!((corrections[1].verdict, corrections[1].is_provisional), (Verdict::Exceeded, Some(false)));
        assert_eq!(register.corrections(&id, false).unwrap(), corrections);
    }
}
