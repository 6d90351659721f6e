//! How the operator process is configured: flags or environment. Everything else is in the custom resources.

use std::net::SocketAddr;
use std::path::PathBuf;

use clap::Args;
use dmp_core::config::{OpenBaoAuth, OpenBaoConfig, ServiceConfig, TelemetryConfig, TlsConfig};
use dmp_keys::openbao;
use serde::Serialize;

/// `dmp-operator run`.
#[derive(Args, Clone, Debug, Serialize)]
pub struct OperatorConfig {
    /// Namespace of the operator: its lease is there.
    #[arg(long, env = "DMP_OPERATOR_NAMESPACE", default_value = dmp_api::names::SYSTEM_NAMESPACE)]
    pub namespace: String,
    /// Unique name of this replica; the pod's.
    #[arg(long, env = "POD_NAME")]
    pub pod_name: String,
    #[arg(
        long,
        env = "DMP_OPENBAO_ADDRESS",
        default_value = "https://openbao.dmp-system.svc:8200"
    )]
    pub openbao_address: String,
    /// PEM of the CA of that address.
    #[arg(long, env = "DMP_OPENBAO_CA", default_value = "/etc/dmp/openbao/ca.crt")]
    pub openbao_ca: PathBuf,
    /// ServiceAccount token for OpenBao.
    #[arg(long, env = "DMP_OPENBAO_TOKEN", default_value = "/var/run/dmp/openbao/token")]
    pub openbao_token: PathBuf,
    #[arg(long, env = "DMP_OPENBAO_ROLE", default_value = "dmp-system.dmp-operator")]
    pub openbao_role: String,
    /// Use this OpenBao token's file instead of the ServiceAccount (development outside of a cluster).
    #[arg(long, env = "DMP_OPENBAO_TOKEN_FILE")]
    pub openbao_token_file: Option<PathBuf>,
    /// mTLS for the gateways.
    #[arg(long, env = "DMP_FACTS_LISTEN", default_value = "0.0.0.0:8443")]
    pub facts_listen: SocketAddr,
    /// Plain HTTP: `/livez`, `/readyz`, `/metrics`.
    #[arg(long, env = "DMP_HEALTH_LISTEN", default_value = "0.0.0.0:9090")]
    pub health_listen: SocketAddr,
    /// TLS for the API server's audit webhook.
    #[arg(long, env = "DMP_KUBERNETES_AUDIT_LISTEN", default_value = "0.0.0.0:8444")]
    pub kubernetes_audit_listen: SocketAddr,
    /// Folder of its certificate (`tls.crt`, `tls.key`) and of the API server's authority (`ca.crt`); may appear later.
    #[arg(
        long,
        env = "DMP_KUBERNETES_AUDIT_FILES",
        default_value = "/etc/dmp/kubernetes-audit"
    )]
    pub kubernetes_audit_files: PathBuf,
    /// Where the platform's log of who did what is.
    #[arg(
        long,
        env = "DMP_AUDIT_URL",
        default_value = "https://audit.dmp-national.svc:8443"
    )]
    pub audit_url: String,
    /// Writable folder (memory) for the root CA that the operator fetches from OpenBao.
    #[arg(long, env = "DMP_TRUST_DIR", default_value = "/tmp/dmp-trust")]
    pub trust_dir: PathBuf,
}

impl OperatorConfig {
    /// As the client of OpenBao wants it.
    pub fn openbao(&self) -> openbao::Config {
        self.openbao_as(&self.openbao_role)
    }

    /// The same server, at the role that sees the metadata of keys and nothing else.
    pub fn key_metadata(&self) -> openbao::Config {
        self.openbao_as(dmp_api::openbao::KEY_METADATA_ROLE)
    }

    fn openbao_as(&self, role: &str) -> openbao::Config {
        openbao::Config {
            address: self.openbao_address.clone(),
            ca_file: Some(self.openbao_ca.clone()),
            namespace: None,
            auth: match &self.openbao_token_file {
                Some(path) => openbao::Auth::TokenFile { path: path.clone() },
                None => openbao::Auth::Kubernetes {
                    role: role.to_owned(),
                    token_file: self.openbao_token.clone(),
                    namespace: None,
                },
            },
        }
    }

    /// As the receiver of audit events wants it.
    pub fn kubernetes_audit(&self) -> crate::kubernetes_audit::Config {
        crate::kubernetes_audit::Config {
            listen: self.kubernetes_audit_listen,
            files: self.kubernetes_audit_files.clone(),
            namespace: self.namespace.clone(),
        }
    }

    /// As the runner of services wants it; the domain is the Platform's, once there is one.
    pub fn service(&self, domain: &str) -> ServiceConfig {
        ServiceConfig {
            domain: domain.to_owned(),
            name: "dmp-operator".to_owned(),
            namespace: self.namespace.clone(),
            listen: self.facts_listen,
            health_listen: self.health_listen,
            trust_dir: self.trust_dir.clone(),
            issuer: None,
            max_connection_age: std::time::Duration::from_secs(600),
            drain: std::time::Duration::from_secs(5),
            tls: TlsConfig::OpenBao,
            openbao: OpenBaoConfig {
                address: self.openbao_address.clone(),
                namespace: None,
                ca: Some(self.openbao_ca.clone()),
                auth: OpenBaoAuth::Kubernetes {
                    role: self.openbao_role.clone(),
                    token_path: self.openbao_token.clone(),
                },
            },
            telemetry: TelemetryConfig::default(),
        }
    }
}
