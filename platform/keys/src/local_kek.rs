//! A key-encryption key held in memory by a service (the registry), so that opening a patient's key is local.
//!
//! Each epoch's key is wrapped by transit in the service's database and opened at start; per-patient keys are
//! wrapped under the newest epoch, AES-256-GCM with bound context. Form: epoch (4, big endian) ‖ sealed key.

use sqlx::PgPool;
use uuid::Uuid;

use crate::aead::{Bound, DataKey};
use crate::openbao::Client;
use crate::secret::{Key256, random_bytes};
use crate::{KeyError, service_key};

/// All epochs, opened. Without `Debug`.
pub struct LocalKek {
    domain: String,
    /// Oldest first, never empty.
    epochs: Vec<(i32, Key256)>,
}

impl LocalKek {
    pub(crate) const NAME: &'static str = "local-kek";

    /// Opens all epochs, makes the first at the first start. Needs [`service_key::migrate`] before.
    ///
    /// # Errors
    /// See [`KeyError`].
    pub async fn open(
        pool: &PgPool,
        client: &Client,
        transit_key: &str,
        domain: &str,
    ) -> Result<Self, KeyError> {
        let epochs = service_key::load_epochs(pool, client, transit_key, domain).await?;
        Ok(Self {
            domain: domain.to_owned(),
            epochs,
        })
    }

    /// A new random data key of `subject` (a patient's id in this domain), and its wrapped form to store.
    ///
    /// # Errors
    /// [`KeyError::Malformed`] when the random generator fails.
    pub fn new_key(&self, subject: Uuid) -> Result<(DataKey, Vec<u8>), KeyError> {
        let (epoch, kek) = self.epochs.last().ok_or(KeyError::Malformed)?;
        let id = Uuid::new_v4();
        let key = DataKey::new(
            id,
            self.domain.clone(),
            subject,
            Key256::from_bytes(random_bytes()?),
        );
        let wrapper = self.wrapper(kek, *epoch, subject);
        let mut wrapped = epoch.to_be_bytes().to_vec();
        wrapped.extend_from_slice(id.as_bytes());
        wrapped.extend(wrapper.seal(&Bound::new("data-key", id), key.key().as_bytes())?);
        Ok((key, wrapped))
    }

    /// Opens a wrapped data key of `subject`. Local: no call of the key service.
    ///
    /// # Errors
    /// [`KeyError::Malformed`] when it is not this subject's, was altered, or its epoch is gone.
    pub fn open_key(&self, subject: Uuid, wrapped: &[u8]) -> Result<DataKey, KeyError> {
        let (epoch, rest) = wrapped.split_first_chunk::<4>().ok_or(KeyError::Malformed)?;
        let (id, sealed) = rest.split_first_chunk::<16>().ok_or(KeyError::Malformed)?;
        let (epoch, id) = (i32::from_be_bytes(*epoch), Uuid::from_bytes(*id));
        let (_, kek) = self
            .epochs
            .iter()
            .find(|(known, _)| *known == epoch)
            .ok_or(KeyError::Malformed)?;
        let plain = self
            .wrapper(kek, epoch, subject)
            .open(&Bound::new("data-key", id), sealed)
            .map_err(|_| KeyError::Malformed)?;
        let key: &[u8; 32] = plain.as_slice().try_into().map_err(|_| KeyError::Malformed)?;
        Ok(DataKey::new(
            id,
            self.domain.clone(),
            subject,
            Key256::from_bytes(*key),
        ))
    }

    /// The epoch's key as a data key of the subject: same sealing, same binding.
    fn wrapper(&self, kek: &Key256, epoch: i32, subject: Uuid) -> DataKey {
        let id = Uuid::from_u128(u128::from(epoch.unsigned_abs()));
        DataKey::new(
            id,
            format!("{}|kek", self.domain),
            subject,
            Key256::from_bytes(*kek.as_bytes()),
        )
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;

    fn kek(seed: u8) -> LocalKek {
        LocalKek {
            domain: "registry".into(),
            epochs: vec![(1, Key256::from_bytes([seed; 32]))],
        }
    }

    #[test]
    fn a_key_opens_for_its_subject_only() {
        let kek = kek(1);
        let subject = Uuid::new_v4();
        let (key, wrapped) = kek.new_key(subject).unwrap();
        let bound = Bound::new("Patient", Uuid::new_v4());
        let sealed = key.seal(&bound, b"text").unwrap();
        assert_eq!(
            kek.open_key(subject, &wrapped)
                .unwrap()
                .open(&bound, &sealed)
                .unwrap()
                .as_slice(),
            b"text"
        );
        assert!(kek.open_key(Uuid::new_v4(), &wrapped).is_err());
        assert!(self::kek(2).open_key(subject, &wrapped).is_err());
        for at in 0..wrapped.len() {
            let mut altered = wrapped.clone();
            altered[at] ^= 1;
            assert!(kek.open_key(subject, &altered).is_err(), "byte {at}");
        }
    }
}
