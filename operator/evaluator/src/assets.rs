//! Whose each namespace, volume and Service of the platform is, which class of data it holds and what for, as DMP-GOV-05 asks for
//! it: by the labels that are there.
//!
//! Where there are health data nobody's label decides alone: the national plane, production groups, and each plane that does not
//! say that its patients are invented, which a group that was retired cannot say any more by its object.

use std::collections::{BTreeMap, BTreeSet};

use dmp_api::asset::{DataClass, TESTING};
use dmp_api::names::NATIONAL_NAMESPACE;
use dmp_policies::Catalogue;
use serde_json::{Value, json};

use crate::collect::Observed;
use crate::world::{Labelled, Namespace, Read, World};

/// In a check's inputs: of what has no class, or none of the five.
const NO_CLASS: i64 = -1;

/// Of each namespace: itself, its volumes and its Services.
pub fn labels(world: &World, _: &Catalogue) -> Read<Vec<Observed>> {
    let namespaces = world.namespaces.as_ref().map_err(Clone::clone)?;
    let claims = world.claims.as_ref().map_err(Clone::clone)?;
    let services = world.services.as_ref().map_err(Clone::clone)?;
    let groups = world.groups.as_ref().map_err(Clone::clone)?;
    let production = groups.iter().filter(|group| group.production);
    let production: BTreeSet<&str> = production.map(|group| group.name.as_str()).collect();

    let mut inside = BTreeMap::<&str, Vec<(&str, &str, &Labelled)>>::new();
    for claim in claims {
        let seen = ("PersistentVolumeClaim", claim.name.as_str(), &claim.labelled);
        inside.entry(&claim.namespace).or_default().push(seen);
    }
    for service in services {
        let seen = ("Service", service.name.as_str(), &service.labelled);
        inside.entry(&service.namespace).or_default().push(seen);
    }
    let of = |space: &Namespace| {
        let health = has_health_data(space, &production);
        let own = ("Namespace", space.name.as_str(), &space.labelled);
        let inside = inside.get(space.name.as_str()).into_iter().flatten();
        let objects = [&own].into_iter().chain(inside);
        let objects: Vec<_> = objects.map(|seen| facts(*seen, health)).collect();
        Observed::new(Some(&space.name), json!({ "objects": objects }))
    };
    let meant = namespaces.iter().filter(|space| space.ours || space.vendors);
    Ok(meant.map(of).collect())
}

fn has_health_data(space: &Namespace, production: &BTreeSet<&str>) -> bool {
    space.name == NATIONAL_NAMESPACE
        || production.contains(space.group.as_str())
        || (space.protected && space.labelled.purpose != TESTING)
}

fn facts((kind, name, labelled): (&str, &str, &Labelled), health: bool) -> Value {
    let class = labelled.class.map(DataClass::number);
    json!({
        "kind": kind, "name": name, "owner": labelled.owner, "dataClass": class.map_or(NO_CLASS, i64::from),
        "purpose": labelled.purpose, "healthData": health,
    })
}

#[cfg(test)]
mod tests {
    use dmp_api::Asset;
    use jiff::Timestamp;

    use super::*;
    use crate::pass::pass;
    use crate::report::{Reports, reports, verdict};
    use crate::world::{Claim, Group, Service};

    fn now() -> Timestamp {
        "2026-12-01T12:00:00Z".parse().unwrap()
    }

    fn labelled(class: &str, purpose: &str) -> Labelled {
        Labelled {
            owner: "souss-massa".to_owned(),
            class: DataClass::parse(class),
            purpose: purpose.to_owned(),
        }
    }

    fn space(group: &str, protected: bool, labelled: Labelled) -> Namespace {
        Namespace {
            name: format!("dmp-{group}"),
            ours: true,
            group: group.to_owned(),
            protected,
            labelled,
            ..Namespace::default()
        }
    }

    fn claim(labelled: Labelled) -> Claim {
        Claim {
            namespace: "dmp-souss-massa".to_owned(),
            name: "records-1".to_owned(),
            labelled,
            ..Claim::default()
        }
    }

