//! The network of a node's pods: CNI plugin `ptp` with addresses from the node's range.

use std::fs;

use serde_json::{Value, json};

use super::Node;
use crate::{
    addresses::NodeAddresses,
    error::{FileContext, Result},
    options::Name,
    paths::private_folder,
};

pub(super) fn write_config(node: &Node<'_>) -> Result<()> {
    let runtime = node.paths.node_runtime(&node.own.name);
    let folder = runtime.join("cni");
    private_folder(&folder)?;
    // Leases of addresses go with the pods, at the latest when the node stops.
    let leases = runtime.join("addresses");
    let file = folder.join("10-dmp.conflist");
    let content = config(node.name, node.own, &leases.to_string_lossy());
    fs::write(&file, content.to_string()).on("write", file)
}

fn config(name: &Name, node: &NodeAddresses, leases: &str) -> Value {
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
        let config = config(&name, &plan.nodes[1], "/leases");
        let plugin = &config["plugins"][0];
        assert_eq!(plugin["ipMasq"], false);
        assert_eq!(plugin["ipam"]["ranges"][0][0]["subnet"], "10.211.17.0/24");
        assert_eq!(config["name"], "dmp-node-2");
    }
}
