#![allow(clippy::unwrap_used)]

use dmp_api::body::Organisation;
use dmp_api::vendor::{Member, VendorSpec};
use dmp_api::{HealthGroup, Mode, Platform, Vendor};
use jiff::Timestamp;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::Time;
use serde_json::json;

use super::dereference::Found;
use super::validate::{Refusal, validate};

/// Divisible by 97.
const ICE: &str = "001234567000062";

fn vendor(name: &str, ice: &str, created: i64) -> Vendor {
    let mut vendor = Vendor::new(
        name,
        VendorSpec {
            organisation: Organisation {
                name: "Atlas Santé".to_owned(),
                ice: ice.to_owned(),
            },
            members: vec![Member {
                issuer: "https://issuer.test".to_owned(),
                subject: "a".to_owned(),
            }],
            population: 3,
        },
    );
    vendor.metadata.creation_timestamp = Some(Time(Timestamp::from_second(created).unwrap()));
    vendor
}

fn found(sandbox: Option<&str>, mode: Mode) -> Found {
    let platform: Platform = serde_json::from_value(json!({
        "apiVersion": "dmp.ma/v1alpha1", "kind": "Platform", "metadata": { "name": "national" },
        "spec": {
            "release": "1", "images": { "dmp": "d", "postgres": "p" }, "domain": "dmp.test", "site": "s",
            "gateway": { "publicNames": ["gateway.dmp.test"] }, "sandboxGroup": sandbox,
        },
    }))
    .unwrap();
    let group: HealthGroup = serde_json::from_value(json!({
        "apiVersion": "dmp.ma/v1alpha1", "kind": "HealthGroup", "metadata": { "name": "bac" },
        "spec": { "kind": "gst", "region": "MA-01", "site": "s", "mode": mode.as_str(), "controller": { "name": "c" } },
    }))
    .unwrap();
    Found {
        platform: Some(platform),
        group: Some(group),
        vendors: Vec::new(),
        namespace: None,
    }
}

#[test]
fn gets_a_namespace_and_a_place_of_its_own() {
    let valid = validate(&vendor("atlas", ICE, 1), &found(Some("bac"), Mode::Sandbox)).unwrap();
    assert_eq!(valid.namespace, "vendor-atlas");
    assert_eq!(valid.place.realm, "vendor-atlas/3");
    assert_eq!(valid.place.health_group, "bac");
    assert_eq!(valid.place.establishment.len(), 9);
    assert!(valid.place.establishment.starts_with("99"));
    let [namespace, rule] = super::build::build(&valid);
    assert_eq!(namespace.name, "vendor-atlas");
    assert_eq!(rule.namespace.as_deref(), Some("vendor-atlas"));
    assert_eq!(rule.body["spec"]["policyTypes"], json!(["Ingress", "Egress"]));
    assert!(rule.body["spec"].get("ingress").is_none() && rule.body["spec"].get("egress").is_none());
    assert!(
        valid
            .place
            .establishment
            .bytes()
            .all(|byte| byte.is_ascii_digit())
    );
}

#[test]
fn the_first_of_an_organisation_stays_its_vendor() {
    let mut around = found(Some("bac"), Mode::Sandbox);
    let (first, second) = (vendor("atlas", ICE, 1), vendor("b", ICE, 2));
    around.vendors = vec![first.clone(), second.clone()];
    validate(&first, &around).unwrap();
    let refused = validate(&second, &around);
    assert_eq!(refused, Err(Refusal::OrganisationTaken("atlas".to_owned())));
}

#[test]
fn a_namespace_that_the_agency_made_for_another_is_not_taken_over() {
    let mut around = found(Some("bac"), Mode::Sandbox);
    let labels = |vendor: &str| Some([("dmp.ma/vendor".to_owned(), vendor.to_owned())].into());
    let atlas = vendor("atlas", ICE, 1);
    for (namespace, free) in [
        (None, true),
        (labels("atlas"), true),
        (labels("b"), false),
        (Some([].into()), false),
    ] {
        around.namespace = namespace;
        let refused = Err(Refusal::NamespaceTaken("vendor-atlas".to_owned()));
        let judged = validate(&atlas, &around);
        assert_eq!(judged.is_ok(), free, "{judged:?}");
        assert!(free || judged == refused);
    }
}

#[test]
fn nobody_signs_up_where_there_is_no_sandbox_or_with_a_mistyped_number() {
    let atlas = vendor("atlas", ICE, 1);
    let refused = |around: &Found| validate(&atlas, around).unwrap_err();
    assert_eq!(refused(&Found::default()), Refusal::NoPlatform);
    assert_eq!(refused(&found(None, Mode::Sandbox)), Refusal::NoSandbox);
    let real = found(Some("bac"), Mode::Production);
    assert_eq!(refused(&real), Refusal::NotASandbox("bac".to_owned()));
    let mut gone = found(Some("bac"), Mode::Sandbox);
    gone.group = None;
    assert_eq!(refused(&gone), Refusal::NoGroup("bac".to_owned()));
    let mistyped = vendor("atlas", "001234567000063", 1);
    let sandbox = found(Some("bac"), Mode::Sandbox);
    assert_eq!(validate(&mistyped, &sandbox), Err(Refusal::Ice));
}
