//! Step 3: renders the national plane. Pure, and cannot fail.

use dmp_api::PlatformSpec;
use dmp_api::names::{
    NATIONAL_DATABASES, NATIONAL_NAMESPACE, NATIONAL_SERVICES, group_log_origin, national_log_origin,
};
use serde_json::json;

use super::validate::Valid;
use crate::network_probe;
use crate::plane::{
    Plane, Prepared, config, config_map, database, digest, namespace, network, service, service_account,
};

/// `iss` of the platform's tokens: the gateway's first public name.
pub fn issuer(platform: &PlatformSpec) -> String {
    let name = platform
        .gateway
        .public_names
        .first()
        .map_or(platform.domain.as_str(), String::as_str);
    format!("https://{}", host(name))
}

/// What solutions put before `/fhir`.
fn public_url(platform: &PlatformSpec) -> String {
    match platform.gateway.node_port {
        Some(port) => format!("{}:{port}", issuer(platform)),
        None => issuer(platform),
    }
}

/// IPv6 addresses stand in brackets in a URL.
fn host(name: &str) -> String {
    if name.contains(':') {
        format!("[{name}]")
    } else {
        name.to_owned()
    }
}

/// What shall be. A service appears once its database's Secrets exist.
pub fn build(valid: &Valid) -> Plane<Prepared> {
    let Valid { spec, trust, .. } = valid;
    let ns = NATIONAL_NAMESPACE;
    let mut plane = Plane::new(namespace(ns, None, &valid.asset));
    plane.network_policies = network::national();
    plane
        .network_policies
        .extend(network::telemetry(ns, None, spec.telemetry.as_ref()));
    plane.service_accounts = NATIONAL_SERVICES
        .iter()
        .chain([&network_probe::PROBE])
        .map(|name| service_account(ns, name, None))
        .collect();
    plane
        .service_accounts
        .extend(NATIONAL_DATABASES.map(|cluster| database::service_account(ns, cluster, None)));
    plane.config_maps = vec![trust.config_map(ns, None)];
    plane.databases = NATIONAL_DATABASES
        .iter()
        .map(|cluster| {
            database::cluster(&database::Database {
                namespace: ns,
                name: cluster,
                group: None,
                asset: &valid.asset,
                image: &spec.images.postgres,
                storage_class: spec.storage_class.as_deref(),
                sizing: spec.sizing,
                instances: database::instances(spec.sizing, spec.database_instances),
                storage_gib: volume(spec.sizing),
                nodes: valid.nodes.as_deref(),
            })
        })
        .collect();
    for name in NATIONAL_SERVICES {
        let text = service_config(name, valid);
        let hash = digest(&[&text, &trust.start_hash()]);
        let databases: Vec<&str> = NATIONAL_DATABASES
            .iter()
            .copied()
            .filter(|database| *database == name)
            .collect();
        let public = name == "gateway";
        let replicas = i32::try_from(database::instances(spec.sizing, None)).unwrap_or(1);
        let workload = service::Workload {
            namespace: ns,
            name,
            group: None,
            asset: &valid.asset,
            image: &spec.images.dmp,
            replicas: if public { spec.gateway.replicas } else { replicas },
            databases: &databases,
            config_hash: &hash,
            public,
            cluster: name == "portal",
            memory_limit: "1Gi",
            nodes: valid.nodes.as_deref(),
        };
        plane.config_maps.push(config_map(
            ns,
            &format!("{name}-config"),
            None,
            json!({ "config.toml": text }),
        ));
        plane.services.push(service::service(
            &workload,
            spec.gateway.node_port,
            spec.gateway.guichet_node_port,
        ));
        plane
            .disruption_budgets
            .push(service::disruption_budget(&workload));
        if databases
            .iter()
            .all(|database| valid.databases_started.contains(database))
        {
            plane.deployments.push(service::deployment(&workload));
        }
    }
    plane
}

/// GiB of a national database's volume.
const fn volume(sizing: dmp_api::Sizing) -> i64 {
    match sizing {
        dmp_api::Sizing::Small => 5,
        dmp_api::Sizing::Medium => 200,
        dmp_api::Sizing::Large => 1000,
    }
}

fn service_config(name: &str, valid: &Valid) -> String {
    let spec = &valid.spec;
    let ns = NATIONAL_NAMESPACE;
    let issuer = issuer(spec);
    let mut text = config::service(&config::ServiceSection {
        domain: &spec.domain,
        issuer: &issuer,
        openbao_address: &spec.openbao.address,
        namespace: ns,
        name,
        openbao_namespace: None,
    });
    text += &config::telemetry(spec.telemetry.as_ref());
    if NATIONAL_DATABASES.contains(&name) {
        text += &config::database("database", name, ns);
    }
    match name {
        "gateway" => {
            text += &config::gateway(&spec.gateway.public_names, &public_url(spec));
            text += &config::quotas(&spec.gateway.quotas);
        }
        "consent" => text += &config::consent(),
        "portal" => text += &config::portal(),
        "audit" => {
            for service in ["registry", "consent"] {
                let origin = national_log_origin(&spec.domain, service);
                if let Some(key) = valid.trust.logs.get(&origin) {
                    text += &config::audit_source(&origin, &config::url(service, ns), &key.x);
                }
            }
            for group in &valid.groups {
                let origin = group_log_origin(&spec.domain, group.name.as_str());
                let url = config::url("records", &group.name.namespace());
                text += &config::audit_source(&origin, &url, &group.key.x);
            }
        }
        _ => {}
    }
    text
}
