//! Which revocations both bodies have lifted, from what a replica has seen. A signature is verified once, not at each beat.

use std::cell::RefCell;
use std::collections::BTreeSet;

use dmp_api::body::Organisation;
use dmp_api::{RevocationLift, SolutionRevocation};
use dmp_homologation::carrier::Reader;
use dmp_homologation::lift::judge;
use dmp_homologation::statement::Lift;
use kube::ResourceExt;

use super::index::Index;
use super::realm::SignedUp;
use crate::lifts::organisations;

/// The lifts' signatures as they were verified.
#[derive(Debug, Default)]
pub struct Verified(RefCell<Reader<Lift>>);

impl Index {
    /// Names of the revocations that are lifted.
    pub(super) fn lifted(&self) -> BTreeSet<String> {
        // As good as always there is none.
        if self.lifts.is_empty() {
            return BTreeSet::new();
        }
        let bodies = self.platform().map_or(&[][..], |platform| &platform.spec.bodies);
        let mut reader = self.verified.0.borrow_mut();
        let read = reader.read(self.lifts.iter(), bodies);
        let is_lifted = |revocation: &&SolutionRevocation| {
            let is_own =
                |lift: &RevocationLift| revocation.metadata.name.as_ref() == Some(&lift.spec.revocation);
            let own = || read.iter().filter(|(lift, _)| is_own(lift)).cloned();
            own().next().is_some() && judge(revocation, own(), &self.subjects(revocation)).is_lifted()
        };
        self.revocations
            .iter()
            .filter(is_lifted)
            .map(ResourceExt::name_any)
            .collect()
    }

