//! OpenBao in the cluster: its configuration, its seal key, its first start.

use std::collections::BTreeMap;
use std::time::Duration;

use aws_lc_rs::rand::SecureRandom as _;
use dmp_api::Asset;
use dmp_api::names::SYSTEM_NAMESPACE;
use dmp_appliance::{Progress, Step};
use k8s_openapi::ByteString;
use k8s_openapi::api::apps::v1::StatefulSet;
use k8s_openapi::api::authentication::v1::{TokenRequest, TokenRequestSpec};
use k8s_openapi::api::core::v1::{ConfigMap, Namespace, PersistentVolumeClaim, Pod, Secret, ServiceAccount};
use kube::api::{DeleteParams, LogParams, Patch, PatchParams, PostParams};
use kube::{Api, Client, ResourceExt as _};
use serde_json::json;

use super::bootstrap::client::OpenBao;
use crate::embedded;
use crate::error::{CliError, Result};
use crate::kubernetes::apply;
use crate::kubernetes::endpoint::{Dial, Endpoint};
use crate::kubernetes::wait::{self, Look};

const SEAL_SECRET: &str = "openbao-seal";
const POD: &str = "openbao-0";
/// The name its certificate carries and clients check.
pub const SERVER_NAME: &str = "openbao.dmp-system.svc";
const PORT: u16 = 8200;
const SEAL_BYTES: usize = 32;
/// What `bao` says for ever after a first start that was cut off, depending on how far it had come.
const CUT_OFF: [&str; 2] = [
    "self-initialization failed: refusing to unseal",
    "barrier reports initialized but no seal configuration found",
];
/// The volume with OpenBao's data, and the mark that it has been in use: such a volume is never removed.
const VOLUME: &str = "data-openbao-0";
const IN_USE: &str = "dmp.ma/in-use";
/// The volumes of the StatefulSet: its data and its audit log.
const VOLUMES: [&str; 2] = [VOLUME, "audit-openbao-0"];

/// Configuration files and policy texts as one ConfigMap, flat as they are mounted.
pub fn configuration() -> Result<kube::api::DynamicObject> {
    let mut data = BTreeMap::new();
    for (folder, ending) in [
        ("manifests/openbao/config", ".hcl"),
        ("manifests/openbao/policies", ".policy"),
    ] {
        for (path, content) in embedded::below(folder, ending) {
            let name = path.rsplit('/').next().unwrap_or(path);
            data.insert(name, String::from_utf8_lossy(content));
        }
    }
    serde_json::from_value(json!({
        "apiVersion": "v1",
        "kind": "ConfigMap",
        "metadata": {
            "name": "openbao-config",
            "namespace": SYSTEM_NAMESPACE,
            "labels": {
                "app.kubernetes.io/name": "openbao",
                "app.kubernetes.io/part-of": "dmp",
                "app.kubernetes.io/managed-by": "dmpctl",
            },
        },
        "data": data,
    }))
    .map_err(|source| {
        CliError::new(
            "manifest",
            "the configuration of OpenBao is broken",
            "build dmpctl again",
        )
        .because(source)
    })
}

/// 32 random bytes, once: a Secret that exists is never touched, or what OpenBao holds would be lost.
///
/// # Errors
/// As [`CliError::kubernetes`].
pub async fn ensure_seal(client: &Client) -> Result<()> {
    let secrets: Api<Secret> = Api::namespaced(client.clone(), SYSTEM_NAMESPACE);
    let failed = |source| CliError::kubernetes("making OpenBao's seal key", source);
    if secrets
        .get_metadata_opt(SEAL_SECRET)
        .await
        .map_err(failed)?
        .is_some()
    {
        return Ok(());
    }
    let volumes: Api<PersistentVolumeClaim> = Api::namespaced(client.clone(), SYSTEM_NAMESPACE);
    if volumes.get_metadata_opt(VOLUME).await.map_err(failed)?.is_some() {
        return Err(CliError::new(
            "seal-key-missing",
            "OpenBao has data (volume data-openbao-0), but its seal key (Secret openbao-seal) is gone",
            "restore the Secret from the backup of the seal key; without it the data cannot be opened by anybody",
        ));
    }
    let mut key = [0u8; SEAL_BYTES];
    aws_lc_rs::rand::SystemRandom::new().fill(&mut key).map_err(|_| {
        CliError::new(
            "randomness",
            "the system gives no random numbers",
            "check /dev/urandom",
        )
    })?;
    let mut secret = Secret::default();
    secret.metadata.name = Some(SEAL_SECRET.to_owned());
    secret.metadata.labels = Some(BTreeMap::from([(
        "app.kubernetes.io/part-of".to_owned(),
        "dmp".to_owned(),
    )]));
    secret.immutable = Some(true);
    secret.data = Some(BTreeMap::from([("key".to_owned(), ByteString(key.to_vec()))]));
    match secrets.create(&PostParams::default(), &secret).await {
        Ok(_) => Ok(()),
        // Another installer was faster: its key is as good.
        Err(kube::Error::Api(status)) if status.code == 409 => Ok(()),
        Err(source) => Err(failed(source)),
    }
}

