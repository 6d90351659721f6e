//! What stands around the guichet in its tests: a real API server with the portal's own rights (`manifests/operator/portal.yaml`), people
//! at the door, bodies that sign. The operator is not there: what it writes, [`place`] writes.
#![allow(clippy::unwrap_used)]

use std::path::Path;

use axum::Router;
use axum::body::Body;
use dmp_api::conformance_run::RunMode;
use dmp_api::homologation_review::ReviewVerdict;
use dmp_client::guichet::{PERSON_HEADER, PREFIX, Person};
use dmp_homologation::sign::Signatory;
use dmp_homologation::statement::{Review, Run, Statement};
use dmp_keys::Client as OpenBao;
use dmp_testkit::bodies::{Authority, Member};
use dmp_testkit::kubernetes::{api_of, client_as, client_of};
use dmp_testkit::{Bao, ControlPlane, Pki};
use http::{Request, StatusCode};
use jiff::Timestamp;
use kube::Client;
use kube::api::{DynamicObject, ListParams, Patch, PatchParams, PostParams};
use serde_json::{Value, json};
use tower::ServiceExt as _;

use crate::acts::ActLog;
use crate::acts::memory::Held;
use crate::affected::Affected;
use crate::app::App;
use crate::cluster::Cluster;
use crate::registry::Registry;

pub(super) const ICE: &str = "001234567000062";
pub(super) const OTHER_ICE: &str = "001561191000066";
pub(super) const CSR: &str = "-----BEGIN CERTIFICATE REQUEST-----\nMA==\n-----END CERTIFICATE REQUEST-----\n";

pub(crate) fn app(client: Option<Client>) -> App {
    let openbao = OpenBao::root(&Bao::shared().config(None)).unwrap();
    let identity = Pki::new("dmp.test").service("dmp-national", "portal");
    let registry = Registry::new(&identity, None).unwrap();
    App::new(
        "dmp.test",
        "https://gateway.dmp.test",
        openbao,
        Cluster::new(client),
        registry,
        ActLog::Memory(Held::default()),
        Affected::new(&identity, None).unwrap(),
    )
    .unwrap()
}

pub(super) struct Door(Router);

impl Door {
    pub(super) fn new(client: Option<Client>) -> Self {
        Self::of(app(client))
    }

    pub(super) fn of(app: App) -> Self {
        Self(super::router().with_state(app))
    }

    pub(super) async fn ask(
        &self,
        who: Option<&str>,
        method: &str,
        path: &str,
        body: Value,
    ) -> (StatusCode, Value) {
        let mut request = Request::builder()
            .method(method.to_uppercase().as_str())
            .uri(format!("{PREFIX}{path}"))
            .header("content-type", "application/json");
        if let Some(subject) = who {
            let person = Person {
                issuer: "https://issuer.test".to_owned(),
                subject: subject.to_owned(),
            };
            request = request.header(PERSON_HEADER, person.to_header());
        }
        let mut request = request.body(Body::from(body.to_string())).unwrap();
        let correlation = dmp_core::correlation::Correlation(uuid::Uuid::new_v4());
        request.extensions_mut().insert(correlation);
        let response = self.0.clone().oneshot(request).await.unwrap();
        let status = response.status();
        let bytes = axum::body::to_bytes(response.into_body(), usize::MAX)
            .await
            .unwrap();
        (status, serde_json::from_slice(&bytes).unwrap_or_default())
    }

    /// The answer's body; fails when it is no success.
    pub(super) async fn done(&self, who: &str, method: &str, path: &str, body: Value) -> Value {
        let (status, answer) = self.ask(Some(who), method, path, body).await;
        assert_eq!(status, StatusCode::OK, "{method} {path}: {answer}");
        answer
    }

    /// Status and code of a refusal.
    pub(super) async fn refused(
        &self,
        who: Option<&str>,
        method: &str,
        path: &str,
        body: Value,
    ) -> (u16, String) {
        let (status, answer) = self.ask(who, method, path, body).await;
        (
            status.as_u16(),
            answer["code"].as_str().unwrap_or_default().to_owned(),
        )
    }
}

pub(super) fn sign_up(name: &str, ice: &str) -> Value {
    json!({ "name": name, "organisation": { "name": "Atlas Santé", "ice": ice } })
}

pub(super) async fn server() -> Option<(ControlPlane, Client, Client)> {
    let server = ControlPlane::start().await?;
    let administrator = client_of(&server.kubeconfig()).await;
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    let mut files: Vec<_> = std::fs::read_dir(root.join("crds"))
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .collect();
    files.push(root.join("manifests/operator/portal.yaml"));
    for file in files {
        for document in std::fs::read_to_string(file).unwrap().split("\n---\n") {
            let object: Value = serde_saphyr::from_str(document).unwrap();
            if object.is_null() || object["kind"] == "Kustomization" {
                continue;
            }
            create(&administrator, &object).await;
        }
    }
    let account = "system:serviceaccount:dmp-national:portal";
    let portal = client_as(&server.kubeconfig(), account, &["system:authenticated"]).await;
    let vendors = kube::Api::<dmp_api::Vendor>::all(portal.clone());
    for _ in 0..100 {
        if vendors.list(&Default::default()).await.is_ok() {
            return Some((server, administrator, portal));
        }
        tokio::time::sleep(std::time::Duration::from_millis(100)).await;
    }
    panic!("the portal's rights are not in force");
}

