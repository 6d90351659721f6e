//! What people can do on a real API server, bound as docs/security says.

use http::Method;
use serde_json::{Value, json};

use crate::admission_server::{Actor, OPERATOR, Server, pod};

/// Binds users to the product's roles: `host`, `security`, `agency` everywhere, `admin-tanger` in its group.
async fn people(server: &Server) {
    let administrator = server.administrator().await;
    let subject =
        |user: &str| json!([{ "apiGroup": "rbac.authorization.k8s.io", "kind": "User", "name": user }]);
    let role =
        |name: &str| json!({ "apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole", "name": name });
    for user in ["host", "security", "agency"] {
        let binding = json!({
            "apiVersion": "rbac.authorization.k8s.io/v1", "kind": "ClusterRoleBinding", "metadata": { "name": user },
            "roleRef": role(&format!("dmp-{user}")), "subjects": subject(user),
        });
        let path = "/apis/rbac.authorization.k8s.io/v1/clusterrolebindings";
        assert_eq!(administrator.post(path, &binding).await.code, 200);
    }
    let binding = json!({
        "apiVersion": "rbac.authorization.k8s.io/v1", "kind": "RoleBinding", "metadata": { "name": "admin" },
        "roleRef": role("dmp-group-admin"), "subjects": subject("admin-tanger"),
    });
    let path = "/apis/rbac.authorization.k8s.io/v1/namespaces/dmp-tanger/rolebindings";
    assert_eq!(administrator.post(path, &binding).await.code, 200);
}

async fn actor(server: &Server, user: &str) -> Actor {
    server.act_as(user, &["system:authenticated"]).await
}

/// Waits until a right is in force: the authorizer reads bindings from a cache.
async fn until_allowed(actor: &Actor, path: &str) {
    for _ in 0..100 {
        if actor.get(path).await.code == 200 {
            return;
        }
        tokio::time::sleep(std::time::Duration::from_millis(100)).await;
    }
    panic!("{path} is not allowed");
}

fn named(api_version: &str, kind: &str, name: &str, spec: Value) -> Value {
    json!({ "apiVersion": api_version, "kind": kind, "metadata": { "name": name }, "spec": spec })
}

/// What leads to somebody's data or keys, or across groups, in a namespace: method, path below it, body.
fn attempts() -> Vec<(Method, &'static str, Value)> {
    let token = json!({
        "apiVersion": "authentication.k8s.io/v1", "kind": "TokenRequest", "spec": { "audiences": ["openbao"] },
    });
    let claim = named(
        "v1",
        "PersistentVolumeClaim",
        "mine",
        json!({
            "accessModes": ["ReadWriteOnce"], "volumeName": "pv-of-another-group",
            "resources": { "requests": { "storage": "1Gi" } },
        }),
    );
    let alias = named(
        "v1",
        "Service",
        "registry",
        json!({
            "type": "ExternalName", "externalName": "records.dmp-casablanca.svc",
        }),
    );
    let policy = named(
        "networking.k8s.io/v1",
        "NetworkPolicy",
        "open",
        json!({ "podSelector": {}, "ingress": [{}] }),
    );
    let binding = json!({
        "apiVersion": "rbac.authorization.k8s.io/v1", "kind": "RoleBinding", "metadata": { "name": "more" },
        "roleRef": { "apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole", "name": "admin" },
        "subjects": [{ "apiGroup": "rbac.authorization.k8s.io", "kind": "User", "name": "admin-tanger" }],
    });
    let account = json!({ "apiVersion": "v1", "kind": "ServiceAccount", "metadata": { "name": "mine" } });
    let map = json!({ "apiVersion": "v1", "kind": "ConfigMap", "metadata": { "name": "dmp-trust" } });
    let copy = named(
        "postgresql.cnpg.io/v1",
        "Cluster",
        "copy",
        json!({ "instances": 1 }),
    );
    let quota = json!({ "spec": { "hard": { "pods": "1000" } } });
    let exec = "api:pods/records-x/exec?command=sh&container=records&stdout=true";
    vec![
        (Method::GET, "api:secrets", Value::Null),
        (Method::GET, "api:secrets/records-app", Value::Null),
        (Method::GET, "api:configmaps", Value::Null),
        (Method::POST, exec, Value::Null),
        (
            Method::POST,
            "api:pods/records-x/attach?container=records",
            Value::Null,
        ),
        (
            Method::POST,
            "api:pods/records-x/portforward?ports=8443",
            Value::Null,
        ),
        (Method::GET, "api:pods/https:records-x:8443/proxy/", Value::Null),
        (Method::GET, "api:services/https:records:8443/proxy/", Value::Null),
        (
            Method::PATCH,
            "api:pods/records-x/ephemeralcontainers",
            json!({ "spec": {} }),
        ),
        (Method::POST, "api:serviceaccounts/records/token", token),
        (Method::POST, "api:serviceaccounts", account),
        (Method::POST, "api:pods", pod("records", "r/dmp:1")),
        (Method::POST, "api:pods", pod("default", "r/tools:1")),
        (Method::POST, "api:persistentvolumeclaims", claim),
        (Method::POST, "api:services", alias),
        (Method::POST, "api:configmaps", map),
        (Method::PATCH, "api:resourcequotas/group", quota),
        (Method::DELETE, "api:resourcequotas/group", Value::Null),
        (Method::POST, "networking.k8s.io/v1:networkpolicies", policy),
        (
            Method::DELETE,
            "networking.k8s.io/v1:networkpolicies/default-deny",
            Value::Null,
        ),
        (Method::POST, "rbac.authorization.k8s.io/v1:rolebindings", binding),
        (
            Method::PATCH,
            "apps/v1:deployments/records",
            json!({ "spec": { "replicas": 0 } }),
        ),
        (
            Method::PATCH,
            "apps/v1:deployments/records/scale",
            json!({ "spec": { "replicas": 0 } }),
        ),
        (Method::POST, "postgresql.cnpg.io/v1:clusters", copy),
        (
            Method::PATCH,
            "postgresql.cnpg.io/v1:clusters/records",
            json!({ "spec": { "enableSuperuserAccess": true } }),
        ),
    ]
}

