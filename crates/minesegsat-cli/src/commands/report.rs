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
    let (page, problems) = if let Some(site) = &args.site {
        let report = load_site(&register, site)?;
        (site_page(&report)?, report.problems)
    } else {
        let overview = overview(&register, folder)?;
        (overview_page(&overview)?, overview.problems)
    };
    for problem in problems {
        tracing::warn!("{}: {problem}", register.path().display());
    }
    let outputs = OutputFolder::create(folder, &[name], args.overwrite)?;
    std::fs::write(outputs.path(name), page).with_context(|| format!("cannot write `{name}`"))?;
    outputs.commit()?;
    if !quiet {
        writeln!(crate::terminal::stdout(), "{}", args.output.display())?;
    }
    Ok(ExitCode::SUCCESS)
}

fn overview(register: &Register, folder: &Path) -> anyhow::Result<Overview> {
    let mut damaged = register.damaged()?;
    let sites = register.read_sites()?.rows.into_iter().map(|site| {
        // A damaged row is named above. The one before it is shown.
        let last = register.read_observations(&site.id)?.rows.pop();
        let page = format!("{}.html", site.id);
        let page = folder.join(&page).is_file().then_some(page);
        Ok::<_, minesegsat::Error>(OverviewSite { site, last, page })
    });
    let sites = sites.collect::<minesegsat::Result<Vec<_>>>()?;
    damaged.sort_by(|a, b| (a.table, a.row).cmp(&(b.table, b.row)));
    let name = register.path().file_stem().unwrap_or_default().to_string_lossy();
    Ok(Overview {
        title: if name == "sites" { "Register of sites".to_owned() } else { format!("Register {name}") },
        sites,
        problems: damaged.iter().map(|row| format!("this row cannot be used: {row}")).collect(),
        created: Timestamp::now(),
        software: format!("minesegsat {}", env!("CARGO_PKG_VERSION")),
    })
}
