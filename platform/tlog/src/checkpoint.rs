//! Checkpoints: C2SP tlog-checkpoint in a signed-note, Ed25519, the key's name being the log's origin.

use async_trait::async_trait;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use signed_note::{Note, Signature, StandardVerifier, Verifier, VerifierList};
use tlog_tiles::{Checkpoint, Hash};

/// Algorithm byte of Ed25519 in a verifier key (C2SP signed-note).
const ED25519: u8 = 1;

#[derive(Debug, thiserror::Error)]
pub enum CheckpointError {
    #[error("`{0}` cannot name a log")]
    Origin(String),
    #[error("the signing key could not be used")]
    Signer(#[source] Box<dyn std::error::Error + Send + Sync>),
    #[error("the checkpoint is not a note")]
    Note(#[source] signed_note::NoteError),
    #[error("the checkpoint is not signed by the log's key")]
    Signature(#[source] signed_note::NoteError),
    #[error("the checkpoint's text is malformed")]
    Malformed,
    #[error("the checkpoint is of another log")]
    OtherLog,
}

/// The log's key, wherever it is kept (OpenBao transit: [`crate::openbao::TransitSigner`]).
#[async_trait]
pub trait CheckpointSigner: Send + Sync {
    /// The Ed25519 public key that [`CheckpointSigner::sign`] signs with.
    fn public_key(&self) -> [u8; 32];

    /// Ed25519 over `message`.
    ///
    /// # Errors
    /// [`CheckpointError::Signer`].
    async fn sign(&self, message: &[u8]) -> Result<Vec<u8>, CheckpointError>;
}

/// A signed tree head.
#[derive(Clone, Debug)]
pub struct Head {
    pub size: u64,
    pub root: Hash,
    /// The note, exactly as signed.
    pub note: String,
}

/// The verifier key of a log (C2SP signed-note): `<origin>+<key id>+<base64(0x01 ‖ key)>`.
pub fn vkey(origin: &str, key: &[u8; 32]) -> String {
    let encoded = encoded_key(key);
    format!(
        "{origin}+{:08x}+{}",
        signed_note::key_id(origin, &encoded),
        STANDARD.encode(&encoded)
    )
}

fn encoded_key(key: &[u8; 32]) -> Vec<u8> {
    [&[ED25519], key.as_slice()].concat()
}

/// Whether `origin` can name a log: no white space, no `+`.
///
/// # Errors
/// [`CheckpointError::Origin`].
pub fn check_origin(origin: &str) -> Result<(), CheckpointError> {
    if signed_note::is_key_name_valid(origin) {
        Ok(())
    } else {
        Err(CheckpointError::Origin(origin.to_owned()))
    }
}

/// Signs a tree head, and checks the signature before anybody can see it.
///
/// # Errors
/// [`CheckpointError::Signer`] when the key cannot be used, [`CheckpointError::Signature`] when it answered nonsense.
pub async fn sign(
    origin: &str,
    size: u64,
    root: Hash,
    signer: &dyn CheckpointSigner,
) -> Result<Head, CheckpointError> {
    let text = Checkpoint::new(origin, size, root, "")
        .map_err(|_| CheckpointError::Origin(origin.to_owned()))?
        .to_bytes();
    let key = signer.public_key();
    let id = signed_note::key_id(origin, &encoded_key(&key));
    let signature =
        Signature::new(origin.to_owned(), id, signer.sign(&text).await?).map_err(CheckpointError::Note)?;
    let note = Note::new(&text, &[signature]).map_err(CheckpointError::Note)?;
    let note = String::from_utf8(note.to_bytes()).map_err(|_| CheckpointError::Malformed)?;
    open(&note, origin, &key)
}

/// Reads a checkpoint of the log `origin` signed by `key`. Signatures by others (witnesses) are ignored.
///
/// # Errors
/// Says which check failed.
pub fn open(note: &str, origin: &str, key: &[u8; 32]) -> Result<Head, CheckpointError> {
    let parsed = Note::from_bytes(note.as_bytes()).map_err(CheckpointError::Note)?;
    let verifier: Box<dyn Verifier> =
        Box::new(StandardVerifier::new(&vkey(origin, key)).map_err(|_| CheckpointError::Malformed)?);
    parsed
        .verify(&VerifierList::new(vec![verifier]))
        .map_err(CheckpointError::Signature)?;
    let checkpoint = Checkpoint::from_bytes(parsed.text()).map_err(|_| CheckpointError::Malformed)?;
    if checkpoint.origin() != origin {
        return Err(CheckpointError::OtherLog);
    }
    Ok(Head {
        size: checkpoint.size(),
        root: *checkpoint.hash(),
        note: note.to_owned(),
    })
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use crate::log::tests_support::LocalSigner;

    #[tokio::test]
    async fn a_checkpoint_is_read_back_only_with_its_name_and_key() {
        let signer = LocalSigner::new();
        let key = signer.public_key();
        let head = sign("dmp.test/log/registry", 5, Hash([9; 32]), &signer)
            .await
            .unwrap();
        assert!(head.note.starts_with(
            "dmp.test/log/registry\n5\nCQkJCQkJCQkJCQkJCQkJCQkJCQkJCQkJCQkJCQkJCQk=\n\n— dmp.test/log/registry "
        ));
        assert_eq!(open(&head.note, "dmp.test/log/registry", &key).unwrap().size, 5);
        assert!(open(&head.note, "dmp.test/log/consent", &key).is_err());
        assert!(
            open(
                &head.note,
                "dmp.test/log/registry",
                &LocalSigner::new().public_key()
            )
            .is_err()
        );
        assert!(
            open(
                &head.note.replacen("\n5\n", "\n6\n", 1),
                "dmp.test/log/registry",
                &key
            )
            .is_err()
        );
        assert!(open("", "dmp.test/log/registry", &key).is_err());
    }

    #[tokio::test]
    async fn a_note_of_the_right_key_that_names_another_log_is_refused() {
        let signer = LocalSigner::new();
        let text = Checkpoint::new("other", 5, Hash([9; 32]), "").unwrap().to_bytes();
        let id = signed_note::key_id("mine", &encoded_key(&signer.public_key()));
        let line = Signature::new("mine".into(), id, signer.sign(&text).await.unwrap()).unwrap();
        let note = String::from_utf8(Note::new(&text, &[line]).unwrap().to_bytes()).unwrap();
        assert!(matches!(
            open(&note, "mine", &signer.public_key()),
            Err(CheckpointError::OtherLog)
        ));
    }

    #[tokio::test]
    async fn a_name_that_would_break_the_note_is_refused() {
        let signer = LocalSigner::new();
        for bad in ["", "a b", "a+b", "a\nb"] {
            assert!(check_origin(bad).is_err());
            assert!(sign(bad, 0, Hash([0; 32]), &signer).await.is_err());
        }
    }
}
