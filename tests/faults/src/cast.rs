//! Who acts: the demonstration's software and people, several patients, and tokens that are kept fresh.
//!
//! One cast per appliance at a time: a second [`World`] would ask for certificates that close the first one's.

use std::sync::{Arc, PoisonError, RwLock};
use std::time::Duration;

use dmp_e2e::stage::Stage;
use dmpctl::CliError;
use dmpctl::demo::fixtures::{self, Case};
use dmpctl::demo::gateway::Software;
use dmpctl::demo::steps::{care_relation, opposition};
use dmpctl::demo::{AUTHOR, CARDIOLOGIST, PATIENT, World, people};
use reqwest::Method;
use serde_json::Value;

/// Patients whose record the traffic fills and reads.
pub const PATIENTS: usize = 3;
/// Tokens live 300 s; OpenBao may be away for a while when a new one is due.
pub const REFRESH: Duration = Duration::from_secs(60);

/// The newest token of one person.
#[derive(Default)]
pub struct Session(RwLock<String>);

impl Session {
    pub fn token(&self) -> String {
        self.0.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    fn set(&self, token: String) {
        *self.0.write().unwrap_or_else(PoisonError::into_inner) = token;
    }
}

/// A registered patient.
pub struct Patient {
    pub case: Case,
    /// FHIR id.
    pub id: String,
    pub session: Session,
}

/// The patients of one fault: each fault has its own, or their trails would grow from fault to fault.
pub struct Patients {
    /// With a care relation to the cardiologist.
    pub related: Vec<Patient>,
    /// As the others, and opposed: nobody may read her.
    pub opposed: Patient,
    /// Hers is the step `consent`: she opposes and lifts it again and again.
    pub undecided: Patient,
}

impl Patients {
    /// All of them.
    pub fn everybody(&self) -> impl Iterator<Item = &Patient> {
        self.related.iter().chain([&self.opposed, &self.undecided])
    }
}

/// Everybody.
pub struct Cast {
    pub world: World,
    pub author: Session,
    pub cardiologist: Session,
    patients: RwLock<Arc<Patients>>,
    /// A text that stands in every document the suite sends, and nowhere else.
    pub marker: String,
    /// One log-in at a time: the patients share a user name, whose claims each log-in writes.
    log_in: tokio::sync::Mutex<()>,
}

impl Cast {
    /// Software and people, and the first patients.
    ///
    /// # Errors
    /// What the platform answered that it should not.
    pub async fn assemble(stage: &Stage) -> Result<Self, String> {
        let world = stage.world().await;
        let nobody = Patients {
            related: Vec::new(),
            opposed: newcomer()?,
            undecided: newcomer()?,
        };
        let cast = Self {
            author: Session::default(),
            cardiologist: Session::default(),
            patients: RwLock::new(Arc::new(nobody)),
            marker: format!("Marque-{}", uuid::Uuid::new_v4().simple()),
            log_in: tokio::sync::Mutex::new(()),
            world,
        };
        cast.author.set(cast.world.author_token().await.map_err(said)?);
        cast.cardiologist
            .set(cast.world.cardiologist_token().await.map_err(said)?);
        Ok(cast)
    }

    /// The patients of the moment.
    pub fn patients(&self) -> Arc<Patients> {
        Arc::clone(&self.patients.read().unwrap_or_else(PoisonError::into_inner))
    }

    /// New tokens, and other patients, with a care relation each.
    ///
    /// # Errors
    /// What the platform answered that it should not.
    pub async fn renew(&self) -> Result<(), String> {
        self.author.set(self.author_token().await.map_err(said)?);
        self.cardiologist.set(self.log_in().await.map_err(said)?);
        let mut related = Vec::new();
        for _ in 0..PATIENTS {
            related.push(self.admit(newcomer()?).await?);
        }
        let undecided = self.admit(newcomer()?).await?;
        let opposed = self.admit(newcomer()?).await?;
        self.consent(&opposed, &opposition(&opposed.id, jiff::Timestamp::now()))
            .await?;
        let patients = Arc::new(Patients {
            related,
            opposed,
            undecided,
        });
        *self.patients.write().unwrap_or_else(PoisonError::into_inner) = patients;
        Ok(())
    }

    /// Registers a patient and lets the cardiologist in.
    async fn admit(&self, mut patient: Patient) -> Result<Patient, String> {
        patient.id = self.register(&patient.case).await?;
        let token = self.patient_token(&patient.case).await.map_err(said)?;
        patient.session.set(token);
        let relation = care_relation(&patient.id, &self.world.cardiologist.inpe, jiff::Timestamp::now());
        self.consent(&patient, &relation).await?;
        Ok(patient)
    }

