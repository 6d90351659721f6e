//! A platform's own values: stricter ones count from their day on, everything else counts for nothing, whole.

use dmp_policies::control::Stricter;
use dmp_policies::evaluate::{Outcome, evaluate};
use dmp_policies::exception::{Exception, Void};
use dmp_policies::profile::{Choice, LARGEST, Profile, Refused, Why, count, in_force, tightened};
use dmp_policies::{Catalogue, Control};
use jiff::Timestamp;
use jiff::civil::{Date, date};
use serde_json::{Value, json};

use crate::loading::changed;

const FIRST: Date = date(2026, 11, 29);
const TODAY: Date = date(2026, 12, 1);

fn choice(control: &str, parameter: &str, value: &Value, since: &str) -> Choice {
    Choice::new(control, parameter, value, since, "asked for by the board")
}

fn exceptions(days: i64, since: &str) -> Choice {
    choice("DMP-GOV-03", "longestDays", &json!(days), since)
}

fn with(choices: &[Choice]) -> Result<Catalogue, Refused> {
    let catalogue = Catalogue::embedded().unwrap();
    tightened(
        &catalogue,
        &Profile {
            choices: choices.to_vec(),
        },
    )
}

/// The value of a parameter on a day.
fn value(catalogue: &Catalogue, control: &str, name: &str, day: Date) -> Value {
    let parameters = catalogue.control(control).unwrap().parameters_on(day);
    let mut parameters = parameters.into_iter().filter(|one| one.name == name);
    parameters
        .next()
        .map_or(Value::Null, |parameter| parameter.value.clone())
}

#[test]
fn a_stricter_value_is_in_force_from_its_day_on() {
    let catalogue = with(&[
        exceptions(30, "2026-12-01"),
        exceptions(45, "2027-02-01"),
        choice(
            "DMP-IAM-01",
            "forbiddenVerbs",
            &json!(["*", "bind", "escalate", "impersonate", "approve"]),
            "2026-12-01",
        ),
        choice(
            "DMP-WRK-01",
            "systemNamespaces",
            &json!(["kube-system"]),
            "2026-12-01",
        ),
        choice("DMP-LOG-01", "retention", &json!(730), "2026-12-01"),
        // As strict as the catalogue: it counts, and changes nothing.
        choice("DMP-NET-03", "unusedDays", &json!(30), "2026-12-01"),
    ])
    .unwrap();
    let longest = |day| value(&catalogue, "DMP-GOV-03", "longestDays", day);
    assert_eq!(
        longest(date(2026, 11, 28)),
        Value::Null,
        "the catalogue has none yet"
    );
    assert_eq!(longest(FIRST), json!(90));
    assert_eq!(longest(date(2026, 11, 30)), json!(90));
    assert_eq!(longest(TODAY), json!(30));
    assert_eq!(longest(date(2027, 1, 31)), json!(30));
    assert_eq!(
        longest(date(2027, 2, 1)),
        json!(45),
        "its own values may be taken back, to the catalogue's at most"
    );
    let verbs = value(&catalogue, "DMP-IAM-01", "forbiddenVerbs", TODAY);
    assert!(verbs.as_array().unwrap().contains(&json!("approve")), "{verbs}");
    assert_eq!(
        value(&catalogue, "DMP-WRK-01", "systemNamespaces", TODAY),
        json!(["kube-system"])
    );
    assert_eq!(value(&catalogue, "DMP-LOG-01", "retention", TODAY), json!(730));
    assert_eq!((count(&catalogue, FIRST), count(&catalogue, TODAY)), (0, 4));
    // What it is instead of stays known.
    let control = catalogue.control("DMP-GOV-03").unwrap();
    let own = control.parameters_on(TODAY)[0].instead_of.as_ref().unwrap();
    assert_eq!(
        (&own.value, own.since, own.reason.as_str()),
        (&json!(90), FIRST, "asked for by the board")
    );
    // Single values too, and before the first day as well.
    assert_eq!(control.number_on("longestDays", TODAY), Some(30));
    assert_eq!(control.number_on("longestDays", date(2025, 1, 1)), Some(90));
    let exception = |asked| Exception {
        name: "old-network".to_owned(),
        control: "DMP-NET-01".to_owned(),
        check: "policies".to_owned(),
        namespaces: Vec::new(),
        role: "dmp-security".to_owned(),
        asked: Some(asked),
        until: Some(date(2027, 1, 15)),
        approved: Some("dmp-host".to_owned()),
    };
    assert_eq!(
        exception(TODAY).in_force(&catalogue, TODAY),
        Err(Void::TooLong(30))
    );
    assert_eq!(
        exception(FIRST).in_force(&catalogue, TODAY),
        Ok(()),
        "asked for before"
    );
}

