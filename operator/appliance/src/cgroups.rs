//! Control groups: one tree per appliance, `/dmp-<name>`, in every hierarchy of the machine.
//!
//! `…/system-<owner>` holds the daemons of the control plane or of a node, `…/<node>` is the kubelet's
//! root for pods. Whatever an appliance starts stays inside, so the tree also answers "what is left
//! of it?" when it goes. Version 1 is what this was tried on; on version 2 there is one hierarchy.

use std::{
    fs, io,
    path::{Path, PathBuf},
    time::Duration,
};

use rustix::process::{Pid, Signal};

use crate::{
    error::{FileContext, Result},
    options::Name,
    paths::RUNTIME,
};

/// Owner of the daemons of the control plane.
pub(crate) const CONTROL_PLANE: &str = "cp";

/// Everything waits for the control plane, and leases are lost while it waits itself: when processors are short it gets eight times
/// what all pods of a node get, or its daemons (files of version 1 and of version 2). With three times, two appliances beside each
/// other on two processors went on restarting their pods.
const SHARE_OF_CONTROL_PLANE: [(&str, &str); 2] = [("cpu.shares", "8192"), ("cpu.weight", "800")];

/// The tree of one appliance.
#[derive(Debug, Clone)]
pub(crate) struct Cgroups {
    name: String,
    mounts: Vec<PathBuf>,
    unified: bool,
}

impl Cgroups {
    pub fn of(name: &Name) -> Result<Self> {
        let mounts = fs::read_to_string("/proc/self/mounts").on("read", "/proc/self/mounts")?;
        let (mounts, unified) = hierarchies(&mounts);
        Ok(Self {
            name: format!("dmp-{name}"),
            mounts,
            unified,
        })
    }

    /// What the kubelet calls its root: `/dmp-<name>/<node>`.
    pub fn pods_root(&self, node: &str) -> String {
        format!("/{}/{node}", self.name)
    }

    /// Makes the group of a node's pods.
    pub fn make_for_pods(&self, node: &str) -> Result<()> {
        self.make(node).map(drop)
    }

    /// Makes the group of a node's or of the control plane's daemons; returns the files that a
    /// process writes itself into.
    pub fn make_for_daemons(&self, owner: &str) -> Result<Vec<PathBuf>> {
        let files = self.make(&format!("system-{owner}"))?;
        if owner == CONTROL_PLANE {
            for (file, share) in SHARE_OF_CONTROL_PLANE {
                let files = files.iter().map(|processes| processes.with_file_name(file));
                for file in files.filter(|file| file.exists()) {
                    fs::write(&file, share).on("write", file)?;
                }
            }
        }
        Ok(files)
    }

    fn make(&self, group: &str) -> Result<Vec<PathBuf>> {
        let mut files = Vec::new();
        for mount in &self.mounts {
            let mut folder = mount.clone();
            for part in [self.name.as_str(), group] {
                if self.unified {
                    pass_controllers_on(&folder);
                }
                let child = folder.join(part);
                fs::create_dir_all(&child).on("make the control group", &child)?;
                inherit_cpuset(&folder, &child)?;
                folder = child;
            }
            files.push(folder.join("cgroup.procs"));
        }
        Ok(files)
    }

    /// Whether no pod of the node has a process.
    pub fn pods_are_empty(&self, node: &str) -> bool {
        self.processes(&format!("{}/{node}", self.name)).is_empty()
    }

    fn processes(&self, group: &str) -> Vec<Pid> {
        self.mounts
            .iter()
            .flat_map(|mount| tree(&mount.join(group)))
            .filter_map(|folder| fs::read_to_string(folder.join("cgroup.procs")).ok())
            .flat_map(|list| {
                list.lines()
                    .filter_map(|line| line.parse().ok().and_then(Pid::from_raw))
                    .collect::<Vec<_>>()
            })
            .collect()
    }

    /// Kills what is left in the whole tree and removes it.
    pub async fn remove(&self) -> Result<()> {
        self.kill(std::slice::from_ref(&self.name)).await
    }

    /// Kills the daemons and the pods of a node, all at once, and removes their groups.
    pub async fn kill_node(&self, node: &str) -> Result<()> {
        let group = |group: &str| format!("{}/{group}", self.name);
        self.kill(&[group(&format!("system-{node}")), group(node)]).await
    }

