#![allow(clippy::unwrap_used)]

use serde_json::json;

use super::*;

fn matches(parameters: &[(&str, &str)]) -> bool {
    let resource = json!({
        "resourceType": "DocumentReference", "id": "tag-1", "status": "current",
        "masterIdentifier": { "system": "urn:ietf:rfc:3986", "value": "urn:oid:1.2.3" },
        "identifier": [{ "value": "plain" }],
        "type": { "coding": [{ "system": "http://loinc.org", "code": "34105-7" }, { "code": "bare" }] },
        "category": [{ "coding": [{ "system": "http://loinc.org", "code": "11369-6" }] }],
        "date": "2026-03-17T00:00:00+01:00",
        "content": [{ "attachment": { "contentType": "text/xml", "url": "Binary/x" } }],
    });
    let parameters: Vec<_> = parameters
        .iter()
        .map(|(n, v)| ((*n).to_owned(), (*v).to_owned()))
        .collect();
    Query::parse(&parameters)
        .unwrap()
        .matches(&DocumentReference::parse(&resource).unwrap())
}

#[test]
fn tokens_are_compared_with_their_system() {
    assert!(matches(&[]));
    assert!(matches(&[("status", "current")]) && !matches(&[("status", "superseded")]));
    assert!(matches(&[("status", "superseded,current")]));
    assert!(matches(&[("type", "34105-7")]) && matches(&[("type", "http://loinc.org|34105-7")]));
    assert!(matches(&[("type", "http://loinc.org|")]) && matches(&[("type", "|bare")]));
    assert!(!matches(&[("type", "|34105-7")]) && !matches(&[("type", "http://other|34105-7")]));
    assert!(matches(&[("category", "11369-6")]) && !matches(&[("category", "34105-7")]));
    assert!(matches(&[("contenttype", "text/xml")]));
    assert!(
        matches(&[("identifier", "urn:ietf:rfc:3986|urn:oid:1.2.3")]) && matches(&[("identifier", "plain")])
    );
    assert!(!matches(&[("identifier", "urn:oid:1.2")]));
    assert!(matches(&[("_id", "tag-1")]) && !matches(&[("_id", "tag-2")]));
    assert!(
        !matches(&[("type", "34105-7"), ("status", "superseded")]),
        "all conditions hold"
    );
}

#[test]
fn dates_are_compared_as_periods() {
    // 2026-03-17T00:00:00+01:00 is 2026-03-16T23:00:00Z.
    for yes in [
        "2026",
        "2026-03",
        "2026-03-16",
        "ge2026-03-16",
        "le2026-03-16",
        "lt2026-03-17",
        "gt2026-03-15",
        "ne2026-03-17",
        "2026-03-16T23:00:00Z",
        "sa2026-03-15",
        "eb2026-03-17",
        "2025,2026",
    ] {
        assert!(matches(&[("date", yes)]), "{yes}");
    }
    for no in [
        "2025",
        "2026-03-17",
        "gt2026-03-16",
        "lt2026-03-16",
        "ge2026-03-17",
        "sa2026-03-16",
        "eb2026-03-16",
    ] {
        assert!(!matches(&[("date", no)]), "{no}");
    }
    assert!(!matches(&[("date", "ge2026-01"), ("date", "lt2026-02")]));
}

#[test]
fn what_is_not_understood_is_an_error() {
    let parse = |name: &str, value: &str| {
        Query::parse(&[(name.to_owned(), value.to_owned())])
            .err()
            .unwrap()
    };
    assert_eq!(parse("author.given", "x").code, "search-parameter-unknown");
    assert_eq!(parse("date", "yesterday").code, "search-parameter-invalid");
    assert!(!format!("{:?}", parse("Name With Value", "x")).contains("With"));
}
