//! Every way in which the appliance refuses or fails, each with a code that stays the same.
//!
//! A message is one sentence: what is wrong and, where a person can mend it, how. Codes are for
//! scripts and for the documentation; messages may be reworded.

use std::{io, net::SocketAddrV4, path::PathBuf, time::Duration};

/// What stopped an appliance command.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    #[error("the appliance makes network namespaces and containers: run it as root")]
    NotRoot,

    #[error("Go is not on the PATH and Kubernetes is built with it: install Go {needed} or newer")]
    GoMissing { needed: String },

    #[error("Go {found} is too old to build Kubernetes: install Go {needed} or newer")]
    GoTooOld { found: String, needed: String },

    #[error("{range} is needed by the appliance but `{device}` of this machine has {taken}")]
    AddressTaken {
        range: String,
        device: String,
        taken: String,
    },

    #[error("all {slots} address ranges are given to other appliances: `clean` one of them first")]
    NoAddressesLeft { slots: u8 },

    #[error(
        "`{}` has {free_gib} GiB free and the appliance needs {needed_gib} GiB: make room first",
        path.display()
    )]
    DiskFull {
        path: PathBuf,
        free_gib: u64,
        needed_gib: u64,
    },

    #[error("the kernel lacks {feature}, without which no node can run")]
    KernelFeature { feature: &'static str },

    #[error("this machine is not Debian or has no apt-get, and `{missing}` is not installed")]
    NotDebian { missing: String },

    #[error(
        "`{}` does not exist: build the workspace first (cargo build --workspace)",
        path.display()
    )]
    BinaryMissing { path: PathBuf },

    #[error("another command is at work on the appliance `{name}`: wait for it to end")]
    Busy { name: String },

    #[error("the appliance `{name}` is not running: bring it up first (dmpctl appliance up)")]
    NotRunning { name: String },

    #[error("`{name}` is no name for an appliance: use one to eight of a-z and 0-9, a letter first")]
    BadName { name: String },

    #[error("`{text}` is no place to publish the gateway: use an IPv4 address, or address:port")]
    BadExpose { text: String },

    #[error(
        "the gateway cannot be published on {address}: choose an address of this machine and a free port"
    )]
    ExposeRefused {
        address: SocketAddrV4,
        source: io::Error,
    },

    #[error("the appliance `{name}` has no node `{node}`: it has {nodes}")]
    NoSuchNode {
        name: String,
        node: String,
        nodes: String,
    },

    #[error(
        "the pods of `{name}` run on another network: take it down first (dmpctl appliance down --name {name})"
    )]
    NetworkChanged { name: String },

    #[error("could not {what}: {detail}")]
    Command { what: String, detail: String },

    #[error("`{daemon}` ended by itself; its log `{}` says: {tail}", log.display())]
    DaemonDied {
        daemon: String,
        log: PathBuf,
        tail: String,
    },

    #[error("{what} did not come about within {} s: {detail}", after.as_secs())]
    Timeout {
        what: String,
        after: Duration,
        detail: String,
    },

    #[error("could not {what} `{}`", path.display())]
    File {
        what: &'static str,
        path: PathBuf,
        source: io::Error,
    },

    #[error("could not {what}")]
    System { what: &'static str, source: io::Error },

    #[error("could not make the certificate of `{subject}`")]
    Certificate { subject: String, source: rcgen::Error },

    #[error("`{}` is damaged ({detail}): remove it and run the command again", path.display())]
    Damaged { path: PathBuf, detail: String },
}

pub type Result<T, E = Error> = std::result::Result<T, E>;

impl Error {
    /// The stable name of this failure, for scripts and documentation.
    pub fn code(&self) -> &'static str {
        match self {
            Self::NotRoot => "appliance-not-root",
            Self::GoMissing { .. } => "appliance-go-missing",
            Self::GoTooOld { .. } => "appliance-go-too-old",
            Self::AddressTaken { .. } => "appliance-address-taken",
            Self::NoAddressesLeft { .. } => "appliance-no-addresses-left",
            Self::DiskFull { .. } => "appliance-disk-full",
            Self::KernelFeature { .. } => "appliance-kernel-feature",
            Self::NotDebian { .. } => "appliance-not-debian",
            Self::BinaryMissing { .. } => "appliance-binary-missing",
            Self::Busy { .. } => "appliance-busy",
            Self::NotRunning { .. } => "appliance-not-running",
            Self::BadName { .. } => "appliance-bad-name",
            Self::BadExpose { .. } => "appliance-bad-expose",
            Self::ExposeRefused { .. } => "appliance-expose-refused",
            Self::NoSuchNode { .. } => "appliance-no-such-node",
            Self::NetworkChanged { .. } => "appliance-network-changed",
            Self::Command { .. } => "appliance-command-failed",
            Self::DaemonDied { .. } => "appliance-daemon-died",
            Self::Timeout { .. } => "appliance-timeout",
            Self::File { .. } => "appliance-file",
            Self::System { .. } => "appliance-system",
            Self::Certificate { .. } => "appliance-certificate",
            Self::Damaged { .. } => "appliance-damaged",
        }
    }

    /// What to do, where the message does not already say it.
    pub fn remedy(&self) -> Option<&'static str> {
        match self {
            Self::AddressTaken { .. } => Some("give that device another range, or take it down"),
            Self::KernelFeature { .. } => Some("use Debian 12's own kernel, or one built with this feature"),
            Self::NotDebian { .. } => Some("use Debian 12, or install what is named yourself"),
            Self::Command { .. } | Self::System { .. } => {
                Some("mend what the message names and run the command again: it goes on where it was")
            }
            Self::DaemonDied { .. } => Some(
                "read that log; `dmpctl appliance up` starts it again, `dmpctl appliance clean` begins anew",
            ),
            Self::Timeout { .. } => Some(
                "look at `dmpctl status` and `kubectl get pods -A`; run the command again: it goes on where it was",
            ),
            Self::File { .. } => Some("check the path, its owner and the space left"),
            Self::Certificate { .. } => Some("check the clock of this machine and run the command again"),
            _ => None,
        }
    }
}

/// Gives an I/O result the file it is about.
pub(crate) trait FileContext<T> {
    fn on(self, what: &'static str, path: impl Into<PathBuf>) -> Result<T>;
}

impl<T, E: Into<io::Error>> FileContext<T> for std::result::Result<T, E> {
    fn on(self, what: &'static str, path: impl Into<PathBuf>) -> Result<T> {
        self.map_err(|source| Error::File {
            what,
            path: path.into(),
            source: source.into(),
        })
    }
}
