//! Reports and evidence into the API: written where they differ from what is there, and nowhere else.
//!
//! They are this process's own. Whoever edits or deletes one finds it again after the next pass, counted and logged.

use std::collections::BTreeMap;

use dmp_api::names::{EVIDENCE_NAMESPACE, OSCAL_LABEL, POSTURE_LABEL};
use dmp_policies::Catalogue;
use dmp_policies::openreports::{self, Report};
use jiff::Timestamp;
use k8s_openapi::api::core::v1::ConfigMap;
use kube::api::{DeleteParams, DynamicObject, ListParams, Patch, PatchParams};
use kube::{Api, Client, ResourceExt as _};
use serde_json::{Value, json};

use crate::bundles::Bundles;
use crate::config::EvaluatorConfig;
use crate::evidence::Evidence;
use crate::history::{Keeper, Posture};
use crate::metrics;
use crate::policy_reports::PolicyReports;
use crate::report::Reports;
use crate::world::{Identity, Unread, resource};

/// Field manager, and who it is in labels.
pub(crate) const MANAGER: &str = "dmp-evaluator";

#[derive(Debug, thiserror::Error)]
pub enum PublishError {
    #[error("{verb} {what} failed")]
    Object {
        verb: &'static str,
        /// Kind and place.
        what: String,
        #[source]
        source: kube::Error,
    },
    #[error("the OSCAL documents of the day cannot be made")]
    Documents(#[source] serde_json::Error),
    #[error(transparent)]
    Unread(#[from] Unread),
}

/// What this process wrote last; a report that is not like it was changed by somebody else.
#[derive(Clone, Debug, Default)]
pub struct Publisher {
    written: Option<Reports>,
    /// Of the same process: what it knows of the days before.
    pub history: Keeper,
    pub bundles: Bundles,
    pub policy_reports: PolicyReports,
}

impl Publisher {
    /// As the process is configured.
    pub fn new(config: &EvaluatorConfig) -> Self {
        Self {
            written: None,
            history: Keeper::new(config.posture_years),
            bundles: Bundles::new(config.oscal_days, config.oscal_months),
            policy_reports: PolicyReports::new(config.policy_reports),
        }
    }

    /// What was reported before: as it was written by this process, else as it is in the API.
    ///
    /// # Errors
    /// When the reports cannot be read.
    pub async fn before(&self, client: &Client, cluster: Option<&Report>) -> Result<Reports, PublishError> {
        match &self.written {
            Some(written) => Ok(written.clone()),
            None => Ok(Reports {
                cluster: cluster.cloned().unwrap_or_default(),
                namespaces: live(client).await?,
            }),
        }
    }

    /// Brings everything to the API; what can be written is, whatever happens to the rest.
    ///
    /// # Errors
    /// The first that could not be written.
    pub async fn publish(
        &mut self,
        client: &Client,
        wanted: Reports,
        cluster: Option<&Report>,
        evidence: &[Evidence],
    ) -> Result<(), PublishError> {
        let mut outcome = Ok(());
        let mut keep = |result: Result<(), PublishError>| {
            if let Err(error) = result {
                tracing::warn!(error = %dmp_core::problem::Chain(&error), "not written");
                if outcome.is_ok() {
                    outcome = Err(error);
                }
            }
        };
        // Evidence first: a report never names what is not there.
        keep(keep_evidence(client, evidence).await);
        if cluster != Some(&wanted.cluster) {
            self.count(|written| Some(&written.cluster), cluster);
            keep(write(client, None, &wanted.cluster).await);
        }
        match live(client).await {
            Ok(live) => {
                for (namespace, report) in &wanted.namespaces {
                    let there = live.get(namespace);
                    if there != Some(report) {
                        self.count(|written| written.namespaces.get(namespace), there);
                        keep(write(client, Some(namespace), report).await);
                    }
                }
                for namespace in live.keys().filter(|name| !wanted.namespaces.contains_key(*name)) {
                    keep(remove(client, namespace).await);
                }
            }
            Err(error) => keep(Err(error)),
        }
        // After a failure nobody knows which of them are there: they are read again.
        self.written = outcome.is_ok().then_some(wanted);
        outcome
    }

    /// The line of the day, its OSCAL documents and the other format, of the reports that were just published.
    ///
    /// # Errors
    /// When one of them cannot be read or written.
    pub async fn keep(
        &mut self,
        client: &Client,
        catalogue: &Catalogue,
        posture: &Posture,
        platform: Option<&Identity>,
        now: Timestamp,
    ) -> Result<(), PublishError> {
        let Some(reports) = &self.written else {
            return Ok(());
        };
        self.history.keep(client, posture, &reports.cluster, now).await?;
        if let Some(platform) = platform {
            self.bundles
                .keep(client, catalogue, &reports.cluster, platform, now)
                .await?;
        }
        self.policy_reports.bring(client, reports).await
    }

    /// Whether what is there is not what this process left.
    fn count<'w>(&'w self, of: impl Fn(&'w Reports) -> Option<&'w Report>, there: Option<&Report>) {
        if let Some(left) = self.written.as_ref().and_then(of)
            && there != Some(left)
        {
            tracing::warn!(deleted = there.is_none(), "a report was changed by somebody else");
            metrics::restored();
        }
    }
}

fn api(client: &Client, namespace: Option<&str>) -> Api<DynamicObject> {
    match namespace {
        Some(namespace) => Api::namespaced_with(client.clone(), namespace, &resource("Report")),
        None => Api::all_with(client.clone(), &resource("ClusterReport")),
    }
}

/// Our Reports of all namespaces.
async fn live(client: &Client) -> Result<BTreeMap<String, Report>, PublishError> {
    let api = Api::<DynamicObject>::all_with(client.clone(), &resource("Report"));
    let ours = ListParams::default().labels(&format!("app.kubernetes.io/managed-by={MANAGER}"));
    let found = api.list(&ours).await.map_err(|source| PublishError::Object {
        verb: "reading",
        what: "Reports".to_owned(),
        source,
    })?;
    let read = |object: DynamicObject| {
        let namespace = object.namespace()?;
        Some((namespace, serde_json::from_value(object.data).unwrap_or_default()))
    };
    Ok(found.items.into_iter().filter_map(read).collect())
}

async fn write(client: &Client, namespace: Option<&str>, report: &Report) -> Result<(), PublishError> {
    let kind = if namespace.is_some() {
        "Report"
    } else {
        "ClusterReport"
    };
    let failed = |source| PublishError::Object {
        verb: "writing",
        what: format!("{kind} {}", namespace.unwrap_or_default()),
        source,
    };
    let body = json!({
        "apiVersion": resource(kind).api_version,
        "kind": kind,
        "metadata": { "name": openreports::NAME, "labels": labels() },
        "source": report.source,
        "summary": report.summary,
        "results": report.results,
    });
    let parameters = PatchParams::apply(MANAGER).force();
    let written = api(client, namespace)
        .patch(openreports::NAME, &parameters, &Patch::Apply(&body))
        .await;
    written.map(|_| ()).map_err(failed)
}

async fn remove(client: &Client, namespace: &str) -> Result<(), PublishError> {
    match api(client, Some(namespace))
        .delete(openreports::NAME, &DeleteParams::default())
        .await
    {
        Ok(_) => Ok(()),
        Err(kube::Error::Api(status)) if status.code == 404 => Ok(()),
        Err(source) => Err(PublishError::Object {
            verb: "removing",
            what: format!("Report {namespace}"),
            source,
        }),
    }
}

async fn keep_evidence(client: &Client, evidence: &[Evidence]) -> Result<(), PublishError> {
    let api = Api::<ConfigMap>::namespaced(client.clone(), EVIDENCE_NAMESPACE);
    let failed = |verb, what: &str| {
        let what = format!("evidence {what}");
        move |source| PublishError::Object { verb, what, source }
    };
    // History and bundles are of the same namespace, and read once a day.
    let all = ListParams::default().labels(&format!("!{POSTURE_LABEL},!{OSCAL_LABEL}"));
    let live = api.list(&all).await.map_err(failed("reading", ""))?;
    for one in evidence {
        let data = one.data();
        let there = live.items.iter().find(|live| live.name_any() == one.name);
        if there.is_some_and(|there| json!(there.data) == data) {
            continue;
        }
        let body: Value = json!({
            "apiVersion": "v1",
            "kind": "ConfigMap",
            "metadata": { "name": one.name, "labels": labels() },
            "data": data,
        });
        let parameters = PatchParams::apply(MANAGER).force();
        let written = api.patch(&one.name, &parameters, &Patch::Apply(&body)).await;
        written.map_err(failed("writing", &one.name))?;
    }
    Ok(())
}

pub(crate) fn labels() -> Value {
    json!({
        "app.kubernetes.io/name": MANAGER,
        "app.kubernetes.io/part-of": "dmp",
        "app.kubernetes.io/managed-by": MANAGER,
    })
}

/// Evidence as old as the report says it is.
pub fn dated(mut evidence: Vec<Evidence>, reports: &Reports) -> Vec<Evidence> {
    for one in &mut evidence {
        let mut results = reports.cluster.results.iter();
        let named = results.find(|result| result.properties.get("evidence") == Some(&one.name));
        if let Some(result) = named {
            one.collected_at = Timestamp::from(result.timestamp);
        }
    }
    evidence
}
