//! `minesegsat sites`

use std::collections::BTreeSet;
use std::io::Write;
use std::path::Path;
use std::process::ExitCode;

use anyhow::{Context as _, bail};
use geo::MultiPolygon;
use jiff::{Timestamp, tz::TimeZone};
use minesegsat::Crs;
use minesegsat::Grouped;
use minesegsat::area::GeodesicMeter;
use minesegsat::export::{LandFormat, SiteLand};
use minesegsat::labels::{LabelOptions, Repair};
use minesegsat::manifest::counted;
use minesegsat::monitor::{PermitChange, ReplacedVerdict, judge_again, verdicts_after, verdicts_to_replace};
use minesegsat::output::OutputFolder;
use minesegsat::register::{
    Area, Correction, DamagedRow, FileBoundary, ImportOutcome, ImportReport, Observation, Permit, Register, Site,
    SiteEdit, SiteId, boundary_of_bbox, boundary_of_file, document_hash,
};
use minesegsat::site::{percent_text, whole_percent};
use serde_json::{Value, json};

use super::{hints_of, table::Table};
use crate::args::{
    BoundaryArgs, IncompleteArgs, SitesAddArgs, SitesCommand, SitesEditArgs, SitesExportArgs, SitesImportArgs,
    SitesListArgs, SitesPermitArgs, SitesRemoveArgs, SitesShowArgs, TermsArgs,
};

pub(crate) fn run(command: &SitesCommand, quiet: bool) -> anyhow::Result<ExitCode> {
    match command {
        SitesCommand::Add(args) => add(args, quiet),
        SitesCommand::Edit(args) => edit(args, quiet),
        SitesCommand::Permit(args) => permit(args, quiet),
        SitesCommand::Import(args) => import(args, quiet),
        SitesCommand::List(args) => list(args),
        SitesCommand::Show(args) => show(args),
        SitesCommand::Remove(args) => remove(args, quiet),
        SitesCommand::Export(args) => export(args, quiet),
    }?;
    Ok(ExitCode::SUCCESS)
}

fn add(args: &SitesAddArgs, quiet: bool) -> anyhow::Result<()> {
    if args.permit.is_none() && args.terms.valid_from.is_some() {
        bail!("`--valid-from` needs `--permit`: the number of the permit that begins on that day");
    }
    // All inputs are read before the register is created.
    let Some(boundary) = read_boundary(&args.boundary, args.incomplete)? else {
        bail!("site `{}` has no boundary; give one with `--boundary FILE` or `--bbox W,S,E,N`", args.id);
    };
    let site = Site {
        id: args.id.clone(),
        name: args.name.clone().unwrap_or_else(|| args.id.to_string()),
        operator: args.operator.clone(),
        commodity: args.commodity.clone(),
        status: args.status,
        boundary,
    };
    let permit =
        args.permit.as_deref().map(|number| permit_of(&args.id, number, &args.terms, args.incomplete)).transpose()?;
    let register = Register::open_or_create(&args.register.path())?;
    match &permit {
        Some(permit) => warn_of_repairs(&register.add_site_with_permit(&site, permit)?),
        None => warn_of_repairs(&register.add_site(&site)?),
    }
    if quiet {
        return Ok(());
    }
    let with = permit.map(|permit| format!(" with permit `{}`", permit.number)).unwrap_or_default();
    print_line(format!(
        "added site `{}` of {:.1} ha{with} to {}",
        site.id,
        Grouped(area_ha(&site)?),
        register.path().display()
    ))
}

fn edit(args: &SitesEditArgs, quiet: bool) -> anyhow::Result<()> {
    let register = Register::open(&args.register.path())?;
    let mut stored = register.stored_site(&args.id)?;
    let before = stored.clone().into_site().ok();
    let edit = SiteEdit {
        name: args.name.clone(),
        operator: args.operator.clone(),
        commodity: args.commodity.clone(),
        status: args.status,
        boundary: read_boundary(&args.boundary, args.incomplete)?,
    };
    edit.apply(&mut stored);
    let site = stored.into_site().map_err(|reason| {
        anyhow::anyhow!(
            "site `{}` of {} is damaged: {reason}; give this value too, and the site is whole again",
            args.id,
            register.path().display()
        )
    })?;
    if before.as_ref() == Some(&site) {
        return if quiet {
            Ok(())
        } else {
            print_line(format!("site `{}` already has these values; nothing changed", site.id))
        };
    }
    warn_of_repairs(&register.update_site(&site)?);
    if quiet { Ok(()) } else { print_line(format!("changed site `{}`", site.id)) }
}

