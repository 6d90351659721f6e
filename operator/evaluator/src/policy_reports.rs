//! The same reports once more, on request, as `wgpolicyk8s.io/v1alpha2` `PolicyReport` and `ClusterPolicyReport`: for tools that do
//! not read OpenReports. Nobody of the platform reads them. A cluster without these kinds gets none, which is said once.

use dmp_policies::openreports::{self, Report, SOURCE};
use kube::api::{ApiResource, DeleteParams, DynamicObject, GroupVersionKind, ListParams, Patch, PatchParams};
use kube::{Api, Client, ResourceExt as _};
use serde_json::{Value, json};

use crate::publish::{MANAGER, PublishError, labels};
use crate::report::Reports;

/// Whether they are asked for, and what was said of it.
#[derive(Clone, Copy, Debug, Default)]
pub struct PolicyReports {
    asked: bool,
    /// That their kinds are not there was said.
    said: bool,
}

impl PolicyReports {
    pub const fn new(asked: bool) -> Self {
        Self { asked, said: false }
    }

    /// Writes those that are not like the reports, and removes those of namespaces without one.
    ///
    /// # Errors
    /// When one cannot be read or written. Kinds that are not served are none.
    pub async fn bring(&mut self, client: &Client, reports: &Reports) -> Result<(), PublishError> {
        if !self.asked {
            return Ok(());
        }
        let cluster = Api::all_with(client.clone(), &resource("ClusterPolicyReport"));
        let everywhere = Api::all_with(client.clone(), &resource("PolicyReport"));
        let (Some(whole), Some(live)) = (list(&cluster).await?, list(&everywhere).await?) else {
            if !self.said {
                tracing::warn!(
                    "policy reports are asked for, and their kinds are not served: apply manifests/wgpolicyk8s"
                );
                self.said = true;
            }
            return Ok(());
        };
        self.said = false;
        let there = whole.iter().find(|one| one.name_any() == openreports::NAME);
        write(&cluster, "ClusterPolicyReport", &reports.cluster, there).await?;
        for (namespace, report) in &reports.namespaces {
            let api = Api::namespaced_with(client.clone(), namespace, &resource("PolicyReport"));
            let there = live
                .iter()
                .find(|one| one.namespace().as_ref() == Some(namespace));
            write(&api, "PolicyReport", report, there).await?;
        }
        for namespace in live.iter().filter_map(kube::ResourceExt::namespace) {
            if !reports.namespaces.contains_key(&namespace) {
                let api = Api::namespaced_with(client.clone(), &namespace, &resource("PolicyReport"));
                remove(&api).await?;
            }
        }
        Ok(())
    }
}

fn resource(kind: &str) -> ApiResource {
    let plural = format!("{}s", kind.to_ascii_lowercase());
    let kind = GroupVersionKind::gvk("wgpolicyk8s.io", "v1alpha2", kind);
    ApiResource::from_gvk_with_plural(&kind, &plural)
}

/// The same results; who they are from is said of each, as there is no place for it above them.
fn results(report: &Report) -> Value {
    let mut results = json!(report.results);
    for result in results.as_array_mut().into_iter().flatten() {
        result["source"] = json!(SOURCE);
    }
    results
}

/// Ours; `None` when the kind is not served.
async fn list(api: &Api<DynamicObject>) -> Result<Option<Vec<DynamicObject>>, PublishError> {
    let ours = ListParams::default().labels(&format!("app.kubernetes.io/managed-by={MANAGER}"));
    match api.list(&ours).await {
        Ok(found) => Ok(Some(found.items)),
        Err(kube::Error::Api(status)) if status.code == 404 => Ok(None),
        Err(source) => Err(failed("reading", "PolicyReports", source)),
    }
}

async fn write(
    api: &Api<DynamicObject>,
    kind: &str,
    report: &Report,
    there: Option<&DynamicObject>,
) -> Result<(), PublishError> {
    let (summary, results) = (json!(report.summary), results(report));
    if there.is_some_and(|there| there.data["summary"] == summary && there.data["results"] == results) {
        return Ok(());
    }
    let body = json!({
        "apiVersion": resource(kind).api_version,
        "kind": kind,
        "metadata": { "name": openreports::NAME, "labels": labels() },
        "summary": summary,
        "results": results,
    });
    let parameters = PatchParams::apply(MANAGER).force();
    let written = api
        .patch(openreports::NAME, &parameters, &Patch::Apply(&body))
        .await;
    written
        .map(|_| ())
        .map_err(|source| failed("writing", kind, source))
}

async fn remove(api: &Api<DynamicObject>) -> Result<(), PublishError> {
    match api.delete(openreports::NAME, &DeleteParams::default()).await {
        Ok(_) => Ok(()),
        Err(kube::Error::Api(status)) if status.code == 404 => Ok(()),
        Err(source) => Err(failed("removing", "PolicyReport", source)),
    }
}

fn failed(verb: &'static str, what: &str, source: kube::Error) -> PublishError {
    PublishError::Object {
        verb,
        what: what.to_owned(),
        source,
    }
}
