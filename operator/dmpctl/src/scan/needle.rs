//! One text to look for, and the byte patterns it may be written as.

use base64::engine::general_purpose::{STANDARD_NO_PAD, URL_SAFE_NO_PAD};

/// Shorter texts occur by chance, in base64 above all.
const SHORTEST: usize = 6;

/// A text with a label; only the label is ever shown.
#[derive(Clone)]
pub struct Needle {
    label: String,
    text: String,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Encoding {
    Utf8,
    Utf16Le,
    Utf16Be,
    Hex,
    /// The offset of the text in a group of three bytes.
    Base64(u8),
    Base64Url(u8),
    /// `\u0627…`, as JSON may write what is not ASCII.
    JsonEscape,
    Percent,
}

impl Encoding {
    /// Base64 says another thing in another case; all else is looked for in any case.
    pub(super) const fn case_matters(self) -> bool {
        matches!(self, Self::Base64(_) | Self::Base64Url(_))
    }
}

#[derive(Debug, thiserror::Error, PartialEq, Eq)]
pub enum NeedleError {
    #[error("the needle `{0}` has less than {SHORTEST} bytes: it would be found by chance")]
    TooShort(String),
    #[error("there are more needles than can be looked for at once")]
    TooMany,
}

impl Needle {
    pub fn new(label: impl Into<String>, text: impl Into<String>) -> Self {
        Self {
            label: label.into(),
            text: text.into(),
        }
    }

    pub fn label(&self) -> &str {
        &self.label
    }

    /// Every form of the text, each once.
    pub(super) fn patterns(&self) -> Result<Vec<(Encoding, Vec<u8>)>, NeedleError> {
        let text = self.text.as_str();
        let bytes = text.as_bytes();
        if bytes.len() < SHORTEST {
            return Err(NeedleError::TooShort(self.label.clone()));
        }
        let mut patterns = vec![
            (Encoding::Utf8, bytes.to_vec()),
            (
                Encoding::Utf16Le,
                text.encode_utf16().flat_map(u16::to_le_bytes).collect(),
            ),
            (
                Encoding::Utf16Be,
                text.encode_utf16().flat_map(u16::to_be_bytes).collect(),
            ),
            (Encoding::Hex, hex::encode(bytes).into_bytes()),
        ];
        for offset in 0..3u8 {
            patterns.push((
                Encoding::Base64(offset),
                base64_at(&STANDARD_NO_PAD, bytes, offset),
            ));
            let url = base64_at(&URL_SAFE_NO_PAD, bytes, offset);
            if patterns.last().is_some_and(|(_, standard)| *standard != url) {
                patterns.push((Encoding::Base64Url(offset), url));
            }
        }
        if !text.is_ascii() {
            patterns.push((Encoding::JsonEscape, json_escape(text)));
        }
        let percent = percent(bytes);
        if percent != bytes {
            patterns.push((Encoding::Percent, percent));
        }
        Ok(patterns)
    }
}

/// The base64 characters that depend on the text alone, when it begins at this offset of a group of three bytes.
fn base64_at(engine: &impl base64::Engine, bytes: &[u8], offset: u8) -> Vec<u8> {
    let offset = usize::from(offset);
    let mut padded = vec![0u8; offset];
    padded.extend_from_slice(bytes);
    let encoded = engine.encode(&padded).into_bytes();
    // A character holds 6 bits: drop those which share bits with what stands before and after.
    let first = (offset * 8).div_ceil(6);
    let last = padded.len() * 8 / 6;
    encoded.get(first..last).unwrap_or_default().to_vec()
}

fn json_escape(text: &str) -> Vec<u8> {
    let mut out = String::new();
    for character in text.chars() {
        if character.is_ascii() {
            out.push(character);
        } else {
            let mut units = [0u16; 2];
            for unit in character.encode_utf16(&mut units) {
                out.push_str(&format!("\\u{unit:04x}"));
            }
        }
    }
    out.into_bytes()
}

/// RFC 3986: everything but unreserved characters.
fn percent(bytes: &[u8]) -> Vec<u8> {
    let mut out = Vec::new();
    for byte in bytes {
        if byte.is_ascii_alphanumeric() || b"-._~".contains(byte) {
            out.push(*byte);
        } else {
            out.extend_from_slice(format!("%{byte:02X}").as_bytes());
        }
    }
    out
}
