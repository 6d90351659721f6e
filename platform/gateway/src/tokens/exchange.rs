//! Whom the token speaks for: the decision of the token service.
//!
//! A caregiver is confirmed by the registry (active, and working at the establishment of the software's credential);
//! a patient speaks through software of kind `patient-app` only, a directory source for itself without a person.
//! A refusal says `invalid_grant` whatever the reason: the endpoint does not tell who is known.

use dmp_client::facts::{Credential, Issuer, Mode};
use dmp_core::ids::Identifier;
use dmp_core::peer::Peer;
use dmp_core::token::{AUDIENCE, Claims, Confirmation, MAX_LIFETIME_SECONDS, Person, PublicKey};
use jiff::Timestamp;

use super::assertion::{self, AssertionError};
use super::jwks::Jwks;
use super::sandbox;
use crate::facts::Snapshot;
use crate::failure::Failure;
use crate::upstream::{Call, Upstream};

/// `grant_type` of RFC 8693.
pub const TOKEN_EXCHANGE: &str = "urn:ietf:params:oauth:grant-type:token-exchange";
/// `subject_token_type` of an OIDC id token.
pub const ID_TOKEN: &str = "urn:ietf:params:oauth:token-type:id_token";

/// Kind of the software patients use.
const PATIENT_APP: &str = "patient-app";
/// Kind of the State's directory sources.
const DIRECTORY: &str = "directory";
/// PurposeOfUse a patient has, and nobody else.
const PATIENT_REQUEST: &str = "PATRQT";
/// PurposeOfUse (HL7 v3) a caregiver may name; what each opens is decided by the record store.
const CAREGIVER_PURPOSES: [&str; 6] = ["TREAT", "ETREAT", "HOPERAT", "HPAYMT", "PUBHLTH", "HRESCH"];

/// The form of `POST /oauth2/token`. No `Debug`: it holds the assertion.
#[derive(serde::Deserialize)]
pub struct Form {
    pub grant_type: String,
    pub subject_token: Option<String>,
    pub subject_token_type: Option<String>,
    pub purpose: Option<String>,
    pub establishment: Option<String>,
    /// Optional: the certificate is the client's authentication; when given it must be the credential's name.
    pub client_id: Option<String>,
}

/// RFC 6749 section 5.2, with `temporarily_unavailable` for a part that cannot be reached.
#[derive(Debug, PartialEq, Eq)]
pub enum Denied {
    InvalidRequest(&'static str),
    InvalidClient,
    UnauthorizedClient,
    UnsupportedGrantType,
    /// The log-in does not open this, for whatever reason.
    InvalidGrant,
    Unavailable {
        part: String,
    },
}

/// What an exchange needs to know.
pub struct Context<'a> {
    pub facts: &'a Snapshot,
    pub credential: &'a Credential,
    pub peer: &'a Peer,
    pub jwks: &'a Jwks,
    /// Public keys of the log-ins of invented people.
    pub sandbox: &'a [PublicKey],
    pub upstream: &'a Upstream,
    pub correlation: &'a str,
    /// `iss` of the tokens.
    pub issuer: &'a str,
    pub now: Timestamp,
}

/// Decides and returns the claims to sign.
///
/// # Errors
/// [`Denied`]; the reason of an `invalid_grant` is logged without naming the person.
pub async fn claims(context: &Context<'_>, form: Form) -> Result<Claims, Denied> {
    if form
        .client_id
        .as_ref()
        .is_some_and(|client| *client != context.credential.name)
    {
        return Err(Denied::InvalidClient);
    }
    let (person, display, purpose) = match form.grant_type.as_str() {
        "client_credentials" => directory(context, &form)?,
        TOKEN_EXCHANGE => person(context, form).await?,
        _ => return Err(Denied::UnsupportedGrantType),
    };
    let credential = context.credential;
    let iat = context.now.as_second();
    let exp = iat + MAX_LIFETIME_SECONDS;
    let last = credential
        .not_after
        .as_second()
        .min(context.peer.not_after.as_second());
    Ok(Claims {
        iss: context.issuer.to_owned(),
        aud: AUDIENCE.to_owned(),
        iat,
        exp: exp.min(last),
        jti: uuid::Uuid::new_v4().to_string(),
        cnf: Confirmation {
            x5t_s256: context.peer.thumbprint(),
        },
        solution: credential.solution.clone(),
        version: credential.version.clone(),
        credential: credential.name.clone(),
        establishment: credential.establishment.clone(),
        group: credential.group.as_ref().map(|group| group.as_str().to_owned()),
        person,
        display,
        purpose,
        realm: credential.realm.clone(),
    })
}

type Subject = (Person, Option<String>, String);

fn directory(context: &Context<'_>, form: &Form) -> Result<Subject, Denied> {
    if context.credential.kind != DIRECTORY {
        return Err(Denied::UnauthorizedClient);
    }
    if form.subject_token.is_some() {
        return Err(Denied::InvalidRequest(
            "client_credentials takes no subject_token",
        ));
    }
    Ok((Person::Directory, None, "HOPERAT".to_owned()))
}

