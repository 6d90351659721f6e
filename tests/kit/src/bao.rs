//! A real OpenBao in memory (`bao server -dev`), with mounts and keys as `docs/interfaces.md` names them.
//!
//! Kubernetes auth needs a cluster: here a token comes from [`Bao::token`] with a policy text, or is the root token.
//! Groups `a` and `b` have their namespaces `group-a` and `group-b`.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::OnceLock;
use std::time::{Duration, Instant};

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use dmp_core::config::{OpenBaoAuth, OpenBaoConfig};
use dmp_core::ids::GroupName;
use dmp_core::token::PublicKey;
use reqwest::{Method, StatusCode};
use serde_json::{Value, json};

use crate::process::{Server, folder, free_port, is_executable};

const ATTEMPTS: usize = 5;
const START_LIMIT: Duration = Duration::from_secs(60);
const ED25519: [&str; 7] = [
    "log-registry",
    "log-consent",
    "log-audit",
    "token",
    "facts",
    "label",
    "sandbox-people",
];
const DERIVED: [&str; 3] = ["registry", "audit-events", "consent"];

pub struct Bao {
    server: Server,
    address: String,
    root_token: String,
    folder: PathBuf,
}

impl Bao {
    /// The test process's server, started when first asked for. Keys are shared by its tests: rotate none.
    pub fn shared() -> &'static Self {
        static SERVER: OnceLock<Bao> = OnceLock::new();
        SERVER.get_or_init(Self::start)
    }

    /// A server of its own, ended when dropped.
    pub fn start() -> Self {
        let binary = binary();
        for _ in 1..ATTEMPTS {
            if let Ok(bao) = Self::attempt(&binary) {
                return bao;
            }
        }
        Self::attempt(&binary).unwrap_or_else(|log| panic!("OpenBao does not start:\n{log}"))
    }

    fn attempt(binary: &Path) -> Result<Self, String> {
        let folder = folder("dmp-bao-");
        let root_token = format!("test-{}", uuid::Uuid::new_v4().simple());
        let listen = format!("127.0.0.1:{}", free_port());
        let binary = binary.display().to_string();
        let (token_flag, listen_flag) = (
            format!("-dev-root-token-id={root_token}"),
            format!("-dev-listen-address={listen}"),
        );
        let command = [
            binary.as_str(),
            "server",
            "-dev",
            "-dev-no-store-token",
            &token_flag,
            &listen_flag,
            "-log-level=warn",
        ];
        let server = Server::spawn(folder.clone(), "TERM", &command);
        let bao = Self {
            server,
            address: format!("http://{listen}"),
            root_token,
            folder,
        };
        let client = Client {
            address: bao.address.clone(),
            token: bao.root_token.clone(),
        };
        let start = Instant::now();
        let up = crate::block_on(async move {
            while start.elapsed() < START_LIMIT {
                if client
                    .try_call(None, Method::GET, "sys/health", None)
                    .await
                    .is_some_and(|(s, _)| s.is_success())
                {
                    client.set_up().await;
                    return true;
                }
                tokio::time::sleep(Duration::from_millis(50)).await;
            }
            false
        });
        if !up {
            return Err(bao.server.log());
        }
        std::fs::write(bao.token_file(), &bao.root_token).expect("the token file");
        Ok(bao)
    }

    /// `http://127.0.0.1:<port>`.
    pub fn address(&self) -> &str {
        &self.address
    }

    pub fn root_token(&self) -> &str {
        &self.root_token
    }

    /// A file with the root token.
    pub fn token_file(&self) -> PathBuf {
        self.folder.join("token")
    }

    /// The section `[service.openbao]` of a national service, or of a group's when `group` is given.
    pub fn config(&self, group: Option<&GroupName>) -> OpenBaoConfig {
        OpenBaoConfig {
            address: self.address.clone(),
            namespace: group.map(GroupName::openbao_namespace),
            ca: None,
            auth: OpenBaoAuth::TokenFile {
                path: self.token_file(),
            },
        }
    }

    /// A namespace with `kek` and `log` for another group.
    pub async fn add_group(&self, group: &GroupName) {
        self.client().add_group(&group.openbao_namespace()).await;
    }

    /// A token that may do what `policy` (HCL) says, in `namespace` (root when none).
    pub async fn token(&self, namespace: Option<&str>, policy: &str) -> String {
        let client = self.client();
        let name = format!("test-{}", uuid::Uuid::new_v4().simple());
        let path = format!("sys/policies/acl/{name}");
        client
            .call(namespace, Method::PUT, &path, json!({ "policy": policy }))
            .await;
        let body = json!({ "policies": [name], "no_default_policy": true, "ttl": "1h" });
        let answer = client
            .call(namespace, Method::POST, "auth/token/create", body)
            .await;
        text(&answer, "/auth/client_token")
    }

    /// The newest public half of an ed25519 transit key, as `keys.json` has it.
    pub async fn public_key(&self, namespace: Option<&str>, key: &str) -> PublicKey {
        let answer = self
            .client()
            .call(
                namespace,
                Method::GET,
                &format!("transit/keys/{key}"),
                Value::Null,
            )
            .await;
        let version = answer
            .pointer("/data/latest_version")
            .map(ToString::to_string)
            .unwrap_or_default();
        let public = text(&answer, &format!("/data/keys/{version}/public_key"));
        let bytes = STANDARD.decode(public).expect("base64");
        PublicKey {
            kid: format!("{key}-v{version}"),
            x: URL_SAFE_NO_PAD.encode(bytes),
        }
    }

    /// A call with the root token: the answer's body, and a panic unless it succeeds.
    pub async fn call(&self, namespace: Option<&str>, method: Method, path: &str, body: Value) -> Value {
        self.client().call(namespace, method, path, body).await
    }

    fn client(&self) -> Client {
        Client {
            address: self.address.clone(),
            token: self.root_token.clone(),
        }
    }
}

