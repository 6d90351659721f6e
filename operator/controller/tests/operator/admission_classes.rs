//! Whose namespaces, volumes and Services of the platform are, which class of data they hold and what for: what passes and what does
//! not, in process and ([`on_a_server`]) by an API server.

use dmp_api::names::{CLASS_LABEL, OWNER_LABEL, PURPOSE_LABEL};
use dmp_api::{Asset, Mode};
use serde_json::{Value, json};

use crate::admission::{Ask, manifests};
use crate::admission_server::{OPERATOR, Server};

const POLICY: [&str; 1] = ["dmp-classes"];
const NOTHING: [&str; 0] = [];
const CNPG: &str = "system:serviceaccount:cnpg-system:cnpg-manager";
const STATEFUL_SETS: &str = "system:serviceaccount:kube-system:statefulset-controller";
const INSIDE: [(&str, &str); 2] = [
    ("services", "dmp-tanger/records-rw"),
    ("persistentvolumeclaims", "dmp-tanger/records-1"),
];

fn of(asset: &Asset) -> Value {
    let labels: std::collections::BTreeMap<_, _> = asset.labels().into();
    json!(labels)
}

/// Labels of a place with health data.
pub fn health() -> Value {
    of(&Asset::of_group("tanger", Mode::Production))
}

fn trial() -> Value {
    of(&Asset::of_group("tanger", Mode::Sandbox))
}

/// These labels with one more; `null`: without it.
fn with(mut labels: Value, name: &str, text: Value) -> Value {
    labels[name] = text;
    labels.as_object_mut().unwrap().retain(|_, text| !text.is_null());
    labels
}

fn object(place: &str, labels: &Value) -> Value {
    let name = place.rsplit('/').next().unwrap();
    let mut object = json!({ "metadata": { "name": name }, "spec": {} });
    if !labels.is_null() {
        object["metadata"]["labels"] = labels.clone();
    }
    object
}

/// In a namespace of health data.
fn made(resource: &str, place: &str, labels: &Value) -> Ask {
    Ask::new("CREATE", resource, place)
        .object(object(place, labels))
        .space(health())
}

fn changed(resource: &str, place: &str, before: &Value, after: &Value) -> Ask {
    Ask::new("UPDATE", resource, place)
        .old(object(place, before))
        .object(object(place, after))
        .space(health())
}

/// A namespace of the platform.
fn space(labels: &Value) -> Value {
    with(labels.clone(), "app.kubernetes.io/part-of", json!("dmp"))
}

/// What is no class.
fn no_classes() -> Vec<Value> {
    let mut no_classes: Vec<_> = ["", "5", "-1", "04", "high"].map(|text| json!(text)).into();
    no_classes.push(Value::Null);
    no_classes
}

#[test]
fn what_comes_says_whose_it_is_what_for_and_of_which_class() {
    for (resource, place) in INSIDE {
        for by in [OPERATOR, CNPG, "person"] {
            let asked = |labels: &Value| made(resource, place, labels).by(by).denied();
            assert_eq!(asked(&health()), NOTHING, "{place}");
            assert_eq!(asked(&Value::Null), POLICY, "{place}");
            for name in [OWNER_LABEL, PURPOSE_LABEL] {
                for text in [Value::Null, json!("")] {
                    assert_eq!(asked(&with(health(), name, text)), POLICY, "{place} {name}");
                }
            }
            for class in no_classes() {
                let labels = with(health(), CLASS_LABEL, class);
                assert_eq!(asked(&labels), POLICY, "{place} {labels}");
            }
        }
        let theirs = place.replace("dmp-tanger", "shop");
        assert_eq!(
            made(resource, &theirs, &Value::Null).denied(),
            NOTHING,
            "not ours"
        );
    }
    for labels in [health(), trial(), of(&Asset::of_vendor("atlas"))] {
        assert_eq!(made("namespaces", "a", &space(&labels)).denied(), NOTHING);
        for name in [OWNER_LABEL, PURPOSE_LABEL, CLASS_LABEL] {
            let lacking = space(&with(labels.clone(), name, Value::Null));
            assert_eq!(made("namespaces", "a", &lacking).denied(), POLICY, "{name}");
        }
    }
    assert_eq!(
        made("namespaces", "shop", &json!({ "a": "b" })).denied(),
        NOTHING,
        "not ours"
    );
}

#[test]
fn each_denial_says_what_to_write() {
    let said = |labels: &Value| -> Vec<String> {
        let ask = made("services", "dmp-tanger/records", labels);
        ask.denials().into_iter().map(|(_, message)| message).collect()
    };
    let owner = said(&with(health(), OWNER_LABEL, Value::Null));
    assert!(owner.len() == 1 && owner[0].contains(OWNER_LABEL), "{owner:?}");
    let low = said(&with(health(), CLASS_LABEL, json!("3")));
    assert!(
        low.len() == 1 && low[0].contains("class of its namespace"),
        "{low:?}"
    );
    let none = said(&Value::Null).concat();
    assert!(none.contains(OWNER_LABEL) && none.contains(CLASS_LABEL), "{none}");
}

