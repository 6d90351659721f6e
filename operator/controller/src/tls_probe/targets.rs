//! Whom to ask: every port of every Service in the platform's namespaces. What somebody adds there is asked as well.
//!
//! Two Services of one listener are asked once: CNPG's `-rw` stands for `-ro` and `-r`, a Service with an address for a
//! headless one. The namespace of a group that was retired is left alone: its data stay, nothing runs.

use std::collections::BTreeSet;

use dmp_api::HealthGroup;
use dmp_api::names::{GROUP_LABEL, NATIONAL_NAMESPACE, SYSTEM_NAMESPACE};
use dmp_api::tls_probe::Role;
use k8s_openapi::api::core::v1::{Namespace, Service};
use kube::api::ListParams;
use kube::core::PartialObjectMeta;
use kube::{Api, Client, ResourceExt as _};

use crate::pages;

const OURS: &str = "app.kubernetes.io/part-of=dmp";
/// The receiver of the API server's audit events: who signed its certificate is in the API server's own configuration.
const AUDIT_RECEIVER: &str = "dmp-operator-audit";
/// Label of CNPG on its Services: the name of the Cluster.
const CLUSTER_LABEL: &str = "cnpg.io/cluster";

/// Who must have signed an endpoint's certificates.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Authority {
    Platform,
    OpenBao,
    /// In a Secret: CNPG's, one of each database.
    Unknown,
}

/// One endpoint.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Target {
    /// `<Service>.<namespace>:<port>`.
    pub name: String,
    /// By which it is reached, and for which its certificate must be.
    pub host: String,
    pub port: u16,
    pub role: Role,
    pub authority: Authority,
    /// TLS comes after PostgreSQL's `SSLRequest`.
    pub postgresql: bool,
}

/// As the API has them now.
///
/// # Errors
/// When the API server does not answer or refuses.
pub async fn find(client: &Client) -> Result<Vec<Target>, kube::Error> {
    let groups = Api::<HealthGroup>::all(client.clone())
        .list_metadata(&ListParams::default())
        .await?;
    let groups: BTreeSet<String> = groups
        .items
        .into_iter()
        .filter(|group: &PartialObjectMeta<_>| group.metadata.deletion_timestamp.is_none())
        .map(|group| group.name_any())
        .collect();
    let spaces = Api::<Namespace>::all(client.clone())
        .list(&ListParams::default().labels(OURS))
        .await?;
    let spaces = live(&spaces.items, &groups);
    let mut targets = Vec::new();
    let services = Api::<Service>::all(client.clone());
    pages::each(&services, |service| targets.extend(of(service, &spaces))).await?;
    Ok(targets)
}

/// Namespaces in which something runs.
fn live(spaces: &[Namespace], groups: &BTreeSet<String>) -> BTreeSet<String> {
    let runs = |space: &&Namespace| {
        let group = space.labels().get(GROUP_LABEL);
        group.is_none_or(|group| groups.contains(group))
    };
    let live = spaces.iter().filter(runs);
    live.map(|space| space.name_any()).collect()
}

