//! Names of the appliance in Kubernetes that both the operator and `dmpctl` use (`docs/interfaces.md`).

/// Namespace of operator and OpenBao.
pub const SYSTEM_NAMESPACE: &str = "dmp-system";
/// Namespace of what the evaluator's verdicts rest on.
pub const EVIDENCE_NAMESPACE: &str = "dmp-evidence";
/// Namespace of the national plane.
pub const NATIONAL_NAMESPACE: &str = "dmp-national";
/// The one `Platform`.
pub const PLATFORM: &str = "national";
/// ConfigMap in [`SYSTEM_NAMESPACE`]: the images that may run, SHA-256 (hex) to registry and name; the admission policy's parameter.
pub const ADMITTED_IMAGES: &str = "admitted-images";
/// Lease in [`SYSTEM_NAMESPACE`]: when events of the API server's audit last came to the operator.
pub const AUDIT_LEASE: &str = "dmp-kubernetes-audit";
/// What begins annotations of [`AUDIT_LEASE`]: API group, and when a change in it last came without its request (RFC 3339).
pub const AUDIT_LACKING: &str = "audit.dmp.ma/";
/// The one `Catalogue`.
pub const CATALOGUE: &str = "national";
/// The one `PolicyProfile`.
pub const PROFILE: &str = "national";
/// The one `VulnerabilityExport`.
pub const VULNERABILITIES: &str = "osv";
/// What a vendor's namespace begins with.
pub const VENDOR_NAMESPACE_PREFIX: &str = "vendor-";

/// Label: the object holds the posture of a year's days; its value is the object's name.
pub const POSTURE_LABEL: &str = "dmp.ma/posture";
/// Label: the object holds the OSCAL documents of a day; its value is the object's name.
pub const OSCAL_LABEL: &str = "dmp.ma/oscal";
/// Label: the plane belongs to this health group.
pub const GROUP_LABEL: &str = "dmp.ma/group";
/// Label: the namespace is this vendor's, who signed up at the guichet.
pub const VENDOR_LABEL: &str = "dmp.ma/vendor";
/// Label on a namespace: it holds health data, admission denies its deletion.
pub const PROTECTED_LABEL: &str = "dmp.ma/protected";
/// Label: who answers for the data ([`Asset`](crate::Asset)).
pub const OWNER_LABEL: &str = "dmp.ma/owner";
/// Label: class of the data by the DGSSI's guide, `0` to `4`.
pub const CLASS_LABEL: &str = "dmp.ma/data-class";
/// Label: what the data are for, one word.
pub const PURPOSE_LABEL: &str = "dmp.ma/purpose";
/// Finalizer of a `HealthGroup`: deleting it retires the group.
pub const RETIRE_FINALIZER: &str = "dmp.ma/retire";
/// Annotation of a pod template: SHA-256 of what it reads at start; a change rolls the pods.
pub const CONFIG_HASH_ANNOTATION: &str = "dmp.ma/config-sha256";
/// Annotation that stops the reconciliation of an object (its status keeps its last value).
pub const PAUSED_ANNOTATION: &str = "dmp.ma/paused";
/// Annotation of a `SolutionCredential`: which certificate asked for the CSR in its specification, `<SHA-256 of the CSR>:<SHA-256 of the
/// certificate>`. That certificate opens the door until its holder has the new one. A hint: it chooses among those that do so already.
pub const RENEWED_WITH_ANNOTATION: &str = "dmp.ma/renewed-with";

/// The services of the national plane.
pub const NATIONAL_SERVICES: [&str; 5] = ["registry", "consent", "audit", "portal", "gateway"];
/// Those of them with a database.
pub const NATIONAL_DATABASES: [&str; 3] = ["registry", "consent", "audit"];
/// CNPG clusters of a group.
pub const GROUP_DATABASES: [&str; 2] = ["records", "keystore"];

/// `spiffe://<domain>/ns/<namespace>/sa/<serviceaccount>`.
pub fn spiffe(domain: &str, namespace: &str, service_account: &str) -> String {
    format!("spiffe://{domain}/ns/{namespace}/sa/{service_account}")
}

/// The URI SAN of a solution's certificate.
pub fn credential_uri(domain: &str, namespace: &str, credential: &str) -> String {
    format!("spiffe://{domain}/credential/{namespace}/{credential}")
}

/// Origin of a national service's log.
pub fn national_log_origin(domain: &str, service: &str) -> String {
    format!("{domain}/log/{service}")
}

/// Origin of a group's log.
pub fn group_log_origin(domain: &str, group: &str) -> String {
    format!("{domain}/log/group/{group}")
}
