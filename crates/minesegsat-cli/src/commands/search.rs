//! `minesegsat search`

use std::{
    io::{BufWriter, Write},
    process::ExitCode,
};

use minesegsat::job::Job;
use minesegsat::{
    Error,
    catalog::{Catalog, Endpoint, Item, SearchArea, SearchQuery, Selected, Selection, item_collection, select, table},
    manifest::counted,
    output::atomic_write_with,
};

use crate::{args::SearchArgs, interrupt, progress::SearchCounter};

pub(crate) fn run(args: &SearchArgs, quiet: bool) -> anyhow::Result<ExitCode> {
    let cancel = interrupt::cancel_flag();
    if let Some(path) = args.output.as_ref().filter(|path| path.exists() && !args.overwrite) {
        return Err(Error::OutputExists { path: path.clone() }.into());
    }
    let area = args.area.read()?;
    let endpoint = Endpoint::from_env(&args.api)?;
    let mut collections = args.collections.clone();
    if collections.is_empty() {
        collections.extend(endpoint.default_collection().map(str::to_owned));
    }
    let query = SearchQuery {
        collections,
        area,
        datetimes: args.datetime.clone(),
        max_cloud_cover_percent: args.max_cloud_cover,
        max_items: args.max_items,
        sort_by: args.sort_by.clone(),
        page_size: args.limit,
    };

    let counter = SearchCounter::new(quiet);
    let catalog = Catalog::open(&endpoint)?;
    if catalog.is_api() && query.area.is_none() && query.datetimes.is_empty() && query.max_items.is_none() {
        anyhow::bail!(
            "this would list all of `{}`; give `--bbox`, `--intersects`, `--datetime` or `--max-items`",
            args.api.display()
        );
    }
    let job = Job::new(&counter, cancel);
    let found = catalog.search(&query, job);
    counter.clear();
    let found = found?;
    if found.items.is_empty() {
        return Err(catalog.nothing_found(&query, job).into());
    }
    if found.truncated {
        tracing::warn!("there are more items; the search stopped at `--max-items {}`", found.items.len());
    }
    let items = if args.select { select_scenes(args, &found.items, query.area.as_ref())? } else { found.items };

    if let Some(path) = &args.output {
        atomic_write_with(path, |file| write_items(file, &items))?;
    }
    let mut stdout = crate::terminal::stdout();
    let as_table = args.table || (!args.json && (args.output.is_some() || stdout.is_terminal()));
    if as_table {
        if !(quiet && args.output.is_some()) {
            stdout.write_all(table(&items, query.area.as_ref())?.as_bytes())?;
        }
    } else {
        let mut buffered = BufWriter::new(&mut stdout);
        write_items(&mut buffered, &items)?;
        buffered.flush()?;
    }
    Ok(ExitCode::SUCCESS)
}

/// Writes an ItemCollection.
fn write_items(mut out: impl Write, items: &[Item]) -> std::io::Result<()> {
    serde_json::to_writer_pretty(&mut out, &item_collection(items))?;
    writeln!(out)
}

/// Selects the best scenes of each date range, without repeats.
fn select_scenes(args: &SearchArgs, items: &[Item], area: Option<&SearchArea>) -> anyhow::Result<Vec<Item>> {
    let selection = Selection {
        prefer: args.prefer.into(),
        min_granule_km2: args.min_granule,
        min_new_share: args.min_new / 100.0,
    };
    let selected = select(items, area, &args.datetime, &selection)?;
    let mut chosen: Vec<Item> = Vec::new();
    for part in selected {
        log_selection(&part);
        for item in part.items {
            if !chosen.iter().any(|known| known.id() == item.id() && known.collection() == item.collection()) {
                chosen.push(item);
            }
        }
    }
    if chosen.is_empty() {
        anyhow::bail!(
            "none of the {} is selected: each is smaller than `--min-granule` {} km2, or outside the area or the date \
             ranges",
            counted(items.len(), "item"),
            args.min_granule
        );
    }
    Ok(chosen)
}

/// Logs how well the selected scenes of a date range cover the area.
fn log_selection(part: &Selected) {
    let range = part.range.map_or_else(|| "all dates".to_owned(), |range| range.to_string());
    if part.items.is_empty() {
        tracing::warn!("no scene for {range}");
        return;
    }
    if let Some(area_km2) = part.area_km2 {
        let share = part.covered_km2 / area_km2 * 100.0;
        let scenes = counted(part.items.len(), "scene");
        if share < 99.5 {
            tracing::warn!("{range}: {scenes} cover {share:.0} % of the area");
        } else {
            tracing::info!("{range}: {scenes} cover the area");
        }
    }
    if part.dropped_small > 0 {
        tracing::info!("{range}: {} skipped: smaller than `--min-granule`", counted(part.dropped_small, "scene"));
    }
}
