//! One request, one trace, through the services; and nothing personal in what leaves.

use std::collections::BTreeSet;
use std::time::{Duration, Instant};

use dmp_core::ids::PatientId;
use dmpctl::scan::{Needle, Scanner};
use reqwest::header::HeaderMap;

use crate::collector::Seen;
use crate::world::{ESTABLISHMENT, PHYSICIAN, World};

/// Every attribute a span may have, and a resource.
const OF_SPANS: [&str; 4] = [
    "http.request.method",
    "http.route",
    "http.response.status_code",
    "dmp.correlation",
];
const OF_RESOURCES: [&str; 3] = ["service.name", "service.namespace", "service.version"];

/// What a caller outside makes up.
const FOREIGN_TRACE: &str = "0af7651916cd43dd8448eb211c80319c";

/// Waits until spans of all `services` with this correlation id are there; spans are sent every 5 s.
async fn trace(world: &World, correlation: &str, services: &[&str]) -> Vec<Seen> {
    let start = Instant::now();
    loop {
        let spans = world.collector.spans().into_iter();
        let spans: Vec<Seen> = spans
            .filter(|seen| seen.attribute("dmp.correlation").as_deref() == Some(correlation))
            .collect();
        let from: BTreeSet<&str> = spans.iter().map(|seen| seen.service.as_str()).collect();
        if services.iter().all(|service| from.contains(service)) {
            return spans;
        }
        assert!(
            start.elapsed() < Duration::from_secs(20),
            "spans of {from:?} only; the gateway said:\n{}",
            world.services.last().unwrap().log()
        );
        tokio::time::sleep(Duration::from_millis(250)).await;
    }
}

/// One tree: the gateway's span at its root, every other below another of it.
fn check_tree(spans: &[Seen]) {
    let ids: BTreeSet<&[u8]> = spans.iter().map(|seen| seen.span.span_id.as_slice()).collect();
    let traces: BTreeSet<&[u8]> = spans.iter().map(|seen| seen.span.trace_id.as_slice()).collect();
    assert_eq!(traces.len(), 1, "one trace");
    for seen in spans {
        if seen.service == "gateway" {
            assert!(
                seen.span.parent_span_id.is_empty(),
                "a trace begins at the gateway"
            );
        } else {
            assert!(ids.contains(seen.span.parent_span_id.as_slice()), "{seen:?}");
        }
    }
}

fn check_fields(spans: &[Seen]) {
    for seen in spans {
        let route = seen.attribute("http.route").unwrap();
        let method = seen.attribute("http.request.method").unwrap();
        assert_eq!(seen.span.name, format!("{method} {route}"));
        assert_eq!(
            seen.attribute("http.response.status_code").as_deref(),
            Some("200")
        );
        let keys: BTreeSet<&str> = seen.span.attributes.iter().map(|a| a.key.as_str()).collect();
        assert_eq!(keys, OF_SPANS.into(), "{seen:?}");
        let keys: BTreeSet<&str> = seen.resource.iter().map(|a| a.key.as_str()).collect();
        assert_eq!(keys, OF_RESOURCES.into());
        assert!(
            seen.span.events.is_empty() && seen.span.links.is_empty() && seen.span.trace_state.is_empty()
        );
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_request_is_one_trace_through_its_services_and_says_nothing_of_the_patient() {
    let world = World::start().await;
    let mut outside = HeaderMap::new();
    outside.insert(
        "traceparent",
        format!("00-{FOREIGN_TRACE}-b7ad6b7169203331-01").parse().unwrap(),
    );
    outside.insert("tracestate", "vendor=ghizlane".parse().unwrap());
    outside.insert("baggage", "patient=ghizlane".parse().unwrap());
    let (patient, published) = world.publish(outside).await;
    let spans = trace(
        &world,
        &published.correlation(),
        &["gateway", "registry", "consent", "records"],
    )
    .await;
    check_tree(&spans);
    check_fields(&spans);
    let names: BTreeSet<&str> = spans.iter().map(|seen| seen.span.name.as_str()).collect();
    for name in [
        "POST /fhir",
        "POST /v1/submissions",
        "POST /v1/resolve",
        "POST /v1/facts",
    ] {
        assert!(names.contains(name), "{name} is missing in {names:?}");
    }
    let foreign = hex::decode(FOREIGN_TRACE).unwrap();
    assert_ne!(
        spans[0].span.trace_id, foreign,
        "the gateway took a trace from outside"
    );

    let trail = world.patient(patient, "/dmp/v1/trail").await;
    assert_eq!(trail.status, 200, "{}", trail.body);
    let spans = trace(&world, &trail.correlation(), &["gateway", "audit", "registry"]).await;
    check_tree(&spans);
    check_fields(&spans);

    // What audit pulls by itself every second begins no trace.
    let routes: BTreeSet<String> = world
        .collector
        .spans()
        .iter()
        .filter_map(|seen| seen.attribute("http.route"))
        .collect();
    assert!(
        routes.iter().all(|route| !route.starts_with("/v1/log/")),
        "{routes:?}"
    );

    nothing_personal(&world, patient, &published.correlation());
}

/// The bytes that were sent, searched as the demonstration's last step searches everything.
fn nothing_personal(world: &World, patient: PatientId, correlation: &str) {
    let mut needles = world.case.needles();
    needles.extend([
        Needle::new("patient's id", patient.as_uuid().to_string()),
        Needle::new("physician", PHYSICIAN),
        Needle::new("establishment", ESTABLISHMENT),
        Needle::new("software", "hospital-a"),
        Needle::new("made up outside", FOREIGN_TRACE),
    ]);
    let bytes = world.collector.bytes();
    let report = Scanner::new(needles).unwrap().bytes("traces", &bytes);
    assert!(report.hits.is_empty(), "{:?}", report.hits);
    // The same search finds what is there.
    let control = Scanner::new(vec![Needle::new("correlation", correlation)]).unwrap();
    assert!(!control.bytes("traces", &bytes).hits.is_empty());
}
