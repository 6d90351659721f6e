//! Making the token: claims, header, and a signature by OpenBao's transit key `token`.
//!
//! The key id stands in the signed header, so it is chosen before signing: the newest of `keys.json`, which is what
//! the services verify with. When OpenBao already signs with a newer version, the token is made again with that id.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use dmp_core::token::{Claims, PublicKey, TYPE};
use dmp_keys::Signer;
use serde_json::json;

#[derive(Debug, thiserror::Error)]
pub enum IssueError {
    #[error("keys.json names no key for tokens")]
    NoKey,
    #[error("the key service signs with `{0}`, which keys.json does not have yet")]
    KeyNotPublished(String),
    #[error("the key service changes its key at this moment")]
    Changing,
    #[error("the key service did not sign")]
    Sign(#[source] dmp_keys::openbao::Error),
    #[error("the claims cannot be written as JSON")]
    Claims(#[source] serde_json::Error),
}

/// Signs `claims` as a JWT (EdDSA, `typ: at+jwt`) that the holders of `keys` can verify.
///
/// # Errors
/// [`IssueError`].
pub async fn issue(signer: &Signer, keys: &[PublicKey], claims: &Claims) -> Result<String, IssueError> {
    let payload = URL_SAFE_NO_PAD.encode(serde_json::to_vec(claims).map_err(IssueError::Claims)?);
    let newest = newest(keys, signer.key()).ok_or(IssueError::NoKey)?;
    let unsigned = |kid: &str| {
        let header = json!({ "alg": "EdDSA", "typ": TYPE, "kid": kid }).to_string();
        format!("{}.{payload}", URL_SAFE_NO_PAD.encode(header))
    };
    let signed = signer.sign_naming(newest, unsigned, String::clone).await;
    let (message, signature) = signed.map_err(IssueError::Sign)?.ok_or(IssueError::Changing)?;
    if keys.iter().all(|key| key.kid != signature.kid) {
        return Err(IssueError::KeyNotPublished(signature.kid));
    }
    Ok(format!("{message}.{}", URL_SAFE_NO_PAD.encode(signature.bytes)))
}

/// The highest version of `key` in the list (`<key>-v<version>`).
fn newest<'k>(keys: &'k [PublicKey], key: &str) -> Option<&'k str> {
    keys.iter()
        .filter_map(|public| {
            let version: u32 = public.kid.strip_prefix(key)?.strip_prefix("-v")?.parse().ok()?;
            Some((version, public.kid.as_str()))
        })
        .max_by_key(|(version, _)| *version)
        .map(|(_, kid)| kid)
}
