//! The numbering of facts, what they say, and that they are signed.

#![allow(clippy::unwrap_used)]

use dmp_client::facts::{Facts, SignedFacts};
use jiff::{SignedDuration, Timestamp};
use k8s_openapi::api::coordination::v1::Lease;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};

use super::beat::Pulse;
use super::index::{Change, DemonstrationIssuer, Index};
use crate::guard::Guarded;

fn object<K: DeserializeOwned + kube::Resource>(value: Value) -> Guarded<K> {
    serde_json::from_value(value).unwrap()
}

fn platform(version: &str) -> Value {
    json!({
        "apiVersion": "dmp.ma/v1alpha1", "kind": "Platform", "metadata": { "name": "national", "resourceVersion": version },
        "spec": {
            "release": "1", "images": { "dmp": "a", "postgres": "b" }, "domain": "dmp.test", "site": "s",
            "demonstration": true, "gateway": { "publicNames": ["g.test"] },
        },
    })
}

fn revocation(name: &str, version: &str) -> Value {
    json!({
        "apiVersion": "dmp.ma/v1alpha1", "kind": "SolutionRevocation", "metadata": { "name": name, "resourceVersion": version },
        "spec": { "solution": "vendor-a/his", "credential": "x", "reason": "test" },
    })
}

fn credential(version: &str, stalled: &str) -> Value {
    credential_because(version, stalled, "X")
}

fn credential_because(version: &str, stalled: &str, reason: &str) -> Value {
    json!({
        "apiVersion": "dmp.ma/v1alpha1", "kind": "SolutionCredential",
        "metadata": { "namespace": "vendor-a", "name": "x", "resourceVersion": version },
        "spec": { "solution": "his", "version": "1", "csr": "c", "establishment": { "inpe": "123456789" }, "healthGroup": "tanger" },
        "status": {
            "certificateSha256": "ab", "notAfter": "2027-01-01T00:00:00Z",
            "conditions": [{
                "type": "Stalled", "status": stalled, "reason": reason, "message": "", "lastTransitionTime": "2026-01-01T00:00:00Z",
            }],
        },
    })
}

fn solution() -> Value {
    json!({
        "apiVersion": "dmp.ma/v1alpha1", "kind": "Solution",
        "metadata": { "namespace": "vendor-a", "name": "his", "resourceVersion": "5" },
        "spec": { "vendor": "a", "product": "A", "kind": "hospital" },
    })
}

fn listed<K: DeserializeOwned + kube::Resource>(objects: Vec<Value>, version: &str) -> Change<K> {
    Change::Listed(
        objects.into_iter().map(object).collect(),
        Some(version.to_owned()),
    )
}

fn index() -> Index {
    let mut index = Index::default();
    index.platforms.take(listed(vec![platform("3")], "10"));
    index.groups.take(listed(Vec::new(), "10"));
    index.solutions.take(listed(vec![solution()], "10"));
    index
        .credentials
        .take(listed(vec![credential("7", "False")], "10"));
    index.revocations.take(listed(Vec::new(), "10"));
    index.lifts.take(listed(Vec::new(), "10"));
    index.vendors.take(listed(Vec::new(), "10"));
    index.homologations.take(listed(Vec::new(), "10"));
    index.sites.take(listed(Vec::new(), "10"));
    index
}

fn vendor(version: &str, realm: &str) -> Value {
    json!({
        "apiVersion": "dmp.ma/v1alpha1", "kind": "Vendor", "metadata": { "name": "a", "resourceVersion": version },
        "spec": {
            "organisation": { "name": "A", "ice": "001234567000089" },
            "members": [{ "issuer": "https://issuer.test", "subject": "s" }],
        },
        "status": { "sandbox": { "healthGroup": "bac", "establishment": "900000001", "realm": realm } },
    })
}

fn demonstration() -> DemonstrationIssuer {
    DemonstrationIssuer { ca: "pem".to_owned() }
}

fn facts(index: &Index) -> dmp_client::facts::Facts {
    index.facts(Timestamp::UNIX_EPOCH, None, &demonstration())
}

#[test]
fn there_are_no_facts_before_everything_is_listed() {
    assert!(!Index::default().is_complete());
    assert!(index().is_complete());
}

