//! The credentials as the stream tells them: in shards, of which only those are written again that a change touches.
//!
//! With 100,000 credentials a second's heartbeat writes none, and a renewal one of 1,024. What a credential's fact follows from
//! ([`Index::credential_fact`]) says what a change touches: its own object; in its namespace the product, the vendor and the
//! revocations; everywhere whether the platform demonstrates, and what is lifted.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use axum::body::Bytes;
use dmp_api::names::VENDOR_NAMESPACE_PREFIX;
use dmp_client::facts;
use dmp_client::facts::shard::{self, Shard};
use jiff::Timestamp;

use super::index::{DemonstrationIssuer, Index, Touched};

/// A shard as it is sent.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Written {
    pub sha256: String,
    /// With its end.
    pub line: Bytes,
}

/// Every shard that is not empty.
pub type Told = BTreeMap<u16, Arc<Written>>;

/// The shards as they were last written.
#[derive(Debug, Default)]
pub struct Shards {
    /// Keys of the credentials that fall into each.
    members: BTreeMap<u16, BTreeSet<String>>,
    told: Told,
    /// Of each revocation the namespace in which alone it can close something; `None`: anywhere.
    closing: BTreeMap<String, Option<String>>,
    /// What counts for every credential; `None` before the first writing, or after one that failed.
    everywhere: Option<Everywhere>,
}

#[derive(Debug, PartialEq, Eq)]
struct Everywhere {
    demonstrating: bool,
    lifted: BTreeSet<String>,
}

/// What has to be written again.
#[derive(Debug)]
enum Due {
    Everything,
    Shards(BTreeSet<u16>),
}

impl Index {
    /// The facts at `now`, their credentials in shards.
    ///
    /// # Errors
    /// Never, as far as the types go: JSON can say all of it.
    pub fn divided(
        &mut self,
        now: Timestamp,
        stale_since: Option<Timestamp>,
        demonstration: &DemonstrationIssuer,
    ) -> serde_json::Result<(facts::Facts, Told)> {
        let lifted = self.lifted();
        let mut shards = std::mem::take(&mut self.shards);
        let written = self.write_again(&mut shards, &lifted);
        self.shards = shards;
        written?;
        let told = self.shards.told.clone();
        let named = told.iter();
        let line = facts::Facts {
            shards: named
                .map(|(number, shard)| (*number, shard.sha256.clone()))
                .collect(),
            ..self.line(now, stale_since, demonstration, &lifted)
        };
        Ok((line, told))
    }

    fn write_again(&mut self, shards: &mut Shards, lifted: &BTreeSet<String>) -> serde_json::Result<()> {
        let everywhere = Everywhere {
            demonstrating: self.is_demonstrating(),
            lifted: lifted.clone(),
        };
        let due = self.due(shards);
        let due = match due {
            Due::Shards(due) if shards.everywhere.as_ref() == Some(&everywhere) => due,
            _ => {
                shards.sort_in(self.credentials.keys());
                let revocations = self.revocations.keys();
                shards.closing = revocations
                    .filter_map(|key| Some((key.clone(), self.revocations.get(key)?.spec.namespace())))
                    .collect();
                let before = shards.told.keys();
                before.chain(shards.members.keys()).copied().collect()
            }
        };
        shards.everywhere = None;
        let in_force = self.in_force(lifted);
        for number in due {
            let members = shards.members.get(&number).into_iter().flatten();
            let facts: Vec<facts::Credential> = members
                .filter_map(|key| self.credentials.get(key))
                .filter_map(|credential| {
                    self.credential_fact(credential, &in_force, everywhere.demonstrating)
                })
                .collect();
            shards.write(number, &facts)?;
        }
        shards.everywhere = Some(everywhere);
        Ok(())
    }

    /// What changed since the last time, as far as it can be told from the objects that did.
    fn due(&mut self, shards: &mut Shards) -> Due {
        // All are asked, that all forget.
        let credentials = self.credentials.touched();
        let solutions = self.solutions.touched();
        let vendors = self.vendors.touched();
        let revocations = self.revocations.touched();
        let (
            Touched::Objects(credentials),
            Touched::Objects(solutions),
            Touched::Objects(vendors),
            Touched::Objects(revocations),
        ) = (credentials, solutions, vendors, revocations)
        else {
            return Due::Everything;
        };
        let of_solutions = solutions
            .iter()
            .map(|key| key.split_once('/').map(|(namespace, _)| namespace.to_owned()));
        let of_vendors = vendors
            .iter()
            .map(|name| Some(format!("{VENDOR_NAMESPACE_PREFIX}{name}")));
        // What it closes now, and what it closed before.
        let of_revocations = revocations.into_iter().flat_map(|key| {
            let now = self.revocations.get(&key);
            let now = now.map(|revocation| revocation.spec.namespace());
            let before = match now.clone() {
                Some(namespace) => shards.closing.insert(key, namespace),
                None => shards.closing.remove(&key),
            };
            [before, now].into_iter().flatten()
        });
        let namespaces: Option<BTreeSet<String>> =
            of_solutions.chain(of_vendors).chain(of_revocations).collect();
        let Some(namespaces) = namespaces else {
            return Due::Everything;
        };
        let within = namespaces
            .iter()
            .flat_map(|namespace| self.credentials.within(namespace));
        let mut due: BTreeSet<u16> = within.map(|key| shard::index(key)).collect();
        for key in credentials {
            let is_there = self.credentials.get(&key).is_some();
            due.insert(shards.place(key, is_there));
        }
        Due::Shards(due)
    }
}

