//! `preflight`, `install` and `uninstall` on a real API server that has nothing else: no nodes, no volumes, no databases.
//!
//! What needs pods is in the end-to-end suite (`other_cluster`).
#![allow(clippy::unwrap_used)]

mod history;
mod vulnerabilities;

use dmp_appliance::Progress;
use dmp_testkit::ControlPlane;
use dmp_testkit::kubernetes::client_as;
use dmpctl::install::command::{Dependencies, Dependency, InstallCommand, RegistryChoice};
use dmpctl::install::{self, InstallOptions, ProductImages, cnpg, openbao};
use dmpctl::kubernetes::{ClusterOptions, apply, connect_named};
use dmpctl::preflight::{self, PreflightOptions, Size, Verdict};
use dmpctl::uninstall::{Ended, UninstallOptions, uninstall};
use dmpctl::{uninstall as command, upgrade};
use k8s_openapi::api::apps::v1::Deployment;
use k8s_openapi::api::core::v1::{Namespace, PersistentVolumeClaim, Service};
use k8s_openapi::api::rbac::v1::ClusterRole;
use k8s_openapi::apiextensions_apiserver::pkg::apis::apiextensions::v1::CustomResourceDefinition;
use kube::api::{ListParams, Patch, PatchParams, PostParams};
use kube::{Api, Client, ResourceExt as _};

/// The context that the kit's kubeconfig has.
const CONTEXT: &str = "c";

fn options(cnpg: Dependency) -> PreflightOptions {
    PreflightOptions {
        groups: 2,
        sizing: Size::Small,
        storage_class: None,
        dependencies: Dependencies {
            cnpg,
            openbao: Dependency::Managed,
        },
        dmp_image: None,
        registry: RegistryChoice::default(),
    }
}

fn images() -> ProductImages {
    ProductImages {
        dmp: "r.example.ma/dmp:1".to_owned(),
        openbao: "r.example.ma/openbao:2".to_owned(),
    }
}

