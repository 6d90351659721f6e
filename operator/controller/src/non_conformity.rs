//! `NonConformity`: shows where it stands. `dereference` (the dossier) → the one function of `dmp-homologation` →
//! `update_status`. What it does to a version follows from the same dossier, not from this status.

use async_trait::async_trait;
use dmp_api::{NonConformity, NonConformityState};
use dmp_homologation::canonical;
use jiff::Timestamp;
use k8s_controller::TraceMetadata;
use kube::ResourceExt;

use crate::controller::{Context, Kind, Next, normal, warning};
use crate::dossier;
use crate::status::{self, Verdict};

/// The controller of non-conformities.
pub struct NonConformities(pub Context);

#[derive(Debug, thiserror::Error)]
pub enum Error {
    #[error("the dossier cannot be read")]
    Dereference(#[from] dossier::Error),
    #[error("the non-conformity's status cannot be written")]
    Status(#[from] status::Error),
}

#[async_trait]
impl Kind for NonConformities {
    type Resource = NonConformity;
    type Error = Error;

    const NAME: &'static str = "non-conformity";

    async fn reconcile(&self, one: &NonConformity, trace: &mut TraceMetadata) -> Result<Next, Error> {
        let dossier = dossier::read(&self.0, &one.namespace().unwrap_or_default()).await?;
        let known = dossier
            .solutions
            .iter()
            .any(|solution| solution.name_any() == one.spec.solution);
        let state = dossier.non_conformity_state(one, Timestamp::now());
        let mut new = status::concluded(one, [], &verdict(one, state, known));
        new.state = Some(state);
        new.sha256 = Some(canonical::sha256(&one.spec));
        let before = one.status.as_ref().and_then(|status| status.state);
        status::write::<Self>(&self.0, one, &new).await?;
        if before != Some(state) {
            // What was found stays in the object.
            let reason = state.as_str();
            trace
                .publish_event(match state {
                    NonConformityState::Overdue => warning(reason, "Reconcile", "its deadline is over"),
                    NonConformityState::Open => normal(reason, "the vendor answers until its deadline"),
                    NonConformityState::Answered => normal(reason, "a deciding body closes it, or does not"),
                    NonConformityState::Closed => normal(reason, "a deciding body signed that it is mended"),
                })
                .await;
        }
        Ok(Next::Settled)
    }

    fn reason(error: &Error) -> &'static str {
        match error {
            Error::Dereference(_) => "DependencyUnavailable",
            Error::Status(_) => "StatusFailed",
        }
    }
}

/// Pure.
fn verdict(one: &NonConformity, state: NonConformityState, known: bool) -> Verdict {
    if !known {
        return Verdict::Stalled {
            reason: "SolutionNotFound",
            message: format!("there is no Solution `{}` in this namespace", one.spec.solution),
        };
    }
    match state {
        NonConformityState::Closed => Verdict::Ready,
        state => Verdict::Stalled {
            reason: state.as_str(),
            message: format!("a deciding body closes it; last day {}", one.spec.deadline),
        },
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use serde_json::json;

    use super::*;

    #[test]
    fn only_what_is_closed_is_ready() {
        let one: NonConformity = serde_json::from_value(json!({
            "metadata": { "name": "nc" },
            "spec": { "solution": "sih", "rule": "DF-03", "severity": "major", "deadline": "2026-12-31" },
        }))
        .unwrap();
        let reason = |state, known| verdict(&one, state, known).reason();
        assert_eq!(reason(NonConformityState::Closed, true), "Ready");
        assert_eq!(reason(NonConformityState::Closed, false), "SolutionNotFound");
        for state in [
            NonConformityState::Open,
            NonConformityState::Answered,
            NonConformityState::Overdue,
        ] {
            assert_eq!(reason(state, true), state.as_str());
        }
    }
}
