//! The demonstration's people: a namespace with password log-in and identity tokens (OIDC, ES256).
//!
//! Made only when asked for at installation; without it OpenBao has no log-in for people at all.

use serde_json::json;

use super::client::{OpenBao, OpenBaoError, string};

/// OpenBao namespace.
pub const NAMESPACE: &str = "people";
/// `client_id` of the role: `aud` of the identity tokens.
pub const CLIENT_ID: &str = "dmp";
/// `iss` of the identity tokens is this and the path of the namespace.
const ADDRESS: &str = "https://openbao.dmp-system.svc:8200";
/// Metadata of an entity that becomes claims; empty ones are empty texts in the token.
const TEMPLATE: &str = r#"{
  "inpe": {{identity.entity.metadata.inpe}},
  "patient_identifier_system": {{identity.entity.metadata.patient_identifier_system}},
  "patient_identifier_value": {{identity.entity.metadata.patient_identifier_value}}
}"#;

/// Writing it again changes nothing.
pub(super) async fn create(
    bao: &OpenBao,
    person_policy: &str,
    demo_policy: &str,
) -> Result<(), OpenBaoError> {
    bao.write("sys/namespaces/people", &json!({})).await?;
    let people = Some(NAMESPACE);
    bao.mount_in(people, "sys/auth/userpass", &json!({ "type": "userpass" }))
        .await?;
    bao.write_in(people, "identity/oidc/config", &json!({ "issuer": ADDRESS }))
        .await?;
    let key = json!({
        "algorithm": "ES256",
        "rotation_period": "24h",
        "verification_ttl": "24h",
        "allowed_client_ids": [CLIENT_ID],
    });
    bao.write_in(people, "identity/oidc/key/dmp", &key).await?;
    let role = json!({ "key": "dmp", "client_id": CLIENT_ID, "ttl": "5m", "template": TEMPLATE });
    bao.write_in(people, "identity/oidc/role/dmp", &role).await?;
    bao.write_in(
        people,
        "sys/policies/acl/person",
        &json!({ "policy": person_policy }),
    )
    .await?;
    bao.write("sys/policies/acl/demo", &json!({ "policy": demo_policy }))
        .await?;
    let role = json!({
        "bound_service_account_names": "dmp-demo",
        "bound_service_account_namespaces": dmp_api::names::SYSTEM_NAMESPACE,
        "audience": dmp_api::openbao::AUDIENCE,
        "token_policies": "demo",
        "token_ttl": "15m",
        "token_max_ttl": "15m",
    });
    bao.write("auth/kubernetes/role/dmp-system.dmp-demo", &role)
        .await?;
    Ok(())
}

/// A synthetic person's identity token. The person is made when missing, with a password that nobody keeps.
///
/// `bao` is logged in as `dmp-demo` and is the person's afterwards.
///
/// # Errors
/// See [`OpenBaoError`].
pub async fn identity_token(
    bao: &mut OpenBao,
    user: &str,
    password: &str,
    metadata: &serde_json::Value,
) -> Result<String, OpenBaoError> {
    let people = Some(NAMESPACE);
    let methods = bao.read_in(people, "sys/auth").await?;
    let accessor = string(
        "sys/auth",
        &methods,
        "/data/userpass~1/accessor",
        "userpass/ accessor",
    )?;
    let account =
        json!({ "password": password, "token_policies": "person", "token_ttl": "5m", "token_max_ttl": "5m" });
    bao.write_in(people, &format!("auth/userpass/users/{user}"), &account)
        .await?;
    let path = format!("identity/entity/name/{user}");
    bao.write_in(people, &path, &json!({ "metadata": metadata }))
        .await?;
    let entity = bao.read_in(people, &path).await?;
    let entity = string(&path, &entity, "/data/id", "id")?;
    let alias = json!({ "name": user, "canonical_id": entity, "mount_accessor": accessor });
    bao.write_in(people, "identity/entity-alias", &alias).await?;
    bao.log_in_person(NAMESPACE, user, password).await?;
    let path = "identity/oidc/token/dmp";
    let answer = bao.read_in(people, path).await?;
    string(path, &answer, "/data/token", "token")
}
