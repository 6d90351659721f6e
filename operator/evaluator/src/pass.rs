//! One pass: a world in, verdicts and what they rest on out. Pure.

use std::collections::BTreeMap;

use dmp_policies::exception::{self, except};
use dmp_policies::judge::{DOCUMENT, Evidence as Known, Observation};
use dmp_policies::{Catalogue, Control, Judgement, State, judge};
use jiff::Timestamp;

use crate::collect::{COLLECTORS, Observed};
use crate::evidence::Evidence;
use crate::exceptions;
use crate::world::World;

/// What came of a control.
#[derive(Clone, Debug)]
pub struct Judged<'c> {
    pub control: &'c Control,
    pub judgement: Judgement,
    /// By the name of the check.
    pub evidence: BTreeMap<String, Evidence>,
    /// Of the control of exceptions: those in force, by name.
    pub exceptions: Option<Vec<String>>,
}

/// Judges every control of the catalogue.
pub fn pass<'c>(catalogue: &'c Catalogue, world: &World) -> Vec<Judged<'c>> {
    // Exceptions that cannot be read tolerate nothing.
    let in_force = exceptions::in_force(world, catalogue).unwrap_or_default();
    catalogue
        .controls()
        .iter()
        .map(|control| {
            let (known, evidence) = known(control, catalogue, world);
            let names = || in_force.iter().map(|one| one.name.clone()).collect();
            Judged {
                control,
                judgement: except(control, judge(control, &known, world.at), &in_force),
                evidence,
                exceptions: (control.id == exception::RULE).then(names),
            }
        })
        .collect()
}

fn known(control: &Control, catalogue: &Catalogue, world: &World) -> (Known, BTreeMap<String, Evidence>) {
    let mut known = Known::default();
    let mut kept = BTreeMap::new();
    for (_, check, collect) in COLLECTORS.iter().filter(|(id, _, _)| *id == control.id) {
        let observed = match collect(world, catalogue) {
            Ok(observed) => observed,
            Err(unread) => {
                known.unseen.insert((*check).to_owned(), unread.to_string());
                continue;
            }
        };
        let evidence = Evidence::new(&control.id, check, &observed, world.at);
        if !evidence.fits() {
            let size = evidence.text.len();
            let why = format!("what it looks at is too large to be kept ({size} bytes)");
            known.unseen.insert((*check).to_owned(), why);
            continue;
        }
        kept.insert((*check).to_owned(), evidence);
        known
            .observations
            .extend(observed.into_iter().map(|one| observation(check, one, world.at)));
    }
    people(control, world, &mut known, &mut kept);
    (known, kept)
}

/// What people brought for the control, or should have: of each check the newest that answers it, and the newest of all.
fn people(control: &Control, world: &World, known: &mut Known, kept: &mut BTreeMap<String, Evidence>) {
    let (all, image) = match (&world.brought, &world.image) {
        (Ok(brought), Ok(image)) => (brought, image),
        (Err(unread), _) | (_, Err(unread)) => {
            let checks = control.brought().map(|check| check.name.as_str());
            let asked = control.implementation.state != State::NotYet;
            for about in checks.chain([DOCUMENT]).filter(|_| asked) {
                known.unseen.insert(about.to_owned(), unread.to_string());
            }
            return;
        }
    };
    let mine: Vec<_> = all.iter().filter(|one| one.control == control.id).collect();
    let Some(newest) = mine.first() else {
        return;
    };
    let mut used = vec![*newest];
    for brought in &mine {
        for (check, inputs) in dmp_policies::brought::inputs(control, &brought.inputs) {
            if kept.contains_key(&check.name) {
                continue;
            }
            let observed = Observed { scope: None, inputs };
            let evidence = Evidence::new(
                &control.id,
                &check.name,
                std::slice::from_ref(&observed),
                brought.at,
            );
            kept.insert(check.name.clone(), evidence);
            known
                .observations
                .push(observation(&check.name, observed, brought.at));
            if !used.iter().any(|one| one.name == brought.name) {
                used.push(brought);
            }
        }
    }
    known.documents = used.iter().map(|one| one.document(image)).collect();
    let observed: Vec<_> = used.iter().map(|one| one.observed()).collect();
    // As old as the oldest of them.
    let oldest = used.iter().map(|one| one.at).min().unwrap_or(world.at);
    let evidence = Evidence::new(&control.id, DOCUMENT, &observed, oldest);
    kept.insert(DOCUMENT.to_owned(), evidence);
}

fn observation(check: &str, observed: Observed, at: Timestamp) -> Observation {
    Observation {
        check: check.to_owned(),
        scope: observed.scope,
        at,
        inputs: observed.inputs,
    }
}
