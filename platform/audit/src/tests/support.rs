//! A world for one test: a log behind mTLS, the audit service's parts over their own database, a registry.

use std::collections::HashMap;
use std::sync::{Arc, Mutex};

use axum::routing::post;
use axum::{Json, Router};
use dmp_client::audit::{Event, EventKind, TrailAnswer, TrailRequest};
use dmp_client::registry::{IdentifyAnswer, IdentifyRequest, ResolveAnswer, ResolveRequest};
use dmp_core::ids::{PatientId, Pseudonym};
use dmp_core::token::PublicKey;
use dmp_keys::openbao::{Auth, Client, Config};
use dmp_keys::{BlindIndex, Signer, service_key};
use dmp_testkit::{Bao, DOMAIN, Postgres, TestPlatform, TestService};
use dmp_tlog::Log;
use dmp_tlog::openbao::{BODY_KEY, TransitBodyKeys, TransitSigner};
use http::StatusCode;
use sqlx::PgPool;

use crate::bodies::Bodies;
use crate::config::SourceConfig;
use crate::registry::Registry;
use crate::sources::Sources;
use crate::{acts, affected, kept, routes, store, trail};

pub const ORIGIN: &str = "dmp.test/log/registry";

/// The group of whose patients the registry says that it has none.
pub const EMPTY: &str = "empty";

/// What a service may do in OpenBao as far as its log goes.
pub fn client() -> Client {
    let bao = Bao::shared();
    let auth = Auth::TokenFile {
        path: bao.token_file(),
    };
    Client::new(&Config {
        address: bao.address().into(),
        ca_file: None,
        namespace: None,
        auth,
    })
    .unwrap()
}

/// A log in a database of its own, signed by transit key `key`.
pub async fn log(origin: &str, key: &str) -> (Log, PgPool) {
    let pool = Postgres::shared().pool().await;
    let signer = TransitSigner::open(Signer::new(client(), key)).await.unwrap();
    let bodies = TransitBodyKeys::new(client());
    (
        Log::open(pool.clone(), origin, Arc::new(signer), &bodies)
            .await
            .unwrap(),
        pool,
    )
}

pub fn event(patient: Option<Pseudonym>, resource_id: &str) -> Event {
    Event {
        kind: EventKind::Write,
        at: jiff::Timestamp::now(),
        patient,
        who: "123456789".into(),
        who_display: Some("Dr Test".into()),
        establishment: Some("000000001".into()),
        purpose: "TREAT".into(),
        software: "vendor-test/hospital 1.0".into(),
        resource: "DocumentReference".into(),
        resource_id: Some(resource_id.into()),
        outcome: "permitted".into(),
        correlation: uuid(),
    }
}

fn uuid() -> String {
    Pseudonym::random().as_uuid().to_string()
}

/// Appends events and signs the tree.
pub async fn write(log: &Log, events: impl IntoIterator<Item = Event>) {
    for event in events {
        log.append_now(&event).await.unwrap();
    }
    log.sequence_once().await.unwrap();
}

/// Serves a log as its service would.
pub async fn serve(platform: &TestPlatform, log: &Log) -> TestService {
    let identity = platform.pki.service("dmp-national", "registry");
    TestService::start(&identity, dmp_tlog::routes(log.clone(), DOMAIN)).await
}

pub fn source(log: &Log, url: &str) -> SourceConfig {
    use base64::Engine as _;
    let public_key = base64::engine::general_purpose::URL_SAFE_NO_PAD.encode(log.public_key());
    SourceConfig {
        origin: log.origin().into(),
        url: url.into(),
        public_key,
    }
}

/// Patients the registry knows.
type Known = Arc<Mutex<HashMap<PatientId, Pseudonym>>>;

pub struct World {
    pub platform: TestPlatform,
    pub pool: PgPool,
    pub own: Log,
    pub sources: Sources,
    pub registry: TestService,
    pub service: TestService,
    pub bodies: Arc<Bodies>,
    pub index: Arc<BlindIndex>,
    known: Known,
}

impl World {
    pub async fn new() -> Self {
        let platform = TestPlatform::new();
        let pool = Postgres::shared().pool().await;
        store::migrate(&pool).await.unwrap();
        service_key::migrate(&pool).await.unwrap();
        let index = Arc::new(
            BlindIndex::open(&pool, &client(), BODY_KEY, crate::DOMAIN)
                .await
                .unwrap(),
        );
        let signer = TransitSigner::open(Signer::new(client(), "log-audit"))
            .await
            .unwrap();
        let bodies = TransitBodyKeys::new(client());
        let origin = format!("{DOMAIN}/log/audit");
        let own = Log::open(pool.clone(), &origin, Arc::new(signer), &bodies)
            .await
            .unwrap();
        own.sequence_once().await.unwrap();

        let known = Known::default();
        let registry = registry(&platform, known.clone()).await;
        let identity = platform.pki.service("dmp-national", "audit");
        let http = identity.http_client().unwrap();
        let bodies = Arc::new(Bodies::new(pool.clone(), client()));
        let sources = Sources::new(
            pool.clone(),
            http.clone(),
            bodies.clone(),
            index.clone(),
            own.clone(),
        );
        let acts = Arc::new(acts::Acts::new(pool.clone(), own.clone(), index.clone()));
        let state = routes::State {
            trust: platform.trust(),
            log: own.clone(),
            registry: Registry::new(http.clone(), &registry.base()),
            sources: sources.clone(),
            trail: Arc::new(trail::Trail::new(pool.clone(), bodies.clone(), index.clone())),
            acts: acts.clone(),
            affected: Arc::new(affected::Affected::new(
                pool.clone(),
                bodies.clone(),
                index.clone(),
                Registry::new(http, &registry.base()),
                acts,
                DOMAIN,
            )),
            kept: Arc::new(kept::Kept::new(pool.clone(), bodies.clone(), sources.clone())),
        };
        let service = TestService::start(&identity, routes::router(state, DOMAIN)).await;
        Self {
            platform,
            pool,
            own,
            sources,
            registry,
            service,
            bodies,
            index,
            known,
        }
    }

