//! Looks, asks, writes: for ever, on the replica that leads.

use std::sync::{Arc, LazyLock};
use std::time::{Duration, Instant};

use dmp_api::tls_probe::{CONFIG_MAP, KEY, Observation};
use dmp_core::problem::Chain;
use futures::StreamExt as _;
use jiff::Timestamp;
use kube::Client;
use prometheus::{IntGaugeVec, Opts};
use rustls::RootCertStore;
use rustls_pki_types::CertificateDer;
use rustls_pki_types::pem::PemObject as _;

use super::memory::{Count, Memory};
use super::probe::{Roots, probe};
use super::targets;
use crate::apply::ApplyError;
use crate::observed;
use crate::openbao::OpenBao;

/// Field manager of the ConfigMap.
const MANAGER: &str = "dmp-operator/tls-probe";
/// Between two looks at which endpoints there are.
const LOOK: Duration = Duration::from_secs(120);
/// Endpoints asked at once: each by one connection at a time.
const AT_ONCE: usize = 8;

static ENDPOINTS: LazyLock<Option<IntGaugeVec>> = LazyLock::new(|| {
    let options = Opts::new(
        "dmp_tls_endpoints",
        "Endpoints of the platform as the replica that leads probed them, by verdict; 0 on the others.",
    );
    dmp_core::metrics::registered(IntGaugeVec::new(options, &["verdict"]))
});

#[derive(Debug, thiserror::Error)]
pub(super) enum Error {
    #[error("the platform's Services cannot be listed")]
    Services(#[from] kube::Error),
    #[error("OpenBao does not say whom to trust")]
    OpenBao(#[from] dmp_keys::openbao::Error),
    #[error("OpenBao names no authority to trust")]
    Nobody,
    #[error("a trusted certificate is not PEM")]
    Pem(#[from] rustls_pki_types::pem::Error),
    #[error("a trusted certificate is not usable")]
    Root(#[from] dmp_core::tls::TlsError),
    #[error(transparent)]
    Written(#[from] ApplyError),
}

/// Probes for ever.
pub async fn run(client: Client, openbao: OpenBao) {
    // Who does not lead any more says nothing.
    let _told = Told;
    let mut memory = Memory::default();
    loop {
        if let Err(error) = round(&client, &openbao, &mut memory).await {
            tracing::warn!(error = %Chain(&error), "TLS could not be probed");
        }
        tell(memory.count());
        tokio::time::sleep(LOOK).await;
    }
}

async fn round(client: &Client, openbao: &OpenBao, memory: &mut Memory) -> Result<(), Error> {
    let due = memory.due(targets::find(client).await?, Instant::now());
    if !due.is_empty() {
        let trust = openbao.trust(&[]).await?;
        let roots = Roots {
            platform: trusted(&trust.ca)?,
            openbao: trusted(&trust.openbao_ca)?,
        };
        let ask = async |target| {
            let outcome = probe(&target, &roots).await;
            (target, outcome)
        };
        let mut asked = futures::stream::iter(due).map(ask).buffer_unordered(AT_ONCE);
        while let Some((target, outcome)) = asked.next().await {
            match &outcome {
                Ok(endpoint) if endpoint.is_good() => {}
                Ok(endpoint) => tracing::error!(
                    endpoint = target.name, versions = ?endpoint.versions, asks = endpoint.asks_for_certificate,
                    why = endpoint.why, "TLS of an endpoint is not as it should be"
                ),
                Err(error) => {
                    tracing::info!(endpoint = target.name, %error, "TLS of an endpoint could not be probed")
                }
            }
            memory.done(&target, outcome, Instant::now());
        }
    }
    if let Some(endpoints) = memory.news(Instant::now()) {
        leave(client, &Observation::new(Timestamp::now(), endpoints.clone())).await?;
        memory.written(endpoints, Instant::now());
    }
    Ok(())
}

/// Writes it where the evaluator looks.
///
/// # Errors
/// When the API server refuses or does not answer.
pub async fn leave(client: &Client, observation: &Observation) -> Result<(), ApplyError> {
    observed::leave(client, MANAGER, (CONFIG_MAP, KEY), observation).await
}

/// The certificates of a PEM text as trust anchors.
pub(super) fn trusted(pem: &str) -> Result<Arc<RootCertStore>, Error> {
    let certificates = CertificateDer::pem_slice_iter(pem.as_bytes()).collect::<Result<Vec<_>, _>>()?;
    if certificates.is_empty() {
        return Err(Error::Nobody);
    }
    Ok(Arc::new(dmp_core::tls::roots(certificates)?))
}

fn tell(count: Count) {
    let Some(gauge) = &*ENDPOINTS else { return };
    for (verdict, number) in [
        ("good", count.good),
        ("bad", count.bad),
        ("unreachable", count.unreachable),
    ] {
        gauge.with_label_values(&[verdict]).set(number);
    }
}

/// Takes back what was told, when the lease is lost.
struct Told;

impl Drop for Told {
    fn drop(&mut self) {
        tell(Count::default());
    }
}
