//! The posture of each day, into the API: one line at the first pass of a day (UTC), never written again; nothing is asked or
//! written by the passes after it. Before a line is written, and when the process begins, the chain of all lines is looked at.
//!
//! Two processes of it do no harm: whoever comes second is refused by the object's version, and finds the line at its next pass.
//! Not here: what a line is and when a chain is broken (`dmp_policies::history`).

use std::collections::BTreeMap;

use dmp_api::names::{EVIDENCE_NAMESPACE, OSCAL_LABEL, POSTURE_LABEL};
use dmp_homologation::canonical;
use dmp_policies::history::{Anchor, Data, Day, History, Link, USUAL_YEARS, Walk, list_name, year};
use dmp_policies::openreports::Report;
use dmp_policies::{Verdict, day};
use jiff::Timestamp;
use jiff::civil::Date;
use k8s_openapi::api::core::v1::ConfigMap;
use kube::api::{DeleteParams, ListParams, Patch, PatchParams, PostParams};
use kube::{Api, Client, ResourceExt as _};
use serde_json::json;

use crate::metrics;
use crate::pass::Judged;
use crate::publish::{MANAGER, PublishError, labels};

/// What a line says of a pass.
#[derive(Clone, Debug)]
pub struct Posture {
    /// Ids of the catalogue's controls, in its order.
    controls: Vec<String>,
    verdicts: Vec<Verdict>,
}

impl Posture {
    pub fn of(judged: &[Judged<'_>]) -> Self {
        Self {
            controls: judged.iter().map(|one| one.control.id.clone()).collect(),
            verdicts: judged.iter().map(|one| one.judgement.verdict).collect(),
        }
    }
}

/// What this process knows of the history.
#[derive(Clone, Debug)]
pub struct Keeper {
    years: u16,
    /// The day (UTC) for which everything is done.
    done: Option<Date>,
    /// The newest line that it saw in a chain that holds, or wrote.
    known: Option<Anchor>,
}

impl Default for Keeper {
    fn default() -> Self {
        Self::new(USUAL_YEARS)
    }
}

impl Keeper {
    /// `years`: how many are kept.
    pub const fn new(years: u16) -> Self {
        Self {
            years,
            done: None,
            known: None,
        }
    }

    /// The line of the day of `now`, if there is none yet. `report`: as it was just written.
    ///
    /// # Errors
    /// When the history cannot be read or written: the next pass tries again.
    pub async fn keep(
        &mut self,
        client: &Client,
        posture: &Posture,
        report: &Report,
        now: Timestamp,
    ) -> Result<(), PublishError> {
        let today = day(now);
        if self.done == Some(today) {
            return Ok(());
        }
        let api = Api::<ConfigMap>::namespaced(client.clone(), EVIDENCE_NAMESPACE);
        let live = api
            .list(&ListParams::default().labels(&format!("!{OSCAL_LABEL}")))
            .await
            .map_err(failed("reading", "evidence"))?;
        let years = live.items.iter().filter(|one| year(&one.name_any()).is_some());
        let mut objects: BTreeMap<_, _> = years.map(|one| (one.name_any(), data(one))).collect();
        let mut history = History::read(objects.clone());
        let walk = history.walk(self.known.as_ref());
        tell(&walk);
        let controls: Vec<&str> = posture.controls.iter().map(String::as_str).collect();
        let of_today = Day {
            date: today,
            verdicts: posture.verdicts.clone(),
            report: canonical::sha256(report),
            controls: list_name(controls.iter().copied()),
        };
        if let Some(line) = history.next(of_today, self.known.as_ref()) {
            let (name, data) = history.with(&line, &controls);
            let there = live.items.iter().find(|one| one.name_any() == name);
            if !write(&api, &name, &data, there).await? {
                return Ok(());
            }
            match line.link {
                Link::Broken => {
                    tracing::error!(day = %today, "the posture of the day is kept; the chain begins again");
                }
                Link::First | Link::Chained => {
                    tracing::info!(day = %today, "the posture of the day is kept");
                }
            }
            self.known = Some(Anchor::of(&line));
            objects.insert(name, data);
            history = History::read(objects);
        } else {
            let sound = walk.sound.as_ref();
            if let Some(ahead) = sound.filter(|sound| sound.date > today) {
                tracing::warn!(day = %today, last = %ahead.date, "no posture is kept for a day before the last one: a clock was moved");
            }
            if !walk.is_broken() {
                self.known = walk.sound.clone();
            }
        }
        if !walk.is_broken() {
            for name in history.surplus(self.years) {
                remove(&api, &name).await?;
            }
        }
        self.done = Some(today);
        Ok(())
    }
}

/// What is not as it was written is never passed over in silence.
fn tell(walk: &Walk) {
    metrics::history(walk.is_broken());
    if let Some(news) = walk.news() {
        tracing::error!(
            at = news.at,
            why = news.why,
            "the history of the posture was changed by somebody else"
        );
    }
}

fn data(object: &ConfigMap) -> Data {
    object.data.clone().unwrap_or_default()
}

fn failed(verb: &'static str, what: &str) -> impl FnOnce(kube::Error) -> PublishError {
    let what = what.to_owned();
    move |source| PublishError::Object { verb, what, source }
}

/// Whether it was written; `false` when somebody else was faster.
async fn write(
    api: &Api<ConfigMap>,
    name: &str,
    data: &Data,
    there: Option<&ConfigMap>,
) -> Result<bool, PublishError> {
    let mut labels = labels();
    labels[POSTURE_LABEL] = json!(name);
    let mut body = json!({ "metadata": { "name": name, "labels": labels }, "data": data });
    let written = match there {
        Some(there) => {
            // Refused unless nobody wrote it since it was read.
            body["metadata"]["resourceVersion"] = json!(there.resource_version());
            let parameters = PatchParams {
                field_manager: Some(MANAGER.to_owned()),
                ..PatchParams::default()
            };
            api.patch(name, &parameters, &Patch::Merge(&body)).await
        }
        None => {
            let parameters = PostParams {
                field_manager: Some(MANAGER.to_owned()),
                ..PostParams::default()
            };
            let object = serde_json::from_value(body).map_err(kube::Error::SerdeError);
            match object {
                Ok(object) => api.create(&parameters, &object).await,
                Err(error) => Err(error),
            }
        }
    };
    match written {
        Ok(_) => Ok(true),
        Err(kube::Error::Api(status)) if status.code == 409 => Ok(false),
        Err(error) => Err(failed("writing", name)(error)),
    }
}

async fn remove(api: &Api<ConfigMap>, name: &str) -> Result<(), PublishError> {
    tracing::info!(
        name,
        "a year of the posture is older than the years that are kept"
    );
    match api.delete(name, &DeleteParams::default()).await {
        Ok(_) => Ok(()),
        Err(kube::Error::Api(status)) if status.code == 404 => Ok(()),
        Err(error) => Err(failed("removing", name)(error)),
    }
}
