#![allow(clippy::unwrap_used)]

use axum::body::{Body, Bytes};
use axum::response::{IntoResponse as _, Response};
use dmp_conformance::exchange::OPERATIONS;
use http::{Method, Request, Version};

use super::record;
use crate::failure::Failure;

const SECRET: &str = "eyJhbGciOiJFZERTQSJ9.eyJzdWIiOiJzd29yZGZpc2gifQ.c2ln";

fn parts(uri: &str, headers: &[(&str, &str)]) -> http::request::Parts {
    let mut request = Request::builder().method(Method::POST).uri(uri);
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    request.body(()).unwrap().into_parts().0
}

#[test]
fn no_secret_is_recorded_and_equal_ones_look_equal() {
    let bearer = format!("Bearer {SECRET}");
    let form = format!("grant_type=x&subject_token={SECRET}&subject_token={SECRET}");
    let asked = record::request(
        &parts(
            &format!("/oauth2/token?access_token={SECRET}"),
            &[
                ("authorization", &bearer),
                ("content-type", "application/x-www-form-urlencoded; charset=utf-8"),
            ],
        ),
        &Bytes::from(form),
    );
    let text = serde_json::to_string(&asked).unwrap();
    assert!(!text.contains("eyJ") && !text.contains("c2ln"), "{text}");
    let shown = asked.headers["authorization"].strip_prefix("Bearer ").unwrap();
    assert!(shown.starts_with("sha256:") && shown.len() == 23, "{shown}");
    let form = asked.body.form.unwrap();
    assert_eq!(form["subject_token"], [shown, shown]);
    assert_eq!(form["grant_type"], ["x"]);
    assert_eq!(asked.query["access_token"], [shown]);
}

#[tokio::test]
async fn an_answer_is_recorded_as_it_leaves() {
    let json = [("content-type", "application/json")];
    let body = format!(r#"{{"access_token":"{SECRET}","expires_in":300}}"#);
    let response = (json, body.clone()).into_response();
    let (left, kept) = record::response(response, "c", Version::HTTP_2, "/oauth2/token")
        .await
        .unwrap();
    assert_eq!(bytes(left).await, body.as_bytes(), "the software gets its token");
    let shown = kept.body.json.unwrap();
    assert!(shown["access_token"].as_str().unwrap().starts_with("sha256:"));
    assert_eq!(shown["expires_in"], 300);

    let refused = Failure::Refused.into_response();
    let (left, kept) = record::response(refused, "c", Version::HTTP_2, "/fhir/Patient")
        .await
        .unwrap();
    assert_eq!(kept.status, 403);
    let outcome = kept.body.json.unwrap();
    assert_eq!(
        outcome["issue"][0]["details"]["coding"][0]["code"],
        "access-refused"
    );
    assert_eq!(kept.headers["content-type"], "application/fhir+json");
    assert_eq!(bytes(left).await.len() as u64, kept.body.size);
}

#[test]
fn every_route_is_an_operation_of_the_suite() {
    let of = |method: Method, route: &str| record::operation(&method, route);
    for (method, route, operation) in [
        (Method::POST, "/oauth2/token", "token"),
        (Method::PUT, "/fhir/Patient", "iti-104"),
        (Method::GET, "/fhir/Patient", "iti-78"),
        (Method::POST, "/fhir/Patient/_search", "iti-78"),
        (Method::POST, "/fhir", "iti-65"),
        (Method::POST, "/fhir/DocumentReference/_search", "iti-67"),
        (Method::GET, "/fhir/Binary/{id}", "iti-68"),
        (Method::PUT, "/fhir/Consent/{id}", "consent"),
        (Method::GET, "/dmp/v1/trail", "trail"),
        (Method::GET, "", "other"),
    ] {
        assert_eq!(of(method, route), operation, "{route}");
        assert!(OPERATIONS.contains(&operation));
    }
    let sitting = of(Method::POST, "/dmp/v1/conformance/sittings");
    assert!(
        !OPERATIONS.contains(&sitting),
        "the suite does not look at itself"
    );
}

async fn bytes(response: Response<Body>) -> Vec<u8> {
    use http_body_util::BodyExt as _;
    response.into_body().collect().await.unwrap().to_bytes().to_vec()
}
