//! The OSCAL documents of each day on a real API server: one object a day, readable as it was made; old ones go.

use dmp_evaluator::bundles::Bundles;
use dmp_evaluator::publish::Publisher;
use dmp_evaluator::run::once;
use dmp_policies::oscal::kept::{Bundle, name};
use jiff::civil::{Date, date};
use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp};
use k8s_openapi::api::core::v1::ConfigMap;
use kube::api::ListParams;
use kube::{Api, ResourceExt as _};
use serde_json::{Value, json};

use crate::world::{World, manifests};

fn noon(days: i64) -> Timestamp {
    let today = Timestamp::now().to_zoned(TimeZone::UTC).date();
    let noon = today.at(12, 0, 0, 0).to_zoned(TimeZone::UTC).unwrap();
    noon.timestamp() + SignedDuration::from_hours(24 * days)
}

fn day_of(at: Timestamp) -> Date {
    at.to_zoned(TimeZone::UTC).date()
}

fn object(name: &str) -> Value {
    json!({ "apiVersion": "v1", "kind": "ConfigMap", "metadata": { "name": name, "namespace": "dmp-evidence" } })
}

fn platform() -> Value {
    manifests("samples/platform.yaml").remove(0)
}

async fn pass(world: &World, publisher: &mut Publisher, at: Timestamp) {
    once(&world.evaluator, &world.catalogue, publisher, at)
        .await
        .unwrap();
}

async fn kept(world: &World) -> Vec<ConfigMap> {
    let api = Api::<ConfigMap>::namespaced(world.administrator.clone(), "dmp-evidence");
    let all = api.list(&ListParams::default()).await.unwrap();
    let mut days: Vec<_> = all
        .items
        .into_iter()
        .filter(|one| one.name_any().starts_with("oscal-"))
        .collect();
    days.sort_by_key(|one| one.name_any());
    days
}

fn unpacked(object: &ConfigMap) -> Bundle {
    let gzip = &object.binary_data.as_ref().unwrap()["bundle.json.gz"].0;
    Bundle::unpack(gzip, &object.data.as_ref().unwrap()["sha256"]).unwrap()
}

#[tokio::test]
async fn a_day_has_one_bundle_of_the_report_that_its_line_names() {
    let Some(world) = World::start().await else {
        return;
    };
    let mut publisher = Publisher::default();
    pass(&world, &mut publisher, noon(0)).await;
    assert!(
        kept(&world).await.is_empty(),
        "there is no platform that it would be of"
    );
    world.apply(&platform()).await;
    for _ in 0..2 {
        pass(&world, &mut publisher, noon(0)).await;
    }
    let first = kept(&world).await;
    assert_eq!(first.len(), 1);
    assert_eq!(first[0].name_any(), name(day_of(noon(0))));
    let bundle = unpacked(&first[0]);
    let uid = world.get(&platform()).await.unwrap()["metadata"]["uid"].clone();
    assert_eq!(json!(bundle.platform_uid), uid);
    assert!(
        bundle
            .documents
            .iter()
            .any(|one| one.file == "assessment-results.json")
    );

    // Another process on the same day, and two at once on the next.
    pass(&world, &mut Publisher::default(), noon(0)).await;
    assert_eq!(
        kept(&world).await,
        first,
        "not a byte of the object, its version included"
    );
    let mut other = Publisher::default();
    tokio::join!(
        pass(&world, &mut publisher, noon(1)),
        pass(&world, &mut other, noon(1))
    );
    let both = kept(&world).await;
    assert_eq!(both.len(), 2);
    let line = world
        .get(&object(&format!("posture-{}", day_of(noon(1)).year())))
        .await
        .unwrap();
    let days = line["data"]["days"].as_str().unwrap();
    let of_the_day = days
        .lines()
        .find(|one| one.starts_with(&day_of(noon(1)).to_string()));
    assert!(
        of_the_day.unwrap().contains(&unpacked(&both[1]).report),
        "{of_the_day:?}"
    );
}

#[tokio::test]
async fn old_days_go_and_the_first_of_each_month_stays() {
    let Some(world) = World::start().await else {
        return;
    };
    world.apply(&platform()).await;
    let others = ["oscal-of-somebody", "oscal-2026-02-30"];
    let old = [
        (2026, 3, 1),
        (2026, 3, 2),
        (2026, 4, 15),
        (2026, 4, 16),
        (2026, 5, 2),
    ];
    let old = old.map(|(year, month, day)| name(date(year, month, day)));
    for name in old.iter().map(String::as_str).chain(others) {
        world.apply(&object(name)).await;
    }
    let mut publisher = Publisher::default();
    publisher.bundles = Bundles::new(2, 72);
    pass(&world, &mut publisher, noon(0)).await;
    let names: Vec<_> = kept(&world).await.iter().map(|one| one.name_any()).collect();
    let mut expected: Vec<_> = others.map(ToOwned::to_owned).into();
    expected.extend([&old[0], &old[2], &old[4]].map(Clone::clone));
    expected.push(name(day_of(noon(0))));
    expected.sort();
    assert_eq!(names, expected);
}
