//! The token of the person behind a request.

use axum::Router;
use axum::body::Body;
use axum::routing::get;
use dmp_core::auth::{BearerToken, Caller};
use dmp_core::ids::PatientId;
use dmp_core::token::Person;
use dmp_testkit::TestPlatform;
use tower::ServiceExt as _;

fn router(platform: &TestPlatform) -> Router {
    let who = |Caller(claims): Caller, BearerToken(token): BearerToken| async move {
        let kind = match claims.person {
            Person::Professional { inpe, .. } => inpe,
            Person::Patient { .. } => "patient".to_owned(),
            Person::Directory => "directory".to_owned(),
        };
        format!("{kind} {}", token.len())
    };
    Router::new().route("/", get(who)).with_state(platform.trust())
}

async fn ask(router: &Router, authorization: &[String]) -> (u16, String) {
    let mut request = http::Request::get("/");
    for value in authorization {
        request = request.header("authorization", value);
    }
    let response = router
        .clone()
        .oneshot(request.body(Body::empty()).unwrap())
        .await
        .unwrap();
    let status = response.status().as_u16();
    let body = axum::body::to_bytes(response.into_body(), usize::MAX)
        .await
        .unwrap();
    (status, String::from_utf8(body.to_vec()).unwrap())
}

#[tokio::test]
async fn a_good_token_names_its_person() {
    let platform = TestPlatform::new();
    let router = router(&platform);
    let peer = platform.pki.solution("vendor-test", "hospital-tanger").as_peer();
    let token = platform.tokens.professional(&peer, "100000001", "physician");
    let expected = (200, format!("100000001 {}", token.len()));
    assert_eq!(ask(&router, &[format!("Bearer {token}")]).await, expected);
    assert_eq!(ask(&router, &[format!("bearer {token}")]).await, expected);
    let token = platform.tokens.patient(&peer, PatientId::random());
    assert!(
        ask(&router, &[format!("Bearer {token}")])
            .await
            .1
            .starts_with("patient")
    );
}

#[tokio::test]
async fn every_bad_token_gets_the_same_refusal() {
    let platform = TestPlatform::new();
    let router = router(&platform);
    let peer = platform.pki.solution("vendor-test", "hospital-tanger").as_peer();
    let person = Person::Professional {
        inpe: "100000001".to_owned(),
        profession: "physician".to_owned(),
    };
    let claims = platform.tokens.claims(&peer, person);
    let good = platform.tokens.mint(&claims);
    let refusal = ask(&router, &[]).await;
    assert_eq!(refusal.0, 403);
    let mut wrong = vec![
        ("another scheme", vec![format!("Basic {good}")]),
        ("no scheme", vec![good.clone()]),
        (
            "two headers",
            vec![format!("Bearer {good}"), format!("Bearer {good}")],
        ),
        ("two tokens", vec![format!("Bearer {good} {good}")]),
        ("cut", vec![format!("Bearer {}", &good[..good.len() - 2])]),
    ];
    wrong.extend(
        platform
            .tokens
            .bad(&claims)
            .into_iter()
            .map(|(name, token)| (name, vec![format!("Bearer {token}")])),
    );
    for (name, headers) in wrong {
        assert_eq!(ask(&router, &headers).await, refusal, "{name}");
    }
}

#[tokio::test]
async fn a_token_of_an_issuer_whose_clock_is_ten_minutes_off_opens_nothing() {
    let platform = TestPlatform::new();
    let router = router(&platform);
    let peer = platform.pki.solution("vendor-test", "hospital-tanger").as_peer();
    let person = Person::Patient {
        id: PatientId::random(),
    };
    for (skew, expected) in [(-600, 403), (-30, 200), (0, 200), (30, 200), (600, 403)] {
        let mut claims = platform.tokens.claims(&peer, person.clone());
        claims.iat += skew;
        claims.exp += skew;
        let token = platform.tokens.mint(&claims);
        let (status, _) = ask(&router, &[format!("Bearer {token}")]).await;
        assert_eq!(status, expected, "{skew} s");
    }
}
