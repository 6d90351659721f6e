//! Which credentials are signed, and when again.

#![allow(clippy::unwrap_used)]

use dmp_api::solution::ProductKind;
use dmp_api::solution_credential::Establishment;
use dmp_api::{
    HealthGroup, Mode, Platform, Solution, SolutionCredential, SolutionCredentialSpec,
    SolutionCredentialStatus, SolutionRevocation, SolutionRevocationSpec, SolutionSpec, SolutionVersion,
    SolutionVersionSpec,
};
use dmp_homologation::canonical::digest;
use jiff::{SignedDuration, Timestamp};
use rcgen::{CertificateParams, KeyPair, PKCS_ECDSA_P256_SHA256, PKCS_ED25519, SignatureAlgorithm};

use super::build::build;
use super::dereference::Found;
use super::validate::validate;
use crate::status::Refusal as _;
use crate::test_support::sample;

fn csr(algorithm: &'static SignatureAlgorithm) -> String {
    let key = KeyPair::generate_for(algorithm).unwrap();
    CertificateParams::default()
        .serialize_request(&key)
        .unwrap()
        .pem()
        .unwrap()
}

fn credential() -> SolutionCredential {
    let mut credential = SolutionCredential::new(
        "chu-tanger",
        SolutionCredentialSpec {
            solution: "atlas-sih".to_owned(),
            version: "4.2".to_owned(),
            establishment: Some(Establishment {
                inpe: "123456789".to_owned(),
            }),
            health_group: Some("tanger-tetouan-al-hoceima".to_owned()),
            mode: Mode::Sandbox,
            csr: csr(&PKCS_ECDSA_P256_SHA256),
            installation: None,
        },
    );
    credential.metadata.namespace = Some("vendor-atlas".to_owned());
    credential
}

fn solution(kind: ProductKind) -> Solution {
    Solution::new(
        "atlas-sih",
        SolutionSpec {
            vendor: "atlas".to_owned(),
            product: "Atlas".to_owned(),
            organisation: None,
            kind,
        },
    )
}

fn found() -> Found {
    Found {
        platform: sample::<Platform>("platform.yaml", "Platform").pop(),
        solution: Some(solution(ProductKind::Hospital)),
        versions: vec![SolutionVersion::new(
            "v",
            SolutionVersionSpec {
                solution: "atlas-sih".to_owned(),
                version: "4.2".to_owned(),
                package: None,
            },
        )],
        group: Some(sample::<HealthGroup>("groups.yaml", "HealthGroup").remove(0)),
        revocations: Vec::new(),
        dossier: None,
    }
}

fn refused(credential: &SolutionCredential, found: &Found) -> &'static str {
    validate(credential, found, Timestamp::now())
        .unwrap_err()
        .refusal
        .reason()
}

#[test]
fn what_is_complete_gets_its_one_name() {
    let valid = validate(&credential(), &found(), Timestamp::now()).unwrap();
    let request = build(&credential(), &valid, Timestamp::UNIX_EPOCH).unwrap();
    assert_eq!(
        request.uri,
        "spiffe://dmp.test/credential/vendor-atlas/chu-tanger"
    );
    let quota = valid.entitled.quota.unwrap();
    assert_eq!((quota.per_second, quota.burst), (200, 400), "a hospital's");
}

#[test]
fn each_reference_to_nothing_has_its_reason() {
    let without = |edit: fn(&mut Found)| {
        let mut found = found();
        edit(&mut found);
        refused(&credential(), &found)
    };
    assert_eq!(without(|f| f.platform = None), "PlatformNotFound");
    assert_eq!(without(|f| f.solution = None), "SolutionNotFound");
    assert_eq!(without(|f| f.versions.clear()), "VersionNotFound");
    assert_eq!(without(|f| f.group = None), "HealthGroupNotFound");
}

