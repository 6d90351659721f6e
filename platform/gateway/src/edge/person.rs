//! The person behind a request: the token, checked against this very connection, and the person's quota. An extractor.

use std::time::Instant;

use axum::extract::FromRequestParts;
use dmp_core::correlation::Correlation;
use dmp_core::ids::PatientId;
use dmp_core::token::{Claims, Person as Subject};
use http::request::Parts;

use super::Admitted;
use crate::failure::{BearerProblem, Failure};
use crate::state::Gateway;
use crate::tokens::bearer;
use crate::upstream::Call;

/// A request with both keys: admitted software, and a person's token bound to it.
pub struct Person {
    pub admitted: Admitted,
    pub claims: Claims,
    token: String,
    correlation: String,
}

impl Person {
    /// What goes with calls to the services.
    pub fn call(&self) -> Call<'_> {
        Call {
            correlation: &self.correlation,
            bearer: Some(&self.token),
            realm: self.claims.realm.as_deref(),
        }
    }

    /// The patient who speaks.
    ///
    /// # Errors
    /// [`Failure::Refused`] for anybody else.
    pub const fn patient(&self) -> Result<PatientId, Failure> {
        match self.claims.person {
            Subject::Patient { id } => Ok(id),
            _ => Err(Failure::Refused),
        }
    }
}

impl FromRequestParts<Gateway> for Person {
    type Rejection = Failure;

    async fn from_request_parts(parts: &mut Parts, gateway: &Gateway) -> Result<Self, Failure> {
        let admitted = parts
            .extensions
            .get::<Admitted>()
            .cloned()
            .ok_or(Failure::Internal)?;
        let trust = gateway.trust.current();
        let checked = bearer::check(
            &parts.headers,
            &trust.verifier,
            &admitted.peer,
            &admitted.credential,
        )
        .map_err(Failure::Bearer)?;
        let person = &checked.claims.person;
        gateway
            .counters
            .person(&admitted.credential, person, Instant::now())?;
        let correlation = parts
            .extensions
            .get::<Correlation>()
            .map(ToString::to_string)
            .ok_or(Failure::Internal)?;
        Ok(Self {
            admitted,
            claims: checked.claims,
            token: checked.text,
            correlation,
        })
    }
}

impl From<BearerProblem> for Failure {
    fn from(problem: BearerProblem) -> Self {
        Self::Bearer(problem)
    }
}
