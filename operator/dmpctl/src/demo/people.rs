//! Log-ins of synthetic people: identity tokens of OpenBao's namespace `people`.

use aws_lc_rs::rand::SecureRandom as _;
use dmp_api::Platform;
use dmp_api::names::PLATFORM;
use kube::{Api, Client};
use serde_json::Value;

use crate::error::{CliError, Result};
use crate::install::bootstrap::people::identity_token;
use crate::install::openbao;

const ROLE: &str = "dmp-system.dmp-demo";
const SERVICE_ACCOUNT: &str = "dmp-demo";

/// Refuses unless `Platform.spec.demonstration` is on.
///
/// # Errors
/// `no-platform`, `not-a-demonstration`.
pub async fn require_demonstration(client: &Client) -> Result<Platform> {
    let api: Api<Platform> = Api::all(client.clone());
    let platform = api
        .get_opt(PLATFORM)
        .await
        .map_err(|source| CliError::kubernetes("reading the platform", source))?
        .ok_or_else(|| {
            CliError::new(
                "no-platform",
                "there is no Platform `national`",
                "run `make up`, or `dmpctl install --demonstration` and apply a Platform (manifests/samples)",
            )
        })?;
    if !platform.spec.demonstration {
        return Err(CliError::new(
            "not-a-demonstration",
            "synthetic people cannot log in: Platform.spec.demonstration is off",
            "turn it on for a platform without real patients: kubectl patch platform national --type=merge -p '{\"spec\":{\"demonstration\":true}}'",
        ));
    }
    Ok(platform)
}

/// An identity token (OIDC, 5 minutes) that says `claims`. The password is random and kept by nobody.
///
/// # Errors
/// `demonstration-not-installed` when OpenBao has no people.
pub async fn token(client: &Client, user: &str, claims: &Value) -> Result<String> {
    let jwt = openbao::service_account_token(client, SERVICE_ACCOUNT).await?;
    let mut bao = openbao::open(client).await?;
    let failed = |source| {
        CliError::new(
            "demonstration-log-in",
            format!("`{user}` could not log in at OpenBao"),
            "look at the message and at `kubectl -n dmp-system logs openbao-0`",
        )
        .because(source)
    };
    if !bao.log_in(ROLE, &jwt).await.map_err(failed)? {
        return Err(CliError::new(
            "demonstration-not-installed",
            "this platform was installed without the demonstration's people",
            "they are made at installation (`dmpctl install --demonstration`); later, with two recovery shares: docs/runbooks",
        ));
    }
    let mut password = [0u8; 24];
    aws_lc_rs::rand::SystemRandom::new()
        .fill(&mut password)
        .map_err(|_| {
            CliError::new(
                "randomness",
                "the system gives no random numbers",
                "check /dev/urandom",
            )
        })?;
    identity_token(&mut bao, user, &hex::encode(password), claims)
        .await
        .map_err(failed)
}
