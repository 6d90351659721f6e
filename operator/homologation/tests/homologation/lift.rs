//! A revocation ends by two signatures over that very revocation, of two people of the two deciding bodies, none of the vendor's.

use dmp_api::body::{Body, Organisation, Role};
use dmp_api::{RevocationLift, SolutionRevocation};
use dmp_homologation::carrier::{Reader, read};
use dmp_homologation::lift::{Verdict, judge, revocation_sha256};
use dmp_homologation::statement::Lift;
use dmp_homologation::{Bodies, bodies};
use dmp_testkit::bodies::{Authority, Member};
use jiff::{SignedDuration, Timestamp};
use serde_json::json;

use crate::world::{ICE, body, signed, typed};

struct Case {
    interop: Authority,
    security: Authority,
    privacy: Authority,
    now: Timestamp,
    revocation: SolutionRevocation,
    lifts: Vec<RevocationLift>,
    subjects: Vec<Organisation>,
}

impl Case {
    fn new() -> Self {
        Self {
            interop: Authority::new("Interop", "000000000000001"),
            security: Authority::new("Securite", "000000000000002"),
            privacy: Authority::new("Privacy", "000000000000003"),
            now: Timestamp::now(),
            revocation: typed(json!({
                "metadata": { "name": "r", "uid": "u-1" },
                "spec": { "solution": "vendor-atlas/atlas-sih", "version": "4.2", "reason": "fuite" },
            })),
            lifts: Vec::new(),
            subjects: vec![Organisation {
                name: "Atlas Santé".to_owned(),
                ice: ICE.to_owned(),
            }],
        }
    }

    fn spec(&self) -> Vec<Body> {
        vec![
            body(Role::Interop, &self.interop),
            body(Role::Security, &self.security),
            body(Role::Privacy, &self.privacy),
        ]
    }

    fn statement(&self) -> Lift {
        Lift {
            revocation: "r".to_owned(),
            uid: "u-1".to_owned(),
            revocation_sha256: revocation_sha256(&self.revocation.spec),
            comment: "corrigé".to_owned(),
            signed_at: self.now,
        }
    }

    fn arrive(&mut self, statement: &str) {
        let number = self.lifts.len();
        self.lifts.push(typed(json!({
            "metadata": {
                "name": format!("l-{number}"), "uid": format!("l-u-{number}"),
                "creationTimestamp": self.now.strftime("%Y-%m-%dT%H:%M:%SZ").to_string(),
            },
            "spec": { "revocation": "r", "statement": statement },
        })));
    }

    fn say(&mut self, member: &Member) {
        self.arrive(&signed(member, &self.statement()));
    }

    fn say_with(&mut self, member: &Member, edit: impl FnOnce(&mut Lift)) {
        let mut statement = self.statement();
        edit(&mut statement);
        self.arrive(&signed(member, &statement));
    }

    fn verdict_by(&self, bodies: &Result<Bodies, bodies::Invalid>) -> Verdict {
        let read = self.lifts.iter().map(|lift| (lift, read(lift, bodies)));
        judge(&self.revocation, read, &self.subjects)
    }

    fn verdict(&self) -> Verdict {
        self.verdict_by(&Bodies::new(&self.spec()))
    }

    /// Why each lift does not count; `""` for one that does.
    fn reasons(&self) -> Vec<&'static str> {
        let lifts = self.verdict().lifts;
        lifts
            .iter()
            .map(|(_, lift)| lift.as_ref().err().map_or("", |refused| refused.reason))
            .collect()
    }
}

#[test]
fn both_bodies_lift_and_one_alone_does_not() {
    let mut case = Case::new();
    assert!(!case.verdict().is_lifted());
    case.say(&case.interop.person("i1"));
    assert_eq!(case.verdict().lacking, [Role::Security]);
    case.say(&case.interop.person("i2"));
    assert_eq!(
        case.verdict().lacking,
        [Role::Security],
        "two people of one body are one body"
    );
    case.say(&case.security.person("s1"));
    let verdict = case.verdict();
    assert!(verdict.is_lifted(), "{verdict:?}");
    assert_eq!(case.reasons(), ["", "", ""]);
}

