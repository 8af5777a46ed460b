//! The `minesegsat` command-line program, as a library: the binary and the Python package both run it.
#![warn(clippy::unwrap_used, clippy::print_stdout)]

mod allocator;
mod args;
mod commands;
mod interrupt;
mod progress;
mod terminal;

use std::{
    ffi::OsString,
    io::{IsTerminal, Write},
    process::ExitCode,
    sync::OnceLock,
};

use clap::Parser;

use crate::args::{AreaSampleCommand, Cli, Command, DatasetCommand, LabelsCommand, ModelCommand, SceneCommand};

/// The command line, see [`run_program`].
static ARGUMENTS: OnceLock<Vec<OsString>> = OnceLock::new();

/// Runs the program on a command line, whose first word is the name of the program. A process runs it once: it starts the log, and
/// handles Ctrl-C and panics for the whole process.
pub fn run_program(arguments: impl IntoIterator<Item = OsString>) -> ExitCode {
    let arguments = ARGUMENTS.get_or_init(|| arguments.into_iter().collect());
    let cli = Cli::try_parse_from(arguments).unwrap_or_else(|error| {
        let _ = error.print();
        if let Some(hint) = commands::hint_of_number(&error) {
            print_message(format_args!("hint: {hint}"));
        }
        std::process::exit(error.exit_code())
    });
    start_logging(&cli);
    // No input may end in a panic. If one does, the message asks for a report. A server goes on and logs it.
    let is_server = matches!(&cli.command, Command::Serve(_));
    minesegsat::guard::report_panics(move |what| {
        if is_server {
            tracing::error!("internal error: {what}");
        } else {
            print_message(format_args!("error: internal error: {what}"));
            print_message(format_args!(
                "hint: this is a fault of the program; report this line, the command and its input"
            ));
        }
    });
    let code = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| run(&cli))).unwrap_or(ExitCode::FAILURE);
    // The end of a program in Rust does this, but not the end of Python.
    let _ = terminal::stdout().flush();
    code
}

/// The words of the command line behind the name of the program. Words that are not UTF-8 text are left out.
pub(crate) fn words() -> impl Iterator<Item = &'static str> {
    ARGUMENTS.get().into_iter().flatten().skip(1).filter_map(|word| word.to_str())
}

/// Runs the command of the command line.
fn run(cli: &Cli) -> ExitCode {
    let result = match &cli.command {
        Command::Search(args) => commands::search::run(args, cli.quiet),
        Command::Download(args) => commands::download::run(args, cli.quiet),
        Command::Scene(SceneCommand::Info(args)) => commands::scene_info::run(args),
        Command::Labels(LabelsCommand::Info(args)) => commands::labels::info(args),
        Command::Labels(LabelsCommand::Rasterize(args)) => commands::labels::rasterize(args, cli.quiet),
        Command::Dataset(DatasetCommand::Build(args)) => commands::dataset::build(args, cli.quiet),
        Command::Dataset(DatasetCommand::Split(args)) => commands::dataset::split(args),
        Command::Dataset(DatasetCommand::Stats(args)) => commands::dataset::stats(args, cli.quiet),
        Command::Dataset(DatasetCommand::Import(args)) => commands::dataset::import(args),
        Command::Dataset(DatasetCommand::Merge(args)) => commands::dataset::merge(args),
        Command::Dataset(DatasetCommand::Preview(args)) => commands::dataset::preview(args, cli.quiet),
        Command::Dataset(DatasetCommand::Info(args)) => commands::dataset::info(args),
        Command::Scene(SceneCommand::Preview(args)) => commands::scene_preview::run(args, cli.quiet),
        Command::Model(ModelCommand::Import(args)) => commands::model::import(args),
        Command::Model(ModelCommand::List(args)) => commands::model::list(args),
        Command::Model(ModelCommand::Show(args)) => commands::model::show(args),
        Command::Model(ModelCommand::Verify(args)) => commands::model::verify(args),
        Command::Model(ModelCommand::Export(args)) => commands::model::export(args),
        Command::Model(ModelCommand::Random(args)) => commands::model::random(args),
        Command::Map(args) => commands::map::run(args, cli.quiet),
        Command::Area(args) => commands::area::command(args, cli.quiet),
        Command::Demo(args) => commands::demo::run(args, cli.quiet),
        Command::Train(args) => commands::train::run(args, cli.quiet),
        Command::BenchArchitectures(args) => commands::bench_architectures::run(args, cli.quiet),
        Command::Evaluate(args) => commands::evaluate::run(args, cli.quiet),
        Command::Calibrate(args) => commands::calibrate::run(args, cli.quiet),
        Command::Predict(args) => commands::predict::run(args, cli.quiet),
        Command::AreaSample(AreaSampleCommand::Design(args)) => commands::area_sample::design(args, cli.quiet),
        Command::AreaSample(AreaSampleCommand::Estimate(args)) => commands::area_sample::estimate(args, cli.quiet),
        Command::Change(args) => commands::change::run(args, cli.quiet),
        Command::NoiseFloor(args) => commands::change::noise_floor(args, cli.quiet),
        Command::Timeline(args) => commands::timeline::run(args, cli.quiet),
        Command::Sites(command) => commands::sites::run(command, cli.quiet),
        Command::Monitor(command) => commands::monitor::run(command, cli.quiet),
        Command::Report(args) => commands::report::run(args, cli.quiet),
        Command::Evidence(args) => commands::evidence::run(args, cli.quiet),
        Command::Serve(args) => commands::serve::run(args, cli.quiet),
        Command::Users(command) => commands::users::run(command, cli.quiet),
        Command::Simulate(args) => commands::simulate::run(args, cli.quiet),
        Command::Doctor(args) => commands::setup::doctor(args),
        Command::Completions(args) => commands::setup::completions(args),
        Command::Man(args) => commands::setup::man(args, cli.quiet),
    };
    match result {
        Ok(code) => code,
        Err(error) => print_error(&error),
    }
}