async fn person(context: &Context<'_>, form: Form) -> Result<Subject, Denied> {
    if context.credential.kind == DIRECTORY {
        return Err(Denied::UnauthorizedClient);
    }
    let token = form
        .subject_token
        .ok_or(Denied::InvalidRequest("subject_token is missing"))?;
    if form.subject_token_type.as_deref() != Some(ID_TOKEN) {
        return Err(Denied::InvalidRequest(
            "subject_token_type must be urn:ietf:params:oauth:token-type:id_token",
        ));
    }
    let purpose = form.purpose.ok_or(Denied::InvalidRequest("purpose is missing"))?;
    let patient_app = context.credential.kind == PATIENT_APP;
    let known = if patient_app {
        purpose == PATIENT_REQUEST
    } else {
        CAREGIVER_PURPOSES.contains(&purpose.as_str())
    };
    if !known {
        return Err(Denied::InvalidRequest(
            "purpose is not one that this software's users may have",
        ));
    }
    if form.establishment.is_some() && form.establishment != context.credential.establishment {
        return Err(denied(context, "another establishment"));
    }
    let LoggedIn { inpe, patient } = logged_in(context, &token).await?;
    if patient_app {
        let identifier = patient.ok_or_else(|| denied(context, "no patient in the assertion"))?;
        let found = context.upstream.by_identifier(&call(context), identifier).await;
        let id = found
            .map_err(unavailable)?
            .ok_or_else(|| denied(context, "unknown patient"))?;
        return Ok((Person::Patient { id }, None, purpose));
    }
    let inpe = inpe.ok_or_else(|| denied(context, "no professional in the assertion"))?;
    let establishment = context
        .credential
        .establishment
        .clone()
        .ok_or_else(|| denied(context, "a credential without establishment"))?;
    let confirmed = context
        .upstream
        .confirm(&call(context), inpe.clone(), establishment)
        .await
        .map_err(unavailable)?;
    match (confirmed.active, confirmed.profession) {
        (true, Some(profession)) => Ok((
            Person::Professional { inpe, profession },
            confirmed.display,
            purpose,
        )),
        _ => Err(denied(context, "professional and establishment not confirmed")),
    }
}

/// Whom a log-in names.
struct LoggedIn {
    inpe: Option<String>,
    patient: Option<Identifier>,
}

/// Who logged in, at an issuer of the facts or as an invented person of the software's own realm.
async fn logged_in(context: &Context<'_>, token: &str) -> Result<LoggedIn, Denied> {
    if let Some(verified) = sandbox::verify(token, context.issuer, context.sandbox) {
        let person = verified.map_err(|error| {
            tracing::info!(correlation = context.correlation, %error, "log-in of an invented person not accepted");
            Denied::InvalidGrant
        })?;
        if !sandbox::opens(&person, context.credential) {
            return Err(denied(context, "an invented person of another realm"));
        }
        return Ok(LoggedIn {
            inpe: person.inpe,
            patient: person.patient_identifier,
        });
    }
    let assertion = assertion::verify(token, context.facts, context.jwks)
        .await
        .map_err(|error| {
            let reason = std::error::Error::source(&error)
                .map(ToString::to_string)
                .unwrap_or_default();
            tracing::info!(correlation = context.correlation, %error, reason, "assertion not accepted");
            match error {
                AssertionError::Keys(super::jwks::JwksError::UnknownKey(_)) => Denied::InvalidGrant,
                AssertionError::Keys(_) => Denied::Unavailable {
                    part: "issuer".to_owned(),
                },
                _ => Denied::InvalidGrant,
            }
        })?;
    if !issuer_opens(assertion.issuer, context.facts, context.credential) {
        return Err(denied(context, "the issuer is the demonstration's"));
    }
    Ok(LoggedIn {
        inpe: assertion.inpe,
        patient: assertion.patient,
    })
}

/// The demonstration's issuer vouches for invented people: while the platform is in demonstration, and for software
/// and groups that hold no real data.
fn issuer_opens(issuer: &Issuer, facts: &Snapshot, credential: &Credential) -> bool {
    let sandbox_group = credential
        .group
        .as_ref()
        .is_none_or(|name| facts.group(name).is_some_and(|group| group.mode == Mode::Sandbox));
    !issuer.demonstration
        || (facts.facts().demonstration && credential.mode == Mode::Sandbox && sandbox_group)
}

fn call<'a>(context: &'a Context<'_>) -> Call<'a> {
    Call {
        correlation: context.correlation,
        bearer: None,
        realm: context.credential.realm.as_deref(),
    }
}

fn denied(context: &Context<'_>, reason: &'static str) -> Denied {
    tracing::info!(
        correlation = context.correlation,
        credential = context.credential.name,
        reason,
        "no token"
    );
    Denied::InvalidGrant
}

/// The registry's own refusal of a log-in tells nothing either.
fn unavailable(failure: Failure) -> Denied {
    match failure {
        Failure::Unavailable { part } => Denied::Unavailable { part },
        Failure::Internal => Denied::Unavailable {
            part: "registry".to_owned(),
        },
        _ => Denied::InvalidGrant,
    }
}
