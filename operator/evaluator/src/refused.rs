//! What admission policies of this release say to what is there already: it came before them, or past them.
//!
//! A rule has one home, its policy; here its expressions are asked again, of policies that look at the object alone. Not here:
//! whether the API server has them (`admission`), and which objects they are meant for (`collect`).

use std::collections::BTreeMap;
use std::sync::LazyLock;

use kube::core::cel::{CompiledVapExpression, VapError, VapEvaluator, VapExpression};
use serde_json::Value;

pub(crate) const POD_SECRETS: &str = "dmp-pod-secrets";
pub(crate) const POD_TOKENS: &str = "dmp-pod-tokens";
pub(crate) const PRODUCT_SUBJECTS: &str = "dmp-product-subjects";
/// The policies that are asked.
const ASKED: [&str; 3] = [POD_SECRETS, POD_TOKENS, PRODUCT_SUBJECTS];
/// Said where a policy cannot be asked, which the tests of this program exclude.
const UNKNOWN: &str = "its policy could not be asked";
/// Said by a condition that does not hold; what else one says is an error.
const NOT_MEANT: &str = "not meant";

type Compiled = Vec<Result<CompiledVapExpression, VapError>>;

/// One policy.
struct Rule {
    conditions: Compiled,
    validations: Compiled,
    /// The sentence of each validation.
    sentences: Vec<String>,
}

static RULES: LazyLock<BTreeMap<String, Rule>> = LazyLock::new(|| {
    let documents = dmp_policies::admission::MANIFESTS
        .iter()
        .flat_map(|(_, text)| dmp_policies::admission::documents(text));
    documents.filter_map(|document| rule(&document)).collect()
});

fn rule(document: &Value) -> Option<(String, Rule)> {
    let name = document.pointer("/metadata/name")?.as_str()?;
    let validations = document.pointer("/spec/validations")?;
    let conditions = document.pointer("/spec/matchConditions").unwrap_or(&Value::Null);
    let rule = || Rule {
        conditions: compiled(conditions),
        validations: compiled(validations),
        sentences: texts(validations, "message"),
    };
    ASKED.contains(&name).then(|| (name.to_owned(), rule()))
}

fn texts(rules: &Value, field: &str) -> Vec<String> {
    let rules = rules.as_array().into_iter().flatten();
    rules
        .map(|rule| rule[field].as_str().unwrap_or_default().to_owned())
        .collect()
}

fn compiled(rules: &Value) -> Compiled {
    let expressions = texts(rules, "expression").into_iter();
    let expressions: Vec<_> = expressions
        .map(|expression| VapExpression {
            expression,
            message: Some(NOT_MEANT.to_owned()),
            message_expression: None,
        })
        .collect();
    VapEvaluator::builder().build().compile_expressions(&expressions)
}

/// Each sentence with which the policy would refuse the object; what cannot be judged is refused, as admission does.
/// Nothing of the object is in them.
pub(crate) fn by(policy: &str, object: &Value) -> Vec<&'static str> {
    let Some(rule) = RULES.get(policy) else {
        return vec![UNKNOWN];
    };
    let asked = VapEvaluator::builder().object(object.clone()).build();
    let not_meant = |conditions: &Compiled| {
        let mut results = asked.evaluate_compiled(conditions).into_iter();
        results.any(|result| result.message.as_deref() == Some(NOT_MEANT))
    };
    if !rule.conditions.is_empty() && not_meant(&rule.conditions) {
        return Vec::new();
    }
    let results = asked.evaluate_compiled(&rule.validations);
    let said = results.iter().zip(&rule.sentences);
    said.filter(|(result, _)| !result.passed)
        .map(|(_, sentence)| sentence.as_str())
        .collect()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn said(container: Value) -> Vec<&'static str> {
        by(POD_SECRETS, &json!({ "spec": { "containers": [container] } }))
    }

    #[test]
    fn every_policy_that_is_asked_is_of_this_release() {
        for policy in ASKED {
            let rule = RULES.get(policy).unwrap_or_else(|| panic!("{policy}"));
            let expressions = rule.conditions.iter().chain(&rule.validations);
            assert!(expressions.clone().all(Result::is_ok), "{policy}");
            assert!(!rule.validations.is_empty(), "{policy}");
            assert!(
                rule.sentences.iter().all(|sentence| !sentence.is_empty()),
                "{policy}"
            );
        }
        assert_eq!(by("dmp-of-tomorrow", &json!({})), [UNKNOWN]);
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
        assert_eq!(by(POD_SECRETS, &json!({})).len(), 3);
    }

    #[test]
    fn a_policy_is_asked_where_it_is_meant_and_where_nobody_knows() {
        let bound = |role: &str, user: &str| {
            let subjects = json!([{ "kind": "User", "name": user }]);
            by(
                PRODUCT_SUBJECTS,
                &json!({ "roleRef": { "name": role }, "subjects": subjects }),
            )
            .len()
        };
        assert_eq!(bound("dmp-host", "karim@chu.example"), 0);
        assert_eq!(bound("dmp-host", "admin@chu.example"), 1);
        assert_eq!(bound("view", "admin@chu.example"), 0);
        // It is meant, and who it is for cannot be seen.
        let unreadable = json!({ "roleRef": { "name": "dmp-host" }, "subjects": [{ "name": "karim" }] });
        assert_eq!(by(PRODUCT_SUBJECTS, &unreadable).len(), 1);
    }
}
