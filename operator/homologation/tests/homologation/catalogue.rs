//! Which entry follows from which standing, and what stays of it.

use dmp_api::catalogue_entry::{CatalogueEntrySpec, CatalogueEntryStatus, CatalogueState, Published};
use dmp_api::homologation_review::ReviewVerdict;
use dmp_homologation::catalogue::{id, publish};
use jiff::{SignedDuration, Timestamp};
use serde_json::json;

use crate::world::{DECISION, FINDING, HOMOLOGATION, NAMESPACE, SOLUTION, Word, World, typed};

pub fn of() -> CatalogueEntrySpec {
    CatalogueEntrySpec {
        namespace: NAMESPACE.to_owned(),
        solution: SOLUTION.to_owned(),
        version: "4.2".to_owned(),
    }
}

/// What the operator writes in so many days.
fn next(world: &World, before: Option<&CatalogueEntryStatus>, days: i64) -> Option<CatalogueEntryStatus> {
    let now = world.now + SignedDuration::from_hours(24 * days);
    let (homologation, published) = publish(&world.dossier, &of(), before, now)?;
    Some(CatalogueEntryStatus {
        homologation,
        published: Some(published),
        ..CatalogueEntryStatus::default()
    })
}

pub fn published(world: &World) -> Published {
    next(world, None, 0).unwrap().published.unwrap()
}

fn state(status: &CatalogueEntryStatus) -> CatalogueState {
    status.published.as_ref().unwrap().state
}

#[test]
fn what_was_never_open_is_not_in_the_catalogue() {
    assert_eq!(next(&World::tested(), None, 0), None, "not decided");
    assert_eq!(next(&World::granted(), None, 400), None, "it ended unseen");
    let mut world = World::tested();
    world.say(&world.interop.person("i2"), &DECISION);
    let no = Word {
        verdict: ReviewVerdict::Unfavourable,
        ..DECISION
    };
    world.say(&world.interop.person("i2"), &no);
    assert_eq!(next(&world, None, 0), None, "one body said yes, and no");
}

#[test]
fn an_entry_says_what_is_public_and_nothing_else() {
    let mut world = World::granted();
    let entry = published(&world);
    assert_eq!(entry.id, id(&of()));
    assert_eq!(entry.solution, "vendor-atlas/atlas-sih");
    assert_eq!(
        (entry.product.as_str(), entry.version.as_str()),
        ("Atlas SIH", "4.2")
    );
    assert_eq!(entry.organisation.name, "Atlas Santé");
    assert_eq!(entry.package_sha256, Some("a".repeat(64)));
    assert_eq!(entry.scopes, ["document-feeder", "document-reader"]);
    assert_eq!(entry.state, CatalogueState::Homologated);
    let standing = world.standing();
    assert_eq!(entry.since, standing.since.unwrap().to_string());
    assert_eq!(entry.until, standing.until.unwrap().to_string());
    let profile = &entry.profiles[0];
    assert_eq!((profile.met, profile.not_met, profile.not_tested), (1, 0, 0));
    assert!(profile.tested_at.is_some());
    // Reviewers and their words.
    let text = serde_json::to_string(&entry).unwrap();
    for personal in ["because", "i1", "i2", "s2", "p1", "l1"] {
        assert!(
            !text.contains(&format!("\"{personal}\"")) && !text.contains("because"),
            "{personal}"
        );
    }
    // Who has a credential is nobody's business.
    world.dossier.credentials = vec![typed(json!({
        "metadata": { "name": "chu" },
        "spec": { "solution": SOLUTION, "version": "4.2", "mode": "production", "csr": "x" },
        "status": { "certificate": "x" },
    }))];
    assert_eq!(published(&world), entry);
}

#[test]
fn the_same_world_writes_the_same() {
    let world = World::granted();
    let first = next(&world, None, 0).unwrap();
    for days in [0, 1, 100, 350] {
        assert_eq!(next(&world, Some(&first), days).unwrap(), first, "{days}");
    }
    let expired = next(&world, Some(&first), 366).unwrap();
    for days in [366, 400, 4000] {
        assert_eq!(next(&world, Some(&expired), days).unwrap(), expired, "{days}");
    }
}

