//! Brings an appliance up, from nothing or from where it is.
//!
//! Order: refuse what cannot work, build parts and images, network, control plane, nodes, addons.
//! Everything that is there is left as it is, so the same function starts, repairs and verifies.

use std::{net::Ipv4Addr, path::PathBuf};

use crate::{
    addons,
    addresses::AddressPlan,
    audit,
    cgroups::Cgroups,
    cilium,
    control_plane::{self, ControlPlane},
    daemon::Daemons,
    error::{Error, Result},
    expose,
    images::{self, Images},
    kubectl::Kubectl,
    lock::Lock,
    machine,
    network::{HostRoutes, Network},
    node::{DaemonNames, Node},
    options::{Name, Options, PodNetwork},
    parts::{self, Parts},
    paths::{self, Paths},
    progress::Progress,
    state::State,
};

/// Port of the product's gateway on every node.
pub const GATEWAY_PORT: u16 = 30443;
/// The guichet, on every node.
pub const GUICHET_PORT: u16 = 30444;

/// An appliance that runs: what is needed to use it.
#[derive(Debug, Clone)]
pub struct Running {
    pub name: Name,
    /// The administrator's; mode 0600.
    pub kubeconfig: PathBuf,
    /// A program that must be called `kubectl`.
    pub kubectl: PathBuf,
    /// The first node; NodePorts (30000 to 32767) are reached here from this machine.
    pub node_address: Ipv4Addr,
    /// Every node, for who must go on when one is lost.
    pub node_addresses: Vec<Ipv4Addr>,
    /// Address of the machine that the gateway is published on by this `up`; none when it is on all.
    pub exposed: Option<Ipv4Addr>,
    /// Where the product's installer puts the authority of the gateway's certificate.
    pub gateway_ca: PathBuf,
    /// Folder that lasts as long as the appliance's data, for root alone.
    pub state: PathBuf,
    pub images: Images,
    pub parts: Parts,
}

/// Builds, starts, repairs or verifies: afterwards Kubernetes and the addons work.
pub async fn up(options: &Options, progress: &Progress) -> Result<Running> {
    machine::require_root()?;
    let _lock = Lock::take(&options.name)?;
    let paths = Paths::of(&options.name);
    machine::require_disk(&paths.state)?;
    let (parts, images) = build(options, progress).await?;
    machine::require_kernel().await?;

    let routes = HostRoutes::read().await?;
    let state = State::ensure(options, |plan| routes.require_free(&options.name, plan))?;
    let plan = state.plan();
    let network = Network::new(&options.name, &plan);
    let cgroups = Cgroups::of(&options.name)?;
    let daemons = Daemons::new(paths.clone(), cgroups.clone());
    let start = Start {
        name: &options.name,
        paths: &paths,
        plan: &plan,
        parts: &parts,
        images: &images,
        cgroups: &cgroups,
        daemons: &daemons,
        progress,
        pod_network: state.network(),
    };
    start.require_same_network()?;
    start.network(&network).await?;
    let kubectl = start.kubernetes().await?;
    addons::install(&kubectl, &paths, &plan, &parts, &images, progress).await?;
    audit::hand_over(&kubectl, &paths, &plan).await?;
    if let Some(address) = options.expose {
        expose::publish(address, &plan, &daemons).await?;
    }
    Ok(running(options, paths, &plan, images, parts))
}

/// Builds the parts and images that are not in the cache, and brings the images into the nodes of a
/// running appliance.
pub async fn images(options: &Options, progress: &Progress) -> Result<Images> {
    machine::require_root()?;
    let (parts, images) = build(options, progress).await?;
    let paths = Paths::of(&options.name);
    if let Some(state) = State::load(&options.name)? {
        for node in &state.plan().nodes {
            let socket = paths.containerd_socket(&node.name);
            if socket.exists() {
                images::import(&parts, &socket, &images).await?;
            }
        }
    }
    Ok(images)
}

/// How to reach an appliance that was brought up; lines for a shell's `eval`.
pub fn environment(options: &Options) -> Result<String> {
    let not_running = || Error::NotRunning {
        name: options.name.to_string(),
    };
    let paths = Paths::of(&options.name);
    let plan = State::load(&options.name)?.ok_or_else(not_running)?.plan();
    let daemons = Daemons::new(paths.clone(), Cgroups::of(&options.name)?);
    if !daemons.runs("cp-kube-apiserver")? {
        return Err(not_running());
    }
    let node = plan.nodes.first().ok_or_else(not_running)?;
    Ok(format!(
        "export KUBECONFIG={} DMP_GATEWAY=https://{}:{GATEWAY_PORT} DMP_GUICHET=https://{}:{GUICHET_PORT} DMP_CA={}",
        paths.kubeconfig().display(),
        node.address,
        node.address,
        paths.gateway_ca().display()
    ))
}

