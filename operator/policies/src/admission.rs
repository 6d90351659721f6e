//! The product's admission policies as this release has them, and as a page (`docs/security/admission.md`): what is refused
//! where, with the sentence that is read, and which controls it serves.
//!
//! Not here: whether a cluster has them (`dmp-evaluator`).

use std::fmt::Write as _;

use serde_json::Value;

use crate::control::By;
use crate::load::Catalogue;
use crate::page::cell;

macro_rules! manifest {
    ($name:literal) => {
        (
            $name,
            include_str!(concat!("../../../manifests/operator/", $name)),
        )
    };
}

/// Files of `manifests/operator` with admission policies and their bindings: name, text.
pub const MANIFESTS: [(&str, &str); 6] = [
    manifest!("admission.yaml"),
    manifest!("admission-access.yaml"),
    manifest!("admission-network.yaml"),
    manifest!("admission-product.yaml"),
    manifest!("admission-secrets.yaml"),
    manifest!("admission-workloads.yaml"),
];

const HEAD: &str = "# What the API server refuses

Made from `manifests/operator/admission*.yaml` and `policies/controls` (`make controls`): do not edit.

Each line is a ValidatingAdmissionPolicy with a binding that denies, and `failurePolicy: Fail`: what cannot be judged is refused too. `kubectl` shows the sentence. The cases that pass and the cases that are refused are in
`operator/controller/tests/operator/admission*.rs`, on a real API server. Pod Security (`restricted`, by the label of each namespace) comes beside them. Who may install (verb `install` on `platforms.dmp.ma`) is excepted where a
sentence says so. Nothing can guard these policies themselves: the evaluator compares them with the release (DMP-WRK-05), and who changes one leaves a finding ([kubernetes-audit.md](kubernetes-audit.md)).

| policy | refuses, unless its rule holds | where | what is read | controls |
|---|---|---|---|---|
";

/// Objects of a manifest; none of one that is not YAML, which the tests exclude.
pub fn documents(text: &str) -> Vec<Value> {
    serde_saphyr::from_multiple(text).unwrap_or_default()
}

/// Markdown of every policy, in the order of the manifests.
pub fn page(catalogue: &Catalogue) -> String {
    let mut page = HEAD.to_owned();
    for (file, text) in MANIFESTS {
        let documents = documents(text);
        let policies = documents
            .iter()
            .filter(|document| document["kind"] == "ValidatingAdmissionPolicy");
        for policy in policies {
            let name = policy["metadata"]["name"].as_str().unwrap_or_default();
            let matched = &policy["spec"]["matchConstraints"];
            let _ = writeln!(
                page,
                "| [`{name}`](../../manifests/operator/{file}) | {} | {} | {} | {} |",
                cell(&requests(matched)),
                cell(&places(matched)),
                cell(&sentences(&policy["spec"]["validations"])),
                controls(catalogue, name),
            );
        }
    }
    page
}

fn items(list: &Value) -> impl Iterator<Item = &Value> {
    list.as_array().into_iter().flatten()
}

fn words(list: &Value) -> Vec<&str> {
    items(list).filter_map(Value::as_str).collect()
}

/// `create, update: services`.
fn requests(matched: &Value) -> String {
    let rule = |rule: &Value| {
        let operations = words(&rule["operations"]).join(", ").to_lowercase();
        let names = words(&rule["resourceNames"]);
        let only = match names.as_slice() {
            [] => String::new(),
            [one] => format!(" `{one}`"),
            some => format!(" (the {} of the product)", some.len()),
        };
        format!("{operations}: {}{only}", words(&rule["resources"]).join(", "))
    };
    let rules: Vec<_> = items(&matched["resourceRules"]).map(rule).collect();
    rules.join("; ")
}

/// By the labels of namespaces and of objects.
fn places(matched: &Value) -> String {
    let labels = |selector: &Value| {
        let labels = selector["matchLabels"].as_object();
        let labels = labels.into_iter().flatten();
        let mut said: Vec<_> = labels
            .map(|(name, value)| format!("`{name}={}`", value.as_str().unwrap_or_default()))
            .collect();
        said.extend(items(&selector["matchExpressions"]).map(|one| {
            let name = one["key"].as_str().unwrap_or_default();
            let operator = one["operator"].as_str().unwrap_or_default();
            format!("`{name}` {operator} {}", words(&one["values"]).join(", "))
        }));
        said.join(", ")
    };
    let namespaces = labels(&matched["namespaceSelector"]);
    let objects = labels(&matched["objectSelector"]);
    match (namespaces.as_str(), objects.as_str()) {
        ("", "") => "everywhere".to_owned(),
        ("`app.kubernetes.io/part-of=dmp`", "") => "namespaces of the platform".to_owned(),
        (_, "") => format!("namespaces with {namespaces}"),
        ("", _) => format!("objects with {objects}"),
        _ => format!("objects with {objects}, in namespaces with {namespaces}"),
    }
}

fn sentences(validations: &Value) -> String {
    let mut said = Vec::new();
    for validation in items(validations) {
        let message = validation["message"].as_str().unwrap_or("(composed)");
        if !said.contains(&message) {
            said.push(message);
        }
    }
    said.join("; ")
}

fn controls(catalogue: &Catalogue, policy: &str) -> String {
    let named = catalogue.controls().iter().filter(|control| {
        let mut by = control.implementation.by.iter();
        by.any(|by| matches!(by, By::Policy(name) if name == policy))
    });
    named
        .map(|control| control.id.as_str())
        .collect::<Vec<_>>()
        .join(", ")
}
