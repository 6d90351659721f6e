//! From the world to the inputs of checks: one function for each check that can be answered on a running platform.
//!
//! A check that is not in the table is answered by nobody, and its control does not pass by it.

use std::collections::{BTreeMap, BTreeSet};

use dmp_policies::{Catalogue, Inputs};
use jiff::Timestamp;
use serde_json::{Value, json};

use crate::accounts;
use crate::assets;
use crate::clocks;
use crate::endpoints;
use crate::incidents;
use crate::keys;
use crate::logs;
use crate::profile;
use crate::report;
use crate::vulnerabilities;
use crate::world::{Namespace, Pod, Read, World};

/// What a check looks at, once for each namespace or once for all.
#[derive(Clone, Debug)]
pub struct Observed {
    /// The namespace it is about.
    pub scope: Option<String>,
    pub inputs: Inputs,
}

impl Observed {
    fn whole(inputs: Value) -> Vec<Self> {
        vec![Self::new(None, inputs)]
    }

    pub fn new(scope: Option<&str>, inputs: Value) -> Self {
        let inputs = match inputs {
            Value::Object(inputs) => inputs,
            _ => Inputs::new(),
        };
        Self {
            scope: scope.map(ToOwned::to_owned),
            inputs,
        }
    }
}

type Collector = fn(&World, &Catalogue) -> Read<Vec<Observed>>;

/// Control, check, who collects for it.
pub const COLLECTORS: &[(&str, &str, Collector)] = &[
    ("DMP-NET-01", "policies", default_deny),
    ("DMP-NET-01", "probe", probed),
    ("DMP-NET-02", "services", exposed),
    ("DMP-NET-02", "host", on_host),
    ("DMP-WRK-01", "labels", pod_security),
    ("DMP-IAM-01", "grants", grants),
    ("DMP-IAM-03", "pairs", role_pairs),
    ("DMP-IAM-04", "tokens", tokens_of_pods),
    ("DMP-IAM-04", "subjects", impersonal),
    ("DMP-IAM-05", "dormant", accounts::uses),
    ("DMP-WRK-02", "images", images),
    ("DMP-WRK-03", "vulnerabilities", vulnerabilities::known),
    ("DMP-WRK-04", "shared", shared_by_modes),
    ("DMP-WRK-05", "policies", admission_policies),
    ("DMP-RES-01", "placement", placements),
    ("DMP-WRK-06", "pods", secrets_in_pods),
    ("DMP-RES-05", "qualified", qualifications),
    ("DMP-BCK-04", "spread", spread),
    ("DMP-GOV-01", "decision", decisions),
    ("DMP-GOV-03", "exceptions", tolerated),
    ("DMP-GOV-03", "profile", profile::values),
    ("DMP-INC-01", "clocks", incidents::notices),
    ("DMP-LOG-03", "levels", audited),
    ("DMP-CRY-04", "age", keys::ages),
    ("DMP-CRY-04", "kept", keys::kept),
    ("DMP-CRY-04", "authorities", keys::authorities),
    ("DMP-CRY-06", "endpoints", endpoints::listeners),
    ("DMP-CRY-06", "stores", endpoints::stores),
    ("DMP-LOG-01", "oldest", logs::stores),
    ("DMP-LOG-05", "skew", clocks::skews),
    ("DMP-GOV-04", "fresh", evidence_ages),
    ("DMP-GOV-05", "labels", assets::labels),
];

fn seen<T>(read: &Read<T>) -> Read<&T> {
    read.as_ref().map_err(Clone::clone)
}

fn ours(world: &World) -> Read<impl Iterator<Item = &Namespace>> {
    let namespaces = seen(&world.namespaces)?;
    Ok(namespaces.iter().filter(|space| space.ours))
}

fn names<'w>(spaces: impl Iterator<Item = &'w Namespace>) -> BTreeSet<&'w str> {
    spaces.map(|space| space.name.as_str()).collect()
}

fn default_deny(world: &World, _: &Catalogue) -> Read<Vec<Observed>> {
    let denials = seen(&world.denials)?;
    let one = |space: &Namespace| {
        let mine = || denials.iter().filter(|denial| denial.namespace == space.name);
        let facts = json!({
            "name": space.name,
            "denyIngress": mine().any(|denial| denial.ingress),
            "denyEgress": mine().any(|denial| denial.egress),
        });
        Observed::new(Some(&space.name), json!({ "namespaces": [facts] }))
    };
    let namespaces = seen(&world.namespaces)?;
    let meant = namespaces.iter().filter(|space| space.ours || space.vendors);
    Ok(meant.map(one).collect())
}

