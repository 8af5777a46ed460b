//! Arguments of `minesegsat users`.

use std::path::PathBuf;

use clap::{Args, Subcommand};
use minesegsat_server::Role;

#[derive(Debug, Subcommand)]
pub(crate) enum UsersCommand {
    /// Add a user, and print the user's new token. The token is stored nowhere and cannot be printed again.
    Add(UsersAddArgs),
    /// Remove a user. A running server refuses the user's token from the next request on.
    Remove(UsersRemoveArgs),
    /// List the users with their roles.
    List(UsersListArgs),
}

/// The table of users.
#[derive(Debug, Args)]
pub(crate) struct UsersFileArg {
    /// Table of users, which `serve --users` reads.
    #[arg(long, value_name = "FILE.csv", default_value = "users.csv")]
    pub file: PathBuf,
}

#[derive(Debug, Args)]
pub(crate) struct UsersAddArgs {
    /// Name of the user, which the log and the register's history state.
    pub name: String,

    /// Role: read, order (also jobs, and removal of predictions) or register (also sites and permits).
    #[arg(long, value_name = "ROLE")]
    pub role: Role,

    #[command(flatten)]
    pub users: UsersFileArg,
}

#[derive(Debug, Args)]
pub(crate) struct UsersRemoveArgs {
    /// Name of the user.
    pub name: String,

    #[command(flatten)]
    pub users: UsersFileArg,
}

#[derive(Debug, Args)]
pub(crate) struct UsersListArgs {
    /// Print JSON.
    #[arg(long)]
    pub json: bool,

    #[command(flatten)]
    pub users: UsersFileArg,
}
