//! The processes, and the people who use them.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use axum::Router;
use axum::body::Body;
use axum::extract::State;
use axum::response::Response;
use axum::routing::get;
use dmp_client::facts::{Credential, Facts, Gate, Group, Mode, STREAM, SignedFacts};
use dmp_core::config::{DatabaseConfig, ServiceConfig, TelemetryConfig, TlsConfig, effective};
use dmp_core::ids::{GroupName, PatientId};
use dmp_core::tls::Identity;
use dmp_core::token::{Claims, Person, PublicKey};
use dmp_testkit::facts::divided;
use dmp_testkit::issuer::{AUDIENCE, Issuer};
use dmp_testkit::process::{Server, folder, free_port};
use dmp_testkit::{Bao, Certificate, DOMAIN, Postgres, TestPlatform, TestService, Validity};
use dmpctl::demo::fixtures::Case;
use dmpctl::demo::submission::provide_bundle;
use reqwest::Method;
use reqwest::header::HeaderMap;
use serde::Serialize;
use serde_json::Value;

use crate::collector::Collector;

/// Namespace and name of the credentials.
const HOSPITAL: (&str, &str) = ("vendor-h", "hospital-a");
const APP: (&str, &str) = ("vendor-p", "app");
const DIRECTORY: (&str, &str) = ("vendor-d", "directory");
/// INPE of the physician and of the hospital.
pub const PHYSICIAN: &str = "111111111";
pub const ESTABLISHMENT: &str = "000000001";

/// One physician sits the conformance suite with many pieces of software at once.
const QUOTAS: &str = "[gateway.quotas.hospital]\nperson = { per_second = 1000, burst = 1000 }\n";

/// A service that runs.
pub struct Process {
    pub name: &'static str,
    pub health: String,
    server: Server,
}

pub struct World {
    pub collector: Collector,
    pub services: Vec<Process>,
    pub case: Case,
    pub platform: Arc<TestPlatform>,
    pub issuer: Issuer,
    hospital: Identity,
    app: Identity,
    /// The patient app's certificate.
    pub app_certificate: Certificate,
    /// Of further software at the hospital, one certificate each.
    pub others: Vec<Certificate>,
    directory: Identity,
    /// Of each realm that was asked for.
    pub realms: Vec<RealmSoftware>,
    /// Where the registry is.
    pub registry: String,
    physician: &'static str,
    establishment: &'static str,
    pub gateway: String,
    _operator: TestService,
    _folders: Vec<tempfile::TempDir>,
}

/// Software whose credentials are of one realm.
pub struct RealmSoftware {
    pub realm: String,
    /// Of a hospital with the INPE of this world's.
    pub hospital: Identity,
    pub app: Identity,
}

impl RealmSoftware {
    fn new(platform: &TestPlatform, number: usize, realm: &str) -> Self {
        let own = |name: &str| platform.pki.solution(&format!("vendor-r{number}"), name);
        Self {
            realm: realm.to_owned(),
            hospital: own("hospital"),
            app: own("app"),
        }
    }

    fn credentials(&self, number: usize, establishment: &str) -> [Credential; 2] {
        let namespace = format!("vendor-r{number}");
        let home = Some((establishment, group()));
        let mut both = [
            credential((&namespace, "hospital"), &self.hospital, "hospital", home),
            credential((&namespace, "app"), &self.app, "patient-app", None),
        ];
        for credential in &mut both {
            credential.realm = Some(self.realm.clone());
        }
        both
    }
}

/// An answer of the gateway.
pub struct Answer {
    pub status: u16,
    pub headers: HeaderMap,
    pub body: Value,
}

impl Answer {
    pub fn correlation(&self) -> String {
        self.headers["x-correlation-id"].to_str().unwrap().to_owned()
    }
}

#[derive(Serialize)]
struct Section<T> {
    service: T,
}

/// Ports and namespace of a service.
struct Place {
    name: &'static str,
    namespace: &'static str,
    port: u16,
    health: u16,
}

impl Place {
    fn new(name: &'static str, namespace: &'static str) -> Self {
        Self {
            name,
            namespace,
            port: free_port(),
            health: free_port(),
        }
    }

