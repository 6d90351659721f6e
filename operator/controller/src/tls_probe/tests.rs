//! Against real listeners: rustls of every kind, OpenSSL for what rustls does not speak.

mod memory;

use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::time::{Duration, Instant};

use dmp_api::tls_probe::{Chain, Endpoint, Role, Version};
use dmp_testkit::{Pki, Validity};
use rustls::server::WebPkiClientVerifier;
use rustls::{ServerConfig, SupportedProtocolVersion};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio_rustls::TlsAcceptor;

use super::probe::{Roots, probe};
use super::run::trusted;
use super::targets::{Authority, Target};

const HOUR: Validity = Validity::For(Duration::from_secs(3_600));
const BOTH: [&SupportedProtocolVersion; 2] = [&rustls::version::TLS12, &rustls::version::TLS13];

fn roots(pki: &Pki) -> Roots {
    Roots {
        platform: Arc::new(pki.root()),
        openbao: Arc::new(Pki::new("openbao.test").root()),
    }
}

fn target(port: u16) -> Target {
    Target {
        name: format!("records.dmp-a:{port}"),
        host: "localhost".to_owned(),
        port,
        role: Role::Service,
        authority: Authority::Platform,
        postgresql: false,
    }
}

/// A server of that validity and those versions, with or without a demand for a certificate.
fn server(
    pki: &Pki,
    validity: Validity,
    versions: &[&'static SupportedProtocolVersion],
    demands: bool,
) -> Arc<ServerConfig> {
    let certificate = pki.service_certificate("dmp-a", "records", validity);
    let builder = ServerConfig::builder_with_protocol_versions(versions);
    let builder = if demands {
        let clients = WebPkiClientVerifier::builder(Arc::new(pki.services_ca()));
        builder.with_client_cert_verifier(clients.build().unwrap())
    } else {
        builder.with_no_client_auth()
    };
    Arc::new(
        builder
            .with_single_cert(certificate.chain, certificate.key)
            .unwrap(),
    )
}

/// Serves for the time of the test; with PostgreSQL's preface, or without.
async fn serve(config: Arc<ServerConfig>, postgresql: bool) -> u16 {
    listen(move |mut stream| {
        let acceptor = TlsAcceptor::from(Arc::clone(&config));
        async move {
            if postgresql {
                let mut request = [0; 8];
                stream.read_exact(&mut request).await.unwrap();
                assert_eq!(request, [0, 0, 0, 8, 4, 210, 22, 47]);
                stream.write_all(b"S").await.unwrap();
            }
            if let Ok(mut stream) = acceptor.accept(stream).await {
                let _ = stream.read_u8().await;
            }
        }
    })
    .await
}

async fn listen<F: Future<Output = ()> + Send + 'static>(
    each: impl Fn(TcpStream) -> F + Send + 'static,
) -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            tokio::spawn(each(stream));
        }
    });
    port
}

async fn seen(pki: &Pki, target: &Target) -> Endpoint {
    probe(target, &roots(pki)).await.unwrap()
}

#[tokio::test]
async fn a_service_as_it_should_be_is_good() {
    let pki = Pki::new("dmp.test");
    let port = serve(server(&pki, HOUR, &[&rustls::version::TLS13], true), false).await;
    let endpoint = seen(&pki, &target(port)).await;
    assert_eq!(endpoint.versions, [Version::V1_3]);
    assert_eq!((endpoint.chain, endpoint.why.as_str()), (Chain::Verified, ""));
    assert!(endpoint.asks_for_certificate && endpoint.is_good());
    let life = endpoint
        .not_after
        .unwrap()
        .duration_since(endpoint.not_before.unwrap());
    assert_eq!(life.as_secs(), 3_660);
}

#[tokio::test]
async fn every_version_is_seen_that_rustls_speaks() {
    let pki = Pki::new("dmp.test");
    let port = serve(server(&pki, HOUR, &BOTH, true), false).await;
    let endpoint = seen(&pki, &target(port)).await;
    assert_eq!(endpoint.versions, [Version::V1_2, Version::V1_3]);
    // Of one that speaks 1.2 alone, certificate and demand are seen as well.
    let port = serve(server(&pki, HOUR, &[&rustls::version::TLS12], true), false).await;
    let endpoint = seen(&pki, &target(port)).await;
    assert_eq!(endpoint.versions, [Version::V1_2]);
    assert_eq!(endpoint.chain, Chain::Verified, "{}", endpoint.why);
    assert!(endpoint.asks_for_certificate);
}

