//! Arguments of `minesegsat evidence`.

use std::path::PathBuf;

use clap::{Args, Subcommand};
use minesegsat::register::SiteId;

use super::sites::RegisterArg;

/// What is to be packed, or checked.
#[derive(Debug, Args)]
#[command(args_conflicts_with_subcommands = true, subcommand_negates_reqs = true, disable_help_subcommand = true)]
pub(crate) struct EvidenceArgs {
    #[command(subcommand)]
    pub command: Option<EvidenceCommand>,

    // Required arguments, unless there is a subcommand: then there are none of them.
    #[command(flatten)]
    pub pack: Option<EvidencePackArgs>,

    // Not one of those: clap takes what holds a flattened struct itself as absent when it is optional.
    #[command(flatten)]
    pub register: RegisterArg,
}

#[derive(Debug, Subcommand)]
pub(crate) enum EvidenceCommand {
    /// Check a pack offline, and say what was changed.
    #[command(after_help = "\
Exit codes: 0 sound and authenticated, 1 something is wrong with it, 3 sound but not authenticated (no key was given).")]
    Verify(EvidenceVerifyArgs),
    /// Make a pair of keys to sign packs with, in the format of minisign.
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

    /// Secret key of minisign that signs it; `evidence keygen` makes one. A password is asked for on a terminal, or taken from
    /// `MINESEGSAT_KEY_PASSWORD`.
    #[arg(long, value_name = "SECRETKEY")]
    pub key: PathBuf,

    /// Scene of the observation, where that day has several.
    #[arg(long, value_name = "ID")]
    pub scene: Option<String>,

    /// First digits of the SHA-256 of the observation's model, where that day has several.
    #[arg(long, value_name = "SHA256")]
    pub model: Option<String>,

    /// Replace an existing pack.
    #[arg(long)]
    pub overwrite: bool,

    /// Print JSON.
    #[arg(long)]
    pub json: bool,
}

#[derive(Debug, Args)]
pub(crate) struct EvidenceVerifyArgs {
    /// The pack.
    #[arg(value_name = "PACK.zip")]
    pub pack: PathBuf,

    /// Public key of whoever signed it, got from them and not with the pack: 56 characters (RW...), or a file. Without it only
    /// the hashes are checked, which prove nothing of who made it.
    #[arg(long, value_name = "KEY|FILE")]
    pub public_key: Option<String>,

    /// Print JSON.
    #[arg(long)]
    pub json: bool,
}

#[derive(Debug, Args)]
pub(crate) struct EvidenceKeygenArgs {
    /// File of the secret key; the public one gets the same name with `.pub`. Neither is ever overwritten.
    #[arg(short, long, value_name = "FILE")]
    pub output: PathBuf,

    /// Leave the secret key without a password. Otherwise one is asked for on a terminal, or taken from
    /// `MINESEGSAT_KEY_PASSWORD`.
    #[arg(long)]
    pub no_password: bool,
}
