//! A key of a platform, as OpenBao holds it.

use aws_lc_rs::signature::{Ed25519KeyPair, KeyPair as _};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use dmp_api::catalogue::PublicKey;
use dmp_homologation::jws::Unsigned;

pub struct PlatformKey {
    pub kid: &'static str,
    pair: Ed25519KeyPair,
}

impl PlatformKey {
    pub fn new(kid: &'static str) -> Self {
        Self {
            kid,
            pair: Ed25519KeyPair::generate().unwrap(),
        }
    }

    pub fn public(&self) -> PublicKey {
        PublicKey {
            kid: self.kid.to_owned(),
            x: URL_SAFE_NO_PAD.encode(self.pair.public_key()),
        }
    }

    pub fn sign(&self, typ: &str, payload: &str) -> String {
        let unsigned = Unsigned::new(typ, self.kid, payload.as_bytes());
        unsigned.compact(self.pair.sign(unsigned.message().as_bytes()).as_ref())
    }

    pub fn sign_detached(&self, typ: &str, payload: &str) -> String {
        let unsigned = Unsigned::new(typ, self.kid, payload.as_bytes());
        unsigned.detached(self.pair.sign(unsigned.message().as_bytes()).as_ref())
    }

    /// A whole JWS with any header.
    pub fn sign_with(&self, header: &str, payload: &str) -> String {
        let message = format!(
            "{}.{}",
            URL_SAFE_NO_PAD.encode(header),
            URL_SAFE_NO_PAD.encode(payload)
        );
        let signature = self.pair.sign(message.as_bytes());
        format!("{message}.{}", URL_SAFE_NO_PAD.encode(signature.as_ref()))
    }
}
