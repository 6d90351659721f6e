//! What each identity may do after the installation, and what it may not.

use dmp_api::openbao as pinned;
use dmpctl::install::bootstrap::client::{OpenBao, OpenBaoError};
use dmpctl::install::bootstrap::run;
use rcgen::{
    BasicConstraints, CertificateParams, DnType, ExtendedKeyUsagePurpose, IsCa, KeyPair, KeyUsagePurpose,
    SanType,
};
use serde_json::{Value, json};

use super::server::{TestBao, jwt};
use super::{plan, policies};

async fn installed() -> TestBao {
    let bao = TestBao::start().await;
    let custody = tempfile::tempdir().unwrap();
    let own = jwt("dmp-system", "dmp-bootstrap", "openbao");
    run(
        &mut bao.client(),
        &own,
        &plan(false),
        &policies(),
        custody.path(),
        |_| {},
    )
    .await
    .unwrap();
    bao
}

fn csr(sans: &[SanType]) -> String {
    let mut parameters = CertificateParams::default();
    parameters.subject_alt_names = sans.to_vec();
    parameters
        .serialize_request(&KeyPair::generate().unwrap())
        .unwrap()
        .pem()
        .unwrap()
}

/// A request for all that a credential does not have: another establishment's number, a host, the rights of an authority.
fn greedy() -> String {
    let mut parameters = CertificateParams::default();
    parameters
        .distinguished_name
        .push(DnType::CommonName, "987654321");
    parameters.subject_alt_names = vec![dns("evil.example")];
    parameters.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    parameters.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
    parameters.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
    let key = KeyPair::generate().unwrap();
    parameters.serialize_request(&key).unwrap().pem().unwrap()
}

fn uri(text: &str) -> SanType {
    SanType::URI(text.try_into().unwrap())
}

fn dns(text: &str) -> SanType {
    SanType::DnsName(text.try_into().unwrap())
}

async fn sign(client: &OpenBao, path: &str, sans: &[SanType]) -> Result<Value, OpenBaoError> {
    client.write(path, &json!({ "csr": csr(sans) })).await
}

fn refused<T>(what: &str, result: Result<T, OpenBaoError>) {
    match result {
        Err(OpenBaoError::Refused {
            status: 400 | 403, ..
        }) => {}
        Err(error) => panic!("{what}: {error}"),
        Ok(_) => panic!("{what} was permitted"),
    }
}

