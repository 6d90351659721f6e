//! Passes over a platform that changes.

use dmp_evaluator::evidence::sha256;
use dmp_evaluator::publish::Publisher;
use dmp_evaluator::report::verdict;
use dmp_evaluator::run::once;
use dmp_policies::Verdict;
use dmp_policies::openreports::Answer;
use dmp_policies::posture::posture;
use jiff::{SignedDuration, Timestamp};
use serde_json::json;

use crate::world::{World, cluster_report, manifests, report_in, result};

async fn pass(world: &World, publisher: &mut Publisher) {
    once(&world.evaluator, &world.catalogue, publisher, Timestamp::now())
        .await
        .unwrap();
}

fn default_deny(namespace: &str) -> serde_json::Value {
    json!({
        "apiVersion": "networking.k8s.io/v1", "kind": "NetworkPolicy",
        "metadata": { "name": "default-deny", "namespace": namespace },
        "spec": { "podSelector": {}, "policyTypes": ["Ingress", "Egress"] },
    })
}

#[tokio::test]
async fn what_is_wrong_is_reported_where_it_is_and_mended_when_it_is_mended() {
    let Some(world) = World::start().await else {
        return;
    };
    world.namespace("dmp-national", "restricted").await;
    let mut publisher = Publisher::default();
    pass(&world, &mut publisher).await;

    let report = world.report().await;
    let controls: std::collections::BTreeSet<_> = report.results.iter().map(|one| &one.policy).collect();
    assert_eq!(controls.len(), 59);
    let whole = result(&report, "DMP-NET-01", "policies");
    assert_eq!((whole.result, verdict(whole)), (Answer::Fail, "fail"));
    assert!(whole.message.contains("dmp-national"), "{}", whole.message);
    let own = world.report_of("dmp-national").await.unwrap();
    assert_eq!(verdict(result(&own, "DMP-NET-01", "policies")), "fail");
    assert_eq!(
        verdict(result(&report, "DMP-NET-01", "probe")),
        "fail",
        "nobody probes"
    );
    // No pod is there: nothing can be said of where pods may run.
    assert_eq!(verdict(result(&report, "DMP-WRK-01", "labels")), "error");

    // dmp-evidence has its own; no vendor is there.
    for namespace in ["dmp-national", "dmp-system"] {
        world.apply(&default_deny(namespace)).await;
    }
    pass(&world, &mut publisher).await;
    let report = world.report().await;
    assert_eq!(verdict(result(&report, "DMP-NET-01", "policies")), "pass");
    let own = world.report_of("dmp-national").await.unwrap();
    assert_eq!(result(&own, "DMP-NET-01", "policies").result, Answer::Pass);
    assert_eq!(own.summary.fail, 0);
    // What is not there as a whole says so.
    assert_eq!(
        verdict(result(&report, "DMP-BCK-01", "implementation")),
        "not-yet"
    );

    // A Service on every node.
    world
        .apply(&json!({
            "apiVersion": "v1", "kind": "Service", "metadata": { "name": "registry-rw", "namespace": "dmp-national" },
            "spec": { "type": "NodePort", "ports": [{ "port": 5432 }] },
        }))
        .await;
    // Somebody with every right.
    world
        .apply(&json!({
            "apiVersion": "rbac.authorization.k8s.io/v1", "kind": "ClusterRoleBinding", "metadata": { "name": "pipeline" },
            "roleRef": { "apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole", "name": "cluster-admin" },
            "subjects": [{ "apiGroup": "rbac.authorization.k8s.io", "kind": "User", "name": "amina@host.example" }],
        }))
        .await;
    pass(&world, &mut publisher).await;
    let report = world.report().await;
    let services = result(&report, "DMP-NET-02", "services");
    assert!(
        services.message.ends_with("(registry-rw)"),
        "{}",
        services.message
    );
    let grants = result(&report, "DMP-IAM-01", "grants");
    assert!(
        grants.message.contains("person by pipeline"),
        "{}",
        grants.message
    );
    assert!(!serde_json::to_string(&report).unwrap().contains("amina"));
}

