//! A bill of materials: is it CycloneDX, and does it name anything? Its form alone; what is in it is the reviewers' to read.

use serde::Deserialize;

use crate::canonical::digest;

/// The longest one, in bytes.
pub const MAX_BYTES: usize = 10 * 1024 * 1024;
/// Versions of the format (ECMA-424) that tools of today write.
const VERSIONS: [&str; 4] = ["1.4", "1.5", "1.6", "1.7"];

/// Why it is none.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Invalid {
    #[error("it is longer than 10 MiB")]
    TooLong,
    #[error("it is not CycloneDX in JSON (line {line}, column {column})")]
    NotCycloneDx { line: usize, column: usize },
    #[error("its bomFormat is not `CycloneDX`")]
    OtherFormat,
    #[error("its specVersion is none of 1.4 to 1.7")]
    OtherVersion,
    #[error("it names no component")]
    Empty,
    #[error("component {0} has no name")]
    Unnamed(usize),
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Bom {
    bom_format: String,
    spec_version: String,
    #[serde(default)]
    components: Vec<Component>,
}

#[derive(Deserialize)]
struct Component {
    #[serde(rename = "type")]
    _kind: String,
    #[serde(default)]
    name: String,
}

/// SHA-256 of the text, hex.
///
/// # Errors
/// [`Invalid`].
pub fn check(text: &str) -> Result<String, Invalid> {
    if text.len() > MAX_BYTES {
        return Err(Invalid::TooLong);
    }
    let bom: Bom = serde_json::from_str(text).map_err(|error| Invalid::NotCycloneDx {
        line: error.line(),
        column: error.column(),
    })?;
    if bom.bom_format != "CycloneDX" {
        return Err(Invalid::OtherFormat);
    }
    if !VERSIONS.contains(&bom.spec_version.as_str()) {
        return Err(Invalid::OtherVersion);
    }
    if bom.components.is_empty() {
        return Err(Invalid::Empty);
    }
    let unnamed = |component: &Component| component.name.trim().is_empty();
    if let Some(index) = bom.components.iter().position(unnamed) {
        return Err(Invalid::Unnamed(index));
    }
    Ok(digest(text.as_bytes()))
}

#[cfg(test)]
mod tests {
    use super::*;

    const GOOD: &str =
        r#"{"bomFormat":"CycloneDX","specVersion":"1.6","components":[{"type":"library","name":"tls"}]}"#;

    #[test]
    fn a_bill_of_materials_names_what_is_in_it() {
        assert_eq!(check(GOOD), Ok(digest(GOOD.as_bytes())));
    }

    #[test]
    fn what_is_none_is_refused_and_says_where() {
        let deep = format!("{}1{}", "[".repeat(100_000), "]".repeat(100_000));
        for (text, expected) in [
            ("{", Invalid::NotCycloneDx { line: 1, column: 1 }),
            (
                "{\"bomFormat\":\"CycloneDX\"}",
                Invalid::NotCycloneDx { line: 1, column: 25 },
            ),
            (&GOOD.replace("CycloneDX", "SPDX"), Invalid::OtherFormat),
            (&GOOD.replace("1.6", "1.0"), Invalid::OtherVersion),
            (
                &GOOD.replace(r#"{"type":"library","name":"tls"}"#, ""),
                Invalid::Empty,
            ),
            (&GOOD.replace("tls", " "), Invalid::Unnamed(0)),
        ] {
            assert_eq!(check(text), Err(expected), "{text}");
        }
        assert!(matches!(check(&deep), Err(Invalid::NotCycloneDx { .. })));
    }

    #[test]
    fn fifty_megabytes_are_refused_unread() {
        assert_eq!(check(&" ".repeat(50 * 1024 * 1024)), Err(Invalid::TooLong));
    }
}
