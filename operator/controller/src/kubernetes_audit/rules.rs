//! Which audit events are findings. Pure.
//!
//! Attempts count, refused or not. Kubernetes' own controllers, kubelets, CloudNativePG and the operator are exempt where
//! it is their work, and only as themselves: whoever impersonates one of them is no exception but a finding.

use super::event::{Event, ObjectRef, User};

/// Namespace of CloudNativePG's operator, and its account.
const CNPG: &str = "system:serviceaccount:cnpg-system:cnpg-manager";
const OPERATOR: &str = "system:serviceaccount:dmp-system:dmp-operator";
const OPENBAO: &str = "system:serviceaccount:dmp-system:openbao";
/// Components of Kubernetes that are no ServiceAccounts.
const COMPONENTS: [&str; 4] = [
    "system:kube-controller-manager",
    "system:kube-scheduler",
    "system:kube-proxy",
    "system:apiserver",
];
/// The controllers' ServiceAccounts.
const KUBE_SYSTEM: &str = "system:serviceaccount:kube-system:";
/// Namespaces that begin with `dmp-` and are not the platform's: the appliance's volumes.
const NOT_OURS: &str = "dmp-storage";
/// The network's probe, whose pods the operator makes.
const PROBE: &str = "network-probe";

/// What the finding is about; its text is the label `rule` of the metric.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Rule {
    /// exec, attach, port-forward, proxy, a joining container, a kubelet's command.
    PodEntered,
    /// A token of the platform's identities, not asked for by a kubelet.
    TokenRequested,
    /// A Secret of the platform, or all Secrets of the cluster.
    SecretRead,
    /// Admission policies, rights, custom resource definitions, namespaces of the product.
    ProductChanged,
    /// The Platform: images, issuers, bodies, OpenBao.
    PlatformChanged,
    /// A pod that no controller made.
    PodCreated,
    /// Anything else in the platform's namespaces.
    PlaneChanged,
    /// Somebody acted as somebody else.
    Impersonated,
    /// A certificate of the cluster's authority, which can make its holder anybody.
    CertificateApproved,
}

impl Rule {
    pub const ALL: [Self; 9] = [
        Self::PodEntered,
        Self::TokenRequested,
        Self::SecretRead,
        Self::ProductChanged,
        Self::PlatformChanged,
        Self::PodCreated,
        Self::PlaneChanged,
        Self::Impersonated,
        Self::CertificateApproved,
    ];

    pub const fn as_str(self) -> &'static str {
        match self {
            Self::PodEntered => "pod-entered",
            Self::TokenRequested => "token-requested",
            Self::SecretRead => "secret-read",
            Self::ProductChanged => "product-changed",
            Self::PlatformChanged => "platform-changed",
            Self::PodCreated => "pod-created",
            Self::PlaneChanged => "plane-changed",
            Self::Impersonated => "impersonated",
            Self::CertificateApproved => "certificate-approved",
        }
    }

    /// Reason of the Kubernetes Event.
    pub const fn reason(self) -> &'static str {
        match self {
            Self::PodEntered => "PodEntered",
            Self::TokenRequested => "TokenRequested",
            Self::SecretRead => "SecretRead",
            Self::ProductChanged => "ProductChanged",
            Self::PlatformChanged => "PlatformChanged",
            Self::PodCreated => "PodCreated",
            Self::PlaneChanged => "PlaneChanged",
            Self::Impersonated => "Impersonated",
            Self::CertificateApproved => "CertificateApproved",
        }
    }
}

/// Who did or tried what: nothing of the content of an object.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Finding {
    pub rule: Rule,
    /// User name, as the API server authenticated it.
    pub who: String,
    /// The identity that was put on.
    pub acting_as: Option<String>,
    pub verb: String,
    /// `[<group>/]<resource>[/<subresource>]`.
    pub resource: String,
    /// Empty for what belongs to none.
    pub namespace: String,
    pub name: String,
    /// Whether the API server said no.
    pub refused: bool,
    /// The request, by the API server's name for it.
    pub audit_id: String,
    /// When it came, RFC 3339.
    pub at: String,
}

