//! The demonstration: six steps, each a function that the end-to-end tests call as well.
//!
//! It acts as the vendors, the caregivers and the patient would, from outside: certificates by CSR, log-ins at the
//! issuer, HTTPS to the gateway. [`World`] holds what the steps share.

pub mod fixtures;
pub mod gateway;
pub mod people;
pub mod software;
pub mod steps;
pub mod story;
pub mod submission;

use std::path::PathBuf;

use dmp_appliance::Progress;
use kube::Client;

use crate::error::{CliError, Result};
use crate::kubernetes::ClusterOptions;
use fixtures::{Case, Professional};
use gateway::{Gateway, Software};
use software::Product;
use story::Story;

/// Health groups of the demonstration.
pub const TANGER: &str = "tanger-tetouan-al-hoceima";
pub const CASABLANCA: &str = "casablanca-settat";
/// User names of the synthetic people.
pub const AUTHOR: &str = "dr-elidrissi";
pub const CARDIOLOGIST: &str = "dr-benjelloun";
pub const PATIENT: &str = "patiente";

/// Where the gateway is.
#[derive(clap::Args, Clone, Debug)]
pub struct GatewayOptions {
    /// `https://host:port` of the gateway
    #[arg(long, env = "DMP_GATEWAY")]
    pub gateway: String,
    /// File with the CA of its certificate (PEM)
    #[arg(long, env = "DMP_CA")]
    pub ca: PathBuf,
}

impl GatewayOptions {
    /// # Errors
    /// `file` when the CA cannot be read.
    pub fn open(&self) -> Result<Gateway> {
        let ca = std::fs::read_to_string(&self.ca).map_err(|source| CliError::file(&self.ca, source))?;
        Ok(Gateway {
            base: self.gateway.trim_end_matches('/').to_owned(),
            ca,
        })
    }
}

#[derive(clap::Args, Clone, Debug)]
pub struct DemoOptions {
    #[command(flatten)]
    pub gateway: GatewayOptions,
    /// The offline verifier [default: `dmp-verify` beside this program, then in PATH]
    #[arg(long)]
    pub verifier: Option<PathBuf>,
    /// Folder of the appliance's data, searched in step 6 [default: /var/lib/dmp/<DMP_APPLIANCE or dmp>, when it is there]
    #[arg(long)]
    pub data: Option<PathBuf>,
}

#[derive(clap::Args, Clone, Debug)]
pub struct TokenOptions {
    /// `dr-elidrissi`, `dr-benjelloun`, `patiente` with --identifier, or somebody at the guichet: `editeur-…`, `organisme-…`
    #[arg(long = "as", value_name = "PERSON")]
    pub person: String,
    /// For a patient: `system|value` of an identifier the registry knows her by
    #[arg(long, value_name = "SYSTEM|VALUE")]
    pub identifier: Option<String>,
}

/// What the steps share: the cluster, the software with its certificates, the people, this run's patient.
pub struct World {
    pub client: Client,
    pub gateway: Gateway,
    /// Hospital system in Tanger, cardiology product in Casablanca, patient app, directory source.
    pub atlas: Software,
    pub cardio: Software,
    pub amal: Software,
    pub directory: Software,
    /// Name of the cardiology product of this run (`vendor-cardio/<name>`).
    pub cardio_solution: String,
    pub author: Professional,
    pub cardiologist: Professional,
    pub case: Case,
    /// FHIR id of the patient, from step 1 on.
    pub patient: Option<String>,
    /// `Binary/<id>` of letter and summary, from step 1 on.
    pub binaries: Vec<String>,
}

