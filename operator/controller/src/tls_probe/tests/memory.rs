//! Who is asked when, and what is said of who does not answer.

use std::time::{Duration, Instant};

use dmp_api::tls_probe::{Chain, Endpoint, Version};
use dmp_testkit::Pki;

use super::super::memory::{BENEFIT, Count, Memory, PERIOD, REWRITE};
use super::super::probe::{Unreachable, probe};
use super::super::targets::Target;
use super::{roots, target};

fn good(target: &Target) -> Endpoint {
    Endpoint {
        name: target.name.clone(),
        role: target.role,
        versions: vec![Version::V1_3],
        chain: Chain::Verified,
        asks_for_certificate: true,
        not_before: None,
        not_after: None,
        why: String::new(),
    }
}

async fn unreachable() -> Unreachable {
    let nowhere = Target {
        host: "no host".to_owned(),
        ..target(1)
    };
    probe(&nowhere, &roots(&Pki::new("dmp.test"))).await.unwrap_err()
}

#[test]
fn what_answered_is_asked_again_after_a_while_and_what_is_new_at_once() {
    let (one, two) = (target(1), target(2));
    let mut memory = Memory::default();
    let start = Instant::now();
    assert_eq!(memory.due(vec![one.clone()], start), std::slice::from_ref(&one));
    memory.done(&one, Ok(good(&one)), start);
    assert_eq!(
        memory.due(vec![one.clone(), two.clone()], start),
        std::slice::from_ref(&two)
    );
    assert_eq!(
        memory.due(vec![one.clone()], start + PERIOD),
        std::slice::from_ref(&one)
    );
    // What went is not spoken of.
    assert_eq!(memory.due(vec![two.clone()], start), [two]);
    assert_eq!(memory.endpoints(), []);
}

#[tokio::test]
async fn who_does_not_answer_is_what_it_was_for_a_while_and_is_asked_at_every_look() {
    let (old, young) = (target(1), target(2));
    let mut memory = Memory::default();
    let start = Instant::now();
    memory.done(&old, Ok(good(&old)), start);
    memory.done(&young, Err(unreachable().await), start);
    assert_eq!(memory.endpoints(), [good(&old)]);
    let count = |good, bad, unreachable| Count {
        good,
        bad,
        unreachable,
    };
    assert_eq!(memory.count(), count(1, 0, 1));
    let later = start + BENEFIT - Duration::from_secs(1);
    memory.done(&old, Err(unreachable().await), later);
    assert_eq!(memory.endpoints(), [good(&old)]);
    assert_eq!(memory.count(), count(0, 0, 2));
    assert_eq!(memory.due(vec![old.clone(), young.clone()], later).len(), 2);
    memory.done(&old, Err(unreachable().await), start + BENEFIT);
    memory.done(&young, Err(unreachable().await), start + BENEFIT);
    let endpoints = memory.endpoints();
    assert_eq!(endpoints.len(), 2);
    for endpoint in endpoints {
        assert!(
            !endpoint.answered() && endpoint.why.starts_with("it cannot be reached"),
            "{endpoint:?}"
        );
    }
    memory.done(&old, Ok(good(&old)), start + BENEFIT);
    let mut open = good(&young);
    open.asks_for_certificate = false;
    memory.done(&young, Ok(open), start + BENEFIT);
    assert_eq!(memory.count(), count(1, 1, 0));
}

#[test]
fn it_is_written_when_it_changed_and_before_it_is_too_old() {
    let one = target(1);
    let mut memory = Memory::default();
    let start = Instant::now();
    assert_eq!(memory.news(start), None);
    memory.done(&one, Ok(good(&one)), start);
    let news = memory.news(start).unwrap();
    memory.written(news.clone(), start);
    assert_eq!(memory.news(start), None);
    assert_eq!(memory.news(start + REWRITE), Some(news));
    let mut other = good(&one);
    other.versions.insert(0, Version::V1_2);
    memory.done(&one, Ok(other.clone()), start);
    assert_eq!(memory.news(start), Some(vec![other]));
}