/// The binary of `DMP_BAO`, of the `PATH`, or of the cache, where it is fetched to.
pub fn binary() -> PathBuf {
    if let Some(path) = std::env::var_os("DMP_BAO") {
        let path = PathBuf::from(path);
        assert!(
            is_executable(&path),
            "DMP_BAO names `{}`, which is not a program",
            path.display()
        );
        return path;
    }
    let in_path = std::env::var_os("PATH").and_then(|path| {
        std::env::split_paths(&path)
            .map(|folder| folder.join("bao"))
            .find(|bao| is_executable(bao))
    });
    if let Some(bao) = in_path {
        return bao;
    }
    let script = concat!(env!("CARGO_MANIFEST_DIR"), "/fetch-bao.sh");
    let output = Command::new(script).output().expect("`fetch-bao.sh` starts");
    assert!(
        output.status.success(),
        "OpenBao is missing (set DMP_BAO, or let `{script}` fetch it): {}",
        String::from_utf8_lossy(&output.stderr)
    );
    String::from_utf8_lossy(&output.stdout).trim().into()
}

/// Clients are made per call: a pooled connection would belong to the runtime of the test that opened it.
struct Client {
    address: String,
    token: String,
}

impl Client {
    async fn try_call(
        &self,
        namespace: Option<&str>,
        method: Method,
        path: &str,
        body: Option<&Value>,
    ) -> Option<(StatusCode, Value)> {
        dmp_core::install_crypto_provider();
        let client = dmp_core::tls::plain_http_client(rustls::RootCertStore::empty()).expect("a client");
        let mut request = client
            .request(method, format!("{}/v1/{path}", self.address))
            .header("X-Vault-Token", &self.token);
        if let Some(namespace) = namespace {
            request = request.header("X-Vault-Namespace", namespace);
        }
        if let Some(body) = body {
            request = request.json(body);
        }
        let response = request.send().await.ok()?;
        let status = response.status();
        Some((status, response.json().await.unwrap_or(Value::Null)))
    }

    async fn call(&self, namespace: Option<&str>, method: Method, path: &str, body: Value) -> Value {
        let body = (!body.is_null()).then_some(&body);
        match self.try_call(namespace, method, path, body).await {
            Some((status, answer)) if status.is_success() => answer,
            Some((status, answer)) => panic!("OpenBao `{path}`: {status} {answer}"),
            None => panic!("OpenBao `{path}`: no answer"),
        }
    }

    async fn post(&self, namespace: Option<&str>, path: &str, body: Value) -> Value {
        self.call(namespace, Method::POST, path, body).await
    }

