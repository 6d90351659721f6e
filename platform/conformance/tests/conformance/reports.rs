//! The reports: nothing of an exchange gets out as markup, no document in full.

use dmp_conformance::bundle::Bundle;
use dmp_conformance::report::{html, junit};

use crate::bundles::sitting;
use crate::software::Software;
use crate::world::document;

const HOSTILE: &str = "</pre><script>alert('x')</script>\"&\u{0}]]>";

/// With markup in everything that software can write.
fn hostile() -> Bundle {
    let mut bundle = sitting(
        "document-feeder",
        Software {
            defect: "wrong hash",
            habit: "",
        },
        &["nominal", "busy"],
    );
    bundle.solution = HOSTILE.to_owned();
    let nominal = &mut bundle.tests[0];
    nominal.findings[1].error = Some(HOSTILE.to_owned());
    let exchange = &mut nominal.exchanges[1];
    exchange.operation = "iti-65".to_owned();
    exchange.request.method = HOSTILE.to_owned();
    exchange.request.path = HOSTILE.to_owned();
    exchange
        .request
        .query
        .insert(HOSTILE.to_owned(), vec![HOSTILE.to_owned()]);
    exchange
        .request
        .headers
        .insert(HOSTILE.to_owned(), HOSTILE.to_owned());
    exchange.response.fault = Some(HOSTILE.to_owned());
    let body = exchange.request.body.json.as_mut().unwrap();
    body["entry"][1]["resource"]["description"] = HOSTILE.into();
    body[HOSTILE] = HOSTILE.into();
    bundle
}

#[test]
fn html_escapes_what_software_wrote() {
    let report = html::report(&hostile());
    assert!(!report.contains("<script") && !report.contains("alert('x')") && !report.contains('\u{0}'));
    assert!(report.contains("&lt;script&gt;"));
    balanced(report.strip_prefix("<!doctype html>").unwrap(), &["meta"]);
}

#[test]
fn html_shows_what_to_fix_and_the_exchange_but_no_document() {
    let bundle = sitting(
        "document-feeder",
        Software {
            defect: "wrong hash",
            habit: "",
        },
        &[],
    );
    let report = html::report(&bundle);
    assert!(report.contains("À corriger : Calculez attachment.hash"));
    assert!(report.contains("AAAAAAAAAAAAAAAAAAAAAAAAAAA="));
    assert!(report.contains("8000 caractères de base64"));
    assert!(!report.contains(&document()[..80]));
    assert!(report.contains("Satisfaites : 15 · non satisfaites : 1 · non testées : 2"));
    assert!(report.contains("n’est pas encore couvert par la suite"));
    assert!(
        !report.contains("http-equiv=\"refresh\"") && !report.contains("src=") && !report.contains("<link")
    );
    let silent = html::report(&{
        let mut bundle = bundle;
        bundle.tests[0].exchanges.clear();
        bundle
    });
    assert!(silent.contains("Aucun échange"));
}

#[test]
fn junit_is_well_formed_and_counts() {
    let report = junit::report(&hostile());
    let declared = report
        .strip_prefix("<?xml version=\"1.0\" encoding=\"UTF-8\"?>")
        .unwrap();
    balanced(declared, &[]);
    assert!(!report.contains("<script") && !report.contains('\u{0}'));
    assert!(declared.trim_start().starts_with("<testsuites name="));
    assert!(
        report.contains("tests=\"18\" failures=\"1\" errors=\"0\" skipped=\"8\""),
        "{report}"
    );
    assert!(report.contains(
        "<testcase classname=\"document-feeder/nominal\" name=\"DF-02\"><failure message=\"Compute"
    ));
    assert!(report.contains("<skipped message=\"test not sat: « The answer was lost »\"/>"));
}

/// Every element that is opened is closed in its turn; attributes are quoted; no `<` and no bare `&` in text.
fn balanced(markup: &str, void: &[&str]) {
    let mut open: Vec<&str> = Vec::new();
    let mut rest = markup;
    while let Some((text, after)) = rest.split_once('<') {
        references(text);
        let (tag, after) = after.split_once('>').expect("a tag ends");
        assert!(!tag.contains('<'), "{tag}");
        assert_eq!(tag.matches('"').count() % 2, 0, "{tag}");
        tag.split('"').skip(1).step_by(2).for_each(references);
        let name = tag.trim_start_matches('/').split([' ', '/']).next().unwrap();
        if tag.starts_with('/') {
            assert_eq!(open.pop(), Some(name));
        } else if !tag.ends_with('/') && !void.contains(&name) {
            open.push(name);
        }
        rest = after;
    }
    references(rest);
    assert!(open.is_empty(), "{open:?}");
}

fn references(text: &str) {
    for part in text.split('&').skip(1) {
        let name = part.split(';').next().unwrap();
        let known = ["amp", "lt", "gt", "quot"].contains(&name) || name.starts_with('#');
        assert!(known, "&{part}");
    }
}
