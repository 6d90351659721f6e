//! The appliance's network: a bridge on the host, a namespace for the control plane and one per node.
//!
//! Nothing in it has a default route, so nothing can leave the machine: a namespace knows the bridge,
//! the pods of each node and (control plane only) the services, whose addresses kube-proxy rewrites
//! after the route was chosen. The host gets one address on the bridge and no route to pods or
//! services; packets from pods to that address are dropped by strict reverse-path filtering, lest
//! the answer leave by the host's default route. Every step can be repeated.

use std::path::Path;

use serde::Deserialize;

use crate::{
    addresses::{AddressPlan, Range},
    cgroups::CONTROL_PLANE,
    error::{Error, Result},
    options::Name,
    shell::{program, run},
};

/// Devices and namespaces of one appliance.
#[derive(Debug, Clone)]
pub(crate) struct Network<'a> {
    name: &'a Name,
    plan: &'a AddressPlan,
}

/// Something with an own namespace.
struct Member {
    owner: String,
    address: String,
    forwards: bool,
}

impl<'a> Network<'a> {
    pub fn new(name: &'a Name, plan: &'a AddressPlan) -> Self {
        Self { name, plan }
    }

    /// The namespace of the control plane (`cp`) or of a node.
    pub fn namespace(name: &Name, owner: &str) -> String {
        format!("{name}-{owner}")
    }

    /// Makes the bridge, the namespaces and their routes, or what is missing of them.
    pub async fn ensure(&self) -> Result<()> {
        let bridge = bridge(self.name);
        if !Path::new("/sys/class/net").join(&bridge).exists() {
            ip(&["link", "add", &bridge, "type", "bridge"])
                .await
                .map_err(|_| Error::KernelFeature {
                    feature: "network bridges",
                })?;
        }
        for setting in ["ipv6.conf.{}.disable_ipv6=1", "ipv4.conf.{}.rp_filter=1"] {
            sysctl(None, &format!("net.{}", setting.replace("{}", &bridge))).await?;
        }
        let host = format!("{}/{}", self.plan.host(), self.plan.bridge().length);
        ip(&["address", "replace", &host, "dev", &bridge]).await?;
        ip(&["link", "set", &bridge, "up"]).await?;
        for member in self.members() {
            self.ensure_member(&member).await?;
        }
        Ok(())
    }

    async fn ensure_member(&self, member: &Member) -> Result<()> {
        let namespace = Self::namespace(self.name, &member.owner);
        let device = device(self.name, &member.owner);
        if !Path::new("/run/netns").join(&namespace).exists() {
            ip(&["netns", "add", &namespace])
                .await
                .map_err(|_| Error::KernelFeature {
                    feature: "network namespaces",
                })?;
        }
        let inside = |arguments: &[&str]| {
            let all: Vec<String> = ["-n", &namespace]
                .iter()
                .chain(arguments)
                .map(|argument| (*argument).to_owned())
                .collect();
            async move { ip(&all.iter().map(String::as_str).collect::<Vec<_>>()).await }
        };
        if inside(&["link", "show", "eth0"]).await.is_err() {
            // Half of a pair whose other half is gone would be in the way.
            drop(ip(&["link", "delete", &device]).await);
            ip(&[
                "link", "add", &device, "type", "veth", "peer", "name", "eth0", "netns", &namespace,
            ])
            .await
            .map_err(|_| Error::KernelFeature {
                feature: "veth devices",
            })?;
        }
        sysctl(Some(&namespace), "net.ipv6.conf.all.disable_ipv6=1").await?;
        let forward = u8::from(member.forwards);
        sysctl(Some(&namespace), &format!("net.ipv4.ip_forward={forward}")).await?;
        ip(&["link", "set", &device, "master", &bridge(self.name), "up"]).await?;
        let address = format!("{}/{}", member.address, self.plan.bridge().length);
        inside(&["link", "set", "lo", "up"]).await?;
        inside(&["address", "replace", &address, "dev", "eth0"]).await?;
        inside(&["link", "set", "eth0", "up"]).await?;
        for node in self.plan.nodes.iter().filter(|node| node.name != member.owner) {
            let (pods, via) = (node.pods.to_string(), node.address.to_string());
            inside(&["route", "replace", &pods, "via", &via]).await?;
        }
        if !member.forwards {
            let services = self.plan.services().to_string();
            inside(&["route", "replace", &services, "dev", "eth0"]).await?;
        }
        Ok(())
    }

    /// Removes namespaces, devices and bridge. Removing a namespace removes what is inside.
    pub async fn remove(name: &Name, owners: &[String]) -> Result<()> {
        for owner in owners {
            Self::remove_member(name, owner).await?;
        }
        remove_device(&bridge(name)).await
    }

