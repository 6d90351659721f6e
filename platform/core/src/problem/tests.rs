#![allow(clippy::unwrap_used)]

use axum::Router;
use axum::body::Body;
use axum::routing::get;
use http::Request;
use jiff::Timestamp;
use tower::ServiceExt as _;

use super::*;
use crate::correlation::{Correlation, HEADER};
use crate::peer::{Peer, SpiffeId};

async fn boom() {
    panic!("boom")
}

fn router() -> Router {
    let routes = Router::new()
        .route(
            "/refused",
            get(|| async { Err::<(), _>(Problem::access_refused()) }),
        )
        .route(
            "/conflict",
            get(|| async { Problem::conflict("other-content", "same id").with_detail("more") }),
        )
        .route("/panic", get(boom))
        .route("/id", get(|id: Correlation| async move { id.to_string() }));
    crate::service::routes(routes)
}

fn peer(spiffe: SpiffeId) -> Peer {
    Peer {
        spiffe,
        certificate_sha256: [0; 32],
        not_after: Timestamp::MAX,
    }
}

async fn get_with(
    path: &str,
    given: Option<&str>,
    from: Option<Peer>,
) -> (StatusCode, http::HeaderMap, String) {
    let mut request = Request::get(path);
    if let Some(id) = given {
        request = request.header(HEADER, id);
    }
    let mut request = request.body(Body::empty()).unwrap();
    if let Some(peer) = from {
        request.extensions_mut().insert(peer);
    }
    let (head, body) = router().oneshot(request).await.unwrap().into_parts();
    let body = axum::body::to_bytes(body, usize::MAX).await.unwrap();
    (
        head.status,
        head.headers,
        String::from_utf8(body.to_vec()).unwrap(),
    )
}

#[tokio::test]
async fn a_problem_is_rfc_9457_with_code_and_correlation() {
    let (status, headers, body) = get_with("/conflict", None, None).await;
    assert_eq!(status, StatusCode::CONFLICT);
    assert_eq!(headers[header::CONTENT_TYPE], "application/problem+json");
    let body: Value = serde_json::from_str(&body).unwrap();
    assert_eq!(body["code"], "other-content");
    assert_eq!(body["title"], "same id");
    assert_eq!(body["detail"], "more");
    assert_eq!(body["status"].to_string(), "409");
    assert_eq!(body["correlation"].as_str(), headers[HEADER].to_str().ok());
}

#[tokio::test]
async fn every_refusal_is_the_same_bytes_with_the_correlation_in_a_header() {
    let (first, second) = (
        get_with("/refused", None, None).await,
        get_with("/refused", None, None).await,
    );
    assert_eq!(first.0, StatusCode::FORBIDDEN);
    assert_eq!(first.2, second.2);
    assert_eq!(
        first.2,
        r#"{"type":"about:blank","title":"access refused","status":403,"code":"access-refused"}"#
    );
    assert_ne!(first.1[HEADER], second.1[HEADER]);
    let names = |headers: &http::HeaderMap| headers.keys().map(ToString::to_string).collect::<Vec<_>>();
    assert_eq!(names(&first.1), names(&second.1));
}

#[tokio::test]
async fn correlation_is_believed_from_services_only() {
    let id = "3f2a8c1e-7a7b-4b7e-9a52-0f6d1c2b3a49";
    let service = peer(SpiffeId::service("dmp.test", "dmp-national", "gateway"));
    let solution = peer(SpiffeId::credential("dmp.test", "vendor-x", "c"));
    assert_eq!(get_with("/id", Some(id), Some(service.clone())).await.2, id);
    for (given, from) in [
        (Some(id), None),
        (Some(id), Some(solution)),
        (Some("no uuid"), Some(service.clone())),
        (None, Some(service)),
    ] {
        let (_, headers, body) = get_with("/id", given, from).await;
        assert_ne!(body, id);
        assert!(body.parse::<uuid::Uuid>().is_ok());
        assert_eq!(headers[HEADER], body);
    }
}

#[tokio::test]
async fn a_panic_is_answered() {
    let (status, headers, body) = get_with("/panic", None, None).await;
    assert_eq!(status, StatusCode::INTERNAL_SERVER_ERROR);
    assert!(body.contains(r#""code":"internal""#) && headers.contains_key(HEADER));
}

#[tokio::test]
async fn unknown_routes_and_methods_are_problems() {
    assert!(get_with("/nothing", None, None).await.2.contains("no-such-route"));
    let request = Request::post("/id").body(Body::empty()).unwrap();
    let response = router().oneshot(request).await.unwrap();
    assert_eq!(response.status(), StatusCode::METHOD_NOT_ALLOWED);
    assert_eq!(
        response.headers()[header::CONTENT_TYPE],
        "application/problem+json"
    );
}

#[test]
fn a_chain_names_each_cause_once() {
    #[derive(Debug, thiserror::Error)]
    #[error("outer")]
    struct Outer(#[source] std::io::Error);
    assert_eq!(
        Chain(&Outer(std::io::Error::other("inner"))).to_string(),
        "outer: inner"
    );
}
