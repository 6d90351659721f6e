//! Tests of what is printed and of what is written, without a cluster.

use clap::Parser as _;
use dmp_api::Incident;
use dmp_api::incident::Addressee;
use dmp_api::non_conformity::Severity;
use dmp_homologation::guichet::{Affected, AffectedPatient};
use dmp_policies::Catalogue;
use jiff::Timestamp;
use serde_json::{Value, json};

use super::affected::{self, AffectedOptions, joined, whole};
use super::notice::{NoticeOptions, letter};
use super::write::{OpenOptions, ReceiptOptions, closed, drafted, received};
use super::{Language, To, show};

fn catalogue() -> Catalogue {
    Catalogue::embedded().unwrap()
}

fn at(time: &str) -> Timestamp {
    time.parse().unwrap()
}

fn incident(change: Value) -> Incident {
    let mut spec = json!({
        "awareAt": "2026-12-01T10:00:00Z", "severity": "critical", "summary": "Un compte d'administrateur a servi à un {group} inconnu.",
        "affects": { "groups": ["oriental", "souss-massa"] }, "personalData": true,
    });
    for (name, value) in change.as_object().unwrap() {
        spec[name] = value.clone();
    }
    serde_json::from_value(json!({ "metadata": { "name": "incident-x7k2p" }, "spec": spec })).unwrap()
}

fn to(to: Addressee, group: Option<&str>) -> To {
    To {
        to,
        group: group.map(ToOwned::to_owned),
    }
}

fn printed(incident: &Incident, to: To, language: Language) -> crate::error::Result<String> {
    let options = NoticeOptions {
        name: "incident-x7k2p".to_owned(),
        to,
        language,
    };
    letter(&catalogue(), incident, &options, at("2026-12-01T10:20:00Z"))
}

#[test]
fn each_addressee_has_a_letter_with_the_facts_of_the_incident() {
    let one = incident(json!({}));
    for (addressee, group, languages) in [
        (Addressee::Dgssi, None, &[Language::Fr][..]),
        (Addressee::Customer, Some("oriental"), &[Language::Fr]),
        (Addressee::Cndp, None, &[Language::Fr]),
        (Addressee::Patient, None, &[Language::Fr, Language::Ar]),
    ] {
        for language in languages {
            let text = printed(&one, to(addressee, group), *language).unwrap();
            for fact in [
                "incident-x7k2p",
                "2026-12-01 10:00 UTC",
                "2026-12-01 10:20 UTC",
                &one.spec.summary,
            ] {
                assert!(text.contains(fact), "{addressee:?}: `{fact}` is not in\n{text}");
            }
            // Every value was filled in; what is in the summary stays.
            assert_eq!(text.matches('{').count(), 1, "{text}");
            // What people fill in.
            assert!(text.contains('['), "{text}");
        }
    }
    let customer = printed(&one, to(Addressee::Customer, Some("oriental")), Language::Fr).unwrap();
    assert!(customer.starts_with("À : groupe oriental\n"), "{customer}");
    let dgssi = printed(&one, to(Addressee::Dgssi, None), Language::Fr).unwrap();
    assert!(dgssi.contains("05-20") && dgssi.contains("gravité") || dgssi.contains("critique"));
    for other in [Addressee::Dgssi, Addressee::Cndp] {
        let refused = printed(&one, to(other, None), Language::Ar).unwrap_err();
        assert_eq!(refused.code, "no-letter");
    }
}

/// No letter names an article that the control does not.
#[test]
fn letters_claim_no_more_law_than_the_control() {
    let control = std::fs::read_to_string(
        std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../../policies/controls/DMP-INC-01.yaml"),
    )
    .unwrap();
    let one = incident(json!({ "summary": "-" }));
    for (addressee, group) in [
        (Addressee::Dgssi, None),
        (Addressee::Customer, Some("oriental")),
        (Addressee::Cndp, None),
        (Addressee::Patient, None),
    ] {
        let text = printed(&one, to(addressee, group), Language::Fr).unwrap();
        for article in ["article", "loi ", "arrêté"] {
            for (at, _) in text.match_indices(article) {
                let rest = &text[at + article.len()..];
                let number = rest.trim_start().split([' ', ',', ')', '\n']).next().unwrap();
                assert!(
                    control.contains(number) || control.contains(&number.replace('-', "_")),
                    "{addressee:?}: {article} {number}"
                );
            }
        }
    }
}

