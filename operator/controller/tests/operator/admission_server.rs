//! The policies and people's rights as a real API server understands them.
//!
//! People and components are impersonated by the administrator of the control plane. No node and no controller runs here:
//! a request that admission lets pass ends in what is not there (404), or in a dry run.

use std::time::{Duration, Instant};

use dmp_testkit::ControlPlane;
pub use dmp_testkit::kubernetes::Answer;
use dmp_testkit::kubernetes::{client_as, client_of, cluster_crd, plural, send};
use http::Method;
use kube::api::{Patch, PatchParams};
use kube::core::GroupVersionKind;
use kube::discovery::ApiResource;
use kube::{Api, Client};
use serde_json::{Value, json};

use crate::admission::{documents, manifests};
use crate::parts::samples;
use crate::{admission_classes, admission_product, admission_secrets};

pub const OPERATOR: &str = "system:serviceaccount:dmp-system:dmp-operator";
const CNPG: &str = "system:serviceaccount:cnpg-system:cnpg-manager";
const REPLICA_SETS: &str = "system:serviceaccount:kube-system:replicaset-controller";
const NAMESPACES: [&str; 4] = ["dmp-system", "dmp-national", "dmp-tanger", "dmp-casablanca"];
const PATIENCE: Duration = Duration::from_secs(30);

/// A control plane with the product's kinds, rules and roles.
pub struct Server {
    control_plane: ControlPlane,
    pub administrator: Client,
}

impl Server {
    /// `None` (said aloud) without the parts.
    pub async fn start() -> Option<Self> {
        Self::start_with(&[]).await
    }

    pub async fn start_with(more: &[String]) -> Option<Self> {
        let control_plane = ControlPlane::start_with(more).await?;
        let server = Self {
            administrator: client_of(&control_plane.kubeconfig()).await,
            control_plane,
        };
        server.install().await;
        Some(server)
    }

