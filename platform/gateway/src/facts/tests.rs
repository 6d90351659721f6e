#![allow(clippy::unwrap_used)]

use std::time::{Duration, Instant};

use aws_lc_rs::signature::{Ed25519KeyPair, KeyPair as _};
use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use dmp_client::facts::{Facts, Grant, MAX_GRANT, Revocation, SignedFacts, SignedGrant, grant_message};
use dmp_core::token::PublicKey;
use jiff::{SignedDuration, Timestamp};

use super::credentials::tests::told;
use super::seen::Seen;
use super::signed::{self, SignedFactsError};
use super::store::{FactsRefused, FactsStore, MAX_AGE, Stale};

fn facts(seq: u64) -> Facts {
    Facts {
        seq,
        at: Timestamp::now(),
        ..Facts::default()
    }
}

fn revocation(solution: &str) -> Revocation {
    Revocation::of_solution(solution)
}

fn sign(key: &Ed25519KeyPair, kid: &str, payload: &str) -> Vec<u8> {
    let signed = SignedFacts {
        payload: payload.to_owned(),
        kid: kid.to_owned(),
        signature: STANDARD.encode(key.sign(payload.as_bytes())),
        grant: None,
    };
    serde_json::to_vec(&signed).unwrap()
}

fn public(key: &Ed25519KeyPair, kid: &str) -> PublicKey {
    PublicKey {
        kid: kid.to_owned(),
        x: URL_SAFE_NO_PAD.encode(key.public_key()),
    }
}

#[test]
fn only_lines_of_a_known_key_are_opened() {
    let key = Ed25519KeyPair::generate().unwrap();
    let other = Ed25519KeyPair::generate().unwrap();
    let keys = [public(&key, "facts-v1")];
    let payload = serde_json::to_string(&facts(7)).unwrap();

    assert_eq!(
        signed::open(&sign(&key, "facts-v1", &payload), &keys, Timestamp::now())
            .unwrap()
            .seq,
        7
    );
    assert!(matches!(
        signed::open(&sign(&key, "facts-v2", &payload), &keys, Timestamp::now()),
        Err(SignedFactsError::UnknownKey(kid)) if kid == "facts-v2"
    ));
    assert!(matches!(
        signed::open(&sign(&other, "facts-v1", &payload), &keys, Timestamp::now()),
        Err(SignedFactsError::Signature)
    ));
    let mut changed: SignedFacts = serde_json::from_slice(&sign(&key, "facts-v1", &payload)).unwrap();
    changed.payload = payload.replace("\"seq\":7", "\"seq\":8");
    assert!(matches!(
        signed::open(&serde_json::to_vec(&changed).unwrap(), &keys, Timestamp::now()),
        Err(SignedFactsError::Signature)
    ));
    assert!(matches!(
        signed::open(b"{}", &keys, Timestamp::now()),
        Err(SignedFactsError::Shape(_))
    ));
    assert!(matches!(
        signed::open(&sign(&key, "facts-v1", "{}"), &keys, Timestamp::now()),
        Err(SignedFactsError::Payload(_))
    ));
}

/// A line signed by `own` under a grant that `key` signed.
fn granted(key: &Ed25519KeyPair, own: &Ed25519KeyPair, grant: &Grant) -> Vec<u8> {
    let payload = serde_json::to_string(&facts(7)).unwrap();
    let granted = serde_json::to_string(grant).unwrap();
    let signed = SignedFacts {
        signature: STANDARD.encode(own.sign(payload.as_bytes())),
        kid: "facts-v1".to_owned(),
        grant: Some(SignedGrant {
            signature: STANDARD.encode(key.sign(&grant_message(&granted))),
            kid: "facts-v1".to_owned(),
            payload: granted,
        }),
        payload,
    };
    serde_json::to_vec(&signed).unwrap()
}

#[test]
fn a_granted_key_is_believed_while_its_grant_is_in_force() {
    let key = Ed25519KeyPair::generate().unwrap();
    let own = Ed25519KeyPair::generate().unwrap();
    let keys = [public(&key, "facts-v1")];
    let now = Timestamp::now();
    let grant = Grant {
        x: URL_SAFE_NO_PAD.encode(own.public_key()),
        not_before: now,
        not_after: now + MAX_GRANT,
    };
    let line = granted(&key, &own, &grant);
    let open =
        |line: &[u8], seconds: i64| signed::open(line, &keys, now + SignedDuration::from_secs(seconds));
    assert_eq!(open(&line, 0).unwrap().seq, 7);
    assert_eq!(open(&line, 599).unwrap().seq, 7);
    assert!(matches!(open(&line, 600), Err(SignedFactsError::Grant)));
    assert!(matches!(open(&line, -61), Err(SignedFactsError::Grant)));
    let long = Grant {
        not_after: now + SignedDuration::from_mins(11),
        ..grant.clone()
    };
    assert!(matches!(
        open(&granted(&key, &own, &long), 0),
        Err(SignedFactsError::Grant)
    ));
    // granted by nobody who may, and signed by somebody else than the granted key
    assert!(matches!(
        open(&granted(&own, &own, &grant), 0),
        Err(SignedFactsError::Signature)
    ));
    assert!(matches!(
        open(&granted(&key, &key, &grant), 0),
        Err(SignedFactsError::Signature)
    ));
    // a grant is no facts, and facts are no grant
    let statement = serde_json::to_string(&grant).unwrap();
    assert!(open(&sign(&key, "facts-v1", &statement), 0).is_err());
    let mut facts_as_grant: SignedFacts = serde_json::from_slice(&line).unwrap();
    let plain: SignedFacts = serde_json::from_slice(&sign(&key, "facts-v1", &statement)).unwrap();
    facts_as_grant.grant = Some(SignedGrant {
        payload: plain.payload,
        kid: plain.kid,
        signature: plain.signature,
    });
    assert!(matches!(
        open(&serde_json::to_vec(&facts_as_grant).unwrap(), 0),
        Err(SignedFactsError::Signature)
    ));
}

