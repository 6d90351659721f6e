//! `HomologationProgramme`: says whether both deciding bodies signed it.

use async_trait::async_trait;
use dmp_api::HomologationProgramme;
use k8s_controller::TraceMetadata;

use crate::controller::{Context, Kind, Next};
use crate::dossier;
use crate::status::{self, Verdict};

/// The controller of programmes.
pub struct Programmes(pub Context);

#[derive(Debug, thiserror::Error)]
pub enum Error {
    #[error("the platform's bodies cannot be read")]
    Dereference(#[from] kube::Error),
    #[error("the programme's status cannot be written")]
    Status(#[from] status::Error),
}

#[async_trait]
impl Kind for Programmes {
    type Resource = HomologationProgramme;
    type Error = Error;

    const NAME: &'static str = "homologation-programme";

    async fn reconcile(
        &self,
        programme: &HomologationProgramme,
        _trace: &mut TraceMetadata,
    ) -> Result<Next, Error> {
        let verdict = match dossier::bodies(&self.0).await? {
            Err(invalid) => Verdict::Stalled {
                reason: "InvalidBodies",
                message: format!("Platform spec.bodies: {invalid}"),
            },
            Ok(bodies) => match dmp_homologation::dossier::approved(programme, &bodies) {
                Ok(()) => Verdict::Ready,
                Err(lacking) => {
                    let lacking: Vec<_> = lacking.iter().map(|role| role.as_str()).collect();
                    Verdict::Stalled {
                        reason: "NotSigned",
                        message: format!("a member of each signs it: {}", lacking.join(", ")),
                    }
                }
            },
        };
        let new = status::concluded(programme, [], &verdict);
        status::write::<Self>(&self.0, programme, &new).await?;
        Ok(Next::Settled)
    }

    fn reason(error: &Error) -> &'static str {
        match error {
            Error::Dereference(_) => "DependencyUnavailable",
            Error::Status(_) => "StatusFailed",
        }
    }
}
