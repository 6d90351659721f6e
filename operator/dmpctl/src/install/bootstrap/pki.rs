//! The root CA, its two intermediates, the conformance suite's own authority, and the roles certificates are signed by
//! (`docs/interfaces.md`, Identities).
//!
//! The root's key is made in OpenBao, given to the person who installs, and removed from OpenBao when both
//! intermediates are signed: whoever takes the cluster cannot make another platform out of it.

use serde_json::{Value, json};

use super::client::{OpenBao, OpenBaoError, string};
use super::custody::Custody;
use super::{BootstrapError, Plan};

/// Ten years.
const ROOT_TTL: &str = "87600h";
/// Five years.
const INTERMEDIATE_TTL: &str = "43800h";
/// Addresses a gateway may be reached at unless more are named: loopback, private, link-local ranges.
const PRIVATE_RANGES: [&str; 6] = [
    "127.0.0.0/8",
    "10.0.0.0/8",
    "172.16.0.0/12",
    "192.168.0.0/16",
    "::1/128",
    "fc00::/7",
];

/// Root and intermediates, anew: it runs only while nothing has been issued yet.
pub(super) async fn authorities(bao: &OpenBao, custody: &Custody) -> Result<(), BootstrapError> {
    // Left-overs of an interrupted run.
    for mount in ["pki-root", "pki-services", "pki-solutions", "pki-suite"] {
        bao.delete(&format!("{mount}/root")).await?;
    }
    let path = "pki-root/root/generate/exported";
    let root = bao
        .write(
            path,
            &json!({
                "common_name": "DMP root CA",
                "issuer_name": "root",
                "key_name": "root",
                "key_type": "ec",
                "key_bits": 384,
                "ttl": ROOT_TTL,
                "max_path_length": 1,
            }),
        )
        .await?;
    let certificate = string(path, &root, "/data/certificate", "certificate")?;
    let key = string(path, &root, "/data/private_key", "private_key")?;
    custody
        .write_root(&certificate, &key)
        .map_err(BootstrapError::Custody)?;
    intermediate(bao, &certificate, "pki-services", "DMP services CA").await?;
    intermediate(bao, &certificate, "pki-solutions", "DMP solutions CA").await?;
    only_certificate_of_root(bao, &certificate).await?;
    // No certificate of the platform: a body's, in `Platform.spec.bodies`. Its key never leaves OpenBao.
    let suite = json!({
        "common_name": "DMP conformance suite CA",
        "key_type": "ec",
        "key_bits": 256,
        "ttl": INTERMEDIATE_TTL,
        "max_path_length": 0,
    });
    bao.write("pki-suite/root/generate/internal", &suite).await?;
    Ok(())
}

async fn intermediate(bao: &OpenBao, root: &str, mount: &str, name: &str) -> Result<(), OpenBaoError> {
    let path = format!("{mount}/intermediate/generate/internal");
    let request = bao
        .write(
            &path,
            &json!({ "common_name": name, "key_type": "ec", "key_bits": 256, "key_name": "ca" }),
        )
        .await?;
    let csr = string(&path, &request, "/data/csr", "csr")?;
    let path = "pki-root/root/sign-intermediate";
    let signed = bao
        .write(
            path,
            &json!({
                "csr": csr,
                "common_name": name,
                "ttl": INTERMEDIATE_TTL,
                "max_path_length": 0,
                "use_csr_values": false,
            }),
        )
        .await?;
    let certificate = string(path, &signed, "/data/certificate", "certificate")?;
    let path = format!("{mount}/intermediate/set-signed");
    bao.write(&path, &json!({ "certificate": format!("{certificate}\n{root}") }))
        .await?;
    Ok(())
}

/// Removes the root's key and leaves its certificate as the default issuer, readable by everybody.
async fn only_certificate_of_root(bao: &OpenBao, certificate: &str) -> Result<(), OpenBaoError> {
    bao.delete("pki-root/root").await?;
    let path = "pki-root/issuers/import/cert";
    let imported = bao.write(path, &json!({ "pem_bundle": certificate })).await?;
    let issuer = string(path, &imported, "/data/imported_issuers/0", "imported_issuers")?;
    bao.write("pki-root/config/issuers", &json!({ "default": issuer }))
        .await?;
    Ok(())
}

/// Roles; writing them again changes nothing.
pub(super) async fn roles(bao: &OpenBao, plan: &Plan) -> Result<(), OpenBaoError> {
    let path = "sys/auth";
    let methods = bao.read(path).await?;
    let accessor = string(
        path,
        &methods,
        "/data/kubernetes~1/accessor",
        "kubernetes/ accessor",
    )?;
    bao.write("pki-services/roles/service", &service_role(&accessor, plan))
        .await?;
    bao.write("pki-services/roles/gateway", &gateway_role(&accessor, plan))
        .await?;
    bao.write("pki-solutions/roles/solution", &solution_role(plan))
        .await?;
    bao.write("pki-solutions/config/crl", &revocation_list()).await?;
    bao.write("pki-suite/roles/suite", &suite_role()).await?;
    Ok(())
}

