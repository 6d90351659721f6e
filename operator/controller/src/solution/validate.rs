//! The vendor is the one whose namespace it is. Admission says so too; an object older than the policy is caught here.

use dmp_api::Solution;
use dmp_api::names::VENDOR_NAMESPACE_PREFIX;
use kube::ResourceExt;

use crate::status;

/// Why a solution does not count.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    #[error("spec.vendor is `{vendor}`, so its namespace is `vendor-{vendor}`, not `{namespace}`")]
    WrongNamespace { vendor: String, namespace: String },
}

impl status::Refusal for Refusal {
    fn reason(&self) -> &'static str {
        match self {
            Self::WrongNamespace { .. } => "WrongNamespace",
        }
    }
}

/// # Errors
/// When vendor and namespace do not belong together.
pub fn validate(solution: &Solution) -> Result<(), Refusal> {
    let namespace = solution.namespace().unwrap_or_default();
    let vendor = &solution.spec.vendor;
    if namespace.strip_prefix(VENDOR_NAMESPACE_PREFIX) == Some(vendor.as_str()) {
        Ok(())
    } else {
        Err(Refusal::WrongNamespace {
            vendor: vendor.clone(),
            namespace,
        })
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use dmp_api::{SolutionSpec, solution::ProductKind};

    use super::*;

    #[test]
    fn a_vendor_lives_in_its_own_namespace() {
        let mut solution = Solution::new(
            "his",
            SolutionSpec {
                vendor: "atlas".to_owned(),
                product: "Atlas SIH".to_owned(),
                organisation: None,
                kind: ProductKind::Hospital,
            },
        );
        solution.metadata.namespace = Some("vendor-atlas".to_owned());
        validate(&solution).unwrap();
        solution.metadata.namespace = Some("vendor-other".to_owned());
        validate(&solution).unwrap_err();
    }
}
