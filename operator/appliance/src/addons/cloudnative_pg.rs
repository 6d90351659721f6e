//! CloudNativePG's own install manifest, adapted: our images, no throttling, quick probes.
//!
//! The manifest comes with the Go module; only its Deployment is changed, and only these fields.

use std::fs;

use serde_json::{Value, json};

use crate::{
    error::{Error, FileContext, Result},
    images::Images,
    parts::Part,
};

/// The manifest to apply.
pub(super) fn manifest(part: &Part, images: &Images) -> Result<String> {
    let file = part.share("install.yaml");
    let text = fs::read_to_string(&file).on("read", &file)?;
    adapt(&text, images).map_err(|detail| Error::Damaged { path: file, detail })
}

fn adapt(text: &str, images: &Images) -> Result<String, String> {
    let mut adapted = 0;
    let documents: Vec<String> = text
        .split("\n---\n")
        .map(|document| {
            if !document.lines().any(|line| line == "kind: Deployment") {
                return Ok(document.to_owned());
            }
            let mut deployment: Value =
                serde_saphyr::from_str(document).map_err(|error| error.to_string())?;
            adapt_deployment(&mut deployment, images)?;
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

fn adapt_deployment(deployment: &mut Value, images: &Images) -> Result<(), String> {
    let own = &images.cloudnative_pg.reference;
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
        "value": images.postgresql.reference,
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
  template:
    spec:
      containers:
      - name: manager
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
        let adapted = adapt(MANIFEST, &images()).expect("adapted");
        let (namespace, deployment) = adapted.split_once("\n---\n").expect("two documents");
        assert!(MANIFEST.starts_with(namespace), "the rest is untouched");
        assert!(!deployment.contains("somewhere/"));
        assert!(!deployment.contains("100m"));
        let deployment: Value = serde_json::from_str(deployment).expect("JSON");
        let container = &deployment["spec"]["template"]["spec"]["containers"][0];
        assert_eq!(container["image"], images().cloudnative_pg.reference);
        assert_eq!(container["env"][0]["value"], container["image"]);
        assert_eq!(container["env"][1]["value"], images().postgresql.reference);
        assert_eq!(container["startupProbe"]["periodSeconds"], 1);
    }

    #[test]
    fn another_kind_of_manifest_is_refused() {
        assert!(adapt("kind: Namespace", &images()).is_err());
        assert!(adapt("kind: Deployment\nspec: {}", &images()).is_err());
    }
}
