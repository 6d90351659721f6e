//! What was decided, in the platform's log: each change of where a submission stands, to or from a state that decides, and of what it
//! opens. It is kept in the status, with the change itself, until the log has it; the decision waits for nothing.

use dmp_api::SolutionHomologation;
use dmp_api::solution_homologation::{HomologationState as State, Unrecorded};
use dmp_client::acts::{Act, word};
use dmp_homologation::canonical::digest;
use dmp_homologation::{Dossier, Standing};
use jiff::Timestamp;
use kube::{Resource as _, ResourceExt};

use crate::controller::Context;

/// Changes that wait at most; a log that is away for longer loses the rest.
const MOST: usize = 32;
/// Statements of a change that are named.
const MOST_STATEMENTS: usize = 100;

/// Whether it says what became of a submission.
const fn decides(state: State) -> bool {
    match state {
        State::Incomplete
        | State::Submitted
        | State::SelfTested
        | State::InReview
        | State::SupervisedTested
        | State::SentBack => false,
        State::Homologated
        | State::Conditional
        | State::Active
        | State::Expiring
        | State::Expired
        | State::Rejected
        | State::Suspended
        | State::Revoked
        | State::Withdrawn
        | State::Superseded => true,
    }
}

/// Whether the standing is another one than is shown, and one of the two decides. Pure.
pub fn is_news(shown: &SolutionHomologation, standing: &Standing) -> bool {
    let status = shown.status.as_ref();
    let before = status.and_then(|status| status.state);
    let moved = before != Some(standing.state)
        || status.is_some_and(|status| !status.scopes.iter().eq(&standing.scopes));
    moved && (decides(standing.state) || before.is_some_and(decides))
}

/// What waits to be recorded once the standing is shown. Pure.
pub fn waiting(
    shown: &SolutionHomologation,
    standing: &Standing,
    dossier: &Dossier,
    now: Timestamp,
) -> Vec<Unrecorded> {
    let status = shown.status.as_ref();
    let mut waiting = status.map(|status| status.unrecorded.clone()).unwrap_or_default();
    if !is_news(shown, standing) {
        return waiting;
    }
    if waiting.len() >= MOST {
        crate::acts::count("lost");
        tracing::error!(
            name = shown.name_any(),
            "the log is away for too long: a change is not recorded"
        );
        return waiting;
    }
    waiting.push(change(shown, standing, dossier, now));
    waiting
}

fn change(
    shown: &SolutionHomologation,
    standing: &Standing,
    dossier: &Dossier,
    now: Timestamp,
) -> Unrecorded {
    let reviews = dossier.reviews_of(shown, now);
    let mut statements: Vec<String> = reviews
        .iter()
        .filter(|(_, word)| word.is_ok())
        .map(|(review, _)| digest(review.spec.statement.as_bytes()))
        .collect();
    // The newest are the last.
    statements.drain(..statements.len().saturating_sub(MOST_STATEMENTS));
    let from = shown.status.as_ref().and_then(|status| status.state);
    let meta = shown.meta();
    // The same change of the same object has the same name, whoever computes it again.
    let id = crate::plane::digest(&[
        meta.uid.as_deref().unwrap_or_default(),
        meta.resource_version.as_deref().unwrap_or_default(),
        from.map_or("", State::as_str),
        standing.state.as_str(),
    ]);
    Unrecorded {
        id,
        at: now.to_string(),
        from,
        to: standing.state,
        scopes: standing.scopes.iter().cloned().collect(),
        until: standing.until.map(|until| until.to_string()),
        submission_sha256: dossier.submission_sha256(shown),
        statements,
        revocations: dossier.facts(shown, now).revoked,
    }
}

/// The entry of a change. Pure.
fn act(homologation: &SolutionHomologation, change: &Unrecorded) -> Act {
    let namespace = homologation.namespace().unwrap_or_default();
    let words = |values: &[String]| values.iter().map(|value| word(value)).collect::<Vec<_>>();
    let facts = [
        ("at", vec![word(&change.at)]),
        (
            "from",
            change
                .from
                .map(|from| from.as_str().to_owned())
                .into_iter()
                .collect(),
        ),
        ("scopes", words(&change.scopes)),
        ("until", words(change.until.as_slice())),
        ("submission", words(change.submission_sha256.as_slice())),
        ("statements", words(&change.statements)),
        ("revocations", words(&change.revocations)),
    ];
    let facts = facts.into_iter().filter(|(_, values)| !values.is_empty());
    Act {
        id: change.id.clone(),
        who: "operator".to_owned(),
        operation: "homologation/state".to_owned(),
        resource: "SolutionHomologation".to_owned(),
        object: word(&format!("{namespace}/{}", homologation.name_any())),
        outcome: change.to.as_str().to_owned(),
        facts: facts.map(|(name, values)| (name.to_owned(), values)).collect(),
    }
}

