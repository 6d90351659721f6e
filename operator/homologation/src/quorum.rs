//! Whose review counts, and whether the two bodies have decided.
//!
//! Fixed by the product, whatever a programme or a platform says: interop and security entity decide together, by two people
//! of two employers with two keys; nobody counts in two domains, decides on what they reviewed themselves, or belongs to the
//! organisation whose product it is.

use std::collections::BTreeSet;

use dmp_api::body::{Organisation, Role};
use dmp_api::homologation_review::ReviewVerdict;
use jiff::Timestamp;

use crate::signed::{Signed, Signer};
use crate::statement::Review;

/// Who decides.
pub const DECIDING: [Role; 2] = [Role::Interop, Role::Security];

/// Why a review with a good signature does not count.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NotCounted {
    #[error("a member of this body does not review")]
    NotAReviewer,
    #[error("only the interop and the security entity decide")]
    NotADecider,
    #[error("the signer belongs to the organisation whose product it is")]
    OwnProduct,
    #[error("the signer has reviewed in another domain")]
    TwoDomains,
    #[error("the signer has reviewed it: another person of the body decides")]
    OwnReview,
    #[error("the other body's decision was signed by the same person, employer or key")]
    SameDecider,
}

impl NotCounted {
    /// Reason of a condition.
    pub const fn reason(self) -> &'static str {
        match self {
            Self::NotAReviewer | Self::NotADecider => "WrongBody",
            Self::OwnProduct => "OwnProduct",
            Self::TwoDomains | Self::OwnReview | Self::SameDecider => "NotDistinct",
        }
    }
}

/// Each review, in the order of arrival: does it count?
pub fn sift(reviews: &[Signed<Review>], subject: &Organisation) -> Vec<Result<(), NotCounted>> {
    let mut counted: Vec<&Signed<Review>> = Vec::new();
    let mut verdicts = Vec::new();
    for review in reviews {
        let verdict = counts(review, subject, &counted);
        if verdict.is_ok() {
            counted.push(review);
        }
        verdicts.push(verdict);
    }
    verdicts
}

fn counts(
    review: &Signed<Review>,
    subject: &Organisation,
    before: &[&Signed<Review>],
) -> Result<(), NotCounted> {
    let signer = &review.signer;
    if !signer.role.reviews() {
        return Err(NotCounted::NotAReviewer);
    }
    if review.statement.decision && !DECIDING.contains(&signer.role) {
        return Err(NotCounted::NotADecider);
    }
    if belongs_to(signer, subject) {
        return Err(NotCounted::OwnProduct);
    }
    for other in before {
        if other.signer.role != signer.role && same_person(&other.signer, signer) {
            return Err(if review.statement.decision && other.statement.decision {
                NotCounted::SameDecider
            } else {
                NotCounted::TwoDomains
            });
        }
        let finding_and_decision = other.statement.decision != review.statement.decision;
        if other.signer.role == signer.role && finding_and_decision && same_person(&other.signer, signer) {
            return Err(NotCounted::OwnReview);
        }
        let both_decide = other.statement.decision && review.statement.decision;
        if both_decide && other.signer.role != signer.role && same_employer(&other.signer, signer) {
            return Err(NotCounted::SameDecider);
        }
    }
    Ok(())
}

/// Of a word that counts only when both bodies say it (the lift of a revocation), its signers in the order of arrival: who
/// counts? `subjects`: whose products it is about.
pub fn together(signers: &[&Signer], subjects: &[Organisation]) -> Vec<Result<(), NotCounted>> {
    let mut counted: Vec<&Signer> = Vec::new();
    let mut verdicts = Vec::new();
    for signer in signers {
        let of_the_other_body = counted.iter().filter(|other| other.role != signer.role);
        let mut of_the_other_body = of_the_other_body.map(|other| (*other, *signer));
        let verdict = if !DECIDING.contains(&signer.role) {
            Err(NotCounted::NotADecider)
        } else if subjects.iter().any(|subject| belongs_to(signer, subject)) {
            Err(NotCounted::OwnProduct)
        } else if of_the_other_body.any(|(other, own)| same_person(other, own) || same_employer(other, own)) {
            Err(NotCounted::SameDecider)
        } else {
            counted.push(signer);
            Ok(())
        };
        verdicts.push(verdict);
    }
    verdicts
}

/// Whether a signer may speak about a product at all.
///
/// # Errors
/// Why not.
pub fn may_speak(signer: &Signer, subject: &Organisation) -> Result<(), NotCounted> {
    if !signer.role.reviews() {
        Err(NotCounted::NotAReviewer)
    } else if belongs_to(signer, subject) {
        Err(NotCounted::OwnProduct)
    } else {
        Ok(())
    }
}