/// The endpoints of one Service.
fn of(service: &Service, spaces: &BTreeSet<String>) -> Vec<Target> {
    let (name, namespace) = (service.name_any(), service.namespace().unwrap_or_default());
    let Some(spec) = service.spec.as_ref().filter(|_| spaces.contains(&namespace)) else {
        return Vec::new();
    };
    let has_address =
        spec.type_.as_deref() != Some("ExternalName") && spec.cluster_ip.as_deref() != Some("None");
    let place = (namespace.as_str(), name.as_str());
    let cluster = service.labels().get(CLUSTER_LABEL);
    let other_name = cluster.is_some_and(|cluster| name != format!("{cluster}-rw"));
    if !has_address || other_name || place == (SYSTEM_NAMESPACE, AUDIT_RECEIVER) {
        return Vec::new();
    }
    let ports = spec.ports.iter().flatten();
    let tcp = ports.filter(|port| port.protocol.as_deref().unwrap_or("TCP") == "TCP");
    tcp.filter_map(|port| {
        let number = u16::try_from(port.port).ok()?;
        let label = port.name.as_deref().unwrap_or_default();
        let (role, authority) = match (place, label) {
            _ if cluster.is_some() => (Role::Store, Authority::Unknown),
            ((SYSTEM_NAMESPACE, "openbao"), _) => (Role::Store, Authority::OpenBao),
            ((NATIONAL_NAMESPACE, "gateway"), "public" | "guichet") => (Role::Public, Authority::Platform),
            _ => (Role::Service, Authority::Platform),
        };
        Some(Target {
            name: format!("{name}.{namespace}:{number}"),
            host: format!("{name}.{namespace}.svc"),
            port: number,
            role,
            authority,
            postgresql: cluster.is_some(),
        })
    })
    .collect()
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    fn service(namespace: &str, name: &str, labels: Value, spec: Value) -> Service {
        let metadata = json!({ "name": name, "namespace": namespace, "labels": labels });
        serde_json::from_value(json!({ "metadata": metadata, "spec": spec })).unwrap()
    }

    fn asked(service: &Service) -> Vec<(String, Role, Authority, bool)> {
        let spaces = ["dmp-national", "dmp-a", "dmp-system"].map(ToOwned::to_owned);
        let found = of(service, &BTreeSet::from(spaces));
        found
            .into_iter()
            .map(|one| (one.name, one.role, one.authority, one.postgresql))
            .collect()
    }

    #[test]
    fn every_port_of_a_service_is_asked_and_the_gateways_own_are_the_public_ones() {
        let ports = |names: &[(&str, u16)]| {
            let ports = names
                .iter()
                .map(|(name, port)| json!({ "name": name, "port": port }));
            json!({ "clusterIP": "10.0.0.1", "ports": ports.collect::<Vec<_>>() })
        };
        let three = ports(&[("https", 8443), ("public", 9443), ("guichet", 9444)]);
        let gateway = service("dmp-national", "gateway", json!({}), three.clone());
        let expected = [
            ("gateway.dmp-national:8443", Role::Service),
            ("gateway.dmp-national:9443", Role::Public),
            ("gateway.dmp-national:9444", Role::Public),
        ];
        let expected = expected.map(|(name, role)| (name.to_owned(), role, Authority::Platform, false));
        assert_eq!(asked(&gateway), expected);
        // Elsewhere, nothing is public by the name of its port.
        let other = asked(&service("dmp-a", "gateway", json!({}), three));
        assert!(other.iter().all(|(_, role, ..)| *role == Role::Service) && other.len() == 3);
        let openbao = service("dmp-system", "openbao", json!({}), ports(&[("https", 8200)]));
        assert_eq!(
            asked(&openbao),
            [(
                "openbao.dmp-system:8200".to_owned(),
                Role::Store,
                Authority::OpenBao,
                false
            )]
        );
        // What nobody of ours made is asked as a service.
        let strange = service("dmp-a", "shell", json!({}), ports(&[("tcp", 4444)]));
        assert_eq!(asked(&strange)[0].1, Role::Service);
    }

    #[test]
    fn a_listener_is_asked_once_and_only_in_the_platforms_namespaces() {
        let spec = json!({ "clusterIP": "10.0.0.1", "ports": [{ "name": "postgres", "port": 5432 }] });
        let label = json!({ "cnpg.io/cluster": "keystore" });
        let database = |name: &str| service("dmp-a", name, label.clone(), spec.clone());
        assert_eq!(
            asked(&database("keystore-rw")),
            [(
                "keystore-rw.dmp-a:5432".to_owned(),
                Role::Store,
                Authority::Unknown,
                true
            )]
        );
        for name in ["keystore-ro", "keystore-r"] {
            assert_eq!(asked(&database(name)), []);
        }
        let headless = json!({ "clusterIP": "None", "ports": [{ "port": 8200 }] });
        let alias =
            json!({ "type": "ExternalName", "externalName": "a.example", "ports": [{ "port": 443 }] });
        let datagrams = json!({ "clusterIP": "10.0.0.1", "ports": [{ "port": 53, "protocol": "UDP" }] });
        for spec in [headless, alias, datagrams] {
            assert_eq!(
                asked(&service("dmp-system", "openbao-internal", json!({}), spec)),
                []
            );
        }
        assert_eq!(
            asked(&service("dmp-system", AUDIT_RECEIVER, json!({}), spec.clone())),
            []
        );
        assert_eq!(asked(&service("default", "kubernetes", json!({}), spec)), []);
    }

    #[test]
    fn a_group_that_was_retired_is_left_alone() {
        let space = |name: &str, labels: Value| -> Namespace {
            serde_json::from_value(json!({ "metadata": { "name": name, "labels": labels } })).unwrap()
        };
        let spaces = [
            space("dmp-national", json!({})),
            space("dmp-a", json!({ GROUP_LABEL: "a" })),
            space("dmp-b", json!({ GROUP_LABEL: "b" })),
        ];
        let live = live(&spaces, &BTreeSet::from(["a".to_owned()]));
        assert_eq!(live.into_iter().collect::<Vec<_>>(), ["dmp-a", "dmp-national"]);
    }
}
