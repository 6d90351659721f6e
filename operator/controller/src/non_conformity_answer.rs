//! `NonConformityAnswer`: says whether it is about something that is there, and whether a closing signature counts. Nothing
//! decides by this status: who decides reads the statement again.

use async_trait::async_trait;
use dmp_api::body::Role;
use dmp_api::{NonConformityAnswer, NonConformityAnswerStatus};
use dmp_homologation::Dossier;
use dmp_homologation::signed::Refused;
use k8s_controller::TraceMetadata;
use kube::ResourceExt;

use crate::controller::{Context, Kind, Next};
use crate::dossier;
use crate::status::{self, Verdict};

/// The controller of answers.
pub struct Answers(pub Context);

#[derive(Debug, thiserror::Error)]
pub enum Error {
    #[error("the dossier cannot be read")]
    Dereference(#[from] dossier::Error),
    #[error("the answer's status cannot be written")]
    Status(#[from] status::Error),
}

#[async_trait]
impl Kind for Answers {
    type Resource = NonConformityAnswer;
    type Error = Error;

    const NAME: &'static str = "non-conformity-answer";

    async fn reconcile(
        &self,
        answer: &NonConformityAnswer,
        _trace: &mut TraceMetadata,
    ) -> Result<Next, Error> {
        let dossier = dossier::read(&self.0, &answer.namespace().unwrap_or_default()).await?;
        let new = shown(answer, validate(answer, &dossier));
        status::write::<Self>(&self.0, answer, &new).await?;
        Ok(Next::Settled)
    }

    fn reason(error: &Error) -> &'static str {
        match error {
            Error::Dereference(_) => "DependencyUnavailable",
            Error::Status(_) => "StatusFailed",
        }
    }
}

/// Pure: whose signature closes it, of a statement.
fn validate(answer: &NonConformityAnswer, dossier: &Dossier) -> Result<Option<Role>, Refused> {
    if answer.spec.statement.is_some() {
        return Ok(Some(dossier.closing_of(answer)?.signer.role));
    }
    let name = &answer.spec.non_conformity;
    if dossier.non_conformities.iter().any(|one| one.name_any() == *name) {
        Ok(None)
    } else {
        let text = format!("there is no NonConformity `{name}` in this namespace");
        Err(Refused::new("NonConformityNotFound", text))
    }
}

fn shown(answer: &NonConformityAnswer, read: Result<Option<Role>, Refused>) -> NonConformityAnswerStatus {
    let verdict = read.as_ref().map_or_else(Verdict::stalled, |_| Verdict::Ready);
    let mut new = status::concluded(answer, [], &verdict);
    new.closed_by = read.ok().flatten();
    new
}