/// Bodies whose word on one thing is missing: each speaks through a person, an employer and a key of its own, and nobody about
/// their own product. Of two that are not distinct the first counts.
pub fn lacking(signers: &[&Signer], required: &BTreeSet<Role>, subject: &Organisation) -> Vec<Role> {
    let mut counted: Vec<&Signer> = Vec::new();
    for signer in signers {
        let distinct = |other: &&Signer| {
            other.role == signer.role || !(same_person(other, signer) || same_employer(other, signer))
        };
        let asked = required.contains(&signer.role) && may_speak(signer, subject).is_ok();
        if asked && counted.iter().all(distinct) {
            counted.push(signer);
        }
    }
    let missing = |role: &&Role| counted.iter().all(|signer| signer.role != **role);
    required.iter().filter(missing).copied().collect()
}

/// Whether two signers are two people of two employers with two keys.
pub(crate) fn are_distinct(a: &Signer, b: &Signer) -> bool {
    !same_person(a, b) && !same_employer(a, b)
}

fn same_person(a: &Signer, b: &Signer) -> bool {
    folded(&a.person) == folded(&b.person) || a.key_sha256 == b.key_sha256
}

fn same_employer(a: &Signer, b: &Signer) -> bool {
    a.employer
        .iter()
        .any(|one| b.employer.iter().any(|other| folded(one) == folded(other)))
}

/// Whether the signer's body or employer is the organisation. `organizationIdentifier` ends with the national number
/// (ETSI EN 319 412-1: `NTRMA-…`).
pub(crate) fn belongs_to(signer: &Signer, subject: &Organisation) -> bool {
    let names = |text: &String| {
        folded(text) == folded(&subject.name) || text.rsplit('-').next().map(str::trim) == Some(&subject.ice)
    };
    signer.body.ice == subject.ice || names(&signer.body.name) || signer.employer.iter().any(names)
}

fn folded(text: &str) -> String {
    text.split_whitespace()
        .collect::<Vec<_>>()
        .join(" ")
        .to_lowercase()
}

/// What the bodies have said together.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Decision {
    /// By whom it is still missing.
    Open(Vec<Role>),
    Refused {
        by: Role,
        comment: String,
        /// The same body had granted it before.
        reversed: bool,
    },
    Granted {
        /// What both grant; everything asked when absent.
        scopes: Option<BTreeSet<String>>,
        /// The earlier of what they say.
        until: Option<Timestamp>,
        /// When the second of them arrived at a decision.
        at: Timestamp,
    },
}

/// From the reviews that count: the decision that each body signed last is its word. The order of arrival is no matter: who
/// carries statements could bring an old one again.
pub fn decision(reviews: &[&Signed<Review>]) -> Decision {
    let mut missing = Vec::new();
    let mut granted: Vec<&Review> = Vec::new();
    for role in DECIDING {
        let decisions = || {
            let of = move |review: &&&Signed<Review>| review.statement.decision && review.signer.role == role;
            reviews.iter().filter(of).map(|review| &review.statement)
        };
        match last(decisions()) {
            None => missing.push(role),
            Some(last) if last.verdict == ReviewVerdict::Favourable => granted.push(last),
            Some(last) => {
                return Decision::Refused {
                    by: role,
                    comment: last.comment.clone(),
                    reversed: decisions().any(|before| before.verdict == ReviewVerdict::Favourable),
                };
            }
        }
    }
    if !missing.is_empty() {
        return Decision::Open(missing);
    }
    let restricted = granted.iter().filter_map(|review| review.scopes.as_ref());
    let sets = restricted.map(|scopes| scopes.iter().cloned().collect::<BTreeSet<_>>());
    Decision::Granted {
        scopes: sets.reduce(|a, b| &a & &b),
        until: granted.iter().filter_map(|review| review.until).min(),
        at: granted
            .iter()
            .map(|review| review.signed_at)
            .max()
            .unwrap_or_default(),
    }
}

/// The last decision of a body.
pub(crate) fn word_of<'a>(role: Role, reviews: &[&'a Signed<Review>]) -> Option<&'a Review> {
    let of = move |review: &&&Signed<Review>| review.statement.decision && review.signer.role == role;
    last(reviews.iter().filter(of).map(|review| &review.statement))
}

/// What was signed last; of two at the same moment, the one that opens nothing.
pub(crate) fn last<'a>(reviews: impl Iterator<Item = &'a Review>) -> Option<&'a Review> {
    reviews.max_by_key(|review| (review.signed_at, review.verdict != ReviewVerdict::Favourable))
}
