//! Which statements are facts.

use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use dmp_api::body::{Anchor, Role, Withdrawal};
use dmp_homologation::Bodies;
use dmp_homologation::bodies;
use dmp_homologation::canonical::digest;
use dmp_homologation::signed::{Invalid, verify};
use dmp_homologation::statement::{Endorsement, Review, Run};
use dmp_testkit::bodies::Authority;
use jiff::{SignedDuration, Timestamp};
use rcgen::{KeyPair, PKCS_ECDSA_P256_SHA256, PKCS_ECDSA_P384_SHA384, PKCS_ED25519, PKCS_RSA_SHA256};
use rustls_pki_types::CertificateDer;
use rustls_pki_types::pem::PemObject;

use crate::world::{FINDING, HOUR, World, body, signed};

fn refused(world: &World, text: &str) -> Invalid {
    verify::<Review>(text, world.dossier.bodies.as_ref().unwrap(), world.now).unwrap_err()
}

#[test]
fn each_kind_of_key_signs_and_the_signer_is_who_the_certificate_says() {
    let world = World::submitted();
    let review = world.review(&FINDING);
    for algorithm in [
        &PKCS_ED25519,
        &PKCS_ECDSA_P256_SHA256,
        &PKCS_ECDSA_P384_SHA384,
        &PKCS_RSA_SHA256,
    ] {
        let key = KeyPair::generate_for(algorithm).unwrap();
        let member = world
            .security
            .certified("s1", "Employer", "000000000000009", key, HOUR);
        let fact = verify::<Review>(
            &signed(&member, &review),
            world.dossier.bodies.as_ref().unwrap(),
            world.now,
        )
        .unwrap();
        assert_eq!(fact.statement, review);
        assert_eq!(
            (fact.signer.role, fact.signer.person.as_str()),
            (Role::Security, "s1")
        );
        assert_eq!(fact.signer.employer, ["NTRMA-000000000000009", "Employer"]);
    }
}

#[test]
fn a_statement_that_was_touched_or_taken_for_another_is_none() {
    let world = World::submitted();
    let member = world.security.person("s1");
    let good = signed(&member, &world.review(&FINDING));
    let parts: Vec<&str> = good.split('.').collect();
    let payload = String::from_utf8(URL_SAFE_NO_PAD.decode(parts[1]).unwrap()).unwrap();
    let other = URL_SAFE_NO_PAD.encode(payload.replace("\"decision\":false", "\"decision\":true"));
    assert_eq!(
        refused(&world, &[parts[0], &other, parts[2]].join(".")),
        Invalid::Signature
    );

    // Another person's certificate beside it.
    let header = String::from_utf8(URL_SAFE_NO_PAD.decode(parts[0]).unwrap()).unwrap();
    let theirs = signed(&world.interop.person("i1"), &world.review(&FINDING));
    let theirs = theirs.split('.').next().unwrap().to_owned();
    assert_eq!(
        refused(&world, &[&theirs, parts[1], parts[2]].join(".")),
        Invalid::Signature
    );

    // No algorithm, a symmetric one, an extension that must be understood.
    for (from, to) in [
        ("\"ES256\"", "\"none\""),
        ("\"ES256\"", "\"HS256\""),
        ("{\"typ\"", "{\"crit\":[\"b64\"],\"typ\""),
    ] {
        assert!(header.contains(from), "{header}");
        let forged = URL_SAFE_NO_PAD.encode(header.replace(from, to));
        let said = refused(&world, &[&forged, parts[1], parts[2]].join("."));
        assert!(matches!(said, Invalid::NotJws | Invalid::Algorithm), "{said}");
    }

    let run = signed(
        &member,
        &world.run_statement(
            "document-feeder-1-0",
            dmp_api::conformance_run::RunMode::Sandbox,
            true,
        ),
    );
    assert_eq!(refused(&world, &run), Invalid::OtherType);
    assert_eq!(
        verify::<Run>(&good, world.dossier.bodies.as_ref().unwrap(), world.now).unwrap_err(),
        Invalid::OtherType
    );
    for text in ["", ".", "..", "a.b.c", "é", &"x".repeat(100_000)] {
        assert_eq!(refused(&world, text), Invalid::NotJws);
    }
}

#[test]
fn the_certificate_comes_from_a_body_and_was_valid_then_and_there() {
    let world = World::submitted();
    let review = world.review(&FINDING);
    let stranger = Authority::new("Interop", "000000000000001");
    assert_eq!(
        refused(&world, &signed(&stranger.person("i1"), &review)),
        Invalid::UnknownSigner
    );
    assert_eq!(
        refused(&world, &signed(&world.security.itself(), &review)),
        Invalid::UnknownSigner
    );
    assert_eq!(
        refused(&world, &signed(&world.security.person(""), &review)),
        Invalid::NoPerson
    );
    // It ended between the signature and the arrival.
    let key = KeyPair::generate().unwrap();
    let short = world
        .security
        .certified("s1", "E", "000000000000009", key, Duration::from_secs(60));
    let text = signed(&short, &review);
    let bodies = world.dossier.bodies.as_ref().unwrap();
    assert!(verify::<Review>(&text, bodies, world.now).is_ok());
    let late = world.now + SignedDuration::from_secs(120);
    assert_eq!(
        verify::<Review>(&text, bodies, late).unwrap_err(),
        Invalid::UnknownSigner
    );
}

