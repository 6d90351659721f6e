//! What a call of OpenBao can fail with. No variant carries a body, a token or a header.

use reqwest::StatusCode;
use serde::Deserialize;

/// Longest text taken over from an error answer, in characters.
const MAX_TEXT: usize = 300;

#[derive(Debug, thiserror::Error)]
pub enum Error {
    #[error("the OpenBao configuration is not usable: {0}")]
    Configuration(String),
    #[error("the file with the log-in token `{path}` cannot be read")]
    TokenFile {
        path: String,
        #[source]
        source: std::io::Error,
    },
    #[error("OpenBao cannot be reached")]
    Unreachable(#[source] reqwest::Error),
    #[error("OpenBao is sealed, starting or overloaded (status {0})")]
    Unavailable(u16),
    #[error("OpenBao refused the log-in of role `{role}`: {text}")]
    LogIn { role: String, text: String },
    #[error("OpenBao does not permit `{path}`")]
    Forbidden { path: String },
    #[error("OpenBao has nothing at `{path}`")]
    NotFound { path: String },
    #[error("OpenBao refused `{path}` (status {status}): {text}")]
    Rejected { path: String, status: u16, text: String },
    #[error("the answer of OpenBao to `{path}` is not understood")]
    Malformed { path: String },
}

impl Error {
    pub(crate) fn unreachable(error: reqwest::Error) -> Self {
        Self::Unreachable(error.without_url())
    }

    pub(crate) fn malformed(path: &str) -> Self {
        Self::Malformed {
            path: path.to_owned(),
        }
    }

    pub(crate) fn rejected(path: &str, status: StatusCode, body: &[u8]) -> Self {
        let path = path.to_owned();
        match status.as_u16() {
            403 => Self::Forbidden { path },
            404 => Self::NotFound { path },
            status @ (429 | 472 | 473 | 502..=504) => Self::Unavailable(status),
            status => Self::Rejected {
                path,
                status,
                text: error_text(body),
            },
        }
    }

    /// Whether the server is away for now, rather than the call wrong.
    pub const fn is_unavailable(&self) -> bool {
        matches!(self, Self::Unreachable(_) | Self::Unavailable(_))
    }

    pub const fn is_not_found(&self) -> bool {
        matches!(self, Self::NotFound { .. })
    }
}

/// The server's own words (`{"errors":[…]}`), bounded, on one line.
pub(crate) fn error_text(body: &[u8]) -> String {
    #[derive(Deserialize)]
    struct Errors {
        #[serde(default)]
        errors: Vec<String>,
    }
    let text = serde_json::from_slice::<Errors>(body)
        .map(|e| e.errors.join("; "))
        .unwrap_or_default();
    let text: String = text
        .chars()
        .map(|c| if c.is_control() { ' ' } else { c })
        .take(MAX_TEXT)
        .collect();
    if text.is_empty() {
        "no reason given".to_owned()
    } else {
        text
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn error_text_is_bounded_and_on_one_line() {
        assert_eq!(error_text(br#"{"errors":["a\nb","c"]}"#), "a b; c");
        assert_eq!(error_text(b"<html>"), "no reason given");
        let long = format!(r#"{{"errors":["{}"]}}"#, "x".repeat(1000));
        assert_eq!(error_text(long.as_bytes()).chars().count(), MAX_TEXT);
    }
}
