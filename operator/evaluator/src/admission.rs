//! Whether the admission policies of this release are in the cluster as they were released, and bound to deny.
//!
//! Nothing can guard them in the API server: Kubernetes exempts admission policies from admission. So they are looked at.

use std::sync::LazyLock;

use k8s_openapi::api::admissionregistration::v1::{
    MatchResources, NamedRuleWithOperations, ValidatingAdmissionPolicy, ValidatingAdmissionPolicyBinding,
    ValidatingAdmissionPolicyBindingSpec, ValidatingAdmissionPolicySpec,
};
use kube::{Api, Client, ResourceExt as _};
use serde::de::DeserializeOwned;
use serde_json::Value;

use crate::world::{Read, list};

/// One policy of this release, and what became of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Policy {
    pub name: String,
    /// It is there and says what it said when it was released.
    pub as_released: bool,
    /// A binding of its name is there, as released: it denies.
    pub bound: bool,
}

/// What the release has.
#[derive(Debug, Default)]
struct Released {
    policies: Vec<(String, ValidatingAdmissionPolicySpec)>,
    bindings: Vec<(String, ValidatingAdmissionPolicyBindingSpec)>,
}

/// None when a manifest of this program cannot be read, which its tests exclude.
static RELEASED: LazyLock<Option<Released>> = LazyLock::new(released);

fn released() -> Option<Released> {
    let mut released = Released::default();
    for (_, text) in dmp_policies::admission::MANIFESTS {
        for document in dmp_policies::admission::documents(text) {
            let name = document.pointer("/metadata/name")?.as_str()?.to_owned();
            let spec = document.get("spec")?.clone();
            match document.get("kind")?.as_str()? {
                "ValidatingAdmissionPolicy" => released.policies.push((name, typed(spec).map(policy)?)),
                "ValidatingAdmissionPolicyBinding" => {
                    released.bindings.push((name, typed(spec).map(binding)?));
                }
                _ => {}
            }
        }
    }
    Some(released)
}

fn typed<T: DeserializeOwned>(spec: Value) -> Option<T> {
    serde_json::from_value(spec).ok()
}

/// With what the API server adds where nothing is said.
fn policy(mut spec: ValidatingAdmissionPolicySpec) -> ValidatingAdmissionPolicySpec {
    spec.failure_policy.get_or_insert_with(|| "Fail".to_owned());
    spec.match_constraints = spec.match_constraints.map(matched);
    spec
}

fn binding(mut spec: ValidatingAdmissionPolicyBindingSpec) -> ValidatingAdmissionPolicyBindingSpec {
    if let Some(parameter) = &mut spec.param_ref {
        parameter
            .parameter_not_found_action
            .get_or_insert_with(|| "Deny".to_owned());
    }
    spec.match_resources = spec.match_resources.map(matched);
    spec
}

fn matched(mut resources: MatchResources) -> MatchResources {
    resources
        .match_policy
        .get_or_insert_with(|| "Equivalent".to_owned());
    resources.namespace_selector.get_or_insert_with(Default::default);
    resources.object_selector.get_or_insert_with(Default::default);
    let scoped = |rules: &mut Option<Vec<NamedRuleWithOperations>>| {
        for rule in rules.iter_mut().flatten() {
            rule.scope.get_or_insert_with(|| "*".to_owned());
        }
    };
    scoped(&mut resources.resource_rules);
    scoped(&mut resources.exclude_resource_rules);
    resources
}

pub(crate) async fn read(client: &Client) -> Read<Vec<Policy>> {
    let policies = list(
        Api::<ValidatingAdmissionPolicy>::all(client.clone()),
        "ValidatingAdmissionPolicies",
        |one| (one.name_any(), one.spec.map(policy)),
    )
    .await?;
    let bindings = list(
        Api::<ValidatingAdmissionPolicyBinding>::all(client.clone()),
        "ValidatingAdmissionPolicyBindings",
        |one| (one.name_any(), Some(binding(one.spec))),
    )
    .await?;
    let nothing = Released::default();
    Ok(compared(
        RELEASED.as_ref().unwrap_or(&nothing),
        &policies,
        &bindings,
    ))
}

