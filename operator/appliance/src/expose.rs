//! The gateway on an address that others reach: one port of the machine, handed on to the gateway's port of the
//! first node. Nothing else is published, no packet is forwarded, and TLS ends at the gateway.

use std::{
    net::{SocketAddrV4, TcpListener, TcpStream},
    time::{Duration, Instant},
};

use crate::{
    addresses::AddressPlan,
    cgroups::CONTROL_PLANE,
    daemon::{Daemon, Daemons},
    error::{Error, Result},
    options::Expose,
    shell::find,
    up::GATEWAY_PORT,
};

pub(crate) const DAEMON: &str = "cp-expose";
const READY_WITHIN: Duration = Duration::from_secs(5);
/// Each connection is a process.
const CONNECTIONS: u32 = 1000;

/// Publishes the gateway until `down`; a second time does nothing, another address replaces the first.
pub(crate) async fn publish(expose: Expose, plan: &AddressPlan, daemons: &Daemons) -> Result<()> {
    let Expose(address) = expose;
    let node = plan.nodes.first().map_or(plan.host(), |node| node.address);
    let program = find("socat").ok_or_else(|| Error::BinaryMissing {
        path: "/usr/bin/socat".into(),
    })?;
    let daemon = Daemon {
        name: DAEMON.to_owned(),
        owner: CONTROL_PLANE.to_owned(),
        namespace: None,
        program,
        arguments: vec![
            format!(
                "TCP4-LISTEN:{},bind={},reuseaddr,backlog=128,fork,max-children={CONNECTIONS}",
                address.port(),
                address.ip()
            ),
            format!("TCP4:{node}:{GATEWAY_PORT}"),
        ],
        path: Vec::new(),
    };
    if daemons.runs_as(&daemon)? {
        return Ok(());
    }
    daemons.stop(DAEMON, READY_WITHIN).await?;
    require_free(address)?;
    daemons.ensure(&daemon).await?;
    let begin = Instant::now();
    loop {
        match TcpStream::connect_timeout(&address.into(), Duration::from_secs(1)) {
            Ok(_) => return Ok(()),
            Err(error) => {
                daemons.require(DAEMON)?;
                if begin.elapsed() > READY_WITHIN {
                    return Err(Error::Timeout {
                        what: format!("the gateway on {address}"),
                        after: READY_WITHIN,
                        detail: error.to_string(),
                    });
                }
            }
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}

/// Tells a foreign address or a used port from a failure of the program.
fn require_free(address: SocketAddrV4) -> Result<()> {
    TcpListener::bind(address)
        .map(drop)
        .map_err(|source| Error::ExposeRefused { address, source })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_used_port_and_a_foreign_address_are_refused_by_name() {
        let taken = TcpListener::bind("127.0.0.1:0").expect("a port");
        let std::net::SocketAddr::V4(taken_at) = taken.local_addr().expect("an address") else {
            panic!("not IPv4");
        };
        let foreign = "192.0.2.1:30443".parse().expect("an address");
        for address in [taken_at, foreign] {
            let error = require_free(address).expect_err("refused");
            assert_eq!(error.code(), "appliance-expose-refused");
            assert!(error.to_string().contains(&address.to_string()));
        }
        drop(taken);
        assert!(require_free(taken_at).is_ok());
    }
}
