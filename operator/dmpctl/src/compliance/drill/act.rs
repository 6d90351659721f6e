//! One breach: what was there before, doing it, waiting for who answers, and putting back.

use std::time::{Duration, Instant};

use dmp_api::names::EVIDENCE_NAMESPACE;
use dmp_appliance::Step;
use dmp_policies::openreports::{Answer as ReportAnswer, Report};
use k8s_openapi::api::core::v1::ConfigMap;
use kube::api::{DeleteParams, DynamicObject, Patch, PatchParams, PostParams};
use kube::{Api, Client, ResourceExt as _};
use serde_json::Value;

use super::breaches::{Act, Breach, Seen};
use crate::compliance::standing;
use crate::error::{CliError, Result};
use crate::kubernetes::apply::{self, MANAGER};

const PAUSE: Duration = Duration::from_millis(100);

/// Who answered.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Answer {
    /// The API server, with these words.
    Refused(String),
    /// Whose object it is has put it back.
    PutBack,
    /// The evaluator has seen it, and that it was over.
    Reported,
    /// Nobody as expected; why.
    Missed(String),
}

impl Answer {
    pub const fn is_good(&self) -> bool {
        !matches!(self, Self::Missed(_))
    }
}

#[derive(Clone, Debug)]
pub struct Outcome {
    pub answer: Answer,
    /// From the breach until somebody knew.
    pub detected: Option<Duration>,
    /// From the breach until it was as before; of what the drill puts back, from there until the report said so.
    pub corrected: Option<Duration>,
}

impl Outcome {
    fn missed(why: impl Into<String>) -> Self {
        Self {
            answer: Answer::Missed(why.into()),
            detected: None,
            corrected: None,
        }
    }
}

/// The object that is changed or taken away, as it was.
pub type Before = Option<Value>;

/// # Errors
/// When it is not there, or what the API server says.
pub async fn before(client: &Client, act: &Act) -> Result<Before> {
    let object = match act {
        Act::TakeAway(object) | Act::Change { object, .. } | Act::Soften { object, .. } => object,
        Act::Make(_) | Act::Delete(_) | Act::Leave { .. } => return Ok(None),
    };
    let (api, name) = place(client, object)?;
    Ok(Some(read(&api, &name).await?))
}

/// Does it, and waits for the answer.
pub async fn act(
    client: &Client,
    breach: &Breach,
    before: &Before,
    within: Duration,
    step: &Step,
) -> Outcome {
    let done = match &breach.act {
        Act::Make(object) => make_in_vain(client, object).await,
        Act::Delete(object) => delete_in_vain(client, object).await,
        Act::TakeAway(object) => take_away(client, object, before, within).await,
        Act::Change { object, patch } => change(client, object, patch, before, within).await,
        Act::Leave { seen, .. } | Act::Soften { seen, .. } => {
            seen_and_gone(client, breach, seen, before, within, step).await
        }
    };
    done.unwrap_or_else(|error| Outcome::missed(error.for_people().replace('\n', " ")))
}

/// Everything as before; again: nothing.
///
/// # Errors
/// What could not be put back.
pub async fn mend(client: &Client, act: &Act, before: &Before) -> Result<()> {
    match (act, before) {
        (Act::Leave { made, .. }, _) => {
            for object in made {
                delete(client, object).await?;
            }
        }
        (Act::TakeAway(object), Some(before)) => {
            let (api, name) = place(client, object)?;
            let there = api.get_opt(&name).await;
            let there = there.map_err(|source| CliError::kubernetes(format!("reading `{name}`"), source))?;
            if there.is_none() {
                apply::apply(client, &parsed(own(before))?).await?;
            }
        }
        (Act::Change { object, patch } | Act::Soften { object, patch, .. }, Some(before)) => {
            let (api, name) = place(client, object)?;
            let wanted = picked(before, patch);
            if picked(&read(&api, &name).await?, patch) != wanted {
                merge(&api, &name, &wanted).await?;
            }
        }
        (Act::Make(_) | Act::Delete(_), _) | (_, None) => {}
    }
    Ok(())
}

async fn make_in_vain(client: &Client, object: &Value) -> Result<Outcome> {
    let (api, name) = place(client, object)?;
    let parameters = PostParams {
        dry_run: true,
        field_manager: Some(MANAGER.to_owned()),
    };
    let begun = Instant::now();
    let answer = api.create(&parameters, &parsed(object.clone())?).await;
    in_vain(&name, answer.map(|_| ()), begun.elapsed())
}

