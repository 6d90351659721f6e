//! Measurements of the appliance's parts. Nothing here is asserted: a figure is written down with its machine and date
//! (`docs/performance.md`), and read by people.
//!
//! `dmp-bench operator`: the operator's own binary on a real etcd, kube-apiserver and OpenBao, with a hundred groups; then the evaluator.
//! `dmp-bench credentials`: the gateway's own binary beside it, with a hundred thousand credentials.
//! `dmp-bench revocation`: two hundred revocations on an appliance whose gateways are busy, then renewals.
//! `dmp-bench admission`: requests to a real API server with the product's admission policies and without them.
//! As in the test kit, a failed precondition panics; this crate is never linked into a product.

mod admission;
mod credentials;
mod evaluation;
mod gateway;
mod measure;
mod nodes;
mod operator;
mod report;
mod revocation;
mod world;

use std::path::PathBuf;

use clap::{Parser, Subcommand};

#[derive(Parser)]
#[command(name = "dmp-bench", about = "Measurements of the appliance's parts")]
struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// What the admission policies cost a request.
    Admission(admission::Options),
    /// The control plane: many health groups on a real API server.
    Operator(operator::Options),
    /// A gateway and the operator with very many credentials.
    Credentials(credentials::Options),
    /// How long revoked software is still answered, under load, on an appliance.
    Revocation(revocation::Options),
}

#[tokio::main]
async fn main() {
    dmp_core::install_crypto_provider();
    match Arguments::parse().command {
        Command::Admission(options) => {
            let Some(table) = admission::run(&options).await else {
                std::process::exit(1);
            };
            println!("{table}");
            if let Some(path) = &options.write {
                report::replace(path, "admission", &table);
            }
        }
        Command::Operator(options) => {
            let out: Option<PathBuf> = options.write.clone();
            let Some(table) = operator::run(&options).await else {
                std::process::exit(1);
            };
            println!("{table}");
            if let Some(path) = out {
                report::replace(&path, &format!("operator {}", options.groups), &table);
            }
        }
        Command::Credentials(options) => {
            let Some(table) = credentials::run(&options).await else {
                std::process::exit(1);
            };
            println!("{table}");
            if let Some(path) = &options.write {
                report::replace(path, "credentials", &table);
            }
        }
        Command::Revocation(options) => {
            let table = revocation::run(&options).await;
            println!("{table}");
            if let Some(path) = &options.write {
                report::replace(path, "revocation", &table);
            }
        }
    }
}
