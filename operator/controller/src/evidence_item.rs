//! `EvidenceItem`: says whether its dates are possible, and whether it fits what it renews. Whether it counts for a submission is
//! `dmp-homologation`'s.

use async_trait::async_trait;
use dmp_api::{EvidenceItem, EvidenceItemSpec};
use dmp_homologation::canonical;
use dmp_homologation::dossier::arrived;
use dmp_homologation::renewal::{self, fits};
use jiff::civil::Date;
use jiff::tz::TimeZone;
use k8s_controller::TraceMetadata;
use kube::{Api, ResourceExt};

use crate::controller::{Context, Kind, Next};
use crate::status::{self, Verdict};

/// The controller of evidence.
pub struct Evidence(pub Context);

#[derive(Debug, thiserror::Error)]
pub enum Error {
    #[error("the document that it renews cannot be read")]
    Dereference(#[from] kube::Error),
    #[error("the document's status cannot be written")]
    Status(#[from] status::Error),
}

/// Why a document does not count.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    #[error("a date of it is no day: bring the document again, dated YYYY-MM-DD")]
    UnreadableDate,
    #[error("it is dated after the day on which it was brought")]
    FutureDate,
    #[error("there is no EvidenceItem `{0}` in this namespace")]
    NothingToRenew(String),
    #[error(transparent)]
    DoesNotFit(#[from] renewal::Refusal),
}

impl status::Refusal for Refusal {
    fn reason(&self) -> &'static str {
        match self {
            Self::UnreadableDate => "UnreadableDate",
            Self::FutureDate => "FutureDate",
            Self::NothingToRenew(_) => "EvidenceNotFound",
            Self::DoesNotFit(refusal) => refusal.reason(),
        }
    }
}

#[async_trait]
impl Kind for Evidence {
    type Resource = EvidenceItem;
    type Error = Error;

    const NAME: &'static str = "evidence-item";

    async fn reconcile(&self, item: &EvidenceItem, _trace: &mut TraceMetadata) -> Result<Next, Error> {
        let brought = arrived(&item.metadata).to_zoned(TimeZone::UTC).date();
        let namespace = item.namespace().unwrap_or_default();
        let earlier = match &item.spec.renews {
            Some(name) => {
                let api = Api::<EvidenceItem>::namespaced(self.0.client.clone(), &namespace);
                api.get_opt(name).await?
            }
            None => None,
        };
        let verdict = validate(&item.spec, earlier.as_ref().map(|item| &item.spec), brought)
            .map_or_else(|refusal| Verdict::stalled(&refusal), |()| Verdict::Ready);
        let mut new = status::concluded(item, [], &verdict);
        new.sha256 = Some(canonical::sha256(&item.spec));
        status::write::<Self>(&self.0, item, &new).await?;
        Ok(Next::Settled)
    }

    fn reason(error: &Error) -> &'static str {
        match error {
            Error::Dereference(_) => "DependencyUnavailable",
            Error::Status(_) => "StatusFailed",
        }
    }
}

/// Pure: the document that it renews and the day on which it was brought are arguments.
fn validate(
    spec: &EvidenceItemSpec,
    earlier: Option<&EvidenceItemSpec>,
    brought: Date,
) -> Result<(), Refusal> {
    let day = |text: &String| text.parse::<Date>().map_err(|_| Refusal::UnreadableDate);
    let issued = day(&spec.issued)?;
    spec.valid_until.as_ref().map(day).transpose()?;
    if issued > brought {
        return Err(Refusal::FutureDate);
    }
    match (&spec.renews, earlier) {
        (None, _) => Ok(()),
        (Some(name), None) => Err(Refusal::NothingToRenew(name.clone())),
        (Some(_), Some(earlier)) => Ok(fits(spec, earlier)?),
    }
}

#[cfg(test)]
mod tests {
    use dmp_api::evidence_item::EvidenceKind;
    use jiff::civil::date;

    use super::*;

    #[test]
    fn a_document_is_of_a_day_that_was() {
        let spec = |issued: &str, valid_until: Option<&str>| EvidenceItemSpec {
            kind: EvidenceKind::PenTest,
            issuer: "x".to_owned(),
            sha256: "a".repeat(64),
            issued: issued.to_owned(),
            valid_until: valid_until.map(ToOwned::to_owned),
            renews: None,
        };
        let validate = |spec: &EvidenceItemSpec, brought| super::validate(spec, None, brought);
        let brought = date(2026, 11, 29);
        assert_eq!(validate(&spec("2026-11-29", None), brought), Ok(()));
        assert_eq!(
            validate(&spec("2026-11-30", None), brought),
            Err(Refusal::FutureDate)
        );
        assert_eq!(
            validate(&spec("2026-02-30", None), brought),
            Err(Refusal::UnreadableDate)
        );
        assert_eq!(
            validate(&spec("2026-01-30", Some("2027-99-01")), brought),
            Err(Refusal::UnreadableDate)
        );
    }

    #[test]
    fn what_renews_is_of_the_kind_later_and_holds_longer() {
        let spec = |kind, issued: &str, valid_until: Option<&str>, renews: Option<&str>| EvidenceItemSpec {
            kind,
            issuer: "x".to_owned(),
            sha256: "a".repeat(64),
            issued: issued.to_owned(),
            valid_until: valid_until.map(ToOwned::to_owned),
            renews: renews.map(ToOwned::to_owned),
        };
        let earlier = spec(EvidenceKind::PenTest, "2026-01-10", Some("2027-01-10"), None);
        let brought = date(2026, 11, 29);
        let judged = |kind, issued: &str, valid_until: Option<&str>| {
            validate(
                &spec(kind, issued, valid_until, Some("pen-test")),
                Some(&earlier),
                brought,
            )
        };
        let pen_test = EvidenceKind::PenTest;
        let does_not_fit = |refusal| Err(Refusal::DoesNotFit(refusal));
        let cases = [
            (judged(pen_test, "2026-11-20", Some("2027-11-20")), Ok(())),
            (judged(pen_test, "2026-11-20", None), Ok(())),
            (
                judged(EvidenceKind::Iso27001, "2026-11-20", None),
                does_not_fit(renewal::Refusal::OtherKind),
            ),
            (
                judged(pen_test, "2026-01-10", None),
                does_not_fit(renewal::Refusal::NotLater),
            ),
            (
                judged(pen_test, "2026-11-20", Some("2027-01-10")),
                does_not_fit(renewal::Refusal::Shorter),
            ),
            (
                judged(pen_test, "2026-11-30", Some("2027-11-30")),
                Err(Refusal::FutureDate),
            ),
        ];
        for (number, (judged, wanted)) in cases.into_iter().enumerate() {
            assert_eq!(judged, wanted, "case {number}");
        }
        let lost = spec(pen_test, "2026-11-20", None, Some("gone"));
        assert_eq!(
            validate(&lost, None, brought),
            Err(Refusal::NothingToRenew("gone".to_owned()))
        );
    }
}