/// Waits until OpenBao answers; a first start that was cut off is made again.
///
/// # Errors
/// As [`wait::until`].
pub async fn wait_ready(client: &Client, progress: &Progress, limit: Duration) -> Result<()> {
    let sets: Api<StatefulSet> = Api::namespaced(client.clone(), SYSTEM_NAMESPACE);
    let step = progress.step("waiting for OpenBao (first start: keys, policies, log-ins)");
    let mut again = true;
    let mut looks = 0u32;
    let start = std::time::Instant::now();
    loop {
        let set = sets
            .get_opt("openbao")
            .await
            .map_err(|source| CliError::kubernetes("reading StatefulSet `openbao`", source))?;
        let reason = match set.as_ref().map(wait::stateful_set_look) {
            Some(Look::Done) => break,
            Some(Look::Waiting(reason)) => reason,
            None => "it does not exist yet".to_owned(),
        };
        looks += 1;
        if looks.is_multiple_of(10) && again && was_cut_off(client).await {
            begin_again(client, &step).await?;
            again = false;
        }
        if start.elapsed() > limit {
            return Err(CliError::new(
                "openbao-not-ready",
                format!("OpenBao did not get ready in {} s: {reason}", limit.as_secs()),
                "look at `kubectl -n dmp-system describe pod openbao-0` and `kubectl -n dmp-system logs openbao-0 --all-containers`",
            ));
        }
        step.at(reason);
        tokio::time::sleep(Duration::from_millis(500)).await;
    }
    let mark = json!({ "metadata": { "annotations": { IN_USE: "true" } } });
    let volumes: Api<PersistentVolumeClaim> = Api::namespaced(client.clone(), SYSTEM_NAMESPACE);
    volumes
        .patch_metadata(VOLUME, &PatchParams::default(), &Patch::Merge(&mark))
        .await
        .map_err(|source| CliError::kubernetes("marking OpenBao's volume", source))?;
    step.done();
    Ok(())
}

/// Says of OpenBao's volumes whose they are, of which class and what for, as their namespace says it. Their templates in the
/// StatefulSet cannot: they never change, and an installation from before has them without.
///
/// # Errors
/// As [`CliError::kubernetes`].
pub async fn label_volumes(client: &Client) -> Result<()> {
    let failed = |source| CliError::kubernetes("labelling OpenBao's volumes", source);
    let namespaces: Api<Namespace> = Api::all(client.clone());
    let namespace = namespaces.get(SYSTEM_NAMESPACE).await.map_err(failed)?;
    let Some(asset) = Asset::read(namespace.labels()) else {
        return Ok(());
    };
    let labels: BTreeMap<_, _> = asset.labels().into();
    let change = json!({ "metadata": { "labels": labels } });
    let volumes: Api<PersistentVolumeClaim> = Api::namespaced(client.clone(), SYSTEM_NAMESPACE);
    for volume in VOLUMES {
        match volumes
            .patch_metadata(volume, &PatchParams::default(), &Patch::Merge(&change))
            .await
        {
            Ok(_) => {}
            // An OpenBao that was restored may have its data alone.
            Err(kube::Error::Api(status)) if status.code == 404 => {}
            Err(source) => return Err(failed(source)),
        }
    }
    Ok(())
}

