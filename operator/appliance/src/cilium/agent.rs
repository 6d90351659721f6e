//! Cilium on one node: mounts, configuration, the agent and the CNI plugin that asks it for a pod's network.

use std::{
    fs::{self, Permissions},
    os::unix::fs::PermissionsExt,
    path::{Path, PathBuf},
    time::{Duration, Instant},
};

use rustix::mount::{MountFlags, mount};
use serde_json::{Value, json};

use super::{COMPILED_IN, apart};
use crate::{
    control_plane::{ControlPlane, flag},
    daemon::{Daemon, Daemons},
    error::{Error, FileContext, Result},
    node::{DaemonNames, Node},
    options::Name,
    paths::{copy, private_folder},
    pki::Subject,
    shell::{program, run},
    template,
};

const PLUGIN: &str = include_str!("../../files/cilium-cni.sh");
/// Name of the plugin's program, for containerd.
const PLUGIN_NAME: &str = "cilium-cni";
/// Debian's clang 19, by its plain name.
const CLANG: &str = "/usr/lib/llvm-19/bin";
/// The first start compiles the programs for the kernel, on all nodes at once.
const READY_WITHIN: Duration = Duration::from_secs(180);

/// Writes the agent's certificate and puts its sources and file systems where it expects them.
pub(crate) fn prepare(node: &Node<'_>, control_plane: &ControlPlane<'_>) -> Result<()> {
    let name = &node.own.name;
    private_folder(&sockets(node))?;
    fs::create_dir_all(COMPILED_IN).on("make the folder", COMPILED_IN)?;
    control_plane.component_kubeconfig(
        &format!("cilium-{name}"),
        &Subject::client(&format!("dmp:cilium-agent:{name}"), Some("dmp:cilium-agents")),
    )?;
    // The agent writes what it finds out about the kernel beside the sources.
    let sources = library(node).join("bpf");
    if !sources.exists() {
        private_folder(&library(node))?;
        copy(&node.parts.cilium.share("bpf"), &sources)?;
    }
    let runtime = node.paths.node_runtime(name);
    for (folder, kind, feature) in [
        ("bpf", "bpf", "the file system of BPF objects"),
        ("cgroup2", "cgroup2", "version 2 of control groups"),
    ] {
        mount_once(&runtime.join(folder), kind, feature)?;
    }
    Ok(())
}

/// The agent of a node.
pub(crate) fn agent(node: &Node<'_>) -> Daemon {
    let name = &node.own.name;
    let runtime = node.paths.node_runtime(name);
    let kubeconfig = format!("cilium-{name}.kubeconfig");
    let (program, arguments) = apart(
        &sockets(node),
        &runtime,
        &node.parts.cilium.program("cilium-agent"),
        &[("K8S_NODE_NAME", name)],
        vec![
            flag(
                "k8s-kubeconfig-path",
                node.paths.certificates().join(kubeconfig).display(),
            ),
            flag("bpf-root", runtime.join("bpf").display()),
            flag("cgroup-root", runtime.join("cgroup2").display()),
            flag("lib-dir", library(node).display()),
            flag("devices", "eth0"),
            flag("ipv4-node", node.own.address),
            flag("enable-ipv6", false),
            // The range of the Node object, without encapsulation or address translation.
            flag("ipam", "kubernetes"),
            flag("routing-mode", "native"),
            flag("ipv4-native-routing-cidr", node.plan.pods()),
            flag("auto-direct-node-routes", true),
            flag("enable-ipv4-masquerade", false),
            flag("kube-proxy-replacement", false),
            flag("identity-allocation-mode", "crd"),
            // An `ipBlock` of a policy fits addresses of nodes too, as elsewhere.
            flag("policy-cidr-match-mode", "nodes"),
            flag("cni-exclusive", false),
            // What is said here is all: no ConfigMap of the cluster changes it.
            flag("enable-dynamic-config", false),
            flag("enable-l7-proxy", false),
            flag("enable-hubble", false),
            flag("enable-bandwidth-manager", false),
            flag("enable-health-checking", false),
            flag("enable-endpoint-health-checking", false),
        ],
    );
    let mut daemon = node.daemon("cilium-agent", &program, arguments);
    daemon.path = vec![PathBuf::from(CLANG)];
    daemon
}

