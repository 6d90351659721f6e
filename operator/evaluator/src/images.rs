//! The images that run in the platform's namespaces, compared with the release in force, and what that says is in them. The signatures
//! are verified here again: the list that admission reads is not believed.

use std::collections::BTreeMap;

use dmp_api::{ImageRelease, Platform};
use dmp_homologation::images::{Admitted, reference};
use dmp_homologation::vulnerabilities::found::{Bill, bills};
use dmp_homologation::{Bodies, carrier};
use k8s_openapi::api::core::v1::{ContainerStatus, Pod as KubePod};
use kube::{Api, Client};

use crate::world::{Namespace, Pod, Read, list};

/// An image of a container: as its pod names it, and the digest of what the node runs (`sha256:…`; empty before it does).
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Running {
    pub named: String,
    pub digest: String,
}

/// One image that runs, and whether somebody signed for it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Image {
    /// As the pods name it.
    pub reference: String,
    /// What the node runs, before that what is to run: `sha256:…`; empty when nobody says.
    pub digest: String,
    pub by_digest: bool,
    /// Registry and name are those of the release.
    pub from_sovereign_registry: bool,
    /// What the node runs has a digest of the release in force; its papers were signed with it.
    pub signed: bool,
    pub pods: usize,
    /// One of them: `<namespace>/<name>`.
    pub example: String,
}

/// Images of a pod's containers, by what the nodes say of them.
pub(crate) fn of(pod: &KubePod) -> Vec<Running> {
    let Some(spec) = pod.spec.as_ref() else {
        return Vec::new();
    };
    let status = pod.status.as_ref();
    let lists = [
        status.and_then(|status| status.container_statuses.as_ref()),
        status.and_then(|status| status.init_container_statuses.as_ref()),
        status.and_then(|status| status.ephemeral_container_statuses.as_ref()),
    ];
    let statuses: Vec<&ContainerStatus> = lists.into_iter().flatten().flatten().collect();
    let containers = spec
        .containers
        .iter()
        .chain(spec.init_containers.iter().flatten())
        .map(|container| (&container.name, container.image.as_deref()));
    let ephemeral = spec.ephemeral_containers.iter().flatten();
    let all = containers.chain(ephemeral.map(|container| (&container.name, container.image.as_deref())));
    let mut images: Vec<Running> = all
        .map(|(name, image)| {
            let runs = statuses.iter().find(|status| &status.name == name);
            let digest = runs.and_then(|status| status.image_id.rsplit_once('@'));
            Running {
                named: image.unwrap_or_default().to_owned(),
                digest: digest.map_or_else(String::new, |(_, digest)| digest.to_owned()),
            }
        })
        .collect();
    images.sort();
    images.dedup();
    images
}

/// The images that run, and by digest what is in those that were signed.
///
/// # Errors
/// When the releases cannot be read.
pub(crate) async fn read(
    client: &Client,
    platforms: Read<&[Platform]>,
    namespaces: Read<&[Namespace]>,
    pods: Read<&[Pod]>,
) -> Read<(Vec<Image>, BTreeMap<String, Bill>)> {
    let Some(platform) = platforms?.first() else {
        return Ok(Default::default());
    };
    let objects = list(Api::<ImageRelease>::all(client.clone()), "ImageReleases", |one| {
        one
    })
    .await?;
    let bodies = Bodies::new(&platform.spec.bodies);
    let read = objects
        .iter()
        .map(|object| (object, carrier::read(object, &bodies)));
    let admitted = Admitted::in_force(read, &platform.spec.domain).unwrap_or_default();
    // Of pods of somebody else no image was kept; whose they are is told by their namespaces.
    namespaces?;
    Ok((compared(pods?.iter(), &admitted), bills(&objects, &admitted)))
}

fn compared<'p>(pods: impl Iterator<Item = &'p Pod>, admitted: &Admitted) -> Vec<Image> {
    let mut found = BTreeMap::<&Running, Image>::new();
    for pod in pods {
        for running in &pod.images {
            let image = found.entry(running).or_insert_with(|| judged(running, admitted));
            image.pods += 1;
            if image.example.is_empty() {
                image.example = format!("{}/{}", pod.namespace, pod.name);
            }
        }
    }
    found.into_values().collect()
}

fn judged(running: &Running, admitted: &Admitted) -> Image {
    let named = reference(&running.named);
    // What runs counts; before it does, what it is to be.
    let digest = match running.digest.as_str() {
        "" => named.map(|(_, digest)| digest),
        runs => Some(runs),
    };
    let signed_for = digest.and_then(|digest| admitted.name_of(digest));
    Image {
        reference: running.named.clone(),
        digest: digest.unwrap_or_default().to_owned(),
        by_digest: named.is_some_and(|(_, digest)| running.digest.is_empty() || digest == running.digest),
        from_sovereign_registry: named.is_some_and(|(name, _)| signed_for == Some(name)),
        signed: signed_for.is_some(),
        ..Image::default()
    }
}

#[cfg(test)]
mod tests {
    use dmp_homologation::statement::{ImageList, SignedImage};
    use dmp_testkit::bodies::Authority;
    use jiff::Timestamp;
    use serde_json::{Value, json};

    use super::*;

    fn content(letter: &str) -> String {
        format!("sha256:{}", letter.repeat(64))
    }