#[test]
fn the_door_is_closed_before_the_first_facts_and_when_they_age() {
    let store = FactsStore::new(Seen::nowhere()).unwrap();
    let start = Instant::now();
    assert_eq!(store.fresh(start).unwrap_err(), Stale::Never);
    store.accept(told(facts(1), start, Timestamp::now())).unwrap();
    assert!(store.fresh(start + MAX_AGE).is_ok());
    let later = start + MAX_AGE + Duration::from_millis(1);
    assert!(matches!(store.fresh(later), Err(Stale::Old(_))));
    store.accept(told(facts(1), later, Timestamp::now())).unwrap();
    assert!(store.fresh(later).is_ok());
}

#[test]
fn a_replica_behind_the_api_server_counts_its_delay() {
    let store = FactsStore::new(Seen::nowhere()).unwrap();
    let start = Instant::now();
    let mut behind = facts(1);
    behind.stale_since = Some(behind.at - SignedDuration::from_secs(8));
    store.accept(told(behind, start, Timestamp::now())).unwrap();
    assert!(store.fresh(start + Duration::from_secs(1)).is_ok());
    assert!(store.fresh(start + Duration::from_secs(3)).is_err());
}

#[test]
fn a_heartbeat_of_a_replica_that_is_behind_does_not_age_fresher_facts() {
    let store = FactsStore::new(Seen::nowhere()).unwrap();
    let start = Instant::now();
    store.accept(told(facts(1), start, Timestamp::now())).unwrap();
    let mut behind = facts(1);
    behind.stale_since = Some(behind.at - SignedDuration::from_secs(30));
    store.accept(told(behind, start, Timestamp::now())).unwrap();
    assert!(store.fresh(start + Duration::from_secs(1)).is_ok());
}

#[test]
fn numbers_never_fall() {
    let store = FactsStore::new(Seen::nowhere()).unwrap();
    store
        .accept(told(facts(5), Instant::now(), Timestamp::now()))
        .unwrap();
    let refused = store.accept(told(facts(4), Instant::now(), Timestamp::now()));
    assert!(matches!(refused, Err(FactsRefused::Older { seq: 4, highest: 5 })));
}

#[test]
fn the_same_number_may_revoke_more_but_not_less() {
    let store = FactsStore::new(Seen::nowhere()).unwrap();
    let (mut one, mut two) = (facts(5), facts(5));
    one.revocations = vec![revocation("vendor-a/sih")];
    two.revocations = vec![revocation("vendor-a/sih"), revocation("vendor-b/lab")];
    let now = Instant::now();
    store.accept(told(one.clone(), now, Timestamp::now())).unwrap();
    store.accept(told(two, now, Timestamp::now())).unwrap();
    assert!(matches!(
        store.accept(told(one, now, Timestamp::now())),
        Err(FactsRefused::Regressed { seq: 5 })
    ));
    assert_eq!(store.fresh(now).unwrap().facts().revocations.len(), 2);
}

#[test]
fn a_revocation_ends_by_a_lift_at_a_higher_number_and_by_nothing_else() {
    let revoked = || Facts {
        revocations: vec![revocation("vendor-a/sih")],
        ..facts(5)
    };
    let lifted = |seq: u64, solution: &str| Facts {
        lifted: vec![revocation(solution)],
        ..facts(seq)
    };
    let after = |next: Facts| {
        let store = FactsStore::new(Seen::nowhere()).unwrap();
        let now = Instant::now();
        store.accept(told(revoked(), now, Timestamp::now())).unwrap();
        let outcome = store.accept(told(next, now, Timestamp::now()));
        let held = store.fresh(now).unwrap().facts().revocations.len();
        (
            outcome.map_err(|refused| matches!(refused, FactsRefused::Regressed { .. })),
            held,
        )
    };
    let refused = (Err(true), 1);
    assert_eq!(after(lifted(6, "vendor-a/sih")), (Ok(()), 0));
    assert_eq!(
        after(lifted(5, "vendor-a/sih")),
        refused,
        "not at the same number"
    );
    assert_eq!(
        after(lifted(6, "vendor-b/lab")),
        refused,
        "another one was lifted"
    );
    assert_eq!(after(facts(6)), refused, "it is simply gone");
    assert_eq!(
        after(facts(1_000_000)),
        refused,
        "as after a restore that lets the numbers jump"
    );
    // Lifted, and revoked again by another object.
    let both = Facts {
        revocations: vec![revocation("vendor-a/sih")],
        ..lifted(6, "vendor-a/sih")
    };
    assert_eq!(after(both), (Ok(()), 1));
}

