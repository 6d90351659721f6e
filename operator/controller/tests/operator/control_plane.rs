//! A real control plane, a real OpenBao, and the operator's own binary beside them, with the rights of its
//! ServiceAccount only.
//!
//! No node and no CloudNativePG run here: the test writes the statuses they would write ([`World::up`]).

use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, Instant};

use dmp_core::peer::SpiffeId;
use dmp_core::tls::Identity;
use dmp_testkit::kubernetes::{api_of, client_of, cluster_crd};
use dmp_testkit::process::free_port;
use dmp_testkit::{Bao, ControlPlane};
use k8s_openapi::api::authentication::v1::{TokenRequest, TokenRequestSpec};
use k8s_openapi::api::core::v1::ServiceAccount;
use kube::api::{ApiResource, DynamicObject, GroupVersionKind, Patch, PatchParams, PostParams};
use kube::{Api, Client};
use serde_json::{Value, json};

use crate::admission::manifests;
use crate::parts::{Process, spawn};
pub use crate::parts::{namespace, samples};

pub const PATIENCE: Duration = Duration::from_secs(40);

/// The whole of it. Dropped in the order of the fields: operators first.
pub struct World {
    operators: Vec<(String, Process)>,
    control_plane: ControlPlane,
    pub client: Client,
    pub folder: tempfile::TempDir,
    kubeconfig: PathBuf,
    pub bao: Bao,
    /// The log of who did what, for replicas from here on; nobody is there at first.
    pub audit_url: String,
}

impl World {
    /// A national service's, with a certificate as OpenBao gives it, good for this machine.
    pub async fn identity(&self, service: &str) -> Identity {
        let id = SpiffeId::service("dmp.test", "dmp-national", service).to_string();
        let issued = self
            .bao
            .certificate("pki-services", "service", &id, &["localhost"]);
        issued.await.identity()
    }

    /// A control plane with our CRDs, admission policies and rights; `None` (said aloud) without the parts.
    pub async fn start() -> Option<Self> {
        let control_plane = ControlPlane::start().await?;
        let folder = tempfile::tempdir().unwrap();
        let world = Self {
            operators: Vec::new(),
            client: client_of(&control_plane.kubeconfig()).await,
            control_plane,
            kubeconfig: folder.path().join("operator.kubeconfig"),
            folder,
            bao: Bao::start(),
            audit_url: "https://127.0.0.1:1".to_owned(),
        };
        world.install().await;
        Some(world)
    }

    async fn install(&self) {
        self.apply(&namespace("dmp-system")).await;
        for crd in dmp_api::crds() {
            self.apply(&serde_json::to_value(crd).unwrap()).await;
        }
        self.apply(&cluster_crd()).await;
        for file in ["admission.yaml", "serviceaccount.yaml", "rbac.yaml"] {
            for object in manifests(file) {
                self.apply(&object).await;
            }
        }
        // The operator gets what its pod would have: a token of its ServiceAccount.
        let accounts = Api::<ServiceAccount>::namespaced(self.client.clone(), "dmp-system");
        let request = TokenRequest {
            spec: Some(TokenRequestSpec::default()),
            ..TokenRequest::default()
        };
        let token = accounts
            .create_token_request("dmp-operator", &PostParams::default(), &request)
            .await
            .unwrap();
        let token = token.status.unwrap().token.unwrap();
        self.control_plane.write_kubeconfig(&self.kubeconfig, &token);
        self.install_openbao().await;
        let served = || async { self.list("dmp.ma", "Site", "sites", None).await.is_some() };
        self.wait("the CRDs", served).await;
        let served = || async {
            self.list("postgresql.cnpg.io", "Cluster", "clusters", None)
                .await
                .is_some()
        };
        self.wait("CNPG's CRD", served).await;
    }

    /// What `dmpctl install` leaves in OpenBao, as far as the operator meets it.
    async fn install_openbao(&self) {
        let post = |path: &'static str, body: Value| self.bao.call(None, http::Method::POST, path, body);
        post("sys/auth/kubernetes", json!({ "type": "kubernetes" })).await;
        post("pki-solutions/roles/solution", json!({
            "allowed_uri_sans": ["spiffe://dmp.test/credential/*"], "allow_any_name": false, "require_cn": false,
            "use_csr_common_name": false, "use_csr_sans": false, "key_type": "any", "server_flag": false,
            "client_flag": true, "ttl": "2160h", "max_ttl": "2160h", "no_store": true,
        }))
        .await;
        crate::openbao::outside_of_a_pod(&self.bao, "group-tanger-tetouan-al-hoceima").await;
    }

