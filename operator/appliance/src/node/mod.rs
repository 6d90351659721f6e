//! A node: a network namespace with containerd, a kubelet and a kube-proxy.
//!
//! Pods get their network from the CNI plugin `ptp` (every packet passes the node's forwarding, even
//! between pods of one node) without address translation. A node that runs is left as it is.

mod cni;
mod containerd;
pub(crate) mod kube_proxy;
mod kubelet;
mod pods;

use std::{path::Path, time::Duration};

use serde_json::json;

use crate::{
    addresses::{AddressPlan, NodeAddresses},
    cgroups::Cgroups,
    control_plane::ControlPlane,
    daemon::{Daemon, Daemons},
    error::Result,
    images::Images,
    kubectl::Kubectl,
    network::Network,
    options::Name,
    parts::Parts,
    paths::{Paths, private_folder},
    pki::Subject,
};

const READY_WITHIN: Duration = Duration::from_secs(60);

/// One node of an appliance.
pub(crate) struct Node<'a> {
    pub name: &'a Name,
    pub paths: &'a Paths,
    pub plan: &'a AddressPlan,
    pub parts: &'a Parts,
    pub own: &'a NodeAddresses,
}

/// The daemons of a node.
pub(crate) struct DaemonNames {
    pub kubelet: String,
    pub kube_proxy: String,
    pub containerd: String,
}

impl DaemonNames {
    pub fn of(node: &str) -> Self {
        Self {
            kubelet: format!("{node}-kubelet"),
            kube_proxy: format!("{node}-kube-proxy"),
            containerd: format!("{node}-containerd"),
        }
    }

    pub fn all(&self) -> [&str; 3] {
        [&self.kubelet, &self.kube_proxy, &self.containerd]
    }
}

impl Node<'_> {
    /// Writes certificates and configuration.
    pub fn prepare(&self, control_plane: &ControlPlane<'_>, cgroups: &Cgroups) -> Result<()> {
        let node = &self.own.name;
        private_folder(&self.paths.node_runtime(node))?;
        private_folder(&self.paths.node_state(node))?;
        private_folder(&self.paths.volumes(node))?;
        let user = format!("system:node:{node}");
        control_plane.component_kubeconfig(
            &format!("kubelet-{node}"),
            &Subject::client(&user, Some("system:nodes")),
        )?;
        control_plane.authority()?.issue(
            &self.paths.certificates(),
            &format!("kubelet-{node}-server"),
            &Subject {
                common_name: node,
                organization: None,
                names: vec![node.clone()],
                addresses: vec![self.own.address],
            },
        )?;
        cni::write_config(self)?;
        kubelet::write_config(self, cgroups)?;
        kube_proxy::write_config(self.paths, self.plan, node, node)
    }

    /// Starts containerd and waits until it answers; images can be imported then.
    pub async fn start_containerd(&self, daemons: &Daemons, pause: &str) -> Result<()> {
        containerd::start(self, daemons, pause).await
    }

    /// Imports the images that the node lacks; returns how many.
    pub async fn import(&self, images: &Images) -> Result<usize> {
        let socket = self.paths.containerd_socket(&self.own.name);
        crate::images::import(self.parts, &socket, images).await
    }

    /// Makes Kubernetes forget that the pods of a node without containers were ready. Before the
    /// controllers start, so that none acts on it.
    pub async fn forget_readiness(&self, cgroups: &Cgroups, kubectl: &Kubectl) -> Result<()> {
        if cgroups.pods_are_empty(&self.own.name) {
            pods::mark_not_ready(kubectl, &self.own.name).await?;
        }
        Ok(())
    }

    /// Starts kubelet and kube-proxy. The Node object is made first: its pod range is in the plan,
    /// and the routes are set already.
    pub async fn start(&self, daemons: &Daemons, cgroups: &Cgroups, kubectl: &Kubectl) -> Result<()> {
        cgroups.make_for_pods(&self.own.name)?;
        let object = json!({
            "apiVersion": "v1",
            "kind": "Node",
            "metadata": { "name": self.own.name },
            "spec": { "podCIDR": self.own.pods.to_string() },
        });
        kubectl.apply("register the node", &object.to_string()).await?;
        daemons.ensure(&kubelet::daemon(self)).await?;
        let proxy = kube_proxy::daemon(self.name, self.paths, self.parts, &self.own.name);
        daemons.ensure(&proxy).await?;
        Ok(())
    }

    /// Waits until Kubernetes calls the node ready.
    pub async fn wait_ready(&self, daemons: &Daemons, kubectl: &Kubectl) -> Result<()> {
        let node = &self.own.name;
        let kubelet = DaemonNames::of(node).kubelet;
        let target = format!("node/{node}");
        kubectl
            .wait(
                &format!("node {node}"),
                READY_WITHIN,
                &["wait", "--for=condition=Ready", "--timeout=2s", &target],
                || daemons.require(&kubelet),
            )
            .await
    }

    fn daemon(&self, name: &str, program: &Path, arguments: Vec<String>) -> Daemon {
        let node = &self.own.name;
        Daemon {
            name: format!("{node}-{name}"),
            owner: node.clone(),
            namespace: Network::namespace(self.name, node),
            program: program.to_owned(),
            arguments,
            // containerd looks for its shim there.
            path: vec![self.parts.containerd.bin()],
        }
    }
}