    /// Removes one namespace and its cable.
    pub async fn remove_member(name: &Name, owner: &str) -> Result<()> {
        let namespace = Self::namespace(name, owner);
        if Path::new("/run/netns").join(&namespace).exists() {
            ip(&["netns", "delete", &namespace]).await?;
        }
        remove_device(&device(name, owner)).await
    }

    /// Takes a namespace off the bridge, if it is on it: from one moment to the next nothing passes.
    pub async fn cut(name: &Name, owner: &str) -> Result<()> {
        let device = device(name, owner);
        if Path::new("/sys/class/net").join(&device).exists() {
            ip(&["link", "set", &device, "down"]).await?;
        }
        Ok(())
    }

    fn members(&self) -> Vec<Member> {
        let control_plane = Member {
            owner: CONTROL_PLANE.to_owned(),
            address: self.plan.control_plane().to_string(),
            forwards: false,
        };
        let nodes = self.plan.nodes.iter().map(|node| Member {
            owner: node.name.clone(),
            address: node.address.to_string(),
            forwards: true,
        });
        std::iter::once(control_plane).chain(nodes).collect()
    }
}

/// Name of the host's bridge.
fn bridge(name: &Name) -> String {
    format!("{name}-br")
}

/// The host's end of a namespace's cable: `dmp-cp`, `dmp-n1`.
fn device(name: &Name, owner: &str) -> String {
    format!("{name}-{}", owner.replace("node-", "n"))
}

async fn remove_device(device: &str) -> Result<()> {
    if !Path::new("/sys/class/net").join(device).exists() {
        return Ok(());
    }
    match ip(&["link", "delete", device]).await {
        // The kernel takes a pair down by itself when its namespace goes.
        Err(_) if !Path::new("/sys/class/net").join(device).exists() => Ok(()),
        other => other.map(drop),
    }
}

async fn ip(arguments: &[&str]) -> Result<String> {
    let what = format!("set up the network (ip {})", arguments.join(" "));
    run(&what, program("ip").args(arguments)).await
}

/// Sets one kernel parameter, in a namespace or on the host.
async fn sysctl(namespace: Option<&str>, setting: &str) -> Result<()> {
    let mut command = match namespace {
        None => program("sysctl"),
        Some(namespace) => {
            let mut command = program("nsenter");
            command.arg(format!("--net=/run/netns/{namespace}")).arg("sysctl");
            command
        }
    };
    run(
        &format!("set {setting}"),
        command.args(["--quiet", "--write", setting]),
    )
    .await
    .map(drop)
}

/// The host's addresses and routes.
pub(crate) struct HostRoutes(Vec<Route>);

/// A line of `ip -json route`.
#[derive(Debug, Deserialize)]
struct Route {
    dst: String,
    #[serde(default)]
    dev: String,
}

impl HostRoutes {
    pub async fn read() -> Result<Self> {
        let list = ip(&["-json", "-4", "route", "show", "table", "all"]).await?;
        serde_json::from_str(&list)
            .map(Self)
            .map_err(|error| Error::Command {
                what: "read the routes of this machine".to_owned(),
                detail: error.to_string(),
            })
    }

    /// Refuses a plan when another device than the appliance's own bridge has addresses in its ranges.
    pub fn require_free(&self, name: &Name, plan: &AddressPlan) -> Result<()> {
        let own = bridge(name);
        for route in self.0.iter().filter(|route| route.dev != own) {
            let Some(taken) = Range::parse(&route.dst) else {
                continue;
            };
            if let Some(range) = plan.ranges().into_iter().find(|range| range.overlaps(taken)) {
                return Err(Error::AddressTaken {
                    range: range.to_string(),
                    device: route.dev.clone(),
                    taken: route.dst.clone(),
                });
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(routes: &[(&str, &str)]) -> Result<()> {
        let routes = routes.iter().map(|(dst, dev)| Route {
            dst: (*dst).to_owned(),
            dev: (*dev).to_owned(),
        });
        let name = "dmp".parse().expect("a name");
        HostRoutes(routes.collect()).require_free(&name, &AddressPlan::new(0, 1))
    }

    #[test]
    fn foreign_routes_into_our_ranges_are_refused() {
        let fine = check(&[
            ("default", "eth0"),
            ("192.168.0.0/16", "eth0"),
            ("10.210.0.0/24", "dmp-br"),
            ("10.210.1.0/24", "other-br"),
        ]);
        assert!(fine.is_ok());
        for taken in [("10.0.0.0/8", "tun0"), ("10.210.0.7", "eth1")] {
            let error = check(&[taken]).expect_err("a conflict");
            assert_eq!(error.code(), "appliance-address-taken");
            assert!(error.to_string().contains(taken.1));
        }
    }

    #[test]
    fn device_names_fit_the_kernel() {
        let name: Name = "abcdefgh".parse().expect("a name");
        for owner in ["cp", "node-8"] {
            assert!(device(&name, owner).len() <= 15);
        }
    }
}
