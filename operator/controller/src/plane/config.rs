//! `config.toml` of each service, as `docs/interfaces.md` and the services' own structs have it.
//!
//! Written by hand as text: the operator does not depend on the services. Values that come from a custom resource
//! are quoted by [`quote`].

use std::fmt::Write as _;

use dmp_api::gateway_quota::{Quota, Rate};
use dmp_api::names::{NATIONAL_NAMESPACE, SYSTEM_NAMESPACE};
use dmp_api::platform::Telemetry;

/// What every service's `[service]` says.
#[derive(Clone, Copy, Debug)]
pub struct ServiceSection<'a> {
    pub domain: &'a str,
    pub issuer: &'a str,
    pub openbao_address: &'a str,
    pub namespace: &'a str,
    pub name: &'a str,
    /// OpenBao namespace; a group's only.
    pub openbao_namespace: Option<&'a str>,
}

/// A TOML basic string.
pub fn quote(text: &str) -> String {
    let mut quoted = String::with_capacity(text.len() + 2);
    quoted.push('"');
    for character in text.chars() {
        match character {
            '"' | '\\' => {
                quoted.push('\\');
                quoted.push(character);
            }
            control if control.is_control() => {
                let _ = write!(quoted, "\\u{:04X}", u32::from(control));
            }
            other => quoted.push(other),
        }
    }
    quoted.push('"');
    quoted
}

/// `[service]` with its OpenBao.
pub fn service(section: &ServiceSection<'_>) -> String {
    let role = format!("{}.{}", section.namespace, section.name);
    let namespace = section
        .openbao_namespace
        .map(|namespace| format!("namespace = {}\n", quote(namespace)))
        .unwrap_or_default();
    format!(
        "[service]\ndomain = {}\nname = {}\nnamespace = {}\nissuer = {}\n\n\
         [service.openbao]\naddress = {}\nca = \"/etc/dmp/trust/openbao-ca.crt\"\n{namespace}\n\
         [service.openbao.auth]\nkind = \"kubernetes\"\nrole = {}\n",
        quote(section.domain),
        quote(section.name),
        quote(section.namespace),
        quote(section.issuer),
        quote(section.openbao_address),
        quote(&role),
    )
}

/// `[service.telemetry]`; nothing when the platform sends no traces.
pub fn telemetry(telemetry: Option<&Telemetry>) -> String {
    telemetry.map_or_else(String::new, |telemetry| {
        format!(
            "\n[service.telemetry]\notlp_endpoint = {}\nsample_ratio = {:?}\n",
            quote(&telemetry.otlp_endpoint),
            f64::from(telemetry.sample_percent) / 100.0,
        )
    })
}

/// A database table (`[database]`, `[keystore]`).
pub fn database(table: &str, cluster: &str, namespace: &str) -> String {
    format!(
        "\n[{table}]\nhost = \"{cluster}-rw.{namespace}.svc\"\ncredentials = \"/etc/dmp/db/{cluster}\"\n\
         ca = \"/etc/dmp/db/{cluster}-ca/ca.crt\"\n"
    )
}

/// `https://<service>.<namespace>.svc:8443`.
pub fn url(service: &str, namespace: &str) -> String {
    format!("https://{service}.{namespace}.svc:8443")
}

/// `[gateway]`.
pub fn gateway(public_names: &[String], public_url: &str) -> String {
    let names: Vec<String> = public_names.iter().map(|name| quote(name)).collect();
    format!(
        "\n[gateway]\npublic_names = [{}]\npublic_url = {}\noperator_urls = [{}]\nregistry_url = {}\n\
         consent_url = {}\naudit_url = {}\nportal_url = {}\nfacts_seen = \"/var/lib/dmp/facts-seen\"\n",
        names.join(", "),
        quote(public_url),
        quote(&url("dmp-operator", SYSTEM_NAMESPACE)),
        quote(&url("registry", NATIONAL_NAMESPACE)),
        quote(&url("consent", NATIONAL_NAMESPACE)),
        quote(&url("audit", NATIONAL_NAMESPACE)),
        quote(&url("portal", NATIONAL_NAMESPACE)),
    )
}

