//! A group's key space in a real OpenBao: complete after one call, unchanged by the next, with the pinned rights only.

use dmp_core::ids::GroupName;
use dmp_keys::Client;
use dmp_operator::openbao::OpenBao;
use dmp_testkit::Bao;
use http::Method;
use serde_json::json;

/// The operator's own policy, as it is installed.
const POLICY: &str = include_str!("../../../../manifests/openbao/policies/operator.policy");

/// A server with Kubernetes auth mounted at root, as `dmpctl install` leaves it.
async fn installed(bao: &Bao) -> OpenBao {
    let root = Client::root(&bao.config(None)).unwrap();
    let _ = root
        .request(
            Method::POST,
            "sys/auth/kubernetes",
            Some(&json!({ "type": "kubernetes" })),
        )
        .await;
    let token = bao.token(None, POLICY).await;
    let file = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(file.path(), token).unwrap();
    let (_, path) = file.keep().unwrap();
    let mut config = bao.config(None);
    config.auth = dmp_core::config::OpenBaoAuth::TokenFile { path };
    OpenBao::new(Client::root(&config).unwrap(), "pem")
}

/// Kubernetes auth of a namespace as it is in a pod: OpenBao takes the API server's CA from its own ServiceAccount,
/// which a process outside of a pod does not have.
pub async fn outside_of_a_pod(bao: &Bao, namespace: &str) {
    bao.call(
        None,
        Method::POST,
        &format!("sys/namespaces/{namespace}"),
        json!({}),
    )
    .await;
    let inside = Some(namespace);
    bao.call(
        inside,
        Method::POST,
        "sys/auth/kubernetes",
        json!({ "type": "kubernetes" }),
    )
    .await;
    let mut config = dmp_api::openbao::kubernetes_config();
    config["disable_local_ca_jwt"] = json!(true);
    config["kubernetes_ca_cert"] = json!(dmp_testkit::Pki::new("dmp.test").root_pem());
    bao.call(inside, Method::POST, "auth/kubernetes/config", config)
        .await;
}

#[tokio::test]
async fn a_group_gets_its_key_space_with_the_operators_own_rights() {
    let bao = Bao::shared();
    let openbao = installed(bao).await;
    let group: GroupName = "ensure-me".parse().unwrap();
    assert!(openbao.group_log_key(&group).await.unwrap().is_none());
    outside_of_a_pod(bao, "group-ensure-me").await;
    assert!(openbao.group_log_key(&group).await.unwrap().is_none());
    openbao.ensure_group(&group).await.unwrap();
    let key = openbao.group_log_key(&group).await.unwrap().unwrap();
    assert_eq!(key.kid, "log-v1");

    let root = Client::root(&bao.config(None)).unwrap();
    let inside = Some("group-ensure-me");
    let policy = root
        .request_in(inside, Method::GET, "sys/policies/acl/records", None)
        .await
        .unwrap();
    assert_eq!(policy["data"]["policy"], dmp_api::openbao::RECORDS_POLICY);
    let role = root
        .request_in(inside, Method::GET, "auth/kubernetes/role/records", None)
        .await
        .unwrap();
    assert_eq!(
        role["data"]["bound_service_account_namespaces"],
        json!(["dmp-ensure-me"])
    );
    let role = root
        .request(Method::GET, "auth/kubernetes/role/dmp-ensure-me.records", None)
        .await
        .unwrap();
    assert_eq!(role["data"]["token_policies"], json!(["service"]));

    // Again, by an operator that remembers nothing: the same key.
    let again = OpenBao::new(openbao.client().clone(), "pem");
    again.ensure_group(&group).await.unwrap();
    assert_eq!(again.group_log_key(&group).await.unwrap().unwrap().x, key.x);
}

#[tokio::test]
async fn a_changed_role_is_put_right() {
    let bao = Bao::shared();
    let openbao = installed(bao).await;
    let group: GroupName = "drifted".parse().unwrap();
    outside_of_a_pod(bao, "group-drifted").await;
    openbao.ensure_group(&group).await.unwrap();
    let root = Client::root(&bao.config(None)).unwrap();
    let path = "auth/kubernetes/role/dmp-drifted.records";
    let wider = json!({
        "bound_service_account_names": "*", "bound_service_account_namespaces": "*", "token_policies": "service",
    });
    root.request(Method::POST, path, Some(&wider)).await.unwrap();
    OpenBao::new(openbao.client().clone(), "pem")
        .ensure_group(&group)
        .await
        .unwrap();
    let role = root.request(Method::GET, path, None).await.unwrap();
    assert_eq!(role["data"]["bound_service_account_names"], json!(["records"]));
}