fn path(namespace: &str, below: &str) -> String {
    let (api, rest) = below.split_once(':').unwrap();
    if api == "api" {
        format!("/api/v1/namespaces/{namespace}/{rest}")
    } else {
        format!("/apis/{api}/namespaces/{namespace}/{rest}")
    }
}

/// Cluster-wide: what would open all groups at once.
fn everywhere() -> Vec<(Method, &'static str, Value)> {
    let annotate = || json!({ "metadata": { "annotations": { "a": "b" } } });
    let policies = "/apis/admissionregistration.k8s.io/v1/validatingadmissionpolicies/dmp-pod-entry";
    let bindings = "/apis/admissionregistration.k8s.io/v1/validatingadmissionpolicybindings/dmp-pod-entry";
    vec![
        (Method::GET, "/api/v1/secrets", Value::Null),
        (Method::PATCH, policies, annotate()),
        (Method::DELETE, bindings, Value::Null),
        (
            Method::PATCH,
            "/apis/rbac.authorization.k8s.io/v1/clusterroles/dmp-host",
            annotate(),
        ),
        (
            Method::PATCH,
            "/apis/apiextensions.k8s.io/v1/customresourcedefinitions/healthgroups.dmp.ma",
            annotate(),
        ),
        (Method::PATCH, "/api/v1/namespaces/dmp-tanger", annotate()),
        (
            Method::POST,
            "/api/v1/nodes/node-1/proxy/exec/dmp-tanger/records-x/records?command=id",
            Value::Null,
        ),
        (
            Method::PATCH,
            "/apis/dmp.ma/v1alpha1/platforms/national",
            json!({ "spec": { "images": { "dmp": "r/mine:1" } } }),
        ),
    ]
}

