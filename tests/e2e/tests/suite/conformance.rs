//! The reference solution sits the conformance suite through the gateways, and what the platform makes of the result. Every profile and every broken
//! variant: the same services without a cluster (`platform/dmp/tests/platform/conformance.rs`).

use std::path::Path;
use std::time::Duration;

use dmp_api::{ConformanceProfile, ConformanceRun};
use dmp_conformance::bundle::{Bundle, Mode};
use dmp_conformance::wire::{Closed, Open};
use dmpctl::demo::software::{Product, obtain};
use dmpctl::demo::{AUTHOR, TANGER, World};
use dmpctl::homologation;
use dmpctl::solution::given::Bench;
use dmpctl::solution::log_in::{Demonstration, LogIns as _};
use dmpctl::solution::suite::{Runner, Suite, sit};
use k8s_openapi::api::core::v1::Namespace;
use kube::api::{ApiResource, DeleteParams, DynamicObject, GroupVersionKind, Patch, PatchParams};
use kube::{Api, ResourceExt as _};
use serde_json::{Value, json};

use crate::stage::{Stage, binaries, on_stage};

const PROFILE: &str = "document-feeder";

/// A vendor with a certificate, and what its tests need.
pub struct Sandbox {
    pub folder: tempfile::TempDir,
    pub world: World,
    pub namespace: String,
    pub log_ins: Demonstration,
    pub software: dmpctl::demo::gateway::Software,
}

impl Sandbox {
    /// A product whose version could be homologated.
    pub async fn open(stage: &Stage) -> Self {
        let world = stage.world().await;
        let vendor = format!("essai-{}", &uuid::Uuid::new_v4().simple().to_string()[..8]);
        let product = Product {
            vendor: &vendor,
            solution: "reference",
            name: "Solution de référence",
            kind: "hospital",
            version: "1.0.0",
            place: Some((world.author.establishment.as_str(), TANGER)),
        };
        homologable(stage, &vendor, &product.namespace()).await;
        let software = obtain(&stage.client, &stage.progress, &stage.gateway, &product)
            .await
            .unwrap_or_else(|error| panic!("{}", error.for_people()));
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(
            folder.path().join("identity.pem"),
            software.identity_pem().unwrap(),
        )
        .unwrap();
        std::fs::write(folder.path().join("ca.pem"), &stage.gateway.ca).unwrap();
        let log_ins = Demonstration::new(stage.client.clone(), AUTHOR).unwrap();
        Self {
            namespace: product.namespace(),
            folder,
            world,
            log_ins,
            software,
        }
    }

    fn runner(&self) -> Runner {
        Runner::Command {
            command: binaries().join("dmp-solution").display().to_string(),
            gateway: self.world.gateway.base.clone(),
            ca: self.file("ca.pem"),
            identity: self.file("identity.pem"),
        }
    }

    fn file(&self, name: &str) -> std::path::PathBuf {
        Path::new(self.folder.path()).join(name)
    }

    pub async fn sit(&self, open: &Open) -> Closed {
        let bench = Bench {
            software: &self.software,
            patient_app: Some(&self.world.amal),
            log_ins: &self.log_ins,
        };
        let suite = Suite::new(self.software.clone());
        sit(&suite, &bench, &self.runner(), open, &[], |line| {
            eprintln!("{line}")
        })
        .await
        .unwrap_or_else(|error| panic!("{}", error.for_people()))
    }
}

