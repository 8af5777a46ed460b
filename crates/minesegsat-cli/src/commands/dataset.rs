//! `minesegsat dataset build | split | stats | import | merge | preview | info`

use std::collections::BTreeMap;
use std::io::Write;
use std::path::Path;
use std::process::ExitCode;

use minesegsat::dataset::{
    self, BuildOptions, ChipLayout, Dataset, ImportOptions, MergeOptions, SampleRecord, SceneList, Split, SplitOptions,
    StatsOptions,
};
use minesegsat::job::Job;
use minesegsat::labels::Labels;
use minesegsat::manifest::counted;
use minesegsat::preview::{DatasetPreviewOptions, Entry, Panel, View, preview_dataset};
use minesegsat::scene::{OpenOptions, RadiometryOverride};

use crate::args::{
    DatasetBuildArgs, DatasetImportArgs, DatasetInfoArgs, DatasetMergeArgs, DatasetPreviewArgs, DatasetSplitArgs,
    DatasetStatsArgs, nodata_values,
};
use crate::interrupt;
use crate::progress::Bar;

pub(crate) fn build(args: &DatasetBuildArgs, quiet: bool) -> anyhow::Result<ExitCode> {
    let cancel = interrupt::cancel_flag();
    let labels = Labels::read(&args.labels, &args.label.options())?;
    let report = labels.report();
    for warning in &report.warnings {
        tracing::warn!("{warning}");
    }
    if !report.dropped.is_empty() {
        tracing::warn!("{} dropped; see `labels.report` in dataset.json", counted(report.dropped.len(), "label"));
    }
    let options = OpenOptions {
        radiometry: (args.offset.is_some() || args.scale.is_some())
            .then_some(RadiometryOverride { offset_dn: args.offset, scale: args.scale }),
        nodata: nodata_values(&args.nodata),
        cloud_mask: args.cloud_mask,
        ..OpenOptions::default()
    };
    let bar = Bar::with_label(quiet || args.json, "opening scenes");
    let scenes = SceneList::open(&args.scenes, &options, args.max_cloud_cover, |done, total| bar.count(done, total));
    bar.clear();
    let scenes = scenes?;
    for warning in scenes.warnings() {
        tracing::warn!("{warning}");
    }
    let options = BuildOptions {
        bands: args.bands.clone(),
        patch_size: args.patch_size,
        negatives: args.negatives,
        min_data: args.min_data,
        fill_clouds: args.fill_clouds,
        seed: args.seed,
        commodity_attribute: args.commodity_attribute.clone(),
        title: args.title.clone(),
    };
    let bar = Bar::with_label(quiet || args.json, "building");
    let job = Job::new(&bar, cancel);
    let built = dataset::build(&scenes, &labels, &args.output, &options, job);
    bar.clear();
    let report = job.finish(built)?;
    for warning in &report.warnings {
        tracing::warn!("{warning}");
    }
    let mut stdout = crate::terminal::stdout();
    if args.json {
        writeln!(stdout, "{}", serde_json::to_string_pretty(&report)?)?;
    } else if !quiet {
        writeln!(
            stdout,
            "{} ({} with labels) from {}; {} new, {} kept, {} removed, {} skipped for lack of data",
            counted(report.patches, "patch"),
            report.with_labels,
            counted(report.scenes, "scene"),
            report.made,
            report.patches - report.made,
            report.removed,
            report.without_data
        )?;
        writeln!(stdout, "  {}", args.output.join(dataset::CARD_FILE).display())?;
    }
    Ok(ExitCode::SUCCESS)
}

pub(crate) fn split(args: &DatasetSplitArgs) -> anyhow::Result<ExitCode> {
    let options = SplitOptions {
        shares: args.shares,
        seed: args.seed,
        block_km: args.block_size,
        given_groups: args.given_groups,
    };
    let report = dataset::split(&args.dataset, &options)?;
    for warning in &report.warnings {
        tracing::warn!("{warning}");
    }
    let mut stdout = crate::terminal::stdout();
    if args.json {
        writeln!(stdout, "{}", serde_json::to_string_pretty(&report)?)?;
        return Ok(ExitCode::SUCCESS);
    }
    for (split, part) in &report.parts {
        let commodities: Vec<String> = part.commodities.iter().map(|(name, count)| format!("{name} {count}")).collect();
        writeln!(
            stdout,
            "{split:<6} {:>5} samples in {:>4} groups  mining {:>5.2} %  {}",
            part.samples,
            part.groups,
            part.mining_share * 100.0,
            commodities.join(", ")
        )?;
    }
    Ok(ExitCode::SUCCESS)
}

