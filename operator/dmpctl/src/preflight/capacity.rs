//! Whether the nodes have room for what a platform requests.
//!
//! The figures follow what the operator renders (`operator/controller/src/plane`) and the manifests; the end-to-end
//! suite compares them with the pods of a running platform.

use std::collections::BTreeMap;

use dmp_api::Sizing;
use k8s_openapi::api::core::v1::{Container, Node, Pod};
use k8s_openapi::apimachinery::pkg::api::resource::Quantity;
use kube::api::ListParams;
use kube::{Api, Client};

use super::{Check, cluster::said};

/// What pods request, and volumes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Footprint {
    /// Thousandths of a processor.
    pub cpu: u64,
    /// MiB.
    pub memory: u64,
    pub pods: u64,
    /// GiB of volumes.
    pub storage: u64,
}

impl Footprint {
    const fn plus(self, other: Self, times: u64) -> Self {
        Self {
            cpu: self.cpu + other.cpu * times,
            memory: self.memory + other.memory * times,
            pods: self.pods + other.pods * times,
            storage: self.storage + other.storage * times,
        }
    }
}

const fn pods(cpu: u64, memory: u64) -> Footprint {
    Footprint {
        cpu,
        memory,
        pods: 1,
        storage: 0,
    }
}

/// A platform with this many groups of the same size: operator, evaluator and OpenBao, the national services, the groups.
pub fn footprint(sizing: Sizing, groups: u64) -> Footprint {
    let (instances, instance, national_gib, group_gib) = match sizing {
        Sizing::Small => (1, pods(50, 128), 5, 6),
        Sizing::Medium => (2, pods(500, 1024), 200, 220),
        Sizing::Large => (3, pods(2000, 4096), 1000, 2100),
    };
    let service = pods(20, 64);
    let database = Footprint::default().plus(instance, instances);
    let volumes = |gib| Footprint {
        storage: gib * instances,
        ..Footprint::default()
    };
    let openbao = Footprint {
        storage: 10,
        ..pods(100, 128)
    };
    let system = openbao.plus(pods(50, 64), 2).plus(pods(10, 32), 1);
    // registry, consent, audit with a database each, the portal, and two gateways
    let national = Footprint::default()
        .plus(service, 6)
        .plus(database, 3)
        .plus(volumes(national_gib), 3);
    // records, with the databases of records and keys
    let group = service.plus(database, 2).plus(volumes(group_gib), 1);
    system.plus(national, 1).plus(group, groups)
}

pub async fn check(client: &Client, sizing: Sizing, groups: u32) -> Check {
    let nodes: Api<Node> = Api::all(client.clone());
    let all: Api<Pod> = Api::all(client.clone());
    let parameters = ListParams::default();
    match tokio::try_join!(nodes.list(&parameters), all.list(&parameters)) {
        Ok((nodes, pods)) => judge(
            &nodes.items,
            &pods.items,
            footprint(sizing, u64::from(groups)),
            groups,
        ),
        Err(source) => Check::unknown("capacity", said(source), ""),
    }
}

fn judge(nodes: &[Node], pods: &[Pod], needs: Footprint, groups: u32) -> Check {
    const NAME: &str = "capacity";
    let free = free(nodes, pods);
    let needed = format!(
        "a platform with {groups} groups requests {:.1} processors, {:.1} GiB of memory, {} pods, {} GiB of volumes",
        processors(needs.cpu),
        gibibytes(needs.memory),
        needs.pods,
        needs.storage
    );
    let there = format!(
        "free are {:.1} processors, {:.1} GiB, {} pods on {} nodes",
        processors(free.cpu),
        gibibytes(free.memory),
        free.pods,
        nodes.iter().filter(|node| usable(node)).count()
    );
    if free.cpu >= needs.cpu && free.memory >= needs.memory && free.pods >= needs.pods {
        Check::good(
            NAME,
            format!("{needed}; {there}; how much the volumes may take is not known here"),
        )
    } else {
        Check::bad(
            NAME,
            format!("{needed}; {there}"),
            "add nodes, or plan for fewer groups",
        )
    }
}