#[test]
fn only_who_is_to_be_told_has_a_letter_or_a_receipt() {
    let less = incident(json!({ "personalData": false }));
    for (one, asked) in [
        (&less, to(Addressee::Cndp, None)),
        (&less, to(Addressee::Patient, None)),
        // Which of the two?
        (&less, to(Addressee::Customer, None)),
        (&less, to(Addressee::Customer, Some("casablanca-settat"))),
        (&less, to(Addressee::Dgssi, Some("oriental"))),
    ] {
        let refused = printed(one, asked, Language::Fr).unwrap_err();
        assert_eq!(refused.code, "notice-not-due");
        assert!(
            refused.remedy.contains("--to customer --group souss-massa"),
            "{}",
            refused.remedy
        );
    }
    // Of one customer, or of all, the group need not be said.
    for affects in [json!({ "groups": ["oriental"] }), json!({ "platform": true })] {
        let one = incident(json!({ "affects": affects }));
        assert!(printed(&one, to(Addressee::Customer, None), Language::Fr).is_ok());
    }
}

fn opened(change: &dyn Fn(&mut OpenOptions)) -> crate::error::Result<dmp_api::IncidentSpec> {
    let mut options = OpenOptions {
        severity: Severity::Major,
        summary: " an account was used by somebody else ".to_owned(),
        groups: vec!["oriental".to_owned(), "oriental".to_owned()],
        personal_data: true,
        aware_at: None,
    };
    change(&mut options);
    let known = ["oriental".to_owned(), "souss-massa".to_owned()];
    drafted(&options, &known, at("2026-12-01T10:00:00.7Z"))
}

#[test]
fn what_is_opened_is_whom_it_affects_and_since_when() {
    let spec = opened(&|_| ()).unwrap();
    assert_eq!(spec.aware_at, "2026-12-01T10:00:00Z");
    assert_eq!(spec.summary, "an account was used by somebody else");
    assert_eq!((spec.affects.groups.len(), spec.affects.platform), (1, false));
    let platform = opened(&|options| options.groups.clear()).unwrap();
    assert!(platform.affects.platform);
    let earlier = opened(&|options| options.aware_at = Some(at("2026-11-30T23:00:00+01:00"))).unwrap();
    assert_eq!(earlier.aware_at, "2026-11-30T22:00:00Z");
    for change in [
        &(|options: &mut OpenOptions| options.groups.push("nowhere".to_owned())) as &dyn Fn(&mut OpenOptions),
        &|options| options.aware_at = Some(at("2026-12-01T10:00:01Z")),
        &|options| options.summary = "  ".to_owned(),
        &|options| options.summary = "x".repeat(501),
    ] {
        assert_eq!(opened(change).unwrap_err().code, "incident-not-usable");
    }
}

fn receipt(change: &dyn Fn(&mut ReceiptOptions)) -> crate::error::Result<dmp_api::incident::Receipt> {
    let mut options = ReceiptOptions {
        name: "incident-x7k2p".to_owned(),
        to: to(Addressee::Dgssi, None),
        reference: "maCERT-2026-771".to_owned(),
        document: None,
        sent_at: None,
    };
    change(&mut options);
    let now = at("2026-12-01T10:20:00Z");
    received(
        &catalogue(),
        &incident(json!({})),
        &options,
        Some("a".repeat(64)),
        now,
    )
}

