//! Everything around one gateway: PKI, OpenBao, operator, issuer, services, and three pieces of software.

use std::sync::Arc;
use std::time::Duration;

use dmp_client::facts::{Credential, Facts, Gate, Group, Mode};
use dmp_client::quota::Quotas;
use dmp_core::ids::{GroupName, PatientId};
use dmp_core::serve::ServeOptions;
use dmp_core::tls::Identity;
use dmp_core::token::{Claims, Person};
use dmp_core::trust::{Keys, TrustBundle};
use dmp_gateway::config::Config;
use dmp_gateway::facts::FactsStore;
use dmp_gateway::facts::seen::Seen;
use dmp_gateway::facts::stream::Follower;
use dmp_gateway::state::Gateway;
use dmp_gateway::upstream::Upstream;
use dmp_gateway::upstream::tls::Clients;
use dmp_keys::Client;
use dmp_testkit::issuer::{AUDIENCE, Issuer};
use dmp_testkit::{Bao, DOMAIN, Pki, Signer, Tokens};
use serde_json::{Value, json};
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;

use crate::configuration::config;
use crate::operator::Operator;
use crate::stub::{Answer, Stub};

pub const HOSPITAL: (&str, &str) = ("vendor-h", "hospital-a");
pub const CABINET: (&str, &str) = ("vendor-c", "cabinet-b");
pub const APP: (&str, &str) = ("vendor-p", "app");
pub const DIRECTORY: (&str, &str) = ("vendor-d", "directory");

/// One piece of software with its certificate.
pub struct Software {
    pub identity: Identity,
    pub http: reqwest::Client,
}

impl Software {
    pub fn new(identity: Identity) -> Self {
        let http = identity.http_client().unwrap();
        Self { identity, http }
    }
}

pub struct World {
    pub pki: Pki,
    pub operator: Operator,
    pub issuer: Issuer,
    pub registry: Stub,
    pub consent: Stub,
    pub audit: Stub,
    pub portal: Stub,
    /// Of groups `a` and `b`.
    pub records: [Stub; 2],
    pub hospital: Software,
    pub cabinet: Software,
    pub app: Software,
    pub directory: Software,
    /// Signs tokens that the gateway believes, beside those it has made itself.
    pub tokens: Tokens,
    /// Signs the log-ins of invented people.
    pub sandbox: Signer,
    pub store: Arc<FactsStore>,
    pub gateway: Gateway,
    /// Of the gateway that runs here.
    pub config: Config,
    pub base: String,
    shutdown: CancellationToken,
    _trust: tempfile::TempDir,
}

impl Drop for World {
    fn drop(&mut self) {
        self.shutdown.cancel();
    }
}

pub fn group(name: &str) -> GroupName {
    name.parse().unwrap()
}

/// `<tag>-<uuid>` of a document in a group.
pub fn document_id(name: &str) -> String {
    format!("{}-{}", group(name).tag(), uuid::Uuid::new_v4().simple())
}

impl World {
    pub async fn start() -> Self {
        Self::start_with(Quotas::default()).await
    }

