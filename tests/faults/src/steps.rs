//! The steps of the demonstration, each as something that can be repeated and passes or fails.

use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use aws_lc_rs::digest;
use aws_lc_rs::rand::SecureRandom as _;
use dmpctl::demo::fixtures::{Case, Document};
use dmpctl::demo::gateway::Reply;
use dmpctl::demo::steps::opposition;
use dmpctl::demo::steps::publish::binaries;
use dmpctl::demo::steps::read::list;
use dmpctl::demo::steps::trail;
use dmpctl::demo::submission::provide_bundle;
use reqwest::Method;
use serde_json::{Value, json};

use crate::cast::{Cast, said, silence};
use crate::ledger::{Entry, Ledger, Sender, State};

/// OID of the sending system (example arc).
const SOURCE: &str = "urn:oid:2.999.212.5.20";
/// The patient whose trail is a step.
pub const WATCHED: usize = 2;
/// A write is in the trail after this time: logs are pulled every second or two.
const TRAIL_DELAY: Duration = Duration::from_secs(5);

/// A step. The order is the demonstration's.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Step {
    /// A caregiver logs in: issuer, then the gateway's token service.
    LogIn,
    /// ITI-104 of a new patient.
    Register,
    /// ITI-65 into the group of Tanger.
    Publish,
    /// ITI-65 into the group of Casablanca.
    PublishElsewhere,
    /// ITI-78 by identifier.
    Find,
    /// ITI-67, complete: no part is named as missing.
    List,
    /// ITI-68, byte for byte.
    Retrieve,
    /// The patient opposes: refused; she lifts it: open again.
    Consent,
    /// The patient's trail shows the newest write.
    Trail,
}

impl Step {
    pub const ALL: [Self; 9] = [
        Self::LogIn,
        Self::Register,
        Self::Publish,
        Self::PublishElsewhere,
        Self::Find,
        Self::List,
        Self::Retrieve,
        Self::Consent,
        Self::Trail,
    ];

    /// As the table calls it.
    pub const fn title(self) -> &'static str {
        match self {
            Self::LogIn => "log in",
            Self::Register => "register",
            Self::Publish => "publish, Tanger",
            Self::PublishElsewhere => "publish, Casablanca",
            Self::Find => "find",
            Self::List => "list",
            Self::Retrieve => "retrieve",
            Self::Consent => "consent",
            Self::Trail => "trail",
        }
    }
}

/// What all repetitions of all steps share.
pub struct Play {
    pub cast: Cast,
    pub ledger: Mutex<Ledger>,
    /// What was acknowledged in earlier faults.
    earlier: Mutex<Vec<(String, Entry)>>,
    /// What must never happen and did.
    pub violations: Mutex<Vec<String>>,
    /// Answers that were no success, by status and code, since the last [`Play::forget_answers`].
    pub answers: Mutex<BTreeMap<String, usize>>,
}

impl Play {
    pub fn new(cast: Cast) -> Self {
        Self {
            cast,
            ledger: Mutex::default(),
            earlier: Mutex::default(),
            violations: Mutex::default(),
            answers: Mutex::default(),
        }
    }

    /// Other patients and an empty ledger; what was acknowledged so far is kept apart.
    ///
    /// # Errors
    /// As [`Cast::renew`].
    pub async fn begin(&self) -> Result<(), String> {
        self.cast.renew().await?;
        let before = std::mem::take(&mut *self.ledger());
        self.earlier
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .extend(before.acknowledgements());
        Ok(())
    }

    /// What was acknowledged in earlier faults.
    pub fn earlier(&self) -> Vec<(String, Entry)> {
        self.earlier
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .clone()
    }

    /// Plays one step once.
    ///
    /// # Errors
    /// What was answered instead, without personal data.
    pub async fn step(&self, step: Step) -> Result<(), String> {
        match step {
            Step::LogIn => self.cast.log_in().await.map(drop).map_err(said),
            Step::Register => self.cast.register(&Case::new().map_err(said)?).await.map(drop),
            Step::Publish => self.publish(0, Sender::Tanger).await.map(drop),
            Step::PublishElsewhere => self.publish(1, Sender::Casablanca).await.map(drop),
            Step::Find => self.find().await,
            Step::List => self.complete_list(0).await.map(drop),
            Step::Retrieve => self.retrieve_newest().await,
            Step::Consent => self.change_of_mind().await,
            Step::Trail => self.trail_of_newest().await,
        }
    }

