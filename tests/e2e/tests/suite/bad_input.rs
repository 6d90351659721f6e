//! What the gateway does with what it must not take: through the real door, with real certificates.

use dmpctl::demo::gateway::{Reply, Software};
use reqwest::Method;
use serde_json::{Value, json};

use crate::stage::on_stage;

fn code(reply: &Reply) -> (u16, String) {
    (reply.status.as_u16(), reply.code())
}

async fn no_answer(software: &Software) {
    let reply = software.get("/fhir/metadata", None).await;
    let error = reply.err().expect("the handshake must fail");
    assert!(!error.is_timeout(), "a refusal, not a silence");
}

#[test]
fn no_certificate_and_an_unknown_authority_end_in_the_handshake() {
    on_stage("bad-certificates", async |stage| {
        no_answer(&Software::new(&stage.gateway, None).unwrap()).await;
        no_answer(&Software::new(&stage.gateway, Some(self_made())).unwrap()).await;
    });
}

/// A certificate with the right name of a real credential, by an authority nobody knows.
fn self_made() -> String {
    let key = rcgen::KeyPair::generate().unwrap();
    let mut parameters = rcgen::CertificateParams::default();
    let name = "spiffe://dmp.test/credential/vendor-atlas/sih-atlas";
    parameters.subject_alt_names = vec![rcgen::SanType::URI(name.try_into().unwrap())];
    parameters.extended_key_usages = vec![rcgen::ExtendedKeyUsagePurpose::ClientAuth];
    let certificate = parameters.self_signed(&key).unwrap();
    format!("{}\n{}", certificate.pem(), key.serialize_pem())
}

#[test]
fn a_token_works_only_with_the_certificate_it_was_given_to() {
    on_stage("bad-token-binding", async |stage| {
        let world = stage.world().await;
        let token = world.author_token().await.unwrap();
        let form = [("identifier", "https://dmp.ma/sid/cnie|XX000000")];
        let right = world
            .atlas
            .form("/fhir/Patient/_search", Some(&token), &form)
            .await
            .unwrap();
        assert_eq!(right.status.as_u16(), 200, "{}", right.summary());
        let other = world
            .cardio
            .form("/fhir/Patient/_search", Some(&token), &form)
            .await
            .unwrap();
        assert_eq!(code(&other).0, 401, "{}", other.summary());
        for bad in [
            "",
            "x.y.z",
            "eyJhbGciOiJub25lIiwidHlwIjoiYXQrand0In0.eyJhdWQiOiJkbXAifQ.",
        ] {
            let reply = world
                .atlas
                .form("/fhir/Patient/_search", Some(bad), &form)
                .await
                .unwrap();
            assert_eq!(code(&reply).0, 401, "{}", reply.summary());
        }
    });
}

#[test]
fn bodies_that_are_no_transaction_get_a_clear_answer() {
    on_stage("bad-bodies", async |stage| {
        let world = stage.world().await;
        let token = world.author_token().await.unwrap();
        let send = async |body: Value| {
            world
                .atlas
                .send(Method::POST, "/fhir", Some(&token), &body)
                .await
                .unwrap()
        };
        let batch = send(json!({ "resourceType": "Bundle", "type": "batch", "entry": [] })).await;
        assert!(matches!(batch.status.as_u16(), 400 | 422), "{}", batch.summary());
        assert_ne!(batch.code(), "", "a stable code");
        let deep = raw(
            &world.atlas,
            &token,
            format!("{}1{}", "[".repeat(10_000), "]".repeat(10_000)),
        )
        .await;
        assert_eq!(deep.status.as_u16(), 400, "{}", deep.summary());
        let twice = raw(
            &world.atlas,
            &token,
            r#"{"resourceType":"Bundle","resourceType":"Bundle"}"#.to_owned(),
        )
        .await;
        assert_eq!(twice.status.as_u16(), 400, "{}", twice.summary());
        let large = raw(
            &world.atlas,
            &token,
            format!("\"{}\"", "A".repeat(80 * 1024 * 1024)),
        )
        .await;
        assert_eq!(large.status.as_u16(), 413, "{}", large.summary());
    });
}

async fn raw(software: &Software, token: &str, body: String) -> Reply {
    software
        .send_text(Method::POST, "/fhir", Some(token), body)
        .await
        .unwrap()
}