#[tokio::test]
async fn what_people_bring_is_judged_by_its_hash_and_age_and_names_nobody() {
    let Some(world) = World::start().await else {
        return;
    };
    let inputs = |day: Timestamp| {
        let day = day.to_zoned(jiff::tz::TimeZone::UTC).date();
        json!({ "reviews": { "rightsAt": day, "backupAccessAt": day } }).to_string()
    };
    let review = |name: &str, at: Timestamp, inputs: &str, sha256: String| {
        json!({
            "apiVersion": "dmp.ma/v1alpha1", "kind": "ControlEvidence", "metadata": { "name": name },
            "spec": {
                "control": "DMP-IAM-06", "role": "dmp-security", "by": "amina@host.example", "collectedAt": at.to_string(),
                "inputs": inputs, "sha256": sha256,
            },
        })
    };
    let mut publisher = Publisher::default();
    pass(&world, &mut publisher).await;
    let said = async |rule: &str| {
        let report = world.report().await;
        verdict(result(&report, "DMP-IAM-06", rule)).to_owned()
    };
    assert_eq!(
        (said("document").await.as_str(), said("ages").await.as_str()),
        ("fail", "error")
    );

    let hour = SignedDuration::from_hours(1);
    let now = Timestamp::now();
    let text = inputs(now);
    world
        .apply(&review("first", now - 2 * hour, &text, sha256(&text)))
        .await;
    pass(&world, &mut publisher).await;
    assert_eq!(
        (said("document").await.as_str(), said("ages").await.as_str()),
        ("pass", "pass")
    );
    let kept = json!({
        "apiVersion": "v1", "kind": "ConfigMap", "metadata": { "name": "dmp-iam-06.document", "namespace": "dmp-evidence" },
    });
    let kept = world.get(&kept).await.unwrap().to_string();
    assert!(kept.contains("first") && !kept.contains("amina"), "{kept}");
    assert!(
        !serde_json::to_string(&world.report().await)
            .unwrap()
            .contains("amina")
    );
    // It reports on its own report, too.
    pass(&world, &mut publisher).await;
    let written = world.get(&cluster_report()).await;
    pass(&world, &mut publisher).await;
    pass(&world, &mut publisher).await;
    let version = |object: Option<serde_json::Value>| object.unwrap()["metadata"]["resourceVersion"].clone();
    assert_eq!(
        version(written),
        version(world.get(&cluster_report()).await),
        "the same evidence is the same report"
    );

    // A newer one whose hash is another text's, then a good one.
    world
        .apply(&review("second", now - hour, &text, sha256("another")))
        .await;
    pass(&world, &mut publisher).await;
    assert_eq!(said("document").await, "fail");
    let old = inputs(now - 40 * 24 * hour);
    world.apply(&review("third", now, &old, sha256(&old))).await;
    // Nobody can take this one away: it must not be the newest for a year.
    world
        .apply(&review("ahead", now + 365 * 24 * hour, &text, sha256(&text)))
        .await;
    pass(&world, &mut publisher).await;
    assert_eq!(
        (said("document").await.as_str(), said("ages").await.as_str()),
        ("pass", "fail")
    );
}

