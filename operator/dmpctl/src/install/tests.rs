#![allow(clippy::unwrap_used)]

use super::*;

#[test]
fn the_operator_policy_pins_the_text_that_the_operator_writes() {
    let policy = embedded::text("manifests/openbao/policies/operator.policy").unwrap();
    let pinned = serde_json::to_string(dmp_api::openbao::RECORDS_POLICY).unwrap();
    assert!(policy.contains(&format!("\"policy\" = [{pinned}]")), "{policy}");
}

#[test]
fn nothing_in_the_manifests_of_openbao_is_a_secret() {
    for object in manifests("manifests/openbao").unwrap() {
        assert_ne!(
            object.types.as_ref().unwrap().kind,
            "Secret",
            "{}",
            object.name_any()
        );
    }
}

/// What `kubectl apply -k manifests` would apply is what `dmpctl install` applies: same objects, same content.
#[test]
fn kustomize_renders_the_same_objects() {
    let Some(kubectl) = dmp_testkit::part("kubernetes", "kubectl") else {
        eprintln!("SKIPPED: no built kubectl (`make parts`, or set DMP_PARTS)");
        return;
    };
    let manifests = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../../manifests");
    let ours = ProductImages {
        dmp: format!("registry.dmp.internal/dmp:{}", env!("CARGO_PKG_VERSION")),
        openbao: "registry.dmp.internal/openbao:2.7.2".to_owned(),
    };
    assert_same(kustomize(&kubectl, &manifests), rendered(&ours));

    // An overlay with images of a registry, as docs/install.md shows it.
    let overlay = tempfile::tempdir().unwrap();
    // A base must be named relative to its overlay.
    let depth = overlay.path().canonicalize().unwrap().components().count() - 1;
    let base = format!(
        "{}{}",
        "../".repeat(depth),
        manifests.canonicalize().unwrap().display()
    );
    let base = base.replace("//", "/");
    let digest = "sha256:0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef";
    std::fs::write(
        overlay.path().join("kustomization.yaml"),
        format!(
            "resources: ['{base}']\nimages:\n\
             - {{ name: registry.dmp.internal/dmp, newName: r.example.ma/dmp, newTag: 1-abc, digest: '{digest}' }}\n\
             - {{ name: registry.dmp.internal/openbao, newName: r.example.ma/openbao, newTag: 2-def, digest: '{digest}' }}\n"
        ),
    )
    .unwrap();
    let theirs = ProductImages {
        dmp: format!("r.example.ma/dmp:1-abc@{digest}"),
        openbao: format!("r.example.ma/openbao:2-def@{digest}"),
    };
    assert_same(kustomize(&kubectl, overlay.path()), rendered(&theirs));
}

fn assert_same(theirs: Vec<DynamicObject>, ours: Vec<DynamicObject>) {
    let (theirs, ours) = (by_name(theirs), by_name(ours));
    let names =
        |objects: &std::collections::BTreeMap<String, String>| objects.keys().cloned().collect::<Vec<_>>();
    assert_eq!(names(&theirs), names(&ours));
    for (name, object) in &ours {
        assert_eq!(theirs.get(name), Some(object), "{name}");
    }
}

fn kustomize(kubectl: &std::path::Path, folder: &std::path::Path) -> Vec<DynamicObject> {
    let output = std::process::Command::new(kubectl)
        .arg("kustomize")
        .arg(folder)
        .output()
        .unwrap();
    assert!(
        output.status.success(),
        "{}",
        String::from_utf8_lossy(&output.stderr)
    );
    apply::parse("kustomize", &String::from_utf8(output.stdout).unwrap()).unwrap()
}

fn rendered(images: &ProductImages) -> Vec<DynamicObject> {
    let mut objects = openbao::objects(images, None).unwrap();
    let mut operator = manifests("manifests/operator").unwrap();
    images.put_into(&mut operator);
    objects.append(&mut operator);
    objects.append(&mut manifests("manifests/openreports").unwrap());
    for definition in dmp_api::crds() {
        let mut value = serde_json::to_value(definition).unwrap();
        value["apiVersion"] = "apiextensions.k8s.io/v1".into();
        value["kind"] = "CustomResourceDefinition".into();
        objects.push(serde_json::from_value(value).unwrap());
    }
    objects
}

fn by_name(objects: Vec<DynamicObject>) -> std::collections::BTreeMap<String, String> {
    let count = objects.len();
    let named: std::collections::BTreeMap<String, String> = objects
        .into_iter()
        .map(|object| {
            let kind = object.types.as_ref().unwrap().kind.clone();
            let name = format!(
                "{kind} {}/{}",
                object.namespace().unwrap_or_default(),
                object.name_any()
            );
            (name, sorted(serde_json::to_value(&object).unwrap()).to_string())
        })
        .collect();
    assert_eq!(named.len(), count, "no object twice");
    named
}

/// The order of keys says nothing, nor does `1.0` for `1`, nor a line break in a CEL expression (readers of YAML fold
/// lines that are indented further in two ways).
fn sorted(value: serde_json::Value) -> serde_json::Value {
    use serde_json::Value;
    match value {
        Value::Object(map) => {
            let ordered: std::collections::BTreeMap<String, Value> = map
                .into_iter()
                .map(|(key, value)| match value {
                    Value::String(text) if key == "expression" => {
                        let words: Vec<&str> = text.split_whitespace().collect();
                        (key, Value::String(words.join(" ")))
                    }
                    value => (key, sorted(value)),
                })
                .collect();
            Value::Object(ordered.into_iter().collect())
        }
        Value::Array(list) => Value::Array(list.into_iter().map(sorted).collect()),
        Value::Number(number) => serde_json::json!(number.as_f64()),
        other => other,
    }
}
