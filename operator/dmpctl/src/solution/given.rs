//! What a test needs before it begins: a synthetic person with documents, made on the platform as software makes them.
//!
//! With the vendor's own sandbox certificate, and for what only a patient may do (care relation, opposition) with that of
//! a patient app.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use dmp_conformance::suite::{DocumentGiven, Given, PatientGiven};
use jiff::Timestamp;
use reqwest::Method;
use serde_json::{Value, json};

use super::log_in::LogIns;
use crate::demo::fixtures::{CNIE, Case};
use crate::demo::gateway::{Reply, Software, unreachable};
use crate::demo::steps::publish::url_encoded;
use crate::demo::steps::{care_relation, opposition};
use crate::demo::submission::provide_bundle;
use crate::error::{CliError, Result};

/// OID of the bench as a source of submissions (example arc).
const SOURCE: &str = "urn:oid:2.999.212.5.90";

/// Who prepares.
pub struct Bench<'a, L> {
    /// The vendor's software.
    pub software: &'a Software,
    /// A patient app, when there is one.
    pub patient_app: Option<&'a Software>,
    pub log_ins: &'a L,
}

impl<L: LogIns> Bench<'_, L> {
    /// Prepares it, and describes it as the software and the judge get it.
    ///
    /// # Errors
    /// `preparation-failed` with what the platform answered; `patient-app-required`.
    pub async fn prepare(&self, wanted: &Given) -> Result<Value> {
        let case = Case::new()?;
        let mut given = json!({ "patient": case.patient });
        let members = given.as_object_mut().ok_or_else(defect)?;
        if wanted.changed {
            members.insert("changed".to_owned(), changed(&case.patient));
        }
        if wanted.unknown {
            let other = Case::new()?;
            members.insert(
                "unknown".to_owned(),
                json!({ "system": CNIE, "value": other.cnie }),
            );
        }
        if wanted.document.is_some() {
            let letter = &case.letter;
            let (code, display) = letter.kind;
            let document = json!({
                "title": letter.title,
                "contentType": letter.content_type,
                "type": { "system": "http://loinc.org", "code": code, "display": display },
                "format": letter.format,
                "uniqueId": letter.unique_id,
                "data": STANDARD.encode(&letter.bytes),
            });
            members.insert("document".to_owned(), document);
        }
        if wanted.patient == Some(PatientGiven::Registered) {
            self.on_the_platform(&case, wanted).await?;
        }
        Ok(given)
    }

    async fn on_the_platform(&self, case: &Case, wanted: &Given) -> Result<()> {
        let identity = self.log_ins.professional().await?;
        let token = self.software.token_when_known(&identity, "TREAT").await?;
        let path = format!("/fhir/Patient?identifier={}", url_encoded(&case.identifier()));
        let fed = self
            .software
            .send(Method::PUT, &path, Some(&token), &case.patient);
        let fed = expect("registering the patient", fed.await, &[200, 201])?;
        let id = fed.json().get("id").and_then(Value::as_str).map(str::to_owned);
        let id = id.ok_or_else(defect)?;
        if wanted.document == Some(DocumentGiven::Published) {
            let date = Timestamp::now().to_string();
            let bundle = provide_bundle(&id, &case.submission, SOURCE, &date, &[&case.letter]);
            let sent = self.software.send(Method::POST, "/fhir", Some(&token), &bundle);
            expect("publishing the document", sent.await, &[200])?;
            self.as_the_patient(case, &id, wanted.opposed).await?;
        }
        Ok(())
    }

    /// The patient opens a care relation, and opposes when the test wants that.
    async fn as_the_patient(&self, case: &Case, id: &str, opposes: bool) -> Result<()> {
        let app = self.patient_app.ok_or_else(|| {
            CliError::new(
                "patient-app-required",
                "this test needs what only the patient may do: a care relation, an opposition",
                "name the certificate of a patient app of the sandbox with --patient-app",
            )
        })?;
        let identity = self.log_ins.patient(CNIE, &case.cnie).await?;
        let token = app.token_when_known(&identity, "PATRQT").await?;
        let now = Timestamp::now();
        let relation = care_relation(id, self.log_ins.inpe(), now);
        let sent = app.send(Method::POST, "/fhir/Consent", Some(&token), &relation);
        expect("opening the care relation", sent.await, &[201])?;
        if opposes {
            let opposed = opposition(id, now);
            let sent = app.send(Method::POST, "/fhir/Consent", Some(&token), &opposed);
            expect("opposing", sent.await, &[201])?;
        }
        Ok(())
    }
}

fn expect(what: &str, reply: reqwest::Result<Reply>, statuses: &[u16]) -> Result<Reply> {
    let reply = reply.map_err(unreachable)?;
    if statuses.contains(&reply.status.as_u16()) {
        return Ok(reply);
    }
    Err(CliError::new(
        "preparation-failed",
        format!("{what} was answered {}", reply.summary()),
        "the bench uses the software's own certificate: look up the code in docs/errors.md",
    ))
}

/// The same person who has moved and has another telephone.
fn changed(patient: &Value) -> Value {
    let mut changed = patient.clone();
    if let Some(members) = changed.as_object_mut() {
        let telecom = json!([{ "system": "phone", "value": "+212600000099", "use": "mobile" }]);
        members.insert("telecom".to_owned(), telecom);
        let address =
            json!([{ "use": "home", "line": ["9, rue de l’Essai"], "city": "Tanger", "country": "MA" }]);
        members.insert("address".to_owned(), address);
    }
    changed
}

fn defect() -> CliError {
    CliError::new(
        "preparation-failed",
        "the platform registered the patient without an id",
        "this is a defect: report it",
    )
}
