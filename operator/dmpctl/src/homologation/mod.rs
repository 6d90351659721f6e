//! `dmpctl homologation`: what bodies sign. Offline: it reads a key and files, and prints; the cluster, the guichet or a
//! colleague gets the output. The key leaves this machine in no form.

mod lift;
pub(crate) mod sign;
mod surveillance;
mod system;

pub use lift::{LiftOptions, lift};
pub use sign::{
    ApproveOptions, CountersignOptions, EndorseOptions, ReviewOptions, SignatureOptions, approve,
    countersign, endorse, review,
};
pub use surveillance::{AcceptOptions, CloseOptions, accept_evidence, close_non_conformity};
pub use system::{SystemCommand, system};

use clap::Subcommand;
use dmp_conformance::suite::{Profile, Suite};
use serde_json::{Value, json};

use crate::error::{CliError, Result};
use crate::kubernetes::ClusterOptions;

#[derive(Subcommand, Debug)]
pub enum HomologationCommand {
    /// Sign a review, or with --decision the body's decision; prints a HomologationReview
    Review(Box<ReviewOptions>),
    /// Sign a programme; prints the JWS for spec.signatures
    ApproveProgramme(ApproveOptions),
    /// Sign the body's next authority with the present one's key; prints the JWS for its endorsement
    Endorse(EndorseOptions),
    /// Sign a supervised run as a laboratory, after its bundle was judged again; prints a ConformanceRun
    Countersign(CountersignOptions),
    /// Sign the end of a revocation as a deciding body; prints a RevocationLift
    Lift(LiftOptions),
    /// Accept a later document in the place of one that was handed in, as a body; prints a HomologationReview
    AcceptEvidence(AcceptOptions),
    /// Sign that a non-conformity is mended, as a deciding body; prints a NonConformityAnswer
    CloseNonConformity(CloseOptions),
    /// Sign whether the platform itself, or a group, may open; prints a SystemHomologation
    #[command(subcommand)]
    System(Box<SystemCommand>),
    /// The profiles of this release's conformance suite, as ConformanceProfiles for the agency to apply
    Profiles,
    /// The platform's conformance suite, for `Platform.spec.bodies` (needs the cluster)
    SuiteBody,
}

/// # Errors
/// Says what is missing.
pub async fn run(cluster: &ClusterOptions, command: &HomologationCommand) -> Result<()> {
    let text = match command {
        HomologationCommand::Review(options) => review(options)?,
        HomologationCommand::ApproveProgramme(options) => approve(options)?,
        HomologationCommand::Endorse(options) => endorse(options)?,
        HomologationCommand::Countersign(options) => countersign(options)?,
        HomologationCommand::Lift(options) => lift(options)?,
        HomologationCommand::AcceptEvidence(options) => accept_evidence(options)?,
        HomologationCommand::CloseNonConformity(options) => close_non_conformity(options)?,
        HomologationCommand::System(command) => system(command)?,
        HomologationCommand::Profiles => format!(
            "{:#}",
            json!({ "apiVersion": "v1", "kind": "List", "items": profiles()? })
        ),
        HomologationCommand::SuiteBody => {
            let client = crate::kubernetes::connect(cluster).await?;
            format!(
                "{:#}",
                suite_body(&crate::install::openbao::suite_ca(&client).await?)
            )
        }
    };
    println!("{text}");
    Ok(())
}

/// The body `suite`: the platform itself, with its authority (PEM).
pub fn suite_body(authority: &str) -> Value {
    json!({
        "role": "suite",
        // No legal person: its identifier is all zeros.
        "organisation": { "name": "Suite de conformité du DMP", "ice": "000000000000000" },
        "anchors": [{ "certificate": authority }],
    })
}

/// Each profile of the suite as a custom resource.
///
/// # Errors
/// `suite-damaged` when this program was built from damaged files.
pub fn profiles() -> Result<Vec<Value>> {
    let suite = Suite::embedded()
        .map_err(|source| CliError::new("suite-damaged", source.to_string(), "build dmpctl again"))?;
    let resource = |profile: &Profile| {
        let (name, spec) = dmp_homologation::profile::of(profile);
        json!({
            "apiVersion": "dmp.ma/v1alpha1",
            "kind": "ConformanceProfile",
            "metadata": { "name": name },
            "spec": spec,
        })
    };
    Ok(suite.profiles().iter().map(resource).collect())
}