#[tokio::test]
async fn a_group_admin_is_at_home_only() {
    let Some(server) = Server::start().await else {
        return;
    };
    people(&server).await;
    let admin = actor(&server, "admin-tanger").await;
    until_allowed(&admin, &path("dmp-tanger", "api:pods")).await;
    for readable in [
        "api:resourcequotas",
        "api:services",
        "apps/v1:deployments",
        "networking.k8s.io/v1:networkpolicies",
        "postgresql.cnpg.io/v1:clusters",
    ] {
        assert_eq!(
            admin.get(&path("dmp-tanger", readable)).await.code,
            200,
            "{readable}"
        );
        for elsewhere in ["dmp-casablanca", "dmp-national", "dmp-system", "default"] {
            assert_eq!(
                admin.get(&path(elsewhere, readable)).await.code,
                403,
                "{elsewhere} {readable}"
            );
        }
    }
    for (method, below, body) in attempts() {
        for namespace in ["dmp-tanger", "dmp-casablanca", "dmp-national", "dmp-system"] {
            let path = path(namespace, below);
            let answer = admin.call(method.clone(), &path, &body).await;
            assert_eq!(answer.code, 403, "{method} {path}: {answer:?}");
        }
    }
    let across = [
        (Method::GET, "/api/v1/persistentvolumes", Value::Null),
        (Method::GET, "/api/v1/namespaces", Value::Null),
        (Method::GET, "/api/v1/nodes", Value::Null),
        (Method::GET, "/api/v1/pods", Value::Null),
        (
            Method::PATCH,
            "/apis/dmp.ma/v1alpha1/healthgroups/casablanca",
            json!({ "spec": { "deletionProtection": false } }),
        ),
        (
            Method::POST,
            "/apis/dmp.ma/v1alpha1/namespaces/vendor-atlas/solutioncredentials",
            json!({}),
        ),
    ];
    for (method, path, body) in everywhere().into_iter().chain(across) {
        let answer = admin.call(method.clone(), path, &body).await;
        assert_eq!(answer.code, 403, "{method} {path}: {answer:?}");
    }
}

#[tokio::test]
async fn no_role_of_the_product_leads_to_data() {
    let Some(server) = Server::start().await else {
        return;
    };
    people(&server).await;
    for user in ["host", "security", "agency"] {
        let actor = actor(&server, user).await;
        until_allowed(&actor, "/apis/dmp.ma/v1alpha1/healthgroups").await;
        for (method, below, body) in attempts() {
            for namespace in ["dmp-tanger", "dmp-national", "dmp-system"] {
                let path = path(namespace, below);
                let answer = actor.call(method.clone(), &path, &body).await;
                assert_eq!(answer.code, 403, "{user}: {method} {path}: {answer:?}");
            }
        }
        for (method, path, body) in everywhere() {
            let answer = actor.call(method.clone(), path, &body).await;
            assert_eq!(answer.code, 403, "{user}: {method} {path}: {answer:?}");
        }
    }
    // What they are for.
    let host = actor(&server, "host").await;
    let sizing = json!({ "spec": { "sizing": "medium" } });
    let national = "/apis/dmp.ma/v1alpha1/platforms/national?dryRun=All";
    assert_eq!(host.patch(national, &sizing).await.code, 200);
    assert_eq!(host.get("/api/v1/nodes").await.code, 200);
    let security = actor(&server, "security").await;
    let policies = "/apis/admissionregistration.k8s.io/v1/validatingadmissionpolicies";
    assert_eq!(security.get(policies).await.code, 200);
    assert_eq!(security.patch(national, &sizing).await.code, 403);
    let agency = actor(&server, "agency").await;
    assert_eq!(
        agency.get("/apis/dmp.ma/v1alpha1/solutioncredentials").await.code,
        200
    );
    assert_eq!(agency.get("/api/v1/nodes").await.code, 403);
}

