//! How long a connection lives: expiry of its certificate, age, review, shutdown.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use axum::Router;
use axum::routing::get;
use dmp_core::serve::ServeOptions;
use dmp_core::tls::Identity;
use dmp_testkit::{TestPlatform, TestService, Validity};
use tokio::io::AsyncReadExt as _;

use crate::raw::{Raw, http1};

fn router() -> Router {
    Router::new().route("/", get(|| async { "ok" })).route(
        "/slow",
        get(|| async {
            tokio::time::sleep(Duration::from_millis(1500)).await;
            "done"
        }),
    )
}

async fn start(platform: &TestPlatform, options: ServeOptions) -> TestService {
    let own = platform.pki.service("dmp-national", "gateway");
    TestService::start_with(&own, platform.pki.solutions_ca(), router(), options).await
}

fn solution(platform: &TestPlatform) -> Identity {
    platform.pki.solution("vendor-test", "hospital-tanger")
}

#[tokio::test]
async fn a_certificate_that_expires_on_a_reused_connection_ends_it() {
    let platform = TestPlatform::new();
    let service = start(&platform, ServeOptions::default()).await;
    let validity = Validity::For(Duration::from_secs(3));
    let short = platform.pki.identity(
        &platform
            .pki
            .solution_certificate("vendor-test", "short", validity),
    );
    let end = short.not_after();
    let mut raw = Raw::connect(http1(&short), service.port).await.unwrap();
    let mut served = 0;
    // the same connection, busy all the time: it must not live on by being used
    let refused_at = loop {
        match raw.get("/").await {
            Ok(answer) if answer.starts_with("HTTP/1.1 200") => served += 1,
            _ => break jiff::Timestamp::now(),
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    };
    assert!(served > 10, "{served}");
    assert!(refused_at >= end, "closed {refused_at}, before {end}");
    assert!(
        refused_at.duration_since(end).as_millis() < 500,
        "open until {refused_at}, expired {end}"
    );
    let again = async { Raw::connect(http1(&short), service.port).await?.get("/").await };
    assert!(again.await.is_err());
}

#[tokio::test]
async fn expiry_ends_an_http_2_connection_and_an_idle_one() {
    let platform = TestPlatform::new();
    let service = start(&platform, ServeOptions::default()).await;
    let validity = Validity::For(Duration::from_secs(3));
    let short = platform.pki.identity(
        &platform
            .pki
            .solution_certificate("vendor-test", "short", validity),
    );
    let client = short.http_client().unwrap();
    assert!(
        client
            .get(service.url("/"))
            .send()
            .await
            .unwrap()
            .status()
            .is_success()
    );
    let mut idle = Raw::connect(http1(&short), service.port).await.unwrap();
    idle.get("/").await.unwrap();
    tokio::time::timeout(Duration::from_secs(5), idle.closed())
        .await
        .expect("the idle connection is closed");
    assert!(client.get(service.url("/")).send().await.is_err());
}

#[tokio::test]
async fn a_connection_ends_at_its_age_and_clients_do_not_notice() {
    let platform = TestPlatform::new();
    let options = ServeOptions {
        max_connection_age: Duration::from_millis(300),
        ..ServeOptions::default()
    };
    let service = start(&platform, options).await;
    let mut idle = Raw::connect(http1(&solution(&platform)), service.port)
        .await
        .unwrap();
    idle.get("/").await.unwrap();
    tokio::time::timeout(Duration::from_secs(2), idle.closed())
        .await
        .expect("the connection is closed at its age");
    let client = solution(&platform).http_client().unwrap();
    let start = Instant::now();
    while start.elapsed() < Duration::from_secs(2) {
        assert!(
            client
                .get(service.url("/"))
                .send()
                .await
                .unwrap()
                .status()
                .is_success()
        );
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}

#[tokio::test]
async fn a_review_refuses_the_next_request_cuts_the_one_in_flight_and_closes_new_connections() {
    let platform = TestPlatform::new();
    let good = Arc::new(AtomicBool::new(true));
    let asked = Arc::clone(&good);
    let options = ServeOptions {
        on_connection: Some(Arc::new(move |_, _| asked.load(Ordering::SeqCst))),
        ..ServeOptions::default()
    };
    let service = start(&platform, options).await;
    let client = solution(&platform);
    let mut busy = Raw::connect(http1(&client), service.port).await.unwrap();
    let mut in_flight = Raw::connect(http1(&client), service.port).await.unwrap();
    busy.get("/").await.unwrap();
    in_flight.send("/slow").await.unwrap();

    good.store(false, Ordering::SeqCst);
    let answer = busy.get("/").await.unwrap_or_default();
    assert!(
        answer.is_empty() || (answer.starts_with("HTTP/1.1 403") && answer.contains("access-refused")),
        "{answer}"
    );
    tokio::time::timeout(Duration::from_millis(1200), in_flight.closed())
        .await
        .expect("cut within a second");
    tokio::time::timeout(Duration::from_millis(1200), busy.closed())
        .await
        .expect("closed within a second");
    let again = async { Raw::connect(http1(&client), service.port).await?.get("/").await };
    assert!(again.await.is_err());
}

#[tokio::test]
async fn shutdown_lets_requests_in_flight_end_and_takes_no_new_ones() {
    let platform = TestPlatform::new();
    let service = start(&platform, ServeOptions::default()).await;
    let client = solution(&platform).http_client().unwrap();
    client.get(service.url("/")).send().await.unwrap();
    let slow = tokio::spawn(client.get(service.url("/slow")).send());
    tokio::time::sleep(Duration::from_millis(200)).await;
    service.stop();
    tokio::time::sleep(Duration::from_millis(200)).await;
    assert!(
        solution(&platform)
            .http_client()
            .unwrap()
            .get(service.url("/"))
            .send()
            .await
            .is_err()
    );
    assert_eq!(slow.await.unwrap().unwrap().text().await.unwrap(), "done");
}

#[tokio::test]
async fn a_drain_has_an_end() {
    let platform = TestPlatform::new();
    let options = ServeOptions {
        drain: Duration::from_millis(200),
        ..ServeOptions::default()
    };
    let service = start(&platform, options).await;
    let mut slow = Raw::connect(http1(&solution(&platform)), service.port)
        .await
        .unwrap();
    slow.send("/slow").await.unwrap();
    tokio::time::sleep(Duration::from_millis(100)).await;
    let stopped = Instant::now();
    service.stop();
    slow.closed().await;
    assert!(
        stopped.elapsed() < Duration::from_millis(1000),
        "{:?}",
        stopped.elapsed()
    );
}

#[tokio::test]
async fn silent_clients_hold_up_nobody() {
    let platform = TestPlatform::new();
    let options = ServeOptions {
        handshake_timeout: Duration::from_millis(300),
        max_connections: 8,
        ..ServeOptions::default()
    };
    let service = start(&platform, options).await;
    let mut silent = Vec::new();
    for _ in 0..8 {
        silent.push(
            tokio::net::TcpStream::connect(("127.0.0.1", service.port))
                .await
                .unwrap(),
        );
    }
    // all places are taken; they are free again when the handshakes have timed out
    let client = solution(&platform).http_client().unwrap();
    assert!(
        client
            .get(service.url("/"))
            .send()
            .await
            .unwrap()
            .status()
            .is_success()
    );
    let mut byte = [0];
    assert_eq!(silent.remove(0).read(&mut byte).await.unwrap_or_default(), 0);
}

#[tokio::test]
async fn connections_are_limited() {
    let platform = TestPlatform::new();
    let most = Arc::new(AtomicUsize::new(0));
    let now = Arc::new(AtomicUsize::new(0));
    let (seen_most, seen_now) = (Arc::clone(&most), Arc::clone(&now));
    let slow = Router::new().route(
        "/",
        get(move || async move {
            seen_most.fetch_max(seen_now.fetch_add(1, Ordering::SeqCst) + 1, Ordering::SeqCst);
            tokio::time::sleep(Duration::from_millis(50)).await;
            seen_now.fetch_sub(1, Ordering::SeqCst);
        }),
    );
    let options = ServeOptions {
        max_connections: 2,
        ..ServeOptions::default()
    };
    let own = platform.pki.service("dmp-national", "gateway");
    let service = TestService::start_with(&own, platform.pki.solutions_ca(), slow, options).await;
    let config = Arc::new(http1(&solution(&platform)));
    let calls = (0..6).map(|_| {
        let config = Arc::clone(&config);
        let port = service.port;
        async move {
            Raw::connect_shared(config, port)
                .await
                .unwrap()
                .get("/")
                .await
                .unwrap()
        }
    });
    futures::future::join_all(calls).await;
    assert_eq!(most.load(Ordering::SeqCst), 2);
}
