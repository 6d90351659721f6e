//! Which addresses an appliance uses: a pure plan from its slot and its number of nodes.
//!
//! | range | for |
//! |---|---|
//! | `10.210.S.0/24` | the bridge: `.1` the host, `.2` the control plane, `.11` and up the nodes |
//! | `10.211.16·S.0/20` | pods, one /24 a node |
//! | `10.212.16·S.0/20` | services: the first address is the API server, the tenth DNS |
//!
//! Slots 0 to 15 let appliances coexist. The host has a route to the bridge range alone, and nothing
//! here has a default route. Which slot an appliance has is recorded by `state`.

use std::{fmt, net::Ipv4Addr};

/// Appliances that one machine can hold.
pub const SLOTS: u8 = 16;

/// Host part of the first node's address.
const FIRST_NODE: u8 = 11;

/// An IPv4 range, written `10.210.0.0/24`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Range {
    pub first: Ipv4Addr,
    pub length: u8,
}

impl Range {
    /// Whether the two ranges share an address.
    pub fn overlaps(self, other: Self) -> bool {
        let shorter = self.length.min(other.length);
        let mask = u32::MAX.checked_shl(32 - u32::from(shorter)).unwrap_or_default();
        (self.first.to_bits() & mask) == (other.first.to_bits() & mask)
    }

    /// Reads `a.b.c.d/n` or a single address; `None` for anything else.
    pub fn parse(text: &str) -> Option<Self> {
        let (address, length) = text.split_once('/').unwrap_or((text, "32"));
        let length = length.parse().ok().filter(|length| *length <= 32)?;
        Some(Self {
            first: address.parse().ok()?,
            length,
        })
    }
}

impl fmt::Display for Range {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.first, self.length)
    }
}

/// The addresses of one appliance.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AddressPlan {
    slot: u8,
    pub nodes: Vec<NodeAddresses>,
}

/// The addresses of one node.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NodeAddresses {
    /// Name of the Kubernetes node, `node-1` and up.
    pub name: String,
    pub address: Ipv4Addr,
    pub pods: Range,
}

impl NodeAddresses {
    /// The zone of a node: odd ones in `zone-a`, even ones in `zone-b`.
    pub fn zone(&self) -> &'static str {
        let odd = self.name.bytes().last().is_some_and(|digit| digit % 2 == 1);
        if odd { "zone-a" } else { "zone-b" }
    }
}

impl AddressPlan {
    /// The plan of the appliance in `slot` (below [`SLOTS`]) with `nodes` nodes (1 to 8).
    pub fn new(slot: u8, nodes: u8) -> Self {
        let nodes = (0..nodes)
            .map(|index| NodeAddresses {
                name: format!("node-{}", index + 1),
                address: Ipv4Addr::new(10, 210, slot, FIRST_NODE + index),
                pods: Range {
                    first: Ipv4Addr::new(10, 211, 16 * slot + index, 0),
                    length: 24,
                },
            })
            .collect();
        Self { slot, nodes }
    }

    pub fn bridge(&self) -> Range {
        Range {
            first: Ipv4Addr::new(10, 210, self.slot, 0),
            length: 24,
        }
    }

    pub fn pods(&self) -> Range {
        Range {
            first: Ipv4Addr::new(10, 211, 16 * self.slot, 0),
            length: 20,
        }
    }

    pub fn services(&self) -> Range {
        Range {
            first: Ipv4Addr::new(10, 212, 16 * self.slot, 0),
            length: 20,
        }
    }

    /// The host's only address in the appliance.
    pub fn host(&self) -> Ipv4Addr {
        Ipv4Addr::new(10, 210, self.slot, 1)
    }

    /// The API server as nodes, pods and the host reach it.
    pub fn control_plane(&self) -> Ipv4Addr {
        Ipv4Addr::new(10, 210, self.slot, 2)
    }

    /// The API server's Service.
    pub fn api_service(&self) -> Ipv4Addr {
        Ipv4Addr::new(10, 212, 16 * self.slot, 1)
    }

    /// The Service of the cluster's DNS.
    pub fn dns(&self) -> Ipv4Addr {
        Ipv4Addr::new(10, 212, 16 * self.slot, 10)
    }

    /// Whether the loss of a node is something to recover from.
    pub fn has_spare_nodes(&self) -> bool {
        self.nodes.len() > 1
    }

    /// Every range that must be free on the host.
    pub fn ranges(&self) -> [Range; 3] {
        [self.bridge(), self.pods(), self.services()]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn appliances_in_different_slots_share_no_address() {
        let ranges: Vec<Range> = (0..SLOTS)
            .flat_map(|slot| AddressPlan::new(slot, 8).ranges())
            .collect();
        for (index, one) in ranges.iter().enumerate() {
            for other in &ranges[index + 1..] {
                assert!(!one.overlaps(*other), "{one} and {other}");
            }
        }
    }

    #[test]
    fn every_node_lies_in_the_ranges_of_its_appliance() {
        for slot in 0..SLOTS {
            let plan = AddressPlan::new(slot, 8);
            for node in &plan.nodes {
                let address = Range::parse(&node.address.to_string()).expect("an address");
                assert!(plan.bridge().overlaps(address));
                assert!(plan.pods().overlaps(node.pods));
                assert_ne!(node.address, plan.host());
                assert_ne!(node.address, plan.control_plane());
            }
        }
    }

    #[test]
    fn nodes_lie_in_two_zones() {
        let zones: Vec<_> = AddressPlan::new(0, 3)
            .nodes
            .iter()
            .map(NodeAddresses::zone)
            .collect();
        assert_eq!(zones, ["zone-a", "zone-b", "zone-a"]);
    }

    #[test]
    fn overlap_is_seen_from_both_sides() {
        let range = |text| Range::parse(text).expect("a range");
        assert!(range("10.0.0.0/8").overlaps(range("10.210.0.0/24")));
        assert!(range("10.210.0.0/24").overlaps(range("10.0.0.0/8")));
        assert!(range("0.0.0.0/0").overlaps(range("10.210.0.0/24")));
        assert!(!range("10.210.1.0/24").overlaps(range("10.210.0.0/24")));
    }

    #[test]
    fn only_ranges_are_ranges() {
        assert_eq!(Range::parse("10.0.0.1").map(|range| range.length), Some(32));
        for bad in ["", "10.0.0.0/33", "10.0.0/8", "fe80::/64", "default"] {
            assert_eq!(Range::parse(bad), None, "{bad}");
        }
    }
}
