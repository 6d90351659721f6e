//! kube-proxy, in a node's namespace and in the control plane's.

use std::{fs, path::PathBuf};

use serde_json::{Value, json};

use crate::{
    addresses::AddressPlan,
    control_plane::flag,
    daemon::Daemon,
    error::{FileContext, Result},
    network::Network,
    options::Name,
    parts::Parts,
    paths::Paths,
};

/// Writes the configuration for the namespace of `owner`; `node` is the Node it proxies for.
pub(crate) fn write_config(paths: &Paths, plan: &AddressPlan, owner: &str, node: &str) -> Result<()> {
    let kubeconfig = paths.certificates().join("kube-proxy.kubeconfig");
    let file = config_file(paths, owner);
    let content = config(&kubeconfig.to_string_lossy(), plan, node);
    fs::write(&file, content.to_string()).on("write", file)
}

pub(crate) fn daemon(name: &Name, paths: &Paths, parts: &Parts, owner: &str) -> Daemon {
    Daemon {
        name: format!("{owner}-kube-proxy"),
        owner: owner.to_owned(),
        namespace: Some(Network::namespace(name, owner)),
        program: parts.kubernetes.program("kube-proxy"),
        arguments: vec![flag("config", config_file(paths, owner).display())],
        path: Vec::new(),
    }
}

fn config_file(paths: &Paths, owner: &str) -> PathBuf {
    paths.config().join(format!("kube-proxy-{owner}.json"))
}

fn config(kubeconfig: &str, plan: &AddressPlan, node: &str) -> Value {
    json!({
        "apiVersion": "kubeproxy.config.k8s.io/v1alpha1",
        "kind": "KubeProxyConfiguration",
        "mode": "nftables",
        "clientConnection": { "kubeconfig": kubeconfig },
        "hostnameOverride": node,
        "clusterCIDR": plan.pods().to_string(),
        "healthzBindAddress": "127.0.0.1:10256",
        "metricsBindAddress": "127.0.0.1:10249",
        // Connection tracking belongs to the host: its limits are left alone.
        "conntrack": { "maxPerCore": 0 },
        "nftables": { "minSyncPeriod": "100ms" },
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn limits_of_the_host_are_left_alone() {
        let config = config("/kubeconfig", &AddressPlan::new(0, 1), "node-1");
        assert_eq!(config["conntrack"]["maxPerCore"], 0);
        assert_eq!(config["mode"], "nftables");
    }
}
