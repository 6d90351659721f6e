//! Certificates of the appliance's own control plane, and kubeconfigs.
//!
//! Two authorities (cluster, etcd) and the key that signs service account tokens last as long as the
//! appliance's data; everything else is issued anew at each start, for one year. The product's own
//! certificates come from OpenBao and have nothing to do with these.

use std::{
    fs,
    net::{IpAddr, Ipv4Addr},
    path::{Path, PathBuf},
};

use base64::{Engine as _, engine::general_purpose::STANDARD};
use jiff::{Timestamp, ToSpan, tz::TimeZone};
use rcgen::{
    BasicConstraints, CertificateParams, DistinguishedName, DnType, ExtendedKeyUsagePurpose, IsCa, Issuer,
    KeyPair, KeyUsagePurpose, SanType,
};
use serde_json::{Value, json};

use crate::{
    error::{Error, FileContext, Result},
    paths::{private_folder, write_private},
};

const AUTHORITY_YEARS: i64 = 10;
const CERTIFICATE_YEARS: i64 = 1;

/// An authority of the appliance, kept in `<name>.crt` and `<name>.key`.
pub(crate) struct Authority {
    issuer: Issuer<'static, KeyPair>,
    pub certificate: PathBuf,
}

/// What a certificate is for.
pub(crate) struct Subject<'a> {
    pub common_name: &'a str,
    /// Kubernetes reads it as the group.
    pub organization: Option<&'a str>,
    /// Names and addresses of a server; empty for a mere client.
    pub names: Vec<String>,
    pub addresses: Vec<Ipv4Addr>,
}

/// Files of a certificate and its key.
#[derive(Debug, Clone)]
pub(crate) struct Identity {
    pub certificate: PathBuf,
    pub key: PathBuf,
}

impl<'a> Subject<'a> {
    /// A client without names or addresses.
    pub fn client(common_name: &'a str, organization: Option<&'a str>) -> Self {
        Self {
            common_name,
            organization,
            names: Vec::new(),
            addresses: Vec::new(),
        }
    }
}

impl Identity {
    /// The identity that was issued under this name.
    pub fn in_folder(folder: &Path, file: &str) -> Self {
        Self {
            certificate: folder.join(format!("{file}.crt")),
            key: folder.join(format!("{file}.key")),
        }
    }
}

impl Authority {
    /// Opens the authority `name` in `folder`, or makes it.
    pub fn open(folder: &Path, name: &str) -> Result<Self> {
        let failed = |source| Error::Certificate {
            subject: name.to_owned(),
            source,
        };
        let mut parameters = CertificateParams::default();
        parameters.distinguished_name = distinguished_name(name, None);
        parameters.is_ca = IsCa::Ca(BasicConstraints::Constrained(0));
        parameters.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
        valid_for(&mut parameters, AUTHORITY_YEARS);

        private_folder(folder)?;
        let certificate = folder.join(format!("{name}.crt"));
        let key = signing_key(&folder.join(format!("{name}.key")))?;
        if !certificate.exists() {
            let pem = parameters.self_signed(&key).map_err(failed)?.pem();
            write_private(&certificate, pem)?;
        }
        Ok(Self {
            issuer: Issuer::new(parameters, key),
            certificate,
        })
    }

    /// Issues a certificate into `<folder>/<file>.{crt,key}`.
    pub fn issue(&self, folder: &Path, file: &str, subject: &Subject<'_>) -> Result<Identity> {
        let failed = |source| Error::Certificate {
            subject: subject.common_name.to_owned(),
            source,
        };
        let mut parameters = CertificateParams::new(subject.names.clone()).map_err(failed)?;
        parameters.distinguished_name = distinguished_name(subject.common_name, subject.organization);
        parameters.subject_alt_names.extend(
            subject
                .addresses
                .iter()
                .map(|address| SanType::IpAddress(IpAddr::V4(*address))),
        );
        parameters.key_usages = vec![KeyUsagePurpose::DigitalSignature];
        parameters.extended_key_usages = vec![ExtendedKeyUsagePurpose::ClientAuth];
        if !parameters.subject_alt_names.is_empty() {
            parameters
                .extended_key_usages
                .push(ExtendedKeyUsagePurpose::ServerAuth);
        }
        valid_for(&mut parameters, CERTIFICATE_YEARS);

        let key = KeyPair::generate().map_err(failed)?;
        let certificate = parameters.signed_by(&key, &self.issuer).map_err(failed)?;
        private_folder(folder)?;
        let identity = Identity::in_folder(folder, file);
        write_private(&identity.key, key.serialize_pem())?;
        write_private(&identity.certificate, certificate.pem())?;
        Ok(identity)
    }
}