    /// A release of one image, `r.ma/dmp` with the content `a`.
    fn admitted() -> Admitted {
        let security = Authority::new("Securite", "000000000000004");
        let member = security.person("s1");
        let sbom =
            r#"{"bomFormat":"CycloneDX","specVersion":"1.6","components":[{"type":"library","name":"x"}]}"#;
        let provenance = json!({
            "_type": "https://in-toto.io/Statement/v1", "predicateType": "https://slsa.dev/provenance/v1",
            "subject": [{ "digest": { "sha256": "a".repeat(64) } }],
            "predicate": { "runDetails": { "builder": { "id": "b" } } },
        })
        .to_string();
        let hash = |text: &str| dmp_homologation::canonical::digest(text.as_bytes());
        let list = ImageList {
            domain: "dmp.test".to_owned(),
            images: vec![SignedImage {
                name: "r.ma/dmp".to_owned(),
                digest: content("a"),
                sbom_sha256: hash(sbom),
                provenance_sha256: hash(&provenance),
            }],
            comment: String::new(),
            signed_at: Timestamp::now(),
        };
        let signatory = dmp_homologation::sign::Signatory::new(&member.chain_pem, &member.key_pem).unwrap();
        let object: ImageRelease = serde_json::from_value(json!({
            "apiVersion": "dmp.ma/v1alpha1", "kind": "ImageRelease",
            "metadata": { "name": "r", "creationTimestamp": Timestamp::now().strftime("%Y-%m-%dT%H:%M:%SZ").to_string() },
            "spec": {
                "statement": signatory.sign(&list).unwrap(),
                "papers": [{ "digest": content("a"), "sbom": sbom, "provenance": provenance }],
            },
        }))
        .unwrap();
        let bodies = json!([{
            "role": "security", "organisation": { "name": security.name, "ice": security.ice },
            "anchors": [{ "certificate": security.certificate_pem() }],
        }]);
        let bodies = Bodies::new(&serde_json::from_value::<Vec<dmp_api::body::Body>>(bodies).unwrap());
        let read = carrier::read(&object, &bodies);
        Admitted::in_force(std::iter::once((&object, read)), "dmp.test").unwrap()
    }

    /// A pod with one container: what it names, and what its node says it runs.
    fn pod(name: &str, image: &str, runs: Option<&str>) -> Pod {
        let statuses: Vec<Value> = runs
            .map(|id| json!({ "name": "c", "image": image, "imageID": id, "ready": true, "restartCount": 0 }))
            .into_iter()
            .collect();
        let object: KubePod = serde_json::from_value(json!({
            "metadata": { "name": name, "namespace": "dmp-a" },
            "spec": { "containers": [{ "name": "c", "image": image }] },
            "status": { "containerStatuses": statuses },
        }))
        .unwrap();
        Pod {
            namespace: "dmp-a".to_owned(),
            name: name.to_owned(),
            images: of(&object),
            ..Pod::default()
        }
    }

    #[test]
    fn what_runs_is_compared_with_what_was_signed() {
        let (good, other) = (content("a"), content("b"));
        let named = format!("r.ma/dmp:1@{good}");
        let runs = format!("r.ma/dmp@{good}");
        let admitted = admitted();
        let judge = |image: &str, runs: Option<&str>| {
            let found = compared([pod("p", image, runs)].iter(), &admitted);
            let [image] = found.as_slice() else {
                panic!("{found:?}");
            };
            (image.by_digest, image.from_sovereign_registry, image.signed)
        };
        assert_eq!(judge(&named, Some(&runs)), (true, true, true));
        assert_eq!(judge(&named, None), (true, true, true), "it starts");
        assert_eq!(judge("r.ma/dmp:1", Some(&runs)), (false, false, true));
        assert_eq!(judge("r.ma/dmp:1", None), (false, false, false));
        let elsewhere = format!("elsewhere.fr/dmp@{good}");
        assert_eq!(judge(&elsewhere, Some(&elsewhere)), (true, false, true));
        // The node runs another content than the pod names.
        let swapped = format!("r.ma/dmp@{other}");
        assert_eq!(judge(&named, Some(&swapped)), (false, false, false));
        assert_eq!(judge(&swapped, Some(&swapped)), (true, false, false));
        // A node that knows no digest of it.
        assert_eq!(judge("r.ma/dmp:1", Some("sha256:abc")), (false, false, false));
    }

    #[test]
    fn pods_are_counted_and_every_container_is_seen() {
        let admitted = admitted();
        let runs = format!("r.ma/dmp@{}", content("a"));
        let pods = [pod("p1", &runs, Some(&runs)), pod("p2", &runs, Some(&runs))];
        let found = compared(pods.iter(), &admitted);
        assert_eq!((found[0].pods, found[0].example.as_str()), (2, "dmp-a/p1"));
        let object: KubePod = serde_json::from_value(json!({
            "metadata": { "name": "p" },
            "spec": {
                "containers": [{ "name": "c", "image": "r/c:1" }],
                "initContainers": [{ "name": "i", "image": "r/i:1" }],
                "ephemeralContainers": [{ "name": "e", "image": "r/e:1" }],
            },
        }))
        .unwrap();
        let seen: Vec<String> = of(&object).into_iter().map(|image| image.named).collect();
        assert_eq!(seen, ["r/c:1", "r/e:1", "r/i:1"]);
    }
}
