//! Who may open a connection and keep it: certificates, credentials, revocation on a live connection.

use std::time::{Duration, Instant};

use dmp_client::facts::{Mode, Revocation};
use dmp_testkit::{DOMAIN, Pki, Validity};
use serde_json::Value;

use crate::world::{HOSPITAL, Software, World, credential};

async fn code(response: reqwest::Response) -> String {
    let body: Value = response.json().await.unwrap();
    body["code"].as_str().unwrap_or_default().to_owned()
}

#[tokio::test(flavor = "multi_thread")]
async fn without_a_certificate_of_the_solutions_ca_there_is_no_connection() {
    let world = World::start().await;
    let url = world.url("/fhir/metadata");
    let none = dmp_core::tls::plain_http_client(world.pki.root()).unwrap();
    assert!(none.get(&url).send().await.is_err(), "no certificate");

    let stranger = Pki::new(DOMAIN);
    let certificate =
        stranger.solution_certificate(HOSPITAL.0, HOSPITAL.1, Validity::For(Duration::from_secs(600)));
    let unknown = Software::new(world.pki.identity(&certificate));
    assert!(unknown.http.get(&url).send().await.is_err(), "unknown CA");

    let certificate = world
        .pki
        .solution_certificate(HOSPITAL.0, HOSPITAL.1, Validity::Expired);
    let expired = Software::new(world.pki.identity(&certificate));
    assert!(expired.http.get(&url).send().await.is_err(), "expired");

    let service = Software::new(world.pki.service("dmp-national", "registry"));
    assert!(
        service.http.get(&url).send().await.is_err(),
        "a service's certificate"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_certificate_that_runs_out_ends_its_connection() {
    let world = World::start().await;
    let certificate =
        world
            .pki
            .solution_certificate("vendor-h", "short", Validity::For(Duration::from_secs(4)));
    let short = Software::new(world.pki.identity(&certificate));
    world.operator.change(|facts| {
        facts.credentials.push(credential(
            ("vendor-h", "short"),
            &short,
            "hospital",
            Some(("000000001", "a")),
        ));
    });
    world.until_seq(2).await;
    let url = world.url("/fhir/metadata");
    assert_eq!(short.http.get(&url).send().await.unwrap().status(), 200);
    tokio::time::sleep(Duration::from_secs(5)).await;
    let reused = short.http.get(&url).send().await;
    assert!(reused.is_err() || reused.is_ok_and(|answer| answer.status() == 403));
}

#[tokio::test(flavor = "multi_thread")]
async fn software_that_the_facts_do_not_know_is_told_so() {
    let world = World::start().await;
    let url = world.url("/fhir/metadata");
    let unknown = Software::new(world.pki.solution("vendor-x", "unknown"));
    let answer = unknown.http.get(&url).send().await.unwrap();
    assert_eq!(answer.status(), 403);
    assert_eq!(answer.headers()["content-type"], "application/problem+json");
    assert!(answer.headers().contains_key("x-correlation-id"));
    assert_eq!(code(answer).await, "solution-refused");

    // the right name on another certificate
    let second = Software::new(world.pki.solution(HOSPITAL.0, HOSPITAL.1));
    assert_eq!(
        code(second.http.get(&url).send().await.unwrap()).await,
        "solution-refused"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_scope_that_the_homologation_lacks_closes_its_operations_and_no_other() {
    let world = World::start().await;
    world.operator.change(|facts| {
        let name = format!("{}/{}", HOSPITAL.0, HOSPITAL.1);
        let own = facts
            .credentials
            .iter_mut()
            .find(|credential| credential.name == name);
        own.unwrap().scopes = Some(vec!["document-reader".to_owned()]);
    });
    world.until_seq(2).await;
    for _ in 0..2 {
        let refused = world.transact(&serde_json::json!({})).await;
        assert_eq!(refused.status(), 403);
        let text = refused.text().await.unwrap();
        assert!(
            text.contains("scope-missing") && text.contains("document-feeder"),
            "{text}"
        );
        assert_eq!(
            world.get("/fhir/metadata").await.status(),
            200,
            "the connection stays"
        );
    }
    let reading = world.get("/fhir/DocumentReference").await.text().await.unwrap();
    assert!(!reading.contains("scope-missing"), "{reading}");
    let feeding = world.get("/fhir/Patient").await.text().await.unwrap();
    assert!(feeding.contains("registry-consumer"), "{feeding}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_revoked_solution_is_refused_on_its_live_connection_and_on_new_ones() {
    let world = World::start().await;
    let url = world.url("/fhir/metadata");
    assert_eq!(world.hospital.http.get(&url).send().await.unwrap().status(), 200);

    let revoked = Instant::now();
    world.operator.change(|facts| {
        let solution = format!("{}/solution", HOSPITAL.0);
        facts.revocations.push(Revocation::of_solution(solution));
    });
    let mut last_through = None;
    while revoked.elapsed() < Duration::from_secs(3) {
        if world
            .hospital
            .http
            .get(&url)
            .send()
            .await
            .is_ok_and(|answer| answer.status() == 200)
        {
            last_through = Some(revoked.elapsed());
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    assert!(
        last_through.unwrap_or_default() < Duration::from_secs(1),
        "let through after {last_through:?}"
    );
    // every new connection is told why, and ends with the answer
    for _ in 0..20 {
        let again = Software::new(world.hospital.identity.clone());
        let told = again.http.get(&url).send().await.unwrap();
        assert_eq!(told.status(), 403);
        let body: Value = told.json().await.unwrap();
        assert_eq!(body["code"], "solution-refused");
        assert!(body["detail"].as_str().unwrap().contains("revoked"));
    }
    // others go on
    assert_eq!(world.cabinet.http.get(&url).send().await.unwrap().status(), 200);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_idle_connection_of_a_revoked_version_is_closed() {
    use tokio::io::AsyncReadExt as _;
    let world = World::start().await;
    let address = world.base.trim_start_matches("https://").to_owned();
    let mut config = world.hospital.identity.client_config().unwrap();
    config.alpn_protocols = vec![b"http/1.1".to_vec()];
    let connector = tokio_rustls::TlsConnector::from(std::sync::Arc::new(config));
    let tcp = tokio::net::TcpStream::connect(&address).await.unwrap();
    let mut idle = connector
        .connect("localhost".try_into().unwrap(), tcp)
        .await
        .unwrap();
    tokio::time::sleep(Duration::from_millis(300)).await;

    world.operator.change(|facts| {
        facts.revocations.push(Revocation {
            version: Some("1.0".to_owned()),
            ..Revocation::of_solution(format!("{}/solution", HOSPITAL.0))
        });
    });
    let mut byte = [0; 1];
    let end = tokio::time::timeout(Duration::from_secs(3), idle.read(&mut byte)).await;
    assert!(matches!(end, Ok(Ok(0) | Err(_))), "still open after 3 s");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_revocation_of_another_version_or_credential_does_not_close_the_door() {
    let world = World::start().await;
    world.operator.change(|facts| {
        let solution = format!("{}/solution", HOSPITAL.0);
        let of = || Revocation::of_solution(solution.clone());
        facts.revocations.extend([
            Revocation {
                version: Some("0.9".to_owned()),
                ..of()
            },
            Revocation {
                credential: Some(format!("{}/other", HOSPITAL.0)),
                ..of()
            },
            Revocation {
                establishment: Some("999999999".to_owned()),
                ..of()
            },
            Revocation::of_vendor("vendor-other"),
        ]);
    });
    world.until_seq(2).await;
    assert_eq!(world.get("/fhir/metadata").await.status(), 200);
}

#[tokio::test(flavor = "multi_thread")]
async fn without_a_homologation_only_sandbox_groups_are_open() {
    let world = World::start().await;
    world
        .operator
        .change(|facts| facts.groups[0].mode = Mode::Production);
    world.until_seq(2).await;
    let answer = world
        .hospital
        .http
        .get(world.url("/fhir/metadata"))
        .send()
        .await
        .unwrap();
    assert_eq!(code(answer).await, "solution-refused");
}
