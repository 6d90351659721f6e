//! Which scope an operation needs. In production a credential has the scopes of its homologation and nothing else; in the
//! sandbox everything. Deny by default: an operation without a line here opens to no homologation.

use dmp_client::facts::{Credential, Gate};
use http::{Method, StatusCode};

use super::admission::SolutionRefusal;
use crate::failure::Failure;

/// Where the conformance suite is.
const SUITE: &str = "/dmp/v1/conformance/";
/// Where certificates are renewed.
const EST: &str = "/.well-known/est/";

/// What an operation needs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Needs {
    /// Every admitted credential has it.
    Nothing,
    /// One of the scope's name, as `ConformanceProfile.spec.scope` gives it.
    Scope(&'static str),
    /// The sandbox: nobody has it in production.
    Sandbox,
}

/// Decides for a route as the router names it.
///
/// # Errors
/// When the homologation does not cover the operation.
pub fn check(credential: &Credential, method: &Method, route: &str) -> Result<(), Failure> {
    let Some(scopes) = &credential.scopes else {
        return Ok(());
    };
    match needs(credential, method, route) {
        Some(Needs::Nothing) => Ok(()),
        Some(Needs::Scope(scope)) if scopes.iter().any(|own| own == scope) => Ok(()),
        Some(Needs::Scope(scope)) => Err(Failure::Scope(scope)),
        Some(Needs::Sandbox) => Err(Failure::input(
            StatusCode::FORBIDDEN,
            "sandbox-only",
            "the conformance suite runs with credentials of the sandbox",
        )),
        None => Err(Failure::Scope("none that exists")),
    }
}

/// What a platform or a group that is not homologated, or no longer, still does. After the end it takes nothing new: what is there is
/// read, and a person's opposition is taken. Closed it does nothing but renew certificates, which nobody could do for everybody at once
/// when it opens again.
///
/// # Errors
/// When the operation is none of these.
pub fn check_gate(gate: Gate, method: &Method, route: &str) -> Result<(), Failure> {
    if gate == Gate::Closed && !route.starts_with(EST) {
        return Err(Failure::Solution(SolutionRefusal::NotHomologated));
    }
    let adds = matches!(
        (method.as_str(), route),
        ("POST", "/fhir") | ("PUT", "/fhir/Patient")
    );
    if gate != Gate::ReadOnly || !adds {
        return Ok(());
    }
    Err(Failure::input(
        StatusCode::FORBIDDEN,
        "homologation-ended",
        "the homologation of the platform or of the health group has ended (law 05-20, art. 19): it is read, nothing new is written",
    ))
}

