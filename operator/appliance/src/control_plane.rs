//! etcd, API server, controller-manager, scheduler and a kube-proxy in a network namespace of their
//! own (`cp`).
//!
//! The kube-proxy is for the API server, which calls webhooks by the address of their Service. The
//! namespace has no default route, so nothing of the control plane can leave the machine.

use std::{fs, path::PathBuf, time::Duration};

use aws_lc_rs::rand::{SecureRandom, SystemRandom};
use base64::{Engine as _, engine::general_purpose::STANDARD};
use serde_json::json;

use crate::{
    addresses::AddressPlan,
    audit,
    cgroups::CONTROL_PLANE,
    daemon::{Daemon, Daemons},
    error::{Error, FileContext, Result},
    kubectl::Kubectl,
    network::Network,
    node::kube_proxy,
    options::Name,
    parts::Parts,
    paths::{Paths, private_folder, write_private},
    pki::{self, Authority, Identity, Subject},
};

/// Port of the API server, on the control plane's address.
const API_PORT: u16 = 6443;
const ETCD_URL: &str = "https://127.0.0.1:2379";
const ETCD_PEER_URL: &str = "http://127.0.0.1:2380";
const AUDIT_POLICY: &str = include_str!("../files/audit-policy.yaml");
const ADMISSION: &str = include_str!("../files/admission.yaml");
const READY_WITHIN: Duration = Duration::from_secs(90);

/// How soon the loss of a node is noticed: a node says twice in that time that it is there, see `kubelet`.
const NODE_LOSS: [(&str, &str); 2] = [("node-monitor-period", "1s"), ("node-monitor-grace-period", "8s")];

/// How long a pod may be on a node that is lost or not ready before another takes its place.
const POD_LOSS: [&str; 2] = [
    "default-not-ready-toleration-seconds",
    "default-unreachable-toleration-seconds",
];
const POD_LOSS_SECONDS: u32 = 20;

/// Order of stopping: the API server before etcd, or it hangs for half a minute.
pub(crate) const STOP_ORDER: [&str; 5] = [
    "cp-kube-proxy",
    "cp-kube-scheduler",
    "cp-kube-controller-manager",
    API_SERVER,
    "cp-etcd",
];
pub(crate) const API_SERVER: &str = "cp-kube-apiserver";

/// The control plane of one appliance.
pub(crate) struct ControlPlane<'a> {
    pub name: &'a Name,
    pub paths: &'a Paths,
    pub plan: &'a AddressPlan,
    pub parts: &'a Parts,
}

