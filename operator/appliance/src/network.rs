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

    /// Name of the host's bridge.
    fn bridge(&self) -> String {
        format!("{}-br", self.name)
    }

    /// Refuses when another device of the host has addresses or routes in the appliance's ranges.
    pub async fn require_free_addresses(&self) -> Result<()> {
        let list = ip(&["-json", "-4", "route", "show", "table", "all"]).await?;
        let routes: Vec<Route> = serde_json::from_str(&list).unwrap_or_default();
        match conflict(&routes, self.plan, &self.bridge()) {
            None => Ok(()),
            Some((range, device, taken)) => Err(Error::AddressTaken {
                range: range.to_string(),
                device,
                taken,
            }),
        }
    }

    /// Makes the bridge, the namespaces and their routes, or what is missing of them.
    pub async fn ensure(&self) -> Result<()> {
        let bridge = self.bridge();
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
        ip(&["link", "set", &device, "master", &self.bridge(), "up"]).await?;
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
            let namespace = Self::namespace(name, owner);
            if Path::new("/run/netns").join(&namespace).exists() {
                ip(&["netns", "delete", &namespace]).await?;
            }
            remove_device(&device(name, owner)).await?;
        }
        remove_device(&format!("{name}-br")).await
    }

    fn members(&self) -> Vec<Member> {
        let control_plane = Member {
            owner: "cp".to_owned(),
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

/// A line of `ip -json route`.
#[derive(Debug, Deserialize)]
struct Route {
    dst: String,
    #[serde(default)]
    dev: String,
}

/// The first own range that some other device claims, with that device and what it has.
fn conflict(routes: &[Route], plan: &AddressPlan, own_device: &str) -> Option<(Range, String, String)> {
    routes
        .iter()
        .filter(|route| route.dev != own_device)
        .find_map(|route| {
            let taken = Range::parse(&route.dst)?;
            let range = plan.ranges().into_iter().find(|range| range.overlaps(taken))?;
            Some((range, route.dev.clone(), route.dst.clone()))
        })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn route(dst: &str, dev: &str) -> Route {
        Route {
            dst: dst.to_owned(),
            dev: dev.to_owned(),
        }
    }

    #[test]
    fn foreign_routes_into_our_ranges_are_conflicts() {
        let plan = AddressPlan::new(0, 1);
        let fine = [
            route("default", "eth0"),
            route("192.168.0.0/16", "eth0"),
            route("10.210.0.0/24", "dmp-br"),
            route("10.210.1.0/24", "other-br"),
        ];
        assert_eq!(conflict(&fine, &plan, "dmp-br"), None);

        let taken = [route("10.0.0.0/8", "tun0")];
        let (range, device, _) = conflict(&taken, &plan, "dmp-br").expect("a conflict");
        assert_eq!((range, device.as_str()), (plan.bridge(), "tun0"));
        assert!(conflict(&[route("10.210.0.7", "eth1")], &plan, "dmp-br").is_some());
    }

    #[test]
    fn device_names_fit_the_kernel() {
        let name: Name = "abcdefgh".parse().expect("a name");
        for owner in ["cp", "node-8"] {
            assert!(device(&name, owner).len() <= 15);
        }
    }
}
