//! The world of one test: its own database and its own registry.

use dmp_client::audit::Event;
use dmp_client::registry::{
    ByIdentifierAnswer, ByIdentifierRequest, ConfirmAnswer, ConfirmRequest, DirectoryRequest, FeedAnswer,
    FeedRequest, LocatorAnswer, LocatorRequest, ResolveAnswer, ResolveRequest, SearchAnswer, SearchRequest,
};
use dmp_core::ids::{Identifier, PatientId};
use dmp_core::peer::Peer;
use dmp_core::token::Person;
use dmp_keys::Client;
use dmp_testkit::{Bao, DOMAIN, Postgres, TestPlatform, TestService};
use serde::Serialize;
use serde_json::{Value, json};
use sqlx::PgPool;

use crate::app::{App, Parts};
use crate::routes;

pub(super) const DOCTOR: &str = "100000001";
pub(super) const IPP: &str = "urn:oid:2.999.504.3.1.1";

pub(super) struct World {
    pub(super) platform: TestPlatform,
    pub(super) app: App,
    pub(super) pool: PgPool,
    pub(super) service: TestService,
    gateway: reqwest::Client,
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

pub(super) fn identifier(system: &str, value: &str) -> Identifier {
    Identifier {
        system: system.to_owned(),
        value: value.to_owned(),
    }
}

/// A number that no other test has.
pub(super) fn number() -> String {
    uuid::Uuid::new_v4().simple().to_string()
}

pub(super) fn patient(identifiers: &[&Identifier], city: &str) -> Value {
    let identifiers: Vec<Value> = identifiers
        .iter()
        .map(|id| json!({ "system": id.system, "value": id.value }))
        .collect();
    json!({
        "resourceType": "Patient",
        "identifier": identifiers,
        "name": [{ "family": "EL AMRANI", "given": ["Khadija"] }, { "text": "خديجة العمراني" }],
        "birthDate": "1951",
        "address": [{ "city": city }],
    })
}

impl World {
    pub(super) async fn new() -> Self {
        dmp_core::install_crypto_provider();
        let platform = TestPlatform::new();
        let identity = platform.pki.service("dmp-national", "registry");
        let pool = Postgres::shared().pool().await;
        let app = App::open(Parts {
            domain: DOMAIN.to_owned(),
            trust: platform.trust(),
            pool: pool.clone(),
            root: Client::root(&Bao::shared().config(None)).unwrap(),
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
            app,
            pool,
            service,
            gateway,
            solution,
            platform,
        }
    }

    pub(super) fn doctor(&self) -> String {
        self.platform
            .tokens
            .professional(&self.solution, DOCTOR, "physician")
    }

    pub(super) fn patient_token(&self, id: PatientId) -> String {
        self.platform.tokens.patient(&self.solution, id)
    }

    pub(super) fn directory_token(&self) -> String {
        self.platform
            .tokens
            .mint(&self.platform.tokens.claims(&self.solution, Person::Directory))
    }

    /// A token like those of this world, of a realm.
    pub(super) fn token_in(&self, realm: Option<&str>, person: Person) -> String {
        let mut claims = self.platform.tokens.claims(&self.solution, person);
        claims.realm = realm.map(str::to_owned);
        self.platform.tokens.mint(&claims)
    }

    /// A doctor's, of a realm.
    pub(super) fn doctor_in(&self, realm: Option<&str>) -> String {
        let person = Person::Professional {
            inpe: DOCTOR.to_owned(),
            profession: "physician".to_owned(),
        };
        self.token_in(realm, person)
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

    pub(super) async fn feed(&self, token: &str, identifier: &Identifier, patient: &Value) -> Answer {
        let request = FeedRequest {
            identifier: identifier.clone(),
            patient: patient.clone(),
        };
        self.post("/v1/patients/feed", token, &request).await
    }

    pub(super) async fn fed(&self, identifier: &Identifier, patient: &Value) -> FeedAnswer {
        self.feed(&self.doctor(), identifier, patient).await.json()
    }

    /// A patient with one identifier of her own.
    pub(super) async fn new_patient(&self) -> (PatientId, Identifier) {
        let identifier = identifier(IPP, &number());
        let fed = self.fed(&identifier, &patient(&[&identifier], "Salé")).await;
        assert!(fed.created);
        (fed.id, identifier)
    }

    pub(super) async fn search(&self, token: &str, identifier: &Identifier) -> Answer {
        self.post(
            "/v1/patients/search",
            token,
            &SearchRequest {
                identifier: identifier.clone(),
            },
        )
        .await
    }

    pub(super) async fn found(&self, identifier: &Identifier) -> Vec<Value> {
        self.search(&self.doctor(), identifier)
            .await
            .json::<SearchAnswer>()
            .patients
    }

    pub(super) async fn by_identifier(&self, identifier: &Identifier) -> Option<PatientId> {
        self.by_identifier_in(None, identifier).await
    }

    pub(super) async fn by_identifier_in(
        &self,
        realm: Option<&str>,
        identifier: &Identifier,
    ) -> Option<PatientId> {
        let body = ByIdentifierRequest {
            identifier: identifier.clone(),
            realm: realm.map(str::to_owned),
        };
        answer(
            self.gateway
                .post(self.service.url("/v1/patients/by-identifier"))
                .json(&body),
        )
        .await
        .json::<ByIdentifierAnswer>()
        .patient
    }

    pub(super) async fn publish(&self, bundle: &Value) -> Answer {
        self.post(
            "/v1/directory",
            &self.directory_token(),
            &DirectoryRequest {
                bundle: bundle.clone(),
            },
        )
        .await
    }

    pub(super) async fn confirm(&self, inpe: &str, establishment: &str) -> ConfirmAnswer {
        self.confirm_in(None, inpe, establishment).await
    }

    pub(super) async fn confirm_in(
        &self,
        realm: Option<&str>,
        inpe: &str,
        establishment: &str,
    ) -> ConfirmAnswer {
        let body = ConfirmRequest {
            inpe: inpe.to_owned(),
            establishment: establishment.to_owned(),
            realm: realm.map(str::to_owned),
        };
        answer(
            self.gateway
                .post(self.service.url("/v1/directory/confirm"))
                .json(&body),
        )
        .await
        .json()
    }

    pub(super) async fn groups(&self, patient: PatientId) -> Vec<String> {
        self.groups_in(None, patient).await
    }

    pub(super) async fn groups_in(&self, realm: Option<&str>, patient: PatientId) -> Vec<String> {
        let realm = realm.map(str::to_owned);
        let request = self
            .gateway
            .post(self.service.url("/v1/locator"))
            .json(&LocatorRequest { patient, realm });
        answer(request)
            .await
            .json::<LocatorAnswer>()
            .groups
            .into_iter()
            .map(String::from)
            .collect()
    }

    pub(super) fn client(&self, namespace: &str, account: &str) -> reqwest::Client {
        self.platform
            .pki
            .service(namespace, account)
            .http_client()
            .unwrap()
    }

    pub(super) async fn resolve(&self, client: &reqwest::Client, patient: PatientId) -> Answer {
        self.resolve_in(client, None, patient).await
    }

    pub(super) async fn resolve_in(
        &self,
        client: &reqwest::Client,
        realm: Option<&str>,
        patient: PatientId,
    ) -> Answer {
        let realm = realm.map(str::to_owned);
        answer(
            client
                .post(self.service.url("/v1/resolve"))
                .json(&ResolveRequest { patient, realm }),
        )
        .await
    }

    /// The pseudonyms as the record store of group `a` gets them.
    pub(super) async fn resolved(&self, patient: PatientId) -> ResolveAnswer {
        self.resolve(&self.client("dmp-a", "records"), patient)
            .await
            .json()
    }

    pub(super) async fn count(&self, table: &str) -> i64 {
        let statement = sqlx::AssertSqlSafe(format!("SELECT count(*) FROM {table}"));
        sqlx::query_scalar(statement).fetch_one(&self.pool).await.unwrap()
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