#[expect(clippy::cast_precision_loss, reason = "for people, to one decimal")]
fn processors(millis: u64) -> f64 {
    millis as f64 / 1000.0
}

#[expect(clippy::cast_precision_loss, reason = "for people, to one decimal")]
fn gibibytes(mebibytes: u64) -> f64 {
    mebibytes as f64 / 1024.0
}

/// What the nodes that take pods still have. Pods of ours count as free: they are what is planned.
fn free(nodes: &[Node], pods: &[Pod]) -> Footprint {
    let mut free = Footprint::default();
    for node in nodes.iter().filter(|node| usable(node)) {
        let allocatable = node
            .status
            .as_ref()
            .and_then(|status| status.allocatable.as_ref());
        let mut own = Footprint {
            cpu: allocatable.and_then(|all| all.get("cpu")).map_or(0, millis),
            memory: allocatable.and_then(|all| all.get("memory")).map_or(0, mebibytes),
            pods: allocatable
                .and_then(|all| all.get("pods"))
                .map_or(0, |q| millis(q) / 1000),
            storage: 0,
        };
        let name = node.metadata.name.as_deref();
        for pod in pods.iter().filter(|pod| taking(pod, name)) {
            let requested = requested(pod);
            own.cpu = own.cpu.saturating_sub(requested.cpu);
            own.memory = own.memory.saturating_sub(requested.memory);
            own.pods = own.pods.saturating_sub(1);
        }
        free = free.plus(own, 1);
    }
    free
}

fn usable(node: &Node) -> bool {
    let spec = node.spec.as_ref();
    let cordoned = spec.and_then(|spec| spec.unschedulable).unwrap_or(false);
    let tainted = spec
        .and_then(|spec| spec.taints.as_ref())
        .is_some_and(|taints| taints.iter().any(|taint| taint.effect != "PreferNoSchedule"));
    !cordoned && !tainted
}

fn taking(pod: &Pod, node: Option<&str>) -> bool {
    let on = pod.spec.as_ref().and_then(|spec| spec.node_name.as_deref());
    let phase = pod.status.as_ref().and_then(|status| status.phase.as_deref());
    let ours = pod
        .metadata
        .labels
        .as_ref()
        .is_some_and(|labels| labels.get("app.kubernetes.io/part-of").map(String::as_str) == Some("dmp"));
    on.is_some() && on == node && !matches!(phase, Some("Succeeded" | "Failed")) && !ours
}

/// What the scheduler counts: the containers together, or the largest init container.
pub fn requested(pod: &Pod) -> Footprint {
    let Some(spec) = &pod.spec else {
        return Footprint::default();
    };
    let of = |container: &Container, name: &str, read: fn(&Quantity) -> u64| {
        container
            .resources
            .as_ref()
            .and_then(|resources| resources.requests.as_ref())
            .and_then(|requests: &BTreeMap<String, Quantity>| requests.get(name))
            .map_or(0, read)
    };
    let total = |name: &str, read: fn(&Quantity) -> u64| {
        let together: u64 = spec.containers.iter().map(|c| of(c, name, read)).sum();
        let first = spec
            .init_containers
            .iter()
            .flatten()
            .map(|c| of(c, name, read))
            .max()
            .unwrap_or(0);
        together.max(first)
    };
    Footprint {
        cpu: total("cpu", millis),
        memory: total("memory", mebibytes),
        pods: 1,
        storage: 0,
    }
}

/// Thousandths of a quantity; what cannot be read is 0.
fn millis(quantity: &Quantity) -> u64 {
    to_millis(&quantity.0).unwrap_or(0)
}

fn mebibytes(quantity: &Quantity) -> u64 {
    millis(quantity) / 1000 / (1024 * 1024)
}

