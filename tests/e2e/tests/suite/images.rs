//! Which images run, on a running platform: the security entity signs what the build made, from then on a pod of anything else is
//! refused with its sentence, what runs is found to be what was signed, and the platform serves on.

use std::path::PathBuf;
use std::time::Duration;

use dmp_api::{ImageRelease, Platform};
use dmp_appliance::Progress;
use dmp_policies::openreports::Answer;
use dmpctl::compliance::standing;
use dmpctl::images::sign::{SignCommand, sign};
use dmpctl::images::signed::require_signed;
use dmpctl::images::source::SourceOptions;
use k8s_openapi::api::core::v1::{ConfigMap, Pod};
use kube::api::{DeleteParams, ListParams, PostParams};
use kube::{Api, Client};
use serde_json::json;

use crate::images_vulnerabilities::known_ones_are_found;
use crate::signed::{security, signature, until};
use crate::stage::{binaries, on_stage};

const WITHIN: Duration = Duration::from_secs(180);

/// A pod that nothing else refuses; `Ok` when it was made (and taken away again).
async fn tried(client: &Client, image: &str) -> Result<(), String> {
    let pods = Api::<Pod>::namespaced(client.clone(), "dmp-national");
    let pod: Pod = serde_json::from_value(json!({
        "metadata": { "name": "image-trial" },
        "spec": {
            "automountServiceAccountToken": false,
            "securityContext": { "runAsNonRoot": true, "runAsUser": 65532, "seccompProfile": { "type": "RuntimeDefault" } },
            "containers": [{
                "name": "trial", "image": image, "imagePullPolicy": "Never",
                "securityContext": { "allowPrivilegeEscalation": false, "capabilities": { "drop": ["ALL"] } },
                "resources": { "requests": { "cpu": "1m", "memory": "1Mi" }, "limits": { "cpu": "1m", "memory": "1Mi" } },
            }],
        },
    }))
    .unwrap();
    pods.create(&PostParams::default(), &pod)
        .await
        .map_err(|error| error.to_string())?;
    let at_once = DeleteParams::default().grace_period(0);
    pods.delete("image-trial", &at_once).await.unwrap();
    Ok(())
}

/// What the evaluator answers to a check, and why.
pub async fn answer(client: &Client, control: &str, check: &str) -> (Answer, String) {
    let report = standing::read(client).await.unwrap();
    let mut results = report.results.into_iter();
    let found = results.find(|one| one.policy == control && one.rule == check);
    let found = found.expect("the evaluator answers it");
    (found.result, found.message)
}

#[test]
fn what_nobody_signed_for_does_not_run_on_the_appliance() {
    on_stage("images", async |stage| {
        let client = &stage.client;
        let platforms = Api::<Platform>::all(client.clone());
        let platform = platforms.get("national").await.unwrap();
        let security = security(client, &platform).await;
        let releases = Api::<ImageRelease>::all(client.clone());
        if releases
            .list(&ListParams::default())
            .await
            .unwrap()
            .items
            .is_empty()
        {
            let (verdict, message) = answer(client, "DMP-WRK-02", "images").await;
            eprintln!("images: before anybody signed: {message}");
            assert_eq!(verdict, Answer::Fail);
        }

        let folder = tempfile::tempdir().unwrap();
        let command = SignCommand {
            signature: signature(&security, folder.path()),
            source: SourceOptions {
                from: None,
                cache: std::env::var_os("DMP_CACHE").map(PathBuf::from),
                binaries: Some(binaries()),
            },
            registry: "registry.dmp.internal".to_owned(),
            domain: platform.spec.domain.clone(),
            keep: Vec::new(),
            comment: "nomenclatures lues".to_owned(),
        };
        let set = command.source.open(&Progress::silent()).await.unwrap();
        let text = sign(&set, &command).unwrap();
        eprintln!(
            "images: the release of {} images is {} bytes",
            set.images.len(),
            text.len()
        );
        let release: ImageRelease = serde_saphyr::from_str(&text).unwrap();
        releases.create(&PostParams::default(), &release).await.unwrap();
        let listed = until("the list", WITHIN, || async {
            let lists = Api::<ConfigMap>::namespaced(client.clone(), "dmp-system");
            let list = lists.get_opt("admitted-images").await.unwrap();
            list.and_then(|list| list.data)
                .is_some_and(|data| data.len() == set.images.len())
        })
        .await;
        let foreign = &stage.running.images.busybox.reference;
        let refused = until("a foreign image refused", WITHIN, || async {
            let told = tried(client, foreign).await;
            told.is_err_and(|why| why.contains("nobody signed for this image"))
        })
        .await;
        eprintln!("images: listed after {listed:?}, refused after {refused:?} more");
        let own = &stage.running.images.dmp.reference;
        tried(client, own).await.expect("what was signed runs");
        let (tagged, _) = own.split_once('@').unwrap();
        let refused = tried(client, tagged).await.expect_err("a tag may be moved");
        assert!(refused.contains("kubectl get imagereleases"), "{refused}");

        // Who would bring it in is told before anything is begun.
        require_signed(client, std::iter::once(own)).await.unwrap();
        let told = require_signed(client, std::iter::once(foreign))
            .await
            .unwrap_err();
        assert_eq!(told.code, "image-not-signed");

        let holds = until("the control holds", WITHIN, || async {
            answer(client, "DMP-WRK-02", "images").await.0 == Answer::Pass
        })
        .await;
        eprintln!("images: DMP-WRK-02 passes after {holds:?} more");

        // Every service is made anew under the list: nothing of the platform was forgotten in it.
        let pods = Api::<Pod>::namespaced(client.clone(), "dmp-national");
        let of_audit = ListParams::default().labels("app.kubernetes.io/name=audit");
        let before = pods.list(&of_audit).await.unwrap().items;
        let databases = ListParams::default().labels("cnpg.io/cluster=audit");
        for pod in before.iter().chain(&pods.list(&databases).await.unwrap().items) {
            let name = pod.metadata.name.as_deref().unwrap();
            pods.delete(name, &DeleteParams::default()).await.unwrap();
        }
        let ready = |pod: &Pod| {
            let conditions = pod.status.as_ref().and_then(|status| status.conditions.as_ref());
            pod.metadata.deletion_timestamp.is_none()
                && conditions
                    .is_some_and(|all| all.iter().any(|one| one.type_ == "Ready" && one.status == "True"))
        };
        let back = until("audit and its database again", WITHIN, || async {
            let services = pods.list(&of_audit).await.unwrap().items;
            let stores = pods.list(&databases).await.unwrap().items;
            services.iter().any(ready) && stores.iter().any(ready)
        })
        .await;
        eprintln!("images: audit and its database were made anew in {back:?}");
        known_ones_are_found(stage).await;
    });
}