    async fn install(&self) {
        for name in NAMESPACES {
            let mut labels = admission_classes::health();
            labels["app.kubernetes.io/part-of"] = json!("dmp");
            labels["dmp.ma/protected"] = json!("true");
            if let Some(group) = ["tanger", "casablanca"]
                .iter()
                .find(|group| name.ends_with(**group))
            {
                labels["dmp.ma/group"] = json!(group);
            }
            self.apply(&json!({ "apiVersion": "v1", "kind": "Namespace", "metadata": { "name": name, "labels": labels } }))
                .await;
        }
        let crds = dmp_api::crds()
            .into_iter()
            .map(|crd| serde_json::to_value(crd).unwrap());
        for object in crds.chain([cluster_crd()]) {
            self.apply(&object).await;
        }
        // The kinds are served a moment after they are there.
        let begin = Instant::now();
        while self.get("/apis/dmp.ma/v1alpha1/platforms").await.code != 200
            || self.get("/apis/postgresql.cnpg.io/v1/clusters").await.code != 200
        {
            assert!(begin.elapsed() < PATIENCE, "the kinds are not served");
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
        for site in samples("sites.yaml") {
            self.apply(&site).await;
        }
        self.apply(&samples("platform.yaml").remove(0)).await;
        for file in ["serviceaccount.yaml", "rbac.yaml", "roles.yaml"] {
            for object in manifests(file) {
                self.apply(&object).await;
            }
        }
        for object in documents() {
            self.apply(&object).await;
        }
        for place in ["dmp-tanger/records", "dmp-national/audit", "dmp-system/dmp-demo"] {
            let (namespace, name) = place.split_once('/').unwrap();
            self.apply(&json!({
                "apiVersion": "v1", "kind": "ServiceAccount", "metadata": { "name": name, "namespace": namespace },
            }))
            .await;
        }
        // A policy is in force a moment after it is there: when the last ones deny.
        let place = "/api/v1/namespaces/dmp-tanger";
        let probes = [
            format!("{place}/pods/records-x/exec?command=sh&container=records&stdout=true"),
            format!("{place}/serviceaccounts/records/token"),
            format!("{place}/pods?dryRun=All"),
        ];
        let bodies = [
            Value::Null,
            json!({ "apiVersion": "authentication.k8s.io/v1", "kind": "TokenRequest", "spec": { "audiences": ["x"] } }),
            pod("records", "r/other:1"),
        ];
        for (path, body) in probes.iter().zip(&bodies) {
            let begin = Instant::now();
            while self.administrator().await.post(path, body).await.code != 403 {
                assert!(begin.elapsed() < PATIENCE, "{path} is not denied");
                tokio::time::sleep(Duration::from_millis(100)).await;
            }
        }
        tokio::time::sleep(Duration::from_secs(1)).await;
    }

    async fn apply(&self, object: &Value) {
        let (group, version) = object["apiVersion"]
            .as_str()
            .unwrap()
            .rsplit_once('/')
            .unwrap_or(("", "v1"));
        let kind = GroupVersionKind::gvk(group, version, object["kind"].as_str().unwrap());
        let resource = ApiResource::from_gvk_with_plural(&kind, &plural(&kind.kind));
        let name = object["metadata"]["name"].as_str().unwrap();
        let api: Api<kube::api::DynamicObject> = match object["metadata"]["namespace"].as_str() {
            Some(namespace) => Api::namespaced_with(self.administrator.clone(), namespace, &resource),
            None => Api::all_with(self.administrator.clone(), &resource),
        };
        let parameters = PatchParams::apply("installer").force();
        let begin = Instant::now();
        loop {
            match api.patch(name, &parameters, &Patch::Apply(object)).await {
                Ok(_) => return,
                // Kinds that are not served yet.
                Err(kube::Error::Api(status)) if status.code == 404 && begin.elapsed() < PATIENCE => {
                    tokio::time::sleep(Duration::from_millis(200)).await;
                }
                Err(error) => panic!("{} {name}: {error}", kind.kind),
            }
        }
    }

    /// Somebody, by impersonation.
    pub async fn act_as(&self, user: &str, groups: &[&str]) -> Actor {
        Actor(client_as(&self.control_plane.kubeconfig(), user, groups).await)
    }

    pub async fn administrator(&self) -> Actor {
        Actor(self.administrator.clone())
    }

    async fn get(&self, path: &str) -> Answer {
        Actor(self.administrator.clone())
            .call(Method::GET, path, &Value::Null)
            .await
    }
}

/// Who acts.
pub struct Actor(pub Client);

impl Actor {
    pub async fn call(&self, method: Method, path: &str, body: &Value) -> Answer {
        let kind = if method == Method::PATCH {
            "application/merge-patch+json"
        } else {
            "application/json"
        };
        send(&self.0, method, path, kind, body).await
    }

    pub async fn get(&self, path: &str) -> Answer {
        self.call(Method::GET, path, &Value::Null).await
    }

    pub async fn post(&self, path: &str, body: &Value) -> Answer {
        self.call(Method::POST, path, body).await
    }

