//! The statements that people sign.

use std::path::PathBuf;

use clap::ValueEnum;
use dmp_api::HomologationProgramme;
use dmp_api::body::{Body, Role};
use dmp_api::conformance_run::RunMode;
use dmp_api::homologation_review::ReviewVerdict;
use dmp_conformance::bundle::Bundle;
use dmp_homologation::Bodies;
use dmp_homologation::canonical;
use dmp_homologation::dossier::programme_sha256;
use dmp_homologation::sign::Signatory;
use dmp_homologation::signed::verify;
use dmp_homologation::statement::{Endorsement, ProgrammeApproval, Review, Run, Statement};
use jiff::Timestamp;
use kube::ResourceExt;
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject;
use serde_json::{Value, json};

use crate::error::{CliError, Result};
use crate::files::read;

#[derive(clap::Args, Clone, Debug)]
pub struct SignatureOptions {
    /// The signer's certificate and those between it and the body's authority, PEM
    #[arg(long, value_name = "FILE")]
    pub certificate: PathBuf,
    /// Its key, PKCS #8, PEM
    #[arg(long, value_name = "FILE")]
    pub key: PathBuf,
}

#[derive(clap::Args, Clone, Debug)]
pub struct ReviewOptions {
    #[command(flatten)]
    pub signature: SignatureOptions,
    /// `<vendor namespace>/<SolutionHomologation name>`
    #[arg(long, value_name = "NAMESPACE/NAME")]
    pub homologation: String,
    /// `status.submissionSha256` of it, as it was when you reviewed it
    #[arg(long, value_name = "HEX")]
    pub submission: String,
    /// What you find
    #[arg(long)]
    pub verdict: Verdict,
    /// This is the decision of the body, not one reviewer's finding
    #[arg(long)]
    pub decision: bool,
    /// Of a decision: grant these scopes only
    #[arg(long, value_delimiter = ',', requires = "decision")]
    pub scopes: Option<Vec<String>>,
    /// Of a decision: grant it until then, RFC 3339
    #[arg(long, value_name = "TIME", requires = "decision")]
    pub until: Option<Timestamp>,
    /// Reasons, for the vendor
    #[arg(long)]
    pub comment: String,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Verdict {
    Favourable,
    Unfavourable,
    SentBack,
}

#[derive(clap::Args, Clone, Debug)]
pub struct ApproveOptions {
    #[command(flatten)]
    pub signature: SignatureOptions,
    /// The HomologationProgramme, YAML
    #[arg(value_name = "FILE")]
    pub programme: PathBuf,
}

#[derive(clap::Args, Clone, Debug)]
pub struct EndorseOptions {
    #[command(flatten)]
    pub signature: SignatureOptions,
    /// Role of the body
    #[arg(long)]
    pub role: BodyRole,
    /// The next authority's certificate, PEM
    #[arg(long, value_name = "FILE")]
    pub next: PathBuf,
}

#[derive(clap::Args, Clone, Debug)]
pub struct CountersignOptions {
    #[command(flatten)]
    pub signature: SignatureOptions,
    /// `bundle.json` of the supervised run
    #[arg(long, value_name = "FILE")]
    pub bundle: PathBuf,
    /// `run.json` of it: what the suite signed
    #[arg(long, value_name = "FILE")]
    pub run: PathBuf,
    /// The suite's authority, PEM (`spec.bodies` of the Platform)
    #[arg(long, value_name = "FILE")]
    pub suite: PathBuf,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum BodyRole {
    Interop,
    Security,
    Privacy,
    Clinical,
    Laboratory,
    Suite,
    Authority,
    Auditor,
}

impl From<BodyRole> for Role {
    fn from(role: BodyRole) -> Self {
        match role {
            BodyRole::Interop => Self::Interop,
            BodyRole::Security => Self::Security,
            BodyRole::Privacy => Self::Privacy,
            BodyRole::Clinical => Self::Clinical,
            BodyRole::Laboratory => Self::Laboratory,
            BodyRole::Suite => Self::Suite,
            BodyRole::Authority => Self::Authority,
            BodyRole::Auditor => Self::Auditor,
        }
    }
}

/// A signed review as an object to apply.
///
/// # Errors
/// When a file is missing or not what it should be.
pub fn review(options: &ReviewOptions) -> Result<String> {
    let (namespace, name) = named(&options.homologation)?;
    let digest =
        options.submission.len() == 64 && options.submission.bytes().all(|byte| byte.is_ascii_hexdigit());
    if !digest {
        return Err(CliError::new(
            "submission-required",
            "the submission is named by 64 hexadecimal digits",
            "take status.submissionSha256 of the SolutionHomologation that you reviewed",
        ));
    }
    let review = Review {
        homologation: options.homologation.clone(),
        submission_sha256: options.submission.to_lowercase(),
        verdict: match options.verdict {
            Verdict::Favourable => ReviewVerdict::Favourable,
            Verdict::Unfavourable => ReviewVerdict::Unfavourable,
            Verdict::SentBack => ReviewVerdict::SentBack,
        },
        decision: options.decision,
        scopes: options.scopes.clone(),
        until: options.until,
        comment: options.comment.clone(),
        signed_at: Timestamp::now(),
    };
    let statement = signed(&options.signature, &review)?;
    carrier(
        "HomologationReview",
        Some(namespace),
        name,
        "homologation",
        &statement,
    )
}

/// A body's signature over a programme.
///
/// # Errors
/// As [`review`].
pub fn approve(options: &ApproveOptions) -> Result<String> {
    let text = read(&options.programme)?;
    let programme: HomologationProgramme = serde_saphyr::from_str(&text).map_err(|error| {
        CliError::new(
            "not-a-programme",
            format!("`{}` is no HomologationProgramme", options.programme.display()),
            "give the YAML that will be applied",
        )
        .because(error)
    })?;
    let approval = ProgrammeApproval {
        programme: programme.name_any(),
        programme_sha256: programme_sha256(&programme.spec),
        signed_at: Timestamp::now(),
    };
    signed(&options.signature, &approval)
}

/// An authority's signature over the next one.
///
/// # Errors
/// As [`review`].
pub fn endorse(options: &EndorseOptions) -> Result<String> {
    let next = CertificateDer::from_pem_slice(read(&options.next)?.as_bytes()).map_err(|error| {
        CliError::new(
            "not-a-certificate",
            format!("`{}` is no certificate", options.next.display()),
            "give the next authority's certificate as PEM",
        )
        .because(error)
    })?;
    let endorsement = Endorsement {
        role: options.role.into(),
        certificate_sha256: canonical::digest(&next),
        signed_at: Timestamp::now(),
    };
    signed(&options.signature, &endorsement)
}

/// A laboratory's signature over a supervised run: the suite signed it, its bundle is whole and judged again.
///
/// # Errors
/// `not-the-suites`, `bundle-differs`, `not-supervised`, or as [`review`].
pub fn countersign(options: &CountersignOptions) -> Result<String> {
    let mut object: Value = serde_json::from_str(&read(&options.run)?).map_err(|error| {
        CliError::new(
            "not-a-run",
            format!("`{}` is no ConformanceRun", options.run.display()),
            "give the run.json that the sitting left",
        )
        .because(error)
    })?;
    let statement = object.pointer("/spec/statement").and_then(Value::as_str);
    let bodies = serde_json::from_value::<Vec<Body>>(json!([super::suite_body(&read(&options.suite)?)]))
        .ok()
        .and_then(|bodies| Bodies::new(&bodies).ok());
    let run = bodies
        .zip(statement)
        .and_then(|(bodies, text)| verify::<Run>(text, &bodies, Timestamp::now()).ok())
        .ok_or_else(|| {
            CliError::new(
                "not-the-suites",
                "the result is not signed by this authority of the suite, or over a week ago",
                "take the authority of `Platform.spec.bodies` (role suite), and a run of this week",
            )
        })?
        .statement;
    let text = read(&options.bundle)?;
    let differs = |what: String| {
        CliError::new(
            "bundle-differs",
            format!("the bundle is not the one that was signed: {what}"),
            "give bundle.json and run.json of one sitting, with the dmpctl of the platform's release",
        )
    };
    let bundle = Bundle::read(&text).map_err(|error| differs(error.to_string()))?;
    bundle.replay().map_err(|error| differs(error.to_string()))?;
    if bundle.sha256() != run.bundle_sha256 {
        return Err(differs("its hash is another".to_owned()));
    }
    if run.mode != RunMode::Supervised {
        return Err(CliError::new(
            "not-supervised",
            format!(
                "it is a run of mode {}: a laboratory signs supervised ones",
                run.mode.as_str()
            ),
            "have the software sit `dmpctl solution test --mode supervised --submission …` before you",
        ));
    }
    let own = Run {
        signed_at: Timestamp::now(),
        ..run
    };
    let statement = signed(&options.signature, &own)?;
    let suffix = canonical::digest(statement.as_bytes())
        .get(..10)
        .unwrap_or_default()
        .to_owned();
    if let Some(name) = object.pointer_mut("/metadata/name") {
        *name = format!("{}-{suffix}", name.as_str().unwrap_or("run")).into();
    }
    if let Some(spec) = object.pointer_mut("/spec") {
        *spec = json!({ "statement": statement });
    }
    Ok(format!("{object:#}"))
}

/// Namespace and name of a homologation, as an option names it.
pub(super) fn named(homologation: &str) -> Result<(&str, &str)> {
    homologation.split_once('/').ok_or_else(|| {
        CliError::new(
            "homologation-required",
            "the homologation is written `<vendor namespace>/<name>`",
            "take both from `kubectl get solh -A`",
        )
    })
}

/// The object (YAML) that carries a statement about `name`, which `field` of its specification names. The same statement is the same object.
pub(crate) fn carrier(
    kind: &str,
    namespace: Option<&str>,
    name: &str,
    field: &str,
    statement: &str,
) -> Result<String> {
    let spec = json!({ field: name, "statement": statement });
    named_after(kind, namespace, name, spec, statement)
}

/// An object (YAML) named after what it is about and the statement in it.
pub(crate) fn named_after(
    kind: &str,
    namespace: Option<&str>,
    name: &str,
    spec: Value,
    statement: &str,
) -> Result<String> {
    let digest = canonical::digest(statement.as_bytes());
    let suffix = digest.get(..10).unwrap_or(&digest);
    let mut object = json!({
        "apiVersion": "dmp.ma/v1alpha1", "kind": kind,
        "metadata": { "name": format!("{name}-{suffix}") },
        "spec": spec,
    });
    if let Some(namespace) = namespace {
        object["metadata"]["namespace"] = json!(namespace);
    }
    dmp_api::yaml::to_string(&object).map_err(|error| {
        CliError::new(
            "internal",
            format!("the {kind} cannot be written as YAML"),
            "report this with the message",
        )
        .because(error)
    })
}

pub(crate) fn signed<T: Statement>(options: &SignatureOptions, statement: &T) -> Result<String> {
    let signatory = Signatory::new(&read(&options.certificate)?, &read(&options.key)?);
    signatory
        .and_then(|signatory| signatory.sign(statement))
        .map_err(|error| {
            CliError::new(
                "not-signed",
                "nothing was signed",
                "give a certificate and its key as PEM files",
            )
            .because(error)
        })
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use dmp_homologation::Bodies;
    use dmp_homologation::signed::verify;
    use dmp_testkit::bodies::Authority;
    use serde_json::Value;

    use super::*;

    #[test]
    fn what_is_printed_is_a_review_that_verifies() {
        let folder = tempfile::tempdir().unwrap();
        let authority = Authority::new("Sécurité", "000000000000002");
        let member = authority.person("s1");
        let file = |name: &str, text: &str| {
            let path = folder.path().join(name);
            std::fs::write(&path, text).unwrap();
            path
        };
        let signature = SignatureOptions {
            certificate: file("certificate.pem", &member.chain_pem),
            key: file("key.pem", &member.key_pem),
        };
        let mut options = ReviewOptions {
            signature,
            homologation: "vendor-a/x-1".to_owned(),
            submission: "AB".repeat(32),
            verdict: Verdict::SentBack,
            decision: false,
            scopes: None,
            until: None,
            comment: "le SBOM manque".to_owned(),
        };
        let object: Value = serde_saphyr::from_str(&review(&options).unwrap()).unwrap();
        let body = json!([{
            "role": "security", "organisation": { "name": authority.name, "ice": authority.ice },
            "anchors": [{ "certificate": authority.certificate_pem() }],
        }]);
        let bodies: Vec<dmp_api::body::Body> = serde_json::from_value(body).unwrap();
        let statement = object["spec"]["statement"].as_str().unwrap();
        let read = verify::<Review>(statement, &Bodies::new(&bodies).unwrap(), Timestamp::now()).unwrap();
        assert_eq!(read.statement.comment, "le SBOM manque");
        assert_eq!(read.statement.submission_sha256, "ab".repeat(32));
        assert_eq!(
            (object["metadata"]["namespace"].as_str(), read.signer.role),
            (Some("vendor-a"), Role::Security)
        );

        options.submission = "short".to_owned();
        assert_eq!(review(&options).unwrap_err().code, "submission-required");
        options.submission = "ab".repeat(32);
        options.signature.key = options.signature.certificate.clone();
        assert_eq!(review(&options).unwrap_err().code, "not-signed");
    }
}