impl World {
    /// Products, certificates and the directory: everything that is there before the first step.
    ///
    /// # Errors
    /// Says what is missing.
    pub async fn new(client: &Client, progress: &Progress, gateway: Gateway) -> Result<Self> {
        people::require_demonstration(client).await?;
        crate::kubernetes::apply::apply_all(client, &crate::install::manifests("manifests/demo")?).await?;
        let (author, cardiologist) = (
            fixtures::professional(AUTHOR)?,
            fixtures::professional(CARDIOLOGIST)?,
        );
        let cardio_solution = format!("cardio-{}", &uuid::Uuid::new_v4().simple().to_string()[..8]);
        let product = |vendor, solution, name, kind, version, place| Product {
            vendor,
            solution,
            name,
            kind,
            version,
            place,
        };
        let tanger = Some((author.establishment.as_str(), TANGER));
        let casablanca = Some((cardiologist.establishment.as_str(), CASABLANCA));
        let atlas = product("atlas", "sih-atlas", "SIH Atlas", "hospital", "4.2.0", tanger);
        let cardio = product(
            "cardio",
            &cardio_solution,
            "CardioSuite",
            "hospital",
            "2.6.1",
            casablanca,
        );
        let amal = product("amal", "amal", "Amal, mon dossier", "patient-app", "1.8.2", None);
        let directory = product(
            "anam",
            "annuaire-inpe",
            "Annuaire national INPE",
            "directory",
            "2026.11",
            None,
        );
        let (atlas, cardio, amal, directory) = (
            software::obtain(client, progress, &gateway, &atlas).await?,
            software::obtain(client, progress, &gateway, &cardio).await?,
            software::obtain(client, progress, &gateway, &amal).await?,
            software::obtain(client, progress, &gateway, &directory).await?,
        );
        let world = Self {
            client: client.clone(),
            gateway,
            atlas,
            cardio,
            amal,
            directory,
            cardio_solution,
            author,
            cardiologist,
            case: Case::new()?,
            patient: None,
            binaries: Vec::new(),
        };
        world.publish_directory(progress).await?;
        Ok(world)
    }

    async fn publish_directory(&self, progress: &Progress) -> Result<()> {
        let step = progress.step("directory of hospitals and professionals");
        let token = token_when_known(&self.directory, &step).await?;
        let reply = self
            .directory
            .send(
                reqwest::Method::POST,
                "/fhir",
                Some(&token),
                &fixtures::directory()?,
            )
            .await
            .map_err(gateway::unreachable)?;
        if !reply.status.is_success() {
            return Err(CliError::new(
                "directory-refused",
                format!("the registry did not take the directory: {}", reply.summary()),
                "look at `dmpctl status` and the registry's log",
            ));
        }
        step.done();
        Ok(())
    }

    /// FHIR id of the patient.
    ///
    /// # Errors
    /// `demonstration-order` before step 1.
    pub fn patient(&self) -> Result<&str> {
        self.patient.as_deref().ok_or_else(|| {
            CliError::new(
                "demonstration-order",
                "the patient is not registered yet",
                "run step 1 first",
            )
        })
    }

    /// A caregiver's token for Tanger's software.
    ///
    /// # Errors
    /// As [`Software::token_for`].
    pub async fn author_token(&self) -> Result<String> {
        let identity =
            people::token(&self.client, AUTHOR, &fixtures::professional_claims(&self.author)).await?;
        self.atlas.token_when_known(&identity, "TREAT").await
    }

    /// The cardiologist's token for Casablanca's software.
    ///
    /// # Errors
    /// As [`Software::token_for`].
    pub async fn cardiologist_token(&self) -> Result<String> {
        let claims = fixtures::professional_claims(&self.cardiologist);
        let identity = people::token(&self.client, CARDIOLOGIST, &claims).await?;
        self.cardio.token_when_known(&identity, "TREAT").await
    }

    /// The patient's own token through her app.
    ///
    /// # Errors
    /// As [`Software::token_for`].
    pub async fn patient_token(&self) -> Result<String> {
        let claims = fixtures::patient_claims(fixtures::CNIE, &self.case.cnie);
        let identity = people::token(&self.client, PATIENT, &claims).await?;
        self.amal.token_when_known(&identity, "PATRQT").await
    }
}

