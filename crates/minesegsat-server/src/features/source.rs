//! Reads the features of a collection: a page from a cursor on, or one feature by its id.

use minesegsat_watch::register::{Observation, ObservationKey, Permit, geometry_json, site_properties};
use serde_json::{Value, json};

use super::collection::Collection;
use crate::ids::{observation_id, parse_observation_id};
use crate::observation_files::{PolygonKind, read_polygons};
use crate::problem::Problem;
use crate::shapes::Shape;
use crate::snapshot::{SiteEntry, Snapshot};
use crate::spatial_filter::SpatialFilter;
use crate::time::TimeFilter;
use crate::workspace::Workspace;

/// Maximum number of observations whose files are read for one page. A page may thus have fewer features than `limit` and
/// still a next page.
const MAX_FILES: usize = 200;
/// Margin in degrees: a map may extend this far beyond the site's boundary.
const MARGIN_DEGREES: f64 = 0.5;

/// Filters of a query.
#[derive(Debug, Clone, Default)]
pub(super) struct Filter {
    pub(super) area: SpatialFilter,
    pub(super) time: Option<TimeFilter>,
}

/// A position in a collection: entries of its index to skip, and features of the next entry to skip.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) struct Cursor {
    entry: usize,
    feature: usize,
}

impl Cursor {
    pub(super) fn parse(text: &str) -> Result<Self, Problem> {
        let accepted = "the value in a `next` link";
        let refuse = || Problem::argument("cursor", text, accepted);
        let number = |text: &str| -> Result<usize, Problem> {
            if text.is_empty() || text.len() > 12 || !text.bytes().all(|byte| byte.is_ascii_digit()) {
                return Err(refuse());
            }
            text.parse().map_err(|_| refuse())
        };
        let (entry, feature) = text.split_once('.').unwrap_or((text, "0"));
        Ok(Self { entry: number(entry)?, feature: number(feature)? })
    }

    pub(super) fn text(self) -> String {
        if self.feature == 0 { self.entry.to_string() } else { format!("{}.{}", self.entry, self.feature) }
    }
}

/// A page of features.
#[derive(Debug, Default)]
pub(super) struct Page {
    pub(super) features: Vec<Value>,
    pub(super) next: Option<Cursor>,
    /// Number of matching features. `None` if counting would need to read every file.
    pub(super) matched: Option<usize>,
}

/// Reads a page of a collection.
pub(super) fn page(
    workspace: &Workspace,
    collection: Collection,
    filter: &Filter,
    from: Cursor,
    limit: usize,
) -> Result<Page, Problem> {
    let snapshot = workspace.snapshot()?;
    match collection {
        Collection::Sites => {
            let matching = snapshot.sites.iter().filter(|entry| filter.area.intersects(&entry.site.boundary));
            Ok(page_of_index(matching, from, limit, |entry| Some(site(entry))))
        }
        Collection::Permits => {
            let all = snapshot.sites.iter().flat_map(|entry| entry.permits.iter().map(move |permit| (entry, permit)));
            let matching = all.filter(|(entry, permit)| {
                filter.time.is_none_or(|time| time.intersects_days(Some(permit.valid_from), permit.valid_to))
                    && filter.area.intersects(permit.polygon.as_ref().unwrap_or(&entry.site.boundary))
            });
            Ok(page_of_index(matching, from, limit, |(entry, permit)| Some(self::permit(entry, permit))))
        }
        Collection::Observations => observations(workspace, &snapshot, filter, from, limit),
        Collection::Polygons => shapes(workspace, &snapshot, filter, from, limit, PolygonKind::Disturbed),
        Collection::Changes => shapes(workspace, &snapshot, filter, from, limit, PolygonKind::Changes),
    }
}

/// A page of the matching entries. The cursor counts matches, so it is valid for the same query only.
fn page_of_index<T>(
    matching: impl Iterator<Item = T>,
    from: Cursor,
    limit: usize,
    feature: impl Fn(T) -> Option<Value>,
) -> Page {
    let mut page = Page::default();
    let mut matched = 0;
    for one in matching {
        if matched >= from.entry && page.features.len() < limit {
            page.features.extend(feature(one));
        }
        matched += 1;
    }
    let next = from.entry.saturating_add(limit);
    page.next = (next < matched).then_some(Cursor { entry: next, feature: 0 });
    page.matched = Some(matched);
    page
}

