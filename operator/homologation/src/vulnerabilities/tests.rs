//! Records of no real vulnerability, compared and made small.

use std::collections::BTreeSet;

use serde_json::{Value, json};

use super::affected::{Answer, answer};
use super::export::{Damaged, Export, LARGEST, Packed, Reduction};
use super::found::{Bill, Finding, Found, found, packages};
use super::package::{Ecosystem, Name, components};
use super::rating::Rating;
use super::record::{Invalid, Record};

const CRITICAL: &str = "CVSS:3.1/AV:N/AC:L/PR:N/UI:N/S:U/C:H/I:H/A:H";

/// A record of one package; `more` is laid over it.
fn record(id: &str, package: (&str, &str), events: Value, more: Value) -> Value {
    let mut whole = json!({
        "schema_version": "1.7.0", "id": id, "modified": "2026-11-20T00:00:00Z", "published": "2026-11-10T00:00:00Z",
        "affected": [{
            "package": { "ecosystem": package.0, "name": package.1 },
            "ranges": [{ "type": "ECOSYSTEM", "events": events }],
        }],
    });
    for (name, value) in more.as_object().unwrap() {
        whole[name] = value.clone();
    }
    whole
}

fn rated(score: &str) -> Value {
    json!({ "severity": [{ "type": "CVSS_V3", "score": score }] })
}

fn said(ecosystem: &str, affected: Value, version: &str) -> Answer {
    let mut affected = affected;
    affected["package"] = json!({ "ecosystem": ecosystem, "name": "p" });
    let text = json!({ "id": "OSV-TEST-1", "modified": "2026-11-20T00:00:00Z", "affected": [affected] });
    let (record, _) = Record::read(text.to_string().as_bytes()).unwrap();
    answer(
        &record.affected[0],
        &Ecosystem::parse(ecosystem).unwrap(),
        version,
    )
}

fn until(fixed: &str) -> Answer {
    let fixed = Some(fixed.to_owned());
    Answer::Affected { fixed }
}

const OPEN: Answer = Answer::Affected { fixed: None };

#[test]
fn each_kind_of_event_begins_or_ends_what_is_affected() {
    let fixed = json!([{ "introduced": "1.2.0" }, { "fixed": "1.4.0" }]);
    let twice =
        json!([{ "fixed": "3.0.1" }, { "introduced": "0" }, { "fixed": "1.0.1" }, { "introduced": "3.0.0" }]);
    let last = json!([{ "introduced": "0" }, { "last_affected": "1.2.0" }]);
    let limit = json!([{ "introduced": "0" }, { "limit": "2.0.0" }]);
    let endless = json!([{ "introduced": "0" }, { "limit": "2.0.0" }, { "limit": "*" }]);
    let never = json!([{ "introduced": "0" }, { "fixed": "0" }]);
    for (events, version, expected) in [
        (&fixed, "1.1.9", Answer::NotAffected),
        (&fixed, "1.2.0", until("1.4.0")),
        (&fixed, "1.4.0-rc.1", until("1.4.0")),
        (&fixed, "1.4.0", Answer::NotAffected),
        (&twice, "0.0.1", until("1.0.1")),
        (&twice, "2.0.0", Answer::NotAffected),
        (&twice, "3.0.0", until("3.0.1")),
        (&twice, "3.0.1", Answer::NotAffected),
        (&last, "1.2.0", OPEN),
        (&last, "1.2.1", Answer::NotAffected),
        (&limit, "1.9.9", OPEN),
        (&limit, "2.0.0", Answer::NotAffected),
        (&endless, "2.0.0", OPEN),
        (&never, "0.0.1", Answer::NotAffected),
    ] {
        for kind in ["SEMVER", "ECOSYSTEM"] {
            let affected = json!({ "ranges": [{ "type": kind, "events": events }] });
            assert_eq!(
                said("crates.io", affected, version),
                expected,
                "{events} {version}"
            );
        }
    }
}

