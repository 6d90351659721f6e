//! What the product's admission policies cost a request: the same dry runs on a real API server, with the policies and without them,
//! in turns.

use std::path::PathBuf;
use std::time::{Duration, Instant};

use clap::Args;
use dmp_policies::admission::{MANIFESTS, documents};
use dmp_testkit::ControlPlane;
use dmp_testkit::kubernetes::{Answer, api_of, client_as, client_of, cluster_crd, send};
use http::Method;
use kube::Client;
use kube::api::DeleteParams;
use serde_json::{Value, json};

use crate::measure::Latencies;
use crate::report::{Table, place};
use crate::world::{apply, manifests};

const NAMESPACE: &str = "dmp-national";
/// Who makes the pods of a Deployment, and who makes Services.
const REPLICA_SETS: &str = "system:serviceaccount:kube-system:replicaset-controller";
/// First requests of a turn, which are not counted: the policies have just been compiled.
const WARMING: usize = 100;
const PATIENCE: Duration = Duration::from_secs(60);

#[derive(Args)]
pub struct Options {
    /// Requests of each kind in a turn.
    #[arg(long, default_value_t = 500)]
    pub requests: usize,
    /// Turns with the policies, and as many without.
    #[arg(long, default_value_t = 4)]
    pub turns: usize,
    /// Page of the documentation whose table is replaced.
    #[arg(long)]
    pub write: Option<PathBuf>,
}

/// One kind of request: what it is called, who sends it, where, what.
struct Asked {
    what: &'static str,
    client: Client,
    path: String,
    body: Value,
}

/// The table; `None` (said aloud) without the parts of Kubernetes.
pub async fn run(options: &Options) -> Option<String> {
    let control_plane = ControlPlane::start().await?;
    let client = client_of(&control_plane.kubeconfig()).await;
    install(&client).await;
    let controller = client_as(&control_plane.kubeconfig(), REPLICA_SETS, &["system:masters"]).await;
    let all = asked(&client, &controller);
    // Of each: without, with.
    let mut taken = vec![[Vec::new(), Vec::new()]; all.len()];
    for turn in 0..2 * options.turns {
        let with = turn % 2 == 1;
        switch(&client, with).await;
        for (one, taken) in all.iter().zip(&mut taken) {
            for number in 0..WARMING + options.requests {
                let begun = Instant::now();
                let answer = one.send().await;
                assert!(answer.code < 300, "{}: {answer:?}", one.what);
                if number >= WARMING {
                    taken[usize::from(with)].push(begun.elapsed());
                }
            }
        }
    }
    let mut table = Table::default();
    for (one, [without, with]) in all.iter().zip(taken) {
        let (without, with) = (Latencies::of(without), Latencies::of(with));
        table.row(
            format!("{}, without the policies: p50 / p99", one.what),
            without.fine(),
        );
        table.row(format!("{}, with them", one.what), with.fine());
        let cost = |fraction: f64| {
            with.quantile(fraction).as_micros() as i128 - without.quantile(fraction).as_micros() as i128
        };
        table.row(
            format!("{}: what they cost, p50 / p99", one.what),
            format!("{} / {} µs", cost(0.5), cost(0.99)),
        );
    }
    let head = format!(
        "{} policies; dry runs one after the other, {} turns with them and as many without; {}; one API server, etcd without fsync.",
        bindings().len(),
        options.turns,
        place()
    );
    Some(table.markdown(&head))
}

impl Asked {
    async fn send(&self) -> Answer {
        send(
            &self.client,
            Method::POST,
            &self.path,
            "application/json",
            &self.body,
        )
        .await
    }
}

