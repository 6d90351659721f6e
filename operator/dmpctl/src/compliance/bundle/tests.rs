//! A bundle from report to folder and back; what is changed in it is found and named.

use std::path::{Path, PathBuf};

use dmp_policies::openreports::{Answer, ReportResult};
use dmp_testkit::bodies::Authority;
use tempfile::TempDir;

use super::verify::{VerifyOptions, verify};
use super::*;
use crate::compliance::FrameworkName;

const SYSTEM: System<'_> = System {
    name: "national",
    uid: "7c0b4b8e-6d2f-4a56-9f2b-0f1f6c8a1a11",
};

/// A folder of test, with a bundle in `bundle`.
struct Bench {
    folder: TempDir,
    authority: Authority,
}

impl Bench {
    fn new(signed: bool) -> Self {
        let bench = Self {
            folder: tempfile::tempdir().unwrap(),
            authority: Authority::new("Sécurité", "000000000000002"),
        };
        let options = if signed {
            bench.signing()
        } else {
            BundleOptions::default()
        };
        bench.write(&options, "bundle").unwrap();
        bench
    }

    fn file(&self, name: &str, text: &str) -> PathBuf {
        let path = self.folder.path().join(name);
        std::fs::write(&path, text).unwrap();
        path
    }

    fn signing(&self) -> BundleOptions {
        let person = self.authority.person("s1");
        BundleOptions {
            output: None,
            certificate: Some(self.file("certificate.pem", &person.chain_pem)),
            key: Some(self.file("key.pem", &person.key_pem)),
        }
    }

    fn write(&self, options: &BundleOptions, name: &str) -> Result<Manifest> {
        let catalogue = Catalogue::embedded().unwrap();
        let folder = self.folder.path().join(name);
        write(&catalogue, &report(), options, &folder, SYSTEM, Timestamp::now())
    }

    fn bundle(&self) -> PathBuf {
        self.folder.path().join("bundle")
    }

    fn verify(&self, authority: Option<&str>) -> Result<String> {
        let options = VerifyOptions {
            folder: self.bundle(),
            authority: authority.map(|pem| self.file("authority.pem", pem)),
        };
        verify(&options, Timestamp::now())
    }
}

fn report() -> Report {
    let at: Timestamp = "2026-10-01T00:00:00Z".parse().unwrap();
    Report {
        results: vec![ReportResult {
            policy: "DMP-WRK-01".to_owned(),
            rule: "labels".to_owned(),
            category: String::new(),
            severity: String::new(),
            result: Answer::Fail,
            scored: true,
            message: "not true".to_owned(),
            timestamp: at.into(),
            properties: [("verdict", "fail"), ("since", "2026-10-01T00:00:00Z")]
                .map(|(name, value)| (name.to_owned(), value.to_owned()))
                .into(),
        }],
        ..Report::default()
    }
}

fn bytes(folder: &Path) -> Vec<(String, Vec<u8>)> {
    let entries = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap());
    let mut files: Vec<_> = entries
        .map(|entry| {
            (
                entry.file_name().into_string().unwrap(),
                std::fs::read(entry.path()).unwrap(),
            )
        })
        .collect();
    files.sort();
    files
}

#[test]
fn a_bundle_is_verified_as_it_was_written_and_written_twice_it_is_the_same() {
    let bench = Bench::new(false);
    let text = bench.verify(None).unwrap();
    assert!(
        text.starts_with("15 fichiers conformes au manifeste : OSCAL 1.2.2, plateforme `national`"),
        "{text}"
    );
    assert!(text.contains("état du 2026-10-01T00:00:00Z"), "{text}");
    assert!(
        text.contains("n'est pas signé") && text.contains("ni certification"),
        "{text}"
    );
    bench.write(&BundleOptions::default(), "again").unwrap();
    let again = bytes(&bench.folder.path().join("again"));
    assert_eq!(bytes(&bench.bundle()), again);
    assert_eq!(again.len(), 16, "the documents and their manifest");
}

#[test]
fn what_was_changed_is_named() {
    let bench = Bench::new(true);
    let path = bench.bundle().join("assessment-results.json");
    let before = std::fs::read_to_string(&path).unwrap();
    std::fs::write(&path, before.replace("not-satisfied", "satisfied")).unwrap();
    let error = bench.verify(None).unwrap_err();
    assert_eq!(error.code, "bundle-differs");
    assert!(
        error.message.contains("`assessment-results.json` was changed"),
        "{error:?}"
    );
    std::fs::write(&path, before).unwrap();

    std::fs::remove_file(bench.bundle().join("profile-hds.json")).unwrap();
    std::fs::write(bench.bundle().join("profile-other-\u{1b}[31m.json"), "{}").unwrap();
    let error = bench.verify(None).unwrap_err();
    assert!(
        error.message.contains("`profile-hds.json` is missing"),
        "{error:?}"
    );
    assert!(
        error
            .message
            .contains("`profile-other-[31m.json` is no part of it"),
        "{error:?}"
    );

    std::fs::remove_file(bench.bundle().join(MANIFEST)).unwrap();
    assert_eq!(bench.verify(None).unwrap_err().code, "not-a-bundle");
}

