//! The process: health at once, facts from every replica, reconciliation by the one that holds the lease.

use std::sync::{Arc, Mutex};

use dmp_api::{
    HealthGroup, Platform, RevocationLift, Site, Solution, SolutionCredential, SolutionRevocation,
    SystemHomologation, Vendor,
};
use dmp_core::problem::Chain;
use dmp_core::service::{Service, ServiceError};
use dmp_keys::Signer;
use dmp_keys::identity::{self, IdentityError, Names};
use futures::future::join_all;
use jiff::Timestamp;
use k8s_controller::{LeaderElection, PrometheusMetrics, ReconcileObserver};
use k8s_openapi::api::coordination::v1::Lease;
use kube::{Api, Client};
use prometheus::IntGauge;
use tokio::sync::watch;

use crate::acts::ActLog;
use crate::apply::Memory;
use crate::config::OperatorConfig;
use crate::controller::{Context, run_cluster, run_namespaced};
use crate::facts::beat::Pulse;
use crate::facts::index::DemonstrationIssuer;
use crate::facts::publish::Voices;
use crate::facts::stream::Streams;
use crate::facts::watch::{Shared, follow};
use crate::network_probe::Probes;
use crate::openbao::OpenBao;
use crate::schema_check::Outdated;
use crate::together::Together;
use crate::{
    catalogue, catalogue_entry, conformance_profile, conformance_run, control_evidence, evidence_item, facts,
    health_group, homologation_programme, homologation_review, image_release, incident, key_custody,
    kubernetes_audit, log_stores, network_probe, platform, schema_check, site, site_inventory, solution,
    solution_credential, solution_homologation, solution_revocation,
};
use crate::{
    node_clocks, non_conformity, non_conformity_answer, oscal_record, policy_exception, policy_profile,
    posture_record, revocation_lift, solution_version, system_homologation, tls_probe, vendor, watches,
};

/// Name of the lease and of the Service.
pub const NAME: &str = "dmp-operator";

