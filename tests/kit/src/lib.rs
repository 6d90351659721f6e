//! Real parts for tests: PostgreSQL, OpenBao and a Kubernetes control plane as processes, a PKI, tokens, and a service behind mTLS.
//!
//! Everything listens on loopback only, lives in temporary folders and ends with the test process, even when that
//! is killed. Nothing is installed: a part that is missing is a failed test that names the package.
//! In a test kit a failed precondition panics; this crate is never linked into a product.

pub mod bao;
pub mod bodies;
mod certificate;
mod control_plane;
pub mod facts;
pub mod issuer;
#[cfg(feature = "kubernetes")]
pub mod kubernetes;
mod pki;
pub mod plaintext;
mod platform;
mod postgres;
pub mod process;
pub mod requests;
mod service;
mod tokens;

#[cfg(test)]
mod tests;

pub use bao::Bao;
pub use certificate::Issued;
pub use control_plane::{ControlPlane, part};
pub use issuer::Issuer;
pub use pki::{Certificate, Pki, Validity};
pub use platform::TestPlatform;
pub use postgres::Postgres;
pub use service::TestService;
pub use tokens::{Signer, Tokens};

/// The appliance's trust domain.
pub const DOMAIN: &str = "dmp.test";

/// Runs `future` to its end on a thread and a runtime of its own, so that what it starts belongs to no test's runtime.
fn block_on<T: Send + 'static>(future: impl Future<Output = T> + Send + 'static) -> T {
    let thread = std::thread::spawn(move || {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
        runtime.expect("a runtime").block_on(future)
    });
    match thread.join() {
        Ok(value) => value,
        Err(panic) => std::panic::resume_unwind(panic),
    }
}
