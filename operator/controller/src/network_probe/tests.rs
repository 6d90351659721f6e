//! Pods, verdicts and schedule of the network's probe.

#![allow(clippy::unwrap_used)]

use std::time::{Duration, Instant};

use dmp_client::probe::{Expected, Flow, Outcome, Report};

use super::pods::{ended, listener, obstacle, probe, running};
use super::schedule::{Schedule, Wanted};
use super::verdict::Verdict;
use crate::plane::{Object, ObjectKind};

fn wanted(group: Option<&str>, policies: &str) -> Wanted {
    Wanted {
        group: group.map(ToOwned::to_owned),
        image: "dmp.ma/dmp:test".to_owned(),
        policies: policies.to_owned(),
    }
}

fn yaml(pod: &Object) -> String {
    dmp_api::yaml::to_string(&pod.body).unwrap()
}

#[test]
fn renders_both_pods() {
    let group = wanted(Some("tanger"), "p");
    let pods = [
        listener("dmp-tanger", &group),
        probe("dmp-tanger", &group, "10.0.0.7", Some("dmp-casablanca")),
    ];
    insta::assert_snapshot!("pods", pods.each_ref().map(yaml).join("---\n"));
}

fn command(pod: &Object) -> Vec<String> {
    let command = &pod.body["spec"]["containers"][0]["command"];
    serde_json::from_value(command.clone()).unwrap()
}

#[test]
fn the_national_probe_tries_the_national_databases() {
    let national = command(&probe("dmp-national", &wanted(None, "p"), "fd00::7", None));
    assert!(
        national.contains(&"--deny=registry-rw.dmp-national=registry-rw.dmp-national.svc:5432".to_owned())
    );
    assert!(national.contains(&"--allow=allowed=[fd00::7]:7001".to_owned()));
    assert!(!national.iter().any(|argument| argument.contains("records")));
}

#[test]
fn the_longest_report_fits_a_termination_message() {
    let longest = "g".repeat(40);
    let namespace = format!("dmp-{longest}");
    let other = format!("dmp-{}h", "g".repeat(39));
    let pod = probe(&namespace, &wanted(Some(&longest), "p"), "10.0.0.7", Some(&other));
    let flows = command(&pod)
        .iter()
        .filter_map(|argument| {
            argument
                .strip_prefix("--deny=")
                .or_else(|| argument.strip_prefix("--allow="))
        })
        .map(|flow| Flow {
            name: flow.split('=').next().unwrap().to_owned(),
            expected: Expected::Allow,
            outcome: Outcome::Unresolved,
        })
        .collect();
    let report = serde_json::to_vec(&Report { flows }).unwrap();
    assert!(report.len() < 4096, "{} bytes", report.len());
}

fn report(flows: &[(&str, Expected, Outcome)]) -> Verdict {
    let flows = flows.iter().map(|(name, expected, outcome)| Flow {
        name: (*name).to_owned(),
        expected: *expected,
        outcome: *outcome,
    });
    let report = Report {
        flows: flows.collect(),
    };
    Verdict::of_message(&serde_json::to_string(&report).unwrap())
}

#[test]
fn enforced_is_what_passes_where_it_may_and_fails_where_it_may_not() {
    use Expected::{Allow, Deny};
    use Outcome::{Connected, Refused, Silent, Unresolved};
    let control = ("allowed", Allow, Connected);
    let denied = [
        control,
        ("ingress", Deny, Silent),
        ("egress", Deny, Refused),
        ("registry", Deny, Unresolved),
    ];
    assert_eq!(report(&denied), Verdict::Enforced);
    let Verdict::NotEnforced(text) =
        report(&[control, ("ingress", Deny, Connected), ("egress", Deny, Silent)])
    else {
        panic!("a forbidden connection passed");
    };
    assert!(text.ends_with(": ingress"), "{text}");
}

#[test]
fn a_network_on_which_nothing_passes_proves_nothing() {
    use Expected::{Allow, Deny};
    use Outcome::{Connected, Silent};
    let unknown = |verdict| matches!(verdict, Verdict::Unknown(_));
    assert!(unknown(report(&[
        ("allowed", Allow, Silent),
        ("ingress", Deny, Silent)
    ])));
    assert!(unknown(report(&[("allowed", Allow, Connected)])));
    assert!(unknown(report(&[("ingress", Deny, Silent)])));
    assert!(unknown(report(&[])));
    assert!(unknown(Verdict::of_message("")));
    assert!(unknown(Verdict::of_message("thread 'main' panicked")));
}

