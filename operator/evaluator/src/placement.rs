//! Where pods and volumes of the platform really are: each node under them, by the site whose signed inventory it stands in.
//!
//! No label is believed, and neither is what the operator says of a Site: the statements are read again.

use std::collections::BTreeMap;

use dmp_api::{Platform, SiteInventory};
use dmp_homologation::inventory::Inventories;
use dmp_homologation::{Bodies, carrier};
use k8s_openapi::api::core::v1::PersistentVolume;
use kube::{Api, Client, ResourceExt as _};

use crate::world::{Claim, Group, Namespace, Node, Pod, Read, list};

/// Pods that hold nothing, for some seconds: the network's probe runs wherever it is put.
const PROBES: &str = "network-probe";
/// What ties a volume to nodes.
const HOSTNAME: &str = "kubernetes.io/hostname";

/// What of a namespace is on the ground of one site.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Placement {
    pub namespace: String,
    /// The Site of its HealthGroup, or of the Platform.
    pub wanted: String,
    /// The site whose machines these are; empty when nobody signed for them, or nobody knows where a volume is.
    pub attested: String,
    /// Country of that site; empty with it.
    pub territory: String,
    pub pods: usize,
    pub volumes: usize,
    /// One of them.
    pub example: String,
}

/// A volume that is in use.
#[derive(Clone, Debug, Default)]
struct Volume {
    namespace: String,
    claim: String,
    /// The nodes that can reach it; empty when that is not said by node.
    nodes: Vec<String>,
}

/// What was read already.
pub(crate) struct Seen<'a> {
    pub platforms: Read<&'a [Platform]>,
    pub groups: Read<&'a [Group]>,
    pub sites: Read<&'a [dmp_api::Site]>,
    pub namespaces: Read<&'a [Namespace]>,
    pub pods: Read<&'a [Pod]>,
    pub claims: Read<&'a [Claim]>,
    pub nodes: Read<&'a [Node]>,
}

pub(crate) async fn read(client: &Client, seen: Seen<'_>) -> Read<Vec<Placement>> {
    let Some(platform) = seen.platforms?.first() else {
        return Ok(Vec::new());
    };
    let objects = Api::<SiteInventory>::all(client.clone());
    let objects = list(objects, "SiteInventories", |one| one).await?;
    let bodies = Bodies::new(&platform.spec.bodies);
    let read = objects
        .iter()
        .map(|object| (object, carrier::read(object, &bodies)));
    let inventories = Inventories::new(read, &platform.spec.domain);
    let volumes = volumes(client, seen.claims?).await?;
    let (groups, sites) = (seen.groups?, seen.sites?);
    let wanted = |space: &Namespace| {
        let group = groups.iter().find(|group| group.name == space.group);
        group.map_or_else(|| platform.spec.site.clone(), |group| group.site.clone())
    };
    let nodes: BTreeMap<&str, &str> = seen
        .nodes?
        .iter()
        .filter_map(|node| Some((node.name.as_str(), inventories.site_of(&node.machine)?)))
        .collect();
    let territory = |site: &str| {
        let site = sites.iter().find(|one| one.name_any() == site);
        site.map_or_else(String::new, |site| site.spec.territory.clone())
    };
    let spaces = seen.namespaces?.iter().filter(|space| space.ours);
    let spaces = spaces.map(|space| (space.name.as_str(), wanted(space))).collect();
    Ok(placed(&spaces, seen.pods?, &volumes, &nodes, territory))
}

/// `spaces`: namespaces of ours and the site each belongs on; `nodes`: the site of each node that stands in an inventory.
fn placed(
    spaces: &BTreeMap<&str, String>,
    pods: &[Pod],
    volumes: &[Volume],
    nodes: &BTreeMap<&str, &str>,
    territory: impl Fn(&str) -> String,
) -> Vec<Placement> {
    let mut found = BTreeMap::<(String, String), Placement>::new();
    let mut at = |namespace: &str, attested: &str, example: &str, pod: bool| {
        let Some(wanted) = spaces.get(namespace) else {
            return;
        };
        let key = (namespace.to_owned(), attested.to_owned());
        let placement = found.entry(key).or_insert_with(|| Placement {
            namespace: namespace.to_owned(),
            wanted: wanted.clone(),
            attested: attested.to_owned(),
            territory: territory(attested),
            example: example.to_owned(),
            ..Placement::default()
        });
        placement.pods += usize::from(pod);
        placement.volumes += usize::from(!pod);
    };
    let site = |node: &str| nodes.get(node).copied().unwrap_or_default();
    let bound = |pod: &&Pod| !pod.node.is_empty() && !pod.app.starts_with(PROBES);
    for pod in pods.iter().filter(bound) {
        at(&pod.namespace, site(&pod.node), &pod.name, true);
    }
    for volume in volumes {
        let mut sites = volume.nodes.iter().map(|node| site(node));
        let first = sites.next().unwrap_or_default();
        let attested = if sites.all(|one| one == first) { first } else { "" };
        at(&volume.namespace, attested, &volume.claim, false);
    }
    found.into_values().collect()
}