    /// Starts a replica of the operator; its facts and health ports.
    pub fn operator(&mut self, name: &str) -> (u16, u16) {
        let (kubeconfig, openbao) = (self.kubeconfig.clone(), self.bao.address().to_owned());
        self.replica(name, &kubeconfig, &openbao)
    }

    /// As [`World::operator`], by way of proxies (`http://…`) in front of the API server and of OpenBao.
    pub fn operator_through(&mut self, name: &str, api_server: &str, openbao: &str) -> (u16, u16) {
        let direct = std::fs::read_to_string(&self.kubeconfig).unwrap();
        let kubeconfig = self.folder.path().join("through.kubeconfig");
        std::fs::write(&kubeconfig, direct.replace(&self.api_server(), api_server)).unwrap();
        self.replica(name, &kubeconfig, openbao)
    }

    /// `https://…` of the API server.
    pub fn api_server(&self) -> String {
        let config: Value =
            serde_json::from_str(&std::fs::read_to_string(&self.kubeconfig).unwrap()).unwrap();
        config["clusters"][0]["cluster"]["server"]
            .as_str()
            .unwrap()
            .to_owned()
    }

    fn replica(&mut self, name: &str, kubeconfig: &Path, openbao: &str) -> (u16, u16) {
        let (facts, health) = (free_port(), free_port());
        let path = |name: &str| self.folder.path().join(name);
        // Loopback HTTP needs no CA; the file is read all the same, and all replicas read the same.
        let ca = path("openbao-ca.crt");
        if !ca.exists() {
            std::fs::write(&ca, dmp_testkit::Pki::new("dmp.test").root_pem()).unwrap();
        }
        let mut command = Command::new(env!("CARGO_BIN_EXE_dmp-operator"));
        command
            .arg("run")
            .env("KUBECONFIG", kubeconfig)
            .env("POD_NAME", name)
            .env("HOSTNAME", name)
            .env("DMP_LOG", "info")
            .env("DMP_OPENBAO_ADDRESS", openbao)
            .env("DMP_OPENBAO_CA", &ca)
            .env("DMP_OPENBAO_TOKEN_FILE", self.bao.token_file())
            .env("DMP_AUDIT_URL", &self.audit_url)
            .env("DMP_TRUST_DIR", path(&format!("trust-{name}")))
            .env("DMP_FACTS_LISTEN", format!("127.0.0.1:{facts}"))
            .env("DMP_HEALTH_LISTEN", format!("127.0.0.1:{health}"));
        let process = spawn(&mut command, &path(&format!("{name}.log")));
        self.operators.push((name.to_owned(), process));
        (facts, health)
    }

    /// Ends a replica as a lost node would.
    pub fn kill(&mut self, name: &str) {
        self.operators.retain(|(replica, _)| replica != name);
    }

    /// A client with the portal's rights.
    pub async fn as_portal(&self) -> Client {
        self.apply(&namespace("dmp-national")).await;
        self.apply(&json!({
            "apiVersion": "v1", "kind": "ServiceAccount", "metadata": { "name": "portal", "namespace": "dmp-national" },
        }))
        .await;
        for object in manifests("portal.yaml") {
            self.apply(&object).await;
        }
        let accounts = Api::<ServiceAccount>::namespaced(self.client.clone(), "dmp-national");
        let request = TokenRequest {
            spec: Some(TokenRequestSpec::default()),
            ..TokenRequest::default()
        };
        let token = accounts
            .create_token_request("portal", &PostParams::default(), &request)
            .await
            .unwrap();
        let path = self.folder.path().join("portal.kubeconfig");
        self.control_plane
            .write_kubeconfig(&path, &token.status.unwrap().token.unwrap());
        client_of(&path).await
    }

    /// A client with the operator's rights.
    pub async fn as_operator(&self) -> Client {
        client_of(&self.kubeconfig).await
    }

    /// What a replica has logged.
    pub fn log(&self, name: &str) -> String {
        std::fs::read_to_string(self.folder.path().join(format!("{name}.log"))).unwrap_or_default()
    }

    fn api(&self, object: &Value) -> Api<DynamicObject> {
        api_of(&self.client, object)
    }

    /// Applies as a person would.
    pub async fn apply(&self, object: &Value) -> Value {
        let name = object["metadata"]["name"].as_str().unwrap();
        let parameters = PatchParams::apply("person").force();
        let live = self
            .api(object)
            .patch(name, &parameters, &Patch::Apply(object))
            .await;
        serde_json::to_value(live.unwrap_or_else(|error| panic!("{name}: {error}"))).unwrap()
    }

