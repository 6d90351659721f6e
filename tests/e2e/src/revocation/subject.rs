//! The credentials of a measurement, each of which one revocation closes, and no other.

use std::time::{Duration, Instant};

use dmp_api::SolutionCredential;
use dmpctl::demo::TANGER;
use dmpctl::kubernetes::apply::apply_all;
use kube::api::{ApiResource, DynamicObject, GroupVersionKind, PostParams};
use kube::{Api, Client};
use rcgen::{CertificateParams, KeyPair};
use serde_json::{Value, json};

use crate::stage::Stage;

const SIGNED_WITHIN: Duration = Duration::from_secs(180);
const VERSION: &str = "1.0.0";

/// What a revocation names.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Level {
    Credential,
    Installation,
    Version,
    Product,
    Vendor,
}

impl Level {
    pub const ALL: [Self; 5] = [
        Self::Credential,
        Self::Installation,
        Self::Version,
        Self::Product,
        Self::Vendor,
    ];

    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Credential => "credential",
            Self::Installation => "installation",
            Self::Version => "version",
            Self::Product => "product",
            Self::Vendor => "vendor",
        }
    }
}

/// One measurement: nothing of it has the name of an earlier one's.
pub struct Run<'a> {
    client: &'a Client,
    vendor: String,
}

/// One credential.
pub struct Subject {
    pub level: Level,
    pub name: String,
    vendor: String,
    solution: String,
    version: String,
    inpe: String,
}

impl Subject {
    fn namespace(&self) -> String {
        format!("vendor-{}", self.vendor)
    }

    /// What closes it, and nothing else of the measurement.
    fn revocation(&self) -> Value {
        let solution = format!("{}/{}", self.namespace(), self.solution);
        match self.level {
            Level::Credential => json!({ "solution": solution, "credential": self.name }),
            Level::Installation => json!({ "solution": solution, "establishment": self.inpe }),
            Level::Version => json!({ "solution": solution, "version": self.version }),
            Level::Product => json!({ "solution": solution }),
            Level::Vendor => json!({ "vendor": self.vendor }),
        }
    }
}

fn object(kind: &str, namespace: Option<&str>, name: &str, spec: &Value) -> DynamicObject {
    serde_json::from_value(json!({
        "apiVersion": "dmp.ma/v1alpha1", "kind": kind,
        "metadata": { "name": name, "namespace": namespace }, "spec": spec,
    }))
    .unwrap()
}

impl<'a> Run<'a> {
    pub fn new(stage: &'a Stage) -> Self {
        let run = uuid::Uuid::new_v4().simple().to_string();
        Self {
            client: &stage.client,
            vendor: format!("mesure-{}", &run[..8]),
        }
    }

    /// The credential with a number: with all that its level must not share with others.
    pub fn subject(&self, index: usize, level: Level) -> Subject {
        let shared = |own: Level, name: String, common: &str| {
            if level == own { name } else { common.to_owned() }
        };
        Subject {
            level,
            name: format!("c-{index}"),
            vendor: shared(Level::Vendor, format!("{}-{index}", self.vendor), &self.vendor),
            solution: shared(Level::Product, format!("p-{index}"), "produit"),
            version: shared(Level::Version, format!("1.{index}.1"), VERSION),
            inpe: format!("9{index:08}"),
        }
    }

    /// Applies all that a certificate needs and waits for it: certificate and key, PEM.
    pub async fn issue(&self, subject: &Subject) -> String {
        let namespace = subject.namespace();
        let version = format!("{}-{}", subject.solution, subject.version.replace('.', "-"));
        let own = json!({
            "apiVersion": "v1", "kind": "Namespace",
            "metadata": { "name": namespace, "labels": {
                "app.kubernetes.io/part-of": "dmp",
                "dmp.ma/owner": subject.vendor, "dmp.ma/data-class": "1", "dmp.ma/purpose": "software",
            } },
        });
        let key = KeyPair::generate().unwrap();
        let csr = CertificateParams::default()
            .serialize_request(&key)
            .unwrap()
            .pem()
            .unwrap();
        let place = Some(namespace.as_str());
        let objects = [
            serde_json::from_value(own).unwrap(),
            object(
                "Solution",
                place,
                &subject.solution,
                &json!({ "vendor": subject.vendor, "product": "Mesure", "kind": "hospital" }),
            ),
            object(
                "SolutionVersion",
                place,
                &version,
                &json!({ "solution": subject.solution, "version": subject.version }),
            ),
            object(
                "SolutionCredential",
                place,
                &subject.name,
                &json!({
                    "solution": subject.solution, "version": subject.version, "mode": "sandbox", "csr": csr,
                    "establishment": { "inpe": subject.inpe }, "healthGroup": TANGER,
                }),
            ),
        ];
        apply_all(self.client, &objects)
            .await
            .unwrap_or_else(|error| panic!("{}", error.for_people()));
        let api: Api<SolutionCredential> = Api::namespaced(self.client.clone(), &namespace);
        let since = Instant::now();
        loop {
            let status = api.get(&subject.name).await.unwrap().status.unwrap_or_default();
            if let Some(certificate) = status.certificate {
                return format!("{}\n{}", certificate.trim_end(), key.serialize_pem());
            }
            assert!(
                since.elapsed() < SIGNED_WITHIN,
                "{} is not signed: {status:?}",
                subject.name
            );
            tokio::time::sleep(Duration::from_millis(200)).await;
        }
    }

    /// Returns when the API server has answered.
    pub async fn revoke(&self, subject: &Subject) {
        let mut spec = subject.revocation();
        spec["reason"] = json!("mesure");
        let name = format!("{}-{}", self.vendor, subject.name);
        let kind = GroupVersionKind::gvk("dmp.ma", "v1alpha1", "SolutionRevocation");
        let api: Api<DynamicObject> = Api::all_with(self.client.clone(), &ApiResource::from_gvk(&kind));
        let revocation = object("SolutionRevocation", None, &name, &spec);
        api.create(&PostParams::default(), &revocation).await.unwrap();
    }
}