#[test]
fn the_number_is_the_highest_seen_and_never_falls() {
    let mut index = index();
    assert_eq!(index.seq(), 10);
    index
        .revocations
        .take(Change::Applied(object(revocation("r", "12"))));
    assert_eq!(index.seq(), 12);
    // A deletion carries its own version; what is left is older.
    index
        .revocations
        .take(Change::Deleted(object(revocation("r", "15"))));
    assert_eq!((index.seq(), facts(&index).revocations.len()), (15, 0));
    let lease = json!({ "apiVersion": "coordination.k8s.io/v1", "kind": "Lease", "metadata": { "name": "l", "resourceVersion": "20" } });
    index.leases.take(Change::Applied(object::<Lease>(lease)));
    assert_eq!(index.seq(), 20);
    assert!(!index.groups.take(Change::Bookmark("30".to_owned())));
    assert_eq!(index.seq(), 30);
    index.credentials.take(listed(Vec::new(), "25"));
    assert_eq!(index.seq(), 30);
}

#[test]
fn a_revocation_names_the_credential_in_full() {
    let mut index = index();
    index
        .revocations
        .take(Change::Applied(object(revocation("r", "12"))));
    let revocation = &facts(&index).revocations[0];
    assert_eq!(revocation.credential.as_deref(), Some("vendor-a/x"));
    assert_eq!(revocation.solution.as_deref(), Some("vendor-a/his"));
}

#[test]
fn the_certificate_before_is_in_the_facts_until_its_end_is_told() {
    let mut index = index();
    assert_eq!(facts(&index).credentials[0].previous, None);
    let mut renewed = credential("11", "False");
    renewed["status"]["previous"] = json!({ "certificateSha256": "cd", "until": "2026-12-01T00:00:00Z" });
    index.credentials.take(Change::Applied(object(renewed.clone())));
    let previous = facts(&index).credentials[0].previous.clone().unwrap();
    assert_eq!(previous.certificate_sha256, "cd");
    assert_eq!(previous.until.to_string(), "2026-12-01T00:00:00Z");
    renewed["status"]["previous"]["until"] = json!("later");
    index.credentials.take(Change::Applied(object(renewed)));
    assert_eq!(facts(&index).credentials[0].previous, None);
}

#[test]
fn a_credential_counts_while_its_controller_stands_by_it() {
    let mut index = index();
    let facts_now = facts(&index);
    assert_eq!(facts_now.credentials[0].kind, "hospital");
    assert_eq!(facts_now.credentials[0].name, "vendor-a/x");
    index
        .credentials
        .take(Change::Applied(object(credential("11", "True"))));
    assert!(facts(&index).credentials.is_empty());
}

#[test]
fn a_vendor_that_signs_up_gets_people_of_its_own() {
    let mut index = index();
    let realm = |index: &Index| {
        let facts = facts(index);
        (
            index.seq(),
            facts.credentials.first().map(|first| first.realm.clone()),
        )
    };
    assert_eq!(realm(&index), (10, Some(None)), "the demonstration's");
    index.vendors.take(Change::Applied(object(vendor("11", "a-1"))));
    assert_eq!(realm(&index), (11, Some(Some("a-1".to_owned()))));
    index.vendors.take(Change::Applied(object(vendor("12", "a-2"))));
    assert_eq!(
        realm(&index),
        (12, Some(Some("a-2".to_owned()))),
        "a new population"
    );
    let mut unreadable = vendor("13", "a-2");
    unreadable["spec"] = json!({ "organisation": 1 });
    index.vendors.take(Change::Applied(object(unreadable)));
    assert_eq!(realm(&index), (13, None), "nobody knows whose people it sees");
    index.vendors.take(Change::Deleted(object(vendor("14", "a-2"))));
    let mut off = platform("15");
    off["spec"]["demonstration"] = json!(false);
    index.platforms.take(Change::Applied(object(off)));
    assert_eq!(
        realm(&index),
        (15, Some(Some("sandbox".to_owned()))),
        "no real people in a sandbox"
    );
}

#[test]
fn a_revoked_credential_stays_beside_its_revocation_and_not_without() {
    let mut index = index();
    let refused = || Change::Applied(object(credential_because("11", "True", "Revoked")));
    index.credentials.take(refused());
    assert!(facts(&index).credentials.is_empty());
    index
        .revocations
        .take(Change::Applied(object(revocation("r", "12"))));
    let facts_now = facts(&index);
    assert_eq!((facts_now.credentials.len(), facts_now.revocations.len()), (1, 1));
}

#[test]
fn an_unreadable_revocation_is_not_overlooked() {
    let mut index = index();
    let mut bad = revocation("r", "12");
    bad["spec"] = json!({ "solution": 1 });
    index.revocations.take(Change::Applied(object(bad)));
    assert!(index.is_blind());
    index
        .revocations
        .take(Change::Applied(object(revocation("r", "13"))));
    assert!(!index.is_blind());
}

