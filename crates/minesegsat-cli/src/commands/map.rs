//! `minesegsat map`: from an area and a year to a map, in one command.
//!
//! The output folder is a workspace: a register with the area as its only site, and the files of its observations. So `serve`,
//! `monitor`, `report` and `evidence` go on from it.

use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::atomic::{AtomicBool, Ordering};

use anyhow::{Context as _, bail};
use jiff::civil::{Date, date};
use jiff::{Timestamp, ToSpan as _, tz::TimeZone};
use minesegsat::alerts::AlertConfig;
use minesegsat::job::Job;
use minesegsat::manifest::counted;
use minesegsat::monitor::{self, DateChoice, DateOrder, MonitorOptions};
use minesegsat::register::{Observation, Register, Site, SiteStatus};
use minesegsat::report::{Locale, load_site, site_page};
use minesegsat::site::whole_percent;
use serde_json::json;

use super::monitor::MonitorBar;
use super::site_tools::{open_catalogue, open_model, predict_options};
use super::sites::read_boundary;
use crate::args::MapArgs;
use crate::interrupt;

/// Name of the register in a workspace.
const REGISTER: &str = "sites.gpkg";
/// Most dates to try, those with the least cloud first.
const MAX_TRIES: usize = 12;

pub(crate) fn run(args: &MapArgs, quiet: bool) -> anyhow::Result<ExitCode> {
    let cancel = interrupt::resumable_cancel_flag(interrupt::SAME_COMMAND_HINT);
    match map(args, quiet, cancel) {
        Err(_) if cancel.load(Ordering::SeqCst) => {
            interrupt::print_interrupted();
            Ok(ExitCode::from(interrupt::EXIT_CODE))
        }
        done => done,
    }
}

fn map(args: &MapArgs, quiet: bool, cancel: &AtomicBool) -> anyhow::Result<ExitCode> {
    let (since, until) = period(args)?;
    let Some(boundary) = read_boundary(&args.area, args.incomplete)? else {
        bail!("there is no area; give one with `--bbox W,S,E,N` or `--boundary FILE`");
    };
    let site = Site {
        id: args.id.clone(),
        name: args.name.clone().unwrap_or_else(|| args.id.to_string()),
        operator: None,
        commodity: None,
        status: SiteStatus::Active,
        boundary,
    };
    let model = open_model(args.model.as_deref(), &args.engine)?;
    let (catalog, collections) = open_catalogue(&args.catalogue.api, &args.catalogue.collections)?;
    let register = open_workspace(&args.output, &site)?;
    let options = MonitorOptions {
        sites: vec![site.id.clone()],
        since: Some(since),
        until: Some(until),
        collections,
        max_cloud_cover_percent: args.catalogue.max_cloud_cover,
        max_tries: MAX_TRIES,
        order: DateOrder::Clearest,
        ..MonitorOptions::new(predict_options(&model))
    };
    let bar = MonitorBar::new(quiet || args.json);
    let job = Job::new(&bar, cancel);
    let result = monitor::run(&register, &catalog, &model.monitor_model(), &AlertConfig::default(), &options, job);
    bar.clear();
    let mut report = job.finish(result)?;
    if let Some(failure) = report.failures.first() {
        bail!("{}", failure.error);
    }
    let made = report.observations.pop().zip(report.choices.pop());
    super::engine::print_profile(&model)?;
    let Some((observation, choice)) = made else {
        let last = register.last_observation(&site.id)?.map(|last| last.date);
        match last {
            Some(last) if last >= since => bail!(
                "{} was mapped on {last} already, and there is no later scene until {until}; dates before it cannot be added, so \
                 map them into another folder first",
                site.id
            ),
            _ => bail!(
                "no scene of the area between {since} and {until} has at most {} % cloud; `--max-cloud-cover 100` or another \
                 period finds more",
                args.catalogue.max_cloud_cover
            ),
        }
    };
    let page = args.output.join(format!("{}.html", site.id));
    let text = site_page(&load_site(&register, &site.id)?, Locale::of_environment())?;
    minesegsat::output::atomic_write(&page, text.as_bytes())?;
    let mut stdout = crate::terminal::stdout();
    let folder = map_folder(&register, &observation)?;
    if args.json {
        let document = json!({"observation": observation, "choice": choice, "report": page, "map": folder, "workspace": args.output});
        writeln!(stdout, "{}", serde_json::to_string_pretty(&document)?)?;
    } else if !quiet {
        for line in choice_lines(&choice) {
            writeln!(stdout, "{line}")?;
        }
        writeln!(stdout, "{}", observation.statement)?;
        if let Some(parts) = observation.parts_text() {
            writeln!(stdout, "{parts}; {:.0} % of the area was seen", observation.share_assessed * 100.0)?;
        }
        for warning in &observation.warnings {
            writeln!(stdout, "warning    {warning}")?;
        }
        writeln!(stdout, "report     {}", page.display())?;
        writeln!(stdout, "polygons   {}", folder.join("polygons.gpkg").display())?;
        writeln!(stdout, "rasters    {}", folder.join("mask.tif").display())?;
        writeln!(stdout, "map page   minesegsat serve --workspace {}", args.output.display())?;
    }
    Ok(ExitCode::SUCCESS)
}