/// Only of a volume that was never in use: on another the same words mean damage, which people must look at.
async fn was_cut_off(client: &Client) -> bool {
    let volumes: Api<PersistentVolumeClaim> = Api::namespaced(client.clone(), SYSTEM_NAMESPACE);
    match volumes.get_metadata(VOLUME).await {
        Ok(volume) if !volume.annotations().contains_key(IN_USE) => {}
        _ => return false,
    }
    let pods: Api<Pod> = Api::namespaced(client.clone(), SYSTEM_NAMESPACE);
    for previous in [false, true] {
        let parameters = LogParams {
            container: Some("openbao".to_owned()),
            previous,
            tail_lines: Some(50),
            ..LogParams::default()
        };
        if pods
            .logs(POD, &parameters)
            .await
            .is_ok_and(|log| CUT_OFF.iter().any(|words| log.contains(words)))
        {
            return true;
        }
    }
    false
}

/// Its volume goes: OpenBao refuses to open it, so nothing was ever encrypted with what it holds.
async fn begin_again(client: &Client, step: &Step) -> Result<()> {
    step.at("its first start was cut off: making its volume anew");
    let failed =
        |source| CliError::kubernetes("removing the volume of a first start that was cut off", source);
    let volumes: Api<PersistentVolumeClaim> = Api::namespaced(client.clone(), SYSTEM_NAMESPACE);
    let pods: Api<Pod> = Api::namespaced(client.clone(), SYSTEM_NAMESPACE);
    for result in [
        volumes.delete(VOLUME, &DeleteParams::default()).await.map(drop),
        pods.delete(POD, &DeleteParams::default().grace_period(0))
            .await
            .map(drop),
    ] {
        match result {
            Ok(()) => {}
            Err(kube::Error::Api(status)) if status.code == 404 => {}
            Err(source) => return Err(failed(source)),
        }
    }
    Ok(())
}

/// OpenBao through the API server's port-forward, with its TLS checked end to end.
///
/// # Errors
/// `openbao-ca` while its certificate is not published.
pub async fn open(client: &Client) -> Result<OpenBao> {
    let maps: Api<ConfigMap> = Api::namespaced(client.clone(), SYSTEM_NAMESPACE);
    let map = maps
        .get_opt("openbao-ca")
        .await
        .map_err(|source| CliError::kubernetes("reading ConfigMap `openbao-ca`", source))?;
    let ca = map
        .and_then(|map| map.data)
        .and_then(|mut data| data.remove("ca.crt"))
        .ok_or_else(|| {
            CliError::new(
                "openbao-ca",
                "OpenBao has not published its certificate (ConfigMap openbao-ca, key ca.crt)",
                "look at `kubectl -n dmp-system logs openbao-0 -c tls`",
            )
        })?;
    let pods: Api<Pod> = Api::namespaced(client.clone(), SYSTEM_NAMESPACE);
    let dial = Dial::PortForward {
        pods: Box::new(pods),
        pod: POD.to_owned(),
        port: PORT,
    };
    let endpoint = Endpoint::new(dial, SERVER_NAME, &ca).map_err(|source| {
        CliError::new(
            "openbao-ca",
            "the published certificate of OpenBao is not usable",
            "restart openbao-0",
        )
        .because(source)
    })?;
    Ok(OpenBao::new(endpoint))
}

/// The root CA's certificate: what clients of the gateway trust.
///
/// # Errors
/// `openbao-bootstrap` when there is none yet.
pub async fn root_ca(client: &Client) -> Result<String> {
    let path = "pki-root/issuer/default/json";
    let failed = |source: super::bootstrap::client::OpenBaoError| {
        CliError::new(
            "openbao-bootstrap",
            "the root CA is not there",
            "run `dmpctl install` again",
        )
        .because(source)
    };
    let answer = open(client).await?.read(path).await.map_err(failed)?;
    super::bootstrap::client::string(path, &answer, "/data/certificate", "certificate").map_err(failed)
}

/// The conformance suite's own authority, PEM: the body `suite` of `Platform.spec.bodies`.
///
/// # Errors
/// `suite-authority` when there is none.
pub async fn suite_ca(client: &Client) -> Result<String> {
    let path = "pki-suite/issuer/default/json";
    let failed = |source: super::bootstrap::client::OpenBaoError| {
        CliError::new(
            "suite-authority",
            "OpenBao has no authority of the conformance suite (mount pki-suite)",
            "it is made at installation; on an older one, with two recovery shares: docs/conformance.md",
        )
        .because(source)
    };
    let answer = open(client).await?.read(path).await.map_err(failed)?;
    super::bootstrap::client::string(path, &answer, "/data/certificate", "certificate").map_err(failed)
}

