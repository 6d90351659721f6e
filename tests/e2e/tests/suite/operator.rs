//! The operator on the real API server: it writes nothing when nothing changed, and says what is missing.

use std::collections::BTreeMap;
use std::time::Duration;

use dmp_api::names::EVIDENCE_NAMESPACE;
use dmp_api::{HealthGroup, SolutionCredential};
use dmpctl::demo::TANGER;
use kube::api::{DynamicObject, ListParams, Patch, PatchParams, PostParams};
use kube::core::GroupVersionKind;
use kube::discovery::ApiResource;
use kube::{Api, Client, ResourceExt as _};
use serde_json::json;

use crate::stage::on_stage;

/// Kinds the operator applies whose resourceVersion changes only when somebody writes their content or status.
const WRITTEN: [(&str, &str, &str); 9] = [
    ("", "v1", "ConfigMap"),
    ("", "v1", "ServiceAccount"),
    ("", "v1", "Service"),
    ("apps", "v1", "Deployment"),
    ("policy", "v1", "PodDisruptionBudget"),
    ("networking.k8s.io", "v1", "NetworkPolicy"),
    ("dmp.ma", "v1alpha1", "Platform"),
    ("dmp.ma", "v1alpha1", "HealthGroup"),
    ("dmp.ma", "v1alpha1", "SolutionCredential"),
];

async fn versions(client: &Client) -> BTreeMap<String, String> {
    let mut versions = BTreeMap::new();
    for (group, version, kind) in WRITTEN {
        let resource = ApiResource::from_gvk(&GroupVersionKind::gvk(group, version, kind));
        let api: Api<DynamicObject> = Api::all_with(client.clone(), &resource);
        for object in api.list(&ListParams::default()).await.unwrap().items {
            let namespace = object.namespace().unwrap_or_default();
            // What the evaluator observes changes while the stage settles; that it writes nothing without a change is a test of its own.
            if namespace == EVIDENCE_NAMESPACE {
                continue;
            }
            if namespace.is_empty() || namespace.starts_with("dmp-") || namespace.starts_with("vendor-") {
                versions.insert(
                    format!("{kind} {namespace}/{}", object.name_any()),
                    object.resource_version().unwrap_or_default(),
                );
            }
        }
    }
    versions
}

#[test]
fn a_second_reconcile_writes_nothing() {
    on_stage("second-reconcile", async |stage| {
        let api: Api<HealthGroup> = Api::all(stage.client.clone());
        let touch = json!({ "metadata": { "annotations": { "dmp.ma/e2e-touch": uuid::Uuid::new_v4().to_string() } } });
        api.patch(TANGER, &PatchParams::default(), &Patch::Merge(touch))
            .await
            .unwrap();
        // The touch itself, and what was still going on, settle first.
        tokio::time::sleep(Duration::from_secs(5)).await;
        let before = versions(&stage.client).await;
        assert!(before.len() > 30, "{} objects", before.len());
        let touch = json!({ "metadata": { "annotations": { "dmp.ma/e2e-touch": uuid::Uuid::new_v4().to_string() } } });
        api.patch(TANGER, &PatchParams::default(), &Patch::Merge(touch))
            .await
            .unwrap();
        tokio::time::sleep(Duration::from_secs(15)).await;
        let after = versions(&stage.client).await;
        let changed: Vec<&String> = after
            .iter()
            .filter(|(name, version)| before.get(*name) != Some(version))
            .map(|(name, _)| name)
            .collect();
        assert_eq!(
            changed,
            [&format!("HealthGroup /{TANGER}")],
            "only the touched object itself"
        );
    });
}

#[test]
fn a_reference_to_nothing_is_not_ready_and_says_what_to_do() {
    on_stage("dangling-references", async |stage| {
        let groups: Api<HealthGroup> = Api::all(stage.client.clone());
        let name = "e2e-dangling";
        let group: HealthGroup = serde_json::from_value(json!({
            "apiVersion": "dmp.ma/v1alpha1", "kind": "HealthGroup", "metadata": { "name": name },
            "spec": {
                "kind": "gst", "region": "MA-02", "site": "nowhere", "mode": "sandbox",
                "controller": { "name": "Nobody" }, "deletionProtection": false,
            },
        }))
        .unwrap();
        let _ = groups.create(&PostParams::default(), &group).await.unwrap();
        let condition = ready_condition(&stage.client, "HealthGroup", None, name).await;
        let removed = groups.delete(name, &Default::default()).await;
        assert_eq!(condition.0, "False");
        assert!(condition.1.contains("nowhere"), "{}", condition.1);
        removed.unwrap();

        let namespace = "vendor-e2e";
        let credentials: Api<SolutionCredential> = Api::namespaced(stage.client.clone(), namespace);
        let space = json!({ "apiVersion": "v1", "kind": "Namespace", "metadata": { "name": namespace } });
        let spaces: Api<k8s_openapi::api::core::v1::Namespace> = Api::all(stage.client.clone());
        spaces
            .patch(
                namespace,
                &PatchParams::apply("e2e").force(),
                &Patch::Apply(space),
            )
            .await
            .unwrap();
        let key = rcgen::KeyPair::generate().unwrap();
        let csr = rcgen::CertificateParams::default()
            .serialize_request(&key)
            .unwrap()
            .pem()
            .unwrap();
        let credential = json!({
            "apiVersion": "dmp.ma/v1alpha1", "kind": "SolutionCredential",
            "metadata": { "name": "dangling", "namespace": namespace },
            "spec": { "solution": "does-not-exist", "version": "1.0.0", "mode": "sandbox", "csr": csr },
        });
        credentials
            .patch(
                "dangling",
                &PatchParams::apply("e2e").force(),
                &Patch::Apply(credential),
            )
            .await
            .unwrap();
        let condition =
            ready_condition(&stage.client, "SolutionCredential", Some(namespace), "dangling").await;
        credentials.delete("dangling", &Default::default()).await.unwrap();
        assert_eq!(condition.0, "False");
        assert!(condition.1.contains("does-not-exist"), "{}", condition.1);
    });
}

/// Status and message of `Ready`, once the operator has looked.
async fn ready_condition(
    client: &Client,
    kind: &str,
    namespace: Option<&str>,
    name: &str,
) -> (String, String) {
    let resource = ApiResource::from_gvk(&GroupVersionKind::gvk("dmp.ma", "v1alpha1", kind));
    let api: Api<DynamicObject> = match namespace {
        Some(namespace) => Api::namespaced_with(client.clone(), namespace, &resource),
        None => Api::all_with(client.clone(), &resource),
    };
    for _ in 0..60 {
        let object = api.get(name).await.unwrap();
        let ready = dmpctl::kubernetes::wait::conditions(&object)
            .into_iter()
            .find(|condition| condition.type_ == "Ready");
        if let Some(ready) = ready {
            return (ready.status, ready.message);
        }
        tokio::time::sleep(Duration::from_millis(500)).await;
    }
    panic!("{kind} {name} has no Ready condition after 30 s");
}
