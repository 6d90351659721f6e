//! A software that does the tasks: right in several ways, or with one defect.

use aws_lc_rs::digest::{SHA1_FOR_LEGACY_USE_ONLY, digest};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use dmp_conformance::exchange::{Request, Response};
use dmp_conformance::suite::{Action, Test};
use serde_json::{Value, json};

use crate::world::{BEGUN, World, body, fields, request};

/// What is wrong with it; `""` for nothing. Others are habits, all of them right.
#[derive(Clone, Copy)]
pub struct Software {
    pub defect: &'static str,
    pub habit: &'static str,
}

impl Software {
    pub const fn right() -> Self {
        Self {
            defect: "",
            habit: "",
        }
    }

    pub fn does<'t>(self, test: &'t Test) -> World<'t> {
        let mut at = Work {
            software: self,
            world: World::new(test),
            token: None,
            purpose: "TREAT",
        };
        match test.action {
            Action::Publish => at.publish(),
            Action::Register => at.register(),
            Action::Find => at.find(),
            Action::Read => at.read(),
        }
        at.world
    }
}

struct Work<'t> {
    software: Software,
    world: World<'t>,
    token: Option<String>,
    purpose: &'static str,
}

impl Work<'_> {
    fn has(&self, defect: &str) -> bool {
        self.software.defect == defect
    }

    /// The defect, everywhere or in this operation alone.
    fn has_at(&self, defect: &str, operation: &str) -> bool {
        self.has(defect) || self.software.defect == format!("{defect} {operation}")
    }

    fn new_token(&mut self) {
        let mut form = fields(&[
            ("grant_type", "urn:ietf:params:oauth:grant-type:token-exchange"),
            ("subject_token", "sha256:00000000000000aa"),
        ]);
        if !self.has("no purpose") {
            form.insert("purpose".to_owned(), vec![self.purpose.to_owned()]);
        }
        let mut asked = request("POST", "/oauth2/token");
        asked.body = body(None, Some(form));
        let answer = self.world.send("token", asked);
        self.token = answer.body.json.unwrap()["access_token"]
            .as_str()
            .map(str::to_owned);
    }

    /// One attempt.
    fn attempt(&mut self, operation: &str, mut asked: Request) -> Response {
        let lazy = self.has("token later");
        if !lazy && (self.token.is_none() || self.software.habit == "token each time") {
            self.new_token();
        }
        if let Some(token) = &self.token {
            let bearer = format!("Bearer {token}");
            asked.headers.insert("authorization".to_owned(), bearer);
        }
        self.world.send(operation, asked)
    }

    /// Until the answer is final. `again` makes the request of the nth repetition.
    fn call(&mut self, operation: &str, again: impl Fn(&Self, u32) -> Request) -> Response {
        let mut repeated = 0;
        loop {
            let asked = again(self, repeated);
            let answer = self.attempt(operation, asked);
            let stop = match answer.status {
                401 if repeated == 0 || self.has("token later") => {
                    if !self.has("old token") {
                        self.new_token();
                    }
                    false
                }
                503 => self.busy(operation, &answer, repeated, "no wait 503", "gives up 503"),
                429 => self.busy(operation, &answer, repeated, "no wait 429", "gives up 429"),
                403 if self.has_at("repeats 403", operation) => repeated > 0,
                403 if self.has_at("other purpose", operation) => {
                    self.purpose = "ETREAT";
                    self.new_token();
                    repeated > 0
                }
                403 if self.has("other route") => {
                    self.world
                        .send("other", request("POST", "/fhir/DocumentReference"));
                    true
                }
                412 if self.has("repeats 412") => false,
                409 if self.has("repeats 409") => false,
                _ => true,
            };
            if stop || repeated > 5 {
                return answer;
            }
            repeated += 1;
        }
    }

    fn busy(
        &mut self,
        operation: &str,
        answer: &Response,
        repeated: u32,
        no_wait: &str,
        gives_up: &str,
    ) -> bool {
        if self.has_at(gives_up, operation) || (self.has("repeats once") && repeated > 0) {
            return true;
        }
        let told = answer
            .headers
            .get("retry-after")
            .map_or(1, |seconds| seconds.parse::<u64>().unwrap());
        if !self.has_at(no_wait, operation) {
            let more = if self.software.habit == "patient" { 700 } else { 0 };
            self.world.now += told * 1000 + more * u64::from(repeated + 1);
        }
        false
    }

    fn publish(&mut self) {
        let unique_id = "urn:uuid:6f1dd1a8-7b5c-4ad7-8a53-5f3c0a0d8c11";
        self.call("iti-65", |work, repeated| {
            let mut bundle = bundle(&work.world.given, unique_id, work.software);
            if repeated > 0 && work.has("new submission") {
                bundle["entry"][0]["resource"]["identifier"][0]["value"] =
                    format!("urn:oid:2.25.{repeated}").into();
            }
            if repeated > 0 && work.has("new date") {
                bundle["entry"][0]["resource"]["date"] = "2026-11-12T16:40:02Z".into();
            }
            let mut asked = request("POST", "/fhir");
            asked.body = body(Some(bundle), None);
            asked
        });
    }

    fn register(&mut self) {
        let mut versions = vec![self.world.given["patient"].clone()];
        if self.world.given["changed"].is_object() {
            versions.push(self.world.given["changed"].clone());
        }
        for (at, patient) in versions.into_iter().enumerate() {
            let second = at > 0 && self.has("other identifier in update");
            let identifiers = if self.software.habit == "each identifier" {
                2
            } else {
                1
            };
            for named in 0..identifiers {
                let answer = self.call("iti-104", |work, _| {
                    feed(work, &patient, if second { 1 } else { named })
                });
                if answer.status >= 400 {
                    return;
                }
            }
        }
    }

    fn find(&mut self) {
        let wanted = match &self.world.given["unknown"] {
            Value::Null => self.world.given["patient"]["identifier"][0].clone(),
            unknown => unknown.clone(),
        };
        let system = wanted["system"].as_str().unwrap();
        let value = wanted["value"].as_str().unwrap();
        let token = match self.software.defect {
            "no system" => value.to_owned(),
            _ => format!("{system}|{value}"),
        };
        let answer = self.call("iti-78", |work, _| {
            let mut asked = request("POST", "/fhir/Patient/_search");
            if work.has("in the url") {
                asked = request("GET", "/fhir/Patient");
                asked.query = fields(&[("identifier", &token)]);
            } else {
                asked.body = body(None, Some(fields(&[("identifier", &token)])));
            }
            asked
        });
        let empty = answer.status == 200 && answer.body.json.unwrap()["total"] == 0;
        if empty && self.has("registers unknown") {
            let patient = self.world.given["patient"].clone();
            self.call("iti-104", |work, _| feed(work, &patient, 0));
        }
        if empty && self.has("searches by less") {
            self.call("iti-78", |_, _| {
                let mut asked = request("POST", "/fhir/Patient/_search");
                asked.body = body(None, Some(fields(&[("family", "BENALI")])));
                asked
            });
        }
    }

    fn read(&mut self) {
        let patient = self.world.given["patient"]["identifier"][0].clone();
        let token = format!(
            "{}|{}",
            patient["system"].as_str().unwrap(),
            patient["value"].as_str().unwrap()
        );
        if self.has("lists without patient") {
            self.call("iti-67", |_, _| {
                request("POST", "/fhir/DocumentReference/_search")
            });
        }
        let list = self.call("iti-67", |work, _| {
            let mut asked = request("POST", "/fhir/DocumentReference/_search");
            if work.has("in the url") {
                asked = request("GET", "/fhir/DocumentReference");
                asked.query = fields(&[("patient.identifier", &token)]);
            } else if work.software.habit == "by id" {
                asked = request("GET", "/fhir/DocumentReference");
                asked.query = fields(&[("patient", "7d1a2f9e-0000-4000-8000-000000000001")]);
            } else {
                asked.body = body(
                    None,
                    Some(fields(&[("patient.identifier", &token), ("status", "current")])),
                );
            }
            asked
        });
        if list.status != 200 {
            return;
        }
        let documents = list.body.json.unwrap()["entry"].clone();
        for entry in documents.as_array().unwrap() {
            let url = entry["resource"]["content"][0]["attachment"]["url"]
                .as_str()
                .unwrap();
            let path = url.strip_prefix("https://gateway.dmp.test").unwrap().to_owned();
            let mut again = 1 + u32::from(self.has("retrieves twice") && self.world.test.is_nominal());
            while again > 0 {
                again -= 1;
                let document = self.call("iti-68", |_, _| request("GET", &path));
                if document.body.sha256 == "damaged" && !self.has("takes damaged") {
                    again += 1;
                }
            }
        }
    }
}

