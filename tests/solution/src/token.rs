//! The token: the professional's log-in, exchanged for a token of the platform (RFC 8693).
//!
//! It is bound to the software's certificate and short-lived. It is kept in memory, sent to the gateway only, and
//! renewed when the gateway does not take it any more.

use crate::call::{Call, Operation};
use crate::error::{Result, SolutionError};

const GRANT: &str = "urn:ietf:params:oauth:grant-type:token-exchange";
const ID_TOKEN: &str = "urn:ietf:params:oauth:token-type:id_token";

/// Who works with the software and what for. No `Debug`: it holds the log-in.
pub struct TokenExchange {
    id_token: String,
    purpose: String,
    token: Option<String>,
}

impl TokenExchange {
    pub const fn new(id_token: String, purpose: String) -> Self {
        Self {
            id_token,
            purpose,
            token: None,
        }
    }

    /// The token that was given and not yet found invalid.
    pub fn current(&self) -> Option<String> {
        self.token.clone()
    }

    /// The gateway does not take it any more.
    pub fn forget(&mut self) {
        self.token = None;
    }

    /// What is asked of the token endpoint: for whom, and for which purpose of use.
    pub fn call(&self) -> Call {
        let form = [
            ("grant_type", GRANT),
            ("subject_token", self.id_token.as_str()),
            ("subject_token_type", ID_TOKEN),
            ("purpose", self.purpose.as_str()),
        ];
        Call::form(Operation::Token, "/oauth2/token", form)
    }

    /// Takes the answer to [`TokenExchange::call`].
    ///
    /// # Errors
    /// When there is no token in it.
    pub fn take(&mut self, answer: &serde_json::Value) -> Result<String> {
        let token = answer
            .get("access_token")
            .and_then(serde_json::Value::as_str)
            .ok_or(SolutionError::NotUnderstood {
                operation: Operation::Token,
                what: "there is no access_token in it",
            })?;
        self.token = Some(token.to_owned());
        Ok(token.to_owned())
    }

    /// From here on for another purpose.
    pub fn change_purpose(&mut self, purpose: &str) {
        purpose.clone_into(&mut self.purpose);
        self.forget();
    }
}
