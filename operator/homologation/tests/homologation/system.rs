//! Whether a platform or a group may open: who must have said what, until when, and who cannot say it.

use dmp_api::body::{Body, Organisation, Role};
use dmp_api::{HealthGroup, Platform, Site, SystemHomologation};
use dmp_homologation::gates::Known;
use dmp_homologation::signed::Read;
use dmp_homologation::statement::{AtEnd, Says, System};
use dmp_homologation::system::{Gate, Standing, State, Subject, day, standing};
use dmp_homologation::{Bodies, carrier};
use dmp_testkit::bodies::{Authority, Member};
use jiff::civil::Date;
use jiff::{Timestamp, ToSpan};
use serde_json::json;

use crate::world::{body, signed, typed};

const GROUP: &str = "souss-massa";
const REPORT: &str = "6f5902ac237024bdd0c176cb93063dc46f5902ac237024bdd0c176cb93063dc4";

struct Case {
    auditor: Authority,
    authority: Authority,
    interop: Authority,
    security: Authority,
    now: Timestamp,
    words: Vec<SystemHomologation>,
}

impl Case {
    fn new() -> Self {
        Self {
            auditor: Authority::new("Audit SA", "000000000000001"),
            authority: Authority::new("Autorite", "000000000000002"),
            interop: Authority::new("Interop", "000000000000003"),
            security: Authority::new("Securite", "000000000000004"),
            now: Timestamp::now(),
            words: Vec::new(),
        }
    }

    /// Audited today and decided until in 200 days.
    fn decided() -> Self {
        let mut case = Self::new();
        case.say(&case.auditor.person("a1"), case.audit(true, 0));
        case.say(&case.authority.person("d1"), case.decision(200, AtEnd::ReadOnly));
        case
    }

    fn in_days(&self, days: i64) -> Date {
        day(self.now) + days.days()
    }

    fn audit(&self, favourable: bool, days_ago: i64) -> Says {
        Says::Audit {
            favourable,
            audited_at: self.in_days(-days_ago),
            report_sha256: REPORT.to_owned(),
        }
    }

    fn decision(&self, days: i64, at_end: AtEnd) -> Says {
        Says::Decision {
            report_sha256: REPORT.to_owned(),
            until: self.in_days(days),
            at_end,
        }
    }

    fn extension(&self, days: i64) -> Says {
        Says::Extension {
            until: self.in_days(days),
        }
    }

    fn say(&mut self, member: &Member, says: Says) {
        self.say_with(member, says, |_| ());
    }

    fn say_with(&mut self, member: &Member, says: Says, edit: impl FnOnce(&mut System)) {
        let mut statement = System {
            domain: "dmp.test".to_owned(),
            health_group: Some(GROUP.to_owned()),
            says,
            comment: "essai".to_owned(),
            // One after the other.
            signed_at: self.now + i64::try_from(self.words.len()).unwrap().seconds(),
        };
        edit(&mut statement);
        self.arrive(&signed(member, &statement), Some(GROUP));
    }

    fn arrive(&mut self, statement: &str, group: Option<&str>) {
        let number = self.words.len();
        self.words.push(typed(json!({
            "metadata": {
                "name": format!("w-{number:02}"), "uid": format!("u-{number}"),
                "creationTimestamp": (self.now + 1.minutes()).strftime("%Y-%m-%dT%H:%M:%SZ").to_string(),
            },
            "spec": { "healthGroup": group, "statement": statement },
        })));
    }

    fn bodies(&self) -> Vec<Body> {
        vec![
            body(Role::Auditor, &self.auditor),
            body(Role::Authority, &self.authority),
            body(Role::Interop, &self.interop),
            body(Role::Security, &self.security),
        ]
    }

    fn read(&self) -> Vec<(&SystemHomologation, Read<System>)> {
        let bodies = Bodies::new(&self.bodies());
        let words = self.words.iter();
        words.map(|word| (word, carrier::read(word, &bodies))).collect()
    }

    fn standing(&self, days: i64) -> Standing {
        let parties = [
            Organisation {
                name: "Autorite".to_owned(),
                ice: "000000000000002".to_owned(),
            },
            Organisation {
                name: "CHU Souss".to_owned(),
                ice: "-".to_owned(),
            },
        ];
        let subject = Subject {
            domain: "dmp.test",
            health_group: Some(GROUP),
            parties: &parties,
            since: None,
        };
        standing(subject, self.read().into_iter(), self.now + (24 * days).hours())
    }

    fn state(&self, days: i64) -> (State, Gate) {
        let standing = self.standing(days);
        (standing.state, standing.gate())
    }

