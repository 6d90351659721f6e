//! Identifiers as types: what may be logged has `Debug` and `Display`, what speaks of a person has neither.

use serde::{Deserialize, Serialize};
use uuid::Uuid;

macro_rules! opaque_id {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
        #[serde(transparent)]
        pub struct $name(Uuid);

        impl $name {
            /// A new random id (UUID v4: it tells neither time nor order).
            pub fn random() -> Self {
                Self(Uuid::new_v4())
            }

            pub const fn from_uuid(id: Uuid) -> Self {
                Self(id)
            }

            pub const fn as_uuid(&self) -> &Uuid {
                &self.0
            }
        }

        impl std::str::FromStr for $name {
            type Err = uuid::Error;

            fn from_str(text: &str) -> Result<Self, Self::Err> {
                text.parse().map(Self)
            }
        }
    };
}

opaque_id!(
    /// A patient in the registry, and the FHIR logical id outside. No `Debug`: it never goes to a log.
    PatientId
);
opaque_id!(
    /// A patient inside one domain (a group, consent, audit). No `Debug`: it never goes to a log.
    Pseudonym
);

/// A health group's name: the `metadata.name` of its `HealthGroup`, a DNS label of at most 40 characters.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct GroupName(String);

#[derive(Debug, thiserror::Error)]
#[error("`{0}` is not a group name: lower-case letters, digits and `-`, at most 40 characters")]
pub struct InvalidGroupName(String);

impl GroupName {
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The namespace of the group's workloads.
    pub fn namespace(&self) -> String {
        format!("dmp-{}", self.0)
    }

    /// The group's namespace in OpenBao.
    pub fn openbao_namespace(&self) -> String {
        format!("group-{}", self.0)
    }

    /// What public resource ids begin with: the first 8 hex digits of SHA-256 of the name.
    pub fn tag(&self) -> String {
        let digest = aws_lc_rs::digest::digest(&aws_lc_rs::digest::SHA256, self.0.as_bytes());
        hex::encode(&digest.as_ref()[..4])
    }
}

impl TryFrom<String> for GroupName {
    type Error = InvalidGroupName;

    fn try_from(name: String) -> Result<Self, Self::Error> {
        let valid = (1..=40).contains(&name.len())
            && name
                .bytes()
                .all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-')
            && !name.starts_with('-')
            && !name.ends_with('-');
        if valid {
            Ok(Self(name))
        } else {
            Err(InvalidGroupName(name))
        }
    }
}

impl std::str::FromStr for GroupName {
    type Err = InvalidGroupName;

    fn from_str(name: &str) -> Result<Self, Self::Err> {
        name.to_owned().try_into()
    }
}

impl From<GroupName> for String {
    fn from(name: GroupName) -> Self {
        name.0
    }
}

impl std::fmt::Display for GroupName {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.0)
    }
}

/// A FHIR identifier of a person: `system|value`. No `Debug`: it never goes to a log.
#[derive(Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Identifier {
    pub system: String,
    pub value: String,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn group_names_are_dns_labels() {
        assert!("tanger-tetouan-al-hoceima".parse::<GroupName>().is_ok());
        for bad in ["", "-a", "a-", "A", "a_b", &"x".repeat(41)] {
            assert!(bad.parse::<GroupName>().is_err(), "{bad}");
        }
    }

    #[test]
    fn tag_is_the_start_of_sha256() {
        let name: GroupName = "abc".parse().expect("valid");
        assert_eq!(name.tag(), "ba7816bf");
    }
}
