//! Step 3: what the public reads, and whether a label is due. Pure: the time is an argument.

use dmp_api::catalogue_entry::Published;
use dmp_homologation::catalogue;
use dmp_homologation::label::{self, Label};
use jiff::Timestamp;

use super::dereference::Found;

/// What the status will say.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Wanted {
    /// The submission behind it.
    pub homologation: Option<String>,
    /// With the present label, while that says what is so.
    pub published: Published,
    /// The label that is due.
    pub sign: Option<Label>,
}

/// `None`: the version was never open.
pub fn build(found: &Found, now: Timestamp) -> Option<Wanted> {
    let before = found.entry.status.as_ref();
    let (homologation, mut published) = catalogue::publish(&found.dossier, &found.entry.spec, before, now)?;
    let present = before
        .and_then(|status| status.published.as_ref())
        .and_then(|published| published.label.as_deref());
    let step = match &found.issuer {
        Some(issuer) => label::step(present, &published, issuer, found.keys.as_deref(), now),
        None => label::Step::default(),
    };
    published.label = step.keep;
    Some(Wanted {
        homologation,
        published,
        sign: step.sign,
    })
}
