//! A version belongs to a product and is named once. Pure.

use dmp_api::SolutionVersion;
use kube::ResourceExt;

use super::dereference::Found;
use crate::status;

/// Why a version does not count.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    #[error("there is no Solution `{0}` in this namespace: apply it, or correct spec.solution")]
    NoSolution(String),
    #[error("SolutionVersion `{0}` names the same version: delete one of them")]
    Twice(String),
}

impl status::Refusal for Refusal {
    fn reason(&self) -> &'static str {
        match self {
            Self::NoSolution(_) => "SolutionNotFound",
            Self::Twice(_) => "VersionTwice",
        }
    }
}

/// # Errors
/// The first reason why not.
pub fn validate(version: &SolutionVersion, found: &Found) -> Result<(), Refusal> {
    if found.solution.is_none() {
        return Err(Refusal::NoSolution(version.spec.solution.clone()));
    }
    let own = version.name_any();
    let older = |other: &&SolutionVersion| {
        // Of whatever package: a version is one delivery.
        (&other.spec.solution, &other.spec.version) == (&version.spec.solution, &version.spec.version)
            && other.name_any() != own
            && (
                other.metadata.creation_timestamp.as_ref().map(|t| t.0),
                other.name_any(),
            ) < (
                version.metadata.creation_timestamp.as_ref().map(|t| t.0),
                own.clone(),
            )
    };
    match found.versions.iter().find(older) {
        None => Ok(()),
        Some(other) => Err(Refusal::Twice(other.name_any())),
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use dmp_api::solution::ProductKind;
    use dmp_api::solution_version::Package;
    use dmp_api::{Solution, SolutionSpec, SolutionVersionSpec};

    use super::*;
    use crate::status::Refusal as _;

    fn version(name: &str) -> SolutionVersion {
        SolutionVersion::new(
            name,
            SolutionVersionSpec {
                solution: "his".to_owned(),
                version: "1.0".to_owned(),
                package: None,
            },
        )
    }

    #[test]
    fn needs_its_product_and_is_named_once() {
        let solution = Solution::new(
            "his",
            SolutionSpec {
                vendor: "a".to_owned(),
                product: "A".to_owned(),
                organisation: None,
                kind: ProductKind::Hospital,
            },
        );
        let mut found = Found {
            solution: None,
            versions: vec![version("a"), version("b")],
        };
        assert_eq!(
            validate(&version("a"), &found).unwrap_err().reason(),
            "SolutionNotFound"
        );
        found.solution = Some(solution);
        validate(&version("a"), &found).unwrap();
        assert_eq!(
            validate(&version("b"), &found),
            Err(Refusal::Twice("a".to_owned()))
        );
        // Another package under the same number is no other version.
        let mut other = version("b");
        other.spec.package = Some(Package {
            sha256: "a".repeat(64),
            sbom_sha256: "b".repeat(64),
        });
        found.versions[1] = other.clone();
        assert_eq!(validate(&other, &found), Err(Refusal::Twice("a".to_owned())));
        validate(&version("a"), &found).unwrap();
        // Another number is, also one that reads alike.
        for number in ["1.0.0", "1", "1.0-rc.1"] {
            let mut other = version("b");
            other.spec.version = number.to_owned();
            found.versions[1] = other.clone();
            validate(&other, &found).unwrap();
        }
    }
}
