//! `minesegsat report SITE | --all`

use std::{io::Write, path::Path, process::ExitCode};

use anyhow::Context as _;
use jiff::Timestamp;
use minesegsat::output::OutputFolder;
use minesegsat::register::Register;
use minesegsat::report::{Locale, Overview, OverviewSite, load_site, overview_page, overview_pdf, site_page, site_pdf};

use crate::args::ReportArgs;

pub(crate) fn run(args: &ReportArgs, quiet: bool) -> anyhow::Result<ExitCode> {
    let register = Register::open_read_only(&args.register.path())?;
    let (folder, name) = super::folder_and_name(&args.output)?;
    let locale = args.lang.unwrap_or_else(Locale::of_environment);
    let format = Format::of(&args.output)?;
    let (page, problems) = if let Some(site) = &args.site {
        let report = load_site(&register, site)?;
        let page = match format {
            Format::Html => site_page(&report, locale)?.into_bytes(),
            Format::Pdf => site_pdf(&report, locale)?,
        };
        (page, report.problems)
    } else {
        let overview = overview(&register, folder, locale)?;
        let page = match format {
            Format::Html => overview_page(&overview, locale)?.into_bytes(),
            Format::Pdf => overview_pdf(&overview, locale)?,
        };
        (page, overview.problems)
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

#[derive(Debug, Clone, Copy)]
enum Format {
    Html,
    Pdf,
}

impl Format {
    /// The format that the end of a file's name states.
    fn of(path: &Path) -> anyhow::Result<Self> {
        let end = path.extension().and_then(|end| end.to_str()).map(str::to_lowercase);
        match end.as_deref() {
            Some("html" | "htm") => Ok(Self::Html),
            Some("pdf") => Ok(Self::Pdf),
            _ => anyhow::bail!(
                "`{}` is neither `.html` nor `.pdf`: the end of the name chooses the format",
                path.display()
            ),
        }
    }
}

fn overview(register: &Register, folder: &Path, locale: Locale) -> anyhow::Result<Overview> {
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
        title: if name == "sites" { locale.words().say("register-of-sites") } else { name.into_owned() },
        sites,
        problems: damaged.iter().map(|row| format!("this row cannot be used: {row}")).collect(),
        created: Timestamp::now(),
        software: format!("minesegsat {}", env!("CARGO_PKG_VERSION")),
    })
}
