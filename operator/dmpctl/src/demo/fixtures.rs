//! The synthetic people and documents of `tests/fixtures`, with identifiers of one run.
//!
//! Each run is another patient: the same name, other numbers. So a run meets no relation, opposition or submission of
//! an earlier one.

use std::collections::BTreeMap;

use serde::Deserialize;
use serde_json::{Value, json};
use uuid::Uuid;

use crate::embedded;
use crate::error::{CliError, Result};
use crate::scan::Needle;

/// `system` of the national identity card's number.
pub const CNIE: &str = "https://dmp.ma/sid/cnie";
/// `system` of INPE numbers.
pub const INPE: &str = "https://dmp.ma/sid/inpe";

/// Identifiers as the fixtures have them.
const FIXTURE_CNIE: &str = "KB714209";
const FIXTURE_IPP: &str = "TNG-2026-0048173";
const FIXTURE_DOCUMENT: &str = "2.25.316408115370402951886214901137205521874";
const FIXTURE_SET: &str = "2.25.316408115370402951886214901137205521873";
const FIXTURE_IPS: &str = "3d1e8a40-77c1-4f0a-9c52-b1d4f6a3e099";

/// A professional of `people.json`.
#[derive(Clone, Debug, Deserialize)]
pub struct Professional {
    pub display: String,
    pub inpe: String,
    pub establishment: String,
}

/// One document to publish.
#[derive(Clone)]
pub struct Document {
    pub title: &'static str,
    pub content_type: &'static str,
    /// LOINC code and its display.
    pub kind: (&'static str, &'static str),
    /// OID or UUID URN of the document.
    pub unique_id: String,
    /// MHD format code.
    pub format: &'static str,
    pub bytes: Vec<u8>,
}

/// The patient of one run, with her documents.
pub struct Case {
    pub cnie: String,
    pub ipp: String,
    pub patient: Value,
    pub letter: Document,
    pub summary: Document,
    /// Unique id of the submission.
    pub submission: String,
}

fn text(name: &str) -> Result<&'static str> {
    embedded::text(&format!("tests/fixtures/{name}")).ok_or_else(|| {
        CliError::new(
            "fixture",
            format!("the fixture `{name}` is missing"),
            "build dmpctl again",
        )
    })
}

fn value(name: &str, text: &str) -> Result<Value> {
    serde_json::from_str(text).map_err(|source| {
        CliError::new("fixture", format!("`{name}` is not JSON"), "build dmpctl again").because(source)
    })
}

impl Case {
    /// # Errors
    /// `fixture` when the program was built without them.
    pub fn new() -> Result<Self> {
        let run = Uuid::new_v4().as_u128();
        // Two letters and six digits, as old cards have them; a prefix that no card has.
        let cnie = format!("XT{:06}", run % 1_000_000);
        let ipp = format!("TNG-2026-{:07}", (run >> 32) % 10_000_000);
        let (letter_id, set_id) = (format!("2.25.{run}"), format!("2.25.{}", run ^ 1));
        let ips_id = Uuid::new_v4().to_string();
        let numbers = |text: &str| text.replace(FIXTURE_CNIE, &cnie).replace(FIXTURE_IPP, &ipp);
        let letter = numbers(text("compte-rendu-hospitalisation.xml")?)
            .replace(FIXTURE_DOCUMENT, &letter_id)
            .replace(FIXTURE_SET, &set_id);
        let summary = numbers(text("ips.json")?).replace(FIXTURE_IPS, &ips_id);
        Ok(Self {
            patient: value("patient.json", &numbers(text("patient.json")?))?,
            letter: Document {
                title: "Compte rendu d’hospitalisation",
                content_type: "application/hl7-cda+xml",
                kind: ("34105-7", "Hospital Discharge summary"),
                unique_id: format!("urn:oid:{letter_id}"),
                format: "urn:ihe:pcc:xds-ms:2007",
                bytes: letter.into_bytes(),
            },
            summary: Document {
                title: "Résumé du patient (IPS)",
                content_type: "application/fhir+json",
                kind: ("60591-5", "Patient summary Document"),
                unique_id: format!("urn:uuid:{ips_id}"),
                format: "urn:ihe:iti:xds:2017:mimeTypeSufficient",
                bytes: summary.into_bytes(),
            },
            submission: format!("urn:oid:2.25.{}", Uuid::new_v4().as_u128()),
            cnie,
            ipp,
        })
    }

