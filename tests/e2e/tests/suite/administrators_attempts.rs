//! What somebody may try to get at a record, as requests to the API server. What would change something is a dry run.

use http::Method;
use serde_json::{Value, json};

/// One request, and the finding that it must leave.
pub struct Call {
    pub method: Method,
    pub path: String,
    pub body: Value,
    /// Reason of the Event.
    pub reason: &'static str,
    /// `<verb> <resource>`, as the Event has them.
    pub trace: &'static str,
}

/// Something to try; it succeeds when one of its requests does.
pub struct Attempt {
    pub title: &'static str,
    pub calls: Vec<Call>,
    /// What stands in the way, and what is left of it where it succeeds.
    pub limits: &'static str,
}

/// Where the attempts aim.
pub struct Target {
    /// A group's namespace.
    pub namespace: String,
    /// A pod of its record store, and the node it is on.
    pub pod: String,
    pub node: String,
    /// The image it runs.
    pub image: String,
}

fn call(method: Method, path: String, body: Value, reason: &'static str, trace: &'static str) -> Call {
    Call {
        method,
        path,
        body,
        reason,
        trace,
    }
}

/// A pod that nobody runs, only asks for.
fn pod(account: &str, image: &str, volumes: Value) -> Value {
    json!({
        "apiVersion": "v1", "kind": "Pod", "metadata": { "name": "administrators-try" },
        "spec": {
            "serviceAccountName": account, "automountServiceAccountToken": false, "volumes": volumes,
            "securityContext": {
                "runAsNonRoot": true, "runAsUser": 65532, "seccompProfile": { "type": "RuntimeDefault" },
            },
            "containers": [{
                "name": "try", "image": image, "command": ["sleep", "60"],
                "resources": { "requests": { "cpu": "1m", "memory": "1Mi" }, "limits": { "memory": "8Mi" } },
                "securityContext": { "allowPrivilegeEscalation": false, "capabilities": { "drop": ["ALL"] } },
            }],
        },
    })
}

