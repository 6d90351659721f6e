//! What every process shows at `/metrics` now, through the API server's proxy.

use k8s_openapi::api::core::v1::{Node, Pod};
use kube::api::ListParams;
use kube::{Api, Client, ResourceExt as _};

use super::archive::Bundle;
use super::objects::{DATABASE_PODS, OWN_PODS, pods, reason};
use crate::error::Result;

/// Port of the services.
const OWN_PORT: u16 = 9090;
/// Port of CloudNativePG's exporter.
const DATABASE_PORT: u16 = 9187;
/// What of a kubelet's metrics concerns support.
const OF_VOLUMES: &str = "kubelet_volume_stats_";

/// Adds them.
///
/// # Errors
/// When the bundle cannot be written.
pub async fn collect(client: &Client, bundle: &mut Bundle, namespaces: &[String]) -> Result<()> {
    for namespace in namespaces {
        for (selector, port) in [(OWN_PODS, OWN_PORT), (DATABASE_PODS, DATABASE_PORT)] {
            for pod in pods(client, bundle, namespace, selector).await {
                // a pod that has ended shows nothing; one that is no service (OpenBao) has no such port
                if !is_running(&pod) || !listens(&pod, port) {
                    continue;
                }
                let name = pod.name_any();
                let path = format!("/api/v1/namespaces/{namespace}/pods/{name}:{port}/proxy/metrics");
                let file = format!("metrics/{namespace}/{name}.txt");
                match get(client, &path).await {
                    Ok(text) => bundle.add(&file, "metrics of a pod", text.as_bytes())?,
                    Err(error) => bundle.missing(&file, &reason(error)),
                }
            }
        }
    }
    volumes(client, bundle, namespaces).await
}

fn is_running(pod: &Pod) -> bool {
    let status = pod.status.as_ref();
    status.is_some_and(|status| status.phase.as_deref() == Some("Running"))
}

fn listens(pod: &Pod, port: u16) -> bool {
    let containers = pod.spec.iter().flat_map(|spec| &spec.containers);
    let mut ports = containers.flat_map(|container| container.ports.iter().flatten());
    ports.any(|listed| listed.container_port == i32::from(port))
}

/// Room on the volumes of the product, as each node's kubelet measures it.
async fn volumes(client: &Client, bundle: &mut Bundle, namespaces: &[String]) -> Result<()> {
    let nodes: Api<Node> = Api::all(client.clone());
    let nodes = match nodes.list(&ListParams::default()).await {
        Ok(nodes) => nodes.items,
        Err(error) => {
            bundle.missing("metrics of the nodes", &reason(error));
            return Ok(());
        }
    };
    for node in nodes {
        let name = node.name_any();
        let file = format!("metrics/nodes/{name}.txt");
        match get(client, &format!("/api/v1/nodes/{name}/proxy/metrics")).await {
            Ok(text) => {
                let of_us = |line: &&str| {
                    line.starts_with(OF_VOLUMES)
                        && namespaces
                            .iter()
                            .any(|namespace| line.contains(&format!("namespace=\"{namespace}\"")))
                };
                let lines: Vec<&str> = text.lines().filter(of_us).collect();
                let text = format!("{}\n", lines.join("\n"));
                bundle.add(&file, "room on the product's volumes of a node", text.as_bytes())?;
            }
            Err(error) => bundle.missing(&file, &reason(error)),
        }
    }
    Ok(())
}

async fn get(client: &Client, path: &str) -> std::result::Result<String, kube::Error> {
    let request = http::Request::get(path)
        .body(Vec::new())
        .map_err(|source| kube::Error::Service(source.into()))?;
    client.request_text(request).await
}
