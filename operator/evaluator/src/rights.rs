//! Who can do what in the whole cluster: every binding resolved to verbs and resources, one item for each subject; and which
//! bindings of the product's roles are nobody's in particular.
//!
//! A person is not named: what is said is the binding that gives them the right.

use std::collections::{BTreeMap, BTreeSet};

use k8s_openapi::api::rbac::v1::{
    ClusterRole, ClusterRoleBinding, PolicyRule, Role, RoleBinding, RoleRef, Subject,
};
use kube::{Api, Client, ResourceExt as _};
use serde_json::json;

use crate::refused;
use crate::world::{Read, list};

/// What the bindings of the cluster come to.
#[derive(Clone, Debug, Default)]
pub struct Rights {
    pub grants: Vec<Grant>,
    /// Bindings that admission would refuse by their subjects: `<namespace>/<name>`, of the whole cluster `<name>`.
    pub impersonal: Vec<String>,
}

/// What one subject can reach, all its bindings together.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Grant {
    /// `<namespace>/<ServiceAccount>`, the name of a group or of a `system:` user, `person by <binding>`.
    pub subject: String,
    pub verbs: BTreeSet<String>,
    pub resources: BTreeSet<String>,
    /// Names of the roles.
    pub roles: BTreeSet<String>,
}

/// One binding: where it holds (nowhere in particular: everywhere), of which role, for whom.
struct Binding {
    name: String,
    namespace: Option<String>,
    role: RoleRef,
    subjects: Vec<Subject>,
}

/// Namespace (of a ClusterRole none) and name of a role, with what it allows.
type Roles = BTreeMap<(Option<String>, String), Vec<PolicyRule>>;

pub(crate) async fn read(client: &Client) -> Read<Rights> {
    let all = || client.clone();
    let mut roles = Roles::new();
    let cluster_role = |role: ClusterRole| ((None, role.name_any()), role.rules.unwrap_or_default());
    roles.extend(list(Api::all(all()), "ClusterRoles", cluster_role).await?);
    let role = |role: Role| {
        (
            (role.namespace(), role.name_any()),
            role.rules.unwrap_or_default(),
        )
    };
    roles.extend(list(Api::all(all()), "Roles", role).await?);
    let cluster_binding = |binding: ClusterRoleBinding| Binding {
        name: binding.name_any(),
        namespace: None,
        role: binding.role_ref,
        subjects: binding.subjects.unwrap_or_default(),
    };
    let mut bindings = list(Api::all(all()), "ClusterRoleBindings", cluster_binding).await?;
    let binding = |binding: RoleBinding| Binding {
        name: binding.name_any(),
        namespace: binding.namespace(),
        role: binding.role_ref,
        subjects: binding.subjects.unwrap_or_default(),
    };
    bindings.extend(list(Api::all(all()), "RoleBindings", binding).await?);
    Ok(Rights {
        grants: resolved(&roles, &bindings),
        impersonal: bindings
            .iter()
            .filter(|one| is_impersonal(one))
            .map(place)
            .collect(),
    })
}

fn is_impersonal(binding: &Binding) -> bool {
    let object = json!({ "roleRef": binding.role, "subjects": binding.subjects });
    !refused::by(refused::PRODUCT_SUBJECTS, &object).is_empty()
}

fn place(binding: &Binding) -> String {
    match &binding.namespace {
        Some(namespace) => format!("{namespace}/{}", binding.name),
        None => binding.name.clone(),
    }
}

fn resolved(roles: &Roles, bindings: &[Binding]) -> Vec<Grant> {
    let mut grants = BTreeMap::<(String, String), Grant>::new();
    for binding in bindings {
        let of = (binding.role.kind == "Role")
            .then(|| binding.namespace.clone())
            .flatten();
        let rules = roles.get(&(of, binding.role.name.clone()));
        for subject in &binding.subjects {
            let key = (subject.kind.clone(), identity(subject, binding));
            let grant = grants.entry(key).or_insert_with(|| Grant {
                subject: called(subject, binding),
                ..Grant::default()
            });
            grant.roles.insert(binding.role.name.clone());
            for rule in rules.into_iter().flatten() {
                grant.verbs.extend(rule.verbs.iter().cloned());
                grant.resources.extend(rule.resources.iter().flatten().cloned());
                grant
                    .resources
                    .extend(rule.non_resource_urls.iter().flatten().cloned());
            }
        }
    }
    grants.into_values().collect()
}

