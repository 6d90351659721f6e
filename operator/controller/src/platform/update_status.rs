//! Step 5: conditions, from what the API server answered.

use dmp_api::names::NATIONAL_SERVICES;
use dmp_api::{Platform, PlatformStatus};
use dmp_homologation::system::day;
use jiff::Timestamp;
use k8s_controller::conditions::{self, ConditionStatus};

use super::dereference::Found;
use super::validate::Valid;
use crate::controller::Context;
use crate::plane::{Applied, Plane, database, service};
use crate::status::{self, Error, Fact, Outcome, Verdict};
use crate::{homologated, kubernetes_audit, network_probe, system_homologation};

/// # Errors
/// When the status cannot be written.
pub async fn update_status(
    context: &Context,
    platform: &Platform,
    (found, valid): (&Found, &Valid),
    plane: &Plane<Applied>,
) -> Result<Outcome, Error> {
    let network = context.probes.verdict();
    let mut new = status(platform, valid, plane, network.as_ref());
    let audit = kubernetes_audit::heard::fact(&context.client).await;
    let homologated = homologated(platform, found, Timestamp::now());
    status::set(&mut new, platform.metadata.generation, [audit, homologated]);
    status::settle::<super::Platforms>(context, platform, &new).await
}

/// Whether real people are served. Says nothing of the services: `Ready` does. Pure.
fn homologated(platform: &Platform, found: &Found, now: Timestamp) -> Fact {
    if platform.spec.demonstration {
        let message = "nobody real is on a platform of demonstration: production groups are refused";
        return Fact::new(homologated::CONDITION, false, "Demonstration", message);
    }
    let known = found.words.known(now).filter(|_| !found.words.unreadable);
    known.map_or_else(system_homologation::unreadable, |known| {
        homologated::fact(known.platform(), day(now))
    })
}

/// The status that follows from the applied objects and the network's probes. Pure.
pub fn status(
    platform: &Platform,
    valid: &Valid,
    plane: &Plane<Applied>,
    network: Option<&network_probe::Verdict>,
) -> PlatformStatus {
    let databases: Vec<&str> = plane
        .databases
        .iter()
        .filter(|cluster| !database::is_ready(cluster))
        .map(|c| c.name.as_str())
        .collect();
    let services: Vec<&str> = NATIONAL_SERVICES
        .into_iter()
        .filter(|name| {
            !plane
                .deployments
                .iter()
                .any(|d| d.name == *name && service::is_ready(d))
        })
        .collect();
    let necessary = [
        if databases.is_empty() {
            Fact::new("DatabaseReady", true, "Healthy", "")
        } else {
            let message = format!("CloudNativePG is bringing up: {}", databases.join(", "));
            Fact::new("DatabaseReady", false, "Starting", message)
        },
        Fact::new("KeysReady", true, "Complete", ""),
        if services.is_empty() {
            Fact::new("ServiceReady", true, "Available", "")
        } else {
            let message = format!("not available yet: {}", services.join(", "));
            Fact::new("ServiceReady", false, "Unavailable", message)
        },
    ];
    let verdict = match necessary.iter().find(|fact| fact.holds != ConditionStatus::True) {
        None => Verdict::Ready,
        Some(fact) if fact.name == "DatabaseReady" => Verdict::Progressing {
            reason: "DatabaseNotReady",
            message: fact.message.clone(),
        },
        Some(fact) => Verdict::Progressing {
            reason: "ServiceNotReady",
            message: fact.message.clone(),
        },
    };
    let facts = necessary
        .into_iter()
        .chain(warnings(valid))
        .chain(enforcement(platform, network));
    let mut new = status::concluded(platform, facts, &verdict);
    new.groups = i64::try_from(valid.group_count).ok();
    if services.is_empty() {
        new.release = Some(valid.spec.release.clone());
    }
    new
}

/// What is not wrong but must be known.
fn warnings(valid: &Valid) -> [Fact; 2] {
    [
        if valid.spec.openbao.managed {
            let message =
                "OpenBao unseals itself with a key of the same cluster: never for production groups";
            Fact::new("InsecureSeal", true, "StaticSeal", message)
        } else {
            Fact::new("InsecureSeal", false, "ExistingOpenBao", "")
        },
        if valid.spec.demonstration {
            let message = "synthetic people may log in; production groups refuse them";
            Fact::new("DemonstrationOn", true, "Demonstration", message)
        } else {
            Fact::new("DemonstrationOn", false, "Off", "")
        },
    ]
}

/// What the network's probes have shown. Before this process knows, what was known before it stands.
fn enforcement(platform: &Platform, network: Option<&network_probe::Verdict>) -> Option<Fact> {
    let name = "NetworkPolicyEnforced";
    let known = platform
        .status
        .as_ref()
        .is_some_and(|status| conditions::find(&status.conditions, name).is_some());
    match network {
        Some(network_probe::Verdict::Enforced) => Some(Fact::new(name, true, "Probed", "")),
        Some(network_probe::Verdict::NotEnforced(text)) => {
            let remedy = "use a network that enforces NetworkPolicies";
            Some(Fact::new(
                name,
                false,
                "ForbiddenFlowPassed",
                format!("{text}; {remedy}"),
            ))
        }
        Some(network_probe::Verdict::Unknown(text)) => Some(Fact::unknown(name, "ProbeFailed", text)),
        None if known => None,
        None => Some(Fact::unknown(
            name,
            "NotProbed",
            "the network is probed once the platform is ready",
        )),
    }
}
