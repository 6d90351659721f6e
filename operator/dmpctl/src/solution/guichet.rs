//! The guichet, as `dmpctl` speaks to it: HTTPS with a person's log-in, no software's certificate.

use std::path::PathBuf;
use std::time::{Duration, Instant};

use clap::Args;
use dmp_homologation::canonical::digest;
use dmp_homologation::guichet::{Entries, Entry, IdToken, SandboxLogIn, VendorView};
use reqwest::{Certificate, Client, Method};
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::Value;
use tokio::process::Command;
use tokio::sync::Mutex;

use super::log_in::token_of;
use crate::error::{CliError, Result};

/// A bill of materials of megabytes over a slow line.
const TIMEOUT: Duration = Duration::from_secs(120);
/// Between two looks at something that the platform is about to do.
const PAUSE: Duration = Duration::from_millis(500);
/// A log-in is asked for again after this time; it lives for five minutes.
const LOG_IN_LIFE: Duration = Duration::from_secs(200);

/// Where the guichet is, and who comes.
#[derive(Args, Clone, Debug)]
pub struct GuichetOptions {
    /// `https://host:port` of the guichet
    #[arg(long, env = "DMP_GUICHET")]
    pub guichet: String,
    /// File with the CA of its certificate (PEM)
    #[arg(long, env = "DMP_CA")]
    pub ca: PathBuf,
    /// Command (for `sh -c`) that prints your identity token (OIDC), of an issuer of the platform
    #[arg(long, env = "DMP_GUICHET_LOG_IN")]
    pub as_person: String,
}

/// The guichet, for one person.
pub struct Guichet {
    http: Client,
    base: String,
    log_in: String,
    token: Mutex<Option<(String, Instant)>>,
}

impl Guichet {
    /// # Errors
    /// `file`, `tls`.
    pub fn new(options: &GuichetOptions) -> Result<Self> {
        let ca = std::fs::read(&options.ca).map_err(|source| CliError::file(&options.ca, source))?;
        let unusable = |source: reqwest::Error| {
            CliError::new("tls", "the CA of the guichet is not usable", "check DMP_CA").because(source)
        };
        let http = Client::builder()
            .tls_certs_only(Certificate::from_pem_bundle(&ca).map_err(unusable)?)
            .https_only(true)
            .no_proxy()
            .timeout(TIMEOUT)
            .redirect(reqwest::redirect::Policy::none())
            .build()
            .map_err(unusable)?;
        Ok(Self {
            http,
            base: format!("{}/guichet/v1", options.guichet.trim_end_matches('/')),
            log_in: options.as_person.clone(),
            token: Mutex::default(),
        })
    }

    /// # Errors
    /// `guichet-refused` with the guichet's code and text, as every method here; `guichet-unreachable`.
    pub async fn get<T: DeserializeOwned>(&self, path: &str) -> Result<T> {
        self.ask(Method::GET, path, None::<&Value>).await
    }

    /// A whole list, part after part.
    pub async fn list(&self, path: &str) -> Result<Vec<Entry>> {
        let mut all = Vec::new();
        let mut part = path.to_owned();
        loop {
            let entries: Entries = self.get(&part).await?;
            all.extend(entries.entries);
            let Some(next) = entries.next else {
                return Ok(all);
            };
            let next: String = url::form_urlencoded::byte_serialize(next.as_bytes()).collect();
            part = format!("{path}?continue={next}");
        }
    }

    pub async fn post<T: DeserializeOwned>(&self, path: &str, body: &impl Serialize) -> Result<T> {
        self.ask(Method::POST, path, Some(body)).await
    }

    pub async fn put<T: DeserializeOwned>(&self, path: &str, body: Option<&Value>) -> Result<T> {
        self.ask(Method::PUT, path, body).await
    }

    async fn ask<T: DeserializeOwned>(
        &self,
        method: Method,
        path: &str,
        body: Option<&impl Serialize>,
    ) -> Result<T> {
        let token = self.token().await?;
        let mut request = self
            .http
            .request(method, format!("{}/{path}", self.base))
            .bearer_auth(token);
        if let Some(body) = body {
            request = request.json(body);
        }
        let response = request.send().await.map_err(unreachable)?;
        let status = response.status();
        let bytes = response.bytes().await.map_err(unreachable)?;
        if status.is_success() {
            return serde_json::from_slice(&bytes).map_err(|source| {
                CliError::new(
                    "guichet-not-understood",
                    "the guichet's answer is not understood",
                    "use the dmpctl of the platform's release",
                )
                .because(source)
            });
        }
        Err(refused(status.as_u16(), &bytes))
    }

