//! A vendor's software as the gateway sees it: an HTTP client with the software's certificate.

use std::time::Duration;

use reqwest::header::{ACCEPT, CONTENT_TYPE, LOCATION};
use reqwest::{Certificate, Client, Identity, Method, StatusCode};
use serde_json::Value;

use crate::error::{CliError, Result};

const TIMEOUT: Duration = Duration::from_secs(30);
const FHIR: &str = "application/fhir+json";

/// The one way in.
#[derive(Clone, Debug)]
pub struct Gateway {
    /// `https://host:port`, without a final slash.
    pub base: String,
    /// PEM of the CA of its certificate.
    pub ca: String,
}

/// One answer.
#[derive(Clone)]
pub struct Reply {
    pub status: StatusCode,
    pub content_type: String,
    pub location: Option<String>,
    pub body: Vec<u8>,
}

impl Reply {
    /// The body as JSON; `Null` when it is none.
    pub fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap_or(Value::Null)
    }

    /// The stable code of an error, from an `OperationOutcome`, a problem or an OAuth error.
    pub fn code(&self) -> String {
        let body = self.json();
        ["/issue/0/details/coding/0/code", "/code", "/error"]
            .iter()
            .find_map(|pointer| body.pointer(pointer)?.as_str().map(str::to_owned))
            .unwrap_or_default()
    }

    /// Status and code, for people.
    pub fn summary(&self) -> String {
        let code = self.code();
        if code.is_empty() {
            self.status.as_u16().to_string()
        } else {
            format!("{} {code}", self.status.as_u16())
        }
    }

    /// What a refusal looks like from outside: nothing else may differ between refusals.
    pub fn outside(&self) -> (StatusCode, &str, &[u8]) {
        (self.status, &self.content_type, &self.body)
    }
}

/// Software with (or, to try it, without) a certificate. Its connection stays open between calls.
#[derive(Clone)]
pub struct Software {
    http: Client,
    base: String,
    identity_pem: Option<String>,
    ca: String,
}

impl Software {
    /// `identity_pem`: certificate chain and private key.
    ///
    /// # Errors
    /// `tls` when CA or identity are not usable.
    pub fn new(gateway: &Gateway, identity_pem: Option<String>) -> Result<Self> {
        let http = client(&gateway.ca, identity_pem.as_deref())?;
        Ok(Self {
            http,
            base: gateway.base.clone(),
            identity_pem,
            ca: gateway.ca.clone(),
        })
    }

    /// Certificate chain and private key, PEM: for a file of the software's own.
    pub fn identity_pem(&self) -> Option<&str> {
        self.identity_pem.as_deref()
    }

    /// The same software with no connection open yet.
    ///
    /// # Errors
    /// As [`Software::new`].
    pub fn reconnected(&self) -> Result<Self> {
        let http = client(&self.ca, self.identity_pem.as_deref())?;
        Ok(Self { http, ..self.clone() })
    }

    /// Exchanges a person's identity token for a token of the platform.
    ///
    /// # Errors
    /// `token-refused` with the gateway's code.
    pub async fn token_for(&self, identity_token: &str, purpose: &str) -> Result<String> {
        let form = [
            ("grant_type", "urn:ietf:params:oauth:grant-type:token-exchange"),
            ("subject_token", identity_token),
            ("subject_token_type", "urn:ietf:params:oauth:token-type:id_token"),
            ("purpose", purpose),
        ];
        self.token(&form).await
    }

    /// The token of a directory source.
    ///
    /// # Errors
    /// `token-refused`.
    pub async fn own_token(&self) -> Result<String> {
        self.token(&[("grant_type", "client_credentials")]).await
    }

    /// As [`Software::token_for`], for a certificate that was issued a moment ago: it reaches the gateways with the
    /// facts, within a second or two.
    ///
    /// # Errors
    /// As [`Software::token_for`], after 15 s.
    pub async fn token_when_known(&self, identity_token: &str, purpose: &str) -> Result<String> {
        let start = std::time::Instant::now();
        loop {
            match self.token_for(identity_token, purpose).await {
                Err(_) if start.elapsed() < Duration::from_secs(15) => {
                    tokio::time::sleep(Duration::from_millis(500)).await
                }
                done => return done,
            }
        }
    }

