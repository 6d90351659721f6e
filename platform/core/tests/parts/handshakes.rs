//! Who gets through the handshake, with which certificate, and that no session is resumed.

use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::routing::get;
use dmp_core::peer::Peer;
use dmp_core::serve::ServeOptions;
use dmp_core::tls::{Identity, TlsError};
use dmp_testkit::{Pki, TestPlatform, TestService, Validity};
use rustls::{ClientConfig, HandshakeKind};

use crate::raw::{Raw, http1};

const HOUR: Validity = Validity::For(Duration::from_secs(3600));

fn router() -> Router {
    Router::new()
        .route("/who", get(|peer: Peer| async move { peer.spiffe.to_string() }))
        .route("/certificate", get(|peer: Peer| async move { peer.thumbprint() }))
}

async fn records(platform: &TestPlatform) -> TestService {
    TestService::start(&platform.pki.service("dmp-a", "records"), router()).await
}

/// The answer, or that there was none.
async fn who(client: ClientConfig, service: &TestService) -> Option<String> {
    let mut raw = Raw::connect(client, service.port).await.ok()?;
    raw.get("/who").await.ok()
}

#[tokio::test]
async fn a_service_is_known_by_its_spiffe_id_over_http_1_and_2() {
    let platform = TestPlatform::new();
    let service = records(&platform).await;
    let gateway = platform.pki.service("dmp-national", "gateway");
    let id = "spiffe://dmp.test/ns/dmp-national/sa/gateway";
    assert!(who(http1(&gateway), &service).await.unwrap().ends_with(id));
    let response = gateway
        .http_client()
        .unwrap()
        .get(service.url("/who"))
        .send()
        .await
        .unwrap();
    assert_eq!(response.version(), http::Version::HTTP_2);
    assert_eq!(response.text().await.unwrap(), id);
}

#[tokio::test]
async fn without_a_certificate_no_request_gets_in() {
    let platform = TestPlatform::new();
    let service = records(&platform).await;
    let anonymous = ClientConfig::builder()
        .with_root_certificates(platform.pki.root())
        .with_no_client_auth();
    assert_eq!(who(anonymous, &service).await, None);
    let client = dmp_core::tls::plain_http_client(platform.pki.root()).unwrap();
    assert!(client.get(service.url("/who")).send().await.is_err());
}

#[tokio::test]
async fn certificates_of_an_unknown_ca_are_refused() {
    let platform = TestPlatform::new();
    let service = records(&platform).await;
    let stranger = Pki::new("dmp.test").service_certificate("dmp-national", "gateway", HOUR);
    assert_eq!(
        who(http1(&platform.pki.identity(&stranger)), &service).await,
        None
    );
}

#[tokio::test]
async fn expired_certificates_and_those_of_the_future_are_refused() {
    let platform = TestPlatform::new();
    let service = records(&platform).await;
    for validity in [Validity::Expired, Validity::Early] {
        let certificate = platform
            .pki
            .service_certificate("dmp-national", "gateway", validity);
        let identity = platform.pki.identity(&certificate);
        assert_eq!(who(http1(&identity), &service).await, None, "{validity:?}");
    }
}

#[tokio::test]
async fn a_solution_does_not_reach_the_service_listener_nor_a_service_the_public_one() {
    let platform = TestPlatform::new();
    let internal = records(&platform).await;
    let solution = platform.pki.solution("vendor-test", "hospital-tanger");
    let gateway = platform.pki.service("dmp-national", "gateway");
    let options = ServeOptions::default();
    let public = TestService::start_with(&gateway, platform.pki.solutions_ca(), router(), options).await;
    assert_eq!(who(http1(&solution), &internal).await, None);
    assert_eq!(who(http1(&gateway), &public).await, None);
    assert!(
        who(http1(&solution), &public)
            .await
            .unwrap()
            .contains("/credential/vendor-test/hospital-tanger")
    );
}

#[tokio::test]
async fn a_certificate_without_a_spiffe_id_is_closed_after_its_handshake() {
    let platform = TestPlatform::new();
    // a listener that trusts a foreign CA whose certificates are not SVIDs
    let params = rcgen::CertificateParams::new(vec!["client.example".to_owned()]).unwrap();
    let key = rcgen::KeyPair::generate().unwrap();
    let certificate = params.self_signed(&key).unwrap().der().clone();
    let clients = dmp_core::tls::roots([certificate.clone()]).unwrap();
    let own = platform.pki.service("dmp-a", "records");
    let service = TestService::start_with(&own, clients, router(), ServeOptions::default()).await;
    let key = rustls_pki_types::PrivatePkcs8KeyDer::from(key.serialize_der()).into();
    let roots = platform.pki.root();
    let client = ClientConfig::builder()
        .with_root_certificates(roots)
        .with_client_auth_cert(vec![certificate], key)
        .unwrap();
    assert_eq!(who(client, &service).await, None);
}

