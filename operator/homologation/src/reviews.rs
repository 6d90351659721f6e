//! The reviews of a submission, and which of them count.

use std::collections::BTreeSet;

use dmp_api::body::Role;
use dmp_api::{HomologationReview, SolutionHomologation};
use jiff::Timestamp;
use kube::ResourceExt;

use crate::carried::{Carried, IN_A_ROW};
use crate::dossier::{Dossier, arrived};
use crate::quorum;
use crate::signed::{self, Read, Refused, Signed};
use crate::statement::Review;

impl Dossier {
    /// Each review of a submission in the order of arrival, with its signer's word if it counts.
    pub fn reviews_of<'a>(
        &'a self,
        homologation: &SolutionHomologation,
        now: Timestamp,
    ) -> Vec<(&'a HomologationReview, Read<Review>)> {
        let carried = self.carried(homologation, now, IN_A_ROW);
        let before = carried.and_then(Result::ok).map(|carried| carried.words());
        self.reviews_beside(homologation, &before.unwrap_or_default())
    }

    /// As [`Dossier::reviews_of`], beside words that count already.
    fn reviews_beside<'a>(
        &'a self,
        homologation: &SolutionHomologation,
        before: &[Signed<Review>],
    ) -> Vec<(&'a HomologationReview, Read<Review>)> {
        let own = homologation.name_any();
        let reviews = self.in_order(&own);
        let submission = self.submission_sha256(homologation);
        let mut read: Vec<_> = reviews
            .iter()
            .map(|review| (*review, self.review(&own, submission.as_ref(), review)))
            .collect();
        let Some(subject) = self.organisation(homologation) else {
            return read;
        };
        let good = read.iter().filter_map(|(_, review)| review.clone().ok());
        let all: Vec<_> = before.iter().cloned().chain(good).collect();
        let mut verdicts = quorum::sift(&all, &subject).into_iter().skip(before.len());
        for (_, review) in &mut read {
            if review.is_ok()
                && let Some(Err(reason)) = verdicts.next()
            {
                *review = Err(reason.into());
            }
        }
        read
    }

    /// What was written about a submission, in the order of arrival.
    pub(crate) fn in_order(&self, homologation: &str) -> Vec<&HomologationReview> {
        let of = |review: &&HomologationReview| review.spec.homologation == homologation;
        let mut reviews: Vec<_> = self.reviews.iter().filter(of).collect();
        reviews.sort_by_key(|review| (arrived(&review.metadata), review.name_any()));
        reviews
    }

    /// A review that is about this submission, in this state.
    fn review(
        &self,
        homologation: &str,
        submission: Option<&String>,
        review: &HomologationReview,
    ) -> Read<Review> {
        let bodies = self.bodies.as_ref()?;
        let signed = signed::verify::<Review>(&review.spec.statement, bodies, arrived(&review.metadata))?;
        let own = format!("{}/{homologation}", self.namespace);
        if signed.statement.homologation != own {
            let text = format!("it is about {}", signed.statement.homologation);
            return Err(Refused::new("OtherHomologation", text));
        }
        if submission != Some(&signed.statement.submission_sha256) {
            let text =
                "it is about another state of the submission: read status.submissionSha256, review that";
            return Err(Refused::new("OtherSubmission", text));
        }
        Ok(signed)
    }

    /// The reviews that count, in the order of arrival: what is carried over first, of the domains that have not spoken again.
    pub(crate) fn words(
        &self,
        homologation: &SolutionHomologation,
        carried: Option<&Carried>,
    ) -> Vec<Signed<Review>> {
        let before = carried.map(Carried::words).unwrap_or_default();
        let read = self.reviews_beside(homologation, &before).into_iter();
        let own: Vec<_> = read.filter_map(|(_, review)| review.ok()).collect();
        let spoken: BTreeSet<Role> = own
            .iter()
            .filter(|review| !review.statement.decision)
            .map(|review| review.signer.role)
            .collect();
        let silent = before
            .into_iter()
            .filter(|word| !word.statement.decision && !spoken.contains(&word.signer.role));
        silent.chain(own).collect()
    }
}