/// `[gateway.quotas.<kind>]` of each kind that the platform names.
pub fn quotas(quotas: &[Quota]) -> String {
    let mut text = String::new();
    for quota in quotas {
        let _ = write!(text, "\n[gateway.quotas.{}]\n", quota.kind.as_str());
        for (limit, rate) in [
            ("credential", quota.credential),
            ("establishment", quota.establishment),
            ("person", quota.person),
        ] {
            if let Some(Rate { per_second, burst }) = rate {
                let _ = writeln!(text, "{limit} = {{ per_second = {per_second}, burst = {burst} }}");
            }
        }
    }
    text
}

/// `[portal]`.
pub fn portal() -> String {
    format!(
        "\n[portal]\ncluster = true\nregistry_url = {}\naudit_url = {}\n",
        quote(&url("registry", NATIONAL_NAMESPACE)),
        quote(&url("audit", NATIONAL_NAMESPACE))
    )
}

/// `[consent]`.
pub fn consent() -> String {
    format!(
        "\n[consent]\nregistry_url = {}\n",
        quote(&url("registry", NATIONAL_NAMESPACE))
    )
}

/// `[records]`.
pub fn records(group: &str, mode: &str) -> String {
    format!("\n[records]\ngroup = {}\nmode = {}\n", quote(group), quote(mode))
}

/// One `[[sources]]` of audit: a log it pulls.
pub fn audit_source(origin: &str, url: &str, public_key: &str) -> String {
    format!(
        "\n[[sources]]\norigin = {}\nurl = {}\npublic_key = {}\n",
        quote(origin),
        quote(url),
        quote(public_key)
    )
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use dmp_api::gateway_quota::{Quota, Rate};
    use dmp_api::platform::Telemetry;
    use dmp_api::solution::ProductKind;
    use dmp_client::quota::Quotas;
    use dmp_core::config::ServiceConfig;

    use super::{ServiceSection, quotas, quote, service, telemetry};

    #[derive(serde::Deserialize)]
    struct Whole {
        service: ServiceConfig,
    }

    #[test]
    fn the_services_read_where_traces_go() {
        let section = ServiceSection {
            domain: "dmp.test",
            issuer: "https://gateway.dmp.test",
            openbao_address: "https://openbao.dmp-system.svc:8200",
            namespace: "dmp-a",
            name: "records",
            openbao_namespace: Some("group-a"),
        };
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("config.toml");
        let read = |platform: Option<&Telemetry>| {
            std::fs::write(&path, service(&section) + &telemetry(platform)).unwrap();
            let whole: Whole = dmp_core::config::load_from(&path, "DMP_", []).unwrap();
            whole.service.telemetry
        };
        assert!(read(None).otlp_endpoint.is_none(), "no traces by default");
        let collector = Telemetry {
            otlp_endpoint: "http://collector.monitoring.svc:4318/v1/traces".to_owned(),
            sample_percent: 100,
        };
        let telemetry = read(Some(&collector));
        assert_eq!(telemetry.otlp_endpoint, Some(collector.otlp_endpoint));
        assert!((telemetry.sample_ratio - 1.0).abs() < f64::EPSILON);
    }

    #[test]
    fn the_gateway_reads_the_quotas_that_the_platform_names() {
        #[derive(serde::Deserialize)]
        struct Whole {
            gateway: Gateway,
        }
        #[derive(serde::Deserialize)]
        struct Gateway {
            quotas: Quotas,
        }
        let named = Quota {
            kind: ProductKind::PatientApp,
            credential: Some(Rate {
                per_second: 900,
                burst: 1800,
            }),
            establishment: None,
            person: None,
        };
        let text = "[gateway]\n".to_owned() + &quotas(std::slice::from_ref(&named));
        let read: Whole = toml::from_str(&text).unwrap();
        assert_eq!(read.gateway.quotas, crate::gateway_quota::in_force(&[named]));
        assert_eq!(quotas(&[]), "", "the gateway has its own defaults");
    }

    #[test]
    fn quotes_whatever_it_is_given() {
        assert_eq!(quote("a\"b\\c\n"), r#""a\"b\\c\u000A""#);
    }
}
