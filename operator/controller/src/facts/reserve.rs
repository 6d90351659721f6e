//! The reserve key: signs facts while OpenBao does not answer, so that its loss alone does not close every door.
//!
//! A key pair of this process, in memory only. While OpenBao answers, its key `facts` grants it ten minutes at a time,
//! renewed every minute; what it may do then is what this process could have had signed anyway.

use aws_lc_rs::signature::{Ed25519KeyPair, KeyPair as _};
use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use dmp_client::facts::{Grant, MAX_GRANT, SignedGrant, grant_message};
use dmp_keys::Signer;
use jiff::{SignedDuration, Timestamp};

use super::publish::Error;

/// How old a grant gets while OpenBao answers.
const RENEW_AFTER: SignedDuration = SignedDuration::from_secs(60);

/// The key pair and its newest grant.
pub struct Reserve {
    key: Ed25519KeyPair,
    grant: Option<(Grant, SignedGrant)>,
}

impl Reserve {
    /// A new key pair without a grant.
    ///
    /// # Errors
    /// When the system gives no randomness.
    pub fn new() -> Result<Self, Error> {
        Ok(Self {
            key: Ed25519KeyPair::generate().map_err(|_| Error::Key)?,
            grant: None,
        })
    }

    /// Has the key granted anew when the grant is a minute old.
    ///
    /// # Errors
    /// When OpenBao does not sign; the grant that is there stays.
    pub async fn renew(&mut self, signer: &Signer, now: Timestamp) -> Result<(), Error> {
        let young = |grant: &Grant| grant.not_before.duration_until(now) < RENEW_AFTER;
        if self.grant.as_ref().is_some_and(|(grant, _)| young(grant)) {
            return Ok(());
        }
        let grant = Grant {
            x: URL_SAFE_NO_PAD.encode(self.key.public_key()),
            not_before: now,
            not_after: now + MAX_GRANT,
        };
        let payload = serde_json::to_string(&grant)?;
        let signature = signer.sign(&grant_message(&payload)).await?;
        let signed = SignedGrant {
            payload,
            kid: signature.kid,
            signature: STANDARD.encode(signature.bytes),
        };
        self.grant = Some((grant, signed));
        Ok(())
    }

    /// Signature over a payload, and the grant it stands on; `None` without a grant in force.
    pub fn sign(&self, payload: &str, now: Timestamp) -> Option<(String, SignedGrant)> {
        let (grant, signed) = self.grant.as_ref()?;
        (now < grant.not_after).then(|| {
            let signature = self.key.sign(payload.as_bytes());
            (STANDARD.encode(signature), signed.clone())
        })
    }
}