    fn url(&self) -> String {
        format!("https://localhost:{}", self.port)
    }
}

fn group() -> GroupName {
    "a".parse().unwrap()
}

impl World {
    /// All services, ready; their traces go to a collector of this world's own, every one of them.
    pub async fn start() -> Self {
        Self::start_with(PHYSICIAN, ESTABLISHMENT, 0).await
    }

    /// The same with software of these realms.
    pub async fn start_in_realms(realms: &[&str]) -> Self {
        Self::start_of(PHYSICIAN, ESTABLISHMENT, 0, realms).await
    }

    /// The same with another physician and hospital (INPE), and `others` further pieces of software there.
    pub async fn start_with(physician: &'static str, establishment: &'static str, others: usize) -> Self {
        Self::start_of(physician, establishment, others, &[]).await
    }

    async fn start_of(
        physician: &'static str,
        establishment: &'static str,
        others: usize,
        realms: &[&str],
    ) -> Self {
        dmp_core::install_crypto_provider();
        let (bao, postgres) = (Bao::shared(), Postgres::shared());
        let platform = Arc::new(TestPlatform::new());
        let group_namespace = group().openbao_namespace();
        let logs = [
            ("registry", bao.public_key(None, "log-registry").await),
            ("consent", bao.public_key(None, "log-consent").await),
            ("group/a", bao.public_key(Some(&group_namespace), "log").await),
        ];
        let logs: BTreeMap<String, PublicKey> = logs
            .into_iter()
            .map(|(name, key)| (format!("{DOMAIN}/log/{name}"), key))
            .collect();
        platform.write_trust_with(logs.clone(), vec![bao.public_key(None, "token").await]);
        platform.believe_log_ins_of(&[bao.public_key(None, dmp_client::sandbox::KEY).await]);
        let issuer = Issuer::start(&platform.pki).await;

        let collector = Collector::start().await;
        let [registry, consent, audit, portal, gateway] =
            ["registry", "consent", "audit", "portal", "gateway"]
                .map(|name| Place::new(name, "dmp-national"));
        let records = Place::new("records", "dmp-a");
        let hospital = platform.pki.solution(HOSPITAL.0, HOSPITAL.1);
        let hour = || Validity::For(Duration::from_secs(3600));
        let app_certificate = platform.pki.solution_certificate(APP.0, APP.1, hour());
        let app = platform.pki.identity(&app_certificate);
        let directory = platform.pki.solution(DIRECTORY.0, DIRECTORY.1);
        let others: Vec<(String, Certificate)> = (0..others)
            .map(|number| format!("other-{number}"))
            .map(|name| {
                (
                    name.clone(),
                    platform.pki.solution_certificate(HOSPITAL.0, &name, hour()),
                )
            })
            .collect();
        let realms: Vec<RealmSoftware> = realms
            .iter()
            .enumerate()
            .map(|(number, realm)| RealmSoftware::new(&platform, number, realm))
            .collect();
        let facts = Facts {
            seq: 1,
            demonstration: true,
            gate: Gate::Open,
            groups: vec![Group {
                name: group(),
                tag: group().tag(),
                mode: Mode::Sandbox,
                records: records.url(),
                identity: format!("spiffe://{DOMAIN}/ns/dmp-a/sa/records"),
                gate: Gate::Open,
                serving: true,
            }],
            credentials: [
                credential(HOSPITAL, &hospital, "hospital", Some((establishment, group()))),
                credential(APP, &app, "patient-app", None),
                credential(DIRECTORY, &directory, "directory", None),
            ]
            .into_iter()
            .chain(others.iter().map(|(name, software)| {
                let home = Some((establishment, group()));
                credential(
                    (HOSPITAL.0, name),
                    &platform.pki.identity(software),
                    "hospital",
                    home,
                )
            }))
            .chain(
                realms
                    .iter()
                    .enumerate()
                    .flat_map(|(number, own)| own.credentials(number, establishment)),
            )
            .collect(),
            issuers: vec![dmp_client::facts::Issuer {
                url: issuer.url.clone(),
                jwks: None,
                ca: Some(platform.pki.root_pem()),
                audience: AUDIENCE.to_owned(),
                demonstration: true,
            }],
            ..Facts::default()
        };
        let operator = operator(&platform, facts).await;

        let mut folders = Vec::new();
        let mut start = async |place: &Place, sections: String, openbao_group: Option<&GroupName>| {
            let files = tempfile::tempdir().unwrap();
            let text = config(&platform, &collector, place, openbao_group, files.path()) + &sections;
            let path = files.path().join("config.toml");
            std::fs::write(&path, text).unwrap();
            folders.push(files);
            Process {
                name: place.name,
                health: format!("http://127.0.0.1:{}", place.health),
                server: Server::spawn(
                    folder("dmp-service-"),
                    "TERM",
                    &[
                        env!("CARGO_BIN_EXE_dmp"),
                        place.name,
                        "--config",
                        path.to_str().unwrap(),
                    ],
                ),
            }
        };
        let database = async |table: &str| section(table, &postgres.database().await);
        let sources: String = [
            ("registry", &registry),
            ("consent", &consent),
            ("group/a", &records),
        ]
        .into_iter()
        .map(|(log, place)| {
            let origin = format!("{DOMAIN}/log/{log}");
            let key = &logs[&origin].x;
            format!(
                "\n[[sources]]\norigin = {origin:?}\nurl = {:?}\npublic_key = {key:?}\n",
                place.url()
            )
        })
        .collect();
        let (public, guichet) = (free_port(), free_port());
        let services = vec![
            start(&registry, database("database").await, None).await,
            start(
                &consent,
                format!("\n[consent]\nregistry_url = {:?}\n{}", registry.url(), database("database").await),
                None,
            )
            .await,
            start(
                &records,
                format!(
                    "\n[records]\ngroup = \"a\"\nmode = \"sandbox\"\nregistry_url = {:?}\nconsent_url = {:?}\n{}{}",
                    registry.url(),
                    consent.url(),
                    database("database").await,
                    database("keystore").await
                ),
                Some(&group()),
            )
            .await,
            start(
                &audit,
                format!(
                    "\n[audit]\nregistry_url = {:?}\n{}{sources}",
                    registry.url(),
                    database("database").await
                ),
                None,
            )
            .await,
            start(&portal, String::new(), None).await,
            start(
                &gateway,
                format!(
                    "\n[gateway]\npublic_listen = \"127.0.0.1:{public}\"\nguichet_listen = \"127.0.0.1:{guichet}\"\n\
                     public_names = [\"localhost\"]\n\
                     operator_urls = [{:?}]\nregistry_url = {:?}\nconsent_url = {:?}\naudit_url = {:?}\nportal_url = {:?}\n{QUOTAS}",
                    operator.base(),
                    registry.url(),
                    consent.url(),
                    audit.url(),
                    portal.url()
                ),
                None,
            )
            .await,
        ];
        let world = Self {
            collector,
            services,
            case: Case::new().unwrap(),
            platform,
            issuer,
            hospital,
            app,
            app_certificate,
            directory,
            realms,
            registry: registry.url(),
            physician,
            establishment,
            others: others.into_iter().map(|(_, software)| software).collect(),
            gateway: format!("https://localhost:{public}"),
            _operator: operator,
            _folders: folders,
        };
        for service in &world.services {
            service.ready().await;
        }
        world
    }

