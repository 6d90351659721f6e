//! A platform of one patient and one document, behind mTLS: it records exchanges as the gateway does and plays faults.

use std::collections::BTreeMap;
use std::sync::{Arc, LazyLock, Mutex};
use std::time::Instant;

use aws_lc_rs::digest::{SHA1_FOR_LEGACY_USE_ONLY, digest};
use axum::Router;
use axum::body::{Body, Bytes};
use axum::extract::{Request, State};
use axum::http::{HeaderMap, Method, StatusCode};
use axum::response::{IntoResponse as _, Response};
use axum::routing::any;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use dmp_conformance::exchange::{self, Exchange};
use dmp_core::serve::ServeOptions;
use dmp_testkit::{DOMAIN, Pki, TestService};
use serde_json::{Value, json};

pub const CONTENT: &[u8] = b"<ClinicalDocument>a letter</ClinicalDocument>";
pub const ID_TOKEN: &str = "id-token-of-a-test";
pub static PKI: LazyLock<Pki> = LazyLock::new(|| Pki::new(DOMAIN));

/// What happens on the `nth` request of an operation.
#[derive(Clone, Debug)]
pub struct Fault {
    pub id: String,
    pub on: String,
    pub nth: usize,
    pub play: Play,
}

#[derive(Clone, Copy, Debug)]
pub enum Play {
    /// Status and `Retry-After`, instead of the platform's answer.
    Answer(u16, Option<u32>),
    /// The same, after the platform has done it.
    Lose(u16, Option<u32>),
    /// The platform does it, the connection breaks.
    Break,
    /// One byte of the answer is another.
    Corrupt,
}

struct Script {
    faults: Vec<Fault>,
    opposed: bool,
    begun: Instant,
    heard: Vec<Exchange>,
    tokens: Vec<String>,
}

type Shared = Arc<Mutex<Script>>;

pub struct Platform {
    pub service: TestService,
    script: Shared,
}

impl Platform {
    /// `opposed`: the patient's documents are not shown.
    pub async fn start(faults: Vec<Fault>, opposed: bool) -> Self {
        let script = Shared::new(Mutex::new(Script {
            faults,
            opposed,
            begun: Instant::now(),
            heard: Vec::new(),
            tokens: Vec::new(),
        }));
        let router = Router::new()
            .route("/{*path}", any(answer))
            .with_state(Arc::clone(&script));
        let identity = PKI.service("gateway", "gateway");
        let clients = PKI.solutions_ca();
        let service = TestService::start_with(&identity, clients, router, ServeOptions::default()).await;
        Self { service, script }
    }

    pub fn heard(&self) -> Vec<Exchange> {
        std::mem::take(&mut self.script.lock().unwrap().heard)
    }
}

fn operation(method: &Method, path: &str) -> &'static str {
    match (method.as_str(), path) {
        ("POST", "/oauth2/token") => "token",
        ("PUT", "/fhir/Patient") => "iti-104",
        ("POST", "/fhir/Patient/_search") | ("GET", "/fhir/Patient") => "iti-78",
        ("POST", "/fhir") => "iti-65",
        ("POST", "/fhir/DocumentReference/_search") | ("GET", "/fhir/DocumentReference") => "iti-67",
        ("GET", path) if path.starts_with("/fhir/Binary/") => "iti-68",
        _ => "other",
    }
}

async fn answer(State(script): State<Shared>, request: Request) -> Response {
    let (parts, body) = request.into_parts();
    let body = axum::body::to_bytes(body, 1 << 24).await.unwrap();
    let is_form = text_of(&parts.headers)
        .get("content-type")
        .is_some_and(|kind| kind == "application/x-www-form-urlencoded");
    let asked = exchange::Request {
        method: parts.method.to_string(),
        path: parts.uri.path().to_owned(),
        query: parameters(parts.uri.query().unwrap_or_default().as_bytes()),
        headers: text_of(&parts.headers),
        body: exchange::Body {
            form: is_form.then(|| parameters(&body)),
            ..body_of(&body)
        },
    };
    let operation = operation(&parts.method, parts.uri.path());
    let mut script = script.lock().unwrap();
    let arrived = script.begun.elapsed();
    let nth = 1 + script.heard.iter().filter(|e| e.operation == operation).count();
    let mut faults = script.faults.iter();
    let fault = faults.find(|f| f.on == operation && f.nth == nth).cloned();
    let (status, retry_after, body) = match fault.as_ref().map(|fault| fault.play) {
        Some(Play::Answer(status, retry_after)) => (status, retry_after, problem("a-fault")),
        Some(Play::Lose(status, retry_after)) => {
            perform(&mut script, operation, &asked);
            (status, retry_after, problem("part-unavailable"))
        }
        Some(Play::Corrupt) => {
            let (status, body) = perform(&mut script, operation, &asked);
            let mut bytes = body.to_vec();
            bytes[3] ^= 1;
            (status, None, bytes.into())
        }
        Some(Play::Break) | None => {
            let (status, body) = perform(&mut script, operation, &asked);
            (status, None, body)
        }
    };
    let broken = matches!(&fault, Some(fault) if matches!(fault.play, Play::Break));
    let mut response = (StatusCode::from_u16(status).unwrap(), body.clone()).into_response();
    if let Some(seconds) = retry_after {
        response.headers_mut().insert("retry-after", seconds.into());
    }
    let exchange = Exchange {
        number: u32::try_from(script.heard.len()).unwrap() + 1,
        at_ms: u64::try_from(arrived.as_millis()).unwrap(),
        took_ms: 0,
        operation: operation.to_owned(),
        request: asked,
        response: exchange::Response {
            status,
            headers: text_of(response.headers()),
            body: body_of(&body),
            fault: fault.map(|fault| fault.id),
        },
    };
    script.heard.push(exchange);
    if broken {
        let cut = std::io::Error::other("the wire is cut");
        return Body::from_stream(futures::stream::iter([Err::<Bytes, _>(cut)])).into_response();
    }
    response
}