async fn volumes(client: &Client, claims: &[Claim]) -> Read<Vec<Volume>> {
    let nodes = |volume: PersistentVolume| (volume.name_any(), nodes_of(volume));
    let volumes = list(Api::all(client.clone()), "PersistentVolumes", nodes).await?;
    let mut volumes: BTreeMap<String, Vec<String>> = volumes.into_iter().collect();
    let bound = claims.iter().filter(|claim| !claim.volume.is_empty());
    Ok(bound
        .map(|claim| Volume {
            namespace: claim.namespace.clone(),
            claim: claim.name.clone(),
            nodes: volumes.remove(&claim.volume).unwrap_or_default(),
        })
        .collect())
}

/// Names of the nodes that a volume is tied to; a zone or a region is a label, and proves nothing.
fn nodes_of(volume: PersistentVolume) -> Vec<String> {
    let required = volume.spec.and_then(|spec| spec.node_affinity?.required);
    let terms = required.map(|required| required.node_selector_terms);
    let mut nodes = Vec::new();
    for term in terms.unwrap_or_default() {
        let by_label = term.match_expressions.into_iter().flatten();
        let by_name = term.match_fields.into_iter().flatten();
        let named = by_label
            .filter(|one| one.key == HOSTNAME)
            .chain(by_name.filter(|one| one.key == "metadata.name"));
        let mut named = named.filter(|one| one.operator == "In");
        match named.next() {
            Some(one) => nodes.extend(one.values.unwrap_or_default()),
            // Another way to reach it: nobody knows where it is.
            None => return Vec::new(),
        }
    }
    nodes
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    fn pod(namespace: &str, name: &str, app: &str, node: &str) -> Pod {
        Pod {
            namespace: namespace.to_owned(),
            name: name.to_owned(),
            app: app.to_owned(),
            node: node.to_owned(),
            ..Pod::default()
        }
    }

    fn volume(claim: &str, nodes: &[&str]) -> Volume {
        Volume {
            namespace: "dmp-a".to_owned(),
            claim: claim.to_owned(),
            nodes: nodes.iter().map(|&node| node.to_owned()).collect(),
        }
    }

    #[test]
    fn what_is_on_a_machine_is_where_its_inventory_says() {
        let spaces = BTreeMap::from([("dmp-a", "agadir-1".to_owned())]);
        let nodes = BTreeMap::from([("n1", "agadir-1"), ("n2", "agadir-1"), ("n3", "lyon-1")]);
        let pods = [
            pod("dmp-a", "records-1", "records", "n1"),
            pod("dmp-a", "records-2", "records", "n2"),
            pod("dmp-a", "records-3", "records", "n3"),
            pod("dmp-a", "records-4", "records", "stranger"),
            pod("dmp-a", "records-5", "records", ""),
            pod("dmp-a", "network-probe", "network-probe", "stranger"),
            pod("tools", "mine", "mine", "stranger"),
        ];
        let volumes = [
            volume("db-1", &["n1"]),
            volume("db-2", &["n1", "n2"]),
            volume("db-3", &["n1", "n3"]),
            volume("db-4", &[]),
        ];
        let territory = |site: &str| if site == "lyon-1" { "FR" } else { "MA" }.to_owned();
        let found = placed(&spaces, &pods, &volumes, &nodes, territory);
        let told: Vec<_> = found
            .iter()
            .map(|one| {
                (
                    one.attested.as_str(),
                    one.pods,
                    one.volumes,
                    one.example.as_str(),
                    one.territory.as_str(),
                )
            })
            .collect();
        assert_eq!(
            told,
            [
                ("", 1, 2, "records-4", "MA"),
                ("agadir-1", 2, 2, "records-1", "MA"),
                ("lyon-1", 1, 0, "records-3", "FR"),
            ]
        );
        assert!(found.iter().all(|one| one.wanted == "agadir-1"));
    }

    #[test]
    fn a_volume_is_where_every_way_to_it_leads() {
        let tied = |terms: Value| {
            let spec = json!({ "nodeAffinity": { "required": { "nodeSelectorTerms": terms } } });
            nodes_of(serde_json::from_value(json!({ "metadata": { "name": "v" }, "spec": spec })).unwrap())
        };
        let by = |key: &str, operator: &str, values: &[&str]| json!({ "key": key, "operator": operator, "values": values });
        let host = json!([{ "matchExpressions": [by(HOSTNAME, "In", &["n1"])] }]);
        assert_eq!(tied(host), ["n1"]);
        let name = json!([{ "matchFields": [by("metadata.name", "In", &["n2"])] }]);
        assert_eq!(tied(name), ["n2"]);
        for unknown in [
            json!([]),
            json!([{ "matchExpressions": [by("topology.kubernetes.io/zone", "In", &["z1"])] }]),
            json!([{ "matchExpressions": [by(HOSTNAME, "NotIn", &["n1"])] }]),
            json!([
                { "matchExpressions": [by(HOSTNAME, "In", &["n1"])] },
                { "matchExpressions": [by("topology.kubernetes.io/zone", "In", &["z1"])] },
            ]),
        ] {
            assert!(tied(unknown.clone()).is_empty(), "{unknown}");
        }
        let anywhere = json!({ "metadata": { "name": "v" }, "spec": {} });
        assert!(nodes_of(serde_json::from_value(anywhere).unwrap()).is_empty());
    }
}
