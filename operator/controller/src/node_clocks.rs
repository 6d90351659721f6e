//! How far each node's clock is from the API server's.
//!
//! Every ten seconds a kubelet writes its own time into its Lease in `kube-node-lease`, and a watch brings it some milliseconds
//! later. The replica that leads listens for a while and keeps of each node the heartbeat that was least late; meanwhile it asks
//! the API server for its time until it knows by how much its own clock differs ([`measure`]). What is left is how far node and
//! API server are apart, up to the milliseconds on the way. [`run`] does so every ten minutes and leaves it for the evaluator
//! ([`dmp_api::node_clocks`]), which judges it by `DMP-LOG-05`. No pod is needed on the nodes, and no reconciliation measures.
//!
//! Not here: whether the API server's own clock is right. Which source it follows only its machine knows.

mod bounds;
mod measure;
mod run;

pub use measure::{Error, measure};
pub use run::{leave, run};
