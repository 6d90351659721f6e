//! Registry: patients, pseudonyms, record locator, directory.

use dmp_core::ids::{GroupName, Identifier, PatientId, Pseudonym};
use serde::{Deserialize, Serialize};
use serde_json::Value;

/// `POST /v1/patients/feed` (PIXm ITI-104): creates or updates the patient of this identifier.
#[derive(Serialize, Deserialize)]
pub struct FeedRequest {
    pub identifier: Identifier,
    /// FHIR R4 Patient as sent.
    pub patient: Value,
}

#[derive(Serialize, Deserialize)]
pub struct FeedAnswer {
    pub id: PatientId,
    pub created: bool,
    /// The Patient as stored, with its id.
    pub patient: Value,
}

/// `POST /v1/patients/search` (PDQm ITI-78).
#[derive(Serialize, Deserialize)]
pub struct SearchRequest {
    pub identifier: Identifier,
}

#[derive(Serialize, Deserialize)]
pub struct SearchAnswer {
    /// FHIR R4 Patient resources with `id`; none or one for an identifier.
    pub patients: Vec<Value>,
}

/// `POST /v1/patients/by-identifier`: which patient a person's log-in speaks of (gateway only, no token yet).
#[derive(Serialize, Deserialize)]
pub struct ByIdentifierRequest {
    pub identifier: Identifier,
    /// Of the software's credential; absent: the nation's people.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub realm: Option<String>,
}

#[derive(Serialize, Deserialize)]
pub struct ByIdentifierAnswer {
    pub patient: Option<PatientId>,
}

/// `POST /v1/resolve`: pseudonyms of the caller's domain. 404 `unknown-patient` when there is none in the realm.
#[derive(Serialize, Deserialize)]
pub struct ResolveRequest {
    pub patient: PatientId,
    /// Of the token that the caller was given; absent: the nation's people.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub realm: Option<String>,
}

#[derive(Clone, Copy, Serialize, Deserialize)]
pub struct ResolveAnswer {
    pub own: Pseudonym,
    /// For a record store only.
    pub consent: Option<Pseudonym>,
    /// For services that log events of patients (records, consent).
    pub audit: Option<Pseudonym>,
}

/// `POST /v1/identify` (audit only): who is behind pseudonyms of the audit domain, for a group that must tell them.
#[derive(Serialize, Deserialize)]
pub struct IdentifyRequest {
    pub group: GroupName,
    /// At most [`MOST_IDENTIFIED`].
    pub patients: Vec<Pseudonym>,
}

/// Pseudonyms of one request.
pub const MOST_IDENTIFIED: usize = 500;

/// In the order of the request; none for whom the group holds nothing of.
#[derive(Serialize, Deserialize)]
pub struct IdentifyAnswer {
    pub patients: Vec<Option<PatientId>>,
}

/// `POST /v1/locator/register` (the group is the caller's) and `POST /v1/locator`.
#[derive(Serialize, Deserialize)]
pub struct LocatorRequest {
    pub patient: PatientId,
    /// Of the token that the caller was given; absent: the nation's people.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub realm: Option<String>,
}

#[derive(Serialize, Deserialize)]
pub struct LocatorAnswer {
    pub groups: Vec<GroupName>,
}

/// `POST /v1/directory`: an mCSD transaction Bundle (Organization, Practitioner, PractitionerRole).
#[derive(Serialize, Deserialize)]
pub struct DirectoryRequest {
    pub bundle: Value,
}

#[derive(Serialize, Deserialize)]
pub struct DirectoryAnswer {
    pub organizations: u64,
    pub practitioners: u64,
    pub roles: u64,
}

/// `POST /v1/directory/confirm`: is this professional active, at this active establishment?
#[derive(Serialize, Deserialize)]
pub struct ConfirmRequest {
    pub inpe: String,
    pub establishment: String,
    /// Of the software's credential; absent: the nation's directory.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub realm: Option<String>,
}

#[derive(Serialize, Deserialize)]
pub struct ConfirmAnswer {
    pub active: bool,
    /// Profession code and display name as the directory has them; present when active.
    pub profession: Option<String>,
    pub display: Option<String>,
}

/// `POST /v1/sandbox/population` (portal only): the invented people of one sandbox. Said again, it changes nothing.
#[derive(Serialize, Deserialize)]
pub struct PopulationRequest {
    /// Never the nation's.
    pub realm: String,
    pub establishment: PopulationEstablishment,
    pub professionals: Vec<PopulationProfessional>,
    pub patients: Vec<PopulationPatient>,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PopulationEstablishment {
    pub inpe: String,
    pub name: String,
}

/// A professional who works at the establishment.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PopulationProfessional {
    pub inpe: String,
    pub family: String,
    pub given: String,
    /// Code of `https://dmp.ma/fhir/CodeSystem/profession`.
    pub profession: String,
}

/// As for ITI-104.
#[derive(Clone, PartialEq, Serialize, Deserialize)]
pub struct PopulationPatient {
    pub identifier: Identifier,
    /// FHIR R4 Patient.
    pub patient: Value,
}

#[derive(Serialize, Deserialize)]
pub struct PopulationAnswer {
    /// In the order of the request.
    pub patients: Vec<PatientId>,
    /// Those of them that were not there before.
    pub created: u64,
}