    /// Why each word does not count; `""` for one that does.
    fn reasons(&self) -> Vec<&'static str> {
        let words = self.standing(0).words;
        words
            .iter()
            .map(|(_, word)| word.as_ref().err().map_or("", |refused| refused.reason))
            .collect()
    }
}

#[test]
fn an_audit_and_a_decision_open_until_the_last_day_and_one_alone_does_not() {
    let mut case = Case::new();
    assert_eq!(case.state(0), (State::Undecided, Gate::Closed));
    case.say(&case.auditor.person("a1"), case.audit(true, 10));
    assert_eq!(case.state(0), (State::Undecided, Gate::Closed));
    case.say(&case.authority.person("d1"), case.decision(200, AtEnd::ReadOnly));
    assert_eq!(case.reasons(), ["", ""]);
    for (days, expected) in [
        (0, (State::Active, Gate::Open)),
        (109, (State::Active, Gate::Open)),
        (110, (State::Expiring, Gate::Open)),
        (200, (State::Expiring, Gate::Open)),
        (201, (State::Ended, Gate::ReadOnly)),
        (4000, (State::Ended, Gate::ReadOnly)),
    ] {
        assert_eq!(case.state(days), expected, "in {days} days");
    }
    let standing = case.standing(0);
    assert_eq!(
        (standing.until, standing.audited_at),
        (Some(case.in_days(200)), Some(case.in_days(-10)))
    );
    assert_eq!(standing.days_left(case.in_days(201)), Some(-1));

    let mut closing = Case::new();
    closing.say(&closing.auditor.person("a1"), closing.audit(true, 0));
    closing.say(
        &closing.authority.person("d1"),
        closing.decision(5, AtEnd::Closed),
    );
    assert_eq!(closing.state(6), (State::Ended, Gate::Closed));

    let mut without = Case::new();
    without.say(
        &without.authority.person("d1"),
        without.decision(200, AtEnd::ReadOnly),
    );
    assert_eq!(without.state(0), (State::AuditMissing, Gate::Closed));
}

#[test]
fn the_last_word_of_the_authority_counts_in_whatever_order_it_arrives() {
    let mut case = Case::decided();
    case.say(&case.authority.person("d2"), Says::Refusal);
    assert_eq!(case.state(0), (State::Refused, Gate::Closed));
    // The earlier decision is carried again: it is no later word.
    let again = case.words[1].spec.statement.clone();
    case.arrive(&again, Some(GROUP));
    assert_eq!(case.state(0), (State::Refused, Gate::Closed));
    case.say(&case.authority.person("d1"), case.decision(300, AtEnd::Closed));
    assert_eq!(case.state(250), (State::Expiring, Gate::Open));
    // At the same moment, what opens nothing.
    let at = case.now + 60.seconds();
    case.say_with(
        &case.authority.person("d1"),
        case.decision(300, AtEnd::Closed),
        |word| {
            word.signed_at = at;
        },
    );
    case.say_with(&case.authority.person("d1"), Says::Refusal, |word| {
        word.signed_at = at
    });
    case.say_with(
        &case.authority.person("d1"),
        case.decision(400, AtEnd::Closed),
        |word| {
            word.signed_at = at;
        },
    );
    assert_eq!(case.state(0), (State::Refused, Gate::Closed));
}

#[test]
fn the_audit_is_the_one_that_the_decision_names_favourable_and_not_old() {
    for (favourable, days_ago, opens) in [
        (true, 0, true),
        (true, 365, true),
        (true, 366, false),
        (false, 0, false),
    ] {
        let mut case = Case::new();
        case.say(&case.auditor.person("a1"), case.audit(favourable, days_ago));
        case.say(&case.authority.person("d1"), case.decision(200, AtEnd::ReadOnly));
        let expected = if opens { State::Active } else { State::AuditMissing };
        assert_eq!(
            case.standing(0).state,
            expected,
            "{favourable} {days_ago} days ago"
        );
    }
    // By the person, the employer or the key of who decides.
    let themselves: [fn(&Case) -> Member; 2] = [
        |case| case.auditor.person("D1"),
        |case| case.auditor.employed("a2", "Labo", "000000000000009"),
    ];
    for own in themselves {
        let mut case = Case::new();
        case.say(&own(&case), case.audit(true, 0));
        let decider = case.authority.employed("d1", "labo", "000000000000009");
        case.say(&decider, case.decision(200, AtEnd::ReadOnly));
        assert_eq!(case.state(0), (State::AuditMissing, Gate::Closed));
    }
    // The next decision comes before its audit: the one in force stays until it is there.
    let mut next = Case::decided();
    let later = Says::Decision {
        report_sha256: "1".repeat(64),
        until: next.in_days(900),
        at_end: AtEnd::Closed,
    };
    next.say(&next.authority.person("d1"), later);
    assert_eq!(next.standing(0).until, Some(next.in_days(200)));
    let audit = Says::Audit {
        favourable: true,
        audited_at: next.in_days(0),
        report_sha256: "1".repeat(64),
    };
    next.say(&next.auditor.person("a1"), audit);
    assert_eq!(next.standing(0).until, Some(next.in_days(900)));
    // The auditor takes it back: the decision rests on nothing.
    let mut case = Case::decided();
    case.say(&case.auditor.person("a2"), case.audit(false, 0));
    assert_eq!(case.state(0), (State::AuditMissing, Gate::Closed));
    // Of another report.
    let mut other = Case::new();
    other.say(&other.auditor.person("a1"), other.audit(true, 0));
    let decision = Says::Decision {
        report_sha256: "0".repeat(64),
        until: other.in_days(200),
        at_end: AtEnd::ReadOnly,
    };
    other.say(&other.authority.person("d1"), decision);
    assert_eq!(other.state(0), (State::AuditMissing, Gate::Closed));
}

