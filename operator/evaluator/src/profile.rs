//! The platform's own, stricter values (`PolicyProfile`), read from what was asked for, not from what the operator says of it.
//!
//! When the profile does not count, or cannot be read, the catalogue's own values are in force, and check `profile` of DMP-GOV-03
//! does not pass.

use std::borrow::Cow;

use dmp_api::PolicyProfile;
use dmp_api::names::PROFILE;
use dmp_policies::profile::{self, Choice, Profile, tightened};
use dmp_policies::{Catalogue, Control, day};
use jiff::Timestamp;
use kube::{Api, Client, ResourceExt as _};
use serde_json::json;

use crate::collect::Observed;
use crate::metrics;
use crate::world::{Read, World, list};

/// As the catalogue judges it.
pub fn profile(object: &PolicyProfile) -> Profile {
    let parameters = object.spec.parameters.iter();
    let choices =
        parameters.map(|one| Choice::new(&one.control, &one.parameter, &one.value, &one.since, &one.reason));
    Profile {
        choices: choices.collect(),
    }
}

/// The one of the platform; `None` without one.
pub(crate) async fn read(client: &Client) -> Read<Option<Profile>> {
    let all = list(
        Api::<PolicyProfile>::all(client.clone()),
        "PolicyProfiles",
        |one| (one.name_any(), profile(&one)),
    )
    .await?;
    let mut ours = all.into_iter().filter(|(name, _)| name == PROFILE);
    Ok(ours.next().map(|(_, profile)| profile))
}

/// The catalogue with the values that are in force on the platform.
pub fn in_force<'c>(catalogue: &'c Catalogue, world: &World) -> Cow<'c, Catalogue> {
    let written = world.profile.as_ref().ok().and_then(Option::as_ref);
    let tight = written.map(|profile| tightened(catalogue, profile));
    metrics::profile(matches!(tight, Some(Err(_))));
    match tight {
        Some(Ok(tight)) => Cow::Owned(tight),
        Some(Err(_)) | None => Cow::Borrowed(catalogue),
    }
}

/// Each value of the profile, and whether it can count.
pub(crate) fn values(world: &World, catalogue: &Catalogue) -> Read<Vec<Observed>> {
    let profile = world.profile.as_ref().map_err(Clone::clone)?;
    let refused = profile
        .as_ref()
        .and_then(|profile| tightened(catalogue, profile).err());
    let choices = profile.iter().flat_map(|profile| &profile.choices);
    let values: Vec<_> = choices
        .enumerate()
        .map(
            |(at, choice)| match refused.as_ref().filter(|refused| refused.at == at) {
                Some(refused) => json!({ "name": refused.to_string(), "counts": false }),
                None => json!({ "name": named(choice), "counts": true }),
            },
        )
        .collect();
    Ok(vec![Observed::new(None, json!({ "values": values }))])
}

fn named(choice: &Choice) -> String {
    let since = choice
        .since
        .map_or_else(String::new, |since| format!(" ({since})"));
    let value = profile::text(&choice.value);
    format!("{} {} = {value}{since}", choice.control, choice.parameter)
}

/// `longestDays = 30`: the values of the platform's own that a control is judged by; empty without one.
pub(crate) fn chosen(control: &Control, now: Timestamp) -> String {
    let parameters = control.parameters_on(day(now)).into_iter();
    let chosen = parameters.filter(|one| one.instead_of.is_some());
    let chosen = chosen.map(|one| format!("{} = {}", one.name, profile::text(&one.value)));
    chosen.collect::<Vec<_>>().join("; ")
}
