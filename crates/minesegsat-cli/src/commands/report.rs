//! `minesegsat report SITE | --all`

use std::{io::Write, path::Path, process::ExitCode};

use anyhow::Context as _;
use jiff::Timestamp;
use minesegsat::output::OutputFolder;
use minesegsat::register::Register;
use minesegsat::report::{Overview, OverviewSite, load_site, overview_page, site_page};

use crate::args::ReportArgs;

pub(crate) fn run(args: &ReportArgs, quiet: bool) -> anyhow::Result<ExitCode> {
    let register = Register::open_read_only(&args.register.path())?;
    let (folder, name) = super::folder_and_name(&args.output)?;
    let page = match &args.site {
        Some(site) => site_page(&load_site(&register, site)?)?,
        None => overview_page(&overview(&register, folder)?)?,
    };
    let outputs = OutputFolder::create(folder, &[name], args.overwrite)?;
    std::fs::write(outputs.path(name), page).with_context(|| format!("cannot write `{name}`"))?;
    outputs.commit()?;
    if !quiet {
        writeln!(crate::terminal::stdout(), "{}", args.output.display())?;
    }
    Ok(ExitCode::SUCCESS)
}

fn overview(register: &Register, folder: &Path) -> anyhow::Result<Overview> {
    let sites = register.sites()?.into_iter().map(|site| {
        let last = register.last_observation(&site.id)?;
        let page = format!("{}.html", site.id);
        let page = folder.join(&page).is_file().then_some(page);
        Ok::<_, minesegsat::Error>(OverviewSite { site, last, page })
    });
    let name = register.path().file_stem().unwrap_or_default().to_string_lossy();
    Ok(Overview {
        title: if name == "sites" { "Register of sites".to_owned() } else { format!("Register {name}") },
        sites: sites.collect::<minesegsat::Result<Vec<_>>>()?,
        created: Timestamp::now(),
        software: format!("minesegsat {}", env!("CARGO_PKG_VERSION")),
    })
}