    async fn set_up(&self) {
        self.post(None, "sys/mounts/transit", json!({ "type": "transit" }))
            .await;
        for key in ED25519 {
            self.ed25519(None, key).await;
        }
        for key in DERIVED {
            self.derived(None, key).await;
        }
        for group in ["group-a", "group-b"] {
            self.add_group(group).await;
        }
        self.set_up_pki().await;
    }

    async fn add_group(&self, namespace: &str) {
        self.post(None, &format!("sys/namespaces/{namespace}"), json!({}))
            .await;
        self.post(
            Some(namespace),
            "sys/mounts/transit",
            json!({ "type": "transit" }),
        )
        .await;
        self.derived(Some(namespace), "kek").await;
        self.ed25519(Some(namespace), "log").await;
    }

    async fn ed25519(&self, namespace: Option<&str>, key: &str) {
        self.post(
            namespace,
            &format!("transit/keys/{key}"),
            json!({ "type": "ed25519" }),
        )
        .await;
    }

    async fn derived(&self, namespace: Option<&str>, key: &str) {
        let body = json!({ "type": "aes256-gcm96", "derived": true });
        self.post(namespace, &format!("transit/keys/{key}"), body).await;
    }

    /// Root, two intermediates, the suite's authority, and the roles `service`, `solution` and `suite`. Who may have which name is, in the product,
    /// decided by templates over the caller's identity; a token of a test has none, so that any name passes here.
    async fn set_up_pki(&self) {
        for mount in ["pki-root", "pki-services", "pki-solutions", "pki-suite"] {
            let body = json!({ "type": "pki", "config": { "max_lease_ttl": "87600h" } });
            self.post(None, &format!("sys/mounts/{mount}"), body).await;
        }
        let ca =
            |name: &str| json!({ "common_name": name, "key_type": "ec", "key_bits": 256, "ttl": "8760h" });
        self.post(None, "pki-root/root/generate/internal", ca("DMP root"))
            .await;
        for (mount, name) in [
            ("pki-services", "DMP services"),
            ("pki-solutions", "DMP solutions"),
        ] {
            let request = self
                .post(None, &format!("{mount}/intermediate/generate/internal"), ca(name))
                .await;
            let body = json!({ "csr": text(&request, "/data/csr"), "ttl": "4380h", "common_name": name });
            let signed = self.post(None, "pki-root/root/sign-intermediate", body).await;
            let certificate = text(&signed, "/data/certificate");
            self.post(
                None,
                &format!("{mount}/intermediate/set-signed"),
                json!({ "certificate": certificate }),
            )
            .await;
        }
        let role = json!({
            "allow_any_name": true, "enforce_hostnames": false, "allowed_uri_sans": ["spiffe://*"],
            "allow_ip_sans": true, "require_cn": false, "key_type": "any", "max_ttl": "1h", "ttl": "1h",
            "server_flag": true, "client_flag": true, "use_csr_common_name": false, "use_csr_sans": true,
        });
        self.post(None, "pki-services/roles/service", role).await;
        let role = json!({
            "allow_any_name": true, "enforce_hostnames": false, "allowed_uri_sans": ["spiffe://*"],
            "require_cn": false, "key_type": "any", "max_ttl": "2160h", "ttl": "2160h",
            "server_flag": false, "client_flag": true, "use_csr_common_name": false, "use_csr_sans": true,
        });
        self.post(None, "pki-solutions/roles/solution", role).await;
        self.post(
            None,
            "pki-suite/root/generate/internal",
            ca("DMP conformance suite CA"),
        )
        .await;
        let role = json!({
            "allow_any_name": true, "enforce_hostnames": false, "allowed_serial_numbers": ["dmp-suite"],
            "organization": ["DMP conformance suite"], "key_type": "any", "max_ttl": "24h", "ttl": "24h",
            "server_flag": false, "client_flag": false, "use_csr_common_name": false, "use_csr_sans": false,
        });
        self.post(None, "pki-suite/roles/suite", role).await;
    }
}

fn text(value: &Value, pointer: &str) -> String {
    value
        .pointer(pointer)
        .and_then(Value::as_str)
        .unwrap_or_else(|| panic!("no {pointer} in the answer"))
        .to_owned()
}
