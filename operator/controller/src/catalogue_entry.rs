//! `CatalogueEntry`: what the public sees of a version that is or was homologated, with its label.
//!
//! `dereference` (the vendor's dossier, live) → `build` (pure: what is published, is a label due?) → `apply` (OpenBao signs) →
//! `update_status`. That a version has an entry is `solution_homologation`'s. An installation whose OpenBao does not sign
//! labels has its catalogue all the same.

pub mod apply;
pub mod build;
pub mod dereference;
#[cfg(test)]
mod tests;
pub mod update_status;

use async_trait::async_trait;
use dmp_api::CatalogueEntry;
use jiff::Timestamp;
use k8s_controller::{Outcome, TraceMetadata};

use crate::controller::{Context, Kind, Next, normal};
use crate::{label_key, status};

/// The controller of the catalogue's entries.
pub struct Entries(pub Context);

#[derive(Debug, thiserror::Error)]
pub enum Error {
    #[error("the dossier cannot be read")]
    Dereference(#[from] dereference::Error),
    #[error("the label cannot be signed")]
    Sign(#[from] label_key::Error),
    #[error("the entry's status cannot be written")]
    Status(#[from] status::Error),
}

#[async_trait]
impl Kind for Entries {
    type Resource = CatalogueEntry;
    type Error = Error;

    const NAME: &'static str = "catalogue-entry";

    async fn reconcile(&self, entry: &CatalogueEntry, trace: &mut TraceMetadata) -> Result<Next, Error> {
        let Some(found) = dereference::dereference(&self.0, entry).await? else {
            return Ok(Next::Settled);
        };
        let Some(wanted) = build::build(&found, Timestamp::now()) else {
            update_status::never_open(&self.0, &found.entry).await?;
            return Ok(Next::Settled);
        };
        let before = found
            .entry
            .status
            .as_ref()
            .and_then(|status| status.published.as_ref());
        let news = before.map(|before| before.state) != Some(wanted.published.state);
        let state = wanted.published.state;
        let signed = match &wanted.sign {
            None => Ok(None),
            Some(label) => {
                let step = trace.step("sign");
                let signed = apply::apply(&self.0, &found, label).await;
                if signed.is_ok() {
                    step.finish(Outcome::Completed);
                }
                signed.map(Some)
            }
        };
        update_status::update_status(&self.0, &found.entry, wanted, &signed).await?;
        if news {
            let note = "the catalogue says so";
            trace.publish_event(normal(state.as_str(), note)).await;
        }
        match signed {
            // Somebody must act: the condition says what.
            Ok(_) | Err(label_key::Error::Missing) => Ok(Next::Settled),
            Err(error) => Err(error.into()),
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
