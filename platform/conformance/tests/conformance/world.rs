//! A platform as the gateway would record it: plays the faults of a test and answers as little as the rules look at.

use std::collections::BTreeMap;

use dmp_conformance::exchange::{Body, Exchange, Request, Response};
use dmp_conformance::faults;
use dmp_conformance::suite::{Answer, Play, Test};
use serde_json::{Value, json};

/// When every test begins.
pub const BEGUN: &str = "2026-11-12T16:40:00Z";
pub const CNIE: &str = "https://dmp.ma/sid/cnie";

/// One run of a test.
pub struct World<'t> {
    pub test: &'t Test,
    pub given: Value,
    pub exchanges: Vec<Exchange>,
    /// Milliseconds since the test began.
    pub now: u64,
    counts: BTreeMap<String, u32>,
    tokens: Vec<String>,
    stored: Option<Value>,
}

pub fn given(test: &Test) -> Value {
    let patient = json!({
        "resourceType": "Patient",
        "identifier": [
            { "system": CNIE, "value": "XT123456" },
            { "system": "urn:oid:2.999.7", "value": "P-42" },
        ],
        "name": [{ "family": "BENALI", "given": ["Samira", "Hind"] }],
        "birthDate": "1984-03-09",
        "gender": "female",
        "telecom": [{ "system": "phone", "value": "+212600000001" }],
        "address": [{ "line": ["1 rue des Orangers"], "city": "Rabat" }],
    });
    let mut given = json!({ "patient": patient });
    if test.given.changed {
        let mut changed = patient;
        changed["telecom"][0]["value"] = "+212600000002".into();
        changed["address"][0]["line"][0] = "2 rue des Oliviers".into();
        given["changed"] = changed;
    }
    if test.given.document.is_some() {
        given["document"] = json!({
            "title": "Compte rendu",
            "contentType": "application/hl7-cda+xml",
            "type": { "system": "http://loinc.org", "code": "34105-7", "display": "Hospital Discharge summary" },
            "format": "urn:ihe:pcc:xds-ms:2007",
            "uniqueId": "urn:oid:2.25.4242",
            "data": document(),
        });
    }
    if test.given.unknown {
        given["unknown"] = json!({ "system": CNIE, "value": "XT000000" });
    }
    given
}

/// Base64 of a document that is longer than what rules see into.
pub fn document() -> String {
    "PGE+".repeat(2000)
}

pub fn body(json: Option<Value>, form: Option<BTreeMap<String, Vec<String>>>) -> Body {
    let size = json.as_ref().map_or(0, |json| json.to_string().len() as u64) + u64::from(form.is_some());
    Body {
        size,
        sha256: format!("{size:064x}"),
        json,
        form,
    }
}

pub fn request(method: &str, path: &str) -> Request {
    Request {
        method: method.to_owned(),
        path: path.to_owned(),
        query: BTreeMap::new(),
        headers: BTreeMap::new(),
        body: Body::default(),
    }
}

pub fn fields(fields: &[(&str, &str)]) -> BTreeMap<String, Vec<String>> {
    let mut all = BTreeMap::<String, Vec<String>>::new();
    for (name, value) in fields {
        all.entry((*name).to_owned())
            .or_default()
            .push((*value).to_owned());
    }
    all
}

pub fn response(status: u16, json: Value) -> Response {
    Response {
        status,
        headers: BTreeMap::new(),
        body: body(Some(json), None),
        fault: None,
    }
}

impl<'t> World<'t> {
    pub fn new(test: &'t Test) -> Self {
        Self {
            test,
            given: given(test),
            exchanges: Vec::new(),
            now: 50,
            counts: BTreeMap::new(),
            tokens: Vec::new(),
            stored: None,
        }
    }

