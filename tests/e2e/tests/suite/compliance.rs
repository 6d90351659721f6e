//! What a running platform comes to by the catalogue of controls: reported, found when it is broken, and no longer when it is
//! mended; and the drill, which breaks it.

use std::time::{Duration, Instant};

use dmp_api::{ControlEvidence, HealthGroup, PolicyException};
use dmp_appliance::Progress;
use dmp_policies::Catalogue;
use dmp_policies::openreports::{self, Report};
use dmp_policies::posture::{Standing, posture};
use dmp_testkit::kubernetes::api_of;
use dmpctl::compliance::attest::{AttestOptions, attest};
use dmpctl::compliance::drill::{Answer, DrillOptions, Drilled, drill, table};
use dmpctl::compliance::except::{ApproveExceptionOptions, ExceptOptions, approve, except};
use dmpctl::compliance::{Format, standing};
use dmpctl::demo::TANGER;
use jiff::Timestamp;
use k8s_openapi::api::admissionregistration::v1::ValidatingAdmissionPolicyBinding;
use k8s_openapi::api::rbac::v1::ClusterRoleBinding;
use kube::api::{DeleteParams, ListParams, Patch, PatchParams};
use kube::{Api, Client, ResourceExt as _};
use serde_json::{Value, json};

use crate::network_probe::enforcement;
use crate::stage::on_stage;

/// A change is in the report within this time.
const WITHIN: Duration = Duration::from_secs(60);