/// Names follow from who is logged in: no service can have another's certificate.
fn service_role(accessor: &str, plan: &Plan) -> Value {
    let of = |field: &str| format!("{{{{identity.entity.aliases.{accessor}.metadata.{field}}}}}");
    let (namespace, name) = (of("service_account_namespace"), of("service_account_name"));
    json!({
        "allowed_domains": [
            format!("{name}.{namespace}.svc"),
            format!("{name}.{namespace}.svc.cluster.local"),
            format!("{name}.{namespace}"),
        ],
        "allowed_domains_template": true,
        "allow_bare_domains": true,
        "allow_subdomains": false,
        "allow_glob_domains": false,
        "allow_wildcard_certificates": false,
        "allow_any_name": false,
        "allow_localhost": false,
        "allow_ip_sans": false,
        "allowed_uri_sans": [format!("spiffe://{}/ns/{namespace}/sa/{name}", plan.domain)],
        "allowed_uri_sans_template": true,
        "require_cn": false,
        "use_csr_common_name": false,
        "use_csr_sans": true,
        "key_type": "any",
        "key_usage": ["DigitalSignature"],
        "server_flag": true,
        "client_flag": true,
        "ttl": "1h",
        "max_ttl": "1h",
        "not_before_duration": "30s",
        "no_store": true,
    })
}

/// As a service, and the public names: those of the platform's domain, those named at installation, private addresses.
fn gateway_role(accessor: &str, plan: &Plan) -> Value {
    let mut role = service_role(accessor, plan);
    let (addresses, names): (Vec<_>, Vec<_>) = plan
        .public_names
        .iter()
        .partition(|name| name.parse::<std::net::IpAddr>().is_ok());
    if let Some(Value::Array(domains)) = role.get_mut("allowed_domains") {
        domains.push(json!(plan.domain));
        domains.extend(names.iter().map(|name| json!(name)));
    }
    let ranges = PRIVATE_RANGES.iter().map(|range| (*range).to_owned());
    let named = addresses
        .iter()
        .map(|ip| format!("{ip}/{}", if ip.contains(':') { 128 } else { 32 }));
    if let Value::Object(fields) = &mut role {
        fields.insert("allow_subdomains".to_owned(), json!(true));
        fields.insert("allow_localhost".to_owned(), json!(true));
        fields.insert("allow_ip_sans".to_owned(), json!(true));
        fields.insert(
            "allowed_ip_sans_cidr".to_owned(),
            json!(ranges.chain(named).collect::<Vec<_>>()),
        );
    }
    role
}

/// Only the operator may use it; names come from it, never from the CSR.
fn solution_role(plan: &Plan) -> Value {
    json!({
        "allowed_uri_sans": [format!("spiffe://{}/credential/*", plan.domain)],
        "allow_any_name": false,
        "allow_localhost": false,
        "allow_ip_sans": false,
        "allow_wildcard_certificates": false,
        "require_cn": false,
        "use_csr_common_name": false,
        "use_csr_sans": false,
        "key_type": "any",
        "key_usage": ["DigitalSignature"],
        "server_flag": false,
        "client_flag": true,
        "ttl": "2160h",
        "max_ttl": "2160h",
        "not_before_duration": "30s",
        "no_store": true,
    })
}

/// The complete list is made anew in time, and within about a minute (OpenBao looks once in each) a delta with what was revoked since: a vendor with very many certificates
/// costs no list for each of them.
fn revocation_list() -> Value {
    json!({
        "expiry": "72h",
        "auto_rebuild": true,
        "auto_rebuild_grace_period": "12h",
        "enable_delta": true,
        "delta_rebuild_interval": "10s",
    })
}

/// Only the portal may use it; the subject is always the suite.
fn suite_role() -> Value {
    json!({
        "allow_any_name": true,
        "enforce_hostnames": false,
        "allow_localhost": false,
        "allow_ip_sans": false,
        "allow_wildcard_certificates": false,
        "allowed_serial_numbers": ["dmp-suite"],
        "organization": ["DMP conformance suite"],
        "use_csr_common_name": false,
        "use_csr_sans": false,
        "key_type": "any",
        "key_usage": ["DigitalSignature"],
        "server_flag": false,
        "client_flag": false,
        "ttl": "24h",
        "max_ttl": "24h",
        "not_before_duration": "30s",
        "no_store": true,
    })
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    fn plan() -> Plan {
        Plan {
            domain: "dmp.test".into(),
            public_names: vec!["dmp.example.ma".into(), "196.200.1.2".into()],
            demonstration: false,
        }
    }

    #[test]
    fn a_service_gets_its_own_names_only() {
        let role = service_role("acc", &plan());
        let uri = role.pointer("/allowed_uri_sans/0").unwrap().as_str().unwrap();
        assert_eq!(
            uri,
            "spiffe://dmp.test/ns/{{identity.entity.aliases.acc.metadata.service_account_namespace}}/sa/{{identity.entity.aliases.acc.metadata.service_account_name}}"
        );
        assert_eq!(role["allow_ip_sans"], false);
    }

    #[test]
    fn the_gateway_gets_the_public_names_beside() {
        let role = gateway_role("acc", &plan());
        let domains = role["allowed_domains"].as_array().unwrap();
        assert!(domains.contains(&json!("dmp.test")) && domains.contains(&json!("dmp.example.ma")));
        assert!(
            role["allowed_ip_sans_cidr"]
                .as_array()
                .unwrap()
                .contains(&json!("196.200.1.2/32"))
        );
    }
}
