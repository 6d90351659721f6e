//! What each homologated product does at the door, counted for its surveillance (docs/homologation.md).
//!
//! By product and outcome, never by establishment, credential or person: as many series as there are products in production. What
//! runs in the sandbox is counted together. What is too much an alert says; what follows the agency decides.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::LazyLock;

use axum::response::Response;
use dmp_client::facts::{Credential, Mode};
use dmp_core::metrics::registered;
use dmp_core::peer::Peer;
use http::{Method, StatusCode};
use jiff::Timestamp;
use prometheus::{IntCounterVec, IntGaugeVec, Opts};

use crate::facts::Snapshot;
use crate::failure::Failure;

static REQUESTS: LazyLock<Option<IntCounterVec>> = LazyLock::new(|| {
    let options = Opts::new(
        "dmp_gateway_solution_requests_total",
        "Requests by product in production (`sandbox`: all others) and outcome.",
    );
    registered(IntCounterVec::new(options, &["solution", "outcome"]))
});

static VERSIONS: LazyLock<Option<IntGaugeVec>> = LazyLock::new(|| {
    let options = Opts::new(
        "dmp_gateway_solution_versions",
        "Versions of a product that have a production certificate.",
    );
    registered(IntGaugeVec::new(options, &["solution"]))
});

/// The label of everything that is not in production.
const SANDBOX: &str = "sandbox";

/// What became of a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    Answered,
    /// A resource that was to be written is not valid.
    Invalid,
    /// The software, its scope, its quota, its token or the access.
    Refused,
    /// Asked for what there is not, or in the wrong way.
    Other,
    /// The platform could not.
    Error,
}

impl Outcome {
    const ALL: [Self; 5] = [
        Self::Answered,
        Self::Invalid,
        Self::Refused,
        Self::Other,
        Self::Error,
    ];

    const fn as_str(self) -> &'static str {
        match self {
            Self::Answered => "answered",
            Self::Invalid => "invalid",
            Self::Refused => "refused",
            Self::Other => "other",
            Self::Error => "error",
        }
    }

    /// Of a response on its way out, which may be a failure that is not written yet.
    pub fn of(is_write: bool, response: &Response) -> Self {
        let status = match response.extensions().get::<Failure>() {
            Some(failure) => failure.status(),
            None => response.status(),
        };
        match status {
            StatusCode::BAD_REQUEST | StatusCode::UNPROCESSABLE_ENTITY if is_write => Self::Invalid,
            StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN | StatusCode::TOO_MANY_REQUESTS => Self::Refused,
            status if status.is_server_error() => Self::Error,
            status if status.is_client_error() => Self::Other,
            _ => Self::Answered,
        }
    }
}

/// Whether a request writes resources.
pub fn is_write(method: &Method, route: Option<&str>) -> bool {
    let resource = |route: &str| route.starts_with("/fhir") && !route.ends_with("/_search");
    matches!(*method, Method::POST | Method::PUT) && route.is_some_and(resource)
}

/// The label of a credential's requests.
pub fn product(credential: &Credential) -> &str {
    match credential.mode {
        Mode::Production => &credential.solution,
        Mode::Sandbox => SANDBOX,
    }
}

/// Counts a request.
pub fn count(product: &str, outcome: Outcome) {
    if let Some(requests) = &*REQUESTS {
        requests.with_label_values(&[product, outcome.as_str()]).inc();
    }
}

/// Counts a request of software that is known and not let in.
pub fn not_let_in(facts: &Snapshot, peer: &Peer) {
    let named = peer.spiffe.as_credential();
    let credential = named.and_then(|(namespace, name)| facts.credential(&format!("{namespace}/{name}")));
    if let Some(credential) = credential {
        count(product(credential), Outcome::Refused);
    }
}

/// Shows the outcomes and versions of every product: a rate is seen only of what was there before.
pub fn show(facts: &Snapshot) {
    let versions = versions(facts.credentials(), facts.facts().at);
    if let Some(requests) = &*REQUESTS {
        for product in versions.keys().copied().chain([SANDBOX]) {
            for outcome in Outcome::ALL {
                requests.with_label_values(&[product, outcome.as_str()]);
            }
        }
    }
    if let Some(gauge) = &*VERSIONS {
        gauge.reset();
        gauge.with_label_values(&[SANDBOX]).set(0);
        for (product, versions) in versions {
            let number = i64::try_from(versions.len()).unwrap_or(i64::MAX);
            gauge.with_label_values(&[product]).set(number);
        }
    }
}

