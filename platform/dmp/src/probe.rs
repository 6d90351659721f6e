//! `dmp probe`: does the network enforce its policies? One program connects, another listens; both end by themselves.
//!
//! `connect` tries connections that should pass and connections that should not, and writes what became of them. It
//! judges nothing: the operator renders the pods, knows the policies and reads the report.

use std::io;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::str::FromStr;
use std::time::Duration;

use clap::{Args, Subcommand};
use dmp_client::probe::{Expected, Flow, Outcome, Report};
use futures::future::join_all;
use tokio::net::{TcpListener, TcpStream, lookup_host};
use tokio::time::{sleep, timeout};

/// A name that is not answered within this has no address.
const RESOLVE: Duration = Duration::from_secs(5);
/// Between rounds.
const PAUSE: Duration = Duration::from_secs(1);
/// A network may take a moment to know a new pod: it is asked so often before it counts.
const ROUNDS: usize = 6;
/// Rounds in a row that must be as expected before the rest is not needed.
const CONFIRMED: usize = 2;

#[derive(Debug, thiserror::Error)]
pub enum Error {
    #[error("port {port} cannot be listened on")]
    Listen {
        port: u16,
        #[source]
        source: io::Error,
    },
    #[error("the report cannot be written to `{path}`")]
    Report {
        path: PathBuf,
        #[source]
        source: io::Error,
    },
    #[error("the report cannot be put into words")]
    Json(#[from] serde_json::Error),
}

#[derive(Subcommand)]
pub enum Probe {
    /// Try connections and report what became of them.
    Connect(Connect),
    /// Accept connections and close them.
    Listen(Listen),
}

#[derive(Args)]
pub struct Connect {
    /// A connection that should pass: `<name>=<host>:<port>`.
    #[arg(long)]
    allow: Vec<Target>,
    /// A connection that should not.
    #[arg(long)]
    deny: Vec<Target>,
    /// Milliseconds to wait for one connection.
    #[arg(long, default_value_t = 2000)]
    timeout: u64,
    /// Where the report goes, as JSON.
    #[arg(long, default_value = "/dev/termination-log")]
    report: PathBuf,
}

#[derive(Args)]
pub struct Listen {
    #[arg(long, required = true)]
    port: Vec<u16>,
    /// Seconds after which it ends.
    #[arg(long, default_value_t = 120)]
    seconds: u64,
}

/// `<name>=<host>:<port>`.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Target {
    name: String,
    address: String,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a target is `<name>=<host>:<port>`")]
struct NotATarget;

impl FromStr for Target {
    type Err = NotATarget;

