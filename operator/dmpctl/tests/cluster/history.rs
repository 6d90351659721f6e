//! The history of the posture is read with the role that auditors get, and with no less.

use dmp_policies::Verdict;
use dmp_policies::history::{Data, Day, History, list_name};
use dmp_testkit::ControlPlane;
use dmp_testkit::kubernetes::{client_as, client_of};
use dmpctl::compliance::history::{HistoryFormat, HistoryOptions, read, show, verified};
use dmpctl::kubernetes::apply;
use jiff::civil::date;
use kube::Client;
use kube::api::DynamicObject;
use serde_json::{Value, json};

const IDS: [&str; 1] = ["DMP-NET-01"];

async fn put(client: &Client, object: Value) {
    let object: DynamicObject = serde_json::from_value(object).unwrap();
    apply::apply(client, &object).await.unwrap();
}

async fn put_days(client: &Client, data: &Data) {
    let metadata = json!({ "name": "posture-2026", "namespace": "dmp-evidence" });
    put(
        client,
        json!({ "apiVersion": "v1", "kind": "ConfigMap", "metadata": metadata, "data": data }),
    )
    .await;
}

/// Namespace and roles of the evaluator, as they are released, and a person who has the readers' one.
async fn install(client: &Client) {
    let path =
        std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../../manifests/operator/evaluator.yaml");
    let objects = apply::parse("evaluator", &std::fs::read_to_string(path).unwrap()).unwrap();
    let name = |object: &DynamicObject| object.metadata.name.clone().unwrap();
    for object in &objects {
        if ["dmp-evidence", "dmp-evidence-reader"].contains(&name(object).as_str()) {
            apply::apply(client, object).await.unwrap();
        }
    }
    put(client, json!({
        "apiVersion": "rbac.authorization.k8s.io/v1", "kind": "RoleBinding",
        "metadata": { "name": "auditors", "namespace": "dmp-evidence" },
        "roleRef": { "apiGroup": "rbac.authorization.k8s.io", "kind": "Role", "name": "dmp-evidence-reader" },
        "subjects": [{ "apiGroup": "rbac.authorization.k8s.io", "kind": "User", "name": "auditor" }],
    }))
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_auditor_reads_the_days_and_sees_that_one_was_changed_and_a_stranger_reads_none() {
    let Some(control_plane) = ControlPlane::start().await else {
        return;
    };
    let kubeconfig = control_plane.kubeconfig();
    let administrator = client_of(&kubeconfig).await;
    install(&administrator).await;
    let auditor = client_as(&kubeconfig, "auditor", &["system:authenticated"]).await;
    assert!(read(&auditor).await.unwrap().is_empty(), "nobody has kept a day");

    let mut objects = Vec::<(String, Data)>::new();
    for day in 1..=3 {
        let history = History::read(objects.clone());
        let day = Day {
            date: date(2026, 12, day),
            verdicts: vec![Verdict::Fail],
            report: "a".repeat(64),
            controls: list_name(IDS),
        };
        let line = history.next(day, None).unwrap();
        objects = vec![history.with(&line, &IDS)];
    }
    let (_, mut data) = objects.remove(0);
    put_days(&administrator, &data).await;
    put(&administrator, json!({
        "apiVersion": "v1", "kind": "ConfigMap", "metadata": { "name": "dmp-net-01.policies", "namespace": "dmp-evidence" },
    }))
    .await;
    let history = read(&auditor).await.unwrap();
    verified(&history).unwrap();
    let options = HistoryOptions {
        output: HistoryFormat::Csv,
    };
    assert_eq!(show(&history, options).unwrap().lines().count(), 4);

    data.entry("days".to_owned())
        .and_modify(|days| *days = days.replacen("f p0,x0,s0,e0,f1", "p p1,x0,s0,e0,f0", 1));
    put_days(&administrator, &data).await;
    let error = verified(&read(&auditor).await.unwrap()).unwrap_err();
    assert_eq!(error.code, "history-broken");
    assert!(error.message.contains("2026-12-01"), "{error:?}");

    let stranger = client_as(&kubeconfig, "stranger", &["system:authenticated"]).await;
    let error = read(&stranger).await.unwrap_err();
    assert_eq!(error.code, "kubernetes-forbidden");
}