fn feed(work: &Work<'_>, patient: &Value, named: usize) -> Request {
    let mut resource = patient.clone();
    let identifier = &patient["identifier"][named];
    let mut query = format!(
        "{}|{}",
        identifier["system"].as_str().unwrap(),
        identifier["value"].as_str().unwrap()
    );
    match work.software.defect {
        "identifier of nobody" => query = "https://dmp.ma/sid/cnie|ZZ999999".to_owned(),
        "other name" => resource["name"][0]["family"] = "B".into(),
        "other birth date" => resource["birthDate"] = "1984-09-03".into(),
        "one identifier" => resource["identifier"] = json!([identifier]),
        _ => {}
    }
    let mut asked = request("PUT", "/fhir/Patient");
    asked.query = fields(&[("identifier", &query)]);
    asked.body = body(Some(resource), None);
    asked
}

fn bundle(given: &Value, unique_id: &str, software: Software) -> Value {
    let document = &given["document"];
    let mut data = document["data"].as_str().unwrap().to_owned();
    if software.defect == "other bytes" {
        data.truncate(4000);
    }
    let bytes = STANDARD.decode(&data).unwrap();
    let hash = match software.defect {
        "wrong hash" => "AAAAAAAAAAAAAAAAAAAAAAAAAAA=".to_owned(),
        _ => STANDARD.encode(digest(&SHA1_FOR_LEGACY_USE_ONLY, &bytes)),
    };
    let subject = json!({ "type": "Patient", "identifier": given["patient"]["identifier"][0] });
    let (list, reference, binary) = ("urn:uuid:1", "urn:uuid:2", "urn:uuid:3");
    let mut set = json!({
        "resourceType": "List",
        "identifier": [{ "use": "usual", "system": "urn:ietf:rfc:3986", "value": unique_id }],
        "code": { "coding": [{ "code": "submissionset" }] },
        "subject": subject,
        "date": BEGUN,
        "entry": [{ "item": { "reference": reference } }],
    });
    let mut about = json!({
        "resourceType": "DocumentReference",
        "masterIdentifier": { "system": "urn:ietf:rfc:3986", "value": document["uniqueId"] },
        "status": "current",
        "type": { "coding": [document["type"]] },
        "subject": subject,
        "date": BEGUN,
        "securityLabel": [{ "coding": [{
            "system": "http://terminology.hl7.org/CodeSystem/v3-Confidentiality", "code": "N",
        }] }],
        "content": [{
            "attachment": { "url": binary, "size": bytes.len(), "hash": hash, "creation": "2026-11" },
            "format": { "system": "urn:oid:1.3.6.1.4.1.19376.1.2.3", "code": document["format"] },
        }],
    });
    match software.defect {
        "dangling reference" => about["content"][0]["attachment"]["url"] = "urn:uuid:4".into(),
        "no code" => set["code"]["coding"][0]["code"] = "list".into(),
        "wrong size" => about["content"][0]["attachment"]["size"] = 3.into(),
        "no urn" => set["identifier"][0]["value"] = "4711".into(),
        "other document id" => about["masterIdentifier"]["value"] = "urn:oid:2.25.1".into(),
        "subject by name" => about["subject"] = json!({ "display": "Samira Benali" }),
        "another patient" => set["subject"]["identifier"]["value"] = "XT654321".into(),
        "no format" => about["content"][0]["format"] = Value::Null,
        "no confidentiality" => about["securityLabel"] = Value::Null,
        "tomorrow" => about["date"] = "2026-11-13T16:40:00Z".into(),
        _ => {}
    }
    let entry = |url: &str, resource: Value| json!({ "fullUrl": url, "request": { "method": "POST", "url": resource["resourceType"] }, "resource": resource });
    let entries = [
        entry(list, set),
        entry(reference, about),
        entry(
            binary,
            json!({ "resourceType": "Binary", "contentType": document["contentType"], "data": data }),
        ),
    ];
    json!({ "resourceType": "Bundle", "type": "transaction", "entry": entries })
}
