//! What a vendor's installation statement opens, and that the reviewers sign over its key.

use dmp_api::solution_homologation::HomologationState;
use dmp_homologation::installation::{Asked, Installation, Invalid, key, key_of_request, verify};
use dmp_homologation::sign::Signatory;
use dmp_homologation::signed;
use jiff::{SignedDuration, Timestamp};
use rcgen::{
    CertificateParams, KeyPair, PKCS_ECDSA_P256_SHA256, PKCS_ECDSA_P384_SHA384, PKCS_ECDSA_P521_SHA512,
    PKCS_ED25519, PKCS_RSA_SHA256, RsaKeySize,
};

use crate::world::{DECISION, World};

const ASKED: Asked<'static> = Asked {
    credential: "vendor-atlas/chu",
    solution: "vendor-atlas/atlas-sih",
    version: "4.2",
    establishment: Some("123456789"),
    key_sha256: "ab01",
};

fn statement() -> Installation {
    Installation {
        credential: ASKED.credential.to_owned(),
        solution: ASKED.solution.to_owned(),
        version: ASKED.version.to_owned(),
        establishment: Some("123456789".to_owned()),
        key_sha256: "AB01".to_owned(),
        jti: "1".to_owned(),
        signed_at: Timestamp::now(),
    }
}

fn signed(key: &KeyPair, statement: &Installation) -> String {
    Signatory::of_key(&key.serialize_pem())
        .unwrap()
        .sign(statement)
        .unwrap()
}

fn refused(text: &str, key: &KeyPair, asked: &Asked<'_>) -> Invalid {
    verify(text, &key.public_key_pem(), asked, Timestamp::now()).unwrap_err()
}

#[test]
fn each_kind_of_strong_key_signs_and_weaker_ones_do_not() {
    let rsa = |size| KeyPair::generate_rsa_for(&PKCS_RSA_SHA256, size).unwrap();
    let of = |algorithm| KeyPair::generate_for(algorithm).unwrap();
    for key in [
        of(&PKCS_ECDSA_P256_SHA256),
        of(&PKCS_ECDSA_P384_SHA384),
        of(&PKCS_ED25519),
        rsa(RsaKeySize::_3072),
    ] {
        let text = signed(&key, &statement());
        let read = verify(&text, &key.public_key_pem(), &ASKED, Timestamp::now()).unwrap();
        assert_eq!(read.jti, "1");
    }
    for weak in [rsa(RsaKeySize::_2048), of(&PKCS_ECDSA_P521_SHA512)] {
        assert!(key(&weak.public_key_pem()).unwrap_err().contains("3072"));
        let text = signed(&of(&PKCS_ED25519), &statement());
        assert!(matches!(refused(&text, &weak, &ASKED), Invalid::Key(_)));
    }
    for no_key in ["", "-----BEGIN PUBLIC KEY-----\nAAAA\n-----END PUBLIC KEY-----\n"] {
        assert!(key(no_key).is_err());
    }
}

#[test]
fn a_statement_is_good_for_exactly_what_it_names() {
    let vendor = KeyPair::generate().unwrap();
    let text = signed(&vendor, &statement());
    let with = |asked: Asked<'_>| refused(&text, &vendor, &asked).reason();
    assert_eq!(
        with(Asked {
            credential: "vendor-atlas/clinique",
            ..ASKED
        }),
        "InstallationOtherCredential"
    );
    assert_eq!(
        with(Asked {
            solution: "vendor-atlas/other",
            ..ASKED
        }),
        "InstallationOtherVersion"
    );
    assert_eq!(
        with(Asked {
            version: "4.3",
            ..ASKED
        }),
        "InstallationOtherVersion"
    );
    for establishment in [None, Some("987654321")] {
        assert_eq!(
            with(Asked {
                establishment,
                ..ASKED
            }),
            "InstallationOtherEstablishment"
        );
    }
    assert_eq!(
        with(Asked {
            key_sha256: "ff",
            ..ASKED
        }),
        "InstallationOtherKey"
    );
}

#[test]
fn it_is_the_vendors_key_that_signs_and_nothing_else_passes_for_it() {
    let (vendor, other) = (KeyPair::generate().unwrap(), KeyPair::generate().unwrap());
    let text = signed(&vendor, &statement());
    assert_eq!(
        refused(&text, &other, &ASKED),
        Invalid::Statement(signed::Invalid::Signature)
    );
    // A reviewer's signature with its certificate, over the same words.
    let world = World::submitted();
    let member = world.interop.person("i1");
    let chained = Signatory::new(&member.chain_pem, &member.key_pem)
        .unwrap()
        .sign(&statement())
        .unwrap();
    assert_eq!(
        refused(&chained, &vendor, &ASKED),
        Invalid::Statement(signed::Invalid::Signature)
    );
    // The vendor's signature over something else.
    let review = Signatory::of_key(&vendor.serialize_pem())
        .unwrap()
        .sign(&world.review(&DECISION))
        .unwrap();
    assert_eq!(
        refused(&review, &vendor, &ASKED),
        Invalid::Statement(signed::Invalid::OtherType)
    );
    for garbage in ["", "a.b.c", "a.b"] {
        assert_eq!(
            refused(garbage, &vendor, &ASKED).reason(),
            "InstallationInvalid",
            "{garbage}"
        );
    }
    let future = Installation {
        signed_at: Timestamp::now() + SignedDuration::from_mins(6),
        ..statement()
    };
    assert_eq!(
        refused(&signed(&vendor, &future), &vendor, &ASKED),
        Invalid::Future
    );
}

#[test]
fn reviewers_sign_over_the_installation_key() {
    let mut world = World::granted();
    let before = world.dossier.submission_sha256(&world.dossier.homologations[0]);
    assert!(world.standing().state.is_open());
    let key = KeyPair::generate().unwrap().public_key_pem();
    world.dossier.homologations[0].spec.installation_key = Some(key);
    let after = world.dossier.submission_sha256(&world.dossier.homologations[0]);
    assert_ne!(before, after);
    assert!(
        !world.standing().state.is_open(),
        "what they signed names no key, or another one"
    );
    world.dossier.homologations[0].spec.installation_key = Some("x".to_owned());
    let standing = world.standing();
    assert_eq!(standing.state, HomologationState::Incomplete);
    assert!(
        standing
            .missing
            .iter()
            .any(|text| text.contains("installationKey")),
        "{standing:?}"
    );
}

#[test]
fn a_requests_key_has_one_hash_whatever_else_it_asks() {
    let key = KeyPair::generate().unwrap();
    let request = |names: &[&str]| {
        let names: Vec<String> = names.iter().map(|&name| name.to_owned()).collect();
        let request = CertificateParams::new(names).unwrap().serialize_request(&key);
        key_of_request(&request.unwrap().pem().unwrap()).unwrap()
    };
    assert_eq!(request(&[]), request(&["x.test"]));
    assert_eq!(request(&[]).len(), 64);
    assert!(key_of_request("x").is_err());
}