/// Brings what waits to the log, in order; answers what still waits.
pub async fn deliver(
    context: &Context,
    homologation: &SolutionHomologation,
    waiting: &[Unrecorded],
) -> Vec<Unrecorded> {
    for (done, change) in waiting.iter().enumerate() {
        match context.acts.record(&act(homologation, change)).await {
            Err(error) if !error.is_final() => return waiting[done..].to_vec(),
            Ok(()) | Err(_) => {}
        }
    }
    Vec::new()
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use dmp_homologation::Bodies;
    use serde_json::json;

    use super::*;

    fn homologation(state: Option<State>, scopes: &[&str]) -> SolutionHomologation {
        let mut object: SolutionHomologation = serde_json::from_value(json!({
            "apiVersion": "dmp.ma/v1alpha1", "kind": "SolutionHomologation",
            "metadata": { "name": "h", "namespace": "vendor-a", "uid": "u", "resourceVersion": "7" },
            "spec": { "solution": "s", "version": "1", "programme": "p", "cycle": 1, "profiles": ["f"] },
        }))
        .unwrap();
        object.status = Some(dmp_api::SolutionHomologationStatus {
            state,
            scopes: scopes.iter().map(|scope| (*scope).to_owned()).collect(),
            ..Default::default()
        });
        object
    }

    fn standing(state: State, scopes: &[&str]) -> Standing {
        Standing {
            state,
            scopes: scopes.iter().map(|scope| (*scope).to_owned()).collect(),
            since: None,
            until: None,
            missing: Vec::new(),
            warnings: Vec::new(),
            deadlines: Vec::new(),
        }
    }

    fn dossier() -> Dossier {
        Dossier::empty("vendor-a".to_owned(), Bodies::new(&[]))
    }

    #[test]
    fn what_decides_is_news_and_the_way_there_is_not() {
        let feeder = ["document-feeder"];
        type Case<'a> = (Option<State>, &'a [&'a str], State, &'a [&'a str], bool);
        let cases: [Case<'_>; 11] = [
            (None, &[], State::Submitted, &[], false),
            (Some(State::InReview), &[], State::SupervisedTested, &[], false),
            (Some(State::InReview), &[], State::SentBack, &[], false),
            (
                Some(State::SupervisedTested),
                &[],
                State::Homologated,
                &feeder,
                true,
            ),
            (
                Some(State::Homologated),
                &feeder,
                State::Homologated,
                &feeder,
                false,
            ),
            (Some(State::Homologated), &feeder, State::Active, &feeder, true),
            (
                Some(State::Active),
                &["consent", "document-feeder"],
                State::Active,
                &feeder,
                true,
            ),
            (Some(State::Active), &feeder, State::Suspended, &[], true),
            (Some(State::Suspended), &[], State::SupervisedTested, &[], true),
            (Some(State::Submitted), &[], State::Withdrawn, &[], true),
            (None, &[], State::Revoked, &[], true),
        ];
        for (before, shown, after, opens, news) in cases {
            let (shown, standing) = (homologation(before, shown), standing(after, opens));
            assert_eq!(is_news(&shown, &standing), news, "{before:?} {after:?}");
            let waits = waiting(&shown, &standing, &dossier(), Timestamp::UNIX_EPOCH);
            assert_eq!(waits.len(), usize::from(news));
        }
    }

    #[test]
    fn the_same_change_has_the_same_name_and_waits_behind_the_others() {
        let mut shown = homologation(Some(State::Active), &[]);
        let suspended = standing(State::Suspended, &[]);
        let at = |seconds| Timestamp::from_second(seconds).unwrap();
        let first = waiting(&shown, &suspended, &dossier(), at(1));
        let again = waiting(&shown, &suspended, &dossier(), at(2));
        assert_eq!(first[0].id, again[0].id);
        shown.metadata.resource_version = Some("8".to_owned());
        let status = shown.status.as_mut().unwrap();
        status.unrecorded = first.clone();
        let both = waiting(&shown, &suspended, &dossier(), at(3));
        assert_eq!((both.len(), &both[0]), (2, &first[0]));
        assert_ne!(both[0].id, both[1].id);
        let entry = act(&shown, &both[1]);
        assert_eq!(entry.check(), Ok(()));
        assert_eq!(
            (entry.object.as_str(), entry.outcome.as_str()),
            ("vendor-a/h", "Suspended")
        );
        assert_eq!(entry.facts["from"], ["Active"]);
        assert!(!entry.facts.contains_key("until"));
    }
}