#[test]
fn a_statement_is_signed_in_the_week_before_it_arrives() {
    let world = World::submitted();
    let mut review = world.review(&FINDING);
    review.signed_at = world.now + SignedDuration::from_mins(6);
    assert_eq!(
        refused(&world, &signed(&world.security.person("s1"), &review)),
        Invalid::Time
    );
    review.signed_at = world.now - SignedDuration::from_hours(169);
    assert_eq!(
        refused(&world, &signed(&world.security.person("s1"), &review)),
        Invalid::Time
    );
}

#[test]
fn who_was_withdrawn_speaks_no_more_and_what_they_said_before_stays() {
    let mut world = World::submitted();
    let text = signed(&world.security.person("s1"), &world.review(&FINDING));
    let with = |from: Timestamp| {
        let mut security = body(Role::Security, &world.security);
        security.withdrawn = vec![Withdrawal {
            person: "s1".to_owned(),
            from: from.to_string(),
        }];
        Bodies::new(&[security])
    };
    let (before, after) = (
        with(world.now - SignedDuration::from_secs(1)),
        with(world.now + SignedDuration::from_secs(1)),
    );
    world.dossier.bodies = before;
    assert_eq!(refused(&world, &text), Invalid::Withdrawn);
    assert!(verify::<Review>(&text, &after.unwrap(), world.now).is_ok());
}

#[test]
fn a_new_authority_counts_when_the_one_before_it_endorses_it() {
    let world = World::submitted();
    let next = Authority::new("Securite", "000000000000002");
    let der = CertificateDer::from_pem_slice(next.certificate_pem().as_bytes()).unwrap();
    let endorsement = |role| Endorsement {
        role,
        certificate_sha256: digest(&der),
        signed_at: world.now,
    };
    let with = |endorsement: Option<String>| {
        let mut security = body(Role::Security, &world.security);
        security.anchors.push(Anchor {
            certificate: next.certificate_pem(),
            endorsement,
        });
        Bodies::new(&[security])
    };
    let not_endorsed = bodies::Invalid::NotEndorsed {
        role: "security",
        index: 1,
    };
    assert_eq!(with(None).unwrap_err(), not_endorsed);
    assert_eq!(
        with(Some(signed(&next.itself(), &endorsement(Role::Security)))).unwrap_err(),
        not_endorsed
    );
    assert_eq!(
        with(Some(signed(
            &world.security.itself(),
            &endorsement(Role::Interop)
        )))
        .unwrap_err(),
        not_endorsed
    );
    // A person of the body is not its authority.
    assert_eq!(
        with(Some(signed(
            &world.security.person("s1"),
            &endorsement(Role::Security)
        )))
        .unwrap_err(),
        not_endorsed
    );
    let bodies = with(Some(signed(
        &world.security.itself(),
        &endorsement(Role::Security),
    )))
    .unwrap();
    let review = signed(&next.person("s9"), &world.review(&FINDING));
    assert!(verify::<Review>(&review, &bodies, world.now).is_ok());
}

#[test]
fn bodies_are_distinct_or_nothing_counts() {
    let (one, two) = (
        Authority::new("One", "000000000000001"),
        Authority::new("Two", "000000000000002"),
    );
    let same_organisation = Authority::new("One again", "000000000000001");
    let refused = |bodies: &[dmp_api::body::Body]| Bodies::new(bodies).unwrap_err();
    assert_eq!(
        refused(&[body(Role::Interop, &one), body(Role::Interop, &two)]),
        bodies::Invalid::RoleTwice("interop")
    );
    assert_eq!(
        refused(&[
            body(Role::Interop, &one),
            body(Role::Security, &same_organisation)
        ]),
        bodies::Invalid::OrganisationTwice("security")
    );
    let mut borrowed = body(Role::Security, &two);
    borrowed.anchors = body(Role::Interop, &one).anchors;
    assert_eq!(
        refused(&[body(Role::Interop, &one), borrowed]),
        bodies::Invalid::KeyTwice("security")
    );
    let mut leaf = body(Role::Interop, &one);
    leaf.anchors[0].certificate = one.person("i1").chain_pem;
    assert_eq!(
        refused(&[leaf]),
        bodies::Invalid::NotAnAuthority {
            role: "interop",
            index: 0
        }
    );
}
