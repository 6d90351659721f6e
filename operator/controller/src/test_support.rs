//! Objects for the tests of pure steps: the samples of `manifests/samples`, and a trust that never was.

#![allow(clippy::unwrap_used)]

use std::marker::PhantomData;
use std::path::Path;

use dmp_core::token::PublicKey;
use serde::de::DeserializeOwned;

use crate::plane::trust::Trust;
use crate::plane::{Applied, Object, Plane, Prepared};

/// The objects of one kind in a sample file.
pub fn sample<K: DeserializeOwned>(file: &str, kind: &str) -> Vec<K> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("../../manifests/samples")
        .join(file);
    std::fs::read_to_string(path)
        .unwrap()
        .split("\n---\n")
        .map(|text| serde_saphyr::from_str::<serde_json::Value>(text).unwrap())
        .filter(|object| object["kind"] == kind)
        .map(|object| serde_json::from_value(object).unwrap())
        .collect()
}

pub fn key(kid: &str) -> PublicKey {
    PublicKey {
        kid: kid.to_owned(),
        x: format!("x-of-{kid}"),
    }
}

pub fn trust() -> Trust {
    Trust {
        ca: "root\n".to_owned(),
        solutions_ca: "solutions\n".to_owned(),
        openbao_ca: "openbao\n".to_owned(),
        token: vec![key("token-v1")],
        facts: vec![key("facts-v1")],
        label: vec![key("label-v1")],
        sandbox: vec![key("sandbox-people-v1")],
        logs: ["registry", "consent", "audit"]
            .map(|name| (format!("dmp.test/log/{name}"), key(&format!("log-{name}-v1"))))
            .into(),
    }
}

/// Everything a plane renders, in apply order, as one YAML text.
pub fn yaml(plane: &Plane<Prepared>) -> String {
    objects(plane)
        .map(|object| dmp_api::yaml::to_string(&object.body).unwrap())
        .collect::<Vec<_>>()
        .join("---\n")
}

pub fn objects<S>(plane: &Plane<S>) -> impl Iterator<Item = &Object> {
    let Plane {
        namespace,
        quotas,
        network_policies,
        service_accounts,
        config_maps,
        databases,
        services,
        disruption_budgets,
        deployments,
        state: _,
    } = plane;
    std::iter::once(namespace)
        .chain(quotas)
        .chain(network_policies)
        .chain(service_accounts)
        .chain(config_maps)
        .chain(databases)
        .chain(services)
        .chain(disruption_budgets)
        .chain(deployments)
}

/// As if the API server had taken it, with databases and services up or not.
pub fn applied(plane: Plane<Prepared>, databases_up: bool, services_up: bool) -> Plane<Applied> {
    let up = |mut objects: Vec<Object>, status: serde_json::Value, is: bool| {
        if is {
            objects
                .iter_mut()
                .for_each(|object| object.body["status"] = status.clone());
        }
        objects
    };
    let Plane {
        namespace,
        quotas,
        network_policies,
        service_accounts,
        config_maps,
        databases,
        services,
        disruption_budgets,
        deployments,
        state: _,
    } = plane;
    Plane {
        namespace,
        quotas,
        network_policies,
        service_accounts,
        config_maps,
        databases: up(
            databases,
            serde_json::json!({ "readyInstances": 1, "phase": "up" }),
            databases_up,
        ),
        services,
        disruption_budgets,
        deployments: up(
            deployments,
            serde_json::json!({ "observedGeneration": 1, "updatedReplicas": 2, "availableReplicas": 2 }),
            services_up,
        ),
        state: PhantomData,
    }
}
