//! Each admission policy with a case that it lets pass and one that it denies, in process by `kube-cel`.
//!
//! [`Ask`] is a request to the API server; what it cannot say here (which labels a namespace has) follows from its names.
//! That the API server understands the policies in the same way is `admission_server`'s.

use kube::core::cel::{AdmissionRequest, VapEvaluator, VapExpression};
use serde_json::{Value, json};

/// The files with policies.
pub const FILES: [&str; 6] = [
    "admission.yaml",
    "admission-access.yaml",
    "admission-network.yaml",
    "admission-product.yaml",
    "admission-secrets.yaml",
    "admission-workloads.yaml",
];
/// Whether somebody is an installer is the API server's to say: here the case does.
const INSTALLER: &str = "authorizer.group('dmp.ma').resource('platforms').check('install').allowed()";
/// As is whether somebody holds the role as which evidence is brought.
const ATTESTS: &str = "authorizer.group('dmp.ma').resource('controlevidences').name(object.spec.role).check('attest').allowed()";
/// Or an exception asked for, and approved.
const ASKS: &str =
    "authorizer.group('dmp.ma').resource('policyexceptions').name(object.spec.role).check('ask').allowed()";
const APPROVES: &str = "authorizer.group('dmp.ma').resource('policyexceptions').name(object.spec.approval.role).check('second').allowed()";
/// `kube-cel` has no types to ask for: here every value of a profile is a number (`rights_server` has others).
const IS_NO_NUMBER: &str = "type(one.value) != int";

/// The documents of `manifests/operator/<file>`.
pub fn manifests(file: &str) -> Vec<Value> {
    let path = std::path::Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("../../manifests/operator")
        .join(file);
    let text = std::fs::read_to_string(path).unwrap();
    text.split("---\n")
        .map(|document| serde_saphyr::from_str::<Value>(document).unwrap())
        .collect()
}

/// All policies and bindings.
pub fn documents() -> Vec<Value> {
    FILES.iter().flat_map(|file| manifests(file)).collect()
}

fn policies() -> Vec<Value> {
    documents()
        .into_iter()
        .filter(|object| object["kind"] == "ValidatingAdmissionPolicy")
        .collect()
}

/// What a policy's binding does with requests while its parameters are not there.
fn not_found(policy: &str) -> String {
    let mut bindings = documents().into_iter().filter(|object| {
        object["kind"] == "ValidatingAdmissionPolicyBinding" && object["spec"]["policyName"] == policy
    });
    let action = &bindings.next().unwrap()["spec"]["paramRef"]["parameterNotFoundAction"];
    action.as_str().unwrap().to_owned()
}

/// One request.
#[derive(Clone, Debug)]
pub struct Ask {
    operation: String,
    /// `*`: whatever the policy says.
    group: String,
    /// With its subresource.
    resource: String,
    namespace: String,
    name: String,
    user: String,
    groups: Vec<String>,
    installer: bool,
    /// The role that is held.
    role: String,
    object: Value,
    old: Value,
    params: Option<Value>,
    /// Data of the list of images, when there is one.
    images: Option<Value>,
    profile: Option<Value>,
    /// Labels of the namespace beside the one that the policies go by.
    space: Value,
}

impl Ask {
    /// `resource`: `[<group>:]<resource>[/<subresource>]`; `place`: `[<namespace>/]<name>`. By `person`, no installer,
    /// on a platform without demonstration.
    pub fn new(operation: &str, resource: &str, place: &str) -> Self {
        let (group, resource) = resource.split_once(':').unwrap_or(("", resource));
        let (namespace, name) = place.split_once('/').unwrap_or(("", place));
        Self {
            operation: operation.to_owned(),
            group: group.to_owned(),
            resource: resource.to_owned(),
            namespace: namespace.to_owned(),
            name: name.to_owned(),
            user: "person".to_owned(),
            groups: vec!["system:authenticated".to_owned()],
            installer: false,
            role: String::new(),
            object: json!({ "metadata": { "name": name } }),
            old: Value::Null,
            profile: None,
            space: json!({}),
            params: Some(json!({ "spec": { "images": { "dmp": "r/dmp:1", "postgres": "r/pg:15" } } })),
            images: None,
        }
    }

