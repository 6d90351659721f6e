//! One round: the spaces that there are, the keys of each, the authorities, the seal.
//!
//! What cannot be asked fails the round: half of the keys are not all of them. A key space that is not there is one that lacks
//! its keys, once its group has a plane: the plane is made after the keys.

use dmp_api::HealthGroup;
use dmp_api::key_custody::{Authority, Key, Observation};
use dmp_core::ids::GroupName;
use dmp_keys::openbao::{Client, Error as OpenBaoError};
use http::Method;
use jiff::Timestamp;
use kube::{Api, ResourceExt as _};
use serde_json::Value;

use crate::apply::ApplyError;
use crate::health_group::has_a_plane;
use crate::openbao::is_absent;
use crate::pages;

/// Space of the keys in the root namespace.
const NATIONAL: &str = "national";
/// Without which no national service runs. `label` and `sandbox-people` are younger than some installations.
const NATIONAL_KEYS: [&str; 8] = [
    "registry",
    "consent",
    "audit-events",
    "token",
    "facts",
    "log-registry",
    "log-consent",
    "log-audit",
];
const GROUP_KEYS: [&str; 2] = ["kek", "log"];
/// Name of the authority at the end of the services' chain.
const ROOT: &str = "root";
/// Mounts of authorities, and where each publishes its certificates.
const AUTHORITIES: [(&str, &str); 3] = [
    ("pki-services", "pki-services/cert/ca_chain"),
    ("pki-solutions", "pki-solutions/cert/ca"),
    ("pki-suite", "pki-suite/cert/ca"),
];
#[derive(Debug, thiserror::Error)]
pub enum Error {
    #[error("the groups cannot be listed")]
    Groups(#[from] kube::Error),
    #[error(
        "OpenBao does not show its keys (an installation from before needs its role `{role}`: docs/runbooks/openbao.md)",
        role = dmp_api::openbao::KEY_METADATA_ROLE
    )]
    OpenBao(#[from] OpenBaoError),
    #[error(transparent)]
    Written(#[from] ApplyError),
}

/// Where keys are.
struct Space {
    /// `national`, or the group's name.
    name: String,
    namespace: Option<String>,
    /// Keys that must be there.
    needed: &'static [&'static str],
}

/// Everything that there is now.
///
/// # Errors
/// When the API server or OpenBao does not answer, or refuses.
pub async fn look(client: &kube::Client, openbao: &Client, now: Timestamp) -> Result<Observation, Error> {
    let spaces = spaces(client).await?;
    let (mut keys, mut lacking) = (Vec::new(), Vec::new());
    for space in &spaces {
        let named = |key: &str| format!("{}/{key}", space.name);
        let names = names(openbao, space).await?;
        let missing = space
            .needed
            .iter()
            .filter(|key| !names.iter().any(|name| name == *key));
        lacking.extend(missing.map(|key| named(key)));
        for name in names {
            let path = format!("transit/keys/{name}");
            let namespace = space.namespace.as_deref();
            let answer = openbao.request_in(namespace, Method::GET, &path, None).await?;
            let key = key(named(&name), &answer).ok_or(OpenBaoError::Malformed { path })?;
            keys.push(key);
        }
    }
    let observation = Observation {
        observed_at: now,
        seal: seal(openbao).await?,
        authorities: authorities(openbao).await?,
        spaces: spaces.len(),
        lacking,
        keys: Vec::new(),
        more: 0,
    };
    Ok(observation.with_keys(keys))
}

async fn spaces(client: &kube::Client) -> Result<Vec<Space>, kube::Error> {
    let mut spaces = vec![Space {
        name: NATIONAL.to_owned(),
        namespace: None,
        needed: &NATIONAL_KEYS,
    }];
    let groups = Api::<HealthGroup>::all(client.clone());
    pages::each(&groups, |group| spaces.extend(space(group))).await?;
    Ok(spaces)
}

/// Of a group that has a plane and is not being retired.
fn space(group: &HealthGroup) -> Option<Space> {
    if !has_a_plane(group) {
        return None;
    }
    let name: GroupName = group.name_any().parse().ok()?;
    Some(Space {
        namespace: Some(name.openbao_namespace()),
        name: name.to_string(),
        needed: &GROUP_KEYS,
    })
}

/// The keys of a space; none where there is no such space.
async fn names(openbao: &Client, space: &Space) -> Result<Vec<String>, OpenBaoError> {
    const PATH: &str = "transit/keys?list=true";
    let namespace = space.namespace.as_deref();
    let answer = match openbao.request_in(namespace, Method::GET, PATH, None).await {
        Err(error) if is_absent(&error) => return Ok(Vec::new()),
        answer => answer?,
    };
    let malformed = || OpenBaoError::Malformed {
        path: PATH.to_owned(),
    };
    let keys = answer
        .pointer("/data/keys")
        .and_then(Value::as_array)
        .ok_or_else(malformed)?;
    let names = keys.iter().map(|key| key.as_str().map(ToOwned::to_owned));
    names.collect::<Option<_>>().ok_or_else(malformed)
}

/// From the answer to a key's read: of a symmetric key each version is its second, of a signing key an object.
fn key(name: String, answer: &Value) -> Option<Key> {
    let data = answer.get("data")?;
    let flag = |field: &str| data.get(field).and_then(Value::as_bool);
    let version = data.get("latest_version")?.as_u64()?;
    let newest = data.get("keys")?.get(version.to_string())?;
    let second = match newest.get("creation_time").and_then(Value::as_str) {
        Some(text) => text.parse::<Timestamp>().ok()?.as_second(),
        None => newest.as_i64()?,
    };
    Some(Key {
        name,
        created_at: Timestamp::from_second(second).ok()?,
        version,
        exportable: flag("exportable")?,
        plaintext_backup: flag("allow_plaintext_backup")?,
        deletable: flag("deletion_allowed")?,
    })
}