    /// Sends a new document; once acknowledged it is in the ledger for ever.
    ///
    /// # Errors
    /// What was answered instead of a success; the submission stays in the ledger as uncertain.
    pub async fn publish(&self, patient: usize, sender: Sender) -> Result<String, String> {
        let (set, entry) = self.submission(patient, sender);
        self.ledger().sent(&set, entry.clone());
        self.send(&set, &entry).await.map(|()| set)
    }

    /// Sends a submission of the ledger, for the first time or again.
    ///
    /// # Errors
    /// What was answered instead of a success.
    pub async fn send(&self, set: &str, entry: &Entry) -> Result<(), String> {
        let (software, token) = self.cast.sender(entry.sender);
        let reply = software
            .send(Method::POST, "/fhir", Some(&token), &entry.bundle)
            .await
            .map_err(silence)?;
        if reply.status.as_u16() != 200 {
            return Err(self.unsuccessful(&reply));
        }
        let answer = reply.json();
        let (binary, document) = (binaries(&answer).pop(), location(&answer, "DocumentReference/"));
        let (Some(binary), Some(document)) = (binary, document) else {
            return Err("200 without the new ids".to_owned());
        };
        self.ledger().acknowledged(set, binary, document);
        Ok(())
    }

    fn submission(&self, patient: usize, sender: Sender) -> (String, Entry) {
        let unique = uuid::Uuid::new_v4().as_u128();
        let (set, id) = (
            format!("urn:oid:2.25.{unique}"),
            format!("urn:oid:2.25.{}", unique ^ 1),
        );
        let mut noise = [0_u8; 1024];
        aws_lc_rs::rand::SystemRandom::new()
            .fill(&mut noise)
            .unwrap_or_default();
        let text = format!("{}\n{id}\n{}\n", self.cast.marker, hex::encode(noise));
        let document = Document {
            title: "Note",
            content_type: "text/plain",
            kind: ("34109-9", "Note"),
            unique_id: id.clone(),
            format: "urn:ihe:iti:xds:2017:mimeTypeSufficient",
            bytes: text.into_bytes(),
        };
        let date = jiff::Timestamp::now().to_string();
        let patients = self.cast.patients();
        let bundle = provide_bundle(&patients.related[patient].id, &set, SOURCE, &date, &[&document]);
        let entry = Entry {
            patient,
            sender,
            document: id,
            bytes: document.bytes,
            bundle,
            state: State::Uncertain,
        };
        (set, entry)
    }

    async fn find(&self) -> Result<(), String> {
        let (patients, token) = (self.cast.patients(), self.cast.cardiologist.token());
        let patient = &patients.related[0];
        let form = [("identifier", patient.case.identifier())];
        let form: Vec<(&str, &str)> = form.iter().map(|(key, value)| (*key, value.as_str())).collect();
        let reply = self
            .cast
            .world
            .cardio
            .form("/fhir/Patient/_search", Some(&token), &form)
            .await
            .map_err(silence)?;
        let found = reply.json();
        let found = found.pointer("/entry/0/resource/id").and_then(Value::as_str);
        if found == Some(&patient.id) {
            Ok(())
        } else {
            Err(self.unsuccessful(&reply))
        }
    }

    /// `masterIdentifier` of every document of a patient; an answer that lacks a group is a failure.
    ///
    /// # Errors
    /// Status and code, or `incomplete: <code>`.
    pub async fn complete_list(&self, patient: usize) -> Result<Vec<String>, String> {
        let (documents, missing) = self.list(patient).await?;
        match missing.first() {
            None => Ok(documents),
            Some(code) => Err(format!("incomplete: {code}")),
        }
    }

