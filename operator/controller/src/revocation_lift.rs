//! `RevocationLift`: says whether a lift counts, and whose it is. Nothing decides by this status: who decides reads the statement
//! again.

pub mod update_status;

use async_trait::async_trait;
use dmp_api::{RevocationLift, SolutionRevocation};
use dmp_homologation::signed::Refused;
use k8s_controller::TraceMetadata;
use kube::{Api, ResourceExt};

use crate::controller::{Context, Kind, Next};
use crate::{dossier, lifts, status};

/// The controller of lifts.
pub struct Lifts(pub Context);

#[derive(Debug, thiserror::Error)]
pub enum Error {
    #[error("what it lifts cannot be read")]
    Dereference(#[from] kube::Error),
    #[error("the lift's status cannot be written")]
    Status(#[from] status::Error),
}

#[async_trait]
impl Kind for Lifts {
    type Resource = RevocationLift;
    type Error = Error;

    const NAME: &'static str = "revocation-lift";

    async fn reconcile(&self, lift: &RevocationLift, _trace: &mut TraceMetadata) -> Result<Next, Error> {
        let name = &lift.spec.revocation;
        let api = Api::<SolutionRevocation>::all(self.0.client.clone());
        let read = match api.get_opt(name).await? {
            Some(revocation) => {
                let (all, bodies) = (lifts::all(&self.0).await?, dossier::bodies(&self.0).await?);
                let verdict = lifts::verdict(&self.0, &revocation, &all, &bodies).await?;
                let own = lift.name_any();
                let found = verdict.lifts.into_iter().find(|(one, _)| *one == own);
                found.map_or_else(
                    || Err(Refused::new("Unreadable", "it cannot be read")),
                    |(_, read)| read,
                )
            }
            None => {
                let text = format!("there is no SolutionRevocation `{name}`");
                Err(Refused::new("RevocationNotFound", text))
            }
        };
        update_status::update_status(&self.0, lift, read).await?;
        Ok(Next::Settled)
    }

    fn reason(error: &Error) -> &'static str {
        match error {
            Error::Dereference(_) => "DependencyUnavailable",
            Error::Status(_) => "StatusFailed",
        }
    }
}
