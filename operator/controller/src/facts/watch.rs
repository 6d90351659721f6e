//! List and watch of one kind into the index. Written on the bare API: the resource versions of lists and bookmarks,
//! which the numbering needs, do not come through `kube::runtime`'s watcher.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use futures::StreamExt;
use kube::api::{Api, ListParams, WatchEvent, WatchParams};
use kube::{Resource, ResourceExt};
use serde::de::DeserializeOwned;
use tokio::sync::Notify;

use super::index::{Change, Index, Table};
use crate::guard::Guarded;

const PAGE: u32 = 500;
/// The API server ends a watch after this; it then goes on from where it was.
const WATCH_SECONDS: u32 = 240;
const RETRY: Duration = Duration::from_millis(500);

/// The index of this replica, and the bell that rings when it changes. A clone is the same.
#[derive(Clone, Default)]
pub struct Shared {
    index: Arc<Mutex<Index>>,
    pub changed: Arc<Notify>,
}

impl Shared {
    /// Looks at the index, or changes it.
    pub fn with<T>(&self, look: impl FnOnce(&mut Index) -> T) -> T {
        look(&mut self.index.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

/// Follows one kind for ever.
pub async fn follow<K>(
    api: Api<Guarded<K>>,
    only: Option<&str>,
    shared: Shared,
    table: fn(&mut Index) -> &mut Table<K>,
) where
    K: Resource<DynamicType = ()> + Clone + std::fmt::Debug + DeserializeOwned + Send + 'static,
{
    let selector = only.map(|name| format!("metadata.name={name}"));
    let take = |change: Change<K>| {
        if shared.with(|index| table(index).take(change)) {
            shared.changed.notify_one();
        }
    };
    loop {
        let version = match list(&api, selector.as_deref()).await {
            Ok((objects, version)) => {
                take(Change::Listed(objects, version.clone()));
                version
            }
            Err(error) => {
                tracing::warn!(kind = %K::kind(&()), %error, "cannot be listed");
                tokio::time::sleep(RETRY).await;
                continue;
            }
        };
        let mut version = version.unwrap_or_else(|| "0".to_owned());
        while let Some(next) = watch(&api, selector.as_deref(), &version, take).await {
            version = next;
        }
        tokio::time::sleep(RETRY).await;
    }
}

async fn list<K>(
    api: &Api<Guarded<K>>,
    selector: Option<&str>,
) -> Result<(Vec<Guarded<K>>, Option<String>), kube::Error>
where
    K: Resource<DynamicType = ()> + Clone + std::fmt::Debug + DeserializeOwned,
{
    let mut objects = Vec::new();
    let mut parameters = ListParams {
        field_selector: selector.map(ToOwned::to_owned),
        ..ListParams::default()
    };
    parameters.limit = Some(PAGE);
    loop {
        let page = api.list(&parameters).await?;
        objects.extend(page.items);
        match page.metadata.continue_.filter(|token| !token.is_empty()) {
            Some(token) => parameters.continue_token = Some(token),
            None => return Ok((objects, page.metadata.resource_version)),
        }
    }
}

/// One watch, until the server ends it: the version to go on from, or `None` when a list is due.
async fn watch<K>(
    api: &Api<Guarded<K>>,
    selector: Option<&str>,
    version: &str,
    take: impl Fn(Change<K>),
) -> Option<String>
where
    K: Resource<DynamicType = ()> + Clone + std::fmt::Debug + DeserializeOwned,
{
    let parameters = WatchParams {
        field_selector: selector.map(ToOwned::to_owned),
        ..WatchParams::default().timeout(WATCH_SECONDS)
    };
    let mut version = version.to_owned();
    let stream = match api.watch(&parameters, &version).await {
        Ok(stream) => stream,
        Err(error) => {
            tracing::warn!(kind = %K::kind(&()), %error, "cannot be watched");
            return None;
        }
    };
    let mut stream = std::pin::pin!(stream);
    while let Some(event) = stream.next().await {
        let change = match event {
            Ok(WatchEvent::Added(object) | WatchEvent::Modified(object)) => Change::Applied(object),
            Ok(WatchEvent::Deleted(object)) => Change::Deleted(object),
            Ok(WatchEvent::Bookmark(bookmark)) => Change::Bookmark(bookmark.metadata.resource_version),
            Ok(WatchEvent::Error(status)) => {
                tracing::debug!(kind = %K::kind(&()), code = status.code, "watch ended");
                return None;
            }
            Err(error) => {
                tracing::warn!(kind = %K::kind(&()), %error, "watch broke");
                return None;
            }
        };
        match &change {
            Change::Applied(object) | Change::Deleted(object) => {
                version = object.resource_version().unwrap_or(version);
            }
            Change::Bookmark(newer) => version.clone_from(newer),
            Change::Listed(..) => {}
        }
        take(change);
    }
    Some(version)
}
