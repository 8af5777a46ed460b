//! `minesegsat labels`

use std::{collections::BTreeMap, ffi::OsStr, io::Write, process::ExitCode};

use anyhow::Context as _;
use minesegsat::job::Job;
use minesegsat::{
    Grid, Location, Pixels, Scene,
    cog::{CogOptions, CogWriter},
    labels::{DroppedKind, IGNORE, LabelOptions, Labels},
    manifest::counted,
    open_raster,
    output::OutputFolder,
    pixel_class::MASK_PALETTE,
    scene::{OpenOptions, RadiometryOverride},
};
use serde_json::{Value, json};

use crate::{
    args::{LabelsInfoArgs, LabelsRasterizeArgs},
    interrupt,
};

/// Rows of a mask that are rasterized at once.
const STRIP_ROWS: usize = 1024;

/// Number of example values printed for an attribute.
const EXAMPLES: usize = 3;

pub(crate) fn info(args: &LabelsInfoArgs) -> anyhow::Result<ExitCode> {
    // A summary shows what is wrong with a file, so it accepts one that is incomplete, and says so.
    let labels = Labels::read(&args.labels, &LabelOptions { allow_incomplete: true, ..args.options.options() })?;
    let areas = labels.areas_ha()?;
    let classes: Vec<Value> = labels
        .classes()
        .classes
        .iter()
        .map(|(name, number)| {
            let of_class = labels.features().iter().zip(&areas).filter(|(feature, _)| feature.class == *number);
            let (count, area) = of_class.fold((0usize, 0.0), |(count, sum), (_, area)| (count + 1, sum + area));
            json!({"name": name, "number": number, "features": count, "area_ha": area})
        })
        .collect();
    let attributes: Vec<Value> = labels.attribute_names().iter().map(|name| describe(&labels, name)).collect();
    let mut stdout = crate::terminal::stdout();
    if args.json {
        let summary = json!({
            "source": labels.source(),
            "crs": {"code": labels.crs().to_string(), "name": labels.crs().name()},
            "bbox": labels.bbox(),
            "area_ha": areas.iter().sum::<f64>(),
            "classes": classes,
            "attributes": attributes,
            "report": labels.report(),
        });
        writeln!(stdout, "{}", serde_json::to_string_pretty(&summary)?)?;
    } else {
        print_info(&mut stdout, &labels, &areas, &classes, &attributes).context("cannot print the summary")?;
    }
    Ok(ExitCode::SUCCESS)
}

/// Type, number of missing values and examples of an attribute.
fn describe(labels: &Labels, name: &str) -> Value {
    let mut examples: Vec<&Value> = Vec::new();
    let (mut kind, mut missing) = ("", 0usize);
    for feature in labels.features() {
        let value = feature.attributes.get(name).unwrap_or(&Value::Null);
        let value_kind = match value {
            Value::Null => {
                missing += 1;
                continue;
            }
            Value::Bool(_) => "boolean",
            Value::Number(number) if number.is_f64() => "real",
            Value::Number(_) => "integer",
            Value::String(_) => "text",
            _ => "nested",
        };
        kind = match (kind, value_kind) {
            ("", value_kind) => value_kind,
            (kind, value_kind) if kind == value_kind => kind,
            ("real" | "integer", "real" | "integer") => "real",
            _ => "mixed",
        };
        if examples.len() < EXAMPLES && !examples.contains(&value) {
            examples.push(value);
        }
    }
    json!({"name": name, "type": if kind.is_empty() { "empty" } else { kind }, "missing": missing, "examples": examples})
}