#[tokio::test]
async fn a_server_of_another_root_or_another_name_is_not_spoken_to() {
    let platform = TestPlatform::new();
    let stranger = Pki::new("dmp.test");
    let false_service = TestService::start(&stranger.service("dmp-a", "records"), router()).await;
    let client = platform
        .pki
        .service("dmp-national", "gateway")
        .http_client()
        .unwrap();
    assert!(client.get(false_service.url("/who")).send().await.is_err());
    let true_service = records(&platform).await;
    let other_name = format!("https://127.0.0.2:{}/who", true_service.port);
    assert!(client.get(other_name).send().await.is_err());
}

#[tokio::test]
async fn sessions_are_not_resumed() {
    let platform = TestPlatform::new();
    let service = records(&platform).await;
    let mut config = http1(&platform.pki.service("dmp-national", "gateway"));
    config.resumption = rustls::client::Resumption::in_memory_sessions(16);
    let config = Arc::new(config);
    for _ in 0..3 {
        let mut raw = Raw::connect_shared(Arc::clone(&config), service.port)
            .await
            .unwrap();
        raw.get("/who").await.unwrap();
        // a hello retry is a full handshake too
        assert_ne!(raw.handshake(), Some(HandshakeKind::Resumed));
    }
}

#[tokio::test]
async fn tls_1_2_is_not_spoken() {
    let platform = TestPlatform::new();
    let service = records(&platform).await;
    let gateway = platform.pki.service("dmp-national", "gateway");
    let old = ClientConfig::builder_with_protocol_versions(&[&rustls::version::TLS12])
        .with_root_certificates(platform.pki.root())
        .with_client_cert_resolver(Arc::new(gateway));
    assert_eq!(who(old, &service).await, None);
}

#[tokio::test]
async fn a_renewed_certificate_is_used_by_the_next_handshake_of_both_sides() {
    let platform = TestPlatform::new();
    let (server, client) = (
        platform.pki.service("dmp-a", "records"),
        platform.pki.service("dmp-national", "gateway"),
    );
    let service = TestService::start(&server, router()).await;
    let config = Arc::new(http1(&client));
    let mut before = Raw::connect_shared(Arc::clone(&config), service.port)
        .await
        .unwrap();
    assert!(
        before
            .get("/certificate")
            .await
            .unwrap()
            .ends_with(&client.as_peer().thumbprint())
    );

    let renewed = platform.pki.service_certificate("dmp-national", "gateway", HOUR);
    client.replace(renewed.chain, renewed.key).unwrap();
    let renewed = platform.pki.service_certificate("dmp-a", "records", HOUR);
    server.replace(renewed.chain, renewed.key).unwrap();

    let mut after = Raw::connect_shared(config, service.port).await.unwrap();
    assert!(
        after
            .get("/certificate")
            .await
            .unwrap()
            .ends_with(&client.as_peer().thumbprint())
    );
    assert_ne!(before.server_certificate(), after.server_certificate());
    // the old connection lives on
    assert!(before.get("/who").await.is_ok());
}

#[tokio::test]
async fn an_identity_needs_its_own_key_and_reads_pem_files() {
    let pki = Pki::new("dmp.test");
    let (one, two) = (
        pki.service_certificate("a", "b", HOUR),
        pki.service_certificate("a", "b", HOUR),
    );
    let mixed = Identity::new(one.chain.clone(), two.key.clone_key(), pki.root());
    assert!(matches!(mixed, Err(TlsError::Key(_))));
    let folder = tempfile::tempdir().unwrap();
    let file = |name: &str| folder.path().join(name);
    pki.write_files(&one, folder.path());
    let read = Identity::from_pem_files(&file("tls.crt"), &file("tls.key"), &file("ca.crt")).unwrap();
    assert_eq!(read.as_peer(), pki.identity(&one).as_peer());
    assert!(Identity::from_pem_files(&file("tls.key"), &file("tls.key"), &file("ca.crt")).is_err());
    assert!(Identity::from_pem_files(&file("none"), &file("tls.key"), &file("ca.crt")).is_err());
}
