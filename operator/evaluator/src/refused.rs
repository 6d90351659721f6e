//! What admission policies of this release say to what is there already: it came before them, or past them.
//!
//! A rule has one home, its policy; here its expressions are asked again, of policies that look at the object alone. Not here:
//! whether the API server has them (`admission`), and which objects they are meant for (`collect`).

use std::collections::BTreeMap;
use std::sync::LazyLock;

use kube::core::cel::{CompiledVapExpression, VapError, VapEvaluator, VapExpression};
use serde_json::Value;

pub(crate) const POD_SECRETS: &str = "dmp-pod-secrets";
/// The policies that are asked.
const ASKED: [&str; 1] = [POD_SECRETS];
/// Said where a policy cannot be asked, which the tests of this program exclude.
const UNKNOWN: &str = "its policy could not be asked";

/// Validations of a policy with the sentence of each.
struct Rule(Vec<(String, Result<CompiledVapExpression, VapError>)>);

static RULES: LazyLock<BTreeMap<String, Rule>> = LazyLock::new(|| {
    let documents = dmp_policies::admission::MANIFESTS
        .iter()
        .flat_map(|(_, text)| dmp_policies::admission::documents(text));
    documents.filter_map(|document| rule(&document)).collect()
});

fn rule(document: &Value) -> Option<(String, Rule)> {
    let name = document.pointer("/metadata/name")?.as_str()?;
    let validations = document.pointer("/spec/validations")?.as_array()?;
    if !ASKED.contains(&name) {
        return None;
    }
    let text = |rule: &Value, field: &str| rule[field].as_str().unwrap_or_default().to_owned();
    let compiled = |validation: &Value| {
        let expression = VapExpression {
            expression: text(validation, "expression"),
            message: None,
            message_expression: None,
        };
        let mut compiled = VapEvaluator::builder().build().compile_expressions(&[expression]);
        compiled.pop().map(|it| (text(validation, "message"), it))
    };
    Some((
        name.to_owned(),
        Rule(validations.iter().filter_map(compiled).collect()),
    ))
}

/// Each sentence with which the policy would refuse the object; what cannot be judged is refused, as admission does.
/// Nothing of the object is in them.
pub(crate) fn by(policy: &str, object: Value) -> Vec<&'static str> {
    let Some(Rule(validations)) = RULES.get(policy) else {
        return vec![UNKNOWN];
    };
    let asked = VapEvaluator::builder().object(object).build();
    let results = validations.iter().map(|(message, expression)| {
        let results = asked.evaluate_compiled(std::slice::from_ref(expression));
        (message.as_str(), results.iter().all(|result| result.passed))
    });
    results
        .filter(|(_, passed)| !passed)
        .map(|(message, _)| message)
        .collect()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn said(container: Value) -> Vec<&'static str> {
        by(POD_SECRETS, json!({ "spec": { "containers": [container] } }))
    }

    #[test]
    fn every_policy_that_is_asked_is_of_this_release() {
        for policy in ASKED {
            let Rule(validations) = RULES.get(policy).unwrap_or_else(|| panic!("{policy}"));
            assert!(!validations.is_empty(), "{policy}");
            for (message, expression) in validations {
                assert!(expression.is_ok() && !message.is_empty(), "{policy}: {message}");
            }
        }
        assert_eq!(by("dmp-of-tomorrow", json!({})), [UNKNOWN]);
    }

    #[test]
    fn a_secret_in_a_pod_is_refused_once_for_each_rule_and_not_repeated() {
        let plain =
            json!({ "name": "c", "env": [{ "name": "DMP_LOG", "value": "info" }], "args": ["serve"] });
        assert_eq!(said(plain), [""; 0]);
        let named = said(json!({ "name": "c", "env": [{ "name": "DB_PASSWORD", "value": "letmein" }] }));
        assert_eq!(named.len(), 1, "{named:?}");
        let both = json!({
            "name": "c", "env": [{ "name": "API_TOKEN", "value": "letmein" }], "args": ["amqp://app:letmein@queue"],
        });
        let both = said(both);
        assert_eq!(both.len(), 2, "{both:?}");
        assert!(!both.concat().contains("letmein"));
        // No pod at all: it cannot be judged.
        assert_eq!(by(POD_SECRETS, json!({})).len(), 3);
    }
}