fn text_of(headers: &HeaderMap) -> BTreeMap<String, String> {
    headers
        .iter()
        .map(|(name, value)| (name.to_string(), value.to_str().unwrap_or_default().to_owned()))
        .collect()
}

fn parameters(encoded: &[u8]) -> BTreeMap<String, Vec<String>> {
    let mut parameters = BTreeMap::<String, Vec<String>>::new();
    for (name, value) in url::form_urlencoded::parse(encoded).into_owned() {
        parameters.entry(name).or_default().push(value);
    }
    parameters
}

fn body_of(bytes: &[u8]) -> exchange::Body {
    exchange::Body {
        size: bytes.len() as u64,
        json: serde_json::from_slice(bytes).ok(),
        ..exchange::Body::default()
    }
}

fn problem(code: &str) -> Bytes {
    json!({ "resourceType": "OperationOutcome", "issue": [{ "details": { "coding": [{ "code": code }] } }] })
        .to_string()
        .into()
}

/// What the platform would do, as far as this software can see it.
fn perform(script: &mut Script, operation: &str, asked: &exchange::Request) -> (u16, Bytes) {
    let form = asked.body.form.as_ref().unwrap_or(&asked.query);
    let parameter = |name: &str| form.get(name).map(|values| values[0].as_str());
    if operation == "token" {
        if parameter("subject_token") != Some(ID_TOKEN) {
            return (400, json!({ "error": "invalid_grant" }).to_string().into());
        }
        let token = format!("token-{}", script.tokens.len());
        script.tokens.push(token.clone());
        return (200, json!({ "access_token": token }).to_string().into());
    }
    let bearer = asked.headers.get("authorization");
    let bearer = bearer.and_then(|text| text.strip_prefix("Bearer "));
    if !bearer.is_some_and(|bearer| script.tokens.iter().any(|token| token == bearer)) {
        return (401, problem("token-invalid"));
    }
    match operation {
        "iti-104" => (
            201,
            asked.body.json.clone().unwrap_or_default().to_string().into(),
        ),
        "iti-78" => match number(parameter("identifier")) {
            None => (400, problem("identifier-invalid")),
            Some(number) if number.starts_with("XT0") => (200, searchset(&[])),
            Some(_) => (200, searchset(&[json!({ "resourceType": "Patient", "id": "p" })])),
        },
        "iti-65" => submit(&asked.body.json.clone().unwrap_or_default()),
        "iti-67" => match number(parameter("patient.identifier")) {
            None => (400, problem("patient-required")),
            Some(_) if script.opposed => (403, problem("access-refused")),
            Some(_) => (200, searchset(&[document_reference(), document_reference()])),
        },
        "iti-68" => (200, Bytes::from_static(CONTENT)),
        _ => (404, problem("no-such-route")),
    }
}

fn number(identifier: Option<&str>) -> Option<&str> {
    Some(identifier?.split_once('|')?.1)
}

fn submit(bundle: &Value) -> (u16, Bytes) {
    let hash = &bundle["entry"][1]["resource"]["content"][0]["attachment"]["hash"];
    let data = bundle["entry"][2]["resource"]["data"].as_str();
    let bytes = STANDARD.decode(data.unwrap_or_default()).unwrap_or_default();
    if *hash != sha1(&bytes) {
        return (422, problem("attachment-hash-mismatch"));
    }
    (200, json!({ "resourceType": "Bundle" }).to_string().into())
}

fn document_reference() -> Value {
    json!({
        "resourceType": "DocumentReference",
        "content": [{ "attachment": {
            "url": "https://gateway.dmp.test/fhir/Binary/1234abcd-1",
            "hash": sha1(CONTENT),
        } }],
    })
}

fn sha1(bytes: &[u8]) -> String {
    STANDARD.encode(digest(&SHA1_FOR_LEGACY_USE_ONLY, bytes))
}

fn searchset(resources: &[Value]) -> Bytes {
    let entries: Vec<Value> = resources
        .iter()
        .map(|resource| json!({ "resource": resource }))
        .collect();
    json!({ "resourceType": "Bundle", "type": "searchset", "entry": entries })
        .to_string()
        .into()
}
