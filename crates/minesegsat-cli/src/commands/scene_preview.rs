//! `minesegsat scene preview`

use std::{io::IsTerminal, io::Write, process::ExitCode, sync::atomic::Ordering};

use indicatif::{ProgressBar, ProgressStyle};
use minesegsat::{
    Scene,
    output::OutputFolder,
    preview::{Heading, Panel, View, read_scene, render_sheet},
    scene::OpenOptions,
    vector::read_area_of_interest,
};

use crate::{
    args::ScenePreviewArgs,
    commands::{area_of_interest, open_options},
    interrupt,
};

pub(crate) fn run(args: &ScenePreviewArgs, quiet: bool) -> anyhow::Result<ExitCode> {
    let cancel = interrupt::cancel_flag();
    let folder = args.output.parent().filter(|folder| !folder.as_os_str().is_empty());
    let name = args.output.file_name().and_then(|name| name.to_str()).unwrap_or_default();
    let output = OutputFolder::create(folder.unwrap_or(".".as_ref()), &[name], args.overwrite)?;
    let area = area_of_interest(args.bbox, args.intersects.as_deref())?;
    let outlines = args.outlines.as_deref().map(read_area_of_interest).transpose()?;
    let options = OpenOptions { only: Some(Panel::BANDS.to_vec()), ..open_options(&args.scene) };
    let scene = Scene::open(&args.scene.scene, &options)?;
    for warning in scene.warnings() {
        tracing::warn!("{warning}");
    }

    let bar = progress_bar(quiet);
    let progress = |done: usize, total: usize| {
        bar.set_length(total as u64);
        bar.set_position(done as u64);
    };
    let wanted = args.sheet.as_deref();
    let read = read_scene(&scene, wanted, &area, outlines.as_ref(), usize::from(args.size), &progress, cancel);
    bar.finish_and_clear();
    let view: View = read.map_err(|error| {
        // A reader that was cut off by the interruption reports its own error.
        if cancel.load(Ordering::SeqCst) { minesegsat::Error::Interrupted } else { error }
    })?;
    if let (Some(path), true) = (&args.outlines, view.outlines.0.is_empty()) {
        tracing::warn!("no polygon of {} lies in this part of the scene", path.display());
    }
    let sheet = render_sheet(&view, &Heading::of_scene(&scene, &view), wanted, usize::from(args.size))?;
    for (panel, reason) in &sheet.left_out {
        tracing::warn!("the panel {panel} is left out: it {reason}");
    }
    sheet.picture.write_png(&output.path(name))?;
    output.commit()?;
    if !quiet {
        let panels = sheet.panels.iter().map(|panel| panel.id()).collect::<Vec<_>>().join(", ");
        let (width, height) = (sheet.picture.width, sheet.picture.height);
        writeln!(std::io::stdout().lock(), "{} ({width} x {height} px): {panels}", args.output.display())?;
    }
    Ok(ExitCode::SUCCESS)
}

/// Layers read, on a terminal.
fn progress_bar(quiet: bool) -> ProgressBar {
    if quiet || !std::io::stderr().is_terminal() {
        return ProgressBar::hidden();
    }
    let bar = ProgressBar::new(0);
    if let Ok(style) = ProgressStyle::with_template("reading {wide_bar} {pos}/{len} layers  {eta} left") {
        bar.set_style(style);
    }
    bar
}
