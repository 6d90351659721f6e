//! The run of the one who installs: what it leaves, what it hands over, that it can be repeated and interrupted.

use std::os::unix::fs::PermissionsExt as _;

use dmpctl::install::bootstrap::client::OpenBaoError;
use dmpctl::install::bootstrap::people::identity_token;
use dmpctl::install::bootstrap::{BootstrapError, Outcome, ROLE, run};
use serde_json::{Value, json};

use super::server::{TestBao, jwt};
use super::{plan, policies};

fn own_jwt() -> String {
    jwt("dmp-system", "dmp-bootstrap", "openbao")
}

#[tokio::test]
async fn installation_is_done_once_and_leaves_no_rights() {
    let bao = TestBao::start().await;
    let custody = tempfile::tempdir().unwrap();
    let mut client = bao.client();
    let outcome = run(
        &mut client,
        &own_jwt(),
        &plan(true),
        &policies(),
        custody.path(),
        |_| {},
    )
    .await
    .unwrap();
    let Outcome::Done(folder) = outcome else {
        panic!("it was the first run")
    };
    for name in [
        "recovery-share-1.txt",
        "recovery-share-2.txt",
        "recovery-share-3.txt",
        "root-ca.key",
        "root-ca.crt",
    ] {
        let mode = std::fs::metadata(folder.join(name)).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600, "{name}");
    }
    assert!(
        std::fs::read_to_string(folder.join("root-ca.key"))
            .unwrap()
            .contains("PRIVATE KEY")
    );

    // The root's certificate is readable by everybody; its key is gone, so nobody can sign with it.
    let root = bao.client().read("pki-root/issuer/default/json").await.unwrap();
    let given = std::fs::read_to_string(folder.join("root-ca.crt")).unwrap();
    assert_eq!(
        root.pointer("/data/certificate")
            .and_then(Value::as_str)
            .unwrap()
            .trim(),
        given.trim()
    );

    // Role and policy are gone, and the token of the run with them.
    assert!(!bao.client().log_in(ROLE, &own_jwt()).await.unwrap());
    assert!(matches!(
        client.read("sys/auth").await,
        Err(OpenBaoError::Refused { status: 403, .. })
    ));
    let again = run(
        &mut bao.client(),
        &own_jwt(),
        &plan(true),
        &policies(),
        custody.path(),
        |_| {},
    )
    .await
    .unwrap();
    assert!(matches!(again, Outcome::Before));

    // A synthetic person logs in; the token says what its entity says. Twice: the person is there already.
    for inpe in ["101145277", "101208364"] {
        let mut demo = bao.service("dmp-system", "dmp-demo").await;
        let claims = json!({ "inpe": inpe, "patient_identifier_system": "", "patient_identifier_value": "" });
        let token = identity_token(&mut demo, "dr-essai", "a-password-for-once", &claims)
            .await
            .unwrap();
        let claims = decode(&token);
        assert_eq!(claims["inpe"], inpe);
        assert_eq!(claims["aud"], "dmp");
        assert_eq!(
            claims["iss"],
            "https://openbao.dmp-system.svc:8200/v1/people/identity/oidc"
        );
        assert_eq!(
            claims["exp"].as_i64().unwrap() - claims["iat"].as_i64().unwrap(),
            300
        );
    }
    let keys = bao
        .client()
        .read_in(Some("people"), "identity/oidc/.well-known/keys")
        .await
        .unwrap();
    assert_eq!(keys["keys"][0]["alg"], "ES256");

    // Both audit devices wrote, and neither shows a secret.
    let audit = std::fs::read_to_string(bao.folder.join("audit/audit.log")).unwrap();
    assert!(audit.contains("pki-root/root/generate/exported"));
    for secret in ["BEGIN EC PRIVATE KEY", "a-password-for-once", "101145277"] {
        assert!(!audit.contains(secret), "{secret}");
    }
}

#[tokio::test]
async fn without_the_demonstration_there_are_no_people() {
    let bao = TestBao::start().await;
    let custody = tempfile::tempdir().unwrap();
    run(
        &mut bao.client(),
        &own_jwt(),
        &plan(false),
        &policies(),
        custody.path(),
        |_| {},
    )
    .await
    .unwrap();
    let role = "dmp-system.dmp-demo";
    assert!(
        !bao.client()
            .log_in(role, &jwt("dmp-system", "dmp-demo", "openbao"))
            .await
            .unwrap()
    );
}

#[tokio::test]
async fn an_interrupted_run_goes_on_and_lost_shares_are_named() {
    let bao = TestBao::start().await;
    let custody = tempfile::tempdir().unwrap();
    // The program ends when it says that it begins with the CA: shares are given and written, nothing else is done.
    let interrupted = {
        let (jwt, plan, base) = (own_jwt(), plan(false), custody.path().to_owned());
        let mut client = bao.client();
        tokio::spawn(async move {
            let policies = policies();
            run(&mut client, &jwt, &plan, &policies, &base, |what| {
                assert!(!what.contains("root CA"), "interrupted")
            })
            .await
        })
        .await
    };
    assert!(interrupted.is_err());
    let folder = std::fs::read_dir(custody.path())
        .unwrap()
        .next()
        .unwrap()
        .unwrap()
        .path();
    let share = std::fs::read_to_string(folder.join("recovery-share-1.txt")).unwrap();

    let elsewhere = tempfile::tempdir().unwrap();
    let lost = run(
        &mut bao.client(),
        &own_jwt(),
        &plan(false),
        &policies(),
        elsewhere.path(),
        |_| {},
    )
    .await;
    assert!(matches!(lost, Err(BootstrapError::SharesLost(_))));

    let done = run(
        &mut bao.client(),
        &own_jwt(),
        &plan(false),
        &policies(),
        custody.path(),
        |_| {},
    )
    .await
    .unwrap();
    assert!(matches!(done, Outcome::Done(_)));
    assert_eq!(
        std::fs::read_to_string(folder.join("recovery-share-1.txt")).unwrap(),
        share
    );
}

fn decode(token: &str) -> Value {
    use base64::Engine as _;
    let body = token.split('.').nth(1).unwrap();
    serde_json::from_slice(
        &base64::engine::general_purpose::URL_SAFE_NO_PAD
            .decode(body)
            .unwrap(),
    )
    .unwrap()
}
