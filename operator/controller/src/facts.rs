//! The facts stream: what every gateway must know fresh, from this replica's own watches, signed.
//!
//! Every replica serves it, leader or not: [`watch`] keeps an [`index::Index`] of the kinds by list and watch,
//! [`beat`] asks the API server every second whether it still answers and whether the watches keep up, [`publish`]
//! signs a line at every change and every second ([`reserve`] while OpenBao does not answer), [`shards`] are the credentials beside it,
//! [`stream`] hands both to the gateways (nobody else).
//!
//! `seq` is the highest resource version this replica has seen in a list, an event (deletions included) or a
//! bookmark of the watched kinds and of the operators' lease. The lease is renewed every 2 s, so replicas that hear
//! the API server are never far from each other, and a restarted one never falls behind what its predecessor said.

pub mod beat;
mod gate;
pub mod index;
mod lifted;
pub mod measure;
pub mod publish;
pub mod realm;
pub mod reserve;
pub mod shards;
pub mod stream;
pub mod watch;

#[cfg(test)]
mod tests;