    /// `masterIdentifier` of every document of a patient, and the codes of what the answer lacks.
    ///
    /// # Errors
    /// Status and code.
    pub async fn list(&self, patient: usize) -> Result<(Vec<String>, Vec<String>), String> {
        let patients = self.cast.patients();
        let patient = &patients.related[patient];
        let reply = list(
            &self.cast.world.cardio,
            &self.cast.cardiologist.token(),
            &patient.id,
        )
        .await
        .map_err(silence)?;
        if reply.status.as_u16() != 200 {
            return Err(self.unsuccessful(&reply));
        }
        let bundle = reply.json();
        let entries = bundle.get("entry").and_then(Value::as_array);
        let (mut documents, mut missing) = (Vec::new(), Vec::new());
        for entry in entries.into_iter().flatten() {
            let text = |pointer: &str| entry.pointer(pointer).and_then(Value::as_str).map(str::to_owned);
            if text("/search/mode").as_deref() == Some("outcome") {
                missing.push(text("/resource/issue/0/details/coding/0/code").unwrap_or_default());
            } else if let Some(document) = text("/resource/masterIdentifier/value") {
                documents.push(document);
            }
        }
        Ok((documents, missing))
    }

    async fn retrieve_newest(&self) -> Result<(), String> {
        let newest = self
            .ledger()
            .newest(Instant::now(), |entry| entry.sender == Sender::Tanger);
        match newest {
            Some(entry) => self.retrieve(&entry).await,
            None => Err("nothing was acknowledged yet".to_owned()),
        }
    }

    /// Reads one acknowledged document and compares its bytes.
    ///
    /// # Errors
    /// Status and code, or `other bytes`.
    pub async fn retrieve(&self, entry: &Entry) -> Result<(), String> {
        let State::Acknowledged { binary, .. } = &entry.state else {
            return Err("not acknowledged".to_owned());
        };
        let reply = self
            .cast
            .world
            .cardio
            .get(&format!("/fhir/{binary}"), Some(&self.cast.cardiologist.token()))
            .await
            .map_err(silence)?;
        if reply.status.as_u16() != 200 {
            return Err(self.unsuccessful(&reply));
        }
        let same = |bytes: &[u8]| digest::digest(&digest::SHA256, bytes).as_ref().to_vec();
        if same(&reply.body) == same(&entry.bytes) {
            Ok(())
        } else {
            self.violation(format!("{binary}: 200 with other bytes than were acknowledged"));
            Err("other bytes".to_owned())
        }
    }

    async fn change_of_mind(&self) -> Result<(), String> {
        self.lift_standing().await?;
        let patients = self.cast.patients();
        let patient = &patients.undecided;
        let statement = opposition(&patient.id, jiff::Timestamp::now());
        self.cast.consent(patient, &statement).await?;
        let reply = self.read_list(&patient.id).await?;
        if reply.status.is_success() {
            self.violation("a read after an acknowledged opposition succeeded".to_owned());
        }
        if reply.status.as_u16() != 403 {
            return Err(self.unsuccessful(&reply));
        }
        self.lift_standing().await?;
        let reply = self.read_list(&patient.id).await?;
        if reply.status.as_u16() == 200 {
            Ok(())
        } else {
            Err(self.unsuccessful(&reply))
        }
    }

    async fn read_list(&self, patient: &str) -> Result<Reply, String> {
        list(&self.cast.world.cardio, &self.cast.cardiologist.token(), patient)
            .await
            .map_err(silence)
    }

    /// Lifts every opposition of the undecided patient, also one whose acknowledgement was lost.
    async fn lift_standing(&self) -> Result<(), String> {
        let patients = self.cast.patients();
        let patient = &patients.undecided;
        let path = format!("/fhir/Consent?patient={}", patient.id);
        let reply = self
            .cast
            .world
            .amal
            .get(&path, Some(&patient.session.token()))
            .await
            .map_err(silence)?;
        if reply.status.as_u16() != 200 {
            return Err(self.unsuccessful(&reply));
        }
        let bundle = reply.json();
        let consents = bundle.get("entry").and_then(Value::as_array);
        let standing: Vec<Value> = consents
            .into_iter()
            .flatten()
            .filter_map(|entry| entry.get("resource"))
            .filter(|consent| {
                consent.get("status") == Some(&json!("active"))
                    && consent.pointer("/provision/type") == Some(&json!("deny"))
            })
            .cloned()
            .collect();
        for mut consent in standing {
            let id = consent.get("id").and_then(Value::as_str).unwrap_or_default();
            let path = format!("/fhir/Consent/{id}");
            if let Some(fields) = consent.as_object_mut() {
                fields.insert("status".to_owned(), json!("inactive"));
            }
            let reply = self
                .cast
                .world
                .amal
                .send(Method::PUT, &path, Some(&patient.session.token()), &consent)
                .await
                .map_err(silence)?;
            if !reply.status.is_success() {
                return Err(self.unsuccessful(&reply));
            }
        }
        Ok(())
    }

