//! What is shown of a standing, and what of it is still to be recorded.

use dmp_api::solution_homologation::Deadline;
use dmp_api::{SolutionHomologation, SolutionHomologationStatus};
use dmp_homologation::{Dossier, Standing};
use jiff::Timestamp;

use super::record;
use crate::controller::Context;
use crate::status::{self, Error, Verdict};

/// The status as it is now.
///
/// # Errors
/// When the status cannot be written.
pub async fn update_status(
    context: &Context,
    homologation: &SolutionHomologation,
    dossier: &Dossier,
    standing: &Standing,
    now: Timestamp,
) -> Result<SolutionHomologationStatus, Error> {
    let message = standing.missing.join("; ");
    let reason = standing.state.as_str();
    let verdict = if standing.state.is_open() {
        Verdict::Ready
    } else {
        Verdict::Stalled { reason, message }
    };
    let mut new = status::concluded(homologation, [], &verdict);
    new.state = Some(standing.state);
    new.submission_sha256 = dossier.submission_sha256(homologation);
    new.scopes = standing.scopes.iter().cloned().collect();
    new.until = standing.until.map(|until| until.to_string());
    new.missing.clone_from(&standing.missing);
    new.warnings.clone_from(&standing.warnings);
    new.carried_over = dossier.carried_over(homologation, now);
    let deadline = |(domain, due): &(dmp_api::body::Role, jiff::Timestamp)| Deadline {
        domain: *domain,
        due: due.to_string(),
    };
    new.deadlines = standing.deadlines.iter().map(deadline).collect();
    new.unrecorded = record::waiting(homologation, standing, dossier, now);
    status::write::<super::Homologations>(context, homologation, &new).await?;
    Ok(new)
}
