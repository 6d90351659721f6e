//! The hash FHIR R4 gives an attachment.

use aws_lc_rs::digest::{SHA1_FOR_LEGACY_USE_ONLY, digest};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

/// SHA-1 of the bytes, base64: it finds damage, it is no protection.
pub(crate) fn sha1_base64(bytes: &[u8]) -> String {
    STANDARD.encode(digest(&SHA1_FOR_LEGACY_USE_ONLY, bytes))
}
