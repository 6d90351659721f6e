//! The token on its way back: it must be ours, and both certificate and credential must be this connection's.
//!
//! A stolen token is worthless without the software's key, and a certificate opens no patient's data without a
//! person's token: either alone is refused (401), before any service is asked.

use dmp_client::facts::Credential;
use dmp_core::ids::GroupName;
use dmp_core::peer::Peer;
use dmp_core::token::{Claims, Verifier};
use http::HeaderMap;
use http::header::AUTHORIZATION;

use crate::failure::BearerProblem;

/// A token that was checked against its connection; `text` is passed on to the services, which verify it again.
pub struct Bearer {
    pub text: String,
    pub claims: Claims,
}

/// Reads and checks the bearer token of a request.
///
/// # Errors
/// [`BearerProblem`]: missing, not valid, or bound to other software.
pub fn check(
    headers: &HeaderMap,
    verifier: &Verifier,
    peer: &Peer,
    credential: &Credential,
) -> Result<Bearer, BearerProblem> {
    let text = text(headers)?;
    let claims = verifier.verify(text).map_err(|error| {
        tracing::debug!(%error, "bearer token not accepted");
        BearerProblem::Invalid
    })?;
    let bound = claims.cnf.x5t_s256 == peer.thumbprint()
        && claims.credential == credential.name
        && claims.solution == credential.solution
        && claims.version == credential.version
        && claims.establishment == credential.establishment
        && claims.realm == credential.realm
        && claims.group.as_deref() == credential.group.as_ref().map(GroupName::as_str);
    if bound {
        Ok(Bearer {
            text: text.to_owned(),
            claims,
        })
    } else {
        Err(BearerProblem::NotBound)
    }
}

fn text(headers: &HeaderMap) -> Result<&str, BearerProblem> {
    let mut values = headers.get_all(AUTHORIZATION).iter();
    let value = values.next().ok_or(BearerProblem::Missing)?;
    if values.next().is_some() {
        return Err(BearerProblem::Invalid);
    }
    let (scheme, token) = value
        .to_str()
        .ok()
        .and_then(|value| value.split_once(' '))
        .ok_or(BearerProblem::Invalid)?;
    if scheme.eq_ignore_ascii_case("bearer") && !token.is_empty() {
        Ok(token)
    } else {
        Err(BearerProblem::Invalid)
    }
}
