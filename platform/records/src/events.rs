//! Log entries: who did what to whose record, why and through which software.

use dmp_client::audit::{Event, EventKind};
use dmp_core::correlation::Correlation;
use dmp_core::ids::Pseudonym;
use dmp_core::token::{Claims, Person};
use jiff::Timestamp;

/// One act of a caller: what its log entries have in common.
pub(crate) struct Act<'a> {
    pub(crate) claims: &'a Claims,
    pub(crate) correlation: Correlation,
    /// FHIR resource type that the act is about.
    pub(crate) resource: &'static str,
    /// Public id, when the caller named one.
    pub(crate) resource_id: Option<String>,
}

impl Act<'_> {
    /// `patient` is the pseudonym in the audit domain.
    pub(crate) fn event(&self, kind: EventKind, patient: Option<Pseudonym>, outcome: &str) -> Event {
        let claims = self.claims;
        let who = match &claims.person {
            Person::Professional { inpe, .. } => inpe.clone(),
            Person::Patient { .. } => "patient".to_owned(),
            Person::Directory => "directory".to_owned(),
        };
        Event {
            kind,
            at: Timestamp::now(),
            patient,
            who,
            who_display: claims.display.clone(),
            establishment: claims.establishment.clone(),
            purpose: claims.purpose.clone(),
            software: format!("{} {}", claims.solution, claims.version),
            resource: self.resource.to_owned(),
            resource_id: self.resource_id.clone(),
            outcome: outcome.to_owned(),
            correlation: self.correlation.to_string(),
        }
    }
}