#[tokio::test]
async fn who_lets_everybody_speak_is_found() {
    let pki = Pki::new("dmp.test");
    let port = serve(server(&pki, HOUR, &BOTH, false), false).await;
    let endpoint = seen(&pki, &target(port)).await;
    assert!(!endpoint.asks_for_certificate && !endpoint.is_good());
    // To ask and to go on without is not to demand.
    let certificate = pki.service_certificate("dmp-a", "records", HOUR);
    let clients = WebPkiClientVerifier::builder(Arc::new(pki.services_ca())).allow_unauthenticated();
    let polite = ServerConfig::builder()
        .with_client_cert_verifier(clients.build().unwrap())
        .with_single_cert(certificate.chain, certificate.key)
        .unwrap();
    let port = serve(Arc::new(polite), false).await;
    let endpoint = seen(&pki, &target(port)).await;
    assert_eq!(endpoint.chain, Chain::Verified);
    assert!(!endpoint.asks_for_certificate && !endpoint.is_good());
}

#[tokio::test]
async fn certificates_are_judged_and_kept_when_they_are_bad() {
    let pki = Pki::new("dmp.test");
    for (validity, word) in [(Validity::Expired, "expired"), (Validity::Early, "not valid yet")] {
        let port = serve(server(&pki, validity, &BOTH, true), false).await;
        for authority in [Authority::Platform, Authority::Unknown] {
            let endpoint = seen(
                &pki,
                &Target {
                    authority,
                    ..target(port)
                },
            )
            .await;
            assert_eq!(endpoint.chain, Chain::Bad);
            assert!(endpoint.why.contains(word), "{}", endpoint.why);
            assert!(endpoint.not_after.is_some() && endpoint.versions.len() == 2);
        }
    }
    let stranger = Pki::new("dmp.test");
    let port = serve(server(&stranger, HOUR, &BOTH, true), false).await;
    let endpoint = seen(&pki, &target(port)).await;
    assert_eq!(endpoint.chain, Chain::Bad);
    assert!(
        endpoint.why.starts_with("invalid peer certificate"),
        "{}",
        endpoint.why
    );
    // OpenBao's own authority is another one.
    let port = serve(server(&pki, HOUR, &BOTH, true), false).await;
    let openbao = Target {
        authority: Authority::OpenBao,
        ..target(port)
    };
    assert_eq!(seen(&pki, &openbao).await.chain, Chain::Bad);
    // Of another name.
    for (authority, expected) in [
        (Authority::Platform, Chain::Bad),
        (Authority::Unknown, Chain::Bad),
    ] {
        let elsewhere = Target {
            host: "127.0.0.2".to_owned(),
            authority,
            ..target(every_address(server(&pki, HOUR, &BOTH, true)).await)
        };
        assert_eq!(seen(&pki, &elsewhere).await.chain, expected);
    }
}

/// On all of loopback.
async fn every_address(config: Arc<ServerConfig>) -> u16 {
    let listener = TcpListener::bind("0.0.0.0:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            let acceptor = TlsAcceptor::from(Arc::clone(&config));
            tokio::spawn(async move { acceptor.accept(stream).await.is_ok() });
        }
    });
    port
}

#[tokio::test]
async fn a_database_is_asked_after_its_preface() {
    let pki = Pki::new("dmp.test");
    let port = serve(server(&pki, HOUR, &[&rustls::version::TLS13], false), true).await;
    let database = Target {
        role: Role::Store,
        authority: Authority::Unknown,
        postgresql: true,
        ..target(port)
    };
    let endpoint = seen(&pki, &database).await;
    assert_eq!(endpoint.versions, [Version::V1_3]);
    assert_eq!((endpoint.chain, endpoint.why.as_str()), (Chain::NameAndTime, ""));
    assert!(endpoint.is_good());
    // One that speaks in clear alone says `N`.
    let port = listen(|mut stream| async move {
        let _ = stream.read_exact(&mut [0; 8]).await;
        let _ = stream.write_all(b"N").await;
    })
    .await;
    let endpoint = seen(&pki, &Target { port, ..database }).await;
    assert!(!endpoint.answered() && !endpoint.is_good());
    assert_eq!(endpoint.why, "it speaks no TLS");
}