fn permit(args: &SitesPermitArgs, quiet: bool) -> anyhow::Result<()> {
    let permit = permit_of(&args.id, &args.number, &args.terms, args.incomplete)?;
    let register = Register::open(&args.register.path())?;
    let change = if args.supersede { PermitChange::Supersede(&permit) } else { PermitChange::Add(&permit) };
    ask_before_judging_again(&register, change, args.force)?;
    let ended = if args.supersede {
        let (repairs, ended) = register.add_permit_superseding(&permit)?;
        warn_of_repairs(&repairs);
        ended
    } else {
        warn_of_repairs(&register.add_permit(&permit)?);
        None
    };
    let corrections = judge_again(&register, [&args.id], None);
    if quiet {
        return Ok(());
    }
    print_line(format!("added permit `{}` to site `{}`: {}", permit.number, permit.site, days(&permit)))?;
    if let Some(ended) = ended {
        print_line(format!("permit `{}` now ends: {}", ended.number, days(&ended)))?;
    }
    print_corrections(&mut crate::terminal::stdout(), &corrections)?;
    Ok(())
}

/// Fails if a change of permits would replace verdicts, unless it is forced. The error names each of them.
fn ask_before_judging_again(register: &Register, change: PermitChange<'_>, force: bool) -> anyhow::Result<()> {
    let replaced = if force { Vec::new() } else { verdicts_after(register, change)? };
    refuse_to_replace(&replaced)
}

fn refuse_to_replace(replaced: &[ReplacedVerdict]) -> anyhow::Result<()> {
    if replaced.is_empty() {
        return Ok(());
    }
    bail!(
        "nothing was stored, because {} would get another judgement; `--force` stores it all the same:\n{}",
        counted(replaced.len(), "observation"),
        replaced.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n")
    )
}

/// Prints verdicts that were replaced, and what replaced them.
pub(super) fn print_corrections(out: &mut impl Write, corrections: &[Correction]) -> std::io::Result<()> {
    for one in corrections {
        writeln!(out, "judged again: site `{}` on {}, until now {}: {}", one.site, one.date, one.verdict, one.reason)?;
    }
    Ok(())
}

/// Reads the boundary of the command line, if one is given.
pub(super) fn read_boundary(
    args: &BoundaryArgs,
    incomplete: IncompleteArgs,
) -> anyhow::Result<Option<MultiPolygon<f64>>> {
    Ok(read_file_boundary(args, incomplete)?.map(|boundary| boundary.outline))
}

/// Like [`read_boundary`], with what is to be said about the file.
pub(super) fn read_file_boundary(
    args: &BoundaryArgs,
    incomplete: IncompleteArgs,
) -> anyhow::Result<Option<FileBoundary>> {
    let Some(path) = &args.boundary else {
        let of_bbox = |outline| FileBoundary { outline, repairs: Vec::new(), incomplete: None };
        return Ok(args.bbox.map(|bbox| of_bbox(boundary_of_bbox(bbox.0))));
    };
    let options = LabelOptions {
        layer: args.layer.clone(),
        filter: args.filter.clone(),
        allow_incomplete: incomplete.allow_incomplete,
        ..LabelOptions::default()
    };
    let boundary = boundary_of_file(path, &options)?;
    warn_of_repairs(&boundary.repairs);
    Ok(Some(boundary))
}

fn permit_of(site: &SiteId, number: &str, terms: &TermsArgs, incomplete: IncompleteArgs) -> anyhow::Result<Permit> {
    let valid_from = terms.valid_from.with_context(|| {
        format!("permit `{number}` has no first day; give one with `--valid-from`, such as 2024-01-01")
    })?;
    let polygon = match &terms.permit_boundary {
        Some(path) => {
            let options = LabelOptions { allow_incomplete: incomplete.allow_incomplete, ..LabelOptions::default() };
            let boundary = boundary_of_file(path, &options)?;
            warn_of_repairs(&boundary.repairs);
            Some(boundary.outline)
        }
        None => None,
    };
    let document_sha256 = terms.document.as_deref().map(document_hash).transpose()?.flatten();
    Ok(Permit {
        site: site.clone(),
        number: number.to_owned(),
        valid_from,
        valid_to: terms.valid_to,
        polygon,
        limit_ha: terms.limit,
        document: terms.document.clone(),
        document_sha256,
    })
}