pub(crate) fn stats(args: &DatasetStatsArgs, quiet: bool) -> anyhow::Result<ExitCode> {
    let cancel = interrupt::cancel_flag();
    let dataset = Dataset::open(&args.dataset)?;
    let bar = Bar::with_label(quiet || args.json, "computing statistics");
    let stats = dataset::stats(&dataset, &StatsOptions { all: args.all }, Job::new(&bar, cancel));
    bar.clear();
    let stats = stats?;
    let mut stdout = crate::terminal::stdout();
    if args.json {
        writeln!(stdout, "{}", serde_json::to_string_pretty(&stats)?)?;
        return Ok(ExitCode::SUCCESS);
    }
    writeln!(stdout, "reflectance over {} of {}", counted(stats.samples, "sample"), stats.split)?;
    writeln!(stdout, "band     min     p2   mean    p98    max    std")?;
    for (band, values) in &stats.bands {
        let p = |name: &str| values.percentiles.get(name).copied().unwrap_or(f64::NAN);
        writeln!(
            stdout,
            "{band:<4} {:>7.4} {:>6.4} {:>6.4} {:>6.4} {:>6.4} {:>6.4}",
            values.min,
            p("2"),
            values.mean,
            p("98"),
            values.max,
            values.std
        )?;
    }
    for (name, class) in &stats.classes {
        let area = class.area_ha.map_or_else(String::new, |ha| format!("  {ha:.1} ha"));
        writeln!(
            stdout,
            "{name:<12} {:>6.2} % of the pixels{area}, in {}",
            class.share * 100.0,
            counted(class.samples, "sample")
        )?;
    }
    Ok(ExitCode::SUCCESS)
}

pub(crate) fn import(args: &DatasetImportArgs) -> anyhow::Result<ExitCode> {
    interrupt::stop_on_ctrl_c();
    let options = ImportOptions {
        bands: args.bands.clone(),
        scale: args.scale,
        offset_dn: args.offset,
        mask_values: args.mask_values.clone(),
        title: args.title.clone(),
        overwrite: args.overwrite,
    };
    let warnings = match (&args.source, &args.images, &args.masks) {
        (Some(source), ..) => dataset::import_paper(source, &args.output, &options)?,
        (None, Some(images), Some(masks)) => {
            let layout = ChipLayout { images: images.clone(), masks: masks.clone(), index: args.index.clone() };
            dataset::import_chips(&layout, &args.output, &options)?
        }
        _ => anyhow::bail!("no data to import: give a folder in the paper's layout, or `--images` and `--masks`"),
    };
    for warning in warnings {
        tracing::warn!("{warning}");
    }
    print_info(&Dataset::open(&args.output)?)
}

pub(crate) fn merge(args: &DatasetMergeArgs) -> anyhow::Result<ExitCode> {
    interrupt::stop_on_ctrl_c();
    let sets = args.datasets.iter().map(Dataset::open).collect::<minesegsat::Result<Vec<_>>>()?;
    let options = MergeOptions { title: args.title.clone(), all_bands: args.all_bands, overwrite: args.overwrite };
    print_info(&dataset::merge(&sets, &args.output, &options)?)
}

