//! `minesegsat model import | list | show | verify | random`

use std::{io::Write, process::ExitCode};

use minesegsat::Band;
use minesegsat_nn::{ImportOptions, ModelCard, RandomOptions, Variant, import_checkpoint, list_models, random_model, verify_model};

use crate::args::{ModelImportArgs, ModelListArgs, ModelRandomArgs, ModelShowArgs, ModelVerifyArgs};

pub(crate) fn import(args: &ModelImportArgs) -> anyhow::Result<ExitCode> {
    let card = import_checkpoint(
        &args.checkpoint,
        &args.output,
        &ImportOptions {
            bands: args.bands.clone(),
            max_values: args.max_values.clone(),
            num_heads: args.num_heads.clone(),
            patch_size: args.patch_size,
            threshold: args.threshold,
            title: args.title.clone(),
            licence: args.licence.clone(),
            training_data: args.training_data.clone(),
            overwrite: args.overwrite,
            ..ImportOptions::default()
        },
    )?;
    write!(std::io::stdout().lock(), "{card}")?;
    Ok(ExitCode::SUCCESS)
}

pub(crate) fn random(args: &ModelRandomArgs) -> anyhow::Result<ExitCode> {
    let variant: Variant = args.variant.parse()?;
    let card = random_model(
        variant,
        &args.output,
        &RandomOptions {
            bands: args.bands.clone().unwrap_or_else(|| Band::PAPER.to_vec()),
            seed: args.seed,
            patch_size: args.patch_size,
            overwrite: args.overwrite,
        },
    )?;
    write!(std::io::stdout().lock(), "{card}")?;
    Ok(ExitCode::SUCCESS)
}

pub(crate) fn list(args: &ModelListArgs) -> anyhow::Result<ExitCode> {
    let models = list_models(&args.folder)?;
    let mut stdout = std::io::stdout().lock();
    if args.json {
        writeln!(stdout, "{}", serde_json::to_string_pretty(&models)?)?;
        return Ok(ExitCode::SUCCESS);
    }
    for model in &models {
        writeln!(stdout, "{model}")?;
    }
    if models.is_empty() {
        eprintln!("no model in {}: a model is a folder with model.json and model.safetensors", args.folder.display());
    }
    Ok(ExitCode::SUCCESS)
}

pub(crate) fn show(args: &ModelShowArgs) -> anyhow::Result<ExitCode> {
    let card = ModelCard::read(&args.model)?;
    let mut stdout = std::io::stdout().lock();
    if args.json {
        writeln!(stdout, "{}", serde_json::to_string_pretty(&card)?)?;
    } else {
        write!(stdout, "{card}")?;
    }
    Ok(ExitCode::SUCCESS)
}

pub(crate) fn verify(args: &ModelVerifyArgs) -> anyhow::Result<ExitCode> {
    let report = verify_model(&args.model, args.against.as_deref(), &args.device, args.tolerance)?;
    let mut stdout = std::io::stdout().lock();
    if args.json {
        writeln!(stdout, "{}", serde_json::to_string_pretty(&report)?)?;
    } else {
        write!(stdout, "{report}")?;
    }
    Ok(if report.within_tolerance() { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}
