//! A real control plane with what the evaluator meets, and a client with its rights alone. No node and no controller runs here:
//! pods are objects that nobody starts.

use std::path::Path;
use std::time::{Duration, Instant};

use dmp_policies::Catalogue;
use dmp_policies::openreports::{self, Report, ReportResult};
use dmp_testkit::ControlPlane;
use dmp_testkit::kubernetes::{api_of, client_as, client_of};
use kube::Client;
use kube::api::{ListParams, Patch, PatchParams};
use serde_json::{Value, json};

pub const ACCOUNT: &str = "system:serviceaccount:dmp-system:dmp-evaluator";
const PATIENCE: Duration = Duration::from_secs(30);

pub struct World {
    _control_plane: ControlPlane,
    pub administrator: Client,
    pub evaluator: Client,
    pub catalogue: Catalogue,
}

/// The documents of a file of `manifests`.
pub fn manifests(file: &str) -> Vec<Value> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("../../manifests")
        .join(file);
    let text = std::fs::read_to_string(path).unwrap();
    serde_saphyr::from_multiple(&text).unwrap()
}

impl World {
    /// `None` (said aloud) without the parts.
    pub async fn start() -> Option<Self> {
        let control_plane = ControlPlane::start().await?;
        let kubeconfig = control_plane.kubeconfig();
        let world = Self {
            administrator: client_of(&kubeconfig).await,
            evaluator: client_as(
                &kubeconfig,
                ACCOUNT,
                &["system:serviceaccounts", "system:authenticated"],
            )
            .await,
            _control_plane: control_plane,
            catalogue: Catalogue::embedded().unwrap(),
        };
        world.namespace("dmp-system", "restricted").await;
        for crd in dmp_api::crds() {
            let mut crd = serde_json::to_value(crd).unwrap();
            crd["apiVersion"] = json!("apiextensions.k8s.io/v1");
            crd["kind"] = json!("CustomResourceDefinition");
            world.apply(&crd).await;
        }
        for file in [
            "openreports/reports.openreports.io.yaml",
            "openreports/clusterreports.openreports.io.yaml",
            "operator/evaluator.yaml",
        ] {
            for object in manifests(file) {
                // Without a controller nobody would take it up.
                if object["kind"] != "Deployment" {
                    world.apply(&object).await;
                }
            }
        }
        for served in [cluster_report(), report_in("default")] {
            let begun = Instant::now();
            while api_of(&world.evaluator, &served)
                .list(&ListParams::default())
                .await
                .is_err()
            {
                assert!(begun.elapsed() < PATIENCE, "{served} is not served");
                tokio::time::sleep(Duration::from_millis(100)).await;
            }
        }
        Some(world)
    }

    /// As a person who may would apply it.
    pub async fn apply(&self, object: &Value) {
        let name = object["metadata"]["name"].as_str().unwrap();
        let parameters = PatchParams::apply("person").force();
        let applied = api_of(&self.administrator, object)
            .patch(name, &parameters, &Patch::Apply(object))
            .await;
        applied.unwrap_or_else(|error| panic!("{name}: {error}"));
    }

    pub async fn delete(&self, object: &Value) {
        let name = object["metadata"]["name"].as_str().unwrap();
        api_of(&self.administrator, object)
            .delete(name, &Default::default())
            .await
            .unwrap();
    }

    pub async fn get(&self, object: &Value) -> Option<Value> {
        let name = object["metadata"]["name"].as_str().unwrap();
        let live = api_of(&self.administrator, object).get_opt(name).await.unwrap()?;
        Some(serde_json::to_value(live).unwrap())
    }

    /// A namespace of the platform, labelled as one of health data.
    pub async fn namespace(&self, name: &str, enforce: &str) {
        self.apply(&json!({
            "apiVersion": "v1", "kind": "Namespace",
            "metadata": { "name": name, "labels": {
                "app.kubernetes.io/part-of": "dmp", "pod-security.kubernetes.io/enforce": enforce,
                "dmp.ma/owner": "national", "dmp.ma/data-class": "4", "dmp.ma/purpose": "care",
            } },
        }))
        .await;
    }

    pub async fn report(&self) -> Report {
        self.written(&cluster_report()).await.unwrap()
    }

    pub async fn report_of(&self, namespace: &str) -> Option<Report> {
        self.written(&report_in(namespace)).await
    }

    async fn written(&self, object: &Value) -> Option<Report> {
        Some(serde_json::from_value(self.get(object).await?).unwrap())
    }
}

pub fn cluster_report() -> Value {
    json!({
        "apiVersion": "openreports.io/v1alpha1", "kind": "ClusterReport", "metadata": { "name": openreports::NAME },
    })
}

pub fn report_in(namespace: &str) -> Value {
    json!({
        "apiVersion": "openreports.io/v1alpha1", "kind": "Report",
        "metadata": { "name": openreports::NAME, "namespace": namespace },
    })
}

/// The result of one check.
pub fn result<'r>(report: &'r Report, control: &str, check: &str) -> &'r ReportResult {
    let mut results = report.results.iter();
    let found = results.find(|one| one.policy == control && one.rule == check);
    found.unwrap_or_else(|| panic!("{control} {check}"))
}