#[tokio::test]
async fn evidence_of_controls_is_brought_in_ones_own_name_and_role() {
    let Some(server) = Server::start().await else {
        return;
    };
    people(&server).await;
    let all = "/apis/dmp.ma/v1alpha1/controlevidences";
    let evidence = |name: &str, by: &str, role: &str| {
        named(
            "dmp.ma/v1alpha1",
            "ControlEvidence",
            name,
            json!({
                "control": "DMP-IAM-06", "role": role, "by": by, "collectedAt": "2026-11-30T10:00:00Z",
                "inputs": "{}", "sha256": "a".repeat(64),
            }),
        )
    };
    for (user, role) in [("security", "dmp-security"), ("host", "dmp-host")] {
        let actor = actor(&server, user).await;
        until_allowed(&actor, all).await;
        let name = format!("by-{user}");
        let answer = actor.post(all, &evidence(&name, user, role)).await;
        assert_eq!(answer.code, 200, "{user}: {}", answer.message);
        for (by, role) in [(user, "dmp-agency"), ("somebody", role)] {
            let answer = actor.post(all, &evidence("other", by, role)).await;
            answer.denied_by("dmp-control-evidence");
        }
        let other = if user == "host" {
            "dmp-security"
        } else {
            "dmp-host"
        };
        let answer = actor.post(all, &evidence("other", user, other)).await;
        answer.denied_by("dmp-control-evidence");
        let path = format!("{all}/{name}");
        for (method, body) in [
            (Method::DELETE, Value::Null),
            (Method::PATCH, json!({ "spec": { "inputs": "[]" } })),
        ] {
            assert_eq!(actor.call(method, &path, &body).await.code, 403, "{user}");
        }
    }
    let agency = actor(&server, "agency").await;
    until_allowed(&agency, "/apis/dmp.ma/v1alpha1/healthgroups").await;
    assert_eq!(
        agency
            .post(all, &evidence("x", "agency", "dmp-agency"))
            .await
            .code,
        403
    );
    // Who may everything keeps it nonetheless, and changes none of it.
    let administrator = server.administrator().await;
    let path = format!("{all}/by-host");
    let answer = administrator.call(Method::DELETE, &path, &Value::Null).await;
    answer.denied_by("dmp-control-evidence");
    let answer = administrator
        .patch(&path, &json!({ "spec": { "by": "somebody" } }))
        .await;
    assert_eq!(answer.code, 422, "{}", answer.message);
}

#[tokio::test]
async fn an_exception_is_asked_for_by_one_role_and_approved_by_the_other() {
    let Some(server) = Server::start().await else {
        return;
    };
    people(&server).await;
    let all = "/apis/dmp.ma/v1alpha1/policyexceptions";
    let exception = |name: &str, by: &str, role: &str| {
        named(
            "dmp.ma/v1alpha1",
            "PolicyException",
            name,
            json!({
                "control": "DMP-NET-01", "check": "policies", "namespaces": ["dmp-national"], "role": role, "by": by,
                "reason": "the old probe goes in January", "until": "2027-01-15",
            }),
        )
    };
    let approval = |by: &str, role: &str| json!({ "spec": { "approval": { "by": by, "role": role } } });
    for (user, role, other_user, other) in [
        ("security", "dmp-security", "host", "dmp-host"),
        ("host", "dmp-host", "security", "dmp-security"),
    ] {
        let (asks, approves) = (actor(&server, user).await, actor(&server, other_user).await);
        until_allowed(&asks, all).await;
        until_allowed(&approves, all).await;
        let name = format!("by-{user}");
        let path = format!("{all}/{name}");
        let answer = asks.post(all, &exception("other", "somebody", role)).await;
        answer.denied_by("dmp-policy-exception");
        let answer = asks.post(all, &exception("other", user, other)).await;
        answer.denied_by("dmp-policy-exception");
        let answer = asks.post(all, &exception(&name, user, role)).await;
        assert_eq!(answer.code, 200, "{user}: {}", answer.message);
        // Not by who asked, in no role; nor by the other one in another's name.
        assert_eq!(asks.patch(&path, &approval(user, role)).await.code, 422);
        let answer = asks.patch(&path, &approval(user, other)).await;
        assert!(matches!(answer.code, 403 | 422), "{}", answer.message);
        let answer = approves.patch(&path, &approval("somebody", other)).await;
        answer.denied_by("dmp-policy-exception");
        let answer = approves.patch(&path, &approval(other_user, other)).await;
        assert_eq!(answer.code, 200, "{other_user}: {}", answer.message);
        let longer = json!({ "spec": { "until": "2027-02-15" } });
        assert_eq!(asks.patch(&path, &longer).await.code, 422);
        // It ends before its day when somebody ends it.
        let answer = approves.call(Method::DELETE, &path, &Value::Null).await;
        assert_eq!(answer.code, 200, "{}", answer.message);
    }
    let agency = actor(&server, "agency").await;
    until_allowed(&agency, "/apis/dmp.ma/v1alpha1/healthgroups").await;
    let answer = agency.post(all, &exception("x", "agency", "dmp-security")).await;
    assert_eq!(answer.code, 403);
}

