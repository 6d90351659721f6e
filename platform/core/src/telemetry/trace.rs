//! Traces of requests through the services, sent by OTLP (HTTP/protobuf). Off unless `[service.telemetry]` has an endpoint.
//!
//! A span is made here, of its route template, method, status, service and correlation id, and of nothing else: no log
//! line, no field and no header of a request can get into one. A trace begins at the gateway; it goes on from service
//! to service by the `traceparent` of W3C Trace Context (no `tracestate`, no baggage), taken from the platform's services
//! alone, as the correlation id is. What cannot be sent is dropped: a collector that is away never holds up a request.

use std::sync::OnceLock;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use async_trait::async_trait;
use axum::body::Bytes;
use axum::extract::{MatchedPath, Request};
use http::{HeaderMap, HeaderValue, StatusCode};
use opentelemetry::propagation::{Extractor, Injector, TextMapPropagator as _};
use opentelemetry::trace::{SpanKind, Status, TraceContextExt as _, Tracer as _, TracerProvider as _};
use opentelemetry::{Context, KeyValue};
use opentelemetry_http::{HttpClient, HttpError};
use opentelemetry_otlp::{SpanExporter, WithExportConfig as _, WithHttpConfig as _};
use opentelemetry_sdk::Resource;
use opentelemetry_sdk::propagation::TraceContextPropagator;
use opentelemetry_sdk::trace::{Sampler, SdkTracer, SdkTracerProvider};
use tokio::runtime::Handle;
use uuid::Uuid;

use crate::config::ServiceConfig;
use crate::metrics::method_label;
use crate::problem::Chain;
use crate::tls::{TlsError, plain_http_client, roots_of_file};

/// `traceparent`, the one header of W3C Trace Context that is read and written.
pub const TRACEPARENT: &str = "traceparent";

/// How long the last spans may take to be sent at the end of the process.
const END_TIMEOUT: Duration = Duration::from_secs(3);

#[derive(Debug, thiserror::Error)]
pub enum TracesError {
    #[error("`otlp_endpoint` is not an http or https URL without credentials")]
    Endpoint,
    #[error("`sample_ratio` is not between 0 and 1")]
    Ratio,
    #[error("the client of `otlp_endpoint` cannot be made")]
    Tls(#[from] TlsError),
    #[error("the exporter cannot be made")]
    Exporter(#[from] opentelemetry_otlp::ExporterBuildError),
}

struct Traces {
    provider: SdkTracerProvider,
    tracer: SdkTracer,
}

/// One process is one service.
static TRACES: OnceLock<Traces> = OnceLock::new();

/// Begins to send traces when the configuration has an endpoint; a second call changes nothing.
///
/// # Errors
/// When the configuration cannot be used.
pub(crate) fn start(config: &ServiceConfig) -> Result<(), TracesError> {
    let telemetry = &config.telemetry;
    let Some(endpoint) = &telemetry.otlp_endpoint else {
        return Ok(());
    };
    let url: url::Url = endpoint.parse().map_err(|_| TracesError::Endpoint)?;
    let open = url.username().is_empty() && url.password().is_none();
    if !matches!(url.scheme(), "http" | "https") || !open {
        return Err(TracesError::Endpoint);
    }
    if !(0.0..=1.0).contains(&telemetry.sample_ratio) {
        return Err(TracesError::Ratio);
    }
    let roots = if url.scheme() == "https" {
        let own = config.trust_dir.join("ca.crt");
        roots_of_file(telemetry.otlp_ca.as_ref().unwrap_or(&own))?
    } else {
        rustls::RootCertStore::empty()
    };
    let collector = Collector {
        http: plain_http_client(roots)?,
        runtime: Handle::current(),
        failing: AtomicBool::default(),
    };
    let exporter = SpanExporter::builder()
        .with_http()
        .with_http_client(collector)
        .with_endpoint(endpoint)
        .build()?;
    let resource = Resource::builder_empty()
        .with_attributes([
            KeyValue::new("service.name", config.name.clone()),
            KeyValue::new("service.namespace", config.namespace.clone()),
            KeyValue::new("service.version", env!("CARGO_PKG_VERSION")),
        ])
        .build();
    let sampler = Sampler::ParentBased(Box::new(Sampler::TraceIdRatioBased(telemetry.sample_ratio)));
    let provider = SdkTracerProvider::builder()
        .with_batch_exporter(exporter)
        .with_sampler(sampler)
        .with_resource(resource)
        .build();
    let tracer = provider.tracer("dmp");
    let _second = TRACES.set(Traces { provider, tracer });
    Ok(())
}

/// Sends what is left. Nothing is sent afterwards.
pub(crate) async fn end() {
    let ended = tokio::task::spawn_blocking(|| {
        TRACES
            .get()
            .map(|traces| traces.provider.shutdown_with_timeout(END_TIMEOUT))
    });
    if let Ok(Some(Err(error))) = ended.await {
        tracing::warn!(error = %Chain(&error), "the last traces were not sent");
    }
}

/// The span of a request that begins now, as the context of what it does. None when traces are off, and for what a
/// service does on its own (a call without `traceparent`).
pub(crate) fn of_request(request: &Request, from_service: bool, correlation: Uuid) -> Option<Context> {
    let traces = TRACES.get()?;
    let mut parent = Context::new();
    if from_service {
        parent = TraceContextPropagator::new().extract_with_context(&parent, &Incoming(request.headers()));
        if !parent.span().span_context().is_valid() {
            return None;
        }
    }
    let method = method_label(request.method());
    let route = request.extensions().get::<MatchedPath>();
    let route = route.map_or("none", MatchedPath::as_str).to_owned();
    let builder = traces
        .tracer
        .span_builder(format!("{method} {route}"))
        .with_kind(SpanKind::Server)
        .with_attributes([
            KeyValue::new("http.request.method", method),
            KeyValue::new("http.route", route),
            KeyValue::new("dmp.correlation", correlation.to_string()),
        ]);
    let span = traces.tracer.build_with_context(builder, &parent);
    Some(parent.with_span(span))
}

/// Ends the span of an answered request.
pub(crate) fn finish(context: &Context, status: StatusCode) {
    let span = context.span();
    span.set_attribute(KeyValue::new(
        "http.response.status_code",
        i64::from(status.as_u16()),
    ));
    if status.is_server_error() {
        span.set_status(Status::error(""));
    }
    span.end();
}

/// Adds `traceparent` of the request at work, if it is traced.
pub(crate) fn pass_on(headers: &mut HeaderMap) {
    if TRACES.get().is_some() {
        TraceContextPropagator::new().inject_context(&Context::current(), &mut Outgoing(headers));
    }
}

/// Shows the propagator `traceparent` and no other header.
struct Incoming<'a>(&'a HeaderMap);

impl Extractor for Incoming<'_> {
    fn get(&self, key: &str) -> Option<&str> {
        let value = (key == TRACEPARENT).then(|| self.0.get(TRACEPARENT))?;
        value.and_then(|value| value.to_str().ok())
    }