    /// The person's log-in; the command is asked again before it has expired.
    async fn token(&self) -> Result<String> {
        let mut held = self.token.lock().await;
        if let Some((token, since)) = &*held
            && since.elapsed() < LOG_IN_LIFE
        {
            return Ok(token.clone());
        }
        let remedy = "the command of --as-person (DMP_GUICHET_LOG_IN) must print your identity token (OIDC) and end with 0";
        let mut command = Command::new("sh");
        let token = token_of(command.args(["-c", &self.log_in]), "the log-in command", remedy).await?;
        *held = Some((token.clone(), Instant::now()));
        Ok(token)
    }

    /// The vendor, once the platform has given it its place.
    ///
    /// # Errors
    /// `vendor-not-ready` with the platform's reason, after 60 s.
    pub async fn placed(&self, vendor: &str) -> Result<VendorView> {
        let start = Instant::now();
        loop {
            let view: VendorView = self.get(&format!("vendors/{vendor}")).await?;
            if view.ready {
                return Ok(view);
            }
            if start.elapsed() > Duration::from_secs(60) {
                return Err(CliError::new(
                    "vendor-not-ready",
                    format!(
                        "the vendor has no place yet: {}",
                        view.message.unwrap_or_default()
                    ),
                    "ask whoever runs the platform, or run the command again",
                ));
            }
            tokio::time::sleep(PAUSE).await;
        }
    }

    /// A credential, once the platform has judged it.
    ///
    /// # Errors
    /// `certificate-refused` with the platform's reason, or after 60 s.
    pub async fn certificate(&self, vendor: &str, name: &str, csr: &str) -> Result<String> {
        let start = Instant::now();
        loop {
            let entry: Entry = self.get(&format!("vendors/{vendor}/credentials/{name}")).await?;
            let status = entry.status.unwrap_or_default();
            // What the status says may still be about the request before this one.
            let signed = status["csrSha256"].as_str() == Some(&digest(csr.as_bytes()));
            let judged =
                entry.generation.is_some() && status["observedGeneration"].as_i64() == entry.generation;
            let ready = condition(&status, "Ready");
            let certificate = status["certificate"].as_str();
            if let (true, Some(("True", _)), Some(certificate)) = (signed, ready, certificate) {
                return Ok(certificate.to_owned());
            }
            let stalled = condition(&status, "Stalled").filter(|(state, _)| *state == "True" && judged);
            let reason = stalled.or(ready).map(|(_, message)| message).unwrap_or_default();
            if stalled.is_some() || start.elapsed() > Duration::from_secs(60) {
                return Err(CliError::new(
                    "certificate-refused",
                    format!("no certificate for `{name}`: {reason}"),
                    "correct what the message names; `dmpctl solution show` tells where everything stands",
                ));
            }
            tokio::time::sleep(PAUSE).await;
        }
    }

    /// One of the sandbox's people logs in.
    ///
    /// # Errors
    /// `guichet-refused`.
    pub async fn sandbox_log_in(&self, vendor: &str, person: &SandboxLogIn) -> Result<String> {
        let token: IdToken = self
            .post(&format!("vendors/{vendor}/sandbox/log-ins"), person)
            .await?;
        Ok(token.id_token)
    }
}

/// Status and message of a condition.
pub fn condition<'a>(status: &'a Value, name: &str) -> Option<(&'a str, &'a str)> {
    let conditions = status["conditions"].as_array()?;
    let found = conditions
        .iter()
        .find(|condition| condition["type"].as_str() == Some(name))?;
    Some((
        found["status"].as_str()?,
        found["message"].as_str().unwrap_or_default(),
    ))
}

fn refused(status: u16, body: &[u8]) -> CliError {
    let problem: Value = serde_json::from_slice(body).unwrap_or_default();
    let text = |name: &str| problem[name].as_str().unwrap_or_default().to_owned();
    let (code, title, detail) = (text("code"), text("title"), text("detail"));
    let said = if detail.is_empty() {
        title
    } else {
        format!("{title}: {detail}")
    };
    CliError::new(
        "guichet-refused",
        format!("the guichet says {status} {code}: {said}"),
        "correct what it names and run the command again (codes: docs/errors.md)",
    )
}

fn unreachable(source: reqwest::Error) -> CliError {
    CliError::new(
        "guichet-unreachable",
        "the guichet does not answer",
        "check DMP_GUICHET and DMP_CA (`dmpctl appliance env`)",
    )
    .because(source.without_url())
}
