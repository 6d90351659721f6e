//! Identifiers of persons as they are compared: normalised by their system, then turned into blind-index tokens.
//!
//! They are stored as given (in the sealed Patient); only the token is made of the normal form.

use std::borrow::Cow;

use dmp_core::ids::Identifier;
use dmp_core::problem::Problem;
use dmp_fhir::patient::Patient;
use dmp_fhir::systems;
use dmp_keys::BlindIndex;
use http::StatusCode;

use crate::realm::Realm;

/// Token of an identifier in the blind index.
pub(crate) type Token = [u8; 32];

/// Longest system or value, in bytes.
const LONGEST: usize = 256;

/// The token of `system|value` in a realm.
pub(crate) fn token(index: &BlindIndex, realm: Realm<'_>, system: &str, value: &str) -> Token {
    let value = normal(system, value);
    let (system, value) = (system.trim().as_bytes(), value.as_bytes());
    match realm.name() {
        None => index.token("identifier", &[system, value]),
        Some(realm) => index.token("identifier-of-realm", &[realm.as_bytes(), system, value]),
    }
}

/// The token of a request's identifier.
///
/// # Errors
/// 422 `identifier-invalid` without system or value, or when one is too long.
pub(crate) fn of_request(
    index: &BlindIndex,
    realm: Realm<'_>,
    identifier: &Identifier,
) -> Result<Token, Problem> {
    let usable =
        |text: &str| !text.trim().is_empty() && text.len() <= LONGEST && !text.chars().any(char::is_control);
    if usable(&identifier.system) && usable(&identifier.value) {
        Ok(token(index, realm, &identifier.system, &identifier.value))
    } else {
        Err(Problem::new(
            StatusCode::UNPROCESSABLE_ENTITY,
            "identifier-invalid",
            "an identifier has a system and a value",
        ))
    }
}

/// The tokens of all identifiers of a Patient, in the order of the resource.
pub(crate) fn of_patient(index: &BlindIndex, realm: Realm<'_>, patient: &Patient<'_>) -> Vec<Token> {
    let mut tokens = Vec::new();
    for identifier in &patient.identifiers {
        let token = token(
            index,
            realm,
            identifier.system.unwrap_or_default(),
            identifier.value,
        );
        if !tokens.contains(&token) {
            tokens.push(token);
        }
    }
    tokens
}

/// Identity cards and passports are compared in capitals.
fn normal<'a>(system: &str, value: &'a str) -> Cow<'a, str> {
    let value = value.trim();
    match system.trim() {
        systems::CNIE | systems::PASSPORT => value.to_uppercase().into(),
        _ => value.into(),
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use dmp_keys::Key256;

    use super::*;

    #[test]
    fn cards_are_compared_in_capitals_and_others_exactly() {
        let index = BlindIndex::from_key(&Key256::from_bytes([1; 32]));
        let nation = Realm::of(None).unwrap();
        let token = |system: &str, value: &str| token(&index, nation, system, value);
        assert_eq!(token(systems::CNIE, " xt30001"), token(systems::CNIE, "XT30001"));
        assert_ne!(token("urn:oid:2.999", "ipp-a"), token("urn:oid:2.999", "IPP-A"));
        assert_ne!(token("urn:oid:2.999", "1"), token("urn:oid:2.9991", ""));
    }

    #[test]
    fn a_realm_has_its_own_tokens_and_the_nations_are_what_they_were() {
        let index = BlindIndex::from_key(&Key256::from_bytes([1; 32]));
        let token = |realm: Option<&str>, system: &str, value: &str| {
            token(&index, Realm::of(realm).unwrap(), system, value)
        };
        assert_eq!(token(None, "s", "v"), index.token("identifier", &[b"s", b"v"]));
        let all = [
            token(None, "s", "v"),
            token(Some("a"), "s", "v"),
            token(Some("b"), "s", "v"),
            token(Some("as"), "", "v"),
            token(Some("a"), "sv", ""),
            token(None, "as", "v"),
        ];
        for (n, one) in all.iter().enumerate() {
            assert!(all.iter().skip(n + 1).all(|other| other != one), "{n}");
        }
    }

    #[test]
    fn an_identifier_has_both_parts() {
        let index = BlindIndex::from_key(&Key256::from_bytes([1; 32]));
        let code = |system: &str, value: &str| {
            let identifier = Identifier {
                system: system.to_owned(),
                value: value.to_owned(),
            };
            of_request(&index, Realm::of(None).unwrap(), &identifier)
                .err()
                .map(|problem| problem.code)
        };
        assert_eq!(code("s", "v"), None);
        for (system, value) in [
            ("", "v"),
            ("s", ""),
            ("s", " "),
            ("s", "v\0"),
            ("s", &"v".repeat(257)),
        ] {
            assert_eq!(code(system, value), Some("identifier-invalid"));
        }
    }
}
