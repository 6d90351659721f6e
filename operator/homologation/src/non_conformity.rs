//! Where a non-conformity stands, and what it does to the versions that it is about.
//!
//! Derived: open until a member of a deciding body signs that it is mended. What happens after its deadline the programme says,
//! which both bodies signed. Not here: who opens one (whoever may create the object; it opens no door).

use std::collections::BTreeSet;

use dmp_api::catalogue_entry::PublishedNonConformity;
use dmp_api::{NonConformity, NonConformityAnswer, NonConformityState as State};
use jiff::Timestamp;
use jiff::civil::Date;
use jiff::tz::TimeZone;
use kube::ResourceExt;

use crate::canonical;
use crate::dossier::{Dossier, arrived, by_name};
use crate::quorum::{self, DECIDING, NotCounted};
use crate::signed::{self, Read, Refused};
use crate::statement::Closing;

/// What non-conformities do to a version.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Effect {
    /// Those past their deadline, for people.
    pub overdue: Vec<String>,
    /// The others, for people.
    pub announced: Vec<String>,
}

impl Dossier {
    /// Where one stands.
    pub fn non_conformity_state(&self, one: &NonConformity, now: Timestamp) -> State {
        let name = one.name_any();
        let answers = || {
            let of = |answer: &&NonConformityAnswer| answer.spec.non_conformity == name;
            self.answers.iter().filter(of)
        };
        if answers().any(|answer| answer.spec.statement.is_some() && self.closing_of(answer).is_ok()) {
            return State::Closed;
        }
        let today = now.to_zoned(TimeZone::UTC).date();
        // A deadline that is no day is over.
        if one
            .spec
            .deadline
            .parse::<Date>()
            .ok()
            .is_none_or(|last| last < today)
        {
            return State::Overdue;
        }
        if answers().any(|answer| answer.spec.text.is_some()) {
            State::Answered
        } else {
            State::Open
        }
    }

    /// The signed word that closes one.
    ///
    /// # Errors
    /// Why it does not count.
    pub fn closing_of(&self, answer: &NonConformityAnswer) -> Read<Closing> {
        let name = &answer.spec.non_conformity;
        let Some(one) = by_name(&self.non_conformities, name) else {
            let text = format!("there is no NonConformity `{name}` in this namespace");
            return Err(Refused::new("NonConformityNotFound", text));
        };
        let bodies = self.bodies.as_ref()?;
        let text = answer.spec.statement.as_deref().unwrap_or_default();
        let signed = signed::verify::<Closing>(text, bodies, arrived(&answer.metadata))?;
        let own = format!("{}/{name}", self.namespace);
        let statement = &signed.statement;
        if statement.non_conformity != own || statement.sha256 != canonical::sha256(&one.spec) {
            let text = "it is about another non-conformity: read status.sha256 of this one";
            return Err(Refused::new("OtherNonConformity", text));
        }
        if !DECIDING.contains(&signed.signer.role) {
            return Err(NotCounted::NotADecider.into());
        }
        let Some(subject) = self.organisation_of(&one.spec.solution) else {
            let text = format!(
                "there is no Solution `{}` with an organisation",
                one.spec.solution
            );
            return Err(Refused::new("SolutionNotFound", text));
        };
        quorum::may_speak(&signed.signer, &subject)?;
        Ok(signed)
    }

    /// Those of a product that are not closed and are about one of these versions.
    fn unclosed<'a>(
        &'a self,
        solution: &'a str,
        versions: &'a BTreeSet<String>,
        now: Timestamp,
    ) -> impl Iterator<Item = (&'a NonConformity, State)> {
        let about = move |one: &&NonConformity| {
            let version = one.spec.version.as_ref();
            one.spec.solution == solution && version.is_none_or(|version| versions.contains(version))
        };
        let stand = move |one: &'a NonConformity| (one, self.non_conformity_state(one, now));
        let of = self.non_conformities.iter().filter(about).map(stand);
        of.filter(|(_, state)| *state != State::Closed)
    }

    /// What they do to a version, and to what it follows.
    pub(crate) fn non_conformities_of(
        &self,
        solution: &str,
        versions: &BTreeSet<String>,
        now: Timestamp,
    ) -> Effect {
        let mut effect = Effect::default();
        for (one, state) in self.unclosed(solution, versions, now) {
            let (name, severity) = (one.name_any(), one.spec.severity.as_str());
            let deadline = &one.spec.deadline;
            if state == State::Overdue {
                let text =
                    format!("NonConformity `{name}` ({severity}) is open past its deadline {deadline}");
                effect.overdue.push(text);
            } else {
                let text = format!("NonConformity `{name}` ({severity}) is to be mended until {deadline}");
                effect.announced.push(text);
            }
        }
        effect
    }

    /// What the public sees of them, in the order of their opening.
    pub(crate) fn published_non_conformities(
        &self,
        solution: &str,
        versions: &BTreeSet<String>,
        now: Timestamp,
    ) -> Vec<PublishedNonConformity> {
        let shown = |(one, _): (&NonConformity, State)| PublishedNonConformity {
            name: one.name_any(),
            severity: one.spec.severity,
            opened: arrived(&one.metadata).to_string(),
            deadline: one.spec.deadline.clone(),
        };
        let mut shown: Vec<_> = self.unclosed(solution, versions, now).map(shown).collect();
        shown.sort_by(|a, b| (&a.opened, &a.name).cmp(&(&b.opened, &b.name)));
        shown
    }
}
