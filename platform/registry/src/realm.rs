//! Whose people a request is about: the nation's, or those of one sandbox.
//!
//! A realm is named by the operator and comes here in a token, or in a request of the gateway. People of one realm do not
//! exist in another, nor for the nation, nor does the nation for them.

use dmp_core::problem::Problem;
use dmp_core::token::Claims;

/// Longest name, in bytes.
const LONGEST: usize = 128;

/// The nation, or a sandbox by its name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Realm<'a>(Option<&'a str>);

impl<'a> Realm<'a> {
    /// The realm of this name; the nation when there is none.
    ///
    /// # Errors
    /// 400 `realm-invalid`: an empty name is not the nation's.
    pub(crate) fn of(name: Option<&'a str>) -> Result<Self, Problem> {
        name.map_or(Ok(Self(None)), Self::sandbox)
    }

    /// The realm of a token.
    ///
    /// # Errors
    /// As [`Realm::of`].
    pub(crate) fn of_token(claims: &'a Claims) -> Result<Self, Problem> {
        Self::of(claims.realm.as_deref())
    }

    /// A sandbox's, never the nation.
    ///
    /// # Errors
    /// 400 `realm-invalid`.
    pub(crate) fn sandbox(name: &'a str) -> Result<Self, Problem> {
        let usable = !name.is_empty() && name.len() <= LONGEST && name.bytes().all(|b| b.is_ascii_graphic());
        if usable {
            Ok(Self(Some(name)))
        } else {
            Err(Problem::bad_request(
                "realm-invalid",
                "this is no name of a realm",
            ))
        }
    }

    /// The name; none for the nation.
    pub(crate) const fn name(self) -> Option<&'a str> {
        self.0
    }

    /// As the directory's tables have it.
    pub(crate) fn key(self) -> &'a str {
        self.0.unwrap_or_default()
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;

    #[test]
    fn the_nation_has_no_name_and_no_name_is_the_nations() {
        assert_eq!(Realm::of(None).unwrap().name(), None);
        assert_eq!(Realm::of(Some("a-1")).unwrap().name(), Some("a-1"));
        for bad in ["", " ", "a b", "a\0", "é", &"a".repeat(129)] {
            for realm in [Realm::of(Some(bad)), Realm::sandbox(bad)] {
                assert_eq!(realm.err().unwrap().code, "realm-invalid", "{bad:?}");
            }
        }
    }
}