    pub fn by(mut self, user: &str) -> Self {
        self.user = user.to_owned();
        self
    }

    pub fn of_group(mut self, group: &str) -> Self {
        self.groups.push(group.to_owned());
        self
    }

    pub fn installer(mut self) -> Self {
        self.installer = true;
        self
    }

    pub fn holds(mut self, role: &str) -> Self {
        self.role = role.to_owned();
        self
    }

    pub fn object(mut self, object: Value) -> Self {
        self.object = object;
        self
    }

    pub fn old(mut self, old: Value) -> Self {
        self.old = old;
        self
    }

    /// The Platform, or none.
    pub fn platform(mut self, platform: Option<Value>) -> Self {
        self.params = platform;
        self
    }

    /// What the security entity signed: digest (hex) to name.
    pub fn images(mut self, images: Value) -> Self {
        self.images = Some(json!({ "data": images }));
        self
    }

    /// The PolicyProfile, or none.
    pub fn profile(mut self, profile: Option<Value>) -> Self {
        self.profile = profile;
        self
    }

    /// In a namespace with these labels.
    pub fn space(mut self, labels: Value) -> Self {
        self.space = labels;
        self
    }

    /// The policies that deny, each once.
    pub fn denied(&self) -> Vec<String> {
        let mut names: Vec<String> = self.denials().into_iter().map(|(policy, _)| policy).collect();
        names.dedup();
        names
    }

    /// Policy and message of each denial.
    pub fn denials(&self) -> Vec<(String, String)> {
        let mut denials = Vec::new();
        for policy in policies() {
            let spec = &policy["spec"];
            let name = policy["metadata"]["name"].as_str().unwrap();
            if !self.is_matched(&spec["matchConstraints"]) {
                continue;
            }
            let params = match spec["paramKind"]["kind"].as_str() {
                Some("PolicyProfile") => &self.profile,
                Some("ConfigMap") => &self.images,
                _ => &self.params,
            };
            if spec.get("paramKind").is_some() && params.is_none() {
                // What comes without them the binding decides.
                if not_found(name) == "Deny" {
                    denials.push((name.to_owned(), "no parameters".to_owned()));
                }
                continue;
            }
            let holds = |rules: &Value| self.evaluate(rules, params.as_ref());
            if !holds(&spec["matchConditions"]).iter().all(Option::is_none) {
                continue;
            }
            let messages = holds(&spec["validations"]).into_iter().flatten();
            denials.extend(messages.map(|message| (name.to_owned(), message)));
        }
        denials
    }

    /// Of each expression the message, if it does not hold. An error of evaluation is a denial whatever it is in.
    fn evaluate(&self, rules: &Value, params: Option<&Value>) -> Vec<Option<String>> {
        let decided = |rule: &Value| {
            rule["expression"]
                .as_str()
                .unwrap()
                .replace(INSTALLER, if self.installer { "true" } else { "false" })
                .replace(ATTESTS, &format!("object.spec.role == '{}'", self.role))
                .replace(ASKS, &format!("object.spec.role == '{}'", self.role))
                .replace(APPROVES, &format!("object.spec.approval.role == '{}'", self.role))
                .replace(IS_NO_NUMBER, "false")
        };
        let expression = |rule: &Value| VapExpression {
            expression: with_kube_cel_keys(decided(rule)),
            message: Some(rule["message"].as_str().unwrap_or_default().to_owned()),
            message_expression: None,
        };
        let expressions: Vec<VapExpression> =
            rules.as_array().into_iter().flatten().map(expression).collect();
        let mut builder = VapEvaluator::builder().request(AdmissionRequest {
            operation: self.operation.clone(),
            username: self.user.clone(),
            groups: self.groups.clone(),
            name: self.name.clone(),
            namespace: self.namespace.clone(),
            ..AdmissionRequest::default()
        });
        if self.operation != "DELETE" {
            builder = builder.object(self.object.clone());
        }
        // Of a namespace there is none around it.
        builder = builder.namespace_object(if self.resource == "namespaces" {
            Value::Null
        } else {
            json!({ "metadata": { "name": self.namespace, "labels": self.space } })
        });
        if !self.old.is_null() {
            builder = builder.old_object(self.old.clone());
        }
        if let Some(params) = params {
            builder = builder.params(params.clone());
        }
        let results = builder.build().evaluate(&expressions);
        results
            .into_iter()
            .map(|result| {
                let message = result.message.unwrap_or_default();
                let broken =
                    message.contains("error") || message.contains("boolean") || message.contains("compile");
                assert!(!broken, "{}: {message}", result.expression);
                (!result.passed).then_some(message)
            })
            .collect()
    }