/// `1500m`, `2`, `0.5`, `128Mi`, `1e3` (Kubernetes' resource quantities) in thousandths.
fn to_millis(text: &str) -> Option<u64> {
    let end = text.find(|c: char| c.is_ascii_alphabetic()).unwrap_or(text.len());
    let (number, suffix) = text.split_at(end);
    let factor: f64 = match suffix {
        "" => 1.0,
        "n" => 1e-9,
        "u" => 1e-6,
        "m" => 1e-3,
        "k" => 1e3,
        "M" => 1e6,
        "G" => 1e9,
        "T" => 1e12,
        "Ki" => 1024.0,
        "Mi" => 1024.0 * 1024.0,
        "Gi" => 1024.0 * 1024.0 * 1024.0,
        "Ti" => 1024.0 * 1024.0 * 1024.0 * 1024.0,
        exponent => {
            return text
                .parse::<f64>()
                .ok()
                .filter(|_| exponent.starts_with(['e', 'E']))
                .map(whole);
        }
    };
    number.parse::<f64>().ok().map(|number| whole(number * factor))
}

#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "a conversion from f64 to u64 saturates"
)]
fn whole(units: f64) -> u64 {
    (units * 1000.0).round() as u64
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use crate::preflight::Verdict;
    use serde_json::{Value, json};

    #[test]
    fn quantities_are_read_in_thousandths() {
        for (text, wanted) in [
            ("1500m", Some(1500)),
            ("2", Some(2000)),
            ("0.5", Some(500)),
            ("1e3", Some(1_000_000)),
            ("128Mi", Some(134_217_728_000)),
            ("1Gi", Some(1_073_741_824_000)),
            ("1k", Some(1_000_000)),
            ("", None),
            ("12x", None),
        ] {
            assert_eq!(to_millis(text), wanted, "{text}");
        }
    }

    fn node(cpu: &str, spec: Value) -> Node {
        serde_json::from_value(json!({
            "metadata": { "name": "n" }, "spec": spec,
            "status": { "allocatable": { "cpu": cpu, "memory": "8Gi", "pods": "110" } },
        }))
        .unwrap()
    }

    fn pod(labels: Value, cpu: &str) -> Pod {
        serde_json::from_value(json!({
            "metadata": { "name": "p", "labels": labels },
            "spec": {
                "nodeName": "n",
                "initContainers": [{ "name": "i", "resources": { "requests": { "cpu": "10m" } } }],
                "containers": [{ "name": "c", "resources": { "requests": { "cpu": cpu, "memory": "1Gi" } } }],
            },
            "status": { "phase": "Running" },
        }))
        .unwrap()
    }

    #[test]
    fn what_others_request_is_taken_and_what_we_request_is_not() {
        let nodes = [node("4", json!({}))];
        let pods = [
            pod(json!({}), "1"),
            pod(json!({ "app.kubernetes.io/part-of": "dmp" }), "2"),
        ];
        let free = free(&nodes, &pods);
        assert_eq!((free.cpu, free.memory, free.pods), (3000, 7 * 1024, 109));
        let tainted = json!({ "taints": [{ "key": "k", "effect": "NoSchedule" }] });
        for spec in [json!({ "unschedulable": true }), tainted] {
            assert_eq!(super::free(&[node("4", spec)], &[]), Footprint::default());
        }
    }

    #[test]
    fn a_group_more_needs_more_and_too_little_is_said() {
        let (one, two) = (footprint(Sizing::Small, 1), footprint(Sizing::Small, 2));
        assert_eq!(two.pods - one.pods, 3);
        assert_eq!(two.storage - one.storage, 6);
        let check = judge(&[node("100m", json!({}))], &[], one, 1);
        assert_eq!(check.verdict, Verdict::Bad);
        assert_eq!(judge(&[node("4", json!({}))], &[], one, 1).verdict, Verdict::Good);
    }
}