    fn claims(&self, software: &Identity, name: (&str, &str), person: Person) -> Claims {
        let mut claims = self.platform.tokens.claims(&software.as_peer(), person);
        claims.solution = format!("{}/solution", name.0);
        claims.credential = format!("{}/{}", name.0, name.1);
        claims
    }

    /// A physician at the hospital of group `a`.
    fn physician(&self) -> Claims {
        let person = Person::Professional {
            inpe: self.physician.to_owned(),
            profession: "physician".to_owned(),
        };
        let mut claims = self.claims(&self.hospital, HOSPITAL, person);
        claims.establishment = Some(self.establishment.to_owned());
        claims.group = Some("a".to_owned());
        claims
    }

    /// The hospital's software, with a physician's token, and headers of its own.
    pub async fn hospital(&self, method: Method, path: &str, headers: HeaderMap, body: &Value) -> Answer {
        self.send(&self.hospital, &self.physician(), method, path, headers, body)
            .await
    }

    /// The patient's app, with her token.
    pub async fn patient(&self, id: PatientId, path: &str) -> Answer {
        let mut claims = self.claims(&self.app, APP, Person::Patient { id });
        claims.establishment = None;
        claims.group = None;
        self.send(
            &self.app,
            &claims,
            Method::GET,
            path,
            HeaderMap::new(),
            &Value::Null,
        )
        .await
    }

