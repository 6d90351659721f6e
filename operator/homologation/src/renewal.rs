//! A later document in the place of one that was handed in: what it must be, and whose word makes it count.
//!
//! A submission is frozen with its documents, and they end before it does. A later document comes as an `EvidenceItem` that
//! `renews` an earlier one. The vendor's word alone opens nothing: those whom the programme names, the deciding bodies else,
//! sign over the later one, for this submission.

use std::collections::BTreeSet;

use dmp_api::{EvidenceItem, EvidenceItemSpec, HomologationReview, SolutionHomologation};
use jiff::civil::Date;
use jiff::tz::TimeZone;
use kube::ResourceExt;

use crate::canonical;
use crate::dossier::{Dossier, arrived, by_name};
use crate::quorum::{self, DECIDING};
use crate::signed::{self, Read, Refused, Signer};
use crate::standing::Evidence;
use crate::statement::Renewal;

/// Why a document cannot take the place of another.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    #[error("it is of another kind than what it renews")]
    OtherKind,
    #[error("it was not issued after what it renews")]
    NotLater,
    #[error("it does not hold longer than what it renews")]
    Shorter,
}

impl Refusal {
    /// Reason of a condition.
    pub const fn reason(self) -> &'static str {
        match self {
            Self::OtherKind => "OtherKind",
            Self::NotLater => "NotLater",
            Self::Shorter => "Shorter",
        }
    }
}

/// Whether a document may take the place of an earlier one. Days are written so that their order is that of their text.
///
/// # Errors
/// Why not.
pub fn fits(later: &EvidenceItemSpec, earlier: &EvidenceItemSpec) -> Result<(), Refusal> {
    if later.kind != earlier.kind {
        return Err(Refusal::OtherKind);
    }
    if later.issued <= earlier.issued {
        return Err(Refusal::NotLater);
    }
    match (&later.valid_until, &earlier.valid_until) {
        (Some(later), Some(earlier)) if later <= earlier => Err(Refusal::Shorter),
        _ => Ok(()),
    }
}

/// Whether a document is dated after a day, or with what is no day.
pub(crate) fn is_dated_after(item: &EvidenceItem, day: Date) -> bool {
    let issued = item.spec.issued.parse::<Date>().ok();
    issued.is_none_or(|issued| issued > day)
}

/// Documents of a submission.
#[derive(Clone, Debug, Default)]
pub(crate) struct Documents<'a> {
    /// Those that count.
    pub items: Vec<&'a EvidenceItem>,
    /// Later ones that do not count yet, and why; for people.
    pub pending: Vec<String>,
}

impl Documents<'_> {
    pub fn names(&self) -> BTreeSet<String> {
        self.items.iter().map(|item| item.name_any()).collect()
    }

    /// What the state sees of them; a date that is no day is none.
    pub fn evidence(&self) -> Vec<Evidence> {
        let read = self.items.iter().filter_map(|item| {
            let valid_until = match &item.spec.valid_until {
                Some(text) => Some(text.parse().ok()?),
                None => None,
            };
            Some(Evidence {
                kind: item.spec.kind,
                issued: item.spec.issued.parse().ok()?,
                valid_until,
            })
        });
        read.collect()
    }
}

