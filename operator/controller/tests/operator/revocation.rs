//! Revocations at every level on a real API server and a real OpenBao, who is told of them, and that both bodies together lift one
//! and nobody else does.

use dmp_homologation::lift::revocation_sha256;
use dmp_homologation::sign::Signatory;
use dmp_homologation::statement::Lift;
use dmp_testkit::bodies::{Authority, Member};
use http::Method;
use jiff::Timestamp;
use rcgen::{CertificateParams, KeyPair};
use serde_json::{Value, json};

use crate::control_plane::{World, samples};
use crate::facts::Stream;
use crate::homologation::{Bodies, status};

const VENDOR_ICE: &str = "001234567000011";

fn cluster(kind: &str, name: &str, spec: &Value) -> Value {
    json!({ "apiVersion": "dmp.ma/v1alpha1", "kind": kind, "metadata": { "name": name }, "spec": spec })
}

fn credential(name: &str, inpe: &str) -> Value {
    let csr = CertificateParams::default()
        .serialize_request(&KeyPair::generate().unwrap())
        .unwrap();
    json!({
        "apiVersion": "dmp.ma/v1alpha1", "kind": "SolutionCredential",
        "metadata": { "namespace": "vendor-atlas", "name": name },
        "spec": {
            "solution": "atlas-sih", "version": "4.2", "mode": "sandbox", "csr": csr.pem().unwrap(),
            "establishment": { "inpe": inpe }, "healthGroup": "tanger-tetouan-al-hoceima",
        },
    })
}

/// A platform with bodies, and a vendor whose product has two certificates.
async fn set_up(world: &World, bodies: &Bodies) -> [Value; 2] {
    let mut platform = samples("platform.yaml").remove(0);
    platform["spec"]["bodies"] = bodies.as_spec();
    world.apply(&platform).await;
    world.apply(&samples("groups.yaml").remove(0)).await;
    for mut object in samples("vendor.yaml").into_iter().take(3) {
        if object["kind"] == "Solution" {
            object["spec"]["organisation"] = json!({ "name": "Atlas Santé", "ice": VENDOR_ICE });
        }
        world.apply(&object).await;
    }
    let both = [credential("one", "123456789"), credential("two", "987654321")];
    for wanted in &both {
        world.apply(wanted).await;
        world.until(wanted, "Ready", "True", "Ready").await;
    }
    both
}

async fn line_of(world: &World, revocation: &Value, subsystem: &str) -> Value {
    let status = status(world, revocation).await;
    let lines = status["ledger"].as_array().cloned().unwrap_or_default();
    let found = lines.into_iter().find(|line| line["subsystem"] == subsystem);
    found.unwrap_or(Value::Null)
}

/// Serial numbers on the list of the solutions' CA.
async fn listed(world: &World) -> Vec<String> {
    let list = Method::from_bytes(b"LIST").unwrap();
    let answer = world
        .bao
        .call(None, list, "pki-solutions/certs/revoked", Value::Null)
        .await;
    let keys = answer["data"]["keys"].as_array().cloned().unwrap_or_default();
    keys.iter().map(|key| key.as_str().unwrap().to_owned()).collect()
}

struct Case<'a> {
    world: &'a World,
    /// As the API server has it.
    revocation: Value,
}

impl Case<'_> {
    async fn say(&self, name: &str, member: &Member, edit: impl FnOnce(&mut Lift)) -> Value {
        let spec = serde_json::from_value(self.revocation["spec"].clone()).unwrap();
        let mut statement = Lift {
            revocation: self.revocation["metadata"]["name"].as_str().unwrap().to_owned(),
            uid: self.revocation["metadata"]["uid"].as_str().unwrap().to_owned(),
            revocation_sha256: revocation_sha256(&spec),
            comment: "corrigé".to_owned(),
            signed_at: Timestamp::now(),
        };
        edit(&mut statement);
        let signatory = Signatory::new(&member.chain_pem, &member.key_pem).unwrap();
        let spec = json!({
            "revocation": self.revocation["metadata"]["name"], "statement": signatory.sign(&statement).unwrap(),
        });
        let lift = cluster("RevocationLift", name, &spec);
        self.world.apply(&lift).await;
        lift
    }
}

