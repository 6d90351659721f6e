//! The person behind a request: the platform's token, verified here and not taken from any other header.

use axum::extract::{FromRef, FromRequestParts};
use http::header;
use http::request::Parts;

use crate::problem::Problem;
use crate::token::{Claims, TokenError};
use crate::trust::TrustBundle;

/// Claims of the verified bearer token. An extractor; without a good token the answer is 403 `access-refused`.
pub struct Caller(pub Claims);

/// The token itself, as verified, to pass on to the next service. An extractor.
pub struct BearerToken(pub String);

impl<S> FromRequestParts<S> for Caller
where
    S: Send + Sync,
    TrustBundle: FromRef<S>,
{
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Problem> {
        verified(parts, &TrustBundle::from_ref(state)).map(|(_, claims)| Self(claims))
    }
}

impl<S> FromRequestParts<S> for BearerToken
where
    S: Send + Sync,
    TrustBundle: FromRef<S>,
{
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Problem> {
        verified(parts, &TrustBundle::from_ref(state)).map(|(token, _)| Self(token.to_owned()))
    }
}

fn verified<'a>(parts: &'a Parts, trust: &TrustBundle) -> Result<(&'a str, Claims), Problem> {
    bearer(parts)
        .ok_or(TokenError::Missing)
        .and_then(|token| Ok((token, trust.current().verifier.verify(token)?)))
        .map_err(|error| {
            tracing::info!(error = %crate::problem::Chain(&error), "token refused");
            Problem::access_refused()
        })
}

/// The one `Authorization: Bearer` of a request (RFC 6750); none when there are two.
pub fn bearer(parts: &Parts) -> Option<&str> {
    let mut values = parts.headers.get_all(header::AUTHORIZATION).iter();
    let (Some(value), None) = (values.next(), values.next()) else {
        return None;
    };
    let (scheme, token) = value.to_str().ok()?.split_once(' ')?;
    scheme.eq_ignore_ascii_case("bearer").then(|| token.trim_start())
}
