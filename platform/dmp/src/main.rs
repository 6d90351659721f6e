//! The one binary of the platform: `dmp <service>` runs a service, nothing else is decided here.

mod print;

use std::error::Error;
use std::path::PathBuf;
use std::process::ExitCode;

use clap::{Parser, ValueEnum};

/// A build that writes plaintext says so in its version, and at every start.
const PLAINTEXT: bool = cfg!(feature = "plaintext-at-rest");
const VERSION: &str = if PLAINTEXT {
    concat!(env!("CARGO_PKG_VERSION"), "+plaintext-at-rest")
} else {
    env!("CARGO_PKG_VERSION")
};

/// The services of the DMP platform.
#[derive(Parser)]
#[command(version = VERSION)]
struct Arguments {
    /// The service to run.
    service: Service,
    /// Its configuration; `DMP_<SECTION>__<KEY>` in the environment overrides a key.
    #[arg(long, default_value = "/etc/dmp/config.toml")]
    config: PathBuf,
    /// Print the configuration in force (secrets hidden) and end.
    #[arg(long)]
    print_config: bool,
}

#[derive(Clone, Copy, ValueEnum)]
enum Service {
    Registry,
    Records,
    Consent,
    Audit,
    Gateway,
}

fn main() -> ExitCode {
    dmp_core::install_crypto_provider();
    let arguments = Arguments::parse();
    if PLAINTEXT {
        eprintln!(
            "dmp: this build writes records UNENCRYPTED; it is for the test that must find them, nothing else"
        );
    }
    let outcome = if arguments.print_config {
        print_config(&arguments)
    } else {
        run(&arguments)
    };
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            // the log may not have been started yet
            eprintln!("dmp: {}", dmp_core::problem::Chain(&*error));
            ExitCode::FAILURE
        }
    }
}

fn run(arguments: &Arguments) -> Result<(), Box<dyn Error>> {
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    let config = arguments.config.as_path();
    runtime.block_on(async {
        match arguments.service {
            Service::Registry => dmp_registry::run(config).await?,
            Service::Records => dmp_records::run(config).await?,
            Service::Consent => dmp_consent::run(config).await?,
            Service::Audit => dmp_audit::run(config).await?,
            Service::Gateway => dmp_gateway::run(config).await?,
        }
        Ok(())
    })
}

fn print_config(arguments: &Arguments) -> Result<(), Box<dyn Error>> {
    print!("{}", print::config(&arguments.config)?);
    Ok(())
}
