//! The runner: from start over readiness to the end.

use std::net::TcpListener;
use std::time::Duration;

use axum::Router;
use axum::routing::get;
use dmp_core::config::{ENV_PREFIX, ServiceConfig, load_from};
use dmp_core::service::{Service, ServiceError};
use dmp_testkit::TestPlatform;
use dmp_testkit::process::free_port;
use serde::{Deserialize, Serialize};

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Config {
    service: ServiceConfig,
}

fn config(platform: &TestPlatform, port: u16, health: u16) -> Config {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("config.toml");
    let text = format!(
        r#"
        [service]
        domain = "dmp.test"
        name = "registry"
        namespace = "dmp-national"
        listen = "127.0.0.1:{port}"
        health_listen = "127.0.0.1:{health}"
        trust_dir = "{}"
        drain = "3s"
        [service.openbao]
        address = "http://127.0.0.1:1"
        auth = {{ kind = "token-file", path = "none" }}
        "#,
        platform.trust_dir().display()
    );
    std::fs::write(&path, text).unwrap();
    load_from(&path, ENV_PREFIX, []).unwrap()
}

async fn health(port: u16, path: &str) -> Option<(u16, String)> {
    let client = dmp_core::tls::plain_http_client(rustls::RootCertStore::empty()).unwrap();
    let response = client
        .get(format!("http://127.0.0.1:{port}{path}"))
        .send()
        .await
        .ok()?;
    Some((response.status().as_u16(), response.text().await.ok()?))
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn readiness_follows_the_life_of_a_service() {
    let platform = TestPlatform::new();
    let (port, health_port) = (free_port(), free_port());
    let config = config(&platform, port, health_port);
    let service = Service::start(&config, &config.service).await.unwrap();
    assert_eq!(health(health_port, "/livez").await.unwrap().0, 200);
    let (status, body) = health(health_port, "/readyz").await.unwrap();
    assert_eq!((status, body.contains("starting")), (503, true));

    let trust = service.trust().unwrap();
    assert!(trust.current().keys.logs.is_empty());
    let end = service.stopping();
    let slow = get(|| async {
        tokio::time::sleep(Duration::from_secs(3)).await;
        "done"
    });
    let router = Router::new()
        .route("/", get(|| async { "ok" }))
        .route("/slow", slow);
    let identity = platform.pki.service("dmp-national", "registry");
    let running = tokio::spawn(async move { service.run(&identity, router).await });
    let client = platform
        .pki
        .service("dmp-national", "gateway")
        .http_client()
        .unwrap();
    let url = format!("https://localhost:{port}");
    while health(health_port, "/readyz").await.unwrap().0 != 200 {
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    assert!(
        client
            .get(&url)
            .send()
            .await
            .unwrap()
            .headers()
            .contains_key("x-correlation-id")
    );

    let in_flight = tokio::spawn(client.get(format!("{url}/slow")).send());
    tokio::time::sleep(Duration::from_millis(200)).await;
    end.cancel();
    tokio::time::sleep(Duration::from_millis(200)).await;
    // not ready any more, and still there for who has not heard of it
    let (status, body) = health(health_port, "/readyz").await.unwrap();
    assert_eq!((status, body.contains("stopping")), (503, true));
    assert!(client.get(&url).send().await.unwrap().status().is_success());
    assert_eq!(in_flight.await.unwrap().unwrap().text().await.unwrap(), "done");
    running.await.unwrap().unwrap();
    assert!(client.get(&url).send().await.is_err());
    assert!(health(health_port, "/livez").await.is_none());
}

#[tokio::test]
async fn a_taken_port_is_named() {
    let platform = TestPlatform::new();
    let taken = TcpListener::bind(("127.0.0.1", 0)).unwrap();
    let port = taken.local_addr().unwrap().port();
    let config = config(&platform, free_port(), port);
    match Service::start(&config, &config.service).await {
        Err(error @ ServiceError::Listen { .. }) => assert!(error.to_string().contains(&port.to_string())),
        Err(other) => panic!("{other}"),
        Ok(_) => panic!("started on a taken port"),
    }
}
