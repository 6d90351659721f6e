//! `dmp-operator`: wires arguments to the libraries. `run` is the operator; `evaluate` is the evaluator, another process under
//! another account; `openbao-tls` prepares OpenBao's pod.

use std::process::ExitCode;

use clap::{Parser, Subcommand};
use dmp_core::problem::Chain;

#[derive(Parser)]
#[command(name = "dmp-operator", version, about = "Operator of the DMP appliance")]
struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Reconcile, and serve the facts stream.
    Run(Box<dmp_operator::config::OperatorConfig>),
    /// Say which controls of the catalogue hold on this platform.
    Evaluate(dmp_evaluator::config::EvaluatorConfig),
    /// Make the certificate of OpenBao's listener and publish it.
    OpenbaoTls(dmp_operator::openbao_tls::OpenbaoTls),
}

#[tokio::main]
async fn main() -> ExitCode {
    dmp_core::install_crypto_provider();
    match run(Arguments::parse().command).await {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            tracing::error!(error = %Chain(&*error), "ended");
            eprintln!("dmp-operator: {}", Chain(&*error));
            ExitCode::FAILURE
        }
    }
}

async fn run(command: Command) -> Result<(), Box<dyn std::error::Error>> {
    match command {
        Command::Run(config) => Ok(dmp_operator::run::run(*config).await?),
        Command::Evaluate(config) => Ok(dmp_evaluator::run::run(config).await?),
        Command::OpenbaoTls(arguments) => {
            dmp_core::telemetry::init();
            let client = kube::Client::try_default().await?;
            Ok(dmp_operator::openbao_tls::run(&arguments, client).await?)
        }
    }
}