/// Waits until the agent says that policies are enforced on its node.
pub(crate) async fn wait_ready(node: &Node<'_>, daemons: &Daemons) -> Result<()> {
    let name = &node.own.name;
    let daemon = DaemonNames::of(name).cilium;
    let socket = format!("unix://{}", sockets(node).join("cilium.sock").display());
    let begin = Instant::now();
    loop {
        daemons.require(&daemon)?;
        let answer = run(
            "ask Cilium's agent how it is",
            program(node.parts.cilium.program("cilium-dbg")).args(["--host", &socket, "status", "--brief"]),
        )
        .await;
        match answer {
            Ok(_) => return Ok(()),
            Err(error) if begin.elapsed() > READY_WITHIN => {
                return Err(Error::Timeout {
                    what: format!("Cilium on {name}"),
                    after: READY_WITHIN,
                    detail: error.to_string(),
                });
            }
            Err(_) => tokio::time::sleep(Duration::from_millis(250)).await,
        }
    }
}

/// Writes the plugin of the node into `programs` and returns the configuration that names it.
pub(crate) fn write_cni_config(node: &Node<'_>, programs: &Path) -> Result<Value> {
    let plugin = programs.join(PLUGIN_NAME);
    let text = template::fill(
        PLUGIN,
        &[
            ("state", &sockets(node).to_string_lossy()),
            (
                "program",
                &node.parts.cilium.program(PLUGIN_NAME).to_string_lossy(),
            ),
        ],
    )?;
    fs::write(&plugin, text).on("write", &plugin)?;
    fs::set_permissions(&plugin, Permissions::from_mode(0o700)).on("protect", &plugin)?;
    Ok(config(node.name, &node.own.name))
}

fn config(name: &Name, node: &str) -> Value {
    json!({
        "cniVersion": "1.0.0",
        "name": format!("{name}-{node}"),
        "plugins": [{ "type": PLUGIN_NAME }],
    })
}

/// The folder that the agent and the plugin of a node see as `/run/cilium`.
fn sockets(node: &Node<'_>) -> PathBuf {
    node.paths.node_runtime(&node.own.name).join("cilium")
}

fn library(node: &Node<'_>) -> PathBuf {
    node.paths.node_runtime(&node.own.name).join("cilium-lib")
}

/// Mounts a file system of the kernel's unless it is there already.
fn mount_once(target: &Path, kind: &str, feature: &'static str) -> Result<()> {
    private_folder(target)?;
    let mounts = fs::read_to_string("/proc/self/mounts").on("read", "/proc/self/mounts")?;
    if is_mounted(&mounts, target, kind) {
        return Ok(());
    }
    mount(kind, target, kind, MountFlags::empty(), None).map_err(|_| Error::KernelFeature { feature })
}

fn is_mounted(mounts: &str, target: &Path, kind: &str) -> bool {
    mounts.lines().any(|line| {
        let mut fields = line.split(' ').skip(1);
        fields.next().map(Path::new) == Some(target) && fields.next() == Some(kind)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_mount_is_known_by_place_and_kind() {
        let mounts = "bpf /run/dmp/a/node-1/bpf bpf rw 0 0\nbpf /run/dmp/a/node-10/bpf bpf rw 0 0\n";
        let at = |target: &str, kind: &str| is_mounted(mounts, Path::new(target), kind);
        assert!(at("/run/dmp/a/node-1/bpf", "bpf"));
        assert!(!at("/run/dmp/a/node-1/bpf", "cgroup2"));
        assert!(!at("/run/dmp/a/node-2/bpf", "bpf"));
    }
}
