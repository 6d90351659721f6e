//! An incident on a real API server with the operator's own binary: a clock runs out by itself, receipts stop clocks, it is closed
//! when everybody was told, and kept.

use dmp_testkit::kubernetes::api_of;
use jiff::{SignedDuration, Timestamp};
use kube::api::{Patch, PatchParams};
use serde_json::{Value, json};

use crate::control_plane::World;
use crate::homologation::status;

/// Until the group's hour is over, when the incident comes: long enough to see the warning before it.
const LEFT: SignedDuration = SignedDuration::from_secs(12);

fn incident(name: &str, aware: Timestamp) -> Value {
    json!({
        "apiVersion": "dmp.ma/v1alpha1", "kind": "Incident", "metadata": { "name": name },
        "spec": {
            "awareAt": aware.to_string(), "severity": "major", "summary": "an account was used by somebody else",
            "affects": { "groups": ["oriental"] }, "personalData": false,
        },
    })
}

fn receipt(to: &str, group: Option<&str>) -> Value {
    let mut receipt =
        json!({ "to": to, "sentAt": Timestamp::now().to_string(), "reference": format!("AR {to}") });
    if let Some(group) = group {
        receipt["group"] = json!(group);
    }
    receipt
}

/// How often an event with that reason was published, with its note.
async fn events(world: &World, reason: &str) -> Vec<String> {
    let all = world
        .list("events.k8s.io", "Event", "events", Some("default"))
        .await;
    let all = all.unwrap_or_default();
    let mine = all.iter().filter(|event| event["reason"] == reason);
    mine.map(|event| event["note"].as_str().unwrap_or_default().to_owned())
        .collect()
}

/// What the API server says to a change.
async fn refused(world: &World, object: &Value, patch: Value) -> String {
    let name = object["metadata"]["name"].as_str().unwrap();
    let api = api_of(&world.client, object);
    let answer = api
        .patch(name, &PatchParams::default(), &Patch::Merge(patch))
        .await;
    answer.unwrap_err().to_string()
}

#[tokio::test]
async fn clocks_run_out_are_stopped_by_receipts_and_the_incident_is_closed() {
    let Some(mut world) = World::start().await else {
        return;
    };
    world.operator("one");
    let aware = Timestamp::now() - SignedDuration::from_hours(1) + LEFT;
    let mut one = incident("leak", aware);
    world.apply(&one).await;

    // Half an hour before the end of one hour somebody is warned; the DGSSI has a day.
    world.until(&one, "Ready", "False", "NoticesDue").await;
    let shown = status(&world, &one).await;
    let states = |shown: &Value| -> Vec<String> {
        let clocks = shown["clocks"].as_array().unwrap().iter();
        clocks
            .map(|clock| clock["state"].as_str().unwrap().to_owned())
            .collect()
    };
    assert_eq!(states(&shown), ["Running", "DueSoon", "NotDue", "NotDue"]);
    let next = shown["next"].as_str().unwrap();
    assert!(next.starts_with("customer oriental by "), "{next}");
    let warned = || async { events(&world, "ClockRunsOut").await.len() == 1 };
    world.wait("the warning", warned).await;

    // It runs out by itself: nothing of the object changes.
    world.until(&one, "Overdue", "True", "ClockOverdue").await;
    let late = Timestamp::now().duration_since(aware + SignedDuration::from_hours(1));
    assert!(
        late < SignedDuration::from_secs(20),
        "seen {late:?} after the end"
    );
    let shown = status(&world, &one).await;
    assert_eq!(states(&shown), ["Running", "Overdue", "NotDue", "NotDue"]);
    assert_eq!(shown["overdue"], 1);
    let told = || async { events(&world, "ClockOverdue").await.len() == 1 };
    world.wait("the event", told).await;
    let notes = events(&world, "ClockOverdue").await;
    assert!(
        notes[0].contains("customer oriental") && !notes[0].contains("account"),
        "{notes:?}"
    );

    // Not even who may do everything closes it untold, changes its beginning, sets its clocks or takes it away.
    let closing = json!({ "at": Timestamp::now().to_string(), "word": "the account is closed" });
    let answer = refused(&world, &one, json!({ "spec": { "closing": closing } })).await;
    assert!(
        answer.contains("every notice that was due has its receipt"),
        "{answer}"
    );
    let later = Timestamp::now().to_string();
    let answer = refused(&world, &one, json!({ "spec": { "awareAt": later } })).await;
    assert!(answer.contains("never change"), "{answer}");
    let api = api_of(&world.client, &one);
    let clocks = Patch::Merge(json!({ "status": { "clocks": [], "overdue": 0 } }));
    let answer = api.patch_status("leak", &PatchParams::default(), &clocks).await;
    let answer = answer.unwrap_err().to_string();
    assert!(answer.contains("the operator alone writes"), "{answer}");
    let kept = world.delete(&one).await.unwrap_err();
    assert!(kept.contains("an incident is kept"), "{kept}");

    // Late, with a receipt: the clock stops, and says when.
    one["spec"]["receipts"] = json!([receipt("customer", Some("oriental"))]);
    world.apply(&one).await;
    world.until(&one, "Overdue", "False", "InTime").await;
    let shown = status(&world, &one).await;
    assert_eq!(states(&shown), ["Running", "Sent", "NotDue", "NotDue"]);
    assert_eq!(shown["clocks"][1]["receipt"], "AR customer");
    assert!(shown["clocks"][1]["sentAt"].as_str() > shown["clocks"][1]["dueAt"].as_str());
    one["spec"]["receipts"]
        .as_array_mut()
        .unwrap()
        .push(receipt("dgssi", None));
    world.apply(&one).await;
    world.until(&one, "Ready", "False", "NotClosed").await;
    one["spec"]["closing"] = closing;
    world.apply(&one).await;
    world.until(&one, "Ready", "True", "Ready").await;
    assert_eq!(events(&world, "ClockOverdue").await.len(), 1, "said once");
}
