//! `dmpctl status`: one screen. What is ready in one line each, what is not with its reason.

use std::fmt::Write as _;

use dmp_api::names::{NATIONAL_NAMESPACE, PLATFORM, SYSTEM_NAMESPACE};
use dmp_api::{HealthGroup, Platform, Solution, SolutionCredential, StatusConditions};
use k8s_openapi::api::apps::v1::{Deployment, StatefulSet};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::Condition;
use kube::api::ListParams;
use kube::{Api, Client, ResourceExt as _};

use crate::error::{CliError, Result};
use crate::kubernetes::ClusterOptions;

/// Prints the screen.
///
/// # Errors
/// When the cluster cannot be asked.
pub async fn run(options: &ClusterOptions) -> Result<()> {
    let client = crate::kubernetes::connect(options).await?;
    print!("{}", screen(&client).await?);
    Ok(())
}

/// The screen as text.
///
/// # Errors
/// As [`run`].
pub async fn screen(client: &Client) -> Result<String> {
    let failed = |what: &'static str| move |source| CliError::kubernetes(format!("reading {what}"), source);
    let mut out = String::new();
    let platforms: Api<Platform> = Api::all(client.clone());
    let platform = match platforms.get_opt(PLATFORM).await {
        Ok(found) => found,
        // No such resource type: nothing is installed.
        Err(kube::Error::Api(status)) if status.code == 404 => None,
        Err(source) => return Err(failed("the platform")(source)),
    };
    match &platform {
        None => out.push_str("PLATFORM    not there: run `dmpctl install`, then apply a Platform `national` (manifests/samples)\n"),
        Some(platform) => {
            let status = platform.status.clone().unwrap_or_default();
            let title = format!("{} {}", platform.spec.domain, platform.spec.release);
            line(&mut out, "PLATFORM", &title, status.conditions(), platform.metadata.generation);
            for remark in remarks(status.conditions()) {
                let _ = writeln!(out, "            {remark}");
            }
        }
    }
    let deployments: Api<Deployment> = Api::all(client.clone());
    let parameters = ListParams::default().labels("app.kubernetes.io/part-of=dmp");
    let deployments = deployments
        .list(&parameters)
        .await
        .map_err(failed("Deployments"))?
        .items;
    let sets: Api<StatefulSet> = Api::namespaced(client.clone(), SYSTEM_NAMESPACE);
    let sets = sets
        .list(&parameters)
        .await
        .map_err(failed("StatefulSets"))?
        .items;
    let _ = writeln!(out, "\nSERVICES");
    for set in &sets {
        let ready = set
            .status
            .as_ref()
            .and_then(|status| status.ready_replicas)
            .unwrap_or(0);
        let wanted = set.spec.as_ref().and_then(|spec| spec.replicas).unwrap_or(1);
        workload(
            &mut out,
            &set.namespace().unwrap_or_default(),
            &set.name_any(),
            ready,
            wanted,
        );
    }
    let plane = |namespace: &str| namespace == SYSTEM_NAMESPACE || namespace == NATIONAL_NAMESPACE;
    for deployment in deployments
        .iter()
        .filter(|d| plane(&d.namespace().unwrap_or_default()))
    {
        deployment_line(&mut out, deployment);
    }
    if platform.is_some() {
        let groups: Api<HealthGroup> = Api::all(client.clone());
        let groups = groups
            .list(&ListParams::default())
            .await
            .map_err(failed("health groups"))?
            .items;
        let _ = writeln!(
            out,
            "\nGROUPS      {}",
            if groups.is_empty() {
                "none: apply a HealthGroup"
            } else {
                ""
            }
        );
        for group in &groups {
            let status = group.status.clone().unwrap_or_default();
            let title = format!(
                "{} ({}, {})",
                group.name_any(),
                group.spec.region,
                group.spec.mode.as_str()
            );
            line(
                &mut out,
                " ",
                &title,
                status.conditions(),
                group.metadata.generation,
            );
            for deployment in deployments.iter().filter(|d| d.namespace() == status.namespace) {
                deployment_line(&mut out, deployment);
            }
        }
        solutions(client, &mut out).await?;
    }
    Ok(out)
}

