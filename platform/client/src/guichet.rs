//! What the gateway tells the portal about who is at the guichet.
//!
//! The gateway has verified the person's log-in (OIDC) and passes the request on as it came, with this in a header. The portal believes it
//! because only the gateway may call it.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde::{Deserialize, Serialize};

/// Header with the [`Person`]; absent when nobody logged in.
pub const PERSON_HEADER: &str = "dmp-person";
/// What the paths of the guichet begin with, at the gateway and at the portal.
pub const PREFIX: &str = "/guichet/v1";
/// Longest body of a request at the guichet, in bytes: a bill of materials.
pub const MAX_BODY: usize = 12 * 1024 * 1024;

/// A person, as their issuer of log-ins knows them. No `Debug`: it names somebody.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Person {
    /// `iss` of the log-in.
    pub issuer: String,
    /// `sub` of the log-in.
    pub subject: String,
}

impl Person {
    /// The header's value.
    pub fn to_header(&self) -> String {
        let json = serde_json::json!({ "issuer": self.issuer, "subject": self.subject });
        URL_SAFE_NO_PAD.encode(json.to_string())
    }

    /// From the header's value; `None` when it is none.
    pub fn from_header(text: &str) -> Option<Self> {
        serde_json::from_slice(&URL_SAFE_NO_PAD.decode(text).ok()?).ok()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_person_travels_in_a_header_whatever_the_name() {
        let person = Person {
            issuer: "https://issuer.test/réalme".to_owned(),
            subject: "a\r\nb \"é\"".to_owned(),
        };
        let header = person.to_header();
        assert!(header.bytes().all(|byte| byte.is_ascii_graphic()));
        assert!(Person::from_header(&header) == Some(person));
        assert!(Person::from_header("e30").is_none(), "no issuer, no subject");
        assert!(Person::from_header("%").is_none());
    }
}
