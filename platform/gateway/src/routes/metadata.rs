//! `GET /fhir/metadata`: what the gateway can do (FHIR R4 CapabilityStatement). Needs a certificate, no token.

use axum::extract::State;
use axum::response::Response;
use http::StatusCode;
use serde_json::{Value, json};

use crate::resources::respond;
use crate::state::Gateway;

/// When the statement last changed.
const DATE: &str = "2026-11-25";

pub async fn metadata(State(gateway): State<Gateway>) -> Response {
    respond(StatusCode::OK, &statement(&gateway.fhir_base, &gateway.issuer))
}

fn statement(base: &str, issuer: &str) -> Value {
    json!({
        "resourceType": "CapabilityStatement",
        "status": "active",
        "date": DATE,
        "kind": "instance",
        "software": { "name": "dmp-gateway", "version": env!("CARGO_PKG_VERSION") },
        "implementation": { "description": "DMP, shared medical record", "url": base },
        "fhirVersion": "4.0.1",
        "format": ["application/fhir+json"],
        "instantiates": [
            "https://profiles.ihe.net/ITI/MHD/CapabilityStatement/IHE.MHD.DocumentRecipient",
            "https://profiles.ihe.net/ITI/MHD/CapabilityStatement/IHE.MHD.DocumentResponder"
        ],
        "rest": [{
            "mode": "server",
            "security": {
                "cors": false,
                "description": format!(
                    "Mutual TLS with a solution credential, and a token of {issuer}/oauth2/token bound to it \
                     (RFC 8693, RFC 8705)."
                )
            },
            "interaction": [{ "code": "transaction" }],
            "resource": [
                resource("Patient", &["update", "search-type"], &[("identifier", "token")], true),
                resource(
                    "DocumentReference",
                    &["search-type"],
                    &[
                        ("patient", "reference"),
                        ("patient.identifier", "token"),
                        ("status", "token"),
                        ("type", "token"),
                        ("category", "token"),
                        ("date", "date"),
                        ("identifier", "token"),
                    ],
                    false,
                ),
                resource("Binary", &["read"], &[], false),
                resource("Consent", &["create", "update", "search-type"], &[("patient", "reference")], false),
                resource("AuditEvent", &["search-type"], &[("patient", "reference")], false),
            ]
        }]
    })
}

fn resource(
    kind: &str,
    interactions: &[&str],
    parameters: &[(&str, &str)],
    conditional_update: bool,
) -> Value {
    let mut resource = json!({
        "type": kind,
        "interaction": interactions.iter().map(|code| json!({ "code": code })).collect::<Vec<_>>(),
        "conditionalUpdate": conditional_update,
    });
    if let (false, Some(fields)) = (parameters.is_empty(), resource.as_object_mut()) {
        let parameters = parameters
            .iter()
            .map(|(name, kind)| json!({ "name": name, "type": kind }))
            .collect();
        fields.insert("searchParam".to_owned(), parameters);
    }
    resource
}