    fn is_matched(&self, constraints: &Value) -> bool {
        let one_of = |list: &Value, wanted: &str| {
            list.as_array()
                .is_some_and(|list| list.contains(&json!(wanted)) || list.contains(&json!("*")))
        };
        let rule = |rule: &Value| {
            one_of(&rule["operations"], &self.operation)
                && one_of(&rule["resources"], &self.resource)
                && (self.group == "*" || one_of(&rule["apiGroups"], &self.group))
                && (rule.get("resourceNames").is_none() || one_of(&rule["resourceNames"], &self.name))
        };
        let namespace = &constraints["namespaceSelector"];
        if !namespace.is_null() {
            assert_eq!(
                namespace["matchLabels"],
                json!({ "app.kubernetes.io/part-of": "dmp" })
            );
            // A namespace is in itself.
            let ours = if self.resource == "namespaces" {
                selects(namespace, &self.object["metadata"]["labels"])
            } else {
                self.namespace.starts_with("dmp-") || self.namespace.starts_with("vendor-")
            };
            if !ours {
                return false;
            }
            let name = json!({ "kubernetes.io/metadata.name": self.namespace });
            if !selects(
                &json!({ "matchExpressions": namespace["matchExpressions"] }),
                &name,
            ) {
                return false;
            }
        }
        let selector = &constraints["objectSelector"];
        let labelled = [&self.object, &self.old]
            .iter()
            .filter(|object| !object.is_null())
            .any(|object| selects(selector, &object["metadata"]["labels"]));
        constraints["resourceRules"].as_array().unwrap().iter().any(rule) && labelled
    }
}

/// Labels that the policies name in their expressions.
const LABELS: [&str; 6] = [
    "app.kubernetes.io/part-of",
    "dmp.ma/data-class",
    "dmp.ma/owner",
    "dmp.ma/protected",
    "dmp.ma/purpose",
    "pod-security.kubernetes.io/enforce",
];

fn with_kube_cel_keys(expression: String) -> String {
    LABELS.iter().fold(expression, |expression, label| {
        expression.replace(&format!("'{label}'"), &kube_cel_key(label))
    })
}

/// `kube-cel` escapes the keys of every map as if they were fields; an API server does not.
fn kube_cel_key(label: &str) -> String {
    let escaped = label
        .replace('.', "__dot__")
        .replace('/', "__slash__")
        .replace('-', "__dash__");
    format!("'{escaped}'")
}

/// What the policies say to a request: the messages of those that deny.
fn denied(operation: &str, resource: &str, object: &Value) -> Vec<String> {
    let text = |field: &str| object["metadata"][field].as_str().unwrap_or_default();
    let place = format!("{}/{}", text("namespace"), text("name"));
    let mut ask = Ask::new(operation, &format!("*:{resource}"), &place).installer();
    ask = if operation == "DELETE" {
        ask.object(Value::Null).old(object.clone())
    } else {
        ask.object(object.clone())
    };
    ask.denials().into_iter().map(|(_, message)| message).collect()
}

