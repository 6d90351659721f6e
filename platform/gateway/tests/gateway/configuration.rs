//! The configuration of the gateway that runs here.

use std::time::Duration;

use dmp_client::quota::Quotas;
use dmp_gateway::config::{Config, GatewayConfig};
use dmp_testkit::{Bao, DOMAIN};
use serde_json::json;

use crate::operator::Operator;
use crate::stub::Stub;

pub fn config(
    bao: &Bao,
    trust_dir: &std::path::Path,
    operator: &Operator,
    [registry, consent, audit, portal]: [&Stub; 4],
    quotas: Quotas,
) -> Config {
    let service = json!({
        "domain": DOMAIN,
        "name": "gateway",
        "namespace": "dmp-national",
        "trust_dir": trust_dir,
        "openbao": bao.config(None),
    });
    Config {
        service: serde_json::from_value(service).unwrap(),
        gateway: GatewayConfig {
            public_listen: ([127, 0, 0, 1], 0).into(),
            guichet_listen: ([127, 0, 0, 1], 0).into(),
            public_names: vec!["localhost".to_owned()],
            public_url: None,
            operator_urls: vec![operator.service.base()],
            facts_seen: None,
            registry_url: registry.service.base(),
            consent_url: consent.service.base(),
            audit_url: audit.service.base(),
            portal_url: portal.service.base(),
            upstream_timeout: Duration::from_secs(5),
            body_memory: 256 * 1024 * 1024,
            quotas,
        },
    }
}
