//! What a person can choose about an appliance, and its name.
//!
//! Where things lie on the disk follows from the name: see `paths`.

use std::{fmt, path::PathBuf, str::FromStr};

use crate::error::Error;

/// Choices shared by every appliance command.
#[derive(Debug, Clone, clap::Args)]
pub struct Options {
    /// Name of the appliance; several can live on one machine
    #[arg(long, env = "DMP_APPLIANCE", default_value = "dmp")]
    pub name: Name,

    /// Number of nodes
    #[arg(long, env = "DMP_NODES", default_value_t = 1, value_parser = clap::value_parser!(u8).range(1..=8))]
    pub nodes: u8,

    /// Folder for built parts and images, kept between runs [default: ~/.cache/dmp]
    #[arg(long, env = "DMP_CACHE")]
    pub cache: Option<PathBuf>,

    /// Folder with the product's binaries `dmp` and `dmp-operator` [default: where this program is]
    #[arg(long, env = "DMP_BINARIES")]
    pub binaries: Option<PathBuf>,
}

impl Default for Options {
    /// As the command line without arguments and environment.
    fn default() -> Self {
        Self {
            name: Name("dmp".to_owned()),
            nodes: 1,
            cache: None,
            binaries: None,
        }
    }
}

/// An appliance's name: one to eight of a-z and 0-9, a letter first, so that it fits into the names
/// of network devices (15 characters).
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Name(String);

impl Name {
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for Name {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl FromStr for Name {
    type Err = Error;

    fn from_str(name: &str) -> Result<Self, Error> {
        let fits = (1..=8).contains(&name.len())
            && name.starts_with(|c: char| c.is_ascii_lowercase())
            && name.chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit());
        if fits {
            Ok(Self(name.to_owned()))
        } else {
            Err(Error::BadName {
                name: name.to_owned(),
            })
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_fit_into_device_names() {
        for good in ["dmp", "a", "test2", "abcdefgh"] {
            assert!(good.parse::<Name>().is_ok(), "{good}");
        }
        for bad in ["", "abcdefghi", "2dmp", "Dmp", "d-p", "d/p", "../x"] {
            let error = bad.parse::<Name>().expect_err(bad);
            assert_eq!(error.code(), "appliance-bad-name");
        }
    }
}
