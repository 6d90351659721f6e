//! The operations, one file each, and the router that names them.

mod audit_events;
mod binary;
mod conformance;
mod consent_create;
mod consent_search;
mod consent_update;
mod directory;
mod document_search;
mod est;
mod metadata;
mod params;
mod patient_feed;
mod patient_search;
mod submission;
mod submission_patient;
mod token;
mod trail;
mod transaction;

use axum::Router;
use axum::middleware::{from_fn, from_fn_with_state};
use axum::routing::{get, post, put};
use http::StatusCode;

use crate::edge::{admission_layer, answer::answer_layer};
use crate::failure::Failure;
use crate::state::Gateway;
use crate::watch::watch_layer;

/// All routes of the public listener, inside admission, answers, metrics and correlation.
pub fn router(gateway: Gateway) -> Router {
    Router::new()
        .route("/oauth2/token", post(token::exchange))
        .route("/fhir", post(transaction::transaction))
        .route("/fhir/metadata", get(metadata::metadata))
        .route(
            "/fhir/Patient",
            put(patient_feed::feed).get(patient_search::search),
        )
        .route("/fhir/Patient/_search", post(patient_search::search_form))
        .route("/fhir/DocumentReference", get(document_search::search))
        .route(
            "/fhir/DocumentReference/_search",
            post(document_search::search_form),
        )
        .route("/fhir/Binary/{id}", get(binary::read))
        .route(
            "/fhir/Consent",
            post(consent_create::create).get(consent_search::search),
        )
        .route("/fhir/Consent/_search", post(consent_search::search_form))
        .route("/fhir/Consent/{id}", put(consent_update::update))
        .route("/fhir/AuditEvent", get(audit_events::search))
        .route("/fhir/AuditEvent/_search", post(audit_events::search_form))
        .route("/dmp/v1/trail", get(trail::trail))
        .route("/.well-known/est/cacerts", get(est::ca_certificates))
        .route("/.well-known/est/simplereenroll", post(est::reenroll))
        .route("/dmp/v1/conformance/profiles", get(conformance::profiles))
        .route("/dmp/v1/conformance/sittings", post(conformance::open))
        .route(
            "/dmp/v1/conformance/sittings/{sitting}/tests/{profile}/{name}/begin",
            post(conformance::begin),
        )
        .route(
            "/dmp/v1/conformance/sittings/{sitting}/tests/{profile}/{name}/end",
            post(conformance::end),
        )
        .route(
            "/dmp/v1/conformance/sittings/{sitting}/end",
            post(conformance::close),
        )
        .fallback(|| async {
            Failure::input(StatusCode::NOT_FOUND, "no-such-route", "there is no such route")
        })
        .method_not_allowed_fallback(|| async {
            Failure::input(
                StatusCode::METHOD_NOT_ALLOWED,
                "method-not-allowed",
                "not with this method",
            )
        })
        .layer(from_fn_with_state(gateway.clone(), watch_layer))
        .layer(from_fn_with_state(gateway.clone(), admission_layer))
        .layer(from_fn(answer_layer))
        .layer(from_fn(dmp_core::metrics::middleware))
        .layer(from_fn(dmp_core::correlation::middleware))
        .with_state(gateway)
}