/// Keys of the observations that may match.
fn keys<'a>(
    snapshot: &'a Snapshot,
    filter: &'a Filter,
    margin: f64,
) -> impl Iterator<Item = (&'a SiteEntry, &'a ObservationKey)> {
    let sites = snapshot.sites.iter().filter(move |entry| {
        if margin == 0.0 {
            return filter.area.intersects(&entry.site.boundary);
        }
        let [west, south, east, north] = entry.site.bbox();
        filter.area.intersects_bounds([west - margin, south - margin, east + margin, north + margin])
    });
    sites.flat_map(move |entry| {
        let keys = snapshot.keys.get(entry.keys.clone()).unwrap_or_default();
        keys.iter()
            .filter(|key| filter.time.is_none_or(|time| time.intersects_day(key.date)))
            .map(move |key| (entry, key))
    })
}

fn observations(
    workspace: &Workspace,
    snapshot: &Snapshot,
    filter: &Filter,
    from: Cursor,
    limit: usize,
) -> Result<Page, Problem> {
    let mut page = page_of_index(keys(snapshot, filter, 0.0), from, 0, |_| None);
    let wanted: Vec<_> = keys(snapshot, filter, 0.0).skip(from.entry).take(limit).collect();
    let mut at = 0;
    while at < wanted.len() {
        // Reads all observations of a site with one connection.
        let (entry, _) = wanted[at];
        let of_site = wanted[at..].iter().take_while(|(other, _)| std::ptr::eq(*other, entry)).count();
        let found = workspace.register(|register| {
            wanted[at..at + of_site]
                .iter()
                .map(|(entry, key)| register.observation(&entry.site.id, &key.name))
                .collect::<minesegsat_core::Result<Vec<_>>>()
        })?;
        // Observations that were removed meanwhile are left out.
        page.features.extend(found.into_iter().flatten().map(|one| observation(entry, &one)));
        at += of_site;
    }
    let next = from.entry.saturating_add(wanted.len());
    page.next = (!wanted.is_empty() && page.matched.is_some_and(|matched| next < matched))
        .then_some(Cursor { entry: next, feature: 0 });
    Ok(page)
}

fn shapes(
    workspace: &Workspace,
    snapshot: &Snapshot,
    filter: &Filter,
    from: Cursor,
    limit: usize,
    kind: PolygonKind,
) -> Result<Page, Problem> {
    let mut page = Page::default();
    for (number, (entry, key)) in keys(snapshot, filter, MARGIN_DEGREES).enumerate().skip(from.entry) {
        if page.features.len() >= limit || number - from.entry >= MAX_FILES {
            page.next = Some(Cursor { entry: number, feature: 0 });
            return Ok(page);
        }
        let Some(one) = workspace.register(|register| register.observation(&entry.site.id, &key.name))? else {
            continue;
        };
        let shapes = read_shapes(workspace, &one, kind);
        let skipped = if number == from.entry { from.feature } else { 0 };
        for (at, shape) in shapes.iter().enumerate().skip(skipped) {
            if !filter.area.intersects(&shape.outline) {
                continue;
            }
            if page.features.len() >= limit {
                page.next = Some(Cursor { entry: number, feature: at });
                return Ok(page);
            }
            page.features.push(shape_feature(&one, at + 1, shape));
        }
    }
    Ok(page)
}

/// Polygons of an observation. Empty if its files are missing or damaged, so that the page still has the others.
fn read_shapes(workspace: &Workspace, one: &Observation, kind: PolygonKind) -> Vec<Shape> {
    read_polygons(workspace, one, kind).unwrap_or_else(|problem| {
        if problem.status.is_server_error() {
            tracing::warn!("polygons of {} on {} are left out: {}", one.site, one.date, problem.detail);
        }
        Vec::new()
    })
}

