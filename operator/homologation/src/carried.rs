//! What a submission takes over from the one that it follows, by the written rule of its programme.
//!
//! The programme is signed by both deciding bodies: what it does not ask for again of a patch or a minor change is their word for
//! it. Nothing else carries over: no other scope, no day longer, no document and no installation key that the bodies have not
//! seen; and what counts together is sifted together, so that nobody speaks in two places through two versions.

use std::collections::BTreeSet;

use dmp_api::SolutionHomologation;
use dmp_api::body::Role;
use dmp_api::homologation_review::ReviewVerdict;
use jiff::Timestamp;
use kube::ResourceExt;

use crate::change::{Change, change};
use crate::dossier::{Dossier, arrived, by_name};
use crate::quorum;
use crate::signed::Signed;
use crate::standing::{Facts, Grant, grant};
use crate::statement::Review;

/// Versions that may follow one another without a new cycle.
pub(crate) const IN_A_ROW: usize = 8;

/// A submission with what decides about it.
pub(crate) struct Seen {
    pub facts: Facts,
    /// Names of the documents that count.
    pub documents: BTreeSet<String>,
    pub carried: Option<Carried>,
}

/// What is taken over.
#[derive(Clone, Debug)]
pub(crate) struct Carried {
    /// For people.
    pub summary: String,
    /// Favourable findings of the domains that need not review again.
    pub findings: Vec<Signed<Review>>,
    /// Decisions behind the grant.
    pub decisions: Vec<Signed<Review>>,
    /// What the bodies granted, when they need not decide again.
    pub grant: Option<Grant>,
    /// Profiles whose supervised test need not be taken again.
    pub supervised: BTreeSet<String>,
    /// Documents that count there.
    pub documents: BTreeSet<String>,
    /// The version before it and those before that.
    pub versions: BTreeSet<String>,
}

impl Carried {
    /// Words that count beside the submission's own.
    pub fn words(&self) -> Vec<Signed<Review>> {
        [self.findings.as_slice(), &self.decisions].concat()
    }
}

impl Dossier {
    /// What is carried over to a submission from the one that it names, for people; or why nothing is.
    pub fn carried_over(&self, homologation: &SolutionHomologation, now: Timestamp) -> Option<String> {
        Some(match self.carried(homologation, now, IN_A_ROW)? {
            Ok(carried) => carried.summary,
            Err(why) => why,
        })
    }

    /// `None` when it follows none; else what is carried over, or why nothing is.
    pub(crate) fn carried(
        &self,
        homologation: &SolutionHomologation,
        now: Timestamp,
        in_a_row: usize,
    ) -> Option<Result<Carried, String>> {
        let before = homologation.spec.follows.as_deref()?;
        let carried = self.carry(homologation, before, now, in_a_row);
        Some(carried.map_err(|why| format!("nothing is carried over from `{before}`: {why}")))
    }