    pub async fn start_with(quotas: Quotas) -> Self {
        let pki = Pki::new(DOMAIN);
        let bao = Bao::shared();
        let facts_key = Arc::new(Signer::new("facts-v1"));
        let tokens = Tokens {
            signer: Signer::new("token-v0"),
            issuer: format!("https://gateway.{DOMAIN}"),
        };
        let sandbox = Signer::new("sandbox-people-v1");
        let keys = Keys {
            token: vec![tokens.signer.public_key(), bao.public_key(None, "token").await],
            facts: vec![facts_key.public_key()],
            logs: Default::default(),
            sandbox: vec![sandbox.public_key()],
        };
        let trust_dir = tempfile::tempdir().unwrap();
        for (name, text) in [
            ("keys.json", serde_json::to_string(&keys).unwrap()),
            ("ca.crt", pki.root_pem()),
            ("solutions-ca.crt", pki.solutions_ca_pem()),
        ] {
            std::fs::write(trust_dir.path().join(name), text).unwrap();
        }
        let trust = TrustBundle::load(trust_dir.path(), &tokens.issuer).unwrap();

        let national = |name| pki.service("dmp-national", name);
        let registry = Stub::start(&national("registry")).await;
        let consent = Stub::start(&national("consent")).await;
        let audit = Stub::start(&national("audit")).await;
        let portal = Stub::start(&national("portal")).await;
        let records = [
            Stub::start(&pki.service("dmp-a", "records")).await,
            Stub::start(&pki.service("dmp-b", "records")).await,
        ];
        let issuer = Issuer::start(&pki).await;

        let [hospital, cabinet, app, directory] = [HOSPITAL, CABINET, APP, DIRECTORY]
            .map(|(namespace, name)| Software::new(pki.solution(namespace, name)));
        let facts = Facts {
            gate: Gate::Open,
            seq: 1,
            demonstration: true,
            groups: vec![group_fact("a", &records[0]), group_fact("b", &records[1])],
            credentials: vec![
                credential(HOSPITAL, &hospital, "hospital", Some(("000000001", "a"))),
                credential(CABINET, &cabinet, "cabinet", Some(("000000002", "b"))),
                credential(APP, &app, "patient-app", None),
                credential(DIRECTORY, &directory, "directory", None),
            ],
            issuers: vec![dmp_client::facts::Issuer {
                url: issuer.url.clone(),
                jwks: None,
                ca: Some(pki.root_pem()),
                audience: AUDIENCE.to_owned(),
                demonstration: true,
            }],
            ..Facts::default()
        };
        let operator = Operator::start(&pki.service("dmp-system", "dmp-operator"), facts_key, facts).await;

        let national_stubs = [&registry, &consent, &audit, &portal];
        let config = config(bao, trust_dir.path(), &operator, national_stubs, quotas);
        let identity = national("gateway");
        let store = Arc::new(FactsStore::new(Seen::nowhere()).unwrap());
        let gateway = Gateway::new(
            &config,
            Arc::clone(&store),
            trust.clone(),
            Upstream::new(&config, identity.clone()),
            dmp_keys::Signer::new(Client::root(&config.service.openbao).unwrap(), "token"),
        );
        let shutdown = CancellationToken::new();
        let follower = Follower {
            client: Clients::new(identity.clone()).of(&config.operator()).unwrap(),
            urls: config.gateway.operator_urls.clone(),
            trust,
            store: Arc::clone(&store),
        };
        tokio::spawn(follower.run(shutdown.clone()));
        tokio::spawn(dmp_gateway::watch::follow(gateway.clone(), shutdown.clone()));
        let listener = TcpListener::bind(("127.0.0.1", 0)).await.unwrap();
        let base = format!("https://localhost:{}", listener.local_addr().unwrap().port());
        let options = ServeOptions::default();
        let served =
            dmp_gateway::serve_public(listener, &identity, &gateway, options, shutdown.clone()).unwrap();
        tokio::spawn(served);

        let world = Self {
            pki,
            operator,
            issuer,
            registry,
            consent,
            audit,
            portal,
            records,
            hospital,
            cabinet,
            app,
            directory,
            tokens,
            sandbox,
            store,
            gateway,
            config,
            base,
            shutdown,
            _trust: trust_dir,
        };
        world
            .until("the first facts", |world| {
                world.store.fresh(std::time::Instant::now()).is_ok()
            })
            .await;
        world
    }

