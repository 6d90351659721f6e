//! `SolutionRevocation`: closes the door to a vendor, a product, a version of it, its installation at one establishment, or one
//! credential. Never changed or deleted; both deciding bodies together lift it (`RevocationLift`).
//!
//! What one closes is decided here, for everybody who reads it. Whether it is lifted: `dmp-homologation`.

use k8s_openapi::apimachinery::pkg::apis::meta::v1::Condition;
use kube::{CustomResource, KubeSchema};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::common::{conditions_schema, status_conditions};
use crate::names::VENDOR_NAMESPACE_PREFIX;

/// In force from the moment the API server has it. Admission denies its deletion.
#[derive(CustomResource, KubeSchema, Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[kube(
    group = "dmp.ma",
    version = "v1alpha1",
    kind = "SolutionRevocation",
    status = "SolutionRevocationStatus",
    shortname = "solr",
    category = "dmp",
    derive = "PartialEq",
    cel,
    doc = "Closes the door to a vendor, a product, a version, an installation or one credential.",
    printcolumn(name = "Vendor", type_ = "string", json_path = ".spec.vendor"),
    printcolumn(name = "Solution", type_ = "string", json_path = ".spec.solution"),
    printcolumn(name = "Version", type_ = "string", json_path = ".spec.version"),
    printcolumn(name = "Establishment", type_ = "string", json_path = ".spec.establishment"),
    printcolumn(name = "Credential", type_ = "string", json_path = ".spec.credential"),
    printcolumn(name = "Hit", type_ = "integer", json_path = ".status.credentials"),
    printcolumn(
        name = "In force",
        type_ = "string",
        json_path = ".status.conditions[?(@.type==\"InForce\")].status"
    ),
    printcolumn(name = "Reason", type_ = "string", json_path = ".spec.reason"),
    printcolumn(name = "Age", type_ = "date", json_path = ".metadata.creationTimestamp")
)]
#[x_kube(
    validation = Rule::new("self == oldSelf").message("a revocation never changes"),
    validation = Rule::new("has(self.solution) != has(self.vendor)").message("name a solution or a vendor, one of them"),
    validation = Rule::new("!has(self.vendor) || !(has(self.version) || has(self.credential) || has(self.establishment))")
        .message("a vendor is revoked with all that it has: name its solution for less"),
    validation = Rule::new("!has(self.solution) || (has(self.version) ? 1 : 0) + (has(self.credential) ? 1 : 0) + (has(self.establishment) ? 1 : 0) <= 1")
        .message("name at most one of version, credential and establishment")
)]
#[serde(rename_all = "camelCase")]
pub struct SolutionRevocationSpec {
    /// `<vendor namespace>/<Solution name>`; absent when a vendor is named.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(
        regex(pattern = r"^vendor-[a-z0-9]([-a-z0-9]*[a-z0-9])?/[a-z0-9]([-a-z0-9]*[a-z0-9])?$"),
        length(max = 127)
    )]
    pub solution: Option<String>,
    /// The vendor's id (its namespace without `vendor-`): everything it has.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(regex(pattern = "^[a-z0-9]([-a-z0-9]*[a-z0-9])?$"), length(max = 50))]
    pub vendor: Option<String>,
    /// One version; all of them when absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 64))]
    pub version: Option<String>,
    /// One credential, by its name in the vendor's namespace; all of them when absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 63))]
    pub credential: Option<String>,
    /// INPE of one establishment: the product as it is installed there; everywhere when absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(regex(pattern = "^[0-9]{9}$"))]
    pub establishment: Option<String>,
    /// Why, for the vendor and the public list. No patient's data.
    #[schemars(length(min = 1, max = 1000))]
    pub reason: String,
}

impl SolutionRevocationSpec {
    /// Namespace of the vendor whose it is; `None` when it names nobody.
    pub fn namespace(&self) -> Option<String> {
        match (&self.vendor, &self.solution) {
            (Some(vendor), _) => Some(format!("{VENDOR_NAMESPACE_PREFIX}{vendor}")),
            (None, Some(solution)) => {
                let (namespace, _) = solution.split_once('/')?;
                Some(namespace.to_owned())
            }
            (None, None) => None,
        }
    }

    /// Whether it closes a version altogether, not one installation of it.
    pub fn closes_version(&self, namespace: &str, solution: &str, version: &str) -> bool {
        self.credential.is_none()
            && self.establishment.is_none()
            && self.is_about(namespace, solution, version)
    }

    /// Whether it closes a credential.
    pub fn closes(&self, credential: &Installed<'_>) -> bool {
        self.is_about(credential.namespace, credential.solution, credential.version)
            && self
                .credential
                .as_deref()
                .is_none_or(|name| name == credential.name)
            && self
                .establishment
                .as_deref()
                .is_none_or(|inpe| Some(inpe) == credential.establishment)
    }

