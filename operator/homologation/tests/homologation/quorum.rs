//! Who counts, and that neither a guichet nor a configuration makes a quorum.

use dmp_api::HomologationState as State;
use dmp_api::homologation_review::ReviewVerdict;
use dmp_homologation::Bodies;
use serde_json::json;

use crate::world::{DECISION, FINDING, ICE, Word, World, signed, typed};

#[test]
fn both_bodies_decide_together() {
    let mut world = World::tested();
    assert_eq!(world.standing().state, State::SupervisedTested);
    world.say(&world.interop.person("i2"), &DECISION);
    let standing = world.standing();
    assert_eq!(standing.state, State::SupervisedTested);
    assert_eq!(standing.missing, ["decision of the security entity"]);
    world.say(&world.interop.person("i3"), &DECISION);
    assert_eq!(
        world.standing().state,
        State::SupervisedTested,
        "two people of one body are one body"
    );
    world.say(&world.security.person("s2"), &DECISION);
    let standing = world.standing();
    assert_eq!(standing.state, State::Homologated, "{:?}", standing.missing);
    assert_eq!(
        standing.scopes.into_iter().collect::<Vec<_>>(),
        ["document-feeder", "document-reader"]
    );
}

#[test]
fn the_deciders_are_two_people_of_two_employers() {
    let decided = |second: fn(&World) -> dmp_testkit::bodies::Member| {
        let mut world = World::tested();
        world.say(
            &world.interop.employed("i2", "Institut", "000000000000007"),
            &DECISION,
        );
        world.say(&second(&world), &DECISION);
        (world.standing().state, world.last_refused())
    };
    // One person with a certificate of each body; one consultancy behind both.
    let refused = (State::SupervisedTested, "NotDistinct");
    assert_eq!(decided(|world| world.security.person("i2")), refused);
    assert_eq!(decided(|world| world.security.person(" I2 ")), refused);
    assert_eq!(
        decided(|world| world.security.employed("s2", "Cabinet", "000000000000007")),
        refused
    );
    assert_eq!(
        decided(|world| world.security.employed("s2", "INSTITUT", "000000000000008")),
        refused
    );
}

#[test]
fn nobody_counts_in_two_domains_or_decides_on_their_own_review() {
    let mut world = World::tested();
    world.say(&world.security.person("i1"), &DECISION);
    assert_eq!(world.last_refused(), "NotDistinct");
    world.say(&world.interop.person("i1"), &DECISION);
    assert_eq!(world.last_refused(), "NotDistinct");
    world.say(&world.privacy.person("s1"), &FINDING);
    assert_eq!(world.last_refused(), "NotDistinct");
}

#[test]
fn nobody_speaks_about_their_own_product_and_no_other_body_decides() {
    let mut world = World::tested();
    world.say(&world.security.employed("s2", "Other name", ICE), &DECISION);
    assert_eq!(world.last_refused(), "OwnProduct");
    world.say(
        &world
            .security
            .employed("s2", "  atlas   SANTÉ", "000000000000009"),
        &FINDING,
    );
    assert_eq!(world.last_refused(), "OwnProduct");
    world.say(&world.privacy.person("p2"), &DECISION);
    assert_eq!(world.last_refused(), "WrongBody");
    world.say(&world.laboratory.person("l2"), &FINDING);
    assert_eq!(world.last_refused(), "WrongBody");
}

#[test]
fn a_compromised_guichet_makes_no_quorum() {
    // It writes every object and holds every statement that people gave it; it signs nothing.
    let mut world = World::tested();
    let interop = world.interop.person("i2");
    let granted = signed(&interop, &world.review(&DECISION));
    let refusal = signed(
        &world.security.person("s2"),
        &world.review(&Word {
            verdict: ReviewVerdict::Unfavourable,
            ..DECISION
        }),
    );
    // The same word twice; a finding as a decision; a word about another product, or about another state of this one.
    world.arrive(&granted);
    world.arrive(&granted);
    assert_eq!(world.standing().state, State::SupervisedTested);
    let mut other = world.review(&DECISION);
    other.homologation = "vendor-other/x".to_owned();
    let text = signed(&world.security.person("s3"), &other);
    world.arrive(&text);
    assert_eq!(world.last_refused(), "OtherHomologation");
    let mut other = world.review(&DECISION);
    other.submission_sha256 = "0".repeat(64);
    let text = signed(&world.security.person("s3"), &other);
    world.arrive(&text);
    assert_eq!(world.last_refused(), "OtherSubmission");
    assert_eq!(world.standing().state, State::SupervisedTested);
    // It holds back a refusal: still no quorum. It delivers it: closed.
    world.arrive(&refusal);
    assert_eq!(world.standing().state, State::Rejected);

    // After a body has changed its mind it brings that body's old word again.
    let mut world = World::tested();
    world.say(&world.interop.person("i2"), &DECISION);
    let security = world.security.person("s2");
    let old = signed(&security, &world.review(&DECISION));
    world.arrive(&old);
    assert_eq!(world.standing().state, State::Homologated);
    world.say(
        &security,
        &Word {
            verdict: ReviewVerdict::Unfavourable,
            ..DECISION
        },
    );
    world.arrive(&old);
    assert_eq!(world.standing().state, State::Suspended);

    // After both have granted, it changes what was submitted: the words are about something else now.
    let mut world = World::granted();
    assert_eq!(world.standing().state, State::Homologated);
    world.dossier.versions[0].spec.package = Some(typed(
        json!({ "sha256": "e".repeat(64), "sbomSha256": "b".repeat(64) }),
    ));
    assert_eq!(world.standing().state, State::Submitted);
    assert!(world.standing().scopes.is_empty());
}

#[test]
fn a_changed_configuration_makes_no_quorum() {
    // A programme that asks for nothing: nobody signed it.
    let mut world = World::submitted();
    world.dossier.programmes[0].spec.domains.clear();
    world.dossier.programmes[0].spec.evidence.clear();
    let standing = world.standing();
    assert_eq!(standing.state, State::Incomplete);
    assert_eq!(
        standing.missing,
        ["HomologationProgramme `2026` is not signed by the interop and security entity"]
    );

    // A platform without the security body: nothing it signed counts, and its decision is still asked for.
    let mut world = World::granted();
    let all = [
        crate::world::body(dmp_api::body::Role::Interop, &world.interop),
        crate::world::body(dmp_api::body::Role::Privacy, &world.privacy),
        crate::world::body(dmp_api::body::Role::Laboratory, &world.laboratory),
        crate::world::body(dmp_api::body::Role::Suite, &world.suite),
    ];
    world.dossier.bodies = Bodies::new(&all);
    assert!(!world.standing().state.is_open());
    world.dossier.bodies = Bodies::new(&[]);
    assert!(!world.standing().state.is_open());
    world.dossier.bodies = Err(dmp_homologation::bodies::Invalid::RoleTwice("interop"));
    assert!(!world.standing().state.is_open());
}

#[test]
fn one_programme_is_signed_by_two_people() {
    let mut world = World::submitted();
    let approval = dmp_homologation::statement::ProgrammeApproval {
        programme: "2026".to_owned(),
        programme_sha256: dmp_homologation::dossier::programme_sha256(&world.dossier.programmes[0].spec),
        signed_at: world.now - jiff::SignedDuration::from_secs(3600),
    };
    let texts = [
        signed(&world.interop.person("same"), &approval),
        signed(&world.security.person("same"), &approval),
    ];
    world.dossier.programmes[0].spec.signatures = texts.to_vec();
    assert_eq!(world.standing().state, State::Incomplete);
}