#[test]
fn an_etcd_from_before_the_revocation_closes_the_door_instead_of_opening_it() {
    // Restored: the numbers fall, or (`--bump-revision`) jump. Heartbeats go on; the revocation is in none of them.
    for seq in [3, 1_000_000] {
        let store = FactsStore::new(Seen::nowhere()).unwrap();
        let start = Instant::now();
        let revoked = Facts {
            revocations: vec![revocation("vendor-a/sih")],
            ..facts(5)
        };
        store.accept(told(revoked, start, Timestamp::now())).unwrap();
        for second in 1..=12 {
            let now = start + Duration::from_secs(second);
            assert!(store.accept(told(facts(seq), now, Timestamp::now())).is_err());
            match store.fresh(now) {
                Ok(held) => assert!(second <= 10 && held.facts().revocations.len() == 1),
                Err(stale) => assert!(second > 10, "{stale}"),
            }
        }
    }
}

#[test]
fn a_clock_that_differs_by_over_a_minute_is_refused() {
    let store = FactsStore::new(Seen::nowhere()).unwrap();
    for difference in [SignedDuration::from_secs(-61), SignedDuration::from_secs(61)] {
        let mut wrong = facts(1);
        wrong.at += difference;
        let now = Timestamp::now();
        assert!(matches!(
            store.accept(told(wrong, Instant::now(), now)),
            Err(FactsRefused::Clock { .. })
        ));
    }
}

#[test]
fn the_highest_number_survives_a_restart() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("facts-seen");
    let store = FactsStore::new(Seen::at(&path)).unwrap();
    store
        .accept(told(facts(41), Instant::now(), Timestamp::now()))
        .unwrap();
    store
        .accept(told(facts(42), Instant::now(), Timestamp::now()))
        .unwrap();
    drop(store);
    let store = FactsStore::new(Seen::at(&path)).unwrap();
    let old = store.accept(told(facts(41), Instant::now(), Timestamp::now()));
    assert!(matches!(old, Err(FactsRefused::Older { seq: 41, highest: 42 })));
    std::fs::write(&path, "damaged").unwrap();
    assert!(FactsStore::new(Seen::at(&path)).is_err());
}

#[test]
fn a_restarted_gateway_still_knows_what_was_revoked() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("facts-seen");
    let start = || FactsStore::new(Seen::at(&path)).unwrap();
    let accept =
        |store: &FactsStore, facts: Facts| store.accept(told(facts, Instant::now(), Timestamp::now()));
    let store = start();
    let revoked = Facts {
        revocations: vec![revocation("vendor-a/sih")],
        ..facts(5)
    };
    accept(&store, revoked).unwrap();
    drop(store);
    // An etcd from before, whose numbers were made to jump.
    let store = start();
    for seq in [5, 6, 1_000_000] {
        let refused = accept(&store, facts(seq));
        assert!(matches!(refused, Err(FactsRefused::Regressed { .. })), "{seq}");
    }
    assert_eq!(store.fresh(Instant::now()).unwrap_err(), Stale::Never);
    let lifted = Facts {
        lifted: vec![revocation("vendor-a/sih")],
        ..facts(6)
    };
    accept(&store, lifted).unwrap();
    drop(store);
    accept(&start(), facts(7)).unwrap();
    std::fs::write(path.with_extension("revocations"), "damaged").unwrap();
    assert!(FactsStore::new(Seen::at(&path)).is_err());
}

#[test]
fn what_is_revoked_is_taken_from_a_replica_that_is_behind_too() {
    let store = FactsStore::new(Seen::nowhere()).unwrap();
    let start = Instant::now();
    store.accept(told(facts(5), start, Timestamp::now())).unwrap();
    let mut behind = facts(5);
    behind.stale_since = Some(behind.at - SignedDuration::from_secs(4));
    behind.revocations = vec![revocation("vendor-a/sih")];
    store.accept(told(behind, start, Timestamp::now())).unwrap();
    assert_eq!(store.fresh(start).unwrap().facts().revocations.len(), 1);
}

#[test]
fn the_same_line_once_more_does_not_make_facts_fresh() {
    let store = FactsStore::new(Seen::nowhere()).unwrap();
    let start = Instant::now();
    let line = facts(1);
    store.accept(told(line.clone(), start, Timestamp::now())).unwrap();
    store
        .accept(told(line, start + Duration::from_secs(9), Timestamp::now()))
        .unwrap();
    assert!(store.fresh(start + Duration::from_secs(11)).is_err());
}