    /// Whose products a revocation closes.
    fn subjects(&self, revocation: &SolutionRevocation) -> Vec<Organisation> {
        let Some(namespace) = revocation.spec.namespace() else {
            return Vec::new();
        };
        let vendor = match self.signed_up(&namespace) {
            SignedUp::Vendor(vendor) => Some(vendor),
            SignedUp::Never => None,
            // Whose it is cannot be told: nobody's signature is known to be another's.
            SignedUp::Unreadable => return Vec::new(),
        };
        organisations(&revocation.spec, vendor, &namespace, self.solutions.iter())
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use dmp_homologation::lift::revocation_sha256;
    use dmp_homologation::sign::Signatory;
    use dmp_testkit::bodies::{Authority, Member};
    use jiff::Timestamp;
    use serde_json::{Value, json};

    use super::*;
    use crate::facts::index::{Change, DemonstrationIssuer};

    fn applied<K: serde::de::DeserializeOwned + kube::Resource>(value: Value) -> Change<K> {
        Change::Applied(serde_json::from_value(value).unwrap())
    }

    fn platform(version: &str, bodies: &[(&str, &Authority)]) -> Value {
        let bodies: Vec<Value> = bodies
            .iter()
            .map(|(role, authority)| {
                json!({
                    "role": role, "organisation": { "name": authority.name, "ice": authority.ice },
                    "anchors": [{ "certificate": authority.certificate_pem() }],
                })
            })
            .collect();
        json!({
            "apiVersion": "dmp.ma/v1alpha1", "kind": "Platform", "metadata": { "name": "national", "resourceVersion": version },
            "spec": {
                "release": "1", "images": { "dmp": "a", "postgres": "b" }, "domain": "dmp.test", "site": "s",
                "gateway": { "publicNames": ["g.test"] }, "bodies": bodies,
            },
        })
    }

    fn solution(organisation: Value) -> Value {
        json!({
            "apiVersion": "dmp.ma/v1alpha1", "kind": "Solution",
            "metadata": { "namespace": "vendor-a", "name": "his", "resourceVersion": "5" },
            "spec": { "vendor": "a", "product": "A", "kind": "hospital", "organisation": organisation },
        })
    }

    fn revocation() -> Value {
        json!({
            "apiVersion": "dmp.ma/v1alpha1", "kind": "SolutionRevocation",
            "metadata": { "name": "r", "uid": "u", "resourceVersion": "11" },
            "spec": { "vendor": "a", "reason": "test" },
        })
    }

    fn lift(version: &str, member: &Member) -> Value {
        let spec = serde_json::from_value(revocation()["spec"].clone()).unwrap();
        let statement = Lift {
            revocation: "r".to_owned(),
            uid: "u".to_owned(),
            revocation_sha256: revocation_sha256(&spec),
            comment: "x".to_owned(),
            signed_at: Timestamp::now(),
        };
        let signatory = Signatory::new(&member.chain_pem, &member.key_pem).unwrap();
        let created = Timestamp::now().strftime("%Y-%m-%dT%H:%M:%SZ").to_string();
        json!({
            "apiVersion": "dmp.ma/v1alpha1", "kind": "RevocationLift",
            "metadata": { "name": format!("l-{version}"), "uid": version, "resourceVersion": version, "creationTimestamp": created },
            "spec": { "revocation": "r", "statement": signatory.sign(&statement).unwrap() },
        })
    }

    /// Number, revocations in force, revocations lifted.
    fn said(index: &Index) -> (u64, usize, usize) {
        let demonstration = DemonstrationIssuer { ca: "pem".to_owned() };
        let facts = index.facts(Timestamp::UNIX_EPOCH, None, &demonstration);
        (facts.seq, facts.revocations.len(), facts.lifted.len())
    }

    #[test]
    fn a_lift_by_both_bodies_is_told_at_a_higher_number_and_taken_back_with_a_body() {
        let interop = Authority::new("Interop", "000000000000001");
        let security = Authority::new("Securite", "000000000000002");
        let both = [("interop", &interop), ("security", &security)];
        let mut index = Index::default();
        index.platforms.take(applied(platform("3", &both)));
        index.solutions.take(applied(solution(Value::Null)));
        index.revocations.take(applied(revocation()));
        index.lifts.take(applied(lift("12", &interop.person("i1"))));
        index.lifts.take(applied(lift("13", &security.person("s1"))));
        assert_eq!(said(&index), (13, 1, 0), "nobody knows whose product it is");
        let organisation = json!({ "name": "Atlas", "ice": "001234567000011" });
        index.solutions.take(applied(solution(organisation)));
        assert_eq!(said(&index), (13, 0, 1));
        let mut gone = lift("14", &security.person("s1"));
        gone["metadata"]["name"] = json!("l-13");
        index
            .lifts
            .take(Change::Deleted(serde_json::from_value(gone).unwrap()));
        assert_eq!(said(&index), (14, 1, 0), "one body alone");
        index.lifts.take(applied(lift("15", &security.person("s2"))));
        assert_eq!(said(&index), (15, 0, 1));
        index.platforms.take(applied(platform("16", &both[..1])));
        assert_eq!(
            said(&index),
            (16, 1, 0),
            "the security entity is none of this platform's any more"
        );
        index.platforms.take(applied(platform("17", &both)));
        assert_eq!(said(&index), (17, 0, 1));
        let mut unreadable = lift("18", &security.person("s2"));
        unreadable["metadata"]["name"] = json!("l-15");
        unreadable["spec"] = json!({ "revocation": 1 });
        index.lifts.take(applied(unreadable));
        assert_eq!(said(&index), (18, 1, 0), "what cannot be read lifts nothing");
    }

    #[test]
    fn the_vendors_own_people_lift_nothing() {
        let interop = Authority::new("Interop", "000000000000001");
        let security = Authority::new("Securite", "000000000000002");
        let mut index = Index::default();
        let bodies = [("interop", &interop), ("security", &security)];
        index.platforms.take(applied(platform("3", &bodies)));
        index.revocations.take(applied(revocation()));
        index.vendors.take(applied(json!({
            "apiVersion": "dmp.ma/v1alpha1", "kind": "Vendor", "metadata": { "name": "a", "resourceVersion": "4" },
            "spec": {
                "organisation": { "name": "Atlas", "ice": "001234567000011" },
                "members": [{ "issuer": "https://issuer.test", "subject": "s" }],
            },
        })));
        index.lifts.take(applied(lift("12", &interop.person("i1"))));
        let own = security.employed("s1", "Atlas", "009999999000099");
        index.lifts.take(applied(lift("13", &own)));
        assert_eq!(said(&index), (13, 1, 0));
        index.lifts.take(applied(lift("14", &security.person("s2"))));
        assert_eq!(said(&index), (14, 0, 1));
    }
}
