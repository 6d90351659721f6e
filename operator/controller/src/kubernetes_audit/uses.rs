//! On which day each account last came to the API server, for the evaluator ([`dmp_api::last_uses`]), which judges it by `DMP-IAM-05`.
//!
//! An account has come when a request of its own was answered, whatever the answer, but that nobody knows it (401). A ServiceAccount
//! also when a token of it was given out, to a kubelet for a pod as to anybody: what it reads leaves no event, and without a token it
//! cannot. Groups come with their members.
//!
//! Every replica hears a part, and adds it to what is there: once a minute at most, and of each account once a day.

use std::collections::BTreeMap;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use dmp_api::last_uses::{CONFIG_MAP, KEPT, KEY, Observation, group, person, service_account};
use dmp_api::names::EVIDENCE_NAMESPACE;
use dmp_homologation::system::day;
use jiff::Timestamp;
use jiff::civil::Date;
use k8s_openapi::api::core::v1::ConfigMap;
use kube::api::{Patch, PatchParams, PostParams};
use kube::{Api, Client};
use serde_json::{Value, json};

use super::event::Event;
use crate::plane;

/// Field manager of the ConfigMap.
const MANAGER: &str = "dmp-operator/last-uses";
const WRITE_EVERY: Duration = Duration::from_secs(60);
/// Groups of a user that are looked at.
const GROUPS: usize = 64;
/// What identities of Kubernetes itself begin with; a ServiceAccount's user name too.
const SYSTEM: &str = "system:";
const SERVICE_ACCOUNT: &str = "system:serviceaccount:";

#[derive(Debug, thiserror::Error)]
pub enum Error {
    #[error("the API server does not take or give it")]
    Kubernetes(#[from] kube::Error),
    #[error("what was seen cannot be written as a ConfigMap")]
    Json(#[from] serde_json::Error),
}

/// Who came, heard by this replica.
pub struct Uses {
    objects: Api<ConfigMap>,
    noted: Mutex<Noted>,
}

#[derive(Default)]
struct Noted {
    /// As it is in the ConfigMap.
    written: BTreeMap<String, Date>,
    /// Not there yet.
    waiting: BTreeMap<String, Date>,
}

impl Uses {
    pub fn new(client: Client) -> Self {
        Self {
            objects: Api::namespaced(client, EVIDENCE_NAMESPACE),
            noted: Mutex::default(),
        }
    }

    /// These events have come now.
    pub fn note(&self, events: &[Event], now: Timestamp) {
        let today = day(now);
        let mut noted = self.noted();
        for account in events.iter().flat_map(accounts) {
            let known = noted.written.get(&account) == Some(&today);
            if !known && noted.waiting.len() < KEPT {
                noted.waiting.insert(account, today);
            }
        }
    }

    /// Adds what was heard to what is there, for ever.
    pub async fn run(&self) {
        loop {
            tokio::time::sleep(WRITE_EVERY).await;
            if let Err(error) = self.write(Timestamp::now()).await {
                tracing::warn!(error = %dmp_core::problem::Chain(&error), "which accounts came cannot be noted yet");
            }
        }
    }

    /// Adds what was heard; nothing is written when nothing is new. What another replica wrote meanwhile is not overwritten: then it is
    /// tried again with the next.
    ///
    /// # Errors
    /// When the API server refuses or does not answer; nothing is lost.
    pub async fn write(&self, now: Timestamp) -> Result<(), Error> {
        let waiting = self.noted().waiting.clone();
        if waiting.is_empty() {
            return Ok(());
        }
        let live = self.objects.get_opt(CONFIG_MAP).await?;
        let version = live
            .as_ref()
            .and_then(|live| live.metadata.resource_version.clone());
        let found = live.and_then(|live| read(&live));
        let news = |seen: &Observation| {
            waiting
                .iter()
                .any(|(account, day)| seen.days.get(account) != Some(day))
        };
        if found.as_ref().is_none_or(news) {
            let mut seen = found.unwrap_or_else(|| Observation::beginning(now, day(now)));
            seen.add(&waiting, now, day(now));
            if !self.put(&seen, version).await? {
                return Ok(());
            }
            self.settle(&waiting, seen.days);
        } else if let Some(seen) = found {
            self.settle(&waiting, seen.days);
        }
        Ok(())
    }

    /// Whether it is there now; not when somebody else was faster.
    async fn put(&self, seen: &Observation, version: Option<String>) -> Result<bool, Error> {
        let data = json!({ KEY: serde_json::to_string(seen)? });
        let mut body = plane::config_map(EVIDENCE_NAMESPACE, CONFIG_MAP, None, data).body;
        let written = if let Some(version) = version {
            body["metadata"]["resourceVersion"] = Value::String(version);
            let parameters = PatchParams::apply(MANAGER).force();
            let patch = Patch::Apply(&body);
            self.objects.patch(CONFIG_MAP, &parameters, &patch).await
        } else {
            let parameters = PostParams {
                field_manager: Some(MANAGER.to_owned()),
                ..PostParams::default()
            };
            let object = serde_json::from_value(body)?;
            self.objects.create(&parameters, &object).await
        };
        match written {
            Ok(_) => Ok(true),
            Err(kube::Error::Api(status)) if status.code == 409 => Ok(false),
            Err(error) => Err(error.into()),
        }
    }

    fn settle(&self, written: &BTreeMap<String, Date>, days: BTreeMap<String, Date>) {
        let mut noted = self.noted();
        noted
            .waiting
            .retain(|account, day| written.get(account) != Some(day));
        noted.written = days;
    }

    fn noted(&self) -> MutexGuard<'_, Noted> {
        self.noted.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// What is there, if it is what a replica wrote. Else it begins anew: nothing that was known makes an account younger.
fn read(live: &ConfigMap) -> Option<Observation> {
    let text = live.data.as_ref()?.get(KEY)?;
    let read = serde_json::from_str(text);
    if read.is_err() {
        tracing::warn!(
            "ConfigMap {CONFIG_MAP} in {EVIDENCE_NAMESPACE} is not what the operator wrote: it begins anew"
        );
    }
    read.ok()
}

/// Whose request it was, and whose token was given out.
pub(super) fn accounts(event: &Event) -> Vec<String> {
    let known = event.is_answered() && event.code() != 401;
    if !known {
        return Vec::new();
    }
    let user = &event.user;
    let mut accounts = Vec::new();
    let is_somebody = !user.username.is_empty() && !user.username.starts_with(SYSTEM);
    if is_somebody || user.username.starts_with(SERVICE_ACCOUNT) {
        accounts.push(person(&user.username));
    }
    let groups = user.groups.iter().filter(|name| !name.starts_with(SYSTEM));
    accounts.extend(groups.take(GROUPS).map(|name| group(name)));
    let token = event.object_ref.as_ref().filter(|object| {
        let resource = (object.resource.as_str(), object.subresource.as_str());
        resource == ("serviceaccounts", "token")
            && event.verb == "create"
            && (200..300).contains(&event.code())
    });
    accounts.extend(token.map(|object| service_account(&object.namespace, &object.name)));
    accounts
}
