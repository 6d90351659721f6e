//! Whose documents a submission brings: all its DocumentReferences and Lists must speak of one patient.
//!
//! A reference may be literal (`Patient/<id>`), logical (an identifier), to a contained Patient, or to a Patient
//! entry of the Bundle. The last is first fed to the registry (as ITI-104 would); when it has no identifier it gets
//! one of this very submission, so that a repeated submission finds the same patient and another one never does.

use aws_lc_rs::digest::{SHA256, digest};
use dmp_core::ids::{Identifier, PatientId};
use dmp_fhir::bundle::{Entry, Transaction};
use dmp_fhir::reference::Reference;
use dmp_fhir::submission::SubmissionSet;
use serde_json::Value;
use uuid::Uuid;

use super::params;
use crate::edge::person::Person;
use crate::failure::Failure;
use crate::state::Gateway;

/// The patient of the submission.
///
/// # Errors
/// 422 when no or several patients are named; [`Failure::Refused`] when there is no such patient.
pub async fn resolve(
    gateway: &Gateway,
    person: &Person,
    transaction: &Transaction<'_>,
) -> Result<PatientId, Failure> {
    let mut found: Option<PatientId> = None;
    let mut seen: Vec<Subject> = Vec::new();
    for (resource, subject) in subjects(transaction)? {
        let subject = Subject::read(gateway, person, transaction, resource, subject)?;
        if seen.contains(&subject) {
            continue;
        }
        let id = subject.resolve(gateway, person).await?;
        if found.is_some_and(|other| other != id) {
            return Err(Failure::unprocessable(
                "several-patients",
                "the documents must all be of one patient",
            ));
        }
        found = Some(id);
        seen.push(subject);
    }
    found.ok_or_else(|| Failure::unprocessable("subject-missing", "no DocumentReference names its patient"))
}

/// The resources that speak of a patient, with the element that names the patient.
fn subjects<'a>(transaction: &Transaction<'a>) -> Result<Vec<(&'a Value, &'a Value)>, Failure> {
    let mut subjects = Vec::new();
    for resource in transaction.entries.iter().filter_map(|entry| entry.resource) {
        let kind = resource.get("resourceType").and_then(Value::as_str);
        match (kind, resource.get("subject").or_else(|| resource.get("patient"))) {
            (Some("DocumentReference" | "List"), Some(subject)) => subjects.push((resource, subject)),
            (Some("DocumentReference"), None) => {
                return Err(Failure::unprocessable(
                    "subject-missing",
                    "a DocumentReference names no patient",
                ));
            }
            _ => {}
        }
    }
    Ok(subjects)
}

/// One way of naming a patient. No `Debug`: it speaks of a person.
#[derive(PartialEq)]
enum Subject {
    Id(PatientId),
    Identifier(Identifier),
    /// A Patient that comes with the submission, to be fed under this identifier.
    Feed(Identifier, Value),
}

impl Subject {
    fn read(
        gateway: &Gateway,
        person: &Person,
        transaction: &Transaction<'_>,
        resource: &Value,
        subject: &Value,
    ) -> Result<Self, Failure> {
        let reference = Reference::parse(subject, "subject").map_err(|error| of_fhir(&error))?;
        if let Some(entry) = transaction.resolve(&reference) {
            return Self::entry(person, transaction, entry);
        }
        match reference {
            Reference::Literal {
                base,
                kind: "Patient",
                id,
            } if of_here(gateway, base) => id.parse().map(Self::Id).map_err(|_| Failure::Refused),
            Reference::Contained(id) => {
                let patient = contained(resource, id).ok_or_else(|| {
                    Failure::unprocessable("subject-dangling", "a contained patient is missing")
                })?;
                first_identifier(patient).map(Self::Identifier).ok_or_else(|| {
                    Failure::unprocessable("identifier-required", "a contained patient needs an identifier")
                })
            }
            Reference::Identifier(identifier) => match identifier.system {
                Some(system) => Ok(Self::Identifier(Identifier {
                    system: system.to_owned(),
                    value: identifier.value.to_owned(),
                })),
                None => Err(Failure::unprocessable(
                    "identifier-invalid",
                    "the patient's identifier has no system",
                )),
            },
            _ => Err(Failure::unprocessable(
                "subject-dangling",
                "the subject leads to no patient",
            )),
        }
    }

