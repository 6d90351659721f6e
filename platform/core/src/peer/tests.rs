#![allow(clippy::unwrap_used)]

use axum::Router;
use axum::body::Body;
use axum::routing::post;
use http::StatusCode;
use tower::ServiceExt as _;

use super::*;

fn peer(spiffe: SpiffeId) -> Peer {
    Peer {
        spiffe,
        certificate_sha256: [7; 32],
        not_after: Timestamp::MAX,
    }
}

fn service(namespace: &str, account: &str) -> Peer {
    peer(SpiffeId::service("dmp.test", namespace, account))
}

#[test]
fn spiffe_ids_are_parsed_strictly() {
    let id: SpiffeId = "spiffe://dmp.test/ns/dmp-a/sa/records".parse().unwrap();
    assert_eq!(id, SpiffeId::service("dmp.test", "dmp-a", "records"));
    assert_eq!(
        (id.domain(), id.as_service(), id.as_credential()),
        ("dmp.test", Some(("dmp-a", "records")), None)
    );
    let id: SpiffeId = "spiffe://dmp.test/credential/vendor-x/hospital-tanger"
        .parse()
        .unwrap();
    assert_eq!(
        (id.as_service(), id.as_credential()),
        (None, Some(("vendor-x", "hospital-tanger")))
    );
    for bad in [
        "",
        "spiffe://",
        "spiffe://dmp.test",
        "spiffe://dmp.test/",
        "spiffe:///ns/a/sa/b",
        "https://dmp.test/ns/a/sa/b",
        "SPIFFE://dmp.test/ns/a/sa/b",
        "spiffe://dmp.test/ns//sa/b",
        "spiffe://dmp.test/ns/../sa/b",
        "spiffe://dmp.test/ns/a/sa/b?x=1",
        "spiffe://dmp.test/ns/a/sa/%62",
        "spiffe://user@dmp.test/ns/a/sa/b",
        "spiffe://dmp.test:443/ns/a/sa/b",
        "spiffe://DMP.test/ns/a/sa/b",
    ] {
        assert!(bad.parse::<SpiffeId>().is_err(), "{bad}");
    }
}

#[test]
fn only_exact_shapes_are_services_or_credentials() {
    for other in [
        "ns/a/sa/b/c",
        "ns/a/b/sa/c",
        "ns/a",
        "credential/a/b/c",
        "credential/a",
        "x/ns/a/sa/b",
    ] {
        let id: SpiffeId = format!("spiffe://dmp.test/{other}").parse().unwrap();
        assert_eq!((id.as_service(), id.as_credential()), (None, None), "{other}");
    }
}

#[test]
fn a_group_is_a_record_store_of_a_group_namespace() {
    assert_eq!(service("dmp-a", "records").group().unwrap().as_str(), "a");
    for (namespace, account) in [
        ("dmp-national", "records"),
        ("dmp-system", "records"),
        ("dmp-a", "keystore"),
        ("vendor-a", "records"),
        ("dmp-", "records"),
    ] {
        assert!(
            service(namespace, account).group().is_none(),
            "{namespace}/{account}"
        );
    }
}

#[tokio::test]
async fn a_route_is_open_to_the_named_services_only() {
    let named = &[
        ServicePattern::National("gateway"),
        ServicePattern::Records,
        ServicePattern::System("dmp-operator"),
    ];
    let router = Router::new().route("/", post(|| async { "in" }).layer(allow("dmp.test", named)));
    let answer = |peer: Option<Peer>| {
        let mut request = Request::post("/").body(Body::empty()).unwrap();
        if let Some(peer) = peer {
            request.extensions_mut().insert(peer);
        }
        let router = router.clone();
        async move { router.oneshot(request).await.unwrap().status() }
    };
    for allowed in [
        service("dmp-national", "gateway"),
        service("dmp-b", "records"),
        service("dmp-system", "dmp-operator"),
    ] {
        assert_eq!(answer(Some(allowed)).await, StatusCode::OK);
    }
    for refused in [
        service("dmp-national", "audit"),
        service("dmp-a", "gateway"),
        service("default", "gateway"),
        peer(SpiffeId::service("other.test", "dmp-national", "gateway")),
        peer(SpiffeId::credential("dmp.test", "dmp-national", "gateway")),
    ] {
        assert_eq!(answer(Some(refused)).await, StatusCode::FORBIDDEN);
    }
    assert_eq!(answer(None).await, StatusCode::FORBIDDEN);
}

#[test]
fn a_certificate_names_exactly_one_spiffe_id() {
    let certificate = |uris: &[&str]| {
        let mut params = rcgen::CertificateParams::default();
        let names = uris
            .iter()
            .map(|uri| rcgen::SanType::URI((*uri).try_into().unwrap()));
        params.subject_alt_names = names.collect();
        params
            .self_signed(&rcgen::KeyPair::generate().unwrap())
            .unwrap()
            .der()
            .clone()
    };
    let id = "spiffe://dmp.test/ns/a/sa/b";
    let peer = Peer::of_certificate(&certificate(&[id])).unwrap();
    assert_eq!(peer.spiffe.as_str(), id);
    assert_eq!(peer.thumbprint().len(), 43);
    assert!(matches!(
        Peer::of_certificate(&certificate(&[])),
        Err(CertificateError::NoSpiffeId)
    ));
    assert!(matches!(
        Peer::of_certificate(&certificate(&[id, id])),
        Err(CertificateError::NoSpiffeId)
    ));
    assert!(matches!(
        Peer::of_certificate(&certificate(&["https://dmp.test/"])),
        Err(CertificateError::SpiffeId(_))
    ));
    assert!(matches!(
        Peer::of_certificate(&CertificateDer::from(vec![1, 2, 3])),
        Err(CertificateError::Syntax)
    ));
}