    async fn send(
        &self,
        software: &Identity,
        claims: &Claims,
        method: Method,
        path: &str,
        headers: HeaderMap,
        body: &Value,
    ) -> Answer {
        let mut request = software
            .http_client()
            .unwrap()
            .request(method, format!("{}{path}", self.gateway))
            .headers(headers)
            .bearer_auth(self.platform.tokens.mint(claims));
        if !body.is_null() {
            request = request
                .header("content-type", "application/fhir+json")
                .body(body.to_string());
        }
        let answer = request.send().await.unwrap();
        Answer {
            status: answer.status().as_u16(),
            headers: answer.headers().clone(),
            body: answer.json().await.unwrap_or_default(),
        }
    }

    /// The directory's source publishes hospitals and professionals (mCSD).
    pub async fn publish_directory(&self, bundle: &Value) {
        let mut claims = self.claims(&self.directory, DIRECTORY, Person::Directory);
        claims.establishment = None;
        claims.group = None;
        let (post, headers) = (Method::POST, HeaderMap::new());
        let answer = self
            .send(&self.directory, &claims, post, "/fhir", headers, bundle)
            .await;
        assert_eq!(answer.status, 200, "{}", answer.body);
    }

    /// Asks the token service for what it does not give; the status of the answer.
    pub async fn token_in_vain(&self) -> u16 {
        let client = self.hospital.http_client().unwrap();
        let request = client.post(format!("{}/oauth2/token", self.gateway));
        let form = ("content-type", "application/x-www-form-urlencoded");
        let request = request.header(form.0, form.1).body("grant_type=password");
        request.send().await.unwrap().status().as_u16()
    }

    /// A certificate of the solutions' authority that the facts do not list: refused.
    pub async fn stranger(&self) {
        let stranger = self.platform.pki.solution("vendor-x", "nobody");
        let claims = self.claims(&stranger, ("vendor-x", "nobody"), Person::Directory);
        let client = stranger.http_client().unwrap();
        let request = client.get(format!("{}/fhir/metadata", self.gateway));
        let answer = request
            .bearer_auth(self.platform.tokens.mint(&claims))
            .send()
            .await;
        assert!(answer.is_err() || answer.is_ok_and(|answer| answer.status() == 403));
    }

    /// ITI-104 and ITI-65 of this world's patient: her id and the answer to the submission, sent with `headers`.
    pub async fn publish(&self, headers: HeaderMap) -> (PatientId, Answer) {
        let path = format!(
            "/fhir/Patient?identifier={}",
            self.case.identifier().replace('|', "%7C")
        );
        let fed = self
            .hospital(Method::PUT, &path, HeaderMap::new(), &self.case.patient)
            .await;
        assert!(
            fed.status == 200 || fed.status == 201,
            "{} {}",
            fed.status,
            fed.body
        );
        let id = fed.body["id"].as_str().unwrap();
        let date = jiff::Timestamp::now().to_string();
        let bundle = provide_bundle(
            id,
            &self.case.submission,
            "urn:oid:2.999.212.5.1",
            &date,
            &[&self.case.letter, &self.case.summary],
        );
        let answer = self.hospital(Method::POST, "/fhir", headers, &bundle).await;
        assert_eq!(answer.status, 200, "{}", answer.body);
        (id.parse().unwrap(), answer)
    }
}

