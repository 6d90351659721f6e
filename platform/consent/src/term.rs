//! From a FHIR Consent to what is stored: who, from when, until when, and the resource as it now holds. Pure.

use dmp_core::ids::PatientId;
use dmp_fhir::consent::{Consent, Kind};
use dmp_fhir::{FhirError, IssueType};
use jiff::{RoundMode, SignedDuration, Timestamp, TimestampRound, Unit};
use serde_json::{Value, json};
use uuid::Uuid;

/// Longest care relation that a patient opens (DESIGN.md section 4: 90 days).
const LONGEST_RELATION: SignedDuration = SignedDuration::from_hours(90 * 24);

/// What the store keeps of a Consent.
pub(crate) struct Term {
    /// INPE of the professional of a care relation; absent for an opposition.
    pub(crate) inpe: Option<String>,
    pub(crate) active: bool,
    /// `None`: from its record on (also when the start has passed: another clock must not delay it).
    pub(crate) starts: Option<Timestamp>,
    pub(crate) ends: Option<Timestamp>,
}

/// What a Consent cannot be.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
pub(crate) enum TermError {
    #[error(transparent)]
    Fhir(#[from] FhirError),
    #[error("the Consent must be about the patient who gives it")]
    OtherPatient,
    #[error("a new Consent must be active")]
    NotActive,
    #[error("the period is over")]
    Over,
    #[error("the Consent has another id than the request")]
    OtherId,
}

impl TermError {
    /// The stable code of the answer (422).
    pub(crate) const fn code(&self) -> &'static str {
        match self {
            Self::Fhir(error) => error.code(),
            Self::OtherPatient => "consent-of-another-patient",
            Self::NotActive => "consent-not-active",
            Self::Over => "consent-period-over",
            Self::OtherId => "id-mismatch",
        }
    }
}

/// Whether the Consent is new or replaces an earlier version with this id.
#[derive(Clone, Copy)]
pub(crate) enum Change {
    New,
    Update(Uuid),
}

impl Term {
    /// Reads a Consent given by `patient` at `now` (the database's clock).
    ///
    /// # Errors
    /// [`TermError`].
    pub(crate) fn read(
        resource: &Value,
        patient: PatientId,
        change: Change,
        now: Timestamp,
    ) -> Result<Self, TermError> {
        let consent = Consent::parse(resource)?;
        let about = consent
            .patient
            .is("Patient")
            .and_then(|id| id.parse::<PatientId>().ok());
        if about != Some(patient) {
            return Err(TermError::OtherPatient);
        }
        match change {
            Change::New if !consent.is_active() => return Err(TermError::NotActive),
            Change::Update(id) if consent.id.is_some_and(|given| given.parse() != Ok(id)) => {
                return Err(TermError::OtherId);
            }
            _ => {}
        }
        let starts = consent
            .start
            .map(|start| start.earliest())
            .filter(|start| *start > now);
        let wanted = consent.end.map(|end| end.end());
        if consent.is_active() && wanted.is_some_and(|end| end <= now) {
            return Err(TermError::Over);
        }
        let (inpe, ends) = match consent.kind {
            Kind::Opposition => (None, wanted),
            Kind::CareRelation { inpe } => (Some(inpe.to_owned()), Some(cap(wanted, now)?)),
        };
        if consent.is_active() && starts.zip(ends).is_some_and(|(start, end)| end <= start) {
            return Err(TermError::Over);
        }
        Ok(Self {
            inpe,
            active: consent.is_active(),
            starts,
            ends,
        })
    }

    /// The resource as it holds: with id, version and, for a care relation, the end that was granted.
    pub(crate) fn stamp(&self, mut resource: Value, id: Uuid, version: i32, now: Timestamp) -> Value {
        resource["id"] = id.to_string().into();
        if !resource["meta"].is_object() {
            resource["meta"] = json!({});
        }
        resource["meta"]["versionId"] = version.to_string().into();
        resource["meta"]["lastUpdated"] = instant(now).into();
        if let (Some(_), Some(ends)) = (&self.inpe, self.ends) {
            if !resource["provision"]["period"].is_object() {
                resource["provision"]["period"] = json!({});
            }
            resource["provision"]["period"]["end"] = instant(ends).into();
        }
        resource
    }
}

/// Never later than the longest: a part of a second is cut off.
fn cap(wanted: Option<Timestamp>, now: Timestamp) -> Result<Timestamp, TermError> {
    let whole = TimestampRound::new()
        .smallest(Unit::Second)
        .mode(RoundMode::Trunc);
    let latest = now
        .checked_add(LONGEST_RELATION)
        .and_then(|latest| latest.round(whole))
        .map_err(|_| TermError::Over)?;
    Ok(wanted.map_or(latest, |end| end.min(latest)))
}

/// FHIR instant, milliseconds, UTC.
fn instant(at: Timestamp) -> String {
    format!("{at:.3}")
}

impl From<TermError> for dmp_core::problem::Problem {
    fn from(error: TermError) -> Self {
        let status = match &error {
            TermError::Fhir(error) if error.issue() == IssueType::Structure => http::StatusCode::BAD_REQUEST,
            _ => http::StatusCode::UNPROCESSABLE_ENTITY,
        };
        Self::new(status, error.code(), "the Consent is not acceptable").with_detail(error.to_string())
    }
}

#[cfg(test)]
mod tests;