#[tokio::test]
async fn a_service_gets_its_own_certificate_and_keys_and_nothing_else() {
    let bao = installed().await;
    let registry = bao.service("dmp-national", "registry").await;
    let own = [
        uri("spiffe://dmp.test/ns/dmp-national/sa/registry"),
        dns("registry.dmp-national.svc"),
        dns("registry.dmp-national.svc.cluster.local"),
        dns("registry.dmp-national"),
    ];
    let signed = sign(&registry, "pki-services/sign/service", &own).await.unwrap();
    let certificate = signed
        .pointer("/data/certificate")
        .and_then(Value::as_str)
        .unwrap();
    let (_, pem) = x509_parser::pem::parse_x509_pem(certificate.as_bytes()).unwrap();
    let validity = pem.parse_x509().unwrap().validity().clone();
    assert!(validity.not_after.timestamp() - validity.not_before.timestamp() <= 3600 + 60);
    assert_eq!(
        signed
            .pointer("/data/ca_chain")
            .and_then(Value::as_array)
            .unwrap()
            .len(),
        2
    );

    for (what, sans) in [
        (
            "another service",
            vec![uri("spiffe://dmp.test/ns/dmp-national/sa/consent")],
        ),
        (
            "another domain",
            vec![uri("spiffe://other.test/ns/dmp-national/sa/registry")],
        ),
        (
            "a credential",
            vec![uri("spiffe://dmp.test/credential/vendor-x/y")],
        ),
        (
            "another name",
            vec![own[0].clone(), dns("consent.dmp-national.svc")],
        ),
        ("a public name", vec![own[0].clone(), dns("gateway.dmp.test")]),
        (
            "an address",
            vec![own[0].clone(), SanType::IpAddress([127, 0, 0, 1].into())],
        ),
    ] {
        refused(what, sign(&registry, "pki-services/sign/service", &sans).await);
    }
    refused(
        "the gateway's role",
        sign(&registry, "pki-services/sign/gateway", &own).await,
    );
    refused(
        "a credential",
        sign(&registry, "pki-solutions/sign/solution", &own).await,
    );

    let context = json!({ "context": "ZG1wLnRlc3Q=" });
    let data_key = registry
        .write("transit/datakey/plaintext/audit-events", &context)
        .await
        .unwrap();
    let wrapped = json!({ "ciphertext": data_key["data"]["ciphertext"], "context": "ZG1wLnRlc3Q=" });
    refused(
        "opening an audit key",
        registry.write("transit/decrypt/audit-events", &wrapped).await,
    );
    refused(
        "a key without context",
        registry
            .write("transit/datakey/plaintext/audit-events", &json!({}))
            .await,
    );
    registry
        .write("transit/sign/log-registry", &json!({ "input": "eA==" }))
        .await
        .unwrap();
    refused(
        "another log",
        registry
            .write("transit/sign/log-consent", &json!({ "input": "eA==" }))
            .await,
    );
    for key in ["token", "label", "sandbox-people"] {
        let path = format!("transit/sign/{key}");
        refused(
            "another's key",
            registry.write(&path, &json!({ "input": "eA==" })).await,
        );
    }

    let audit = bao.service("dmp-national", "audit").await;
    audit
        .write("transit/decrypt/audit-events", &wrapped)
        .await
        .unwrap();

    let portal = bao.service("dmp-national", "portal").await;
    portal
        .write("transit/sign/sandbox-people", &json!({ "input": "eA==" }))
        .await
        .unwrap();
    portal.read("transit/keys/sandbox-people").await.unwrap();
    let gateway = bao.service("dmp-national", "gateway").await;
    for (name, service, key) in [
        ("portal", &portal, "token"),
        ("portal", &portal, "label"),
        ("gateway", &gateway, "sandbox-people"),
    ] {
        let path = format!("transit/sign/{key}");
        refused(name, service.write(&path, &json!({ "input": "eA==" })).await);
    }
    let public = [
        uri("spiffe://dmp.test/ns/dmp-national/sa/gateway"),
        dns("gateway.dmp.test"),
        dns("dmp.example.ma"),
        SanType::IpAddress([10, 88, 0, 2].into()),
    ];
    sign(&gateway, "pki-services/sign/gateway", &public)
        .await
        .unwrap();
    let foreign = [public[0].clone(), dns("www.example.org")];
    refused(
        "a foreign public name",
        sign(&gateway, "pki-services/sign/gateway", &foreign).await,
    );
    let foreign = [public[0].clone(), SanType::IpAddress([8, 8, 8, 8].into())];
    refused(
        "a foreign address",
        sign(&gateway, "pki-services/sign/gateway", &foreign).await,
    );
}

#[tokio::test]
async fn a_service_account_of_another_place_or_audience_does_not_log_in() {
    let bao = installed().await;
    for (namespace, account, audience) in [
        ("dmp-national", "consent", "openbao"),
        ("vendor-x", "registry", "openbao"),
        ("dmp-national", "registry", "https://kubernetes.default.svc"),
    ] {
        let result = bao
            .client()
            .log_in("dmp-national.registry", &jwt(namespace, account, audience))
            .await;
        assert!(
            matches!(result, Err(OpenBaoError::Refused { .. })),
            "{namespace} {account} {audience}"
        );
    }
}