fn probed(world: &World, _: &Catalogue) -> Read<Vec<Observed>> {
    let enforcement = seen(&world.enforcement)?;
    Ok(Observed::whole(json!({ "network": {
        "enforced": enforcement.status, "operatorAlive": enforcement.operator_alive,
    } })))
}

fn exposed(world: &World, _: &Catalogue) -> Read<Vec<Observed>> {
    let names = names(ours(world)?);
    let services = seen(&world.services)?;
    // What is a plain ClusterIP is fine by itself: it is counted, so that thousands of groups stay within what can be judged.
    let plain = |one: &&crate::world::Service| one.kind == "ClusterIP" && one.external_ips.is_empty();
    let mine = || {
        services
            .iter()
            .filter(|one| names.contains(one.namespace.as_str()))
    };
    let open: Vec<_> = mine()
        .filter(|one| !plain(one))
        .map(|one| {
            json!({
                "namespace": one.namespace, "name": one.name, "type": one.kind, "externalIPs": one.external_ips,
            })
        })
        .collect();
    Ok(Observed::whole(
        json!({ "services": open, "plain": mine().filter(plain).count() }),
    ))
}

/// The pods of the platform's namespaces.
fn our_pods(world: &World) -> Read<Vec<&Pod>> {
    let names = names(ours(world)?);
    let pods = seen(&world.pods)?.iter();
    Ok(pods
        .filter(|pod| names.contains(pod.namespace.as_str()))
        .collect())
}

fn place(pod: &Pod) -> String {
    format!("{}/{}", pod.namespace, pod.name)
}

fn on_host(world: &World, _: &Catalogue) -> Read<Vec<Observed>> {
    let pods = our_pods(world)?;
    let on_host = pods.iter().filter(|pod| pod.on_host);
    let on_host: Vec<_> = on_host.map(|pod| json!({ "name": place(pod) })).collect();
    Ok(Observed::whole(
        json!({ "pods": !pods.is_empty(), "onHost": on_host }),
    ))
}

fn secrets_in_pods(world: &World, _: &Catalogue) -> Read<Vec<Observed>> {
    refused_pods(world, |pod| &pod.secrets)
}

fn tokens_of_pods(world: &World, _: &Catalogue) -> Read<Vec<Observed>> {
    refused_pods(world, |pod| &pod.tokens)
}