/// Prints the error with all its causes, and a hint if an option helps. A closed pipe is not an error.
fn print_error(error: &anyhow::Error) -> ExitCode {
    let broken_pipe = |cause: &(dyn std::error::Error + 'static)| {
        cause.downcast_ref::<std::io::Error>().is_some_and(|e| e.kind() == std::io::ErrorKind::BrokenPipe)
    };
    if error.chain().any(broken_pipe) {
        return ExitCode::SUCCESS;
    }
    print_message(format_args!("error: {}", terminal::indented(&error.to_string())));
    let mut last = error.to_string();
    for cause in error.chain().skip(1) {
        let text = cause.to_string();
        // An error may say its cause itself, and a transparent variant says nothing else.
        if !minesegsat::tells(&last, &text) {
            print_message(format_args!("  caused by: {}", terminal::indented(&text)));
        }
        last = text;
    }
    if let Some(hint) = commands::hint(error) {
        print_message(format_args!("hint: {hint}"));
    }
    if error.downcast_ref::<minesegsat::Error>().is_some_and(|e| matches!(e, minesegsat::Error::Interrupted)) {
        return ExitCode::from(interrupt::EXIT_CODE);
    }
    ExitCode::FAILURE
}

/// Prints a line to stderr. A failure to print, on a full disk for example, is ignored.
pub(crate) fn print_message(line: std::fmt::Arguments<'_>) {
    let _ = writeln!(terminal::stderr(), "{line}");
}

/// Starts logging to stderr: warnings by default, more with `-v`, only errors with `-q`. `RUST_LOG` overrides both.
fn start_logging(cli: &Cli) {
    use tracing_subscriber::EnvFilter;

    let level = match (cli.quiet, cli.verbose) {
        (true, _) => "error",
        (false, 0) => "warn",
        (false, 1) => {
            "minesegsat=info,minesegsat::nn=info,minesegsat_onnx=info,minesegsat_server=info,minesegsat_cli=info,warn"
        }
        (false, _) => {
            "minesegsat=debug,minesegsat::nn=debug,minesegsat_onnx=debug,minesegsat_server=debug,minesegsat_cli=debug,info"
        }
    };
    let filter = EnvFilter::try_from_default_env().unwrap_or_else(|_| EnvFilter::new(level));
    let log = tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_writer(terminal::log)
        .log_internal_errors(false)
        .with_target(false);
    if matches!(&cli.command, Command::Serve(args) if args.log_json) {
        log.json().init();
    } else {
        log.with_ansi(std::io::stderr().is_terminal()).without_time().init();
    }
}
