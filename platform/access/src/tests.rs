//! The whole matrix against a table that shares nothing with the policies, and the ways to fail.
#![allow(clippy::unwrap_used)]

use jiff::{SignedDuration, Timestamp};

use crate::{Action, Category, Decider, Facts, Person, Reason, Request};

const NOW: i64 = 1_795_600_000;
const GROUP: &str = "tanger-tetouan-al-hoceima";

/// Rows: profession; columns: category in the order of `Category::ALL`; `r` opens, `w` authors, `b` both, `.` nothing.
const TABLE: [(&str, &str); 8] = [
    //              sum note med lab img vac nur mat oth
    ("physician", "b b b b b b b b b"),
    ("dentist", "r b b r b . . . ."),
    ("midwife", "r . r r . b b b ."),
    ("pharmacist", ". . b . . . . . ."),
    ("nurse", "r . r r . b b . ."),
    ("biologist", ". . . b . . . . ."),
    ("astrologer", ". . . . . . . . ."),
    ("", ". . . . . . . . ."),
];

fn now() -> Timestamp {
    Timestamp::from_second(NOW).unwrap()
}

fn later(milliseconds: i64) -> Timestamp {
    now() + SignedDuration::from_millis(milliseconds)
}

/// The rules written again, by hand.
fn oracle(request: &Request<'_>, cell: char) -> Reason {
    match request.person {
        Person::Patient { is_subject: false } => Reason::NotOwnRecord,
        Person::Patient { is_subject: true } if request.action == Action::Write => Reason::Profession,
        Person::Patient { is_subject: true } => Reason::Permitted,
        Person::Professional {
            establishment, group, ..
        } => {
            let opens = request.action != Action::Write;
            if request.facts.opposed {
                Reason::Opposition
            } else if opens
                && request
                    .facts
                    .care_relation_until
                    .is_none_or(|until| until <= request.now)
            {
                Reason::NoCareRelation
            } else if opens && request.purpose != "TREAT" {
                Reason::Purpose
            } else if !opens && (establishment.is_none() || group != Some(request.record_group)) {
                Reason::NotOwnGroup
            } else if cell == 'b' || cell == if opens { 'r' } else { 'w' } {
                Reason::Permitted
            } else {
                Reason::Profession
            }
        }
    }
}

/// Every combination of profession, category, action, opposition, relation, purpose, establishment and group.
#[test]
fn every_cell_agrees_with_the_table() {
    let decider = Decider::new().unwrap();
    let relations = [
        None,
        Some(later(-1)),
        Some(later(0)),
        Some(later(1)),
        Some(later(86_400_000)),
    ];
    let mut count = 0;
    let mut allowed = 0;
    for (profession, row) in TABLE {
        for (category, cell) in Category::ALL
            .into_iter()
            .zip(row.split(' ').map(|c| c.chars().next().unwrap()))
        {
            for action in Action::ALL {
                for opposed in [false, true] {
                    for care_relation_until in relations {
                        for purpose in ["TREAT", "PATRQT", "HRESCH", ""] {
                            for establishment in [None, Some("900000001")] {
                                for group in [None, Some(GROUP), Some("casablanca-settat")] {
                                    let person = Person::Professional {
                                        inpe: "100000001",
                                        profession,
                                        establishment,
                                        group,
                                    };
                                    let facts = Facts {
                                        opposed,
                                        care_relation_until,
                                    };
                                    let request = Request {
                                        action,
                                        person,
                                        purpose,
                                        category,
                                        facts,
                                        record_group: GROUP,
                                        now: now(),
                                    };
                                    let decision = decider.decide(&request);
                                    let expected = oracle(&request, cell);
                                    assert_eq!(
                                        decision.reason, expected,
                                        "{profession} {action:?} {category:?} opposed={opposed} {care_relation_until:?} {purpose} {establishment:?} {group:?}"
                                    );
                                    assert_eq!(decision.allowed, expected == Reason::Permitted);
                                    count += 1;
                                    allowed += u32::from(decision.allowed);
                                }
                            }
                        }
                    }
                }
            }
        }
    }
    assert_eq!(count, 8 * 9 * 3 * 2 * 5 * 4 * 2 * 3);
    assert!(allowed > 0);
}

#[test]
fn the_patient_reads_her_own_record_whatever() {
    let decider = Decider::new().unwrap();
    for category in Category::ALL {
        for action in Action::ALL {
            for opposed in [false, true] {
                for is_subject in [false, true] {
                    let person = Person::Patient { is_subject };
                    let facts = Facts {
                        opposed,
                        care_relation_until: None,
                    };
                    let request = Request {
                        action,
                        person,
                        purpose: "PATRQT",
                        category,
                        facts,
                        record_group: GROUP,
                        now: now(),
                    };
                    assert_eq!(
                        decider.decide(&request).reason,
                        oracle(&request, '.'),
                        "{category:?} {action:?}"
                    );
                }
            }
        }
    }
}

