//! A vendor at the guichet: `dmpctl solution start`, the sandbox's own people, the suite with the reference solution. Nothing of Kubernetes.

use std::path::PathBuf;

use dmp_api::Mode;
use dmp_conformance::wire::{Closed, Open};
use dmp_homologation::guichet::{Entry, NewCredential, NewPackage, VendorView};
use dmpctl::demo::GatewayOptions;
use dmpctl::demo::fixtures::CNIE;
use dmpctl::demo::gateway::{Gateway, Software};
use dmpctl::solution::account::{SignUpOptions, furnish};
use dmpctl::solution::given::Bench;
use dmpctl::solution::guichet::{Guichet, GuichetOptions};
use dmpctl::solution::log_in::{AtGuichet, LogIns as _};
use dmpctl::solution::product::{certify, identity, request, version};
use dmpctl::solution::renewal::{RenewOptions, renew};
use dmpctl::solution::start::{Folder, StartOptions, start};
use dmpctl::solution::suite::{Runner, Suite, sit};
use serde::de::DeserializeOwned;
use serde_json::{Value, json};

use crate::stage::{Stage, binaries};

/// A vendor, at the guichet and at the gateway.
pub struct Desk {
    pub vendor: String,
    pub folder: tempfile::TempDir,
    pub software: Software,
    patient_app: Software,
    people: AtGuichet,
    base: String,
}

/// Somebody at the guichet.
pub fn person(stage: &Stage, name: &str) -> Guichet {
    Guichet::new(&options(stage, name)).unwrap()
}

fn options(stage: &Stage, name: &str) -> GuichetOptions {
    let running = &stage.running;
    let dmpctl = binaries().join("dmpctl");
    GuichetOptions {
        guichet: format!("https://{}:{}", running.node_address, dmp_appliance::GUICHET_PORT),
        ca: running.gateway_ca.clone(),
        as_person: format!(
            "KUBECONFIG={} {} demo token --as {name}",
            running.kubeconfig.display(),
            dmpctl.display()
        ),
    }
}

/// What everybody reads: status and body.
pub async fn public(stage: &Stage, path: &str) -> (u16, Value) {
    let options = options(stage, "nobody");
    let ca = std::fs::read(&options.ca).unwrap();
    let client = reqwest::Client::builder()
        .tls_certs_only(reqwest::Certificate::from_pem_bundle(&ca).unwrap())
        .build()
        .unwrap();
    let reply = client
        .get(format!("{}/guichet/v1/{path}", options.guichet))
        .send()
        .await
        .unwrap();
    let status = reply.status().as_u16();
    let body = serde_json::from_slice(&reply.bytes().await.unwrap()).unwrap_or_default();
    (status, body)
}

/// An ICE that nobody has: fifteen digits, divisible by 97.
fn ice() -> String {
    let random = uuid::Uuid::new_v4().as_u128() % 100_000_000_000;
    let number = (10_000_000_000_000 + random * 100) / 97 * 97;
    format!("{number:015}")
}

impl Desk {
    /// From nothing to software that can be tested.
    pub async fn sign_up(stage: &Stage, version: &str) -> Self {
        let run = uuid::Uuid::new_v4().simple().to_string()[..8].to_owned();
        let folder = tempfile::tempdir().unwrap();
        let vendor = format!("essai-{run}");
        let me = format!("editeur-{run}");
        let asked = StartOptions {
            sign_up: SignUpOptions {
                guichet: options(stage, &me),
                vendor: vendor.clone(),
                organisation: "Éditeur d’essai".to_owned(),
                ice: ice(),
            },
            solution: "reference".to_owned(),
            product: "Solution de référence".to_owned(),
            kind: dmp_api::solution::ProductKind::Hospital,
            version: version.to_owned(),
            dir: folder.path().to_owned(),
        };
        let guichet = person(stage, &me);
        let about = start(&guichet, &asked)
            .await
            .unwrap_or_else(|error| panic!("{}", error.for_people()));
        let software = |path: PathBuf| {
            let pem = std::fs::read_to_string(path).unwrap();
            Software::new(&stage.gateway, Some(pem)).unwrap()
        };
        std::fs::write(folder.path().join("ca.pem"), &stage.gateway.ca).unwrap();
        let desk = Self {
            software: software(Folder::identity(folder.path())),
            patient_app: software(Folder::patient_app(folder.path())),
            people: AtGuichet {
                guichet,
                vendor: vendor.clone(),
                inpe: about.inpe,
            },
            base: stage.gateway.base.clone(),
            vendor,
            folder,
        };
        desk.until_known().await;
        desk
    }

