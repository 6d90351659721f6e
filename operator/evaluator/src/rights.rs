//! Who can do what in the whole cluster: every binding resolved to verbs and resources, one item for each subject; and which
//! bindings of the product's roles are nobody's in particular; and who holds a role of the product, or is software of the platform.
//!
//! A person is not named: what is said is the binding that gives them the right.

use std::collections::{BTreeMap, BTreeSet};

use dmp_api::last_uses::{group, person};
use jiff::Timestamp;
use k8s_openapi::api::rbac::v1::{
    ClusterRole, ClusterRoleBinding, PolicyRule, Role, RoleBinding, RoleRef, Subject,
};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;
use kube::{Api, Client, Resource as _, ResourceExt as _};
use serde_json::json;

use crate::refused;
use crate::world::{Read, list};

/// What names of the product's roles and of the platform's namespaces begin with.
const OURS: &str = "dmp-";

/// What the bindings of the cluster come to.
#[derive(Clone, Debug, Default)]
pub struct Rights {
    pub grants: Vec<Grant>,
    /// Bindings that admission would refuse by their subjects: `<namespace>/<name>`, of the whole cluster `<name>`.
    pub impersonal: Vec<String>,
    /// Who holds a role of the product, and ServiceAccounts of the platform that hold any.
    pub holders: Vec<Holder>,
}

/// An account that holds a right.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Holder {
    /// As it is shown: as the subject of a [`Grant`].
    pub name: String,
    /// As the operator calls it where it notes who came (`dmp_api::last_uses`).
    pub account: String,
    /// Since when, by its oldest binding that is still there.
    pub since: Timestamp,
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
    made: Timestamp,
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
        made: made(binding.meta()),
        role: binding.role_ref,
        subjects: binding.subjects.unwrap_or_default(),
    };
    let mut bindings = list(Api::all(all()), "ClusterRoleBindings", cluster_binding).await?;
    let binding = |binding: RoleBinding| Binding {
        name: binding.name_any(),
        namespace: binding.namespace(),
        made: made(binding.meta()),
        role: binding.role_ref,
        subjects: binding.subjects.unwrap_or_default(),
    };
    bindings.extend(list(Api::all(all()), "RoleBindings", binding).await?);
    Ok(Rights {
        grants: resolved(&roles, &bindings),
        holders: holders(&bindings),
        impersonal: bindings
            .iter()
            .filter(|one| is_impersonal(one))
            .map(place)
            .collect(),
    })
}

fn made(metadata: &ObjectMeta) -> Timestamp {
    metadata
        .creation_timestamp
        .as_ref()
        .map_or(Timestamp::MIN, |at| at.0)
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

fn holders(bindings: &[Binding]) -> Vec<Holder> {
    let mut holders = BTreeMap::<String, Holder>::new();
    for binding in bindings {
        let of_the_product = binding.role.name.starts_with(OURS);
        for subject in &binding.subjects {
            let identity = identity(subject, binding);
            let account = match subject.kind.as_str() {
                "ServiceAccount" if of_the_product || identity.starts_with(OURS) => identity,
                "User" if of_the_product => person(&subject.name),
                "Group" if of_the_product => group(&subject.name),
                _ => continue,
            };
            let holder = holders.entry(account.clone()).or_insert_with(|| Holder {
                name: called(subject, binding),
                account,
                since: binding.made,
            });
            holder.since = holder.since.min(binding.made);
        }
    }
    holders.into_values().collect()
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
            made: Timestamp::UNIX_EPOCH,
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
    fn who_holds_a_role_of_the_product_or_is_software_of_the_platform_is_an_account_since_its_first_binding()
    {
        let host = ("ClusterRole", "dmp-host");
        let view = ("ClusterRole", "view");
        let at = |day: i64, binding: Binding| Binding {
            made: Timestamp::from_second(day * 86_400).unwrap(),
            ..binding
        };
        let found = holders(&[
            at(9, binding("one", None, host, ("User", "amina@host.example"))),
            at(
                4,
                binding(
                    "two",
                    Some("dmp-a"),
                    ("ClusterRole", "dmp-group-admin"),
                    ("User", "amina@host.example"),
                ),
            ),
            at(5, binding("three", None, host, ("Group", "cloud-operations"))),
            at(6, binding("four", None, host, ("ServiceAccount", "ci"))),
            at(7, binding("five", Some("dmp-a"), view, ("ServiceAccount", "old"))),
            // Somebody else's.
            at(1, binding("six", None, view, ("User", "omar@host.example"))),
            at(1, binding("seven", Some("a"), view, ("ServiceAccount", "x"))),
            at(1, binding("eight", Some("a"), view, ("Group", "system:masters"))),
        ]);
        let days: BTreeMap<_, _> = found
            .iter()
            .map(|one| (one.name.as_str(), one.since.as_second() / 86_400))
            .collect();
        let expected = [
            ("person by one", 4),
            ("cloud-operations", 5),
            ("/ci", 6),
            ("dmp-a/old", 7),
        ];
        assert_eq!(days, expected.into());
        let person_there = found
            .iter()
            .any(|one| one.account == person("amina@host.example"));
        assert!(person_there && !format!("{found:?}").contains("amina"));
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
