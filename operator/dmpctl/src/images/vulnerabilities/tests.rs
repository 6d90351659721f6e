//! Exports of no real vulnerability, read as the site would bring them.

#![allow(clippy::unwrap_used)]

use std::fs::File;
use std::io::Write as _;
use std::path::{Path, PathBuf};

use dmp_homologation::vulnerabilities::package::components;
use serde_json::{Value, json};
use zip::write::SimpleFileOptions;

use super::*;

fn now() -> Timestamp {
    "2026-11-30T12:00:00Z".parse().unwrap()
}

fn bill() -> Vec<Bill> {
    let sbom = json!({ "components": [
        { "name": "tls", "purl": "pkg:cargo/tls@1.0.0" },
        { "name": "libc6", "purl": "pkg:deb/debian/libc6@2.36-9?distro=debian-12&upstream=glibc%402.36-9" },
    ] });
    vec![Bill {
        image: "r.ma/dmp".to_owned(),
        components: components(&sbom.to_string()),
    }]
}

fn record(id: &str, ecosystem: &str, name: &str, modified: &str, severity: Value) -> Value {
    json!({
        "id": id, "modified": modified, "published": "2026-11-25T00:00:00Z",
        "database_specific": { "severity": severity },
        "affected": [{
            "package": { "ecosystem": ecosystem, "name": name },
            "ranges": [{ "type": "ECOSYSTEM", "events": [{ "introduced": "0" }, { "fixed": "3.0.0" }] }],
        }],
    })
}

fn crates() -> Vec<(&'static str, String)> {
    vec![
        (
            "OSV-TEST-1.json",
            record(
                "OSV-TEST-1",
                "crates.io",
                "tls",
                "2026-11-29T10:00:00Z",
                json!("CRITICAL"),
            )
            .to_string(),
        ),
        (
            "OSV-TEST-2.json",
            record(
                "OSV-TEST-2",
                "crates.io",
                "tls",
                "2026-11-01T10:00:00Z",
                json!("LOW"),
            )
            .to_string(),
        ),
        (
            "OSV-TEST-3.json",
            record(
                "OSV-TEST-3",
                "crates.io",
                "other",
                "2026-11-02T10:00:00Z",
                json!("HIGH"),
            )
            .to_string(),
        ),
    ]
}

fn archive(folder: &Path, name: &str, entries: &[(&str, String)]) -> PathBuf {
    let path = folder.join(name);
    let mut archive = zip::ZipWriter::new(File::create(&path).unwrap());
    let options = SimpleFileOptions::default().compression_method(zip::CompressionMethod::Deflated);
    for (name, text) in entries {
        archive.start_file(*name, options).unwrap();
        archive.write_all(text.as_bytes()).unwrap();
    }
    archive.finish().unwrap();
    path
}

fn options(osv: &[&Path]) -> VulnerabilitiesOptions {
    VulnerabilitiesOptions {
        osv: osv.iter().map(|path| (*path).to_owned()).collect(),
        exported_at: None,
    }
}

#[test]
fn an_export_is_read_from_an_archive_and_from_a_folder() {
    let place = tempfile::tempdir().unwrap();
    let zip = archive(place.path(), "crates.zip", &crates());
    let folder = place.path().join("debian");
    std::fs::create_dir_all(folder.join("inside")).unwrap();
    let debian = record(
        "DEBIAN-TEST-4",
        "Debian:12",
        "glibc",
        "2026-11-30T08:00:00Z",
        Value::Null,
    );
    std::fs::write(folder.join("inside/DEBIAN-TEST-4.json"), debian.to_string()).unwrap();
    std::fs::write(folder.join("README"), "no record").unwrap();

    let spec = drafted(&options(&[&zip, &folder]), &bill(), now()).unwrap();
    assert_eq!(spec.exported_at, "2026-11-29T10:00:00Z", "of two the earlier");
    assert_eq!(spec.records, 3);
    let sources: Vec<(&str, i64)> = spec
        .sources
        .iter()
        .map(|one| (one.name.as_str(), one.records))
        .collect();
    assert_eq!(sources, [("crates.zip", 3), ("debian", 1)]);
    assert_eq!(spec.sources[0].sha256, files::sha256_of(&zip).unwrap().0);
    let before = spec.sources[1].sha256.clone();

    let text = shown(&spec, &bill()).unwrap();
    let line = |id: &str| {
        text.lines()
            .find(|line| line.contains(id))
            .unwrap_or_else(|| panic!("{text}"))
    };
    for cell in [
        "critique",
        "crates.io/tls",
        "1.0.0",
        "3.0.0",
        "2026-11-25",
        "r.ma/dmp",
    ] {
        assert!(line("OSV-TEST-1").contains(cell), "{text}");
    }
    assert!(line("DEBIAN-TEST-4").starts_with("non évaluée"), "{text}");
    assert!(line("OSV-TEST-2").starts_with("faible"), "{text}");
    assert!(
        text.contains("2 critiques ou non évaluées (1), 1 autres"),
        "{text}"
    );
    assert!(
        !text.contains("OSV-TEST-3") && !text.contains("Non comparé"),
        "{text}"
    );
    assert!(text.contains("dmpctl images reported"), "{text}");

    // A folder with other content is another source.
    let changed = record(
        "DEBIAN-TEST-4",
        "Debian:12",
        "glibc",
        "2026-11-30T09:00:00Z",
        Value::Null,
    );
    std::fs::write(folder.join("inside/DEBIAN-TEST-4.json"), changed.to_string()).unwrap();
    let spec = drafted(&options(&[&folder]), &bill(), now()).unwrap();
    assert_ne!(spec.sources[0].sha256, before);
    assert!(
        shown(&spec, &bill())
            .unwrap()
            .contains("Non comparé : 1: the export has nothing of crates.io")
    );
}