fn print_info(
    out: &mut impl Write,
    labels: &Labels,
    areas: &[f64],
    classes: &[Value],
    attributes: &[Value],
) -> std::io::Result<()> {
    let (source, report) = (labels.source(), labels.report());
    let names: Vec<&str> = source.files.iter().map(|file| file.name.as_str()).collect();
    write!(out, "{}: {}", names.join(", "), source.format)?;
    if let Some(layer) = &source.layer {
        write!(out, ", layer `{layer}`")?;
    }
    writeln!(out)?;
    writeln!(out, "CRS        {} {}", labels.crs(), labels.crs().name())?;
    let [west, south, east, north] = labels.bbox();
    writeln!(out, "bbox       {west:.5},{south:.5},{east:.5},{north:.5} (west,south,east,north)")?;
    let kinds: Vec<String> = report.geometry_types.iter().map(|(kind, count)| format!("{count} {kind}")).collect();
    writeln!(out, "geometry   {}", kinds.join(", "))?;
    writeln!(
        out,
        "features   {} read, {} left out by the filter, {} repaired, {} dropped, {} used",
        report.read,
        report.filtered_out,
        report.repaired.len(),
        report.dropped.len(),
        report.kept
    )?;
    writeln!(out, "area       {:.2} ha", areas.iter().sum::<f64>())?;
    if labels.classes().attribute.is_some() {
        for class in classes {
            let text = |key: &str| class[key].to_string();
            let name = class["name"].as_str().unwrap_or_default();
            let area = class["area_ha"].as_f64().unwrap_or_default();
            writeln!(out, "class {:<4} {name}: {} features, {area:.2} ha", text("number"), text("features"))?;
        }
    }
    for attribute in attributes {
        let text = |key: &str| attribute[key].as_str().unwrap_or_default().to_owned();
        let examples: Vec<String> =
            attribute["examples"].as_array().into_iter().flatten().map(|value| shortened(&value.to_string())).collect();
        let missing = match attribute["missing"].as_u64() {
            Some(0) | None => String::new(),
            Some(count) => format!(", {count} missing"),
        };
        writeln!(out, "attribute  {}: {}{missing}; {}", text("name"), text("type"), examples.join(", "))?;
    }
    for repaired in &report.repaired {
        let repairs: Vec<String> = repaired.repairs.iter().map(ToString::to_string).collect();
        writeln!(out, "repaired   {}: {}", repaired.id, repairs.join(", "))?;
    }
    for (reason, ids) in by_reason(labels) {
        writeln!(out, "dropped    {}: {reason}", shortened(&ids.join(", ")))?;
    }
    for warning in &report.warnings {
        writeln!(out, "warning    {warning}")?;
    }
    Ok(())
}

/// Ids of dropped features, grouped by reason. A thousand dropped points then take one line.
fn by_reason(labels: &Labels) -> Vec<(&str, Vec<&str>)> {
    let mut places: BTreeMap<&str, usize> = BTreeMap::new();
    let mut out: Vec<(&str, Vec<&str>)> = Vec::new();
    for dropped in &labels.report().dropped {
        let place = *places.entry(&dropped.reason).or_insert_with(|| {
            out.push((&dropped.reason, Vec::new()));
            out.len() - 1
        });
        out[place].1.push(&dropped.id);
    }
    out
}

fn shortened(text: &str) -> String {
    const WIDTH: usize = 60;
    if text.chars().count() <= WIDTH {
        return text.to_owned();
    }
    text.chars().take(WIDTH - 1).chain(['…']).collect()
}

pub(crate) fn rasterize(args: &LabelsRasterizeArgs, quiet: bool) -> anyhow::Result<ExitCode> {
    let job = Job::with_cancel(interrupt::cancel_flag());
    let (folder, name) = super::folder_and_name(&args.output)?;
    let grid = grid_like(&args.like)?;
    let outputs = OutputFolder::create(folder, &[name], args.overwrite)?;
    let labels = Labels::read(&args.labels, &args.options.options())?;
    warn(&labels);
    let index = labels.index(&grid.crs, grid.bounds())?;
    let features = index.features_on(&grid).len();
    if features == 0 {
        return Err(labels.touch_nothing(std::slice::from_ref(&grid)).into());
    }
    let mask = index.mask(&grid)?;

    let mut cog = CogWriter::create(&outputs.path(name), &grid, cog_options(&labels)?)?;
    let mut counts = [0u64; 256];
    for first in (0..grid.height).step_by(STRIP_ROWS) {
        job.check()?;
        let mut strip = vec![0; STRIP_ROWS.min(grid.height - first) * grid.width];
        mask.fill_rows(first, &mut strip);
        for &value in &strip {
            counts[usize::from(value)] += 1;
        }
        cog.write_rows(&[Pixels::U8(strip)])?;
    }
    cog.finish()?;
    outputs.commit()?;

    let classes = &labels.classes().classes;
    let mut stdout = crate::terminal::stdout();
    if args.json {
        let classes = classes
            .iter()
            .map(|(name, number)| json!({"name": name, "number": number, "pixels": counts[usize::from(*number)]}));
        let summary = json!({
            "output": args.output,
            "width": grid.width,
            "height": grid.height,
            "crs": grid.crs.to_string(),
            "features": features,
            "background_pixels": counts[0],
            "classes": classes.collect::<Vec<_>>(),
            "ignored_pixels": counts[usize::from(IGNORE)],
            "labels": labels.source(),
            "report": labels.report(),
        });
        writeln!(stdout, "{}", serde_json::to_string_pretty(&summary)?)?;
    } else if !quiet {
        let pixels = (grid.width * grid.height) as f64;
        let share = |count: u64| format!("{count} pixels, {:.3} %", count as f64 / pixels * 100.0);
        writeln!(stdout, "{} on {} x {} pixels", counted(features, "feature"), grid.width, grid.height)?;
        for (name, number) in classes {
            writeln!(stdout, "  {number:>3} {name}: {}", share(counts[usize::from(*number)]))?;
        }
        if labels.source().ignore_buffer_m > 0.0 {
            writeln!(stdout, "  {IGNORE:>3} ignored: {}", share(counts[usize::from(IGNORE)]))?;
        }
        writeln!(stdout, "  {}", args.output.display())?;
    }
    Ok(ExitCode::SUCCESS)
}

