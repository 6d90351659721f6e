//! Ids, dates, references.

use jiff::Timestamp;
use serde_json::json;

use crate::date::{Date, DateTime};
use crate::id;
use crate::reference::Reference;

#[test]
fn ids() {
    for good in [
        "a",
        "A-1.b",
        "123e4567-e89b-12d3-a456-426614174000",
        &"x".repeat(64),
    ] {
        assert!(id::is_valid(good), "{good}");
    }
    for bad in ["", "a b", "a_b", "é", "a/b", &"x".repeat(65), "a\n"] {
        assert!(!id::is_valid(bad), "{bad}");
    }
}

#[test]
fn dates_keep_their_precision() {
    for good in ["1951", "1951-02", "2024-02-29", "0001-01-01", "9998"] {
        assert_eq!(Date::parse(good, "x").unwrap().as_str(), good);
    }
    let bad = [
        "",
        "0000",
        "51",
        "1951-",
        "1951-13",
        "1951-1",
        "2023-02-29",
        "1951-02-3",
        "1951-02-30T",
        "19510203",
        "+951",
        "1951-02-03-",
        " 1951",
        "١٩٥١",
    ];
    for bad in bad {
        assert!(Date::parse(bad, "x").is_err(), "{bad}");
    }
}

#[test]
fn date_times_are_ranges_of_instants() {
    let at = |text: &str| text.parse::<Timestamp>().unwrap();
    let cases = [
        ("2026", "2026-01-01T00:00:00Z", "2027-01-01T00:00:00Z"),
        ("2026-12", "2026-12-01T00:00:00Z", "2027-01-01T00:00:00Z"),
        ("2026-03-17", "2026-03-17T00:00:00Z", "2026-03-18T00:00:00Z"),
        (
            "2026-03-17T07:00:00+01:00",
            "2026-03-17T06:00:00Z",
            "2026-03-17T06:00:00Z",
        ),
        (
            "2026-03-17T07:00:00.000+01:00",
            "2026-03-17T06:00:00Z",
            "2026-03-17T06:00:00Z",
        ),
        (
            "2026-03-17T07:00:00.1234567891Z",
            "2026-03-17T07:00:00.123456789Z",
            "2026-03-17T07:00:00.123456789Z",
        ),
        (
            "2016-12-31T23:59:60Z",
            "2016-12-31T23:59:59Z",
            "2016-12-31T23:59:59Z",
        ),
        (
            "2004-10-25T23:50:50-05:00",
            "2004-10-26T04:50:50Z",
            "2004-10-26T04:50:50Z",
        ),
    ];
    for (text, earliest, end) in cases {
        let time = DateTime::parse(text, "x").unwrap();
        assert_eq!(
            (time.as_str(), time.earliest(), time.end()),
            (text, at(earliest), at(end))
        );
    }
    let bad = [
        "2026-03-17T07:00",
        "2026-03-17T07:00:00",
        "2026-03-17 07:00:00Z",
        "2026-03-17T25:00:00Z",
        "2026-03T07:00:00Z",
        "2026-03-17T07:60:00Z",
        "2026-03-17T07:00:61Z",
        "2026-03-17T07:00:00.Z",
        "2026-03-17T07:00:00+1:00",
        "2026-03-17T07:00:00+15:00",
        "2026-03-17T07:00:00.x+01:00",
        "2026-03-17TZ",
        "T",
        "2026-03-17T07:00:00:00Z",
    ];
    for bad in bad {
        assert!(DateTime::parse(bad, "x").is_err(), "{bad}");
    }
}

#[test]
fn references_have_six_forms() {
    let is =
        |text: &str, wanted: Reference<'_>| assert!(Reference::parse_url(text) == Some(wanted), "{text}");
    is(
        "Patient/a",
        Reference::Literal {
            base: None,
            kind: "Patient",
            id: "a",
        },
    );
    is(
        "Patient/a/_history/3",
        Reference::Literal {
            base: None,
            kind: "Patient",
            id: "a",
        },
    );
    is(
        "https://gateway.dmp.test/fhir/Patient/a",
        Reference::Literal {
            base: Some("https://gateway.dmp.test/fhir"),
            kind: "Patient",
            id: "a",
        },
    );
    let uuid = "urn:uuid:aaaaaaaa-bbbb-cccc-dddd-e00333300001";
    is(uuid, Reference::Uuid(uuid));
    is("urn:oid:2.999.1", Reference::Oid("urn:oid:2.999.1"));
    is("#p", Reference::Contained("p"));
    is(
        "Patient?identifier=a|b",
        Reference::Conditional {
            kind: "Patient",
            query: "identifier=a|b",
        },
    );
    for bad in [
        "",
        "#",
        "Patient",
        "Patient/",
        "/Patient/a",
        "patient/a",
        "Patient/a b",
        "ftp://x/Patient/a",
        "urn:uuid:x",
        "Patient/a/b",
        "urn:oid:3",
        "urn:oid:1.02",
        "https:///Patient/a",
        "Patient?",
        "Patient/a/_history/",
        "../Patient/a",
    ] {
        assert!(Reference::parse_url(bad).is_none(), "{bad}");
    }
    let logical = json!({ "identifier": { "system": "s", "value": "v" } });
    assert!(
        matches!(Reference::parse(&logical, "x"), Ok(Reference::Identifier(i)) if i.of("s") == Some("v"))
    );
    assert!(Reference::parse_url("Patient/a").unwrap().is("Patient") == Some("a"));
    assert!(Reference::parse_url("Group/a").unwrap().is("Patient").is_none());
    for bad in [
        json!({}),
        json!("Patient/a"),
        json!({ "reference": 1 }),
        json!({ "reference": "" }),
        json!({ "identifier": {} }),
    ] {
        assert!(Reference::parse(&bad, "x").is_err());
    }
}
