//! The gateway's own program beside an operator of the [`World`], and software with a certificate that it lets in.

use std::io::Write as _;
use std::net::SocketAddr;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use dmp_core::config::{ServiceConfig, TlsConfig, effective};
use dmp_core::peer::SpiffeId;
use dmp_core::trust::Keys;
use dmp_keys::openbao::CertificateRequest;
use dmp_testkit::process::free_port;
use rcgen::{CertificateParams, KeyPair, SanType};
use reqwest::{Certificate, Client, ClientBuilder, Identity};
use rustls_pki_types::CertificateDer;
use rustls_pki_types::pem::PemObject as _;
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
        let (services, solutions) = (
            authority(world, "pki-services", "service").await,
            authority(world, "pki-solutions", "solution").await,
        );
        let root = services.last().expect("a root").clone();
        let keys = Keys {
            token: vec![world.bao.public_key(None, "token").await],
            facts: vec![world.bao.public_key(None, "facts").await],
            ..Keys::default()
        };
        let write =
            |name: &str, text: String| std::fs::write(folder.path().join(name), text).expect("a file");
        write("keys.json", serde_json::to_string(&keys).expect("JSON"));
        write("ca.crt", root.clone());
        write("solutions-ca.crt", solutions.concat());
        let id = SpiffeId::service(DOMAIN, "dmp-national", "gateway").to_string();
        let (_, key, chain) = signed(world, "pki-services", "service", &id).await;
        write("tls.crt", chain);
        write("tls.key", key);
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
    let id = SpiffeId::service(DOMAIN, "dmp-national", "gateway").to_string();
    let (_, key, chain) = signed(world, "pki-services", "service", &id).await;
    let root = authority(world, "pki-services", "service")
        .await
        .pop()
        .expect("a root");
    let client = client(&format!("{chain}{key}"), &root)
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
        let (csr, key, chain) = signed(world, "pki-solutions", "solution", &id).await;
        let own = CertificateDer::from_pem_slice(chain.as_bytes()).expect("a certificate");
        Self {
            csr,
            sha256: dmp_client::facts::shard::sha256(&own),
            chain,
            key,
        }
    }

    pub fn client(&self, gateway: &Gateway) -> Client {
        client(&format!("{}{}", self.chain, self.key), &gateway.root)
            .timeout(Duration::from_secs(10))
            .build()
            .expect("a client")
    }
}

async fn signed(world: &World, mount: &str, role: &str, id: &str) -> (String, String, String) {
    let key = KeyPair::generate().expect("a key");
    let mut parameters = CertificateParams::default();
    parameters.subject_alt_names = vec![SanType::URI(id.try_into().expect("a name"))];
    if role == "service" {
        let local = "localhost".try_into().expect("a name");
        parameters.subject_alt_names.push(SanType::DnsName(local));
    }
    let csr = parameters.serialize_request(&key).expect("a request");
    let request = CertificateRequest {
        csr: csr.pem().expect("PEM"),
        uri_sans: vec![id.to_owned()],
        ttl: "1h".to_owned(),
        serial_number: None,
        ..CertificateRequest::default()
    };
    let client = dmp_keys::Client::root(&world.bao.config(None)).expect("a client of OpenBao");
    let signed = client.sign_certificate(mount, role, &request).await;
    let chain = signed.expect("a certificate").chain_pem();
    (request.csr, key.serialize_pem(), chain)
}

/// The authorities of a mount, PEM, the root last.
async fn authority(world: &World, mount: &str, role: &str) -> Vec<String> {
    let id = SpiffeId::service(DOMAIN, "dmp-national", "bench").to_string();
    let (_, _, chain) = signed(world, mount, role, &id).await;
    const END: &str = "-----END CERTIFICATE-----\n";
    let certificates = chain.split_inclusive(END);
    certificates.skip(1).map(str::to_owned).collect()
}
