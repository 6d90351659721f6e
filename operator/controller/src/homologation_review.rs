//! `HomologationReview`: says whether a review counts, or a body's word over a later document, and what was read in it. Nothing
//! decides by this status: who decides reads the statement again.

pub mod update_status;

use async_trait::async_trait;
use dmp_api::{HomologationReview, SolutionHomologation};
use dmp_homologation::Dossier;
use dmp_homologation::signed::{self, Read, Refused, Signer};
use dmp_homologation::statement::{Renewal, Review};
use jiff::Timestamp;
use k8s_controller::TraceMetadata;
use kube::ResourceExt;

use crate::controller::{Context, Kind, Next};
use crate::{dossier, status};

/// What a review carries.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Word {
    /// A finding or a decision.
    Review(Review),
    /// A later document is accepted.
    Renewal(Renewal),
}

/// A word, and whose it is.
pub type Spoken = Result<(Word, Signer), Refused>;

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
        let named =
            |homologation: &&SolutionHomologation| homologation.name_any() == review.spec.homologation;
        let read = match dossier.homologations.iter().find(named) {
            Some(homologation) => spoken(&dossier, homologation, review, Timestamp::now()),
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

/// What it says, by the type of its statement.
fn spoken(
    dossier: &Dossier,
    homologation: &SolutionHomologation,
    review: &HomologationReview,
    now: Timestamp,
) -> Spoken {
    if signed::is::<Renewal>(&review.spec.statement) {
        let signed = dossier.renewal_of(homologation, review)?;
        return Ok((Word::Renewal(signed.statement), signed.signer));
    }
    let own = review.name_any();
    let reviews = dossier.reviews_of(homologation, now);
    let found = reviews.into_iter().find(|(one, _)| one.name_any() == own);
    let read: Read<Review> = found.map_or_else(
        || Err(Refused::new("Unreadable", "it cannot be read")),
        |(_, read)| read,
    );
    let signed = read?;
    Ok((Word::Review(signed.statement), signed.signer))
}
