//! What people bring for a control, as the inputs of its checks; and what tests printed, as such an input.

use serde_json::{Value, json};

use crate::control::{Builtin, Check, Control, Rule};
use crate::evaluate::Inputs;

/// Of each check that nobody observes and whose inputs are all among the facts (the text of a JSON object), these.
pub fn inputs<'c>(control: &'c Control, facts: &str) -> Vec<(&'c Check, Inputs)> {
    let facts: Inputs = serde_json::from_str(facts).unwrap_or_default();
    let of = |check: &Check| -> Option<Inputs> {
        let one = |name: &String| Some((name.clone(), facts.get(name)?.clone()));
        check.inputs.keys().map(one).collect()
    };
    control
        .brought()
        .filter_map(|check| Some((check, of(check)?)))
        .collect()
}

/// Whether the control asks for the results of its tests.
pub fn asks_for_tests(control: &Control) -> bool {
    let asks = |check: &Check| matches!(check.rule, Rule::Builtin(Builtin::TestsPassed));
    control.brought().any(asks)
}

/// The results of the control's tests among those that ran: the facts of a check `tests-passed`. What did not run is not among them.
pub fn results(control: &Control, ran: &[Ran]) -> Value {
    let result = |proof: &str| {
        let mut found = ran.iter().filter(|one| one.is(proof)).peekable();
        found.peek()?;
        Some(json!({ "test": proof, "passed": found.all(|one| one.passed) }))
    };
    json!({ "results": control.proofs().filter_map(result).collect::<Vec<_>>() })
}

/// One test that `cargo test` ran.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Ran {
    /// Source of the program it is in, from its crate's folder: `src/lib.rs`, `tests/policies/main.rs`.
    pub target: String,
    /// `judging::stale_evidence_never_passes`.
    pub name: String,
    /// Whether it was said to be `ok`; a test that was begun and of which nothing was said is not.
    pub passed: bool,
}

impl Ran {
    /// Whether it is the test that is proven by `<path>::<function>`. Which crate it is in the output does not say: of several
    /// that are called alike all must pass.
    fn is(&self, proof: &str) -> bool {
        let Some((path, function)) = proof.rsplit_once("::") else {
            return false;
        };
        let path = path.strip_suffix(".rs").unwrap_or(path);
        let named = |modules: &str, more: &str| {
            let parts = [modules, more, function]
                .into_iter()
                .filter(|part| !part.is_empty());
            parts.collect::<Vec<_>>().join("::") == self.name
        };
        if let Some((_, path)) = path.split_once("/src/") {
            let path = path.strip_suffix("/mod").unwrap_or(path);
            let modules = if path == "lib" {
                String::new()
            } else {
                path.replace('/', "::")
            };
            // Beside the module that it is about, or by that module itself (`#[path]`).
            let about = path.strip_prefix("tests/").map(|path| path.replace('/', "::"));
            let found = named(&modules, "")
                || named(&modules, "tests")
                || about.is_some_and(|modules| named(&modules, "tests"));
            return self.target.starts_with("src/") && found;
        }
        let Some((_, path)) = path.rsplit_once("/tests/") else {
            return false;
        };
        match path.split_once('/') {
            Some((target, path)) => {
                self.target == format!("tests/{target}/main.rs") && named(&path.replace('/', "::"), "")
            }
            None => self.target == format!("tests/{path}.rs") && named("", ""),
        }
    }
}

/// The tests of which `cargo test` (both of its outputs, `2>&1`) says how they ended; those that were left out are not among them.
pub fn ran(log: &str) -> Vec<Ran> {
    let mut all = Vec::new();
    let mut target = String::new();
    // Of a test that prints what happens: its end stands in a line of its own.
    let mut open: Option<Ran> = None;
    for line in log.lines() {
        let line = line.trim();
        if let Some((begun, _)) = line
            .strip_prefix("Running ")
            .and_then(|line| line.split_once(" ("))
        {
            all.extend(open.take());
            target = begun.strip_prefix("unittests ").unwrap_or(begun).to_owned();
        } else if line.starts_with("Doc-tests ") {
            all.extend(open.take());
            target.clear();
        } else if let Some((name, end)) = line
            .strip_prefix("test ")
            .and_then(|line| line.split_once(" ..."))
        {
            all.extend(open.take());
            let end = end.trim();
            if !end.starts_with("ignored") {
                open = Some(Ran {
                    target: target.clone(),
                    name: name.to_owned(),
                    passed: end == "ok",
                });
            }
        } else if line == "ok"
            && let Some(mut one) = open.take()
        {
            one.passed = true;
            all.push(one);
        }
    }
    all.extend(open);
    all.retain(|one| !one.target.is_empty());
    all
}
