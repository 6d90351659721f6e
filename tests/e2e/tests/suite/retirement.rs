//! A health group's life: ready in time, protected, retired with its data, back in service by applying it again.

use std::time::{Duration, Instant};

use dmp_api::HealthGroup;
use dmpctl::demo::software::{self, Product};
use dmpctl::demo::steps::publish::binaries;
use dmpctl::demo::submission::provide_bundle;
use dmpctl::demo::{AUTHOR, fixtures, people};
use k8s_openapi::api::apps::v1::Deployment;
use k8s_openapi::api::core::v1::PersistentVolumeClaim;
use kube::api::{DynamicObject, ListParams, Patch, PatchParams};
use kube::{Api, ResourceExt as _};
use reqwest::Method;
use serde_json::{Value, json};

use crate::stage::{Stage, on_stage};

const GROUP: &str = "oriental";

fn group() -> DynamicObject {
    serde_json::from_value(json!({
        "apiVersion": "dmp.ma/v1alpha1", "kind": "HealthGroup", "metadata": { "name": GROUP },
        "spec": {
            "kind": "gst", "region": "MA-02", "site": "appliance", "mode": "sandbox",
            "controller": { "name": "Groupement sanitaire territorial de l’Oriental" },
        },
    }))
    .unwrap()
}

async fn apply_until_ready(stage: &Stage) -> Duration {
    let start = Instant::now();
    dmpctl::kubernetes::apply::apply_all(&stage.client, &[group()])
        .await
        .unwrap();
    let ready = dmpctl::kubernetes::wait::all_ready(
        &stage.client,
        &stage.progress,
        &[group()],
        Duration::from_secs(240),
    )
    .await;
    ready.unwrap_or_else(|error| panic!("{}", error.for_people()));
    start.elapsed()
}

async fn volumes(stage: &Stage) -> Vec<String> {
    let api: Api<PersistentVolumeClaim> = Api::namespaced(stage.client.clone(), &format!("dmp-{GROUP}"));
    let mut uids: Vec<String> = api
        .list(&ListParams::default())
        .await
        .unwrap()
        .items
        .iter()
        .filter_map(kube::ResourceExt::uid)
        .collect();
    uids.sort();
    uids
}

#[test]
fn a_retired_group_keeps_its_data_and_comes_back() {
    on_stage("retirement", async |stage| {
        let took = apply_until_ready(stage).await;
        eprintln!(
            "HealthGroup {GROUP}: applied to Ready in {:.1} s",
            took.as_secs_f64()
        );

        // A document of this group, by a software of its own.
        let world = stage.world().await;
        let author = fixtures::professional(AUTHOR).unwrap();
        let product = Product {
            vendor: "atlas",
            solution: "sih-oriental",
            name: "SIH Atlas",
            kind: "hospital",
            version: "4.2.0",
            place: Some((&author.establishment, GROUP)),
        };
        let software = software::obtain(&stage.client, &stage.progress, &stage.gateway, &product)
            .await
            .unwrap();
        let identity = people::token(&stage.client, AUTHOR, &fixtures::professional_claims(&author))
            .await
            .unwrap();
        let token = software.token_when_known(&identity, "TREAT").await.unwrap();
        let path = format!(
            "/fhir/Patient?identifier={}",
            world.case.identifier().replace('|', "%7C")
        );
        let fed = software
            .send(Method::PUT, &path, Some(&token), &world.case.patient)
            .await
            .unwrap();
        let patient = fed.json()["id"]
            .as_str()
            .map(str::to_owned)
            .unwrap_or_else(|| panic!("{}", fed.summary()));
        let date = jiff::Timestamp::now().to_string();
        let bundle = provide_bundle(
            &patient,
            &world.case.submission,
            "urn:oid:2.999.212.5.9",
            &date,
            &[&world.case.letter],
        );
        let sent = software
            .send(Method::POST, "/fhir", Some(&token), &bundle)
            .await
            .unwrap();
        assert_eq!(sent.status.as_u16(), 200, "{}", sent.summary());
        let binary = binaries(&sent.json()).pop().unwrap();

        let api: Api<HealthGroup> = Api::all(stage.client.clone());
        let refused = api
            .delete(GROUP, &Default::default())
            .await
            .expect_err("deletion protection");
        assert!(refused.to_string().contains("deletionProtection"), "{refused}");
        let volumes_before = volumes(stage).await;
        assert_eq!(volumes_before.len(), 2, "records and keystore");

        retire(stage, &api).await;
        assert_eq!(volumes(stage).await, volumes_before, "the data stay");
        let own = world.patient_token().await.unwrap();
        let gone = world
            .amal
            .get(&format!("/fhir/{binary}"), Some(&own))
            .await
            .unwrap();
        assert!(!gone.status.is_success(), "{}", gone.summary());

        let took = apply_until_ready(stage).await;
        eprintln!(
            "HealthGroup {GROUP}: back in service in {:.1} s",
            took.as_secs_f64()
        );
        assert_eq!(volumes(stage).await, volumes_before);
        let own = world.patient_token().await.unwrap();
        let start = Instant::now();
        loop {
            let read = world
                .amal
                .get(&format!("/fhir/{binary}"), Some(&own))
                .await
                .unwrap();
            if read.status.as_u16() == 200 {
                assert!(read.body == world.case.letter.bytes);
                break;
            }
            assert!(start.elapsed() < Duration::from_secs(30), "{}", read.summary());
            tokio::time::sleep(Duration::from_millis(500)).await;
        }
        // Leaves nothing running behind, so that the next run begins with it retired.
        retire(stage, &api).await;
    });
}

async fn retire(stage: &Stage, api: &Api<HealthGroup>) {
    let unprotect: Value = json!({ "spec": { "deletionProtection": false } });
    api.patch(GROUP, &PatchParams::default(), &Patch::Merge(unprotect))
        .await
        .unwrap();
    api.delete(GROUP, &Default::default()).await.unwrap();
    let start = Instant::now();
    while api.get_opt(GROUP).await.unwrap().is_some() {
        assert!(
            start.elapsed() < Duration::from_secs(120),
            "the group is not retired"
        );
        tokio::time::sleep(Duration::from_millis(500)).await;
    }
    let deployments: Api<Deployment> = Api::namespaced(stage.client.clone(), &format!("dmp-{GROUP}"));
    let left: Vec<String> = deployments
        .list(&ListParams::default())
        .await
        .unwrap()
        .items
        .iter()
        .map(|d| d.name_any())
        .collect();
    assert_eq!(left, Vec::<String>::new(), "workloads go");
}