#[tokio::test]
async fn the_same_platform_is_written_once_and_what_others_change_is_written_again() {
    let Some(world) = World::start().await else {
        return;
    };
    world.namespace("dmp-national", "restricted").await;
    let mut publisher = Publisher::default();
    pass(&world, &mut publisher).await;
    // It reports on its own report from the second time on.
    pass(&world, &mut publisher).await;
    let version = |object: serde_json::Value| {
        let world = &world;
        async move { world.get(&object).await.unwrap()["metadata"]["resourceVersion"].clone() }
    };
    let evidence = json!({
        "apiVersion": "v1", "kind": "ConfigMap", "metadata": { "name": "dmp-net-01.policies", "namespace": "dmp-evidence" },
    });
    let before = (
        version(cluster_report()).await,
        version(report_in("dmp-national")).await,
        version(evidence.clone()).await,
    );
    for _ in 0..3 {
        pass(&world, &mut publisher).await;
    }
    // Nor does another process of it write, that begins anew.
    pass(&world, &mut Publisher::default()).await;
    let after = (
        version(cluster_report()).await,
        version(report_in("dmp-national")).await,
        version(evidence.clone()).await,
    );
    assert_eq!(before, after);

    // What the hash in the report is of.
    let report = world.report().await;
    let said = result(&report, "DMP-NET-01", "policies");
    let kept = world.get(&evidence).await.unwrap();
    let text = kept["data"]["inputs.json"].as_str().unwrap();
    let hash = aws_lc_rs::digest::digest(&aws_lc_rs::digest::SHA256, text.as_bytes());
    assert_eq!(said.properties["evidenceSha256"], hex::encode(hash));
    assert_eq!(kept["data"]["sha256"], json!(hex::encode(hash)));

    // A tenant whitewashes its report, and one is deleted; evidence is changed.
    let mut white = report_in("dmp-national");
    white["source"] = json!("dmp-evaluator");
    white["summary"] = json!({ "pass": 1 });
    white["results"] = json!([{ "policy": "DMP-NET-01", "rule": "policies", "result": "pass" }]);
    world.apply(&white).await;
    world.delete(&cluster_report()).await;
    let mut changed = evidence.clone();
    changed["data"] = json!({ "inputs.json": "{}" });
    world.apply(&changed).await;
    pass(&world, &mut publisher).await;
    let own = world.report_of("dmp-national").await.unwrap();
    assert_eq!(verdict(result(&own, "DMP-NET-01", "policies")), "fail");
    let again = world.report().await;
    assert_eq!(
        result(&again, "DMP-NET-01", "policies").properties["since"],
        said.properties["since"],
        "whoever deletes a report does not make what it says young"
    );
    assert_eq!(world.get(&evidence).await.unwrap()["data"], kept["data"]);
}

#[tokio::test]
async fn what_may_not_be_read_is_an_error_and_what_is_gone_has_no_report() {
    let Some(world) = World::start().await else {
        return;
    };
    world.namespace("dmp-national", "restricted").await;
    let mut publisher = Publisher::default();
    pass(&world, &mut publisher).await;
    assert!(world.report_of("dmp-national").await.is_some());

    // Its rights to see NetworkPolicies and Services are taken away.
    let mut role = crate::world::manifests("operator/evaluator.yaml")
        .into_iter()
        .find(|object| object["kind"] == "ClusterRole")
        .unwrap();
    let rules = role["rules"].as_array_mut().unwrap();
    rules.retain(|rule| rule["resources"] != json!(["networkpolicies"]));
    for rule in rules {
        let resources = rule["resources"].as_array_mut().unwrap();
        resources.retain(|resource| resource != "services");
    }
    world.apply(&role).await;
    let begun = std::time::Instant::now();
    loop {
        pass(&world, &mut publisher).await;
        let report = world.report().await;
        let said = result(&report, "DMP-NET-01", "policies");
        if verdict(said) == "error" {
            assert_eq!(said.message, "NetworkPolicies could not be read (forbidden)");
            break;
        }
        assert!(begun.elapsed().as_secs() < 30, "{said:?}");
        tokio::time::sleep(std::time::Duration::from_millis(200)).await;
    }
    // Nothing is about that namespace alone any more: its report would only grow old.
    assert!(world.report_of("dmp-national").await.is_none());
}

#[tokio::test]
async fn a_report_that_nobody_renews_is_stale_to_its_reader() {
    let Some(world) = World::start().await else {
        return;
    };
    let mut publisher = Publisher::default();
    pass(&world, &mut publisher).await;
    pass(&world, &mut publisher).await;
    let report = world.report().await;
    let of = |now| {
        let standings = posture(&world.catalogue, &report, now);
        let mut standings = standings.into_iter().filter(|one| one.control.id == "DMP-GOV-04");
        standings.next().unwrap().verdict
    };
    let now = Timestamp::now();
    assert_eq!(of(now), Verdict::Pass);
    assert_eq!(of(now + SignedDuration::from_hours(25)), Verdict::Stale);
}