#[test]
fn a_receipt_is_of_somebody_who_is_told_and_of_a_moment_that_was() {
    let added = receipt(&|_| ()).unwrap();
    assert_eq!(
        (added.to, added.sent_at.as_str()),
        (Addressee::Dgssi, "2026-12-01T10:20:00Z")
    );
    assert_eq!(added.document_sha256, Some("a".repeat(64)));
    let group = receipt(&|options| options.to = to(Addressee::Customer, Some("oriental"))).unwrap();
    assert_eq!(group.group.as_deref(), Some("oriental"));
    for (change, code) in [
        (
            &(|options: &mut ReceiptOptions| options.sent_at = Some(at("2026-12-01T10:20:01Z")))
                as &dyn Fn(&mut ReceiptOptions),
            "incident-not-usable",
        ),
        (
            &|options| options.sent_at = Some(at("2026-12-01T09:59:59Z")),
            "incident-not-usable",
        ),
        (
            &|options| options.reference = String::new(),
            "incident-not-usable",
        ),
        (
            &|options| options.to = to(Addressee::Customer, None),
            "notice-not-due",
        ),
    ] {
        assert_eq!(receipt(change).unwrap_err().code, code);
    }
}

fn told() -> Value {
    let one = |to: &str, group: Option<&str>, sent: &str| json!({ "to": to, "group": group, "sentAt": sent, "reference": format!("AR-{to}") });
    json!([
        one("dgssi", None, "2026-12-01T10:10:00Z"),
        one("customer", Some("oriental"), "2026-12-01T10:11:00Z"),
        one("customer", Some("souss-massa"), "2026-12-01T12:00:00Z"),
        one("cndp", None, "2026-12-02T10:00:00Z"),
        one("patient", None, "2026-12-02T11:00:00Z"),
    ])
}

#[test]
fn it_is_closed_when_everybody_was_told_and_once() {
    let now = at("2026-12-03T10:00:00Z");
    let refused = closed(&catalogue(), &incident(json!({})), "over", now).unwrap_err();
    assert_eq!(refused.code, "notices-missing");
    assert!(refused.message.starts_with("5 of those"), "{}", refused.message);
    assert!(
        refused.remedy.contains("--to customer --group souss-massa"),
        "{}",
        refused.remedy
    );
    let told = incident(json!({ "receipts": told() }));
    assert_eq!(
        closed(&catalogue(), &told, "over", now).unwrap().at,
        "2026-12-03T10:00:00Z"
    );
    assert_eq!(
        closed(&catalogue(), &told, " ", now).unwrap_err().code,
        "incident-not-usable"
    );
    let again = incident(json!({ "closing": { "at": "2026-12-03T10:00:00Z", "word": "over" } }));
    assert_eq!(
        closed(&catalogue(), &again, "over", now).unwrap_err().code,
        "incident-not-usable"
    );
}

