//! A deciding body's signature under the end of a revocation.

use std::path::PathBuf;

use dmp_api::SolutionRevocation;
use dmp_homologation::lift::revocation_sha256;
use dmp_homologation::statement::Lift;
use jiff::Timestamp;
use kube::ResourceExt;

use super::sign::{SignatureOptions, carrier, signed};
use crate::error::{CliError, Result};
use crate::files::read;

#[derive(clap::Args, Clone, Debug)]
pub struct LiftOptions {
    #[command(flatten)]
    pub signature: SignatureOptions,
    /// Reasons, for the vendor and the other body
    #[arg(long)]
    pub comment: String,
    /// The SolutionRevocation as the cluster has it: `kubectl get solr NAME -o yaml`
    #[arg(value_name = "FILE")]
    pub revocation: PathBuf,
}

/// A signed lift as an object to apply. It counts once the other deciding body has signed one too.
///
/// # Errors
/// When a file is missing or not what it should be.
pub fn lift(options: &LiftOptions) -> Result<String> {
    let text = read(&options.revocation)?;
    let not_one = || {
        CliError::new(
            "not-a-revocation",
            format!(
                "`{}` is no SolutionRevocation of a cluster",
                options.revocation.display()
            ),
            "give the output of `kubectl get solr NAME -o yaml`: a signature is over that very object",
        )
    };
    let revocation: SolutionRevocation =
        serde_saphyr::from_str(&text).map_err(|error| not_one().because(error))?;
    let uid = revocation
        .uid()
        .filter(|uid| !uid.is_empty())
        .ok_or_else(not_one)?;
    let name = revocation.name_any();
    let statement = signed(
        &options.signature,
        &Lift {
            revocation: name.clone(),
            uid,
            revocation_sha256: revocation_sha256(&revocation.spec),
            comment: options.comment.clone(),
            signed_at: Timestamp::now(),
        },
    )?;
    carrier("RevocationLift", None, &name, "revocation", &statement)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use dmp_api::RevocationLift;
    use dmp_homologation::Bodies;
    use dmp_homologation::carrier::read as read_lift;
    use dmp_homologation::lift::judge;
    use dmp_testkit::bodies::Authority;
    use serde_json::json;

    use super::*;

    #[test]
    fn what_two_bodies_print_lifts_that_revocation() {
        let folder = tempfile::tempdir().unwrap();
        let file = |name: &str, text: &str| {
            let path = folder.path().join(name);
            std::fs::write(&path, text).unwrap();
            path
        };
        let yaml = "apiVersion: dmp.ma/v1alpha1\nkind: SolutionRevocation\nmetadata: { name: r, uid: u-1 }\n\
                    spec: { vendor: a, reason: essai }\n";
        let revocation: SolutionRevocation = serde_saphyr::from_str(yaml).unwrap();
        let bodies = [("interop", "000000000000001"), ("security", "000000000000002")];
        let (mut spec, mut lifts) = (Vec::new(), Vec::new());
        for (role, ice) in bodies {
            let authority = Authority::new(role, ice);
            let member = authority.person(role);
            let options = LiftOptions {
                signature: SignatureOptions {
                    certificate: file("certificate.pem", &member.chain_pem),
                    key: file("key.pem", &member.key_pem),
                },
                comment: "corrigé".to_owned(),
                revocation: file("revocation.yaml", yaml),
            };
            let mut lift: RevocationLift = serde_saphyr::from_str(&lift(&options).unwrap()).unwrap();
            lift.metadata.creation_timestamp = Some(
                serde_json::from_value(json!(Timestamp::now().strftime("%Y-%m-%dT%H:%M:%SZ").to_string()))
                    .unwrap(),
            );
            lifts.push(lift);
            spec.push(json!({
                "role": role, "organisation": { "name": authority.name, "ice": authority.ice },
                "anchors": [{ "certificate": authority.certificate_pem() }],
            }));
        }
        let spec: Vec<dmp_api::body::Body> = serde_json::from_value(json!(spec)).unwrap();
        let bodies = Bodies::new(&spec);
        let subject = serde_json::from_value(json!({ "name": "A", "ice": "001234567000089" })).unwrap();
        let of = |lifts: &[RevocationLift]| {
            let read: Vec<_> = lifts
                .iter()
                .map(|lift| (lift, read_lift(lift, &bodies)))
                .collect();
            judge(&revocation, read.into_iter(), std::slice::from_ref(&subject))
        };
        assert!(of(&lifts).is_lifted(), "{:?}", of(&lifts));
        assert!(!of(&lifts[..1]).is_lifted());

        let options = LiftOptions {
            signature: SignatureOptions {
                certificate: folder.path().join("certificate.pem"),
                key: folder.path().join("key.pem"),
            },
            comment: String::new(),
            revocation: file(
                "revocation.yaml",
                "kind: SolutionRevocation\nmetadata: { name: r }\nspec: { vendor: a, reason: x }\n",
            ),
        };
        assert_eq!(
            lift(&options).unwrap_err().code,
            "not-a-revocation",
            "not one of a cluster"
        );
    }
}
