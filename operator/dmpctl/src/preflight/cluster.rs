//! What the cluster itself must be: version, clock, rights, admission, Pod Security, storage.

use jiff::Timestamp;
use k8s_openapi::api::authorization::v1::SelfSubjectAccessReview;
use k8s_openapi::api::core::v1::Pod;
use k8s_openapi::api::storage::v1::StorageClass;
use kube::api::{ListParams, PostParams};
use kube::{Api, Client, ResourceExt};
use serde_json::{Value, json};

use super::Check;
use super::scratch::{Scratch, parsed};
use crate::error::{CliError, Result};

/// The oldest Kubernetes that has what the manifests use as stable: ValidatingAdmissionPolicy (1.30) and a StatefulSet
/// that keeps its volumes (1.32).
const OLDEST: (u32, u32) = (1, 32);
/// The one that every test runs on.
const TESTED: &str = "1.36";
/// Certificates of one hour and tokens of five minutes bear this; more is a broken clock.
const CLOCK_SECONDS: i64 = 5;
const DEFAULT_CLASS: &str = "storageclass.kubernetes.io/is-default-class";

/// # Errors
/// As [`CliError::kubernetes`]: without an answer to this nothing can be checked.
pub async fn version(client: &Client) -> Result<Check> {
    let info = client
        .apiserver_version()
        .await
        .map_err(|source| CliError::kubernetes("asking the API server for its version", source))?;
    Ok(judge_version(&info.major, &info.minor, &info.git_version))
}

fn judge_version(major: &str, minor: &str, name: &str) -> Check {
    // Some providers write `36+`.
    let number = |text: &str| text.trim_end_matches('+').parse::<u32>().ok();
    match (number(major), number(minor)) {
        (Some(major), Some(minor)) if (major, minor) >= OLDEST => {
            Check::good("version", format!("Kubernetes {name} (tested on {TESTED})"))
        }
        (Some(_), Some(_)) => Check::bad(
            "version",
            format!("Kubernetes {name}"),
            format!("upgrade it to {}.{} or later", OLDEST.0, OLDEST.1),
        ),
        _ => Check::unknown("version", format!("the API server calls itself `{name}`"), ""),
    }
}

/// The API server's clock against this machine's: its `Date` has whole seconds.
pub async fn clock(client: &Client) -> Check {
    const NAME: &str = "clock";
    let before = Timestamp::now();
    let Ok(request) = http::Request::get("/version").body(kube::client::Body::empty()) else {
        return Check::unknown(NAME, "no request could be made", "");
    };
    let answer = client.send(request).await;
    let after = Timestamp::now();
    let date = answer
        .as_ref()
        .ok()
        .and_then(|answer| answer.headers().get(http::header::DATE))
        .and_then(|value| value.to_str().ok())
        .and_then(|text| jiff::fmt::rfc2822::parse(text).ok());
    match date {
        None => Check::unknown(NAME, "the API server says no time", ""),
        Some(date) => judge_clock(before, after, date.timestamp()),
    }
}

fn judge_clock(before: Timestamp, after: Timestamp, server: Timestamp) -> Check {
    // The second that the server named began between these two moments, if the clocks agree.
    let behind = before.as_second() - server.as_second();
    let ahead = server.as_second() - after.as_second();
    let off = behind.max(ahead).max(0);
    if off <= CLOCK_SECONDS {
        return Check::good(
            "clock",
            format!("the API server's is within {} s of this machine's", off + 1),
        );
    }
    let side = if behind > ahead { "behind" } else { "ahead of" };
    Check::bad(
        "clock",
        format!("the API server's is {off} s {side} this machine's"),
        "set both by NTP: certificates and tokens live for minutes",
    )
}