/// What passes with the policies and without: what most of them look at, what some do, and what is nobody's business of theirs.
fn asked(client: &Client, controller: &Client) -> Vec<Asked> {
    let image = manifests("samples/platform.yaml")[0]["spec"]["images"]["dmp"].clone();
    let one = |what, client: &Client, namespace: &str, plural: &str, body: Value| Asked {
        what,
        client: client.clone(),
        path: format!("/api/v1/namespaces/{namespace}/{plural}?dryRun=All"),
        body,
    };
    vec![
        one(
            "a pod of the platform",
            controller,
            NAMESPACE,
            "pods",
            json!({
                "apiVersion": "v1", "kind": "Pod",
                "metadata": {
                    "name": "audit-7c9-x",
                    "ownerReferences": [{
                        "apiVersion": "apps/v1", "kind": "ReplicaSet", "name": "audit-7c9", "controller": true,
                        "uid": "5f0c3e8e-1d6d-4ac4-9be3-6e1d2f3a4b5c",
                    }],
                },
                "spec": {
                    "serviceAccountName": "audit",
                    "containers": [{ "name": "audit", "image": image, "command": ["dmp", "audit"] }],
                },
            }),
        ),
        one(
            "a Service in the platform's namespace",
            client,
            NAMESPACE,
            "services",
            json!({
                "apiVersion": "v1", "kind": "Service", "metadata": { "name": "registry", "labels": labels() },
                "spec": { "ports": [{ "port": 8443 }] },
            }),
        ),
        one(
            "a ConfigMap of somebody else",
            client,
            "default",
            "configmaps",
            json!({ "apiVersion": "v1", "kind": "ConfigMap", "metadata": { "name": "other" }, "data": { "a": "b" } }),
        ),
    ]
}

/// Of what is in the platform.
fn labels() -> Value {
    json!({
        "app.kubernetes.io/part-of": "dmp",
        "dmp.ma/owner": "national", "dmp.ma/data-class": "4", "dmp.ma/purpose": "care",
    })
}

async fn install(client: &Client) {
    let space = |name: &str| json!({ "apiVersion": "v1", "kind": "Namespace", "metadata": { "name": name, "labels": labels() } });
    let mut objects = vec![space("dmp-system"), space(NAMESPACE)];
    let crds = dmp_api::crds().into_iter();
    objects.extend(crds.map(|crd| serde_json::to_value(crd).expect("a CRD")));
    objects.push(cluster_crd());
    objects.extend(manifests("samples/sites.yaml"));
    objects.push(manifests("samples/platform.yaml").remove(0));
    objects.push(json!({
        "apiVersion": "v1", "kind": "ServiceAccount", "metadata": { "name": "audit", "namespace": NAMESPACE },
    }));
    objects.extend(policies());
    for object in &objects {
        apply(client, object).await;
    }
}

/// The policies and their bindings.
fn policies() -> impl Iterator<Item = Value> {
    MANIFESTS.into_iter().flat_map(|(_, text)| documents(text))
}

fn bindings() -> Vec<Value> {
    policies()
        .filter(|one| one["kind"] == "ValidatingAdmissionPolicyBinding")
        .collect()
}

/// Puts the policies in force or out of it, and waits until the API server has noticed: it refuses a port on every node, or does not.
async fn switch(client: &Client, with: bool) {
    for binding in bindings() {
        let name = binding["metadata"]["name"].as_str().expect("a name");
        if with {
            apply(client, &binding).await;
        } else {
            let removed = api_of(client, &binding)
                .delete(name, &DeleteParams::default())
                .await;
            assert!(removed.is_ok(), "{name}: {removed:?}");
        }
    }
    let port = json!({
        "apiVersion": "v1", "kind": "Service", "metadata": { "name": "open" },
        "spec": { "type": "NodePort", "ports": [{ "port": 8443 }] },
    });
    let path = format!("/api/v1/namespaces/{NAMESPACE}/services?dryRun=All");
    let begun = Instant::now();
    while (send(client, Method::POST, &path, "application/json", &port)
        .await
        .code
        == 403)
        != with
    {
        assert!(begun.elapsed() < PATIENCE, "the policies are not {with}");
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    // All of them are noticed with the next look.
    tokio::time::sleep(Duration::from_secs(2)).await;
}
