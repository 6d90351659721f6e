//! A real control plane and OpenBao, prepared as `dmpctl install` leaves them, and replicas of the operator's binary.

use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use dmp_testkit::kubernetes::{api_of, client_of, cluster_crd};
use dmp_testkit::process::free_port;
use dmp_testkit::{Bao, ControlPlane};
use http::Method;
use k8s_openapi::api::authentication::v1::{TokenRequest, TokenRequestSpec};
use k8s_openapi::api::core::v1::ServiceAccount;
use kube::api::{DynamicObject, Patch, PatchParams, PostParams};
use kube::{Api, Client};
use serde_json::{Value, json};

/// The domain of the samples.
pub const DOMAIN: &str = "dmp.test";
const PATIENCE: Duration = Duration::from_secs(60);
const OPERATOR: &str = "dmp-operator";
const EVALUATOR: &str = "dmp-evaluator";

/// A process of the operator's program (`run`, `evaluate`), ended when dropped.
pub struct Operator {
    process: Child,
    /// Port of `/metrics`.
    health: u16,
    /// Port of the facts; the evaluator has none.
    pub facts: u16,
}

impl Operator {
    pub fn pid(&self) -> u32 {
        self.process.id()
    }

    /// SIGTERM, as the kubelet asks.
    pub fn stop(&mut self) {
        let pid = rustix::process::Pid::from_child(&self.process);
        rustix::process::kill_process(pid, rustix::process::Signal::TERM).expect("it runs");
        let _ = self.process.wait();
    }

    async fn metrics(&self) -> String {
        let url = format!("http://127.0.0.1:{}/metrics", self.health);
        match reqwest::get(url).await {
            Ok(answer) => answer.text().await.unwrap_or_default(),
            Err(_) => String::new(),
        }
    }

    /// A sample without labels; 0 when there is none.
    pub async fn sample(&self, name: &str) -> f64 {
        let text = self.metrics().await;
        let mut values = text
            .lines()
            .filter_map(|line| line.strip_prefix(name)?.strip_prefix(' '));
        values
            .next()
            .and_then(|value| value.parse().ok())
            .unwrap_or_default()
    }

    /// Passes of a controller that ended in `outcome`.
    pub async fn passes(&self, controller: &str, outcome: &str) -> u64 {
        let text = self.metrics().await;
        text.lines()
            .filter_map(|line| {
                line.strip_prefix("dmp_operator_reconciliations_total{")?
                    .rsplit_once("} ")
            })
            .filter(|(labels, _)| {
                labels.contains(&format!("controller=\"{controller}\""))
                    && labels.contains(&format!("outcome=\"{outcome}\""))
            })
            .filter_map(|(_, count)| count.parse::<u64>().ok())
            .sum()
    }
}

impl Drop for Operator {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

pub struct World {
    _control_plane: ControlPlane,
    pub client: Client,
    folder: tempfile::TempDir,
    pub bao: Bao,
    binary: PathBuf,
}

impl World {
    /// `None` (said aloud) when the parts of Kubernetes are not built.
    pub async fn start(binary: &Path) -> Option<Self> {
        let control_plane = ControlPlane::start().await?;
        let folder = tempfile::tempdir().expect("a temporary folder");
        let client = client_of(&control_plane.kubeconfig()).await;
        let world = Self {
            client,
            folder,
            bao: Bao::start(),
            binary: binary.to_owned(),
            _control_plane: control_plane,
        };
        world.install().await;
        Some(world)
    }

    async fn install(&self) {
        self.apply(&json!({ "apiVersion": "v1", "kind": "Namespace", "metadata": { "name": "dmp-system" } }))
            .await;
        for crd in dmp_api::crds() {
            self.apply(&serde_json::to_value(crd).expect("a CRD")).await;
        }
        self.apply(&cluster_crd()).await;
        for file in [
            "operator/admission.yaml",
            "operator/serviceaccount.yaml",
            "operator/rbac.yaml",
            "operator/evaluator.yaml",
            "openreports/reports.openreports.io.yaml",
            "openreports/clusterreports.openreports.io.yaml",
        ] {
            // The processes are started here, not by a cluster.
            for object in manifests(file).iter().filter(|one| one["kind"] != "Deployment") {
                self.apply(object).await;
            }
        }
        for account in [OPERATOR, EVALUATOR] {
            self.log_in(account).await;
        }
        std::fs::write(self.ca(), dmp_testkit::Pki::new("dmp.test").root_pem()).expect("a file");
        self.openbao(None, "sys/auth/kubernetes", json!({ "type": "kubernetes" }))
            .await;
    }

    fn kubeconfig(&self, account: &str) -> PathBuf {
        self.folder.path().join(format!("{account}.kubeconfig"))
    }

    /// A kubeconfig with the rights of this account of `dmp-system`.
    async fn log_in(&self, account: &str) {
        let accounts = Api::<ServiceAccount>::namespaced(self.client.clone(), "dmp-system");
        let request = TokenRequest {
            spec: Some(TokenRequestSpec::default()),
            ..TokenRequest::default()
        };
        let answer = accounts
            .create_token_request(account, &PostParams::default(), &request)
            .await
            .expect("a token");
        let token = answer.status.and_then(|status| status.token).expect("a token");
        self._control_plane
            .write_kubeconfig(&self.kubeconfig(account), &token);
    }