    async fn kill(&self, groups: &[String]) -> Result<()> {
        for _ in 0..100 {
            for process in groups.iter().flat_map(|group| self.processes(group)) {
                // One that ended meanwhile is as good as killed.
                let _ = rustix::process::kill_process(process, Signal::KILL);
            }
            if self.remove_folders(groups).is_ok() {
                return Ok(());
            }
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        self.remove_folders(groups)
    }

    fn remove_folders(&self, groups: &[String]) -> Result<()> {
        for (mount, group) in self
            .mounts
            .iter()
            .flat_map(|mount| groups.iter().map(move |group| (mount, group)))
        {
            // Children come after their parents in the list.
            for folder in tree(&mount.join(group)).into_iter().rev() {
                match fs::remove_dir(&folder) {
                    Err(error) if error.kind() != io::ErrorKind::NotFound => {
                        return Err(error).on("remove the control group", folder);
                    }
                    _ => {}
                }
            }
        }
        Ok(())
    }
}

/// The mount points of all hierarchies, and whether there is only the unified one (version 2).
fn hierarchies(mounts: &str) -> (Vec<PathBuf>, bool) {
    let of_type = |wanted: &str| -> Vec<PathBuf> {
        mounts
            .lines()
            .filter_map(|line| {
                let mut fields = line.split(' ').skip(1);
                let (target, kind) = (fields.next()?, fields.next()?);
                // Cilium's agents have mounts of their own of what the machine has already.
                (kind == wanted && !target.starts_with(RUNTIME)).then(|| PathBuf::from(target))
            })
            .collect()
    };
    let (old, new) = (of_type("cgroup"), of_type("cgroup2"));
    let unified = old.is_empty();
    (old.into_iter().chain(new).collect(), unified)
}

/// A new group of version 1 has no processors and no memory nodes: it cannot hold a process.
fn inherit_cpuset(parent: &Path, child: &Path) -> Result<()> {
    for file in ["cpuset.cpus", "cpuset.mems"] {
        let (from, to) = (parent.join(file), child.join(file));
        let Ok(value) = fs::read_to_string(&from) else {
            continue;
        };
        if fs::read_to_string(&to).is_ok_and(|own| own.trim().is_empty()) && !value.trim().is_empty() {
            fs::write(&to, value).on("write", to)?;
        }
    }
    Ok(())
}

/// Version 2 gives a child only the controllers that its parent passes on.
fn pass_controllers_on(folder: &Path) {
    for controller in ["cpu", "memory", "pids", "io", "cpuset"] {
        // A controller that the kernel lacks is missed by the kubelet, which says so.
        drop(fs::write(
            folder.join("cgroup.subtree_control"),
            format!("+{controller}"),
        ));
    }
}

/// A folder and all folders below it, parents first; empty when it does not exist.
fn tree(folder: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    let mut open = vec![folder.to_owned()];
    while let Some(folder) = open.pop() {
        let Ok(entries) = fs::read_dir(&folder) else {
            continue;
        };
        open.extend(
            entries
                .flatten()
                .filter(|entry| entry.file_type().is_ok_and(|kind| kind.is_dir()))
                .map(|entry| entry.path()),
        );
        found.push(folder);
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn version_1_has_many_hierarchies_and_version_2_one() {
        let old = "tmpfs /sys/fs/cgroup tmpfs rw 0 0\n\
                   cgroup /sys/fs/cgroup/cpu cgroup rw,cpu 0 0\n\
                   cgroup2 /sys/fs/cgroup/unified cgroup2 rw 0 0\n\
                   cgroup2 /run/dmp/dmp/node-1/cgroup2 cgroup2 rw 0 0\n";
        let (mounts, unified) = hierarchies(old);
        assert_eq!(
            mounts,
            [
                PathBuf::from("/sys/fs/cgroup/cpu"),
                PathBuf::from("/sys/fs/cgroup/unified")
            ]
        );
        assert!(!unified);

        let (mounts, unified) = hierarchies("cgroup2 /sys/fs/cgroup cgroup2 rw 0 0\n");
        assert_eq!(mounts, [PathBuf::from("/sys/fs/cgroup")]);
        assert!(unified);
    }

    #[test]
    fn a_tree_lists_parents_before_children() {
        let root = tempfile::tempdir().expect("a folder");
        fs::create_dir_all(root.path().join("a/b")).expect("folders");
        let found = tree(root.path());
        assert_eq!(found.len(), 3);
        assert_eq!(found[0], root.path());
        assert!(found[2].ends_with("a/b"));
        assert!(tree(&root.path().join("none")).is_empty());
    }
}
