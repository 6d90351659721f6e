//! Whether a production group is open, on a real API server: closed until both the platform and the group are audited and decided,
//! read only when its site's qualification ends, closed by the authority's word; told in the facts and in the conditions alike.

use dmp_client::facts::{Facts, Gate};
use dmp_homologation::statement::{AtEnd, Says, System};
use dmp_homologation::system::day;
use dmp_testkit::bodies::{Authority, Member};
use jiff::{Timestamp, ToSpan};
use serde_json::{Value, json};

use crate::control_plane::{World, samples};
use crate::facts::Stream;
use crate::homologation::{signed, status};

/// The one whose key space the world has made ready.
const GROUP: &str = "tanger-tetouan-al-hoceima";
const REPORT: &str = "6f5902ac237024bdd0c176cb93063dc46f5902ac237024bdd0c176cb93063dc4";

fn cluster(kind: &str, name: &str, spec: &Value) -> Value {
    json!({ "apiVersion": "dmp.ma/v1alpha1", "kind": kind, "metadata": { "name": name }, "spec": spec })
}

fn site(expires_in_days: i64) -> Value {
    let expires = (day(Timestamp::now()) + expires_in_days.days()).to_string();
    cluster(
        "Site",
        "casablanca-1",
        &json!({ "territory": "MA", "region": "MA-06", "qualification": { "level": "2", "expires": expires } }),
    )
}

fn platform(bodies: &[(&str, &Authority)]) -> Value {
    let mut platform = samples("platform.yaml").remove(0);
    let spec = &mut platform["spec"];
    (spec["demonstration"], spec["openbao"]["managed"]) = (json!(false), json!(false));
    let body = |(role, authority): &(&str, &Authority)| {
        json!({
            "role": role, "organisation": { "name": authority.name, "ice": authority.ice },
            "anchors": [{ "certificate": authority.certificate_pem() }],
        })
    };
    spec["bodies"] = bodies.iter().map(body).collect();
    platform
}

async fn say(world: &World, name: &str, group: Option<&str>, member: &Member, says: Says) -> Value {
    let statement = System {
        domain: "dmp.test".to_owned(),
        health_group: group.map(ToOwned::to_owned),
        says,
        comment: "essai".to_owned(),
        signed_at: Timestamp::now(),
    };
    let spec = json!({ "healthGroup": group, "statement": signed(member, &statement) });
    let word = cluster("SystemHomologation", name, &spec);
    world.apply(&word).await;
    word
}

fn gate(facts: &Facts) -> Option<Gate> {
    let group = facts.groups.iter().find(|group| group.name.as_str() == GROUP);
    group.map(|group| group.gate)
}

/// Waits until the public reads this, by the authority, of whom for how many days: no audit, no word that does not count.
async fn published(world: &World, expected: &[(Option<&str>, &str, Option<i64>)]) {
    let catalogue = cluster("Catalogue", "national", &json!({}));
    let opening = |(group, says, days): &(Option<&str>, &str, Option<i64>)| {
        let until = days.map(|days| (day(Timestamp::now()) + days.days()).to_string());
        json!([group, says, "authority", "Autorité", until])
    };
    let expected: Value = expected.iter().map(opening).collect();
    let mut shown = Value::Null;
    for _ in 0..100 {
        let found = world.get(&catalogue).await.unwrap_or_default();
        let openings = found["status"]["openings"]
            .as_array()
            .cloned()
            .unwrap_or_default();
        let of = |one: Value| {
            json!([
                one["healthGroup"],
                one["says"],
                one["role"],
                one["body"],
                one["until"]
            ])
        };
        shown = openings.into_iter().map(of).collect();
        if shown == expected {
            return;
        }
        tokio::time::sleep(std::time::Duration::from_millis(100)).await;
    }
    assert_eq!(shown, expected);
}