#[test]
fn health_data_are_of_class_four() {
    let plane = |labels: &Value| space(&with(labels.clone(), "dmp.ma/protected", json!("true")));
    let asked = |name: &str, labels: &Value| made("namespaces", name, labels).by(OPERATOR).denied();
    assert_eq!(asked("dmp-tanger", &plane(&health())), NOTHING);
    // Invented patients, and a plane that does not say so.
    assert_eq!(asked("dmp-tanger", &plane(&trial())), NOTHING);
    for class in ["0", "1", "2", "3"] {
        let low = with(health(), CLASS_LABEL, json!(class));
        assert_eq!(asked("dmp-tanger", &plane(&low)), POLICY, "{class}");
        let trained = with(
            with(trial(), PURPOSE_LABEL, json!("training")),
            CLASS_LABEL,
            json!(class),
        );
        assert_eq!(asked("dmp-tanger", &plane(&trained)), POLICY, "{class}");
        assert_eq!(asked("dmp-evidence", &space(&low)), NOTHING, "no plane");
        // Identities and consents, whatever is said of them.
        for purpose in ["care", "testing"] {
            let low = with(low.clone(), PURPOSE_LABEL, json!(purpose));
            assert_eq!(asked("dmp-national", &space(&low)), POLICY, "{class} {purpose}");
        }
    }
}

#[test]
fn what_is_in_a_namespace_has_at_least_its_class() {
    for (resource, place) in INSIDE {
        for class in 0..=4_u8 {
            for around in 0..=4_u8 {
                let labels = with(health(), CLASS_LABEL, json!(class.to_string()));
                let around_it = with(health(), CLASS_LABEL, json!(around.to_string()));
                let denied = made(resource, place, &labels).space(around_it).denied();
                let expected: &[&str] = if class < around { &POLICY } else { &[] };
                assert_eq!(denied, expected, "{place} {class} in {around}");
            }
        }
        // A namespace from before, and one whose class is none.
        for labels in [json!({}), json!({ CLASS_LABEL: "high" })] {
            assert_eq!(made(resource, place, &trial()).space(labels).denied(), NOTHING);
        }
    }
}

#[test]
fn the_class_of_a_namespace_never_goes_down_but_by_an_installer() {
    let (four, two) = (health(), with(health(), CLASS_LABEL, json!("2")));
    let change =
        |before: &Value, after: &Value| changed("namespaces", "vendor-a", &space(before), &space(after));
    assert_eq!(change(&two, &four).denied(), NOTHING);
    assert_eq!(change(&four, &two).denied(), POLICY);
    assert_eq!(change(&four, &two).by(OPERATOR).denied(), POLICY);
    assert_eq!(change(&four, &two).installer().denied(), NOTHING);
    let own = with(
        with(four.clone(), OWNER_LABEL, json!("gst")),
        PURPOSE_LABEL,
        json!("teaching"),
    );
    assert_eq!(
        change(&four, &own).denied(),
        NOTHING,
        "owner and purpose of one's own"
    );
    for name in [OWNER_LABEL, PURPOSE_LABEL, CLASS_LABEL] {
        let taken = with(four.clone(), name, Value::Null);
        assert_eq!(change(&four, &taken).installer().denied(), POLICY, "{name}");
    }
    // What is inside follows its namespace, down to its class.
    for (resource, place) in INSIDE {
        let follow = changed(resource, place, &four, &two).by(OPERATOR);
        assert_eq!(follow.clone().space(two.clone()).denied(), NOTHING, "{place}");
        assert_eq!(follow.denied(), POLICY, "{place}");
    }
}

/// An installation from before has objects without: Kubernetes and CloudNativePG go on with them until they are labelled.
#[test]
fn what_came_before_is_changed_in_anything_else_and_labelled_whole() {
    let old = json!({ "a": "b" });
    for (resource, place) in INSIDE {
        let other = json!({ "a": "c", "d": "e" });
        assert_eq!(
            changed(resource, place, &old, &other).denied(),
            NOTHING,
            "{place}"
        );
        assert_eq!(
            changed(resource, place, &old, &health()).denied(),
            NOTHING,
            "{place}"
        );
        let half = with(health(), PURPOSE_LABEL, Value::Null);
        assert_eq!(changed(resource, place, &old, &half).denied(), POLICY, "{place}");
    }
    let ours = space(&old);
    let other = with(ours.clone(), "a", json!("c"));
    assert_eq!(changed("namespaces", "vendor-a", &ours, &other).denied(), NOTHING);
    // Somebody's namespace becomes the platform's.
    assert_eq!(changed("namespaces", "vendor-a", &old, &ours).denied(), POLICY);
    let whole = space(&health());
    assert_eq!(changed("namespaces", "vendor-a", &old, &whole).denied(), NOTHING);
}