#[tokio::test]
async fn the_operator_cannot_widen_what_it_writes() {
    let bao = Bao::shared();
    let openbao = installed(bao).await;
    let group: GroupName = "pinned".parse().unwrap();
    outside_of_a_pod(bao, "group-pinned").await;
    openbao.ensure_group(&group).await.unwrap();
    let client = openbao.client();
    let inside = Some("group-pinned");
    let refused = |outcome: Result<serde_json::Value, dmp_keys::openbao::Error>| {
        assert!(
            matches!(outcome, Err(dmp_keys::openbao::Error::Forbidden { .. })),
            "{outcome:?}"
        );
    };
    let all = json!({ "policy": "path \"*\" { capabilities = [\"sudo\", \"read\"] }" });
    refused(
        client
            .request_in(inside, Method::POST, "sys/policies/acl/records", Some(&all))
            .await,
    );
    let mut role = dmp_api::openbao::root_role("dmp-pinned");
    role["token_policies"] = json!("operator");
    refused(
        client
            .request(
                Method::POST,
                "auth/kubernetes/role/dmp-pinned.records",
                Some(&role),
            )
            .await,
    );
    let data_key = "transit/datakey/plaintext/kek";
    refused(
        client
            .request_in(
                inside,
                Method::POST,
                data_key,
                Some(&json!({ "context": "AA==" })),
            )
            .await,
    );
}

#[tokio::test]
async fn the_operator_revokes_certificates_of_solutions_and_no_others() {
    let bao = &Bao::start();
    let openbao = installed(bao).await;
    let key = rcgen::KeyPair::generate().unwrap();
    let csr = rcgen::CertificateParams::default()
        .serialize_request(&key)
        .unwrap();
    let uri = "spiffe://dmp.test/credential/vendor-a/revoked";
    // As at installation: certificates are not stored.
    let root = Client::root(&bao.config(None)).unwrap();
    let role = json!({
        "allowed_uri_sans": ["spiffe://dmp.test/credential/*"], "allow_any_name": false, "require_cn": false,
        "use_csr_common_name": false, "use_csr_sans": false, "key_type": "any", "server_flag": false,
        "client_flag": true, "ttl": "1h", "max_ttl": "1h", "no_store": true,
    });
    root.request(Method::POST, "pki-solutions/roles/solution", Some(&role))
        .await
        .unwrap();
    let signed = openbao
        .sign_solution(&csr.pem().unwrap(), uri, "1h")
        .await
        .unwrap();
    // Twice is once.
    for _ in 0..2 {
        openbao.revoke_solution(&signed.chain[0]).await.unwrap();
    }
    let list = Method::from_bytes(b"LIST").unwrap();
    let listed = root
        .request(list, "pki-solutions/certs/revoked", None)
        .await
        .unwrap();
    assert!(
        listed["data"]["keys"]
            .as_array()
            .unwrap()
            .contains(&json!(signed.serial)),
        "{listed}"
    );
    // Where whoever verifies certificates finds it.
    let list = root
        .request(Method::GET, "pki-solutions/cert/crl", None)
        .await
        .unwrap();
    let pem = list["data"]["certificate"].as_str().unwrap();
    let (_, pem) = x509_parser::pem::parse_x509_pem(pem.as_bytes()).unwrap();
    let (_, list) = x509_parser::parse_x509_crl(&pem.contents).unwrap();
    // A serial is a number. DER puts a zero before one whose first bit is set; OpenBao leaves zeros out.
    let serials: Vec<String> = list
        .iter_revoked_certificates()
        .map(|revoked| revoked.raw_serial_as_string())
        .map(|serial| serial.trim_start_matches("00:").to_owned())
        .collect();
    assert!(serials.contains(&signed.serial), "{serials:?}");
    let client = openbao.client();
    let by_serial = json!({ "serial_number": signed.serial });
    let certificate = json!({ "certificate": signed.chain[0] });
    for (path, body) in [
        ("pki-solutions/revoke", &by_serial),
        ("pki-services/revoke", &certificate),
        ("pki-solutions/tidy", &certificate),
    ] {
        let outcome = client.request(Method::POST, path, Some(body)).await;
        assert!(
            matches!(outcome, Err(dmp_keys::openbao::Error::Forbidden { .. })),
            "{path}: {outcome:?}"
        );
    }
}
