//! A real Kubernetes on bare Debian, from package registries alone.
//!
//! This crate builds pinned Kubernetes parts from their Go modules, makes container images without
//! Docker, and runs a control plane and nodes in network namespaces of one machine, with names,
//! volumes and CloudNativePG. It knows nothing of what the product does: `dmpctl` installs that on the
//! [`Running`] appliance that [`up`] returns.
//!
//! Limits: one machine (several nodes, one control plane), root, Debian. A daemon that dies is started
//! by the next `up`, not before. Isolation between appliances is that of namespaces, for tests, not
//! for tenants.
//!
//! Where to look: `machine` (what is asked of the host) → `parts` → `images` → `network` →
//! `control_plane` → `node` → `addons`; `up` and `down` put them in order.

mod addons;
mod addresses;
mod audit;
mod cgroups;
mod cilium;
mod command;
mod control_plane;
mod daemon;
mod digest;
mod down;
mod error;
mod expose;
mod images;
mod kill;
mod kubectl;
mod lock;
mod machine;
mod network;
mod node;
mod options;
mod parts;
mod paths;
mod pki;
mod processes;
mod progress;
mod release;
mod shell;
mod state;
mod template;
mod up;

pub use addons::cloudnative_pg;
pub use command::ApplianceCommand;
pub use down::{clean, down};
pub use error::{Error, Result};
pub use images::{Image, Images};
pub use kill::kill_node;
pub use options::{Expose, Name, Options, PodNetwork};
pub use parts::{Part, Parts};
pub use processes::{container_process, control_plane_process};
pub use progress::{Progress, Step};
pub use release::{Release, release};
pub use up::{GATEWAY_PORT, GUICHET_PORT, Running, environment, images, up};
