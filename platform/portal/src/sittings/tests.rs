#![allow(clippy::unwrap_used)]

use dmp_conformance::exchange::{Body, Exchange, Request, Response};
use serde_json::json;

use super::*;

const PROFILE: &str = "document-feeder";
const NOMINAL: &str = "document-feeder/nominal";
const BUSY: &str = "document-feeder/busy";

fn candidate(name: &str) -> Candidate {
    Candidate {
        credential: format!("vendor-a/{name}"),
        solution: "vendor-a/sih".to_owned(),
        version: "1.0".to_owned(),
    }
}

fn open(mode: Mode, submission: Option<&str>, seed: Option<u64>) -> Open {
    Open {
        mode,
        submission: submission.map(str::to_owned),
        seed,
        ..Open::sandbox(PROFILE)
    }
}

fn terms(suite: &Suite, open: &Open, random: u64) -> Result<Terms, Refusal> {
    Terms::new(open, suite.profile(PROFILE).unwrap(), random)
}

/// A sitting that is open, of credential `x`.
fn sitting(suite: &Suite, open: &Open) -> (Sittings, Uuid) {
    let mut sittings = Sittings::default();
    let terms = terms(suite, open, 1).unwrap();
    let profile = suite.profile(PROFILE).unwrap();
    let id = sittings.open(candidate("x"), profile, terms).unwrap();
    (sittings, id)
}

fn exchange(number: u32, size: u64) -> Exchange {
    let body = Body {
        size,
        ..Body::default()
    };
    Exchange {
        number,
        at_ms: 0,
        took_ms: 0,
        operation: "iti-65".to_owned(),
        request: Request {
            method: "POST".to_owned(),
            path: "/fhir".to_owned(),
            query: BTreeMap::new(),
            headers: BTreeMap::new(),
            body: body.clone(),
        },
        response: Response {
            status: 200,
            headers: BTreeMap::new(),
            body,
            fault: None,
        },
    }
}

#[test]
fn each_mode_has_its_terms() {
    let suite = Suite::embedded().unwrap();
    let all = suite.profile(PROFILE).unwrap().tests.len();
    let hash = "Ab".repeat(32);
    let sandbox = terms(&suite, &open(Mode::Sandbox, None, Some(7)), 1).unwrap();
    assert_eq!(
        (sandbox.seed, sandbox.tests.len()),
        (7, all),
        "the vendor may choose the seed"
    );
    let rehearsal = terms(&suite, &open(Mode::Rehearsal, Some(&hash), None), 9).unwrap();
    assert_eq!((rehearsal.seed, rehearsal.tests.len()), (9, all));
    assert_eq!(rehearsal.submission.unwrap(), hash.to_lowercase());
    let drawn = |random| {
        terms(&suite, &open(Mode::Supervised, Some(&hash), None), random)
            .unwrap()
            .tests
    };
    assert!((0..20).all(|random| drawn(random).len() < all && drawn(random).contains(&NOMINAL.to_owned())));
    assert!(
        (1..20).any(|random| drawn(random) != drawn(0)),
        "nobody knows which"
    );
    for (wrong, refusal) in [
        (open(Mode::Rehearsal, None, None), Refusal::SubmissionNeeded),
        (
            open(Mode::Supervised, Some("abc"), None),
            Refusal::SubmissionNeeded,
        ),
        (
            open(Mode::Supervised, Some(&hash), Some(1)),
            Refusal::SubmissionNeeded,
        ),
        (open(Mode::Sandbox, Some(&hash), None), Refusal::SubmissionGiven),
        (
            open(Mode::Surveillance, Some(&hash), None),
            Refusal::ModeNotOffered,
        ),
    ] {
        assert_eq!(terms(&suite, &wrong, 1), Err(refusal));
    }
}

