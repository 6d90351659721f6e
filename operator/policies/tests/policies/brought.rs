//! What people bring: facts for checks, and the output of `cargo test` for those that ask for tests.

use dmp_policies::brought::{Ran, asks_for_tests, inputs, ran, results};
use dmp_policies::{Catalogue, Outcome, evaluate};
use jiff::Timestamp;
use serde_json::json;

const LOG: &str = "\
   Compiling dmp-registry v0.1.0
     Running unittests src/lib.rs (target/debug/deps/dmp_access-6f0d)

running 3 tests
test tests::every_cell_agrees_with_the_table ... ok
test tests::a_policy_that_fails_to_evaluate_refuses_even_when_another_permits ... FAILED
test category::left_out ... ignored, needs a cluster

test result: FAILED. 1 passed; 1 failed; 1 ignored; 0 measured; 0 filtered out; finished in 0.00s

     Running tests/suite/main.rs (target/debug/deps/suite-11)
running 2 tests
test demonstration::a_letter_from_tanger_is_read_in_casablanca ... [11:47] waiting for Platform national: done in 0:03
test nothing ... at all
ok
test tours::page ... [11:48] waiting
thread 'tours::page' panicked at tests/suite/tours.rs:70:9:
FAILED
   Doc-tests dmp_access
test src/lib.rs - (line 3) ... ok
";

fn one(target: &str, name: &str, passed: bool) -> Ran {
    Ran {
        target: target.to_owned(),
        name: name.to_owned(),
        passed,
    }
}

#[test]
fn what_cargo_printed_is_read_and_what_was_not_said_to_pass_did_not() {
    let permits = "tests::a_policy_that_fails_to_evaluate_refuses_even_when_another_permits";
    assert_eq!(
        ran(LOG),
        [
            one("src/lib.rs", "tests::every_cell_agrees_with_the_table", true),
            one("src/lib.rs", permits, false),
            // What a test prints looks like another test: neither is believed more than was said.
            one(
                "tests/suite/main.rs",
                "demonstration::a_letter_from_tanger_is_read_in_casablanca",
                false
            ),
            one("tests/suite/main.rs", "nothing", true),
            one("tests/suite/main.rs", "tours::page", false),
        ]
    );
    assert_eq!(ran(""), []);
    assert_eq!(ran("test alone ... ok"), [], "of no program");
}

#[test]
fn a_control_passes_with_all_of_its_tests_and_fails_without_one() {
    let catalogue = Catalogue::embedded().unwrap();
    let now: Timestamp = "2026-12-01T00:00:00Z".parse().unwrap();
    let asking: Vec<_> = catalogue
        .controls()
        .iter()
        .filter(|one| asks_for_tests(one))
        .collect();
    assert!(asking.len() >= 6, "{}", asking.len());
    for control in asking {
        // As cargo prints them, each in its program.
        let mut log = String::new();
        for proof in control.proofs() {
            let (path, function) = proof.rsplit_once("::").unwrap();
            let path = path.strip_suffix(".rs").unwrap();
            let (target, modules) = match path.split_once("/src/") {
                Some((_, path)) if path.ends_with("tests") || path.contains("tests/") => {
                    ("unittests src/lib.rs".to_owned(), path.to_owned())
                }
                Some((_, path)) => ("unittests src/lib.rs".to_owned(), format!("{path}/tests")),
                None => {
                    let (_, path) = path.rsplit_once("/tests/").unwrap();
                    let (target, module) = path.split_once('/').unwrap();
                    (format!("tests/{target}/main.rs"), module.to_owned())
                }
            };
            let name = format!("{}::{function}", modules.replace('/', "::"));
            log.push_str(&format!(
                "     Running {target} (target/debug/deps/x-1)\ntest {name} ... ok\n"
            ));
        }
        let outcome = |log: &str| {
            let facts = results(control, &ran(log)).to_string();
            let answered = inputs(control, &facts);
            let (check, inputs) = answered.first().expect("the check of tests");
            evaluate(control, check, inputs, now)
        };
        assert_eq!(outcome(&log), Outcome::Pass, "{}", control.id);
        assert_eq!(
            outcome(&log.replacen("... ok", "... FAILED", 1)),
            Outcome::Fail,
            "{}",
            control.id
        );
        let without: Vec<_> = log.lines().skip(2).collect();
        assert_eq!(outcome(&without.join("\n")), Outcome::Fail, "{}", control.id);
    }
}

#[test]
fn a_test_is_found_wherever_its_file_is_a_module() {
    let catalogue = Catalogue::embedded().unwrap();
    let control = catalogue.control("DMP-CRY-01").unwrap();
    let proof = "platform/tlog/src/tests/log.rs::nothing_in_the_database_says_what_an_event_says";
    assert!(control.proofs().any(|one| one == proof));
    let found = |name: &str| {
        let name = format!("{name}::nothing_in_the_database_says_what_an_event_says");
        let results = results(control, &[one("src/lib.rs", &name, true)]);
        results["results"].as_array().unwrap().len() == 1
    };
    assert!(found("log::tests") && found("tests::log") && found("tests::log::tests"));
    assert!(!found("log") && !found("other::log::tests"));
}

#[test]
fn only_what_a_check_asks_for_is_taken_and_only_when_it_is_all_there() {
    let catalogue = Catalogue::embedded().unwrap();
    let review = catalogue.control("DMP-IAM-06").unwrap();
    let dates = json!({ "rightsAt": "2026-11-01", "backupAccessAt": "2026-11-20" });
    let facts = json!({ "reviews": dates, "more": 1 }).to_string();
    let answered = inputs(review, &facts);
    assert_eq!(answered.len(), 1);
    assert_eq!(answered[0].1.keys().collect::<Vec<_>>(), ["reviews"]);
    for nothing in ["{}", "", "[]", "no JSON", "{\"reviews\":"] {
        assert!(inputs(review, nothing).is_empty(), "{nothing}");
    }
    // What is observed nobody can bring.
    let network = catalogue.control("DMP-NET-01").unwrap();
    assert!(inputs(network, r#"{"namespaces":[],"network":{}}"#).is_empty());
}
