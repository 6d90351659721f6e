//! The network of the appliance: a pod that no policy names reaches nothing of the platform, and the gateway can be
//! published alone.

use std::time::Duration;

use dmp_appliance::{Expose, Options};
use dmp_testkit::process::free_port;
use dmpctl::demo::gateway::Gateway;
use dmpctl::demo::{TANGER, World};
use dmpctl::up::UpOptions;
use k8s_openapi::api::core::v1::{Pod, Service};
use kube::api::{DeleteParams, ListParams, LogParams, PostParams};
use kube::runtime::wait::{await_condition, conditions};
use kube::{Api, Client, ResourceExt as _};
use serde_json::json;

use crate::stage::{Stage, on_stage};

/// Somebody's pod asks for what the platform keeps to itself, by the addresses of pods and of Services.
#[test]
fn a_pod_without_a_declared_flow_reaches_nothing_of_the_platform() {
    on_stage("network-outsider", async |stage| {
        let group = format!("dmp-{TANGER}");
        let mut doors = Vec::new();
        for (namespace, label, ports) in [
            (group.as_str(), "app.kubernetes.io/name=records", &[8443_u16][..]),
            (&group, "cnpg.io/cluster=records", &[5432, 8000]),
            (&group, "cnpg.io/cluster=keystore", &[5432, 8000]),
            ("dmp-national", "app.kubernetes.io/name=registry", &[8443]),
            ("dmp-national", "app.kubernetes.io/name=consent", &[8443]),
            ("dmp-national", "app.kubernetes.io/name=audit", &[8443]),
            ("dmp-national", "cnpg.io/cluster=registry", &[5432, 8000]),
            ("dmp-system", "app.kubernetes.io/name=openbao", &[8200, 8201]),
            ("dmp-system", "app.kubernetes.io/name=dmp-operator", &[8443]),
        ] {
            for address in addresses(&stage.client, namespace, label).await {
                doors.extend(ports.iter().map(|port| format!("{address}:{port}")));
            }
        }
        for (namespace, name, port) in [
            (group.as_str(), "records", 8443),
            (&group, "records-rw", 5432),
            ("dmp-national", "registry", 8443),
            ("dmp-system", "openbao", 8200),
        ] {
            let services: Api<Service> = Api::namespaced(stage.client.clone(), namespace);
            let spec = services.get(name).await.unwrap().spec.unwrap();
            doors.push(format!("{}:{port}", spec.cluster_ip.unwrap()));
        }
        assert!(doors.len() > 15, "{doors:?}");
        // Names are for everybody: without this the test could not tell a wall from a broken probe.
        let dns = addresses(&stage.client, "kube-system", "k8s-app=kube-dns").await;
        let open = format!("{}:53", dns.first().unwrap());

        let mut asked = doors;
        asked.push(open.clone());
        assert_eq!(reached(stage, &asked).await, [open]);
    });
}

#[test]
fn the_gateway_is_published_alone_on_an_address_of_the_machine() {
    on_stage("network-expose", async |stage| {
        let address = format!("127.0.0.1:{}", free_port());
        let options = |address: &str| Options {
            name: stage.running.name.clone(),
            binaries: Some(dmp_e2e::stage::binaries()),
            cache: std::env::var_os("DMP_CACHE").map(std::path::PathBuf::from),
            expose: Some(address.parse::<Expose>().unwrap()),
            ..Options::default()
        };
        let publish = async |appliance: Options| {
            let running = dmp_appliance::up(&appliance, &stage.progress).await.unwrap();
            let options = UpOptions {
                appliance,
                custody: Some(running.state.join("custody")),
                no_demo: true,
            };
            dmpctl::up::ready(&stage.client, &stage.progress, &running, &options)
                .await
                .unwrap_or_else(|error| panic!("{}", error.for_people()))
        };
        publish(options(&address)).await;
        // Software gets its certificate and its token through the published address.
        let published = Gateway {
            base: format!("https://{address}"),
            ca: stage.gateway.ca.clone(),
        };
        World::new(&stage.client, &stage.progress, published)
            .await
            .unwrap_or_else(|error| panic!("{}", error.for_people()));

        // 192.0.2.0/24 belongs to nobody (RFC 5737).
        let error = dmp_appliance::up(&options("192.0.2.1"), &stage.progress)
            .await
            .unwrap_err();
        assert_eq!(error.code(), "appliance-expose-refused");
        // The names of the certificate as the other tests know them; the port stays until `down`.
        publish(Options {
            expose: None,
            ..options(&address)
        })
        .await;
    });
}

/// Addresses of the running pods with a label.
async fn addresses(client: &Client, namespace: &str, label: &str) -> Vec<String> {
    let pods: Api<Pod> = Api::namespaced(client.clone(), namespace);
    let list = pods.list(&ListParams::default().labels(label)).await.unwrap();
    let addresses: Vec<String> = list
        .items
        .into_iter()
        .filter_map(|pod| pod.status)
        .filter(|status| status.phase.as_deref() == Some("Running"))
        .filter_map(|status| status.pod_ip)
        .collect();
    assert!(!addresses.is_empty(), "no pod {label} in {namespace}");
    addresses
}

/// Which of these a pod in the namespace `default` can connect to.
async fn reached(stage: &Stage, doors: &[String]) -> Vec<String> {
    let pods: Api<Pod> = Api::namespaced(stage.client.clone(), "default");
    let name = format!("outsider-{}", uuid::Uuid::new_v4().simple());
    let script = format!(
        "for door in {}; do /bin/busybox nc -w 2 ${{door%:*}} ${{door#*:}} -e /bin/busybox true \
         2>/dev/null && echo $door; done; true",
        doors.join(" ")
    );
    let pod: Pod = serde_json::from_value(json!({
        // What it calls itself opens nothing: it is not in a namespace of the platform.
        "metadata": { "name": name, "labels": { "app.kubernetes.io/part-of": "dmp" } },
        "spec": {
            "restartPolicy": "Never",
            "automountServiceAccountToken": false,
            "containers": [{
                "name": "outsider",
                "image": stage.running.images.busybox.reference,
                "imagePullPolicy": "IfNotPresent",
                "command": ["/bin/sh", "-c", script],
            }],
        },
    }))
    .unwrap();
    pods.create(&PostParams::default(), &pod).await.unwrap();
    let ended = await_condition(pods.clone(), &name, |pod: Option<&Pod>| {
        pod.and_then(|pod| pod.status.as_ref()?.phase.as_deref())
            .is_some_and(|phase| ["Succeeded", "Failed"].contains(&phase))
    });
    let seconds = 30 + 3 * doors.len() as u64;
    let ended = tokio::time::timeout(Duration::from_secs(seconds), ended).await;
    let log = pods.logs(&name, &LogParams::default()).await;
    let uid = pods
        .get(&name)
        .await
        .ok()
        .and_then(|pod| pod.uid())
        .unwrap_or_default();
    pods.delete(&name, &DeleteParams::default().grace_period(0))
        .await
        .unwrap();
    ended.expect("the pod ends").unwrap();
    drop(await_condition(pods, &name, conditions::is_deleted(&uid)).await);
    log.unwrap().lines().map(str::to_owned).collect()
}
