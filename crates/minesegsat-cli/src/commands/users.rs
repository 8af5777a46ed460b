//! `minesegsat users add | remove | list`

use std::io::Write;
use std::process::ExitCode;

use minesegsat::manifest::counted;
use minesegsat_server::Users;
use serde_json::{Value, json};

use super::table::Table;
use crate::args::{UsersAddArgs, UsersCommand, UsersListArgs, UsersRemoveArgs};
use crate::print_message;

pub(crate) fn run(command: &UsersCommand, quiet: bool) -> anyhow::Result<ExitCode> {
    match command {
        UsersCommand::Add(args) => add(args, quiet),
        UsersCommand::Remove(args) => remove(args, quiet),
        UsersCommand::List(args) => list(args),
    }?;
    Ok(ExitCode::SUCCESS)
}

fn add(args: &UsersAddArgs, quiet: bool) -> anyhow::Result<()> {
    let file = &args.users.file;
    let token = Users::add(file, &args.name, args.role)?;
    if !quiet {
        let (name, role) = (args.name.trim(), args.role);
        print_message(format_args!("added user `{name}` with the role `{role}` to {}", file.display()));
        print_message(format_args!("the token is shown once; give it to the user:"));
    }
    writeln!(crate::terminal::stdout(), "{token}")?;
    Ok(())
}

fn remove(args: &UsersRemoveArgs, quiet: bool) -> anyhow::Result<()> {
    let removed = Users::remove(&args.users.file, &args.name)?;
    if !quiet {
        writeln!(crate::terminal::stdout(), "removed user `{}` with the role `{}`", removed.name, removed.role)?;
    }
    Ok(())
}

fn list(args: &UsersListArgs) -> anyhow::Result<()> {
    let users = Users::read(&args.users.file)?;
    let mut out = crate::terminal::stdout();
    if args.json {
        let rows: Vec<Value> = users.all().iter().map(|user| json!({ "name": user.name, "role": user.role })).collect();
        writeln!(out, "{}", serde_json::to_string_pretty(&rows)?)?;
        return Ok(());
    }
    if !users.all().is_empty() {
        let mut table = Table::new(["name", "role"]).with_texts([1]);
        for user in users.all() {
            table.row([user.name.clone(), user.role.to_string()]);
        }
        table.print(&mut out)?;
    }
    writeln!(out, "{}", counted(users.all().len(), "user"))?;
    Ok(())
}