/// Debian's images are made while Go compiles: the one waits for the network, the other computes.
pub(crate) async fn build(options: &Options, progress: &Progress) -> Result<(Parts, Images)> {
    let go = machine::require_go().await?;
    let cache = paths::cache(options);
    machine::require_disk(&cache)?;
    machine::install_packages(progress).await?;
    let (parts, debian) = tokio::try_join!(
        parts::ensure(&cache, &go, progress),
        images::ensure_debian(&cache, progress),
    )?;
    let binaries = paths::binaries(options)?;
    let images = images::ensure(&cache, &parts, debian, &binaries, progress).await?;
    Ok((parts, images))
}

/// What the steps of starting share.
struct Start<'a> {
    name: &'a Name,
    paths: &'a Paths,
    plan: &'a AddressPlan,
    parts: &'a Parts,
    images: &'a Images,
    cgroups: &'a Cgroups,
    daemons: &'a Daemons,
    progress: &'a Progress,
    pod_network: PodNetwork,
}

impl Start<'_> {
    async fn network(&self, network: &Network<'_>) -> Result<()> {
        let step = self.progress.step("network");
        network.ensure().await?;
        step.done();
        Ok(())
    }

    fn nodes(&self) -> Vec<Node<'_>> {
        let node = |own| Node {
            name: self.name,
            paths: self.paths,
            plan: self.plan,
            parts: self.parts,
            own,
            network: self.pod_network,
        };
        self.plan.nodes.iter().map(node).collect()
    }

    fn require_same_network(&self) -> Result<()> {
        self.nodes()
            .iter()
            .try_for_each(|node| node.require_same_network(self.daemons))
    }

    async fn kubernetes(&self) -> Result<Kubectl> {
        let control_plane = ControlPlane {
            name: self.name,
            paths: self.paths,
            plan: self.plan,
            parts: self.parts,
        };
        let nodes = self.nodes();
        if !self.all_run(&control_plane::STOP_ORDER)? {
            control_plane.prepare()?;
        }
        for node in &nodes {
            if !self.all_run(&DaemonNames::of(&node.own.name).of_network(self.pod_network))? {
                node.prepare(&control_plane, self.cgroups)?;
            }
        }
        let kubectl = Kubectl::new(self.parts, self.paths);
        for node in &nodes {
            node.start_containerd(self.daemons, &self.images.pause.reference)
                .await?;
        }
        tokio::try_join!(self.import(&nodes), self.api(&control_plane, &nodes, &kubectl))?;
        Ok(kubectl)
    }

    /// Images are brought in while the API server starts.
    async fn import(&self, nodes: &[Node<'_>]) -> Result<()> {
        let step = self.progress.step("images");
        let mut imported = 0;
        for node in nodes {
            step.at(format!("importing into {}", node.own.name));
            imported += node.import(self.images).await?;
        }
        step.done_with(format!("{imported} imported"));
        Ok(())
    }

    async fn api(
        &self,
        control_plane: &ControlPlane<'_>,
        nodes: &[Node<'_>],
        kubectl: &Kubectl,
    ) -> Result<()> {
        let step = self.progress.step("Kubernetes");
        step.at("waiting for the API server");
        control_plane.start_api(self.daemons, kubectl).await?;
        for node in nodes {
            node.forget_readiness(self.cgroups, kubectl).await?;
        }
        control_plane.start_controllers(self.daemons).await?;
        if self.pod_network == PodNetwork::Cilium && !self.daemons.runs(cilium::OPERATOR)? {
            cilium::prepare_operator(control_plane)?;
            cilium::grant_access(kubectl).await?;
            self.daemons.ensure(&cilium::operator(control_plane)).await?;
        }
        for node in nodes {
            node.start(self.daemons, self.cgroups, kubectl).await?;
        }
        for node in nodes {
            step.at(format!("waiting for {}", node.own.name));
            node.wait_ready(self.daemons, kubectl).await?;
        }
        step.done();
        Ok(())
    }

    /// Files are written anew for programs that do not run; the others have read theirs.
    fn all_run(&self, daemons: &[&str]) -> Result<bool> {
        for daemon in daemons {
            if !self.daemons.runs(daemon)? {
                return Ok(false);
            }
        }
        Ok(true)
    }
}

fn running(options: &Options, paths: Paths, plan: &AddressPlan, images: Images, parts: Parts) -> Running {
    Running {
        name: options.name.clone(),
        kubeconfig: paths.kubeconfig(),
        kubectl: parts.kubernetes.program("kubectl"),
        node_address: plan.nodes.first().map_or(plan.host(), |node| node.address),
        node_addresses: plan.nodes.iter().map(|node| node.address).collect(),
        exposed: options
            .expose
            .map(|expose| *expose.0.ip())
            .filter(|address| !address.is_unspecified()),
        gateway_ca: paths.gateway_ca(),
        state: paths.state,
        images,
        parts,
    }
}
