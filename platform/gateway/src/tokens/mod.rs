//! The token service: a person's OIDC assertion and the software's certificate become one short token.
//!
//! RFC 8693 (token exchange), RFC 8705 (certificate binding), RFC 9068 (`at+jwt`). [`assertion`] verifies the log-in,
//! [`jwks`] knows the issuers' keys, [`exchange`] decides whom the token speaks for, [`issue`] has it signed by
//! OpenBao, [`bearer`] checks it when it comes back. The services verify it again, each for itself.

pub mod assertion;
pub mod bearer;
pub mod exchange;
pub mod issue;
pub mod jwks;
pub mod sandbox;
