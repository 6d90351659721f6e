//! The loss of a node, as a power cut does it: for tests of what survives.
//!
//! First the cable, so that nothing dying can say goodbye; then every process at once, without warning.
//! What a machine keeps in memory (sockets, mounts, its network) is gone, what it keeps on disk (volumes,
//! images, the kubelet's records) stays. `up` brings the node back.

use crate::{
    cgroups::Cgroups,
    daemon::Daemons,
    down::{remove_tree, unmount_below},
    error::{Error, Result},
    lock::Lock,
    machine,
    network::Network,
    node::DaemonNames,
    options::Options,
    paths::Paths,
    state::State,
};

/// Ends all processes of the node `node` (`node-1` and up) with SIGKILL and takes it off the network.
///
/// Returns when no process of it is left. The API server is told nothing: it finds out by itself.
///
/// # Errors
/// [`Error::NotRunning`] without such an appliance, [`Error::NoSuchNode`] without such a node.
pub async fn kill_node(options: &Options, node: &str) -> Result<()> {
    machine::require_root()?;
    let name = &options.name;
    let _lock = Lock::take(name)?;
    let state = State::load(name)?.ok_or_else(|| Error::NotRunning {
        name: name.to_string(),
    })?;
    let nodes = state.plan().nodes;
    if !nodes.iter().any(|known| known.name == node) {
        let known: Vec<String> = nodes.into_iter().map(|node| node.name).collect();
        return Err(Error::NoSuchNode {
            name: name.to_string(),
            node: node.to_owned(),
            nodes: known.join(", "),
        });
    }
    let paths = Paths::of(name);
    let cgroups = Cgroups::of(name)?;
    Network::cut(name, node).await?;
    cgroups.kill_node(node).await?;
    let daemons = Daemons::new(paths.clone(), cgroups);
    for daemon in DaemonNames::of(node).all() {
        daemons.forget(daemon)?;
    }
    let runtime = paths.node_runtime(node);
    for folder in [&runtime, &paths.node_state(node)] {
        unmount_below(folder)?;
    }
    Network::remove_member(name, node).await?;
    remove_tree(&runtime)
}