    fn carry(
        &self,
        homologation: &SolutionHomologation,
        before: &str,
        now: Timestamp,
        in_a_row: usize,
    ) -> Result<Carried, String> {
        let spec = &homologation.spec;
        let submitted_at = arrived(&homologation.metadata);
        let left = in_a_row
            .checked_sub(1)
            .ok_or_else(|| format!("{IN_A_ROW} versions in a row: a new cycle"))?;
        // Earlier ones only: there is no circle.
        let rank = |one: &SolutionHomologation| (arrived(&one.metadata), one.name_any());
        let base = by_name(&self.homologations, before)
            .filter(|base| rank(base) < rank(homologation))
            .ok_or("it was not submitted before")?;
        if base.spec.solution != spec.solution {
            return Err("it is of another product".to_owned());
        }
        let programme = by_name(&self.programmes, &spec.programme);
        let changes = programme.and_then(|programme| programme.spec.changes.as_ref());
        let changes =
            changes.ok_or_else(|| format!("programme `{}` has no rule for changes", spec.programme))?;
        if base.spec.programme != spec.programme && !changes.from.contains(&base.spec.programme) {
            return Err(format!(
                "it was submitted under programme `{}`",
                base.spec.programme
            ));
        }
        let change = change(&base.spec.version, &spec.version);
        let rule = match change {
            Change::Patch => changes.patch.as_ref(),
            Change::Minor => changes.minor.as_ref(),
            Change::Major | Change::Unordered => None,
        };
        let rule = rule.ok_or_else(|| format!("a {} is a new cycle", change.as_str()))?;
        if !rule.decide && base.spec.installation_key != spec.installation_key {
            return Err("the installation key is another: the bodies decide".to_owned());
        }
        let mut closing = self.closing(&base.spec.solution, &base.spec.version);
        if closing.any(|revocation| arrived(&revocation.metadata) <= submitted_at) {
            return Err("it was revoked before".to_owned());
        }
        let seen = self.seen(base, now, left);
        let granted = grant(&seen.facts).filter(|_| seen.facts.incomplete.is_empty());
        let granted = granted.ok_or("the bodies have not granted it, or not any more")?;
        if granted.until <= submitted_at {
            return Err(format!("it had ended at {}", granted.until));
        }
        let findings: Vec<_> = favourable(&seen.facts.reviews)
            .filter(|finding| !rule.reviews.contains(&finding.signer.role))
            .cloned()
            .collect();
        let (mut decisions, mut versions) = (Vec::new(), BTreeSet::from([base.spec.version.clone()]));
        if let Some(earlier) = seen.carried {
            decisions.extend(earlier.decisions);
            versions.extend(earlier.versions);
        }
        decisions.extend(
            seen.facts
                .reviews
                .iter()
                .filter(|word| word.statement.decision)
                .cloned(),
        );
        if rule.decide {
            decisions.clear();
        }
        let taken = seen.facts.profiles.iter().filter(|profile| {
            profile.supervised == Some(true)
                && !rule.supervised.contains(&profile.scope)
                && spec.profiles.contains(&profile.name)
        });
        let supervised: BTreeSet<String> = taken.map(|profile| profile.name.clone()).collect();
        Ok(Carried {
            summary: summary(change, before, &findings, &supervised, rule.decide),
            findings,
            decisions,
            grant: (!rule.decide).then_some(granted),
            supervised,
            documents: seen.documents,
            versions,
        })
    }
}

/// The finding of each domain, where it is favourable. In the order of arrival.
fn favourable(reviews: &[Signed<Review>]) -> impl Iterator<Item = &Signed<Review>> {
    let last = |role: Role| {
        let of = move |review: &&Signed<Review>| !review.statement.decision && review.signer.role == role;
        quorum::last(reviews.iter().filter(of).map(|review| &review.statement))
    };
    reviews.iter().filter(move |review| {
        !review.statement.decision
            && review.statement.verdict == ReviewVerdict::Favourable
            && last(review.signer.role) == Some(&review.statement)
    })
}

fn summary(
    change: Change,
    before: &str,
    findings: &[Signed<Review>],
    supervised: &BTreeSet<String>,
    decide: bool,
) -> String {
    let domains: BTreeSet<&str> = findings
        .iter()
        .map(|finding| finding.signer.role.as_str())
        .collect();
    let listed =
        |what: &str, names: Vec<&str>| (!names.is_empty()).then(|| format!("{what} {}", names.join(", ")));
    let parts: Vec<String> = [
        listed("reviews of", domains.into_iter().collect()),
        listed(
            "supervised tests of",
            supervised.iter().map(String::as_str).collect(),
        ),
        (!decide).then(|| "the bodies' grant".to_owned()),
    ]
    .into_iter()
    .flatten()
    .collect();
    let parts = if parts.is_empty() {
        "nothing".to_owned()
    } else {
        parts.join("; ")
    };
    format!("{} of `{before}`: carried over {parts}", change.as_str())
}
