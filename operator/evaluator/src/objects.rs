//! A few facts of each object, and nothing else of it: of the texts in the platform's pods only whether admission refuses them.

use std::collections::BTreeSet;

use dmp_api::asset::DataClass;
use dmp_api::names::{CLASS_LABEL, GROUP_LABEL, OWNER_LABEL, PROTECTED_LABEL, PURPOSE_LABEL, VENDOR_LABEL};
use dmp_api::{HealthGroup, Mode};
use dmp_homologation::inventory::machine;
use dmp_homologation::statement::Machine;
use k8s_openapi::api::core::v1::{
    Namespace as KubeNamespace, Node as KubeNode, PersistentVolumeClaim, Pod as KubePod,
    Service as KubeService,
};
use k8s_openapi::api::networking::v1::NetworkPolicy;
use k8s_openapi::api::policy::v1::PodDisruptionBudget;
use kube::ResourceExt as _;
use serde_json::json;

use crate::images::{self, Running};
use crate::refused;

/// What an object's labels say of it; empty and `None` where they say nothing.
#[derive(Clone, Debug, Default)]
pub struct Labelled {
    pub owner: String,
    pub class: Option<DataClass>,
    pub purpose: String,
}

#[derive(Clone, Debug, Default)]
pub struct Namespace {
    pub name: String,
    /// Of the platform: `app.kubernetes.io/part-of=dmp`.
    pub ours: bool,
    /// Name of its HealthGroup; empty without.
    pub group: String,
    /// Of a vendor who signed up.
    pub vendors: bool,
    /// Of a plane: admission denies its deletion.
    pub protected: bool,
    /// Pod Security that is enforced; empty without.
    pub enforce: String,
    pub labelled: Labelled,
}

#[derive(Clone, Debug, Default)]
pub struct Pod {
    pub namespace: String,
    pub name: String,
    /// `app.kubernetes.io/name`, of a database CNPG's cluster.
    pub app: String,
    pub node: String,
    pub ready: bool,
    /// Shares its node's network, or one of its ports.
    pub on_host: bool,
    /// What its containers are made from; of a pod of somebody else nothing.
    pub images: Vec<Running>,
    /// What admission says of secrets in its texts; of a pod of somebody else nothing.
    pub secrets: Vec<&'static str>,
    /// What it says of its token.
    pub tokens: Vec<&'static str>,
}

#[derive(Clone, Debug, Default)]
pub struct Service {
    pub namespace: String,
    pub name: String,
    /// `ClusterIP`, `NodePort`, `LoadBalancer`, `ExternalName`.
    pub kind: String,
    pub external_ips: Vec<String>,
    pub labelled: Labelled,
}

/// A PersistentVolumeClaim.
#[derive(Clone, Debug, Default)]
pub struct Claim {
    pub namespace: String,
    pub name: String,
    /// Its PersistentVolume; empty before it has one.
    pub volume: String,
    pub labelled: Labelled,
}

/// A NetworkPolicy for all pods of its namespace that lets nothing pass.
#[derive(Clone, Debug, Default)]
pub struct Denial {
    pub namespace: String,
    pub ingress: bool,
    pub egress: bool,
}

/// A disruption budget, and which of our services it is about.
#[derive(Clone, Debug, Default)]
pub struct Budget {
    pub namespace: String,
    pub app: String,
}

#[derive(Clone, Debug, Default)]
pub struct Node {
    pub name: String,
    /// `topology.kubernetes.io/zone`; empty without.
    pub zone: String,
    pub machine: Machine,
}

/// A HealthGroup.
#[derive(Clone, Debug, Default)]
pub struct Group {
    pub name: String,
    pub site: String,
    /// There are patients in it.
    pub production: bool,
}

fn label<'o>(object: &'o impl kube::ResourceExt, name: &str) -> &'o str {
    object.labels().get(name).map_or("", String::as_str)
}

fn labelled(object: &impl kube::ResourceExt) -> Labelled {
    Labelled {
        owner: label(object, OWNER_LABEL).to_owned(),
        class: DataClass::parse(label(object, CLASS_LABEL)),
        purpose: label(object, PURPOSE_LABEL).to_owned(),
    }
}

pub(crate) fn namespace(object: KubeNamespace) -> Namespace {
    Namespace {
        protected: label(&object, PROTECTED_LABEL) == "true",
        labelled: labelled(&object),
        ours: label(&object, "app.kubernetes.io/part-of") == "dmp",
        group: label(&object, GROUP_LABEL).to_owned(),
        vendors: !label(&object, VENDOR_LABEL).is_empty(),
        enforce: label(&object, "pod-security.kubernetes.io/enforce").to_owned(),
        name: object.name_any(),
    }
}

pub(crate) fn pod(object: KubePod, ours: &BTreeSet<&str>) -> Pod {
    let app = match label(&object, "cnpg.io/cluster") {
        "" => label(&object, "app.kubernetes.io/name"),
        cluster => cluster,
    };
    let app = app.to_owned();
    let (namespace, name) = (object.namespace().unwrap_or_default(), object.name_any());
    let ready = object
        .status
        .as_ref()
        .and_then(|status| status.conditions.as_ref());
    let ready = ready.is_some_and(|conditions| {
        let mut conditions = conditions.iter();
        conditions.any(|condition| condition.type_ == "Ready" && condition.status == "True")
    });
    let mine = ours.contains(namespace.as_str());
    let images = if mine { images::of(&object) } else { Vec::new() };
    let spec = object.spec.unwrap_or_default();
    let ports = spec
        .containers
        .iter()
        .flat_map(|container| container.ports.iter().flatten());
    let on_host = spec.host_network == Some(true) || ports.into_iter().any(|port| port.host_port.is_some());
    let ours = mine.then(|| json!({ "spec": spec }));
    let said = |policy| {
        ours.as_ref()
            .map_or_else(Vec::new, |pod| refused::by(policy, pod))
    };
    Pod {
        namespace,
        name,
        app,
        node: spec.node_name.unwrap_or_default(),
        ready,
        on_host,
        images,
        secrets: said(refused::POD_SECRETS),
        tokens: said(refused::POD_TOKENS),
    }
}

