//! The world of one test: its own databases, its own record store, its own registry and consent.

use std::collections::HashMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};

use axum::extract::State;
use axum::response::{IntoResponse, Response};
use axum::routing::post;
use axum::{Json, Router};
use dmp_client::audit::Event;
use dmp_client::consent::{FactsAnswer, FactsRequest};
use dmp_client::records::{
    DocumentSearchAnswer, DocumentSearchRequest, RetrieveRequest, SubmissionAnswer, SubmissionRequest,
};
use dmp_client::registry::{LocatorRequest, ResolveAnswer, ResolveRequest};
use dmp_core::ids::{PatientId, Pseudonym};
use dmp_core::peer::Peer;
use dmp_core::problem::Problem;
use dmp_keys::Client;
use dmp_testkit::{Bao, DOMAIN, Postgres, TestPlatform, TestService};
use http::StatusCode;
use jiff::Timestamp;
use serde_json::Value;
use sqlx::PgPool;

use crate::app::{App, Parts};
use crate::config::{Mode, RecordsConfig};
use crate::routes;
use crate::upstream::Upstream;

/// The physician of the tests.
pub(super) const DOCTOR: &str = "100000001";

/// What registry and consent know and how they feel.
#[derive(Default)]
pub(super) struct National {
    pub(super) patients: Mutex<HashMap<PatientId, ResolveAnswer>>,
    /// Those who are not the nation's.
    pub(super) realms: Mutex<HashMap<PatientId, String>>,
    facts: Mutex<HashMap<(Pseudonym, Option<String>), FactsAnswer>>,
    pub(super) located: Mutex<Vec<PatientId>>,
    pub(super) registry_down: AtomicBool,
    pub(super) consent_down: AtomicBool,
}

pub(super) struct World {
    pub(super) platform: TestPlatform,
    pub(super) national: Arc<National>,
    pub(super) app: App,
    pub(super) pool: PgPool,
    pub(super) keystore: PgPool,
    pub(super) service: TestService,
    _registry: TestService,
    _consent: TestService,
    gateway: reqwest::Client,
    solution: Peer,
}

/// Status and whole body of an answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Answer {
    pub(super) status: u16,
    pub(super) content_type: String,
    pub(super) body: Vec<u8>,
}

impl Answer {
    pub(super) fn json<T: serde::de::DeserializeOwned>(&self) -> T {
        assert_eq!(self.status, 200, "{}", String::from_utf8_lossy(&self.body));
        serde_json::from_slice(&self.body).unwrap()
    }

    /// `code` of a problem.
    pub(super) fn code(&self) -> String {
        let body: Value = serde_json::from_slice(&self.body).unwrap_or_default();
        body.get("code")
            .and_then(Value::as_str)
            .unwrap_or_default()
            .to_owned()
    }
}

impl World {
    pub(super) async fn new() -> Self {
        dmp_core::install_crypto_provider();
        let (postgres, bao) = (Postgres::shared(), Bao::shared());
        let platform = TestPlatform::new();
        let national = Arc::new(National::default());
        let registry_identity = platform.pki.service("dmp-national", "registry");
        let consent_identity = platform.pki.service("dmp-national", "consent");
        let registry = TestService::start(&registry_identity, registry(Arc::clone(&national))).await;
        let consent = TestService::start(&consent_identity, consent(Arc::clone(&national))).await;
        let identity = platform.pki.service("dmp-a", "records");
        let group: dmp_core::ids::GroupName = "a".parse().unwrap();
        let (pool, keystore) = (postgres.pool().await, postgres.pool().await);
        let config = RecordsConfig {
            group: group.clone(),
            mode: Mode::Sandbox,
            registry_url: registry.base(),
            consent_url: consent.base(),
        };
        let app = App::open(Parts {
            domain: DOMAIN.to_owned(),
            trust: platform.trust(),
            pool: pool.clone(),
            keystore: keystore.clone(),
            root: Client::root(&bao.config(None)).unwrap(),
            keys: Client::group(&bao.config(Some(&group))).unwrap(),
            upstream: Upstream::new(&identity, &config).unwrap(),
            group,
        })
        .await
        .unwrap();
        let service = TestService::start(&identity, routes::router(app.clone())).await;
        let gateway = platform
            .pki
            .service("dmp-national", "gateway")
            .http_client()
            .unwrap();
        let solution = platform.pki.solution("vendor-test", "hospital-tanger").as_peer();
        Self {
            platform,
            national,
            app,
            pool,
            keystore,
            service,
            _registry: registry,
            _consent: consent,
            gateway,
            solution,
        }
    }