/// Logs problems of the labels to stderr.
fn warn(labels: &Labels) {
    let report = labels.report();
    for warning in &report.warnings {
        tracing::warn!("{warning}");
    }
    // Points and lines already have a warning.
    let is_known =
        |reason: &str| report.dropped.iter().any(|d| d.reason == reason && d.kind == DroppedKind::PointsOrLines);
    for (reason, ids) in by_reason(labels).into_iter().filter(|(reason, _)| !is_known(reason)) {
        tracing::warn!("dropped {}, {reason}: {}", counted(ids.len(), "feature"), shortened(&ids.join(", ")));
    }
    for repaired in &report.repaired {
        let repairs: Vec<String> = repaired.repairs.iter().map(ToString::to_string).collect();
        tracing::info!("repaired feature {}: {}", repaired.id, repairs.join(", "));
    }
}

/// The pixel grid of a raster, or the 10 m grid of a scene.
fn grid_like(like: &OsStr) -> anyhow::Result<Grid> {
    let location = Location::from_os(like)?;
    let name = location.file_name().to_ascii_lowercase();
    if [".tif", ".tiff", ".jp2"].iter().any(|extension| name.ends_with(extension)) {
        return Ok(open_raster(&location)?.info().grid.clone());
    }
    // No pixels are read, so the radiometry does not matter.
    let radiometry = RadiometryOverride { offset_dn: Some(0.0), scale: Some(1e-4) };
    let options = OpenOptions { radiometry: Some(radiometry), ..OpenOptions::default() };
    Ok(Scene::open_at(&location, &options)?.grid().clone())
}

/// GeoTIFF options for a mask, with the classes as colours and metadata.
fn cog_options(labels: &Labels) -> anyhow::Result<CogOptions> {
    /// Colours that any type of colour vision can distinguish (P. Tol, "Colour schemes", 2021, scheme "muted").
    const COLOURS: [[u8; 3]; 9] = [
        [204, 102, 119],
        [51, 34, 136],
        [221, 204, 119],
        [17, 119, 51],
        [136, 204, 238],
        [136, 34, 85],
        [68, 170, 153],
        [153, 153, 51],
        [170, 68, 153],
    ];
    let classes = labels.classes();
    let mut options = CogOptions::mask(classes.attribute.as_deref().unwrap_or("mining"));
    if classes.attribute.is_some() {
        let highest = classes.classes.iter().map(|(_, number)| *number).max().unwrap_or_default();
        let colours = COLOURS.iter().cycle().take(usize::from(highest)).copied();
        options.palette = Some(std::iter::once(MASK_PALETTE[0]).chain(colours).collect());
    }
    let names: Vec<String> = classes.classes.iter().map(|(name, number)| format!("{number}={name}")).collect();
    options.metadata.push(("CLASSES".to_owned(), names.join(";")));
    options.metadata.push(("LABELS".to_owned(), serde_json::to_string(labels.source())?));
    Ok(options)
}