pub async fn rights(client: &Client) -> Check {
    const NAME: &str = "rights";
    let review = json!({
        "spec": { "resourceAttributes": { "verb": "*", "group": "*", "resource": "*" } }
    });
    let Ok(review) = parsed::<SelfSubjectAccessReview>(review) else {
        return Check::unknown(NAME, "no question could be made", "");
    };
    let api: Api<SelfSubjectAccessReview> = Api::all(client.clone());
    match api.create(&PostParams::default(), &review).await {
        Ok(answer) if answer.status.as_ref().is_some_and(|status| status.allowed) => {
            Check::good(NAME, "this user is cluster-admin")
        }
        Ok(_) => Check::bad(
            NAME,
            "this user is not cluster-admin",
            "install as somebody who may create CRDs, ClusterRoles and admission policies",
        ),
        Err(source) => Check::unknown(NAME, said(source), ""),
    }
}

/// The data are protected by ValidatingAdmissionPolicies.
pub async fn admission(client: &Client) -> Check {
    const NAME: &str = "admission";
    const GROUP: &str = "admissionregistration.k8s.io/v1";
    match client.list_api_group_resources(GROUP).await {
        Ok(list)
            if list
                .resources
                .iter()
                .any(|r| r.name == "validatingadmissionpolicies") =>
        {
            Check::good(NAME, format!("ValidatingAdmissionPolicy is served ({GROUP})"))
        }
        Ok(_) => Check::bad(
            NAME,
            format!("ValidatingAdmissionPolicy is not served ({GROUP})"),
            "upgrade Kubernetes, or do not switch this API off: it protects the data",
        ),
        Err(source) => Check::unknown(NAME, said(source), ""),
    }
}

pub async fn storage(client: &Client, wanted: Option<&str>) -> Check {
    let api: Api<StorageClass> = Api::all(client.clone());
    match api.list(&ListParams::default()).await {
        Ok(list) => judge_storage(&list.items, wanted),
        Err(source) => Check::unknown("storage", said(source), ""),
    }
}

fn judge_storage(classes: &[StorageClass], wanted: Option<&str>) -> Check {
    const NAME: &str = "storage";
    let chosen = match wanted {
        Some(name) => classes.iter().find(|class| class.name_any() == name),
        None => classes
            .iter()
            .find(|class| class.annotations().get(DEFAULT_CLASS).map(String::as_str) == Some("true")),
    };
    let names: Vec<String> = classes.iter().map(ResourceExt::name_any).collect();
    match (chosen, wanted) {
        (Some(class), _) => Check::good(
            NAME,
            format!("StorageClass `{}` ({})", class.name_any(), class.provisioner),
        ),
        (None, _) if classes.is_empty() => Check::bad(
            NAME,
            "no StorageClass",
            "install a provisioner of volumes and make its class the default",
        ),
        (None, Some(name)) => Check::bad(
            NAME,
            format!("no StorageClass `{name}`"),
            format!("name one of: {}", names.join(", ")),
        ),
        (None, None) => Check::bad(
            NAME,
            "no StorageClass is the default",
            format!(
                "name one with --storage-class (and Platform.spec.storageClass): {}",
                names.join(", ")
            ),
        ),
    }
}

/// Two pods, never run (dry run): one that must be refused, one like ours that must be let in.
pub async fn pod_security(scratch: &Scratch) -> Vec<Check> {
    const NAME: &str = "Pod Security";
    let refused = match try_pod(scratch, false).await {
        Err(kube::Error::Api(status)) if status.message.contains("violates PodSecurity") => Check::good(
            NAME,
            "a pod with more rights is refused in a namespace that enforces `restricted`",
        ),
        Ok(()) => Check::bad(
            NAME,
            "a pod with more rights is let into a namespace that enforces `restricted`",
            "switch the admission plugin PodSecurity on",
        ),
        Err(source) => Check::unknown(NAME, said(source), ""),
    };
    let admitted = match try_pod(scratch, true).await {
        Ok(()) => Check::good("our pods", "a pod like the platform's is let in"),
        Err(kube::Error::Api(status)) => Check::bad(
            "our pods",
            format!("a pod like the platform's is refused: {}", status.message),
            "exempt the namespaces dmp-* from the policy that refused it",
        ),
        Err(source) => Check::unknown("our pods", said(source), ""),
    };
    vec![refused, admitted]
}

