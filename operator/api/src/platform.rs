//! `Platform`: the national plane, and what every group inherits from it. One object, `national`.

use k8s_openapi::apimachinery::pkg::apis::meta::v1::Condition;
use kube::{CustomResource, KubeSchema};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::body::Body;
use crate::common::{Sizing, conditions_schema, status_conditions};
use crate::gateway_quota::Quota;

/// The installation as a whole.
#[derive(CustomResource, KubeSchema, Clone, Debug, PartialEq, Serialize, Deserialize)]
#[kube(
    group = "dmp.ma",
    version = "v1alpha1",
    kind = "Platform",
    status = "PlatformStatus",
    category = "dmp",
    derive = "PartialEq",
    cel,
    doc = "The installation as a whole: the national plane, and what every health group inherits.",
    printcolumn(name = "Release", type_ = "string", json_path = ".spec.release"),
    printcolumn(name = "Domain", type_ = "string", json_path = ".spec.domain"),
    printcolumn(name = "Groups", type_ = "integer", json_path = ".status.groups"),
    printcolumn(name = "Ready", type_ = "string", json_path = ".status.conditions[?(@.type==\"Ready\")].status"),
    printcolumn(name = "Reason", type_ = "string", json_path = ".status.conditions[?(@.type==\"Ready\")].reason"),
    printcolumn(name = "Homologated", type_ = "string", json_path = ".status.conditions[?(@.type==\"Homologated\")].reason"),
    printcolumn(name = "Age", type_ = "date", json_path = ".metadata.creationTimestamp"),
    validation = Rule::new("self.metadata.name == 'national'")
        .message("there is one platform, `national`"),
    validation = Rule::new("!has(oldSelf.spec.bodies) || (has(self.spec.bodies) && oldSelf.spec.bodies.all(o, self.spec.bodies.exists(n, n.role == o.role && n.organisation == o.organisation && n.anchors[0].certificate == o.anchors[0].certificate)))")
        .message("a body, its organisation and its first anchor never change"),
    validation = Rule::new("self.spec.demonstration || !has(self.spec.issuers) || self.spec.issuers.all(i, !i.demonstration)")
        .message("a demonstration issuer needs `demonstration: true`")
)]
#[serde(rename_all = "camelCase")]
pub struct PlatformSpec {
    /// Version of the appliance's parts, for people; the images say what runs.
    #[schemars(length(min = 1, max = 64))]
    pub release: String,
    /// What runs.
    pub images: Images,
    /// Trust domain: certificates, log origins and URLs derive from it. Immutable.
    #[schemars(
        regex(pattern = r"^[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)+$"),
        length(max = 100)
    )]
    #[x_kube(validation = Rule::new("self == oldSelf").message("the domain never changes: identities and logs carry it"))]
    pub domain: String,
    /// Name of the `Site` of the national plane.
    #[schemars(length(min = 1, max = 63))]
    pub site: String,
    /// Whether synthetic people may log in; production groups refuse them all the same.
    #[serde(default)]
    pub demonstration: bool,
    /// The one way in for solutions.
    pub gateway: Gateway,
    /// OIDC issuers people may log in at. The demonstration's own is added by the operator.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 20))]
    pub issuers: Vec<Issuer>,
    /// Who decides over solutions. Without interop and security entity nothing is homologated. Each stays as it is.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 8), extend("x-kubernetes-list-type" = "map", "x-kubernetes-list-map-keys" = ["role"]))]
    pub bodies: Vec<Body>,
    /// Where keys and identities live.
    #[serde(default)]
    pub openbao: OpenBao,
    /// Class of the databases' volumes; the cluster's default when absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 253))]
    pub storage_class: Option<String>,
    /// `small`, `medium` or `large`: one, two or three instances of each database of the national plane; resources of services follow.
    #[serde(default)]
    pub sizing: Sizing,
    /// Instances of each database; what the sizing gives when absent. From two on, every acknowledged write is on two.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 1, max = 5))]
    pub database_instances: Option<i64>,
    /// Name of the sandbox `HealthGroup` where vendors that sign up get a place; nobody can sign up when absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 40))]
    pub sandbox_group: Option<String>,
    /// Traces of requests; none are made when absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub telemetry: Option<Telemetry>,
}

