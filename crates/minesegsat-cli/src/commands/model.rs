//! `minesegsat model import | list | show | verify | export | random`

use std::{io::Write, path::Path, process::ExitCode};

use anyhow::bail;
use minesegsat::ModelFolder;
use minesegsat::nn::{
    ImportOptions, ModelCard, NetworkConfig, Normalisation, Training, import_checkpoint, list_models, random_model,
};
use minesegsat::onnx::{INPUT, OPSET_VERSION, OUTPUT, export_model};

use crate::args::{
    ExportFormat, ModelExportArgs, ModelImportArgs, ModelListArgs, ModelRandomArgs, ModelShowArgs, ModelVerifyArgs,
};
use crate::commands::engine;
use crate::interrupt;

pub(crate) fn import(args: &ModelImportArgs) -> anyhow::Result<ExitCode> {
    let num_heads = match args.num_heads.as_deref() {
        None => None,
        Some(&[a, b, c, d]) => Some([a, b, c, d]),
        Some(given) => bail!(
            "`--num-heads` has {} numbers; expected four, one per stage of a SegFormer, such as 1,2,5,8",
            given.len()
        ),
    };
    let options = ImportOptions {
        bands: args.bands.clone(),
        max_values: args.max_values.clone(),
        title: args.title.clone(),
        licence: args.licence.clone(),
        num_heads,
        classes: args.classes.clone(),
        patch_size: args.patch_size,
        gsd_m: args.gsd,
        threshold: args.threshold,
        training: Training { data: args.training_data.clone(), ..Training::default() },
        overwrite: args.overwrite,
        ..ImportOptions::default()
    };
    interrupt::stop_on_ctrl_c();
    let card = import_checkpoint(&args.checkpoint, &args.output, &options)?;
    print_card(&args.output, &card)
}

pub(crate) fn random(args: &ModelRandomArgs) -> anyhow::Result<ExitCode> {
    let options = ImportOptions {
        bands: args.bands.clone(),
        patch_size: args.patch_size,
        overwrite: args.overwrite,
        ..ImportOptions::default()
    };
    let channels = args.bands.as_ref().map_or(12, Vec::len);
    let config = NetworkConfig::named(&args.network, channels, 1)?;
    interrupt::stop_on_ctrl_c();
    let card = random_model(&config, args.seed, &args.output, &options)?;
    print_card(&args.output, &card)
}

pub(crate) fn list(args: &ModelListArgs) -> anyhow::Result<ExitCode> {
    let models = list_models(&args.folder)?;
    let mut stdout = crate::terminal::stdout();
    if args.json {
        let rows: Vec<_> = models
            .iter()
            .map(|model| match &model.card {
                Ok(card) => serde_json::json!({ "path": model.path, "card": card }),
                Err(error) => serde_json::json!({ "path": model.path, "error": error.to_string() }),
            })
            .collect();
        writeln!(stdout, "{}", serde_json::to_string_pretty(&rows)?)?;
        return Ok(ExitCode::SUCCESS);
    }
    if models.is_empty() {
        let folder = args.folder.display();
        crate::print_message(format_args!(
            "no model in {folder}: a model is a folder with model.json and model.safetensors"
        ));
    }
    for model in &models {
        let path = model.path.display();
        match &model.card {
            Ok(card) => writeln!(
                stdout,
                "{path}  {}  ({}, {} bands, {})",
                card.title,
                card.architecture.title(),
                card.bands.len(),
                card.licence
            )?,
            Err(error) => writeln!(stdout, "{path}  cannot be used: {error}")?,
        }
    }
    Ok(ExitCode::SUCCESS)
}

pub(crate) fn show(args: &ModelShowArgs) -> anyhow::Result<ExitCode> {
    let folder = ModelFolder::new(args.model.as_deref())?;
    let card = ModelCard::read(folder.path())?;
    if args.json {
        writeln!(crate::terminal::stdout(), "{}", serde_json::to_string_pretty(&card)?)?;
        return Ok(ExitCode::SUCCESS);
    }
    let name = args.model.as_deref().unwrap_or(Path::new("the model in the program"));
    print_card(name, &card)
}

