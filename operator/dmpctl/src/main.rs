//! The program `dmpctl`: wires the library to the terminal.

use std::process::ExitCode;

fn main() -> ExitCode {
    dmpctl::run()
}