    /// ITI-104; the FHIR id.
    ///
    /// # Errors
    /// Status and code of the answer.
    pub async fn register(&self, case: &Case) -> Result<String, String> {
        let path = format!(
            "/fhir/Patient?identifier={}",
            case.identifier().replace('|', "%7C")
        );
        let reply = self
            .world
            .atlas
            .send(Method::PUT, &path, Some(&self.author.token()), &case.patient)
            .await
            .map_err(silence)?;
        let id = reply.json().get("id").and_then(Value::as_str).map(str::to_owned);
        match id {
            Some(id) if reply.status.is_success() => Ok(id),
            _ => Err(reply.summary()),
        }
    }

    /// A Consent by the patient herself; its id.
    ///
    /// # Errors
    /// Status and code of the answer.
    pub async fn consent(&self, patient: &Patient, consent: &Value) -> Result<Value, String> {
        let reply = self
            .world
            .amal
            .send(
                Method::POST,
                "/fhir/Consent",
                Some(&patient.session.token()),
                consent,
            )
            .await
            .map_err(silence)?;
        if reply.status.as_u16() == 201 {
            Ok(reply.json())
        } else {
            Err(reply.summary())
        }
    }

    /// The caregiver's whole log-in: at the issuer, then at the gateway.
    ///
    /// # Errors
    /// Who did not answer, or refused.
    pub async fn log_in(&self) -> Result<String, CliError> {
        let _one = self.log_in.lock().await;
        let claims = fixtures::professional_claims(&self.world.cardiologist);
        let identity = people::token(&self.world.client, CARDIOLOGIST, &claims).await?;
        self.world.cardio.token_for(&identity, "TREAT").await
    }

    async fn patient_token(&self, case: &Case) -> Result<String, CliError> {
        let _one = self.log_in.lock().await;
        let claims = fixtures::patient_claims(fixtures::CNIE, &case.cnie);
        let identity = people::token(&self.world.client, PATIENT, &claims).await?;
        self.world.amal.token_for(&identity, "PATRQT").await
    }

    async fn author_token(&self) -> Result<String, CliError> {
        let _one = self.log_in.lock().await;
        let claims = fixtures::professional_claims(&self.world.author);
        let identity = people::token(&self.world.client, AUTHOR, &claims).await?;
        self.world.atlas.token_for(&identity, "TREAT").await
    }

    /// A new token for everybody; who gets none keeps the old one.
    ///
    /// # Errors
    /// The last one that failed.
    pub async fn refresh(&self) -> Result<(), CliError> {
        let mut failed = None;
        let mut take = |session: &Session, outcome: Result<String, CliError>| match outcome {
            Ok(token) => session.set(token),
            Err(error) => failed = Some(error),
        };
        take(&self.author, self.author_token().await);
        take(&self.cardiologist, self.log_in().await);
        for patient in self.patients().everybody() {
            take(&patient.session, self.patient_token(&patient.case).await);
        }
        failed.map_or(Ok(()), Err)
    }

    /// Which software sends, and as whom.
    pub fn sender(&self, sender: crate::ledger::Sender) -> (&Software, String) {
        match sender {
            crate::ledger::Sender::Tanger => (&self.world.atlas, self.author.token()),
            crate::ledger::Sender::Casablanca => (&self.world.cardio, self.cardiologist.token()),
        }
    }

    /// Texts that may be in no answer but a document and in nothing that is stored.
    pub fn secrets(&self) -> Vec<String> {
        let mut secrets = vec![self.marker.clone()];
        secrets.extend(
            self.patients()
                .everybody()
                .map(|patient| patient.case.cnie.clone()),
        );
        secrets
    }
}

fn newcomer() -> Result<Patient, String> {
    Ok(Patient {
        case: Case::new().map_err(said)?,
        id: String::new(),
        session: Session::default(),
    })
}

/// An error in one line.
pub fn said(error: CliError) -> String {
    error.for_people().replace('\n', " ")
}

/// No answer, in few words.
pub fn silence(error: reqwest::Error) -> String {
    if error.is_timeout() {
        "no answer in time".to_owned()
    } else if error.is_connect() {
        "no connection".to_owned()
    } else {
        "the connection broke".to_owned()
    }
}