    /// A patient of the registry who neither opposes nor has a care relation.
    pub(super) fn patient(&self) -> PatientId {
        let id = PatientId::random();
        let answer = ResolveAnswer {
            own: Pseudonym::random(),
            consent: Some(Pseudonym::random()),
            audit: Some(Pseudonym::random()),
        };
        self.national.patients.lock().unwrap().insert(id, answer);
        id
    }

    pub(super) fn known(&self, patient: PatientId) -> ResolveAnswer {
        self.national.patients.lock().unwrap()[&patient]
    }

    pub(super) fn consent_says(
        &self,
        patient: PatientId,
        professional: Option<&str>,
        opposed: bool,
        related: bool,
    ) {
        let until = related.then(|| Timestamp::now() + jiff::SignedDuration::from_hours(24));
        let answer = FactsAnswer {
            opposed,
            care_relation_until: until,
            version: 1,
        };
        let key = (
            self.known(patient).consent.unwrap(),
            professional.map(str::to_owned),
        );
        self.national.facts.lock().unwrap().insert(key, answer);
    }

    /// A patient whose physician [`DOCTOR`] is.
    pub(super) fn patient_in_care(&self) -> PatientId {
        let patient = self.patient();
        self.consent_says(patient, Some(DOCTOR), false, true);
        patient
    }

    pub(super) fn doctor(&self) -> String {
        self.platform
            .tokens
            .professional(&self.solution, DOCTOR, "physician")
    }

    /// [`DOCTOR`]'s, of a realm.
    pub(super) fn doctor_in(&self, realm: &str) -> String {
        let person = dmp_core::token::Person::Professional {
            inpe: DOCTOR.to_owned(),
            profession: "physician".to_owned(),
        };
        let mut claims = self.platform.tokens.claims(&self.solution, person);
        claims.realm = Some(realm.to_owned());
        self.platform.tokens.mint(&claims)
    }

    pub(super) fn professional(&self, inpe: &str, profession: &str) -> String {
        self.platform
            .tokens
            .professional(&self.solution, inpe, profession)
    }

    pub(super) fn patient_token(&self, patient: PatientId) -> String {
        self.platform.tokens.patient(&self.solution, patient)
    }

    pub(super) fn solution(&self) -> &Peer {
        &self.solution
    }

    pub(super) async fn post(&self, path: &str, token: &str, body: &impl serde::Serialize) -> Answer {
        self.post_bytes(path, token, serde_json::to_vec(body).unwrap())
            .await
    }

    pub(super) async fn post_bytes(&self, path: &str, token: &str, body: Vec<u8>) -> Answer {
        let request = self.gateway.post(self.service.url(path)).bearer_auth(token);
        let request = request.header("content-type", "application/json").body(body);
        let response = request
            .timeout(std::time::Duration::from_secs(120))
            .send()
            .await
            .unwrap();
        let content_type = response
            .headers()
            .get("content-type")
            .map(|v| v.to_str().unwrap().to_owned());
        Answer {
            status: response.status().as_u16(),
            content_type: content_type.unwrap_or_default(),
            body: response.bytes().await.unwrap().to_vec(),
        }
    }

    pub(super) async fn submit(&self, token: &str, patient: PatientId, bundle: &Value) -> Answer {
        self.post(
            "/v1/submissions",
            token,
            &SubmissionRequest {
                patient,
                bundle: bundle.clone(),
            },
        )
        .await
    }

    /// Submits, and the locations of the answer in order.
    pub(super) async fn stored(&self, token: &str, patient: PatientId, bundle: &Value) -> Vec<String> {
        let answer: SubmissionAnswer = self.submit(token, patient, bundle).await.json();
        assert!(!answer.repeated);
        locations(&answer.bundle)
    }