#[tokio::test]
async fn a_production_group_opens_by_two_signed_words_each_and_closes_by_one() {
    let Some(mut world) = World::start().await else {
        return;
    };
    let auditor = Authority::new("Audit SA", "000000000000011");
    let authority = Authority::new("Autorité", "000000000000012");
    let (port, _) = world.operator("one");
    world.apply(&site(100)).await;
    let platform = platform(&[("auditor", &auditor), ("authority", &authority)]);
    world.apply(&platform).await;
    let mut group = samples("groups.yaml").remove(0);
    (group["spec"]["mode"], group["spec"]["site"]) = (json!("production"), json!("casablanca-1"));
    group["spec"]["controller"]["cndpReceipt"] = json!("D-1/2026");
    world.apply(&group).await;
    world.until(&platform, "Homologated", "False", "Undecided").await;
    world.until(&group, "Homologated", "False", "Undecided").await;
    let mut stream = Stream::open(&world, port, "gateway").await.unwrap();
    let (facts, _) = stream.until(|facts| gate(facts) == Some(Gate::Closed)).await;
    assert_eq!(facts.gate, Gate::Closed);

    let audit = || Says::Audit {
        favourable: true,
        audited_at: day(Timestamp::now()),
        report_sha256: REPORT.to_owned(),
    };
    let decision = || Says::Decision {
        report_sha256: REPORT.to_owned(),
        until: day(Timestamp::now()) + 300.days(),
        at_end: AtEnd::ReadOnly,
    };
    let (a, d) = (auditor.person("a1"), authority.person("d1"));
    say(&world, "group-audit", Some(GROUP), &a, audit()).await;
    let decided = say(&world, "group-decision", Some(GROUP), &d, decision()).await;
    world.until(&decided, "Ready", "True", "Ready").await;
    world
        .until(&group, "Homologated", "False", "PlatformNotHomologated")
        .await;
    let shown = status(&world, &decided).await;
    assert_eq!(
        (&shown["says"], &shown["role"]),
        (&json!("decision"), &json!("authority"))
    );
    say(&world, "platform-decision", None, &d, decision()).await;
    world
        .until(&platform, "Homologated", "False", "AuditMissing")
        .await;
    say(&world, "platform-audit", None, &a, audit()).await;
    let (facts, took) = stream.until(|facts| gate(facts) == Some(Gate::Open)).await;
    eprintln!("the last word opened it after {took:?}");
    assert_eq!(facts.gate, Gate::Open);
    world.until(&platform, "Homologated", "True", "Active").await;
    world.until(&group, "Homologated", "True", "Active").await;
    published(
        &world,
        &[
            (None, "decision", Some(300)),
            (Some(GROUP), "decision", Some(300)),
        ],
    )
    .await;

    // What counts for nothing, and says so.
    let stranger = Authority::new("Autorité", "000000000000012").person("d1");
    for (name, member, group, reason) in [
        ("by-a-stranger", &stranger, Some(GROUP), "UnknownSigner"),
        ("by-the-auditor", &a, Some(GROUP), "WrongBody"),
        ("of-nobody", &d, Some("nobody"), "HealthGroupNotFound"),
    ] {
        let word = say(&world, name, group, member, Says::Refusal).await;
        world.until(&word, "Ready", "False", reason).await;
    }
    world.until(&group, "Homologated", "True", "Active").await;

    // The site's qualification ends: as after the end of the decision. It is renewed.
    world.apply(&site(-1)).await;
    let (facts, took) = stream.until(|facts| gate(facts) == Some(Gate::ReadOnly)).await;
    eprintln!("the end of the site's qualification closed it to new data after {took:?}");
    assert_eq!(facts.gate, Gate::ReadOnly);
    world
        .until(&group, "Homologated", "False", "SiteNotQualified")
        .await;
    world.apply(&site(100)).await;
    stream.until(|facts| gate(facts) == Some(Gate::Open)).await;

    // The authority's word closes it, at once; nobody takes the word away.
    let refused = say(&world, "group-refusal", Some(GROUP), &d, Says::Refusal).await;
    let (facts, took) = stream.until(|facts| gate(facts) == Some(Gate::Closed)).await;
    eprintln!("the refusal closed it after {took:?}");
    assert_eq!(facts.gate, Gate::Open, "the platform stays open");
    world.until(&group, "Homologated", "False", "Refused").await;
    published(
        &world,
        &[(None, "decision", Some(300)), (Some(GROUP), "refusal", None)],
    )
    .await;
    let kept = world.delete(&refused).await.unwrap_err();
    assert!(kept.contains("the record of a homologation is kept"), "{kept}");

    // A replica that starts now says the same before it says anything else.
    world.kill("one");
    let (port, _) = world.operator("two");
    let mut stream = Stream::open(&world, port, "gateway").await.unwrap();
    let (facts, _) = stream.until(|_| true).await;
    assert_eq!((facts.gate, gate(&facts)), (Gate::Open, Some(Gate::Closed)));
}
