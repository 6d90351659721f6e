//! Step 3: renders the group's objects. Pure, and cannot fail.

use dmp_api::names::GROUP_DATABASES;
use serde_json::json;

use super::validate::Valid;
use crate::network_probe;
use crate::plane::{
    Plane, Prepared, config, config_map, database, digest, namespace, network, quota, service,
    service_account,
};

/// What shall be. The record store appears once its keys and its databases' Secrets exist.
pub fn build(valid: &Valid) -> Plane<Prepared> {
    let Valid {
        name,
        namespace: ns,
        spec,
        platform,
        ..
    } = valid;
    let group = Some(name.as_str());
    let (records_gib, keystore_gib) = quota::volumes(spec.sizing);
    let instances = database::instances(spec.sizing, spec.database_instances);
    // Twice what the volumes need: a database is restored beside the old one.
    let needed = 2 * instances * (records_gib + keystore_gib);
    let storage = spec
        .quotas
        .as_ref()
        .map(|quotas| quotas.storage_gib)
        .unwrap_or(needed)
        .max(needed);

    let mut plane = Plane::new(namespace(ns, group, &valid.asset));
    plane.quotas = quota::group(ns, name.as_str(), spec.sizing, storage);
    plane.network_policies = network::group(ns, name.as_str());
    plane
        .network_policies
        .extend(network::telemetry(ns, group, platform.telemetry.as_ref()));
    plane.service_accounts = vec![
        service_account(ns, "records", group),
        service_account(ns, network_probe::PROBE, group),
    ];
    plane
        .service_accounts
        .extend(GROUP_DATABASES.map(|cluster| database::service_account(ns, cluster, group)));
    plane.databases = GROUP_DATABASES
        .iter()
        .zip([records_gib, keystore_gib])
        .map(|(cluster, storage_gib)| {
            database::cluster(&database::Database {
                namespace: ns,
                name: cluster,
                group,
                asset: &valid.asset,
                image: &platform.images.postgres,
                storage_class: platform.storage_class.as_deref(),
                sizing: spec.sizing,
                instances,
                storage_gib,
                nodes: valid.nodes.as_deref(),
            })
        })
        .collect();
    let Some(log_key) = valid.log_key.clone() else {
        return plane;
    };

    let origin = dmp_api::names::group_log_origin(&platform.domain, name.as_str());
    let trust = valid.trust.clone().for_group(&origin, log_key);
    let text = records_config(valid);
    plane.config_maps = vec![
        trust.config_map(ns, group),
        config_map(ns, "records-config", group, json!({ "config.toml": text })),
    ];
    let hash = digest(&[&text, &trust.start_hash()]);
    let workload = service::Workload {
        namespace: ns,
        name: "records",
        group,
        asset: &valid.asset,
        image: &platform.images.dmp,
        replicas: i32::try_from(database::instances(spec.sizing, None)).unwrap_or(1),
        databases: &GROUP_DATABASES,
        config_hash: &hash,
        public: false,
        cluster: false,
        memory_limit: "1Gi",
        nodes: valid.nodes.as_deref(),
    };
    plane.services = vec![service::service(&workload, None, None)];
    plane.disruption_budgets = vec![service::disruption_budget(&workload)];
    if valid.databases_started {
        plane.deployments = vec![service::deployment(&workload)];
    }
    plane
}

fn records_config(valid: &Valid) -> String {
    let Valid {
        name,
        namespace: ns,
        spec,
        platform,
        ..
    } = valid;
    let openbao_namespace = name.openbao_namespace();
    let mut text = config::service(&config::ServiceSection {
        domain: &platform.domain,
        issuer: &crate::platform::build::issuer(platform),
        openbao_address: &platform.openbao.address,
        namespace: ns,
        name: "records",
        openbao_namespace: Some(&openbao_namespace),
    });
    text += &config::telemetry(platform.telemetry.as_ref());
    text += &config::database("database", "records", ns);
    text += &config::database("keystore", "keystore", ns);
    text += &config::records(name.as_str(), spec.mode.as_str());
    text
}
