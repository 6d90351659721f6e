#![allow(clippy::unwrap_used)]

use std::os::unix::fs::PermissionsExt as _;
use std::sync::Arc;

use super::*;

fn names() -> Vec<String> {
    vec!["openbao.dmp-system.svc".to_owned(), "localhost".to_owned()]
}

fn at(days: i64) -> Timestamp {
    Timestamp::from_second(Timestamp::now().as_second() + days * 86_400).unwrap()
}

#[test]
fn the_second_start_changes_nothing() {
    let directory = tempfile::tempdir().unwrap();
    assert!(ensure(directory.path(), &names(), at(0)).unwrap());
    let before = read(&directory.path().join(CERTIFICATE_FILE)).unwrap();
    assert!(!ensure(directory.path(), &names(), at(0)).unwrap());
    assert_eq!(before, read(&directory.path().join(CERTIFICATE_FILE)).unwrap());
    let mode = std::fs::metadata(directory.path().join(KEY_FILE))
        .unwrap()
        .permissions()
        .mode();
    assert_eq!(mode & 0o777, 0o600);
}

#[test]
fn an_old_certificate_is_replaced_and_the_former_ca_kept_once() {
    let directory = tempfile::tempdir().unwrap();
    ensure(directory.path(), &names(), at(0)).unwrap();
    let former = read(&directory.path().join(CA_FILE)).unwrap();
    assert!(ensure(directory.path(), &names(), at(LIFETIME_DAYS - RENEW_DAYS + 1)).unwrap());
    let both = read(&directory.path().join(CA_FILE)).unwrap();
    assert_eq!(both.matches("BEGIN CERTIFICATE").count(), 2);
    assert!(both.contains(former.lines().nth(3).unwrap()));
    assert!(ensure(directory.path(), &names(), at(2 * LIFETIME_DAYS)).unwrap());
    assert_eq!(
        read(&directory.path().join(CA_FILE))
            .unwrap()
            .matches("BEGIN CERTIFICATE")
            .count(),
        2
    );
}

#[test]
fn another_name_needs_another_certificate() {
    let directory = tempfile::tempdir().unwrap();
    ensure(directory.path(), &names(), at(0)).unwrap();
    let mut more = names();
    more.push("openbao-internal.dmp-system.svc".to_owned());
    assert!(ensure(directory.path(), &more, at(0)).unwrap());
}

#[test]
fn an_interrupted_start_is_made_good() {
    let directory = tempfile::tempdir().unwrap();
    ensure(directory.path(), &names(), at(0)).unwrap();
    std::fs::remove_file(directory.path().join(CERTIFICATE_FILE)).unwrap();
    assert!(ensure(directory.path(), &names(), at(0)).unwrap());
}

#[test]
fn a_client_that_trusts_the_published_ca_accepts_the_server_and_no_other_name() {
    use rustls::client::WebPkiServerVerifier;
    use rustls::client::danger::ServerCertVerifier as _;
    use rustls::pki_types::pem::PemObject as _;
    use rustls::pki_types::{CertificateDer, ServerName, UnixTime};

    let directory = tempfile::tempdir().unwrap();
    ensure(directory.path(), &names(), at(0)).unwrap();
    let load = |name: &str| CertificateDer::from_pem_file(directory.path().join(name)).unwrap();
    let mut roots = rustls::RootCertStore::empty();
    roots.add(load(CA_FILE)).unwrap();
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let verifier = WebPkiServerVerifier::builder_with_provider(Arc::new(roots), provider)
        .build()
        .unwrap();
    let verify = |name: &'static str| {
        verifier.verify_server_cert(
            &load(CERTIFICATE_FILE),
            &[],
            &ServerName::try_from(name).unwrap(),
            &[],
            UnixTime::now(),
        )
    };
    assert!(verify("openbao.dmp-system.svc").is_ok());
    assert!(verify("consent.dmp-national.svc").is_err());
}
