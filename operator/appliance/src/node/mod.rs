//! A node: a network namespace with containerd, a kubelet, a kube-proxy and an agent of Cilium.
//!
//! Pods keep their addresses on the way: nothing is translated but the addresses of Services. A node that
//! runs is left as it is.

mod cni;
mod containerd;
pub(crate) mod kube_proxy;
pub(crate) mod kubelet;
mod pods;

use std::{path::Path, time::Duration};

use serde_json::json;

use crate::{
    addresses::{AddressPlan, NodeAddresses},
    cgroups::Cgroups,
    cilium,
    control_plane::ControlPlane,
    daemon::{Daemon, Daemons},
    error::Result,
    images::Images,
    kubectl::Kubectl,
    network::Network,
    options::{Name, PodNetwork},
    parts::Parts,
    paths::{Paths, private_folder},
    pki::Subject,
};

/// All nodes stand on one machine, whose region the appliance does not know.
const REGION: &str = "appliance";
const READY_WITHIN: Duration = Duration::from_secs(60);

/// One node of an appliance.
pub(crate) struct Node<'a> {
    pub name: &'a Name,
    pub paths: &'a Paths,
    pub plan: &'a AddressPlan,
    pub parts: &'a Parts,
    pub own: &'a NodeAddresses,
    pub network: PodNetwork,
}

/// The daemons of a node.
pub(crate) struct DaemonNames {
    pub kubelet: String,
    pub kube_proxy: String,
    pub containerd: String,
    /// Not with [`PodNetwork::Plain`].
    pub cilium: String,
}

impl DaemonNames {
    pub fn of(node: &str) -> Self {
        Self {
            kubelet: format!("{node}-kubelet"),
            kube_proxy: format!("{node}-kube-proxy"),
            containerd: format!("{node}-containerd"),
            cilium: format!("{node}-cilium-agent"),
        }
    }

    /// All that a node may have.
    pub fn all(&self) -> [&str; 4] {
        [&self.kubelet, &self.kube_proxy, &self.containerd, &self.cilium]
    }

    /// What a node with this network has.
    pub fn of_network(&self, network: PodNetwork) -> Vec<&str> {
        let without = |name: &&str| network == PodNetwork::Cilium || *name != self.cilium;
        self.all().into_iter().filter(without).collect()
    }
}

impl Node<'_> {
    /// Refuses what a node cannot become while it runs.
    pub fn require_same_network(&self, daemons: &Daemons) -> Result<()> {
        if daemons.runs(&DaemonNames::of(&self.own.name).kubelet)? {
            cni::require_same(self)?;
        }
        Ok(())
    }

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
        if self.network == PodNetwork::Cilium {
            cilium::prepare(self, control_plane)?;
        }
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

    /// Starts Cilium's agent, kubelet and kube-proxy. The Node object is made first: its pod range is in the
    /// plan, and the routes are set already. Pods that come before the agent is ready wait for it.
    pub async fn start(&self, daemons: &Daemons, cgroups: &Cgroups, kubectl: &Kubectl) -> Result<()> {
        cgroups.make_for_pods(&self.own.name)?;
        let object = json!({
            "apiVersion": "v1",
            "kind": "Node",
            "metadata": { "name": self.own.name, "labels": {
                "topology.kubernetes.io/region": REGION,
                "topology.kubernetes.io/zone": self.own.zone(),
            }},
            "spec": { "podCIDR": self.own.pods.to_string() },
        });
        kubectl.apply("register the node", &object.to_string()).await?;
        if self.network == PodNetwork::Cilium {
            daemons.ensure(&cilium::agent(self)).await?;
        }
        daemons.ensure(&kubelet::daemon(self)).await?;
        let proxy = kube_proxy::daemon(self.name, self.paths, self.parts, &self.own.name);
        daemons.ensure(&proxy).await?;
        Ok(())
    }

    /// Waits until policies are enforced on the node and Kubernetes calls it ready.
    pub async fn wait_ready(&self, daemons: &Daemons, kubectl: &Kubectl) -> Result<()> {
        if self.network == PodNetwork::Cilium {
            cilium::wait_ready(self, daemons).await?;
        }
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

    /// Builds a daemon of this node.
    pub fn daemon(&self, name: &str, program: &Path, arguments: Vec<String>) -> Daemon {
        let node = &self.own.name;
        Daemon {
            name: format!("{node}-{name}"),
            owner: node.clone(),
            namespace: Some(Network::namespace(self.name, node)),
            program: program.to_owned(),
            arguments,
            // containerd looks for its shim there.
            path: vec![self.parts.containerd.bin()],
        }
    }
}