impl Dossier {
    /// The documents that count for a submission: those that it names, and those that came in their place.
    /// `known`: what the bodies saw of them, when they saw only the submission before it.
    pub(crate) fn documents(
        &self,
        homologation: &SolutionHomologation,
        known: Option<&BTreeSet<String>>,
    ) -> Documents<'_> {
        let mut documents = Documents::default();
        for name in &homologation.spec.evidence {
            let Some(item) = by_name(&self.evidence, name) else {
                continue;
            };
            if known.is_none_or(|known| known.contains(name)) {
                documents.items.push(item);
            } else {
                documents.pending.push(format!(
                    "EvidenceItem `{name}` was not of the submission that this one follows: it does not count"
                ));
            }
        }
        let accepted = self.accepted(homologation);
        let mut later: Vec<_> = self
            .evidence
            .iter()
            .filter_map(|item| Some((item, item.spec.renews.as_deref()?)))
            .collect();
        // One may renew one that renews another.
        loop {
            let counts = |name: &str| documents.items.iter().find(|item| item.name_any() == name);
            let (next, rest): (Vec<_>, Vec<_>) = later
                .into_iter()
                .partition(|(_, renews)| counts(renews).is_some());
            later = rest;
            if next.is_empty() {
                return documents;
            }
            let next: Vec<_> = next
                .into_iter()
                .filter_map(|(item, renews)| Some((item, renews, *counts(renews)?)))
                .collect();
            for (item, renews, earlier) in next {
                match self.renews(homologation, item, earlier, &accepted) {
                    Ok(()) => documents.items.push(item),
                    Err(why) => documents.pending.push(format!(
                        "EvidenceItem `{}` does not renew `{renews}`: {why}",
                        item.name_any()
                    )),
                }
            }
        }
    }

    fn renews(
        &self,
        homologation: &SolutionHomologation,
        item: &EvidenceItem,
        earlier: &EvidenceItem,
        accepted: &[(String, Signer)],
    ) -> Result<(), String> {
        fits(&item.spec, &earlier.spec).map_err(|refusal| refusal.to_string())?;
        let brought = arrived(&item.metadata).to_zoned(TimeZone::UTC).date();
        if is_dated_after(item, brought) {
            return Err("it is dated after the day on which it was brought".to_owned());
        }
        let programme = by_name(&self.programmes, &homologation.spec.programme);
        let rules = programme
            .into_iter()
            .flat_map(|programme| &programme.spec.evidence);
        let rule = rules.into_iter().find(|rule| rule.kind == item.spec.kind);
        let named = rule.map(|rule| rule.renewed_by.iter().copied().collect::<BTreeSet<_>>());
        let required = named
            .filter(|roles| !roles.is_empty())
            .unwrap_or_else(|| DECIDING.into());
        let name = item.name_any();
        let signers: Vec<_> = accepted
            .iter()
            .filter_map(|(evidence, signer)| (*evidence == name).then_some(signer))
            .collect();
        let subject = self.organisation(homologation).ok_or("the product is nobody's")?;
        let lacking = quorum::lacking(&signers, &required, &subject);
        if lacking.is_empty() {
            return Ok(());
        }
        let roles: Vec<_> = lacking.iter().map(|role| role.as_str()).collect();
        Err(format!("not accepted by {}", roles.join(", ")))
    }

    /// Which items were accepted for a submission, and by whom, in the order of arrival.
    fn accepted(&self, homologation: &SolutionHomologation) -> Vec<(String, Signer)> {
        let read = self
            .in_order(&homologation.name_any())
            .into_iter()
            .filter_map(|review| self.renewal_of(homologation, review).ok());
        read.map(|signed| (signed.statement.evidence, signed.signer))
            .collect()
    }

    /// A body's word over a later document, that a review carries.
    ///
    /// # Errors
    /// Why it does not count.
    pub fn renewal_of(
        &self,
        homologation: &SolutionHomologation,
        review: &HomologationReview,
    ) -> Read<Renewal> {
        let bodies = self.bodies.as_ref()?;
        let signed = signed::verify::<Renewal>(&review.spec.statement, bodies, arrived(&review.metadata))?;
        let own = format!("{}/{}", self.namespace, homologation.name_any());
        if signed.statement.homologation != own {
            let text = format!("it is about {}", signed.statement.homologation);
            return Err(Refused::new("OtherHomologation", text));
        }
        let item = by_name(&self.evidence, &signed.statement.evidence);
        if item.is_none_or(|item| canonical::sha256(&item.spec) != signed.statement.evidence_sha256) {
            let text = format!(
                "there is no EvidenceItem `{}` with that hash: read its status.sha256",
                signed.statement.evidence
            );
            return Err(Refused::new("OtherEvidence", text));
        }
        if let Some(subject) = self.organisation(homologation) {
            quorum::may_speak(&signed.signer, &subject)?;
        }
        Ok(signed)
    }
}