#[test]
fn each_ecosystem_has_its_own_order_and_lists_count_too() {
    let debian = json!({ "ranges": [{ "type": "ECOSYSTEM", "events": [{ "introduced": "0" }, { "fixed": "2.36-9+deb12u10" }] }] });
    assert_eq!(
        said("Debian:12", debian.clone(), "2.36-9+deb12u9"),
        until("2.36-9+deb12u10")
    );
    assert_eq!(
        said("Debian:12", debian.clone(), "2.36-9+deb12u10"),
        Answer::NotAffected
    );
    assert_eq!(said("Debian:12", debian, "1:0.1"), Answer::NotAffected);
    let go = json!({ "ranges": [{ "type": "SEMVER", "events": [{ "introduced": "0" }, { "fixed": "0.0.0-20260101000000-abcdef123456" }] }] });
    assert_eq!(
        said("Go", go.clone(), "v0.0.0-20251231000000-aaaaaaaaaaaa"),
        until("0.0.0-20260101000000-abcdef123456")
    );
    assert_eq!(said("Go", go, "v2.0.0+incompatible"), Answer::NotAffected);
    let listed = json!({ "versions": ["1.0.0", "v2.0.0"] });
    assert_eq!(said("Go", listed.clone(), "v1.0.0"), OPEN);
    assert_eq!(said("Go", listed.clone(), "v2.0.0+incompatible"), OPEN);
    assert_eq!(said("Go", listed, "v1.0.1"), Answer::NotAffected);
    // Beside a range that does not have it; in the second of two.
    let beside = json!({ "versions": ["5.0.0"], "ranges": [
        { "type": "SEMVER", "events": [{ "introduced": "1.0.0" }, { "fixed": "1.1.0" }] },
        { "type": "SEMVER", "events": [{ "introduced": "2.0.0" }, { "fixed": "2.1.0" }] },
        { "type": "GIT", "repo": "r", "events": [{ "introduced": "0" }] },
    ] });
    assert_eq!(said("crates.io", beside.clone(), "5.0.0"), OPEN);
    assert_eq!(said("crates.io", beside.clone(), "2.0.5"), until("2.1.0"));
    assert_eq!(said("crates.io", beside, "3.0.0"), Answer::NotAffected);
}

#[test]
fn what_cannot_be_decided_is_not_decided() {
    let range = |fixed: &str| json!({ "ranges": [{ "type": "SEMVER", "events": [{ "introduced": "0" }, { "fixed": fixed }] }] });
    let commits = json!({ "ranges": [{ "type": "GIT", "repo": "r", "events": [{ "introduced": "0" }] }] });
    for (ecosystem, affected, version) in [
        ("Go", range("1.0.0"), "(devel)"),
        ("crates.io", range("one"), "1.0.0"),
        ("Debian:12", range("1 0"), "1.0"),
        ("Go", commits, "v1.0.0"),
    ] {
        let said = said(ecosystem, affected, version);
        assert!(matches!(said, Answer::Undecided(_)), "{said:?}");
    }
}

#[test]
fn what_is_no_record_is_refused_and_says_why() {
    let good = record(
        "OSV-TEST-1",
        ("Go", "g"),
        json!([{ "introduced": "0" }]),
        json!({}),
    );
    let changed = |name: &str, value: Value| {
        let mut one = good.clone();
        one[name] = value;
        Record::read(one.to_string().as_bytes()).map(|_| ())
    };
    assert_eq!(changed("details", json!("x")), Ok(()));
    assert_eq!(changed("schema_version", Value::Null), Ok(()));
    assert_eq!(
        changed("schema_version", json!("2.0.0")),
        Err(Invalid::OtherSchema)
    );
    for (name, value) in [
        ("id", json!("")),
        ("modified", Value::Null),
        ("modified", json!("yesterday")),
        ("published", json!(1)),
        ("withdrawn", json!("no")),
        ("aliases", json!("CVE-1")),
        ("aliases", json!([1])),
        ("affected", json!({})),
    ] {
        assert_eq!(changed(name, value.clone()), Err(Invalid::Field(name)), "{value}");
    }
    let package = json!({ "ecosystem": "Go", "name": "g" });
    for (affected, field) in [
        (json!([{ "package": { "ecosystem": "Go" } }]), "affected.package"),
        (
            json!([{ "package": package, "ranges": [{ "type": "MAGIC", "events": [] }] }]),
            "affected.ranges.type",
        ),
        (
            json!([{ "package": package, "ranges": [{ "type": "SEMVER", "events": [{ "fixed": "1" }] }] }]),
            "affected.ranges.events",
        ),
        (
            json!([{ "package": package, "ranges": [{ "type": "SEMVER", "events": [{ "introduced": 0 }] }] }]),
            "affected.ranges.events",
        ),
        (
            json!([{ "package": package, "ranges": [{ "type": "SEMVER", "events": [{ "introduced": "0", "ends": "1" }] }] }]),
            "affected.ranges.events",
        ),
    ] {
        assert_eq!(
            changed("affected", affected.clone()),
            Err(Invalid::Field(field)),
            "{affected}"
        );
    }
    assert_eq!(
        Record::read(b"{\"id\":").map(|_| ()),
        Err(Invalid::NotJson { line: 1, column: 6 })
    );
    assert_eq!(Record::read(b"[]").map(|_| ()), Err(Invalid::Field("id")));
}

