//! A collector of traces: OTLP over HTTP, protobuf, every byte kept.

use std::sync::{Arc, Mutex};

use axum::Router;
use axum::body::Bytes;
use axum::extract::State;
use axum::http::StatusCode;
use axum::routing::post;
use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceRequest;
use opentelemetry_proto::tonic::common::v1::{KeyValue, any_value};
use opentelemetry_proto::tonic::trace::v1::Span;
use prost::Message as _;

type Received = Arc<Mutex<Vec<Bytes>>>;

pub struct Collector {
    pub endpoint: String,
    received: Received,
}

/// A span and the service that made it.
#[derive(Clone, Debug)]
pub struct Seen {
    pub service: String,
    pub resource: Vec<KeyValue>,
    pub span: Span,
}

impl Seen {
    pub fn attribute(&self, key: &str) -> Option<String> {
        self.span.attributes.iter().find(|a| a.key == key).and_then(text)
    }
}

fn text(attribute: &KeyValue) -> Option<String> {
    match attribute.value.as_ref()?.value.as_ref()? {
        any_value::Value::StringValue(text) => Some(text.clone()),
        any_value::Value::IntValue(number) => Some(number.to_string()),
        _ => None,
    }
}

impl Collector {
    pub async fn start() -> Self {
        let received = Received::default();
        let router = Router::new()
            .route("/v1/traces", post(take))
            .with_state(Arc::clone(&received));
        let listener = tokio::net::TcpListener::bind(("127.0.0.1", 0)).await.unwrap();
        let endpoint = format!("http://{}/v1/traces", listener.local_addr().unwrap());
        tokio::spawn(async move { axum::serve(listener, router).await.unwrap() });
        Self { endpoint, received }
    }

    /// Every byte that was sent.
    pub fn bytes(&self) -> Vec<u8> {
        self.received.lock().unwrap().concat()
    }

    pub fn spans(&self) -> Vec<Seen> {
        let mut seen = Vec::new();
        for bytes in self.received.lock().unwrap().iter() {
            let request = ExportTraceServiceRequest::decode(bytes.clone()).unwrap();
            for group in request.resource_spans {
                let resource = group.resource.unwrap_or_default().attributes;
                let name = resource.iter().find(|a| a.key == "service.name").and_then(text);
                for span in group.scope_spans.into_iter().flat_map(|scope| scope.spans) {
                    seen.push(Seen {
                        service: name.clone().unwrap_or_default(),
                        resource: resource.clone(),
                        span,
                    });
                }
            }
        }
        seen
    }
}

async fn take(State(received): State<Received>, body: Bytes) -> StatusCode {
    received.lock().unwrap().push(body);
    StatusCode::OK
}
