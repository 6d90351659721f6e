//! The operator beside its code: its admission policies, its rights, and itself against a real API server.

#![allow(clippy::unwrap_used)]

mod acts;
mod admission;
mod admission_access;
mod admission_classes;
mod admission_network;
mod admission_product;
mod admission_secrets;
mod admission_server;
mod admission_workloads;
mod assets;
mod catalogue;
mod control_plane;
mod facts;
mod handover;
mod homologation;
mod images;
mod incident;
mod installation;
mod interrupted;
mod key_custody;
mod kubelet;
mod kubernetes_audit;
mod lifecycle;
mod log_stores;
mod network;
mod node_clocks;
mod openbao;
mod opening;
mod parts;
mod placement;
mod policy_profile;
mod renewal;
mod revocation;
mod rights;
mod rights_server;
mod surveillance;