/// Finds a feature by its id.
pub(super) fn find(workspace: &Workspace, collection: Collection, id: &str) -> Result<Value, Problem> {
    let missing = || {
        let shown: String = id.chars().take(120).collect();
        Problem::not_found(format!("no feature `{shown}` in the collection `{}`", collection.id()))
    };
    let snapshot = workspace.snapshot()?;
    let entry_of = |text: &str| snapshot.find(&text.parse().ok()?);
    match collection {
        Collection::Sites => entry_of(id).map(site).ok_or_else(missing),
        Collection::Permits => {
            let (site, day) =
                id.len().checked_sub(10).and_then(|at| Some((id.get(..at)?, id.get(at..)?))).ok_or_else(missing)?;
            let entry = site.strip_suffix('_').and_then(entry_of).ok_or_else(missing)?;
            let permit = entry.permits.iter().find(|permit| permit.valid_from.to_string() == day);
            permit.map(|permit| self::permit(entry, permit)).ok_or_else(missing)
        }
        Collection::Observations => {
            let (site, name) = parse_observation_id(id).ok_or_else(missing)?;
            let entry = snapshot.find(&site).ok_or_else(missing)?;
            let found = workspace.register(|register| register.observation(&site, name.as_str()))?;
            found.map(|one| observation(entry, &one)).ok_or_else(missing)
        }
        Collection::Polygons | Collection::Changes => {
            let (of, number) = id.rsplit_once('_').ok_or_else(missing)?;
            let number: usize = number.parse().map_err(|_| missing())?;
            let (site, name) = parse_observation_id(of).ok_or_else(missing)?;
            snapshot.find(&site).ok_or_else(missing)?;
            let one = workspace.register(|register| register.observation(&site, name.as_str()))?.ok_or_else(missing)?;
            let kind = if collection == Collection::Polygons { PolygonKind::Disturbed } else { PolygonKind::Changes };
            let shapes = read_polygons(workspace, &one, kind)?;
            let shape = number.checked_sub(1).and_then(|at| shapes.get(at)).ok_or_else(missing)?;
            let feature = shape_feature(&one, number, shape);
            if feature["id"] == id { Ok(feature) } else { Err(missing()) }
        }
    }
}

fn site(entry: &SiteEntry) -> Value {
    json!({
        "type": "Feature",
        "id": entry.summary.id,
        "bbox": entry.bbox,
        "properties": site_properties(&entry.summary),
        "geometry": entry.site.geojson(),
    })
}

fn permit(entry: &SiteEntry, permit: &Permit) -> Value {
    json!({
        "type": "Feature",
        "id": format!("{}_{}", permit.site, permit.valid_from),
        "properties": {
            "site": permit.site,
            "number": permit.number,
            "valid_from": permit.valid_from,
            "valid_to": permit.valid_to,
            "limit_ha": permit.limit_ha,
            "document": permit.document,
            "document_sha256": permit.document_sha256,
            "has_polygon": permit.polygon.is_some(),
        },
        "geometry": geometry_json(permit.polygon.as_ref().unwrap_or(&entry.site.boundary)),
    })
}

fn observation(entry: &SiteEntry, one: &Observation) -> Value {
    let name = one.name();
    json!({
        "type": "Feature",
        "id": observation_id(&one.site, &name),
        "properties": {
            "site": one.site,
            "observation": name,
            "date": one.date,
            "scenes": one.scenes,
            "verdict": one.verdict,
            "statement": one.statement,
            "share_assessed": one.share_assessed,
            "share_disagreeing": one.share_disagreeing,
            "share_in_other_sites": one.share_in_other_sites,
            "area_ha": one.area.map(|area| area.ha),
            "area_lower_ha": one.area.map(|area| area.lower_ha),
            "area_upper_ha": one.area.map(|area| area.upper_ha),
            "confidence_level_percent": one.confidence_level_percent,
            "compared_with": one.compared_with,
            "gain_ha": one.gain_ha,
            "loss_ha": one.loss_ha,
            "gain_seen_ha": one.seen_change.map(|seen| seen.gain_ha),
            "loss_seen_ha": one.seen_change.map(|seen| seen.loss_ha),
            "noise_floor_ha": one.seen_change.map(|seen| seen.noise_floor_ha),
            "mapped_ha": one.parts.map(|parts| parts.mapped_ha),
            "estimated_ha": one.parts.map(|parts| parts.estimated.ha),
            "estimated_lower_ha": one.parts.map(|parts| parts.estimated.lower_ha),
            "estimated_upper_ha": one.parts.map(|parts| parts.estimated.upper_ha),
            "assumed_ha": one.parts.map(|parts| parts.assumed_ha),
            "inside_permit_ha": one.parts.and_then(|parts| parts.inside_permit_ha),
            "outside_permit_ha": one.outside_permit_ha,
            "outside_site_ha": one.parts.map(|parts| parts.outside_site_ha),
            "permit": one.permit,
            "limit_ha": one.limit_ha,
            "warnings": one.warnings,
        },
        "geometry": entry.site.geojson(),
    })
}

fn shape_feature(one: &Observation, number: usize, shape: &Shape) -> Value {
    let name = one.name();
    let mut feature = shape.feature(Some(format!("{}_{number}", observation_id(&one.site, &name)).into()));
    feature["properties"]["site"] = json!(one.site);
    feature["properties"]["observation"] = json!(name);
    feature["properties"]["date"] = json!(one.date);
    feature
}