/// The versions in production, by product.
fn versions<'a>(
    credentials: impl Iterator<Item = &'a Credential>,
    now: Timestamp,
) -> BTreeMap<&'a str, BTreeSet<&'a str>> {
    let mut versions: BTreeMap<&str, BTreeSet<&str>> = BTreeMap::new();
    for credential in credentials.filter(|credential| credential.mode == Mode::Production) {
        if credential.not_after > now {
            let of = versions.entry(&credential.solution).or_default();
            of.insert(&credential.version);
        }
    }
    versions
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use axum::response::IntoResponse;
    use dmp_client::quota::Rate;
    use serde_json::json;

    use super::*;
    use crate::failure::BearerProblem;
    use crate::quota::Limit;

    #[test]
    fn each_answer_has_its_outcome() {
        let input = |status: u16| {
            let status = StatusCode::from_u16(status).unwrap();
            Failure::input(status, "code", "detail").into_response()
        };
        let plain = |status: u16| StatusCode::from_u16(status).unwrap().into_response();
        let too_many = Failure::TooMany {
            limit: Limit::Credential,
            rate: Rate::new(1, 1).unwrap(),
            seconds: 1,
        };
        let cases = [
            (true, plain(201), Outcome::Answered),
            (false, plain(200), Outcome::Answered),
            (true, input(400), Outcome::Invalid),
            (true, input(422), Outcome::Invalid),
            (false, input(400), Outcome::Other),
            (true, input(409), Outcome::Other),
            (true, input(412), Outcome::Other),
            (true, input(413), Outcome::Other),
            (false, input(404), Outcome::Other),
            (true, Failure::Refused.into_response(), Outcome::Refused),
            (true, Failure::Scope("trail").into_response(), Outcome::Refused),
            (
                false,
                Failure::Bearer(BearerProblem::Missing).into_response(),
                Outcome::Refused,
            ),
            (true, too_many.into_response(), Outcome::Refused),
            (
                true,
                Failure::unavailable("registry").into_response(),
                Outcome::Error,
            ),
            (true, Failure::Internal.into_response(), Outcome::Error),
            (true, plain(422), Outcome::Invalid),
            (true, plain(503), Outcome::Error),
        ];
        for (number, (is_write, response, wanted)) in cases.into_iter().enumerate() {
            assert_eq!(Outcome::of(is_write, &response), wanted, "case {number}");
        }
    }

    #[test]
    fn resources_are_written_by_post_and_put_and_searched_by_neither() {
        for (method, route, wanted) in [
            (Method::POST, Some("/fhir"), true),
            (Method::PUT, Some("/fhir/Patient"), true),
            (Method::POST, Some("/fhir/Consent"), true),
            (Method::PUT, Some("/fhir/Consent/{id}"), true),
            (Method::POST, Some("/fhir/Patient/_search"), false),
            (Method::GET, Some("/fhir/Patient"), false),
            (Method::POST, Some("/oauth2/token"), false),
            (Method::POST, None, false),
        ] {
            assert_eq!(is_write(&method, route), wanted, "{method} {route:?}");
        }
    }

    #[test]
    fn products_are_told_apart_in_production_only() {
        let credential = |name: &str, solution: &str, version: &str, mode: &str, end: &str| {
            json!({
                "name": format!("vendor-a/{name}"), "solution": solution, "version": version, "kind": "hospital",
                "mode": mode, "certificate_sha256": "00", "not_after": end,
            })
        };
        let (live, over) = ("2026-12-01T00:00:00Z", "2026-11-01T00:00:00Z");
        let credentials: Vec<Credential> = serde_json::from_value(json!([
            credential("a", "vendor-a/sih", "4.2", "production", live),
            credential("b", "vendor-a/sih", "4.2", "production", live),
            credential("c", "vendor-a/sih", "4.3", "production", live),
            credential("d", "vendor-a/sih", "4.1", "production", over),
            credential("e", "vendor-a/sih", "5.0", "sandbox", live),
            credential("f", "vendor-b/lab", "1.0", "production", live),
            credential("g", "vendor-c/new", "0.1", "sandbox", live),
        ]))
        .unwrap();
        let versions = versions(credentials.iter(), "2026-11-29T00:00:00Z".parse().unwrap());
        let numbers: Vec<_> = versions
            .iter()
            .map(|(product, of)| (*product, of.len()))
            .collect();
        assert_eq!(numbers, [("vendor-a/sih", 2), ("vendor-b/lab", 1)]);
        let products: BTreeSet<_> = credentials.iter().map(product).collect();
        assert_eq!(
            products.into_iter().collect::<Vec<_>>(),
            ["sandbox", "vendor-a/sih", "vendor-b/lab"]
        );
    }
}