impl Process {
    async fn ready(&self) {
        let (url, start) = (format!("{}/readyz", self.health), Instant::now());
        let client = dmp_core::tls::plain_http_client(rustls::RootCertStore::empty()).unwrap();
        loop {
            let answer = client.get(&url).send().await;
            if answer.is_ok_and(|answer| answer.status() == 200) {
                return;
            }
            assert!(
                start.elapsed() < Duration::from_secs(60),
                "{} is not ready:\n{}",
                self.name,
                self.server.log()
            );
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
    }

    /// What it shows at `/metrics`.
    pub async fn metrics(&self) -> String {
        let client = dmp_core::tls::plain_http_client(rustls::RootCertStore::empty()).unwrap();
        let answer = client
            .get(format!("{}/metrics", self.health))
            .send()
            .await
            .unwrap();
        answer.text().await.unwrap()
    }

    /// The end of what it has logged.
    pub fn log(&self) -> String {
        std::fs::read_to_string(self.server.log_file()).unwrap()
    }
}

fn credential(
    (namespace, name): (&str, &str),
    software: &Identity,
    kind: &str,
    home: Option<(&str, GroupName)>,
) -> Credential {
    let peer = software.as_peer();
    Credential {
        name: format!("{namespace}/{name}"),
        solution: format!("{namespace}/solution"),
        version: "1.0".to_owned(),
        kind: kind.to_owned(),
        establishment: home.as_ref().map(|(inpe, _)| (*inpe).to_owned()),
        group: home.map(|(_, group)| group),
        mode: Mode::Sandbox,
        certificate_sha256: hex::encode(peer.certificate_sha256),
        not_after: peer.not_after,
        previous: None,
        scopes: None,
        realm: None,
    }
}

/// `[service]` with its certificate in files.
fn config(
    platform: &TestPlatform,
    collector: &Collector,
    place: &Place,
    group: Option<&GroupName>,
    files: &Path,
) -> String {
    let hour = Validity::For(Duration::from_secs(3600));
    let certificate = platform
        .pki
        .service_certificate(place.namespace, place.name, hour);
    platform.pki.write_files(&certificate, files);
    let service = ServiceConfig {
        domain: DOMAIN.to_owned(),
        name: place.name.to_owned(),
        namespace: place.namespace.to_owned(),
        listen: ([127, 0, 0, 1], place.port).into(),
        health_listen: ([127, 0, 0, 1], place.health).into(),
        trust_dir: platform.trust_dir().to_owned(),
        issuer: None,
        max_connection_age: Duration::from_secs(600),
        drain: Duration::from_secs(5),
        tls: TlsConfig::Files {
            cert: files.join("tls.crt"),
            key: files.join("tls.key"),
            ca: files.join("ca.crt"),
        },
        openbao: Bao::shared().config(group),
        telemetry: TelemetryConfig {
            otlp_endpoint: Some(collector.endpoint.clone()),
            otlp_ca: None,
            sample_ratio: 1.0,
        },
    };
    effective(&Section { service })
}

fn section(table: &str, database: &DatabaseConfig) -> String {
    let url = database.url.as_ref().unwrap();
    format!("\n[{table}]\nurl = {:?}\n", url.expose())
}

/// The facts stream, signed.
async fn operator(platform: &Arc<TestPlatform>, facts: Facts) -> TestService {
    let identity = platform.pki.service("dmp-system", "dmp-operator");
    let state = Arc::new((facts, Arc::clone(platform)));
    let router = Router::new().route(STREAM, get(stream)).with_state(state);
    TestService::start(&identity, router).await
}

async fn stream(State(state): State<Arc<(Facts, Arc<TestPlatform>)>>) -> Response {
    let lines = futures::stream::unfold(state, |state| async move {
        let mut facts = state.0.clone();
        facts.at = jiff::Timestamp::now();
        let (facts, shards) = divided(facts);
        let payload = serde_json::to_string(&facts).unwrap();
        let signed = SignedFacts {
            signature: state.1.facts.sign(payload.as_bytes()),
            kid: state.1.facts.kid().to_owned(),
            payload,
            grant: None,
        };
        let mut lines = serde_json::to_string(&signed).unwrap() + "\n";
        lines.extend(shards.into_iter().map(|shard| shard.line + "\n"));
        tokio::time::sleep(Duration::from_millis(200)).await;
        Some((Ok::<_, std::convert::Infallible>(lines), state))
    });
    Response::new(Body::from_stream(lines))
}