    /// Sends a request and records what comes of it.
    pub fn send(&mut self, operation: &str, request: Request) -> Response {
        let count = self.counts.entry(operation.to_owned()).or_default();
        *count += 1;
        let fault = faults::due(&self.test.faults, operation, *count).cloned();
        let mut response = match fault.as_ref().map(|fault| &fault.play) {
            Some(Play::Answer(answer)) => injected(answer),
            Some(Play::Lose(answer)) => {
                self.platform(operation, &request);
                injected(answer)
            }
            Some(Play::Corrupt) => {
                let mut response = self.platform(operation, &request);
                response.body.sha256 = "damaged".to_owned();
                response
            }
            None => self.platform(operation, &request),
        };
        response.fault = fault.map(|fault| fault.id);
        self.exchanges.push(Exchange {
            number: u32::try_from(self.exchanges.len()).unwrap() + 1,
            at_ms: self.now,
            took_ms: 8,
            operation: operation.to_owned(),
            request,
            response: response.clone(),
        });
        self.now += 10;
        response
    }

    fn platform(&mut self, operation: &str, request: &Request) -> Response {
        if operation == "token" {
            let token = format!("sha256:{:016x}", self.tokens.len() + 1);
            self.tokens.push(token.clone());
            return response(200, json!({ "access_token": token, "token_type": "Bearer" }));
        }
        let bearer = request.headers.get("authorization");
        if !bearer.is_some_and(|bearer| {
            self.tokens
                .iter()
                .any(|token| *bearer == format!("Bearer {token}"))
        }) {
            return response(401, json!({ "resourceType": "OperationOutcome" }));
        }
        match operation {
            "iti-65" => self.store(request.body.json.as_ref().unwrap()),
            "iti-104" => response(201, json!({ "resourceType": "Patient" })),
            "iti-78" if self.test.given.unknown => response(200, searchset(Vec::new())),
            "iti-78" => response(200, searchset(vec![self.given["patient"].clone()])),
            "iti-67" if request.query.is_empty() && request.body.form.is_none() => response(400, json!({})),
            "iti-67" if self.test.given.opposed => {
                response(403, json!({ "resourceType": "OperationOutcome" }))
            }
            "iti-67" => {
                let url = "https://gateway.dmp.test/fhir/Binary/0a1b2c3d-0001";
                let document = json!({ "resourceType": "DocumentReference", "content": [{ "attachment": { "url": url } }] });
                response(200, searchset(vec![document]))
            }
            _ => response(200, json!({})),
        }
    }

    /// Another content under the same uniqueId is a conflict; a hash that is not of the bytes is refused.
    fn store(&mut self, bundle: &Value) -> Response {
        let unique = |bundle: &Value| bundle["entry"][0]["resource"]["identifier"].clone();
        let stored = self.stored.as_ref();
        if stored.is_some_and(|stored| unique(stored) == unique(bundle) && stored != bundle) {
            return response(409, json!({ "resourceType": "OperationOutcome" }));
        }
        if bundle.to_string().contains("AAAAAAAAAAAAAAAAAAAAAAAAAAA=") {
            return response(422, json!({ "resourceType": "OperationOutcome" }));
        }
        self.stored = Some(bundle.clone());
        let entry =
            json!({ "response": { "status": "201 Created", "lastModified": "2026-11-12T16:40:01Z" } });
        response(
            200,
            json!({ "resourceType": "Bundle", "type": "transaction-response", "entry": [entry] }),
        )
    }
}

fn searchset(resources: Vec<Value>) -> Value {
    let entry: Vec<Value> = resources
        .into_iter()
        .map(|resource| json!({ "resource": resource }))
        .collect();
    json!({ "resourceType": "Bundle", "type": "searchset", "total": entry.len(), "entry": entry })
}

fn injected(answer: &Answer) -> Response {
    let mut response = response(answer.status, json!({ "resourceType": "OperationOutcome" }));
    if let Some(seconds) = answer.retry_after {
        response
            .headers
            .insert("retry-after".to_owned(), seconds.to_string());
    }
    response
}