    pub async fn patch(&self, path: &str, body: &Value) -> Answer {
        self.call(Method::PATCH, path, body).await
    }
}

/// A pod as the operator's Deployment makes it.
pub fn pod(account: &str, image: &str) -> Value {
    json!({
        "apiVersion": "v1", "kind": "Pod",
        "metadata": {
            "name": format!("{account}-7c9-x"),
            "ownerReferences": [{
                "apiVersion": "apps/v1", "kind": "ReplicaSet", "name": format!("{account}-7c9"), "controller": true,
                "uid": "5f0c3e8e-1d6d-4ac4-9be3-6e1d2f3a4b5c",
            }],
        },
        "spec": {
            "serviceAccountName": account,
            "containers": [{ "name": account, "image": image, "command": ["dmp", account] }],
        },
    })
}

fn platform_image() -> String {
    samples("platform.yaml")[0]["spec"]["images"]["dmp"]
        .as_str()
        .unwrap()
        .to_owned()
}

#[tokio::test]
async fn the_api_server_denies_what_the_policies_say() {
    let Some(server) = Server::start().await else {
        return;
    };
    let administrator = server.administrator().await;
    let tanger = "/api/v1/namespaces/dmp-tanger";

    // Entering.
    let exec = format!("{tanger}/pods/records-x/exec?command=sh&container=records&stdout=true");
    administrator
        .post(&exec, &Value::Null)
        .await
        .denied_by("dmp-pod-entry");
    let attach = format!("{tanger}/pods/records-x/attach?container=records&stdout=true");
    administrator
        .post(&attach, &Value::Null)
        .await
        .denied_by("dmp-pod-entry");
    let cnpg = server.act_as(CNPG, &["system:masters"]).await;
    let backup = "pods/records-1/exec?command=%2Fcontroller%2Fmanager&command=backup&command=b&container=postgres&stdout=true";
    cnpg.post(&format!("{tanger}/{backup}"), &Value::Null)
        .await
        .passes();
    let dump = "pods/records-1/exec?command=pg_dumpall&command=--username%3Dpostgres&command=--no-role-passwords&container=postgres&stdout=true&stderr=true";
    let dump = format!("{tanger}/{dump}");
    let national = "/apis/dmp.ma/v1alpha1/platforms/national";
    let demonstration = |on: bool| json!({ "spec": { "demonstration": on } });
    administrator.patch(national, &demonstration(true)).await.passes();
    wait_until(|| async { administrator.post(&dump, &Value::Null).await.code != 403 }).await;
    administrator
        .patch(national, &demonstration(false))
        .await
        .passes();
    wait_until(|| async { administrator.post(&dump, &Value::Null).await.code == 403 }).await;
    let forward = format!("{tanger}/pods/records-x/portforward?ports=8443");
    administrator
        .post(&forward, &Value::Null)
        .await
        .denied_by("dmp-pod-tunnel");
    let openbao = "/api/v1/namespaces/dmp-system/pods/openbao-0/portforward?ports=8200";
    administrator.post(openbao, &Value::Null).await.passes();
    administrator
        .get(&format!("{tanger}/pods/https:records-x:8443/proxy/"))
        .await
        .denied_by("dmp-pod-proxy");
    administrator
        .get(&format!("{tanger}/pods/records-x:9090/proxy/metrics"))
        .await
        .passes();
    let kubelet = "/api/v1/nodes/node-1/proxy/exec/dmp-tanger/records-x/records?command=id";
    administrator
        .post(kubelet, &Value::Null)
        .await
        .denied_by("dmp-kubelet-entry");
    administrator
        .get("/api/v1/nodes/node-1/proxy/metrics")
        .await
        .passes();

    // Publishing.
    let published = |name: &str, kind: &str| {
        json!({
            "apiVersion": "v1", "kind": "Service", "metadata": { "name": name, "labels": admission_classes::health() },
            "spec": { "type": kind, "ports": [{ "port": 8443 }] },
        })
    };
    let services = "/api/v1/namespaces/dmp-national/services?dryRun=All";
    administrator
        .post(services, &published("registry", "NodePort"))
        .await
        .denied_by("dmp-services");
    administrator
        .post(services, &published("registry", "ClusterIP"))
        .await
        .passes();
    let operator = server.act_as(OPERATOR, &["system:masters"]).await;
    operator
        .post(services, &published("gateway", "NodePort"))
        .await
        .passes();
    let ingress = json!({
        "apiVersion": "networking.k8s.io/v1", "kind": "Ingress", "metadata": { "name": "in" },
        "spec": { "defaultBackend": { "service": { "name": "gateway", "port": { "number": 9443 } } } },
    });
    administrator
        .post(
            "/apis/networking.k8s.io/v1/namespaces/dmp-national/ingresses?dryRun=All",
            &ingress,
        )
        .await
        .denied_by("dmp-ingresses");

    // Tokens.
    let token = json!({
        "apiVersion": "authentication.k8s.io/v1", "kind": "TokenRequest", "spec": { "audiences": ["openbao"] },
    });
    let of = |place: &str| {
        let (namespace, account) = place.split_once('/').unwrap();
        format!("/api/v1/namespaces/{namespace}/serviceaccounts/{account}/token")
    };
    for place in [
        "dmp-tanger/records",
        "dmp-national/audit",
        "dmp-system/dmp-operator",
    ] {
        administrator
            .post(&of(place), &token)
            .await
            .denied_by("dmp-identity-tokens");
    }
    let node = server
        .act_as("system:node:node-1", &["system:nodes", "system:masters"])
        .await;
    node.post(&of("dmp-system/dmp-operator"), &token).await.passes();
    administrator
        .post(&of("dmp-system/dmp-demo"), &token)
        .await
        .passes();
    let lasting = json!({
        "apiVersion": "v1", "kind": "Secret", "type": "kubernetes.io/service-account-token",
        "metadata": { "name": "t", "annotations": { "kubernetes.io/service-account.name": "records" } },
    });
    administrator
        .post(&format!("{tanger}/secrets"), &lasting)
        .await
        .denied_by("dmp-identity-secrets");

    // Pods.
    let pods = format!("{tanger}/pods?dryRun=All");
    let own = pod("records", &platform_image());
    administrator.post(&pods, &own).await.denied_by("dmp-pod-makers");
    let controller = server.act_as(REPLICA_SETS, &["system:masters"]).await;
    controller.post(&pods, &own).await.passes();
    controller
        .post(&pods, &pod("records", "r/other:1"))
        .await
        .denied_by("dmp-pod-images");
    let mut spy = pod("default", "r/tools:1");
    spy["spec"]["automountServiceAccountToken"] = json!(false);
    spy["spec"]["volumes"] = json!([{ "name": "s", "secret": { "secretName": "records-app" } }]);
    administrator.post(&pods, &spy).await.denied_by("dmp-pod-volumes");
    admission_secrets::on_a_server(&server).await;

    // Workloads, configuration, databases.
    let operator = server
        .act_as(OPERATOR, &["system:serviceaccounts", "system:authenticated"])
        .await;
    let deployment = json!({
        "apiVersion": "apps/v1", "kind": "Deployment", "metadata": { "name": "records" },
        "spec": {
            "selector": { "matchLabels": { "a": "b" } },
            "template": { "metadata": { "labels": { "a": "b" } }, "spec": own["spec"] },
        },
    });
    let deployments =
        |namespace: &str| format!("/apis/apps/v1/namespaces/{namespace}/deployments?dryRun=All");
    operator
        .post(&deployments("dmp-tanger"), &deployment)
        .await
        .passes();
    operator
        .post(&deployments("dmp-system"), &deployment)
        .await
        .denied_by("dmp-workloads");
    administrator
        .post(&deployments("dmp-tanger"), &deployment)
        .await
        .denied_by("dmp-workloads");
    administrator
        .post(&deployments("dmp-system"), &deployment)
        .await
        .passes();
    administrator
        .post(&deployments("default"), &deployment)
        .await
        .passes();
    let trust = json!({ "apiVersion": "v1", "kind": "ConfigMap", "metadata": { "name": "dmp-trust" } });
    let maps = format!("{tanger}/configmaps?dryRun=All");
    operator.post(&maps, &trust).await.passes();
    administrator
        .post(&maps, &trust)
        .await
        .denied_by("dmp-configuration");
    let copy = json!({
        "apiVersion": "postgresql.cnpg.io/v1", "kind": "Cluster", "metadata": { "name": "copy" }, "spec": { "instances": 1 },
    });
    let clusters = "/apis/postgresql.cnpg.io/v1/namespaces/dmp-tanger/clusters?dryRun=All";
    operator.post(clusters, &copy).await.passes();
    administrator
        .post(clusters, &copy)
        .await
        .denied_by("dmp-databases");

    // The product's own rules: an editor of everything is no installer.
    let editor = server.act_as("editor", &["system:authenticated"]).await;
    let rights = json!({
        "apiVersion": "rbac.authorization.k8s.io/v1", "kind": "ClusterRole", "metadata": { "name": "editor" },
        "rules": [
            { "apiGroups": ["rbac.authorization.k8s.io", "apiextensions.k8s.io", ""], "resources": ["*"], "verbs": ["*"] },
            { "apiGroups": ["dmp.ma"], "resources": ["*"], "verbs": ["get", "create", "update", "patch"] },
        ],
    });
    server.apply(&rights).await;
    server
        .apply(&json!({
            "apiVersion": "rbac.authorization.k8s.io/v1", "kind": "ClusterRoleBinding", "metadata": { "name": "editor" },
            "roleRef": { "apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole", "name": "editor" },
            "subjects": [{ "apiGroup": "rbac.authorization.k8s.io", "kind": "User", "name": "editor" }],
        }))
        .await;
    let annotate = json!({ "metadata": { "annotations": { "a": "b" } } });
    let cases = [
        (
            "/apis/rbac.authorization.k8s.io/v1/clusterroles/dmp-host",
            "dmp-product-rights",
            &annotate,
        ),
        (
            "/apis/apiextensions.k8s.io/v1/customresourcedefinitions/healthgroups.dmp.ma",
            "dmp-product-kinds",
            &annotate,
        ),
    ];
    for (path, policy, body) in cases {
        let dry = format!("{path}?dryRun=All");
        wait_until(|| async { editor.patch(&dry, body).await.message.contains(policy) }).await;
        administrator.patch(&dry, body).await.passes();
    }
    let unprotected = json!({ "metadata": { "labels": { "dmp.ma/protected": null } } });
    let space = "/api/v1/namespaces/dmp-tanger?dryRun=All";
    editor
        .patch(space, &unprotected)
        .await
        .denied_by("dmp-product-namespaces");
    let image = json!({ "spec": { "images": { "dmp": "r/mine:1" } } });
    let national = format!("{national}?dryRun=All");
    editor
        .patch(&national, &image)
        .await
        .denied_by("dmp-platform-trust");
    editor
        .patch(&national, &json!({ "spec": { "sizing": "medium" } }))
        .await
        .passes();
    let binding = json!({
        "apiVersion": "rbac.authorization.k8s.io/v1", "kind": "RoleBinding", "metadata": { "name": "me" },
        "roleRef": { "apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole", "name": "editor" },
        "subjects": [{ "apiGroup": "rbac.authorization.k8s.io", "kind": "User", "name": "editor" }],
    });
    let bindings = "/apis/rbac.authorization.k8s.io/v1/namespaces/dmp-tanger/rolebindings?dryRun=All";
    editor
        .post(bindings, &binding)
        .await
        .denied_by("dmp-rights-in-namespaces");
    admission_product::subjects_on_a_server(&server).await;
    admission_classes::on_a_server(&server).await;
}

/// The operator's pods come before the Platform that is the parameter of some policies.
#[tokio::test]
async fn without_a_platform_the_operator_starts_and_nothing_else() {
    let Some(server) = Server::start().await else {
        return;
    };
    let platform = "/apis/dmp.ma/v1alpha1/platforms/national";
    let administrator = server.administrator().await;
    let deleted = administrator.call(Method::DELETE, platform, &Value::Null).await;
    assert_eq!(deleted.code, 200, "{deleted:?}");
    let controller = server.act_as(REPLICA_SETS, &["system:masters"]).await;
    let pods = |namespace: &str| format!("/api/v1/namespaces/{namespace}/pods?dryRun=All");
    let begin = Instant::now();
    loop {
        let records = pod("records", &platform_image());
        let answer = controller.post(&pods("dmp-tanger"), &records).await;
        if answer.message.contains("no params found for policy binding") {
            break;
        }
        assert!(begin.elapsed() < PATIENCE, "{answer:?}");
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    let operator = pod("dmp-operator", "r/any:1");
    controller.post(&pods("dmp-system"), &operator).await.passes();
}

/// What Kubernetes itself exempts: no policy guards the policies. If this fails, docs/security must be rewritten.
#[tokio::test]
async fn no_policy_can_guard_the_policies() {
    let Some(server) = Server::start().await else {
        return;
    };
    let path = "/apis/admissionregistration.k8s.io/v1/validatingadmissionpolicies/dmp-pod-entry?dryRun=All";
    let annotate = json!({ "metadata": { "annotations": { "a": "b" } } });
    server.administrator().await.patch(path, &annotate).await.passes();
    // RBAC does.
    let host = server.act_as("host", &["system:authenticated"]).await;
    assert_eq!(host.patch(path, &annotate).await.code, 403);
}

async fn wait_until<F: Future<Output = bool>>(holds: impl Fn() -> F) {
    let begin = Instant::now();
    while !holds().await {
        assert!(begin.elapsed() < PATIENCE, "not within {PATIENCE:?}");
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
}