#[test]
fn the_demonstrations_issuer_is_there_while_it_is_on() {
    let mut index = index();
    let issuer = &facts(&index).issuers[0];
    assert!(issuer.demonstration && issuer.url.ends_with("/v1/people/identity/oidc"));
    let mut off = platform("11");
    off["spec"]["demonstration"] = json!(false);
    index.platforms.take(Change::Applied(object(off)));
    assert!(facts(&index).issuers.is_empty() && !facts(&index).demonstration);
}

#[test]
fn silence_is_told_after_two_seconds_and_dates_from_its_beginning() {
    let start: Timestamp = "2026-11-25T10:00:00Z".parse().unwrap();
    let after = |milliseconds: i64| start + SignedDuration::from_millis(milliseconds);
    let mut pulse = Pulse::new(start);
    assert_eq!(pulse.stale_since(after(2000)), None);
    assert_eq!(pulse.stale_since(after(2100)), Some(start));
    pulse.answered(after(2200), 7, 0);
    assert_eq!(pulse.stale_since(after(3000)), None);
    // It answers, but the watch has not brought what it answered with a second ago.
    pulse.answered(after(4300), 9, 6);
    assert_eq!(pulse.stale_since(after(4300)), Some(after(2200)));
    pulse.answered(after(5300), 9, 9);
    assert_eq!(pulse.stale_since(after(5300)), None);
}

#[tokio::test]
async fn a_line_is_signed_over_exactly_its_payload() {
    use base64::Engine as _;
    use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
    let bao = dmp_testkit::Bao::shared();
    let client = dmp_keys::Client::root(&bao.config(None)).unwrap();
    let signer = dmp_keys::Signer::new(client, "facts");
    let line = super::publish::sign(&signer, None, &facts(&index()))
        .await
        .unwrap();
    assert_eq!(line.last(), Some(&b'\n'));
    let signed: SignedFacts = serde_json::from_slice(&line).unwrap();
    let public = bao.public_key(None, "facts").await;
    assert_eq!(signed.kid, public.kid);
    let key = aws_lc_rs::signature::UnparsedPublicKey::new(
        &aws_lc_rs::signature::ED25519,
        URL_SAFE_NO_PAD.decode(public.x).unwrap(),
    );
    key.verify(
        signed.payload.as_bytes(),
        &STANDARD.decode(&signed.signature).unwrap(),
    )
    .unwrap();
}

#[tokio::test]
async fn without_openbao_the_reserve_signs_under_its_grant() {
    use super::publish::sign;
    use super::reserve::Reserve;
    use base64::Engine as _;
    use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
    use dmp_client::facts::{Grant, MAX_GRANT, grant_message};
    let bao = dmp_testkit::Bao::start();
    let signer = dmp_keys::Signer::new(dmp_keys::Client::root(&bao.config(None)).unwrap(), "facts");
    let public = bao.public_key(None, "facts").await;
    let facts = || Facts {
        at: Timestamp::now(),
        ..facts(&index())
    };
    let (mut reserve, mut never) = (Reserve::new().unwrap(), Reserve::new().unwrap());
    let line = sign(&signer, Some(&mut reserve), &facts()).await.unwrap();
    let signed: SignedFacts = serde_json::from_slice(&line).unwrap();
    assert!(signed.grant.is_none(), "OpenBao answers: it signs itself");
    drop(bao);

    let line = sign(&signer, Some(&mut reserve), &facts()).await.unwrap();
    let signed: SignedFacts = serde_json::from_slice(&line).unwrap();
    let granted = signed.grant.unwrap();
    let verify = |x: &str, message: &[u8], signature: &str| {
        let key = URL_SAFE_NO_PAD.decode(x).unwrap();
        aws_lc_rs::signature::UnparsedPublicKey::new(&aws_lc_rs::signature::ED25519, key)
            .verify(message, &STANDARD.decode(signature).unwrap())
            .unwrap();
    };
    verify(&public.x, &grant_message(&granted.payload), &granted.signature);
    let grant: Grant = serde_json::from_str(&granted.payload).unwrap();
    verify(&grant.x, signed.payload.as_bytes(), &signed.signature);
    assert_eq!(grant.not_before.duration_until(grant.not_after), MAX_GRANT);
    assert!(
        reserve.sign("{}", grant.not_after).is_none(),
        "not beyond its grant"
    );
    assert!(
        sign(&signer, Some(&mut never), &facts()).await.is_err(),
        "nothing was ever granted"
    );
}

mod stream {
    //! Over real mTLS: a gateway gets the newest edition at once and each new one; nobody else gets any.

    use std::sync::Arc;
    use std::time::{Duration, Instant};

    use axum::body::Bytes;
    use dmp_client::facts::{STREAM, STREAM_V1};
    use dmp_testkit::{TestPlatform, TestService};
    use tokio_util::sync::CancellationToken;

