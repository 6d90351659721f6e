//! What a revocation reaches. Pure.

use dmp_api::{SolutionCredential, SolutionRevocationSpec};
use kube::ResourceExt;

use super::dereference::Found;

/// What it closes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Reach {
    /// The solution exists.
    pub solution: bool,
    pub credentials: usize,
}

pub fn validate(spec: &SolutionRevocationSpec, found: &Found) -> Reach {
    let credentials = found
        .credentials
        .iter()
        .filter(|credential| closes(spec, credential))
        .count();
    Reach {
        solution: found.solution.is_some(),
        credentials,
    }
}

/// Whether a revocation closes a credential.
pub fn closes(spec: &SolutionRevocationSpec, credential: &SolutionCredential) -> bool {
    let namespace = credential.namespace().unwrap_or_default();
    spec.solution == format!("{namespace}/{}", credential.spec.solution)
        && spec
            .version
            .as_ref()
            .is_none_or(|version| *version == credential.spec.version)
        && spec
            .credential
            .as_ref()
            .is_none_or(|name| *name == credential.name_any())
}

#[cfg(test)]
mod tests {
    use dmp_api::{Mode, SolutionCredentialSpec};

    use super::*;

    fn credential(name: &str, solution: &str, version: &str) -> SolutionCredential {
        let mut credential = SolutionCredential::new(
            name,
            SolutionCredentialSpec {
                solution: solution.to_owned(),
                version: version.to_owned(),
                establishment: None,
                health_group: None,
                mode: Mode::Sandbox,
                csr: String::new(),
            },
        );
        credential.metadata.namespace = Some("vendor-a".to_owned());
        credential
    }

    fn revocation(solution: &str, version: Option<&str>, credential: Option<&str>) -> SolutionRevocationSpec {
        SolutionRevocationSpec {
            solution: solution.to_owned(),
            version: version.map(ToOwned::to_owned),
            credential: credential.map(ToOwned::to_owned),
            reason: "test".to_owned(),
        }
    }

    #[test]
    fn reaches_the_product_a_version_or_one_credential_and_no_more() {
        let found = Found {
            solution: None,
            credentials: vec![
                credential("x", "his", "1"),
                credential("y", "his", "2"),
                credential("z", "lab", "1"),
            ],
        };
        let count = |spec: SolutionRevocationSpec| validate(&spec, &found).credentials;
        assert_eq!(count(revocation("vendor-a/his", None, None)), 2);
        assert_eq!(count(revocation("vendor-a/his", Some("2"), None)), 1);
        assert_eq!(count(revocation("vendor-a/his", None, Some("x"))), 1);
        assert_eq!(count(revocation("vendor-a/his", None, Some("z"))), 0);
        assert_eq!(count(revocation("vendor-b/his", None, None)), 0);
    }
}
