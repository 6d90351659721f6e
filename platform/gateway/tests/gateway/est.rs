//! Software renews its certificate (EST): what the portal is asked, and what its word looks like outside.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use dmp_client::est::{ReenrollRequest, certificates_of};
use dmp_client::facts::{Mode, Previous};
use dmp_testkit::Validity;
use jiff::{SignedDuration, Timestamp};
use rustls_pki_types::CertificateDer;
use rustls_pki_types::pem::PemObject as _;
use serde_json::{Value, json};
use std::time::Duration;

use crate::stub::Answer;
use crate::world::{HOSPITAL, Software, World, group};

const PATH: &str = "/.well-known/est/simplereenroll";
const PORTAL: &str = "/v1/est/reenroll";

async fn ask(world: &World, software: &Software, body: &str) -> reqwest::Response {
    let request = software.http.post(world.url(PATH)).body(body.to_owned());
    let request = request.header("content-type", "application/pkcs10");
    request.send().await.unwrap()
}

async fn problem(answer: reqwest::Response) -> (u16, String, String) {
    let status = answer.status().as_u16();
    let body: Value = answer.json().await.unwrap();
    let text = |field: &str| body[field].as_str().unwrap_or_default().to_owned();
    (status, text("code"), text("detail"))
}

#[tokio::test(flavor = "multi_thread")]
async fn the_authority_is_told_to_every_admitted_software() {
    let world = World::start().await;
    let url = world.url("/.well-known/est/cacerts");
    let answer = world.hospital.http.get(&url).send().await.unwrap();
    assert_eq!(answer.status(), 200);
    assert_eq!(
        answer.headers()["content-type"],
        "application/pkcs7-mime; smime-type=certs-only"
    );
    let authority = CertificateDer::from_pem_slice(world.pki.solutions_ca_pem().as_bytes()).unwrap();
    assert_eq!(
        certificates_of(&answer.bytes().await.unwrap()).unwrap(),
        [authority.to_vec()]
    );
    let stranger = Software::new(world.pki.solution("vendor-x", "unknown"));
    assert_eq!(stranger.http.get(&url).send().await.unwrap().status(), 403);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_request_goes_to_the_portal_and_the_certificate_alone_comes_back() {
    let world = World::start().await;
    // Whatever its homologation opens, and in production.
    world.operator.change(|facts| {
        for group_fact in &mut facts.groups {
            if group_fact.name == group("a") {
                group_fact.mode = Mode::Production;
            }
        }
        for credential in &mut facts.credentials {
            if credential.name == format!("{}/{}", HOSPITAL.0, HOSPITAL.1) {
                credential.mode = Mode::Production;
                credential.scopes = Some(Vec::new());
            }
        }
    });
    world.until_seq(2).await;
    let issued =
        world
            .pki
            .solution_certificate(HOSPITAL.0, HOSPITAL.1, Validity::For(Duration::from_secs(600)));
    let good = json!({ "outcome": "issued", "chain": issued.chain_pem });
    world.portal.answers(PORTAL, Answer::Json(good));
    let text = STANDARD.encode([7; 100]);
    let lines = format!("{}\r\n{}\r\n", &text[..64], &text[64..]);
    let answer = ask(&world, &world.hospital, &lines).await;
    assert_eq!(answer.status(), 200);
    assert_eq!(
        answer.headers()["content-type"],
        "application/pkcs7-mime; smime-type=certs-only"
    );
    assert_eq!(answer.headers()["content-transfer-encoding"], "base64");
    assert_eq!(
        certificates_of(&answer.bytes().await.unwrap()).unwrap(),
        [issued.chain[0].to_vec()]
    );
    let heard = world.portal.heard();
    let heard = heard.iter().find(|heard| heard.path == PORTAL).unwrap();
    assert!(heard.headers.contains_key("x-correlation-id"));
    let heard: ReenrollRequest = serde_json::from_slice(&heard.body).unwrap();
    assert_eq!(heard.credential, format!("{}/{}", HOSPITAL.0, HOSPITAL.1));
    assert_eq!(
        heard.certificate_sha256,
        hex::encode(world.hospital.identity.as_peer().certificate_sha256)
    );
    assert_eq!(heard.csr, text);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_operators_word_and_wrong_requests_look_as_described() {
    let world = World::start().await;
    let body = STANDARD.encode("a request");
    world
        .portal
        .answers(PORTAL, Answer::Json(json!({ "outcome": "pending" })));
    let waits = ask(&world, &world.hospital, &body).await;
    assert_eq!(waits.status(), 202);
    assert_eq!(waits.headers()["retry-after"], "5");

    let refused = json!({ "outcome": "refused", "reason": "NotHomologated", "detail": "version 1.0 is not homologated" });
    world.portal.answers(PORTAL, Answer::Json(refused));
    assert_eq!(
        problem(ask(&world, &world.hospital, &body).await).await,
        (
            403,
            "renewal-refused".to_owned(),
            "NotHomologated: version 1.0 is not homologated".to_owned()
        )
    );
    world
        .portal
        .answers(PORTAL, Answer::Problem(503, "cluster-unavailable"));
    let (status, code, _) = problem(ask(&world, &world.hospital, &body).await).await;
    assert_eq!((status, code.as_str()), (503, "part-unavailable"));

    world.portal.heard();
    let (status, code, _) = problem(ask(&world, &world.hospital, "-----BEGIN").await).await;
    assert_eq!((status, code.as_str()), (400, "csr-not-understood"));
    let (status, code, _) = problem(ask(&world, &world.hospital, &"A".repeat(9_000)).await).await;
    assert_eq!((status, code.as_str()), (413, "document-too-large"));
    let other = world.hospital.http.post(world.url(PATH)).body(body.clone());
    let other = other.header("content-type", "text/plain").send().await.unwrap();
    assert_eq!(other.status(), 415);
    assert!(world.portal.heard().iter().all(|heard| heard.path != PORTAL));
    // A first certificate is not had here.
    let first = world
        .hospital
        .http
        .post(world.url("/.well-known/est/simpleenroll"));
    let first = first.header("content-type", "application/pkcs10").body(body);
    assert_eq!(first.send().await.unwrap().status(), 404);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_certificate_before_still_opens_the_door_and_asks_again() {
    let world = World::start().await;
    let url = world.url("/fhir/metadata");
    let next = Software::new(world.pki.solution(HOSPITAL.0, HOSPITAL.1));
    let replaced = |seconds: i64| {
        let (old, new) = (&world.hospital.identity, &next.identity);
        let (old, new) = [old, new]
            .map(|identity| hex::encode(identity.as_peer().certificate_sha256))
            .into();
        world.operator.change(move |facts| {
            let name = format!("{}/{}", HOSPITAL.0, HOSPITAL.1);
            let own = facts
                .credentials
                .iter_mut()
                .find(|credential| credential.name == name);
            let own = own.unwrap();
            own.certificate_sha256 = new;
            own.previous = Some(Previous {
                certificate_sha256: old,
                until: Timestamp::now() + SignedDuration::from_secs(seconds),
            });
        });
    };
    replaced(600);
    world.until_seq(2).await;
    for software in [&world.hospital, &next] {
        assert_eq!(software.http.get(&url).send().await.unwrap().status(), 200);
    }
    world
        .portal
        .answers(PORTAL, Answer::Json(json!({ "outcome": "pending" })));
    assert_eq!(ask(&world, &world.hospital, "AAAA").await.status(), 202);
    replaced(0);
    world.until_seq(3).await;
    let closed = world.hospital.http.get(&url).send().await;
    assert!(closed.is_err() || closed.is_ok_and(|answer| answer.status() == 403));
    assert_eq!(next.http.get(&url).send().await.unwrap().status(), 200);
}