/// What a product needs beside what a certificate needs: whose it is, and what is delivered. Under another manager than the
/// demonstration's, which applies the same objects without.
async fn homologable(stage: &Stage, vendor: &str, namespace: &str) {
    let solution = json!({
        "vendor": vendor, "product": "Solution de référence", "kind": "hospital",
        "organisation": { "name": "Éditeur d’essai", "ice": "001234567000011" },
    });
    let version = json!({
        "solution": "reference", "version": "1.0.0",
        "package": { "sha256": "a".repeat(64), "sbomSha256": "b".repeat(64) },
    });
    let own = json!({
        "apiVersion": "v1", "kind": "Namespace",
        "metadata": { "name": namespace, "labels": {
            "app.kubernetes.io/part-of": "dmp",
            "dmp.ma/owner": vendor, "dmp.ma/data-class": "1", "dmp.ma/purpose": "software",
        } },
    });
    let apply = PatchParams::apply("vendor").force();
    let namespaces: Api<Namespace> = Api::all(stage.client.clone());
    namespaces
        .patch(namespace, &apply, &Patch::Apply(own))
        .await
        .unwrap();
    for (kind, name, spec) in [
        ("Solution", "reference", solution),
        ("SolutionVersion", "reference-1-0-0", version),
    ] {
        let resource = ApiResource::from_gvk(&GroupVersionKind::gvk("dmp.ma", "v1alpha1", kind));
        let api: Api<DynamicObject> = Api::namespaced_with(stage.client.clone(), namespace, &resource);
        let object = json!({ "apiVersion": "dmp.ma/v1alpha1", "kind": kind, "metadata": { "name": name }, "spec": spec });
        api.patch(name, &apply, &Patch::Apply(object)).await.unwrap();
    }
}

/// The suite's profiles, as the agency applies them.
pub async fn apply_profiles(stage: &Stage) {
    let api: Api<ConformanceProfile> = Api::all(stage.client.clone());
    for profile in homologation::profiles().unwrap() {
        let name = profile["metadata"]["name"].as_str().unwrap();
        let apply = PatchParams::apply("e2e").force();
        api.patch(name, &apply, &Patch::Apply(&profile)).await.unwrap();
    }
}

/// What was not met, for the message of a failure.
fn failures(bundle: &Bundle) -> Vec<String> {
    let failed = bundle.tests.iter().flat_map(|sat| {
        let findings = sat.findings.iter().filter(|finding| !finding.met);
        findings.map(|finding| format!("{} {} {:?}", sat.test, finding.requirement, finding.error))
    });
    failed.collect()
}

#[test]
fn the_reference_solution_passes_and_the_result_counts() {
    on_stage("conformance", async |stage| {
        let sandbox = Sandbox::open(stage).await;
        apply_profiles(stage).await;
        let began = std::time::Instant::now();
        let closed = sandbox.sit(&Open::sandbox(PROFILE)).await;
        eprintln!("conformance: {PROFILE} in {:?}", began.elapsed());
        let bundle = Bundle::read(&closed.bundle).unwrap();
        assert_eq!(failures(&bundle), Vec::<String>::new());
        assert!(bundle.passed(), "{:?}", bundle.requirements);
        bundle.replay().unwrap();
        assert_no_secret(&bundle);
        counts(stage, &sandbox.namespace, &closed.statement, &bundle).await;
    });
}

/// The operator believes the suite's signature, and nobody else's.
async fn counts(stage: &Stage, namespace: &str, statement: &str, bundle: &Bundle) {
    let name = PROFILE;
    let api: Api<ConformanceRun> = Api::namespaced(stage.client.clone(), namespace);
    let run: ConformanceRun = serde_json::from_value(json!({
        "apiVersion": "dmp.ma/v1alpha1", "kind": "ConformanceRun",
        "metadata": { "name": name, "namespace": namespace },
        "spec": { "statement": statement },
    }))
    .unwrap();
    api.create(&Default::default(), &run).await.unwrap();
    let seen = loop {
        let run = api.get(name).await.unwrap();
        if run
            .status
            .as_ref()
            .is_some_and(|status| !status.conditions.is_empty())
        {
            break run;
        }
        tokio::time::sleep(Duration::from_millis(200)).await;
    };
    let status = seen.status.clone().unwrap();
    assert_eq!(status.conditions[0].status, "True", "{:?}", status.conditions);
    assert_eq!(status.passed, Some(true), "{} {:?}", seen.name_any(), status);
    assert_eq!(status.solution.as_deref(), Some(bundle.solution.as_str()));
    api.delete(name, &DeleteParams::default()).await.unwrap();
}