    async fn token(&self, form: &[(&str, &str)]) -> Result<String> {
        let reply = self
            .form("/oauth2/token", None, form)
            .await
            .map_err(unreachable)?;
        let token = reply
            .json()
            .get("access_token")
            .and_then(Value::as_str)
            .map(str::to_owned);
        token.ok_or_else(|| {
            CliError::new(
                "token-refused",
                format!("the gateway gave no token: {}", reply.summary()),
                "look at `dmpctl status`; the demonstration needs Platform.spec.demonstration and its directory",
            )
        })
    }

    /// `application/x-www-form-urlencoded` POST.
    ///
    /// # Errors
    /// When there was no answer.
    pub async fn form(
        &self,
        path: &str,
        token: Option<&str>,
        form: &[(&str, &str)],
    ) -> reqwest::Result<Reply> {
        let body = url::form_urlencoded::Serializer::new(String::new())
            .extend_pairs(form)
            .finish();
        let request = self.http.post(format!("{}{path}", self.base)).body(body);
        answer(bearer(request, token).header(CONTENT_TYPE, "application/x-www-form-urlencoded")).await
    }

    /// # Errors
    /// When there was no answer.
    pub async fn get(&self, path: &str, token: Option<&str>) -> reqwest::Result<Reply> {
        let request = self
            .http
            .get(format!("{}{path}", self.base))
            .header(ACCEPT, "*/*");
        answer(bearer(request, token)).await
    }

    /// POST of anything, without a token.
    ///
    /// # Errors
    /// When there was no answer.
    pub async fn post(&self, path: &str, content_type: &str, body: String) -> reqwest::Result<Reply> {
        let request = self.http.post(format!("{}{path}", self.base)).body(body);
        answer(request.header(CONTENT_TYPE, content_type).header(ACCEPT, "*/*")).await
    }

    /// POST or PUT of a FHIR resource.
    ///
    /// # Errors
    /// When there was no answer.
    pub async fn send(
        &self,
        method: Method,
        path: &str,
        token: Option<&str>,
        body: &Value,
    ) -> reqwest::Result<Reply> {
        self.send_text(method, path, token, body.to_string()).await
    }

    /// As [`Software::send`], with any text as the body.
    ///
    /// # Errors
    /// When there was no answer.
    pub async fn send_text(
        &self,
        method: Method,
        path: &str,
        token: Option<&str>,
        body: String,
    ) -> reqwest::Result<Reply> {
        let request = self
            .http
            .request(method, format!("{}{path}", self.base))
            .body(body);
        answer(
            bearer(request, token)
                .header(CONTENT_TYPE, FHIR)
                .header(ACCEPT, FHIR),
        )
        .await
    }
}

fn bearer(request: reqwest::RequestBuilder, token: Option<&str>) -> reqwest::RequestBuilder {
    match token {
        Some(token) => request.bearer_auth(token),
        None => request,
    }
}

async fn answer(request: reqwest::RequestBuilder) -> reqwest::Result<Reply> {
    let response = request.send().await?;
    let header = |name| {
        response
            .headers()
            .get(name)
            .and_then(|value| value.to_str().ok())
            .map(str::to_owned)
    };
    let (content_type, location) = (header(CONTENT_TYPE).unwrap_or_default(), header(LOCATION));
    Ok(Reply {
        status: response.status(),
        content_type,
        location,
        body: response.bytes().await?.to_vec(),
    })
}

fn client(ca: &str, identity_pem: Option<&str>) -> Result<Client> {
    let unusable = |source: reqwest::Error| {
        CliError::new(
            "tls",
            "the gateway's CA or the software's certificate is not usable",
            "check DMP_CA",
        )
        .because(source)
    };
    let roots = Certificate::from_pem_bundle(ca.as_bytes()).map_err(unusable)?;
    let mut builder = Client::builder()
        .tls_certs_only(roots)
        .https_only(true)
        .no_proxy()
        .timeout(TIMEOUT)
        .redirect(reqwest::redirect::Policy::none());
    if let Some(pem) = identity_pem {
        builder = builder.identity(Identity::from_pem(pem.as_bytes()).map_err(unusable)?);
    }
    builder.build().map_err(unusable)
}

/// The gateway did not answer at all.
pub fn unreachable(source: reqwest::Error) -> CliError {
    CliError::new(
        "gateway-unreachable",
        "the gateway does not answer",
        "check DMP_GATEWAY and DMP_CA (`dmpctl appliance env`) and `dmpctl status`",
    )
    .because(source.without_url())
}
