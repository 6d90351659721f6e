//! PKI: a certificate for a CSR.

use std::net::IpAddr;

use reqwest::Method;
use serde::Deserialize;
use serde_json::{Value, json};

use super::{Client, Error};

/// What is asked for. The role in OpenBao decides what is granted.
#[derive(Clone, Debug, Default)]
pub struct CertificateRequest {
    /// PKCS#10, PEM.
    pub csr: String,
    pub common_name: String,
    pub uri_sans: Vec<String>,
    pub dns_sans: Vec<String>,
    pub ip_sans: Vec<IpAddr>,
    /// `1h`; the role's limit holds.
    pub ttl: String,
    /// `serialNumber` of the subject.
    pub serial_number: Option<String>,
}

/// The certificate and the intermediates above it, PEM, leaf first.
#[derive(Clone, Debug)]
pub struct SignedCertificate {
    pub chain: Vec<String>,
    pub serial: String,
    /// Seconds since the epoch.
    pub expiration: i64,
}

impl SignedCertificate {
    /// All certificates of the chain, one PEM text.
    pub fn chain_pem(&self) -> String {
        let mut pem = String::new();
        for certificate in &self.chain {
            pem.push_str(certificate.trim());
            pem.push('\n');
        }
        pem
    }
}

impl Client {
    /// `<mount>/sign/<role>`.
    ///
    /// # Errors
    /// See [`Error`]; `Rejected` when the role does not allow a name.
    pub async fn sign_certificate(
        &self,
        mount: &str,
        role: &str,
        request: &CertificateRequest,
    ) -> Result<SignedCertificate, Error> {
        #[derive(Deserialize)]
        struct Data {
            certificate: String,
            #[serde(default)]
            ca_chain: Vec<String>,
            #[serde(default)]
            issuing_ca: Option<String>,
            serial_number: String,
            expiration: Value,
        }
        let addresses: Vec<String> = request.ip_sans.iter().map(ToString::to_string).collect();
        let mut body = json!({
            "csr": request.csr,
            "common_name": request.common_name,
            "uri_sans": request.uri_sans.join(","),
            "alt_names": request.dns_sans.join(","),
            "ip_sans": addresses.join(","),
            "ttl": request.ttl,
            "format": "pem",
        });
        if let (Some(number), Some(members)) = (&request.serial_number, body.as_object_mut()) {
            members.insert("serial_number".to_owned(), number.as_str().into());
        }
        let path = format!("{mount}/sign/{role}");
        let data: Data = self.data(Method::POST, &path, Some(&body)).await?;
        let expiration = match &data.expiration {
            Value::Number(number) => number.as_i64(),
            Value::String(text) => text.parse().ok(),
            _ => None,
        }
        .ok_or_else(|| Error::malformed(&path))?;
        let above = if data.ca_chain.is_empty() {
            data.issuing_ca.into_iter().collect()
        } else {
            data.ca_chain
        };
        let mut chain = vec![data.certificate];
        chain.extend(above);
        Ok(SignedCertificate {
            chain,
            serial: data.serial_number,
            expiration,
        })
    }
}
