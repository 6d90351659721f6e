//! The one binary of the platform: `dmp <service>` runs a service, `dmp probe` tries the network. Nothing else is decided
//! here.

mod print;
mod probe;

use std::error::Error;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use clap::{Args, Parser, Subcommand};

/// A build that writes plaintext says so in its version, and at every start.
const PLAINTEXT: bool = cfg!(feature = "plaintext-at-rest");
const VERSION: &str = if PLAINTEXT {
    concat!(env!("CARGO_PKG_VERSION"), "+plaintext-at-rest")
} else {
    env!("CARGO_PKG_VERSION")
};

/// The services of the DMP platform, and the probe of its network.
#[derive(Parser)]
#[command(version = VERSION)]
struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Who patients, professionals and establishments are.
    Registry(Start),
    /// The record store of a group.
    Records(Start),
    /// Who may see what.
    Consent(Start),
    /// The logs of all services, and the patient's trail.
    Audit(Start),
    /// The guichet: the conformance suite.
    Portal(Start),
    /// The only way in.
    Gateway(Start),
    /// Does the network enforce its policies?
    #[command(subcommand)]
    Probe(probe::Probe),
}

/// How a service is started.
#[derive(Args)]
struct Start {
    /// Its configuration; `DMP_<SECTION>__<KEY>` in the environment overrides a key.
    #[arg(long, default_value = "/etc/dmp/config.toml")]
    config: PathBuf,
    /// Print the configuration in force (secrets hidden) and end.
    #[arg(long)]
    print_config: bool,
}

fn main() -> ExitCode {
    dmp_core::install_crypto_provider();
    let arguments = Arguments::parse();
    if PLAINTEXT {
        eprintln!(
            "dmp: this build writes records UNENCRYPTED; it is for the test that must find them, nothing else"
        );
    }
    let outcome = run(&arguments.command);
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            // the log may not have been started yet
            eprintln!("dmp: {}", dmp_core::problem::Chain(&*error));
            ExitCode::FAILURE
        }
    }
}

fn run(command: &Command) -> Result<(), Box<dyn Error>> {
    match command {
        Command::Registry(start) => serve(start, dmp_registry::run),
        Command::Records(start) => serve(start, dmp_records::run),
        Command::Consent(start) => serve(start, dmp_consent::run),
        Command::Audit(start) => serve(start, dmp_audit::run),
        Command::Portal(start) => serve(start, dmp_portal::run),
        Command::Gateway(start) => serve(start, dmp_gateway::run),
        Command::Probe(probe) => {
            let runtime = tokio::runtime::Builder::new_current_thread()
                .enable_all()
                .build()?;
            Ok(runtime.block_on(probe::run(probe))?)
        }
    }
}

fn serve<E: Error + 'static>(
    start: &Start,
    service: impl AsyncFnOnce(&Path) -> Result<(), E>,
) -> Result<(), Box<dyn Error>> {
    if start.print_config {
        print!("{}", print::config(&start.config)?);
        return Ok(());
    }
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    Ok(runtime.block_on(service(&start.config))?)
}
