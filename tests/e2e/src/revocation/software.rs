//! One piece of software with one connection, and the gateway it leads to: each has a certificate of its own.

use std::time::{Duration, Instant};

use dmpctl::demo::gateway::Gateway;
use reqwest::tls::TlsInfo;
use reqwest::{Certificate, Client, Identity};

/// A read that passes admission and asks nothing of any other part.
const PATH: &str = "/fhir/metadata";
/// A new credential is known to the gateways with the next facts.
const KNOWN_WITHIN: Duration = Duration::from_secs(30);
const TIMEOUT: Duration = Duration::from_secs(5);

/// A live connection.
#[derive(Clone)]
pub struct Software {
    http: Client,
    url: String,
    /// The certificate that the gateway showed: which of them it is.
    pub gateway: Vec<u8>,
}

/// Nothing is sent yet; `timeout` is for one answer.
pub(crate) fn client(gateway: &Gateway, identity: &str, timeout: Duration) -> Client {
    let roots = Certificate::from_pem_bundle(gateway.ca.as_bytes()).unwrap();
    Client::builder()
        .tls_certs_only(roots)
        .identity(Identity::from_pem(identity.as_bytes()).unwrap())
        .tls_info(true)
        .https_only(true)
        .no_proxy()
        .timeout(timeout)
        .build()
        .unwrap()
}

fn url(gateway: &Gateway) -> String {
    format!("{}{PATH}", gateway.base)
}

async fn ask(http: &Client, url: &str) -> Result<reqwest::Response, String> {
    http.get(url)
        .send()
        .await
        .map_err(|error| error.without_url().to_string())
}

/// Status of a request on a connection of its own.
pub async fn newcomer(gateway: &Gateway, identity: &str) -> Result<u16, String> {
    let answer = ask(&client(gateway, identity, TIMEOUT), &url(gateway)).await?;
    Ok(answer.status().as_u16())
}

impl Software {
    /// Connects anew until it is answered.
    pub async fn connect(gateway: &Gateway, identity: &str) -> Self {
        let (url, since) = (url(gateway), Instant::now());
        loop {
            let http = client(gateway, identity, TIMEOUT);
            let answer = ask(&http, &url).await;
            if let Ok(answer) = &answer
                && answer.status().is_success()
            {
                let shown = answer.extensions().get::<TlsInfo>();
                let certificate = shown.and_then(TlsInfo::peer_certificate);
                return Self {
                    gateway: certificate.expect("the gateway's certificate").to_vec(),
                    http,
                    url,
                };
            }
            assert!(since.elapsed() < KNOWN_WITHIN, "not answered: {answer:?}");
            tokio::time::sleep(Duration::from_millis(200)).await;
        }
    }

    /// Status of a request on this connection (or a new one, when it has been closed).
    pub async fn ask(&self) -> Result<u16, String> {
        let answer = ask(&self.http, &self.url).await?;
        let status = answer.status().as_u16();
        // The connection is free again once the body has been read.
        answer.bytes().await.map_err(|error| error.to_string())?;
        Ok(status)
    }
}