#[test]
fn a_signature_that_is_not_anothers_or_not_about_this_counts_for_nothing() {
    type Second = fn(&mut Case);
    let seconds: [(&str, &str, Second); 14] = [
        ("the same person", "NotDistinct", |case| {
            case.say(&case.security.person(" I1"))
        }),
        ("the same employer", "NotDistinct", |case| {
            case.say(&case.security.employed("s1", "Interop", "000000000000009"));
        }),
        ("the vendor's own, by number", "OwnProduct", |case| {
            case.say(&case.security.employed("s1", "Other", ICE));
        }),
        ("the vendor's own, by name", "OwnProduct", |case| {
            case.say(&case.security.employed("s1", " atlas SANTÉ ", "000000000000009"));
        }),
        ("no deciding body", "WrongBody", |case| {
            case.say(&case.privacy.person("p1"))
        }),
        ("an unknown authority", "UnknownSigner", |case| {
            case.say(&Authority::new("Securite", "000000000000002").person("s1"));
        }),
        ("another text", "OtherRevocation", |case| {
            case.say_with(&case.security.person("s1"), |lift| {
                lift.revocation_sha256 = "0".repeat(64)
            });
        }),
        ("another revocation of that name", "OtherRevocation", |case| {
            case.say_with(&case.security.person("s1"), |lift| lift.uid = "u-2".to_owned());
        }),
        ("another revocation", "OtherRevocation", |case| {
            case.say_with(&case.security.person("s1"), |lift| {
                lift.revocation = "q".to_owned()
            });
        }),
        ("signed long ago", "WrongTime", |case| {
            let at = case.now - SignedDuration::from_hours(8 * 24);
            case.say_with(&case.security.person("s1"), |lift| lift.signed_at = at);
        }),
        ("nothing", "NotAStatement", |case| case.arrive("a.b.c")),
        ("another kind of statement", "NotAStatement", |case| {
            let approval = dmp_homologation::statement::ProgrammeApproval {
                programme: "r".to_owned(),
                programme_sha256: revocation_sha256(&case.revocation.spec),
                signed_at: case.now,
            };
            case.arrive(&signed(&case.security.person("s1"), &approval));
        }),
        ("a changed statement", "WrongSignature", |case| {
            let text = signed(&case.security.person("s1"), &case.statement());
            let other = signed(&case.security.person("s2"), &case.statement());
            let (head, _) = text.rsplit_once('.').unwrap();
            let (_, signature) = other.rsplit_once('.').unwrap();
            case.arrive(&format!("{head}.{signature}"));
        }),
        ("the first one again", "", |case| {
            let again = case.lifts[0].spec.statement.clone();
            case.arrive(&again);
        }),
    ];
    for (what, reason, second) in seconds {
        let mut case = Case::new();
        case.say(&case.interop.person("i1"));
        second(&mut case);
        assert_eq!(case.reasons(), ["", reason], "{what}");
        assert_eq!(case.verdict().lacking, [Role::Security], "{what}");
        // It stands in nobody's way.
        case.say(&case.security.person("s3"));
        assert!(case.verdict().is_lifted(), "{what}: {:?}", case.verdict());
    }
}

#[test]
fn without_bodies_or_a_subject_nothing_is_lifted() {
    let mut case = Case::new();
    case.say(&case.interop.person("i1"));
    case.say(&case.security.person("s1"));
    assert!(case.verdict().is_lifted());

    let without_security = Bodies::new(&[body(Role::Interop, &case.interop)]);
    assert_eq!(case.verdict_by(&without_security).lacking, [Role::Security]);
    assert!(!case.verdict_by(&Bodies::new(&[])).is_lifted());
    let invalid = Err(bodies::Invalid::RoleTwice("interop"));
    assert!(!case.verdict_by(&invalid).is_lifted());
    let mut gone = case.spec();
    gone[1].withdrawn = vec![typed(json!({ "person": "s1", "from": "2020-01-01T00:00:00Z" }))];
    assert_eq!(case.verdict_by(&Bodies::new(&gone)).lacking, [Role::Security]);

    let mut other_text = Case::new();
    other_text.lifts.clone_from(&case.lifts);
    other_text.revocation.spec.version = None;
    let read = |lift| read(lift, &Bodies::new(&case.spec()));
    let verdict = judge(
        &other_text.revocation,
        other_text.lifts.iter().map(|lift| (lift, read(lift))),
        &case.subjects,
    );
    assert_eq!(
        verdict.lacking,
        [Role::Interop, Role::Security],
        "a wider revocation is another one"
    );

    case.subjects.clear();
    assert_eq!(case.reasons(), ["SubjectUnknown", "SubjectUnknown"]);
    assert!(!case.verdict().is_lifted());
}

#[test]
fn a_signature_is_verified_once_and_again_when_the_bodies_change() {
    let mut case = Case::new();
    case.say(&case.interop.person("i1"));
    let mut reader = Reader::default();
    let mut counts = |case: &Case, bodies: &[Body]| {
        let read = reader.read(case.lifts.iter(), bodies);
        read.iter().filter(|(_, lift)| lift.is_ok()).count()
    };
    let bodies = case.spec();
    assert_eq!(counts(&case, &bodies), 1);
    assert_eq!(counts(&case, &bodies), 1);
    case.say(&case.security.person("s1"));
    assert_eq!(counts(&case, &bodies), 2);
    assert_eq!(counts(&case, &bodies[..1]), 1, "the security entity is gone");
    assert_eq!(counts(&case, &[]), 0);
    assert_eq!(counts(&case, &bodies), 2);
    // Another text under the same name and uid is read anew.
    case.lifts[0].spec.statement = "a.b.c".to_owned();
    assert_eq!(counts(&case, &bodies), 1);
    case.lifts.clear();
    assert_eq!(counts(&case, &bodies), 0);
}