    use crate::facts::publish::{Edition, Voices};
    use crate::facts::shards::Written;
    use crate::facts::stream::{Streams, router};

    fn edition(line: &'static str, shards: &[(u16, &'static str)]) -> Option<Edition> {
        let shards = shards.iter().map(|(number, text)| {
            let shard = Written {
                sha256: (*text).to_owned(),
                line: Bytes::from_static(text.as_bytes()),
            };
            (*number, Arc::new(shard))
        });
        Some(Edition {
            line: Bytes::from_static(line.as_bytes()),
            shards: Arc::new(shards.collect()),
        })
    }

    /// What comes until it is as long as what is wanted.
    async fn heard(answer: &mut reqwest::Response, wanted: &str) {
        let mut text = String::new();
        while text.len() < wanted.len() {
            let chunk = tokio::time::timeout(Duration::from_secs(5), answer.chunk()).await;
            let chunk = chunk.expect("within 5 s").unwrap().expect("the stream goes on");
            text.push_str(std::str::from_utf8(&chunk).unwrap());
        }
        assert_eq!(text, wanted);
    }

    #[tokio::test]
    async fn gateways_hear_at_once_and_nobody_else_does() {
        let platform = TestPlatform::new();
        let voices = Voices::default();
        let (x, y, z) = ("[1]\n", "[2]\n", "[3]\n");
        voices
            .editions
            .send_replace(edition("{first}\n", &[(7, x), (9, y)]));
        let shutdown = CancellationToken::new();
        let streams = Streams {
            voices: voices.clone(),
            shutdown: shutdown.clone(),
        };
        let operator = platform.pki.service("dmp-system", "dmp-operator");
        let service = TestService::start(&operator, router(dmp_testkit::DOMAIN, streams)).await;

        let records = platform.pki.service("dmp-a", "records").http_client().unwrap();
        for path in [STREAM, STREAM_V1] {
            let refused = records.get(service.url(path)).send().await.unwrap();
            assert_eq!(refused.status(), 403);
        }

        let gateway = platform.pki.service("dmp-national", "gateway");
        let gateway = gateway.http_client().unwrap();
        let mut answer = gateway.get(service.url(STREAM)).send().await.unwrap();
        assert_eq!(answer.status(), 200);
        assert_eq!(answer.headers()["content-type"], "application/x-ndjson");
        heard(&mut answer, "{first}\n[1]\n[2]\n").await;
        let start = Instant::now();
        voices
            .editions
            .send_replace(edition("{second}\n", &[(7, z), (9, y)]));
        heard(&mut answer, "{second}\n[3]\n").await;
        assert!(start.elapsed() < Duration::from_millis(500));
        voices.editions.send_replace(edition("{third}\n", &[(9, y)]));
        heard(&mut answer, "{third}\n").await;
        // One that was not named meanwhile is told again.
        voices
            .editions
            .send_replace(edition("{fourth}\n", &[(7, z), (9, y)]));
        heard(&mut answer, "{fourth}\n[3]\n").await;
        shutdown.cancel();
        // The end of the body (HTTP/2 may send it as an empty frame).
        while let Some(rest) = answer.chunk().await.unwrap() {
            assert!(rest.is_empty());
        }
    }

    #[tokio::test]
    async fn a_gateway_of_the_release_before_hears_whole_lines_while_it_listens() {
        let platform = TestPlatform::new();
        let voices = Voices::default();
        let streams = Streams {
            voices: voices.clone(),
            shutdown: CancellationToken::new(),
        };
        let operator = platform.pki.service("dmp-system", "dmp-operator");
        let service = TestService::start(&operator, router(dmp_testkit::DOMAIN, streams)).await;
        assert_eq!(voices.whole.receiver_count(), 0, "nothing is signed for nobody");
        let gateway = platform.pki.service("dmp-national", "gateway");
        let gateway = gateway.http_client().unwrap();
        let mut answer = gateway.get(service.url(STREAM_V1)).send().await.unwrap();
        assert_eq!(voices.whole.receiver_count(), 1);
        voices.whole.send_replace(Some(Bytes::from_static(b"{whole}\n")));
        heard(&mut answer, "{whole}\n").await;
    }
}

#[test]
fn a_bad_request_for_the_next_certificate_leaves_the_present_one() {
    let mut index = index();
    for (version, reason) in [("11", "InvalidCsr"), ("12", "CsrRefused")] {
        index.credentials.take(Change::Applied(object(credential_because(
            version, "True", reason,
        ))));
        assert_eq!(facts(&index).credentials.len(), 1, "{reason}");
    }
}