#[tokio::test]
async fn a_vendor_is_closed_told_of_and_opened_again_by_both_bodies_alone() {
    let Some(mut world) = World::start().await else {
        return;
    };
    let bodies = Bodies::new();
    let (port, _) = world.operator("one");
    let [mut one, two] = set_up(&world, &bodies).await;
    // One has just been renewed: the certificate before is still good.
    let replaced = status(&world, &one).await;
    one["spec"]["csr"] = credential("one", "123456789")["spec"]["csr"].clone();
    world.apply(&one).await;
    let renewed = || async { status(&world, &one).await["previous"].is_object() };
    world.wait("the next certificate", renewed).await;
    let before = status(&world, &one).await;
    assert_ne!(before["serial"], replaced["serial"]);
    let rate = |per_second: u32, burst: u32| json!({ "perSecond": per_second, "burst": burst });
    let mut quota = rate(200, 400);
    (quota["establishment"], quota["person"]) = (rate(400, 800), rate(20, 60));
    assert_eq!(before["quota"], quota, "a hospital's, and what it shares");
    let mut stream = Stream::open(&world, port, "gateway").await.unwrap();
    let (facts, _) = stream.until(|facts| facts.credentials.len() == 2).await;
    assert!(facts.revocations.is_empty() && facts.lifted.is_empty());

    let spec = json!({ "vendor": "atlas", "reason": "fuite" });
    let revocation = cluster("SolutionRevocation", "atlas", &spec);
    let live = world.apply(&revocation).await;
    let (facts, _) = stream.until(|facts| !facts.revocations.is_empty()).await;
    assert!(
        facts
            .credentials
            .iter()
            .all(|credential| facts.revocations[0].closes(credential))
    );
    assert_eq!(facts.revocations[0].vendor.as_deref(), Some("vendor-atlas"));
    for closed in [&one, &two] {
        world.until(closed, "Revoked", "True", "Revoked").await;
        world.until(closed, "CertificateListed", "True", "Listed").await;
    }
    let told = || async { line_of(&world, &revocation, "certificates").await["state"] == "done" };
    world.wait("the ledger is done", told).await;
    let number = live["metadata"]["resourceVersion"].as_str().unwrap();
    let facts_line = line_of(&world, &revocation, "facts").await;
    assert_eq!(facts_line["message"], format!("in force from number {number} on"));
    assert!(facts.seq >= number.parse().unwrap());
    let on_the_list = listed(&world).await;
    for closed in [&before, &replaced] {
        let serial = closed["serial"].as_str().unwrap().to_owned();
        assert!(on_the_list.contains(&serial), "{serial}: {on_the_list:?}");
    }
    let status_now = status(&world, &revocation).await;
    assert_eq!(
        (&status_now["credentials"], &status_now["lifted"]),
        (&json!(2), &json!(false))
    );

    // One body; and what counts for nothing beside it.
    let case = Case {
        world: &world,
        revocation: live,
    };
    let interop = case.say("interop", &bodies.interop.person("i1"), |_| {}).await;
    world.until(&interop, "Ready", "True", "Ready").await;
    assert_eq!(status(&world, &interop).await["role"], "interop");
    let security = |person: &str| bodies.security.person(person);
    let stranger = Authority::new("Entité de sécurité", "000000000000002").person("s1");
    let own = bodies.security.employed("s2", "Autre", VENDOR_ICE);
    for (name, reason, lift) in [
        (
            "again",
            "Ready",
            case.say("again", &bodies.interop.person("i2"), |_| {}).await,
        ),
        (
            "same-person",
            "NotDistinct",
            case.say("same-person", &security("i1"), |_| {}).await,
        ),
        (
            "stranger",
            "UnknownSigner",
            case.say("stranger", &stranger, |_| {}).await,
        ),
        (
            "own-product",
            "OwnProduct",
            case.say("own-product", &own, |_| {}).await,
        ),
        (
            "other-text",
            "OtherRevocation",
            case.say("other-text", &security("s3"), |lift| {
                lift.revocation_sha256 = "0".repeat(64)
            })
            .await,
        ),
        (
            "other-uid",
            "OtherRevocation",
            case.say("other-uid", &security("s3"), |lift| lift.uid = "u".to_owned())
                .await,
        ),
    ] {
        let ready = if reason == "Ready" { "True" } else { "False" };
        world.until(&lift, "Ready", ready, reason).await;
        assert_eq!(
            status(&world, &revocation).await["lifted"],
            json!(false),
            "{name}"
        );
    }
    let (facts, _) = stream.until(|facts| facts.seq > 0).await;
    assert_eq!((facts.revocations.len(), facts.lifted.len()), (1, 0));
    assert_eq!(
        world.condition(&revocation, "InForce").await.unwrap(),
        ("True".to_owned(), "InForce".to_owned())
    );

    // The other one: open again, each with a new certificate, for the old one is on the list.
    case.say("security", &security("s4"), |_| {}).await;
    let (lifted, took) = stream.until(|facts| facts.revocations.is_empty()).await;
    eprintln!("the second signature lifted it after {took:?}");
    assert_eq!(lifted.lifted.len(), 1);
    assert!(lifted.seq > facts.seq);
    world.until(&revocation, "InForce", "False", "Lifted").await;
    for open in [&one, &two] {
        world.until(open, "Ready", "True", "Ready").await;
    }
    let after = status(&world, &one).await;
    assert_ne!(after["serial"], before["serial"]);
    assert_eq!(after["listedSerial"], before["serial"]);
    assert_eq!(after["previous"], Value::Null);
    let (facts, _) = stream
        .until(|facts| {
            let own = facts
                .credentials
                .iter()
                .find(|own| own.name == "vendor-atlas/one");
            own.is_some_and(|own| after["certificateSha256"] == own.certificate_sha256.as_str())
        })
        .await;
    assert!(facts.revocations.is_empty());

    for kept in [&revocation, &interop] {
        let refused = world.delete(kept).await.unwrap_err();
        assert!(refused.contains("cannot be deleted"), "{refused}");
    }
    // Who changes their mind revokes again.
    let again = cluster("SolutionRevocation", "atlas-again", &spec);
    world.apply(&again).await;
    let (facts, _) = stream.until(|facts| !facts.revocations.is_empty()).await;
    assert_eq!((facts.revocations.len(), facts.lifted.len()), (1, 1));
    world.until(&one, "Revoked", "True", "Revoked").await;
}