/// The findings of one answered request, at most one of each rule.
pub fn findings(event: &Event) -> Vec<Finding> {
    let Some(object) = &event.object_ref else {
        return Vec::new();
    };
    let by = By {
        user: &event.user,
        impersonated: event.impersonated_user.as_ref(),
    };
    let mut rules = Vec::new();
    let request = Request { event, object, by };
    rules.extend(request.rule());
    if request.is_impersonation() {
        rules.push(Rule::Impersonated);
    }
    rules.into_iter().map(|rule| request.finding(rule)).collect()
}

#[derive(Clone, Copy)]
struct By<'a> {
    user: &'a User,
    impersonated: Option<&'a User>,
}

impl By<'_> {
    /// As itself, this account.
    fn is(&self, name: &str) -> bool {
        self.impersonated.is_none() && self.user.username == name
    }

    fn is_kubelet(&self) -> bool {
        self.impersonated.is_none() && self.user.groups.iter().any(|group| group == "system:nodes")
    }

    /// Kubernetes' own controllers.
    fn is_kubernetes(&self) -> bool {
        self.impersonated.is_none()
            && (COMPONENTS.contains(&self.user.username.as_str())
                || self.user.username.starts_with(KUBE_SYSTEM))
    }

    /// An instance of a database.
    fn is_database(&self) -> bool {
        let account = self.user.username.strip_prefix("system:serviceaccount:dmp-");
        self.impersonated.is_none() && account.is_some_and(|account| account.ends_with("-database"))
    }
}

struct Request<'a> {
    event: &'a Event,
    object: &'a ObjectRef,
    by: By<'a>,
}