#[test]
fn beyond_the_sandbox_every_test_is_sat_once() {
    let suite = Suite::embedded().unwrap();
    let hash = "a".repeat(64);
    let (mut sittings, id) = sitting(&suite, &open(Mode::Rehearsal, Some(&hash), None));
    let ids: Vec<String> = suite
        .profile(PROFILE)
        .unwrap()
        .tests
        .iter()
        .map(|test| test.id.clone())
        .collect();
    for test in &ids {
        assert_eq!(
            sittings.close(&suite, "vendor-a/x", id).err().map(Refusal::code),
            match test == &ids[0] {
                true => Some("nothing-sat"),
                false => Some("sitting-incomplete"),
            }
        );
        sittings.begin(&suite, "vendor-a/x", id, test, json!({})).unwrap();
        sittings.end(&suite, "vendor-a/x", id, test).unwrap();
        let again = sittings.begin(&suite, "vendor-a/x", id, test, json!({}));
        assert_eq!(again, Err(Refusal::SatAlready));
    }
    let closing = sittings
        .close(&suite, "vendor-a/x", id)
        .unwrap_or_else(|refusal| panic!("{refusal}"));
    assert_eq!(closing.submission, Some(hash));
    assert_eq!(closing.bundle.mode, Mode::Rehearsal);
    closing.bundle.replay().unwrap();
    assert!(sittings.credentials().is_empty(), "nobody is watched any more");
}

#[test]
fn a_fault_is_due_once_and_what_comes_late_is_dropped() {
    let suite = Suite::embedded().unwrap();
    let (mut sittings, id) = sitting(&suite, &Open::sandbox(PROFILE));
    assert!(
        sittings.before(&suite, "vendor-a/x", "iti-65").is_none(),
        "no test runs"
    );
    sittings.begin(&suite, "vendor-a/x", id, BUSY, json!({})).unwrap();
    let token = sittings.before(&suite, "vendor-a/x", "token").unwrap();
    assert!(token.fault.is_none() && token.number == 1);
    let first = sittings.before(&suite, "vendor-a/x", "iti-65").unwrap();
    assert!(first.fault.is_some(), "the platform is busy");
    assert!(
        sittings.before(&suite, "vendor-a/y", "iti-65").is_none(),
        "another's"
    );
    sittings.after("vendor-a/x", first.run, exchange(2, 10));
    sittings.after("vendor-a/x", token.run, exchange(1, 10));
    sittings.after("vendor-a/x", Uuid::nil(), exchange(3, 10));
    let judged = sittings.end(&suite, "vendor-a/x", id, BUSY).unwrap();
    let numbers: Vec<u32> = judged.exchanges.iter().map(|exchange| exchange.number).collect();
    assert_eq!(numbers, [1, 2], "in their order, without what belongs to no test");
    sittings.after("vendor-a/x", first.run, exchange(4, 10));
    assert_eq!(
        sittings.end(&suite, "vendor-a/x", id, BUSY).err(),
        Some(Refusal::TestNotRunning)
    );
}

#[test]
fn a_sitting_is_bounded() {
    let suite = Suite::embedded().unwrap();
    let (mut sittings, id) = sitting(&suite, &Open::sandbox(PROFILE));
    sittings
        .begin(&suite, "vendor-a/x", id, NOMINAL, json!({}))
        .unwrap();
    let run = sittings.before(&suite, "vendor-a/x", "iti-65").unwrap().run;
    sittings.after("vendor-a/x", run, exchange(1, MAX_BYTES));
    assert!(
        sittings.before(&suite, "vendor-a/x", "iti-65").is_none(),
        "16 MiB of bodies"
    );
    let ended = sittings.end(&suite, "vendor-a/x", id, NOMINAL).err();
    assert_eq!(
        ended,
        Some(Refusal::TooMuch),
        "what was not recorded is not judged"
    );

    let profile = suite.profile(PROFILE).unwrap();
    let terms = terms(&suite, &Open::sandbox(PROFILE), 1).unwrap();
    for number in 1..MAX_SITTINGS {
        sittings
            .open(candidate(&number.to_string()), profile, terms.clone())
            .unwrap();
    }
    assert_eq!(
        sittings.open(candidate("more"), profile, terms.clone()),
        Err(Refusal::Busy)
    );
    sittings.open(candidate("x"), profile, terms).unwrap();
    let before = sittings.end(&suite, "vendor-a/x", id, NOMINAL).err();
    assert_eq!(
        before,
        Some(Refusal::UnknownSitting),
        "another one has taken its place"
    );
}
