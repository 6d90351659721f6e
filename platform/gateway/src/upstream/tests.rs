#![allow(clippy::unwrap_used)]

use http::StatusCode;

use super::Target;
use super::answer::translate;
use crate::failure::{BearerProblem, Failure};

fn meaning(status: u16, body: &str) -> Failure {
    let target = Target {
        name: "registry".to_owned(),
        url: "https://registry.dmp-national.svc:8443".to_owned(),
        identity: "spiffe://dmp.test/ns/dmp-national/sa/registry".parse().unwrap(),
    };
    translate(&target, StatusCode::from_u16(status).unwrap(), body.as_bytes())
}

#[test]
fn refusals_and_unknown_people_are_one() {
    for (status, body) in [
        (403, r#"{"code":"access-refused","title":"access refused"}"#),
        (403, r#"{"code":"peer-not-allowed","title":"x"}"#),
        (403, "no JSON"),
        (404, r#"{"code":"unknown-patient","title":"x"}"#),
        (404, r#"{"code":"unknown-document","title":"x","detail":"why"}"#),
    ] {
        assert_eq!(meaning(status, body), Failure::Refused, "{status} {body}");
    }
}

#[test]
fn faults_of_the_request_keep_code_and_text() {
    let conflict = meaning(409, r#"{"code":"submission-differs","title":"t","detail":"d"}"#);
    assert_eq!(
        conflict,
        Failure::input(StatusCode::CONFLICT, "submission-differs", "d")
    );
    let short = meaning(422, r#"{"code":"c","title":"t"}"#);
    assert_eq!(short, Failure::unprocessable("c", "t"));
    let missing = meaning(404, r#"{"code":"no-such-consent","title":"t"}"#);
    assert_eq!(
        missing,
        Failure::input(StatusCode::NOT_FOUND, "no-such-consent", "t")
    );
}

#[test]
fn an_act_that_is_not_recorded_is_said_to_who_acts() {
    let body = r#"{"code":"act-not-recorded","title":"t","detail":"nothing was done"}"#;
    let unrecorded = meaning(503, body);
    assert_eq!(
        (unrecorded.status(), unrecorded.code(), unrecorded.retry_after()),
        (StatusCode::SERVICE_UNAVAILABLE, "act-not-recorded", Some(2))
    );
    assert_eq!(unrecorded.problem("c")["detail"], "nothing was done");
}

#[test]
fn everything_else_is_ours_to_explain() {
    for (status, body) in [
        (500, "{}"),
        (503, r#"{"code":"database","title":"host pg-1"}"#),
        (302, ""),
        (600, ""),
    ] {
        assert_eq!(
            meaning(status, body),
            Failure::unavailable("registry"),
            "{status}"
        );
    }
    assert_eq!(meaning(401, "{}"), Failure::Bearer(BearerProblem::Invalid));
    assert_eq!(meaning(404, "<html>"), Failure::Internal);
    assert_eq!(
        meaning(404, r#"{"code":"no-such-route","title":"t"}"#),
        Failure::Internal
    );
    assert_eq!(meaning(400, r#"{"title":"without code"}"#), Failure::Internal);
}

#[test]
fn nothing_leads_out_of_the_guichet() {
    let at = |path: &str| {
        super::at_guichet("https://portal.dmp-national.svc:8443", path).map(|url| url.path().to_owned())
    };
    assert_eq!(at("/guichet/v1/me?x=/../..").as_deref(), Some("/guichet/v1/me"));
    assert_eq!(
        at("/guichet/v1/vendors/a%2Fb").as_deref(),
        Some("/guichet/v1/vendors/a%2Fb")
    );
    for out in [
        "/guichet/v1/a/../me",
        "/guichet/v1/../../v1/est/reenroll",
        "/guichet/v1/%2e%2e/%2E./v1/suite/open",
        "/guichet/v1/..\\..\\v1\\watch",
        "/guichet/v1/../v1x/me",
        "/guichet/v1",
        "/guichet/v1//me",
        "/v1/watch",
    ] {
        assert_eq!(at(out), None, "{out}");
    }
}