#[test]
fn is_due_when_new_when_changed_and_when_it_is_time() {
    let mut schedule = Schedule::default();
    let now = Instant::now();
    assert!(schedule.want("dmp-a", wanted(Some("a"), "one")));
    assert!(!schedule.want("dmp-a", wanted(Some("a"), "one")));
    let (namespace, probed) = schedule.due(now, 4).remove(0);
    schedule.done(&namespace, probed, Verdict::Enforced, now);
    assert_eq!(schedule.due(now, 4), []);
    assert!(schedule.quiet(now) > Duration::from_secs(3000));
    assert_eq!(schedule.due(now + Duration::from_secs(3900), 4).len(), 1);
    assert!(schedule.want("dmp-a", wanted(Some("a"), "two")));
    let (namespace, probed) = schedule.due(now, 4).remove(0);
    assert_eq!(probed.policies, "two");
    // Changed again while it was being probed: still due.
    schedule.want("dmp-a", wanted(Some("a"), "three"));
    schedule.done(&namespace, probed, Verdict::Enforced, now);
    assert_eq!(schedule.due(now, 4)[0].1.policies, "three");
    // What does not hold is asked again sooner.
    let (namespace, probed) = schedule.due(now, 4).remove(0);
    schedule.done(&namespace, probed, Verdict::Unknown("no node".to_owned()), now);
    assert_eq!(schedule.due(now + Duration::from_secs(330), 4).len(), 1);
}

#[test]
fn the_sum_is_known_when_it_is() {
    let mut schedule = Schedule::default();
    let now = Instant::now();
    assert_eq!(schedule.verdict(), None);
    for name in ["dmp-a", "dmp-b"] {
        schedule.want(name, wanted(Some(name), "p"));
    }
    assert_eq!(schedule.due(now, 1).len(), 1);
    assert_eq!(schedule.due(now, 4).len(), 2);
    schedule.done("dmp-a", wanted(Some("dmp-a"), "p"), Verdict::Enforced, now);
    assert_eq!(schedule.verdict(), None, "dmp-b is not known");
    schedule.done("dmp-b", wanted(Some("dmp-b"), "p"), Verdict::Enforced, now);
    assert_eq!(schedule.verdict(), None, "the national plane is not known");
    schedule.want("dmp-national", wanted(None, "p"));
    schedule.done("dmp-national", wanted(None, "p"), Verdict::Enforced, now);
    assert_eq!(schedule.verdict(), Some(Verdict::Enforced));
    schedule.done(
        "dmp-a",
        wanted(Some("dmp-a"), "p"),
        Verdict::Unknown("x".to_owned()),
        now,
    );
    assert!(matches!(schedule.verdict(), Some(Verdict::Unknown(_))));
    schedule.done(
        "dmp-b",
        wanted(Some("dmp-b"), "p"),
        Verdict::NotEnforced("y".to_owned()),
        now,
    );
    assert_eq!(
        schedule.verdict(),
        Some(Verdict::NotEnforced("namespace `dmp-b`: y".to_owned()))
    );
    schedule.forget("dmp-b");
    assert!(matches!(schedule.verdict(), Some(Verdict::Unknown(_))));
    // A result for what is no more is dropped.
    schedule.done(
        "dmp-b",
        wanted(Some("dmp-b"), "p"),
        Verdict::NotEnforced("y".to_owned()),
        now,
    );
    assert!(matches!(schedule.verdict(), Some(Verdict::Unknown(_))));
}

#[test]
fn another_group_is_one_of_the_others() {
    let mut schedule = Schedule::default();
    schedule.want("dmp-national", wanted(None, "p"));
    schedule.want("dmp-a", wanted(Some("a"), "p"));
    assert_eq!(schedule.other_group("dmp-a"), None);
    assert_eq!(schedule.other_group("dmp-national").as_deref(), Some("dmp-a"));
    schedule.want("dmp-b", wanted(Some("b"), "p"));
    assert_eq!(schedule.other_group("dmp-a").as_deref(), Some("dmp-b"));
}

#[test]
fn reads_a_pod_as_the_kubelet_reports_it() {
    let pod = |status: serde_json::Value| {
        Object::new(
            ObjectKind::Pod,
            Some("n"),
            "p",
            serde_json::json!({ "status": status }),
        )
    };
    let up = pod(serde_json::json!({ "phase": "Running", "podIP": "10.0.0.7" }));
    assert_eq!(running(&up).as_deref(), Some("10.0.0.7"));
    assert_eq!(ended(&up), None);
    let over = pod(serde_json::json!({
        "phase": "Succeeded",
        "containerStatuses": [{ "state": { "terminated": { "exitCode": 0, "message": "{}" } } }],
    }));
    assert_eq!(ended(&over).as_deref(), Some("{}"));
    assert_eq!(running(&over), None);
    let waits = pod(serde_json::json!({
        "phase": "Pending", "conditions": [{ "type": "PodScheduled", "status": "False", "reason": "Unschedulable" }],
    }));
    assert_eq!(obstacle(Some(&waits)), "Unschedulable");
}
