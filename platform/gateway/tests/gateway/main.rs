//! The gateway with real TLS on loopback: its public listener, the operator's stream, the issuer and OpenBao are
//! real; the services behind it are small servers that answer what a test tells them and remember what they heard.
#![allow(clippy::unwrap_used)]

mod admission;
mod configuration;
mod est;
mod guichet;
mod input;
mod operator;
mod people;
mod process;
mod quotas;
mod realms;
mod refusals;
mod routes;
mod rules;
mod stream;
mod stub;
mod submission;
mod token_rules;
mod tokens;
mod watch;
mod world;