#[test]
fn the_status_says_who_until_when_and_what_to_type() {
    let shown = |incident: &Incident, now: &str| {
        show::text(&catalogue(), std::slice::from_ref(incident), at(now)).unwrap()
    };
    let mut some = told();
    some.as_array_mut().unwrap().truncate(2);
    let text = shown(&incident(json!({ "receipts": some })), "2026-12-01T13:05:00Z");
    assert_eq!(
        text,
        "incident-x7k2p : gravité critique, connu le 2026-12-01 10:00 UTC\n\
        \x20 À PRÉVENIR                         AVANT                 ÉTAT\n\
        \x20 DGSSI (maCERT)                     2026-12-02 10:00 UTC  prévenu le 2026-12-01 10:10 UTC : AR-dgssi\n\
        \x20 groupe oriental                    2026-12-01 11:00 UTC  prévenu le 2026-12-01 10:11 UTC : AR-customer\n\
        \x20 groupe souss-massa                 2026-12-01 11:00 UTC  dépassé de 2 h 05\n\
        \x20 CNDP                               2026-12-04 10:00 UTC  en cours, reste 2 j 20 h\n\
        \x20 patients                           2026-12-04 10:00 UTC  en cours, reste 2 j 20 h\n\
        \x20 À taper :\n\
        \x20   dmpctl incident notice incident-x7k2p --to customer --group souss-massa\n\
        \x20   dmpctl incident receipt incident-x7k2p --to customer --group souss-massa --reference RÉFÉRENCE --document FICHIER --context CONTEXTE\n"
    );
    let all = incident(json!({ "receipts": told() }));
    let text = shown(&all, "2026-12-03T10:00:00Z");
    assert!(text.contains("12:00 UTC, en retard : AR-customer"), "{text}");
    assert!(
        text.ends_with(
            "dmpctl incident close incident-x7k2p --word 'ce qui y a mis fin' --context CONTEXTE\n"
        )
    );
    let closing = json!({ "at": "2026-12-03T10:00:00Z", "word": "over" });
    let text = shown(
        &incident(json!({ "receipts": told(), "closing": closing })),
        "2027-12-03T10:00:00Z",
    );
    assert!(
        text.contains(", clos le 2026-12-03T10:00:00Z\n") && !text.contains("À taper"),
        "{text}"
    );
    let without = shown(
        &incident(json!({ "personalData": false })),
        "2026-12-01T10:00:00Z",
    );
    assert!(
        without.contains("  CNDP                               -                     rien n'est dû\n"),
        "{without}"
    );
    assert_eq!(
        show::text(&catalogue(), &[], at("2026-12-01T10:00:00Z")).unwrap(),
        "Aucun incident ouvert.\n"
    );
}

fn touched(patient: Option<&str>) -> AffectedPatient {
    AffectedPatient {
        patient: patient.map(ToOwned::to_owned),
        first: "2026-12-01T10:00:00Z".to_owned(),
        last: "2026-12-01T11:00:00Z".to_owned(),
        reads: 2,
        searches: 1,
        writes: 0,
    }
}

fn asked() -> AffectedOptions {
    #[derive(clap::Parser)]
    struct Line {
        #[command(flatten)]
        options: AffectedOptions,
    }
    let line = "affected incident-x7k2p --guichet https://g --ca ca.pem --as-person true --group tanger \
                --software vendor-a/his --from 2026-12-01T00:00:00Z --to 2026-12-02T00:00:00Z";
    Line::parse_from(line.split_whitespace()).options
}

#[test]
fn whom_an_incident_touched_is_counted_and_then_listed() {
    let id = "6b1f1a52-3a0f-4a52-9a35-0d2a4c1f0e11";
    let mut all = Affected {
        count: 2,
        patients: vec![touched(Some(id))],
        next: Some("00".to_owned()),
        behind: false,
        unreadable: 0,
    };
    assert_eq!(whole(&all).unwrap_err().code, "answer-incomplete");
    let page = Affected {
        patients: vec![touched(None)],
        next: None,
        behind: true,
        unreadable: 3,
        ..all.clone()
    };
    joined(&mut all, page);
    whole(&all).unwrap();
    let text = affected::text(&asked(), &all);
    let lines: Vec<_> = text.lines().collect();
    assert_eq!(
        lines[0],
        "incident-x7k2p, groupe tanger : 2 patient(s) entre le 2026-12-01 00:00 UTC et le 2026-12-02 00:00 UTC"
    );
    assert!(lines[1].contains("reposez la question") && lines[2].contains("3 entrée(s)"));
    let columns: Vec<_> = lines[4].split_whitespace().collect();
    assert_eq!(
        columns,
        [id, "2026-12-01T10:00:00Z", "2026-12-01T11:00:00Z", "2", "1", "0"]
    );
    assert!(lines[5].contains("(dossier inconnu de ce groupe)"));
    assert_eq!(lines.len(), 6);
    let none = Affected {
        count: 0,
        patients: Vec::new(),
        ..all.clone()
    };
    assert!(affected::text(&asked(), &none).ends_with("le journal ne les devine pas.\n"));
    // More than were counted is no answer either.
    all.patients.push(touched(None));
    assert!(whole(&all).is_err());
}
