//! Reads all objects of a kind page by page: thousands of groups or Services are never one answer. Not here: what is watched ([`crate::facts`]
//! needs the version of its list).

use std::fmt::Debug;

use kube::Api;
use kube::api::ListParams;
use serde::de::DeserializeOwned;

/// Objects of a page.
const PAGE: u32 = 500;

/// Shows every object once.
///
/// # Errors
/// When the API server does not answer or refuses.
pub(crate) async fn each<K>(api: &Api<K>, mut show: impl FnMut(&K) + Send) -> Result<(), kube::Error>
where
    K: Clone + Debug + DeserializeOwned + Sync,
{
    let mut parameters = ListParams::default().limit(PAGE);
    loop {
        let page = api.list(&parameters).await?;
        page.items.iter().for_each(&mut show);
        match page.metadata.continue_ {
            Some(token) if !token.is_empty() => parameters.continue_token = Some(token),
            _ => return Ok(()),
        }
    }
}