#[test]
fn establishment_and_kind_belong_together() {
    let mut app = found();
    app.solution = Some(solution(ProductKind::PatientApp));
    assert_eq!(refused(&credential(), &app), "EstablishmentNotAllowed");
    let mut alone = credential();
    (alone.spec.establishment, alone.spec.health_group) = (None, None);
    validate(&alone, &app, Timestamp::now()).unwrap();
    assert_eq!(refused(&alone, &found()), "EstablishmentMissing");
}

#[test]
fn a_sandbox_credential_opens_no_production_group_and_production_waits_for_homologation() {
    let mut production = found();
    if let Some(group) = &mut production.group {
        group.spec.mode = Mode::Production;
    }
    assert_eq!(refused(&credential(), &production), "ModeMismatch");
    let mut wanted = credential();
    wanted.spec.mode = Mode::Production;
    assert_eq!(refused(&wanted, &production), "NotHomologated");
}

#[test]
fn a_revoked_credential_is_not_signed_again() {
    let mut found = found();
    found.revocations = vec![SolutionRevocation::new(
        "r",
        SolutionRevocationSpec {
            solution: Some("vendor-atlas/atlas-sih".to_owned()),
            reason: "test".to_owned(),
            ..SolutionRevocationSpec::default()
        },
    )];
    assert_eq!(refused(&credential(), &found), "Revoked");
}

#[test]
fn only_usable_requests_are_passed_on() {
    let mut credential = credential();
    let with = |credential: &mut SolutionCredential, csr: &str| {
        csr.clone_into(&mut credential.spec.csr);
        validate(credential, &found(), Timestamp::now()).map_err(|refused| {
            let quota = refused.entitled.and_then(|entitled| entitled.quota);
            assert!(quota.is_some(), "the present certificate keeps its quota");
            refused.refusal.reason()
        })
    };
    assert!(with(&mut credential, &csr(&PKCS_ED25519)).is_ok());
    assert_eq!(
        with(&mut credential, "-----BEGIN CERTIFICATE REQUEST-----\n!!\n"),
        Err("InvalidCsr")
    );
    let garbage = "-----BEGIN CERTIFICATE REQUEST-----\nAAAA\n-----END CERTIFICATE REQUEST-----\n";
    assert_eq!(with(&mut credential, garbage), Err("InvalidCsr"));
}

#[test]
fn it_is_signed_once_and_again_for_a_new_request_or_near_the_end() {
    let now: Timestamp = "2026-11-25T10:00:00Z".parse().unwrap();
    let valid = validate(&credential(), &found(), Timestamp::now()).unwrap();
    let mut signed = credential();
    let expires = |days: i64| Some((now + SignedDuration::from_hours(24 * days)).to_string());
    signed.status = Some(SolutionCredentialStatus {
        certificate: Some("pem".to_owned()),
        csr_sha256: Some(digest(signed.spec.csr.as_bytes())),
        not_after: expires(90),
        ..SolutionCredentialStatus::default()
    });
    assert_eq!(build(&signed, &valid, now), None);
    let mut older = signed.clone();
    older.status.as_mut().unwrap().csr_sha256 = Some(crate::plane::digest(&[&signed.spec.csr]));
    assert_eq!(
        build(&older, &valid, now),
        None,
        "an operator before this one signed it"
    );
    let mut lifted = signed.clone();
    let status = lifted.status.as_mut().unwrap();
    (status.serial, status.listed_serial) = (Some("1".to_owned()), Some("1".to_owned()));
    assert!(
        build(&lifted, &valid, now).is_some(),
        "what is on the revocation list is never used again"
    );
    lifted.status.as_mut().unwrap().serial = Some("2".to_owned());
    assert_eq!(build(&lifted, &valid, now), None);
    let mut late = signed.clone();
    late.status.as_mut().unwrap().not_after = expires(29);
    assert!(build(&late, &valid, now).is_some());
    let mut renewed = signed;
    renewed.spec.csr = csr(&PKCS_ECDSA_P256_SHA256);
    assert!(build(&renewed, &valid, now).is_some());
}