    /// Loopback HTTP needs no CA; the file is read all the same.
    fn ca(&self) -> PathBuf {
        self.folder.path().join("openbao-ca.crt")
    }

    async fn openbao(&self, namespace: Option<&str>, path: &str, body: Value) {
        let _ = self.bao.call(namespace, Method::POST, path, body).await;
    }

    /// The part of a group's key space that only a pod of OpenBao can make: the rest is the operator's.
    pub async fn prepare_group(&self, name: &str) {
        let namespace = format!("group-{name}");
        self.openbao(None, &format!("sys/namespaces/{namespace}"), json!({}))
            .await;
        let inside = Some(namespace.as_str());
        self.openbao(inside, "sys/auth/kubernetes", json!({ "type": "kubernetes" }))
            .await;
        let mut config = dmp_api::openbao::kubernetes_config();
        config["disable_local_ca_jwt"] = json!(true);
        config["kubernetes_ca_cert"] = json!(std::fs::read_to_string(self.ca()).expect("the CA"));
        self.openbao(inside, "auth/kubernetes/config", config).await;
    }

    /// Starts a replica.
    pub fn operator(&self, name: &str) -> Operator {
        let facts = free_port();
        let mut command = self.program("run", OPERATOR);
        command
            .env("POD_NAME", name)
            .env("HOSTNAME", name)
            .env("DMP_OPENBAO_ADDRESS", self.bao.address())
            .env("DMP_OPENBAO_CA", self.ca())
            .env("DMP_OPENBAO_TOKEN_FILE", self.bao.token_file())
            .env("DMP_TRUST_DIR", self.folder.path().join(format!("trust-{name}")))
            .env("DMP_FACTS_LISTEN", format!("127.0.0.1:{facts}"));
        self.spawn(command, name, facts)
    }

    /// Starts the evaluator.
    pub fn evaluator(&self) -> Operator {
        self.spawn(self.program("evaluate", EVALUATOR), "evaluator", 0)
    }

    /// A command of the operator's program, with the rights of this account.
    fn program(&self, command: &str, account: &str) -> Command {
        let mut program = Command::new(&self.binary);
        program.arg(command).env("KUBECONFIG", self.kubeconfig(account));
        program
    }

    /// Its log is named after it.
    fn spawn(&self, mut command: Command, name: &str, facts: u16) -> Operator {
        let health = free_port();
        let log = std::fs::File::create(self.folder.path().join(format!("{name}.log"))).expect("a file");
        let process = command
            .env("DMP_HEALTH_LISTEN", format!("127.0.0.1:{health}"))
            .stdin(Stdio::null())
            .stdout(log.try_clone().expect("a file"))
            .stderr(log)
            .spawn()
            .expect("the operator's binary");
        Operator {
            process,
            health,
            facts,
        }
    }

    /// Holds the operators' lease for `holder` as long as the bench runs: replicas serve facts and reconcile nothing. They take over
    /// what has not changed for 15 s, whatever it says.
    pub async fn hold_the_lease(&self, holder: &'static str) {
        let lease = move || {
            let now = format!("{:.6}", jiff::Timestamp::now());
            json!({
                "apiVersion": "coordination.k8s.io/v1", "kind": "Lease",
                "metadata": { "name": "dmp-operator", "namespace": "dmp-system" },
                "spec": { "holderIdentity": holder, "leaseDurationSeconds": 86_400, "acquireTime": now, "renewTime": now },
            })
        };
        self.apply(&lease()).await;
        let api = api_of(&self.client, &lease());
        drop(tokio::spawn(async move {
            let parameters = PatchParams::apply("person").force();
            loop {
                tokio::time::sleep(Duration::from_secs(2)).await;
                let _next_time = api
                    .patch("dmp-operator", &parameters, &Patch::Apply(lease()))
                    .await;
            }
        }));
    }

    pub fn api(&self, object: &Value) -> Api<DynamicObject> {
        api_of(&self.client, object)
    }

    /// As [`apply`].
    pub async fn apply(&self, object: &Value) -> DynamicObject {
        apply(&self.client, object).await
    }

    /// `/metrics` of the API server.
    pub async fn metrics(&self) -> String {
        let request = http::Request::get("/metrics")
            .body(Vec::new())
            .expect("a request");
        self.client
            .request_text(request)
            .await
            .expect("the API server answers")
    }
}

/// Applies as a person would; a CRD that was just applied may take a moment to be served.
pub async fn apply(client: &Client, object: &Value) -> DynamicObject {
    let name = object["metadata"]["name"].as_str().expect("a name");
    let parameters = PatchParams::apply("person").force();
    let start = Instant::now();
    loop {
        let answer = api_of(client, object)
            .patch(name, &parameters, &Patch::Apply(object))
            .await;
        match answer {
            Ok(live) => return live,
            Err(kube::Error::Api(status)) if status.code == 404 && start.elapsed() < PATIENCE => {
                tokio::time::sleep(Duration::from_millis(100)).await;
            }
            Err(error) => panic!("{name}: {error}"),
        }
    }
}

/// The documents of `manifests/<file>`.
pub fn manifests(file: &str) -> Vec<Value> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("../../manifests")
        .join(file);
    let text = std::fs::read_to_string(path).expect("a manifest");
    text.split("\n---\n")
        .map(|document| serde_saphyr::from_str(document).expect("YAML"))
        .collect()
}
