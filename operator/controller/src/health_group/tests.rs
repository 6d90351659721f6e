//! From a group's YAML to its objects and conditions.

#![allow(clippy::unwrap_used)]

use dmp_api::health_group::Custody;
use dmp_api::{HealthGroup, HealthGroupStatus, Mode, Platform, Site};
use dmp_homologation::inventory::Ground;

use super::build::build;
use super::dereference::Found;
use super::update_status::status;
use super::validate::{Refusal, Valid, validate};
use crate::plane::ObjectKind;
use crate::status::Refusal as _;
use crate::test_support::{applied, key, objects, sample, trust, yaml};

fn group() -> HealthGroup {
    sample("groups.yaml", "HealthGroup").remove(0)
}

fn found() -> Found {
    let group = group();
    let sites: Vec<Site> = sample("sites.yaml", "Site");
    Found {
        words: None,
        ground: None,
        platform: sample::<Platform>("platform.yaml", "Platform").pop(),
        site: sites
            .into_iter()
            .find(|site| site.metadata.name.as_ref() == Some(&group.spec.site)),
        trust: trust(),
        log_key: Some(key("log-v1")),
        labels: Default::default(),
        databases_started: true,
    }
}

fn valid() -> Valid {
    validate(&group(), &found()).unwrap()
}

#[test]
fn renders_a_group() {
    insta::assert_snapshot!("group", yaml(&build(&valid())));
}

#[test]
fn renders_the_same_twice() {
    assert_eq!(yaml(&build(&valid())), yaml(&build(&valid())));
}

#[test]
fn without_keys_only_databases_and_their_surroundings() {
    let mut found = found();
    found.log_key = None;
    let plane = build(&validate(&group(), &found).unwrap());
    assert!(plane.deployments.is_empty() && plane.config_maps.is_empty());
    assert_eq!(plane.databases.len(), 2);
}

#[test]
fn from_two_instances_on_a_commit_waits_for_a_second_one() {
    let mut valid = valid();
    let synchronous = |valid: &Valid| -> Vec<(i64, Option<String>, i64)> {
        build(valid)
            .databases
            .iter()
            .map(|cluster| {
                let durability = cluster.text("/spec/postgresql/synchronous/dataDurability");
                (
                    cluster.integer("/spec/instances"),
                    durability.map(str::to_owned),
                    cluster.integer("/spec/primaryLease/leaseDurationSeconds"),
                )
            })
            .collect()
    };
    // And who takes over waits for a short lease.
    assert_eq!(synchronous(&valid), [(1, None, 15), (1, None, 15)]);
    valid.spec.database_instances = Some(3);
    let required = (3, Some("required".to_owned()), 5);
    assert_eq!(synchronous(&valid), [required.clone(), required]);
}

#[test]
fn without_secrets_no_pod_that_would_wait_for_them() {
    let mut found = found();
    found.databases_started = false;
    let plane = build(&validate(&group(), &found).unwrap());
    assert!(plane.deployments.is_empty() && plane.services.len() == 1);
}

#[test]
fn no_child_is_owned_by_the_group() {
    for object in objects(&build(&valid())) {
        assert!(
            object.body.pointer("/metadata/ownerReferences").is_none(),
            "{}",
            object.name
        );
    }
}

#[test]
fn a_config_change_rolls_the_pods_and_a_foreign_log_does_not() {
    let hash = |valid: &Valid| {
        let plane = build(valid);
        plane.deployments[0]
            .text("/spec/template/metadata/annotations/dmp.ma~1config-sha256")
            .unwrap()
            .to_owned()
    };
    let mut other_log = valid();
    other_log
        .trust
        .logs
        .insert("dmp.test/log/group/other".to_owned(), key("log-v1"));
    assert_eq!(hash(&valid()), hash(&other_log));
    let mut other_ca = valid();
    other_ca.trust.ca = "another\n".to_owned();
    assert_ne!(hash(&valid()), hash(&other_ca));
}

#[test]
fn a_group_does_not_learn_the_logs_of_others() {
    let plane = build(&valid());
    let keys = plane
        .config_maps
        .iter()
        .find_map(|map| map.text("/data/keys.json"))
        .unwrap()
        .to_owned();
    assert!(keys.contains("dmp.test/log/group/tanger-tetouan-al-hoceima"));
    assert!(!keys.contains("log/registry"));
}

#[test]
fn a_reference_to_nothing_is_refused_with_the_remedy() {
    let mut found = found();
    found.site = None;
    let refusal = validate(&group(), &found).unwrap_err();
    assert_eq!(refusal, Refusal::NoSite("tanger-1".to_owned()));
    assert!(refusal.to_string().contains("apply it"));
    found.platform = None;
    assert_eq!(validate(&group(), &found).unwrap_err(), Refusal::NoPlatform);
}

