//! Reads the product, the versions and credentials of the vendor, and what the bodies say of lifting it.

use dmp_api::{Solution, SolutionCredential, SolutionRevocation, SolutionVersion};
use dmp_homologation::lift::Verdict;
use kube::Api;

use crate::controller::Context;
use crate::{dossier, lifts};

#[derive(Debug, thiserror::Error)]
#[error("the API server does not answer")]
pub struct Error(#[from] kube::Error);

/// What there is.
#[derive(Debug)]
pub struct Found {
    /// The product, or something of the vendor, is there.
    pub known: bool,
    /// The vendor's, when a version is named.
    pub versions: Vec<SolutionVersion>,
    /// The vendor's.
    pub credentials: Vec<SolutionCredential>,
    pub verdict: Verdict,
}

/// # Errors
/// When the API server cannot be asked.
pub async fn dereference(context: &Context, revocation: &SolutionRevocation) -> Result<Found, Error> {
    let all = lifts::all(context).await?;
    let bodies = dossier::bodies(context).await?;
    let verdict = lifts::verdict(context, revocation, &all, &bodies).await?;
    let Some(namespace) = revocation.spec.namespace() else {
        return Ok(Found {
            known: false,
            versions: Vec::new(),
            credentials: Vec::new(),
            verdict,
        });
    };
    let known = match revocation
        .spec
        .solution
        .as_deref()
        .and_then(|named| named.split_once('/'))
    {
        Some((_, name)) => {
            let api = Api::<Solution>::namespaced(context.client.clone(), &namespace);
            api.get_opt(name).await?.is_some()
        }
        None => {
            let solutions: Vec<Solution> = dossier::namespaced(context, &namespace).await?;
            !solutions.is_empty()
        }
    };
    let versions = match &revocation.spec.version {
        Some(_) => dossier::namespaced(context, &namespace).await?,
        None => Vec::new(),
    };
    Ok(Found {
        known,
        versions,
        credentials: dossier::namespaced(context, &namespace).await?,
        verdict,
    })
}