/// A token of a ServiceAccount in `dmp-system`, for OpenBao alone, ten minutes.
///
/// # Errors
/// As [`CliError::kubernetes`].
pub async fn service_account_token(client: &Client, account: &str) -> Result<String> {
    let accounts: Api<ServiceAccount> = Api::namespaced(client.clone(), SYSTEM_NAMESPACE);
    let request = TokenRequest {
        spec: Some(TokenRequestSpec {
            audiences: Some(vec![dmp_api::openbao::AUDIENCE.to_owned()]),
            expiration_seconds: Some(600),
            bound_object_ref: None,
        }),
        ..TokenRequest::default()
    };
    let answer = accounts
        .create_token_request(account, &PostParams::default(), &request)
        .await
        .map_err(|source| {
            CliError::kubernetes(
                format!("asking for a token of ServiceAccount `{account}`"),
                source,
            )
        })?;
    answer.status.and_then(|status| status.token).ok_or_else(|| {
        CliError::new(
            "token-request",
            "the API server gave no token",
            "look at the API server's log",
        )
    })
}

/// Applies what OpenBao needs to run.
///
/// # Errors
/// As [`CliError::kubernetes`].
pub async fn deploy(
    client: &Client,
    images: &super::ProductImages,
    storage_class: Option<&str>,
) -> Result<()> {
    // The claims of a StatefulSet never change: a later run that names no class keeps the one there is.
    let class = match storage_class {
        Some(class) => Some(class.to_owned()),
        None => live(client).await?.as_ref().and_then(self::storage_class),
    };
    let (namespaces, rest): (Vec<_>, Vec<_>) = objects(images, class.as_deref())?
        .into_iter()
        .partition(|object| is(object, "Namespace"));
    apply::apply_all(client, &namespaces).await?;
    ensure_seal(client).await?;
    apply::apply_all(client, &rest).await
}

/// All objects of OpenBao but its seal key, in the order of applying.
///
/// # Errors
/// `manifest`.
pub fn objects(
    images: &super::ProductImages,
    storage_class: Option<&str>,
) -> Result<Vec<kube::api::DynamicObject>> {
    let mut objects = super::manifests("manifests/openbao")?;
    images.put_into(&mut objects);
    for object in &mut objects {
        let templates = object
            .data
            .pointer_mut("/spec/volumeClaimTemplates")
            .and_then(|list| list.as_array_mut());
        for template in templates.into_iter().flatten() {
            if let (Some(class), Some(spec)) = (storage_class, template.get_mut("spec")) {
                spec["storageClassName"] = json!(class);
            }
        }
    }
    objects.push(configuration()?);
    apply::sort(&mut objects);
    Ok(objects)
}

/// For an upgrade: applies all but the StatefulSet, and that only when OpenBao's own image is another one, for then it
/// restarts. The image of its init container (ours) alone is no reason to interrupt everybody's keys. Returns whether
/// it restarts.
///
/// # Errors
/// As [`CliError::kubernetes`].
pub async fn deploy_changed(client: &Client, images: &super::ProductImages) -> Result<bool> {
    let live = live(client).await?;
    let same = live
        .as_ref()
        .is_some_and(|set| server_image(set) == Some(&images.openbao));
    let class = live.as_ref().and_then(storage_class);
    let objects = objects(images, class.as_deref())?;
    for object in objects
        .iter()
        .filter(|object| !(same && is(object, "StatefulSet")))
    {
        apply::apply(client, object).await?;
    }
    Ok(!same)
}

async fn live(client: &Client) -> Result<Option<StatefulSet>> {
    let sets: Api<StatefulSet> = Api::namespaced(client.clone(), SYSTEM_NAMESPACE);
    sets.get_opt("openbao")
        .await
        .map_err(|source| CliError::kubernetes("reading StatefulSet `openbao`", source))
}

fn is(object: &kube::api::DynamicObject, kind: &str) -> bool {
    object.types.as_ref().is_some_and(|types| types.kind == kind)
}

fn server_image(set: &StatefulSet) -> Option<&String> {
    let pod = set.spec.as_ref()?.template.spec.as_ref()?;
    pod.containers
        .iter()
        .find(|container| container.name == "openbao")?
        .image
        .as_ref()
}

fn storage_class(set: &StatefulSet) -> Option<String> {
    let claims = set.spec.as_ref()?.volume_claim_templates.as_ref()?;
    claims.first()?.spec.as_ref()?.storage_class_name.clone()
}
