#![allow(clippy::unwrap_used)]

use std::io::Read as _;
use std::os::unix::fs::PermissionsExt as _;

use serde_json::{Value, json};

use super::Bundle;
use super::redact;

#[test]
fn an_object_loses_what_people_and_programs_keep_in_it() {
    let long = "A".repeat(100);
    let object = redact::object(json!({
        "kind": "SolutionRevocation",
        "metadata": {
            "name": "r", "managedFields": [{}],
            "annotations": { "dmp.ma/config-sha256": "ab", "kubectl.kubernetes.io/last-applied-configuration": "{}", "note": "Dr Test" },
        },
        "spec": {
            "reason": "Dr Test rang", "csr": "-----BEGIN\nx", "token": long, "secretKeyRef": { "key": "ca.crt" },
            "containers": [{ "name": "c", "env": [{ "name": "PGPASSWORD", "value": "letmein" }, { "name": "DMP_LOG", "value": "info" }] }],
        },
        "status": { "conditions": [{ "type": "Ready", "reason": "Applied", "message": "all there" }] },
    }));
    let text = object.to_string();
    for gone in [
        "managedFields",
        "last-applied",
        "Dr Test",
        "BEGIN",
        &"A".repeat(100),
        "letmein",
    ] {
        assert!(!text.contains(gone), "{gone}: {text}");
    }
    for kept in [
        "config-sha256",
        "ca.crt",
        "info",
        "Applied",
        "all there",
        "PGPASSWORD",
    ] {
        assert!(text.contains(kept), "{kept}: {text}");
    }
}

#[test]
fn a_homologation_loses_what_reviewers_wrote() {
    let long = "A".repeat(100);
    let review = redact::object(
        json!({ "kind": "HomologationReview", "spec": { "homologation": "x-1", "statement": long } }),
    );
    let programme =
        redact::object(json!({ "kind": "HomologationProgramme", "spec": { "signatures": ["Dr Test"] } }));
    let homologation = redact::object(json!({
        "kind": "SolutionHomologation",
        "status": {
            "state": "SentBack", "missing": ["security: Dr Test asks"],
            "conditions": [{ "type": "Ready", "reason": "SentBack", "message": "security: Dr Test asks" }],
        },
    }));
    let one = redact::object(json!({
        "kind": "NonConformity", "spec": { "solution": "x", "finding": "Dr Test rang", "measured": "by Dr Test" },
    }));
    let answer =
        redact::object(json!({ "kind": "NonConformityAnswer", "spec": { "text": "Dr Test did it" } }));
    let text = format!("{review}{programme}{homologation}{one}{answer}");
    assert!(!text.contains("Dr Test") && !text.contains(&long), "{text}");
    assert!(text.contains("x-1") && text.contains("SentBack"), "{text}");
}

#[test]
fn an_incident_loses_what_people_wrote_and_keeps_its_clocks() {
    let incident = redact::object(json!({
        "kind": "Incident",
        "spec": {
            "awareAt": "2026-12-01T10:00:00Z", "summary": "amina's account", "closing": { "at": "x", "word": "amina left" },
            "receipts": [{ "to": "dgssi", "reference": "letter of amina", "sentAt": "y" }],
        },
        "status": { "clocks": [{ "to": "dgssi", "state": "Sent", "receipt": "letter of amina" }] },
    }));
    let text = incident.to_string();
    assert!(
        !text.contains("amina") && text.contains("Sent") && text.contains("awareAt"),
        "{text}"
    );
}

#[test]
fn evidence_of_a_control_loses_who_brought_it_and_what_it_says() {
    let evidence = redact::object(json!({
        "kind": "ControlEvidence",
        "spec": {
            "control": "DMP-IAM-06", "by": "amina", "inputs": "{\"who\":\"amina\"}",
            "documents": [{ "name": "amina.pdf", "sha256": "a", "bytes": 1 }],
        },
    }));
    let text = evidence.to_string();
    assert!(!text.contains("amina") && text.contains("DMP-IAM-06"), "{text}");
}

#[test]
fn a_configuration_hides_what_may_be_secret() {
    let shown = redact::config(
        "[service]\ndomain = \"dmp.test\"\n[database]\npassword = \"letmein\"\nurl = \"postgres://app:letmein@h/app\"\ntoken_path = \"/run/token\"\n",
    );
    assert!(!shown.contains("letmein"), "{shown}");
    assert!(
        shown.contains("dmp.test") && shown.contains("/run/token"),
        "{shown}"
    );
    assert_eq!(shown.matches(redact::HIDDEN).count(), 2);
}

#[test]
fn the_audit_log_of_openbao_stays_there() {
    let text = "2026-11-25T10:00:00Z {\"@level\":\"info\",\"@message\":\"core: vault is unsealed\"}\n\
        2026-11-25T10:00:01Z {\"type\":\"request\",\"auth\":{\"accessor\":\"hmac-x\"},\"request\":{\"path\":\"transit/datakey\"}}\n\
        not json\n";
    let shown = redact::openbao_log(text);
    assert!(
        shown.contains("unsealed") && shown.contains("not json"),
        "{shown}"
    );
    assert!(!shown.contains("datakey"), "{shown}");
}

#[test]
fn an_event_is_what_happened_to_what() {
    let event = redact::event(
        &json!({ "reason": "BackOff", "message": "m", "metadata": { "name": "x" }, "count": null }),
    );
    assert_eq!(event, json!({ "reason": "BackOff", "message": "m" }));
}

#[test]
fn the_file_lists_what_is_in_it_and_what_is_not() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("bundle.tar.gz");
    let mut bundle = Bundle::create(&path).unwrap();
    bundle.add("logs/a.log", "a log", b"line\n").unwrap();
    bundle.missing("metrics/b.txt", &"forbidden");
    let summary = bundle.finish().unwrap();
    assert_eq!((summary.files, summary.missing), (2, 1));
    assert_eq!(path.metadata().unwrap().permissions().mode() & 0o777, 0o600);

    let mut files = std::collections::BTreeMap::new();
    let mut archive = tar::Archive::new(flate2::read::GzDecoder::new(std::fs::File::open(&path).unwrap()));
    for entry in archive.entries().unwrap() {
        let mut entry = entry.unwrap();
        let name = entry.path().unwrap().display().to_string();
        let mut text = String::new();
        entry.read_to_string(&mut text).unwrap();
        files.insert(name, text);
    }
    assert_eq!(files["dmp-support/logs/a.log"], "line\n");
    let index: Value = serde_json::from_str(&files["dmp-support/index.json"]).unwrap();
    assert_eq!(index["files"][0]["file"], "logs/a.log");
    assert_eq!(
        index["missing"][0],
        json!({ "what": "metrics/b.txt", "why": "forbidden" })
    );
    assert!(index["never"].as_array().unwrap().len() > 3);

    let again = Bundle::create(&path).err().unwrap();
    assert_eq!(again.code, "file", "a bundle is never overwritten");
}
