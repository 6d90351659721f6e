//! The gateway's own program beside an operator of the [`World`], and software with a certificate that it lets in.

use std::io::Write as _;
use std::net::SocketAddr;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use dmp_core::config::{ServiceConfig, TlsConfig, effective};
use dmp_core::peer::SpiffeId;
use dmp_core::trust::Keys;
use dmp_testkit::Issued;
use dmp_testkit::process::free_port;
use reqwest::{Certificate, Client, ClientBuilder, Identity};
use serde::Serialize;

use crate::world::{DOMAIN, Operator, World};

/// The operator's certificate names its Service; this machine's name service does not know it.
const OPERATOR: &str = "dmp-operator.dmp-system.svc";

/// None that a measurement meets.
const QUOTAS: &str = "[gateway.quotas.hospital]\ncredential = { per_second = 100000, burst = 100000 }\n\
    establishment = { per_second = 100000, burst = 100000 }\n";

/// The process, ended when dropped.
pub struct Gateway {
    process: Child,
    public: u16,
    health: u16,
    /// PEM.
    root: String,
    folder: tempfile::TempDir,
}

#[derive(Serialize)]
struct Section {
    service: ServiceConfig,
}

impl Gateway {
    /// Starts it; `binaries` is the folder with `dmp`, this program's by default.
    pub async fn start(world: &World, operator: &Operator, binaries: Option<&Path>) -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        let (public, health) = (free_port(), free_port());
        let local = |port: u16| SocketAddr::from(([127, 0, 0, 1], port));
        let own = of_gateway(world).await;
        let root = own.chain.last().expect("a root").clone();
        let solution = format!("spiffe://{DOMAIN}/credential/vendor/any");
        let solution = world
            .bao
            .certificate("pki-solutions", "solution", &solution, &[])
            .await;
        let keys = Keys {
            token: vec![world.bao.public_key(None, "token").await],
            facts: vec![world.bao.public_key(None, "facts").await],
            ..Keys::default()
        };
        let write =
            |name: &str, text: String| std::fs::write(folder.path().join(name), text).expect("a file");
        write("keys.json", serde_json::to_string(&keys).expect("JSON"));
        write("ca.crt", root.clone());
        write("solutions-ca.crt", solution.chain[1..].concat());
        write("tls.crt", own.chain.concat());
        write("tls.key", own.key);
        let service = ServiceConfig {
            domain: DOMAIN.to_owned(),
            name: "gateway".to_owned(),
            namespace: "dmp-national".to_owned(),
            listen: local(free_port()),
            health_listen: local(health),
            trust_dir: folder.path().to_owned(),
            issuer: None,
            max_connection_age: Duration::from_secs(600),
            drain: Duration::from_secs(1),
            // The test kit's OpenBao has no role for each service.
            tls: TlsConfig::Files {
                cert: folder.path().join("tls.crt"),
                key: folder.path().join("tls.key"),
                ca: folder.path().join("ca.crt"),
            },
            openbao: world.bao.config(None),
            telemetry: Default::default(),
        };
        let guichet = free_port();
        let elsewhere = "https://localhost:1";
        let config = format!(
            "{}\n[gateway]\npublic_listen = \"127.0.0.1:{public}\"\nguichet_listen = \"127.0.0.1:{guichet}\"\npublic_names = [\"localhost\"]\n\
             operator_urls = [\"https://{OPERATOR}:{}\"]\nregistry_url = {elsewhere:?}\nconsent_url = {elsewhere:?}\naudit_url = {elsewhere:?}\nportal_url = {elsewhere:?}\n\
             facts_seen = {:?}\n{QUOTAS}",
            effective(&Section { service }),
            operator.facts,
            folder.path().join("facts-seen"),
        );
        write("config.toml", config);
        let mut hosts = std::fs::File::create(folder.path().join("hosts")).expect("a file");
        writeln!(hosts, "127.0.0.1 localhost {OPERATOR}").expect("a line");
        let own = std::env::current_exe().expect("a program");
        let binary = binaries
            .unwrap_or_else(|| own.parent().expect("its folder"))
            .join("dmp");
        // A mount namespace of its own, for its own /etc/hosts.
        let log = std::fs::File::create(folder.path().join("log")).expect("a file");
        let process = Command::new("unshare")
            .args(["--mount", "--propagation", "private", "sh", "-c"])
            .arg("mount --bind \"$1\" /etc/hosts && exec \"$2\" gateway --config \"$3\"")
            .arg("sh")
            .arg(folder.path().join("hosts"))
            .arg(binary)
            .arg(folder.path().join("config.toml"))
            .stdin(Stdio::null())
            .stdout(log.try_clone().expect("a file"))
            .stderr(log)
            .spawn()
            .expect("unshare (util-linux)");
        Self {
            process,
            public,
            health,
            root,
            folder,
        }
    }

    pub fn pid(&self) -> u32 {
        self.process.id()
    }

    pub async fn until_ready(&self, limit: Duration) {
        let url = format!("http://127.0.0.1:{}/readyz", self.health);
        let begin = Instant::now();
        loop {
            let answer = reqwest::get(&url).await;
            if answer.is_ok_and(|answer| answer.status().is_success()) {
                return;
            }
            if begin.elapsed() > limit {
                let log = std::fs::read_to_string(self.folder.path().join("log")).unwrap_or_default();
                panic!("the gateway is not ready:\n{log}");
            }
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    }

    /// The status of one answer; 0 without one.
    pub async fn ask(&self, http: &Client) -> u16 {
        let url = format!("https://localhost:{}/fhir/metadata", self.public);
        match http.get(url).send().await {
            Ok(answer) => {
                let status = answer.status().as_u16();
                answer.bytes().await.map_or(0, |_| status)
            }
            Err(_) => 0,
        }
    }
}