/// A label selector, as far as these policies use it.
fn selects(selector: &Value, labels: &Value) -> bool {
    let exact = selector["matchLabels"]
        .as_object()
        .into_iter()
        .flatten()
        .all(|(key, value)| labels[key] == *value);
    let expressions = selector["matchExpressions"]
        .as_array()
        .into_iter()
        .flatten()
        .all(|expression| {
            assert_eq!(expression["operator"], "NotIn");
            let value = &labels[expression["key"].as_str().unwrap()];
            !expression["values"].as_array().unwrap().contains(value)
        });
    exact && expressions
}

#[test]
fn each_policy_is_bound_and_denies() {
    let documents = documents();
    assert!(policies().len() > 15);
    for policy in policies() {
        assert_eq!(policy["spec"]["failurePolicy"], "Fail");
        let name = &policy["metadata"]["name"];
        let binding = documents
            .iter()
            .find(|object| {
                object["kind"] == "ValidatingAdmissionPolicyBinding" && object["spec"]["policyName"] == *name
            })
            .unwrap_or_else(|| panic!("{name} is not bound"));
        assert_eq!(binding["spec"]["validationActions"], json!(["Deny"]));
        let parameters = policy["spec"].get("paramKind").is_some();
        assert_eq!(parameters, binding["spec"].get("paramRef").is_some());
        if parameters {
            // Without a profile another policy has said no already: this one only adds to it. Without a list of images nobody has signed one.
            let only_adds =
                ["dmp-policy-exception-profile", "dmp-pod-signed-images"].contains(&name.as_str().unwrap());
            let action = if only_adds { "Allow" } else { "Deny" };
            assert_eq!(binding["spec"]["paramRef"]["parameterNotFoundAction"], action);
        }
    }
}

/// A policy that breaks denies what it is for. In somebody's cluster that may be the platform's, never theirs.
#[test]
fn a_broken_policy_stops_nobody_elses_work() {
    // A binding always has a role: this cannot break, and what it leaves out is not judged.
    let ours = json!([{ "name": "of-the-product", "expression": "has(object.roleRef) && object.roleRef.name.startsWith('dmp-')" }]);
    // Kinds that nobody but us has, or that no workload waits for.
    let apart = [
        "dmp.ma",
        "apiextensions.k8s.io",
        "rbac.authorization.k8s.io",
        "postgresql.cnpg.io",
    ];
    for policy in policies() {
        let constraints = &policy["spec"]["matchConstraints"];
        let scoped =
            constraints.get("namespaceSelector").is_some() || constraints.get("objectSelector").is_some();
        let rules = constraints["resourceRules"].as_array().unwrap();
        let own = rules.iter().all(|rule| {
            let groups = rule["apiGroups"].as_array().unwrap();
            groups.iter().all(|group| group == "dmp.ma")
                || rule.get("resourceNames").is_some()
                    && apart.iter().any(|apart| groups.contains(&json!(apart)))
                || rule["resources"] == json!(["nodes/proxy"])
        });
        let conditional = policy["spec"]["matchConditions"] == ours;
        assert!(scoped || own || conditional, "{}", policy["metadata"]["name"]);
    }
}

#[test]
fn a_protected_group_is_not_deleted() {
    let group =
        |protected: bool| json!({ "metadata": { "name": "g" }, "spec": { "deletionProtection": protected } });
    assert_eq!(
        denied("DELETE", "healthgroups", &group(false)),
        Vec::<String>::new()
    );
    assert_eq!(denied("DELETE", "healthgroups", &group(true)).len(), 1);
    // Stored before the field had its default.
    assert_eq!(
        denied("DELETE", "healthgroups", &json!({ "metadata": {}, "spec": {} })).len(),
        1
    );
}