pub(super) async fn create(client: &Client, object: &Value) {
    let dynamic: DynamicObject = serde_json::from_value(object.clone()).unwrap();
    let created = api_of(client, object)
        .create(&PostParams::default(), &dynamic)
        .await;
    created.unwrap_or_else(|error| panic!("{}: {error}", object["kind"]));
}

/// What the operator does for a vendor.
pub(super) async fn place(administrator: &Client, vendor: &str) {
    create(
        administrator,
        &json!({ "apiVersion": "v1", "kind": "Namespace", "metadata": { "name": format!("vendor-{vendor}") } }),
    )
    .await;
    let object = json!({ "apiVersion": "dmp.ma/v1alpha1", "kind": "Vendor", "metadata": { "name": vendor } });
    let status = json!({ "status": {
        "namespace": format!("vendor-{vendor}"),
        "sandbox": { "healthGroup": "bac", "establishment": "990000001", "realm": format!("vendor-{vendor}/1") },
        "conditions": [{
            "type": "Ready", "status": "True", "reason": "Ready", "message": "", "observedGeneration": 1,
            "lastTransitionTime": "2026-11-29T00:00:00Z",
        }],
    } });
    api_of(administrator, &object)
        .patch_status(vendor, &PatchParams::default(), &Patch::Merge(status))
        .await
        .unwrap();
}

/// A vendor with its first member, and its place.
pub(super) async fn signed_up(door: &Door, administrator: &Client, who: &str, vendor: &str, ice: &str) {
    door.done(who, "post", "/vendors", sign_up(vendor, ice)).await;
    place(administrator, vendor).await;
}

/// The platform with these bodies.
pub(super) fn platform(bodies: Value) -> Value {
    json!({
        "apiVersion": "dmp.ma/v1alpha1", "kind": "Platform", "metadata": { "name": "national" },
        "spec": {
            "release": "1", "images": { "dmp": "d", "postgres": "p" }, "domain": "dmp.test", "site": "s",
            "gateway": { "publicNames": ["gateway.dmp.test"] }, "bodies": bodies,
        },
    })
}

/// A body of the platform, and who reads for it.
pub(super) fn body(role: &str, authority: &Authority, readers: &[&str]) -> Value {
    let reader = |subject: &&str| json!({ "issuer": "https://issuer.test", "subject": subject });
    json!({
        "role": role, "organisation": { "name": authority.name, "ice": authority.ice },
        "anchors": [{ "certificate": authority.certificate_pem() }],
        "readers": readers.iter().map(reader).collect::<Vec<_>>(),
    })
}

/// A statement as it is handed in.
pub(super) fn signed<T: Statement>(member: &Member, statement: &T) -> Value {
    let signatory = Signatory::new(&member.chain_pem, &member.key_pem).unwrap();
    json!({ "statement": signatory.sign(statement).unwrap() })
}

/// A sandbox run of a vendor's product.
pub(super) fn run(vendor: &str) -> Run {
    Run {
        solution: format!("vendor-{vendor}/his"),
        version: "1.0".to_owned(),
        profile: "f".to_owned(),
        profile_sha256: "a".repeat(64),
        mode: RunMode::Sandbox,
        submission_sha256: None,
        seed: 1,
        requirements: Vec::new(),
        bundle_sha256: "b".repeat(64),
        signed_at: Timestamp::now(),
    }
}

/// A finding about a submission (`<namespace>/<name>`).
pub(super) fn review(submission: &str) -> Review {
    Review {
        homologation: submission.to_owned(),
        submission_sha256: "a".repeat(64),
        verdict: ReviewVerdict::Favourable,
        decision: false,
        scopes: None,
        until: None,
        comment: "because".to_owned(),
        signed_at: Timestamp::now(),
    }
}

/// Every object that the portal can write for a vendor, and the vendors; with their kinds.
pub(super) async fn written(administrator: &Client, namespace: &str) -> Vec<(&'static str, DynamicObject)> {
    let mut all = Vec::new();
    for kind in [
        "Vendor",
        "Solution",
        "SolutionVersion",
        "EvidenceItem",
        "SolutionCredential",
        "SolutionHomologation",
        "HomologationReview",
        "ConformanceRun",
        "NonConformityAnswer",
    ] {
        let mut object = json!({ "apiVersion": "dmp.ma/v1alpha1", "kind": kind, "metadata": {} });
        if kind != "Vendor" {
            object["metadata"]["namespace"] = json!(namespace);
        }
        let listed = api_of(administrator, &object).list(&ListParams::default()).await;
        all.extend(listed.unwrap().items.into_iter().map(|object| (kind, object)));
    }
    all
}
