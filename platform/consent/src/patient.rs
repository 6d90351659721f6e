//! Only the patient speaks for herself: the check in front of every route that reads or writes Consents.
//!
//! A refusal is logged with its reason, and looks like every other refusal.

use dmp_client::audit::{Event, EventKind};
use dmp_core::correlation::Correlation;
use dmp_core::ids::PatientId;
use dmp_core::problem::Problem;
use dmp_core::token::{Claims, Person};

use crate::app::App;
use crate::upstream::Pseudonyms;

/// The pseudonyms of the patient, when the token is hers.
///
/// # Errors
/// [`Problem::access_refused`]; 503 when the registry or the log does not answer.
pub(crate) async fn own(
    app: &App,
    claims: &Claims,
    patient: PatientId,
    correlation: Correlation,
) -> Result<Pseudonyms, Problem> {
    let realm = claims.realm.as_deref();
    let Person::Patient { id } = claims.person else {
        // The patient the professional spoke of sees the attempt.
        let of = app.registry.resolve(patient, realm, correlation).await?;
        return Err(refuse(app, claims, of, "not-the-patient", correlation).await);
    };
    // The one who acts: another's record is refused into her own trail.
    let actor = app.registry.resolve(id, realm, correlation).await?;
    match actor {
        Some(own) if id == patient => Ok(own),
        Some(_) => Err(refuse(app, claims, actor, "not-own-record", correlation).await),
        None => Err(refuse(app, claims, None, "unknown-patient", correlation).await),
    }
}

/// Logs a refusal and gives the one answer of all refusals (or 503 when it cannot be logged).
pub(crate) async fn refuse(
    app: &App,
    claims: &Claims,
    patient: Option<Pseudonyms>,
    reason: &str,
    correlation: Correlation,
) -> Problem {
    let audit = patient.map(|patient| patient.audit);
    let event = Event::by(claims, EventKind::Refusal, audit, "Consent", reason, correlation);
    match app.log.append_now(&event).await {
        Ok(()) => Problem::access_refused(),
        Err(error) => Problem::unavailable("audit-unavailable", &error),
    }
}
