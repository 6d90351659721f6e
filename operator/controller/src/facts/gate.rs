//! Whether the platform and its groups may serve real people, from what a replica has seen. Signatures are verified once, not at
//! each beat; days are counted at each.

use std::cell::RefCell;

use dmp_api::body::Body;
use dmp_api::{HealthGroup, Mode, Site, SystemHomologation};
use dmp_client::facts;
use dmp_homologation::carrier::Reader;
use dmp_homologation::gates::{Known, Outcome};
use dmp_homologation::signed::Read;
use dmp_homologation::statement::System;
use dmp_homologation::system::Gate;
use jiff::Timestamp;
use jiff::civil::Date;
use kube::ResourceExt;

use super::index::{Index, Table};

/// The words' signatures as they were verified.
#[derive(Debug, Default)]
pub struct Verified(RefCell<Reader<System>>);

/// The gates at a moment.
pub(super) struct Gates<'a> {
    known: Option<Known<'a>>,
    demonstrating: bool,
    sites: &'a Table<Site>,
}

impl Index {
    pub(super) fn gates(&self, now: Timestamp) -> Gates<'_> {
        // Words that are there and not understood may be a refusal.
        let platform = self.platform().filter(|_| !self.homologations.has_unreadable());
        let known = platform.map(|platform| {
            let place = self.sites.get(&platform.spec.site);
            Known::new(&platform.spec, self.words(&platform.spec.bodies), place, now)
        });
        Gates {
            known,
            demonstrating: self.is_demonstrating()
                && self.groups.iter().all(|group| group.spec.mode == Mode::Sandbox),
            sites: &self.sites,
        }
    }

    fn words(&self, bodies: &[Body]) -> Vec<(&SystemHomologation, Read<System>)> {
        let mut reader = self.verified_words.0.borrow_mut();
        reader.read(self.homologations.iter(), bodies)
    }
}

/// Of the platform or of a production group, for the metrics.
pub struct Measured {
    pub subject: String,
    pub gate: facts::Gate,
    /// Last day on which it is open by what was decided.
    pub until: Option<Date>,
}

impl Index {
    /// Whatever has a gate: the platform, and each production group.
    pub fn measured(&self, now: Timestamp) -> Vec<Measured> {
        let gates = self.gates(now);
        let of = |subject: String, gate: facts::Gate, outcome: Option<&Outcome>| Measured {
            subject,
            gate,
            until: outcome.and_then(|outcome| outcome.standing.until),
        };
        let groups = self.groups.iter();
        let groups = groups.filter(|group| group.spec.mode == Mode::Production);
        let groups = groups.map(|group| {
            let outcome = gates.outcome(group);
            of(group.name_any(), gate(outcome.as_ref()), outcome.as_ref())
        });
        let platform = of(
            dmp_api::names::PLATFORM.to_owned(),
            gates.platform(),
            gates.known.as_ref().map(Known::platform),
        );
        std::iter::once(platform).chain(groups).collect()
    }
}

impl Gates<'_> {
    /// Of the platform: what production software without a production group goes by. One that demonstrates knows nobody real.
    pub fn platform(&self) -> facts::Gate {
        if self.demonstrating {
            return facts::Gate::Open;
        }
        gate(self.known.as_ref().map(Known::platform))
    }

    /// Of a group: its own, its site's and the platform's.
    pub fn group(&self, group: &HealthGroup) -> facts::Gate {
        match group.spec.mode {
            Mode::Sandbox => facts::Gate::Open,
            Mode::Production => gate(self.outcome(group).as_ref()),
        }
    }

    /// Where a production group stands; `None`: nobody can tell.
    fn outcome(&self, group: &HealthGroup) -> Option<Outcome> {
        let known = self.known.as_ref()?;
        Some(known.group(group, self.sites.get(&group.spec.site)))
    }
}

/// As the gateways are told; of what nobody can tell: closed.
fn gate(outcome: Option<&Outcome>) -> facts::Gate {
    match outcome.map_or(Gate::Closed, |outcome| outcome.gate) {
        Gate::Open => facts::Gate::Open,
        Gate::ReadOnly => facts::Gate::ReadOnly,
        Gate::Closed => facts::Gate::Closed,
    }
}
