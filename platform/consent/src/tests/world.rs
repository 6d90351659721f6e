//! The world of one test: its own database, its own consent service, its own registry.

use std::collections::HashMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};

use axum::extract::State;
use axum::response::{IntoResponse, Response};
use axum::routing::post;
use axum::{Json, Router};
use dmp_client::audit::Event;
use dmp_client::consent::{
    FactsAnswer, FactsRequest, RecordAnswer, RecordRequest, SearchAnswer, SearchRequest, UpdateRequest,
};
use dmp_client::registry::{ResolveAnswer, ResolveRequest};
use dmp_core::ids::{PatientId, Pseudonym};
use dmp_core::peer::Peer;
use dmp_core::problem::Problem;
use dmp_fhir::systems;
use dmp_keys::Client;
use dmp_testkit::{Bao, DOMAIN, Postgres, TestPlatform, TestService};
use http::StatusCode;
use serde::Serialize;
use serde_json::{Value, json};
use sqlx::PgPool;

use crate::app::{App, Parts};
use crate::routes;
use crate::upstream::Registry;

pub(super) const DOCTOR: &str = "100000001";

#[derive(Default)]
pub(super) struct Known {
    patients: Mutex<HashMap<PatientId, ResolveAnswer>>,
    pub(super) down: AtomicBool,
}

pub(super) struct World {
    pub(super) platform: TestPlatform,
    pub(super) known: Arc<Known>,
    pub(super) app: App,
    pub(super) pool: PgPool,
    pub(super) service: TestService,
    _registry: TestService,
    gateway: reqwest::Client,
    records: reqwest::Client,
    solution: Peer,
}

/// Status and whole body of an answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Answer {
    pub(super) status: u16,
    pub(super) body: String,
}

impl Answer {
    pub(super) fn json<T: serde::de::DeserializeOwned>(&self) -> T {
        assert_eq!(self.status, 200, "{}", self.body);
        serde_json::from_str(&self.body).unwrap()
    }

    /// Status and `code` of a problem.
    pub(super) fn problem(&self) -> (u16, String) {
        let body: Value = serde_json::from_str(&self.body).unwrap_or_default();
        (
            self.status,
            body.get("code")
                .and_then(Value::as_str)
                .unwrap_or_default()
                .to_owned(),
        )
    }
}

impl World {
    pub(super) async fn new() -> Self {
        dmp_core::install_crypto_provider();
        let platform = TestPlatform::new();
        let known = Arc::new(Known::default());
        let registry_identity = platform.pki.service("dmp-national", "registry");
        let registry = TestService::start(&registry_identity, registry(Arc::clone(&known))).await;
        let identity = platform.pki.service("dmp-national", "consent");
        let pool = Postgres::shared().pool().await;
        let app = App::open(Parts {
            domain: DOMAIN.to_owned(),
            trust: platform.trust(),
            pool: pool.clone(),
            root: Client::root(&Bao::shared().config(None)).unwrap(),
            registry: Registry::new(&identity, &registry.base()).unwrap(),
        })
        .await
        .unwrap();
        let service = TestService::start(&identity, routes::router(app.clone())).await;
        let client =
            |namespace: &str, account: &str| platform.pki.service(namespace, account).http_client().unwrap();
        let (gateway, records) = (client("dmp-national", "gateway"), client("dmp-a", "records"));
        let solution = platform.pki.solution("vendor-test", "patient-app").as_peer();
        Self {
            known,
            app,
            pool,
            service,
            _registry: registry,
            gateway,
            records,
            solution,
            platform,
        }
    }

    pub(super) fn patient(&self) -> PatientId {
        let id = PatientId::random();
        let (own, audit) = (Pseudonym::random(), Some(Pseudonym::random()));
        self.known.patients.lock().unwrap().insert(
            id,
            ResolveAnswer {
                own,
                consent: None,
                audit,
            },
        );
        id
    }

    pub(super) fn pseudonyms(&self, patient: PatientId) -> ResolveAnswer {
        self.known.patients.lock().unwrap()[&patient]
    }

    pub(super) fn token(&self, patient: PatientId) -> String {
        self.platform.tokens.patient(&self.solution, patient)
    }

    /// A token of a realm that the patient is not of.
    pub(super) fn token_of_realm(&self, person: dmp_core::token::Person) -> String {
        let mut claims = self.platform.tokens.claims(&self.solution, person);
        claims.realm = Some("a-1".to_owned());
        self.platform.tokens.mint(&claims)
    }

    pub(super) fn doctor(&self) -> String {
        self.platform
            .tokens
            .professional(&self.solution, DOCTOR, "physician")
    }

