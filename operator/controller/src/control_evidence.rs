//! `ControlEvidence`: says whether what was brought can count at all. What it comes to, and for how long, is the evaluator's
//! ([`dmp_evaluator`]), which asks the same again and believes no status.

use std::sync::LazyLock;

use async_trait::async_trait;
use dmp_api::ControlEvidence;
use dmp_evaluator::brought::Brought;
use dmp_policies::Catalogue;
use dmp_policies::judge::Unusable;
use k8s_controller::TraceMetadata;

use crate::controller::{Context, Kind, Next};
use crate::status::{self, Verdict};

/// The controls of this release; of none only when its files do not fit together, which the tests exclude.
pub(crate) static CATALOGUE: LazyLock<Option<Catalogue>> = LazyLock::new(|| Catalogue::embedded().ok());

/// The controller of what people bring for controls.
pub struct Evidence(pub Context);

/// Why it never counts.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    #[error("this release has no control `{0}`: `dmpctl compliance list`")]
    UnknownControl(String),
    #[error("it was brought before the moment at which it says that it was seen")]
    FutureDate,
    #[error(transparent)]
    Unusable(#[from] Unusable),
}

impl status::Refusal for Refusal {
    fn reason(&self) -> &'static str {
        match self {
            Self::UnknownControl(_) => "UnknownControl",
            Self::FutureDate => "FutureDate",
            Self::Unusable(Unusable::WrongRole { .. }) => "WrongRole",
            Self::Unusable(Unusable::WrongHash) => "WrongHash",
        }
    }
}

#[async_trait]
impl Kind for Evidence {
    type Resource = ControlEvidence;
    type Error = status::Error;

    const NAME: &'static str = "control-evidence";

    async fn reconcile(
        &self,
        evidence: &ControlEvidence,
        _trace: &mut TraceMetadata,
    ) -> Result<Next, Self::Error> {
        let brought = Brought::from(evidence.clone());
        let verdict = validate(CATALOGUE.as_ref(), &brought)
            .map_or_else(|refusal| Verdict::stalled(&refusal), |()| Verdict::Ready);
        let new = status::concluded(evidence, [], &verdict);
        status::write::<Self>(&self.0, evidence, &new).await?;
        Ok(Next::Settled)
    }

    fn reason(_error: &Self::Error) -> &'static str {
        "StatusFailed"
    }
}

/// Pure: the catalogue is an argument.
fn validate(catalogue: Option<&Catalogue>, brought: &Brought) -> Result<(), Refusal> {
    let control = catalogue.and_then(|catalogue| catalogue.control(&brought.control));
    let control = control.ok_or_else(|| Refusal::UnknownControl(brought.control.clone()))?;
    if !brought.is_possible() {
        return Err(Refusal::FutureDate);
    }
    Ok(brought.document("").usable(control)?)
}

#[cfg(test)]
mod tests {
    use dmp_evaluator::evidence::sha256;
    use jiff::{SignedDuration, Timestamp};

    use super::*;

    #[test]
    fn what_can_count_is_told_from_what_never_will() {
        let now: Timestamp = "2026-12-01T00:00:00Z".parse().unwrap();
        let validated = |change: &dyn Fn(&mut Brought)| {
            let mut brought = Brought {
                name: "review".to_owned(),
                control: "DMP-IAM-06".to_owned(),
                role: "dmp-security".to_owned(),
                at: now,
                inputs: "{}".to_owned(),
                stated: sha256("{}"),
                documents: Vec::new(),
                image: String::new(),
                arrived: now,
            };
            change(&mut brought);
            validate(CATALOGUE.as_ref(), &brought)
        };
        assert_eq!(validated(&|_| ()), Ok(()));
        // Old is no matter of whether it ever counted.
        assert_eq!(validated(&|one| one.at = Timestamp::MIN), Ok(()));
        let later = now + SignedDuration::from_secs(61);
        assert_eq!(validated(&|one| one.at = later), Err(Refusal::FutureDate));
        assert_eq!(
            validated(&|one| one.control = "DMP-XXX-01".to_owned()),
            Err(Refusal::UnknownControl("DMP-XXX-01".to_owned()))
        );
        assert!(matches!(
            validated(&|one| one.role = "dmp-host".to_owned()),
            Err(Refusal::Unusable(Unusable::WrongRole { .. }))
        ));
        assert_eq!(
            validated(&|one| one.inputs.push(' ')),
            Err(Refusal::Unusable(Unusable::WrongHash))
        );
    }
}
