//! Arguments of `minesegsat evidence`.

use std::path::PathBuf;

use clap::{Args, Subcommand};
use minesegsat::register::SiteId;
use minesegsat::report::Locale;

use super::sites::RegisterArg;

/// Arguments of `evidence`: a site, or a subcommand.
#[derive(Debug, Args)]
#[command(args_conflicts_with_subcommands = true, subcommand_negates_reqs = true, disable_help_subcommand = true)]
pub(crate) struct EvidenceArgs {
    #[command(subcommand)]
    pub command: Option<EvidenceCommand>,

    // These arguments are required without a subcommand and not allowed with one.
    #[command(flatten)]
    pub pack: Option<EvidencePackArgs>,

    // Not part of `pack`: clap treats an optional struct that contains a flattened struct as absent.
    #[command(flatten)]
    pub register: RegisterArg,
}

#[derive(Debug, Subcommand)]
pub(crate) enum EvidenceCommand {
    /// Verify a pack offline, and list what was changed.
    #[command(after_help = "\
Exit codes:
  0  sound and authenticated
  1  not sound: the pack was changed, or was not signed with the given key
  3  sound, but not authenticated: no public key was given")]
    Verify(EvidenceVerifyArgs),
    /// Generate a key pair for signing packs, in minisign format.
    Keygen(EvidenceKeygenArgs),
}

#[derive(Debug, Args)]
pub(crate) struct EvidencePackArgs {
    /// Id of the site.
    pub site: SiteId,

    /// Day of the observation: 2025-06-15.
    #[arg(long, value_name = "DATE", value_parser = super::sites::date)]
    pub date: jiff::civil::Date,

    /// Zip file to write.
    #[arg(short, long, value_name = "PACK.zip")]
    pub output: PathBuf,

    /// Minisign secret key for signing; `evidence keygen` makes one. The password comes from the
    /// MINESEGSAT_KEY_PASSWORD environment variable, or is asked for on the terminal.
    #[arg(long, value_name = "SECRETKEY")]
    pub key: PathBuf,

    /// Scene id of the observation, if that day has several.
    #[arg(long, value_name = "ID")]
    pub scene: Option<String>,

    /// First digits of the SHA-256 of the observation's model, if that day has several.
    #[arg(long, value_name = "SHA256")]
    pub model: Option<String>,

    /// Language of the report in the pack: en, fr, es or pt, with a region for its numbers if you like (es-PE). Default:
    /// the language of the environment (LC_ALL, LC_MESSAGES, LANG).
    #[arg(long, value_name = "LANGUAGE")]
    pub lang: Option<Locale>,

    /// Replace an existing pack.
    #[arg(long)]
    pub overwrite: bool,

    /// Print JSON.
    #[arg(long)]
    pub json: bool,
}

#[derive(Debug, Args)]
pub(crate) struct EvidenceVerifyArgs {
    /// Evidence pack to verify.
    #[arg(value_name = "PACK.zip")]
    pub pack: PathBuf,

    /// Public key of the signer: 56 characters (RW...), or a file. Get it from the signer, not with the pack. Without
    /// it, only the hashes are checked, and they do not prove who made the pack.
    #[arg(long, value_name = "KEY|FILE")]
    pub public_key: Option<String>,

    /// Print JSON.
    #[arg(long)]
    pub json: bool,
}

#[derive(Debug, Args)]
pub(crate) struct EvidenceKeygenArgs {
    /// File for the secret key; the public key gets the same name with `.pub`. Existing keys are never overwritten.
    #[arg(short, long, value_name = "FILE")]
    pub output: PathBuf,

    /// Create the secret key without a password. Otherwise the password comes from the MINESEGSAT_KEY_PASSWORD
    /// environment variable, or is asked for on the terminal.
    #[arg(long)]
    pub no_password: bool,
}