    async fn trail_of_newest(&self) -> Result<(), String> {
        let newest = self
            .ledger()
            .newest(Instant::now() - TRAIL_DELAY, |entry| entry.patient == WATCHED);
        let Some(entry) = newest else {
            return Err("nothing was written yet".to_owned());
        };
        let shown = self.trail(WATCHED).await?;
        let State::Acknowledged { document, .. } = &entry.state else {
            return Err("not acknowledged".to_owned());
        };
        if shown.contains(document) {
            Ok(())
        } else {
            Err("the trail lacks an acknowledged write".to_owned())
        }
    }

    /// `DocumentReference/<id>` of every write in a patient's trail.
    ///
    /// # Errors
    /// Status and code; `behind` when the trail says that a log could not be pulled.
    pub async fn trail(&self, patient: usize) -> Result<Vec<String>, String> {
        let patients = self.cast.patients();
        let patient = &patients.related[patient];
        let (_, answer) = trail::fetch(&self.cast.world.amal, &patient.session.token())
            .await
            .map_err(said)?;
        if !answer.behind.is_empty() {
            return Err("the trail is behind".to_owned());
        }
        let events = trail::events(&answer).map_err(said)?;
        Ok(events
            .into_iter()
            .filter(|event| event.kind == dmp_client::audit::EventKind::Write)
            .filter_map(|event| Some(format!("DocumentReference/{}", event.resource_id?)))
            .collect())
    }

    /// Tries to read the patient who opposes, in every way; whatever succeeds is a violation.
    pub async fn try_the_opposed(&self) {
        let (world, patients) = (&self.cast.world, self.cast.patients());
        for (software, token) in [
            (&world.cardio, self.cast.cardiologist.token()),
            (&world.atlas, self.cast.author.token()),
        ] {
            if let Ok(reply) = list(software, &token, &patients.opposed.id).await {
                self.look_for_text(&reply);
                if reply.status.is_success() {
                    self.violation(format!("a read of the opposed patient: {}", reply.summary()));
                }
            }
        }
    }

    /// Status and code of an answer that is no success; it must hold nothing of a record.
    pub fn unsuccessful(&self, reply: &Reply) -> String {
        self.look_for_text(reply);
        let summary = reply.summary();
        *self
            .answers
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .entry(summary.clone())
            .or_default() += 1;
        summary
    }

    fn look_for_text(&self, reply: &Reply) {
        let text = String::from_utf8_lossy(&reply.body);
        if self.cast.secrets().iter().any(|secret| text.contains(secret)) {
            self.violation(format!("an answer holds a text of a record: {}", reply.summary()));
        }
    }

    pub fn violation(&self, what: String) {
        self.violations
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .push(what);
    }

    /// Answers that were no success, counted, and none from now on.
    pub fn forget_answers(&self) -> BTreeMap<String, usize> {
        std::mem::take(&mut *self.answers.lock().unwrap_or_else(PoisonError::into_inner))
    }

    pub fn ledger(&self) -> std::sync::MutexGuard<'_, Ledger> {
        self.ledger.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// `<kind>/<id>` of the first entry of a transaction-response that is of a kind.
fn location(response: &Value, kind: &str) -> Option<String> {
    let entries = response.get("entry")?.as_array()?;
    entries.iter().find_map(|entry| {
        let location = entry.pointer("/response/location")?.as_str()?;
        let rest = location.get(location.find(kind)? + kind.len()..)?;
        Some(format!("{kind}{}", rest.split('/').next()?))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_location_may_be_absolute_and_have_a_version() {
        let response = json!({ "entry": [
            { "response": { "location": "List/1" } },
            { "response": { "location": "https://h/fhir/DocumentReference/ab-1/_history/1" } },
        ] });
        let found = location(&response, "DocumentReference/");
        assert_eq!(found.as_deref(), Some("DocumentReference/ab-1"));
        assert_eq!(location(&response, "Binary/"), None);
    }
}
