#![allow(clippy::unwrap_used)]

use std::sync::Arc;
use std::time::{Duration, Instant};

use dmp_client::facts::{Credential, Facts, Group, Mode, Revocation};
use dmp_core::peer::Peer;
use jiff::{SignedDuration, Timestamp};

use super::admission::{SolutionRefusal, admit};
use super::body::base64_size;
use super::door::Door;
use crate::facts::FactsStore;
use crate::facts::seen::Seen;
use crate::facts::store::Snapshot;

const DOMAIN: &str = "dmp.test";

fn peer(id: &str) -> Peer {
    Peer {
        spiffe: id.parse().unwrap(),
        certificate_sha256: [7; 32],
        not_after: Timestamp::now() + SignedDuration::from_secs(600),
    }
}

fn hospital() -> Peer {
    peer("spiffe://dmp.test/credential/vendor-h/hospital-a")
}

fn facts() -> Facts {
    Facts {
        seq: 1,
        at: Timestamp::now(),
        groups: vec![Group {
            name: "a".parse().unwrap(),
            tag: "ca978112".to_owned(),
            mode: Mode::Sandbox,
            records: "https://records.dmp-a.svc:8443".to_owned(),
            identity: "spiffe://dmp.test/ns/dmp-a/sa/records".to_owned(),
            serving: true,
        }],
        credentials: vec![Credential {
            name: "vendor-h/hospital-a".to_owned(),
            solution: "vendor-h/sih".to_owned(),
            version: "2.1".to_owned(),
            kind: "hospital".to_owned(),
            establishment: Some("000000001".to_owned()),
            group: Some("a".parse().unwrap()),
            mode: Mode::Sandbox,
            certificate_sha256: hex::encode([7; 32]),
            not_after: Timestamp::now() + SignedDuration::from_secs(600),
            scopes: None,
        }],
        ..Facts::default()
    }
}

fn decide(facts: Facts, peer: &Peer) -> Result<String, SolutionRefusal> {
    let snapshot = Snapshot::new(facts, Instant::now());
    admit(&snapshot, peer, DOMAIN, Timestamp::now()).map(|credential| credential.name.clone())
}

#[test]
fn a_known_credential_with_its_own_certificate_is_admitted() {
    assert_eq!(decide(facts(), &hospital()).unwrap(), "vendor-h/hospital-a");
}

#[test]
fn names_that_are_no_credential_of_this_platform_are_refused() {
    for id in [
        "spiffe://dmp.test/ns/dmp-a/sa/records",
        "spiffe://other.test/credential/vendor-h/hospital-a",
    ] {
        assert_eq!(
            decide(facts(), &peer(id)),
            Err(SolutionRefusal::NotACredential),
            "{id}"
        );
    }
    let unknown = peer("spiffe://dmp.test/credential/vendor-h/hospital-b");
    assert_eq!(decide(facts(), &unknown), Err(SolutionRefusal::Unknown));
}

#[test]
fn each_rule_of_admission_refuses_by_itself() {
    type Change = fn(&mut Facts, &mut Peer);
    let rules: [(SolutionRefusal, Change); 5] = [
        (SolutionRefusal::OtherCertificate, |_, peer| {
            peer.certificate_sha256 = [8; 32]
        }),
        (SolutionRefusal::Expired, |facts, _| {
            facts.credentials[0].not_after = Timestamp::now()
        }),
        (SolutionRefusal::Expired, |_, peer| {
            peer.not_after = Timestamp::now()
        }),
        (SolutionRefusal::Group, |facts, _| {
            facts.groups[0].mode = Mode::Production
        }),
        (SolutionRefusal::Group, |facts, _| facts.groups.clear()),
    ];
    for (index, (expected, change)) in rules.into_iter().enumerate() {
        let (mut facts, mut peer) = (facts(), hospital());
        change(&mut facts, &mut peer);
        assert_eq!(decide(facts, &peer), Err(expected), "rule {index}");
    }
    let mut restarting = facts();
    restarting.groups[0].serving = false;
    assert!(
        decide(restarting, &hospital()).is_ok(),
        "a group that restarts is no fault of the software"
    );
    let mut homologated = facts();
    homologated.groups[0].mode = Mode::Production;
    homologated.credentials[0].mode = Mode::Production;
    assert!(decide(homologated, &hospital()).is_ok());
}

#[test]
fn revocations_reach_solution_version_and_credential() {
    let revoked = |version: Option<&str>, credential: Option<&str>, solution: &str| {
        let mut facts = facts();
        facts.revocations.push(Revocation {
            solution: solution.to_owned(),
            version: version.map(str::to_owned),
            credential: credential.map(str::to_owned),
        });
        decide(facts, &hospital()) == Err(SolutionRefusal::Revoked)
    };
    assert!(revoked(None, None, "vendor-h/sih"));
    assert!(revoked(Some("2.1"), None, "vendor-h/sih"));
    assert!(revoked(None, Some("vendor-h/hospital-a"), "vendor-h/sih"));
    assert!(revoked(None, Some("hospital-a"), "vendor-h/sih"));
    assert!(!revoked(None, None, "vendor-h/other"));
    assert!(!revoked(Some("2.0"), None, "vendor-h/sih"));
    assert!(!revoked(None, Some("hospital-b"), "vendor-h/sih"));
    assert!(!revoked(Some("2.0"), Some("hospital-a"), "vendor-h/sih"));
}

#[test]
fn the_door_closes_live_connections_and_then_lets_new_ones_be_told() {
    let store = Arc::new(FactsStore::new(Seen::nowhere()).unwrap());
    let door = Door::new(Arc::clone(&store), DOMAIN);
    let (start, wall) = (Instant::now(), Timestamp::now());
    let after = |milliseconds| start + Duration::from_millis(milliseconds);
    assert!(
        door.stays_at(&hospital(), start, start, wall),
        "without facts requests are answered, not connections cut"
    );
    store.accept(facts(), start, wall).unwrap();
    assert!(door.stays_at(&hospital(), start, after(10), wall));

    let mut revoking = facts();
    revoking.seq = 2;
    revoking.revocations.push(Revocation {
        solution: "vendor-h/sih".to_owned(),
        version: None,
        credential: None,
    });
    store.accept(revoking, after(20), wall).unwrap();
    for live in [start, after(10)] {
        assert!(!door.stays_at(&hospital(), live, after(30), wall));
        assert!(!door.stays_at(&hospital(), live, after(1_400), wall));
    }
    assert!(
        door.stays_at(&hospital(), after(25), after(40), wall),
        "a new connection is not told why"
    );
    // lifted by a higher number
    let mut lifted = facts();
    lifted.seq = 3;
    store.accept(lifted, after(1_700), wall).unwrap();
    assert!(door.stays_at(&hospital(), after(1_750), after(1_800), wall));
}

#[test]
fn the_size_of_a_document_is_that_of_its_bytes() {
    for (text, size) in [
        ("", 0),
        ("QQ==", 1),
        ("QUI=", 2),
        ("QUJD", 3),
        ("QUJD\nQUI=\n", 5),
        ("=", 0),
    ] {
        assert_eq!(base64_size(text), size, "{text:?}");
    }
}