impl ControlPlane<'_> {
    /// Where clients find the API server.
    pub fn server(&self) -> String {
        format!("https://{}:{API_PORT}", self.plan.control_plane())
    }

    /// The cluster's authority, which also identifies nodes.
    pub fn authority(&self) -> Result<Authority> {
        Authority::open(&self.paths.authorities(), "cluster")
    }

    /// Writes the kubeconfig of a component into the runtime folder and returns its path.
    pub fn component_kubeconfig(&self, file: &str, subject: &Subject<'_>) -> Result<PathBuf> {
        let authority = self.authority()?;
        let identity = authority.issue(&self.paths.certificates(), file, subject)?;
        let config = pki::kubeconfig(&self.server(), &authority.certificate, &identity)?;
        let path = self.paths.certificates().join(format!("{file}.kubeconfig"));
        write_private(&path, config.to_string())?;
        Ok(path)
    }

    /// Writes certificates and configuration.
    pub fn prepare(&self) -> Result<()> {
        let etcd = Authority::open(&self.paths.authorities(), "etcd")?;
        let cluster = self.authority()?;
        let certificates = self.paths.certificates();
        let tokens = pki::signing_key(&self.token_key())?;
        write_private(&self.token_public_key(), tokens.public_key_pem())?;
        etcd.issue(
            &certificates,
            "etcd",
            &Subject {
                common_name: "etcd",
                organization: None,
                names: vec!["localhost".to_owned()],
                addresses: vec![std::net::Ipv4Addr::LOCALHOST],
            },
        )?;
        etcd.issue(&certificates, "etcd-client", &Subject::client("apiserver", None))?;
        cluster.issue(
            &certificates,
            "apiserver",
            &Subject {
                common_name: "kube-apiserver",
                organization: None,
                names: [
                    "kubernetes",
                    "kubernetes.default",
                    "kubernetes.default.svc",
                    "kubernetes.default.svc.cluster.local",
                ]
                .map(str::to_owned)
                .to_vec(),
                addresses: vec![self.plan.control_plane(), self.plan.api_service()],
            },
        )?;
        cluster.issue(
            &certificates,
            "apiserver-kubelet",
            &Subject::client("dmp:apiserver", None),
        )?;
        for (file, user) in [
            ("kube-controller-manager", "system:kube-controller-manager"),
            ("kube-scheduler", "system:kube-scheduler"),
            ("kube-proxy", "system:kube-proxy"),
        ] {
            self.component_kubeconfig(file, &Subject::client(user, None))?;
        }
        let admin = cluster.issue(
            &certificates,
            "admin",
            &Subject::client("dmp:admin", Some("system:masters")),
        )?;
        let config = pki::kubeconfig(&self.server(), &cluster.certificate, &admin)?;
        write_private(&self.paths.kubeconfig(), config.to_string())?;

        private_folder(&self.paths.config())?;
        private_folder(&self.paths.etcd())?;
        private_folder(&self.paths.logs())?;
        self.ensure_encryption_config()?;
        for (name, content) in [("audit-policy.yaml", AUDIT_POLICY), ("admission.yaml", ADMISSION)] {
            let file = self.paths.config().join(name);
            fs::write(&file, content).on("write", file)?;
        }
        audit::prepare(self.paths, self.plan)?;
        kube_proxy::write_config(self.paths, self.plan, "cp", &self.first_node())
    }

    /// Starts etcd and the API server and waits until it answers.
    pub async fn start_api(&self, daemons: &Daemons, kubectl: &Kubectl) -> Result<()> {
        audit::ensure(self.paths, self.plan)?;
        daemons.ensure(&self.etcd()).await?;
        daemons.ensure(&self.apiserver()).await?;
        kubectl
            .wait("the API server", READY_WITHIN, &["get", "--raw=/readyz"], || {
                daemons.require("cp-etcd")?;
                daemons.require("cp-kube-apiserver")
            })
            .await
    }

    /// Starts what works on the API server's objects.
    pub async fn start_controllers(&self, daemons: &Daemons) -> Result<()> {
        daemons.ensure(&self.controller_manager()).await?;
        daemons.ensure(&self.scheduler()).await?;
        let proxy = kube_proxy::daemon(self.name, self.paths, self.parts, "cp");
        daemons.ensure(&proxy).await?;
        Ok(())
    }

    fn etcd(&self) -> Daemon {
        let own = self.certificate("etcd");
        self.daemon(
            "etcd",
            self.parts.etcd.program("etcd"),
            vec![
                flag("data-dir", self.paths.etcd().display()),
                flag("listen-client-urls", ETCD_URL),
                flag("advertise-client-urls", ETCD_URL),
                flag("listen-peer-urls", ETCD_PEER_URL),
                flag("initial-advertise-peer-urls", ETCD_PEER_URL),
                flag("initial-cluster", format!("default={ETCD_PEER_URL}")),
                flag("client-cert-auth", true),
                flag("trusted-ca-file", self.authority_file("etcd").display()),
                flag("cert-file", own.certificate.display()),
                flag("key-file", own.key.display()),
                flag("log-level", "warn"),
            ],
        )
    }

    fn apiserver(&self) -> Daemon {
        let serving = self.certificate("apiserver");
        let etcd = self.certificate("etcd-client");
        let kubelet = self.certificate("apiserver-kubelet");
        let cluster = self.authority_file("cluster");
        let config = |file: &str| self.paths.config().join(file).display().to_string();
        self.daemon(
            "kube-apiserver",
            self.parts.kubernetes.program("kube-apiserver"),
            vec![
                flag("advertise-address", self.plan.control_plane()),
                flag("secure-port", API_PORT),
                flag("anonymous-auth", false),
                flag("authorization-mode", "Node,RBAC"),
                flag("enable-admission-plugins", "NodeRestriction"),
                flag("admission-control-config-file", config("admission.yaml")),
                flag("client-ca-file", cluster.display()),
                flag("tls-cert-file", serving.certificate.display()),
                flag("tls-private-key-file", serving.key.display()),
                flag("tls-min-version", "VersionTLS12"),
                flag("etcd-servers", ETCD_URL),
                flag("etcd-cafile", self.authority_file("etcd").display()),
                flag("etcd-certfile", etcd.certificate.display()),
                flag("etcd-keyfile", etcd.key.display()),
                flag("encryption-provider-config", self.encryption_config().display()),
                flag("kubelet-certificate-authority", cluster.display()),
                flag("kubelet-client-certificate", kubelet.certificate.display()),
                flag("kubelet-client-key", kubelet.key.display()),
                flag("kubelet-preferred-address-types", "InternalIP"),
                flag(
                    "service-account-issuer",
                    "https://kubernetes.default.svc.cluster.local",
                ),
                flag("service-account-key-file", self.token_public_key().display()),
                flag("service-account-signing-key-file", self.token_key().display()),
                flag("service-cluster-ip-range", self.plan.services()),
                flag("audit-policy-file", config("audit-policy.yaml")),
                flag("audit-log-path", self.paths.logs().join("audit.log").display()),
                flag("audit-log-maxsize", 32),
                flag("audit-log-maxbackup", 3),
                flag("profiling", false),
            ]
            .into_iter()
            .chain(audit::flags(self.paths))
            .chain(self.quick(POD_LOSS.map(|name| flag(name, POD_LOSS_SECONDS))))
            .collect(),
        )
    }

    fn controller_manager(&self) -> Daemon {
        self.daemon(
            "kube-controller-manager",
            self.parts.kubernetes.program("kube-controller-manager"),
            vec![
                flag(
                    "kubeconfig",
                    self.kubeconfig_of("kube-controller-manager").display(),
                ),
                flag("bind-address", "127.0.0.1"),
                flag("leader-elect", false),
                flag("use-service-account-credentials", true),
                flag("root-ca-file", self.authority_file("cluster").display()),
                flag("service-account-private-key-file", self.token_key().display()),
                flag(
                    "cluster-signing-cert-file",
                    self.authority_file("cluster").display(),
                ),
                flag(
                    "cluster-signing-key-file",
                    self.paths.authorities().join("cluster.key").display(),
                ),
                // The plan gives each node its pods' range: routes are set from it.
                flag("allocate-node-cidrs", false),
                flag("service-cluster-ip-range", self.plan.services()),
                flag("profiling", false),
            ]
            .into_iter()
            .chain(self.quick(NODE_LOSS.map(|(name, value)| flag(name, value))))
            .collect(),
        )
    }

    /// What only an appliance with spare nodes has.
    fn quick<const N: usize>(&self, flags: [String; N]) -> impl Iterator<Item = String> {
        flags.into_iter().filter(|_| self.plan.has_spare_nodes())
    }

    fn scheduler(&self) -> Daemon {
        self.daemon(
            "kube-scheduler",
            self.parts.kubernetes.program("kube-scheduler"),
            vec![
                flag("kubeconfig", self.kubeconfig_of("kube-scheduler").display()),
                flag("bind-address", "127.0.0.1"),
                flag("leader-elect", false),
                flag("profiling", false),
            ],
        )
    }

    fn daemon(&self, name: &str, program: PathBuf, arguments: Vec<String>) -> Daemon {
        Daemon {
            name: format!("cp-{name}"),
            owner: CONTROL_PLANE.to_owned(),
            namespace: Some(Network::namespace(self.name, "cp")),
            program,
            arguments,
            path: Vec::new(),
        }
    }

    /// Secrets are encrypted in etcd with a key that is made once and kept with the appliance's data.
    fn ensure_encryption_config(&self) -> Result<()> {
        let file = self.encryption_config();
        if file.exists() {
            return Ok(());
        }
        let mut key = [0; 32];
        SystemRandom::new().fill(&mut key).map_err(|_| Error::System {
            what: "make a random key",
            source: std::io::Error::other("the random generator failed"),
        })?;
        write_private(&file, encryption_config(&key).to_string())
    }

    fn encryption_config(&self) -> PathBuf {
        self.paths.authorities().join("encryption.json")
    }

    fn token_key(&self) -> PathBuf {
        self.paths.authorities().join("tokens.key")
    }

    fn token_public_key(&self) -> PathBuf {
        self.paths.authorities().join("tokens.pub")
    }

    fn authority_file(&self, name: &str) -> PathBuf {
        self.paths.authorities().join(format!("{name}.crt"))
    }

    fn kubeconfig_of(&self, component: &str) -> PathBuf {
        self.paths.certificates().join(format!("{component}.kubeconfig"))
    }

    fn certificate(&self, name: &str) -> Identity {
        Identity::in_folder(&self.paths.certificates(), name)
    }

    /// A kube-proxy waits for the Node it is told to be; the control plane's takes the first node's
    /// name, whose addresses matter for NodePorts only.
    fn first_node(&self) -> String {
        self.plan
            .nodes
            .first()
            .map(|node| node.name.clone())
            .unwrap_or_default()
    }
}

