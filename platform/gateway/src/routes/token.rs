//! `POST /oauth2/token`: the token service (RFC 8693 for people, client credentials for directory sources).

use axum::body::Body;
use axum::extract::{Extension, State};
use axum::response::Response;
use dmp_core::correlation::Correlation;
use http::{HeaderMap, HeaderValue, StatusCode, header};
use jiff::Timestamp;
use serde_json::{Value, json};

use super::params;
use crate::edge::{Admitted, body};
use crate::failure::Failure;
use crate::state::Gateway;
use crate::tokens::exchange::{self, Context, Denied, Form};
use crate::tokens::issue;

/// Token type of RFC 8693.
const ACCESS_TOKEN: &str = "urn:ietf:params:oauth:token-type:access_token";

/// 200 with the token, or an error of RFC 6749 that does not tell who is known.
pub async fn exchange(
    State(gateway): State<Gateway>,
    Extension(admitted): Extension<Admitted>,
    correlation: Correlation,
    headers: HeaderMap,
    body: Body,
) -> Result<Response, Failure> {
    let body = body::read_form(&gateway, &headers, body).await?;
    let issued = match form(&body.bytes) {
        Ok(form) => issue(&gateway, &admitted, &correlation.to_string(), form).await,
        Err(denied) => Err(denied),
    };
    Ok(match issued {
        Ok(answer) => {
            crate::metrics::token("issued");
            respond(StatusCode::OK, &answer)
        }
        Err(denied) => {
            let (status, error, description) = describe(&denied);
            crate::metrics::token(error);
            respond(
                status,
                &json!({ "error": error, "error_description": description }),
            )
        }
    })
}

async fn issue(
    gateway: &Gateway,
    admitted: &Admitted,
    correlation: &str,
    form: Form,
) -> Result<Value, Denied> {
    let trust = gateway.trust.current();
    let context = Context {
        facts: &admitted.facts,
        credential: &admitted.credential,
        peer: &admitted.peer,
        jwks: &gateway.jwks,
        sandbox: &trust.keys.sandbox,
        upstream: &gateway.upstream,
        correlation,
        issuer: &gateway.issuer,
        now: Timestamp::now(),
    };
    let claims = exchange::claims(&context, form).await?;
    let token = issue::issue(&gateway.signer, &trust.keys.token, &claims)
        .await
        .map_err(|error| {
            tracing::error!(error = %dmp_core::problem::Chain(&error), "a token could not be signed");
            Denied::Unavailable {
                part: "keys".to_owned(),
            }
        })?;
    Ok(json!({
        "access_token": token,
        "token_type": "Bearer",
        "issued_token_type": ACCESS_TOKEN,
        "expires_in": claims.exp - claims.iat,
    }))
}

/// Each field at most once (RFC 6749 section 3.2).
fn form(bytes: &[u8]) -> Result<Form, Denied> {
    let mut fields = std::collections::HashMap::new();
    for (name, value) in params::of_form(bytes) {
        if fields.insert(name, value).is_some() {
            return Err(Denied::InvalidRequest("a parameter is there twice"));
        }
    }
    Ok(Form {
        grant_type: fields
            .remove("grant_type")
            .ok_or(Denied::InvalidRequest("grant_type is missing"))?,
        subject_token: fields.remove("subject_token"),
        subject_token_type: fields.remove("subject_token_type"),
        purpose: fields.remove("purpose"),
        establishment: fields.remove("establishment"),
        client_id: fields.remove("client_id"),
    })
}

fn describe(denied: &Denied) -> (StatusCode, &'static str, String) {
    let bad = StatusCode::BAD_REQUEST;
    match denied {
        Denied::InvalidRequest(what) => (bad, "invalid_request", (*what).to_owned()),
        Denied::InvalidClient => (
            StatusCode::UNAUTHORIZED,
            "invalid_client",
            "client_id is not the certificate's credential".to_owned(),
        ),
        Denied::UnauthorizedClient => (
            bad,
            "unauthorized_client",
            "this kind of software may not use this grant".to_owned(),
        ),
        Denied::UnsupportedGrantType => (
            bad,
            "unsupported_grant_type",
            "token exchange is supported".to_owned(),
        ),
        Denied::InvalidGrant => (bad, "invalid_grant", "the log-in does not open this".to_owned()),
        Denied::Unavailable { part } => (
            StatusCode::SERVICE_UNAVAILABLE,
            "temporarily_unavailable",
            format!("`{part}` cannot be reached; try again shortly"),
        ),
    }
}

fn respond(status: StatusCode, body: &Value) -> Response {
    let mut response = Response::new(Body::from(body.to_string()));
    *response.status_mut() = status;
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
    headers.insert(header::PRAGMA, HeaderValue::from_static("no-cache"));
    response
}