/// How OpenBao's own key is held: anybody may ask.
async fn seal(openbao: &Client) -> Result<String, OpenBaoError> {
    const PATH: &str = "sys/seal-status";
    let answer = openbao.request(Method::GET, PATH, None).await?;
    let kind = answer.get("type").and_then(Value::as_str);
    kind.map(ToOwned::to_owned)
        .ok_or_else(|| OpenBaoError::Malformed {
            path: PATH.to_owned(),
        })
}

/// The certificates that the mounts publish to anybody; a mount that an older installation does not have has none.
async fn authorities(openbao: &Client) -> Result<Vec<Authority>, OpenBaoError> {
    let mut authorities = Vec::new();
    for (mount, path) in AUTHORITIES {
        let answer = match openbao.request(Method::GET, path, None).await {
            Err(error) if is_absent(&error) => continue,
            answer => answer?,
        };
        let malformed = || OpenBaoError::Malformed {
            path: path.to_owned(),
        };
        let pem = answer.pointer("/data/certificate").and_then(Value::as_str);
        let ends = ends(pem.unwrap_or_default()).ok_or_else(malformed)?;
        let named = ends.into_iter().enumerate().map(|(at, not_after)| Authority {
            name: if at == 0 { mount } else { ROOT }.to_owned(),
            not_after,
        });
        authorities.extend(named);
    }
    Ok(authorities)
}

/// When the certificates of a PEM text end; `None` when it has none, or something else.
fn ends(pem: &str) -> Option<Vec<Timestamp>> {
    let one = |pem: Result<x509_parser::pem::Pem, _>| {
        let pem = pem.ok()?;
        let certificate = pem.parse_x509().ok()?;
        Timestamp::from_second(certificate.validity().not_after.timestamp()).ok()
    };
    let ends: Vec<_> = x509_parser::pem::Pem::iter_from_buffer(pem.as_bytes())
        .map(one)
        .collect::<Option<_>>()?;
    (!ends.is_empty()).then_some(ends)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn answer(keys: &Value) -> Value {
        json!({ "data": {
            "latest_version": 2, "keys": keys, "exportable": false, "allow_plaintext_backup": true,
            "deletion_allowed": false,
        } })
    }

    #[test]
    fn the_newest_version_of_each_kind_of_key_is_taken() {
        let at: Timestamp = "2026-11-30T15:31:43Z".parse().unwrap();
        for keys in [
            json!({ "1": 1, "2": at.as_second() }),
            json!({ "1": { "creation_time": "2020-01-01T00:00:00Z" }, "2": { "creation_time": "2026-11-30T15:31:43.727482989Z" } }),
        ] {
            let key = key("a/kek".to_owned(), &answer(&keys)).unwrap();
            assert_eq!((key.created_at, key.version), (at, 2));
            assert!(key.plaintext_backup && !key.exportable && !key.deletable);
        }
    }

    #[test]
    fn an_answer_that_does_not_say_all_is_none() {
        let good = answer(&json!({ "2": 1 }));
        assert!(key(String::new(), &good).is_some());
        for field in [
            "latest_version",
            "keys",
            "exportable",
            "allow_plaintext_backup",
            "deletion_allowed",
        ] {
            let mut less = good.clone();
            less["data"].as_object_mut().unwrap().remove(field);
            assert!(key(String::new(), &less).is_none(), "{field}");
        }
        for keys in [
            json!({ "1": 1 }),
            json!({ "2": "soon" }),
            json!({ "2": { "creation_time": "soon" } }),
        ] {
            assert!(key(String::new(), &answer(&keys)).is_none(), "{keys}");
        }
    }

    #[test]
    fn the_end_of_each_certificate_of_a_chain_is_read() {
        let certificate = |year| {
            let mut parameters = rcgen::CertificateParams::default();
            parameters.not_after = rcgen::date_time_ymd(year, 1, 1);
            let key = rcgen::KeyPair::generate().unwrap();
            parameters.self_signed(&key).unwrap().pem()
        };
        let ends_at = ends(&format!("{}{}", certificate(2031), certificate(2036))).unwrap();
        let years = ["2031-01-01T00:00:00Z", "2036-01-01T00:00:00Z"];
        assert_eq!(ends_at, years.map(|at| at.parse::<Timestamp>().unwrap()));
        assert!(ends("").is_none());
        assert!(ends("-----BEGIN CERTIFICATE-----\neA==\n-----END CERTIFICATE-----\n").is_none());
    }

    #[test]
    fn a_group_has_keys_from_its_plane_to_its_end() {
        let group = |metadata: Value, status: Value| {
            let group: HealthGroup = serde_json::from_value(json!({
                "apiVersion": "dmp.ma/v1alpha1", "kind": "HealthGroup", "metadata": metadata, "status": status,
                "spec": {
                    "kind": "gst", "region": "MA-09", "site": "agadir-1", "mode": "production",
                    "controller": { "name": "A group", "cndpReceipt": "D-1/2026" },
                },
            }))
            .unwrap();
            space(&group).map(|space| (space.name, space.namespace.unwrap()))
        };
        let name = json!({ "name": "souss-massa" });
        let plane = json!({ "namespace": "dmp-souss-massa" });
        let there = ("souss-massa".to_owned(), "group-souss-massa".to_owned());
        assert_eq!(group(name.clone(), plane.clone()), Some(there));
        assert_eq!(group(name, json!({})), None);
        let going = json!({ "name": "souss-massa", "deletionTimestamp": "2026-12-01T00:00:00Z" });
        assert_eq!(group(going, plane), None);
    }
}