/// Where the services send traces: route templates, times, correlation ids; nothing of a patient.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, KubeSchema)]
#[serde(rename_all = "camelCase")]
pub struct Telemetry {
    /// OTLP over HTTP: `http://collector.monitoring.svc:4318/v1/traces`. An https one must be of the platform's own authority.
    #[schemars(length(min = 1, max = 512))]
    #[x_kube(validation = Rule::new("(self.startsWith('http://') || self.startsWith('https://')) && !self.contains('@')")
        .message("the endpoint is an http or https URL without credentials"))]
    pub otlp_endpoint: String,
    /// Of a hundred requests at the gateway, how many begin a trace.
    #[serde(default = "ten")]
    #[schemars(range(min = 0, max = 100))]
    pub sample_percent: i32,
}

const fn ten() -> i32 {
    10
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Images {
    /// The one image of all services.
    #[schemars(length(min = 1, max = 512))]
    pub dmp: String,
    /// PostgreSQL, made for CloudNativePG.
    #[schemars(length(min = 1, max = 512))]
    pub postgres: String,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, KubeSchema)]
#[serde(rename_all = "camelCase")]
pub struct Gateway {
    /// Names and addresses solutions reach it by: SANs of its certificate; the first is the token issuer.
    #[schemars(length(min = 1, max = 20), inner(length(min = 1, max = 253)))]
    #[x_kube(validation = Rule::new("self.all(n, size(n) > 0 && size(n) <= 253 && !n.contains('/'))")
        .message("a public name is a host name or an IP address, without scheme or path"))]
    pub public_names: Vec<String>,
    /// Port on every node; absent: the Service has no node port.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 30000, max = 32767))]
    pub node_port: Option<i32>,
    /// Port on every node for the guichet (people, without software's certificate); absent: when `nodePort` is given, Kubernetes chooses one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 30000, max = 32767))]
    pub guichet_node_port: Option<i32>,
    /// Pods of the gateway.
    #[serde(default = "two")]
    #[schemars(range(min = 1, max = 100))]
    pub replicas: i32,
    /// How many requests software may send, by kind, where it is not what the release has. A change rolls the gateway.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 6), extend("x-kubernetes-list-type" = "map", "x-kubernetes-list-map-keys" = ["kind"]))]
    pub quotas: Vec<Quota>,
}

const fn two() -> i32 {
    2
}

/// An OIDC issuer people may log in at.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, KubeSchema)]
#[serde(rename_all = "camelCase")]
pub struct Issuer {
    /// `iss` of its tokens.
    #[schemars(length(min = 1, max = 512))]
    #[x_kube(validation = Rule::new("self.startsWith('https://')").message("an issuer is an https URL"))]
    pub url: String,
    /// Where its keys are, when not found by discovery.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 512))]
    pub jwks: Option<String>,
    /// PEM of the CA of that URL, when it is not a public one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 16384))]
    pub ca: Option<String>,
    /// `aud` its tokens must carry.
    #[schemars(length(min = 1, max = 200))]
    pub audience: String,
    /// Synthetic people only.
    #[serde(default)]
    pub demonstration: bool,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, KubeSchema)]
#[serde(rename_all = "camelCase")]
pub struct OpenBao {
    /// Its URL, as pods reach it.
    #[serde(default = "openbao_address")]
    #[schemars(length(min = 1, max = 253))]
    #[x_kube(validation = Rule::new("self.startsWith('https://')").message("OpenBao is reached over https"))]
    pub address: String,
    /// Whether it is the one `dmpctl install` set up in `dmp-system` (static seal).
    #[serde(default = "yes")]
    pub managed: bool,
}

impl Default for OpenBao {
    fn default() -> Self {
        Self {
            address: openbao_address(),
            managed: true,
        }
    }
}

fn openbao_address() -> String {
    "https://openbao.dmp-system.svc:8200".to_owned()
}

const fn yes() -> bool {
    true
}

/// What the operator sees; written by nobody else.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct PlatformStatus {
    /// Generation of the specification that this status is about.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub observed_generation: Option<i64>,
    /// Number of health groups.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub groups: Option<i64>,
    /// Release the national plane runs.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub release: Option<String>,
    /// Conditions: `Ready`, `Reconciling`, `Stalled`, `DatabaseReady`, `KeysReady`, `ServiceReady`, `NetworkPolicyEnforced`,
    /// `KubernetesAudit`, `InsecureSeal`, `DemonstrationOn`, `Homologated`.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(schema_with = "conditions_schema")]
    pub conditions: Vec<Condition>,
}

status_conditions!(PlatformStatus);
