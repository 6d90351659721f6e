//! What a person can choose about an appliance, and its name.
//!
//! Where things lie on the disk follows from the name: see `paths`.

use std::{
    fmt,
    net::{Ipv4Addr, SocketAddrV4},
    path::PathBuf,
    str::FromStr,
};

use serde::{Deserialize, Serialize};

use crate::{error::Error, up::GATEWAY_PORT};

/// Choices shared by every appliance command.
#[derive(Debug, Clone, clap::Args)]
pub struct Options {
    /// Name of the appliance; several can live on one machine
    #[arg(long, env = "DMP_APPLIANCE", default_value = "dmp")]
    pub name: Name,

    /// Number of nodes
    #[arg(long, env = "DMP_NODES", default_value_t = 1, value_parser = clap::value_parser!(u8).range(1..=8))]
    pub nodes: u8,

    /// What connects the pods [default: what the appliance has, at first `cilium`]
    #[arg(long, env = "DMP_NETWORK")]
    pub network: Option<PodNetwork>,

    /// Publish the gateway, and nothing else, on this address of the machine until `down` [port: 30443]
    #[arg(long, env = "DMP_EXPOSE", value_name = "ADDR[:PORT]")]
    pub expose: Option<Expose>,

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
            network: None,
            expose: None,
            cache: None,
            binaries: None,
        }
    }
}

/// What connects the pods of an appliance.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, clap::ValueEnum)]
#[serde(rename_all = "kebab-case")]
pub enum PodNetwork {
    /// Cilium: NetworkPolicies are enforced
    #[default]
    Cilium,
    /// Plain routing: every pod reaches every other, NetworkPolicies have no effect; for tests of just that
    Plain,
}

/// Where the gateway is published: an IPv4 address of this machine and a port.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Expose(pub SocketAddrV4);

impl FromStr for Expose {
    type Err = Error;

    /// Reads `ADDR` or `ADDR:PORT`; the port is [`GATEWAY_PORT`] unless named.
    fn from_str(text: &str) -> Result<Self, Error> {
        let whole = text.parse::<SocketAddrV4>();
        let alone = || {
            text.parse::<Ipv4Addr>()
                .map(|ip| SocketAddrV4::new(ip, GATEWAY_PORT))
        };
        whole
            .or_else(|_| alone())
            .ok()
            .filter(|address| address.port() != 0)
            .map(Self)
            .ok_or_else(|| Error::BadExpose {
                text: text.to_owned(),
            })
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
    fn the_gateway_is_published_on_an_address_and_a_port() {
        let read = |text: &str| text.parse::<Expose>().map(|expose| expose.0.to_string());
        assert_eq!(read("192.0.2.7:443").expect("both"), "192.0.2.7:443");
        assert_eq!(read("192.0.2.7").expect("an address"), "192.0.2.7:30443");
        for bad in [
            "",
            "443",
            ":443",
            "192.0.2.7:0",
            "192.0.2.7:x",
            "gateway.example",
            "::1",
        ] {
            assert_eq!(read(bad).expect_err(bad).code(), "appliance-bad-expose");
        }
    }

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
