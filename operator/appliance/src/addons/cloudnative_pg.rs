//! CloudNativePG's own install manifest, adapted: our images, no throttling, quick probes.
//!
//! With spare nodes the operator gets a second replica, a short lease, and gives up connections to a lost node
//! after seconds: its calls to the instances there would else hold up the failover for half a minute. That
//! kernel parameter is none that Pod Security knows, so the namespace, which holds the operator alone, is
//! exempt. The manifest comes with the Go module; nothing else of it is changed.

use std::fs;

use serde_json::{Value, json};

use crate::{
    error::{Error, FileContext, Result},
    images::Images,
    node::kubelet::RETRIES,
    parts::Part,
};

/// How soon the second replica takes over, in seconds.
const LEASE: [(&str, u32); 2] = [("leader-lease-duration", 6), ("leader-renew-deadline", 4)];

/// The manifest to apply.
pub(crate) fn manifest(part: &Part, images: &Images) -> Result<String> {
    let file = part.share("install.yaml");
    let text = fs::read_to_string(&file).on("read", &file)?;
    let (own, postgresql) = (&images.cloudnative_pg.reference, &images.postgresql.reference);
    adapt(&text, own, postgresql).map_err(|detail| Error::Damaged { path: file, detail })
}

/// The text of the manifest with `own` as the image of its operator, and `postgresql` for a Cluster that names none.
///
/// # Errors
/// What about the text is not as expected.
pub fn adapt(text: &str, own: &str, postgresql: &str) -> Result<String, String> {
    let mut adapted = 0;
    let is_deployment = |document: &&str| document.lines().any(|line| line == "kind: Deployment");
    // Last: an operator that started before its webhooks were there was seen to hang until its startup probe ended it.
    let (deployments, others): (Vec<&str>, Vec<&str>) = text.split("\n---\n").partition(is_deployment);
    let documents: Vec<String> = others
        .into_iter()
        .chain(deployments)
        .map(|document| {
            if !is_deployment(&document) {
                return Ok(document.to_owned());
            }
            let mut deployment = read(document)?;
            adapt_deployment(&mut deployment, own, postgresql)?;
            adapted += 1;
            Ok(deployment.to_string())
        })
        .collect::<Result<_, String>>()?;
    if adapted == 1 {
        Ok(documents.join("\n---\n"))
    } else {
        Err(format!("it has {adapted} Deployments instead of one"))
    }
}

/// The adapted manifest for a cluster that is to survive the loss of a node.
pub(super) fn survive_node_loss(manifest: &str) -> Result<String, String> {
    let (mut deployments, mut namespaces) = (0, 0);
    let documents: Vec<String> = manifest
        .split("\n---\n")
        .map(|document| {
            let is = |start: &str| document.lines().any(|line| line.starts_with(start));
            if is("kind: Namespace") {
                namespaces += 1;
                let mut namespace = read(document)?;
                namespace["metadata"]["labels"]["pod-security.kubernetes.io/enforce"] = json!("privileged");
                return Ok(namespace.to_string());
            }
            // Adapted ones are JSON.
            if !is("{") {
                return Ok(document.to_owned());
            }
            deployments += 1;
            let mut deployment = read(document)?;
            double(&mut deployment)?;
            Ok(deployment.to_string())
        })
        .collect::<Result<_, String>>()?;
    if deployments == 1 && namespaces == 1 {
        Ok(documents.join("\n---\n"))
    } else {
        Err(format!(
            "it has {deployments} Deployments and {namespaces} namespaces instead of one each"
        ))
    }
}

fn read(document: &str) -> Result<Value, String> {
    serde_saphyr::from_str(document).map_err(|error| error.to_string())
}

fn double(deployment: &mut Value) -> Result<(), String> {
    deployment["spec"]["replicas"] = json!(2);
    let labels = deployment["spec"]["selector"].clone();
    let pod = &mut deployment["spec"]["template"]["spec"];
    pod["securityContext"]["sysctls"] = json!([{ "name": RETRIES, "value": "3" }]);
    pod["topologySpreadConstraints"] = json!([{
        "maxSkew": 1,
        "topologyKey": "kubernetes.io/hostname",
        "whenUnsatisfiable": "DoNotSchedule",
        "labelSelector": labels,
    }]);
    let arguments = pod["containers"][0]["args"]
        .as_array_mut()
        .ok_or("its container has no arguments")?;
    arguments.extend(LEASE.map(|(name, seconds)| json!(format!("--{name}={seconds}"))));
    Ok(())
}