    /// A patient of the registry and her pseudonym in the audit domain.
    pub fn patient(&self) -> (PatientId, Pseudonym) {
        let (id, pseudonym) = (PatientId::random(), Pseudonym::random());
        self.known.lock().unwrap().insert(id, pseudonym);
        (id, pseudonym)
    }

    /// A token of the patient, through some app.
    pub fn token(&self, id: PatientId) -> String {
        self.platform
            .tokens
            .patient(&self.platform.pki.solution("vendor-test", "app").as_peer(), id)
    }

    /// Asks for a trail as the gateway does: status and body.
    pub async fn ask(&self, patient: PatientId, token: Option<&str>) -> (StatusCode, String) {
        let gateway = self
            .platform
            .pki
            .service("dmp-national", "gateway")
            .http_client()
            .unwrap();
        let mut request = gateway
            .post(self.service.url("/v1/trail"))
            .json(&TrailRequest { patient });
        if let Some(token) = token {
            request = request.bearer_auth(token);
        }
        let answer = request.send().await.unwrap();
        (answer.status(), answer.text().await.unwrap())
    }

    pub async fn trail(&self, patient: PatientId) -> TrailAnswer {
        let (status, body) = self.ask(patient, Some(&self.token(patient))).await;
        assert_eq!(status, 200, "{body}");
        serde_json::from_str(&body).unwrap()
    }

    pub async fn findings(&self) -> Vec<(String, String, i64)> {
        sqlx::query_as("select origin, kind, position from finding order by id")
            .fetch_all(&self.pool)
            .await
            .unwrap()
    }

    /// Size of our copy of a log.
    pub async fn size(&self, origin: &str) -> i64 {
        sqlx::query_scalar("select size from source where origin = $1")
            .bind(origin)
            .fetch_optional(&self.pool)
            .await
            .unwrap()
            .unwrap_or(0)
    }
}

pub async fn registry(platform: &TestPlatform, known: Known) -> TestService {
    let all = known.clone();
    let resolve = move |Json(request): Json<ResolveRequest>| async move {
        // All of them are the nation's.
        let own = known.lock().unwrap().get(&request.patient).copied();
        let own = own.filter(|_| request.realm.is_none());
        own.map(|own| {
            Json(ResolveAnswer {
                own,
                consent: None,
                audit: None,
            })
        })
        .ok_or(StatusCode::NOT_FOUND)
    };
    let identify = move |Json(request): Json<IdentifyRequest>| async move {
        let known = all.lock().unwrap();
        let of = |asked: &Pseudonym| known.iter().find(|(_, own)| *own == asked).map(|(id, _)| *id);
        // One group has nothing of anybody.
        let held = request.group.as_str() != EMPTY;
        let patients = request
            .patients
            .iter()
            .map(|asked| of(asked).filter(|_| held))
            .collect();
        Json(IdentifyAnswer { patients })
    };
    let router = Router::new()
        .route("/v1/resolve", post(resolve))
        .route("/v1/identify", post(identify));
    TestService::start(&platform.pki.service("dmp-national", "registry"), router).await
}

/// `keys.json` that holds these logs' keys.
pub fn keys_json(logs: &[&Log]) -> String {
    use base64::Engine as _;
    let logs: serde_json::Map<_, _> = logs
        .iter()
        .map(|log| {
            let x = base64::engine::general_purpose::URL_SAFE_NO_PAD.encode(log.public_key());
            let key = PublicKey {
                kid: "log-v1".into(),
                x,
            };
            (log.origin().to_owned(), serde_json::to_value(key).unwrap())
        })
        .collect();
    serde_json::json!({ "token": [], "facts": [], "logs": logs }).to_string()
}

/// Runs `dmp-verify`; whether it is satisfied, and what it says.
pub async fn dmp_verify(arguments: &[&str]) -> (bool, String) {
    let output = tokio::process::Command::new(verifier().await)
        .args(arguments)
        .output()
        .await
        .unwrap();
    let text = [output.stdout, output.stderr].concat();
    (
        output.status.success(),
        String::from_utf8_lossy(&text).into_owned(),
    )
}

/// The binary that the workspace's tests build beside this one (it has tests of its own), or else built here: a
/// binary of another package is not a thing a test can depend on.
async fn verifier() -> std::path::PathBuf {
    let folder = std::env::current_exe()
        .unwrap()
        .parent()
        .unwrap()
        .parent()
        .unwrap()
        .to_owned();
    let binary = folder.join("dmp-verify");
    if !binary.exists() {
        let mut build = tokio::process::Command::new(env!("CARGO"));
        build
            .args(["build", "--quiet", "--package", "dmp-verify"])
            .current_dir(env!("CARGO_MANIFEST_DIR"));
        assert!(build.status().await.unwrap().success());
    }
    binary
}