#[tokio::test]
async fn the_security_entity_alone_tightens_and_an_exception_is_as_short_as_it_says() {
    let Some(server) = Server::start().await else {
        return;
    };
    people(&server).await;
    let (all, exceptions) = (
        "/apis/dmp.ma/v1alpha1/policyprofiles",
        "/apis/dmp.ma/v1alpha1/policyexceptions",
    );
    let today = jiff::Timestamp::now().to_zoned(jiff::tz::TimeZone::UTC).date();
    let exception = |days: i64| {
        let until = today.checked_add(jiff::Span::new().days(days)).unwrap();
        named(
            "dmp.ma/v1alpha1",
            "PolicyException",
            &format!("for-{days}"),
            json!({
                "control": "DMP-NET-01", "check": "policies", "role": "dmp-security", "by": "security",
                "reason": "the old probe goes in January", "until": until.to_string(),
            }),
        )
    };
    let profile = |value: Value| {
        let chosen = json!({
            "control": "DMP-GOV-03", "parameter": "longestDays", "value": value, "since": "2026-11-29",
            "reason": "the board asked for it",
        });
        named(
            "dmp.ma/v1alpha1",
            "PolicyProfile",
            "national",
            json!({ "parameters": [chosen] }),
        )
    };
    let security = actor(&server, "security").await;
    until_allowed(&security, all).await;
    let answer = security.post(exceptions, &exception(91)).await;
    answer.denied_by("dmp-policy-exception");
    assert_eq!(security.post(exceptions, &exception(90)).await.code, 200);

    for user in ["host", "agency"] {
        let other = actor(&server, user).await;
        until_allowed(&other, all).await;
        assert_eq!(other.post(all, &profile(json!(30))).await.code, 403, "{user}");
    }
    let operator = server
        .act_as(OPERATOR, &["system:serviceaccounts", "system:authenticated"])
        .await;
    assert_eq!(operator.post(all, &profile(json!(30))).await.code, 403);
    let answer = security.post(all, &profile(json!(30))).await;
    assert_eq!(answer.code, 200, "{}", answer.message);
    let path = format!("{all}/national");
    assert_eq!(
        operator
            .patch(&path, &json!({ "spec": { "parameters": [] } }))
            .await
            .code,
        403
    );
    // The API server hears of parameters a moment later.
    let mut answer = security.post(exceptions, &exception(40)).await;
    for _ in 0..100 {
        if answer.code != 200 {
            break;
        }
        let made = format!("{exceptions}/for-40");
        assert_eq!(security.call(Method::DELETE, &made, &Value::Null).await.code, 200);
        tokio::time::sleep(std::time::Duration::from_millis(100)).await;
        answer = security.post(exceptions, &exception(40)).await;
    }
    answer.denied_by("dmp-policy-exception-profile");
    assert_eq!(security.post(exceptions, &exception(30)).await.code, 200);
    // What is no number is no number of days.
    for value in [json!("365"), json!(["365"])] {
        let patch = json!({ "spec": profile(value)["spec"] });
        assert_eq!(security.patch(&path, &patch).await.code, 200);
        let answer = security.post(exceptions, &exception(91)).await;
        answer.denied_by("dmp-policy-exception");
    }
    let answer = security.call(Method::DELETE, &path, &Value::Null).await;
    assert_eq!(answer.code, 200, "{}", answer.message);
}

