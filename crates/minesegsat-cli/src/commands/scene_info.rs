//! `minesegsat scene info`

use std::{io::Write, process::ExitCode};

use minesegsat::scene::summarize;

use crate::{
    args::SceneInfoArgs,
    commands::{open_options, open_scene},
};

pub(crate) fn run(args: &SceneInfoArgs) -> anyhow::Result<ExitCode> {
    let scene = open_scene(&args.scene, &open_options(&args.scene))?;
    let summary = summarize(&scene)?;
    let mut stdout = crate::terminal::stdout();
    if args.json {
        writeln!(stdout, "{}", serde_json::to_string_pretty(&summary)?)?;
    } else {
        write!(stdout, "{summary}")?;
    }
    Ok(ExitCode::SUCCESS)
}