/// What was recorded shows no token and no log-in.
fn assert_no_secret(bundle: &Bundle) {
    let text = bundle.text();
    for exchange in bundle.tests.iter().flat_map(|sat| &sat.exchanges) {
        let shown = exchange.request.headers.get("authorization");
        assert!(
            shown.is_none_or(|shown| shown.starts_with("Bearer sha256:")),
            "{shown:?}"
        );
    }
    // Every token of ours and of the log-in is a JWS: three parts, the first of which begins so.
    let tokens: Vec<&str> = text.split('"').filter(|part| part.starts_with("eyJ")).collect();
    assert_eq!(tokens, Vec::<&str>::new());
}

#[test]
fn a_sitting_is_its_credentials_own_and_refuses_what_makes_no_sense() {
    on_stage("conformance-bad", async |stage| {
        let sandbox = Sandbox::open(stage).await;
        let identity = sandbox.log_ins.professional().await.unwrap();
        sandbox
            .software
            .token_when_known(&identity, "TREAT")
            .await
            .unwrap();
        let suite = Suite::new(sandbox.software.clone());
        let code = |error: dmpctl::error::CliError| error.message;
        let unknown = code(suite.open(&Open::sandbox("no-such")).await.unwrap_err());
        assert!(unknown.contains("404 no-such-profile"), "{unknown}");
        let rehearsal = |submission: Option<String>, seed| Open {
            mode: Mode::Rehearsal,
            submission,
            seed,
            ..Open::sandbox("document-feeder")
        };
        for wrong in [
            rehearsal(None, None),
            rehearsal(Some("not a hash".to_owned()), None),
            rehearsal(Some("a".repeat(64)), Some(7)),
        ] {
            let refused = code(suite.open(&wrong).await.unwrap_err());
            assert!(refused.contains("400 submission-needed"), "{refused}");
        }
        let sitting = suite.open(&rehearsal(Some("a".repeat(64)), None)).await.unwrap();
        let begun = suite.begin(&sitting, "document-feeder/nominal", &json!({})).await;
        begun.unwrap();
        suite.end(&sitting, "document-feeder/nominal").await.unwrap();
        let again = suite.begin(&sitting, "document-feeder/nominal", &json!({})).await;
        assert!(code(again.unwrap_err()).contains("409 test-sat"));
        assert!(code(suite.close(&sitting).await.unwrap_err()).contains("409 sitting-incomplete"));
        let sitting = suite.open(&Open::sandbox("document-feeder")).await.unwrap();
        let unknown = suite
            .begin(&sitting, "document-feeder/no-such", &Value::Null)
            .await;
        assert!(code(unknown.unwrap_err()).contains("404 no-such-test"));
        let other = Suite::new(sandbox.world.atlas.clone());
        let theirs = other.begin(&sitting, "document-feeder/nominal", &json!({})).await;
        assert!(code(theirs.unwrap_err()).contains("404 no-such-sitting"));
        let early = suite.end(&sitting, "document-feeder/nominal").await;
        assert!(code(early.unwrap_err()).contains("409 test-not-running"));
        let nothing = suite.close(&sitting).await;
        assert!(code(nothing.unwrap_err()).contains("409 nothing-sat"));
        let large = json!({ "document": { "data": "A".repeat(2_200_000) } });
        let large = suite.begin(&sitting, "document-feeder/nominal", &large).await;
        assert!(code(large.unwrap_err()).contains("413"));

        // Software that does nothing has met nothing.
        suite
            .begin(&sitting, "document-feeder/nominal", &json!({}))
            .await
            .unwrap();
        let twice = suite.begin(&sitting, "document-feeder/busy", &json!({})).await;
        assert!(code(twice.unwrap_err()).contains("409 test-running"));
        let judged = suite.end(&sitting, "document-feeder/nominal").await.unwrap();
        assert!(
            judged.findings.iter().all(|finding| !finding.met),
            "{:?}",
            judged.findings
        );
        // A bundle of somebody else's making is found out.
        let closed = suite.close(&sitting).await.unwrap();
        let mut bundle = Bundle::read(&closed.bundle).unwrap();
        bundle.tests[0].findings[0].met = true;
        assert!(bundle.replay().is_err());
    });
}