fn needs(credential: &Credential, method: &Method, route: &str) -> Option<Needs> {
    let directory = credential.kind == "directory";
    Some(match (method.as_str(), route) {
        ("POST", "/oauth2/token") | ("GET", "/fhir/metadata") => Needs::Nothing,
        // Software renews its own certificate, whatever it is for.
        ("GET", "/.well-known/est/cacerts") | ("POST", "/.well-known/est/simplereenroll") => Needs::Nothing,
        ("GET" | "POST", suite) if suite.starts_with(SUITE) => Needs::Sandbox,
        // ITI-65, or the State's directories (mCSD).
        ("POST", "/fhir") if directory => Needs::Scope("directory-source"),
        ("POST", "/fhir") => Needs::Scope("document-feeder"),
        // ITI-104.
        ("PUT", "/fhir/Patient") => Needs::Scope("identity-feed"),
        // ITI-119.
        ("GET", "/fhir/Patient") | ("POST", "/fhir/Patient/_search") => Needs::Scope("registry-consumer"),
        // ITI-67, ITI-68.
        ("GET", "/fhir/DocumentReference" | "/fhir/Binary/{id}")
        | ("POST", "/fhir/DocumentReference/_search") => Needs::Scope("document-reader"),
        ("GET" | "POST", "/fhir/Consent")
        | ("POST", "/fhir/Consent/_search")
        | ("PUT", "/fhir/Consent/{id}") => Needs::Scope("consent"),
        ("GET", "/fhir/AuditEvent" | "/dmp/v1/trail") | ("POST", "/fhir/AuditEvent/_search") => {
            Needs::Scope("trail")
        }
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use dmp_client::facts::Mode;
    use jiff::Timestamp;

    use super::*;

    const OPERATIONS: [(&str, &str, &str); 13] = [
        ("POST", "/fhir", "document-feeder"),
        ("PUT", "/fhir/Patient", "identity-feed"),
        ("GET", "/fhir/Patient", "registry-consumer"),
        ("POST", "/fhir/Patient/_search", "registry-consumer"),
        ("GET", "/fhir/DocumentReference", "document-reader"),
        ("POST", "/fhir/DocumentReference/_search", "document-reader"),
        ("GET", "/fhir/Binary/{id}", "document-reader"),
        ("POST", "/fhir/Consent", "consent"),
        ("GET", "/fhir/Consent", "consent"),
        ("PUT", "/fhir/Consent/{id}", "consent"),
        ("GET", "/fhir/AuditEvent", "trail"),
        ("POST", "/fhir/AuditEvent/_search", "trail"),
        ("GET", "/dmp/v1/trail", "trail"),
    ];

    fn credential(kind: &str, scopes: Option<&[&str]>) -> Credential {
        Credential {
            name: "vendor-h/a".to_owned(),
            solution: "vendor-h/sih".to_owned(),
            version: "2.1".to_owned(),
            kind: kind.to_owned(),
            establishment: None,
            group: None,
            mode: Mode::Production,
            certificate_sha256: String::new(),
            not_after: Timestamp::now(),
            previous: None,
            scopes: scopes.map(|scopes| scopes.iter().map(|&scope| scope.to_owned()).collect()),
            realm: None,
        }
    }

    fn check_as(credential: &Credential, method: &str, route: &str) -> Result<(), Failure> {
        check(credential, &method.parse().unwrap_or_default(), route)
    }

    #[test]
    fn each_operation_needs_its_own_scope_and_no_other_opens_it() {
        for (method, route, needed) in OPERATIONS {
            for (_, _, scope) in OPERATIONS {
                let expected = if scope == needed {
                    Ok(())
                } else {
                    Err(Failure::Scope(needed))
                };
                assert_eq!(
                    check_as(&credential("hospital", Some(&[scope])), method, route),
                    expected,
                    "{method} {route} {scope}"
                );
            }
            assert_eq!(
                check_as(&credential("hospital", None), method, route),
                Ok(()),
                "the sandbox is open"
            );
            assert!(check_as(&credential("hospital", Some(&[])), method, route).is_err());
        }
        assert!(
            check_as(
                &credential("directory", Some(&["document-feeder"])),
                "POST",
                "/fhir"
            )
            .is_err()
        );
        assert!(
            check_as(
                &credential("directory", Some(&["directory-source"])),
                "POST",
                "/fhir"
            )
            .is_ok()
        );
    }

    #[test]
    fn a_token_and_the_description_are_for_all_and_what_is_not_listed_for_nobody() {
        let nothing = credential("hospital", Some(&[]));
        assert!(check_as(&nothing, "POST", "/oauth2/token").is_ok());
        assert!(check_as(&nothing, "GET", "/fhir/metadata").is_ok());
        assert!(check_as(&nothing, "GET", "/.well-known/est/cacerts").is_ok());
        assert!(check_as(&nothing, "POST", "/.well-known/est/simplereenroll").is_ok());
        assert!(check_as(&nothing, "POST", "/.well-known/est/simpleenroll").is_err());
        let all: Vec<&str> = OPERATIONS.iter().map(|(_, _, scope)| *scope).collect();
        assert!(check_as(&credential("hospital", Some(&all)), "DELETE", "/fhir/Patient").is_err());
        assert!(check_as(&credential("hospital", Some(&all)), "GET", "/fhir/Later").is_err());
    }
}
