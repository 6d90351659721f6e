//! The kubelet of a node.

use std::{fs, path::PathBuf};

use serde_json::{Value, json};

use super::Node;
use crate::{
    cgroups::Cgroups,
    control_plane::flag,
    daemon::Daemon,
    error::{FileContext, Result},
    paths::private_folder,
    pki::Identity,
};

/// How often TCP sends again before it gives a connection up.
pub(crate) const RETRIES: &str = "net.ipv4.tcp_retries2";

/// Below the 254 addresses of a node's range and within two processors' reach.
const MAX_PODS: u32 = 110;

pub(super) fn write_config(node: &Node<'_>, cgroups: &Cgroups) -> Result<()> {
    let name = &node.own.name;
    private_folder(&node.paths.node_state(name).join("kubelet"))?;
    let file = config_file(node);
    fs::write(&file, config(node, &cgroups.pods_root(name)).to_string()).on("write", file)
}

pub(super) fn daemon(node: &Node<'_>) -> Daemon {
    let name = &node.own.name;
    let root = node.paths.node_state(name).join("kubelet");
    let kubeconfig = format!("kubelet-{name}.kubeconfig");
    node.daemon(
        "kubelet",
        &node.parts.kubernetes.program("kubelet"),
        vec![
            flag("config", config_file(node).display()),
            flag("kubeconfig", node.paths.certificates().join(kubeconfig).display()),
            flag("root-dir", root.display()),
            flag("cert-dir", root.join("pki").display()),
            flag("hostname-override", name),
            flag("node-ip", node.own.address),
        ],
    )
}

pub(super) fn config_file(node: &Node<'_>) -> PathBuf {
    node.paths.node_runtime(&node.own.name).join("kubelet.json")
}

fn config(node: &Node<'_>, cgroup_root: &str) -> Value {
    let name = &node.own.name;
    let state = node.paths.node_state(name);
    let serving = Identity::in_folder(&node.paths.certificates(), &format!("kubelet-{name}-server"));
    json!({
        "apiVersion": "kubelet.config.k8s.io/v1beta1",
        "kind": "KubeletConfiguration",
        "address": node.own.address,
        "healthzBindAddress": "127.0.0.1",
        "tlsCertFile": serving.certificate,
        "tlsPrivateKeyFile": serving.key,
        "authentication": {
            "anonymous": { "enabled": false },
            "webhook": { "enabled": true },
            "x509": { "clientCAFile": node.paths.authorities().join("cluster.crt") },
        },
        "authorization": { "mode": "Webhook" },
        "containerRuntimeEndpoint":
            format!("unix://{}", node.paths.containerd_socket(name).display()),
        // Hosts with version 1 of control groups are old but common.
        "failCgroupV1": false,
        "cgroupDriver": "cgroupfs",
        "cgroupRoot": cgroup_root,
        "enforceNodeAllocatable": [],
        "failSwapOn": false,
        "makeIPTablesUtilChains": false,
        "clusterDomain": "cluster.local",
        "clusterDNS": [node.plan.dns()],
        // Names of the outside cannot be reached: pods get no resolver of the host.
        "resolvConf": "",
        "podLogsDir": state.join("pod-logs"),
        "volumePluginDir": state.join("kubelet/volume-plugins"),
        "containerLogMaxSize": "10Mi",
        "containerLogMaxFiles": 3,
        "maxPods": MAX_PODS,
        "podPidsLimit": 2048,
        // The disk is the host's: its fill level in percent says nothing about the appliance.
        "evictionHard": {
            "memory.available": "200Mi",
            "nodefs.available": "1Gi",
            "imagefs.available": "1Gi",
            "nodefs.inodesFree": "10000",
        },
        // Images cannot be pulled again: none is ever collected.
        "imageGCHighThresholdPercent": 100,
        "imageGCLowThresholdPercent": 99,
        // Pods of one appliance start together.
        "kubeAPIQPS": 100,
        "kubeAPIBurst": 200,
        "rotateCertificates": false,
        "shutdownGracePeriod": "0s",
        // The loss of a node is noticed within the grace period of `control_plane`: by its lease, renewed every 2 s. The status is
        // large and everybody watches it.
        "nodeLeaseDurationSeconds": 8,
        "nodeStatusUpdateFrequency": "10s",
        "nodeStatusReportFrequency": "1m",
        // For the operator of the databases, see `addons`.
        "allowedUnsafeSysctls": [RETRIES],
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        addresses::AddressPlan,
        options::{Name, PodNetwork},
        parts::tests::parts,
        paths::Paths,
    };

    #[test]
    fn nothing_is_evicted_for_the_fill_level_of_the_hosts_disk() {
        let name: Name = "dmp".parse().expect("a name");
        let (paths, plan, parts) = (Paths::of(&name), AddressPlan::new(0, 1), parts());
        let node = Node {
            name: &name,
            paths: &paths,
            plan: &plan,
            parts: &parts,
            own: &plan.nodes[0],
            network: PodNetwork::Cilium,
        };
        let config = config(&node, "/dmp-dmp/node-1");
        let thresholds = config["evictionHard"].as_object().expect("thresholds");
        assert!(thresholds.values().all(|value| !value.to_string().contains('%')));
        assert_eq!(config["imageGCHighThresholdPercent"], 100);
        assert_eq!(config["authentication"]["anonymous"]["enabled"], false);
        assert_eq!(config["clusterDNS"][0], "10.212.0.10");
    }
}