impl Drop for Gateway {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

/// Waits until the operator tells its first facts, as a gateway would hear them.
pub async fn until_it_tells(world: &World, operator: &Operator, limit: Duration) {
    let own = of_gateway(world).await;
    let root = own.chain.last().expect("a root");
    let client = client(&format!("{}{}", own.chain.concat(), own.key), root)
        .resolve(OPERATOR, ([127, 0, 0, 1], operator.facts).into())
        .build()
        .expect("a client");
    let url = format!(
        "https://{OPERATOR}:{}{}",
        operator.facts,
        dmp_client::facts::STREAM
    );
    let begin = Instant::now();
    loop {
        if let Ok(mut answer) = client.get(&url).send().await
            && answer.status().is_success()
            && matches!(answer.chunk().await, Ok(Some(_)))
        {
            return;
        }
        assert!(begin.elapsed() < limit, "the operator tells nothing");
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
}

fn client(identity: &str, root: &str) -> ClientBuilder {
    let identity = Identity::from_pem(identity.as_bytes()).expect("an identity");
    let root = Certificate::from_pem(root.as_bytes()).expect("a root");
    Client::builder()
        .identity(identity)
        .tls_certs_only([root])
        .no_proxy()
}

/// A vendor's program: its key and the certificate of its credential.
pub struct Software {
    /// PEM.
    pub csr: String,
    /// PEM, with its issuers.
    pub chain: String,
    /// Of its certificate, hex.
    pub sha256: String,
    key: String,
}

impl Software {
    pub async fn new(world: &World, namespace: &str, name: &str) -> Self {
        let id = format!("spiffe://{DOMAIN}/credential/{namespace}/{name}");
        let issued = world.bao.certificate("pki-solutions", "solution", &id, &[]).await;
        Self {
            sha256: hex::encode(issued.identity().as_peer().certificate_sha256),
            chain: issued.chain.concat(),
            csr: issued.csr,
            key: issued.key,
        }
    }

    pub fn client(&self, gateway: &Gateway) -> Client {
        client(&format!("{}{}", self.chain, self.key), &gateway.root)
            .timeout(Duration::from_secs(10))
            .build()
            .expect("a client")
    }
}

/// A certificate of the gateway's, good for this machine.
async fn of_gateway(world: &World) -> Issued {
    let id = SpiffeId::service(DOMAIN, "dmp-national", "gateway").to_string();
    let issued = world
        .bao
        .certificate("pki-services", "service", &id, &["localhost"]);
    issued.await
}