fn treating<'a>(profession: &'a str, facts: Facts) -> Request<'a> {
    let person = Person::Professional {
        inpe: "100000001",
        profession,
        establishment: Some("900000001"),
        group: Some(GROUP),
    };
    Request {
        action: Action::Search,
        person,
        purpose: "TREAT",
        category: Category::Other,
        facts,
        record_group: GROUP,
        now: now(),
    }
}

#[test]
fn search_names_the_categories_or_the_reason() {
    let decider = Decider::new().unwrap();
    let related = Facts {
        opposed: false,
        care_relation_until: Some(later(1000)),
    };
    assert_eq!(
        decider.search(&treating("physician", related)),
        Ok(Category::ALL.to_vec())
    );
    assert_eq!(
        decider.search(&treating("pharmacist", related)),
        Ok(vec![Category::Medication])
    );
    assert_eq!(
        decider.search(&treating("astrologer", related)),
        Err(Reason::Profession)
    );
    assert_eq!(
        decider.search(&treating("physician", Facts::default())),
        Err(Reason::NoCareRelation)
    );
    let opposed = Facts {
        opposed: true,
        ..related
    };
    assert_eq!(
        decider.search(&treating("physician", opposed)),
        Err(Reason::Opposition)
    );
}

const SCHEMA: &str = include_str!("../../../policies/access/schema.cedarschema");

#[test]
fn a_policy_that_fails_to_evaluate_refuses_even_when_another_permits() {
    // Type-checks, and overflows at evaluation: Cedar skips the forbid and would answer Allow.
    let policies = r#"
        @id("all") permit (principal, action, resource);
        @id("broken") @reason("purpose") forbid (principal, action, resource)
        when { context.now + 9223372036854775807 < 0 };
    "#;
    let decider = Decider::from_sources(SCHEMA, policies).unwrap();
    let decision = decider.decide(&treating("physician", Facts::default()));
    assert!(!decision.allowed);
    assert_eq!(decision.reason, Reason::EvaluationError);
    assert_eq!(
        decider.search(&treating("physician", Facts::default())),
        Err(Reason::EvaluationError)
    );
}

#[test]
fn an_empty_policy_set_refuses() {
    let decider = Decider::from_sources(SCHEMA, "").unwrap();
    assert_eq!(
        decider.decide(&treating("physician", Facts::default())).reason,
        Reason::Profession
    );
}

#[test]
fn policies_that_do_not_fit_are_not_accepted() {
    let bad = [
        (
            r#"@id("x") permit (principal, action, resource) when { context.unknown };"#,
            "fit",
        ),
        (
            r#"@id("x") permit (principal in Profession::"magician", action, resource);"#,
            "fit",
        ),
        (r#"permit (principal, action, resource);"#, "@id"),
        (
            r#"@id("x") permit (principal, action, resource); @id("x") permit (principal, action, resource);"#,
            "@id",
        ),
        (r#"@id("x") forbid (principal, action, resource);"#, "@reason"),
        (
            r#"@id("x") @reason("mood") forbid (principal, action, resource);"#,
            "@reason",
        ),
        ("permit (", "parse"),
    ];
    for (policies, word) in bad {
        let error = Decider::from_sources(SCHEMA, policies).err().unwrap().to_string();
        assert!(error.contains(word), "{error}");
    }
}

#[test]
fn every_reason_of_a_policy_is_a_reason_of_ours_and_ids_are_kebab() {
    let decider = Decider::new().unwrap();
    for policy in decider.policies().policies() {
        let id = policy.annotation("id").unwrap();
        assert!(id.bytes().all(|b| b.is_ascii_lowercase() || b == b'-'), "{id}");
    }
}

#[test]
fn hostile_strings_are_only_strings() {
    let decider = Decider::new().unwrap();
    let related = Facts {
        opposed: false,
        care_relation_until: Some(later(1000)),
    };
    for profession in [
        "physician\" , ",
        "Profession::\"physician\"",
        "physician\0",
        "PHYSICIAN",
        " physician",
    ] {
        assert_eq!(
            decider.decide(&treating(profession, related)).reason,
            Reason::Profession
        );
    }
}

#[test]
fn documents_are_sorted_by_the_first_known_loinc_code() {
    let loinc = "http://loinc.org";
    assert_eq!(Category::of_codes([(loinc, "18842-5")]), Category::Summary);
    assert_eq!(
        Category::of_codes([("http://snomed.info/sct", "18842-5")]),
        Category::Other
    );
    assert_eq!(
        Category::of_codes([(loinc, "0-0"), (loinc, "11502-2"), (loinc, "18748-4")]),
        Category::Laboratory
    );
    assert_eq!(Category::of_codes([]), Category::Other);
    for category in Category::ALL {
        assert_eq!(Category::from_code(category.as_str()), Some(category));
    }
    assert_eq!(Category::from_code("Summary"), None);
}
