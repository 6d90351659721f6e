//! Logs of the product's containers, this one's and the one before it: by contract nothing personal is in them.

use k8s_openapi::api::core::v1::Pod;
use kube::api::LogParams;
use kube::{Api, Client, ResourceExt as _};

use super::archive::Bundle;
use super::objects::{OWN_PODS, pods, reason};
use super::redact;
use crate::error::Result;

/// Newest lines of a container.
const LINES: i64 = 20_000;
/// The container whose output has its audit log in it.
const OPENBAO: &str = "openbao";

/// Adds them.
///
/// # Errors
/// When the bundle cannot be written.
pub async fn collect(client: &Client, bundle: &mut Bundle, namespaces: &[String], hours: i64) -> Result<()> {
    for namespace in namespaces {
        let api: Api<Pod> = Api::namespaced(client.clone(), namespace);
        for pod in pods(client, bundle, namespace, OWN_PODS).await {
            for container in containers(&pod) {
                for previous in [false, true] {
                    let parameters = LogParams {
                        container: Some(container.clone()),
                        previous,
                        since_seconds: Some(hours * 3600),
                        tail_lines: Some(LINES),
                        timestamps: true,
                        ..LogParams::default()
                    };
                    let end = if previous { ".previous" } else { "" };
                    let name = format!("logs/{namespace}/{}/{container}{end}.log", pod.name_any());
                    match api.logs(&pod.name_any(), &parameters).await {
                        Ok(text) => {
                            let text = if container == OPENBAO {
                                redact::openbao_log(&text)
                            } else {
                                text
                            };
                            bundle.add(&name, "log of a container", text.as_bytes())?;
                        }
                        // no container before this one, or none that has started
                        Err(kube::Error::Api(status)) if matches!(status.code, 400 | 404) => {}
                        Err(error) => bundle.missing(&name, &reason(error)),
                    }
                }
            }
        }
    }
    Ok(())
}

fn containers(pod: &Pod) -> Vec<String> {
    let containers = pod.spec.iter().flat_map(|spec| {
        let first = spec.init_containers.iter().flatten();
        first.chain(&spec.containers)
    });
    containers.map(|container| container.name.clone()).collect()
}