    /// `system|value` of the number the patient is found by.
    pub fn identifier(&self) -> String {
        format!("{CNIE}|{}", self.cnie)
    }

    /// What must be readable nowhere: names, numbers, phrases of the documents.
    pub fn needles(&self) -> Vec<Needle> {
        vec![
            Needle::new("nom", "Lamrabet Senhaji"),
            Needle::new("nom en arabe", "لمرابط الصنهاجي"),
            Needle::new("prénom", "Ghizlane"),
            Needle::new("prénom en arabe", "غزلان"),
            Needle::new("CNIE", self.cnie.as_str()),
            Needle::new("IPP", self.ipp.as_str()),
            Needle::new("téléphone", "600714209"),
            Needle::new("adresse", "rue des Amandiers"),
            Needle::new("texte du compte rendu", "orthopnée à trois oreillers"),
            Needle::new("diagnostic", "cardiopathie hypertensive"),
            Needle::new("texte arabe du compte rendu", "ورقة لتتبع الوزن"),
            Needle::new("texte du résumé IPS", "Valsartan et sacubitril"),
        ]
    }
}

/// The two hospitals and their professionals, as the directory source publishes them (mCSD).
///
/// # Errors
/// `fixture`.
pub fn directory() -> Result<Value> {
    value("directory.json", text("directory.json")?)
}

/// Synthetic professionals by user name (`dr-…`).
///
/// # Errors
/// `fixture`.
pub fn professionals() -> Result<BTreeMap<String, Professional>> {
    let people = value("people.json", text("people.json")?)?;
    let people = people.as_object().cloned().unwrap_or_default();
    Ok(people
        .into_iter()
        .filter_map(|(user, person)| Some((user, serde_json::from_value(person).ok()?)))
        .collect())
}

/// One professional.
///
/// # Errors
/// `unknown-person` with the names that exist.
pub fn professional(user: &str) -> Result<Professional> {
    let mut all = professionals()?;
    all.remove(user).ok_or_else(|| {
        let known: Vec<String> = all.into_keys().collect();
        CliError::new(
            "unknown-person",
            format!("there is no synthetic professional `{user}`"),
            format!("use one of: {}", known.join(", ")),
        )
    })
}

/// Metadata of a person's entity in OpenBao: what the identity token says.
pub fn professional_claims(professional: &Professional) -> Value {
    json!({ "inpe": professional.inpe, "patient_identifier_system": "", "patient_identifier_value": "" })
}

/// As [`professional_claims`], for a patient.
pub fn patient_claims(system: &str, value: &str) -> Value {
    json!({ "inpe": "", "patient_identifier_system": system, "patient_identifier_value": value })
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn each_run_has_numbers_of_its_own_and_keeps_the_documents_whole() {
        let (one, two) = (Case::new().unwrap(), Case::new().unwrap());
        assert_ne!(one.cnie, two.cnie);
        for document in [&one.letter, &one.summary] {
            let text = std::str::from_utf8(&document.bytes).unwrap();
            assert!(text.contains(&one.cnie) && !text.contains(FIXTURE_CNIE) && !text.contains(FIXTURE_IPP));
            assert!(document.bytes.len() > 15_000);
        }
        let summary: Value = serde_json::from_slice(&one.summary.bytes).unwrap();
        assert_eq!(summary["type"], "document");
        assert_eq!(one.patient["identifier"][0]["value"], one.cnie);
    }

    #[test]
    fn every_needle_is_in_what_is_sent() {
        let case = Case::new().unwrap();
        let sent = [
            case.letter.bytes.clone(),
            case.summary.bytes.clone(),
            case.patient.to_string().into_bytes(),
        ]
        .concat();
        for needle in case.needles() {
            let scanner = crate::scan::Scanner::new(vec![needle.clone()]).unwrap();
            assert!(
                !scanner.bytes("sent", &sent).hits.is_empty(),
                "{}",
                needle.label()
            );
        }
    }

    #[test]
    fn professionals_work_where_the_directory_says() {
        let directory = directory().unwrap().to_string();
        let professionals = professionals().unwrap();
        assert_eq!(professionals.len(), 2);
        for person in professionals.values() {
            assert!(
                directory.contains(&format!("{}-{}", person.inpe, person.establishment)),
                "{}",
                person.display
            );
        }
        assert!(
            professional("dr-nobody")
                .unwrap_err()
                .remedy
                .contains("dr-benjelloun")
        );
    }
}