#[tokio::test]
async fn what_is_no_tls_has_no_version_and_what_is_not_there_is_not_reached() {
    let pki = Pki::new("dmp.test");
    let port = listen(|mut stream| async move {
        let _ = stream.write_all(b"HTTP/1.1 400 Bad Request\r\n\r\n").await;
    })
    .await;
    let endpoint = seen(&pki, &target(port)).await;
    assert_eq!(
        (endpoint.versions.len(), endpoint.why.as_str()),
        (0, "it speaks no TLS")
    );
    let free = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = free.local_addr().unwrap().port();
    drop(free);
    let refused = probe(&target(port), &roots(&pki)).await.unwrap_err();
    assert_eq!(refused.to_string(), "it cannot be reached (connection refused)");
    let nowhere = Target {
        host: "no host".to_owned(),
        ..target(port)
    };
    assert!(probe(&nowhere, &roots(&pki)).await.is_err());
}

#[tokio::test]
async fn a_port_that_says_nothing_is_given_up() {
    let pki = Pki::new("dmp.test");
    let port = listen(|mut stream| async move {
        let _ = stream.read_to_end(&mut Vec::new()).await;
    })
    .await;
    let begin = Instant::now();
    assert!(!seen(&pki, &target(port)).await.answered());
    assert!(begin.elapsed() < Duration::from_secs(30), "{:?}", begin.elapsed());
}

/// `openssl s_server`, ended with the test.
struct OpenSsl(Child);

impl Drop for OpenSsl {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

#[tokio::test]
async fn old_versions_are_seen_on_a_server_that_offers_them() {
    let there = Command::new("openssl")
        .arg("version")
        .stdout(Stdio::null())
        .status();
    if there.is_err() {
        eprintln!("SKIPPED: openssl is not installed, so that nothing here speaks TLS 1.0 or 1.1");
        return;
    }
    let pki = Pki::new("dmp.test");
    let folder = tempfile::tempdir().unwrap();
    pki.write_files(&pki.service_certificate("dmp-a", "records", HOUR), folder.path());
    for (flag, offered) in [
        ("-tls1", Version::V1_0),
        ("-tls1_1", Version::V1_1),
        ("-tls1_2", Version::V1_2),
        ("-tls1_3", Version::V1_3),
    ] {
        let free = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = free.local_addr().unwrap().port();
        drop(free);
        let mut command = Command::new("openssl");
        command.current_dir(folder.path());
        command.args([
            "s_server",
            "-cert",
            "tls.crt",
            "-cert_chain",
            "tls.crt",
            "-key",
            "tls.key",
            "-quiet",
        ]);
        command.args([
            "-cipher",
            "DEFAULT:@SECLEVEL=0",
            flag,
            "-accept",
            &format!("127.0.0.1:{port}"),
        ]);
        let _server = OpenSsl(
            command
                .stdin(Stdio::null())
                .stdout(Stdio::null())
                // What it thinks of versions that it does not speak.
                .stderr(Stdio::null())
                .spawn()
                .unwrap(),
        );
        let begin = Instant::now();
        while TcpStream::connect(("127.0.0.1", port)).await.is_err() {
            assert!(
                begin.elapsed() < Duration::from_secs(10),
                "openssl does not listen"
            );
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        let endpoint = seen(&pki, &target(port)).await;
        assert_eq!(endpoint.versions, [offered], "{flag}");
        let modern = offered >= Version::V1_2;
        assert_eq!(
            endpoint.chain == Chain::Verified,
            modern,
            "{flag}: {}",
            endpoint.why
        );
        assert!(!endpoint.is_good(), "{flag}: it asks for no certificate");
    }
}

#[test]
fn whom_to_trust_is_read_from_pem_and_never_nobody() {
    let pki = Pki::new("dmp.test");
    let both = pki.root_pem() + &pki.solutions_ca_pem();
    assert_eq!(trusted(&both).unwrap().len(), 2);
    for bad in [
        "",
        "no PEM",
        "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n",
    ] {
        assert!(trusted(bad).is_err(), "{bad}");
    }
}
