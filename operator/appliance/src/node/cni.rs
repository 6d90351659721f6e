//! The network of a node's pods, as containerd finds it: one plugin, named by one configuration.

use std::{fs, path::PathBuf};

use serde_json::{Value, json};

use super::Node;
use crate::{
    addresses::NodeAddresses,
    cilium,
    error::{Error, FileContext, Result},
    options::{Name, PodNetwork},
    paths::private_folder,
};

pub(super) fn write_config(node: &Node<'_>) -> Result<()> {
    private_folder(&folder(node))?;
    private_folder(&programs(node))?;
    let content = match node.network {
        PodNetwork::Cilium => cilium::write_cni_config(node, &programs(node))?,
        PodNetwork::Plain => {
            // Leases of addresses go with the pods, at the latest when the node stops.
            let leases = node.paths.node_runtime(&node.own.name).join("addresses");
            plain(node.name, node.own, &leases.to_string_lossy())
        }
    };
    let file = file(node);
    fs::write(&file, content.to_string()).on("write", file)
}

/// Refuses another network than the one that the node's pods have. Only while they run.
pub(super) fn require_same(node: &Node<'_>) -> Result<()> {
    let uses_cilium = fs::read_to_string(file(node)).is_ok_and(|config| config.contains("cilium"));
    if uses_cilium == (node.network == PodNetwork::Cilium) {
        Ok(())
    } else {
        Err(Error::NetworkChanged {
            name: node.name.to_string(),
        })
    }
}

/// Folder of the configuration.
pub(super) fn folder(node: &Node<'_>) -> PathBuf {
    node.paths.node_runtime(&node.own.name).join("cni")
}

/// Folder of the plugins that are the node's own.
pub(super) fn programs(node: &Node<'_>) -> PathBuf {
    node.paths.node_runtime(&node.own.name).join("cni-bin")
}

fn file(node: &Node<'_>) -> PathBuf {
    folder(node).join("10-dmp.conflist")
}

/// Every packet passes the node's forwarding, even between pods of one node, unfiltered.
fn plain(name: &Name, node: &NodeAddresses, leases: &str) -> Value {
    json!({
        "cniVersion": "1.0.0",
        "name": format!("{name}-{}", node.name),
        "plugins": [{
            "type": "ptp",
            "ipMasq": false,
            "ipam": {
                "type": "host-local",
                "dataDir": leases,
                "ranges": [[{ "subnet": node.pods.to_string() }]],
                "routes": [{ "dst": "0.0.0.0/0" }],
            },
        }],
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::addresses::AddressPlan;

    #[test]
    fn pods_get_addresses_of_their_node_and_keep_them_on_the_way() {
        let plan = AddressPlan::new(1, 2);
        let name = "dmp".parse().expect("a name");
        let config = plain(&name, &plan.nodes[1], "/leases");
        let plugin = &config["plugins"][0];
        assert_eq!(plugin["ipMasq"], false);
        assert_eq!(plugin["ipam"]["ranges"][0][0]["subnet"], "10.211.17.0/24");
        assert_eq!(config["name"], "dmp-node-2");
    }
}