/// All of them but those at OpenBao.
pub fn attempts(target: &Target) -> Vec<Attempt> {
    let own = format!("/api/v1/namespaces/{}", target.namespace);
    let apis = |group: &str| format!("/apis/{group}/namespaces/{}", target.namespace);
    let pods = format!("{own}/pods/{}", target.pod);
    let dry = "dryRun=All&fieldManager=administrators";
    let annotate = || json!({ "metadata": { "annotations": { "administrators": "try" } } });
    let token = json!({
        "apiVersion": "authentication.k8s.io/v1", "kind": "TokenRequest", "spec": { "audiences": ["openbao"] },
    });
    let joining = json!({ "spec": { "ephemeralContainers": [{
        "name": "try", "image": target.image,
        "securityContext": { "allowPrivilegeEscalation": false, "capabilities": { "drop": ["ALL"] } },
    }] } });
    let exec = |pod: &str, container: &str, command: &str| {
        format!("{own}/pods/{pod}/exec?command={command}&container={container}&stdout=true")
    };
    let secret = |name: &str| json!([{ "name": "s", "secret": { "secretName": name } }]);
    let claim = json!([{ "name": "d", "persistentVolumeClaim": { "claimName": "data-openbao-0" } }]);
    let other_image = json!({ "spec": { "template": { "spec": { "containers": [{ "name": "records", "image": "try:1" }] } } } });
    let pod_image = json!({ "spec": { "containers": [{ "name": "records", "image": "try:1" }] } });
    let cluster = json!({
        "apiVersion": "postgresql.cnpg.io/v1", "kind": "Cluster", "metadata": { "name": "administrators-try" },
        "spec": {
            "instances": 1, "storage": { "size": "1Gi" },
            "bootstrap": { "pg_basebackup": { "source": "records" } },
            "externalClusters": [{ "name": "records", "connectionParameters": { "host": "records-rw", "user": "postgres" } }],
        },
    });
    let backup = json!({
        "apiVersion": "postgresql.cnpg.io/v1", "kind": "Backup", "metadata": { "name": "administrators-try" },
        "spec": { "cluster": { "name": "records" }, "method": "volumeSnapshot" },
    });
    let binding = json!({
        "apiVersion": "rbac.authorization.k8s.io/v1", "kind": "RoleBinding", "metadata": { "name": "administrators-try" },
        "roleRef": { "apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole", "name": "admin" },
        "subjects": [{ "apiGroup": "rbac.authorization.k8s.io", "kind": "User", "name": "administrators" }],
    });
    let admission = "/apis/admissionregistration.k8s.io/v1";
    vec![
        Attempt {
            title: "ask for a token of `records`",
            calls: vec![call(
                Method::POST,
                format!("{own}/serviceaccounts/records/token"),
                token,
                "TokenRequested",
                "create serviceaccounts/token",
            )],
            limits: "tokens of the platform's identities are for kubelets (policy dmp-identity-tokens)",
        },
        Attempt {
            title: "enter a pod of `records` (exec, attach, a container that joins)",
            calls: vec![
                call(
                    Method::POST,
                    exec(&target.pod, "records", "id"),
                    Value::Null,
                    "PodEntered",
                    "create pods/exec",
                ),
                call(
                    Method::POST,
                    format!("{pods}/attach?container=records&stdout=true"),
                    Value::Null,
                    "PodEntered",
                    "create pods/attach",
                ),
                call(
                    Method::PATCH,
                    format!("{pods}/ephemeralcontainers?{dry}"),
                    joining,
                    "PodEntered",
                    "patch pods/ephemeralcontainers",
                ),
            ],
            limits: "policies dmp-pod-entry, dmp-ephemeral-containers; nobody is exempt",
        },
        Attempt {
            title: "enter the pod of its database",
            calls: vec![call(
                Method::POST,
                exec("records-1", "postgres", "psql"),
                Value::Null,
                "PodEntered",
                "create pods/exec",
            )],
            limits: "policy dmp-pod-entry; the database holds ciphertext (a platform of the demonstration lets one command pass: \
                     its dump, docs/decisions/0006)",
        },
        Attempt {
            title: "a tunnel to the record store (port-forward, proxy)",
            calls: vec![
                call(
                    Method::POST,
                    format!("{pods}/portforward?ports=8443"),
                    Value::Null,
                    "PodEntered",
                    "create pods/portforward",
                ),
                call(
                    Method::GET,
                    format!("{own}/pods/https:{}:8443/proxy/", target.pod),
                    Value::Null,
                    "PodEntered",
                    "get pods/proxy",
                ),
            ],
            limits: "policies dmp-pod-tunnel, dmp-pod-proxy; behind them the service asks for a certificate of the gateway's",
        },
        Attempt {
            title: "a kubelet's own exec, through the API server",
            calls: vec![call(
                Method::POST,
                format!(
                    "/api/v1/nodes/{}/proxy/exec/{}/{}/records?command=id&output=1",
                    target.node, target.namespace, target.pod
                ),
                Value::Null,
                "PodEntered",
                "create nodes/proxy",
            )],
            limits: "policy dmp-kubelet-entry; who reaches a kubelet's port with the right `nodes/proxy` passes by the API server \
                     and leaves no finding (see below)",
        },
        Attempt {
            title: "run a pod as `records`",
            calls: vec![call(
                Method::POST,
                format!("{own}/pods?{dry}"),
                pod("records", &target.image, json!([])),
                "PodCreated",
                "create pods",
            )],
            limits: "pods with an identity are made by the Deployment's controller, of the Platform's image and command \
                     (policies dmp-pod-makers, dmp-pod-images)",
        },
        Attempt {
            title: "run `records` with another image (Deployment, pod)",
            calls: vec![
                call(
                    Method::PATCH,
                    format!("{}/deployments/records?{dry}", apis("apps/v1")),
                    other_image,
                    "PlaneChanged",
                    "patch apps/deployments",
                ),
                call(
                    Method::PATCH,
                    format!("{pods}?{dry}"),
                    pod_image,
                    "PodCreated",
                    "patch pods",
                ),
            ],
            limits: "policies dmp-workloads, dmp-pod-images, dmp-pod-changes. The operator may write the Deployment; its pods with \
                     another image are not made",
        },
        Attempt {
            title: "run a pod with the database's password, OpenBao's seal key or its volume",
            calls: vec![
                call(
                    Method::POST,
                    format!("{own}/pods?{dry}"),
                    pod("default", "try:1", secret("records-app")),
                    "PodCreated",
                    "create pods",
                ),
                call(
                    Method::POST,
                    format!("/api/v1/namespaces/dmp-system/pods?{dry}"),
                    pod("default", "try:1", secret("openbao-seal")),
                    "PodCreated",
                    "create pods",
                ),
                call(
                    Method::POST,
                    format!("/api/v1/namespaces/dmp-system/pods?{dry}"),
                    pod("default", "try:1", claim),
                    "PodCreated",
                    "create pods",
                ),
            ],
            limits: "policy dmp-pod-volumes",
        },
        Attempt {
            title: "read Secrets (database password, OpenBao's seal key)",
            calls: vec![
                call(
                    Method::GET,
                    format!("{own}/secrets/records-app"),
                    Value::Null,
                    "SecretRead",
                    "get secrets",
                ),
                call(
                    Method::GET,
                    "/api/v1/namespaces/dmp-system/secrets/openbao-seal".to_owned(),
                    Value::Null,
                    "SecretRead",
                    "get secrets",
                ),
                call(
                    Method::GET,
                    "/api/v1/secrets?limit=1".to_owned(),
                    Value::Null,
                    "SecretRead",
                    "list secrets",
                ),
            ],
            limits: "RBAC alone. The password opens a database of ciphertext that only `records` reaches. The seal key with a copy of \
                     OpenBao's volume is every key: a production group refuses such a platform (`InsecureSeal`)",
        },
        Attempt {
            title: "change whom `records` believes (ConfigMap dmp-trust)",
            calls: vec![call(
                Method::PATCH,
                format!("{own}/configmaps/dmp-trust?{dry}"),
                annotate(),
                "PlaneChanged",
                "patch configmaps",
            )],
            limits: "policy dmp-configuration. The operator writes it by right: with that alone nobody is let in, the caller's \
                     certificate must be the gateway's, from OpenBao",
        },
        Attempt {
            title: "copy the database (a second Cluster, a Backup)",
            calls: vec![
                call(
                    Method::POST,
                    format!("{}/clusters?{dry}", apis("postgresql.cnpg.io/v1")),
                    cluster,
                    "PlaneChanged",
                    "create postgresql.cnpg.io/clusters",
                ),
                call(
                    Method::POST,
                    format!("{}/backups?{dry}", apis("postgresql.cnpg.io/v1")),
                    backup,
                    "PlaneChanged",
                    "create postgresql.cnpg.io/backups",
                ),
            ],
            limits: "policy dmp-databases. The operator makes databases by right; a copy is ciphertext, its keys are elsewhere",
        },
        Attempt {
            title: "choose another image or issuer in the Platform",
            calls: vec![
                call(
                    Method::PATCH,
                    format!("/apis/dmp.ma/v1alpha1/platforms/national?{dry}"),
                    json!({ "spec": { "images": { "dmp": "try:1" } } }),
                    "PlatformChanged",
                    "patch dmp.ma/platforms",
                ),
                call(
                    Method::PATCH,
                    format!("/apis/dmp.ma/v1alpha1/platforms/national?{dry}"),
                    json!({ "spec": { "issuers": [{ "url": "https://try.example", "audience": "dmp" }] } }),
                    "PlatformChanged",
                    "patch dmp.ma/platforms",
                ),
            ],
            limits: "policy dmp-platform-trust: needs the verb `install`, which a cluster administrator has. Another image is other \
                     software: it reads what it serves. Once the security entity signed a release, a pod of any other image is refused \
                     ([images](images.md)); who may delete policies may delete that one",
        },
        Attempt {
            title: "take an admission policy away",
            calls: vec![
                call(
                    Method::PATCH,
                    format!("{admission}/validatingadmissionpolicies/dmp-pod-entry?{dry}"),
                    annotate(),
                    "ProductChanged",
                    "patch admissionregistration.k8s.io/validatingadmissionpolicies",
                ),
                call(
                    Method::DELETE,
                    format!("{admission}/validatingadmissionpolicybindings/dmp-pod-entry?{dry}"),
                    Value::Null,
                    "ProductChanged",
                    "delete admissionregistration.k8s.io/validatingadmissionpolicybindings",
                ),
            ],
            limits: "RBAC alone: Kubernetes exempts its policies from policies. Then everything above that a policy refused is possible, \
                     one finding later",
        },
        Attempt {
            title: "edit a custom resource definition",
            calls: vec![call(
                Method::PATCH,
                format!("/apis/apiextensions.k8s.io/v1/customresourcedefinitions/healthgroups.dmp.ma?{dry}"),
                annotate(),
                "ProductChanged",
                "patch apiextensions.k8s.io/customresourcedefinitions",
            )],
            limits: "policy dmp-product-kinds: needs the verb `install`; the operator refuses to reconcile on a schema that is not its own",
        },
        Attempt {
            title: "give oneself rights (a role of the product, a binding in the group)",
            calls: vec![
                call(
                    Method::PATCH,
                    format!("/apis/rbac.authorization.k8s.io/v1/clusterroles/dmp-host?{dry}"),
                    annotate(),
                    "ProductChanged",
                    "patch rbac.authorization.k8s.io/clusterroles",
                ),
                call(
                    Method::POST,
                    format!("{}/rolebindings?{dry}", apis("rbac.authorization.k8s.io/v1")),
                    binding,
                    "ProductChanged",
                    "create rbac.authorization.k8s.io/rolebindings",
                ),
            ],
            limits: "policies dmp-product-rights, dmp-rights-in-namespaces: need the verb `install`",
        },
    ]
}

/// Titles and limits of what is tried at OpenBao and as a kubelet, in the order of the table.
pub const AS_A_KUBELET: (&str, &str) = (
    "ask for the token as the kubelet does (impersonating the node)",
    "needs the right to impersonate, which no role of the product has; the token lasts 10 minutes and is bound to the pod",
);
pub const OPENBAO_POLICY: (&str, &str) = (
    "change a policy or a role in OpenBao",
    "OpenBao takes from the operator only the pinned texts and bindings, from others nothing",
);
pub const OPENBAO_DECRYPT: (&str, &str) = (
    "ask OpenBao to decrypt",
    "only a token of `records` itself may, see the row of the kubelet's token; each decryption is in OpenBao's audit log. Custody \
     by the group takes the platform out of the path of keys",
);