/// Names the rows of a register that cannot be used.
pub(super) fn warn_of_damage(register: &Register, damaged: &[DamagedRow]) {
    for row in damaged {
        tracing::warn!("{}: this row cannot be used: {row}", register.path().display());
    }
}

fn warn_of_repairs(repairs: &[Repair]) {
    if !repairs.is_empty() {
        let repairs: Vec<String> = repairs.iter().map(ToString::to_string).collect();
        tracing::warn!("a polygon was repaired: {}", repairs.join(", "));
    }
}

fn import(args: &SitesImportArgs, quiet: bool) -> anyhow::Result<()> {
    let path = args.register.path();
    // If nothing can be imported, a new, empty register must not stay behind.
    let is_new = !path.exists();
    let register = Register::open_or_create(&path)?;
    let mut replaced = Vec::new();
    let done = register.import_if(&args.file, &args.options(), |report| {
        let changed = report.sites.iter().filter(|site| site.permits > 0).map(|site| &site.id);
        replaced = verdicts_to_replace(&register, changed)?;
        Ok(args.force || replaced.is_empty())
    });
    let stored = done.as_ref().is_ok_and(|report| report.stored);
    let changed = done.iter().filter(|_| stored).flat_map(|report| &report.sites).filter(|site| site.permits > 0);
    let corrections = judge_again(&register, changed.map(|site| &site.id), None);
    drop(register);
    if is_new && !stored {
        std::fs::remove_file(&path).with_context(|| format!("cannot remove `{}`", path.display()))?;
    }
    let report = done?;
    for warning in &report.warnings {
        tracing::warn!("{warning}");
    }
    for failed in &report.failed {
        tracing::warn!("{failed}");
    }
    if args.json {
        print_json(&json!({
            "register": path,
            "added": report.count(ImportOutcome::Added),
            "updated": report.count(ImportOutcome::Updated),
            "unchanged": report.count(ImportOutcome::Unchanged),
            "report": report,
            "replaced_verdicts": replaced,
            "corrections": corrections,
        }))?;
    } else if !quiet {
        print_import(&mut crate::terminal::stdout(), &report, args)?;
        if args.dry_run {
            for one in &replaced {
                print_line(format!("would be judged again: {one}"))?;
            }
        }
        print_corrections(&mut crate::terminal::stdout(), &corrections)?;
    }
    let hints = report.failed.iter().filter_map(|failed| hints_of(failed.setting?).into_iter().next());
    for hint in hints.collect::<BTreeSet<String>>() {
        crate::print_message(format_args!("hint: {hint}"));
    }
    if report.failed.iter().any(|failed| failed.reason.contains("has two readings")) {
        crate::print_message(format_args!(
            "hint: `--decimal-mark .` or `--decimal-mark ,` says how the numbers are written"
        ));
    }
    if !report.failed.is_empty() && !args.skip_invalid {
        bail!(
            "{} of {} cannot be imported, so nothing was imported; use `--skip-invalid` to skip them",
            counted(report.failed.len(), "row"),
            report.read - report.filtered_out
        );
    }
    if !report.stored && !args.dry_run {
        refuse_to_replace(&replaced)?;
    }
    Ok(())
}

fn print_import(out: &mut impl Write, report: &ImportReport, args: &SitesImportArgs) -> std::io::Result<()> {
    for used in &report.fields {
        writeln!(out, "{used}")?;
    }
    if !report.unused.is_empty() {
        let unused: Vec<String> = report.unused.iter().map(|column| format!("`{column}`")).collect();
        writeln!(out, "not used: {}", unused.join(", "))?;
    }
    if report.filtered_out > 0 {
        writeln!(out, "{} of {} rows do not match the filter", report.filtered_out, report.read)?;
    }
    for site in report.sites.iter().filter(|site| !site.repairs.is_empty()) {
        let repairs: Vec<String> = site.repairs.iter().map(ToString::to_string).collect();
        writeln!(out, "repaired polygons of site `{}`: {}", site.id, repairs.join(", "))?;
    }
    let permits: usize = report.sites.iter().map(|site| site.permits).sum();
    let would = if report.stored { "" } else { "would be: " };
    writeln!(
        out,
        "{would}{} added, {} updated, {} unchanged, {} added or changed; {} skipped",
        counted(report.count(ImportOutcome::Added), "site"),
        report.count(ImportOutcome::Updated),
        report.count(ImportOutcome::Unchanged),
        counted(permits, "permit"),
        counted(report.failed.len(), "row"),
    )?;
    writeln!(out, "  {}", args.register.path().display())
}

