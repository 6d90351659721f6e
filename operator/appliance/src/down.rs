//! Takes an appliance down without leaving anything behind, and removes its data when asked.
//!
//! Containers are asked to end first, while network and API server still work, so that databases
//! close properly. What has not ended by then is killed with its control group.

use std::{
    fs, io,
    path::{Path, PathBuf},
    time::{Duration, Instant},
};

use rustix::{
    mount::{UnmountFlags, unmount},
    process::{Pid, Signal, kill_process},
};

use crate::{
    cgroups::{CONTROL_PLANE, Cgroups},
    cilium, control_plane,
    daemon::{Daemons, start_time},
    error::{FileContext, Result},
    expose,
    lock::Lock,
    machine,
    network::Network,
    node::DaemonNames,
    options::{Name, Options},
    paths::Paths,
    progress::Progress,
    state::State,
};

/// For containers to end by themselves; a database writes its checkpoint in that time.
const CONTAINERS_WITHIN: Duration = Duration::from_secs(20);
const DAEMON_WITHIN: Duration = Duration::from_secs(10);
/// The API server would go on trying to deliver its last audit events to the operator, which has ended. What it has
/// acknowledged is in etcd, the events are in its audit log.
const API_SERVER_WITHIN: Duration = Duration::from_secs(2);

/// Where CNI plugins and kubelets of this machine leave traces outside their own folders.
const CNI_RESULTS: &str = "/var/lib/cni/results";
const LOG_LINKS: &str = "/var/log/containers";

/// Ends all processes and removes namespaces, mounts and control groups. The data stays.
pub async fn down(options: &Options, progress: &Progress) -> Result<()> {
    machine::require_root()?;
    let _lock = Lock::take(&options.name)?;
    stop(&options.name, progress).await
}

/// As [`down`], and removes the data: databases, keys, logs. The cache of parts and images stays.
pub async fn clean(options: &Options, progress: &Progress) -> Result<()> {
    machine::require_root()?;
    let _lock = Lock::take(&options.name)?;
    stop(&options.name, progress).await?;
    let step = progress.step("data");
    let paths = Paths::of(&options.name);
    remove_tree(&paths.state)?;
    remove_entries(Path::new(LOG_LINKS), |file| {
        fs::read_link(file).is_ok_and(|target| target.starts_with(&paths.state))
    })?;
    step.done_with("removed");
    Ok(())
}

async fn stop(name: &Name, progress: &Progress) -> Result<()> {
    let paths = Paths::of(name);
    let cgroups = Cgroups::of(name)?;
    let daemons = Daemons::new(paths.clone(), cgroups.clone());
    let nodes = nodes(name)?;

    let step = progress.step("containers");
    let node_daemons: Vec<DaemonNames> = nodes.iter().map(|node| DaemonNames::of(node)).collect();
    for node in &node_daemons {
        daemons.stop(&node.kubelet, DAEMON_WITHIN).await?;
    }
    let containers: Vec<Pid> = nodes
        .iter()
        .flat_map(|node| containers(&paths.node_runtime(node).join("containerd")))
        .collect();
    end(&containers, CONTAINERS_WITHIN).await;
    step.done();

    let step = progress.step("processes");
    let order = node_daemons
        .iter()
        .flat_map(|node| [node.kube_proxy.as_str(), node.cilium.as_str()])
        .chain([expose::DAEMON, cilium::OPERATOR])
        .chain(control_plane::STOP_ORDER)
        .chain(node_daemons.iter().map(|node| node.containerd.as_str()));
    for daemon in order {
        step.at(daemon.to_owned());
        let patience = match daemon {
            control_plane::API_SERVER => API_SERVER_WITHIN,
            _ => DAEMON_WITHIN,
        };
        daemons.stop(daemon, patience).await?;
    }
    step.at("what is left in the control groups");
    cgroups.remove().await?;
    step.done();

    let step = progress.step("mounts and network");
    for folder in [&paths.runtime, &paths.state] {
        unmount_below(folder)?;
    }
    let owners: Vec<String> = std::iter::once(CONTROL_PLANE.to_owned()).chain(nodes).collect();
    Network::remove(name, &owners).await?;
    let runtime = paths.runtime.to_string_lossy();
    remove_entries(Path::new(CNI_RESULTS), |file| {
        fs::read_to_string(file).is_ok_and(|result| result.contains(&format!("{runtime}/")))
    })?;
    remove_tree(&paths.runtime)?;
    step.done();
    Ok(())
}