#[tokio::test]
async fn an_admission_policy_that_somebody_softened_or_took_away_is_named() {
    let Some(world) = World::start().await else {
        return;
    };
    let policies = async |message: &str| {
        let mut publisher = Publisher::default();
        pass(&world, &mut publisher).await;
        let report = world.report().await;
        let result = result(&report, "DMP-WRK-05", "policies");
        assert!(result.message.contains(message), "{}", result.message);
        result.result
    };
    // None is there yet.
    assert_eq!(policies("dmp-group-deletion").await, Answer::Fail);
    for file in [
        "admission",
        "admission-access",
        "admission-network",
        "admission-product",
        "admission-secrets",
        "admission-workloads",
    ] {
        for object in manifests(&format!("operator/{file}.yaml")) {
            world.apply(&object).await;
        }
    }
    // What the API server adds by itself is no change.
    assert_eq!(policies("").await, Answer::Pass);

    let binding = |actions: &str| {
        json!({
            "apiVersion": "admissionregistration.k8s.io/v1", "kind": "ValidatingAdmissionPolicyBinding",
            "metadata": { "name": "dmp-ingresses" },
            "spec": { "policyName": "dmp-ingresses", "validationActions": [actions] },
        })
    };
    world.apply(&binding("Warn")).await;
    assert_eq!(policies("(dmp-ingresses)").await, Answer::Fail);
    world.apply(&binding("Deny")).await;
    assert_eq!(policies("").await, Answer::Pass);
    world.delete(&json!({
        "apiVersion": "admissionregistration.k8s.io/v1", "kind": "ValidatingAdmissionPolicy", "metadata": { "name": "dmp-services" },
    }))
    .await;
    assert_eq!(policies("(dmp-services)").await, Answer::Fail);
}

#[tokio::test]
async fn a_node_that_serves_patients_and_trials_is_named() {
    let Some(world) = World::start().await else {
        return;
    };
    for (group, mode) in [("souss-massa", "production"), ("oriental", "sandbox")] {
        world
            .apply(&json!({
                "apiVersion": "dmp.ma/v1alpha1", "kind": "HealthGroup", "metadata": { "name": group },
                "spec": {
                    "kind": "gst", "region": "MA-09", "site": "agadir-1", "mode": mode,
                    "controller": { "name": "A group", "cndpReceipt": "D-1/2026" },
                },
            }))
            .await;
        world
            .apply(&json!({
                "apiVersion": "v1", "kind": "Namespace",
                "metadata": { "name": format!("dmp-{group}"), "labels": { "app.kubernetes.io/part-of": "dmp", "dmp.ma/group": group } },
            }))
            .await;
    }
    let pod = |group: &str, node: &str| {
        json!({
            "apiVersion": "v1", "kind": "Pod", "metadata": { "name": format!("records-on-{node}"), "namespace": format!("dmp-{group}") },
            "spec": { "nodeName": node, "automountServiceAccountToken": false, "containers": [{ "name": "c", "image": "dmp" }] },
        })
    };
    let shared = async || {
        let mut publisher = Publisher::default();
        pass(&world, &mut publisher).await;
        let report = world.report().await;
        let result = result(&report, "DMP-WRK-04", "shared");
        (result.result, result.message.clone())
    };
    world.apply(&pod("souss-massa", "node-1")).await;
    world.apply(&pod("oriental", "node-2")).await;
    assert_eq!(shared().await.0, Answer::Pass);
    world.apply(&pod("oriental", "node-1")).await;
    let (answer, message) = shared().await;
    assert_eq!(answer, Answer::Fail);
    assert!(message.contains("(node-1)"), "{message}");
}