fn adapt_deployment(deployment: &mut Value, own: &str, postgresql: &str) -> Result<(), String> {
    let container = deployment
        .pointer_mut("/spec/template/spec/containers/0")
        .and_then(Value::as_object_mut)
        .ok_or("its Deployment has no container")?;
    container.insert("image".to_owned(), json!(own));
    container.insert("imagePullPolicy".to_owned(), json!("IfNotPresent"));
    // The limit of a tenth of a processor would make every database wait.
    container.insert(
        "resources".to_owned(),
        json!({
            "requests": { "cpu": "50m", "memory": "100Mi" },
            "limits": { "memory": "300Mi" },
        }),
    );
    for probe in ["startupProbe", "readinessProbe"] {
        if let Some(probe) = container.get_mut(probe).and_then(Value::as_object_mut) {
            probe.insert("periodSeconds".to_owned(), json!(1));
            probe.insert("failureThreshold".to_owned(), json!(60));
        }
    }
    let environment = container
        .get_mut("env")
        .and_then(Value::as_array_mut)
        .ok_or("its container has no environment")?;
    for variable in environment.iter_mut() {
        if variable["name"] == "OPERATOR_IMAGE_NAME" {
            variable["value"] = json!(own);
        }
    }
    // For a Cluster that names no image.
    environment.push(json!({
        "name": "POSTGRES_IMAGE_NAME",
        "value": postgresql,
    }));
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::images::tests::images;

    const MANIFEST: &str = "\
apiVersion: v1
kind: Namespace
metadata:
  name: cnpg-system
---
apiVersion: apps/v1
kind: Deployment
spec:
  replicas: 1
  selector:
    matchLabels:
      app.kubernetes.io/name: cloudnative-pg
  template:
    spec:
      securityContext:
        runAsNonRoot: true
      containers:
      - name: manager
        args: [controller, --leader-elect]
        image: somewhere/cloudnative-pg:1
        imagePullPolicy: Always
        env:
        - name: OPERATOR_IMAGE_NAME
          value: somewhere/cloudnative-pg:1
        startupProbe:
          periodSeconds: 5
        resources:
          limits:
            cpu: 100m";

    #[test]
    fn the_operator_runs_from_our_image_and_hands_it_on() {
        let images = images();
        let adapted = adapt(
            MANIFEST,
            &images.cloudnative_pg.reference,
            &images.postgresql.reference,
        )
        .expect("adapted");
        let (namespace, deployment) = adapted.split_once("\n---\n").expect("two documents");
        assert!(MANIFEST.starts_with(namespace), "the rest is untouched");
        assert!(!deployment.contains("somewhere/"));
        assert!(!deployment.contains("100m"));
        let deployment: Value = serde_json::from_str(deployment).expect("JSON");
        let container = &deployment["spec"]["template"]["spec"]["containers"][0];
        assert_eq!(container["image"], images.cloudnative_pg.reference);
        assert_eq!(container["env"][0]["value"], container["image"]);
        assert_eq!(container["env"][1]["value"], images.postgresql.reference);
        assert_eq!(container["startupProbe"]["periodSeconds"], 1);
    }

    #[test]
    fn with_spare_nodes_the_operator_survives_the_loss_of_one() {
        let adapted = adapt(MANIFEST, "a", "b").expect("adapted");
        let adapted = survive_node_loss(&adapted).expect("adapted");
        let (namespace, deployment) = adapted.split_once("\n---\n").expect("two documents");
        assert!(namespace.contains(r#""pod-security.kubernetes.io/enforce":"privileged""#));
        let deployment: Value = serde_json::from_str(deployment).expect("JSON");
        assert_eq!(deployment["spec"]["replicas"], 2);
        let pod = &deployment["spec"]["template"]["spec"];
        assert_eq!(pod["securityContext"]["sysctls"][0]["value"], "3");
        assert_eq!(pod["securityContext"]["runAsNonRoot"], true);
        assert_eq!(
            pod["topologySpreadConstraints"][0]["labelSelector"],
            deployment["spec"]["selector"]
        );
        let arguments = pod["containers"][0]["args"].as_array().expect("arguments");
        assert_eq!(arguments[0], "controller");
        assert_eq!(arguments[2], "--leader-lease-duration=6");
        assert!(survive_node_loss("kind: Namespace").is_err());
    }

    #[test]
    fn another_kind_of_manifest_is_refused() {
        assert!(adapt("kind: Namespace", "a", "b").is_err());
        assert!(adapt("kind: Deployment\nspec: {}", "a", "b").is_err());
    }
}
