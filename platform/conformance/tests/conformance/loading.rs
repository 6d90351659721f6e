//! The suite's files, and what is refused in them.

use dmp_conformance::exchange::OPERATIONS;
use dmp_conformance::suite::{Suite, SuiteError, Verified};

const PROFILE: &str = r#"
scope: x
version: "1.0"
title: { fr: "X", en: "X" }
actor: "A"
requirements:
  - { id: XX-01, text: { fr: "a", en: "a" }, source: "s", verified: automatic }
  - { id: XX-02, text: { fr: "a", en: "a" }, source: "s", verified: not-yet, reason: { fr: "r", en: "r" } }
"#;
const NOMINAL: &str = r#"
title: { fr: "N", en: "N" }
task: { fr: "T", en: "T" }
action: publish
given: { patient: registered, document: described }
faults:
  - { id: busy, on: iti-65, nth: 2, times: 2, play: { answer: { status: 503, code: c, retryAfter: 2 } } }
  - { id: bad, on: iti-68, play: corrupt }
verdicts:
  - { requirement: XX-01, rule: 'exchanges.exists(e, at(e, "request.path") == ["/fhir"])', says: { fr: "f", en: "f" } }
"#;

fn load(profile: &str, nominal: &str) -> Result<Suite, SuiteError> {
    Suite::load([("x/profile.yaml", profile), ("x/nominal.yaml", nominal)])
}

#[test]
fn the_suite_has_what_was_agreed() {
    let suite = Suite::embedded().unwrap();
    let agreed = [
        ("document-feeder", "DF", 18, vec![18, 19], 8),
        ("document-reader", "DR", 12, vec![20], 8),
        ("identity-feed", "IF", 12, vec![20], 8),
        ("registry-consumer", "RC", 9, vec![20], 6),
    ];
    assert_eq!(suite.profiles().len(), agreed.len());
    for (profile, (scope, letters, requirements, not_yet, tests)) in suite.profiles().iter().zip(agreed) {
        assert_eq!(profile.scope, scope);
        assert_eq!(
            (profile.requirements.len(), profile.tests.len()),
            (requirements, tests),
            "{scope}"
        );
        assert!(profile.tests[0].is_nominal());
        assert_eq!(profile.sha256().len(), 64);
        for requirement in &profile.requirements {
            let number: u32 = requirement.id.strip_prefix(letters).unwrap()[1..]
                .parse()
                .unwrap();
            let expected = if not_yet.contains(&number) {
                Verified::NotYet
            } else {
                Verified::Automatic
            };
            assert_eq!(requirement.verified, expected, "{}", requirement.id);
        }
    }
}

#[test]
fn every_automatic_requirement_is_verified_and_no_other() {
    for profile in Suite::embedded().unwrap().profiles() {
        for requirement in &profile.requirements {
            let verdicts = profile.tests_of(&requirement.id).count();
            assert_eq!(
                verdicts > 0,
                requirement.verified == Verified::Automatic,
                "{}",
                requirement.id
            );
        }
    }
}

#[test]
fn every_fault_that_a_rule_names_is_played() {
    for test in Suite::embedded()
        .unwrap()
        .profiles()
        .iter()
        .flat_map(|profile| &profile.tests)
    {
        for fault in test.faults.iter().filter(|fault| fault.id != "busy-again") {
            let name = format!("\"{}\"", fault.id);
            let named = test
                .verdicts
                .iter()
                .any(|verdict| verdict.rule.text().contains(&name));
            assert!(named, "{}: {}", test.id, fault.id);
            assert!(OPERATIONS.contains(&fault.on.as_str()));
        }
    }
}

#[test]
fn the_hash_is_of_every_file_and_of_nothing_else() {
    let sha256 = |profile: &str, nominal: &str| {
        let suite = load(profile, nominal).unwrap();
        suite.profiles()[0].sha256().to_owned()
    };
    let here = sha256(PROFILE, NOMINAL);
    assert_eq!(here, sha256(PROFILE, NOMINAL));
    assert_ne!(here, sha256(PROFILE, &NOMINAL.replace("\"N\"", "\"M\"")));
    assert_ne!(here, sha256(&PROFILE.replace("\"X\"", "\"Y\""), NOMINAL));
}