#[tokio::test]
async fn the_operator_makes_a_group_of_pinned_parts_only() {
    let bao = installed().await;
    let operator = bao.service("dmp-system", "dmp-operator").await;
    let group = Some("group-a");
    let policy = json!({ "policy": pinned::RECORDS_POLICY });
    // Twice: the second time changes nothing and is not refused.
    for _ in 0..2 {
        operator
            .write("sys/namespaces/group-a", &json!({}))
            .await
            .unwrap();
        operator
            .mount_in(group, "sys/mounts/transit", &json!({ "type": "transit" }))
            .await
            .unwrap();
        operator
            .write_in(group, "transit/keys/kek", &pinned::kek_key())
            .await
            .unwrap();
        operator
            .write_in(group, "transit/keys/log", &pinned::log_key())
            .await
            .unwrap();
        operator
            .mount_in(group, "sys/auth/kubernetes", &json!({ "type": "kubernetes" }))
            .await
            .unwrap();
        operator
            .write_in(group, "sys/policies/acl/records", &policy)
            .await
            .unwrap();
        operator
            .write_in(
                group,
                "auth/kubernetes/role/records",
                &pinned::group_role("dmp-a"),
            )
            .await
            .unwrap();
        let root_role = format!("auth/kubernetes/role/{}", pinned::root_role_name("dmp-a"));
        operator
            .write(&root_role, &pinned::root_role("dmp-a"))
            .await
            .unwrap();
    }
    // The text of the pinned configuration passes the policy; the server here lacks the pod's CA file.
    let configured = operator
        .write_in(group, "auth/kubernetes/config", &pinned::kubernetes_config())
        .await;
    assert!(matches!(
        configured,
        Err(OpenBaoError::Refused { status: 400, .. })
    ));
    for path in [
        "sys/mounts/transit",
        "transit/keys/log",
        "sys/auth/kubernetes",
        "sys/policies/acl/records",
        "auth/kubernetes/role/records",
    ] {
        operator.read_in(group, path).await.unwrap();
    }
    for key in [
        "facts",
        "label",
        "sandbox-people",
        "token",
        "log-registry",
        "log-consent",
        "log-audit",
    ] {
        operator.read(&format!("transit/keys/{key}")).await.unwrap();
    }
    for key in ["facts", "label"] {
        operator
            .write(&format!("transit/sign/{key}"), &json!({ "input": "eA==" }))
            .await
            .unwrap();
    }
    refused(
        "log-ins of invented people",
        operator
            .write("transit/sign/sandbox-people", &json!({ "input": "eA==" }))
            .await,
    );

    let records = bao.service("dmp-a", "records").await;
    sign(
        &records,
        "pki-services/sign/service",
        &[uri("spiffe://dmp.test/ns/dmp-a/sa/records")],
    )
    .await
    .unwrap();
    refused(
        "another group's name",
        sign(
            &records,
            "pki-services/sign/service",
            &[uri("spiffe://dmp.test/ns/dmp-b/sa/records")],
        )
        .await,
    );

    let credential = "spiffe://dmp.test/credential/vendor-x/y";
    let solution = json!({ "csr": greedy(), "uri_sans": credential, "ttl": "2160h" });
    let signed = operator
        .write("pki-solutions/sign/solution", &solution)
        .await
        .unwrap();
    let certificate = signed
        .pointer("/data/certificate")
        .and_then(Value::as_str)
        .unwrap();
    let of_a_solution = json!({ "certificate": certificate });
    operator
        .write("pki-solutions/revoke", &of_a_solution)
        .await
        .unwrap();
    let serial = json!({ "serial_number": signed.pointer("/data/serial_number") });
    refused(
        "a revocation by serial number",
        operator.write("pki-solutions/revoke", &serial).await,
    );
    refused(
        "a revocation of a service",
        operator.write("pki-services/revoke", &of_a_solution).await,
    );
    let (_, pem) = x509_parser::pem::parse_x509_pem(certificate.as_bytes()).unwrap();
    let certificate = pem.parse_x509().unwrap();
    let names = format!(
        "{:?}",
        certificate
            .subject_alternative_name()
            .unwrap()
            .unwrap()
            .value
            .general_names
    );
    assert!(names.contains(credential) && !names.contains("evil"), "{names}");
    assert!(!certificate.subject().to_string().contains("987654321"));
    assert!(!certificate.is_ca());
    let usage = certificate.key_usage().unwrap().unwrap().value;
    assert!(!usage.key_cert_sign() && !usage.crl_sign());
    let extended = certificate.extended_key_usage().unwrap().unwrap().value;
    assert!(extended.client_auth && !extended.server_auth);
    let service = json!({ "csr": csr(&[]), "uri_sans": "spiffe://dmp.test/ns/dmp-national/sa/registry" });
    refused(
        "a service's name for a solution",
        operator.write("pki-solutions/sign/solution", &service).await,
    );
    let long = json!({ "csr": csr(&[]), "uri_sans": credential, "ttl": "9000h" });
    if let Ok(signed) = operator.write("pki-solutions/sign/solution", &long).await {
        let expiration = signed
            .pointer("/data/expiration")
            .and_then(Value::as_i64)
            .unwrap();
        assert!(expiration - jiff::Timestamp::now().as_second() <= 90 * 86_400 + 60);
    }
}