async fn delete_in_vain(client: &Client, object: &Value) -> Result<Outcome> {
    let (api, name) = place(client, object)?;
    let begun = Instant::now();
    let answer = api.delete(&name, &DeleteParams::default().dry_run()).await;
    in_vain(&name, answer.map(|_| ()), begun.elapsed())
}

/// A rule has refused it; that the person may not do it at all is no answer.
fn in_vain(name: &str, answer: kube::Result<()>, took: Duration) -> Result<Outcome> {
    match answer {
        Ok(()) => Ok(Outcome::missed("the API server would have done it")),
        Err(kube::Error::Api(status)) if by_a_rule(&status.message) => Ok(Outcome {
            answer: Answer::Refused(status.message.clone()),
            detected: Some(took),
            corrected: None,
        }),
        Err(source) => Err(CliError::kubernetes(format!("trying `{name}`"), source)),
    }
}

pub(super) fn by_a_rule(message: &str) -> bool {
    ["ValidatingAdmissionPolicy", "violates PodSecurity"]
        .iter()
        .any(|rule| message.contains(rule))
}

async fn take_away(client: &Client, object: &Value, before: &Before, within: Duration) -> Result<Outcome> {
    let (api, name) = place(client, object)?;
    let begun = Instant::now();
    let deleted = api.delete(&name, &DeleteParams::default()).await;
    deleted.map_err(|source| CliError::kubernetes(format!("deleting `{name}`"), source))?;
    let uid = |object: &Value| object.pointer("/metadata/uid").cloned();
    let old = before.as_ref().and_then(uid);
    let spec = before.as_ref().and_then(|before| before.get("spec"));
    back(begun, within, async || {
        let live = api.get_opt(&name).await.ok().flatten().map(|live| json(&live));
        live.is_some_and(|live| uid(&live) != old && live.get("spec") == spec)
    })
    .await
}

async fn change(
    client: &Client,
    object: &Value,
    patch: &Value,
    before: &Before,
    within: Duration,
) -> Result<Outcome> {
    let (api, name) = place(client, object)?;
    let wanted = before.as_ref().map(|before| picked(before, patch));
    let begun = Instant::now();
    let changed = match api
        .patch(&name, &PatchParams::default(), &Patch::Merge(patch))
        .await
    {
        Err(kube::Error::Api(status)) if by_a_rule(&status.message) => {
            return in_vain(&name, Err(kube::Error::Api(status)), begun.elapsed());
        }
        changed => changed.map_err(|source| CliError::kubernetes(format!("changing `{name}`"), source))?,
    };
    if Some(picked(&json(&changed), patch)) == wanted {
        return Ok(Outcome::missed("it was so before: nothing was broken"));
    }
    back(begun, within, async || {
        let live = api.get_opt(&name).await.ok().flatten();
        live.map(|live| picked(&json(&live), patch)) == wanted
    })
    .await
}

/// Waits until it is as before, without anything of the drill.
async fn back(begun: Instant, within: Duration, is_back: impl AsyncFn() -> bool) -> Result<Outcome> {
    while begun.elapsed() < within {
        if is_back().await {
            let took = Some(begun.elapsed());
            return Ok(Outcome {
                answer: Answer::PutBack,
                detected: took,
                corrected: took,
            });
        }
        tokio::time::sleep(PAUSE).await;
    }
    Ok(Outcome::missed(format!(
        "nobody put it back within {} s",
        within.as_secs()
    )))
}

async fn seen_and_gone(
    client: &Client,
    breach: &Breach,
    seen: &Seen,
    before: &Before,
    within: Duration,
    step: &Step,
) -> Result<Outcome> {
    let begun = Instant::now();
    match &breach.act {
        Act::Leave { made, .. } => {
            for object in made {
                apply::apply(client, &parsed(object.clone())?).await?;
            }
        }
        Act::Soften { object, patch, .. } => {
            let (api, name) = place(client, object)?;
            merge(&api, &name, patch).await?;
        }
        _ => {}
    }
    let look = || is_seen(client, breach.control, seen);
    if !until(within, look, true).await? {
        return Ok(Outcome::missed(format!(
            "the evaluator had not seen it after {} s",
            within.as_secs()
        )));
    }
    let detected = Some(begun.elapsed());
    step.at("seen; put back, waiting for the report to say so");
    let begun = Instant::now();
    mend(client, &breach.act, before).await?;
    let (answer, corrected) = match until(within, look, false).await? {
        true => (Answer::Reported, Some(begun.elapsed())),
        false => (Answer::Missed("it is over and still reported".to_owned()), None),
    };
    Ok(Outcome {
        answer,
        detected,
        corrected,
    })
}