#[tokio::test]
async fn an_installation_is_closed_alone_and_the_leaders_end_changes_nothing() {
    let Some(mut world) = World::start().await else {
        return;
    };
    let bodies = Bodies::new();
    world.operator("one");
    let [one, two] = set_up(&world, &bodies).await;
    let (port, _) = world.operator("two");
    let mut stream = Stream::open(&world, port, "gateway").await.unwrap();
    stream.until(|facts| facts.credentials.len() == 2).await;

    // The leader ends with the API server's answer: the other replica tells of it all the same.
    let spec = json!({ "solution": "vendor-atlas/atlas-sih", "establishment": "123456789", "reason": "vol" });
    let revocation = cluster("SolutionRevocation", "one", &spec);
    world.apply(&revocation).await;
    world.kill("one");
    let (facts, took) = stream.until(|facts| !facts.revocations.is_empty()).await;
    eprintln!("told by the other replica after {took:?}");
    let closed: Vec<_> = facts
        .credentials
        .iter()
        .filter(|own| facts.revocations[0].closes(own))
        .map(|own| own.name.as_str())
        .collect();
    assert_eq!(closed, ["vendor-atlas/one"]);
    // What was left of the ledger, the next leader does.
    world.until(&one, "CertificateListed", "True", "Listed").await;
    let told = || async { line_of(&world, &revocation, "certificates").await["state"] == "done" };
    world.wait("the ledger is done", told).await;
    assert_eq!(world.condition(&two, "Ready").await.unwrap().0, "True");
}
