//! What an appliance remembers about itself between runs: its slot of addresses, its nodes.

use std::{fs, path::Path};

use serde::{Deserialize, Serialize};

use crate::{
    addresses::{AddressPlan, SLOTS},
    error::{Error, FileContext, Result},
    options::{Name, Options, PodNetwork},
    paths::{Paths, private_folder, write_private},
};

const FILE: &str = "appliance.json";

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct State {
    slot: u8,
    nodes: u8,
    #[serde(default)]
    network: PodNetwork,
}

impl State {
    /// The state of an appliance, if it was ever brought up.
    pub fn load(name: &Name) -> Result<Option<Self>> {
        load(&Paths::of(name).state)
    }

    /// The state with at least the nodes that are asked for; remembered from now on. Nodes are
    /// added, never removed. `usable` refuses plans whose addresses something else has.
    pub fn ensure(options: &Options, usable: impl Fn(&AddressPlan) -> Result<()>) -> Result<Self> {
        let folder = Paths::of(&options.name).state;
        let (known, wanted) = match load(&folder)? {
            Some(known) => {
                usable(&known.plan())?;
                let wanted = Self {
                    nodes: known.nodes.max(options.nodes),
                    network: options.network.unwrap_or(known.network),
                    ..known
                };
                (Some(known), wanted)
            }
            None => {
                let taken = taken_slots(Paths::all_states())?;
                let nodes = options.nodes;
                let slot = free_slot(&taken, |slot| usable(&AddressPlan::new(slot, nodes)))?;
                let network = options.network.unwrap_or_default();
                (None, Self { slot, nodes, network })
            }
        };
        if known != Some(wanted) {
            private_folder(&folder)?;
            let content = serde_json::to_vec(&wanted).unwrap_or_default();
            write_private(&folder.join(FILE), content)?;
        }
        Ok(wanted)
    }

    pub fn network(self) -> PodNetwork {
        self.network
    }

    pub fn plan(self) -> AddressPlan {
        AddressPlan::new(self.slot, self.nodes)
    }
}

fn load(folder: &Path) -> Result<Option<State>> {
    let file = folder.join(FILE);
    if !file.exists() {
        return Ok(None);
    }
    let content = fs::read(&file).on("read", &file)?;
    match serde_json::from_slice::<State>(&content) {
        Ok(state) if state.slot < SLOTS && (1..=8).contains(&state.nodes) => Ok(Some(state)),
        Ok(_) => Err(Error::Damaged {
            path: file,
            detail: "slot or nodes out of range".to_owned(),
        }),
        Err(error) => Err(Error::Damaged {
            path: file,
            detail: error.to_string(),
        }),
    }
}

fn taken_slots(all: &Path) -> Result<Vec<u8>> {
    let mut taken = Vec::new();
    for entry in fs::read_dir(all).into_iter().flatten().flatten() {
        taken.extend(load(&entry.path())?.map(|state| state.slot));
    }
    Ok(taken)
}

/// The first slot that no appliance has and that is usable; else the reason of the first refusal.
fn free_slot(taken: &[u8], usable: impl Fn(u8) -> Result<()>) -> Result<u8> {
    let mut refusal = None;
    for slot in (0..SLOTS).filter(|slot| !taken.contains(slot)) {
        match usable(slot) {
            Ok(()) => return Ok(slot),
            Err(error) => refusal = refusal.or(Some(error)),
        }
    }
    Err(refusal.unwrap_or(Error::NoAddressesLeft { slots: SLOTS }))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_new_appliance_gets_the_first_free_slot() {
        let any = |_| Ok(());
        assert_eq!(free_slot(&[], any).expect("a slot"), 0);
        assert_eq!(free_slot(&[0, 2], any).expect("a slot"), 1);
        let all: Vec<u8> = (0..SLOTS).collect();
        let error = free_slot(&all, any).expect_err("no slot");
        assert_eq!(error.code(), "appliance-no-addresses-left");
    }

    #[test]
    fn a_slot_with_foreign_addresses_is_passed_over() {
        let refuse = |slot: u8| Error::AddressTaken {
            range: slot.to_string(),
            device: "tun0".to_owned(),
            taken: String::new(),
        };
        let from = |first: u8| move |slot| if slot < first { Err(refuse(slot)) } else { Ok(()) };
        assert_eq!(free_slot(&[], from(3)).expect("a slot"), 3);
        let error = free_slot(&[0], from(SLOTS)).expect_err("no slot");
        assert!(matches!(error, Error::AddressTaken { range, .. } if range == "1"));
    }

    #[test]
    fn policies_are_enforced_unless_somebody_asked_for_something_else() {
        let folder = tempfile::tempdir().expect("a folder");
        let network = |content: &str| {
            fs::write(folder.path().join(FILE), content).expect("written");
            load(folder.path()).expect("read").map(State::network)
        };
        assert_eq!(network(r#"{"slot":0,"nodes":1}"#), Some(PodNetwork::Cilium));
        let plain = r#"{"slot":0,"nodes":1,"network":"plain"}"#;
        assert_eq!(network(plain), Some(PodNetwork::Plain));
    }

    #[test]
    fn a_damaged_state_is_named_not_guessed() {
        let folder = tempfile::tempdir().expect("a folder");
        assert_eq!(load(folder.path()).expect("none"), None);
        for bad in ["", "{}", r#"{"slot":16,"nodes":1}"#, r#"{"slot":0,"nodes":0}"#] {
            fs::write(folder.path().join(FILE), bad).expect("written");
            let error = load(folder.path()).expect_err(bad);
            assert_eq!(error.code(), "appliance-damaged");
        }
    }
}