impl Shards {
    /// Takes a credential in or out; its shard.
    fn place(&mut self, key: String, is_there: bool) -> u16 {
        let number = shard::index(&key);
        let members = self.members.entry(number).or_default();
        if is_there {
            members.insert(key);
        } else {
            members.remove(&key);
        }
        number
    }

    fn sort_in<'a>(&mut self, keys: impl Iterator<Item = &'a String>) {
        self.members.clear();
        for key in keys {
            self.place(key.clone(), true);
        }
    }

    fn write(&mut self, number: u16, credentials: &[facts::Credential]) -> serde_json::Result<()> {
        if credentials.is_empty() {
            self.told.remove(&number);
            return Ok(());
        }
        let Shard { sha256, mut line } = Shard::new(credentials)?;
        if self.told.get(&number).is_none_or(|told| told.sha256 != sha256) {
            line.push('\n');
            let line = line.into();
            self.told.insert(number, Arc::new(Written { sha256, line }));
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use dmp_api::{Platform, Solution, SolutionCredential, SolutionRevocation, Vendor};
    use dmp_testkit::facts::divided;
    use rand::rngs::StdRng;
    use rand::{Rng as _, SeedableRng as _};
    use serde::de::DeserializeOwned;
    use serde_json::{Value, json};

    use super::*;
    use crate::facts::index::Change;

    fn demonstration() -> DemonstrationIssuer {
        DemonstrationIssuer { ca: "pem".to_owned() }
    }

    fn applied<K: DeserializeOwned + kube::Resource>(value: Value) -> Change<K> {
        Change::Applied(serde_json::from_value(value).unwrap())
    }

    fn deleted<K: DeserializeOwned + kube::Resource>(value: Value) -> Change<K> {
        Change::Deleted(serde_json::from_value(value).unwrap())
    }

    fn platform(demonstration: bool) -> Change<Platform> {
        applied(json!({
            "apiVersion": "dmp.ma/v1alpha1", "kind": "Platform", "metadata": { "name": "national" },
            "spec": {
                "release": "1", "images": { "dmp": "a", "postgres": "b" }, "domain": "dmp.test", "site": "s",
                "demonstration": demonstration, "gateway": { "publicNames": ["g.test"] },
            },
        }))
    }

    fn solution(vendor: &str, kind: &str) -> Value {
        json!({
            "apiVersion": "dmp.ma/v1alpha1", "kind": "Solution",
            "metadata": { "namespace": format!("vendor-{vendor}"), "name": "his" },
            "spec": { "vendor": vendor, "product": "A", "kind": kind },
        })
    }

    fn credential(vendor: &str, name: &str, sha256: &str, stalled: bool) -> Value {
        let stalled = if stalled { "True" } else { "False" };
        json!({
            "apiVersion": "dmp.ma/v1alpha1", "kind": "SolutionCredential",
            "metadata": { "namespace": format!("vendor-{vendor}"), "name": name },
            "spec": { "solution": "his", "version": "1", "csr": "c" },
            "status": {
                "certificateSha256": sha256, "notAfter": "2027-01-01T00:00:00Z",
                "conditions": [{
                    "type": "Stalled", "status": stalled, "reason": "X", "message": "", "lastTransitionTime": "2026-01-01T00:00:00Z",
                }],
            },
        })
    }

    fn vendor(name: &str, realm: &str) -> Value {
        json!({
            "apiVersion": "dmp.ma/v1alpha1", "kind": "Vendor", "metadata": { "name": name },
            "spec": {
                "organisation": { "name": "A", "ice": "001234567000089" },
                "members": [{ "issuer": "https://issuer.test", "subject": "s" }],
            },
            "status": { "sandbox": { "healthGroup": "bac", "establishment": "900000001", "realm": realm } },
        })
    }

    fn revocation(name: &str, of: &Value) -> Value {
        let mut spec = json!({ "reason": "test" });
        spec.as_object_mut()
            .unwrap()
            .extend(of.as_object().unwrap().clone());
        json!({
            "apiVersion": "dmp.ma/v1alpha1", "kind": "SolutionRevocation", "metadata": { "name": name }, "spec": spec,
        })
    }

    /// One random change of anything a credential's fact follows from.
    fn change(index: &mut Index, random: &mut StdRng) {
        let vendors = ["a", "b"];
        let one = vendors[random.random_range(0..2)];
        let name = format!("c-{}", random.random_range(0..30));
        let sha256 = format!("{:02x}", random.random_range(0..255));
        let rare = |random: &mut StdRng| random.random_range(0..4) == 0;
        match random.random_range(0..8) {
            0..=2 => {
                let stalled = rare(random);
                let change = applied::<SolutionCredential>(credential(one, &name, &sha256, stalled));
                index.credentials.take(change);
            }
            3 => {
                let gone = deleted::<SolutionCredential>(credential(one, &name, "", false));
                index.credentials.take(gone);
            }
            4 => {
                let kind = if rare(random) { "laboratory" } else { "hospital" };
                let solution = solution(one, kind);
                let gone = rare(random);
                index.solutions.take(if gone {
                    deleted::<Solution>(solution)
                } else {
                    applied(solution)
                });
            }
            5 => {
                let vendor = vendor(one, &sha256);
                let gone = rare(random);
                index.vendors.take(if gone {
                    deleted::<Vendor>(vendor)
                } else {
                    applied(vendor)
                });
            }
            6 => {
                let of = [
                    json!({ "solution": format!("vendor-{one}/his") }),
                    json!({ "vendor": one }),
                    json!({ "solution": format!("vendor-{one}/his"), "credential": name }),
                ];
                let revocation = revocation(&name, &of[random.random_range(0..3)]);
                let gone = rare(random);
                index.revocations.take(if gone {
                    deleted::<SolutionRevocation>(revocation)
                } else {
                    applied(revocation)
                });
            }
            _ => {
                index.platforms.take(platform(rare(random)));
            }
        }
    }

    fn texts(told: &Told) -> Vec<(&str, &str)> {
        let line = |shard: &Written| String::from_utf8(shard.line.to_vec()).unwrap();
        assert!(
            told.values()
                .all(|shard| shard::sha256(line(shard).trim_end().as_bytes()) == shard.sha256)
        );
        told.values()
            .map(|shard| {
                (
                    shard.sha256.as_str(),
                    std::str::from_utf8(&shard.line).unwrap().trim_end(),
                )
            })
            .collect()
    }

    #[test]
    fn after_whatever_changes_the_shards_say_what_writing_everything_would() {
        for seed in 0..20 {
            let mut random = StdRng::seed_from_u64(seed);
            let mut index = Index::default();
            index.platforms.take(platform(true));
            for round in 0..200 {
                for _ in 0..random.random_range(1..4) {
                    change(&mut index, &mut random);
                }
                let (line, told) = index
                    .divided(Timestamp::UNIX_EPOCH, None, &demonstration())
                    .unwrap();
                let whole = index.facts(Timestamp::UNIX_EPOCH, None, &demonstration());
                let (wanted, shards) = divided(whole);
                assert_eq!(line, wanted, "seed {seed}, round {round}");
                let wanted: Vec<(&str, &str)> = shards
                    .iter()
                    .map(|shard| (shard.sha256.as_str(), shard.line.as_str()))
                    .collect();
                assert_eq!(texts(&told), wanted, "seed {seed}, round {round}");
            }
        }
    }

    #[test]
    fn what_did_not_change_is_not_written_again() {
        let mut index = Index::default();
        index.platforms.take(platform(true));
        for vendor in ["a", "b"] {
            index.solutions.take(applied(solution(vendor, "hospital")));
            for number in 0..200 {
                let name = format!("c-{number}");
                index
                    .credentials
                    .take(applied(credential(vendor, &name, "ab", false)));
            }
        }
        let mut last = Told::new();
        let mut again = |index: &mut Index| {
            let (_, told) = index
                .divided(Timestamp::UNIX_EPOCH, None, &demonstration())
                .unwrap();
            let is_new = |(number, shard): &(&u16, &Arc<Written>)| {
                !last.get(number).is_some_and(|before| Arc::ptr_eq(before, shard))
            };
            let written = told.iter().filter(is_new).count();
            last = told;
            written
        };
        assert!(again(&mut index) > 250);
        assert_eq!(again(&mut index), 0, "a heartbeat");
        index
            .credentials
            .take(applied(credential("a", "c-7", "cd", false)));
        assert_eq!(again(&mut index), 1);
        index.vendors.take(applied(vendor("b", "b-1")));
        let of_one = again(&mut index);
        assert!((100..=200).contains(&of_one), "{of_one}: the vendor's alone");
        index.platforms.take(platform(true));
        index
            .revocations
            .take(applied(revocation("r", &json!({ "vendor": "a" }))));
        assert_eq!(again(&mut index), 0, "what it closes stays told");
    }
}