    pub(super) async fn search(
        &self,
        token: &str,
        patient: PatientId,
        parameters: &[(&str, &str)],
    ) -> Answer {
        let parameters = parameters
            .iter()
            .map(|(n, v)| ((*n).to_owned(), (*v).to_owned()))
            .collect();
        self.post(
            "/v1/documents/search",
            token,
            &DocumentSearchRequest { patient, parameters },
        )
        .await
    }

    pub(super) async fn found(
        &self,
        token: &str,
        patient: PatientId,
        parameters: &[(&str, &str)],
    ) -> Vec<Value> {
        self.search(token, patient, parameters)
            .await
            .json::<DocumentSearchAnswer>()
            .documents
    }

    pub(super) async fn retrieve(&self, token: &str, binary: &str) -> Answer {
        self.post(
            "/v1/documents/retrieve",
            token,
            &RetrieveRequest {
                binary: binary.to_owned(),
            },
        )
        .await
    }

    /// All events of the log, in order, opened as `audit` opens them.
    pub(super) async fn events(&self) -> Vec<Event> {
        self.app.log.sequence_once().await.unwrap();
        let page = self.app.log.entries(0, 1000).await.unwrap();
        let root = Client::root(&Bao::shared().config(None)).unwrap();
        let mut events = Vec::new();
        for entry in page.entries {
            let wrapped = page.keys.iter().find(|key| key.id == entry.key).unwrap();
            let context = self.app.log.origin().as_bytes().to_vec();
            let key = root
                .unwrap_key("audit-events", &context, &wrapped.wrapped)
                .await
                .unwrap();
            let body =
                base64::Engine::decode(&base64::engine::general_purpose::STANDARD, &entry.body).unwrap();
            let key = dmp_tlog::leaf::BodyKey::new(key.as_bytes()).unwrap();
            let opened = dmp_tlog::leaf::open(&entry.leaf, &body, &key).unwrap();
            events.push(serde_json::from_str(&opened.event).unwrap());
        }
        events
    }

    pub(super) async fn count(&self, table: &str) -> i64 {
        let statement = sqlx::AssertSqlSafe(format!("SELECT count(*) FROM {table}"));
        sqlx::query_scalar(statement).fetch_one(&self.pool).await.unwrap()
    }
}

pub(super) fn locations(bundle: &Value) -> Vec<String> {
    let entries = bundle["entry"].as_array().unwrap();
    entries
        .iter()
        .map(|entry| {
            entry["response"]["location"]
                .as_str()
                .unwrap_or_default()
                .to_owned()
        })
        .collect()
}

fn registry(national: Arc<National>) -> Router {
    async fn resolve(State(national): State<Arc<National>>, Json(request): Json<ResolveRequest>) -> Response {
        if national.registry_down.load(Ordering::SeqCst) {
            return StatusCode::SERVICE_UNAVAILABLE.into_response();
        }
        let of_realm = national.realms.lock().unwrap().get(&request.patient) == request.realm.as_ref();
        match national.patients.lock().unwrap().get(&request.patient) {
            Some(answer) if of_realm => Json(*answer).into_response(),
            _ => Problem::not_found("unknown-patient", "no such patient").into_response(),
        }
    }
    async fn register(
        State(national): State<Arc<National>>,
        Json(request): Json<LocatorRequest>,
    ) -> StatusCode {
        national.located.lock().unwrap().push(request.patient);
        StatusCode::NO_CONTENT
    }
    Router::new()
        .route("/v1/resolve", post(resolve))
        .route("/v1/locator/register", post(register))
        .with_state(national)
}

fn consent(national: Arc<National>) -> Router {
    async fn facts(State(national): State<Arc<National>>, Json(request): Json<FactsRequest>) -> Response {
        if national.consent_down.load(Ordering::SeqCst) {
            return StatusCode::SERVICE_UNAVAILABLE.into_response();
        }
        let key = (request.patient, request.professional);
        let nothing = FactsAnswer {
            opposed: false,
            care_relation_until: None,
            version: 0,
        };
        Json(
            national
                .facts
                .lock()
                .unwrap()
                .get(&key)
                .cloned()
                .unwrap_or(nothing),
        )
        .into_response()
    }
    Router::new().route("/v1/facts", post(facts)).with_state(national)
}