#[test]
fn two_bodies_give_more_time_and_nobody_else() {
    let mut case = Case::new();
    case.say(&case.auditor.person("a1"), case.audit(true, 0));
    case.say(&case.authority.person("d1"), case.decision(10, AtEnd::ReadOnly));
    case.say(&case.interop.person("i1"), case.extension(25));
    assert_eq!(case.state(11), (State::Ended, Gate::ReadOnly), "one alone");
    case.say(&case.interop.person("i2"), case.extension(25));
    assert_eq!(case.state(11), (State::Ended, Gate::ReadOnly), "twice one body");
    case.say(&case.security.person("i1"), case.extension(25));
    assert_eq!(case.state(11), (State::Ended, Gate::ReadOnly), "the same person");
    case.say(&case.security.person("s1"), case.extension(31));
    assert_eq!(case.state(11), (State::Ended, Gate::ReadOnly), "too long");
    case.say(&case.authority.person("d2"), case.extension(25));
    assert_eq!(
        case.reasons(),
        ["", "", "", "", "NotDistinct", "TooLong", "WrongBody"]
    );
    case.say(&case.security.person("s1"), case.extension(20));
    for (days, expected) in [
        (10, (State::Expiring, Gate::Open)),
        (11, (State::Extended, Gate::Open)),
        (20, (State::Extended, Gate::Open)),
        (21, (State::Ended, Gate::ReadOnly)),
    ] {
        assert_eq!(case.state(days), expected, "in {days} days");
    }
    // A later decision is what counts, and what was given to the earlier one does not extend it.
    case.say(&case.authority.person("d1"), case.decision(12, AtEnd::Closed));
    assert_eq!(case.state(13), (State::Ended, Gate::Closed));
    case.say(&case.authority.person("d1"), Says::Refusal);
    assert_eq!(
        case.state(11),
        (State::Refused, Gate::Closed),
        "the authority's no stands"
    );

    let mut never = Case::new();
    never.say(&never.interop.person("i1"), never.extension(20));
    never.say(&never.security.person("s1"), never.extension(20));
    assert_eq!(
        never.state(0),
        (State::Undecided, Gate::Closed),
        "it opens nothing by itself"
    );
}

#[test]
fn whoever_may_not_say_it_says_nothing() {
    type Word = fn(&mut Case);
    let words: [(&str, &str, Word); 10] = [
        ("the auditor decides", "WrongBody", |case| {
            case.say(&case.auditor.person("a2"), case.decision(900, AtEnd::ReadOnly));
        }),
        ("the authority audits", "WrongBody", |case| {
            case.say(&case.authority.person("d2"), case.audit(false, 0));
        }),
        ("a body of solutions refuses", "WrongBody", |case| {
            case.say(&case.security.person("s1"), Says::Refusal);
        }),
        ("the auditor is of the authority", "OwnProduct", |case| {
            let member = case.auditor.employed("a2", "autorite", "000000000000009");
            case.say(&member, case.audit(false, 0));
        }),
        ("the auditor is of the group", "OwnProduct", |case| {
            let member = case.auditor.employed("a2", "CHU  SOUSS", "000000000000009");
            case.say(&member, case.audit(false, 0));
        }),
        ("an unknown authority", "UnknownSigner", |case| {
            let member = Authority::new("Autorite", "000000000000002").person("d1");
            case.say(&member, Says::Refusal);
        }),
        ("of another platform", "OtherSubject", |case| {
            case.say_with(&case.authority.person("d1"), Says::Refusal, |word| {
                word.domain = "dmp.other".to_owned();
            });
        }),
        ("of another group", "OtherSubject", |case| {
            case.say_with(&case.authority.person("d1"), Says::Refusal, |word| {
                word.health_group = Some("oriental".to_owned());
            });
        }),
        (
            "of the platform, carried as the group's",
            "OtherSubject",
            |case| {
                case.say_with(&case.authority.person("d1"), Says::Refusal, |word| {
                    word.health_group = None
                });
            },
        ),
        ("an audit of tomorrow", "FutureDate", |case| {
            case.say(&case.auditor.person("a1"), case.audit(false, -1));
        }),
    ];
    for (what, reason, word) in words {
        let mut case = Case::decided();
        word(&mut case);
        assert_eq!(case.reasons(), ["", "", reason], "{what}");
        assert_eq!(
            case.state(0),
            (State::Active, Gate::Open),
            "{what} changes nothing"
        );
    }
    let mut unnamed = Case::decided();
    let audit = Says::Audit {
        favourable: true,
        audited_at: unnamed.in_days(0),
        report_sha256: String::new(),
    };
    unnamed.say(&unnamed.auditor.person("a1"), audit);
    assert_eq!(unnamed.reasons(), ["", "", "NotAStatement"]);
    let mut nothing = Case::decided();
    nothing.arrive("a.b.c", Some(GROUP));
    assert_eq!(nothing.reasons(), ["", "", "NotAStatement"]);
}

