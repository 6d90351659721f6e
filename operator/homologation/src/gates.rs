//! What the words of auditors and authorities come to for the platform and for each group, with the sites they are on. Pure; one
//! home for who tells the gateways, who tells people, and who checks.

use std::collections::BTreeMap;

use dmp_api::body::{Organisation, Role};
use dmp_api::{HealthGroup, PlatformSpec, Site, SystemHomologation, SystemWord};
use jiff::Timestamp;
use jiff::civil::Date;

use crate::signed::Read;
use crate::site::is_for_health_data;
use crate::statement::System;
use crate::system::{Gate, Standing, Subject, day, shown, standing};

/// The site that something is on, if there is one.
pub type Place<'a> = Option<&'a Site>;

/// Where one stands, and what holds it back.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Outcome {
    pub gate: Gate,
    pub standing: Standing,
    /// The site's qualification holds.
    pub qualified: bool,
    /// Of a group: the platform's own gate.
    pub above: Gate,
}

/// Everything that was said, at a moment.
pub struct Known<'a> {
    spec: &'a PlatformSpec,
    /// By group; the platform's own under `None`.
    words: BTreeMap<Option<&'a str>, Vec<Word<'a>>>,
    now: Timestamp,
    platform: Outcome,
}

type Word<'a> = (&'a SystemHomologation, Read<System>);

impl<'a> Known<'a> {
    /// `place`: the platform's own site.
    pub fn new(spec: &'a PlatformSpec, words: Vec<Word<'a>>, place: Place<'_>, now: Timestamp) -> Self {
        let mut by_subject: BTreeMap<_, Vec<_>> = BTreeMap::new();
        for word in words {
            by_subject
                .entry(word.0.spec.health_group.as_deref())
                .or_default()
                .push(word);
        }
        let own = by_subject.get(&None).map_or(&[][..], Vec::as_slice);
        let platform = outcome(spec, (None, None), own, &deciding(spec), (place, Gate::Open), now);
        Self {
            spec,
            words: by_subject,
            now,
            platform,
        }
    }

    /// What a word says, whether it counts or not.
    pub fn says(&self, word: &str) -> Option<(SystemWord, Option<Date>)> {
        let mut all = self.words.values().flatten();
        let (_, read) = all.find(|(object, _)| object.metadata.name.as_deref() == Some(word))?;
        read.as_ref().ok().map(|read| shown(&read.statement.says))
    }

    pub const fn platform(&self) -> &Outcome {
        &self.platform
    }

    /// Of a group on its site.
    pub fn group(&self, group: &HealthGroup, place: Place<'_>) -> Outcome {
        let mut parties = deciding(self.spec);
        parties.push(Organisation {
            name: group.spec.controller.name.clone(),
            // The controller of the data is known by name alone.
            ice: "-".to_owned(),
        });
        let name = group.metadata.name.as_deref();
        let since = group.metadata.creation_timestamp.as_ref().map(|at| at.0);
        let own = self.words.get(&name).map_or(&[][..], Vec::as_slice);
        outcome(
            self.spec,
            (name, since),
            own,
            &parties,
            (place, self.platform.gate),
            self.now,
        )
    }
}

fn deciding(spec: &PlatformSpec) -> Vec<Organisation> {
    let bodies = spec.bodies.iter();
    let authority = bodies.filter(|body| body.role == Role::Authority);
    authority.map(|body| body.organisation.clone()).collect()
}

fn outcome(
    spec: &PlatformSpec,
    (name, since): (Option<&str>, Option<Timestamp>),
    words: &[Word<'_>],
    parties: &[Organisation],
    (place, above): (Place<'_>, Gate),
    now: Timestamp,
) -> Outcome {
    let subject = Subject {
        domain: &spec.domain,
        health_group: name,
        parties,
        since,
    };
    let standing = standing(
        subject,
        words.iter().map(|(object, read)| (*object, read.clone())),
        now,
    );
    let qualified = place.is_some_and(|site| is_for_health_data(&site.spec, day(now)));
    Outcome {
        gate: standing.gate_at(qualified).max(above),
        standing,
        qualified,
        above,
    }
}