    fn from_str(text: &str) -> Result<Self, NotATarget> {
        let (name, address) = text.split_once('=').ok_or(NotATarget)?;
        let (host, port) = address.rsplit_once(':').ok_or(NotATarget)?;
        if name.is_empty() || host.is_empty() || port.parse::<u16>().is_err() {
            return Err(NotATarget);
        }
        Ok(Self {
            name: name.to_owned(),
            address: address.to_owned(),
        })
    }
}

/// # Errors
/// When a port is taken, or the report cannot be written.
pub async fn run(probe: &Probe) -> Result<(), Error> {
    match probe {
        Probe::Connect(connect) => {
            let report = report(connect).await;
            std::fs::write(&connect.report, serde_json::to_vec(&report)?).map_err(|source| Error::Report {
                path: connect.report.clone(),
                source,
            })
        }
        Probe::Listen(listen) => self::listen(listen).await,
    }
}

/// Rounds of all connections, until they are as expected or time is up; the last round counts.
async fn report(connect: &Connect) -> Report {
    let limit = Duration::from_millis(connect.timeout);
    let targets = || {
        let of = |expected| move |target| (expected, target);
        let allow = connect.allow.iter().map(of(Expected::Allow));
        allow.chain(connect.deny.iter().map(of(Expected::Deny)))
    };
    let mut report = Report::default();
    let mut held = 0;
    for round in 0..ROUNDS {
        if round > 0 {
            sleep(PAUSE).await;
        }
        let flows = targets().map(|(expected, target)| async move {
            Flow {
                name: target.name.clone(),
                expected,
                outcome: attempt(&target.address, limit).await,
            }
        });
        report.flows = join_all(flows).await;
        held = if report.flows.iter().all(Flow::holds) {
            held + 1
        } else {
            0
        };
        if held == CONFIRMED {
            break;
        }
    }
    report
}

async fn attempt(address: &str, limit: Duration) -> Outcome {
    let addresses: Vec<SocketAddr> = match timeout(RESOLVE, lookup_host(address)).await {
        Ok(Ok(addresses)) => addresses.collect(),
        Ok(Err(_)) | Err(_) => Vec::new(),
    };
    let mut outcome = Outcome::Unresolved;
    for address in addresses {
        outcome = match timeout(limit, TcpStream::connect(address)).await {
            Ok(Ok(_)) => return Outcome::Connected,
            Ok(Err(_)) => Outcome::Refused,
            Err(_) => Outcome::Silent,
        };
    }
    outcome
}

async fn listen(listen: &Listen) -> Result<(), Error> {
    let mut listeners = Vec::new();
    for port in &listen.port {
        // `::` takes IPv4 too, where there is IPv6 at all.
        let listener = match TcpListener::bind(("::", *port)).await {
            Ok(listener) => listener,
            Err(_) => TcpListener::bind(("0.0.0.0", *port))
                .await
                .map_err(|source| Error::Listen { port: *port, source })?,
        };
        listeners.push(listener);
    }
    let accept = listeners.iter().map(|listener| async move {
        loop {
            if listener.accept().await.is_err() {
                sleep(PAUSE).await;
            }
        }
    });
    // It is over when its time is.
    let _ = timeout(Duration::from_secs(listen.seconds), join_all(accept)).await;
    Ok(())
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use dmp_testkit::process::free_port;

    use super::*;

    fn target(name: &str, address: impl std::fmt::Display) -> Target {
        format!("{name}={address}").parse().unwrap()
    }

    #[test]
    fn a_target_has_a_name_a_host_and_a_port() {
        assert_eq!(target("v6", "[::1]:8080").address, "[::1]:8080");
        for bad in ["records", "=a:1", "records=a", "records=:1", "records=a:http"] {
            assert_eq!(bad.parse::<Target>(), Err(NotATarget), "{bad}");
        }
    }

    #[tokio::test]
    async fn tells_what_passed_from_what_did_not() {
        let open = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        let gone = std::net::SocketAddr::from(([127, 0, 0, 1], free_port()));
        let open = open.local_addr().map(|address| (open, address)).unwrap();
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("report");
        let connect = Connect {
            allow: vec![target("control", open.1)],
            deny: vec![
                target("gone", gone),
                target("nameless", "does-not-exist.invalid:1"),
            ],
            timeout: 500,
            report: path.clone(),
        };
        run(&Probe::Connect(connect)).await.unwrap();
        let report: Report = serde_json::from_slice(&std::fs::read(&path).unwrap()).unwrap();
        let seen: Vec<_> = report
            .flows
            .iter()
            .map(|flow| (&*flow.name, flow.outcome))
            .collect();
        assert_eq!(
            seen,
            [
                ("control", Outcome::Connected),
                ("gone", Outcome::Refused),
                ("nameless", Outcome::Unresolved)
            ]
        );
        assert!(report.flows.iter().all(Flow::holds));
    }

    #[tokio::test]
    async fn a_forbidden_connection_that_passes_is_reported() {
        let open = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        let connect = Connect {
            allow: Vec::new(),
            deny: vec![target("ingress", open.local_addr().unwrap())],
            timeout: 500,
            report: PathBuf::new(),
        };
        let report = report(&connect).await;
        assert_eq!(report.flows[0].outcome, Outcome::Connected);
        assert!(!report.flows[0].holds());
    }

    #[tokio::test]
    async fn the_listener_accepts_and_ends() {
        let port = free_port();
        let ended = tokio::spawn(async move {
            let listen = Listen {
                port: vec![port],
                seconds: 1,
            };
            run(&Probe::Listen(listen)).await
        });
        let mut outcome = Outcome::Refused;
        for _ in 0..20 {
            outcome = attempt(&format!("127.0.0.1:{port}"), Duration::from_millis(500)).await;
            if outcome == Outcome::Connected {
                break;
            }
            sleep(Duration::from_millis(25)).await;
        }
        assert_eq!(outcome, Outcome::Connected);
        ended.await.unwrap().unwrap();
    }
}