/// Whether it came to be so in time.
async fn until<F: Future<Output = Result<bool>>>(
    within: Duration,
    look: impl Fn() -> F,
    wanted: bool,
) -> Result<bool> {
    let begun = Instant::now();
    while begun.elapsed() < within {
        if look().await? == wanted {
            return Ok(true);
        }
        tokio::time::sleep(PAUSE * 5).await;
    }
    Ok(false)
}

/// Whether the check fails, and over evidence that has this in it.
async fn is_seen(client: &Client, control: &str, seen: &Seen) -> Result<bool> {
    let report = standing::read(client).await?;
    let evidence: Api<ConfigMap> = Api::namespaced(client.clone(), EVIDENCE_NAMESPACE);
    let name = format!("{}.{}", control.to_ascii_lowercase(), seen.check);
    let kept = evidence
        .get_opt(&name)
        .await
        .map_err(|source| CliError::kubernetes(format!("reading evidence `{name}`"), source))?;
    let data = kept.and_then(|kept| kept.data).unwrap_or_default();
    let text = data.get("inputs.json").map_or("", String::as_str);
    let inputs: Value = serde_json::from_str(text).unwrap_or_default();
    Ok(fails(&report, control, seen.check) && has_item(&inputs, &seen.item))
}

fn fails(report: &Report, control: &str, check: &str) -> bool {
    report
        .results
        .iter()
        .any(|result| result.policy == control && result.rule == check && result.result == ReportAnswer::Fail)
}

/// Whether an item of a list of the inputs, of any scope, has all that `part` has.
pub(super) fn has_item(evidence: &Value, part: &Value) -> bool {
    let observed = evidence.get("observed").and_then(Value::as_array);
    let inputs = observed
        .into_iter()
        .flatten()
        .filter_map(|one| one.get("inputs")?.as_object());
    inputs
        .flat_map(|inputs| inputs.values())
        .filter_map(Value::as_array)
        .flatten()
        .any(|item| picked(item, part) == *part)
}

/// Of an object what a merge patch is about; null where there is nothing.
pub(super) fn picked(object: &Value, patch: &Value) -> Value {
    let Value::Object(fields) = patch else {
        return object.clone();
    };
    let pick = |(name, patch): (&String, &Value)| {
        let value = object.get(name).unwrap_or(&Value::Null);
        (name.clone(), picked(value, patch))
    };
    Value::Object(fields.iter().map(pick).collect())
}

/// What somebody would apply to have it again.
fn own(before: &Value) -> Value {
    let mut object = before.clone();
    if let Some(map) = object.as_object_mut() {
        map.remove("status");
    }
    if let Some(metadata) = object.get_mut("metadata").and_then(Value::as_object_mut) {
        metadata.retain(|name, _| ["name", "namespace", "labels", "annotations"].contains(&name.as_str()));
    }
    object
}

fn place(client: &Client, object: &Value) -> Result<(Api<DynamicObject>, String)> {
    let object = parsed(object.clone())?;
    Ok((apply::api(client, &object)?, object.name_any()))
}

async fn read(api: &Api<DynamicObject>, name: &str) -> Result<Value> {
    let live = api.get(name).await;
    live.map(|live| json(&live))
        .map_err(|source| CliError::kubernetes(format!("reading `{name}`"), source))
}

async fn merge(api: &Api<DynamicObject>, name: &str, patch: &Value) -> Result<()> {
    let merged = api
        .patch(name, &PatchParams::default(), &Patch::Merge(patch))
        .await;
    merged
        .map(|_| ())
        .map_err(|source| CliError::kubernetes(format!("changing `{name}`"), source))
}

async fn delete(client: &Client, object: &Value) -> Result<()> {
    let (api, name) = place(client, object)?;
    match api.delete(&name, &DeleteParams::default()).await {
        Ok(_) => Ok(()),
        Err(kube::Error::Api(status)) if status.code == 404 => Ok(()),
        Err(source) => Err(CliError::kubernetes(format!("deleting `{name}`"), source)),
    }
}

fn json(object: &DynamicObject) -> Value {
    serde_json::to_value(object).unwrap_or_default()
}

fn parsed(object: Value) -> Result<DynamicObject> {
    serde_json::from_value(object).map_err(|source| {
        CliError::new("manifest", "an object of the drill is broken", "report it").because(source)
    })
}