    /// A world of one production group, `souss-massa`, and one of trials, `oriental`.
    fn world(namespaces: Vec<Namespace>, claims: Vec<Claim>, services: Vec<Service>) -> World {
        let group = |name: &str, production: bool| Group {
            name: name.to_owned(),
            production,
            ..Group::default()
        };
        World {
            namespaces: Ok(namespaces),
            claims: Ok(claims),
            services: Ok(services),
            groups: Ok(vec![group("souss-massa", true), group("oriental", false)]),
            ..World::unread(now())
        }
    }

    fn said(world: &World) -> (String, String) {
        let catalogue = Catalogue::embedded().unwrap();
        let report = reports(&pass(&catalogue, world), &Reports::default(), now()).cluster;
        let mut results = report.results.iter();
        let found = results.find(|one| one.policy == "DMP-GOV-05" && one.rule == "labels");
        let found = found.unwrap();
        (verdict(found).to_owned(), found.message.clone())
    }

    fn real() -> Namespace {
        space("souss-massa", true, labelled("4", "care"))
    }

    #[test]
    fn a_platform_as_the_product_labels_it_passes() {
        let of = |asset: &Asset| Labelled {
            owner: asset.owner.clone(),
            class: Some(asset.class),
            purpose: asset.purpose.clone(),
        };
        let trial = Asset::of_group("oriental", dmp_api::Mode::Sandbox);
        let vendor = Namespace {
            name: "vendor-atlas".to_owned(),
            vendors: true,
            labelled: of(&Asset::of_vendor("atlas")),
            ..Namespace::default()
        };
        let mut national = space("national", true, of(&Asset::national()));
        national.group.clear();
        let spaces = vec![national, real(), space("oriental", true, of(&trial)), vendor];
        let world = world(spaces, vec![claim(labelled("4", "care"))], Vec::new());
        assert_eq!(said(&world), ("pass".to_owned(), String::new()));
    }

    #[test]
    fn what_has_no_owner_no_purpose_or_no_class_fails_its_namespace() {
        let whole = labelled("4", "care");
        let without = [
            Labelled {
                owner: String::new(),
                ..whole.clone()
            },
            labelled("4", ""),
            labelled("5", "care"),
        ];
        for lacking in without {
            let world = world(vec![real()], vec![claim(lacking)], Vec::new());
            let (verdict, message) = said(&world);
            assert_eq!(verdict, "fail");
            assert!(message.contains("dmp-souss-massa"), "{message}");
        }
        let stray = Service {
            namespace: "dmp-souss-massa".to_owned(),
            name: "stray".to_owned(),
            ..Service::default()
        };
        let (verdict, message) = said(&world(vec![real()], Vec::new(), vec![stray]));
        assert_eq!(verdict, "fail");
        assert!(message.contains("dmp-souss-massa"), "{message}");
    }

    #[test]
    fn health_data_are_of_class_four_wherever_nobody_invented_the_patients() {
        let fails = |space: Namespace| said(&world(vec![space], Vec::new(), Vec::new())).0 == "fail";
        assert!(!fails(real()));
        // Of a production group, whatever its labels say.
        for (class, purpose) in [("3", "care"), ("1", "testing")] {
            assert!(fails(space("souss-massa", true, labelled(class, purpose))));
        }
        let volume = claim(labelled("2", "care"));
        assert_eq!(said(&world(vec![real()], vec![volume], Vec::new())).0, "fail");
        let mut national = space("national", false, labelled("3", "testing"));
        national.group.clear();
        assert!(fails(national));
        // Of trials, and of a group that was retired: what it said of itself.
        for group in ["oriental", "retired"] {
            assert!(!fails(space(group, true, labelled("1", "testing"))));
            assert!(fails(space(group, true, labelled("1", "care"))));
        }
        let evidence = space("evidence", false, labelled("2", "compliance"));
        assert!(!fails(evidence), "no plane");
    }

    #[test]
    fn nothing_at_all_is_no_pass_and_what_cannot_be_read_is_an_error() {
        assert_ne!(said(&world(Vec::new(), Vec::new(), Vec::new())).0, "pass");
        let theirs = Namespace {
            name: "default".to_owned(),
            ..Namespace::default()
        };
        assert_ne!(said(&world(vec![theirs], Vec::new(), Vec::new())).0, "pass");
        let unread = World {
            namespaces: Ok(vec![real()]),
            ..World::unread(now())
        };
        assert_eq!(said(&unread).0, "error");
    }
}