fn refused_pods(world: &World, said: fn(&Pod) -> &[&'static str]) -> Read<Vec<Observed>> {
    let pods = our_pods(world)?;
    let found = pods.iter().filter(|pod| !said(pod).is_empty());
    let found: Vec<_> = found
        .map(|pod| json!({ "name": place(pod), "said": said(pod).join("; ") }))
        .collect();
    Ok(Observed::whole(json!({ "searched": pods.len(), "found": found })))
}

fn pod_security(world: &World, _: &Catalogue) -> Read<Vec<Observed>> {
    let pods = seen(&world.pods)?;
    let with_pods: BTreeSet<&str> = pods.iter().map(|pod| pod.namespace.as_str()).collect();
    let namespaces = seen(&world.namespaces)?;
    let spaces = namespaces
        .iter()
        .filter(|space| with_pods.contains(space.name.as_str()));
    let one = |space: &Namespace| {
        let facts = json!({ "name": space.name, "enforce": space.enforce });
        Observed::new(Some(&space.name), json!({ "namespaces": [facts] }))
    };
    Ok(spaces.map(one).collect())
}

fn grants(world: &World, _: &Catalogue) -> Read<Vec<Observed>> {
    let rights = seen(&world.rights)?;
    let items: Vec<_> = rights
        .grants
        .iter()
        .map(|grant| {
            // Of resources only the wildcard is asked for.
            let wildcard = grant.resources.contains("*");
            let resources: &[&str] = if wildcard { &["*"] } else { &[] };
            json!({ "subject": grant.subject, "verbs": grant.verbs, "resources": resources })
        })
        .collect();
    Ok(Observed::whole(json!({ "grants": items })))
}

fn role_pairs(world: &World, _: &Catalogue) -> Read<Vec<Observed>> {
    let mut pairs = Vec::new();
    for grant in &seen(&world.rights)?.grants {
        let roles: Vec<_> = grant
            .roles
            .iter()
            .filter(|role| role.starts_with("dmp-"))
            .collect();
        for (at, first) in roles.iter().enumerate() {
            let pair =
                |second: &&String| json!({ "subject": grant.subject, "roles": format!("{first}+{second}") });
            pairs.extend(roles[at + 1..].iter().map(pair));
        }
    }
    Ok(Observed::whole(json!({ "pairs": pairs })))
}

fn impersonal(world: &World, _: &Catalogue) -> Read<Vec<Observed>> {
    let names = seen(&world.rights)?.impersonal.iter();
    let items: Vec<_> = names.map(|name| json!({ "name": name })).collect();
    Ok(Observed::whole(json!({ "bindings": items })))
}

/// Nodes with pods of both; a group's keys are in an OpenBao namespace of its own.
fn shared_by_modes(world: &World, _: &Catalogue) -> Read<Vec<Observed>> {
    let groups = seen(&world.groups)?;
    let pods = seen(&world.pods)?;
    let namespaces = seen(&world.namespaces)?;
    let nodes = |production: bool| -> BTreeSet<&str> {
        let of = groups.iter().filter(|group| group.production == production);
        let of: BTreeSet<&str> = of.map(|group| group.name.as_str()).collect();
        let spaces = names(
            namespaces
                .iter()
                .filter(|space| of.contains(space.group.as_str())),
        );
        let theirs = pods.iter().filter(|pod| spaces.contains(pod.namespace.as_str()));
        theirs
            .map(|pod| pod.node.as_str())
            .filter(|node| !node.is_empty())
            .collect()
    };
    let (real, tried) = (nodes(true), nodes(false));
    let shared: Vec<_> = real
        .intersection(&tried)
        .map(|node| json!({ "kind": "node", "name": node }))
        .collect();
    let production = groups.iter().filter(|group| group.production).count();
    Ok(Observed::whole(
        json!({ "shared": shared, "production": production }),
    ))
}

fn admission_policies(world: &World, _: &Catalogue) -> Read<Vec<Observed>> {
    let policies = seen(&world.admission)?;
    let policy = |one: &crate::admission::Policy| json!({ "name": one.name, "asReleased": one.as_released, "bound": one.bound });
    let items: Vec<_> = policies.iter().map(policy).collect();
    Ok(Observed::whole(json!({ "policies": items })))
}

fn qualifications(world: &World, _: &Catalogue) -> Read<Vec<Observed>> {
    let sites = seen(&world.sites)?;
    let site = |site: &crate::world::Site| json!({ "name": site.name, "level": site.level, "expires": site.expires });
    let items: Vec<_> = sites.iter().map(site).collect();
    Ok(Observed::whole(json!({ "sites": items })))
}

/// By namespace and site: what is where it belongs is counted.
fn placements(world: &World, _: &Catalogue) -> Read<Vec<Observed>> {
    let placements = seen(&world.placements)?;
    let one = |one: &crate::placement::Placement| {
        json!({
            "namespace": one.namespace, "wantedSite": one.wanted, "attestedSite": one.attested,
            "territory": one.territory, "pods": one.pods, "volumes": one.volumes, "name": one.example,
        })
    };
    let items: Vec<_> = placements.iter().map(one).collect();
    Ok(Observed::whole(json!({ "placements": items })))
}

fn audited(world: &World, _: &Catalogue) -> Read<Vec<Observed>> {
    let audit = seen(&world.audit)?;
    Ok(Observed::whole(json!({ "audit": {
        "silentMinutes": audit.silent_minutes, "withoutRequest": audit.without_request,
    } })))
}

/// By image: the pods that run it are counted.
fn images(world: &World, _: &Catalogue) -> Read<Vec<Observed>> {
    let images = seen(&world.images)?;
    let one = |image: &crate::images::Image| {
        json!({
            "reference": image.reference, "byDigest": image.by_digest,
            "fromSovereignRegistry": image.from_sovereign_registry, "signed": image.signed,
            "pods": image.pods, "pod": image.example,
        })
    };
    let items: Vec<_> = images.iter().map(one).collect();
    Ok(Observed::whole(json!({ "images": items })))
}

fn decisions(world: &World, _: &Catalogue) -> Read<Vec<Observed>> {
    let homologated = seen(&world.homologated)?;
    let one = |one: &crate::homologated::Homologated| {
        json!({
            "name": one.name, "decisionUntil": one.decision_until, "auditAt": one.audit_at,
            "auditorQualified": !one.audit_at.is_empty(),
        })
    };
    let items: Vec<_> = homologated.iter().map(one).collect();
    Ok(Observed::whole(json!({ "groups": items })))
}

/// Those in force. The result of this check names them in every report (`report`).
fn tolerated(world: &World, catalogue: &Catalogue) -> Read<Vec<Observed>> {
    let in_force = crate::exceptions::in_force(world, catalogue)?;
    let date = |date: Option<jiff::civil::Date>| date.map_or_else(String::new, |date| date.to_string());
    let items: Vec<_> = in_force
        .iter()
        .map(|one| {
            json!({
                "name": one.name, "control": one.control, "owner": one.role, "approver": one.approved,
                "asked": date(one.asked), "until": date(one.until), "namespaces": one.namespaces,
            })
        })
        .collect();
    Ok(Observed::whole(json!({ "exceptions": items })))
}

fn spread(world: &World, _: &Catalogue) -> Read<Vec<Observed>> {
    let pods = seen(&world.pods)?;
    let nodes = seen(&world.nodes)?;
    let budgets = seen(&world.budgets)?;
    let zones: BTreeMap<&str, &str> = nodes
        .iter()
        .map(|node| (node.name.as_str(), node.zone.as_str()))
        .collect();
    let mut found = Vec::new();
    for plane in ours(world)? {
        let mut services = BTreeMap::<&str, BTreeSet<&str>>::new();
        for pod in pods
            .iter()
            .filter(|pod| pod.namespace == plane.name && !pod.app.is_empty())
        {
            let in_zones = services.entry(&pod.app).or_default();
            let zone = zones
                .get(pod.node.as_str())
                .filter(|zone| pod.ready && !zone.is_empty());
            in_zones.extend(zone);
        }
        if services.is_empty() {
            continue;
        }
        let budget = |app: &str| {
            let mut mine = budgets.iter().filter(|budget| budget.namespace == plane.name);
            mine.any(|budget| budget.app == app)
        };
        let items: Vec<_> = services
            .iter()
            .map(|(app, zones)| json!({ "name": app, "zones": zones.len(), "budget": budget(app) }))
            .collect();
        found.push(Observed::new(Some(&plane.name), json!({ "services": items })));
    }
    Ok(found)
}

fn evidence_ages(world: &World, catalogue: &Catalogue) -> Read<Vec<Observed>> {
    let report = seen(&world.report)?;
    let mut oldest = BTreeMap::<&str, (i64, u32)>::new();
    for result in report.iter().flat_map(|report| &report.results) {
        let Some(control) = catalogue.control(&result.policy) else {
            continue;
        };
        if report::verdict(result) == "pass" {
            let days = days(Timestamp::from(result.timestamp), world.at);
            let age = oldest
                .entry(&control.id)
                .or_insert((days, control.evidence.ttl_days));
            age.0 = age.0.max(days);
        }
    }
    let items: Vec<_> = oldest
        .into_iter()
        .map(|(control, (age, ttl))| json!({ "control": control, "evidenceAgeDays": age, "ttlDays": ttl }))
        .collect();
    Ok(Observed::whole(json!({ "passed": items })))
}

/// Days that have begun.
fn days(from: Timestamp, to: Timestamp) -> i64 {
    (to.as_second() - from.as_second()).max(0).div_euclid(86_400)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_the_catalogue_says_is_observed_is_what_is_collected() {
        let catalogue = Catalogue::embedded().unwrap();
        let said: BTreeSet<_> = catalogue
            .controls()
            .iter()
            .flat_map(|control| control.checks.iter().map(move |check| (control, check)))
            .filter(|(_, check)| check.observed)
            .map(|(control, check)| (control.id.as_str(), check.name.as_str()))
            .collect();
        let done: BTreeSet<_> = COLLECTORS
            .iter()
            .map(|(control, check, _)| (*control, *check))
            .collect();
        assert_eq!(said, done);
    }
}