/// An image with these packages.
fn bill(image: &str, purls: &[&str]) -> Bill {
    let items: Vec<Value> = purls
        .iter()
        .map(|purl| json!({ "name": "x", "purl": purl }))
        .collect();
    Bill {
        image: image.to_owned(),
        components: components(&json!({ "components": items }).to_string()),
    }
}

fn reduced(bills: &[Bill], records: &[Value]) -> Export {
    let mut reduction = Reduction::new(packages(bills.iter()));
    for record in records {
        reduction.take(record.to_string().as_bytes()).unwrap();
    }
    reduction.finish()
}

fn compared(bills: &[Bill], records: &[Value]) -> Found {
    found(&reduced(bills, records), bills.iter())
}

fn until_fixed(version: &str) -> Value {
    json!([{ "introduced": "0" }, { "fixed": version }])
}

#[test]
fn what_is_found_is_one_for_each_vulnerability_package_and_version() {
    let bills = [
        bill(
            "r.ma/one",
            &["pkg:golang/example.org/Lib@v1.0.0", "pkg:cargo/safe@2.0.0"],
        ),
        bill(
            "r.ma/other",
            &[
                "pkg:golang/example.org/lib@v1.0.0",
                "pkg:golang/example.org/lib@v1.5.0",
            ],
        ),
    ];
    let lib = ("Go", "example.org/lib");
    let records = [
        // Three databases tell of one; one of them rates it, another one knew it first.
        record(
            "GO-TEST-1",
            lib,
            until_fixed("1.2.0"),
            json!({ "aliases": ["CVE-TEST-1"] }),
        ),
        record(
            "OSV-TEST-1",
            lib,
            until_fixed("1.2.1"),
            json!({ "aliases": ["CVE-TEST-1"], "published": "2026-10-01T00:00:00Z" }),
        ),
        record("CVE-TEST-1", lib, until_fixed("1.2.0"), rated(CRITICAL)),
        record(
            "OSV-TEST-2",
            lib,
            until_fixed("2.0.0"),
            json!({ "database_specific": { "severity": "LOW" } }),
        ),
        record(
            "OSV-TEST-3",
            lib,
            until_fixed("2.0.0"),
            json!({ "severity": rated(CRITICAL)["severity"], "withdrawn": "2026-11-01T00:00:00Z" }),
        ),
        record(
            "OSV-TEST-4",
            ("crates.io", "safe"),
            until_fixed("2.0.0"),
            rated(CRITICAL),
        ),
    ];
    let found = compared(&bills, &records);
    assert_eq!(found.untold, Vec::<String>::new());
    let text = |one: &Finding| {
        let images: Vec<&str> = one.images.iter().map(String::as_str).collect();
        format!(
            "{} {} {} {:?} {}",
            one.id,
            one.package.version,
            one.rating.map_or("unrated", Rating::as_str),
            one.fixed,
            images.join("+")
        )
    };
    let texts: Vec<String> = found.findings.iter().map(text).collect();
    assert_eq!(
        texts,
        [
            "CVE-TEST-1 v1.0.0 critical {\"1.2.0\", \"1.2.1\"} r.ma/one+r.ma/other",
            "OSV-TEST-2 v1.0.0 low {\"2.0.0\"} r.ma/one+r.ma/other",
            "OSV-TEST-2 v1.5.0 low {\"2.0.0\"} r.ma/other",
        ]
    );
    let first = &found.findings[0];
    assert_eq!(first.published.unwrap().to_string(), "2026-10-01T00:00:00Z");
    assert!(first.names.contains("GO-TEST-1") && first.counts());
    assert!(!found.findings[1].counts());
}