/// Waits for a report of which that holds; how long it took.
async fn until(
    client: &Client,
    what: &str,
    within: Duration,
    holds: impl Fn(&[Standing<'_>]) -> bool,
) -> Duration {
    let catalogue = Catalogue::embedded().unwrap();
    let begun = Instant::now();
    let mut last = String::new();
    while begun.elapsed() < within {
        match standing::read(client).await {
            Ok(report) => {
                if holds(&posture(&catalogue, &report, Timestamp::now())) {
                    return begun.elapsed();
                }
                last = format!("{report:#?}");
            }
            Err(error) => last = error.for_people(),
        }
        tokio::time::sleep(Duration::from_millis(500)).await;
    }
    panic!("{what} within {within:?}; the report: {last}")
}

/// What is said of one check.
fn said(standings: &[Standing<'_>], control: &str, check: &str) -> (String, String) {
    let mut standings = standings.iter().filter(|one| one.control.id == control);
    let said = standings
        .next()
        .and_then(|one| one.said.iter().find(|said| said.about == check));
    said.map_or_else(Default::default, |said| {
        (said.verdict.as_str().to_owned(), said.because.clone())
    })
}

async fn apply(client: &Client, object: &Value) {
    let name = object["metadata"]["name"].as_str().unwrap();
    let parameters = PatchParams::apply("e2e").force();
    api_of(client, object)
        .patch(name, &parameters, &Patch::Apply(object))
        .await
        .unwrap();
}

#[test]
fn every_listener_of_the_platform_is_probed_and_offers_what_it_may() {
    on_stage("tls", async |stage| {
        // Two looks of the probe: what had not answered at the first does at the second.
        let within = Duration::from_secs(300);
        let took = until(&stage.client, "TLS as it should be", within, |standings| {
            ["endpoints", "stores"]
                .iter()
                .all(|check| said(standings, "DMP-CRY-06", check).0 == "pass")
        })
        .await;
        eprintln!("compliance: TLS is probed after {took:?}");
    });
}

#[test]
fn keys_and_clocks_are_measured_and_as_they_should_be() {
    on_stage("measured", async |stage| {
        // A round that came before the keys were complete is repeated after two minutes.
        let within = Duration::from_secs(300);
        let took = until(&stage.client, "keys and clocks", within, |standings| {
            let passes = |control, check| said(standings, control, check).0 == "pass";
            ["age", "kept", "authorities"]
                .iter()
                .all(|check| passes("DMP-CRY-04", *check))
                && passes("DMP-LOG-05", "skew")
                && passes("DMP-LOG-01", "oldest")
                && passes("DMP-IAM-05", "dormant")
        })
        .await;
        eprintln!("compliance: keys, clocks, logs and accounts are measured after {took:?}");
    });
}

#[test]
fn a_platform_says_which_controls_hold_and_a_breach_is_found() {
    on_stage("compliance", async |stage| {
        let client = &stage.client;
        enforcement(client).await;
        let first = until(
            client,
            "every control reported",
            Duration::from_secs(120),
            |standings| {
                let passes = |control, check| said(standings, control, check).0 == "pass";
                standings.len() == 59
                    && passes("DMP-NET-01", "probe")
                    && passes("DMP-NET-02", "services")
                    && passes("DMP-NET-02", "host")
                    && passes("DMP-GOV-01", "decision")
                    && passes("DMP-GOV-03", "exceptions")
                    && passes("DMP-GOV-04", "fresh")
                    && passes("DMP-INC-01", "clocks")
                    && passes("DMP-IAM-03", "pairs")
                    && passes("DMP-IAM-04", "tokens")
                    && passes("DMP-IAM-04", "subjects")
                    && passes("DMP-WRK-06", "pods")
                    && passes("DMP-WRK-01", "labels")
                    && passes("DMP-GOV-05", "labels")
            },
        )
        .await;
        eprintln!("compliance: all of it reported after {first:?}");

        // An appliance has one zone, and its site no qualification: both are found.
        let catalogue = Catalogue::embedded().unwrap();
        let report = standing::read(client).await.unwrap();
        let standings = posture(&catalogue, &report, Timestamp::now());
        for (control, check) in [("DMP-BCK-04", "spread"), ("DMP-RES-05", "qualified")] {
            let (verdict, because) = said(&standings, control, check);
            assert_eq!(verdict, "fail", "{control}: {because}");
        }
        let (_, because) = said(&standings, "DMP-NET-01", "policies");
        assert!(
            !because.contains("dmp-national") && !because.contains("dmp-evidence"),
            "{because}"
        );
        let text = standing::status(&catalogue, &report, Default::default(), Timestamp::now());
        assert!(
            text.contains("DMP-RES-05") && text.contains("ni certification"),
            "{text}"
        );
        eprintln!("{}", text.lines().take(14).collect::<Vec<_>>().join("\n"));

        // Somebody gives a pipeline every right of the cluster, and takes it away.
        let binding = json!({
            "apiVersion": "rbac.authorization.k8s.io/v1", "kind": "ClusterRoleBinding", "metadata": { "name": "e2e-pipeline" },
            "roleRef": { "apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole", "name": "cluster-admin" },
            "subjects": [{ "kind": "ServiceAccount", "name": "e2e-pipeline", "namespace": "default" }],
        });
        apply(client, &binding).await;
        let named = |standings: &[Standing<'_>]| {
            said(standings, "DMP-IAM-01", "grants")
                .1
                .contains("default/e2e-pipeline")
        };
        let found = until(client, "the pipeline found", WITHIN, named).await;
        api_of(client, &binding)
            .delete("e2e-pipeline", &DeleteParams::default())
            .await
            .unwrap();
        let mended = until(client, "the pipeline gone", WITHIN, |standings| !named(standings)).await;

        // Somebody deletes a namespace's report: it comes back.
        let own = json!({
            "apiVersion": "openreports.io/v1alpha1", "kind": "Report",
            "metadata": { "name": openreports::NAME, "namespace": "dmp-national" },
        });
        api_of(client, &own)
            .delete(openreports::NAME, &DeleteParams::default())
            .await
            .unwrap();
        let begun = Instant::now();
        let again = loop {
            if let Some(live) = api_of(client, &own).get_opt(openreports::NAME).await.unwrap() {
                break live;
            }
            assert!(begun.elapsed() < WITHIN, "the report of dmp-national is not back");
            tokio::time::sleep(Duration::from_millis(500)).await;
        };
        let again: Report = serde_json::from_value(again.data).unwrap();
        assert!(again.results.iter().any(|one| one.policy == "DMP-NET-01"));
        eprintln!(
            "compliance: found after {found:?}, seen to be mended after {mended:?}, back after {:?}",
            begun.elapsed()
        );
    });
}

#[test]
fn what_is_tolerated_for_a_while_is_reported_as_that_and_never_as_a_pass() {
    on_stage("exceptions", async |stage| {
        let client = &stage.client;
        let catalogue = Catalogue::embedded().unwrap();
        let today = Timestamp::now().to_zoned(jiff::tz::TimeZone::UTC).date();
        // The site of an appliance has no qualification.
        let options = ExceptOptions {
            id: "DMP-RES-05".to_owned(),
            check: "qualified".to_owned(),
            namespaces: Vec::new(),
            reason: "the appliance of a developer".to_owned(),
            until: today.tomorrow().unwrap(),
        };
        let name = except(client, &catalogue, &options).await.unwrap();
        let asked = ApproveExceptionOptions { name: name.clone() };
        // Whoever asked approves nothing, whatever they may.
        let refused = approve(client, &asked).await.unwrap_err();
        assert!(
            refused.for_people().contains("another person in another role"),
            "{}",
            refused.for_people()
        );
        let person = "samira@security.example";
        let binding = json!({
            "apiVersion": "rbac.authorization.k8s.io/v1", "kind": "ClusterRoleBinding", "metadata": { "name": "e2e-security" },
            "roleRef": { "apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole", "name": "dmp-security" },
            "subjects": [{ "kind": "User", "apiGroup": "rbac.authorization.k8s.io", "name": person }],
        });
        apply(client, &binding).await;
        let kubeconfig = kube::config::Kubeconfig::read_from(&stage.running.kubeconfig).unwrap();
        let options = kube::config::KubeConfigOptions::default();
        let mut config = kube::Config::from_custom_kubeconfig(kubeconfig, &options)
            .await
            .unwrap();
        config.auth_info.impersonate = Some(person.to_owned());
        let security = Client::try_from(config).unwrap();
        // She answers for the control: she would be the one to ask, and holds no other role.
        let refused = approve(&security, &asked).await.unwrap_err();
        assert!(
            refused.for_people().contains("as a role that one holds"),
            "{}",
            refused.for_people()
        );
        let mut host = binding.clone();
        (host["metadata"]["name"], host["roleRef"]["name"]) = (json!("e2e-host"), json!("dmp-host"));
        apply(client, &host).await;
        let begun = Instant::now();
        while let Err(refused) = approve(&security, &asked).await {
            assert!(begun.elapsed() < WITHIN, "{}", refused.for_people());
            tokio::time::sleep(Duration::from_millis(500)).await;
        }
        let is = |wanted: &'static str| {
            move |standings: &[Standing<'_>]| said(standings, "DMP-RES-05", "qualified").0 == wanted
        };
        let found = until(client, "the exception in the report", WITHIN, is("excepted")).await;
        let api: Api<PolicyException> = Api::all(client.clone());
        api.delete(&name, &DeleteParams::default()).await.unwrap();
        let ended = until(client, "the exception ended", WITHIN, is("fail")).await;
        for binding in [&binding, &host] {
            let name = binding["metadata"]["name"].as_str().unwrap();
            let gone = api_of(client, binding)
                .delete(name, &DeleteParams::default())
                .await;
            gone.unwrap();
        }
        eprintln!("compliance: an exception is in the report after {found:?}, out of it after {ended:?}");
    });
}

#[test]
fn what_people_bring_is_in_the_report_in_their_name_and_stays() {
    on_stage("attest", async |stage| {
        let client = &stage.client;
        let catalogue = Catalogue::embedded().unwrap();
        let folder = tempfile::tempdir().unwrap();
        let day = Timestamp::now().to_zoned(jiff::tz::TimeZone::UTC).date();
        let facts = folder.path().join("review.json");
        std::fs::write(
            &facts,
            json!({ "reviews": { "rightsAt": day, "backupAccessAt": day } }).to_string(),
        )
        .unwrap();
        let paper = folder.path().join("review.pdf");
        std::fs::write(&paper, "the record of a review").unwrap();
        let options = AttestOptions {
            id: Some("DMP-IAM-06".to_owned()),
            inputs: Some(facts),
            tests: None,
            documents: vec![paper],
            collected_at: None,
        };
        let brought = attest(client, &catalogue, &options).await.unwrap();
        let passes = |standings: &[Standing<'_>]| {
            ["ages", "document"]
                .iter()
                .all(|rule| said(standings, "DMP-IAM-06", rule).0 == "pass")
        };
        let found = until(client, "the review in the report", WITHIN, passes).await;
        eprintln!("compliance: what was brought is in the report after {found:?}");

        // `kubectl get ctlevi` says whether it can count, and who brought it; nobody takes it away.
        let api: Api<ControlEvidence> = Api::all(client.clone());
        let name = &brought[0];
        let object = api.get(name).await.unwrap();
        let conditions = object.status.unwrap_or_default().conditions;
        assert!(
            conditions
                .iter()
                .any(|one| one.type_ == "Ready" && one.status == "True"),
            "{conditions:?}"
        );
        assert!(!object.spec.by.is_empty());
        let removed = api.delete(name, &DeleteParams::default()).await.unwrap_err();
        assert!(removed.to_string().contains("is kept"), "{removed}");
        // What says nothing is refused before anything is sent.
        let nothing = AttestOptions {
            documents: Vec::new(),
            inputs: None,
            ..options
        };
        let refused = attest(client, &catalogue, &nothing).await.unwrap_err();
        assert_eq!(refused.code, "evidence-not-usable");
    });
}

fn drilled_on(group: &str) -> DrillOptions {
    DrillOptions {
        group: group.to_owned(),
        within: WITHIN.as_secs(),
        format: Format::Table,
    }
}

#[test]
fn what_somebody_breaks_is_refused_or_put_back_or_reported() {
    on_stage("drill", async |stage| {
        let client = &stage.client;
        let silent = Progress::silent();
        let nowhere = drill(client, &drilled_on("nowhere"), &silent).await.unwrap_err();
        assert_eq!(nowhere.code, "drill-group");

        // Twice: what the first one broke is whole again.
        for _ in 0..2 {
            let drilled = drill(client, &drilled_on(TANGER), &silent).await.unwrap();
            eprintln!("{}", table(&drilled));
            assert!(drilled.len() >= 10);
            let missed: Vec<&Drilled> = drilled
                .iter()
                .filter(|one| !one.outcome.answer.is_good())
                .collect();
            assert!(missed.is_empty(), "{missed:#?}");
            for answer in [Answer::PutBack, Answer::Reported] {
                assert!(
                    drilled.iter().any(|one| one.outcome.answer == answer),
                    "{answer:?}"
                );
            }
        }

        let bindings: Api<ClusterRoleBinding> = Api::all(client.clone());
        let left = bindings
            .list_metadata(&ListParams::default())
            .await
            .unwrap()
            .items;
        assert!(!left.iter().any(|one| one.name_any().starts_with("dmp-drill-")));
        let rules: Api<ValidatingAdmissionPolicyBinding> = Api::all(client.clone());
        let rule = rules.get("dmp-ingresses").await.unwrap();
        assert_eq!(rule.spec.validation_actions, ["Deny"]);
        let groups: Api<HealthGroup> = Api::all(client.clone());
        assert!(groups.get_opt(TANGER).await.unwrap().is_some());
    });
}
