//! One run of the solution: what it is given, on which platform, and what was heard of it.

use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use dmp_conformance::exchange::Exchange;
use dmp_conformance::suite;
use dmp_solution::error::SolutionError;
use dmp_solution::habits::Habits;
use dmp_solution::report::Report;
use dmp_solution::task::Task;
use dmp_testkit::Validity;
use serde_json::{Value, json};
use tempfile::TempDir;

use crate::platform::{CONTENT, Fault, ID_TOKEN, PKI, Platform, Play};

const CNIE: &str = "https://dmp.ma/sid/cnie";

/// How a run ended, and what the platform heard.
pub type Played = (Result<Report, SolutionError>, Vec<Exchange>);

/// Plays these on the first, second … request of their operation.
pub async fn play(action: &str, given: &Value, plays: &[(&str, Play)], habits: Habits) -> Played {
    let fault = |(at, (on, play)): (usize, &(&str, Play))| Fault {
        id: format!("fault-{at}"),
        on: (*on).to_owned(),
        nth: 1 + plays[..at].iter().filter(|(other, _)| other == on).count(),
        play: *play,
    };
    let faults = plays.iter().enumerate().map(fault).collect();
    run(action, given, faults, false, habits).await
}

/// A test of the conformance suite, with what it was given.
pub async fn sit(test: &suite::Test, habits: Habits) -> (Value, Vec<Exchange>) {
    let mut given = given();
    given["begun"] = jiff::Timestamp::now().to_string().into();
    if test.given.changed {
        given["changed"] = given["patient"].clone();
        given["changed"]["telecom"] = json!([{ "system": "phone", "value": "+212600000001" }]);
        given["changed"]["address"] = json!([{ "city": "Fès" }]);
    }
    if test.given.unknown {
        given["unknown"] = json!({ "system": CNIE, "value": "XT000000" });
    }
    let faults = test.faults.iter().flat_map(|fault| {
        (0..fault.times).map(|further| Fault {
            id: fault.id.clone(),
            on: fault.on.clone(),
            nth: (fault.nth + further) as usize,
            play: match &fault.play {
                suite::Play::Answer(answer) => Play::Answer(answer.status, answer.retry_after),
                suite::Play::Lose(answer) => Play::Lose(answer.status, answer.retry_after),
                suite::Play::Corrupt => Play::Corrupt,
            },
        })
    });
    let action = test.action.as_str();
    let (_, heard) = run(action, &given, faults.collect(), test.given.opposed, habits).await;
    (given, heard)
}

async fn run(action: &str, given: &Value, faults: Vec<Fault>, opposed: bool, habits: Habits) -> Played {
    let platform = Platform::start(faults, opposed).await;
    let files = Files::new();
    let task = files.task(action, &platform.service.base(), given);
    let report = dmp_solution::run(&Task::read(&task.to_string()).unwrap(), habits).await;
    (report, platform.heard())
}

/// Good habits with short pauses, where nobody said how long they must be.
pub fn quick() -> Habits {
    let mut habits = Habits::default();
    habits.patience.first_pause = Duration::from_millis(20);
    habits
}

/// The software's certificate and the CA of the gateway, as files.
pub struct Files(TempDir);

impl Files {
    pub fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let validity = Validity::For(Duration::from_secs(3600));
        let own = PKI.solution_certificate("vendor-atlas", "reference", validity);
        let files = [
            ("ca.pem", PKI.root_pem()),
            ("identity.pem", own.chain_pem + &own.key_pem),
        ];
        for (name, text) in files {
            std::fs::write(folder.path().join(name), text).unwrap();
        }
        Self(folder)
    }

    pub fn task(&self, action: &str, gateway: &str, given: &Value) -> Value {
        json!({
            "test": "profile/test", "action": action, "gateway": gateway,
            "ca": self.0.path().join("ca.pem"), "identity": self.0.path().join("identity.pem"),
            "idToken": ID_TOKEN, "purpose": "TREAT", "given": given,
        })
    }
}

pub fn given() -> Value {
    json!({
        "patient": {
            "resourceType": "Patient",
            "identifier": [
                { "system": CNIE, "value": "XT123456" },
                { "system": "urn:oid:2.999.1", "value": "ipp-7" },
            ],
            "name": [{ "family": "Essai", "given": ["Test"] }],
            "birthDate": "1964-03-07",
            "gender": "female",
        },
        "document": {
            "title": "Lettre", "contentType": "application/hl7-cda+xml",
            "type": { "system": "http://loinc.org", "code": "34105-7", "display": "Discharge summary" },
            "format": "urn:ihe:pcc:xds-ms:2007",
            "uniqueId": "urn:oid:2.25.77",
            "data": STANDARD.encode(CONTENT),
        },
    })
}