#[test]
fn what_nobody_rated_counts_and_an_advisory_of_many_is_rated_by_them() {
    let bills = [bill(
        "r.ma/pg",
        &["pkg:deb/debian/libc6@2.36-9?distro=debian-12&upstream=glibc%402.36-9"],
    )];
    let glibc = ("Debian:12", "glibc");
    let records = [
        record(
            "OSV-TEST-1",
            glibc,
            until_fixed("2.36-10"),
            json!({ "published": null }),
        ),
        record(
            "DEBIAN-TEST-2",
            glibc,
            until_fixed("2.36-10"),
            json!({ "upstream": ["CVE-TEST-2"], "severity": rated(CRITICAL)["severity"] }),
        ),
        record(
            "CVE-TEST-3",
            glibc,
            until_fixed("2.36-9"),
            json!({ "database_specific": { "severity": "HIGH" } }),
        ),
        record(
            "DSA-TEST-4",
            glibc,
            until_fixed("2.36-10"),
            json!({ "upstream": ["CVE-TEST-2", "CVE-TEST-3"] }),
        ),
    ];
    let found = compared(&bills, &records);
    let seen: BTreeSet<(&str, Option<Rating>)> = found
        .findings
        .iter()
        .map(|one| (one.id.as_str(), one.rating))
        .collect();
    let critical = Some(Rating::Critical);
    assert_eq!(
        seen,
        BTreeSet::from([
            ("OSV-TEST-1", None),
            ("CVE-TEST-2", critical),
            ("DSA-TEST-4", critical)
        ])
    );
    assert!(found.findings.iter().all(Finding::counts));
    let unrated = found.findings.iter().find(|one| one.rating.is_none()).unwrap();
    assert_eq!(unrated.published, None);
}

#[test]
fn what_cannot_be_compared_is_named() {
    let old = [bill(
        "r.ma/one",
        &["pkg:cargo/a@1.0.0", "pkg:golang/example.org/g@(devel)"],
    )];
    let records = [
        record(
            "OSV-TEST-1",
            ("crates.io", "other"),
            until_fixed("2.0.0"),
            json!({}),
        ),
        record(
            "OSV-TEST-2",
            ("Go", "example.org/g"),
            until_fixed("2.0.0"),
            json!({}),
        ),
    ];
    let export = reduced(&old, &records);
    let new = [bill(
        "r.ma/two",
        &[
            "pkg:cargo/a@1.0.0",
            "pkg:cargo/b@1.0.0",
            "pkg:golang/example.org/g@(devel)",
            "pkg:deb/debian/tzdata@2025b?distro=debian-12",
            "pkg:deb/debian/libc6@2.36-9",
            "pkg:npm/left@1.0.0",
        ],
    )];
    let found = found(&export, new.iter());
    assert_eq!(found.findings, []);
    assert_eq!(
        found.untold,
        [
            "1: `(devel)` is no version of Go (OSV-TEST-2 of Go/example.org/g (devel))",
            "1: does not say of which release of Debian it is (`distro=debian-12`): export and sign the images again \
             (pkg:deb/debian/libc6@2.36-9 in r.ma/two)",
            "1: is of no ecosystem that is compared (crates.io, Go, Debian) (pkg:npm/left@1.0.0 in r.ma/two)",
            "1: no bill named it when the export was read: read it again (crates.io/b)",
            "1: the export has nothing of Debian:12 (Debian:12/tzdata)",
        ]
    );
}

