//! A signed checkpoint: C2SP signed-note around C2SP tlog-checkpoint.

use ed25519_dalek::Signature;

use crate::keys::Trusted;
use crate::merkle::Hash;
use crate::text;

/// The largest note that is read, in bytes.
const MAX_BYTES: usize = 1_000_000;

/// Why a checkpoint is not accepted.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub enum NoteError {
    #[error("the checkpoint is not a signed note")]
    NotANote,
    #[error("the checkpoint's text is malformed")]
    Malformed,
    #[error("no key of log `{0}` was given")]
    UnknownLog(String),
    #[error("the checkpoint is not signed by the log's key")]
    Unsigned,
    #[error("the checkpoint's signature is wrong")]
    WrongSignature,
}

/// A tree head whose signature has been checked.
#[derive(Debug, PartialEq, Eq)]
pub struct Checkpoint {
    pub origin: String,
    pub size: u64,
    pub root: Hash,
}

/// Reads a note and checks that a trusted key of the log it names has signed it.
pub fn open(note: &str, trusted: &Trusted) -> Result<Checkpoint, NoteError> {
    let printable = |c: char| c == '\n' || c >= ' ';
    if note.len() > MAX_BYTES || !note.chars().all(printable) {
        return Err(NoteError::NotANote);
    }
    let (body, signatures) = note.rsplit_once("\n\n").ok_or(NoteError::NotANote)?;
    let signatures = signatures.strip_suffix('\n').ok_or(NoteError::NotANote)?;
    // The text that is signed ends with the newline before the empty line.
    let signed = note.get(..body.len() + 1).ok_or(NoteError::NotANote)?;
    let checkpoint = parse(body)?;
    check_signatures(signed, signatures, &checkpoint.origin, trusted)?;
    Ok(checkpoint)
}

fn parse(body: &str) -> Result<Checkpoint, NoteError> {
    let mut lines = body.split('\n');
    let (Some(origin), Some(size), Some(root)) = (lines.next(), lines.next(), lines.next()) else {
        return Err(NoteError::Malformed);
    };
    let number: u64 = size.parse().map_err(|_| NoteError::Malformed)?;
    let extensions_are_lines = lines.all(|line| !line.is_empty());
    if origin.is_empty() || number.to_string() != size || !extensions_are_lines {
        return Err(NoteError::Malformed);
    }
    let root = text::hash(root).ok_or(NoteError::Malformed)?;
    Ok(Checkpoint {
        origin: origin.to_owned(),
        size: number,
        root,
    })
}

fn check_signatures(
    signed: &str,
    signatures: &str,
    origin: &str,
    trusted: &Trusted,
) -> Result<(), NoteError> {
    let keys = trusted.of(origin);
    if keys.is_empty() {
        return Err(NoteError::UnknownLog(text::shown(origin)));
    }
    let mut good = false;
    for line in signatures.split('\n') {
        let (name, signature) = line
            .strip_prefix("— ")
            .and_then(|rest| rest.split_once(' '))
            .ok_or(NoteError::NotANote)?;
        let signature = text::bytes(signature).ok_or(NoteError::NotANote)?;
        let (id, signature) = signature.split_at_checked(4).ok_or(NoteError::NotANote)?;
        let Some(key) = keys.iter().find(|key| name == origin && key.id == *id) else {
            continue; // a witness's, or an older key's
        };
        let signature = Signature::from_slice(signature).map_err(|_| NoteError::WrongSignature)?;
        key.key
            .verify_strict(signed.as_bytes(), &signature)
            .map_err(|_| NoteError::WrongSignature)?;
        good = true;
    }
    if good { Ok(()) } else { Err(NoteError::Unsigned) }
}
