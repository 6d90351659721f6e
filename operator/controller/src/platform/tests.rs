//! From the platform's YAML to the national plane and its conditions.

#![allow(clippy::unwrap_used)]

use dmp_api::names::NATIONAL_DATABASES;
use dmp_api::{Platform, PlatformStatus, Site};

use super::build::build;
use super::dereference::{Found, GroupLog};
use super::update_status::status;
use super::validate::{Refusal, Valid, validate};
use crate::status::Refusal as _;
use crate::test_support::{applied, key, sample, trust, yaml};

fn platform() -> Platform {
    sample("platform.yaml", "Platform").remove(0)
}

fn found() -> Found {
    let sites: Vec<Site> = sample("sites.yaml", "Site");
    Found {
        ground: None,
        words: Default::default(),
        site: sites
            .into_iter()
            .find(|site| site.metadata.name.as_deref() == Some("casablanca-1")),
        trust: trust(),
        groups: vec![GroupLog {
            name: "tanger".parse().unwrap(),
            key: key("log-v1"),
        }],
        group_count: 1,
        labels: Default::default(),
        databases_started: NATIONAL_DATABASES.into(),
    }
}

fn valid() -> Valid {
    validate(&platform(), &found()).unwrap()
}

#[test]
fn renders_the_national_plane() {
    insta::assert_snapshot!("national", yaml(&build(&valid())));
}

fn config(valid: &Valid, name: &str) -> String {
    let map = format!("{name}-config");
    build(valid)
        .config_maps
        .iter()
        .find(|m| m.name == map)
        .unwrap()
        .text("/data/config.toml")
        .unwrap()
        .to_owned()
}

#[test]
fn audit_pulls_every_log_but_its_own() {
    let text = config(&valid(), "audit");
    for origin in [
        "dmp.test/log/registry",
        "dmp.test/log/consent",
        "dmp.test/log/group/tanger",
    ] {
        assert!(text.contains(&format!("origin = \"{origin}\"")), "{origin}");
    }
    assert!(!text.contains("log/audit\""));
}

#[test]
fn a_new_group_rolls_audit_only() {
    let hashes = |valid: &Valid| -> Vec<(String, String)> {
        build(valid)
            .deployments
            .iter()
            .map(|deployment| {
                let hash = deployment
                    .text("/spec/template/metadata/annotations/dmp.ma~1config-sha256")
                    .unwrap();
                (deployment.name.clone(), hash.to_owned())
            })
            .collect()
    };
    let mut more = valid();
    more.groups.push(GroupLog {
        name: "casablanca".parse().unwrap(),
        key: key("log-v1"),
    });
    let (before, after) = (hashes(&valid()), hashes(&more));
    let rolled: Vec<_> = before
        .iter()
        .filter(|each| !after.contains(each))
        .map(|(name, _)| name.as_str())
        .collect();
    assert_eq!(rolled, ["audit"]);
}

#[test]
fn every_config_is_toml() {
    // Written by hand: a table that is opened twice would only be noticed by a service that does not start.
    for name in dmp_api::names::NATIONAL_SERVICES {
        let text = config(&valid(), name);
        text.parse::<toml::Table>()
            .unwrap_or_else(|error| panic!("{name}: {error}\n{text}"));
    }
}

#[test]
fn a_name_that_is_no_host_is_refused() {
    let mut platform = platform();
    platform.spec.gateway.public_names = vec!["ok.test".to_owned(), "not a host".to_owned()];
    let refusal = validate(&platform, &found()).unwrap_err();
    assert_eq!(
        refusal,
        Refusal::PublicName {
            index: 1,
            name: "not a host".to_owned()
        }
    );
}

#[test]
fn a_platform_without_site_is_refused() {
    let mut found = found();
    found.site = None;
    assert_eq!(
        validate(&platform(), &found).unwrap_err().reason(),
        "SiteNotFound"
    );
}

fn reason(status: &PlatformStatus, condition: &str) -> (String, String) {
    let found = k8s_controller::conditions::find(&status.conditions, condition).unwrap();
    (found.status.clone(), found.reason.clone())
}

#[test]
fn what_must_be_known_is_said() {
    let valid = valid();
    let ready = status(&platform(), &valid, &applied(build(&valid), true, true), None);
    let pair = |status: &str, reason: &str| (status.to_owned(), reason.to_owned());
    assert_eq!(reason(&ready, "Ready"), pair("True", "Ready"));
    assert_eq!(
        reason(&ready, "NetworkPolicyEnforced"),
        pair("Unknown", "NotProbed")
    );
    assert_eq!(reason(&ready, "InsecureSeal"), pair("True", "StaticSeal"));
    assert_eq!(reason(&ready, "DemonstrationOn"), pair("True", "Demonstration"));
    assert_eq!(ready.groups, Some(1));
}

#[test]
fn the_network_is_what_its_probes_say_and_what_was_known_stays() {
    use crate::network_probe::Verdict;

    let valid = valid();
    let mut platform = platform();
    let mut after = |network: Option<Verdict>| {
        let plane = applied(build(&valid), true, true);
        let new = status(&platform, &valid, &plane, network.as_ref());
        platform.status = Some(new.clone());
        reason(&new, "NetworkPolicyEnforced")
    };
    let pair = |status: &str, reason: &str| (status.to_owned(), reason.to_owned());
    assert_eq!(after(None), pair("Unknown", "NotProbed"));
    let passed = Verdict::NotEnforced("namespace `dmp-national`: ingress".to_owned());
    assert_eq!(after(Some(passed)), pair("False", "ForbiddenFlowPassed"));
    // Another operator, which has not probed yet.
    assert_eq!(after(None), pair("False", "ForbiddenFlowPassed"));
    assert_eq!(after(Some(Verdict::Enforced)), pair("True", "Probed"));
    let stuck = Verdict::Unknown("no node".to_owned());
    assert_eq!(after(Some(stuck)), pair("Unknown", "ProbeFailed"));
}

#[test]
fn a_service_that_is_missing_is_named() {
    let valid = valid();
    let waiting = status(&platform(), &valid, &applied(build(&valid), true, false), None);
    let service = k8s_controller::conditions::find(&waiting.conditions, "ServiceReady").unwrap();
    assert!(service.message.contains("gateway"));
    assert_eq!(waiting.release, None);
}
