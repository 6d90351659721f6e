//! The API server's audit events reach the operator: certificates of both ends, and where the one finds the other.
//!
//! The authority signs nothing else. The operator's end is a Secret that its pods mount and a Service with an address that
//! is known before there is an operator (the API server finds no names of the cluster). Events that nobody takes are
//! dropped after some retries; `audit.log` keeps all.

use std::fs;
use std::net::Ipv4Addr;
use std::path::PathBuf;

use serde_json::json;

use crate::{
    addresses::AddressPlan,
    control_plane::flag,
    error::{FileContext, Result},
    kubectl::Kubectl,
    paths::{Paths, write_private},
    pki::{self, Authority, Identity, Subject},
};

const NAMESPACE: &str = "dmp-system";
const SERVICE: &str = "dmp-operator-audit";
const SECRET: &str = "dmp-kubernetes-audit";
const PORT: u16 = 8444;
const AUTHORITY: &str = "audit";
const RECEIVER: &str = "audit-receiver";
const SENDER: &str = "audit-sender";

/// Writes the certificates of both ends, and the API server's configuration.
pub(crate) fn prepare(paths: &Paths, plan: &AddressPlan) -> Result<()> {
    let authority = Authority::open(&paths.authorities(), AUTHORITY)?;
    let certificates = paths.certificates();
    let receiver = Subject {
        common_name: SERVICE,
        organization: None,
        names: vec![format!("{SERVICE}.{NAMESPACE}.svc")],
        addresses: vec![address(plan)],
    };
    authority.issue(&certificates, RECEIVER, &receiver)?;
    let sender = authority.issue(&certificates, SENDER, &Subject::client("kube-apiserver", None))?;
    let server = format!("https://{}:{PORT}/v1/kubernetes-audit", address(plan));
    let config = pki::kubeconfig(&server, &authority.certificate, &sender)?;
    write_private(&config_file(paths), config.to_string())
}

/// As [`prepare`], for an API server that has run without it.
pub(crate) fn ensure(paths: &Paths, plan: &AddressPlan) -> Result<()> {
    if config_file(paths).exists() {
        return Ok(());
    }
    prepare(paths, plan)
}

/// The API server's flags.
pub(crate) fn flags(paths: &Paths) -> [String; 2] {
    [
        flag("audit-webhook-config-file", config_file(paths).display()),
        flag("audit-webhook-batch-max-wait", "1s"),
    ]
}

/// Gives the operator its end.
pub(crate) async fn hand_over(kubectl: &Kubectl, paths: &Paths, plan: &AddressPlan) -> Result<()> {
    let objects = objects(paths, plan)?;
    kubectl.apply("hand over the audit", &objects).await
}

fn objects(paths: &Paths, plan: &AddressPlan) -> Result<String> {
    let read = |file: PathBuf| fs::read_to_string(&file).on("read", file);
    let receiver = Identity::in_folder(&paths.certificates(), RECEIVER);
    let secret = json!({
        "apiVersion": "v1", "kind": "Secret",
        "metadata": { "name": SECRET, "namespace": NAMESPACE },
        "stringData": {
            "tls.crt": read(receiver.certificate)?,
            "tls.key": read(receiver.key)?,
            "ca.crt": read(paths.authorities().join(format!("{AUTHORITY}.crt")))?,
        },
    });
    let service = json!({
        "apiVersion": "v1", "kind": "Service",
        "metadata": { "name": SERVICE, "namespace": NAMESPACE },
        "spec": {
            "clusterIP": address(plan).to_string(),
            "selector": { "app.kubernetes.io/name": "dmp-operator" },
            "ports": [{ "name": "audit", "port": PORT, "targetPort": "audit" }],
        },
    });
    let namespace = json!({ "apiVersion": "v1", "kind": "Namespace", "metadata": { "name": NAMESPACE } });
    Ok([namespace, secret, service]
        .map(|object| object.to_string())
        .join("\n---\n"))
}

fn config_file(paths: &Paths) -> PathBuf {
    paths.config().join("audit-webhook.json")
}

/// Of the operator's Service, like that of the cluster's DNS.
fn address(plan: &AddressPlan) -> Ipv4Addr {
    let first = u32::from(plan.services().first);
    Ipv4Addr::from(first.saturating_add(11))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_address_is_one_of_the_services_and_nobody_elses() {
        let plan = AddressPlan::new(1, 1);
        assert_eq!(address(&plan).to_string(), "10.212.16.11");
        assert_ne!(address(&plan), plan.dns());
        assert_ne!(address(&plan), plan.api_service());
    }

    #[test]
    fn what_the_webhook_can_tell_is_in_the_policy() {
        let policy = include_str!("../files/audit-policy.yaml");
        for needed in [
            "pods/exec",
            "pods/proxy",
            "services/proxy",
            "nodes/proxy",
            "serviceaccounts/token",
            "secrets",
        ] {
            assert!(policy.contains(needed), "{needed}");
        }
        // Who reads is kept last, after what is of software or of nobody.
        let policy: serde_json::Value = serde_saphyr::from_str(policy).expect("the policy is YAML");
        let rules = policy["rules"].as_array().expect("rules");
        let last = rules.last().expect("a last rule");
        assert_eq!(*last, serde_json::json!({ "level": "Metadata" }));
    }
}