/// A new certificate reaches the gateways with the facts, within a second or two.
async fn token_when_known(software: &Software, step: &dmp_appliance::Step) -> Result<String> {
    let start = std::time::Instant::now();
    loop {
        match software.own_token().await {
            Ok(token) => return Ok(token),
            Err(error) if start.elapsed() > std::time::Duration::from_secs(15) => return Err(error),
            Err(error) => step.at(error.message),
        }
        tokio::time::sleep(std::time::Duration::from_millis(500)).await;
    }
}

/// Runs the six steps and prints them.
///
/// # Errors
/// `demonstration-failed` when any check failed, or what stopped it.
pub async fn run(cluster: &ClusterOptions, options: &DemoOptions) -> Result<()> {
    let client = crate::kubernetes::connect(cluster).await?;
    let gateway = options.gateway.open()?;
    let data = options.data.clone().or_else(appliance_data);
    play(
        &client,
        &Progress::to_stderr(),
        gateway,
        options.verifier.as_deref(),
        data.as_deref(),
    )
    .await
}

/// As [`run`], on a connection.
///
/// # Errors
/// As [`run`].
pub async fn play(
    client: &Client,
    progress: &Progress,
    gateway: Gateway,
    verifier: Option<&std::path::Path>,
    data: Option<&std::path::Path>,
) -> Result<()> {
    let story = Story::new();
    println!("Démonstration du DMP : une lettre de sortie de Tanger, lue à Casablanca (personnes fictives)");
    let mut world = World::new(client, progress, gateway).await?;
    steps::publish::run(&mut world, &story).await?;
    steps::read::run(&mut world, &story).await?;
    steps::trail::run(&world, &story, verifier).await?;
    steps::oppose::run(&world, &story).await?;
    steps::revoke::run(&world, &story).await?;
    steps::search::run(&world, &story, progress, data).await?;
    let failures = story.failures();
    if failures.is_empty() {
        println!("\n✔ La démonstration est passée : les six étapes.");
        return Ok(());
    }
    println!("\n✘ {} vérification(s) en échec.", failures.len());
    Err(CliError::new(
        "demonstration-failed",
        format!("the demonstration failed: {}", failures.join("; ")),
        "look at `dmpctl status` and at the logs of the services named",
    ))
}

/// Where the appliance of this machine keeps its data, when there is one.
pub fn appliance_data() -> Option<PathBuf> {
    let name = std::env::var("DMP_APPLIANCE").unwrap_or_else(|_| "dmp".to_owned());
    let folder = PathBuf::from("/var/lib/dmp").join(name);
    folder.join("etcd").is_dir().then_some(folder)
}

/// Prints an identity token.
///
/// # Errors
/// As [`people::token`]; `identifier-required` for a patient without one.
pub async fn token(cluster: &ClusterOptions, options: &TokenOptions) -> Result<()> {
    let client = crate::kubernetes::connect(cluster).await?;
    people::require_demonstration(&client).await?;
    let at_guichet = ["editeur-", "organisme-"];
    let is_at_guichet = at_guichet.iter().any(|kind| options.person.starts_with(kind));
    let claims = match (&options.identifier, options.person.starts_with("dr-")) {
        _ if is_at_guichet => serde_json::json!({}),
        (_, true) => fixtures::professional_claims(&fixtures::professional(&options.person)?),
        (Some(identifier), false) => {
            let (system, value) = identifier.split_once('|').ok_or_else(identifier_required)?;
            fixtures::patient_claims(system, value)
        }
        (None, false) => return Err(identifier_required()),
    };
    let user: String = options
        .person
        .chars()
        .filter(|c| c.is_ascii_alphanumeric() || *c == '-')
        .collect();
    println!("{}", people::token(&client, &user, &claims).await?);
    Ok(())
}

fn identifier_required() -> CliError {
    CliError::new(
        "identifier-required",
        "a patient logs in with an identifier that the registry knows",
        format!(
            "add --identifier '{}|<number>' (`dmpctl demo run` prints the one of its patient)",
            fixtures::CNIE
        ),
    )
}
