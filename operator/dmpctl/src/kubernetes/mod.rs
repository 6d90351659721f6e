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
    let config = match &options.kubeconfig {
        Some(path) => {
            let file = Kubeconfig::read_from(path).map_err(unusable)?;
            Config::from_custom_kubeconfig(file, &choice)
                .await
                .map_err(unusable)?
        }
        None => Config::from_kubeconfig(&choice).await.map_err(unusable)?,
    };
    Client::try_from(config).map_err(|source| CliError::kubernetes("connecting to the cluster", source))
}
