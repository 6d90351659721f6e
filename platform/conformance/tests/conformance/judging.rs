//! Rules: their own functions, and what becomes of one that cannot be evaluated.

use dmp_conformance::judge::{Finding, judge};
use dmp_conformance::suite::Suite;
use serde_json::{Value, json};

use crate::software::Software;

fn suite(rule: &str) -> Suite {
    let profile = r#"
scope: x
version: "1"
title: { fr: "X", en: "X" }
actor: "A"
requirements:
  - { id: XX-01, text: { fr: "a", en: "a" }, source: "s", verified: automatic }
"#;
    let nominal = format!(
        r#"
title: {{ fr: "N", en: "N" }}
task: {{ fr: "T", en: "T" }}
action: publish
given: {{ patient: registered, document: described }}
verdicts:
  - requirement: XX-01
    rule: |-
      {rule}
    says: {{ fr: "f", en: "f" }}
"#
    );
    Suite::load([("x/profile.yaml", profile), ("x/nominal.yaml", nominal.as_str())]).unwrap()
}

fn judged(rule: &str, given: &Value) -> Finding {
    judge(&suite(rule).profiles()[0].tests[0], given, &[]).remove(0)
}

#[test]
fn the_functions_of_rules() {
    let long = "PGE+".repeat(2000);
    let given = json!({
        "a": [{ "b": [1, 2] }, { "b": 3 }, { "c": null }, 4], "long": long, "same": long, "n": 1.5,
        "d.e": { "f": 5 }, "o": { "p": 7 }, "q": { "p": 7 }, "split": "SGVsbG8g\r\nV29ybGQ=",
    });
    for rule in [
        r#"at(given, "a.b") == [1, 2, 3]"#,
        r#"at(given, "a.c") == [] && at(given, "x.y") == [] && at([], "a") == []"#,
        r#"at(at(given, "a"), "b").size() == 3"#,
        r#"at(given, "n") == [1.5]"#,
        r#"sha1("SGVsbG8gV29ybGQ=") == "Ck1VqNd45QIvq3AZd8XYQLvEhtA=""#,
        r#"sha1(at(given, "split")[0]) == "Ck1VqNd45QIvq3AZd8XYQLvEhtA=" && bytes_size(at(given, "split")[0]) == 11"#,
        r#"at(given, "long").all(l, bytes_size(l) == 6000 && at(given, "same").all(s, sha1(l) == sha1(s)))"#,
        r#"at(given, "long") == at(given, "same") && at(given, "long") != ["x"]"#,
        r#"at(given, "`d.e`.f") == [5] && at(given, "d.e") == [] && at(given, "o.*") == at(given, "o.p")"#,
        r#"at(given, "o") == at(given, "q") && at(given, "o") != at(given, "a") && at(at(given, "o")[0], "p") == [7]"#,
        r#"seconds("1970-01-01T01:00:01+01:00") == 1 && seconds("1970-01-01T00:00:01.9Z") == 1"#,
        r#"seconds("1970") == 0 && seconds("1970-02") == 31 * 86400 && seconds("1970-01-02") == 86400"#,
        r#"seconds("Thu, 01 Jan 1970 00:00:02 GMT") == 2"#,
    ] {
        let finding = judged(rule, &given);
        assert!(finding.met, "{rule}: {finding:?}");
    }
}

#[test]
fn a_rule_that_cannot_be_evaluated_is_not_met_and_says_why() {
    let given = json!({ "text": "x", "long": "é".repeat(5000) });
    for (rule, why) in [
        (r#"at(given, "missing")[0] == 1"#, "out of bounds"),
        (r#"at(given, "text")[0]"#, "neither yes nor no"),
        (r#"seconds("yesterday") > 0"#, "no date"),
        (r#"seconds("2026-11-12T16:40") > 0"#, "no date"),
        (r#"seconds("2026-13") > 0"#, "no date"),
        (r#"sha1("***") == """#, "no base64"),
        (r#"bytes_size(at(given, "long")[0]) == 1"#, "no base64"),
        ("sha1(1) == \"\"", "base64 text"),
        (r#"at(given, "text")[0] + 1 == 2"#, ""),
        (r#"at(given, "text")[0].matches("(")"#, "regex"),
    ] {
        let finding = judged(rule, &given);
        let error = finding.error.expect(rule);
        assert!(!finding.met && error.contains(why), "{rule}: {error}");
        assert!(error.chars().count() <= 300);
    }
}

#[test]
fn a_hostile_body_ends_no_judgement() {
    let suite = Suite::embedded().unwrap();
    let hostile = [
        json!(null),
        json!([]),
        json!({ "resourceType": 1, "entry": "x" }),
        json!({ "resourceType": "Bundle", "type": "transaction", "entry": [null, 1, { "resource": [] }, {
            "fullUrl": {}, "resource": { "resourceType": "DocumentReference", "date": {}, "masterIdentifier": { "value": 7 },
            "content": [{ "attachment": { "hash": 1, "size": "1", "url": [] } }] },
        }, { "resource": { "resourceType": "Binary", "data": "é" } }, { "resource": { "resourceType": "List", "identifier": 3 } }] }),
    ];
    for test in suite.profiles().iter().flat_map(|profile| &profile.tests) {
        for body in &hostile {
            let mut world = Software::right().does(test);
            for exchange in world
                .exchanges
                .iter_mut()
                .filter(|exchange| exchange.operation != "token")
            {
                exchange.request.body.json = Some(body.clone());
                exchange.response.body.json = Some(body.clone());
            }
            assert_eq!(
                judge(test, &world.given, &world.exchanges).len(),
                test.verdicts.len()
            );
            assert_eq!(
                judge(test, &Value::Null, &world.exchanges).len(),
                test.verdicts.len()
            );
        }
    }
}

#[test]
fn what_is_too_much_to_be_judged_ends_with_an_error() {
    let suite = Suite::embedded().unwrap();
    let test = suite.test("document-feeder/nominal").unwrap();
    for more in [300, 10_000] {
        let mut world = Software::right().does(test);
        let body = world.exchanges[1].request.body.json.as_mut().unwrap();
        let entries = body["entry"].as_array_mut().unwrap();
        let list = entries[0].clone();
        entries.extend(std::iter::repeat_n(list, more));
        let findings = judge(test, &world.given, &world.exchanges);
        let subject = findings
            .iter()
            .find(|finding| finding.requirement == "DF-04")
            .unwrap();
        assert!(
            subject.error.as_ref().unwrap().contains("too much"),
            "{subject:?}"
        );
    }
}

#[test]
fn two_hundred_exchanges_are_judged() {
    let suite = Suite::embedded().unwrap();
    for id in [
        "document-feeder/nominal",
        "document-feeder/busy",
        "identity-feed/nominal",
        "document-reader/nominal",
    ] {
        let test = suite.test(id).unwrap();
        let mut world = Software::right().does(test);
        let token = world.exchanges[0].clone();
        world.exchanges.splice(0..0, std::iter::repeat_n(token, 198));
        for (at, exchange) in world.exchanges.iter_mut().enumerate() {
            exchange.number = u32::try_from(at).unwrap() + 1;
        }
        for finding in judge(test, &world.given, &world.exchanges) {
            assert!(finding.met, "{id}: {finding:?}");
        }
    }
}
