//! The API server, as the portal sees it: it reads and creates the objects of the homologation, and nothing else (ClusterRole `dmp-portal`).
//!
//! Creating twice is creating once: the same specification under the same name is no error. What the API server refuses reaches the person
//! in its own words; they are the schema's, and speak of no patient.

use std::fmt::Debug;

use dmp_core::problem::Problem;
use dmp_homologation::canonical;
use dmp_homologation::guichet::LARGEST_PART;
use http::StatusCode;
use kube::api::{ListParams, Patch, PatchParams, PostParams};
use kube::core::{ClusterResourceScope, NamespaceResourceScope};
use kube::{Api, Client, Resource, ResourceExt};
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};

use crate::acts::{Deed, On};

/// Annotation: who asked for the object at the guichet, as a hash of issuer and subject.
pub(crate) const ASKED_BY: &str = "dmp.ma/asked-by";

/// A kind whose objects the portal handles.
pub(crate) trait Object:
    Resource<DynamicType = ()> + Clone + Debug + Serialize + DeserializeOwned + Send + Sync + 'static
{
}

impl<K> Object for K where
    K: Resource<DynamicType = ()> + Clone + Debug + Serialize + DeserializeOwned + Send + Sync + 'static
{
}

/// The API server; none where the service runs outside of a cluster.
#[derive(Clone)]
pub(crate) struct Cluster(Option<Client>);

#[derive(Debug, thiserror::Error)]
#[error("this portal is not connected to a cluster")]
struct NotConnected;

impl Cluster {
    pub(crate) const fn new(client: Option<Client>) -> Self {
        Self(client)
    }

    /// # Errors
    /// 503 `cluster-unavailable`.
    pub(crate) fn client(&self) -> Result<Client, Problem> {
        self.0
            .clone()
            .ok_or_else(|| Problem::unavailable(UNAVAILABLE, &NotConnected))
    }

    pub(crate) fn all<K: Object + Resource<Scope = ClusterResourceScope>>(&self) -> Result<Api<K>, Problem> {
        Ok(Api::all(self.client()?))
    }

    pub(crate) fn of<K: Object + Resource<Scope = NamespaceResourceScope>>(
        &self,
        namespace: &str,
    ) -> Result<Api<K>, Problem> {
        Ok(Api::namespaced(self.client()?, namespace))
    }
}

const UNAVAILABLE: &str = "cluster-unavailable";

/// # Errors
/// 503.
pub(crate) async fn list<K: Object>(api: &Api<K>) -> Result<Vec<K>, Problem> {
    let listed = api.list(&ListParams::default()).await;
    Ok(listed.map_err(|error| problem(&error))?.items)
}

/// A part of a list, and from where the next one goes on.
///
/// # Errors
/// 400 `part-not-valid` for a `from` that is none, 410 `part-expired` for one of some minutes ago, 503.
pub(crate) async fn part<K: Object>(
    api: &Api<K>,
    limit: u32,
    from: Option<&str>,
) -> Result<(Vec<K>, Option<String>), Problem> {
    let mut parameters = ListParams::default().limit(limit);
    parameters.continue_token = from.map(ToOwned::to_owned);
    let listed = api.list(&parameters).await.map_err(|error| match &error {
        kube::Error::Api(status) if status.code == 410 => Problem::new(
            StatusCode::GONE,
            "part-expired",
            "the list has changed too much since the part before: begin again, without `continue`",
        ),
        kube::Error::Api(status) if status.code == 400 && from.is_some() => part_not_valid(),
        _ => problem(&error),
    })?;
    let next = listed.metadata.continue_.filter(|next| !next.is_empty());
    Ok((listed.items, next))
}

pub(crate) fn part_not_valid() -> Problem {
    Problem::bad_request(
        "part-not-valid",
        format!(
            "`limit` is from 1 to {LARGEST_PART}, `continue` what the part before said, and there is nothing else to ask"
        ),
    )
}

/// # Errors
/// 404 `no-such-object`, 503.
pub(crate) async fn get<K: Object>(api: &Api<K>, name: &str) -> Result<K, Problem> {
    let found = api.get_opt(name).await.map_err(|error| problem(&error))?;
    found.ok_or_else(|| {
        let kind = K::kind(&());
        Problem::not_found("no-such-object", format!("there is no {kind} `{name}`"))
    })
}

