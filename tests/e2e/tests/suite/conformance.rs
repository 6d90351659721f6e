//! The reference solution sits the conformance suite through the gateway, and what the platform makes of the result.

use std::path::Path;
use std::time::Duration;

use dmp_api::{ConformanceProfile, ConformanceRun};
use dmp_conformance::bundle::Bundle;
use dmp_conformance::suite::Suite as Profiles;
use dmpctl::demo::software::{Product, obtain};
use dmpctl::demo::{AUTHOR, TANGER, World};
use dmpctl::homologation;
use dmpctl::solution::given::Bench;
use dmpctl::solution::log_in::{Demonstration, LogIns as _};
use dmpctl::solution::suite::{Runner, Suite, sit};
use kube::api::{DeleteParams, Patch, PatchParams};
use kube::{Api, ResourceExt as _};
use serde_json::{Value, json};

use crate::stage::{Stage, binaries, on_stage};

/// A vendor with a certificate, and what its tests need.
struct Sandbox {
    folder: tempfile::TempDir,
    world: World,
    namespace: String,
    log_ins: Demonstration,
    software: dmpctl::demo::gateway::Software,
}

impl Sandbox {
    async fn open(stage: &Stage) -> Self {
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

    fn runner(&self, defect: Option<&str>) -> Runner {
        let program = binaries().join("dmp-solution");
        let defect = defect.map(|name| format!(" --defect {name}")).unwrap_or_default();
        Runner::Command {
            command: format!("{}{defect}", program.display()),
            gateway: self.world.gateway.base.clone(),
            ca: self.file("ca.pem"),
            identity: self.file("identity.pem"),
        }
    }

    fn file(&self, name: &str) -> std::path::PathBuf {
        Path::new(self.folder.path()).join(name)
    }

    async fn sit(&self, profile: &str, only: &[String], defect: Option<&str>) -> (Bundle, String) {
        let bench = Bench {
            software: &self.software,
            patient_app: Some(&self.world.amal),
            log_ins: &self.log_ins,
        };
        let suite = Suite::new(self.software.clone());
        let closed = sit(&suite, &bench, &self.runner(defect), profile, only, |line| {
            eprintln!("{line}")
        })
        .await
        .unwrap_or_else(|error| panic!("{}", error.for_people()));
        (Bundle::read(&closed.bundle).unwrap(), closed.statement)
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
fn the_reference_solution_passes_every_profile_and_the_result_counts() {
    on_stage("conformance", async |stage| {
        let sandbox = Sandbox::open(stage).await;
        let profiles = homologation::profiles().unwrap();
        let api: Api<ConformanceProfile> = Api::all(stage.client.clone());
        for profile in &profiles {
            let name = profile["metadata"]["name"].as_str().unwrap();
            let apply = PatchParams::apply("e2e").force();
            api.patch(name, &apply, &Patch::Apply(profile)).await.unwrap();
        }
        let mut seconds = Vec::new();
        for profile in Profiles::embedded().unwrap().profiles() {
            let began = std::time::Instant::now();
            let (bundle, statement) = sandbox.sit(&profile.scope, &[], None).await;
            seconds.push((profile.scope.clone(), began.elapsed().as_secs_f64()));
            assert_eq!(failures(&bundle), Vec::<String>::new(), "{}", profile.scope);
            assert!(bundle.passed(), "{:?}", bundle.requirements);
            bundle.replay().unwrap();
            counts(stage, &sandbox.namespace, &profile.scope, &statement, &bundle).await;
        }
        eprintln!("conformance: {seconds:?}");
        assert_no_secret(&sandbox).await;
    });
}

/// The operator believes the suite's signature, and nobody else's.
async fn counts(stage: &Stage, namespace: &str, name: &str, statement: &str, bundle: &Bundle) {
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
async fn assert_no_secret(sandbox: &Sandbox) {
    let only = ["nominal".to_owned()];
    let (bundle, _) = sandbox.sit("identity-feed", &only, None).await;
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
        let unknown = code(suite.open("no-such").await.unwrap_err());
        assert!(unknown.contains("404 no-such-profile"), "{unknown}");
        let sitting = suite.open("document-feeder").await.unwrap();
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