    fn keys(&self) -> Vec<&str> {
        vec![TRACEPARENT]
    }
}

struct Outgoing<'a>(&'a mut HeaderMap);

impl Injector for Outgoing<'_> {
    fn set(&mut self, key: &str, value: String) {
        if key == TRACEPARENT
            && let Ok(value) = HeaderValue::try_from(value)
        {
            self.0.insert(TRACEPARENT, value);
        }
    }
}

/// Where traces go. The exporter's thread knows no runtime: requests run on the service's.
#[derive(Debug)]
struct Collector {
    http: reqwest::Client,
    runtime: Handle,
    /// Only a change is worth a line in the log.
    failing: AtomicBool,
}

#[async_trait]
impl HttpClient for Collector {
    async fn send_bytes(&self, request: http::Request<Bytes>) -> Result<http::Response<Bytes>, HttpError> {
        let request = reqwest::Request::try_from(request)?;
        let http = self.http.clone();
        // The call itself needs the runtime (its timers), not only its answer.
        let sent = self
            .runtime
            .spawn(async move { http.execute(request).await })
            .await?;
        let outcome = sent.and_then(reqwest::Response::error_for_status);
        let failed = outcome.is_err();
        match (self.failing.swap(failed, Ordering::Relaxed), outcome) {
            (false, Err(error)) => {
                let error = error.without_url();
                tracing::warn!(error = %Chain(&error), "traces are not taken; they are dropped");
                Err(error.into())
            }
            (true, Err(error)) => Err(error.without_url().into()),
            (was_failing, Ok(response)) => {
                if was_failing {
                    tracing::info!("traces are taken again");
                }
                // What the collector says beside its status is of no use here.
                let mut answer = http::Response::new(Bytes::new());
                *answer.status_mut() = response.status();
                Ok(answer)
            }
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;

    fn started(endpoint: &str, ratio: f64) -> Result<(), TracesError> {
        let text = format!(
            "domain = \"dmp.test\"\nname = \"x\"\nnamespace = \"n\"\ntrust_dir = \"/nowhere\"\n\
             [openbao]\naddress = \"http://127.0.0.1:1\"\nauth = {{ kind = \"token-file\", path = \"/nowhere\" }}\n\
             [telemetry]\notlp_endpoint = {endpoint:?}\nsample_ratio = {ratio:?}\n"
        );
        start(&toml::from_str(&text).unwrap())
    }

    #[test]
    fn what_cannot_be_an_endpoint_ends_the_start() {
        for wrong in [
            "collector:4318",
            "ftp://collector/v1/traces",
            "http://user:pass@collector/v1/traces",
        ] {
            assert!(
                matches!(started(wrong, 0.1), Err(TracesError::Endpoint)),
                "{wrong}"
            );
        }
        assert!(matches!(
            started("http://collector/v1/traces", 1.1),
            Err(TracesError::Ratio)
        ));
        // https without an authority to trust
        assert!(matches!(
            started("https://collector/v1/traces", 0.1),
            Err(TracesError::Tls(_))
        ));
    }
}