#[test]
fn one_value_that_cannot_count_refuses_the_whole_profile() {
    let good = exceptions(30, "2026-12-01");
    let refused = |bad: Choice| {
        let refused = with(&[good.clone(), bad.clone()]).map(|_| ()).unwrap_err();
        assert_eq!(
            (refused.at, refused.control.as_str(), refused.parameter.as_str()),
            (1, bad.control.as_str(), bad.parameter.as_str())
        );
        let text = refused.to_string();
        assert!(
            text.starts_with(&format!("{} {}: ", bad.control, bad.parameter)),
            "{text}"
        );
        refused.why.reason()
    };
    let of = |control, parameter, value: Value| refused(choice(control, parameter, &value, "2026-12-01"));
    for value in [json!(91), json!(366), json!(LARGEST)] {
        assert_eq!(
            of("DMP-GOV-03", "longestDays", value),
            "Contradiction",
            "of one day"
        );
    }
    assert_eq!(refused(exceptions(91, "2026-12-02")), "Loosens");
    assert_eq!(of("DMP-NET-03", "unusedDays", json!(31)), "Loosens");
    assert_eq!(of("DMP-LOG-01", "retention", json!(364)), "Loosens");
    assert_eq!(of("DMP-IAM-01", "forbiddenVerbs", json!(["*"])), "Loosens");
    assert_eq!(of("DMP-IAM-01", "exempt", json!(["everybody"])), "Loosens");
    assert_eq!(of("DMP-XXX-01", "longestDays", json!(1)), "UnknownControl");
    assert_eq!(of("DMP-GOV-03", "longest", json!(1)), "UnknownParameter");
    assert_eq!(of("DMP-RES-01", "territory", json!("FR")), "FixedParameter");
    for value in [
        json!("30"),
        json!(1.5),
        json!(-1),
        json!(LARGEST + 1),
        json!([30]),
        json!(true),
        json!({}),
        Value::Null,
    ] {
        assert_eq!(of("DMP-NET-03", "unusedDays", value), "WrongType");
    }
    let many = vec!["*"; 51];
    for value in [
        json!("*"),
        json!([1]),
        json!([""]),
        json!(["a".repeat(254)]),
        json!(many),
    ] {
        assert_eq!(of("DMP-IAM-01", "forbiddenVerbs", value), "WrongType");
    }
    for since in ["2026-02-30", "tomorrow", ""] {
        assert_eq!(
            refused(choice("DMP-NET-03", "unusedDays", &json!(1), since)),
            "UnreadableDate"
        );
    }
    assert_eq!(
        refused(choice("DMP-NET-03", "unusedDays", &json!(1), "2026-11-28")),
        "TooEarly"
    );
    // The same value twice is two values all the same.
    let refused = with(&[good.clone(), good.clone()]).map(|_| ()).unwrap_err();
    assert_eq!(refused.why, Why::Contradiction(TODAY));
}

#[test]
fn what_is_refused_leaves_the_catalogue_in_force() {
    let catalogue = Catalogue::embedded().unwrap();
    let longest = |choices: Vec<Choice>| {
        let profile = Profile { choices };
        value(
            &in_force(&catalogue, Some(&profile)),
            "DMP-GOV-03",
            "longestDays",
            TODAY,
        )
    };
    assert_eq!(longest(vec![exceptions(30, "2026-12-01")]), json!(30));
    assert_eq!(
        longest(vec![exceptions(30, "2026-12-01"), exceptions(91, "2026-12-02")]),
        json!(90)
    );
    assert_eq!(longest(Vec::new()), json!(90));
    assert_eq!(
        value(&in_force(&catalogue, None), "DMP-GOV-03", "longestDays", TODAY),
        json!(90)
    );
}

