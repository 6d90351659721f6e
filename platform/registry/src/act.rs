//! Log entries of this service, and the one answer of all refusals.

use dmp_client::audit::{Event, EventKind};
use dmp_core::correlation::Correlation;
use dmp_core::ids::Pseudonym;
use dmp_core::problem::Problem;
use dmp_core::token::Claims;

use crate::app::App;
use crate::store::StoreError;

/// One request by the bearer of a token.
pub(crate) struct Act<'a> {
    pub(crate) app: &'a App,
    pub(crate) claims: &'a Claims,
    pub(crate) correlation: Correlation,
    /// FHIR resource type it is about.
    pub(crate) resource: &'static str,
}

impl Act<'_> {
    /// `patient`: pseudonym in the audit domain.
    pub(crate) fn event(&self, kind: EventKind, patient: Option<Pseudonym>, outcome: &str) -> Event {
        Event::by(
            self.claims,
            kind,
            patient,
            self.resource,
            outcome,
            self.correlation,
        )
    }

    /// Durable when this returns.
    ///
    /// # Errors
    /// [`StoreError::Log`].
    pub(crate) async fn log(&self, event: &Event) -> Result<(), StoreError> {
        Ok(self.app.log.append_now(event).await?)
    }

    /// Logs the refusal with its reason; the caller learns none (503 when it cannot be logged).
    pub(crate) async fn refuse(&self, patient: Option<Pseudonym>, reason: &str) -> Problem {
        match self.log(&self.event(EventKind::Refusal, patient, reason)).await {
            Ok(()) => Problem::access_refused(),
            Err(error) => error.into(),
        }
    }
}