pub(crate) fn preview(args: &DatasetPreviewArgs, quiet: bool) -> anyhow::Result<ExitCode> {
    let cancel = interrupt::cancel_flag();
    let dataset = Dataset::open(&args.dataset)?;
    let all: Vec<&SampleRecord> = match args.split {
        Some(split) => dataset.split(split)?,
        None => dataset.samples().iter().collect(),
    };
    let count = all.len().min(args.max_items as usize);
    if count < all.len() {
        tracing::warn!("only {count} of {} samples are shown; raise `--max-items` to show more", all.len());
    }
    let samples: Vec<&SampleRecord> = (0..count).map(|i| all[i * all.len() / count]).collect();
    let ids: Vec<String> = samples.iter().map(|sample| sample.id.clone()).collect();
    let side = usize::from(args.size);
    let page_folder = args.output.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(".".as_ref());
    let load = |i: usize| -> minesegsat::Result<Entry> {
        let sample = samples[i];
        let (layers, grid) = dataset.layers(sample, &Panel::BANDS)?;
        let view = View::read(&layers, &Panel::BANDS, &grid, grid.full_window(), side, Job::with_cancel(cancel))?;
        let split = dataset.split_of(&sample.id).map(|split| split.to_string());
        let folder = dataset.root().join(&sample.data_path);
        let link = relative(page_folder, &folder);
        let mut details = Vec::new();
        if !sample.scenes.is_empty() {
            details.push(("Scenes".to_owned(), sample.scenes.clone()));
        }
        if let Some(ha) = sample.mining_ha {
            details.push(("Mining land".to_owned(), format!("{ha:.1} ha")));
        }
        details.extend(sample.group.clone().map(|group| ("Group".to_owned(), group)));
        Ok(Entry {
            split,
            date: sample.date.as_deref().and_then(|date| date.parse().ok()),
            commodity: sample.commodity.clone(),
            mining_share: Some(sample.mining_share),
            details,
            link,
            ..Entry::new(sample.id.clone(), view)
        })
    };
    let options = DatasetPreviewOptions {
        output: args.output.clone(),
        title: dataset.card().title.clone(),
        sheets: args.sheets.clone(),
        panels: args.panels.clone(),
        panel_side: side,
        overwrite: args.overwrite,
    };
    let bar = Bar::with_label(quiet, "drawing");
    let job = Job::new(&bar, cancel);
    let made = preview_dataset(&ids, &load, &options, job);
    bar.clear();
    let made = job.finish(made)?;
    if !quiet {
        let mut stdout = crate::terminal::stdout();
        let megabytes = made.page_bytes as f64 / 1e6;
        writeln!(stdout, "{} ({megabytes:.1} MB): {}", made.page.display(), counted(ids.len(), "sample"))?;
        if let Some(sheets) = &args.sheets {
            writeln!(stdout, "{}: {}", sheets.display(), counted(made.sheets.len(), "sheet"))?;
        }
    }
    Ok(ExitCode::SUCCESS)
}

/// The relative path from a folder to another path, if both exist.
fn relative(from: &Path, to: &Path) -> Option<String> {
    let (from, to) = (std::fs::canonicalize(from).ok()?, std::fs::canonicalize(to).ok()?);
    let common = from.components().zip(to.components()).take_while(|(a, b)| a == b).count();
    let up = std::iter::repeat_n("..".to_owned(), from.components().count() - common);
    let down = to.components().skip(common).map(|part| part.as_os_str().to_string_lossy().into_owned());
    Some(up.chain(down).collect::<Vec<_>>().join("/"))
}

pub(crate) fn info(args: &DatasetInfoArgs) -> anyhow::Result<ExitCode> {
    let dataset = Dataset::open(&args.dataset)?;
    if args.json {
        writeln!(crate::terminal::stdout(), "{}", serde_json::to_string_pretty(dataset.card())?)?;
        return Ok(ExitCode::SUCCESS);
    }
    print_info(&dataset)
}

fn print_info(dataset: &Dataset) -> anyhow::Result<ExitCode> {
    let card = dataset.card();
    let mut stdout = crate::terminal::stdout();
    let samples = dataset.samples();
    writeln!(stdout, "{}", card.title)?;
    let line = |name: &str, value: String| format!("  {name:<12} {value}");
    let size = card.patch_size.map_or_else(|| "of different sizes".to_owned(), |px| format!("of {px} x {px} pixels"));
    writeln!(stdout, "{}", line("samples", format!("{} {size}", samples.len())))?;
    writeln!(stdout, "{}", line("bands", minesegsat::Band::list(&card.bands)))?;
    writeln!(stdout, "{}", line("root", dataset.root().display().to_string()))?;
    let mean = samples.iter().map(|s| s.mining_share).sum::<f64>() / samples.len().max(1) as f64;
    let without = samples.iter().filter(|s| s.mining_share == 0.0).count();
    writeln!(
        stdout,
        "{}",
        line("mining", format!("{:.2} % of the pixels; {without} samples without mines", mean * 100.0))
    )?;
    if dataset.is_split() {
        let mut parts: BTreeMap<Split, usize> = BTreeMap::new();
        for sample in samples {
            *parts.entry(dataset.split_of(&sample.id).unwrap_or(Split::Unused)).or_insert(0) += 1;
        }
        let parts: Vec<String> = parts.iter().map(|(split, count)| format!("{split} {count}")).collect();
        writeln!(stdout, "{}", line("split", parts.join(", ")))?;
    } else {
        writeln!(stdout, "{}", line("split", "not split yet; run `minesegsat dataset split`".to_owned()))?;
    }
    let measured = dataset.stats().map_or_else(
        |_| "not computed yet; run `minesegsat dataset stats`".to_owned(),
        |stats| format!("over {} of {}", counted(stats.samples, "sample"), stats.split),
    );
    writeln!(stdout, "{}", line("statistics", measured))?;
    Ok(ExitCode::SUCCESS)
}
