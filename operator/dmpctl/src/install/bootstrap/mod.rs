//! What OpenBao needs from the one who installs, once: recovery shares and root CA into their hands, intermediates,
//! roles of the certificates, the demonstration's people when asked for; then its own rights are removed.
//!
//! A second run finds the role gone and does nothing. An interrupted run is done again from the beginning, except
//! for the recovery shares, which OpenBao gives once.

pub mod client;
pub mod custody;
pub mod people;
mod pki;

use std::path::{Path, PathBuf};

use serde_json::json;

use crate::error::CliError;
use client::{OpenBao, OpenBaoError};
use custody::Custody;

/// The role of the run, and its ServiceAccount in `dmp-system`.
pub const ROLE: &str = "dmp-system.dmp-bootstrap";
pub const SERVICE_ACCOUNT: &str = "dmp-bootstrap";

/// What depends on the platform.
#[derive(Clone, Debug)]
pub struct Plan {
    /// Trust domain.
    pub domain: String,
    /// Names and addresses of the gateway outside the domain and the private ranges.
    pub public_names: Vec<String>,
    /// Whether synthetic people may log in.
    pub demonstration: bool,
}

/// The policies that the run writes, from `manifests/openbao/policies`.
pub struct Policies<'a> {
    pub person: &'a str,
    pub demo: &'a str,
}

#[derive(Debug)]
pub enum Outcome {
    /// Done by this run; recovery shares and root CA are in the folder.
    Done(PathBuf),
    /// An earlier run had finished.
    Before,
}

#[derive(Debug, thiserror::Error)]
pub enum BootstrapError {
    #[error(transparent)]
    OpenBao(#[from] OpenBaoError),
    #[error("{}", .0.message)]
    Custody(#[source] CliError),
    #[error("OpenBao has given its recovery shares before, but they are not in `{0}`")]
    SharesLost(PathBuf),
}

impl BootstrapError {
    /// With what to do, for the terminal.
    pub fn for_people(self) -> CliError {
        match self {
            Self::Custody(error) => error,
            Self::SharesLost(_) => CliError::new(
                "recovery-shares-lost",
                self.to_string(),
                "name the folder of the interrupted run with --custody; if it is lost, nothing depends on this OpenBao \
                 yet: delete StatefulSet `openbao` and its volumes `data-openbao-0`, `audit-openbao-0`, and install again",
            ),
            Self::OpenBao(error) => CliError::new(
                "openbao-bootstrap",
                "OpenBao could not be set up",
                "look at the message and at `kubectl -n dmp-system logs openbao-0`, then run the command again",
            )
            .because(error),
        }
    }
}

/// Does what is left to do. `say` tells what it is at.
///
/// # Errors
/// See [`BootstrapError`]; the run can be repeated.
pub async fn run(
    bao: &mut OpenBao,
    jwt: &str,
    plan: &Plan,
    policies: &Policies<'_>,
    custody_base: &Path,
    say: impl Fn(&'static str) + Send,
) -> Result<Outcome, BootstrapError> {
    say("logging in as dmp-bootstrap");
    if !bao.log_in(ROLE, jwt).await? {
        return Ok(Outcome::Before);
    }
    let cluster = bao.cluster_id().await?;
    let custody = Custody::open(custody_base, &cluster).map_err(BootstrapError::Custody)?;
    say("recovery shares");
    recovery_shares(bao, &custody).await?;
    say("root CA and intermediates");
    pki::authorities(bao, &custody).await?;
    say("roles of the certificates");
    pki::roles(bao, plan).await?;
    if plan.demonstration {
        say("the demonstration's people");
        people::create(bao, policies.person, policies.demo).await?;
    }
    say("removing its own rights");
    // Without the role nobody can have the policy again; a run that ends here has finished.
    bao.delete(&format!("auth/kubernetes/role/{ROLE}")).await?;
    bao.delete("sys/policies/acl/bootstrap").await?;
    bao.write("auth/token/revoke-self", &json!({})).await?;
    Ok(Outcome::Done(custody.folder().to_owned()))
}

/// Three shares of which two are needed. OpenBao tells them once.
async fn recovery_shares(bao: &OpenBao, custody: &Custody) -> Result<(), BootstrapError> {
    if custody.has_shares() {
        return Ok(());
    }
    let path = "sys/rotate/recovery/init";
    let answer = bao
        .write(path, &json!({ "secret_shares": 3, "secret_threshold": 2 }))
        .await?;
    let shares: Option<Vec<String>> = answer
        .pointer("/data/keys_base64")
        .and_then(|keys| serde_json::from_value(keys.clone()).ok());
    let Some(shares) = shares.filter(|shares| shares.len() == 3) else {
        // There were shares already: it asks for them instead of telling new ones.
        bao.delete(path).await?;
        return Err(BootstrapError::SharesLost(custody.folder().to_owned()));
    };
    custody.write_shares(&shares).map_err(BootstrapError::Custody)
}