/// The date that was chosen, and why.
fn choice_lines(choice: &DateChoice) -> [String; 2] {
    let percent = |share: f64| format!("{:.0} %", whole_percent(share));
    let seen = percent(choice.share_seen);
    let enough = percent(choice.enough);
    let tried = choice.tried;
    if choice.is_composite {
        return [
            format!("date       {}, the middle of several dates: together they show {seen} of the area", choice.date),
            format!("chosen     none of {} shows enough of the area: clear pixels were joined", counted(tried, "date")),
        ];
    }
    let hidden = choice.share_hidden.map_or_else(
        || "cloud over the area is not known".to_owned(),
        |share| format!("cloud, shadow and snow hide {:.1} % of the area", share * 100.0),
    );
    let scene = choice.scene_cloud_percent.map_or_else(
        || "the catalogue states no cloud for the scene".to_owned(),
        |cloud| format!("the whole scene has {cloud:.1} % cloud"),
    );
    let found = counted(choice.dates, "date");
    let why = if choice.dates == 1 {
        "it is the only date of the search".to_owned()
    } else if choice.share_seen < choice.enough {
        format!("of {found}, {tried} with the least cloud were looked at; it shows most of the area ({seen})")
    } else if tried == 1 {
        format!("of {found}, its scene has the least cloud, and it shows {seen} of the area")
    } else {
        let before = counted(tried - 1, "date");
        format!(
            "of {found}, {before} with less cloud in the scene showed less than {enough} of the area; it shows {seen}"
        )
    };
    [format!("date       {}: {hidden}; {scene}", choice.date), format!("chosen     {why}")]
}

/// First and last day of the search.
fn period(args: &MapArgs) -> anyhow::Result<(Date, Date)> {
    if let Some(year) = args.year {
        return Ok((date(year, 1, 1), date(year, 12, 31)));
    }
    let until = args.until.unwrap_or_else(|| Timestamp::now().to_zoned(TimeZone::UTC).date());
    let since = match args.since {
        Some(since) => since,
        None => until.checked_sub(1.year()).context("there is no year before the latest day")?,
    };
    if since > until {
        bail!("the earliest day {since} is after the latest day {until}");
    }
    Ok((since, until))
}

/// Opens the workspace of an area, or makes it. An existing one must be of the same area.
fn open_workspace(folder: &Path, site: &Site) -> anyhow::Result<Register> {
    std::fs::create_dir_all(folder).with_context(|| format!("cannot make the folder {}", folder.display()))?;
    let path = folder.join(REGISTER);
    let is_new = !path.exists();
    let register = Register::open_or_create(&path)?;
    if is_new {
        register.add_site(site)?;
        return Ok(register);
    }
    let known = register.sites()?;
    match known.iter().find(|known| known.id == site.id) {
        Some(known) if known.boundary_sha256() == site.boundary_sha256() => Ok(register),
        // An earlier run found nothing there.
        Some(_) if register.last_observation(&site.id)?.is_none() => {
            register.update_site(site)?;
            Ok(register)
        }
        Some(_) => bail!(
            "{} holds another area `{}`; choose another output folder, or another `--id`",
            path.display(),
            site.id
        ),
        None => {
            register.add_site(site)?;
            Ok(register)
        }
    }
}

/// Folder of the map of an observation.
fn map_folder(register: &Register, observation: &Observation) -> anyhow::Result<PathBuf> {
    monitor::map_folder(observation, register).context("the observation has no map")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn choice() -> DateChoice {
        DateChoice {
            site: "area".parse().unwrap(),
            date: date(2024, 7, 3),
            is_composite: false,
            share_seen: 0.995,
            share_hidden: Some(0.004),
            scene_cloud_percent: Some(12.34),
            enough: 0.99,
            dates: 23,
            tried: 3,
        }
    }

    #[test]
    fn the_choice_of_a_date_is_told_with_its_reason() {
        let told = |choice: DateChoice| choice_lines(&choice).join("\n");
        let text = told(choice());
        assert!(text.contains("2024-07-03: cloud, shadow and snow hide 0.4 % of the area"), "{text}");
        assert!(text.contains("the whole scene has 12.3 % cloud"), "{text}");
        assert!(text.contains("of 23 dates, 2 dates with less cloud in the scene showed less than 99 %"), "{text}");
        let text = told(DateChoice { tried: 1, scene_cloud_percent: None, share_hidden: None, ..choice() });
        assert!(text.contains("cloud over the area is not known; the catalogue states no cloud"), "{text}");
        assert!(text.contains("its scene has the least cloud"), "{text}");
        let text = told(DateChoice { tried: 12, share_seen: 0.8, ..choice() });
        assert!(text.contains("12 with the least cloud were looked at; it shows most of the area (80 %)"), "{text}");
        let text = told(DateChoice { is_composite: true, ..choice() });
        assert!(text.contains("none of 3 dates shows enough"), "{text}");
    }
}