/// Makes a group's key space with its `kek`, as the operator does.
async fn with_kek(operator: &OpenBao) -> &'static str {
    let group = "group-a";
    operator
        .write("sys/namespaces/group-a", &json!({}))
        .await
        .unwrap();
    operator
        .mount_in(Some(group), "sys/mounts/transit", &json!({ "type": "transit" }))
        .await
        .unwrap();
    operator
        .write_in(Some(group), "transit/keys/kek", &pinned::kek_key())
        .await
        .unwrap();
    group
}

#[tokio::test]
async fn the_operator_can_give_nobody_another_right() {
    let bao = installed().await;
    let operator = bao.service("dmp-system", "dmp-operator").await;
    let group = Some(with_kek(&operator).await);
    operator
        .mount_in(group, "sys/auth/kubernetes", &json!({ "type": "kubernetes" }))
        .await
        .unwrap();

    let changed = |field: &str, value: Value| {
        let mut role = pinned::group_role("dmp-a");
        role[field] = value;
        role
    };
    let all = r#"path "*" { capabilities = ["sudo", "read", "update"] }"#;
    let attempts: Vec<(Option<&str>, &str, Value)> = vec![
        (None, "sys/namespaces/evil", json!({})),
        (None, "sys/namespaces/group-b", json!({ "seal": "x" })),
        (group, "sys/policies/acl/records", json!({ "policy": all })),
        (
            group,
            "sys/policies/acl/records",
            json!({ "policy": format!("{}\n", pinned::RECORDS_POLICY) }),
        ),
        (
            group,
            "sys/policies/acl/other",
            json!({ "policy": pinned::RECORDS_POLICY }),
        ),
        (None, "sys/policies/acl/operator", json!({ "policy": all })),
        (None, "sys/policies/acl/service", json!({ "policy": all })),
        (group, "sys/mounts/kv", json!({ "type": "kv" })),
        (
            group,
            "transit/keys/kek",
            json!({ "type": "aes256-gcm96", "derived": true, "exportable": true }),
        ),
        (group, "transit/keys/kek", json!({ "type": "aes256-gcm96" })),
        (
            group,
            "transit/keys/kek/config",
            json!({ "deletion_allowed": true, "exportable": true }),
        ),
        (
            group,
            "transit/decrypt/kek",
            json!({ "ciphertext": "vault:v1:x", "context": "eA==" }),
        ),
        (
            group,
            "transit/datakey/plaintext/kek",
            json!({ "context": "eA==" }),
        ),
        (group, "transit/sign/log", json!({ "input": "eA==" })),
        (
            None,
            "transit/decrypt/registry",
            json!({ "ciphertext": "vault:v1:x", "context": "eA==" }),
        ),
        (
            None,
            "transit/decrypt/audit-events",
            json!({ "ciphertext": "vault:v1:x", "context": "eA==" }),
        ),
        (None, "transit/sign/token", json!({ "input": "eA==" })),
        (None, "transit/sign/log-registry", json!({ "input": "eA==" })),
        (
            group,
            "auth/kubernetes/config",
            json!({ "kubernetes_host": "https://evil.example" }),
        ),
        (
            group,
            "auth/kubernetes/config",
            json!({ "kubernetes_host": "https://kubernetes.default.svc", "disable_local_ca_jwt": true }),
        ),
        (
            group,
            "auth/kubernetes/role/records",
            changed("bound_service_account_names", json!("*")),
        ),
        (
            group,
            "auth/kubernetes/role/records",
            changed("bound_service_account_namespaces", json!("kube-system")),
        ),
        (
            group,
            "auth/kubernetes/role/records",
            changed(
                "bound_service_account_namespaces",
                json!(["dmp-a", "kube-system"]),
            ),
        ),
        (
            group,
            "auth/kubernetes/role/records",
            changed("token_policies", json!("root")),
        ),
        (group, "auth/kubernetes/role/other", pinned::group_role("dmp-a")),
        (
            None,
            "auth/kubernetes/role/dmp-a.records",
            changed("token_policies", json!("service,operator")),
        ),
        (
            None,
            "auth/kubernetes/role/dmp-a.records",
            changed("token_policies", json!(["service", "operator"])),
        ),
        (
            None,
            "auth/kubernetes/role/dmp-national.registry",
            pinned::root_role("dmp-national"),
        ),
        (
            None,
            "auth/kubernetes/role/dmp-system.dmp-operator",
            pinned::root_role("dmp-system"),
        ),
        (None, "auth/kubernetes/role/evil", pinned::root_role("dmp-a")),
        (None, "auth/token/create", json!({ "policies": ["root"] })),
        (
            Some("people"),
            "auth/kubernetes/role/records",
            pinned::group_role("dmp-a"),
        ),
    ];
    for (namespace, path, body) in attempts {
        match operator.write_in(namespace, path, &body).await {
            Err(OpenBaoError::Refused {
                status: 403 | 404, ..
            }) => {}
            other => panic!("{path} {body}: {other:?}"),
        }
    }
    for path in [
        "sys/namespaces/group-a",
        "auth/kubernetes/role/dmp-a.records",
        "pki-solutions/root",
    ] {
        refused(path, operator.delete(path).await);
    }
}