    pub fn namespace(&self) -> String {
        format!("vendor-{}", self.vendor)
    }

    /// The certificates reach the gateways with the facts.
    async fn until_known(&self) {
        let identity = self.people.professional().await.unwrap();
        let token = self.software.token_when_known(&identity, "TREAT").await;
        token.unwrap_or_else(|error| panic!("{}", error.for_people()));
    }

    /// What the guichet answers this vendor's person.
    pub async fn post<T: DeserializeOwned>(&self, path: &str, body: &Value) -> T {
        let answer = self.people.guichet.post(path, body).await;
        answer.unwrap_or_else(|error| panic!("{}", error.for_people()))
    }

    pub async fn hand_in_run(&self, statement: &str) {
        let path = format!("vendors/{}/runs", self.vendor);
        self.post::<Entry>(&path, &json!({ "statement": statement }))
            .await;
    }

    /// A version with its package and bill of materials; from here on the software is that one.
    pub async fn next_version(&mut self, number: &str) {
        let guichet = &self.people.guichet;
        let package = NewPackage {
            sha256: "a".repeat(64),
            sbom: json!({
                "bomFormat": "CycloneDX", "specVersion": "1.6",
                "components": [{ "type": "application", "name": "reference", "version": number }],
            })
            .to_string(),
        };
        let created = version(guichet, &self.vendor, "reference", number, Some(package)).await;
        created.unwrap_or_else(|error| panic!("{}", error.for_people()));
        let (csr, key) = request().unwrap();
        let asked = NewCredential {
            name: format!("reference-{}", number.replace('.', "-")),
            solution: "reference".to_owned(),
            version: number.to_owned(),
            mode: Mode::Sandbox,
            establishment: None,
            health_group: None,
            csr,
            installation: None,
        };
        let certificate = certify(guichet, &self.vendor, &asked).await;
        let certificate = certificate.unwrap_or_else(|error| panic!("{}", error.for_people()));
        let pem = identity(&certificate, Some(&key));
        std::fs::write(Folder::identity(self.folder.path()), &pem).unwrap();
        self.software = self.with(pem);
        self.until_known().await;
    }

    /// The next certificate, by EST; the one before goes on for a while, until the software has changed over.
    pub async fn renew(&mut self) {
        let path = Folder::identity(self.folder.path());
        let options = RenewOptions {
            gateway: GatewayOptions {
                gateway: self.base.clone(),
                ca: self.folder.path().join("ca.pem"),
            },
            identity: path.clone(),
            new_key: true,
        };
        let before = std::fs::read_to_string(&path).unwrap();
        let said = renew(&options).await;
        said.unwrap_or_else(|error| panic!("{}", error.for_people()));
        let after = std::fs::read_to_string(&path).unwrap();
        assert_ne!(before, after);
        let new = self.with(after);
        let old = std::mem::replace(&mut self.software, new);
        self.until_known().await;
        let reply = old
            .reconnected()
            .unwrap()
            .get("/fhir/metadata", None)
            .await
            .unwrap();
        assert_eq!(
            reply.status,
            200,
            "the certificate before the renewal: {}",
            reply.summary()
        );
    }

    fn with(&self, identity: String) -> Software {
        let gateway = Gateway {
            base: self.base.clone(),
            ca: std::fs::read_to_string(self.folder.path().join("ca.pem")).unwrap(),
        };
        Software::new(&gateway, Some(identity)).unwrap()
    }

