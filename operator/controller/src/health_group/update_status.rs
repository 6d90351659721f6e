//! Step 5: conditions, from what the API server answered.

use dmp_api::{HealthGroup, HealthGroupStatus};
use dmp_homologation::system::day;
use jiff::Timestamp;

use super::dereference::Found;
use super::validate::Valid;
use crate::controller::Context;
use crate::plane::object::Object;
use crate::plane::{Applied, Plane, database, service};
use crate::status::{self, Error, Fact, Outcome, Verdict};
use crate::{homologated, system_homologation};

/// # Errors
/// When the status cannot be written.
pub async fn update_status(
    context: &Context,
    group: &HealthGroup,
    valid: &Valid,
    plane: &Plane<Applied>,
    homologated: Option<Fact>,
) -> Result<Outcome, Error> {
    let mut new = status(group, valid, plane);
    status::set(&mut new, group.metadata.generation, homologated);
    status::settle::<super::Groups>(context, group, &new).await
}

/// Of a production group: whether real people are served. Says nothing of its services: `Ready` does. Pure.
pub fn homologated(group: &HealthGroup, found: &Found, now: Timestamp) -> Option<Fact> {
    let words = found.words.as_ref()?;
    let known = words.known(now).filter(|_| !words.unreadable);
    Some(known.map_or_else(system_homologation::unreadable, |known| {
        homologated::fact(&known.group(group, found.site.as_ref()), day(now))
    }))
}

/// The status that follows from the applied objects. Pure.
pub fn status(group: &HealthGroup, valid: &Valid, plane: &Plane<Applied>) -> HealthGroupStatus {
    let waiting: Vec<&str> = plane
        .databases
        .iter()
        .filter(|cluster| !database::is_ready(cluster))
        .map(|c| c.name.as_str())
        .collect();
    let databases = waiting.is_empty();
    let keys = valid.log_key.is_some();
    let all =
        |holds: fn(&Object) -> bool| !plane.deployments.is_empty() && plane.deployments.iter().all(holds);
    let rolled_out = all(service::is_ready);
    let facts = [
        if databases {
            Fact::new("DatabaseReady", true, "Healthy", "")
        } else {
            Fact::new(
                "DatabaseReady",
                false,
                "Starting",
                format!("CloudNativePG is bringing up: {}", waiting.join(", ")),
            )
        },
        if keys {
            Fact::new("KeysReady", true, "Complete", "")
        } else {
            Fact::new(
                "KeysReady",
                false,
                "Creating",
                "the key space is being made in OpenBao",
            )
        },
        // The gateways follow this one: while a new version is rolled out the old one serves.
        if rolled_out {
            Fact::new("ServiceReady", true, "Available", "")
        } else if all(service::serves) {
            Fact::new("ServiceReady", true, "RollingOut", "")
        } else {
            Fact::new(
                "ServiceReady",
                false,
                "Unavailable",
                "`records` is not available yet",
            )
        },
    ];
    let verdict = match facts
        .iter()
        .find(|fact| fact.holds != k8s_controller::conditions::ConditionStatus::True)
    {
        None if rolled_out => Verdict::Ready,
        None => Verdict::Progressing {
            reason: "ServiceRollingOut",
            message: "another version of `records` is being rolled out; the one before serves".to_owned(),
        },
        Some(fact) => Verdict::Progressing {
            reason: unready(fact.name),
            message: fact.message.clone(),
        },
    };
    let mut new = status::concluded(group, facts, &verdict);
    new.namespace = Some(valid.namespace.clone());
    new.tag = Some(valid.name.tag());
    if rolled_out {
        new.release = Some(valid.platform.release.clone());
    }
    new
}

fn unready(condition: &str) -> &'static str {
    match condition {
        "DatabaseReady" => "DatabaseNotReady",
        "KeysReady" => "KeysNotReady",
        _ => "ServiceNotReady",
    }
}