#[test]
fn a_report_is_shown_and_nothing_known_is_said() {
    let place = tempfile::tempdir().unwrap();
    let zip = archive(place.path(), "all.zip", &crates());
    let mut spec = drafted(&options(&[&zip]), &bill(), now()).unwrap();
    let told = ReportedOptions {
        id: "OSV-TEST-1".to_owned(),
        reference: " maCERT-1 ".to_owned(),
        document: None,
        sent_at: None,
    };
    spec.reports.push(report(&told, None, now()).unwrap());
    let text = shown(&spec, &bill()).unwrap();
    assert!(
        text.contains("signalée") && !text.contains("dmpctl images reported"),
        "{text}"
    );
    let future = ReportedOptions {
        sent_at: Some("2026-12-01T00:00:00Z".parse().unwrap()),
        ..told.clone()
    };
    let empty = ReportedOptions {
        reference: " ".to_owned(),
        ..told
    };
    for bad in [future, empty] {
        assert_eq!(report(&bad, None, now()).unwrap_err().code, "report-not-usable");
    }
    let safe = archive(place.path(), "safe.zip", &crates()[2..]);
    let spec = drafted(&options(&[&safe]), &bill(), now()).unwrap();
    assert!(
        shown(&spec, &bill())
            .unwrap()
            .contains("Aucune vulnérabilité connue")
    );
}

#[test]
fn the_day_of_an_export_is_none_to_come_and_none_before_its_last_change() {
    let place = tempfile::tempdir().unwrap();
    let zip = archive(place.path(), "all.zip", &crates());
    let at = |moment: &str| {
        let options = VulnerabilitiesOptions {
            exported_at: Some(moment.parse().unwrap()),
            ..options(&[&zip])
        };
        drafted(&options, &bill(), now()).map(|spec| spec.exported_at)
    };
    assert_eq!(at("2026-11-30T11:00:00Z").unwrap(), "2026-11-30T11:00:00Z");
    for bad in ["2026-11-30T12:00:01Z", "2026-11-29T09:59:59Z"] {
        assert_eq!(at(bad).unwrap_err().code, "osv-not-usable", "{bad}");
    }
    let ahead = record(
        "OSV-TEST-1",
        "crates.io",
        "tls",
        "2027-01-01T00:00:00Z",
        Value::Null,
    );
    let zip = archive(place.path(), "ahead.zip", &[("a.json", ahead.to_string())]);
    let error = drafted(&options(&[&zip]), &bill(), now()).unwrap_err();
    assert!(error.message.contains("has not come yet"), "{}", error.message);
}

#[test]
fn what_is_no_export_is_refused_and_named() {
    let place = tempfile::tempdir().unwrap();
    let refused = |path: &Path| {
        let error = drafted(&options(&[path]), &bill(), now()).unwrap_err();
        (error.code, error.message)
    };
    let text = place.path().join("text.zip");
    std::fs::write(&text, "no archive").unwrap();
    let whole = archive(place.path(), "whole.zip", &crates());
    let half = place.path().join("half.zip");
    let bytes = std::fs::read(&whole).unwrap();
    std::fs::write(&half, &bytes[..bytes.len() / 2]).unwrap();
    // The packed text of the first record.
    let damaged = place.path().join("damaged.zip");
    let mut bytes = bytes;
    bytes[60..80].fill(0xff);
    std::fs::write(&damaged, &bytes).unwrap();
    let nothing = archive(place.path(), "nothing.zip", &[]);
    let folder = place.path().join("empty");
    std::fs::create_dir(&folder).unwrap();
    for path in [&text, &half, &damaged, &nothing, &folder] {
        let (code, message) = refused(path);
        assert_eq!(code, "osv-not-usable", "{message}");
    }
    assert_eq!(refused(&place.path().join("none.zip")).0, "file");

    let mut entries = crates();
    entries.push(("advisory.json", "{\"id\": 1}".to_owned()));
    let (code, message) = refused(&archive(place.path(), "mixed.zip", &entries));
    assert_eq!(code, "osv-not-usable");
    assert!(
        message.contains("`advisory.json` in") && message.contains("no record of OSV"),
        "{message}"
    );
}

#[test]
fn a_bomb_is_not_unpacked() {
    let place = tempfile::tempdir().unwrap();
    // A gigabyte of blanks in a megabyte.
    let path = place.path().join("bomb.zip");
    let mut bomb = zip::ZipWriter::new(File::create(&path).unwrap());
    let options_of_entry = SimpleFileOptions::default().compression_method(zip::CompressionMethod::Deflated);
    bomb.start_file("bomb.json", options_of_entry).unwrap();
    let blanks = vec![b' '; 1024 * 1024];
    for _ in 0..1024 {
        bomb.write_all(&blanks).unwrap();
    }
    bomb.finish().unwrap();
    assert!(std::fs::metadata(&path).unwrap().len() < 8 * 1024 * 1024);
    let error = drafted(&options(&[&path]), &bill(), now()).unwrap_err();
    assert_eq!(error.code, "osv-too-large", "{}", error.message);
    assert!(error.message.contains("bomb.json"), "{}", error.message);
}
