//! What is said of each label, and with which code the command ends.

#![allow(clippy::unwrap_used)]

use aws_lc_rs::signature::{Ed25519KeyPair, KeyPair as _};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use dmp_api::CatalogueStatus;
use dmp_api::catalogue::PublicKey;
use dmp_api::catalogue_entry::{CatalogueState, Published};
use dmp_homologation::jws::Unsigned;
use dmp_homologation::label::Label;
use dmp_homologation::{feed, label};
use jiff::{SignedDuration, Timestamp};
use serde_json::json;

use super::qr;
use super::verify::{Catalogue, keys, verify};

struct Platform {
    pair: Ed25519KeyPair,
    now: Timestamp,
}

impl Platform {
    fn new() -> Self {
        Self {
            pair: Ed25519KeyPair::generate().unwrap(),
            now: Timestamp::from_second(1_900_000_000).unwrap(),
        }
    }

    fn keys(&self) -> Vec<PublicKey> {
        vec![PublicKey {
            kid: "label-v1".to_owned(),
            x: URL_SAFE_NO_PAD.encode(self.pair.public_key()),
        }]
    }

    fn entry(&self) -> Published {
        serde_json::from_value(json!({
            "id": "atlas-sih-4-2-0011223344556677", "solution": "vendor-atlas/atlas-sih", "product": "Atlas\u{1b}[2J SIH",
            "organisation": { "name": "Atlas Santé", "ice": "001234567000011" }, "kind": "hospital", "version": "4.2",
            "profiles": [], "scopes": ["document-feeder", "document-reader"], "since": "2029-01-01T00:00:00Z",
            "until": "2031-01-01T00:00:00Z", "state": "Homologated", "stateSince": "2029-01-01T00:00:00Z",
        }))
        .unwrap()
    }

    fn label(&self) -> Label {
        label::step(None, &self.entry(), "dmp.test", Some(&self.keys()), self.now)
            .sign
            .unwrap()
    }

    fn signed(&self, typ: &str, label: &Label) -> String {
        let unsigned = Unsigned::new(typ, "label-v1", label.payload().as_bytes());
        unsigned.compact(self.pair.sign(unsigned.message().as_bytes()).as_ref())
    }

    fn catalogue(&self, entry: &Published, days: i64) -> Catalogue {
        let entries = feed::entries([json!({ "status": { "published": entry } })]);
        let now = self.now + SignedDuration::from_hours(24 * days);
        let draft = feed::draft(&CatalogueStatus::default(), "dmp.test", &entries, &[], None, now).unwrap();
        let unsigned = Unsigned::new(feed::TYP, "label-v1", draft.text.as_bytes());
        let signature = self.pair.sign(unsigned.message().as_bytes());
        Catalogue {
            text: draft.text.into_bytes(),
            signature: format!("{}\n", unsigned.detached(signature.as_ref())),
        }
    }
}

/// Label, catalogue, days later, what is said, code.
type Row<'a> = (&'a str, Option<Catalogue>, i64, &'a str, Option<&'a str>);

