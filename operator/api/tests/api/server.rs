//! The same cases against a real API server (`DMP_E2E_KUBECONFIG`), which has the CRDs: the port in `kube-cel` is not it.

use std::path::Path;

use kube::api::{ApiResource, DeleteParams, DynamicObject, GroupVersionKind, PostParams};
use kube::config::{KubeConfigOptions, Kubeconfig};
use kube::{Api, Client, Config, ResourceExt};
use serde_json::{Value, json};

use crate::cases::{Case, NAMESPACE, all};

async fn client() -> Option<Client> {
    let Some(path) = std::env::var_os("DMP_E2E_KUBECONFIG") else {
        eprintln!("SKIPPED: DMP_E2E_KUBECONFIG names no API server");
        return None;
    };
    let _ = rustls::crypto::aws_lc_rs::default_provider().install_default();
    let kubeconfig = Kubeconfig::read_from(Path::new(&path)).unwrap();
    let config = Config::from_custom_kubeconfig(kubeconfig, &KubeConfigOptions::default())
        .await
        .unwrap();
    Some(Client::try_from(config).unwrap())
}

fn api(client: &Client, object: &Value) -> Api<DynamicObject> {
    let kind = object["kind"].as_str().unwrap();
    let crd = dmp_api::crds()
        .into_iter()
        .find(|crd| crd.spec.names.kind == kind)
        .unwrap();
    let gvk = GroupVersionKind::gvk("dmp.ma", "v1alpha1", kind);
    let resource = ApiResource::from_gvk_with_plural(&gvk, &crd.spec.names.plural);
    match object["metadata"]["namespace"].as_str() {
        Some(namespace) => Api::namespaced_with(client.clone(), namespace, &resource),
        None => Api::all_with(client.clone(), &resource),
    }
}

fn typed(object: &Value) -> DynamicObject {
    serde_json::from_value(object.clone()).unwrap()
}

/// What the API server says, without anything being kept.
async fn decide(client: &Client, case: &Case) -> Result<(), String> {
    let dry = PostParams {
        dry_run: true,
        ..PostParams::default()
    };
    let api = api(client, &case.new);
    let answer = match &case.old {
        None => api.create(&dry, &typed(&case.new)).await.map(|_| ()),
        Some(_) => {
            let name = case.new["metadata"]["name"].as_str().unwrap();
            let live = api.get(name).await.unwrap();
            let mut new = typed(&case.new);
            new.metadata.resource_version = live.resource_version();
            new.metadata.finalizers.clone_from(&live.metadata.finalizers);
            api.replace(name, &dry, &new).await.map(|_| ())
        }
    };
    match answer {
        Ok(()) => Ok(()),
        Err(kube::Error::Api(status)) if status.is_already_exists() => Ok(()),
        Err(kube::Error::Api(status)) => Err(status.message),
        Err(error) => panic!("{}: {error}", case.name),
    }
}

#[tokio::test]
async fn the_api_server_decides_each_case_alike() {
    let Some(client) = client().await else { return };
    let namespaces = Api::<k8s_openapi::api::core::v1::Namespace>::all(client.clone());
    let namespace = serde_json::from_value(json!({ "metadata": { "name": NAMESPACE } })).unwrap();
    let _ = namespaces.create(&PostParams::default(), &namespace).await;

    for case in all() {
        // An existing Platform is somebody's: only the rules about creation are asked of it.
        if case.kind == "Platform" && case.old.is_some() {
            eprintln!("SKIPPED: {} (needs a Platform of its own)", case.name);
            continue;
        }
        if let Some(old) = &case.old {
            let made = api(&client, old)
                .create(&PostParams::default(), &typed(old))
                .await;
            assert!(
                made.as_ref()
                    .err()
                    .is_none_or(|e| matches!(e, kube::Error::Api(s) if s.is_already_exists())),
                "{}: {made:?}",
                case.name
            );
        }
        let decision = decide(&client, &case).await;
        match case.refused {
            None => assert_eq!(decision, Ok(()), "{}", case.name),
            Some(message) => {
                let said = decision.expect_err(case.name);
                assert!(said.contains(message), "{}: {said}", case.name);
            }
        }
        if let Some(old) = &case.old {
            // A revocation stays: it cannot be deleted.
            let name = old["metadata"]["name"].as_str().unwrap();
            let _ = api(&client, old).delete(name, &DeleteParams::default()).await;
        }
    }
}