#[tokio::test]
async fn what_is_tolerated_is_in_the_report_until_its_last_day() {
    let Some(world) = World::start().await else {
        return;
    };
    // Nothing is denied there: the check fails for this namespace.
    world.namespace("dmp-national", "restricted").await;
    let today = Timestamp::now().to_zoned(jiff::tz::TimeZone::UTC).date();
    let until = today.checked_add(jiff::Span::new().days(10)).unwrap().to_string();
    let exception = |approval: serde_json::Value| {
        let mut object = json!({
            "apiVersion": "dmp.ma/v1alpha1", "kind": "PolicyException", "metadata": { "name": "old-network" },
            "spec": {
                "control": "DMP-NET-01", "check": "policies", "namespaces": ["dmp-national"], "role": "dmp-security",
                "by": "amina", "reason": "the old network goes in January", "until": until,
            },
        });
        if !approval.is_null() {
            object["spec"]["approval"] = approval;
        }
        object
    };
    let mut publisher = Publisher::default();
    let mut seen = async || {
        pass(&world, &mut publisher).await;
        let report = world.report().await;
        let own = world.report_of("dmp-national").await.unwrap();
        let exceptions = result(&report, "DMP-GOV-03", "exceptions");
        (
            result(&own, "DMP-NET-01", "policies").clone(),
            verdict(exceptions).to_owned(),
            exceptions
                .properties
                .get("exceptions")
                .cloned()
                .unwrap_or_default(),
        )
    };
    world.apply(&exception(json!(null))).await;
    let (own, rule, named) = seen().await;
    assert_eq!(
        (verdict(&own), rule.as_str(), named.as_str()),
        ("fail", "pass", ""),
        "nobody approved it"
    );

    world
        .apply(&exception(json!({ "role": "dmp-host", "by": "brahim" })))
        .await;
    let (own, rule, named) = seen().await;
    assert_eq!(
        (verdict(&own), rule.as_str(), named.as_str()),
        ("excepted", "pass", "old-network")
    );
    assert_eq!(own.result, Answer::Warn);
    assert_eq!(own.properties["exceptedUntil"], until);
    assert!(own.message.contains("old-network"), "{}", own.message);
    let report = world.report_of("dmp-national").await.unwrap();
    let of = |now| {
        let standings = posture(&world.catalogue, &report, now);
        let mut standings = standings.into_iter().filter(|one| one.control.id == "DMP-NET-01");
        let said = standings.next().unwrap().said;
        said.iter().find(|one| one.about == "policies").unwrap().verdict
    };
    assert_eq!(of(Timestamp::now()), Verdict::Excepted);
    let later = Timestamp::now() + SignedDuration::from_hours(24 * 11);
    assert_eq!(of(later), Verdict::Fail, "it ends by itself");

    world.delete(&exception(json!(null))).await;
    let (own, _, named) = seen().await;
    assert_eq!((verdict(&own), named.as_str()), ("fail", ""));
}

#[tokio::test]
async fn a_production_group_without_a_decision_fails_its_control() {
    let Some(world) = World::start().await else {
        return;
    };
    let decided = async || {
        let mut publisher = Publisher::default();
        pass(&world, &mut publisher).await;
        let report = world.report().await;
        let result = result(&report, "DMP-GOV-01", "decision");
        (result.result, result.message.clone())
    };
    assert_eq!(decided().await.0, Answer::Pass, "there are sandboxes only");
    world
        .apply(&json!({
            "apiVersion": "dmp.ma/v1alpha1", "kind": "HealthGroup", "metadata": { "name": "souss-massa" },
            "spec": {
                "kind": "gst", "region": "MA-09", "site": "agadir-1", "mode": "production",
                "controller": { "name": "A group", "cndpReceipt": "D-1/2026" },
            },
        }))
        .await;
    let (answer, message) = decided().await;
    assert_eq!(answer, Answer::Fail);
    assert!(message.contains("souss-massa"), "{message}");
}