impl Request<'_> {
    fn rule(&self) -> Option<Rule> {
        let Self { object, by, .. } = self;
        let ours = is_ours(&object.namespace);
        let resource = (
            object.api_group.as_str(),
            object.resource.as_str(),
            object.subresource.as_str(),
        );
        match resource {
            ("", "nodes", "proxy") => {
                (self.is_command_of_a_kubelet() && !by.is_kubernetes()).then_some(Rule::PodEntered)
            }
            ("", "pods", "exec" | "attach" | "portforward" | "ephemeralcontainers")
            | ("", "pods" | "services", "proxy") => {
                (ours && !by.is(CNPG) && !self.is_open_door()).then_some(Rule::PodEntered)
            }
            ("", "serviceaccounts", "token") => {
                (ours && !by.is_kubelet() && !self.is_of_the_installation()).then_some(Rule::TokenRequested)
            }
            ("", "secrets", "") if self.reads() => {
                let everywhere = object.namespace.is_empty();
                let exempt = by.is_kubelet() || by.is_kubernetes() || by.is(CNPG) || by.is_database();
                ((ours || everywhere) && !exempt).then_some(Rule::SecretRead)
            }
            ("certificates.k8s.io", "certificatesigningrequests", "approval") => {
                (self.writes() && !by.is_kubernetes()).then_some(Rule::CertificateApproved)
            }
            ("dmp.ma", "platforms", "") => self.writes().then_some(Rule::PlatformChanged),
            (_, _, "status") => None,
            _ if self.is_of_the_product() => {
                let exempt = by.is_kubernetes()
                    || by.is(OPERATOR) && object.resource == "namespaces"
                    || by.is(CNPG) && ours;
                (self.writes() && !exempt).then_some(Rule::ProductChanged)
            }
            ("", "pods", "") => {
                let probe = by.is(OPERATOR) && (object.name.is_empty() || object.name.starts_with(PROBE));
                let exempt = by.is_kubernetes() || by.is_kubelet() || by.is(CNPG) || probe;
                let makes = matches!(self.event.verb.as_str(), "create" | "update" | "patch");
                (ours && makes && !exempt).then_some(Rule::PodCreated)
            }
            // Restarting and draining are daily work; Events, leases and the network's bookkeeping say nothing.
            ("", "pods", "eviction") | (_, "events" | "leases" | "ciliumendpoints" | "endpointslices", _) => {
                None
            }
            _ => {
                let exempt = by.is_kubernetes()
                    || by.is_kubelet()
                    || by.is_database()
                    || [CNPG, OPERATOR, OPENBAO].iter().any(|name| by.is(name));
                (ours && self.writes() && !exempt).then_some(Rule::PlaneChanged)
            }
        }
    }

    /// Somebody put on an identity of the platform, or another one to act on the platform.
    fn is_impersonation(&self) -> bool {
        self.by.impersonated.is_some_and(|user| {
            user.username.starts_with("system:serviceaccount:dmp-")
                || is_ours(&self.object.namespace)
                || self.is_of_the_product()
                || self.object.api_group == "dmp.ma"
        })
    }

    fn finding(&self, rule: Rule) -> Finding {
        let Self { event, object, by } = self;
        let mut resource = object.resource.clone();
        if !object.api_group.is_empty() {
            resource = format!("{}/{resource}", object.api_group);
        }
        if !object.subresource.is_empty() {
            resource = format!("{resource}/{}", object.subresource);
        }
        Finding {
            rule,
            who: by.user.username.clone(),
            acting_as: by.impersonated.map(|user| user.username.clone()),
            verb: event.verb.clone(),
            resource,
            namespace: object.namespace.clone(),
            name: object.name.clone(),
            refused: event.code() >= 400,
            audit_id: event.audit_id.clone(),
            at: event.request_received_timestamp.clone(),
        }
    }

    fn reads(&self) -> bool {
        matches!(self.event.verb.as_str(), "get" | "list" | "watch")
    }

    fn writes(&self) -> bool {
        matches!(
            self.event.verb.as_str(),
            "create" | "update" | "patch" | "delete" | "deletecollection"
        )
    }

    /// What asks everybody who they are by itself (OpenBao), or shows metrics only.
    fn is_open_door(&self) -> bool {
        let object = self.object;
        match object.subresource.as_str() {
            "portforward" => object.namespace == "dmp-system" && object.name == "openbao-0",
            "proxy" => object.name.ends_with(":9090") || object.name.ends_with(":9187"),
            _ => false,
        }
    }

    /// Tokens that `dmpctl` asks for; they read no record.
    fn is_of_the_installation(&self) -> bool {
        self.object.namespace == "dmp-system"
            && matches!(self.object.name.as_str(), "dmp-bootstrap" | "dmp-demo")
    }

    /// `/exec/<namespace>/…` and the like, of a namespace of ours.
    fn is_command_of_a_kubelet(&self) -> bool {
        let path = self.event.request_uri.split('?').next().unwrap_or_default();
        let Some((_, command)) = path.split_once("/proxy/") else {
            return false;
        };
        let mut parts = command.split('/');
        let entering = matches!(
            parts.next(),
            Some("exec" | "run" | "attach" | "portForward" | "checkpoint")
        );
        entering && parts.next().is_some_and(is_ours)
    }

    fn is_of_the_product(&self) -> bool {
        let object = self.object;
        let named = object.name.starts_with("dmp-");
        match (object.api_group.as_str(), object.resource.as_str()) {
            (
                "admissionregistration.k8s.io",
                "validatingadmissionpolicies" | "validatingadmissionpolicybindings",
            ) => named || self.event.verb == "deletecollection",
            ("rbac.authorization.k8s.io", "clusterroles" | "clusterrolebindings") => named,
            ("rbac.authorization.k8s.io", "roles" | "rolebindings") => is_ours(&object.namespace),
            ("apiextensions.k8s.io", "customresourcedefinitions") => object.name.ends_with(".dmp.ma"),
            ("", "namespaces") => is_ours(&object.name),
            _ => false,
        }
    }
}

/// `dmp-system`, `dmp-national`, `dmp-<group>`; a retired group's as well.
fn is_ours(namespace: &str) -> bool {
    namespace.starts_with("dmp-") && namespace != NOT_OURS
}