fn nodes(name: &Name) -> Result<Vec<String>> {
    let state = State::load(name)?;
    Ok(state
        .into_iter()
        .flat_map(|state| state.plan().nodes)
        .map(|node| node.name)
        .collect())
}

/// The first process of each container, as containerd's runtime notes it.
fn containers(state: &Path) -> Vec<Pid> {
    let bundles = state.join("io.containerd.runtime.v2.task/k8s.io");
    fs::read_dir(bundles)
        .into_iter()
        .flatten()
        .flatten()
        .filter_map(|bundle| fs::read_to_string(bundle.path().join("init.pid")).ok())
        .filter_map(|pid| pid.trim().parse().ok().and_then(Pid::from_raw))
        .collect()
}

/// Asks processes to end and waits until they have, or until patience ends.
async fn end(processes: &[Pid], patience: Duration) {
    let begin = Instant::now();
    for process in processes {
        // One that ended meanwhile is what we want.
        let _ = kill_process(*process, Signal::TERM);
    }
    while begin.elapsed() < patience
        && processes
            .iter()
            .any(|process| start_time(process.as_raw_pid()).is_some())
    {
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}

pub(crate) fn unmount_below(folder: &Path) -> Result<()> {
    let mounts = fs::read_to_string("/proc/self/mountinfo").on("read", "/proc/self/mountinfo")?;
    for mount in mounts_below(&mounts, folder) {
        unmount(&mount, UnmountFlags::DETACH).on("unmount", mount)?;
    }
    Ok(())
}

/// Mount points below a folder, the last mounted first.
fn mounts_below(mountinfo: &str, folder: &Path) -> Vec<PathBuf> {
    let mut found: Vec<PathBuf> = mountinfo
        .lines()
        .filter_map(|line| line.split(' ').nth(4))
        .map(PathBuf::from)
        .filter(|mount| mount.starts_with(folder))
        .collect();
    found.reverse();
    found
}

pub(crate) fn remove_tree(folder: &Path) -> Result<()> {
    match fs::remove_dir_all(folder) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error).on("remove", folder),
        _ => Ok(()),
    }
}

fn remove_entries(folder: &Path, ours: impl Fn(&Path) -> bool) -> Result<()> {
    for entry in fs::read_dir(folder).into_iter().flatten().flatten() {
        let path = entry.path();
        if ours(&path) {
            fs::remove_file(&path).on("remove", path)?;
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn mounts_are_taken_off_from_the_top_and_only_ours() {
        let mountinfo = "\
21 1 254:0 / / rw shared:1 - ext4 /dev/vda rw
30 21 0:50 / /run/dmp/dmp/node-1/a rw - overlay overlay rw
31 30 0:51 / /run/dmp/dmp/node-1/a/b rw - tmpfs tmpfs rw
32 21 0:52 / /run/dmp/dmp2/node-1 rw - tmpfs tmpfs rw
";
        assert_eq!(
            mounts_below(mountinfo, Path::new("/run/dmp/dmp")),
            [
                PathBuf::from("/run/dmp/dmp/node-1/a/b"),
                PathBuf::from("/run/dmp/dmp/node-1/a")
            ]
        );
    }

    #[tokio::test]
    async fn containers_that_are_gone_cost_no_time() {
        let begin = Instant::now();
        end(&[], Duration::from_secs(5)).await;
        assert!(begin.elapsed() < Duration::from_secs(1));
    }
}
