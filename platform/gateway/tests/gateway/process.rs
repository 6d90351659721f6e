//! The whole service from its configuration file: listeners, health, metrics.

use std::net::SocketAddr;
use std::time::Duration;

use dmp_core::config::{TlsConfig, effective};
use dmp_testkit::Validity;

use crate::world::World;

fn free_address() -> SocketAddr {
    std::net::TcpListener::bind(("127.0.0.1", 0))
        .unwrap()
        .local_addr()
        .unwrap()
}

async fn get(url: &str) -> Option<(u16, String)> {
    let client = dmp_core::tls::plain_http_client(rustls::RootCertStore::empty()).unwrap();
    let answer = client.get(url).send().await.ok()?;
    Some((answer.status().as_u16(), answer.text().await.ok()?))
}

#[tokio::test(flavor = "multi_thread")]
async fn the_service_runs_from_its_configuration() {
    let world = World::start().await;
    let folder = tempfile::tempdir().unwrap();
    let certificate = world.pki.service_certificate(
        "dmp-national",
        "gateway",
        Validity::For(Duration::from_secs(3600)),
    );
    world.pki.write_files(&certificate, folder.path());
    let mut config = world.config.clone();
    let (public, health) = (free_address(), free_address());
    config.service.listen = free_address();
    config.service.health_listen = health;
    config.service.tls = TlsConfig::Files {
        cert: folder.path().join("tls.crt"),
        key: folder.path().join("tls.key"),
        ca: folder.path().join("ca.crt"),
    };
    config.gateway.public_listen = public;
    config.gateway.facts_seen = Some(folder.path().join("facts-seen"));
    let path = folder.path().join("config.toml");
    std::fs::write(&path, effective(&config)).unwrap();

    let of_process = path.clone();
    let process = tokio::spawn(async move { dmp_gateway::run(&of_process).await });

    let readiness = format!("http://{health}/readyz");
    let mut ready = None;
    for _ in 0..100 {
        ready = get(&readiness).await;
        if ready.as_ref().is_some_and(|(status, _)| *status == 200) {
            break;
        }
        assert!(!process.is_finished(), "{:?}", process.await);
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    assert_eq!(ready.unwrap().0, 200);
    let url = format!("https://localhost:{}/fhir/metadata", public.port());
    assert_eq!(world.hospital.http.get(&url).send().await.unwrap().status(), 200);
    tokio::time::sleep(Duration::from_millis(1_100)).await;
    let (_, metrics) = get(&format!("http://{health}/metrics")).await.unwrap();
    assert!(metrics.contains("dmp_gateway_facts_age_seconds"), "{metrics}");
    for limit in ["credential", "establishment", "person", "memory"] {
        let shown = format!(r#"dmp_gateway_quota_refused_total{{limit="{limit}"}}"#);
        assert!(metrics.contains(&shown), "{metrics}");
    }
    assert!(metrics.contains(r#"route="/fhir/metadata""#), "{metrics}");
    let seen = std::fs::read_to_string(folder.path().join("facts-seen")).unwrap();
    assert_eq!(seen.trim(), "1");

    world.operator.set_silent(true);
    tokio::time::sleep(Duration::from_secs(11)).await;
    let (status, body) = get(&readiness).await.unwrap();
    assert_eq!(status, 503);
    assert!(body.contains("facts"), "{body}");
    process.abort();
}

#[test]
fn a_misspelt_key_is_an_error() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("config.toml");
    std::fs::write(&path, "[gateway]\npublic_lisen = \"127.0.0.1:1\"\n").unwrap();
    let error = dmp_core::config::load::<dmp_gateway::config::Config>(&path, "DMP_").unwrap_err();
    assert!(
        dmp_core::problem::Chain(&error)
            .to_string()
            .contains("public_lisen"),
        "{error}"
    );
}
