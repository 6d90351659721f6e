#![allow(clippy::unwrap_used)]

use std::sync::Arc;
use std::time::{Duration, Instant};

use dmp_client::facts::{Credential, Facts, Gate, Group, Mode, Previous, Revocation};
use dmp_core::peer::Peer;
use jiff::{SignedDuration, Timestamp};

use super::admission::{SolutionRefusal, admit};
use super::body::base64_size;
use super::door::Door;
use crate::facts::FactsStore;
use crate::facts::credentials::tests::told;
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
            gate: Gate::Open,
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
            previous: None,
            scopes: None,
            realm: None,
        }],
        ..Facts::default()
    }
}

fn snapshot(facts: Facts) -> Snapshot {
    let told = told(facts, Instant::now(), Timestamp::now());
    Snapshot::new(told.facts, told.credentials, told.received)
}

fn decide(facts: Facts, peer: &Peer) -> Result<String, SolutionRefusal> {
    admit(&snapshot(facts), peer, DOMAIN, Timestamp::now()).map(|credential| credential.name.clone())
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
    homologated.groups[0].gate = Gate::Open;
    assert!(decide(homologated, &hospital()).is_ok());
}

#[test]
fn production_goes_by_the_gate_of_its_group_or_of_the_platform_and_a_sandbox_by_none() {
    let gate = |credential: Mode, group: Option<Mode>, own: Gate, platform: Gate| {
        let mut facts = facts();
        facts.credentials[0].mode = credential;
        facts.gate = platform;
        facts.groups[0].gate = own;
        match group {
            Some(mode) => facts.groups[0].mode = mode,
            None => facts.credentials[0].group = None,
        }
        let snapshot = snapshot(facts);
        snapshot.gate(snapshot.credential("vendor-h/hospital-a").unwrap())
    };
    let (production, sandbox) = (Mode::Production, Mode::Sandbox);
    for own in [Gate::Open, Gate::ReadOnly, Gate::Closed] {
        for platform in [Gate::Open, Gate::ReadOnly, Gate::Closed] {
            assert_eq!(gate(sandbox, Some(sandbox), own, platform), Gate::Open);
            assert_eq!(gate(sandbox, None, own, platform), Gate::Open);
            // The group's gate has the platform's in it already.
            assert_eq!(gate(production, Some(production), own, platform), own);
            assert_eq!(gate(production, Some(sandbox), own, platform), platform);
            assert_eq!(gate(production, None, own, platform), platform);
        }
    }
    // Facts that do not say it say no.
    assert_eq!(Gate::default(), Gate::Closed);
}

#[test]
fn the_certificate_before_opens_the_door_until_its_time_and_a_revocation_closes_both() {
    let replaced = |seconds: i64| {
        let mut facts = facts();
        let own = &mut facts.credentials[0];
        own.certificate_sha256 = hex::encode([8; 32]);
        own.previous = Some(Previous {
            certificate_sha256: hex::encode([7; 32]).to_uppercase(),
            until: Timestamp::now() + SignedDuration::from_secs(seconds),
        });
        facts
    };
    let mut new = hospital();
    new.certificate_sha256 = [8; 32];
    let mut stranger = hospital();
    stranger.certificate_sha256 = [9; 32];
    for peer in [&hospital(), &new] {
        assert_eq!(decide(replaced(60), peer).as_deref(), Ok("vendor-h/hospital-a"));
    }
    assert_eq!(
        decide(replaced(60), &stranger),
        Err(SolutionRefusal::OtherCertificate)
    );
    assert_eq!(
        decide(replaced(0), &hospital()),
        Err(SolutionRefusal::OtherCertificate)
    );
    assert!(decide(replaced(0), &new).is_ok());
    // It does not outlive itself either.
    let mut ended = hospital();
    ended.not_after = Timestamp::now();
    assert_eq!(decide(replaced(60), &ended), Err(SolutionRefusal::Expired));
    for peer in [&hospital(), &new] {
        let mut revoked = replaced(60);
        revoked.revocations.push(Revocation {
            credential: Some("vendor-h/hospital-a".to_owned()),
            ..Revocation::of_solution("vendor-h/sih")
        });
        assert_eq!(decide(revoked, peer), Err(SolutionRefusal::Revoked));
    }
}

#[test]
fn a_revocation_reaches_what_it_names_and_no_more() {
    let of = Revocation::of_solution;
    let text = |text: &str| Some(text.to_owned());
    let version = |version: &str| Revocation {
        version: text(version),
        ..of("vendor-h/sih")
    };
    let credential = |name: &str| Revocation {
        credential: text(name),
        ..of("vendor-h/sih")
    };
    let establishment = |inpe: &str| Revocation {
        establishment: text(inpe),
        ..of("vendor-h/sih")
    };
    let cases = [
        (Revocation::of_vendor("vendor-h"), true),
        (Revocation::of_vendor("vendor-i"), false),
        (Revocation::of_vendor("h"), false),
        (of("vendor-h/sih"), true),
        (of("vendor-h/other"), false),
        (of("vendor-i/sih"), false),
        (version("2.1"), true),
        (version("2.0"), false),
        (credential("vendor-h/hospital-a"), true),
        (credential("hospital-a"), true),
        (credential("hospital-b"), false),
        (establishment("000000001"), true),
        (establishment("000000002"), false),
        (
            Revocation {
                credential: text("hospital-a"),
                ..version("2.0")
            },
            false,
        ),
        // What names nobody is not understood.
        (
            Revocation {
                solution: None,
                ..of("")
            },
            true,
        ),
    ];
    for (revocation, closes) in cases {
        let mut facts = facts();
        facts.revocations.push(revocation.clone());
        let refused = decide(facts, &hospital()) == Err(SolutionRefusal::Revoked);
        assert_eq!(refused, closes, "{revocation:?}");
    }
}

#[test]
fn a_gateway_from_before_a_level_closes_more_and_never_less() {
    #[derive(serde::Deserialize)]
    struct Before {
        solution: String,
        version: Option<String>,
        credential: Option<String>,
    }
    let read = |revocation: &Revocation| {
        serde_json::from_value::<Before>(serde_json::to_value(revocation).unwrap()).ok()
    };
    assert!(
        read(&Revocation::of_vendor("vendor-h")).is_none(),
        "its facts are not believed"
    );
    let installation = Revocation {
        establishment: Some("000000001".to_owned()),
        ..Revocation::of_solution("vendor-h/sih")
    };
    let whole = read(&installation).unwrap();
    assert_eq!(
        (whole.solution.as_str(), whole.version, whole.credential),
        ("vendor-h/sih", None, None)
    );
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
    store.accept(told(facts(), start, wall)).unwrap();
    assert!(door.stays_at(&hospital(), start, after(10), wall));

    let mut revoking = facts();
    revoking.seq = 2;
    revoking.revocations.push(Revocation::of_solution("vendor-h/sih"));
    store.accept(told(revoking, after(20), wall)).unwrap();
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
    lifted.lifted.push(Revocation::of_solution("vendor-h/sih"));
    store.accept(told(lifted, after(1_700), wall)).unwrap();
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
