//! One file per command.

pub(crate) mod area_sample;
pub(crate) mod bench_architectures;
pub(crate) mod calibrate;
pub(crate) mod change;
pub(crate) mod dataset;
pub(crate) mod demo;
pub(crate) mod download;
mod engine;
pub(crate) mod evaluate;
pub(crate) mod evidence;
pub(crate) mod labels;
pub(crate) mod model;
pub(crate) mod monitor;
pub(crate) mod predict;
pub(crate) mod report;
pub(crate) mod scene_info;
pub(crate) mod scene_preview;
pub(crate) mod search;
pub(crate) mod serve;
pub(crate) mod simulate;
pub(crate) mod sites;
mod table;
pub(crate) mod timeline;
pub(crate) mod train;
mod watcher;

use std::path::Path;

use anyhow::Context as _;
use minesegsat::predict::AreaOfInterest;
use minesegsat::scene::{OpenOptions, RadiometryOverride};
use minesegsat::vector::read_area_of_interest;

use crate::args::{Bbox, SceneArgs};

/// The part of a scene that `--bbox` or `--intersects` name.
pub(crate) fn area_of_interest(bbox: Option<Bbox>, polygons: Option<&Path>) -> minesegsat::Result<AreaOfInterest> {
    Ok(match (bbox, polygons) {
        (Some(bbox), _) => AreaOfInterest::Bbox(bbox.0),
        (None, Some(path)) => {
            let (polygons, crs) = read_area_of_interest(path)?;
            AreaOfInterest::Polygons(polygons, crs)
        }
        (None, None) => AreaOfInterest::Scene,
    })
}

/// Folder and file name of an output.
pub(crate) fn output_place(output: &Path) -> anyhow::Result<(&Path, &str)> {
    let name = output.file_name().and_then(|name| name.to_str());
    let name = name.with_context(|| format!("`{}` is no name of a file", output.display()))?;
    let folder = output.parent().filter(|folder| *folder != Path::new("")).unwrap_or(Path::new("."));
    Ok((folder, name))
}

/// What the flags say of how to open a scene.
pub(crate) fn open_options(args: &SceneArgs) -> OpenOptions {
    let radiometry = (args.offset.is_some() || args.scale.is_some())
        .then_some(RadiometryOverride { offset_dn: args.offset, scale: args.scale });
    OpenOptions {
        bands: args.bands.clone(),
        substitute: args.substitute.iter().map(|s| (s.missing, s.stand_in)).collect(),
        radiometry,
        mask_snow: args.mask_snow,
        tile: args.tile.clone(),
        ..OpenOptions::default()
    }
}

/// Which option would help against an error.
pub(crate) fn hint(error: &anyhow::Error) -> Option<String> {
    use minesegsat::Error;
    use minesegsat_nn::Error as NetworkError;
    use minesegsat_onnx::Error as RuntimeError;

    let overwrite = || Some("use `--overwrite` to replace it, or another `-o`".to_owned());
    if let Some(NetworkError::OutputExists { path }) = error.downcast_ref() {
        // Only a model may be replaced, not just any folder.
        return if path.join(minesegsat_nn::CARD_FILE).is_file() { overwrite() } else { None };
    }
    if let Some(RuntimeError::LibraryNotFound { kind, .. }) = error.downcast_ref() {
        let name = kind.name();
        return Some(format!(
            "`pip install {name}`, then give the folder with its library by `--{name}-library` or in {}; {}",
            kind.variable(),
            kind.accepted()
        ));
    }
    let error = error.chain().find_map(|cause| cause.downcast_ref::<Error>())?;
    match error {
        Error::OutputExists { .. } => overwrite(),
        Error::Argument { name: "site", accepted, .. } if accepted.ends_with("only one may hold") => Some(
            "`--valid-to` ends a version; `sites permit --supersede` ends the one before on the day before the new one"
                .to_owned(),
        ),
        Error::MissingBands { missing, .. } => Some(format!(
            "choose a model made for fewer bands, or let another band stand in: `--substitute {}=B08`",
            missing.first().map_or("B8A", |band| band.id())
        )),
        _ => None,
    }
}