    /// By vendor, product and version. What names nobody (no API server lets it in) is about everybody.
    fn is_about(&self, namespace: &str, solution: &str, version: &str) -> bool {
        let product = match (&self.vendor, &self.solution) {
            (Some(_), _) => self.namespace().as_deref() == Some(namespace),
            (None, Some(named)) => named.split_once('/') == Some((namespace, solution)),
            (None, None) => true,
        };
        product && self.version.as_deref().is_none_or(|only| only == version)
    }
}

/// What a revocation looks at in a credential.
#[derive(Clone, Copy, Debug)]
pub struct Installed<'a> {
    /// The vendor's.
    pub namespace: &'a str,
    pub name: &'a str,
    pub solution: &'a str,
    pub version: &'a str,
    /// INPE.
    pub establishment: Option<&'a str>,
}

/// What the operator sees; written by nobody else.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct SolutionRevocationStatus {
    /// Generation of the specification that this status is about.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub observed_generation: Option<i64>,
    /// Number of credentials it closes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub credentials: Option<i64>,
    /// Whether both deciding bodies have lifted it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub lifted: Option<bool>,
    /// Who was told, and how it went: what fails is tried again, and stops nothing else.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(extend("x-kubernetes-list-type" = "map", "x-kubernetes-list-map-keys" = ["subsystem"]))]
    pub ledger: Vec<Told>,
    /// Conditions: `Ready`, `InForce`, `SolutionKnown`.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(schema_with = "conditions_schema")]
    pub conditions: Vec<Condition>,
}

/// One line of the ledger.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Told {
    /// `facts` (the gateways), `certificates` (the revocation list of the solutions' CA).
    pub subsystem: String,
    /// `done`, `pending` or `failed`.
    pub state: ToldState,
    /// What was done, is left, or went wrong.
    pub message: String,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum ToldState {
    Done,
    Pending,
    Failed,
}

status_conditions!(SolutionRevocationStatus);

#[cfg(test)]
mod tests {
    use super::*;

    const CREDENTIAL: Installed<'static> = Installed {
        namespace: "vendor-a",
        name: "x",
        solution: "his",
        version: "1",
        establishment: Some("123456789"),
    };

    fn of(solution: &str) -> SolutionRevocationSpec {
        SolutionRevocationSpec {
            solution: Some(solution.to_owned()),
            reason: "test".to_owned(),
            ..SolutionRevocationSpec::default()
        }
    }

    fn some(text: &str) -> Option<String> {
        Some(text.to_owned())
    }

    #[test]
    fn each_level_closes_what_it_names_and_no_more() {
        let vendor = |name: &str| SolutionRevocationSpec {
            vendor: some(name),
            ..SolutionRevocationSpec::default()
        };
        let version = |version: &str| SolutionRevocationSpec {
            version: some(version),
            ..of("vendor-a/his")
        };
        let credential = |name: &str| SolutionRevocationSpec {
            credential: some(name),
            ..of("vendor-a/his")
        };
        let establishment = |inpe: &str| SolutionRevocationSpec {
            establishment: some(inpe),
            ..of("vendor-a/his")
        };
        // Revocation, whether it closes the credential, whether the version with it.
        let cases = [
            (vendor("a"), true, true),
            (vendor("b"), false, false),
            (vendor("vendor-a"), false, false),
            (of("vendor-a/his"), true, true),
            (of("vendor-a/lab"), false, false),
            (of("vendor-b/his"), false, false),
            (of("his"), false, false),
            (version("1"), true, true),
            (version("2"), false, false),
            (credential("x"), true, false),
            (credential("y"), false, false),
            (establishment("123456789"), true, false),
            (establishment("987654321"), false, false),
            (SolutionRevocationSpec::default(), true, true),
        ];
        for (spec, closes, closes_version) in cases {
            assert_eq!(spec.closes(&CREDENTIAL), closes, "{spec:?}");
            assert_eq!(
                spec.closes_version("vendor-a", "his", "1"),
                closes_version,
                "{spec:?}"
            );
        }
        let app = Installed {
            establishment: None,
            ..CREDENTIAL
        };
        assert!(
            !establishment("123456789").closes(&app),
            "software without establishment"
        );
    }

    #[test]
    fn the_vendors_namespace_follows_from_what_is_named() {
        let vendor = SolutionRevocationSpec {
            vendor: some("a"),
            ..SolutionRevocationSpec::default()
        };
        assert_eq!(vendor.namespace().as_deref(), Some("vendor-a"));
        assert_eq!(of("vendor-b/his").namespace().as_deref(), Some("vendor-b"));
        assert_eq!(SolutionRevocationSpec::default().namespace(), None);
    }
}