pub(crate) fn verify(args: &ModelVerifyArgs) -> anyhow::Result<ExitCode> {
    let folder = ModelFolder::new(args.model.as_deref())?;
    let report = engine::verify(folder.path(), &args.engine, args.against.as_deref(), args.tolerance)?;
    let mut stdout = crate::terminal::stdout();
    if args.json {
        writeln!(stdout, "{}", serde_json::to_string_pretty(&report)?)?;
    } else {
        writeln!(stdout, "compared with {}", report.against.display())?;
        for tensor in &report.tensors {
            writeln!(
                stdout,
                "  {:<8} largest difference {:.2e}, largest value {:.1}",
                tensor.name, tensor.max_abs_difference, tensor.max_abs_value
            )?;
        }
        let verdict = if report.passed() { "within" } else { "outside of" };
        writeln!(stdout, "{verdict} the tolerance of {:e}", report.tolerance)?;
    }
    Ok(if report.passed() { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

pub(crate) fn export(args: &ModelExportArgs) -> anyhow::Result<ExitCode> {
    let output = &args.output;
    if !args.overwrite && output.exists() {
        return Err(minesegsat::Error::OutputExists { path: output.clone() }.into());
    }
    let ExportFormat::Onnx = args.format;
    interrupt::stop_on_ctrl_c();
    let folder = ModelFolder::new(args.model.as_deref())?;
    let bytes = export_model(folder.path())?;
    minesegsat::output::atomic_write(output, &bytes)?;
    let card = ModelCard::read(folder.path())?;
    let (a, megabytes) = (&card.architecture, bytes.len() as f64 / 1e6);
    writeln!(
        crate::terminal::stdout(),
        "{}: {}, ONNX operator set {OPSET_VERSION}, {megabytes:.1} MB\n\
         input `{INPUT}` [batch, {}, height, width], output `{OUTPUT}` [batch, {}, height, width]; height and width must \
         be multiples of {}",
        output.display(),
        a.title(),
        a.in_channels(),
        a.num_classes(),
        a.size_divisor()
    )?;
    Ok(ExitCode::SUCCESS)
}

/// Dimensions of a network, as `field value` pairs of its configuration.
fn dimensions(config: &NetworkConfig) -> String {
    match config {
        NetworkConfig::SegFormer(c) => {
            format!("embed_dims {:?}, depths {:?}, num_heads {:?}", c.embed_dims, c.depths, c.num_heads)
        }
        NetworkConfig::Unet(c) | NetworkConfig::UnetPlusPlus(c) => format!("decoder_channels {:?}", c.decoder_channels),
        NetworkConfig::DeepLabV3Plus(c) => format!("decoder_channels {}", c.decoder_channels),
        NetworkConfig::Fpn(c) => {
            format!("pyramid_channels {}, segmentation_channels {}", c.pyramid_channels, c.segmentation_channels)
        }
    }
}

fn print_card(folder: &Path, card: &ModelCard) -> anyhow::Result<ExitCode> {
    let mut out = crate::terminal::stdout();
    let a = &card.architecture;
    let line = |name: &str, value: String| format!("{name:<14} {value}\n");
    let numbers = |values: &[f32]| values.iter().map(f32::to_string).collect::<Vec<_>>().join(", ");
    let mut text = line("model", folder.display().to_string());
    text += &line("title", card.title.clone());
    text += &line("licence", card.licence.clone());
    text += &line("architecture", format!("{}: {}", a.title(), dimensions(a)));
    text += &line("bands", minesegsat::Band::list(&card.bands));
    text += &match &card.normalisation {
        Normalisation::MinMax { min, max } => line("minimum", numbers(min)) + &line("maximum", numbers(max)),
        Normalisation::MeanStd { mean, std } => line("mean", numbers(mean)) + &line("deviation", numbers(std)),
        Normalisation::Percentile { low, high } => line("low", numbers(low)) + &line("high", numbers(high)),
    };
    text += &line("pixel size", format!("{} m", card.gsd_m));
    text += &line("patch size", format!("{} px", card.patch_size));
    text += &line("threshold", card.threshold.to_string());
    if card.temperature != 1.0 {
        text += &line("temperature", card.temperature.to_string());
    }
    text += &line("classes", card.classes.join(", "));
    text += &line("trained on", card.training.data.clone().unwrap_or_else(|| "not recorded".to_owned()));
    if let Some(start) = &card.training.started_from {
        text += &line("started from", start.clone());
    }
    if let Some(head) = &card.change_head {
        let bands = minesegsat::Band::list(&head.bands);
        text += &line(
            "change head",
            format!("{} layers of width {}; bands {bands}; {}", head.layers, head.width, head.training),
        );
    }
    for (name, value) in &card.metrics {
        text += &line(name, value.to_string());
    }
    text += &line("weights", format!("SHA-256 {}", card.weights_sha256));
    text += &line("written", format!("{} by minesegsat {}", card.created, card.code_version));
    out.write_all(text.as_bytes())?;
    Ok(ExitCode::SUCCESS)
}
