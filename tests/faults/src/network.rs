//! Cutting a group off from the national plane: every packet between its record store and the national services is dropped,
//! in the pod's own network namespace, so that no network of the cluster has to help. Database and OpenBao stay reachable.

use std::io::Write as _;
use std::process::{Command, Stdio};

use k8s_openapi::api::core::v1::{Pod, Service};
use kube::Api;
use kube::api::ListParams;
use rustix::process::Pid;

use crate::cluster::{Cluster, NATIONAL};

/// Name of the table of rules.
const TABLE: &str = "inet dmp_faults";

/// A cut that is in force; healed when dropped.
pub struct Cut {
    processes: Vec<Pid>,
}

impl Cut {
    /// Cuts the pods of a group's record store off.
    pub async fn between_planes(cluster: &Cluster, group: &str) -> Self {
        let addresses = national_addresses(cluster).await;
        let pods = cluster.service(group, "records").await;
        let processes: Vec<Pid> = pods.iter().map(|pod| cluster.process(pod)).collect();
        let cut = Self { processes };
        let set = addresses.join(", ");
        let rules = format!(
            "table {TABLE} {{\n\
             chain arriving {{ type filter hook input priority -300; policy accept; ip saddr {{ {set} }} drop; }}\n\
             chain leaving {{ type filter hook output priority -300; policy accept; ip daddr {{ {set} }} drop; }}\n\
             }}\n"
        );
        for process in &cut.processes {
            nft(*process, &rules);
        }
        cut
    }

    /// Heals it.
    pub fn heal(self) {
        drop(self);
    }
}

impl Drop for Cut {
    fn drop(&mut self) {
        for process in &self.processes {
            nft(*process, &format!("delete table {TABLE}\n"));
        }
    }
}

/// Addresses of the national services and of their pods, databases excepted.
async fn national_addresses(cluster: &Cluster) -> Vec<String> {
    let mut addresses = Vec::new();
    for name in ["registry", "consent", "audit", "portal", "gateway"] {
        let pods: Vec<Pod> = cluster.service(NATIONAL, name).await;
        addresses.extend(pods.into_iter().filter_map(|pod| pod.status?.pod_ip));
        let services: Api<Service> = Api::namespaced(cluster.client.clone(), NATIONAL);
        let selector = ListParams::default().fields(&format!("metadata.name={name}"));
        let list = services.list(&selector).await.unwrap();
        addresses.extend(
            list.items
                .into_iter()
                .filter_map(|service| service.spec?.cluster_ip),
        );
    }
    assert!(addresses.len() >= 10, "pods and Services of five: {addresses:?}");
    addresses
}

/// Runs nftables in the network of a process.
fn nft(process: Pid, rules: &str) {
    let mut child = Command::new("nsenter")
        .arg(format!("--net=/proc/{}/ns/net", process.as_raw_nonzero()))
        .args(["nft", "--file", "-"])
        .stdin(Stdio::piped())
        .spawn()
        .unwrap();
    child.stdin.take().unwrap().write_all(rules.as_bytes()).unwrap();
    assert!(child.wait().unwrap().success(), "nft: {rules}");
}
