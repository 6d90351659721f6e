//! Where the processes of an appliance are: for tests that break them.

use std::fs;

use crate::{
    cgroups::Cgroups,
    daemon::Daemons,
    error::{Error, FileContext, Result},
    options::Name,
    paths::Paths,
};

/// Process id of a container's first process; `container` is the id in the pod's status, without `containerd://`.
///
/// # Errors
/// When no such container runs on the node.
pub fn container_process(name: &Name, node: &str, container: &str) -> Result<i32> {
    let file = Paths::of(name)
        .node_runtime(node)
        .join("containerd/io.containerd.runtime.v2.task/k8s.io")
        .join(container)
        .join("init.pid");
    let text = fs::read_to_string(&file).on("read", &file)?;
    text.trim().parse().map_err(|_| Error::Damaged {
        path: file,
        detail: "it holds no process id".to_owned(),
    })
}

/// Process id of a program of the control plane (`kube-apiserver`, `etcd`…), while it runs.
///
/// # Errors
/// When its record is not readable.
pub fn control_plane_process(name: &Name, program: &str) -> Result<Option<i32>> {
    Daemons::new(Paths::of(name), Cgroups::of(name)?).process(&format!("cp-{program}"))
}
