//! The `minesegsat` command-line program.

fn main() -> std::process::ExitCode {
    minesegsat_cli::run_program(std::env::args_os())
}