/// `--name=value`
pub(crate) fn flag(name: &str, value: impl std::fmt::Display) -> String {
    format!("--{name}={value}")
}

fn encryption_config(key: &[u8]) -> serde_json::Value {
    json!({
        "apiVersion": "apiserver.config.k8s.io/v1",
        "kind": "EncryptionConfiguration",
        "resources": [{
            "resources": ["secrets"],
            "providers": [
                { "secretbox": { "keys": [{ "name": "1", "secret": STANDARD.encode(key) }] } },
            ],
        }],
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn secrets_are_encrypted_and_never_plain() {
        let config = encryption_config(&[7; 32]);
        let rule = &config["resources"][0];
        assert_eq!(rule["resources"][0], "secrets");
        assert_eq!(rule["providers"].as_array().map(Vec::len), Some(1));
        let secret = rule["providers"][0]["secretbox"]["keys"][0]["secret"]
            .as_str()
            .expect("a key");
        assert_eq!(STANDARD.decode(secret).expect("base64"), [7; 32]);
    }

    #[test]
    fn the_audit_log_keeps_no_body_of_a_secret() {
        let policy: serde_json::Value = serde_saphyr::from_str(AUDIT_POLICY).expect("the policy is YAML");
        let rules = policy["rules"].as_array().expect("rules");
        let position = |wanted: &str| {
            rules
                .iter()
                .position(|rule| rule.to_string().contains(wanted))
                .expect("such a rule")
        };
        assert_eq!(rules[position("\"secrets\"")]["level"], "Metadata");
        assert!(position("\"secrets\"") < position("system:nodes"));
        assert!(position("\"secrets\"") < position("\"Request\""));
        assert!(!AUDIT_POLICY.contains("RequestResponse"));
        let whole = &rules[position("\"Request\"")];
        for group in [
            "rbac.authorization.k8s.io",
            "admissionregistration.k8s.io",
            "dmp.ma",
        ] {
            assert!(whole.to_string().contains(group), "{group}");
        }
        assert!(
            position("\"Request\"") < position("system:nodes"),
            "whoever changes them"
        );
    }

    #[test]
    fn pod_security_has_a_floor() {
        let config: serde_json::Value = serde_saphyr::from_str(ADMISSION).expect("YAML");
        let defaults = &config["plugins"][0]["configuration"]["defaults"];
        assert_eq!(defaults["enforce"], "baseline");
    }
}
