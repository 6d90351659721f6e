//! `dmpctl`: the command line of the appliance, for all roles.
//!
//! Data goes to standard output, what happens meanwhile to standard error. An error says what is missing and what
//! to do, with a stable code. The steps of installation and demonstration are functions, which the end-to-end
//! tests call as well.
//!
//! Not here: how a machine becomes a cluster (`dmp-appliance`), what the operator does, any decision about access.

pub mod catalogue;
pub mod cli;
pub mod compliance;
pub mod demo;
pub mod embedded;
pub mod error;
mod files;
pub mod homologation;
pub mod images;
pub mod incident;
pub mod install;
pub mod kubernetes;
pub mod label;
pub mod preflight;
pub mod scan;
pub mod site;
pub mod solution;
pub mod status;
pub mod support;
mod terminal;
pub mod trail;
pub mod uninstall;
pub mod up;
pub mod upgrade;

use std::process::ExitCode;

use clap::Parser as _;

pub use error::CliError;

/// Parses the command line, runs the command, prints its error with the remedy.
pub fn run() -> ExitCode {
    terminal::end_with_the_reader();
    // Before any TLS: kube and reqwest take the process's provider.
    if rustls::crypto::aws_lc_rs::default_provider()
        .install_default()
        .is_err()
    {
        eprintln!("dmpctl: another TLS provider was installed first");
        return ExitCode::FAILURE;
    }
    let arguments = cli::Arguments::parse();
    let runtime = match tokio::runtime::Builder::new_multi_thread().enable_all().build() {
        Ok(runtime) => runtime,
        Err(error) => {
            eprintln!("dmpctl: the runtime did not start: {error}");
            return ExitCode::FAILURE;
        }
    };
    match runtime.block_on(cli::dispatch(arguments)) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("{}", error.for_people());
            ExitCode::FAILURE
        }
    }
}