#[tokio::test]
async fn an_incident_is_opened_by_two_roles_and_kept() {
    let Some(server) = Server::start().await else {
        return;
    };
    people(&server).await;
    let all = "/apis/dmp.ma/v1alpha1/incidents";
    let incident = |name: &str, aware: jiff::Timestamp| {
        named(
            "dmp.ma/v1alpha1",
            "Incident",
            name,
            json!({
                "awareAt": aware.to_string(), "severity": "major", "summary": "an account was used by somebody else",
                "affects": { "groups": ["tanger"] }, "personalData": true,
            }),
        )
    };
    let now = jiff::Timestamp::now();
    for user in ["security", "host"] {
        let actor = actor(&server, user).await;
        until_allowed(&actor, all).await;
        let name = format!("by-{user}");
        let answer = actor.post(all, &incident(&name, now)).await;
        assert_eq!(answer.code, 200, "{user}: {}", answer.message);
        let ahead = now + jiff::SignedDuration::from_mins(10);
        let answer = actor.post(all, &incident("ahead", ahead)).await;
        answer.denied_by("dmp-incident");
        // Receipts are added; nothing is taken back, and nobody says where the clocks stand.
        let path = format!("{all}/{name}");
        let receipt = json!({ "to": "dgssi", "sentAt": now.to_string(), "reference": "maCERT-1" });
        let told = json!({ "spec": { "receipts": [receipt] } });
        assert_eq!(actor.patch(&path, &told).await.code, 200, "{user}");
        for taken in [
            json!({ "spec": { "receipts": [] } }),
            json!({ "spec": { "personalData": false } }),
            json!({ "spec": { "awareAt": ahead.to_string() } }),
            json!({ "spec": { "closing": { "at": now.to_string(), "word": "over" } } }),
        ] {
            let answer = actor.patch(&path, &taken).await;
            assert_eq!(answer.code, 422, "{user}: {taken}: {}", answer.message);
        }
        let status = json!({ "status": { "overdue": 0 } });
        assert_eq!(
            actor.patch(&format!("{path}/status"), &status).await.code,
            403,
            "{user}"
        );
        assert_eq!(
            actor.call(Method::DELETE, &path, &Value::Null).await.code,
            403,
            "{user}"
        );
    }
    // The agency reads them.
    let agency = actor(&server, "agency").await;
    until_allowed(&agency, all).await;
    assert_eq!(agency.post(all, &incident("x", now)).await.code, 403);
    let path = format!("{all}/by-host");
    let told = json!({ "spec": { "severity": "critical" } });
    assert_eq!(agency.patch(&path, &told).await.code, 403);
    // Who may everything keeps it nonetheless.
    let administrator = server.administrator().await;
    let answer = administrator.call(Method::DELETE, &path, &Value::Null).await;
    answer.denied_by("dmp-incident");
    let status = json!({ "status": { "overdue": 0 } });
    let answer = administrator.patch(&format!("{path}/status"), &status).await;
    answer.denied_by("dmp-incident");
}

#[tokio::test]
async fn the_operator_cannot_arrange_access_for_itself() {
    let Some(server) = Server::start().await else {
        return;
    };
    let operator = server
        .act_as(OPERATOR, &["system:serviceaccounts", "system:authenticated"])
        .await;
    // It writes these by right, in the shape it needs them.
    let own = [
        "api:configmaps",
        "api:serviceaccounts",
        "api:services",
        "api:resourcequotas/group",
        "api:resourcequotas",
        "networking.k8s.io/v1:networkpolicies",
        "apps/v1:deployments/records",
        "apps/v1:deployments/records/scale",
        "postgresql.cnpg.io/v1:clusters",
        "postgresql.cnpg.io/v1:clusters/records",
    ];
    for (method, below, body) in attempts() {
        if own.contains(&below) {
            continue;
        }
        for namespace in ["dmp-tanger", "dmp-national", "dmp-system"] {
            let path = path(namespace, below);
            let answer = operator.call(method.clone(), &path, &body).await;
            // A pod of its own: the network's probe is one, so RBAC lets it; it gets no Secret, no volume, no identity.
            let harmless = below == "api:pods" && body["spec"]["serviceAccountName"] == "default";
            assert!(answer.code == 403 || harmless, "{method} {path}: {answer:?}");
        }
    }
    let annotate = json!({ "metadata": { "annotations": { "a": "b" } } });
    for (method, path, body) in everywhere() {
        // A namespace is patched with its labels by right.
        if path == "/api/v1/namespaces/dmp-tanger" {
            continue;
        }
        let answer = operator.call(method.clone(), path, &body).await;
        assert_eq!(answer.code, 403, "{method} {path}: {answer:?}");
    }
    let healthy = operator
        .patch("/apis/dmp.ma/v1alpha1/platforms/national", &annotate)
        .await;
    assert_eq!(healthy.code, 403);
}
