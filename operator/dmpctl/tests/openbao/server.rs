//! The real `bao` with the repository's own configuration, on loopback; the API server's TokenReview is played by a
//! route that believes what an (unsigned) ServiceAccount token says of itself.

use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use axum::Json;
use axum::routing::post;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use dmp_testkit::process::{Server, folder, free_port};
use dmpctl::install::bootstrap::client::OpenBao;
use dmpctl::kubernetes::endpoint::{Dial, Endpoint};
use serde_json::{Value, json};

pub struct TestBao {
    _server: Server,
    pub folder: PathBuf,
    port: u16,
    ca: String,
}

impl TestBao {
    /// First start with self-initialisation. It takes a few seconds.
    pub async fn start() -> Self {
        let _ = rustls::crypto::aws_lc_rs::default_provider().install_default();
        let (folder, port) = (folder("dmp-install-"), free_port());
        for part in ["data/tls", "audit", "seal", "config"] {
            std::fs::create_dir_all(folder.join(part)).unwrap();
        }
        let key = rcgen::KeyPair::generate().unwrap();
        let names = vec!["openbao.dmp-system.svc".to_owned()];
        let certificate = rcgen::CertificateParams::new(names)
            .unwrap()
            .self_signed(&key)
            .unwrap();
        std::fs::write(folder.join("data/tls/tls.crt"), certificate.pem()).unwrap();
        std::fs::write(folder.join("data/tls/tls.key"), key.serialize_pem()).unwrap();
        std::fs::write(folder.join("seal/key"), [7u8; 32]).unwrap();
        let reviewer = reviewer().await;
        configuration(&folder, port, &reviewer, &certificate.pem());
        let config = format!("-config={}", folder.join("config").display());
        let binary = dmp_testkit::bao::binary().display().to_string();
        let server = Server::spawn(folder.clone(), "TERM", &[&binary, "server", &config]);
        let bao = Self {
            _server: server,
            folder,
            port,
            ca: certificate.pem(),
        };
        let start = Instant::now();
        while bao.client().cluster_id().await.is_err() {
            assert!(start.elapsed() < Duration::from_secs(90), "{}", bao._server.log());
            tokio::time::sleep(Duration::from_millis(200)).await;
        }
        bao
    }

    /// Not logged in.
    pub fn client(&self) -> OpenBao {
        let dial = Dial::Tcp(([127, 0, 0, 1], self.port).into());
        OpenBao::new(Endpoint::new(dial, "openbao.dmp-system.svc", &self.ca).unwrap())
    }

    /// Logged in as a ServiceAccount at its role.
    pub async fn service(&self, namespace: &str, account: &str) -> OpenBao {
        let mut client = self.client();
        let there = client
            .log_in(
                &format!("{namespace}.{account}"),
                &jwt(namespace, account, "openbao"),
            )
            .await
            .unwrap();
        assert!(there, "there is no role {namespace}.{account}");
        client
    }
}

/// What the token reviewer reads; nobody checks its signature here.
pub fn jwt(namespace: &str, account: &str, audience: &str) -> String {
    let now = jiff::Timestamp::now().as_second();
    let uid = uuid::Uuid::from_u128(
        namespace
            .bytes()
            .chain(account.bytes())
            .fold(1, |n, b| n * 31 + u128::from(b)),
    );
    let claims = json!({
        "aud": [audience], "iss": "https://kubernetes.default.svc",
        "sub": format!("system:serviceaccount:{namespace}:{account}"),
        "iat": now, "nbf": now, "exp": now + 600,
        "kubernetes.io": { "namespace": namespace, "serviceaccount": { "name": account, "uid": uid } },
    });
    let part = |value: &Value| URL_SAFE_NO_PAD.encode(value.to_string());
    format!(
        "{}.{}.{}",
        part(&json!({ "alg": "RS256", "kid": "k" })),
        part(&claims),
        URL_SAFE_NO_PAD.encode([1u8; 256])
    )
}

async fn reviewer() -> String {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let router = axum::Router::new().route("/apis/authentication.k8s.io/v1/tokenreviews", post(review));
    tokio::spawn(async move { axum::serve(listener, router).await });
    format!("http://{address}")
}

async fn review(Json(review): Json<Value>) -> (axum::http::StatusCode, Json<Value>) {
    let token = review["spec"]["token"].as_str().unwrap();
    let claims = URL_SAFE_NO_PAD.decode(token.split('.').nth(1).unwrap()).unwrap();
    let claims: Value = serde_json::from_slice(&claims).unwrap();
    let wanted = review["spec"]["audiences"]
        .as_array()
        .cloned()
        .unwrap_or_default();
    let audiences: Vec<Value> = claims["aud"]
        .as_array()
        .unwrap()
        .iter()
        .filter(|a| wanted.contains(a))
        .cloned()
        .collect();
    let answer = json!({
        "apiVersion": "authentication.k8s.io/v1", "kind": "TokenReview",
        "status": {
            "authenticated": !audiences.is_empty(), "audiences": audiences,
            "user": {
                "username": claims["sub"], "uid": claims["kubernetes.io"]["serviceaccount"]["uid"],
                "groups": ["system:serviceaccounts"],
            },
        },
    });
    (axum::http::StatusCode::CREATED, Json(answer))
}

/// The files of `manifests/openbao`, with this machine's folders, ports and reviewer.
fn configuration(folder: &Path, port: u16, reviewer: &str, ca: &str) {
    let manifests = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../manifests/openbao");
    for part in ["config", "policies"] {
        for entry in std::fs::read_dir(manifests.join(part)).unwrap() {
            let path = entry.unwrap().path();
            let text = std::fs::read_to_string(&path)
                .unwrap()
                .replace("/openbao/", &format!("{}/", folder.display()))
                .replace("0.0.0.0:8200", &format!("127.0.0.1:{port}"))
                .replace("127.0.0.1:8201", &format!("127.0.0.1:{}", free_port()))
                // A pod has the API server's CA in a file; here it is given.
                .replace(
                    r#"data = { kubernetes_host = "https://kubernetes.default.svc" }"#,
                    &format!(
                        "data = {{ kubernetes_host = \"{reviewer}\", disable_local_ca_jwt = true, kubernetes_ca_cert = {} }}",
                        json!(ca)
                    ),
                );
            std::fs::write(folder.join("config").join(path.file_name().unwrap()), text).unwrap();
        }
    }
}
