#![allow(clippy::unwrap_used)]

use axum::body::Body;
use http::Request;
use tower::ServiceExt as _;

use super::*;

async fn get_text(health: &Health, path: &str) -> (u16, String) {
    let response = health
        .router()
        .oneshot(Request::get(path).body(Body::empty()).unwrap())
        .await
        .unwrap();
    let status = response.status().as_u16();
    let body = axum::body::to_bytes(response.into_body(), usize::MAX)
        .await
        .unwrap();
    (status, String::from_utf8(body.to_vec()).unwrap())
}

#[tokio::test(start_paused = true)]
async fn readiness_names_what_fails_and_nothing_more() {
    let health = Health::new();
    assert_eq!(
        get_text(&health, "/readyz").await,
        (200, r#"{"ready":true,"failing":[]}"#.to_owned())
    );
    health.add("fine", || async { Ok::<(), CheckError>(()) });
    health.add("database", || async { Err("password swordfish is wrong") });
    health.add("hanging", std::future::pending::<Result<(), CheckError>>);
    let (status, body) = get_text(&health, "/readyz").await;
    assert_eq!(
        (status, body.as_str()),
        (503, r#"{"ready":false,"failing":["database","hanging"]}"#)
    );
    assert_eq!(get_text(&health, "/livez").await.0, 200);
    health.remove("hanging");
    health.add("database", || async { Ok::<(), CheckError>(()) });
    assert_eq!(get_text(&health, "/readyz").await.0, 200);
}

#[tokio::test]
async fn metrics_speak_of_route_templates_only() {
    let routes = Router::new().route("/things/{id}", get(|| async { "ok" }));
    let request = Request::get("/things/4711?name=swordfish")
        .body(Body::empty())
        .unwrap();
    crate::service::routes(routes).oneshot(request).await.unwrap();
    let (status, text) = get_text(&Health::new(), "/metrics").await;
    assert_eq!(status, 200);
    assert!(
        text.contains(r#"dmp_http_requests_total{method="GET",route="/things/{id}",status="2xx"}"#),
        "{text}"
    );
    // The digits alone may be part of a duration.
    assert!(!text.contains("/4711") && !text.contains("swordfish"), "{text}");
}
