//! `EvidenceItem`: says whether its dates are possible.

use async_trait::async_trait;
use dmp_api::{EvidenceItem, EvidenceItemSpec};
use dmp_homologation::dossier::arrived;
use jiff::civil::Date;
use jiff::tz::TimeZone;
use k8s_controller::TraceMetadata;

use crate::controller::{Context, Kind, Next};
use crate::status::{self, Verdict};

/// The controller of evidence.
pub struct Evidence(pub Context);

/// Why a document does not count.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    #[error("a date of it is no day: bring the document again, dated YYYY-MM-DD")]
    UnreadableDate,
    #[error("it is dated after the day on which it was brought")]
    FutureDate,
}

impl status::Refusal for Refusal {
    fn reason(&self) -> &'static str {
        match self {
            Self::UnreadableDate => "UnreadableDate",
            Self::FutureDate => "FutureDate",
        }
    }
}

#[async_trait]
impl Kind for Evidence {
    type Resource = EvidenceItem;
    type Error = status::Error;

    const NAME: &'static str = "evidence-item";

    async fn reconcile(&self, item: &EvidenceItem, _trace: &mut TraceMetadata) -> Result<Next, Self::Error> {
        let brought = arrived(&item.metadata).to_zoned(TimeZone::UTC).date();
        let verdict = validate(&item.spec, brought)
            .map_or_else(|refusal| Verdict::stalled(&refusal), |()| Verdict::Ready);
        let new = status::concluded(item, [], &verdict);
        status::write::<Self>(&self.0, item, &new).await?;
        Ok(Next::Settled)
    }

    fn reason(_error: &Self::Error) -> &'static str {
        "StatusFailed"
    }
}

/// Pure: the day on which it was brought is an argument.
fn validate(spec: &EvidenceItemSpec, brought: Date) -> Result<(), Refusal> {
    let day = |text: &String| text.parse::<Date>().map_err(|_| Refusal::UnreadableDate);
    let issued = day(&spec.issued)?;
    spec.valid_until.as_ref().map(day).transpose()?;
    if issued > brought {
        Err(Refusal::FutureDate)
    } else {
        Ok(())
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
        };
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
}
