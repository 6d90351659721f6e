//! `SolutionHomologation`: shows where a submission stands. `dereference` (the dossier) → the one function of
//! `dmp-homologation` → `update_status` → `apply` (a place in the catalogue) → `record` (what decides, into the platform's log).
//! What a credential may do follows from the
//! same dossier, not from this status.

pub mod apply;
pub mod record;
pub mod update_status;

use async_trait::async_trait;
use dmp_api::{SolutionHomologation, SolutionHomologationStatus};
use dmp_homologation::Standing;
use jiff::Timestamp;
use k8s_controller::TraceMetadata;
use kube::{Api, ResourceExt};

use crate::controller::{Context, Kind, Next, normal, warning};
use crate::{dossier, status};

/// The controller of homologations.
pub struct Homologations(pub Context);

#[derive(Debug, thiserror::Error)]
pub enum Error {
    #[error("the dossier cannot be read")]
    Dereference(#[from] dossier::Error),
    #[error("the homologation cannot be read again")]
    Again(#[from] kube::Error),
    #[error(transparent)]
    Apply(#[from] apply::Error),
    #[error("the homologation's status cannot be written")]
    Status(#[from] status::Error),
}

#[async_trait]
impl Kind for Homologations {
    type Resource = SolutionHomologation;
    type Error = Error;

    const NAME: &'static str = "solution-homologation";

    async fn reconcile(
        &self,
        homologation: &SolutionHomologation,
        trace: &mut TraceMetadata,
    ) -> Result<Next, Error> {
        let namespace = homologation.namespace().unwrap_or_default();
        let mut dossier = dossier::read(&self.0, &namespace).await?;
        dossier.credentials = dossier::credentials(&self.0, &namespace).await?;
        let now = Timestamp::now();
        let standing = dossier.standing(homologation, now);
        // What is recorded is a change of what is shown now, not of what a watch has seen of it.
        let newest;
        let homologation = if record::is_news(homologation, &standing) {
            let api = Api::<SolutionHomologation>::namespaced(self.0.client.clone(), &namespace);
            let Some(read) = api.get_opt(&homologation.name_any()).await? else {
                return Ok(Next::Settled);
            };
            newest = read;
            if newest.metadata.generation != homologation.metadata.generation {
                return Ok(Next::Again);
            }
            &newest
        } else {
            homologation
        };
        let status = homologation.status.as_ref();
        let before = status.and_then(|status| status.state);
        let narrowed = status.is_some_and(|status| has_narrowed(status, &standing));
        let mut shown = update_status::update_status(&self.0, homologation, &dossier, &standing, now).await?;
        if narrowed {
            let note = "a scope is closed; status.missing says why";
            trace
                .publish_event(warning("ScopesNarrowed", "Reconcile", note))
                .await;
        }
        if before != Some(standing.state) {
            // What reviewers wrote stays in the object.
            let note = "status.missing says what stands in the way";
            trace.publish_event(normal(standing.state.as_str(), note)).await;
        }
        apply::apply(&self.0, homologation, &standing).await?;
        if shown.unrecorded.is_empty() {
            return Ok(Next::Settled);
        }
        let mut written = homologation.clone();
        written.status = Some(shown.clone());
        shown.unrecorded = record::deliver(&self.0, homologation, &shown.unrecorded).await;
        status::write::<Self>(&self.0, &written, &shown).await?;
        Ok(if shown.unrecorded.is_empty() {
            Next::Settled
        } else {
            Next::Waiting
        })
    }

    fn reason(error: &Error) -> &'static str {
        match error {
            Error::Dereference(_) | Error::Again(_) => "DependencyUnavailable",
            Error::Apply(_) => "ApplyFailed",
            Error::Status(_) => "StatusFailed",
        }
    }
}

/// Whether a scope that was shown as open is closed, while others stay.
fn has_narrowed(shown: &SolutionHomologationStatus, standing: &Standing) -> bool {
    let closed = |scope: &String| !standing.scopes.contains(scope);
    standing.state.is_open() && shown.scopes.iter().any(closed)
}
