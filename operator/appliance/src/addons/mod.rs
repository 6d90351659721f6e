//! What every DMP needs inside Kubernetes before the product: names, volumes, databases.
//!
//! The manifests are applied as one piece when they differ from what was applied last; a hash in the
//! ConfigMap `kube-system/dmp-appliance` remembers that.

pub mod cloudnative_pg;

use std::time::Duration;

use serde_json::json;

use crate::{
    addresses::AddressPlan,
    digest::sha256,
    error::{Error, Result},
    images::Images,
    kubectl::Kubectl,
    parts::Parts,
    paths::Paths,
    progress::Progress,
    template,
};

const BASE: &str = include_str!("../../files/base.yaml");
const COREDNS: &str = include_str!("../../files/coredns.yaml");
const STORAGE: &str = include_str!("../../files/storage.yaml");

/// Namespace and name of each Deployment of the addons.
const DEPLOYMENTS: [(&str, &str); 3] = [
    ("kube-system", "coredns"),
    ("dmp-storage", "local-path-provisioner"),
    ("cnpg-system", "cnpg-controller-manager"),
];

const READY_WITHIN: Duration = Duration::from_secs(180);

/// Applies the addons if they changed and waits until they work.
pub(crate) async fn install(
    kubectl: &Kubectl,
    paths: &Paths,
    plan: &AddressPlan,
    parts: &Parts,
    images: &Images,
    progress: &Progress,
) -> Result<()> {
    let step = progress.step("addons");
    let manifests = [
        BASE.to_owned(),
        coredns(plan, images)?,
        storage(paths, plan, images)?,
        databases(plan, parts, images)?,
    ]
    .join("\n---\n");
    let wanted = sha256(manifests.as_bytes());
    if applied(kubectl).await.as_deref() != Some(wanted.as_str()) {
        step.at("applying");
        kubectl.apply("apply the addons", &manifests).await?;
    }
    for (namespace, name) in DEPLOYMENTS {
        step.at(format!("waiting for {name}"));
        kubectl.rollout(namespace, name, READY_WITHIN).await?;
    }
    let memory = json!({
        "apiVersion": "v1",
        "kind": "ConfigMap",
        "metadata": { "name": "dmp-appliance", "namespace": "kube-system" },
        "data": { "addons": wanted },
    });
    kubectl.apply("remember the addons", &memory.to_string()).await?;
    step.done();
    Ok(())
}

/// Hash of the manifests that were applied last, while all their Deployments exist.
async fn applied(kubectl: &Kubectl) -> Option<String> {
    for (namespace, name) in DEPLOYMENTS {
        let target = format!("deployment/{name}");
        kubectl
            .run("look for an addon", &["--namespace", namespace, "get", &target])
            .await
            .ok()?;
    }
    kubectl
        .run(
            "read what was applied",
            &[
                "--namespace=kube-system",
                "get",
                "configmap/dmp-appliance",
                "--output=jsonpath={.data.addons}",
            ],
        )
        .await
        .ok()
}

fn databases(plan: &AddressPlan, parts: &Parts, images: &Images) -> Result<String> {
    let manifest = cloudnative_pg::manifest(&parts.cloudnative_pg, images)?;
    if !plan.has_spare_nodes() {
        return Ok(manifest);
    }
    cloudnative_pg::survive_node_loss(&manifest).map_err(|detail| Error::Damaged {
        path: parts.cloudnative_pg.folder.clone(),
        detail,
    })
}

fn coredns(plan: &AddressPlan, images: &Images) -> Result<String> {
    template::fill(
        COREDNS,
        &[
            ("coredns", &images.coredns.reference),
            ("dns", &plan.dns().to_string()),
            ("replicas", if plan.has_spare_nodes() { "2" } else { "1" }),
        ],
    )
}

fn storage(paths: &Paths, plan: &AddressPlan, images: &Images) -> Result<String> {
    let folders: Vec<_> = plan
        .nodes
        .iter()
        .map(|node| json!({ "node": node.name, "paths": [paths.volumes(&node.name)] }))
        .collect();
    template::fill(
        STORAGE,
        &[
            ("volumes", &json!({ "nodePathMap": folders }).to_string()),
            ("busybox", &images.busybox.reference),
            ("local-path-provisioner", &images.local_path_provisioner.reference),
        ],
    )
}

#[cfg(test)]
mod tests {
    use serde_json::Value;

    use super::*;
    use crate::images::tests::images;

    fn documents(text: &str) -> Vec<Value> {
        text.split("\n---\n")
            .map(|document| serde_saphyr::from_str(document).expect("a document"))
            .collect()
    }

    #[test]
    fn every_image_is_our_own_and_never_pulled() {
        let plan = AddressPlan::new(0, 2);
        let paths = Paths::of(&"dmp".parse().expect("a name"));
        let text = [
            coredns(&plan, &images()).expect("filled"),
            storage(&paths, &plan, &images()).expect("filled"),
        ]
        .join("\n---\n");
        for line in text.lines().filter(|line| line.contains("image: ")) {
            assert!(line.contains("\"registry.dmp.internal/"), "{line}");
        }
        assert_eq!(
            text.matches("image: ").count(),
            text.matches("imagePullPolicy: IfNotPresent").count()
        );
        assert!(documents(&text).len() > 10);
    }

    #[test]
    fn each_node_has_a_folder_for_volumes() {
        let plan = AddressPlan::new(0, 2);
        let paths = Paths::of(&"dmp".parse().expect("a name"));
        let text = storage(&paths, &plan, &images()).expect("filled");
        let config = documents(&text)
            .into_iter()
            .find(|document| document["kind"] == "ConfigMap")
            .expect("a configuration");
        let config: Value =
            serde_json::from_str(config["data"]["config.json"].as_str().expect("JSON")).expect("JSON");
        assert_eq!(config["nodePathMap"][1]["node"], "node-2");
        assert_eq!(
            config["nodePathMap"][1]["paths"][0],
            "/var/lib/dmp/dmp/volumes/node-2"
        );
    }
}