    /// Writes a status as a component would.
    pub async fn status(&self, object: &Value) {
        let name = object["metadata"]["name"].as_str().unwrap();
        let patch = Patch::Merge(json!({ "status": object["status"] }));
        let written = self
            .api(object)
            .patch_status(name, &PatchParams::default(), &patch)
            .await;
        written.unwrap_or_else(|error| panic!("{name}: {error}"));
    }

    /// # Errors
    /// The API server's message.
    pub async fn delete(&self, object: &Value) -> Result<(), String> {
        let name = object["metadata"]["name"].as_str().unwrap();
        self.api(object)
            .delete(name, &kube::api::DeleteParams::default())
            .await
            .map(|_| ())
            .map_err(|e| e.to_string())
    }

    pub async fn get(&self, object: &Value) -> Option<Value> {
        let live = self
            .api(object)
            .get_opt(object["metadata"]["name"].as_str().unwrap())
            .await
            .ok()??;
        serde_json::to_value(live).ok()
    }

    /// All objects of a kind, or `None` while it is not served.
    pub async fn list(
        &self,
        group: &str,
        kind: &str,
        plural: &str,
        namespace: Option<&str>,
    ) -> Option<Vec<Value>> {
        let version = if group == "dmp.ma" { "v1alpha1" } else { "v1" };
        let resource =
            ApiResource::from_gvk_with_plural(&GroupVersionKind::gvk(group, version, kind), plural);
        let api = match namespace {
            Some(namespace) => {
                Api::<DynamicObject>::namespaced_with(self.client.clone(), namespace, &resource)
            }
            None => Api::<DynamicObject>::all_with(self.client.clone(), &resource),
        };
        let items = api.list(&kube::api::ListParams::default()).await.ok()?.items;
        let typed = |item: DynamicObject| {
            let mut object = serde_json::to_value(item).unwrap();
            // The items of a list do not say what they are.
            object["apiVersion"] = json!(resource.api_version);
            object["kind"] = json!(kind);
            object
        };
        Some(items.into_iter().map(typed).collect())
    }

    /// Writes the status that CloudNativePG and the kubelets would write for a namespace.
    pub async fn up(&self, namespace: &str) {
        let status = |api: Api<DynamicObject>, name: String, status: Value| async move {
            let patch = Patch::Merge(json!({ "status": status }));
            let _ = api.patch_status(&name, &PatchParams::default(), &patch).await;
        };
        for cluster in self
            .list("postgresql.cnpg.io", "Cluster", "clusters", Some(namespace))
            .await
            .unwrap()
        {
            let name = cluster["metadata"]["name"].as_str().unwrap().to_owned();
            status(
                self.api(&cluster),
                name,
                json!({ "phase": "Cluster in healthy state", "readyInstances": 1 }),
            )
            .await;
        }
        for deployment in self
            .list("apps", "Deployment", "deployments", Some(namespace))
            .await
            .unwrap()
        {
            let name = deployment["metadata"]["name"].as_str().unwrap().to_owned();
            let replicas = &deployment["spec"]["replicas"];
            let generation = &deployment["metadata"]["generation"];
            status(
                self.api(&deployment),
                name,
                json!({
                    "observedGeneration": generation, "replicas": replicas, "updatedReplicas": replicas,
                    "readyReplicas": replicas, "availableReplicas": replicas,
                }),
            )
            .await;
        }
    }

    /// Waits until `holds`; fails with the log of the newest replica.
    pub async fn wait<F: Future<Output = bool>>(&self, what: &str, holds: impl Fn() -> F) {
        let start = Instant::now();
        while !holds().await {
            if start.elapsed() > PATIENCE {
                let newest = self.operators.last().map_or("none", |(name, _)| name.as_str());
                let log = self.log(newest);
                let end: Vec<&str> = log.lines().rev().take(30).collect();
                panic!(
                    "{what}: not within {PATIENCE:?}\n{}",
                    end.into_iter().rev().collect::<Vec<_>>().join("\n")
                );
            }
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    }

    /// Status and reason of a condition.
    pub async fn condition(&self, object: &Value, name: &str) -> Option<(String, String)> {
        let live = self.get(object).await?;
        let conditions = live.pointer("/status/conditions")?.as_array()?;
        let found = conditions.iter().find(|condition| condition["type"] == name)?;
        Some((
            found["status"].as_str()?.to_owned(),
            found["reason"].as_str()?.to_owned(),
        ))
    }

    /// Waits for a condition.
    pub async fn until(&self, object: &Value, name: &str, status: &str, reason: &str) {
        let wanted = Some((status.to_owned(), reason.to_owned()));
        let what = format!("{} {name}={status} {reason}", object["metadata"]["name"]);
        self.wait(&what, || async { self.condition(object, name).await == wanted })
            .await;
    }
}
