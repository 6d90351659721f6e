#![allow(clippy::unwrap_used)]

use serde_json::json;

use super::content_digest;
use super::rewrite::{Links, rewrite};

#[test]
fn the_order_of_members_is_not_content_and_everything_else_is() {
    let digest = |value| content_digest(&value);
    let base =
        digest(json!({ "entry": [{ "a": 1, "b": [true, null] }], "id": "x", "meta": {}, "timestamp": "t" }));
    assert_eq!(
        base,
        digest(json!({ "timestamp": "u", "entry": [{ "b": [true, null], "a": 1 }] }))
    );
    for other in [
        json!({ "entry": [{ "a": 1, "b": [null, true] }] }),
        json!({ "entry": [{ "a": "1", "b": [true, null] }] }),
        json!({ "entry": [{ "a": 1, "b": [true, null], "id": "x" }] }),
        json!({ "entry": [{ "a": 1 }, { "b": [true, null] }] }),
    ] {
        assert_ne!(base, digest(other));
    }
    // Decimals keep their digits.
    let number = |text: &str| digest(serde_json::from_str(&format!("{{\"entry\":{text}}}")).unwrap());
    assert_ne!(number("1.0"), number("1.00"));
}

#[test]
fn references_to_entries_become_references_to_what_is_stored() {
    let links = Links::from([("urn:uuid:1".to_owned(), "Binary/tag-1".to_owned())]);
    let mut resource = json!({
        "content": [{ "attachment": { "url": "urn:uuid:1", "title": "urn:uuid:1" } }],
        "relatesTo": [{ "target": { "reference": "urn:uuid:1" } }, { "target": { "reference": "urn:uuid:2" } }],
    });
    rewrite(&mut resource, &links);
    assert_eq!(
        resource,
        json!({
            "content": [{ "attachment": { "url": "Binary/tag-1", "title": "urn:uuid:1" } }],
            "relatesTo": [{ "target": { "reference": "Binary/tag-1" } }, { "target": { "reference": "urn:uuid:2" } }],
        })
    );
}