fn list(args: &SitesListArgs) -> anyhow::Result<()> {
    let register = Register::open_read_only(&args.register.path())?;
    let summaries = register.read_summaries_on(Timestamp::now().to_zoned(TimeZone::UTC).date())?;
    warn_of_damage(&register, &summaries.damaged);
    let mut sites = summaries.rows;
    if !args.verdict.is_empty() {
        sites.retain(|site| site.last.as_ref().is_some_and(|last| args.verdict.contains(&last.verdict)));
    }
    if args.json {
        return print_json(&serde_json::to_value(&sites)?);
    }
    let header =
        ["id", "name", "status", "permit", "limit ha", "last seen", "area ha", "mapped ha", "assumed ha", "verdict"];
    let mut table = Table::new(header).with_texts([1, 2, 3, 5, 9]);
    for site in &sites {
        let last = site.last.as_ref();
        table.row([
            site.id.to_string(),
            shortened(&site.name),
            site.status.to_string(),
            site.permit.as_deref().map_or_else(dash, shortened),
            number(site.limit_ha),
            last.map_or_else(dash, |last| last.date.to_string()),
            last.and_then(|last| last.area).map_or_else(dash, interval),
            number(last.and_then(|last| last.mapped_ha)),
            number(last.and_then(|last| last.assumed_ha)),
            last.map_or_else(dash, |last| last.verdict.to_string()),
        ]);
    }
    let mut stdout = crate::terminal::stdout();
    if !sites.is_empty() {
        table.print(&mut stdout)?;
    }
    writeln!(stdout, "{}", counted(sites.len(), "site"))?;
    Ok(())
}

fn show(args: &SitesShowArgs) -> anyhow::Result<()> {
    let register = Register::open_read_only(&args.register.path())?;
    let site = register.known_site(&args.id)?;
    let (permits, observations) = (register.read_permits(&site.id)?, register.read_observations(&site.id)?);
    let mut damaged = permits.damaged;
    damaged.extend(observations.damaged);
    damaged.extend(register.rows_without_site()?.into_iter().filter(|row| row.may_belong_to(site.id.as_str())));
    warn_of_damage(&register, &damaged);
    let (permits, observations) = (permits.rows, observations.rows);
    let corrections = register.corrections(&site.id, false)?;
    let bbox = site.bbox();
    if args.json {
        return print_json(&json!({
            "id": site.id,
            "name": site.name,
            "operator": site.operator,
            "commodity": site.commodity,
            "status": site.status,
            "area_ha": area_ha(&site)?,
            "bbox": bbox,
            "boundary": site.geojson(),
            "permits": permits.iter().map(Permit::to_json).collect::<Vec<_>>(),
            "observations": observations,
            "corrections": corrections,
            "problems": damaged.iter().map(ToString::to_string).collect::<Vec<_>>(),
        }));
    }
    let mut out = crate::terminal::stdout();
    writeln!(out, "{}: {}", site.id, site.name)?;
    writeln!(out, "operator   {}", site.operator.as_deref().unwrap_or("-"))?;
    writeln!(out, "commodity  {}", site.commodity.as_deref().unwrap_or("-"))?;
    writeln!(out, "status     {}", site.status)?;
    let [west, south, east, north] = bbox;
    writeln!(out, "boundary   {:.1} ha in {}", Grouped(area_ha(&site)?), counted(site.boundary.0.len(), "part"))?;
    writeln!(out, "bbox       {west:.5},{south:.5},{east:.5},{north:.5} (west,south,east,north)")?;
    print_permits(&mut out, &permits)?;
    print_observations(&mut out, &observations)?;
    if !corrections.is_empty() {
        writeln!(out)?;
        let mut table = Table::new(["date", "until", "verdict", "permit", "limit ha", "replaced because", "editor"])
            .with_texts([1, 2, 3, 5, 6]);
        for one in &corrections {
            table.row([
                one.date.to_string(),
                one.replaced.to_zoned(TimeZone::UTC).date().to_string(),
                one.verdict.to_string(),
                one.permit.clone().unwrap_or_else(dash),
                number(one.limit_ha),
                one.reason.clone(),
                one.editor.clone().unwrap_or_else(dash),
            ]);
        }
        table.print(&mut out)?;
    }
    Ok(())
}