#[tokio::test]
async fn who_sees_how_old_keys_are_can_do_nothing_with_them() {
    let bao = installed().await;
    let operator = bao.service("dmp-system", "dmp-operator").await;
    let group = Some(with_kek(&operator).await);
    refused(
        "a group's `kek`",
        operator.read_in(group, "transit/keys/kek").await,
    );

    let log_in = async |account: &str| {
        let mut client = bao.client();
        let own = jwt("dmp-system", account, "openbao");
        let outcome = client.log_in(pinned::KEY_METADATA_ROLE, &own).await;
        outcome.map(|there| (client, there))
    };
    refused("another account", log_in("dmp-evaluator").await);
    let (metadata, there) = log_in("dmp-operator").await.unwrap();
    assert!(there);
    let list = metadata.read("transit/keys?list=true").await.unwrap();
    assert_eq!(list["data"]["keys"].as_array().unwrap().len(), 10, "{list}");
    let list = metadata.read_in(group, "transit/keys?list=true").await.unwrap();
    assert_eq!(list["data"]["keys"], json!(["kek"]));
    let kek = metadata.read_in(group, "transit/keys/kek").await.unwrap();
    assert_eq!(kek["data"]["exportable"], json!(false));
    for (namespace, path, body) in [
        (group, "transit/keys/kek/config", json!({ "exportable": true })),
        (group, "transit/keys/kek/rotate", json!({})),
        (
            group,
            "transit/encrypt/kek",
            json!({ "plaintext": "eA==", "context": "eA==" }),
        ),
        (None, "transit/sign/token", json!({ "input": "eA==" })),
        (None, "sys/namespaces/group-b", json!({})),
    ] {
        refused(path, metadata.write_in(namespace, path, &body).await);
    }
}