#[test]
fn each_label_gets_its_word_and_its_code() {
    let platform = Platform::new();
    let good = platform.signed(label::TYP, &platform.label());
    let stranger = Platform::new().signed(label::TYP, &platform.label());
    let other_kind = platform.signed(feed::TYP, &platform.label());
    let ended = |state| {
        let mut entry = platform.entry();
        entry.state = state;
        entry.state_since = "2030-03-20T10:00:00Z".to_owned();
        Some(platform.catalogue(&entry, 1))
    };
    let narrowed = {
        let mut entry = platform.entry();
        entry.scopes.truncate(1);
        Some(platform.catalogue(&entry, 1))
    };
    let in_force = || Some(platform.catalogue(&platform.entry(), 1));
    let absent = {
        let mut entry = platform.entry();
        entry.id = "other".to_owned();
        Some(platform.catalogue(&entry, 1))
    };
    let forged = {
        let mut catalogue = platform.catalogue(&platform.entry(), 1);
        catalogue.signature = Platform::new().catalogue(&platform.entry(), 1).signature;
        Some(catalogue)
    };
    let table: Vec<Row<'_>> = vec![
        (
            &good,
            None,
            2,
            "✔ signé par la plate-forme, dans sa durée\n? sans le catalogue",
            None,
        ),
        (
            &good,
            in_force(),
            2,
            "✔ catalogue n° 1 du 2030-03-18 : homologué",
            None,
        ),
        (
            &good,
            None,
            30,
            "✘ signé par la plate-forme, mais périmé",
            Some("label-expired"),
        ),
        (
            &good,
            None,
            -1,
            "✘ signé par la plate-forme, mais pas encore valable",
            Some("label-early"),
        ),
        (
            &good,
            ended(CatalogueState::Suspended),
            2,
            "n’est plus homologué : suspendu depuis le 2030-03-20",
            Some("label-ended"),
        ),
        (
            &good,
            ended(CatalogueState::Revoked),
            2,
            "n’est plus homologué : révoqué depuis le 2030-03-20",
            Some("label-ended"),
        ),
        (
            &good,
            ended(CatalogueState::Expired),
            2,
            "n’est plus homologué : expiré",
            Some("label-ended"),
        ),
        (
            &good,
            ended(CatalogueState::Withdrawn),
            2,
            "retiré par l’éditeur",
            Some("label-ended"),
        ),
        (
            &good,
            narrowed,
            2,
            "n’ouvre plus document-reader",
            Some("label-narrowed"),
        ),
        (
            &good,
            absent,
            2,
            "ne connaît pas ce logiciel",
            Some("label-ended"),
        ),
        (
            &good,
            in_force(),
            9,
            "✘ catalogue périmé",
            Some("catalogue-outdated"),
        ),
        (&good, forged, 2, "✘ catalogue faux", Some("catalogue-forged")),
        (
            &stranger,
            in_force(),
            2,
            "✘ faux : la plate-forme n’a pas signé ce texte",
            Some("label-forged"),
        ),
        (
            &other_kind,
            None,
            2,
            "✘ ce n’est pas un label, mais",
            Some("label-forged"),
        ),
        (
            "hello",
            None,
            2,
            "✘ ce n’est pas un label\n",
            Some("label-forged"),
        ),
    ];
    for (text, catalogue, days, wanted, code) in table {
        let now = platform.now + SignedDuration::from_hours(24 * days);
        let (said, outcome) = verify(text, &platform.keys(), catalogue.as_ref(), now);
        assert!(said.contains(wanted), "{wanted}: {said}");
        assert_eq!(outcome.err().map(|error| error.code), code, "{said}");
        assert_eq!(said.contains("Atlas"), code != Some("label-forged"), "{said}");
        assert!(!said.contains('\u{1b}'), "{said}");
    }
}

#[test]
fn a_label_is_said_as_it_is() {
    let platform = Platform::new();
    let text = platform.signed(label::TYP, &platform.label());
    let (said, _) = verify(&text, &platform.keys(), None, platform.now);
    let wanted = "Label de dmp.test\n  \
        logiciel   Atlas\u{fffd}[2J SIH 4.2 (hôpital)\n  \
        éditeur    Atlas Santé (ICE 001234567000011)\n  \
        ouvre      document-feeder, document-reader\n  \
        valable    du 2030-03-17 au 2030-04-16\n  \
        catalogue  https://dmp.test/catalogue/atlas-sih-4-2-0011223344556677\n\
        ✔ signé par la plate-forme, dans sa durée\n";
    assert!(said.starts_with(wanted), "{said}");
}

#[test]
fn keys_are_those_of_labels() {
    let platform = Platform::new();
    let file = json!({ "token": [], "facts": [], "logs": {}, "label": platform.keys() }).to_string();
    assert_eq!(keys(&file).unwrap(), platform.keys());
    for bad in [
        "",
        "[]",
        r#"{"token":[],"facts":[],"logs":{}}"#,
        r#"{"label":[]}"#,
    ] {
        assert_eq!(keys(bad).unwrap_err().code, "keys", "{bad}");
    }
}

#[test]
fn the_code_is_small_enough_to_be_read() {
    let address = label::address(
        "dmp.example.ma",
        &format!("{}-4-2-0011223344556677", "x".repeat(30)),
    );
    let code = qr::of(&address).unwrap();
    assert!(code.width() <= 49, "{} modules", code.width());
    assert!(qr::terminal(&code).lines().all(|line| line.chars().count() <= 60));
    assert!(qr::svg(&code).starts_with("<?xml"));
    // The whole label would not be.
    let platform = Platform::new();
    let label = platform.signed(label::TYP, &platform.label());
    assert!(
        qr::of(&label).unwrap().width() > 100,
        "{} characters",
        label.len()
    );
    assert_eq!(qr::of(&"x".repeat(5000)).err().unwrap().code, "not-a-label");
}