fn print_permits(out: &mut impl Write, permits: &[Permit]) -> anyhow::Result<()> {
    writeln!(out)?;
    if permits.is_empty() {
        writeln!(out, "no permits; add one with `minesegsat sites permit`")?;
        return Ok(());
    }
    let mut table = Table::new(["permit", "from", "to", "limit ha", "polygon ha", "document"]).with_texts([1, 2, 5]);
    for permit in permits {
        let polygon = permit.polygon.as_ref().map(|polygon| {
            let meter = GeodesicMeter::new(&Crs::WGS84)?;
            anyhow::Ok(format!("{:.1}", Grouped(meter.measure(polygon)?.area_m2 / 1e4)))
        });
        let hash = permit.document_sha256.as_deref().and_then(|hash| hash.get(..12));
        let hash = hash.map(|hash| format!(" (SHA-256 {hash}…)")).unwrap_or_default();
        table.row([
            permit.number.clone(),
            permit.valid_from.to_string(),
            permit.valid_to.map_or_else(|| "open".to_owned(), |day| day.to_string()),
            number(permit.limit_ha),
            polygon.transpose()?.unwrap_or_else(|| "the site's".to_owned()),
            permit.document.as_ref().map_or_else(dash, |document| format!("{document}{hash}")),
        ]);
    }
    table.print(out)?;
    Ok(())
}

fn print_observations(out: &mut impl Write, observations: &[Observation]) -> anyhow::Result<()> {
    writeln!(out)?;
    let Some(last) = observations.last() else {
        writeln!(out, "no observations yet; run `minesegsat monitor run`")?;
        return Ok(());
    };
    let header = [
        "date",
        "seen %",
        "disagrees %",
        "area ha",
        "mapped ha",
        "assumed ha",
        "gain",
        "loss",
        "outside permit ha",
        "outside site ha",
        "limit ha",
        "verdict",
        "scenes",
    ];
    let mut table = Table::new(header).with_texts([11, 12]);
    for observation in observations {
        table.row([
            observation.date.to_string(),
            format!("{:.0}", whole_percent(observation.share_assessed)),
            observation.share_disagreeing.map_or_else(dash, |share| format!("{:.1}", share * 100.0)),
            observation.area.map_or_else(dash, interval),
            number(observation.parts.map(|parts| parts.mapped_ha)),
            number(observation.parts.map(|parts| parts.assumed_ha)),
            observation.gain().map_or_else(dash, |gain| gain.to_string()),
            observation.loss().map_or_else(dash, |loss| loss.to_string()),
            number(observation.outside_permit_ha),
            number(observation.parts.map(|parts| parts.outside_site_ha)),
            number(observation.limit_ha),
            observation.verdict_text(),
            counted(observation.scenes.len(), "scene"),
        ]);
    }
    table.print(out)?;
    writeln!(out)?;
    writeln!(out, "{}: {}", last.date, last.statement)?;
    if let Some(share) = last.share_in_other_sites.filter(|share| *share > 0.0) {
        writeln!(out, "shared     {} of the outline, with other sites", percent_text(share))?;
    }
    for warning in &last.warnings {
        writeln!(out, "warning    {warning}")?;
    }
    Ok(())
}

fn remove(args: &SitesRemoveArgs, quiet: bool) -> anyhow::Result<()> {
    let register = Register::open(&args.register.path())?;
    if let Some(permit) = &args.permit {
        let change = PermitChange::Withdraw { site: &args.id, number: permit, valid_from: args.valid_from };
        ask_before_judging_again(&register, change, args.force)?;
        let removed = register.remove_permit(&args.id, permit, args.valid_from)?;
        let corrections = judge_again(&register, [&args.id], None);
        if !quiet {
            for permit in removed {
                print_line(format!("removed permit `{}` of site `{}`: {}", permit.number, args.id, days(&permit)))?;
            }
            print_corrections(&mut crate::terminal::stdout(), &corrections)?;
        }
        return Ok(());
    }
    let removed = register.remove_site(&args.id, args.force)?;
    if quiet {
        return Ok(());
    }
    print_line(format!(
        "removed site `{}` with {} and {}",
        args.id,
        counted(removed.permits, "permit"),
        counted(removed.observations, "observation")
    ))
}

