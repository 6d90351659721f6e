//! `dmpctl compliance except` and `approve`: asks for what is tolerated for a while, and approves it, each in one's own name.
//!
//! Who may do which is the API server's to say (policy `dmp-policy-exception`); what an exception is worth, `dmp_policies::exception`'s.

use dmp_api::policy_exception::Approval;
use dmp_api::{PolicyException, PolicyExceptionSpec};
use dmp_policies::control::OWNERS;
use dmp_policies::exception::{Exception, Void};
use dmp_policies::{Catalogue, day};
use jiff::Timestamp;
use jiff::civil::Date;
use kube::api::{ObjectMeta, Patch, PatchParams, PostParams};
use kube::{Api, Client, ResourceExt as _};
use serde_json::json;

use super::attest::whoami;
use super::known;
use crate::error::{CliError, Result};

/// How often an approval is tried again that met the operator's own write.
const ATTEMPTS: usize = 5;

#[derive(clap::Args, Clone, Debug)]
pub struct ExceptOptions {
    /// Id of the control (`dmpctl compliance status`)
    #[arg(value_name = "DMP-XXX-NN")]
    pub id: String,
    /// The check that fails (`dmpctl compliance explain DMP-XXX-NN`)
    #[arg(long, value_name = "CHECK")]
    pub check: String,
    /// Where; without it, what is found of the platform as a whole; may be repeated
    #[arg(long = "namespace", value_name = "NAMESPACE")]
    pub namespaces: Vec<String>,
    /// Why it cannot be otherwise for the time being; no patient, no person
    #[arg(long)]
    pub reason: String,
    /// Its last day
    #[arg(long, value_name = "YYYY-MM-DD")]
    pub until: Date,
}

#[derive(clap::Args, Clone, Debug)]
pub struct ApproveExceptionOptions {
    /// Name of the exception (`kubectl get policyexceptions`)
    pub name: String,
}

/// Asks for an exception; its name.
///
/// # Errors
/// `no-control`, `exception-not-usable`, or what the API server says.
pub async fn except(client: &Client, catalogue: &Catalogue, options: &ExceptOptions) -> Result<String> {
    let today = day(Timestamp::now());
    let spec = draft(catalogue, options, &whoami(client).await?, today)?;
    let object = PolicyException {
        metadata: ObjectMeta {
            generate_name: Some(format!("{}-", spec.control.to_ascii_lowercase())),
            ..ObjectMeta::default()
        },
        spec,
        status: None,
    };
    let created = Api::<PolicyException>::all(client.clone())
        .create(&PostParams::default(), &object)
        .await
        .map_err(|source| CliError::kubernetes("asking for the exception", source))?;
    let name = created.name_any();
    println!("policyexception/{name} : demandée jusqu'au {}", options.until);
    println!(
        "elle compte quand quelqu'un du rôle {} l'approuve : dmpctl compliance approve {name}",
        other(&created.spec.role)
    );
    Ok(name)
}

/// Approves what somebody else asked for.
///
/// # Errors
/// What the API server says.
pub async fn approve(client: &Client, options: &ApproveExceptionOptions) -> Result<()> {
    let api = Api::<PolicyException>::all(client.clone());
    let read = async || {
        let found = api.get(&options.name).await;
        found.map_err(|source| CliError::kubernetes("reading the exception", source))
    };
    let mut found = read().await?;
    let approval = Approval {
        role: other(&found.spec.role).to_owned(),
        by: whoami(client).await?,
    };
    let text = |one: &PolicyException| (one.metadata.uid.clone(), one.metadata.generation);
    let asked = text(&found);
    for attempt in 1.. {
        // Only of the text that was read: the operator may write its status meanwhile, nobody another text.
        let patch = json!({
            "metadata": { "resourceVersion": found.metadata.resource_version }, "spec": { "approval": approval },
        });
        let patched = api
            .patch(&options.name, &PatchParams::default(), &Patch::Merge(patch))
            .await;
        match patched {
            Ok(_) => break,
            Err(kube::Error::Api(status)) if status.code == 409 && attempt < ATTEMPTS => {
                found = read().await?;
                if text(&found) != asked {
                    return Err(unusable(
                        "its text was changed while it was being approved: read it again".to_owned(),
                    ));
                }
            }
            Err(source) => return Err(CliError::kubernetes("approving the exception", source)),
        }
    }
    println!(
        "{} {} : tolérée jusqu'au {} ; l'évaluateur le lit en vingt secondes",
        found.spec.control, found.spec.check, found.spec.until
    );
    Ok(())
}

/// The role that approves what this one asks for.
fn other(role: &str) -> &'static str {
    OWNERS.into_iter().find(|one| *one != role).unwrap_or(OWNERS[0])
}

/// What is asked for, when it would count once it is approved. Nothing is asked of the cluster.
fn draft(
    catalogue: &Catalogue,
    options: &ExceptOptions,
    by: &str,
    today: Date,
) -> Result<PolicyExceptionSpec> {
    let control = known(catalogue, &options.id)?;
    let exception = Exception {
        name: String::new(),
        control: control.id.clone(),
        check: options.check.clone(),
        namespaces: options.namespaces.clone(),
        role: control.owner().to_owned(),
        asked: Some(today),
        until: Some(options.until),
        approved: None,
    };
    match exception.in_force(catalogue, today) {
        Ok(()) | Err(Void::NotApproved) => {}
        Err(void) => return Err(unusable(void.to_string())),
    }
    if options.until < today {
        return Err(unusable(Void::Expired(options.until).to_string()));
    }
    Ok(PolicyExceptionSpec {
        control: exception.control,
        check: exception.check,
        namespaces: exception.namespaces,
        reason: options.reason.clone(),
        role: exception.role,
        by: by.to_owned(),
        until: options.until.to_string(),
        approval: None,
    })
}

fn unusable(what: String) -> CliError {
    CliError::new(
        "exception-not-usable",
        what,
        "name a check and a day that can count: `dmpctl compliance explain DMP-XXX-NN`",
    )
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use jiff::civil::date;

    use super::*;

    #[test]
    fn what_could_never_count_is_not_asked_for() {
        let catalogue = Catalogue::embedded().unwrap();
        let today = date(2026, 12, 1);
        let options = ExceptOptions {
            id: "DMP-NET-01".to_owned(),
            check: "policies".to_owned(),
            namespaces: vec!["dmp-national".to_owned()],
            reason: "the old probe goes in January".to_owned(),
            until: date(2027, 1, 15),
        };
        let asked = |change: &dyn Fn(&mut ExceptOptions)| {
            let mut options = options.clone();
            change(&mut options);
            draft(&catalogue, &options, "amina", today)
        };
        let spec = asked(&|_| ()).unwrap();
        assert_eq!((spec.role.as_str(), spec.by.as_str()), ("dmp-security", "amina"));
        assert_eq!(other(&spec.role), "dmp-host");
        let code = |change: &dyn Fn(&mut ExceptOptions)| asked(change).unwrap_err().code;
        assert_eq!(code(&|one| one.id = "DMP-NET-99".to_owned()), "no-control");
        assert_eq!(code(&|one| one.check = "none".to_owned()), "exception-not-usable");
        assert_eq!(code(&|one| one.until = date(2027, 3, 2)), "exception-not-usable");
        assert_eq!(
            code(&|one| one.until = date(2026, 11, 30)),
            "exception-not-usable"
        );
    }
}
