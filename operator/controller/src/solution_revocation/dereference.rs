//! Reads the solution and the credentials of its namespace.

use dmp_api::{Solution, SolutionCredential, SolutionRevocation};
use kube::Api;
use kube::api::ListParams;

use crate::controller::Context;
use crate::guard::Guarded;

#[derive(Debug, thiserror::Error)]
#[error("the API server does not answer")]
pub struct Error(#[from] kube::Error);

/// What there is.
#[derive(Debug, Default)]
pub struct Found {
    pub solution: Option<Solution>,
    pub credentials: Vec<SolutionCredential>,
}

/// # Errors
/// When the API server cannot be asked.
pub async fn dereference(context: &Context, revocation: &SolutionRevocation) -> Result<Found, Error> {
    let Some((namespace, name)) = revocation.spec.solution.split_once('/') else {
        return Ok(Found::default());
    };
    let solution = Api::<Solution>::namespaced(context.client.clone(), namespace)
        .get_opt(name)
        .await?;
    let api = Api::<Guarded<SolutionCredential>>::namespaced(context.client.clone(), namespace);
    let credentials = api.list(&ListParams::default()).await?.items;
    let credentials = credentials
        .into_iter()
        .filter_map(|Guarded(credential)| credential.ok())
        .collect();
    Ok(Found {
        solution,
        credentials,
    })
}
