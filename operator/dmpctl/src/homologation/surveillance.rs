//! What bodies sign after a homologation: that a later document is accepted, that a non-conformity is mended.

use std::path::PathBuf;

use dmp_api::{EvidenceItem, NonConformity};
use dmp_homologation::canonical;
use dmp_homologation::statement::{Closing, Renewal};
use jiff::Timestamp;
use kube::ResourceExt;
use serde::de::DeserializeOwned;

use super::sign::{SignatureOptions, carrier, named, signed};
use crate::error::{CliError, Result};
use crate::files::read;

#[derive(clap::Args, Clone, Debug)]
pub struct AcceptOptions {
    #[command(flatten)]
    pub signature: SignatureOptions,
    /// `<vendor namespace>/<SolutionHomologation name>` for which it counts
    #[arg(long, value_name = "NAMESPACE/NAME")]
    pub homologation: String,
    /// The later EvidenceItem as the cluster has it: `kubectl get evi NAME -n NAMESPACE -o yaml`
    #[arg(value_name = "FILE")]
    pub evidence: PathBuf,
}

#[derive(clap::Args, Clone, Debug)]
pub struct CloseOptions {
    #[command(flatten)]
    pub signature: SignatureOptions,
    /// How it was mended, for the vendor
    #[arg(long)]
    pub comment: String,
    /// The NonConformity as the cluster has it: `kubectl get ncon NAME -n NAMESPACE -o yaml`
    #[arg(value_name = "FILE")]
    pub non_conformity: PathBuf,
}

/// A body's word over a later document, as a HomologationReview to apply.
///
/// # Errors
/// When a file is missing or not what it should be.
pub fn accept_evidence(options: &AcceptOptions) -> Result<String> {
    let (namespace, name) = named(&options.homologation)?;
    let item: EvidenceItem = object(&options.evidence, "not-evidence", "EvidenceItem")?;
    if item.namespace().as_deref() != Some(namespace) {
        return Err(CliError::new(
            "not-evidence",
            "the document is not in the namespace of the homologation",
            "give the output of `kubectl get evi NAME -n NAMESPACE -o yaml`",
        ));
    }
    let renewal = Renewal {
        homologation: options.homologation.clone(),
        evidence: item.name_any(),
        evidence_sha256: canonical::sha256(&item.spec),
        signed_at: Timestamp::now(),
    };
    let statement = signed(&options.signature, &renewal)?;
    carrier(
        "HomologationReview",
        Some(namespace),
        name,
        "homologation",
        &statement,
    )
}

/// A deciding body's word that a non-conformity is mended, as a NonConformityAnswer to apply.
///
/// # Errors
/// When a file is missing or not what it should be.
pub fn close_non_conformity(options: &CloseOptions) -> Result<String> {
    let one: NonConformity = object(&options.non_conformity, "not-a-non-conformity", "NonConformity")?;
    let (name, namespace) = (one.name_any(), one.namespace().unwrap_or_default());
    let closing = Closing {
        non_conformity: format!("{namespace}/{name}"),
        sha256: canonical::sha256(&one.spec),
        comment: options.comment.clone(),
        signed_at: Timestamp::now(),
    };
    let statement = signed(&options.signature, &closing)?;
    carrier(
        "NonConformityAnswer",
        Some(&namespace),
        &name,
        "nonConformity",
        &statement,
    )
}

fn object<K: DeserializeOwned>(path: &std::path::Path, code: &'static str, kind: &str) -> Result<K> {
    serde_saphyr::from_str(&read(path)?).map_err(|error| {
        CliError::new(
            code,
            format!("`{}` is no {kind} of a cluster", path.display()),
            "give the output of `kubectl get … -o yaml`: the signature is over that very object",
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
    use serde_json::{Value, json};

    use super::*;

    #[test]
    fn what_is_printed_verifies_and_is_over_the_object_that_was_read() {
        let folder = tempfile::tempdir().unwrap();
        let file = |name: &str, text: &str| {
            let path = folder.path().join(name);
            std::fs::write(&path, text).unwrap();
            path
        };
        let authority = Authority::new("Sécurité", "000000000000002");
        let member = authority.person("s1");
        let signature = SignatureOptions {
            certificate: file("certificate.pem", &member.chain_pem),
            key: file("key.pem", &member.key_pem),
        };
        let body = json!([{
            "role": "security", "organisation": { "name": authority.name, "ice": authority.ice },
            "anchors": [{ "certificate": authority.certificate_pem() }],
        }]);
        let bodies: Vec<dmp_api::body::Body> = serde_json::from_value(body).unwrap();
        let bodies = Bodies::new(&bodies).unwrap();

        let evidence = json!({
            "apiVersion": "dmp.ma/v1alpha1", "kind": "EvidenceItem", "metadata": { "namespace": "vendor-a", "name": "pt-2" },
            "spec": { "kind": "pen-test", "issuer": "x", "sha256": "a".repeat(64), "issued": "2026-11-01", "renews": "pt-1" },
        });
        let mut options = AcceptOptions {
            signature: signature.clone(),
            homologation: "vendor-a/x-1".to_owned(),
            evidence: file("evidence.yaml", &evidence.to_string()),
        };
        let printed: Value = serde_saphyr::from_str(&accept_evidence(&options).unwrap()).unwrap();
        assert_eq!(printed["kind"], "HomologationReview");
        assert_eq!(printed["spec"]["homologation"], "x-1");
        let text = printed["spec"]["statement"].as_str().unwrap();
        let read = verify::<Renewal>(text, &bodies, Timestamp::now())
            .unwrap()
            .statement;
        let item: EvidenceItem = serde_json::from_value(evidence).unwrap();
        assert_eq!(read.evidence_sha256, canonical::sha256(&item.spec));
        options.homologation = "vendor-b/x-1".to_owned();
        assert_eq!(accept_evidence(&options).unwrap_err().code, "not-evidence");

        let one = json!({
            "apiVersion": "dmp.ma/v1alpha1", "kind": "NonConformity", "metadata": { "namespace": "vendor-a", "name": "nc-1" },
            "spec": { "solution": "x", "rule": "DF-03", "severity": "major", "deadline": "2026-12-31" },
        });
        let mut options = CloseOptions {
            signature,
            comment: "corrigé en 1.0.1".to_owned(),
            non_conformity: file("nc.yaml", &one.to_string()),
        };
        let printed: Value = serde_saphyr::from_str(&close_non_conformity(&options).unwrap()).unwrap();
        assert_eq!(printed["spec"]["nonConformity"], "nc-1");
        let text = printed["spec"]["statement"].as_str().unwrap();
        let read = verify::<Closing>(text, &bodies, Timestamp::now())
            .unwrap()
            .statement;
        let one: NonConformity = serde_json::from_value(one).unwrap();
        assert_eq!(
            (read.non_conformity.as_str(), read.sha256),
            ("vendor-a/nc-1", canonical::sha256(&one.spec))
        );
        options.non_conformity = file("other.yaml", "kind: Secret");
        assert_eq!(
            close_non_conformity(&options).unwrap_err().code,
            "not-a-non-conformity"
        );
    }
}
