//! The cluster as `dmpctl` sees it: connection, server-side apply, waiting, and HTTPS to a pod.

pub mod apply;
pub mod endpoint;
pub mod wait;

use std::path::PathBuf;

use kube::config::{KubeConfigOptions, Kubeconfig};
use kube::{Client, Config};

use crate::error::{CliError, Result};

/// Which cluster.
#[derive(clap::Args, Clone, Debug, Default)]
pub struct ClusterOptions {
    /// Kubeconfig [default: KUBECONFIG, then ~/.kube/config]
    #[arg(long, global = true)]
    pub kubeconfig: Option<PathBuf>,
    /// Context of the kubeconfig [default: its current one]
    #[arg(long, global = true)]
    pub context: Option<String>,
}

/// A connection; nothing is called yet.
///
/// # Errors
/// `kubeconfig` when there is none or it is not usable.
pub async fn connect(options: &ClusterOptions) -> Result<Client> {
    let unusable = |source: kube::config::KubeconfigError| {
        CliError::new(
            "kubeconfig",
            "there is no usable kubeconfig",
            "start the appliance (`make up`) and run `eval \"$(dmpctl appliance env)\"`, or name a file with --kubeconfig",
        )
        .because(source)
    };
    let choice = KubeConfigOptions {
        context: options.context.clone(),
        ..KubeConfigOptions::default()
    };
    let file = read(options).map_err(unusable)?;
    let config = Config::from_custom_kubeconfig(file, &choice)
        .await
        .map_err(unusable)?;
    Client::try_from(config).map_err(|source| CliError::kubernetes("connecting to the cluster", source))
}

/// As [`connect`], for commands that change or judge a cluster: only to a context that the person named. The current
/// context of a kubeconfig changes behind one's back, and the wrong cluster may hold somebody's health data.
///
/// # Errors
/// `context-missing` or `context-unknown` with the contexts there are; as [`connect`].
pub async fn connect_named(options: &ClusterOptions) -> Result<Client> {
    let contexts: Vec<String> = read(options)
        .map(|file| file.contexts.into_iter().map(|context| context.name).collect())
        .unwrap_or_default();
    let remedy = match contexts.as_slice() {
        [] => "name a kubeconfig with --kubeconfig and one of its contexts with --context".to_owned(),
        some => format!("name the cluster with --context; there are: {}", some.join(", ")),
    };
    match &options.context {
        None => Err(CliError::new(
            "context-missing",
            "this command never takes the current context of a kubeconfig",
            remedy,
        )),
        Some(context) if !contexts.contains(context) => Err(CliError::new(
            "context-unknown",
            format!("the kubeconfig has no context `{context}`"),
            remedy,
        )),
        Some(_) => connect(options).await,
    }
}

fn read(options: &ClusterOptions) -> std::result::Result<Kubeconfig, kube::config::KubeconfigError> {
    match &options.kubeconfig {
        Some(path) => Kubeconfig::read_from(path),
        None => Kubeconfig::read(),
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    const KUBECONFIG: &str = r#"{
        "apiVersion": "v1", "kind": "Config", "current-context": "prod",
        "clusters": [{ "name": "c", "cluster": { "server": "https://127.0.0.1:1" } }],
        "users": [{ "name": "u", "user": { "token": "t" } }],
        "contexts": [
            { "name": "prod", "context": { "cluster": "c", "user": "u" } },
            { "name": "test", "context": { "cluster": "c", "user": "u" } }
        ]
    }"#;

    #[tokio::test]
    async fn the_current_context_is_never_taken() {
        let _ = rustls::crypto::aws_lc_rs::default_provider().install_default();
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("kubeconfig");
        std::fs::write(&path, KUBECONFIG).unwrap();
        let options = |context: Option<&str>| ClusterOptions {
            kubeconfig: Some(path.clone()),
            context: context.map(str::to_owned),
        };
        let missing = connect_named(&options(None)).await.err().unwrap();
        assert_eq!(missing.code, "context-missing");
        assert!(missing.remedy.contains("prod, test"), "{}", missing.remedy);
        let unknown = connect_named(&options(Some("prdo"))).await.err().unwrap();
        assert_eq!(unknown.code, "context-unknown");
        assert!(connect_named(&options(Some("test"))).await.is_ok());
    }
}