#[test]
fn a_namespace_of_health_data_is_not_deleted() {
    let namespace = |labels: Value| json!({ "metadata": { "name": "n", "labels": labels } });
    assert_eq!(
        denied(
            "DELETE",
            "namespaces",
            &namespace(json!({ "dmp.ma/protected": "true" }))
        )
        .len(),
        1
    );
    assert_eq!(
        denied("DELETE", "namespaces", &namespace(json!({ "a": "b" }))),
        Vec::<String>::new()
    );
    assert_eq!(
        denied("DELETE", "namespaces", &json!({ "metadata": { "name": "n" } })),
        Vec::<String>::new()
    );
}

#[test]
fn a_revocation_is_not_deleted_nor_what_lifts_it() {
    for resource in ["solutionrevocations", "revocationlifts"] {
        assert_eq!(
            denied("DELETE", resource, &json!({ "metadata": {} })).len(),
            1,
            "{resource}"
        );
        assert_eq!(
            denied("UPDATE", resource, &json!({ "metadata": {} })),
            Vec::<String>::new(),
            "{resource}"
        );
    }
}

#[test]
fn evidence_of_a_control_is_brought_in_ones_own_name_and_role_and_kept() {
    let resource = "dmp.ma:controlevidences";
    let bring = |by: &str, role: &str, held: &str| {
        let object = json!({ "metadata": { "name": "e" }, "spec": { "by": by, "role": role } });
        let ask = Ask::new("CREATE", resource, "e").object(object).holds(held);
        ask.denials()
            .into_iter()
            .map(|(_, message)| message)
            .collect::<Vec<_>>()
    };
    assert_eq!(
        bring("person", "dmp-security", "dmp-security"),
        Vec::<String>::new()
    );
    let own_name = "evidence of a control is brought in one's own name (spec.by)";
    assert_eq!(bring("amina", "dmp-security", "dmp-security"), [own_name]);
    let held = bring("person", "dmp-security", "dmp-host");
    assert!(
        held.len() == 1 && held[0].contains("a role that one holds"),
        "{held:?}"
    );
    let delete = Ask::new("DELETE", resource, "e").installer();
    assert_eq!(delete.denied(), ["dmp-control-evidence"]);
}

#[test]
fn an_exception_is_asked_for_and_approved_by_two_people_in_their_own_names() {
    let resource = "dmp.ma:policyexceptions";
    let exception = |approval: Value| {
        let mut object = json!({
            "metadata": { "name": "e", "creationTimestamp": "2026-12-01T10:00:00Z" },
            "spec": { "by": "person", "role": "dmp-security", "until": "2027-01-15" },
        });
        if !approval.is_null() {
            object["spec"]["approval"] = approval;
        }
        object
    };
    let said = |ask: Ask| {
        let denials = ask.denials().into_iter();
        denials.map(|(_, message)| message).collect::<Vec<_>>()
    };
    let asked =
        |object: Value, held: &str| said(Ask::new("CREATE", resource, "e").object(object).holds(held));
    let none = Vec::<String>::new();
    assert_eq!(asked(exception(Value::Null), "dmp-security"), none);
    assert!(asked(exception(Value::Null), "dmp-host")[0].contains("asked for as a role"));
    let mut other = exception(Value::Null);
    other["spec"]["by"] = json!("amina");
    assert!(asked(other, "dmp-security")[0].contains("asked for in one's own name"));
    let own = json!({ "role": "dmp-host", "by": "person" });
    assert!(asked(exception(own.clone()), "dmp-security")[0].contains("asked for first"));

    let approved = |old: Value, approval: Value, held: &str| {
        let ask = Ask::new("UPDATE", resource, "e").old(exception(old));
        said(ask.object(exception(approval)).holds(held))
    };
    assert_eq!(approved(Value::Null, own.clone(), "dmp-host"), none);
    let in_another_name = json!({ "role": "dmp-host", "by": "brahim" });
    assert!(approved(Value::Null, in_another_name, "dmp-host")[0].contains("approved in one's own name"));
    assert!(approved(Value::Null, own.clone(), "dmp-security")[0].contains("approved as a role"));
    // What is approved is touched by others too (labels): the kind's own rules keep the approval.
    assert_eq!(approved(own.clone(), own, ""), none);
}