#[test]
fn a_manifest_opens_nothing_outside_of_its_folder() {
    let bench = Bench::new(false);
    bench.file("outside.json", "{}");
    let path = bench.bundle().join(MANIFEST);
    let text = std::fs::read_to_string(&path).unwrap();
    std::fs::write(&path, text.replace("catalog.json", "../outside.json")).unwrap();
    let error = bench.verify(None).unwrap_err();
    assert!(
        error.message.contains("`../outside.json` is missing"),
        "{error:?}"
    );
}

#[test]
fn a_signature_is_of_the_authority_and_over_this_manifest() {
    let bench = Bench::new(true);
    let authority = bench.authority.certificate_pem();
    let text = bench.verify(Some(&authority)).unwrap();
    assert!(
        text.contains("par s1 (NTRMA-000000000000002, Sécurité)"),
        "{text}"
    );
    assert!(bench.verify(None).unwrap().contains("n'est pas vérifiée"));

    // Files and manifest that fit together are not what was signed.
    let manifest = bench.bundle().join(MANIFEST);
    let before = std::fs::read_to_string(&manifest).unwrap();
    std::fs::write(&manifest, before.replace("\"national\"", "\"other\"")).unwrap();
    assert!(bench.verify(None).is_ok());
    let error = bench.verify(Some(&authority)).unwrap_err();
    assert_eq!(error.code, "bundle-differs");
    assert!(error.message.contains("manifest.json"), "{error:?}");
    std::fs::write(&manifest, before).unwrap();

    let other = Authority::new("Autre", "000000000000003").certificate_pem();
    assert_eq!(bench.verify(Some(&other)).unwrap_err().code, "bundle-not-signed");
    assert_eq!(
        bench.verify(Some("no PEM")).unwrap_err().code,
        "not-a-certificate"
    );
    let early = VerifyOptions {
        folder: bench.bundle(),
        authority: Some(bench.file("authority.pem", &authority)),
    };
    let before_it = "2026-01-01T00:00:00Z".parse().unwrap();
    assert!(
        verify(&early, before_it)
            .unwrap_err()
            .message
            .contains("which is to come")
    );
    // Long after the certificate ended.
    let later = Timestamp::now() + jiff::SignedDuration::from_hours(24 * 365 * 6);
    assert!(verify(&early, later).is_ok());

    std::fs::remove_file(bench.bundle().join(SIGNATURE)).unwrap();
    assert_eq!(
        bench.verify(Some(&authority)).unwrap_err().code,
        "bundle-not-signed"
    );
}

#[test]
fn a_statement_of_another_kind_is_no_signature_of_a_bundle() {
    use dmp_homologation::statement::Lift;

    let bench = Bench::new(false);
    let person = bench.authority.person("s1");
    let lift = Lift {
        revocation: "x".to_owned(),
        uid: "y".to_owned(),
        revocation_sha256: "z".to_owned(),
        comment: String::new(),
        signed_at: Timestamp::now(),
    };
    let signatory = Signatory::new(&person.chain_pem, &person.key_pem).unwrap();
    std::fs::write(bench.bundle().join(SIGNATURE), signatory.sign(&lift).unwrap()).unwrap();
    let error = bench
        .verify(Some(&bench.authority.certificate_pem()))
        .unwrap_err();
    assert_eq!(error.code, "bundle-not-signed");
}

#[test]
fn nothing_is_written_over_other_files_or_with_a_key_that_does_not_sign() {
    let bench = Bench::new(false);
    let error = bench.write(&BundleOptions::default(), "bundle").unwrap_err();
    assert_eq!(error.code, "output-not-empty");
    let mut options = bench.signing();
    options.key.clone_from(&options.certificate);
    assert_eq!(bench.write(&options, "new").unwrap_err().code, "not-signed");
    assert!(!bench.folder.path().join("new").exists());
}

#[test]
fn the_command_line_takes_a_key_with_a_certificate_and_a_folder_only() {
    use clap::Parser as _;

    let parsed = |options: &str| {
        let words = format!("dmpctl compliance {options}");
        crate::cli::Arguments::try_parse_from(words.split_whitespace()).is_ok()
    };
    assert!(parsed("report --format oscal --output out"));
    assert!(parsed(
        "report --format oscal --output out --certificate a.pem --key a.key"
    ));
    assert!(parsed("verify out --authority ca.pem"));
    assert!(!parsed("report --format oscal --output out --certificate a.pem"));
    assert!(!parsed("report --format oscal --output out --key a.key"));
    assert!(!parsed("report --certificate a.pem --key a.key"));
    assert!(!parsed("verify"));
}

#[test]
fn options_that_do_not_go_together_are_refused() {
    let report = |format, framework| ReportOptions {
        format,
        framework,
        ..ReportOptions::default()
    };
    let folder = BundleOptions {
        output: Some(PathBuf::from("out")),
        ..BundleOptions::default()
    };
    let none = BundleOptions::default();
    let code = |options: &BundleOptions, report: ReportOptions| options.asked(&report).unwrap_err().code;
    assert_eq!(code(&none, report(ReportFormat::Oscal, None)), "bundle-options");
    assert_eq!(code(&folder, report(ReportFormat::Json, None)), "bundle-options");
    let hds = Some(FrameworkName::Hds);
    assert_eq!(code(&folder, report(ReportFormat::Oscal, hds)), "bundle-options");
    assert!(
        folder
            .asked(&report(ReportFormat::Oscal, None))
            .unwrap()
            .is_some()
    );
    assert!(none.asked(&report(ReportFormat::Html, hds)).unwrap().is_none());
}
