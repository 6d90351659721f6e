//! One pass: a world in, verdicts and what they rest on out. Pure.

use std::collections::BTreeMap;

use dmp_policies::judge::{Evidence as Known, Observation};
use dmp_policies::{Catalogue, Control, Judgement, judge};
use jiff::Timestamp;

use crate::collect::{COLLECTORS, Observed};
use crate::evidence::Evidence;
use crate::world::World;

/// What came of a control.
#[derive(Clone, Debug)]
pub struct Judged<'c> {
    pub control: &'c Control,
    pub judgement: Judgement,
    /// By the name of the check.
    pub evidence: BTreeMap<String, Evidence>,
}

/// Judges every control of the catalogue.
pub fn pass<'c>(catalogue: &'c Catalogue, world: &World) -> Vec<Judged<'c>> {
    catalogue
        .controls()
        .iter()
        .map(|control| {
            let (known, evidence) = known(control, catalogue, world);
            Judged {
                control,
                judgement: judge(control, &known, world.at),
                evidence,
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
    (known, kept)
}

fn observation(check: &str, observed: Observed, at: Timestamp) -> Observation {
    Observation {
        check: check.to_owned(),
        scope: observed.scope,
        at,
        inputs: observed.inputs,
    }
}
