//! The platform's key `label`: signs labels and the catalogue, and is published in `keys.json`.
//!
//! The key id stands in the signed header, so it is chosen before signing: the newest that is published; when OpenBao
//! already signs with a newer version, the text is signed again with that id.

use dmp_api::catalogue::PublicKey;
use dmp_homologation::jws::Unsigned;
use dmp_keys::Signer;
use dmp_keys::openbao;

use crate::controller::Context;

/// Name of the transit key.
pub const NAME: &str = "label";
/// Reason of a condition: the installation is older than the key.
pub const MISSING: &str = "LabelKeyMissing";

#[derive(Debug, thiserror::Error)]
pub enum Error {
    #[error(
        "OpenBao has no key `label` for the operator: an older installation gets it as docs/homologation.md says"
    )]
    Missing,
    #[error("OpenBao changes its key `label` at this moment")]
    Changing,
    #[error("OpenBao did not sign")]
    OpenBao(#[from] openbao::Error),
}

/// A text and its signature.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Signed {
    unsigned: Unsigned,
    signature: [u8; 64],
}

impl Signed {
    pub fn compact(&self) -> String {
        self.unsigned.compact(&self.signature)
    }

    pub fn detached(&self) -> String {
        self.unsigned.detached(&self.signature)
    }
}

/// Public halves of all versions, oldest first; none on an installation without the key.
///
/// # Errors
/// When OpenBao cannot be asked.
pub async fn keys(context: &Context) -> Result<Vec<PublicKey>, openbao::Error> {
    let keys = context.openbao.label_keys().await?;
    let public = |key: dmp_core::token::PublicKey| PublicKey {
        kid: key.kid,
        x: key.x,
    };
    Ok(keys.into_iter().map(public).collect())
}

/// Signs a text of kind `typ`.
///
/// # Errors
/// See [`Error`].
pub async fn sign(context: &Context, keys: &[PublicKey], typ: &str, payload: &str) -> Result<Signed, Error> {
    let signer = Signer::new(context.openbao.client().clone(), NAME);
    let newest = keys.last().ok_or(Error::Missing)?;
    let unsigned = |kid: &str| Unsigned::new(typ, kid, payload.as_bytes());
    match signer.sign_naming(&newest.kid, unsigned, Unsigned::message).await {
        Ok(Some((unsigned, signature))) => Ok(Signed {
            unsigned,
            signature: signature.bytes,
        }),
        Ok(None) => Err(Error::Changing),
        Err(openbao::Error::Forbidden { .. }) => Err(Error::Missing),
        Err(error) => Err(error.into()),
    }
}
