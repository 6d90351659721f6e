//! Certificates that the test's OpenBao signs: for whoever must be believed by a program that takes its own from there.

use dmp_core::tls::{Identity, roots};
use rcgen::{CertificateParams, KeyPair, SanType};
use reqwest::Method;
use rustls_pki_types::pem::PemObject as _;
use rustls_pki_types::{CertificateDer, PrivatePkcs8KeyDer};
use serde_json::json;

use crate::Bao;

/// A request, its key and what was signed, PEM.
pub struct Issued {
    pub csr: String,
    pub key: String,
    /// The certificate, then its issuers.
    pub chain: Vec<String>,
}

impl Issued {
    /// Believes the last of its issuers.
    pub fn identity(&self) -> Identity {
        let der = |pem: &String| CertificateDer::from_pem_slice(pem.as_bytes()).expect("a certificate");
        let chain: Vec<_> = self.chain.iter().map(der).collect();
        let roots = roots(chain.last().cloned()).expect("roots");
        let key = PrivatePkcs8KeyDer::from_pem_slice(self.key.as_bytes()).expect("a key");
        Identity::new(chain, key.into(), roots).expect("an identity")
    }
}

impl Bao {
    /// A certificate of an hour with this URI (`spiffe://…`) and these DNS names.
    pub async fn certificate(&self, mount: &str, role: &str, uri: &str, names: &[&str]) -> Issued {
        let key = KeyPair::generate().expect("a key");
        let names: Vec<String> = names.iter().map(|name| (*name).to_owned()).collect();
        let mut parameters = CertificateParams::new(names.clone()).expect("names");
        let uri_name = SanType::URI(uri.try_into().expect("a URI"));
        parameters.subject_alt_names.push(uri_name);
        let csr = parameters.serialize_request(&key).expect("a request");
        let csr = csr.pem().expect("PEM");
        let body = json!({ "csr": csr, "uri_sans": uri, "alt_names": names.join(","), "ttl": "1h", "format": "pem" });
        let path = format!("{mount}/sign/{role}");
        let answer = self.call(None, Method::POST, &path, body).await;
        let data = &answer["data"];
        let above = data["ca_chain"].as_array().expect("its issuers");
        let chain = std::iter::once(&data["certificate"]).chain(above);
        let pem = |one: &serde_json::Value| format!("{}\n", one.as_str().expect("PEM").trim());
        Issued {
            csr,
            key: key.serialize_pem(),
            chain: chain.map(pem).collect(),
        }
    }
}
