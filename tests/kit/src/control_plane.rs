//! A real etcd and a real kube-apiserver as processes, without controllers and nodes.
//!
//! The programs are those the appliance builds (`$DMP_CACHE/parts`, by default `~/.cache/dmp/parts`; or `DMP_PARTS`):
//! `make parts`. What a test wants served (CRDs, rights) it applies itself.

use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use serde_json::json;

use crate::process::{Server, folder, free_port};

const START_LIMIT: Duration = Duration::from_secs(60);
const ATTEMPTS: usize = 3;
const ADMINISTRATOR: &str = "administrator";

pub struct ControlPlane {
    // Dropped in this order: the API server would wait for its etcd.
    api: Server,
    _etcd: Server,
    folder: PathBuf,
    port: u16,
}

impl ControlPlane {
    /// A control plane of its own, ended when dropped; `None` (said aloud) when its parts are not built.
    pub async fn start() -> Option<Self> {
        Self::start_with(&[]).await
    }

    /// As [`ControlPlane::start`], the API server with further arguments.
    pub async fn start_with(more: &[String]) -> Option<Self> {
        dmp_core::install_crypto_provider();
        let (Some(etcd), Some(apiserver)) = (part("etcd", "etcd"), part("kubernetes", "kube-apiserver"))
        else {
            eprintln!("SKIPPED: no built Kubernetes parts (`make parts`, or set DMP_PARTS)");
            return None;
        };
        let mut said = String::new();
        // between choosing a port and listening on it another process may take it
        for _ in 0..ATTEMPTS {
            let started = Self::spawn(&etcd, &apiserver, more);
            match started.ready().await {
                Ok(()) => return Some(started),
                Err(log) => said = log,
            }
        }
        panic!("the API server does not start:\n{said}")
    }

    fn spawn(etcd: &Path, apiserver: &Path, more: &[String]) -> Self {
        let (etcd_port, peer_port, port) = (free_port(), free_port(), free_port());
        let etcd_folder = folder("dmp-etcd-");
        let etcd_url = format!("http://127.0.0.1:{etcd_port}");
        let peer_url = format!("http://127.0.0.1:{peer_port}");
        let etcd = [
            etcd.display().to_string(),
            format!("--data-dir={}", etcd_folder.join("data").display()),
            format!("--listen-client-urls={etcd_url}"),
            format!("--advertise-client-urls={etcd_url}"),
            format!("--listen-peer-urls={peer_url}"),
            format!("--initial-advertise-peer-urls={peer_url}"),
            format!("--initial-cluster=default={peer_url}"),
            "--unsafe-no-fsync".to_owned(),
        ];
        let etcd = Server::spawn(etcd_folder, "KILL", &etcd.each_ref().map(String::as_str));

        let folder = folder("dmp-apiserver-");
        let file = |name: &str, content: &str| {
            let path = folder.join(name);
            std::fs::write(&path, content).expect("a file in a new folder");
            path.display().to_string()
        };
        let keys = rcgen::KeyPair::generate().expect("a key pair");
        let (private, public) = (
            file("accounts.key", &keys.serialize_pem()),
            file("accounts.pub", &keys.public_key_pem()),
        );
        let tokens = file("tokens.csv", &format!("{ADMINISTRATOR},admin,1,system:masters\n"));
        let arguments = [
            apiserver.display().to_string(),
            format!("--etcd-servers={etcd_url}"),
            format!("--secure-port={port}"),
            "--bind-address=127.0.0.1".to_owned(),
            "--advertise-address=127.0.0.1".to_owned(),
            "--endpoint-reconciler-type=none".to_owned(),
            "--authorization-mode=RBAC".to_owned(),
            "--service-cluster-ip-range=10.99.0.0/16".to_owned(),
            "--disable-admission-plugins=ServiceAccount".to_owned(),
            format!("--cert-dir={}", folder.join("certificates").display()),
            format!("--token-auth-file={tokens}"),
            "--service-account-issuer=https://kubernetes.default.svc".to_owned(),
            format!("--service-account-key-file={public}"),
            format!("--service-account-signing-key-file={private}"),
        ];
        let arguments: Vec<&str> = arguments.iter().chain(more).map(String::as_str).collect();
        let api = Server::spawn(folder.clone(), "KILL", &arguments);
        let control_plane = Self {
            api,
            _etcd: etcd,
            folder,
            port,
        };
        control_plane.write_kubeconfig(&control_plane.kubeconfig(), ADMINISTRATOR);
        control_plane
    }

    async fn ready(&self) -> Result<(), String> {
        let client = reqwest::Client::builder()
            .tls_danger_accept_invalid_certs(true)
            .build()
            .expect("a client");
        let start = Instant::now();
        while start.elapsed() < START_LIMIT {
            let answer = client
                .get(format!("https://127.0.0.1:{}/readyz", self.port))
                .bearer_auth(ADMINISTRATOR)
                .send()
                .await;
            if answer.is_ok_and(|answer| answer.status().is_success()) {
                return Ok(());
            }
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
        Err(self.api.log())
    }

    /// Kubeconfig of a member of `system:masters`.
    pub fn kubeconfig(&self) -> PathBuf {
        self.folder.join("kubeconfig")
    }

    /// Writes a kubeconfig for the holder of a bearer token. The server's certificate is its own: not verified.
    pub fn write_kubeconfig(&self, path: &Path, token: &str) {
        let text = json!({
            "apiVersion": "v1", "kind": "Config", "current-context": "c",
            "clusters": [{ "name": "c", "cluster": {
                "server": format!("https://127.0.0.1:{}", self.port), "insecure-skip-tls-verify": true,
            } }],
            "users": [{ "name": "c", "user": { "token": token } }],
            "contexts": [{ "name": "c", "context": { "cluster": "c", "user": "c" } }],
        });
        std::fs::write(path, text.to_string()).expect("the kubeconfig");
    }
}

/// The newest built part's program.
pub fn part(name: &str, program: &str) -> Option<PathBuf> {
    let variable = |name: &str| std::env::var_os(name).map(PathBuf::from);
    let parts = variable("DMP_PARTS")
        .or_else(|| Some(variable("DMP_CACHE")?.join("parts")))
        .or_else(|| Some(variable("HOME")?.join(".cache/dmp/parts")))?;
    let mut found: Vec<PathBuf> = std::fs::read_dir(parts)
        .ok()?
        .flatten()
        .filter(|entry| {
            entry
                .file_name()
                .to_string_lossy()
                .starts_with(&format!("{name}-"))
        })
        .map(|entry| entry.path().join("bin").join(program))
        .filter(|path| path.exists())
        .collect();
    found.sort_by_key(|path| path.metadata().and_then(|file| file.modified()).ok());
    found.pop()
}
