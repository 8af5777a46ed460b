//! `minesegsat search`

use std::{
    io::{IsTerminal, Write},
    process::ExitCode,
};

use minesegsat::{
    Error,
    catalog::{Catalog, Endpoint, Item, SearchArea, SearchQuery, Selected, Selection, item_collection, select, table},
    manifest::counted,
    output::atomic_write,
};

use crate::{args::SearchArgs, interrupt, progress::Counter};

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

    let counter = Counter::new(quiet);
    let catalog = Catalog::open(&endpoint)?;
    if catalog.is_api() && query.area.is_none() && query.datetimes.is_empty() && query.max_items.is_none() {
        anyhow::bail!("the whole of {} is asked for; give --bbox, --intersects, --datetime or --max-items", args.api);
    }
    let found = catalog.search(&query, &counter, cancel);
    counter.clear();
    let found = found?;
    if found.items.is_empty() {
        return Err(catalog.nothing_found(&query, cancel).into());
    }
    if found.truncated {
        tracing::warn!("there are more items; the search ended after --max-items {}", found.items.len());
    }
    let items = if args.select { choose(args, &found.items, query.area.as_ref())? } else { found.items };

    if let Some(path) = &args.output {
        let mut text = serde_json::to_string_pretty(&item_collection(&items))?;
        text.push('\n');
        atomic_write(path, text.as_bytes())?;
    }
    let mut stdout = std::io::stdout().lock();
    let as_table = args.table || (!args.json && (args.output.is_some() || stdout.is_terminal()));
    if as_table {
        if !(quiet && args.output.is_some()) {
            stdout.write_all(table(&items, query.area.as_ref())?.as_bytes())?;
        }
    } else {
        writeln!(stdout, "{}", serde_json::to_string_pretty(&item_collection(&items))?)?;
    }
    Ok(ExitCode::SUCCESS)
}

/// The best scenes per date range, each once.
fn choose(args: &SearchArgs, items: &[Item], area: Option<&SearchArea>) -> anyhow::Result<Vec<Item>> {
    let selection = Selection {
        prefer: args.prefer.into(),
        min_granule_km2: args.min_granule,
        min_new_share: args.min_new / 100.0,
    };
    let selected = select(items, area, &args.datetime, &selection)?;
    let mut chosen: Vec<Item> = Vec::new();
    for part in selected {
        tell(&part);
        for item in part.items {
            if !chosen.iter().any(|known| known.id() == item.id() && known.collection() == item.collection()) {
                chosen.push(item);
            }
        }
    }
    if chosen.is_empty() {
        anyhow::bail!(
            "none of the {} found is chosen: all are smaller than --min-granule {} km2, or lie outside of the area and \
             the date ranges",
            counted(items.len(), "item"),
            args.min_granule
        );
    }
    Ok(chosen)
}

/// What was chosen for a range, where something is wrong with it.
fn tell(part: &Selected) {
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
        tracing::info!("{range}: {} dropped as too small", counted(part.dropped_small, "scene"));
    }
}