/// Creates an object, or finds the same one there. Recorded.
///
/// # Errors
/// 503 `act-not-recorded`, 409 `name-taken` when another one has the name, 422 `not-valid`, 403 `not-allowed`, 503.
pub(crate) async fn create<K: Object>(api: &Api<K>, mut object: K, deed: &Deed<'_>) -> Result<K, Problem> {
    object
        .annotations_mut()
        .insert(ASKED_BY.to_owned(), deed.mark().to_owned());
    let on = on(api, &object.name_any()).with("spec", canonical::sha256(&specification(&object)));
    deed.carry_out(on, made(api, &object)).await
}

async fn made<K: Object>(api: &Api<K>, object: &K) -> Result<K, Problem> {
    let name = object.name_any();
    match api.create(&PostParams::default(), object).await {
        Ok(created) => Ok(created),
        Err(kube::Error::Api(status)) if status.code == 409 => {
            let there = get(api, &name).await?;
            if specification(&there) == specification(object) {
                return Ok(there);
            }
            let kind = K::kind(&());
            Err(Problem::conflict(
                "name-taken",
                format!("there is another {kind} `{name}`: choose another name"),
            ))
        }
        // The namespace of a vendor that the operator has not placed, or that was retired.
        Err(kube::Error::Api(status)) if status.code == 404 => Err(Problem::conflict(
            "vendor-not-ready",
            "the vendor has no namespace (yet): ask again in a second",
        )),
        Err(error) => Err(problem(&error)),
    }
}

/// Changes some of an object's specification, if nobody has changed it since it was read. Recorded.
///
/// # Errors
/// 503 `act-not-recorded`, 409 `changed-meanwhile`, 422 `not-valid`, 403 `not-allowed`, 503.
pub(crate) async fn change<K: Object>(
    api: &Api<K>,
    read: &K,
    spec: Value,
    deed: &Deed<'_>,
) -> Result<K, Problem> {
    let name = read.name_any();
    let on = on(api, &name).with("change", canonical::sha256(&spec));
    let metadata =
        json!({ "annotations": { ASKED_BY: deed.mark() }, "resourceVersion": read.resource_version() });
    let patch = json!({ "metadata": metadata, "spec": spec });
    let changed = async {
        let parameters = PatchParams::default();
        let changed = api.patch(&name, &parameters, &Patch::Merge(patch)).await;
        changed.map_err(|error| problem(&error))
    };
    deed.carry_out(on, changed).await
}

/// The object of that name in the namespace that `api` speaks of.
fn on<K: Object>(api: &Api<K>, name: &str) -> On {
    let object = match api.namespace() {
        Some(namespace) => format!("{namespace}/{name}"),
        None => name.to_owned(),
    };
    On::new(K::kind(&()), object)
}

/// `spec`, as the API server would have it: what is null is absent.
fn specification(object: &impl Serialize) -> Value {
    let mut whole = serde_json::to_value(object).unwrap_or_default();
    let mut spec = whole.get_mut("spec").map(Value::take).unwrap_or_default();
    prune(&mut spec);
    spec
}

fn prune(value: &mut Value) {
    match value {
        Value::Object(fields) => {
            fields.retain(|_, field| !field.is_null());
            fields.values_mut().for_each(prune);
        }
        Value::Array(items) => items.iter_mut().for_each(prune),
        _ => {}
    }
}

/// What an answer of the API server means to a person.
pub(crate) fn problem(error: &kube::Error) -> Problem {
    if let kube::Error::Api(status) = error {
        let detail = status.message.clone();
        match status.code {
            400 | 422 => {
                return Problem::new(
                    StatusCode::UNPROCESSABLE_ENTITY,
                    "not-valid",
                    "the platform's rules refuse it",
                )
                .with_detail(detail);
            }
            // Either admission refuses it, or this service lacks the right.
            403 if !detail.contains("cannot") => {
                return Problem::new(
                    StatusCode::FORBIDDEN,
                    "not-allowed",
                    "the platform's policies refuse it",
                )
                .with_detail(detail);
            }
            409 => {
                return Problem::conflict(
                    "changed-meanwhile",
                    "somebody changed it meanwhile: read it again",
                );
            }
            _ => {}
        }
    }
    Problem::unavailable(UNAVAILABLE, error)
}