#[test]
fn of_an_export_what_names_a_package_is_left_and_nothing_is_lost() {
    let bills = [bill("r.ma/one", &["pkg:golang/example.org/g@v1.0.0"])];
    let g = ("Go", "example.org/G");
    let mut listed = record(
        "OSV-TEST-1",
        g,
        until_fixed("1.1.0"),
        json!({ "details": "long ".repeat(1000) }),
    );
    listed["affected"][0]["versions"] = json!(["0.9.0", "1.0.0", "3.0.0"]);
    let mut two = record("OSV-TEST-2", ("npm", "left"), until_fixed("9.0.0"), json!({}));
    let other = record("x", ("crates.io", "other"), until_fixed("9.0.0"), json!({}))["affected"][0].clone();
    let mine = record("x", g, until_fixed("0.1.0"), json!({}))["affected"][0].clone();
    two["affected"].as_array_mut().unwrap().extend([other, mine]);
    let earlier = record(
        "OSV-TEST-3",
        g,
        until_fixed("9.0.0"),
        json!({ "modified": "2026-01-01T00:00:00Z" }),
    );
    let later = record(
        "OSV-TEST-3",
        g,
        until_fixed("9.0.0"),
        json!({ "withdrawn": "2026-11-01T00:00:00Z" }),
    );
    let records = [
        listed,
        two,
        later.clone(),
        earlier.clone(),
        record(
            "OSV-TEST-4",
            ("Go", "example.org/other"),
            until_fixed("9.0.0"),
            json!({}),
        ),
        record("OSV-TEST-5", ("npm", "left"), until_fixed("9.0.0"), json!({})),
        json!({ "id": "OSV-TEST-6", "modified": "2026-11-20T00:00:00Z" }),
    ];
    let export = reduced(&bills, &records);
    let ids: Vec<&str> = export.records.iter().map(|one| one.id.as_str()).collect();
    // One that is not affected any more stays: the next release may have it again.
    assert_eq!(ids, ["OSV-TEST-1", "OSV-TEST-2"]);
    assert_eq!(
        export.records[0].affected[0].versions,
        ["3.0.0"],
        "the range has the others"
    );
    assert_eq!(export.records[1].affected.len(), 1);
    assert_eq!(
        export.ecosystems,
        BTreeSet::from([Ecosystem::Crates, Ecosystem::Go])
    );
    // In whichever order two exports have it, what was taken back last counts.
    for both in [[earlier.clone(), later.clone()], [later, earlier]] {
        assert_eq!(reduced(&bills, &both).records, []);
    }
    for (version, count) in [("v0.9.0", 1), ("v1.0.0", 1), ("v2.0.0", 0), ("v3.0.0", 1)] {
        let purl = format!("pkg:golang/example.org/g@{version}");
        let next = [bill("r.ma/next", &[&purl])];
        assert_eq!(found(&export, next.iter()).findings.len(), count, "{version}");
    }

    let packed = export.pack().unwrap();
    assert_eq!(Export::unpack(&packed), Ok(export));
}

#[test]
fn what_was_changed_or_is_a_bomb_is_not_unpacked() {
    use base64::Engine as _;
    use std::io::Write as _;

    let export = Export {
        packages: BTreeSet::from([Name::parse("Go/example.org/g").unwrap()]),
        ..Export::default()
    };
    let packed = export.pack().unwrap();
    let unpack = |content: String, sha256: &str| {
        let sha256 = sha256.to_owned();
        Export::unpack(&Packed { content, sha256 })
    };
    assert_eq!(
        unpack(packed.content.clone(), &"0".repeat(64)),
        Err(Damaged::OtherHash)
    );
    for content in ["", "!", "AAAA"] {
        assert_eq!(
            unpack(content.to_owned(), &packed.sha256),
            Err(Damaged::Packed),
            "{content}"
        );
    }
    let gzip = |text: &[u8]| {
        let mut gzip = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::best());
        gzip.write_all(text).unwrap();
        base64::engine::general_purpose::STANDARD.encode(gzip.finish().unwrap())
    };
    let text = b"{\"ecosystems\":[\"npm\"],\"packages\":[],\"records\":[]}";
    assert_eq!(
        unpack(gzip(text), &crate::canonical::digest(text)),
        Err(Damaged::Text)
    );
    // A gigabyte of blanks is a megabyte; a sixteenth of it is as good.
    let bomb = vec![b' '; usize::try_from(LARGEST).unwrap() + 1];
    assert_eq!(
        unpack(gzip(&bomb), &crate::canonical::digest(&bomb)),
        Err(Damaged::Packed)
    );
}

#[test]
fn more_than_an_object_holds_is_refused() {
    let bills = [bill("r.ma/one", &["pkg:golang/example.org/g@v1.0.0"])];
    let long = |at: usize| {
        let id = format!(
            "OSV-TEST-{at}-{}",
            crate::canonical::digest(&at.to_be_bytes()).repeat(64)
        );
        record(&id, ("Go", "example.org/g"), until_fixed("9.0.0"), json!({}))
    };
    let records: Vec<Value> = (0..5000).map(long).collect();
    let too_large = reduced(&bills, &records).pack().unwrap_err();
    assert!(too_large.bytes > usize::try_from(LARGEST).unwrap(), "{too_large}");
}