/// Opens a P-256 key file, or makes it.
pub(crate) fn signing_key(file: &Path) -> Result<KeyPair> {
    let failed = |source| Error::Certificate {
        subject: file.display().to_string(),
        source,
    };
    if !file.exists() {
        write_private(file, KeyPair::generate().map_err(failed)?.serialize_pem())?;
    }
    let pem = fs::read_to_string(file).on("read", file)?;
    KeyPair::from_pem(&pem).map_err(|error| Error::Damaged {
        path: file.to_owned(),
        detail: error.to_string(),
    })
}

/// A kubeconfig that holds authority, certificate and key itself.
pub(crate) fn kubeconfig(server: &str, authority: &Path, identity: &Identity) -> Result<Value> {
    let data = |file: &Path| {
        fs::read(file)
            .map(|content| STANDARD.encode(content))
            .on("read", file)
    };
    Ok(json!({
        "apiVersion": "v1",
        "kind": "Config",
        "clusters": [{
            "name": "dmp",
            "cluster": { "server": server, "certificate-authority-data": data(authority)? },
        }],
        "users": [{
            "name": "dmp",
            "user": {
                "client-certificate-data": data(&identity.certificate)?,
                "client-key-data": data(&identity.key)?,
            },
        }],
        "contexts": [{ "name": "dmp", "context": { "cluster": "dmp", "user": "dmp" } }],
        "current-context": "dmp",
    }))
}

fn distinguished_name(common_name: &str, organization: Option<&str>) -> DistinguishedName {
    let mut name = DistinguishedName::new();
    if let Some(organization) = organization {
        name.push(DnType::OrganizationName, organization);
    }
    name.push(DnType::CommonName, common_name);
    name
}

/// From yesterday, for clocks that are a little behind.
fn valid_for(parameters: &mut CertificateParams, years: i64) {
    let today = Timestamp::now().to_zoned(TimeZone::UTC).date();
    let day = |date: jiff::civil::Date| {
        rcgen::date_time_ymd(
            i32::from(date.year()),
            date.month().unsigned_abs(),
            date.day().unsigned_abs(),
        )
    };
    parameters.not_before = day(today.saturating_sub(1.day()));
    parameters.not_after = day(today.saturating_add(years.years()));
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_authority_is_opened_again_with_the_same_key() {
        let folder = tempfile::tempdir().expect("a folder");
        let first = Authority::open(folder.path(), "cluster").expect("a new authority");
        let before = fs::read(&first.certificate).expect("its certificate");
        let second = Authority::open(folder.path(), "cluster").expect("the same authority");
        assert_eq!(before, fs::read(&second.certificate).expect("its certificate"));

        let subject = Subject {
            common_name: "system:node:node-1",
            organization: Some("system:nodes"),
            names: vec!["node-1".to_owned()],
            addresses: vec![Ipv4Addr::new(10, 210, 0, 11)],
        };
        let identity = second
            .issue(folder.path(), "node-1", &subject)
            .expect("a certificate");
        let config =
            kubeconfig("https://10.210.0.2:6443", &second.certificate, &identity).expect("a kubeconfig");
        assert_eq!(config["current-context"], "dmp");
    }

    #[test]
    fn keys_are_for_root_alone() {
        use std::os::unix::fs::PermissionsExt;
        let folder = tempfile::tempdir().expect("a folder");
        let file = folder.path().join("tokens.key");
        signing_key(&file).expect("a key");
        let mode = fs::metadata(&file).expect("the key").permissions().mode();
        assert_eq!(mode & 0o777, 0o600);
    }
}