    /// Waits for `condition`, at most 10 s.
    pub async fn until(&self, what: &str, condition: impl Fn(&Self) -> bool) {
        for _ in 0..500 {
            if condition(self) {
                return;
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        panic!("waited in vain for {what}");
    }

    /// Waits until the gateway has taken over the operator's facts of the moment.
    pub async fn until_seq(&self, seq: u64) {
        self.until("the facts", |world| {
            world
                .store
                .fresh(std::time::Instant::now())
                .is_ok_and(|facts| facts.facts().seq >= seq)
        })
        .await;
    }

    pub fn url(&self, path: &str) -> String {
        format!("{}{path}", self.base)
    }

    /// Claims of a physician at the hospital of group `a`.
    pub fn physician(&self) -> Claims {
        self.caregiver(&self.hospital, HOSPITAL, "000000001", "a")
    }

    pub fn caregiver(
        &self,
        software: &Software,
        name: (&str, &str),
        establishment: &str,
        group: &str,
    ) -> Claims {
        let person = Person::Professional {
            inpe: "111111111".to_owned(),
            profession: "physician".to_owned(),
        };
        let mut claims = self.tokens.claims(&software.identity.as_peer(), person);
        claims.solution = format!("{}/solution", name.0);
        claims.credential = format!("{}/{}", name.0, name.1);
        claims.establishment = Some(establishment.to_owned());
        claims.group = Some(group.to_owned());
        claims
    }

    pub fn patient(&self, id: PatientId) -> Claims {
        let mut claims = self
            .tokens
            .claims(&self.app.identity.as_peer(), Person::Patient { id });
        claims.solution = format!("{}/solution", APP.0);
        claims.credential = format!("{}/{}", APP.0, APP.1);
        claims.establishment = None;
        claims.group = None;
        claims
    }

    pub fn directory_source(&self) -> Claims {
        let mut claims = self
            .tokens
            .claims(&self.directory.identity.as_peer(), Person::Directory);
        claims.solution = format!("{}/solution", DIRECTORY.0);
        claims.credential = format!("{}/{}", DIRECTORY.0, DIRECTORY.1);
        claims.establishment = None;
        claims.group = None;
        claims
    }

    /// `GET` by the hospital with a physician's token.
    pub async fn get(&self, path: &str) -> reqwest::Response {
        let token = self.tokens.mint(&self.physician());
        self.hospital
            .http
            .get(self.url(path))
            .bearer_auth(token)
            .send()
            .await
            .unwrap()
    }

    /// `POST /fhir` by the hospital with a physician's token.
    pub async fn transact(&self, bundle: &Value) -> reqwest::Response {
        self.post_fhir("/fhir", bundle.to_string()).await
    }

    pub async fn post_fhir(&self, path: &str, body: impl Into<reqwest::Body>) -> reqwest::Response {
        let token = self.tokens.mint(&self.physician());
        let request = self.hospital.http.post(self.url(path)).bearer_auth(token);
        request
            .header("content-type", "application/fhir+json")
            .body(body)
            .send()
            .await
            .unwrap()
    }

    /// The registry knows this patient, and that these groups hold something.
    pub fn locates(&self, groups: &[&str]) {
        self.registry
            .answers("/v1/locator", Answer::Json(json!({ "groups": groups })));
    }
}

fn group_fact(name: &str, records: &Stub) -> Group {
    Group {
        name: group(name),
        tag: group(name).tag(),
        mode: Mode::Sandbox,
        records: records.service.base(),
        identity: format!("spiffe://{DOMAIN}/ns/dmp-{name}/sa/records"),
        gate: Gate::Open,
        serving: true,
    }
}

pub fn credential(
    (namespace, name): (&str, &str),
    software: &Software,
    kind: &str,
    home: Option<(&str, &str)>,
) -> Credential {
    let peer = software.identity.as_peer();
    Credential {
        name: format!("{namespace}/{name}"),
        solution: format!("{namespace}/solution"),
        version: "1.0".to_owned(),
        kind: kind.to_owned(),
        establishment: home.map(|(inpe, _)| inpe.to_owned()),
        group: home.map(|(_, name)| group(name)),
        mode: Mode::Sandbox,
        certificate_sha256: hex::encode(peer.certificate_sha256),
        not_after: peer.not_after,
        previous: None,
        scopes: None,
        realm: None,
    }
}

/// The same claims, one of them another.
pub fn with(claims: &Value, name: &str, value: Value) -> Value {
    let mut claims = claims.clone();
    claims[name] = value;
    claims
}

/// The same claims, one of them left out.
pub fn without(claims: &Value, name: &str) -> Value {
    let mut claims = claims.clone();
    claims.as_object_mut().unwrap().remove(name);
    claims
}

/// One request with a token of `claims`: status, headers and the JSON of the answer.
pub async fn send(
    world: &World,
    software: &Software,
    claims: &Claims,
    method: reqwest::Method,
    path: &str,
    body: Option<&Value>,
) -> (u16, reqwest::header::HeaderMap, Value) {
    let token = world.tokens.mint(claims);
    let mut request = software.http.request(method, world.url(path)).bearer_auth(token);
    if let Some(body) = body {
        request = request
            .header("content-type", "application/fhir+json")
            .body(body.to_string());
    }
    let answer = request.send().await.unwrap();
    let (status, headers) = (answer.status().as_u16(), answer.headers().clone());
    (status, headers, answer.json().await.unwrap_or_default())
}
