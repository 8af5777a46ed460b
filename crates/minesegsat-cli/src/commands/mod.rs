//! The commands, one file each.

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
pub(crate) mod map;
pub(crate) mod model;
pub(crate) mod monitor;
pub(crate) mod predict;
pub(crate) mod report;
pub(crate) mod scene_info;
pub(crate) mod scene_preview;
pub(crate) mod search;
pub(crate) mod serve;
pub(crate) mod simulate;
mod site_tools;
pub(crate) mod sites;
mod table;
pub(crate) mod timeline;
pub(crate) mod train;

use std::path::Path;

use anyhow::Context as _;
use minesegsat::area_of_interest::AreaOfInterest;
use minesegsat::scene::{OpenOptions, RadiometryOverride};
use minesegsat::{Location, Scene};

use crate::args::{Bbox, IncompleteArgs, SceneArgs, nodata_values};

/// The part of a scene given by `--bbox` or `--intersects`.
pub(crate) fn area_of_interest(
    bbox: Option<Bbox>,
    polygons: Option<&Path>,
    incomplete: IncompleteArgs,
) -> minesegsat::Result<AreaOfInterest> {
    Ok(match (bbox, polygons) {
        (Some(bbox), _) => AreaOfInterest::Bbox(bbox.0),
        (None, Some(path)) => {
            let (polygons, crs) = incomplete.read_polygons(path)?;
            AreaOfInterest::Polygons(polygons, crs)
        }
        (None, None) => AreaOfInterest::Scene,
    })
}

/// Opens the scene of the command line. Its path need not be UTF-8.
pub(crate) fn open_scene(args: &SceneArgs, options: &OpenOptions) -> minesegsat::Result<Scene> {
    Scene::open_at(&Location::from_os(&args.scene)?, options)
}

/// Splits the path of an output file into its folder and its name.
pub(crate) fn folder_and_name(output: &Path) -> anyhow::Result<(&Path, &str)> {
    let name = output.file_name().with_context(|| format!("`{}` is not a file name", output.display()))?;
    let name = name.to_str().with_context(|| format!("the file name of `{}` is not UTF-8 text", output.display()))?;
    let folder = output.parent().filter(|folder| *folder != Path::new("")).unwrap_or(Path::new("."));
    Ok((folder, name))
}

/// The scene options of the command line.
pub(crate) fn open_options(args: &SceneArgs) -> OpenOptions {
    let radiometry = (args.offset.is_some() || args.scale.is_some())
        .then_some(RadiometryOverride { offset_dn: args.offset, scale: args.scale });
    OpenOptions {
        bands: args.bands.clone(),
        substitute: args.substitute.iter().map(|s| (s.missing, s.stand_in)).collect(),
        radiometry,
        nodata: nodata_values(&args.nodata),
        mask_snow: args.mask_snow,
        cloud_mask: args.cloud_mask,
        tile: args.tile.clone(),
        ..OpenOptions::default()
    }
}

/// A hint for an error, if an option helps.
pub(crate) fn hint(error: &anyhow::Error) -> Option<String> {
    use minesegsat::nn::Error as NetworkError;
    use minesegsat::onnx::Error as RuntimeError;
    use minesegsat::{Error, OpenModelError};

    let overwrite = || Some("use `--overwrite` to replace it, or another `-o`".to_owned());
    if let Some(NetworkError::OutputExists { path }) = error.downcast_ref() {
        // Only a model folder may be replaced, not any other folder.
        return if path.join(minesegsat::nn::CARD_FILE).is_file() { overwrite() } else { None };
    }
    if let Some(NetworkError::RunExists { .. }) = error.downcast_ref() {
        return Some("`--resume` goes on with it".to_owned());
    }
    if let Some(NetworkError::DataChanged { .. }) = error.downcast_ref() {
        return Some("`--allow-changed-data` resumes on the changed data and records the change".to_owned());
    }
    let runtime = match error.downcast_ref() {
        Some(OpenModelError::Runtime(error)) => Some(error),
        _ => error.downcast_ref::<RuntimeError>(),
    };
    if let Some(RuntimeError::LibraryNotFound { kind, .. }) = runtime {
        let name = kind.name();
        return Some(format!(
            "`pip install {name}`, then give its library folder with `--{name}-library` or {}; {}",
            kind.variable(),
            kind.accepted()
        ));
    }
    let error = error.chain().find_map(|cause| cause.downcast_ref::<Error>())?;
    match error {
        Error::OutputExists { .. } => overwrite(),
        Error::Argument { name: "site", accepted, .. } if accepted.ends_with("only one may hold") => Some(
            "end the earlier version with `--valid-to`, or use `sites permit --supersede` to end it on the day before \
             the new one"
                .to_owned(),
        ),
        Error::Argument { name: "shift between the dates", .. } => {
            Some("`--registration measure` compares them as they are".to_owned())
        }
        Error::MissingBands { missing, .. } => Some(format!(
            "use a model that needs fewer bands, or use another band instead: `--substitute {}=B08`",
            missing.first().map_or("B8A", |band| band.id())
        )),
        _ => error.setting().and_then(flag_of).map(str::to_owned),
    }
}

/// How a user gives the option that avoids an error.
fn flag_of(setting: minesegsat::Setting) -> Option<&'static str> {
    use minesegsat::Setting;

    Some(match setting {
        Setting::AllowIncomplete => "`--allow-incomplete` accepts the file as it is",
        Setting::AllowMissing => "`--allow-missing` estimates without these points",
        Setting::Bands => "`--bands B02,B03,B04,...` names the bands",
        Setting::Classes => "`--classes VALUE=NAME` names classes, `--exclude VALUE` leaves them out",
        Setting::LabelsCrs => "`--labels-crs EPSG:CODE` gives the CRS of the coordinates",
        Setting::Layer => "`--layer NAME` selects the layer",
        Setting::MaskValues => {
            "`dataset import --mask-values mining=255,other=0` says what the values mean; ranges: `mining=0.5..1,other=0..0.5`"
        }
        Setting::MaxCloudCover => "`--max-cloud-cover PERCENT` raises the limit",
        Setting::MinData => "`--min-data PERCENT` lowers the limit",
        Setting::Offset => "`--offset 0` if there is no offset in the numbers, otherwise `--offset -1000`",
        Setting::Reference => "`--reference FILE` selects the file",
        Setting::RequesterPays => "`download --requester-pays` agrees to pay",
        Setting::Scale => "`--scale` and `--offset` give the conversion to reflectance",
        Setting::SearchLimits => "`--collections`, `--datetime`, `--bbox` and `--max-cloud-cover` limit the search",
        Setting::SwapAxes => "`--swap-axes` exchanges longitude and latitude",
        Setting::Tile => "`--tile NAME` selects the tile",
        _ => return None,
    })
}