pub(crate) fn service(object: KubeService) -> Service {
    let (namespace, name) = (object.namespace().unwrap_or_default(), object.name_any());
    let labelled = labelled(&object);
    let spec = object.spec.unwrap_or_default();
    Service {
        labelled,
        namespace,
        name,
        kind: spec.type_.unwrap_or_else(|| "ClusterIP".to_owned()),
        external_ips: spec.external_ips.unwrap_or_default(),
    }
}

pub(crate) fn claim(object: PersistentVolumeClaim) -> Claim {
    Claim {
        namespace: object.namespace().unwrap_or_default(),
        name: object.name_any(),
        labelled: labelled(&object),
        volume: object.spec.and_then(|spec| spec.volume_name).unwrap_or_default(),
    }
}

pub(crate) fn denial(object: NetworkPolicy) -> Option<Denial> {
    let namespace = object.namespace().unwrap_or_default();
    let spec = object.spec?;
    let everything = spec.pod_selector.is_none_or(|selector| {
        selector.match_labels.is_none_or(|labels| labels.is_empty())
            && selector.match_expressions.is_none_or(|list| list.is_empty())
    });
    let about = |kind: &str| spec.policy_types.iter().flatten().any(|one| one == kind);
    let ingress = about("Ingress") && spec.ingress.as_ref().is_none_or(Vec::is_empty);
    let egress = about("Egress") && spec.egress.as_ref().is_none_or(Vec::is_empty);
    (everything && (ingress || egress)).then_some(Denial {
        namespace,
        ingress,
        egress,
    })
}

pub(crate) fn budget(object: PodDisruptionBudget) -> Budget {
    let namespace = object.namespace().unwrap_or_default();
    let labels = object
        .spec
        .and_then(|spec| spec.selector?.match_labels)
        .unwrap_or_default();
    let app = labels
        .get("cnpg.io/cluster")
        .or_else(|| labels.get("app.kubernetes.io/name"));
    Budget {
        namespace,
        app: app.cloned().unwrap_or_default(),
    }
}

pub(crate) fn group(object: HealthGroup) -> Group {
    Group {
        name: object.name_any(),
        site: object.spec.site,
        production: object.spec.mode == Mode::Production,
    }
}

pub(crate) fn node(object: KubeNode) -> Node {
    Node {
        zone: label(&object, "topology.kubernetes.io/zone").to_owned(),
        machine: machine(&object),
        name: object.name_any(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn policy(spec: serde_json::Value) -> NetworkPolicy {
        serde_json::from_value(json!({ "metadata": { "name": "a", "namespace": "n" }, "spec": spec }))
            .unwrap()
    }

    #[test]
    fn a_policy_denies_when_it_is_for_every_pod_and_opens_nothing() {
        let both = json!({ "podSelector": {}, "policyTypes": ["Ingress", "Egress"] });
        let found = denial(policy(both)).unwrap();
        assert!(found.ingress && found.egress);
        let one = denial(policy(
            json!({ "podSelector": {}, "policyTypes": ["Ingress"], "ingress": [] }),
        ))
        .unwrap();
        assert!(one.ingress && !one.egress);
        for open in [
            json!({ "podSelector": {}, "policyTypes": ["Ingress"], "ingress": [{}] }),
            json!({ "podSelector": { "matchLabels": { "app": "x" } }, "policyTypes": ["Ingress"] }),
            json!({ "podSelector": { "matchExpressions": [{ "key": "app", "operator": "Exists" }] },
                    "policyTypes": ["Ingress"] }),
            json!({ "podSelector": {} }),
        ] {
            assert!(denial(policy(open.clone())).is_none(), "{open}");
        }
    }

    #[test]
    fn a_pod_is_on_its_node_by_network_or_by_port() {
        let of = |spec: serde_json::Value| {
            let object = json!({ "metadata": { "name": "p", "namespace": "n" }, "spec": spec });
            pod(serde_json::from_value(object).unwrap(), &BTreeSet::new())
        };
        assert!(!of(json!({ "containers": [{ "name": "c", "ports": [{ "containerPort": 80 }] }] })).on_host);
        assert!(of(json!({ "containers": [], "hostNetwork": true })).on_host);
        let port =
            json!({ "containers": [{ "name": "c", "ports": [{ "containerPort": 80, "hostPort": 80 }] }] });
        assert!(of(port).on_host);
    }

    #[test]
    fn texts_of_the_platforms_pods_are_judged_and_of_no_others() {
        let object = json!({
            "metadata": { "name": "p", "namespace": "dmp-tanger" },
            "spec": { "containers": [{ "name": "c", "env": [{ "name": "DB_PASSWORD", "value": "letmein" }] }] },
        });
        let of = |ours: &[&'static str]| {
            let object = serde_json::from_value(object.clone()).unwrap();
            pod(object, &ours.iter().copied().collect())
        };
        let ours = of(&["dmp-tanger"]);
        assert_eq!((ours.secrets.len(), ours.tokens.len()), (1, 1));
        let theirs = of(&["dmp-national"]);
        assert_eq!((theirs.secrets.len(), theirs.tokens.len()), (0, 0));
    }
}
