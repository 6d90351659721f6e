//! Cilium: connects the pods and enforces NetworkPolicies.
//!
//! An agent per node compiles programs for the kernel and attaches them to the pods' devices; one operator
//! per appliance keeps Cilium's own resources in the API server. Both run as daemons beside the nodes.
//! Services stay kube-proxy's. What the kernel holds is pinned in a file system that is mounted on the
//! machine, not in the agent's view of it: when an agent dies, allowed flows go on and denied ones stay denied.
//!
//! Names below `/run/cilium` are compiled into Cilium, so each program of it runs in a mount namespace in
//! which that folder is the program's own. The folder itself stays behind, empty.

mod agent;

use std::{
    fs,
    path::{Path, PathBuf},
};

pub(crate) use agent::{agent, prepare, wait_ready, write_cni_config};

use crate::{
    cgroups::CONTROL_PLANE,
    control_plane::{ControlPlane, flag},
    daemon::Daemon,
    error::{FileContext, Result},
    kubectl::Kubectl,
    network::Network,
    paths::private_folder,
    pki::Subject,
};

/// The daemon of Cilium's operator.
pub(crate) const OPERATOR: &str = "cp-cilium-operator";

const ACCESS: &str = include_str!("../../files/cilium.yaml");
/// Its folder of sockets and records, by the only name that Cilium knows.
const COMPILED_IN: &str = "/run/cilium";

/// Runs `$2…` in a mount namespace of its own with the folder `$0` as `/run/cilium`. Mounts of the appliances
/// are taken out of that namespace, or those of ended pods would live on in it; only what lies below `$1`
/// stays.
const ENTER: &str = r#"own=$1; shift
mounts=$(cat /proc/self/mountinfo)
echo "$mounts" | while read -r _ _ _ _ mount _; do
  case $mount in
    "$own"/bpf | "$own"/cgroup2) ;;
    /run/dmp/* | /var/lib/dmp/*) umount --lazy "$mount" 2>/dev/null || : ;;
  esac
done
mount --bind "$0" /run/cilium && exec "$@""#;

/// Writes the operator's certificate.
pub(crate) fn prepare_operator(control_plane: &ControlPlane<'_>) -> Result<()> {
    private_folder(&operator_folder(control_plane))?;
    fs::create_dir_all(COMPILED_IN).on("make the folder", COMPILED_IN)?;
    let user = Subject::client("dmp:cilium-operator", None);
    control_plane
        .component_kubeconfig("cilium-operator", &user)
        .map(drop)
}

/// Grants the agents and the operator what they need of the API server.
pub(crate) async fn grant_access(kubectl: &Kubectl) -> Result<()> {
    kubectl.apply("grant Cilium its access", ACCESS).await
}

/// The operator; it makes the definitions of Cilium's resources, which the agents wait for.
pub(crate) fn operator(control_plane: &ControlPlane<'_>) -> Daemon {
    let kubeconfig = control_plane
        .paths
        .certificates()
        .join("cilium-operator.kubeconfig");
    let folder = operator_folder(control_plane);
    let (program, arguments) = apart(
        &folder,
        &folder,
        &control_plane.parts.cilium.program("cilium-operator"),
        &[],
        vec![
            flag("k8s-kubeconfig-path", kubeconfig.display()),
            flag("k8s-namespace", "kube-system"),
            flag("ipam", "kubernetes"),
            flag("identity-allocation-mode", "crd"),
            flag("unmanaged-pod-watcher-interval", 0),
            flag("remove-cilium-node-taints", false),
            flag("set-cilium-node-taints", false),
            flag("set-cilium-is-up-condition", false),
            flag("enable-metrics", false),
        ],
    );
    Daemon {
        name: OPERATOR.to_owned(),
        owner: CONTROL_PLANE.to_owned(),
        namespace: Some(Network::namespace(control_plane.name, "cp")),
        program,
        arguments,
        path: Vec::new(),
    }
}

fn operator_folder(control_plane: &ControlPlane<'_>) -> PathBuf {
    control_plane.paths.runtime.join("cilium-operator")
}

/// The command that runs a program of Cilium with `folder` as its `/run/cilium`.
fn apart(
    folder: &Path,
    own_mounts: &Path,
    program: &Path,
    environment: &[(&str, &str)],
    arguments: Vec<String>,
) -> (PathBuf, Vec<String>) {
    let text = |path: &Path| path.to_string_lossy().into_owned();
    let fixed = ["--mount", "--propagation", "slave", "/bin/sh", "-c", ENTER].map(str::to_owned);
    let variables = environment.iter().map(|(name, value)| format!("{name}={value}"));
    let command = fixed
        .into_iter()
        .chain([text(folder), text(own_mounts), "/usr/bin/env".to_owned()])
        .chain(variables)
        .chain([text(program)])
        .chain(arguments);
    (PathBuf::from("/usr/bin/unshare"), command.collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_access_is_narrow() {
        let documents: Vec<serde_json::Value> = ACCESS
            .split("\n---\n")
            .map(|document| serde_saphyr::from_str(document).expect("YAML"))
            .collect();
        assert_eq!(documents.len(), 6);
        for rule in documents
            .iter()
            .filter_map(|document| document["rules"].as_array())
            .flatten()
        {
            let text = rule.to_string();
            assert!(!text.contains("secrets"), "{text}");
            assert!(!rule["verbs"].to_string().contains('*'), "{text}");
            // Only what is Cilium's own may be written by a pattern.
            if rule["resources"][0] == "*" {
                assert_eq!(rule["apiGroups"][0], "cilium.io");
                assert!(!text.contains("create") && !text.contains("update"), "{text}");
            }
        }
    }

    #[test]
    fn a_program_sees_its_own_folder_under_the_compiled_in_name() {
        assert!(ENTER.contains(&format!(r#"mount --bind "$0" {COMPILED_IN} "#)));
        let folder = tempfile::tempdir().expect("a folder");
        std::fs::write(folder.path().join("witness"), "").expect("written");
        if !rustix::process::geteuid().is_root() {
            println!("skipped: mount namespaces need root");
            return;
        }
        std::fs::create_dir_all(COMPILED_IN).expect("a folder");
        let (program, arguments) = apart(
            folder.path(),
            folder.path(),
            Path::new("/bin/sh"),
            &[("WHO", "node-1")],
            vec!["-c".to_owned(), format!("ls {COMPILED_IN}; echo $WHO")],
        );
        let output = std::process::Command::new(program)
            .args(arguments)
            .output()
            .expect("it runs");
        assert_eq!(String::from_utf8_lossy(&output.stdout), "witness\nnode-1\n");
        assert!(!Path::new(COMPILED_IN).join("witness").exists());
    }
}
