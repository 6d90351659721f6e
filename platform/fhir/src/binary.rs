//! Binary: the document itself, base64 in JSON.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde_json::Value;

use crate::element::Element;
use crate::error::FhirError;

pub struct Binary<'a> {
    pub content_type: &'a str,
    pub data: Vec<u8>,
}

impl<'a> Binary<'a> {
    /// # Errors
    /// `element-missing` without content type or data, `value-invalid` when the data is not base64 or the content
    /// type is not one.
    pub fn parse(resource: &'a Value) -> Result<Self, FhirError> {
        let element = Element::resource(resource, "Binary")?;
        let content_type = element.required("contentType")?;
        if !is_media_type(content_type) {
            return Err(FhirError::value(element.at("contentType"), "not a media type"));
        }
        let data = decode(element.required("data")?, &element.at("data"))?;
        Ok(Self { content_type, data })
    }
}

/// FHIR base64Binary (white space between characters is allowed).
///
/// # Errors
/// `value-invalid` when it is not base64.
pub fn decode(text: &str, path: &str) -> Result<Vec<u8>, FhirError> {
    let wrong = |_| FhirError::value(path, "not base64");
    if text.bytes().any(|b| b.is_ascii_whitespace()) {
        let compact: Vec<u8> = text.bytes().filter(|b| !b.is_ascii_whitespace()).collect();
        return STANDARD.decode(compact).map_err(wrong);
    }
    STANDARD.decode(text).map_err(wrong)
}

/// `type/subtype` with optional parameters, fit for an HTTP header.
fn is_media_type(text: &str) -> bool {
    let token = |part: &str| {
        !part.is_empty()
            && part
                .bytes()
                .all(|b| b.is_ascii_alphanumeric() || b"!#$&-^_.+".contains(&b))
    };
    let essence = text.split(';').next().unwrap_or_default().trim();
    text.len() <= 255
        && text.bytes().all(|b| (b' '..=b'~').contains(&b))
        && essence
            .split_once('/')
            .is_some_and(|(kind, subtype)| token(kind) && token(subtype))
}