#[test]
fn a_group_is_as_open_as_the_platform_and_the_site() {
    let site = |level: &str, expires: Date| -> Site {
        typed(json!({
            "metadata": { "name": "s" },
            "spec": {
                "territory": "MA", "region": "MA-09",
                "qualification": { "level": level, "expires": expires.to_string() },
            },
        }))
    };
    let group: HealthGroup = typed(json!({
        "metadata": { "name": GROUP },
        "spec": {
            "kind": "gst", "region": "MA-09", "site": "s", "mode": "production",
            "controller": { "name": "CHU Souss", "cndpReceipt": "D-1/2026" },
        },
    }));
    let mut case = Case::decided();
    let good = site("2", case.in_days(50));
    let platform: Platform = typed(json!({
        "metadata": { "name": "national" },
        "spec": {
            "release": "1", "images": { "dmp": "a", "postgres": "b" }, "domain": "dmp.test", "site": "s",
            "gateway": { "publicNames": ["g.test"] }, "bodies": case.bodies(),
        },
    }));
    let mut again = group.clone();
    let later = case.now + 2.minutes();
    again.metadata.creation_timestamp = Some(typed(json!(later.strftime("%Y-%m-%dT%H:%M:%SZ").to_string())));
    let gate = |case: &Case, own: Option<&Site>, above: Option<&Site>, days: i64| {
        let now = case.now + (24 * days).hours();
        let known = Known::new(&platform.spec, case.read(), above, now);
        (known.platform().gate, known.group(&group, own).gate)
    };
    let both = Some(&good);
    assert_eq!(
        gate(&case, both, both, 0),
        (Gate::Closed, Gate::Closed),
        "the platform is undecided"
    );
    for (member, says) in [
        (case.auditor.person("a1"), case.audit(true, 0)),
        (case.authority.person("d1"), case.decision(300, AtEnd::Closed)),
    ] {
        let statement = System {
            domain: "dmp.test".to_owned(),
            health_group: None,
            says,
            comment: String::new(),
            signed_at: case.now,
        };
        case.arrive(&signed(&member, &statement), None);
    }
    assert_eq!(gate(&case, both, both, 0), (Gate::Open, Gate::Open));
    let known = Known::new(&platform.spec, case.read(), both, case.now);
    assert_eq!(
        known.group(&again, both).gate,
        Gate::Closed,
        "another group of that name"
    );
    // After the day as each decision says: the group's is read only, the platform's closes.
    assert_eq!(
        gate(&case, both, both, 51),
        (Gate::Closed, Gate::Closed),
        "the site's qualification has ended"
    );
    let lasting = site("2", case.in_days(900));
    let both = Some(&lasting);
    assert_eq!(gate(&case, both, both, 201), (Gate::Open, Gate::ReadOnly));
    assert_eq!(gate(&case, both, both, 301), (Gate::Closed, Gate::Closed));
    let low = site("1", case.in_days(900));
    assert_eq!(
        gate(&case, Some(&low), both, 0),
        (Gate::Open, Gate::ReadOnly),
        "its own site"
    );
    assert_eq!(
        gate(&case, None, both, 0),
        (Gate::Open, Gate::ReadOnly),
        "no site"
    );
    assert_eq!(
        gate(&case, both, Some(&low), 0),
        (Gate::Closed, Gate::Closed),
        "the platform's site"
    );
}