#[test]
fn a_release_that_tightens_is_not_held_back() {
    let line = "since: 2026-11-29, stricter: lower }";
    let later = "  - { name: longestDays, value: 20, unit: \"days\", since: 2027-06-01, stricter: lower }";
    let catalogue = changed("controls/DMP-GOV-03.yaml", line, &format!("{line}\n{later}")).unwrap();
    let tightened = |choices: &[Choice]| {
        tightened(
            &catalogue,
            &Profile {
                choices: choices.to_vec(),
            },
        )
    };
    let with = tightened(&[exceptions(30, "2026-12-01")]).unwrap();
    for (day, days) in [
        (FIRST, 90),
        (TODAY, 30),
        (date(2027, 5, 31), 30),
        (date(2027, 6, 1), 20),
        (date(2030, 1, 1), 20),
    ] {
        assert_eq!(
            value(&with, "DMP-GOV-03", "longestDays", day),
            json!(days),
            "{day}"
        );
    }
    // A value is compared with what the catalogue has on its day.
    let refused = tightened(&[exceptions(30, "2027-06-01")])
        .map(|_| ())
        .unwrap_err();
    assert_eq!(refused.why.reason(), "Loosens");
    // Of lists, what both ask for.
    let verbs = "forbiddenVerbs, value: [\"*\", bind, escalate, impersonate], unit: \"verbs\", since: 2026-11-29, stricter: more }";
    let more = "  - { name: forbiddenVerbs, value: [\"*\", bind, escalate, impersonate, sign], unit: \"verbs\", since: 2027-06-01, stricter: more }";
    let catalogue = changed("controls/DMP-IAM-01.yaml", verbs, &format!("{verbs}\n{more}")).unwrap();
    let chosen = json!(["*", "bind", "escalate", "impersonate", "approve"]);
    let profile = Profile {
        choices: vec![choice("DMP-IAM-01", "forbiddenVerbs", &chosen, "2026-12-01")],
    };
    let with = dmp_policies::tightened(&catalogue, &profile).unwrap();
    assert_eq!(
        value(&with, "DMP-IAM-01", "forbiddenVerbs", date(2027, 6, 1)),
        json!(["*", "approve", "bind", "escalate", "impersonate", "sign"])
    );
}

/// The strictest value that a platform can choose.
fn strictest(stricter: Stricter, own: &Value) -> Value {
    match stricter {
        Stricter::Lower => json!(0),
        Stricter::Higher => json!(LARGEST),
        Stricter::Fewer => json!([]),
        Stricter::More => {
            let mut all = own.as_array().unwrap().clone();
            all.push(json!("anything"));
            Value::Array(all)
        }
    }
}

#[test]
fn no_direction_of_the_catalogue_makes_a_violation_pass() {
    let catalogue = Catalogue::embedded().unwrap();
    let now: Timestamp = "2026-12-01T00:00:00Z".parse().unwrap();
    let mut tried = 0;
    for control in catalogue.controls() {
        for parameter in &control.parameters {
            let Some(stricter) = parameter.stricter else {
                continue;
            };
            let chosen = strictest(stricter, &parameter.value);
            let with = with(&[choice(&control.id, &parameter.name, &chosen, "2026-12-01")]).unwrap();
            let tight: &Control = with.control(&control.id).unwrap();
            for case in &control.tests {
                let check = control.checks.iter().find(|check| check.name == case.check);
                let own = evaluate(control, check.unwrap(), &case.inputs, now);
                let strict = evaluate(tight, check.unwrap(), &case.inputs, now);
                let place = format!("{} {}: {}", control.id, parameter.name, case.name);
                assert!(own != Outcome::Fail || strict == Outcome::Fail, "{place}");
                tried += 1;
            }
        }
    }
    assert!(tried > 100, "{tried}");
}

#[test]
fn what_admission_says_without_a_profile_is_what_the_catalogue_says() {
    let catalogue = Catalogue::embedded().unwrap();
    let days = catalogue
        .control("DMP-GOV-03")
        .unwrap()
        .number_on("longestDays", TODAY)
        .unwrap();
    let policies: Vec<_> = dmp_policies::admission::MANIFESTS
        .iter()
        .flat_map(|(_, text)| dmp_policies::admission::documents(text))
        .collect();
    let own = policies
        .iter()
        .find(|one| {
            one["kind"] == "ValidatingAdmissionPolicy" && one["metadata"]["name"] == "dmp-policy-exception"
        })
        .unwrap();
    let limit = format!("<= duration('{}h')", days * 24);
    assert!(own["spec"]["validations"].to_string().contains(&limit), "{limit}");
    assert!(own["spec"].get("paramKind").is_none(), "it needs no profile");
}