    pub async fn sit(&self, open: &Open) -> Closed {
        let bench = Bench {
            software: &self.software,
            patient_app: Some(&self.patient_app),
            log_ins: &self.people,
        };
        let folder = self.folder.path();
        let runner = Runner::Command {
            command: binaries().join("dmp-solution").display().to_string(),
            gateway: self.base.clone(),
            ca: folder.join("ca.pem"),
            identity: Folder::identity(folder),
        };
        let suite = Suite::new(self.software.clone());
        sit(&suite, &bench, &runner, open, &[], |line| eprintln!("{line}"))
            .await
            .unwrap_or_else(|error| panic!("{}", error.for_people()))
    }

    /// Its people are its own: another vendor does not find them, and its log-ins open nothing of another's. Given up, they are gone.
    pub async fn sees_nobody_elses_people(&self, stage: &Stage) {
        let other = Self::sign_up(stage, "7.0").await;
        let guichet = &self.people.guichet;
        let own = furnish(guichet, &self.vendor).await.unwrap();
        let patient = own.patients.first().unwrap();
        assert_eq!(patient.system, CNIE);
        assert_eq!(self.found(&patient.value).await, 1);
        assert_eq!(other.found(&patient.value).await, 0);

        let foreign = self.people.professional().await.unwrap();
        let refused = other.software.token_for(&foreign, "TREAT").await.unwrap_err();
        assert!(refused.message.contains("invalid_grant"), "{}", refused.message);
        // Nor the demonstration's software, nor a vendor without log-in.
        let foreign = other.people.professional().await.unwrap();
        let world = stage.world().await;
        let refused = world.atlas.token_for(&foreign, "TREAT").await.unwrap_err();
        assert!(refused.message.contains("invalid_grant"), "{}", refused.message);
        let path = format!("vendors/{}", self.vendor);
        let refused = other.people.guichet.get::<VendorView>(&path).await.unwrap_err();
        assert!(
            refused.message.contains("404 no-such-vendor"),
            "{}",
            refused.message
        );

        // The log-in is one of an issuer of the platform, and the whole organisation signs up once.
        let forged = GuichetOptions {
            as_person: "echo eyJhbGciOiJub25lIn0.e30.".to_owned(),
            ..options(stage, "editeur-x")
        };
        let refused = Guichet::new(&forged)
            .unwrap()
            .get::<Value>("me")
            .await
            .unwrap_err();
        assert!(
            refused.message.contains("401 token-invalid"),
            "{}",
            refused.message
        );

        // The other one gives its population up.
        let theirs = furnish(&other.people.guichet, &other.vendor).await.unwrap();
        let gone = &theirs.patients.first().unwrap().value;
        assert_eq!(other.found(gone).await, 1);
        let path = format!("vendors/{}/sandbox/reset", other.vendor);
        other.post::<VendorView>(&path, &json!({})).await;
        other.people.guichet.placed(&other.vendor).await.unwrap();
        let next = furnish(&other.people.guichet, &other.vendor).await.unwrap();
        assert_ne!(next.place.realm, theirs.place.realm);
        let physician = next
            .professionals
            .iter()
            .find(|one| one.profession == "physician");
        let inpe = physician.unwrap().inpe.clone();
        let mut other = other;
        other.people.inpe = inpe;
        other.until_known().await;
        assert_eq!(other.found(gone).await, 0);
    }

    /// How many patients its software finds by a number.
    async fn found(&self, cnie: &str) -> usize {
        let identity = self.people.professional().await.unwrap();
        let token = self.software.token_when_known(&identity, "TREAT").await.unwrap();
        let path = format!("/fhir/Patient?identifier={}%7C{cnie}", urlencoded(CNIE));
        let reply = self.software.get(&path, Some(&token)).await.unwrap();
        assert_eq!(reply.status, 200, "{}", reply.summary());
        let bundle = reply.json();
        bundle["entry"].as_array().map_or(0, Vec::len)
    }
}

fn urlencoded(text: &str) -> String {
    text.replace(':', "%3A").replace('/', "%2F")
}