fn cluster(control_plane: &ControlPlane) -> ClusterOptions {
    ClusterOptions {
        kubeconfig: Some(control_plane.kubeconfig()),
        context: Some(CONTEXT.to_owned()),
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_empty_cluster_is_judged_line_by_line() {
    let Some(control_plane) = ControlPlane::start().await else {
        return;
    };
    let client = connect_named(&cluster(&control_plane)).await.unwrap();
    let verdicts = |checks: Vec<preflight::Check>| -> Vec<(&str, Verdict)> {
        checks.iter().map(|check| (check.name, check.verdict)).collect()
    };
    let all = preflight::checks(&client, &options(Dependency::Existing), None, &Progress::silent()).await;
    let all = all.unwrap();
    assert!(
        all.iter()
            .filter(|check| check.verdict == Verdict::Bad)
            .all(|check| !check.remedy.is_empty()),
        "{all:#?}"
    );
    assert_eq!(
        verdicts(all),
        [
            ("version", Verdict::Good),
            ("clock", Verdict::Good),
            ("rights", Verdict::Good),
            ("admission", Verdict::Good),
            ("storage", Verdict::Bad),
            ("CloudNativePG", Verdict::Bad),
            ("OpenBao", Verdict::Good),
            ("capacity", Verdict::Bad),
            ("Pod Security", Verdict::Good),
            ("our pods", Verdict::Good),
            ("network policies", Verdict::Unknown),
        ]
    );
    let managed = preflight::checks(&client, &options(Dependency::Managed), None, &Progress::silent()).await;
    assert!(verdicts(managed.unwrap()).contains(&("CloudNativePG", Verdict::Good)));
    let failed = preflight::run(&cluster(&control_plane), &options(Dependency::Existing))
        .await
        .unwrap_err();
    assert_eq!(failed.code, "preflight");
    assert!(failed.message.contains("3 of 11"), "{}", failed.message);
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_is_installed_where_something_is_missing() {
    let Some(control_plane) = ControlPlane::start().await else {
        return;
    };
    let command = |cnpg, context: Option<&str>| {
        let cluster = ClusterOptions {
            context: context.map(str::to_owned),
            ..cluster(&control_plane)
        };
        let command = InstallCommand {
            options: InstallOptions {
                domain: "dmp.test".to_owned(),
                public_names: Vec::new(),
                demonstration: false,
                custody: None,
                images: images(),
                storage_class: None,
            },
            registry: RegistryChoice::default(),
            dependencies: Dependencies {
                cnpg,
                openbao: Dependency::Managed,
            },
            without_manifests: false,
        };
        async move { install::command::run(&cluster, &command).await.unwrap_err().code }
    };
    assert_eq!(command(Dependency::Existing, None).await, "context-missing");
    assert_eq!(
        command(Dependency::Existing, Some("other")).await,
        "context-unknown"
    );
    assert_eq!(command(Dependency::Existing, Some(CONTEXT)).await, "cnpg-missing");
    assert_eq!(
        command(Dependency::Managed, Some(CONTEXT)).await,
        "registry-missing"
    );
    let client = connect_named(&cluster(&control_plane)).await.unwrap();
    assert_eq!(cnpg::find(&client).await.unwrap(), None);
    let target = upgrade::Target {
        images: images(),
        postgres: None,
        release: "2".to_owned(),
    };
    let refused = upgrade::upgrade(&client, &Progress::silent(), &target)
        .await
        .unwrap_err();
    assert_eq!(refused.code, "not-installed");
    assert_eq!(definitions(&client).await, 0);
}

/// What `install` applies, without waiting for pods that nobody starts here.
async fn apply_everything(client: &Client) {
    install::custom_resources(client, &Progress::silent())
        .await
        .unwrap();
    openbao::deploy(client, &images(), None).await.unwrap();
    let mut operator = install::manifests("manifests/operator").unwrap();
    images().put_into(&mut operator);
    apply::apply_all(client, &operator).await.unwrap();
}

async fn definitions(client: &Client) -> usize {
    let api: Api<CustomResourceDefinition> = Api::all(client.clone());
    api.list(&ListParams::default()).await.unwrap().items.len()
}

/// Owner and class of an object in `dmp-system`, or of that namespace.
async fn said<K>(api: &Api<K>, name: &str) -> [String; 2]
where
    K: kube::Resource + Clone + std::fmt::Debug + serde::de::DeserializeOwned,
{
    let live = api.get(name).await.unwrap();
    ["dmp.ma/owner", "dmp.ma/data-class"].map(|label| live.labels().get(label).cloned().unwrap_or_default())
}

#[tokio::test(flavor = "multi_thread")]
async fn an_owner_of_ones_own_stays_and_volumes_from_before_are_labelled() {
    let Some(control_plane) = ControlPlane::start().await else {
        return;
    };
    let client = connect_named(&cluster(&control_plane)).await.unwrap();
    apply_everything(&client).await;
    let spaces: Api<Namespace> = Api::all(client.clone());
    let services: Api<Service> = Api::namespaced(client.clone(), "dmp-system");
    assert_eq!(said(&spaces, "dmp-system").await, ["national", "3"]);
    assert_eq!(said(&spaces, "dmp-evidence").await, ["national", "2"]);
    assert_eq!(said(&services, "dmp-operator").await, ["national", "3"]);

    let own = r#"{"metadata":{"labels":{"dmp.ma/owner":"cloud-operations","dmp.ma/data-class":"4"}}}"#;
    let own: serde_json::Value = serde_json::from_str(own).unwrap();
    let parameters = PatchParams::default();
    spaces
        .patch("dmp-system", &parameters, &Patch::Merge(&own))
        .await
        .unwrap();
    // As the controller of StatefulSets makes it, whom nobody plays here.
    let claims: Api<PersistentVolumeClaim> = Api::namespaced(client.clone(), "dmp-system");
    let controller = "system:serviceaccount:kube-system:statefulset-controller";
    let controller = client_as(&control_plane.kubeconfig(), controller, &["system:masters"]).await;
    let from_before = r#"{"metadata":{"name":"data-openbao-0"},"spec":{
        "accessModes":["ReadWriteOnce"],"resources":{"requests":{"storage":"1Gi"}}}}"#;
    Api::<PersistentVolumeClaim>::namespaced(controller, "dmp-system")
        .create(
            &PostParams::default(),
            &serde_json::from_str(from_before).unwrap(),
        )
        .await
        .unwrap();
    for _ in 0..2 {
        apply_everything(&client).await;
        openbao::label_volumes(&client).await.unwrap();
    }
    assert_eq!(said(&spaces, "dmp-system").await, ["cloud-operations", "4"]);
    assert_eq!(said(&services, "openbao").await, ["cloud-operations", "4"]);
    assert_eq!(said(&claims, "data-openbao-0").await, ["cloud-operations", "4"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn uninstalled_twice_the_definitions_stay_and_installed_again_it_is_there() {
    let Some(control_plane) = ControlPlane::start().await else {
        return;
    };
    let client = connect_named(&cluster(&control_plane)).await.unwrap();
    for _ in 0..2 {
        apply_everything(&client).await;
        let ended = uninstall(&client, &Progress::silent()).await.unwrap();
        assert_eq!(
            (ended.workloads, ended.databases),
            (3, 0),
            "operator, evaluator and OpenBao"
        );
        assert!(ended.rights >= 8, "{ended:?}");
        let again = uninstall(&client, &Progress::silent()).await.unwrap();
        assert_eq!(again, Ended::default());
        assert!(definitions(&client).await >= 7);
        let deployments: Api<Deployment> = Api::all(client.clone());
        let roles: Api<ClusterRole> = Api::all(client.clone());
        let ours = ListParams::default().labels("app.kubernetes.io/part-of=dmp");
        assert_eq!(deployments.list(&ours).await.unwrap().items.len(), 0);
        assert_eq!(roles.list(&ours).await.unwrap().items.len(), 0);
        let spaces: Api<Namespace> = Api::all(client.clone());
        assert!(
            spaces.get_opt("dmp-system").await.unwrap().is_some(),
            "it holds the seal key"
        );
    }
    // Another platform's domain is no confirmation.
    let site = r#"{"apiVersion":"dmp.ma/v1alpha1","kind":"Site","metadata":{"name":"s"},"spec":{"territory":"MA","region":"MA-01"}}"#;
    let platform = r#"{"apiVersion":"dmp.ma/v1alpha1","kind":"Platform","metadata":{"name":"national"},"spec":{
        "release":"1","images":{"dmp":"d","postgres":"p"},"domain":"dmp.test","site":"s",
        "gateway":{"publicNames":["gateway.dmp.test"]}}}"#;
    for text in [site, platform] {
        apply::apply_all(&client, &apply::parse("t", text).unwrap())
            .await
            .unwrap();
    }
    let mistaken = UninstallOptions {
        delete_data: true,
        confirm: Some("other.test".to_owned()),
    };
    let refused = command::run(&cluster(&control_plane), &mistaken)
        .await
        .unwrap_err();
    assert_eq!(refused.code, "not-confirmed");
    assert!(definitions(&client).await >= 7);
}