/// Old text, new text, file, field, a part of what is said.
const REFUSED: [(&str, &str, &str, &str, &str); 33] = [
    (
        "scope: x",
        "scope: y",
        "x/profile.yaml",
        "scope",
        "name of the folder",
    ),
    ("\"1.0\"", "\"1.0-rc\"", "x/profile.yaml", "version", "1.2.3"),
    ("actor: \"A\"", "actor: \" \"", "x/profile.yaml", "actor", "empty"),
    ("actor: \"A\"", "actors: \"A\"", "x/profile.yaml", "", "actors"),
    (
        "id: XX-02",
        "id: XX-01",
        "x/profile.yaml",
        "requirements[1].id",
        "twice",
    ),
    (
        "id: XX-02",
        "id: xx-2",
        "x/profile.yaml",
        "requirements[1].id",
        "DF-03",
    ),
    (
        "source: \"s\", verified: automatic",
        "source: \"\", verified: automatic",
        "x/profile.yaml",
        "requirements[0].source",
        "empty",
    ),
    (
        "verified: not-yet, reason: { fr: \"r\", en: \"r\" }",
        "verified: automatic",
        "x/profile.yaml",
        "requirements[1].verified",
        "no verdict",
    ),
    (
        "verified: not-yet, reason: { fr: \"r\", en: \"r\" }",
        "verified: not-yet",
        "x/profile.yaml",
        "requirements[1].reason",
        "missing",
    ),
    (
        "verified: not-yet, reason",
        "verified: attested, reason",
        "x/profile.yaml",
        "requirements[1].reason",
        "only `not-yet`",
    ),
    (
        "verified: not-yet",
        "verified: perhaps",
        "x/profile.yaml",
        "",
        "perhaps",
    ),
    (
        "text: { fr: \"a\", en: \"a\" }, source: \"s\", verified: automatic",
        "text: { fr: \"a\", en: \"\" }, source: \"s\", verified: automatic",
        "x/profile.yaml",
        "requirements[0].text.en",
        "empty",
    ),
    (
        "requirement: XX-01",
        "requirement: XX-03",
        "x/nominal.yaml",
        "verdicts[0].requirement",
        "no requirement `XX-03`",
    ),
    (
        "requirement: XX-01",
        "requirement: XX-02",
        "x/nominal.yaml",
        "verdicts[0].requirement",
        "not automatic",
    ),
    (
        "== [\"/fhir\"])",
        "== [\"/fhir\"]",
        "x/nominal.yaml",
        "verdicts[0].rule",
        "Syntax error",
    ),
    (
        "exchanges.exists",
        "exchange.exists",
        "x/nominal.yaml",
        "verdicts[0].rule",
        "`exchange`",
    ),
    ("at(e,", "at(f,", "x/nominal.yaml", "verdicts[0].rule", "`f`"),
    ("at(e,", "md5(e,", "x/nominal.yaml", "verdicts[0].rule", "md5"),
    (
        "at(e, \"request.path\")",
        "at(e)",
        "x/nominal.yaml",
        "verdicts[0].rule",
        "2 arguments",
    ),
    (
        "[\"/fhir\"]",
        "Some{a: 1}",
        "x/nominal.yaml",
        "verdicts[0].rule",
        "no object",
    ),
    (
        "at(e, \"request.path\")",
        "[e.request.headers.accept]",
        "x/nominal.yaml",
        "verdicts[0].rule",
        "`headers` is read with",
    ),
    (
        "at(e, \"request.path\")",
        "[e.request.query[\"a\"]]",
        "x/nominal.yaml",
        "verdicts[0].rule",
        "`query` is read with",
    ),
    (
        "at(e, \"request.path\")",
        "[given.patient]",
        "x/nominal.yaml",
        "verdicts[0].rule",
        "`given` is read with",
    ),
    (
        "title: { fr: \"N\"",
        "name: 1\ntitle: { fr: \"N\"",
        "x/nominal.yaml",
        "",
        "name",
    ),
    (
        "action: publish",
        "action: publish\naction: publish",
        "x/nominal.yaml",
        "",
        "duplicate",
    ),
    (
        "action: publish",
        "action: find",
        "x/nominal.yaml",
        "given.document",
        "publish",
    ),
    (
        "document: described",
        "document: described, opposed: true",
        "x/nominal.yaml",
        "given.opposed",
        "read",
    ),
    (
        "patient: registered",
        "patient: described",
        "x/nominal.yaml",
        "given.patient",
        "registered",
    ),
    ("id: bad", "id: busy", "x/nominal.yaml", "faults[1].id", "another"),
    (
        "on: iti-65",
        "on: iti-66",
        "x/nominal.yaml",
        "faults[0].on",
        "iti-66",
    ),
    ("nth: 2", "nth: 0", "x/nominal.yaml", "faults[0].nth", "from 1"),
    (
        "status: 503",
        "status: 200",
        "x/nominal.yaml",
        "faults[0].play.status",
        "4xx",
    ),
    (
        "on: iti-68, play",
        "on: iti-65, nth: 3, play",
        "x/nominal.yaml",
        "faults[1].nth",
        "same requests",
    ),
];

#[test]
fn what_is_not_right_is_refused_with_file_and_field() {
    load(PROFILE, NOMINAL).unwrap();
    for (old, new, file, field, what) in REFUSED {
        let (profile, nominal) = match file {
            "x/profile.yaml" => (PROFILE.replacen(old, new, 1), NOMINAL.to_owned()),
            _ => (PROFILE.to_owned(), NOMINAL.replacen(old, new, 1)),
        };
        assert!(profile != PROFILE || nominal != NOMINAL, "`{old}` is not there");
        let error = load(&profile, &nominal).unwrap_err();
        let told = error
            .problems
            .iter()
            .any(|problem| problem.file == file && problem.field == field && problem.what.contains(what));
        assert!(told, "{new}: {error}");
        assert!(error.to_string().contains(file));
    }
}

#[test]
fn files_are_where_they_belong() {
    let file = |error: SuiteError| error.problems[0].to_string();
    let nothing: [(&str, &str); 0] = [];
    assert!(file(Suite::load(nothing).unwrap_err()).contains("no profile"));
    assert!(file(Suite::load([("x/nominal.yaml", NOMINAL)]).unwrap_err()).contains("x/profile.yaml"));
    let deep = [
        ("x/y/z.yaml", ""),
        ("x/profile.yaml", PROFILE),
        ("x/nominal.yaml", NOMINAL),
    ];
    assert!(file(Suite::load(deep).unwrap_err()).contains("x/y/z.yaml"));
    let other = [("x/profile.yaml", PROFILE), ("x/other.yaml", NOMINAL)];
    assert!(file(Suite::load(other).unwrap_err()).contains("nominal"));
}