/// Who it is, to put together what is the same one's.
fn identity(subject: &Subject, binding: &Binding) -> String {
    if subject.kind == "ServiceAccount" {
        let namespace = subject.namespace.as_ref().or(binding.namespace.as_ref());
        format!("{}/{}", namespace.map_or("", String::as_str), subject.name)
    } else {
        subject.name.clone()
    }
}

/// As it is shown.
fn called(subject: &Subject, binding: &Binding) -> String {
    if subject.kind == "User" && !subject.name.starts_with("system:") {
        return format!("person by {}", place(binding));
    }
    identity(subject, binding)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rule(verbs: &[&str], resources: &[&str]) -> PolicyRule {
        let owned = |list: &[&str]| list.iter().map(|&one| one.to_owned()).collect();
        PolicyRule {
            verbs: owned(verbs),
            resources: Some(owned(resources)),
            ..PolicyRule::default()
        }
    }

    fn binding(name: &str, namespace: Option<&str>, role: (&str, &str), subject: (&str, &str)) -> Binding {
        Binding {
            name: name.to_owned(),
            namespace: namespace.map(ToOwned::to_owned),
            role: RoleRef {
                kind: role.0.to_owned(),
                name: role.1.to_owned(),
                ..RoleRef::default()
            },
            subjects: vec![Subject {
                kind: subject.0.to_owned(),
                name: subject.1.to_owned(),
                ..Subject::default()
            }],
        }
    }

    #[test]
    fn rights_add_up_by_subject_and_a_person_is_the_binding() {
        let mut roles = Roles::new();
        roles.insert((None, "reader".to_owned()), vec![rule(&["get"], &["pods"])]);
        roles.insert((None, "all".to_owned()), vec![rule(&["*"], &["*"])]);
        roles.insert(
            (Some("a".to_owned()), "reader".to_owned()),
            vec![rule(&["delete"], &["services"])],
        );
        let grants = resolved(
            &roles,
            &[
                binding(
                    "one",
                    None,
                    ("ClusterRole", "reader"),
                    ("User", "amina@host.example"),
                ),
                binding(
                    "two",
                    Some("a"),
                    ("Role", "reader"),
                    ("User", "amina@host.example"),
                ),
                binding(
                    "three",
                    Some("a"),
                    ("ClusterRole", "all"),
                    ("ServiceAccount", "ci"),
                ),
                binding("four", None, ("ClusterRole", "gone"), ("Group", "nobody")),
            ],
        );
        let of = |subject: &str| grants.iter().find(|grant| grant.subject == subject);
        let person = of("person by one").unwrap();
        assert_eq!(person.verbs.iter().collect::<Vec<_>>(), ["delete", "get"]);
        assert_eq!(person.resources.iter().collect::<Vec<_>>(), ["pods", "services"]);
        assert!(of("a/ci").unwrap().resources.contains("*"));
        assert!(of("nobody").unwrap().verbs.is_empty());
        assert!(!format!("{grants:?}").contains("amina"));
    }

    #[test]
    fn a_role_of_the_product_that_is_nobodys_is_found_by_its_binding() {
        let host = ("ClusterRole", "dmp-host");
        let admin = ("ClusterRole", "dmp-group-admin");
        let subjects = [
            (("User", "karim@chu.example"), false),
            (("Group", "cloud-operations"), false),
            (("ServiceAccount", "dmp-operator"), false),
            (("User", "Admin@chu.example"), true),
            (("Group", "system:authenticated"), true),
            (("ServiceAccount", "default"), true),
        ];
        for (subject, impersonal) in subjects {
            let bound = binding("b", Some("dmp-tanger"), admin, subject);
            assert_eq!(is_impersonal(&bound), impersonal, "{subject:?}");
            let bound = binding("b", None, host, subject);
            assert_eq!(is_impersonal(&bound), impersonal, "{subject:?}");
            assert!(
                !is_impersonal(&binding("b", None, ("ClusterRole", "view"), subject)),
                "{subject:?}"
            );
        }
        let mut nobody = binding("b", None, host, ("User", "root"));
        assert_eq!(place(&nobody), "b");
        nobody.subjects.clear();
        assert!(!is_impersonal(&nobody));
    }
}
