//! Keys: OpenBao, envelope encryption per patient, blind indexes, signatures, the identity of a process.
//!
//! Responsible for every secret key of the platform's services: where it comes from (OpenBao transit and PKI),
//! how long it stays in memory, and what it is bound to. Not responsible for what is encrypted (the services),
//! nor for the policies and roles in OpenBao (the operator).
//!
//! Hierarchy: transit key (`kek` of the group, `registry`, …) → data key per patient, wrapped → key per record
//! by HKDF → AES-256-GCM with bound context and a commitment to the data key. One call of the key service
//! opens a patient's record; everything below it is local.

pub mod aead;
pub mod blind;
mod cache;
pub mod envelope;
pub mod identity;
pub mod local_kek;
pub mod openbao;
pub mod secret;
pub mod service_key;
pub mod signer;

pub use aead::{Bound, DataKey, OpenError};
pub use blind::BlindIndex;
pub use envelope::Keystore;
pub use local_kek::LocalKek;
pub use openbao::Client;
pub use secret::{Key256, Secret};
pub use signer::Signer;

/// What obtaining a key can fail with. Says nothing of any patient.
#[derive(Debug, thiserror::Error)]
pub enum KeyError {
    #[error("the key service could not be used")]
    Service(#[from] openbao::Error),
    #[error("the table of keys could not be used")]
    Database(#[from] sqlx::Error),
    #[error("the tables of keys could not be prepared")]
    Migration(#[from] sqlx::migrate::MigrateError),
    #[error("a stored key does not have the expected form")]
    Malformed,
}

impl KeyError {
    /// Whether another attempt may succeed without anybody's doing (the dependency is away, not wrong).
    pub fn is_unavailable(&self) -> bool {
        match self {
            Self::Service(error) => error.is_unavailable(),
            Self::Database(error) => dmp_core::db::is_unavailable(error),
            Self::Migration(_) | Self::Malformed => false,
        }
    }
}