fn compared(
    released: &Released,
    policies: &[(String, Option<ValidatingAdmissionPolicySpec>)],
    bindings: &[(String, Option<ValidatingAdmissionPolicyBindingSpec>)],
) -> Vec<Policy> {
    fn has<S: PartialEq>(there: &[(String, Option<S>)], name: &str, wanted: Option<&S>) -> bool {
        let live = there.iter().find(|(one, _)| one == name);
        wanted.is_some() && live.and_then(|(_, spec)| spec.as_ref()) == wanted
    }
    let one = |(name, spec): &(String, ValidatingAdmissionPolicySpec)| {
        let binding = released.bindings.iter().find(|(one, _)| one == name);
        Policy {
            name: name.clone(),
            as_released: has(policies, name, Some(spec)),
            bound: has(bindings, name, binding.map(|(_, spec)| spec)),
        }
    };
    released.policies.iter().map(one).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    type Live<S> = Vec<(String, Option<S>)>;

    fn live<S: Clone>(released: &[(String, S)]) -> Live<S> {
        released
            .iter()
            .map(|(name, spec)| (name.clone(), Some(spec.clone())))
            .collect()
    }

    #[test]
    fn every_policy_of_the_release_is_bound_by_its_name_and_denies() {
        let released = RELEASED.as_ref().unwrap();
        assert!(released.policies.len() >= 20, "{}", released.policies.len());
        for (name, _) in &released.policies {
            let binding = released.bindings.iter().find(|(one, _)| one == name);
            let (_, binding) = binding.unwrap_or_else(|| panic!("{name} has no binding of its name"));
            assert_eq!(&binding.policy_name, name);
            assert_eq!(binding.validation_actions, ["Deny"], "{name}");
        }
        let policies = live(&released.policies);
        let bindings = live(&released.bindings);
        let found = compared(released, &policies, &bindings);
        assert!(found.iter().all(|one| one.as_released && one.bound), "{found:?}");
    }

    #[test]
    fn what_was_taken_away_or_made_softer_is_found() {
        let released = RELEASED.as_ref().unwrap();
        let find = |change: &dyn Fn(
            &mut Live<ValidatingAdmissionPolicySpec>,
            &mut Live<ValidatingAdmissionPolicyBindingSpec>,
        )| {
            let mut policies = live(&released.policies);
            let mut bindings = live(&released.bindings);
            change(&mut policies, &mut bindings);
            let found = compared(released, &policies, &bindings);
            let wrong = found.into_iter().filter(|one| !one.as_released || !one.bound);
            wrong
                .map(|one| (one.name, one.as_released, one.bound))
                .collect::<Vec<_>>()
        };
        let first = released.policies[0].0.clone();
        let gone = find(&|policies, _| drop(policies.remove(0)));
        assert_eq!(gone, [(first.clone(), false, true)]);
        let of_first = |bindings: &mut Live<ValidatingAdmissionPolicyBindingSpec>| {
            bindings.iter().position(|(name, _)| *name == first).unwrap()
        };
        let unbound = find(&|_, bindings| {
            let at = of_first(bindings);
            bindings.remove(at);
        });
        assert_eq!(unbound, [(first.clone(), true, false)]);
        let warns = find(&|_, bindings| {
            let at = of_first(bindings);
            if let Some(spec) = &mut bindings[at].1 {
                spec.validation_actions = vec!["Warn".to_owned()];
            }
        });
        assert_eq!(warns, [(first.clone(), true, false)]);
        let ignores = find(&|policies, _| {
            if let Some(spec) = &mut policies[0].1 {
                spec.failure_policy = Some("Ignore".to_owned());
            }
        });
        assert_eq!(ignores, [(first.clone(), false, true)]);
        let excepted = find(&|policies, _| {
            if let Some(spec) = &mut policies[0].1 {
                let except = serde_json::json!([{ "name": "friends", "expression": "request.userInfo.username != 'karim'" }]);
                spec.match_conditions = serde_json::from_value(except).unwrap();
            }
        });
        assert_eq!(excepted, [(first, false, true)]);
    }
}
