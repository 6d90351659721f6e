//! `HomologationReview`: says whether a review counts, and what was read in it. Nothing decides by this status: who decides
//! reads the statement again.

pub mod update_status;

use async_trait::async_trait;
use dmp_api::HomologationReview;
use dmp_homologation::signed::Refused;
use k8s_controller::TraceMetadata;
use kube::ResourceExt;

use crate::controller::{Context, Kind, Next};
use crate::{dossier, status};

/// The controller of reviews.
pub struct Reviews(pub Context);

#[derive(Debug, thiserror::Error)]
pub enum Error {
    #[error("the dossier cannot be read")]
    Dereference(#[from] dossier::Error),
    #[error("the review's status cannot be written")]
    Status(#[from] status::Error),
}

#[async_trait]
impl Kind for Reviews {
    type Resource = HomologationReview;
    type Error = Error;

    const NAME: &'static str = "homologation-review";

    async fn reconcile(
        &self,
        review: &HomologationReview,
        _trace: &mut TraceMetadata,
    ) -> Result<Next, Error> {
        let dossier = dossier::read(&self.0, &review.namespace().unwrap_or_default()).await?;
        let own = review.name_any();
        let named = |homologation: &&dmp_api::SolutionHomologation| {
            homologation.name_any() == review.spec.homologation
        };
        let read = match dossier.homologations.iter().find(named) {
            Some(homologation) => {
                let reviews = dossier.reviews_of(homologation);
                let found = reviews.into_iter().find(|(one, _)| one.name_any() == own);
                found.map_or_else(
                    || Err(Refused::new("Unreadable", "it cannot be read")),
                    |(_, read)| read,
                )
            }
            None => {
                let name = &review.spec.homologation;
                let text = format!("there is no SolutionHomologation `{name}` in this namespace");
                Err(Refused::new("HomologationNotFound", text))
            }
        };
        update_status::update_status(&self.0, review, read).await?;
        Ok(Next::Settled)
    }

    fn reason(error: &Error) -> &'static str {
        match error {
            Error::Dereference(_) => "DependencyUnavailable",
            Error::Status(_) => "StatusFailed",
        }
    }
}