async fn solutions(client: &Client, out: &mut String) -> Result<()> {
    let failed = |source| CliError::kubernetes("reading solutions", source);
    let solutions: Api<Solution> = Api::all(client.clone());
    let count = solutions
        .list(&ListParams::default())
        .await
        .map_err(failed)?
        .items
        .len();
    let credentials: Api<SolutionCredential> = Api::all(client.clone());
    let credentials = credentials
        .list(&ListParams::default())
        .await
        .map_err(failed)?
        .items;
    let state = |credential: &SolutionCredential, kind: &str| {
        let conditions = credential
            .status
            .as_ref()
            .map(|status| status.conditions())
            .unwrap_or_default();
        conditions
            .iter()
            .any(|condition| condition.type_ == kind && condition.status == "True")
    };
    let open = credentials.iter().filter(|c| state(c, "Ready")).count();
    let revoked = credentials.iter().filter(|c| state(c, "Revoked")).count();
    let _ = writeln!(
        out,
        "\nSOLUTIONS   {count}, credentials: {open} open, {revoked} revoked, {} in all",
        credentials.len()
    );
    for credential in credentials
        .iter()
        .filter(|c| !state(c, "Ready") && !state(c, "Revoked"))
    {
        let conditions = credential
            .status
            .as_ref()
            .map(|status| status.conditions())
            .unwrap_or_default();
        let name = format!(
            "{}/{}",
            credential.namespace().unwrap_or_default(),
            credential.name_any()
        );
        line(out, " ", &name, conditions, credential.metadata.generation);
    }
    Ok(())
}

fn line(out: &mut String, label: &str, title: &str, conditions: &[Condition], generation: Option<i64>) {
    let ready = conditions.iter().find(|condition| condition.type_ == "Ready");
    let state = match ready {
        None => "✘ the operator has not looked at it yet".to_owned(),
        Some(ready) if ready.observed_generation.is_some() && ready.observed_generation != generation => {
            "… the operator has not seen the last change yet".to_owned()
        }
        Some(ready) if ready.status == "True" => "✔ ready".to_owned(),
        Some(ready) => format!("✘ {}: {}", ready.reason, ready.message),
    };
    let _ = writeln!(out, "{label:<11} {title:<46} {state}");
}

/// Conditions that people should know of though all runs.
fn remarks(conditions: &[Condition]) -> Vec<String> {
    let known = [
        ("InsecureSeal", "True"),
        ("NetworkPolicyEnforced", "False"),
        ("NetworkPolicyEnforced", "Unknown"),
        ("KubernetesAudit", "False"),
        ("DemonstrationOn", "True"),
        ("Homologated", "False"),
    ];
    conditions
        .iter()
        .filter(|condition| known.contains(&(condition.type_.as_str(), condition.status.as_str())))
        .map(|condition| format!("! {}: {}", condition.type_, condition.message))
        .collect()
}

fn deployment_line(out: &mut String, deployment: &Deployment) {
    let status = deployment.status.clone().unwrap_or_default();
    let wanted = deployment
        .spec
        .as_ref()
        .and_then(|spec| spec.replicas)
        .unwrap_or(1);
    let namespace = deployment.namespace().unwrap_or_default();
    workload(
        out,
        &namespace,
        &deployment.name_any(),
        status.available_replicas.unwrap_or(0),
        wanted,
    );
}

fn workload(out: &mut String, namespace: &str, name: &str, ready: i32, wanted: i32) {
    let mark = if ready >= wanted { "✔" } else { "✘" };
    let hint = if ready >= wanted {
        String::new()
    } else {
        format!("  kubectl -n {namespace} get pods -l app.kubernetes.io/name={name}")
    };
    let title = format!("{namespace}/{name}");
    let _ = writeln!(out, "{:<11} {title:<46} {mark} {ready}/{wanted}{hint}", "");
}

#[cfg(test)]
mod tests {
    use super::*;

    fn condition(kind: &str, status: &str, generation: i64) -> Condition {
        Condition {
            type_: kind.into(),
            status: status.into(),
            reason: "DatabaseNotReady".into(),
            message: "registry: 0 of 1 instances".into(),
            observed_generation: Some(generation),
            last_transition_time: k8s_openapi::apimachinery::pkg::apis::meta::v1::Time(
                jiff::Timestamp::UNIX_EPOCH,
            ),
        }
    }

    #[test]
    fn a_line_says_why() {
        let mut out = String::new();
        line(
            &mut out,
            "PLATFORM",
            "dmp.test 0.1",
            &[condition("Ready", "False", 1)],
            Some(1),
        );
        assert!(
            out.ends_with("✘ DatabaseNotReady: registry: 0 of 1 instances\n"),
            "{out}"
        );
        out.clear();
        line(
            &mut out,
            "PLATFORM",
            "dmp.test 0.1",
            &[condition("Ready", "True", 1)],
            Some(2),
        );
        assert!(out.contains("has not seen the last change"));
    }

    #[test]
    fn insecure_seal_is_a_remark_even_when_all_is_ready() {
        let remarks = remarks(&[
            condition("InsecureSeal", "True", 1),
            condition("Ready", "True", 1),
        ]);
        assert_eq!(remarks.len(), 1);
    }
}
