//! The list that admission reads: one ConfigMap, written when it is another one than it should be.

use dmp_api::names::{ADMITTED_IMAGES, SYSTEM_NAMESPACE};
use dmp_homologation::images::Admitted;
use k8s_openapi::api::core::v1::ConfigMap;
use kube::api::{Patch, PatchParams};
use kube::{Api, Client, ResourceExt as _};
use serde_json::json;

use crate::controller::manager;

/// Annotation: the release that the list is of.
const RELEASE: &str = "dmp.ma/image-release";

/// # Errors
/// When the API server cannot be asked, or refuses.
pub async fn keep(client: &Client, admitted: &Admitted) -> Result<(), kube::Error> {
    let api = Api::<ConfigMap>::namespaced(client.clone(), SYSTEM_NAMESPACE);
    let wanted = admitted.parameters();
    let live = api.get_opt(ADMITTED_IMAGES).await?;
    let is_it = |live: &ConfigMap| {
        live.data.as_ref() == Some(&wanted) && live.annotations().get(RELEASE) == Some(&admitted.release)
    };
    if live.as_ref().is_some_and(is_it) {
        return Ok(());
    }
    let list = json!({
        "apiVersion": "v1", "kind": "ConfigMap",
        "metadata": {
            "name": ADMITTED_IMAGES,
            "labels": { "app.kubernetes.io/part-of": "dmp", "app.kubernetes.io/managed-by": "dmp-operator" },
            "annotations": { RELEASE: admitted.release },
        },
        "data": wanted,
    });
    // What somebody else added goes too: a field manager's apply leaves it.
    let foreign = live.iter().flat_map(|live| live.data.iter().flatten());
    let foreign: Vec<&String> = foreign
        .map(|(key, _)| key)
        .filter(|key| !wanted.contains_key(*key))
        .collect();
    if !foreign.is_empty() {
        let none = foreign
            .into_iter()
            .map(|key| (key.clone(), serde_json::Value::Null));
        let gone = json!({ "data": serde_json::Map::from_iter(none) });
        api.patch(ADMITTED_IMAGES, &PatchParams::default(), &Patch::Merge(gone))
            .await?;
    }
    let by = PatchParams::apply(&manager::<super::ImageReleases>()).force();
    api.patch(ADMITTED_IMAGES, &by, &Patch::Apply(list)).await?;
    tracing::info!(
        release = admitted.release,
        images = wanted.len(),
        "the images that may run"
    );
    Ok(())
}