    pub(super) fn solution(&self) -> &Peer {
        &self.solution
    }

    pub(super) async fn post(&self, path: &str, token: &str, body: &impl Serialize) -> Answer {
        answer(
            self.gateway
                .post(self.service.url(path))
                .bearer_auth(token)
                .json(body),
        )
        .await
    }

    pub(super) async fn record(&self, token: &str, patient: PatientId, consent: &Value) -> Answer {
        self.post(
            "/v1/consents",
            token,
            &RecordRequest {
                patient,
                consent: consent.clone(),
            },
        )
        .await
    }

    /// Records a Consent by the patient; the Consent of the answer.
    pub(super) async fn recorded(&self, patient: PatientId, consent: &Value) -> Value {
        self.record(&self.token(patient), patient, consent)
            .await
            .json::<RecordAnswer>()
            .consent
    }

    pub(super) async fn update(&self, token: &str, patient: PatientId, id: &str, consent: &Value) -> Answer {
        let request = UpdateRequest {
            patient,
            id: id.to_owned(),
            consent: consent.clone(),
        };
        self.post("/v1/consents/update", token, &request).await
    }

    /// The same Consent with another status, by the patient.
    pub(super) async fn set_status(&self, patient: PatientId, consent: &Value, status: &str) -> Value {
        let mut consent = consent.clone();
        consent["status"] = status.into();
        let id = consent["id"].as_str().unwrap().to_owned();
        self.update(&self.token(patient), patient, &id, &consent)
            .await
            .json::<RecordAnswer>()
            .consent
    }

    pub(super) async fn search(&self, token: &str, patient: PatientId) -> Answer {
        self.post("/v1/consents/search", token, &SearchRequest { patient })
            .await
    }

    pub(super) async fn all(&self, patient: PatientId) -> Vec<Value> {
        self.search(&self.token(patient), patient)
            .await
            .json::<SearchAnswer>()
            .consents
    }

    /// Facts as a record store asks for them.
    pub(super) async fn facts(&self, patient: PatientId, professional: Option<&str>) -> FactsAnswer {
        let own = self.pseudonyms(patient).own;
        let body = FactsRequest {
            patient: own,
            professional: professional.map(str::to_owned),
        };
        answer(self.records.post(self.service.url("/v1/facts")).json(&body))
            .await
            .json()
    }

    /// All events of the log, in order, opened as `audit` opens them.
    pub(super) async fn events(&self) -> Vec<Event> {
        self.app.log.sequence_once().await.unwrap();
        let page = self.app.log.entries(0, 1000).await.unwrap();
        let root = Client::root(&Bao::shared().config(None)).unwrap();
        let mut events = Vec::new();
        for entry in page.entries {
            let wrapped = page.keys.iter().find(|key| key.id == entry.key).unwrap();
            let context = self.app.log.origin().as_bytes();
            let key = root
                .unwrap_key("audit-events", context, &wrapped.wrapped)
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
}

pub(super) async fn answer(request: reqwest::RequestBuilder) -> Answer {
    let response = request.send().await.unwrap();
    Answer {
        status: response.status().as_u16(),
        body: response.text().await.unwrap(),
    }
}

fn consent(patient: PatientId, provision: Value) -> Value {
    json!({
        "resourceType": "Consent",
        "status": "active",
        "scope": { "coding": [{ "system": systems::CONSENT_SCOPE, "code": "patient-privacy" }] },
        "category": [{ "coding": [{ "system": systems::LOINC, "code": "59284-0" }] }],
        "patient": { "reference": format!("Patient/{}", patient.as_uuid()) },
        "provision": provision,
    })
}

pub(super) fn opposition(patient: PatientId) -> Value {
    consent(patient, json!({ "type": "deny" }))
}

pub(super) fn relation(patient: PatientId, inpe: &str) -> Value {
    let actor = json!([{ "role": { "text": "caregiver" },
        "reference": { "identifier": { "system": systems::INPE, "value": inpe } } }]);
    consent(patient, json!({ "type": "permit", "actor": actor }))
}

fn registry(known: Arc<Known>) -> Router {
    async fn resolve(State(known): State<Arc<Known>>, Json(request): Json<ResolveRequest>) -> Response {
        if known.down.load(Ordering::SeqCst) {
            return StatusCode::SERVICE_UNAVAILABLE.into_response();
        }
        match known.patients.lock().unwrap().get(&request.patient) {
            // All of them are the nation's.
            Some(answer) if request.realm.is_none() => Json(*answer).into_response(),
            _ => Problem::not_found("unknown-patient", "no such patient").into_response(),
        }
    }
    Router::new()
        .route("/v1/resolve", post(resolve))
        .with_state(known)
}