#[test]
fn an_exception_is_as_short_as_the_catalogue_and_the_platform_say() {
    let denied = |until: &str, profile: Option<Value>| {
        let object = json!({
            "metadata": { "name": "e", "creationTimestamp": "2026-12-01T10:00:00Z" },
            "spec": { "by": "person", "role": "dmp-security", "until": until },
        });
        let ask = Ask::new("CREATE", "dmp.ma:policyexceptions", "e").object(object);
        ask.holds("dmp-security").profile(profile).denied()
    };
    let days = |value: i64, since: &str| json!({ "control": "DMP-GOV-03", "parameter": "longestDays", "value": value, "since": since });
    let profile = |parameters: &[Value]| Some(json!({ "spec": { "parameters": parameters } }));
    let nobody = Vec::<String>::new();
    let (catalogue, platform) = (["dmp-policy-exception"], ["dmp-policy-exception-profile"]);
    assert_eq!(denied("2027-03-01", None), nobody, "ninety days");
    assert_eq!(denied("2027-03-02", None), catalogue);

    let tight = profile(&[days(30, "2026-12-01")]);
    assert_eq!(denied("2026-12-31", tight.clone()), nobody, "thirty days");
    assert_eq!(denied("2027-01-01", tight), platform);
    let later = profile(&[days(30, "2026-12-02")]);
    assert_eq!(denied("2027-03-01", later), nobody, "from tomorrow on");
    let two = profile(&[days(20, "2026-11-29"), days(30, "2026-12-01")]);
    assert_eq!(denied("2026-12-31", two.clone()), nobody, "the last that began");
    assert_eq!(denied("2027-01-01", two), platform);
    // A profile opens nothing, whatever it says.
    let loose = profile(&[days(365, "2026-12-01")]);
    assert_eq!(denied("2027-03-02", loose), catalogue);
    let other =
        json!({ "control": "DMP-NET-03", "parameter": "unusedDays", "value": 1, "since": "2026-12-01" });
    assert_eq!(denied("2027-03-01", profile(&[other])), nobody);
}

#[test]
fn an_incident_is_of_a_moment_that_was_and_kept_and_its_clocks_are_the_operators() {
    let resource = "dmp.ma:incidents";
    let opened = |aware: &str| {
        let object = json!({
            "metadata": { "name": "i", "creationTimestamp": "2026-12-01T10:00:00Z" }, "spec": { "awareAt": aware },
        });
        Ask::new("CREATE", resource, "i").object(object).denied()
    };
    let nobody = Vec::<String>::new();
    for aware in [
        "2026-12-01T10:01:00Z",
        "2026-12-01T11:00:30+01:00",
        "2020-01-01T00:00:00Z",
    ] {
        assert_eq!(opened(aware), nobody, "{aware}");
    }
    for aware in ["2026-12-01T10:01:01Z", "2026-12-01T10:30:00+00:00"] {
        assert_eq!(opened(aware), ["dmp-incident"], "{aware}");
    }
    let delete = Ask::new("DELETE", resource, "i").installer();
    assert_eq!(delete.denied(), ["dmp-incident"]);
    let clocks = |user: &str| {
        Ask::new("UPDATE", "dmp.ma:incidents/status", "i")
            .installer()
            .by(user)
            .denied()
    };
    assert_eq!(clocks("person"), ["dmp-incident"]);
    assert_eq!(clocks("system:serviceaccount:dmp-system:dmp-operator"), nobody);
    assert_eq!(
        Ask::new("UPDATE", resource, "i").denied(),
        nobody,
        "receipts are added"
    );
}

