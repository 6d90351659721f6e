//! The whole service from its configuration file, which changes while it runs.

use std::time::{Duration, Instant};

use dmp_client::audit::{TrailAnswer, TrailRequest};
use dmp_core::ids::{PatientId, Pseudonym};
use dmp_testkit::process::free_port;
use dmp_testkit::{Bao, DOMAIN, Postgres, TestPlatform, Validity};

use super::support::*;

#[tokio::test]
async fn the_service_runs_from_its_file_and_follows_new_sources() {
    let platform = TestPlatform::new();
    let folder = tempfile::tempdir().unwrap();
    let validity = Validity::For(Duration::from_secs(3600));
    let certificate = platform
        .pki
        .service_certificate("dmp-national", "audit", validity);
    platform.pki.write_files(&certificate, folder.path());
    let (id, patient) = (PatientId::random(), Pseudonym::random());
    let known = std::sync::Arc::new(std::sync::Mutex::new([(id, patient)].into()));
    let registry = registry(&platform, known).await;
    let database = Postgres::shared().database().await;
    let (listen, health) = (free_port(), free_port());
    let config = format!(
        r#"
[service]
domain = "{DOMAIN}"
name = "audit"
namespace = "dmp-national"
listen = "127.0.0.1:{listen}"
health_listen = "127.0.0.1:{health}"
trust_dir = "{trust}"
issuer = "{issuer}"

[service.tls]
kind = "files"
cert = "{files}/tls.crt"
key = "{files}/tls.key"
ca = "{files}/ca.crt"

[service.openbao]
address = "{bao}"

[service.openbao.auth]
kind = "token-file"
path = "{token}"

[database]
url = "{url}"

[audit]
registry_url = "{registry}"
"#,
        trust = platform.trust_dir().display(),
        issuer = platform.tokens.issuer,
        files = folder.path().display(),
        bao = Bao::shared().address(),
        token = Bao::shared().token_file().display(),
        url = database.url.as_ref().unwrap().expose(),
        registry = registry.base(),
    );
    let path = folder.path().join("config.toml");
    std::fs::write(&path, &config).unwrap();
    // As `main` does: on a runtime of its own, which ends with the test process.
    let running = std::thread::spawn({
        let path = path.clone();
        move || {
            tokio::runtime::Runtime::new()
                .unwrap()
                .block_on(crate::run(&path))
        }
    });

    let plain = reqwest::Client::new();
    let ready = format!("http://127.0.0.1:{health}/readyz");
    let start = Instant::now();
    while !plain
        .get(&ready)
        .send()
        .await
        .is_ok_and(|answer| answer.status() == 200)
    {
        assert!(!running.is_finished(), "the service has ended");
        assert!(start.elapsed() < Duration::from_secs(30), "not ready");
        tokio::time::sleep(Duration::from_millis(100)).await;
    }

    let (log, _) = log(ORIGIN, "log-registry").await;
    let service = serve(&platform, &log).await;
    write(&log, [event(Some(patient), "1")]).await;
    let source = source(&log, &service.base());
    let more = format!(
        "\n[[sources]]\norigin = \"{}\"\nurl = \"{}\"\npublic_key = \"{}\"\n",
        source.origin, source.url, source.public_key
    );
    std::fs::write(&path, format!("{config}{more}")).unwrap();

    let gateway = platform
        .pki
        .service("dmp-national", "gateway")
        .http_client()
        .unwrap();
    let token = platform
        .tokens
        .patient(&platform.pki.solution("vendor-test", "app").as_peer(), id);
    let start = Instant::now();
    loop {
        let answer = gateway
            .post(format!("https://localhost:{listen}/v1/trail"))
            .bearer_auth(&token)
            .json(&TrailRequest { patient: id })
            .send()
            .await
            .unwrap();
        assert_eq!(answer.status(), 200);
        let trail: TrailAnswer = answer.json().await.unwrap();
        if trail.entries.iter().any(|entry| entry.log == ORIGIN) {
            break;
        }
        assert!(
            start.elapsed() < Duration::from_secs(30),
            "the new source is not pulled"
        );
        tokio::time::sleep(Duration::from_millis(300)).await;
    }
    let metrics = plain
        .get(format!("http://127.0.0.1:{health}/metrics"))
        .send()
        .await
        .unwrap()
        .text()
        .await
        .unwrap();
    assert!(
        metrics.contains(&format!("dmp_audit_source_entries{{origin=\"{ORIGIN}\"}} 1")),
        "{metrics}"
    );

    let portal = platform.pki.service("dmp-national", "portal");
    let base = format!("https://localhost:{listen}");
    let portal = dmp_client::acts::Recorder::new(portal.http_client().unwrap(), &base);
    let first = portal.record(&super::acts::act("1"), "c").await.unwrap();
    let again = portal.record(&super::acts::act("1"), "c").await.unwrap();
    assert_eq!((first.repeated, again.repeated), (false, true));
    assert_eq!(first.leaf, again.leaf);

    // SIGTERM, as the kubelet sends it; the service's handler has taken it from the test process.
    let pid = std::process::id().to_string();
    assert!(
        tokio::process::Command::new("kill")
            .args(["-TERM", &pid])
            .status()
            .await
            .unwrap()
            .success()
    );
    let ended = tokio::task::spawn_blocking(|| running.join()).await.unwrap();
    ended.unwrap().unwrap();
}