    fn entry(person: &Person, transaction: &Transaction<'_>, entry: &Entry<'_>) -> Result<Self, Failure> {
        let patient = entry
            .resource
            .filter(|resource| resource.get("resourceType").and_then(Value::as_str) == Some("Patient"))
            .ok_or_else(|| Failure::unprocessable("subject-not-a-patient", "the subject is not a Patient"))?;
        let conditional = entry
            .url
            .strip_prefix("Patient?")
            .map(|query| params::of_form(query.as_bytes()));
        let identifier = match conditional {
            Some(parameters) => params::only_identifier(&parameters)?,
            None => match first_identifier(patient) {
                Some(identifier) => identifier,
                None => own_identifier(person, transaction, entry)?,
            },
        };
        Ok(Self::Feed(identifier, patient.clone()))
    }

    async fn resolve(&self, gateway: &Gateway, person: &Person) -> Result<PatientId, Failure> {
        let call = person.call();
        match self {
            Self::Id(id) => Ok(*id),
            Self::Identifier(identifier) => gateway
                .upstream
                .by_identifier(&call, identifier.clone())
                .await?
                .ok_or(Failure::Refused),
            Self::Feed(identifier, patient) => Ok(gateway
                .upstream
                .feed(&call, identifier.clone(), patient.clone())
                .await?
                .id),
        }
    }
}

fn of_here(gateway: &Gateway, base: Option<&str>) -> bool {
    base.is_none_or(|base| base.trim_end_matches('/') == gateway.fhir_base)
}

fn contained<'a>(resource: &'a Value, id: &str) -> Option<&'a Value> {
    resource.get("contained")?.as_array()?.iter().find(|inner| {
        inner.get("id").and_then(Value::as_str) == Some(id)
            && inner.get("resourceType").and_then(Value::as_str) == Some("Patient")
    })
}

fn first_identifier(patient: &Value) -> Option<Identifier> {
    patient
        .get("identifier")?
        .as_array()?
        .iter()
        .find_map(|identifier| {
            let text = |name| {
                identifier
                    .get(name)
                    .and_then(Value::as_str)
                    .filter(|text| !text.is_empty())
            };
            Some(Identifier {
                system: text("system")?.to_owned(),
                value: text("value")?.to_owned(),
            })
        })
}

/// The identifier of a Patient that came without any: a UUID (version 8) made of the sender, the submission's own
/// unique id and the entry's URL.
fn own_identifier(
    person: &Person,
    transaction: &Transaction<'_>,
    entry: &Entry<'_>,
) -> Result<Identifier, Failure> {
    let submission = transaction
        .entries
        .iter()
        .filter_map(|entry| entry.resource)
        .find(|resource| dmp_fhir::submission::is_submission_set(resource))
        .ok_or_else(|| Failure::unprocessable("submission-set-missing", "the Bundle has no SubmissionSet"))?;
    let submission = SubmissionSet::parse(submission).map_err(|error| of_fhir(&error))?;
    let unique = submission.unique_id;
    let parts = [
        person.claims.credential.as_str(),
        unique.system.unwrap_or_default(),
        unique.value,
        entry.full_url.unwrap_or_default(),
    ];
    let hash = digest(&SHA256, parts.join("\u{1f}").as_bytes());
    let mut bytes = [0; 16];
    for (to, from) in bytes.iter_mut().zip(hash.as_ref()) {
        *to = *from;
    }
    let uuid = uuid::Builder::from_custom_bytes(bytes).into_uuid();
    Ok(urn(uuid))
}

fn urn(uuid: Uuid) -> Identifier {
    Identifier {
        system: "urn:ietf:rfc:3986".to_owned(),
        value: uuid.urn().to_string(),
    }
}

fn of_fhir(error: &dmp_fhir::FhirError) -> Failure {
    Failure::unprocessable(error.code(), error.to_string())
}
