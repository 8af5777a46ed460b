//! `minesegsat scene preview`

use std::{io::Write, process::ExitCode};

use minesegsat::{
    job::Job,
    output::OutputFolder,
    preview::{Heading, Panel, View, read_scene, render_sheet},
    scene::OpenOptions,
};

use crate::{
    args::ScenePreviewArgs,
    commands::{area_of_interest, folder_and_name, open_options, open_scene},
    interrupt,
    progress::Bar,
};

pub(crate) fn run(args: &ScenePreviewArgs, quiet: bool) -> anyhow::Result<ExitCode> {
    let cancel = interrupt::cancel_flag();
    let (folder, name) = folder_and_name(&args.output)?;
    let output = OutputFolder::create(folder, &[name], args.overwrite)?;
    let (area, _) = area_of_interest(args.bbox, args.intersects.as_deref(), args.incomplete)?;
    let outlines = args.outlines.as_deref().map(|path| args.incomplete.read_polygons(path)).transpose()?;
    let outlines = outlines.map(|(polygons, crs, _)| (polygons, crs));
    let options = OpenOptions { only: Some(Panel::BANDS.to_vec()), ..open_options(&args.scene) };
    let scene = open_scene(&args.scene, &options)?;
    for warning in scene.warnings() {
        tracing::warn!("{warning}");
    }

    let bar = Bar::with_label(quiet, "reading layers");
    let job = Job::new(&bar, cancel);
    let wanted = args.sheet.as_deref();
    let read = read_scene(&scene, wanted, &area, outlines.as_ref(), usize::from(args.size), job);
    bar.clear();
    let view: View = job.finish(read)?;
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
        writeln!(crate::terminal::stdout(), "{} ({width} x {height} px): {panels}", args.output.display())?;
    }
    Ok(ExitCode::SUCCESS)
}