#[tokio::test]
async fn what_the_probe_of_tls_left_is_judged_while_it_is_young() {
    let Some(world) = World::start().await else {
        return;
    };
    let now = Timestamp::now();
    let hour = SignedDuration::from_hours(1);
    let endpoint = |name: &str, role: &str, version: &str| {
        json!({
            "name": name, "role": role, "versions": [version], "chain": "verified", "asksForCertificate": true,
            "notBefore": now - hour, "notAfter": now + hour,
        })
    };
    let left = |at: Timestamp, version: &str| {
        let endpoints = [
            endpoint("records.dmp-a:8443", "service", version),
            endpoint("openbao.dmp-system:8200", "store", "1.3"),
        ];
        let observation = json!({ "observedAt": at, "endpoints": endpoints, "more": 0 });
        json!({
            "apiVersion": "v1", "kind": "ConfigMap", "metadata": { "name": "tls-probe", "namespace": "dmp-evidence" },
            "data": { "observation.json": observation.to_string() },
        })
    };
    let mut publisher = Publisher::default();
    let mut said = async || {
        pass(&world, &mut publisher).await;
        let report = world.report().await;
        ["endpoints", "stores"].map(|rule| verdict(result(&report, "DMP-CRY-06", rule)).to_owned())
    };
    assert_eq!(said().await, ["error", "error"]);
    for (at, version, expected) in [
        (now, "1.3", ["pass", "pass"]),
        (now, "1.1", ["fail", "pass"]),
        (now - 3 * hour, "1.3", ["error", "error"]),
    ] {
        world.apply(&left(at, version)).await;
        assert_eq!(said().await, expected, "{at} {version}");
    }
}

#[tokio::test]
async fn what_the_operator_saw_of_keys_is_judged_while_it_is_young() {
    let Some(world) = World::start().await else {
        return;
    };
    let now = Timestamp::now();
    let days = |days: i64| SignedDuration::from_hours(24 * days);
    let left = |at: Timestamp, age: i64, exportable: bool| {
        let key = json!({
            "name": "souss-massa/kek", "createdAt": now - days(age), "version": 1, "exportable": exportable,
            "plaintextBackup": false, "deletable": false,
        });
        let observation = json!({
            "observedAt": at, "seal": "static", "authorities": [{ "name": "root", "notAfter": now + days(1000) }],
            "spaces": 2, "lacking": [], "keys": [key], "more": 0,
        });
        json!({
            "apiVersion": "v1", "kind": "ConfigMap", "metadata": { "name": "key-custody", "namespace": "dmp-evidence" },
            "data": { "observation.json": observation.to_string() },
        })
    };
    let mut publisher = Publisher::default();
    let mut said = async || {
        pass(&world, &mut publisher).await;
        let report = world.report().await;
        ["age", "kept", "authorities"].map(|rule| verdict(result(&report, "DMP-CRY-04", rule)).to_owned())
    };
    assert_eq!(said().await, ["error"; 3]);
    for (at, age, exportable, expected) in [
        (now, 30, false, ["pass"; 3]),
        (now, 366, false, ["fail", "pass", "pass"]),
        (now, 30, true, ["pass", "fail", "pass"]),
        (now - SignedDuration::from_hours(7), 30, false, ["error"; 3]),
    ] {
        world.apply(&left(at, age, exportable)).await;
        assert_eq!(said().await, expected, "{at} {age} {exportable}");
    }
}

#[tokio::test]
async fn what_the_operator_measured_of_clocks_is_judged_while_it_is_young() {
    let Some(world) = World::start().await else {
        return;
    };
    let now = Timestamp::now();
    let left = |at: Timestamp, heard: usize, skew: i64| {
        let clock = json!({ "node": "n1", "heard": heard, "skewMilliseconds": skew });
        let observation = json!({ "observedAt": at, "within": 20, "clocks": [clock], "more": 0 });
        json!({
            "apiVersion": "v1", "kind": "ConfigMap", "metadata": { "name": "node-clocks", "namespace": "dmp-evidence" },
            "data": { "observation.json": observation.to_string() },
        })
    };
    let mut publisher = Publisher::default();
    let mut said = async || {
        pass(&world, &mut publisher).await;
        let report = world.report().await;
        verdict(result(&report, "DMP-LOG-05", "skew")).to_owned()
    };
    assert_eq!(said().await, "error");
    for (at, heard, skew, expected) in [
        (now, 4, -12, "pass"),
        (now, 4, -2_000, "fail"),
        (now, 0, 0, "fail"),
        (now - SignedDuration::from_hours(3), 4, -12, "error"),
    ] {
        world.apply(&left(at, heard, skew)).await;
        assert_eq!(said().await, expected, "{at} {heard} {skew}");
    }
}