#[test]
fn pods_and_databases_are_bound_to_the_machines_of_the_site() {
    const TERMS: &str = "/nodeAffinity/requiredDuringSchedulingIgnoredDuringExecution/nodeSelectorTerms";
    let mut found = found();
    let names = |found: &Found| -> Vec<Option<Vec<String>>> {
        let plane = build(&validate(&group(), found).unwrap());
        let pods = plane
            .deployments
            .iter()
            .map(|one| ("/spec/template/spec/affinity", one));
        let databases = plane.databases.iter().map(|one| ("/spec/affinity", one));
        pods.chain(databases)
            .map(|(place, object)| {
                let terms = object.body.pointer(&format!("{place}{TERMS}"))?.as_array()?;
                let name = |term: &serde_json::Value| {
                    term["matchFields"][0]["values"][0].as_str().unwrap().to_owned()
                };
                Some(terms.iter().map(name).collect())
            })
            .collect()
    };
    assert_eq!(names(&found), [None, None, None], "nobody signed");
    let mut ground = Ground {
        nodes: vec!["n1".to_owned(), "n2".to_owned()],
        present: 2,
        strangers: Vec::new(),
    };
    found.ground = Some(ground.clone());
    let both = Some(vec!["n1".to_owned(), "n2".to_owned()]);
    assert_eq!(names(&found), [both.clone(), both.clone(), both]);

    std::mem::swap(&mut ground.nodes, &mut ground.strangers);
    found.ground = Some(ground);
    let refusal = validate(&group(), &found).unwrap_err();
    assert_eq!(refusal.reason(), "NoGround");
    assert!(refusal.to_string().contains("dmpctl site sign"));
}

#[test]
fn custody_of_the_group_is_refused_rather_than_pretended() {
    let mut group = group();
    group.spec.keys.custody = Custody::Group;
    assert_eq!(validate(&group, &found()).unwrap_err(), Refusal::CustodyNotServed);
}

#[test]
fn a_name_older_than_the_rules_is_refused() {
    let mut group = group();
    group.metadata.name = Some("a.b".to_owned());
    assert_eq!(validate(&group, &found()).unwrap_err().reason(), "InvalidName");
}

fn reason(status: &HealthGroupStatus, condition: &str) -> (String, String) {
    let found = k8s_controller::conditions::find(&status.conditions, condition).unwrap();
    (found.status.clone(), found.reason.clone())
}

#[test]
fn conditions_follow_the_applied_objects() {
    let valid = valid();
    let after = |databases, services| status(&group(), &valid, &applied(build(&valid), databases, services));
    let pair = |status: &str, reason: &str| (status.to_owned(), reason.to_owned());
    let nothing = after(false, false);
    assert_eq!(reason(&nothing, "Ready"), pair("False", "DatabaseNotReady"));
    assert_eq!(reason(&nothing, "Reconciling"), pair("True", "DatabaseNotReady"));
    assert_eq!(
        reason(&after(true, false), "Ready"),
        pair("False", "ServiceNotReady")
    );
    let all = after(true, true);
    assert_eq!(reason(&all, "Ready"), pair("True", "Ready"));
    assert_eq!(reason(&all, "Stalled"), pair("False", "Idle"));
    assert_eq!(all.tag.as_deref(), Some(valid.name.tag().as_str()));
}

#[test]
fn the_version_before_serves_while_another_is_rolled_out() {
    let valid = valid();
    let mut plane = applied(build(&valid), true, true);
    for deployment in &mut plane.deployments {
        deployment.body["status"]["updatedReplicas"] = 0.into();
    }
    let rolling = status(&group(), &valid, &plane);
    let pair = |status: &str, reason: &str| (status.to_owned(), reason.to_owned());
    assert_eq!(reason(&rolling, "ServiceReady"), pair("True", "RollingOut"));
    assert_eq!(reason(&rolling, "Ready"), pair("False", "ServiceRollingOut"));
    assert_eq!(rolling.release, None);
}

#[test]
fn the_same_world_gives_the_same_status() {
    let valid = valid();
    let mut group = group();
    let first = status(&group, &valid, &applied(build(&valid), true, true));
    group.status = Some(first.clone());
    assert_eq!(status(&group, &valid, &applied(build(&valid), true, true)), first);
}

#[test]
fn pods_are_restricted() {
    for object in objects(&build(&valid())).filter(|object| object.kind == ObjectKind::Deployment) {
        let pod = &object.body["spec"]["template"]["spec"];
        assert_eq!(pod["automountServiceAccountToken"], false);
        assert_eq!(pod["securityContext"]["runAsNonRoot"], true);
        let container = &pod["containers"][0];
        assert_eq!(container["securityContext"]["readOnlyRootFilesystem"], true);
        assert_eq!(container["securityContext"]["capabilities"]["drop"][0], "ALL");
    }
}

/// A production group and what it found, on a platform that is fit for it.
fn production() -> (HealthGroup, Found) {
    let (mut group, mut found) = (group(), found());
    group.spec.mode = Mode::Production;
    if let Some(platform) = &mut found.platform {
        platform.spec.openbao.managed = false;
        platform.spec.demonstration = false;
    }
    (group, found)
}

#[test]
fn a_production_group_wants_a_platform_for_real_patients() {
    let (group, found) = production();
    assert!(validate(&group, &found).is_ok());

    let (group, mut sealed) = production();
    sealed.platform.as_mut().unwrap().spec.openbao.managed = true;
    let refusal = validate(&group, &sealed).unwrap_err();
    assert_eq!(refusal.reason(), "InsecureSeal");
    assert!(refusal.to_string().contains("Platform.spec.openbao"));

    let (group, mut demonstrating) = production();
    demonstrating.platform.as_mut().unwrap().spec.demonstration = true;
    let refusal = validate(&group, &demonstrating).unwrap_err();
    assert_eq!(refusal.reason(), "DemonstrationOn");
    assert!(refusal.to_string().contains("Platform.spec.demonstration: false"));

    // A sandbox group minds neither.
    let (mut group, mut both) = production();
    group.spec.mode = Mode::Sandbox;
    let platform = both.platform.as_mut().unwrap();
    platform.spec.openbao.managed = true;
    platform.spec.demonstration = true;
    assert!(validate(&group, &both).is_ok());
}
