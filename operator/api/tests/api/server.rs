//! The same cases against a real API server that serves the CRDs: the port in `kube-cel` is not it.

use std::time::Duration;

use dmp_testkit::ControlPlane;
use dmp_testkit::kubernetes::client_of;
use k8s_openapi::api::core::v1::Namespace;
use k8s_openapi::apiextensions_apiserver::pkg::apis::apiextensions::v1::CustomResourceDefinition;
use kube::api::{ApiResource, DeleteParams, DynamicObject, GroupVersionKind, ListParams, PostParams};
use kube::{Api, Client, ResourceExt};
use serde_json::{Value, json};

use crate::cases::{Case, NAMESPACE, all};

/// The CRDs, served, and the vendor's namespace.
async fn install(control_plane: &ControlPlane) -> Client {
    let client = client_of(&control_plane.kubeconfig()).await;
    let crds = Api::<CustomResourceDefinition>::all(client.clone());
    for crd in dmp_api::crds() {
        let _ = crds.create(&PostParams::default(), &crd).await.unwrap();
    }
    for crd in dmp_api::crds() {
        let any = json!({ "kind": crd.spec.names.kind, "metadata": {} });
        let served = api(&client, &any);
        while served.list(&ListParams::default()).await.is_err() {
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    }
    let namespaces = Api::<Namespace>::all(client.clone());
    let namespace = serde_json::from_value(json!({ "metadata": { "name": NAMESPACE } })).unwrap();
    let _ = namespaces
        .create(&PostParams::default(), &namespace)
        .await
        .unwrap();
    client
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
        Err(kube::Error::Api(status)) => Err(status.message),
        Err(error) => panic!("{}: {error}", case.name),
    }
}

#[tokio::test]
async fn the_api_server_decides_each_case_alike() {
    let Some(control_plane) = ControlPlane::start().await else {
        return;
    };
    let client = install(&control_plane).await;
    for case in all() {
        if let Some(old) = &case.old {
            let made = api(&client, old)
                .create(&PostParams::default(), &typed(old))
                .await;
            assert!(made.is_ok(), "{}: {made:?}", case.name);
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
            let name = old["metadata"]["name"].as_str().unwrap();
            api(&client, old)
                .delete(name, &DeleteParams::default())
                .await
                .unwrap();
        }
    }
}
