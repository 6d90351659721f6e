//! Search parameters that say whose data is asked for, from a query or a form. Their values are never logged.

use dmp_core::ids::{Identifier, PatientId};
use http::Uri;

use crate::failure::Failure;
use crate::state::Gateway;
use crate::upstream::Call;

/// Parameters of a search, in order.
pub type Parameters = Vec<(String, String)>;

/// The parameters of a URL.
pub fn of_query(uri: &Uri) -> Parameters {
    of_form(uri.query().unwrap_or_default().as_bytes())
}

/// The parameters of an `application/x-www-form-urlencoded` body.
pub fn of_form(bytes: &[u8]) -> Parameters {
    url::form_urlencoded::parse(bytes).into_owned().collect()
}

/// `system|value`, both present.
///
/// # Errors
/// 400 `identifier-invalid`.
pub fn identifier(token: &str) -> Result<Identifier, Failure> {
    token
        .split_once('|')
        .filter(|(system, value)| !system.is_empty() && !value.trim().is_empty())
        .map(|(system, value)| Identifier {
            system: system.to_owned(),
            value: value.to_owned(),
        })
        .ok_or_else(|| Failure::bad_request("identifier-invalid", "an identifier is written `system|value`"))
}

/// The one `identifier` of a search or feed; parameters about the answer's form are left aside.
///
/// # Errors
/// 400 when it is missing, twice there, or not alone.
pub fn only_identifier(parameters: &Parameters) -> Result<Identifier, Failure> {
    let mut asked = parameters.iter().filter(|(name, _)| !is_presentation(name));
    match (asked.next(), asked.next()) {
        (Some((name, value)), None) if name == "identifier" => identifier(value),
        _ => Err(Failure::bad_request(
            "identifier-required",
            "exactly one parameter `identifier` is needed",
        )),
    }
}

/// Whose data a search asks for.
#[derive(PartialEq, Eq)]
enum Whose {
    Id(String),
    Identifier(Identifier),
}

/// The patient a search names, and its other parameters.
///
/// # Errors
/// 400 unless exactly one patient is named; [`Failure::Refused`] when there is no such patient.
pub async fn patient(
    gateway: &Gateway,
    call: &Call<'_>,
    parameters: Parameters,
) -> Result<(PatientId, Parameters), Failure> {
    let mut whose = None;
    let mut rest = Parameters::new();
    for (name, value) in parameters {
        let named = match name.as_str() {
            "patient" | "subject" | "patient:Patient" | "subject:Patient" => Whose::Id(value),
            "patient.identifier"
            | "subject.identifier"
            | "patient:identifier"
            | "subject:identifier"
            | "subject:Patient.identifier" => Whose::Identifier(identifier(&value)?),
            name if is_presentation(name) => continue,
            _ => {
                rest.push((name, value));
                continue;
            }
        };
        if whose.replace(named).is_some() {
            return Err(Failure::bad_request(
                "patient-repeated",
                "a search names one patient, once",
            ));
        }
    }
    let id = match whose {
        Some(Whose::Id(reference)) => of_reference(&gateway.fhir_base, &reference),
        Some(Whose::Identifier(identifier)) => gateway.upstream.by_identifier(call, identifier).await?,
        None => {
            return Err(Failure::bad_request(
                "patient-required",
                "a search needs `patient` or `patient.identifier`",
            ));
        }
    };
    Ok((id.ok_or(Failure::Refused)?, rest))
}

/// `<id>`, `Patient/<id>` or `<base>/Patient/<id>`; anything else names nobody.
pub fn of_reference(base: &str, reference: &str) -> Option<PatientId> {
    let relative = reference
        .strip_prefix(base)
        .map_or(reference, |rest| rest.trim_start_matches('/'));
    relative.strip_prefix("Patient/").unwrap_or(relative).parse().ok()
}

/// How the answer shall look; there is one form.
fn is_presentation(name: &str) -> bool {
    matches!(name, "_format" | "_pretty")
}

/// A search that knows no further parameter says so, rather than answer something else than was asked.
///
/// # Errors
/// 400 `parameter-not-supported` with the parameter's name (not its value).
pub fn none_left(parameters: &Parameters) -> Result<(), Failure> {
    parameters.first().map_or(Ok(()), |(name, _)| {
        let name: String = name
            .chars()
            .filter(|c| c.is_ascii_alphanumeric() || ".:_-".contains(*c))
            .take(64)
            .collect();
        Err(Failure::bad_request(
            "parameter-not-supported",
            format!("the parameter `{name}` is not supported here"),
        ))
    })
}
