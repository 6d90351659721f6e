//! The ground of a site: which nodes its pods may run on, by its signed inventory ([`dmp_homologation::inventory`]).
//!
//! Who renders binds pods to these nodes by name: no label that somebody sets moves them. A site without an inventory binds
//! nothing, and control DMP-RES-01 fails. Nodes are read, never written.

use dmp_api::{PlatformSpec, SiteInventory};
use dmp_homologation::inventory::{Ground, Inventories, ground, machine};
use dmp_homologation::statement::Machine;
use dmp_homologation::{Bodies, carrier};
use k8s_openapi::api::core::v1::Node;
use kube::api::ListParams;
use kube::{Api, Client};
use serde_json::{Value, json};

use crate::guard::Guarded;

/// The ground of a site; `None` without an inventory in force.
///
/// # Errors
/// When the API server cannot be asked.
pub async fn read(
    client: &Client,
    platform: &PlatformSpec,
    site: &str,
) -> Result<Option<Ground>, kube::Error> {
    // The API server has an index of this field (`selectable` of the kind).
    let of = ListParams::default().fields(&format!("spec.site={site}"));
    let api = Api::<Guarded<SiteInventory>>::all(client.clone());
    let found = api.list(&of).await?.items;
    if found.is_empty() {
        return Ok(None);
    }
    let bodies = Bodies::new(&platform.bodies);
    let objects = found.iter().filter_map(|Guarded(object)| object.as_ref().ok());
    let read = objects.map(|object| (object, carrier::read(object, &bodies)));
    let inventories = Inventories::new(read, &platform.domain);
    let Some(inventory) = inventories.in_force(site) else {
        return Ok(None);
    };
    Ok(Some(ground(inventory, &machines(client).await?)))
}

async fn machines(client: &Client) -> Result<Vec<Machine>, kube::Error> {
    let nodes = Api::<Node>::all(client.clone())
        .list(&ListParams::default())
        .await?;
    Ok(nodes.items.iter().map(machine).collect())
}

/// `nodeAffinity` of a pod: these nodes and no other. By their names (`matchFields` takes one each), which nobody can give a node
/// that is there.
pub fn affinity(nodes: &[String]) -> Value {
    let term = |node: &String| json!({ "matchFields": [{ "key": "metadata.name", "operator": "In", "values": [node] }] });
    let terms: Vec<_> = nodes.iter().map(term).collect();
    json!({ "requiredDuringSchedulingIgnoredDuringExecution": { "nodeSelectorTerms": terms } })
}