#[test]
fn claims_of_openbao_come_from_templates_that_never_change() {
    let asked = |place: &str, by: &str| {
        made("persistentvolumeclaims", place, &Value::Null)
            .by(by)
            .denied()
    };
    for by in [STATEFUL_SETS, "system:kube-controller-manager"] {
        for claim in ["dmp-system/data-openbao-0", "dmp-system/audit-openbao-0"] {
            assert_eq!(asked(claim, by), NOTHING, "{claim}");
            assert_eq!(asked(claim, "person"), POLICY, "{claim}");
        }
        for claim in ["dmp-system/data-other-0", "dmp-tanger/data-openbao-0"] {
            assert_eq!(asked(claim, by), POLICY, "{claim}");
        }
    }
}

/// What `dmpctl` and `kubectl apply -k` bring passes, also beside what they bring it into.
#[test]
fn the_products_own_manifests_are_labelled() {
    let mut seen = 0;
    let files = [
        "../openbao/namespace.yaml",
        "../openbao/service.yaml",
        "../demo/vendors/vendors.yaml",
        "service.yaml",
        "evaluator.yaml",
    ];
    let system = manifests("../openbao/namespace.yaml").remove(0);
    for object in files.iter().flat_map(|file| manifests(file)) {
        let (resource, place) = match object["kind"].as_str().unwrap() {
            "Namespace" => (
                "namespaces",
                object["metadata"]["name"].as_str().unwrap().to_owned(),
            ),
            "Service" => (
                "services",
                format!("dmp-system/{}", object["metadata"]["name"].as_str().unwrap()),
            ),
            _ => continue,
        };
        let ask = Ask::new("CREATE", resource, &place).object(object);
        let ask = ask.space(system["metadata"]["labels"].clone()).installer();
        assert_eq!(ask.denied(), NOTHING, "{place}");
        seen += 1;
    }
    assert!(seen >= 10, "{seen}");
}

/// The same by an API server, in which `dmp-tanger` has health data.
pub async fn on_a_server(server: &Server) {
    let administrator = server.administrator().await;
    let inside = |what: &str| format!("/api/v1/namespaces/dmp-tanger/{what}?dryRun=All");
    let service = |labels: &Value| {
        json!({
            "apiVersion": "v1", "kind": "Service", "metadata": { "name": "probe", "labels": labels },
            "spec": { "ports": [{ "port": 8443 }] },
        })
    };
    let claim = |name: &str, labels: &Value| {
        json!({
            "apiVersion": "v1", "kind": "PersistentVolumeClaim", "metadata": { "name": name, "labels": labels },
            "spec": { "accessModes": ["ReadWriteOnce"], "resources": { "requests": { "storage": "1Gi" } } },
        })
    };
    let namespace = |labels: &Value| json!({ "apiVersion": "v1", "kind": "Namespace", "metadata": { "name": "vendor-probe", "labels": labels } });
    let low = with(health(), CLASS_LABEL, json!("3"));
    for (labels, passes) in [(health(), true), (low.clone(), false), (Value::Null, false)] {
        for (what, body) in [
            ("services", service(&labels)),
            ("persistentvolumeclaims", claim("probe", &labels)),
        ] {
            let answer = administrator.post(&inside(what), &body).await;
            if passes {
                answer.passes();
            } else {
                answer.denied_by("dmp-classes");
            }
        }
    }
    let namespaces = "/api/v1/namespaces?dryRun=All";
    administrator
        .post(namespaces, &namespace(&space(&low)))
        .await
        .passes();
    administrator
        .post(namespaces, &namespace(&space(&json!({}))))
        .await
        .denied_by("dmp-classes");
    administrator
        .post(namespaces, &namespace(&json!({})))
        .await
        .passes();

    // A plane: somebody who may change namespaces and is no installer.
    let editor = server.act_as("editor", &["system:authenticated"]).await;
    let plane = "/api/v1/namespaces/dmp-tanger?dryRun=All";
    let class = |class: Value| json!({ "metadata": { "labels": { CLASS_LABEL: class } } });
    for text in [json!("2"), Value::Null] {
        editor
            .patch(plane, &class(text.clone()))
            .await
            .denied_by("dmp-classes");
        administrator
            .patch(plane, &class(text))
            .await
            .denied_by("dmp-classes");
    }
    let own = json!({ "metadata": { "labels": { OWNER_LABEL: "gst-tanger", PURPOSE_LABEL: "care-and-teaching" } } });
    editor.patch(plane, &own).await.passes();
    let annotated = json!({ "metadata": { "annotations": { "a": "b" } } });
    editor.patch(plane, &annotated).await.passes();

    // OpenBao's, by the controller that makes it.
    let controller = server.act_as(STATEFUL_SETS, &["system:masters"]).await;
    let system = "/api/v1/namespaces/dmp-system/persistentvolumeclaims?dryRun=All";
    controller
        .post(system, &claim("data-openbao-0", &Value::Null))
        .await
        .passes();
    administrator
        .post(system, &claim("data-openbao-0", &Value::Null))
        .await
        .denied_by("dmp-classes");
}