fn export(args: &SitesExportArgs, quiet: bool) -> anyhow::Result<()> {
    let register = Register::open_read_only(&args.register.path())?;
    let (folder, name) = super::folder_and_name(&args.output)?;
    let canonical = |path: &Path| std::fs::canonicalize(path).ok();
    if canonical(&args.output).is_some_and(|output| Some(output) == canonical(register.path())) {
        bail!("output `{}` is the register itself; choose another file", args.output.display());
    }
    if let Some(site) = &args.site {
        return export_land(&register, site, args, quiet);
    }
    let extension = args.output.extension().and_then(|extension| extension.to_str()).unwrap_or_default();
    let extension = extension.to_ascii_lowercase();
    if !["geojson", "json", "gpkg", "csv"].contains(&extension.as_str()) {
        bail!("output `{}` is not accepted: its name must end in .geojson, .gpkg or .csv", args.output.display());
    }
    warn_of_damage(&register, &register.damaged()?);
    let outputs = OutputFolder::create(folder, &[name], args.overwrite)?;
    let write =
        |bytes: Vec<u8>| std::fs::write(outputs.path(name), bytes).with_context(|| format!("cannot write `{name}`"));
    match extension.as_str() {
        "gpkg" => register.export_geopackage(&outputs.path(name), args.observations)?,
        "csv" if args.observations => write(register.export_observations_csv()?)?,
        "csv" => write(register.export_csv()?)?,
        _ => write(register.export_geojson(args.observations)?)?,
    }
    outputs.commit()?;
    if quiet { Ok(()) } else { print_line(args.output.display().to_string()) }
}

/// Exports the disturbed land of a site.
fn export_land(register: &Register, site: &SiteId, args: &SitesExportArgs, quiet: bool) -> anyhow::Result<()> {
    let format = LandFormat::of_path(&args.output)?;
    let (folder, name) = super::folder_and_name(&args.output)?;
    // A site that is not known is said before a folder is made.
    register.known_site(site)?;
    let outputs = OutputFolder::create(folder, &[name], args.overwrite)?;
    let land = SiteLand::read(register, site)?;
    if let Some(reason) = land.nothing(format) {
        bail!("nothing to export: {reason}");
    }
    land.write(&outputs.path(name), format)?;
    outputs.commit()?;
    if quiet {
        return Ok(());
    }
    let what = match format {
        LandFormat::Csv => String::new(),
        _ => format!(": {}", counted(land.polygons(), "polygon")),
    };
    print_line(format!("{}{what}", args.output.display()))
}

fn area_ha(site: &Site) -> anyhow::Result<f64> {
    Ok(GeodesicMeter::new(&Crs::WGS84)?.measure(&site.boundary)?.area_m2 / 1e4)
}

fn days(permit: &Permit) -> String {
    match permit.valid_to {
        Some(day) => format!("{} to {day}", permit.valid_from),
        None => format!("from {} on", permit.valid_from),
    }
}

fn dash() -> String {
    "-".to_owned()
}

fn number(value: Option<f64>) -> String {
    value.map_or_else(dash, |value| format!("{:.1}", Grouped(value)))
}

fn interval(area: Area) -> String {
    format!("{:.1} ({:.1} to {:.1})", Grouped(area.ha), Grouped(area.lower_ha), Grouped(area.upper_ha))
}

fn shortened(text: &str) -> String {
    const WIDTH: usize = 40;
    if text.chars().count() <= WIDTH {
        return text.to_owned();
    }
    text.chars().take(WIDTH - 1).chain(['…']).collect()
}

fn print_line(line: String) -> anyhow::Result<()> {
    Ok(writeln!(crate::terminal::stdout(), "{line}")?)
}

fn print_json(value: &Value) -> anyhow::Result<()> {
    Ok(writeln!(crate::terminal::stdout(), "{}", serde_json::to_string_pretty(value)?)?)
}
