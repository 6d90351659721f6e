//! Does the API server serve the CRDs this operator was built for?
//!
//! An older schema drops fields it does not know without a word, a credential's certificate or a condition among
//! them. So nothing is reconciled before every field of this version is served, and no longer when that ends.

use std::time::Duration;

use k8s_openapi::apiextensions_apiserver::pkg::apis::apiextensions::v1::CustomResourceDefinition;
use kube::{Api, Client, ResourceExt};
use tokio::sync::watch;

/// Between two looks.
const INTERVAL: Duration = Duration::from_secs(30);
/// Between two looks while it is not right: an installation is going on.
const IMPATIENT: Duration = Duration::from_secs(2);

/// Why the operator does not reconcile.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Outdated {
    #[error("the served schema has not been looked at yet")]
    Unknown,
    #[error("the API server does not answer")]
    Unreachable,
    #[error("CRD `{0}` is not installed: run `dmpctl install`")]
    Missing(String),
    #[error(
        "CRD `{name}` is older than this operator, it lacks `{first}` and {more} more: run `dmpctl install`"
    )]
    Older {
        name: String,
        first: String,
        more: usize,
    },
}

/// Compares every CRD once.
///
/// # Errors
/// The first difference that matters.
pub async fn check(client: &Client) -> Result<(), Outdated> {
    let api = Api::<CustomResourceDefinition>::all(client.clone());
    for own in dmp_api::crds() {
        let name = own.name_any();
        let served = match api.get_opt(&name).await {
            Ok(Some(served)) => served,
            Ok(None) => return Err(Outdated::Missing(name)),
            Err(error) => {
                tracing::warn!(%error, "CRDs cannot be read");
                return Err(Outdated::Unreachable);
            }
        };
        let missing = dmp_api::schema::missing(&own, &served);
        if let Some(first) = missing.first() {
            return Err(Outdated::Older {
                name,
                first: first.clone(),
                more: missing.len() - 1,
            });
        }
    }
    Ok(())
}

/// Looks for ever and tells; an API server that is silent for a while changes nothing.
pub async fn run(client: Client, state: watch::Sender<Result<(), Outdated>>) {
    loop {
        let now = check(&client).await;
        let was = state.borrow().clone();
        let silent = now == Err(Outdated::Unreachable) && was.is_ok();
        if !silent && now != was {
            match &now {
                Ok(()) => tracing::info!("the served schema is this operator's"),
                Err(error) => tracing::error!(%error, "not reconciling"),
            }
            let _previous = state.send_replace(now.clone());
        }
        tokio::time::sleep(if now.is_ok() { INTERVAL } else { IMPATIENT }).await;
    }
}