#[test]
fn the_record_of_a_homologation_is_kept() {
    let kept = [
        "solutionhomologations",
        "homologationreviews",
        "evidenceitems",
        "homologationprogrammes",
        "imagereleases",
        "conformanceprofiles",
        "nonconformities",
        "nonconformityanswers",
        "siteinventories",
        "systemhomologations",
    ];
    for resource in kept {
        assert_eq!(
            denied("DELETE", resource, &json!({ "metadata": {} })).len(),
            1,
            "{resource}"
        );
        assert_eq!(
            denied(
                "CREATE",
                resource,
                &json!({ "metadata": { "namespace": "vendor-a" } })
            ),
            Vec::<String>::new(),
            "{resource}"
        );
    }
    // Runs of the sandbox are unlimited: what no longer matters may go, and takes nothing but a passed test with it.
    assert_eq!(
        denied("DELETE", "conformanceruns", &json!({ "metadata": {} })),
        Vec::<String>::new()
    );
}

#[test]
fn the_catalogue_is_the_operators_alone_and_kept() {
    const OPERATOR: &str = "system:serviceaccount:dmp-system:dmp-operator";
    for resource in [
        "catalogues",
        "catalogues/status",
        "catalogueentries",
        "catalogueentries/status",
    ] {
        for operation in ["CREATE", "UPDATE"] {
            let ask = Ask::new(operation, &format!("dmp.ma:{resource}"), "national");
            // Not even who installs.
            assert_eq!(ask.clone().installer().denied(), ["dmp-catalogue"], "{resource}");
            assert_eq!(ask.by(OPERATOR).denied(), [""; 0], "{resource}");
        }
    }
    for resource in ["catalogues", "catalogueentries"] {
        let delete = Ask::new("DELETE", &format!("dmp.ma:{resource}"), "national")
            .object(Value::Null)
            .old(json!({ "metadata": { "name": "national" } }));
        for ask in [delete.clone().installer(), delete.by(OPERATOR)] {
            assert_eq!(ask.denied(), ["dmp-catalogue"], "{resource}");
        }
    }
}

#[test]
fn a_database_of_ours_goes_only_when_asked_twice() {
    let cluster = |managed: &str, allowed: &str| {
        let labels = json!({ "app.kubernetes.io/managed-by": managed, "dmp.ma/allow-deletion": allowed });
        json!({ "metadata": { "labels": labels } })
    };
    assert_eq!(
        denied("DELETE", "clusters", &cluster("dmp-operator", "")).len(),
        1
    );
    assert_eq!(
        denied("DELETE", "clusters", &cluster("dmp-operator", "true")),
        Vec::<String>::new()
    );
    assert_eq!(
        denied("DELETE", "clusters", &cluster("somebody", "")),
        Vec::<String>::new()
    );
}

#[test]
fn our_crds_go_only_when_asked_twice() {
    let crd = |group: &str| json!({ "metadata": { "name": "x" }, "spec": { "group": group } });
    assert_eq!(
        denied("DELETE", "customresourcedefinitions", &crd("dmp.ma")).len(),
        1
    );
    assert_eq!(
        denied("DELETE", "customresourcedefinitions", &crd("postgresql.cnpg.io")).len(),
        1
    );
    assert_eq!(
        denied("DELETE", "customresourcedefinitions", &crd("example.com")),
        Vec::<String>::new()
    );
}

#[test]
fn vendors_stay_at_home() {
    let solution = |namespace: &str, vendor: &str| json!({ "metadata": { "namespace": namespace, "name": "s" }, "spec": { "vendor": vendor } });
    assert_eq!(
        denied("CREATE", "solutions", &solution("vendor-atlas", "atlas")),
        Vec::<String>::new()
    );
    assert_eq!(
        denied("CREATE", "solutions", &solution("vendor-atlas", "other")).len(),
        1
    );
    assert_eq!(
        denied("CREATE", "solutions", &solution("default", "atlas")).len(),
        2
    );
    assert_eq!(
        denied("CREATE", "solutioncredentials", &solution("default", "atlas")).len(),
        1
    );
}