#[derive(Debug, thiserror::Error)]
pub enum RunError {
    #[error(transparent)]
    Service(#[from] ServiceError),
    #[error("the API server's address or credentials cannot be found")]
    Kubernetes(#[source] Box<dyn std::error::Error + Send + Sync>),
    #[error("the CA of OpenBao `{path}` cannot be read")]
    Ca {
        path: std::path::PathBuf,
        #[source]
        source: std::io::Error,
    },
    #[error("OpenBao cannot be used")]
    OpenBao(#[from] dmp_keys::openbao::Error),
    #[error("the root CA cannot be written to `{path}`")]
    TrustDirectory {
        path: std::path::PathBuf,
        #[source]
        source: std::io::Error,
    },
    #[error("the operator has no certificate")]
    Identity(#[from] IdentityError),
    #[error("TLS cannot be set up")]
    Tls(#[from] dmp_core::tls::TlsError),
}

/// Runs until SIGTERM.
///
/// # Errors
/// When the process cannot start; what goes away later is waited for.
pub async fn run(config: OperatorConfig) -> Result<(), RunError> {
    let service = Service::start(&config, &config.service("")).await?;
    let client = Client::try_default()
        .await
        .map_err(|error| RunError::Kubernetes(error.into()))?;
    let ca = std::fs::read_to_string(&config.openbao_ca).map_err(|source| RunError::Ca {
        path: config.openbao_ca.clone(),
        source,
    })?;
    let keys = dmp_keys::Client::new(&config.openbao())?;
    let openbao = OpenBao::new(keys.clone(), &ca);

    let (schema_sender, schema) = watch::channel(Err(Outdated::Unknown));
    background(&service, schema_check::run(client.clone(), schema_sender));
    let checked = schema.clone();
    service.health().add("schema", move || {
        let state = checked.borrow().clone();
        async move { state }
    });
    let shared = follow_kinds(&service, &client, &config.namespace);
    background(&service, facts::measure::run(shared.clone()));
    background(&service, incident::measure::run(client.clone()));
    let acts = ActLog::new(&config.audit_url);
    background(
        &service,
        kubernetes_audit::run(client.clone(), config.kubernetes_audit(), acts.clone()),
    );
    let voices = publish(&service, &client, &config, &keys, &ca, shared.clone());
    let context = Context {
        client: client.clone(),
        openbao: openbao.clone(),
        key_metadata: dmp_keys::Client::new(&config.key_metadata())?,
        probes: Probes::default(),
        applied: Memory::default(),
        dossiers: Together::default(),
        acts: acts.clone(),
    };
    lead(&service, &config, context, schema);
    service.health().remove("starting");

    let stopping = service.stopping();
    let Some(domain) = stopping.run_until_cancelled(domain(&shared)).await else {
        return Ok(());
    };
    let service_config = config.service(&domain);
    write_root_ca(&config, &openbao).await?;
    let names = Names::of_service(&service_config);
    let identity = identity::of_service(&service, &service_config, names, &keys).await?;
    acts.open(identity.http_client()?);
    let streams = Streams {
        voices,
        shutdown: service.shutdown(),
    };
    Ok(service
        .run(&identity, facts::stream::router(&domain, streams))
        .await?)
}

/// A task that ends at shutdown.
fn background(service: &Service, task: impl Future<Output = ()> + Send + 'static) {
    let shutdown = service.shutdown();
    service.spawn(async move {
        shutdown.run_until_cancelled(task).await;
    });
}

fn follow_kinds(service: &Service, client: &Client, namespace: &str) -> Shared {
    let shared = Shared::default();
    let all = || client.clone();
    let clone = || shared.clone();
    background(
        service,
        follow::<Platform>(Api::all(all()), None, clone(), |index| &mut index.platforms),
    );
    background(
        service,
        follow::<HealthGroup>(Api::all(all()), None, clone(), |index| &mut index.groups),
    );
    background(
        service,
        follow::<Solution>(Api::all(all()), None, clone(), |index| &mut index.solutions),
    );
    background(
        service,
        follow::<SolutionCredential>(Api::all(all()), None, clone(), |index| &mut index.credentials),
    );
    background(
        service,
        follow::<SolutionRevocation>(Api::all(all()), None, clone(), |index| &mut index.revocations),
    );
    background(
        service,
        follow::<RevocationLift>(Api::all(all()), None, clone(), |index| &mut index.lifts),
    );
    background(
        service,
        follow::<Vendor>(Api::all(all()), None, clone(), |index| &mut index.vendors),
    );
    background(
        service,
        follow::<SystemHomologation>(Api::all(all()), None, clone(), |index| &mut index.homologations),
    );
    background(
        service,
        follow::<Site>(Api::all(all()), None, clone(), |index| &mut index.sites),
    );
    let leases = Api::namespaced(all(), namespace);
    background(
        service,
        follow::<Lease>(leases, Some(NAME), clone(), |index| &mut index.leases),
    );
    shared
}

fn publish(
    service: &Service,
    client: &Client,
    config: &OperatorConfig,
    keys: &dmp_keys::Client,
    ca: &str,
    shared: Shared,
) -> Voices {
    let pulse = Arc::new(Mutex::new(Pulse::new(Timestamp::now())));
    let leases = Api::<Lease>::namespaced(client.clone(), &config.namespace);
    background(
        service,
        facts::beat::run(leases, NAME.to_owned(), shared.clone(), Arc::clone(&pulse)),
    );
    let voices = Voices::default();
    let demonstration = DemonstrationIssuer { ca: ca.to_owned() };
    let signer = Signer::new(keys.clone(), "facts");
    background(
        service,
        facts::publish::run(shared, pulse, signer, demonstration, voices.clone()),
    );
    voices
}

/// Reconciles while this replica holds the lease and the served schema is its own.
fn lead(
    service: &Service,
    config: &OperatorConfig,
    context: Context,
    mut schema: watch::Receiver<Result<(), Outdated>>,
) {
    let election = LeaderElection::new(context.client.clone(), &config.namespace, NAME, &config.pod_name);
    let metrics = dmp_core::metrics::registered(PrometheusMetrics::new("dmp_operator"));
    let observer: Arc<dyn ReconcileObserver> = match metrics {
        Some(metrics) => Arc::new(metrics),
        None => Arc::new(Unobserved),
    };
    let leading = dmp_core::metrics::registered(IntGauge::new(
        "dmp_operator_leading",
        "Whether this replica reconciles (1) or waits (0).",
    ));
    let shutdown = service.shutdown();
    let released = election.clone();
    service.spawn(async move {
        let lead = async {
            loop {
                if schema.wait_for(Result::is_ok).await.is_err() {
                    return;
                }
                let mut changed = schema.clone();
                let work = async {
                    if let Some(gauge) = &leading {
                        gauge.set(1);
                    }
                    tokio::select! {
                        () = controllers(context.clone(), Arc::clone(&observer)) => {}
                        _ = changed.wait_for(Result::is_err) => {}
                    }
                };
                // Everything that `work` started is dropped with it when the lease is lost.
                let _ = election.with_lease(work).await;
                if let Some(gauge) = &leading {
                    gauge.set(0);
                }
            }
        };
        shutdown.run_until_cancelled(lead).await;
        released.release().await;
    });
}

struct Unobserved;

impl ReconcileObserver for Unobserved {}

async fn controllers(context: Context, observer: Arc<dyn ReconcileObserver>) {
    let client = || context.client.clone();
    let observer = || Arc::clone(&observer);
    let on = context.client.clone();
    let c = || context.clone();
    join_all([
        boxed(run_cluster(client(), platform::Platforms(c()), observer(), |k| {
            watches::platforms(k, &on, &context.probes)
        })),
        boxed(run_cluster(
            client(),
            health_group::Groups(c()),
            observer(),
            |k| watches::groups(k, &on),
        )),
        boxed(run_cluster(client(), site::Sites(c()), observer(), |k| {
            watches::sites(k, &on)
        })),
        boxed(run_cluster(
            client(),
            site_inventory::SiteInventories(c()),
            observer(),
            |k| watches::signed(k, &on),
        )),
        boxed(run_cluster(
            client(),
            image_release::ImageReleases(c()),
            observer(),
            |k| watches::releases(k, &on),
        )),
        boxed(run_namespaced(
            client(),
            solution::Solutions(c()),
            observer(),
            |k| k,
        )),
        boxed(run_namespaced(
            client(),
            solution_version::Versions(c()),
            observer(),
            |k| watches::versions(k, &on),
        )),
        boxed(run_namespaced(
            client(),
            solution_credential::Credentials(c()),
            observer(),
            |k| watches::credentials(k, &on),
        )),
        boxed(run_cluster(
            client(),
            solution_revocation::Revocations(c()),
            observer(),
            |k| watches::revocations(k, &on),
        )),
        boxed(run_cluster(
            client(),
            revocation_lift::Lifts(c()),
            observer(),
            |k| watches::lifts(k, &on),
        )),
        boxed(run_cluster(
            client(),
            system_homologation::Words(c()),
            observer(),
            |k| watches::words(k, &on),
        )),
        boxed(run_cluster(
            client(),
            homologation_programme::Programmes(c()),
            observer(),
            |k| watches::signed(k, &on),
        )),
        boxed(run_cluster(
            client(),
            conformance_profile::Profiles(c()),
            observer(),
            |k| k,
        )),
        boxed(run_cluster(
            client(),
            policy_exception::Exceptions(c()),
            observer(),
            |k| watches::by_the_catalogue(k, &on),
        )),
        boxed(run_cluster(
            client(),
            policy_profile::PolicyProfiles(c()),
            observer(),
            |k| k,
        )),
        boxed(run_cluster(
            client(),
            control_evidence::Evidence(c()),
            observer(),
            |k| k,
        )),
        boxed(run_cluster(client(), incident::Incidents(c()), observer(), |k| {
            watches::by_the_catalogue(k, &on)
        })),
        boxed(run_namespaced(
            client(),
            conformance_run::Runs(c()),
            observer(),
            |k| watches::signed(k, &on),
        )),
        boxed(run_namespaced(
            client(),
            evidence_item::Evidence(c()),
            observer(),
            |k| k,
        )),
        boxed(run_namespaced(
            client(),
            homologation_review::Reviews(c()),
            observer(),
            |k| watches::reviews(k, &on),
        )),
        boxed(run_namespaced(
            client(),
            non_conformity::NonConformities(c()),
            observer(),
            |k| watches::non_conformities(k, &on),
        )),
        boxed(run_namespaced(
            client(),
            non_conformity_answer::Answers(c()),
            observer(),
            |k| watches::signed(k, &on),
        )),
        boxed(run_namespaced(
            client(),
            solution_homologation::Homologations(c()),
            observer(),
            |k| watches::homologations(k, &on),
        )),
        boxed(run_cluster(
            client(),
            catalogue_entry::Entries(c()),
            observer(),
            |k| watches::entries(k, &on),
        )),
        boxed(run_cluster(
            client(),
            catalogue::Catalogues(c()),
            observer(),
            |k| watches::catalogues(k, &on),
        )),
        boxed(run_cluster(client(), vendor::Vendors(c()), observer(), |k| {
            watches::vendors(k, &on)
        })),
        boxed(network_probe::run(client(), context.probes.clone())),
        boxed(tls_probe::run(client(), context.openbao.clone())),
        boxed(key_custody::run(client(), context.key_metadata.clone())),
        boxed(node_clocks::run(client())),
        boxed(log_stores::run(client(), context.acts.clone())),
        boxed(posture_record::run(client(), context.acts.clone())),
        boxed(oscal_record::run(client(), context.acts.clone())),
    ])
    .await;
}

fn boxed<'a>(future: impl Future<Output = ()> + Send + 'a) -> futures::future::BoxFuture<'a, ()> {
    Box::pin(future)
}

/// Waits for the Platform: names of certificates carry its domain.
async fn domain(shared: &Shared) -> String {
    loop {
        if let Some(domain) =
            shared.with(|index| index.platform().map(|platform| platform.spec.domain.clone()))
        {
            return domain;
        }
        tokio::time::sleep(std::time::Duration::from_millis(500)).await;
    }
}

/// The root CA, where the identity looks for it; waits for OpenBao.
async fn write_root_ca(config: &OperatorConfig, openbao: &OpenBao) -> Result<(), RunError> {
    let trust = loop {
        match openbao.trust(&[]).await {
            Ok(trust) => break trust,
            Err(error) => {
                tracing::warn!(error = %Chain(&error), "no trust from OpenBao yet");
                tokio::time::sleep(std::time::Duration::from_secs(2)).await;
            }
        }
    };
    let path = config.trust_dir.join("ca.crt");
    std::fs::create_dir_all(&config.trust_dir)
        .and_then(|()| std::fs::write(&path, trust.ca))
        .map_err(|source| RunError::TrustDirectory { path, source })
}