async fn try_pod(scratch: &Scratch, like_ours: bool) -> std::result::Result<(), kube::Error> {
    let security = if like_ours {
        restricted()
    } else {
        // Not `privileged`: an API server may refuse that by itself.
        json!({ "allowPrivilegeEscalation": true, "capabilities": { "add": ["NET_ADMIN"] } })
    };
    let body = json!({
        "metadata": { "name": "try" },
        "spec": {
            "automountServiceAccountToken": false,
            "securityContext": { "runAsNonRoot": true, "runAsUser": 65532, "seccompProfile": { "type": "RuntimeDefault" } },
            "containers": [{
                "name": "try", "image": "registry.dmp.internal/none", "securityContext": security,
                "resources": { "requests": { "cpu": "1m", "memory": "1Mi" }, "limits": { "memory": "16Mi" } },
            }],
        },
    });
    let pod: Pod = serde_json::from_value(body).map_err(kube::Error::SerdeError)?;
    let dry = PostParams {
        dry_run: true,
        ..PostParams::default()
    };
    scratch.pods().create(&dry, &pod).await.map(drop)
}

/// The security context of every container of the platform.
pub fn restricted() -> Value {
    json!({
        "allowPrivilegeEscalation": false,
        "readOnlyRootFilesystem": true,
        "capabilities": { "drop": ["ALL"] },
    })
}

/// What the API server said, in one line.
pub fn said(source: kube::Error) -> String {
    match source {
        kube::Error::Api(status) => status.message,
        other => other.to_string(),
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use crate::preflight::Verdict;

    #[test]
    fn versions_with_a_plus_count_and_old_ones_do_not() {
        for (major, minor, wanted) in [
            ("1", "36", Verdict::Good),
            ("1", "32+", Verdict::Good),
            ("2", "0", Verdict::Good),
            ("1", "31", Verdict::Bad),
            ("1", "", Verdict::Unknown),
        ] {
            assert_eq!(
                judge_version(major, minor, "v").verdict,
                wanted,
                "{major}.{minor}"
            );
        }
    }

    #[test]
    fn a_clock_is_judged_by_whole_seconds_from_both_sides() {
        let at = |seconds| Timestamp::from_second(seconds).unwrap();
        for (server, wanted) in [
            (1000, Verdict::Good),
            (1006, Verdict::Good),
            (995, Verdict::Good),
            (1008, Verdict::Bad),
            (994, Verdict::Bad),
        ] {
            let check = judge_clock(at(1000), at(1001), at(server));
            assert_eq!(check.verdict, wanted, "{server}: {}", check.found);
        }
        assert!(
            judge_clock(at(1000), at(1000), at(400))
                .found
                .contains("600 s behind")
        );
        assert!(
            judge_clock(at(1000), at(1000), at(1600))
                .found
                .contains("600 s ahead")
        );
    }

    #[test]
    fn a_class_must_be_there_or_be_the_default() {
        let class = |name: &str, default: &str| -> StorageClass {
            parsed(json!({
                "metadata": { "name": name, "annotations": { DEFAULT_CLASS: default } }, "provisioner": "p",
            }))
            .unwrap()
        };
        let both = [class("slow", "false"), class("fast", "true")];
        assert_eq!(judge_storage(&both, None).verdict, Verdict::Good);
        assert!(judge_storage(&both, None).found.contains("fast"));
        assert_eq!(judge_storage(&both, Some("slow")).verdict, Verdict::Good);
        assert!(judge_storage(&both, Some("none")).remedy.contains("slow, fast"));
        assert_eq!(judge_storage(&both[..1], None).verdict, Verdict::Bad);
        assert_eq!(judge_storage(&[], None).verdict, Verdict::Bad);
    }
}
