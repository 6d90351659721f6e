//! `Catalogue`: the signature over all entries and over who opened the platform and its groups, made again when one changes and once a
//! day.
//!
//! `dereference` (all entries, all words) → `build` (pure: is an edition due?) → `apply` (OpenBao signs) → `update_status`. The text
//! itself is kept nowhere: whoever has the entries makes it again.

pub mod apply;
pub mod dereference;
pub mod update_status;

use async_trait::async_trait;
use dmp_api::Catalogue;
use dmp_homologation::feed;
use jiff::Timestamp;
use k8s_controller::{Outcome, TraceMetadata};

use crate::controller::{Context, Kind, Next};
use crate::{label_key, status};

/// The controller of the catalogue.
pub struct Catalogues(pub Context);

#[derive(Debug, thiserror::Error)]
pub enum Error {
    #[error("the entries or the keys cannot be read")]
    Dereference(#[from] dereference::Error),
    #[error("the catalogue cannot be signed")]
    Sign(#[from] label_key::Error),
    #[error("the catalogue's status cannot be written")]
    Status(#[from] status::Error),
}

#[async_trait]
impl Kind for Catalogues {
    type Resource = Catalogue;
    type Error = Error;

    const NAME: &'static str = "catalogue";

    async fn reconcile(&self, catalogue: &Catalogue, trace: &mut TraceMetadata) -> Result<Next, Error> {
        let Some(found) = dereference::dereference(&self.0, catalogue).await? else {
            return Ok(Next::Settled);
        };
        let before = found.catalogue.status.clone().unwrap_or_default();
        let keys = Some(found.keys.as_slice());
        let now = Timestamp::now();
        let Some(draft) = feed::draft(&before, &found.issuer, &found.entries, &found.openings, keys, now)
        else {
            update_status::current(&self.0, &found).await?;
            return Ok(Next::Settled);
        };
        let step = trace.step("sign");
        match apply::apply(&self.0, &found, &draft).await {
            Ok(signature) => {
                step.finish(Outcome::Completed);
                update_status::signed(&self.0, &found, &draft, signature).await?;
                Ok(Next::Settled)
            }
            Err(error) => {
                update_status::failed(&self.0, &found, &error).await?;
                if matches!(error, label_key::Error::Missing) {
                    Ok(Next::Settled)
                } else {
                    Err(error.into())
                }
            }
        }
    }

    fn reason(error: &Error) -> &'static str {
        match error {
            Error::Dereference(_) => "DependencyUnavailable",
            Error::Sign(_) => "SignatureUnavailable",
            Error::Status(_) => "StatusFailed",
        }
    }
}
