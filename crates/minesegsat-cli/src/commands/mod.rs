//! The commands, one file each.

pub(crate) mod area;
mod area_estimate;
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
pub(crate) mod setup;
pub(crate) mod simulate;
mod site_tools;
pub(crate) mod sites;
mod table;
pub(crate) mod timeline;
pub(crate) mod train;
pub(crate) mod users;

use std::path::Path;

use anyhow::Context as _;
use clap::CommandFactory as _;
use minesegsat::area_of_interest::AreaOfInterest;
use minesegsat::nn::{Error as NetworkError, ModelError};
use minesegsat::onnx::Error as RuntimeError;
use minesegsat::scene::{OpenOptions, RadiometryOverride};
use minesegsat::values::Numbers;
use minesegsat::{Error, Location, OpenModelError, Scene, Setting};
use minesegsat_server::ServerError;

use crate::args::{Bbox, Cli, IncompleteArgs, SceneArgs, nodata_values};

/// The part of a scene given by `--bbox` or `--intersects`, and why the file is incomplete, if the user accepts that.
pub(crate) fn area_of_interest(
    bbox: Option<Bbox>,
    polygons: Option<&Path>,
    incomplete: IncompleteArgs,
) -> minesegsat::Result<(AreaOfInterest, Option<String>)> {
    Ok(match (bbox, polygons) {
        (Some(bbox), _) => (AreaOfInterest::Bbox(bbox.0), None),
        (None, Some(path)) => {
            let (polygons, crs, reason) = incomplete.read_polygons(path)?;
            (AreaOfInterest::Polygons(polygons, crs), reason)
        }
        (None, None) => (AreaOfInterest::Scene, None),
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

/// A hint for a number of the command line that is written with a comma.
pub(crate) fn hint_of_number(error: &clap::Error) -> Option<String> {
    use clap::error::{ContextKind, ContextValue};

    let text = |kind| match error.get(kind)? {
        ContextValue::String(text) => Some(text.as_str()),
        _ => None,
    };
    let (option, value) = (text(ContextKind::InvalidArg)?, text(ContextKind::InvalidValue)?);
    // The values of lists, such as `--bbox <W,S,E,N>`, have commas between them.
    if option.contains(',') || !value.contains(',') {
        return None;
    }
    match Numbers::default().parse(value) {
        Ok(number) => Some(format!("numbers have a decimal point here; write `{number}`")),
        Err(reason) => reason.contains("two readings").then_some(reason),
    }
}

/// A hint for an error, if an option of this command helps.
pub(crate) fn hint(error: &anyhow::Error) -> Option<String> {
    let program = Cli::command();
    // The words before the first option that is no switch of the program name the command.
    let words = crate::words().filter(|word| !word.starts_with('-'));
    let command = words.map_while({
        let mut at = &program;
        move |word| {
            at = at.find_subcommand(word)?;
            Some(at)
        }
    });
    let command = command.last().unwrap_or(&program);
    hints(error).into_iter().find(|hint| names_options_of(hint, &program, command))
}

/// Whether the command has all options that a hint names. A hint may name another command before its option:
/// `sites permit --supersede`.
fn names_options_of(hint: &str, program: &clap::Command, command: &clap::Command) -> bool {
    let quoted = hint.split('`').skip(1).step_by(2);
    // Options of cargo are not those of the command.
    quoted.filter(|text| text.contains("--") && !text.starts_with("cargo ")).all(|text| {
        let mut of = command;
        text.split_whitespace().all(|word| {
            if let Some(option) = word.strip_prefix("--") {
                return of.get_arguments().any(|argument| {
                    argument.get_long() == Some(option)
                        || argument.get_all_aliases().is_some_and(|others| others.contains(&option))
                });
            }
            of = of.find_subcommand(word).or_else(|| program.find_subcommand(word)).unwrap_or(of);
            true
        })
    })
}

/// Hints for an error. The first whose options the command has is the one to print.
fn hints(error: &anyhow::Error) -> Vec<String> {
    let one = |text: &str| vec![text.to_owned()];
    let overwrite =
        || ["use `--overwrite` to replace it, or another `-o`", "give another `-o`"].map(str::to_owned).to_vec();
    let network = match error.downcast_ref() {
        Some(OpenModelError::BuiltIn(error)) => Some(error),
        _ => error.downcast_ref::<NetworkError>(),
    };
    match network {
        Some(NetworkError::OutputExists { path }) => {
            // Only a model folder may be replaced, not any other folder.
            return if path.join(minesegsat::nn::CARD_FILE).is_file() { overwrite() } else { Vec::new() };
        }
        Some(NetworkError::RunExists { .. }) => return one("`--resume` goes on with it"),
        Some(NetworkError::DataChanged { .. }) => {
            return one("`--allow-changed-data` resumes on the changed data and records the change");
        }
        Some(NetworkError::DeviceNotBuilt { feature, .. }) => {
            return vec![format!("`cargo build --release --features {feature}` builds a program that has it")];
        }
        Some(NetworkError::Model(ModelError::Argument { name: "bands", value, .. })) if value.is_empty() => {
            return hints_of(Setting::Bands);
        }
        _ => {}
    }
    let runtime = match error.downcast_ref() {
        Some(OpenModelError::Runtime(error)) => Some(error),
        _ => error.downcast_ref::<RuntimeError>(),
    };
    if let Some(RuntimeError::LibraryNotFound { kind, .. }) = runtime {
        let name = kind.name();
        return vec![format!(
            "`pip install {name}`, then give its library folder with `--{name}-library` or {}; {}",
            kind.variable(),
            kind.accepted()
        )];
    }
    match error.downcast_ref() {
        Some(ServerError::TokenNeeded { .. }) => {
            return one("`--token-file FILE` sets a token, `--users FILE` a table of users");
        }
        Some(ServerError::WorkspaceInUse { .. }) => {
            return one("a server without `--model`, a token and users runs no jobs");
        }
        _ => {}
    }
    let Some(error) = error.chain().find_map(core_error) else { return Vec::new() };
    match error {
        Error::OutputExists { .. } => overwrite(),
        Error::Argument { name: "site", accepted, .. } if accepted.ends_with("only one may hold") => one(
            "end the earlier version with `sites permit --valid-to`, or use `sites permit --supersede` to end it on the day \
             before the new one",
        ),
        Error::Argument { name: "site", accepted, .. } if accepted.ends_with("which would be lost") => {
            one("`--force` removes them with it")
        }
        Error::Argument { name: "shift between the dates", .. } => {
            one("`--registration measure` compares them as they are")
        }
        Error::MissingBands { missing, .. } => {
            let band = missing.first().map_or("B8A", |band| band.id());
            vec![
                format!("use a model that needs fewer bands, or use another band instead: `--substitute {band}=B08`"),
                "use a model that needs fewer bands".to_owned(),
            ]
        }
        _ => error.setting().map(hints_of).unwrap_or_default(),
    }
}

/// The error of the libraries behind an error. One that is wrapped in a transparent variant is not among the causes.
fn core_error<'a>(error: &'a (dyn std::error::Error + 'static)) -> Option<&'a Error> {
    if let Some(error) = error.downcast_ref::<Error>() {
        return Some(error);
    }
    match error.downcast_ref() {
        Some(OpenModelError::BuiltIn(error)) => return core_error(error),
        Some(OpenModelError::Runtime(error)) => return core_error(error),
        _ => {}
    }
    match (error.downcast_ref::<NetworkError>(), error.downcast_ref::<RuntimeError>()) {
        (Some(NetworkError::Core(error)), _) | (_, Some(RuntimeError::Core(error))) => Some(error),
        _ => None,
    }
}

/// How a user gives the option that avoids an error, and what helps where a command lacks the option.
pub(crate) fn hints_of(setting: Setting) -> Vec<String> {
    let hints: &[&str] = match setting {
        Setting::AllowIncomplete => &["`--allow-incomplete` accepts the file as it is"],
        Setting::AllowMissing => &["`--allow-missing` estimates without these points"],
        Setting::MissingUnits => &[
            "`--allow-missing` merges without them, and the totals say how much land is missing; `minesegsat area run` maps them",
        ],
        Setting::Bands => &["`--bands B02,B03,B04,...` names the bands"],
        Setting::Classes => &["`--classes VALUE=NAME` names classes, `--exclude VALUE` leaves them out"],
        Setting::Column(field) => {
            return vec![format!("`--{}-field COLUMN` says which column it is", field.replace('_', "-"))];
        }
        Setting::LabelsCrs => &[
            "`--labels-crs EPSG:CODE` gives the CRS of the coordinates",
            "save the file with its CRS, as a GeoPackage for example",
        ],
        Setting::Layer => &["`--layer NAME` selects the layer", "save the layer as a file of its own"],
        Setting::MaskValues => &[
            "`dataset import --mask-values mining=255,other=0` says what the values mean; ranges: `mining=0.5..1,other=0..0.5`",
        ],
        Setting::MaxCloudCover => &["`--max-cloud-cover PERCENT` raises the limit"],
        Setting::MinData => &["`--min-data PERCENT` lowers the limit"],
        Setting::Offset => &["`--offset 0` if there is no offset in the numbers, otherwise `--offset -1000`"],
        Setting::Reference => &["`--reference FILE` selects the file"],
        Setting::RequesterPays => &["`download --requester-pays` agrees to pay"],
        Setting::Scale => &["`--scale` and `--offset` give the conversion to reflectance"],
        Setting::SearchLimits => {
            &["`--collections`, `--datetime`, `--bbox` and `--max-cloud-cover` limit the search", "limit the search"]
        }
        Setting::SkipMines => &["`--skip-mines` leaves out the patches with mines"],
        Setting::SwapAxes => {
            &["`--swap-axes` exchanges longitude and latitude", "exchange longitude and latitude in the file"]
        }
        Setting::Tile => &["`--tile NAME` selects the tile"],
        Setting::Unite => &["`--unite` makes one site of several polygons"],
        Setting::Update => &["`--update` takes changes into sites that are there"],
        Setting::ValidFrom => {
            &["`--valid-from-field COLUMN` names the column, `--valid-from DAY` gives one day for all"]
        }
        _ => &[],
    };
    hints.iter().map(|&hint| hint.to_owned()).collect()
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    fn command<'a>(program: &'a clap::Command, words: &[&str]) -> &'a clap::Command {
        words.iter().fold(program, |at, word| at.find_subcommand(word).unwrap())
    }

    #[test]
    fn a_hint_is_printed_only_where_its_options_are() {
        let program = Cli::command();
        let fits = |hint: &str, words: &[&str]| names_options_of(hint, &program, command(&program, words));
        let layer = "`--layer NAME` selects the layer";
        assert!(fits(layer, &["dataset", "build"]) && fits(layer, &["sites", "import"]) && !fits(layer, &["predict"]));
        // An alias.
        assert!(fits("`--labels-crs EPSG:CODE` gives the CRS", &["sites", "import"]));
        assert!(fits("use `sites permit --supersede`", &["predict"]) && !fits("use `--supersede`", &["predict"]));
        assert!(fits("a hint without options: `-o`", &["predict"]));
    }

    #[test]
    fn hints_follow_errors_through_the_layers_above_them() {
        let tile = || Error::scene("S2.SAFE", "it has two tiles").avoided_by(Setting::Tile);
        let network = || NetworkError::Core(tile());
        let errors: [anyhow::Error; 5] = [
            tile().into(),
            network().into(),
            OpenModelError::BuiltIn(network()).into(),
            OpenModelError::Runtime(RuntimeError::Core(tile())).into(),
            anyhow::Error::from(network()).context("cannot train"),
        ];
        for error in errors {
            assert_eq!(hints(&error), ["`--tile NAME` selects the tile"], "{error:#}");
        }
        assert_eq!(hints_of(Setting::Column("valid_from")), ["`--valid-from-field COLUMN` says which column it is"]);
        // Every column that a hint may name has its option.
        let options = options();
        for field in
            ["id", "name", "operator", "commodity", "status", "permit", "limit", "valid-from", "valid-to", "document"]
        {
            assert!(options.contains(&format!("{field}-field")), "{field}");
        }
    }

    /// Texts of the libraries name no options: their readers may be programs, or clients of a server.
    #[test]
    fn libraries_name_no_options() {
        // Instructions for the reader of an evidence pack.
        const WITH_COMMANDS: &str = "minesegsat-watch/src/evidence/pack.rs";
        let options = options();
        let (mut read, mut named) = (0, Vec::new());
        for (path, text) in sources() {
            if path.contains("/../minesegsat-cli/") || path.ends_with(WITH_COMMANDS) {
                continue;
            }
            read += 1;
            let code = text.lines().filter(|line| !line.trim_start().starts_with("//"));
            for (before, after) in code.flat_map(|line| line.match_indices("--").map(move |(at, _)| line.split_at(at)))
            {
                let after = &after[2..];
                let option: String = after.chars().take_while(|&c| c.is_ascii_lowercase() || c == '-').collect();
                // Style sheets have `var(--name)` and `  --name:`.
                let is_property = after[option.len()..].starts_with(':') || before.ends_with('(');
                let is_made = after.starts_with('{') && before.ends_with(['`', '"']);
                if (options.contains(&option) && !is_property) || is_made {
                    named.push(format!("{path}: {before}--{after}"));
                }
            }
        }
        assert!(read > 100, "{read}");
        assert!(named.is_empty(), "{named:#?}");
    }

    /// The sources of all crates without their tests, by path.
    fn sources() -> Vec<(String, String)> {
        let mut open = vec![Path::new(env!("CARGO_MANIFEST_DIR")).join("..")];
        let mut sources = Vec::new();
        while let Some(folder) = open.pop() {
            for entry in std::fs::read_dir(folder).unwrap() {
                let path = entry.unwrap().path();
                let name = path.file_name().unwrap().to_string_lossy().into_owned();
                if path.is_dir() && !["tests", "target", "benches", "examples"].contains(&name.as_str()) {
                    open.push(path);
                } else if name.ends_with(".rs") && !name.starts_with("tests") {
                    let text = std::fs::read_to_string(&path).unwrap();
                    let text = text.split("#[cfg(test)]").next().unwrap().to_owned();
                    sources.push((path.to_string_lossy().replace('\\', "/"), text));
                }
            }
        }
        sources
    }

    /// The options of all commands.
    fn options() -> BTreeSet<String> {
        let mut options = BTreeSet::new();
        let mut open = vec![Cli::command()];
        while let Some(mut command) = open.pop() {
            command.build();
            for argument in command.get_arguments() {
                let aliases = argument.get_all_aliases().unwrap_or_default();
                options.extend(argument.get_long().into_iter().chain(aliases).map(str::to_owned));
            }
            open.extend(command.get_subcommands().cloned());
        }
        options
    }

    /// Every option that a text of the program names in backticks exists.
    #[test]
    fn texts_name_options_that_exist() {
        // Options of cargo.
        const OTHERS: [&str; 2] = ["release", "features"];
        let options = options();
        let (mut seen, mut unknown) = (0, Vec::new());
        for (path, text) in sources() {
            for line in text.lines().filter(|line| !line.trim_start().starts_with("//")) {
                for quoted in line.split('`').skip(1).step_by(2) {
                    for word in quoted.split_whitespace().filter_map(|word| word.strip_prefix("--")) {
                        let is_name = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-';
                        let option = word.split(|c| !is_name(c)).next().unwrap();
                        if option.is_empty() {
                            continue;
                        }
                        seen += 1;
                        if !options.contains(option) && !OTHERS.contains(&option) {
                            unknown.push(format!("{path}: --{option}"));
                        }
                    }
                }
            }
        }
        assert!(seen > 50, "{seen}");
        assert!(unknown.is_empty(), "{unknown:#?}");
    }
}