#[test]
fn each_end_is_shown_with_its_date() {
    let revoke = |world: &mut World| {
        world.dossier.revocations = vec![typed(json!({
            "metadata": { "name": "r" }, "spec": { "solution": "vendor-atlas/atlas-sih", "reason": "fuite de données" },
        }))];
    };
    let suspend = |world: &mut World| {
        let no = Word {
            verdict: ReviewVerdict::Unfavourable,
            ..DECISION
        };
        world.say(&world.security.person("s2"), &no);
    };
    let withdraw = |world: &mut World| world.dossier.homologations[0].spec.withdrawn = true;
    let change_of_mind = |world: &mut World| {
        let no = Word {
            verdict: ReviewVerdict::Unfavourable,
            ..FINDING
        };
        world.say(&world.privacy.person("p1"), &no);
    };
    let lose = |world: &mut World| world.dossier.versions.clear();
    let forget = |world: &mut World| world.dossier.homologations.clear();
    type End = fn(&mut World);
    let cases: [(&str, End, i64, CatalogueState); 7] = [
        ("revoked", revoke, 1, CatalogueState::Revoked),
        ("a body's word", suspend, 1, CatalogueState::Suspended),
        ("withdrawn", withdraw, 1, CatalogueState::Withdrawn),
        ("a domain's word", change_of_mind, 1, CatalogueState::Suspended),
        ("its version is gone", lose, 1, CatalogueState::Suspended),
        ("its submission is gone", forget, 1, CatalogueState::Suspended),
        ("its time", |_| (), 366, CatalogueState::Expired),
    ];
    for (name, end, days, wanted) in cases {
        let mut world = World::granted();
        let open = next(&world, None, 0).unwrap();
        end(&mut world);
        let ended = next(&world, Some(&open), days).unwrap();
        let (open, published) = (open.published.unwrap(), ended.published.clone().unwrap());
        assert_eq!(published.state, wanted, "{name}");
        assert!(published.scopes.is_empty() && published.label.is_none(), "{name}");
        assert_eq!(published.product, open.product, "{name}");
        assert_eq!(published.since, open.since, "{name}");
        assert_eq!(published.history.len(), 1, "{name}");
        assert_eq!(published.history[0].since, open.state_since, "{name}");
        let since = match wanted {
            CatalogueState::Expired => open.until.clone(),
            _ => (world.now + SignedDuration::from_hours(24 * days)).to_string(),
        };
        assert_eq!(published.state_since, since, "{name}");
        assert_eq!(
            published.reason.is_some(),
            wanted == CatalogueState::Revoked,
            "{name}"
        );
        assert_eq!(
            next(&world, Some(&ended), days + 1).unwrap(),
            ended,
            "{name}: again"
        );
    }
}

#[test]
fn a_suspension_stays_in_the_history() {
    let mut world = World::granted();
    let mut status = next(&world, None, 0);
    let first = status.clone().unwrap().published.unwrap();
    for round in 1..15 {
        let word = |verdict| Word { verdict, ..DECISION };
        world.say(&world.security.person("s2"), &word(ReviewVerdict::Unfavourable));
        status = next(&world, status.as_ref(), 2 * round);
        assert_eq!(state(status.as_ref().unwrap()), CatalogueState::Suspended);
        world.say(&world.security.person("s2"), &word(ReviewVerdict::Favourable));
        status = next(&world, status.as_ref(), 2 * round + 1);
        assert_eq!(state(status.as_ref().unwrap()), CatalogueState::Homologated);
    }
    let last = status.unwrap().published.unwrap();
    assert_eq!(last.since, first.since, "homologated first");
    assert_eq!(last.history.len(), 20, "the newest");
    let times: Vec<Timestamp> = last
        .history
        .iter()
        .map(|past| past.since.parse().unwrap())
        .collect();
    assert!(times.is_sorted());
}

#[test]
fn another_cycle_goes_on_with_the_entry() {
    let mut world = World::granted();
    let first = next(&world, None, 0).unwrap();
    let mut second = world.dossier.homologations[0].clone();
    second.metadata.name = Some("atlas-sih-4-2-2".to_owned());
    second.spec.cycle = 2;
    world.dossier.homologations.push(second);
    assert_eq!(next(&world, Some(&first), 1).unwrap(), first, "submitted only");
    assert_eq!(first.homologation.as_deref(), Some(HOMOLOGATION));
    let expired = next(&world, Some(&first), 366).unwrap();
    assert_eq!(
        state(&expired),
        CatalogueState::Expired,
        "the second is not decided"
    );
}

#[test]
fn an_entry_is_named_by_what_it_is_of() {
    let named = |namespace: &str, solution: &str, version: &str| {
        id(&CatalogueEntrySpec {
            namespace: namespace.to_owned(),
            solution: solution.to_owned(),
            version: version.to_owned(),
        })
    };
    let name = named("vendor-atlas", "atlas-sih", "4.2");
    assert!(
        name.starts_with("atlas-sih-4-2-") && name.len() == "atlas-sih-4-2-".len() + 16,
        "{name}"
    );
    for other in [
        named("vendor-other", "atlas-sih", "4.2"),
        named("vendor-atlas", "atlas-sih", "4-2"),
        named("vendor-atlas", "atlas-sih-4", "2"),
    ] {
        assert_ne!(other, name);
    }
    let odd = named("vendor-a", &"x".repeat(63), &format!("1_A+{}", "z".repeat(60)));
    assert!(odd.len() <= 253);
    let letters = |letter: char| letter.is_ascii_lowercase() || letter.is_ascii_digit() || letter == '-';
    assert!(
        odd.chars().all(letters) && !odd.starts_with('-') && !odd.ends_with('-'),
        "{odd}"
    );
}
